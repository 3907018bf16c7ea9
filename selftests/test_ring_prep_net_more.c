/* SPDX-License-Identifier: MIT */
/* ring/prep_net.h, proved by doing it: without copying, and sockets' commands */
#include <asm/socket.h>
#include <linux/mman.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <linux/uio.h>

#include "selftests/ring_play.h"

enum { IPPROTO_TCP_NR = 6, TCP_NODELAY_NR = 1 };

static u8 data[8192];

static void fill(void)
{
	for (u32 i = 0; i < sizeof(data); i++)
		data[i] = (u8)(i ^ i >> 7);
}

static void register_data(struct ring *r)
{
	struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };

	ASSERT_OK(ring_register(r, IORING_REGISTER_BUFFERS, &iov, 1));
}

/* The two completions of a send, in which order soever; and what arrived at the other end */
static s32 sent(struct ring *r, int fd, u64 notif_data, s32 *notif_res)
{
	static u8 in[sizeof(data)];
	struct play_cqe cqe = play_next(r);
	struct play_cqe notif;

	if (!(cqe.flags & IORING_CQE_F_MORE))
		return cqe.res; /* it was refused before it began */
	EXPECT_EQ(cqe.flags & IORING_CQE_F_NOTIF, 0);
	EXPECT_EQ(cqe.user_data, 1);
	if (cqe.res > 0) {
		s32 got = 0;

		while (got < cqe.res) {
			long nr = sys_read(fd, in + got, (size_t)(cqe.res - got));

			ASSERT_GT(nr, 0);
			got += (s32)nr;
		}
		EXPECT_MEMEQ(in, data, (size_t)got);
	}
	notif = play_next(r);
	EXPECT_EQ(notif.flags, IORING_CQE_F_NOTIF);
	EXPECT_EQ(notif.user_data, notif_data);
	*notif_res = notif.res;
	play_quiet(r);
	return cqe.res;
}

static void zero_copy(void)
{
	struct io_uring_sqe *sqe;
	struct ring r;
	s32 notif;
	s32 res;
	int fds[2];

	NEED_OP(IORING_OP_SEND_ZC);
	fill();
	play_ring(&r, 0);
	play_tcp(fds);
	sqe = play_sqe(&r);
	ring_prep_send_zc(sqe, fds[0], data, 5000, 0, 0);
	play_tag(sqe, 1, 0);
	EXPECT_EQ(sent(&r, fds[1], 1, &notif), 5000);
	EXPECT_EQ(notif, 0);

	sqe = play_sqe(&r);
	ring_prep_send_zc(sqe, fds[0], data, 4096, 0, IORING_SEND_ZC_REPORT_USAGE);
	play_tag(sqe, 1, 0);
	res = sent(&r, fds[1], 1, &notif);
	if (res == -EINVAL)
		need_linux("6.2", "a report whether data was copied");
	EXPECT_EQ(res, 4096);
	/* A packet that stays on the machine is copied when it is received. */
	EXPECT_EQ((u32)notif, IORING_NOTIF_USAGE_ZC_COPIED);

	play_pair(fds, PLAY_STREAM);
	sqe = play_sqe(&r);
	ring_prep_send_zc(sqe, fds[0], data, 100, 0, 0);
	play_tag(sqe, 1, 0);
	EXPECT_EQ(sent(&r, fds[1], 1, &notif), -EOPNOTSUPP);
}

/* A number of its own for the notification */
static void zero_copy_tagged(void)
{
	struct io_uring_sqe *sqe;
	struct ring r;
	s32 notif;
	s32 res;
	int fds[2];

	NEED_OP(IORING_OP_SEND_ZC);
	fill();
	play_ring(&r, 0);
	play_tcp(fds);
	sqe = play_sqe(&r);
	ring_prep_send_zc(sqe, fds[0], data, 5000, 0, 0);
	sqe->addr3 = 0x1234567890;
	play_tag(sqe, 1, 0);
	res = sent(&r, fds[1], 0x1234567890, &notif);
	if (res == -EINVAL)
		need_linux("7.1", "a notification's own user_data");
	EXPECT_EQ(res, 5000);
}

