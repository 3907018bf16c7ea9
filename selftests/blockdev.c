/* SPDX-License-Identifier: MIT */
/* The other process: a loop that runs what it is told, one thing at a time. */
#include "selftests/blockdev.h"

#include <asm/errno.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/time_types.h>
#include <linux/wait.h>

#include "selftests/harness/harness.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

#define SIGKILL_NR 9

/* How often it is looked whether the other process is still there */
#define TICK_MS 100

/* Counts that only go up: told is ours, done the other process's. */
struct blockdev_shared {
	u32 told;
	u32 done;
	blockdev_fn *fn; /* NULL: end */
	s64 result;
	u8 arg[BLOCKDEV_ARG_BYTES] __attribute__((aligned(64)));
};

static u32 load(const u32 *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* Pairs with load(): what was written before is seen by who sees the count */
static void count_up(u32 *word)
{
	__atomic_fetch_add(word, 1, __ATOMIC_RELEASE);
	(void)sys_futex(word, FUTEX_WAKE, 1, NULL);
}

static void serve(struct blockdev *b)
{
	struct blockdev_shared *s = b->shared;

	for (u32 seen = 0;; seen++) {
		while (load(&s->told) == seen)
			(void)sys_futex(&s->told, FUTEX_WAIT, seen, NULL);
		if (!s->fn)
			return;
		s->result = s->fn(b, s->arg);
		count_up(&s->done);
	}
}

/* Whoever has ended before the signal was asked for sends none. */
static void die_with(int parent_pid)
{
	(void)sys_prctl(PR_SET_PDEATHSIG, SIGKILL_NR, 0, 0, 0);
	if (sys_getppid() != parent_pid)
		sys_exit_group(0);
}

void blockdev_fork(struct blockdev *b)
{
	int parent_pid = sys_getpid();
	u64 head = pages_round_up(sizeof(struct blockdev_shared));
	long addr = sys_mmap(NULL, head + BLOCKDEV_BUF_BYTES, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ASSERT_OK(addr);
	*b = (struct blockdev){
		.buf = (u8 *)addr + head,
		.fd = -1,
		.shared = (struct blockdev_shared *)addr,
	};
	b->pid = sys_fork();
	ASSERT_OK(b->pid);
	if (b->pid)
		return;
	die_with(parent_pid);
	serve(b);
	sys_exit_group(0);
}

void blockdev_end(struct blockdev *b)
{
	int status;

	if (!b->shared)
		return;
	blockdev_start(b, NULL, NULL, 0);
	(void)sys_wait4(b->pid, &status, 0);
	EXPECT_EQ(status, 0);
	(void)sys_munmap(b->shared, pages_round_up(sizeof(*b->shared)) + BLOCKDEV_BUF_BYTES);
	*b = (struct blockdev){ .fd = -1 };
}

void blockdev_start(struct blockdev *b, blockdev_fn *fn, const void *arg, size_t len_bytes)
{
	ASSERT_EQ(b->shared->told, load(&b->shared->done));
	ASSERT_LE(len_bytes, BLOCKDEV_ARG_BYTES);
	b->shared->fn = fn;
	if (len_bytes)
		memcpy(b->shared->arg, arg, len_bytes);
	count_up(&b->shared->told);
}

bool blockdev_is_done(struct blockdev *b, u32 timeout_ms)
{
	struct blockdev_shared *s = b->shared;
	u64 end_ms = test_now_ms() + timeout_ms;
	u32 done = load(&s->done);

	while (done != s->told) {
		struct __kernel_timespec tick = { .tv_nsec = TICK_MS * 1000000 };
		u64 now_ms = test_now_ms();
		int status;

		if (now_ms >= end_ms)
			return false;
		if (end_ms - now_ms < TICK_MS)
			tick.tv_nsec = (s64)(end_ms - now_ms) * 1000000;
		if (sys_futex(&s->done, FUTEX_WAIT, done, &tick) == -ETIMEDOUT &&
		    sys_wait4(b->pid, &status, WNOHANG) == b->pid)
			test_fail("the process that uses the device has ended, status 0x%x",
				  (u32)status);
		done = load(&s->done);
	}
	return true;
}

s64 blockdev_wait(struct blockdev *b)
{
	if (!blockdev_is_done(b, BLOCKDEV_TIMEOUT_MS))
		test_fail("the process that uses the device hangs");
	return b->shared->result;
}

s64 blockdev_call(struct blockdev *b, blockdev_fn *fn, const void *arg, size_t len_bytes)
{
	blockdev_start(b, fn, arg, len_bytes);
	return blockdev_wait(b);
}

s64 blockdev_fn_open(struct blockdev *b, void *arg)
{
	const struct blockdev_open_arg *a = arg;

	b->fd = sys_openat(AT_FDCWD, a->path, a->flags | O_CLOEXEC, 0);
	return b->fd < 0 ? b->fd : 0;
}

s64 blockdev_fn_close(struct blockdev *b, void *arg)
{
	int err = b->fd < 0 ? 0 : sys_close(b->fd);

	(void)arg;
	b->fd = -1;
	return err;
}

s64 blockdev_fn_do(struct blockdev *b, void *arg)
{
	return blockdev_io(b->fd, arg, b->buf);
}

int blockdev_open(struct blockdev *b, const char *path, int flags)
{
	struct blockdev_open_arg a = { .flags = flags };

	ASSERT_OK(str_copy(a.path, sizeof(a.path), path));
	return (int)blockdev_call(b, blockdev_fn_open, &a, sizeof(a));
}

int blockdev_close(struct blockdev *b)
{
	return (int)blockdev_call(b, blockdev_fn_close, NULL, 0);
}

s64 blockdev_do(struct blockdev *b, const struct oracle_op *op)
{
	return blockdev_call(b, blockdev_fn_do, op, sizeof(*op));
}
