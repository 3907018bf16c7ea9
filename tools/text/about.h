/* SPDX-License-Identifier: MIT */
/* Numbers for an eye: at most four digits and a unit. No state; any thread. */
#ifndef TOOLS_TEXT_ABOUT_H
#define TOOLS_TEXT_ABOUT_H

#include "uapi/rt/fmt.h"
#include "uapi/types.h"

/* about_bytes() - "4096", "12.5M"; returns text */
const char *about_bytes(char text[FMT_SIZE_MAX], u64 bytes);

/* about_ns() - a time: "870ns", "12.5us"; returns text */
const char *about_ns(char text[FMT_SIZE_MAX], u64 ns);

/* about_share() - n * factor / of, 0 of nothing: numbers that are too large lose digits of both */
u64 about_share(u64 n, u64 factor, u64 of);

#endif
