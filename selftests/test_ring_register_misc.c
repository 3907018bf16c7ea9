/* SPDX-License-Identifier: MIT */
/* ring/register.h: workers, clock, networking, regions, cancelling, telling and asking */
#include <asm/errno.h>
#include <asm/poll.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "ring/prep.h"
#include "ring/register.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_caps.h"
#include "selftests/ring_use.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/pages.h"
#include "uapi/rt/parse.h"
#include "uapi/sys.h"

enum { DEFER = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, EXITED = 9999 };

/* Splices from an empty pipe hold a worker each, until there is a byte. */
struct held {
	s32 in[2];
	s32 out[2];
};

static void hold(struct ring *r, struct held *h, u64 user_data)
{
	struct io_uring_sqe *sqe = use_sqe(r);

	ring_prep_splice(sqe, h->in[0], -1, h->out[1], -1, 1, 0);
	ring_sqe_set_data64(sqe, user_data);
	ASSERT_EQ(ring_submit(r), 1);
}

static void make_held(struct held *h)
{
	ASSERT_OK(sys_pipe2(h->in, 0));
	ASSERT_OK(sys_pipe2(h->out, 0));
}

struct dirent {
	u64 ino;
	s64 off;
	u16 len_bytes;
	u8 type;
	char name[];
};

/* The threads of this process but the first; *last is one of them */
static u32 nr_workers(int *last)
{
	static char buf[4096] __attribute__((aligned(8)));
	int fd = sys_openat(AT_FDCWD, "/proc/self/task", O_RDONLY | O_DIRECTORY, 0);
	u32 nr = 0;
	long len;

	ASSERT_OK(fd);
	len = sys_getdents64(fd, buf, sizeof(buf));
	ASSERT_OK(len);
	for (long at = 0; at < len;) {
		const struct dirent *d = (const struct dirent *)(const void *)(buf + at);
		u64 tid;

		at += d->len_bytes;
		if (parse_u64(d->name, &tid) || (int)tid == sys_getpid())
			continue;
		*last = (int)tid;
		nr++;
	}
	sys_close(fd);
	return nr;
}

static void wait_for_workers(u32 want)
{
	u64 start = test_now_ms();
	int tid;

	while (nr_workers(&tid) != want && test_now_ms() - start < 3000)
		test_sleep_ms(5);
	test_sleep_ms(100);
	EXPECT_EQ(nr_workers(&tid), want);
}

static void let_go(struct ring *r, struct held *h, u32 nr)
{
	for (u32 i = 0; i < nr; i++) {
		ASSERT_EQ(sys_write(h->in[1], "x", 1), 1);
		EXPECT_EQ(use_cqe(r).res, 1);
	}
}

static void max_workers(void)
{
	u32 values[2] = { 3, 2 };
	struct held h;
	struct ring r;

	make_held(&h);
	use_ring(&r, 0);
	ASSERT_EQ(ring_register_iowq_max_workers(&r, values), 0);
	EXPECT_GT(values[IO_WQ_BOUND], 0);
	EXPECT_GT(values[IO_WQ_UNBOUND], 0);
	for (u32 i = 0; i < 6; i++)
		hold(&r, &h, i);
	wait_for_workers(2);
	values[IO_WQ_BOUND] = 0;
	values[IO_WQ_UNBOUND] = 4;
	ASSERT_EQ(ring_register_iowq_max_workers(&r, values), 0);
	EXPECT_EQ(values[IO_WQ_BOUND], 3);
	EXPECT_EQ(values[IO_WQ_UNBOUND], 2);
	values[IO_WQ_UNBOUND] = 0;
	values[IO_WQ_BOUND] = 0;
	ASSERT_EQ(ring_register_iowq_max_workers(&r, values), 0);
	EXPECT_EQ(values[IO_WQ_BOUND], 3);
	EXPECT_EQ(values[IO_WQ_UNBOUND], 4);
	let_go(&r, &h, 6);
	values[0] = 1U << 31;
	EXPECT_ERR(ring_register_iowq_max_workers(&r, values), -EINVAL);
	EXPECT_ERR(ring_register_iowq_max_workers(&r, NULL), -EINVAL);
	ring_exit(&r);
	EXPECT_ERR(ring_register_iowq_max_workers(&r, values), -EBADF);
}

