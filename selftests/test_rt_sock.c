/* SPDX-License-Identifier: MIT */
/* uapi/rt/sock.h */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>

#include "selftests/harness/harness.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/sock.h"
#include "uapi/sys.h"

enum { SOCK_STREAM_NR = 1, SOCK_SEQPACKET_NR = 5 };

struct ip_row {
	const char *text;
	u16 port;
	u8 ip[16];
};

static void ip4_text(void)
{
	static const struct ip_row rows[] = {
		{ "0.0.0.0:0", 0, { 0 } },
		{ "127.0.0.1:80", 80, { 127, 0, 0, 1 } },
		{ "255.255.255.255:65535", 65535, { 255, 255, 255, 255 } },
		{ "10.0.200.9:1", 1, { 10, 0, 200, 9 } },
	};
	char text[SOCK_ADDR_TEXT_BYTES];
	struct sock_addr a;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("%s", rows[i].text);
		ASSERT_OK(sock_addr_parse(&a, rows[i].text));
		EXPECT_EQ(a.len_bytes, 16);
		EXPECT_EQ(a.family, SOCK_AF_INET);
		EXPECT_EQ(sock_addr_port(&a), rows[i].port);
		EXPECT_EQ(a.ip4.port_be, rows[i].port >> 8 | (rows[i].port & 0xff) << 8);
		EXPECT_MEMEQ(a.ip4.ip, rows[i].ip, 4);
		sock_addr_format(&a, text, sizeof(text));
		EXPECT_STREQ(text, rows[i].text);
	}
}

/* The first text is what comes out again. */
static void ip6_text(void)
{
	static const struct {
		struct ip_row row;
		const char *other;
	} rows[] = {
		{ { "[::]:0", 0, { 0 } }, "[0:0:0:0:0:0:0:0]:0" },
		{ { "[::1]:80", 80, { [15] = 1 } }, "[0000::0001]:80" },
		{ { "[1::]:80", 80, { 0, 1 } }, "[1:0:0:0:0:0:0::]:80" },
		{ { "[1:2:3:4:5:6:7:8]:9", 9,
		    { 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8 } }, NULL },
		{ { "[0:2:3:4:5:6:7:8]:9", 9,
		    { 0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8 } }, "[::2:3:4:5:6:7:8]:9" },
		{ { "[1:2:3:4:5:6:7:0]:9", 9,
		    { 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0 } }, "[1:2:3:4:5:6:7::]:9" },
		{ { "[fe80::fc:ff:fe00:1]:65535", 65535,
		    { 0xfe, 0x80, [9] = 0xfc, [11] = 0xff, 0xfe, 0, 0, 1 } },
		  "[FE80:0:0:0:00FC:ff:fe00:1]:65535" },
		{ { "[2001:db8::1:0:0:1]:1", 1, /* of two runs of one length, the first */
		    { 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1 } },
		  "[2001:db8:0:0:1::1]:1" },
		{ { "[2001:0:0:1::1]:1", 1, /* the longer one */
		    { 0x20, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1 } }, NULL },
		{ { "[::ffff:7f00:1]:5", 5, { [10] = 0xff, 0xff, 127, 0, 0, 1 } },
		  "[::ffff:127.0.0.1]:5" },
		{ { "[1:2:3:4:5:6:7f00:1]:5", 5,
		    { 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 127, 0, 0, 1 } },
		  "[1:2:3:4:5:6:127.0.0.1]:5" },
	};
	char text[SOCK_ADDR_TEXT_BYTES];
	struct sock_addr a;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ip_row *row = &rows[i].row;

		test_row("%s", row->text);
		ASSERT_OK(sock_addr_parse(&a, row->text));
		EXPECT_EQ(a.len_bytes, 28);
		EXPECT_EQ(a.family, SOCK_AF_INET6);
		EXPECT_EQ(sock_addr_port(&a), row->port);
		EXPECT_MEMEQ(a.ip6.ip, row->ip, 16);
		sock_addr_format(&a, text, sizeof(text));
		EXPECT_STREQ(text, row->text);
		if (!rows[i].other)
			continue;
		ASSERT_OK(sock_addr_parse(&a, rows[i].other));
		EXPECT_EQ(sock_addr_port(&a), row->port);
		EXPECT_MEMEQ(a.ip6.ip, row->ip, 16);
	}
}

