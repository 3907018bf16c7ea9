/* SPDX-License-Identifier: MIT */
/* Whether this kernel's io_uring has a thing, and whether it should. */
#include "selftests/ring_caps.h"

#include <asm/errno.h>
#include <linux/mman.h>

#include "ring/prep.h"
#include "ring/ring.h"
#include "selftests/harness/harness.h"
#include "uapi/rt/parse.h"
#include "uapi/sys.h"

/* First releases, by number */
static const char *const op_releases[] = {
	[IORING_OP_NOP ... IORING_OP_POLL_REMOVE] = "5.1",
	[IORING_OP_SYNC_FILE_RANGE] = "5.2",
	[IORING_OP_SENDMSG ... IORING_OP_RECVMSG] = "5.3",
	[IORING_OP_TIMEOUT] = "5.4",
	[IORING_OP_TIMEOUT_REMOVE ... IORING_OP_CONNECT] = "5.5",
	[IORING_OP_FALLOCATE ... IORING_OP_EPOLL_CTL] = "5.6",
	[IORING_OP_SPLICE ... IORING_OP_REMOVE_BUFFERS] = "5.7",
	[IORING_OP_TEE] = "5.8",
	[IORING_OP_SHUTDOWN ... IORING_OP_UNLINKAT] = "5.11",
	[IORING_OP_MKDIRAT ... IORING_OP_LINKAT] = "5.15",
	[IORING_OP_MSG_RING] = "5.18",
	[IORING_OP_FSETXATTR ... IORING_OP_URING_CMD] = "5.19",
	[IORING_OP_SEND_ZC] = "6.0",
	[IORING_OP_SENDMSG_ZC] = "6.1",
	[IORING_OP_READ_MULTISHOT ... IORING_OP_FUTEX_WAITV] = "6.7",
	[IORING_OP_FIXED_FD_INSTALL] = "6.8",
	[IORING_OP_FTRUNCATE] = "6.9",
	[IORING_OP_BIND ... IORING_OP_LISTEN] = "6.11",
	[IORING_OP_RECV_ZC ... IORING_OP_WRITEV_FIXED] = "6.15",
	[IORING_OP_PIPE] = "6.16",
	[IORING_OP_NOP128 ... IORING_OP_URING_CMD128] = "6.19",
};

static const char *const register_releases[] = {
	[IORING_REGISTER_BUFFERS ... IORING_UNREGISTER_FILES] = "5.1",
	[IORING_REGISTER_EVENTFD ... IORING_UNREGISTER_EVENTFD] = "5.2",
	[IORING_REGISTER_FILES_UPDATE] = "5.5",
	[IORING_REGISTER_EVENTFD_ASYNC ... IORING_UNREGISTER_PERSONALITY] = "5.6",
	[IORING_REGISTER_RESTRICTIONS ... IORING_REGISTER_ENABLE_RINGS] = "5.10",
	[IORING_REGISTER_FILES2 ... IORING_REGISTER_BUFFERS_UPDATE] = "5.13",
	[IORING_REGISTER_IOWQ_AFF ... IORING_UNREGISTER_IOWQ_AFF] = "5.14",
	[IORING_REGISTER_IOWQ_MAX_WORKERS] = "5.15",
	[IORING_REGISTER_RING_FDS ... IORING_UNREGISTER_RING_FDS] = "5.18",
	[IORING_REGISTER_PBUF_RING ... IORING_UNREGISTER_PBUF_RING] = "5.19",
	[IORING_REGISTER_SYNC_CANCEL ... IORING_REGISTER_FILE_ALLOC_RANGE] = "6.0",
	[IORING_REGISTER_PBUF_STATUS] = "6.8",
	[IORING_REGISTER_NAPI ... IORING_UNREGISTER_NAPI] = "6.9",
	[IORING_REGISTER_CLOCK ... IORING_REGISTER_CLONE_BUFFERS] = "6.12",
	[IORING_REGISTER_SEND_MSG_RING] = "6.13",
	[IORING_REGISTER_ZCRX_IFQ] = "6.15",
	[IORING_REGISTER_RESIZE_RINGS ... IORING_REGISTER_MEM_REGION] = "6.13",
	[IORING_REGISTER_QUERY] = "6.18",
	[IORING_REGISTER_ZCRX_CTRL] = "6.19",
	[IORING_REGISTER_BPF_FILTER] = "7.0",
};

