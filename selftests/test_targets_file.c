/* SPDX-License-Identifier: MIT */
/* ublk/targets/file.c: what it opens and refuses, sizes, windows, locks, holes. */
#include <asm/errno.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "selftests/harness/harness.h"
#include "selftests/opdriver.h"
#include "selftests/use_dir.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/node.h"
#include "ublk/targets/targets.h"

#define KIB (1ULL << 10)
#define MIB (1ULL << 20)

static u8 mem[65536] __attribute__((aligned(4096)));

static void make_file(const char *path, u64 bytes)
{
	int fd = sys_openat(AT_FDCWD, path, O_RDWR | O_CREAT, 0600);

	ASSERT_OK(fd);
	ASSERT_OK(sys_ftruncate(fd, bytes));
	(void)sys_close(fd);
}

static void write_all(const char *path, u64 bytes)
{
	int fd = sys_openat(AT_FDCWD, path, O_WRONLY, 0);

	ASSERT_OK(fd);
	memset(mem, 1, sizeof(mem));
	for (u64 at = 0; at < bytes; at += sizeof(mem))
		ASSERT_EQ(sys_pwrite64(fd, mem, sizeof(mem), at), sizeof(mem));
	(void)sys_close(fd);
}

static u64 file_bytes(const char *path)
{
	struct statx st;
	int err = sys_statx(AT_FDCWD, path, 0, STATX_SIZE, &st);

	return err == -ENOENT ? ~0ULL : err ? ~1ULL : st.stx_size;
}

/* "file:" and a name in the case's directory, with what comes after it */
static const char *spec_of(const char *name, const char *params)
{
	static char spec[256];
	char path[128];

	fmt_print(spec, sizeof(spec), "file:%s%s", use_dir_path(path, name), params);
	return spec;
}

static int open_spec(struct tgt_tree *tree, const char *name, const char *params, struct diag *why)
{
	why->text[0] = '\0';
	return tgt_open(tree, tgt_types, spec_of(name, params), why);
}

/* %D in a text is the directory */
static bool is_text(const char *text, const char *wanted)
{
	const struct use_dir *dir = test_fixture();
	const char *at = str_find(wanted, "%D");
	char whole[DIAG_TEXT_BYTES];

	if (at)
		fmt_print(whole, sizeof(whole), "%.*s%s%s", (int)(at - wanted), wanted, dir->path,
			  at + 2);
	return str_eq(text, at ? whole : wanted);
}

static void refuses(void)
{
	static const struct {
		const char *name;
		const char *params;
		int err;
		const char *text;
	} rows[] = {
		{ "none", "", -ENOENT, "target file: %D/none: not there (size= makes one)" },
		{ "none/none", "?size=1M", -ENOENT, "target file: %D/none/none: cannot be opened" },
		{ "", "", -EINVAL, "target file: %D/: neither a regular file nor a block device" },
		{ "empty", "", -EINVAL, "target file: %D/empty: 0 bytes: smaller than a block of 512" },
		{ "small", "", -EINVAL, "target file: %D/small: 511 bytes: smaller than a block of 512" },
		{ "disk", "?size=1M&ro=1", -EINVAL,
		  "target file: ro=1 makes no file longer: not with size=" },
		{ "disk", "?offset=2M", -EINVAL,
		  "target file: %D/disk: offset= and length= reach behind its end at 1048576" },
		{ "disk", "?offset=512K&length=1M", -EINVAL,
		  "target file: %D/disk: offset= and length= reach behind its end at 1048576" },
		{ "disk", "?offset=1M", -EINVAL,
		  "target file: %D/disk: 0 bytes: smaller than a block of 512" },
		{ "disk", "?offset=100", -EINVAL,
		  "target file: %D/disk: offset= and length=: not multiples of its blocks of 512" },
		{ "disk", "?length=1000", -EINVAL,
		  "target file: %D/disk: offset= and length=: not multiples of its blocks of 512" },
		{ "disk", "?lbs=1000", -EINVAL, "target file: %D/disk: lbs=, pbs=: powers of two" },
		{ "disk", "?pbs=513", -EINVAL, "target file: %D/disk: lbs=, pbs=: powers of two" },
		{ "disk", "?lbs=4K&pbs=512", -EINVAL,
		  "target file: %D/disk: pbs=512: smaller than the logical block of 4096" },
		{ "disk", "?direct=1&io=mapped", -EINVAL,
		  "target file: %D/disk: io=mapped goes by the page cache: direct=1 does not" },
		{ "disk", "?lbs=256", -ERANGE, NULL },
		{ "disk", "?sync=maybe", -EINVAL, NULL },
		{ "disk", "?colour=red", -EINVAL, NULL },
	};
	char path[128];

	make_file(use_dir_path(path, "disk"), MIB);
	make_file(use_dir_path(path, "empty"), 0);
	make_file(use_dir_path(path, "small"), 511);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tgt_tree tree;
		struct diag why;
		int err = open_spec(&tree, rows[i].name, rows[i].params, &why);

		test_row("%s%s: %s", rows[i].name, rows[i].params, why.text);
		EXPECT_ERR(err, rows[i].err);
		EXPECT_EQ(tree.mem, NULL);
		if (rows[i].text)
			EXPECT_TRUE(is_text(why.text, rows[i].text));
	}
	EXPECT_EQ(file_bytes(use_dir_path(path, "disk")), MIB);
}

