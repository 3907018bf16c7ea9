/* SPDX-License-Identifier: MIT */
/* Who has a device in use. */
#include "tools/host/holders.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

#include "dm/dm.h"
#include "tools/host/dir.h"
#include "tools/host/file.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

#define MANY_BYTES 200 /* that are told: nobody wants to know of more */
#define PATH_BYTES 320

/* struct scan - @space: the mount namespace that was looked at last, after our own */
struct scan {
	struct fmt_buf *out;
	u64 dev;
	u16 type; /* S_IFBLK or S_IFCHR */
	u64 our_space;
	u64 space;
	char number[DM_DEV_BYTES];
};

static bool leads_there(const struct scan *s, const char *path)
{
	struct statx st;

	return !sys_statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &st) &&
	       (st.stx_mode & S_IFMT) == s->type &&
	       dm_dev(st.stx_rdev_major, st.stx_rdev_minor) == s->dev;
}

static bool is_over(const struct scan *s)
{
	return s->out->len > MANY_BYTES;
}

static void say(struct scan *s, const char *what, const char *who)
{
	fmt_add(s->out, "%s%s %s", s->out->len ? ", " : "", what, who);
}

static void on_top(struct scan *s)
{
	char path[PATH_BYTES];
	struct host_dir dir;
	const char *name;

	host_dir_open(&dir, "/sys/dev/block/%s/holders", s->number);
	while ((name = host_dir_next(&dir)) && !is_over(s)) {
		say(s, "used by", name);
		if (*host_file_line(path, sizeof(path), "/sys/block/%s/dm/name", name))
			fmt_add(s->out, " (%s)", path);
	}
}

static void loops(struct scan *s)
{
	char path[PATH_BYTES];
	struct host_dir dir;
	const char *name;

	host_dir_open(&dir, "/sys/block");
	while ((name = host_dir_next(&dir)) && !is_over(s))
		if (str_starts(name, "loop") &&
		    leads_there(s, host_file_line(path, sizeof(path),
						  "/sys/block/%s/loop/backing_file", name)))
			say(s, "used by", name);
}

/* The next word of a file of /proc, in which blanks are \040: undone in place, *at behind it */
static char *next_word(char **at)
{
	char *word = *at;
	char *to = word;
	char *from = word;

	while (*from && !str_is_space(*from)) {
		if (*from == '\\' && from[1] && from[2] && from[3]) {
			*to++ = (char)(from[1] << 6 | (from[2] & 7) << 3 | (from[3] & 7));
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*at = from + (*from != '\0');
	*to = '\0';
	return word;
}

static void swaps(struct scan *s)
{
	struct pages file;
	char *at;

	if (host_file_load("/proc/swaps", &file) < 0)
		return;
	for (at = file.addr; *at;) {
		const char *word = next_word(&at);

		if (*word == '/' && leads_there(s, word))
			say(s, "swap on", word);
	}
	pages_unmap(&file);
}

/* ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS... - TYPE SOURCE OPTIONS; a filesystem
 * with a number of its own, as btrfs has, tells its device in SOURCE. */
static void one_mount(struct scan *s, char **at, const char *pid)
{
	const char *words[5];
	const char *source;
	bool is_ours;

	for (u32 i = 0; i < ARRAY_SIZE(words); i++)
		words[i] = next_word(at);
	while (**at && !str_eq(next_word(at), "-"))
		;
	(void)next_word(at);
	source = next_word(at);
	(void)next_word(at);
	is_ours = str_eq(words[2], s->number) ||
		  (*source == '/' && leads_there(s, source));
	if (!is_ours || str_find(s->out->text, words[4]))
		return;
	say(s, "mounted on", words[4]);
	if (s->space != s->our_space)
		fmt_add(s->out, " for pid %s", pid);
}

static void mounts_of(struct scan *s, const char *pid)
{
	char path[64];
	struct pages file;
	struct statx st;
	char *at;

	fmt_print(path, sizeof(path), "/proc/%s/ns/mnt", pid);
	if (sys_statx(AT_FDCWD, path, 0, STATX_INO, &st) || st.stx_ino == s->our_space ||
	    st.stx_ino == s->space)
		return;
	s->space = st.stx_ino;
	if (!s->our_space)
		s->our_space = s->space;
	fmt_print(path, sizeof(path), "/proc/%s/mountinfo", pid);
	if (host_file_load(path, &file) < 0)
		return;
	for (at = file.addr; *at;)
		one_mount(s, &at, pid);
	pages_unmap(&file);
}

/* A file of /proc/PID/fd or /proc/PID/map_files */
static bool has_file(struct scan *s, const char *pid, const char *files)
{
	char path[PATH_BYTES];
	bool found = false;
	struct host_dir dir;
	const char *name;

	host_dir_open(&dir, "/proc/%s/%s", pid, files);
	while ((name = host_dir_next(&dir)) != NULL) {
		fmt_print(path, sizeof(path), "/proc/%s/%s/%s", pid, files, name);
		found |= leads_there(s, path);
	}
	return found;
}

static void files_of(struct scan *s, const char *pid)
{
	const char *how = has_file(s, pid, "fd") ? "open in" :
			  has_file(s, pid, "map_files") ? "mapped by" : NULL;
	char name[32];

	if (how) {
		say(s, how, host_file_line(name, sizeof(name), "/proc/%s/comm", pid));
		fmt_add(s->out, " (pid %s)", pid);
	}
}

static void processes(struct scan *s)
{
	struct host_dir dir;
	const char *pid;

	host_dir_open(&dir, "/proc");
	while ((pid = host_dir_next(&dir)) && !is_over(s)) {
		if (!str_is_digit(*pid))
			continue;
		if (s->type == S_IFBLK)
			mounts_of(s, pid);
		files_of(s, pid);
	}
}

void host_holders(struct fmt_buf *out, u64 dev)
{
	struct scan s = {
		.out = out,
		.dev = dev,
		.type = S_IFBLK,
	};

	dm_dev_text(s.number, dev);
	on_top(&s);
	loops(&s);
	swaps(&s);
	mounts_of(&s, "self");
	processes(&s);
}

void host_char_users(struct fmt_buf *out, u64 dev)
{
	struct scan s = {
		.out = out,
		.dev = dev,
		.type = S_IFCHR,
	};

	processes(&s);
}
