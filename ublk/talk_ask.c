/* SPDX-License-Identifier: MIT */
/* The other end: a request to a device's server, and an answer that may be anybody's. */
#include <asm/errno.h>

#include "uapi/rt/fmt.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/sock.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"
#include "ublk/talk.h"

#define MSG_NOSIGNAL	0x4000 /* <sys/socket.h> */

/* One line of an answer: the numbers go on, the end ends */
enum { LINE_NUMBER, LINE_END, LINE_BAD };

/* @passed_fd: a file that came along, or -1 */
struct asker {
	ublk_talk_fn *fn;
	void *ctx;
	s32 passed_fd;
	s32 dev_id;
	const char *step;
	struct ublk_error *error;
	int err; /* what the server said at the end */
};

static bool is_name(const char *name)
{
	for (; *name; name++)
		if (*name != '_' && *name != '.' && !str_is_digit(*name) &&
		    (*name < 'a' || *name > 'z'))
			return false;
	return true;
}

/* Cuts the text behind the first word off; "" when there is none */
static char *cut(char *text)
{
	while (*text && *text != ' ')
		text++;
	if (!*text)
		return text;
	*text = '\0';
	return text + 1;
}

static int take_end(struct asker *a, char *number)
{
	const char *text = cut(number);
	u32 nr;

	if (parse_u32(number, &nr) || nr > 4095)
		return LINE_BAD;
	a->err = -(int)nr;
	if (nr)
		ublk_error_set(a->error, a->step, a->dev_id, a->err, "%s", text);
	return LINE_END;
}

static int take_line(struct asker *a, char *line)
{
	char *name = cut(line);
	char *number;
	u64 value;

	if (str_eq(line, "end"))
		return take_end(a, name);
	number = cut(name);
	if (!is_name(line) || !*name || !is_name(name) || parse_u64(number, &value))
		return LINE_BAD;
	if (a->fn)
		a->fn(a->ctx, line, name, value);
	return LINE_NUMBER;
}

/* What a terminal would take for a command is no text. */
static int take_packet(struct asker *a, char *text, size_t len)
{
	int what = LINE_BAD;
	char *line = text;

	if (text[len - 1] != '\n')
		return LINE_BAD;
	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\n') {
			text[i] = text[i] < ' ' || text[i] > '~' ? '?' : text[i];
			continue;
		}
		text[i] = '\0';
		what = take_line(a, line);
		line = text + i + 1;
		if (what != LINE_NUMBER)
			return what == LINE_END && i + 1 == len ? LINE_END : LINE_BAD;
	}
	return what;
}

/* Of files that come along nobody wants more than one. */
static void keep_first(struct asker *a, const s32 *fds, u32 nr)
{
	for (u32 i = 0; i < nr; i++) {
		if (a->passed_fd < 0)
			a->passed_fd = fds[i];
		else
			(void)sys_close(fds[i]);
	}
}

/* LINE_END, LINE_BAD, or -errno: what has come until then may be used up to there */
static int take_answer(struct asker *a, s32 fd, u64 deadline)
{
	char text[UBLK_TALK_PACKET_BYTES + 1];
	s32 fds[SOCK_MAX_FDS];

	for (u32 i = 0; i < UBLK_TALK_MAX_PACKETS; i++) {
		int err = deadline_wait_fd(fd, deadline);
		u32 nr_fds = 0;
		long len = err ? 0 : sock_recv_fds(fd, text, sizeof(text), fds, &nr_fds);

		keep_first(a, fds, nr_fds);
		/* It has not read the request, or not all that came before was an answer. */
		if (!err && (len == -ECONNRESET || !len))
			return i ? LINE_BAD : -EPERM;
		if (len == -EMSGSIZE)
			return LINE_BAD;
		if (err || len < 0)
			return err ? err : (int)len;
		err = len > UBLK_TALK_PACKET_BYTES ? LINE_BAD : take_packet(a, text, (size_t)len);
		if (err != LINE_NUMBER)
			return err;
	}
	return LINE_BAD;
}

static int send_request(s32 fd, const char *request)
{
	char line[UBLK_TALK_LINE_BYTES + 1];
	size_t len = fmt_print(line, sizeof(line), "bareblk/" UBLK_TALK_VERSION " %s\n", request);
	long ret;

	if (len >= sizeof(line))
		return -EMSGSIZE;
	ret = sys_sendto(fd, line, len, MSG_NOSIGNAL, NULL, 0);
	/* It hung up already: what it has said, if anything, is still there. */
	return ret == -EPIPE || ret == (long)len ? 0 : ret < 0 ? (int)ret : -EIO;
}

