/* SPDX-License-Identifier: MIT */
/*
 * Handing a live device over, from one program to another, which may be a newer one: what both
 * ends say on a connection of ublk/talk.h after its request handover.
 *
 *	the old server						the new one
 *	"bareblk handover", version, which files, and these ->
 *								opens all that it needs
 *							     <-	"go"
 *	lets go of the device
 *	"end 0" ->
 *								serves it
 *							     <-	"done"
 *	ends
 *
 * Whoever is hung up on instead goes on by itself: the new server gives up, the old one
 * serves on, or, when it has let go already, takes the device again. A refusal is "end ERRNO
 * TEXT" in place of any answer.
 */
#ifndef TOOLS_UBLK_HANDOVER_H
#define TOOLS_UBLK_HANDOVER_H

#include "ublk/dev.h"

/* Memory of ram targets that a supervisor has: more are in no spec that is kept */
#define HANDOVER_MAX_KEPT 32

/**
 * struct handover - what the new server has got; files are its own until somebody takes them
 * @fd:    the connection; -1: none
 * @files: of tgt_hand_over(), -1 where there is none
 * @kept:  of ram targets, in their order
 * @is_supervised: the old server had a supervisor, which ends with it
 */
struct handover {
	s32 fd;
	u32 nr_files;
	u32 nr_kept;
	bool is_supervised;
	s32 files[TGT_MAX_NODES];
	s32 kept[HANDOVER_MAX_KEPT];
};

/* handover_ask() - connect to the server of a device, and take what it offers; 0, or -errno and
 * nothing is open */
NODISCARD int handover_ask(struct handover *h, const struct ublksrv_ctrl_dev_info *info,
			   u32 timeout_ms, struct ublk_error *error);

/* handover_go() - it lets go now; 0 when it has, or -errno with *error */
NODISCARD int handover_go(struct handover *h, s32 dev_id, u32 timeout_ms,
			  struct ublk_error *error);

/* handover_end() - close what is left of it. With @is_done the device is served, and the old
 * server ends; else that serves it on. Safe twice */
void handover_end(struct handover *h, bool is_done);

/* The old server's end, on the connection that asked: */

/* handover_offer() - say what there is; 0, or -errno: it has been refused, or hung up */
NODISCARD int handover_offer(s32 fd, const struct ublk_dev *dev, const s32 *kept, u32 nr_kept,
			     bool is_supervised);

enum handover_word { HANDOVER_NOTHING, HANDOVER_GO, HANDOVER_DONE, HANDOVER_HUNG_UP };

/* handover_hear() - what the new server has said, without waiting for it */
enum handover_word handover_hear(s32 fd);

/* handover_answer() - to "go"; @error NULL: the device is let go of */
void handover_answer(s32 fd, const struct ublk_error *error);

#endif
