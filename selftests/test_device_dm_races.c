/* SPDX-License-Identifier: MIT */
/* dm/ on a real kernel: several at once, the killed, the busy, and those without rights */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/stat.h>

#include "selftests/dm_rig.h"
#include "uapi/sys.h"

#define PREFIX RIG_PREFIX

enum { SIGKILL_NR = 9, SIGTERM_NR = 15, NOBODY = 65534 };

/* Children that begin at the same moment: each reads from a pipe until it is closed */
struct start {
	int pipe[2];
};

static void start_wait(const struct start *s)
{
	char c;

	(void)sys_close(s->pipe[1]);
	(void)!sys_read(s->pipe[0], &c, 1);
}

static int wait_for(int pid)
{
	int status = 0;

	while (sys_wait4(pid, &status, 0) == -EINTR)
		;
	return status;
}

/* What a racing creator exits with */
enum { WON, LOST, BROKEN };

static int race(u32 idx)
{
	struct dm_table t = { 0 };
	struct dm_info info = { 0 };
	int err = dm_table_add(&t, 0, 8 * (idx + 1), "zero", NULL, 0, NULL);

	err = err ? err : dm_create_active(dm_rig_fd(), PREFIX "race", NULL, DM_ANY_MINOR, &t, 0, 0,
					   &info, NULL);
	return err == 0 ? WON : err == -EBUSY ? LOST : BROKEN;
}

static void one_creator_wins(void)
{
	enum { NR = 8, NR_ROUNDS = 10 };

	for (u32 round = 0; round < NR_ROUNDS; round++) {
		struct start s = { { -1, -1 } };
		struct dm_reply r = { .io = NULL };
		struct dm_target line;
		int pids[NR];
		u32 nr_won = 0;
		u32 winner = 0;
		u32 pos = 0;

		ASSERT_OK(sys_pipe2(s.pipe, O_CLOEXEC));
		for (u32 i = 0; i < NR; i++) {
			pids[i] = sys_fork();
			ASSERT_OK(pids[i]);
			if (!pids[i]) {
				start_wait(&s);
				sys_exit_group(race(i));
			}
		}
		(void)sys_close(s.pipe[0]);
		(void)sys_close(s.pipe[1]);
		for (u32 i = 0; i < NR; i++) {
			int code = test_exited(wait_for(pids[i]));

			EXPECT_NE(code, BROKEN);
			nr_won += code == WON;
			winner = code == WON ? i : winner;
		}
		ASSERT_EQ(nr_won, 1);
		ASSERT_OK(dm_table_status(dm_rig_fd(), dm_by_name(PREFIX "race"), DM_STATUS_TABLE_FLAG,
					  &r));
		ASSERT_EQ(dm_next_target(&r, &pos, &line), 1);
		EXPECT_EQ(line.len, 8 * (winner + 1));
		dm_reply_free(&r);
		ASSERT_OK(dm_remove_retry(dm_rig_fd(), dm_by_name(PREFIX "race"), 0, 5000, NULL));
	}
}

static void dies_between(void *arg)
{
	struct dm_table t = dm_rig_zeroes(8);
	struct dm_info info = { 0 };

	(void)arg;
	ASSERT_OK(dm_create(dm_rig_fd(), PREFIX "half", "UUID-half", DM_ANY_MINOR, &info));
	ASSERT_OK(dm_load(dm_rig_fd(), dm_by_dev(info.dev), &t, 0, NULL));
	(void)sys_kill(sys_getpid(), SIGKILL_NR);
}

/* Nothing can be done for it any more, so who comes next is told, and can put it right. */
static void tells_of_the_killed(void)
{
	struct dm_table t = dm_rig_zeroes(8);
	struct dm_info info = { 0 };
	struct diag why = { "" };

	ASSERT_EQ(test_signal(test_run_child(dies_between, NULL)), SIGKILL_NR);
	EXPECT_EQ(dm_create_active(dm_rig_fd(), PREFIX "half", NULL, DM_ANY_MINOR, &t, 0, 0, NULL,
				   &why),
		  -EBUSY);
	EXPECT_NE(str_find(why.text, "no live table"), NULL);
	ASSERT_OK(dm_info_get(dm_rig_fd(), dm_by_name(PREFIX "half"), 0, &info));
	EXPECT_EQ(info.flags & (DM_ACTIVE_PRESENT_FLAG | DM_INACTIVE_PRESENT_FLAG),
		  DM_INACTIVE_PRESENT_FLAG);
	ASSERT_OK(dm_remove_retry(dm_rig_fd(), dm_by_uuid("UUID-half"), 0, 5000, NULL));
	EXPECT_OK(dm_create_active(dm_rig_fd(), PREFIX "half", "UUID-half", DM_ANY_MINOR, &t, 0, 0,
				   NULL, &why));
	dm_table_free(&t);
}

