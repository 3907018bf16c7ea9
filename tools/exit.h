/* SPDX-License-Identifier: MIT */
/* Exit codes: documented in bareblk(8), so none changes its meaning. */
#ifndef TOOLS_EXIT_H
#define TOOLS_EXIT_H

#include "ublk/error.h"

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILURE = 1,     /* the kernel refused, an I/O error, anything not below */
	EXIT_USAGE = 2,	      /* wrong options, target spec, size or number */
	EXIT_PERMISSION = 3,  /* not root, or io_uring is switched off for us */
	EXIT_UNSUPPORTED = 4, /* no driver, no io_uring, or a kernel too old */
	EXIT_NOT_FOUND = 5,   /* no such device */
	EXIT_BUSY = 6,	      /* the id is taken, or the device in use */
	EXIT_TIMEOUT = 7,     /* a deadline passed */
	EXIT_MEMORY = 8,      /* out of memory or of files */
};

static inline enum exit_code exit_code_of(enum ublk_code code)
{
	switch (code) {
	case UBLK_OK:
		return EXIT_OK;
	case UBLK_NOT_IMPLEMENTED:
	case UBLK_KERNEL_NOT_SUPPORTED:
		return EXIT_UNSUPPORTED;
	case UBLK_DEVICE_NOT_FOUND:
		return EXIT_NOT_FOUND;
	case UBLK_DEVICE_BUSY:
		return EXIT_BUSY;
	case UBLK_INVALID_PARAMETERS:
		return EXIT_USAGE;
	case UBLK_PERMISSION_DENIED:
		return EXIT_PERMISSION;
	case UBLK_INSUFFICIENT_MEMORY:
		return EXIT_MEMORY;
	case UBLK_TIMEOUT:
		return EXIT_TIMEOUT;
	case UBLK_IO_ERROR:
	case UBLK_DEVICE_OFFLINE:
	case UBLK_NR_CODES:
		break;
	}
	return EXIT_FAILURE;
}

#endif
