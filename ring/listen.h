/* SPDX-License-Identifier: MIT */
/*
 * A listener: a socket that connections are accepted from, over a ring. One
 * multishot request accepts all of them; it is armed again whenever the kernel
 * ends it, and paused when descriptors have run out. What is accepted is the
 * caller's: a descriptor or a slot, for ring/conn.h or anything else.
 *
 * Optional: nothing else refers to this. The ring's thread calls it, and
 * callbacks run where ring/op.h runs them. Making the socket uses plain system
 * calls; memory is the caller's.
 */
#ifndef RING_LISTEN_H
#define RING_LISTEN_H

#include "ring/op.h"
#include "uapi/rt/sock.h"

/* ring_listen_opts.flags */
#define RING_LISTEN_REUSEADDR	(1U << 0) /* also while old connections linger */
#define RING_LISTEN_REUSEPORT	(1U << 1) /* many sockets on a port: the kernel spreads */
#define RING_LISTEN_V6ONLY	(1U << 2) /* an IPv6 address takes no IPv4 */
#define RING_LISTEN_NODELAY	(1U << 3) /* TCP_NODELAY, which accepted sockets inherit */
#define RING_LISTEN_DGRAM	(1U << 4) /* bound, for datagrams: nothing to accept */
#define RING_LISTEN_DIRECT	(1U << 5) /* into slots of the file table that the kernel picks */
#define RING_LISTEN_ONESHOT	(1U << 6) /* one request each, which gives the remote address */

/**
 * struct ring_listen_opts - what kind of socket, and what to do with connections
 * @flags:          RING_LISTEN_*
 * @backlog:        connections that may wait to be accepted; 0: as many as
 *                  net.core.somaxconn allows
 * @fastopen_queue: TCP Fast Open: connections whose data came before the
 *                  handshake's end; 0 is off. Has no effect while the server
 *                  bit is off: ring_fastopen_allowed()
 * @retry_ms:       the pause after running out of something; 0 means 100
 */
struct ring_listen_opts {
	u32 flags;
	u32 backlog;
	u32 fastopen_queue;
	u32 retry_ms;
};

/**
 * ring_listen_socket() - make a socket, bind it, listen
 * @addr: sock_addr_parse() makes one. With port 0 the kernel chooses;
 *        sock_local() tells which, and none has it yet, also with
 *        RING_LISTEN_REUSEPORT. A unix socket's file must not exist.
 *
 * The descriptor is close-on-exec and the caller's; ring_listen_start() takes
 * it over.
 *
 * Return: the descriptor, or what socket(2), setsockopt(2), bind(2), listen(2) say:
 *   -EADDRINUSE, -EADDRNOTAVAIL, -EACCES (a port below 1024), -EAFNOSUPPORT,
 *   -ENOPROTOOPT, -EOPNOTSUPP (an option that this family has not), -EMFILE ...
 */
NODISCARD int ring_listen_socket(const struct sock_addr *addr, const struct ring_listen_opts *opts);

/**
 * struct ring_listen - a listener
 * @accepted: set before ring_listen_start(): gets each connection, a
 *            descriptor (close-on-exec) or with RING_LISTEN_DIRECT a slot
 * @failed:   set before, or NULL: why there is no connection now. It goes on by
 *            itself, but for
 *              -ECANCELED  it was stopped, by ring_listen_stop() or by a cancel
 *                          of someone else: the last call of all
 *              -EAGAIN     no room in the submission queue, and the kernel takes
 *                          nothing: ring_listen_resume() tries again
 *              -EBADF, -EINVAL, -ENOTSOCK, -EOPNOTSUPP, -ENXIO  this socket
 *                          cannot be accepted from, or there is no file table
 *                          (newer kernels: -ENFILE)
 * @peer:     in accepted() with RING_LISTEN_ONESHOT: the remote address
 * @fd:       the socket; -1 when stopped
 *
 * What the errors mean that it goes on from: after -EMFILE, -ENFILE, -ENOBUFS,
 * -ENOMEM and all that is not named here it pauses for retry_ms, as connections
 * wait in the backlog. (In a full file table they cannot wait: the kernel
 * accepts a connection before it finds no slot, and closes it.) After
 * -ECONNABORTED, -EPROTO and -EINTR it goes on at once.
 *
 * Kernels before 5.19 have no multishot accept: then RING_LISTEN_ONESHOT is set
 * in flags. The rest is private.
 */
