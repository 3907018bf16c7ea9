/* SPDX-License-Identifier: MIT */
/* libFuzzer on tools/text/decl.c and dm_reason.c: a text is devices with tables that the
 * kernel would take, or one line that says why not. */
#include "tools/text/decl.h"
#include "tools/text/dm_reason.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

static void require(bool truth)
{
	if (!truth)
		__builtin_trap();
}

static bool find(void *arg, const char *word, u64 *dev)
{
	u32 *nr = arg;

	require(*word);
	*dev = dm_dev(4095, 1048575);
	return ++*nr % 2;
}

/* The line as the kernel would show it */
static void check_shown(const struct dm_target *line)
{
	static struct {
		struct dm_ioctl io;
		struct dm_target_spec spec;
		char params[65536];
	} answer;
	struct dm_table again = { .used_bytes = 0 };
	struct dm_reply r = { .io = NULL };
	u32 bytes = (u32)str_len(line->params) + 1;

	answer.io = (struct dm_ioctl){ .data_start = sizeof(answer.io), .target_count = 1 };
	answer.io.data_size = (u32)(sizeof(answer.io) + sizeof(answer.spec)) + bytes;
	answer.spec = (struct dm_target_spec){ .length = 1, .target_type = "x" };
	answer.spec.next = (u32)sizeof(answer.spec) + bytes;
	memcpy(answer.params, line->params, bytes);
	require(!dm_reply_take(&r, &answer.io, sizeof(answer)));
	require(!decl_as_shown(&again, &r) && again.nr_targets == 1);
	dm_table_free(&again);
}

static void check_table(const struct dm_table *from)
{
	struct dm_table to = { .used_bytes = 0 };
	struct dm_target line;
	u32 nr = 0;
	u32 pos = 0;

	require(!decl_resolve(&to, from, find, &nr));
	require(to.nr_targets == from->nr_targets && to.sectors == from->sectors);
	while (dm_table_next(&to, &pos, &line) > 0)
		check_shown(&line);
	dm_table_free(&to);
}

static void parse(const char *text)
{
	struct decl d = { .at = text, .line = 1 };
	struct decl_device dev;
	struct diag why = { "" };
	const char *end = text + str_len(text);
	int more;

	while ((more = decl_next(&d, &dev, &why)) > 0) {
		require(*dev.name && d.at <= end && dev.line < d.line && !*why.text);
		require(dev.is_absent == !dev.table.nr_targets);
		check_table(&dev.table);
		dm_table_free(&dev.table);
	}
	require(more ? *why.text : !*d.at);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	static char text[4096];
	char room[64] = "";
	struct fmt_buf out = { .text = room, .size = sizeof(room) };

	if (!len || len > sizeof(text))
		return 0;
	memcpy(text, data, len - 1);
	text[len - 1] = '\0';
	dm_reason_add(&out, text, "254:0");
	dm_reason_add(&out, text, NULL);
	require(str_len(room) < sizeof(room));
	parse(text);
	return 0;
}
