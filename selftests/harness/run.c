/* SPDX-License-Identifier: MIT */
/*
 * One case: a process of its own, its output, its time, its end, its teardown,
 * and the processes that it may have left behind. Runs in the harness.
 */
#include <asm/errno.h>
#include <asm/poll.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/time_types.h>
#include <linux/wait.h>

#include "selftests/harness/harness.h"
#include "selftests/harness/run.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

#define SIGKILL_NR 9
#define SIGCONT_NR 18

/* How often a process that is quiet is looked at. */
#define TICK_MS 5

/* How long processes that are about to end may take, and killed ones. */
#define LINGER_MS 1500
#define KILL_MS 10000

/* How many processes a case may have started before one escapes. */
#define NR_PIDS 65536

/* One process of a case: what it runs, and how it went. */
struct proc {
	void (*main)(const struct test_case *tc, struct test_shared *shared);
	const char *what; /* "" or "teardown: " */
	int pid;
	int out_fd;
	int status;
	bool is_late;
};

static void case_main(const struct test_case *tc, struct test_shared *shared)
{
	if (tc->fixture && tc->fixture->setup)
		tc->fixture->setup();
	tc->run();
	shared->has_finished = 1;
}

static void teardown_main(const struct test_case *tc, struct test_shared *shared)
{
	tc->fixture->teardown();
	shared->has_finished = 1;
}

static _Noreturn void child(struct proc *proc, const struct test_case *tc,
			    struct test_shared *shared, int out_fd)
{
	sys_setpgid(0, 0);
	sys_prctl(PR_SET_PDEATHSIG, SIGKILL_NR, 0, 0, 0);
	sys_dup3(out_fd, 1, 0);
	sys_dup3(out_fd, 2, 0);
	test_enter(tc, shared);
	proc->main(tc, shared);
	sys_exit_group(shared->nr_failures ? TEST_EXIT_FAIL : TEST_EXIT_PASS);
}

static int start(struct proc *proc, const struct test_case *tc, struct test_shared *shared)
{
	int fds[2];
	int err = sys_pipe2(fds, O_CLOEXEC);

	if (err)
		return err;
	proc->pid = sys_fork();
	if (!proc->pid)
		child(proc, tc, shared, fds[1]);
	sys_close(fds[1]);
	if (proc->pid < 0) {
		sys_close(fds[0]);
		return proc->pid;
	}
	/* Both sides say so: whoever comes first, a kill of the group finds it. */
	sys_setpgid(proc->pid, proc->pid);
	sys_fcntl(fds[0], F_SETFL, O_NONBLOCK);
	proc->out_fd = fds[0];
	return 0;
}

/* When the text is full, the older half of what is behind the head goes. */
static void output_add(struct test_output *out, const char *text, size_t len)
{
	const size_t half = (sizeof(out->text) - TEST_OUTPUT_HEAD) / 2;

	if (len > sizeof(out->text) - out->len) {
		memmove(out->text + TEST_OUTPUT_HEAD, out->text + TEST_OUTPUT_HEAD + half,
			out->len - TEST_OUTPUT_HEAD - half);
		out->len -= half;
		out->dropped_bytes += half;
	}
	memcpy(out->text + out->len, text, len);
	out->len += len;
}

/* Takes what is there; false at the end of the file. */
static bool output_read(struct test_output *out, int fd)
{
	char text[4096];
	long n = sys_read(fd, text, sizeof(text));

	if (n > 0)
		output_add(out, text, (size_t)n);
	return n != 0;
}

static void wait_for_output(int fd)
{
	struct __kernel_timespec tick = { .tv_nsec = TICK_MS * 1000000L };
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	sys_ppoll(&pollfd, 1, &tick);
}

/* A process that the kernel does not let go of is left behind: the sweep names it. */
static void reap_killed(struct proc *proc)
{
	u64 deadline_ms = test_now_ms() + KILL_MS;

	while (!sys_wait4(proc->pid, &proc->status, WNOHANG) && test_now_ms() < deadline_ms)
		test_sleep_ms(TICK_MS);
}

/*
 * Until the process has ended or its time is over. The end of its output says
 * neither: it may have closed it, or handed it on.
 */
static void watch(struct proc *proc, u64 timeout_ms, struct test_output *out)
{
	u64 deadline_ms = test_now_ms() + timeout_ms;
	bool is_open = true;

	while (sys_wait4(proc->pid, &proc->status, WNOHANG) == 0) {
		if (test_now_ms() >= deadline_ms) {
			proc->is_late = true;
			sys_kill(-proc->pid, SIGKILL_NR);
			reap_killed(proc);
			break;
		}
		if (is_open) {
			wait_for_output(proc->out_fd);
			is_open = output_read(out, proc->out_fd);
		} else {
			test_sleep_ms(TICK_MS);
		}
	}
	/* A process that is left may go on writing: take what a pipe holds, no more. */
	for (int i = 0; i < 64 && is_open; i++) {
		size_t before = out->len;

		is_open = output_read(out, proc->out_fd) && out->len != before;
	}
	sys_close(proc->out_fd);
}

