/* SPDX-License-Identifier: MIT */
/*
 * What went wrong with a device, for a program and for a person: which step,
 * which device and queue, what kind of failure, the kernel's errno and a line.
 */
#ifndef UBLK_ERROR_H
#define UBLK_ERROR_H

#include "uapi/rt/diag.h"
#include "uapi/types.h"

#define UBLK_NO_DEVICE (-1)
#define UBLK_NO_QUEUE (-1)

/* Kinds of failure that a program may want to tell apart */
enum ublk_code {
	UBLK_OK,
	UBLK_NOT_IMPLEMENTED,
	UBLK_DEVICE_NOT_FOUND,
	UBLK_DEVICE_BUSY,
	UBLK_INVALID_PARAMETERS,
	UBLK_KERNEL_NOT_SUPPORTED, /* no ublk, no io_uring, or a flag that it lacks */
	UBLK_PERMISSION_DENIED,
	UBLK_INSUFFICIENT_MEMORY,
	UBLK_IO_ERROR,
	UBLK_TIMEOUT,
	UBLK_DEVICE_OFFLINE,
	UBLK_NR_CODES,
};

/**
 * struct ublk_error - filled by every call that can fail; the caller's memory
 * @step:   the operation, "ADD_DEV" or "open"; never NULL once filled
 * @dev_id: UBLK_NO_DEVICE when there is none yet
 * @queue:  UBLK_NO_QUEUE when it is about no queue
 * @err:    -errno, as the call returned it
 */
struct ublk_error {
	const char *step;
	s32 dev_id;
	s32 queue;
	enum ublk_code code;
	s32 err;
	struct diag why;
};

/* ublk_code_of() - the kind of a bare -errno */
enum ublk_code ublk_code_of(int err);

/* ublk_code_text() - "device busy", ... */
const char *ublk_code_text(enum ublk_code code);

/* ublk_error_is() - is it of that kind? false for NULL */
bool ublk_error_is(const struct ublk_error *error, enum ublk_code code);

/* ublk_error_is_errno() - is it that errno, given as EBUSY or -EBUSY? */
bool ublk_error_is_errno(const struct ublk_error *error, int err);

/**
 * ublk_error_set() - fill an error; the code follows from @err
 * @error: NULL when the caller does not want to know
 *
 * Return: err
 */
int ublk_error_set(struct ublk_error *error, const char *step, s32 dev_id, int err,
		   const char *fmt, ...) PRINTF_LIKE(5, 6);

#endif
