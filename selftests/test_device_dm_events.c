/* SPDX-License-Identifier: MIT */
/* dm/ on a real kernel: events, lists, answers of any size, and what only some targets do */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/hdreg.h>

#include "dm/ioctl.h"
#include "selftests/dm_rig.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/parse.h"
#include "uapi/sys.h"

#define PREFIX RIG_PREFIX

static void lists_by_prefix(void)
{
	struct dm_info a = dm_rig_zero(PREFIX "list-a", 8);
	struct dm_info b = dm_rig_zero(PREFIX "list-b", 8);
	struct dm_info c = dm_rig_zero(PREFIX "other", 8);
	struct dm_reply r = { .io = NULL };
	struct dm_name n;
	u32 pos = 0;

	ASSERT_OK(dm_set_uuid(dm_rig_fd(), dm_by_dev(a.dev), "RIG-1", 0, &a));
	ASSERT_OK(dm_set_uuid(dm_rig_fd(), dm_by_dev(c.dev), "RIG-2", 0, &c));
	ASSERT_OK(dm_list(dm_rig_fd(), PREFIX "list-", NULL, DM_UUID_FLAG, &r));
	ASSERT_EQ(dm_next_name(&r, &pos, &n), 1);
	EXPECT_STREQ(n.name, a.name);
	EXPECT_STREQ(n.uuid, "RIG-1");
	EXPECT_EQ(n.dev, a.dev);
	EXPECT_EQ(n.event_nr, a.event_nr);
	EXPECT_EQ(n.event_nr, 1); /* of its uuid */
	ASSERT_EQ(dm_next_name(&r, &pos, &n), 1);
	EXPECT_STREQ(n.name, b.name);
	EXPECT_STREQ(n.uuid, "");
	EXPECT_EQ(n.event_nr, 0);
	EXPECT_EQ(dm_next_name(&r, &pos, &n), 0);
	pos = 0;
	ASSERT_OK(dm_list(dm_rig_fd(), NULL, "RIG-", DM_UUID_FLAG, &r));
	ASSERT_EQ(dm_next_name(&r, &pos, &n), 1);
	EXPECT_STREQ(n.uuid, "RIG-1");
	ASSERT_EQ(dm_next_name(&r, &pos, &n), 1);
	EXPECT_STREQ(n.uuid, "RIG-2");
	EXPECT_EQ(dm_next_name(&r, &pos, &n), 0);
	pos = 0;
	ASSERT_OK(dm_list(dm_rig_fd(), PREFIX "other", "RIG-", DM_UUID_FLAG, &r));
	ASSERT_EQ(dm_next_name(&r, &pos, &n), 1);
	EXPECT_STREQ(n.name, PREFIX "other");
	EXPECT_EQ(dm_next_name(&r, &pos, &n), 0);
	pos = 0;
	ASSERT_OK(dm_list(dm_rig_fd(), PREFIX "no", NULL, 0, &r));
	EXPECT_EQ(dm_next_name(&r, &pos, &n), 0);
	dm_reply_free(&r);
}

static void polls(void)
{
	struct dm_info info;

	ASSERT_OK(dm_arm_poll(dm_rig_fd()));
	EXPECT_EQ(dm_poll(dm_rig_fd(), 0), 0);
	info = dm_rig_zero(PREFIX "p", 8);
	EXPECT_EQ(dm_poll(dm_rig_fd(), 1000), 1);
	EXPECT_EQ(dm_poll(dm_rig_fd(), -1), 1); /* until it is armed again */
	ASSERT_OK(dm_arm_poll(dm_rig_fd()));
	ASSERT_OK(dm_suspend(dm_rig_fd(), dm_by_dev(info.dev), 0, NULL));
	ASSERT_OK(dm_resume(dm_rig_fd(), dm_by_dev(info.dev), 0, 0, NULL));
	EXPECT_EQ(dm_poll(dm_rig_fd(), 50), 0); /* neither is an event */
	ASSERT_OK(dm_rename(dm_rig_fd(), dm_by_dev(info.dev), PREFIX "q", 0, NULL));
	EXPECT_EQ(dm_poll(dm_rig_fd(), 1000), 1);
	ASSERT_OK(dm_arm_poll(dm_rig_fd()));
	ASSERT_OK(dm_remove_retry(dm_rig_fd(), dm_by_dev(info.dev), 0, 5000, NULL));
	EXPECT_EQ(dm_poll(dm_rig_fd(), 1000), 1);
	EXPECT_EQ(dm_poll(-1, 50), -EBADF);
}

