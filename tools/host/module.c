/* SPDX-License-Identifier: MIT */
/* Loading a kernel module. */
#include "tools/host/module.h"

#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/wait.h>

#include "tools/host/file.h"
#include "tools/text/modules.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"
#include "ublk/deadline.h"

#define MODPROBE_MS 5000
#define COMPRESSED_FILE 4 /* MODULE_INIT_COMPRESSED_FILE of <linux/module.h>, 5.17 */
#define PATH_BYTES 512

/**
 * struct loader - one call
 * @base: "/lib/modules/RELEASE"
 * @dep:  modules.dep, "" when there is none
 * @why:  or NULL
 */
struct loader {
	char base[80];
	struct pages dep_mem;
	const char *dep;
	struct diag *why;
};

static const char *load_text(const struct loader *l, const char *name, struct pages *mem)
{
	char path[PATH_BYTES];

	fmt_print(path, sizeof(path), "%s/%s", l->base, name);
	return host_file_load(path, mem) < 0 ? "" : mem->addr;
}

static int loader_init(struct loader *l, struct diag *why)
{
	struct sys_utsname uts;
	int err = sys_uname(&uts);

	*l = (struct loader){ .why = why };
	if (err)
		return err;
	fmt_print(l->base, sizeof(l->base), "/lib/modules/%s", uts.release);
	l->dep = load_text(l, "modules.dep", &l->dep_mem);
	return 0;
}

/* -ENOENT is for a file that is not there, not for what it lacks itself. */
static int load_file(const struct loader *l, const char *path)
{
	bool is_compressed = !str_ends(path, ".ko");
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return fd;
	err = sys_finit_module(fd, "", is_compressed ? COMPRESSED_FILE : 0);
	(void)sys_close(fd);
	if (!err || err == -EEXIST)
		return 0;
	if (is_compressed && (err == -EINVAL || err == -EOPNOTSUPP))
		return diag_set(l->why, -EOPNOTSUPP, "this kernel cannot decompress %s, and there is "
						     "no modprobe that does", path);
	/* -ENOENT: a symbol that modules.dep does not tell of */
	err = err == -ENOENT ? -ENOEXEC : err;
	return diag_set(l->why, err, "loading %s: %s", path, err_text(err));
}

static void listed_path(const struct loader *l, const struct modules_text *file, char *path,
			size_t size)
{
	bool is_absolute = *file->at == '/';

	fmt_print(path, size, "%s%s%.*s", is_absolute ? "" : l->base, is_absolute ? "" : "/",
		  (int)file->len, file->at);
}

static int load_listed(const struct loader *l, const char *name)
{
	struct modules_text line;
	struct modules_text file;
	int err = 0;

	if (!modules_dep_find(l->dep, name, &line))
		return -ENOENT;
	while (!err && modules_dep_take(&line, &file)) {
		char path[PATH_BYTES];

		listed_path(l, &file, path, sizeof(path));
		err = load_file(l, path);
		if (err == -ENOENT)
			diag_set(l->why, err, "%s is in modules.dep and not there", path);
	}
	return err;
}

/* All modules that have the name; one that loads will do. */
static int load_aliased(const struct loader *l, const char *name)
{
	struct pages mem;
	const char *aliases = load_text(l, "modules.alias", &mem);
	struct modules_text module;
	int best = -ENOENT;

	while (modules_alias_take(&aliases, name, &module)) {
		char text[64];
		int err;

		fmt_print(text, sizeof(text), "%.*s", (int)module.len, module.at);
		err = load_listed(l, text);
		best = best ? err : best;
	}
	pages_unmap(&mem);
	return best;
}

/* Without the lists: a module that needs no other can still be found. */
static int find_at(const struct loader *l, const char *dir, const char *name, char *path,
		   size_t size)
{
	static const char suffixes[][4] = { "", ".xz", ".zst", ".gz" };
	int err = -ENOENT;

	for (u32 i = 0; err == -ENOENT && i < ARRAY_SIZE(suffixes); i++) {
		fmt_print(path, size, "%s/kernel/%s/%s.ko%.4s", l->base, dir, name, suffixes[i]);
		err = sys_faccessat(AT_FDCWD, path, 0);
	}
	return err;
}

static int load_at(const struct loader *l, const char *dir, const char *name)
{
	char path[PATH_BYTES];
	int err = find_at(l, dir, name, path, sizeof(path));

	return err ? err : load_file(l, path);
}

static int load_by_kernel(struct loader *l, const char *dir, const char *name)
{
	int err = load_listed(l, name);

	err = err == -ENOENT ? load_aliased(l, name) : err;
	return err == -ENOENT && dir ? load_at(l, dir, name) : err;
}

static _Noreturn void exec_modprobe(const char *name)
{
	static const char *const paths[] = { "/sbin/modprobe", "/usr/sbin/modprobe",
					     "/bin/modprobe" };
	static const char *const env[] = { "PATH=/sbin:/usr/sbin:/bin:/usr/bin", NULL };
	const char *const argv[] = { "modprobe", "-q", name, NULL };
	const u64 none = 0;

	(void)!sys_rt_sigprocmask(SIG_SETMASK, &none, NULL);
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

int host_module_load(const char *dir, const char *name, struct diag *why)
{
	struct loader l;
	int err = loader_init(&l, why);

	if (why)
		*why->text = '\0';
	err = err ? err : load_by_kernel(&l, dir, name);
	if (err && err != -EPERM && load_by_modprobe(name) == 0)
		err = 0;
	if (err && why && !*why->text)
		diag_set(why, err, err == -EPERM ? "%s: not ours to load" :
						   "there is no module %s in %s", name, l.base);
	pages_unmap(&l.dep_mem);
	return err;
}

int host_module_find(const char *dir, const char *name, char *path, size_t size)
{
	struct modules_text line;
	struct modules_text file;
	struct loader l;
	int err = loader_init(&l, NULL);

	if (!err && modules_dep_find(l.dep, name, &line)) {
		while (modules_dep_take(&line, &file)) /* its own comes last */
			listed_path(&l, &file, path, size);
		err = sys_faccessat(AT_FDCWD, path, 0);
	} else if (!err) {
		err = find_at(&l, dir, name, path, size);
	}
	pages_unmap(&l.dep_mem);
	return err;
}

void host_module_try(const char *name)
{
	struct loader l;

	if (loader_init(&l, NULL) == 0)
		(void)!load_by_kernel(&l, NULL, name);
	pages_unmap(&l.dep_mem);
}

bool host_has_modprobe(void)
{
	char path[PATH_BYTES];

	return *host_file_line(path, sizeof(path), "/proc/sys/kernel/modprobe") &&
	       sys_faccessat(AT_FDCWD, path, 0) == 0;
}
