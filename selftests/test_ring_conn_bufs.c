/* SPDX-License-Identifier: MIT */
/* ring/conn.h: zero-copy sends, provided buffers, and many connections at once */
#include <asm/errno.h>

#include "ring/buf_ring.h"
#include "ring/conn.h"
#include "ring/prep.h"
#include "selftests/harness/harness.h"
#include "selftests/netpair.h"
#include "selftests/netserver.h"
#include "selftests/ring_caps.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/pages.h"
#include "uapi/sys.h"

#define WAITALL	RING_MSG_WAITALL
#define ALL_ZC	(RING_MSG_WAITALL | RING_MSG_ZEROCOPY)
#define SECOND	1000000000ULL
#define LONG	(30 * SECOND)
#define MS	1000000ULL

struct sender {
	struct ring r;
	struct ring_conn c;
	struct pages out;
	int peer;
	u32 nr_sent;
	u32 nr_released;
	u32 nr_closed;
	s64 sent;
};

static void sent(struct ring_conn *c, s64 result)
{
	struct sender *s = CONTAINER_OF(c, struct sender, c);

	s->nr_sent++;
	s->sent = result;
}

static void released(struct ring_conn *c)
{
	struct sender *s = CONTAINER_OF(c, struct sender, c);

	EXPECT_EQ(c->nr_held, 0);
	EXPECT_EQ(s->nr_closed, 0);
	s->nr_released++;
}

static void sender_closed(struct ring_conn *c, s32 err)
{
	struct sender *s = CONTAINER_OF(c, struct sender, c);

	EXPECT_OK(err);
	s->nr_closed++;
}

static void make(struct sender *s, const char *text, u64 len_bytes)
{
	int fds[2];

	*s = (struct sender){ .nr_sent = 0 };
	server_ring(&s->r, 8, 0, 0);
	ASSERT_OK(pages_map(&s->out, len_bytes));
	net_pair(text, fds);
	s->peer = fds[1];
	ring_conn_init(&s->c, &s->r, fds[0], 0);
	s->c.released = released;
}

static void unmake(struct sender *s)
{
	if (s->c.fd >= 0)
		EXPECT_OK(ring_conn_close_wait(&s->c));
	EXPECT_EQ(s->c.nr_held, 0);
	EXPECT_EQ(ring_cq_ready(&s->r), 0);
	sys_close(s->peer);
	ring_exit(&s->r);
	pages_unmap(&s->out);
}

static void until_released(struct sender *s)
{
	while (s->c.nr_held)
		ASSERT_OK(ring_turn(&s->r, 2 * SECOND));
}

static void zero_copy(void)
{
	static char buf[65536];
	struct sender s;

	NEED_OP(IORING_OP_SEND_ZC);
	make(&s, "127.0.0.1:0", sizeof(buf));
	for (u32 i = 0; i < 50; i++) {
		u64 len = 1 + i * 977 % sizeof(buf);

		memset(s.out.addr, (int)i + 1, len);
		ASSERT_OK(ring_conn_send(&s.c, s.out.addr, len, ALL_ZC,
					 i & 1 ? SECOND : RING_NO_TIMEOUT, sent));
		EXPECT_EQ(ring_conn_wait(&s.c.tx), len);
		EXPECT_EQ(s.nr_sent, i + 1);
		net_recv(s.peer, buf, len);
		EXPECT_MEMEQ(buf, s.out.addr, len);
		until_released(&s);
		EXPECT_EQ(s.nr_released, i + 1);
	}
	EXPECT_TRUE(!s.c.has_no_zc);
	unmake(&s);
}

/* The next send does not wait for the buffer of the one before. */
static void pipelined(void)
{
	static char buf[5000];
	struct sender s;

	NEED_OP(IORING_OP_SEND_ZC);
	make(&s, "127.0.0.1:0", 100 * 50);
	for (u32 i = 0; i < 100; i++) {
		char *at = (char *)s.out.addr + i * 50;

		memset(at, (int)i, 50);
		ASSERT_OK(ring_conn_send(&s.c, at, 50, RING_MSG_ZEROCOPY, SECOND, sent));
		EXPECT_EQ(ring_conn_wait(&s.c.tx), 50);
	}
	net_recv(s.peer, buf, sizeof(buf));
	EXPECT_TRUE(!memcmp(buf, s.out.addr, sizeof(buf)));
	until_released(&s);
	EXPECT_EQ(s.nr_sent, 100);
	EXPECT_GE(s.nr_released, 1);
	unmake(&s);
}

