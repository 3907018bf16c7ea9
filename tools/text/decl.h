/* SPDX-License-Identifier: MIT */
/*
 * Devices as a file declares them, for bareblk dm apply:
 *
 *	set storage
 *	device data uuid=DATA-1 minor=7 ro	# blanks in a word are 'quoted'
 *		0 2048 linear /dev/sda 0
 *		2048 2048 zero
 *	absent scratch
 *
 * A line that begins with a digit is one of a table, as DM_TEXT_QUOTED has it.
 * set may stand in front of all others: the devices of the file are a set then,
 * and those without a uuid get one that says so.
 */
#ifndef TOOLS_TEXT_DECL_H
#define TOOLS_TEXT_DECL_H

#include "dm/table.h"

/* Such a uuid is this, the set, ':' and the device's name. */
#define DECL_SET_PREFIX "BAREBLK-"
#define DECL_SET_BYTES 33

/**
 * struct decl - a text that is being read
 * @at:   terminated
 * @line: of at, from 1
 * @set:  "" as long as there is none
 */
struct decl {
	const char *at;
	u32 line;
	bool has_device;
	char set[DECL_SET_BYTES];
};

/**
 * struct decl_device - a device of it
 * @line:        where it stands
 * @minor:       or DM_ANY_MINOR
 * @is_absent:   there shall be no such device
 * @table:       of decl_next(): freed by the caller; empty when it is absent
 * @name, @uuid: as they stand there, or the set's; "" for no uuid
 */
struct decl_device {
	u32 line;
	s32 minor;
	bool is_readonly;
	bool is_absent;
	struct dm_table table;
	char name[DM_UUID_LEN];
	char uuid[sizeof(DECL_SET_PREFIX) + DECL_SET_BYTES + DM_UUID_LEN];
};

/** decl_next() - the next device: 1, 0 at the end, or as dm_table_parse() with *why naming
 * the line */
NODISCARD int decl_next(struct decl *d, struct decl_device *dev, struct diag *why);

/**
 * decl_resolve() - copy a table with device numbers in place of words
 * @find: called for each parameter, unquoted, that a device could be: true when *dev shall
 *        stand there
 *
 * The lines are the same otherwise. Return: as dm_table_add_text()
 */
NODISCARD int decl_resolve(struct dm_table *to, const struct dm_table *from,
			   bool (*find)(void *arg, const char *word, u64 *dev), void *arg);

/** decl_as_shown() - the table that the kernel showed, quoted for loading it again:
 * backslashes, but blanks part words, as nothing tells which of them are in one */
NODISCARD int decl_as_shown(struct dm_table *to, const struct dm_reply *shown);

#endif
