/* SPDX-License-Identifier: MIT */
/* libFuzzer on dm/text.c, dm/format.c, dm/concise.c and dm/mangle.c: a text is a table that
 * the kernel would take, or one line that says why it is not; and what is written of a
 * table or a name is read as the same. */
#include "dm/concise.h"
#include "dm/node.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

static void require(bool truth)
{
	if (!truth)
		__builtin_trap();
}

static void check(const struct dm_table *t)
{
	struct dm_target line;
	u64 end = 0;
	u32 pos = 0;
	u32 nr = 0;

	while (dm_table_next(t, &pos, &line) > 0) {
		require(line.start == end && line.len);
		require(*line.type && str_len(line.type) < DM_MAX_TYPE_NAME);
		end = line.start + line.len;
		nr++;
	}
	require(nr == t->nr_targets && end == t->sectors);
}

/* Room for what grows at most fourfold, and numbers */
static char written[65536];

static void require_same(const struct dm_table *a, const struct dm_table *b)
{
	const size_t head = sizeof(struct dm_ioctl);

	require(a->used_bytes == b->used_bytes && a->nr_targets == b->nr_targets);
	require(!a->nr_targets || memcmp((char *)a->mem.addr + head, (char *)b->mem.addr + head,
					 a->used_bytes - head) == 0);
}

static void write(const struct dm_table *t, enum dm_text how)
{
	struct fmt_buf out = { .text = written, .size = sizeof(written) };
	struct dm_table back = { .used_bytes = 0 };
	struct diag why = { "" };

	if (dm_table_write(&out, t, how, &why)) {
		require(*why.text && how != DM_TEXT_KERNEL);
		return;
	}
	require(out.len < sizeof(written));
	if (how == DM_TEXT_KERNEL && t->nr_targets != 1)
		return;
	require(dm_table_parse(&back, written, out.len, how, &why) == 0);
	require_same(t, &back);
	dm_table_free(&back);
}

static void write_concise(const struct dm_concise *dev)
{
	struct fmt_buf out = { .text = written, .size = sizeof(written) };
	const char *at = written;
	struct dm_concise back;
	struct diag why = { "" };

	require(dm_concise_write(&out, dev, &why) == 0 && out.len < sizeof(written));
	require(dm_concise_next(&at, &back, &why) == 1 && !*at);
	require(str_eq(back.name, dev->name) && str_eq(back.uuid, dev->uuid));
	require(back.minor == dev->minor && back.flags == dev->flags);
	require_same(&back.table, &dev->table);
	dm_table_free(&back.table);
}

/* Several lines in the kernel's spelling are read as part of a device. */
static void write_device(const struct dm_table *t)
{
	const struct dm_concise dev = { .name = "x", .minor = DM_ANY_MINOR, .table = *t };

	if (t->nr_targets)
		write_concise(&dev);
}

static void parse(const char *text, size_t len, enum dm_text how)
{
	struct dm_table t = { .used_bytes = 0 };
	struct diag why = { "" };
	int err = dm_table_parse(&t, text, len, how, &why);

	require(err ? *why.text : !*why.text);
	check(&t);
	write(&t, DM_TEXT_DMSETUP);
	write(&t, DM_TEXT_QUOTED);
	write(&t, DM_TEXT_KERNEL);
	write_device(&t);
	dm_table_free(&t);
}

static void mangle(const char *name)
{
	static char mangled[4 * 4096];
	static char back[4 * 4096];

	require(dm_mangle(mangled, sizeof(mangled), name) < sizeof(mangled));
	require(dm_is_mangled(mangled));
	require(dm_unmangle(back, sizeof(back), mangled) == str_len(name) && str_eq(back, name));
	(void)!dm_unmangle(back, sizeof(back), name);
}

static void concise(const char *text)
{
	struct dm_concise dev;
	struct diag why = { "" };
	int more;

	while ((more = dm_concise_next(&text, &dev, &why)) > 0) {
		require(*dev.name && str_len(dev.name) < DM_NAME_LEN);
		require(str_len(dev.uuid) < DM_UUID_LEN);
		check(&dev.table);
		write_concise(&dev);
		dm_table_free(&dev.table);
	}
	require(more ? *why.text : !*why.text);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	static char text[4096];

	if (!len || len > sizeof(text))
		return 0;
	memcpy(text, data + 1, len - 1);
	text[len - 1] = '\0';
	switch (data[0] % 5) {
	case 0:
		parse(text, len - 1, DM_TEXT_DMSETUP);
		break;
	case 1:
		parse(text, len - 1, DM_TEXT_QUOTED);
		break;
	case 2:
		parse(text, len - 1, DM_TEXT_KERNEL);
		break;
	case 3:
		concise(text);
		break;
	case 4:
		mangle(text);
		break;
	}
	return 0;
}
