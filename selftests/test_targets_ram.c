/* SPDX-License-Identifier: MIT */
/* ublk/targets/ram.c: bytes, space, limits. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/resource.h>
#include <linux/stat.h>

#include "selftests/harness/harness.h"
#include "selftests/judge.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/targets/ram.h"
#include "ublk/targets/targets.h"

#define SIGXFSZ_BIT (1ULL << 24)
#define MIB (1ULL << 20)

static u8 mem[1 << 20];

struct shape {
	const char *spec;
	u64 size_bytes;
	u32 max_blocks;
	u32 max_pieces;
	u32 nr_ops;
};

static void exact(const struct shape *s, u64 seed)
{
	const struct oracle_mix mix = {
		.read = 6, .write = 6, .flush = 1, .discard = 2, .zero = 2,
		.max_blocks = s->max_blocks, .fua_of_16 = 2,
	};
	struct diag why = { .text = "" };
	u64 random = seed;
	struct opdriver d;
	struct oracle o;
	struct judge j;

	test_row("%s, seed %llu", s->spec, seed);
	opd_open(&d, tgt_types, s->spec);
	ASSERT_EQ(opd_limits(&d)->size_bytes, s->size_bytes);
	ASSERT_OK(oracle_init(&o, s->size_bytes, 512, seed));
	judge_init(&j, &d, &o, s->max_blocks * 512, s->max_pieces, seed);
	for (u32 i = 0; i < s->nr_ops; i++) {
		struct oracle_op op;

		oracle_pick(&o, &random, &mix, 0, s->size_bytes, &op);
		if (judge_op(&j, &op, &why))
			test_fail("operation %u: %s", i, why.text);
	}
	if (judge_all(&j, &why))
		test_fail("at the end: %s", why.text);
	EXPECT_EQ(d.nr_were_pending, 0);
	judge_exit(&j);
	oracle_exit(&o);
	opd_close(&d);
}

static void is_exact(void)
{
	static const struct shape shapes[] = {
		{ "ram:1s", 512, 1, 16, 2000 },
		{ "ram:7s", 7 * 512, 7, 16, 2000 },
		{ "ram:9s", 9 * 512, 9, 16, 3000 },
		{ "ram:1001s", 1001 * 512, 40, 16, 8000 },
		{ "ram:256K", 256 << 10, 16, 1, 8000 },
		{ "ram:3M", 3 << 20, 2048, 16, 1500 },
		{ "ram:300001s", 300001 * 512, 4096, 3, 600 },
	};
	u64 seed;

	ASSERT_EQ(sys_getrandom(&seed, sizeof(seed), 0), sizeof(seed));
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		exact(&shapes[i], 1234567 + i);
		exact(&shapes[i], seed % 1000000000 + 1 + i);
	}
}

/* The memfd of the only ram target of this process, found as anybody would */
static int find_memfd(void)
{
	for (int fd = 3; fd < 64; fd++) {
		char path[32];
		char link[64];
		long len;

		fmt_print(path, sizeof(path), "/proc/self/fd/%d", fd);
		len = sys_readlinkat(AT_FDCWD, path, link, sizeof(link) - 1);
		if (len <= 0)
			continue;
		link[len] = '\0';
		if (str_starts(link, "/memfd:bareblk-ram"))
			return fd;
	}
	test_fail("ram has no memfd");
}

static u64 allocated_bytes(int memfd)
{
	struct statx st;

	ASSERT_OK(sys_statx(memfd, "", AT_EMPTY_PATH, STATX_BLOCKS, &st));
	return st.stx_blocks * 512;
}

