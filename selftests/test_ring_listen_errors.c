/* SPDX-License-Identifier: MIT */
/* ring/listen.h: when accepting fails, pauses, and stops */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/resource.h>

#include "ring/prep.h"
#include "ring/register.h"
#include "selftests/harness/harness.h"
#include "selftests/netpair.h"
#include "selftests/netserver.h"
#include "uapi/rt/fmt.h"
#include "uapi/sys.h"

#define SECOND		1000000000ULL

#define FDS_MAX 1024

/* So many more than there are now; a number in between may be taken already. */
static void limit_fds(u32 more)
{
	struct rlimit64 limit = { .rlim_max = FDS_MAX };

	for (int fd = 0; more && fd < FDS_MAX; fd++) {
		more -= sys_fcntl(fd, F_GETFD, 0) < 0;
		limit.rlim_cur = (u64)fd + 1;
	}
	ASSERT_OK(sys_prlimit64(0, RLIMIT_NOFILE, &limit, NULL));
}

/* Connections that another process makes and keeps, so that they cost us no descriptor */
static int connect_elsewhere(const struct sock_addr *to, u32 nr, u32 keep_ms)
{
	int child = sys_fork();

	ASSERT_OK(child);
	if (child)
		return child;
	while (nr--)
		(void)net_connect(to);
	test_sleep_ms(keep_ms);
	sys_exit_group(0);
}

static void end_child(int child)
{
	int status;

	(void)sys_kill(child, 9);
	ASSERT_EQ(sys_wait4(child, &status, 0), child);
}

/* Until it has said so often that it cannot take one; a case has its own time limit */
static void until_failed(struct server *s, u32 nr)
{
	while (s->nr_failed < nr)
		server_for(s, 5);
}

/* Six wait, three fit: the rest comes when there is room, without haste until then. */
static void out_of_descriptors(void)
{
	static const u32 flags[] = { 0, RING_LISTEN_ONESHOT };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct ring_listen_opts opts = { .flags = flags[i], .retry_ms = 50 };
		struct server s = { .nr = 0 };
		int child;

		test_row("flags 0x%x", flags[i]);
		server_ring(&s.r, 8, 0, 0);
		server_start_on(&s, "127.0.0.1:0", &opts);
		child = connect_elsewhere(&s.addr, 6, 10000);
		limit_fds(3);
		server_until(&s, 3);
		until_failed(&s, 2); /* it has tried again */
		server_for(&s, 220);
		EXPECT_EQ(s.nr, 3);
		EXPECT_ERR(s.err, -EMFILE);
		EXPECT_LE(s.nr_failed, 20);
		sys_close(s.fds[0]);
		sys_close(s.fds[1]);
		server_until(&s, 5); /* by itself */
		server_for(&s, 60);
		EXPECT_EQ(s.nr, 5);
		sys_close(s.fds[2]);
		ASSERT_OK(ring_listen_resume(&s.l));
		server_until(&s, 6);
		for (u32 k = 3; k < 6; k++)
			sys_close(s.fds[k]);
		end_child(child);
		limit_fds(FDS_MAX);
		server_stop(&s);
	}
}

static void resumed_at_once(void)
{
	struct ring_listen_opts opts = { .retry_ms = 3600 * 1000 };
	struct server s = { .nr = 0 };
	u64 start_ms;
	int child;

	server_ring(&s.r, 8, 0, 0);
	server_start_on(&s, "127.0.0.1:0", &opts);
	EXPECT_OK(ring_listen_resume(&s.l)); /* nothing to do */
	child = connect_elsewhere(&s.addr, 3, 10000);
	limit_fds(1);
	server_until(&s, 1);
	until_failed(&s, 1);
	server_for(&s, 50);
	EXPECT_EQ(s.nr, 1);
	EXPECT_EQ(s.nr_failed, 1);
	sys_close(s.fds[0]);
	start_ms = test_now_ms();
	ASSERT_OK(ring_listen_resume(&s.l));
	ASSERT_OK(ring_listen_resume(&s.l)); /* twice is once */
	server_until(&s, 2);
	EXPECT_LT(test_now_ms() - start_ms, 8000);
	/* In the pause it can be stopped as at any time. */
	until_failed(&s, 2);
	server_for(&s, 50);
	EXPECT_EQ(s.nr_failed, 2);
	end_child(child);
	server_stop(&s);
	EXPECT_EQ(s.nr_failed, 3);
}

