/* SPDX-License-Identifier: MIT */
/* bareblk ublk quiesce: end a server and keep its disk, for another server. */
#include <asm/errno.h>

#include "tools/ublk_ask.h"
#include "tools/ublk_handover.h"

static enum exit_code quiesce_run(const struct cmd_run *r)
{
	const struct ask_values *v = r->values;
	u32 timeout_ms = (u32)(v->timeout_ns / 1000000);
	struct ublksrv_ctrl_dev_info info;
	struct ublk_error error;
	struct handover h;
	enum exit_code code = ublk_ask_find(r, &info);
	s32 id;
	int err;

	if (code)
		return code;
	id = (s32)info.dev_id;
	err = handover_ask(&h, &info, timeout_ms, &error);
	if (!err && h.nr_kept)
		err = ublk_error_set(&error, "hand over", id, -EOPNOTSUPP, "what its ram targets hold "
				     "would be gone: bareblk ublk upgrade takes it over");
	if (!err)
		err = handover_go(&h, id, timeout_ms, &error);
	handover_end(&h, !err);
	if (err)
		return cmd_fail_ublk(r, &error);
	return EXIT_OK;
}

const struct cmd cmd_ublk_quiesce = {
	.text = CMD_TEXT("ublk", "quiesce", "DEVICE", "end a server, and let its disk wait for another",
			 "I/O waits, and none fails, until \"bareblk ublk recover\". Of a device that could be\n"
			 "upgraded, see \"bareblk ublk upgrade --help\".\n"),
	.opts = &ask_opts,
	.sets = ASK_SETS(ASK_ALL),
	.min_args = 1,
	.max_args = 1,
	.run = quiesce_run,
};
