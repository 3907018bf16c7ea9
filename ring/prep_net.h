/* SPDX-License-Identifier: MIT */
/*
 * Requests on sockets. Their results are those of the system calls: a number
 * of bytes, a descriptor, 0, or -errno. A number such as 6.11 is the first
 * Linux that has it; an older one ends the request with -EINVAL.
 *
 * Where a comment says nothing else, headers and addresses that an argument
 * points to are read while the entry is submitted, data until the completion;
 * what is filled is filled before the completion. MSG_NOSIGNAL is implied.
 *
 * Set after it in sqe->ioprio: IORING_RECVSEND_POLL_FIRST, wait before the
 * first attempt (5.19); for receives IORING_RECVSEND_BUNDLE (6.10). A function
 * that has a flag of its own there says so: add with |=.
 */
#ifndef RING_PREP_NET_H
#define RING_PREP_NET_H

#include "ring/prep_event.h"

struct cmsghdr;
struct msghdr;
struct sockaddr;

/* Sockets. File slots are counted from 0; IORING_FILE_INDEX_ALLOC: the kernel
 * chooses, and the result is the slot, where otherwise it is 0. */

/* socket(2) (5.19); @type with SOCK_CLOEXEC and SOCK_NONBLOCK, @flags is 0 */
static inline void ring_prep_socket(struct io_uring_sqe *sqe, s32 domain, s32 type, s32 protocol,
				    u32 flags)
{
	ring_prep_op(IORING_OP_SOCKET, sqe, domain, NULL, (u32)protocol, (u64)type, flags);
}

/* into a slot of the file table; without SOCK_CLOEXEC, as for all of these */
static inline void ring_prep_socket_direct(struct io_uring_sqe *sqe, s32 domain, s32 type,
					   s32 protocol, u32 file_index, u32 flags)
{
	ring_prep_socket(sqe, domain, type, protocol, flags);
	ring_set_target_fixed_file(sqe, file_index);
}

static inline void ring_prep_socket_direct_alloc(struct io_uring_sqe *sqe, s32 domain, s32 type,
						 s32 protocol, u32 flags)
{
	ring_prep_socket_direct(sqe, domain, type, protocol, IORING_FILE_INDEX_ALLOC, flags);
}

/* bind(2) (6.11) */
static inline void ring_prep_bind(struct io_uring_sqe *sqe, s32 fd, const struct sockaddr *addr,
				  u32 addrlen)
{
	ring_prep_rw(IORING_OP_BIND, sqe, fd, addr, 0, addrlen);
}

/* listen(2) (6.11) */
static inline void ring_prep_listen(struct io_uring_sqe *sqe, s32 fd, s32 backlog)
{
	ring_prep_rw(IORING_OP_LISTEN, sqe, fd, NULL, (u32)backlog, 0);
}

/* accept4(2); @addr and @addrlen are filled, or NULL, and stay until the completion. In
 * sqe->ioprio: IORING_ACCEPT_DONTWAIT, IORING_ACCEPT_POLL_FIRST (6.10). */
static inline void ring_prep_accept(struct io_uring_sqe *sqe, s32 fd, struct sockaddr *addr,
				    u32 *addrlen, s32 flags)
{
	ring_prep_op(IORING_OP_ACCEPT, sqe, fd, addr, 0, RING_PTR(addrlen), (u32)flags);
}

/* into a slot of the file table (5.15) */
static inline void ring_prep_accept_direct(struct io_uring_sqe *sqe, s32 fd, struct sockaddr *addr,
					   u32 *addrlen, s32 flags, u32 file_index)
{
	ring_prep_accept(sqe, fd, addr, addrlen, flags);
	ring_set_target_fixed_file(sqe, file_index);
}

/* One completion for each connection, F_MORE set as long as more may follow (5.19). One
 * @addr serves all: give NULL, and ask for it (ring_prep_cmd_getsockname(), getpeername(2)). */
static inline void ring_prep_multishot_accept(struct io_uring_sqe *sqe, s32 fd,
					      struct sockaddr *addr, u32 *addrlen, s32 flags)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_ACCEPT, IORING_ACCEPT_MULTISHOT, fd),
		       RING_PTR(addrlen), RING_PTR(addr), ring_sqe_len(0, (u32)flags), 0, 0);
}