static void refuses_without_a_path(void)
{
	static const char *const specs[] = { "file", "file:", "file?ro=1" };

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct tgt_tree tree;
		struct diag why;

		test_row("%s", specs[i]);
		EXPECT_ERR(tgt_open(&tree, tgt_types, specs[i], &why), -EINVAL);
		EXPECT_STREQ(why.text, "target file: a path is missing, as in :/var/disk.img");
	}
}

/* --- sizes ---------------------------------------------------------------------------------- */

static void has_size(const char *params, u64 bytes)
{
	struct tgt_tree tree;
	struct diag why;

	test_row("%s", params);
	if (open_spec(&tree, "disk", params, &why))
		test_fail("%s", why.text);
	EXPECT_EQ(tree.root->limits.size_bytes, bytes);
	tgt_close(&tree);
}

static void makes_files(void)
{
	char path[128];
	struct tgt_tree tree;
	struct diag why;

	use_dir_path(path, "disk");
	has_size("?size=64M", 64 * MIB);
	EXPECT_EQ(file_bytes(path), 64 * MIB);
	has_size("?size=64M", 64 * MIB);
	has_size("?size=1T", 1ULL << 40);
	EXPECT_EQ(file_bytes(path), 1ULL << 40);
	has_size("", 1ULL << 40);
	/* size= is the least, length= is what is served */
	has_size("?size=64M", 1ULL << 40);
	has_size("?size=64M&length=64M", 64 * MIB);
	EXPECT_EQ(file_bytes(path), 1ULL << 40);
	ASSERT_OK(open_spec(&tree, "disk", "?size=64M", &why));
	EXPECT_STREQ(tree.root->notice, "size=: it has 1099511627776 bytes already and is not cut short");
	tgt_close(&tree);
	/* what cannot be served is not made, nor made longer */
	EXPECT_LT(open_spec(&tree, "new", "?size=1M&offset=2M", &why), 0);
	EXPECT_EQ(file_bytes(use_dir_path(path, "new")), ~0ULL);
	EXPECT_LT(open_spec(&tree, "disk", "?size=2T&pbs=513", &why), 0);
	EXPECT_EQ(file_bytes(use_dir_path(path, "disk")), 1ULL << 40);
}

static void has_windows(void)
{
	char path[128];

	make_file(use_dir_path(path, "disk"), MIB + 1000);
	has_size("", MIB + 512);
	has_size("?lbs=4K", MIB);
	has_size("?offset=1M", 512);
	has_size("?offset=4K", MIB + 512 - 4096);
	has_size("?offset=4K&length=8K", 8192);
	has_size("?length=4K&lbs=4K&ro=1", 4096);
}

