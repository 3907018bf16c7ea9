/* SPDX-License-Identifier: MIT */
/*
 * The options of all dm verbs: one table, as dmsetup has it, of which each verb
 * takes the sets that mean something to it. Called as dmsetup, any option is
 * accepted with any verb, as there.
 */
#ifndef TOOLS_DM_OPTIONS_H
#define TOOLS_DM_OPTIONS_H

#include "tools/cmd.h"

enum dm_set {
	DM_SET_ALL,	/* what every verb takes */
	DM_SET_DEVICE,	/* a device by uuid or by number, or what a new one gets */
	DM_SET_NODE,	/* mode and owner of its node, when it is made */
	DM_SET_AHEAD,	/* --readahead */
	DM_SET_UDEV,	/* waiting for udev */
	DM_SET_TABLE,	/* --table */
	DM_SET_NOTABLE, /* --notable */
	DM_SET_RDONLY,	/* --readonly */
	DM_SET_CONCISE, /* --concise */
	DM_SET_FORCE,
	DM_SET_RETRY,
	DM_SET_DEFERRED,
	DM_SET_NOFLUSH,
	DM_SET_NOLOCKFS,
	DM_SET_INACTIVE,
	DM_SET_SETUUID,
	DM_SET_TARGET,	/* --target */
	DM_SET_KEYS,	/* --showkeys */
	DM_SET_TREE,
	DM_SET_EXEC,
	DM_SET_OPTIONS, /* -o: of ls and deps, or a report's fields */
	DM_SET_REPORT,	/* what shapes a report, with DM_SET_OPTIONS and DM_SET_SELECT */
	DM_SET_SELECT,	/* -S */
	DM_SET_JSON,
	DM_SET_CHECK,
	DM_SET_APPLY,	/* --prune */
	DM_SET_DRY_RUN,
	DM_SET_BOOT,	/* --cmdline */
	DM_SET_MONITOR, /* --for */
	DM_SET_TIMEOUT,
	DM_SET_YES, /* --yes */
	DM_SET_STATS,	/* struct dm_stats_options */
};

#define DM_SETS(set) (1U << (DM_SET_##set))

/* How names go to the kernel and come back */
enum dm_mangling {
	DM_MANGLE_AUTO,
	DM_MANGLE_HEX,
	DM_MANGLE_NONE,
};

/* A number that was not given */
#define DM_STATS_NONE (~0ULL)

struct dm_stats_options {
	const char *start;
	const char *length;
	const char *areasize;
	const char *bounds;
	const char *userdata;
	const char *programid;
	const char *regions;
	const char *alias;
	const char *units;
	u64 areas;
	u64 regionid;
	u64 groupid;
	u64 interval;
	u64 count;
	bool alldevices;
	bool allprograms;
	bool allregions;
	bool segments;
	bool precise;
	bool nogroup;
	bool area;
	bool region;
	bool group;
	bool histogram;
	bool relative;
	bool raw;
	bool nosuffix;
	bool notimesuffix;
	bool clear;
};

/* struct dm_options - their values; -1 for a number and NULL for a string not given. What
 * is used most stands first: it is reached in fewer bytes. */
struct dm_options {
	bool is_dmsetup; /* called by that name */
	bool addnodeoncreate;
	bool noudevsync;
	bool noudevrules;
	bool verifyudev;
	bool notable;
	bool readonly;
	bool concise;
	bool force;
	bool retry;
	bool deferred;
	bool noflush;
	bool nolockfs;
	bool inactive;
	bool setuuid;
	bool showkeys;
	bool tree;
	bool columns;
	bool nameprefixes;
	bool noheadings;
	bool rows;
	bool unquoted;
	bool unbuffered;
	bool json;
	bool yes;
	bool check;
	bool prune;
	bool dry_run;
	bool ignored; /* of options that dmsetup has and that change nothing here */
	u32 verbose;
	u32 manglename;
	s32 major;
	s32 minor;
	s32 uid;
	s32 gid;
	const char *uuid;
	const char *table;
	const char *target;
	const char *options; /* -o */
	const char *headings;
	const char *separator;
	const char *select;
	const char *exec;
	const char *mode; /* octal */
	const char *sort;
	const char *readahead;
	const char *udevcookie;
	const char *cmdline;
	const char *until;
	u64 timeout_ns; /* HOST_WAIT_NEVER where it is not given */
	struct dm_stats_options stats;
};

extern const struct cmd_opts dm_options_of_all;

/* For a verb's row: the sets that it takes */
#define DM_OPTIONS(sets_)                                                                          \
	.opts = &dm_options_of_all, .sets = DM_SETS(ALL) | (sets_)

static inline const struct dm_options *dm_options(const struct cmd_run *r)
{
	return r->values;
}

#endif
