/* SPDX-License-Identifier: MIT */
/*
 * file: how the bytes go. Each way has a submit function of its own, chosen when
 * the file is opened; what is no read or write is the same for all.
 *
 * The mapping is never touched from here: it is memory for the kernel to copy to and
 * from, by a read or write of the request's file. Where the kernel cannot, because
 * the file was cut short, its disk is full or fails, the count is short, and the
 * same is done again by pread and pwrite of the file, which say what is wrong. The
 * mapping is only used where its pages are in memory: others would be read before
 * they are overwritten, or made where a read finds a hole.
 *
 * What takes long goes by the ring, for which the kernel has threads: fsync,
 * fallocate, discard. A file in memory has nothing that takes long.
 */
#include <asm/errno.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/uio.h>

#include "ring/prep.h"
#include "uapi/sys.h"
#include "ublk/targets/file.h"

#define MAX_VECS 1024		  /* UIO_MAXIOV */
#define MAX_TRIES 32		  /* by threads that may wait, and say they would have to */
#define MAX_ONE_BYTES (1ULL << 30) /* the length of an entry has 32 bits */

#define TRIES_SHIFT 8

enum { STEP_RW, STEP_SYNC, STEP_ALLOCATE, STEP_DISCARD };

_Static_assert(sizeof(struct iovec) == sizeof(struct tgt_piece) &&
	       offsetof(struct iovec, iov_len) == offsetof(struct tgt_piece, len_bytes),
	       "pieces in memory are what the kernel calls vectors");

static const struct iovec *vecs_of(const struct tgt_op *op)
{
	return (const struct iovec *)(const void *)op->data.pieces;
}

/* The stretch of the operation's data that is @at bytes into it */
static struct tgt_piece piece_at(const struct tgt_op *op, u64 at)
{
	const struct tgt_piece *p = op->data.pieces;
	u64 left = op->len_bytes - at;

	for (; at >= p->len_bytes; p++)
		at -= p->len_bytes;
	if (left > p->len_bytes - at)
		left = p->len_bytes - at;
	return (struct tgt_piece){ p->at + at, left < MAX_ONE_BYTES ? left : MAX_ONE_BYTES };
}

static bool is_write(const struct tgt_op *op)
{
	return op->kind == TGT_WRITE;
}

/*
 * Direct I/O wants memory that the hardware can reach, and whole blocks; older kernels
 * (6.12, not 7.3) want them of each piece.
 */
static bool is_aligned(const struct file *f, const struct tgt_op *op)
{
	u64 all = 0;

	for (u32 i = 0; f->is_direct && i < op->data.nr_pieces; i++) {
		const struct tgt_piece *p = &op->data.pieces[i];

		all |= (p->at & f->mem_mask) | (p->len_bytes & (f->block_bytes - 1));
	}
	return !all;
}

/* --- durable ------------------------------------------------------------------------ */

/* FLUSH, and what FUA adds: @len_bytes 0 is the whole file. The answer to @op comes with it. */
static enum tgt_status sync(struct file *f, struct tgt_queue *q, struct tgt_op *op, u64 offset,
			    u64 len_bytes)
{
	struct io_uring_sqe *sqe;
	int err;

	if (f->sync == FILE_SYNC_NONE)
		return tgt_finish(op, is_write(op) ? (s64)op->len_bytes : 0);
	err = tgt_reserve_sqes(q, 1);
	if (err)
		return tgt_finish(op, err);
	if (len_bytes >> 32)
		offset = len_bytes = 0;
	sqe = tgt_get_sqe(q);
	if (f->sync == FILE_SYNC_OS) {
		ring_prep_sync_file_range(sqe, f->fd, (u32)len_bytes, offset,
					  SYNC_FILE_RANGE_WRITE_AND_WAIT);
	} else {
		ring_prep_fsync(sqe, f->fd, IORING_FSYNC_DATASYNC);
		sqe->off = offset;
		sqe->len = (u32)len_bytes;
	}
	tgt_sqe_owner(sqe, op, STEP_SYNC);
	return TGT_PENDING;
}

/* The answer to what has changed the file */
static enum tgt_status changed(struct file *f, struct tgt_queue *q, struct tgt_op *op)
{
	if (op->flags & TGT_F_FUA)
		return sync(f, q, op, f->offset_bytes + op->offset_bytes, op->len_bytes);
	return tgt_finish(op, is_write(op) ? (s64)op->len_bytes : 0);
}

/* --- what is known of the mapping's pages --------------------------------------------- */

/* The pages of a range, and their bits in the words of @seen */
struct span {
	u64 first;
	u64 last;
};

