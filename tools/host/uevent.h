/* SPDX-License-Identifier: MIT */
/* Events of the kernel's devices, which need nobody between it and us. */
#ifndef TOOLS_HOST_UEVENT_H
#define TOOLS_HOST_UEVENT_H

#include "uapi/types.h"

/* host_uevent_open() - a descriptor that is readable when devices come and go; below 0
 * where there is none, and nothing to drain */
int host_uevent_open(void);

/* host_uevent_drain() - take all that has come */
void host_uevent_drain(int fd);

#endif
