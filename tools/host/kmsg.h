/* SPDX-License-Identifier: MIT */
/* The kernel's log, from now on. Any thread, each with its own descriptor. */
#ifndef TOOLS_HOST_KMSG_H
#define TOOLS_HOST_KMSG_H

#include "uapi/types.h"

/* host_kmsg_open() - /dev/kmsg, behind its last record; a descriptor, or -errno: there is
 * none, or it is not for us */
NODISCARD int host_kmsg_open(void);

/**
 * host_kmsg_next() - a record, terminated: "LEVEL,NR,TIME,FLAGS;TEXT\n KEY=VALUE\n"
 * @size: what is longer is passed over
 *
 * Never waits. Return: false when there are no more
 */
bool host_kmsg_next(int fd, char *record, size_t size);

#endif
