/* SPDX-License-Identifier: MIT */
/* ublk/disk.h: a block device in the process. */
#include "ublk/disk.h"

#include <asm/errno.h>

#include "ring/prep.h"
#include "ring/prep_event.h"
#include "selftests/broken.h"
#include "selftests/harness/harness.h"
#include "selftests/mirror_rig.h"
#include "selftests/oracle.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/targets/backend.h"
#include "ublk/targets/mock.h"

#define DISK_BYTES (1U << 20)
#define MAX_LOG 4096

static u8 bytes[2 * DISK_BYTES];
static u8 mem[2 * DISK_BYTES];
static struct tgt_mock_op oplog[MAX_LOG];
static struct tgt_disk disk;
static struct tgt_disk_queue queue;
static struct tgt_tree tree;
static struct diag why;

static void open_spec(const char *spec, u32 flags)
{
	if (tgt_disk_open(&disk, broken_types, spec, flags, &why) ||
	    tgt_disk_queue_open(&queue, &disk, 0, 0, &why))
		test_fail("%s: %s", spec, why.text);
}

static void open_mock(struct tgt_mock *m, u32 flags, u32 depth)
{
	m->limits.size_bytes = m->limits.size_bytes ? m->limits.size_bytes : DISK_BYTES;
	m->mem = bytes;
	m->log = oplog;
	m->max_log = MAX_LOG;
	m->hashes = true;
	ASSERT_OK(tgt_mock_open(&tree, m, &why));
	ASSERT_OK(tgt_disk_attach(&disk, &tree, flags, &why));
	ASSERT_OK(tgt_disk_queue_open(&queue, &disk, 0, depth, &why));
}

static void close_all(void)
{
	tgt_disk_queue_close(&queue);
	tgt_disk_close(&disk);
	tgt_close(&tree);
}

/* "W512+1024f" and so on: what the mock was asked for */
static const char *history(const struct tgt_mock *m)
{
	static const char letters[] = "RWFD?Z";
	static char text[1024];
	struct fmt_buf b = { .text = text, .size = sizeof(text) };

	text[0] = '\0';
	for (u32 i = 0; i < tgt_mock_nr_logged(m); i++) {
		const struct tgt_mock_op *op = &m->log[i];

		fmt_add(&b, "%s%c", i ? " " : "", letters[op->kind]);
		if (op->kind != TGT_FLUSH)
			fmt_add(&b, "%llu+%llu", op->offset_bytes, op->len_bytes);
		if (op->flags & TGT_F_FUA)
			fmt_add(&b, "f");
		if (op->flags & TGT_F_NOUNMAP)
			fmt_add(&b, "k");
	}
	return text;
}

static void tells_about_itself(void)
{
	struct tgt_mock m = {
		.limits = { .logical_shift = 12, .attrs = UBLK_ATTR_VOLATILE_CACHE },
	};
	struct tgt_disk_info info;

	open_mock(&m, 0, 0);
	ASSERT_OK(tgt_disk_get_info(&disk, &info));
	EXPECT_TRUE(info.read_write);
	EXPECT_TRUE(!info.is_durable);
	EXPECT_EQ(info.sector_size, 4096);
	EXPECT_EQ(info.nr_sectors, DISK_BYTES / 4096);
	EXPECT_EQ(info.limits.size_bytes, DISK_BYTES);
	EXPECT_EQ(info.limits.attrs, UBLK_ATTR_VOLATILE_CACHE);
	close_all();
	open_mock(&m, TGT_DISK_READ_ONLY | TGT_DISK_DURABLE, 0);
	ASSERT_OK(tgt_disk_get_info(&disk, &info));
	EXPECT_TRUE(!info.read_write);
	EXPECT_TRUE(info.is_durable);
	close_all();
	m.limits.attrs = UBLK_ATTR_READ_ONLY;
	open_mock(&m, 0, 0);
	ASSERT_OK(tgt_disk_get_info(&disk, &info));
	EXPECT_TRUE(!info.read_write);
	EXPECT_TRUE(info.is_durable);
	close_all();
}

static void expect_gone(void)
{
	struct tgt_disk_io io = { .kind = TGT_FLUSH };
	struct tgt_disk_info info;
	struct tgt_disk_queue other;

	EXPECT_ERR(tgt_disk_get_info(&disk, &info), -ENOTCONN);
	EXPECT_ERR(tgt_disk_resize(&disk, 512, &why), -ENOTCONN);
	EXPECT_STREQ(why.text, "the disk is disconnected");
	EXPECT_EQ(tgt_disk_seek_mapped(&disk, 0), -ENOTCONN);
	EXPECT_EQ(tgt_disk_seek_unmapped(&disk, 0), -ENOTCONN);
	EXPECT_ERR(tgt_disk_message(&disk, NULL, "x", NULL, &why), -ENOTCONN);
	EXPECT_ERR(tgt_disk_stat(&disk, NULL, NULL), -ENOTCONN);
	EXPECT_ERR(tgt_disk_queue_open(&other, &disk, 1, 0, &why), -ENOTCONN);
	EXPECT_ERR(tgt_disk_read(&queue, 0, mem, 512), -ENOTCONN);
	EXPECT_ERR(tgt_disk_write(&queue, 0, mem, 512), -ENOTCONN);
	EXPECT_ERR(tgt_disk_flush(&queue), -ENOTCONN);
	EXPECT_ERR(tgt_disk_discard(&queue, 0, 512), -ENOTCONN);
	EXPECT_ERR(tgt_disk_write_zeroes(&queue, 0, 512, false), -ENOTCONN);
	EXPECT_ERR(tgt_disk_submit(&queue, &io), -ENOTCONN);
	EXPECT_ERR(tgt_disk_run(&queue, TGT_DISK_FOREVER, true), -ENOTCONN);
	EXPECT_EQ(tgt_disk_error(&disk, -ENOTCONN), TGT_DISK_DISCONNECTED);
}

static void is_gone_after_disconnect(void)
{
	struct tgt_mock m = { .nr_rules = 0 };

	open_mock(&m, 0, 0);
	ASSERT_OK(tgt_disk_write(&queue, 0, mem, 512));
	tgt_disk_disconnect(&disk);
	expect_gone();
	tgt_disk_disconnect(&disk);
	EXPECT_EQ(tgt_disk_step(&queue, 0), 0);
	EXPECT_EQ(m.nr_queues, 1);
	tgt_disk_queue_close(&queue);
	EXPECT_EQ(m.nr_queues, 0);
	EXPECT_ERR(tgt_disk_step(&queue, 0), -ENOTCONN);
	expect_gone();
	tgt_disk_close(&disk);
	expect_gone();
	tgt_disk_queue_close(&queue);
	tgt_disk_close(&disk);
	EXPECT_EQ(m.nr_ops, 1);
	/* the tree is the caller's, and as it was */
	ASSERT_OK(tgt_disk_attach(&disk, &tree, 0, &why));
	ASSERT_OK(tgt_disk_queue_open(&queue, &disk, 0, 0, &why));
	EXPECT_OK(tgt_disk_flush(&queue));
	close_all();
}

