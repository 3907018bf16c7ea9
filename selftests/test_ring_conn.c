/* SPDX-License-Identifier: MIT */
/* ring/conn.h: data both ways, deadlines, and all ends that a connection can take */
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/fcntl.h>

#include "ring/conn.h"
#include "ring/prep.h"
#include "ring/register.h"
#include "selftests/harness/harness.h"
#include "selftests/netpair.h"
#include "selftests/netserver.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/pages.h"
#include "uapi/sys.h"

#define WAITALL		RING_MSG_WAITALL
#define SECOND		1000000000ULL
#define MS		1000000ULL
#define DEFERRED	(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

/* A connection whose callbacks are counted; the peer is a plain descriptor */
struct end {
	struct ring r;
	struct ring_conn c;
	int peer;
	u32 nr_rx;
	u32 nr_tx;
	u32 nr_closed;
	s64 rx;
	s64 tx;
	s32 closed;
};

static void rx_done(struct ring_conn *c, s64 result)
{
	struct end *e = CONTAINER_OF(c, struct end, c);

	EXPECT_EQ(e->nr_closed, 0);
	e->nr_rx++;
	e->rx = result;
}

static void tx_done(struct ring_conn *c, s64 result)
{
	struct end *e = CONTAINER_OF(c, struct end, c);

	EXPECT_EQ(e->nr_closed, 0);
	e->nr_tx++;
	e->tx = result;
}

static void closed(struct ring_conn *c, s32 err)
{
	struct end *e = CONTAINER_OF(c, struct end, c);

	e->nr_closed++;
	e->closed = err;
	memset(c, 0xa5, sizeof(*c)); /* it is ours again, and nobody looks at it */
	c->fd = -1;
}

/* kinds of socket, and whether it is in a slot */
struct kind {
	const char *text;
	u32 ring_flags;
	bool is_direct;
};

static const struct kind kinds[] = {
	{ "127.0.0.1:0", 0, false },	   { "127.0.0.1:0", DEFERRED, false },
	{ "127.0.0.1:0", 0, true },	   { "[::1]:0", 0, false },
	{ "[::1]:0", DEFERRED, true },	   { "unix", 0, false },
	{ "unix", DEFERRED, true },
};

static const struct kind tcp = { "127.0.0.1:0", 0, false };

static bool is_here(const struct kind *k)
{
	test_row("%s, ring flags 0x%x, %s", k->text, k->ring_flags, k->is_direct ? "slot" : "fd");
	return k->text[0] != '[' || net_has_ip6();
}

static void make(struct end *e, const struct kind *k)
{
	int fds[2];

	*e = (struct end){ .nr_rx = 0 };
	server_ring(&e->r, 8, 0, k->ring_flags);
	net_pair(k->text, fds);
	e->peer = fds[1];
	if (k->is_direct) {
		ASSERT_OK(ring_register_files(&e->r, fds, 1));
		sys_close(fds[0]);
		fds[0] = 0;
	}
	ring_conn_init(&e->c, &e->r, fds[0], k->is_direct ? RING_CONN_DIRECT : 0);
}

static void unmake(struct end *e)
{
	if (e->c.fd >= 0)
		EXPECT_OK(ring_conn_close_wait(&e->c));
	EXPECT_EQ(e->c.fd, -1);
	EXPECT_EQ(ring_sq_ready(&e->r), 0);
	EXPECT_EQ(ring_cq_ready(&e->r), 0);
	sys_close(e->peer);
	ring_exit(&e->r);
}

static s64 recv_now(struct end *e, void *buf, u64 len, u32 flags, u64 timeout_ns)
{
	ASSERT_OK(ring_conn_recv(&e->c, buf, len, flags, timeout_ns, rx_done));
	return ring_conn_wait(&e->c.rx);
}

static s64 send_now(struct end *e, const void *buf, u64 len, u32 flags, u64 timeout_ns)
{
	ASSERT_OK(ring_conn_send(&e->c, buf, len, flags, timeout_ns, tx_done));
	return ring_conn_wait(&e->c.tx);
}

