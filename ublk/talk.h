/* SPDX-License-Identifier: MIT */
/*
 * Asking a server that runs: another process resizes its disk, sends a word to
 * its target, or reads its numbers. `bareblk ublk resize, message, stat` are
 * the other end, so a program that embeds a device and listens can be asked by
 * them, too:
 *
 *	struct ublk_talk talk;
 *	err = ublk_talk_open(&talk, &dev, &why);	when the device runs
 *	...						one thread, until the end:
 *	nr = ublk_talk_fds(&talk, fds);			to poll, beside others of yours
 *	if (any of them is ready)
 *		ublk_talk_step(&talk);
 *	...
 *	ublk_talk_close(&talk);				before the device is closed
 *
 * The thread that calls ublk_talk_step() is no queue's, and the one that may
 * call ublk_dev_resize() and the tgt_*() that are for one at a time. Nothing in
 * it waits for a client. It does wait for the target's answer, and, at most
 * UBLK_TALK_RESIZE_MS, for the kernel's.
 *
 * Where: /run/bareblk/ublkN.sock, for root where /run is a mount of its own, so
 * that it lives as long as the machine does, also when an initramfs moves it;
 * the abstract name @bareblk/ublkN otherwise: without a /run that stays, and for
 * users. Both ends are in one network namespace then. The file of a server that
 * was killed is replaced by the next with that number.
 *
 * Who: root, and the server's own user (SO_PEERCRED); all others are hung up on
 * before a byte of theirs is read. Anyone can take an abstract name before the
 * server does: then the server cannot listen, and says so, and whoever asks
 * compares process and user with the kernel's, and says that.
 *
 * What: a connection (SOCK_SEQPACKET) is for one request, one packet of one line
 *
 *	bareblk/1 resize				follow what the target finds
 *	bareblk/1 resize [+]BYTES [shrink]
 *	bareblk/1 message KIND WORD[=VALUE]		KIND -: the outermost that takes any;
 *							KIND2: the second of a kind
 *	bareblk/1 stat
 *	bareblk/1 handover				another server wants the device; what
 *							follows is between the two programs
 *	bareblk/1 counts				the file of ublk/stats.h comes along
 *
 * and the answer is packets of lines, the last of them "end ERRNO TEXT":
 *
 *	device size_bytes 268435456
 *	target mirror.copied_bytes 4096
 *	end 0
 *
 * A server drops a client that does not take its answer, and, for a fifth, the
 * one of four that has been silent for longest: there is nothing to wait for.
 */
#ifndef UBLK_TALK_H
#define UBLK_TALK_H

#include "ublk/dev.h"

#define UBLK_TALK_VERSION "1"
#define UBLK_TALK_LINE_BYTES 512    /* of a request, with its newline */
#define UBLK_TALK_PACKET_BYTES 4096 /* of an answer */
#define UBLK_TALK_MAX_PACKETS 64
#define UBLK_TALK_NR_CLIENTS 4
#define UBLK_TALK_NR_FDS (1 + UBLK_TALK_NR_CLIENTS)
#define UBLK_TALK_RESIZE_MS 5000

struct pollfd;

enum ublk_talk_verb {
	UBLK_TALK_RESIZE,
	UBLK_TALK_MESSAGE,
	UBLK_TALK_STAT,
	UBLK_TALK_HANDOVER,
	UBLK_TALK_COUNTS,
};

/**
 * struct ublk_talk_request - a line, parsed; strings are in the line
 * @has_size:  of RESIZE; without: follow the target
 * @is_more:   bytes more than it has
 * @may_shrink: it may become smaller, and lose what is beyond
 * @kind, @value: NULL: none was given
 */
struct ublk_talk_request {
	enum ublk_talk_verb verb;
	bool has_size;
	bool is_more;
	bool may_shrink;
	u64 size_bytes;
	const char *kind;
	const char *word;
	const char *value;
};

/**
 * ublk_talk_parse() - a request's packet, which may be of any bytes
 * @line: changed; its last byte, the newline's, becomes a NUL
 *
 * Return: 0, or
 *   -EINVAL           not a request
 *   -EMSGSIZE         longer than one may be
 *   -EPROTONOSUPPORT  of another version
 */
NODISCARD int ublk_talk_parse(char *line, size_t len, struct ublk_talk_request *req,
			      struct diag *why);

