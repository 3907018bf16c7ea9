/* SPDX-License-Identifier: MIT */
/* An echo server without a libc: `echo_free 127.0.0.1:7777`. Who says nothing
 * for a minute is shown the door, and so is who does not listen. */
#include <asm/errno.h>

#include "ring/conn.h"
#include "ring/listen.h"
#include "uapi/rt/free/start.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

#define CLIENTS_MAX 256
#define PATIENCE_NS (60 * 1000000000ULL)

static struct client {
	struct ring_conn conn;
	bool is_used;
	char buf[4096];
} clients[CLIENTS_MAX];

static void closed(struct ring_conn *c, s32 err)
{
	CONTAINER_OF(c, struct client, conn)->is_used = err;
}

static void hang_up(struct ring_conn *c)
{
	if (ring_conn_close(c, closed))
		sys_exit_group(1); /* the kernel takes no request: the end of all things */
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
	struct client *client = clients;

	while (client < clients + CLIENTS_MAX && client->is_used)
		client++;
	if (client == clients + CLIENTS_MAX) {
		(void)sys_close(fd); /* a full house */
		return;
	}
	client->is_used = true;
	ring_conn_init(&client->conn, l->ring, fd, 0);
	sent(&client->conn, 0);
}

int rt_main(const struct rt_start *start)
{
	struct ring_listen_opts opts = { .flags = RING_LISTEN_REUSEADDR | RING_LISTEN_NODELAY };
	struct io_uring_params p = { .flags = IORING_SETUP_COOP_TASKRUN };
	struct ring_listen listener = { .accepted = accepted };
	char text[SOCK_ADDR_TEXT_BYTES];
	struct sock_addr addr;
	struct ring r;
	int ret;

	if (start->argc != 2 || sock_addr_parse(&addr, start->argv[1]))
		return 2;
	ret = ring_listen_socket(&addr, &opts);
	if (ret < 0 || ring_init(&r, 64, &p) || ring_listen_start(&listener, &r, ret, &opts) ||
	    sock_local(&addr, listener.fd))
		return 1;
	sock_addr_format(&addr, text, sizeof(text));
	(void)sys_write(1, text, str_len(text));
	(void)sys_write(1, "\n", 1);
	do {
		ret = ring_turn(&r, RING_NO_TIMEOUT);
	} while (ret >= 0 || ret == -EINTR);
	return 1;
}
