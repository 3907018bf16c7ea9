/* SPDX-License-Identifier: MIT */
/* The bitmap of a mirror: what it says after a kill, and what is refused of it. */
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/wait.h>

#include "selftests/broken.h"
#include "selftests/harness/harness.h"
#include "selftests/judge.h"
#include "selftests/mirror_rig.h"
#include "selftests/use_dir.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/targets/mirror_parts.h"

#define MIB (1U << 20)
#define DISK_BYTES (16U * MIB)
#define NR_KILLS 20
#define KILLED_AT_A_TIME 6

/* %D in a pattern is the case's directory */
static const char *in_dir(const char *pattern)
{
	static char text[512];
	const struct use_dir *dir = test_fixture();
	struct fmt_buf b = { .text = text, .size = sizeof(text) };

	for (; *pattern; pattern++) {
		if (pattern[0] == '%' && pattern[1] == 'D')
			fmt_add(&b, "%s", dir->path), pattern++;
		else
			fmt_add_bytes(&b, pattern, 1);
	}
	ASSERT_TRUE(!fmt_truncated(&b));
	return text;
}

static void open_tree(struct tgt_tree *tree, const char *pattern)
{
	struct diag why = { .text = "" };
	int err = tgt_open(tree, broken_types, in_dir(pattern), &why);

	/* The kernel closes the files of a ring some time after a process was killed. */
	for (u32 i = 0; err == -EBUSY && i < 3000; i++) {
		test_sleep_ms(10);
		err = tgt_open(tree, broken_types, in_dir(pattern), &why);
	}
	if (err)
		test_fail("%s", why.text);
}

/* --- killed ------------------------------------------------------------------------------- */

static const struct oracle_mix mix = {
	.read = 1, .write = 16, .flush = 1, .discard = 1, .zero = 1, .max_blocks = 64,
	.fua_of_16 = 1,
};

#define LEGS "[file:%D/a?size=16M],[delay?by=2ms:[file:%D/b?size=16M]]"
#define MIRROR "mirror?bitmap=%D/map&region=64K:" LEGS

/* Writes for as long as it lives: one that the oracle knows, and others that nobody
 * waits for, at places that it does not look at */
static void write_until_killed(struct oracle *o, u64 seed, u32 *has_begun)
{
	static u8 mem[KILLED_AT_A_TIME][4096];
	struct opd_slot *slots[KILLED_AT_A_TIME];
	struct diag why = { .text = "" };
	struct tgt_tree tree;
	struct opdriver d;
	struct judge j;

	open_tree(&tree, MIRROR);
	opd_attach(&d, &tree, 0);
	judge_init(&j, &d, o, mix.max_blocks * 512, 4, seed);
	for (;;) {
		struct oracle_op op;

		for (u32 i = 0; i < KILLED_AT_A_TIME; i++) {
			u64 block = oracle_below(&seed, DISK_BYTES / 2 / 4096);

			slots[i] = opd_slot(&d);
			memset(mem[i], (int)seed, sizeof(mem[i]));
			slots[i]->op.kind = TGT_WRITE;
			slots[i]->op.offset_bytes = DISK_BYTES / 2 + block * 4096;
			slots[i]->op.len_bytes = sizeof(mem[i]);
			tgt_set_mem(&slots[i]->op, mem[i]);
			(void)opd_start(&d, slots[i]);
		}
		__atomic_store_n(has_begun, 1, __ATOMIC_RELEASE);
		oracle_pick(o, &seed, &mix, 0, DISK_BYTES / 2, &op);
		if (judge_op(&j, &op, &why))
			test_fail("%s", why.text);
		for (u32 i = 0; i < KILLED_AT_A_TIME; i++)
			ASSERT_EQ(opd_wait(&d, slots[i]), 4096);
	}
}

