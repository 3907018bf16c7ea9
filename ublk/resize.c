/* SPDX-License-Identifier: MIT */
/*
 * Another size for a running disk. One that grows is the target's first, then the
 * kernel's; one that shrinks the other way round: what the target has cut off is
 * gone, so the kernel has to have agreed by then.
 */
#include <asm/errno.h>

#include "ublk/dev.h"
#include "ublk/features.h"
#include "ublk/serve.h"

static u64 size_of(const struct ublk_dev *dev)
{
	return __atomic_load_n(&dev->tree->root->limits.size_bytes, __ATOMIC_RELAXED);
}

/* What a target finds need not end with a block of the device's. */
static u64 sectors_of(const struct ublk_dev *dev)
{
	u32 shift = dev->params.basic.logical_bs_shift;

	return size_of(dev) >> shift << (shift - 9);
}

static int check(const struct ublk_dev *dev, u64 size_bytes, struct ublk_error *error)
{
	u32 block_bytes = 1U << dev->params.basic.logical_bs_shift;
	struct ublk_dev_info info;

	ublk_dev_info(dev, &info);
	if (!info.is_running)
		return ublk_error_set(error, "resize", info.dev_id,
				      info.state == UBLK_DEV_CLOSED ? -ESHUTDOWN : -EINVAL,
				      "it is %s", ublk_dev_state_text(info.state));
	if (dev->params.types & UBLK_PARAM_TYPE_ZONED)
		return ublk_error_set(error, "resize", info.dev_id, -EOPNOTSUPP,
				      "the size of a zoned disk is fixed");
	if (size_bytes % block_bytes)
		return ublk_error_set(error, "resize", info.dev_id, -EINVAL,
				      "%llu bytes are not a multiple of the logical block of %u",
				      size_bytes, block_bytes);
	return ublk_features_check(UBLK_F_UPDATE_SIZE, dev->features, "resize", info.dev_id, error);
}

static int tell_kernel(struct ublk_dev *dev, u64 sectors, u32 timeout_ms, struct ublk_error *error)
{
	int err;

	ublk_ctrl_prep_update_size(dev->ctrl, ublk_ctrl_id(&dev->info), sectors);
	err = serve_call(dev, deadline_in_ms(timeout_ms));
	dev->is_size_unknown = err == -ETIMEDOUT || (err && dev->is_size_unknown);
	if (err)
		return ublk_error_set(error, "UPDATE_SIZE", (s32)dev->info.dev_id, err,
				      err == -ETIMEDOUT ? "no answer from the kernel within %u ms" :
				      err == -EBUSY ? "the kernel has not answered an earlier command" :
						      "the kernel does not take it (limit %u ms)",
				      timeout_ms);
	__atomic_store_n(&dev->params.basic.dev_sectors, sectors, __ATOMIC_RELAXED);
	return 0;
}

static int has_failed(const struct ublk_dev *dev, int err, const struct diag *why,
		      struct ublk_error *error)
{
	return ublk_error_set(error, "resize", (s32)dev->info.dev_id, err, "%s", why->text);
}

/* A kernel that is late may do it yet: its disk is then smaller than what there is. */
static int shrink(struct ublk_dev *dev, u64 size_bytes, u32 timeout_ms, struct ublk_error *error)
{
	u64 before = sectors_of(dev);
	struct ublk_error ignored;
	struct diag why;
	int err = tgt_can_resize(dev->tree, size_bytes, &why);

	if (err)
		return has_failed(dev, err, &why, error);
	err = tell_kernel(dev, size_bytes >> 9, timeout_ms, error);
	if (err)
		return err;
	err = tgt_resize(dev->tree, size_bytes, &why);
	if (!err)
		return 0;
	(void)!tell_kernel(dev, before, timeout_ms, &ignored);
	return has_failed(dev, err, &why, error);
}

/* To what was asked for or, when that is 0, what the target finds */
static int follow(struct ublk_dev *dev, u64 size_bytes, u32 timeout_ms, struct ublk_error *error)
{
	u64 before = size_of(dev);
	struct diag why;
	u64 sectors;
	int err = size_bytes ? tgt_resize(dev->tree, size_bytes, &why) :
			       tgt_refresh(dev->tree, &why);

	if (err)
		return has_failed(dev, err, &why, error);
	sectors = sectors_of(dev);
	if (!sectors)
		return ublk_error_set(error, "resize", (s32)dev->info.dev_id, -EINVAL,
				      "nothing is left of it");
	if (sectors == dev->params.basic.dev_sectors && !dev->is_size_unknown)
		return 0;
	err = tell_kernel(dev, sectors, timeout_ms, error);
	/* A kernel that is late may do it yet, and must not have more than there is. */
	if (err && size_bytes && err != -ETIMEDOUT)
		(void)!tgt_resize(dev->tree, before, NULL);
	return err;
}

COLD int ublk_dev_resize(struct ublk_dev *dev, u64 size_bytes, u32 timeout_ms,
			 struct ublk_error *error)
{
	int err = check(dev, size_bytes, error);

	if (err)
		return err;
	if (!timeout_ms)
		timeout_ms = dev->opts.timeout_ms;
	if (size_bytes && size_bytes < size_of(dev))
		return shrink(dev, size_bytes, timeout_ms, error);
	return follow(dev, size_bytes, timeout_ms, error);
}
