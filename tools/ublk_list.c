/* SPDX-License-Identifier: MIT */
/* bareblk ublk list: every device, a line each. */
#include <asm/errno.h>

#include "tools/ublk_ids.h"
#include "tools/ublk_show.h"
#include "uapi/rt/pages.h"

/* Where there is no sysfs to tell, this many ids are tried. */
#define IDS_TRIED 256

struct list_values {
	bool json;
};

#define LIST_OPTS(X)										\
	X(struct list_values, json,								\
	  OPT_TEXT("json", "", "an array of objects"),						\
	  .kind = OPT_FLAG)

static void print_line(const struct cmd_run *r, const struct ublk_view *view, bool is_first)
{
	const struct ublksrv_ctrl_dev_info *info = &view->info;
	char size[FMT_SIZE_MAX];
	char path[24];

	if (is_first)
		fmt_add(r->out, "DEVICE           STATE    SIZE       QUEUES DEPTH  SERVER BY\n");
	fmt_print(path, sizeof(path), "/dev/ublkb%u", info->dev_id);
	fmt_add(r->out, "%-16s %-8s %-10s %6u %5u %7d %s\n", path, ublk_view_state(view),
		fmt_size(size, ublk_view_size_bytes(view)), info->nr_hw_queues,
		info->queue_depth, info->ublksrv_pid, ublk_view_is_ours(view) ? "bareblk" : "-");
}

static int print_all(const struct cmd_run *r, struct ctrl_child *child, const u32 *ids, int nr)
{
	const struct list_values *v = r->values;
	struct json j = { .out = r->out };
	bool is_first = true;
	u32 nr_denied = 0;

	if (v->json)
		json_open(&j, NULL, '[');
	for (int i = 0; i < nr; i++) {
		struct ublk_view view;
		int err = ublk_view_get(child, ids[i], &view);

		if (err == -ENODEV)
			continue; /* gone since it was listed, or never there */
		if (err == -EPERM || err == -EACCES) {
			nr_denied++;
			continue;
		}
		if (err)
			return err;
		if (v->json)
			ublk_view_json(&j, &view);
		else
			print_line(r, &view, is_first);
		is_first = false;
	}
	if (v->json) {
		json_close(&j, ']');
		fmt_add(r->out, "\n");
	}
	if (nr_denied)
		cmd_say(r, "not shown: %u that belong to others", nr_denied);
	return 0;
}

static enum exit_code list_run(const struct cmd_run *r)
{
	struct ctrl_child child;
	struct ublk_error error;
	struct pages mem;
	int nr;
	int err;

	if (ctrl_child_open(&child, &error))
		return cmd_fail_ublk(r, &error);
	err = pages_map(&mem, UBLK_IDS_MAX * sizeof(u32));
	if (err)
		return cmd_fail(r, EXIT_MEMORY, err, "no memory for the list");
	nr = ublk_ids_all(mem.addr);
	if (nr == -ENOENT)
		for (nr = 0; nr < IDS_TRIED; nr++)
			((u32 *)mem.addr)[nr] = (u32)nr;
	err = nr < 0 ? nr : print_all(r, &child, mem.addr, nr);
	ctrl_child_rest(&child);
	pages_unmap(&mem);
	return err ? cmd_fail(r, exit_code_of(ublk_code_of(err)), err, "cannot list the devices") :
		     EXIT_OK;
}

const struct cmd cmd_ublk_list = {
	.text = CMD_TEXT("ublk", "list", "", "list the machine's ublk devices", ""),
	.opts = CMD_OPTS(LIST_OPTS, NULL),
	.run = list_run,
};
