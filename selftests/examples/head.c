/* SPDX-License-Identifier: MIT */
/* Prints the start of files. Each is opened, read and closed by one system call. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "ring/prep.h"
#include "ring/register.h"
#include "ring/ring.h"

enum { OPEN, READ, CLOSE, NR_REQUESTS };

/* A chain: each request begins when the one before it has ended. The file has no
 * descriptor, but slot 0 of the ring's table. */
static int read_start(struct ring *r, const char *path, void *buf, u32 nr_bytes)
{
	int results[NR_REQUESTS];
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	u32 head;
	int err;

	sqe = ring_get_sqe(r);
	ring_prep_openat_direct(sqe, AT_FDCWD, path, O_RDONLY, 0, 0);
	ring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	ring_sqe_set_data64(sqe, OPEN);

	sqe = ring_get_sqe(r);
	ring_prep_read(sqe, 0, buf, nr_bytes, 0);
	/* Hard: a read that is short, or fails, does not keep the file from being closed. */
	ring_sqe_set_flags(sqe, IOSQE_FIXED_FILE | IOSQE_IO_HARDLINK);
	ring_sqe_set_data64(sqe, READ);

	sqe = ring_get_sqe(r);
	ring_prep_close_direct(sqe, 0);
	ring_sqe_set_data64(sqe, CLOSE);

	err = ring_submit_and_wait(r, NR_REQUESTS);
	if (err < 0)
		return err;
	ring_for_each_cqe(r, head, cqe)
		results[cqe->user_data] = cqe->res;
	ring_cq_advance(r, NR_REQUESTS);
	return results[OPEN] < 0 ? results[OPEN] : results[READ];
}

int main(int argc, char **argv)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
	};
	static char buf[4096];
	struct ring r;
	int err = ring_init(&r, 8, &p);

	if (!err)
		err = ring_register_files_sparse(&r, 1);
	for (int i = 1; i < argc && !err; i++) {
		int got = read_start(&r, argv[i], buf, sizeof(buf));

		if (got < 0)
			fprintf(stderr, "%s: %s\n", argv[i], strerror(-got));
		else
			fwrite(buf, 1, (size_t)got, stdout);
	}
	if (err)
		fprintf(stderr, "io_uring: %s\n", strerror(-err));
	ring_exit(&r);
	return !!err;
}
