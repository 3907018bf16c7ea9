/* SPDX-License-Identifier: MIT */
/* A disk in 64 MiB of memory, in a program of its own: runs until Enter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ublk/dev.h"
#include "ublk/pthreads.h"
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

int main(void)
{
	static struct ublk_pthreads pool;
	static struct ublk_dev dev;
	struct tgt_backend backend = { .ops = &ops, .limits = { .size_bytes = 64 << 20 } };
	struct ublk_dev_opts opts = { .dev_id = UBLK_AUTO_ID, .name = "mydisk" };
	struct ublk_dev_info info;
	struct ublk_error error;
	struct tgt_tree tree;

	backend.ctx = calloc(1, backend.limits.size_bytes);
	if (!backend.ctx || tgt_backend_open(&tree, &backend, &error.why))
		return 1;
	opts.tree = &tree;
	opts.threads = ublk_pthreads_init(&pool);
	if (ublk_dev_create_and_start(&dev, &opts, &error)) {
		fprintf(stderr, "%s: %s (%s)\n", error.step, error.why.text, err_name(error.err));
		return 1;
	}
	ublk_dev_info(&dev, &info);
	printf("%s: %llu bytes\n", info.block_path, info.size_bytes);
	fflush(stdout);
	getchar();
	ublk_dev_close(&dev, NULL);
	tgt_close(&tree);
	free(backend.ctx);
	return 0;
}
