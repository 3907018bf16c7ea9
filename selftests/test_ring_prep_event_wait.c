/* SPDX-License-Identifier: MIT */
/* ring/prep_event.h, proved by doing it: futexes between processes, and children */
#include <linux/fcntl.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/wait.h>

#include "selftests/ring_play.h"

/* futex2's own flags, which <linux/futex.h> has since 6.7 */
enum {
	SIZE_U32 = 2,
	PRIVATE = 128,
};

#define ANY_BIT FUTEX_BITSET_MATCH_ANY

/* Words that children see too */
static u32 *shared_words(void)
{
	long at = sys_mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ASSERT_OK(at);
	return (u32 *)at;
}

static void sleep_on(struct ring *r, const u32 *word, u64 val, u64 mask, u64 tag)
{
	struct io_uring_sqe *sqe = play_sqe(r);

	ring_prep_futex_wait(sqe, word, val, mask, SIZE_U32, 0);
	play_tag(sqe, tag, 0);
	play_submit(r);
}

static s32 wake(struct ring *r, const u32 *word, u64 nr, u64 mask)
{
	ring_prep_futex_wake(play_sqe(r), word, nr, mask, SIZE_U32, 0);
	return play_result(r);
}

static void futexes_refuse(void)
{
	u32 *word = shared_words();
	struct ring r;

	NEED_OP(IORING_OP_FUTEX_WAIT);
	NEED_OP(IORING_OP_FUTEX_WAKE);
	play_ring(&r, 0);
	*word = 5;
	sleep_on(&r, word, 4, ANY_BIT, 0);
	EXPECT_EQ(play_result(&r), -EAGAIN);
	sleep_on(&r, word, 5, 0, 0);
	EXPECT_EQ(play_result(&r), -EINVAL); /* no bit can match */
	sleep_on(&r, word, 1ULL << 32, ANY_BIT, 0);
	EXPECT_EQ(play_result(&r), -EINVAL); /* not a u32 */
	sleep_on(&r, (u32 *)8, 5, ANY_BIT, 0);
	EXPECT_EQ(play_result(&r), -EFAULT);
	sleep_on(&r, (u32 *)((u8 *)word + 1), 5, ANY_BIT, 0);
	EXPECT_EQ(play_result(&r), -EINVAL); /* not aligned */
	ring_prep_futex_wait(play_sqe(&r), word, 5, ANY_BIT, SIZE_U32, 1);
	EXPECT_EQ(play_result(&r), -EINVAL);
	ring_prep_futex_wait(play_sqe(&r), word, 5, ANY_BIT, 1U << 30, 0);
	EXPECT_EQ(play_result(&r), -EINVAL);
	EXPECT_EQ(wake(&r, word, 1, ANY_BIT), 0);
}

static void futexes_wake(void)
{
	u32 *word = shared_words();
	struct ring r;

	NEED_OP(IORING_OP_FUTEX_WAIT);
	play_ring(&r, 0);
	for (u64 i = 0; i < 4; i++)
		sleep_on(&r, word, 0, 1U << i, i);
	play_quiet(&r);
	EXPECT_EQ(wake(&r, word, 4, 0xf0), 0);
	EXPECT_EQ(wake(&r, word, 0, ANY_BIT), 0);
	play_quiet(&r);
	ring_prep_futex_wake(play_sqe(&r), word, 4, 0x4, SIZE_U32, 0);
	for (u32 i = 0; i < 2; i++) { /* itself with 1, and number 2 with 0 */
		struct play_cqe cqe = play_next(&r);

		EXPECT_EQ(cqe.user_data, cqe.res ? 0 : 2);
		EXPECT_EQ(cqe.res, cqe.user_data ? 0 : 1);
	}
	/* one of the three that are left is cancelled, the others go together */
	ring_prep_cancel64(play_sqe(&r), 3, 0);
	for (u32 i = 0; i < 2; i++) {
		struct play_cqe cqe = play_next(&r);

		EXPECT_EQ(cqe.res, cqe.user_data == 3 ? -ECANCELED : 1);
	}
	EXPECT_EQ(sys_futex(word, FUTEX_WAKE, 9, NULL), 2);
	EXPECT_EQ(play_next(&r).res, 0);
	EXPECT_EQ(play_next(&r).res, 0);
	play_quiet(&r);
}

