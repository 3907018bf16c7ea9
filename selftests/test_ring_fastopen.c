/* SPDX-License-Identifier: MIT */
/* TCP Fast Open: who may, and that listeners and connections then do */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/in.h>
#include <linux/tcp.h>

#include "ring/conn.h"
#include "selftests/harness/harness.h"
#include "selftests/netpair.h"
#include "selftests/netserver.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

#define SYSCTL "/proc/sys/net/ipv4/tcp_fastopen"
#define SECOND 1000000000ULL

static int bits_of(const char *text)
{
	int fd = sys_memfd_create("fastopen", 0);
	char path[32];
	struct fmt_buf b = { .text = path, .size = sizeof(path) };
	int bits;

	ASSERT_OK(fd);
	ASSERT_EQ(sys_write(fd, text, str_len(text)), str_len(text));
	fmt_add(&b, "/proc/self/fd/%d", fd);
	bits = ring_fastopen(path);
	sys_close(fd);
	return bits;
}

static void reads(void)
{
	static const struct {
		const char *text;
		int bits;
	} rows[] = {
		{ "0\n", 0 },
		{ "1\n", RING_FASTOPEN_CLIENT },
		{ "2\n", RING_FASTOPEN_SERVER },
		{ "3\n", RING_FASTOPEN_CLIENT | RING_FASTOPEN_SERVER },
		{ "3", RING_FASTOPEN_CLIENT | RING_FASTOPEN_SERVER },
		{ "1543\n", RING_FASTOPEN_CLIENT | RING_FASTOPEN_SERVER |
			    RING_FASTOPEN_CLIENT_NO_COOKIE | RING_FASTOPEN_SERVER_NO_COOKIE |
			    RING_FASTOPEN_ALL_LISTENERS },
		{ "2147483647\n", 0x7fffffff },
		{ "2147483648\n", -EINVAL },
		{ "-1\n", -EINVAL },
		{ "", -EINVAL },
		{ "\n", -EINVAL },
		{ "yes\n", -EINVAL },
		{ "3 3\n", -EINVAL },
		{ "3x", -EINVAL },
		{ "99999999999999999999999999999\n", -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("\"%s\"", rows[i].text);
		EXPECT_EQ(bits_of(rows[i].text), rows[i].bits);
	}
	EXPECT_ERR(ring_fastopen("/nonexistent"), -ENOENT);
	EXPECT_ERR(ring_fastopen("/tmp"), -EISDIR);
}

/* Whatever this machine has, read by another hand */
static void real(void)
{
	char text[32];
	int fd = sys_openat(AT_FDCWD, SYSCTL, O_RDONLY, 0);
	int bits = 0;
	long len;

	if (fd < 0) {
		EXPECT_ERR(ring_fastopen(NULL), fd);
		EXPECT_ERR(ring_fastopen_allowed(), fd);
		return;
	}
	len = sys_read(fd, text, sizeof(text));
	sys_close(fd);
	for (long i = 0; i < len && str_is_digit(text[i]); i++)
		bits = bits * 10 + text[i] - '0';
	EXPECT_EQ(ring_fastopen(NULL), bits);
	EXPECT_EQ(ring_fastopen_allowed(), bits & 2 ? 0 : -EOPNOTSUPP);
}

static void follows_the_sysctl(void)
{
	static const struct {
		const char *text;
		int allowed;
	} rows[] = { { "0", -EOPNOTSUPP }, { "1", -EOPNOTSUPP }, { "2", 0 }, { "3", 0 },
		     { "519", 0 }, { "5", -EOPNOTSUPP } };

	net_own_namespace();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("%s", rows[i].text);
		net_sysctl(SYSCTL, rows[i].text);
		EXPECT_EQ(ring_fastopen_allowed(), rows[i].allowed);
	}
}

/* The first connection fetches a cookie, later ones carry data in their first packet. */
static bool had_syn_data(int fd)
{
	struct tcp_info info;
	u32 len = sizeof(info);

	ASSERT_OK(sys_getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	return info.tcpi_options & TCPI_OPT_SYN_DATA;
}

static bool connect_and_send(struct server *s, const char *text)
{
	struct ring_conn c;
	char got[8];
	bool in_syn;
	int fd = ring_conn_socket(s->addr.family, RING_CONN_FASTOPEN);

	ASSERT_OK(fd);
	ring_conn_init(&c, &s->r, fd, 0);
	ASSERT_OK(ring_conn_connect(&c, &s->addr, SECOND, NULL));
	ASSERT_EQ(ring_conn_wait(&c.tx), 0);
	ASSERT_OK(ring_conn_send(&c, text, 8, RING_MSG_WAITALL, SECOND, NULL));
	ASSERT_EQ(ring_conn_wait(&c.tx), 8);
	server_until(s, 1);
	net_recv(s->fds[0], got, 8);
	EXPECT_MEMEQ(got, text, 8);
	in_syn = had_syn_data(s->fds[0]);
	EXPECT_EQ(had_syn_data(fd), in_syn);
	ASSERT_OK(ring_conn_close_wait(&c));
	server_close_all(s);
	return in_syn;
}

static void data_with_the_syn(void)
{
	struct ring_listen_opts opts = { .fastopen_queue = 16 };
	struct server s = { .nr = 0 };

	net_own_namespace();
	server_ring(&s.r, 8, 0, 0);
	net_sysctl(SYSCTL, "3");
	server_start_on(&s, "127.0.0.1:0", &opts);
	EXPECT_TRUE(!connect_and_send(&s, "the 1st"));
	EXPECT_TRUE(connect_and_send(&s, "the 2nd"));
	EXPECT_TRUE(connect_and_send(&s, "the 3rd"));
	net_sysctl(SYSCTL, "1"); /* not for servers: it is an ordinary one now */
	EXPECT_TRUE(!connect_and_send(&s, "the 4th"));
	server_stop(&s);
}

static void without_a_queue(void)
{
	struct ring_listen_opts opts = { .fastopen_queue = 0 };
	struct server s = { .nr = 0 };

	net_own_namespace();
	server_ring(&s.r, 8, 0, 0);
	net_sysctl(SYSCTL, "3");
	server_start_on(&s, "127.0.0.1:0", &opts);
	for (u32 i = 0; i < 3; i++)
		EXPECT_TRUE(!connect_and_send(&s, "nothing"));
	server_stop(&s);
}

static const struct test_case cases[] = {
	TEST("the sysctl's bits are read, and what is no number is refused", reads),
	TEST("this machine's setting is what its file says", real),
	TEST("a listener may when the server bit is set", follows_the_sysctl),
	TEST("data comes with the first packet, once there is a cookie", data_with_the_syn),
	TEST("a listener without a fast open queue takes none", without_a_queue),
};
TEST_SUITE(ring_fastopen, cases);