static void space(void)
{
	struct opdriver d;
	int memfd;

	opd_open(&d, tgt_types, "ram:64M");
	memfd = find_memfd();
	for (u64 at = 0; at < 64 * MIB; at += MIB)
		ASSERT_EQ(opd_read(&d, at, mem, MIB), MIB);
	EXPECT_EQ(allocated_bytes(memfd), 0);

	memset(mem, 7, MIB);
	ASSERT_EQ(opd_write(&d, 8 * MIB, mem, MIB, 0), MIB);
	EXPECT_EQ(allocated_bytes(memfd), MIB);
	ASSERT_EQ(opd_read(&d, 7 * MIB, mem, MIB), MIB);
	ASSERT_EQ(opd_read(&d, 9 * MIB, mem, MIB), MIB);
	EXPECT_EQ(allocated_bytes(memfd), MIB);
	/* One sector is a page. */
	ASSERT_EQ(opd_write(&d, 20 * MIB + 512, mem, 512, 0), 512);
	EXPECT_EQ(allocated_bytes(memfd), MIB + pages_size());

	/* Half a page stays, and is zeroes. */
	ASSERT_EQ(opd_simple(&d, TGT_DISCARD, 8 * MIB, MIB - 512, 0), 0);
	EXPECT_EQ(allocated_bytes(memfd), 2 * pages_size());
	ASSERT_EQ(opd_read(&d, 8 * MIB, mem, MIB), MIB);
	for (u64 i = 0; i < MIB; i++)
		ASSERT_EQ(mem[i], i < MIB - 512 ? 0 : 7);
	EXPECT_EQ(allocated_bytes(memfd), 2 * pages_size());
	ASSERT_EQ(opd_simple(&d, TGT_WRITE_ZEROES, 0, 64 * MIB, 0), 0);
	EXPECT_EQ(allocated_bytes(memfd), 0);
	opd_close(&d);
}

static void keeps_space(void)
{
	struct opdriver d;
	int memfd;

	opd_open(&d, tgt_types, "ram:4M");
	memfd = find_memfd();
	memset(mem, 7, MIB);
	ASSERT_EQ(opd_write(&d, 0, mem, MIB, 0), MIB);
	ASSERT_EQ(opd_simple(&d, TGT_WRITE_ZEROES, 0, 2 * MIB, TGT_F_NOUNMAP), 0);
	EXPECT_GE(allocated_bytes(memfd), MIB);
	ASSERT_EQ(opd_read(&d, 0, mem, MIB), MIB);
	for (u64 i = 0; i < MIB; i++)
		ASSERT_EQ(mem[i], 0);
	opd_close(&d);
}

/* The last page of the disk is freed although the disk ends within it. */
static void frees_the_tail(void)
{
	struct opdriver d;
	int memfd;

	opd_open(&d, tgt_types, "ram:1001s");
	memfd = find_memfd();
	memset(mem, 7, 1001 * 512);
	ASSERT_EQ(opd_write(&d, 0, mem, 1001 * 512, 0), 1001 * 512);
	EXPECT_EQ(allocated_bytes(memfd), 126 * 4096);
	ASSERT_EQ(opd_simple(&d, TGT_DISCARD, 1000 * 512, 512, 0), 0);
	EXPECT_EQ(allocated_bytes(memfd), 125 * 4096);
	ASSERT_EQ(opd_simple(&d, TGT_DISCARD, 0, 1001 * 512, 0), 0);
	EXPECT_EQ(allocated_bytes(memfd), 0);
	opd_close(&d);
}

static void is_huge(void)
{
	const u64 size = 16ULL << 40;
	const u64 places[] = { 0,	   4096,	    (4ULL << 30) - 512,
			       1ULL << 40, size / 2 + 1536, size - 8192 };
	struct opdriver d;
	int memfd;

	opd_open(&d, tgt_types, "ram:16T");
	memfd = find_memfd();
	EXPECT_EQ(opd_limits(&d)->size_bytes, size);
	for (u32 i = 0; i < ARRAY_SIZE(places); i++) {
		memset(mem, (int)(i + 1), 8192);
		ASSERT_EQ(opd_write(&d, places[i], mem, 2048, 0), 2048);
	}
	for (u32 i = 0; i < ARRAY_SIZE(places); i++) {
		ASSERT_EQ(opd_read(&d, places[i], mem, 4096), 4096);
		EXPECT_EQ(mem[0], i + 1);
		EXPECT_EQ(mem[2047], i + 1);
		EXPECT_EQ(mem[2048], 0);
	}
	EXPECT_LE(allocated_bytes(memfd), 16 * pages_size());
	/* More than 4 GiB at once */
	ASSERT_EQ(opd_simple(&d, TGT_DISCARD, 4096, 8ULL << 30, 0), 0);
	ASSERT_EQ(opd_read(&d, (4ULL << 30) - 512, mem, 4096), 4096);
	EXPECT_EQ(mem[0], 0);
	ASSERT_EQ(opd_simple(&d, TGT_WRITE_ZEROES, 0, size, 0), 0);
	EXPECT_EQ(allocated_bytes(memfd), 0);
	opd_close(&d);
}