static void kill_one(struct oracle *o, u64 seed, u32 ms)
{
	long addr = sys_mmap(NULL, sizeof(u32), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			     -1, 0);
	u32 *has_begun = (u32 *)addr;
	int status;
	int pid;

	ASSERT_TRUE(addr > 0);
	pid = sys_fork();
	ASSERT_OK(pid);
	if (!pid)
		write_until_killed(o, seed, has_begun);
	/* A kill of one that has not begun to write shows nothing. */
	while (!__atomic_load_n(has_begun, __ATOMIC_ACQUIRE)) {
		test_sleep_ms(1);
		ASSERT_EQ(sys_wait4(pid, &status, WNOHANG), 0);
	}
	test_sleep_ms(ms);
	ASSERT_OK(sys_kill(pid, SIGKILL));
	ASSERT_EQ(sys_wait4(pid, &status, 0), pid);
	ASSERT_EQ(test_signal(status), SIGKILL);
	(void)sys_munmap(has_begun, sizeof(u32));
}

static bool legs_differ(void)
{
	struct tgt_tree tree;
	s64 at;

	open_tree(&tree, "mirror?clean=1:[file:%D/a],[file:%D/b]");
	at = mirror_differs(&tree);
	tgt_close(&tree);
	return at >= 0;
}

/* Everything that was answered is there, also before all was copied again. */
static void resume(struct oracle *o, u64 *copied)
{
	struct diag why = { .text = "" };
	struct tgt_tree tree;
	struct opdriver d;
	struct judge j;

	open_tree(&tree, MIRROR);
	*copied = mirror_number(&tree, "dirty_regions") * 65536;
	opd_attach(&d, &tree, 0);
	judge_init(&j, &d, o, MIB, 4, 5);
	for (u64 at = 0; at < DISK_BYTES / 2; at += MIB) {
		const struct oracle_op op = {
			.kind = ORACLE_READ, .offset_bytes = at, .len_bytes = MIB,
		};

		if (judge_op(&j, &op, &why))
			test_fail("%s", why.text);
	}
	mirror_settle(&d);
	judge_exit(&j);
	opd_close(&d);
	tgt_close(&tree);
}

static void killed(void)
{
	struct oracle o;
	u64 random = 5;
	u32 nr_differed = 0;
	u32 nr_partial = 0;

	ASSERT_OK(oracle_init(&o, DISK_BYTES, 512, 3));
	/* a kill that leaves nothing to be done shows nothing: another one, then */
	for (u32 i = 0; i < NR_KILLS || (i < 4 * NR_KILLS && (nr_differed < NR_KILLS / 2 ||
							       nr_partial < NR_KILLS / 2)); i++) {
		u64 copied;

		test_row("kill %u", i);
		kill_one(&o, 1000 + i, 5 + (u32)oracle_below(&random, 60));
		nr_differed += legs_differ();
		/* now and then it is killed again before it has everything */
		if (oracle_below(&random, 4) == 0)
			kill_one(&o, 2000 + i, 5 + (u32)oracle_below(&random, 20));
		resume(&o, &copied);
		nr_partial += copied < DISK_BYTES;
		if (legs_differ())
			test_fail("kill %u: the legs are not the same", i);
	}
	EXPECT_GE(nr_differed, NR_KILLS / 2);
	EXPECT_GE(nr_partial, NR_KILLS / 2);
	oracle_exit(&o);
}

/* --- what it says --------------------------------------------------------------------------- */

#define SMALL "[ram:4M],[ram:4M]"

static u64 dirty_after(const char *pattern, void (*use)(struct tgt_tree *tree))
{
	struct tgt_tree tree;
	u64 nr;

	open_tree(&tree, pattern);
	nr = mirror_number(&tree, "dirty_regions");
	if (use)
		use(&tree);
	tgt_close(&tree);
	return nr;
}

static void copy_all(struct tgt_tree *tree)
{
	struct opdriver d;

	opd_attach(&d, tree, 0);
	mirror_settle(&d);
	opd_close(&d);
}

static void write_one(struct tgt_tree *tree)
{
	static u8 mem[4096];
	struct opdriver d;

	opd_attach(&d, tree, 0);
	ASSERT_EQ(opd_write(&d, 3 * MIB, mem, sizeof(mem), 0), sizeof(mem));
	opd_close(&d);
}