static void refused(void)
{
	static const char *const rows[] = {
		"", ":", ":80", "1", "1.2.3.4", "1.2.3.4:", "1.2.3:80", "1.2.3.4.5:80",
		"256.0.0.1:80", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:80 ", " 1.2.3.4:80",
		"01.2.3.4:80", "1.2.3.04:80", "1..3.4:80", "1.2.3.a:80", "1.2.3.4:0x50",
		"1.2.3.4:080", "1.2.3.4:4294967376", "99999999999.2.3.4:80", "localhost:80",
		"[::1]", "[::1]80", "[::1]:", "[::1:80", "::1:80", "[]:80", "[:]:80", "[:::]:80",
		"[1:::2]:80", "[1::2::3]:80", "[1:2:3:4:5:6:7]:80", "[1:2:3:4:5:6:7:8:9]:80",
		"[1:2:3:4:5:6:7:8::]:80", "[::1:2:3:4:5:6:7:8]:80", "[1:2:3:4::5:6:7:8]:80",
		"[12345::]:80", "[g::]:80", "[1:]:80", "[:1]:80", "[::1.2.3]:80",
		"[::1.2.3.4.5]:80", "[::1.2.3.256]:80", "[1:2:3:4:5:6:7:1.2.3.4]:80",
		"[1:2:3:1.2.3.4]:80", "[::fffff]:80", "[::-1]:80", "[::1%1]:80",
	};
	struct sock_addr a;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("\"%s\"", rows[i]);
		EXPECT_ERR(sock_addr_parse(&a, rows[i]), -EINVAL);
	}
}

static void unix_text(void)
{
	char long_path[110];
	char text[SOCK_ADDR_TEXT_BYTES];
	struct sock_addr a;

	ASSERT_OK(sock_addr_parse(&a, "/run/a.sock"));
	EXPECT_EQ(a.family, SOCK_AF_UNIX);
	EXPECT_EQ(a.len_bytes, 2 + 12);
	EXPECT_STREQ(a.un.path, "/run/a.sock");
	EXPECT_EQ(sock_addr_port(&a), 0);
	sock_addr_format(&a, text, sizeof(text));
	EXPECT_STREQ(text, "/run/a.sock");

	ASSERT_OK(sock_addr_parse(&a, "@name"));
	EXPECT_EQ(a.len_bytes, 2 + 5);
	EXPECT_MEMEQ(a.un.path, "\0name", 6);
	sock_addr_format(&a, text, sizeof(text));
	EXPECT_STREQ(text, "@name");

	memset(long_path, '/', sizeof(long_path));
	long_path[108] = '\0';
	EXPECT_ERR(sock_addr_parse(&a, long_path), -ENAMETOOLONG);
	long_path[107] = '\0';
	ASSERT_OK(sock_addr_parse(&a, long_path));
	EXPECT_EQ(a.len_bytes, 2 + 108);
	sock_addr_format(&a, text, sizeof(text));
	EXPECT_STREQ(text, long_path);
	sock_addr_format(&a, text, 5); /* cut, and terminated */
	EXPECT_STREQ(text, "////");

	a = (struct sock_addr){ .len_bytes = 2, .family = SOCK_AF_UNIX };
	sock_addr_format(&a, text, sizeof(text));
	EXPECT_STREQ(text, "@");
	a = (struct sock_addr){ .len_bytes = 0, .family = 17 };
	sock_addr_format(&a, text, sizeof(text));
	EXPECT_STREQ(text, "family 17");
}

