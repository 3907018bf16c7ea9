/* SPDX-License-Identifier: MIT */
/* Serving a device inside a test, and cleaning up after it. */
#if !__STDC_HOSTED__

#include "selftests/device.h"

#include <asm/errno.h>

#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/targets/targets.h"

/* How long the kernel's workers may take to go, and a step to return */
#define SETTLE_MS 5000
#define STEP_NS 5000000

struct fixture {
	u32 nr_ids;
	s32 ids[DEVICE_MAX_IDS];
};

static void setup(void)
{
	struct ublk_ctrl c = { .via = NULL };
	struct ublk_error error;
	int err;

	if (sys_geteuid())
		test_skip("needs root, to make a device");
	err = ublk_ctrl_open(&c);
	if (err) {
		ublk_ctrl_explain(&c, err, &error);
		test_skip("%s", error.why.text);
	}
	ublk_ctrl_close(&c);
}

static void remove_device(struct ublk_ctrl *c, u32 dev_id)
{
	struct ublksrv_ctrl_dev_info info;

	if (ublk_ctrl_get_info(c, dev_id, &info, DEVICE_TIMEOUT_MS))
		return;
	dev_id = ublk_ctrl_id(&info);
	(void)!ublk_ctrl_stop_dev(c, dev_id, DEVICE_TIMEOUT_MS);
	EXPECT_OK(ublk_ctrl_del_dev(c, dev_id, DEVICE_TIMEOUT_MS));
}

static void teardown(void)
{
	const struct fixture *f = test_fixture();
	struct ublk_ctrl c = { .via = NULL };

	if (!f->nr_ids || ublk_ctrl_open(&c))
		return;
	for (u32 i = 0; i < f->nr_ids; i++)
		remove_device(&c, (u32)f->ids[i]);
	ublk_ctrl_close(&c);
}

const struct test_fixture device_fixture = {
	.size_bytes = sizeof(struct fixture),
	.setup = setup,
	.teardown = teardown,
};

void device_record(s32 dev_id)
{
	struct fixture *f = test_fixture();

	for (u32 i = 0; i < f->nr_ids; i++)
		if (f->ids[i] == dev_id)
			return;
	ASSERT_LT(f->nr_ids, DEVICE_MAX_IDS);
	f->ids[f->nr_ids++] = dev_id;
}

static int start_thread(void *ctx, u32 idx, void (*fn)(void *arg), void *arg)
{
	struct device_threads *t = ctx;

	return thread_start(&t->threads[idx], fn, arg, DEVICE_STACK_BYTES);
}

static void join_thread(void *ctx, u32 idx)
{
	struct device_threads *t = ctx;

	thread_join(&t->threads[idx]);
}

const struct ublk_threads *device_thread_hook(struct device_threads *t)
{
	*t = (struct device_threads){
		.hook = { .start = start_thread, .join = join_thread, .ctx = t },
	};
	return &t->hook;
}

void device_fail(const struct ublk_error *error)
{
	test_fail("%s of device %d, queue %d: %s (%s)", error->step, error->dev_id, error->queue,
		  error->why.text, err_name(error->err));
}

void device_ctrl_open(struct ublk_ctrl *c)
{
	*c = (struct ublk_ctrl){ .via = NULL };
	ASSERT_OK(ublk_ctrl_open(c));
}

int device_kernel_state(s32 dev_id)
{
	struct ublksrv_ctrl_dev_info info;
	struct ublk_ctrl c;
	int err;

	device_ctrl_open(&c);
	err = ublk_ctrl_get_info(&c, (u32)dev_id, &info, DEVICE_TIMEOUT_MS);
	ublk_ctrl_close(&c);
	return err ? err : info.state;
}

/* A record of getdents64(2): inode, offset, its own length, type, name */
#define NAME_AT 19

static u16 record_len(const u8 *record)
{
	return (u16)(record[16] | record[17] << 8);
}

/* Its workers come and stay as the kernel likes */
static bool is_io_worker(const char *tid)
{
	char path[64];
	char name[16] = "";
	int fd;

	fmt_print(path, sizeof(path), "/proc/self/task/%s/comm", tid);
	fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return true; /* it has just ended, as only those do by themselves */
	(void)sys_read(fd, name, sizeof(name) - 1);
	(void)sys_close(fd);
	return str_starts(name, "iou-") != NULL;
}

static u32 count_entries(const char *path, bool (*leave_out)(const char *name))
{
	u8 buf[4096];
	u32 nr = 0;
	long n;
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_DIRECTORY, 0);

	ASSERT_OK(fd);
	while ((n = sys_getdents64(fd, buf, sizeof(buf))) > 0)
		for (long at = 0; at < n; at += record_len(buf + at))
			nr += !leave_out || !leave_out((const char *)buf + at + NAME_AT);
	ASSERT_OK(n);
	(void)sys_close(fd);
	return nr;
}