static void small_talk(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char buf[32] = { 0 };
		struct end e;

		if (!is_here(&kinds[i]))
			continue;
		make(&e, &kinds[i]);
		for (u32 n = 1; n <= 20; n++) {
			u64 timeout_ns = n & 1 ? SECOND : RING_NO_TIMEOUT;

			EXPECT_EQ(send_now(&e, "twelve bytes", 12, 0, timeout_ns), 12);
			net_recv(e.peer, buf, 12);
			EXPECT_MEMEQ(buf, "twelve bytes", 12);
			net_send(e.peer, "six...", 6);
			EXPECT_EQ(recv_now(&e, buf, sizeof(buf), 0, timeout_ns), 6);
			EXPECT_MEMEQ(buf, "six...", 6);
			EXPECT_EQ(e.nr_rx, n);
			EXPECT_EQ(e.nr_tx, n);
			EXPECT_EQ(e.rx, 6);
			EXPECT_EQ(e.tx, 12);
		}
		sys_close(e.peer);
		EXPECT_EQ(recv_now(&e, buf, sizeof(buf), 0, SECOND), 0);
		e.peer = -1;
		unmake(&e);
	}
}

#define BULK_BYTES (4U << 20)

static u8 pattern(u64 at)
{
	return (u8)(at * 131 >> 3 ^ at >> 11);
}

/* The other process sends back what it gets, in pieces of odd sizes. */
static void echo_slowly(int fd)
{
	static char buf[70000];
	u32 n = 1;

	for (;;) {
		long len = sys_read(fd, buf, 1 + n++ * 7919 % sizeof(buf));

		if (len <= 0)
			sys_exit_group(len < 0);
		net_send(fd, buf, (size_t)len);
	}
}

/* Far more than the socket's buffers hold, both ways at once */
static void bulk(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct pages out;
		struct pages in;
		struct end e;
		int status;
		int child;

		if (!is_here(&kinds[i]))
			continue;
		make(&e, &kinds[i]);
		ASSERT_OK(pages_map(&out, BULK_BYTES));
		ASSERT_OK(pages_map(&in, BULK_BYTES));
		for (u32 k = 0; k < BULK_BYTES; k++)
			((u8 *)out.addr)[k] = pattern(k);
		child = sys_fork();
		ASSERT_OK(child);
		if (!child) {
			if (!kinds[i].is_direct)
				sys_close(e.c.fd);
			sys_close(e.r.fd);
			echo_slowly(e.peer);
		}
		ASSERT_OK(ring_conn_recv(&e.c, in.addr, BULK_BYTES, WAITALL, 8 * SECOND,
					 rx_done));
		ASSERT_OK(ring_conn_send(&e.c, out.addr, BULK_BYTES, WAITALL, 8 * SECOND,
					 tx_done));
		EXPECT_EQ(ring_conn_wait(&e.c.rx), BULK_BYTES);
		EXPECT_EQ(ring_conn_wait(&e.c.tx), BULK_BYTES);
		EXPECT_EQ(e.c.rx.done_bytes, BULK_BYTES);
		EXPECT_TRUE(!memcmp(in.addr, out.addr, BULK_BYTES));
		EXPECT_EQ(e.nr_rx, 1);
		EXPECT_EQ(e.nr_tx, 1);
		sys_close(e.peer);
		e.peer = -1;
		unmake(&e);
		ASSERT_EQ(sys_wait4(child, &status, 0), child);
		EXPECT_EQ(status, 0);
		pages_unmap(&in);
		pages_unmap(&out);
	}
}

