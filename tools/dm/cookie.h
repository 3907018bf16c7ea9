/* SPDX-License-Identifier: MIT */
/* udev's cookies as users and udev's rules hand them over. */
#ifndef TOOLS_DM_COOKIE_H
#define TOOLS_DM_COOKIE_H

#include "tools/dm/run.h"

/* How long udev is waited for; it answers within milliseconds, or never */
#define DM_UDEV_WAIT_S 10

/* dm_has_udev() - whether there is anybody who would answer */
bool dm_has_udev(const struct cmd_run *r);

/* dm_cookie_value() - what a text says; prints */
enum exit_code dm_cookie_value(const struct cmd_run *r, const char *text, u32 *value);

/* dm_cookie_fail() - what was to be done with it has failed; prints */
enum exit_code dm_cookie_fail(const struct cmd_run *r, u32 key, int err);

#endif
