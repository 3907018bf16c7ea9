/* SPDX-License-Identifier: MIT */
/* uapi/rt/free/signal.h */
#if !__STDC_HOSTED__

#include <asm/errno.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/mman.h>
#include <linux/signalfd.h>

#include "selftests/harness/harness.h"
#include "uapi/rt/free/signal.h"
#include "uapi/rt/free/thread.h"
#include "uapi/rt/pages.h"
#include "uapi/sys.h"

static volatile u32 nr_seen[65];
static volatile u64 seen_misalignment;

static void count(int nr)
{
	nr_seen[nr]++;
	seen_misalignment = (u64)__builtin_frame_address(0) & 15;
}

/* Many values live across the signal: a register that is not restored shows. */
static void handler_returns(void)
{
	u64 a = 1;
	u64 b = 2;
	u64 c = 3;
	u64 d = 4;
	u64 e = 5;
	u64 f = 6;

	ASSERT_OK(signal_handle(SIGUSR1, count, SA_RESTART));
	for (u32 i = 0; i < 1000; i++) {
		ASSERT_OK(sys_kill(sys_getpid(), SIGUSR1));
		ASSERT_EQ(nr_seen[SIGUSR1], i + 1);
		a += i;
		b ^= a;
		c += b;
		d ^= c;
		e += d;
		f ^= e;
	}
	EXPECT_EQ(seen_misalignment, 0);
	EXPECT_EQ(a, 499501);
	EXPECT_NE(b ^ c ^ d ^ e ^ f, 0);
}

static void blocked_waits(void)
{
	u64 old = 0;
	u64 now = 0;

	ASSERT_OK(signal_handle(SIGUSR2, count, 0));
	ASSERT_OK(signal_block(SIGNAL_BIT(SIGUSR2), &old));
	EXPECT_EQ(old & SIGNAL_BIT(SIGUSR2), 0);
	ASSERT_OK(sys_kill(sys_getpid(), SIGUSR2));
	EXPECT_EQ(nr_seen[SIGUSR2], 0);
	ASSERT_OK(signal_unblock(SIGNAL_BIT(SIGUSR2), &now));
	EXPECT_EQ(now, old | SIGNAL_BIT(SIGUSR2));
	EXPECT_EQ(nr_seen[SIGUSR2], 1);
	ASSERT_OK(signal_set_mask(SIGNAL_BIT(SIGUSR2), NULL));
	ASSERT_OK(signal_set_mask(old, &now));
	EXPECT_EQ(now, SIGNAL_BIT(SIGUSR2));
}

static void fd_reads_signals(void)
{
	u64 mask = SIGNAL_BIT(SIGTERM) | SIGNAL_BIT(SIGINT);
	struct signalfd_siginfo info;
	int fd;

	ASSERT_OK(signal_block(mask, NULL));
	fd = signal_fd(mask, true);
	ASSERT_OK(fd);
	EXPECT_ERR(sys_read(fd, &info, sizeof(info)), -EAGAIN);
	ASSERT_OK(sys_kill(sys_getpid(), SIGTERM));
	ASSERT_EQ(sys_read(fd, &info, sizeof(info)), sizeof(info));
	EXPECT_EQ(info.ssi_signo, SIGTERM);
	EXPECT_EQ(info.ssi_pid, sys_getpid());
	EXPECT_ERR(sys_read(fd, &info, sizeof(info)), -EAGAIN);
	sys_close(fd);
}

static void kill_self(void *arg)
{
	ASSERT_OK(sys_kill(sys_getpid(), *(int *)arg));
}

static void ignored_and_default(void)
{
	int nr = SIGTERM;

	ASSERT_OK(signal_ignore(SIGTERM));
	EXPECT_EQ(test_run_child(kill_self, &nr), 0);
	ASSERT_OK(signal_default(SIGTERM));
	EXPECT_EQ(test_signal(test_run_child(kill_self, &nr)), SIGTERM);
}

static void refuses_the_impossible(void)
{
	EXPECT_ERR(signal_handle(SIGKILL, count, 0), -EINVAL);
	EXPECT_ERR(signal_handle(SIGSTOP, count, 0), -EINVAL);
	EXPECT_ERR(signal_handle(65, count, 0), -EINVAL);
	EXPECT_ERR(signal_handle(0, count, 0), -EINVAL);
}

static void raise_in_thread(void *arg)
{
	u64 *mask = arg;

	(void)!signal_block(0, mask);
	for (int i = 0; i < 100; i++)
		sys_kill(sys_getpid(), SIGUSR1);
}

static void threads_handle_too(void)
{
	struct thread threads[4] = { { .alive = 0 } };
	u64 masks[4] = { 0 };

	ASSERT_OK(signal_handle(SIGUSR1, count, SA_RESTART));
	ASSERT_OK(signal_block(SIGNAL_BIT(SIGUSR2), NULL));
	for (int i = 0; i < 4; i++)
		ASSERT_OK(thread_start(&threads[i], raise_in_thread, &masks[i], 65536));
	for (int i = 0; i < 4; i++) {
		thread_join(&threads[i]);
		EXPECT_EQ(masks[i] & SIGNAL_BIT(SIGUSR2), SIGNAL_BIT(SIGUSR2));
	}
	EXPECT_GE(nr_seen[SIGUSR1], 1);
}

static const void *volatile fault_at;

/* Makes what was touched there, so that it can be touched again */
static void mend(int nr, const struct siginfo *info, void *context)
{
	u64 page = (u64)(uintptr_t)info->si_addr & ~(pages_size() - 1);

	(void)context;
	nr_seen[nr]++;
	fault_at = info->si_addr;
	if (sys_mprotect((void *)(uintptr_t)page, pages_size(), PROT_READ | PROT_WRITE))
		(void)!signal_default(nr);
}

static void handler_is_told_where(void)
{
	struct pages p;
	volatile u8 *mem;

	ASSERT_OK(pages_map(&p, 2 * pages_size()));
	mem = p.addr;
	mem[pages_size() + 5] = 9;
	ASSERT_OK(sys_mprotect((u8 *)p.addr + pages_size(), pages_size(), PROT_NONE));
	ASSERT_OK(signal_handle_info(SIGSEGV, mend, 0));
	EXPECT_EQ(mem[pages_size() + 5], 9);
	EXPECT_EQ(nr_seen[SIGSEGV], 1);
	EXPECT_EQ(fault_at, (u8 *)p.addr + pages_size() + 5);
	pages_unmap(&p);
}

static const struct test_case cases[] = {
	TEST("a handler runs and returns a thousand times", handler_returns),
	TEST("a blocked signal waits until it is unblocked", blocked_waits),
	TEST("a signalfd gives each signal once", fd_reads_signals),
	TEST("a signal can be ignored and set back", ignored_and_default),
	TEST("signals that cannot be caught are refused", refuses_the_impossible),
	TEST("a handler is told where a fault was, and mends it", handler_is_told_where),
	TEST("threads inherit the mask and handle signals", threads_handle_too),
};
TEST_SUITE(rt_signal, cases);

#endif
