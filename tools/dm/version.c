/* SPDX-License-Identifier: MIT */
/* bareblk dm version: ours, and which device-mapper interface the kernel speaks. */
#include "tools/dm/run.h"

static enum exit_code version_run(const struct cmd_run *r)
{
	struct dm_version v;
	struct dm_tool t;
	enum exit_code code = dm_tool_open(&t, r);
	int err;

	if (code)
		return code;
	err = dm_version_get(t.control_fd, &v);
	if (err)
		return cmd_fail(r, dm_exit_code(err), err, "asking for it");
	fmt_add(r->out, "Library version:   " BAREBLK_VERSION " (bareblk)\n"
			"Driver version:    %u.%u.%u\n", v.major, v.minor, v.patchlevel);
	return EXIT_OK;
}

const struct cmd cmd_dm_version = {
	.text = CMD_TEXT("dm", "version", "",
			 "print our version and that of the kernel's interface", ""),
	DM_OPTIONS(0),
	.run = version_run,
};
