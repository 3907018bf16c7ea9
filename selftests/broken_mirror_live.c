/* SPDX-License-Identifier: MIT */
/* live: a mirror that takes no copy of what is written */

#define BROKEN_NAME(name) live_##name
#define BROKEN_TARGET mirror_live_target
#define BROKEN_KIND "mirror-live"
#define BROKEN_TAKE blocks_take
#define BROKEN_GIVE blocks_give
#define BROKEN_IS_COPIED mirror_is_copied
#define BROKEN_SNAPSHOT false
#include "selftests/broken_mirror.inc"
