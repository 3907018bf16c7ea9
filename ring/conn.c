/* SPDX-License-Identifier: MIT */
/* Connections: a request of each direction, its linked timeout, and the end. */
#include "ring/conn.h"

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/in.h>
#include <linux/tcp.h>

#include "ring/prep.h"
#include "uapi/sys.h"

/* <sys/socket.h> of the kernel's ABI, which no header of the kernel has */
#define SOCK_STREAM	1
#define SOCK_DGRAM	2
#define SOCK_CLOEXEC	O_CLOEXEC

#define LEN_MAX		(1U << 30) /* of one request; the kernel's own is below 2 GiB */
#define NSEC		1000000000

static const struct {
	u8 flag;
	u8 name;
} sockopts[] = {
	{ RING_CONN_NODELAY, TCP_NODELAY },
	{ RING_CONN_FASTOPEN, TCP_FASTOPEN_CONNECT },
};

static u8 file_flags(const struct ring_conn *c)
{
	return c->flags & RING_CONN_DIRECT ? IOSQE_FIXED_FILE : 0;
}

static bool is_data(const struct ring_conn_io *io)
{
	return io->opcode != IORING_OP_CONNECT && io->opcode != IORING_OP_SHUTDOWN;
}

static bool wants_all(const struct ring_conn_io *io)
{
	return is_data(io) && (io->msg_flags & RING_MSG_WAITALL) && io->done_bytes < io->len_bytes;
}

static struct io_uring_sqe *prep(const struct ring_conn_io *io)
{
	/* Into provided buffers there is no place to go on from. */
	u64 done_bytes = io->sqe_flags & IOSQE_BUFFER_SELECT ? 0 : io->done_bytes;
	u64 len = io->len_bytes - done_bytes;
	struct io_uring_sqe *sqe =
		ring_op_prep(io->conn->ring, ring_op_data(&io->op), io->opcode, io->conn->fd,
			     RING_PTR_AT(io->addr, done_bytes),
			     len < LEN_MAX ? (u32)len : LEN_MAX, io->off);

	if (sqe) {
		sqe->msg_flags = io->msg_flags;
		sqe->flags = io->sqe_flags;
		sqe->ioprio = io->ioprio;
		sqe->buf_group = io->bgid;
	}
	return sqe;
}

/* The entries of a chain are taken together, or the kernel would see half of it. */
static int submit(struct ring_conn_io *io)
{
	struct ring *r = io->conn->ring;
	u8 nr = 1 + io->has_deadline;
	struct io_uring_sqe *sqe;

	if (ring_sq_space_left(r) < nr) {
		int err = ring_submit(r);

		if (err < 0)
			return err;
		if (ring_sq_space_left(r) < nr)
			return -EAGAIN;
	}
	sqe = prep(io);
	if (sqe && io->has_deadline) {
		sqe->flags |= IOSQE_IO_LINK;
		sqe = ring_op_prep(r, ring_op_data(&io->timer), IORING_OP_LINK_TIMEOUT, -1,
				   &io->until, 1, 0);
		if (sqe)
			sqe->timeout_flags = IORING_TIMEOUT_ABS;
	}
	io->nr_in_flight = nr;
	return 0;
}

/* Of a closing connection whose last request has completed */
static int close_if_idle(struct ring_conn *c)
{
	bool is_direct = c->flags & RING_CONN_DIRECT;
	struct io_uring_sqe *sqe;

	if (!c->is_closing || c->is_close_in_flight || c->rx.nr_in_flight || c->tx.nr_in_flight ||
	    c->nr_held)
		return 0;
	sqe = ring_op_prep(c->ring, ring_op_data(&c->close), IORING_OP_CLOSE,
			   is_direct ? 0 : c->fd, NULL, 0, 0);
	if (!sqe)
		return -EAGAIN;
	if (is_direct)
		ring_set_target_fixed_file(sqe, (u32)c->fd);
	c->is_close_in_flight = true;
	return 0;
}

/* The same out of a completion: an error has nobody else to go to */
static void told_close_if_idle(struct ring_conn *c)
{
	int err = close_if_idle(c);

	if (err && c->closed)
		c->closed(c, err);
}

/* Has something become of the request that is to be gone on with? */
static bool is_to_go_on(struct ring_conn_io *io)
{
	if (io->is_late || io->conn->is_closing)
		return false;
	if (io->opcode == IORING_OP_SEND_ZC && (io->res == -EINVAL || io->res == -EOPNOTSUPP)) {
		io->conn->has_no_zc = true;
		io->opcode = IORING_OP_SEND;
		return true;
	}
	return io->res == -EINTR || (io->res > 0 && wants_all(io));
}

