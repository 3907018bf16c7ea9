/* SPDX-License-Identifier: MIT */
/* ring/listen.h: sockets with their options, and all that accepting can meet */
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/fcntl.h>
#include <linux/in.h>
#include <linux/tcp.h>

#include "selftests/harness/harness.h"
#include "selftests/netpair.h"
#include "selftests/netserver.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/parse.h"
#include "uapi/sys.h"

#define NR_CLIENTS	SERVER_MAX
#define DEFERRED	(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

struct family_row {
	const char *text;
	u32 flags;
};

static const struct family_row families[] = {
	{ "127.0.0.1:0", 0 },
	{ "127.0.0.1:0", RING_LISTEN_ONESHOT },
	{ "[::1]:0", 0 },
	{ "[::1]:0", RING_LISTEN_ONESHOT | RING_LISTEN_V6ONLY },
	{ "@bareblk-selftest-listen", 0 },
	{ "@bareblk-selftest-listen", RING_LISTEN_ONESHOT },
};

/* Each client says who it is; on several processors the kernel may have them in another
 * order than that in which they came. */
static void check_clients(struct server *s, const int *clients, bool has_peer)
{
	bool is_known[NR_CLIENTS] = { false };

	for (u32 i = 0; i < NR_CLIENTS; i++)
		net_send(clients[i], &i, sizeof(i));
	for (u32 i = 0; i < NR_CLIENTS; i++) {
		struct sock_addr local;
		u32 said;

		net_recv(s->fds[i], &said, sizeof(said));
		ASSERT_LT(said, NR_CLIENTS);
		ASSERT_TRUE(!is_known[said]);
		is_known[said] = true;
		EXPECT_EQ(sys_fcntl(s->fds[i], F_GETFD, 0), FD_CLOEXEC);
		ASSERT_OK(sock_local(&local, clients[said]));
		if (!has_peer || local.family == SOCK_AF_UNIX)
			continue;
		EXPECT_EQ(s->peers[i].len_bytes, local.len_bytes);
		EXPECT_MEMEQ(&s->peers[i].family, &local.family, local.len_bytes);
		ASSERT_OK(sock_remote(&s->peers[i], s->fds[i]));
		EXPECT_MEMEQ(&s->peers[i].family, &local.family, local.len_bytes);
	}
}

static void many_on(const struct family_row *row, u32 ring_flags)
{
	struct ring_listen_opts opts = { .flags = row->flags };
	struct server s = { .nr = 0 };
	int clients[NR_CLIENTS];

	server_ring(&s.r, 8, 0, ring_flags);
	server_start_on(&s, row->text, &opts);
	for (u32 i = 0; i < NR_CLIENTS; i++)
		clients[i] = net_connect(&s.addr);
	server_until(&s, NR_CLIENTS);
	check_clients(&s, clients, row->flags & RING_LISTEN_ONESHOT);
	EXPECT_EQ(s.nr_failed, 0);
	server_close_all(&s);
	for (u32 i = 0; i < NR_CLIENTS; i++)
		sys_close(clients[i]);
	server_stop(&s);
}

static void many(void)
{
	u32 nr_fds = net_fds();

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		test_row("%s, flags 0x%x", families[i].text, families[i].flags);
		if (families[i].text[0] == '[' && !net_has_ip6())
			continue;
		many_on(&families[i], 0);
		many_on(&families[i], DEFERRED);
	}
	EXPECT_EQ(net_fds(), nr_fds);
}

/* A connection now and then: what one wait has accepted must not end the next */
static void one_by_one(void)
{
	static const u32 flags[] = { 0, RING_LISTEN_ONESHOT };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct server s;

		test_row("flags 0x%x", flags[i]);
		server_start(&s, "127.0.0.1:0", flags[i]);
		for (u32 n = 0; n < 50; n++) {
			int client;

			EXPECT_LE(ring_turn(&s.r, 0), 0);
			EXPECT_EQ(s.nr, n);
			client = net_connect(&s.addr);
			server_until(&s, n + 1);
			sys_close(client);
		}
		server_close_all(&s);
		server_stop(&s);
	}
}