/* What happens to the device while it is waited for */
struct change {
	const char *name;
	bool is_removal;
};

static void change(const struct change *c)
{
	test_sleep_ms(100);
	if (c->is_removal)
		ASSERT_OK(dm_remove_retry(dm_rig_fd(), dm_by_name(c->name), 0, 5000, NULL));
	else
		ASSERT_OK(dm_rename(dm_rig_fd(), dm_by_name(c->name), PREFIX "renamed", 0, NULL));
}

static int wait_while(const struct change *c, u64 dev, u32 event_nr, struct dm_info *info)
{
	int status = 0;
	int pid = sys_fork();
	int err;

	ASSERT_OK(pid);
	if (!pid) {
		change(c);
		sys_exit_group(0);
	}
	err = dm_wait_event(dm_rig_fd(), dm_by_dev(dev), event_nr, 20000, info);
	ASSERT_OK(sys_wait4(pid, &status, 0));
	EXPECT_EQ(status, 0);
	return err;
}

static void waits_for_an_event(void)
{
	const struct change rename = { PREFIX "w", false };
	const struct change removal = { PREFIX "renamed", true };
	struct dm_info info = dm_rig_zero(PREFIX "w", 8);
	u64 dev = info.dev;
	u64 begin_ms = test_now_ms();

	EXPECT_EQ(dm_wait_event(dm_rig_fd(), dm_by_dev(dev), 0, 100, &info), -ETIME);
	EXPECT_GE(test_now_ms() - begin_ms, 100);
	EXPECT_OK(dm_wait_event(dm_rig_fd(), dm_by_dev(dev), 7, 0, &info));
	EXPECT_EQ(info.event_nr, 0);
	EXPECT_OK(wait_while(&rename, dev, 0, &info));
	EXPECT_STREQ(info.name, PREFIX "renamed");
	EXPECT_EQ(info.event_nr, 1);
	EXPECT_EQ(wait_while(&removal, dev, 1, &info), -ENXIO);
}

/* 127 devices in a name each: more than the first answer has room for */
static void grows(void)
{
	enum { NR = 200 };
	struct dm_reply r = { .io = NULL };
	struct dm_reply once = { .io = NULL };
	struct dm_ioctl head;
	struct dm_name n;
	char name[DM_NAME_LEN];
	u32 pos = 0;
	u32 nr = 0;

	memset(name, 'x', sizeof(name) - 1);
	memcpy(name, PREFIX, sizeof(PREFIX) - 1);
	for (u32 i = 0; i < NR; i++) {
		fmt_print(name + DM_NAME_LEN - 4, 4, "%03u", i);
		ASSERT_OK(dm_create(dm_rig_fd(), name, NULL, DM_ANY_MINOR, NULL));
	}
	ASSERT_OK(dm_list(dm_rig_fd(), PREFIX, NULL, 0, &r));
	EXPECT_EQ(r.room_bytes, 32768);
	while (dm_next_name(&r, &pos, &n) == 1) {
		fmt_print(name + DM_NAME_LEN - 4, 4, "%03u", nr++);
		ASSERT_STREQ(n.name, name);
	}
	EXPECT_EQ(nr, NR);
	/* sent once, it does not fit, and there is nothing to be walked through */
	ASSERT_OK(dm_head_for(&head, DM_NOBODY, 0, 0));
	ASSERT_OK(dm_room(&once, 4096));
	*(struct dm_ioctl *)once.mem.addr = head;
	EXPECT_EQ(dm_ask_once(dm_rig_fd(), &once, DM_LIST_DEVICES_CMD), -EOVERFLOW);
	pos = 0;
	EXPECT_EQ(dm_next_name(&once, &pos, &n), 0);
	EXPECT_EQ(once.room_bytes, 4096);
	dm_reply_free(&once);
	dm_reply_free(&r);
}

