/* SPDX-License-Identifier: MIT */
/* The server's end of a conversation: who may, and what the answer is. */
#include "ublk/talk.h"

#include <asm/errno.h>
#include <asm/poll.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <linux/time_types.h>

#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/sock.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

/* <sys/socket.h> of the kernel's ABI, which no header of the kernel has */
#define SOCK_SEQPACKET	5
#define SOCK_CLOEXEC	O_CLOEXEC
#define SOCK_NONBLOCK	O_NONBLOCK

#define BACKLOG 8

/* What a line of an answer takes at most, the last one with its text */
#define LINE_ROOM_BYTES (DIAG_TEXT_BYTES + 64)

/* When no connection can be taken, for want of files or memory */
#define ACCEPT_SLEEP_US 10000

/* @passed_fd: goes with the last packet; -1: nothing does */
struct answer {
	s32 fd;
	s32 passed_fd;
	bool is_lost;
	struct fmt_buf b;
	char text[UBLK_TALK_PACKET_BYTES];
};

static void send_packet(struct answer *a, s32 passed_fd)
{
	if (!a->is_lost && sock_send_fds(a->fd, a->text, a->b.len, &passed_fd, passed_fd >= 0))
		a->is_lost = true;
	a->b.len = 0;
}

static void say(struct answer *a, const char *who, const char *name, u64 value)
{
	if (a->b.len > sizeof(a->text) - LINE_ROOM_BYTES)
		send_packet(a, -1);
	fmt_add(&a->b, "%s %s %llu\n", who, name, value);
}

static void say_target(void *ctx, const char *name, u64 value)
{
	say(ctx, "target", name, value);
}

/* A text may have anything in it, even the end of the line. */
static void say_end(struct answer *a, int err, const char *text)
{
	size_t from;

	if (a->b.len > sizeof(a->text) - LINE_ROOM_BYTES)
		send_packet(a, -1);
	from = a->b.len;
	fmt_add(&a->b, "end %d %s", -err, text);
	for (; from < a->b.len; from++)
		if (a->text[from] == '\n')
			a->text[from] = ' ';
	fmt_add(&a->b, "\n");
	send_packet(a, err ? -1 : a->passed_fd);
}

static u64 size_of(const struct ublk_dev *dev)
{
	return __atomic_load_n(&dev->tree->root->limits.size_bytes, __ATOMIC_RELAXED);
}

static int resize(struct ublk_dev *dev, const struct ublk_talk_request *req, struct diag *why)
{
	u64 now = size_of(dev);
	u64 to = req->is_more ? now + req->size_bytes : req->size_bytes;
	struct ublk_error error;
	int err;

	if (req->is_more && to < now)
		return diag_set(why, -EINVAL, "that is larger than any disk");
	if (req->has_size && to < now && !req->may_shrink)
		return diag_set(why, -EINVAL, "it has %llu bytes: it becomes smaller only with "
				"--shrink, and loses what is beyond", now);
	err = ublk_dev_resize(dev, to, UBLK_TALK_RESIZE_MS, &error);
	return err ? diag_set(why, err, "%s", error.why.text) : 0;
}

/* True: whoever hands over goes on with this client. */
static bool answer(struct ublk_talk *t, s32 fd, char *line, size_t len)
{
	struct answer a = {
		.fd = fd,
		.passed_fd = -1,
		.b = { .text = a.text, .size = sizeof(a.text) },
	};
	struct ublk_dev *dev = t->dev;
	struct ublk_talk_request req;
	struct diag why = { "" };
	int err = ublk_talk_parse(line, len, &req, &why);

	if (!err && req.verb == UBLK_TALK_HANDOVER && t->handover) {
		t->handover(t->ctx, fd);
		return true;
	}
	if (!err && req.verb == UBLK_TALK_HANDOVER)
		err = diag_set(&why, -EOPNOTSUPP, "its program does not hand over");
	if (!err && req.verb == UBLK_TALK_RESIZE)
		err = resize(dev, &req, &why);
	else if (!err && req.verb == UBLK_TALK_MESSAGE)
		err = tgt_message(dev->tree, req.kind, req.word, req.value, &why);
	else if (!err && req.verb == UBLK_TALK_COUNTS)
		a.passed_fd = dev->stats.head ? dev->stats.fd : -1;
	if (!err && (req.verb == UBLK_TALK_RESIZE || req.verb == UBLK_TALK_STAT))
		say(&a, "device", "size_bytes", dev->params.basic.dev_sectors << 9);
	if (!err && req.verb == UBLK_TALK_STAT)
		tgt_stat(dev->tree, say_target, &a);
	say_end(&a, err, err ? why.text : "");
	return false;
}

static void forget(struct ublk_talk *t, u32 idx)
{
	t->nr_clients--;
	memmove(&t->clients[idx], &t->clients[idx + 1],
		(t->nr_clients - idx) * sizeof(t->clients[0]));
}

static void drop(struct ublk_talk *t, u32 idx)
{
	(void)sys_close(t->clients[idx]);
	forget(t, idx);
}