static void affinity(void)
{
	u64 all[64] = { 0 };
	u64 mask[64] = { 0 };
	u64 got[64] = { 0 };
	int len = sys_sched_getaffinity(0, sizeof(all), all);
	struct held h;
	struct ring r;
	int tid = 0;
	u32 cpu = 0;

	ASSERT_GT(len, 0);
	while (!(all[cpu / 64] & 1ULL << cpu % 64))
		cpu++;
	mask[cpu / 64] = 1ULL << cpu % 64;
	make_held(&h);
	use_ring(&r, 0);
	EXPECT_ERR(ring_register_iowq_aff(&r, 0, mask), -EINVAL);
	EXPECT_ERR(ring_register_iowq_aff(&r, (size_t)len, NULL), -EINVAL);
	EXPECT_ERR(ring_register_iowq_aff(&r, (size_t)len, (void *)16), -EFAULT);
	ASSERT_EQ(ring_register_iowq_aff(&r, (size_t)len, mask), 0);
	hold(&r, &h, 1);
	wait_for_workers(1);
	ASSERT_EQ(nr_workers(&tid), 1);
	ASSERT_EQ(sys_sched_getaffinity(tid, sizeof(got), got), len);
	EXPECT_MEMEQ(got, mask, (size_t)len);
	let_go(&r, &h, 1);
	ASSERT_EQ(ring_unregister_iowq_aff(&r), 0);
	ring_exit(&r);
	EXPECT_ERR(ring_unregister_iowq_aff(&r), -EBADF);
}

/* One wait by EXT_ARG; absolute if flags say so */
static int wait_until(struct ring *r, u64 ns, u32 flags)
{
	struct __kernel_timespec ts = { .tv_sec = (s64)(ns / 1000000000),
					.tv_nsec = (s64)(ns % 1000000000) };
	struct io_uring_getevents_arg arg = { .ts = (u64)(uintptr_t)&ts };

	flags |= IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
	return sys_io_uring_enter(r->fd, 0, 1, flags, &arg, sizeof(arg));
}

