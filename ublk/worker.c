/* SPDX-License-Identifier: MIT */
/* Workers: how they are made and how they end. */
#include "ublk/worker.h"

#include <asm/errno.h>
#include <linux/memfd.h>
#include <linux/mman.h>

#include "ring/register.h"
#include "uapi/sys.h"
#include "ublk/batch.h"
#include "ublk/deadline.h"

/* The registered files of a worker with a loop of its own */
enum { FILE_CHAR, FILE_BELL, FILE_BUFS, NR_FILES };
_Static_assert(NR_FILES == UBLK_WORKER_FILES, "see ublk/worker.h");

/* --- leaving ------------------------------------------------------------------ */

COLD void ublk_worker_close_target(struct ublk_worker *w)
{
	if (w->is_open)
		tgt_queue_close(w->setup->tree, &w->tq);
	w->is_open = false;
}

static void leave(struct ublk_loop *loop, struct ublk_worker *w)
{
	struct ublk_worker **link = &loop->workers;

	while (*link != w)
		link = &(*link)->next;
	*link = w->next;
	loop->nr_ending--;
	ublk_worker_close_target(w);
	w->has_left = true;
	if (w->setup->left) {
		ublk_batch_end(w);
		w->setup->left(w);
	}
}

/*
 * STOP_DEV takes back tag by tag. A ring that is closed meanwhile has its
 * commands cancelled from that side too, and the driver warns when it meets one
 * that it is just taking back (WARN_ON_ONCE(io->cmd != cmd), 7.3). So the rest
 * is waited for; but not for ever, because a quiescing kernel leaves some out.
 */
static bool may_leave(struct ublk_worker *w, u64 *timeout_ns)
{
	u64 left_ns;

	/* What it owns not any more may be a result that is still to be sent. */
	if (!w->is_ending || ublk_worker_nr_owned(w) || w->loop->dirty)
		return false;
	tgt_queue_stop(w->setup->tree, &w->tq);
	if (w->tq.nr_busy)
		return false;
	if (!w->nr_live)
		return true;
	if (w->setup->left)
		return false;
	if (w->leaving && !w->cancel_deadline)
		return true;
	left_ns = deadline_left_ns(w->cancel_deadline);
	if (left_ns < *timeout_ns)
		*timeout_ns = left_ns;
	return !left_ns;
}

int ublk_loop_end_some(struct ublk_loop *loop, u64 *timeout_ns)
{
	struct ublk_worker *next;
	bool is_submitted = false;

	for (struct ublk_worker *w = loop->workers; w; w = next) {
		next = w->next;
		if (!may_leave(w, timeout_ns))
			continue;
		/* Its last commits are in the ring. */
		if (!is_submitted) {
			int ret = ring_submit(&loop->ring);

			if (ret < 0)
				return ret;
			if (ring_sq_ready(&loop->ring))
				return 1;
			is_submitted = true;
		}
		leave(loop, w);
		*timeout_ns = 0; /* who waits for that does not wait for another's request */
	}
	return loop->workers || loop->stays;
}

/* --- what a worker has ----------------------------------------------------------- */

/* Its share: of each queue from @queue on, by @queue_step, the tags from @tag on,
 * by @tag_step */
struct share {
	u32 queue;
	u32 queue_step;
	u32 tag;
	u32 tag_step;
};

static struct share share_of(const struct ublk_worker_setup *s, u32 idx)
{
	u32 nr_here;

	if (s->nr_workers <= s->nr_queues || s->batch)
		return (struct share){
			.queue = idx % s->nr_queues,
			.queue_step = s->nr_workers,
			.tag_step = 1,
		};
	/* the workers of a queue are those with its number, and by nr_queues onwards */
	nr_here = (s->nr_workers - idx % s->nr_queues + s->nr_queues - 1) / s->nr_queues;
	return (struct share){
		.queue = idx % s->nr_queues,
		.queue_step = s->nr_queues,
		.tag = idx / s->nr_queues,
		.tag_step = nr_here,
	};
}

static u32 nr_steps(u32 from, u32 to, u32 step)
{
	return from < to ? (to - from + step - 1) / step : 0;
}

u32 ublk_worker_nr_tags(const struct ublk_worker_setup *s, u32 idx)
{
	struct share sh = share_of(s, idx);

	return nr_steps(sh.queue, s->nr_queues, sh.queue_step) *
	       nr_steps(sh.tag, s->depth, sh.tag_step);
}

