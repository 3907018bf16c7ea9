/* SPDX-License-Identifier: MIT */
/* The I/O path: descriptors in, operations to the target, commits out. */
#include "ublk/queue.h"

#include <asm/errno.h>
#include <linux/mman.h>
#include <asm/poll.h>

#include "ring/prep.h"
#include "ring/register.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/deadline.h"

/* user_data of our own entries: bit 0, then what it is, then the tag */
enum { DATA_TAG = 0 << 1, DATA_BELL = 1 << 1, DATA_WATCH = 2 << 1, DATA_MASK = 3 << 1 };
#define DATA_TAG_SHIFT 8

/* How long the kernel may take to take back the tags after the first */
#define CANCEL_MS 1000

/* Registered files */
enum { FILE_CHAR, FILE_BELL, NR_FILES };

/* One request slot; the operation is first, so that one is found from the other */
struct ublk_tag {
	struct tgt_op op;
	struct tgt_slab slab;
	u16 tag;
};

static char *tag_buf(const struct ublk_queue *q, u32 tag)
{
	return q->bufs + tag * q->buf_stride_bytes;
}

static struct ublk_queue *queue_of(struct tgt_queue *tq)
{
	return CONTAINER_OF(tq, struct ublk_queue, tq);
}

/* FETCH of a tag, or COMMIT of its result and the next FETCH in one */
static void prep_tag(struct ublk_queue *q, struct io_uring_sqe *sqe, u32 cmd_op, u16 tag,
		     s32 result)
{
	struct ublksrv_io_cmd *cmd;

	ring_prep_uring_cmd(sqe, cmd_op, FILE_CHAR);
	ring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	ring_sqe_set_data64(sqe, (u64)tag << DATA_TAG_SHIFT | DATA_TAG | TGT_USER_DATA_FRONT);
	cmd = ring_sqe_cmd(sqe);
	*cmd = (struct ublksrv_io_cmd){
		.q_id = q->idx,
		.tag = tag,
		.result = result,
		.addr = (u64)(uintptr_t)tag_buf(q, tag),
	};
}

/*
 * What the kernel is told. It takes any count that is not negative for the
 * whole of a write, so a short one is an error; range operations commit 0,
 * because a byte count of 2 GiB would be negative.
 */
static s32 commit_result(const struct tgt_op *op)
{
	if (op->result < 0)
		return (s32)op->result;
	if (op->kind != TGT_READ && op->kind != TGT_WRITE)
		return 0;
	return op->result == (s64)op->len_bytes ? (s32)op->len_bytes : -EIO;
}

static void commit(struct ublk_queue *q, struct ublk_tag *t)
{
	/* There is room, see make_ring(). */
	struct io_uring_sqe *sqe = ring_get_sqe(&q->ring);

	prep_tag(q, sqe, UBLK_U_IO_COMMIT_AND_FETCH_REQ, t->tag, commit_result(&t->op));
	q->nr_owned--;
	q->nr_armed++;
}

static void op_done(struct tgt_queue *tq, struct tgt_op *op)
{
	commit(queue_of(tq), CONTAINER_OF(op, struct ublk_tag, op));
}

static void start_request(struct ublk_queue *q, u16 tag)
{
	const struct ublksrv_io_desc *d = &q->descs[tag];
	struct ublk_tag *t = &q->tags[tag];
	struct tgt_op *op = &t->op;

	q->nr_armed--;
	q->nr_owned++;
	t->slab.nr_ops = 0;
	t->slab.nr_pieces = 0;
	op->kind = d->op_flags & 0xff;
	op->flags = d->op_flags & ~0xffU;
	op->offset_bytes = d->start_sector << 9;
	op->len_bytes = (u64)d->nr_sectors << 9;
	op->data.nr_pieces = 0;
	op->data.kind = TGT_DATA_NONE;
	if (op->kind == TGT_READ || op->kind == TGT_WRITE)
		tgt_set_mem(op, tag_buf(q, tag));
	if (tgt_submit(q->tgt, &q->tq, op) == TGT_DONE)
		commit(q, t);
}

/* A tag that fails any other way than by the kernel taking it back is one that
 * the driver will not serve again: the queue goes, and says why. */
static int handle_tag(struct ublk_queue *q, u16 tag, s32 res)
{
	if (res == UBLK_IO_RES_OK) {
		start_request(q, tag);
		return 0;
	}
	q->nr_armed--;
	if (res != UBLK_IO_RES_ABORT)
		q->leaving = true;
	else if (!q->cancel_deadline)
		q->cancel_deadline = deadline_in_ms(CANCEL_MS);
	return res == UBLK_IO_RES_ABORT ? 0 : res;
}