/* What is under way ends as it would have; what no target has seen does not begin. */
static void disconnects_in_the_middle(void)
{
	struct tgt_mock_rule rules[] = { { .kind = TGT_WRITE, .holds = true } };
	struct tgt_mock m = { .rules = rules, .nr_rules = 1 };
	struct tgt_disk_buf buf = { mem, 512 };
	struct tgt_disk_io io[3];

	open_mock(&m, 0, 2);
	for (u32 i = 0; i < 3; i++) {
		io[i] = (struct tgt_disk_io){
			.kind = TGT_WRITE, .offset_bytes = 512 * i, .bufs = &buf, .nr_bufs = 1,
		};
		ASSERT_OK(tgt_disk_submit(&queue, &io[i]));
	}
	EXPECT_EQ(tgt_disk_step(&queue, 0), 0);
	EXPECT_EQ(m.nr_held, 2);
	tgt_disk_disconnect(&disk);
	EXPECT_TRUE(tgt_mock_release(&m, 0));
	EXPECT_EQ(tgt_disk_step(&queue, 0), 2);
	EXPECT_TRUE(io[0].is_done && io[2].is_done && !io[1].is_done);
	EXPECT_EQ(io[0].result, 0);
	EXPECT_EQ(io[2].result, -ENOTCONN);
	EXPECT_TRUE(tgt_mock_release(&m, 0));
	tgt_disk_queue_close(&queue);
	EXPECT_TRUE(io[1].is_done);
	EXPECT_EQ(io[1].result, 0);
	EXPECT_EQ(m.nr_ops, 2);
	close_all();
}

