/* SPDX-License-Identifier: MIT */
/* A server: from its options to its end. */
#include "tools/ublk_serve.h"

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>

#include "tools/daemon.h"
#include "tools/ublk_memo.h"
#include "tools/ublk_notify.h"
#include "tools/ublk_server.h"
#include "tools/ublk_supervise.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

/* The first process waits for as many of the second's deadlines, and a bit */
#define DAEMON_STEPS 6
#define DAEMON_SLACK_MS 5000

static void write_log(void *ctx, enum ublk_log_level level, const char *line)
{
	(void)level;
	cmd_say(ctx, "%s", line);
}

static enum exit_code end(struct server *s, bool by_signal)
{
	struct ublk_error error;
	int err;

	if (by_signal) {
		err = ublk_dev_close(&s->dev, &error);
		return err ? server_fail(s, &error) : EXIT_OK;
	}
	/* One that has failed says nothing of the others, which serve on. */
	err = __atomic_load_n(&s->dev.queue_err, __ATOMIC_RELAXED);
	if (!err)
		err = ublk_dev_wait(&s->dev, (u32)s->dev.opts.timeout_ms);
	if (err) {
		cmd_say(s->r, "a queue failed: %s (%s)", err_text(err), err_name(err));
		/* The kernel keeps the device for the next one. */
		if (!s->dev.opts.recovery)
			(void)ublk_dev_close(&s->dev, NULL);
		return EXIT_FAILURE;
	}
	err = ublk_dev_release(&s->dev, &error);
	return err ? server_fail(s, &error) : EXIT_OK;
}

/*
 * A process that ends lets go of its mounts before its files: a filesystem on its own disk
 * then waits for a server that is ending, and no other can come before this one has gone.
 */
static bool has_own_mounts(void)
{
	char ours[64], of_first[64];
	long len = sys_readlinkat(AT_FDCWD, "/proc/self/ns/mnt", ours, sizeof(ours));

	return len > 0 && sys_readlinkat(AT_FDCWD, "/proc/1/ns/mnt", of_first, sizeof(of_first)) > 0 &&
	       memcmp(ours, of_first, (size_t)len) != 0;
}

/* What the targets have to say although all is well */
static void say_notices(const struct server *s)
{
	const struct tgt_tree *tree = &s->dev.own_tree;

	for (u32 i = 0; i < tree->nr; i++)
		if (*tree->nodes[i].notice)
			cmd_say(s->r, "%s: %s", tree->nodes[i].type->name, tree->nodes[i].notice);
}

/* One line to whoever waits, or to standard output; the next of a supervisor's servers is
 * nobody's news */
static void say_ready(struct server *s)
{
	struct daemon_report report = { .code = EXIT_OK };
	const struct serve_values *v = server_values(s);
	s32 report_fd = s->job->report_fd;

	if (s->job->is_next) {
		if (v->background && !v->supervised)
			(void)sys_chdir("/"); /* as daemon_detach() */
		return;
	}
	if (!v->supervised)
		notify_ready(s->r, v->notify_fd, s->dev.info.dev_id);
	fmt_print(report.line, sizeof(report.line), "/dev/ublkb%u\n", s->dev.info.dev_id);
	if (report_fd >= 0) {
		daemon_report(report_fd, &report);
		daemon_detach(false);
		return;
	}
	fmt_add(s->r->out, "%s", report.line);
	cmd_flush(s->r);
}

static enum exit_code could_not_begin(struct server *s, const struct ublk_error *error)
{
	const struct serve_values *v = server_values(s);
	enum exit_code code = server_fail(s, error);

	/* ... or another server has it, who is nobody's of ours */
	if (s->job->is_next && v->supervised &&
	    ((error->err == -ENODEV && str_eq(error->step, "GET_DEV_INFO")) ||
	     (error->err == -EBUSY && str_eq(error->step, "recover"))))
		code = (enum exit_code)SUPERVISE_GONE;
	if (s->job->report_fd >= 0)
		daemon_report(s->job->report_fd, &(struct daemon_report){ .code = (s32)code });
	return code;
}

/* From when it is ready */
static enum ending serve_on(struct server *s)
{
	u32 id = s->dev.info.dev_id;
	enum ending ending;

	ublk_nodes_find(id, &s->nodes);
	if (s->dev.opts.recovery)
		memo_write(id, s->spec);
	supervise_ready(s->job->ready_fd, id);
	say_notices(s);
	if (!server_values(s)->supervised && has_own_mounts())
		cmd_say(s->r, "device %u: what is mounted from it in this mount namespace alone would "
			"hang if this server were killed: use --supervise", id);
	server_listen(s);
	say_ready(s);
	ending = server_wait(s);
	ublk_talk_close(&s->talk); /* while the number is ours */
	return ending;
}

