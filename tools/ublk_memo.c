/* SPDX-License-Identifier: MIT */
/* A file per device: a line that says which form this is, the directory, the spec. */
#include "tools/ublk_memo.h"

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>

#include "tools/host/dir.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"
#include "ublk/talk.h"

#define FORM "bareblk memo 1\n"

static void path_of(u32 dev_id, char path[64])
{
	fmt_print(path, 64, UBLK_TALK_DIR "/ublk%u.memo", dev_id);
}

void memo_write(u32 dev_id, const char *spec)
{
	char text[MEMO_BYTES];
	char dir[PATH_MAX];
	char path[64];
	long len = sys_getcwd(dir, sizeof(dir));
	size_t bytes;
	int fd;

	if (len <= 0 || str_chr(dir, '\n') || str_chr(spec, '\n') || !ublk_talk_directory())
		return;
	bytes = fmt_print(text, sizeof(text), FORM "%s\n%s\n", dir, spec);
	if (bytes >= sizeof(text))
		return;
	path_of(dev_id, path);
	fd = sys_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
			0600);
	if (fd < 0)
		return;
	/* One that is cut short is none. */
	(void)sys_write(fd, text, bytes);
	(void)sys_close(fd);
}

static int read_file(u32 dev_id, char text[MEMO_BYTES])
{
	struct statx sx;
	char path[64];
	long len;
	int fd;

	path_of(dev_id, path);
	fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	len = sys_statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &sx);
	if (!len && ((sx.stx_mode & S_IFMT) != S_IFREG || sx.stx_uid || sx.stx_mode & 022))
		len = -EINVAL;
	if (!len)
		len = sys_read(fd, text, MEMO_BYTES - 1);
	(void)sys_close(fd);
	if (len < 0)
		return (int)len;
	text[len] = '\0';
	return 0;
}

/* The line at @at ends there, and the next begins; NULL: it has no end */
static char *cut_line(char *at)
{
	char *end = (char *)(uintptr_t)str_chr(at, '\n');

	if (!end)
		return NULL;
	*end = '\0';
	return end + 1;
}

int memo_read(u32 dev_id, struct memo *m)
{
	int err = read_file(dev_id, m->text);
	char *at;

	if (err)
		return err;
	if (!str_starts(m->text, FORM))
		return -EINVAL;
	at = m->text + sizeof(FORM) - 1;
	m->directory = at;
	at = cut_line(at);
	m->spec = at;
	return at && cut_line(at) ? 0 : -EINVAL;
}

const char *memo_go_there(u32 dev_id, const char *spec, struct memo *m)
{
	int err = memo_read(dev_id, m);

	/* A path may mean another file here. */
	if (!err && (!spec || str_eq(m->spec, spec)))
		err = sys_chdir(m->directory);
	return spec ? spec : err ? NULL : m->spec;
}

void memo_forget(u32 dev_id)
{
	char path[64];

	path_of(dev_id, path);
	(void)sys_unlinkat(AT_FDCWD, path, 0);
	(void)sys_unlinkat(AT_FDCWD, UBLK_TALK_DIR, AT_REMOVEDIR); /* if it is empty */
}

/* 0, or -EAGAIN: another has it */
static int lock(int fd)
{
	struct flock whole = { .l_type = F_WRLCK };

	return sys_fcntl(fd, F_OFD_SETLK, (u64)(uintptr_t)&whole);
}

static int open_to_lock(u32 dev_id)
{
	char path[64];

	path_of(dev_id, path);
	return sys_openat(AT_FDCWD, path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
}

bool memo_claim(u32 dev_id)
{
	int fd = open_to_lock(dev_id);

	if (fd < 0)
		return false;
	if (!lock(fd))
		return true;
	(void)sys_close(fd);
	return false;
}

bool memo_is_claimed(u32 dev_id)
{
	int fd = open_to_lock(dev_id);
	bool is_claimed = fd >= 0 && lock(fd) != 0;

	if (fd >= 0)
		(void)sys_close(fd);
	return is_claimed;
}

/* The number of a file that is of a device */
static bool number_of(const char *name, u32 *id)
{
	const char *at = str_starts(name, "ublk");
	const char *end;
	u64 value;

	if (!at || parse_number(at, &value, &end) || value > ~0U ||
	    (!str_eq(end, ".memo") && !str_eq(end, ".sock")))
		return false;
	*id = (u32)value;
	return true;
}

u32 memo_tidy(bool (*is_gone)(u32 dev_id), bool only_count)
{
	struct host_dir dir;
	const char *name;
	u32 nr = 0;
	u32 id;

	host_dir_open(&dir, UBLK_TALK_DIR);
	while ((name = host_dir_next(&dir)) != NULL) {
		if (!number_of(name, &id) || !is_gone(id) || memo_is_claimed(id))
			continue;
		nr++;
		if (!only_count)
			(void)sys_unlinkat(dir.fd, name, 0);
	}
	if (nr && !only_count)
		(void)sys_unlinkat(AT_FDCWD, UBLK_TALK_DIR, AT_REMOVEDIR);
	return nr;
}