static void read_slot(struct ring *r, s32 slot, u32 *to)
{
	struct io_uring_sqe *sqe = ring_op_sqe(r);

	ring_prep_recv(sqe, slot, to, sizeof(*to), 0);
	ring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	ASSERT_EQ(ring_call(r, sqe), sizeof(*to));
}

static void close_slot(struct ring *r, s32 slot)
{
	struct io_uring_sqe *sqe = ring_op_sqe(r);

	ring_prep_close_direct(sqe, (u32)slot);
	ASSERT_OK(ring_call(r, sqe));
}

/* Slots instead of descriptors: four at a time, and then there are more again */
static void into_slots(void)
{
	static const u32 flags[] = { RING_LISTEN_DIRECT, RING_LISTEN_DIRECT | RING_LISTEN_ONESHOT };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct ring_listen_opts opts = { .flags = flags[i], .retry_ms = 20 };
		struct server s = { .nr = 0 };
		u32 nr_fds;
		int clients[5];

		test_row("flags 0x%x", flags[i]);
		server_ring(&s.r, 8, 0, 0);
		ASSERT_OK(ring_register_files_sparse(&s.r, 4));
		server_start_on(&s, "127.0.0.1:0", &opts);
		nr_fds = net_fds();
		for (u32 round = 0; round < 3; round++) {
			for (u32 k = 0; k < 4; k++)
				clients[k] = net_connect(&s.addr);
			server_until(&s, 4);
			EXPECT_EQ(net_fds(), nr_fds + 4); /* the clients' */
			for (u32 k = 0; k < 4; k++) {
				struct sock_addr local;
				u32 said;

				EXPECT_LT(s.fds[k], 4);
				net_send(clients[k], &k, sizeof(k));
				read_slot(&s.r, s.fds[k], &said);
				EXPECT_EQ(said, k);
				ASSERT_OK(sock_local(&local, clients[k]));
				if (flags[i] & RING_LISTEN_ONESHOT)
					EXPECT_MEMEQ(&s.peers[k].family, &local.family, 16);
			}
			EXPECT_EQ(s.nr_failed, round);
			clients[4] = net_connect(&s.addr); /* nowhere to put it */
			net_recv(clients[4], NULL, 0);
			server_for(&s, 5);
			EXPECT_EQ(s.nr_failed, round + 1);
			EXPECT_ERR(s.err, -ENFILE);
			while (s.nr)
				close_slot(&s.r, s.fds[--s.nr]);
			for (u32 k = 0; k < 5; k++)
				sys_close(clients[k]);
		}
		server_stop(&s);
	}
}

/* -ENXIO where the kernel looks for the table, -ENFILE where only for a free slot */
static void without_a_table(void)
{
	struct server s;
	int client;

	server_start(&s, "127.0.0.1:0", RING_LISTEN_DIRECT);
	client = net_connect(&s.addr);
	server_for(&s, 30);
	net_recv(client, NULL, 0);
	EXPECT_EQ(s.nr, 0);
	EXPECT_EQ(s.nr_failed, 1);
	EXPECT_TRUE(s.err == -ENXIO || s.err == -ENFILE);
	sys_close(client);
	server_stop(&s);
}

/* Far more connections than completions that fit: the kernel ends the request */
static void queue_overflows(void)
{
	struct ring_listen_opts opts = { .flags = 0 };
	struct server s = { .nr = 0 };
	int clients[SERVER_MAX];

	server_ring(&s.r, 2, 4, 0);
	server_start_on(&s, "127.0.0.1:0", &opts);
	ASSERT_EQ(ring_submit(&s.r), 1);
	for (u32 i = 0; i < SERVER_MAX; i++)
		clients[i] = net_connect(&s.addr);
	server_until(&s, SERVER_MAX);
	EXPECT_EQ(s.nr_failed, 0);
	for (u32 i = 0; i < SERVER_MAX; i++)
		sys_close(clients[i]);
	server_close_all(&s);
	server_stop(&s);
}

