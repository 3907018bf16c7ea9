/* SPDX-License-Identifier: MIT */
/*
 * Adds a device as another program would, without our mark, and leaves it: prints its number.
 * With an ordinary libc.
 */
#include <stdio.h>

#include "ublk/ctrl.h"

#define TIMEOUT_MS 10000

int main(void)
{
	struct ublk_ctrl c = { .via = NULL };
	struct ublksrv_ctrl_dev_info info = {
		.dev_id = ~0U,
		.nr_hw_queues = 1,
		.queue_depth = 1,
		.max_io_buf_bytes = 65536,
	};
	int err = ublk_ctrl_open(&c);

	if (!err)
		err = ublk_ctrl_add_dev(&c, &info, TIMEOUT_MS);
	if (err) {
		fprintf(stderr, "add_foreign: error %d\n", -err);
		return 1;
	}
	printf("%u\n", info.dev_id);
	ublk_ctrl_close(&c);
	return 0;
}
