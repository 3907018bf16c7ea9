/* SPDX-License-Identifier: MIT */
/*
 * What goes wrong in the kernel: entries that it cannot find, requests and
 * completions that it has no memory for. The latter is real: the case is in a
 * control group whose memory is used up. As long as that lasts nothing may be
 * touched for the first time, or the process sleeps until there is memory; so all
 * that it has is locked before, and a sanitizer, which has memory of its own
 * everywhere, is not taken along. Nor may anything be said: what happens is looked
 * at afterwards. Of what the kernel has to say about it (version 2) the console is
 * spared meanwhile.
 */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "ring/wait.h"
#include "selftests/ring_play.h"
#include "uapi/rt/fmt.h"

#define DEFER (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

/* Entries that the kernel cannot find: only an array that somebody broke does that */

/* A batch of eight, in which one bit of @bad each is an entry that is not there */
static void submit_with_bad(struct ring *r, u32 *array, u32 bad, u64 *next)
{
	u32 first = r->sq.sqe_tail;
	u32 nr_bad = 0;
	u32 dropped = ring_sq_dropped(r);
	struct io_uring_cqe *cqe;
	u32 head;

	for (u32 i = 0; i < 8; i++) {
		struct io_uring_sqe *sqe = ring_get_sqe(r);

		ASSERT_NE(sqe, NULL);
		ring_prep_nop(sqe);
		ring_sqe_set_data64(sqe, *next + i);
		nr_bad += bad >> i & 1;
		array[(first + i) & r->sq_mask] =
			bad >> i & 1 ? 0x80000000 + i : (first + i) & r->sq_mask;
	}
	EXPECT_EQ(ring_submit_and_wait(r, 8 - nr_bad), 8 - nr_bad);
	EXPECT_EQ(ring_sq_dropped(r) - dropped, nr_bad);
	EXPECT_EQ(ring_sq_ready(r), 0);
	EXPECT_EQ(ring_sq_space_left(r), r->sq_entries);
	ring_for_each_cqe(r, head, cqe) {
		while (bad >> (*next % 8) & 1)
			++*next;
		EXPECT_EQ(cqe->user_data, *next);
		++*next;
	}
	ring_cq_advance_to(r, head);
	*next = (*next + 7) & ~7ULL;
	for (u32 i = 0; i < r->sq_entries; i++)
		array[i] = i;
}

static void skipped_entries(void)
{
	static const u32 bad[] = { 0x01, 0x80, 0x10, 0x81, 0x0f, 0xf0,
				    0xaa, 0x55, 0xfe, 0x7f, 0xff, 0 };
	static const u32 flags[] = { 0, DEFER };

	for (size_t k = 0; k < ARRAY_SIZE(flags); k++) {
		struct io_uring_params p = { .flags = flags[k] };
		u64 next = 0;
		struct ring r;

		ASSERT_OK(ring_init(&r, 16, &p));
		for (u32 round = 0; round < 3; round++) {
			for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
				test_row("flags 0x%x, bad 0x%x", flags[k], bad[i]);
				submit_with_bad(&r,
						(void *)((char *)r.shared + p.sq_off.array),
						bad[i], &next);
			}
		}
		ring_exit(&r);
	}
}

/* A control group without memory */

enum { AT_REMOVEDIR_FLAG = 0x200 };

/*
 * Open, since an open may take memory: what to write to for the limit, and to
 * join; and what the console shows, to be put back. The group is the case's own,
 * as is the place where the second hierarchy is mounted: the same test may run
 * twice at a time.
 */
struct group {
	int limit;
	int procs;
	char name[32];
	char mount_point[48];
	char printk[64];
};

#define NR_PARENTS 3

/* Where a group could be made */
static const char *parent_of(const struct group *g, size_t i)
{
	const char *const parents[NR_PARENTS] = {
		"/sys/fs/cgroup/memory", /* version 1 */
		"/sys/fs/cgroup",
		g->mount_point,
	};

	return parents[i];
}

#define PRINTK "/proc/sys/kernel/printk"

/* /name of the group's, or of its parent's if @group is "" */
static int open_in(const char *parent, const char *group, const char *name)
{
	char path[160];

	fmt_print(path, sizeof(path), "%s/%s/%s", parent, group, name);
	return sys_openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
}

static void put(int fd, const char *text)
{
	if (fd >= 0)
		(void)!sys_write(fd, text, str_len(text));
}

static bool try_parent(struct group *g, const char *parent)
{
	int dir = sys_openat(AT_FDCWD, parent, O_RDONLY | O_CLOEXEC, 0);

	if (dir < 0)
		return false;
	put(open_in(parent, "", "cgroup.subtree_control"), "+memory");
	(void)!sys_mkdirat(dir, g->name, 0755);
	sys_close(dir);
	g->limit = open_in(parent, g->name, "memory.max");
	if (g->limit < 0)
		g->limit = open_in(parent, g->name, "memory.limit_in_bytes");
	g->procs = open_in(parent, g->name, "cgroup.procs");
	/* Version 1 would kill for memory, else; version 2 spares those that say so. */
	put(open_in(parent, g->name, "memory.oom_control"), "1");
	return g->limit >= 0 && g->procs >= 0;
}

