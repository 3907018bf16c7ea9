/* SPDX-License-Identifier: MIT */
/* Legs by themselves, and what a mirror says. */
#include "selftests/mirror_rig.h"

#include "selftests/harness/harness.h"
#include "selftests/oracle.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"

#define CHUNK_BYTES 65536

struct wanted {
	const char *name;
	u64 value;
	bool was_found;
};

static void look(void *ctx, const char *name, u64 value)
{
	struct wanted *w = ctx;
	const char *dot = str_chr(name, '.');

	if (!str_starts(name, "mirror") || w->was_found || !str_eq(dot + 1, w->name))
		return;
	w->value = value;
	w->was_found = true;
}

u64 mirror_number(const struct tgt_tree *tree, const char *name)
{
	struct wanted w = { .name = name };

	tgt_stat(tree, look, &w);
	if (!w.was_found)
		test_fail("the mirror does not tell %s", name);
	return w.value;
}

int mirror_says(struct tgt_tree *tree, const char *text)
{
	struct diag why = { .text = "" };
	char word[64];
	char *value;
	int err;

	ASSERT_OK(str_copy(word, sizeof(word), text));
	value = (char *)(uintptr_t)str_chr(word, '=');
	if (value)
		*value++ = '\0';
	err = tgt_message(tree, "mirror", word, value, &why);
	if (err)
		test_log("%s: %s", text, why.text);
	return err;
}

struct tgt_tree mirror_leg(const struct tgt_tree *tree, u32 leg)
{
	struct tgt *const *child = tree->root->child;
	const struct tgt *end = leg ? tree->nodes + tree->nr : child[1];

	/* what belongs to a target follows it */
	return (struct tgt_tree){
		.root = child[leg], .nodes = child[leg], .nr = (u32)(end - child[leg]),
	};
}

void mirror_settle(struct opdriver *d)
{
	while (mirror_number(d->tree, "dirty_regions"))
		opd_step(d);
}

static s64 differs_in(struct opdriver *legs, u64 at, u64 len, char mem[2][CHUNK_BYTES])
{
	for (u32 leg = 0; leg < 2; leg++)
		ASSERT_EQ(opd_read(&legs[leg], at, mem[leg], len), len);
	if (!memcmp(mem[0], mem[1], len))
		return -1;
	for (u64 i = 0;; i++)
		if (mem[0][i] != mem[1][i])
			return (s64)(at + i);
}

s64 mirror_differs(const struct tgt_tree *tree)
{
	static char mem[2][CHUNK_BYTES];
	struct tgt_tree trees[2] = { mirror_leg(tree, 0), mirror_leg(tree, 1) };
	struct opdriver legs[2];
	u64 size = tree->root->limits.size_bytes;
	s64 at = -1;

	for (u32 leg = 0; leg < 2; leg++)
		opd_attach(&legs[leg], &trees[leg], 0);
	for (u64 i = 0; at < 0 && i < size; i += CHUNK_BYTES)
		at = differs_in(legs, i, size - i < CHUNK_BYTES ? size - i : CHUNK_BYTES, mem);
	for (u32 leg = 0; leg < 2; leg++)
		opd_close(&legs[leg]);
	return at;
}

void mirror_fill(const struct tgt_tree *tree, u32 leg, u64 seed)
{
	static u64 mem[CHUNK_BYTES / 8];
	struct tgt_tree one = mirror_leg(tree, leg);
	struct opdriver d;
	u64 size = tree->root->limits.size_bytes;

	opd_attach(&d, &one, 0);
	for (u64 at = 0; at < size; at += CHUNK_BYTES) {
		u64 len = size - at < CHUNK_BYTES ? size - at : CHUNK_BYTES;

		if (oracle_below(&seed, 8) == 0)
			continue;
		for (u64 i = 0; i < ARRAY_SIZE(mem); i++)
			mem[i] = seed * (i + 1) ^ at;
		ASSERT_EQ(opd_write(&d, at, mem, len, 0), len);
	}
	opd_close(&d);
}
