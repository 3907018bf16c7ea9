/* SPDX-License-Identifier: MIT */
/* Commands that are several of the kernel's: all of them, or none. */
#include <asm/errno.h>
#include <linux/signal.h>

#include "dm/ioctl.h"
#include "dm/table.h"
#include "uapi/sys.h"

#define RETRY_MS 20
#define ROLLBACK_MS 5000

int dm_remove_retry(int control_fd, struct dm_id id, u32 cookie, u32 timeout_ms,
		    struct dm_info *info)
{
	const struct __kernel_timespec pause = dm_timespec(RETRY_MS);
	u64 begin_ms = dm_now_ms();
	int err;

	for (;;) {
		err = dm_remove(control_fd, id, 0, cookie, info);
		if (err != -EBUSY || dm_now_ms() - begin_ms >= timeout_ms)
			return err;
		(void)sys_nanosleep(&pause, NULL);
	}
}

int dm_replace_with_errors(int control_fd, struct dm_id id, u32 flags, u32 cookie,
			   struct dm_info *info)
{
	struct dm_table errors = { 0 };
	struct dm_reply r = { .io = NULL };
	struct dm_target line = { .len = 0 };
	struct dm_info device;
	u32 pos = 0;
	/* with the table's own length in it, and its keys: they are not ours to keep */
	int err = dm_table_status(control_fd, id, DM_STATUS_TABLE_FLAG | DM_SECURE_DATA_FLAG, &r);

	if (!err) {
		dm_reply_info(&r, &device);
		id = dm_by_dev(device.dev);
		while ((err = dm_next_target(&r, &pos, &line)) > 0)
			;
	}
	dm_reply_free(&r);
	if (err)
		return err;
	if (!line.len)
		return dm_clear(control_fd, id, info);
	err = dm_table_add_text(&errors, 0, line.start + line.len, "error", "", 0, NULL);
	if (!err)
		err = dm_load(control_fd, id, &errors, (flags | device.flags) & DM_READONLY_FLAG,
			      NULL);
	dm_table_free(&errors);
	if (err)
		return err;
	err = dm_resume(control_fd, id, flags & ~(u32)DM_READONLY_FLAG, cookie, info);
	if (err)
		(void)!dm_clear(control_fd, id, NULL);
	return err;
}

/* Why it could not be made: taken, and by what */
static int say_create(int control_fd, const char *name, s32 minor, int err, struct diag *why)
{
	struct dm_info other = { 0 };

	if (err == -ENXIO && minor != DM_ANY_MINOR)
		return diag_set(why, err, "creating %s: minor %d is taken", name, minor);
	if (err != -EBUSY)
		return diag_set(why, err, "creating %s", name);
	if (dm_info_get(control_fd, dm_by_name(name), 0, &other))
		return diag_set(why, err, "creating %s: another device has its uuid", name);
	if (other.flags & DM_ACTIVE_PRESENT_FLAG)
		return diag_set(why, err, "creating %s: there is a device of that name", name);
	return diag_set(why, err, "creating %s: a device of that name is there, with no live table: "
				  "somebody is making it, or was killed before it was done", name);
}

static int create_active(int control_fd, const char *name, const char *uuid, s32 minor,
			 struct dm_table *t, u32 flags, u32 cookie, struct dm_info *made,
			 struct diag *why)
{
	const char *step = "loading its table";
	int undone;
	int err = dm_create(control_fd, name, uuid, minor, made);

	if (err)
		return say_create(control_fd, name, minor, err, why);
	/* By number from here on: somebody may give it another name. */
	err = dm_load(control_fd, dm_by_dev(made->dev), t, flags, NULL);
	if (!err) {
		step = "resuming it";
		err = dm_resume(control_fd, dm_by_dev(made->dev), 0, cookie, made);
	}
	if (!err)
		return 0;
	undone = dm_remove_retry(control_fd, dm_by_dev(made->dev), 0, ROLLBACK_MS, NULL);
	if (undone && undone != -ENXIO)
		return diag_set(why, err, "%s: %s; it is left behind, removing it: %s", name, step,
				err_name(undone));
	return diag_set(why, err, "%s: %s", name, step);
}

int dm_create_active(int control_fd, const char *name, const char *uuid, s32 minor,
		     struct dm_table *t, u32 flags, u32 cookie, struct dm_info *info,
		     struct diag *why)
{
	struct dm_info made = { 0 };
	const u64 all = ~0ULL;
	u64 old = 0;
	int masked;
	int err;

	/* Whoever interrupts this gets all of it or nothing: signals come when it is over. */
	masked = sys_rt_sigprocmask(SIG_BLOCK, &all, &old);
	err = create_active(control_fd, name, uuid, minor, t, flags, cookie, &made, why);
	if (!masked)
		(void)sys_rt_sigprocmask(SIG_SETMASK, &old, NULL);
	if (!err && info)
		*info = made;
	return err;
}
