/* SPDX-License-Identifier: MIT */
/*
 * Stopping and deleting devices. STOP_DEV is answered before DEL_DEV is sent:
 * a deletion behind a stuck stop would block every ublk device of the machine.
 */
#include "tools/ublk_remove.h"

#include <asm/errno.h>
#include <asm/signal.h>

#include "tools/ublk_ask.h"
#include "tools/ublk_ids.h"
#include "tools/ublk_memo.h"
#include "tools/ublk_nodes.h"
#include "uapi/sys.h"
#include "ublk/dev.h"
#include "ublk/features.h"

/* A server that does not answer for so long is stuck, as far as --force goes. */
#define PATIENCE_MS 2000

static void set_defaults(const struct cmd_run *r, void *values)
{
	struct remove_values *v = values;

	(void)r;
	v->timeout_ns = UBLK_DEFAULT_TIMEOUT_MS * 1000000ULL;
}

#define OPTIONS(X)										\
	X(struct remove_values, timeout_ns,							\
	  OPT_TEXT("timeout", "TIME",								\
		   "how long the kernel may take for each step (default 30s)")			\
	  OPT_RANGE("1ms", "24h"),								\
	  .kind = OPT_DURATION)									\
	X(struct remove_values, only_unused,							\
	  OPT_TEXT("safe", "", "not a device that is in use"), .kind = OPT_FLAG)		\
	X(struct remove_values, kills,								\
	  OPT_TEXT("force", "", "kill a server that does not let go within 2s"),		\
	  .kind = OPT_FLAG, .set = REMOVE_SET_DEL)

const struct cmd_opts remove_opts = {
	.table = OPT_TABLE(OPTIONS),
	.init = set_defaults,
};

/* struct removal - of one device after the other */
struct removal {
	const struct remove_values *v;
	u32 timeout_ms;
	struct ctrl_child child;
	struct ublksrv_ctrl_dev_info info;
	struct ublk_nodes nodes;
	struct ublk_error *error;
};

static int is_in_use(struct removal *m, const char *users)
{
	return ublk_error_set(m->error, "stop", (s32)m->info.dev_id, -EBUSY,
			      *users ? "it is in use: %s" : "it is in use", users);
}

/* Kernels that cannot look by themselves leave a moment in which somebody may open it. */
static int stop_unused(struct removal *m)
{
	u32 dev_id = ublk_ctrl_id(&m->info);
	char users[USERS_BYTES];
	u64 features;
	int err = ublk_features_get(&m->child.ctrl, &features, m->timeout_ms, NULL);

	if (!err && features & UBLK_F_SAFE_STOP_DEV) {
		err = ublk_ctrl_try_stop_dev(&m->child.ctrl, dev_id, m->timeout_ms);
		if (err == -EBUSY)
			return is_in_use(m, ublk_users(&m->nodes, users));
		if (err != -ENODEV)
			return err;
	} else if (*ublk_users_of_disk(&m->nodes, users)) {
		return is_in_use(m, users);
	}
	return ublk_ctrl_stop_dev(&m->child.ctrl, dev_id, m->timeout_ms);
}

/* Its number may be another process's by now: what is asked is the server, or nobody. */
static int kill_server(struct removal *m)
{
	struct ctrl_child child;
	struct ublksrv_ctrl_dev_info info;
	s32 pid = m->info.ublksrv_pid;
	int fd = sys_pidfd_open(pid, 0);
	int err = fd == -ESRCH ? 0 : fd;

	if (fd < 0)
		return err;
	ctrl_child_init(&child);
	err = ublk_ctrl_open(&child.ctrl);
	if (!err)
		err = ublk_ctrl_get_info(&child.ctrl, ublk_ctrl_id(&m->info), &info, m->timeout_ms);
	if (!err && info.ublksrv_pid == pid)
		err = sys_pidfd_send_signal(fd, SIGKILL);
	ctrl_child_rest(&child);
	(void)sys_close(fd);
	return err == -ESRCH ? 0 : err;
}

/* The answer to the command that is under way comes when its requests have failed. */
static int stop_by_force(struct removal *m)
{
	u32 patience_ms = m->timeout_ms < PATIENCE_MS ? m->timeout_ms : PATIENCE_MS;
	u32 dev_id = ublk_ctrl_id(&m->info);
	int err = ublk_ctrl_stop_dev(&m->child.ctrl, dev_id, patience_ms);

	if (err != -ETIMEDOUT)
		return err;
	err = kill_server(m);
	if (err)
		return ublk_error_set(m->error, "kill", (s32)m->info.dev_id, err,
				      "its server, process %d", m->info.ublksrv_pid);
	err = ublk_ctrl_settle(&m->child.ctrl, m->timeout_ms * 1000000ULL);
	if (!err)
		return m->child.ctrl.req.result;
	if (err != -EBUSY)
		return err;
	return ublk_error_set(m->error, "STOP_DEV", (s32)m->info.dev_id, -ETIMEDOUT,
			      "no answer within %u ms although its server, process %d, was killed",
			      m->timeout_ms, m->info.ublksrv_pid);
}