static void zero_copy_fixed(void)
{
	struct sock_addr from;
	struct sock_addr to;
	struct io_uring_sqe *sqe;
	struct ring r;
	s32 notif;
	int fds[2];
	int a;
	int b;

	NEED_OP(IORING_OP_SEND_ZC);
	fill();
	play_ring(&r, 0);
	register_data(&r);
	play_tcp(fds);
	sqe = play_sqe(&r);
	ring_prep_send_zc_fixed(sqe, fds[0], data, 8192, PLAY_MSG_WAITALL, 0, 0);
	play_tag(sqe, 1, 0);
	EXPECT_EQ(sent(&r, fds[1], 1, &notif), 8192);
	sqe = play_sqe(&r);
	ring_prep_send_zc_fixed(sqe, fds[0], data + 1, 8192, 0, 0, 0);
	play_tag(sqe, 1, 0);
	EXPECT_EQ(sent(&r, fds[1], 1, &notif), -EFAULT); /* one byte beyond */
	sqe = play_sqe(&r);
	ring_prep_send_zc_fixed(sqe, fds[0], data, 1, 0, 0, 1);
	play_tag(sqe, 1, 0);
	EXPECT_EQ(sent(&r, fds[1], 1, &notif), -EFAULT);
	sqe = play_sqe(&r);
	ring_prep_send_zc(sqe, fds[0], data, 1, 0, 1 << 15);
	play_tag(sqe, 1, 0);
	EXPECT_EQ(sent(&r, fds[1], 1, &notif), -EINVAL);

	/* a datagram, and where it goes */
	a = play_bound(&from, PLAY_DGRAM);
	b = play_bound(&to, PLAY_DGRAM);
	sqe = play_sqe(&r);
	ring_prep_send_zc(sqe, a, data, 1000, 0, 0);
	ring_prep_send_set_addr(sqe, sock_addr_ptr(&to), (u16)to.len_bytes);
	play_tag(sqe, 1, 0);
	EXPECT_EQ(sent(&r, b, 1, &notif), 1000);
}

static void zero_copy_messages(void)
{
	struct iovec iov[2] = { { data, 1000 }, { data + 1000, 3000 } };
	struct ring_msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	struct io_uring_sqe *sqe;
	struct ring r;
	s32 notif;
	s32 res;
	int fds[2];

	NEED_OP(IORING_OP_SENDMSG_ZC);
	fill();
	play_ring(&r, 0);
	register_data(&r);
	play_tcp(fds);
	sqe = play_sqe(&r);
	ring_prep_sendmsg_zc(sqe, fds[0], (struct msghdr *)(void *)&m, 0);
	play_tag(sqe, 1, 0);
	EXPECT_EQ(sent(&r, fds[1], 1, &notif), 4000);
	sqe = play_sqe(&r);
	ring_prep_sendmsg_zc_fixed(sqe, fds[0], (struct msghdr *)(void *)&m, 0, 0);
	play_tag(sqe, 1, 0);
	res = sent(&r, fds[1], 1, &notif);
	if (res == -EINVAL || res == -EOPNOTSUPP)
		need_linux("6.15", "messages out of registered buffers");
	EXPECT_EQ(res, 4000);
	iov[1].iov_len = sizeof(data);
	sqe = play_sqe(&r);
	ring_prep_sendmsg_zc_fixed(sqe, fds[0], (struct msghdr *)(void *)&m, 0, 0);
	play_tag(sqe, 1, 0);
	EXPECT_EQ(sent(&r, fds[1], 1, &notif), -EFAULT);
}

static s32 command(struct ring *r, u32 op, s32 fd, s32 level, s32 name, void *value, s32 len)
{
	ring_prep_cmd_sock(play_sqe(r), op, fd, level, name, value, len);
	return play_result(r);
}

