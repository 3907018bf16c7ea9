/* SPDX-License-Identifier: MIT */
/* bareblk ublk recover: serve a device whose server has died. */
#include "tools/ublk_ids.h"
#include "tools/ublk_memo.h"
#include "tools/ublk_serve.h"
#include "ublk/talk.h"

static enum exit_code recover_run(const struct cmd_run *r)
{
	static struct memo memo;
	const char *spec;
	u32 id;

	if (ublk_id_parse(r->argv[0], &id))
		return cmd_usage(r, "%s is not a device: 0, ublkb0 or /dev/ublkb0", r->argv[0]);
	(void)memo_claim(id);
	spec = memo_go_there(id, r->argc > 1 ? r->argv[1] : NULL, &memo);
	if (!spec)
		return cmd_fail(r, EXIT_USAGE, 0, "device %u: what it was made of is not to be found in "
				UBLK_TALK_DIR ": give the TARGET, too", id);
	return ublk_serve(r, spec, (s32)id, NULL);
}

const struct cmd cmd_ublk_recover = {
	.text = CMD_TEXT("ublk", "recover", "DEVICE [TARGET]", "serve a device whose server has died",
			 "Of a device that was made with --recover, and of the same TARGET, which root's\n"
			 "servers have written down in " UBLK_TALK_DIR ". What has waited meanwhile is\n"
			 "served; then as add. Not for what a dead server held in its memory, as ram.\n"),
	.opts = &serve_opts,
	.sets = 1 << SERVE_SET_SERVER,
	.min_args = 1,
	.max_args = 2,
	.run = recover_run,
};
