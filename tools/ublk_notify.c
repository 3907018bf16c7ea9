/* SPDX-License-Identifier: MIT */
/* Service managers, init systems, and logs where there is none. */
#include "tools/ublk_notify.h"

#include <linux/fcntl.h>

#include "uapi/rt/free/start.h"
#include "uapi/rt/sock.h"
#include "uapi/sys.h"

/* <sys/socket.h> of the kernel's ABI, which no header of the kernel has */
#define SOCK_DGRAM   2
#define MSG_NOSIGNAL 0x4000

/* Only in an initramfs, says systemd's interface for initrds */
#define INITRD_RELEASE "/etc/initrd-release"

/* Nobody waits for us, or not any more: no matter. */
static void send(const struct cmd_run *r, const char *text, size_t len)
{
	const char *where = rt_env(r->start, "NOTIFY_SOCKET");
	struct sock_addr a;
	int fd;

	if (!where || (*where != '/' && *where != '@') || sock_addr_parse(&a, where))
		return;
	fd = sys_socket(SOCK_AF_UNIX, SOCK_DGRAM | O_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sys_sendto(fd, text, len, MSG_NOSIGNAL, sock_addr_ptr(&a), a.len_bytes);
	(void)sys_close(fd);
}

void notify_ready(const struct cmd_run *r, s32 fd, u32 dev_id)
{
	char text[96];
	size_t len = fmt_print(text, sizeof(text),
			       "READY=1\nMAINPID=%d\nSTATUS=serves /dev/ublkb%u\n", sys_getpid(),
			       dev_id);

	send(r, text, len);
	if (fd < 0)
		return;
	(void)sys_write(fd, "\n", 1);
	(void)sys_close(fd);
}

void notify_stopping(const struct cmd_run *r)
{
	static const char text[] = "STOPPING=1\n";

	send(r, text, sizeof(text) - 1);
}

void notify_survivor(const struct cmd_run *r)
{
	if (r->start->argc && *r->start->argv[0] &&
	    !sys_faccessat(AT_FDCWD, INITRD_RELEASE, 0))
		r->start->argv[0][0] = '@';
}

bool notify_log(void)
{
	int fd = sys_openat(AT_FDCWD, "/dev/kmsg", O_WRONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return false;
	if (fd != 2) {
		(void)sys_dup3(fd, 2, 0);
		(void)sys_close(fd);
	}
	return true;
}
