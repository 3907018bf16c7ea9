/* SPDX-License-Identifier: MIT */
/* How the requests of a disk's queue become operations. Internal to ublk/: the thread
 * of the queue. */
#ifndef UBLK_DISK_OP_H
#define UBLK_DISK_OP_H

#include "ublk/disk.h"

/**
 * struct tgt_disk_slot - one operation
 * @op:      first and aligned
 * @bounce:  TGT_DISK_OP_BYTES, which cost nothing until they are used
 * @buf_idx, @buf_at: where in the list a read that bounces goes
 */
struct tgt_disk_slot {
	struct tgt_op op;
	struct tgt_slab slab;
	struct tgt_disk_slot *next;
	struct tgt_disk_io *io;
	char *bounce;
	u64 buf_at;
	u32 buf_idx;
	bool copies_out;
};

static inline bool disk_op_is_gone(const struct tgt_disk_queue *q)
{
	return !q->disk || __atomic_load_n(&q->disk->is_gone, __ATOMIC_ACQUIRE);
}

/* disk_op_wait_in_line() - a request whose operations are to begin */
void disk_op_wait_in_line(struct tgt_disk_queue *q, struct tgt_disk_io *io);

/* disk_op_start_some() - as many operations as there are slots for */
void disk_op_start_some(struct tgt_disk_queue *q);

#endif
