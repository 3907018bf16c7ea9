/* SPDX-License-Identifier: MIT */
/*
 * The device mapper's ioctls as the kernel sees them, complete up to interface
 * version 4.50 (Linux 7.3). A number such as 4.16 in a comment is the version
 * of the interface that brought it.
 *
 * May be combined with <linux/dm-ioctl.h> of any release, in either order.
 * Constants are macros, so that they are here even when an older header came
 * first; the layouts and DM_VERSION_* are those of whichever came first.
 */
#ifndef UAPI_DM_IOCTL_H
#define UAPI_DM_IOCTL_H

#include "uapi/types.h"
#include <linux/ioctl.h>

/* Constants that are spelled differently there would draw a warning each. */
#ifdef _LINUX_DM_IOCTL_V4_H
#pragma GCC system_header
#endif

/* where the control node and the devices are, below /dev */
#define DM_DIR			"mapper"
#define DM_CONTROL_NODE		"control"

/* bytes of the name fields, with the NUL */
#define DM_MAX_TYPE_NAME	16
#define DM_NAME_LEN		128
#define DM_UUID_LEN		129

/* ---- commands --------------------------------------------------------------- */

#define DM_VERSION_CMD			0
#define DM_REMOVE_ALL_CMD		1
#define DM_LIST_DEVICES_CMD		2
#define DM_DEV_CREATE_CMD		3
#define DM_DEV_REMOVE_CMD		4
#define DM_DEV_RENAME_CMD		5
#define DM_DEV_SUSPEND_CMD		6
#define DM_DEV_STATUS_CMD		7
#define DM_DEV_WAIT_CMD			8
#define DM_TABLE_LOAD_CMD		9
#define DM_TABLE_CLEAR_CMD		10
#define DM_TABLE_DEPS_CMD		11
#define DM_TABLE_STATUS_CMD		12
#define DM_LIST_VERSIONS_CMD		13
#define DM_TARGET_MSG_CMD		14
#define DM_DEV_SET_GEOMETRY_CMD		15
#define DM_DEV_ARM_POLL_CMD		16
#define DM_GET_TARGET_VERSION_CMD	17
#define DM_MPATH_PROBE_PATHS_CMD	18

/* The kernel looks at this type and the number only, not at size or direction. */
#define DM_IOCTL		0xfd

/* On the control node: the whole of device mapper */
#define DM_VERSION		_IOWR(DM_IOCTL, DM_VERSION_CMD, struct dm_ioctl)
#define DM_REMOVE_ALL		_IOWR(DM_IOCTL, DM_REMOVE_ALL_CMD, struct dm_ioctl)
#define DM_LIST_DEVICES		_IOWR(DM_IOCTL, DM_LIST_DEVICES_CMD, struct dm_ioctl)
#define DM_LIST_VERSIONS	_IOWR(DM_IOCTL, DM_LIST_VERSIONS_CMD, struct dm_ioctl)
#define DM_GET_TARGET_VERSION	_IOWR(DM_IOCTL, DM_GET_TARGET_VERSION_CMD, struct dm_ioctl)
#define DM_DEV_ARM_POLL		_IOWR(DM_IOCTL, DM_DEV_ARM_POLL_CMD, struct dm_ioctl)

/* ... one device */
#define DM_DEV_CREATE		_IOWR(DM_IOCTL, DM_DEV_CREATE_CMD, struct dm_ioctl)
#define DM_DEV_REMOVE		_IOWR(DM_IOCTL, DM_DEV_REMOVE_CMD, struct dm_ioctl)
#define DM_DEV_RENAME		_IOWR(DM_IOCTL, DM_DEV_RENAME_CMD, struct dm_ioctl)
#define DM_DEV_STATUS		_IOWR(DM_IOCTL, DM_DEV_STATUS_CMD, struct dm_ioctl)
#define DM_DEV_WAIT		_IOWR(DM_IOCTL, DM_DEV_WAIT_CMD, struct dm_ioctl)
#define DM_DEV_SET_GEOMETRY	_IOWR(DM_IOCTL, DM_DEV_SET_GEOMETRY_CMD, struct dm_ioctl)
#define DM_DEV_SUSPEND		_IOWR(DM_IOCTL, DM_DEV_SUSPEND_CMD, struct dm_ioctl) /* or resume */

/* ... its tables */
#define DM_TABLE_LOAD		_IOWR(DM_IOCTL, DM_TABLE_LOAD_CMD, struct dm_ioctl)
#define DM_TABLE_CLEAR		_IOWR(DM_IOCTL, DM_TABLE_CLEAR_CMD, struct dm_ioctl)
#define DM_TABLE_DEPS		_IOWR(DM_IOCTL, DM_TABLE_DEPS_CMD, struct dm_ioctl)
#define DM_TABLE_STATUS		_IOWR(DM_IOCTL, DM_TABLE_STATUS_CMD, struct dm_ioctl)
#define DM_TARGET_MSG		_IOWR(DM_IOCTL, DM_TARGET_MSG_CMD, struct dm_ioctl)