static void has_limits(void)
{
	char path[128];
	struct tgt_tree tree;
	struct diag why;

	make_file(use_dir_path(path, "disk"), MIB);
	ASSERT_OK(open_spec(&tree, "disk", "?lbs=1K&pbs=8K", &why));
	EXPECT_EQ(tree.root->limits.logical_shift, 10);
	EXPECT_EQ(tree.root->limits.physical_shift, 13);
	EXPECT_GT(tree.root->limits.max_write_zeroes_bytes, 0);
	EXPECT_EQ(tree.root->limits.attrs & UBLK_ATTR_READ_ONLY, 0);
	tgt_close(&tree);
	ASSERT_OK(open_spec(&tree, "disk", "?ro=1", &why));
	EXPECT_EQ(tree.root->limits.logical_shift, 9);
	EXPECT_EQ(tree.root->limits.physical_shift, 12);
	EXPECT_EQ(tree.root->limits.max_discard_bytes, 0);
	EXPECT_EQ(tree.root->limits.max_write_zeroes_bytes, 0);
	EXPECT_EQ(tree.root->limits.attrs & UBLK_ATTR_READ_ONLY, UBLK_ATTR_READ_ONLY);
	tgt_close(&tree);
}

static void only_reads(void)
{
	static const char *const params[] = { "?ro=1", "?ro=1&io=mapped", "?ro=1&io=calls" };
	struct opdriver d;
	char path[128];

	make_file(use_dir_path(path, "disk"), MIB);
	for (u32 i = 0; i < ARRAY_SIZE(params); i++) {
		opd_open(&d, tgt_types, spec_of("disk", params[i]));
		EXPECT_EQ(opd_read(&d, 4096, mem, 4096), 4096);
		EXPECT_EQ(opd_write(&d, 4096, mem, 4096, 0), -EROFS);
		EXPECT_EQ(opd_simple(&d, TGT_DISCARD, 0, 4096, 0), -EROFS);
		EXPECT_EQ(opd_simple(&d, TGT_WRITE_ZEROES, 0, 4096, 0), -EROFS);
		EXPECT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), 0);
		EXPECT_EQ(opd_simple(&d, TGT_ZONE_RESET, 0, 4096, 0), -EOPNOTSUPP);
		opd_close(&d);
	}
}

static void is_resized(void)
{
	static const char *const params[] = { "", "?io=mapped", "?io=calls", "?offset=4K" };
	char path[128];
	struct opdriver d;
	struct diag why;

	use_dir_path(path, "disk");
	for (u32 i = 0; i < ARRAY_SIZE(params); i++) {
		u64 offset = i == 3 ? 4096 : 0;
		u64 huge = 4ULL << 30; /* beyond what was mapped */

		test_row("%s", params[i]);
		make_file(path, MIB);
		opd_open(&d, tgt_types, spec_of("disk", params[i]));
		memset(mem, 3, sizeof(mem));
		ASSERT_OK(tgt_resize(d.tree, 2 * MIB, &why));
		EXPECT_EQ(file_bytes(path), 2 * MIB + offset);
		EXPECT_EQ(opd_limits(&d)->size_bytes, 2 * MIB);
		EXPECT_EQ(opd_write(&d, 2 * MIB - 4096, mem, 4096, 0), 4096);
		ASSERT_OK(tgt_resize(d.tree, huge, &why));
		EXPECT_EQ(opd_write(&d, huge - 4096, mem, 4096, 0), 4096);
		EXPECT_EQ(opd_read(&d, huge - 4096, mem, 4096), 4096);
		EXPECT_EQ(mem[4095], 3);
		ASSERT_OK(tgt_resize(d.tree, MIB, &why));
		EXPECT_EQ(file_bytes(path), MIB + offset);
		EXPECT_ERR(tgt_resize(d.tree, 1000, &why), -EINVAL);
		/* another hand */
		make_file(path, 3 * MIB + offset + 100);
		EXPECT_EQ(opd_limits(&d)->size_bytes, MIB);
		ASSERT_OK(tgt_refresh(d.tree, &why));
		EXPECT_EQ(opd_limits(&d)->size_bytes, 3 * MIB);
		EXPECT_EQ(opd_write(&d, 3 * MIB - 4096, mem, 4096, 0), 4096);
		EXPECT_ERR(tgt_message(d.tree, "file", "hello", NULL, &why), -ENOENT);
		opd_close(&d);
	}
	opd_open(&d, tgt_types, spec_of("disk", "?length=1M"));
	EXPECT_ERR(tgt_resize(d.tree, 2 * MIB, &why), -EOPNOTSUPP);
	EXPECT_STREQ(why.text, "its length= was given");
	opd_close(&d);
	opd_open(&d, tgt_types, spec_of("disk", "?ro=1"));
	EXPECT_ERR(tgt_resize(d.tree, 8 * MIB, &why), -EROFS);
	EXPECT_STREQ(why.text, "it was opened with ro=1");
	opd_close(&d);
}

