/* SPDX-License-Identifier: MIT */
/* Addresses of sockets, from and to text; those that a socket has; and files through sockets. */
#include "uapi/rt/sock.h"

#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/uio.h>

#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

#define NR_GROUPS 8U /* of 16 bits, in an IPv6 address */

/* Returns where the number ends, NULL when there is none or it is too large.
 * In decimal a leading zero is refused: to some readers it means octal. */
static const char *number(const char *s, u32 base, u32 max, u32 *value)
{
	const char *start = s;

	for (*value = 0; *value <= max && s - start < 6; s++) {
		u32 digit = (u32)(u8)str_lower(*s) - '0';

		if (digit > 9)
			digit = digit >= 'a' - '0' ? digit - ('a' - '0' - 10) : base;
		if (digit >= base)
			break;
		*value = *value * base + digit;
	}
	if (s == start || *value > max || (base == 10 && *start == '0' && s > start + 1))
		return NULL;
	return s;
}

static const char *parse_ip4(const char *s, u8 ip[4])
{
	for (u32 i = 0; i < 4; i++) {
		u32 value;

		if (i && *s++ != '.')
			return NULL;
		s = number(s, 10, 255, &value);
		if (!s)
			return NULL;
		ip[i] = (u8)value;
	}
	return s;
}

/* The groups behind "::" move to the end, and zeroes take their place. */
static void fill_gap(u8 ip[16], u32 gap, u32 nr)
{
	memmove(ip + 16 - 2 * (nr - gap), ip + 2 * gap, 2 * (nr - gap));
	memset(ip + 2 * gap, 0, 16 - 2 * nr);
}

static const char *parse_ip6(const char *s, u8 ip[16])
{
	u32 gap = NR_GROUPS; /* how many groups stand before "::" */
	u32 nr = 0;

	if (*s == ':' && *++s != ':')
		return NULL;
	for (;;) {
		const char *end;
		u32 value;

		if (*s == ':') { /* the second one of "::" */
			if (gap != NR_GROUPS)
				return NULL;
			gap = nr;
			if (*++s == ']')
				break;
		}
		end = number(s, 16, 0xffff, &value);
		if (!end)
			return NULL;
		if (*end == '.' && nr <= NR_GROUPS - 2) { /* the last four bytes as IPv4 */
			s = parse_ip4(s, ip + 2 * nr);
			nr += 2;
			break;
		}
		ip[2 * nr] = (u8)(value >> 8);
		ip[2 * nr + 1] = (u8)value;
		nr++;
		s = end;
		if (nr == NR_GROUPS || *s != ':')
			break;
		s++;
	}
	if ((gap == NR_GROUPS) != (nr == NR_GROUPS))
		return NULL;
	fill_gap(ip, gap, nr);
	return s;
}

static int parse_unix(struct sock_addr *a, const char *text)
{
	size_t len = str_len(text);

	if (len >= sizeof(a->un.path))
		return -ENAMETOOLONG;
	a->un.family = SOCK_AF_UNIX;
	memcpy(a->un.path, text, len);
	/* A path counts with its NUL, an abstract name only up to its last byte. */
	a->len_bytes = (u32)(offsetof(typeof(a->un), path) + len + (*text != '@'));
	if (*text == '@')
		a->un.path[0] = '\0';
	return 0;
}

int sock_addr_parse(struct sock_addr *a, const char *text)
{
	u32 port;

	*a = (struct sock_addr){ .len_bytes = 0 };
	if (*text == '/' || *text == '@')
		return parse_unix(a, text);
	if (*text == '[') {
		a->family = SOCK_AF_INET6;
		a->len_bytes = sizeof(a->ip6);
		text = parse_ip6(text + 1, a->ip6.ip);
		if (!text || *text++ != ']')
			return -EINVAL;
	} else {
		a->family = SOCK_AF_INET;
		a->len_bytes = sizeof(a->ip4);
		text = parse_ip4(text, a->ip4.ip);
	}
	if (!text || *text != ':')
		return -EINVAL;
	text = number(text + 1, 10, 0xffff, &port);
	if (!text || *text)
		return -EINVAL;
	a->ip4.port_be = __builtin_bswap16((u16)port);
	return 0;
}

/* Where the longest run of at least two groups of zeroes starts */
static u32 longest_gap(const u8 ip[16], u32 *len)
{
	u32 best = NR_GROUPS;

	*len = 1;
	for (u32 from = 0, to = 0; from < NR_GROUPS; from = ++to) {
		while (to < NR_GROUPS && !(ip[2 * to] | ip[2 * to + 1]))
			to++;
		if (to - from > *len) {
			*len = to - from;
			best = from;
		}
	}
	return best;
}

