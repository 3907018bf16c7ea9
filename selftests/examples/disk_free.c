/* SPDX-License-Identifier: MIT */
/* The same without a libc, and without a thread: one loop serves and watches. */
#include "uapi/rt/free/start.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/pages.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"
#include "ublk/dev.h"
#include "ublk/targets/backend.h"

static int mem_read(void *ctx, u64 offset_bytes, void *mem, u64 len_bytes)
{
	memcpy(mem, (char *)ctx + offset_bytes, len_bytes);
	return 0;
}

static int mem_write(void *ctx, u64 offset_bytes, const void *mem, u64 len_bytes)
{
	memcpy((char *)ctx + offset_bytes, mem, len_bytes);
	return 0;
}

static const struct tgt_backend_ops ops = { .read = mem_read, .write = mem_write };

int rt_main(const struct rt_start *start)
{
	struct tgt_backend backend = { .ops = &ops, .limits = { .size_bytes = 64 << 20 } };
	struct ublk_dev_opts opts = { .dev_id = UBLK_AUTO_ID, .name = "mydisk" };
	struct ublk_error error;
	struct ublk_dev dev;
	struct tgt_tree tree;
	struct pages mem;
	int ret;

	(void)start;
	if (pages_map(&mem, backend.limits.size_bytes))
		return 1;
	backend.ctx = mem.addr;
	if (tgt_backend_open(&tree, &backend, &error.why))
		return 1;
	opts.tree = &tree;
	if (ublk_dev_create_and_start(&dev, &opts, &error)) {
		(void)sys_write(2, error.why.text, str_len(error.why.text));
		return 1;
	}
	(void)sys_write(1, "live\n", 5);
	do {
		ret = ublk_dev_step(&dev, RING_NO_TIMEOUT);
	} while (ret > 0); /* until "bareblk ublk stop" or "del" */
	ret = ublk_dev_release(&dev, &error);
	tgt_close(&tree);
	return ret != 0;
}
