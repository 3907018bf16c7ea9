/* SPDX-License-Identifier: MIT */
/*
 * A device whose server has died goes on with another. The kernel has kept the disk, its
 * parameters and the requests that wait; the queues and the target are made anew.
 */
#include <asm/errno.h>

#include "uapi/sys.h"
#include "ublk/dev_parts.h"
#include "ublk/features.h"
#include "ublk/node.h"
#include "ublk/path.h"

/* A server that dies is alive for the kernel until its rings are gone. */
#define DYING_MS 3000
/* ... and what it has locked until its files are */
#define LOCKED_MS 2000
#define FIRST_SLEEP_US 500
#define MAX_SLEEP_US 5000

static int refuse(const struct ublk_dev *dev, int err, const char *why, struct ublk_error *error)
{
	return ublk_error_set(error, "recover", dev->opts.dev_id, err, "%s", why);
}

static int get_info(struct ublk_dev *dev, struct ublk_error *error)
{
	s32 id = dev->opts.dev_id;
	int err;

	if (id < 0)
		return refuse(dev, -EINVAL, "which one is not said", error);
	err = ublk_ctrl_get_info(dev->ctrl, (u32)id, &dev->info, dev->opts.timeout_ms);
	if (err)
		return ublk_error_set(error, "GET_DEV_INFO", id, err,
				      err == -ENODEV ? "there is no such device" :
						       "the kernel does not say what it is");
	if (!(dev->info.flags & UBLK_F_IO_DESC_SIZE))
		dev->info.io_desc_size = sizeof(struct ublksrv_io_desc);
	return 0;
}

/* Anyone may forge the mark, so the owner counts as well. */
static int check_is_ours(const struct ublk_dev *dev, struct ublk_error *error)
{
	const struct ublksrv_ctrl_dev_info *info = &dev->info;
	u64 hash = dev->opts.spec ? tgt_spec_hash(dev->opts.spec) : 0;
	u64 mark = UBLK_MARK << UBLK_MARK_SHIFT | (hash & ~UBLK_MARK_HOW);

	if (info->ublksrv_flags >> UBLK_MARK_SHIFT != UBLK_MARK)
		return refuse(dev, -EINVAL, "another program has made it", error);
	if (info->owner_uid != sys_geteuid())
		return refuse(dev, -EPERM, "another user has made it", error);
	if (!(info->flags & UBLK_F_USER_RECOVERY))
		return refuse(dev, -EINVAL, "it was made without recovery: delete it", error);
	if (info->state == UBLK_S_DEV_DEAD)
		return refuse(dev, -EINVAL, "it was stopped, or never started: delete it", error);
	if (info->flags & UBLK_F_SHMEM_ZC)
		return refuse(dev, -EINVAL, "it shares memory with a server that is gone", error);
	if ((info->ublksrv_flags & ~UBLK_MARK_HOW) != mark)
		return refuse(dev, -EINVAL, "it was made of another target", error);
	return 0;
}

/* 6.15 is asked once: it refuses a server after one that gave up. */
static bool has_begun(struct ublk_dev *dev, int err)
{
	return err == -EINVAL && !get_info(dev, NULL) &&
	       (dev->info.state == UBLK_S_DEV_QUIESCED || dev->info.state == UBLK_S_DEV_FAIL_IO);
}

static int await_death(struct ublk_dev *dev, struct ublk_error *error)
{
	u32 timeout_ms = dev->opts.timeout_ms;
	u64 deadline = deadline_in_ms(timeout_ms < DYING_MS ? timeout_ms : DYING_MS);
	u32 sleep_us = FIRST_SLEEP_US;
	int err = 0;

	while (!err && dev->info.state == UBLK_S_DEV_LIVE) {
		if (!deadline_sleep_us(deadline, sleep_us))
			return ublk_error_set(error, "recover", dev->opts.dev_id, -EBUSY,
					      "it has a server, process %d", dev->info.ublksrv_pid);
		sleep_us = sleep_us < MAX_SLEEP_US ? 2 * sleep_us : MAX_SLEEP_US;
		err = get_info(dev, error);
	}
	return err;
}

