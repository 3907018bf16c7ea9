/* SPDX-License-Identifier: MIT */
/* Which path a device takes: the fastest that goes with all else, and why not that */
#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "ublk/dev.h"
#include "ublk/path.h"

#define ALL ((UBLK_F_IO_DESC_SIZE << 1) - 1)
#define NO_ZERO_COPY (ALL & ~(UBLK_F_SUPPORT_ZERO_COPY | UBLK_F_AUTO_BUF_REG))

enum { FIXED = 1 << TGT_DATA_FIXED, FD = 1 << TGT_DATA_FILE, DIRECT = 1 << 7 };
enum { PLAIN, ZONED, META };

struct choice {
	u32 wanted;
	u32 takes; /* what a target does */
	u64 features;
	u64 with;
	u32 disk;
	const char *name; /* or what is said */
};

#define BATCH	UBLK_F_BATCH_IO
#define THREADS UBLK_F_PER_IO_DAEMON
#define SHMEM	UBLK_F_SHMEM_ZC

static const struct choice choices[] = {
	{ UBLK_MODE_AUTO, FIXED, ALL, 0, PLAIN, "auto-buf-reg" },
	{ UBLK_MODE_AUTO, FIXED, ALL & ~UBLK_F_AUTO_BUF_REG, 0, PLAIN, "zero-copy" },
	{ UBLK_MODE_AUTO, FIXED, NO_ZERO_COPY, 0, PLAIN, "copy" },
	{ UBLK_MODE_AUTO, FIXED, ALL, BATCH, PLAIN, "auto-buf-reg" },
	{ UBLK_MODE_AUTO, FIXED, ALL, THREADS, PLAIN, "auto-buf-reg" },
	{ UBLK_MODE_AUTO, FIXED, ALL, BATCH | THREADS, PLAIN, "zero-copy" },
	{ UBLK_MODE_AUTO, FIXED, ALL, SHMEM, PLAIN, "copy" },
	{ UBLK_MODE_AUTO, FIXED, 0, 0, PLAIN, "copy" },
	{ UBLK_MODE_AUTO, FD | DIRECT, ALL, 0, PLAIN, "get-data" },
	{ UBLK_MODE_AUTO, FD | DIRECT, ALL, BATCH, PLAIN, "user-copy" },
	{ UBLK_MODE_AUTO, FD | DIRECT, ALL, SHMEM, PLAIN, "user-copy" },
	{ UBLK_MODE_AUTO, FD | DIRECT, ALL & ~UBLK_F_USER_COPY, BATCH, PLAIN, "copy" },
	{ UBLK_MODE_AUTO, 0, ALL, 0, PLAIN, "copy" },
	{ UBLK_MODE_AUTO, 0, ALL, 0, ZONED, "user-copy" },
	{ UBLK_MODE_AUTO, FIXED, ALL, 0, META, "user-copy" },
	{ UBLK_MODE_AUTO, FIXED, ALL, 0, ZONED, "auto-buf-reg" },
	{ UBLK_MODE_COPY, FIXED, ALL, 0, PLAIN, "copy" },
	{ UBLK_MODE_AUTO_BUF_REG, 0, 0, 0, PLAIN, "auto-buf-reg" },
	{ UBLK_MODE_AUTO_BUF_REG, FIXED, ALL, BATCH | THREADS, PLAIN,
	  "mode auto-buf-reg: not with batched commands and more threads than queues" },
	{ UBLK_MODE_ZERO_COPY, FIXED, ALL, SHMEM, PLAIN, "mode zero-copy: not with shared memory" },
	{ UBLK_MODE_GET_DATA, 0, ALL, SHMEM | BATCH, PLAIN,
	  "mode get-data: not with shared memory" },
	{ UBLK_MODE_GET_DATA, 0, ALL, BATCH, PLAIN, "mode get-data: not with batched commands" },
	{ UBLK_MODE_COPY, 0, ALL, 0, ZONED, "mode copy: a disk with zones wants user-copy" },
	{ UBLK_MODE_ZERO_COPY, 0, ALL, 0, META,
	  "mode zero-copy: a disk with metadata wants user-copy" },
};

static void *nowhere(struct tgt *t, const struct tgt_op *op)
{
	(void)t;
	(void)op;
	return NULL;
}