/* into slots that the kernel chooses; ends with -ENFILE when there is no more */
static inline void ring_prep_multishot_accept_direct(struct io_uring_sqe *sqe, s32 fd,
						     struct sockaddr *addr, u32 *addrlen, s32 flags)
{
	ring_prep_multishot_accept(sqe, fd, addr, addrlen, flags);
	ring_set_target_fixed_file(sqe, IORING_FILE_INDEX_ALLOC);
}

/* connect(2); completes when it is connected, or has failed, also if O_NONBLOCK is set */
static inline void ring_prep_connect(struct io_uring_sqe *sqe, s32 fd, const struct sockaddr *addr,
				     u32 addrlen)
{
	ring_prep_rw(IORING_OP_CONNECT, sqe, fd, addr, 0, addrlen);
}

/* shutdown(2) (5.11) */
static inline void ring_prep_shutdown(struct io_uring_sqe *sqe, s32 fd, s32 how)
{
	ring_prep_rw(IORING_OP_SHUTDOWN, sqe, fd, NULL, (u32)how, 0);
}

/* Sending. @len is at most 2 GiB - 1; MSG_WAITALL: short sends go on by themselves. */

static inline void ring_prep_send(struct io_uring_sqe *sqe, s32 sockfd, const void *buf,
				  size_t len, s32 flags)
{
	ring_prep_op(IORING_OP_SEND, sqe, sockfd, buf, (u32)len, 0, (u32)flags);
}

/*
 * From provided buffers, as many as there are, in their order, @len bytes at
 * most or 0 (6.10). The caller sets IOSQE_BUFFER_SELECT and the group. One completion
 * for each bundle, F_MORE set as long as more may follow; it names the first buffer.
 */
static inline void ring_prep_send_bundle(struct io_uring_sqe *sqe, s32 sockfd, size_t len,
					 s32 flags)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_SEND, IORING_RECVSEND_BUNDLE, sockfd), 0, 0,
		       ring_sqe_len((u32)len, (u32)flags), 0, 0);
}

/* where to, after ring_prep_send() or ring_prep_send_zc() */
static inline void ring_prep_send_set_addr(struct io_uring_sqe *sqe,
					   const struct sockaddr *dest_addr, u16 addr_len)
{
	sqe->addr2 = RING_PTR(dest_addr);
	sqe->addr_len = addr_len;
}

/* sendto(2) (6.1) */
static inline void ring_prep_sendto(struct io_uring_sqe *sqe, s32 sockfd, const void *buf,
				    size_t len, s32 flags, const struct sockaddr *addr, u32 addrlen)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_SEND, 0, sockfd), RING_PTR(addr), RING_PTR(buf),
		       ring_sqe_len((u32)len, (u32)flags), ring_sqe_index(0, (u16)addrlen), 0);
}

/* sendmsg(2); what @msg points to but data is copied while the entry is submitted */
static inline void ring_prep_sendmsg(struct io_uring_sqe *sqe, s32 fd, const struct msghdr *msg,
				     u32 flags)
{
	ring_prep_op(IORING_OP_SENDMSG, sqe, fd, msg, 1, 0, flags);
}

/*
 * Without copying the data (6.0; -EOPNOTSUPP where the protocol cannot). Two completions: the
 * result, F_MORE set, and one with F_NOTIF when the kernel lets go of @buf, which must not change
 * before. No F_MORE: it failed, and there is no second. @zc_flags: IORING_SEND_ZC_REPORT_USAGE
 * (6.2), then the second one's result tells by IORING_NOTIF_USAGE_ZC_COPIED that it was copied
 * after all. The second has sqe->addr3, set after this, as user_data if that is not 0 (7.1).
 */
static inline void ring_prep_send_zc(struct io_uring_sqe *sqe, s32 sockfd, const void *buf,
				     size_t len, s32 flags, u32 zc_flags)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_SEND_ZC, (u16)zc_flags, sockfd), 0,
		       RING_PTR(buf), ring_sqe_len((u32)len, (u32)flags), 0, 0);
}

/* @buf lies in the registered buffer @buf_index */
static inline void ring_prep_send_zc_fixed(struct io_uring_sqe *sqe, s32 sockfd, const void *buf,
					   size_t len, s32 flags, u32 zc_flags, u32 buf_index)
{
	u16 ioprio = (u16)(zc_flags | IORING_RECVSEND_FIXED_BUF);

	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_SEND_ZC, ioprio, sockfd), 0, RING_PTR(buf),
		       ring_sqe_len((u32)len, (u32)flags), ring_sqe_index((u16)buf_index, 0), 0);
}

