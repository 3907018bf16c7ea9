/* SPDX-License-Identifier: MIT */
/* Events of the kernel's devices. */
#include "tools/host/uevent.h"

#include <linux/fcntl.h>
#include <linux/netlink.h>

#include "uapi/sys.h"

#define SOCK_DGRAM_ 2
#define AF_NETLINK_ 16
#define KERNEL_GROUP 1 /* the kernel's own events; udev sends its to another */

int host_uevent_open(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK_, .nl_groups = KERNEL_GROUP };
	int fd = sys_socket(AF_NETLINK_, SOCK_DGRAM_ | O_CLOEXEC | O_NONBLOCK,
			    NETLINK_KOBJECT_UEVENT);

	(void)sys_bind(fd, (const struct sockaddr *)&addr, sizeof(addr));
	return fd;
}

/* -ENOBUFS ends it, too: more have come than there was room for, so there is more to read */
void host_uevent_drain(int fd)
{
	char event[512];

	while (sys_read(fd, event, sizeof(event)) > 0)
		;
}
