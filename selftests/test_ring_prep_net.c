/* SPDX-License-Identifier: MIT */
/* ring/prep_net.h, proved by doing it: sockets from the first to the last request */
#include <linux/fcntl.h>

#include "selftests/ring_play.h"
#include "uapi/rt/fmt.h"

enum { AF_BAD = 99, NR_SLOTS = 3 };

static void slots(struct ring *r)
{
	static const s32 none[NR_SLOTS] = { -1, -1, -1 };

	ASSERT_OK(ring_register_files(r, none, NR_SLOTS));
}

static void sockets(void)
{
	static const struct {
		s32 family;
		s32 type;
		s32 protocol;
		u32 flags;
		s32 want; /* 0: a socket */
	} rows[] = {
		{ SOCK_AF_UNIX, PLAY_STREAM, 0, 0, 0 },
		{ SOCK_AF_INET, PLAY_STREAM, 6, 0, 0 },
		{ SOCK_AF_INET, PLAY_DGRAM, 0, 0, 0 },
		{ SOCK_AF_INET, PLAY_STREAM | PLAY_CLOEXEC | PLAY_NONBLOCK, 0, 0, 0 },
		{ AF_BAD, PLAY_STREAM, 0, 0, -EAFNOSUPPORT },
		{ SOCK_AF_INET, PLAY_STREAM, 17, 0, -EPROTONOSUPPORT },
		{ SOCK_AF_INET, 0xf, 0, 0, -EINVAL },
		{ SOCK_AF_INET, PLAY_STREAM | 0x10, 0, 0, -EINVAL },
		{ SOCK_AF_INET, PLAY_STREAM, 0, 1, -EINVAL },
	};
	struct ring r;

	play_ring(&r, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		s32 fd;

		test_row("row %zu", i);
		ring_prep_socket(play_sqe(&r), rows[i].family, rows[i].type, rows[i].protocol,
				 rows[i].flags);
		fd = play_result(&r);
		if (rows[i].want) {
			EXPECT_EQ(fd, rows[i].want);
			continue;
		}
		ASSERT_OK(fd);
		EXPECT_EQ(sys_fcntl(fd, F_GETFD, 0), rows[i].type & PLAY_CLOEXEC ? 1 : 0);
		EXPECT_EQ(sys_fcntl(fd, F_GETFL, 0) & O_NONBLOCK, rows[i].type & PLAY_NONBLOCK);
		sys_close(fd);
	}
}

static void sockets_in_slots(void)
{
	struct ring r;
	s32 last = -1;

	play_ring(&r, 0);
	ring_prep_socket_direct(play_sqe(&r), SOCK_AF_INET, PLAY_STREAM, 0, 1, 0);
	EXPECT_EQ(play_result(&r), -ENXIO); /* there is no table */
	slots(&r);
	ring_prep_socket_direct(play_sqe(&r), SOCK_AF_INET, PLAY_STREAM, 0, 1, 0);
	EXPECT_EQ(play_result(&r), 0);
	ring_prep_socket_direct(play_sqe(&r), SOCK_AF_INET, PLAY_DGRAM, 0, 1, 0);
	EXPECT_EQ(play_result(&r), 0); /* in place of the other */
	ring_prep_socket_direct(play_sqe(&r), SOCK_AF_INET, PLAY_STREAM, 0, NR_SLOTS, 0);
	EXPECT_EQ(play_result(&r), -EINVAL);
	ring_prep_socket_direct(play_sqe(&r), SOCK_AF_INET, PLAY_STREAM | PLAY_CLOEXEC, 0, 0, 0);
	EXPECT_EQ(play_result(&r), -EINVAL);
	for (u32 i = 0; i < 2; i++) { /* slots 0 and 2, in any order */
		s32 slot;

		ring_prep_socket_direct_alloc(play_sqe(&r), SOCK_AF_INET, PLAY_STREAM, 0, 0);
		slot = play_result(&r);
		EXPECT_TRUE(slot == 0 || slot == 2);
		EXPECT_NE(slot, last);
		last = slot;
	}
	ring_prep_socket_direct_alloc(play_sqe(&r), SOCK_AF_INET, PLAY_STREAM, 0, 0);
	EXPECT_EQ(play_result(&r), -ENFILE);
}

