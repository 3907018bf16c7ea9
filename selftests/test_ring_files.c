/* SPDX-License-Identifier: MIT */
/* ring/files.h: the table of a ring's files and its index */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/resource.h>

#include "ring/call.h"
#include "ring/files.h"
#include "ring/register.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_caps.h"
#include "uapi/sys.h"

#define SLOTS 16

static void make(struct ring *r, u32 flags)
{
	struct io_uring_params p = { .flags = flags };
	int err = ring_init(r, 16, &p);

	if (err == -ENOSYS)
		test_skip("no io_uring here");
	ASSERT_OK(err);
}

/* A file of one byte, by which it is known */
static s32 file_of(u8 byte)
{
	s32 fd = sys_memfd_create("one", MFD_CLOEXEC);

	ASSERT_OK(fd);
	ASSERT_EQ(sys_pwrite64(fd, &byte, 1, 0), 1);
	return fd;
}

/* The byte of the file in a slot, -EBADF when there is none */
static int byte_in(struct ring *r, u32 slot)
{
	struct io_uring_sqe *sqe = ring_get_sqe(r);
	u8 byte = 0;
	int ret;

	ring_prep_read(sqe, (s32)slot, &byte, 1, 0);
	ring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	ret = ring_call(r, sqe);
	return ret == 1 ? byte : ret;
}

static void fills_and_empties(void)
{
	struct ring_file_slot slots[4];
	struct ring_files f;
	struct ring r;
	s32 fds[5];

	make(&r, 0);
	ASSERT_OK(ring_files_init(&f, &r, slots, 4, 0));
	for (u32 i = 0; i < 4; i++)
		EXPECT_ERR(byte_in(&r, i), -EBADF);
	for (u32 i = 0; i < 5; i++)
		fds[i] = file_of((u8)(i + 1));
	for (u32 i = 0; i < 4; i++)
		EXPECT_EQ(ring_files_add(&f, fds[i]), i);
	EXPECT_EQ(f.nr_used, 4);
	EXPECT_ERR(ring_files_add(&f, fds[4]), -ENFILE);
	for (u32 i = 0; i < 4; i++) {
		EXPECT_EQ(ring_files_slot(&f, fds[i]), i);
		EXPECT_EQ(ring_files_fd(&f, i), fds[i]);
		EXPECT_EQ(byte_in(&r, i), i + 1);
	}
	EXPECT_EQ(ring_files_del(&f, fds[2]), 0);
	EXPECT_ERR(ring_files_slot(&f, fds[2]), -ENOENT);
	EXPECT_EQ(ring_files_fd(&f, 2), RING_FILES_EMPTY);
	EXPECT_ERR(byte_in(&r, 2), -EBADF);
	EXPECT_ERR(ring_files_del(&f, fds[2]), -ENOENT);
	/* The number comes back with another file: nothing old is found by it. */
	sys_close(fds[2]);
	ASSERT_EQ(sys_dup3(fds[4], fds[2], 0), fds[2]);
	EXPECT_EQ(ring_files_add(&f, fds[2]), 2);
	EXPECT_EQ(byte_in(&r, 2), 5);
	ring_files_exit(&f);
	EXPECT_ERR(byte_in(&r, 0), -EBADF);
	EXPECT_ERR(ring_files_slot(&f, fds[0]), -ENOENT);
	EXPECT_ERR(ring_files_add(&f, fds[0]), -ENFILE);
	ring_files_exit(&f);
	ring_exit(&r);
}

/* Some of the numbers have the same place in the index. */
static const s32 names[] = { 100, 101, 102, 116, 117, 132, 148, 164, 180, 196,
			     212, 228, 229, 230, 231, 232, 248, 249, 250, 251 };

