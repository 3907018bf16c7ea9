/* SPDX-License-Identifier: MIT */
/*
 * Threads by clone(2), for programs without a libc. There is no thread-local
 * storage; a thread has the signal mask of the one that started it. One thread
 * at a time may start or join a given struct thread.
 */
#ifndef UAPI_RT_FREE_THREAD_H
#define UAPI_RT_FREE_THREAD_H

#include "uapi/rt/pages.h"
#include "uapi/types.h"

/**
 * struct thread - one thread; stays where it is until it was joined
 * @stack: guard page and stack, one mapping
 * @alive: the thread's id, set and at its end cleared by the kernel
 * @id:    the thread's id, for the caller (sched_setaffinity and the like)
 * @name:  set before thread_start(): what ps shows, 15 characters; NULL for the program's
 */
struct thread {
	struct pages stack;
	u32 alive;
	s32 id;
	const char *name;
	void (*fn)(void *arg);
	void *arg;
};

/**
 * thread_start() - run fn(arg) in a new thread
 * @stack_bytes: rounded up to whole pages; a guard page below it comes on top
 *
 * The thread ends when fn returns. It sees everything that was written before
 * the call.
 *
 * Return: 0, or with nothing left behind
 *   -EINVAL  stack_bytes is 0
 *   -ENOMEM  no memory for the stack or the task
 *   -EAGAIN  a limit on tasks was reached (RLIMIT_NPROC, pids.max)
 */
NODISCARD int thread_start(struct thread *t, void (*fn)(void *arg), void *arg, u64 stack_bytes);

/**
 * thread_join() - wait until it has ended, and free its stack
 *
 * Everything that the thread wrote is seen afterwards. Safe on a zeroed struct
 * and on one that was joined.
 */
void thread_join(struct thread *t);

/**
 * thread_join_for() - thread_join() that gives up
 *
 * Return: 0, or -ETIMEDOUT: it still runs and may be joined again
 */
NODISCARD int thread_join_for(struct thread *t, u64 timeout_ns);

#endif
