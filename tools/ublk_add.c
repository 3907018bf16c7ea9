/* SPDX-License-Identifier: MIT */
/* bareblk ublk add: make a device and serve it, here or in the background. */
#include <asm/errno.h>
#include <asm/poll.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/signalfd.h>

#include "tools/cmd.h"
#include "tools/cpus.h"
#include "tools/ctrl_child.h"
#include "tools/daemon.h"
#include "tools/targets.h"
#include "uapi/rt/free/signal.h"
#include "uapi/rt/free/thread.h"
#include "uapi/sys.h"
#include "ublk/dev.h"
#include "ublk/talk.h"
#include "ublk/targets/targets.h"

#define STACK_BYTES (64 * 1024)

/* The first process waits for as many of the second's deadlines, and a bit */
#define DAEMON_STEPS 6
#define DAEMON_SLACK_MS 5000

struct add_values {
	s32 id;
	u32 queues;
	u32 threads;
	u32 mode;
	u32 batch;
	u32 depth;
	u32 read_only;
	u32 rotational;
	u32 volatile_cache;
	u32 fua;
	u32 discard;
	u32 affinity;
	u32 no_part_scan;
	u32 desc_bytes;
	u32 segments;
	bool background;
	bool verbose;
	bool unprivileged;
	const char *name;
	const char *cpus;
	const char *shmem;
	u64 max_io_bytes;
	u64 block_bytes;
	u64 physical_bytes;
	u64 io_min_bytes;
	u64 io_opt_bytes;
	u64 chunk_bytes;
	u64 virt_boundary_bytes;
	u64 dma_align_bytes;
	u64 segment_boundary_bytes;
	u64 segment_bytes;
	u64 timeout_ns;
};

static void set_defaults(const struct cmd_run *r, void *values)
{
	struct add_values *v = values;

	(void)r;
	v->id = UBLK_AUTO_ID;
	v->queues = 1;
	v->depth = UBLK_DEFAULT_DEPTH;
	v->max_io_bytes = UBLK_DEFAULT_MAX_IO_BYTES;
	v->timeout_ns = UBLK_DEFAULT_TIMEOUT_MS * 1000000ULL;
}

#define ADD_OPT(X, field, ...) X(struct add_values, field, __VA_ARGS__)

/* With words in the order of enum ublk_tristate */
#define ADD_TRISTATE(X, field, name, help)                                                         \
	ADD_OPT(X, field, OPT_TEXT(name, "WHEN", help) OPT_CHOICES("auto\0yes\0no"),               \
		.kind = OPT_CHOICE)

