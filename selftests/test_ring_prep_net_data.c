/* SPDX-License-Identifier: MIT */
/* ring/prep_net.h, proved by doing it: bytes and messages, one by one and in streams */
#include <asm/socket.h>
#include <linux/in.h>
#include <linux/uio.h>

#include "selftests/ring_play.h"

enum { SCM_RIGHTS_NR = 1, SOL_IP_NR = 0 };

static struct msghdr *header(struct ring_msghdr *m)
{
	return (struct msghdr *)(void *)m;
}

static s32 sent(struct ring *r, s32 fd, const void *buf, size_t len, s32 flags)
{
	ring_prep_send(play_sqe(r), fd, buf, len, flags);
	return play_result(r);
}

static s32 received(struct ring *r, s32 fd, void *buf, size_t len, s32 flags)
{
	ring_prep_recv(play_sqe(r), fd, buf, len, flags);
	return play_result(r);
}

/* TCP knows what is left in the socket, unix sockets do since 6.17 or so. */
static void bytes(struct ring *r, int fds[2], bool tells_nonempty)
{
	struct play_cqe cqe;
	char in[32] = "";

	EXPECT_EQ(received(r, fds[1], in, 8, PLAY_MSG_DONTWAIT), -EAGAIN);
	EXPECT_EQ(sent(r, fds[0], "0123456789", 10, 0), 10);
	EXPECT_EQ(received(r, fds[1], in, 4, PLAY_MSG_PEEK), 4);
	ring_prep_recv(play_sqe(r), fds[1], in, 4, 0);
	cqe = play_next(r);
	EXPECT_EQ(cqe.res, 4);
	EXPECT_MEMEQ(in, "0123", 4);
	if (tells_nonempty)
		EXPECT_EQ(cqe.flags & IORING_CQE_F_SOCK_NONEMPTY, IORING_CQE_F_SOCK_NONEMPTY);

	/* all of it, in pieces */
	ring_prep_recv(play_sqe(r), fds[1], in, 12, PLAY_MSG_WAITALL);
	play_submit(r);
	play_quiet(r);
	ASSERT_EQ(sys_write(fds[0], "abc", 3), 3);
	play_quiet(r);
	ASSERT_EQ(sys_write(fds[0], "def", 3), 3);
	cqe = play_next(r);
	EXPECT_EQ(cqe.res, 12);
	EXPECT_MEMEQ(in, "456789abcdef", 12);
	EXPECT_EQ(cqe.flags & IORING_CQE_F_SOCK_NONEMPTY, 0);

	ASSERT_OK(sys_shutdown(fds[0], PLAY_SHUT_WR));
	EXPECT_EQ(received(r, fds[1], in, 8, 0), 0);
	EXPECT_EQ(received(r, fds[1], in, 8, PLAY_MSG_WAITALL), 0);
	EXPECT_EQ(sent(r, fds[0], "x", 1, 0), -EPIPE); /* and no signal */
	EXPECT_EQ(received(r, fds[1], NULL, 8, 1 << 30), 0);
	EXPECT_EQ(sent(r, fds[1], NULL, 8, 0), -EFAULT);
}

static void streams(void)
{
	struct ring r;
	int fds[2];

	play_ring(&r, 0);
	play_pair(fds, PLAY_STREAM);
	bytes(&r, fds, false);
	play_tcp(fds);
	bytes(&r, fds, true);
	EXPECT_EQ(sent(&r, play_eventfd(), "x", 1, 0), -ENOTSOCK);
	EXPECT_EQ(received(&r, -1, fds, 1, 0), -EBADF);
}

/* A socket that is not asked before it was polled */
static void poll_first(void)
{
	struct io_uring_sqe *sqe;
	char byte = 0;
	struct ring r;
	int fds[2];

	play_ring(&r, 0);
	play_pair(fds, PLAY_STREAM);
	sqe = play_sqe(&r);
	ring_prep_recv(sqe, fds[1], &byte, 1, 0);
	sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
	play_submit(&r);
	play_quiet(&r);
	sqe = play_sqe(&r);
	ring_prep_send(sqe, fds[0], "x", 1, 0);
	sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
	play_submit(&r);
	EXPECT_EQ(play_result(&r), 1);
	EXPECT_EQ(play_result(&r), 1);
	EXPECT_EQ(byte, 'x');
	sqe = play_sqe(&r);
	ring_prep_recv(sqe, fds[1], &byte, 1, 0);
	sqe->ioprio = 1 << 15;
	EXPECT_EQ(play_result(&r), -EINVAL);
}

