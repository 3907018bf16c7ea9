/* SPDX-License-Identifier: MIT */
/* Another size for a running disk: the target's, then the kernel's. */
#include <asm/errno.h>

#include "ublk/dev.h"
#include "ublk/features.h"
#include "ublk/serve.h"

static u64 size_of(const struct ublk_dev *dev)
{
	return __atomic_load_n(&dev->tree->root->limits.size_bytes, __ATOMIC_RELAXED);
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
	if (err)
		return ublk_error_set(error, "UPDATE_SIZE", (s32)dev->info.dev_id, err,
				      err == -ETIMEDOUT ? "no answer from the kernel within %u ms" :
				      err == -EBUSY ? "the kernel has not answered an earlier command" :
						      "the kernel does not take it (limit %u ms)",
				      timeout_ms);
	__atomic_store_n(&dev->params.basic.dev_sectors, sectors, __ATOMIC_RELAXED);
	return 0;
}

COLD int ublk_dev_resize(struct ublk_dev *dev, u64 size_bytes, u32 timeout_ms,
			 struct ublk_error *error)
{
	int err = check(dev, size_bytes, error);
	struct diag why;
	u64 before;
	u64 sectors;

	if (err)
		return err;
	before = size_of(dev);
	err = size_bytes ? tgt_resize(dev->tree, size_bytes, &why) : tgt_refresh(dev->tree, &why);
	if (err)
		return ublk_error_set(error, "resize", (s32)dev->info.dev_id, err, "%s", why.text);
	/* What it finds need not end with a block of the device's. */
	sectors = size_of(dev) >> dev->params.basic.logical_bs_shift
		  << (dev->params.basic.logical_bs_shift - 9);
	if (!sectors)
		return ublk_error_set(error, "resize", (s32)dev->info.dev_id, -EINVAL,
				      "nothing is left of it");
	if (sectors == dev->params.basic.dev_sectors)
		return 0;
	err = tell_kernel(dev, sectors, timeout_ms ? timeout_ms : dev->opts.timeout_ms, error);
	/* A kernel that is late may do it yet, and must not have more than there is. */
	if (err && size_bytes && (err != -ETIMEDOUT || size_bytes < before))
		(void)!tgt_resize(dev->tree, before, NULL);
	return err;
}
