/* SPDX-License-Identifier: MIT */
/* Listening sockets, and the request that accepts from one. */
#include "ring/listen.h"

#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/fcntl.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/tcp.h>

#include "ring/prep.h"
#include "uapi/rt/parse.h"
#include "uapi/sys.h"

/* <sys/socket.h> of the kernel's ABI, which no header of the kernel has */
#define SOCK_STREAM	1
#define SOCK_DGRAM	2
#define SOCK_CLOEXEC	O_CLOEXEC

#define BACKLOG_MAX	0xffffffff /* the kernel takes the lower of this and its own */
#define RETRY_MS	100
#define CANCEL_AGAIN_NS	100000000

static const struct {
	u8 flag;
	u8 level;
	u8 name;
} sockopts[] = {
	{ RING_LISTEN_REUSEADDR, SOL_SOCKET, SO_REUSEADDR },
	{ RING_LISTEN_REUSEPORT, SOL_SOCKET, SO_REUSEPORT },
	{ RING_LISTEN_V6ONLY, IPPROTO_IPV6, IPV6_V6ONLY },
	{ RING_LISTEN_NODELAY, IPPROTO_TCP, TCP_NODELAY },
	{ 0, IPPROTO_TCP, TCP_FASTOPEN }, /* not a flag: the length of its queue */
};

static int set_options(int fd, u32 flags, u32 fastopen_queue)
{
	int err = 0;

	for (u32 i = 0; !err && i < ARRAY_SIZE(sockopts); i++) {
		u32 value = sockopts[i].flag ? !!(flags & sockopts[i].flag) : fastopen_queue;

		if (value)
			err = sys_setsockopt(fd, sockopts[i].level, sockopts[i].name, &value,
					     sizeof(value));
	}
	return err;
}

