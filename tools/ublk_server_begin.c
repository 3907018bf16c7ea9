/* SPDX-License-Identifier: MIT */
/* A server, from its options until its device is live. */
#include <asm/errno.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/fcntl.h>

#include "tools/cpus.h"
#include "tools/targets.h"
#include "tools/ublk_ask.h"
#include "tools/ublk_memory.h"
#include "tools/ublk_server.h"
#include "uapi/rt/free/signal.h"
#include "uapi/rt/free/thread.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"
#include "ublk/targets/mirror.h"
#include "ublk/targets/ram.h"
#include "ublk/targets/targets.h"

#define STACK_BYTES (64 * 1024)

static int start_thread(void *ctx, u32 idx, void (*fn)(void *), void *arg)
{
	struct thread *threads = ctx;

	return thread_start(&threads[idx], fn, arg, STACK_BYTES);
}

static void join_thread(void *ctx, u32 idx)
{
	struct thread *threads = ctx;

	thread_join(&threads[idx]);
}

/* The kernel will cut queues to its CPUs; threads of more are never started. */
static int make_thread_room(struct server *s, u32 nr_threads)
{
	int err = pages_map(&s->threads_mem, nr_threads * sizeof(struct thread));

	s->hook = (struct ublk_threads){
		.start = start_thread,
		.join = join_thread,
		.ctx = s->threads_mem.addr,
	};
	return err;
}

static enum ublk_recovery recovery_of(const struct serve_values *v)
{
	enum ublk_recovery recovery = (enum ublk_recovery)v->recovery;

	return v->supervised && !recovery ? UBLK_RECOVERY_QUEUE : recovery;
}

static struct ublk_dev_opts dev_opts(struct server *s, const struct serve_values *v)
{
	return (struct ublk_dev_opts){
		.types = tgt_types,
		.spec = s->spec,
		.dev_id = server_recovers(s) ? s->job->recovered_id : v->id,
		.name = v->name,
		.nr_queues = v->queues,
		.nr_threads = v->threads,
		.mode = (enum ublk_mode)v->mode,
		.batch = (enum ublk_tristate)v->batch,
		.shmem = v->shmem,
		.depth = v->depth,
		.max_io_bytes = (u32)v->max_io_bytes,
		.logical_bytes = (u32)v->block_bytes,
		.physical_bytes = (u32)v->physical_bytes,
		.io_min_bytes = (u32)v->io_min_bytes,
		.io_opt_bytes = (u32)v->io_opt_bytes,
		.io_desc_bytes = v->desc_bytes,
		.chunk_bytes = (u32)v->chunk_bytes,
		.virt_boundary_bytes = (u32)v->virt_boundary_bytes,
		.dma_alignment_bytes = (u32)v->dma_align_bytes,
		.segment_boundary_bytes = v->segment_boundary_bytes,
		.max_segment_bytes = (u32)v->segment_bytes,
		.max_segments = (u16)v->segments,
		.no_part_scan = v->no_part_scan != 0,
		.read_only = (enum ublk_tristate)v->read_only,
		.rotational = (enum ublk_tristate)v->rotational,
		.volatile_cache = (enum ublk_tristate)v->volatile_cache,
		.fua = (enum ublk_tristate)v->fua,
		.discard = (enum ublk_tristate)v->discard,
		.affinity = v->cpus ? UBLK_AFFINITY_MASK : (enum ublk_affinity)v->affinity,
		.cpu_mask = s->cpus,
		.nr_cpu_words = ARRAY_SIZE(s->cpus),
		.recovery = recovery_of(v),
		.unprivileged = v->unprivileged,
		.lock_buffers = v->lock_buffers,
		.timeout_ms = (u32)(v->timeout_ns / 1000000),
		.threads = &s->hook,
		.log = v->verbose ? &s->log : NULL,
		.ctrl = &s->child.ctrl,
	};
}

/* Of --shmem, for the handler */
static struct ublk_shmem *shared;

static void bus_error(int nr, const struct siginfo *info, void *context)
{
	(void)context;
	/* If it was not that, it comes again at once, and ends us. */
	if (!ublk_shmem_lost(shared, info->si_addr))
		(void)!signal_default(nr);
}

/* On the thread of a queue, which neither waits nor prints */
static void leg_failed(void *ctx, u32 leg, s32 err)
{
	struct server *s = ctx;
	const u64 one = 1;

	__atomic_store_n(&s->leg_errno[leg], (u32)-err, __ATOMIC_SEQ_CST);
	(void)!sys_write(s->failed_fd, &one, sizeof(one));
}

/* Each of the mirrors there are, before any queue runs */
static void watch_mirrors(struct server *s)
{
	const struct mirror_events events = { .failed = leg_failed, .ctx = s };
	struct tgt_tree rest = s->dev.own_tree;

	for (; rest.nr; rest.nr--, rest.nodes++)
		(void)!mirror_watch(&rest, &events);
}