static u32 count_lines(const char *path)
{
	char buf[4096];
	u32 nr = 0;
	long n;
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);

	ASSERT_OK(fd);
	while ((n = sys_read(fd, buf, sizeof(buf))) > 0)
		for (long i = 0; i < n; i++)
			nr += buf[i] == '\n';
	ASSERT_OK(n);
	(void)sys_close(fd);
	return nr;
}

void device_count(struct device_counts *c)
{
	c->nr_files = count_entries("/proc/self/fd", NULL);
	c->nr_mappings = count_lines("/proc/self/maps");
	c->nr_tasks = count_entries("/proc/self/task", is_io_worker);
}

void device_check_counts(const struct device_counts *before)
{
	u64 end_ms = test_now_ms() + SETTLE_MS;
	struct device_counts now;

	do {
		device_count(&now);
		if (!memcmp(&now, before, sizeof(now)))
			return;
		test_sleep_ms(10);
	} while (test_now_ms() < end_ms);
	EXPECT_EQ(now.nr_files, before->nr_files);
	EXPECT_EQ(now.nr_mappings, before->nr_mappings);
	EXPECT_EQ(now.nr_tasks, before->nr_tasks);
}

void rig_init(struct rig *r, const struct tgt_type *const *types, const char *spec,
	      bool has_threads)
{
	memset(r, 0, sizeof(*r));
	blockdev_fork(&r->user);
	r->opts = (struct ublk_dev_opts){
		.types = types,
		.spec = spec,
		.dev_id = UBLK_AUTO_ID,
		.depth = 16,
		.timeout_ms = DEVICE_TIMEOUT_MS,
		.threads = has_threads ? device_thread_hook(&r->threads) : NULL,
	};
}

int rig_create(struct rig *r)
{
	struct ublk_dev_info info;
	int err = ublk_dev_create(&r->dev, &r->opts, &r->error);

	if (err)
		return err;
	ublk_dev_info(&r->dev, &info);
	device_record(info.dev_id);
	return str_copy(r->path, sizeof(r->path), info.block_path) < 0 ? -ENAMETOOLONG : 0;
}

void rig_up(struct rig *r, int flags)
{
	if (rig_create(r) || ublk_dev_start(&r->dev, &r->error))
		device_fail(&r->error);
	ASSERT_OK(rig_open(r, flags));
}

void rig_down(struct rig *r)
{
	struct ublk_dev_info info;

	ublk_dev_info(&r->dev, &info);
	if (info.is_running)
		rig_close(r);
	if (ublk_dev_close(&r->dev, &r->error))
		device_fail(&r->error);
	blockdev_end(&r->user);
	if (info.dev_id >= 0)
		EXPECT_ERR(device_kernel_state(info.dev_id), -ENODEV);
}

s64 rig_wait(struct rig *r)
{
	u64 end_ms = test_now_ms() + BLOCKDEV_TIMEOUT_MS;

	while (!r->opts.threads && !blockdev_is_done(&r->user, 0) && test_now_ms() < end_ms)
		if (ublk_dev_step(&r->dev, STEP_NS) <= 0)
			break;
	return blockdev_wait(&r->user);
}

int rig_open(struct rig *r, int flags)
{
	struct blockdev_open_arg a = { .flags = flags };

	ASSERT_OK(str_copy(a.path, sizeof(a.path), r->path));
	blockdev_start(&r->user, blockdev_fn_open, &a, sizeof(a));
	return (int)rig_wait(r);
}

void rig_close(struct rig *r)
{
	blockdev_start(&r->user, blockdev_fn_close, NULL, 0);
	(void)rig_wait(r);
}

s64 rig_do(struct rig *r, enum oracle_kind kind, u64 offset_bytes, u64 len_bytes)
{
	struct oracle_op op = {
		.kind = kind,
		.offset_bytes = offset_bytes,
		.len_bytes = len_bytes,
	};

	blockdev_start(&r->user, blockdev_fn_do, &op, sizeof(op));
	return rig_wait(r);
}

static u64 word_at(u64 seed, u64 offset_bytes)
{
	u64 x = (offset_bytes + seed * 0x9e3779b97f4a7c15ULL) | 1;

	return oracle_random(&x);
}

void rig_fill(struct rig *r, u64 seed, u64 offset_bytes, u64 len_bytes)
{
	u64 *words = (u64 *)(void *)r->user.buf;

	for (u64 i = 0; i < len_bytes / 8; i++)
		words[i] = word_at(seed, offset_bytes + i * 8);
	ASSERT_EQ(rig_do(r, ORACLE_WRITE, offset_bytes, len_bytes), len_bytes);
}

void rig_check(struct rig *r, u64 seed, u64 offset_bytes, u64 len_bytes)
{
	const u64 *words = (const u64 *)(const void *)r->user.buf;

	memset(r->user.buf, 0xa5, len_bytes);
	ASSERT_EQ(rig_do(r, ORACLE_READ, offset_bytes, len_bytes), len_bytes);
	for (u64 i = 0; i < len_bytes / 8; i++)
		if (words[i] != word_at(seed, offset_bytes + i * 8))
			test_fail("the bytes at %llu are not what was written",
				  offset_bytes + i * 8);
}

#endif