static void note_complete(void *ctx, u32 percent, bool is_complete)
{
	EXPECT_EQ(percent, 100);
	*(u32 *)ctx += is_complete;
}

static void is_told(struct tgt_tree *tree)
{
	u32 nr_complete = 0;
	const struct mirror_events events = { .progress = note_complete, .ctx = &nr_complete };
	struct opdriver d;

	ASSERT_OK(mirror_watch(tree, &events));
	opd_attach(&d, tree, 0);
	opd_poll(&d);
	EXPECT_EQ(nr_complete, 1);
	opd_close(&d);
}

/* A ram disk does not outlive its tree, but what the file says does. */
static void remembering(void)
{
	EXPECT_EQ(dirty_after("mirror?bitmap=%D/m:" SMALL, NULL), 4);
	EXPECT_EQ(dirty_after("mirror?bitmap=%D/m:" SMALL, copy_all), 4);
	EXPECT_EQ(dirty_after("mirror?bitmap=%D/m:" SMALL, write_one), 0);
	/* it was ended properly: both legs were flushed */
	EXPECT_EQ(dirty_after("mirror?bitmap=%D/m:" SMALL, is_told), 0);
	EXPECT_EQ(dirty_after("mirror?bitmap=%D/new&clean=1:" SMALL, NULL), 0);
}

static u64 hash_of(const char *path)
{
	static u8 mem[65536];
	u64 hash = 1;
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	long n;

	ASSERT_OK(fd);
	while ((n = sys_read(fd, mem, sizeof(mem))) > 0)
		for (long i = 0; i < n; i++)
			hash = (hash ^ mem[i]) * 0x100000001b3ULL;
	(void)sys_close(fd);
	return hash;
}

static void open_beside(struct tgt_tree *tree, const struct tgt_tree *old, const char *pattern)
{
	s32 fds[TGT_MAX_NODES];
	u32 nr = tgt_hand_over(old, fds);
	struct diag why;

	for (u32 i = 0; i < nr; i++)
		if (fds[i] >= 0)
			fds[i] = sys_fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
	if (tgt_open_handed(tree, broken_types, in_dir(pattern), fds, nr, &why))
		test_fail("%s", why.text);
}

/* Whoever takes it over writes nothing while the other does, and then has what that has left */
static void handing_over(void)
{
	static const char pattern[] =
		"mirror?bitmap=%D/m:[file:%D/a?size=4M],[file:%D/b?size=4M]";
	struct tgt_tree old;
	struct tgt_tree new;
	struct diag why;
	char path[512];
	u64 hash;

	ASSERT_OK(str_copy(path, sizeof(path), in_dir("%D/m")));
	open_tree(&old, pattern);
	EXPECT_EQ(mirror_number(&old, "dirty_regions"), 4);
	hash = hash_of(path);
	open_beside(&new, &old, pattern);
	EXPECT_EQ(mirror_number(&new, "dirty_regions"), 4);
	copy_all(&old);
	EXPECT_EQ(mirror_number(&old, "dirty_regions"), 0);
	/* it gives up: it has left no trace */
	hash = hash_of(path);
	tgt_close(&new);
	EXPECT_EQ(hash_of(path), hash);
	/* what it knows is old, and it is told so */
	open_beside(&new, &old, pattern);
	write_one(&old);
	tgt_close(&old);
	ASSERT_OK(tgt_resume(&new, &why));
	EXPECT_EQ(mirror_number(&new, "dirty_regions"), 0);
	tgt_close(&new);
	EXPECT_EQ(dirty_after(pattern, NULL), 0);
}

/* A leg that has failed is known to have after the next start, whichever it was */
static void fails_then_writes(struct tgt_tree *tree)
{
	static u8 mem[4096];
	struct opdriver d;

	opd_attach(&d, tree, 0);
	mirror_settle(&d);
	ASSERT_EQ(opd_write(&d, MIB, mem, sizeof(mem), 0), sizeof(mem));
	broken_fail(tree, 0, 1 << TGT_WRITE | 1 << TGT_FLUSH, 0, ~0ULL);
	ASSERT_EQ(opd_write(&d, 2 * MIB, mem, sizeof(mem), 0), sizeof(mem));
	ASSERT_EQ(opd_write(&d, 3 * MIB, mem, sizeof(mem), 0), sizeof(mem));
	opd_close(&d);
	EXPECT_EQ(mirror_number(tree, "failed_leg"), 1);
}

