/* SPDX-License-Identifier: MIT */
/*
 * Runs two programs in turns, COUNT times each, and prints the nanoseconds from
 * exec to exit of each: the sum, and the median.
 *
 *	alternate COUNT A [ARG]... -- B [ARG]...
 *
 * Their output is thrown away. Any status but 0 ends this with 1.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static long long run_ns(char **argv, posix_spawn_file_actions_t *actions)
{
	long long begin = now_ns();
	int status;
	pid_t pid;

	if (posix_spawn(&pid, argv[0], actions, NULL, argv, environ) ||
	    waitpid(pid, &status, 0) != pid || status) {
		fprintf(stderr, "%s failed\n", argv[0]);
		exit(1);
	}
	return now_ns() - begin;
}

static int compare(const void *a, const void *b)
{
	long long x = *(const long long *)a;
	long long y = *(const long long *)b;

	return (x > y) - (x < y);
}

static void print(const char *name, long long *ns, int count)
{
	long long sum = 0;

	for (int i = 0; i < count; i++)
		sum += ns[i];
	qsort(ns, (size_t)count, sizeof(*ns), compare);
	printf("%s %lld %lld\n", name, sum, ns[count / 2]);
}

int main(int argc, char **argv)
{
	static long long ns[2][10000];
	posix_spawn_file_actions_t actions;
	int count = argc > 1 ? atoi(argv[1]) : 0;
	char **second = argv + argc;

	for (int i = 2; i < argc; i++)
		if (!strcmp(argv[i], "--"))
			second = argv + i;
	if (count < 1 || count > 10000 || second + 1 >= argv + argc)
		return 2;
	*second++ = NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	for (int i = 0; i < count; i++) {
		ns[0][i] = run_ns(argv + 2, &actions);
		ns[1][i] = run_ns(second, &actions);
	}
	print("first", ns[0], count);
	print("second", ns[1], count);
	return 0;
}
