/* SPDX-License-Identifier: MIT */
/* unlocked: a mirror that locks nothing */

#include "ublk/targets/blocks.h"

static bool take_nothing(struct blocks *b, struct blocks_wait *w, u64 first, u64 nr)
{
	(void)b;
	*w = (struct blocks_wait){ .first = first, .nr = nr, .is_on = 1 };
	return true;
}

static void give_nothing(struct blocks *b, struct blocks_wait *w)
{
	(void)b;
	(void)w;
}

#define BROKEN_NAME(name) unlocked_##name
#define BROKEN_TARGET mirror_unlocked_target
#define BROKEN_KIND "mirror-unlocked"
#define BROKEN_TAKE take_nothing
#define BROKEN_GIVE give_nothing
#define BROKEN_IS_COPIED mirror_is_copied
#define BROKEN_SNAPSHOT true
#include "selftests/broken_mirror.inc"