static void knowing_failures(void)
{
	struct tgt_tree tree;
	struct opdriver d;
	u8 mem[4096];

	(void)dirty_after("mirror?bitmap=%D/m:[fail:[file:%D/a?size=4M]],[file:%D/b?size=4M]",
			  fails_then_writes);
	open_tree(&tree, "mirror?bitmap=%D/m&paused=1:[fail:[file:%D/a]],[file:%D/b]");
	EXPECT_GE(mirror_number(&tree, "dirty_regions"), 3);
	EXPECT_EQ(mirror_number(&tree, "failed_leg"), 0);
	/* the first leg is not asked for what it lacks */
	broken_fail(&tree, 0, 1 << TGT_READ, 0, ~0ULL);
	opd_attach(&d, &tree, 0);
	EXPECT_EQ(opd_read(&d, 2 * MIB, mem, sizeof(mem)), sizeof(mem));
	EXPECT_EQ(opd_read(&d, 3 * MIB, mem, sizeof(mem)), sizeof(mem));
	EXPECT_EQ(mirror_number(&tree, "read_errors"), 0);
	ASSERT_OK(mirror_says(&tree, "resume"));
	mirror_settle(&d);
	opd_close(&d);
	broken_fail(&tree, 0, 0, 0, 0);
	EXPECT_EQ(mirror_differs(&tree), -1);
	tgt_close(&tree);
}

/* Returns what is copied to the second leg after it has failed for a moment */
static u64 copied_after_failure(struct tgt_tree *tree, struct opdriver *d)
{
	static u8 mem[4096];

	broken_fail(tree, 0, 1 << TGT_WRITE, 0, ~0ULL);
	ASSERT_EQ(opd_write(d, 3 * MIB, mem, sizeof(mem), 0), sizeof(mem));
	broken_fail(tree, 0, 0, 0, 0);
	ASSERT_OK(mirror_says(tree, "reconnect"));
	mirror_settle(d);
	return mirror_number(tree, "copied_bytes");
}

/* What is quiet is not copied when a leg fails later: after a few seconds, more of them
 * on a machine that has other things to do */
static void tidying(void)
{
	struct tgt_tree tree;
	struct opdriver d;
	u64 copied = ~0ULL;

	open_tree(&tree, "mirror?bitmap=%D/m:[ram:16M],[fail:[ram:16M]]");
	opd_attach(&d, &tree, 0);
	mirror_settle(&d);
	for (u32 i = 0; copied > MIB && i < 5; i++) {
		u64 end = test_now_ms() + 4000;

		while (test_now_ms() < end)
			opd_poll(&d);
		copied = copied_after_failure(&tree, &d);
	}
	EXPECT_LE(copied, MIB);
	opd_close(&d);
	tgt_close(&tree);
}

/* --- on the disk ------------------------------------------------------------------------ */

/* What a kill does not show: a page cache outlives it. Of the map's writes, by what
 * the kernel is asked for: durable ones, and no leg gets anything before they are. */
static struct {
	s32 map_fd;
	u64 under_way; /* user_data of the map's write, or 0 */
	u64 bits;      /* of regions, and which leg has failed, as it will be in the file ... */
	u32 failed;
	u64 kept_bits; /* ... and as it is */
	u32 kept_failed;
	u32 len;
	u32 nr_kept;
	u32 nr_leg_writes;
} order;

#define ORDER_LEG(name) "file:%D/" name "?size=4M&direct=0&io=ring"
#define ORDER_LEGS "[" ORDER_LEG("a") "],[fail:[" ORDER_LEG("b") "]]"
#define FAILED_AT 32 /* struct header, mirror_map.c */
#define BITS_AT 4096

