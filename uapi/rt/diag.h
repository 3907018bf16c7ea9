/* SPDX-License-Identifier: MIT */
/*
 * Why something failed, in one line, beside the errno that says what failed.
 * Libraries fill the caller's struct diag and never print. Any thread, each
 * with its own struct.
 */
#ifndef UAPI_RT_DIAG_H
#define UAPI_RT_DIAG_H

#include <stdarg.h>

#include "uapi/types.h"

#define DIAG_TEXT_BYTES 256

/**
 * struct diag - one line of explanation, empty when there is none
 *
 * A line that is too long ends in "...".
 */
struct diag {
	char text[DIAG_TEXT_BYTES];
};

/**
 * diag_set() - say why, and pass the error on
 * @why: NULL when the caller does not want to know
 *
 *	return diag_set(why, -EINVAL, "size %s is not a multiple of 512", v);
 *
 * Return: err
 */
int diag_set(struct diag *why, int err, const char *fmt, ...) PRINTF_LIKE(3, 4);

/** diag_vset() - diag_set() with a va_list */
int diag_vset(struct diag *why, int err, const char *fmt, va_list args) PRINTF_LIKE(3, 0);

/**
 * diag_prepend() - put "context: " in front of what is there already
 *
 * For a caller that knows which of several things the callee failed on. With an
 * empty line, the context stands alone.
 *
 * Return: err
 */
int diag_prepend(struct diag *why, int err, const char *fmt, ...) PRINTF_LIKE(3, 4);

/** err_name() - "EBUSY" for EBUSY and for -EBUSY; "E?" for a number not in the table */
const char *err_name(int err);

/** err_text() - "Device or resource busy"; "unknown error" for a number not in the table */
const char *err_text(int err);

#endif
