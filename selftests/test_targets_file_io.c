/* SPDX-License-Identifier: MIT */
/* ublk/targets/file_io.c: bytes by every way, what fails, and what is made durable. */
#include <asm/errno.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/mount.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/stat.h>

#include "ring/prep.h"
#include "selftests/harness/harness.h"
#include "selftests/judge.h"
#include "selftests/use_dir.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/targets/targets.h"

#define SIGXFSZ_BIT (1ULL << 24)
#define KIB (1ULL << 10)
#define MIB (1ULL << 20)

static u8 mem[1 << 20] __attribute__((aligned(4096)));

/* A file in memory, whose path is its descriptor's: nothing of it stays */
static int make_memfd(char path[128], u64 bytes)
{
	int fd = sys_memfd_create("disk", 0);

	ASSERT_OK(fd);
	ASSERT_OK(sys_ftruncate(fd, bytes));
	fmt_print(path, 128, "/proc/self/fd/%d", fd);
	return fd;
}

static int make_file(char path[128], u64 bytes)
{
	int fd = sys_openat(AT_FDCWD, use_dir_path(path, "disk"), O_RDWR | O_CREAT | O_TRUNC, 0600);

	ASSERT_OK(fd);
	ASSERT_OK(sys_ftruncate(fd, bytes));
	return fd;
}

static bool stat_is(void *ctx, const char *name, const char *wanted, u64 value, u64 *found)
{
	(void)ctx;
	if (!str_eq(name, wanted))
		return false;
	*found = value;
	return true;
}

static void take_direct(void *ctx, const char *name, u64 value)
{
	u64 *found = ctx;

	(void)stat_is(ctx, name, "file.direct", value, found);
}

/* The file system below has to have direct I/O for some of this. */
static void open_or_skip(struct opdriver *d, const char *spec, bool wants_direct)
{
	struct tgt_tree tree;
	struct diag why = { .text = "" };
	u64 direct = 0;
	int err = tgt_open(&tree, tgt_types, spec, &why);

	if (err && str_find(why.text, "no direct I/O"))
		test_skip("no direct I/O in /tmp");
	if (err)
		test_fail("cannot open %s: %s", spec, why.text);
	tgt_stat(&tree, take_direct, &direct);
	if (wants_direct && !direct)
		test_skip("no direct I/O in /tmp");
	opd_attach(d, &tree, 0);
	d->own_tree = tree;
	d->tree = &d->own_tree;
}

/* --- byte-exact -------------------------------------------------------------------------- */

struct way {
	const char *params;
	bool in_memory; /* a memfd; or a file in /tmp */
	bool is_direct;
	u8 data; /* enum judge_data */
	u32 nr_ops;
	void (*meddle)(struct io_uring_sqe *sqe);
	bool no_discard;
};

static const struct way ways[] = {
	{ "?io=mapped", true, false, JUDGE_MEM, 4000, NULL, false },
	{ "?io=mapped", true, false, JUDGE_FILE, 3000, NULL, false },
	{ "?io=mapped&offset=1536&length=300001s", true, false, JUDGE_FILE, 2000, NULL, false },
	{ "?io=calls", true, false, JUDGE_MEM, 4000, NULL, false },
	{ "?io=calls&direct=1", true, true, JUDGE_MEM, 2000, NULL, false },
	{ "?io=ring", true, false, JUDGE_MEM, 1000, NULL, false },
	{ "?io=mapped", false, false, JUDGE_MEM, 1200, NULL, false },
	{ "?io=mapped&offset=7s", false, false, JUDGE_FILE, 1200, NULL, false },
	{ "?io=calls&direct=0", false, false, JUDGE_MEM, 1200, NULL, false },
	{ "?io=calls&direct=1", false, true, JUDGE_MEM, 600, NULL, false },
	{ "?io=calls&direct=1", false, true, JUDGE_BLOCKS, 600, NULL, false },
	{ "?io=ring&direct=0", false, false, JUDGE_MEM, 1000, NULL, false },
	{ "?io=ring&direct=1", false, true, JUDGE_MEM, 600, NULL, false },
	{ "?io=ring&direct=1&offset=4K", false, true, JUDGE_BLOCKS, 600, NULL, false },
	{ "?io=ring&direct=1", false, true, JUDGE_FIXED, 600, NULL, false },
	{ "?sync=os", false, false, JUDGE_BLOCKS, 600, NULL, false },
	{ "?sync=none", false, false, JUDGE_MEM, 600, NULL, false },
};

#define DISK_BYTES (300032ULL * 512)

