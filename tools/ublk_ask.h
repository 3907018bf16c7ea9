/* SPDX-License-Identifier: MIT */
/* Asking a device's server: what resize, message and stat share. */
#ifndef TOOLS_UBLK_ASK_H
#define TOOLS_UBLK_ASK_H

#include "tools/cmd.h"
#include "tools/ctrl_child.h"
#include "ublk/talk.h"

/* Their options, and of which of them each has which */
struct ask_values {
	u64 timeout_ns;
	bool json;
	bool prometheus;
	bool queues;
	bool requests;
	bool watch;
	bool may_shrink;
};

enum { ASK_ALL, ASK_STAT, ASK_RESIZE };
#define ASK_SETS(verb) (1U << ASK_ALL | 1U << (verb))

extern const struct cmd_opts ask_opts;

/* ublk_look_up() - a device as the kernel has it; 0, or -errno with *error */
NODISCARD int ublk_look_up(struct ctrl_child *child, u32 id, struct ublksrv_ctrl_dev_info *info,
			   u32 timeout_ms, struct ublk_error *error);

/* ublk_has_server() - 0, or -errno with *error: none that lives and is ours */
NODISCARD int ublk_has_server(const struct ublksrv_ctrl_dev_info *info, struct ublk_error *error);

/* ublk_ask_find() - the device of the first argument, which is live and ours; 0, or the exit
 * code, and it has been said why */
NODISCARD enum exit_code ublk_ask_find(const struct cmd_run *r,
				       struct ublksrv_ctrl_dev_info *info);

/* ublk_ask() - ublk_talk_ask() that says why not */
NODISCARD enum exit_code ublk_ask(const struct cmd_run *r,
				  const struct ublksrv_ctrl_dev_info *info, const char *request,
				  ublk_talk_fn *fn, void *ctx);

#endif
