/* SPDX-License-Identifier: MIT */
/* ring/file.h: a file's reader and writer */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/resource.h>

#include "ring/file.h"
#include "ring/op.h"
#include "ring/prep.h"
#include "ring/register.h"
#include "selftests/harness/harness.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

enum {
	SIGXFSZ_NR = 25,
	SIGPIPE_NR = 13,
	SIGCONT_NR = 18,
	SIGSTOP_NR = 19,
	UNIX_FAMILY = 1,
	STREAM_TYPE = 1,
};

static void make(struct ring *r, u32 flags)
{
	struct io_uring_params p = { .flags = flags };
	int err = ring_init(r, 8, &p);

	if (err == -ENOSYS)
		test_skip("no io_uring here");
	ASSERT_OK(err);
}

/* A file of the bytes 0 1 2 ... */
static s32 numbered(u32 len)
{
	s32 fd = sys_memfd_create("numbered", 0);

	ASSERT_OK(fd);
	for (u32 i = 0; i < len; i++) {
		u8 byte = (u8)i;

		ASSERT_EQ(sys_pwrite64(fd, &byte, 1, i), 1);
	}
	return fd;
}

static void ignore(int nr)
{
	struct sys_sigaction act = { .handler = (void (*)(int))1 };

	ASSERT_OK(sys_rt_sigaction(nr, &act, NULL));
}

static void use(struct ring_file *f, struct ring *r, s32 fd)
{
	ASSERT_OK(ring_file_init(f, r, fd, -1));
}

static void in_sequence(void)
{
	char buf[32] = "";
	struct ring_file f;
	struct ring r;

	make(&r, 0);
	use(&f, &r, sys_memfd_create("sequence", 0));
	EXPECT_EQ(ring_file_write(&f, "hello ", 6), 6);
	EXPECT_EQ(ring_file_write(&f, "io_uring!", 9), 9);
	EXPECT_EQ(f.offset_bytes, 15);
	EXPECT_EQ(ring_file_read(&f, buf, sizeof(buf)), 0);
	EXPECT_EQ(ring_file_seek(&f, 0, SEEK_SET), 0);
	EXPECT_EQ(ring_file_read(&f, buf, 6), 6);
	EXPECT_EQ(ring_file_read(&f, buf + 6, sizeof(buf) - 6), 9);
	EXPECT_STREQ(buf, "hello io_uring!");
	EXPECT_EQ(ring_file_read(&f, buf, sizeof(buf)), 0);
	EXPECT_EQ(ring_file_read(&f, NULL, 0), 0);
	EXPECT_EQ(ring_file_write(&f, NULL, 0), 0);
	EXPECT_EQ(ring_file_close(&f), 0);
	ring_exit(&r);
}

static void at_a_place(void)
{
	struct ring_file f;
	u8 buf[16];
	struct ring r;

	make(&r, 0);
	use(&f, &r, numbered(100));
	EXPECT_EQ(f.offset_bytes, 0);
	ASSERT_EQ(ring_file_seek(&f, 10, SEEK_SET), 10);
	EXPECT_EQ(ring_file_read_at(&f, buf, 4, 50), 4);
	EXPECT_MEMEQ(buf, "\62\63\64\65", 4);
	EXPECT_EQ(ring_file_write_at(&f, "xyz", 3, 97), 3);
	EXPECT_EQ(ring_file_write_at(&f, "far", 3, 5000000000), 3);
	/* None of these moved the position. */
	EXPECT_EQ(f.offset_bytes, 10);
	EXPECT_EQ(ring_file_read(&f, buf, 2), 2);
	EXPECT_MEMEQ(buf, "\12\13", 2);
	EXPECT_EQ(ring_file_read_at(&f, buf, 16, 96), 16);
	EXPECT_MEMEQ(buf, "\140xyz\0\0", 6);
	EXPECT_EQ(ring_file_read_at(&f, buf, 16, 4999999999), 4);
	EXPECT_MEMEQ(buf, "\0far", 4);
	EXPECT_EQ(ring_file_read_at(&f, buf, 16, 5000000003), 0);
	/* -1 would be the descriptor's position, not a place. */
	EXPECT_ERR(ring_file_read_at(&f, buf, 1, ~0ULL), -EINVAL);
	EXPECT_ERR(ring_file_write_at(&f, buf, 1, ~0ULL), -EINVAL);
	EXPECT_ERR(ring_file_read_at(&f, buf, 1, ~0ULL - 1), -EINVAL);
	EXPECT_EQ(f.offset_bytes, 12);
	ring_exit(&r);
}