static const char *const setup_releases[] = {
	"5.1",	"5.1",	"5.1",	"5.5",	"5.6", "5.6", "5.10", /* IOPOLL to R_DISABLED */
	"5.18", "5.19", "5.19", "5.19", "5.19",		      /* SUBMIT_ALL to CQE32 */
	"6.0",	"6.1",	"6.5",	"6.5",	"6.6",		      /* SINGLE_ISSUER to NO_SQARRAY */
	"6.13", "6.18", "6.19", "7.0",			      /* HYBRID_IOPOLL to SQ_REWIND */
};

static const char *const feat_releases[] = {
	"5.4",	"5.5",	"5.5",	"5.6",	"5.6", "5.7", /* SINGLE_MMAP to FAST_POLL */
	"5.9",	"5.11", "5.11", "5.12", "5.13",	      /* POLL_32BITS to RSRC_TAGS */
	"5.17", "5.17", "6.3",	"6.10",		      /* CQE_SKIP to RECVSEND_BUNDLE */
	"6.12", "6.14", "6.15",			      /* MIN_TIMEOUT to NO_IOWAIT */
};

_Static_assert(ARRAY_SIZE(op_releases) == IORING_OP_URING_CMD128 + 1, "all opcodes");
_Static_assert(ARRAY_SIZE(register_releases) == IORING_REGISTER_BPF_FILTER + 1, "all of them");
_Static_assert(1U << (ARRAY_SIZE(setup_releases) - 1) == IORING_SETUP_SQ_REWIND, "all flags");
_Static_assert(1U << (ARRAY_SIZE(feat_releases) - 1) == IORING_FEAT_NO_IOWAIT, "all features");

const char *ring_op_release(u32 op)
{
	return op < ARRAY_SIZE(op_releases) ? op_releases[op] : NULL;
}

const char *ring_register_release(u32 op)
{
	return op < ARRAY_SIZE(register_releases) ? register_releases[op] : NULL;
}

const char *ring_setup_release(u32 bit)
{
	return bit < ARRAY_SIZE(setup_releases) ? setup_releases[bit] : NULL;
}

const char *ring_feat_release(u32 bit)
{
	return bit < ARRAY_SIZE(feat_releases) ? feat_releases[bit] : NULL;
}

/* 6.12 is 0x6000c: "6.12", "6.12.95+deb13-amd64" */
static u32 release_number(const char *s)
{
	u64 major = 0;
	u64 minor = 0;

	ASSERT_OK(parse_number(s, &major, &s));
	ASSERT_EQ(*s, '.');
	ASSERT_OK(parse_number(s + 1, &minor, &s));
	return (u32)(major << 16 | minor);
}

bool is_linux(const char *release)
{
	struct sys_utsname uts;

	ASSERT_OK(sys_uname(&uts));
	return release_number(uts.release) >= release_number(release);
}

_Noreturn void need_linux(const char *release, const char *what)
{
	if (is_linux(release))
		test_fail("refused, though Linux has it since %s: %s", release, what);
	test_skip("%s (Linux %s)", what, release);
}

static void is_refused(const char *what, u32 nr, s32 ret)
{
	if (ret != -EINVAL)
		test_fail("%s 0x%x, which this kernel lacks, gave %d and not -EINVAL", what, nr, ret);
}

static void make(struct ring *r)
{
	struct io_uring_params p = { .flags = 0 };

	ASSERT_OK(ring_init(r, 8, &p));
}

static bool is_probed(const struct ring *r, u32 op)
{
	u64 answer[2 + 256] = { 0 }; /* a head of 16 bytes, 8 for each opcode */
	struct io_uring_probe *probe = (struct io_uring_probe *)answer;

	ASSERT_OK(sys_io_uring_register(r->fd, IORING_REGISTER_PROBE, probe, 256));
	return probe->ops[op].flags & IO_URING_OP_SUPPORTED;
}