static void file_on_disk(void)
{
	struct ring_listen_opts opts = { .flags = 0 };
	struct sock_addr a;
	struct server s;
	char path[64];
	int client;

	fmt_print(path, sizeof(path), "/tmp/bareblk-listen-%d", sys_getpid());
	a = net_addr(path);
	server_start(&s, path, 0);
	EXPECT_ERR(ring_listen_socket(&a, &opts), -EADDRINUSE);
	client = net_connect(&a);
	server_until(&s, 1);
	sys_close(client);
	server_close_all(&s);
	server_stop(&s);
	EXPECT_OK(sys_unlinkat(AT_FDCWD, path, 0));
}

static s32 sockopt(int fd, int level, int name)
{
	u32 len = sizeof(s32);
	s32 value = -1;

	ASSERT_OK(sys_getsockopt(fd, level, name, &value, &len));
	return value;
}

static void options(void)
{
	struct sock_addr a = net_addr("127.0.0.1:0");
	static const struct {
		u32 flag;
		int level;
		int name;
	} rows[] = {
		{ RING_LISTEN_REUSEADDR, SOL_SOCKET, SO_REUSEADDR },
		{ RING_LISTEN_REUSEPORT, SOL_SOCKET, SO_REUSEPORT },
		{ RING_LISTEN_NODELAY, IPPROTO_TCP, TCP_NODELAY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ring_listen_opts opts = { .flags = 0 };
		int fd = ring_listen_socket(&a, &opts);

		test_row("flag 0x%x", rows[i].flag);
		ASSERT_OK(fd);
		EXPECT_EQ(sockopt(fd, rows[i].level, rows[i].name), 0);
		sys_close(fd);
		opts.flags = rows[i].flag;
		fd = ring_listen_socket(&a, &opts);
		ASSERT_OK(fd);
		EXPECT_EQ(sockopt(fd, rows[i].level, rows[i].name), 1);
		EXPECT_EQ(sockopt(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
		EXPECT_EQ(sys_fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
		sys_close(fd);
	}
}

/* Of a listening socket tcpi_sacked is how many may wait: tcp_get_info(), net/ipv4/tcp.c */
static u32 backlog_of(int fd)
{
	struct tcp_info info;
	u32 len = sizeof(info);

	ASSERT_OK(sys_getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	return info.tcpi_sacked;
}

static u64 sysctl_number(const char *path)
{
	char text[32];
	const char *end;
	u64 value = 0;
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	long len = sys_read(fd, text, sizeof(text) - 1);

	ASSERT_GT(len, 0);
	text[len] = '\0';
	sys_close(fd);
	ASSERT_OK(parse_number(text, &value, &end));
	return value;
}

static void queues(void)
{
	struct sock_addr a = net_addr("127.0.0.1:0");
	struct ring_listen_opts opts = { .backlog = 7, .fastopen_queue = 5 };
	u32 max = (u32)sysctl_number("/proc/sys/net/core/somaxconn");
	int fd = ring_listen_socket(&a, &opts);

	ASSERT_OK(fd);
	EXPECT_EQ(backlog_of(fd), 7);
	EXPECT_EQ(sockopt(fd, IPPROTO_TCP, TCP_FASTOPEN), 5);
	sys_close(fd);
	opts = (struct ring_listen_opts){ .backlog = 0 };
	fd = ring_listen_socket(&a, &opts);
	ASSERT_OK(fd);
	EXPECT_EQ(backlog_of(fd), max);
	EXPECT_EQ(sockopt(fd, IPPROTO_TCP, TCP_FASTOPEN), 0);
	sys_close(fd);
	opts.backlog = 0xffffffff; /* a negative number to the kernel, if it got there */
	fd = ring_listen_socket(&a, &opts);
	ASSERT_OK(fd);
	EXPECT_EQ(backlog_of(fd), max);
	sys_close(fd);
}

static void refused(void)
{
	struct sock_addr tcp = net_addr("127.0.0.1:0");
	struct sock_addr abstract = net_addr("@bareblk-selftest-refused");
	struct sock_addr foreign = net_addr("192.0.2.1:0");
	struct sock_addr nothing = { .len_bytes = 16, .family = 255 };
	struct ring_listen_opts none = { .flags = 0 };
	struct ring_listen_opts v6only = { .flags = RING_LISTEN_V6ONLY };
	struct ring_listen_opts fastopen = { .fastopen_queue = 5 };
	u32 nr_fds = net_fds();
	int fd;

	EXPECT_ERR(ring_listen_socket(&foreign, &none), -EADDRNOTAVAIL);
	EXPECT_ERR(ring_listen_socket(&nothing, &none), -EAFNOSUPPORT);
	EXPECT_ERR(ring_listen_socket(&tcp, &v6only), -ENOPROTOOPT);
	EXPECT_ERR(ring_listen_socket(&abstract, &fastopen), -EOPNOTSUPP);
	fd = ring_listen_socket(&abstract, &none);
	ASSERT_OK(fd);
	EXPECT_ERR(ring_listen_socket(&abstract, &none), -EADDRINUSE);
	sys_close(fd);
	EXPECT_EQ(net_fds(), nr_fds);
}

/* The family is that of the address, and for datagrams too. */
static void families_and_types(void)
{
	static const char *const rows[] = { "127.0.0.1:0", "[::1]:0", "@bareblk-selftest-type" };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sock_addr a = net_addr(rows[i]);

		test_row("%s", rows[i]);
		if (a.family == SOCK_AF_INET6 && !net_has_ip6())
			continue;
		for (u32 is_dgram = 0; is_dgram < 2; is_dgram++) {
			struct ring_listen_opts opts = {
				.flags = is_dgram ? RING_LISTEN_DGRAM : 0,
			};
			int fd = ring_listen_socket(&a, &opts);

			ASSERT_OK(fd);
			EXPECT_EQ(sockopt(fd, SOL_SOCKET, SO_DOMAIN), a.family);
			EXPECT_EQ(sockopt(fd, SOL_SOCKET, SO_TYPE),
				  is_dgram ? NET_DGRAM : NET_STREAM);
			EXPECT_EQ(sockopt(fd, SOL_SOCKET, SO_ACCEPTCONN), !is_dgram);
			sys_close(fd);
		}
	}
}

static struct sock_addr on_loopback4(int fd)
{
	struct sock_addr local;
	char text[32];

	ASSERT_OK(sock_local(&local, fd));
	fmt_print(text, sizeof(text), "127.0.0.1:%u", sock_addr_port(&local));
	return net_addr(text);
}

/* A port each: one that was free for IPv6 only may be somebody's for IPv4. */
static void both_families(void)
{
	struct ring_listen_opts opts = { .flags = RING_LISTEN_V6ONLY };
	struct sock_addr any = net_addr("[::]:0");
	struct sock_addr to4;
	int fd;
	int fd4;

	if (!net_has_ip6())
		return;
	fd = ring_listen_socket(&any, &opts);
	ASSERT_OK(fd);
	to4 = on_loopback4(fd);
	fd4 = sys_socket(SOCK_AF_INET, NET_STREAM, 0);
	EXPECT_ERR(sys_connect(fd4, sock_addr_ptr(&to4), to4.len_bytes), -ECONNREFUSED);
	sys_close(fd4);
	sys_close(fd);
	opts.flags = 0;
	fd = ring_listen_socket(&any, &opts);
	ASSERT_OK(fd);
	to4 = on_loopback4(fd);
	sys_close(net_connect(&to4));
	sys_close(fd);
}

static void shared_port(void)
{
	struct ring_listen_opts opts = { .flags = RING_LISTEN_REUSEPORT };
	static struct server s[2];
	int clients[60];
	char text[SOCK_ADDR_TEXT_BYTES];

	server_start(&s[0], "127.0.0.1:0", RING_LISTEN_REUSEPORT);
	server_ring(&s[1].r, 8, 0, 0);
	sock_addr_format(&s[0].addr, text, sizeof(text));
	server_start_on(&s[1], text, &opts);
	for (u32 i = 0; i < ARRAY_SIZE(clients); i++)
		clients[i] = net_connect(&s[0].addr);
	server_for(&s[0], 50);
	server_for(&s[1], 50);
	EXPECT_EQ(s[0].nr + s[1].nr, ARRAY_SIZE(clients));
	EXPECT_GT(s[0].nr, 0); /* one in 2^59 runs has all on one side */
	EXPECT_GT(s[1].nr, 0);
	for (u32 i = 0; i < ARRAY_SIZE(clients); i++)
		sys_close(clients[i]);
	opts.flags = 0;
	EXPECT_ERR(ring_listen_socket(&s[0].addr, &opts), -EADDRINUSE);
	server_stop(&s[0]);
	server_stop(&s[1]);
}

/* Of one port there is only one to choose */
static void chosen_port(void)
{
	static const u32 kinds[] = { 0, RING_LISTEN_DGRAM };
	struct sock_addr any = net_addr("127.0.0.1:0");
	struct sock_addr one = net_addr("127.0.0.1:40000");

	net_own_namespace();
	net_sysctl("/proc/sys/net/ipv4/ip_local_port_range", "40000 40000");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct ring_listen_opts opts = { .flags = kinds[i] | RING_LISTEN_REUSEPORT };
		int first = ring_listen_socket(&any, &opts);
		int second = ring_listen_socket(&one, &opts);

		test_row("flags 0x%x", opts.flags);
		ASSERT_OK(first);
		ASSERT_OK(second);
		EXPECT_ERR(ring_listen_socket(&any, &opts), -EADDRINUSE);
		sys_close(first);
		EXPECT_ERR(ring_listen_socket(&any, &opts), -EADDRINUSE);
		sys_close(second);
	}
}

static void reused_address(void)
{
	struct ring_listen_opts opts = { .flags = 0 };
	struct server s;
	int client;
	int fd;

	/* The side that closes first keeps the address, for a minute. */
	server_start(&s, "127.0.0.1:0", RING_LISTEN_REUSEADDR);
	client = net_connect(&s.addr);
	server_until(&s, 1);
	server_close_all(&s);
	net_recv(client, NULL, 0);
	sys_close(client);
	server_stop(&s);
	EXPECT_ERR(ring_listen_socket(&s.addr, &opts), -EADDRINUSE);
	opts.flags = RING_LISTEN_REUSEADDR;
	fd = ring_listen_socket(&s.addr, &opts);
	EXPECT_OK(fd);
	sys_close(fd);
}

static const struct test_case cases[] = {
	TEST("a hundred connections of every family, each with its address", many,
	     .timeout_ms = 30000),
	TEST("connections one after the other", one_by_one),
	TEST("a unix socket in the file system", file_on_disk),
	TEST("every option reaches the socket, and only when asked for", options),
	TEST("the backlog and the fast open queue have the lengths asked for", queues),
	TEST("addresses and options that cannot be are refused, and leave nothing", refused),
	TEST("sockets have the address's family, for datagrams too", families_and_types),
	TEST("an IPv6 listener takes IPv4, unless told not to", both_families),
	TEST("two listeners share a port", shared_port),
	TEST("a port that is chosen is shared with nobody else", chosen_port),
	TEST("an address that lingers can be taken again when asked for", reused_address),
};
TEST_SUITE(ring_listen, cases);