static void exact_on(const struct way *w, u64 seed, const char *path)
{
	const struct oracle_mix mix = {
		.read = 6, .write = 6, .flush = 1, .discard = w->no_discard ? 0 : 2, .zero = 2,
		.max_blocks = 512, .fua_of_16 = 2,
	};
	char spec[256];
	struct diag why = { .text = "" };
	u64 random = seed;
	struct opdriver d;
	struct oracle o;
	struct judge j;
	u64 size;

	fmt_print(spec, sizeof(spec), "file:%s%s", path, w->params);
	test_row("%s, data %u, seed %llu", spec, w->data, seed);
	open_or_skip(&d, spec, w->is_direct);
	d.meddle = w->meddle;
	size = opd_limits(&d)->size_bytes;
	ASSERT_OK(oracle_init(&o, size, 512, seed));
	judge_init(&j, &d, &o, mix.max_blocks * 512, JUDGE_MAX_PIECES, seed);
	judge_use_data(&j, w->data);
	for (u32 i = 0; i < w->nr_ops; i++) {
		struct oracle_op op;

		/* few places, so that they meet, and now and then anywhere */
		oracle_pick(&o, &random, &mix, 0, i % 8 ? 4 * MIB : size, &op);
		if (judge_op(&j, &op, &why))
			test_fail("operation %u: %s", i, why.text);
	}
	if (judge_all(&j, &why))
		test_fail("at the end: %s", why.text);
	judge_exit(&j);
	oracle_exit(&o);
	opd_close(&d);
}

static void exact(const struct way *w, u64 seed)
{
	char path[128];
	int fd = w->in_memory ? make_memfd(path, DISK_BYTES) : make_file(path, DISK_BYTES);

	exact_on(w, seed, path);
	(void)sys_close(fd);
}

static void is_exact(void)
{
	const struct way *w = test_param();
	u64 seed;

	ASSERT_EQ(sys_getrandom(&seed, sizeof(seed), 0), sizeof(seed));
	exact(w, 20261 + (u64)(w - ways));
	exact(w, seed % 1000000000 + 1);
}

/* --- what the kernel may answer instead ------------------------------------------------ */

static u64 dice;
static u32 nr_meddled;

/* Less than was asked for: whole blocks, or fewer vectors */
static void shorten(struct io_uring_sqe *sqe)
{
	u32 unit = sqe->opcode == IORING_OP_READV || sqe->opcode == IORING_OP_WRITEV ? 1 : 512;

	switch (sqe->opcode) {
	case IORING_OP_READ:
	case IORING_OP_WRITE:
	case IORING_OP_READV:
	case IORING_OP_WRITEV:
	case IORING_OP_READ_FIXED:
	case IORING_OP_WRITE_FIXED:
		if (sqe->len <= unit)
			return;
		sqe->len = unit * (1 + (u32)oracle_below(&dice, sqe->len / unit));
		nr_meddled++;
		break;
	default:
		break;
	}
}

/* Nothing is done, and this is the answer (6.10) */
static void answer(struct io_uring_sqe *sqe, s32 res)
{
	u64 data = sqe->user_data;

	ring_prep_rw(IORING_OP_NOP, sqe, -1, NULL, (u32)res, 0);
	sqe->nop_flags = IORING_NOP_INJECT_RESULT;
	sqe->user_data = data;
	nr_meddled++;
}

static void interrupt(struct io_uring_sqe *sqe)
{
	bool is_rw = sqe->opcode != IORING_OP_FSYNC && sqe->opcode != IORING_OP_FALLOCATE;
	u64 side = oracle_below(&dice, 4);

	if (side == 0)
		answer(sqe, -EINTR);
	else if (side == 1 && is_rw)
		answer(sqe, -EAGAIN);
}

static void refuse_allocate(struct io_uring_sqe *sqe)
{
	if (sqe->opcode == IORING_OP_FALLOCATE)
		answer(sqe, -EOPNOTSUPP);
}

static void needs_answers(void)
{
	struct io_uring_params p = { .flags = 0 };
	struct io_uring_cqe *cqe;
	struct ring r;

	if (ring_init(&r, 2, &p))
		test_skip("no io_uring here");
	answer(ring_get_sqe(&r), -EXDEV);
	ASSERT_EQ(ring_submit_and_wait(&r, 1), 1);
	cqe = ring_peek_cqe(&r);
	ASSERT_TRUE(cqe != NULL);
	if (cqe->res != -EXDEV)
		test_skip("a NOP of this kernel gives no results");
	ring_exit(&r);
}