static void seeks(void)
{
	struct ring_file f;
	u8 byte;
	struct ring r;

	make(&r, 0);
	use(&f, &r, numbered(100));
	EXPECT_EQ(ring_file_seek(&f, 30, SEEK_SET), 30);
	EXPECT_EQ(ring_file_seek(&f, 5, SEEK_CUR), 35);
	EXPECT_EQ(ring_file_seek(&f, -10, SEEK_CUR), 25);
	EXPECT_EQ(ring_file_seek(&f, 0, SEEK_CUR), 25);
	EXPECT_EQ(ring_file_seek(&f, 0, SEEK_END), 100);
	/* Beyond the end, before it: END adds, also what is negative. */
	EXPECT_EQ(ring_file_seek(&f, 20, SEEK_END), 120);
	EXPECT_EQ(ring_file_seek(&f, -1, SEEK_END), 99);
	EXPECT_EQ(ring_file_read(&f, &byte, 1), 1);
	EXPECT_EQ(byte, 99);
	/* What fails moves nothing. */
	EXPECT_ERR(ring_file_seek(&f, -1, SEEK_SET), -EINVAL);
	EXPECT_ERR(ring_file_seek(&f, -101, SEEK_CUR), -EINVAL);
	EXPECT_ERR(ring_file_seek(&f, -101, SEEK_END), -EINVAL);
	EXPECT_ERR(ring_file_seek(&f, INT64_MAX, SEEK_CUR), -EOVERFLOW);
	EXPECT_ERR(ring_file_seek(&f, 0, 77), -EINVAL);
	EXPECT_EQ(f.offset_bytes, 100);
	ring_exit(&r);
}

static void holes(void)
{
	struct ring_file f;
	struct ring r;
	s32 fd = sys_memfd_create("holes", 0);

	make(&r, 0);
	ASSERT_OK(sys_ftruncate(fd, 1 << 20));
	ASSERT_EQ(sys_pwrite64(fd, "x", 1, 500000), 1);
	use(&f, &r, fd);
	EXPECT_EQ(ring_file_seek(&f, 0, SEEK_DATA), 500000 / 4096 * 4096);
	EXPECT_EQ(ring_file_seek(&f, 500000, SEEK_HOLE), 500000 / 4096 * 4096 + 4096);
	EXPECT_ERR(ring_file_seek(&f, 600000, SEEK_DATA), -ENXIO);
	EXPECT_EQ(f.offset_bytes, 500000 / 4096 * 4096 + 4096);
	ring_exit(&r);
}

/* Somebody else makes the file longer between the writes. */
static void appends(void)
{
	s32 fd = numbered(10);
	char buf[32];
	struct ring_file f;
	struct ring r;

	make(&r, 0);
	ASSERT_OK(sys_fcntl(fd, F_SETFL, O_APPEND));
	use(&f, &r, fd);
	EXPECT_TRUE(f.is_append);
	EXPECT_EQ(ring_file_read(&f, buf, 4), 4);
	EXPECT_EQ(ring_file_write(&f, "one", 3), 3);
	EXPECT_EQ(f.offset_bytes, 13);
	ASSERT_OK(sys_ftruncate(fd, 20));
	EXPECT_EQ(ring_file_write(&f, "two", 3), 3);
	EXPECT_EQ(f.offset_bytes, 23);
	/* A place is not heeded, as with pwrite(2). */
	EXPECT_EQ(ring_file_write_at(&f, "end", 3, 1), 3);
	EXPECT_EQ(f.offset_bytes, 23);
	EXPECT_EQ(ring_file_read(&f, buf, sizeof(buf)), 3);
	EXPECT_MEMEQ(buf, "end", 3);
	EXPECT_EQ(sys_pread64(fd, buf, sizeof(buf), 10), 16);
	EXPECT_MEMEQ(buf, "one\0\0\0\0\0\0\0twoend", 16);
	ring_exit(&r);
}

