/* SPDX-License-Identifier: MIT */
/* A server of a device, as ublk_serve.c begins it and ends it. Internal to that. */
#ifndef TOOLS_UBLK_SERVER_H
#define TOOLS_UBLK_SERVER_H

#include "tools/ctrl_child.h"
#include "tools/ublk_handover.h"
#include "tools/ublk_nodes.h"
#include "tools/ublk_serve.h"
#include "ublk/dev.h"
#include "ublk/talk.h"

/* What a server's wait ended with. STOPPED: its queues have ended; FAILED: it can say nothing
 * of the device any more */
enum ending {
	ENDING_NONE,
	ENDING_SIGNAL,
	ENDING_STOPPED,
	ENDING_GIVEN,
	ENDING_TAKEN_BACK,
	ENDING_FAILED,
};

/**
 * struct job - what a server is for
 * @recovered_id: UBLK_AUTO_ID: a new device
 * @upgrades:     that one's server lives, and is to let go of it
 * @report_fd:    where somebody waits who started a daemon; -1: nobody
 * @ready_fd:     where its supervisor waits; -1: it has none
 * @is_next:      after one of the same supervisor's, or after one that took its place and failed
 * @kept:         what a supervisor holds for its servers: memory of ram targets, in their order
 */
struct job {
	const struct cmd_run *r;
	const char *spec;
	s32 recovered_id;
	s32 report_fd;
	s32 ready_fd;
	bool upgrades;
	bool is_next;
	u32 nr_kept;
	s32 kept[HANDOVER_MAX_KEPT];
};

/* Everything that lives as long as the device */
struct server {
	const struct cmd_run *r;
	const char *spec;
	struct job *job;
	struct ctrl_child child;
	struct handover giver; /* the server before, as long as that is needed */
	s32 taker_fd;	       /* of the next one, which asks for the device; -1 */
	struct ublk_dev dev;
	struct ublk_talk talk;
	struct ublk_threads hook;
	struct ublk_log log;
	struct pages threads_mem;
	struct ublk_nodes nodes;
	s32 signal_fd;
	s32 failed_fd;	  /* an eventfd: a leg of a mirror has */
	u32 leg_errno[2]; /* atomic; 0: what it has failed with is said */
	u64 cpus[16]; /* of --cpus: 1024 of them */
};

static inline const struct serve_values *server_values(const struct server *s)
{
	return s->r->values;
}

static inline bool server_recovers(const struct server *s)
{
	return s->job->recovered_id != UBLK_AUTO_ID;
}

/**
 * server_begin() - make, or take, the device, until it is live
 *
 * Return: 0, or -errno, with *error
 */
NODISCARD int server_begin(struct server *s, const struct serve_values *v,
			   struct ublk_error *error);

/* server_close() - what server_begin() has opened beside the device */
void server_close(struct server *s);

/* server_fail() - says what has failed, who has the disk in use, and which process is stuck */
enum exit_code server_fail(struct server *s, const struct ublk_error *error);

/* server_listen() - others may ask it from now on; a disk that nobody can ask is a disk */
void server_listen(struct server *s);

/* server_wait() - does what others ask for, until it is to end */
enum ending server_wait(struct server *s);

#endif
