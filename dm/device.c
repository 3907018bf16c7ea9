/* SPDX-License-Identifier: MIT */
/* The life of one device: made, suspended, resumed, renamed, removed. */
#include <asm/errno.h>

#include "dm/ioctl.h"
#include "dm/table.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

int dm_check_name(const char *name)
{
	if (str_len(name) >= DM_NAME_LEN)
		return -ENAMETOOLONG;
	/* 6.1 takes the last three, whose nodes are the folder's own. */
	return !*name || str_chr(name, '/') || str_eq(name, ".") || str_eq(name, "..") ||
			       str_eq(name, "control") ?
		       -EINVAL :
		       0;
}

int dm_create(int control_fd, const char *name, const char *uuid, s32 minor, struct dm_info *info)
{
	struct dm_ioctl io;
	int err = dm_check_name(name);

	err = err ? err : dm_head_for(&io, dm_by_name(name), 0, 0);
	err = err ? err : dm_head_name(io.uuid, sizeof(io.uuid), uuid);
	if (err)
		return err;
	if (minor != DM_ANY_MINOR) {
		/* of a number that is too large the kernel would take the lower bits */
		if ((u32)minor > DM_MAX_MINOR)
			return -EINVAL;
		io.flags = DM_PERSISTENT_DEV_FLAG;
		io.dev = dm_dev(0, (u32)minor);
	}
	return dm_send(control_fd, DM_DEV_CREATE_CMD, &io, info);
}

int dm_clear(int control_fd, struct dm_id id, struct dm_info *info)
{
	return dm_command(control_fd, id, 0, 0, info, DM_TABLE_CLEAR_CMD);
}

int dm_suspend(int control_fd, struct dm_id id, u32 flags, struct dm_info *info)
{
	return dm_command(control_fd, id, flags | DM_SUSPEND_FLAG, 0, info, DM_DEV_SUSPEND_CMD);
}

int dm_resume(int control_fd, struct dm_id id, u32 flags, u32 cookie, struct dm_info *info)
{
	return dm_command(control_fd, id, flags & ~(u32)DM_SUSPEND_FLAG, cookie, info,
			  DM_DEV_SUSPEND_CMD);
}

int dm_remove(int control_fd, struct dm_id id, u32 flags, u32 cookie, struct dm_info *info)
{
	return dm_command(control_fd, id, flags, cookie, info, DM_DEV_REMOVE_CMD);
}

/* Answers nothing, not even a head */
int dm_remove_all(int control_fd, u32 flags)
{
	return dm_command(control_fd, DM_NOBODY, flags, 0, NULL, DM_REMOVE_ALL_CMD);
}

int dm_info_get(int control_fd, struct dm_id id, u32 flags, struct dm_info *info)
{
	return dm_command(control_fd, id, flags, 0, info, DM_DEV_STATUS_CMD);
}

/* A head and what the kernel reads behind it, where nothing long is answered */
struct head_and_text {
	struct dm_ioctl io;
	char text[DM_UUID_LEN + 7];
};

static int begin(struct head_and_text *req, struct dm_id id, u32 flags, u32 cookie)
{
	int err = dm_head_for(&req->io, id, flags, cookie);

	req->io.data_size = sizeof(*req);
	memset(req->text, 0, sizeof(req->text));
	return err;
}

static int rename(int control_fd, struct dm_id id, const char *text, u32 flags, u32 cookie,
		  struct dm_info *info)
{
	bool is_uuid = flags;
	struct dm_info device;
	struct head_and_text req;
	int err = is_uuid ? 0 : dm_check_name(text);

	/* This command finds a device by its name only, and answers with the old one. */
	if (!err && id.kind != DM_ID_NAME) {
		err = dm_info_get(control_fd, id, 0, &device);
		id = dm_by_name(device.name);
	}
	err = err ? err : begin(&req, id, flags, cookie);
	err = err ? err : dm_head_name(req.text, DM_UUID_LEN, text);
	err = err ? err : dm_send(control_fd, DM_DEV_RENAME_CMD, &req.io, info);
	if (!err && info)
		memcpy(is_uuid ? info->uuid : info->name, req.text, str_len(text) + 1);
	return err;
}

int dm_rename(int control_fd, struct dm_id id, const char *name, u32 cookie, struct dm_info *info)
{
	return rename(control_fd, id, name, 0, cookie, info);
}

int dm_set_uuid(int control_fd, struct dm_id id, const char *uuid, u32 cookie,
		struct dm_info *info)
{
	return rename(control_fd, id, uuid, DM_UUID_FLAG, cookie, info);
}

int dm_set_geometry(int control_fd, struct dm_id id, u32 cylinders, u32 heads, u32 sectors,
		    u64 start)
{
	struct head_and_text req;
	int err = begin(&req, id, 0, 0);

	fmt_print(req.text, sizeof(req.text), "%u %u %u %llu", cylinders, heads, sectors, start);
	return err ? err : dm_send(control_fd, DM_DEV_SET_GEOMETRY_CMD, &req.io, NULL);
}

/* Its head goes into the table's own memory, in front of the lines. */
int dm_load(int control_fd, struct dm_id id, struct dm_table *t, u32 flags, struct dm_info *info)
{
	struct dm_ioctl *io = t->mem.addr;
	int err = -EINVAL;

	if (t->is_secret)
		flags |= DM_SECURE_DATA_FLAG;
	if (io) {
		err = dm_head_for(io, id, flags, 0);
		io->data_size = t->used_bytes;
		io->target_count = t->nr_targets;
		err = err ? err : dm_send(control_fd, DM_TABLE_LOAD_CMD, io, info);
	}
	/* The kernel has overwritten all of it, unless it has not come that far. */
	if (flags & DM_SECURE_DATA_FLAG)
		dm_table_free(t);
	return err;
}
