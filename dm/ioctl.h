/* SPDX-License-Identifier: MIT */
/* Between the files of dm/: one command, sent. Not for others. */
#ifndef DM_IOCTL_H
#define DM_IOCTL_H

#include <linux/time_types.h>

#include "dm/reply.h"

/* The kernel takes and gives no more at once: DM_MAX_TARGETS * DM_MAX_TARGET_PARAMS */
#define DM_ROOM_MAX_BYTES (1U << 30)

/* A command that is for no device of its own: what dm_head_for() leaves without one */
#define DM_NOBODY dm_by_name(NULL)

/* dm_head_for() - what precedes a command, with a device's identity; its version is filled in
 * when it is sent. -ENAMETOOLONG, -ENXIO when it can be nobody's */
NODISCARD int dm_head_for(struct dm_ioctl *io, struct dm_id id, u32 flags, u32 event_nr);

/* dm_head_name() - a name into a field of the kernel's; NULL leaves it as it is */
NODISCARD int dm_head_name(char *field, size_t size, const char *text);

/* Commands are told by their number: DM_..._CMD */

/* dm_lowest_minor() - of the versions 4.MINOR that know this command and all it says */
u32 dm_lowest_minor(u32 cmd, const struct dm_ioctl *io);

/* dm_version_error() - what an error comes from, if from our version: @io as it came back */
int dm_version_error(int err, const struct dm_ioctl *io, u32 minor);

/* dm_send() - the one place where the kernel is called; @info may be NULL */
NODISCARD int dm_send(int control_fd, u32 cmd, struct dm_ioctl *io, struct dm_info *info);

/* dm_command() - a command that is all in its head. Its arguments stand as those of the
 * functions of dm/dm.h do, which so hand theirs on as they are. */
NODISCARD int dm_command(int control_fd, struct dm_id id, u32 flags, u32 event_nr,
			 struct dm_info *info, u32 cmd);

/* dm_room() - room for a command and its answer, which has nothing in it yet */
NODISCARD int dm_room(struct dm_reply *r, u32 bytes);

/* dm_ask() - a command without arguments: asked again with more room until the answer fits */
NODISCARD int dm_ask(int control_fd, const struct dm_ioctl *head, struct dm_reply *r, u32 cmd);

/* dm_ask_once() - the command that stands in dm_room(), never sent twice: -EOVERFLOW */
NODISCARD int dm_ask_once(int control_fd, struct dm_reply *r, u32 cmd);

void dm_info_from(struct dm_info *info, const struct dm_ioctl *io);

/* dm_target_from() - a line as the kernel has it, in an answer or a table */
void dm_target_from(struct dm_target *out, const struct dm_target_spec *spec);

/* dm_wipe() - overwrite, and mean it */
void dm_wipe(void *p, size_t bytes);

/* dm_keep_secret() - neither to swap nor into a core, if the kernel can */
void dm_keep_secret(const struct pages *p);

/* dm_is_space() - the kernel's isspace(): 0xa0 is the no-break space of Latin-1, and a part of
 * many characters in UTF-8 */
bool dm_is_space(char c);

/* dm_put_escaped() - a character of a parameter, so that the kernel takes it as it is */
char *dm_put_escaped(char *to, char c);

/* dm_take_byte() - one byte of parameters as the kernel reads them, its escape undone;
 * false: a blank, which parts two of them */
bool dm_take_byte(const char **at, char *c);

/* dm_now_ms() - of a clock that nobody sets */
u64 dm_now_ms(void);

/* dm_timespec() - milliseconds as system calls want them */
static inline struct __kernel_timespec dm_timespec(u64 ms)
{
	return (struct __kernel_timespec){
		.tv_sec = (s64)(ms / 1000),
		.tv_nsec = (s64)(ms % 1000 * 1000000),
	};
}

#endif