/* A socket that cannot: the data goes all the same, and it is not tried again. */
static void falls_back(void)
{
	struct sender s;
	char buf[6];

	NEED_OP(IORING_OP_SEND_ZC);
	make(&s, "unix", 4096);
	for (u32 i = 0; i < 3; i++) {
		ASSERT_OK(ring_conn_send(&s.c, "copied", 6, RING_MSG_ZEROCOPY, SECOND, sent));
		EXPECT_EQ(ring_conn_wait(&s.c.tx), 6);
		net_recv(s.peer, buf, 6);
		EXPECT_MEMEQ(buf, "copied", 6);
		EXPECT_TRUE(s.c.has_no_zc);
		EXPECT_EQ(s.c.nr_held, 0);
		EXPECT_EQ(s.nr_sent, i + 1);
	}
	EXPECT_LE(s.nr_released, 1); /* of the one that was refused, where that has one */
	unmake(&s);
}

/* A peer that takes nothing would keep the buffers as long as it likes. */
static void stuck_peer(void)
{
	struct sender s;
	u64 start_ms;

	NEED_OP(IORING_OP_SEND_ZC);
	make(&s, "127.0.0.1:0", 64 << 20);
	ASSERT_OK(ring_conn_send(&s.c, s.out.addr, s.out.len_bytes,
				 ALL_ZC, 100 * MS, sent));
	EXPECT_ERR(ring_conn_wait(&s.c.tx), -ETIME);
	EXPECT_LT(s.c.tx.done_bytes, s.out.len_bytes);
	EXPECT_GT(s.c.nr_held, 0);
	EXPECT_EQ(s.nr_released, 0);
	start_ms = test_now_ms();
	ASSERT_OK(ring_conn_close(&s.c, sender_closed));
	while (!s.nr_closed)
		ASSERT_OK(ring_turn(&s.r, 3 * SECOND));
	EXPECT_LT(test_now_ms() - start_ms, 8000);
	EXPECT_EQ(s.nr_released, 1);
	unmake(&s);

	/* The same while it still is in flight */
	make(&s, "127.0.0.1:0", 64 << 20);
	ASSERT_OK(ring_conn_send(&s.c, s.out.addr, s.out.len_bytes,
				 ALL_ZC, RING_NO_TIMEOUT, sent));
	EXPECT_LE(ring_turn(&s.r, 50 * MS), 0);
	ASSERT_OK(ring_conn_close(&s.c, sender_closed));
	while (!s.nr_closed)
		ASSERT_OK(ring_turn(&s.r, 3 * SECOND));
	EXPECT_EQ(s.nr_sent, 1);
	unmake(&s);
}

enum { GROUP = 3, NR_BUFS = 8, BUF_BYTES = 512 };

struct receiver {
	struct ring r;
	struct ring_conn c;
	struct io_uring_buf_ring *br;
	char bufs[NR_BUFS][BUF_BYTES];
	char got[40000];
	u64 nr_bytes;
	u32 nr_got;
	u32 nr_ends;
	int peer;
	s32 end;
	bool keeps;
	bool closes;
};

static void give_back(struct receiver *v, u16 bid)
{
	ring_buf_ring_add(v->br, v->bufs[bid], BUF_BYTES, bid, ring_buf_ring_mask(NR_BUFS), 0);
	ring_buf_ring_advance(v->br, 1);
}

static void got(struct ring_conn *c, s32 res, u32 cqe_flags)
{
	struct receiver *v = CONTAINER_OF(c, struct receiver, c);
	u16 bid = (u16)(cqe_flags >> IORING_CQE_BUFFER_SHIFT);

	if (res <= 0) {
		v->nr_ends++;
		v->end = res;
		return;
	}
	EXPECT_TRUE(cqe_flags & IORING_CQE_F_BUFFER);
	ASSERT_LE(v->nr_bytes + (u32)res, sizeof(v->got));
	memcpy(v->got + v->nr_bytes, v->bufs[bid], (u32)res);
	v->nr_bytes += (u32)res;
	v->nr_got++;
	if (!v->keeps)
		give_back(v, bid);
	if (v->closes)
		EXPECT_OK(ring_conn_close(c, NULL));
}

static void make_receiver(struct receiver *v, u32 cq_entries, u32 ring_flags)
{
	int fds[2];
	int err;

	memset(v, 0, sizeof(*v));
	server_ring(&v->r, 4, cq_entries, ring_flags);
	v->br = ring_setup_buf_ring(&v->r, NR_BUFS, GROUP, 0, &err);
	ASSERT_OK(err);
	for (u16 bid = 0; bid < NR_BUFS; bid++)
		give_back(v, bid);
	net_pair("127.0.0.1:0", fds);
	v->peer = fds[1];
	ring_conn_init(&v->c, &v->r, fds[0], 0);
}

