/* SPDX-License-Identifier: MIT */
/*
 * Verbs that show devices: those that were named, or all that there are; as text, or as a list
 * of objects. A verb fills in what makes it another than the others.
 */
#ifndef TOOLS_DM_SHOW_H
#define TOOLS_DM_SHOW_H

#include "dm/reply.h"
#include "tools/dm/fields.h"
#include "tools/dm/run.h"
#include "tools/dm/sysname.h"
#include "tools/text/json.h"

/**
 * struct dm_show - one call of such a verb
 * @run:       shows what is to be shown, dm_show_devices() for instance
 * @ask:       for dm_show_devices(): what there is to know of a device, or NULL for its state alone
 * @print:     likewise: prints it; -errno or an exit code
 * @columns:   a report with these is what is shown instead
 * @key:       of dm_lines_run(): a line's in an object; NULL: only names are shown
 * @flags:     for @ask
 * @form:      of dm_lines_run()
 * @nr_shown:  likewise: devices of the concise form so far
 * @code:      the first failure
 * @naming:    how devices are called, by -o where the verb takes that
 * @takes_naming: with -o
 * @no_select: dmsetup takes no notice of -S with this verb
 * @is_many:   lines tell whose they are
 * @is_all:    none was named: one that is gone by now is no failure
 * @json:      where objects go
 * @reply:     for @ask, used again for each device
 */
struct dm_show {
	struct dm_tool t;
	void (*run)(struct dm_show *s);
	int (*ask)(int control_fd, struct dm_id id, u32 flags, struct dm_reply *reply);
	int (*print)(struct dm_show *s, const struct dm_which *w, const struct dm_info *info);
	const char *columns;
	const char *key;
	u32 flags;
	u32 nr_shown;
	u32 form;
	enum exit_code code;
	enum dm_naming naming;
	bool takes_naming;
	bool no_select;
	bool is_many;
	bool is_all;
	struct json json;
	struct dm_reply reply;
	struct dm_select select;
};

/* dm_show_run() - open, and run it; @s has what the verb wants, otherwise zeros. What it leaves
 * open goes with the process. */
enum exit_code dm_show_run(struct dm_show *s, const struct cmd_run *r);

/* dm_show_devices() - the devices that were named, or all */
void dm_show_devices(struct dm_show *s);

/* dm_show_all() - all devices of the list, each with a function */
void dm_show_all(struct dm_show *s, void (*each)(struct dm_show *s, const struct dm_name *dev));

/* dm_show_end() - of a list of the kernel's; prints when that is for an error */
void dm_show_end(struct dm_show *s, int err);

/* dm_show_note() - keep a failure if it is the first */
void dm_show_note(struct dm_show *s, enum exit_code code);

/* dm_show_plain() - name and uuid as the user shall see them, which is what @print gets and those
 * that follow want */
void dm_show_plain(const struct dm_tool *t, struct dm_info *info);

/* dm_show_info() - the lines that info prints of a device, and the empty one behind them */
void dm_show_info(const struct cmd_run *r, const struct dm_info *info);

/* dm_show_identity() - begin an object: name, uuid, numbers */
void dm_show_identity(struct dm_show *s, const struct dm_info *info);

/* dm_show_dev() - a device's name, or where there is none its numbers; returns @out */
const char *dm_show_dev(u64 dev, enum dm_naming how, const char *between,
			char out[DM_SYSNAME_BYTES]);

/* dm_show_option() - the next of -o's words: which of @words, each with a NUL behind it, it is or
 * begins; *at moves behind it. -1 at the end, or, with *at not empty, for none; prints. */
int dm_show_option(const struct cmd_run *r, const char **at, const char *words);

/* dm_lines_run() - a verb that shows lines of tables: @key and @flags as above */
enum exit_code dm_lines_run(const struct cmd_run *r, const char *key, u32 flags);

/* dm_types_run() - target types: those that are named, or all that are loaded */
enum exit_code dm_types_run(const struct cmd_run *r);

/* dm_exec() - run a command with a device's path behind it, and wait for it */
enum exit_code dm_exec(const struct dm_tool *t, const char *name, u64 dev);

/* dm_tree_run() - ls --tree */
enum exit_code dm_tree_run(const struct cmd_run *r);

#endif
