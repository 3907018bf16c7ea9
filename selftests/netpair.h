/* SPDX-License-Identifier: MIT */
/*
 * Sockets for tests, made by plain system calls: the other side of what is
 * tested. What cannot be had fails the case, but for IPv6, which a machine may
 * be without.
 */
#ifndef SELFTESTS_NETPAIR_H
#define SELFTESTS_NETPAIR_H

#include "uapi/rt/sock.h"

enum { NET_STREAM = 1, NET_DGRAM = 2 };

/* numbers of <sys/socket.h> that no header of the kernel has */
enum { NET_MSG_DONTWAIT = 0x40, NET_MSG_NOSIGNAL = 0x4000 };

/** net_addr() - sock_addr_parse() */
struct sock_addr net_addr(const char *text);

/** net_has_ip6() - whether [::1] can be bound to */
bool net_has_ip6(void);

/** net_connect() - a blocking connection; its descriptor */
int net_connect(const struct sock_addr *to);

/** net_pair() - fds[0] and fds[1] are connected: by TCP over @text ("127.0.0.1:0"),
 * or a socketpair when @text is "unix" */
void net_pair(const char *text, int fds[2]);

/** net_send(), net_recv() - all of it, or the case fails; net_recv() wants to be
 * followed by nothing but the end when @len is 0 */
void net_send(int fd, const void *buf, size_t len);
void net_recv(int fd, void *buf, size_t len);

/** net_reset() - close it so that the peer gets a reset */
void net_reset(int fd);

/** net_fds() - how many descriptors this process has */
u32 net_fds(void);

/** net_own_namespace() - a network of this process's own, loopback up; skips without the right */
void net_own_namespace(void);

/** net_sysctl() - write a file of /proc/sys/net/ */
void net_sysctl(const char *path, const char *text);

#endif
