/* SPDX-License-Identifier: MIT */
/* Both ends of a hand-over. What the other says is read as if it were an enemy's. */
#include "tools/ublk_handover.h"

#include <asm/errno.h>

#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/sock.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"
#include "ublk/deadline.h"
#include "ublk/talk.h"

#define VERSION 1U
#define REQUEST "bareblk/" UBLK_TALK_VERSION " handover\n"
#define GO	"go\n"
#define DONE	"done\n"

/* The longest answer in words, with a NUL */
#define WORDS_BYTES (DIAG_TEXT_BYTES + 32)

static const char magic[16] = "bareblk handover";

/**
 * struct offer - the first answer; little-endian, as all that runs this
 * @has_file: a bit for each node of the target that gives one; those come first, then @nr_kept
 */
struct offer {
	char magic[16];
	u32 version;
	u32 nr_nodes;
	u32 nr_kept;
	u32 is_supervised;
	u64 has_file;
};

_Static_assert(sizeof(struct offer) == 40 && sizeof(struct offer) < WORDS_BYTES, "see VERSION");

/* --- the new server ---------------------------------------------------------------------- */

static int said(s32 dev_id, int err, const char *what, struct ublk_error *error)
{
	return ublk_error_set(error, "hand over", dev_id, err, "%s", what);
}

/* "end ERRNO TEXT": what a terminal would take for a command is no text. */
static int take_words(s32 dev_id, char *words, struct ublk_error *error)
{
	const char *at = str_starts(words, "end ");
	const char *text;
	u64 nr;

	if (!at || parse_number(at, &nr, &text) || nr > 4095)
		return said(dev_id, -EPROTO, "its server gives an answer that is none", error);
	if (!nr)
		return 0;
	for (char *c = words; *c; c++)
		*c = *c < ' ' || *c > '~' ? (c[1] ? '?' : '\0') : *c;
	text += *text == ' ';
	/* A server of before there was this */
	if (nr == EINVAL && str_starts(text, "handover"))
		return said(dev_id, -EOPNOTSUPP, "its server is too old to hand over", error);
	return said(dev_id, -(int)nr, text, error);
}

static int receive(s32 fd, s32 dev_id, u64 deadline, char words[WORDS_BYTES], s32 *fds, u32 *nr,
		   struct ublk_error *error)
{
	int err = deadline_wait_fd(fd, deadline);
	long len = err ? err : sock_recv_fds(fd, words, WORDS_BYTES - 1, fds, nr);

	if (len < 0)
		return said(dev_id, (int)len, "no answer of its server", error);
	words[len] = '\0';
	return len ? (int)len : said(dev_id, -EPIPE, "its server hangs up", error);
}

static u32 nr_bits(u64 bits)
{
	u32 nr = 0;

	for (; bits; bits &= bits - 1)
		nr++;
	return nr;
}

/* Which file is whose */
static int sort_files(struct handover *h, const struct offer *o, const s32 *fds, u32 nr)
{
	u32 at = 0;

	if (memcmp(o->magic, magic, sizeof(magic)) != 0 || o->nr_nodes > TGT_MAX_NODES ||
	    o->nr_kept > HANDOVER_MAX_KEPT ||
	    (o->nr_nodes < 64 && o->has_file >> o->nr_nodes) ||
	    nr != nr_bits(o->has_file) + o->nr_kept)
		return -EPROTO;
	if (o->version != VERSION)
		return -EPROTONOSUPPORT;
	h->nr_files = o->nr_nodes;
	h->nr_kept = o->nr_kept;
	h->is_supervised = o->is_supervised;
	for (u32 i = 0; i < h->nr_files; i++)
		h->files[i] = o->has_file >> i & 1 ? fds[at++] : -1;
	memcpy(h->kept, fds + at, h->nr_kept * sizeof(s32));
	return 0;
}

static int take_offer(struct handover *h, s32 dev_id, u64 deadline, struct ublk_error *error)
{
	char words[WORDS_BYTES] = "";
	s32 fds[SOCK_MAX_FDS] = { 0 };
	struct offer o;
	u32 nr = 0;
	int err;
	int len = receive(h->fd, dev_id, deadline, words, fds, &nr, error);

	if (len < 0)
		return len;
	if (len != sizeof(o) || str_starts(words, "end ")) {
		err = take_words(dev_id, words, error);
		err = err ? err : said(dev_id, -EPROTO, "its server offers nothing", error);
	} else {
		memcpy(&o, words, sizeof(o));
		err = sort_files(h, &o, fds, nr);
		if (err)
			said(dev_id, err, err == -EPROTO ? "its server offers what cannot be" :
				     "its server hands over in another version's way", error);
	}
	for (; err && nr; nr--)
		(void)sys_close(fds[nr - 1]);
	return err;
}

