/* SPDX-License-Identifier: MIT */
/*
 * Between the parts of the mirror: mirror.c has its regions and how it is opened,
 * mirror_change.c and mirror_read.c its I/O, mirror_ask.c what else others ask for,
 * mirror_copy.c and mirror_tidy.c what it does by itself, on queue 0, and mirror_map.c
 * its file. Why it is correct is written in mirror.c.
 */
#ifndef UBLK_TARGETS_MIRROR_PARTS_H
#define UBLK_TARGETS_MIRROR_PARTS_H

#include <linux/time_types.h>

#include "ublk/targets/blocks.h"
#include "ublk/targets/mirror.h"

#define MIRROR_BLOCK_SHIFT 12 /* of what is locked */
#define MIRROR_LANES 4	      /* regions that are copied at a time */
#define MIRROR_PIECE_BYTES (256U << 10)

/* Of a region; one atomic word has all of it (a byte is no atomic thing on riscv64) */
enum {
	MIRROR_STALE = 1,     /* the first leg lacks something; << 1: the second */
	MIRROR_COPYING = 4,   /* it is just getting it */
	MIRROR_UNREADABLE = 8, /* it could not be had */
	MIRROR_INTENT = 16,   /* the legs may differ when the power fails */
	MIRROR_SAVED = 32,    /* and the file says so */
	MIRROR_QUIET = 64,    /* nothing has begun or ended since the last look */
};
#define MIRROR_STALE_ANY (MIRROR_STALE | MIRROR_STALE << 1)

/* What the steps of an entry are */
enum { MIRROR_STEP_LOCK, MIRROR_STEP_LANE, MIRROR_STEP_BELL, MIRROR_STEP_CANCEL,
       MIRROR_STEP_TICK, MIRROR_STEP_TIDY, MIRROR_STEP_SAVED, MIRROR_STEP_SAVE };

/* struct mirror_save - who waits for the file to say what the regions say */
struct mirror_save {
	struct mirror_save *next;
	u32 is_on; /* atomic; a futex: enum below */
	s32 err;
};
enum { MIRROR_SAVE_WAITS, MIRROR_SAVE_DONE, MIRROR_SAVE_YOURSELF };

/**
 * struct mirror_map - the file of bitmap=, see mirror_map.c
 * @fd:      -1: there is none
 * @is_anothers: a server that hands it over still writes it: it is read only to be looked at
 * @image:   what is written next; of whoever saves
 * @waiting: those whose regions the next save is for; @batch: those of this one
 * @first, @end: bytes of the image that have changed since the last save began
 * @saved_failed: struct mirror's failed, as the file has it
 */
struct mirror_map {
	s32 fd;
	u32 is_locked; /* of what follows */
	bool is_saving;
	bool is_anothers;
	struct mirror_save *waiting;
	struct mirror_save *batch;
	u64 first;
	u64 end;
	u64 saving_bytes;
	u32 saving_failed;
	u32 saved_failed; /* atomic */
	u8 *image;
	struct pages mem;
};

/* struct mirror_lane - one region that is copied, piece by piece */
struct mirror_lane {
	struct tgt_op op; /* what the entries and sub-operations belong to */
	struct tgt_slab slab;
	struct blocks_wait wait;
	struct __kernel_timespec pause;
	u64 region;
	u64 at;	 /* the piece */
	u64 len;
	char *buf;
	u8 to; /* which leg */
	u8 state;
	bool is_armed; /* a timeout is under way */
};

/* struct mirror_bell - what waits for the bell, and what tidies up: see mirror_tidy.c */
struct mirror_bell {
	struct tgt_op op;
	struct tgt_slab slab;
	struct mirror_save save;
	struct __kernel_timespec period;
	struct tgt_op *sub[2];
	bool is_armed;
	bool is_last;
};

struct mirror {
	struct blocks blocks;
	u32 *regions;
	u64 nr_regions;
	u64 max_regions;
	u32 region_shift;
	u32 primary;	 /* which leg; atomic, as all that follows */
	u32 failed;	 /* 1 << leg */
	u32 leg_errno[2]; /* what each has failed with last, since it was reconnected */
	u64 nr_stale[2]; /* regions */
	u64 nr_unreadable;
	u64 rate_bytes; /* per second; 0: any */
	bool is_paused;
	u32 bell; /* a futex: home has something to look at */
	u64 copied_bytes;
	u64 total_bytes;
	u64 read_errors;
	u64 met_copying; /* changes that came while a region was copied */
	bool is_ticking; /* atomic: somebody looks what is quiet */
	struct mirror_events events;
	struct mirror_map map;
	struct pages regions_mem;
	struct pages home_mem;

	/* queue 0's own */
	struct tgt_queue *home;
	struct mirror_bell *bell_op; /* not in here: an operation is aligned */
	struct mirror_bell *tidy;
	struct mirror_lane *lanes;
	u64 cursor;
	u64 next_ns; /* when the rate allows more */
	u32 seen_bell;
	u32 percent;
	u32 nr_copying;
	u32 piece_bytes;
};