static void queue_lengths(void)
{
	struct ring r;
	int fds[2];
	s32 res;

	play_ring(&r, 0);
	play_tcp(fds);
	res = command(&r, SOCKET_URING_OP_SIOCINQ, fds[1], 0, 0, NULL, 0);
	if (res == -EOPNOTSUPP)
		need_linux("6.5", "commands of sockets");
	EXPECT_EQ(res, 0);
	ASSERT_EQ(sys_write(fds[0], "12345", 5), 5);
	EXPECT_EQ(command(&r, SOCKET_URING_OP_SIOCINQ, fds[1], 0, 0, NULL, 0), 5);
	/* acknowledged by now, or not */
	EXPECT_LE(command(&r, SOCKET_URING_OP_SIOCOUTQ, fds[0], 0, 0, NULL, 0), 5);
	EXPECT_GE(command(&r, SOCKET_URING_OP_SIOCOUTQ, fds[0], 0, 0, NULL, 0), 0);
	EXPECT_EQ(command(&r, 9999, fds[0], 0, 0, NULL, 0), -EOPNOTSUPP);
}

static void options(void)
{
	struct ring r;
	int fds[2];
	u32 len = 4;
	int value = 1;
	s32 res;

	play_ring(&r, 0);
	play_tcp(fds);
	res = command(&r, SOCKET_URING_OP_SETSOCKOPT, fds[0], IPPROTO_TCP_NR, TCP_NODELAY_NR,
		      &value, 4);
	if (res == -EOPNOTSUPP)
		need_linux("6.7", "options of sockets");
	EXPECT_EQ(res, 0);
	value = 0;
	ASSERT_OK(sys_getsockopt(fds[0], IPPROTO_TCP_NR, TCP_NODELAY_NR, &value, &len));
	EXPECT_EQ(value, 1);
	res = command(&r, SOCKET_URING_OP_GETSOCKOPT, fds[0], SOL_SOCKET, SO_TYPE, &value, 4);
	EXPECT_EQ(res, 4);
	EXPECT_EQ(value, PLAY_STREAM);
	value = 0x55555555;
	res = command(&r, SOCKET_URING_OP_GETSOCKOPT, fds[0], SOL_SOCKET, SO_TYPE, &value, 1);
	EXPECT_EQ(res, 1);
	EXPECT_EQ(value, 0x55555500 | PLAY_STREAM);
	res = command(&r, SOCKET_URING_OP_GETSOCKOPT, fds[0], IPPROTO_TCP_NR, TCP_NODELAY_NR,
		      &value, 4);
	EXPECT_EQ(res, -EOPNOTSUPP);
	res = command(&r, SOCKET_URING_OP_SETSOCKOPT, fds[0], SOL_SOCKET, 9999, &value, 4);
	EXPECT_EQ(res, -ENOPROTOOPT);
	res = command(&r, SOCKET_URING_OP_SETSOCKOPT, fds[0], SOL_SOCKET, SO_RCVBUF, NULL, 4);
	EXPECT_EQ(res, -EFAULT);
}

static s32 name(struct ring *r, int fd, struct sock_addr *a, s32 peer)
{
	*a = (struct sock_addr){ .len_bytes = 128 };
	ring_prep_cmd_getsockname(play_sqe(r), fd, sock_addr_ptr(a), &a->len_bytes, peer);
	return play_result(r);
}

static void names(void)
{
	struct sock_addr want;
	struct sock_addr got;
	struct ring r;
	int fds[2];
	s32 res;

	play_ring(&r, 0);
	play_tcp(fds);
	res = name(&r, fds[0], &got, 0);
	if (res == -EOPNOTSUPP)
		need_linux("6.19", "names of sockets");
	EXPECT_EQ(res, 0);
	ASSERT_OK(sock_local(&want, fds[0]));
	EXPECT_EQ(got.len_bytes, want.len_bytes);
	EXPECT_MEMEQ(&got.family, &want.family, want.len_bytes);
	EXPECT_EQ(name(&r, fds[0], &got, 1), 0);
	ASSERT_OK(sock_local(&want, fds[1]));
	EXPECT_MEMEQ(&got.family, &want.family, want.len_bytes);
	EXPECT_EQ(name(&r, fds[0], &got, 2), -EINVAL);
	EXPECT_EQ(name(&r, play_bound(&want, PLAY_STREAM), &got, 1), -ENOTCONN);
}