static u64 now_ns(u32 clock)
{
	struct __kernel_timespec ts;

	ASSERT_OK(sys_clock_gettime((int)clock, &ts));
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

/* Where a machine has slept the two clocks differ, and a wrong one shows. */
static void clocks(void)
{
	static const u32 ids[] = { CLOCK_BOOTTIME, CLOCK_MONOTONIC };
	struct ring r;

	use_ring(&r, 0);
	NEED_REGISTER(IORING_REGISTER_CLOCK);
	for (u32 i = 0; i < ARRAY_SIZE(ids); i++) {
		struct io_uring_clock_register clock = { .clockid = ids[i] };
		u64 end_ns;

		test_row("clock %u", ids[i]);
		ASSERT_EQ(ring_register_clock(&r, &clock), 0);
		end_ns = now_ns(ids[i]) + 30000000;
		EXPECT_ERR(wait_until(&r, end_ns, IORING_ENTER_ABS_TIMER), -ETIME);
		EXPECT_GE(now_ns(ids[i]), end_ns);
		EXPECT_LT(now_ns(ids[i]), end_ns + 2000000000);
		end_ns = now_ns(ids[i]) + 10000000;
		EXPECT_ERR(wait_until(&r, 10000000, 0), -ETIME);
		EXPECT_GE(now_ns(ids[i]), end_ns);
	}
	test_row("misuse");
	EXPECT_ERR(ring_register_clock(&r, &(struct io_uring_clock_register){ .clockid = 0 }),
		   -EINVAL);
	EXPECT_ERR(ring_register_clock(&r, NULL), -EINVAL);
	ring_exit(&r);
}

static void napi(void)
{
	struct io_uring_napi set = { .busy_poll_to = 50, .prefer_busy_poll = 1 };
	struct io_uring_napi got = { .busy_poll_to = 10000 };
	struct ring r;
	int err;

	use_ring(&r, 0);
	NEED_REGISTER(IORING_REGISTER_NAPI);
	err = ring_register_napi(&r, &set);
	if (err == -EOPNOTSUPP)
		test_skip("a kernel without CONFIG_NET_RX_BUSY_POLL");
	ASSERT_EQ(err, 0);
	EXPECT_EQ(set.prefer_busy_poll, 0);
	/* Each tells what was set before it. */
	ASSERT_EQ(ring_register_napi(&r, &got), 0);
	EXPECT_EQ(got.busy_poll_to, 50);
	EXPECT_EQ(got.prefer_busy_poll, 1);
	ASSERT_EQ(ring_unregister_napi(&r, &got), 0);
	EXPECT_EQ(got.busy_poll_to, 10000);
	EXPECT_EQ(got.prefer_busy_poll, 0);
	ASSERT_EQ(ring_unregister_napi(&r, &got), 0);
	EXPECT_EQ(got.busy_poll_to, 0);
	EXPECT_EQ(ring_unregister_napi(&r, NULL), 0);
	got.pad[0] = 1;
	EXPECT_ERR(ring_register_napi(&r, &got), -EINVAL);
	EXPECT_ERR(ring_register_napi(&r, NULL), -EINVAL);
	ring_exit(&r);
}

static void napi_ids(void)
{
	struct io_uring_napi napi = { .op_param = IO_URING_NAPI_TRACKING_STATIC };
	struct ring r;
	int err;

	use_ring(&r, 0);
	NEED_REGISTER(IORING_REGISTER_NAPI);
	err = ring_register_napi(&r, &napi);
	if (err == -EINVAL)
		need_linux("6.13", "static tracking of network queues");
	ASSERT_EQ(err, 0);
	napi = (struct io_uring_napi){ .opcode = IO_URING_NAPI_STATIC_ADD_ID, .op_param = 8888 };
	EXPECT_EQ(ring_register_napi(&r, &napi), 0);
	EXPECT_EQ(napi.op_param, IO_URING_NAPI_TRACKING_STATIC);
	napi = (struct io_uring_napi){ .opcode = IO_URING_NAPI_STATIC_ADD_ID, .op_param = 8888 };
	EXPECT_ERR(ring_register_napi(&r, &napi), -EEXIST);
	napi = (struct io_uring_napi){ .opcode = IO_URING_NAPI_STATIC_DEL_ID, .op_param = 8888 };
	EXPECT_EQ(ring_register_napi(&r, &napi), 0);
	napi = (struct io_uring_napi){ .opcode = IO_URING_NAPI_STATIC_DEL_ID, .op_param = 8888 };
	EXPECT_ERR(ring_register_napi(&r, &napi), -ENOENT);
	napi = (struct io_uring_napi){ .op_param = IO_URING_NAPI_TRACKING_DYNAMIC };
	EXPECT_EQ(ring_register_napi(&r, &napi), 0);
	napi = (struct io_uring_napi){ .opcode = IO_URING_NAPI_STATIC_ADD_ID, .op_param = 8888 };
	EXPECT_ERR(ring_register_napi(&r, &napi), -EINVAL);
	napi = (struct io_uring_napi){ .op_param = 77 };
	EXPECT_ERR(ring_register_napi(&r, &napi), -EINVAL);
	ring_exit(&r);
}

/* A wait whose time stands in entry @idx of the region */
static int wait_by_region(struct ring *r, struct io_uring_reg_wait *waits, u32 idx, s64 ns)
{
	waits[idx] = (struct io_uring_reg_wait){ .ts.tv_nsec = ns, .flags = IORING_REG_WAIT_TS };
	return sys_io_uring_enter(r->fd, 0, 1,
				  IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG |
					  IORING_ENTER_EXT_ARG_REG,
				  (void *)(uintptr_t)(idx * sizeof(*waits)), sizeof(*waits));
}

static void use_waits(struct ring *r, struct io_uring_reg_wait *waits)
{
	for (u32 idx = 0; idx < 3; idx++) {
		u64 start_ns = now_ns(CLOCK_MONOTONIC);

		EXPECT_ERR(wait_by_region(r, waits, idx, (idx + 1) * 10000000), -ETIME);
		EXPECT_GE(now_ns(CLOCK_MONOTONIC) - start_ns, (idx + 1) * 10000000);
	}
}

static void regions(void)
{
	const bool is_ours = *(const bool *)test_param();
	struct io_uring_region_desc region = { .size = pages_size() };
	struct io_uring_mem_region_reg reg = {
		.region_uptr = (u64)(uintptr_t)&region,
		.flags = IORING_MEM_REGION_REG_WAIT_ARG,
	};
	struct pages p;
	void *addr = NULL;
	struct ring r;

	NEED_REGISTER(IORING_REGISTER_MEM_REGION);
	use_ring(&r, IORING_SETUP_R_DISABLED);
	ASSERT_EQ(pages_map(&p, 1), 0);
	if (is_ours) {
		region.user_addr = (u64)(uintptr_t)p.addr;
		region.flags = IORING_MEM_REGION_TYPE_USER;
	}
	ASSERT_EQ(ring_register_region(&r, &reg), 0);
	EXPECT_ERR(ring_register_region(&r, &reg), -EBUSY);
	ASSERT_EQ(ring_enable_rings(&r), 0);
	if (is_ours) {
		EXPECT_ERR(ring_map_region(&r, &region, &addr), -EINVAL);
		EXPECT_EQ(addr, NULL);
		use_waits(&r, p.addr);
	} else {
		ASSERT_EQ(ring_map_region(&r, &region, &addr), 0);
		use_waits(&r, addr);
		ring_unmap_region(&region, addr);
		EXPECT_ERR(sys_madvise(addr, 1, MADV_NORMAL), -ENOMEM);
	}
	ring_exit(&r);
	EXPECT_ERR(ring_register_region(&r, &reg), -EBADF);
	pages_unmap(&p);
}

static void bad_regions(void)
{
	const u64 page = pages_size();
	struct io_uring_region_desc bad[] = {
		{ .size = page + 8 },
		{ .size = 0 },
		{ .size = page, .flags = 8 },
		{ .size = page, .flags = IORING_MEM_REGION_TYPE_USER },
		{ .size = page, .user_addr = page * 16 },
	};
	static const int errs[] = { -EINVAL, -EINVAL, -EINVAL, -EFAULT, -EFAULT };
	struct io_uring_mem_region_reg reg = { .flags = 0 };
	struct ring r;

	use_ring(&r, 0);
	NEED_REGISTER(IORING_REGISTER_MEM_REGION);
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		test_row("row %u", i);
		reg.region_uptr = (u64)(uintptr_t)&bad[i];
		EXPECT_ERR(ring_register_region(&r, &reg), errs[i]);
	}
	test_row("the ring");
	bad[0].size = page;
	reg.region_uptr = (u64)(uintptr_t)&bad[0];
	reg.flags = IORING_MEM_REGION_REG_WAIT_ARG; /* on a ring that is enabled */
	EXPECT_ERR(ring_register_region(&r, &reg), -EINVAL);
	EXPECT_ERR(ring_register_region(&r, NULL), -EINVAL);
	reg.flags = 0;
	EXPECT_EQ(ring_register_region(&r, &reg), 0);
	ring_exit(&r);
}

