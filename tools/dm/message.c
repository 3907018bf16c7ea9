/* SPDX-License-Identifier: MIT */
/* bareblk dm message: words for a target, or for the device, and its answer. */
#include <asm/errno.h>

#include "dm/reply.h"
#include "tools/dm/change.h"
#include "tools/dm/mknodes.h"
#include "uapi/rt/str.h"

/* More than the kernel hands over; only what is used of it is there */
#define MAX_BYTES (8U << 20)

/* With one blank between them */
static void join(struct fmt_buf *out, int nr, char **words)
{
	for (int i = 0; i < nr; i++)
		fmt_add(out, "%s%s", i ? " " : "", words[i]);
}

static enum exit_code send(struct dm_change *c, u64 sector, const char *text)
{
	struct dm_reply reply = { .io = NULL };
	int err = dm_message(c->t.control_fd, c->w->id, sector, text, 0, &reply);
	const char *answer = err ? NULL : dm_reply_text(&reply);
	enum exit_code code = dm_change_done(c, err);

	if (answer && *answer)
		fmt_add(c->t.r->out, "%s%s", answer, str_ends(answer, "\n") ? "" : "\n");
	dm_reply_wipe(&reply); /* crypt's carry keys */
	dm_reply_free(&reply);
	/* remove --deferred has taken the node away. */
	if (!code && str_eq(text, "@cancel_deferred_remove"))
		code = dm_mknodes_one(&c->t, c->w);
	return code;
}

static enum exit_code message(struct dm_change *c)
{
	struct fmt_buf b;
	struct pages text;
	u64 sector;
	enum exit_code code;
	int err;

	if (parse_u64(c->argv[0], &sector))
		return cmd_usage(c->t.r, "%s is no sector", c->argv[0]);
	err = pages_map(&text, MAX_BYTES);
	if (err)
		return dm_change_done(c, err);
	b = (struct fmt_buf){ .text = text.addr, .size = MAX_BYTES };
	join(&b, c->argc - 1, c->argv + 1);
	code = send(c, sector, text.addr);
	pages_unmap(&text);
	return code;
}

static enum exit_code message_run(const struct cmd_run *r)
{
	return dm_change_words(r, 2, message);
}

const struct cmd cmd_dm_message = {
	.text = CMD_TEXT("dm", "message", "DEVICE SECTOR WORD...", "tell a target something", ""),
	DM_OPTIONS(DM_SETS(DEVICE)),
	.max_args = CMD_ANY_ARGS,
	.run = message_run,
};
