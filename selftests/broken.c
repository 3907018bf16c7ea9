/* SPDX-License-Identifier: MIT */
/* The broken target, what all of this kind count, and the table of them. */
#include "selftests/broken.h"

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "selftests/broken_chain.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/targets/targets.h"

#define STALE_BYTES 4096 /* of one write that are kept to be read later */

/* What is done with the block that a stale read will give; atomic */
enum { STALE_NONE, STALE_FILLING, STALE_READY, STALE_TAKEN };

struct broken {
	struct broken_stats *stats; /* first: see broken_stats() */
	struct broken_control *control;
	u64 nr_seen; /* operations that could have been broken; atomic */
	u32 stale_state;
	u64 stale_offset;
	u64 stale_len;
	u8 stale[STALE_BYTES];
};

struct broken_values {
	u32 how;
	u32 every;
	const char *control;
};

/* In the order of enum broken_how */
#define HOWS OPT_CHOICES("not\0flip\0stale\0lost\0torn\0misdirect\0short\0deaf\0twice")

#define BROKEN_PARAMS(X)									\
	X(struct broken_values, how,								\
	  OPT_TEXT("how", "HOW", "what goes wrong") HOWS,					\
	  .kind = OPT_CHOICE)									\
	X(struct broken_values, every,								\
	  OPT_TEXT("every", "N", "once in so many operations; default 100") OPT_LEAST("1"),	\
	  .kind = OPT_U32)									\
	X(struct broken_values, control,							\
	  OPT_TEXT("control", "FILE", "that says so and counts, while it is served"),		\
	  .kind = OPT_STRING)