static void datagrams(void)
{
	struct sock_addr from;
	struct sock_addr to;
	struct sock_addr name = { .len_bytes = 0 };
	char in[32] = "";
	struct iovec iov = { .iov_base = in, .iov_len = sizeof(in) };
	struct ring_msghdr m = { .msg_name = sock_addr_ptr(&name), .msg_namelen = 128,
				 .msg_iov = &iov, .msg_iovlen = 1 };
	int a = play_bound(&from, PLAY_DGRAM);
	int b = play_bound(&to, PLAY_DGRAM);
	struct io_uring_sqe *sqe;
	struct ring r;
	s32 res;

	play_ring(&r, 0);
	EXPECT_EQ(sent(&r, a, "nowhere", 7, 0), -EDESTADDRREQ);
	ring_prep_sendto(play_sqe(&r), a, "one", 3, 0, sock_addr_ptr(&to), to.len_bytes);
	res = play_result(&r);
	if (res == -EINVAL || res == -EDESTADDRREQ)
		need_linux("6.1", "send with an address");
	EXPECT_EQ(res, 3);
	sqe = play_sqe(&r);
	ring_prep_send(sqe, a, "three", 5, 0);
	ring_prep_send_set_addr(sqe, sock_addr_ptr(&to), (u16)to.len_bytes);
	EXPECT_EQ(play_result(&r), 5);
	ring_prep_recvmsg(play_sqe(&r), b, header(&m), 0);
	EXPECT_EQ(play_result(&r), 3);
	EXPECT_MEMEQ(in, "one", 3);
	EXPECT_EQ(m.msg_namelen, from.len_bytes);
	EXPECT_MEMEQ(sock_addr_ptr(&name), sock_addr_ptr(&from), from.len_bytes);
	EXPECT_EQ(m.msg_flags, 0);
	iov.iov_len = 2;
	ring_prep_recvmsg(play_sqe(&r), b, header(&m), PLAY_MSG_TRUNC);
	EXPECT_EQ(play_result(&r), 5);
	EXPECT_EQ(m.msg_flags, PLAY_MSG_TRUNC);
	EXPECT_MEMEQ(in, "thre", 2);
	ring_prep_sendto(play_sqe(&r), a, "x", 1, 0, NULL, 0);
	EXPECT_EQ(play_result(&r), -EDESTADDRREQ);
	ring_prep_recvmsg(play_sqe(&r), b, NULL, 0);
	EXPECT_EQ(play_result(&r), -EFAULT);
}

/* Control data: a file goes over. The message may be forgotten once it was submitted. */
static void messages(void)
{
	struct {
		struct ring_cmsghdr head;
		s32 fd;
		s32 pad;
	} control = { { .cmsg_len = 20, .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS_NR },
		      .fd = play_eventfd() };
	char in[16] = "";
	struct iovec out_iov[2] = { { (void *)(uintptr_t) "hello, ", 7 },
				    { (void *)(uintptr_t) "world", 5 } };
	struct iovec in_iov[2] = { { in, 3 }, { in + 3, 12 } };
	struct ring_msghdr out = { .msg_iov = out_iov, .msg_iovlen = 2, .msg_control = &control,
				   .msg_controllen = 20 };
	struct ring_msghdr msg = { .msg_iov = in_iov, .msg_iovlen = 2, .msg_control = &control,
				   .msg_controllen = sizeof(control) };
	u64 value = 5;
	struct ring r;
	int fds[2];

	play_ring(&r, 0);
	play_pair(fds, PLAY_STREAM);
	ring_prep_sendmsg(play_sqe(&r), fds[0], header(&out), 0);
	play_submit(&r);
	memset(&out, 0xff, sizeof(out));
	memset(out_iov, 0xff, sizeof(out_iov));
	EXPECT_EQ(play_result(&r), 12);
	ASSERT_EQ(sys_write(control.fd, &value, 8), 8);
	sys_close(control.fd);
	control.fd = -1;
	ring_prep_recvmsg(play_sqe(&r), fds[1], header(&msg), 0);
	EXPECT_EQ(play_result(&r), 12);
	EXPECT_STREQ(in, "hello, world");
	EXPECT_EQ(msg.msg_controllen, 20 + 4);
	value = 0;
	ASSERT_EQ(sys_read(control.fd, &value, 8), 8);
	EXPECT_EQ(value, 5);
}

