/* SPDX-License-Identifier: MIT */
/*
 * A connection: sending, receiving and connecting over a ring, each with a
 * deadline, one request in each direction at a time. Works on what a listener
 * accepted (ring/listen.h), on sockets of one's own, of any family and type.
 *
 *	ring_conn_init(&c, &r, fd, 0);
 *	err = ring_conn_recv(&c, buf, sizeof(buf), 0, 5 * 1000000000ULL, received);
 *	...
 *	static void received(struct ring_conn *c, s64 result)
 *	{
 *		if (result <= 0)
 *			err = ring_conn_close(c, closed);
 *		else
 *			err = ring_conn_send(c, buf, (u64)result, RING_MSG_WAITALL, TIMEOUT, sent);
 *
 * Optional: nothing else refers to this. The ring's thread calls it, callbacks
 * run where ring/op.h runs them, memory is the caller's: struct ring_conn is
 * embedded in a struct of one's own, found again by CONTAINER_OF().
 *
 * Requests are prepared, the next submission takes them. One with a deadline
 * is two linked entries, so the ring has at least two; when there is no room
 * they submit what is prepared, which would cut a chain begun by the caller.
 */
#ifndef RING_CONN_H
#define RING_CONN_H

#include "ring/op.h"
#include "uapi/rt/sock.h"

/* ring_conn_init() */
#define RING_CONN_DIRECT	(1U << 0) /* fd is a slot of the file table */

/* ring_conn_socket() */
#define RING_CONN_DGRAM		(1U << 1) /* datagrams */
#define RING_CONN_NODELAY	(1U << 2) /* TCP_NODELAY */
#define RING_CONN_FASTOPEN	(1U << 3) /* connecting waits for the first data: TCP Fast Open */

/* The more useful ones of MSG_*: the kernel's ABI, Linux include/linux/socket.h */
#define RING_MSG_PEEK		0x2U
#define RING_MSG_WAITALL	0x100U	/* all of it; a send as well */
#define RING_MSG_MORE		0x8000U /* more follows: no packet yet */
#define RING_MSG_ZEROCOPY	0x4000000U /* a send, where kernel (6.0) and protocol can */

struct ring_conn;

/**
 * struct ring_conn_io - one direction of a connection
 * @done_bytes: how much its newest request has moved, also when it failed later
 * @result:     what done() got
 *
 * The rest is private.
 */
struct ring_conn_io {
	u64 done_bytes;
	s64 result;

	struct ring_conn *conn;
	void (*done)(struct ring_conn *c, s64 result);
	struct ring_op op;
	struct ring_op timer; /* the linked timeout */
	struct __kernel_timespec until;
	const char *addr;
	u64 len_bytes;
	u64 off;
	u32 msg_flags;
	s32 res; /* the newest of the kernel's */
	u16 ioprio;
	u16 bgid;
	u8 opcode;
	u8 sqe_flags;
	u8 nr_in_flight; /* completions that are to come */
	bool has_deadline;
	bool is_late;
};

/**
 * struct ring_conn - a connection
 * @fd:  the descriptor or slot, -1 once it is closed
 * @rx:  receiving
 * @tx:  sending, connecting, shutting down
 * @nr_held:  zero-copy sends whose buffers the kernel may still look at
 * @released: NULL, or set after ring_conn_init(): nr_held has become 0
 *
 * Stays where it is until it is closed, or both directions are idle.
 */
struct ring_conn {
	s32 fd;
	u32 flags;
	void (*released)(struct ring_conn *c);
	u32 nr_held;

	/* private, and in front of what is large: that makes the code smaller */
	bool is_closing;
	bool is_close_in_flight;
	bool has_no_zc; /* sends are copied from now on */
	struct ring *ring;
	void (*got)(struct ring_conn *c, s32 res, u32 cqe_flags);
	void (*closed)(struct ring_conn *c, s32 err);
	struct ring_op close;

	struct ring_conn_io rx;
	struct ring_conn_io tx;
};

/**
 * ring_conn_init() - a connection on a socket
 * @c:     overwritten
 * @fd:    a descriptor, better not O_NONBLOCK: with that a request that would
 *         have to wait ends with -EAGAIN. Or a slot, with RING_CONN_DIRECT.
 */
void ring_conn_init(struct ring_conn *c, struct ring *r, s32 fd, u32 flags);

/**
 * ring_conn_socket() - a socket to connect with, close-on-exec
 * @family: sock_addr.family of where it is going to
 * @flags:  RING_CONN_DGRAM, _NODELAY, _FASTOPEN
 *
 * Return: the descriptor, or -EAFNOSUPPORT, -EMFILE, -ENFILE, -EOPNOTSUPP ...
 */