static _Noreturn void make_for_ever(const struct start *s)
{
	struct dm_table t = dm_rig_zeroes(8);

	(void)sys_close(s->pipe[0]);
	for (;;) {
		if (dm_create_active(dm_rig_fd(), PREFIX "term", NULL, DM_ANY_MINOR, &t, 0, 0, NULL,
				     NULL) ||
		    dm_remove_retry(dm_rig_fd(), dm_by_name(PREFIX "term"), 0, 5000, NULL))
			sys_exit_group(1);
		(void)!sys_write(s->pipe[1], "", 1);
	}
}

/* A signal at any moment finds a device whole, or none. */
static void is_whole_when_signalled(void)
{
	u32 nr_whole = 0;

	for (u32 i = 0; i < 20; i++) {
		struct dm_info info = { 0 };
		struct start s = { { -1, -1 } };
		char c;
		int pid;

		ASSERT_OK(sys_pipe2(s.pipe, O_CLOEXEC));
		pid = sys_fork();
		ASSERT_OK(pid);
		if (!pid)
			make_for_ever(&s);
		(void)sys_close(s.pipe[1]);
		/* it has been round, and is somewhere in it again */
		ASSERT_EQ(sys_read(s.pipe[0], &c, 1), 1);
		test_sleep_ms(i);
		ASSERT_OK(sys_kill(pid, SIGTERM_NR));
		EXPECT_EQ(test_signal(wait_for(pid)), SIGTERM_NR);
		(void)sys_close(s.pipe[0]);
		if (dm_info_get(dm_rig_fd(), dm_by_name(PREFIX "term"), 0, &info))
			continue;
		nr_whole++;
		test_row("signal %u", i);
		EXPECT_EQ(info.flags & DM_ACTIVE_PRESENT_FLAG, DM_ACTIVE_PRESENT_FLAG);
		ASSERT_OK(dm_remove_retry(dm_rig_fd(), dm_by_dev(info.dev), 0, 5000, NULL));
	}
	test_log("%u of 20 were there", nr_whole);
}

static void removes_later_or_not(void)
{
	struct dm_info info = dm_rig_zero(PREFIX "busy", 8);
	struct dm_id id = dm_by_dev(info.dev);
	int file = dm_rig_open(&info, O_RDONLY);
	u64 begin_ms = test_now_ms();

	ASSERT_OK(file);
	EXPECT_EQ(dm_remove_retry(dm_rig_fd(), id, 0, 200, NULL), -EBUSY);
	EXPECT_GE(test_now_ms() - begin_ms, 200);
	ASSERT_OK(dm_cancel_deferred_remove(dm_rig_fd(), id)); /* nothing to cancel */
	ASSERT_OK(dm_remove(dm_rig_fd(), id, DM_DEFERRED_REMOVE, 0, &info));
	EXPECT_EQ(info.flags & DM_DEFERRED_REMOVE, DM_DEFERRED_REMOVE);
	EXPECT_EQ(info.flags & DM_UEVENT_GENERATED_FLAG, 0);
	ASSERT_OK(dm_cancel_deferred_remove(dm_rig_fd(), id));
	ASSERT_OK(dm_info_get(dm_rig_fd(), id, 0, &info));
	EXPECT_EQ(info.flags & DM_DEFERRED_REMOVE, 0);
	ASSERT_OK(sys_close(file));
	test_sleep_ms(100);
	EXPECT_TRUE(dm_rig_is_there(PREFIX "busy"));
	/* not open: at once, and the answer says so */
	ASSERT_OK(dm_remove(dm_rig_fd(), id, DM_DEFERRED_REMOVE, 0, &info));
	EXPECT_EQ(info.flags & DM_DEFERRED_REMOVE, 0);
	EXPECT_TRUE(!dm_rig_is_there(PREFIX "busy"));
	EXPECT_EQ(dm_cancel_deferred_remove(dm_rig_fd(), id), -ENXIO);
}

