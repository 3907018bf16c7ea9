/* SPDX-License-Identifier: MIT */
/*
 * Filling submission entries: all families of ring_prep_*() functions. Names
 * and argument order are liburing's.
 */
#ifndef RING_PREP_H
#define RING_PREP_H

#include "ring/prep_base.h"
#include "ring/prep_event.h"
#include "ring/prep_file.h"
#include "ring/prep_fs.h"
#include "ring/prep_net.h"

#endif