/* The counters of a region, which this message also sets to zero */
static u64 reads_and_clear(u32 room_bytes, int wanted)
{
	struct dm_reply r = { .io = NULL };
	const char *text;
	const char *end;
	u64 nr = 0;

	ASSERT_EQ(dm_message(dm_rig_fd(), dm_by_name(PREFIX "m"), 0, "@stats_print_clear 0",
			     room_bytes, &r),
		  wanted);
	text = dm_reply_text(&r);
	if (wanted) {
		EXPECT_EQ(text, NULL);
		EXPECT_LT(r.room_bytes, 4096);
	} else {
		ASSERT_NE(text, NULL);
		text = str_chr(text, ' ');
		ASSERT_NE(text, NULL);
		ASSERT_OK(parse_number(text + 1, &nr, &end));
	}
	dm_reply_free(&r);
	return nr;
}

static void sends_a_message_once(void)
{
	struct dm_info info = dm_rig_zero(PREFIX "m", 8192);
	struct dm_reply r = { .io = NULL };
	char block[4096] __attribute__((aligned(4096)));
	int file;

	/* 1024 areas, a line each */
	ASSERT_OK(dm_message(dm_rig_fd(), dm_by_dev(info.dev), 0, "@stats_create 0+8192 8", 0, &r));
	EXPECT_STREQ(dm_reply_text(&r), "0");
	dm_reply_free(&r);
	file = dm_rig_open(&info, O_RDONLY | O_DIRECT);
	ASSERT_OK(file);
	ASSERT_EQ(sys_pread64(file, block, sizeof(block), 0), sizeof(block));
	EXPECT_EQ(reads_and_clear(0, 0), 1);
	EXPECT_EQ(reads_and_clear(0, 0), 0);
	ASSERT_EQ(sys_pread64(file, block, sizeof(block), 0), sizeof(block));
	(void)!reads_and_clear(1, -EOVERFLOW);
	ASSERT_EQ(sys_pread64(file, block, sizeof(block), 0), sizeof(block));
	EXPECT_GE(reads_and_clear(0, 0), 1);
	ASSERT_OK(sys_close(file));
}

static void measures(void)
{
	struct dm_info below = dm_rig_zero(PREFIX "below", 64);
	struct dm_info info;
	struct dm_reply r = { .io = NULL };
	struct dm_target line;
	char number[32];
	char text[128];
	u32 pos = 0;

	fmt_print(text, sizeof(text), "0 32 linear %s 16\n32 8 zero", dm_rig_number(number, &below));
	ASSERT_OK(dm_rig_make(PREFIX "ima", text, &info));
	ASSERT_OK(dm_table_status(dm_rig_fd(), dm_by_dev(info.dev), DM_IMA_MEASUREMENT_FLAG, &r));
	ASSERT_EQ(dm_next_target(&r, &pos, &line), 1);
	test_log("%s", line.params);
	EXPECT_EQ(str_find(line.params, "target_name=linear,target_version=1."), line.params);
	fmt_print(text, sizeof(text), ",device_name=%s,start=16;", number);
	EXPECT_TRUE(str_ends(line.params, text));
	ASSERT_EQ(dm_next_target(&r, &pos, &line), 1);
	EXPECT_EQ(line.start, 32);
	EXPECT_EQ(dm_next_target(&r, &pos, &line), 0);
	dm_reply_free(&r);
	ASSERT_OK(dm_remove_retry(dm_rig_fd(), dm_by_dev(info.dev), 0, 5000, NULL));
}

static bool is_zero(const void *p, size_t bytes)
{
	const char *at = p;

	while (bytes && !*at) {
		at++;
		bytes--;
	}
	return !bytes;
}

