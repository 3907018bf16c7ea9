/* SPDX-License-Identifier: MIT */
/* Signals: handlers with the kernel's struct, masks, signalfd. */
#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/signalfd.h>

#include "uapi/rt/free/signal.h"
#include "uapi/sys.h"

static int handle(int nr, struct sys_sigaction *action)
{
#ifdef __x86_64__
	/* The other two return through the vDSO; here the kernel refuses to do without. */
	action->flags |= SA_RESTORER;
	action->restorer = arch_sigreturn;
#endif
	return sys_rt_sigaction(nr, action, NULL);
}

int signal_handle(int nr, void (*handler)(int nr), unsigned long flags)
{
	struct sys_sigaction action = { .handler = handler, .flags = flags };

	return handle(nr, &action);
}

int signal_handle_info(int nr, void (*handler)(int nr, const struct siginfo *info, void *context),
		       unsigned long flags)
{
	struct sys_sigaction action = { .action = handler, .flags = flags | SA_SIGINFO };

	return handle(nr, &action);
}

int signal_default(int nr)
{
	return signal_handle(nr, SIG_DFL, 0);
}

int signal_ignore(int nr)
{
	return signal_handle(nr, SIG_IGN, 0);
}

int signal_block(u64 mask, u64 *old)
{
	return sys_rt_sigprocmask(SIG_BLOCK, &mask, old);
}

int signal_unblock(u64 mask, u64 *old)
{
	return sys_rt_sigprocmask(SIG_UNBLOCK, &mask, old);
}

int signal_set_mask(u64 mask, u64 *old)
{
	return sys_rt_sigprocmask(SIG_SETMASK, &mask, old);
}

int signal_fd(u64 mask, bool nonblock)
{
	return sys_signalfd4(-1, &mask, O_CLOEXEC | (nonblock ? O_NONBLOCK : 0));
}