/* (6.1) */
static inline void ring_prep_sendmsg_zc(struct io_uring_sqe *sqe, s32 fd, const struct msghdr *msg,
					u32 flags)
{
	ring_prep_op(IORING_OP_SENDMSG_ZC, sqe, fd, msg, 1, 0, flags);
}

/* all of msg_iov lies in the registered buffer @buf_index (6.15) */
static inline void ring_prep_sendmsg_zc_fixed(struct io_uring_sqe *sqe, s32 fd,
					      const struct msghdr *msg, u32 flags, u32 buf_index)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_SENDMSG_ZC, IORING_RECVSEND_FIXED_BUF, fd), 0,
		       RING_PTR(msg), ring_sqe_len(1, flags), ring_sqe_index((u16)buf_index, 0), 0);
}

/* Receiving. F_SOCK_NONEMPTY: there is more in the socket. */

static inline void ring_prep_recv(struct io_uring_sqe *sqe, s32 sockfd, void *buf, size_t len,
				  s32 flags)
{
	ring_prep_op(IORING_OP_RECV, sqe, sockfd, buf, (u32)len, 0, (u32)flags);
}

/*
 * Into provided buffers, one completion each (6.0): @buf is NULL, @len 0 or the
 * most that one may hold; the caller sets IOSQE_BUFFER_SELECT and the group. F_MORE is
 * set as long as more may follow; the last one is the end (0) or an error, -ENOBUFS
 * when buffers ran out.
 */
static inline void ring_prep_recv_multishot(struct io_uring_sqe *sqe, s32 sockfd, void *buf,
					    size_t len, s32 flags)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_RECV, IORING_RECV_MULTISHOT, sockfd), 0,
		       RING_PTR(buf), ring_sqe_len((u32)len, (u32)flags), 0, 0);
}

/* recvmsg(2); @msg stays until the completion, and what it points to */
static inline void ring_prep_recvmsg(struct io_uring_sqe *sqe, s32 fd, struct msghdr *msg,
				     u32 flags)
{
	ring_prep_op(IORING_OP_RECVMSG, sqe, fd, msg, 1, 0, flags);
}

/*
 * Into provided buffers, as ring_prep_recv_multishot(). Each starts with a struct
 * io_uring_recvmsg_out, then room for msg->msg_namelen bytes of address and
 * msg->msg_controllen bytes of control data, then the payload: see below. The
 * rest of @msg is not used. An empty message ends it, as the end of a stream does.
 */
static inline void ring_prep_recvmsg_multishot(struct io_uring_sqe *sqe, s32 fd,
					       struct msghdr *msg, u32 flags)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_RECVMSG, IORING_RECV_MULTISHOT, fd), 0,
		       RING_PTR(msg), ring_sqe_len(1, flags), 0, 0);
}

/*
 * From a socket into the area of the zero-copy receive queue @ifq_idx (6.15): one 32-byte
 * completion for each piece, F_MORE set; big_cqe[0] tells where, and goes back by the refill
 * queue. @len bytes at most, without end for 0; the last completion has none.
 */
static inline void ring_prep_recv_zc(struct io_uring_sqe *sqe, s32 sockfd, u32 len, u32 ifq_idx)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_RECV_ZC, IORING_RECV_MULTISHOT, sockfd), 0, 0,
		       len, ring_sqe_index(0, ifq_idx), 0);
}

/* What the kernel takes struct msghdr and struct cmsghdr for, whoever has declared them */
struct ring_msghdr {
	void *msg_name;
	s32 msg_namelen;
	struct iovec *msg_iov;
	u64 msg_iovlen;
	void *msg_control;
	u64 msg_controllen;
	u32 msg_flags;
} __attribute__((may_alias));

struct ring_cmsghdr {
	u64 cmsg_len; /* from the start of this struct to the end of its data */
	s32 cmsg_level;
	s32 cmsg_type;
} __attribute__((may_alias));

/*
 * Reading what ring_prep_recvmsg_multishot() received: @msgh is what was
 * submitted, @buf the selected buffer, @buf_len the completion's result. The
 * address may have been longer than its room, o->namelen tells; so may the
 * payload, o->payloadlen, with MSG_TRUNC in o->flags.
 */

/* ring_recvmsg_validate() - the header, or NULL when the result is an error or too short for
 * what the functions below assume */
