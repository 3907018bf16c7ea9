/* SPDX-License-Identifier: MIT */
/* A server whose device is live: what it is asked for until it ends. */
#include <asm/errno.h>
#include <asm/poll.h>
#include <asm/signal.h>
#include <linux/signalfd.h>

#include "tools/ublk_server.h"
#include "uapi/sys.h"

/* A server that has let go of its device waits so many deadlines for the next one */
#define TAKER_STEPS 4

static void say_failures(struct server *s)
{
	u64 nr;

	if (sys_read(s->failed_fd, &nr, sizeof(nr)) != sizeof(nr))
		return;
	for (u32 leg = 0; leg < 2; leg++) {
		u32 err = __atomic_exchange_n(&s->leg_errno[leg], 0, __ATOMIC_SEQ_CST);

		if (err)
			cmd_say(s->r, "mirror: the %s leg has failed: %s; the %s serves alone",
				leg ? "second" : "first", err_name(-(s32)err),
				leg ? "first" : "second");
	}
}

enum exit_code server_fail(struct server *s, const struct ublk_error *error)
{
	s32 stuck = ctrl_child_stuck(&s->child);
	enum exit_code code = cmd_fail_ublk(s->r, error);
	char users[USERS_BYTES];

	if (error->err == -ETIMEDOUT && *ublk_users_of_disk(&s->nodes, users))
		cmd_say(s->r, "it goes when nobody has it any more: %s", users);
	if (stuck)
		cmd_say(s->r, "process %d was left behind, it waits for the kernel's answer", stuck);
	return code;
}

/* --- giving the device to another server -------------------------------------------------- */

static void drop_taker(struct server *s)
{
	if (s->taker_fd >= 0)
		(void)sys_close(s->taker_fd);
	s->taker_fd = -1;
}

/* Who asked last counts. */
static void offer(void *ctx, s32 fd)
{
	struct server *s = ctx;
	const struct serve_values *v = server_values(s);

	drop_taker(s);
	s->taker_fd = fd;
	if (handover_offer(fd, &s->dev, s->job->kept, s->job->nr_kept, v->supervised))
		drop_taker(s);
}

void server_listen(struct server *s)
{
	struct diag why;
	int err = ublk_talk_open(&s->talk, &s->dev, &why);

	s->talk.handover = offer;
	s->talk.ctx = s;
	if (err)
		cmd_say(s->r, "device %u: it cannot be resized, nor asked for numbers: %s",
			s->dev.info.dev_id, why.text[0] ? why.text : err_name(err));
}

/* Until the next server serves, or gives up */
static enum handover_word await_taker(struct server *s, u32 timeout_ms)
{
	u64 deadline = deadline_in_ms(timeout_ms);
	enum handover_word word = HANDOVER_NOTHING;

	while (word == HANDOVER_NOTHING && !deadline_wait_fd(s->taker_fd, deadline))
		word = handover_hear(s->taker_fd);
	return word;
}

static enum ending give(struct server *s)
{
	u32 timeout_ms = s->dev.opts.timeout_ms;
	u32 id = s->dev.info.dev_id;
	struct ublk_error error;
	enum handover_word word;
	int err;

	ublk_talk_close(&s->talk); /* that name is the next one's now */
	err = ublk_dev_let_go(&s->dev, &error);
	ctrl_child_rest(&s->child);
	handover_answer(s->taker_fd, err ? &error : NULL);
	word = err ? HANDOVER_HUNG_UP : await_taker(s, TAKER_STEPS * timeout_ms);
	drop_taker(s);
	if (err && err != -EOPNOTSUPP) {
		(void)server_fail(s, &error);
		return ENDING_FAILED;
	}
	if (err) {
		server_listen(s);
		return ENDING_NONE;
	}
	if (word == HANDOVER_DONE)
		return ENDING_GIVEN;
	cmd_say(s->r, "device %u: who was to serve it has given up: it is served here again", id);
	return ENDING_TAKEN_BACK;
}

/* --- waiting ------------------------------------------------------------------------------ */

/* A terminal that hangs up is none of a daemon's business. */
static bool is_told_to_end(const struct server *s, bool is_daemon)
{
	struct signalfd_siginfo si;

	return sys_read(s->signal_fd, &si, sizeof(si)) == sizeof(si) &&
	       (si.ssi_signo != SIGHUP || !is_daemon);
}

enum ending server_wait(struct server *s)
{
	bool is_daemon = server_values(s)->background;
	enum ending ending = ENDING_NONE;

	while (!ending) {
		struct pollfd fds[4 + UBLK_TALK_NR_FDS] = {
			{ .fd = s->signal_fd, .events = POLLIN },
			{ .fd = s->dev.ended_fd, .events = POLLIN },
			{ .fd = s->failed_fd, .events = POLLIN },
			{ .fd = s->taker_fd, .events = POLLIN },
		};
		u32 nr_talk = ublk_talk_fds(&s->talk, fds + 4);

		(void)sys_ppoll(fds, 4 + nr_talk, NULL);
		say_failures(s);
		if (fds[1].revents)
			return ENDING_STOPPED;
		if (is_told_to_end(s, is_daemon))
			return ENDING_SIGNAL;
		if (fds[3].revents) {
			enum handover_word word = handover_hear(s->taker_fd);

			if (word == HANDOVER_GO)
				ending = give(s);
			else if (word != HANDOVER_NOTHING)
				drop_taker(s);
			continue;
		}
		ublk_talk_step(&s->talk);
		ctrl_child_rest(&s->child);
	}
	return ending;
}