static void meddled(void)
{
	static const struct way rows[] = {
		{ "?io=ring&direct=0", false, false, JUDGE_MEM, 600, shorten, false },
		{ "?io=ring&direct=1", false, true, JUDGE_BLOCKS, 300, shorten, false },
		{ "?io=ring&direct=1", false, true, JUDGE_FIXED, 300, shorten, false },
		{ "?io=ring&direct=0", false, false, JUDGE_MEM, 600, interrupt, false },
		{ "?io=ring&direct=1", false, true, JUDGE_FIXED, 300, interrupt, false },
		{ "?io=mapped&offset=8K", false, false, JUDGE_FILE, 600, interrupt, false },
		{ "?io=ring&direct=1", false, true, JUDGE_BLOCKS, 300, refuse_allocate, true },
		{ "?io=mapped&offset=8K", false, false, JUDGE_MEM, 300, refuse_allocate, true },
	};

	needs_answers();
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		dice = 7 + i;
		nr_meddled = 0;
		exact(&rows[i], 88 + i);
		/* the last: the kernel was asked once for each way, and not again */
		EXPECT_GE(nr_meddled, rows[i].meddle == refuse_allocate ? 2 : 50);
		if (rows[i].meddle == refuse_allocate)
			EXPECT_LE(nr_meddled, 3);
	}
}

static void tells_errors(void)
{
	static const s32 errs[] = { -EIO, -ENOSPC, -EDQUOT, -EROFS, -ENOMEM };
	char path[128];
	char spec[256];
	int fd = make_file(path, MIB);
	struct opd_slot *slot;
	struct opdriver d;

	needs_answers();
	fmt_print(spec, sizeof(spec), "file:%s?io=ring", path);
	open_or_skip(&d, spec, false);
	for (u32 i = 0; i < 4 * ARRAY_SIZE(errs); i++) {
		static const u8 kinds[] = { TGT_READ, TGT_WRITE, TGT_FLUSH, TGT_WRITE_ZEROES };

		slot = opd_slot(&d);
		slot->op.kind = kinds[i % 4];
		slot->op.len_bytes = 4096;
		slot->op.flags = TGT_F_NOUNMAP;
		tgt_set_mem(&slot->op, mem);
		if (opd_start(&d, slot))
			test_fail("kind %u was done at once", slot->op.kind);
		answer(&d.ring.sq.sqes[(d.ring.sq.sqe_tail - 1) & d.ring.sq_mask], errs[i / 4]);
		EXPECT_EQ(opd_wait(&d, slot), errs[i / 4]);
	}
	/* and nothing at all is not a success */
	slot = opd_slot(&d);
	slot->op.kind = TGT_WRITE;
	slot->op.len_bytes = 4096;
	tgt_set_mem(&slot->op, mem);
	(void)opd_start(&d, slot);
	answer(&d.ring.sq.sqes[(d.ring.sq.sqe_tail - 1) & d.ring.sq_mask], 0);
	EXPECT_EQ(opd_wait(&d, slot), -EIO);
	opd_close(&d);
	(void)sys_close(fd);
}

static void always_again(struct io_uring_sqe *sqe)
{
	answer(sqe, -EAGAIN);
}

static void gives_up(void)
{
	char path[128];
	char spec[256];
	int fd = make_file(path, MIB);
	struct opdriver d;

	needs_answers();
	fmt_print(spec, sizeof(spec), "file:%s?io=ring", path);
	open_or_skip(&d, spec, false);
	d.meddle = always_again;
	nr_meddled = 0;
	EXPECT_EQ(opd_read(&d, 0, mem, 4096), -EIO);
	EXPECT_GT(nr_meddled, 8);
	EXPECT_EQ(opd_write(&d, 0, mem, 4096, TGT_F_FUA), -EIO);
	EXPECT_LE(nr_meddled, 100);
	EXPECT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), -EIO);
	EXPECT_EQ(opd_simple(&d, TGT_DISCARD, 0, 4096, 0), -EIO);
	d.meddle = NULL;
	EXPECT_EQ(opd_read(&d, 0, mem, 4096), 4096);
	opd_close(&d);
	(void)sys_close(fd);
}

/* --- what is cut short ------------------------------------------------------------------ */

/* An operation with its data in a memfd */
static s64 by_file(struct opdriver *d, u8 kind, u64 offset, u64 len, int fd)
{
	struct opd_slot *slot = opd_slot(d);

	slot->op.kind = kind;
	slot->op.offset_bytes = offset;
	slot->op.len_bytes = len;
	slot->op.piece = (struct tgt_piece){ 0, len };
	slot->op.data = (struct tgt_data){
		.kind = TGT_DATA_FILE, .nr_pieces = 1, .fd = fd, .pieces = &slot->op.piece,
	};
	(void)opd_start(d, slot);
	return opd_wait(d, slot);
}

