/* SPDX-License-Identifier: MIT */
/* tools/text/disk.c: disks that are in order, and disks of somebody who means harm */
#include "selftests/harness/harness.h"
#include "tools/text/disk.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/pages.h"

struct rig {
	struct pages mem;
	u8 *at;
};

static void setup(void)
{
	struct rig *rig = test_fixture();

	ASSERT_OK(pages_map(&rig->mem, DISK_BYTES));
	rig->at = rig->mem.addr;
}

static const struct test_fixture fixture = { .size_bytes = sizeof(struct rig), .setup = setup };

static u8 *disk(void)
{
	struct rig *rig = test_fixture();

	return rig->at;
}

static void put(u32 at, u64 value, u32 bytes)
{
	for (u32 i = 0; i < bytes; i++)
		disk()[at + i] = (u8)(value >> 8 * i);
}

static void put_gpt(u32 sector, u64 table, u32 nr, u32 bytes)
{
	memcpy(disk() + sector, "EFI PART", 8);
	put(sector + 72, table, 8);
	put(sector + 80, nr, 4);
	put(sector + 84, bytes, 4);
}

static void put_part(u32 at)
{
	for (u32 i = 0; i < 16; i++) {
		disk()[at + i] = (u8)(0xf0 + i);
		disk()[at + 16 + i] = (u8)(0x11 * i);
	}
}

static void put_mbr(void)
{
	put(510, 0xaa55, 2);
	put(440, 0x0eadbeef, 4);
}

static void reads_gpt(void)
{
	char uuid[37] = "";

	put_gpt(512, 2, 128, 128);
	put_part(1024);
	put_part(1024 + 2 * 128);
	/* it only protects the other */
	put_mbr();
	ASSERT_TRUE(disk_partuuid(disk(), 1, uuid));
	EXPECT_STREQ(uuid, "33221100-5544-7766-8899-aabbccddeeff");
	memset(uuid, 0, sizeof(uuid));
	ASSERT_TRUE(disk_partuuid(disk(), 3, uuid));
	EXPECT_STREQ(uuid, "33221100-5544-7766-8899-aabbccddeeff");
	ASSERT_TRUE(disk_partuuid(disk(), 2, uuid));
	EXPECT_STREQ(uuid, "00000000-0000-0000-0000-000000000000");
}

static void reads_large_sectors(void)
{
	char uuid[37] = "";

	put_gpt(4096, 2, 4, 256);
	put_part(8192 + 256);
	ASSERT_TRUE(disk_partuuid(disk(), 2, uuid));
	EXPECT_STREQ(uuid, "33221100-5544-7766-8899-aabbccddeeff");
}

/* Numbers that lead out of the memory, or nowhere: what is found there is not known, nor
 * whether, but it is a uuid */
static void survives_gpt(void)
{
	static const struct {
		u64 table;
		u32 bytes;
	} rows[] = {
		{ ~0ULL, 128 }, { 1ULL << 55, 128 }, { 2, ~0U }, { 2, 127 }, { 2, 0 }, { 136, 128 },
		{ 135, 128 }, { 0, DISK_BYTES }, { DISK_BYTES, 128 }, { 135, 480 }, { 135, 481 },
	};

	memset(disk(), 0xa5, DISK_BYTES);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("row %u", i);
		put_gpt(512, rows[i].table, ~0U, rows[i].bytes);
		for (u32 nr = 0; nr < 4096; nr++) {
			char uuid[37] = "";

			if (disk_partuuid(disk(), nr, uuid))
				ASSERT_EQ(str_len(uuid), 36);
			if (disk_partuuid(disk(), ~nr, uuid))
				ASSERT_EQ(str_len(uuid), 36);
		}
	}
}

static void stays_inside(void)
{
	char uuid[37];

	/* the last whole entry begins 32 bytes in front of the end */
	put_gpt(512, 135, 128, 480);
	EXPECT_TRUE(disk_partuuid(disk(), 2, uuid));
	put_gpt(512, 135, 128, 481);
	EXPECT_TRUE(!disk_partuuid(disk(), 2, uuid));
	put_gpt(512, 136, 128, 128);
	EXPECT_TRUE(!disk_partuuid(disk(), 1, uuid));
	put_gpt(512, ~0ULL, 128, 128);
	EXPECT_TRUE(!disk_partuuid(disk(), 1, uuid));
}

static void reads_mbr(void)
{
	char uuid[37] = "";

	EXPECT_TRUE(!disk_partuuid(disk(), 1, uuid));
	put_mbr();
	ASSERT_TRUE(disk_partuuid(disk(), 1, uuid));
	EXPECT_STREQ(uuid, "0eadbeef-01");
	ASSERT_TRUE(disk_partuuid(disk(), 255, uuid));
	EXPECT_STREQ(uuid, "0eadbeef-ff");
}

#define DISK_TEST(name, run) TEST(name, run, .fixture = &fixture)

static const struct test_case cases[] = {
	DISK_TEST("a GPT's partitions have their uuids", reads_gpt),
	DISK_TEST("a GPT on sectors of 4096 is found", reads_large_sectors),
	DISK_TEST("a GPT that leads anywhere leads nowhere", survives_gpt),
	DISK_TEST("no entry is read that ends behind the memory at hand", stays_inside),
	DISK_TEST("an MBR's partitions have its number and theirs", reads_mbr),
};
TEST_SUITE(text_disk, cases);