static void look_at_map(const struct io_uring_sqe *sqe)
{
	const u8 *image = (const u8 *)(uintptr_t)sqe->addr - sqe->off;

	EXPECT_EQ(order.under_way, 0);
	if (!(sqe->rw_flags & RWF_DSYNC))
		test_fail("the map is written without RWF_DSYNC");
	order.under_way = sqe->user_data;
	order.len = sqe->len;
	order.bits = order.kept_bits;
	order.failed = order.kept_failed;
	if (!sqe->off)
		memcpy(&order.failed, image + FAILED_AT, sizeof(order.failed));
	if (sqe->off + sqe->len <= BITS_AT)
		return;
	order.bits = 0;
	for (u32 r = 0; r < 64; r++)
		order.bits |= (u64)!!(image[BITS_AT + r / 4] >> 2 * (r % 4) & 3) << r;
}

static void look_at_sqe(struct io_uring_sqe *sqe)
{
	bool is_write = sqe->opcode == IORING_OP_WRITE || sqe->opcode == IORING_OP_WRITEV ||
			sqe->opcode == IORING_OP_WRITE_FIXED;

	if (!is_write)
		return;
	if (sqe->fd == order.map_fd) {
		look_at_map(sqe);
		return;
	}
	order.nr_leg_writes++;
	if (!(order.kept_bits >> (sqe->off / 65536) & 1))
		test_fail("a leg gets what the map does not tell of yet, at %llu", sqe->off);
}

static void look_at_cqe(u64 user_data, s32 res)
{
	if (!order.under_way || user_data != order.under_way)
		return;
	EXPECT_EQ(res, order.len);
	order.under_way = 0;
	order.kept_bits = order.bits;
	order.kept_failed = order.failed;
	order.nr_kept++;
}

static void keeping_order(void)
{
	static u8 mem[4096];
	struct opd_slot *slots[8];
	struct tgt_tree tree;
	struct opdriver d;

	open_tree(&tree, "mirror?bitmap=%D/m&clean=1&region=64K:" ORDER_LEGS);
	order.map_fd = ((const struct mirror *)tree.root->state)->map.fd;
	opd_attach(&d, &tree, 0);
	d.meddle = look_at_sqe;
	d.saw_cqe = look_at_cqe;
	/* one by one, each in a region of its own, and twice there: one save for both */
	for (u64 i = 0; i < 32; i++)
		ASSERT_EQ(opd_write(&d, i / 2 * 65536 + i % 2 * 4096, mem, sizeof(mem), 0),
			  sizeof(mem));
	EXPECT_EQ(order.nr_leg_writes, 64);
	EXPECT_GE(order.nr_kept, 16);
	/* and some at a time */
	for (u32 i = 0; i < ARRAY_SIZE(slots); i++) {
		slots[i] = opd_slot(&d);
		slots[i]->op.kind = TGT_WRITE;
		slots[i]->op.offset_bytes = (40 + i) * 65536ULL;
		slots[i]->op.len_bytes = sizeof(mem);
		tgt_set_mem(&slots[i]->op, mem);
		(void)opd_start(&d, slots[i]);
	}
	for (u32 i = 0; i < ARRAY_SIZE(slots); i++)
		ASSERT_EQ(opd_wait(&d, slots[i]), sizeof(mem));
	EXPECT_EQ(order.nr_leg_writes, 80);
	/* which leg has failed is in the file before that is answered which it lacks */
	EXPECT_EQ(order.kept_failed, 0);
	broken_fail(&tree, 0, 1 << TGT_WRITE, 0, ~0ULL);
	ASSERT_EQ(opd_write(&d, 0, mem, sizeof(mem), 0), sizeof(mem));
	EXPECT_EQ(order.kept_failed, 2);
	opd_close(&d);
	tgt_close(&tree);
}

/* --- refused ---------------------------------------------------------------------------------- */

static void write_at(const char *path, u64 at, const void *mem, u64 len)
{
	int fd = sys_openat(AT_FDCWD, path, O_WRONLY | O_CREAT, 0600);

	ASSERT_OK(fd);
	ASSERT_EQ(sys_pwrite64(fd, mem, len, at), len);
	(void)sys_close(fd);
}

