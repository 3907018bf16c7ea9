/* SPDX-License-Identifier: MIT */
/*
 * /dev/mapper/NAME where udev does not make it: a relative link to the node
 * that devtmpfs has made, or a node of its own. Never there half, never left
 * to point at another device, never taken from one. Any thread.
 */
#ifndef DM_NODE_H
#define DM_NODE_H

#include "dm/dm.h"
#include "uapi/rt/fmt.h"

/* Bytes that the path of any device needs below its directory, mangled, with NUL */
#define DM_NODE_BYTES (4 * DM_NAME_LEN)

/**
 * struct dm_nodes - where, and whose
 * @dev_dir:  "/dev"; nodes are made in its directory mapper
 * @has_mode: make nodes with this mode, user and group, our own where one is -1; otherwise links
 */
struct dm_nodes {
	const char *dev_dir;
	bool has_mode;
	u32 mode;
	u32 uid;
	u32 gid;
};

/* Room for any path, with what is made beside it for a moment */
#define DM_NODE_PATH_BYTES 1024

/** dm_node_path() - that of a device's node, or -ENAMETOOLONG; a name that has been mangled is
 * what its node is called */
NODISCARD int dm_node_path(const struct dm_nodes *n, char path[DM_NODE_PATH_BYTES],
			   const char *name);

/**
 * dm_node_make() - make the node of a device, or put right what is there
 *
 * What stands in its place is replaced in one step. Where /dev/dm-N is not the
 * device (no devtmpfs), a node is made, mode 0600.
 *
 * Return: 0, or -errno of what failed; nothing is left of it then
 */
NODISCARD int dm_node_make(const struct dm_nodes *n, const char *name, u64 dev);

/** dm_node_remove() - remove the node of a device that is gone: a node of another
 * device in its place, and no node, are left as they are */
NODISCARD int dm_node_remove(const struct dm_nodes *n, const char *name, u64 dev);

/** dm_node_rename() - the node follows a device's new name, as it is, in one step; made when
 * it was not there */
NODISCARD int dm_node_rename(const struct dm_nodes *n, const char *old, const char *name, u64 dev);

/** dm_node_is_right() - there is a node of that name and it is this device */
bool dm_node_is_right(const struct dm_nodes *n, const char *name, u64 dev);

/** dm_node_find() - the block device that a path leads to; asks no server for a file that is
 * on one. Return: 0, -ENOTBLK, or as statx(2) */
NODISCARD int dm_node_find(const char *path, u64 *dev);

/** dm_node_leads_to() - whether a path leads to this device */
bool dm_node_leads_to(const char *path, u64 dev);

/**
 * dm_mangle() - a name as file names and udev have it
 *
 * Letters, digits and #+-.:=@_ stay, any other byte is \xNN.
 *
 * Return: the length it has, which was cut when it is size or more
 */
size_t dm_mangle(char *out, size_t size, const char *name);

/** dm_unmangle() - the reverse; what is no \xNN stays as it is */
size_t dm_unmangle(char *out, size_t size, const char *name);

/** dm_is_mangled() - whether every byte is one that dm_mangle() leaves, or a \xNN */
bool dm_is_mangled(const char *name);

#endif
