/* SPDX-License-Identifier: MIT */
/*
 * A line of text for a submission entry or a completion, for logs and debuggers.
 * Optional; any thread.
 */
#ifndef RING_TEXT_H
#define RING_TEXT_H

#include "uapi/types.h"

struct io_uring_cqe;
struct io_uring_sqe;

/* Bytes for any of the lines below */
#define RING_TEXT_BYTES 320

/**
 * ring_sqe_text() - an entry in one line
 *
 * "read fd=3 off=0x1000 addr=0x7f12a0 len=4096 fixed_file io_link user_data=0x7".
 * What is zero and says nothing is left out; unknown opcodes and flags are numbers.
 *
 * Return: its length, as fmt_print()
 */
size_t ring_sqe_text(char *buf, size_t size, const struct io_uring_sqe *sqe);

/* ring_cqe_text() - the same of a completion: "user_data=0x7 res=-9 EBADF more" */
size_t ring_cqe_text(char *buf, size_t size, const struct io_uring_cqe *cqe);

#endif
