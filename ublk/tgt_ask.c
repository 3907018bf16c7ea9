/* SPDX-License-Identifier: MIT */
/* What is asked of a running disk, beside its I/O. */
#include <asm/errno.h>

#include "uapi/rt/fmt.h"
#include "uapi/rt/str.h"
#include "ublk/tgt.h"

COLD int tgt_can_resize(const struct tgt_tree *tree, u64 size_bytes, struct diag *why)
{
	const struct tgt *t = tree->root;
	u64 block = 1ULL << t->limits.logical_shift;

	if (!t->type->resize)
		return diag_set(why, -EOPNOTSUPP, "%s: its size is fixed", t->type->name);
	if (!size_bytes || size_bytes % block)
		return diag_set(why, -EINVAL,
				"%s: %llu is not a multiple of its blocks of %llu above zero",
				t->type->name, size_bytes, block);
	return 0;
}

COLD int tgt_resize(struct tgt_tree *tree, u64 size_bytes, struct diag *why)
{
	int err = tgt_can_resize(tree, size_bytes, why);

	return err ? err : tree->root->type->resize(tree->root, size_bytes, why);
}

COLD int tgt_resize_last(struct tgt *t, u64 size_bytes, struct diag *why)
{
	struct tgt *last = t->child[t->nr_children - 1];
	const struct tgt_type *type = last->type;

	if (size_bytes ? !type->resize : !type->refresh)
		return diag_set(why, -EOPNOTSUPP, "%s: its last child is %s, whose size is fixed",
				t->type->name, type->name);
	return size_bytes ? type->resize(last, size_bytes, why) : type->refresh(last, why);
}

COLD int tgt_refresh(struct tgt_tree *tree, struct diag *why)
{
	struct tgt *t = tree->root;

	if (!t->type->refresh)
		return diag_set(why, -EOPNOTSUPP, "%s: its size does not change by itself",
				t->type->name);
	return t->type->refresh(t, why);
}

COLD s64 tgt_seek(const struct tgt_tree *tree, u64 offset_bytes, bool hole)
{
	struct tgt *t = tree->root;
	u64 size = __atomic_load_n(&t->limits.size_bytes, __ATOMIC_RELAXED);

	if (offset_bytes >= size)
		return (s64)size;
	if (!t->type->seek)
		return (s64)(hole ? size : offset_bytes);
	return t->type->seek(t, offset_bytes, hole);
}

#define NAME_BYTES 32

/* "mirror", and "mirror2" of the second */
static COLD void name_node(const struct tgt_tree *tree, u32 idx, char name[NAME_BYTES])
{
	const struct tgt_type *type = tree->nodes[idx].type;
	u32 nr = 0;

	for (u32 i = 0; i <= idx; i++)
		nr += tree->nodes[i].type == type;
	(void)fmt_print(name, NAME_BYTES, nr > 1 ? "%s%u" : "%s", type->name, nr);
}

COLD int tgt_message(struct tgt_tree *tree, const char *kind, const char *word, const char *value,
		     struct diag *why)
{
	for (u32 i = 0; i < tree->nr; i++) {
		struct tgt *t = &tree->nodes[i];
		char name[NAME_BYTES];

		name_node(tree, i, name);
		if (t->type->message && (!kind || str_eq(kind, name)))
			return t->type->message(t, word, value, why);
	}
	return diag_set(why, -ENOENT, "no target%s%s that takes messages", kind ? " " : "",
			kind ? kind : "");
}

COLD int tgt_knows_not(const struct tgt *t, const char *word, struct diag *why)
{
	return diag_set(why, -EINVAL, "%s: %s: it knows %s", t->type->name, word, t->type->messages);
}

COLD bool tgt_is_on(const struct tgt_tree *tree, u32 dev)
{
	for (u32 i = 0; dev && i < tree->nr; i++)
		if (tree->nodes[i].backing_dev == dev)
			return true;
	return false;
}

/* Puts the target's name before the number's */
struct named {
	tgt_say_fn *say;
	void *ctx;
	char name[NAME_BYTES];
};

static void say_named(void *ctx, const char *name, u64 value)
{
	const struct named *n = ctx;
	char text[64];

	(void)fmt_print(text, sizeof(text), "%s.%s", n->name, name);
	n->say(n->ctx, text, value);
}

COLD void tgt_stat(const struct tgt_tree *tree, tgt_say_fn *say, void *ctx)
{
	for (u32 i = 0; i < tree->nr; i++) {
		const struct tgt *t = &tree->nodes[i];
		struct named n = { .say = say, .ctx = ctx };

		name_node(tree, i, n.name);
		if (t->type->stat)
			t->type->stat(t, say_named, &n);
	}
}