static void truncate_to(const char *path, u64 len)
{
	int fd = sys_openat(AT_FDCWD, path, O_WRONLY, 0);

	ASSERT_OK(fd);
	ASSERT_OK(sys_ftruncate(fd, len));
	(void)sys_close(fd);
}

static void is_refused(const char *pattern, int err, const char *says)
{
	struct diag why = { .text = "" };
	struct tgt_tree tree;

	test_row("%s", pattern);
	EXPECT_ERR(tgt_open(&tree, broken_types, in_dir(pattern), &why), err);
	if (!str_find(why.text, says))
		test_fail("it says: %s", why.text);
}

static void make_map(void)
{
	char path[128];

	(void)sys_unlinkat(AT_FDCWD, use_dir_path(path, "m"), 0);
	(void)dirty_after("mirror?bitmap=%D/m:[ram:5M],[ram:5M]", NULL);
}

static void refusing(void)
{
	static const char junk[64] = "something that is not of ours";
	const char ones = '\xff';
	char path[128];

	use_dir_path(path, "m");
	make_map();
	is_refused("mirror?bitmap=%D/m:[ram:8M],[ram:8M]", -EINVAL,
		   "it is of a mirror of 5242880 bytes, not 8388608");
	is_refused("mirror?bitmap=%D/m&region=64K:[ram:5M],[ram:5M]", -EINVAL,
		   "it has regions of 1048576, not 65536");
	is_refused("mirror?bitmap=%D/none/m:[ram:5M],[ram:5M]", -ENOENT, "cannot be opened");
	is_refused("mirror?bitmap=%D/m:[mirror?bitmap=%D/m:[ram:5M],[ram:5M]],[ram:5M]", -EBUSY,
		   "locked by process");
	write_at(path, 0, junk, sizeof(junk));
	is_refused("mirror?bitmap=%D/m:[ram:5M],[ram:5M]", -EINVAL, "it is no bitmap of a mirror");
	truncate_to(path, 7);
	is_refused("mirror?bitmap=%D/m:[ram:5M],[ram:5M]", -EINVAL, "it is no bitmap of a mirror");
	make_map();
	truncate_to(path, 4097);
	is_refused("mirror?bitmap=%D/m:[ram:5M],[ram:5M]", -EINVAL, "it is cut short");
	make_map();
	write_at(path, 4097, &ones, 1);
	is_refused("mirror?bitmap=%D/m:[ram:5M],[ram:5M]", -EINVAL, "it is damaged");
	make_map();
	write_at(path, 8, &ones, 1);
	is_refused("mirror?bitmap=%D/m:[ram:5M],[ram:5M]", -EINVAL, "it is of version 255, not 1");
	/* every other byte of the head that is another one */
	for (u64 at = 12; at < 40; at++) {
		make_map();
		write_at(path, at, &ones, 1);
		is_refused("mirror?bitmap=%D/m:[ram:5M],[ram:5M]", -EINVAL, "it is damaged");
	}
	truncate_to(path, 0);
	EXPECT_EQ(dirty_after("mirror?bitmap=%D/m:[ram:5M],[ram:5M]", NULL), 5);
}

static const struct test_case cases[] = {
	TEST("killed at twenty moments, it loses nothing and copies what differs", killed,
	     .timeout_ms = 60000, .fixture = &use_dir_fixture),
	TEST("a mirror that was ended knows what there is to copy", remembering,
	     .fixture = &use_dir_fixture),
	TEST("another server takes over what this one has left", handing_over,
	     .fixture = &use_dir_fixture),
	TEST("after a start it knows which leg had failed", knowing_failures,
	     .fixture = &use_dir_fixture),
	TEST("regions that are quiet are not copied for a leg that fails later", tidying,
	     .fixture = &use_dir_fixture),
	TEST("it is on the disk before a leg gets what it tells of, and before a failure is answered",
	     keeping_order, .fixture = &use_dir_fixture),
	TEST("a file that is no such bitmap is refused, whatever is in it", refusing,
	     .fixture = &use_dir_fixture),
};
TEST_SUITE(targets_mirror_map, cases);
