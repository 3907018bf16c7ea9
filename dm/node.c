/* SPDX-License-Identifier: MIT */
/* /dev/mapper/NAME, made, moved and removed by us. */
#include "dm/node.h"

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "uapi/rt/str.h"
#include "uapi/sys.h"

#define DEFAULT_MODE 0600

#define PATH_BYTES DM_NODE_PATH_BYTES

#define LINK_BYTES 24

/* Of a name, behind which a suffix stands; one that has been mangled is what its node is called. */
static int path_of(const struct dm_nodes *n, char path[PATH_BYTES], const char *name, u64 suffix)
{
	char mangled[DM_NODE_BYTES];

	if (!dm_is_mangled(name)) {
		(void)!dm_mangle(mangled, sizeof(mangled), name);
		name = mangled;
	}
	/* A blank is in no mangled name, so what has a suffix is nobody's node. */
	return fmt_print(path, PATH_BYTES, suffix ? "%s/" DM_DIR "/%s %llx" : "%s/" DM_DIR "/%s",
			 n->dev_dir, name, suffix) < PATH_BYTES ? 0 : -ENAMETOOLONG;
}

int dm_node_path(const struct dm_nodes *n, char path[PATH_BYTES], const char *name)
{
	return path_of(n, path, name, 0);
}

int dm_node_find(const char *path, u64 *dev)
{
	struct statx st;
	int err = sys_statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &st);

	if (err)
		return err;
	*dev = dm_dev(st.stx_rdev_major, st.stx_rdev_minor);
	return (st.stx_mode & S_IFMT) == S_IFBLK ? 0 : -ENOTBLK;
}

bool dm_node_leads_to(const char *path, u64 dev)
{
	u64 found;

	return !dm_node_find(path, &found) && found == dev;
}

/* What a link to a device has in it, of ours and of udev */
static void link_of(char target[LINK_BYTES], u64 dev)
{
	fmt_print(target, LINK_BYTES, "../dm-%u", dm_dev_minor(dev));
}

bool dm_node_is_right(const struct dm_nodes *n, const char *name, u64 dev)
{
	char path[PATH_BYTES];

	return !path_of(n, path, name, 0) && dm_node_leads_to(path, dev);
}

static int make_node(const struct dm_nodes *n, const char *path, u64 dev)
{
	u32 mode = n->has_mode ? n->mode : DEFAULT_MODE;
	int err = sys_mknodat(AT_FDCWD, path, S_IFBLK | mode, (u32)dev);

	if (err || !n->has_mode)
		return err;
	/* The owner first: until the mode is set nobody else has got more than he shall. */
	err = sys_fchownat(AT_FDCWD, path, n->uid, n->gid, AT_SYMLINK_NOFOLLOW);
	return err ? err : sys_fchmodat(AT_FDCWD, path, mode);
}

/* A link where that leads to the device, else a node */
static int make(const struct dm_nodes *n, const char *path, u64 dev)
{
	char target[LINK_BYTES];

	if (!n->has_mode) {
		int err;

		link_of(target, dev);
		err = sys_symlinkat(target, AT_FDCWD, path);
		if (err || dm_node_leads_to(path, dev))
			return err;
		(void)sys_unlinkat(AT_FDCWD, path, 0);
	}
	return make_node(n, path, dev);
}

/* Made beside it and moved there: who looks sees the old one or the new one. */
static int replace(const struct dm_nodes *n, const char *path, u64 dev)
{
	char trial[PATH_BYTES];
	u64 salt = 0;
	int err;

	(void)sys_getrandom(&salt, sizeof(salt), 0);
	err = path_of(n, trial, "", salt | 1);
	if (err)
		return err;
	err = make(n, trial, dev);
	err = err ? err : sys_renameat2(AT_FDCWD, trial, AT_FDCWD, path, 0);
	if (err)
		(void)sys_unlinkat(AT_FDCWD, trial, 0);
	return err;
}

int dm_node_make(const struct dm_nodes *n, const char *name, u64 dev)
{
	char path[PATH_BYTES];
	char *slash = path;
	int err = path_of(n, path, name, 0);

	if (err)
		return err;
	slash += str_rchr(path, '/') - path;
	*slash = '\0';
	err = sys_mkdirat(AT_FDCWD, path, 0755);
	*slash = '/';
	if (err && err != -EEXIST)
		return err;
	/* What stands there may be all that was asked for, unless that is a mode; where nothing
	 * does one step makes it, and who is killed leaves no trial behind. */
	if (!n->has_mode && dm_node_leads_to(path, dev))
		return 0;
	err = n->has_mode ? -EEXIST : make(n, path, dev);
	return err == -EEXIST ? replace(n, path, dev) : err;
}

/* A device that is gone has left a node, or a link to where nothing is any more. */
int dm_node_remove(const struct dm_nodes *n, const char *name, u64 dev)
{
	char path[PATH_BYTES];
	char target[LINK_BYTES];
	char seen[LINK_BYTES] = "";
	int err = path_of(n, path, name, 0);

	if (err)
		return err;
	link_of(target, dev);
	if (!dm_node_leads_to(path, dev)) {
		(void)sys_readlinkat(AT_FDCWD, path, seen, sizeof(seen) - 1);
		if (!str_eq(seen, target))
			return 0;
	}
	err = sys_unlinkat(AT_FDCWD, path, 0);
	return err == -ENOENT ? 0 : err;
}

int dm_node_rename(const struct dm_nodes *n, const char *old, const char *name, u64 dev)
{
	char from[PATH_BYTES];
	char to[PATH_BYTES];
	int err = path_of(n, from, old, 0);

	err = err ? err : path_of(n, to, name, 0);
	/* In one step, and with the mode and owner that it has */
	if (!err && dm_node_leads_to(from, dev))
		return sys_renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
	err = err ? err : dm_node_make(n, name, dev);
	return err ? err : dm_node_remove(n, old, dev);
}