static void cut_short(const char *params, bool in_memory, bool by_fd)
{
	char path[128];
	char spec[256];
	int fd = in_memory ? make_memfd(path, MIB) : make_file(path, MIB);
	int data = sys_memfd_create("data", 0);
	struct opdriver d;

	ASSERT_OK(sys_ftruncate(data, MIB));
	fmt_print(spec, sizeof(spec), "file:%s%s", path, params);
	test_row("%s, by_fd %d", spec, by_fd);
	open_or_skip(&d, spec, false);
	memset(mem, 7, MIB);
	ASSERT_EQ(opd_write(&d, 0, mem, MIB, 0), MIB);
	ASSERT_OK(sys_ftruncate(fd, 512 * KIB));
#define READ(at, len) (by_fd ? by_file(&d, TGT_READ, at, len, data) : opd_read(&d, at, mem, len))
	EXPECT_EQ(READ(0, 512 * KIB), 512 * KIB);
	EXPECT_EQ(READ(512 * KIB, 4096), -EIO);
	EXPECT_EQ(READ(508 * KIB, 8192), -EIO);
	EXPECT_EQ(READ(MIB - 512, 512), -EIO);
	EXPECT_EQ(READ(508 * KIB, 4096), 4096);
	/* what is written there is there */
	if (by_fd)
		EXPECT_EQ(by_file(&d, TGT_WRITE, 768 * KIB, 4096, data), 4096);
	else
		EXPECT_EQ(opd_write(&d, 768 * KIB, mem, 4096, 0), 4096);
	EXPECT_EQ(READ(768 * KIB, 4096), 4096);
	EXPECT_EQ(READ(772 * KIB, 4096), -EIO);
#undef READ
	/* and in the middle of a block */
	ASSERT_OK(sys_ftruncate(fd, 1000));
	EXPECT_EQ(opd_read(&d, 0, mem, 4096), -EIO);
	EXPECT_EQ(opd_read(&d, 512, mem, 512), -EIO);
	EXPECT_EQ(opd_read(&d, 0, mem, 512), 512);
	opd_close(&d);
	(void)sys_close(fd);
	(void)sys_close(data);
}

static void is_cut_short(void)
{
	cut_short("?io=mapped", true, true);
	cut_short("?io=mapped", true, false);
	cut_short("?io=mapped", false, true);
	cut_short("?io=calls", true, false);
	cut_short("?io=calls&direct=1", false, false);
	cut_short("?io=ring&direct=1", false, false);
	cut_short("?io=ring&direct=0", false, false);
}

/* --- room -------------------------------------------------------------------------------- */

static void limit_files(u64 bytes)
{
	struct rlimit64 limit = { .rlim_cur = bytes, .rlim_max = RLIM64_INFINITY };
	u64 mask = SIGXFSZ_BIT;

	ASSERT_OK(sys_rt_sigprocmask(0 /* SIG_BLOCK */, &mask, NULL));
	ASSERT_OK(sys_prlimit64(0, RLIMIT_FSIZE, &limit, NULL));
}

static void tells_a_limit(void)
{
	static const char *const params[] = { "?io=calls&direct=0", "?io=calls&direct=1",
					      "?io=ring&direct=1", "?io=ring&direct=0" };
	char path[128];
	char spec[256];
	int fd = make_file(path, MIB);

	for (u32 i = 0; i < ARRAY_SIZE(params); i++) {
		struct opdriver d;

		fmt_print(spec, sizeof(spec), "file:%s%s", path, params[i]);
		test_row("%s", spec);
		open_or_skip(&d, spec, false);
		limit_files(64 * KIB);
		EXPECT_EQ(opd_write(&d, 128 * KIB, mem, 4096, 0), -EFBIG);
		/* a part of it goes in, and the rest is asked for once more */
		EXPECT_EQ(opd_write(&d, 60 * KIB, mem, 8192, 0), -EFBIG);
		EXPECT_EQ(opd_write(&d, 60 * KIB, mem, 4096, 0), 4096);
		limit_files(RLIM64_INFINITY);
		EXPECT_EQ(opd_write(&d, 128 * KIB, mem, 4096, 0), 4096);
		opd_close(&d);
	}
	(void)sys_close(fd);
}