static inline struct io_uring_recvmsg_out *ring_recvmsg_validate(void *buf, s32 buf_len,
								 const struct msghdr *msgh)
{
	const struct ring_msghdr *m = (const struct ring_msghdr *)(const void *)msgh;
	u64 room = (u64)buf_len;

	if (buf_len < (s32)sizeof(struct io_uring_recvmsg_out) || m->msg_namelen < 0)
		return NULL;
	room -= sizeof(struct io_uring_recvmsg_out);
	if ((u64)m->msg_namelen > room || m->msg_controllen > room - (u64)m->msg_namelen)
		return NULL;
	return (struct io_uring_recvmsg_out *)buf;
}

/* ring_recvmsg_name() - the address, o->namelen bytes of it, but no more than there is room */
static inline void *ring_recvmsg_name(struct io_uring_recvmsg_out *o)
{
	return o + 1;
}

/* ring_recvmsg_payload() - the data */
static inline void *ring_recvmsg_payload(struct io_uring_recvmsg_out *o, const struct msghdr *msgh)
{
	const struct ring_msghdr *m = (const struct ring_msghdr *)(const void *)msgh;

	return (char *)ring_recvmsg_name(o) + m->msg_namelen + m->msg_controllen;
}

/* ring_recvmsg_payload_length() - how many bytes of data are in the buffer */
static inline u32 ring_recvmsg_payload_length(struct io_uring_recvmsg_out *o, s32 buf_len,
					      const struct msghdr *msgh)
{
	s64 before = (char *)ring_recvmsg_payload(o, msgh) - (char *)o;

	return buf_len > before ? (u32)(buf_len - before) : 0;
}

/* ring_recvmsg_cmsg_firsthdr() - the first control message, or NULL */
static inline struct cmsghdr *ring_recvmsg_cmsg_firsthdr(struct io_uring_recvmsg_out *o,
							 const struct msghdr *msgh)
{
	const struct ring_msghdr *m = (const struct ring_msghdr *)(const void *)msgh;

	if (o->controllen < sizeof(struct ring_cmsghdr))
		return NULL;
	return (struct cmsghdr *)(void *)((char *)ring_recvmsg_name(o) + m->msg_namelen);
}

/* ring_recvmsg_cmsg_nexthdr() - the one after @cmsg, whole, or NULL */
static inline struct cmsghdr *ring_recvmsg_cmsg_nexthdr(struct io_uring_recvmsg_out *o,
							const struct msghdr *msgh,
							struct cmsghdr *cmsg)
{
	char *first = (char *)ring_recvmsg_cmsg_firsthdr(o, msgh);
	const struct ring_cmsghdr *c = (const struct ring_cmsghdr *)(void *)cmsg;
	u64 left = o->controllen - (u64)((const char *)c - first);
	u64 step;

	if (c->cmsg_len < sizeof(*c) || c->cmsg_len > left)
		return NULL;
	step = (c->cmsg_len + 7) & ~7ULL;
	if (step > left || left - step < sizeof(*c))
		return NULL;
	left -= step;
	cmsg = (struct cmsghdr *)(void *)((char *)cmsg + step);
	c = (const struct ring_cmsghdr *)(void *)cmsg;
	return c->cmsg_len <= left ? cmsg : NULL;
}

/*
 * Commands of sockets (6.5, options 6.7): SOCKET_URING_OP_SIOCINQ, _SIOCOUTQ, bytes
 * unread and unsent; _GETSOCKOPT, the result is the option's length, only level
 * SOL_SOCKET; _SETSOCKOPT; _TX_TIMESTAMP (6.17), multishot, needs 32-byte completions.
 * *@optval stays until the completion; the rest is 0 where it is not used.
 */
static inline void ring_prep_cmd_sock(struct io_uring_sqe *sqe, u32 cmd_op, s32 fd, s32 level,
				      s32 optname, void *optval, s32 optlen)
{
	u64 option = (u32)level | (u64)(u32)optname << 32;

	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_URING_CMD, 0, fd), cmd_op, option, 0,
		       ring_sqe_index(0, (u32)optlen), RING_PTR(optval));
}

/* getsockname(2), getpeername(2) when @peer is 1 (6.19); both pointers stay until the completion */
static inline void ring_prep_cmd_getsockname(struct io_uring_sqe *sqe, s32 fd,
					     struct sockaddr *addr, u32 *addrlen, s32 peer)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_URING_CMD, 0, fd), SOCKET_URING_OP_GETSOCKNAME,
		       RING_PTR(addr), 0, ring_sqe_index(0, (u32)peer), RING_PTR(addrlen));
}

#endif
