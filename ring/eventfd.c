/* SPDX-License-Identifier: MIT */
/* A ring's eventfd: made, emptied, silenced. */
#include "ring/eventfd.h"

#include <linux/fcntl.h>

#include "ring/register.h"
#include "uapi/sys.h"

int ring_eventfd_init(struct ring_eventfd *e, struct ring *r, bool is_async)
{
	int fd = sys_eventfd2(0, O_CLOEXEC | O_NONBLOCK);
	int err;

	*e = (struct ring_eventfd){ .ring = r, .fd = -1 };
	if (fd < 0)
		return fd;
	err = is_async ? ring_register_eventfd_async(r, fd) : ring_register_eventfd(r, fd);
	if (err)
		(void)sys_close(fd);
	else
		e->fd = fd;
	return err;
}

void ring_eventfd_exit(struct ring_eventfd *e)
{
	int err;

	if (!e->ring || e->fd < 0)
		return;
	err = ring_unregister_eventfd(e->ring); /* on an error it is not registered */
	(void)err;
	(void)sys_close(e->fd);
	e->fd = -1;
}

static int ready(struct ring *r)
{
	int err = 0;

	/* Without TASKRUN_FLAG nothing tells whether work is waiting. */
	if ((r->flags & IORING_SETUP_DEFER_TASKRUN) || ring_cq_needs_enter(r))
		err = ring_get_events(r);
	return err < 0 ? err : (int)ring_cq_ready(r);
}

int ring_eventfd_drain(struct ring_eventfd *e)
{
	u64 count;

	(void)sys_read(e->fd, &count, sizeof(count)); /* -EAGAIN: it was empty */
	return ready(e->ring);
}

/*
 * Switched on before the tail is looked at, and not the other way round on any
 * machine: the kernel moves the tail and then reads the switch.
 */
int ring_eventfd_toggle(struct ring_eventfd *e, bool is_on)
{
	struct ring *r = e->ring;
	u32 others = *r->cq_kflags & ~IORING_CQ_EVENTFD_DISABLED;

	(void)ring_store_then_load(r->cq_kflags, others | (is_on ? 0 : IORING_CQ_EVENTFD_DISABLED),
				   r->cq.ktail);
	return ready(r);
}