/* What it was made with opens it as it is now */
static void opens_again(void)
{
	static const char *const params[] = { "?size=1M", "?size=1M&offset=4K&io=calls" };
	char path[128];

	use_dir_path(path, "disk");
	for (u32 i = 0; i < ARRAY_SIZE(params); i++) {
		char text[512];
		struct fmt_buf spec = { .text = text, .size = sizeof(text) };
		u64 offset = i ? 4096 : 0;
		struct tgt_tree tree;
		struct diag why;

		test_row("%s", params[i]);
		(void)sys_unlinkat(AT_FDCWD, path, 0);
		ASSERT_OK(open_spec(&tree, "disk", params[i], &why));
		EXPECT_STREQ(tree.root->notice, "");
		ASSERT_OK(tgt_resize(&tree, 2 * MIB, &why));
		ASSERT_OK(tgt_spec_print(&tree, &spec));
		tgt_close(&tree);
		if (tgt_open(&tree, tgt_types, text, &why))
			test_fail("%s: %s", text, why.text);
		EXPECT_EQ(tree.root->limits.size_bytes, 2 * MIB);
		EXPECT_EQ(file_bytes(path), 2 * MIB + offset);
		/* smaller than that it becomes while it is served, and no longer */
		ASSERT_OK(tgt_resize(&tree, MIB / 2, &why));
		tgt_close(&tree);
		ASSERT_OK(tgt_open(&tree, tgt_types, text, &why));
		EXPECT_EQ(tree.root->limits.size_bytes, MIB - offset);
		tgt_close(&tree);
	}
}

static void finds_holes(void)
{
	struct opdriver d;

	opd_open(&d, tgt_types, spec_of("disk", "?size=16M&offset=64K"));
	memset(mem, 1, sizeof(mem));
	ASSERT_EQ(opd_write(&d, 4 * MIB, mem, 65536, TGT_F_FUA), 65536);
	ASSERT_EQ(opd_write(&d, 8 * MIB + 512, mem, 512, TGT_F_FUA), 512);
	EXPECT_EQ(tgt_seek(d.tree, 0, true), 0);
	EXPECT_EQ(tgt_seek(d.tree, 0, false), 4 * MIB);
	EXPECT_EQ(tgt_seek(d.tree, 4 * MIB + 512, false), 4 * MIB + 512);
	EXPECT_EQ(tgt_seek(d.tree, 4 * MIB, true), 4 * MIB + 65536);
	EXPECT_LE(tgt_seek(d.tree, 5 * MIB, false), 8 * MIB + 512);
	EXPECT_GT(tgt_seek(d.tree, 5 * MIB, false), 8 * MIB - 65536);
	EXPECT_EQ(tgt_seek(d.tree, 9 * MIB, false), 16 * MIB - 65536);
	EXPECT_EQ(tgt_seek(d.tree, 9 * MIB, true), 9 * MIB);
	EXPECT_EQ(tgt_seek(d.tree, 20 * MIB, true), 16 * MIB - 65536);
	ASSERT_EQ(opd_simple(&d, TGT_DISCARD, 4 * MIB, 65536, 0), 0);
	EXPECT_GT(tgt_seek(d.tree, 0, false), 8 * MIB - 65536);
	opd_close(&d);
}

