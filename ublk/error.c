/* SPDX-License-Identifier: MIT */
/* From errno to the kinds of failure that programs tell apart. */
#include "ublk/error.h"

#include <asm/errno.h>

enum ublk_code ublk_code_of(int err)
{
	switch (err < 0 ? -err : err) {
	case 0:
		return UBLK_OK;
	case ENOSYS:
	case EOPNOTSUPP:
		return UBLK_NOT_IMPLEMENTED;
	case ENODEV:
	case ENOENT:
	case ENXIO:
		return UBLK_DEVICE_NOT_FOUND;
	case EBUSY:
	case EEXIST:
	case EAGAIN:
	case EALREADY:
		return UBLK_DEVICE_BUSY;
	case EINVAL:
	case ERANGE:
	case E2BIG:
		return UBLK_INVALID_PARAMETERS;
	case EPERM:
	case EACCES:
		return UBLK_PERMISSION_DENIED;
	case ENOMEM:
	case ENFILE:
	case EMFILE:
		return UBLK_INSUFFICIENT_MEMORY;
	case ETIMEDOUT:
	case ETIME:
		return UBLK_TIMEOUT;
	case ESHUTDOWN:
	case ENOTCONN:
		return UBLK_DEVICE_OFFLINE;
	default:
		return UBLK_IO_ERROR;
	}
}

static const char *const texts[] = {
	[UBLK_OK] = "ok",
	[UBLK_NOT_IMPLEMENTED] = "not implemented",
	[UBLK_DEVICE_NOT_FOUND] = "device not found",
	[UBLK_DEVICE_BUSY] = "device busy",
	[UBLK_INVALID_PARAMETERS] = "invalid parameters",
	[UBLK_KERNEL_NOT_SUPPORTED] = "kernel does not support it",
	[UBLK_PERMISSION_DENIED] = "permission denied",
	[UBLK_INSUFFICIENT_MEMORY] = "insufficient memory",
	[UBLK_IO_ERROR] = "I/O error",
	[UBLK_TIMEOUT] = "timeout",
	[UBLK_DEVICE_OFFLINE] = "device offline",
};
_Static_assert(ARRAY_SIZE(texts) == UBLK_NR_CODES, "a text for each code");

const char *ublk_code_text(enum ublk_code code)
{
	return (unsigned int)code < ARRAY_SIZE(texts) ? texts[code] : "unknown";
}

bool ublk_error_is(const struct ublk_error *error, enum ublk_code code)
{
	return error && error->code == code;
}

bool ublk_error_is_errno(const struct ublk_error *error, int err)
{
	return error && error->err == (err < 0 ? err : -err);
}

int ublk_error_set(struct ublk_error *error, const char *step, s32 dev_id, int err,
		   const char *fmt, ...)
{
	va_list args;

	if (!error)
		return err;
	*error = (struct ublk_error){
		.step = step,
		.dev_id = dev_id,
		.queue = UBLK_NO_QUEUE,
		.code = ublk_code_of(err),
		.err = err,
	};
	va_start(args, fmt);
	diag_vset(&error->why, err, fmt, args);
	va_end(args);
	return err;
}
