/* SPDX-License-Identifier: MIT */
/* A disk's calls that wait for what they ask. */
#include "ublk/disk.h"

#include <asm/errno.h>

static int submit_and_wait(struct tgt_disk_queue *q, struct tgt_disk_io *io)
{
	int err = q->is_calling ? -EDEADLK : tgt_disk_submit(q, io);

	while (!err && !io->is_done) {
		err = tgt_disk_step(q, TGT_DISK_FOREVER);
		err = err > 0 ? 0 : err;
	}
	return err ? err : io->result;
}

int tgt_disk_readv(struct tgt_disk_queue *q, u64 offset_bytes, const struct tgt_disk_buf *bufs,
		   u32 nr_bufs)
{
	struct tgt_disk_io io = {
		.kind = TGT_READ,
		.offset_bytes = offset_bytes,
		.bufs = bufs,
		.nr_bufs = nr_bufs,
	};

	return submit_and_wait(q, &io);
}

int tgt_disk_writev(struct tgt_disk_queue *q, u64 offset_bytes, const struct tgt_disk_buf *bufs,
		    u32 nr_bufs)
{
	struct tgt_disk_io io = {
		.kind = TGT_WRITE,
		.offset_bytes = offset_bytes,
		.bufs = bufs,
		.nr_bufs = nr_bufs,
	};

	return submit_and_wait(q, &io);
}

int tgt_disk_read(struct tgt_disk_queue *q, u64 offset_bytes, void *mem, u64 len_bytes)
{
	struct tgt_disk_buf buf = { .mem = mem, .len_bytes = len_bytes };

	return tgt_disk_readv(q, offset_bytes, &buf, 1);
}

int tgt_disk_write(struct tgt_disk_queue *q, u64 offset_bytes, const void *mem, u64 len_bytes)
{
	/* nobody alters the bytes of a write */
	struct tgt_disk_buf buf = { .mem = (void *)(uintptr_t)mem, .len_bytes = len_bytes };

	return tgt_disk_writev(q, offset_bytes, &buf, 1);
}

int tgt_disk_flush(struct tgt_disk_queue *q)
{
	struct tgt_disk_io io = { .kind = TGT_FLUSH };

	return submit_and_wait(q, &io);
}

int tgt_disk_discard(struct tgt_disk_queue *q, u64 offset_bytes, u64 len_bytes)
{
	struct tgt_disk_io io = {
		.kind = TGT_DISCARD,
		.offset_bytes = offset_bytes,
		.len_bytes = len_bytes,
	};

	return submit_and_wait(q, &io);
}

int tgt_disk_write_zeroes(struct tgt_disk_queue *q, u64 offset_bytes, u64 len_bytes,
			  bool keep_allocated)
{
	struct tgt_disk_io io = {
		.kind = TGT_WRITE_ZEROES,
		.flags = keep_allocated ? TGT_F_NOUNMAP : 0,
		.offset_bytes = offset_bytes,
		.len_bytes = len_bytes,
	};

	return submit_and_wait(q, &io);
}
