/* SPDX-License-Identifier: MIT */
/* See tools/bench_stamp.h. */
#include "tools/bench_stamp.h"

#define NR_WORDS (BENCH_SECTOR_BYTES / sizeof(u64))

/* Words of a sector: where, the how manieth, and the rest */
enum { AT, GENERATION, REST };

/* What the rest begins with and goes on by. Odd numbers without a pattern: those of
 * splitmix64, http://prng.di.unimi.it/splitmix64.c */
static u64 key_of(u64 at_bytes, u64 generation, u64 seed)
{
	u64 key = seed + at_bytes * 0xbf58476d1ce4e5b9ULL + generation * 0x94d049bb133111ebULL;

	return key ^ key >> 31;
}

#define STEP 0x9e3779b97f4a7c15ULL

void bench_stamp_put(void *block, u32 len_bytes, u64 at_bytes, u32 generation, u64 seed)
{
	u64 *word = block;

	for (u32 done = 0; done < len_bytes; done += BENCH_SECTOR_BYTES, word += NR_WORDS) {
		u64 key = key_of(at_bytes + done, generation, seed);

		word[AT] = at_bytes + done;
		word[GENERATION] = generation;
		for (u32 i = REST; i < NR_WORDS; i++)
			word[i] = key += STEP;
	}
}

void bench_stamp_read(const void *sector, u64 seed, struct bench_stamp *stamp)
{
	const u64 *word = sector;
	u64 key = key_of(word[AT], word[GENERATION], seed);

	*stamp = (struct bench_stamp){
		.at_bytes = word[AT], .generation = word[GENERATION], .is_ours = true,
	};
	for (u32 i = REST; i < NR_WORDS; i++)
		stamp->is_ours = stamp->is_ours && word[i] == (key += STEP);
}

u32 bench_stamp_find_wrong(const void *block, u32 len_bytes, u64 at_bytes, u32 generation,
			   u64 seed)
{
	u32 at = 0;

	for (; at < len_bytes; at += BENCH_SECTOR_BYTES) {
		struct bench_stamp stamp;

		bench_stamp_read((const char *)block + at, seed, &stamp);
		if (!stamp.is_ours || stamp.at_bytes != at_bytes + at ||
		    stamp.generation != generation)
			break;
	}
	return at;
}
