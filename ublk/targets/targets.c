/* SPDX-License-Identifier: MIT */
/* The table of all targets. */
#include "ublk/targets/targets.h"

const struct tgt_type *const tgt_types[] = {
#define TARGET(name) &name##_target,
#include "ublk/targets/list.h"
#undef TARGET
	NULL,
};
