/* SPDX-License-Identifier: MIT */
/* Who has a device in use. Any thread. */
#ifndef TOOLS_HOST_HOLDERS_H
#define TOOLS_HOST_HOLDERS_H

#include "uapi/rt/fmt.h"

/**
 * host_holders() - "used by dm-1 (name), mounted on /mnt, open in sh (pid 71)"
 * @dev: its number, as dm_dev() makes it
 * @out: empty afterwards when nobody was found
 *
 * Looks at devices on top of it, loop devices, swap areas, mounts of all mount
 * namespaces that can be read, and open and mapped files of all processes. What
 * cannot be read is passed over.
 */
void host_holders(struct fmt_buf *out, u64 dev);

/* host_char_users() - the same of a character device: "open in sh (pid 71)" */
void host_char_users(struct fmt_buf *out, u64 dev);

#endif