static s64 result_of(const struct ring_conn_io *io)
{
	if (io->is_late && (io->res == -ECANCELED || io->res == -EINTR || wants_all(io)))
		return -ETIME;
	return io->res >= 0 ? (s64)io->done_bytes : io->res;
}

/* The callback may start the next request, or free the connection once it is
 * closed: so nothing may come after it. */
static void finish(struct ring_conn_io *io)
{
	struct ring_conn *c = io->conn;

	io->result = result_of(io);
	told_close_if_idle(c);
	if (io->done)
		io->done(c, io->result);
}

static void completed(struct ring_conn_io *io)
{
	io->nr_in_flight--;
	if (io->nr_in_flight)
		return;
	if (is_to_go_on(io)) {
		io->res = submit(io);
		if (!io->res)
			return;
	}
	finish(io);
}

static void timer_done(struct ring_op *op, s32 res, u32 cqe_flags)
{
	struct ring_conn_io *io = CONTAINER_OF(op, struct ring_conn_io, timer);

	(void)cqe_flags;
	io->is_late = res == -ETIME;
	completed(io);
}

/* A buffer of a zero-copy send that has completed before: perhaps there is another
 * request in this direction by now. */
static void notified(struct ring_conn *c)
{
	if (--c->nr_held)
		return;
	told_close_if_idle(c);
	if (c->released)
		c->released(c);
}

static void op_done(struct ring_op *op, s32 res, u32 cqe_flags)
{
	struct ring_conn_io *io = CONTAINER_OF(op, struct ring_conn_io, op);

	if (cqe_flags & IORING_CQE_F_NOTIF) {
		notified(io->conn);
		return;
	}
	if (cqe_flags & IORING_CQE_F_MORE)
		io->conn->nr_held++;
	io->res = res;
	if (res > 0 && is_data(io))
		io->done_bytes += (u32)res;
	completed(io);
}

/*
 * It counts as in flight while its data is looked at, so that a connection that
 * is closed meanwhile is not gone when it is to be armed again. At its end
 * nothing comes after the callback.
 */
static void multishot_done(struct ring_op *op, s32 res, u32 cqe_flags)
{
	struct ring_conn_io *io = CONTAINER_OF(op, struct ring_conn_io, op);
	struct ring_conn *c = io->conn;

	if (res > 0) {
		io->done_bytes += (u32)res;
		c->got(c, res, cqe_flags);
		if (cqe_flags & IORING_CQE_F_MORE)
			return;
		res = c->is_closing ? -ECANCELED : submit(io);
		if (!res)
			return;
		cqe_flags = 0;
	}
	io->nr_in_flight = 0;
	told_close_if_idle(c);
	c->got(c, res, cqe_flags);
}

static void close_done(struct ring_op *op, s32 res, u32 cqe_flags)
{
	struct ring_conn *c = CONTAINER_OF(op, struct ring_conn, close);

	(void)cqe_flags;
	c->fd = -1;
	c->is_close_in_flight = false;
	if (c->closed)
		c->closed(c, res);
}

void ring_conn_init(struct ring_conn *c, struct ring *r, s32 fd, u32 flags)
{
	*c = (struct ring_conn){
		.fd = fd,
		.flags = flags,
		.rx.conn = c,
		.tx.conn = c,
		.ring = r,
		.close.done = close_done,
	};
}

