/* SPDX-License-Identifier: MIT */
/* See tools/dm/bulk.h. */
#include "tools/dm/bulk.h"

#include <stdatomic.h>

#include "uapi/rt/free/thread.h"
#include "uapi/rt/mem.h"

/* They wait for the kernel's grace periods: more of them end sooner than its locks cost */
#define NR_THREADS 64
#define STACK_BYTES 16384

struct bulk {
	void (*one)(void *arg, u32 i);
	void *arg;
	u32 nr;
	_Atomic u32 next;
};

static void work(void *arg)
{
	struct bulk *b = arg;
	u32 i;

	/* Only a ticket: what one() reads was there before the threads, and what it
	 * writes is read after them. */
	while ((i = atomic_fetch_add_explicit(&b->next, 1, memory_order_relaxed)) < b->nr)
		b->one(b->arg, i);
}

void dm_bulk(u32 nr, void (*one)(void *arg, u32 i), void *arg)
{
	struct bulk b = { .one = one, .arg = arg, .nr = nr };
	struct thread threads[NR_THREADS - 1] = { { .alive = 0 } };
	u32 nr_threads = 0;

	while (nr_threads < ARRAY_SIZE(threads) && nr_threads + 1 < nr &&
	       !thread_start(&threads[nr_threads], work, &b, STACK_BYTES))
		nr_threads++;
	work(&b);
	while (nr_threads)
		thread_join(&threads[--nr_threads]);
}
