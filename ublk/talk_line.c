/* SPDX-License-Identifier: MIT */
/* Requests to a running server: the line, and where it goes. */
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/fcntl.h>

#include "uapi/rt/fmt.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/sock.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"
#include "ublk/talk.h"

/* <sys/socket.h> of the kernel's ABI, which no header of the kernel has */
#define SOCK_SEQPACKET	5
#define SOCK_CLOEXEC	O_CLOEXEC
#define SOCK_NONBLOCK	O_NONBLOCK

/* How long to wait when a server has more connections than it can take */
#define CONNECT_SLEEP_US 5000

static bool is_line(const char *line, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++)
		if ((u8)line[i] < ' ' || line[i] == 0x7f)
			return false;
	return len && line[len - 1] == '\n';
}

/* The next word, up to one blank; what is behind that stays. "" when there is none */
static char *next_word(char **rest)
{
	char *word = *rest;
	char *at = word;

	while (*at && *at != ' ')
		at++;
	*rest = at + (*at == ' ');
	*at = '\0';
	return word;
}

static int parse_resize(struct ublk_talk_request *req, char *rest, struct diag *why)
{
	const char *size = next_word(&rest);
	const char *more = str_starts(size, "+");

	req->verb = UBLK_TALK_RESIZE;
	req->has_size = *size;
	req->is_more = more;
	if (*size && (parse_u64(more ? more : size, &req->size_bytes) || !req->size_bytes))
		return diag_set(why, -EINVAL, "%.32s is no size", size);
	req->may_shrink = str_eq(rest, "shrink");
	return !*rest || (*size && req->may_shrink) ? 0 :
		diag_set(why, -EINVAL, "%.32s is not known", rest);
}

static int parse_message(struct ublk_talk_request *req, char *rest, struct diag *why)
{
	char *at;

	req->verb = UBLK_TALK_MESSAGE;
	req->kind = next_word(&rest);
	req->word = rest;
	for (at = rest; *at && *at != '='; at++)
		if (*at == ' ')
			return diag_set(why, -EINVAL, "a blank in the message");
	if (!*req->kind || at == rest)
		return diag_set(why, -EINVAL, "no message");
	if (*at) {
		*at = '\0';
		req->value = at + 1;
	}
	if (str_eq(req->kind, "-"))
		req->kind = NULL;
	return 0;
}

COLD int ublk_talk_parse(char *line, size_t len, struct ublk_talk_request *req, struct diag *why)
{
	const char *word;
	char *rest = line;

	*req = (struct ublk_talk_request){ .verb = UBLK_TALK_STAT };
	if (len > UBLK_TALK_LINE_BYTES)
		return diag_set(why, -EMSGSIZE, "a request of more than %d bytes",
				UBLK_TALK_LINE_BYTES);
	if (!is_line(line, len))
		return diag_set(why, -EINVAL, "not one line of text");
	line[len - 1] = '\0';
	word = next_word(&rest);
	if (!str_starts(word, "bareblk/"))
		return diag_set(why, -EINVAL, "not a request");
	if (!str_eq(word, "bareblk/" UBLK_TALK_VERSION))
		return diag_set(why, -EPROTONOSUPPORT, "this server speaks version "
				UBLK_TALK_VERSION);
	word = next_word(&rest);
	if (str_eq(word, "resize"))
		return parse_resize(req, rest, why);
	if (str_eq(word, "message"))
		return parse_message(req, rest, why);
	if (str_eq(word, "stat") && !*rest)
		return 0;
	req->verb = UBLK_TALK_HANDOVER;
	if (str_eq(word, "handover") && !*rest)
		return 0;
	req->verb = UBLK_TALK_COUNTS;
	if (str_eq(word, "counts") && !*rest)
		return 0;
	return diag_set(why, -EINVAL, "%.32s is not known", word);
}

COLD void ublk_talk_address(struct sock_addr *a, u32 dev_id, bool is_abstract)
{
	size_t len;

	*a = (struct sock_addr){ .un.family = SOCK_AF_UNIX };
	len = fmt_print(a->un.path, sizeof(a->un.path),
			is_abstract ? "@bareblk/ublk%u" : UBLK_TALK_DIR "/ublk%u.sock", dev_id);
	/* A path counts with its NUL, an abstract name has one in front. */
	a->len_bytes = (u32)(offsetof(typeof(a->un), path) + len + !is_abstract);
	if (is_abstract)
		a->un.path[0] = '\0';
}

COLD int ublk_talk_peer_of(s32 fd, struct ublk_talk_peer *peer)
{
	u32 len = sizeof(*peer);

	return sys_getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &len);
}

COLD int ublk_talk_connect(const struct sock_addr *a, u64 deadline, s32 *fd,
			   struct ublk_talk_peer *peer)
{
	int err;

	*fd = sys_socket(SOCK_AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return *fd;
	do
		err = sys_connect(*fd, sock_addr_ptr(a), a->len_bytes);
	while (err == -EAGAIN && deadline_sleep_us(deadline, CONNECT_SLEEP_US));
	if (!err)
		err = ublk_talk_peer_of(*fd, peer);
	if (err)
		(void)sys_close(*fd);
	return err == -EAGAIN ? -ETIMEDOUT : err;
}