/* A recv that ran out of time has taken nothing; the next one gets it. */
static void recv_deadline(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char buf[16];
		struct end e;
		u64 start_ms;

		if (!is_here(&kinds[i]))
			continue;
		make(&e, &kinds[i]);
		start_ms = test_now_ms();
		EXPECT_ERR(recv_now(&e, buf, 8, 0, 40 * MS), -ETIME);
		EXPECT_GE(test_now_ms() - start_ms, 39);
		EXPECT_LT(test_now_ms() - start_ms, 8000);
		EXPECT_ERR(recv_now(&e, buf, 8, 0, 0), -ETIME);
		EXPECT_EQ(e.c.rx.done_bytes, 0);
		net_send(e.peer, "abcde", 5);
		EXPECT_EQ(recv_now(&e, buf, 3, WAITALL, SECOND), 3);
		EXPECT_MEMEQ(buf, "abc", 3);
		/* All of it is not there in time: what is there counts, and is named. */
		EXPECT_ERR(recv_now(&e, buf, 8, WAITALL, 40 * MS), -ETIME);
		EXPECT_EQ(e.c.rx.done_bytes, 2);
		EXPECT_MEMEQ(buf, "de", 2);
		/* A time so far away that it overflows is none. */
		net_send(e.peer, "f", 1);
		EXPECT_EQ(recv_now(&e, buf, 8, 0, RING_NO_TIMEOUT - 1), 1);
		EXPECT_EQ(e.nr_rx, 5);
		unmake(&e);
	}
}

/* A peer that drips: each drop resets no clock, the deadline is that of the whole. */
static void dripping_peer(void)
{
	struct end e;
	char buf[1024]; /* twenty seconds of it */
	u64 start_ms;
	int child;

	make(&e, &tcp);
	child = sys_fork();
	ASSERT_OK(child);
	while (!child) {
		if (sys_sendto(e.peer, "x", 1, NET_MSG_NOSIGNAL, NULL, 0) < 0)
			sys_exit_group(0);
		test_sleep_ms(20);
	}
	start_ms = test_now_ms();
	EXPECT_ERR(recv_now(&e, buf, sizeof(buf), WAITALL, 200 * MS), -ETIME);
	EXPECT_GE(test_now_ms() - start_ms, 199);
	EXPECT_LT(test_now_ms() - start_ms, 8000);
	/* less than was asked for: it was the deadline that ended it */
	EXPECT_GT(e.c.rx.done_bytes, 0);
	EXPECT_LT(e.c.rx.done_bytes, sizeof(buf));
	(void)sys_kill(child, 9);
	ASSERT_EQ(sys_wait4(child, NULL, 0), child);
	unmake(&e);
}

static void send_deadline(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct pages out;
		struct end e;
		u64 start_ms;
		char buf[16];

		if (!is_here(&kinds[i]))
			continue;
		make(&e, &kinds[i]);
		ASSERT_OK(pages_map(&out, 64 << 20));
		start_ms = test_now_ms();
		EXPECT_ERR(send_now(&e, out.addr, out.len_bytes, WAITALL, 60 * MS), -ETIME);
		EXPECT_LT(test_now_ms() - start_ms, 8000);
		EXPECT_GT(e.c.tx.done_bytes, 0);
		EXPECT_LT(e.c.tx.done_bytes, out.len_bytes);
		/* What it said went out is what is there, not a byte more or less. */
		for (u64 left = e.c.tx.done_bytes; left;) {
			long n = sys_read(e.peer, out.addr, left < 65536 ? left : 65536);

			ASSERT_GT(n, 0);
			left -= (u64)n;
		}
		EXPECT_EQ(sys_sendto(e.peer, "on", 2, NET_MSG_NOSIGNAL, NULL, 0), 2);
		EXPECT_EQ(recv_now(&e, buf, sizeof(buf), 0, SECOND), 2);
		EXPECT_EQ(send_now(&e, "z", 1, WAITALL, SECOND), 1);
		net_recv(e.peer, buf, 1);
		EXPECT_EQ(buf[0], 'z');
		pages_unmap(&out);
		unmake(&e);
	}
}