int handover_ask(struct handover *h, const struct ublksrv_ctrl_dev_info *info, u32 timeout_ms,
		 struct ublk_error *error)
{
	u64 deadline = deadline_in_ms(timeout_ms);
	s32 id = (s32)info->dev_id;
	int err;

	*h = (struct handover){ .fd = -1 };
	err = ublk_talk_find(info, deadline, &h->fd, error);
	if (err) {
		h->fd = -1;
		return err;
	}
	err = sock_send_fds(h->fd, REQUEST, sizeof(REQUEST) - 1, NULL, 0);
	if (err)
		said(id, err, "its server cannot be asked", error);
	else
		err = take_offer(h, id, deadline, error);
	if (err)
		handover_end(h, false);
	return err;
}

int handover_go(struct handover *h, s32 dev_id, u32 timeout_ms, struct ublk_error *error)
{
	char words[WORDS_BYTES] = "";
	s32 fds[SOCK_MAX_FDS];
	u32 nr = 0;
	int err = sock_send_fds(h->fd, GO, sizeof(GO) - 1, NULL, 0);

	if (err)
		return said(dev_id, err, "its server cannot be asked", error);
	err = receive(h->fd, dev_id, deadline_in_ms(timeout_ms), words, fds, &nr, error);
	for (; nr; nr--)
		(void)sys_close(fds[nr - 1]);
	return err < 0 ? err : take_words(dev_id, words, error);
}

void handover_end(struct handover *h, bool is_done)
{
	if (h->fd >= 0 && is_done)
		(void)!sock_send_fds(h->fd, DONE, sizeof(DONE) - 1, NULL, 0);
	if (h->fd >= 0)
		(void)sys_close(h->fd);
	for (u32 i = 0; i < h->nr_files; i++)
		if (h->files[i] >= 0)
			(void)sys_close(h->files[i]);
	for (u32 i = 0; i < h->nr_kept; i++)
		(void)sys_close(h->kept[i]);
	*h = (struct handover){ .fd = -1 };
}

/* --- the old one ------------------------------------------------------------------------ */

int handover_offer(s32 fd, const struct ublk_dev *dev, const s32 *kept, u32 nr_kept,
		   bool is_supervised)
{
	struct offer o = {
		.version = VERSION,
		.nr_kept = nr_kept,
		.is_supervised = is_supervised,
	};
	struct ublk_error error;
	s32 files[TGT_MAX_NODES];
	s32 fds[SOCK_MAX_FDS];
	u32 nr = 0;
	int err = ublk_dev_may_let_go(dev, &error);

	if (err) {
		handover_answer(fd, &error);
		return err;
	}
	memcpy(o.magic, magic, sizeof(magic));
	o.nr_nodes = tgt_hand_over(dev->tree, files);
	for (u32 i = 0; i < o.nr_nodes; i++) {
		if (files[i] < 0)
			continue;
		o.has_file |= 1ULL << i;
		fds[nr++] = files[i];
	}
	memcpy(fds + nr, kept, nr_kept * sizeof(s32));
	return sock_send_fds(fd, &o, sizeof(o), fds, nr + nr_kept);
}

enum handover_word handover_hear(s32 fd)
{
	char words[8] = "";
	s32 fds[SOCK_MAX_FDS];
	u32 nr;
	long len = sock_recv_fds(fd, words, sizeof(words) - 1, fds, &nr);

	if (len == -EAGAIN || len == -EINTR)
		return HANDOVER_NOTHING;
	for (; len >= 0 && nr; nr--)
		(void)sys_close(fds[nr - 1]);
	words[len > 0 ? len : 0] = '\0';
	return str_eq(words, GO)   ? HANDOVER_GO :
	       str_eq(words, DONE) ? HANDOVER_DONE :
				     HANDOVER_HUNG_UP;
}

void handover_answer(s32 fd, const struct ublk_error *error)
{
	char words[WORDS_BYTES] = "";
	size_t len = fmt_print(words, sizeof(words), "end %d %s\n", error ? -error->err : 0,
			       error ? error->why.text : "");

	(void)!sock_send_fds(fd, words, len, NULL, 0);
}
