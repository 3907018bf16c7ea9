/* SPDX-License-Identifier: MIT */
/*
 * What a block that was written holds: in each sector where it was written to and as
 * the how manieth, and words that follow from both. So a block that is another's, an
 * older one, or made of two is told from the right one. No state; any thread.
 */
#ifndef TOOLS_BENCH_STAMP_H
#define TOOLS_BENCH_STAMP_H

#include "uapi/types.h"

#define BENCH_SECTOR_BYTES 512

/**
 * bench_stamp_put() - make a block
 * @at_bytes:   where it is going to be
 * @generation: how many times it has been written there, with this
 * @seed:       of this run: what earlier ones have left is not taken for ours
 */
void bench_stamp_put(void *block, u32 len_bytes, u64 at_bytes, u32 generation, u64 seed);

/* bench_stamp_find_wrong() - the first sector that is not so, from the block's beginning on in
 * bytes; len_bytes: none */
u32 bench_stamp_find_wrong(const void *block, u32 len_bytes, u64 at_bytes, u32 generation,
			   u64 seed);

/**
 * struct bench_stamp - what a sector says of itself
 * @is_ours: it was written by this run, as a whole
 */
struct bench_stamp {
	u64 at_bytes;
	u64 generation;
	bool is_ours;
};

void bench_stamp_read(const void *sector, u64 seed, struct bench_stamp *stamp);

#endif