static u64 allocated_bytes(int fd)
{
	struct statx st;

	ASSERT_OK(sys_statx(fd, "", AT_EMPTY_PATH, STATX_BLOCKS, &st));
	return st.stx_blocks * 512;
}

static void stays_sparse(void)
{
	char path[128];
	char spec[256];
	int fd = make_memfd(path, 64 * MIB);
	int data = sys_memfd_create("data", 0);
	struct opdriver d;

	ASSERT_OK(sys_ftruncate(data, MIB));
	fmt_print(spec, sizeof(spec), "file:%s", path);
	opd_open(&d, tgt_types, spec);
	for (u64 at = 0; at < 64 * MIB; at += MIB)
		ASSERT_EQ(by_file(&d, TGT_READ, at, MIB, data), MIB);
	EXPECT_EQ(allocated_bytes(fd), 0);
	ASSERT_EQ(by_file(&d, TGT_WRITE, 8 * MIB, MIB, data), MIB);
	EXPECT_EQ(allocated_bytes(fd), MIB);
	ASSERT_EQ(opd_simple(&d, TGT_DISCARD, 8 * MIB, MIB / 2, 0), 0);
	EXPECT_EQ(allocated_bytes(fd), MIB / 2);
	ASSERT_EQ(by_file(&d, TGT_READ, 8 * MIB, MIB, data), MIB);
	EXPECT_EQ(allocated_bytes(fd), MIB / 2);
	/* when each page had been known to be there */
	ASSERT_EQ(by_file(&d, TGT_WRITE, 8 * MIB, MIB, data), MIB);
	ASSERT_EQ(by_file(&d, TGT_READ, 8 * MIB, MIB, data), MIB);
	ASSERT_EQ(opd_simple(&d, TGT_DISCARD, 8 * MIB, MIB / 2, 0), 0);
	for (u64 at = 0; at < MIB; at += 4096)
		ASSERT_EQ(by_file(&d, TGT_READ, 8 * MIB + at, 4096, data), 4096);
	EXPECT_EQ(allocated_bytes(fd), MIB / 2);
	ASSERT_EQ(opd_simple(&d, TGT_WRITE_ZEROES, 8 * MIB, MIB, TGT_F_NOUNMAP), 0);
	EXPECT_EQ(allocated_bytes(fd), MIB);
	ASSERT_EQ(opd_simple(&d, TGT_WRITE_ZEROES, 8 * MIB, MIB, 0), 0);
	EXPECT_EQ(allocated_bytes(fd), 0);
	opd_close(&d);
	(void)sys_close(fd);
	(void)sys_close(data);
}

static void fill(const char *params, bool by_fd, s32 err)
{
	char path[128];
	char spec[256];
	int data = sys_memfd_create("data", 0);
	int fd = make_file(path, 8 * MIB);
	struct opdriver d;
	u64 at = 0;
	s64 ret;

	fmt_print(spec, sizeof(spec), "file:%s%s", path, params);
	test_row("%s, by_fd %d", spec, by_fd);
	memset(mem, 5, sizeof(mem));
	ASSERT_EQ(sys_pwrite64(data, mem, 65536, 0), 65536);
	opd_open(&d, tgt_types, spec);
	do {
		ret = by_fd ? by_file(&d, TGT_WRITE, at, 65536, data) :
			      opd_write(&d, at, mem, 65536, 0);
		at += 65536;
	} while (ret == 65536 && at < 8 * MIB);
	EXPECT_EQ(ret, err);
	EXPECT_GE(at, 512 * KIB);
	EXPECT_LE(at, MIB + 65536);
	/* what went in is there, the rest still reads as zeroes, and room can be made */
	EXPECT_EQ(opd_read(&d, at - 131072, mem, 65536), 65536);
	EXPECT_TRUE(mem[0] == 5 && mem[65535] == 5);
	if (by_fd) {
		EXPECT_EQ(by_file(&d, TGT_READ, 4 * MIB, 65536, data), 65536);
		EXPECT_EQ(sys_pread64(data, mem, 65536, 0), 65536);
	} else {
		EXPECT_EQ(opd_read(&d, 4 * MIB, mem, 65536), 65536);
	}
	EXPECT_TRUE(mem[0] == 0 && mem[65535] == 0);
	EXPECT_EQ(opd_simple(&d, TGT_DISCARD, 0, 131072, 0), 0);
	EXPECT_EQ(opd_write(&d, 4 * MIB, mem, 65536, 0), 65536);
	opd_close(&d);
	(void)sys_close(fd);
	(void)sys_close(data);
}