/* A queue that is full drops what knocks, so that connecting takes for ever. */
static void connect_deadline(void)
{
	struct ring_listen_opts opts = { .backlog = 1 };
	struct sock_addr a = net_addr("127.0.0.1:0");
	int listener = ring_listen_socket(&a, &opts);
	struct ring_conn c[6];
	bool is_late = false;
	struct ring r;

	ASSERT_OK(listener);
	ASSERT_OK(sock_local(&a, listener));
	server_ring(&r, 8, 0, 0);
	for (u32 i = 0; i < ARRAY_SIZE(c); i++) {
		int fd = ring_conn_socket(a.family, 0);
		u64 start_ms = test_now_ms();
		s64 result;

		ASSERT_OK(fd);
		ring_conn_init(&c[i], &r, fd, 0);
		ASSERT_OK(ring_conn_connect(&c[i], &a, 80 * MS, NULL));
		result = ring_conn_wait(&c[i].tx);
		if (result == -ETIME) {
			is_late = true;
			EXPECT_GE(test_now_ms() - start_ms, 79);
		} else {
			EXPECT_EQ(result, 0);
		}
		EXPECT_LT(test_now_ms() - start_ms, 8000);
	}
	EXPECT_TRUE(is_late);
	for (u32 i = 0; i < ARRAY_SIZE(c); i++)
		EXPECT_OK(ring_conn_close_wait(&c[i]));
	sys_close(listener);
	ring_exit(&r);
}

static void connects(void)
{
	static const char *const rows[] = { "127.0.0.1:0", "[::1]:0", "@bareblk-selftest-conn" };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ring_listen_opts opts = { .flags = 0 };
		struct sock_addr a = net_addr(rows[i]);
		struct sock_addr remote;
		struct ring_conn c;
		struct ring r;
		int listener;
		int fd;

		test_row("%s", rows[i]);
		if (a.family == SOCK_AF_INET6 && !net_has_ip6())
			continue;
		listener = ring_listen_socket(&a, &opts);
		ASSERT_OK(listener);
		ASSERT_OK(sock_local(&a, listener));
		server_ring(&r, 8, 0, 0);
		fd = ring_conn_socket(a.family, 0);
		ASSERT_OK(fd);
		EXPECT_EQ(sys_fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
		ring_conn_init(&c, &r, fd, 0);
		ASSERT_OK(ring_conn_connect(&c, &a, SECOND, NULL));
		EXPECT_OK(ring_conn_wait(&c.tx));
		ASSERT_OK(sock_remote(&remote, c.fd));
		EXPECT_EQ(remote.len_bytes, a.len_bytes);
		EXPECT_MEMEQ(&remote.family, &a.family, a.len_bytes);
		EXPECT_OK(ring_conn_close_wait(&c));
		sys_close(listener);
		/* Nobody is there any more. */
		fd = ring_conn_socket(a.family, a.family == SOCK_AF_UNIX ? 0 : RING_CONN_NODELAY);
		ASSERT_OK(fd);
		ring_conn_init(&c, &r, fd, 0);
		ASSERT_OK(ring_conn_connect(&c, &a, SECOND, NULL));
		EXPECT_ERR(ring_conn_wait(&c.tx), -ECONNREFUSED);
		EXPECT_OK(ring_conn_close_wait(&c));
		ring_exit(&r);
	}
}

static void half_close(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct end e;
		char buf[8];

		if (!is_here(&kinds[i]))
			continue;
		make(&e, &kinds[i]);
		ASSERT_OK(ring_conn_shutdown(&e.c, 1, tx_done));
		EXPECT_OK(ring_conn_wait(&e.c.tx));
		EXPECT_EQ(e.nr_tx, 1);
		net_recv(e.peer, NULL, 0);
		net_send(e.peer, "more", 4);
		EXPECT_EQ(recv_now(&e, buf, sizeof(buf), 0, SECOND), 4);
		EXPECT_ERR(send_now(&e, "x", 1, 0, SECOND), -EPIPE);
		ASSERT_OK(sys_shutdown(e.peer, 1));
		EXPECT_EQ(recv_now(&e, buf, sizeof(buf), WAITALL, SECOND), 0);
		unmake(&e);
		/* The end comes in the middle of what was wanted. */
		make(&e, &kinds[i]);
		net_send(e.peer, "abc", 3);
		ASSERT_OK(sys_shutdown(e.peer, 1));
		EXPECT_EQ(recv_now(&e, buf, sizeof(buf), WAITALL, SECOND), 3);
		unmake(&e);
	}
}