int ring_listen_socket(const struct sock_addr *addr, const struct ring_listen_opts *opts)
{
	bool is_dgram = opts->flags & RING_LISTEN_DGRAM;
	u32 backlog = opts->backlog ? opts->backlog : BACKLOG_MAX;
	int fd = sys_socket(addr->family, (is_dgram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	u32 late = sock_addr_port(addr) ? 0 : opts->flags & RING_LISTEN_REUSEPORT;
	int err;

	if (fd < 0)
		return fd;
	err = set_options(fd, opts->flags & ~late, opts->fastopen_queue);
	if (!err)
		err = sys_bind(fd, sock_addr_ptr(addr), addr->len_bytes);
	/* A port that the kernel chooses for datagrams may be that of somebody else who shares:
	 * udp_lib_get_port(). What does not share yet gets one of its own. */
	if (!err)
		err = set_options(fd, late, 0);
	if (!err && !is_dgram)
		err = sys_listen(fd, (int)backlog);
	if (!err)
		return fd;
	(void)sys_close(fd);
	return err;
}

/* SOCK_CLOEXEC is refused where there is no descriptor that it could be of. */
static void make_accept(struct ring_listen *l, struct io_uring_sqe *sqe)
{
	sqe->opcode = IORING_OP_ACCEPT;
	sqe->fd = l->fd;
	if (l->flags & RING_LISTEN_DIRECT)
		sqe->file_index = IORING_FILE_INDEX_ALLOC;
	else
		sqe->accept_flags = SOCK_CLOEXEC;
	if (l->flags & RING_LISTEN_ONESHOT) {
		l->peer.len_bytes = sizeof(l->peer.room);
		sqe->addr = RING_PTR(sock_addr_ptr(&l->peer));
		sqe->addr2 = RING_PTR(&l->peer.len_bytes);
	} else {
		sqe->ioprio = IORING_ACCEPT_MULTISHOT;
	}
}

/* The next request: an accept, or after a while */
static int arm(struct ring_listen *l, bool after_pause)
{
	struct io_uring_sqe *sqe =
		ring_op_prep(l->ring, ring_op_data(&l->op), IORING_OP_TIMEOUT, -1,
			     after_pause ? &l->pause : NULL, after_pause, 0);

	if (!sqe)
		return -EAGAIN;
	if (!after_pause)
		make_accept(l, sqe);
	l->is_in_flight = true;
	l->is_pausing = after_pause;
	return 0;
}

static void tell(struct ring_listen *l, s32 err)
{
	if (l->failed)
		l->failed(l, err);
}

/* The callback may free the listener, so nothing may come after this. */
static void end_if_idle(struct ring_listen *l)
{
	if (l->is_in_flight || l->is_cancelling || l->nr_calling || l->fd < 0)
		return;
	(void)sys_close(l->fd);
	l->fd = -1;
	tell(l, -ECANCELED);
}

static bool is_final(s32 err)
{
	return err == -EBADF || err == -EINVAL || err == -ENOTSOCK || err == -EOPNOTSUPP ||
	       err == -ENXIO;
}

static bool is_of_one_connection(s32 err)
{
	return err == -ECONNABORTED || err == -EPROTO || err == -EINTR;
}

/* The request has ended with this: what comes after it? */
static void go_on(struct ring_listen *l, s32 res)
{
	int err = 0;

	if (res == -EINVAL && !l->has_accepted && !(l->flags & RING_LISTEN_ONESHOT)) {
		l->flags |= RING_LISTEN_ONESHOT; /* before 5.19; or it fails once more */
		res = 0;
	}
	if (!is_final(res))
		err = arm(l, res < 0 && !is_of_one_connection(res));
	if (err || res < 0)
		tell(l, err ? err : res);
}

static void op_done(struct ring_op *op, s32 res, u32 cqe_flags)
{
	struct ring_listen *l = CONTAINER_OF(op, struct ring_listen, op);

	l->is_in_flight = cqe_flags & IORING_CQE_F_MORE;
	if (l->is_pausing) {
		l->is_pausing = false;
		res = 0;
	} else if (res >= 0) {
		l->has_accepted = true;
		l->nr_calling++;
		l->accepted(l, res);
		l->nr_calling--;
	} else if (res == -ECANCELED) {
		l->is_stopping = true;
	}
	if (l->is_stopping)
		end_if_idle(l);
	else if (!l->is_in_flight)
		go_on(l, res);
}

static void cancel_done(struct ring_op *op, s32 res, u32 cqe_flags)
{
	struct ring_listen *l = CONTAINER_OF(op, struct ring_listen, cancel);

	(void)res;
	(void)cqe_flags;
	l->is_cancelling = false;
	end_if_idle(l);
}

int ring_listen_start(struct ring_listen *l, struct ring *r, s32 fd,
		      const struct ring_listen_opts *opts)
{
	u32 retry_ms = opts->retry_ms ? opts->retry_ms : RETRY_MS;
	int flags = sys_fcntl(fd, F_GETFL, 0);

	if (flags < 0)
		return flags;
	if (flags & O_NONBLOCK)
		return -EINVAL;
	*l = (struct ring_listen){
		.accepted = l->accepted,
		.failed = l->failed,
		.fd = fd,
		.flags = opts->flags,
		.ring = r,
		.op.done = op_done,
		.cancel.done = cancel_done,
		.pause.tv_nsec = retry_ms * 1000000LL, /* above a second, too: it adds both up */
	};
	return arm(l, false);
}

int ring_listen_resume(struct ring_listen *l)
{
	if (l->is_stopping || l->fd < 0)
		return -EBADF;
	if (l->nr_calling || (l->is_in_flight && !l->is_pausing))
		return 0;
	return l->is_in_flight ? ring_op_cancel(l->ring, &l->op, RING_OP_NONE) : arm(l, false);
}

/* Also with nothing in flight: so that the end comes from a dispatch, always. */
int ring_listen_cancel(struct ring_listen *l)
{
	int err = 0;

	l->is_stopping = true;
	if (!l->is_cancelling && l->fd >= 0) {
		err = ring_op_cancel(l->ring, &l->op, ring_op_data(&l->cancel));
		l->is_cancelling = !err;
	}
	return err;
}

/* A request that is just being served cannot be cancelled: it is asked again. */
int ring_listen_stop(struct ring_listen *l, u64 timeout_ns)
{
	u64 deadline_ns = ring_deadline_ns(timeout_ns);

	while (l->fd >= 0) {
		int err = ring_listen_cancel(l);
		u64 left_ns = ring_left_ns(deadline_ns);
		u64 wait_ns = left_ns < CANCEL_AGAIN_NS ? left_ns : CANCEL_AGAIN_NS;

		if (err >= 0)
			err = ring_turn(l->ring, wait_ns);
		if (err < 0 && err != -ETIME && err != -EINTR && err != -EAGAIN)
			return err;
		if (!left_ns && l->fd >= 0)
			return -ETIME;
	}
	return 0;
}

int ring_fastopen(const char *path)
{
	char text[16];
	const char *end;
	u64 bits;
	long len;
	int fd;

	fd = sys_openat(AT_FDCWD, path ? path : "/proc/sys/net/ipv4/tcp_fastopen",
			O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	len = sys_read(fd, text, sizeof(text) - 1);
	(void)sys_close(fd);
	if (len < 0)
		return (int)len;
	text[len] = '\0';
	if (parse_number(text, &bits, &end) || bits > 0x7fffffff || (*end && *end != '\n'))
		return -EINVAL;
	return (int)bits;
}

int ring_fastopen_allowed(void)
{
	int bits = ring_fastopen(NULL);

	if (bits < 0)
		return bits;
	return bits & RING_FASTOPEN_SERVER ? 0 : -EOPNOTSUPP;
}