/*
 * What has to outlive this process, of a device that does: in memory of the supervisor, or
 * nowhere. What a supervisor that comes to a device has kept is empty yet: then starting it
 * finds out what is lost.
 */
static int keep_targets(struct server *s, struct ublk_error *error)
{
	const struct tgt_tree *tree = &s->dev.own_tree;
	bool is_there = !server_recovers(s) || s->job->is_next || s->job->upgrades;
	u32 nr = 0;
	int err = 0;

	for (u32 i = 0; !err && s->dev.opts.recovery && is_there && i < tree->nr; i++) {
		struct tgt *t = &tree->nodes[i];
		struct diag why;

		if (nr < s->job->nr_kept && str_eq(t->type->name, "ram"))
			err = ram_keep_in(t, s->job->kept[nr++], &why);
		if (err)
			ublk_error_set(error, "keep target", UBLK_NO_DEVICE, err, "%s", why.text);
		else if (t->forgets)
			err = ublk_error_set(error, "keep target", UBLK_NO_DEVICE, -EOPNOTSUPP,
					     "what %s holds goes with its server, so that no other "
					     "could go on%s", t->type->name,
					     str_eq(t->type->name, "ram") ?
					     ": --supervise keeps it" : "");
	}
	return err;
}

static int create_and_start(struct server *s, const struct ublk_dev_opts *opts,
			    struct ublk_error *error)
{
	int err = server_recovers(s) ? ublk_dev_recover(&s->dev, opts, error) :
				ublk_dev_create(&s->dev, opts, error);

	if (err)
		return err;
	watch_mirrors(s);
	if (s->job->upgrades)
		err = handover_go(&s->giver, s->job->recovered_id, 2 * opts->timeout_ms, error);
	if (!err)
		err = keep_targets(s, error);
	if (!err)
		err = ublk_dev_start(&s->dev, error);
	if (err)
		(void)ublk_dev_close(&s->dev, NULL);
	return err;
}

/* The server that has the device is asked what it gives; it serves on meanwhile. */
static int begin_upgrade(struct server *s, struct ublk_dev_opts *opts, struct ublk_error *error)
{
	struct ublksrv_ctrl_dev_info info;
	int err = ctrl_child_open(&s->child, error);

	if (!err)
		err = ublk_look_up(&s->child, (u32)opts->dev_id, &info, opts->timeout_ms, error);
	if (!err)
		err = handover_ask(&s->giver, &info, opts->timeout_ms, error);
	opts->handed = s->giver.files;
	opts->nr_handed = s->giver.nr_files;
	return err;
}

int server_begin(struct server *s, const struct serve_values *v, struct ublk_error *error)
{
	const u64 signals = SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGTERM) | SIGNAL_BIT(SIGHUP);
	struct ublk_dev_opts opts;
	int err = v->cpus ? cpus_parse(v->cpus, s->cpus, ARRAY_SIZE(s->cpus)) : 0;

	if (err)
		return ublk_error_set(error, "--cpus", UBLK_NO_DEVICE, err,
				      "%s is not a list of CPUs, as 0,2-3", v->cpus);
	memory_hold(s->r, v->verbose);
	/* A file that must not grow any further is an error, not our end. */
	(void)!signal_ignore(SIGXFSZ);
	err = signal_block(signals, NULL);
	if (!err) {
		s->signal_fd = signal_fd(signals, true);
		err = s->signal_fd < 0 ? s->signal_fd : 0;
	}
	if (!err) {
		s->failed_fd = sys_eventfd2(0, O_CLOEXEC | O_NONBLOCK);
		err = s->failed_fd < 0 ? s->failed_fd : 0;
	}
	if (!err)
		err = make_thread_room(s, v->threads ? v->threads :
					  server_recovers(s) ? UBLK_MAX_NR_QUEUES : v->queues);
	shared = &s->dev.shmem;
	if (!err && v->shmem)
		err = signal_handle_info(SIGBUS, bus_error, 0);
	if (err)
		return ublk_error_set(error, "set up", UBLK_NO_DEVICE, err, "no files or no memory");
	ctrl_child_init(&s->child);
	opts = dev_opts(s, v);
	if (s->job->upgrades)
		err = begin_upgrade(s, &opts, error);
	if (!err)
		err = create_and_start(s, &opts, error);
	if (!err)
		memory_hold_more(&s->dev.own_tree);
	handover_end(&s->giver, !err);
	ctrl_child_rest(&s->child);
	return err;
}

void server_close(struct server *s)
{
	if (s->taker_fd >= 0)
		(void)sys_close(s->taker_fd);
	(void)sys_close(s->signal_fd);
	(void)sys_close(s->failed_fd);
	pages_unmap(&s->threads_mem);
}