/* Reads into the memory that direct() names, and the bytes of it */
static s64 read_direct(struct opdriver *d, u64 offset, u64 len, const u8 **bytes)
{
	struct opd_slot *slot = opd_slot(d);
	struct tgt *t = d->tree->root;
	void *place;

	slot->op.kind = TGT_READ;
	slot->op.offset_bytes = offset;
	slot->op.len_bytes = len;
	place = t->direct(t, &slot->op);
	*bytes = place;
	tgt_set_mem(&slot->op, place ? place : mem);
	(void)opd_start(d, slot);
	return opd_wait(d, slot);
}

static void is_read_in_place(void)
{
	struct tgt_op write = { .kind = TGT_WRITE, .offset_bytes = 65536, .len_bytes = 8192 };
	struct opdriver d;
	const u8 *bytes;
	struct tgt *t;

	opd_open(&d, tgt_types, "ram:8M");
	t = d.tree->root;
	/* nothing is there: zeroes for reads, no place for a write */
	ASSERT_EQ(read_direct(&d, 65536, MIB, &bytes), MIB);
	for (u64 i = 0; i < MIB; i++)
		ASSERT_EQ(bytes[i], 0);
	ASSERT_EQ(read_direct(&d, 65536, 512, &bytes), 512);
	EXPECT_EQ(bytes[0], 0);
	EXPECT_EQ(t->direct(t, &write), NULL);
	EXPECT_EQ(allocated_bytes(find_memfd()), 0);
	/* more than there are zeroes to show */
	write.kind = TGT_READ;
	write.len_bytes = MIB + 512;
	EXPECT_EQ(t->direct(t, &write), NULL);
	/* some of it is there: not in one stretch */
	memset(mem, 5, 4096);
	ASSERT_EQ(opd_write(&d, 65536, mem, 4096, 0), 4096);
	ASSERT_EQ(read_direct(&d, 65536, 8192, &bytes), 8192);
	EXPECT_EQ(bytes, NULL);
	EXPECT_EQ(mem[4095], 5);
	EXPECT_EQ(mem[4096], 0);
	ASSERT_EQ(read_direct(&d, 65536 + 512, 1024, &bytes), 1024);
	EXPECT_TRUE(bytes && bytes[0] == 5 && bytes[1023] == 5);
	ASSERT_EQ(read_direct(&d, 0, 65536, &bytes), 65536);
	EXPECT_TRUE(bytes && bytes[0] == 0 && bytes[65535] == 0);
	opd_close(&d);
}

/* As with user-copy: absent pages are zeroes in a file, of any length, and no byte more */
static void zeroes_a_file(void)
{
	static const u32 lengths[] = { 512, 4096, 4608, 65536, 262144, 262656, 1 << 20 };
	static const char *const specs[] = { "ram:8M", "null:8M" };
	struct opdriver d;

	for (size_t i = 0; i < ARRAY_SIZE(specs) * ARRAY_SIZE(lengths); i++) {
		const char *spec = specs[i / ARRAY_SIZE(lengths)];
		u32 len = lengths[i % ARRAY_SIZE(lengths)];
		struct tgt_piece piece = { .at = 1536, .len_bytes = len };
		int fd = sys_memfd_create("file", 0);
		struct opd_slot *slot;

		test_row("%s, %u", spec, len);
		ASSERT_GE(fd, 0);
		memset(mem, 0xee, sizeof(mem));
		ASSERT_EQ(sys_pwrite64(fd, mem, sizeof(mem), 0), (s64)sizeof(mem));
		ASSERT_EQ(sys_pwrite64(fd, mem, 65536, sizeof(mem)), 65536);
		opd_open(&d, tgt_types, spec);
		slot = opd_slot(&d);
		slot->op.kind = TGT_READ;
		slot->op.offset_bytes = 4096;
		slot->op.len_bytes = len;
		slot->op.data = (struct tgt_data){
			.kind = TGT_DATA_FILE, .nr_pieces = 1, .fd = fd, .pieces = &piece,
		};
		(void)opd_start(&d, slot);
		ASSERT_EQ(opd_wait(&d, slot), len);
		for (u32 half = 0; half < 2; half++) {
			u64 at = half * MIB;
			s64 got = sys_pread64(fd, mem, sizeof(mem), at);

			for (s64 b = 0; b < got; b++) {
				u64 pos = at + (u64)b;

				if ((mem[b] == 0) != (pos >= 1536 && pos < 1536 + len))
					test_fail("byte %llu is %u", pos, mem[b]);
			}
		}
		opd_close(&d);
		(void)sys_close(fd);
	}
}