static int handle_cqe(struct ublk_queue *q, u64 user_data, s32 res)
{
	if (!(user_data & TGT_USER_DATA_FRONT)) {
		tgt_handle_cqe(user_data, res);
		return 0;
	}
	switch (user_data & DATA_MASK) {
	case DATA_TAG:
		return handle_tag(q, (u16)(user_data >> DATA_TAG_SHIFT), res);
	case DATA_BELL:
		if (__atomic_load_n(q->setup->leave, __ATOMIC_ACQUIRE))
			q->leaving = true;
		return 0;
	default:
		return 0;
	}
}

static int reap(struct ublk_queue *q)
{
	struct io_uring_cqe *cqe;
	int err = 0;
	u32 head;

	ring_for_each_cqe(&q->ring, head, cqe) {
		int ret = handle_cqe(q, cqe->user_data, cqe->res);

		err = err ? err : ret;
	}
	ring_cq_advance(&q->ring, head - *q->ring.cq.khead);
	tgt_run_done(&q->run);
	return err;
}

/*
 * STOP_DEV takes back tag by tag. A ring that is closed meanwhile has its
 * commands cancelled from that side too, and the driver warns when it meets one
 * that it is just taking back (WARN_ON_ONCE(io->cmd != cmd), 7.3). So the rest
 * is waited for; but not for ever, because a quiescing kernel leaves some out.
 */
static u64 cancel_wait(struct ublk_queue *q, u64 timeout_ns)
{
	u64 left_ns = deadline_left_ns(q->cancel_deadline);

	if (!left_ns)
		q->leaving = true;
	return left_ns < timeout_ns ? left_ns : timeout_ns;
}

int ublk_queue_step(struct ublk_queue *q, u64 timeout_ns)
{
	bool is_last;
	int ret;

	if (q->cancel_deadline && !q->nr_owned)
		timeout_ns = cancel_wait(q, timeout_ns);
	is_last = !q->nr_owned && (q->leaving || !q->nr_armed);
	ret = is_last ? ring_submit(&q->ring) :
			ring_submit_and_wait_timeout(&q->ring, 1, timeout_ns);
	if (is_last)
		return ret < 0 ? ret : ring_sq_ready(&q->ring) != 0;
	if (ret < 0 && ret != -EINTR && ret != -ETIME)
		return ret;
	ret = reap(q);
	return ret ? ret : 1;
}

int ublk_queue_run(struct ublk_queue *q)
{
	int ret;

	do {
		ret = ublk_queue_step(q, RING_NO_TIMEOUT);
	} while (ret > 0);
	return ret;
}

static int watch(struct ublk_queue *q, s32 fd, u8 sqe_flags, u64 what)
{
	struct io_uring_sqe *sqe;
	int err = tgt_reserve_sqes(&q->tq, 1);

	if (err)
		return err;
	sqe = ring_get_sqe(&q->ring);
	ring_prep_poll_add(sqe, fd, POLLIN);
	ring_sqe_set_flags(sqe, sqe_flags);
	ring_sqe_set_data64(sqe, what | TGT_USER_DATA_FRONT);
	return 0;
}

COLD int ublk_queue_watch(struct ublk_queue *q, int fd)
{
	return watch(q, fd, 0, DATA_WATCH);
}

static u32 pow2_at_least(u32 n)
{
	u32 pow2 = 1;

	while (pow2 < n)
		pow2 *= 2;
	return pow2;
}

/*
 * Both queues have room for all that can be under way at once: of each tag its
 * commit and the target's entries, and the watches. So a commit never fails for
 * want of an entry, and completions do not overflow.
 */
static int make_ring(struct ublk_queue *q, const struct ublk_queue_setup *s)
{
	u32 entries = pow2_at_least(s->depth * (1 + s->tree->root->nr_sqes) + 2);
	struct io_uring_params p = {
		.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN |
			 IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_NO_SQARRAY,
		.cq_entries = entries,
	};
	const s32 files[NR_FILES] = { [FILE_CHAR] = s->char_fd, [FILE_BELL] = s->bell_fd };
	int err = ring_init(&q->ring, entries, &p);

	if (err)
		return err;
	/* A queue that waits for requests is idle, not waiting for a disk (6.15). */
	if (q->ring.features & IORING_FEAT_NO_IOWAIT)
		q->ring.enter_flags |= IORING_ENTER_NO_IOWAIT;
	err = ring_register_files(&q->ring, files, NR_FILES);
	if (err)
		return err;
	/* Saves a file lookup per turn; without it the queue works all the same. */
	(void)!ring_register_ring_fd(&q->ring);
	return 0;
}

static int map_descs(struct ublk_queue *q, const struct ublk_queue_setup *s)
{
	u64 stride = pages_round_up(UBLK_MAX_QUEUE_DEPTH * sizeof(struct ublksrv_io_desc));
	long addr;

	q->descs_len_bytes = pages_round_up(s->depth * sizeof(struct ublksrv_io_desc));
	addr = sys_mmap(NULL, q->descs_len_bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, s->char_fd,
			UBLKSRV_CMD_BUF_OFFSET + q->idx * stride);
	if (addr < 0 && addr >= -4095)
		return (int)addr;
	q->descs = (const void *)addr;
	/* A forked child would keep the device's node in use. */
	return sys_madvise((void *)addr, q->descs_len_bytes, MADV_DONTFORK);
}