/* Where the file has its own holes of 4K, at any place of the disk's blocks */
static void punch(const char *path, u64 at, u64 len)
{
	int fd = sys_openat(AT_FDCWD, path, O_RDWR, 0);

	ASSERT_OK(fd);
	if (sys_fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, len))
		test_skip("no holes in /tmp");
	(void)sys_close(fd);
}

/* Every block by what a read of the file finds there */
static void agrees(const struct tgt_tree *tree, const char *path, u64 offset, u64 block)
{
	u64 size = tree->root->limits.size_bytes;
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	u32 nr_holes = 0;

	ASSERT_OK(fd);
	for (u64 at = 0; at < size; at += block) {
		s64 hole = tgt_seek(tree, at, true);
		s64 data = tgt_seek(tree, at, false);
		long got = sys_pread64(fd, mem, block, offset + at);
		bool is_zero = got == (long)block;

		for (u64 i = 0; is_zero && i < block; i++)
			is_zero = !mem[i];
		test_row("block %llu at %llu: hole %lld, data %lld", block, at, hole, data);
		EXPECT_EQ(hole == (s64)at, is_zero);
		EXPECT_EQ(data == (s64)at, !is_zero);
		EXPECT_EQ(tgt_seek(tree, at + block / 2, true) == (s64)(at + block / 2), is_zero);
		EXPECT_EQ((hole | data) & (s64)(block - 1), 0);
		nr_holes += is_zero;
	}
	EXPECT_GT(nr_holes, 0);
	(void)sys_close(fd);
}

static void finds_holes_of_blocks(void)
{
	static const struct {
		const char *params;
		u64 offset;
		u64 block;
	} rows[] = {
		{ "?lbs=8K", 0, 8 * KIB },
		{ "?lbs=64K", 0, 64 * KIB },
		{ "?lbs=64K&offset=64K", 64 * KIB, 64 * KIB },
		{ "?lbs=8K&offset=8K", 8 * KIB, 8 * KIB },
		{ "", 0, 512 },
	};
	/* smaller than a block, as large but unaligned, a block and a bit, many, at the end */
	static const u64 holes[][2] = {
		{ 0, 4 }, { 12, 4 }, { 20, 8 }, { 64, 60 }, { 132, 64 }, { 256, 64 }, { 324, 4 },
		{ 332, 8 }, { 388, 184 }, { 640, 128 }, { 1020, 4 },
	};
	char path[128];

	use_dir_path(path, "disk");
	make_file(path, 0);
	make_file(path, MIB);
	write_all(path, MIB);
	for (u32 i = 0; i < ARRAY_SIZE(holes); i++)
		punch(path, holes[i][0] * KIB, holes[i][1] * KIB);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tgt_tree tree;
		struct diag why;

		ASSERT_OK(open_spec(&tree, "disk", rows[i].params, &why));
		agrees(&tree, path, rows[i].offset, rows[i].block);
		/* another hand: what is not there any more reads as no zeroes */
		make_file(path, 704 * KIB);
		agrees(&tree, path, rows[i].offset, rows[i].block);
		make_file(path, MIB);
		tgt_close(&tree);
	}
}

/* --- locks ----------------------------------------------------------------------------------- */

struct attempt {
	const char *name;
	const char *params;
	const char *text; /* why it is refused, or NULL */
};

static void try_again(void *arg)
{
	const struct attempt *a = arg;
	struct tgt_tree tree;
	struct diag why;
	int err = open_spec(&tree, a->name, a->params, &why);

	test_row("%s%s: %s", a->name, a->params, why.text);
	if (!a->text) {
		ASSERT_OK(err);
		tgt_close(&tree);
		return;
	}
	ASSERT_ERR(err, -EBUSY);
	EXPECT_TRUE(str_find(why.text, a->text));
}