static void with_buffers(struct io_uring_sqe *sqe, u16 group)
{
	play_tag(sqe, 1, IOSQE_BUFFER_SELECT);
	ring_sqe_set_buf_group(sqe, group);
}

static void streams_of_bytes(void)
{
	struct io_uring_sqe *sqe;
	struct play_bufs b;
	struct play_cqe cqe;
	struct ring r;
	int fds[2];

	NEED_REGISTER(IORING_REGISTER_PBUF_RING);
	play_ring(&r, 0);
	play_bufs_init(&b, &r, 7, 4, 16);
	play_pair(fds, PLAY_STREAM);
	ring_prep_recv_multishot(play_sqe(&r), fds[1], NULL, 0, 0);
	EXPECT_EQ(play_result(&r), -EINVAL); /* where to? */
	sqe = play_sqe(&r);
	ring_prep_recv_multishot(sqe, fds[1], NULL, 0, 0);
	with_buffers(sqe, 7);
	play_submit(&r);
	for (u64 i = 0; i < 40; i++) { /* ten times round */
		ASSERT_EQ(sys_write(fds[0], &i, 8), 8);
		cqe = play_next(&r);
		EXPECT_EQ(cqe.res, 8);
		EXPECT_EQ(cqe.flags & IORING_CQE_F_MORE, IORING_CQE_F_MORE);
		ASSERT_EQ(cqe.flags & IORING_CQE_F_BUFFER, IORING_CQE_F_BUFFER);
		EXPECT_MEMEQ(play_buf(&b, play_bid(&cqe)), &i, 8);
		play_bufs_add(&b, play_bid(&cqe), 16);
	}
	/* four buffers, and then there is none */
	for (u32 i = 0; i < 4; i++) {
		ASSERT_EQ(sys_write(fds[0], "0123456789abcdef", 16), 16);
		EXPECT_EQ(play_next(&r).flags & IORING_CQE_F_MORE, IORING_CQE_F_MORE);
	}
	ASSERT_EQ(sys_write(fds[0], "x", 1), 1);
	play_expect(&r, 1, -ENOBUFS);
	play_bufs_add(&b, 2, 16);
	play_bufs_add(&b, 1, 16); /* the end may need one to look for it */
	sqe = play_sqe(&r);
	ring_prep_recv_multishot(sqe, fds[1], NULL, 0, 0);
	with_buffers(sqe, 7);
	cqe = play_next(&r);
	EXPECT_EQ(cqe.res, 1);
	EXPECT_EQ(play_bid(&cqe), 2);
	sys_close(fds[0]);
	play_expect(&r, 1, 0);
	play_quiet(&r);
}