static int ask_on(struct asker *a, s32 fd, const char *request, u64 deadline)
{
	int ret = send_request(fd, request);

	a->step = "its server";
	a->passed_fd = -1;
	if (ret)
		return ublk_error_set(a->error, "ask", a->dev_id, ret,
				      ret == -EMSGSIZE ? "the request is too long" :
							 "it cannot be sent");
	ret = take_answer(a, fd, deadline);
	if (ret == LINE_END)
		return a->err;
	if (ret == LINE_BAD)
		return ublk_error_set(a->error, "ask", a->dev_id, -EPROTO,
				      "that is no answer of a server's");
	return ublk_error_set(a->error, "ask", a->dev_id, ret,
			      ret == -EPERM ? "its server hangs up: it ends, or is not ours to ask" :
			      ret == -ETIMEDOUT ? "no answer of its server in time" :
						  "no answer of its server");
}

/* A file that nobody has asked for is not kept. */
static void drop_passed(const struct asker *a)
{
	if (a->passed_fd >= 0)
		(void)sys_close(a->passed_fd);
}

COLD int ublk_talk_ask_on(s32 fd, s32 dev_id, const char *request, ublk_talk_fn *fn, void *ctx,
			  u64 deadline, struct ublk_error *error)
{
	struct asker a = { .fn = fn, .ctx = ctx, .dev_id = dev_id, .error = error };
	int err = ask_on(&a, fd, request, deadline);

	drop_passed(&a);
	return err;
}

/* Only whoever serves the device counts. */
static bool is_server(const struct ublksrv_ctrl_dev_info *info, const struct ublk_talk_peer *peer)
{
	return peer->pid == info->ublksrv_pid && (!peer->uid || peer->uid == info->owner_uid);
}

COLD int ublk_talk_find(const struct ublksrv_ctrl_dev_info *info, u64 deadline, s32 *fd,
			struct ublk_error *error)
{
	s32 id = (s32)info->dev_id;
	struct ublk_talk_peer peer;
	struct ublk_talk_peer other = { 0 };
	int err = -ENOTCONN;

	for (u32 i = 0; i < 2; i++) {
		struct sock_addr a;
		int ret;

		ublk_talk_address(&a, info->dev_id, i);
		ret = ublk_talk_connect(&a, deadline, fd, &peer);
		if (ret == -ETIMEDOUT)
			err = ret;
		if (ret)
			continue;
		if (is_server(info, &peer))
			return 0;
		(void)sys_close(*fd);
		other = peer;
		err = -EPERM;
	}
	if (err == -EPERM)
		return ublk_error_set(error, "ask", id, err, "not its server, process %d, listens but "
				      "process %d of user %u", info->ublksrv_pid, other.pid,
				      other.uid);
	if (err == -ETIMEDOUT)
		return ublk_error_set(error, "ask", id, err, "its server takes no connection");
	return ublk_error_set(error, "ask", id, err, "its server, process %d, does not listen here: it "
			      "is about to end, or in other namespaces", info->ublksrv_pid);
}

static int ask(struct asker *a, const struct ublksrv_ctrl_dev_info *info, const char *request,
	       u32 timeout_ms)
{
	u64 deadline = deadline_in_ms(timeout_ms);
	s32 fd;
	int err = ublk_talk_find(info, deadline, &fd, a->error);

	if (err)
		return err;
	err = ask_on(a, fd, request, deadline);
	(void)sys_close(fd);
	return err;
}

COLD int ublk_talk_ask(const struct ublksrv_ctrl_dev_info *info, const char *request,
		       ublk_talk_fn *fn, void *ctx, u32 timeout_ms, struct ublk_error *error)
{
	struct asker a = {
		.fn = fn,
		.ctx = ctx,
		.passed_fd = -1,
		.dev_id = (s32)info->dev_id,
		.error = error,
	};
	int err = ask(&a, info, request, timeout_ms);

	drop_passed(&a);
	return err;
}

COLD int ublk_talk_ask_counts(const struct ublksrv_ctrl_dev_info *info, s32 *fd, u32 timeout_ms,
			      struct ublk_error *error)
{
	struct asker a = { .passed_fd = -1, .dev_id = (s32)info->dev_id, .error = error };
	int err = ask(&a, info, "counts", timeout_ms);

	if (!err && a.passed_fd < 0)
		err = ublk_error_set(error, "ask", a.dev_id, -EPROTO,
				     "its server says that it counts, and not where");
	if (err)
		drop_passed(&a);
	*fd = err ? -1 : a.passed_fd;
	return err;
}