static u64 poll_on(struct ring *r, int fd, u64 user_data)
{
	struct io_uring_sqe *sqe = use_sqe(r);

	ring_prep_poll_add(sqe, fd, POLLIN);
	ring_sqe_set_data64(sqe, user_data);
	ASSERT_EQ(ring_submit(r), 1);
	return user_data;
}

static void expect_cancelled(struct ring *r, u64 user_data)
{
	struct io_uring_cqe cqe = use_cqe(r);

	EXPECT_EQ(cqe.user_data, user_data);
	EXPECT_EQ(cqe.res, -ECANCELED);
}

static void sync_cancel(void)
{
	struct io_uring_sync_cancel_reg reg = { .timeout = { -1, -1 } };
	s32 fd = sys_eventfd2(0, 0);
	struct ring r;

	use_ring(&r, *(const u32 *)test_param());
	reg.addr = 9;
	EXPECT_ERR(ring_register_sync_cancel(&r, &reg), -ENOENT);
	poll_on(&r, fd, 8);
	poll_on(&r, fd, 9);
	ASSERT_EQ(ring_register_sync_cancel(&r, &reg), 0);
	expect_cancelled(&r, 9);
	EXPECT_TRUE(use_quiet(&r));
	/* by descriptor, and all of them */
	poll_on(&r, fd, 8);
	reg.flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL;
	reg.fd = EXITED;
	EXPECT_ERR(ring_register_sync_cancel(&r, &reg), -EBADF);
	reg.fd = fd;
	EXPECT_EQ(ring_register_sync_cancel(&r, &reg), 2);
	expect_cancelled(&r, 8);
	expect_cancelled(&r, 8);
	EXPECT_EQ(ring_register_sync_cancel(&r, &reg), 0);
	/* by slot */
	ASSERT_EQ(ring_register_files(&r, &fd, 1), 0);
	reg.flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_FD_FIXED;
	reg.fd = 0;
	poll_on(&r, fd, 10);
	EXPECT_EQ(ring_register_sync_cancel(&r, &reg), 0);
	expect_cancelled(&r, 10);
	reg.fd = 1;
	EXPECT_ERR(ring_register_sync_cancel(&r, &reg), -EBADF);
	reg.flags = 1U << 31;
	EXPECT_ERR(ring_register_sync_cancel(&r, &reg), -EINVAL);
	EXPECT_ERR(ring_register_sync_cancel(&r, NULL), -EINVAL);
	ring_exit(&r);
	EXPECT_ERR(ring_register_sync_cancel(&r, &reg), -EBADF);
}

