/* SPDX-License-Identifier: MIT */
/* What targets there are. */
#include "tools/targets.h"

#include "uapi/rt/str.h"
#include "ublk/targets/targets.h"

/* null:SIZE?nodata=0|1, stripe?chunk=SIZE:[TARGET],... */
static size_t add_form(struct fmt_buf *out, const struct tgt_type *t)
{
	char text[160];
	struct fmt_buf b = { .text = text, .size = sizeof(text) };

	fmt_add(&b, "%s", t->name);
	if (t->arg_name && !t->leaf)
		fmt_add(&b, ":%s", t->arg_name);
	for (u32 i = 0; i < t->params.nr; i++) {
		const char *name = opt_name(&t->params, i);

		fmt_add(&b, "%c%s=%s", i ? '&' : '?', name, str_nth(name, OPT_METAVAR));
	}
	if (t->max_children)
		fmt_add(&b, ":[TARGET]%s", t->max_children > 1 ? ",..." : "");
	fmt_add(out, "%s", text);
	return b.len;
}

void target_help_all(struct fmt_buf *out)
{
	fmt_add(out, "\nTargets:\n");
	for (const struct tgt_type *const *t = tgt_types; *t; t++) {
		size_t len;

		fmt_add(out, "  ");
		len = add_form(out, *t);
		if (len > 24)
			fmt_add(out, "\n  ");
		fmt_add_fill(out, ' ', len > 24 ? 24 : 24 - len);
		fmt_add(out, " %s\n", (*t)->summary);
	}
	fmt_add(out, "\nSizes: 4096, 64K, 1.5G, 512s (sectors of 512 bytes). In a target's argument and\n"
		     "values the characters ? & [ ] , %% and space are written %%XX, in hexadecimal.\n"
		     "\"bareblk target help NAME\" tells more.\n");
}

/* A parameter's help, broken at blanks to fit */
static void add_param(struct fmt_buf *out, const char *name)
{
	const char *word = str_nth(name, OPT_HELP);
	size_t column = 4;

	fmt_add(out, "  %s=%s\n   ", name, str_nth(name, OPT_METAVAR));
	while (*word) {
		const char *end = str_chr(word, ' ');
		size_t len = end ? (size_t)(end - word) : str_len(word);

		if (column + 1 + len > 79) {
			fmt_add(out, "\n   ");
			column = 4;
		}
		fmt_add(out, " %.*s", (int)len, word);
		column += 1 + len;
		word += len + (end != NULL);
	}
	fmt_add(out, "\n");
}

bool target_help_one(struct fmt_buf *out, const char *name)
{
	for (const struct tgt_type *const *t = tgt_types; *t; t++) {
		if (!str_eq((*t)->name, name))
			continue;
		fmt_add(out, "Target: ");
		(void)add_form(out, *t);
		fmt_add(out, "\n%s.\n", (*t)->summary);
		if ((*t)->leaf)
			fmt_add(out, "%s:%s stands for %s:[%s:%s].\n", name, (*t)->arg_name, name,
				(*t)->leaf, (*t)->arg_name);
		if ((*t)->notes)
			fmt_add(out, "%s", (*t)->notes);
		if ((*t)->messages)
			fmt_add(out, "Messages: %s.\n", (*t)->messages);
		for (u32 i = 0; i < (*t)->params.nr; i++)
			add_param(out, opt_name(&(*t)->params, i));
		return true;
	}
	return false;
}