static void reset(void)
{
	struct pages out;
	struct end e;
	char buf[8];

	ASSERT_OK(pages_map(&out, 64 << 20));
	make(&e, &tcp);
	ASSERT_OK(ring_conn_recv(&e.c, buf, sizeof(buf), 0, SECOND, rx_done));
	ASSERT_OK(ring_conn_send(&e.c, out.addr, out.len_bytes, WAITALL, SECOND, tx_done));
	ASSERT_EQ(ring_turn(&e.r, 0), 0);
	net_reset(e.peer);
	EXPECT_LE(ring_conn_wait(&e.c.rx), 0);
	EXPECT_LT(ring_conn_wait(&e.c.tx), 0);
	/* One hears of the reset, for the other the connection has ended by then; and a
	 * send that had moved some of it has its count instead. */
	EXPECT_TRUE(e.rx == -ECONNRESET || e.rx == 0);
	EXPECT_TRUE(e.tx == -ECONNRESET || e.tx == -EPIPE);
	EXPECT_GT(e.c.tx.done_bytes, 0);
	EXPECT_ERR(send_now(&e, "x", 1, 0, SECOND), -EPIPE); /* and no signal */
	e.peer = -1;
	unmake(&e);
	pages_unmap(&out);

	make(&e, &tcp);
	ASSERT_OK(ring_conn_recv(&e.c, buf, sizeof(buf), 0, SECOND, rx_done));
	ASSERT_EQ(ring_turn(&e.r, 0), 0);
	net_reset(e.peer);
	EXPECT_ERR(ring_conn_wait(&e.c.rx), -ECONNRESET);
	e.peer = -1;
	unmake(&e);
}

static void busy(void)
{
	struct end e;
	char buf[8];

	make(&e, &tcp);
	ASSERT_OK(ring_conn_recv(&e.c, buf, sizeof(buf), 0, SECOND, rx_done));
	EXPECT_ERR(ring_conn_recv(&e.c, buf, sizeof(buf), 0, SECOND, rx_done), -EBUSY);
	EXPECT_ERR(ring_conn_recv_multishot(&e.c, 1, NULL), -EBUSY);
	EXPECT_EQ(send_now(&e, "x", 1, 0, SECOND), 1); /* the other direction is free */
	net_send(e.peer, "y", 1);
	EXPECT_EQ(ring_conn_wait(&e.c.rx), 1);
	EXPECT_EQ(e.nr_rx, 1);
	EXPECT_OK(ring_conn_close(&e.c, NULL));
	EXPECT_ERR(ring_conn_recv(&e.c, buf, sizeof(buf), 0, SECOND, rx_done), -EBADF);
	EXPECT_ERR(ring_conn_send(&e.c, buf, 1, 0, SECOND, tx_done), -EBADF);
	EXPECT_ERR(ring_conn_connect(&e.c, &(struct sock_addr){ .family = 2 }, 1, NULL), -EBADF);
	EXPECT_OK(ring_conn_close_wait(&e.c));
	EXPECT_ERR(ring_conn_close(&e.c, NULL), -EBADF);
	EXPECT_ERR(ring_conn_close_wait(&e.c), -EBADF);
	unmake(&e);
}

/* Flags of the message are that, and not flags of the entry. */
static void message_flags(void)
{
	struct end e;
	char buf[8];

	make(&e, &tcp);
	EXPECT_ERR(recv_now(&e, buf, 8, NET_MSG_DONTWAIT, RING_NO_TIMEOUT), -EAGAIN);
	net_send(e.peer, "peek", 4);
	EXPECT_EQ(recv_now(&e, buf, 8, RING_MSG_PEEK, SECOND), 4);
	EXPECT_EQ(recv_now(&e, buf, 8, RING_MSG_PEEK, SECOND), 4);
	EXPECT_EQ(recv_now(&e, buf, 8, 0, SECOND), 4);
	EXPECT_ERR(recv_now(&e, buf, 8, NET_MSG_DONTWAIT, SECOND), -EAGAIN);
	/* Held back until more follows: TCP waits 200 ms at most. */
	EXPECT_EQ(send_now(&e, "ab", 2, RING_MSG_MORE, SECOND), 2);
	EXPECT_ERR(sys_sendto(e.peer, NULL, 0, NET_MSG_DONTWAIT, NULL, 0), 0);
	EXPECT_EQ(send_now(&e, "cd", 2, 0, SECOND), 2);
	net_recv(e.peer, buf, 4);
	EXPECT_MEMEQ(buf, "abcd", 4);
	unmake(&e);
}

