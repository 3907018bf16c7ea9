/* SPDX-License-Identifier: MIT */
/* --exec: a command for each device. */
#include <asm/errno.h>

#include "tools/dm/show.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

#define MAX_WORDS 256

/* Where the shell would find it; only what cannot be there is looked for further on. */
static int exec_path(char **words, const struct rt_start *start)
{
	const char *dirs = rt_env(start, "PATH");
	char path[1024];
	int err = -ENOENT;

	if (str_chr(words[0], '/'))
		dirs = "";
	else if (!dirs)
		dirs = "/sbin:/bin:/usr/sbin:/usr/bin";
	do {
		size_t len = 0;
		int ret = -ENOENT;

		while (dirs[len] && dirs[len] != ':')
			len++;
		if (fmt_print(path, sizeof(path), "%.*s%s%s", (int)len, dirs, len ? "/" : "",
			      words[0]) < sizeof(path))
			ret = sys_execve(path, words, start->envp);
		if (ret != -ENOENT && ret != -ENOTDIR)
			err = ret;
		dirs += len;
	} while (*dirs++);
	return err;
}

/* In the child, whose memory is a copy: it parts the words where they stand */
static _Noreturn void child(const struct dm_tool *t, char *path)
{
	char *words[MAX_WORDS + 2];
	bool is_inside = false;
	u32 nr = 0;
	int err = -E2BIG;

	for (char *at = (char *)(uintptr_t)t->o->exec; *at && nr < MAX_WORDS; at++) {
		bool is_space = str_is_space(*at);

		if (is_space)
			*at = '\0';
		else if (!is_inside)
			words[nr++] = at;
		is_inside = !is_space;
	}
	words[nr] = path;
	words[nr + 1] = NULL;
	if (nr < MAX_WORDS)
		err = exec_path(words, t->r->start);
	(void)cmd_fail(t->r, EXIT_FAILURE, err, "--exec: %s", words[0]);
	sys_exit_group(127);
}

static int run(const struct dm_tool *t, char *path, int *status)
{
	int pid;

	cmd_flush(t->r);
	pid = sys_fork();
	if (pid == 0)
		child(t, path);
	return pid < 0 ? pid : sys_wait4(pid, status, 0);
}

enum exit_code dm_exec(const struct dm_tool *t, const char *name, u64 dev)
{
	const struct dm_nodes nodes = { .dev_dir = t->dev_dir };
	char path[DM_NODE_PATH_BYTES];
	int status = 0;
	int err = dm_node_path(&nodes, path, name);

	err = err ? err : dm_node_make(&nodes, name, dev); /* which may be for us to do */
	err = err ? err : run(t, path, &status);
	if (err < 0)
		return cmd_fail(t->r, EXIT_FAILURE, err, "--exec for %s", name);
	if (!status || t->o->is_dmsetup)
		return EXIT_OK;
	return cmd_fail(t->r, EXIT_FAILURE, 0, "%s %s: %s %d", t->o->exec, path,
			status & 0x7f ? "signal" : "exit status",
			status & 0x7f ? status & 0x7f : status >> 8 & 0xff);
}
