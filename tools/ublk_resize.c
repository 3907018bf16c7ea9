/* SPDX-License-Identifier: MIT */
/* bareblk ublk resize: another size for a disk that is being served. */
#include "tools/ublk_ask.h"
#include "uapi/rt/parse.h"

static void take_size(void *ctx, const char *who, const char *name, u64 value)
{
	u64 *size_bytes = ctx;

	if (str_eq(who, "device") && str_eq(name, "size_bytes"))
		*size_bytes = value;
}

static enum exit_code resize_run(const struct cmd_run *r)
{
	const struct ask_values *v = r->values;
	const char *size = r->argc > 1 ? r->argv[1] : NULL;
	const char *more = size ? str_starts(size, "+") : NULL;
	struct ublksrv_ctrl_dev_info info;
	char request[64] = "resize";
	char text[FMT_SIZE_MAX];
	enum exit_code code;
	u64 bytes = 0;

	if (size && (parse_size(more ? more : size, &bytes) || !bytes))
		return cmd_fail(r, EXIT_USAGE, 0, "%s is not a size: 64M, or +64M", size);
	if (size)
		fmt_print(request, sizeof(request), "resize %s%llu%s", more ? "+" : "", bytes,
			  v->may_shrink ? " shrink" : "");
	code = ublk_ask_find(r, &info);
	if (!code)
		code = ublk_ask(r, &info, request, take_size, &bytes);
	if (!code)
		fmt_add(r->out, "/dev/ublkb%u %s\n", info.dev_id, fmt_size(text, bytes));
	return code;
}

const struct cmd cmd_ublk_resize = {
	.text = CMD_TEXT("ublk", "resize", "DEVICE [[+]SIZE]", "give a disk that is served another size",
			 "Asks the server, which asks its target and tells the kernel (6.16), while I/O goes\n"
			 "on; prints the new size. Without SIZE the disk follows what its target finds, as a\n"
			 "file that has grown.\n"),
	.opts = &ask_opts,
	.sets = ASK_SETS(ASK_RESIZE),
	.min_args = 1,
	.max_args = 2,
	.run = resize_run,
};
