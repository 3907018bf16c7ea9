/* SPDX-License-Identifier: MIT */
/* Generations of blocks, and what a block that was read is. */
#include "selftests/oracle.h"

#include <asm/errno.h>
#include <linux/mman.h>

#include "uapi/rt/fmt.h"
#include "uapi/sys.h"

#define BLOCK_MAGIC 0x6f7261636c653031ULL

/* What a block begins with; the rest is payload */
struct head {
	u64 magic;
	u64 seed;
	u64 block;
	u64 generation;
};

#define HEAD_WORDS (sizeof(struct head) / sizeof(u64))

u64 oracle_random(u64 *state)
{
	/* xorshift64*, Vigna 2014 */
	u64 x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1dULL;
}

u64 oracle_below(u64 *state, u64 end)
{
	return (oracle_random(state) >> 16) % end;
}

int oracle_init(struct oracle *o, u64 size_bytes, u32 block_bytes, u64 seed)
{
	long addr;

	*o = (struct oracle){
		.seed = seed,
		.size_bytes = size_bytes,
		.block_bytes = block_bytes,
		.epoch = 1,
		.zeroes_after_discard = true,
	};
	if (block_bytes < 512 || (block_bytes & (block_bytes - 1)) || !size_bytes ||
	    size_bytes % block_bytes)
		return -EINVAL;
	o->mem_len_bytes = size_bytes / block_bytes * sizeof(struct oracle_block);
	addr = sys_mmap(NULL, o->mem_len_bytes, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (addr < 0)
		return (int)addr;
	o->blocks = (struct oracle_block *)addr;
	return 0;
}

void oracle_exit(struct oracle *o)
{
	if (o->blocks)
		(void)sys_munmap(o->blocks, o->mem_len_bytes);
	*o = (struct oracle){ .blocks = NULL };
}

/* Where the payload's sequence of numbers begins */
static u64 payload_state(const struct oracle *o, u64 block, u64 generation)
{
	return (o->seed ^ block * 0x9e3779b97f4a7c15ULL ^ generation << 40) | 1;
}

static void fill(const struct oracle *o, u64 block, u32 generation, u64 *words)
{
	struct head *head = (struct head *)words;
	u64 state = payload_state(o, block, generation);

	*head = (struct head){ BLOCK_MAGIC, o->seed, block, generation };
	for (u32 i = HEAD_WORDS; i < o->block_bytes / sizeof(u64); i++)
		words[i] = oracle_random(&state);
}

/* The blocks of a range, one after the other */
#define for_each_block(o, b, offset_bytes, len_bytes)                 \
	for (u64 b = (offset_bytes) / (o)->block_bytes;               \
	     b < ((offset_bytes) + (len_bytes)) / (o)->block_bytes; b++)

static u32 next_generation(struct oracle_block *b)
{
	b->newest = ++b->issued;
	return b->newest;
}

void oracle_write_begin(struct oracle *o, u64 offset_bytes, void *mem, u64 len_bytes)
{
	u64 *words = mem;

	for_each_block(o, i, offset_bytes, len_bytes) {
		fill(o, i, next_generation(&o->blocks[i]), words);
		words += o->block_bytes / sizeof(u64);
	}
}

static u32 epoch_of(const struct oracle *o)
{
	return __atomic_load_n(&o->epoch, __ATOMIC_ACQUIRE);
}

void oracle_write_end(struct oracle *o, u64 offset_bytes, u64 len_bytes, bool ok, bool fua)
{
	u32 epoch = epoch_of(o);

	if (!ok)
		return;
	for_each_block(o, i, offset_bytes, len_bytes) {
		struct oracle_block *b = &o->blocks[i];

		b->oldest = b->newest;
		b->acked_at = epoch;
		if (fua)
			b->durable = b->newest;
	}
}

void oracle_zero_begin(struct oracle *o, u64 offset_bytes, u64 len_bytes)
{
	for_each_block(o, i, offset_bytes, len_bytes)
		o->blocks[i].zero = next_generation(&o->blocks[i]);
}

void oracle_zero_end(struct oracle *o, u64 offset_bytes, u64 len_bytes, bool ok, bool is_discard)
{
	if (is_discard && !o->zeroes_after_discard) {
		for_each_block(o, i, offset_bytes, len_bytes) {
			o->blocks[i].oldest = 0;
			o->blocks[i].durable = 0;
		}
		return;
	}
	oracle_write_end(o, offset_bytes, len_bytes, ok, false);
}

u32 oracle_flush_begin(struct oracle *o)
{
	return __atomic_fetch_add(&o->epoch, 1, __ATOMIC_ACQ_REL);
}

void oracle_flush_end(struct oracle *o, u32 token, bool ok)
{
	if (!ok)
		return;
	for_each_block(o, i, 0, o->size_bytes) {
		struct oracle_block *b = &o->blocks[i];

		if (b->acked_at <= token && b->durable < b->oldest)
			b->durable = b->oldest;
	}
}

void oracle_power_cut(struct oracle *o)
{
	for_each_block(o, i, 0, o->size_bytes)
		o->blocks[i].oldest = o->blocks[i].durable;
}

static bool is_zero(const u64 *words, u32 nr_words)
{
	for (u32 i = 0; i < nr_words; i++)
		if (words[i])
			return false;
	return true;
}

/* A read has shown which of several generations it is: no other may come. */
static void settle(struct oracle_block *b, u32 generation)
{
	if (b->oldest == b->newest)
		return;
	b->oldest = generation;
	b->newest = generation;
	if (b->durable > generation)
		b->durable = generation;
	if (b->zero > generation)
		b->zero = 0;
}

static int wrong(const struct oracle *o, u64 block, const u64 *words, struct diag *why)
{
	const struct oracle_block *b = &o->blocks[block];
	const struct head *head = (const struct head *)words;
	char want[48];
	size_t len = fmt_print(want, sizeof(want), "%u", b->oldest);

	if (b->oldest != b->newest)
		fmt_print(want + len, sizeof(want) - len, " to %u", b->newest);
	if (is_zero(words, o->block_bytes / sizeof(u64)))
		return diag_set(why, -EILSEQ, "block %llu (seed %llu): zeroes instead of "
				"generation %s", block, o->seed, want);
	if (head->magic != BLOCK_MAGIC || head->seed != o->seed)
		return diag_set(why, -EILSEQ, "block %llu (seed %llu): not ours, instead of "
				"generation %s", block, o->seed, want);
	if (head->block != block)
		return diag_set(why, -EILSEQ, "block %llu (seed %llu): this is block %llu, "
				"generation %llu; misdirected", block, o->seed, head->block,
				head->generation);
	return diag_set(why, -EILSEQ, "block %llu (seed %llu): generation %llu instead of %s; "
			"stale or lost", block, o->seed, head->generation, want);
}

static int check_block(struct oracle *o, u64 block, const u64 *words, struct diag *why)
{
	struct oracle_block *b = &o->blocks[block];
	const struct head *head = (const struct head *)words;
	u32 nr_words = o->block_bytes / (u32)sizeof(u64);
	u64 state;

	if (b->zero >= b->oldest && b->zero <= b->newest && is_zero(words, nr_words)) {
		settle(b, b->zero);
		return 0;
	}
	if (head->magic != BLOCK_MAGIC || head->seed != o->seed || head->block != block ||
	    head->generation < b->oldest || head->generation > b->newest)
		return wrong(o, block, words, why);
	state = payload_state(o, block, head->generation);
	for (u32 i = HEAD_WORDS; i < nr_words; i++)
		if (words[i] != oracle_random(&state))
			return diag_set(why, -EILSEQ, "block %llu (seed %llu): generation %llu, but "
					"byte %zu and on differ; torn or altered", block, o->seed,
					head->generation, i * sizeof(u64));
	settle(b, (u32)head->generation);
	return 0;
}

int oracle_check(struct oracle *o, u64 offset_bytes, const void *mem, u64 len_bytes,
		 struct diag *why)
{
	const u64 *words = mem;

	__atomic_fetch_add(&o->nr_checked, len_bytes / o->block_bytes, __ATOMIC_RELAXED);
	for_each_block(o, i, offset_bytes, len_bytes) {
		int err = check_block(o, i, words, why);

		if (err)
			return err;
		words += o->block_bytes / sizeof(u64);
	}
	return 0;
}

static enum oracle_kind pick_kind(u64 *state, const struct oracle_mix *mix)
{
	const u32 weights[] = {
		[ORACLE_READ] = mix->read,	 [ORACLE_WRITE] = mix->write,
		[ORACLE_FLUSH] = mix->flush,	 [ORACLE_DISCARD] = mix->discard,
		[ORACLE_ZERO] = mix->zero,
	};
	u64 sum = (u64)mix->read + mix->write + mix->flush + mix->discard + mix->zero;
	u64 at = oracle_below(state, sum);
	u32 kind = ORACLE_READ;

	while (at >= weights[kind])
		at -= weights[kind++];
	return (enum oracle_kind)kind;
}

void oracle_pick(const struct oracle *o, u64 *state, const struct oracle_mix *mix, u64 begin_bytes,
		 u64 end_bytes, struct oracle_op *op)
{
	u64 nr = (end_bytes - begin_bytes) / o->block_bytes;
	u64 most = nr < mix->max_blocks ? nr : mix->max_blocks;
	u64 len = 1 + oracle_below(state, most);
	u64 at = oracle_below(state, nr - len + 1);

	*op = (struct oracle_op){
		.kind = pick_kind(state, mix),
		.fua = oracle_below(state, 16) < mix->fua_of_16,
		.nounmap = oracle_below(state, 2),
	};
	if (op->kind == ORACLE_FLUSH)
		return;
	op->offset_bytes = begin_bytes + at * o->block_bytes;
	op->len_bytes = len * o->block_bytes;
}
