/* SPDX-License-Identifier: MIT */
/* A listener on a ring of its own that keeps what it accepts, for tests. */
#ifndef SELFTESTS_NETSERVER_H
#define SELFTESTS_NETSERVER_H

#include "ring/listen.h"

#define SERVER_MAX 100

/* addr is what it is bound to; peers[] is filled with RING_LISTEN_ONESHOT */
struct server {
	struct ring r;
	struct ring_listen l;
	struct sock_addr addr;
	struct sock_addr peers[SERVER_MAX];
	s32 fds[SERVER_MAX];
	u32 nr;
	u32 nr_failed;
	s32 err; /* the newest */
	bool stops_at_first;
};

/** server_ring() - ring_init(); skips where there is no io_uring */
void server_ring(struct ring *r, u32 entries, u32 cq_entries, u32 flags);

/** server_start() - a zeroed struct, a plain ring of 8 entries, server_start_on() */
void server_start(struct server *s, const char *text, u32 flags);

/** server_start_on() - listen on an address, with s->r set up */
void server_start_on(struct server *s, const char *text, const struct ring_listen_opts *opts);

/** server_until() - serve until there are @nr connections, no more and no fewer */
void server_until(struct server *s, u32 nr);

/** server_for() - serve for so long */
void server_for(struct server *s, u64 ms);

/** server_close_all() - close the connections, which are descriptors */
void server_close_all(struct server *s);

/** server_stop() - ring_listen_stop(), which must do so, and ring_exit() */
void server_stop(struct server *s);

#endif
