/* SPDX-License-Identifier: MIT */
/*
 * Signals for programs without a libc: handlers with the restorer that the
 * kernel asks for, masks as plain u64 and signalfds. A server of block devices
 * should block its signals and read them from a signalfd.
 *
 * <linux/signal.h> and a libc's <signal.h> exclude each other; this header
 * needs neither. The numbers of signals come from <asm/signal.h>.
 */
#ifndef UAPI_RT_FREE_SIGNAL_H
#define UAPI_RT_FREE_SIGNAL_H

#include "uapi/types.h"

struct siginfo;

/* The bit of a signal in a mask. */
#define SIGNAL_BIT(nr) (1ULL << ((nr) - 1))

/**
 * signal_handle() - run a handler at a signal
 * @nr:      SIG...
 * @handler: runs on the stack of whatever it interrupts, with nr blocked;
 *           (void (*)(int))0 is SIG_DFL, (void (*)(int))1 is SIG_IGN
 * @flags:   SA_RESTART, SA_NODEFER, ...: without SA_SIGINFO and SA_RESTORER
 *
 * Return: 0, or -EINVAL: no such signal, or one that cannot be caught
 */
NODISCARD int signal_handle(int nr, void (*handler)(int nr), unsigned long flags);

/**
 * signal_handle_info() - the same, of a handler that is told more
 * @handler: gets the kernel's siginfo, <asm/siginfo.h>, and a struct ucontext
 */
NODISCARD int signal_handle_info(int nr, void (*handler)(int nr, const struct siginfo *info,
							 void *context), unsigned long flags);

/** signal_default() - the kernel's own action for a signal again */
NODISCARD int signal_default(int nr);

/** signal_ignore() - nothing happens at a signal, as for SIGPIPE */
NODISCARD int signal_ignore(int nr);

/**
 * signal_block() - add to this thread's blocked signals
 * @old: NULL, or the mask as it was, for signal_set_mask()
 */
NODISCARD int signal_block(u64 mask, u64 *old);

/** signal_unblock() - take away from this thread's blocked signals */
NODISCARD int signal_unblock(u64 mask, u64 *old);

/** signal_set_mask() - exactly these are blocked */
NODISCARD int signal_set_mask(u64 mask, u64 *old);

/**
 * signal_fd() - a close-on-exec file that becomes readable at these signals
 * @mask:     signals; the caller has blocked them (signal_block())
 * @nonblock: reads give -EAGAIN instead of waiting
 *
 * Each read gives a struct signalfd_siginfo of <linux/signalfd.h>.
 *
 * Return: the file, or -errno
 */
NODISCARD int signal_fd(u64 mask, bool nonblock);

#endif
