/* SPDX-License-Identifier: MIT */
/* What targets there are and how they are written, from their table. */
#ifndef TOOLS_TARGETS_H
#define TOOLS_TARGETS_H

#include "uapi/rt/fmt.h"

/* target_help_all() - a line per target, and how specs are written */
void target_help_all(struct fmt_buf *out);

/* target_help_one() - everything about one; false: there is none of that name */
bool target_help_one(struct fmt_buf *out, const char *name);

#endif
