/* SPDX-License-Identifier: MIT */
/* tools/text/modules.c: what depmod writes, and what nobody should have written */
#include "selftests/harness/harness.h"
#include "tools/text/modules.h"
#include "uapi/rt/fmt.h"

/* The files to load for a module, in order, each behind a blank */
static const char *files_of(const char *dep, const char *name, char seen[256])
{
	struct fmt_buf out = { .text = seen, .size = 256 };
	struct modules_text line;
	struct modules_text file;

	*seen = '\0';
	if (!modules_dep_find(dep, name, &line))
		return "-";
	while (modules_dep_take(&line, &file))
		fmt_add(&out, " %.*s", (int)file.len, file.at);
	return seen;
}

static void orders(void)
{
	static const char dep[] = "kernel/a/dm-mod.ko.xz: kernel/b/dax.ko.xz\n"
				  "kernel/a/dm-thin-pool.ko: kernel/c/bio.ko.zst kernel/a/dm-mod.ko.xz "
				  "kernel/b/dax.ko.xz\n"
				  "/abs/dm-x.ko.gz:\n"
				  "kernel/a/dm-mod-extra.ko:\n"
				  "kernel/xdm-zero.ko:\n"
				  "kernel/dm-zero.kobject:\n"
				  "no colon dm-zero.ko\n"
				  "kernel/dm-last.ko: kernel/b/dax.ko";
	static const struct {
		const char *name;
		const char *files;
	} rows[] = {
		{ "dm-mod", " kernel/b/dax.ko.xz kernel/a/dm-mod.ko.xz" },
		{ "dm_mod", " kernel/b/dax.ko.xz kernel/a/dm-mod.ko.xz" },
		{ "dm_thin-pool", " kernel/b/dax.ko.xz kernel/a/dm-mod.ko.xz kernel/c/bio.ko.zst "
				  "kernel/a/dm-thin-pool.ko" },
		{ "dm-x", " /abs/dm-x.ko.gz" },
		{ "dm-last", " kernel/b/dax.ko kernel/dm-last.ko" },
		{ "dm-zero", "-" },
		{ "dm-thin", "-" },
		{ "thin-pool", "-" },
		{ "", "-" },
	};
	char seen[256];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("%s", rows[i].name);
		EXPECT_STREQ(files_of(dep, rows[i].name, seen), rows[i].files);
	}
}

static void bears_anything(void)
{
	static const char *const texts[] = { "", "\n", ":", " : : :", "dm-a.ko", "/:\n/\n:", "dm-a.ko:",
					     "dm-a.ko:\n", "\n\n\ndm-a.ko: \t \n", "dm-a.k:", "dm-a.ko." };
	char seen[256];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *found = files_of(texts[i], "dm-a", seen);

		test_row("row %zu", i);
		EXPECT_TRUE(str_eq(found, "-") || str_eq(found, " dm-a.ko"));
	}
}

static void aliases(void)
{
	static const char text[] = "# a comment\n"
				   "alias dm-thin dm_thin_pool\n"
				   "alias dm-thin-x wrong\n"
				   "alias crypto-aes aesni_intel\n"
				   "alias crypto_aes aes_generic\n"
				   "alias crypto-aes\n"
				   "alias crypto-aes \n"
				   "aliascrypto-aes wrong\n"
				   "alias crypto-aes last";
	const char *rest = text;
	struct modules_text module;
	char seen[128] = "";
	struct fmt_buf out = { .text = seen, .size = sizeof(seen) };

	while (modules_alias_take(&rest, "crypto-aes", &module))
		fmt_add(&out, "%.*s;", (int)module.len, module.at);
	EXPECT_STREQ(seen, "aesni_intel;aes_generic;last;");
	rest = text;
	ASSERT_TRUE(modules_alias_take(&rest, "dm_thin", &module));
	EXPECT_EQ(module.len, str_len("dm_thin_pool"));
	EXPECT_TRUE(!modules_alias_take(&rest, "dm_thin", &module));
}

static void behind(void)
{
	EXPECT_STREQ(modules_behind("dm-mod.create", "dm_mod."), "create");
	EXPECT_STREQ(modules_behind("dm_mod.create", "dm-mod.create"), "");
	EXPECT_STREQ(modules_behind("dm-mod.create2", "dm_mod.create"), "2");
	EXPECT_STREQ(modules_behind("x", ""), "x");
	EXPECT_TRUE(!modules_behind("dm-mod.creat", "dm_mod.create"));
	EXPECT_TRUE(!modules_behind("dm.mod.create", "dm_mod.create"));
	EXPECT_TRUE(!modules_behind("", "dm_mod.create"));
}

static const struct test_case cases[] = {
	TEST("what a module needs is loaded before it", orders),
	TEST("lists that are malformed name no file that is not there", bears_anything),
	TEST("all modules of another name are found", aliases),
	TEST("in the name of a module or its parameter - and _ are the same", behind),
};
TEST_SUITE(text_modules, cases);