static void find_group(void)
{
	struct group *g = test_fixture();
	int fd = sys_openat(AT_FDCWD, PRINTK, O_RDONLY | O_CLOEXEC, 0);

	if (SYS_HAS_ASAN)
		test_skip("a sanitizer touches memory of its own when there is none");
	fmt_print(g->name, sizeof(g->name), "bareblk-ring-%d", sys_getpid());
	fmt_print(g->mount_point, sizeof(g->mount_point), "/tmp/%s-cgroup", g->name);
	if (fd >= 0)
		(void)!sys_read(fd, g->printk, sizeof(g->printk) - 1);
	put(sys_openat(AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0), "-1000");
	(void)!sys_mkdirat(AT_FDCWD, g->mount_point, 0755);
	(void)!sys_mount("none", g->mount_point, "cgroup2", 0, NULL);
	for (size_t i = 0; i < NR_PARENTS; i++)
		if (try_parent(g, parent_of(g, i)))
			return;
	test_skip("no control group with a limit on memory can be made here");
}

static void remove_group(void)
{
	const struct group *g = test_fixture();

	if (g->printk[0] >= '5') {
		test_sleep_ms(300); /* some consoles write when they come to it */
		put(sys_openat(AT_FDCWD, PRINTK, O_WRONLY | O_CLOEXEC, 0), g->printk);
	}
	for (size_t i = 0; g->name[0] && i < NR_PARENTS; i++) {
		int dir = sys_openat(AT_FDCWD, parent_of(g, i), O_RDONLY | O_CLOEXEC, 0);

		if (dir < 0)
			continue;
		(void)!sys_unlinkat(dir, g->name, AT_REMOVEDIR_FLAG);
		sys_close(dir);
	}
	(void)!sys_umount2(g->mount_point, 0);
	(void)!sys_unlinkat(AT_FDCWD, g->mount_point, AT_REMOVEDIR_FLAG);
}

static const struct test_fixture group_fixture = {
	.size_bytes = sizeof(struct group),
	.setup = find_group,
	.teardown = remove_group,
};

/* Deeper than anything below goes */
static __attribute__((noinline)) void touch_stack(void)
{
	volatile char deep[65536];

	for (size_t i = 0; i < sizeof(deep); i += 1024)
		deep[i] = 1;
}

/* The process has been forked: without this the first write to any page copies it. */
static void memory_ends(void)
{
	const struct group *g = test_fixture();
	int err;

	touch_stack();
	err = sys_mlockall(MCL_CURRENT);
	if (err)
		test_skip("memory cannot be locked: %s", err_name(err));
	if (g->printk[0] >= '5') /* warnings and below, that is */
		put(sys_openat(AT_FDCWD, PRINTK, O_WRONLY | O_CLOEXEC, 0), "4");
	(void)!sys_write(g->limit, "0", 1);
	(void)!sys_write(g->procs, "0", 1);
}

static void memory_is_back(void)
{
	const struct group *g = test_fixture();

	ASSERT_OK(sys_write(g->limit, "1073741824", 10));
}

static void prep_nops(struct ring *r, u32 nr, u64 user_data)
{
	for (u32 i = 0; i < nr; i++) {
		struct io_uring_sqe *sqe = ring_get_sqe(r);

		if (!sqe)
			return;
		ring_prep_nop(sqe);
		ring_sqe_set_data64(sqe, user_data + i);
	}
}

static void make(struct ring *r, u32 entries, u32 cq_entries, u32 flags)
{
	struct io_uring_params p = { .flags = flags | IORING_SETUP_CQSIZE,
				     .cq_entries = cq_entries };

	ASSERT_OK(ring_init(r, entries, &p));
}

/* All of it once, with memory, so that nothing is touched for the first time later */
static void rehearse(struct ring *r)
{
	prep_nops(r, 8, 0);
	ASSERT_EQ(ring_submit(r), 8);
	ASSERT_OK(ring_get_events(r));
	ASSERT_EQ(ring_submit_and_wait(r, 8), 0);
	ring_cq_advance(r, 8);
	ASSERT_EQ(ring_peek_cqe(r), NULL);
	ASSERT_EQ(ring_cq_overflow(r), 0);
}

/* What the case is given: the ring's flags */
static const u32 plain_flags;
static const u32 defer_flags = DEFER;

static u32 param_flags(void)
{
	return *(const u32 *)test_param();
}