static void checks_before(void)
{
	static const struct {
		u32 attrs, disk_flags;
		u8 kind;
		u64 offset, len;
		int err;
	} rows[] = {
		{ 0, 0, TGT_READ, 1, 512, -EINVAL },
		{ 0, 0, TGT_READ, 0, 511, -EINVAL },
		{ 0, 0, TGT_WRITE, 256, 256, -EINVAL },
		{ 0, 0, TGT_DISCARD, 0, 100, -EINVAL },
		{ 0, 0, TGT_WRITE_ZEROES, 100, 512, -EINVAL },
		{ 0, 0, TGT_READ, DISK_BYTES, 512, -ERANGE },
		{ 0, 0, TGT_WRITE, DISK_BYTES - 512, 1024, -ERANGE },
		{ 0, 0, TGT_DISCARD, ~511ULL, 1024, -ERANGE },
		{ 0, 0, TGT_WRITE_ZEROES, 512, ~0ULL << 9, -ERANGE },
		{ 0, 0, TGT_READ, ~511ULL, 512, -ERANGE },
		{ 0, TGT_DISK_READ_ONLY, TGT_WRITE, 0, 512, -EROFS },
		{ 0, TGT_DISK_READ_ONLY, TGT_DISCARD, 0, 512, -EROFS },
		{ 0, TGT_DISK_READ_ONLY, TGT_WRITE_ZEROES, 0, 512, -EROFS },
		{ UBLK_ATTR_READ_ONLY, 0, TGT_WRITE, 0, 512, -EROFS },
		{ 0, 0, TGT_ZONE_OPEN, 0, 512, -EOPNOTSUPP },
		{ 0, 0, 4, 0, 512, -EOPNOTSUPP },
		{ 0, 0, 0xff, 0, 512, -EOPNOTSUPP },
		{ 0, 0, TGT_READ, DISK_BYTES, 0, 0 },
		{ 0, 0, TGT_WRITE, 512, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tgt_disk_buf buf = { mem, rows[i].len };
		struct tgt_disk_io io = {
			.kind = rows[i].kind, .offset_bytes = rows[i].offset,
			.len_bytes = rows[i].len, .bufs = &buf, .nr_bufs = 1,
		};
		struct tgt_mock m = {
			.limits = { .attrs = rows[i].attrs, .max_discard_bytes = DISK_BYTES,
				    .max_write_zeroes_bytes = DISK_BYTES },
		};

		test_row("%zu", i);
		open_mock(&m, rows[i].disk_flags, 0);
		EXPECT_EQ(tgt_disk_submit(&queue, &io), rows[i].err);
		EXPECT_EQ(tgt_disk_step(&queue, 0), rows[i].err ? 0 : 1);
		EXPECT_EQ(m.nr_ops, 0);
		if (rows[i].disk_flags || rows[i].attrs) {
			EXPECT_OK(tgt_disk_read(&queue, 0, mem, 512));
			EXPECT_OK(tgt_disk_flush(&queue));
		}
		close_all();
	}
}

static void refuses_what_is_not_offered(void)
{
	struct tgt_mock m = { .nr_rules = 0 };

	open_mock(&m, 0, 0);
	EXPECT_ERR(tgt_disk_discard(&queue, 0, 512), -EOPNOTSUPP);
	EXPECT_ERR(tgt_disk_resize(&disk, 1024, &why), -EOPNOTSUPP);
	EXPECT_STREQ(why.text, "mock: its size is fixed");
	EXPECT_EQ(tgt_disk_error(&disk, -EOPNOTSUPP), TGT_DISK_UNIMPLEMENTED);
	/* zeroes are written */
	memset(bytes, 7, sizeof(bytes));
	EXPECT_OK(tgt_disk_write_zeroes(&queue, 512, 600 << 10, true));
	EXPECT_STREQ(history(&m), "W512+524288 W524800+90112");
	EXPECT_EQ(bytes[511], 7);
	EXPECT_EQ(bytes[512], 0);
	EXPECT_EQ(bytes[512 + (600 << 10) - 1], 0);
	EXPECT_EQ(bytes[512 + (600 << 10)], 7);
	close_all();
	EXPECT_ERR(tgt_disk_queue_open(&queue, &disk, 0, TGT_DISK_MAX_DEPTH + 1, &why), -ENOTCONN);
	open_mock(&m, 0, TGT_DISK_MAX_DEPTH);
	EXPECT_OK(tgt_disk_flush(&queue));
	tgt_disk_queue_close(&queue);
	EXPECT_ERR(tgt_disk_queue_open(&queue, &disk, 0, TGT_DISK_MAX_DEPTH + 1, &why), -EINVAL);
	close_all();
	EXPECT_ERR(tgt_disk_open(&disk, broken_types, "nothing:1M", 0, &why), -EINVAL);
	expect_gone();
	tgt_disk_close(&disk);
}

static void cuts_to_the_limits(void)
{
	static const struct {
		struct tgt_limits limits;
		u8 kind;
		u64 offset, len;
		const char *seen;
	} rows[] = {
		{ { .max_io_bytes = 4096 }, TGT_WRITE, 512, 9000 / 512 * 512,
		  "W512+4096 W4608+4096 W8704+512" },
		{ { .max_io_bytes = 1100 }, TGT_READ, 0, 2560, "R0+1024 R1024+1024 R2048+512" },
		{ { .chunk_bytes = 8192 }, TGT_READ, 7680, 9216, "R7680+512 R8192+8192 R16384+512" },
		{ { .zones = { .zone_bytes = 65536 } }, TGT_WRITE, 65024, 1024,
		  "W65024+512 W65536+512" },
		{ { .max_discard_bytes = 8192, .discard_granularity_bytes = 4096 },
		  TGT_DISCARD, 512, 20480, "D512+7680 D8192+8192 D16384+4608" },
		{ { .max_discard_bytes = 512, .discard_granularity_bytes = 4096 },
		  TGT_DISCARD, 0, 1024, "D0+512 D512+512" },
		{ { .max_write_zeroes_bytes = 1023 }, TGT_WRITE_ZEROES, 0, 1024, "Z0+512 Z512+512" },
		{ { .max_write_zeroes_bytes = 511 }, TGT_WRITE_ZEROES, 0, 1024, "W0+1024" },
		{ { .max_discard_bytes = DISK_BYTES }, TGT_DISCARD, 0, DISK_BYTES, "D0+1048576" },
		{ { .size_bytes = 0 }, TGT_READ, 0, DISK_BYTES, "R0+524288 R524288+524288" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tgt_mock m = { .limits = rows[i].limits };

		test_row("%zu", i);
		open_mock(&m, 0, 0);
		if (rows[i].kind == TGT_READ)
			EXPECT_OK(tgt_disk_read(&queue, rows[i].offset, mem, rows[i].len));
		else if (rows[i].kind == TGT_WRITE)
			EXPECT_OK(tgt_disk_write(&queue, rows[i].offset, mem, rows[i].len));
		else if (rows[i].kind == TGT_DISCARD)
			EXPECT_OK(tgt_disk_discard(&queue, rows[i].offset, rows[i].len));
		else
			EXPECT_OK(tgt_disk_write_zeroes(&queue, rows[i].offset, rows[i].len,
							false));
		EXPECT_STREQ(history(&m), rows[i].seen);
		close_all();
	}
}

/* Whole sectors go as they are, the rest through a buffer; neighbours are one. */
static void lists(void)
{
	static const struct tgt_disk_buf straight[] = {
		{ mem, 512 }, { mem + 512, 512 }, { NULL, 0 }, { mem + 8192, 512 },
	};
	static const struct tgt_disk_buf odd[] = {
		{ mem + 1, 1000 }, { mem + 2000, 0 }, { mem + 3001, 25 }, { mem + 5003, 511 },
	};
	struct tgt_mock m = { .nr_rules = 0 };

	for (u32 i = 0; i < 16384; i++)
		mem[i] = (u8)(i * 7 + i / 256);
	open_mock(&m, 0, 0);
	EXPECT_OK(tgt_disk_writev(&queue, 0, straight, 4));
	EXPECT_STREQ(history(&m), "W0+1024 W1024+512");
	EXPECT_MEMEQ(bytes, mem, 1024);
	EXPECT_MEMEQ(bytes + 1024, mem + 8192, 512);
	EXPECT_EQ(oplog[1].data_hash, tgt_mock_hash(mem + 8192, 512));
	tgt_mock_forget(&m);
	EXPECT_OK(tgt_disk_writev(&queue, 4096, odd, 4));
	EXPECT_STREQ(history(&m), "W4096+512 W4608+1024");
	EXPECT_MEMEQ(bytes + 4096, mem + 1, 1000);
	EXPECT_MEMEQ(bytes + 5096, mem + 3001, 25);
	EXPECT_MEMEQ(bytes + 5121, mem + 5003, 511);
	memset(mem, 0xee, 16384);
	EXPECT_OK(tgt_disk_readv(&queue, 4096, odd, 4));
	EXPECT_MEMEQ(mem + 1, bytes + 4096, 1000);
	EXPECT_MEMEQ(mem + 3001, bytes + 5096, 25);
	EXPECT_MEMEQ(mem + 5003, bytes + 5121, 511);
	EXPECT_EQ(mem[0], 0xee);
	EXPECT_EQ(mem[1001], 0xee);
	EXPECT_EQ(mem[3026], 0xee);
	EXPECT_EQ(mem[5514], 0xee);
	EXPECT_ERR(tgt_disk_writev(&queue, 4096, odd, 3), -EINVAL);
	close_all();
	m.limits.dma_alignment_bytes = 512;
	open_mock(&m, 0, 0);
	memset(mem, 3, 4096);
	EXPECT_OK(tgt_disk_write(&queue, 0, mem + 8, 1024));
	memset(mem, 4, 4096);
	EXPECT_OK(tgt_disk_read(&queue, 0, mem + 9, 1024));
	EXPECT_EQ(mem[9], 3);
	EXPECT_EQ(mem[9 + 1023], 3);
	EXPECT_EQ(mem[9 + 1024], 4);
	close_all();
}

/* Memory that changes while a write is in flight: the target gets one copy, if it asks */
static void snapshots(bool needs)
{
	struct tgt_mock_rule rules[] = { { .kind = TGT_WRITE, .holds = true } };
	struct tgt_mock m = { .rules = rules, .nr_rules = 1, .needs_snapshot = needs };
	struct tgt_disk_buf bufs[] = { { mem, 512 }, { mem + 4096, 512 } };
	struct tgt_disk_io io = { .kind = TGT_WRITE, .bufs = bufs, .nr_bufs = 2 };

	open_mock(&m, 0, 0);
	memset(mem, 1, 8192);
	ASSERT_OK(tgt_disk_submit(&queue, &io));
	EXPECT_EQ(tgt_disk_step(&queue, 0), 0);
	memset(mem, 2, 8192);
	while (tgt_mock_release(&m, 0))
		;
	EXPECT_EQ(tgt_disk_step(&queue, 0), 1);
	EXPECT_EQ(io.result, 0);
	EXPECT_EQ(bytes[0], needs ? 1 : 2);
	EXPECT_EQ(bytes[1023], needs ? 1 : 2);
	EXPECT_STREQ(history(&m), needs ? "W0+1024" : "W0+512 W512+512");
	close_all();
}

static void takes_snapshots(void)
{
	snapshots(true);
	snapshots(false);
}

static void durability(void)
{
	static const struct {
		u32 attrs, disk_flags, io_flags;
		const char *seen;
	} rows[] = {
		{ 0, 0, 0, "W0+512 D512+512 Z1024+512k" },
		{ 0, TGT_DISK_DURABLE, 0, "W0+512 D512+512 Z1024+512k" },
		{ UBLK_ATTR_VOLATILE_CACHE, 0, 0, "W0+512 D512+512 Z1024+512k" },
		{ UBLK_ATTR_VOLATILE_CACHE, TGT_DISK_DURABLE, 0, "W0+512 F D512+512 F Z1024+512k F" },
		{ UBLK_ATTR_VOLATILE_CACHE, 0, TGT_F_FUA, "W0+512 F D512+512 F Z1024+512k F" },
		{ UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA, TGT_DISK_DURABLE, 0,
		  "W0+512f D512+512 F Z1024+512k F" },
		{ UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA, 0, TGT_F_FUA,
		  "W0+512f D512+512 F Z1024+512k F" },
		{ UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA, 0, 0, "W0+512 D512+512 Z1024+512k" },
	};
	static const u8 kinds[] = { TGT_WRITE, TGT_DISCARD, TGT_WRITE_ZEROES, TGT_READ };
	struct tgt_disk_buf buf = { mem, 512 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tgt_mock m = {
			.limits = { .attrs = rows[i].attrs, .max_discard_bytes = 512,
				    .max_write_zeroes_bytes = 512 },
		};

		test_row("%zu", i);
		open_mock(&m, rows[i].disk_flags, 0);
		for (u32 k = 0; k < 3; k++) {
			struct tgt_disk_io io = {
				.kind = kinds[k],
				.flags = rows[i].io_flags | (k == 2 ? TGT_F_NOUNMAP : 0),
				.offset_bytes = k * 512,
				.len_bytes = 512,
				.bufs = &buf,
				.nr_bufs = 1,
			};

			ASSERT_OK(tgt_disk_submit(&queue, &io));
			EXPECT_EQ(tgt_disk_step(&queue, 1000), 1);
			EXPECT_EQ(io.result, 0);
		}
		EXPECT_STREQ(history(&m), rows[i].seen);
		tgt_mock_forget(&m);
		EXPECT_OK(tgt_disk_read(&queue, 0, mem, 512));
		EXPECT_STREQ(history(&m), "R0+512");
		close_all();
	}
}

/* A durable write is not done before its flush, and fails with it. */
static void durable_waits_for_the_flush(void)
{
	struct tgt_mock_rule rules[] = {
		{ .kind = TGT_FLUSH, .nth = 1, .holds = true },
		{ .kind = TGT_FLUSH, .nth = 2, .err = -EIO },
		{ .kind = TGT_WRITE, .nth = 3, .err = -ENOSPC },
	};
	struct tgt_mock m = {
		.limits.attrs = UBLK_ATTR_VOLATILE_CACHE, .rules = rules, .nr_rules = 3,
	};
	struct tgt_disk_buf buf = { mem, 512 };
	struct tgt_disk_io io = { .kind = TGT_WRITE, .bufs = &buf, .nr_bufs = 1 };

	open_mock(&m, TGT_DISK_DURABLE, 0);
	ASSERT_OK(tgt_disk_submit(&queue, &io));
	EXPECT_EQ(tgt_disk_step(&queue, 0), 0);
	EXPECT_STREQ(history(&m), "W0+512 F");
	EXPECT_TRUE(tgt_mock_release(&m, 0));
	EXPECT_EQ(tgt_disk_step(&queue, 0), 1);
	EXPECT_EQ(io.result, 0);
	EXPECT_ERR(tgt_disk_write(&queue, 0, mem, 512), -EIO);
	EXPECT_ERR(tgt_disk_write(&queue, 0, mem, 512), -ENOSPC);
	EXPECT_STREQ(history(&m), "W0+512 F W0+512 F W0+512");
	close_all();
}

static u32 order[64];
static u32 nr_ended;

static void note(struct tgt_disk_io *io)
{
	order[nr_ended++] = (u32)(io->offset_bytes / 512);
	EXPECT_TRUE(io->is_done);
	EXPECT_ERR(tgt_disk_flush(io->ctx), -EDEADLK);
	EXPECT_ERR(tgt_disk_step(io->ctx, 0), -EDEADLK);
	EXPECT_ERR(tgt_disk_run(io->ctx, 0, true), -EDEADLK);
}

/* More requests than slots; they are answered in the order of the answers. */
static void many_at_a_time(void)
{
	struct tgt_mock_rule rules[] = { { .kind = TGT_READ, .holds = true } };
	struct tgt_mock m = { .rules = rules, .nr_rules = 1 };
	struct tgt_disk_buf buf = { mem, 512 };
	struct tgt_disk_io io[10];

	open_mock(&m, 0, 4);
	for (u32 i = 0; i < 10; i++) {
		io[i] = (struct tgt_disk_io){
			.kind = TGT_READ, .offset_bytes = i * 512, .bufs = &buf, .nr_bufs = 1,
			.done = note, .ctx = &queue,
		};
		ASSERT_OK(tgt_disk_submit(&queue, &io[i]));
		EXPECT_EQ(nr_ended, 0);
	}
	EXPECT_EQ(tgt_disk_step(&queue, 0), 0);
	EXPECT_EQ(m.nr_held, 4);
	EXPECT_TRUE(tgt_mock_release(&m, 3));
	EXPECT_TRUE(tgt_mock_release(&m, 1));
	EXPECT_EQ(nr_ended, 0);
	EXPECT_EQ(tgt_disk_step(&queue, TGT_DISK_FOREVER), 2);
	EXPECT_EQ(order[0], 3);
	EXPECT_EQ(order[1], 1);
	EXPECT_EQ(m.nr_held, 4);
	EXPECT_EQ(oplog[5].offset_bytes, 5 * 512);
	while (tgt_mock_release(&m, 0))
		if (!m.nr_held)
			EXPECT_LE(tgt_disk_step(&queue, 0), 4);
	EXPECT_EQ(nr_ended, 10);
	EXPECT_EQ(tgt_disk_step(&queue, TGT_DISK_FOREVER), 0);
	close_all();
}

static void again(struct tgt_disk_io *io)
{
	if (++nr_ended < 100)
		EXPECT_OK(tgt_disk_submit(&queue, io));
}

static void from_a_callback(void)
{
	struct tgt_disk_io io = { .kind = TGT_FLUSH, .done = again };

	open_spec("delay?by=0:[ram:1M]", 0);
	ASSERT_OK(tgt_disk_submit(&queue, &io));
	while (nr_ended < 100)
		ASSERT_EQ(tgt_disk_step(&queue, TGT_DISK_FOREVER), 1);
	EXPECT_EQ(tgt_disk_step(&queue, 0), 0);
	close_all();
	/* and closing waits for the last */
	nr_ended = 98;
	open_spec("delay?by=20ms:[ram:1M]", 0);
	ASSERT_OK(tgt_disk_submit(&queue, &io));
	EXPECT_EQ(tgt_disk_step(&queue, 1), 0);
	EXPECT_EQ(tgt_disk_step(&queue, 5000), 1);
	EXPECT_EQ(nr_ended, 99);
	tgt_disk_queue_close(&queue);
	EXPECT_EQ(nr_ended, 100);
	close_all();
}

/* The first failure is the result; what has not begun does not. */
static void errors_arrive(void)
{
	struct tgt_mock_rule rules[] = {
		{ .kind = TGT_WRITE, .nth = 2, .err = -ENOSPC },
		{ .kind = TGT_FLUSH, .err = -EIO },
		{ .kind = TGT_READ, .nth = 1, .err = -EIO },
	};
	struct tgt_mock m = {
		.limits.max_io_bytes = 512, .rules = rules, .nr_rules = 3,
	};

	open_mock(&m, 0, 1);
	EXPECT_ERR(tgt_disk_write(&queue, 0, mem, 4096), -ENOSPC);
	EXPECT_STREQ(history(&m), "W0+512 W512+512");
	EXPECT_ERR(tgt_disk_flush(&queue), -EIO);
	memset(mem, 9, 1024);
	EXPECT_ERR(tgt_disk_read(&queue, 0, mem + 1, 512), -EIO);
	EXPECT_EQ(mem[1], 9);
	EXPECT_OK(tgt_disk_write(&queue, 0, mem, 4096));
	close_all();
	open_spec("broken?how=short&every=1:[ram:1M]", 0);
	EXPECT_ERR(tgt_disk_read(&queue, 0, mem, 1024), -EIO);
	close_all();
}

/* A target with two legs, as a mirror tells of them */
static u64 leg_errno[2];

static void legs_stat(const struct tgt *t, tgt_say_fn *say, void *ctx)
{
	(void)t;
	say(ctx, "copied_bytes", ENXIO);
	say(ctx, "primary_errno", leg_errno[0]);
	say(ctx, "secondary_errno", leg_errno[1]);
}

static const struct tgt_type legs_type = { .name = "legs", .stat = legs_stat };

static void errors_have_names(void)
{
	static const struct {
		int err;
		u64 leg[2];
		enum tgt_disk_error error;
		const char *text;
	} rows[] = {
		{ 0, { 0, 0 }, TGT_DISK_OK, "no error" },
		{ -EOPNOTSUPP, { 0, 0 }, TGT_DISK_UNIMPLEMENTED, "not implemented" },
		{ -EROFS, { 0, 0 }, TGT_DISK_IS_READ_ONLY, "the disk is read-only" },
		{ -ENOTCONN, { ENOTCONN, 0 }, TGT_DISK_DISCONNECTED, "the disk is disconnected" },
		{ -EROFS, { 0, EROFS }, TGT_DISK_OF_SECONDARY, "an error of the secondary" },
		{ -EOPNOTSUPP, { EOPNOTSUPP, 0 }, TGT_DISK_OF_PRIMARY, "an error of the primary" },
		{ -EIO, { EIO, 0 }, TGT_DISK_OF_PRIMARY, "an error of the primary" },
		{ -EIO, { 0, EIO }, TGT_DISK_OF_SECONDARY, "an error of the secondary" },
		{ -EIO, { ENOSPC, ENXIO }, TGT_DISK_UNKNOWN, "an error" },
		{ -ENXIO, { 0, 0 }, TGT_DISK_UNKNOWN, "an error" },
	};
	struct tgt t = { .type = &legs_type, .data_kinds = 1 << TGT_DATA_MEM };
	struct tgt_tree legs = { .root = &t, .nodes = &t, .nr = 1 };

	ASSERT_OK(tgt_disk_attach(&disk, &legs, 0, &why));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("%zu", i);
		leg_errno[0] = rows[i].leg[0];
		leg_errno[1] = rows[i].leg[1];
		EXPECT_EQ(tgt_disk_error(&disk, rows[i].err), rows[i].error);
		EXPECT_STREQ(tgt_disk_error_text(rows[i].error), rows[i].text);
	}
	tgt_disk_close(&disk);
	t.data_kinds = 1 << TGT_DATA_FIXED;
	EXPECT_ERR(tgt_disk_attach(&disk, &legs, 0, &why), -EOPNOTSUPP);
	EXPECT_STREQ(why.text, "target legs takes no memory");
}

static void the_leg_of_a_mirror(void)
{
	/* B has nothing yet */
	open_spec("mirror?paused=1:[broken?how=short&every=1:[ram:1M]],[ram:1M]", 0);
	EXPECT_ERR(tgt_disk_read(&queue, 0, mem, 1024), -EIO);
	EXPECT_EQ(tgt_disk_error(&disk, -EIO), TGT_DISK_OF_PRIMARY);
	close_all();
	/* and goes on from A */
	open_spec("mirror?clean=1:[ram:1M],[broken?how=short&every=1:[ram:1M]]", 0);
	EXPECT_EQ(tgt_disk_error(&disk, -EIO), TGT_DISK_UNKNOWN);
	EXPECT_OK(tgt_disk_write(&queue, 0, mem, 1024));
	EXPECT_EQ(tgt_disk_error(&disk, -EIO), TGT_DISK_OF_SECONDARY);
	EXPECT_OK(tgt_disk_message(&disk, "mirror", "pause", NULL, &why));
	close_all();
	/* what was mended is no cause of what comes after */
	open_spec("mirror?clean=1&region=64K:[ram:1M],[fail:[ram:1M]]", 0);
	for (u32 i = 0; i < 2; i++) {
		u64 at = i * 524288ULL;

		broken_fail(&disk.own_tree, 0, 1 << TGT_WRITE, at, at + 1024);
		EXPECT_OK(tgt_disk_write(&queue, at, mem, 1024));
		EXPECT_EQ(tgt_disk_error(&disk, -EIO), TGT_DISK_OF_SECONDARY);
		broken_fail(&disk.own_tree, 0, 0, 0, 0);
		EXPECT_OK(tgt_disk_message(&disk, "mirror", i ? "resync" : "reconnect", NULL, &why));
		EXPECT_EQ(tgt_disk_error(&disk, -EIO), TGT_DISK_UNKNOWN);
	}
	close_all();
}

static void note_dirty(void *ctx, const char *name, u64 value)
{
	if (str_eq(name, "mirror.dirty_regions"))
		*(u64 *)ctx = value;
}

/* A mirror is copied while a program turns its queue 0; every write is on both then. */
static void copies_a_mirror(void)
{
	const struct broken_stats *stats[2];
	struct tgt_tree leg;
	u64 nr_fua[2];
	u64 nr_dirty = 1;

	memset(mem, 9, 8192);
	open_spec("mirror:[cachesim:[ram:1M]],[cachesim:[ram:1M]]", TGT_DISK_DURABLE);
	for (u32 i = 0; i < 2; i++) {
		leg = mirror_leg(&disk.own_tree, i);
		stats[i] = broken_stats(&leg);
	}
	EXPECT_OK(tgt_disk_write(&queue, 65536, mem, 8192));
	for (u32 i = 0; nr_dirty && i < 500; i++) {
		EXPECT_ERR(tgt_disk_run(&queue, 10, true), -ETIMEDOUT);
		EXPECT_OK(tgt_disk_stat(&disk, note_dirty, &nr_dirty));
	}
	ASSERT_EQ(nr_dirty, 0);
	for (u32 i = 0; i < 2; i++)
		nr_fua[i] = stats[i]->nr_fua;
	EXPECT_GE(nr_fua[0], 1);
	EXPECT_OK(tgt_disk_write(&queue, 69632, mem, 512));
	for (u32 i = 0; i < 2; i++)
		EXPECT_EQ(stats[i]->nr_fua, nr_fua[i] + 1);
	memset(mem, 0, 8192);
	EXPECT_OK(tgt_disk_message(&disk, "mirror", "switch", NULL, &why));
	EXPECT_OK(tgt_disk_read(&queue, 65536, mem, 8192));
	EXPECT_EQ(mem[0], 9);
	EXPECT_EQ(mem[8191], 9);
	close_all();
}

static void resizes(void)
{
	struct tgt_mock m = { .max_size_bytes = 2 * DISK_BYTES };
	struct tgt_disk_info info;

	open_mock(&m, 0, 0);
	EXPECT_ERR(tgt_disk_write(&queue, DISK_BYTES, mem, 512), -ERANGE);
	EXPECT_OK(tgt_disk_resize(&disk, 2 * DISK_BYTES, &why));
	EXPECT_OK(tgt_disk_get_info(&disk, &info));
	EXPECT_EQ(info.nr_sectors, 4096);
	EXPECT_EQ(info.limits.size_bytes, 2 * DISK_BYTES);
	EXPECT_OK(tgt_disk_write(&queue, DISK_BYTES, mem, 512));
	EXPECT_ERR(tgt_disk_resize(&disk, 100, &why), -EINVAL);
	EXPECT_ERR(tgt_disk_resize(&disk, 4 * DISK_BYTES, &why), -ENOSPC);
	EXPECT_OK(tgt_disk_resize(&disk, 512, &why));
	EXPECT_ERR(tgt_disk_write(&queue, 512, mem, 512), -ERANGE);
	close_all();
	open_mock(&m, TGT_DISK_READ_ONLY, 0);
	EXPECT_ERR(tgt_disk_resize(&disk, 512, &why), -EROFS);
	close_all();
}

static void seeks(void)
{
	open_spec("ram:1M", 0);
	EXPECT_EQ(tgt_disk_seek_mapped(&disk, 0), DISK_BYTES);
	EXPECT_EQ(tgt_disk_seek_unmapped(&disk, 512), 512);
	EXPECT_OK(tgt_disk_write(&queue, 9 * 4096 + 512, mem, 512));
	EXPECT_EQ(tgt_disk_seek_mapped(&disk, 0), 9 * 4096);
	EXPECT_EQ(tgt_disk_seek_mapped(&disk, 9 * 4096 + 100), 9 * 4096 + 100);
	EXPECT_EQ(tgt_disk_seek_unmapped(&disk, 9 * 4096), 10 * 4096);
	EXPECT_EQ(tgt_disk_seek_mapped(&disk, 10 * 4096), DISK_BYTES);
	EXPECT_EQ(tgt_disk_seek_mapped(&disk, DISK_BYTES), DISK_BYTES);
	EXPECT_EQ(tgt_disk_seek_unmapped(&disk, DISK_BYTES), DISK_BYTES);
	EXPECT_EQ(tgt_disk_seek_mapped(&disk, DISK_BYTES + 1), -ERANGE);
	EXPECT_OK(tgt_disk_write(&queue, 0, mem, DISK_BYTES));
	EXPECT_EQ(tgt_disk_seek_unmapped(&disk, 0), DISK_BYTES);
	EXPECT_OK(tgt_disk_discard(&queue, 64 * 4096, 4096));
	EXPECT_EQ(tgt_disk_seek_unmapped(&disk, 0), 64 * 4096);
	EXPECT_EQ(tgt_disk_seek_mapped(&disk, 64 * 4096), 65 * 4096);
	close_all();
	open_spec("null:1M", 0);
	EXPECT_EQ(tgt_disk_seek_mapped(&disk, 0), DISK_BYTES);
	EXPECT_EQ(tgt_disk_seek_unmapped(&disk, 1), 1);
	close_all();
	open_spec("broken?how=not:[ram:1M]", 0);
	EXPECT_EQ(tgt_disk_seek_mapped(&disk, 7), 7);
	EXPECT_EQ(tgt_disk_seek_unmapped(&disk, 7), DISK_BYTES);
	close_all();
}

/* A target that does something by itself: so many NOPs on queue 0 */
struct ticker {
	struct tgt_op op;
	struct tgt_slab slab;
	u32 left;
};

static struct ticker ticker;

static void tick(struct tgt_queue *q)
{
	struct io_uring_sqe *sqe;

	if (!ticker.left || q->is_stopping || tgt_reserve_sqes(q, 1)) {
		q->nr_busy--;
		return;
	}
	ticker.left--;
	sqe = tgt_get_sqe(q);
	ring_prep_nop(sqe);
	tgt_sqe_owner(sqe, &ticker.op, 0);
}

static void tick_done(struct tgt_queue *q, struct tgt_op *op)
{
	(void)op;
	tick(q);
}

static void ticker_cqe(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 step, s32 res)
{
	(void)t;
	(void)step;
	tgt_complete(q, op, res);
}

static int ticker_init(struct tgt *t, struct tgt_queue *q)
{
	ticker.slab.queue = q;
	ticker.op = (struct tgt_op){ .tgt = t, .done = tick_done, .slab = &ticker.slab };
	q->nr_busy++;
	tgt_complete(q, &ticker.op, 0);
	return 0;
}

static enum tgt_status ticker_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	(void)t;
	(void)q;
	return tgt_finish(op, (s64)op->len_bytes);
}

