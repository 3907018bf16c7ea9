/* SPDX-License-Identifier: MIT */
/* A ring, buffers and sockets for tests of requests */
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "selftests/ring_play.h"

void play_ring(struct ring *r, u32 flags)
{
	struct io_uring_params p = { .flags = flags | IORING_SETUP_CQSIZE,
				     .cq_entries = 4 * PLAY_ENTRIES };
	int err = ring_init(r, PLAY_ENTRIES, &p);

	if (err == -ENOSYS || err == -EPERM)
		test_skip("no io_uring here");
	ASSERT_OK(err);
}

struct io_uring_sqe *play_sqe(struct ring *r)
{
	struct io_uring_sqe *sqe = ring_get_sqe(r);

	ASSERT_NE(sqe, NULL);
	memset(sqe, 0xee, (size_t)1 << r->sq_shift);
	return sqe;
}

void play_tag(struct io_uring_sqe *sqe, u64 user_data, u8 flags)
{
	ring_sqe_set_data64(sqe, user_data);
	ring_sqe_set_flags(sqe, sqe->flags | flags);
}

void play_submit(struct ring *r)
{
	u32 nr = ring_sq_ready(r);

	if (nr)
		ASSERT_EQ(ring_submit(r), nr);
}

struct play_cqe play_next(struct ring *r)
{
	struct io_uring_cqe *cqe;
	struct play_cqe copy;

	play_submit(r);
	cqe = ring_peek_cqe_mixed(r);
	if (!cqe) {
		ASSERT_OK(ring_submit_and_wait_timeout(r, 1, PLAY_WAIT_NS));
		cqe = ring_peek_cqe_mixed(r);
	}
	ASSERT_NE(cqe, NULL);
	copy = (struct play_cqe){ .user_data = cqe->user_data, .res = cqe->res,
				  .flags = cqe->flags };
	if (r->flags & IORING_SETUP_CQE32 || ring_cqe_slots(cqe) == 2) {
		copy.big[0] = cqe->big_cqe[0];
		copy.big[1] = cqe->big_cqe[1];
	}
	ring_cqe_seen_mixed(r, cqe);
	return copy;
}

s32 play_result(struct ring *r)
{
	struct play_cqe cqe = play_next(r);

	EXPECT_EQ(cqe.flags & IORING_CQE_F_MORE, 0);
	return cqe.res;
}

void play_expect(struct ring *r, u64 user_data, s32 res)
{
	struct play_cqe cqe = play_next(r);

	EXPECT_EQ(cqe.user_data, user_data);
	EXPECT_EQ(cqe.res, res);
	EXPECT_EQ(cqe.flags & IORING_CQE_F_MORE, 0);
}

void play_quiet(struct ring *r)
{
	ASSERT_OK(ring_get_events(r));
	EXPECT_EQ(ring_cq_ready(r), 0);
}

static void *pages(size_t len)
{
	long at = sys_mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_OK(at);
	return (void *)at;
}

void play_bufs_init(struct play_bufs *b, struct ring *r, u16 group, u16 nr, u32 size)
{
	struct io_uring_buf_reg reg = { .ring_entries = nr, .bgid = group };

	*b = (struct play_bufs){ .ring = pages(nr * sizeof(struct io_uring_buf)),
				 .data = pages((size_t)nr * size),
				 .size = size,
				 .nr = nr,
				 .group = group };
	reg.ring_addr = RING_PTR(b->ring);
	ASSERT_OK(ring_register(r, IORING_REGISTER_PBUF_RING, &reg, 1));
	for (u16 i = 0; i < nr; i++)
		play_bufs_add(b, i, size);
}

void play_bufs_add(struct play_bufs *b, u16 bid, u32 len)
{
	struct io_uring_buf *slot = &b->ring->bufs[b->tail & (b->nr - 1)];

	slot->addr = RING_PTR(play_buf(b, bid));
	slot->len = len;
	slot->bid = bid;
	__atomic_store_n(&b->ring->tail, ++b->tail, __ATOMIC_RELEASE);
}

int play_eventfd(void)
{
	int fd = sys_eventfd2(0, O_NONBLOCK | O_CLOEXEC);

	ASSERT_OK(fd);
	return fd;
}

void play_pair(int fds[2], int type)
{
	ASSERT_OK(sys_socketpair(SOCK_AF_UNIX, type, 0, fds));
}

int play_bound(struct sock_addr *addr, int type)
{
	int fd = sys_socket(SOCK_AF_INET, type, 0);

	ASSERT_OK(fd);
	ASSERT_OK(sock_addr_parse(addr, "127.0.0.1:0"));
	ASSERT_OK(sys_bind(fd, sock_addr_ptr(addr), addr->len_bytes));
	ASSERT_OK(sock_local(addr, fd));
	if (type == PLAY_STREAM)
		ASSERT_OK(sys_listen(fd, 16));
	return fd;
}

void play_tcp(int fds[2])
{
	struct sock_addr addr;
	int listener = play_bound(&addr, PLAY_STREAM);

	fds[0] = sys_socket(SOCK_AF_INET, PLAY_STREAM, 0);
	ASSERT_OK(fds[0]);
	ASSERT_OK(sys_connect(fds[0], sock_addr_ptr(&addr), addr.len_bytes));
	fds[1] = sys_accept4(listener, NULL, NULL, 0);
	ASSERT_OK(fds[1]);
	sys_close(listener);
}
