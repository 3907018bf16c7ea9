/* SPDX-License-Identifier: MIT */
/* What tests of the mirror have in common: its numbers, and its legs by themselves. */
#ifndef SELFTESTS_MIRROR_RIG_H
#define SELFTESTS_MIRROR_RIG_H

#include "selftests/opdriver.h"

/* mirror_number() - of tgt_stat(), as "dirty_regions"; fails the test when there is none */
u64 mirror_number(const struct tgt_tree *tree, const char *name);

/* mirror_says() - a message, as "pause" or "rate=10M"; its result */
int mirror_says(struct tgt_tree *tree, const char *text);

/* mirror_leg() - a tree that is only the one leg; it is never closed */
struct tgt_tree mirror_leg(const struct tgt_tree *tree, u32 leg);

/* mirror_settle() - turn the queue that copies until nothing lacks anything */
void mirror_settle(struct opdriver *d);

/* mirror_differs() - the first byte where the legs are not the same, or -1; nothing
 * is in flight, and the tree has no queue but this */
s64 mirror_differs(const struct tgt_tree *tree);

/* mirror_fill() - the first leg gets something random, with holes in it; before any queue */
void mirror_fill(const struct tgt_tree *tree, u32 leg, u64 seed);

#endif
