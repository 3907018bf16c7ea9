/* SPDX-License-Identifier: MIT */
/* Bits of blocks, and which of them a cut takes back. */
#include "ublk/targets/fault_log.h"

#include <asm/errno.h>
#include <linux/mman.h>

#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/targets/fault_rules.h"

#define WORDS_OF_PAGE 512ULL
#define BLOCKS_OF_PAGE (WORDS_OF_PAGE * 64)

/* Blocks in a row that have the same fate or are torn */
#define GROUP_SHIFT 3

COLD int fault_log_open(struct fault_log *log, u64 size_bytes, u32 shift)
{
	u64 size = pages_round_up(size_bytes);
	u64 words;
	int err;

	if (size >> 60)
		return -ENOMEM;
	log->shift = shift;
	log->nr_blocks = size_bytes >> shift;
	words = pages_round_up(log->nr_blocks / 8 + 8);
	err = pages_map(&log->mem, 2 * size + words + words / BLOCKS_OF_PAGE + 64);
	if (err)
		return err;
	(void)sys_madvise(log->mem.addr, log->mem.len_bytes, MADV_NOHUGEPAGE);
	log->aside = log->mem.addr;
	log->before = log->aside + size;
	log->words = (u64 *)(void *)(log->before + size);
	log->pages = (u64 *)(void *)(log->before + size + words);
	return 0;
}

COLD void fault_log_close(struct fault_log *log)
{
	pages_unmap(&log->mem);
}

static bool is_set(const u64 *words, u64 bit)
{
	return __atomic_load_n(&words[bit / 64], __ATOMIC_SEQ_CST) >> (bit % 64) & 1;
}

void fault_log_keep(struct fault_log *log, u64 offset_bytes, u64 len_bytes)
{
	u64 end = (offset_bytes + len_bytes) >> log->shift;
	u64 size = 1ULL << log->shift;

	for (u64 b = offset_bytes >> log->shift; b < end; b++) {
		u64 page = b / BLOCKS_OF_PAGE;

		if (is_set(log->words, b))
			continue;
		memcpy(log->aside + b * size, log->before + b * size, size);
		__atomic_fetch_or(&log->words[b / 64], 1ULL << (b % 64), __ATOMIC_SEQ_CST);
		/* After the word's, in one order with those of drop_all(): none is overlooked. */
		if (!is_set(log->pages, page))
			__atomic_fetch_or(&log->pages[page / 64], 1ULL << (page % 64),
					  __ATOMIC_SEQ_CST);
	}
}

void fault_log_drop(struct fault_log *log, u64 offset_bytes, u64 len_bytes)
{
	u64 end = (offset_bytes + len_bytes) >> log->shift;

	for (u64 b = offset_bytes >> log->shift; b < end; b++)
		__atomic_fetch_and(&log->words[b / 64], ~(1ULL << (b % 64)), __ATOMIC_SEQ_CST);
}

/* What is written at the same time may be dropped, too: it survives then. */
void fault_log_drop_all(struct fault_log *log)
{
	u64 nr_words = (log->nr_blocks + 63) / 64;

	for (u64 page = 0; page * BLOCKS_OF_PAGE < log->nr_blocks; page++) {
		u64 end = (page + 1) * WORDS_OF_PAGE;

		if (!is_set(log->pages, page))
			continue;
		__atomic_fetch_and(&log->pages[page / 64], ~(1ULL << (page % 64)),
				   __ATOMIC_SEQ_CST);
		for (u64 w = page * WORDS_OF_PAGE; w < end && w < nr_words; w++)
			if (__atomic_load_n(&log->words[w], __ATOMIC_SEQ_CST))
				__atomic_store_n(&log->words[w], 0, __ATOMIC_RELEASE);
	}
}

/* Of a group all, none, or each by itself: a write that is torn */
static bool is_lost(const struct fault_log *log, u64 block, u64 seed)
{
	u64 fate = fault_hash(seed, 1, block >> GROUP_SHIFT) & 3;

	if (!is_set(log->words, block))
		return false;
	if (!seed || fate == 0)
		return true;
	return fate != 1 && (fault_hash(seed, 2, block) & 1);
}

u64 fault_log_lost(const struct fault_log *log, u64 from_bytes, u64 max_bytes, u64 seed,
		   u64 *len_bytes)
{
	u64 b = from_bytes >> log->shift;
	u64 first;

	while (b < log->nr_blocks && !is_lost(log, b, seed)) {
		if (!is_set(log->pages, b / BLOCKS_OF_PAGE))
			b |= BLOCKS_OF_PAGE - 1;
		b++;
	}
	if (b > log->nr_blocks)
		b = log->nr_blocks;
	first = b;
	while (b < log->nr_blocks && (b - first + 1) << log->shift <= max_bytes &&
	       is_lost(log, b, seed))
		b++;
	*len_bytes = (b - first) << log->shift;
	return first << log->shift;
}