static struct span span_of(const struct file *f, u64 offset, u64 len_bytes)
{
	u64 at = (u64)(f->map - (char *)f->map_addr) + offset;

	return (struct span){ at >> f->page_shift, (at + len_bytes - 1) >> f->page_shift };
}

static u64 bits_of(const struct span *s, u64 word)
{
	u64 bits = ~0ULL;

	if (word == s->first / 64)
		bits &= ~0ULL << s->first % 64;
	if (word == s->last / 64)
		bits &= ~0ULL >> (63 - s->last % 64);
	return bits;
}

/* They will not be in memory */
static void forget(struct file *f, u64 offset, u64 len_bytes)
{
	struct span s;

	if (f->way != FILE_MAPPED || offset + len_bytes > f->map_end_bytes)
		return;
	s = span_of(f, offset, len_bytes);
	for (u64 w = s.first / 64; w <= s.last / 64; w++)
		if (__atomic_load_n(&f->seen[w], __ATOMIC_RELAXED) & bits_of(&s, w))
			__atomic_fetch_and(&f->seen[w], ~bits_of(&s, w), __ATOMIC_RELAXED);
}

/* --- zeroes, and room given back ---------------------------------------------------- */

static s64 write_zeroes(const struct file *f, u64 offset, u64 len_bytes)
{
	while (len_bytes) {
		u64 len = len_bytes < FILE_BOUNCE_BYTES ? len_bytes : FILE_BOUNCE_BYTES;
		long ret = sys_pwrite64(f->fd, f->zeroes, len, offset);

		if (ret == -EINTR)
			continue;
		if (ret <= 0 || (u64)ret % f->block_bytes)
			return ret < 0 ? ret : -EIO;
		offset += (u64)ret;
		len_bytes -= (u64)ret;
	}
	return 0;
}

static bool flag(const bool *is_so)
{
	return __atomic_load_n(is_so, __ATOMIC_RELAXED);
}

static void set_flag(bool *is_so)
{
	__atomic_store_n(is_so, true, __ATOMIC_RELAXED);
}

/* The next way for this operation, 0: none but writing */
static int mode_of(const struct file *f, const struct tgt_op *op)
{
	bool may_unmap = op->kind == TGT_DISCARD || !(op->flags & TGT_F_NOUNMAP);

	if (may_unmap && !flag(&f->no_punch))
		return FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	if (op->kind != TGT_DISCARD && !flag(&f->no_zero_range))
		return FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
	return 0;
}

/* It is to be done again, in the next way if this file system has not got this one */
static bool is_again(struct file *f, const struct tgt_op *op, s64 res)
{
	if (res == -EOPNOTSUPP)
		set_flag(op->scratch[0] & FALLOC_FL_PUNCH_HOLE ? &f->no_punch : &f->no_zero_range);
	return res == -EOPNOTSUPP || res == -EINTR;
}

static enum tgt_status zeroed(struct file *f, struct tgt_queue *q, struct tgt_op *op, s64 err)
{
	return err ? tgt_finish(op, err) : changed(f, q, op);
}

static enum tgt_status allocate(struct file *f, struct tgt_queue *q, struct tgt_op *op)
{
	u64 offset = f->offset_bytes + op->offset_bytes;
	struct io_uring_sqe *sqe;
	s64 err = -EINTR;
	int mode;

	while (is_again(f, op, err)) {
		mode = mode_of(f, op);
		op->scratch[0] = (u64)mode;
		if (mode & FALLOC_FL_PUNCH_HOLE)
			forget(f, op->offset_bytes, op->len_bytes);
		if (!mode && op->kind == TGT_DISCARD)
			return tgt_finish(op, -EOPNOTSUPP);
		if (!mode)
			return zeroed(f, q, op, write_zeroes(f, offset, op->len_bytes));
		if (!f->is_memory)
			goto by_ring;
		err = sys_fallocate(f->fd, mode, offset, op->len_bytes);
	}
	return zeroed(f, q, op, err);

by_ring:
	err = tgt_reserve_sqes(q, 1);
	if (err)
		return tgt_finish(op, err);
	sqe = tgt_get_sqe(q);
	ring_prep_fallocate(sqe, f->fd, (u32)mode, offset, op->len_bytes);
	tgt_sqe_owner(sqe, op, STEP_ALLOCATE);
	return TGT_PENDING;
}

static enum tgt_status discard(struct file *f, struct tgt_queue *q, struct tgt_op *op)
{
	struct io_uring_sqe *sqe;
	int err;

