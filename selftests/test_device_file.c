/* SPDX-License-Identifier: MIT */
/*
 * The file target on a disk that loses its power: a device of ours whose cache
 * forgets what was not flushed (cachesim). Each cut goes through the kernel's block
 * layer, so what is lost or kept is what FLUSH and FUA of the target have reached.
 */
#if !__STDC_HOSTED__

#include <asm/errno.h>

#include "selftests/broken.h"
#include "selftests/device.h"
#include "selftests/judge.h"
#include "uapi/rt/fmt.h"
#include "ublk/targets/targets.h"

#define MAX_BLOCKS 32

struct cuts {
	const char *params;
	u8 data; /* enum judge_data */
	u32 nr_rounds;
	bool is_bad; /* and so has to be caught */
};

struct disk {
	struct tgt_tree tree; /* below: it stays when its power fails */
	struct ublk_dev dev;
	struct device_threads threads;
	struct oracle o;
	u64 random;
};

static void power_on(struct disk *disk, char spec[128], const char *params)
{
	struct ublk_dev_opts opts = {
		.tree = &disk->tree,
		.threads = device_thread_hook(&disk->threads),
		.dev_id = UBLK_AUTO_ID,
		.depth = 16,
	};
	struct ublk_dev_info info;
	struct ublk_error error;

	if (ublk_dev_create(&disk->dev, &opts, &error))
		device_fail(&error);
	ublk_dev_info(&disk->dev, &info);
	device_record(info.dev_id);
	if (ublk_dev_start(&disk->dev, &error))
		device_fail(&error);
	fmt_print(spec, 128, "file:%s%s", info.block_path, params);
}

static int work(struct disk *disk, const char *spec, const struct cuts *c, struct diag *why)
{
	const struct oracle_mix mix = {
		.read = 2, .write = 8, .flush = 1, .zero = 1, .max_blocks = MAX_BLOCKS,
		.fua_of_16 = 3,
	};
	struct opdriver d;
	struct judge j;
	int err = 0;

	opd_open(&d, tgt_types, spec);
	judge_init(&j, &d, &disk->o, MAX_BLOCKS * 512, 4, disk->random);
	judge_use_data(&j, c->data);
	for (u64 i = oracle_below(&disk->random, 60); !err && i > 0; i--) {
		struct oracle_op op;

		oracle_pick(&disk->o, &disk->random, &mix, 0, disk->o.size_bytes, &op);
		err = judge_op(&j, &op, why);
	}
	judge_exit(&j);
	opd_close(&d);
	return err;
}

/* By ops on what is below, when nobody else is there any more */
static int cut(struct disk *disk, u64 dice, struct diag *why)
{
	struct opdriver d;
	struct judge j;
	int err;

	opd_attach(&d, &disk->tree, 0);
	judge_init(&j, &d, &disk->o, MAX_BLOCKS * 512, 4, 1);
	ASSERT_OK(opd_simple(&d, BROKEN_POWER_CUT, dice, 0, 0));
	oracle_power_cut(&disk->o);
	err = judge_all(&j, why);
	judge_exit(&j);
	opd_close(&d);
	return err;
}

static void survives(void)
{
	static struct disk disk;
	const struct cuts *c = test_param();
	struct diag why = { .text = "" };
	struct ublk_error error;
	u32 round;
	int err = 0;

	ASSERT_OK(tgt_open(&disk.tree, broken_types, "cachesim:[ram:256K]", &why));
	ASSERT_OK(oracle_init(&disk.o, 256 << 10, 512, 31));
	disk.random = 4711 + c->nr_rounds;
	for (round = 0; !err && round < c->nr_rounds; round++) {
		char spec[128];

		power_on(&disk, spec, c->params);
		err = work(&disk, spec, c, &why);
		if (ublk_dev_close(&disk.dev, &error))
			device_fail(&error);
		if (!err)
			err = cut(&disk, round % 3 ? oracle_random(&disk.random) : 0, &why);
	}
	test_log("%s: %u power cuts: %s", c->params, round, why.text);
	if (c->is_bad)
		EXPECT_ERR(err, -EILSEQ);
	else if (err)
		test_fail("%s: power cut %u: %s", c->params, round, why.text);
	oracle_exit(&disk.o);
	tgt_close(&disk.tree);
}

static const struct cuts rows[] = {
	{ "?direct=1", JUDGE_BLOCKS, 80, false },
	{ "?direct=1&io=calls", JUDGE_MEM, 40, false },
	{ "?io=mapped", JUDGE_FILE, 80, false },
	{ "?direct=1&sync=none", JUDGE_BLOCKS, 40, true },
	{ "?io=mapped&sync=none", JUDGE_FILE, 40, true },
};

#define CUTS(row, name)										\
	TEST(name, survives, .timeout_ms = 120000, .fixture = &device_fixture, .param = &rows[row])

static const struct test_case cases[] = {
	CUTS(0, "what was flushed, or FUA, outlives 80 power cuts of the disk below"),
	CUTS(1, "... 40 where it goes by calls"),
	CUTS(2, "... 80 where it goes through the page cache"),
	CUTS(3, "sync=none loses what was flushed, which is noticed"),
	CUTS(4, "... and so through the page cache"),
};
TEST_SUITE(device_file, cases);

#endif