static void add(u64 *counter, u64 n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

void broken_count(struct broken_stats *s, const struct tgt_op *op)
{
	switch (op->kind) {
	case TGT_READ:
		add(&s->nr_reads, 1);
		add(&s->read_bytes, op->len_bytes);
		break;
	case TGT_WRITE:
		add(&s->nr_writes, 1);
		add(&s->write_bytes, op->len_bytes);
		add(&s->nr_fua, !!(op->flags & TGT_F_FUA));
		break;
	case TGT_FLUSH:
		add(&s->nr_flushes, 1);
		break;
	case TGT_DISCARD:
		add(&s->nr_discards, 1);
		break;
	case TGT_WRITE_ZEROES:
		add(&s->nr_write_zeroes, 1);
		break;
	default:
		add(&s->nr_others, 1);
	}
}

int broken_stats_map(struct broken_stats **stats)
{
	long addr = sys_mmap(NULL, sizeof(**stats), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (addr < 0)
		return (int)addr;
	*stats = (struct broken_stats *)addr;
	return 0;
}

void broken_stats_unmap(struct broken_stats *stats)
{
	if (stats)
		(void)sys_munmap(stats, sizeof(*stats));
}

/* Is it this operation's turn? Only what can be broken is counted. */
static bool is_due(struct broken *b, bool can_be)
{
	u32 every = __atomic_load_n(&b->control->every, __ATOMIC_RELAXED);

	return can_be && every && __atomic_add_fetch(&b->nr_seen, 1, __ATOMIC_RELAXED) % every == 0;
}

/* The child did something else, or less: the requester is told that all is well. */
static enum tgt_status say_all(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, s64 result)
{
	(void)t;
	(void)q;
	return tgt_finish(op, result < 0 ? result : (s64)op->len_bytes);
}

static enum tgt_status flip_bit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op,
				s64 result)
{
	struct broken *b = t->state;
	u64 at = op->len_bytes / 3;
	u8 byte;

	if (result > 0 && !tgt_copy_from_op(op, at, &byte, 1)) {
		byte ^= 0x10;
		if (!tgt_copy_to_op(op, at, &byte, 1))
			add(&b->stats->nr_broken, 1);
	}
	return chain_result(t, q, op, result);
}

static enum tgt_status flipped_reads(struct tgt *t, struct tgt_queue *q, struct tgt_op *op,
				     s64 result)
{
	(void)q;
	(void)result;
	return chain_all(op, is_due(t->state, op->kind == TGT_READ) ? flip_bit : chain_result);
}

static bool stale_goes(struct broken *b, u32 from, u32 to)
{
	return __atomic_compare_exchange_n(&b->stale_state, &from, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

static void stale_is(struct broken *b, u32 state)
{
	__atomic_store_n(&b->stale_state, state, __ATOMIC_RELEASE);
}

/* The old bytes of 512 are put over the new ones, if there are any of this read, and
 * they are others */
static bool put_stale(const struct broken *b, const struct tgt_op *op, u64 at)
{
	u64 to = b->stale_offset + at - op->offset_bytes;
	u8 now[512];

	if (b->stale_offset + at < op->offset_bytes || to + sizeof(now) > op->len_bytes ||
	    tgt_copy_from_op(op, to, now, sizeof(now)) || !memcmp(now, b->stale + at, sizeof(now)))
		return false;
	return !tgt_copy_to_op(op, to, b->stale + at, sizeof(now));
}

static bool has_put_stale(const struct broken *b, const struct tgt_op *op)
{
	bool has_put = false;

	for (u64 at = 0; at < b->stale_len; at += 512)
		has_put |= put_stale(b, op, at);
	return has_put;
}

static enum tgt_status make_stale(struct tgt *t, struct tgt_queue *q, struct tgt_op *op,
				  s64 result)
{
	struct broken *b = t->state;

	if (result <= 0 || !stale_goes(b, STALE_READY, STALE_TAKEN))
		return chain_result(t, q, op, result);
	if (has_put_stale(b, op)) {
		add(&b->stats->nr_broken, 1);
		stale_is(b, STALE_NONE);
	} else {
		stale_is(b, STALE_READY);
	}
	return chain_result(t, q, op, result);
}

/* The old bytes are kept; now what was asked */
static enum tgt_status kept_old(struct tgt *t, struct tgt_queue *q, struct tgt_op *op,
				s64 result)
{
	struct broken *b = t->state;

	(void)q;
	stale_is(b, result == (s64)b->stale_len ? STALE_READY : STALE_NONE);
	return chain_all(op, chain_result);
}

static enum tgt_status keep_old(struct broken *b, struct tgt_op *op)
{
	struct tgt_op *sub = chain_sub(op);

	b->stale_offset = op->offset_bytes;
	b->stale_len = op->len_bytes < STALE_BYTES ? op->len_bytes : STALE_BYTES;
	sub->kind = TGT_READ;
	sub->flags = 0;
	sub->offset_bytes = b->stale_offset;
	sub->len_bytes = b->stale_len;
	tgt_set_mem(sub, b->stale);
	return chain_then(op, kept_old);
}

static enum tgt_status stale_reads(struct tgt *t, struct tgt_queue *q, struct tgt_op *op,
				   s64 result)
{
	struct broken *b = t->state;

	(void)q;
	(void)result;
	if (op->kind == TGT_READ)
		return chain_all(op, make_stale);
	if (is_due(b, op->kind == TGT_WRITE) && stale_goes(b, STALE_NONE, STALE_FILLING))
		return keep_old(b, op);
	return chain_all(op, chain_result);
}

static enum tgt_status lost_writes(struct tgt *t, struct tgt_queue *q, struct tgt_op *op,
				   s64 result)
{
	struct broken *b = t->state;

	(void)q;
	(void)result;
	if (!is_due(b, op->kind == TGT_WRITE))
		return chain_all(op, chain_result);
	add(&b->stats->nr_broken, 1);
	return tgt_finish(op, (s64)op->len_bytes);
}

static bool can_halve(const struct tgt *t, const struct tgt_op *op)
{
	return op->data.nr_pieces == 1 && op->len_bytes >> t->limits.logical_shift > 1;
}

static enum tgt_status halve(struct tgt *t, struct tgt_op *op, chain_fn *next)
{
	u32 shift = t->limits.logical_shift;
	struct broken *b = t->state;
	struct tgt_op *sub = chain_sub(op);

	add(&b->stats->nr_broken, 1);
	sub->offset_bytes = op->offset_bytes;
	sub->len_bytes = op->len_bytes >> (shift + 1) << shift;
	sub->piece = (struct tgt_piece){ op->data.pieces[0].at, sub->len_bytes };
	sub->data = op->data;
	sub->data.pieces = &sub->piece;
	return chain_then(op, next);
}

static enum tgt_status torn_writes(struct tgt *t, struct tgt_queue *q, struct tgt_op *op,
				   s64 result)
{
	(void)q;
	(void)result;
	if (is_due(t->state, op->kind == TGT_WRITE && can_halve(t, op)))
		return halve(t, op, say_all);
	return chain_all(op, chain_result);
}

static enum tgt_status short_ones(struct tgt *t, struct tgt_queue *q, struct tgt_op *op,
				  s64 result)
{
	bool moves = op->kind == TGT_WRITE || op->kind == TGT_READ;

	(void)q;
	(void)result;
	if (is_due(t->state, moves && can_halve(t, op)))
		return halve(t, op, chain_result);
	return chain_all(op, chain_result);
}

/* Its own length to the right, or to the left at the end of the disk */
static enum tgt_status misdirected_writes(struct tgt *t, struct tgt_queue *q, struct tgt_op *op,
					  s64 result)
{
	bool fits_right = op->offset_bytes + 2 * op->len_bytes <= t->limits.size_bytes;
	bool fits = fits_right || op->offset_bytes >= op->len_bytes;
	struct broken *b = t->state;
	struct tgt_op *sub;

	(void)q;
	(void)result;
	if (!is_due(b, op->kind == TGT_WRITE && fits))
		return chain_all(op, chain_result);
	add(&b->stats->nr_broken, 1);
	sub = chain_sub(op);
	sub->offset_bytes = fits_right ? op->offset_bytes + op->len_bytes :
					 op->offset_bytes - op->len_bytes;
	sub->len_bytes = op->len_bytes;
	sub->data = op->data;
	return chain_then(op, say_all);
}

static enum tgt_status say_success(struct tgt *t, struct tgt_queue *q, struct tgt_op *op,
				   s64 result)
{
	struct broken *b = t->state;
	bool moves = op->kind == TGT_WRITE || op->kind == TGT_READ;

	(void)q;
	if (!is_due(b, result < 0))
		return tgt_finish(op, result);
	add(&b->stats->nr_broken, 1);
	return tgt_finish(op, moves ? (s64)op->len_bytes : 0);
}

static enum tgt_status deaf(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, s64 result)
{
	(void)t;
	(void)q;
	(void)result;
	return chain_all(op, say_success);
}

static enum tgt_status intact(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, s64 result)
{
	(void)t;
	(void)q;
	(void)result;
	return chain_all(op, chain_result);
}

static enum tgt_status broken_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	static chain_fn *const ways[] = {
		[BROKEN_NOT] = intact,	       [BROKEN_FLIP] = flipped_reads,
		[BROKEN_STALE] = stale_reads,  [BROKEN_LOST] = lost_writes,
		[BROKEN_TORN] = torn_writes,   [BROKEN_MISDIRECT] = misdirected_writes,
		[BROKEN_SHORT] = short_ones,   [BROKEN_DEAF] = deaf,
		[BROKEN_TWICE] = intact,
	};
	struct broken *b = t->state;
	enum tgt_status status;

	u32 how = __atomic_load_n(&b->control->how, __ATOMIC_RELAXED);

	broken_count(b->stats, op);
	status = chain_run(t, q, op, ways[how < ARRAY_SIZE(ways) ? how : BROKEN_NOT]);
	if (is_due(b, how == BROKEN_TWICE && status == TGT_DONE)) {
		add(&b->stats->nr_broken, 1);
		tgt_complete(q, op, op->result);
	}
	return status;
}

/* In memory that those see who were forked from here, or in a file */
static int map_control(struct broken *b, const char *path)
{
	int flags = path ? MAP_SHARED : MAP_SHARED | MAP_ANONYMOUS;
	long addr = 0;
	int fd = -1;

	if (path) {
		fd = sys_openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		addr = fd < 0 ? fd : sys_ftruncate(fd, sizeof(*b->control));
	}
	if (!addr)
		addr = sys_mmap(NULL, sizeof(*b->control), PROT_READ | PROT_WRITE, flags, fd, 0);
	if (fd >= 0)
		(void)sys_close(fd);
	if (addr < 0)
		return (int)addr;
	b->control = (struct broken_control *)addr;
	b->stats = &b->control->stats;
	return 0;
}

static int broken_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	const struct broken_values *v = values;
	struct broken *b = t->state;
	int err = map_control(b, v->control);

	(void)arg;
	if (err)
		return diag_set(why, err, "no memory for its counters");
	b->control->how = v->how;
	b->control->every = v->every ? v->every : 100;
	chain_open(t, 2);
	return 0;
}

static void broken_close(struct tgt *t)
{
	struct broken *b = t->state;

	(void)sys_munmap(b->control, sizeof(*b->control));
}

static const struct tgt_type broken_target = {
	.name = "broken",
	.summary = "goes wrong in a known way, for tests of tests",
	.params = OPT_TABLE(BROKEN_PARAMS),
	.values_bytes = sizeof(struct broken_values),
	.state_bytes = sizeof(struct broken),
	.min_children = 1,
	.max_children = 1,
	.open = broken_open,
	.close = broken_close,
	.submit = broken_submit,
};

const struct tgt_type *const broken_types[] = {
#define TARGET(name) &name##_target,
#include "ublk/targets/list.h"
#undef TARGET
	&broken_target,
	&cachesim_target,
	&delay_target,
	&elastic_target,
	&fail_target,
	&mangle_target,
	&mirror_disordered_target,
	&mirror_live_target,
	&mirror_unlocked_target,
	NULL,
};

struct broken_stats *broken_stats(const struct tgt_tree *tree)
{
	for (u32 i = 0; i < tree->nr; i++) {
		const struct tgt *t = &tree->nodes[i];

		if (t->type == &broken_target || t->type == &cachesim_target)
			return *(struct broken_stats *const *)t->state;
	}
	return NULL;
}