static const struct tgt_type ticker_type = {
	.name = "ticker", .queue_init = ticker_init, .submit = ticker_submit, .cqe = ticker_cqe,
};

static void works_in_the_background(void)
{
	struct tgt t = {
		.type = &ticker_type, .submit = ticker_submit, .nr_sqes = 1,
		.data_kinds = 1 << TGT_DATA_MEM,
		.limits = { .size_bytes = DISK_BYTES, .logical_shift = 9 },
	};
	struct tgt_tree ticking = { .root = &t, .nodes = &t, .nr = 1 };

	ASSERT_OK(tgt_disk_attach(&disk, &ticking, 0, &why));
	ticker.left = 1000;
	ASSERT_OK(tgt_disk_queue_open(&queue, &disk, 0, 0, &why));
	EXPECT_EQ(ticker.left, 1000);
	EXPECT_OK(tgt_disk_write(&queue, 0, mem, 512));
	EXPECT_EQ(tgt_disk_step(&queue, 0), 0);
	EXPECT_GE(ticker.left, 900);
	EXPECT_OK(tgt_disk_run(&queue, TGT_DISK_FOREVER, true));
	EXPECT_EQ(ticker.left, 0);
	EXPECT_ERR(tgt_disk_run(&queue, 10, false), -ETIMEDOUT);
	tgt_disk_queue_close(&queue);
	/* it never ends by itself */
	ticker.left = ~0U;
	ASSERT_OK(tgt_disk_queue_open(&queue, &disk, 0, 0, &why));
	EXPECT_ERR(tgt_disk_run(&queue, 10, true), -ETIMEDOUT);
	EXPECT_LT(ticker.left, ~0U);
	tgt_disk_queue_close(&queue);
	EXPECT_GT(ticker.left, 0);
	tgt_disk_close(&disk);
}

