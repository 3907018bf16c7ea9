/* SPDX-License-Identifier: MIT */
/*
 * notified PROGRAM ARG...: runs it as a service manager would, prints what it is told at
 * NOTIFY_SOCKET, the descriptor 7 included ("fd 7: N bytes"), and ends with the program's status.
 * With an ordinary libc.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOTIFY_FD 7
#define TICK_MS 50

static int fail(const char *what)
{
	fprintf(stderr, "notified: %s\n", what);
	return 1;
}

/* In the abstract namespace, as systemd has it for users */
static int make_socket(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char name[64];
	int len = snprintf(name, sizeof(name), "@notified-%d", (int)getpid());

	memcpy(a.sun_path, name, (size_t)len);
	a.sun_path[0] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	if (bind(fd, (struct sockaddr *)&a, (socklen_t)(sizeof(a.sun_family) + (size_t)len)))
		return -1;
	return fd;
}

static int print_all(int fd, const char *what)
{
	char text[4096];
	ssize_t len = read(fd, text, sizeof(text) - 1);

	if (len < 0)
		return 0;
	text[len] = '\0';
	if (what)
		printf("%s: %zd bytes\n", what, len);
	else
		printf("%s", text);
	fflush(stdout);
	return len > 0;
}

int main(int argc, char **argv)
{
	int sock = make_socket();
	int pipe_fds[2];
	int status = 0;
	pid_t pid;

	if (argc < 2 || sock < 0 || pipe(pipe_fds))
		return fail("usage: notified PROGRAM ARG...");
	pid = fork();
	if (pid == 0) {
		dup2(pipe_fds[1], NOTIFY_FD);
		close(pipe_fds[0]);
		close(pipe_fds[1]);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	close(pipe_fds[1]);
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = sock, .events = POLLIN },
			{ .fd = pipe_fds[0], .events = POLLIN },
		};
		int has_ended = waitpid(pid, &status, WNOHANG) == pid;

		while (poll(fds, 2, has_ended ? 0 : TICK_MS) > 0) {
			if (fds[0].revents)
				print_all(sock, NULL);
			if (fds[1].revents && !print_all(pipe_fds[0], "fd 7"))
				fds[1].fd = -1, pipe_fds[0] = -1;
		}
		if (has_ended)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
}
