/* SPDX-License-Identifier: MIT */
/*
 * The kernel's command line, parted as the kernel parts it: blanks end a
 * parameter unless they stand between double quotes, which may begin anywhere;
 * the quotes around a whole parameter or a whole value are dropped, any others
 * stay. "--" ends it: what follows is for init.
 */
#ifndef TOOLS_TEXT_KCMDLINE_H
#define TOOLS_TEXT_KCMDLINE_H

#include "uapi/types.h"

/* kcmdline_next() - the parameter at *at, which is written to: cut off there.
 * value is NULL where there is no =; false at the end. */
bool kcmdline_next(char **at, char **name, char **value);

#endif