static void format_ip6(struct fmt_buf *b, const u8 ip[16])
{
	u32 len;
	u32 gap = longest_gap(ip, &len);

	fmt_add(b, "[");
	for (u32 i = 0; i < NR_GROUPS; i++) {
		if (i == gap) {
			i += len - 1;
			fmt_add(b, i == NR_GROUPS - 1 ? "::" : ":");
			continue;
		}
		fmt_add(b, i ? ":%x" : "%x", (u32)ip[2 * i] << 8 | ip[2 * i + 1]);
	}
	fmt_add(b, "]");
}

static void format_unix(struct fmt_buf *b, const struct sock_addr *a)
{
	size_t len = a->len_bytes - offsetof(typeof(a->un), path);

	if (a->len_bytes <= offsetof(typeof(a->un), path) || !a->un.path[0]) {
		fmt_add(b, "@");
		if (a->len_bytes > offsetof(typeof(a->un), path))
			fmt_add_bytes(b, a->un.path + 1, len - 1);
	} else {
		fmt_add_bytes(b, a->un.path, str_nlen(a->un.path, len));
	}
}

void sock_addr_format(const struct sock_addr *a, char *text, size_t size)
{
	struct fmt_buf b = { .text = text, .size = size };
	const u8 *ip = a->ip4.ip;

	switch (a->family) {
	case SOCK_AF_UNIX:
		format_unix(&b, a);
		return;
	case SOCK_AF_INET:
		fmt_add(&b, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
		break;
	case SOCK_AF_INET6:
		format_ip6(&b, a->ip6.ip);
		break;
	default:
		fmt_add(&b, "family %u", a->family);
		return;
	}
	fmt_add(&b, ":%u", sock_addr_port(a));
}

int sock_local(struct sock_addr *a, s32 fd)
{
	*a = (struct sock_addr){ .len_bytes = sizeof(a->room) };
	return sys_getsockname(fd, sock_addr_ptr(a), &a->len_bytes);
}

int sock_remote(struct sock_addr *a, s32 fd)
{
	*a = (struct sock_addr){ .len_bytes = sizeof(a->room) };
	return sys_getpeername(fd, sock_addr_ptr(a), &a->len_bytes);
}

/* <sys/socket.h> of the kernel's ABI, which no header of the kernel has; its
 * include/linux/socket.h */
#define SCM_RIGHTS	 1
#define MSG_CTRUNC	 0x8
#define MSG_TRUNC	 0x20
#define MSG_DONTWAIT	 0x40
#define MSG_NOSIGNAL	 0x4000
#define MSG_CMSG_CLOEXEC 0x40000000

struct message {
	void *name;
	u32 name_len;
	struct iovec *iov;
	size_t nr_iovs;
	void *control;
	size_t control_len;
	u32 flags;
};

/* A control message of files */
struct rights {
	size_t len_bytes;
	s32 level;
	s32 type;
	s32 fds[SOCK_MAX_FDS];
};

#define RIGHTS_BYTES(nr) (offsetof(struct rights, fds) + (nr) * sizeof(s32))

int sock_send_fds(s32 fd, const void *data, size_t len_bytes, const s32 *fds, u32 nr)
{
	struct iovec v = { .iov_base = (void *)(uintptr_t)data, .iov_len = len_bytes };
	struct rights rights = {
		.len_bytes = RIGHTS_BYTES(nr),
		.level = SOL_SOCKET,
		.type = SCM_RIGHTS,
	};
	struct message m = {
		.iov = &v,
		.nr_iovs = 1,
		.control = nr ? &rights : NULL,
		.control_len = nr ? RIGHTS_BYTES(nr) : 0,
	};
	long ret;

	if (nr > SOCK_MAX_FDS)
		return -EINVAL;
	memcpy(rights.fds, fds, nr * sizeof(s32));
	ret = sys_sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	return ret < 0 ? (int)ret : 0;
}

long sock_recv_fds(s32 fd, void *data, size_t size, s32 *fds, u32 *nr)
{
	struct iovec v = { .iov_base = data, .iov_len = size };
	struct rights rights = { .len_bytes = 0 };
	struct message m = {
		.iov = &v,
		.nr_iovs = 1,
		.control = &rights,
		.control_len = sizeof(rights),
	};
	long ret = sys_recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	*nr = 0;
	if (ret < 0)
		return ret;
	if (m.control_len >= RIGHTS_BYTES(1) && rights.level == SOL_SOCKET &&
	    rights.type == SCM_RIGHTS)
		*nr = (u32)((rights.len_bytes - RIGHTS_BYTES(0)) / sizeof(s32));
	if (!(m.flags & (MSG_TRUNC | MSG_CTRUNC))) {
		memcpy(fds, rights.fds, *nr * sizeof(s32));
		return ret;
	}
	for (; *nr; --*nr)
		(void)sys_close(rights.fds[*nr - 1]);
	return -EMSGSIZE;
}
