/* SPDX-License-Identifier: MIT */
/* Events of devices, waited for with a limit; and a look at paths, which ends in one. */
#include <asm/errno.h>
#include <linux/poll.h>

#include "dm/ioctl.h"
#include "uapi/sys.h"

int dm_arm_poll(int control_fd)
{
	return dm_command(control_fd, DM_NOBODY, 0, 0, NULL, DM_DEV_ARM_POLL_CMD);
}

int dm_poll(int control_fd, s64 timeout_ms)
{
	struct pollfd p = { .fd = control_fd, .events = POLLIN };
	struct __kernel_timespec ts = dm_timespec(timeout_ms < 0 ? 0 : (u64)timeout_ms);
	int nr;

	/* poll(2) would take no notice of it, and wait */
	if (control_fd < 0)
		return -EBADF;
	nr = sys_ppoll(&p, 1, timeout_ms < 0 ? NULL : &ts);
	if (nr <= 0)
		return nr;
	return p.revents & POLLIN ? 1 : -EBADF;
}

int dm_wait_event(int control_fd, struct dm_id id, u32 event_nr, s64 timeout_ms,
		  struct dm_info *info)
{
	u64 begin_ms = dm_now_ms();

	for (;;) {
		s64 left_ms = timeout_ms;
		int err = dm_arm_poll(control_fd);

		/* Armed first: what happens from here on ends the poll. */
		err = err ? err : dm_info_get(control_fd, id, 0, info);
		if (err || info->event_nr != event_nr)
			return err;
		if (timeout_ms >= 0) {
			left_ms -= (s64)(dm_now_ms() - begin_ms);
			left_ms = left_ms < 0 ? 0 : left_ms;
		}
		err = dm_poll(control_fd, left_ms);
		if (err <= 0)
			return err ? err : -ETIME;
	}
}

int dm_mpath_probe(int block_fd)
{
	return (int)sys_ioctl(block_fd, DM_MPATH_PROBE_PATHS, NULL);
}
