/* SPDX-License-Identifier: MIT */
/*
 * disordered: a mirror whose writes go to the first leg alone while a region is copied, so that old
 * data overtakes new.
 */

#include "uapi/types.h"

static bool is_never(u32 region)
{
	(void)region;
	return false;
}

#define BROKEN_NAME(name) disordered_##name
#define BROKEN_TARGET mirror_disordered_target
#define BROKEN_KIND "mirror-disordered"
#define BROKEN_TAKE blocks_take
#define BROKEN_GIVE blocks_give
#define BROKEN_IS_COPIED is_never
#define BROKEN_SNAPSHOT true
#include "selftests/broken_mirror.inc"