/* The kernel takes the dead server's requests back first. */
static int take(struct ublk_dev *dev, struct ublk_error *error)
{
	u64 deadline = deadline_in_ms(dev->opts.timeout_ms);
	u32 sleep_us = FIRST_SLEEP_US;
	int err = 0;

	/* ... is 6.16; nothing that 6.15 has is told */
	if (!(dev->features & UBLK_F_UPDATE_SIZE))
		err = recover_fetch_rest(dev, error);
	if (err)
		return err;
	while ((err = ublk_ctrl_start_recovery(dev->ctrl, dev_ctrl_id(dev),
					       dev->opts.timeout_ms)) == -EBUSY) {
		if (get_info(dev, NULL) || (dev->info.state != UBLK_S_DEV_QUIESCED &&
					    dev->info.state != UBLK_S_DEV_FAIL_IO))
			return refuse(dev, -EBUSY, "somebody else has taken it meanwhile, or ended it",
				      error);
		if (!deadline_sleep_us(deadline, sleep_us))
			return ublk_error_set(error, "START_USER_RECOVERY", dev->opts.dev_id,
					      -ETIMEDOUT, "the kernel does not let go of its "
					      "server; if it never does, delete the device");
		sleep_us = sleep_us < MAX_SLEEP_US ? 2 * sleep_us : MAX_SLEEP_US;
	}
	if (err && !has_begun(dev, err))
		return ublk_error_set(error, "START_USER_RECOVERY", dev->opts.dev_id, err,
				      "the kernel refuses");
	return get_info(dev, error);
}

/* The dead server's lock on a file goes with the last of its files, a little later. */
static int open_target(struct ublk_dev *dev, struct ublk_error *error)
{
	u64 deadline = deadline_in_ms(LOCKED_MS);
	int err;

	do
		err = dev_open_target(dev, error);
	while (err == -EBUSY && deadline_sleep_us(deadline, MAX_SLEEP_US));
	return err;
}

int recover_check_kept(const struct ublk_dev *dev, struct ublk_error *error)
{
	for (u32 i = 0; i < dev->tree->nr; i++)
		if (dev->tree->nodes[i].forgets)
			return ublk_error_set(error, "recover", dev->opts.dev_id, -EOPNOTSUPP,
					      "what %s held was in its server's memory: delete it",
					      dev->tree->nodes[i].type->name);
	return 0;
}

static int get_params(struct ublk_dev *dev, struct ublk_error *error)
{
	int err;

	dev->params = (struct ublk_params){ .len = sizeof(dev->params) };
	err = ublk_ctrl_get_params(dev->ctrl, dev_ctrl_id(dev), &dev->params, dev->opts.timeout_ms);
	if (err)
		ublk_error_set(error, "GET_PARAMS", dev->opts.dev_id, err,
			       "the kernel does not say what it is like");
	return err;
}

/* Who uses the disk goes on as if nothing had happened: it can still do what it could. */
static int check_fits(const struct ublk_dev *dev, struct ublk_error *error)
{
	const struct tgt_limits *l = &dev->tree->root->limits;
	const struct ublk_params *p = &dev->params;
	u32 disk = node_dev(p->devt.disk_major, p->devt.disk_minor);
	u64 disk_bytes = p->basic.dev_sectors << 9;

	if (tgt_is_on(dev->tree, disk))
		return refuse(dev, -ELOOP, "the file that it is served from is on this very disk",
			      error);
	if (l->size_bytes < disk_bytes)
		return ublk_error_set(error, "recover", dev->opts.dev_id, -EINVAL,
				      "the disk has %llu bytes, and its target only %llu", disk_bytes,
				      l->size_bytes);
	if (l->logical_shift > p->basic.logical_bs_shift)
		return refuse(dev, -EINVAL, "its target's blocks are larger than the disk's", error);
	if (l->attrs & ~p->basic.attrs & UBLK_ATTR_READ_ONLY)
		return refuse(dev, -EINVAL, "its target can only be read now", error);
	if (l->meta.bytes != p->integrity.metadata_size)
		return refuse(dev, -EINVAL, "its target keeps other metadata", error);
	return 0;
}

