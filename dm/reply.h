/* SPDX-License-Identifier: MIT */
/*
 * Answers of the device mapper that have any length: asked for again with more
 * room until they fit, then walked record by record. What the kernel wrote is
 * checked as if it came from an enemy. A reply belongs to one thread at a time.
 *
 *	struct dm_reply r = { 0 };
 *	struct dm_name dev;
 *	u32 pos = 0;
 *
 *	err = dm_list(fd, NULL, NULL, DM_UUID_FLAG, &r);
 *	while (!err && (err = dm_next_name(&r, &pos, &dev)) > 0)
 *		...
 *	dm_reply_free(&r);
 */
#ifndef DM_REPLY_H
#define DM_REPLY_H

#include "dm/dm.h"
#include "uapi/rt/pages.h"

/**
 * struct dm_reply - one answer, and the memory for it
 * @io:        what stands before the records; NULL when there was no answer yet
 * @data:      the records; @data_bytes of them
 * @room_bytes: of the memory that are used; it grows up to 1 GiB
 * @is_secret:  it was asked for with DM_SECURE_DATA_FLAG: locked in memory, left out of
 *              cores, and wiped before it is freed or grows
 * @is_lent:    the memory is the caller's
 *
 * Zero it before its first use; it can be used again and again, for any
 * command. Strings and records are valid until then.
 */
struct dm_reply {
	struct pages mem;
	const struct dm_ioctl *io;
	const char *data;
	u32 data_bytes;
	u32 room_bytes;
	bool is_secret;
	bool is_lent;
};

/**
 * dm_reply_lend() - begin with memory of the caller's, aligned to 8 bytes
 * @first_bytes: of it, at least 512, that are tried first: the kernel copies all of them
 *               both ways
 *
 * Short answers then cost no mapping; a longer one gets its own, and the caller's is
 * not used any more. It has to stay until dm_reply_free().
 */
void dm_reply_lend(struct dm_reply *r, void *mem, u32 mem_bytes, u32 first_bytes);

/** dm_reply_free() - give the memory back; safe on a zeroed struct, and twice */
void dm_reply_free(struct dm_reply *r);

/** dm_reply_wipe() - overwrite what it holds and keep the memory; dm_reply_free() does it
 * for what is_secret */
void dm_reply_wipe(struct dm_reply *r);

/** dm_reply_info() - the device that the answer is about */
void dm_reply_info(const struct dm_reply *r, struct dm_info *info);

/** dm_reply_text() - the text that a message was answered with, or NULL */
const char *dm_reply_text(const struct dm_reply *r);

/*
 * Each of these gives the record at *pos and moves on; *pos is 0 at first.
 * Return: 1, 0 behind the last, or -EPROTO when the kernel's answer is malformed.
 */

/**
 * struct dm_name - a device of dm_list()
 * @uuid: NULL when it was not asked for, "" when it has none
 */
struct dm_name {
	u64 dev;
	const char *name;
	const char *uuid;
	u32 event_nr;
};

NODISCARD int dm_next_name(const struct dm_reply *r, u32 *pos, struct dm_name *out);

/** struct dm_target - a line of dm_table_status() or dm_wait(); in sectors */
struct dm_target {
	u64 start;
	u64 len;
	const char *params; /* or its state; may be empty */
	char type[DM_MAX_TYPE_NAME + 1];
};

NODISCARD int dm_next_target(const struct dm_reply *r, u32 *pos, struct dm_target *out);

/** dm_next_dep() - a device number of dm_deps() */
NODISCARD int dm_next_dep(const struct dm_reply *r, u32 *pos, u64 *dev);

/** struct dm_target_type - of dm_list_targets(), the newest first */
struct dm_target_type {
	const char *name;
	struct dm_version version;
};

NODISCARD int dm_next_target_type(const struct dm_reply *r, u32 *pos, struct dm_target_type *out);

/* dm_reply_take() - for the walkers' tests: an answer that stands in memory */
NODISCARD int dm_reply_take(struct dm_reply *r, const struct dm_ioctl *io, u32 room_bytes);

#endif
