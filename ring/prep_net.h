/* SPDX-License-Identifier: MIT */
/*
 * Requests on sockets.
 */
#ifndef RING_PREP_NET_H
#define RING_PREP_NET_H

#include "ring/prep_base.h"

#endif