/* struct ublk_talk - a server's end; the caller's memory, zeroed is closed. handover and ctx are
 * for the caller to set once it is open */
struct ublk_talk {
	struct ublk_dev *dev;
	s32 listen_fd;
	bool has_path;
	void (*handover)(void *ctx, s32 fd); /* takes a client; NULL: the program has none */
	void *ctx;
	u32 nr_clients;
	s32 clients[UBLK_TALK_NR_CLIENTS]; /* the oldest first */
};

/**
 * ublk_talk_open() - listen
 * @t: overwritten
 *
 * Return: 0, or -errno with *why: -EADDRINUSE names the process that has the name
 */
NODISCARD int ublk_talk_open(struct ublk_talk *t, struct ublk_dev *dev, struct diag *why);

/* ublk_talk_close() - hang up, and remove the socket; safe twice, and when it did not open */
void ublk_talk_close(struct ublk_talk *t);

/* ublk_talk_fds() - what to wait for, UBLK_TALK_NR_FDS at most; returns how many, 0 when it is
 * closed */
u32 ublk_talk_fds(const struct ublk_talk *t, struct pollfd *fds);

/* ublk_talk_step() - answer whoever has asked; returns at once when nobody has */
void ublk_talk_step(struct ublk_talk *t);

/* ublk_talk_adopt() - a connected socket becomes a client, or is closed: -EPERM */
int ublk_talk_adopt(struct ublk_talk *t, s32 fd);

/* Called with each number of an answer; who is "device" or "target" */
typedef void ublk_talk_fn(void *ctx, const char *who, const char *name, u64 value);

/**
 * ublk_talk_ask() - send a request to a device's server, and take the answer
 * @info:    of a live device, as the kernel has it now: says whose answer counts
 * @request: what comes behind "bareblk/1 "
 * @fn:      NULL: no numbers are wanted
 *
 * Whatever the server sends, this ends in time, and text in *error is printable.
 *
 * Return: 0, or -errno with *error, the server's own or
 *   -ENOTCONN   nobody listens there
 *   -EPERM      somebody else than the server does, or the server hangs up on us
 *   -EPROTO     that is no answer
 *   -EMSGSIZE   the request is too long
 *   -ETIMEDOUT  no answer within @timeout_ms
 */
NODISCARD int ublk_talk_ask(const struct ublksrv_ctrl_dev_info *info, const char *request,
			    ublk_talk_fn *fn, void *ctx, u32 timeout_ms,
			    struct ublk_error *error);

/* ublk_talk_find() - a connection to a device's server alone, or -errno as above */
NODISCARD int ublk_talk_find(const struct ublksrv_ctrl_dev_info *info, u64 deadline, s32 *fd,
			     struct ublk_error *error);

/**
 * ublk_talk_ask_counts() - have the file handed over that a device's server counts in
 * @fd: for ublk_stats_open(), which finds out whether it is one; the caller's to close
 *
 * Once is enough: from then on the server need not be asked.
 *
 * Return: as ublk_talk_ask()
 */
NODISCARD int ublk_talk_ask_counts(const struct ublksrv_ctrl_dev_info *info, s32 *fd,
				   u32 timeout_ms, struct ublk_error *error);

/* ublk_talk_ask_on() - the same on a connected socket */
NODISCARD int ublk_talk_ask_on(s32 fd, s32 dev_id, const char *request, ublk_talk_fn *fn, void *ctx,
			       u64 deadline, struct ublk_error *error);

/* For the two ends of it: */

#define UBLK_TALK_DIR "/run/bareblk"

/* ublk_talk_directory() - it is there, made now perhaps, and nobody else's */
bool ublk_talk_directory(void);

struct sock_addr;

/* struct ublk_talk_peer - as SO_PEERCRED has it: struct ucred */
struct ublk_talk_peer {
	s32 pid;
	u32 uid;
	u32 gid;
};

/* ublk_talk_address() - where the server of a device listens; two places to look at */
void ublk_talk_address(struct sock_addr *a, u32 dev_id, bool is_abstract);

/* ublk_talk_connect() - 0 with the socket and who listened, or -errno */
NODISCARD int ublk_talk_connect(const struct sock_addr *a, u64 deadline, s32 *fd,
				struct ublk_talk_peer *peer);

/* ublk_talk_peer_of() - who is at the other end; 0 or -errno */
NODISCARD int ublk_talk_peer_of(s32 fd, struct ublk_talk_peer *peer);

#endif
