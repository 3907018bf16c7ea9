/* SPDX-License-Identifier: MIT */
/*
 * Waiting for udev: a device's events carry a number, the cookie, and udev's
 * last rule takes down a semaphore of that number once its nodes are made. The
 * wait has a limit here: an udev that has died must not hang its caller.
 *
 *	dm_cookie_make(&c);
 *	event_nr = dm_cookie_take(&c, DM_UDEV_PRIMARY_SOURCE);
 *	err = dm_resume(fd, id, 0, event_nr, &info);
 *	if (err || !(info.flags & DM_UEVENT_GENERATED_FLAG))
 *		dm_cookie_drop(&c);
 *	err = dm_cookie_wait(&c, 10 * 1000000000ULL);
 *
 * Sources: 95-dm-notify.rules and dm_udev_*() of lvm2 for the protocol
 */
#ifndef DM_UDEV_H
#define DM_UDEV_H

#include "uapi/types.h"

/* Flags in the upper half of the number, read by 10-dm.rules */
#define DM_UDEV_DISABLE_DM_RULES	0x0001
#define DM_UDEV_DISABLE_SUBSYSTEM	0x0002
#define DM_UDEV_DISABLE_DISK		0x0004
#define DM_UDEV_DISABLE_OTHER		0x0008
#define DM_UDEV_LOW_PRIORITY		0x0010
#define DM_UDEV_DISABLE_FALLBACK	0x0020
#define DM_UDEV_PRIMARY_SOURCE		0x0040 /* else a later coldplug drops the links */
#define DM_UDEV_SUBSYSTEM_FLAG(n)	(0x0100U << (n)) /* n is 0 to 7 */

/* The upper half of every cookie's key: "dm" */
#define DM_COOKIE_MAGIC			0x0d4d

/**
 * struct dm_cookie - one semaphore
 * @id:  of the semaphore; -1 when there is none
 * @key: DM_COOKIE_MAGIC in its upper half
 */
struct dm_cookie {
	s32 id;
	u32 key;
};

/** dm_udev_is_running() - is there anybody to wait for? */
bool dm_udev_is_running(void);

/** dm_cookie_make() - a semaphore of a new number; -ENOSPC, -ENOSYS (no CONFIG_SYSVIPC), ... */
NODISCARD int dm_cookie_make(struct dm_cookie *c);

/** dm_cookie_open() - one that somebody else has made; -EINVAL when @key is no cookie */
NODISCARD int dm_cookie_open(struct dm_cookie *c, u32 key);

/** dm_cookie_take() - one more event to wait for. Return: the number for dm_resume(),
 * dm_remove() and dm_rename(); without a cookie (id -1) the flags alone. */
u32 dm_cookie_take(struct dm_cookie *c, u32 flags);

/** dm_cookie_drop() - one less, when no event comes */
void dm_cookie_drop(struct dm_cookie *c);

/** dm_cookie_complete() - the same for udev's rule; -EAGAIN: there was none to wait for */
NODISCARD int dm_cookie_complete(struct dm_cookie *c);

/**
 * dm_cookie_wait() - until udev has answered every event, then remove it
 *
 * Return: 0, or -ETIME: udev has not; it is removed all the same
 */
NODISCARD int dm_cookie_wait(struct dm_cookie *c, u64 timeout_ns);

/** dm_cookie_remove() - without waiting; safe when there is none, and twice */
void dm_cookie_remove(struct dm_cookie *c);

#endif