int ring_conn_socket(u16 family, u32 flags)
{
	int type = (flags & RING_CONN_DGRAM ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC;
	int fd = sys_socket(family, type, 0);
	u32 on = 1;

	for (u32 i = 0; fd >= 0 && i < ARRAY_SIZE(sockopts); i++) {
		int err = 0;

		if (flags & sockopts[i].flag)
			err = sys_setsockopt(fd, IPPROTO_TCP, sockopts[i].name, &on, sizeof(on));
		if (err) {
			(void)sys_close(fd);
			fd = err;
		}
	}
	return fd;
}

/* What its direction is at the beginning, in the order in which most callers have it */
static int prepare(struct ring_conn_io *io, const void *addr, u64 len_bytes, u32 msg_flags,
		   u64 timeout_ns, void (*done)(struct ring_conn *c, s64 result), u8 opcode)
{
	struct ring_conn *c = io->conn;
	u64 deadline_ns;

	if (c->is_closing)
		return -EBADF;
	if (io->nr_in_flight)
		return -EBUSY;
	deadline_ns = ring_deadline_ns(timeout_ns);
	*io = (struct ring_conn_io){
		.conn = c,
		.done = done,
		.op.done = op_done,
		.timer.done = timer_done,
		.until.tv_sec = (s64)(deadline_ns / NSEC),
		.until.tv_nsec = (s64)(deadline_ns % NSEC),
		.addr = addr,
		.len_bytes = len_bytes,
		.msg_flags = msg_flags,
		.has_deadline = deadline_ns != RING_NO_TIMEOUT,
		.opcode = opcode,
		.sqe_flags = file_flags(c),
	};
	return 0;
}

static int start(struct ring_conn_io *io, const void *addr, u64 len_bytes, u32 msg_flags,
		 u64 timeout_ns, void (*done)(struct ring_conn *c, s64 result), u8 opcode)
{
	int err = prepare(io, addr, len_bytes, msg_flags, timeout_ns, done, opcode);

	return err ? err : submit(io);
}

int ring_conn_recv(struct ring_conn *c, void *buf, u64 len_bytes, u32 msg_flags, u64 timeout_ns,
		   void (*done)(struct ring_conn *c, s64 result))
{
	return start(&c->rx, buf, len_bytes, msg_flags, timeout_ns, done, IORING_OP_RECV);
}

int ring_conn_send(struct ring_conn *c, const void *buf, u64 len_bytes, u32 msg_flags,
		   u64 timeout_ns, void (*done)(struct ring_conn *c, s64 result))
{
	bool is_zc = (msg_flags & RING_MSG_ZEROCOPY) && !c->has_no_zc;

	return start(&c->tx, buf, len_bytes, msg_flags & ~RING_MSG_ZEROCOPY, timeout_ns, done,
		     is_zc ? IORING_OP_SEND_ZC : IORING_OP_SEND);
}

int ring_conn_connect(struct ring_conn *c, const struct sock_addr *to, u64 timeout_ns,
		      void (*done)(struct ring_conn *c, s64 result))
{
	int err = prepare(&c->tx, sock_addr_ptr(to), 0, 0, timeout_ns, done, IORING_OP_CONNECT);

	if (err)
		return err;
	c->tx.off = to->len_bytes;
	return submit(&c->tx);
}

int ring_conn_shutdown(struct ring_conn *c, s32 how,
		       void (*done)(struct ring_conn *c, s64 result))
{
	return start(&c->tx, NULL, (u32)how, 0, RING_NO_TIMEOUT, done, IORING_OP_SHUTDOWN);
}

int ring_conn_recv_multishot(struct ring_conn *c, u16 bgid,
			     void (*got)(struct ring_conn *c, s32 res, u32 cqe_flags))
{
	int err = prepare(&c->rx, NULL, 0, 0, RING_NO_TIMEOUT, NULL, IORING_OP_RECV);

	if (err)
		return err;
	c->got = got;
	c->rx.op.done = multishot_done;
	c->rx.ioprio = IORING_RECV_MULTISHOT;
	c->rx.sqe_flags |= IOSQE_BUFFER_SELECT;
	c->rx.bgid = bgid;
	return submit(&c->rx);
}

/* Nobody need hear what becomes of it: the request itself completes. */
static int cancel(struct ring_conn_io *io)
{
	return io->nr_in_flight ? ring_op_cancel(io->conn->ring, &io->op, RING_OP_NONE) : 0;
}

/* To an address of no family: the kernel drops what the peer does not take, and
 * with that the buffers. */
static int disconnect(struct ring_conn *c)
{
	static const u64 nowhere[2];
	struct io_uring_sqe *sqe;

	if (!c->nr_held && !(c->tx.nr_in_flight && c->tx.opcode == IORING_OP_SEND_ZC))
		return 0;
	sqe = ring_op_prep(c->ring, RING_OP_NONE, IORING_OP_CONNECT, c->fd, nowhere, 0,
			   sizeof(nowhere));
	if (!sqe)
		return -EAGAIN;
	sqe->flags = file_flags(c);
	return 0;
}

int ring_conn_close(struct ring_conn *c, void (*closed)(struct ring_conn *c, s32 err))
{
	int err;

	if (c->fd < 0)
		return -EBADF;
	c->is_closing = true;
	c->closed = closed;
	err = cancel(&c->rx);
	if (!err)
		err = cancel(&c->tx);
	if (!err)
		err = disconnect(c);
	return err ? err : close_if_idle(c);
}

/* Signals and a kernel short of memory pass; nothing else does. */
static int turn(struct ring *r)
{
	int err = ring_turn(r, RING_NO_TIMEOUT);

	return err == -EINTR || err == -EAGAIN || err > 0 ? 0 : err;
}

s64 ring_conn_wait(struct ring_conn_io *io)
{
	int err = 0;

	while (io->nr_in_flight && !err)
		err = turn(io->conn->ring);
	return err ? err : io->result;
}

/* Again each time: there was no room, or a request was just being served. */
int ring_conn_close_wait(struct ring_conn *c)
{
	int err = -EBADF;

	while (c->fd >= 0) {
		err = ring_conn_close(c, NULL);
		if (!err || err == -EAGAIN)
			err = turn(c->ring);
		if (err)
			break;
	}
	return err;
}