static void second(const char *params, const char *text)
{
	struct attempt a = { "disk", params, text };

	ASSERT_EQ(test_run_child(try_again, &a), 0);
}

static void is_locked(void)
{
	struct tgt_tree tree;
	struct diag why;
	char text[64];
	char path[128];

	make_file(use_dir_path(path, "disk"), MIB);
	ASSERT_OK(open_spec(&tree, "disk", "", &why));
	fmt_print(text, sizeof(text), "/disk: locked by process %d (", (int)sys_getpid());
	second("", text);
	second("?ro=1", text);
	second("?offset=512K", text);
	second("?lock=0", NULL);
	tgt_close(&tree);
	second("", NULL);

	ASSERT_OK(open_spec(&tree, "disk", "?lock=0", &why));
	second("", NULL);
	tgt_close(&tree);

	ASSERT_OK(open_spec(&tree, "disk", "?ro=1", &why));
	second("?ro=1", NULL);
	second("", text);
	tgt_close(&tree);

	/* A part for each: only what overlaps is refused. */
	ASSERT_OK(open_spec(&tree, "disk", "?offset=64K&length=64K", &why));
	second("?length=64K", NULL);
	second("?offset=128K", NULL);
	second("?length=68K", text);
	second("?offset=124K&length=4K", text);
	second("", text);
	tgt_close(&tree);
	/* it is not made, or made longer, before it is locked */
	ASSERT_OK(open_spec(&tree, "disk", "", &why));
	second("?size=2M", text);
	EXPECT_EQ(file_bytes(path), MIB);
	tgt_close(&tree);
}

static void hold_the_other(void *arg)
{
	char text[64];
	struct attempt a = { "b/disk", "", text };
	struct tgt_tree tree;
	struct diag why;

	(void)arg;
	ASSERT_OK(open_spec(&tree, "b/disk", "", &why));
	fmt_print(text, sizeof(text), "locked by process %d (", (int)sys_getpid());
	ASSERT_EQ(test_run_child(try_again, &a), 0);
	tgt_close(&tree);
}

/* Of two files with one number it is not the first in /proc that is meant */
static void names_the_right_one(void)
{
	struct tgt_tree tree;
	struct statx a;
	struct statx b;
	struct diag why;
	char path[128];

	use_dir_mount("a", "size=4M");
	use_dir_mount("b", "size=4M");
	make_file(use_dir_path(path, "a/disk"), MIB);
	ASSERT_OK(sys_statx(AT_FDCWD, path, 0, STATX_INO, &a));
	make_file(use_dir_path(path, "b/disk"), MIB);
	ASSERT_OK(sys_statx(AT_FDCWD, path, 0, STATX_INO, &b));
	if (a.stx_ino != b.stx_ino)
		test_skip("the numbers of two tmpfs differ");
	ASSERT_OK(open_spec(&tree, "a/disk", "", &why));
	ASSERT_EQ(test_run_child(hold_the_other, NULL), 0);
	tgt_close(&tree);
}

