/* SPDX-License-Identifier: MIT */
/* See tools/dm/cookie.h. */
#include "tools/dm/cookie.h"

#include <asm/errno.h>

#include "dm/udev.h"
#include "uapi/rt/str.h"

bool dm_has_udev(const struct cmd_run *r)
{
	const char *disabled = rt_env(r->start, "DM_DISABLE_UDEV");

	return !(disabled && *disabled) && dm_udev_is_running();
}

/* As strtoul() has it: dmsetup is called with what shells and udev make of numbers. */
enum exit_code dm_cookie_value(const struct cmd_run *r, const char *text, u32 *value)
{
	while (str_is_space(*text))
		text++;
	if (!parse_u32(text, value) && *value)
		return EXIT_OK;
	return cmd_usage(r, "%s: a number of udevcreatecookie is wanted", text);
}

enum exit_code dm_cookie_fail(const struct cmd_run *r, u32 key, int err)
{
	bool is_gone = err == -ENOENT || err == -EIDRM || err == -EINVAL;
	const char *why = err == -ETIME	 ? " is released: udev has not answered" :
			  err == -EAGAIN ? " was complete before" : "";

	return cmd_fail(r, is_gone ? EXIT_NOT_FOUND : dm_exit_code(err), err, "cookie 0x%08X%s", key,
			why);
}