/* True: another one has failed in its place, so that it is to begin again. */
static bool serve_once(struct job *job, enum exit_code *code)
{
	const struct cmd_run *r = job->r;
	struct server s = {
		.r = r,
		.spec = job->spec,
		.job = job,
		.giver = { .fd = -1 },
		.taker_fd = -1,
		.log = { .write = write_log, .ctx = (void *)(uintptr_t)r },
	};
	struct ublk_error error;
	enum ending ending;
	u32 id;

	if (server_begin(&s, r->values, &error)) {
		*code = could_not_begin(&s, &error);
		return false;
	}
	id = s.dev.info.dev_id;
	ending = serve_on(&s);
	*code = ending == ENDING_FAILED ? EXIT_FAILURE : EXIT_OK;
	/* Before the number is another's; whoever else deletes the device does it himself. */
	if (ending == ENDING_SIGNAL && s.dev.opts.recovery)
		memo_forget(id);
	if (ending != ENDING_TAKEN_BACK && !server_values(&s)->supervised)
		notify_stopping(r);
	if (ending == ENDING_SIGNAL || ending == ENDING_STOPPED)
		*code = end(&s, ending == ENDING_SIGNAL);
	server_close(&s);
	job->recovered_id = (s32)id;
	return ending == ENDING_TAKEN_BACK;
}

static enum exit_code serve(struct job *job)
{
	static struct memo memo;
	enum exit_code code;

	while (serve_once(job, &code)) {
		/* A daemon has left the directory where the paths of its target begin. */
		(void)memo_go_there((u32)job->recovered_id, job->spec, &memo);
		job->is_next = true;
		job->upgrades = false;
		job->report_fd = -1;
		job->ready_fd = -1;
	}
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

/* A ram target begins with its name in each spec: there are no more than so many. */
static int keep_memory(struct job *job)
{
	const char *at = job->spec;

	while ((at = str_find(at, "ram:")) && job->nr_kept < HANDOVER_MAX_KEPT) {
		s32 fd = sys_memfd_create("bareblk-ram", MFD_CLOEXEC);

		if (fd < 0)
			return fd;
		job->kept[job->nr_kept++] = fd;
		at++;
	}
	return 0;
}

static enum exit_code serve_supervised(void *ctx, s32 recovered_id, s32 ready_fd,
				       bool is_next)
{
	struct job *job = ctx;

	/* Whoever waits does so for the first. */
	job->is_next = is_next;
	if (is_next)
		job->report_fd = -1;
	job->upgrades = job->upgrades && !is_next;
	job->recovered_id = recovered_id;
	job->ready_fd = ready_fd;
	return serve(job);
}

static enum exit_code serve_or_supervise(struct job *job)
{
	const struct serve_values *v = job->r->values;
	const struct supervise_plan plan = {
		.serve = serve_supervised,
		.ctx = job,
		.dev_id = job->recovered_id,
		.max_deaths = v->max_deaths,
		.timeout_ns = v->timeout_ns,
		.is_daemon = v->background,
		.report_fd = job->report_fd,
		.notify_fd = v->notify_fd,
	};
	int err;

	if (!v->supervised)
		return serve(job);
	err = job->upgrades ? 0 : keep_memory(job);
	if (err)
		return cmd_fail(job->r, EXIT_MEMORY, err, "cannot make a memfd");
	return ublk_supervise(job->r, &plan);
}

enum exit_code ublk_serve(const struct cmd_run *r, const char *spec, s32 recovered_id,
			  struct handover *h)
{
	const struct serve_values *v = r->values;
	u64 timeout_ms = v->timeout_ns / 1000000 * DAEMON_STEPS + DAEMON_SLACK_MS;
	struct job job = {
		.r = r,
		.spec = spec,
		.recovered_id = recovered_id,
		.report_fd = -1,
		.ready_fd = -1,
	};
	struct daemon_report report;
	int ret;

	notify_survivor(r);
	if (v->logs_to_kernel && !notify_log())
		cmd_say(r, "/dev/kmsg cannot be written: messages go to standard error");
	if (h) {
		job.upgrades = true;
		job.nr_kept = h->nr_kept;
		memcpy(job.kept, h->kept, sizeof(job.kept));
		h->nr_kept = 0;
		handover_end(h, false);
	}
	if (!v->background)
		return serve_or_supervise(&job);
	ret = daemon_fork(&job.report_fd, (u32)timeout_ms, &report);
	if (ret == 0)
		return serve_or_supervise(&job);
	return wait_for_daemon(r, ret, &report);
}
