/* SPDX-License-Identifier: MIT */
/* tools/text/kcmdline.c: the command line as the kernel parts it */
#include "selftests/harness/harness.h"
#include "tools/text/kcmdline.h"
#include "uapi/rt/fmt.h"

static void parts(void)
{
	static const struct {
		const char *text;
		const char *seen; /* name=<value>; or name; */
	} rows[] = {
		{ "", "" },
		{ " \t\n", "" },
		{ "quiet", "quiet;" },
		{ "  quiet   ro\n", "quiet;ro;" },
		{ "a=b c=", "a=<b>;c=<>;" },
		{ "a=b=c", "a=<b=c>;" },
		{ "a=\"b c\" d", "a=<b c>;d;" },
		{ "a=b\" \"c d", "a=<b\" \"c>;d;" },
		{ "\"a=b c\" d", "a=<b c>;d;" },
		{ "\"a b\" c", "a b;c;" },
		{ "a=\"b", "a=<b>;" },
		{ "a=\"b c", "a=<b c>;" },
		{ "a=\"", "a=<>;" },
		{ "\"", ";" },
		{ "=x y", "=x;y;" }, /* a name is not empty */
		{ "a=\"x\"y z", "a=<x\"y>;z;" },
		{ "a -- b=c", "a;" },
		{ "a --=b c", "a;--=<b>;c;" },
		{ "a\240b", "a;b;" },
		{ "a=\"\303\240 b\"", "a=<\303\240 b>;" },
		{ "dm-mod.create=\"lroot,,,rw, 0 4096 linear 98:16 0\" root=/dev/dm-0",
		  "dm-mod.create=<lroot,,,rw, 0 4096 linear 98:16 0>;root=</dev/dm-0>;" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[256];
		char seen[256] = "";
		struct fmt_buf out = { .text = seen, .size = sizeof(seen) };
		char *at = text;
		char *name;
		char *value;

		ASSERT_OK(str_copy(text, sizeof(text), rows[i].text));
		while (kcmdline_next(&at, &name, &value)) {
			fmt_add(&out, "%s", name);
			if (value)
				fmt_add(&out, "=<%s>", value);
			fmt_add(&out, ";");
		}
		test_row("%s", rows[i].text);
		EXPECT_STREQ(seen, rows[i].seen);
	}
}

static const struct test_case cases[] = {
	TEST("a command line is parted as the kernel does", parts),
};
TEST_SUITE(text_kcmdline, cases);
