/* SPDX-License-Identifier: MIT */
/*
 * on_terminal PROGRAM ARG...: runs it on a terminal of its own, prints what it writes there
 * to the byte, and ends as it does.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	return 127;
}

static void child(const char *path, char **argv)
{
	struct termios t;
	int fd;

	setsid();
	fd = open(path, O_RDWR);
	if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) || tcgetattr(fd, &t))
		_exit(fail(path));
	cfmakeraw(&t);
	tcsetattr(fd, TCSANOW, &t);
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	execvp(argv[0], argv);
	_exit(fail(argv[0]));
}

int main(int argc, char **argv)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	char path[64];
	char text[4096];
	int status;
	ssize_t len;
	pid_t pid;

	if (argc < 2 || master < 0 || unlockpt(master) || ptsname_r(master, path, sizeof(path)))
		return fail("a terminal");
	pid = fork();
	if (pid == 0)
		child(path, argv + 1);
	/* EIO: nobody has it open any more */
	while ((len = read(master, text, sizeof(text))) > 0)
		if (write(1, text, (size_t)len) != len)
			return fail("write");
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return fail("wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}
