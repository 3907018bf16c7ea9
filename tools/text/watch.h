/* SPDX-License-Identifier: MIT */
/*
 * What `bareblk dm monitor --for` waits for:
 *
 *	exists removed suspended resumed		how things are
 *	created renamed table event status change	something that happens
 *	status~REGEX					a line of `dm status`
 *	[TYPE ]used>80%					a share, or a number
 *
 * Shares are used, metadata and synced, compared by > >= = <= <.
 */
#ifndef TOOLS_TEXT_WATCH_H
#define TOOLS_TEXT_WATCH_H

#include "dm/reply.h"
#include "tools/text/regex.h"

/* Conditions; those that are one word are watch_words[], and what happens is among them */
enum watch_kind {
	WATCH_EXISTS,
	WATCH_REMOVED,
	WATCH_SUSPENDED,
	WATCH_RESUMED,
	WATCH_CREATED, /* from here on it has to happen */
	WATCH_RENAMED,
	WATCH_TABLE,
	WATCH_EVENT,
	WATCH_STATUS,
	WATCH_CHANGE,
	WATCH_NR_WORDS,
	WATCH_MATCH = WATCH_NR_WORDS,
	WATCH_SHARE,
	WATCH_NOTHING, /* without a condition: for ever */
};

extern const char watch_words[WATCH_NR_WORDS][10];

/**
 * struct watch - a condition
 * @regex:  WATCH_MATCH
 * @shares: WATCH_SHARE: and which, bits of indexes
 * @ops:    and which comparisons will do: bit 0 less, 1 equal, 2 more
 */
struct watch {
	enum watch_kind kind;
	u32 shares;
	u32 ops;
	bool is_percent;
	u64 number;
	const char *regex;
};

/* watch_parse() - @text stays the caller's, as long as @w is used; -EINVAL with a reason */
NODISCARD int watch_parse(struct watch *w, const char *text, struct diag *why);

/* watch_line() - a line of a device's status is what is waited for */
bool watch_line(const struct watch *w, const struct dm_target *line);

#endif