#define ADD_OPTS(X)										\
	ADD_OPT(X, background,									\
	  OPT_TEXT("daemon", "", "serve in the background; return when the device is live"),	\
	  .letter = 'd', .kind = OPT_FLAG)							\
	ADD_OPT(X, id,										\
	  OPT_TEXT("id", "N", "N of /dev/ublkbN; -1, the default: the lowest that is free"),	\
	  .letter = 'n', .kind = OPT_S32)							\
	ADD_OPT(X, queues,									\
	  OPT_TEXT("queues", "N",								\
		   "queues; the kernel gives at most one per CPU (default 1)")			\
	  OPT_RANGE("1", "4096"),								\
	  .letter = 'q', .kind = OPT_U32)							\
	ADD_OPT(X, threads,									\
	  OPT_TEXT("threads", "N",								\
		   "threads (default: one per queue); of fewer each serves several queues, of "	\
		   "more several serve one (6.16)")						\
	  OPT_RANGE("1", "4096"),								\
	  .kind = OPT_U32)									\
	ADD_OPT(X, mode,									\
	  OPT_TEXT("mode", "HOW",								\
		   "how data moves; auto, the default: the fastest that kernel and target can do") \
	  OPT_CHOICES("auto\0copy\0get-data\0user-copy\0user-copy-ring\0zero-copy\0auto-buf-reg"), \
	  .kind = OPT_CHOICE)									\
	ADD_TRISTATE(X, batch, "batch", "one command for many requests (7.0); auto: no")		\
	ADD_OPT(X, shmem,									\
	  OPT_TEXT("shmem", "FILE",								\
		   "requests in memory of this file, which users of the disk have mapped, are "	\
		   "not copied (7.1); on hugetlbfs or tmpfs"),					\
	  .kind = OPT_STRING)									\
	ADD_OPT(X, depth,									\
	  OPT_TEXT("depth", "N", "requests per queue at a time (default 128)")			\
	  OPT_RANGE("1", "4096"),								\
	  .kind = OPT_U32)									\
	ADD_OPT(X, max_io_bytes,								\
	  OPT_TEXT("max-io", "SIZE", "the largest request (default 1M)") OPT_RANGE("4K", "32M"), \
	  .kind = OPT_SIZE)									\
	ADD_OPT(X, block_bytes,									\
	  OPT_TEXT("block-size", "SIZE", "logical block size (default: the target's)")		\
	  OPT_RANGE("512", "64K"),								\
	  .letter = 'b', .kind = OPT_SIZE)							\
	ADD_OPT(X, physical_bytes,								\
	  OPT_TEXT("physical-block-size", "SIZE", "what is written in one piece")		\
	  OPT_RANGE("512", "256M"),								\
	  .kind = OPT_SIZE)									\
	ADD_OPT(X, io_min_bytes,								\
	  OPT_TEXT("io-min", "SIZE", "least I/O size without a penalty")			\
	  OPT_RANGE("512", "256M"),								\
	  .kind = OPT_SIZE)									\
	ADD_OPT(X, io_opt_bytes,								\
	  OPT_TEXT("io-opt", "SIZE", "best I/O size") OPT_RANGE("512", "256M"),			\
	  .kind = OPT_SIZE)									\
	ADD_OPT(X, chunk_bytes,									\
	  OPT_TEXT("chunk", "SIZE", "no request crosses a multiple of it (default: the target's)") \
	  OPT_RANGE("512", "2G"),								\
	  .kind = OPT_SIZE)									\
	ADD_OPT(X, virt_boundary_bytes,								\
	  OPT_TEXT("virt-boundary", "SIZE", "pieces of a request's memory meet at multiples of it") \
	  OPT_RANGE("512", "2G"),								\
	  .kind = OPT_SIZE)									\
	ADD_OPT(X, dma_align_bytes,								\
	  OPT_TEXT("dma-align", "SIZE",								\
		   "alignment of direct requests' memory (default: the target's, or 4)")	\
	  OPT_RANGE("4", "64K"),								\
	  .kind = OPT_SIZE)									\
	ADD_OPT(X, segment_boundary_bytes,							\
	  OPT_TEXT("segment-boundary", "SIZE", "no piece of a request's memory crosses a multiple of it") \
	  OPT_RANGE("4K", "4G"),								\
	  .kind = OPT_SIZE)									\
	ADD_OPT(X, segment_bytes,								\
	  OPT_TEXT("segment-size", "SIZE", "the largest piece of a request's memory")		\
	  OPT_RANGE("4K", "2G"),								\
	  .kind = OPT_SIZE)									\
	ADD_OPT(X, segments,									\
	  OPT_TEXT("segments", "N", "pieces of a request's memory at most")			\
	  OPT_RANGE("1", "65535"),								\
	  .kind = OPT_U32)									\
	ADD_TRISTATE(X, read_only, "read-only", "refuse writes: yes, no, or as the target says") \
	ADD_TRISTATE(X, rotational, "rotational", "say that it is a spinning disk")		\
	ADD_TRISTATE(X, volatile_cache, "volatile-cache", "say that writes want a flush to be durable") \
	ADD_TRISTATE(X, fua, "fua", "say that single writes can be made durable; wants a volatile cache") \
	ADD_TRISTATE(X, discard, "discard", "offer discard")					\
	ADD_OPT(X, no_part_scan,								\
	  OPT_TEXT("part-scan", "WHEN", "the kernel looks for partitions at the start")		\
	  OPT_CHOICES("yes\0no"),								\
	  .kind = OPT_CHOICE)									\
	ADD_OPT(X, desc_bytes,									\
	  OPT_TEXT("desc-size", "N", "bytes of a request's descriptor, a multiple of 8 (default 24)") \
	  OPT_RANGE("24", "256"),								\
	  .kind = OPT_U32)									\
	ADD_OPT(X, affinity,									\
	  OPT_TEXT("affinity", "HOW",								\
		   "CPUs of the queues' threads: those that the kernel maps to the queue, "	\
		   "or none in particular")							\
	  OPT_CHOICES("kernel\0none"),								\
	  .kind = OPT_CHOICE)									\
	ADD_OPT(X, cpus,									\
	  OPT_TEXT("cpus", "LIST",								\
		   "CPUs of the queues' threads, in place of the kernel's map: 0,2-3"),		\
	  .kind = OPT_STRING)									\
	ADD_OPT(X, name,									\
	  OPT_TEXT("name", "NAME", "for messages and thread names (default ublkN)"),		\
	  .kind = OPT_STRING)									\
	ADD_OPT(X, unprivileged,								\
	  OPT_TEXT("unprivileged", "", "without CAP_SYS_ADMIN: a disk for this user alone"),	\
	  .kind = OPT_FLAG)									\
	ADD_OPT(X, timeout_ns,									\
	  OPT_TEXT("timeout", "TIME",								\
		   "how long each step of starting and stopping may take (default 30s)")	\
	  OPT_RANGE("1ms", "24h"),								\
	  .kind = OPT_DURATION)									\
	ADD_OPT(X, verbose,									\
	  OPT_TEXT("verbose", "", "say what happens"),						\
	  .letter = 'v', .kind = OPT_FLAG)

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

