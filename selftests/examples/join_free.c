/* SPDX-License-Identifier: MIT */
/* Block devices one behind the other, as one: `join_free NAME DEVICE...`; and
 * `join_free -d NAME` takes it apart again. Without a libc; with udev or without. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>

#include "dm/node.h"
#include "dm/table.h"
#include "dm/udev.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/free/start.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

#define UDEV_NS (10 * 1000000000ULL)
#define BUSY_MS 2000

static const struct dm_nodes nodes = { .dev_dir = "/dev" };

/* One more line: the whole of a device */
static int add(struct dm_table *t, const char *path, struct diag *why)
{
	const char *args[] = { path, "0" };
	u64 bytes = 0;
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	int err = fd < 0 ? fd : (int)sys_ioctl(fd, BLKGETSIZE64, &bytes);

	if (fd >= 0)
		(void)sys_close(fd);
	if (err < 0)
		return diag_set(why, err, "%s", path);
	return dm_table_add(t, t->sectors, bytes / 512, "linear", args, 2, why);
}

/* What makes or removes the device's node, once its event is out: udev, or we */
static int settle(struct dm_cookie *c, int err, const struct dm_info *info)
{
	if (err || !(info->flags & DM_UEVENT_GENERATED_FLAG))
		dm_cookie_drop(c);
	return dm_cookie_wait(c, UDEV_NS);
}

static int join(int fd, const char *name, char *const *paths, struct dm_cookie *c, struct diag *why)
{
	struct dm_table t = { .used_bytes = 0 };
	struct dm_info info = { .flags = 0 };
	int err = 0;

	while (!err && *paths)
		err = add(&t, *paths++, why);
	if (!err) {
		err = dm_create_active(fd, name, NULL, DM_ANY_MINOR, &t, 0,
				       dm_cookie_take(c, DM_UDEV_PRIMARY_SOURCE), &info, why);
		(void)!settle(c, err, &info);
	}
	dm_table_free(&t);
	/* where udev is not running, or has not done it in time */
	if (!err && !dm_node_is_right(&nodes, name, info.dev))
		err = dm_node_make(&nodes, name, info.dev);
	return err;
}

static int part(int fd, const char *name, struct dm_cookie *c, struct diag *why)
{
	struct dm_info info;
	u64 dev = 0;
	int err = dm_info_get(fd, dm_by_name(name), 0, &info);

	if (!err) {
		dev = info.dev;
		err = dm_remove_retry(fd, dm_by_dev(dev), dm_cookie_take(c, DM_UDEV_PRIMARY_SOURCE),
				      BUSY_MS, &info);
		(void)!settle(c, err, &info);
	}
	return err ? diag_set(why, err, "%s", name) : dm_node_remove(&nodes, name, dev);
}

int rt_main(const struct rt_start *start)
{
	struct dm_cookie cookie = { .id = -1 };
	struct diag why = { "" };
	char line[DIAG_TEXT_BYTES + 64];
	bool is_part = start->argc == 3 && str_eq(start->argv[1], "-d");
	int fd;
	int err;

	if (start->argc < 3)
		return 2;
	fd = dm_control_open();
	if (fd == -ENOENT && dm_control_make() == 0)
		fd = dm_control_open();
	err = fd < 0 ? diag_set(&why, fd, "the device mapper's control node") : 0;
	if (!err && dm_udev_is_running())
		(void)!dm_cookie_make(&cookie); /* without one nobody is waited for */
	if (!err)
		err = is_part ? part(fd, start->argv[2], &cookie, &why) :
				join(fd, start->argv[1], start->argv + 2, &cookie, &why);
	dm_cookie_remove(&cookie);
	dm_control_close(fd);
	if (err) {
		fmt_print(line, sizeof(line), "join_free: %s: %s\n", why.text, err_text(err));
		(void)!sys_write(2, line, str_len(line));
	}
	return err != 0;
}