NODISCARD int ring_conn_socket(u16 family, u32 flags);

/* The requests. done() may be NULL, see ring_conn_wait(); it may start the next one,
 * close, and free the connection once it is closed.
 *
 * @timeout_ns is for the request as a whole, RING_NO_TIMEOUT: for as long as it takes.
 *
 * Return: 0, done() will be called, or
 *   -EBUSY   this direction has a request already
 *   -EBADF   closed, or about to be
 *   -EAGAIN  no submission entries, or as ring_submit()
 * and in done()
 *   -ETIME      time ran out; done_bytes may have moved
 *   -ECANCELED  ring_conn_close(), or somebody else's cancel
 *   -ECONNRESET, -EPIPE, -ECONNREFUSED, ... as the system call
 */

/**
 * ring_conn_recv() - receive into @buf
 * @msg_flags: MSG_*. With RING_MSG_WAITALL until all of it is there (of a stream).
 *
 * Result: bytes; 0 when the peer has ended, with RING_MSG_WAITALL fewer than asked for
 */
NODISCARD int ring_conn_recv(struct ring_conn *c, void *buf, u64 len_bytes, u32 msg_flags,
			     u64 timeout_ns, void (*done)(struct ring_conn *c, s64 result));

/**
 * ring_conn_send() - send from @buf
 * @msg_flags: MSG_*. With RING_MSG_WAITALL until all of it is in the socket's buffer.
 *
 * With RING_MSG_ZEROCOPY the kernel looks at @buf also after done(), with TCP
 * until the peer has acknowledged it: it must not change before c->nr_held was 0,
 * which c->released() tells. The next request may begin before. Pays from some
 * 10 KiB on. Where it is refused the data is copied, then and from then on.
 *
 * Result: bytes
 */
NODISCARD int ring_conn_send(struct ring_conn *c, const void *buf, u64 len_bytes, u32 msg_flags,
			     u64 timeout_ns, void (*done)(struct ring_conn *c, s64 result));

/* ring_conn_connect() - connect to @to, which stays until done(). Result: 0. A socket
 * whose connecting has failed is of no more use: close it. */
NODISCARD int ring_conn_connect(struct ring_conn *c, const struct sock_addr *to, u64 timeout_ns,
				void (*done)(struct ring_conn *c, s64 result));

/* ring_conn_shutdown() - end a direction, as shutdown(2): @how is 0 for receiving, 1 for
 * sending (the peer reads to the end), 2 for both. Result: 0 */
NODISCARD int ring_conn_shutdown(struct ring_conn *c, s32 how,
				 void (*done)(struct ring_conn *c, s64 result));

/**
 * ring_conn_recv_multishot() - receive into provided buffers until it ends (6.0)
 * @bgid: the group: ring/buf_ring.h
 * @got:  gets a number of bytes, with the buffer's number in
 *        cqe_flags >> IORING_CQE_BUFFER_SHIFT; the caller gives it back. Or the end:
 *          0         the peer has ended
 *          -ENOBUFS  there was no buffer: give some back and call this again
 *          -EINVAL   the kernel is older than 6.0, or there is no such group
 *          -EAGAIN   no submission entry: call this again
 *          ...       as for all requests
 *
 * A request without deadline: close the connection when it has been silent too long.
 */
NODISCARD int ring_conn_recv_multishot(struct ring_conn *c, u16 bgid,
				       void (*got)(struct ring_conn *c, s32 res, u32 cqe_flags));

/**
 * ring_conn_close() - cancel what is in flight, then close
 * @closed: called when the ring knows nothing of *c any more, with what close(2)
 *          says; it may free *c. -EAGAIN: no submission entry, nothing was closed:
 *          call this again. May be NULL.
 *
 * Requests end with -ECANCELED, or with what they have got. Zero-copy sends that
 * the peer has not acknowledged would keep their buffers for as long as it likes:
 * with one of these the connection is reset.
 *
 * Return: 0, or
 *   -EBADF   it is closed
 *   -EAGAIN  no submission entry: call this again
 */
NODISCARD int ring_conn_close(struct ring_conn *c, void (*closed)(struct ring_conn *c, s32 err));

/**
 * ring_conn_wait() - until a direction is idle; other completions are dispatched
 * @io: &c->rx or &c->tx
 *
 * The synchronous form: err = ring_conn_recv(..., NULL); n = ring_conn_wait(&c->rx).
 * Not from a done() of this direction.
 *
 * Return: the result of its newest request, or as ring_turn()
 */
NODISCARD s64 ring_conn_wait(struct ring_conn_io *io);

/* ring_conn_close_wait() - ring_conn_close(), and until it is closed. As that, and
 * ring_turn() */
NODISCARD int ring_conn_close_wait(struct ring_conn *c);

#endif