/* A slab per tag: its sub-operations, then its pieces */
static u64 slab_bytes(const struct tgt *tgt)
{
	u64 bytes = tgt->nr_ops * sizeof(struct tgt_op) + tgt->nr_pieces * sizeof(struct tgt_piece);

	return (bytes + 63) & ~63ULL;
}

static int make_tags(struct ublk_queue *q, const struct ublk_queue_setup *s)
{
	u64 slab = slab_bytes(q->tgt);
	char *mem;
	int err = pages_map(&q->tags_mem, s->depth * (sizeof(struct ublk_tag) + slab));

	if (err)
		return err;
	q->tags = q->tags_mem.addr;
	mem = (char *)(q->tags + s->depth);
	for (u32 i = 0; i < s->depth; i++, mem += slab) {
		struct ublk_tag *t = &q->tags[i];

		t->tag = (u16)i;
		t->slab.queue = &q->tq;
		t->slab.ops = (struct tgt_op *)(void *)mem;
		t->slab.pieces = (struct tgt_piece *)(void *)(t->slab.ops + q->tgt->nr_ops);
		t->op.done = op_done;
		t->op.slab = &t->slab;
	}
	return pages_dontfork(&q->tags_mem);
}

/* Populated as requests arrive: an idle device has none of it. */
static int make_bufs(struct ublk_queue *q, const struct ublk_queue_setup *s)
{
	int err;

	q->buf_stride_bytes = pages_round_up(s->max_io_bytes);
	err = pages_map(&q->bufs_mem, s->depth * q->buf_stride_bytes);
	if (err)
		return err;
	q->bufs = q->bufs_mem.addr;
	/* The first request would have a huge page cleared. */
	(void)sys_madvise(q->bufs_mem.addr, q->bufs_mem.len_bytes, MADV_NOHUGEPAGE);
	return pages_dontfork(&q->bufs_mem);
}

/* Before the disk is there nothing comes but refusals; START_DEV would wait for
 * a tag that was refused. */
static int refusal(const struct ublk_queue *q)
{
	const u64 mask = DATA_MASK | TGT_USER_DATA_FRONT;
	struct io_uring_cqe *cqe;
	u32 head;

	ring_for_each_cqe(&q->ring, head, cqe)
		if ((cqe->user_data & mask) == (DATA_TAG | TGT_USER_DATA_FRONT) && cqe->res < 0)
			return cqe->res;
	return 0;
}

static int fetch_all(struct ublk_queue *q)
{
	u32 depth = q->setup->depth;
	int ret = watch(q, FILE_BELL, IOSQE_FIXED_FILE, DATA_BELL);

	if (ret)
		return ret;
	for (u32 tag = 0; tag < depth; tag++)
		prep_tag(q, ring_get_sqe(&q->ring), UBLK_U_IO_FETCH_REQ, (u16)tag, -1);
	q->nr_armed = depth;
	ret = ring_submit(&q->ring);
	if (ret < 0)
		return ret;
	return ring_sq_ready(&q->ring) ? -EAGAIN : refusal(q);
}

COLD int ublk_queue_init(struct ublk_queue *q, const struct ublk_queue_setup *s, u16 idx,
			 struct diag *why)
{
	const char *step = "make its ring";
	int err;

	*q = (struct ublk_queue){ .idx = idx, .setup = s, .tgt = s->tree->root };
	err = make_ring(q, s);
	if (err)
		goto fail;
	step = "map its descriptors";
	err = map_descs(q, s);
	if (err)
		goto fail;
	step = "make its buffers";
	err = make_tags(q, s);
	if (!err)
		err = make_bufs(q, s);
	if (err)
		goto fail;
	step = "prepare its target";
	tgt_run_init(&q->run);
	q->tq = (struct tgt_queue){ .ring = &q->ring, .run = &q->run, .idx = idx };
	err = tgt_queue_open(s->tree, &q->tq);
	if (err)
		goto fail;
	step = "fetch its tags";
	err = fetch_all(q);
	if (!err)
		return 0;
	tgt_queue_close(s->tree, &q->tq);
fail:
	q->tq.ring = NULL;
	ublk_queue_exit(q);
	return diag_set(why, err, "queue %u could not %s", idx, step);
}

COLD void ublk_queue_exit(struct ublk_queue *q)
{
	if (q->tq.ring)
		tgt_queue_close(q->setup->tree, &q->tq);
	ring_exit(&q->ring);
	if (q->descs)
		(void)sys_munmap((void *)(uintptr_t)q->descs, q->descs_len_bytes);
	pages_unmap(&q->tags_mem);
	pages_unmap(&q->bufs_mem);
	*q = (struct ublk_queue){ .descs = NULL };
}
