/* SPDX-License-Identifier: MIT */
/*
 * Points in time after which nobody waits any longer. A deadline is a value of
 * CLOCK_MONOTONIC in nanoseconds; any thread.
 */
#ifndef UBLK_DEADLINE_H
#define UBLK_DEADLINE_H

#include "uapi/types.h"

#define DEADLINE_NEVER (~0ULL)

/* deadline_in_ms() - from now on; 0 is at once, DEADLINE_MS_NEVER is never */
u64 deadline_in_ms(u32 ms);
#define DEADLINE_MS_NEVER (~0U)

/* deadline_left_ns() - until then; 0 when it has passed, ~0 when it is never */
u64 deadline_left_ns(u64 deadline);

/* deadline_sleep_us() - sleep for at most @us, less when the deadline is nearer;
 * false: the deadline has passed */
bool deadline_sleep_us(u64 deadline, u32 us);

/**
 * deadline_wait_word() - sleep until *word is no longer @value
 *
 * Whoever changes the word calls deadline_wake_word().
 *
 * Return: 0, or -ETIMEDOUT
 */
NODISCARD int deadline_wait_word(u32 *word, u32 value, u64 deadline);
void deadline_wake_word(u32 *word);

/* deadline_wait_fd() - until a file is readable; 0, -ETIMEDOUT or -errno */
NODISCARD int deadline_wait_fd(int fd, u64 deadline);

#endif
