/* SPDX-License-Identifier: MIT */
/* dm/: devices on a real kernel. Needs root and dm-mod, else all is skipped. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "dm/concise.h"
#include "dm/node.h"
#include "dm/udev.h"
#include "selftests/dm_rig.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

#define PREFIX RIG_PREFIX

static void lives(void)
{
	struct dm_table t = dm_rig_zeroes(2048);
	struct dm_info info = { 0 };
	struct dm_id id;

	ASSERT_OK(dm_create(dm_rig_fd(), PREFIX "a", "UUID-a", DM_ANY_MINOR, &info));
	EXPECT_STREQ(info.name, PREFIX "a");
	EXPECT_STREQ(info.uuid, "UUID-a");
	EXPECT_EQ(info.flags & (DM_ACTIVE_PRESENT_FLAG | DM_INACTIVE_PRESENT_FLAG), 0);
	id = dm_by_dev(info.dev);
	ASSERT_OK(dm_load(dm_rig_fd(), id, &t, DM_READONLY_FLAG, &info));
	EXPECT_EQ(info.flags & DM_INACTIVE_PRESENT_FLAG, DM_INACTIVE_PRESENT_FLAG);
	ASSERT_OK(dm_resume(dm_rig_fd(), dm_by_name(PREFIX "a"), 0, 0, &info));
	EXPECT_EQ(info.flags & (DM_ACTIVE_PRESENT_FLAG | DM_INACTIVE_PRESENT_FLAG |
				DM_READONLY_FLAG),
		  DM_ACTIVE_PRESENT_FLAG | DM_READONLY_FLAG);
	EXPECT_EQ(info.nr_targets, 1);
	ASSERT_OK(dm_load(dm_rig_fd(), id, &t, 0, NULL));
	ASSERT_OK(dm_clear(dm_rig_fd(), dm_by_uuid("UUID-a"), &info));
	EXPECT_EQ(info.flags & DM_INACTIVE_PRESENT_FLAG, 0);
	ASSERT_OK(dm_suspend(dm_rig_fd(), id, DM_NOFLUSH_FLAG | DM_SKIP_LOCKFS_FLAG, &info));
	EXPECT_EQ(info.flags & DM_SUSPEND_FLAG, DM_SUSPEND_FLAG);
	ASSERT_OK(dm_resume(dm_rig_fd(), id, 0, 0, &info));
	EXPECT_EQ(info.flags & DM_SUSPEND_FLAG, 0);
	ASSERT_OK(dm_remove(dm_rig_fd(), id, 0, 0, NULL));
	EXPECT_EQ(dm_info_get(dm_rig_fd(), id, 0, &info), -ENXIO);
	dm_table_free(&t);
}

/* Two lines and more: an odd offset to the next is refused since 6.12. */
static void loads_many(void)
{
	struct dm_table t = { 0 };
	struct dm_table same = { 0 };
	struct dm_reply r = { .io = NULL };
	struct dm_info info = { 0 };
	struct dm_target line;
	u32 nr = 3000;
	u32 pos = 0;

	for (u32 i = 0; i < nr; i++) {
		ASSERT_OK(dm_table_add(&t, (u64)i * 8, 8, i % 2 ? "zero" : "error", NULL, 0, NULL));
		ASSERT_OK(dm_table_add(&same, (u64)i * 8, 8, i % 2 ? "zero" : "error", NULL, 0,
				       NULL));
	}
	ASSERT_OK(dm_create_active(dm_rig_fd(), PREFIX "many", NULL, DM_ANY_MINOR, &t, 0, 0, &info,
				   NULL));
	EXPECT_EQ(info.nr_targets, nr);
	ASSERT_OK(dm_table_status(dm_rig_fd(), dm_by_dev(info.dev), DM_STATUS_TABLE_FLAG, &r));
	for (u32 i = 0; i < nr; i++) {
		ASSERT_EQ(dm_next_target(&r, &pos, &line), 1);
		ASSERT_EQ(line.start, (u64)i * 8);
		ASSERT_STREQ(line.type, i % 2 ? "zero" : "error");
	}
	EXPECT_EQ(dm_next_target(&r, &pos, &line), 0);
	EXPECT_EQ(dm_table_equal(&same, &r), 1);
	dm_reply_free(&r);
	dm_table_free(&t);
	dm_table_free(&same);
}