static inline u64 mirror_smaller(u64 a, u64 b)
{
	return a < b ? a : b;
}

static inline u32 mirror_region(const struct mirror *m, u64 region)
{
	return __atomic_load_n(&m->regions[region], __ATOMIC_SEQ_CST);
}

/* The regions of an operation */
static inline u64 mirror_first(const struct mirror *m, const struct tgt_op *op)
{
	return op->offset_bytes >> m->region_shift;
}

static inline u64 mirror_last(const struct mirror *m, const struct tgt_op *op)
{
	return (op->offset_bytes + op->len_bytes - 1) >> m->region_shift;
}

/* mirror_change() - of a region from @old, which gets what it is now on failure */
bool mirror_change(struct mirror *m, u64 region, u32 *old, u32 now);

/* mirror_is_copied() - what is written there goes to both */
static inline bool mirror_is_copied(u32 region)
{
	return region & MIRROR_COPYING;
}

static inline bool mirror_has_failed(const struct mirror *m, u32 leg)
{
	return __atomic_load_n(&m->failed, __ATOMIC_SEQ_CST) >> leg & 1;
}

/* mirror_leg_fails() - the other goes on without it */
void mirror_leg_fails(struct tgt *t, u32 leg, s32 err);

/* mirror_set_stale() - the leg lacks something there, unless it is the only one that does not */
void mirror_set_stale(struct mirror *m, u64 region, u32 leg);

/* mirror_note_error() - what a leg has said; returns it as -errno */
s32 mirror_note_error(struct mirror *m, u32 leg, s64 result);

/* mirror_sub() - a sub-operation about the same as @op */
struct tgt_op *mirror_sub(struct tgt_op *op, tgt_done_fn *done);

/* Operations: a change is a write, a discard or zeroes; the steps of its entries are
 * MIRROR_STEP_LOCK, and from MIRROR_STEP_SAVED on */
enum tgt_status mirror_read(struct tgt *t, struct tgt_queue *q, struct tgt_op *op);
enum tgt_status mirror_begin_change(struct tgt *t, struct tgt_queue *q, struct tgt_op *op);
enum tgt_status mirror_flush(struct tgt *t, struct tgt_queue *q, struct tgt_op *op);
void mirror_change_cqe(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 step, s32 res);

/* mirror_ring_bell() - queue 0 has something to look at */
void mirror_ring_bell(struct mirror *m);

/* mirror_open_map() - the file, and the state of the regions from it; 1: it is a new one */
NODISCARD int mirror_open_map(struct tgt *t, const char *path, bool is_region_given,
			      struct diag *why);

/* mirror_save_now() - all of it; while no queue runs */
NODISCARD int mirror_save_now(struct tgt *t);
void mirror_close_map(struct tgt *t);

/* For another server: hand_over() and resume() of struct tgt_type */
s32 mirror_hand_over(const struct tgt *t);
int mirror_resume(struct tgt *t, struct diag *why);

/* mirror_map_changed() - these regions are to be saved; mirror_map_all(): all, and the rest */
void mirror_map_changed(struct mirror *m, u64 first, u64 last);
void mirror_map_all(struct mirror *m);

/**
 * mirror_save() - wait until the file has what the regions say now
 * @op: its cqe() comes with MIRROR_STEP_SAVED or MIRROR_STEP_SAVE: mirror_saved() next
 *
 * Return: 0, or -errno: nothing was begun
 */
NODISCARD int mirror_save(struct tgt *t, struct tgt_queue *q, struct tgt_op *op,
			  struct mirror_save *s);

/* mirror_saved() - 1 it has; 0 not yet: it comes again; or -errno */
NODISCARD int mirror_saved(struct tgt *t, struct tgt_queue *q, struct tgt_op *op,
			   struct mirror_save *s, u32 step, s32 res);

/* mirror_tidy_look() - what is quiet needs no mark in a while; on queue 0. True: busy with it */
bool mirror_tidy_look(struct tgt *t, struct tgt_queue *q);
void mirror_tidy_cqe(struct tgt *t, struct tgt_queue *q, u32 step, s32 res);
void mirror_tidy_stop(struct tgt *t, struct tgt_queue *q);

/* Of struct tgt_type */
int mirror_message(struct tgt *t, const char *word, const char *value, struct diag *why);
void mirror_stat(const struct tgt *t, tgt_say_fn *say, void *ctx);
s64 mirror_seek(struct tgt *t, u64 offset_bytes, bool hole);
int mirror_resize(struct tgt *t, u64 size_bytes, struct diag *why);
int mirror_refresh(struct tgt *t, struct diag *why);

NODISCARD int mirror_copy_open(struct tgt *t, struct diag *why);
int mirror_queue_init(struct tgt *t, struct tgt_queue *q);
void mirror_queue_stop(struct tgt *t, struct tgt_queue *q);
void mirror_home_cqe(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 step, s32 res);

#endif