static void fails_its_io(void)
{
	struct dm_info info = dm_rig_zero(PREFIX "e", 64);
	struct dm_info after = { 0 };
	struct dm_info bare = { 0 };
	struct dm_reply r = { .io = NULL };
	struct dm_target line;
	char block[4096] __attribute__((aligned(4096)));
	int file = dm_rig_open(&info, O_RDONLY | O_DIRECT);
	u32 pos = 0;

	ASSERT_OK(file);
	ASSERT_EQ(sys_pread64(file, block, sizeof(block), 0), sizeof(block));
	ASSERT_OK(dm_replace_with_errors(dm_rig_fd(), dm_by_name(PREFIX "e"),
					 DM_NOFLUSH_FLAG | DM_SKIP_LOCKFS_FLAG, 0, &after));
	EXPECT_EQ(after.dev, info.dev);
	EXPECT_EQ(after.flags & (DM_SUSPEND_FLAG | DM_INACTIVE_PRESENT_FLAG), 0);
	EXPECT_EQ(sys_pread64(file, block, sizeof(block), 0), -EIO);
	ASSERT_OK(sys_close(file));
	ASSERT_OK(dm_table_status(dm_rig_fd(), dm_by_dev(info.dev), DM_STATUS_TABLE_FLAG, &r));
	ASSERT_EQ(dm_next_target(&r, &pos, &line), 1);
	EXPECT_STREQ(line.type, "error");
	EXPECT_EQ(line.len, 64);
	dm_reply_free(&r);
	/* without a table there is nothing to do */
	ASSERT_OK(dm_create(dm_rig_fd(), PREFIX "bare", NULL, DM_ANY_MINOR, &bare));
	ASSERT_OK(dm_replace_with_errors(dm_rig_fd(), dm_by_dev(bare.dev), 0, 0, &after));
	EXPECT_STREQ(after.name, PREFIX "bare");
	EXPECT_EQ(after.nr_targets, 0);
	EXPECT_EQ(dm_replace_with_errors(dm_rig_fd(), dm_by_name(PREFIX "none"), 0, 0, NULL), -ENXIO);
}