static bool has_bufs(const struct ublk_worker_setup *s)
{
	return s->path->flags & UBLK_F_SUPPORT_ZERO_COPY;
}

/* A buffer for each tag, or a group of buffers for each queue that comes in batches */
static u32 nr_slots(const struct ublk_worker_setup *s, u32 nr_tags)
{
	return has_bufs(s) ? nr_tags : s->batch ? nr_tags / s->depth : 0;
}

COLD void ublk_worker_needs(const struct ublk_worker_setup *s, u16 idx,
			    struct ublk_worker_needs *needs)
{
	u32 nr_tags = ublk_worker_nr_tags(s, idx);

	/* Of each tag all that can be under way at once, and the bell, and a watch:
	 * so a commit never fails for want of an entry. */
	*needs = (struct ublk_worker_needs){
		.nr_entries = nr_tags * (s->path->nr_sqes + s->tree->root->nr_sqes) + 2,
		.nr_slots = nr_slots(s, nr_tags),
	};
}

/* --- descriptors ------------------------------------------------------------------- */

struct descs {
	char *addr;
	u64 len_bytes;
};

static int map_queue(struct descs *d, const struct ublk_worker_setup *s, u32 queue)
{
	u64 stride = pages_round_up(UBLK_MAX_QUEUE_DEPTH * s->desc_bytes);
	long addr;

	d->len_bytes = pages_round_up(s->depth * s->desc_bytes);
	addr = sys_mmap(NULL, d->len_bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, s->char_fd,
			UBLKSRV_CMD_BUF_OFFSET + queue * stride);
	if (addr < 0 && addr >= -4095)
		return (int)addr;
	d->addr = (char *)addr;
	/* A forked child would keep the device's node in use. */
	return sys_madvise(d->addr, d->len_bytes, MADV_DONTFORK);
}

static int map_descs(struct ublk_worker *w, const struct share *sh)
{
	const struct ublk_worker_setup *s = w->setup;
	struct descs *d;
	int err = pages_map(&w->descs_mem, nr_steps(sh->queue, s->nr_queues, sh->queue_step) *
						   sizeof(*d));

	if (err)
		return err;
	d = w->descs_mem.addr;
	for (u32 q = sh->queue; !err && q < s->nr_queues; q += sh->queue_step)
		err = map_queue(d++, s, q);
	return err;
}

static void unmap_descs(struct ublk_worker *w)
{
	struct descs *d = w->descs_mem.addr;
	u64 max = w->descs_mem.len_bytes / sizeof(*d);

	for (u64 i = 0; i < max && d[i].addr; i++)
		(void)sys_munmap(d[i].addr, d[i].len_bytes);
	pages_unmap(&w->descs_mem);
}

/* --- tags ------------------------------------------------------------------------------ */

/* A slab per tag: its sub-operations, then its pieces */
static u64 slab_bytes(const struct tgt *tgt)
{
	u64 bytes = tgt->nr_ops * sizeof(struct tgt_op) + tgt->nr_pieces * sizeof(struct tgt_piece);

	return (bytes + 63) & ~63ULL;
}

static u64 buf_bytes(const struct ublk_worker_setup *s)
{
	return pages_round_up(s->max_io_bytes);
}

/* Memory that is a file as well, for paths that move by READ_FIXED */
static int map_memfd(struct ublk_worker *w, u64 len_bytes)
{
	long addr;
	int err;

	w->bufs_fd = sys_memfd_create("bareblk-bufs", MFD_CLOEXEC);
	if (w->bufs_fd < 0)
		return w->bufs_fd;
	err = sys_ftruncate(w->bufs_fd, len_bytes);
	if (err)
		return err;
	addr = sys_mmap(NULL, len_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
			w->bufs_fd, 0);
	if (addr < 0 && addr >= -4095)
		return (int)addr;
	w->bufs_mem = (struct pages){ .addr = (void *)addr, .len_bytes = len_bytes };
	return 0;
}

