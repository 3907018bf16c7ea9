/* SPDX-License-Identifier: MIT */
/* One device as the kernel has it. */
#include "tools/ublk_show.h"

#include "ublk/dev.h"

int ublk_view_get(struct ctrl_child *child, u32 id, struct ublk_view *view)
{
	int err = ublk_ctrl_get_info(&child->ctrl, id, &view->info, VIEW_TIMEOUT_MS);

	view->params = (struct ublk_params){ .len = sizeof(view->params) };
	if (!err)
		err = ublk_ctrl_get_params(&child->ctrl, id, &view->params, VIEW_TIMEOUT_MS);
	return err;
}

const char *ublk_view_state(const struct ublk_view *view)
{
	switch (view->info.state) {
	case UBLK_S_DEV_DEAD:
		return "dead";
	case UBLK_S_DEV_LIVE:
		return "live";
	case UBLK_S_DEV_QUIESCED:
		return "quiesced";
	case UBLK_S_DEV_FAIL_IO:
		return "failing";
	default:
		return "unknown";
	}
}

bool ublk_view_is_ours(const struct ublk_view *view)
{
	return view->info.ublksrv_flags >> UBLK_MARK_SHIFT == UBLK_MARK;
}

u64 ublk_view_size_bytes(const struct ublk_view *view)
{
	return view->params.basic.dev_sectors << 9;
}

static void json_params(struct json *j, const struct ublk_params *p)
{
	const struct ublk_param_basic *b = &p->basic;

	json_u64(j, "size_bytes", b->dev_sectors << 9);
	json_u64(j, "logical_block_bytes", 1ULL << b->logical_bs_shift);
	json_u64(j, "physical_block_bytes", 1ULL << b->physical_bs_shift);
	json_u64(j, "io_min_bytes", 1ULL << b->io_min_shift);
	json_u64(j, "io_opt_bytes", b->io_opt_shift ? 1ULL << b->io_opt_shift : 0);
	json_u64(j, "max_request_bytes", (u64)b->max_sectors << 9);
	json_bool(j, "read_only", b->attrs & UBLK_ATTR_READ_ONLY);
	json_bool(j, "rotational", b->attrs & UBLK_ATTR_ROTATIONAL);
	json_bool(j, "volatile_cache", b->attrs & UBLK_ATTR_VOLATILE_CACHE);
	json_bool(j, "fua", b->attrs & UBLK_ATTR_FUA);
	json_u64(j, "discard_granularity_bytes", p->discard.discard_granularity);
	json_u64(j, "max_discard_bytes", (u64)p->discard.max_discard_sectors << 9);
	json_u64(j, "max_write_zeroes_bytes", (u64)p->discard.max_write_zeroes_sectors << 9);
}

void ublk_view_json(struct json *j, const struct ublk_view *view)
{
	const struct ublksrv_ctrl_dev_info *info = &view->info;
	char path[24];

	json_open(j, NULL, '{');
	json_u64(j, "id", info->dev_id);
	fmt_print(path, sizeof(path), "/dev/ublkb%u", info->dev_id);
	json_string(j, "path", path);
	json_string(j, "state", ublk_view_state(view));
	json_u64(j, "queues", info->nr_hw_queues);
	json_u64(j, "depth", info->queue_depth);
	json_s64(j, "server_pid", info->ublksrv_pid);
	json_u64(j, "owner_uid", info->owner_uid);
	json_u64(j, "owner_gid", info->owner_gid);
	json_u64(j, "flags", info->flags);
	json_bool(j, "ours", ublk_view_is_ours(view));
	json_params(j, &view->params);
	json_close(j, '}');
}
