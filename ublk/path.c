/* SPDX-License-Identifier: MIT */
/* Which path a device takes. */
#include "ublk/path.h"

#include <asm/errno.h>

#include "uapi/rt/str.h"
#include "ublk/dev.h"

static const struct ublk_path *const paths[] = {
	[UBLK_MODE_COPY] = &ublk_path_copy,
	[UBLK_MODE_GET_DATA] = &ublk_path_get_data,
	[UBLK_MODE_USER_COPY] = &ublk_path_user_copy,
	[UBLK_MODE_USER_COPY_RING] = &ublk_path_user_copy_ring,
	[UBLK_MODE_ZERO_COPY] = &ublk_path_zero_copy,
	[UBLK_MODE_AUTO_BUF_REG] = &ublk_path_auto_buf_reg,
};

/*
 * In the order of their speed, for a target that suits them. A RAM disk's thousand
 * requests per second, reads / writes (make bench-paths, Linux 7.3):
 *
 *			4K, alone	4K		64K
 *	get-data	41.6 / 38.5	107 / 95	33.1 / 33.1
 *	user-copy	40.2 / 39.5	99 / 95		32.3 / 32.8
 *	copy		40.6 / 39.4	99 / 94		23.0 / 23.7
 *
 * So no size wants another one but a write of 4K that is alone, by 2.5 percent:
 * it waits for an answer, the question for its place being one for all of a device's
 * writes. With the commit linked to the question it would not, but then a write
 * of which only a part has come would count as done.
 */
static const u8 by_speed[] = {
	UBLK_MODE_AUTO_BUF_REG, UBLK_MODE_ZERO_COPY, UBLK_MODE_GET_DATA,
	UBLK_MODE_USER_COPY,	UBLK_MODE_COPY,
};

/* What a path gives is what the target takes, without a bounce */
static bool suits(const struct ublk_path *path, const struct tgt *tgt)
{
	if (path == &ublk_path_get_data)
		return tgt->direct;
	return tgt->data_kinds >> path->kind & 1;
}

/* Zones and metadata are reached by some paths only. */
static bool serves(const struct ublk_path *path, const struct tgt_limits *l)
{
	if (l->meta.bytes)
		return path->flags & UBLK_F_USER_COPY;
	return !l->zones.zone_bytes ||
	       (path->flags & (UBLK_F_USER_COPY | UBLK_F_SUPPORT_ZERO_COPY));
}

/* Why it does not go with what the device has to have, UBLK_F_*; NULL: it does. What is
 * asked for or registered is not told to lie in shared memory; a batch of commands cannot
 * ask for data; and a buffer is registered with the ring that fetches, by a number that
 * another ring's commit has given. */
static const char *why_never(const struct ublk_path *path, u64 with)
{
	if (with & UBLK_F_SHMEM_ZC &&
	    path->flags & (UBLK_F_NEED_GET_DATA | UBLK_F_SUPPORT_ZERO_COPY))
		return "not with shared memory";
	if (!(with & UBLK_F_BATCH_IO))
		return NULL;
	if (path->flags & UBLK_F_NEED_GET_DATA)
		return "not with batched commands";
	if (with & UBLK_F_PER_IO_DAEMON && path->flags & UBLK_F_AUTO_BUF_REG)
		return "not with batched commands and more threads than queues";
	return NULL;
}

/* The kernel does not keep how many threads fetch batches, but what was chosen tells. */
static u64 with_of(const struct ublk_kept *k)
{
	u64 with = k->info->flags & (UBLK_F_BATCH_IO | UBLK_F_SHMEM_ZC);

	if ((k->info->ublksrv_flags & UBLK_MARK_MODE) == UBLK_MODE_ZERO_COPY)
		with |= UBLK_F_PER_IO_DAEMON;
	return with;
}

static const char *why_not(const struct ublk_path *path, const struct ublk_kept *k)
{
	struct tgt_limits l = { .meta.bytes = k->params->integrity.metadata_size,
				.zones.zone_bytes = k->params->zoned.max_zone_append_sectors };

	if (path->flags & ~k->features)
		return "this kernel lacks it";
	if (path->flags & UBLK_PRIVILEGED_PATHS && k->info->flags & UBLK_F_UNPRIVILEGED_DEV)
		return "not for an unprivileged device";
	if (!serves(path, &l))
		return l.meta.bytes ? "not for a disk with metadata" : "not for a disk with zones";
	return why_never(path, with_of(k)) ?: "not for such a target";
}

enum ublk_mode ublk_mode_faster(u32 nr, const struct ublk_kept *k, const char **why)
{
	u64 how = k->info->ublksrv_flags;
	u32 mode = nr < ARRAY_SIZE(by_speed) ? by_speed[nr] : UBLK_MODE_AUTO;

	for (u32 i = 0; i <= nr; i++)
		if (how & UBLK_MARK_ASKED || i >= ARRAY_SIZE(by_speed) ||
		    by_speed[i] == (how & UBLK_MARK_MODE))
			return UBLK_MODE_AUTO;
	*why = why_not(paths[mode], k);
	return mode;
}

const char *ublk_mode_name(enum ublk_mode mode)
{
	return mode < ARRAY_SIZE(paths) && paths[mode] ? paths[mode]->name : NULL;
}

u32 ublk_mode_of(const struct ublk_path *path)
{
	u32 mode = UBLK_MODE_COPY;

	while (paths[mode] != path)
		mode++;
	return mode;
}

const struct ublk_path *ublk_path_choose(u32 wanted, const struct tgt *tgt, u64 features,
					 u64 with, struct diag *why)
{
	const struct tgt_limits *l = &tgt->limits;

	if (wanted != UBLK_MODE_AUTO) {
		const char *never = why_never(paths[wanted], with);

		if (never) {
			diag_set(why, -EINVAL, "mode %s: %s", paths[wanted]->name, never);
			return NULL;
		}
		if (serves(paths[wanted], l))
			return paths[wanted];
		diag_set(why, -EINVAL, "mode %s: a disk with %s wants user-copy", paths[wanted]->name,
			 l->meta.bytes ? "metadata" : "zones");
		return NULL;
	}
	for (u32 i = 0; i < ARRAY_SIZE(by_speed); i++) {
		const struct ublk_path *path = paths[by_speed[i]];

		if (serves(path, l) && suits(path, tgt) && !(path->flags & ~features) &&
		    !why_never(path, with))
			return path;
	}
	return l->zones.zone_bytes || l->meta.bytes ? &ublk_path_user_copy : &ublk_path_copy;
}
