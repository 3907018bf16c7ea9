/* SPDX-License-Identifier: MIT */
/* The semaphore that udev takes down. */
#include "dm/udev.h"

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/sem.h>

#include "dm/ioctl.h"
#include "uapi/sys.h"

/* Numbers to try: each is one of 65535, and few are in use. */
#define NR_TRIES 64

bool dm_udev_is_running(void)
{
	return sys_faccessat(AT_FDCWD, "/run/udev/control", 0) == 0;
}

static int step(struct dm_cookie *c, s16 by, s16 flags, const struct __kernel_timespec *timeout)
{
	struct sembuf op = { .sem_op = by, .sem_flg = flags };
	int err;

	do
		err = sys_semtimedop(c->id, &op, 1, timeout);
	while (err == -EINTR && !timeout);
	return err;
}

int dm_cookie_make(struct dm_cookie *c)
{
	int err = -EEXIST;

	*c = (struct dm_cookie){ .id = -1 };
	for (u32 i = 0; i < NR_TRIES && err == -EEXIST; i++) {
		u16 nr = 0;

		(void)sys_getrandom(&nr, sizeof(nr), 0);
		if (!nr)
			continue;
		c->key = (u32)DM_COOKIE_MAGIC << 16 | nr;
		err = sys_semget((s32)c->key, 1, 0600 | IPC_CREAT | IPC_EXCL);
	}
	if (err < 0)
		return err;
	c->id = err;
	/* Ours to take down when all events have been counted */
	err = sys_semctl(c->id, 0, SETVAL, 1);
	if (err < 0)
		dm_cookie_remove(c);
	return err;
}

int dm_cookie_open(struct dm_cookie *c, u32 key)
{
	int id;

	*c = (struct dm_cookie){ .id = -1 };
	if (key >> 16 != DM_COOKIE_MAGIC || !(key & 0xffff))
		return -EINVAL;
	id = sys_semget((s32)key, 1, 0);
	if (id < 0)
		return id;
	*c = (struct dm_cookie){ .id = id, .key = key };
	return 0;
}

u32 dm_cookie_take(struct dm_cookie *c, u32 flags)
{
	if (c->id < 0 || step(c, 1, IPC_NOWAIT, NULL) < 0)
		return flags << 16;
	return flags << 16 | (c->key & 0xffff);
}

int dm_cookie_complete(struct dm_cookie *c)
{
	return step(c, -1, IPC_NOWAIT, NULL);
}

void dm_cookie_drop(struct dm_cookie *c)
{
	if (c->id >= 0)
		(void)!dm_cookie_complete(c);
}

void dm_cookie_remove(struct dm_cookie *c)
{
	if (c->id >= 0)
		(void)sys_semctl(c->id, 0, IPC_RMID, 0);
	c->id = -1;
}

int dm_cookie_wait(struct dm_cookie *c, u64 timeout_ns)
{
	u64 end_ms = dm_now_ms() + timeout_ns / 1000000;
	u64 now_ms;
	int err;

	if (c->id < 0)
		return 0;
	dm_cookie_drop(c);
	do { /* again after a signal, for what is left of the time */
		struct __kernel_timespec timeout;

		now_ms = dm_now_ms();
		timeout = dm_timespec(now_ms < end_ms ? end_ms - now_ms : 0);
		err = step(c, 0, 0, &timeout);
	} while (err == -EINTR);
	dm_cookie_remove(c);
	/* Somebody else has removed it: nobody will answer any more, and nobody need. */
	if (err == -EIDRM || err == -EINVAL)
		err = 0;
	return err == -EAGAIN ? -ETIME : err;
}