static void fail(struct test_result *result, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void fail(struct test_result *result, const char *fmt, ...)
{
	size_t len = str_len(result->reason);
	va_list args;

	if (result->verdict != TEST_FAIL)
		len = 0;
	if (len)
		len += fmt_print(result->reason + len, sizeof(result->reason) - len, "; ");
	if (len > sizeof(result->reason))
		len = sizeof(result->reason);
	result->verdict = TEST_FAIL;
	va_start(args, fmt);
	fmt_vprint(result->reason + len, sizeof(result->reason) - len, fmt, args);
	va_end(args);
}

static void judge(const struct proc *proc, u64 timeout_ms, const struct test_shared *shared,
		  struct test_result *result)
{
	char name[16];

	if (proc->is_late)
		fail(result, "%stimed out after %llu ms", proc->what, timeout_ms);
	else if (test_signal(proc->status))
		fail(result, "%skilled by %s", proc->what,
		     test_signal_name(test_signal(proc->status), name));
	else if (shared->nr_failures)
		fail(result, "%s%u failed check%s", proc->what, shared->nr_failures,
		     shared->nr_failures == 1 ? "" : "s");
	else if (!shared->has_finished && !shared->is_skipped)
		fail(result, "%sexited with status %d before it was done", proc->what,
		     test_exited(proc->status));
	else if (test_exited(proc->status) != (shared->is_skipped ? TEST_EXIT_SKIP : 0))
		fail(result, "%sexited with status %d", proc->what, test_exited(proc->status));
	else if (shared->is_skipped && result->verdict == TEST_PASS) {
		result->verdict = TEST_SKIP;
		(void)!str_copy(result->reason, sizeof(result->reason), shared->skip_reason);
	}
}

/* Runs main in a process and adds what became of it to the result. */
static int run_process(struct proc *proc, const struct test_case *tc, u64 timeout_ms,
		       struct test_shared *shared, struct test_result *result)
{
	int err;

	shared->nr_failures = 0;
	shared->has_finished = 0;
	shared->is_skipped = 0;
	err = start(proc, tc, shared);
	if (err) {
		fail(result, "%scannot start a process: %s", proc->what, err_name(err));
		return err;
	}
	watch(proc, timeout_ms, &result->output);
	judge(proc, timeout_ms, shared, result);
	return 0;
}

/* True when no child that wait4() takes as who is left; those that ended are reaped. */
static bool has_reaped_all(int who)
{
	int status;
	int got;

	do
		got = sys_wait4(who, &status, WNOHANG);
	while (got > 0);
	return got == -ECHILD;
}

/* The group counts too: where orphans are not adopted, that is all there is to see. */
static bool are_gone(int who, int group, u64 wait_ms)
{
	u64 deadline_ms = test_now_ms() + wait_ms;

	while (!has_reaped_all(who) || sys_kill(-group, 0) != -ESRCH) {
		if (test_now_ms() >= deadline_ms)
			return false;
		test_sleep_ms(TICK_MS);
	}
	return true;
}

/*
 * Also those that have left the case's group. They are younger than the case,
 * and wait4() tells which of the numbers behind its own is a child: that needs
 * no /proc, which a small image may not have.
 */
static void kill_children(int older_pid)
{
	for (int pid = older_pid + 1; pid < older_pid + NR_PIDS; pid++) {
		int status;

		if (!sys_wait4(pid, &status, WNOHANG))
			sys_kill(pid, SIGKILL_NR);
	}
}

/*
 * The harness adopts orphans (PR_SET_CHILD_SUBREAPER), so what a case leaves
 * running becomes a child here. If the harness had children before, only those
 * of the case's group can be told from them.
 */
static void sweep(const struct proc *proc, bool had_children, struct test_result *result)
{
	int who = had_children ? -proc->pid : -1;

	if (are_gone(who, proc->pid, proc->is_late ? 0 : LINGER_MS))
		return;
	if (!proc->is_late)
		fail(result, "%sleft a process running", proc->what);
	sys_kill(-proc->pid, SIGKILL_NR);
	sys_kill(-proc->pid, SIGCONT_NR);
	for (int i = 0; i < 3 && !had_children && !are_gone(who, proc->pid, TICK_MS); i++)
		kill_children(proc->pid);
	if (!are_gone(who, proc->pid, KILL_MS))
		fail(result, "%sa process that was left cannot be killed", proc->what);
}

static void run_with(const struct test_case *tc, u64 timeout_ms, struct test_shared *shared,
		     struct test_result *result)
{
	struct proc body = { .main = case_main, .what = "" };
	struct proc teardown = { .main = teardown_main, .what = "teardown: " };
	int status;
	bool had_children;

	sys_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	had_children = sys_wait4(-1, &status, WNOHANG) != -ECHILD;
	if (run_process(&body, tc, timeout_ms, shared, result))
		return;
	if (tc->fixture && tc->fixture->teardown &&
	    !run_process(&teardown, tc, timeout_ms, shared, result))
		sweep(&teardown, true, result);
	sweep(&body, had_children, result);
}

void test_run_case(const struct test_case *tc, u32 timeout_scale, struct test_result *result)
{
	u64 timeout_ms = (u64)(tc->timeout_ms ? tc->timeout_ms : TEST_TIMEOUT_MS) * timeout_scale;
	u64 start_ms = test_now_ms();
	long addr;

	result->verdict = TEST_PASS;
	result->reason[0] = '\0';
	result->output.len = 0;
	result->output.dropped_bytes = 0;
	addr = sys_mmap(NULL, sizeof(struct test_shared), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (addr < 0) {
		fail(result, "no shared memory: %s", err_name((int)addr));
	} else if (tc->fixture && tc->fixture->size_bytes > TEST_FIXTURE_MAX) {
		fail(result, "the fixture has more than %d bytes", TEST_FIXTURE_MAX);
	} else {
		run_with(tc, timeout_ms, (struct test_shared *)addr, result);
	}
	if (addr >= 0)
		sys_munmap((void *)addr, sizeof(struct test_shared));
	result->duration_ms = test_now_ms() - start_ms;
}