static void lists(void)
{
	struct dm_reply r = { .io = NULL };
	struct dm_name n;
	char name[64];
	u32 nr = 300; /* more than the first buffer holds */
	u32 pos = 0;

	for (u32 i = 0; i < nr; i++) {
		fmt_print(name, sizeof(name), PREFIX "with-a-name-of-some-length-%04u", i);
		ASSERT_OK(dm_create(dm_rig_fd(), name, i == 7 ? "UUID-seven" : NULL, DM_ANY_MINOR,
				    NULL));
	}
	ASSERT_OK(dm_list(dm_rig_fd(), PREFIX, NULL, DM_UUID_FLAG, &r));
	for (u32 i = 0; i < nr; i++) {
		ASSERT_EQ(dm_next_name(&r, &pos, &n), 1);
		fmt_print(name, sizeof(name), PREFIX "with-a-name-of-some-length-%04u", i);
		ASSERT_STREQ(n.name, name);
		ASSERT_STREQ(n.uuid, i == 7 ? "UUID-seven" : "");
	}
	EXPECT_EQ(dm_next_name(&r, &pos, &n), 0);
	pos = 0;
	ASSERT_OK(dm_list(dm_rig_fd(), NULL, "UUID-seven", 0, &r));
	ASSERT_EQ(dm_next_name(&r, &pos, &n), 1);
	EXPECT_EQ(n.uuid, NULL);
	EXPECT_EQ(dm_next_name(&r, &pos, &n), 0);
	dm_reply_free(&r);
}

static void renames(void)
{
	struct dm_info info = dm_rig_zero(PREFIX "old", 8);
	struct dm_info after = { 0 };
	u64 dev = info.dev;

	ASSERT_OK(dm_set_uuid(dm_rig_fd(), dm_by_dev(dev), "UUID-new", 0, &after));
	EXPECT_STREQ(after.uuid, "UUID-new");
	EXPECT_EQ(dm_set_uuid(dm_rig_fd(), dm_by_dev(dev), "UUID-x", 0, NULL), -EINVAL);
	ASSERT_OK(dm_rename(dm_rig_fd(), dm_by_uuid("UUID-new"), PREFIX "new", 0, &after));
	EXPECT_STREQ(after.name, PREFIX "new");
	EXPECT_EQ(dm_rename(dm_rig_fd(), dm_by_dev(dev), PREFIX "new", 0, NULL), -EBUSY);
	ASSERT_OK(dm_info_get(dm_rig_fd(), dm_by_name(PREFIX "new"), 0, &after));
	EXPECT_EQ(after.dev, dev);
	EXPECT_EQ(dm_info_get(dm_rig_fd(), dm_by_name(PREFIX "old"), 0, &after), -ENXIO);
}

