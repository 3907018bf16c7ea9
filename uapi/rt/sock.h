/* SPDX-License-Identifier: MIT */
/*
 * Addresses of sockets without a libc: the kernel's layouts, and text from and
 * to them. No state; any thread. Not here: names, which need a resolver.
 */
#ifndef UAPI_RT_SOCK_H
#define UAPI_RT_SOCK_H

#include "uapi/types.h"

struct sockaddr;

/* families, as in AF_*: the kernel's ABI, Linux include/linux/socket.h */
enum sock_family {
	SOCK_AF_UNIX = 1,
	SOCK_AF_INET = 2,
	SOCK_AF_INET6 = 10,
};

/**
 * struct sock_addr - one address, with its length
 * @len_bytes: of what follows it that is the address; 0 when there is none
 * @family:    enum sock_family, or another of the kernel's
 * @port_be:   most significant byte first, as on the wire: sock_addr_port()
 *
 * From family on it is a struct sockaddr_in, _in6 or _un.
 */
struct sock_addr {
	u32 len_bytes;
	u32 pad;
	union {
		u16 family;
		struct {
			u16 family;
			u16 port_be;
			u8 ip[4];
			u8 zero[8];
		} ip4;
		struct {
			u16 family;
			u16 port_be;
			u32 flow_be;
			u8 ip[16];
			u32 scope_id; /* of a link-local address: the interface's index */
		} ip6;
		struct {
			u16 family;
			char path[108]; /* begins with a NUL: the abstract namespace */
		} un;
		u64 room[16]; /* for any that there is: struct sockaddr_storage */
	};
};

_Static_assert(offsetof(struct sock_addr, family) == 8, "the sockaddr is aligned");
_Static_assert(sizeof(struct sock_addr) == 8 + 128, "as large as sockaddr_storage");

/* room for the longest text of an address, with its NUL */
#define SOCK_ADDR_TEXT_BYTES 120

/* sock_addr_ptr() - what system calls and SQEs take, of a->len_bytes bytes */
static inline struct sockaddr *sock_addr_ptr(const struct sock_addr *a)
{
	return (struct sockaddr *)(uintptr_t)&a->family;
}

/* sock_addr_port() - of IPv4 and IPv6, 0 for another family */
static inline u16 sock_addr_port(const struct sock_addr *a)
{
	if (a->family != SOCK_AF_INET && a->family != SOCK_AF_INET6)
		return 0;
	return __builtin_bswap16(a->ip4.port_be);
}

/**
 * sock_addr_parse() - an address from text
 * @text: "127.0.0.1:80", "[::1]:80", "/run/a.sock", or "@name" in the abstract
 *        namespace of unix sockets. Port 0 lets the kernel choose one.
 *
 * Return: 0, or
 *   -EINVAL        it is none of these; *a is then of no use
 *   -ENAMETOOLONG  more than 107 characters of a unix socket
 */
NODISCARD int sock_addr_parse(struct sock_addr *a, const char *text);

/**
 * sock_addr_format() - the text of an address, as sock_addr_parse() takes it
 * @text: SOCK_ADDR_TEXT_BYTES are always enough; cut, but terminated, otherwise
 *
 * An unnamed unix socket is "@", another family "family 17".
 */
void sock_addr_format(const struct sock_addr *a, char *text, size_t size);

/* Of one message; the kernel takes up to 253 (SCM_MAX_FD) */
#define SOCK_MAX_FDS 128

/**
 * sock_send_fds() - a packet, and open files with it, on a socket of SOCK_AF_UNIX
 * @fds: nr of them, SOCK_MAX_FDS at most, which stay ours
 *
 * Return: 0, or -errno: -EAGAIN it does not fit now, -EPIPE (and no signal) nobody reads it
 */
NODISCARD int sock_send_fds(s32 fd, const void *data, size_t len_bytes, const s32 *fds, u32 nr);

/**
 * sock_recv_fds() - a packet, and the files that came with it, which are closed on exec
 * @fds: room for SOCK_MAX_FDS; nr of them were filled
 *
 * Return: bytes, 0 at the end, or -errno: -EMSGSIZE it has more of one or the other than there
 * is room for, and none of its files is left open
 */
NODISCARD long sock_recv_fds(s32 fd, void *data, size_t size, s32 *fds, u32 *nr);

/* sock_local() - what a socket is bound to: its port when that was 0 */
NODISCARD int sock_local(struct sock_addr *a, s32 fd);

/* sock_remote() - the other end of a connection; -ENOTCONN when it is gone */
NODISCARD int sock_remote(struct sock_addr *a, s32 fd);

#endif
