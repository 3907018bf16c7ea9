/* SPDX-License-Identifier: MIT */
/*
 * A ring inside of another event loop: a descriptor that epoll, poll or select
 * finds readable when there are completions.
 *
 * The rule that loses no wake-up: empty the descriptor first, reap afterwards,
 * until nothing is there. The kernel posts a completion before it signals, so
 * one that came too late to be reaped signals once more. The other way round
 * the emptying swallows the signal of a completion that came in between, and
 * the loop sleeps on it:
 *
 *	case POLLIN on e.fd:
 *		err = ring_eventfd_drain(&e);
 *		ring_dispatch(&r, ~0U);    (or ring_for_each_cqe() until none is left)
 *		err = ring_submit(&r);
 *
 * A wake-up too many does no harm, and happens: with IORING_SETUP_DEFER_TASKRUN
 * the eventfd tells that there is work to run, and once more what came of it.
 * (Of a ring without it the completion may also interrupt what its thread
 * sleeps in: epoll_wait() is then -EINTR.)
 *
 * While the loop is busy signals are a waste: ring_eventfd_toggle() switches
 * them off. When it switches them on, completions may be there that never
 * signalled: it says so, and they are to be reaped before the loop sleeps.
 *
 * (The ring's own descriptor can be polled as well. It is readable as long as
 * there are completions or deferred work, which suits level-triggered loops; a
 * registered eventfd is cheaper and suits all. But one kernel at least, Debian's
 * 6.12.117, signals deferred work late, and only the first time: there a ring with
 * IORING_SETUP_DEFER_TASKRUN wants its own descriptor to be polled.)
 *
 * Optional: nothing else refers to this. The ring's thread calls it; which
 * thread polls the descriptor does not matter.
 */
#ifndef RING_EVENTFD_H
#define RING_EVENTFD_H

#include "ring/ring.h"

/**
 * struct ring_eventfd - a registered eventfd
 * @fd: what to poll for POLLIN; close-on-exec, non-blocking; -1 when there is none
 */
struct ring_eventfd {
	struct ring *ring;
	s32 fd;
};

/**
 * ring_eventfd_init() - make an eventfd, and register it with the ring
 * @e:        overwritten
 * @is_async: signal only what one of the kernel's worker threads completes
 *            (5.6): neither what completes while it is submitted, nor what the
 *            readiness of a socket or pipe completes. For loops that reap all the
 *            time, and only punted file work wakes up.
 *
 * A ring has one at a time.
 *
 * Return: 0, or with e->fd -1
 *   -EBUSY   the ring has an eventfd already
 *   -EMFILE, -ENFILE, -ENOMEM
 */
NODISCARD int ring_eventfd_init(struct ring_eventfd *e, struct ring *r, bool is_async);

/* ring_eventfd_exit() - unregister and close; safe on one whose init failed, and
 * twice. Before ring_exit(). */
void ring_eventfd_exit(struct ring_eventfd *e);

/**
 * ring_eventfd_drain() - empty it, and have the kernel post what it held back
 *
 * That is what a ring with IORING_SETUP_DEFER_TASKRUN runs in its own thread
 * only, and what found no room before. To be called before reaping, see above.
 *
 * Return: completions that can be reaped, or -errno of io_uring_enter(2)
 */
NODISCARD int ring_eventfd_drain(struct ring_eventfd *e);

/**
 * ring_eventfd_toggle() - signal from now on, or do not
 *
 * Return: completions that can be reaped: when switching on, which may not have
 * signalled; or -errno of io_uring_enter(2)
 */
NODISCARD int ring_eventfd_toggle(struct ring_eventfd *e, bool is_on);

#endif
