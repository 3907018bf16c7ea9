/* SPDX-License-Identifier: MIT */
/*
 * What most dm verbs do before and after their work: open the control node, find
 * out which device is meant, say what went wrong.
 */
#ifndef TOOLS_DM_RUN_H
#define TOOLS_DM_RUN_H

#include "dm/dm.h"
#include "dm/node.h"
#include "tools/dm/options.h"

/**
 * struct dm_tool - one call of a verb
 * @control_fd: from dm_tool_open()
 * @kmsg_fd:    the kernel's log from dm_tool_listen() on; 0 before, below 0 without one
 * @mangling:   of the option, or of the environment
 * @dev_dir:    "/dev", or what DM_DEV_DIR says
 */
struct dm_tool {
	const struct cmd_run *r;
	const struct dm_options *o;
	const char *dev_dir;
	int control_fd;
	int kmsg_fd;
	enum dm_mangling mangling;
};

/**
 * struct dm_which - a device as it was asked for
 * @id:   for the library; its text is @text
 * @said: as the user wrote it, for messages
 * @text: the name or the uuid as the kernel has it, mangled
 */
struct dm_which {
	struct dm_id id;
	const char *said;
	char text[DM_UUID_LEN];
};

/* dm_tool_open() - the control node, made and its module loaded if need be; prints on failure */
enum exit_code dm_tool_open(struct dm_tool *t, const struct cmd_run *r);

/* The end of the program closes what it has opened, without calls of its own. */
static inline void dm_tool_close(struct dm_tool *t)
{
	(void)t;
}

/* dm_tool_which() - the device that a word names, or with NULL the one that -u, or -j
 * and -m name; prints on failure. A name; a path; MAJOR:MINOR unless called as dmsetup. */
enum exit_code dm_tool_which(const struct dm_tool *t, const char *word, struct dm_which *w);

/* dm_tool_name_in() - a name or uuid of the user's as the kernel shall have it; prints on
 * failure; size is the kernel's, DM_NAME_LEN or DM_UUID_LEN */
enum exit_code dm_tool_name_in(const struct dm_tool *t, char *out, size_t size, const char *text);

/* dm_tool_is_mixed() - whether a name is \\xNN in part, which nobody can know the meaning of, or,
 * with @once, is so twice; prints */
bool dm_tool_is_mixed(const struct dm_tool *t, const char *text, bool once);

/* dm_tool_name_out() - one of the kernel's as the user shall see it; returns out */
const char *dm_tool_name_out(const struct dm_tool *t, char out[DM_UUID_LEN], const char *text);

/* dm_tool_is_by_id() - -u, or -j and -m, stand in the place of the first word */
bool dm_tool_is_by_id(const struct dm_tool *t);

/**
 * dm_tool_each_of() - do it to every device that was named, going on after a failure
 *                     unless called as dmsetup
 *
 * Return: EXIT_OK, or the first failure
 */
enum exit_code dm_tool_each_of(struct dm_tool *t, enum exit_code (*one)(struct dm_tool *t,
									const struct dm_which *w));

/* dm_tool_all() - do it to every device that there is; prints when the kernel does not list them */
enum exit_code dm_tool_all(struct dm_tool *t, enum exit_code (*one)(struct dm_tool *t,
								    const struct dm_which *w));

/* dm_tool_tell() - what became of a device, with -v */
enum exit_code dm_tool_tell(const struct dm_tool *t, const struct dm_info *info);

/* dm_tool_listen() - note where the kernel's log ends: before a command that may fail with
 * nothing but -EINVAL and a line there (create, load, resume, message), so that
 * dm_tool_fail() finds the reason. Cheap when done before. */
void dm_tool_listen(struct dm_tool *t);

/* dm_tool_failed() - a command for a device failed. Tells the kernel's reason from
 * dm_tool_listen() on, or of one that is busy who has it. */
enum exit_code dm_tool_failed(const struct dm_tool *t, const struct dm_which *w, int err);

/* @ioctl is not said any more */
static inline enum exit_code dm_tool_fail(const struct dm_tool *t, const struct dm_which *w,
					  const char *ioctl, int err)
{
	(void)ioctl;
	return dm_tool_failed(t, w, err);
}

/* dm_exit_code() - for -errno of the device mapper */
enum exit_code dm_exit_code(int err);

#endif