static void starts_where_it_is(void)
{
	struct ring_file f;
	struct ring r;
	s32 fd = numbered(10);

	make(&r, 0);
	ASSERT_EQ(sys_lseek(fd, 7, SEEK_SET), 7);
	use(&f, &r, fd);
	EXPECT_EQ(f.offset_bytes, 7);
	EXPECT_TRUE(!f.is_append);
	EXPECT_TRUE(!f.is_stream);
	ring_exit(&r);
}

/* A limit, memory that ends, then again: what went counts, the error comes after it. */
static void short_writes(void)
{
	struct rlimit64 limit = { .rlim_cur = 10, .rlim_max = RLIM64_INFINITY };
	struct ring_file f;
	char buf[16];
	struct ring r;

	make(&r, 0);
	use(&f, &r, sys_memfd_create("limit", 0));
	ignore(SIGXFSZ_NR);
	ASSERT_OK(sys_prlimit64(0, RLIMIT_FSIZE, &limit, NULL));
	EXPECT_EQ(ring_file_write(&f, "0123456789abcdef", 16), 10);
	EXPECT_EQ(f.offset_bytes, 10);
	EXPECT_ERR(ring_file_write(&f, "abcdef", 6), -EFBIG);
	EXPECT_EQ(f.offset_bytes, 10);
	limit.rlim_cur = RLIM64_INFINITY;
	ASSERT_OK(sys_prlimit64(0, RLIMIT_FSIZE, &limit, NULL));
	EXPECT_EQ(ring_file_write(&f, "abcdef", 6), 6);
	EXPECT_EQ(sys_pread64(f.fd, buf, 16, 0), 16);
	EXPECT_MEMEQ(buf, "0123456789abcdef", 16);
	ring_exit(&r);
}

static void memory_that_ends(void)
{
	long map = sys_mmap(NULL, 131072, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);
	char *mem = (char *)map;
	struct ring_file f;
	struct ring r;
	s64 ret;

	make(&r, 0);
	ASSERT_GT(map, 0);
	ASSERT_OK(sys_munmap(mem + 65536, 65536));
	use(&f, &r, sys_memfd_create("fault", 0));
	ret = ring_file_write(&f, mem + 100, 100000);
	EXPECT_GT(ret, 0);
	EXPECT_LE(ret, 65436);
	EXPECT_EQ(f.offset_bytes, ret);
	EXPECT_ERR(ring_file_write(&f, mem + 65536, 10), -EFAULT);
	EXPECT_EQ(f.offset_bytes, ret);
	ring_exit(&r);
}

/* More than one request can take; what it is written to does not look at it. */
static void long_writes(void)
{
	u64 len = (5ULL << 30) + 12345;
	long map = sys_mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			    0);
	s32 fd = sys_openat(AT_FDCWD, "/dev/null", O_WRONLY, 0);
	struct ring_file f;
	struct ring r;

	make(&r, 0);
	if (fd < 0 || map < 0)
		test_skip("no /dev/null, or no %llu bytes of addresses", len);
	use(&f, &r, fd);
	EXPECT_EQ(ring_file_write(&f, (void *)map, len), len);
	ring_exit(&r);
}

static void drain(s32 fd, u32 len)
{
	u8 buf[4096];
	u32 at = 0;

	while (at < len) {
		long ret = sys_read(fd, buf, sizeof(buf));

		if (ret <= 0)
			sys_exit_group(1);
		for (long i = 0; i < ret; i++, at++) {
			if (buf[i] != (u8)(at * 7))
				sys_exit_group(2);
		}
	}
	sys_exit_group(0);
}