static void is_chosen(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
		const struct choice *c = &choices[i];
		const struct tgt tgt = { .data_kinds = (u8)(c->takes & ~DIRECT) | 1,
					 .direct = c->takes & DIRECT ? nowhere : NULL,
					 .limits.zones.zone_bytes = c->disk == ZONED ? 1 << 20 : 0,
					 .limits.meta.bytes = c->disk == META ? 8 : 0 };
		struct diag why = { "" };
		const struct ublk_path *path =
			ublk_path_choose(c->wanted, &tgt, c->features, c->with, &why);

		test_row("row %zu", i);
		EXPECT_STREQ(path ? path->name : why.text, c->name);
	}
}

static void faster_modes(void)
{
	const u64 all = (UBLK_F_IO_DESC_SIZE << 1) - 1;
	const u64 no_zc = UBLK_F_SUPPORT_ZERO_COPY | UBLK_F_AUTO_BUF_REG;
	const struct ublk_params none = { 0 };
	const struct ublk_params zoned = { .zoned.max_zone_append_sectors = 8 };
	const struct ublk_params meta = { .integrity.metadata_size = 8 };
	const struct {
		u64 how;
		u64 flags;
		u64 features;
		const struct ublk_params *params;
		const char *why[5]; /* of auto-buf-reg, zero-copy, get-data, user-copy */
	} rows[] = {
		{ UBLK_MODE_AUTO_BUF_REG, 0, all, &none, { NULL } },
		{ UBLK_MODE_COPY | UBLK_MARK_ASKED, 0, all, &none, { NULL } },
		{ UBLK_MODE_GET_DATA, 0, all, &none,
		  { "not for such a target", "not for such a target" } },
		{ UBLK_MODE_GET_DATA, 0, all & ~no_zc, &none,
		  { "this kernel lacks it", "this kernel lacks it" } },
		{ UBLK_MODE_COPY, UBLK_F_UNPRIVILEGED_DEV, all, &none,
		  { "not for an unprivileged device", "not for an unprivileged device",
		    "not for such a target", "not for an unprivileged device" } },
		{ UBLK_MODE_USER_COPY, 0, all, &meta,
		  { "not for a disk with metadata", "not for a disk with metadata",
		    "not for a disk with metadata" } },
		{ UBLK_MODE_USER_COPY, 0, all & ~no_zc, &zoned,
		  { "this kernel lacks it", "this kernel lacks it",
		    "not for a disk with zones" } },
		{ UBLK_MODE_USER_COPY, UBLK_F_BATCH_IO, all, &none,
		  { "not for such a target", "not for such a target",
		    "not with batched commands" } },
		{ UBLK_MODE_ZERO_COPY, UBLK_F_BATCH_IO, all, &none,
		  { "not with batched commands and more threads than queues" } },
		{ UBLK_MODE_USER_COPY, UBLK_F_SHMEM_ZC, all, &none,
		  { "not with shared memory", "not with shared memory",
		    "not with shared memory" } },
		{ UBLK_MODE_COPY, 0, 0, &none,
		  { "this kernel lacks it", "this kernel lacks it", "this kernel lacks it",
		    "this kernel lacks it" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ublksrv_ctrl_dev_info info = { .ublksrv_flags = rows[i].how,
							    .flags = rows[i].flags };
		const struct ublk_kept k = { .info = &info, .params = rows[i].params,
					     .features = rows[i].features };

		for (u32 nr = 0; nr == 0 || rows[i].why[nr - 1]; nr++) {
			const char *why = NULL;
			enum ublk_mode mode = ublk_mode_faster(nr, &k, &why);

			test_row("row %zu, %u", i, nr);
			EXPECT_EQ(mode != UBLK_MODE_AUTO, rows[i].why[nr] != NULL);
			if (mode != UBLK_MODE_AUTO && rows[i].why[nr])
				EXPECT_STREQ(why, rows[i].why[nr]);
		}
	}
}

static const struct test_case cases[] = {
	TEST("the fastest that the target, the kernel and all else allow is chosen", is_chosen),
	TEST("why no faster mode was taken is known afterwards", faster_modes),
};
TEST_SUITE(ublk_path, cases);
