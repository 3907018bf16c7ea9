/* SPDX-License-Identifier: MIT */
/*
 * What the tests of dm/ on a real kernel stand on: a control node, and names that no
 * others have. Needs root and dm-mod, else a case is skipped. Before and after each, devices
 * whose name begins with RIG_PREFIX are removed; no others are ever touched.
 */
#ifndef SELFTESTS_DM_RIG_H
#define SELFTESTS_DM_RIG_H

#include "dm/table.h"
#include "selftests/harness/harness.h"

#define RIG_PREFIX "bareblk-test-"

extern const struct test_fixture dm_rig;

/* Its time is for a guest whose processor is emulated. */
#define RIG_TEST(name, run) TEST(name, run, .fixture = &dm_rig, .timeout_ms = 60000)

/* dm_rig_fd() - the control node */
int dm_rig_fd(void);

/* dm_rig_kernel() - the minor of the kernel's interface, of dm_rig_fd() */
u32 dm_rig_kernel(void);

/* dm_rig_zeroes() - a table of one target, which reads as zeroes */
struct dm_table dm_rig_zeroes(u64 sectors);

/* dm_rig_make() - a live device of dmsetup's text; -errno, and why is logged */
int dm_rig_make(const char *name, const char *text, struct dm_info *info);

/* dm_rig_zero() - a live device that reads as zeroes */
struct dm_info dm_rig_zero(const char *name, u64 sectors);

/* dm_rig_is_there() - of that name; whether there is nothing else of ours: dm_rig_nr() */
bool dm_rig_is_there(const char *name);
u32 dm_rig_nr(void);

/* dm_rig_many() - live devices by the thousand: made, listed, found and removed by several at
 * once, who share a descriptor */
void dm_rig_many(u32 nr);

/* dm_rig_open() - its node in /dev */
int dm_rig_open(const struct dm_info *info, int flags);

/* dm_rig_number() - MAJOR:MINOR, as tables have it */
const char *dm_rig_number(char text[32], const struct dm_info *info);

#endif