static void check_all(const struct ring_files *f, const s32 *model, u32 nr)
{
	u32 used = 0;

	for (u32 i = 0; i < nr; i++) {
		EXPECT_EQ(ring_files_fd(f, i), model[i]);
		used += model[i] >= 0;
		if (model[i] >= 0)
			EXPECT_EQ(ring_files_slot(f, model[i]), i);
	}
	EXPECT_EQ(f->nr_used, used);
	for (u32 k = 0; k < ARRAY_SIZE(names); k++) {
		bool is_here = false;

		for (u32 i = 0; i < nr; i++)
			is_here |= model[i] == names[k];
		if (!is_here)
			ASSERT_ERR(ring_files_slot(f, names[k]), -ENOENT);
	}
}

static u32 find_model(const s32 *model, s32 fd)
{
	u32 i = 0;

	while (i < SLOTS && model[i] != fd)
		i++;
	return i;
}

/* 3000 steps, the index compared with an array and the kernel's table with both */
static void random_steps(void)
{
	struct ring_file_slot slots[SLOTS];
	s32 model[SLOTS];
	u32 seed = 12345;
	struct ring_files f;
	struct ring r;

	make(&r, 0);
	ASSERT_OK(ring_files_init(&f, &r, slots, SLOTS, 0));
	for (u32 i = 0; i < SLOTS; i++)
		model[i] = -1;
	for (u32 k = 0; k < ARRAY_SIZE(names); k++) {
		s32 fd = file_of((u8)names[k]);

		ASSERT_EQ(sys_dup3(fd, names[k], 0), names[k]);
		sys_close(fd);
	}
	for (u32 step = 0; step < 3000; step++) {
		s32 fd;
		u32 slot;
		u32 at;
		int ret;

		seed = seed * 1103515245 + 12345;
		fd = names[(seed >> 16) % ARRAY_SIZE(names)];
		slot = (seed >> 8) % SLOTS;
		at = find_model(model, fd);
		test_row("step %u: %u of %d, slot %u", step, seed >> 28, fd, slot);
		switch ((seed >> 28) % 4) {
		case 0:
			ret = ring_files_del(&f, fd);
			ASSERT_EQ(ret, at < SLOTS ? 0 : -ENOENT);
			if (!ret)
				model[at] = -1;
			break;
		case 1:
			ret = ring_files_replace(&f, slot, fd);
			ASSERT_EQ(ret, at < SLOTS && at != slot ? -EEXIST : 0);
			if (!ret)
				model[slot] = fd;
			break;
		case 2:
			ASSERT_EQ(ring_files_replace(&f, slot, RING_FILES_EMPTY), 0);
			model[slot] = -1;
			break;
		default:
			ret = ring_files_add(&f, fd);
			if (at < SLOTS) {
				ASSERT_ERR(ret, -EEXIST);
			} else if (find_model(model, -1) == SLOTS) {
				ASSERT_ERR(ret, -ENFILE);
			} else {
				ASSERT_LT(ret, SLOTS);
				ASSERT_EQ(model[ret], -1);
				model[ret] = fd;
			}
		}
		ASSERT_EQ(byte_in(&r, slot), model[slot] < 0 ? -EBADF : (u8)model[slot]);
		if (step % 50 == 0)
			check_all(&f, model, SLOTS);
	}
	check_all(&f, model, SLOTS);
	ring_exit(&r);
}

