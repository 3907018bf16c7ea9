/* SPDX-License-Identifier: MIT */
/*
 * What a verb does to /dev/mapper: left to udev and waited for where it runs,
 * done by us where it does not. Where udev has not answered in time everything is
 * looked after as mknodes does.
 *
 *	code = dm_nodes_begin(&n, t);
 *	err = dm_resume(fd, id, 0, dm_nodes_event(&n), &info);
 *	dm_nodes_after(&n, err, &info);
 *	if (!err)
 *		dm_nodes_add(&n, &info);
 *	dm_nodes_end(&n);
 */
#ifndef TOOLS_DM_NODES_H
#define TOOLS_DM_NODES_H

#include "dm/udev.h"
#include "tools/dm/run.h"

/**
 * struct dm_nodes_run - one call of a verb
 * @cookie: ours, which is waited for, or one that udevcreatecookie has made
 * @is_us:  nodes are made by us: there is no udev, or it shall not
 */
struct dm_nodes_run {
	struct dm_tool *t;
	struct dm_cookie cookie;
	bool is_us;
	bool is_waiting;
	u32 udev_flags;
	struct dm_nodes nodes;
};

/* dm_nodes_begin() - prints on failure */
enum exit_code dm_nodes_begin(struct dm_nodes_run *n, struct dm_tool *t);

/* dm_nodes_event() - the number for one command that makes an event */
u32 dm_nodes_event(struct dm_nodes_run *n);

/* dm_nodes_after() - that command's result: whether its event comes; any thread */
void dm_nodes_after(struct dm_nodes_run *n, int err, const struct dm_info *info);

/* A device has come to life, is gone, has another name. Names as the kernel has them. */
void dm_nodes_add(struct dm_nodes_run *n, const struct dm_info *info);
void dm_nodes_del(struct dm_nodes_run *n, const char *name, u64 dev);
void dm_nodes_move(struct dm_nodes_run *n, const char *old, const char *name, u64 dev);

/* dm_nodes_end() - wait for udev, put right what it has left; never fails the verb */
void dm_nodes_end(struct dm_nodes_run *n);

#endif