/*
 * What a worker is in the midst of is told to stop and waited for: as long as
 * it takes, or not at all. It may be quicker than no time, so that is tried
 * often. Linux 6.1 looks for the end too early and then for ever.
 */
static void sync_cancel_waits(void)
{
	struct io_uring_sync_cancel_reg reg = { .addr = 5, .timeout = { 3, 0 } };
	u32 nr_late = 0;
	struct held h;
	struct ring r;
	int tid;
	int err;

	make_held(&h);
	use_ring(&r, 0);
	hold(&r, &h, 5);
	wait_for_workers(1);
	err = ring_register_sync_cancel(&r, &reg);
	/* The kernel looks twice: what ended at the first look is not there at the second. */
	EXPECT_TRUE(err == 0 || err == -ENOENT || (err == -ETIME && !is_linux("6.12")));
	EXPECT_EQ(ring_cq_ready(&r), 1);
	EXPECT_LT(use_cqe(&r).res, 0);
	reg.timeout = (struct __kernel_timespec){ .tv_sec = 0 };
	for (u32 i = 0; i < 200 && nr_late < 3; i++) {
		hold(&r, &h, 5);
		while (!nr_workers(&tid))
			test_sleep_ms(1);
		test_sleep_ms(20);
		err = ring_register_sync_cancel(&r, &reg);
		test_row("round %u: %d", i, err);
		EXPECT_TRUE(err == 0 || err == -ETIME || (err == -ENOENT && ring_cq_ready(&r)));
		nr_late += err == -ETIME;
		EXPECT_LT(use_cqe(&r).res, 0);
	}
	EXPECT_GT(nr_late, 0);
	ring_exit(&r);
}

