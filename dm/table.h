/* SPDX-License-Identifier: MIT */
/*
 * Tables of the device mapper: which target serves which sectors, and how. A
 * table is built in the form in which the kernel takes it, so that loading it
 * copies nothing. It belongs to one thread at a time.
 *
 * Lines are checked as they are added, with a reason: they start at sector 0,
 * each where the one before it ends, and none is empty. What a target makes of
 * its parameters only the kernel knows.
 */
#ifndef DM_TABLE_H
#define DM_TABLE_H

#include "dm/dm.h"
#include "dm/reply.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/pages.h"

/* The kernel takes no more; Source: DM_MAX_TARGETS in drivers/md/dm-ioctl.c */
#define DM_TABLE_MAX_TARGETS (1U << 20)

/**
 * struct dm_table - lines, packed
 * @used_bytes: of the memory
 * @last:       where the last line begins
 * @sectors:    its length, and so where the next line must start
 * @is_secret:  set by the caller, before the first line: there are keys in it. Its memory
 *              is then locked and left out of cores, and dm_load() has the kernel wipe it.
 *
 * Zero it before its first use.
 */
struct dm_table {
	struct pages mem;
	u32 used_bytes;
	u32 last;
	u32 nr_targets;
	u64 sectors;
	bool is_secret;
};

/** dm_table_free() - give the memory back, wiped: it may hold keys. Safe on a
 * zeroed struct, which it leaves behind. */
void dm_table_free(struct dm_table *t);

/**
 * dm_table_add() - a line, from words
 * @start, @len: sectors
 * @type:        name of a target, 15 bytes at most
 * @args:        its parameters, nr_args of them: any bytes, blanks and backslashes
 *               included, but none may be empty, which the kernel cannot express
 *
 * Return: 0, or with a reason in @why (which may be NULL) and the table as it was
 *   -EINVAL        a gap, an overlap, no length, no type, an empty parameter
 *   -ENAMETOOLONG  of the type
 *   -EOVERFLOW     start and length are more than 64 bits
 *   -E2BIG         more lines, or more bytes, than the kernel takes
 *   -ENOMEM
 */
NODISCARD int dm_table_add(struct dm_table *t, u64 start, u64 len, const char *type,
			   const char *const *args, u32 nr_args, struct diag *why);

/** dm_table_add_text() - the same, with the parameters as the kernel will read
 * them: blanks part them, a backslash takes the next character as it is */
NODISCARD int dm_table_add_text(struct dm_table *t, u64 start, u64 len, const char *type,
				const char *params, u32 params_bytes, struct diag *why);

/** dm_table_room() - where the parameters of the next line will stand, room for @bytes and a
 * NUL: they can be put together there for dm_table_add_text(); -E2BIG, -ENOMEM */
NODISCARD int dm_table_room(struct dm_table *t, u64 bytes, char **params, struct diag *why);

/* How text is read and written */
enum dm_text {
	/*
	 * As dmsetup does: what follows a # is a comment wherever it stands, a
	 * backslash is a backslash, and so a parameter has no blanks in it.
	 */
	DM_TEXT_DMSETUP,
	/*
	 * Words as in a shell: '...' as it is, "..." with \" and \\, a backslash in front
	 * of any other character; a # begins a comment where a word could begin.
	 */
	DM_TEXT_QUOTED,
	/*
	 * A line as it stands between the commas of dm/concise.h and dm-mod.create=: a
	 * backslash takes the next character as it is, a # is one, a newline is a blank.
	 */
	DM_TEXT_KERNEL,
};

/**
 * dm_table_parse() - lines of text: "START LENGTH TYPE [PARAMETER]..."
 * @text: @text_bytes of it; need not end in a newline; a NUL in it is refused
 *
 * Blank lines and comments are nothing, but for DM_TEXT_KERNEL, which is one line.
 * Numbers are decimal, or 0x... but for DM_TEXT_DMSETUP.
 *
 * Return: as dm_table_add(); @why names the line
 */
NODISCARD int dm_table_parse(struct dm_table *t, const char *text, size_t text_bytes,
			     enum dm_text how, struct diag *why);

/**
 * dm_table_write() - the reverse: text that dm_table_parse() makes the same table of
 *
 * A line each, ended by a newline; those of DM_TEXT_KERNEL are parted by commas, and
 * more than one of them is what dm_concise_next() takes behind the fields of a device.
 *
 * Return: 0, or -EINVAL with a reason in @why: a parameter has a byte in it that such text
 * cannot express: a blank, a # or a byte 0xa0 in dmsetup's, a newline in all but the
 * concise form
 */
NODISCARD int dm_table_write(struct fmt_buf *out, const struct dm_table *t, enum dm_text how,
			     struct diag *why);

/** dm_table_next() - walk through the lines of a table: 1, or 0 at the end. Their
 * parameters are as the kernel is given them: dm_next_param() has the words. */
NODISCARD int dm_table_next(const struct dm_table *t, u32 *pos, struct dm_target *out);

/**
 * dm_next_param() - the words of a line, as dm_table_add() took them
 * @at: the line's params at first; moved behind the word
 *
 * Return: 1, 0 behind the last, or -ENAMETOOLONG: it does not fit, and is cut
 */
NODISCARD int dm_next_param(const char **at, char *word, size_t size);

/**
 * dm_table_format() - a line as text, its parameters as they stand there, no newline
 *
 * For lines of the kernel, which shows parameters without what quoted them: a blank inside
 * of one cannot be told from one between two.
 */
void dm_table_format(struct fmt_buf *out, const struct dm_target *line);

/**
 * dm_table_equal() - whether the live or inactive table in @r has the same lines
 *
 * Parameters are compared as the kernel shows them, byte for byte: a path and the number
 * that the kernel makes of it are not the same.
 *
 * Return: 1 or 0, or -EPROTO: what the kernel said is malformed
 */
NODISCARD int dm_table_equal(const struct dm_table *t, const struct dm_reply *r);

#endif
