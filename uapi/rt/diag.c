/* SPDX-License-Identifier: MIT */
/* One line that says why, and the errnos' names and texts. */
#include <asm/errno.h>

#include "uapi/rt/diag.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"

/* The kernel's own, for drivers that let it out: EOPNOTSUPP of include/linux/errno.h */
#define ENOTSUPP_NR 524

/* Texts as glibc has them; what block devices, io_uring, ublk and dm can give. */
#define ERR_TABLE(X)                                                                               \
	X(EPERM, "Operation not permitted")                                                        \
	X(ENOENT, "No such file or directory")                                                     \
	X(ESRCH, "No such process")                                                                \
	X(EINTR, "Interrupted system call")                                                        \
	X(EIO, "Input/output error")                                                               \
	X(ENXIO, "No such device or address")                                                      \
	X(E2BIG, "Argument list too long")                                                         \
	X(ENOEXEC, "Exec format error")                                                            \
	X(EBADF, "Bad file descriptor")                                                            \
	X(ECHILD, "No child processes")                                                            \
	X(EAGAIN, "Resource temporarily unavailable")                                              \
	X(ENOMEM, "Cannot allocate memory")                                                        \
	X(EACCES, "Permission denied")                                                             \
	X(EFAULT, "Bad address")                                                                   \
	X(ENOTBLK, "Block device required")                                                        \
	X(EBUSY, "Device or resource busy")                                                        \
	X(EEXIST, "File exists")                                                                   \
	X(EXDEV, "Invalid cross-device link")                                                      \
	X(ENODEV, "No such device")                                                                \
	X(ENOTDIR, "Not a directory")                                                              \
	X(EISDIR, "Is a directory")                                                                \
	X(EINVAL, "Invalid argument")                                                              \
	X(ENFILE, "Too many open files in system")                                                 \
	X(EMFILE, "Too many open files")                                                           \
	X(ENOTTY, "Inappropriate ioctl for device")                                                \
	X(ETXTBSY, "Text file busy")                                                               \
	X(EFBIG, "File too large")                                                                 \
	X(ENOSPC, "No space left on device")                                                       \
	X(ESPIPE, "Illegal seek")                                                                  \
	X(EROFS, "Read-only file system")                                                          \
	X(EMLINK, "Too many links")                                                                \
	X(EPIPE, "Broken pipe")                                                                    \
	X(EDOM, "Numerical argument out of domain")                                                \
	X(ERANGE, "Numerical result out of range")                                                 \
	X(EDEADLK, "Resource deadlock avoided")                                                    \
	X(ENAMETOOLONG, "File name too long")                                                      \
	X(ENOSYS, "Function not implemented")                                                      \
	X(ENOTEMPTY, "Directory not empty")                                                        \
	X(ELOOP, "Too many levels of symbolic links")                                              \
	X(ENODATA, "No data available")                                                            \
	X(ETIME, "Timer expired")                                                                  \
	X(ENOLINK, "Link has been severed")                                                        \
	X(EPROTO, "Protocol error")                                                                \
	X(EBADMSG, "Bad message")                                                                  \
	X(EOVERFLOW, "Value too large for defined data type")                                      \
	X(EBADFD, "File descriptor in bad state")                                                  \
	X(EILSEQ, "Invalid or incomplete multibyte or wide character")                             \
	X(ENOTSOCK, "Socket operation on non-socket")                                              \
	X(EMSGSIZE, "Message too long")                                                            \
	X(EPROTONOSUPPORT, "Protocol not supported")                                               \
	X(EOPNOTSUPP, "Operation not supported")                                                   \
	X(EADDRINUSE, "Address already in use")                                                    \
	X(ENETDOWN, "Network is down")                                                             \
	X(ECONNRESET, "Connection reset by peer")                                                  \
	X(ENOBUFS, "No buffer space available")                                                    \
	X(ENOTCONN, "Transport endpoint is not connected")                                         \
	X(ETIMEDOUT, "Timed out")                                                                  \
	X(ECONNREFUSED, "Connection refused")                                                      \
	X(EALREADY, "Operation already in progress")                                               \
	X(EINPROGRESS, "Operation now in progress")                                                \
	X(ESTALE, "Stale file handle")                                                             \
	X(EUCLEAN, "Structure needs cleaning")                                                     \
	X(EREMOTEIO, "Remote I/O error")                                                           \
	X(EDQUOT, "Disk quota exceeded")                                                           \
	X(ENOMEDIUM, "No medium found")                                                            \
	X(EMEDIUMTYPE, "Wrong medium type")                                                        \
	X(ECANCELED, "Operation canceled")                                                         \
	X(ENOKEY, "Required key not available")                                                    \
	X(EKEYEXPIRED, "Key has expired")                                                          \
	X(EKEYREVOKED, "Key has been revoked")                                                     \
	X(EKEYREJECTED, "Key was rejected by service")                                             \
	X(EOWNERDEAD, "Owner died")                                                                \
	X(ENOTRECOVERABLE, "State not recoverable")                                                \
	X(EHWPOISON, "Memory page has hardware error")

/* Numbers, and the name and text of each in the same order: no pointers to relocate. */
#define ERR_NUMBER(name, text) name,
#define ERR_STRINGS(name, text) #name "\0" text "\0"

static const u8 err_numbers[] = { ERR_TABLE(ERR_NUMBER) };
static const char err_strings[] = ERR_TABLE(ERR_STRINGS);

static const char *skip_string(const char *s)
{
	return s + str_len(s) + 1;
}

/* The name, with the text behind it; NULL when it is not in the table. */
static const char *err_find(int err)
{
	const char *s = err_strings;

	for (size_t i = 0; i < ARRAY_SIZE(err_numbers); i++) {
		if (err == err_numbers[i] || err == -(int)err_numbers[i])
			return s;
		s = skip_string(skip_string(s));
	}
	return NULL;
}

const char *err_name(int err)
{
	const char *name = err_find(err);

	if (err == ENOTSUPP_NR || err == -ENOTSUPP_NR)
		return "ENOTSUPP";
	return name ? name : "E?";
}

const char *err_text(int err)
{
	const char *name = err_find(err);

	if (err == ENOTSUPP_NR || err == -ENOTSUPP_NR)
		return "Operation not supported by the driver";
	return name ? skip_string(name) : "unknown error";
}

static void mark_truncated(struct diag *why, size_t len)
{
	if (len >= sizeof(why->text))
		__builtin_memcpy(why->text + sizeof(why->text) - 4, "...", 4);
}

int diag_vset(struct diag *why, int err, const char *fmt, va_list args)
{
	if (why)
		mark_truncated(why, fmt_vprint(why->text, sizeof(why->text), fmt, args));
	return err;
}

int diag_set(struct diag *why, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	diag_vset(why, err, fmt, args);
	va_end(args);
	return err;
}

int diag_prepend(struct diag *why, int err, const char *fmt, ...)
{
	struct fmt_buf b;
	struct diag old;
	va_list args;

	if (!why)
		return err;
	memcpy(&old, why, sizeof(old));
	b = (struct fmt_buf){ .text = why->text, .size = sizeof(why->text) };
	va_start(args, fmt);
	fmt_vadd(&b, fmt, args);
	va_end(args);
	if (old.text[0])
		fmt_add(&b, ": %.*s", (int)sizeof(old.text), old.text);
	mark_truncated(why, b.len);
	return err;
}
