/* SPDX-License-Identifier: MIT */
/* bareblk ublk info: all that the kernel says about one device. */
#include <asm/errno.h>

#include "tools/ublk_ids.h"
#include "tools/ublk_show.h"
#include "ublk/features.h"

struct info_values {
	bool json;
};

#define INFO_OPTS(X)										\
	X(struct info_values, json, OPT_TEXT("json", "", "an object"), .kind = OPT_FLAG)

static void print_size(struct fmt_buf *out, const char *name, u64 bytes)
{
	char size[FMT_SIZE_MAX];

	fmt_add(out, "  %-21s %s\n", name, fmt_size(size, bytes));
}

static void print_flags(struct fmt_buf *out, u64 flags)
{
	fmt_add(out, "  flags                ");
	for (u32 i = 0; i < 64; i++) {
		if (!(flags >> i & 1))
			continue;
		if (ublk_feature_name(i))
			fmt_add(out, " %s", ublk_feature_name(i));
		else
			fmt_add(out, " BIT_%u", i);
	}
	fmt_add(out, "\n");
}

static void print_attrs(struct fmt_buf *out, u32 attrs)
{
	static const char *const names[] = { "read-only", "rotational", "volatile-cache", "fua" };

	fmt_add(out, "  attributes           ");
	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		if (attrs >> i & 1)
			fmt_add(out, " %s", names[i]);
	fmt_add(out, "%s\n", attrs ? "" : " none");
}

static void print_text(struct fmt_buf *out, const struct ublk_view *view)
{
	const struct ublksrv_ctrl_dev_info *info = &view->info;
	const struct ublk_param_basic *b = &view->params.basic;
	const struct ublk_param_discard *d = &view->params.discard;

	fmt_add(out, "/dev/ublkb%u\n", info->dev_id);
	fmt_add(out, "  state                 %s\n", ublk_view_state(view));
	fmt_add(out, "  server                process %d, %s\n", info->ublksrv_pid,
		ublk_view_is_ours(view) ? "bareblk" : "not bareblk");
	fmt_add(out, "  owner                 uid %u, gid %u\n", info->owner_uid, info->owner_gid);
	fmt_add(out, "  queues                %u of depth %u\n", info->nr_hw_queues,
		info->queue_depth);
	print_size(out, "size", ublk_view_size_bytes(view));
	print_size(out, "logical block", 1ULL << b->logical_bs_shift);
	print_size(out, "physical block", 1ULL << b->physical_bs_shift);
	print_size(out, "largest request", (u64)b->max_sectors << 9);
	print_size(out, "discard granularity", d->discard_granularity);
	print_size(out, "largest discard", (u64)d->max_discard_sectors << 9);
	print_size(out, "largest write-zeroes", (u64)d->max_write_zeroes_sectors << 9);
	print_attrs(out, b->attrs);
	print_flags(out, info->flags);
}

static enum exit_code info_run(const struct cmd_run *r)
{
	const struct info_values *v = r->values;
	struct json j = { .out = r->out };
	struct ctrl_child child;
	struct ublk_error error;
	struct ublk_view view;
	u32 id;
	int err = ublk_id_parse(r->argv[0], &id);

	if (err)
		return cmd_fail(r, EXIT_USAGE, 0, "%s is not a device: 0, ublkb0 or /dev/ublkb0",
				r->argv[0]);
	if (ctrl_child_open(&child, &error))
		return cmd_fail_ublk(r, &error);
	err = ublk_view_get(&child, id, &view);
	ctrl_child_rest(&child);
	if (err)
		return cmd_fail(r, exit_code_of(ublk_code_of(err)), err, "device %u", id);
	if (!v->json) {
		print_text(r->out, &view);
		return EXIT_OK;
	}
	ublk_view_json(&j, &view);
	fmt_add(r->out, "\n");
	return EXIT_OK;
}

const struct cmd cmd_ublk_info = {
	.text = CMD_TEXT("ublk", "info", "DEVICE",
			 "print all that the kernel says about one device", ""),
	.opts = CMD_OPTS(INFO_OPTS, NULL),
	.min_args = 1,
	.max_args = 1,
	.run = info_run,
};
