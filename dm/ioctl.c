/* SPDX-License-Identifier: MIT */
/* One command, sent: its head, its identity, and the room for its answer. */
#include "dm/ioctl.h"

#include <asm/errno.h>
#include <linux/mman.h>
#include <linux/time.h>

#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

/* The least that an answer of any length starts with */
#define ROOM_MIN_BYTES 16384

void dm_wipe(void *p, size_t bytes)
{
	if (!bytes)
		return;
	memset(p, 0, bytes);
	/* Memory that nobody reads again: without this the compiler may leave it. */
	__asm__ volatile("" : : "r"(p) : "memory");
}

void dm_keep_secret(const struct pages *p)
{
	(void)!pages_lock(p);
	(void)!sys_madvise(p->addr, p->len_bytes, MADV_DONTDUMP);
}

u64 dm_now_ms(void)
{
	struct __kernel_timespec ts = { .tv_sec = 0 };

	(void)sys_clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

u64 dm_dev(u32 major, u32 minor)
{
	if (major > DM_MAX_MAJOR || minor > DM_MAX_MINOR)
		return ~0ULL;
	return (minor & 0xff) | major << 8 | (u64)(minor & ~0xffU) << 12;
}

u32 dm_dev_minor(u64 dev)
{
	return (u8)dev | ((u32)dev >> 12 & 0xfff00);
}

const char *dm_dev_text(char text[DM_DEV_BYTES], u64 dev)
{
	fmt_print(text, DM_DEV_BYTES, "%u:%u", dm_dev_major(dev), dm_dev_minor(dev));
	return text;
}

int dm_head_name(char *field, size_t size, const char *text)
{
	return text && str_copy(field, size, text) < 0 ? -ENAMETOOLONG : 0;
}

/* The kernel finds nothing under an empty identity, but complains in its log. */
int dm_head_for(struct dm_ioctl *io, struct dm_id id, u32 flags, u32 event_nr)
{
	*io = (struct dm_ioctl){
		.data_size = sizeof(*io),
		.data_start = sizeof(*io),
		.flags = flags,
		.event_nr = event_nr,
	};
	if (id.kind == DM_ID_DEV) {
		io->dev = id.dev;
		return id.dev && id.dev <= 0xffffffff ? 0 : -ENXIO;
	}
	if (id.text && !*id.text)
		return -ENXIO;
	return id.kind == DM_ID_NAME ? dm_head_name(io->name, sizeof(io->name), id.text) :
				       dm_head_name(io->uuid, sizeof(io->uuid), id.text);
}

/*
 * Which minor of the interface brought what, beyond 4.0. An older kernel does not
 * know a command, but of a flag it takes no notice: it would answer, and wrongly.
 */
static const u8 command_minor[] = {
	[DM_LIST_VERSIONS_CMD] = 1,
	[DM_TARGET_MSG_CMD] = 2,
	[DM_DEV_SET_GEOMETRY_CMD] = 6,
	[DM_DEV_ARM_POLL_CMD] = 37,
	[DM_GET_TARGET_VERSION_CMD] = 41,
};

/* By the number of the flag's bit */
#define BIT(flag) __builtin_ctz(flag)

static const u8 flag_minor[] = {
	[BIT(DM_NOFLUSH_FLAG)] = 12,	[BIT(DM_QUERY_INACTIVE_TABLE_FLAG)] = 16,
	[BIT(DM_UUID_FLAG)] = 19,	[BIT(DM_SECURE_DATA_FLAG)] = 20,
	[BIT(DM_DEFERRED_REMOVE)] = 27, [BIT(DM_IMA_MEASUREMENT_FLAG)] = 45,
};

#define LOOKUP_BY_DEV_MINOR	3
#define LIST_BY_PREFIX_MINOR	45

u32 dm_lowest_minor(u32 cmd, const struct dm_ioctl *io)
{
	u32 minor = command_minor[cmd];

	if (io->dev && minor < LOOKUP_BY_DEV_MINOR)
		minor = LOOKUP_BY_DEV_MINOR;
	if (cmd == DM_LIST_DEVICES_CMD && (*io->name || *io->uuid))
		minor = LIST_BY_PREFIX_MINOR;
	for (u32 i = 0; i < ARRAY_SIZE(flag_minor); i++)
		if (io->flags >> i & 1 && minor < flag_minor[i])
			minor = flag_minor[i];
	return minor;
}

/* The kernel's version is written back also when it refuses ours, which it does first. */
int dm_version_error(int err, const struct dm_ioctl *io, u32 minor)
{
	bool is_ours = io->version[0] == DM_VERSION_MAJOR && io->version[1] >= minor;

	/* all zero: a command with secrets that failed later on */
	return err == -EINVAL && io->version[0] && !is_ours ? -EPROTONOSUPPORT : err;
}

int dm_send(int control_fd, u32 cmd, struct dm_ioctl *io, struct dm_info *info)
{
	u32 minor = dm_lowest_minor(cmd, io);
	int err;

	io->version[0] = DM_VERSION_MAJOR;
	io->version[1] = minor;
	io->version[2] = 0;
	err = (int)sys_ioctl(control_fd, _IOWR(DM_IOCTL, cmd, struct dm_ioctl), io);
	if (err < 0)
		return dm_version_error(err, io, minor);
	if (info)
		dm_info_from(info, io);
	return 0;
}

int dm_command(int control_fd, struct dm_id id, u32 flags, u32 event_nr, struct dm_info *info,
	       u32 cmd)
{
	struct dm_ioctl io;
	int err = dm_head_for(&io, id, flags, event_nr);

	return err ? err : dm_send(control_fd, cmd, &io, info);
}

void dm_info_from(struct dm_info *info, const struct dm_ioctl *io)
{
	info->dev = io->dev;
	info->open_count = io->open_count;
	info->event_nr = io->event_nr;
	info->nr_targets = io->target_count;
	info->flags = io->flags;
	(void)!str_copy(info->name, sizeof(info->name), io->name);
	(void)!str_copy(info->uuid, sizeof(info->uuid), io->uuid);
}

int dm_room(struct dm_reply *r, u32 bytes)
{
	bool is_secret = r->is_secret;
	struct pages more;
	int err;

	if (r->mem.len_bytes < bytes) {
		err = pages_map(&more, bytes);
		if (err)
			return err;
		dm_reply_free(r);
		r->mem = more;
		r->is_secret = is_secret;
	}
	if (is_secret)
		dm_keep_secret(&r->mem);
	r->io = NULL;
	r->data_bytes = 0;
	r->room_bytes = bytes;
	return 0;
}

/* data_start is the kernel's own; where it stands in front of nothing, its size is less */
int dm_reply_take(struct dm_reply *r, const struct dm_ioctl *io, u32 room_bytes)
{
	u32 start = io->data_start;

	r->io = io;
	r->data = (const char *)io + start;
	r->data_bytes = 0;
	if (io->data_size <= start)
		return 0;
	if (start < offsetof(struct dm_ioctl, data) || io->data_size > room_bytes)
		return -EPROTO;
	r->data_bytes = io->data_size - start;
	return 0;
}

int dm_ask_once(int control_fd, struct dm_reply *r, u32 cmd)
{
	struct dm_ioctl *io = r->mem.addr;
	int err;

	io->data_size = r->room_bytes;
	err = dm_send(control_fd, cmd, io, NULL);
	if (!err && io->flags & DM_BUFFER_FULL_FLAG)
		err = -EOVERFLOW;
	return err ? err : dm_reply_take(r, io, r->room_bytes);
}

int dm_ask(int control_fd, const struct dm_ioctl *head, struct dm_reply *r, u32 cmd)
{
	u32 bytes = r->room_bytes;
	int err;

	/* What fills the room next may be shorter than a secret that is there. */
	if (r->is_secret)
		dm_reply_wipe(r);
	r->is_secret = head->flags & DM_SECURE_DATA_FLAG;
	if (!r->is_lent && bytes < ROOM_MIN_BYTES)
		bytes = ROOM_MIN_BYTES;
	for (;; bytes = bytes < ROOM_MIN_BYTES ? ROOM_MIN_BYTES : bytes * 2) {
		err = dm_room(r, bytes);
		if (err)
			return err;
		*(struct dm_ioctl *)r->mem.addr = *head;
		err = dm_ask_once(control_fd, r, cmd);
		if (err != -EOVERFLOW || bytes >= DM_ROOM_MAX_BYTES)
			return err;
	}
}