static void no_memory_for_requests(void)
{
	struct io_uring_cqe *cqe;
	struct ring warm;
	struct ring r;
	int got[3];
	u32 ready;
	u32 head;
	u64 next = 1;

	make(&warm, 8, 16, param_flags());
	rehearse(&warm);
	make(&r, 8, 16, param_flags());
	prep_nops(&r, 8, 1);
	memory_ends();
	got[0] = ring_submit(&r);
	got[1] = ring_submit_and_wait(&r, 1);
	got[2] = ring_submit(&r);
	ready = ring_sq_ready(&r);
	memory_is_back();
	for (size_t i = 0; i < ARRAY_SIZE(got); i++)
		EXPECT_ERR(got[i], -EAGAIN);
	EXPECT_EQ(ready, 8);
	EXPECT_EQ(ring_get_sqe(&r), NULL);
	/* Nothing was lost and nothing is done twice. */
	EXPECT_EQ(ring_submit_and_wait(&r, 8), 8);
	ring_for_each_cqe(&r, head, cqe)
		EXPECT_EQ(cqe->user_data, next++);
	EXPECT_EQ(next, 9);
	ring_exit(&r);
	ring_exit(&warm);
}

/*
 * The kernel keeps some requests for the next time. When those are used up it
 * takes fewer than it was given, and has them back when they are done.
 */
static void memory_for_some_requests(void)
{
	struct io_uring_cqe *cqe;
	struct ring r;
	int got;
	u64 next = 1;
	u32 head;

	make(&r, 256, 512, 0);
	rehearse(&r);
	prep_nops(&r, 256, 1);
	memory_ends();
	got = ring_submit_and_wait(&r, 256);
	memory_is_back();
	EXPECT_EQ(got, 256);
	EXPECT_EQ(ring_sq_ready(&r), 0);
	ring_for_each_cqe(&r, head, cqe)
		EXPECT_EQ(cqe->user_data, next++);
	EXPECT_EQ(next, 257);
	ring_exit(&r);
}

/* The ring goes on, and the count stays. */
static void goes_on(struct ring *r)
{
	u32 lost = ring_cq_overflow(r);

	for (u32 i = 0; i < 50; i++) {
		struct io_uring_cqe *cqe;
		u64 next = 100;
		u32 head;

		prep_nops(r, 8, 100);
		ASSERT_EQ(ring_submit_and_wait(r, 8), 8);
		ring_for_each_cqe(r, head, cqe)
			ASSERT_EQ(cqe->user_data, next++);
		ring_cq_advance_to(r, head);
		ASSERT_EQ(next, 108);
	}
	EXPECT_EQ(ring_cq_overflow(r), lost);
}

/* No room in the queue, and no memory to keep what does not fit */
static void lost_completions(void)
{
	struct io_uring_cqe *cqe;
	u32 nr_submitted = 0;
	u32 nr_reaped = 0;
	struct ring r;
	u32 nr_waits = 0;
	int said;
	int again;
	u32 lost;

	make(&r, 8, 8, param_flags());
	rehearse(&r);
	memory_ends();
	while (nr_submitted < 4000 && !ring_cq_overflow(&r)) {
		prep_nops(&r, 8, nr_submitted);
		if (ring_submit_and_get_events(&r) != 8)
			break;
		nr_submitted += 8;
	}
	lost = ring_cq_overflow(&r);
	do { /* those that there was memory for come first */
		nr_reaped += ring_cq_ready(&r);
		ring_cq_advance(&r, ring_cq_ready(&r));
		said = ring_wait_cqe_timeout(&r, &cqe, 0);
	} while (!said && ++nr_waits < 4000);
	again = ring_wait_cqe_timeout(&r, &cqe, 0);
	memory_is_back();
	if (!lost) /* it took from its reserve, as a part that may not wait */
		need_linux("6.18", "completions that are kept in memory of the group");
	EXPECT_EQ(nr_reaped + lost, nr_submitted);
	EXPECT_ERR(said, -EBADR);
	EXPECT_ERR(again, -ETIME);
	goes_on(&r);
	ring_exit(&r);
}

static const struct test_case cases[] = {
	TEST("entries that the kernel cannot find are skipped and counted", skipped_entries),
	TEST("without memory for a request nothing is taken: -EAGAIN", no_memory_for_requests,
	     .fixture = &group_fixture, .param = &plain_flags),
	TEST("and of a ring that defers its work", no_memory_for_requests,
	     .fixture = &group_fixture, .param = &defer_flags),
	TEST("with memory for some requests all are submitted, some at a time",
	     memory_for_some_requests, .fixture = &group_fixture),
	TEST("lost completions are counted, said once by -EBADR, and the ring goes on",
	     lost_completions, .fixture = &group_fixture, .param = &plain_flags),
	TEST("those of a ring that defers its work, too", lost_completions,
	     .fixture = &group_fixture, .param = &defer_flags),
};
TEST_SUITE(ring_faults, cases);