static void closes_in_flight(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct pages out;
		struct end e;
		char buf[8];

		if (!is_here(&kinds[i]))
			continue;
		for (u32 has_deadline = 0; has_deadline < 2; has_deadline++) {
			u64 timeout_ns = has_deadline ? 100 * SECOND : RING_NO_TIMEOUT;

			make(&e, &kinds[i]);
			ASSERT_OK(pages_map(&out, 64 << 20));
			ASSERT_OK(ring_conn_recv(&e.c, buf, sizeof(buf), 0, timeout_ns, rx_done));
			ASSERT_OK(ring_conn_send(&e.c, out.addr, out.len_bytes, WAITALL,
						 timeout_ns, tx_done));
			ASSERT_EQ(ring_turn(&e.r, 0), 0);
			ASSERT_OK(ring_conn_close(&e.c, closed));
			EXPECT_EQ(e.nr_closed, 0);
			while (!e.nr_closed)
				ASSERT_OK(ring_turn(&e.r, SECOND));
			EXPECT_EQ(e.nr_rx, 1);
			EXPECT_EQ(e.nr_tx, 1);
			EXPECT_ERR(e.rx, -ECANCELED);
			if (e.tx < 0)
				EXPECT_ERR(e.tx, -ECANCELED);
			EXPECT_EQ(e.closed, 0);
			EXPECT_LE(ring_turn(&e.r, 10 * MS), 2); /* what nobody waits for */
			EXPECT_EQ(e.nr_closed, 1);
			pages_unmap(&out);
			unmake(&e);
		}
	}
}

/* Gone before the first entry was submitted, and a descriptor is really closed */
static void closes_at_once(void)
{
	struct end e;
	char buf[8];
	int fd;

	make(&e, &tcp);
	fd = e.c.fd;
	ASSERT_OK(ring_conn_recv(&e.c, buf, sizeof(buf), 0, SECOND, rx_done));
	ASSERT_OK(ring_conn_close(&e.c, closed));
	ASSERT_OK(ring_conn_close(&e.c, closed)); /* twice is once */
	while (!e.nr_closed)
		ASSERT_OK(ring_turn(&e.r, SECOND));
	EXPECT_EQ(e.nr_rx, 1);
	EXPECT_ERR(e.rx, -ECANCELED);
	EXPECT_ERR(sys_fcntl(fd, F_GETFD, 0), -EBADF);
	net_recv(e.peer, NULL, 0);
	EXPECT_LE(ring_turn(&e.r, 10 * MS), 2);
	EXPECT_EQ(e.nr_closed, 1);
	unmake(&e);
}

static void cancelled_by_others(void)
{
	struct end e;
	struct io_uring_sqe *sqe;
	char buf[8];

	make(&e, &tcp);
	ASSERT_OK(ring_conn_recv(&e.c, buf, sizeof(buf), 0, 100 * SECOND, rx_done));
	sqe = ring_op_sqe(&e.r);
	ring_prep_cancel64(sqe, ring_op_data(&e.c.rx.op), 0);
	sqe->user_data = RING_OP_NONE;
	EXPECT_ERR(ring_conn_wait(&e.c.rx), -ECANCELED);
	net_send(e.peer, "x", 1);
	EXPECT_EQ(recv_now(&e, buf, sizeof(buf), 0, SECOND), 1);
	unmake(&e);
}

