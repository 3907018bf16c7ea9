/* SPDX-License-Identifier: MIT */
/* A disk in the process: all of it but its queues, which are in disk_queue.c. */
#include "ublk/disk.h"

#include <asm/errno.h>
#include <linux/fcntl.h>

#include "uapi/rt/str.h"
#include "uapi/sys.h"

static bool is_gone(const struct tgt_disk *d)
{
	return !d->tree || __atomic_load_n(&d->is_gone, __ATOMIC_ACQUIRE);
}

static const struct tgt_limits *limits_of(const struct tgt_disk *d)
{
	return &d->tree->root->limits;
}

int tgt_disk_attach(struct tgt_disk *d, struct tgt_tree *tree, u32 flags, struct diag *why)
{
	int fd;

	*d = (struct tgt_disk){ .bell_fd = -1 };
	if (!(tree->root->data_kinds >> TGT_DATA_MEM & 1))
		return diag_set(why, -EOPNOTSUPP, "target %s takes no memory",
				tree->root->type->name);
	fd = sys_eventfd2(0, O_CLOEXEC);
	if (fd < 0)
		return diag_set(why, fd, "no eventfd");
	d->tree = tree;
	d->flags = flags;
	d->bell_fd = fd;
	return 0;
}

int tgt_disk_open(struct tgt_disk *d, const struct tgt_type *const *types, const char *spec,
		  u32 flags, struct diag *why)
{
	struct tgt_tree tree;
	int err = tgt_open(&tree, types, spec, why);

	if (err) {
		*d = (struct tgt_disk){ .bell_fd = -1 };
		return err;
	}
	err = tgt_disk_attach(d, &tree, flags, why);
	if (err) {
		tgt_close(&tree);
		return err;
	}
	d->own_tree = tree;
	d->tree = &d->own_tree;
	return 0;
}

void tgt_disk_disconnect(struct tgt_disk *d)
{
	u64 one = 1;

	if (is_gone(d))
		return;
	/* Release: whoever sees it, or the bell, sees what was done before. */
	__atomic_store_n(&d->is_gone, 1, __ATOMIC_RELEASE);
	(void)!sys_write(d->bell_fd, &one, sizeof(one));
}

void tgt_disk_close(struct tgt_disk *d)
{
	if (!d->tree)
		return;
	tgt_close(&d->own_tree);
	(void)sys_close(d->bell_fd);
	*d = (struct tgt_disk){ .bell_fd = -1 };
}

int tgt_disk_get_info(const struct tgt_disk *d, struct tgt_disk_info *info)
{
	const struct tgt_limits *l;

	*info = (struct tgt_disk_info){ .read_write = false };
	if (is_gone(d))
		return -ENOTCONN;
	l = limits_of(d);
	info->limits = *l;
	info->limits.size_bytes = __atomic_load_n(&l->size_bytes, __ATOMIC_RELAXED);
	info->sector_size = 1U << l->logical_shift;
	info->nr_sectors = info->limits.size_bytes >> l->logical_shift;
	info->read_write = !(d->flags & TGT_DISK_READ_ONLY || l->attrs & UBLK_ATTR_READ_ONLY);
	info->is_durable = d->flags & TGT_DISK_DURABLE || !(l->attrs & UBLK_ATTR_VOLATILE_CACHE);
	return 0;
}

int tgt_disk_resize(struct tgt_disk *d, u64 size_bytes, struct diag *why)
{
	if (is_gone(d))
		return diag_set(why, -ENOTCONN, "the disk is disconnected");
	if (d->flags & TGT_DISK_READ_ONLY || limits_of(d)->attrs & UBLK_ATTR_READ_ONLY)
		return diag_set(why, -EROFS, "the disk is read-only");
	return tgt_resize(d->tree, size_bytes, why);
}

static s64 seek(const struct tgt_disk *d, u64 offset_bytes, bool hole)
{
	if (is_gone(d))
		return -ENOTCONN;
	if (offset_bytes > __atomic_load_n(&limits_of(d)->size_bytes, __ATOMIC_RELAXED))
		return -ERANGE;
	return tgt_seek(d->tree, offset_bytes, hole);
}

s64 tgt_disk_seek_mapped(const struct tgt_disk *d, u64 offset_bytes)
{
	return seek(d, offset_bytes, false);
}

s64 tgt_disk_seek_unmapped(const struct tgt_disk *d, u64 offset_bytes)
{
	return seek(d, offset_bytes, true);
}

int tgt_disk_message(struct tgt_disk *d, const char *kind, const char *word, const char *value,
		     struct diag *why)
{
	if (is_gone(d))
		return diag_set(why, -ENOTCONN, "the disk is disconnected");
	return tgt_message(d->tree, kind, word, value, why);
}

int tgt_disk_stat(const struct tgt_disk *d, tgt_say_fn *say, void *ctx)
{
	if (is_gone(d))
		return -ENOTCONN;
	tgt_stat(d->tree, say, ctx);
	return 0;
}

struct legs {
	u64 err;
	bool primary;
	bool secondary;
};

static void look_at_leg(void *ctx, const char *name, u64 value)
{
	struct legs *legs = ctx;
	const char *dot = str_chr(name, '.');

	if (!dot || value != legs->err)
		return;
	legs->primary |= str_eq(dot + 1, "primary_errno");
	legs->secondary |= str_eq(dot + 1, "secondary_errno");
}

enum tgt_disk_error tgt_disk_error(const struct tgt_disk *d, int err)
{
	struct legs legs = { .err = (u64)-(s64)err };

	if (!err)
		return TGT_DISK_OK;
	if (err == -ENOTCONN)
		return TGT_DISK_DISCONNECTED;
	if (d->tree)
		tgt_stat(d->tree, look_at_leg, &legs);
	if (legs.primary)
		return TGT_DISK_OF_PRIMARY;
	if (legs.secondary)
		return TGT_DISK_OF_SECONDARY;
	if (err == -EROFS)
		return TGT_DISK_IS_READ_ONLY;
	return err == -EOPNOTSUPP ? TGT_DISK_UNIMPLEMENTED : TGT_DISK_UNKNOWN;
}

const char *tgt_disk_error_text(enum tgt_disk_error error)
{
	static const char texts[] = "no error\0an error\0not implemented\0the disk is read-only\0"
				    "the disk is disconnected\0an error of the primary\0"
				    "an error of the secondary";

	return str_nth(texts, error);
}
