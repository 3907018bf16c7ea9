/* SPDX-License-Identifier: MIT */
/*
 * unlocked: a mirror that locks nothing. Between two queues that write to the same place, and
 * between what is read to be copied and its writing, are instants that others seldom hit; so it
 * sleeps there, before it asks the second leg, and lets them come.
 */
#include <linux/time_types.h>

#include "uapi/sys.h"
#include "ublk/targets/blocks.h"

static bool take_nothing(struct blocks *b, struct blocks_wait *w, u64 first, u64 nr)
{
	(void)b;
	*w = (struct blocks_wait){ .first = first, .nr = nr, .is_on = 1 };
	return true;
}

static void give_nothing(struct blocks *b, struct blocks_wait *w)
{
	(void)b;
	(void)w;
}

static enum tgt_status submit_slowly(struct tgt *leg, struct tgt_queue *q, struct tgt_op *op)
{
	struct __kernel_timespec instant = { .tv_nsec = 100000 };

	if (op->kind != TGT_READ && leg == op->parent->tgt->child[1])
		(void)sys_nanosleep(&instant, NULL);
	return tgt_submit(leg, q, op);
}

#define tgt_submit submit_slowly

#define BROKEN_NAME(name) unlocked_##name
#define BROKEN_TARGET mirror_unlocked_target
#define BROKEN_KIND "mirror-unlocked"
#define BROKEN_TAKE take_nothing
#define BROKEN_GIVE give_nothing
#define BROKEN_IS_COPIED mirror_is_copied
#define BROKEN_SNAPSHOT true
#include "selftests/broken_mirror.inc"