static void not_startable(void)
{
	struct sock_addr a = net_addr("127.0.0.1:0");
	struct ring_listen_opts opts = { .flags = 0 };
	struct ring_listen l = { .fd = -1 };
	struct ring r;
	int fd = ring_listen_socket(&a, &opts);

	ASSERT_OK(fd);
	server_ring(&r, 1, 0, 0);
	ASSERT_OK(sys_fcntl(fd, F_SETFL, O_NONBLOCK));
	EXPECT_ERR(ring_listen_start(&l, &r, fd, &opts), -EINVAL);
	sys_close(fd);
	EXPECT_ERR(ring_listen_start(&l, &r, fd, &opts), -EBADF);
	EXPECT_EQ(ring_sq_ready(&r), 0);
	ring_exit(&r);
}

/* A socket that does not listen yet, and then does */
static void late_listen(void)
{
	struct sock_addr a = net_addr("127.0.0.1:0");
	struct ring_listen_opts opts = { .flags = 0 };
	struct server s;
	int client;
	int fd;

	server_start(&s, "127.0.0.1:0", 0);
	EXPECT_OK(ring_listen_stop(&s.l, SECOND));
	fd = sys_socket(SOCK_AF_INET, NET_STREAM, 0);
	ASSERT_OK(sys_bind(fd, sock_addr_ptr(&a), a.len_bytes));
	s.nr_failed = 0;
	ASSERT_OK(ring_listen_start(&s.l, &s.r, fd, &opts));
	server_for(&s, 30);
	EXPECT_EQ(s.nr_failed, 1);
	EXPECT_ERR(s.err, -EINVAL);
	/* What an older kernel says to a multishot accept it was not: one at a time failed, too. */
	EXPECT_TRUE(s.l.flags & RING_LISTEN_ONESHOT);
	ASSERT_OK(sys_listen(fd, 5));
	ASSERT_OK(sock_local(&a, fd));
	ASSERT_OK(ring_listen_resume(&s.l));
	client = net_connect(&a);
	server_until(&s, 1);
	EXPECT_EQ(s.nr_failed, 1);
	sys_close(client);
	server_close_all(&s);
	server_stop(&s);
}

static void stops(void)
{
	static const u32 flags[] = { 0, RING_LISTEN_ONESHOT };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		u32 nr_fds = net_fds();
		struct server s;
		int client;
		int fd;

		test_row("flags 0x%x", flags[i]);
		server_start(&s, "127.0.0.1:0", flags[i]);
		client = net_connect(&s.addr);
		server_until(&s, 1);
		server_close_all(&s);
		sys_close(client);
		EXPECT_OK(ring_listen_stop(&s.l, SECOND));
		EXPECT_EQ(s.nr_failed, 1);
		EXPECT_ERR(s.err, -ECANCELED);
		EXPECT_EQ(s.l.fd, -1);
		EXPECT_OK(ring_listen_stop(&s.l, SECOND)); /* once is enough, twice harmless */
		EXPECT_OK(ring_listen_cancel(&s.l));
		EXPECT_ERR(ring_listen_resume(&s.l), -EBADF);
		EXPECT_EQ(s.nr_failed, 1);
		fd = sys_socket(SOCK_AF_INET, NET_STREAM, 0);
		EXPECT_ERR(sys_connect(fd, sock_addr_ptr(&s.addr), s.addr.len_bytes),
			   -ECONNREFUSED);
		sys_close(fd);
		EXPECT_EQ(ring_sq_ready(&s.r), 0);
		EXPECT_EQ(ring_cq_ready(&s.r), 0);
		ring_exit(&s.r);
		EXPECT_EQ(net_fds(), nr_fds);
	}
}

/* Before its first entry was even submitted */
static void stops_unsubmitted(void)
{
	struct server s;

	server_start(&s, "127.0.0.1:0", 0);
	EXPECT_EQ(ring_sq_ready(&s.r), 1);
	server_stop(&s);
}

/* No time at all: a cancel that is not waited for, and the next call finds it done */
static void stop_deadline(void)
{
	struct server s;
	int err;

	server_start(&s, "127.0.0.1:0", 0);
	ASSERT_EQ(ring_submit(&s.r), 1);
	err = ring_listen_stop(&s.l, 0);
	if (err)
		EXPECT_ERR(err, -ETIME);
	EXPECT_EQ(ring_listen_is_stopped(&s.l), !err);
	server_stop(&s);
	EXPECT_EQ(s.nr_failed, 1);
}

