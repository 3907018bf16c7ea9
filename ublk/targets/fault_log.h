/* SPDX-License-Identifier: MIT */
/*
 * What a power cut takes back: of each block that was written since the last flush,
 * what it held then. The child always has the newest bytes. The memory is laid out
 * as the disk is and takes what is written to, so that nothing is ever full.
 */
#ifndef UBLK_TARGETS_FAULT_LOG_H
#define UBLK_TARGETS_FAULT_LOG_H

#include "uapi/rt/pages.h"
#include "ublk/tgt.h"

/**
 * struct fault_log - zeroed: there is none
 * @aside:  what blocks held
 * @before: room for what is read before it is overwritten; one operation at a time
 *          has each place
 * @words:  bit b: block b was written since the last flush; atomic
 * @pages:  bit p: some of the words [p * 512, (p + 1) * 512) are not 0; atomic
 */
struct fault_log {
	u32 shift;
	u64 nr_blocks;
	char *aside;
	char *before;
	u64 *words;
	u64 *pages;
	struct pages mem;
};

NODISCARD int fault_log_open(struct fault_log *log, u64 size_bytes, u32 shift);
void fault_log_close(struct fault_log *log);

/* fault_log_keep() - log->before has what is there of this range: those blocks that
 * are not aside yet are put there */
void fault_log_keep(struct fault_log *log, u64 offset_bytes, u64 len_bytes);

/* fault_log_drop() - these blocks are safe; fault_log_drop_all(): every block */
void fault_log_drop(struct fault_log *log, u64 offset_bytes, u64 len_bytes);
void fault_log_drop_all(struct fault_log *log);

/**
 * fault_log_lost() - the next blocks that a power cut takes back
 * @from_bytes: where to look on
 * @max_bytes:  at most, whole blocks
 * @seed:       which survive; 0: none does
 * @len_bytes:  how many they are, in one stretch; 0: there are no more
 *
 * Return: where they are
 */
u64 fault_log_lost(const struct fault_log *log, u64 from_bytes, u64 max_bytes, u64 seed,
		   u64 *len_bytes);

#endif
