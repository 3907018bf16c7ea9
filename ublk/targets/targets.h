/* SPDX-License-Identifier: MIT */
/* The table of all targets, for tgt_open(). It is constant: any thread. */
#ifndef UBLK_TARGETS_TARGETS_H
#define UBLK_TARGETS_TARGETS_H

#include "ublk/tgt.h"

#define TARGET(name) extern const struct tgt_type name##_target;
#include "ublk/targets/list.h"
#undef TARGET

/* tgt_types - every target of ublk/targets/list.h, then NULL */
extern const struct tgt_type *const tgt_types[];

#endif