/* --- closing does not wait for ever ------------------------------------------------------- */

/* piped: a read takes what comes by a pipe, with an entry of the ring; so does what it does
 * by itself, into memory of the queue's in both cases, whenever that is */
static struct {
	struct tgt_op op;
	struct tgt_slab slab;
	s32 fds[2];
	bool is_busy;
	u8 mem[512];
} piped;

static void piped_entry(struct tgt_queue *q, struct tgt_op *op, void *to)
{
	struct io_uring_sqe *sqe;

	ASSERT_OK(tgt_reserve_sqes(q, 1));
	sqe = tgt_get_sqe(q);
	ring_prep_read(sqe, piped.fds[0], to, 512, 0);
	tgt_sqe_owner(sqe, op, 0);
}

static void piped_done(struct tgt_queue *q, struct tgt_op *op)
{
	(void)op;
	q->nr_busy--;
}

static int piped_init(struct tgt *t, struct tgt_queue *q)
{
	piped.slab.queue = q;
	piped.op = (struct tgt_op){ .tgt = t, .done = piped_done, .slab = &piped.slab };
	if (piped.is_busy) {
		q->nr_busy++;
		piped_entry(q, &piped.op, piped.mem);
	}
	return 0;
}

static enum tgt_status piped_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	(void)t;
	piped_entry(q, op, (void *)(uintptr_t)op->data.pieces->at);
	return TGT_PENDING;
}