static void misuse(void)
{
	struct ring_file_slot slots[4];
	struct ring_file_slot more[4];
	struct ring_files second;
	struct ring_files f;
	s32 fd = file_of(7);
	struct ring other;
	struct ring r;

	make(&r, 0);
	make(&other, 0);
	EXPECT_ERR(ring_files_init(&f, &r, slots, 0, 0), -EINVAL);
	EXPECT_ERR(ring_files_init(&f, &r, slots, 4, 5), -EINVAL);
	ASSERT_OK(ring_files_init(&f, &r, slots, 4, 0));
	/* Who comes second breaks nothing. */
	EXPECT_ERR(ring_files_init(&second, &r, more, 4, 0), -EBUSY);
	EXPECT_ERR(ring_files_init(&second, &r, more, 4, 5), -EINVAL);
	ring_files_exit(&second);
	EXPECT_EQ(ring_files_add(&f, fd), 0);
	EXPECT_ERR(ring_files_add(&f, fd), -EEXIST);
	EXPECT_ERR(ring_files_add(&f, -1), -EBADF);
	EXPECT_ERR(ring_files_add(&f, -2), -EBADF);
	EXPECT_ERR(ring_files_add(&f, 99999), -EBADF);
	EXPECT_ERR(ring_files_add(&f, other.fd), -EBADF);
	EXPECT_ERR(ring_files_replace(&f, 4, fd), -EINVAL);
	EXPECT_ERR(ring_files_replace(&f, 1, fd), -EEXIST);
	EXPECT_ERR(ring_files_took(&f, 4, RING_FILES_UNNAMED), -EINVAL);
	EXPECT_ERR(ring_files_took(&f, 1, RING_FILES_EMPTY), -EINVAL);
	EXPECT_ERR(ring_files_took(&f, 1, fd), -EEXIST);
	EXPECT_ERR(ring_files_gone(&f, 4), -EINVAL);
	EXPECT_EQ(ring_files_fd(&f, 4), RING_FILES_EMPTY);
	/* What was refused has changed nothing. */
	EXPECT_ERR(ring_files_replace(&f, 0, 99999), -EBADF);
	EXPECT_EQ(byte_in(&r, 0), 7);
	EXPECT_EQ(ring_files_slot(&f, fd), 0);
	EXPECT_EQ(f.nr_used, 1);
	/* A ring is what only the kernel knows to refuse: too late for the slot. */
	EXPECT_ERR(ring_files_replace(&f, 0, other.fd), -EBADF);
	EXPECT_ERR(byte_in(&r, 0), -EBADF);
	EXPECT_ERR(ring_files_slot(&f, fd), -ENOENT);
	EXPECT_EQ(f.nr_used, 0);
	ring_exit(&other);
	ring_exit(&r);
}

struct reading {
	struct ring_op op;
	u8 byte;
	s32 res;
	bool is_done;
};

static void read_done(struct ring_op *op, s32 res, u32 flags)
{
	struct reading *rd = CONTAINER_OF(op, struct reading, op);

	(void)flags;
	rd->res = res;
	rd->is_done = true;
}

static void prep_read(struct ring *r, u32 slot, struct reading *rd)
{
	struct io_uring_sqe *sqe = ring_get_sqe(r);

	*rd = (struct reading){ .op = { read_done } };
	ring_prep_read(sqe, (s32)slot, &rd->byte, 1, 0);
	ring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	ring_sqe_set_op(sqe, &rd->op);
}

static void finish(struct ring *r, struct reading *rd, s32 fd, const char *byte)
{
	ASSERT_EQ(sys_write(fd, byte, 1), 1);
	while (!rd->is_done)
		ASSERT_GE(ring_turn(r, 5000000000), 0);
	EXPECT_EQ(rd->res, 1);
	EXPECT_EQ(rd->byte, *byte);
}

static void in_flight_keeps_its_file(void)
{
	struct ring_file_slot slots[4];
	struct reading first;
	struct reading second;
	struct ring_files f;
	struct ring r;
	int a[2];
	int b[2];

	make(&r, 0);
	ASSERT_OK(sys_pipe2(a, 0));
	ASSERT_OK(sys_pipe2(b, 0));
	ASSERT_OK(ring_files_init(&f, &r, slots, 4, 0));
	ASSERT_EQ(ring_files_add(&f, a[0]), 0);
	prep_read(&r, 0, &first);
	ASSERT_EQ(ring_submit(&r), 1);
	ASSERT_OK(ring_files_replace(&f, 0, b[0]));
	EXPECT_EQ(ring_files_slot(&f, b[0]), 0);
	EXPECT_ERR(ring_files_slot(&f, a[0]), -ENOENT);
	sys_close(a[0]);
	prep_read(&r, 0, &second);
	ASSERT_EQ(ring_submit(&r), 1);
	finish(&r, &second, b[1], "b");
	EXPECT_TRUE(!first.is_done);
	finish(&r, &first, a[1], "a");
	ring_exit(&r);
}

