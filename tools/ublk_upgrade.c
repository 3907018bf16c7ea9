/* SPDX-License-Identifier: MIT */
/* bareblk ublk upgrade: serve a device in its server's place, while it is used. */
#include "tools/ublk_ask.h"
#include "tools/ublk_handover.h"
#include "tools/ublk_ids.h"
#include "tools/ublk_memo.h"
#include "tools/ublk_serve.h"
#include "ublk/talk.h"

/* Memory of ram targets is for whoever is to start further servers: the rest its server will
 * ask for by itself. */
static int ask_for_kept(const struct cmd_run *r, u32 id, struct handover *h,
			struct ublk_error *error)
{
	const struct serve_values *v = r->values;
	u32 timeout_ms = (u32)(v->timeout_ns / 1000000);
	struct ublksrv_ctrl_dev_info info;
	struct ctrl_child child;
	int err = ctrl_child_open(&child, error);

	if (!err)
		err = ublk_look_up(&child, id, &info, timeout_ms, error);
	ctrl_child_rest(&child);
	if (!err)
		err = ublk_has_server(&info, error);
	return err ? err : handover_ask(h, &info, timeout_ms, error);
}

static enum exit_code upgrade_run(const struct cmd_run *r)
{
	static struct memo memo;
	struct serve_values values = *(const struct serve_values *)r->values;
	struct cmd_run run = *r;
	struct handover h;
	struct ublk_error error;
	const char *spec;
	u32 id;

	if (ublk_id_parse(r->argv[0], &id))
		return cmd_usage(r, "%s is not a device: 0, ublkb0 or /dev/ublkb0", r->argv[0]);
	if (ask_for_kept(r, id, &h, &error))
		return cmd_fail_ublk(r, &error);
	(void)memo_claim(id);
	spec = memo_go_there(id, r->argc > 1 ? r->argv[1] : NULL, &memo);
	if (!spec)
		return cmd_fail(r, EXIT_USAGE, 0, "device %u: what it was made of is not to be found in "
				UBLK_TALK_DIR ": give the TARGET, too", id);
	values.supervised |= h.is_supervised;
	run.values = &values;
	return ublk_serve(&run, spec, (s32)id, &h);
}

const struct cmd cmd_ublk_upgrade = {
	.text = CMD_TEXT("ublk", "upgrade", "DEVICE [TARGET]",
			 "serve a device in its server's place, while it is used",
			 "By this program, which may be a newer one; the old server ends, as does its\n"
			 "supervisor, in whose place there is a new one. Of a device that was made with\n"
			 "--recover=queue (Linux 6.16) or reissue. I/O waits for a moment, and none fails;\n"
			 "when something else does, the old server goes on.\n"),
	.opts = &serve_opts,
	.sets = 1 << SERVE_SET_SERVER,
	.min_args = 1,
	.max_args = 2,
	.run = upgrade_run,
};