static void write_log(void *ctx, enum ublk_log_level level, const char *line)
{
	(void)level;
	cmd_say(ctx, "%s", line);
}

/* Everything that lives as long as the device */
struct server {
	const struct cmd_run *r;
	struct ctrl_child child;
	struct ublk_dev dev;
	struct ublk_talk talk;
	struct ublk_threads hook;
	struct ublk_log log;
	struct pages threads_mem;
	s32 signal_fd;
	u64 cpus[16]; /* of --cpus: 1024 of them */
};

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

static struct ublk_dev_opts dev_opts(struct server *s, const struct add_values *v, const char *spec)
{
	return (struct ublk_dev_opts){
		.types = tgt_types,
		.spec = spec,
		.dev_id = v->id,
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
		.unprivileged = v->unprivileged,
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

static int begin(struct server *s, const struct add_values *v, const char *spec,
		 struct ublk_error *error)
{
	const u64 signals = SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGTERM) | SIGNAL_BIT(SIGHUP);
	struct ublk_dev_opts opts;
	int err = v->cpus ? cpus_parse(v->cpus, s->cpus, ARRAY_SIZE(s->cpus)) : 0;

	if (err)
		return ublk_error_set(error, "--cpus", UBLK_NO_DEVICE, err,
				      "%s is not a list of CPUs, as 0,2-3", v->cpus);
	/* A file that must not grow any further is an error, not our end. */
	(void)!signal_ignore(SIGXFSZ);
	err = signal_block(signals, NULL);
	if (!err) {
		s->signal_fd = signal_fd(signals, true);
		err = s->signal_fd < 0 ? s->signal_fd : 0;
	}
	if (!err)
		err = make_thread_room(s, v->threads ? v->threads : v->queues);
	shared = &s->dev.shmem;
	if (!err && v->shmem)
		err = signal_handle_info(SIGBUS, bus_error, 0);
	if (err)
		return ublk_error_set(error, "set up", UBLK_NO_DEVICE, err, "no files or no memory");
	ctrl_child_init(&s->child);
	opts = dev_opts(s, v, spec);
	err = ublk_dev_create_and_start(&s->dev, &opts, error);
	ctrl_child_rest(&s->child);
	return err;
}

/* Until a signal, or until the queues have ended; true: it was a signal. Meanwhile others
 * may ask for something. */
static bool wait_for_end(struct server *s, bool is_daemon)
{
	for (;;) {
		struct pollfd fds[2 + UBLK_TALK_NR_FDS] = {
			{ .fd = s->signal_fd, .events = POLLIN },
			{ .fd = s->dev.ended_fd, .events = POLLIN },
		};
		u32 nr_talk = ublk_talk_fds(&s->talk, fds + 2);
		struct signalfd_siginfo si;

		(void)sys_ppoll(fds, 2 + nr_talk, NULL);
		if (fds[1].revents)
			return false;
		if (sys_read(s->signal_fd, &si, sizeof(si)) == sizeof(si)) {
			/* A terminal that hangs up is none of a daemon's business. */
			if (si.ssi_signo != SIGHUP || !is_daemon)
				return true;
			continue;
		}
		ublk_talk_step(&s->talk);
		ctrl_child_rest(&s->child);
	}
}

static enum exit_code fail(struct server *s, const struct ublk_error *error)
{
	s32 stuck = ctrl_child_stuck(&s->child);
	enum exit_code code = cmd_fail_ublk(s->r, error);

	if (stuck)
		cmd_say(s->r, "process %d was left behind, it waits for the kernel's answer", stuck);
	return code;
}

static enum exit_code end(struct server *s, bool by_signal)
{
	struct ublk_error error;
	int err;

