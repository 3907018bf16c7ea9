/* SPDX-License-Identifier: MIT */
/* bareblk ublk readonly: whether a disk that is being served can be written. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>

#include "tools/ublk_ask.h"
#include "tools/ublk_ids.h"
#include "tools/ublk_nodes.h"
#include "tools/ublk_show.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

static int set(u32 id, bool is_read_only, struct ublk_error *error)
{
	int flag = is_read_only;
	struct ublk_nodes nodes;
	char users[USERS_BYTES];
	char path[24];
	int err;
	int fd;

	fmt_print(path, sizeof(path), "/dev/ublkb%u", id);
	/* A file system that can write, and suddenly may not, is damaged. */
	fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | (is_read_only ? O_EXCL : 0), 0);
	if (fd == -EBUSY) {
		ublk_nodes_find(id, &nodes);
		return ublk_error_set(error, "open", (s32)id, fd, "it is in use: %s",
				      ublk_users_of_disk(&nodes, users));
	}
	if (fd < 0)
		return ublk_error_set(error, "open", (s32)id, fd, "%s", path);
	/* What was written before can still be. */
	err = is_read_only ? sys_fsync(fd) : 0;
	if (!err)
		err = (int)sys_ioctl(fd, BLKROSET, &flag);
	(void)sys_close(fd);
	return err ? ublk_error_set(error, "BLKROSET", (s32)id, err, "the kernel refuses") : 0;
}

/* What the disk was made as, its target says. */
static int ask(struct ctrl_child *child, u32 id, bool is_read_only, struct ublk_error *error)
{
	struct ublk_view view;
	int err = ublk_view_get(child, id, &view);

	if (err || view.is_stuck)
		return ublk_error_set(error, "look up", (s32)id, err ? err : -ETIMEDOUT,
				      err == -ENODEV ? "there is no such device" :
						       "the kernel does not say what it is like");
	if (!is_read_only && view.params.basic.attrs & UBLK_ATTR_READ_ONLY)
		return ublk_error_set(error, "readonly", (s32)id, -EROFS, "it was made so, or its target "
				      "can only be read");
	return 0;
}

static enum exit_code readonly_run(const struct cmd_run *r)
{
	const char *word = r->argc > 1 ? r->argv[1] : "on";
	bool is_read_only = str_eq(word, "on");
	struct ctrl_child child;
	struct ublk_error error;
	u32 id;
	int err;

	if (!is_read_only && !str_eq(word, "off"))
		return cmd_usage(r, "%s: on or off", word);
	if (ublk_id_parse(r->argv[0], &id))
		return cmd_usage(r, "%s is not a device: 0, ublkb0 or /dev/ublkb0", r->argv[0]);
	if (ctrl_child_open(&child, &error))
		return cmd_fail_ublk(r, &error);
	err = ask(&child, id, is_read_only, &error);
	ctrl_child_rest(&child);
	if (!err)
		err = set(id, is_read_only, &error);
	return err ? cmd_fail_ublk(r, &error) : EXIT_OK;
}

const struct cmd cmd_ublk_readonly = {
	.text = CMD_TEXT("ublk", "readonly", "DEVICE [on|off]", "let a disk that is served be read only",
			 "Not one that is mounted, or below another device. What was written before is\n"
			 "written out. \"off\" undoes it, but not \"add --read-only\". It ends with the disk.\n"),
	.min_args = 1,
	.max_args = 2,
	.run = readonly_run,
};