/* Loopback stamps in software; what is stamped comes without its packet. */
static void timestamps(void)
{
	const u32 want = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE |
			 SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;
	struct sock_addr from;
	struct sock_addr to;
	struct io_uring_sqe *sqe;
	struct __kernel_timespec now;
	struct play_cqe cqe;
	struct ring r;
	int fd = play_bound(&from, PLAY_DGRAM);

	play_bound(&to, PLAY_DGRAM);
	ASSERT_OK(sys_setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &want, sizeof(want)));
	play_ring(&r, IORING_SETUP_CQE32);
	sqe = play_sqe(&r);
	ring_prep_cmd_sock(sqe, SOCKET_URING_OP_TX_TIMESTAMP, fd, 0, 0, NULL, 0);
	play_tag(sqe, 1, 0);
	play_submit(&r);
	if (ring_cq_ready(&r)) {
		EXPECT_EQ(play_result(&r), -EOPNOTSUPP);
		need_linux("6.17", "time stamps of what was sent");
	}
	for (s32 i = 0; i < 3; i++) {
		ASSERT_EQ(sys_sendto(fd, "x", 1, 0, sock_addr_ptr(&to), to.len_bytes), 1);
		cqe = play_next(&r);
		ASSERT_OK(sys_clock_gettime(0 /* CLOCK_REALTIME */, &now));
		EXPECT_EQ(cqe.res, i); /* the number of the packet */
		EXPECT_EQ(cqe.flags & IORING_CQE_F_MORE, IORING_CQE_F_MORE);
		EXPECT_EQ(cqe.flags & IORING_CQE_F_TSTAMP_HW, 0);
		EXPECT_LE(cqe.big[0], now.tv_sec);
		EXPECT_GE(cqe.big[0], now.tv_sec - 10);
		EXPECT_LT(cqe.big[1], 1000000000);
	}
	ring_prep_cancel_fd(play_sqe(&r), fd, 0);
	for (u32 i = 0; i < 2; i++) {
		cqe = play_next(&r);
		EXPECT_EQ(cqe.res, cqe.user_data ? -ECANCELED : 0);
		EXPECT_EQ(cqe.flags & IORING_CQE_F_MORE, 0);
	}
}

/*
 * Receiving without copying, but for the want of a device with copying: the
 * kernel puts what comes into an area of ours, and gives each piece away until
 * it comes back by the refill queue.
 */
enum { AREA_BYTES = 65536, QUEUE_BYTES = 4096, NR_REFILLS = 64 };

struct zcrx {
	u32 id;
	u64 token;
	u8 *area;
	u8 *queue;
	struct io_uring_zcrx_offsets at;
};

static u8 *pages(size_t len)
{
	long at = sys_mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_OK(at);
	return (u8 *)at;
}

static void register_zcrx(struct zcrx *z, struct ring *r)
{
	struct io_uring_zcrx_area_reg area = { .len = AREA_BYTES };
	struct io_uring_region_desc region = { .size = QUEUE_BYTES,
					       .flags = IORING_MEM_REGION_TYPE_USER };
	struct io_uring_zcrx_ifq_reg reg = { .rq_entries = NR_REFILLS, .flags = ZCRX_REG_NODEV,
					     .area_ptr = RING_PTR(&area),
					     .region_ptr = RING_PTR(&region) };
	int err;

	z->area = pages(AREA_BYTES);
	z->queue = pages(QUEUE_BYTES);
	area.addr = RING_PTR(z->area);
	region.user_addr = RING_PTR(z->queue);
	err = ring_register(r, IORING_REGISTER_ZCRX_IFQ, &reg, 1);
	if (err == -EINVAL)
		need_linux("7.1", "zero-copy receive without a device");
	ASSERT_OK(err);
	z->id = reg.zcrx_id;
	z->token = area.rq_area_token;
	z->at = reg.offsets;
}

/* The piece of @len bytes at @off may be filled again. A device would look into the queue by
 * itself, the copying has to be told. */
static void give_back(struct zcrx *z, struct ring *r, u64 off, u32 len)
{
	struct zcrx_ctrl flush = { .zcrx_id = z->id, .op = ZCRX_CTRL_FLUSH_RQ };
	struct io_uring_zcrx_rqe *rqes = (void *)(z->queue + z->at.rqes);
	u32 *tail = (void *)(z->queue + z->at.tail);

	rqes[*tail % NR_REFILLS] = (struct io_uring_zcrx_rqe){
		.off = (off & ~IORING_ZCRX_AREA_MASK) | z->token, .len = len,
	};
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	ASSERT_OK(ring_register(r, IORING_REGISTER_ZCRX_CTRL, &flush, 0));
}

