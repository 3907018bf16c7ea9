/* SPDX-License-Identifier: MIT */
/* bareblk ublk info: all that the kernel says about one device. */
#include <asm/errno.h>

#include "tools/ublk_ids.h"
#include "tools/ublk_show.h"
#include "ublk/features.h"

struct info_values {
	bool json;
	bool udev;
};

#define INFO_OPTS(X)										\
	X(struct info_values, json, OPT_TEXT("json", "", "an object"), .kind = OPT_FLAG)	\
	X(struct info_values, udev,								\
	  OPT_TEXT("udev", "", "whose it is, for a rule of udev"), .kind = OPT_FLAG)

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
	const struct ublk_param_devt *devt = &view->params.devt;
	char size[FMT_SIZE_MAX];

	fmt_add(out, "/dev/ublkb%u\n", info->dev_id);
	fmt_add(out, "  state                 %s\n", ublk_view_state(view));
	fmt_add(out, "  server                process %d, %s\n", info->ublksrv_pid,
		ublk_view_is_ours(view) ? "bareblk" : "not bareblk");
	fmt_add(out, "  owner                 uid %u, gid %u\n", info->owner_uid, info->owner_gid);
	fmt_add(out, "  queues                %u of depth %u\n", info->nr_hw_queues,
		info->queue_depth);
	fmt_add(out, "  largest buffer        %s\n", fmt_size(size, info->max_io_buf_bytes));
	fmt_add(out, "  descriptor            %u\n", ublk_view_desc_bytes(view));
	fmt_add(out, "  device numbers        char %u:%u, block %u:%u\n", devt->char_major,
		devt->char_minor, devt->disk_major, devt->disk_minor);
	ublk_view_mode(out, view);
	ublk_view_params(out, &view->params);
	print_attrs(out, view->params.basic.attrs);
	print_flags(out, info->flags);
}

/* Not all of it: a device that is just being made does not tell its parameters. */
static int print_udev(struct fmt_buf *out, struct ctrl_child *child, u32 id)
{
	struct ublksrv_ctrl_dev_info info;
	int err = ublk_ctrl_get_info(&child->ctrl, id, &info, VIEW_TIMEOUT_MS);

	if (!err)
		fmt_add(out, "UBLK_UNPRIVILEGED=%u\nUBLK_UID=%u\nUBLK_GID=%u\n",
			!!(info.flags & UBLK_F_UNPRIVILEGED_DEV), info.owner_uid, info.owner_gid);
	return err;
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
	err = v->udev ? print_udev(r->out, &child, id) : ublk_view_get(&child, id, &view);
	ctrl_child_rest(&child);
	if (err)
		return cmd_fail(r, exit_code_of(ublk_code_of(err)), err, "device %u", id);
	if (v->udev)
		return EXIT_OK;
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