/* All futexes together count as one. */
static void futexes_cancelled(void)
{
	u32 *word = shared_words();
	struct io_uring_sqe *sqe;
	struct ring r;

	NEED_OP(IORING_OP_FUTEX_WAIT);
	play_ring(&r, 0);
	for (u64 i = 0; i < 5; i++)
		sleep_on(&r, word, 0, ANY_BIT, 1);
	sqe = play_sqe(&r);
	ring_prep_cancel64(sqe, 1, IORING_ASYNC_CANCEL_ALL);
	play_tag(sqe, 2, 0);
	for (u32 i = 0; i < 6; i++) {
		struct play_cqe cqe = play_next(&r);

		EXPECT_EQ(cqe.res, cqe.user_data == 2 ? 1 : -ECANCELED);
	}
	play_quiet(&r);
}

/* Words: 0 is what the child sleeps on by the system call, 1 the parent by its ring. */
static void other_side(void *arg)
{
	u32 *words = arg;

	while (__atomic_load_n(&words[0], __ATOMIC_ACQUIRE) == 0)
		sys_futex(&words[0], FUTEX_WAIT, 0, NULL);
	__atomic_store_n(&words[1], 1, __ATOMIC_RELEASE);
	while (sys_futex(&words[1], FUTEX_WAKE, 1, NULL) == 0 &&
	       __atomic_load_n(&words[2], __ATOMIC_ACQUIRE) == 0)
		test_sleep_ms(1);
}

static void futexes_between_processes(void)
{
	u32 *words = shared_words();
	struct ring r;
	int status;
	int pid;

	NEED_OP(IORING_OP_FUTEX_WAIT);
	play_ring(&r, 0);
	pid = sys_fork();
	ASSERT_OK(pid);
	if (!pid) {
		other_side(words);
		sys_exit_group(0);
	}
	sleep_on(&r, &words[1], 0, ANY_BIT, 1);
	play_quiet(&r);
	__atomic_store_n(&words[0], 1, __ATOMIC_RELEASE);
	ring_prep_futex_wake(play_sqe(&r), &words[0], 1, ANY_BIT, SIZE_U32, 0);
	for (u32 i = 0; i < 2; i++) { /* the child may not have slept yet, or no more */
		struct play_cqe cqe = play_next(&r);

		if (cqe.user_data == 1)
			EXPECT_EQ(cqe.res, 0);
		else
			EXPECT_TRUE(cqe.res == 0 || cqe.res == 1);
	}
	EXPECT_EQ(words[1], 1);
	__atomic_store_n(&words[2], 1, __ATOMIC_RELEASE);
	ASSERT_EQ(sys_wait4(pid, &status, 0), pid);
	EXPECT_EQ(test_exited(status), 0);
}

static void futexes_of_several(void)
{
	u32 *words = shared_words();
	struct futex_waitv v[3];
	struct io_uring_sqe *sqe;
	struct ring r;

	NEED_OP(IORING_OP_FUTEX_WAITV);
	play_ring(&r, 0);
	for (u32 i = 0; i < 3; i++)
		v[i] = (struct futex_waitv){ .val = i, .uaddr = RING_PTR(&words[i]),
					     .flags = SIZE_U32 };
	ring_prep_futex_waitv(play_sqe(&r), v, 3, 0);
	EXPECT_EQ(play_result(&r), -EAGAIN); /* words[1] is not 1 */
	words[1] = 1;
	words[2] = 2;
	sqe = play_sqe(&r);
	ring_prep_futex_waitv(sqe, v, 3, 0);
	play_tag(sqe, 1, 0);
	play_submit(&r);
	play_quiet(&r);
	memset(v, 0, sizeof(v)); /* it has been read */
	EXPECT_EQ(sys_futex(&words[2], FUTEX_WAKE, 1, NULL), 1);
	play_expect(&r, 1, 2);
	EXPECT_EQ(sys_futex(&words[1], FUTEX_WAKE, 1, NULL), 0);
	ring_prep_futex_waitv(play_sqe(&r), v, 0, 0);
	EXPECT_EQ(play_result(&r), -EINVAL);
	ring_prep_futex_waitv(play_sqe(&r), v, FUTEX_WAITV_MAX + 1, 0);
	EXPECT_EQ(play_result(&r), -EINVAL);
	ring_prep_futex_waitv(play_sqe(&r), v, 3, 0);
	EXPECT_EQ(play_result(&r), -EINVAL); /* flags 0: the size of a u8 */
}

/* What waitid(2) fills: siginfo_t of SIGCHLD, the same on all of the architectures here */
struct child_info {
	s32 signo;
	s32 err;
	s32 code;
	s32 pad;
	s32 pid;
	u32 uid;
	s32 status;
	s32 rest[25];
};

_Static_assert(sizeof(struct child_info) == 128, "siginfo_t");

enum {
	CHILD_SIGNAL = 17,
	CHILD_EXITED = 1,
	CHILD_KILLED = 2,
};

