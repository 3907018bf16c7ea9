/* SPDX-License-Identifier: MIT */
/*
 * What a ring can be told once so that every request need not:
 * io_uring_register(2). Called by the ring's thread.
 */
#ifndef RING_REGISTER_H
#define RING_REGISTER_H

#include "ring/ring.h"

/**
 * ring_register() - io_uring_register(2) on this ring
 * @op:      IORING_REGISTER_* or IORING_UNREGISTER_*
 * @arg:     as the opcode wants it
 * @nr_args: likewise
 *
 * Under every function below, and the way to what has none. Works also on a
 * ring that has no file descriptor, only a registered index.
 *
 * Return: as the kernel answers; -EINVAL for an opcode that it does not know
 */
NODISCARD int ring_register(const struct ring *r, u32 op, const void *arg, u32 nr_args);

/* ring_register_ring_fd() - save a file lookup per enter (5.18); only the
 * calling thread can use the ring afterwards. A thread has 16 of these at a time.
 * -EINVAL on older kernels. */
NODISCARD int ring_register_ring_fd(struct ring *r);

/* ring_register_files() - make fds[i] usable as fixed file i; -1 leaves a hole */
NODISCARD int ring_register_files(struct ring *r, const s32 *fds, u32 nr_fds);

/* ring_unregister_files() - drop the table; the kernel lets go of the files
 * once no request uses them */
NODISCARD int ring_unregister_files(struct ring *r);

#endif