static const struct tgt_type piped_type = {
	.name = "piped", .queue_init = piped_init, .submit = piped_submit, .cqe = ticker_cqe,
};

static void close_from_done(struct tgt_disk_io *io)
{
	(void)io;
	EXPECT_ERR(tgt_disk_queue_close_in(&queue, 0), -EDEADLK);
}

static void gives_up_closing(void)
{
	struct tgt t = {
		.type = &piped_type, .submit = piped_submit, .nr_sqes = 1,
		.data_kinds = 1 << TGT_DATA_MEM,
		.limits = { .size_bytes = DISK_BYTES, .logical_shift = 9 },
	};
	struct tgt_tree tree_of_one = { .root = &t, .nodes = &t, .nr = 1 };
	struct tgt_disk_buf bufs[] = { { mem, 100 }, { mem + 1000, 412 } };
	struct tgt_disk_io io = {
		.kind = TGT_READ, .bufs = bufs, .nr_bufs = 2, .done = close_from_done,
	};

	memset(bytes, 5, 512);
	EXPECT_OK(tgt_disk_queue_close_in(&queue, 0));
	ASSERT_OK(sys_pipe2(piped.fds, 0));
	ASSERT_OK(tgt_disk_attach(&disk, &tree_of_one, 0, &why));
	for (u32 i = 0; i < 2; i++) {
		test_row(i ? "what it does by itself" : "a request");
		piped.is_busy = i;
		ASSERT_OK(tgt_disk_queue_open(&queue, &disk, 0, 0, &why));
		if (!i)
			ASSERT_OK(tgt_disk_submit(&queue, &io));
		EXPECT_ERR(tgt_disk_queue_close_in(&queue, 0), -ETIMEDOUT);
		EXPECT_ERR(tgt_disk_queue_close_in(&queue, 30), -ETIMEDOUT);
		EXPECT_ERR(tgt_disk_flush(&queue), -ENOTCONN);
		EXPECT_EQ(tgt_disk_step(&queue, 0), 0);
		/* it comes after all, and finds the memory that it was given */
		ASSERT_EQ(sys_write(piped.fds[1], bytes, 512), 512);
		EXPECT_OK(tgt_disk_queue_close_in(&queue, TGT_DISK_FOREVER));
		EXPECT_OK(tgt_disk_queue_close_in(&queue, 0));
	}
	EXPECT_TRUE(io.is_done);
	EXPECT_EQ(io.result, 0);
	EXPECT_MEMEQ(mem, bytes, 100);
	EXPECT_MEMEQ(mem + 1000, bytes, 412);
	EXPECT_MEMEQ(piped.mem, bytes, 512);
	tgt_disk_close(&disk);
}

