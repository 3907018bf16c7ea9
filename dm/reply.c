/* SPDX-License-Identifier: MIT */
/* Commands that answer at length, and walking through what they answer. */
#include "dm/reply.h"

#include <asm/errno.h>

#include "dm/ioctl.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"

/* A message's answer that fits in none of this is lost. */
#define MESSAGE_ROOM_BYTES 65536

/* Behind the last record */
#define POS_END (~0U)

void dm_reply_free(struct dm_reply *r)
{
	if (r->is_secret)
		dm_reply_wipe(r);
	if (!r->is_lent)
		pages_unmap(&r->mem);
	*r = (struct dm_reply){ .io = NULL };
}

void dm_reply_lend(struct dm_reply *r, void *mem, u32 mem_bytes, u32 first_bytes)
{
	dm_reply_free(r);
	*r = (struct dm_reply){
		.mem = { .addr = mem, .len_bytes = mem_bytes },
		.room_bytes = first_bytes,
		.is_lent = true,
	};
}

void dm_reply_wipe(struct dm_reply *r)
{
	if (r->mem.addr)
		dm_wipe(r->mem.addr, r->room_bytes);
	r->io = NULL;
	r->data_bytes = 0;
	r->is_secret = false;
}

void dm_reply_info(const struct dm_reply *r, struct dm_info *info)
{
	dm_info_from(info, r->io);
}

int dm_list(int control_fd, const char *name_prefix, const char *uuid_prefix, u32 flags,
	    struct dm_reply *r)
{
	struct dm_ioctl head;
	int err = dm_head_for(&head, DM_NOBODY, flags, 0);

	err = err ? err : dm_head_name(head.name, sizeof(head.name), name_prefix);
	err = err ? err : dm_head_name(head.uuid, sizeof(head.uuid), uuid_prefix);
	return err ? err : dm_ask(control_fd, &head, r, DM_LIST_DEVICES_CMD);
}

/* Its arguments stand as those of dm_wait() do, see dm_command() */
static int ask_for(int control_fd, struct dm_id id, u32 event_nr, u32 flags, struct dm_reply *r,
		   u32 cmd)
{
	struct dm_ioctl head;
	int err = dm_head_for(&head, id, flags, event_nr);

	return err ? err : dm_ask(control_fd, &head, r, cmd);
}

int dm_table_status(int control_fd, struct dm_id id, u32 flags, struct dm_reply *r)
{
	return ask_for(control_fd, id, 0, flags, r, DM_TABLE_STATUS_CMD);
}

int dm_deps(int control_fd, struct dm_id id, u32 flags, struct dm_reply *r)
{
	return ask_for(control_fd, id, 0, flags, r, DM_TABLE_DEPS_CMD);
}

/* Asked again with more room it answers at once: the event has happened. */
int dm_wait(int control_fd, struct dm_id id, u32 event_nr, u32 flags, struct dm_reply *r)
{
	return ask_for(control_fd, id, event_nr, flags, r, DM_DEV_WAIT_CMD);
}

int dm_list_targets(int control_fd, struct dm_reply *r)
{
	return ask_for(control_fd, DM_NOBODY, 0, 0, r, DM_LIST_VERSIONS_CMD);
}

int dm_target_version(int control_fd, const char *type, struct dm_version *version)
{
	struct dm_target_type found = { .name = NULL };
	struct dm_reply r = { .io = NULL };
	struct dm_ioctl head;
	u32 pos = 0;
	int err = dm_head_for(&head, DM_NOBODY, 0, 0);

	err = err ? err : dm_head_name(head.name, DM_MAX_TYPE_NAME, type);
	err = err ? err : dm_ask(control_fd, &head, &r, DM_GET_TARGET_VERSION_CMD);
	if (!err && dm_next_target_type(&r, &pos, &found) <= 0)
		err = -EPROTO;
	*version = found.version;
	dm_reply_free(&r);
	return err;
}

/* Its text may be a key, so the kernel is told to leave no copy of it. */
int dm_message(int control_fd, struct dm_id id, u64 sector, const char *text, u32 room_bytes,
	       struct dm_reply *r)
{
	u64 text_bytes = str_len(text) + 1;
	u64 bytes = sizeof(struct dm_ioctl) + sizeof(struct dm_target_msg) + text_bytes;
	struct dm_target_msg *msg;
	int err;

	if (!room_bytes)
		room_bytes = MESSAGE_ROOM_BYTES;
	if (bytes < room_bytes)
		bytes = room_bytes;
	if (bytes > DM_ROOM_MAX_BYTES)
		return -E2BIG;
	if (r->is_secret)
		dm_reply_wipe(r);
	err = dm_room(r, (u32)bytes);
	if (err)
		return err;
	msg = (void *)((struct dm_ioctl *)r->mem.addr + 1);
	msg->sector = sector;
	memcpy(msg->message, text, text_bytes);
	err = dm_head_for(r->mem.addr, id, DM_SECURE_DATA_FLAG, 0);
	err = err ? err : dm_ask_once(control_fd, r, DM_TARGET_MSG_CMD);
	if (err)
		dm_reply_wipe(r);
	return err;
}

