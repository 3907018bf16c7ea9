/* SPDX-License-Identifier: MIT */
#if !__STDC_HOSTED__

#include "selftests/ways.h"

#include "selftests/device.h"
#include "ublk/features.h"

static void skip_without(u64 needs)
{
	struct ublk_ctrl c = { .state = UBLK_CTRL_CLOSED };
	u64 features = 0;

	device_ctrl_open(&c);
	ASSERT_OK(ublk_features_get(&c, &features, DEVICE_TIMEOUT_MS, NULL));
	ublk_ctrl_close(&c);
	for (u32 bit = 63; bit < 64; bit--)
		if (needs & ~features & 1ULL << bit)
			test_skip("has no %s (Linux %s)", ublk_feature_name(bit),
				  ublk_feature_since(bit));
}

void way_set(const struct way *way, struct ublk_dev_opts *opts)
{
	skip_without(way->needs);
	opts->mode = way->mode;
	opts->batch = way->batch;
}

#endif
