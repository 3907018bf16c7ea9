/* SPDX-License-Identifier: MIT */
/* ublk/talk.h under libFuzzer: any packet is a request or an error, and any answer ends. */
#include <asm/errno.h>

#include "uapi/rt/mem.h"
#include "uapi/rt/sock.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"
#include "ublk/talk.h"

#define SOCK_SEQPACKET_NR 5 /* <sys/socket.h> */
#define PACKET_MAX 5000

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

static void require(bool truth)
{
	if (!truth)
		__builtin_trap();
}

static bool is_text(const char *s)
{
	for (; *s; s++)
		if ((u8)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

static void ask(const u8 *data, size_t len)
{
	char line[PACKET_MAX];
	struct ublk_talk_request r;
	struct diag why = { "" };
	int err;

	memcpy(line, data, len);
	err = ublk_talk_parse(line, len, &r, &why);
	require(err <= 0 && !err == !why.text[0]);
	if (err)
		return;
	require(len <= UBLK_TALK_LINE_BYTES);
	require(r.verb == UBLK_TALK_MESSAGE ? *r.word && is_text(r.word) : !r.word && !r.kind);
	require(!r.kind || (*r.kind && is_text(r.kind)));
	require(!r.value || is_text(r.value));
	require(!r.has_size == !r.size_bytes && (r.has_size || (!r.is_more && !r.may_shrink)));
}

static void hear(void *ctx, const char *who, const char *name, u64 value)
{
	(void)ctx;
	(void)value;
	require(*name && is_text(name) && is_text(who));
}

static void answer(const u8 *data, size_t len)
{
	struct ublk_error error = { 0 };
	int fds[2];
	int err;

	require(!sys_socketpair(SOCK_AF_UNIX, SOCK_SEQPACKET_NR, 0, fds));
	require(sys_write(fds[1], data, len) == (long)len);
	(void)sys_shutdown(fds[1], 1);
	err = ublk_talk_ask_on(fds[0], 1, "stat", hear, NULL, deadline_in_ms(1000), &error);
	require(err <= 0 && err != -ETIMEDOUT && !err == !error.err && is_text(error.why.text));
	(void)sys_close(fds[0]);
	(void)sys_close(fds[1]);
}

/* The first byte says which end it is for. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	if (len < 2 || len > PACKET_MAX)
		return 0;
	if (*data & 1)
		ask(data + 1, len - 1);
	else
		answer(data + 1, len - 1);
	return 0;
}