static void limit_files(u64 bytes)
{
	struct rlimit64 limit = { .rlim_cur = bytes, .rlim_max = RLIM64_INFINITY };
	u64 mask = SIGXFSZ_BIT;

	ASSERT_OK(sys_rt_sigprocmask(0 /* SIG_BLOCK */, &mask, NULL));
	ASSERT_OK(sys_prlimit64(0, RLIMIT_FSIZE, &limit, NULL));
}

/* A limit on file sizes stands in for memory that has run out: to pwrite() on a
 * memfd both are an error. */
static void no_room_is_an_error(void)
{
	static u8 before[65536];
	struct opdriver d;

	opd_open(&d, tgt_types, "ram:1M");
	limit_files(32768);
	memset(mem, 9, 65536);
	EXPECT_EQ(opd_write(&d, 65536, mem, 4096, 0), -EFBIG);
	EXPECT_EQ(opd_write(&d, 0, mem, 4096, 0), 4096);
	/* Some of it goes in; which does not matter, but it must not change again. */
	EXPECT_EQ(opd_write(&d, 16384, mem, 32768, 0), -EFBIG);
	ASSERT_EQ(opd_read(&d, 0, before, 65536), 65536);
	limit_files(RLIM64_INFINITY);
	for (u64 at = 16384; at < 65536; at += 4096)
		ASSERT_EQ(opd_write(&d, at + 512, before + at + 512, 512, 0), 512);
	ASSERT_EQ(opd_read(&d, 0, mem, 65536), 65536);
	EXPECT_MEMEQ(mem, before, 65536);
	opd_close(&d);
}

static void refuses_sizes(void)
{
	static const struct {
		const char *spec;
		int err;
		const char *text;
	} rows[] = {
		{ "ram", -EINVAL, "target ram: a size is missing, as in :256M" },
		{ "ram:", -EINVAL, "target ram: size : not a size (64K, 1.5G, 512s)" },
		{ "ram:0", -EINVAL, "target ram: size 0: not a multiple of 512 above zero" },
		{ "ram:513", -EINVAL, "target ram: size 513: not a multiple of 512 above zero" },
		{ "ram:1.5", -EINVAL, "target ram: size 1.5: not a size (64K, 1.5G, 512s)" },
		{ "ram:-1M", -EINVAL, "target ram: size -1M: not a size (64K, 1.5G, 512s)" },
		{ "ram:1X", -EINVAL, "target ram: size 1X: not a size (64K, 1.5G, 512s)" },
		{ "ram:99E", -ERANGE, "target ram: size 99E: too large" },
		{ "null:", -EINVAL, "target null: size : not a size (64K, 1.5G, 512s)" },
		{ "null:1000", -EINVAL, "target null: size 1000: not a multiple of 512 above zero" },
		{ "ram:15E", -EFBIG, NULL },
		{ "ram:1E", -ENOMEM, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tgt_tree tree;
		struct diag why;
		int err = tgt_open(&tree, tgt_types, rows[i].spec, &why);

		test_row("%s: %s", rows[i].spec, why.text);
		EXPECT_LT(err, 0);
		if (rows[i].text) {
			EXPECT_ERR(err, rows[i].err);
			EXPECT_STREQ(why.text, rows[i].text);
		}
		EXPECT_EQ(tree.mem, NULL);
	}
}

static void leaves_nothing(void)
{
	struct opdriver d;
	int before = sys_openat(AT_FDCWD, "/", O_RDONLY, 0);
	int after;

	for (int i = 0; i < 100; i++) {
		struct tgt_tree tree;
		struct diag why;

		opd_open(&d, tgt_types, "ram:1G");
		opd_close(&d);
		EXPECT_LT(tgt_open(&tree, tgt_types, "ram:15E", &why), 0);
	}
	after = sys_openat(AT_FDCWD, "/", O_RDONLY, 0);
	EXPECT_EQ(after, before + 1);
}

static void refuses_the_unknown(void)
{
	struct opdriver d;

	opd_open(&d, tgt_types, "ram:1M");
	EXPECT_EQ(opd_simple(&d, TGT_ZONE_RESET, 0, 4096, 0), -EOPNOTSUPP);
	EXPECT_EQ(opd_simple(&d, 200, 0, 4096, 0), -EOPNOTSUPP);
	EXPECT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), 0);
	opd_close(&d);
}