/* As it was made: the kernel has fixed it. */
static int find_path(struct ublk_dev *dev, struct ublk_error *error)
{
	struct ublk_dev_opts *o = &dev->opts;
	u64 flags = dev->info.flags;
	u64 wanted = flags & UBLK_F_BATCH_IO;
	struct diag why;

	o->mode = (enum ublk_mode)(dev->info.ublksrv_flags & UBLK_MARK_MODE);
	o->nr_queues = dev->info.nr_hw_queues;
	o->recovery = UBLK_RECOVERY_QUEUE;
	if (flags & UBLK_F_USER_RECOVERY_REISSUE)
		o->recovery = UBLK_RECOVERY_REISSUE;
	else if (flags & UBLK_F_USER_RECOVERY_FAIL_IO)
		o->recovery = UBLK_RECOVERY_FAIL;
	if (!ublk_mode_name(o->mode))
		return refuse(dev, -EINVAL, "how its data moves is not known", error);
	/* As when it was made and the kernel cut the queues to its CPUs */
	if (o->nr_threads > o->nr_queues && !(flags & (UBLK_F_PER_IO_DAEMON | UBLK_F_BATCH_IO)))
		o->nr_threads = o->nr_queues;
	if (o->nr_threads > o->nr_queues)
		wanted |= UBLK_F_PER_IO_DAEMON;
	dev->path = ublk_path_choose(o->mode, dev->tree->root, dev->features, wanted, &why);
	if (!dev->path)
		return refuse(dev, -EINVAL, why.text, error);
	if (dev->path->flags & ~flags)
		return refuse(dev, -EINVAL, "its data does not move as its mark says", error);
	dev->path_flags = dev->path->flags;
	return 0;
}

/* While its server lives: all that can fail before that lets go */
static int prepare(struct ublk_dev *dev, struct ublk_error *error)
{
	if (dev->info.state != UBLK_S_DEV_LIVE)
		return refuse(dev, -ENOTCONN, "it has no server that could hand it over", error);
	dev->is_anothers = true;
	return dev_open_target(dev, error);
}

static int take_from_dead(struct ublk_dev *dev, struct ublk_error *error)
{
	int err = await_death(dev, error);

	if (!err)
		err = recover_try_target(dev, error);
	if (!err)
		err = take(dev, error);
	return err ? err : open_target(dev, error);
}

int recover_take_over(struct ublk_dev *dev, struct ublk_error *error)
{
	struct diag why;
	int err = get_info(dev, error);

	if (!err)
		err = await_death(dev, error);
	if (!err)
		err = take(dev, error);
	if (err)
		return err;
	dev->is_anothers = false;
	err = tgt_resume(dev->tree, &why);
	return err ? ublk_error_set(error, "resume target", dev->opts.dev_id, err, "%s", why.text) :
		     0;
}

int ublk_dev_recover(struct ublk_dev *dev, const struct ublk_dev_opts *opts,
		     struct ublk_error *error)
{
	int err = dev_init(dev, opts, error);

	dev->is_recovered = !err;
	if (!err && opts->loops)
		err = refuse(dev, -EINVAL, "not on shared loops", error);
	if (!err)
		err = dev_open_ctrl(dev, error);
	if (!err)
		err = ublk_features_get(dev->ctrl, &dev->features, dev->opts.timeout_ms, error);
	if (!err)
		err = get_info(dev, error);
	if (!err)
		err = check_is_ours(dev, error);
	if (!err)
		err = get_params(dev, error);
	if (!err)
		err = opts->handed ? prepare(dev, error) : take_from_dead(dev, error);
	if (!err)
		err = check_fits(dev, error);
	if (!err)
		err = find_path(dev, error);
	if (!err)
		err = dev_open_eventfds(dev, error);
	if (err) {
		/* One that has gone meanwhile has a node again, made for it here. */
		dev_remove_nodes(dev);
		dev_drop(dev);
		return err;
	}
	dev_set_name(dev);
	dev_set_state(dev, UBLK_DEV_CREATED);
	return 0;
}