/* Each command, through a descriptor that root has opened */
static void asks_as_nobody(void *arg)
{
	struct dm_table t = dm_rig_zeroes(8);
	struct dm_reply r = { .io = NULL };
	struct dm_id id = dm_by_name(arg);
	struct dm_version v;
	struct dm_info info = { 0 };
	int fd = dm_rig_fd();

	ASSERT_OK(sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	ASSERT_OK(sys_setresuid(NOBODY, NOBODY, NOBODY));
	EXPECT_EQ(dm_control_open(), -EACCES);
	EXPECT_EQ(dm_version_get(fd, &v), -EACCES);
	EXPECT_EQ(v.minor, 0);
	EXPECT_EQ(dm_create(fd, PREFIX "new", NULL, DM_ANY_MINOR, NULL), -EACCES);
	EXPECT_EQ(dm_create_active(fd, PREFIX "new", NULL, DM_ANY_MINOR, &t, 0, 0, NULL, NULL),
		  -EACCES);
	EXPECT_EQ(dm_load(fd, id, &t, 0, NULL), -EACCES);
	EXPECT_EQ(dm_clear(fd, id, NULL), -EACCES);
	EXPECT_EQ(dm_suspend(fd, id, 0, NULL), -EACCES);
	EXPECT_EQ(dm_resume(fd, id, 0, 0, NULL), -EACCES);
	EXPECT_EQ(dm_replace_with_errors(fd, id, 0, 0, NULL), -EACCES);
	EXPECT_EQ(dm_remove(fd, id, 0, 0, NULL), -EACCES);
	EXPECT_EQ(dm_remove(fd, id, DM_DEFERRED_REMOVE, 0, NULL), -EACCES);
	EXPECT_EQ(dm_remove_all(fd, 0), -EACCES);
	EXPECT_EQ(dm_rename(fd, id, PREFIX "new", 0, NULL), -EACCES);
	EXPECT_EQ(dm_set_uuid(fd, id, "UUID-new", 0, NULL), -EACCES);
	EXPECT_EQ(dm_set_geometry(fd, id, 1, 1, 1, 0), -EACCES);
	EXPECT_EQ(dm_info_get(fd, id, 0, &info), -EACCES);
	EXPECT_EQ(dm_list(fd, NULL, NULL, DM_UUID_FLAG, &r), -EACCES);
	EXPECT_EQ(dm_table_status(fd, id, DM_STATUS_TABLE_FLAG, &r), -EACCES);
	EXPECT_EQ(dm_deps(fd, id, 0, &r), -EACCES);
	EXPECT_EQ(dm_wait(fd, id, 0, 0, &r), -EACCES);
	EXPECT_EQ(dm_message(fd, id, 0, "@stats_list", 0, &r), -EACCES);
	EXPECT_EQ(dm_list_targets(fd, &r), -EACCES);
	EXPECT_EQ(dm_target_version(fd, "linear", &v), -EACCES);
	EXPECT_EQ(dm_arm_poll(fd), -EACCES);
	EXPECT_EQ(dm_wait_event(fd, id, 0, 1000, &info), -EACCES);
}

static void refuses_nobody(void)
{
	struct dm_info before = dm_rig_zero(PREFIX "theirs", 8);
	struct dm_info after = { 0 };

	EXPECT_EQ(test_run_child(asks_as_nobody, (void *)PREFIX "theirs"), 0);
	ASSERT_OK(dm_info_get(dm_rig_fd(), dm_by_name(PREFIX "theirs"), 0, &after));
	EXPECT_EQ(after.dev, before.dev);
	EXPECT_EQ(after.event_nr, before.event_nr);
	EXPECT_EQ(after.flags & (DM_SUSPEND_FLAG | DM_INACTIVE_PRESENT_FLAG), 0);
	EXPECT_EQ(dm_rig_nr(), 1);
}

#define CONTROL "/dev/mapper/control"

static void check_control(u32 mode)
{
	struct dm_version v;
	struct statx st;
	int fd = dm_control_open();

	ASSERT_OK(fd);
	EXPECT_OK(dm_version_get(fd, &v));
	EXPECT_EQ(v.minor, dm_rig_kernel());
	dm_control_close(fd);
	ASSERT_OK(sys_statx(AT_FDCWD, CONTROL, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st));
	EXPECT_EQ(st.stx_mode, S_IFCHR | mode);
}

/* In a /dev of its own, which only this process sees */
static void makes_the_control_node(void)
{
	int fd;

	ASSERT_OK(sys_unshare(CLONE_NEWNS));
	ASSERT_OK(sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_OK(sys_mount("none", "/dev", "tmpfs", 0, NULL));
	EXPECT_EQ(dm_control_open(), -ENOENT);
	ASSERT_OK(dm_control_make());
	check_control(0600);
	/* one that is right stays as it is */
	ASSERT_OK(sys_fchmodat(AT_FDCWD, CONTROL, 0640));
	ASSERT_OK(dm_control_make());
	check_control(0640);
	/* what is no control node */
	ASSERT_OK(sys_unlinkat(AT_FDCWD, CONTROL, 0));
	ASSERT_OK(sys_mknodat(AT_FDCWD, CONTROL, S_IFIFO | 0600, 0));
	fd = dm_control_open();
	EXPECT_EQ(dm_arm_poll(fd), -ENOTTY);
	dm_control_close(fd);
	ASSERT_OK(dm_control_make());
	check_control(0600);
	ASSERT_OK(sys_unlinkat(AT_FDCWD, CONTROL, 0));
	ASSERT_OK(sys_mknodat(AT_FDCWD, CONTROL, S_IFCHR | 0600, (u32)dm_dev(1, 3)));
	ASSERT_OK(dm_control_make());
	check_control(0600);
	ASSERT_OK(sys_unlinkat(AT_FDCWD, CONTROL, 0));
	ASSERT_OK(sys_symlinkat("nowhere", AT_FDCWD, CONTROL));
	ASSERT_OK(dm_control_make());
	check_control(0600);
}

static const struct test_case cases[] = {
	RIG_TEST("of eight who make the same name at once, one has it and it is his", one_creator_wins),
	RIG_TEST("who was killed between create and resume is told of", tells_of_the_killed),
	RIG_TEST("a signal leaves a device whole, or none", is_whole_when_signalled),
	RIG_TEST("a removal is tried again, put off, and taken back", removes_later_or_not),
	RIG_TEST("errors take the place of a table that is in use", fails_its_io),
	RIG_TEST("uid 65534 may nothing, with root's descriptor either", refuses_nobody),
	RIG_TEST("the control node is made, and put right", makes_the_control_node),
};
TEST_SUITE(device_dm_races, cases);