/* Nobody will hear of a request any more; its memory stays. */
static void closes_without_a_ring(void)
{
	struct tgt_mock_rule rules[] = { { .kind = TGT_WRITE, .holds = true } };
	struct tgt_mock m = { .rules = rules, .nr_rules = 1 };
	struct tgt_disk_buf buf = { mem, 512 };
	struct tgt_disk_io io = { .kind = TGT_WRITE, .bufs = &buf, .nr_bufs = 1 };
	void *slots;

	open_mock(&m, 0, 0);
	ASSERT_OK(tgt_disk_submit(&queue, &io));
	EXPECT_EQ(tgt_disk_step(&queue, 0), 0);
	slots = queue.mem.addr;
	queue.ring.enter_fd = -1;
	EXPECT_ERR(tgt_disk_queue_close_in(&queue, TGT_DISK_FOREVER), -EBADF);
	tgt_disk_queue_close(&queue);
	EXPECT_EQ(queue.mem.addr, slots);
	EXPECT_EQ(m.nr_queues, 1);
	/* it can still be answered */
	EXPECT_TRUE(tgt_mock_release(&m, 0));
	EXPECT_OK(tgt_disk_queue_close_in(&queue, 0));
	EXPECT_EQ(io.result, 0);
	EXPECT_EQ(m.nr_queues, 0);
	close_all();
}

/* Everything at random, against the oracle: lists of odd lengths with guards around */
#define MAX_BLOCKS 80

static void scatter(struct tgt_disk_buf *bufs, u32 *nr_bufs, u64 len, u64 *random)
{
	u8 *p = mem;

	for (*nr_bufs = 0; len; (*nr_bufs)++) {
		u64 part = oracle_below(random, 3) ? 512 * (1 + oracle_below(random, 4)) :
						     oracle_below(random, 1500);

		part = part < len && *nr_bufs < 31 ? part : len;
		p += oracle_below(random, 2) ? oracle_below(random, 64) : 0;
		bufs[*nr_bufs] = (struct tgt_disk_buf){ p, part };
		p += part;
		len -= part;
	}
}

static void gather(const struct tgt_disk_buf *bufs, u32 nr, u8 *linear, bool back)
{
	for (u32 i = 0; i < nr; linear += bufs[i++].len_bytes) {
		if (back)
			memcpy(bufs[i].mem, linear, bufs[i].len_bytes);
		else
			memcpy(linear, bufs[i].mem, bufs[i].len_bytes);
	}
}