static void datagrams(void)
{
	static const char *const rows[] = { "127.0.0.1:0", "[::1]:0", "@bareblk-selftest-dgram" };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ring_listen_opts opts = { .flags = RING_LISTEN_DGRAM };
		struct sock_addr a = net_addr(rows[i]);
		struct ring_conn in;
		struct ring_conn out;
		struct ring r;
		char buf[16];
		int fd;

		test_row("%s", rows[i]);
		if (a.family == SOCK_AF_INET6 && !net_has_ip6())
			continue;
		server_ring(&r, 8, 0, 0);
		fd = ring_listen_socket(&a, &opts);
		ASSERT_OK(fd);
		ASSERT_OK(sock_local(&a, fd));
		ring_conn_init(&in, &r, fd, 0);
		fd = ring_conn_socket(a.family, RING_CONN_DGRAM);
		ASSERT_OK(fd);
		ring_conn_init(&out, &r, fd, 0);
		ASSERT_OK(ring_conn_connect(&out, &a, SECOND, NULL));
		ASSERT_OK(ring_conn_wait(&out.tx));
		for (u64 len = 1; len < 4; len++) {
			ASSERT_OK(ring_conn_send(&out, "abc", len, 0, SECOND, NULL));
			ASSERT_EQ(ring_conn_wait(&out.tx), len);
		}
		for (u64 len = 1; len < 4; len++) { /* they stay apart */
			ASSERT_OK(ring_conn_recv(&in, buf, sizeof(buf), 0, SECOND, NULL));
			EXPECT_EQ(ring_conn_wait(&in.rx), len);
		}
		EXPECT_OK(ring_conn_close_wait(&out));
		EXPECT_OK(ring_conn_close_wait(&in));
		ring_exit(&r);
	}
}

/* Linked entries have to be submitted together; a ring of one has no place for them. */
static void crowded_ring(void)
{
	struct ring small;
	struct end e;
	char buf[8];

	make(&e, &tcp);
	for (u32 nr = 0; nr <= 8; nr++) {
		for (u32 i = 0; i < nr; i++) {
			struct io_uring_sqe *sqe = ring_get_sqe(&e.r);

			ring_prep_nop(sqe);
			sqe->user_data = RING_OP_NONE;
		}
		net_send(e.peer, "x", 1);
		EXPECT_EQ(recv_now(&e, buf, sizeof(buf), 0, SECOND), 1);
		EXPECT_ERR(recv_now(&e, buf, sizeof(buf), 0, 5 * MS), -ETIME);
	}
	server_ring(&small, 1, 0, 0);
	e.c.ring = &small;
	EXPECT_ERR(ring_conn_recv(&e.c, buf, sizeof(buf), 0, SECOND, rx_done), -EAGAIN);
	EXPECT_EQ(ring_sq_ready(&small), 0);
	net_send(e.peer, "x", 1);
	EXPECT_EQ(recv_now(&e, buf, sizeof(buf), 0, RING_NO_TIMEOUT), 1);
	e.c.ring = &e.r;
	ring_exit(&small);
	unmake(&e);
}

static const struct test_case cases[] = {
	TEST("small talk over every family, by descriptor and by slot", small_talk),
	TEST("four megabytes there and back at once", bulk, .timeout_ms = 60000),
	TEST("a receive ends at its deadline, and takes nothing with it", recv_deadline),
	TEST("a peer that drips does not stretch a deadline", dripping_peer),
	TEST("a send ends at its deadline, and says what went out", send_deadline,
	     .timeout_ms = 30000),
	TEST("connecting ends at its deadline", connect_deadline),
	TEST("connecting works, and is refused where nobody listens", connects),
	TEST("each direction ends by itself", half_close),
	TEST("a reset ends both directions, without a signal", reset),
	TEST("one request in each direction, none when closed", busy),
	TEST("flags of messages arrive as such", message_flags),
	TEST("closing cancels what is in flight, then closes, then forgets", closes_in_flight),
	TEST("closed before anything was submitted", closes_at_once),
	TEST("what somebody else cancels is -ECANCELED, and no deadline", cancelled_by_others),
	TEST("datagrams, of IPv6 too", datagrams),
	TEST("a full queue makes room; chains are never cut", crowded_ring),
};
TEST_SUITE(ring_conn, cases);