static void serve(struct ublk_talk *t, u32 idx)
{
	char line[UBLK_TALK_LINE_BYTES + 1];
	long len = sys_read(t->clients[idx], line, sizeof(line));

	if (len == -EAGAIN || len == -EINTR)
		return;
	if (len > 0 && answer(t, t->clients[idx], line, (size_t)len))
		forget(t, idx);
	else
		drop(t, idx);
}

COLD int ublk_talk_adopt(struct ublk_talk *t, s32 fd)
{
	struct ublk_talk_peer peer;

	if (ublk_talk_peer_of(fd, &peer) || (peer.uid && peer.uid != sys_geteuid())) {
		(void)sys_close(fd);
		return -EPERM;
	}
	if (t->nr_clients == UBLK_TALK_NR_CLIENTS)
		drop(t, 0);
	t->clients[t->nr_clients++] = fd;
	return 0;
}

static void accept_one(struct ublk_talk *t)
{
	int fd = sys_accept4(t->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		(void)ublk_talk_adopt(t, fd);
	else if (fd != -EAGAIN && fd != -EINTR)
		(void)deadline_sleep_us(DEADLINE_NEVER, ACCEPT_SLEEP_US);
}

COLD u32 ublk_talk_fds(const struct ublk_talk *t, struct pollfd *fds)
{
	if (!t->dev)
		return 0;
	fds[0] = (struct pollfd){ .fd = t->listen_fd, .events = POLLIN };
	for (u32 i = 0; i < t->nr_clients; i++)
		fds[1 + i] = (struct pollfd){ .fd = t->clients[i], .events = POLLIN };
	return 1 + t->nr_clients;
}

COLD void ublk_talk_step(struct ublk_talk *t)
{
	const struct __kernel_timespec at_once = { 0 };
	struct pollfd fds[UBLK_TALK_NR_FDS];
	u32 nr = ublk_talk_fds(t, fds);

	if (!nr || sys_ppoll(fds, nr, &at_once) <= 0)
		return;
	/* From the last on: who goes moves those behind. */
	for (u32 i = nr - 1; i; i--)
		if (fds[i].revents)
			serve(t, i - 1);
	if (fds[0].revents)
		accept_one(t);
}

/* /run is a mount that stays, and the directory in it is root's alone. */
bool ublk_talk_directory(void)
{
	struct statx sx;

	if (sys_geteuid() || sys_statx(AT_FDCWD, "/run", 0, STATX_BASIC_STATS, &sx) ||
	    !(sx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return false;
	(void)sys_mkdirat(AT_FDCWD, UBLK_TALK_DIR, 0700);
	return !sys_statx(AT_FDCWD, UBLK_TALK_DIR, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &sx) &&
	       S_ISDIR(sx.stx_mode) && !sx.stx_uid && !(sx.stx_mode & 022);
}

static int bind_to(struct ublk_talk *t, bool is_abstract)
{
	struct sock_addr a;

	ublk_talk_address(&a, t->dev->info.dev_id, is_abstract);
	/* The kernel gave the number to this device: what is there is of a dead one. */
	if (!is_abstract)
		(void)sys_unlinkat(AT_FDCWD, a.un.path, 0);
	return sys_bind(t->listen_fd, sock_addr_ptr(&a), a.len_bytes);
}

static int name_holder(u32 dev_id, struct diag *why)
{
	struct ublk_talk_peer peer;
	struct sock_addr a;
	s32 fd;

	ublk_talk_address(&a, dev_id, true);
	if (ublk_talk_connect(&a, deadline_in_ms(0), &fd, &peer))
		return diag_set(why, -EADDRINUSE, "@bareblk/ublk%u is taken", dev_id);
	(void)sys_close(fd);
	return diag_set(why, -EADDRINUSE, "@bareblk/ublk%u is taken by process %d of user %u", dev_id,
			peer.pid, peer.uid);
}

COLD int ublk_talk_open(struct ublk_talk *t, struct ublk_dev *dev, struct diag *why)
{
	int err;

	*t = (struct ublk_talk){ .dev = dev };
	t->listen_fd = sys_socket(SOCK_AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->listen_fd < 0) {
		t->dev = NULL;
		return diag_set(why, t->listen_fd, "no socket");
	}
	t->has_path = ublk_talk_directory() && !bind_to(t, false);
	err = t->has_path ? 0 : bind_to(t, true);
	if (err == -EADDRINUSE)
		(void)name_holder(dev->info.dev_id, why);
	else if (err)
		diag_set(why, err, "no address");
	if (!err)
		err = sys_listen(t->listen_fd, BACKLOG);
	if (err)
		ublk_talk_close(t);
	return err;
}

COLD void ublk_talk_close(struct ublk_talk *t)
{
	struct sock_addr a;

	if (!t->dev)
		return;
	while (t->nr_clients)
		drop(t, t->nr_clients - 1);
	(void)sys_close(t->listen_fd);
	if (t->has_path) {
		ublk_talk_address(&a, t->dev->info.dev_id, false);
		(void)sys_unlinkat(AT_FDCWD, a.un.path, 0);
		(void)sys_unlinkat(AT_FDCWD, UBLK_TALK_DIR, AT_REMOVEDIR); /* if it is empty */
	}
	t->dev = NULL;
}