/* A pipe takes a megabyte in pieces, by somebody who is stopped now and then. */
static void pipes_write(void)
{
	static u8 data[1 << 20];
	static const int flags[] = { 0, O_NONBLOCK, 0 };
	struct ring_file f;
	struct ring r;
	int status;
	int child;
	int fds[2];

	for (u32 i = 0; i < sizeof(data); i++)
		data[i] = (u8)(i * 7);
	for (u32 i = 0; i < ARRAY_SIZE(flags); i++) {
		make(&r, 0);
		/* The last is a socket, which wants no offset even for what is left. */
		if (i == 2)
			ASSERT_OK(sys_socketpair(UNIX_FAMILY, STREAM_TYPE, 0, fds));
		else
			ASSERT_OK(sys_pipe2(fds, 0));
		ASSERT_OK(sys_fcntl(fds[1], F_SETFL, (u64)flags[i]));
		child = sys_fork();
		ASSERT_OK(child);
		if (!child)
			drain(fds[0], sizeof(data));
		use(&f, &r, fds[1]);
		EXPECT_TRUE(f.is_stream);
		EXPECT_EQ(ring_file_write(&f, data, sizeof(data)), sizeof(data));
		ASSERT_EQ(sys_wait4(child, &status, 0), child);
		EXPECT_EQ(status, 0);
		/* Nobody is left to read it. */
		sys_close(fds[0]);
		ignore(SIGPIPE_NR);
		EXPECT_ERR(ring_file_write(&f, data, 10), -EPIPE);
		EXPECT_ERR(ring_file_seek(&f, 0, SEEK_CUR), -ESPIPE);
		EXPECT_ERR(ring_file_write_at(&f, data, 10, 0), -ESPIPE);
		EXPECT_EQ(ring_file_close(&f), 0);
		ring_exit(&r);
	}
}

static void later(s32 fd, const char *text, u32 len)
{
	int me = sys_getppid();

	test_sleep_ms(20);
	sys_kill(me, SIGSTOP_NR);
	sys_kill(me, SIGCONT_NR);
	test_sleep_ms(20);
	sys_exit_group(sys_write(fd, text, len) == (long)len ? 0 : 1);
}

/* A stream's read waits for the first bytes, signals or not, O_NONBLOCK or not. */
static void streams_read(void)
{
	char buf[64];
	struct ring_file f;
	struct ring r;
	int status;
	int child;
	int fds[2];

	for (u32 i = 0; i < 4; i++) {
		make(&r, 0);
		if (i & 1)
			ASSERT_OK(sys_socketpair(UNIX_FAMILY, STREAM_TYPE, 0, fds));
		else
			ASSERT_OK(sys_pipe2(fds, 0));
		ASSERT_OK(sys_fcntl(fds[0], F_SETFL, i & 2 ? O_NONBLOCK : 0));
		use(&f, &r, fds[0]);
		child = sys_fork();
		ASSERT_OK(child);
		if (!child)
			later(fds[1], "stream", 6);
		EXPECT_EQ(ring_file_read(&f, buf, sizeof(buf)), 6);
		EXPECT_MEMEQ(buf, "stream", 6);
		ASSERT_EQ(sys_wait4(child, &status, 0), child);
		EXPECT_EQ(status, 0);
		ASSERT_EQ(sys_write(fds[1], "ab", 2), 2);
		EXPECT_EQ(ring_file_read(&f, buf, 1), 1);
		EXPECT_EQ(ring_file_read(&f, buf, 10), 1);
		sys_close(fds[1]);
		EXPECT_EQ(ring_file_read(&f, buf, sizeof(buf)), 0);
		ring_exit(&r);
	}
}

