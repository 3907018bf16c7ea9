/* SPDX-License-Identifier: MIT */
/* The numbers that a server tells about its targets, and how far one has copied. */
#ifndef TOOLS_UBLK_STAT_NUMBERS_H
#define TOOLS_UBLK_STAT_NUMBERS_H

#include "tools/text/json.h"

#define NR_NUMBERS 1024
#define NUMBER_NAME_BYTES 56

struct number {
	char name[NUMBER_NAME_BYTES];
	u64 value;
	bool is_target;
};

/* One answer */
struct numbers {
	u32 nr;
	struct number all[NR_NUMBERS];
};

/* numbers_take() - a ublk_talk_fn, with struct numbers as its ctx */
void numbers_take(void *ctx, const char *who, const char *name, u64 value);

/* "mirror2." of "mirror2.copied_bytes", whose total is to be found */
struct copying {
	int prefix_chars;
	const char *name;
	u64 copied;
	u64 total;
};

/* numbers_find_copying() - the next from *at on; false: there is none */
bool numbers_find_copying(const struct numbers *n, u32 *at, struct copying *c);

/* numbers_of() - PREFIX.@what of the same target; 0: it has none */
u64 numbers_of(const struct numbers *n, const struct copying *c, const char *what);

/* numbers_have_targets() - there are others than those of the disk */
bool numbers_have_targets(const struct numbers *n);

void numbers_add_text(struct fmt_buf *out, const struct numbers *n);

/**
 * numbers_add_bars() - a line for each that copies
 * @first:      @ms ago: for how fast it is
 * @overwrites: on a terminal, over the one before
 */
void numbers_add_bars(struct fmt_buf *out, const struct numbers *now, const struct numbers *first,
		      u64 ms, bool overwrites);

/* numbers_add_json() - members of an object */
void numbers_add_json(struct json *j, const struct numbers *n);

#endif
