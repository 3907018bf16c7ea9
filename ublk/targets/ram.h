/* SPDX-License-Identifier: MIT */
/* A ram disk that outlives its process: its bytes are in a memfd that others can hold. */
#ifndef UBLK_TARGETS_RAM_H
#define UBLK_TARGETS_RAM_H

#include "ublk/tgt.h"

/**
 * ram_keep_in() - have the bytes in this memfd, in place of one of its own
 * @t:  an open target; others than ram are not touched, see Return
 * @fd: an empty memfd, or the one that another ram disk of the same size was kept in, whose
 *      process has ended: then the bytes are those. Stays the caller's; whoever has it open
 *      keeps the disk alive
 *
 * After the target was opened and before any queue runs; what was in it is gone. After
 * that the target forgets nothing (struct tgt).
 *
 * Return: 0, or -errno: -ENOTTY: not a ram target; -EINVAL: a file of another size, or none
 *         that has holes; of ftruncate(2) and mmap(2)
 */
NODISCARD int ram_keep_in(struct tgt *t, s32 fd, struct diag *why);

#endif
