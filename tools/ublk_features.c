/* SPDX-License-Identifier: MIT */
/* bareblk ublk features: which of ublk's features this kernel has. */
#include "tools/cmd.h"
#include "tools/ctrl_child.h"
#include "tools/text/json.h"
#include "tools/ublk_show.h"
#include "ublk/features.h"

struct features_values {
	bool json;
};

#define FEATURES_OPTS(X)									\
	X(struct features_values, json,								\
	  OPT_TEXT("json", "", "an array of objects"),						\
	  .kind = OPT_FLAG)

static void print_json(struct fmt_buf *out, u64 features)
{
	struct json j = { .out = out };

	json_open(&j, NULL, '[');
	for (u32 i = 0; i < 64; i++) {
		const char *name = ublk_feature_name(i);

		if (!name && !(features >> i & 1))
			continue;
		json_open(&j, NULL, '{');
		json_string(&j, "name", name ? name : "unknown");
		json_u64(&j, "bit", i);
		json_bool(&j, "kernel_has", features >> i & 1);
		json_string(&j, "since", name ? ublk_feature_since(i) : "");
		json_bool(&j, "used", UBLK_FEATURES_USED >> i & 1);
		json_close(&j, '}');
	}
	json_close(&j, ']');
	fmt_add(out, "\n");
}

static void print_text(struct fmt_buf *out, u64 features)
{
	fmt_add(out, "BIT FEATURE                 HERE  SINCE  USED\n");
	for (u32 i = 0; i < 64; i++) {
		const char *name = ublk_feature_name(i);

		if (name)
			fmt_add(out, "%3u %-23s %-5s %-6s %s\n", i, name,
				features >> i & 1 ? "yes" : "no", ublk_feature_since(i),
				UBLK_FEATURES_USED >> i & 1 ? "yes" : "no");
		else if (features >> i & 1)
			fmt_add(out, "%3u unknown to this program\n", i);
	}
}

static enum exit_code features_run(const struct cmd_run *r)
{
	const struct features_values *v = r->values;
	struct ctrl_child child;
	struct ublk_error error;
	u64 features = 0;
	int err = ctrl_child_open(&child, &error);

	if (!err)
		err = ublk_features_get(&child.ctrl, &features, VIEW_TIMEOUT_MS, &error);
	ctrl_child_rest(&child);
	if (err)
		return cmd_fail_ublk(r, &error);
	if (v->json)
		print_json(r->out, features);
	else
		print_text(r->out, features);
	return EXIT_OK;
}

const struct cmd cmd_ublk_features = {
	.text = CMD_TEXT("ublk", "features", "",
			 "list ublk's features, and whether this kernel has them", ""),
	.opts = CMD_OPTS(FEATURES_OPTS, NULL),
	.run = features_run,
};
