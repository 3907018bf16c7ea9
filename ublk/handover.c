/* SPDX-License-Identifier: MIT */
/*
 * A server that lives lets go of its device, for another to go on. Requests wait in the kernel
 * meanwhile, and those that the server has it answers first.
 *
 * Where the kernel cannot hold them back (before 6.16; a device with batches fails what comes
 * after QUIESCE_DEV, seen on 7.3), each answer brings the next request:
 * nothing is answered any more then, and the kernel gives to the next server what this one has
 * done without saying so, a second time. It has done it before it lets go: no write of this
 * one is under way when the next one writes.
 */
#include <asm/errno.h>

#include "ublk/dev_parts.h"
#include "ublk/serve.h"

/* How long the kernel looks for a tag that is idle. That there is none is no matter: the queues
 * are told by the bell. */
#define QUIESCE_MS 50

static bool can_quiesce(const struct ublk_dev *dev)
{
	return dev->info.flags & UBLK_F_QUIESCE && !(dev->info.flags & UBLK_F_BATCH_IO);
}

static int refuse(const struct ublk_dev *dev, const char *why, struct ublk_error *error)
{
	return ublk_error_set(error, "let go", dev_id_of(dev), -EOPNOTSUPP, "%s", why);
}

int ublk_dev_may_let_go(const struct ublk_dev *dev, struct ublk_error *error)
{
	u64 flags = dev->info.flags;

	if (__atomic_load_n(&dev->state, __ATOMIC_ACQUIRE) != UBLK_DEV_RUNNING)
		return ublk_error_set(error, "let go", UBLK_NO_DEVICE, -EINVAL, "it does not run");
	if (dev->opts.loops)
		return refuse(dev, "it is on a loop that others share", error);
	if (!(flags & UBLK_F_USER_RECOVERY))
		return refuse(dev, "it ends with its server: it was made without --recover", error);
	if (flags & UBLK_F_USER_RECOVERY_FAIL_IO)
		return refuse(dev, "I/O would fail meanwhile, as --recover=fail has it", error);
	if (dev->shmem.addr)
		return refuse(dev, "it shares memory with those who use it", error);
	if (!can_quiesce(dev) && !dev->opts.threads)
		return refuse(dev, "it is served by the program's own thread", error);
	if (!can_quiesce(dev) && !(flags & UBLK_F_USER_RECOVERY_REISSUE))
		return refuse(dev, "I/O would fail: without --recover=reissue it has to be held back, "
			      "which Linux 6.16 can, but not with --batch", error);
	return 0;
}

static int quiesce(struct ublk_dev *dev, struct ublk_error *error)
{
	int err;

	ublk_ctrl_prep_quiesce(dev->ctrl, dev_ctrl_id(dev), QUIESCE_MS);
	err = serve_call(dev, deadline_in_ms(dev->opts.timeout_ms));
	if (err == -EBUSY)
		return 0;
	return err ? ublk_error_set(error, "QUIESCE_DEV", dev_id_of(dev), err,
				    "the kernel does not hold requests back (limit %u ms)",
				    dev->opts.timeout_ms) : 0;
}

int ublk_dev_let_go(struct ublk_dev *dev, struct ublk_error *error)
{
	u64 deadline = deadline_in_ms(dev->opts.timeout_ms);
	bool quiesces = can_quiesce(dev);
	int err = ublk_dev_may_let_go(dev, error);

	if (!err && quiesces)
		err = quiesce(dev, error);
	if (err)
		return err;
	err = serve_let_go(dev, deadline, quiesces);
	if (err)
		return ublk_error_set(error, "let go", dev_id_of(dev), err,
				      "its target has not answered within %u ms",
				      dev->opts.timeout_ms);
	dev_close_char(dev);
	return dev_let_go(dev, error);
}
