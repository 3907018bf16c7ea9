/* SPDX-License-Identifier: MIT */
/* bareblk dm monitor: two looks at the devices, and what is different. */
#ifndef TOOLS_DM_MONITOR_H
#define TOOLS_DM_MONITOR_H

#include "dm/reply.h"
#include "tools/dm/run.h"
#include "tools/text/watch.h"

struct monitor_word {
	bool is_prefix;
	char name[DM_NAME_LEN];
};

/**
 * struct monitor_seen - a device as it was
 * @table: a sum of its table, and @status of its state
 * @was:   the same in the look before; NULL for a new one
 * @is_still: there is such a device in the look after
 */
struct monitor_seen {
	u64 dev;
	u64 table;
	u64 status;
	const struct monitor_seen *was;
	u32 event_nr;
	bool is_suspended;
	bool is_still;
	char name[DM_NAME_LEN];
	char uuid[DM_UUID_LEN];
};

/* struct monitor_list - all of them at a time, sorted by name as the kernel does */
struct monitor_list {
	struct pages mem;
	u32 nr;
};

/**
 * struct monitor - one call
 * @is_true: what is waited for is so
 */
struct monitor {
	struct dm_tool t;
	struct watch watch;
	struct monitor_word *words;
	u32 nr_suspended;
	bool has_looked;
	bool is_true;
	struct monitor_list now;
	struct monitor_list before;
	struct dm_reply names;
	struct dm_reply lines;
};

/* monitor_watch() - look at the devices again and again, print what has changed, until what is
 * waited for is so */
enum exit_code monitor_watch(struct monitor *m);

#endif