/* A child that waits until the pipe is written to or closed, then exits */
static int child(int fds[2], int status)
{
	int pid;

	ASSERT_OK(sys_pipe2(fds, O_CLOEXEC));
	pid = sys_fork();
	ASSERT_OK(pid);
	if (!pid) {
		char byte;

		sys_close(fds[1]);
		sys_read(fds[0], &byte, 1);
		sys_exit_group(status);
	}
	sys_close(fds[0]);
	return pid;
}

static void expect_child(const struct child_info *info, s32 pid, s32 code, s32 status)
{
	EXPECT_EQ(info->signo, pid ? CHILD_SIGNAL : 0);
	EXPECT_EQ(info->err, 0);
	EXPECT_EQ(info->code, code);
	EXPECT_EQ(info->pid, pid);
	EXPECT_EQ(info->status, status);
}

static void children(void)
{
	struct child_info info = { .signo = 1, .pid = 1, .code = 1, .status = 1 };
	struct ring r;
	int fds[2];
	int pid;

	NEED_OP(IORING_OP_WAITID);
	play_ring(&r, 0);
	ring_prep_waitid(play_sqe(&r), P_ALL, 0, &info, WEXITED, 0);
	EXPECT_EQ(play_result(&r), -ECHILD);

	pid = child(fds, 7);
	ring_prep_waitid(play_sqe(&r), P_PID, pid, &info, WEXITED | WNOHANG, 0);
	EXPECT_EQ(play_result(&r), 0);
	expect_child(&info, 0, 0, 0); /* none has ended yet */
	ring_prep_waitid(play_sqe(&r), P_PID, pid, &info, WEXITED | WNOWAIT, 0);
	play_submit(&r);
	play_quiet(&r);
	sys_close(fds[1]);
	EXPECT_EQ(play_result(&r), 0);
	expect_child(&info, pid, CHILD_EXITED, 7);
	ring_prep_waitid(play_sqe(&r), P_ALL, 0, NULL, WEXITED, 0);
	EXPECT_EQ(play_result(&r), 0); /* it was still there, and is no more */
	ring_prep_waitid(play_sqe(&r), P_PID, pid, &info, WEXITED, 0);
	EXPECT_EQ(play_result(&r), -ECHILD);

	pid = child(fds, 0);
	ring_prep_waitid(play_sqe(&r), P_PID, pid, &info, WEXITED, 0);
	play_submit(&r);
	ASSERT_OK(sys_kill(pid, 9));
	EXPECT_EQ(play_result(&r), 0);
	expect_child(&info, pid, CHILD_KILLED, 9);
}

static void children_refused(void)
{
	struct child_info info;
	struct io_uring_sqe *sqe;
	struct ring r;
	int fds[2];
	int pid;

	NEED_OP(IORING_OP_WAITID);
	play_ring(&r, 0);
	ring_prep_waitid(play_sqe(&r), P_ALL, 0, &info, 0, 0);
	EXPECT_EQ(play_result(&r), -EINVAL); /* for nothing */
	ring_prep_waitid(play_sqe(&r), 77, 0, &info, WEXITED, 0);
	EXPECT_EQ(play_result(&r), -EINVAL);
	ring_prep_waitid(play_sqe(&r), P_PID, -1, &info, WEXITED, 0);
	EXPECT_EQ(play_result(&r), -EINVAL);
	ring_prep_waitid(play_sqe(&r), P_ALL, 0, &info, WEXITED, 1);
	EXPECT_EQ(play_result(&r), -EINVAL);

	pid = child(fds, 0);
	sqe = play_sqe(&r);
	ring_prep_waitid(sqe, P_PID, pid, &info, WEXITED, 0);
	play_tag(sqe, 1, 0);
	play_submit(&r);
	sqe = play_sqe(&r);
	ring_prep_cancel64(sqe, 1, 0);
	play_tag(sqe, 2, 0);
	for (u32 i = 0; i < 2; i++) {
		struct play_cqe cqe = play_next(&r);

		EXPECT_EQ(cqe.res, cqe.user_data == 2 ? 1 : -ECANCELED);
	}
	sys_close(fds[1]);
	ASSERT_EQ(sys_wait4(pid, &(int){ 0 }, 0), pid); /* it was left alone */
}

static const struct test_case cases[] = {
	TEST("a futex that cannot be waited for is refused", futexes_refuse),
	TEST("a futex wakes those who share a bit, as many as asked for", futexes_wake),
	TEST("all that wait for futexes are cancelled together", futexes_cancelled),
	TEST("a futex wakes another process, and is woken by it", futexes_between_processes),
	TEST("one of several futexes wakes, and is named", futexes_of_several),
	TEST("the end of a child is told, with how it ended", children),
	TEST("a wait for a child is refused or cancelled", children_refused),
};
TEST_SUITE(ring_prep_event_wait, cases);
