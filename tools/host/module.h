/* SPDX-License-Identifier: MIT */
/* Loading a kernel module, by the kernel itself or by modprobe. */
#ifndef TOOLS_HOST_MODULE_H
#define TOOLS_HOST_MODULE_H

#include "uapi/rt/diag.h"

/**
 * host_module_load() - load a module that needs no other
 * @dir:  below /lib/modules/RELEASE/kernel, as "drivers/block"
 * @name: as "ublk_drv"
 *
 * The kernel takes a file that is not compressed, or that it can decompress
 * itself (5.17); else modprobe is asked, for at most five seconds.
 *
 * Return: 0, or -errno: -ENOENT there is no such module, -EPERM not ours to load
 */
NODISCARD int host_module_load(const char *dir, const char *name);

#endif