/* An abstract name that no other test has */
static void unix_name(struct sock_addr *a)
{
	char text[40];

	fmt_print(text, sizeof(text), "@bareblk-selftests-%d", sys_getpid());
	ASSERT_OK(sock_addr_parse(a, text));
}

static s32 bound(struct ring *r, s32 fd, struct sock_addr *a)
{
	ring_prep_bind(play_sqe(r), fd, sock_addr_ptr(a), a->len_bytes);
	return play_result(r);
}

static s32 listening(struct ring *r, s32 fd)
{
	ring_prep_listen(play_sqe(r), fd, 8);
	return play_result(r);
}

static s32 connected(struct ring *r, s32 fd, struct sock_addr *a)
{
	ring_prep_connect(play_sqe(r), fd, sock_addr_ptr(a), a->len_bytes);
	return play_result(r);
}

static s32 new_socket(struct ring *r, s32 family, s32 type)
{
	s32 fd;

	ring_prep_socket(play_sqe(r), family, type, 0, 0);
	fd = play_result(r);
	ASSERT_OK(fd);
	return fd;
}

/* All of a connection's life by requests: of a family, from nothing to the end */
static void whole_life(struct ring *r, struct sock_addr *addr)
{
	struct io_uring_sqe *sqe;
	struct sock_addr peer = { .len_bytes = 128 };
	s32 listener = new_socket(r, addr->family, PLAY_STREAM);
	s32 client = new_socket(r, addr->family, PLAY_STREAM);
	char byte = 0;
	s32 server = -1;

	EXPECT_EQ(bound(r, listener, addr), 0);
	EXPECT_EQ(bound(r, listener, addr), -EINVAL); /* it is */
	EXPECT_EQ(bound(r, client, addr), addr->family == SOCK_AF_INET ? 0 : -EADDRINUSE);
	EXPECT_EQ(listening(r, listener), 0);
	ASSERT_OK(sock_local(addr, listener));
	sqe = play_sqe(r);
	ring_prep_accept(sqe, listener, sock_addr_ptr(&peer), &peer.len_bytes, PLAY_CLOEXEC);
	play_tag(sqe, 1, 0);
	play_submit(r);
	play_quiet(r);
	sqe = play_sqe(r);
	ring_prep_connect(sqe, client, sock_addr_ptr(addr), addr->len_bytes);
	play_tag(sqe, 2, 0);
	for (u32 i = 0; i < 2; i++) {
		struct play_cqe cqe = play_next(r);

		if (cqe.user_data == 1)
			server = cqe.res;
		else
			EXPECT_EQ(cqe.res, 0);
	}
	ASSERT_OK(server);
	EXPECT_EQ(sys_fcntl(server, F_GETFD, 0), 1);
	EXPECT_EQ(peer.family, addr->family);
	EXPECT_EQ(connected(r, client, addr), -EISCONN);
	ring_prep_send(play_sqe(r), client, "x", 1, 0);
	EXPECT_EQ(play_result(r), 1);
	ring_prep_recv(play_sqe(r), server, &byte, 1, 0);
	EXPECT_EQ(play_result(r), 1);
	EXPECT_EQ(byte, 'x');
	ring_prep_shutdown(play_sqe(r), client, PLAY_SHUT_WR);
	EXPECT_EQ(play_result(r), 0);
	ring_prep_recv(play_sqe(r), server, &byte, 1, 0);
	EXPECT_EQ(play_result(r), 0);
	sys_close(server);
	sys_close(client);
	sys_close(listener);
}

static void lives(void)
{
	struct sock_addr addr;
	struct ring r;

	NEED_OP(IORING_OP_BIND);
	NEED_OP(IORING_OP_LISTEN);
	play_ring(&r, 0);
	ASSERT_OK(sock_addr_parse(&addr, "127.0.0.1:0"));
	whole_life(&r, &addr);
	unix_name(&addr);
	whole_life(&r, &addr);
}