/* Another server opens what this one has, with its lock: at no time has a third one a chance */
static void is_handed_over(void)
{
	struct tgt_tree old;
	struct tgt_tree new;
	struct diag why;
	s32 fds[TGT_MAX_NODES];
	char text[64];
	char path[128];
	char other[128];
	u32 nr;

	make_file(use_dir_path(path, "disk"), MIB);
	ASSERT_OK(open_spec(&old, "disk", "", &why));
	nr = tgt_hand_over(&old, fds);
	ASSERT_EQ(nr, 1);
	ASSERT_OK(fds[0]);
	fds[0] = sys_fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
	/* what does not fit is not taken, and nothing is lost by it */
	EXPECT_ERR(tgt_open_handed(&new, tgt_types, spec_of("disk", "?ro=1"), fds, nr, &why), -EPROTO);
	ASSERT_OK(sys_renameat2(AT_FDCWD, path, AT_FDCWD, use_dir_path(other, "away"), 0));
	make_file(path, MIB);
	EXPECT_ERR(tgt_open_handed(&new, tgt_types, spec_of("disk", ""), fds, nr, &why), -ESTALE);
	EXPECT_TRUE(str_find(why.text, "another file"));
	ASSERT_OK(sys_renameat2(AT_FDCWD, other, AT_FDCWD, path, 0));
	EXPECT_OK(fds[0]);

	ASSERT_OK(tgt_open_handed(&new, tgt_types, spec_of("disk", ""), fds, nr, &why));
	EXPECT_EQ(fds[0], -1);
	ASSERT_OK(tgt_resume(&new, &why));
	fmt_print(text, sizeof(text), "locked by process %d (", (int)sys_getpid());
	second("", text);
	tgt_close(&old);
	second("", text);
	tgt_close(&new);
	second("", NULL);
}

/* So that no disk is served from a file on itself */
static void tells_what_it_is_on(void)
{
	struct tgt_tree tree;
	struct statx st;
	struct diag why;
	char path[128];
	u32 dev;

	make_file(use_dir_path(path, "disk"), MIB);
	ASSERT_OK(sys_statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &st));
	dev = node_dev(st.stx_dev_major, st.stx_dev_minor);
	ASSERT_OK(open_spec(&tree, "disk", "", &why));
	EXPECT_TRUE(tgt_is_on(&tree, dev));
	EXPECT_TRUE(!tgt_is_on(&tree, dev + 1));
	EXPECT_TRUE(!tgt_is_on(&tree, 0));
	tgt_close(&tree);
	ASSERT_OK(tgt_open(&tree, tgt_types, "ram:1M", &why));
	EXPECT_TRUE(!tgt_is_on(&tree, dev));
	tgt_close(&tree);
}

static void leaves_nothing(void)
{
	int before = sys_openat(AT_FDCWD, "/", O_RDONLY, 0);
	struct opdriver d;
	struct diag why;

	for (int i = 0; i < 100; i++) {
		struct tgt_tree tree;

		opd_open(&d, tgt_types, spec_of("disk", "?size=1G"));
		opd_close(&d);
		EXPECT_LT(open_spec(&tree, "disk", "?offset=1", &why), 0);
		EXPECT_LT(open_spec(&tree, "disk", "?size=1M&lbs=1000", &why), 0);
	}
	EXPECT_EQ(sys_openat(AT_FDCWD, "/", O_RDONLY, 0), before + 1);
}

#define IN_DIR .fixture = &use_dir_fixture

static const struct test_case cases[] = {
	TEST("what cannot be served is refused with the reason", refuses, IN_DIR),
	TEST("a path there must be", refuses_without_a_path),
	TEST("size= makes a file and makes it longer, and leaves none that is not served", makes_files,
	     IN_DIR),
	TEST("a window, and what does not fill a block at the end", has_windows, IN_DIR),
	TEST("blocks are as asked for, and a disk to read from offers no more", has_limits, IN_DIR),
	TEST("a file that is read only stays as it is", only_reads, IN_DIR),
	TEST("it is resized, by us and by another hand", is_resized, IN_DIR),
	TEST("once resized, it opens by the same spec", opens_again, IN_DIR),
	TEST("data and holes are found", finds_holes, IN_DIR),
	TEST("a block is a hole when all of it is", finds_holes_of_blocks, IN_DIR),
	TEST("a second server is refused, and told whose it is", is_locked, IN_DIR),
	TEST("who has a lock is found by file system and number", names_the_right_one, IN_DIR),
	TEST("another server takes a file over with its lock, if it is that file", is_handed_over,
	     IN_DIR),
	TEST("it tells which disk it is on", tells_what_it_is_on, IN_DIR),
	TEST("100 disks come and go and leave no file open", leaves_nothing, IN_DIR),
};
TEST_SUITE(targets_file, cases);