int dm_cancel_deferred_remove(int control_fd, struct dm_id id)
{
	struct dm_reply r = { .io = NULL };
	int err = dm_message(control_fd, id, 0, "@cancel_deferred_remove", 1, &r);

	dm_reply_free(&r);
	return err;
}

/* Behind the string at pos, or 0 when it does not end inside */
static u32 string_end(const struct dm_reply *r, u32 pos)
{
	while (pos < r->data_bytes)
		if (!r->data[pos++])
			return pos;
	return 0;
}

const char *dm_reply_text(const struct dm_reply *r)
{
	bool is_text = r->io && r->io->flags & DM_DATA_OUT_FLAG && string_end(r, 0);

	return is_text ? r->data : NULL;
}

/*
 * Walking. A record is a head, a string, and what may follow that; offsets to the next one are
 * the kernel's. Nothing is looked at before it is known to be inside.
 */

static u32 load_u32(const char *at)
{
	u32 value;

	__builtin_memcpy(&value, at, sizeof(value));
	return value;
}

static u64 load_u64(const char *at)
{
	u64 value;

	__builtin_memcpy(&value, at, sizeof(value));
	return value;
}

/* The record at pos with its string, up to *end: 1, 0 behind the last, -EPROTO */
static int record(const struct dm_reply *r, u32 pos, u32 head_bytes, u32 *end)
{
	if (pos == POS_END || !r->data_bytes)
		return 0;
	*end = string_end(r, pos + head_bytes);
	return *end ? 1 : -EPROTO;
}

/* To the next record, which begins behind the end of this one */
static int advance(const struct dm_reply *r, u32 *pos, u32 next, u32 end)
{
	u64 to = (u64)*pos + next;

	if (next && (to < end || to >= r->data_bytes))
		return -EPROTO;
	*pos = next ? (u32)to : POS_END;
	return 1;
}

int dm_next_name(const struct dm_reply *r, u32 *pos, struct dm_name *out)
{
	const char *head = r->data + *pos;
	u32 end;
	u32 flags;
	int more = record(r, *pos, offsetof(struct dm_name_list, name), &end);

	if (more <= 0)
		return more;
	/* event number and flags follow at the next multiple of 8, then the uuid */
	end = ((end - *pos + 7) & ~7U) + *pos + 8;
	if (end > r->data_bytes)
		return -EPROTO;
	out->dev = load_u64(head);
	out->name = head + offsetof(struct dm_name_list, name);
	out->uuid = NULL;
	out->event_nr = load_u32(r->data + end - 8);
	flags = load_u32(r->data + end - 4);
	if (flags & DM_NAME_LIST_FLAG_HAS_UUID) {
		out->uuid = r->data + end;
		end = string_end(r, end);
		if (!end)
			return -EPROTO;
	} else if (flags & DM_NAME_LIST_FLAG_DOESNT_HAVE_UUID) {
		out->uuid = "";
	}
	return advance(r, pos, load_u32(head + offsetof(struct dm_name_list, next)), end);
}

void dm_target_from(struct dm_target *out, const struct dm_target_spec *spec)
{
	out->start = spec->sector_start;
	out->len = spec->length;
	out->params = (const char *)(spec + 1);
	memcpy(out->type, spec->target_type, sizeof(spec->target_type));
	out->type[sizeof(spec->target_type)] = '\0';
}

/* Unlike all others, next counts from the first of them, also in the last: to the end, or to
 * the multiple of 8 behind it. */
int dm_next_target(const struct dm_reply *r, u32 *pos, struct dm_target *out)
{
	struct dm_target_spec spec;
	u32 end;
	int more = r->io && r->io->target_count ? record(r, *pos, sizeof(spec), &end) : 0;

	if (more <= 0)
		return more;
	memcpy(&spec, r->data + *pos, sizeof(spec));
	dm_target_from(out, &spec);
	out->params = r->data + *pos + sizeof(spec);
	if (spec.next < end)
		return -EPROTO;
	*pos = spec.next < r->data_bytes ? spec.next : POS_END;
	return 1;
}

int dm_next_dep(const struct dm_reply *r, u32 *pos, u64 *dev)
{
	u32 nr_words = r->data_bytes / (u32)sizeof(*dev);

	if (!r->data_bytes)
		return 0;
	if (!nr_words)
		return -EPROTO;
	if (*pos >= load_u32(r->data))
		return 0;
	if (++*pos >= nr_words)
		return -EPROTO;
	*dev = load_u64(r->data + *pos * sizeof(*dev));
	return 1;
}

int dm_next_target_type(const struct dm_reply *r, u32 *pos, struct dm_target_type *out)
{
	const char *head = r->data + *pos;
	u32 end;
	int more = record(r, *pos, offsetof(struct dm_target_versions, name), &end);

	if (more <= 0)
		return more;
	out->name = head + offsetof(struct dm_target_versions, name);
	__builtin_memcpy(&out->version, head + offsetof(struct dm_target_versions, version),
			 sizeof(out->version));
	return advance(r, pos, load_u32(head), end);
}