/* Populated as requests arrive: an idle device has none of it. */
static int make_bufs(struct ublk_worker *w)
{
	u64 len_bytes = w->nr_tags * buf_bytes(w->setup);
	int err = w->path->uses_memfd ? map_memfd(w, len_bytes) :
					pages_map(&w->bufs_mem, len_bytes);

	if (err)
		return err;
	/* The first request would have a huge page cleared. */
	(void)sys_madvise(w->bufs_mem.addr, w->bufs_mem.len_bytes, MADV_NOHUGEPAGE);
	err = pages_dontfork(&w->bufs_mem);
	if (!err && w->setup->lock_buffers)
		err = pages_lock(&w->bufs_mem);
	return err;
}

static u64 file_at(u32 queue, u32 tag)
{
	return UBLKSRV_IO_BUF_OFFSET + ((u64)queue << UBLK_QID_OFF | (u64)tag << UBLK_TAG_OFF);
}

static void make_tag(struct ublk_worker *w, struct ublk_tag *t, u32 queue, u32 tag)
{
	const struct ublk_worker_setup *s = w->setup;
	const struct descs *d = w->descs_mem.addr;
	u32 idx = (u32)(t - w->tags);
	char *slab = (char *)w->slabs_mem.addr + idx * slab_bytes(w->tgt);
	const char *descs = d[(queue - share_of(s, w->idx).queue) /
			      share_of(s, w->idx).queue_step].addr;

	t->stats = ublk_stats_slot(s->stats, s, w->idx, queue);
	t->counts[0] = &t->stats->classes[UBLK_STATS_READ];
	t->counts[1] = &t->stats->classes[UBLK_STATS_WRITE];
	t->q_id = (u16)queue;
	t->tag = (u16)tag;
	t->desc = (const void *)(descs + tag * s->desc_bytes);
	t->buf = (char *)w->bufs_mem.addr + idx * buf_bytes(s);
	t->buf_index = (u16)(w->slot + idx);
	t->file_at = file_at(queue, tag);
	t->slab.queue = &w->tq;
	t->slab.ops = (struct tgt_op *)(void *)slab;
	t->slab.pieces = (struct tgt_piece *)(void *)(t->slab.ops + w->tgt->nr_ops);
	t->op.done = ublk_tag_done;
	t->op.slab = &t->slab;
	if (w->path->init)
		w->path->init(w, t);
}

static int make_tags(struct ublk_worker *w, const struct share *sh)
{
	const struct ublk_worker_setup *s = w->setup;
	struct ublk_tag *t;
	int err;

	w->nr_tags = ublk_worker_nr_tags(s, w->idx);
	/* One that needs none has an empty page of them. */
	err = pages_map(&w->slabs_mem, w->nr_tags * slab_bytes(w->tgt) + 1);
	if (!err)
		err = make_bufs(w);
	if (err)
		return err;
	w->tags = ublk_stats_tags(s->stats, s, w->idx);
	t = w->tags;
	for (u32 q = sh->queue; q < s->nr_queues; q += sh->queue_step)
		for (u32 tag = sh->tag; tag < s->depth; tag += sh->tag_step)
			make_tag(w, t++, q, tag);
	return pages_dontfork(&w->slabs_mem);
}

/* --- joining -------------------------------------------------------------------- */

/* The first of @nr free slots in a row */
static u32 free_slots(const struct ublk_loop *loop, u32 nr)
{
	const struct ublk_worker *w = loop->workers;
	u32 at = 0;

	while (nr && w) {
		if (w->slot < at + nr && at < (u32)w->slot + w->nr_slots) {
			at = (u32)w->slot + w->nr_slots;
			w = loop->workers;
		} else {
			w = w->next;
		}
	}
	return at;
}

/* Also without slots for it, because who leaves has joined */
static int join_loop(struct ublk_worker *w)
{
	struct ublk_loop *loop = w->loop;
	u32 nr = nr_slots(w->setup, ublk_worker_nr_tags(w->setup, w->idx));
	u32 slot = free_slots(loop, nr);
	int err;

	w->next = loop->workers;
	loop->workers = w;
	if (slot + nr > loop->nr_slots)
		return -ENOSPC;
	w->slot = (u16)slot;
	w->nr_slots = (u16)nr;
	if (!has_bufs(w->setup) || loop->has_bufs)
		return 0;
	err = ring_register_buffers_sparse(&loop->ring, loop->nr_slots);
	loop->has_bufs = !err;
	return err;
}

/*
 * Registered files save the kernel a lookup for each entry. Not on a shared loop:
 * before 6.13 the kernel keeps a file that was taken out of the table until all
 * entries have ended that used any file before, and those of other devices stay.
 */
