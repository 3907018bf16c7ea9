/* SPDX-License-Identifier: MIT */
/* Sockets for tests. */
#include "selftests/netpair.h"

#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/socket.h>
#include <linux/fcntl.h>
#include <linux/sched.h>
#include <linux/sockios.h>

#include "selftests/harness/harness.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

struct sock_addr net_addr(const char *text)
{
	struct sock_addr a;

	ASSERT_OK(sock_addr_parse(&a, text));
	return a;
}

bool net_has_ip6(void)
{
	struct sock_addr a = net_addr("[::1]:0");
	int fd = sys_socket(a.family, NET_STREAM, 0);
	int err;

	if (fd < 0)
		return false;
	err = sys_bind(fd, sock_addr_ptr(&a), a.len_bytes);
	sys_close(fd);
	return !err;
}

int net_connect(const struct sock_addr *to)
{
	int fd = sys_socket(to->family, NET_STREAM, 0);

	ASSERT_OK(fd);
	ASSERT_OK(sys_connect(fd, sock_addr_ptr(to), to->len_bytes));
	return fd;
}

void net_pair(const char *text, int fds[2])
{
	struct sock_addr a;
	int listener;

	if (str_eq(text, "unix")) {
		ASSERT_OK(sys_socketpair(SOCK_AF_UNIX, NET_STREAM, 0, fds));
		return;
	}
	a = net_addr(text);
	listener = sys_socket(a.family, NET_STREAM, 0);
	ASSERT_OK(listener);
	ASSERT_OK(sys_bind(listener, sock_addr_ptr(&a), a.len_bytes));
	ASSERT_OK(sys_listen(listener, 1));
	ASSERT_OK(sock_local(&a, listener));
	fds[0] = net_connect(&a);
	fds[1] = sys_accept4(listener, NULL, NULL, 0);
	ASSERT_OK(fds[1]);
	sys_close(listener);
}

void net_send(int fd, const void *buf, size_t len)
{
	const char *at = buf;

	while (len) {
		long n = sys_sendto(fd, at, len, NET_MSG_NOSIGNAL, NULL, 0);

		ASSERT_GT(n, 0);
		at += n;
		len -= (size_t)n;
	}
}

void net_recv(int fd, void *buf, size_t len)
{
	char *at = buf;
	char one;

	if (!len)
		ASSERT_EQ(sys_read(fd, &one, 1), 0);
	while (len) {
		long n = sys_read(fd, at, len);

		ASSERT_GT(n, 0);
		at += n;
		len -= (size_t)n;
	}
}

void net_reset(int fd)
{
	const s32 linger[2] = { 1, 0 }; /* on, for no time at all */

	ASSERT_OK(sys_setsockopt(fd, SOL_SOCKET, SO_LINGER, linger, sizeof(linger)));
	sys_close(fd);
}

u32 net_fds(void)
{
	u32 nr = 0;

	for (int fd = 0; fd < 4096; fd++)
		nr += sys_fcntl(fd, F_GETFD, 0) >= 0;
	return nr;
}

/* struct ifreq and IFF_UP, IFF_RUNNING: <linux/if.h> wants a libc */
struct if_flags {
	char name[16];
	u16 flags;
	char pad[22];
};

#define IF_UP_AND_RUNNING 0x41

void net_own_namespace(void)
{
	struct if_flags lo = { .name = "lo", .flags = IF_UP_AND_RUNNING };
	int err = sys_unshare(CLONE_NEWNET);
	int fd;

	if (err == -EPERM || err == -EINVAL || err == -ENOSYS)
		test_skip("no network namespace of our own");
	ASSERT_OK(err);
	fd = sys_socket(SOCK_AF_INET, NET_DGRAM, 0);
	ASSERT_OK(fd);
	ASSERT_OK(sys_ioctl(fd, SIOCSIFFLAGS, &lo));
	sys_close(fd);
}

void net_sysctl(const char *path, const char *text)
{
	int fd = sys_openat(AT_FDCWD, path, O_WRONLY, 0);

	ASSERT_OK(fd);
	ASSERT_EQ(sys_write(fd, text, str_len(text)), str_len(text));
	sys_close(fd);
}
