/* SPDX-License-Identifier: MIT */
/* bareblk dm monitor: what happens to devices, a line for each change. */
#include "tools/dm/monitor.h"

#include <asm/errno.h>

#include "uapi/rt/str.h"

/* A name, or with a * behind it what names begin with; other words are devices that are there */
static enum exit_code read_word(struct monitor *m, char *word, struct monitor_word *out)
{
	size_t len = str_len(word);
	struct dm_which w;
	struct dm_info info;
	enum exit_code code;
	int err;

	out->is_prefix = len && word[len - 1] == '*';
	if (out->is_prefix) {
		word[len - 1] = '\0';
		return dm_tool_name_in(&m->t, out->name, sizeof(out->name), word);
	}
	code = dm_tool_which(&m->t, word, &w);
	if (code)
		return code;
	if (w.id.kind != DM_ID_NAME) {
		err = dm_info_get(m->t.control_fd, w.id, 0, &info);
		if (err)
			return dm_tool_failed(&m->t, &w, err);
		w.id.text = info.name;
	}
	(void)!str_copy(out->name, sizeof(out->name), w.id.text);
	return EXIT_OK;
}

/* What is held is given back by the program's end. */
static enum exit_code monitor_run(const struct cmd_run *r)
{
	struct monitor m = { .is_true = false };
	enum exit_code code = dm_tool_open(&m.t, r);
	struct pages words;
	struct diag why;

	if (code)
		return code;
	m.watch.kind = WATCH_NOTHING;
	if (m.t.o->until && watch_parse(&m.watch, m.t.o->until, &why))
		return cmd_usage(r, "--for: %s", why.text);
	if (pages_map(&words, ((u64)r->argc + 1) * sizeof(*m.words)))
		return cmd_fail(r, EXIT_MEMORY, -ENOMEM, "%d names", r->argc);
	m.words = words.addr;
	for (int i = 0; !code && i < r->argc; i++)
		code = read_word(&m, r->argv[i], &m.words[i]);
	return code ? code : monitor_watch(&m);
}

const struct cmd cmd_dm_monitor = {
	.text = CMD_TEXT("dm", "monitor", "[NAME|PREFIX*]...",
			 "print what happens to devices, until something is so", ""),
	DM_OPTIONS(DM_SETS(MONITOR) | DM_SETS(TIMEOUT) | DM_SETS(JSON)),
	.max_args = CMD_ANY_ARGS,
	.run = monitor_run,
};