static void is_full(void)
{
	use_dir_mount("", "size=1M");
	fill("?io=mapped", true, -ENOSPC);
	fill("?io=mapped", false, -ENOSPC);
	fill("?io=calls", false, -ENOSPC);
	fill("?io=ring", false, -ENOSPC);
}

/* root has no quota */
static void has_a_quota(void)
{
	use_dir_mount("", "size=8M,mode=1777,usrquota,usrquota_block_hardlimit=1M");
	if (sys_setresuid((u32)-1, 65534, (u32)-1))
		test_skip("no other user here");
	fill("?io=mapped", true, -EDQUOT);
	fill("?io=mapped", false, -EDQUOT);
	fill("?io=ring", false, -EDQUOT);
}

/* --- a block device ------------------------------------------------------------------------ */

/* A loop device over @fd that goes when it is closed; skips where there is none */
static int make_loop(char path[128], int fd, u32 block_bytes)
{
	struct loop_config c = {
		.fd = (u32)fd, .block_size = block_bytes, .info.lo_flags = LO_FLAGS_AUTOCLEAR,
	};
	int ctl = sys_openat(AT_FDCWD, "/dev/loop-control", O_RDWR, 0);
	long nr = ctl < 0 ? ctl : sys_ioctl(ctl, LOOP_CTL_GET_FREE, NULL);
	int loop;

	if (ctl >= 0)
		(void)sys_close(ctl);
	fmt_print(path, 128, "/dev/loop%ld", nr);
	loop = nr < 0 ? (int)nr : sys_openat(AT_FDCWD, path, O_RDWR, 0);
	if (loop < 0 || sys_ioctl(loop, LOOP_CONFIGURE, &c))
		test_skip("no loop devices here");
	return loop;
}

static void on_a_block_device(void)
{
	static const struct way rows[] = {
		{ "", true, true, JUDGE_BLOCKS, 600, NULL, false },
		{ "?direct=0&lock=0", true, false, JUDGE_FILE, 600, NULL, false },
		{ "?io=calls&direct=1&offset=512", true, true, JUDGE_MEM, 300, NULL, false },
		{ "?io=ring&direct=1", true, true, JUDGE_FIXED, 600, shorten, false },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		char path[128];
		int fd = make_memfd(path, 16 * MIB);
		int loop = make_loop(path, fd, 512);

		dice = 9;
		exact_on(&rows[i], 91 + i, path);
		(void)sys_close(loop);
		(void)sys_close(fd);
	}
}

/* What the kernel says about "/dev/loopN": '0' or '1' */
static char is_rotational(const char *path)
{
	char text[2] = "?";
	char name[96];
	int fd;

	fmt_print(name, sizeof(name), "/sys/block/%s/queue/rotational", path + sizeof("/dev"));
	fd = sys_openat(AT_FDCWD, name, O_RDONLY, 0);
	ASSERT_EQ(sys_read(fd, text, 1), 1);
	(void)sys_close(fd);
	return text[0];
}

static void finds_blocks(void)
{
	char path[128];
	char spec[160];
	int fd = make_memfd(path, 16 * MIB);
	int loop = make_loop(path, fd, 4096);
	struct tgt_tree tree;
	struct opdriver d;
	struct diag why;
	int taken;

	fmt_print(spec, sizeof(spec), "file:%s?lbs=512", path);
	EXPECT_ERR(tgt_open(&tree, tgt_types, spec, &why), -EINVAL);
	EXPECT_TRUE(str_ends(why.text, "lbs=512: its own blocks are of 4096"));
	fmt_print(spec, sizeof(spec), "file:%s?size=1M", path);
	EXPECT_ERR(tgt_open(&tree, tgt_types, spec, &why), -EINVAL);
	EXPECT_TRUE(str_ends(why.text, "size=: a block device has the size that it has"));

	fmt_print(spec, sizeof(spec), "file:%s", path);
	taken = sys_openat(AT_FDCWD, path, O_RDWR | O_EXCL, 0);
	ASSERT_OK(taken);
	EXPECT_ERR(tgt_open(&tree, tgt_types, spec, &why), -EBUSY);
	EXPECT_TRUE(str_find(why.text, "mounted, or somebody has it for himself"));
	(void)sys_close(taken);

	opd_open(&d, tgt_types, spec);
	EXPECT_EQ(opd_limits(&d)->logical_shift, 12);
	EXPECT_EQ(opd_limits(&d)->physical_shift, 12);
	EXPECT_EQ(opd_limits(&d)->size_bytes, 16 * MIB);
	EXPECT_EQ(opd_limits(&d)->attrs & UBLK_ATTR_ROTATIONAL ? '1' : '0', is_rotational(path));
	EXPECT_EQ(tgt_seek(d.tree, 4096, false), 4096);
	EXPECT_EQ(tgt_seek(d.tree, 4096, true), 16 * MIB);
	EXPECT_ERR(tgt_resize(d.tree, 32 * MIB, &why), -ENOSPC);
	EXPECT_STREQ(why.text, "the block device has 16777216 bytes");
	/* it grew: now it may, or is told to look */
	ASSERT_OK(sys_ftruncate(fd, 64 * MIB));
	ASSERT_OK(sys_ioctl(loop, LOOP_SET_CAPACITY, NULL));
	ASSERT_OK(tgt_resize(d.tree, 32 * MIB, &why));
	EXPECT_EQ(opd_limits(&d)->size_bytes, 32 * MIB);
	ASSERT_OK(tgt_refresh(d.tree, &why));
	EXPECT_EQ(opd_limits(&d)->size_bytes, 64 * MIB);
	EXPECT_EQ(opd_write(&d, 64 * MIB - 4096, mem, 4096, TGT_F_FUA), 4096);
	/* and this is a disk that cannot be read */
	ASSERT_OK(sys_ftruncate(fd, MIB));
	EXPECT_EQ(opd_read(&d, 32 * MIB, mem, 4096), -EIO);
	EXPECT_EQ(opd_read(&d, 0, mem, 4096), 4096);
	opd_close(&d);
	(void)sys_close(loop);
	(void)sys_close(fd);
}