struct ring_listen {
	void (*accepted)(struct ring_listen *l, s32 fd);
	void (*failed)(struct ring_listen *l, s32 err);
	s32 fd;
	u32 flags;

	/* private, and in front of what is large: that makes the code smaller */
	struct ring *ring;
	struct ring_op op; /* the request that is in flight: an accept, or the pause */
	struct ring_op cancel;
	struct __kernel_timespec pause;
	u32 nr_calling; /* accepted() runs, and what it dispatched may run it again */
	bool is_in_flight;
	bool is_pausing;
	bool is_cancelling;
	bool is_stopping;
	bool has_accepted;

	struct sock_addr peer;
};

/**
 * ring_listen_start() - accept connections from now on
 * @l:  accepted and failed set, the rest is overwritten
 * @fd: of ring_listen_socket(), or inherited; taken over. Not O_NONBLOCK: the
 *      ring would give up where it should wait.
 *
 * Prepares an entry; the next submission takes it.
 *
 * Return: 0, or with nothing changed
 *   -EINVAL  the descriptor is O_NONBLOCK
 *   -EBADF   it is no descriptor
 *   -EAGAIN  no submission entry
 */
NODISCARD int ring_listen_start(struct ring_listen *l, struct ring *r, s32 fd,
				const struct ring_listen_opts *opts);

/**
 * ring_listen_resume() - go on now: a descriptor has become free, say
 *
 * Ends a pause early, and starts again what ended by an error. No effect while
 * accepting.
 *
 * Return: 0, or
 *   -EAGAIN  no submission entry
 *   -EBADF   stopped, or about to be
 */
NODISCARD int ring_listen_resume(struct ring_listen *l);

/**
 * ring_listen_cancel() - begin to stop, without waiting; callbacks may call this
 *
 * Connections that the kernel has accepted before still come to accepted().
 * At the end, in a later dispatch, the socket is closed, which resets
 * connections in the backlog, and failed() gets -ECANCELED; in that call *l may
 * be freed.
 *
 * Return: 0, also when it was stopped before, or
 *   -EAGAIN  no submission entry: call it again
 */
NODISCARD int ring_listen_cancel(struct ring_listen *l);

/**
 * ring_listen_stop() - stop, and wait until the kernel has let go of everything
 *
 * Not from a callback of this listener, and failed() may not free it. Other
 * completions are dispatched meanwhile.
 *
 * Return: 0: *l may be freed, or
 *   -ETIME  it still is in flight; call this again
 *   ...     as ring_turn()
 */
NODISCARD int ring_listen_stop(struct ring_listen *l, u64 timeout_ns);

/* ring_listen_is_stopped() - the kernel and the ring know nothing of *l any more */
static inline bool ring_listen_is_stopped(const struct ring_listen *l)
{
	return l->fd < 0;
}

/* bits of the sysctl net.ipv4.tcp_fastopen, which is for IPv6 as well */
#define RING_FASTOPEN_CLIENT		0x1
#define RING_FASTOPEN_SERVER		0x2
#define RING_FASTOPEN_CLIENT_NO_COOKIE	0x4
#define RING_FASTOPEN_SERVER_NO_COOKIE	0x200
#define RING_FASTOPEN_ALL_LISTENERS	0x400 /* also those without fastopen_queue */

/**
 * ring_fastopen() - who may use TCP Fast Open in this network namespace
 * @path: the sysctl's file, NULL for that of /proc
 *
 * Return: RING_FASTOPEN_*, or
 *   -ENOENT  /proc is not mounted, or the kernel has no IPv4
 *   -EINVAL  it is no such number
 */
NODISCARD int ring_fastopen(const char *path);

/* ring_fastopen_allowed() - 0 when a listener may; -EOPNOTSUPP when not */
NODISCARD int ring_fastopen_allowed(void);

#endif