bool ring_has_op(u32 op)
{
	struct io_uring_cqe *cqe;
	struct ring r;
	bool has;

	make(&r);
	has = is_probed(&r, op);
	if (!has) {
		ring_prep_rw((u8)op, ring_get_sqe(&r), -1, NULL, 0, 0);
		ASSERT_EQ(ring_submit_and_wait(&r, 1), 1);
		cqe = ring_peek_cqe(&r);
		ASSERT_TRUE(cqe);
		is_refused("opcode", op, cqe->res);
	}
	ring_exit(&r);
	return has;
}

/*
 * The kernel looks at the operation before it looks for the file, so of one
 * that it knows it says that there is no such file. -1 would not do: some
 * operations have none.
 */
#define NO_SUCH_FD (-2)

bool ring_has_register(u32 op)
{
	struct ring r;
	int ret = sys_io_uring_register(NO_SUCH_FD, op, NULL, 0);

	if (ret == -EBADF)
		return true;
	is_refused("register operation", op, ret);
	make(&r);
	is_refused("register operation", op, sys_io_uring_register(r.fd, op, NULL, 0));
	ring_exit(&r);
	return false;
}

/* Flags that a flag is -EINVAL without */
static u32 flags_around(u32 flag)
{
	switch (flag) {
	case IORING_SETUP_SQ_AFF:
		return IORING_SETUP_SQPOLL;
	case IORING_SETUP_TASKRUN_FLAG:
		return IORING_SETUP_COOP_TASKRUN;
	case IORING_SETUP_DEFER_TASKRUN:
		return IORING_SETUP_SINGLE_ISSUER;
	case IORING_SETUP_REGISTERED_FD_ONLY:
		return IORING_SETUP_NO_MMAP;
	case IORING_SETUP_HYBRID_IOPOLL:
		return IORING_SETUP_IOPOLL;
	case IORING_SETUP_SQ_REWIND:
		return IORING_SETUP_NO_SQARRAY;
	default:
		return 0;
	}
}

/* Two of the largest pages that a kernel may have */
#define PAGES_BYTES (2 * 65536)

/* So few entries fit a half of @memory each, where that is asked for. */
static int try_setup(u32 flags, long memory, s32 wq_fd)
{
	struct io_uring_params p = { .flags = flags, .wq_fd = (u32)wq_fd };

	if (flags & IORING_SETUP_CQSIZE)
		p.cq_entries = 8;
	if (flags & IORING_SETUP_NO_MMAP) {
		p.sq_off.user_addr = (u64)memory;
		p.cq_off.user_addr = (u64)memory + PAGES_BYTES / 2;
	}
	return sys_io_uring_setup(4, &p);
}

/* What REGISTERED_FD_ONLY gave is a slot of the task's table. */
static void end_ring(int fd, u32 flags)
{
	struct io_uring_rsrc_update slot = { .offset = (u32)fd };

	if (flags & IORING_SETUP_REGISTERED_FD_ONLY)
		ASSERT_EQ(sys_io_uring_register(fd,
						IORING_UNREGISTER_RING_FDS |
							IORING_REGISTER_USE_REGISTERED_RING,
						&slot, 1),
			  1);
	else
		ASSERT_OK(sys_close(fd));
}

bool ring_has_setup(u32 flag)
{
	u32 flags = flag | flags_around(flag);
	struct ring other;
	long memory;
	int fd;

	memory = sys_mmap(NULL, PAGES_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	ASSERT_OK(memory);
	make(&other);
	fd = try_setup(flags, memory, other.fd);
	if (fd >= 0)
		end_ring(fd, flags);
	else
		is_refused("setup flag", flag, fd);
	ring_exit(&other);
	ASSERT_OK(sys_munmap((void *)memory, PAGES_BYTES));
	return fd >= 0;
}

bool ring_has_feat(u32 feature)
{
	struct ring r;
	bool has;

	make(&r);
	has = r.features & feature;
	ring_exit(&r);
	return has;
}
