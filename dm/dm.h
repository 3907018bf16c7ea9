/* SPDX-License-Identifier: MIT */
/*
 * The device mapper through its control node, by ioctl. Knows neither rings
 * nor ublk, keeps no state but the descriptor that the caller holds, and never
 * prints. Any thread may call any function; two may share a descriptor.
 */
#ifndef DM_DM_H
#define DM_DM_H

#include "uapi/types.h"

/* The kernel's interface version, as dmsetup shows it: 4.50.0 in Linux 7.3 */
struct dm_version {
	u32 major;
	u32 minor;
	u32 patchlevel;
};

/**
 * dm_control_open() - open /dev/mapper/control
 *
 * Needs only read permission; capabilities are asked for by every command.
 * Neither loads the module nor makes the node. Where udev is not running the
 * node is not there before dm-mod is.
 *
 * Return: a descriptor (close-on-exec) that dm_control_close() takes, or
 *   -ENOENT  there is no node
 *   -ENODEV, -ENXIO  there is a node but no dm-mod behind it
 *   -EACCES  the node's mode forbids it
 *   or what else openat(2) answers
 */
NODISCARD int dm_control_open(void);

/** dm_control_close() - close it; a negative descriptor is left alone */
void dm_control_close(int control_fd);

/**
 * dm_version_get() - ask the kernel which interface it speaks
 * @control_fd: from dm_control_open()
 * @version:    filled on success and with -EPROTONOSUPPORT, else all zero
 *
 * Sends 4.0.0, the lowest version of this interface: a kernel refuses a minor
 * that is higher than its own, so to send the newest would fail on older ones.
 *
 * Return: 0, or
 *   -EACCES           the caller has no CAP_SYS_ADMIN in the initial user
 *                     namespace (not -EPERM, and no version is told)
 *   -EPROTONOSUPPORT  the kernel's major is not 4
 *   -ENOTTY           the descriptor is not a device mapper control node
 * Source: ctl_ioctl() and check_version(), drivers/md/dm-ioctl.c, Linux 7.3
 */
NODISCARD int dm_version_get(int control_fd, struct dm_version *version);

#endif