static int register_files(struct ublk_worker *w)
{
	const s32 files[NR_FILES] = {
		[FILE_CHAR] = w->setup->char_fd,
		[FILE_BELL] = w->setup->bell_fd,
		[FILE_BUFS] = w->bufs_fd,
	};
	int ret;

	w->char_file = w->setup->char_fd;
	w->bufs_file = w->bufs_fd;
	if (w->setup->left)
		return 0;
	w->char_file = FILE_CHAR;
	w->bufs_file = FILE_BUFS;
	w->file_flags = IOSQE_FIXED_FILE;
	ret = ring_register_files_update(&w->loop->ring, 0, files, NR_FILES);
	return ret < 0 ? ret : 0;
}

/* Before the disk is there nothing comes for it but refusals; START_DEV would wait
 * for a tag that was refused. */
static int refusal(struct ublk_worker *w)
{
	ublk_loop_reap(w->loop);
	if (!w->is_ending)
		return 0;
	return w->err ? w->err : -ENODEV;
}

static int begin_batches(struct ublk_worker *w)
{
	u32 nr_queues = w->nr_tags / w->setup->depth;
	int err = pages_map(&w->batch_mem, ublk_batch_bytes(w->setup, nr_queues));

	if (!err)
		err = pages_dontfork(&w->batch_mem);
	return err ? err : ublk_batch_begin(w, w->batch_mem.addr, nr_queues);
}

static int fetch_all(struct ublk_worker *w)
{
	struct ring *r = &w->loop->ring;
	int ret = register_files(w);

	if (!ret && w->setup->batch)
		ret = begin_batches(w);
	if (ret)
		return ret;
	for (; !w->setup->batch && w->nr_live < w->nr_tags; w->nr_live++)
		ublk_tag_fetch(w, &w->tags[w->nr_live]);
	if (!w->setup->left)
		ret = ublk_loop_poll(w->loop, FILE_BELL, IOSQE_FIXED_FILE, w, UBLK_STEP_BELL);
	if (ret)
		return ret;
	ret = ring_submit(r);
	if (ret < 0)
		return ret;
	return ring_sq_ready(r) ? -EAGAIN : refusal(w);
}

/* Reads and writes are to and from the tag's buffer, and nobody else wants to know. */
static bool is_plain(const struct ublk_worker_setup *s)
{
	return s->path == &ublk_path_copy && !s->read_only && !s->observer &&
	       !s->tree->root->limits.meta.bytes;
}

COLD int ublk_worker_init(struct ublk_worker *w, struct ublk_loop *loop,
			  const struct ublk_worker_setup *s, u16 idx, struct diag *why)
{
	struct share sh = share_of(s, idx);
	const char *step = "join its loop";
	int err;

	*w = (struct ublk_worker){
		.tq = { .ring = &loop->ring, .run = &loop->run, .idx = idx },
		.tgt = s->tree->root,
		.path = s->path,
		.loop = loop,
		.setup = s,
		.observer = s->observer,
		.is_plain = is_plain(s),
		.idx = idx,
		.bufs_fd = -1,
	};
	err = join_loop(w);
	if (!err) {
		step = "map its descriptors";
		err = map_descs(w, &sh);
	}
	if (!err) {
		step = "make its buffers";
		err = make_tags(w, &sh);
	}
	if (!err) {
		step = "prepare its target";
		err = tgt_queue_open(s->tree, &w->tq);
		w->is_open = !err;
	}
	if (!err) {
		step = "fetch its tags";
		err = fetch_all(w);
	}
	if (!err)
		return 0;
	/* What its target began by itself uses memory of ours: it leaves when that has ended,
	 * and nothing may sleep on its loop before what waits there has been looked at. */
	ublk_worker_fail(w, err);
	tgt_queue_stop(s->tree, &w->tq);
	tgt_run_done(&loop->run);
	return diag_set(why, err, "queue %u could not %s", idx, step);
}

COLD void ublk_worker_exit(struct ublk_worker *w)
{
	unmap_descs(w);
	pages_unmap(&w->slabs_mem);
	pages_unmap(&w->bufs_mem);
	pages_unmap(&w->batch_mem);
	pages_unmap(&w->sink_mem);
	if (w->setup && w->bufs_fd >= 0)
		(void)sys_close(w->bufs_fd);
	*w = (struct ublk_worker){ .tags = NULL };
}