static void unmake_receiver(struct receiver *v)
{
	if (v->c.fd >= 0)
		EXPECT_OK(ring_conn_close_wait(&v->c));
	EXPECT_OK(ring_free_buf_ring(&v->r, v->br, NR_BUFS, GROUP));
	sys_close(v->peer);
	ring_exit(&v->r);
}

static void until_bytes(struct receiver *v, u64 nr)
{
	while (v->nr_bytes < nr) {
		if (v->nr_ends)
			test_fail("it ended with %d after %llu bytes", v->end, v->nr_bytes);
		ASSERT_OK(ring_turn(&v->r, 2 * SECOND));
	}
	EXPECT_EQ(v->nr_bytes, nr);
}

static void multishot(void)
{
	static const u32 flags[] = { 0, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN };
	static struct receiver v;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		test_row("flags 0x%x", flags[i]);
		make_receiver(&v, 0, flags[i]);
		ASSERT_OK(ring_conn_recv_multishot(&v.c, GROUP, got));
		EXPECT_ERR(ring_conn_recv(&v.c, v.got, 1, 0, 0, NULL), -EBUSY);
		for (u32 n = 0; n < 100; n++) {
			char text[4] = { 'n', (char)n, 'x', 'y' };

			net_send(v.peer, text, 4);
			until_bytes(&v, n * 4 + 4);
			EXPECT_MEMEQ(v.got + n * 4, text, 4);
		}
		EXPECT_EQ(v.c.rx.done_bytes, 400);
		EXPECT_EQ(v.nr_ends, 0);
		ASSERT_OK(sys_shutdown(v.peer, 1));
		while (!v.nr_ends)
			ASSERT_OK(ring_turn(&v.r, 2 * SECOND));
		EXPECT_EQ(v.end, 0);
		EXPECT_EQ(v.nr_ends, 1);
		unmake_receiver(&v);
		EXPECT_EQ(v.nr_ends, 1);
	}
}

/* Buffers run out, which ends it; given back, it goes on where it was. */
static void runs_out(void)
{
	static struct receiver v;
	char text[NR_BUFS * BUF_BYTES + 100];

	for (u32 i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7 + (i >> 8));
	make_receiver(&v, 0, 0);
	v.keeps = true;
	ASSERT_OK(ring_conn_recv_multishot(&v.c, GROUP, got));
	net_send(v.peer, text, sizeof(text));
	while (!v.nr_ends)
		ASSERT_OK(ring_turn(&v.r, 2 * SECOND));
	EXPECT_ERR(v.end, -ENOBUFS);
	EXPECT_EQ(v.nr_bytes, NR_BUFS * BUF_BYTES);
	v.keeps = false;
	v.nr_ends = 0;
	for (u16 bid = 0; bid < NR_BUFS; bid++)
		give_back(&v, bid);
	ASSERT_OK(ring_conn_recv_multishot(&v.c, GROUP, got));
	until_bytes(&v, sizeof(text));
	EXPECT_TRUE(!memcmp(v.got, text, sizeof(text)));
	EXPECT_EQ(v.nr_ends, 0);
	unmake_receiver(&v);
	EXPECT_ERR(v.end, -ECANCELED); /* by closing it */
	EXPECT_EQ(v.nr_ends, 1);
}

/* No room for completions ends it in the kernel, which nobody notices. */
static void queue_overflows(void)
{
	static struct receiver v;

	make_receiver(&v, 4, 0);
	ASSERT_OK(ring_conn_recv_multishot(&v.c, GROUP, got));
	ASSERT_EQ(ring_submit(&v.r), 1);
	for (u32 round = 0; round < 20; round++) {
		for (u32 i = 0; i < 4; i++) { /* what fills the queue */
			struct io_uring_sqe *sqe = ring_op_sqe(&v.r);

			ring_prep_nop(sqe);
			sqe->user_data = RING_OP_NONE;
		}
		ASSERT_OK(ring_submit(&v.r));
		net_send(v.peer, "0123456789", 10);
		test_sleep_ms(2);
		until_bytes(&v, round * 10 + 10);
	}
	EXPECT_EQ(v.nr_ends, 0);
	unmake_receiver(&v);
}

static void closes_in_callback(void)
{
	static struct receiver v;

	make_receiver(&v, 0, 0);
	v.closes = true;
	ASSERT_OK(ring_conn_recv_multishot(&v.c, GROUP, got));
	net_send(v.peer, "x", 1);
	while (v.c.fd >= 0)
		ASSERT_OK(ring_turn(&v.r, 2 * SECOND));
	EXPECT_EQ(v.nr_bytes, 1);
	EXPECT_EQ(v.nr_ends, 1);
	EXPECT_ERR(v.end, -ECANCELED);
	unmake_receiver(&v);
}

