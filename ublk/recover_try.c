/* SPDX-License-Identifier: MIT */
/*
 * The target may be a file on the disk that waits for it, or below a directory there: then
 * whoever opens it waits for the disk, and nothing wakes him. Where the disk is mounted, a
 * child tries first, which can be left behind.
 */
#include <asm/errno.h>
#include <linux/fcntl.h>

#include "uapi/rt/fmt.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"
#include "ublk/dev_parts.h"
#include "ublk/node.h"

#define TRY_MS 5000

/* What the child found */
enum { FOUND_NOTHING, FOUND_LOOP };

/* Whether the file has the word; also when nobody can tell */
static bool has_word(const char *path, const char *word)
{
	char text[4096 + 1];
	size_t kept = 0;
	size_t word_len = str_len(word);
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	bool found = fd < 0;
	long len = 0;

	while (!found && (len = sys_read(fd, text + kept, sizeof(text) - 1 - kept)) > 0) {
		size_t all = kept + (size_t)len;

		text[all] = '\0';
		found = str_find(text, word);
		/* It may lie across two pieces. */
		kept = all < word_len ? all : word_len;
		for (size_t i = 0; i < kept; i++)
			text[i] = text[all - kept + i];
	}
	if (fd >= 0)
		(void)sys_close(fd);
	return found || len < 0;
}

static bool is_mounted(const struct ublk_dev *dev)
{
	const struct ublk_param_devt *d = &dev->params.devt;
	char word[32];

	fmt_print(word, sizeof(word), " %u:%u ", d->disk_major, d->disk_minor);
	return has_word("/proc/self/mountinfo", word);
}

static int try(struct ublk_dev *dev)
{
	const struct ublk_param_devt *d = &dev->params.devt;

	/* Any other error its parent finds as well. */
	if (dev_open_target(dev, NULL))
		return FOUND_NOTHING;
	return tgt_is_on(dev->tree, node_dev(d->disk_major, d->disk_minor)) ? FOUND_LOOP :
									       FOUND_NOTHING;
}

int recover_try_target(struct ublk_dev *dev, struct ublk_error *error)
{
	u32 ms = dev->opts.timeout_ms < TRY_MS ? dev->opts.timeout_ms : TRY_MS;
	int status = 0;
	int pid;
	int err;

	if (!is_mounted(dev))
		return 0;
	pid = sys_fork_silent();
	if (!pid) {
		recover_close_others(-1);
		sys_exit_group(try(dev));
	}
	err = pid < 0 ? pid : recover_reap(pid, deadline_in_ms(ms), &status);
	if (err == -ETIMEDOUT)
		ublk_error_set(error, "open target", dev->opts.dev_id, err,
			       "process %d, which tries to open it, waits for the disk: is it on that, "
			       "where it is mounted?", pid);
	else if (err)
		ublk_error_set(error, "open target", dev->opts.dev_id, err, "cannot try it");
	else if (status >> 8 == FOUND_LOOP)
		err = ublk_error_set(error, "open target", dev->opts.dev_id, -ELOOP,
				     "the file that it is served from is on this very disk");
	return err;
}
