/* SPDX-License-Identifier: MIT */
/* See tools/dm/nodes.h. */
#include "tools/dm/nodes.h"

#include <asm/errno.h>

#include "tools/dm/cookie.h"
#include "tools/dm/mknodes.h"

/* Of a node for which only an owner or a group was asked */
#define DEFAULT_MODE 0660

static int parse_octal(const char *text, u32 *mode)
{
	u32 value = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '7' || value > 07777 / 8)
			return -EINVAL;
		value = value * 8 + (u32)(*text - '0');
	}
	*mode = value;
	return 0;
}

static enum exit_code set_mode(struct dm_nodes_run *n)
{
	const struct dm_options *o = n->t->o;

	n->nodes = (struct dm_nodes){
		.dev_dir = n->t->dev_dir,
		.has_mode = o->mode || o->uid >= 0 || o->gid >= 0,
		.mode = DEFAULT_MODE,
		.uid = (u32)o->uid,
		.gid = (u32)o->gid,
	};
	if (o->mode && parse_octal(o->mode, &n->nodes.mode))
		return cmd_usage(n->t->r, "%s is no mode: up to four octal digits",
				 o->mode);
	return EXIT_OK;
}

static enum exit_code set_udev(struct dm_nodes_run *n)
{
	const struct cmd_run *r = n->t->r;
	const struct dm_options *o = n->t->o;
	const char *cookie = o->udevcookie ? o->udevcookie : rt_env(r->start, "DM_UDEV_COOKIE");
	bool has_udev = dm_has_udev(r);
	enum exit_code code = EXIT_OK;
	u32 key;
	int err = 0;

	n->cookie.id = -1;
	n->is_us = o->noudevrules || !has_udev;
	n->udev_flags = DM_UDEV_PRIMARY_SOURCE;
	if (n->is_us)
		n->udev_flags |= DM_UDEV_DISABLE_DM_RULES | DM_UDEV_DISABLE_SUBSYSTEM;
	else if (!o->verifyudev)
		n->udev_flags |= DM_UDEV_DISABLE_FALLBACK;
	if (cookie && *cookie) {
		/* Of somebody else, who will wait */
		code = dm_cookie_value(r, cookie, &key);
		if (!code && has_udev)
			err = dm_cookie_open(&n->cookie, key);
		return err ? dm_cookie_fail(r, key, err) : code;
	}
	/* Without a semaphore nobody can be waited for: udev comes later. */
	n->is_waiting = has_udev && !o->noudevsync && !dm_cookie_make(&n->cookie);
	return EXIT_OK;
}

enum exit_code dm_nodes_begin(struct dm_nodes_run *n, struct dm_tool *t)
{
	enum exit_code code;

	*n = (struct dm_nodes_run){ .t = t };
	code = set_mode(n);
	return code ? code : set_udev(n);
}

u32 dm_nodes_event(struct dm_nodes_run *n)
{
	return dm_cookie_take(&n->cookie, n->udev_flags);
}

void dm_nodes_after(struct dm_nodes_run *n, int err, const struct dm_info *info)
{
	if (err || !(info->flags & DM_UEVENT_GENERATED_FLAG))
		dm_cookie_drop(&n->cookie);
}

static void say(const struct dm_nodes_run *n, const char *name, int err)
{
	if (err)
		cmd_say(n->t->r, "%s/" DM_DIR "/%s: the node: %s", n->t->dev_dir, name,
			err_text(err));
}

void dm_nodes_add(struct dm_nodes_run *n, const struct dm_info *info)
{
	if (n->is_us)
		say(n, info->name, dm_node_make(&n->nodes, info->name, info->dev));
}

void dm_nodes_del(struct dm_nodes_run *n, const char *name, u64 dev)
{
	if (n->is_us)
		say(n, name, dm_node_remove(&n->nodes, name, dev));
}

void dm_nodes_move(struct dm_nodes_run *n, const char *old, const char *name, u64 dev)
{
	if (n->is_us)
		say(n, name, dm_node_rename(&n->nodes, old, name, dev));
}

void dm_nodes_end(struct dm_nodes_run *n)
{
	bool is_late;

	if (!n->is_waiting)
		return;
	n->is_waiting = false;
	is_late = dm_cookie_wait(&n->cookie, DM_UDEV_WAIT_S * 1000000000ULL) == -ETIME;
	if (is_late)
		cmd_say(n->t->r, "udev has not answered within %d seconds: its work is done here",
			DM_UDEV_WAIT_S);
	if (is_late || n->t->o->verifyudev)
		(void)dm_mknodes(n->t);
}
