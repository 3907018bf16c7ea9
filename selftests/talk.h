/* SPDX-License-Identifier: MIT */
/* A server that is asked, without a driver: its device is pretended, its target is not. */
#ifndef SELFTESTS_TALK_H
#define SELFTESTS_TALK_H

#include "selftests/fakectrl.h"
#include "ublk/dev.h"
#include "ublk/talk.h"

/**
 * struct talk_rig - in the process that serves
 * @info: of its device, for whoever asks
 */
struct talk_rig {
	struct fake_ctrl fake;
	struct ublk_dev dev;
	struct ublk_talk talk;
	struct ublksrv_ctrl_dev_info info;
};

#define TALK_SPEC "elastic?size=16M&copies=8M:[ram:64M]"

/* talk_rig_device() - a device that would run, under a number of this process's own */
void talk_rig_device(struct talk_rig *rig, const char *spec);

/* talk_rig_serve() - the same in a child, which listens and answers until it is killed;
 * rig->info says who it is */
void talk_rig_serve(struct talk_rig *rig, const char *spec);

/* talk_rig_end() - the child is killed, which is not the end of what it left */
void talk_rig_end(struct talk_rig *rig);

/* talk_rig_own_run() - another /run than the machine's, which is a mount; false: not allowed */
bool talk_rig_own_run(void);

/* talk_rig_abstract() - from here on servers listen in the abstract namespace */
void talk_rig_abstract(void);

#endif
