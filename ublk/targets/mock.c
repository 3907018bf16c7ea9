/* SPDX-License-Identifier: MIT */
/* A target that writes down what it is asked for and answers as it is told. */
#include "ublk/targets/mock.h"

#include <asm/errno.h>

#include "uapi/rt/mem.h"
#include "uapi/rt/pages.h"
#include "uapi/sys.h"

struct mock {
	struct tgt_mock *m;
};

static struct tgt_mock *mock_of(const struct tgt *t)
{
	return ((const struct mock *)t->state)->m;
}

/* Acquire, with the release in unlock(): the list as the last one left it */
static void lock(struct tgt_mock *m)
{
	while (__atomic_exchange_n(&m->is_locked, 1, __ATOMIC_ACQUIRE))
		(void)sys_sched_yield();
}

static void unlock(struct tgt_mock *m)
{
	__atomic_store_n(&m->is_locked, 0, __ATOMIC_RELEASE);
}

static u64 hash_more(u64 hash, const u8 *mem, u64 len_bytes)
{
	for (; len_bytes; len_bytes--)
		hash = (hash ^ *mem++) * 0x100000001b3ULL; /* FNV's prime */
	return hash;
}

#define HASH_BEGIN 0xcbf29ce484222325ULL /* FNV-1a's offset basis */

u64 tgt_mock_hash(const void *mem, u64 len_bytes)
{
	return hash_more(HASH_BEGIN, mem, len_bytes);
}

static u64 hash_op(const struct tgt_op *op)
{
	u64 hash = HASH_BEGIN;
	u8 some[512];

	for (u64 at = 0; at < op->len_bytes; at += sizeof(some)) {
		u64 left = op->len_bytes - at;
		u64 len = left < sizeof(some) ? left : sizeof(some);

		if (tgt_copy_from_op(op, at, some, len))
			return 0;
		hash = hash_more(hash, some, len);
	}
	return hash;
}

static void write_down(struct tgt_mock *m, const struct tgt_queue *q, const struct tgt_op *op)
{
	u32 nr = __atomic_fetch_add(&m->nr_ops, 1, __ATOMIC_RELAXED);

	if (nr >= m->max_log)
		return;
	m->log[nr] = (struct tgt_mock_op){
		.kind = op->kind,
		.flags = op->flags,
		.queue_idx = q->idx,
		.nr_pieces = op->data.nr_pieces,
		.offset_bytes = op->offset_bytes,
		.len_bytes = op->len_bytes,
		.data_hash = m->hashes && op->kind == TGT_WRITE ? hash_op(op) : 0,
	};
}

static bool is_about(const struct tgt_mock_rule *r, const struct tgt_op *op)
{
	if (r->kind != TGT_MOCK_ANY && r->kind != op->kind)
		return false;
	return !r->end_bytes || (op->offset_bytes < r->end_bytes &&
				 op->offset_bytes + op->len_bytes > r->begin_bytes);
}

static const struct tgt_mock_rule *find_rule(struct tgt_mock *m, const struct tgt_op *op)
{
	const struct tgt_mock_rule *hit = NULL;

	for (u32 i = 0; i < m->nr_rules; i++) {
		struct tgt_mock_rule *r = &m->rules[i];
		u32 nr;

		if (!is_about(r, op))
			continue;
		nr = __atomic_add_fetch(&r->nr_seen, 1, __ATOMIC_RELAXED);
		if (!hit && (!r->nth || r->nth == nr))
			hit = r;
	}
	return hit;
}

static s64 mock_move(struct tgt_mock *m, const struct tgt_op *op)
{
	char *at = m->mem ? (char *)m->mem + op->offset_bytes : NULL;
	int err = 0;

	if (op->kind == TGT_READ)
		err = at ? tgt_copy_to_op(op, 0, at, op->len_bytes) :
			   tgt_zero_op(op, 0, op->len_bytes);
	else if (at)
		err = tgt_copy_from_op(op, 0, at, op->len_bytes);
	return err ? err : (s64)op->len_bytes;
}

static s64 mock_do(struct tgt_mock *m, const struct tgt_op *op)
{
	if (op->kind == TGT_READ || op->kind == TGT_WRITE)
		return mock_move(m, op);
	if (op->kind != TGT_DISCARD && op->kind != TGT_WRITE_ZEROES)
		return op->kind == TGT_FLUSH ? 0 : -EOPNOTSUPP;
	if (m->mem)
		memset((char *)m->mem + op->offset_bytes, 0, op->len_bytes);
	return 0;
}