	if (by_signal) {
		err = ublk_dev_close(&s->dev, &error);
		return err ? fail(s, &error) : EXIT_OK;
	}
	err = ublk_dev_wait(&s->dev, (u32)s->dev.opts.timeout_ms);
	if (err) {
		cmd_say(s->r, "a queue failed: %s (%s)", err_text(err), err_name(err));
		(void)ublk_dev_close(&s->dev, NULL);
		return EXIT_FAILURE;
	}
	err = ublk_dev_release(&s->dev, &error);
	return err ? fail(s, &error) : EXIT_OK;
}

/* What the targets have to say although all is well */
static void say_notices(const struct server *s)
{
	const struct tgt_tree *tree = &s->dev.own_tree;

	for (u32 i = 0; i < tree->nr; i++)
		if (*tree->nodes[i].notice)
			cmd_say(s->r, "%s: %s", tree->nodes[i].type->name, tree->nodes[i].notice);
}

/* A disk that nobody can ask is a disk. */
static void listen(struct server *s)
{
	struct diag why;
	int err = ublk_talk_open(&s->talk, &s->dev, &why);

	if (err)
		cmd_say(s->r, "device %u: it cannot be resized, nor asked for numbers: %s",
			s->dev.info.dev_id, why.text[0] ? why.text : err_name(err));
}

/* One line to whoever waits, or to standard output */
static void say_ready(struct server *s, s32 report_fd)
{
	struct daemon_report report = { .code = EXIT_OK };

	fmt_print(report.line, sizeof(report.line), "/dev/ublkb%u\n", s->dev.info.dev_id);
	if (report_fd >= 0) {
		daemon_report(report_fd, &report);
		daemon_detach();
		return;
	}
	fmt_add(s->r->out, "%s", report.line);
	cmd_flush(s->r);
}

static enum exit_code serve(const struct cmd_run *r, s32 report_fd)
{
	const struct add_values *v = r->values;
	struct server s = { .r = r, .log = { .write = write_log, .ctx = (void *)(uintptr_t)r } };
	struct ublk_error error;
	enum exit_code code;
	bool by_signal;

	if (begin(&s, v, r->argv[0], &error)) {
		code = fail(&s, &error);
		if (report_fd >= 0)
			daemon_report(report_fd, &(struct daemon_report){ .code = (s32)code });
		return code;
	}
	say_notices(&s);
	listen(&s);
	say_ready(&s, report_fd);
	by_signal = wait_for_end(&s, report_fd >= 0);
	ublk_talk_close(&s.talk); /* while the number is ours */
	code = end(&s, by_signal);
	pages_unmap(&s.threads_mem);
	return code;
}

/* The first process of two: prints what the second has to say, if anything */
static enum exit_code wait_for_daemon(const struct cmd_run *r, int ret,
				      const struct daemon_report *report)
{
	if (ret == -ETIMEDOUT)
		return cmd_fail(r, EXIT_TIMEOUT, 0, "the server did not become ready; see \"bareblk "
						    "ublk list\"");
	if (ret == -EPIPE)
		return cmd_fail(r, EXIT_FAILURE, 0, "the server died before it was ready");
	if (ret < 0)
		return cmd_fail(r, EXIT_FAILURE, ret, "cannot make a second process");
	fmt_add(r->out, "%s", report->line);
	return (enum exit_code)report->code;
}

static enum exit_code add_run(const struct cmd_run *r)
{
	const struct add_values *v = r->values;
	u64 timeout_ms = v->timeout_ns / 1000000 * DAEMON_STEPS + DAEMON_SLACK_MS;
	struct daemon_report report;
	s32 report_fd = -1;
	int ret;

	if (!v->background)
		return serve(r, -1);
	ret = daemon_fork(&report_fd, (u32)timeout_ms, &report);
	return ret == 0 ? serve(r, report_fd) : wait_for_daemon(r, ret, &report);
}

const struct cmd cmd_ublk_add = {
	.text = CMD_TEXT("ublk", "add", "TARGET", "make a block device and serve it",
			 "Prints the device's path when it is live, then serves until SIGINT or SIGTERM\n"
			 "(in the foreground SIGHUP as well): then it stops and deletes the device. It\n"
			 "also ends when somebody else stops the device.\n"),
	.opts = CMD_OPTS(ADD_OPTS, set_defaults),
	.min_args = 1,
	.max_args = 1,
	.run = add_run,
	.lists_targets = true,
};
