/* SPDX-License-Identifier: MIT */
/* The disk: where a window is, ranges of it, and reading all of it back. */
#include <asm/errno.h>
#include <linux/blkzoned.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "selftests/blockdev.h"
#include "selftests/shadow/shadow.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/pages.h"
#include "uapi/sys.h"

#define READ_BYTES (1U << 20)
#define SAMPLES 4 /* between two windows */

u64 shadow_now_ns(void)
{
	struct __kernel_timespec ts = { .tv_sec = 0 };

	(void)sys_clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

u64 shadow_at(const struct shadow_plan *p, u64 offset_bytes)
{
	return offset_bytes / p->window_bytes * p->stride_bytes + offset_bytes % p->window_bytes;
}

int shadow_failed(struct shadow *s, u32 idx, const struct oracle_op *op, s64 res)
{
	/* -EREMOTEIO: BLK_STS_TARGET, of a ublk device that fails all while it has no server */
	if (s->plan.may_fail &&
	    (res == -EIO || res == -EREMOTEIO || (res > 0 && (u64)res < op->len_bytes))) {
		s->reports[idx].nr_failures++;
		return 0;
	}
	return diag_set(&s->reports[idx].why, -EIO, "kind %d of %llu bytes at %llu: %lld", op->kind,
			op->len_bytes, shadow_at(&s->plan, op->offset_bytes), (long long)res);
}

int shadow_open(struct shadow *s, u32 idx, bool cached)
{
	int flags = O_RDWR | O_CLOEXEC | (cached ? 0 : O_DIRECT);
	int fd = sys_openat(AT_FDCWD, s->plan.disk, flags, 0);

	if (fd < 0)
		return diag_set(&s->reports[idx].why, fd, "%s cannot be opened", s->plan.disk);
	return fd;
}

static bool is_zero(const void *mem, u64 len_bytes)
{
	const u64 *words = mem;

	for (u64 i = 0; i < len_bytes / sizeof(u64); i++)
		if (words[i])
			return false;
	return true;
}

int shadow_check(struct shadow *s, u64 offset_bytes, const void *mem, u64 len_bytes,
		 struct diag *why)
{
	if (s->plan.kind != SHADOW_NULL)
		return oracle_check(&s->o, offset_bytes, mem, len_bytes, why);
	if (is_zero(mem, len_bytes))
		return 0;
	return diag_set(why, -EILSEQ, "%llu bytes at %llu: not zeroes", len_bytes, offset_bytes);
}

static s64 reset_zone(struct shadow *s, int fd, const struct oracle_op *op)
{
	struct blk_zone_range range = {
		.sector = shadow_at(&s->plan, op->offset_bytes) / 512,
		.nr_sectors = op->len_bytes / 512,
	};
	s64 res = sys_ioctl(fd, BLKRESETZONE, &range);

	if (!res)
		s->begun_bytes[op->offset_bytes / s->plan.window_bytes] = 0;
	return res;
}

/* On the disk it reaches from the first of its bytes to the last */
static s64 ask(struct shadow *s, int fd, const struct oracle_op *op)
{
	struct oracle_op on_disk = *op;

	if (op->kind != ORACLE_FLUSH) {
		if (s->plan.kind == SHADOW_ZONED)
			return reset_zone(s, fd, op);
		on_disk.offset_bytes = shadow_at(&s->plan, op->offset_bytes);
		on_disk.len_bytes = shadow_at(&s->plan, op->offset_bytes + op->len_bytes - 1) + 1 -
				    on_disk.offset_bytes;
	}
	return blockdev_io(fd, &on_disk, NULL);
}

int shadow_do(struct shadow *s, u32 idx, int fd, const struct oracle_op *op)
{
	bool is_flush = op->kind == ORACLE_FLUSH;
	bool is_discard = op->kind == ORACLE_DISCARD;
	u32 token = 0;
	s64 res;

	if (is_flush)
		token = oracle_flush_begin(&s->o);
	else
		oracle_zero_begin(&s->o, op->offset_bytes, op->len_bytes);
	res = ask(s, fd, op);
	if (is_flush)
		oracle_flush_end(&s->o, token, res == 0);
	else
		oracle_zero_end(&s->o, op->offset_bytes, op->len_bytes, res == 0, is_discard);
	*(is_flush ? &s->reports[idx].nr_flushes : &s->reports[idx].nr_ranges) += 1;
	return res ? shadow_failed(s, idx, op, res) : 0;
}

static int read_disk(struct shadow *s, u32 idx, int fd, u64 at, void *mem, u64 len_bytes)
{
	struct shadow_report *report = &s->reports[idx];
	long res;

	memset(mem, 0xa5, len_bytes);
	res = sys_pread64(fd, mem, len_bytes, at);
	if (res != (long)len_bytes)
		return diag_set(&report->why, -EIO, "reading back at %llu: %ld", at, res);
	report->nr_reads++;
	report->read_bytes += len_bytes;
	return 0;
}

static int verify_window(struct shadow *s, u32 idx, int fd, u64 begin, void *mem)
{
	u64 end = begin + s->plan.window_bytes;
	int err = 0;

	for (u64 at = begin; !err && at < end; at += READ_BYTES) {
		u64 len = end - at < READ_BYTES ? end - at : READ_BYTES;

		err = read_disk(s, idx, fd, shadow_at(&s->plan, at), mem, len);
		if (!err)
			err = shadow_check(s, at, mem, len, &s->reports[idx].why);
	}
	return err;
}

/* Nobody writes there */
static int verify_gap(struct shadow *s, u32 idx, int fd, u64 window, u64 *random, void *mem)
{
	const struct shadow_plan *p = &s->plan;
	u64 begin = window * p->stride_bytes + p->window_bytes;
	u64 nr = (p->stride_bytes - p->window_bytes) / p->block_bytes;
	int err = 0;

	for (u32 i = 0; nr && !err && i < SAMPLES; i++) {
		u64 at = begin + oracle_below(random, nr) * p->block_bytes;

		err = read_disk(s, idx, fd, at, mem, p->block_bytes);
		if (!err && !is_zero(mem, p->block_bytes))
			err = diag_set(&s->reports[idx].why, -EILSEQ,
				       "bytes at %llu, where nobody writes", at);
	}
	return err;
}

int shadow_verify(struct shadow *s, u32 idx)
{
	u64 random = s->plan.seed * 77 | 1;
	struct pages mem;
	int fd = shadow_open(s, idx, s->plan.cached);
	int err = fd < 0 ? fd : pages_map(&mem, READ_BYTES);

	for (u32 i = 0; !err && i < s->plan.nr_windows; i++) {
		err = verify_window(s, idx, fd, i * s->plan.window_bytes, mem.addr);
		/* behind the last there may be no disk */
		if (!err && (i + 1 < s->plan.nr_windows || !i))
			err = verify_gap(s, idx, fd, i, &random, mem.addr);
	}
	return err;
}

/* A few blocks of each window, so that there is something to be zeroed, or to be spared */
static int fill(struct shadow *s, u32 idx, int fd, u64 *random, void *mem)
{
	u64 len = 8 * s->plan.block_bytes;
	int err = 0;

	for (u64 at = 0; !err && at < s->o.size_bytes; at += s->plan.window_bytes) {
		u64 nr = (s->plan.window_bytes - len) / s->plan.block_bytes + 1;
		struct oracle_op op = { .kind = ORACLE_WRITE, .len_bytes = len };
		s64 res;

		op.offset_bytes = at + oracle_below(random, nr) * s->plan.block_bytes;
		oracle_write_begin(&s->o, op.offset_bytes, mem, len);
		res = sys_pwrite64(fd, mem, len, shadow_at(&s->plan, op.offset_bytes));
		oracle_write_end(&s->o, op.offset_bytes, len, res == (s64)len, false);
		s->reports[idx].nr_writes++;
		err = res == (s64)len ? 0 : shadow_failed(s, idx, &op, res);
	}
	return err;
}

/* From the middle of the first window to the middle of the last */
int shadow_ranges(struct shadow *s, u32 idx)
{
	static const struct oracle_op ways[] = {
		{ .kind = ORACLE_DISCARD }, { .kind = ORACLE_ZERO },
		{ .kind = ORACLE_ZERO, .nounmap = true },
	};
	u64 half = s->plan.window_bytes / 2;
	u64 random = s->plan.seed * 78 | 1;
	struct pages mem;
	int fd = shadow_open(s, idx, false);
	int err = fd < 0 ? fd : pages_map(&mem, READ_BYTES);

	for (u32 i = 0; !err && i < ARRAY_SIZE(ways); i++) {
		struct oracle_op op = ways[i];

		op.offset_bytes = half;
		op.len_bytes = s->o.size_bytes - 2 * half;
		err = fill(s, idx, fd, &random, mem.addr);
		if (!err)
			err = shadow_do(s, idx, fd, &op);
		if (!err)
			err = shadow_verify(s, idx);
	}
	return err;
}
