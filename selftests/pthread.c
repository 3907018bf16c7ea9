/* SPDX-License-Identifier: MIT */
/*
 * uapi/rt/free/thread.h by pthreads, for the hosted build, whose sanitizers want to
 * know of each thread and have stacks of their own size.
 */
#if __STDC_HOSTED__

#include <errno.h>
#include <pthread.h>

#include "uapi/rt/free/thread.h"
#include "uapi/sys.h"

/* Where the freestanding half has the stack */
struct hosted_thread {
	pthread_t thread;
	struct thread *t;
};

static void *entry(void *arg)
{
	struct thread *t = ((struct hosted_thread *)arg)->t;

	t->fn(t->arg);
	__atomic_store_n(&t->alive, 0, __ATOMIC_RELEASE);
	return NULL;
}

int thread_start(struct thread *t, void (*fn)(void *arg), void *arg, u64 stack_bytes)
{
	struct hosted_thread *h;
	int err;

	if (!stack_bytes)
		return -EINVAL;
	err = pages_map(&t->stack, sizeof(*h));
	if (err)
		return err;
	h = t->stack.addr;
	h->t = t;
	t->fn = fn;
	t->arg = arg;
	t->alive = 1;
	err = pthread_create(&h->thread, NULL, entry, h);
	if (err) {
		t->alive = 0;
		pages_unmap(&t->stack);
	}
	return -err;
}

void thread_join(struct thread *t)
{
	struct hosted_thread *h = t->stack.addr;

	if (!h)
		return;
	(void)pthread_join(h->thread, NULL);
	pages_unmap(&t->stack);
}

#endif