static void refuses(void)
{
	struct dm_table none = { 0 };
	struct dm_info info = dm_rig_zero(PREFIX "r", 8);
	struct dm_info other = { 0 };
	char name[DM_NAME_LEN + 1];

	EXPECT_EQ(dm_create(dm_rig_fd(), PREFIX "r", NULL, DM_ANY_MINOR, NULL), -EBUSY);
	EXPECT_EQ(dm_create(dm_rig_fd(), "a/b", NULL, DM_ANY_MINOR, NULL), -EINVAL);
	EXPECT_EQ(dm_create(dm_rig_fd(), PREFIX "s", NULL, (s32)dm_dev_minor(info.dev), NULL),
		  -ENXIO);
	memset(name, 'n', DM_NAME_LEN);
	name[DM_NAME_LEN] = '\0';
	EXPECT_EQ(dm_create(dm_rig_fd(), name, NULL, DM_ANY_MINOR, NULL), -ENAMETOOLONG);
	EXPECT_EQ(dm_load(dm_rig_fd(), dm_by_dev(info.dev), &none, 0, NULL), -EINVAL);
	ASSERT_OK(dm_create(dm_rig_fd(), PREFIX "t", NULL, DM_ANY_MINOR, &other));
	/* it runs as it is; once it is suspended there has to be a table */
	EXPECT_EQ(dm_resume(dm_rig_fd(), dm_by_dev(other.dev), 0, 0, NULL), 0);
	ASSERT_OK(dm_suspend(dm_rig_fd(), dm_by_dev(other.dev), 0, NULL));
	EXPECT_EQ(dm_resume(dm_rig_fd(), dm_by_dev(other.dev), 0, 0, NULL), -EINVAL);
	EXPECT_EQ(dm_remove(dm_rig_fd(), dm_by_name(PREFIX "nobody"), 0, 0, NULL), -ENXIO);
}

/* All or nothing: what was made before the failure is gone. */
static void creates_all_or_nothing(void)
{
	struct dm_table t = { 0 };
	struct diag why = { "" };
	struct dm_info info;
	static const char *const args[] = { "/dev/no-such-device", "0" };

	ASSERT_OK(dm_table_add(&t, 0, 8, "linear", args, 2, NULL));
	EXPECT_LT(dm_create_active(dm_rig_fd(), PREFIX "x", NULL, DM_ANY_MINOR, &t, 0, 0, &info,
				   &why),
		  0);
	EXPECT_NE(str_find(why.text, "loading its table"), NULL);
	EXPECT_EQ(dm_info_get(dm_rig_fd(), dm_by_name(PREFIX "x"), 0, &info), -ENXIO);
	dm_table_free(&t);
}

static void stays_while_open(void)
{
	struct dm_info info = dm_rig_zero(PREFIX "busy", 8);
	struct dm_nodes nodes = { .dev_dir = "/dev" };
	int file;

	ASSERT_OK(dm_node_make(&nodes, PREFIX "busy", info.dev));
	file = sys_openat(AT_FDCWD, "/dev/mapper/" PREFIX "busy", O_RDONLY | O_CLOEXEC, 0);
	ASSERT_OK(file);
	EXPECT_EQ(dm_remove(dm_rig_fd(), dm_by_dev(info.dev), 0, 0, NULL), -EBUSY);
	EXPECT_EQ(dm_remove_retry(dm_rig_fd(), dm_by_dev(info.dev), 0, 60, NULL), -EBUSY);
	ASSERT_OK(dm_remove(dm_rig_fd(), dm_by_dev(info.dev), DM_DEFERRED_REMOVE, 0, &info));
	EXPECT_EQ(info.flags & DM_DEFERRED_REMOVE, DM_DEFERRED_REMOVE);
	ASSERT_OK(dm_info_get(dm_rig_fd(), dm_by_name(PREFIX "busy"), 0, &info));
	EXPECT_EQ(info.open_count, 1);
	EXPECT_EQ(info.flags & DM_DEFERRED_REMOVE, DM_DEFERRED_REMOVE);
	ASSERT_OK(sys_close(file));
	for (u32 i = 0;
	     i < 100 && dm_info_get(dm_rig_fd(), dm_by_name(PREFIX "busy"), 0, &info) == 0; i++)
		test_sleep_ms(20);
	EXPECT_EQ(dm_info_get(dm_rig_fd(), dm_by_name(PREFIX "busy"), 0, &info), -ENXIO);
	ASSERT_OK(dm_node_remove(&nodes, PREFIX "busy", info.dev));
}

