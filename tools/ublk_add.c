/* SPDX-License-Identifier: MIT */
/* bareblk ublk add: make a device and serve it. */
#include "tools/text/kernels.h"
#include "tools/ublk_serve.h"
#include "uapi/sys.h"
#include "ublk/dev.h"

static enum exit_code add_run(const struct cmd_run *r)
{
	const struct serve_values *v = r->values;
	struct sys_utsname uts;

	if (!v->on_bad_kernel && !sys_uname(&uts) && kernel_has(uts.release, KERNEL_ADD_OOPSES))
		return cmd_fail(r, EXIT_UNSUPPORTED, 0, "Linux %s: %s; --on-bad-kernel tries it all the same",
				uts.release, kernel_fault_text(KERNEL_ADD_OOPSES));
	return ublk_serve(r, r->argv[0], UBLK_AUTO_ID, NULL);
}

const struct cmd cmd_ublk_add = {
	.text = CMD_TEXT("ublk", "add", "TARGET", "make a block device and serve it",
			 "Prints the device's path when it is live, then serves until SIGINT or SIGTERM\n"
			 "(in the foreground SIGHUP as well): then it stops and deletes the device. It\n"
			 "also ends when somebody else stops the device.\n"),
	.opts = &serve_opts,
	.min_args = 1,
	.max_args = 1,
	.run = add_run,
	.lists_targets = true,
};