static int one_op(struct oracle *o, u64 *random)
{
	static const struct oracle_mix mix = {
		.read = 6, .write = 6, .flush = 1, .discard = 1, .zero = 1,
		.max_blocks = MAX_BLOCKS, .fua_of_16 = 4,
	};
	static u8 linear[MAX_BLOCKS * 512];
	struct tgt_disk_buf bufs[32];
	struct oracle_op op;
	u32 nr_bufs;
	int err;

	oracle_pick(o, random, &mix, 0, o->size_bytes, &op);
	scatter(bufs, &nr_bufs, op.kind <= ORACLE_WRITE ? op.len_bytes : 0, random);
	switch (op.kind) {
	case ORACLE_READ:
		memset(mem, 0xaa, sizeof(linear));
		ASSERT_OK(tgt_disk_readv(&queue, op.offset_bytes, bufs, nr_bufs));
		gather(bufs, nr_bufs, linear, false);
		return oracle_check(o, op.offset_bytes, linear, op.len_bytes, &why);
	case ORACLE_WRITE:
		oracle_write_begin(o, op.offset_bytes, linear, op.len_bytes);
		gather(bufs, nr_bufs, linear, true);
		err = tgt_disk_writev(&queue, op.offset_bytes, bufs, nr_bufs);
		oracle_write_end(o, op.offset_bytes, op.len_bytes, !err, false);
		return err;
	case ORACLE_FLUSH:
		return tgt_disk_flush(&queue);
	case ORACLE_DISCARD:
	case ORACLE_ZERO:
		oracle_zero_begin(o, op.offset_bytes, op.len_bytes);
		err = op.kind == ORACLE_ZERO ?
			      tgt_disk_write_zeroes(&queue, op.offset_bytes, op.len_bytes,
						    op.nounmap) :
			      tgt_disk_discard(&queue, op.offset_bytes, op.len_bytes);
		oracle_zero_end(o, op.offset_bytes, op.len_bytes, !err, op.kind == ORACLE_DISCARD);
		return err;
	}
	return -EINVAL;
}

/* Returns what went wrong, if anything did */
static int random_ops(u32 nr_ops, u64 random)
{
	struct tgt_disk_info info;
	struct oracle o;
	int err = 0;

	ASSERT_OK(tgt_disk_get_info(&disk, &info));
	ASSERT_OK(oracle_init(&o, info.limits.size_bytes, info.sector_size, random));
	for (u32 i = 0; !err && i < nr_ops; i++)
		err = one_op(&o, &random);
	oracle_exit(&o);
	return err;
}

static void is_byte_exact(void)
{
	static const struct {
		const char *spec;
		u32 nr_ops;
		u32 flags;
	} rows[] = {
		{ "ram:1M", 20000, 0 },
		{ "delay?by=0:[ram:1M]", 8000, 0 },
		{ "delay?by=0:[broken?how=not:[integrity:[ram:1200K]]]", 3000, 0 },
		{ "cachesim:[delay?by=0:[ram:1M]]", 3000, TGT_DISK_DURABLE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("%s", rows[i].spec);
		open_spec(rows[i].spec, rows[i].flags);
		if (random_ops(rows[i].nr_ops, 99 + i))
			test_fail("%s: %s", rows[i].spec, why.text);
		close_all();
	}
	for (u32 i = 0; i < 4; i++) {
		struct tgt_mock m = {
			.limits = { .max_io_bytes = 4096, .chunk_bytes = 8192,
				    .max_discard_bytes = 4096,
				    .dma_alignment_bytes = i & 1 ? 32 : 0 },
			.needs_snapshot = i & 2,
		};

		test_row("mock %u", i);
		memset(bytes, 0, DISK_BYTES);
		open_mock(&m, 0, 0);
		if (random_ops(4000, 31 + i))
			test_fail("mock %u: %s", i, why.text);
		close_all();
	}
}

/* so the above would have noticed */
static void notices_broken_targets(void)
{
	static const char *const specs[] = {
		"broken?how=flip&every=50:[ram:1M]", "broken?how=stale&every=50:[ram:1M]",
		"broken?how=lost&every=50:[ram:1M]", "broken?how=torn&every=50:[ram:1M]",
		"broken?how=misdirect&every=50:[ram:1M]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		test_row("%s", specs[i]);
		open_spec(specs[i], 0);
		EXPECT_ERR(random_ops(20000, 7 + i), -EILSEQ);
		close_all();
	}
}

static int sevens(void *ctx, u64 offset_bytes, void *to, u64 len_bytes)
{
	(void)ctx;
	(void)offset_bytes;
	memset(to, 7, len_bytes);
	return 0;
}

static void of_a_backend(void)
{
	static const struct tgt_backend_ops ops = { .read = sevens };
	const struct tgt_backend backend = { .ops = &ops, .limits = { .size_bytes = 4096 } };

	ASSERT_OK(tgt_backend_open(&tree, &backend, &why));
	ASSERT_OK(tgt_disk_attach(&disk, &tree, 0, &why));
	ASSERT_OK(tgt_disk_queue_open(&queue, &disk, 0, 0, &why));
	EXPECT_OK(tgt_disk_read(&queue, 512, mem, 512));
	EXPECT_EQ(mem[511], 7);
	EXPECT_ERR(tgt_disk_write(&queue, 512, mem, 512), -EROFS);
	close_all();
}

static const struct test_case cases[] = {
	TEST("a disk tells about itself", tells_about_itself),
	TEST("after disconnect, and after close, every call says so", is_gone_after_disconnect),
	TEST("disconnect lets end what a target has, and nothing else begin", disconnects_in_the_middle),
	TEST("what is wrong with a request is found before a target sees it", checks_before),
	TEST("what the targets lack is refused, zeroes are written", refuses_what_is_not_offered),
	TEST("requests are cut to what the targets take", cuts_to_the_limits),
	TEST("lists of buffers of any length and place", lists),
	TEST("a target that looks at a write twice gets a copy", takes_snapshots),
	TEST("durable is FUA, or a flush behind, or nothing to do", durability),
	TEST("a durable write ends with its flush", durable_waits_for_the_flush),
	TEST("more requests than slots, answered in any order", many_at_a_time),
	TEST("requests from a callback, and closing waits for them", from_a_callback),
	TEST("a target's error is the result", errors_arrive),
	TEST("errors have names, and legs", errors_have_names),
	TEST("a mirror says which leg an error is of", the_leg_of_a_mirror),
	TEST("a mirror is copied by whoever turns its queue", copies_a_mirror),
	TEST("a disk is resized", resizes),
	TEST("mapped and unmapped places are found", seeks),
	TEST("targets work in the background while somebody turns the queue", works_in_the_background),
	TEST("closing gives up in time, and lets be what may still come", gives_up_closing),
	TEST("without its ring a queue keeps what it has", closes_without_a_ring),
	TEST("a disk is byte-exact under random operations", is_byte_exact, .timeout_ms = 60000),
	TEST("a target that is not is noticed", notices_broken_targets, .timeout_ms = 60000),
	TEST("a disk of callbacks", of_a_backend),
};
TEST_SUITE(targets_disk, cases);