/* --- durable ---------------------------------------------------------------------------- */

/* The entry that an operation has put on the ring, or NULL */
static const struct io_uring_sqe *entry_of(struct opdriver *d, struct opd_slot *slot)
{
	u32 before = d->ring.sq.sqe_tail;

	(void)opd_start(d, slot);
	if (d->ring.sq.sqe_tail == before)
		return NULL;
	return &d->ring.sq.sqes[before & d->ring.sq_mask];
}

struct durable {
	const char *params;
	bool in_memory;
	bool is_direct;
	u8 flush; /* opcode, or NONE */
	u8 fua;
	bool has_attrs;
};

#define NONE 0xff

static void is_durable(void)
{
	static const struct durable rows[] = {
		{ "", true, false, NONE, NONE, false },
		{ "?io=mapped", false, false, IORING_OP_FSYNC, IORING_OP_FSYNC, true },
		{ "?io=calls&direct=0", false, false, IORING_OP_FSYNC, IORING_OP_FSYNC, true },
		{ "?io=calls&direct=1", false, true, IORING_OP_FSYNC, IORING_OP_FSYNC, true },
		{ "?direct=1", false, true, IORING_OP_FSYNC, IORING_OP_WRITE, true },
		{ "?io=mapped&sync=os", false, false, IORING_OP_SYNC_FILE_RANGE,
		  IORING_OP_SYNC_FILE_RANGE, true },
		{ "?direct=1&sync=os", false, true, NONE, IORING_OP_WRITE, false },
		{ "?direct=1&sync=none", false, true, NONE, IORING_OP_WRITE, false },
		{ "?io=mapped&sync=none", false, false, NONE, NONE, false },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct durable *r = &rows[i];
		char path[128];
		char spec[256];
		int fd = r->in_memory ? make_memfd(path, MIB) : make_file(path, MIB);
		u32 attrs = UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA;
		const struct io_uring_sqe *sqe;
		struct opd_slot *slot;
		struct opdriver d;

		fmt_print(spec, sizeof(spec), "file:%s%s", path, r->params);
		test_row("%s", spec);
		open_or_skip(&d, spec, r->is_direct);
		EXPECT_EQ(opd_limits(&d)->attrs & attrs, r->has_attrs ? attrs : 0);
		slot = opd_slot(&d);
		slot->op.kind = TGT_FLUSH;
		sqe = entry_of(&d, slot);
		EXPECT_EQ(sqe ? sqe->opcode : NONE, r->flush);
		if (sqe && sqe->opcode == IORING_OP_FSYNC)
			EXPECT_TRUE(sqe->fsync_flags == IORING_FSYNC_DATASYNC && !sqe->off &&
				    !sqe->len);
		if (sqe && sqe->opcode == IORING_OP_SYNC_FILE_RANGE)
			EXPECT_EQ(sqe->sync_range_flags, SYNC_FILE_RANGE_WRITE_AND_WAIT);
		EXPECT_EQ(opd_wait(&d, slot), 0);

		slot = opd_slot(&d);
		slot->op.kind = TGT_WRITE;
		slot->op.flags = TGT_F_FUA;
		slot->op.offset_bytes = 8192;
		slot->op.len_bytes = 4096;
		tgt_set_mem(&slot->op, mem);
		sqe = entry_of(&d, slot);
		EXPECT_EQ(sqe ? sqe->opcode : NONE, r->fua);
		if (sqe && sqe->opcode == IORING_OP_WRITE)
			EXPECT_EQ(sqe->rw_flags, r->has_attrs ? RWF_DSYNC : 0);
		else if (sqe)
			EXPECT_TRUE(sqe->off == 8192 && sqe->len == 4096);
		EXPECT_EQ(opd_wait(&d, slot), 4096);
		opd_close(&d);
		(void)sys_close(fd);
	}
}

