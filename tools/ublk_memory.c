/* SPDX-License-Identifier: MIT */
/* Never waiting for memory that others wait to give. */
#include "tools/ublk_memory.h"

#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>

#include "uapi/sys.h"

/* The kernel's OOM_SCORE_ADJ_MIN: never */
#define OOM_NEVER "-1000"

static int spare_from_oom(void)
{
	int fd = sys_openat(AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0);
	long ret;

	if (fd < 0)
		return fd;
	ret = sys_write(fd, OOM_NEVER, sizeof(OOM_NEVER) - 1);
	(void)sys_close(fd);
	return ret < 0 ? (int)ret : 0;
}

static void say(const struct cmd_run *r, bool is_verbose, int err, const char *what)
{
	if (err && is_verbose)
		cmd_say(r, "%s: %s", what, err_text(err));
}

void memory_hold(const struct cmd_run *r, bool is_verbose)
{
	say(r, is_verbose, spare_from_oom(), "when memory runs out, it may be ended");
	say(r, is_verbose, sys_prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0),
	    "it may wait for memory that its own disk is to give");
	say(r, is_verbose, sys_mlockall(MCL_CURRENT), "it may be swapped out");
}

/* A stack, and buffers that wait for their first request, take nothing until then. */
void memory_hold_more(const struct tgt_tree *tree)
{
	if (sys_mlockall(MCL_CURRENT | MCL_ONFAULT))
		return;
	for (u32 i = 0; i < tree->nr; i++)
		if (tree->nodes[i].store_bytes)
			(void)sys_munlock(tree->nodes[i].store, tree->nodes[i].store_bytes);
}