static void bind_refused(void)
{
	struct sock_addr addr;
	struct sock_addr other;
	int listener = play_bound(&addr, PLAY_STREAM);
	struct ring r;
	s32 fd;

	NEED_OP(IORING_OP_BIND);
	NEED_OP(IORING_OP_LISTEN);
	play_ring(&r, 0);
	fd = new_socket(&r, SOCK_AF_INET, PLAY_STREAM);
	EXPECT_EQ(bound(&r, fd, &addr), -EADDRINUSE);
	EXPECT_EQ(listening(&r, listener), 0); /* once more */
	ASSERT_OK(sock_addr_parse(&other, "192.0.2.1:0")); /* nobody's */
	EXPECT_EQ(bound(&r, fd, &other), -EADDRNOTAVAIL);
	EXPECT_EQ(bound(&r, play_eventfd(), &addr), -ENOTSOCK);
	EXPECT_EQ(listening(&r, play_eventfd()), -ENOTSOCK);
	addr.len_bytes = 3;
	EXPECT_EQ(bound(&r, fd, &addr), -EINVAL);
	EXPECT_EQ(listening(&r, new_socket(&r, SOCK_AF_INET, PLAY_DGRAM)), -EOPNOTSUPP);
	ring_prep_bind(play_sqe(&r), fd, NULL, 16);
	EXPECT_EQ(play_result(&r), -EFAULT);
}

static void refused(void)
{
	struct sock_addr addr;
	struct io_uring_sqe *sqe;
	int listener = play_bound(&addr, PLAY_STREAM);
	struct ring r;
	s32 fd;
	s32 res;

	play_ring(&r, 0);
	ring_prep_accept(play_sqe(&r), listener, NULL, NULL, 1);
	EXPECT_EQ(play_result(&r), -EINVAL);
	ring_prep_accept(play_sqe(&r), play_eventfd(), NULL, NULL, 0);
	EXPECT_EQ(play_result(&r), -ENOTSOCK);
	fd = new_socket(&r, SOCK_AF_INET, PLAY_STREAM);
	ring_prep_accept(play_sqe(&r), fd, NULL, NULL, 0);
	EXPECT_EQ(play_result(&r), -EINVAL); /* it does not listen */
	ring_prep_shutdown(play_sqe(&r), fd, PLAY_SHUT_RDWR);
	EXPECT_EQ(play_result(&r), -ENOTCONN);
	ring_prep_shutdown(play_sqe(&r), fd, 3);
	EXPECT_EQ(play_result(&r), -EINVAL);
	ring_prep_shutdown(play_sqe(&r), play_eventfd(), PLAY_SHUT_RD);
	EXPECT_EQ(play_result(&r), -ENOTSOCK);
	sqe = play_sqe(&r);
	ring_prep_accept(sqe, listener, NULL, NULL, 0);
	sqe->ioprio = IORING_ACCEPT_DONTWAIT;
	res = play_result(&r);
	if (res == -EINVAL)
		need_linux("6.10", "accept that does not wait");
	EXPECT_EQ(res, -EAGAIN);
	sys_close(listener);
	EXPECT_EQ(connected(&r, fd, &addr), -ECONNREFUSED);
	EXPECT_EQ(connected(&r, play_eventfd(), &addr), -ENOTSOCK);
	addr.len_bytes = 129;
	EXPECT_EQ(connected(&r, fd, &addr), -EINVAL);
}

/* @nr clients that have connected; they stay */
static void dial(const struct sock_addr *addr, u32 nr)
{
	struct sock_addr a = *addr;

	for (u32 i = 0; i < nr; i++) {
		int fd = sys_socket(SOCK_AF_INET, PLAY_STREAM, 0);

		ASSERT_OK(fd);
		ASSERT_OK(sys_connect(fd, sock_addr_ptr(&a), a.len_bytes));
		ASSERT_EQ(sys_write(fd, "hello", 5), 5);
	}
}

