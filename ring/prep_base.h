/* SPDX-License-Identifier: MIT */
/*
 * What all submission entries have in common. A ring_prep_*() function writes
 * all 64 bytes of its entry, so nothing of an earlier request can stay behind;
 * user_data, IOSQE_* flags, a buffer group and a slot for a new file are set
 * after it.
 */
#ifndef RING_PREP_BASE_H
#define RING_PREP_BASE_H

#include "uapi/io_uring.h"
#include "uapi/types.h"

#define RING_PTR(p) ((u64)(uintptr_t)(p))

/* A place in a buffer that may be NULL, to which C allows nothing to be added, not even 0 */
#define RING_PTR_AT(p, bytes) ((const void *)(uintptr_t)(RING_PTR(p) + (bytes)))

/* How an entry is written: eight aligned words, of whatever type its fields are */
typedef u64 __attribute__((may_alias)) ring_sqe_word;
typedef u64 __attribute__((may_alias, vector_size(16), aligned(8))) ring_sqe_pair;

/* The three words of an entry that have more than one field */
static inline u64 ring_sqe_head(u8 opcode, u16 ioprio, s32 fd)
{
	return opcode | (u64)ioprio << 16 | (u64)(u32)fd << 32;
}

static inline u64 ring_sqe_len(u32 len, u32 op_flags)
{
	return len | (u64)op_flags << 32;
}

static inline u64 ring_sqe_index(u16 buf_index, u32 file_index)
{
	return buf_index | (u64)file_index << 32;
}

/* All of an entry, in the order of its bytes */
static inline void ring_sqe_write(struct io_uring_sqe *sqe, u64 head, u64 off, u64 addr, u64 len,
				  u64 index, u64 addr3)
{
	ring_sqe_word *word = (ring_sqe_word *)sqe;

	word[0] = head;
	word[1] = off;
	word[2] = addr;
	word[3] = len;
	word[4] = 0;
	word[5] = index;
	if (__builtin_constant_p(addr3) && !addr3) { /* as it nearly always is: one store */
		*(ring_sqe_pair *)&word[6] = (ring_sqe_pair){ 0, 0 };
	} else {
		word[6] = addr3;
		word[7] = 0;
	}
}

/* ring_prep_rw() - an entry of the common shape, its own flags zero */
static inline void ring_prep_rw(u8 opcode, struct io_uring_sqe *sqe, s32 fd, const void *addr,
				u32 len, u64 offset)
{
	ring_sqe_write(sqe, ring_sqe_head(opcode, 0, fd), offset, RING_PTR(addr), len, 0, 0);
}

/* ring_prep_op() - the same with flags of the operation (rw_flags and its other names) */
static inline void ring_prep_op(u8 opcode, struct io_uring_sqe *sqe, s32 fd, const void *addr,
				u32 len, u64 offset, u32 op_flags)
{
	ring_sqe_write(sqe, ring_sqe_head(opcode, 0, fd), offset, RING_PTR(addr),
		       ring_sqe_len(len, op_flags), 0, 0);
}

/* ring_prep_buf() - the same on the registered buffer @buf_index: @addr lies in it */
static inline void ring_prep_buf(u8 opcode, struct io_uring_sqe *sqe, s32 fd, const void *addr,
				 u32 len, u64 offset, u32 op_flags, u16 buf_index)
{
	ring_sqe_write(sqe, ring_sqe_head(opcode, 0, fd), offset, RING_PTR(addr),
		       ring_sqe_len(len, op_flags), ring_sqe_index(buf_index, 0), 0);
}

/* What comes back in the completion: a pointer or a number */
static inline void ring_sqe_set_data64(struct io_uring_sqe *sqe, u64 data)
{
	sqe->user_data = data;
}

static inline void ring_sqe_set_data(struct io_uring_sqe *sqe, void *data)
{
	sqe->user_data = RING_PTR(data);
}

static inline u64 ring_cqe_get_data64(const struct io_uring_cqe *cqe)
{
	return cqe->user_data;
}

static inline void *ring_cqe_get_data(const struct io_uring_cqe *cqe)
{
	return (void *)(uintptr_t)cqe->user_data;
}

/* IOSQE_*. Replaces all that were set before: READ_MULTISHOT and FIXED_FD_INSTALL
 * come with one that they cannot be without. */
static inline void ring_sqe_set_flags(struct io_uring_sqe *sqe, u8 flags)
{
	sqe->flags = flags;
}

/* Where a request with IOSQE_BUFFER_SELECT, which is not set here, takes its
 * buffer from. It is also buf_index: a request has the one or the other. */
static inline void ring_sqe_set_buf_group(struct io_uring_sqe *sqe, u16 bgid)
{
	sqe->buf_group = bgid;
}

/* The slot of the file table that a request puts its new file into, or takes one
 * out of. IORING_FILE_INDEX_ALLOC: the kernel chooses, the result is the slot (5.19). */
static inline void ring_set_target_fixed_file(struct io_uring_sqe *sqe, u32 file_index)
{
	sqe->file_index = file_index == IORING_FILE_INDEX_ALLOC ? file_index : file_index + 1;
}

#endif
