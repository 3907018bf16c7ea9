/* SPDX-License-Identifier: MIT */
/*
 * What a device was made of, for whoever recovers it: in /run/bareblk, as long as the device
 * is there. It is a help only; what the kernel has kept decides whether it is right.
 */
#ifndef TOOLS_UBLK_MEMO_H
#define TOOLS_UBLK_MEMO_H

#include "uapi/types.h"

#define MEMO_BYTES 8192

/* struct memo - read; strings in text */
struct memo {
	const char *directory; /* where the paths of spec begin */
	const char *spec;
	char text[MEMO_BYTES];
};

/* memo_write() - where nobody has such a place, or it does not fit: nothing is written */
void memo_write(u32 dev_id, const char *spec);

/* memo_read() - 0; -ENOENT: there is none; -EINVAL: no memo, or not root's own file */
NODISCARD int memo_read(u32 dev_id, struct memo *m);

/* memo_go_there() - to where the paths of a device's spec begin, if @spec is that, or NULL. The
 * spec that holds, or NULL: it is not known */
const char *memo_go_there(u32 dev_id, const char *spec, struct memo *m);

void memo_forget(u32 dev_id);

/**
 * memo_claim() - say that somebody looks after the device who is no server of it, until the
 *                process ends, and all that it has forked since
 *
 * False, and nothing has happened, of a device without a memo, and when another has claimed it
 */
bool memo_claim(u32 dev_id);

/* memo_is_claimed() - by somebody who lives */
bool memo_is_claimed(u32 dev_id);

/* memo_tidy() - forget all of those for which is_gone(), sockets beside them as well, but for
 * claimed ones; returns how many files that were */
u32 memo_tidy(bool (*is_gone)(u32 dev_id), bool only_count);

#endif
