/* SPDX-License-Identifier: MIT */
/*
 * The parent of servers: holds nothing of the device, touches no I/O, and so has little
 * that could fail. All that a server needs the next one makes anew, from the same options.
 */
#include "tools/ublk_supervise.h"

#include <asm/errno.h>
#include <asm/poll.h>
#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/signalfd.h>
#include <linux/wait.h>

#include "tools/daemon.h"
#include "tools/ublk_memo.h"
#include "tools/ublk_memory.h"
#include "tools/ublk_notify.h"
#include "tools/ublk_remove.h"
#include "uapi/rt/free/signal.h"
#include "uapi/sys.h"
#include "ublk/deadline.h"
#include "ublk/dev.h"

/* Who has served for so long has not died of what the one before has died of. */
#define HEALTHY_MS 10000

#define FIRST_PAUSE_MS 50
#define LAST_PAUSE_MS 5000

/* How long the kernel takes a server apart that was killed */
#define END_SLACK_MS 5000

/* How often it is tried, and for how long, to be the one who looks after the device */
#define CLAIM_MS 100
#define CLAIMS_MAX 100

struct supervisor {
	const struct cmd_run *r;
	const struct supervise_plan *plan;
	s32 signal_fd;
	s32 pid;	  /* of the server; 0: there is none */
	s32 ready_fd;	  /* what it says; -1: all has been said */
	s32 dev_id;
	u32 nr_deaths;	  /* in a row */
	u64 healthy_at;	  /* deadline: a server that lives then is a new beginning */
	s32 status;	  /* of the one that ended last, as of wait4() */
	s32 report_fd;	  /* of the plan, until it is closed */
	bool has_begun;	  /* one of them was ready */
	bool has_claimed; /* nobody else shall look after the device */
	u32 nr_claims;	  /* that were tried while a server served */
	bool is_ready;
	bool is_told;	  /* the server was, to end */
	bool is_ending;
};

void supervise_ready(s32 ready_fd, u32 dev_id)
{
	if (ready_fd < 0)
		return;
	(void)sys_write(ready_fd, &dev_id, sizeof(dev_id));
	(void)sys_close(ready_fd);
}

static _Noreturn void server_main(const struct supervisor *s, s32 ready_fd)
{
	enum exit_code code;

	(void)sys_close(s->signal_fd);
	code = s->plan->serve(s->plan->ctx, s->dev_id, ready_fd, s->has_begun);
	cmd_flush(s->r);
	sys_exit_group((int)code);
}

/* Not while it is still another supervisor's, from which it was just taken: so again later */
static void claim(struct supervisor *s)
{
	if (s->dev_id >= 0 && !s->has_claimed)
		s->has_claimed = memo_claim((u32)s->dev_id);
}

static int start(struct supervisor *s)
{
	int fds[2];
	int err;

	claim(s);

	s->status = EXIT_FAILURE << 8; /* unless another one is waited for */
	s->is_ready = false;
	s->is_told = false;
	/* Somebody whom the server has left behind may still have the other end. */
	err = sys_pipe2(fds, O_CLOEXEC | O_NONBLOCK);
	if (err)
		return err;
	s->pid = sys_fork();
	if (!s->pid) {
		(void)sys_close(fds[0]);
		server_main(s, fds[1]);
	}
	(void)sys_close(fds[1]);
	s->ready_fd = fds[0];
	err = s->pid < 0 ? s->pid : 0;
	if (err) {
		(void)sys_close(fds[0]);
		s->ready_fd = -1;
		s->pid = 0;
	}
	return err;
}

static void detach(struct supervisor *s)
{
	if (s->report_fd < 0)
		return;
	(void)sys_close(s->report_fd);
	s->report_fd = -1;
	daemon_detach(true); /* the next server opens the same paths */
}

static void hear(struct supervisor *s)
{
	u32 id;

	if (sys_read(s->ready_fd, &id, sizeof(id)) == sizeof(id)) {
		if (!s->has_begun)
			notify_ready(s->r, s->plan->notify_fd, id);
		s->dev_id = (s32)id;
		s->is_ready = true;
		s->has_begun = true;
		s->healthy_at = deadline_in_ms(HEALTHY_MS);
		claim(s);
		detach(s);
	}
	(void)sys_close(s->ready_fd);
	s->ready_fd = -1;
}

/* The server, and nobody else: what its ctrl_child was is adopted by init. */
static void reap(struct supervisor *s)
{
	if (!s->pid || sys_wait4(s->pid, &s->status, WNOHANG) != s->pid)
		return;
	if (s->ready_fd >= 0)
		hear(s);
	s->pid = 0;
}

static void take_signals(struct supervisor *s)
{
	struct signalfd_siginfo si;

	while (sys_read(s->signal_fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGCHLD || (si.ssi_signo == SIGHUP && s->plan->is_daemon))
			continue;
		if (!s->is_ending)
			notify_stopping(s->r);
		s->is_ending = true;
		if (!s->pid)
			continue;
		s->is_told = true;
		(void)sys_kill(s->pid, SIGTERM);
	}
	reap(s);
}

/* Until @deadline, or until something has happened */
static void wait_for_news(struct supervisor *s, u64 deadline)
{
	struct pollfd fds[2] = {
		{ .fd = s->signal_fd, .events = POLLIN },
		{ .fd = s->ready_fd, .events = POLLIN },
	};
	u64 left_ns = deadline_left_ns(deadline);
	struct __kernel_timespec ts = {
		.tv_sec = (s64)(left_ns / 1000000000),
		.tv_nsec = (s64)(left_ns % 1000000000),
	};

	(void)sys_ppoll(fds, s->ready_fd < 0 ? 1 : 2, &ts);
	if (s->ready_fd >= 0 && fds[1].revents)
		hear(s);
	take_signals(s);
}

