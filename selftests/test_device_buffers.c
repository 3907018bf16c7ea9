/* SPDX-License-Identifier: MIT */
/*
 * What can go wrong between a request and the place where its bytes are: the kernel
 * does not get a buffer registered, or memory that it should copy is not there.
 */
#if !__STDC_HOSTED__

#include <asm/errno.h>
#include <linux/mman.h>
#include <linux/uio.h>

#include "ring/register.h"
#include "selftests/device.h"
#include "selftests/ways.h"
#include "uapi/sys.h"
#include "ublk/path.h"
#include "ublk/targets/targets.h"

#define KIB 1024ULL

/* --- slots that are taken ------------------------------------------------------------ */

/* auto-buf-reg on a ring where something lies in each slot, until its tag's first
 * request, or until somebody says so; the device's one thread counts */
static struct ublk_path taken_path;
static u32 nr_needed;
static u32 nr_registered;
static int put_result;
static bool is_released;
static u8 something[4096];

static void put(const struct ublk_worker *w, u32 slot, void *mem, size_t len)
{
	const struct iovec iov = { .iov_base = mem, .iov_len = len };

	int nr = ring_register_buffers_update_tag(&w->loop->ring, slot, &iov, NULL, 1);

	if (nr != 1)
		__atomic_store_n(&put_result, nr, __ATOMIC_RELEASE);
}

static void taken_init(struct ublk_worker *w, struct ublk_tag *t)
{
	ublk_path_auto_buf_reg.init(w, t);
	put(w, t->buf_index, something, sizeof(something));
}

static void taken_begin(struct ublk_worker *w, struct ublk_tag *t)
{
	if (!(t->op.flags & UBLK_IO_F_NEED_REG_BUF)) {
		__atomic_fetch_add(&nr_registered, 1, __ATOMIC_RELAXED);
	} else {
		__atomic_fetch_add(&nr_needed, 1, __ATOMIC_RELAXED);
		if (__atomic_load_n(&is_released, __ATOMIC_ACQUIRE))
			put(w, t->buf_index, NULL, 0);
	}
	ublk_path_auto_buf_reg.begin(w, t);
}

static void up_taken(struct rig *r, bool released)
{
	const struct way *way = test_param();

	nr_needed = nr_registered = 0;
	put_result = 1;
	__atomic_store_n(&is_released, released, __ATOMIC_RELEASE);
	taken_path = ublk_path_auto_buf_reg;
	taken_path.init = taken_init;
	taken_path.begin = taken_begin;
	rig_init(r, tgt_types, "ram:8M", true);
	way_set(way, &r->opts);
	r->opts.depth = 4;
	if (rig_create(r))
		device_fail(&r->error);
	r->dev.path = &taken_path;
	if (ublk_dev_start(&r->dev, &r->error))
		device_fail(&r->error);
	r->dev.path = &ublk_path_auto_buf_reg; /* which is asked for its name */
	ASSERT_EQ(put_result, 1);
	ASSERT_OK(rig_open(r, O_RDWR | O_DIRECT));
}

static void is_registered_by_us(void)
{
	struct rig r;

	up_taken(&r, true);
	for (u32 i = 0; i < 16; i++) {
		rig_fill(&r, i, i * 256 * KIB, 256 * KIB);
		rig_check(&r, i, i * 256 * KIB, 256 * KIB);
	}
	for (u32 i = 0; i < 16; i++)
		rig_check(&r, i, i * 256 * KIB, 256 * KIB);
	EXPECT_GT(nr_needed, 0);
	EXPECT_LE(nr_needed, 4); /* once for each tag: what we registered is given back */
	EXPECT_GT(nr_registered, 0);
	rig_down(&r);
}

static void cannot_be_registered(void)
{
	struct rig r;

	up_taken(&r, false);
	for (u32 i = 0; i < 8; i++) {
		EXPECT_ERR(rig_do(&r, ORACLE_WRITE, i * 4 * KIB, 4 * KIB), -EIO);
		EXPECT_ERR(rig_do(&r, ORACLE_READ, i * 4 * KIB, 4 * KIB), -EIO);
	}
	EXPECT_EQ(nr_registered, 0);
	EXPECT_OK(rig_do(&r, ORACLE_DISCARD, 0, 64 * KIB)); /* has no bytes, so no buffer */
	__atomic_store_n(&is_released, true, __ATOMIC_RELEASE);
	rig_fill(&r, 1, 0, 64 * KIB);
	rig_check(&r, 1, 0, 64 * KIB);
	rig_down(&r);
}

/* --- memory that is not there ----------------------------------------------------------- */

