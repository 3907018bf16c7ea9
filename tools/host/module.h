/* SPDX-License-Identifier: MIT */
/* Loading a kernel module with all that it needs, by the kernel itself or by modprobe. */
#ifndef TOOLS_HOST_MODULE_H
#define TOOLS_HOST_MODULE_H

#include "uapi/rt/diag.h"

/**
 * host_module_load() - load a module
 * @dir:  where it is below /lib/modules/RELEASE/kernel if there is no modules.dep
 *        to tell, as "drivers/block"; or NULL
 * @name: as "ublk_drv", or another name of it that modules.alias has
 * @why:  on failure: what to do about it; may be NULL
 *
 * What it needs is loaded first. The kernel takes files that are not compressed,
 * or that it can decompress itself (5.17); else modprobe is asked, for at most
 * five seconds.
 *
 * Return: 0, or -errno: -ENOENT there is no such module, -EPERM not ours to load
 */
NODISCARD int host_module_load(const char *dir, const char *name, struct diag *why);

/**
 * host_module_find() - the file that host_module_load() would begin to look for
 * @path: filled, also when it is not there
 *
 * Return: 0, or -errno: -ENOENT no list has it, or the file is not there
 */
NODISCARD int host_module_find(const char *dir, const char *name, char *path, size_t size);

/* host_module_try() - the same without modprobe and without a reason, for what may well
 * not be a module at all: an algorithm that is built in, or no algorithm */
void host_module_try(const char *name);

/* host_has_modprobe() - the kernel can load modules by itself: the program that
 * /proc/sys/kernel/modprobe names is there */
bool host_has_modprobe(void);

#endif