static void depends(void)
{
	struct dm_info below = dm_rig_zero(PREFIX "below", 64);
	struct dm_table t = { 0 };
	struct dm_reply r = { .io = NULL };
	struct dm_info above;
	char dev[32];
	const char *args[] = { dev, "0" };
	u32 pos = 0;
	u64 dep;

	fmt_print(dev, sizeof(dev), "%u:%u", dm_dev_major(below.dev), dm_dev_minor(below.dev));
	ASSERT_OK(dm_table_add(&t, 0, 64, "linear", args, 2, NULL));
	ASSERT_OK(dm_create_active(dm_rig_fd(), PREFIX "above", NULL, DM_ANY_MINOR, &t, 0, 0, &above,
				   NULL));
	dm_table_free(&t);
	ASSERT_OK(dm_deps(dm_rig_fd(), dm_by_dev(above.dev), 0, &r));
	ASSERT_EQ(dm_next_dep(&r, &pos, &dep), 1);
	EXPECT_EQ(dep, below.dev);
	EXPECT_EQ(dm_next_dep(&r, &pos, &dep), 0);
	pos = 0;
	ASSERT_OK(dm_create(dm_rig_fd(), PREFIX "bare", NULL, DM_ANY_MINOR, &above));
	ASSERT_OK(dm_deps(dm_rig_fd(), dm_by_dev(above.dev), 0, &r));
	EXPECT_EQ(dm_next_dep(&r, &pos, &dep), 0);
	dm_reply_free(&r);
	/* from the top down */
	ASSERT_OK(dm_remove(dm_rig_fd(), dm_by_name(PREFIX "above"), 0, 0, NULL));
}

static void talks(void)
{
	struct dm_info info = dm_rig_zero(PREFIX "msg", 64);
	struct dm_reply r = { .io = NULL };

	ASSERT_OK(dm_message(dm_rig_fd(), dm_by_dev(info.dev), 0, "@stats_create - /1", 0, &r));
	EXPECT_STREQ(dm_reply_text(&r), "0");
	ASSERT_OK(dm_message(dm_rig_fd(), dm_by_dev(info.dev), 0, "@stats_list", 0, &r));
	ASSERT_NE(dm_reply_text(&r), NULL);
	EXPECT_NE(str_find(dm_reply_text(&r), "0: 0+64 64"), NULL);
	for (u32 i = 1; i < 20; i++)
		ASSERT_OK(dm_message(dm_rig_fd(), dm_by_dev(info.dev), 0, "@stats_create - /1", 0,
				     &r));
	/* its answer does not fit, and the message was not sent a second time */
	EXPECT_EQ(dm_message(dm_rig_fd(), dm_by_dev(info.dev), 0, "@stats_list", 1, &r), -EOVERFLOW);
	ASSERT_OK(dm_message(dm_rig_fd(), dm_by_dev(info.dev), 0, "@stats_create - /1", 0, &r));
	EXPECT_STREQ(dm_reply_text(&r), "20");
	ASSERT_OK(dm_message(dm_rig_fd(), dm_by_dev(info.dev), 0, "@cancel_deferred_remove", 0, &r));
	EXPECT_EQ(dm_reply_text(&r), NULL);
	EXPECT_EQ(dm_message(dm_rig_fd(), dm_by_dev(info.dev), 0, "nonsense", 0, &r), -EINVAL);
	dm_reply_free(&r);
}

static void knows_targets(void)
{
	struct dm_info info = dm_rig_zero(PREFIX "t", 8);
	struct dm_reply r = { .io = NULL };
	struct dm_target_type type;
	struct dm_version v;
	bool has_linear = false;
	u32 pos = 0;

	(void)info;
	ASSERT_OK(dm_list_targets(dm_rig_fd(), &r));
	while (dm_next_target_type(&r, &pos, &type) > 0)
		has_linear |= str_eq(type.name, "linear");
	EXPECT_TRUE(has_linear);
	ASSERT_OK(dm_target_version(dm_rig_fd(), "linear", &v));
	EXPECT_EQ(v.major, 1);
	EXPECT_EQ(dm_target_version(dm_rig_fd(), "no-such", &v), -EINVAL);
	EXPECT_EQ(dm_target_version(dm_rig_fd(), "a-name-that-is-too-long", &v), -ENAMETOOLONG);
	dm_reply_free(&r);
}

