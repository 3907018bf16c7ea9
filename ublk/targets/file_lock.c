/* SPDX-License-Identifier: MIT */
/* One server for each byte of a file, by a lock that belongs to the open file, and
 * the name of whoever has it. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "uapi/rt/fmt.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"
#include "ublk/targets/file.h"

/* As getdents64(2) returns it; no header of the kernel's has it */
struct entry {
	u64 ino;
	s64 off;
	u16 len_bytes;
	u8 type;
	char name[];
};

typedef bool entry_fn(void *ctx, const char *name);

/* Calls @fn with the names in a folder that are numbers, until it returns true */
static COLD bool each_number(const char *path, entry_fn *fn, void *ctx)
{
	u64 buf[256];
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	bool found = false;
	long len = fd;

	while (!found && fd >= 0 && (len = sys_getdents64(fd, buf, sizeof(buf))) > 0) {
		for (long at = 0; !found && at < len;) {
			const struct entry *e = (const void *)((const char *)buf + at);

			at += e->len_bytes;
			found = str_is_digit(e->name[0]) && fn(ctx, e->name);
		}
	}
	if (fd >= 0)
		(void)sys_close(fd);
	return found;
}

struct holder {
	char inode[40]; /* "fd:01:1234 ", as it stands in a line about a lock */
	const char *wanted;
	char folder[40];
	char pid[16];
	char name[32];
};

static COLD bool read_text(const char *path, char *text, size_t size)
{
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	long len = fd < 0 ? fd : sys_read(fd, text, size - 1);

	if (fd >= 0)
		(void)sys_close(fd);
	text[len < 0 ? 0 : len] = '\0';
	return len > 0;
}

/* fdinfo tells of the locks that were made by way of this very file */
static COLD bool fd_holds(void *ctx, const char *name)
{
	const struct holder *h = ctx;
	char path[64];
	char text[1024];
	const char *lock;

	fmt_print(path, sizeof(path), "%s/%s", h->folder, name);
	lock = read_text(path, text, sizeof(text)) ? str_find(text, "lock:") : NULL;
	return lock && str_find(lock, h->wanted);
}

static COLD bool process_holds(void *ctx, const char *name)
{
	struct holder *h = ctx;
	char path[32];

	fmt_print(h->folder, sizeof(h->folder), "/proc/%s/fdinfo", name);
	if (!each_number(h->folder, fd_holds, h))
		return false;
	(void)!str_copy(h->pid, sizeof(h->pid), name);
	fmt_print(path, sizeof(path), "/proc/%s/comm", name);
	if (read_text(path, h->name, sizeof(h->name)))
		h->name[str_len(h->name) - 1] = '\0'; /* the end of the line */
	return true;
}

/* Some file systems tell of another device than that of their files: then the number has
 * to do. */
static COLD void find_holder(struct holder *h, const struct statx *st)
{
	fmt_print(h->inode, sizeof(h->inode), "%02x:%02x:%llu ", st->stx_dev_major,
		  st->stx_dev_minor, st->stx_ino);
	h->wanted = h->inode;
	if (each_number("/proc", process_holds, h))
		return;
	h->wanted = str_find(str_find(h->inode, ":") + 1, ":");
	(void)each_number("/proc", process_holds, h);
}

static COLD int name_holder(int fd, struct diag *why)
{
	struct holder h = { .pid = "" };
	struct statx st;

	if (!sys_statx(fd, "", AT_EMPTY_PATH, STATX_INO, &st))
		find_holder(&h, &st);
	if (!h.pid[0])
		return diag_set(why, -EBUSY, "locked by a process that cannot be found");
	return diag_set(why, -EBUSY, "locked by process %s (%s)", h.pid, h.name);
}

COLD int file_lock(int fd, bool is_read_only, u64 offset_bytes, u64 len_bytes, struct diag *why)
{
	struct flock lock = {
		.l_type = is_read_only ? F_RDLCK : F_WRLCK,
		.l_start = (s64)offset_bytes,
		.l_len = (s64)len_bytes,
	};
	int err = sys_fcntl(fd, F_OFD_SETLK, (u64)(uintptr_t)&lock);

	if (err == -EAGAIN || err == -EACCES)
		return name_holder(fd, why);
	return err ? diag_set(why, err, "cannot be locked (lock=0 serves it without)") : 0;
}
