/* SPDX-License-Identifier: MIT */
/*
 * bareblk-shadow: uses a block device that somebody else serves, and judges
 * every byte of it by the oracle.
 *
 * The blocks that are judged lie in windows, which may be far apart on the disk:
 * the oracle's offsets are those of the windows one behind the other. A range
 * operation that begins in one window and ends in another takes what lies
 * between them along, where nobody ever writes.
 *
 * Each worker is a process with its own open file, and has some lanes: ranges
 * with one operation in flight at a time. What all processes see is one struct
 * shadow in shared memory.
 */
#ifndef SELFTESTS_SHADOW_SHADOW_H
#define SELFTESTS_SHADOW_SHADOW_H

#include "selftests/oracle.h"
#include "uapi/rt/diag.h"
#include "uapi/types.h"

#define SHADOW_MAX_WORKERS 4
#define SHADOW_MAX_LANES 128
#define SHADOW_MAX_WINDOWS 512
#define SHADOW_MEM_BYTES (16U << 20) /* of each worker */

/* What the disk is like; --kind=WORD in this order */
enum shadow_kind {
	SHADOW_RAM,   /* it keeps what is written */
	SHADOW_NULL,  /* it reads as zeroes */
	SHADOW_ZONED, /* a window is a zone, written from its beginning */
};

/**
 * struct shadow_plan - what was asked for
 * @disk:     its node
 * @memory:   a file that holds what is written and read, for a disk that shares it
 * @control:  file of a "broken" target that serves the disk: see main.c
 * @how:      enum broken_how of it; 0: one after the other
 * @time_ns:  how long the workers work
 * @catch_ns: within which they find what is wrong
 * @until:    a file: they end when it is there
 * @until_gone: the device goes away meanwhile; workers end by that
 * @may_fail: EIO is an answer that operations may have, as of a disk whose server dies
 * @cached:   a fault of the test: what is read back comes from the page cache
 */
struct shadow_plan {
	const char *disk;
	const char *memory;
	const char *control;
	u32 how;
	u32 kind;
	u32 nr_workers;
	u32 nr_lanes;
	u32 nr_windows;
	u64 block_bytes;
	u64 window_bytes;
	u64 stride_bytes;
	u64 time_ns;
	u64 catch_ns;
	u64 seed;
	bool buffered;
	const char *until;
	bool until_gone;
	bool may_fail;
	bool cached;
	bool help;
};

struct shadow_report {
	u64 nr_reads;
	u64 read_bytes; /* that did not come from the page cache */
	u64 nr_writes;
	u64 nr_ranges;
	u64 nr_flushes;
	u64 nr_failures; /* that may be */
	s32 err;
	struct diag why;
};

struct shadow {
	struct shadow_plan plan;
	struct oracle o;
	u32 stop; /* atomic: somebody has found something */
	u32 nr_works; /* how often there was work: each time with other operations */
	u64 end_ns;
	u64 begun_bytes[SHADOW_MAX_WINDOWS]; /* of a zone, how much is written */
	struct shadow_report reports[SHADOW_MAX_WORKERS];
};

/* A part of a run, in a process of its own; 0, or -errno with reports[idx].why */
typedef int shadow_fn(struct shadow *s, u32 idx);

shadow_fn shadow_work;   /* random operations until end_ns */
shadow_fn shadow_ranges; /* discard and zero nearly all of the disk at once */
shadow_fn shadow_verify; /* read everything, what lies between the windows in samples */

/* shadow_at() - place on the disk of a byte of the oracle's */
u64 shadow_at(const struct shadow_plan *p, u64 offset_bytes);

/* shadow_do() - what moves no bytes, all of it: asked for, and noted */
NODISCARD int shadow_do(struct shadow *s, u32 idx, int fd, const struct oracle_op *op);

/* shadow_check() - judge what was read */
NODISCARD int shadow_check(struct shadow *s, u64 offset_bytes, const void *mem, u64 len_bytes,
			   struct diag *why);

/* shadow_failed() - an operation's answer was not that it was done: -EIO, or 0 where it may
 * have failed */
int shadow_failed(struct shadow *s, u32 idx, const struct oracle_op *op, s64 res);

/* shadow_open() - the disk, for reading and writing; O_DIRECT unless @cached */
NODISCARD int shadow_open(struct shadow *s, u32 idx, bool cached);

u64 shadow_now_ns(void);

#endif