static void wipes_secrets(void)
{
	struct dm_table t = dm_rig_zeroes(8);
	struct dm_info info = { 0 };

	ASSERT_OK(dm_create(dm_rig_fd(), PREFIX "sec", NULL, DM_ANY_MINOR, &info));
	ASSERT_OK(dm_load(dm_rig_fd(), dm_by_dev(info.dev), &t, DM_SECURE_DATA_FLAG, &info));
	EXPECT_EQ(t.nr_targets, 0);
	EXPECT_EQ(t.mem.addr, NULL);
	EXPECT_EQ(info.flags & DM_INACTIVE_PRESENT_FLAG, DM_INACTIVE_PRESENT_FLAG);
}

static void wake_by_rename(void *arg)
{
	test_sleep_ms(100);
	ASSERT_OK(dm_rename(dm_rig_fd(), dm_by_name(arg), PREFIX "woken", 0, NULL));
}

static void waits(void)
{
	struct dm_info info = dm_rig_zero(PREFIX "w", 8);
	struct dm_reply r = { .io = NULL };
	struct dm_target line;
	u32 pos = 0;

	/* a number that is not the device's any more: at once */
	ASSERT_OK(dm_wait(dm_rig_fd(), dm_by_dev(info.dev), info.event_nr + 1, 0, &r));
	ASSERT_OK(test_run_child(wake_by_rename, (void *)PREFIX "w"));
	ASSERT_OK(dm_wait(dm_rig_fd(), dm_by_dev(info.dev), info.event_nr, 0, &r));
	ASSERT_EQ(dm_next_target(&r, &pos, &line), 1);
	EXPECT_STREQ(line.type, "zero");
	dm_reply_info(&r, &info);
	EXPECT_STREQ(info.name, PREFIX "woken");
	dm_reply_free(&r);
}

static void sets_geometry(void)
{
	struct dm_info info = dm_rig_zero(PREFIX "g", 4096);

	ASSERT_OK(dm_set_geometry(dm_rig_fd(), dm_by_dev(info.dev), 16, 16, 16, 0));
	EXPECT_EQ(dm_set_geometry(dm_rig_fd(), dm_by_dev(info.dev), 65536, 1, 1, 0), -EINVAL);
}

