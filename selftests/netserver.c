/* SPDX-License-Identifier: MIT */
/* A listener for tests. */
#include "selftests/netserver.h"

#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "selftests/netpair.h"
#include "uapi/sys.h"

void server_ring(struct ring *r, u32 entries, u32 cq_entries, u32 flags)
{
	struct io_uring_params p = {
		.flags = flags | (cq_entries ? IORING_SETUP_CQSIZE : 0),
		.cq_entries = cq_entries,
	};
	int err = ring_init(r, entries, &p);

	if (err == -ENOSYS)
		test_skip("no io_uring here");
	ASSERT_OK(err);
}

static void accepted(struct ring_listen *l, s32 fd)
{
	struct server *s = CONTAINER_OF(l, struct server, l);

	ASSERT_LT(s->nr, SERVER_MAX);
	s->peers[s->nr] = l->peer;
	s->fds[s->nr++] = fd;
	if (s->stops_at_first)
		EXPECT_OK(ring_listen_cancel(l));
}

static void failed(struct ring_listen *l, s32 err)
{
	struct server *s = CONTAINER_OF(l, struct server, l);

	s->nr_failed++;
	s->err = err;
}

void server_start_on(struct server *s, const char *text, const struct ring_listen_opts *opts)
{
	struct sock_addr a = net_addr(text);
	int fd = ring_listen_socket(&a, opts);

	ASSERT_OK(fd);
	ASSERT_OK(sock_local(&s->addr, fd));
	s->l.accepted = accepted;
	s->l.failed = failed;
	ASSERT_OK(ring_listen_start(&s->l, &s->r, fd, opts));
}

void server_start(struct server *s, const char *text, u32 flags)
{
	struct ring_listen_opts opts = { .flags = flags };

	*s = (struct server){ .nr = 0 };
	server_ring(&s->r, 8, 0, 0);
	server_start_on(s, text, &opts);
}

void server_until(struct server *s, u32 nr)
{
	u64 deadline_ms = test_now_ms() + 5000;

	while (s->nr < nr && test_now_ms() < deadline_ms) {
		int ret = ring_turn(&s->r, 1000000000ULL / 10);

		if (ret != -ETIME)
			ASSERT_OK(ret);
	}
	ASSERT_EQ(s->nr, nr);
}

void server_for(struct server *s, u64 ms)
{
	u64 deadline_ms = test_now_ms() + ms;

	while (test_now_ms() < deadline_ms) {
		int ret = ring_turn(&s->r, 5000000);

		if (ret != -ETIME)
			ASSERT_OK(ret);
	}
}

void server_close_all(struct server *s)
{
	while (s->nr)
		sys_close(s->fds[--s->nr]);
}

void server_stop(struct server *s)
{
	EXPECT_OK(ring_listen_stop(&s->l, 5 * 1000000000ULL));
	EXPECT_TRUE(ring_listen_is_stopped(&s->l));
	EXPECT_ERR(s->err, -ECANCELED);
	ring_exit(&s->r);
}
