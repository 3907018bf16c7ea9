/* SPDX-License-Identifier: MIT */
/* bareblk target map: where a target has data. */
#include <asm/errno.h>

#include "tools/cmd.h"
#include "tools/text/json.h"
#include "ublk/targets/targets.h"

struct map_values {
	bool json;
};

#define MAP_OPTS(X)										\
	X(struct map_values, json, OPT_TEXT("json", "", "an object"), .kind = OPT_FLAG)

struct map {
	const struct cmd_run *r;
	struct json j;
	bool json;
};

static void add_range(struct map *m, u64 begin, u64 end, bool mapped)
{
	if (begin == end)
		return;
	if (m->json)
		json_add(&m->j, "{offset_bytes%llu len_bytes%llu mapped%i}", begin, end - begin,
			 mapped);
	else
		fmt_add(m->r->out, "%-16llu %-16llu %s\n", begin, end - begin,
			mapped ? "mapped" : "unmapped");
}

static s64 add_all(struct map *m, const struct tgt_tree *tree)
{
	s64 size = (s64)tree->root->limits.size_bytes;
	s64 at = 0;

	while (at < size) {
		s64 data = tgt_seek(tree, (u64)at, false);
		s64 hole = data < 0 ? data : tgt_seek(tree, (u64)data, true);

		if (hole < 0)
			return hole;
		/* others may write meanwhile: what is there then is shown, or was */
		if (data < at || (hole <= data && data < size))
			return -EIO;
		add_range(m, (u64)at, (u64)data, false);
		add_range(m, (u64)data, (u64)hole, true);
		at = hole;
	}
	return 0;
}

static void add_spec(struct map *m, const struct tgt_tree *tree)
{
	char text[4096];
	struct fmt_buf spec = { .text = text, .size = sizeof(text) };

	if (!tgt_spec_print(tree, &spec) && !fmt_truncated(&spec))
		json_string(&m->j, "spec", text);
}

static enum exit_code map_run(const struct cmd_run *r)
{
	const struct map_values *v = r->values;
	struct map m = { .r = r, .j.out = r->out, .json = v->json };
	struct tgt_tree tree;
	struct diag why = { .text = "" };
	s64 err = tgt_open(&tree, tgt_types, r->argv[0], &why);

	if (err)
		return cmd_fail(r, exit_code_of(ublk_code_of((int)err)), (int)err, "%s", why.text);
	if (m.json) {
		json_open(&m.j, NULL, '{');
		add_spec(&m, &tree);
		json_add(&m.j, "size_bytes%llu ranges[", tree.root->limits.size_bytes);
	} else {
		fmt_add(r->out, "OFFSET           LENGTH           BYTES\n");
	}
	err = add_all(&m, &tree);
	tgt_close(&tree);
	if (m.json) {
		json_add(&m.j, "]}");
		fmt_add(r->out, "\n");
	}
	return err ? cmd_fail(r, EXIT_FAILURE, (int)err, "cannot tell where there is data") : EXIT_OK;
}

const struct cmd cmd_target_map = {
	.text = CMD_TEXT("target", "map", "TARGET", "show where a target has data, in bytes",
			 "\nUnmapped is what surely reads as zeroes and takes no space. A file that is being\n"
			 "served is locked: file:PATH?lock=0 looks at it all the same.\n"),
	.opts = CMD_OPTS(MAP_OPTS, NULL),
	.min_args = 1,
	.max_args = 1,
	.lists_targets = true,
	.run = map_run,
};