static void grows(void)
{
	struct ring_file_slot slots[4];
	struct ring_file_slot more[64];
	struct reading waiting;
	struct reading prepared;
	struct ring_files f;
	struct ring r;
	int p[2];

	make(&r, 0);
	ASSERT_OK(sys_pipe2(p, 0));
	ASSERT_OK(ring_files_init(&f, &r, slots, 4, 0));
	ASSERT_EQ(ring_files_add(&f, p[0]), 0);
	for (u32 i = 1; i < 4; i++)
		ASSERT_EQ(ring_files_add(&f, file_of((u8)i)), i);
	ASSERT_OK(ring_files_replace(&f, 2, RING_FILES_EMPTY));
	/* Before 6.13 this would wait for it. */
	prep_read(&r, 0, &waiting);
	if (is_linux("6.13"))
		ASSERT_EQ(ring_submit(&r), 1);
	prep_read(&r, 3, &prepared);
	ASSERT_OK(ring_files_grow(&f, more, 64));
	for (u32 i = 0; i < 4; i++)
		slots[i].fd = slots[i].next = slots[i].bucket = 0x55555555;
	EXPECT_EQ(f.nr_slots, 64);
	EXPECT_EQ(f.nr_used, 3);
	EXPECT_EQ(byte_in(&r, 1), 1);
	EXPECT_ERR(byte_in(&r, 2), -EBADF);
	EXPECT_EQ(prepared.res, 1);
	EXPECT_EQ(prepared.byte, 3);
	finish(&r, &waiting, p[1], "w");
	for (u32 i = 0; i < 61; i++) {
		u32 slot = i == 0 ? 2 : i + 3;

		ASSERT_EQ(ring_files_add(&f, file_of((u8)(100 + i))), slot);
		EXPECT_EQ(byte_in(&r, slot), 100 + i);
	}
	EXPECT_ERR(ring_files_add(&f, file_of(1)), -ENFILE);
	ring_files_exit(&f);
	ring_exit(&r);
}

static void as_it_was(struct ring_files *f, struct ring *r, s32 fd)
{
	EXPECT_EQ(f->nr_slots, 4);
	EXPECT_EQ(f->nr_used, 2);
	EXPECT_EQ(ring_files_slot(f, fd), 0);
	EXPECT_EQ(byte_in(r, 0), 5);
	EXPECT_EQ(byte_in(r, 1), 6);
	EXPECT_ERR(byte_in(r, 2), -EBADF);
}

static void grows_not(void)
{
	struct rlimit64 limit = { .rlim_cur = 30, .rlim_max = 30 };
	static struct ring_file_slot more[64];
	struct ring_file_slot slots[4];
	s32 fd = file_of(5);
	s32 second = file_of(6);
	struct ring_files f;
	struct ring r;

	make(&r, 0);
	ASSERT_OK(ring_files_init(&f, &r, slots, 4, 0));
	ASSERT_EQ(ring_files_add(&f, fd), 0);
	ASSERT_EQ(ring_files_add(&f, second), 1);
	EXPECT_ERR(ring_files_grow(&f, more, 3), -EINVAL);
	as_it_was(&f, &r, fd);
	ASSERT_OK(ring_files_took(&f, 3, RING_FILES_UNNAMED));
	EXPECT_ERR(ring_files_grow(&f, more, 64), -EBUSY);
	ASSERT_OK(ring_files_gone(&f, 3));
	as_it_was(&f, &r, fd);
	/* Too many, which shows when the table is away already: it comes back. */
	ASSERT_OK(sys_prlimit64(0, RLIMIT_NOFILE, &limit, NULL));
	EXPECT_ERR(ring_files_grow(&f, more, 64), -EMFILE);
	as_it_was(&f, &r, fd);
	EXPECT_EQ(ring_files_grow(&f, more, 4), 0);
	as_it_was(&f, &r, fd);
	sys_close(second);
	EXPECT_ERR(ring_files_grow(&f, more + 8, 20), -EBADF);
	as_it_was(&f, &r, fd);
	ring_exit(&r);
}

