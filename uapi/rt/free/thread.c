/* SPDX-License-Identifier: MIT */
/* Threads by clone(2): a mapping for guard page and stack, a futex for the end. */
#include <asm/errno.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/time_types.h>

#include "uapi/rt/free/thread.h"
#include "uapi/sys.h"

#define THREAD_FLAGS                                                                               \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |        \
	 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

static void thread_entry(void *arg)
{
	struct thread *t = arg;

	if (t->name)
		sys_prctl(PR_SET_NAME, (u64)t->name, 0, 0, 0);
	t->fn(t->arg);
}

int thread_start(struct thread *t, void (*fn)(void *arg), void *arg, u64 stack_bytes)
{
	u64 guard_bytes = pages_size();
	char *top;
	int err;

	if (!stack_bytes)
		return -EINVAL;
	if (__builtin_add_overflow(stack_bytes, guard_bytes, &stack_bytes))
		return -ENOMEM;
	err = pages_map(&t->stack, stack_bytes);
	if (err)
		return err;
	err = sys_mprotect(t->stack.addr, guard_bytes, PROT_NONE);
	if (err)
		goto out_unmap;

	t->fn = fn;
	t->arg = arg;
	top = (char *)t->stack.addr + t->stack.len_bytes;
	/*
	 * The kernel stores the id in alive before either side returns. The
	 * child may clear it again at once, so the id is not read from there.
	 */
	err = sys_clone_thread(THREAD_FLAGS, top, &t->alive, &t->alive, thread_entry, t);
	if (err < 0)
		goto out_unmap;
	t->id = err;
	return 0;

out_unmap:
	pages_unmap(&t->stack);
	t->alive = 0;
	return err;
}

/*
 * The kernel clears alive and then wakes it with a shared (not a private)
 * futex, after the last instruction that the thread runs on its stack.
 */
static int thread_wait(struct thread *t, const struct __kernel_timespec *timeout)
{
	u32 alive;

	/* acquire: pairs with the kernel's store to alive at the thread's end */
	while ((alive = __atomic_load_n(&t->alive, __ATOMIC_ACQUIRE))) {
		if (sys_futex(&t->alive, FUTEX_WAIT, alive, timeout) == -ETIMEDOUT)
			return -ETIMEDOUT;
	}
	pages_unmap(&t->stack);
	return 0;
}

void thread_join(struct thread *t)
{
	(void)!thread_wait(t, NULL);
}

int thread_join_for(struct thread *t, u64 timeout_ns)
{
	struct __kernel_timespec timeout = {
		.tv_sec = (s64)(timeout_ns / 1000000000),
		.tv_nsec = (s64)(timeout_ns % 1000000000),
	};

	return thread_wait(t, &timeout);
}
