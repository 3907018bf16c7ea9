/* SPDX-License-Identifier: MIT */
/* Loading a kernel module. */
#include "tools/host/module.h"

#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/wait.h>

#include "uapi/rt/fmt.h"
#include "uapi/sys.h"
#include "ublk/deadline.h"

#define MODPROBE_MS 5000
#define COMPRESSED_FILE 4 /* MODULE_INIT_COMPRESSED_FILE of <linux/module.h>, 5.17 */

static int load_file(const char *path, bool compressed)
{
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return fd;
	err = sys_finit_module(fd, "", compressed ? COMPRESSED_FILE : 0);
	(void)sys_close(fd);
	return err == -EEXIST ? 0 : err;
}

static int load_by_kernel(const char *dir, const char *name)
{
	static const char suffixes[][4] = { "", ".xz", ".zst", ".gz" };
	struct sys_utsname uts;
	int err = sys_uname(&uts);

	if (err)
		return err;
	err = -ENOENT;
	for (u32 i = 0; err == -ENOENT && i < ARRAY_SIZE(suffixes); i++) {
		char path[256];

		fmt_print(path, sizeof(path), "/lib/modules/%s/kernel/%s/%s.ko%.4s", uts.release, dir,
			  name, suffixes[i]);
		err = load_file(path, i != 0);
	}
	return err;
}

static _Noreturn void exec_modprobe(const char *name)
{
	static const char *const paths[] = { "/sbin/modprobe", "/usr/sbin/modprobe",
					     "/bin/modprobe" };
	static const char *const env[] = { "PATH=/sbin:/usr/sbin:/bin:/usr/bin", NULL };
	const char *const argv[] = { "modprobe", "-q", name, NULL };

	for (u32 i = 0; i < ARRAY_SIZE(paths); i++)
		(void)sys_execve(paths[i], (char *const *)(uintptr_t)argv,
				 (char *const *)(uintptr_t)env);
	sys_exit_group(127);
}

static int load_by_modprobe(const char *name)
{
	u64 deadline = deadline_in_ms(MODPROBE_MS);
	int status = 0;
	int pid = sys_fork();
	int ret;

	if (pid < 0)
		return pid;
	if (pid == 0)
		exec_modprobe(name);
	do {
		ret = sys_wait4(pid, &status, WNOHANG);
	} while (ret == 0 && deadline_sleep_us(deadline, 2000));
	if (ret == 0)
		(void)sys_kill(pid, SIGKILL);
	return ret == pid && status == 0 ? 0 : -ENOENT;
}

int host_module_load(const char *dir, const char *name)
{
	int err = load_by_kernel(dir, name);

	return err && err != -EPERM ? load_by_modprobe(name) : err;
}