static const struct test_case cases[] = {
	TEST("mapped, in memory: byte-exact", is_exact, .timeout_ms = 60000, .param = &ways[0]),
	TEST("mapped, in memory, data in a file", is_exact, .timeout_ms = 60000, .param = &ways[1]),
	TEST("mapped, in memory, a window off the pages", is_exact, .timeout_ms = 60000,
	     .param = &ways[2]),
	TEST("calls, in memory", is_exact, .timeout_ms = 60000, .param = &ways[3]),
	TEST("calls, in memory, direct", is_exact, .timeout_ms = 60000, .param = &ways[4]),
	TEST("ring, in memory", is_exact, .timeout_ms = 60000, .param = &ways[5]),
	TEST("mapped, on a disk", is_exact, .timeout_ms = 60000, .param = &ways[6],
	     .fixture = &use_dir_fixture),
	TEST("mapped, on a disk, data in a file, an offset", is_exact, .timeout_ms = 60000,
	     .param = &ways[7], .fixture = &use_dir_fixture),
	TEST("calls, on a disk", is_exact, .timeout_ms = 60000, .param = &ways[8],
	     .fixture = &use_dir_fixture),
	TEST("calls, on a disk, direct, from any memory", is_exact, .timeout_ms = 60000,
	     .param = &ways[9], .fixture = &use_dir_fixture),
	TEST("calls, on a disk, direct, whole blocks", is_exact, .timeout_ms = 60000,
	     .param = &ways[10], .fixture = &use_dir_fixture),
	TEST("ring, on a disk", is_exact, .timeout_ms = 60000, .param = &ways[11],
	     .fixture = &use_dir_fixture),
	TEST("ring, on a disk, direct, from any memory", is_exact, .timeout_ms = 60000,
	     .param = &ways[12], .fixture = &use_dir_fixture),
	TEST("ring, on a disk, direct, whole blocks, an offset", is_exact, .timeout_ms = 60000,
	     .param = &ways[13], .fixture = &use_dir_fixture),
	TEST("ring, on a disk, direct, registered buffers", is_exact, .timeout_ms = 60000,
	     .param = &ways[14], .fixture = &use_dir_fixture),
	TEST("sync=os", is_exact, .timeout_ms = 60000, .param = &ways[15],
	     .fixture = &use_dir_fixture),
	TEST("sync=none", is_exact, .timeout_ms = 60000, .param = &ways[16],
	     .fixture = &use_dir_fixture),
	TEST("a file that is cut short fails what is behind its end, and nobody dies", is_cut_short,
	     .timeout_ms = 30000, .fixture = &use_dir_fixture),
	TEST("short answers, interrupted ones and those that want a thread are gone on with", meddled,
	     .timeout_ms = 60000, .fixture = &use_dir_fixture),
	TEST("a ring that always has to wait is an error in the end", gives_up, .fixture = &use_dir_fixture),
	TEST("errors of the ring are those of the requests", tells_errors,
	     .fixture = &use_dir_fixture),
	TEST("a file system that is full is told, and works on", is_full,
	     .fixture = &use_dir_fixture),
	TEST("a quota that is used up is told", has_a_quota, .fixture = &use_dir_fixture),
	TEST("a block device: byte-exact", on_a_block_device, .timeout_ms = 60000),
	TEST("a block device's blocks, size, holders and errors are its own", finds_blocks),
	TEST("a limit of the file's size is told, also to the second half of a write", tells_a_limit,
	     .fixture = &use_dir_fixture),
	TEST("reading holes takes no memory, and discard gives it back", stays_sparse),
	TEST("FLUSH is fdatasync and FUA that of its range, or what sync= says", is_durable,
	     .timeout_ms = 30000, .fixture = &use_dir_fixture),
};
TEST_SUITE(targets_file_io, cases);