/* What the kernel leaves of a table with secrets, whether it took it or not */
static void wipes_what_is_secret(void)
{
	static const char *const types[] = { "zero", "no-such-target" };
	struct dm_reply r = { .io = NULL };
	struct dm_target line;
	struct dm_info info = { 0 };
	u32 pos = 0;

	ASSERT_OK(dm_create(dm_rig_fd(), PREFIX "s", "UUID-secret", DM_ANY_MINOR, &info));
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct dm_table t = { .is_secret = true };
		struct dm_ioctl *io;
		char *line_at;

		test_row("%s", types[i]);
		for (u32 nr = 0; nr < 100; nr++)
			ASSERT_OK(dm_table_add(&t, nr * 8, 8, types[i], NULL, 0, NULL));
		io = t.mem.addr;
		line_at = (char *)(io + 1);
		EXPECT_TRUE(!is_zero(line_at, t.used_bytes - sizeof(*io)));
		ASSERT_OK(dm_head_for(io, dm_by_uuid("UUID-secret"), DM_SECURE_DATA_FLAG, 0));
		io->data_size = t.used_bytes;
		io->target_count = t.nr_targets;
		EXPECT_EQ(dm_send(dm_rig_fd(), DM_TABLE_LOAD_CMD, io, NULL), i ? -EINVAL : 0);
		EXPECT_TRUE(is_zero(line_at, t.used_bytes - sizeof(*io)));
		/* the identity too, where it failed: it is the caller's id that is left */
		EXPECT_EQ(is_zero(io, offsetof(struct dm_ioctl, data)), i == 1);
		dm_table_free(&t);
	}
	ASSERT_OK(dm_resume(dm_rig_fd(), dm_by_uuid("UUID-secret"), 0, 0, NULL));
	ASSERT_OK(dm_table_status(dm_rig_fd(), dm_by_uuid("UUID-secret"),
				  DM_STATUS_TABLE_FLAG | DM_SECURE_DATA_FLAG, &r));
	EXPECT_TRUE(r.is_secret);
	ASSERT_EQ(dm_next_target(&r, &pos, &line), 1);
	dm_reply_info(&r, &info);
	EXPECT_STREQ(info.name, PREFIX "s");
	dm_reply_wipe(&r);
	EXPECT_TRUE(is_zero(r.mem.addr, r.mem.len_bytes));
	EXPECT_TRUE(!r.is_secret);
	dm_reply_free(&r);
}

static void keeps_its_geometry(void)
{
	struct dm_info info = dm_rig_zero(PREFIX "g", 4096);
	struct hd_geometry g = { 0 };
	int file;

	ASSERT_OK(dm_set_geometry(dm_rig_fd(), dm_by_name(PREFIX "g"), 4, 32, 32, 7));
	file = dm_rig_open(&info, O_RDONLY);
	ASSERT_OK(file);
	ASSERT_OK(sys_ioctl(file, HDIO_GETGEO, &g));
	EXPECT_EQ(g.cylinders, 4);
	EXPECT_EQ(g.heads, 32);
	EXPECT_EQ(g.sectors, 32);
	EXPECT_EQ(g.start, 7);
	ASSERT_OK(sys_close(file));
	EXPECT_EQ(dm_set_geometry(dm_rig_fd(), dm_by_dev(info.dev), 65536, 1, 1, 0), -EINVAL);
	EXPECT_EQ(dm_set_geometry(dm_rig_fd(), dm_by_dev(info.dev), 1, 256, 1, 0), -EINVAL);
	EXPECT_EQ(dm_set_geometry(dm_rig_fd(), dm_by_dev(info.dev), 1, 1, 256, 0), -EINVAL);
	EXPECT_EQ(dm_set_geometry(dm_rig_fd(), dm_by_name(PREFIX "none"), 1, 1, 1, 0), -ENXIO);
}