static void streams_of_messages(void)
{
	enum { SIZE = 16 + 16 + 32 + 8 };
	struct ring_msghdr m = { .msg_namelen = 16, .msg_controllen = 32 };
	struct sock_addr from;
	struct sock_addr to;
	struct io_uring_sqe *sqe;
	struct play_bufs b;
	struct ring r;
	u64 text[2] = { 0x6f77656e6f2d6f6e, 0x3132333435363738 };
	int on = 1;
	int a = play_bound(&from, PLAY_DGRAM);
	int fd = play_bound(&to, PLAY_DGRAM);

	play_ring(&r, 0);
	play_bufs_init(&b, &r, 7, 4, SIZE);
	ASSERT_OK(sys_setsockopt(fd, SOL_IP_NR, 8 /* IP_PKTINFO */, &on, 4));
	sqe = play_sqe(&r);
	ring_prep_recvmsg_multishot(sqe, fd, header(&m), PLAY_MSG_TRUNC);
	with_buffers(sqe, 7);
	play_submit(&r);
	for (u32 i = 1; i <= 17; i++) {
		u32 len = i % 17; /* an empty one is the last: it ends the receive */
		struct io_uring_recvmsg_out *o;
		struct ring_cmsghdr *c;
		struct play_cqe cqe;
		u32 fits = len < 8 ? len : 8;
		void *buf;

		test_row("%u bytes", len);
		ASSERT_EQ(sys_sendto(a, text, len, 0, sock_addr_ptr(&to), to.len_bytes), len);
		cqe = play_next(&r);
		buf = play_buf(&b, play_bid(&cqe));
		EXPECT_EQ(cqe.flags & IORING_CQE_F_MORE, len ? IORING_CQE_F_MORE : 0);
		EXPECT_EQ(cqe.res, 64 + fits);
		o = ring_recvmsg_validate(buf, cqe.res, header(&m));
		ASSERT_EQ(o, buf);
		EXPECT_EQ(o->payloadlen, len);
		EXPECT_EQ(o->flags & PLAY_MSG_TRUNC, len > 8 ? PLAY_MSG_TRUNC : 0);
		EXPECT_EQ(o->namelen, 16);
		EXPECT_MEMEQ(ring_recvmsg_name(o), sock_addr_ptr(&from), 16);
		EXPECT_EQ(ring_recvmsg_payload_length(o, cqe.res, header(&m)), fits);
		EXPECT_MEMEQ(ring_recvmsg_payload(o, header(&m)), text, fits);
		c = (void *)ring_recvmsg_cmsg_firsthdr(o, header(&m));
		ASSERT_NE(c, NULL);
		EXPECT_EQ(c->cmsg_level, SOL_IP_NR);
		EXPECT_EQ(c->cmsg_type, 8);
		EXPECT_EQ(c->cmsg_len, 16 + 12);
		EXPECT_EQ(ring_recvmsg_cmsg_nexthdr(o, header(&m), (void *)c), NULL);
		play_bufs_add(&b, play_bid(&cqe), SIZE);
	}
}

/* What comes from the kernel is believed, but a short result is not. */
static void parsing(void)
{
	static const struct {
		s32 namelen;
		u64 controllen;
		s32 len;
		bool ok;
	} rows[] = {
		{ 0, 0, 16, true },	 { 0, 0, 15, false },
		{ 0, 0, -105, false },	 { 0, 0, 0, false },
		{ 16, 32, 64, true },	 { 16, 32, 63, false },
		{ 16, ~0ULL, 64, false }, { 16, ~0ULL - 40, 64, false },
		{ 0x7fffffff, 0, 64, false }, { -1, 0, 64, false },
	};
	static u64 buf[16];
	struct io_uring_recvmsg_out *o = (void *)buf;
	struct ring_msghdr m = { .msg_namelen = 8, .msg_controllen = 64 };
	struct ring_cmsghdr *c;
	struct cmsghdr *next;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ring_msghdr row = { .msg_namelen = rows[i].namelen,
					   .msg_controllen = rows[i].controllen };

		test_row("row %zu", i);
		EXPECT_EQ(ring_recvmsg_validate(buf, rows[i].len, header(&row)) != NULL,
			  rows[i].ok);
	}
	test_row("%s", "");
	o->controllen = 15;
	EXPECT_EQ(ring_recvmsg_cmsg_firsthdr(o, header(&m)), NULL);
	o->controllen = 48; /* 17 bytes, which take 24, and 24 */
	c = (void *)ring_recvmsg_cmsg_firsthdr(o, header(&m));
	ASSERT_EQ((u8 *)c - (u8 *)buf, 16 + 8);
	c->cmsg_len = 17;
	((struct ring_cmsghdr *)(void *)((u8 *)c + 24))->cmsg_len = 24;
	next = ring_recvmsg_cmsg_nexthdr(o, header(&m), (void *)c);
	ASSERT_EQ((u8 *)next - (u8 *)c, 24);
	EXPECT_EQ(ring_recvmsg_cmsg_nexthdr(o, header(&m), next), NULL);
	((struct ring_cmsghdr *)(void *)next)->cmsg_len = 25; /* beyond the end */
	EXPECT_EQ(ring_recvmsg_cmsg_nexthdr(o, header(&m), (void *)c), NULL);
	c->cmsg_len = 15;
	EXPECT_EQ(ring_recvmsg_cmsg_nexthdr(o, header(&m), (void *)c), NULL);
	c->cmsg_len = ~0ULL - 3;
	EXPECT_EQ(ring_recvmsg_cmsg_nexthdr(o, header(&m), (void *)c), NULL);
	c->cmsg_len = 33;
	EXPECT_EQ(ring_recvmsg_cmsg_nexthdr(o, header(&m), (void *)c), NULL);
}

