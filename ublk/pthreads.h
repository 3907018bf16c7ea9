/* SPDX-License-Identifier: MIT */
/*
 * A thread hook for programs that have pthreads: a header only, so that the
 * library needs none. Signals are blocked in the threads that it starts, and
 * stay the program's. With a strict -std=c11, define _POSIX_C_SOURCE 200809L first.
 *
 *	struct ublk_pthreads pool;
 *	struct ublk_dev_opts opts = { ..., .threads = ublk_pthreads_init(&pool) };
 */
#ifndef UBLK_PTHREADS_H
#define UBLK_PTHREADS_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "ublk/dev.h"

#define UBLK_PTHREADS_MAX 256

struct ublk_pthreads_slot {
	pthread_t thread;
	void (*fn)(void *arg);
	void *arg;
};

/* struct ublk_pthreads - one device's threads; must stay until it is closed */
struct ublk_pthreads {
	struct ublk_threads hook;
	struct ublk_pthreads_slot slots[UBLK_PTHREADS_MAX];
};

static inline void *ublk_pthreads_main(void *arg)
{
	struct ublk_pthreads_slot *slot = arg;

	slot->fn(slot->arg);
	return NULL;
}

static inline int ublk_pthreads_start(void *ctx, u32 idx, void (*fn)(void *arg), void *arg)
{
	struct ublk_pthreads *pool = ctx;
	sigset_t all;
	sigset_t old;
	int err;

	if (idx >= UBLK_PTHREADS_MAX)
		return -E2BIG;
	pool->slots[idx].fn = fn;
	pool->slots[idx].arg = arg;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&pool->slots[idx].thread, NULL, ublk_pthreads_main,
			     &pool->slots[idx]);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}

static inline void ublk_pthreads_join(void *ctx, u32 idx)
{
	struct ublk_pthreads *pool = ctx;

	pthread_join(pool->slots[idx].thread, NULL);
}

/* ublk_pthreads_init() - prepare the pool; returns the hook for ublk_dev_opts.threads */
static inline const struct ublk_threads *ublk_pthreads_init(struct ublk_pthreads *pool)
{
	pool->hook = (struct ublk_threads){
		.start = ublk_pthreads_start,
		.join = ublk_pthreads_join,
		.ctx = pool,
	};
	return &pool->hook;
}

#endif