static int stop(struct removal *m)
{
	s32 id = (s32)m->info.dev_id;
	int err = 0;

	*m->error = (struct ublk_error){ .err = 0 };
	if (m->info.state == UBLK_S_DEV_DEAD)
		return 0;
	if (m->v->only_unused)
		err = stop_unused(m);
	else if (m->v->kills && m->info.ublksrv_pid > 0)
		err = stop_by_force(m);
	else
		err = ublk_ctrl_stop_dev(&m->child.ctrl, ublk_ctrl_id(&m->info), m->timeout_ms);
	if (!err || m->error->err)
		return err;
	if (err == -ETIMEDOUT)
		return ublk_error_set(m->error, "STOP_DEV", id, err,
				      "no answer within %u ms: its server, process %d, does not "
				      "complete what is in flight; del --force kills it, and fails that",
				      m->timeout_ms, m->info.ublksrv_pid);
	return ublk_error_set(m->error, "STOP_DEV", id, err, "the kernel refuses");
}

static int delete(struct removal *m)
{
	u32 id = m->info.dev_id;
	int err = ublk_ctrl_del_dev(&m->child.ctrl, ublk_ctrl_id(&m->info), m->timeout_ms);
	char users[USERS_BYTES];

	if (err == -ETIMEDOUT && *ublk_users(&m->nodes, users))
		ublk_error_set(m->error, "DEL_DEV", (s32)id, err,
			       "no answer within %u ms: it is stopped, and goes when nobody has it "
			       "any more: %s", m->timeout_ms, users);
	else if (err == -ETIMEDOUT)
		ublk_error_set(m->error, "DEL_DEV", (s32)id, err,
			       "no answer within %u ms: it is stopped, and goes once nobody has "
			       "/dev/ublkb%u or /dev/ublkc%u open", m->timeout_ms, id, id);
	else if (err && err != -ENODEV)
		ublk_error_set(m->error, "DEL_DEV", (s32)id, err, "the kernel refuses");
	return err == -ENODEV ? 0 : err; /* its own server may have been quicker */
}

static bool is_orphan(const struct ublksrv_ctrl_dev_info *info)
{
	return info->state != UBLK_S_DEV_LIVE &&
	       info->ublksrv_flags >> UBLK_MARK_SHIFT == UBLK_MARK;
}

static int remove_one(struct removal *m, const char *text, bool deletes)
{
	u32 id;
	int err = ublk_id_parse(text, &id);

	if (err)
		return ublk_error_set(m->error, "argument", UBLK_NO_DEVICE, -EINVAL,
				      "%s is not a device: 0, ublkb0 or /dev/ublkb0", text);
	err = ublk_look_up(&m->child, id, &m->info, m->timeout_ms, m->error);
	if (m->v->only_orphan && (err == -ENODEV || (!err && !is_orphan(&m->info))))
		return 0;
	if (err)
		return err;
	ublk_nodes_find(id, &m->nodes);
	err = stop(m);
	if (err || !deletes)
		return err;
	memo_forget(id); /* before the number is another's */
	return delete(m);
}

enum exit_code ublk_remove(const struct cmd_run *r, bool deletes)
{
	struct ublk_error error;
	struct removal m = {
		.v = r->values,
		.error = &error,
	};
	enum exit_code code = EXIT_OK;

	m.timeout_ms = (u32)(m.v->timeout_ns / 1000000);
	if (m.v->only_unused && m.v->kills)
		return cmd_usage(r, "--safe spares what is in use, --force does not: give one");
	if (ctrl_child_open(&m.child, &error))
		return cmd_fail_ublk(r, &error);
	for (int i = 0; i < r->argc; i++) {
		s32 stuck;

		if (!remove_one(&m, r->argv[i], deletes))
			continue;
		code = cmd_fail_ublk(r, &error);
		stuck = ctrl_child_stuck(&m.child);
		if (!stuck)
			continue;
		cmd_say(r, "process %d was left behind, it waits for the kernel's answer", stuck);
		ctrl_child_init(&m.child); /* the next device gets another */
		if (i + 1 < r->argc && ctrl_child_open(&m.child, &error))
			return cmd_fail_ublk(r, &error);
	}
	ctrl_child_rest(&m.child);
	return code;
}
