/* SPDX-License-Identifier: MIT */
/* ublk/spec.c under libFuzzer: any text is a spec or a reason, and leaves nothing; what
 * a spec has opened is written as one that opens the same. */
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"
#include "ublk/tgt.h"

#define SPEC_MAX 4096

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

struct values {
	const char *text;
	u64 size;
	u32 choice;
	bool flag;
};

#define PARAMS(X)										\
	X(struct values, text, OPT_TEXT("t", "TEXT", ""), .kind = OPT_STRING)			\
	X(struct values, size, OPT_TEXT("s", "SIZE", ""), .kind = OPT_SIZE)			\
	X(struct values, choice,								\
	  OPT_TEXT("c", "C", "") OPT_CHOICES("a\0b"),						\
	  .kind = OPT_CHOICE)									\
	X(struct values, flag, OPT_TEXT("f", "0|1", ""), .kind = OPT_BOOL)

/* Balanced, or the tree has closed something twice or not at all */
static int nr_open;
static volatile u64 sink;

/* Every string that a target is given ends where it says it does. */
static void read_all(const char *s)
{
	for (; s && *s; s++)
		sink += (u8)*s;
}

static int open_any(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	const struct values *v = values;

	(void)why;
	read_all(arg);
	read_all(v->text);
	t->limits.size_bytes = v->size;
	*(u64 *)t->state = 1;
	nr_open++;
	return v->choice == 2 ? -1 : 0;
}

static void close_any(struct tgt *t)
{
	nr_open -= *(u64 *)t->state == 1;
}

/* A failed open() releases what it had by itself. */
static int open_leaf(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	int err = open_any(t, arg, values, why);

	if (err)
		close_any(t);
	return err;
}

#define COMMON                                                                                    \
	.params = OPT_TABLE(PARAMS), .values_bytes = sizeof(struct values), \
	.state_bytes = 8, .open = open_leaf, .close = close_any

static const struct tgt_type leaf = { .name = "l", .arg_name = "ANY", COMMON };
static const struct tgt_type bare = { .name = "b", COMMON };
static const struct tgt_type pair = { .name = "p", .min_children = 2, .max_children = 2, COMMON };
static const struct tgt_type many = { .name = "m", .min_children = 1, .max_children = 255, COMMON };
static const struct tgt_type over = {
	.name = "o", .arg_name = "ANY", .leaf = "l", .min_children = 1, .max_children = 1, COMMON
};
static const struct tgt_type *const types[] = { &leaf, &bare, &pair, &many, &over, NULL };

/* Three characters for one at most, and those that stand for a child */
#define PRINTED_MAX (4 * SPEC_MAX)

static void print(const struct tgt_tree *tree, char *text)
{
	struct fmt_buf b = { .text = text, .size = PRINTED_MAX };

	if (tgt_spec_print(tree, &b) || fmt_truncated(&b))
		__builtin_trap();
}

static void print_twice(const struct tgt_tree *tree)
{
	static char text[2][PRINTED_MAX];
	struct tgt_tree again;
	struct diag why;

	print(tree, text[0]);
	if (tgt_open(&again, types, text[0], &why))
		__builtin_trap();
	print(&again, text[1]);
	if (again.nr != tree->nr || !str_eq(text[0], text[1]))
		__builtin_trap();
	tgt_close(&again);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	char spec[SPEC_MAX];
	struct tgt_tree tree;
	struct diag why = { .text = "" };

	if (len >= sizeof(spec))
		return 0;
	memcpy(spec, data, len);
	spec[len] = '\0';
	if (tgt_open(&tree, types, spec, &why) == 0) {
		if (!tree.root || nr_open != (int)tree.nr)
			__builtin_trap();
		print_twice(&tree);
	} else if (!why.text[0] || tree.mem) {
		__builtin_trap();
	}
	tgt_close(&tree);
	if (nr_open)
		__builtin_trap();
	sink += tgt_spec_hash(spec);
	return 0;
}