/* A path that works, and one whose device fails all there is to read */
static void probes_paths(void)
{
	struct dm_info below = dm_rig_zero(PREFIX "below", 64);
	struct dm_info info;
	struct dm_version v;
	struct dm_reply r = { .io = NULL };
	struct dm_target line;
	char block[4096] __attribute__((aligned(4096)));
	char number[32];
	char text[128];
	u32 pos = 0;
	int file;

	if (dm_target_version(dm_rig_fd(), "multipath", &v))
		test_skip("has no multipath target");
	if (dm_rig_kernel() < 50)
		test_skip("probes no paths (Linux 6.16)");
	file = dm_rig_open(&below, O_RDONLY);
	ASSERT_OK(file);
	EXPECT_EQ(dm_mpath_probe(file), -ENOTTY);
	ASSERT_OK(sys_close(file));
	fmt_print(text, sizeof(text), "0 64 multipath 2 queue_mode bio 0 1 1 round-robin 0 1 1 %s 1",
		  dm_rig_number(number, &below));
	ASSERT_OK(dm_rig_make(PREFIX "mpath", text, &info));
	file = dm_rig_open(&info, O_RDONLY | O_DIRECT);
	ASSERT_OK(file);
	/* the first read chooses the group whose paths are active */
	ASSERT_EQ(sys_pread64(file, block, sizeof(block), 0), sizeof(block));
	EXPECT_OK(dm_mpath_probe(file));
	ASSERT_OK(dm_replace_with_errors(dm_rig_fd(), dm_by_dev(below.dev),
					 DM_NOFLUSH_FLAG | DM_SKIP_LOCKFS_FLAG, 0, NULL));
	EXPECT_EQ(dm_mpath_probe(file), -ENOTCONN);
	ASSERT_OK(dm_table_status(dm_rig_fd(), dm_by_dev(info.dev), 0, &r));
	ASSERT_EQ(dm_next_target(&r, &pos, &line), 1);
	fmt_print(text, sizeof(text), " %s F ", number);
	test_log("%s", line.params);
	EXPECT_NE(str_find(line.params, text), NULL);
	dm_reply_free(&r);
	ASSERT_OK(sys_close(file));
	ASSERT_OK(dm_remove_retry(dm_rig_fd(), dm_by_dev(info.dev), 0, 5000, NULL));
}

/* What the library's way with versions rests on */
static void answers_every_version(void)
{
	u32 minor = dm_rig_kernel();
	static const struct {
		u32 major;
		s32 above; /* the kernel's minor */
		int err;
	} rows[] = {
		{ 4, 0, 0 }, { 4, -1, 0 }, { 4, 1, -EINVAL }, { 3, 0, -EINVAL }, { 5, 0, -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct dm_ioctl io;

		test_row("row %zu", i);
		ASSERT_OK(dm_head_for(&io, DM_NOBODY, 0, 0));
		io.version[0] = rows[i].major;
		io.version[1] = (u32)((s32)minor + rows[i].above);
		EXPECT_EQ(sys_ioctl(dm_rig_fd(), DM_LIST_DEVICES, &io), rows[i].err);
		EXPECT_EQ(io.version[0], 4);
		EXPECT_EQ(io.version[1], minor);
	}
}

static const struct test_case cases[] = {
	RIG_TEST("devices are listed by prefixes, with uuids and event numbers", lists_by_prefix),
	RIG_TEST("a descriptor is readable from an event until it is armed again", polls),
	RIG_TEST("an event is waited for, with a limit", waits_for_an_event),
	RIG_TEST("an answer that does not fit is asked for again with more room", grows),
	RIG_TEST("a message whose answer does not fit is not sent again", sends_a_message_once),
	RIG_TEST("what IMA measures is told", measures),
	RIG_TEST("nothing of a secret is left", wipes_what_is_secret),
	RIG_TEST("a geometry is kept", keeps_its_geometry),
	RIG_TEST("the paths of a multipath device are tried", probes_paths),
	RIG_TEST("a kernel answers each version up to its own, and tells it", answers_every_version),
};
TEST_SUITE(device_dm_events, cases);