static void messages(void)
{
	static const u32 kinds[] = { 0, DEFER };
	struct io_uring_sqe sqe;
	int fd = use_file();
	struct ring r;

	use_ring(&r, IORING_SETUP_R_DISABLED);
	NEED_REGISTER(IORING_REGISTER_SEND_MSG_RING);
	ring_prep_msg_ring(&sqe, r.fd, 1, 2, 0);
	EXPECT_ERR(ring_register_sync_msg(&sqe), -EBADFD);
	ring_exit(&r);
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct io_uring_cqe cqe;

		test_row("flags 0x%x", kinds[i]);
		use_ring(&r, kinds[i]);
		ring_prep_msg_ring(&sqe, r.fd, 77, 0x123456789abcdef0, 0);
		EXPECT_EQ(ring_register_sync_msg(&sqe), 0);
		cqe = use_cqe(&r);
		EXPECT_EQ(cqe.res, 77);
		EXPECT_EQ(cqe.user_data, 0x123456789abcdef0);
		EXPECT_EQ(cqe.flags, 0);
		ring_sqe_set_flags(&sqe, IOSQE_CQE_SKIP_SUCCESS);
		EXPECT_ERR(ring_register_sync_msg(&sqe), -EINVAL);
		ring_prep_msg_ring(&sqe, fd, 1, 2, 0);
		EXPECT_ERR(ring_register_sync_msg(&sqe), -EBADFD);
		ring_prep_msg_ring(&sqe, EXITED, 1, 2, 0);
		EXPECT_ERR(ring_register_sync_msg(&sqe), -EBADF);
		ring_prep_msg_ring_fd(&sqe, r.fd, fd, 0, 2, 0);
		EXPECT_ERR(ring_register_sync_msg(&sqe), -EINVAL);
		ring_prep_nop(&sqe);
		EXPECT_ERR(ring_register_sync_msg(&sqe), -EINVAL);
		EXPECT_ERR(ring_register_sync_msg(NULL), -EINVAL);
		EXPECT_TRUE(use_quiet(&r));
		ring_exit(&r);
	}
}

static void probe(void)
{
	static u64 mem[2 + 256];
	struct io_uring_probe *p = (struct io_uring_probe *)(void *)mem;
	struct ring r;

	use_ring(&r, 0);
	EXPECT_TRUE(!ring_opcode_supported(p, IORING_OP_NOP));
	ASSERT_EQ(ring_register_probe(&r, p, 256), 0);
	EXPECT_EQ(p->ops_len, p->last_op + 1);
	EXPECT_TRUE(ring_opcode_supported(p, IORING_OP_NOP));
	EXPECT_TRUE(ring_opcode_supported(p, IORING_OP_SEND_ZC));
	EXPECT_TRUE(!ring_opcode_supported(p, 254));
	EXPECT_TRUE(!ring_opcode_supported(p, 255));
	EXPECT_ERR(ring_register_probe(&r, p, 256), -EINVAL); /* full of answers */
	memset(mem, 0, sizeof(mem));
	EXPECT_ERR(ring_register_probe(&r, p, 257), -EINVAL);
	EXPECT_ERR(ring_register_probe(&r, NULL, 1), -EINVAL);
	ASSERT_EQ(ring_register_probe(&r, p, 3), 0);
	EXPECT_EQ(p->ops_len, 3);
	EXPECT_GT(p->last_op, 40);
	EXPECT_TRUE(!ring_opcode_supported(p, IORING_OP_READ));
	ring_exit(&r);
	EXPECT_ERR(ring_register_probe(&r, p, 3), -EBADF);
}

