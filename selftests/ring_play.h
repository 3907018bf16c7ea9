/* SPDX-License-Identifier: MIT */
/*
 * What tests of requests play with: a ring, entries full of what must not stay
 * there, completions one after the other, a group of provided buffers, and
 * connected sockets. Everything fails the case when it does not work; waits end
 * after PLAY_WAIT_NS. A case is a process, so nothing here is given back but
 * rings whose end matters.
 */
#ifndef SELFTESTS_RING_PLAY_H
#define SELFTESTS_RING_PLAY_H

#include <asm/errno.h>

#include "ring/mixed.h"
#include "ring/prep.h"
#include "ring/register.h"
#include "ring/ring.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_caps.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/sock.h"
#include "uapi/sys.h"

#define PLAY_ENTRIES 64
#define PLAY_WAIT_NS 8000000000ULL

/* sockets, as in <sys/socket.h>, which the kernel's headers do not have */
enum {
	PLAY_STREAM = 1,
	PLAY_DGRAM = 2,
	PLAY_SEQPACKET = 5,
	PLAY_CLOEXEC = 02000000,
	PLAY_NONBLOCK = 04000,
	PLAY_SHUT_RD = 0,
	PLAY_SHUT_WR = 1,
	PLAY_SHUT_RDWR = 2,
	PLAY_MSG_PEEK = 0x2,
	PLAY_MSG_TRUNC = 0x20,
	PLAY_MSG_DONTWAIT = 0x40,
	PLAY_MSG_WAITALL = 0x100,
	PLAY_MSG_ERRQUEUE = 0x2000,
};

/* a completion, copied out */
struct play_cqe {
	u64 user_data;
	s32 res;
	u32 flags;
	u64 big[2]; /* of 32-byte completions */
};

/** play_ring() - a ring with PLAY_ENTRIES, and as many completions times four */
void play_ring(struct ring *r, u32 flags);

/** play_sqe() - the next entry, dirty */
struct io_uring_sqe *play_sqe(struct ring *r);

/** play_tag() - the finishing touch: user_data and IOSQE_* flags, which are added */
void play_tag(struct io_uring_sqe *sqe, u64 user_data, u8 flags);

/** play_submit() - all that was prepared, and the kernel takes all */
void play_submit(struct ring *r);

/** play_next() - submits what there is, waits for a completion */
struct play_cqe play_next(struct ring *r);

/** play_result() - submits what there is, and the result of the next completion, which is
 * the last of its request */
s32 play_result(struct ring *r);

/** play_expect() - the next completion is this one */
void play_expect(struct ring *r, u64 user_data, s32 res);

/** play_quiet() - there is no completion, also after a look into the kernel */
void play_quiet(struct ring *r);

/** struct play_bufs - a group of provided buffers of equal size */
struct play_bufs {
	struct io_uring_buf_ring *ring;
	u8 *data;
	u32 size;
	u16 nr;
	u16 group;
	u16 tail;
};

/** play_bufs_init() - registers group @group with a ring of @nr (a power of two), all provided */
void play_bufs_init(struct play_bufs *b, struct ring *r, u16 group, u16 nr, u32 size);

/** play_bufs_add() - provides one of them, with @len bytes in use */
void play_bufs_add(struct play_bufs *b, u16 bid, u32 len);

/** play_buf() - where one is; the number of a completion's: play_bid() */
static inline u8 *play_buf(const struct play_bufs *b, u16 bid)
{
	return b->data + (size_t)bid * b->size;
}

static inline u16 play_bid(const struct play_cqe *cqe)
{
	return (u16)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
}

/** play_eventfd() - one that does not block, empty */
int play_eventfd(void);

/** play_pair() - two connected unix sockets of this type */
void play_pair(int fds[2], int type);

/** play_bound() - a socket of 127.0.0.1 with a port of its own, listening if it is a stream */
int play_bound(struct sock_addr *addr, int type);

/** play_tcp() - a connection over loopback */
void play_tcp(int fds[2]);

#endif
