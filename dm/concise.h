/* SPDX-License-Identifier: MIT */
/*
 * Devices in one line, as `dmsetup create --concise` and the kernel's own
 * dm-mod.create= take them:
 *
 *	NAME,UUID,MINOR,FLAGS,TABLE[,TABLE]...[;NAME,...]
 *
 * UUID and MINOR may be empty, FLAGS is ro, rw or empty, a TABLE is START LENGTH
 * TYPE PARAMETERS. A backslash takes the next character as it is, which the
 * kernel does not know. Blanks around a field are dropped. A superset of both:
 * a target needs no parameters, an escaped blank is a part of its parameter, and
 * neither number of devices nor length has a limit.
 */
#ifndef DM_CONCISE_H
#define DM_CONCISE_H

#include "dm/table.h"

/**
 * struct dm_concise - one device of such a line
 * @minor: or DM_ANY_MINOR
 * @flags: DM_READONLY_FLAG or 0, for dm_load()
 * @table: of dm_concise_next(): freed by the caller
 */
struct dm_concise {
	char name[DM_NAME_LEN];
	char uuid[DM_UUID_LEN];
	s32 minor;
	u32 flags;
	struct dm_table table;
};

/**
 * dm_concise_next() - the device at *at
 * @at:  a string; moved behind the device
 * @dev: overwritten; on failure its table is freed
 *
 * Return: 1, 0 when nothing but blanks is left, or as dm_table_add() with a
 * reason in @why
 */
NODISCARD int dm_concise_next(const char **at, struct dm_concise *dev, struct diag *why);

/**
 * dm_concise_format() - a device as such a line reads it
 * @info, @lines: from dm_info_get() and dm_table_status(..., DM_STATUS_TABLE_FLAG)
 * @type:  only lines of this target, or NULL for all
 *
 * As dmsetup table --concise writes it. Return: 0, or -EPROTO.
 */
NODISCARD int dm_concise_format(struct fmt_buf *out, const struct dm_info *info,
				const char *type, const struct dm_reply *lines);

/** dm_concise_write() - the reverse of dm_concise_next(), whatever is in it; 0, or -EINVAL */
NODISCARD int dm_concise_write(struct fmt_buf *out, const struct dm_concise *dev,
			       struct diag *why);

#endif
