/* SPDX-License-Identifier: MIT */
/* /dev/ublkbN and /dev/ublkcN: their numbers, who has them open, and such as have been left
 * where nobody looks after /dev. Any thread. */
#ifndef TOOLS_UBLK_NODES_H
#define TOOLS_UBLK_NODES_H

#include "uapi/types.h"

#define USERS_BYTES 256

/* struct ublk_nodes - numbers of a device's nodes, 0 where it has none */
struct ublk_nodes {
	u32 id;
	u64 disk;
	u64 chr;
};

/* ublk_nodes_find() - by sysfs, since the driver may be deaf; a disk's is good for those below
 * also when it was stopped since */
void ublk_nodes_find(u32 id, struct ublk_nodes *nodes);

/**
 * ublk_users() - "mounted on /mnt, open in sh (pid 71)", or for its character device
 *                "/dev/ublkc0 open in bareblk (pid 70)"
 *
 * Return: users, "" when nobody is seen
 */
const char *ublk_users(const struct ublk_nodes *nodes, char users[USERS_BYTES]);

/* ublk_users_of_disk() - of the block device alone */
const char *ublk_users_of_disk(const struct ublk_nodes *nodes, char users[USERS_BYTES]);

/* ublk_nodes_tidy() - remove, or with @only_count count, those of devices that are gone; how many
 * that are. Nothing where sysfs does not tell what there is */
u32 ublk_nodes_tidy(bool only_count);

#endif
