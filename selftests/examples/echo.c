/* SPDX-License-Identifier: MIT */
/* An echo server of several threads: `echo 127.0.0.1:7777 4`. They share a port
 * and nothing else: each has a socket, a ring and clients of its own. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "ring/conn.h"
#include "ring/listen.h"

#define WORKERS_MAX 64
#define PATIENCE_NS (60 * 1000000000ULL)

struct worker {
	struct ring ring;
	struct ring_listen listener;
	pthread_t thread;
};

struct client {
	struct ring_conn conn;
	char buf[4096];
};

static void closed(struct ring_conn *c, s32 err)
{
	if (!err)
		free(CONTAINER_OF(c, struct client, conn));
}

static void hang_up(struct ring_conn *c)
{
	if (ring_conn_close(c, closed))
		abort(); /* the kernel takes no request: the end of all things */
}

static void received(struct ring_conn *c, s64 result);

static void sent(struct ring_conn *c, s64 result)
{
	char *buf = CONTAINER_OF(c, struct client, conn)->buf;

	if (result < 0 || ring_conn_recv(c, buf, 4096, 0, PATIENCE_NS, received))
		hang_up(c);
}

static void received(struct ring_conn *c, s64 result)
{
	char *buf = CONTAINER_OF(c, struct client, conn)->buf;

	if (result <= 0 ||
	    ring_conn_send(c, buf, (u64)result, RING_MSG_WAITALL, PATIENCE_NS, sent))
		hang_up(c);
}

static void accepted(struct ring_listen *l, s32 fd)
{
	struct client *client = malloc(sizeof(*client));

	if (!client)
		abort();
	ring_conn_init(&client->conn, l->ring, fd, 0);
	sent(&client->conn, 0);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	int ret;

	do {
		ret = ring_turn(&w->ring, RING_NO_TIMEOUT);
	} while (ret >= 0 || ret == -EINTR);
	exit(1);
}

static int start(struct worker *w, struct sock_addr *addr)
{
	struct ring_listen_opts opts = { .flags = RING_LISTEN_REUSEPORT | RING_LISTEN_NODELAY };
	struct io_uring_params p = { .flags = IORING_SETUP_COOP_TASKRUN };
	int fd = ring_listen_socket(addr, &opts);

	w->listener.accepted = accepted;
	return fd < 0 || sock_local(addr, fd) || ring_init(&w->ring, 64, &p) ||
	       ring_listen_start(&w->listener, &w->ring, fd, &opts) ||
	       pthread_create(&w->thread, NULL, work, w);
}

int main(int argc, char **argv)
{
	static struct worker workers[WORKERS_MAX];
	int nr = argc == 3 ? atoi(argv[2]) : 0;
	char text[SOCK_ADDR_TEXT_BYTES];
	struct sock_addr addr;

	if (nr < 1 || nr > WORKERS_MAX || sock_addr_parse(&addr, argv[1]))
		return 2;
	for (int i = 0; i < nr; i++)
		if (start(&workers[i], &addr)) /* port 0: the first one gets one for all */
			return 1;
	sock_addr_format(&addr, text, sizeof(text));
	puts(text);
	fflush(stdout);
	return pthread_join(workers[0].thread, NULL);
}
