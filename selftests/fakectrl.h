/* SPDX-License-Identifier: MIT */
/*
 * A control plane without a kernel: answers the commands of ublk/ctrl.h as the
 * driver would, late or with an error when the test says so, and keeps a list
 * of what it was sent. One thread.
 */
#ifndef SELFTESTS_FAKECTRL_H
#define SELFTESTS_FAKECTRL_H

#include "ublk/ctrl.h"

#define FAKE_LOG_MAX 256

/* A command number without its encoding, for rules and the list */
#define FAKE_NR(cmd_op) ((cmd_op) & 0xff)

/**
 * struct fake_rule - what to do with one kind of command
 * @cmd_op:   UBLK_U_CMD_*
 * @result:   the answer instead of the usual one; 0: the usual
 * @late:     no answer before fake_ctrl.let_go is set
 * @submit_err: cannot be sent at all
 */
struct fake_rule {
	u32 cmd_op;
	s32 result;
	bool late;
	s32 submit_err;
};

struct fake_ctrl {
	struct ublk_ctrl c; /* first: the object that is tested */
	struct fake_rule rules[4];
	s32 open_err;
	bool let_go;
	bool has_command;
	bool has_device;
	u32 nr_closes;
	u32 nr_sent;
	u32 sent[FAKE_LOG_MAX];	 /* cmd_op */
	u32 ids[FAKE_LOG_MAX];	 /* dev_id */
	u64 features; /* UBLK_F_* of this kernel; at first all that there are */
	u32 max_depth; /* of what is asked for ADD_DEV makes that at most; 0: as asked */
	u32 max_io_bytes; /* the same */
	u64 dropped;  /* of them, those that ADD_DEV takes away all the same */
	u32 nr_denied; /* commands by path that are refused: its node is not ours yet */
	u32 dropped_params; /* UBLK_PARAM_TYPE_* that it does not know */
	struct ublksrv_ctrl_dev_info info;
	struct ublk_params params;
	struct ublk_param_devt devt; /* what GET_PARAMS says */
};

/* fake_ctrl_init() - an open control object; f->c is what to use */
void fake_ctrl_init(struct fake_ctrl *f);

/* fake_ctrl_sent() - how often this command was sent */
u32 fake_ctrl_sent(const struct fake_ctrl *f, u32 cmd_op);

#endif
