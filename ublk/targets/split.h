/* SPDX-License-Identifier: MIT */
/*
 * Targets that only translate: each byte of the disk is one byte of one child.
 * A kind says where by two functions, and has its requests cut, its limits, its
 * seek and its direct() from here. What an operation touches of a child is one
 * stretch there, so each child is asked once; the data of that are slices of the
 * operation's pieces.
 */
#ifndef UBLK_TARGETS_SPLIT_H
#define UBLK_TARGETS_SPLIT_H

#include "ublk/tgt.h"

/**
 * struct split_map - where bytes are
 * @pos: the first byte of child @i that is at @offset of the disk or behind it
 * @at:  where on the disk byte @pos of child @i is
 */
struct split_map {
	u64 (*pos)(const struct tgt *t, u32 i, u64 offset);
	u64 (*at)(const struct tgt *t, u32 i, u64 pos);
};

/**
 * struct split - state of such a target
 * @chunk_bytes: so many bytes of a child are in one stretch on the disk; 0: all
 * @is_cut: the disk ends before its last child does, and does not grow with it
 * @start: concat: where on the disk each child begins; window: [0], where the disk
 *         begins on the child
 */
struct split {
	const struct split_map *map;
	u64 chunk_bytes;
	bool is_cut;
	u64 start[TGT_MAX_CHILDREN];
};

/* split_open() - limits that all children can keep; size and what depends on the
 * layout is the caller's. Fills what else differs from the defaults, too */
NODISCARD int split_open(struct tgt *t, const struct split_map *map, struct diag *why);

/* split_cut() - no request crosses a multiple of the largest number that divides
 * @bytes and what limits it already; for children that have such a limit, which
 * holds at other places of the disk; 0 bytes: nothing */
void split_cut(struct tgt *t, u64 bytes);

enum tgt_status split_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op);
void *split_direct(struct tgt *t, const struct tgt_op *op);
s64 split_seek(struct tgt *t, u64 offset_bytes, bool hole);

/* split_resize(), split_refresh() - of a disk that ends where its last child does */
int split_resize(struct tgt *t, u64 size_bytes, struct diag *why);
int split_refresh(struct tgt *t, struct diag *why);

#endif