static void accept_often(void)
{
	struct sock_addr addr;
	struct io_uring_sqe *sqe;
	struct play_cqe cqe;
	int listener = play_bound(&addr, PLAY_STREAM);
	u64 seen = 0;
	char text[6] = "";
	struct ring r;

	play_ring(&r, 0);
	dial(&addr, 2); /* some are there already */
	sqe = play_sqe(&r);
	ring_prep_multishot_accept(sqe, listener, NULL, NULL, 0);
	play_tag(sqe, 1, 0);
	play_submit(&r);
	dial(&addr, 5);
	for (u32 i = 0; i < 7; i++) {
		cqe = play_next(&r);
		EXPECT_EQ(cqe.user_data, 1);
		EXPECT_EQ(cqe.flags & IORING_CQE_F_MORE, IORING_CQE_F_MORE);
		ASSERT_TRUE(cqe.res > 2 && cqe.res < 64 && !(seen & 1ULL << cqe.res));
		seen |= 1ULL << cqe.res;
		EXPECT_EQ(sys_read(cqe.res, text, 5), 5);
		EXPECT_STREQ(text, "hello");
	}
	play_quiet(&r);
	sqe = play_sqe(&r);
	ring_prep_cancel_fd(sqe, listener, 0);
	play_tag(sqe, 2, 0);
	for (u32 i = 0; i < 2; i++) {
		cqe = play_next(&r);
		EXPECT_EQ(cqe.res, cqe.user_data == 2 ? 0 : -ECANCELED);
		EXPECT_EQ(cqe.flags & IORING_CQE_F_MORE, 0);
	}
}

static void read_slot(struct ring *r, s32 slot)
{
	struct io_uring_sqe *sqe = play_sqe(r);
	char text[6] = "";

	ring_prep_recv(sqe, slot, text, 5, 0);
	play_tag(sqe, 0, IOSQE_FIXED_FILE);
	EXPECT_EQ(play_result(r), 5);
	EXPECT_STREQ(text, "hello");
}

static void accept_into_slots(void)
{
	struct sock_addr addr;
	struct io_uring_sqe *sqe;
	struct play_cqe cqe;
	int listener = play_bound(&addr, PLAY_STREAM);
	struct ring r;
	s32 slot;

	play_ring(&r, 0);
	slots(&r);
	dial(&addr, 2);
	ring_prep_accept_direct(play_sqe(&r), listener, NULL, NULL, PLAY_CLOEXEC, 1);
	EXPECT_EQ(play_result(&r), -EINVAL);
	ring_prep_accept_direct(play_sqe(&r), listener, NULL, NULL, 0, 1);
	EXPECT_EQ(play_result(&r), 0);
	read_slot(&r, 1);
	ring_prep_accept_direct(play_sqe(&r), listener, NULL, NULL, 0, IORING_FILE_INDEX_ALLOC);
	slot = play_result(&r);
	EXPECT_TRUE(slot == 0 || slot == 2);
	read_slot(&r, slot);

	/* One slot is left, and two come. */
	sqe = play_sqe(&r);
	ring_prep_multishot_accept_direct(sqe, listener, NULL, NULL, 0);
	play_tag(sqe, 1, 0);
	play_submit(&r);
	dial(&addr, 2);
	cqe = play_next(&r);
	EXPECT_EQ(cqe.res, 2 - slot);
	EXPECT_EQ(cqe.flags & IORING_CQE_F_MORE, IORING_CQE_F_MORE);
	play_expect(&r, 1, -ENFILE);
	play_quiet(&r);
	read_slot(&r, cqe.res);
}

static const struct test_case cases[] = {
	TEST("sockets are made, or refused", sockets),
	TEST("sockets are made in slots", sockets_in_slots),
	TEST("a connection lives from bind to shutdown by requests alone", lives),
	TEST("bind and listen refuse as the system calls do", bind_refused),
	TEST("accept, connect and shutdown refuse as the system calls do", refused),
	TEST("one accept takes every connection until it is cancelled", accept_often),
	TEST("connections are accepted into slots until there is none", accept_into_slots),
};
TEST_SUITE(ring_prep_net, cases);
