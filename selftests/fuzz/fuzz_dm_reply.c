/* SPDX-License-Identifier: MIT */
/* libFuzzer on dm/reply.c: whatever the kernel answers, nothing outside of the answer is
 * read, each walk ends, and what it gives are strings of the answer. */
#include "dm/concise.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);
void __asan_poison_memory_region(const volatile void *p, size_t bytes);
void __asan_unpoison_memory_region(const volatile void *p, size_t bytes);

static union {
	struct dm_ioctl io;
	char bytes[8192];
} answer;

static void require(bool truth)
{
	if (!truth)
		__builtin_trap();
}

static void require_string(const struct dm_reply *r, const char *s)
{
	const char *end = r->data + r->data_bytes;

	require(s >= r->data && s < end && str_nlen(s, (size_t)(end - s)) < (size_t)(end - s));
}

static void walk_names(const struct dm_reply *r)
{
	struct dm_name n;
	u32 pos = 0;
	u32 nr = 0;

	while (dm_next_name(r, &pos, &n) > 0) {
		require_string(r, n.name);
		if (n.uuid && *n.uuid)
			require_string(r, n.uuid);
		require(++nr <= r->data_bytes / 12);
	}
}

static void walk_targets(const struct dm_reply *r)
{
	struct dm_table same = { .used_bytes = 0 };
	static char text[4096];
	struct fmt_buf out = { .text = text, .size = sizeof(text) };
	struct dm_info info = { .name = "name" };
	struct dm_target line;
	bool is_same = true;
	u32 pos = 0;
	u32 nr = 0;

	while (dm_next_target(r, &pos, &line) > 0) {
		require_string(r, line.params);
		require(str_nlen(line.type, sizeof(line.type)) < sizeof(line.type));
		require(++nr <= r->data_bytes / 40);
		/* read as words they are a table of the same, but for blanks and escapes */
		is_same = is_same && !str_chr(line.params, '\\') &&
			  !dm_table_add_text(&same, line.start, line.len, line.type, line.params,
					     (u32)str_len(line.params), NULL);
	}
	(void)!dm_table_equal(&same, r);
	dm_table_free(&same);
	(void)!dm_concise_format(&out, &info, NULL, r);
}

static void walk_rest(const struct dm_reply *r, u8 which)
{
	struct dm_target_type type;
	u32 pos = 0;
	u32 nr = 0;
	u64 dev;

	if (which) {
		while (dm_next_dep(r, &pos, &dev) > 0)
			require(++nr <= r->data_bytes / 8);
		return;
	}
	while (dm_next_target_type(r, &pos, &type) > 0) {
		require_string(r, type.name);
		require(++nr <= r->data_bytes / 16);
	}
	if (dm_reply_text(r))
		require_string(r, dm_reply_text(r));
}

/* Two bytes of what to do, the rest is the answer from its target_count on: records alone
 * would leave out what the head says of them. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	const u32 head = sizeof(struct dm_ioctl);
	struct dm_reply r = { .io = NULL };
	struct dm_info info;
	u32 room;

	if (len < 8 || len > sizeof(answer) - head)
		return 0;
	memset(&answer.io, 0, head);
	answer.io.data_start = data[1] < 128 ? head : 300 + data[1];
	answer.io.target_count = data[2];
	answer.io.flags = DM_DATA_OUT_FLAG;
	room = head + (u32)len - 8;
	answer.io.data_size = data[3] < 128 ? room : room + data[3] - 200;
	memcpy(answer.bytes + head, data + 8, len - 8);
	__asan_poison_memory_region(answer.bytes + room, sizeof(answer) - room);
	if (dm_reply_take(&r, &answer.io, room) == 0) {
		dm_reply_info(&r, &info);
		if (data[0] % 4 == 0)
			walk_names(&r);
		else if (data[0] % 4 == 1)
			walk_targets(&r);
		else
			walk_rest(&r, data[0] & 1);
	}
	__asan_unpoison_memory_region(&answer, sizeof(answer));
	return 0;
}
