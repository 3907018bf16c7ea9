/* SPDX-License-Identifier: MIT */
/* bareblk dm version: which device-mapper interface the kernel speaks. */
#include <asm/errno.h>
#include <linux/fcntl.h>

#include "dm/dm.h"
#include "tools/cmd.h"
#include "tools/host/misc.h"
#include "tools/host/module.h"
#include "uapi/sys.h"

#define CONTROL_PATH "/dev/mapper/control"

/* Where udev is not running, the node appears with the module, or never. */
static int open_control(void)
{
	int fd = dm_control_open();

	if (fd != -ENOENT && fd != -ENODEV && fd != -ENXIO)
		return fd;
	(void)!host_module_load("drivers/md", "dm-mod");
	fd = dm_control_open();
	if (fd != -ENOENT)
		return fd;
	(void)sys_mkdirat(AT_FDCWD, "/dev/mapper", 0755);
	(void)!host_misc_make_node(CONTROL_PATH, "device-mapper");
	return dm_control_open();
}

static enum exit_code fail(const struct cmd_run *r, int err)
{
	if (err == -ENOENT || err == -ENODEV || err == -ENXIO)
		return cmd_fail(r, EXIT_UNSUPPORTED, err,
				"no device mapper: modprobe dm-mod (CONFIG_BLK_DEV_DM)");
	if (err == -EACCES || err == -EPERM)
		return cmd_fail(r, EXIT_PERMISSION, err, "needs CAP_SYS_ADMIN: be root");
	return cmd_fail(r, EXIT_FAILURE, err, "cannot ask " CONTROL_PATH);
}

static enum exit_code version_run(const struct cmd_run *r)
{
	struct dm_version v;
	int fd = open_control();
	int err;

	if (fd < 0)
		return fail(r, fd);
	err = dm_version_get(fd, &v);
	dm_control_close(fd);
	if (err)
		return fail(r, err);
	fmt_add(r->out, "%u.%u.%u\n", v.major, v.minor, v.patchlevel);
	return EXIT_OK;
}

const struct cmd cmd_dm_version = {
	.text = CMD_TEXT("dm", "version", "",
			 "print the version of the kernel's device-mapper interface", ""),
	.run = version_run,
};
