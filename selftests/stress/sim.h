/* SPDX-License-Identifier: MIT */
/*
 * The kernel's side of an SQPOLL ring, played by a thread of the program. What
 * a sanitizer for threads never sees of the real one, it sees of this: a
 * missing acquire or release in ring/ is a data race with sim.c.
 */
#ifndef SELFTESTS_STRESS_SIM_H
#define SELFTESTS_STRESS_SIM_H

#include <stdbool.h>

/* sim_start() - rings with IORING_SETUP_SQPOLL and NO_MMAP are played from now on, one at a time */
void sim_start(void);

/* sim_stop() - ends the thread; after ring_exit() */
void sim_stop(void);

#endif
