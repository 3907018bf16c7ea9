/* SPDX-License-Identifier: MIT */
/*
 * Ping-pong over TCP on the loopback: this process asks, a child on the other
 * processor answers, each with a ring of the same kind.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "selftests/bench/bench.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <signal.h>
#include <unistd.h>

#define MESSAGE_WORDS 8

enum { SENT = 1, RECEIVED };

struct end {
	bench_ring *ring;
	int fd;
	uint64_t out[MESSAGE_WORDS];
	uint64_t in[MESSAGE_WORDS];
};

static inline void prepare_send(struct end *e, uint64_t seq)
{
	struct io_uring_sqe *sqe = ring_get_sqe(e->ring);

	CHECK(sqe);
	e->out[0] = e->out[MESSAGE_WORDS - 1] = seq;
	ring_prep_send(sqe, e->fd, e->out, sizeof(e->out), 0);
	ring_sqe_set_data64(sqe, SENT);
}

static inline void prepare_recv(struct end *e)
{
	struct io_uring_sqe *sqe = ring_get_sqe(e->ring);

	CHECK(sqe);
	ring_prep_recv(sqe, e->fd, e->in, sizeof(e->in), MSG_WAITALL);
	ring_sqe_set_data64(sqe, RECEIVED);
}

/* Both, in either order; false when the other end has closed */
static inline bool exchange(struct end *e, uint64_t seq)
{
	struct io_uring_cqe *cqe;
	unsigned int head;
	uint32_t nr = 0;
	uint64_t what = 0;
	bool is_open = true;

	prepare_send(e, seq);
	prepare_recv(e);
	CHECK(ring_submit_and_wait(e->ring, 2) == 2);
	ring_for_each_cqe(e->ring, head, cqe) {
		if (cqe->res != sizeof(e->in))
			is_open = false;
		what |= 1u << cqe->user_data;
		nr++;
	}
	ring_cq_advance(e->ring, nr);
	CHECK(nr == 2 && what == (1u << SENT | 1u << RECEIVED));
	return is_open;
}

/* Answers each number with the next one */
static _Noreturn void serve(int fd, enum bench_kind kind)
{
	static bench_ring r;
	static struct end e;
	struct io_uring_cqe *cqe;

	e = (struct end){ .ring = &r, .fd = fd };
	bench_make_ring(&r, kind, -1);
	prepare_recv(&e);
	CHECK(ring_submit_and_wait(&r, 1) == 1);
	cqe = bench_wait_cqe(&r);
	CHECK(cqe && cqe->user_data == RECEIVED);
	bench_cqe_seen(&r, cqe);
	while (exchange(&e, e.in[0] + 1))
		CHECK(e.in[0] == e.in[MESSAGE_WORDS - 1]);
	_exit(0);
}

static void connect_both(int fds[2])
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(bind(listener, (struct sockaddr *)&at, len) == 0 && listen(listener, 1) == 0);
	CHECK(getsockname(listener, (struct sockaddr *)&at, &len) == 0);
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fds[0] >= 0 && connect(fds[0], (struct sockaddr *)&at, len) == 0);
	fds[1] = accept(listener, NULL, NULL);
	CHECK(fds[1] >= 0);
	close(listener);
	for (int i = 0; i < 2; i++)
		CHECK(setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0);
}

static void set_up_peer(struct bench *b)
{
	int fds[2];
	int pid;

	connect_both(fds);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[0]);
		bench_pin(b->other_cpu);
		serve(fds[1], b->row->kind);
	}
	close(fds[1]);
	b->fd = fds[0];
}

static uint64_t ping_pong(struct bench *b, uint32_t nr_turns)
{
	static struct end e;

	e.ring = &b->ring;
	e.fd = b->fd;
	for (uint32_t i = 0; i < nr_turns; i++) {
		CHECK(exchange(&e, b->seq));
		CHECK(e.in[0] == b->seq + 1 && e.in[MESSAGE_WORDS - 1] == b->seq + 1);
		b->seq++;
	}
	return nr_turns;
}

const struct bench_row bench_net_rows[] = {
	{ .name = "tcp-default", .kind = BENCH_DEFAULT, .batch = 2, .setup = set_up_peer,
	  .run = ping_pong },
	{ .name = "tcp-defer", .kind = BENCH_DEFER, .batch = 2, .setup = set_up_peer,
	  .run = ping_pong },
};
const size_t bench_nr_net_rows = sizeof(bench_net_rows) / sizeof(bench_net_rows[0]);
