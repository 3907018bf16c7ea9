/* SPDX-License-Identifier: MIT */
/*
 * exec_to_live PROGRAM ARG...: starts a server, waits for the line with its
 * device's path, ends it by SIGTERM, and prints the nanoseconds from exec to
 * that line. An ordinary program with a libc, which no time is counted of.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Shared with the parent until the exec, as vfork(2) has it */
static volatile int64_t begin_ns;

static pid_t start(char **argv, int out)
{
	pid_t pid = vfork();

	if (pid == 0) {
		dup2(out, 1);
		begin_ns = now_ns();
		execv(argv[0], argv);
		_exit(127);
	}
	return pid;
}

static int fail(const char *what)
{
	fprintf(stderr, "exec_to_live: %s\n", what);
	return 1;
}

int main(int argc, char **argv)
{
	char line[256];
	struct stat st;
	int64_t end_ns;
	int status;
	int fds[2];
	ssize_t len;
	pid_t pid;

	if (argc < 2 || pipe2(fds, O_CLOEXEC))
		return fail("usage: exec_to_live PROGRAM ARG...");
	pid = start(argv + 1, fds[1]);
	close(fds[1]);
	len = read(fds[0], line, sizeof(line) - 1);
	end_ns = now_ns();
	if (pid < 0 || len <= 0 || line[len - 1] != '\n')
		return fail("no line came");
	line[len - 1] = '\0';
	/* Live means that somebody could open it at that moment. */
	if (stat(line, &st) || !S_ISBLK(st.st_mode))
		return fail("there is no block device of that name");
	kill(pid, SIGTERM);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		return fail("the server did not end with 0");
	printf("%lld\n", (long long)(end_ns - begin_ns));
	return 0;
}
