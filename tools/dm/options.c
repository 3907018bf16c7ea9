/* SPDX-License-Identifier: MIT */
/* The rows of tools/dm/options.h. A row without help is one that dmsetup has and
 * that changes nothing here, or a second way to write another. */
#include "tools/dm/options.h"

#include "tools/host/wait.h"

_Static_assert(sizeof(struct dm_options) <= CMD_VALUES_BYTES, "there is room for the values");

#define ROW(X, field, set_, letter_, kind_, text)                                                  \
	X(struct dm_options, field, text,                                                          \
	  .set = DM_SET_##set_, .letter = (letter_), .kind = (kind_))

/* Options that are called as their field, and one that is not */
#define FLAG(X, field, set, letter, help)                                                          \
	ROW(X, field, set, letter, OPT_FLAG, OPT_TEXT(#field, "", help))
#define TEXT(X, field, set, letter, metavar, help)                                                 \
	ROW(X, field, set, letter, OPT_STRING, OPT_TEXT(#field, metavar, help))
#define NUMBER(X, field, set, letter, help)                                                        \
	ROW(X, field, set, letter, OPT_S32, OPT_TEXT(#field, "N", help))
#define NAMED_FLAG(X, field, set, letter, name, help)                                              \
	ROW(X, field, set, letter, OPT_FLAG, OPT_TEXT(name, "", help))

#define STATS_FLAG(X, field, help)                                                                 \
	ROW(X, stats.field, STATS, 0, OPT_FLAG, OPT_TEXT(#field, "", help))
#define STATS_TEXT(X, field, metavar, help)                                                        \
	ROW(X, stats.field, STATS, 0, OPT_STRING, OPT_TEXT(#field, metavar, help))
#define STATS_NUMBER(X, field, least, metavar, help)                                               \
	ROW(X, stats.field, STATS, 0, OPT_U64,                                                     \
	    OPT_TEXT(#field, metavar, help) OPT_RANGE(least, "2147483648"))

#define OPTIONS(X)										\
	ROW(X, verbose, ALL, 'v', OPT_COUNT, OPT_TEXT("verbose", "", "say more"))		\
	ROW(X, manglename, ALL, 0, OPT_CHOICE,							\
	    OPT_TEXT("manglename", "MODE", "names with \\xNN for what udev cannot have")	\
	    OPT_CHOICES("auto\0hex\0none"))							\
	TEXT(X, uuid, DEVICE, 'u', "UUID", "the device's uuid")					\
	NUMBER(X, major, DEVICE, 'j', "the device's number, with -m")				\
	NUMBER(X, minor, DEVICE, 'm', "see -j")							\
	TEXT(X, mode, NODE, 'M', "OCTAL", "of its node")					\
	NUMBER(X, uid, NODE, 'U', "owner of its node")						\
	NUMBER(X, gid, NODE, 'G', "group of its node")						\
	FLAG(X, addnodeoncreate, NODE, 0, "make the node before it has a table")		\
	NAMED_FLAG(X, ignored, NODE, 0, "addnodeonresume", "make it with the first table (default)") \
	TEXT(X, readahead, AHEAD, 0, "N", "sectors, +N (at least), auto or none")		\
	FLAG(X, noudevsync, UDEV, 0, "do not wait for udev")					\
	FLAG(X, noudevrules, UDEV, 0, "make nodes, as udev's rules shall not")			\
	FLAG(X, verifyudev, UDEV, 0, "put right what udev has done")				\
	TEXT(X, udevcookie, UDEV, 0, "COOKIE", "one of udevcreatecookie")			\
	TEXT(X, table, TABLE, 0, "TABLE", "the table's lines; - for standard input")		\
	FLAG(X, notable, NOTABLE, 'n', "without a table")					\
	FLAG(X, readonly, RDONLY, 'r', "read-only")						\
	FLAG(X, concise, CONCISE, 0, "in one line, as dm-mod.create= has it")			\
	FLAG(X, force, FORCE, 'f', "put errors in place of its table first")			\
	FLAG(X, retry, RETRY, 0, "try for five seconds while it is open")			\
	FLAG(X, deferred, DEFERRED, 0, "once nobody has it open")				\
	FLAG(X, noflush, NOFLUSH, 0, "do not write what is queued first")			\
	FLAG(X, nolockfs, NOLOCKFS, 0, "do not freeze the filesystem")				\
	FLAG(X, inactive, INACTIVE, 0, "the table that is not live yet")			\
	FLAG(X, setuuid, SETUUID, 0, "give a uuid, not a name")					\
	TEXT(X, target, TARGET, 0, "TYPE", "only lines of this target")				\
	FLAG(X, showkeys, KEYS, 0, "with keys")							\
	TEXT(X, exec, EXEC, 0, "CMD", "run it with each device's path")				\
	FLAG(X, tree, TREE, 0, "show what stands on what")					\
	TEXT(X, options, OPTIONS, 'o', "LIST", "what to show")					\
	FLAG(X, columns, REPORT, 'c', "a line for each")					\
	NAMED_FLAG(X, columns, REPORT, 'C', "", "")						\
	FLAG(X, nameprefixes, REPORT, 0, "as DM_FIELD='value'")					\
	FLAG(X, noheadings, REPORT, 0, "without headings")					\
	TEXT(X, headings, REPORT, 0, "HOW", "none, abbrev or full")				\
	TEXT(X, separator, REPORT, 0, "TEXT", "between fields, not aligned then")		\
	FLAG(X, rows, REPORT, 0, "a line for each field")					\
	FLAG(X, unquoted, REPORT, 0, "as DM_FIELD=value")					\
	FLAG(X, unbuffered, REPORT, 0, "a line as soon as there is one")			\
	TEXT(X, sort, REPORT, 'O', "LIST", "fields; -FIELD for the reverse")			\
	TEXT(X, select, SELECT, 'S', "EXPR", "only what it is true for")			\
	FLAG(X, json, JSON, 0, "for programs")							\
	FLAG(X, prune, APPLY, 0, "remove devices of its set that it has no more")		\
	NAMED_FLAG(X, dry_run, DRY_RUN, 0, "dry-run", "only show what would be done")		\
	FLAG(X, check, CHECK, 0, "only ask whether the kernel takes it")			\
	TEXT(X, cmdline, BOOT, 0, "FILE", "not /proc/cmdline; or, without / or . in front, a text") \
	ROW(X, until, MONITOR, 0, OPT_STRING,							\
	    OPT_TEXT("for", "CONDITION", "end when it is true"))				\
	ROW(X, timeout_ns, TIMEOUT, 0, OPT_DURATION,						\
	    OPT_TEXT("timeout", "TIME", "how long to wait at most (boot: 30s)")			\
	    OPT_RANGE("0", "4000000s"))								\
	FLAG(X, yes, YES, 'y', "do not ask")							\
	NAMED_FLAG(X, ignored, ALL, 0, "checks", "")						\
	NAMED_FLAG(X, ignored, ALL, 0, "noopencount", "")					\
	STATS_TEXT(X, start, "SIZE", "where it begins: sectors, or with a unit of --units")	\
	STATS_TEXT(X, length, "SIZE", "(default: up to the end)")				\
	STATS_NUMBER(X, areas, "1", "N", "how many it is divided into")				\
	STATS_TEXT(X, areasize, "SIZE", "of an area, in place of --areas")			\
	STATS_FLAG(X, segments, "a group of regions, one for each line of the table")		\
	STATS_FLAG(X, precise, "in ns, not in ms")						\
	STATS_TEXT(X, bounds, "TIMES", "of a histogram of latencies: 10us,1ms,1s")		\
	STATS_TEXT(X, userdata, "WORD", "kept with the region")					\
	STATS_TEXT(X, programid, "WORD", "whose regions (default: dmstats)")			\
	STATS_FLAG(X, allprograms, "everybody's regions")					\
	STATS_FLAG(X, alldevices, "all devices")						\
	STATS_NUMBER(X, regionid, "0", "ID", "this region")					\
	STATS_FLAG(X, allregions, "all regions")						\
	STATS_NUMBER(X, groupid, "0", "ID", "this group")					\
	STATS_TEXT(X, regions, "LIST", "of a group: 0,2-4")					\
	STATS_TEXT(X, alias, "WORD", "name of a group")						\
	STATS_FLAG(X, nogroup, "make no group of --segments")					\
	FLAG(X, force, STATS, 'f', "although --programid is empty")				\
	STATS_FLAG(X, area, "show areas")							\
	STATS_FLAG(X, region, "show regions")							\
	STATS_FLAG(X, group, "show groups")							\
	STATS_FLAG(X, histogram, "show histograms")						\
	STATS_FLAG(X, relative, "histograms in percent")					\
	STATS_FLAG(X, raw, "counters as they are")						\
	STATS_NUMBER(X, interval, "1", "SECONDS", "report again and again")			\
	STATS_NUMBER(X, count, "0", "N", "so many times, 0 without end")			\
	STATS_TEXT(X, units, "UNIT", "h or H for people, b s k m g t p e, capitals by 1000, or 4k") \
	STATS_FLAG(X, nosuffix, "sizes without it")						\
	STATS_FLAG(X, notimesuffix, "bounds in ns")						\
	STATS_FLAG(X, clear, "set counters to 0 once they are printed")

static void set_defaults(const struct cmd_run *r, void *values)
{
	struct dm_options *o = values;

	o->is_dmsetup = r->is_plain;
	o->major = -1;
	o->minor = -1;
	o->uid = -1;
	o->gid = -1;
	o->timeout_ns = HOST_WAIT_NEVER;
	o->stats.regionid = DM_STATS_NONE;
	o->stats.groupid = DM_STATS_NONE;
	o->stats.interval = DM_STATS_NONE;
	o->stats.count = DM_STATS_NONE;
	o->stats.units = "h";
}

const struct cmd_opts dm_options_of_all = {
	.table = OPT_TABLE(OPTIONS),
	.table.abbreviated = true,
	.init = set_defaults,
};
