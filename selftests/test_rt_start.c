/* SPDX-License-Identifier: MIT */
/* uapi/rt/free/start.h: what the kernel gave arrives, and the program is relocated. */
#if !__STDC_HOSTED__

#include <asm/errno.h>
#include <linux/auxvec.h>
#include <linux/fcntl.h>

#include "selftests/harness/harness.h"
#include "selftests/harness/start.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/pages.h"
#include "uapi/sys.h"

static void arguments_arrive(void)
{
	ASSERT_GE(test_start->argc, 1);
	for (int i = 0; i < test_start->argc; i++)
		ASSERT_GT(str_len(test_start->argv[i]), 0);
	EXPECT_EQ(test_start->argv[test_start->argc], NULL);
}

/* The kernel's own record of the arguments; an emulator may show its own. */
static void arguments_match_proc(void)
{
	char text[4096];
	int fd = sys_openat(AT_FDCWD, "/proc/self/cmdline", O_RDONLY, 0);
	long len;
	char *at = text;

	if (fd < 0)
		test_skip("no /proc");
	len = sys_read(fd, text, sizeof(text));
	ASSERT_GT(len, 0);
	for (int i = 0; i < test_start->argc && at - text < len; i++) {
		EXPECT_STREQ(at, test_start->argv[i]);
		at += str_len(at) + 1;
	}
	EXPECT_EQ(at - text, len);
}

static void environment_is_found(void)
{
	char *envp[] = { "PATHX=no", "PATH=/bin", "EMPTY=", "PATH=/second", "NOEQUALS", NULL };
	const struct rt_start start = { .envp = envp };

	EXPECT_STREQ(rt_env(&start, "PATH"), "/bin");
	EXPECT_STREQ(rt_env(&start, "EMPTY"), "");
	EXPECT_EQ(rt_env(&start, "NOEQUALS"), NULL);
	EXPECT_EQ(rt_env(&start, "PAT"), NULL);
	for (char **env = test_start->envp; *env; env++)
		ASSERT_TRUE(str_chr(*env, '=') != NULL);
}

static void auxv_is_right(void)
{
	EXPECT_EQ(rt_auxv(test_start, AT_PAGESZ), pages_size());
	EXPECT_NE(rt_auxv(test_start, AT_RANDOM), 0);
	EXPECT_NE(rt_auxv(test_start, AT_PHDR), 0);
	EXPECT_EQ(rt_auxv(test_start, AT_EUID), sys_geteuid());
	EXPECT_EQ(rt_auxv(test_start, 123456), 0);
}

static u64 stack_misalignment;

__attribute__((noinline)) static void look_at_the_stack(void)
{
	/* Where the ABI has the frame address at a multiple of 16. */
	stack_misalignment = (u64)__builtin_frame_address(0) & 15;
}

static void stack_is_aligned(void)
{
	/* The vector spill is what faults on x86-64 when the stack is off by 8. */
	volatile u64 vector[4] __attribute__((aligned(16))) = { 1, 2, 3, 4 };

	EXPECT_EQ((u64)&vector[0] & 15, 0);
	look_at_the_stack();
	EXPECT_EQ(stack_misalignment, 0);
}

/* Pointers in initialised data: what a static PIE has to relocate before rt_main(). */
static int answer = 42;
static int *const in_rodata = &answer;
static int *in_data[70] = { [0] = &answer, [1] = &answer, [63] = &answer, [64] = &answer,
			    [69] = &answer };
static void (*const functions[])(void) = { look_at_the_stack, stack_is_aligned };

static void pointers_are_relocated(void)
{
	int *const volatile *data = (int *const volatile *)in_data;
	u32 nr = 0;

	EXPECT_EQ(*(int *const volatile *)&in_rodata, &answer);
	for (size_t i = 0; i < ARRAY_SIZE(in_data); i++) {
		ASSERT_TRUE(data[i] == NULL || data[i] == &answer);
		nr += data[i] != NULL;
	}
	EXPECT_EQ(nr, 5);
	(*(void (*const volatile *)(void)) & functions[0])();
}

static void zeroed_data_is_zero(void)
{
	static u8 bss[70000];

	for (size_t i = 0; i < sizeof(bss); i++)
		ASSERT_EQ(((volatile u8 *)bss)[i], 0);
}

static const struct test_case cases[] = {
	TEST("pointers in initialised data point where they should", pointers_are_relocated),
	TEST("arguments arrive and end with NULL", arguments_arrive),
	TEST("arguments are those that /proc shows", arguments_match_proc),
	TEST("environment variables are found by their whole name", environment_is_found),
	TEST("the auxiliary vector agrees with the system calls", auxv_is_right),
	TEST("the stack is aligned to 16", stack_is_aligned),
	TEST("data without a value is zero", zeroed_data_is_zero),
};
TEST_SUITE(rt_start, cases);

#endif
