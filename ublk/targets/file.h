/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the file target share: file.c opens it and answers what is
 * asked of it, file_io.c moves the bytes, file_lock.c keeps others away.
 */
#ifndef UBLK_TARGETS_FILE_H
#define UBLK_TARGETS_FILE_H

#include "uapi/rt/pages.h"
#include "ublk/tgt.h"

/* What FLUSH and FUA mean */
enum file_sync {
	FILE_SYNC_DRIVE, /* on the medium: fdatasync() */
	FILE_SYNC_OS,	 /* the page cache has been written out; the drive's own is left alone */
	FILE_SYNC_NONE,	 /* nothing */
};

/* How the bytes go; in the order of the words of io= */
enum file_way {
	FILE_AUTO,
	FILE_MAPPED, /* page cache: the kernel copies between it and a request's file */
	FILE_RING,   /* entries of the queue's ring */
	FILE_CALLS,  /* pread and pwrite */
};

/* A queue's buffer for what has to be copied on the way. They stay until the end:
 * the list only grows, and the next queue takes what one has left. */
struct file_bounce {
	struct file_bounce *next;
	struct tgt_queue *q; /* atomic; NULL: free */
	struct pages mem;    /* this struct is at its start */
};

#define FILE_BOUNCE_BYTES (256U << 10)

/**
 * struct file - what is open
 * @offset_bytes: where the disk begins in the file
 * @length_bytes: of the window as it was given; 0: up to the file's end
 * @map:          where the disk's first byte is mapped, and its pages up to map_end_bytes;
 *                of map_len_bytes at map_addr
 * @block_bytes:  what positions and lengths of direct I/O are a multiple of
 * @mem_mask:     what addresses of direct I/O have clear
 * @seen:         atomic words, a bit for each page of the mapping: it was in memory when
 *                somebody looked
 * @dsync:        RWF_DSYNC where a write that is FUA wants it
 * @is_memory:    a file system without a disk: nothing makes it durable, nothing waits
 * @no_punch, @no_zero_range: atomic: the file system has turned out not to have it
 */
struct file {
	s32 fd;
	u8 way; /* enum file_way */
	u8 sync;
	bool is_block;
	bool is_direct;
	bool is_memory;
	bool is_read_only;
	bool is_created;
	bool is_handed; /* with the lock that another server had */
	bool no_punch;
	bool no_zero_range;
	u32 dsync;
	u32 block_bytes;
	u32 mem_mask;
	u64 offset_bytes;
	u64 length_bytes;
	char *map;
	u64 map_end_bytes;
	void *map_addr;
	u64 map_len_bytes;
	u8 page_shift;
	u64 *seen;
	struct pages seen_mem;
	const void *zeroes; /* FILE_BOUNCE_BYTES that nobody has touched */
	struct pages zeroes_mem;
	struct file_bounce *bounces; /* atomic */
};

int file_queue_init(struct tgt *t, struct tgt_queue *q);
void file_queue_exit(struct tgt *t, struct tgt_queue *q);
enum tgt_status file_submit_mapped(struct tgt *t, struct tgt_queue *q, struct tgt_op *op);
enum tgt_status file_submit_ring(struct tgt *t, struct tgt_queue *q, struct tgt_op *op);
enum tgt_status file_submit_calls(struct tgt *t, struct tgt_queue *q, struct tgt_op *op);
void file_cqe(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 step, s32 res);

/**
 * file_lock() - the only one that serves these bytes, or the first of several readers
 * @len_bytes: 0: up to the end, however far that moves
 *
 * Return: 0, or -EBUSY with *why naming who has the lock
 */
NODISCARD int file_lock(int fd, bool is_read_only, u64 offset_bytes, u64 len_bytes,
			struct diag *why);

#endif