/* On the block device of a multipath map */
#define DM_MPATH_PROBE_PATHS	_IO(DM_IOCTL, DM_MPATH_PROBE_PATHS_CMD)

/* ---- dm_ioctl.flags ----------------------------------------------------------- */

#define DM_READONLY_FLAG		(1 << 0)  /* in and out */
#define DM_SUSPEND_FLAG			(1 << 1)  /* in and out */
#define DM_PERSISTENT_DEV_FLAG		(1 << 3)  /* in: the minor in dev */
#define DM_STATUS_TABLE_FLAG		(1 << 4)  /* in: the table, not its state */
#define DM_ACTIVE_PRESENT_FLAG		(1 << 5)  /* out */
#define DM_INACTIVE_PRESENT_FLAG	(1 << 6)  /* out */
#define DM_BUFFER_FULL_FLAG		(1 << 8)  /* out: ask again with more room */
#define DM_SKIP_BDGET_FLAG		(1 << 9)  /* ignored */
#define DM_SKIP_LOCKFS_FLAG		(1 << 10) /* in: do not freeze */
#define DM_NOFLUSH_FLAG			(1 << 11) /* in: 4.12 */
#define DM_QUERY_INACTIVE_TABLE_FLAG	(1 << 12) /* in: 4.16 */
#define DM_UEVENT_GENERATED_FLAG	(1 << 13) /* out: 4.17, udev will answer */
#define DM_UUID_FLAG			(1 << 14) /* in: 4.19, rename sets the uuid */
#define DM_SECURE_DATA_FLAG		(1 << 15) /* in: 4.20, wipe the buffers */
#define DM_DATA_OUT_FLAG		(1 << 16) /* out: a message has an answer */
#define DM_DEFERRED_REMOVE		(1 << 17) /* in and out: 4.27 */
#define DM_INTERNAL_SUSPEND_FLAG	(1 << 18) /* out */
#define DM_IMA_MEASUREMENT_FLAG		(1 << 19) /* in: 4.45 */

/* the flags word behind a name in DM_LIST_DEVICES */
#define DM_NAME_LIST_FLAG_HAS_UUID		1
#define DM_NAME_LIST_FLAG_DOESNT_HAVE_UUID	2

/* ---- layouts -------------------------------------------------------------------- */

#ifndef _LINUX_DM_IOCTL_V4_H
#define _LINUX_DM_IOCTL_V4_H

/*
 * The interface that this header describes. Not to be sent: a kernel with a
 * lower minor answers EINVAL.
 */
#define DM_VERSION_MAJOR	4
#define DM_VERSION_MINOR	50
#define DM_VERSION_PATCHLEVEL	0
#define DM_VERSION_EXTRA	"-ioctl (2025-04-28)"

/* starts every buffer; 305 bytes are read and written, data may begin at 312 */
struct dm_ioctl {
	u32 version[3];		/* answered even when the command fails */
	u32 data_size;		/* of the buffer, with this struct; answered */
	u32 data_start;		/* from the start of this struct */
	u32 target_count;
	s32 open_count;		/* answered */
	u32 flags;
	u32 event_nr;		/* or a udev cookie */
	u32 padding;
	u64 dev;		/* as mknod(2) takes it */
	char name[DM_NAME_LEN];	/* of name, uuid and dev one selects */
	char uuid[DM_UUID_LEN];
	char data[7];
};

/* one line of a table; its parameters follow, NUL-terminated */
struct dm_target_spec {
	u64 sector_start;
	u64 length;		/* sectors */
	s32 status;
	u32 next;		/* loaded: from this spec; read: from the first */
	char target_type[DM_MAX_TYPE_NAME];
};

struct dm_target_deps {
	u32 count;
	u32 padding;
	u64 dev[];
};

/*
 * Behind the name's NUL, at the next multiple of 8: u32 event_nr, u32 flags,
 * and with DM_NAME_LIST_FLAG_HAS_UUID the uuid. name is at 12, not at sizeof.
 */
struct dm_name_list {
	u64 dev;
	u32 next;		/* from this record; 0 in the last */
	char name[];
};

struct dm_target_versions {
	u32 next;		/* from this record; 0 in the last */
	u32 version[3];
	char name[];
};

struct dm_target_msg {
	u64 sector;		/* selects the target */
	char message[];
};

_Static_assert(sizeof(struct dm_ioctl) == 312, "ABI");
_Static_assert(offsetof(struct dm_ioctl, data) == 305, "ABI");
_Static_assert(sizeof(struct dm_target_spec) == 40, "ABI");
_Static_assert(sizeof(struct dm_target_deps) == 8, "ABI");
_Static_assert(sizeof(struct dm_name_list) == 16, "ABI");
_Static_assert(offsetof(struct dm_name_list, name) == 12, "ABI");
_Static_assert(sizeof(struct dm_target_versions) == 16, "ABI");
_Static_assert(sizeof(struct dm_target_msg) == 8, "ABI");

#endif /* _LINUX_DM_IOCTL_V4_H */

#endif