/* Several times what the area holds goes through it. */
static void receive(void)
{
	struct io_uring_sqe *sqe;
	struct play_cqe cqe = { .flags = IORING_CQE_F_MORE };
	struct zcrx z;
	struct ring r;
	u32 got = 0;
	int fds[2];

	NEED_OP(IORING_OP_RECV_ZC);
	fill();
	play_ring(&r, IORING_SETUP_CQE32 | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	register_zcrx(&z, &r);
	play_tcp(fds);
	sqe = play_sqe(&r);
	ring_prep_recv_zc(sqe, fds[1], 0, z.id);
	play_tag(sqe, 1, 0);
	play_submit(&r);
	for (u32 sent_bytes = 0; got < 4 * AREA_BYTES;) {
		u64 off;

		if (sent_bytes == got) {
			ASSERT_EQ(sys_write(fds[0], data, sizeof(data)), (s64)sizeof(data));
			sent_bytes += sizeof(data);
		}
		cqe = play_next(&r);
		off = cqe.big[0] & ~IORING_ZCRX_AREA_MASK;
		EXPECT_EQ(cqe.user_data, 1);
		ASSERT_GT(cqe.res, 0);
		EXPECT_EQ(cqe.flags & IORING_CQE_F_MORE, IORING_CQE_F_MORE);
		ASSERT_LE(off + (u64)cqe.res, AREA_BYTES);
		EXPECT_MEMEQ(z.area + off, data + got % sizeof(data), (size_t)cqe.res);
		got += (u32)cqe.res;
		give_back(&z, &r, cqe.big[0], (u32)cqe.res);
	}
	sys_close(fds[0]);
	play_expect(&r, 1, 0);
	play_quiet(&r);
}

/* No more than asked for */
static void receive_some(void)
{
	struct io_uring_sqe *sqe;
	struct zcrx z;
	struct ring r;
	u32 got = 0;
	int fds[2];

	NEED_OP(IORING_OP_RECV_ZC);
	fill();
	play_ring(&r, IORING_SETUP_CQE32 | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	register_zcrx(&z, &r);
	play_tcp(fds);
	ASSERT_EQ(sys_write(fds[0], data, 8000), 8000);
	sqe = play_sqe(&r);
	ring_prep_recv_zc(sqe, fds[1], 5000, z.id);
	play_tag(sqe, 1, 0);
	for (;;) {
		struct play_cqe cqe = play_next(&r);

		if (!(cqe.flags & IORING_CQE_F_MORE)) {
			EXPECT_EQ(cqe.res, 0);
			break;
		}
		ASSERT_GT(cqe.res, 0);
		got += (u32)cqe.res;
	}
	EXPECT_EQ(got, 5000);
	play_quiet(&r);
	ring_prep_recv_zc(play_sqe(&r), fds[1], 0, z.id + 1);
	EXPECT_EQ(play_result(&r), -EINVAL);
	ring_prep_recv_zc(play_sqe(&r), play_eventfd(), 0, z.id);
	EXPECT_EQ(play_result(&r), -ENOTSOCK);
}

static const struct test_case cases[] = {
	TEST("data is sent without copying it, and let go of afterwards", zero_copy),
	TEST("a notification has a number of its own if wanted", zero_copy_tagged),
	TEST("data is sent out of a registered buffer, or where an address says", zero_copy_fixed),
	TEST("messages are sent without copying them", zero_copy_messages),
	TEST("a socket tells what is unread and unsent", queue_lengths),
	TEST("options of a socket are set and read", options),
	TEST("a socket tells its name and its peer's", names),
	TEST("a socket tells when what it sent went out", timestamps),
	TEST("an area receives several times what it holds, piece by piece", receive),
	TEST("an area receives what was asked for and no more", receive_some),
};
TEST_SUITE(ring_prep_net_more, cases);