	if (!f->is_block)
		return allocate(f, q, op);
	err = tgt_reserve_sqes(q, 1);
	if (err)
		return tgt_finish(op, err);
	sqe = tgt_get_sqe(q);
	ring_prep_cmd_discard(sqe, f->fd, f->offset_bytes + op->offset_bytes, op->len_bytes);
	tgt_sqe_owner(sqe, op, STEP_DISCARD);
	return TGT_PENDING;
}

/* Kernels before 6.12 do it for nobody but the caller, who waits. */
static enum tgt_status discarded(struct file *f, struct tgt_queue *q, struct tgt_op *op, s32 res)
{
	u64 range[2] = { f->offset_bytes + op->offset_bytes, op->len_bytes };

	if (res == -EINTR)
		return discard(f, q, op);
	return tgt_finish(op, res == -EOPNOTSUPP ? sys_ioctl(f->fd, BLKDISCARD, range) : res);
}

/* All but reads and writes */
static enum tgt_status submit_other(struct file *f, struct tgt_queue *q, struct tgt_op *op)
{
	if (op->kind == TGT_FLUSH)
		return sync(f, q, op, 0, 0);
	if (op->kind != TGT_DISCARD && op->kind != TGT_WRITE_ZEROES && !is_write(op))
		return tgt_finish(op, -EOPNOTSUPP);
	if (f->is_read_only)
		return tgt_finish(op, -EROFS);
	return op->kind == TGT_DISCARD ? discard(f, q, op) : allocate(f, q, op);
}

static bool moves(const struct file *f, const struct tgt_op *op)
{
	return op->kind == TGT_READ || (is_write(op) && !f->is_read_only);
}

/* --- by way of a buffer --------------------------------------------------------------- */

static char *bounce_of(const struct file *f, const struct tgt_queue *q)
{
	struct file_bounce *b = __atomic_load_n(&f->bounces, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(&b->q, __ATOMIC_RELAXED) != q)
		b = b->next;
	return (char *)b + pages_size();
}