static void makes_nodes(void)
{
	struct dm_info info = dm_rig_zero(PREFIX "n", 8);
	struct dm_info other = dm_rig_zero(PREFIX "o", 8);
	struct dm_nodes links = { .dev_dir = "/dev" };
	struct dm_nodes owned = { .dev_dir = "/dev", .has_mode = true, .mode = 0640, .gid = 6 };
	char name[128] = PREFIX;
	struct statx st;

	/* one that has 253 bytes as a file: there is no room for more in front of it or behind */
	memset(name + sizeof(PREFIX) - 1, ' ', 60);
	ASSERT_OK(dm_node_make(&links, name, info.dev));
	EXPECT_TRUE(dm_node_is_right(&links, name, info.dev));
	ASSERT_OK(dm_node_remove(&links, name, info.dev));
	EXPECT_TRUE(!dm_node_is_right(&links, name, info.dev));
	ASSERT_OK(dm_node_make(&links, PREFIX "n", info.dev));
	ASSERT_OK(dm_node_make(&links, PREFIX "n", info.dev));
	EXPECT_TRUE(dm_node_is_right(&links, PREFIX "n", info.dev));
	/* a node of another device is put right, and is not removed as ours */
	ASSERT_OK(dm_node_make(&links, PREFIX "n", other.dev));
	ASSERT_OK(dm_node_remove(&links, PREFIX "n", info.dev));
	EXPECT_TRUE(dm_node_is_right(&links, PREFIX "n", other.dev));
	ASSERT_OK(dm_node_make(&owned, PREFIX "n", info.dev));
	ASSERT_OK(sys_statx(AT_FDCWD, "/dev/mapper/" PREFIX "n", AT_SYMLINK_NOFOLLOW,
			    STATX_BASIC_STATS, &st));
	EXPECT_EQ(st.stx_mode, S_IFBLK | 0640);
	EXPECT_EQ(st.stx_gid, 6);
	ASSERT_OK(dm_node_rename(&links, PREFIX "n", PREFIX "\303\244 b", info.dev));
	EXPECT_TRUE(!dm_node_is_right(&links, PREFIX "n", info.dev));
	ASSERT_OK(sys_faccessat(AT_FDCWD, "/dev/mapper/" PREFIX "\\xc3\\xa4\\x20b", 0));
	ASSERT_OK(dm_remove(dm_rig_fd(), dm_by_dev(info.dev), 0, 0, NULL));
	/* a link whose device is gone is still ours */
	ASSERT_OK(dm_node_remove(&links, PREFIX "\303\244 b", info.dev));
	EXPECT_EQ(sys_faccessat(AT_FDCWD, "/dev/mapper/" PREFIX "\\xc3\\xa4\\x20b", 0), -ENOENT);
}

static void round_trips_concise(void)
{
	const char *text = PREFIX "c\\,1,U\\;1,,ro,0 8 zero ,8 8 error ";
	const char *at = text;
	struct dm_concise dev;
	struct dm_reply r = { .io = NULL };
	struct dm_info info;
	char seen[256] = "";
	char wanted[256];
	struct fmt_buf out = { .text = seen, .size = sizeof(seen) };

	ASSERT_EQ(dm_concise_next(&at, &dev, NULL), 1);
	ASSERT_OK(dm_create_active(dm_rig_fd(), dev.name, dev.uuid, dev.minor, &dev.table,
				   dev.flags, 0, &info, NULL));
	dm_table_free(&dev.table);
	ASSERT_OK(dm_table_status(dm_rig_fd(), dm_by_dev(info.dev), DM_STATUS_TABLE_FLAG, &r));
	ASSERT_OK(dm_concise_format(&out, &info, NULL, &r));
	fmt_print(wanted, sizeof(wanted), PREFIX "c\\,1,U\\;1,%u,ro,0 8 zero ,8 8 error ",
		  dm_dev_minor(info.dev));
	EXPECT_STREQ(seen, wanted);
	dm_reply_free(&r);
}

static const struct test_case cases[] = {
	RIG_TEST("a device is made, loaded, suspended, resumed and removed", lives),
	RIG_TEST("a table of thousands of lines is loaded and read back", loads_many),
	RIG_TEST("hundreds of devices are listed, by prefix too", lists),
	RIG_TEST("a device is renamed by uuid and number, and gets a uuid once", renames),
	RIG_TEST("what cannot be is refused with the documented errno", refuses),
	RIG_TEST("a device that cannot have its table is not left behind", creates_all_or_nothing),
	RIG_TEST("an open device stays, or goes when it is closed", stays_while_open),
	RIG_TEST("dependencies are told", depends),
	RIG_TEST("a message is answered, and sent once", talks),
	RIG_TEST("target types are listed, and asked for by name", knows_targets),
	RIG_TEST("a table with secrets is wiped when it is loaded", wipes_secrets),
	RIG_TEST("an event ends a wait", waits),
	RIG_TEST("a geometry is set within its limits", sets_geometry),
	RIG_TEST("nodes are made, put right, renamed and removed", makes_nodes),
	RIG_TEST("a device in one line comes back as it went in", round_trips_concise),
};
TEST_SUITE(device_dm, cases);