static void the_kernel_reads_them(void)
{
	static const char *const rows[] = { "127.0.0.1:0", "[::1]:0", "@bareblk-selftest-sock" };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[SOCK_ADDR_TEXT_BYTES];
		struct sock_addr local;
		struct sock_addr a;
		int fd;
		int err;

		test_row("%s", rows[i]);
		ASSERT_OK(sock_addr_parse(&a, rows[i]));
		fd = sys_socket(a.family, SOCK_STREAM_NR, 0);
		if (a.family == SOCK_AF_INET6 && fd == -EAFNOSUPPORT)
			continue;
		ASSERT_OK(fd);
		err = sys_bind(fd, sock_addr_ptr(&a), a.len_bytes);
		if (a.family == SOCK_AF_INET6 && err == -EADDRNOTAVAIL)
			continue;
		ASSERT_OK(err);
		EXPECT_ERR(sock_remote(&local, fd), -ENOTCONN);
		ASSERT_OK(sock_local(&local, fd));
		EXPECT_EQ(local.len_bytes, a.len_bytes);
		EXPECT_EQ(local.family, a.family);
		if (a.family != SOCK_AF_UNIX) {
			EXPECT_NE(sock_addr_port(&local), 0);
			local.ip4.port_be = 0;
		}
		sock_addr_format(&local, text, sizeof(text));
		EXPECT_STREQ(text, rows[i]);
		sys_close(fd);
		EXPECT_ERR(sock_local(&local, fd), -EBADF);
	}
}

/* The number of files that this process has open, up to some */
static u32 nr_files(void)
{
	u32 nr = 0;

	for (s32 fd = 0; fd < 512; fd++)
		nr += sys_fcntl(fd, F_GETFD, 0) >= 0;
	return nr;
}

static void files_go_through(void)
{
	s32 fds[SOCK_MAX_FDS];
	s32 got[SOCK_MAX_FDS];
	char text[16];
	int pair[2];
	u32 before;
	u32 nr;

	ASSERT_OK(sys_socketpair(SOCK_AF_UNIX, SOCK_SEQPACKET_NR, 0, pair));
	for (u32 i = 0; i < SOCK_MAX_FDS; i++) {
		fds[i] = sys_memfd_create("f", 0);
		ASSERT_OK(fds[i]);
		ASSERT_OK(sys_ftruncate(fds[i], i));
	}
	before = nr_files();
	for (u32 sent = 0; sent <= SOCK_MAX_FDS; sent += sent < 3 ? 1 : SOCK_MAX_FDS - 3) {
		test_row("%u files", sent);
		ASSERT_OK(sock_send_fds(pair[0], "word", 4, fds, sent));
		ASSERT_EQ(sock_recv_fds(pair[1], text, sizeof(text), got, &nr), 4);
		EXPECT_MEMEQ(text, "word", 4);
		ASSERT_EQ(nr, sent);
		for (u32 i = 0; i < nr; i++) {
			EXPECT_EQ(sys_lseek(got[i], 0, SEEK_END), i);
			EXPECT_EQ(sys_fcntl(got[i], F_GETFD, 0), FD_CLOEXEC);
			(void)sys_close(got[i]);
		}
	}
	/* more than there is room for: nothing of it stays */
	ASSERT_OK(sock_send_fds(pair[0], "more than sixteen bytes", 23, fds, 2));
	EXPECT_ERR(sock_recv_fds(pair[1], text, sizeof(text), got, &nr), -EMSGSIZE);
	EXPECT_EQ(nr, 0);
	EXPECT_EQ(nr_files(), before);
	EXPECT_ERR(sock_send_fds(pair[0], "", 1, fds, SOCK_MAX_FDS + 1), -EINVAL);
	EXPECT_ERR(sock_recv_fds(pair[1], text, sizeof(text), got, &nr), -EAGAIN);
	(void)sys_close(pair[0]);
	EXPECT_EQ(sock_recv_fds(pair[1], text, sizeof(text), got, &nr), 0);
	EXPECT_ERR(sock_send_fds(pair[1], "word", 4, fds, 1), -EPIPE);
	(void)sys_close(pair[1]);
	for (u32 i = 0; i < SOCK_MAX_FDS; i++)
		(void)sys_close(fds[i]);
}

static const struct test_case cases[] = {
	TEST("IPv4 addresses, to and from text", ip4_text),
	TEST("IPv6 addresses: all ways to write one, and the shortest comes out", ip6_text),
	TEST("what is no address is refused", refused),
	TEST("unix sockets: paths, the abstract namespace, what is too long", unix_text),
	TEST("the kernel binds to them, and gives them back", the_kernel_reads_them),
	TEST("open files go with a packet, and none stays of one that is too large", files_go_through),
};
TEST_SUITE(rt_sock, cases);
