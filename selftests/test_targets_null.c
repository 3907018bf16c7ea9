/* SPDX-License-Identifier: MIT */
/* ublk/targets/null.c */
#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "selftests/opdriver.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/targets/targets.h"

static u8 mem[65536];

static void reads_zeroes(void)
{
	struct tgt_piece pieces[3] = {
		{ (u64)(uintptr_t)mem, 100 },
		{ (u64)(uintptr_t)mem + 200, 412 },
		{ (u64)(uintptr_t)mem + 1000, 512 },
	};
	struct opdriver d;

	opd_open(&d, tgt_types, "null:1T");
	EXPECT_EQ(opd_limits(&d)->size_bytes, 1ULL << 40);
	memset(mem, 0xee, sizeof(mem));
	EXPECT_EQ(opd_read(&d, (1ULL << 40) - 4096, mem, 4096), 4096);
	for (u32 i = 0; i < 4096; i++)
		ASSERT_EQ(mem[i], 0);
	EXPECT_EQ(mem[4096], 0xee);
	memset(mem, 0xee, sizeof(mem));
	EXPECT_EQ(opd_pieces(&d, TGT_READ, 512, 1024, pieces, 3), 1024);
	EXPECT_EQ(mem[99], 0);
	EXPECT_EQ(mem[100], 0xee);
	EXPECT_EQ(mem[200], 0);
	EXPECT_EQ(mem[611], 0);
	EXPECT_EQ(mem[612], 0xee);
	EXPECT_EQ(mem[1511], 0);
	EXPECT_EQ(mem[1512], 0xee);
	opd_close(&d);
}

static void forgets(void)
{
	struct opdriver d;

	opd_open(&d, tgt_types, "null:1M");
	memset(mem, 0x11, sizeof(mem));
	EXPECT_EQ(opd_write(&d, 0, mem, 65536, TGT_F_FUA), 65536);
	EXPECT_EQ(mem[77], 0x11);
	EXPECT_EQ(opd_read(&d, 0, mem, 512), 512);
	EXPECT_EQ(mem[77], 0);
	EXPECT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), 0);
	EXPECT_EQ(opd_simple(&d, TGT_DISCARD, 0, 1 << 20, 0), 0);
	EXPECT_EQ(opd_simple(&d, TGT_WRITE_ZEROES, 0, 1 << 20, TGT_F_NOUNMAP), 0);
	opd_close(&d);
}

static void nodata_moves_nothing(void)
{
	struct opdriver d;

	if (sys_geteuid())
		test_skip("needs root");
	opd_open(&d, tgt_types, "null:1M?nodata=1");
	memset(mem, 0xee, sizeof(mem));
	EXPECT_EQ(opd_read(&d, 0, mem, 4096), 4096);
	EXPECT_EQ(mem[0], 0xee);
	EXPECT_EQ(opd_write(&d, 0, mem, 4096, 0), 4096);
	EXPECT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), 0);
	EXPECT_EQ(opd_simple(&d, TGT_DISCARD, 0, 4096, 0), 0);
	opd_close(&d);
	opd_open(&d, tgt_types, "null:1M?nodata=0");
	EXPECT_EQ(opd_read(&d, 0, mem, 4096), 4096);
	EXPECT_EQ(mem[0], 0);
	opd_close(&d);
}

static void open_as_nobody(void *arg)
{
	struct tgt_tree tree;
	struct diag why;

	(void)arg;
	ASSERT_OK(sys_setresuid(65534, 65534, 65534));
	EXPECT_ERR(tgt_open(&tree, tgt_types, "null:1M?nodata=1", &why), -EPERM);
	EXPECT_STREQ(why.text, "target null: nodata=1 shows stale memory: for root only");
	EXPECT_EQ(tree.mem, NULL);
	EXPECT_OK(tgt_open(&tree, tgt_types, "null:1M?nodata=0", &why));
	tgt_close(&tree);
}

static void nodata_is_roots(void)
{
	if (sys_geteuid())
		test_skip("needs root, to become nobody");
	EXPECT_EQ(test_run_child(open_as_nobody, NULL), 0);
}

static const struct test_case cases[] = {
	TEST("null reads as zeroes, and only where it was asked", reads_zeroes),
	TEST("null takes everything and forgets it", forgets),
	TEST("nodata moves no byte", nodata_moves_nothing),
	TEST("nodata is refused to anybody but root", nodata_is_roots),
};
TEST_SUITE(targets_null, cases);
