/* SPDX-License-Identifier: MIT */
/* The checks, and what a case may say: runs in the case's process. */
#include <linux/fcntl.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "selftests/harness/harness.h"
#include "selftests/harness/run.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

/* The one case of this process. */
static struct {
	const struct test_case *tc;
	struct test_shared *shared;
	char row[TEST_REASON_BYTES];
} test;

void test_enter(const struct test_case *tc, struct test_shared *shared)
{
	test.tc = tc;
	test.shared = shared;
	test.row[0] = '\0';
}

void *test_fixture(void)
{
	return test.shared->fixture;
}

const void *test_param(void)
{
	return test.tc->param;
}

void test_write(int fd, const char *text, size_t len)
{
	while (len) {
		long n = sys_write(fd, text, len);

		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

static void flush_stderr(struct fmt_buf *b)
{
	test_write(2, b->text, b->len);
	b->len = 0;
}

static void log_line(const char *fmt, va_list args) PRINTF_LIKE(1, 0);
static void log_line(const char *fmt, va_list args)
{
	char text[512];
	struct fmt_buf b = { .text = text, .size = sizeof(text), .flush = flush_stderr };

	fmt_vadd(&b, fmt, args);
	fmt_add(&b, "\n");
	flush_stderr(&b);
}

void test_log(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line(fmt, args);
	va_end(args);
}

void test_row(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fmt_vprint(test.row, sizeof(test.row), fmt, args);
	va_end(args);
}

void test_skip(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fmt_vprint(test.shared->skip_reason, sizeof(test.shared->skip_reason), fmt, args);
	va_end(args);
	test.shared->is_skipped = 1;
	sys_exit_group(TEST_EXIT_SKIP);
}

/* A process that the case has forked may fail it too, at the same time. */
static void failed(bool is_fatal)
{
	if (test.row[0])
		test_log("  in row: %s", test.row);
	__atomic_fetch_add(&test.shared->nr_failures, 1, __ATOMIC_RELAXED);
	if (is_fatal)
		sys_exit_group(TEST_EXIT_FAIL);
}

void test_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line(fmt, args);
	va_end(args);
	failed(true);
	sys_exit_group(TEST_EXIT_FAIL);
}

static void log_place(const struct test_place *at)
{
	test_log("%s:%d: not so: %s %s %s", at->file, at->line, at->a, at->op, at->b);
}

void test_compare_failed(const struct test_place *at, s64 a, s64 b)
{
	log_place(at);
	test_log("  left:  %lld (0x%llx)", (long long)a, (u64)a);
	test_log("  right: %lld (0x%llx)", (long long)b, (u64)b);
	failed(at->is_fatal);
}

void test_truth_failed(const struct test_place *at)
{
	log_place(at);
	failed(at->is_fatal);
}

void test_check_str(const struct test_place *at, const char *a, const char *b)
{
	if (a == b || (a && b && str_eq(a, b)))
		return;
	log_place(at);
	test_log(a ? "  left:  \"%s\"" : "  left:  %s", a);
	test_log(b ? "  right: \"%s\"" : "  right: %s", b);
	failed(at->is_fatal);
}

static void log_bytes(const char *side, const u8 *p, size_t len)
{
	char text[128];
	struct fmt_buf b = { .text = text, .size = sizeof(text) };

	for (size_t i = 0; i < len && i < 16; i++)
		fmt_add(&b, " %02x", p[i]);
	test_log("  %s:%s", side, text);
}

void test_check_mem(const struct test_place *at, const void *a, const void *b, size_t len)
{
	const u8 *p = a;
	const u8 *q = b;
	size_t first = 0;
	size_t nr_wrong = 0;

	if (!memcmp(a, b, len))
		return;
	while (first < len && p[first] == q[first])
		first++;
	for (size_t i = first; i < len; i++)
		nr_wrong += p[i] != q[i];
	log_place(at);
	test_log("  %zu of %zu bytes differ, the first at offset %zu", nr_wrong, len, first);
	log_bytes("left ", p + first, len - first);
	log_bytes("right", q + first, len - first);
	failed(at->is_fatal);
}

void test_check_ok(const struct test_place *at, s64 result)
{
	if (result >= 0)
		return;
	log_place(at);
	test_log("  got:   %lld %s (%s)", (long long)result, err_name((int)result),
		 err_text((int)result));
	failed(at->is_fatal);
}

void test_check_err(const struct test_place *at, s64 result, int err)
{
	if (result == err)
		return;
	log_place(at);
	test_log("  got:   %lld%s%s", (long long)result, result < 0 ? " " : "",
		 result < 0 ? err_name((int)result) : "");
	test_log("  want:  %d %s", err, err_name(err));
	failed(at->is_fatal);
}

int test_run_child(void (*fn)(void *arg), void *arg)
{
	int status = 0;
	int pid = sys_fork();

	ASSERT_OK(pid);
	if (!pid) {
		fn(arg);
		sys_exit_group(0);
	}
	ASSERT_EQ(sys_wait4(pid, &status, 0), pid);
	return status;
}

void test_sleep_ms(u32 ms)
{
	struct __kernel_timespec want = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	while (sys_nanosleep(&want, &want) < 0)
		;
}

/* PID (NAME) STATE ...: in the name may be anything */
static char state_of(int tid)
{
	char text[256];
	int fd;
	long i;

	fmt_print(text, sizeof(text), "/proc/%d/stat", tid);
	fd = sys_openat(AT_FDCWD, text, O_RDONLY | O_CLOEXEC, 0);
	ASSERT_OK(fd);
	i = sys_read(fd, text, sizeof(text) - 2);
	sys_close(fd);
	while (i > 0 && text[i - 1] != ')')
		i--;
	ASSERT_GT(i, 0);
	return text[i + 1];
}

void test_until_asleep(int tid)
{
	while (state_of(tid) != 'S')
		test_sleep_ms(1);
}

u64 test_now_ms(void)
{
	struct __kernel_timespec ts = { 0 };

	sys_clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

const char *test_signal_name(int nr, char buf[16])
{
	static const char names[32][7] = {
		[1] = "HUP",     [2] = "INT",   [3] = "QUIT",  [4] = "ILL",   [5] = "TRAP",
		[6] = "ABRT",    [7] = "BUS",   [8] = "FPE",   [9] = "KILL",  [10] = "USR1",
		[11] = "SEGV",   [12] = "USR2", [13] = "PIPE", [14] = "ALRM", [15] = "TERM",
		[16] = "STKFLT", [17] = "CHLD", [18] = "CONT", [19] = "STOP", [20] = "TSTP",
		[24] = "XCPU",   [25] = "XFSZ", [29] = "IO",   [30] = "PWR",  [31] = "SYS",
	};

	if (nr > 0 && nr < 32 && names[nr][0])
		fmt_print(buf, 16, "SIG%s", names[nr]);
	else
		fmt_print(buf, 16, "signal %d", nr);
	return buf;
}
