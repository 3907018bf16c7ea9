/* SPDX-License-Identifier: MIT */
/* Targets as their spec. */
#include <asm/errno.h>

#include "uapi/rt/str.h"
#include "ublk/tgt.h"

static void add_text(struct fmt_buf *out, const char *text, const char *special)
{
	for (; *text; text++) {
		u8 c = (u8)*text;

		if (c <= ' ' || c == 0x7f || str_chr(special, *text))
			fmt_add(out, "%%%02X", c);
		else
			fmt_add_bytes(out, text, 1);
	}
}

COLD void tgt_spec_add(struct fmt_buf *out, const char *text)
{
	add_text(out, text, "?&[],%:");
}

/* One target up to its children */
static void add_head(struct fmt_buf *out, const struct tgt *t)
{
	const char *p = t->params;
	char mark = '?';

	fmt_add(out, "%s", t->type->name);
	if (t->arg) {
		fmt_add(out, ":");
		add_text(out, t->arg, "?&[],%");
	}
	while (*p) {
		const char *value = p + str_len(p) + 1;

		fmt_add(out, "%c%s=", mark, p);
		/* a composite's values end at the colon */
		add_text(out, value, t->nr_children ? "?&[],%:" : "?&[],%");
		mark = '&';
		p = value + str_len(value) + 1;
	}
}

COLD int tgt_spec_print(const struct tgt_tree *tree, struct fmt_buf *out)
{
	/* those that are open, and which child of each comes next */
	const struct tgt *above[TGT_MAX_DEPTH];
	u32 next[TGT_MAX_DEPTH];
	const struct tgt *t = tree->root;
	u32 depth = 0;

	for (u32 i = 0; i < tree->nr; i++)
		if (!tree->nodes[i].params)
			return -EOPNOTSUPP;
	while (t) {
		add_head(out, t);
		if (t->nr_children) {
			above[depth] = t;
			next[depth++] = 0;
			fmt_add(out, ":");
		} else if (depth) {
			fmt_add(out, "]");
		}
		for (t = NULL; depth && !t; ) {
			const struct tgt *parent = above[depth - 1];
			u32 nr = next[depth - 1]++;

			if (nr < parent->nr_children) {
				fmt_add(out, nr ? ",[" : "[");
				t = parent->child[nr];
			} else if (--depth) {
				fmt_add(out, "]");
			}
		}
	}
	return 0;
}
