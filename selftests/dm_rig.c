/* SPDX-License-Identifier: MIT */
/* See dm_rig.h. */
#include "selftests/dm_rig.h"

#include <asm/errno.h>
#include <linux/fcntl.h>

#include "uapi/sys.h"

struct rig {
	int fd;
	u32 kernel;
};

/* One pass from the top of a stack down for each device there may be below */
static void remove_ours(int fd)
{
	struct dm_reply r = { .io = NULL };
	u32 nr_left = 1;

	for (u32 pass = 0; nr_left && pass < 8; pass++) {
		struct dm_name n;
		u32 pos = 0;

		nr_left = 0;
		if (dm_list(fd, RIG_PREFIX, NULL, 0, &r))
			break;
		while (dm_next_name(&r, &pos, &n) > 0)
			nr_left += dm_remove_retry(fd, dm_by_dev(n.dev), 0, pass * 100, NULL) != 0;
	}
	dm_reply_free(&r);
}

static void setup(void)
{
	struct rig *rig = test_fixture();
	struct dm_version v;

	rig->fd = dm_control_open();
	if (rig->fd < 0)
		test_skip("no device mapper here");
	if (dm_version_get(rig->fd, &v) == -EACCES)
		test_skip("needs root");
	rig->kernel = v.minor;
	remove_ours(rig->fd);
}

static void teardown(void)
{
	int fd = dm_control_open();

	if (fd >= 0)
		remove_ours(fd);
}

const struct test_fixture dm_rig = {
	.size_bytes = sizeof(struct rig), .setup = setup, .teardown = teardown
};

int dm_rig_fd(void)
{
	struct rig *rig = test_fixture();

	return rig->fd;
}

u32 dm_rig_kernel(void)
{
	struct rig *rig = test_fixture();

	return rig->kernel;
}

struct dm_table dm_rig_zeroes(u64 sectors)
{
	struct dm_table t = { 0 };

	ASSERT_OK(dm_table_add(&t, 0, sectors, "zero", NULL, 0, NULL));
	return t;
}

int dm_rig_make(const char *name, const char *text, struct dm_info *info)
{
	struct dm_table t = { 0 };
	struct diag why = { "" };
	int err = dm_table_parse(&t, text, str_len(text), DM_TEXT_DMSETUP, &why);

	if (!err)
		err = dm_create_active(dm_rig_fd(), name, NULL, DM_ANY_MINOR, &t, 0, 0, info, &why);
	if (err)
		test_log("%s: %s: %s", name, why.text, err_name(err));
	dm_table_free(&t);
	return err;
}

struct dm_info dm_rig_zero(const char *name, u64 sectors)
{
	struct dm_info info = { 0 };
	char text[64];

	fmt_print(text, sizeof(text), "0 %llu zero", sectors);
	ASSERT_OK(dm_rig_make(name, text, &info));
	return info;
}

bool dm_rig_is_there(const char *name)
{
	struct dm_info info;

	return dm_info_get(dm_rig_fd(), dm_by_name(name), 0, &info) == 0;
}

u32 dm_rig_nr(void)
{
	struct dm_reply r = { .io = NULL };
	struct dm_name n;
	u32 nr = 0;
	u32 pos = 0;

	ASSERT_OK(dm_list(dm_rig_fd(), RIG_PREFIX, NULL, 0, &r));
	while (dm_next_name(&r, &pos, &n) > 0)
		nr++;
	dm_reply_free(&r);
	return nr;
}

int dm_rig_open(const struct dm_info *info, int flags)
{
	char path[32];

	fmt_print(path, sizeof(path), "/dev/dm-%u", dm_dev_minor(info->dev));
	return sys_openat(AT_FDCWD, path, flags | O_CLOEXEC, 0);
}

const char *dm_rig_number(char text[32], const struct dm_info *info)
{
	fmt_print(text, 32, "%u:%u", dm_dev_major(info->dev), dm_dev_minor(info->dev));
	return text;
}

enum { NR_WORKERS = 8 };

static void many_name(char text[64], u32 idx)
{
	fmt_print(text, 64, RIG_PREFIX "many-%05u", idx);
}

static int make_one(const char *name, struct dm_table *t)
{
	char uuid[80];

	fmt_print(uuid, sizeof(uuid), "UUID-%s", name);
	return dm_create_active(dm_rig_fd(), name, uuid, DM_ANY_MINOR, t, 0, 0, NULL, NULL);
}

/* Each worker has every eighth */
static void many_work(u32 worker, u32 nr, bool is_removal)
{
	struct dm_table t = dm_rig_zeroes(8);
	char name[64];

	for (u32 i = worker; i < nr; i += NR_WORKERS) {
		int err;

		many_name(name, i);
		err = is_removal ? dm_remove_retry(dm_rig_fd(), dm_by_name(name), 0, 5000, NULL) :
				   make_one(name, &t);
		if (err) {
			test_log("%s: %s", name, err_name(err));
			sys_exit_group(1);
		}
	}
	sys_exit_group(0);
}

static void many_workers(u32 nr, bool is_removal)
{
	int pids[NR_WORKERS];
	int status;

	for (u32 i = 0; i < NR_WORKERS; i++) {
		pids[i] = sys_fork();
		ASSERT_OK(pids[i]);
		if (!pids[i])
			many_work(i, nr, is_removal);
	}
	for (u32 i = 0; i < NR_WORKERS; i++) {
		ASSERT_EQ(sys_wait4(pids[i], &status, 0), pids[i]);
		EXPECT_EQ(status, 0);
	}
}

void dm_rig_many(u32 nr)
{
	struct dm_reply r = { .io = NULL };
	struct dm_info info;
	struct dm_name n;
	char name[64];
	char uuid[80];
	u64 begin_ms = test_now_ms();
	u32 pos = 0;

	many_workers(nr, false);
	test_log("%u made in %llu ms", nr, test_now_ms() - begin_ms);
	begin_ms = test_now_ms();
	ASSERT_OK(dm_list(dm_rig_fd(), RIG_PREFIX "many-", NULL, DM_UUID_FLAG, &r));
	for (u32 i = 0; i < nr; i++) {
		many_name(name, i);
		fmt_print(uuid, sizeof(uuid), "UUID-%s", name);
		ASSERT_EQ(dm_next_name(&r, &pos, &n), 1);
		ASSERT_STREQ(n.name, name);
		ASSERT_STREQ(n.uuid, uuid);
	}
	EXPECT_EQ(dm_next_name(&r, &pos, &n), 0);
	dm_reply_free(&r);
	ASSERT_OK(dm_info_get(dm_rig_fd(), dm_by_uuid(uuid), 0, &info));
	EXPECT_STREQ(info.name, name);
	EXPECT_EQ(info.flags & DM_ACTIVE_PRESENT_FLAG, DM_ACTIVE_PRESENT_FLAG);
	test_log("listed in %llu ms", test_now_ms() - begin_ms);
	begin_ms = test_now_ms();
	many_workers(nr, true);
	test_log("removed in %llu ms", test_now_ms() - begin_ms);
	EXPECT_EQ(dm_rig_nr(), 0);
}