static void stops_in_callback(void)
{
	static const u32 flags[] = { 0, RING_LISTEN_ONESHOT };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct server s;
		int clients[20];

		test_row("flags 0x%x", flags[i]);
		server_start(&s, "127.0.0.1:0", flags[i]);
		s.stops_at_first = true;
		for (u32 k = 0; k < ARRAY_SIZE(clients); k++)
			clients[k] = net_connect(&s.addr);
		while (!ring_listen_is_stopped(&s.l))
			ASSERT_OK(ring_turn(&s.r, SECOND));
		EXPECT_GE(s.nr, 1);
		EXPECT_EQ(s.nr_failed, 1);
		for (u32 k = 0; k < ARRAY_SIZE(clients); k++)
			sys_close(clients[k]);
		server_close_all(&s);
		server_stop(&s);
	}
}

static void cancelled_by_others(void)
{
	struct server s;
	struct io_uring_sqe *sqe;

	server_start(&s, "127.0.0.1:0", 0);
	ASSERT_EQ(ring_submit(&s.r), 1);
	sqe = ring_op_sqe(&s.r);
	ring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
	sqe->user_data = RING_OP_NONE;
	server_for(&s, 30);
	EXPECT_EQ(s.nr_failed, 1);
	EXPECT_TRUE(ring_listen_is_stopped(&s.l));
	server_stop(&s);
	EXPECT_EQ(s.nr_failed, 1);
}

/* Clients without end: every one that was accepted has come to us when it has stopped. */
static void stops_under_load(void)
{
	u32 nr_fds = net_fds();
	char name[48];

	/* others may run this at the same time */
	fmt_print(name, sizeof(name), "@bareblk-selftest-load-%d", sys_getpid());
	for (u32 round = 0; round < 20; round++) {
		struct server s;
		int child;

		server_start(&s, round & 1 ? "127.0.0.1:0" : name, 0);
		child = sys_fork();
		ASSERT_OK(child);
		while (!child) {
			int fd = sys_socket(s.addr.family, NET_STREAM, 0);

			if (sys_connect(fd, sock_addr_ptr(&s.addr), s.addr.len_bytes))
				sys_exit_group(0);
			sys_close(fd);
		}
		while (s.nr < SERVER_MAX / 2)
			ASSERT_OK(ring_turn(&s.r, 2 * SECOND));
		server_close_all(&s);
		server_stop(&s);
		server_close_all(&s);
		end_child(child);
		EXPECT_EQ(net_fds(), nr_fds);
	}
}

/* A queue of one entry that others fill all the time */
static void crowded_ring(void)
{
	struct ring_listen_opts opts = { .flags = RING_LISTEN_ONESHOT };
	struct server s = { .nr = 0 };
	int client;

	server_ring(&s.r, 1, 4, 0);
	server_start_on(&s, "127.0.0.1:0", &opts);
	for (u32 i = 0; i < 20; i++) {
		struct io_uring_sqe *sqe = ring_op_sqe(&s.r);

		ASSERT_NE(sqe, NULL);
		ring_prep_nop(sqe);
		sqe->user_data = RING_OP_NONE;
		client = net_connect(&s.addr);
		server_until(&s, i + 1);
		sys_close(client);
	}
	server_close_all(&s);
	server_stop(&s);
}

static const struct test_case cases[] = {
	TEST("out of descriptors it pauses, tries again, and loses no connection",
	     out_of_descriptors),
	TEST("a pause ends when told so, and by a stop", resumed_at_once),
	TEST("connections in slots; none is left: it goes on when there is one", into_slots),
	TEST("slots without a file table: an error, and a closed connection", without_a_table),
	TEST("the request is armed again when completions overflow", queue_overflows),
	TEST("what cannot be waited for is refused at the start", not_startable),
	TEST("a socket that does not listen fails once, and can be resumed", late_listen),
	TEST("stopped: nothing is left, the port is free", stops),
	TEST("stopped before it was submitted", stops_unsubmitted),
	TEST("a stop that has no time can be called again", stop_deadline),
	TEST("stopped out of its own callback", stops_in_callback),
	TEST("a cancel of somebody else stops it", cancelled_by_others),
	TEST("stopped under load: no connection is left behind", stops_under_load),
	TEST("a queue of one entry is enough", crowded_ring),
};
TEST_SUITE(ring_listen_errors, cases);