/* What a disk of the last process has written, discarded and left alone */
static void kept_is_there(void)
{
	static const u8 zeroes[512];
	struct opdriver d;
	struct diag why;
	int memfd = sys_memfd_create("kept", 0);
	u64 bytes;

	ASSERT_GT(memfd, 0);
	opd_open(&d, tgt_types, "ram:1001s");
	EXPECT_TRUE(d.tree->root->forgets);
	ASSERT_OK(ram_keep_in(d.tree->root, memfd, &why));
	EXPECT_TRUE(!d.tree->root->forgets);
	memset(mem, 0xa5, MIB);
	ASSERT_EQ(opd_write(&d, 512, mem, 512, 0), 512);
	ASSERT_EQ(opd_write(&d, 65536, mem, 65536, 0), 65536);
	ASSERT_EQ(opd_write(&d, 1000 * 512, mem, 512, 0), 512);
	ASSERT_EQ(opd_simple(&d, TGT_DISCARD, 65536, 32768, 0), 0);
	bytes = allocated_bytes(memfd);
	opd_close(&d);
	EXPECT_EQ(allocated_bytes(memfd), bytes);

	opd_open(&d, tgt_types, "ram:1001s");
	ASSERT_OK(ram_keep_in(d.tree->root, memfd, &why));
	for (u64 at = 0; at < 1001 * 512; at += 512) {
		bool is_there = at == 512 || at == 1000 * 512 ||
				(at >= 65536 + 32768 && at < 131072);

		ASSERT_EQ(opd_read(&d, at, mem, 512), 512);
		if ((memcmp(mem, zeroes, 512) != 0) != is_there)
			test_fail("at %llu", at);
	}
	EXPECT_EQ(allocated_bytes(memfd), bytes);
	/* ... also beside what was not there */
	ASSERT_EQ(opd_write(&d, 2048, zeroes, 512, 0), 512);
	ASSERT_EQ(opd_read(&d, 512, mem, 512), 512);
	EXPECT_EQ(mem[0], 0xa5);
	opd_close(&d);
	sys_close(memfd);
}

static void keeps_nowhere_else(void)
{
	struct opdriver d;
	struct diag why;
	int memfd = sys_memfd_create("kept", 0);
	int pipe[2];

	ASSERT_GT(memfd, 0);
	ASSERT_OK(sys_ftruncate(memfd, 4096));
	ASSERT_OK(sys_pipe2(pipe, 0));
	opd_open(&d, tgt_types, "ram:1M");
	EXPECT_ERR(ram_keep_in(d.tree->root, memfd, &why), -EINVAL);
	EXPECT_STREQ(why.text, "a file of 4096 bytes, not 1048576");
	EXPECT_ERR(ram_keep_in(d.tree->root, pipe[0], &why), -ESPIPE);
	EXPECT_ERR(ram_keep_in(d.tree->root, 999, &why), -EBADF);
	EXPECT_TRUE(d.tree->root->forgets);
	ASSERT_EQ(opd_write(&d, 0, mem, 512, 0), 512);
	opd_close(&d);
	opd_open(&d, tgt_types, "null:1M");
	EXPECT_ERR(ram_keep_in(d.tree->root, memfd, &why), -ENOTTY);
	opd_close(&d);
	sys_close(memfd);
	sys_close(pipe[0]);
	sys_close(pipe[1]);
}

static const struct test_case cases[] = {
	TEST("random reads, writes, discards and zeroes are byte-exact", is_exact,
	     .timeout_ms = 60000),
	TEST("only what is written takes memory, and discard gives it back", space),
	TEST("zeroes that must not unmap keep their memory", keeps_space),
	TEST("the page that the disk ends in is freed, too", frees_the_tail),
	TEST("a disk of 16 TiB works from end to end", is_huge, .timeout_ms = 30000),
	TEST("what is there, and what is not, is read in place; writes only what is there",
	     is_read_in_place),
	TEST("absent bytes are zeroes in a file, and no byte more", zeroes_a_file),
	TEST("running out of room is an error, and failed writes do not come back later",
	     no_room_is_an_error),
	TEST("bad sizes are refused with the reason", refuses_sizes),
	TEST("100 disks come and go and leave no file open", leaves_nothing),
	TEST("what is kept in a memfd is there for the next one", kept_is_there),
	TEST("and it is kept nowhere else", keeps_nowhere_else),
	TEST("operations that it does not know are refused", refuses_the_unknown),
};
TEST_SUITE(targets_ram, cases);