static int open_somewhere(struct ring *r, u32 slot)
{
	struct io_uring_sqe *sqe = ring_get_sqe(r);

	ring_prep_openat_direct(sqe, AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0, slot);
	return ring_call(r, sqe);
}

/* Both choose, and neither takes what the other has. */
static void kernel_chooses(void)
{
	struct ring_file_slot slots[6];
	struct ring_file_slot more[8];
	struct io_uring_sqe *sqe;
	struct ring_files f;
	s32 fd = file_of(9);
	struct ring r;
	s32 name;

	make(&r, 0);
	ASSERT_OK(ring_files_init(&f, &r, slots, 6, 2));
	EXPECT_EQ(ring_files_add(&f, fd), 2);
	EXPECT_EQ(open_somewhere(&r, IORING_FILE_INDEX_ALLOC), 0);
	EXPECT_EQ(open_somewhere(&r, IORING_FILE_INDEX_ALLOC), 1);
	EXPECT_ERR(open_somewhere(&r, IORING_FILE_INDEX_ALLOC), -ENFILE);
	ASSERT_OK(ring_files_took(&f, 0, RING_FILES_UNNAMED));
	ASSERT_OK(ring_files_took(&f, 1, RING_FILES_UNNAMED));
	EXPECT_EQ(f.nr_used, 3);
	for (u32 i = 3; i < 6; i++)
		EXPECT_EQ(ring_files_add(&f, file_of((u8)i)), i);
	EXPECT_ERR(ring_files_add(&f, file_of(1)), -ENFILE);
	EXPECT_ERR(ring_files_grow(&f, more, 8), -EBUSY);

	sqe = ring_get_sqe(&r);
	ring_prep_close_direct(sqe, 1);
	ASSERT_EQ(ring_call(&r, sqe), 0);
	ASSERT_OK(ring_files_gone(&f, 1));
	EXPECT_ERR(ring_files_add(&f, file_of(1)), -ENFILE);
	/* With a name it can come along. */
	NEED_OP(IORING_OP_FIXED_FD_INSTALL);
	sqe = ring_get_sqe(&r);
	ring_prep_fixed_fd_install(sqe, 0, 0);
	name = ring_call(&r, sqe);
	ASSERT_OK(name);
	ASSERT_OK(ring_files_took(&f, 0, name));
	EXPECT_EQ(ring_files_slot(&f, name), 0);
	ASSERT_OK(ring_files_grow(&f, more, 8));
	EXPECT_EQ(ring_files_slot(&f, name), 0);
	EXPECT_EQ(ring_files_slot(&f, fd), 2);
	EXPECT_ERR(byte_in(&r, 0), -EISDIR);
	EXPECT_EQ(byte_in(&r, 2), 9);
	/* The kernel's part is what it was: one slot is free. */
	EXPECT_EQ(open_somewhere(&r, IORING_FILE_INDEX_ALLOC), 1);
	EXPECT_ERR(open_somewhere(&r, IORING_FILE_INDEX_ALLOC), -ENFILE);
	EXPECT_EQ(ring_files_add(&f, file_of(1)), 6);
	ring_exit(&r);
}

static const struct test_case cases[] = {
	TEST("files come into slots, are found, and go", fills_and_empties),
	TEST("index and table agree after any sequence of steps", random_steps),
	TEST("what is refused changes nothing", misuse),
	TEST("a request in flight keeps the file of a slot that was replaced",
	     in_flight_keeps_its_file),
	TEST("a table grows, requests in flight and prepared ones included", grows),
	TEST("a table that cannot grow is as it was", grows_not),
	TEST("the kernel chooses among its slots, and we among ours", kernel_chooses),
};
TEST_SUITE(ring_files, cases);
