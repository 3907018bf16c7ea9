/* SPDX-License-Identifier: MIT */
/* bareblk ublk message: a word to a target that is served. */
#include <asm/errno.h>

#include "tools/ublk_ask.h"

/* Of a kind, and in front of the = in a message */
static bool is_word(const char *word)
{
	for (; *word && *word != '='; word++)
		if (*word == ' ')
			return false;
	return true;
}

static enum exit_code message_run(const struct cmd_run *r)
{
	const char *kind = r->argc > 2 ? r->argv[1] : "-";
	const char *message = r->argv[r->argc - 1];
	char request[UBLK_TALK_LINE_BYTES - 10]; /* "bareblk/1 " goes in front */
	struct ublksrv_ctrl_dev_info info;
	enum exit_code code;
	size_t len;

	if (!*kind || !is_word(kind) || str_chr(kind, '=') || !*message || *message == '=' ||
	    !is_word(message))
		return cmd_fail(r, EXIT_USAGE, 0, "%s is not a message: WORD or WORD=VALUE", message);
	len = fmt_print(request, sizeof(request), "message %s %s", kind, message);
	for (size_t i = 0; i < len && i < sizeof(request) - 1; i++)
		if ((u8)request[i] < ' ' || request[i] == 0x7f)
			return cmd_fail(r, EXIT_USAGE, 0, "a message is one line of text");
	if (len >= sizeof(request))
		return cmd_fail(r, EXIT_USAGE, 0, "a message of %zu bytes is too long", len);
	code = ublk_ask_find(r, &info);
	return code ? code : ublk_ask(r, &info, request, NULL, NULL);
}

const struct cmd cmd_ublk_message = {
	.text = CMD_TEXT("ublk", "message", "DEVICE [KIND] WORD[=VALUE]",
			 "tell a target that is served something",
			 "To the outermost target that takes messages, or to that of a KIND: the first, or\n"
			 "with a number after it as in stat (mirror2). \"bareblk target help KIND\" has its words.\n"),
	.opts = &ask_opts,
	.sets = 1U << ASK_ALL,
	.min_args = 2,
	.max_args = 3,
	.run = message_run,
};
