/* SPDX-License-Identifier: MIT */
/*
 * bareblk-replay: what dm-log-writes has recorded of a disk, as a list, or done
 * again up to a point:
 *
 *	bareblk-replay LOG                 a line for each entry
 *	bareblk-replay LOG DISK FROM TO    entries FROM to TO - 1, onto DISK
 *
 * A line is the entry's number, then "mark" and its word, or what it is, the sector
 * where and how many. What came before a flush stands before it; what no flush has
 * covered stands behind all else.
 */
#include <asm/errno.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>

#include "uapi/rt/diag.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/free/start.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/parse.h"
#include "uapi/sys.h"

#define LOG_MAGIC 0x6a736677736872ULL
#define LOG_VERSION 1
#define MAX_SECTOR_BYTES 4096
#define PAGE_BYTES 4096

enum {
	LOG_FLUSH = 1 << 0,
	LOG_FUA = 1 << 1,
	LOG_DISCARD = 1 << 2,
	LOG_MARK = 1 << 3,
};

/* The log's first sector */
struct log_super {
	u64 magic;
	u64 version;
	u64 nr_entries;
	u32 sector_bytes; /* in which the log counts */
};

/* A sector of its own; a mark's word stands in it, what was written in those behind it */
struct log_entry {
	u64 sector;
	u64 nr_sectors;
	u64 flags;
	u64 word_bytes;
};

struct log {
	struct log_super super;
	int fd;
	u64 at_bytes; /* of the next entry */
	struct log_entry entry;
	u64 data_bytes; /* where its data is, and how much */
	u64 data_len_bytes;
	char word[MAX_SECTOR_BYTES];
};

static void say(int fd, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(int fd, const char *fmt, ...)
{
	char text[512];
	size_t len;
	va_list args;

	va_start(args, fmt);
	len = fmt_vprint(text, sizeof(text) - 1, fmt, args);
	va_end(args);
	if (len > sizeof(text) - 2)
		len = sizeof(text) - 2;
	text[len++] = '\n';
	(void)sys_write(fd, text, len);
}

static int read_all(int fd, void *mem, u64 len_bytes, u64 at)
{
	long ret = sys_pread64(fd, mem, len_bytes, at);

	return ret == (long)len_bytes ? 0 : ret < 0 ? (int)ret : -EIO;
}

static int log_open(struct log *l, const char *path)
{
	int err;

	l->fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (l->fd < 0)
		return l->fd;
	err = read_all(l->fd, &l->super, sizeof(l->super), 0);
	if (err)
		return err;
	if (l->super.magic != LOG_MAGIC || l->super.version != LOG_VERSION ||
	    l->super.sector_bytes < 512 || l->super.sector_bytes > MAX_SECTOR_BYTES)
		return -EPROTO;
	l->at_bytes = l->super.sector_bytes;
	return 0;
}

/* The entry that comes next, and where the one behind it is */
static int log_next(struct log *l)
{
	u64 sector_bytes = l->super.sector_bytes;
	struct log_entry *e = &l->entry;
	char raw[MAX_SECTOR_BYTES];
	int err = read_all(l->fd, raw, sector_bytes, l->at_bytes);

	if (err)
		return err;
	memcpy(e, raw, sizeof(*e));
	if (e->word_bytes > sector_bytes - sizeof(*e) || e->nr_sectors >> 40 || e->sector >> 40)
		return -EPROTO;
	memcpy(l->word, raw + sizeof(*e), e->word_bytes);
	l->word[e->word_bytes] = '\0';
	l->data_bytes = l->at_bytes + sector_bytes;
	l->data_len_bytes = e->flags & LOG_DISCARD ? 0 : e->nr_sectors * sector_bytes;
	l->at_bytes = l->data_bytes + l->data_len_bytes;
	return 0;
}

static const char *kind_of(const struct log_entry *e)
{
	static const char *const kinds[] = { "write", "flush", "fua", "flush+fua" };

	return e->flags & LOG_DISCARD ? "discard" : kinds[e->flags & (LOG_FLUSH | LOG_FUA)];
}

static int list(struct log *l)
{
	int err = 0;

	for (u64 i = 0; !err && i < l->super.nr_entries; i++) {
		err = log_next(l);
		if (err)
			break;
		if (l->entry.flags & LOG_MARK)
			say(1, "%llu mark %s", i, l->word);
		else
			say(1, "%llu %s %llu %llu", i, kind_of(&l->entry), l->entry.sector,
			    l->entry.nr_sectors);
	}
	return err;
}

/* Whole pages only, as a RAM disk does it: what a discard leaves is anybody's guess */
static int discard(const struct log *l, int disk)
{
	u64 begin = l->entry.sector * l->super.sector_bytes;
	u64 end = begin + l->entry.nr_sectors * l->super.sector_bytes;

	begin = (begin + PAGE_BYTES - 1) & ~(u64)(PAGE_BYTES - 1);
	end &= ~(u64)(PAGE_BYTES - 1);
	if (begin >= end)
		return 0;
	return sys_fallocate(disk, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, begin, end - begin);
}

static int copy(const struct log *l, int disk)
{
	static char mem[64 << 10];
	u64 to = l->entry.sector * l->super.sector_bytes;
	u64 len;

	for (u64 done = 0; done < l->data_len_bytes; done += len) {
		int err;

		len = l->data_len_bytes - done;
		len = len < sizeof(mem) ? len : sizeof(mem);
		err = read_all(l->fd, mem, len, l->data_bytes + done);
		if (err)
			return err;
		if (sys_pwrite64(disk, mem, len, to + done) != (long)len)
			return -EIO;
	}
	return 0;
}

static int replay(struct log *l, const char *path, u64 from, u64 to)
{
	int disk = sys_openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
	int err = disk < 0 ? disk : 0;

	if (to > l->super.nr_entries)
		return -ERANGE;
	for (u64 i = 0; !err && i < to; i++) {
		err = log_next(l);
		if (!err && i >= from)
			err = l->entry.flags & LOG_DISCARD ? discard(l, disk) : copy(l, disk);
	}
	return err;
}

int rt_main(const struct rt_start *start)
{
	static struct log l;
	u64 from = 0;
	u64 to = 0;
	int err;

	if (start->argc != 2 && (start->argc != 5 || parse_u64(start->argv[3], &from) ||
				 parse_u64(start->argv[4], &to))) {
		say(2, "usage: bareblk-replay LOG [DISK FROM TO]");
		return 2;
	}
	err = log_open(&l, start->argv[1]);
	if (!err)
		err = start->argc == 2 ? list(&l) : replay(&l, start->argv[2], from, to);
	if (err)
		say(2, "bareblk-replay: %s: %s", start->argv[1], err_name(err));
	return err ? 1 : 0;
}
