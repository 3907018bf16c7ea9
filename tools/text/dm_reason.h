/* SPDX-License-Identifier: MIT */
/* Why a command of the device mapper failed, from records of the kernel's log. */
#ifndef TOOLS_TEXT_DM_REASON_H
#define TOOLS_TEXT_DM_REASON_H

#include "uapi/rt/fmt.h"

/**
 * dm_reason_add() - what a record says of a device, if it does, behind "; "
 * @record: of /dev/kmsg: "LEVEL,NR,TIME,FLAGS;device-mapper: table: 254:0: zero: ..."
 * @device: "254:0": what names another one is passed over; NULL when it is not known
 *
 * Only warnings and errors; without what all of them have in front.
 */
void dm_reason_add(struct fmt_buf *out, const char *record, const char *device);

#endif