static void no_group(void)
{
	static struct receiver v;

	make_receiver(&v, 0, 0);
	ASSERT_OK(ring_conn_recv_multishot(&v.c, GROUP + 1, got));
	net_send(v.peer, "x", 1);
	while (!v.nr_ends)
		ASSERT_OK(ring_turn(&v.r, 2 * SECOND));
	EXPECT_ERR(v.end, -ENOBUFS);
	unmake_receiver(&v);
}

enum { NR_CONNS = 300, NR_ROUNDS = 20 };

/* Both ends on one small ring: each round is a word there and one back. */
struct chat {
	struct ring_conn a;
	struct ring_conn b;
	u32 *nr_done;
	u32 nr;
	u32 word_a;
	u32 word_b;
};

static void chat_a_got(struct ring_conn *c, s64 result);
static void chat_b_got(struct ring_conn *c, s64 result);

static void chat_sent(struct ring_conn *c, s64 result)
{
	(void)c;
	ASSERT_EQ(result, 4);
}

static void chat_say(struct chat *chat)
{
	ASSERT_OK(ring_conn_send(&chat->a, &chat->nr, 4, WAITALL, LONG, chat_sent));
	ASSERT_OK(ring_conn_recv(&chat->a, &chat->word_a, 4, WAITALL, LONG, chat_a_got));
	ASSERT_OK(ring_conn_recv(&chat->b, &chat->word_b, 4, WAITALL, LONG, chat_b_got));
}

static void chat_b_got(struct ring_conn *c, s64 result)
{
	struct chat *chat = CONTAINER_OF(c, struct chat, b);

	ASSERT_EQ(result, 4);
	ASSERT_EQ(chat->word_b, chat->nr);
	ASSERT_OK(ring_conn_send(c, &chat->word_b, 4, WAITALL, LONG, chat_sent));
}

static void chat_a_got(struct ring_conn *c, s64 result)
{
	struct chat *chat = CONTAINER_OF(c, struct chat, a);

	ASSERT_EQ(result, 4);
	ASSERT_EQ(chat->word_a, chat->nr);
	chat->nr++;
	if (chat->nr % 100 == NR_ROUNDS)
		++*chat->nr_done;
	else
		chat_say(chat);
}

static void chat_closed(struct ring_conn *c, s32 err)
{
	(void)c;
	ASSERT_OK(err);
}

static void crowd(void)
{
	static struct chat chats[NR_CONNS];
	u32 nr_fds = net_fds();
	u32 nr_done = 0;
	u32 nr_open = 0;
	struct ring r;

	server_ring(&r, 16, 0, 0);
	for (u32 i = 0; i < NR_CONNS; i++) {
		int fds[2];

		net_pair(i & 1 ? "unix" : "127.0.0.1:0", fds);
		ring_conn_init(&chats[i].a, &r, fds[0], 0);
		ring_conn_init(&chats[i].b, &r, fds[1], 0);
		chats[i].nr = i * 100;
		chats[i].nr_done = &nr_done;
	}
	for (u32 i = 0; i < NR_CONNS; i++)
		chat_say(&chats[i]);
	while (nr_done < NR_CONNS)
		ASSERT_OK(ring_turn(&r, 5 * SECOND));
	for (u32 i = 0; i < NR_CONNS; i++) {
		ASSERT_OK(ring_conn_close(&chats[i].a, chat_closed));
		ASSERT_OK(ring_conn_close(&chats[i].b, chat_closed));
	}
	do {
		nr_open = 0;
		for (u32 i = 0; i < NR_CONNS; i++)
			nr_open += (chats[i].a.fd >= 0) + (chats[i].b.fd >= 0);
		if (nr_open)
			ASSERT_OK(ring_turn(&r, 5 * SECOND));
	} while (nr_open);
	ring_exit(&r);
	EXPECT_EQ(net_fds(), nr_fds);
}

static const struct test_case cases[] = {
	TEST("zero-copy sends of all lengths, and buffers come back", zero_copy),
	TEST("the next zero-copy send need not wait for the buffer", pipelined),
	TEST("data is copied where zero-copy is refused", falls_back),
	TEST("a peer that takes nothing cannot keep a buffer beyond closing", stuck_peer),
	TEST("one request receives into provided buffers until the end", multishot),
	TEST("buffers run out, and it goes on with new ones", runs_out),
	TEST("the request is armed again when completions overflow", queue_overflows),
	TEST("closed while its data is looked at", closes_in_callback),
	TEST("a group that is not there", no_group),
	TEST("three hundred connections at once on a queue of 16", crowd, .timeout_ms = 30000),
};
TEST_SUITE(ring_conn_bufs, cases);