static enum tgt_status mock_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct tgt_mock *m = mock_of(t);
	const struct tgt_mock_rule *r = find_rule(m, op);

	write_down(m, q, op);
	if (!r || !r->holds)
		return tgt_finish(op, r && r->err ? r->err : mock_do(m, op));
	op->scratch[0] = (u64)(s64)r->err;
	op->next = NULL;
	lock(m);
	*m->held_last = op;
	m->held_last = &op->next;
	m->nr_held++;
	unlock(m);
	return TGT_PENDING;
}

bool tgt_mock_release(struct tgt_mock *m, u32 nth)
{
	struct tgt_op **at = &m->held;
	struct tgt_op *op;
	s64 err;

	lock(m);
	for (; *at && nth; nth--)
		at = &(*at)->next;
	op = *at;
	if (op) {
		*at = op->next;
		if (!op->next)
			m->held_last = at;
		m->nr_held--;
	}
	unlock(m);
	if (!op)
		return false;
	err = (s64)op->scratch[0];
	tgt_complete(op->slab->queue, op, err ? err : mock_do(m, op));
	return true;
}

u32 tgt_mock_nr_logged(const struct tgt_mock *m)
{
	u32 nr = __atomic_load_n(&m->nr_ops, __ATOMIC_RELAXED);

	return nr < m->max_log ? nr : m->max_log;
}

u32 tgt_mock_count(const struct tgt_mock *m, u8 kind)
{
	u32 nr = 0;

	for (u32 i = tgt_mock_nr_logged(m); i-- > 0;)
		nr += kind == TGT_MOCK_ANY || m->log[i].kind == kind;
	return nr;
}

void tgt_mock_forget(struct tgt_mock *m)
{
	__atomic_store_n(&m->nr_ops, 0, __ATOMIC_RELAXED);
	for (u32 i = 0; i < m->nr_rules; i++)
		__atomic_store_n(&m->rules[i].nr_seen, 0, __ATOMIC_RELAXED);
}

static int mock_queue_init(struct tgt *t, struct tgt_queue *q)
{
	(void)q;
	__atomic_fetch_add(&mock_of(t)->nr_queues, 1, __ATOMIC_RELAXED);
	return 0;
}

static void mock_queue_exit(struct tgt *t, struct tgt_queue *q)
{
	(void)q;
	__atomic_fetch_sub(&mock_of(t)->nr_queues, 1, __ATOMIC_RELAXED);
}

static int mock_resize(struct tgt *t, u64 size_bytes, struct diag *why)
{
	u64 max = mock_of(t)->max_size_bytes;

	if (size_bytes > max)
		return diag_set(why, -ENOSPC, "mock: up to %llu bytes", max);
	__atomic_store_n(&t->limits.size_bytes, size_bytes, __ATOMIC_RELAXED);
	return 0;
}

/* Not in targets/list.h: no spec can name it. */
static const struct tgt_type fixed_type = {
	.name = "mock",
	.state_bytes = sizeof(struct mock),
	.queue_init = mock_queue_init,
	.queue_exit = mock_queue_exit,
	.submit = mock_submit,
};

static const struct tgt_type resizable_type = {
	.name = "mock",
	.state_bytes = sizeof(struct mock),
	.queue_init = mock_queue_init,
	.queue_exit = mock_queue_exit,
	.submit = mock_submit,
	.resize = mock_resize,
};

int tgt_mock_open(struct tgt_tree *tree, struct tgt_mock *m, struct diag *why)
{
	u64 state_at = (sizeof(struct tgt) + 63) & ~63ULL;
	struct tgt_limits limits = m->limits;
	struct pages mem;
	struct tgt *t;
	int err;

	*tree = (struct tgt_tree){ .root = NULL };
	limits.logical_shift = limits.logical_shift ? limits.logical_shift : 9;
	if (limits.physical_shift < limits.logical_shift)
		limits.physical_shift = limits.logical_shift;
	if (!limits.size_bytes || limits.size_bytes & ((1ULL << limits.logical_shift) - 1))
		return diag_set(why, -EINVAL, "a size of %llu bytes: not a multiple of %u above zero",
				limits.size_bytes, 1U << limits.logical_shift);
	err = pages_map(&mem, state_at + sizeof(struct mock));
	if (err)
		return diag_set(why, err, "no memory for the mock");
	m->held = NULL;
	m->held_last = &m->held;
	t = mem.addr;
	t->type = m->max_size_bytes ? &resizable_type : &fixed_type;
	t->submit = mock_submit;
	t->state = (char *)mem.addr + state_at;
	((struct mock *)t->state)->m = m;
	t->limits = limits;
	t->data_kinds = 1 << TGT_DATA_MEM | 1 << TGT_DATA_FILE;
	t->needs_snapshot = m->needs_snapshot;
	*tree = (struct tgt_tree){
		.root = t,
		.nr = 1,
		.nodes = t,
		.mem = mem.addr,
		.mem_len_bytes = mem.len_bytes,
	};
	return 0;
}
