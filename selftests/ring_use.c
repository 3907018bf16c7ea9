/* SPDX-License-Identifier: MIT */
/* A ring in a test. */
#include "selftests/ring_use.h"

#include <asm/errno.h>
#include <linux/fcntl.h>

#include "selftests/harness/harness.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

void use_ring(struct ring *r, u32 flags)
{
	struct io_uring_params p = { .flags = flags };
	int err = ring_init(r, 32, &p);

	if (err == -ENOSYS)
		test_skip("no io_uring here");
	ASSERT_OK(err);
}

struct io_uring_sqe *use_sqe(struct ring *r)
{
	struct io_uring_sqe *sqe = ring_get_sqe(r);

	ASSERT_NE(sqe, NULL);
	memset(sqe, 0xee, r->flags & IORING_SETUP_SQE128 ? 128 : 64);
	return sqe;
}

struct io_uring_cqe use_cqe(struct ring *r)
{
	struct io_uring_cqe *cqe;
	struct io_uring_cqe copy;

	if (!ring_peek_cqe(r))
		ASSERT_OK(ring_submit_and_wait_timeout(r, 1, 8000000000));
	cqe = ring_peek_cqe(r);
	ASSERT_NE(cqe, NULL);
	copy = (struct io_uring_cqe){
		.user_data = cqe->user_data,
		.res = cqe->res,
		.flags = cqe->flags,
	};
	ring_cq_advance(r, 1);
	return copy;
}

s32 use_result(struct ring *r)
{
	ASSERT_EQ(ring_submit(r), 1);
	return use_cqe(r).res;
}

bool use_quiet(struct ring *r)
{
	ASSERT_OK(ring_get_events(r));
	return !ring_cq_ready(r);
}

int use_file(void)
{
	int fd = sys_openat(AT_FDCWD, "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		fd = sys_memfd_create("use_file", 0);
	ASSERT_OK(fd);
	return fd;
}