static void bundles(void)
{
	struct io_uring_sqe *sqe;
	struct play_bufs out;
	struct play_bufs in;
	struct play_cqe cqe;
	struct ring r;
	u32 total = 0;
	int fds[2];

	NEED_FEAT(IORING_FEAT_RECVSEND_BUNDLE);
	play_ring(&r, 0);
	play_bufs_init(&out, &r, 1, 4, 10);
	play_bufs_init(&in, &r, 2, 8, 16);
	for (u32 i = 0; i < 40; i++)
		out.data[i] = (u8)('A' + i);
	play_tcp(fds);
	sqe = play_sqe(&r);
	ring_prep_send_bundle(sqe, fds[0], 0, 0);
	with_buffers(sqe, 1);
	do {
		cqe = play_next(&r);
		ASSERT_GT(cqe.res, 0);
		EXPECT_EQ(play_bid(&cqe), total / 10); /* the first of them */
		total += (u32)cqe.res;
	} while (cqe.flags & IORING_CQE_F_MORE);
	EXPECT_EQ(total, 40);
	sqe = play_sqe(&r);
	ring_prep_send_bundle(sqe, fds[0], 0, 0);
	with_buffers(sqe, 1);
	play_expect(&r, 1, -ENOBUFS);

	for (u32 bid = 0, got = 0; got < 40; got += (u32)cqe.res) {
		sqe = play_sqe(&r);
		ring_prep_recv(sqe, fds[1], NULL, 0, 0);
		sqe->ioprio |= IORING_RECVSEND_BUNDLE;
		with_buffers(sqe, 2);
		cqe = play_next(&r);
		ASSERT_GT(cqe.res, 0);
		if (bid == 0)
			EXPECT_GT(cqe.res, 16); /* more than one buffer */
		EXPECT_EQ(play_bid(&cqe), bid);
		EXPECT_MEMEQ(play_buf(&in, (u16)bid), out.data + got, (size_t)cqe.res);
		bid += ((u32)cqe.res + 15) / 16;
	}
}

/* There is no network device here that could do it, and none is asked. */
static void receive_zero_copy(void)
{
	struct ring r;
	int fds[2];

	NEED_OP(IORING_OP_RECV_ZC);
	play_ring(&r, IORING_SETUP_CQE32);
	play_tcp(fds);
	ring_prep_recv_zc(play_sqe(&r), fds[1], 0, 0);
	EXPECT_EQ(play_result(&r), -EINVAL); /* there is no such queue */
}

static const struct test_case cases[] = {
	TEST("streams carry bytes until they end", streams),
	TEST("a socket is polled first if wanted", poll_first),
	TEST("datagrams go where they are sent, with who sent them", datagrams),
	TEST("messages carry files, and need not be kept", messages),
	TEST("one receive fills buffer after buffer until none is left", streams_of_bytes),
	TEST("one receive fills buffers with messages, names and control data",
	     streams_of_messages),
	TEST("a received message that is too short is not looked at", parsing),
	TEST("bundles send and receive many buffers at once", bundles),
	TEST("a receive without copying needs its queue", receive_zero_copy),
};
TEST_SUITE(ring_prep_net_data, cases);