#define NR_HOLED_BYTES (1 << 20)

/* The target's memory, in which block 1 of 4K is missing */
static char *holed;

static int holed_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	(void)arg;
	(void)values;
	(void)why;
	t->limits = (struct tgt_limits){
		.size_bytes = NR_HOLED_BYTES, .logical_shift = 9, .physical_shift = 12,
	};
	return 0;
}

static void *holed_direct(struct tgt *t, const struct tgt_op *op)
{
	(void)t;
	return holed + op->offset_bytes;
}

static enum tgt_status holed_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	(void)t;
	(void)q;
	return tgt_finish(op, (s64)op->len_bytes); /* they are where they should be */
}

static const struct tgt_type holed_target = {
	.name = "holed",
	.summary = "a page of its memory is missing",
	.open = holed_open,
	.submit = holed_submit,
	.direct = holed_direct,
};

/* A request that begins before the hole, and one that begins in it: the kernel tries the
 * latter again for ever when it is to fetch all of its bytes from there by itself. */
static void fails_at_the_hole(struct rig *r, enum oracle_kind kind, bool has_inside)
{
	test_row("%s", kind == ORACLE_READ ? "read" : "write");
	EXPECT_ERR(rig_do(r, kind, 0, 16 * KIB), -EIO);
	if (has_inside)
		EXPECT_ERR(rig_do(r, kind, 4 * KIB, 4 * KIB), -EIO);
	EXPECT_EQ(rig_do(r, kind, 0, 4 * KIB), 4 * KIB);
}

static void memory_is_missing(void)
{
	static const struct tgt_type *const types[] = { &holed_target, NULL };
	const struct way *way = test_param();
	struct pages mem;
	struct rig r;

	ASSERT_OK(pages_map(&mem, NR_HOLED_BYTES));
	holed = mem.addr;
	rig_init(&r, types, "holed", true);
	way_set(way, &r.opts);
	rig_up(&r, O_RDWR | O_DIRECT);
	ASSERT_OK(sys_mprotect(holed + 4 * KIB, 4 * KIB, PROT_NONE));
	fails_at_the_hole(&r, ORACLE_WRITE, way->mode != UBLK_MODE_GET_DATA);
	if (way->mode != UBLK_MODE_GET_DATA)
		fails_at_the_hole(&r, ORACLE_READ, true);
	ASSERT_OK(sys_mprotect(holed + 4 * KIB, 4 * KIB, PROT_READ | PROT_WRITE));
	test_row("when it is there again");
	rig_fill(&r, 1, 0, 64 * KIB);
	rig_check(&r, 1, 0, 64 * KIB);
	rig_down(&r);
	pages_unmap(&mem);
}

#define CASE(name_, run_, ...)                                                                     \
	TEST(name_, run_, .timeout_ms = 60000, .fixture = &device_fixture,                         \
	     .param = &(const struct way){ __VA_ARGS__ })

#define AUTO_BUF_REG .mode = UBLK_MODE_AUTO_BUF_REG
#define BATCHED .batch = UBLK_YES

static const struct test_case cases[] = {
	CASE("what the kernel could not register is registered by us", is_registered_by_us,
	     AUTO_BUF_REG, .needs = UBLK_F_AUTO_BUF_REG),
	CASE("what the kernel could not register is registered by us, batched",
	     is_registered_by_us, AUTO_BUF_REG, BATCHED,
	     .needs = UBLK_F_AUTO_BUF_REG | UBLK_F_BATCH_IO),
	CASE("what nobody can register fails", cannot_be_registered, AUTO_BUF_REG,
	     .needs = UBLK_F_AUTO_BUF_REG),
	CASE("what nobody can register fails, batched", cannot_be_registered, AUTO_BUF_REG,
	     BATCHED, .needs = UBLK_F_AUTO_BUF_REG | UBLK_F_BATCH_IO),
	CASE("memory of the target that is missing: get-data", memory_is_missing,
	     .mode = UBLK_MODE_GET_DATA, .needs = UBLK_F_NEED_GET_DATA),
	CASE("memory of the target that is missing: user-copy-ring", memory_is_missing,
	     .mode = UBLK_MODE_USER_COPY_RING, .needs = UBLK_F_USER_COPY),
	CASE("memory of the target that is missing: user-copy-ring, batched",
	     memory_is_missing, .mode = UBLK_MODE_USER_COPY_RING, BATCHED,
	     .needs = UBLK_F_USER_COPY | UBLK_F_BATCH_IO),
};
TEST_SUITE(device_buffers, cases);

#endif
