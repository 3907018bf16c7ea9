/* SPDX-License-Identifier: MIT */
/* bareblk dm mknodes: the nodes below /dev/mapper, made and removed. */
#include "tools/dm/mknodes.h"

#include <asm/errno.h>

#include "tools/host/dir.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

/* By the name that the kernel has, or by that without what a node's name needs */
static bool is_device(const struct dm_tool *t, const char *name)
{
	char plain[DM_NODE_BYTES];
	struct dm_info info;

	(void)!dm_unmangle(plain, sizeof(plain), name);
	return dm_info_get(t->control_fd, dm_by_name(name), 0, &info) != -ENXIO ||
	       dm_info_get(t->control_fd, dm_by_name(plain), 0, &info) != -ENXIO;
}

static enum exit_code remove_stale(const struct dm_tool *t, int dir_fd, const char *name)
{
	int err;

	if (str_eq(name, DM_CONTROL_NODE) || is_device(t, name))
		return EXIT_OK;
	err = sys_unlinkat(dir_fd, name, 0);
	if (!err || err == -ENOENT || err == -EISDIR)
		return EXIT_OK;
	return cmd_fail(t->r, EXIT_FAILURE, err, "removing %s, which is no device's", name);
}

/* Of the name, or with NULL all of them */
static enum exit_code remove_all_stale(const struct dm_tool *t, const char *name)
{
	enum exit_code first = EXIT_OK;
	struct host_dir d;
	int fd = host_dir_open(&d, "%s/" DM_DIR, t->dev_dir);

	if (fd < 0 && fd != -ENOENT)
		return cmd_fail(t->r, EXIT_FAILURE, fd, "%s/" DM_DIR, t->dev_dir);
	if (name && fd >= 0)
		return remove_stale(t, fd, name);
	while ((name = host_dir_next(&d))) {
		enum exit_code code = remove_stale(t, fd, name);

		first = first ? first : code;
	}
	return first;
}

/* Of a name that is no device's (any more) the node goes. */
enum exit_code dm_mknodes_one(struct dm_tool *t, const struct dm_which *w)
{
	const struct dm_nodes nodes = { .dev_dir = t->dev_dir };
	struct dm_info info;
	int err = dm_info_get(t->control_fd, w->id, 0, &info);

	if (err == -ENXIO && w->id.kind == DM_ID_NAME)
		return remove_all_stale(t, w->id.text);
	if (err)
		return dm_tool_failed(t, w, err);
	/* By remove_all: there would be nobody to remove it later. */
	if (t->o->deferred && info.flags & DM_DEFERRED_REMOVE)
		return EXIT_OK;
	err = dm_node_make(&nodes, info.name, info.dev);
	return err ? cmd_fail(t->r, EXIT_FAILURE, err, "the node of %s", info.name) : EXIT_OK;
}

enum exit_code dm_mknodes(struct dm_tool *t)
{
	enum exit_code first = remove_all_stale(t, NULL);
	enum exit_code code = dm_tool_all(t, dm_mknodes_one);

	return first ? first : code;
}

static enum exit_code mknodes_run(const struct cmd_run *r)
{
	struct dm_tool t;
	enum exit_code code = dm_tool_open(&t, r);

	if (code)
		return code;
	return r->argc || dm_tool_is_by_id(&t) ? dm_tool_each_of(&t, dm_mknodes_one) :
						 dm_mknodes(&t);
}

const struct cmd cmd_dm_mknodes = {
	.text = CMD_TEXT("dm", "mknodes", "[DEVICE...]",
			 "make the nodes that are missing, remove those of no device", ""),
	DM_OPTIONS(DM_SETS(DEVICE)),
	.max_args = CMD_ANY_ARGS,
	.run = mknodes_run,
};