/* When to look again: for a while sooner than @deadline, if the supervisor before has it still */
static u64 try_to_claim(struct supervisor *s, u64 deadline)
{
	u64 soon = deadline_in_ms(CLAIM_MS);

	if (!s->has_begun || s->has_claimed || s->nr_claims == CLAIMS_MAX)
		return deadline;
	s->nr_claims++;
	claim(s);
	return soon < deadline ? soon : deadline;
}

/* A server that is told to end and does not has gone wrong, and is killed. */
static void wait_for_server(struct supervisor *s)
{
	u64 deadline = DEADLINE_NEVER;
	u32 nr_kills = 0;

	while (s->pid) {
		wait_for_news(s, try_to_claim(s, deadline));
		if (s->is_ending && deadline == DEADLINE_NEVER)
			deadline = deadline_in_ms((u32)(s->plan->timeout_ns / 1000000) * 2 +
						  END_SLACK_MS);
		if (s->pid && !deadline_left_ns(deadline)) {
			if (nr_kills++ == 2) {
				cmd_say(s->r, "server %d was left behind, the kernel does not end it",
					s->pid);
				s->status = EXIT_TIMEOUT << 8;
				return;
			}
			cmd_say(s->r, "server %d does not end: it is killed", s->pid);
			(void)sys_kill(s->pid, SIGKILL);
			deadline = deadline_in_ms(END_SLACK_MS);
		}
	}
}

static bool has_exited(const struct supervisor *s)
{
	return !(s->status & 0x7f);
}

static enum exit_code ended_with(const struct supervisor *s)
{
	return has_exited(s) ? (enum exit_code)(s->status >> 8 & 0xff) : EXIT_FAILURE;
}

/* The device has no server, and shall have none */
static enum exit_code delete(struct supervisor *s)
{
	char id[12];
	char *argv[] = { id, NULL };
	struct cmd_run r = *s->r;

	fmt_print(id, sizeof(id), "%d", s->dev_id);
	r.argc = 1;
	r.argv = argv;
	r.values = &(struct remove_values){
		.timeout_ns = s->plan->timeout_ns,
		.only_orphan = true,
	};
	return ublk_remove(&r, true);
}

static void say_death(const struct supervisor *s)
{
	if (has_exited(s))
		cmd_say(s->r, "device %d: its server has failed", s->dev_id);
	else
		cmd_say(s->r, "device %d: its server was ended by signal %d", s->dev_id,
			s->status & 0x7f);
}

static void pause(struct supervisor *s)
{
	u32 ms = 0;
	u64 deadline;

	for (u32 i = 1; i < s->nr_deaths && ms < LAST_PAUSE_MS; i++)
		ms = ms ? ms * 2 : FIRST_PAUSE_MS;
	deadline = deadline_in_ms(ms < LAST_PAUSE_MS ? ms : LAST_PAUSE_MS);
	while (!s->is_ending && deadline_left_ns(deadline))
		wait_for_news(s, deadline);
}

/* A server has ended: is there to be another? */
static bool goes_on(struct supervisor *s)
{
	enum exit_code code = ended_with(s);

	if (s->is_ending || !s->has_begun || code == EXIT_OK ||
	    code == (enum exit_code)SUPERVISE_GONE)
		return false;
	if (s->is_ready && !deadline_left_ns(s->healthy_at))
		s->nr_deaths = 0;
	s->nr_deaths++;
	say_death(s);
	return s->nr_deaths < s->plan->max_deaths;
}

static enum exit_code result(struct supervisor *s)
{
	enum exit_code code = ended_with(s);

	if (!s->has_begun && !has_exited(s))
		return cmd_fail(s->r, EXIT_FAILURE, 0, "the server died before it was ready");
	if (!s->has_begun || code == EXIT_OK || (s->is_told && s->is_ready && has_exited(s)))
		return code;
	if (code == (enum exit_code)SUPERVISE_GONE) {
		cmd_say(s->r, "device %d was deleted, or has another server", s->dev_id);
		return EXIT_OK;
	}
	if (s->is_ending)
		return delete(s);
	return cmd_fail(s->r, EXIT_FAILURE, 0,
			"device %d: %u servers have died in a row. It waits for another: bareblk ublk "
			"recover %d TARGET, or del %d", s->dev_id, s->nr_deaths, s->dev_id,
			s->dev_id);
}

enum exit_code ublk_supervise(const struct cmd_run *r, const struct supervise_plan *plan)
{
	const u64 signals = SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGTERM) | SIGNAL_BIT(SIGHUP) |
			    SIGNAL_BIT(SIGCHLD);
	struct supervisor s = {
		.r = r,
		.plan = plan,
		.ready_fd = -1,
		.report_fd = plan->report_fd,
		.dev_id = plan->dev_id,
	};
	int err = signal_default(SIGCHLD);

	memory_hold(r, false); /* a server says what is not allowed */
	if (!err)
		err = signal_ignore(SIGPIPE);
	if (!err)
		err = signal_block(signals, NULL);
	if (!err) {
		s.signal_fd = signal_fd(signals, true);
		err = s.signal_fd < 0 ? s.signal_fd : 0;
	}
	do {
		if (!err)
			err = start(&s);
		if (err && !s.has_begun)
			return cmd_fail(r, EXIT_FAILURE, err, "cannot make a server's process");
		wait_for_server(&s);
		err = 0;
		if (!goes_on(&s))
			break;
		pause(&s);
	} while (!s.is_ending);
	return result(&s);
}
