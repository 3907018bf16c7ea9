/* SPDX-License-Identifier: MIT */
/* A server that is asked, without a driver. */
#include "selftests/talk.h"

#include <asm/poll.h>
#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>

#include "selftests/broken.h"
#include "selftests/harness/harness.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

#define READY_MS 5000

void talk_rig_device(struct talk_rig *rig, const char *spec)
{
	struct ublk_dev_opts opts = {
		.types = broken_types,
		.spec = spec,
		.dev_id = UBLK_AUTO_ID,
		.timeout_ms = 1000,
		.ctrl = &rig->fake.c,
	};
	struct ublk_error error;

	memset(rig, 0, sizeof(*rig));
	fake_ctrl_init(&rig->fake);
	ASSERT_OK(ublk_dev_create(&rig->dev, &opts, &error));
	rig->dev.state = UBLK_DEV_RUNNING;
	rig->dev.nr_begun = 1;
	rig->dev.info.dev_id = 100000 + (u32)sys_getpid();
	rig->info = (struct ublksrv_ctrl_dev_info){
		.dev_id = rig->dev.info.dev_id,
		.ublksrv_pid = sys_getpid(),
		.owner_uid = sys_geteuid(),
		.state = UBLK_S_DEV_LIVE,
	};
}

static _Noreturn void answer_for_ever(struct talk_rig *rig, s32 ready_fd)
{
	struct diag why = { "" };
	int err = ublk_talk_open(&rig->talk, &rig->dev, &why);

	if (err)
		test_log("listen: %d, %s", err, why.text);
	if (err || sys_write(ready_fd, &rig->info, sizeof(rig->info)) != sizeof(rig->info))
		sys_exit_group(1);
	for (;;) {
		struct pollfd fds[UBLK_TALK_NR_FDS];
		u32 nr = ublk_talk_fds(&rig->talk, fds);

		(void)sys_ppoll(fds, nr, NULL);
		ublk_talk_step(&rig->talk);
	}
}

void talk_rig_serve(struct talk_rig *rig, const char *spec)
{
	int fds[2];
	int pid;

	ASSERT_OK(sys_pipe2(fds, 0));
	pid = sys_fork();
	ASSERT_OK(pid);
	if (!pid) {
		talk_rig_device(rig, spec);
		answer_for_ever(rig, fds[1]);
	}
	(void)sys_close(fds[1]);
	ASSERT_OK(deadline_wait_fd(fds[0], deadline_in_ms(READY_MS)));
	ASSERT_EQ(sys_read(fds[0], &rig->info, sizeof(rig->info)), sizeof(rig->info));
	(void)sys_close(fds[0]);
	ASSERT_EQ(rig->info.ublksrv_pid, pid);
}

void talk_rig_end(struct talk_rig *rig)
{
	int status;

	ASSERT_OK(sys_kill(rig->info.ublksrv_pid, SIGKILL));
	ASSERT_OK(sys_wait4(rig->info.ublksrv_pid, &status, 0));
}

bool talk_rig_own_run(void)
{
	return !sys_geteuid() && !sys_unshare(CLONE_NEWNS) &&
	       !sys_mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !sys_mount("run", "/run", "tmpfs", 0, NULL);
}

/* By a directory that nobody should trust. Who may not mount has no path either. */
void talk_rig_abstract(void)
{
	if (!talk_rig_own_run())
		return;
	ASSERT_OK(sys_mkdirat(AT_FDCWD, UBLK_TALK_DIR, 0777));
	ASSERT_OK(sys_fchmodat(AT_FDCWD, UBLK_TALK_DIR, 0777));
}