static void by_slot(void)
{
	s32 fds[3] = { numbered(10), numbered(20), -1 };
	struct ring_file f;
	u8 buf[64];
	struct ring r;

	make(&r, 0);
	ASSERT_OK(ring_register_files(&r, fds, 3));
	/* Which file the requests go to shows that it is the slot that they name. */
	ASSERT_OK(ring_file_init(&f, &r, fds[0], 1));
	EXPECT_EQ(ring_file_read(&f, buf, sizeof(buf)), 20);
	EXPECT_EQ(ring_file_write_at(&f, "x", 1, 20), 1);
	EXPECT_EQ(sys_lseek(fds[1], 0, SEEK_END), 21);
	EXPECT_EQ(ring_file_close(&f), 0);
	EXPECT_ERR(sys_fcntl(fds[0], F_GETFD, 0), -EBADF);

	/* A slot only */
	ASSERT_OK(ring_file_init(&f, &r, -1, 0));
	EXPECT_EQ(ring_file_read(&f, buf, 4), 4);
	EXPECT_EQ(ring_file_seek(&f, 3, SEEK_CUR), 7);
	EXPECT_EQ(ring_file_read(&f, buf, sizeof(buf)), 3);
	EXPECT_EQ(buf[0], 7);
	EXPECT_EQ(ring_file_seek(&f, 1, SEEK_SET), 1);
	EXPECT_ERR(ring_file_seek(&f, -1, SEEK_SET), -EINVAL);
	EXPECT_ERR(ring_file_seek(&f, 0, SEEK_END), -EBADF);
	EXPECT_EQ(f.offset_bytes, 1);
	EXPECT_EQ(ring_file_close(&f), 0);
	EXPECT_ERR(ring_file_close(&f), -EBADF);
	/* Its slot is empty. */
	ASSERT_OK(ring_file_init(&f, &r, -1, 0));
	EXPECT_ERR(ring_file_read(&f, buf, 4), -EBADF);
	ring_exit(&r);
}

static void misuse(void)
{
	struct ring_file f;
	u8 buf[4];
	struct ring r;
	s32 fd;

	make(&r, 0);
	EXPECT_ERR(ring_file_init(&f, &r, -1, -1), -EBADF);
	EXPECT_ERR(ring_file_init(&f, &r, 1000000, -1), -EBADF);
	fd = sys_openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0);
	use(&f, &r, fd);
	EXPECT_ERR(ring_file_read(&f, buf, 4), -EISDIR);
	EXPECT_ERR(ring_file_write(&f, buf, 4), -EBADF);
	EXPECT_EQ(ring_file_close(&f), 0);
	EXPECT_ERR(ring_file_close(&f), -EBADF);
	EXPECT_ERR(ring_file_read(&f, buf, 4), -EBADF);
	EXPECT_ERR(ring_file_seek(&f, 0, SEEK_END), -EBADF);
	ring_exit(&r);
}

static const u32 deferring =
	IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_NO_SQARRAY;

struct waking {
	struct ring_op op;
	s32 fd;
};

static void write_now(struct ring_op *op, s32 res, u32 flags)
{
	(void)flags;
	EXPECT_EQ(res, -ETIME);
	ASSERT_EQ(sys_write(CONTAINER_OF(op, struct waking, op)->fd, "now", 3), 3);
}

/* The one who reads is the one whose callback writes. */
static void others_go_on(void)
{
	struct __kernel_timespec ts = { .tv_nsec = 20000000 };
	struct waking w = { .op = { write_now } };
	struct io_uring_sqe *sqe;
	struct ring_file f;
	char buf[8];
	struct ring r;
	int fds[2];

	make(&r, deferring);
	ASSERT_OK(sys_pipe2(fds, 0));
	use(&f, &r, fds[0]);
	w.fd = fds[1];
	sqe = ring_get_sqe(&r);
	ring_prep_timeout(sqe, &ts, 0, 0);
	ring_sqe_set_op(sqe, &w.op);
	EXPECT_EQ(ring_file_read(&f, buf, sizeof(buf)), 3);
	EXPECT_MEMEQ(buf, "now", 3);
	ring_exit(&r);
}

static const struct test_case cases[] = {
	TEST("what was written in sequence is read in sequence", in_sequence),
	TEST("reads and writes at a place leave the position alone", at_a_place),
	TEST("a seek gives the new position, from start, position and end", seeks),
	TEST("a seek finds data and holes", holes),
	TEST("O_APPEND: the position is behind what was written", appends),
	TEST("a file goes on where its descriptor stands", starts_where_it_is),
	TEST("a write that a limit cuts short counts, the next one has the error", short_writes),
	TEST("a write whose memory ends counts what there was", memory_that_ends),
	TEST("a write is as long as it likes", long_writes),
	TEST("a pipe takes everything, blocking or not, and a socket", pipes_write),
	TEST("a stream gives what is there, and waits for the first of it", streams_read),
	TEST("a file of the ring's table, with a descriptor and without", by_slot),
	TEST("misuse is an error", misuse),
	TEST("other requests go on while a file is waited for", others_go_on),
};
TEST_SUITE(ring_file, cases);
