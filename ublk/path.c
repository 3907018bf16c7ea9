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
	if (path->flags & UBLK_F_NEED_GET_DATA && k->info->flags & UBLK_F_BATCH_IO)
		return "not with batched commands";
	return "not for such a target";
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

/* Batched commands cannot ask for data, and what is asked for or registered
 * would not be told to lie in shared memory. */
static u64 not_with(u64 with)
{
	if (with & UBLK_F_SHMEM_ZC)
		return UBLK_F_NEED_GET_DATA | UBLK_F_SUPPORT_ZERO_COPY;
	return with & UBLK_F_BATCH_IO ? UBLK_F_NEED_GET_DATA : 0;
}

const struct ublk_path *ublk_path_choose(u32 wanted, const struct tgt *tgt, u64 features,
					 u64 with, struct diag *why)
{
	const struct tgt_limits *l = &tgt->limits;
	u64 never = not_with(with);

	if (wanted != UBLK_MODE_AUTO) {
		if (paths[wanted]->flags & never) {
			diag_set(why, -EINVAL, "mode %s does not go with %s", paths[wanted]->name,
				 with & UBLK_F_SHMEM_ZC ? "shared memory" : "batched commands");
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

		if (serves(path, l) && suits(path, tgt) && !(path->flags & (~features | never)))
			return path;
	}
	return l->zones.zone_bytes || l->meta.bytes ? &ublk_path_user_copy : &ublk_path_copy;
}