static void query(void)
{
	struct {
		struct io_uring_query_opcode ops;
		u64 more[4];
	} q;
	struct io_uring_query_scq scq = { .hdr_size = 0 };
	struct ring r;
	int err;

	use_ring(&r, 0);
	NEED_REGISTER(IORING_REGISTER_QUERY);
	memset(&q, 0xee, sizeof(q));
	EXPECT_GE(ring_query(IO_URING_QUERY_OPCODES, &q, sizeof(q)), 40);
	EXPECT_GT(q.ops.nr_request_opcodes, IORING_OP_PIPE);
	EXPECT_GT(q.ops.nr_register_opcodes, IORING_REGISTER_QUERY);
	EXPECT_EQ(q.ops.feature_flags & r.features, r.features);
	EXPECT_NE(q.ops.ring_setup_flags & IORING_SETUP_CQE_MIXED, 0);
	EXPECT_NE(q.ops.enter_flags & IORING_ENTER_NO_IOWAIT, 0);
	EXPECT_NE(q.ops.sqe_flags & IOSQE_CQE_SKIP_SUCCESS, 0);
	EXPECT_MEMEQ(q.more, ((u64[4]){ 0 }), sizeof(q.more));
	/* A caller who knows less is told less. */
	memset(&q, 0, sizeof(q));
	EXPECT_EQ(ring_query(IO_URING_QUERY_OPCODES, &q, 8), 8);
	EXPECT_GT(q.ops.nr_request_opcodes, IORING_OP_PIPE);
	EXPECT_EQ(q.ops.feature_flags, 0);
	EXPECT_ERR(ring_query(9999, &q, sizeof(q)), -EOPNOTSUPP);
	EXPECT_ERR(ring_query(IO_URING_QUERY_OPCODES, &q, 0), -EINVAL);
	EXPECT_ERR(ring_query(IO_URING_QUERY_OPCODES, NULL, 8), -EFAULT);
	err = ring_query(IO_URING_QUERY_SCQ, &scq, sizeof(scq));
	if (err == -EOPNOTSUPP)
		need_linux("6.19", "IO_URING_QUERY_SCQ");
	EXPECT_EQ(err, sizeof(scq));
	EXPECT_GE(scq.hdr_size, 48);
	EXPECT_GT(scq.hdr_alignment, 0);
	ring_exit(&r);
}

/* The way to what has no function of its own */
static void pass_through(void)
{
	struct io_uring_zcrx_ifq_reg ifq = { .rq_entries = 0 };
	struct ring r;

	use_ring(&r, 0);
	EXPECT_ERR(ring_register(&r, 1000, NULL, 0), -EINVAL);
	EXPECT_ERR(ring_register(&r, IORING_REGISTER_PERSONALITY, NULL, 1), -EINVAL);
	EXPECT_GT(ring_register(&r, IORING_REGISTER_PERSONALITY, NULL, 0), 0);
	EXPECT_LT(ring_register(&r, IORING_REGISTER_ZCRX_IFQ, &ifq, 1), 0);
	EXPECT_LT(ring_register_blind(IORING_REGISTER_PERSONALITY, NULL, 0), 0);
	EXPECT_ERR(ring_register_blind(1000, NULL, 0), -EINVAL);
	ring_exit(&r);
	EXPECT_ERR(ring_register(&r, IORING_REGISTER_PERSONALITY, NULL, 0), -EBADF);
}

static const bool ours = true;
static const bool kernels;
static const u32 plain;
static const u32 deferred = DEFER;

static const struct test_case cases[] = {
	TEST("there are as many workers as are allowed", max_workers),
	TEST("workers run where they are told to", affinity),
	TEST("waits are measured with the clock of the ring", clocks),
	TEST("settings of network polling are read back", napi),
	TEST("network queues are named one by one", napi_ids),
	TEST("a region of ours holds what waits want", regions, .param = &ours),
	TEST("a region of the kernel's holds what waits want", regions, .param = &kernels),
	TEST("what cannot be a region is refused", bad_regions),
	TEST("requests are cancelled by number, descriptor and slot", sync_cancel, .param = &plain),
	TEST("they are on a ring that defers its work", sync_cancel, .param = &deferred),
	TEST("cancelling waits for a worker, or does not", sync_cancel_waits),
	TEST("a message arrives that no ring has sent", messages),
	TEST("a probe tells opcodes", probe),
	TEST("queries are answered without a ring", query),
	TEST("any operation can be had by its number", pass_through),
};
TEST_SUITE(ring_register_misc, cases);