COLD int file_queue_init(struct tgt *t, struct tgt_queue *q)
{
	struct file *f = t->state;
	struct file_bounce *b = __atomic_load_n(&f->bounces, __ATOMIC_ACQUIRE);
	struct pages mem;
	int err;

	for (; b; b = b->next) {
		struct tgt_queue *none = NULL;

		if (__atomic_compare_exchange_n(&b->q, &none, q, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return 0;
	}
	err = pages_map(&mem, pages_size() + FILE_BOUNCE_BYTES);
	if (err)
		return err;
	b = mem.addr;
	*b = (struct file_bounce){ .q = q, .mem = mem };
	b->next = __atomic_load_n(&f->bounces, __ATOMIC_RELAXED);
	/* release: whoever finds it finds it whole */
	while (!__atomic_compare_exchange_n(&f->bounces, &b->next, b, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
	return 0;
}

COLD void file_queue_exit(struct tgt *t, struct tgt_queue *q)
{
	struct file *f = t->state;
	struct file_bounce *b = __atomic_load_n(&f->bounces, __ATOMIC_ACQUIRE);

	for (; b; b = b->next)
		if (__atomic_load_n(&b->q, __ATOMIC_RELAXED) == q)
			__atomic_store_n(&b->q, NULL, __ATOMIC_RELAXED);
}

/* All of it, or why not: what is behind the end of the file is -EIO to a read. */
static s64 move_all(const struct file *f, const struct tgt_op *op, char *mem, u64 offset, u64 len)
{
	for (u64 done = 0; done < len;) {
		long ret = is_write(op) ?
				   sys_pwrite64(f->fd, mem + done, len - done, offset + done) :
				   sys_pread64(f->fd, mem + done, len - done, offset + done);

		if (ret == -EINTR)
			continue;
		if (ret <= 0 || (u64)ret % f->block_bytes)
			return ret < 0 ? ret : -EIO;
		done += (u64)ret;
	}
	return 0;
}

/* @len_bytes of the operation from @at on */
static s64 move_bounced(const struct file *f, struct tgt_queue *q, struct tgt_op *op, u64 at,
			u64 len_bytes)
{
	u64 offset = f->offset_bytes + op->offset_bytes;
	char *mem = bounce_of(f, q);

	for (u64 end = at + len_bytes; at < end;) {
		u64 len = end - at < FILE_BOUNCE_BYTES ? end - at : FILE_BOUNCE_BYTES;
		s64 err = is_write(op) ? tgt_copy_from_op(op, at, mem, len) : 0;

		if (!err)
			err = move_all(f, op, mem, offset + at, len);
		if (!err && !is_write(op))
			err = tgt_copy_to_op(op, at, mem, len);
		if (err)
			return err;
		at += len;
	}
	return 0;
}

/* The answer to a read or write that has been done here */
static enum tgt_status moved(struct file *f, struct tgt_queue *q, struct tgt_op *op, s64 err)
{
	if (err)
		return tgt_finish(op, err == -EAGAIN ? -EIO : err);
	return is_write(op) ? changed(f, q, op) : tgt_finish(op, (s64)op->len_bytes);
}

/* --- by calls ---------------------------------------------------------------------------- */

static long call(const struct file *f, const struct tgt_op *op, u64 done)
{
	u64 offset = f->offset_bytes + op->offset_bytes + done;
	struct tgt_piece p;

	if (!done && op->data.nr_pieces > 1 && op->data.nr_pieces <= MAX_VECS)
		return is_write(op) ? sys_pwritev(f->fd, vecs_of(op), op->data.nr_pieces, offset) :
				      sys_preadv(f->fd, vecs_of(op), op->data.nr_pieces, offset);
	p = piece_at(op, done);
	return is_write(op) ?
		       sys_pwrite64(f->fd, (const void *)(uintptr_t)p.at, p.len_bytes, offset) :
		       sys_pread64(f->fd, (void *)(uintptr_t)p.at, p.len_bytes, offset);
}

static s64 move_by_calls(const struct file *f, const struct tgt_op *op)
{
	for (u64 done = 0; done < op->len_bytes;) {
		long ret = call(f, op, done);

		if (ret == -EINTR)
			continue;
		if (ret <= 0 || (u64)ret % f->block_bytes)
			return ret < 0 ? ret : -EIO;
		done += (u64)ret;
	}
	return 0;
}

enum tgt_status file_submit_calls(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct file *f = t->state;

	if (!moves(f, op))
		return submit_other(f, q, op);
	if (is_aligned(f, op))
		return moved(f, q, op, move_by_calls(f, op));
	return moved(f, q, op, move_bounced(f, q, op, 0, op->len_bytes));
}

/* --- by the mapping ------------------------------------------------------------------- */

#define VEC_PAGES 256

/* Asks the kernel */
static bool look(struct file *f, const struct span *s)
{
	u8 vec[VEC_PAGES];

	for (u64 page = s->first; page <= s->last; page += VEC_PAGES) {
		u64 nr = s->last - page + 1 < VEC_PAGES ? s->last - page + 1 : VEC_PAGES;
		u8 all = 1;

		if (sys_mincore((char *)f->map_addr + (page << f->page_shift), nr << f->page_shift,
				vec))
			return false;
		for (u64 i = 0; i < nr; i++)
			all &= vec[i];
		if (!all)
			return false;
	}
	for (u64 w = s->first / 64; w <= s->last / 64; w++)
		__atomic_fetch_or(&f->seen[w], bits_of(s, w), __ATOMIC_RELAXED);
	return true;
}

/*
 * To ask each time would take as long as to copy 4K does. A page that was there and
 * has gone is read again by the kernel when it copies, or made anew: that takes longer
 * and is as right.
 */
static bool is_in_memory(struct file *f, u64 offset, u64 len_bytes)
{
	struct span s;

	if (offset + len_bytes > f->map_end_bytes)
		return false;
	s = span_of(f, offset, len_bytes);
	for (u64 w = s.first / 64; w <= s.last / 64; w++)
		if (bits_of(&s, w) & ~__atomic_load_n(&f->seen[w], __ATOMIC_RELAXED))
			return look(f, &s);
	return true;
}

static s64 move_by_mapping(struct file *f, struct tgt_queue *q, struct tgt_op *op)
{
	int fd = op->data.fd;
	s64 err = 0;

	for (u64 done = 0; !err && done < op->len_bytes;) {
		struct tgt_piece p = piece_at(op, done);
		u64 offset = op->offset_bytes + done;
		long ret = -EFAULT;

		if (!is_in_memory(f, offset, p.len_bytes))
			;
		else if (is_write(op))
			ret = sys_pread64(fd, f->map + offset, p.len_bytes, p.at);
		else
			ret = sys_pwrite64(fd, f->map + offset, p.len_bytes, p.at);
		/* A part of it may have gone: all of it goes again. */
		if (ret != (long)p.len_bytes)
			err = move_bounced(f, q, op, done, p.len_bytes);
		done += p.len_bytes;
	}
	return err;
}

enum tgt_status file_submit_mapped(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct file *f = t->state;

	if (!moves(f, op))
		return submit_other(f, q, op);
	if (op->data.kind == TGT_DATA_FILE)
		return moved(f, q, op, move_by_mapping(f, q, op));
	return moved(f, q, op, move_by_calls(f, op));
}

/*
 * --- by the ring: scratch[0] is how much has been moved, scratch[1] flags of the entry,
 * and how often it had to be done again above them ---
 */

/*
 * By its descriptor, although a registered file of the ring would save the kernel some 85
 * instructions: that is 1 % of a direct 4K read or write, which is what goes this way by
 * default (3 % of one from the page cache). A registered file stays open until the kernel
 * has taken the ring apart, 40 ms after a server that was killed is gone: the next one would
 * find it locked, and its file system could not be unmounted.
 */
static void prep_rw(const struct file *f, const struct tgt_op *op, struct io_uring_sqe *sqe)
{
	u64 done = op->scratch[0];
	u64 offset = f->offset_bytes + op->offset_bytes + done;
	bool is_fixed = op->data.kind == TGT_DATA_FIXED;
	u8 opcode = is_write(op) ? IORING_OP_WRITE : IORING_OP_READ;
	u32 nr = op->data.nr_pieces;
	struct tgt_piece p;

	if (!done && !is_fixed && nr > 1 && nr <= MAX_VECS) {
		opcode = is_write(op) ? IORING_OP_WRITEV : IORING_OP_READV;
		p = (struct tgt_piece){ (u64)(uintptr_t)op->data.pieces, nr };
	} else {
		if (is_fixed)
			opcode = is_write(op) ? IORING_OP_WRITE_FIXED : IORING_OP_READ_FIXED;
		p = piece_at(op, done);
	}
	ring_prep_buf(opcode, sqe, f->fd, (const void *)(uintptr_t)p.at, (u32)p.len_bytes, offset,
		      is_write(op) && op->flags & TGT_F_FUA ? f->dsync : 0,
		      is_fixed ? op->data.buf_index : 0);
	ring_sqe_set_flags(sqe, (u8)op->scratch[1]);
}

static enum tgt_status go_on(struct file *f, struct tgt_queue *q, struct tgt_op *op)
{
	struct io_uring_sqe *sqe;
	int err = tgt_reserve_sqes(q, 1);

	if (err)
		return tgt_finish(op, err);
	sqe = tgt_get_sqe(q);
	prep_rw(f, op, sqe);
	tgt_sqe_owner(sqe, op, STEP_RW);
	return TGT_PENDING;
}

enum tgt_status file_submit_ring(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct file *f = t->state;

	if (!moves(f, op))
		return submit_other(f, q, op);
	if (!op->len_bytes)
		return tgt_finish(op, 0);
	if (op->data.kind == TGT_DATA_MEM && !is_aligned(f, op))
		return moved(f, q, op, move_bounced(f, q, op, 0, op->len_bytes));
	op->scratch[0] = 0;
	op->scratch[1] = 0;
	return go_on(f, q, op);
}

static enum tgt_status rw_went(struct file *f, struct tgt_queue *q, struct tgt_op *op, s32 res)
{
	if (res == -EAGAIN) /* it would have waited: a thread of the kernel's does */
		op->scratch[1] = (op->scratch[1] + (1 << TRIES_SHIFT)) | IOSQE_ASYNC;
	else if (res <= 0 && res != -EINTR)
		return tgt_finish(op, res ? res : -EIO);
	else if (res > 0)
		op->scratch[0] += (u64)res;
	if (op->scratch[1] >> TRIES_SHIFT > MAX_TRIES)
		return tgt_finish(op, -EIO);
	if (op->scratch[0] == op->len_bytes)
		return tgt_finish(op, (s64)op->len_bytes);
	/* The end of the file: nothing more comes from there. */
	if (op->scratch[0] % f->block_bytes)
		return tgt_finish(op, -EIO);
	return go_on(f, q, op);
}

static enum tgt_status synced(struct file *f, struct tgt_queue *q, struct tgt_op *op, s32 res)
{
	if (res == -EINTR)
		return sync(f, q, op, 0, 0);
	return tgt_finish(op, res < 0 ? res : is_write(op) ? (s64)op->len_bytes : 0);
}

void file_cqe(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 step, s32 res)
{
	struct file *f = t->state;
	enum tgt_status status;

	/* A requester would take it for his own, that did not want to wait. */
	if (res == -EAGAIN && step != STEP_RW)
		res = -EIO;
	if (step == STEP_RW)
		status = rw_went(f, q, op, res);
	else if (step == STEP_SYNC)
		status = synced(f, q, op, res);
	else if (step == STEP_DISCARD)
		status = discarded(f, q, op, res);
	else if (is_again(f, op, res))
		status = allocate(f, q, op);
	else
		status = zeroed(f, q, op, res);
	if (status == TGT_DONE)
		tgt_complete(q, op, op->result);
}
