/* SPDX-License-Identifier: MIT */
/* A directory in /tmp for one case, gone after it with the files and empty directories in it. */
#ifndef SELFTESTS_USE_DIR_H
#define SELFTESTS_USE_DIR_H

#include "selftests/harness/harness.h"

struct use_dir {
	char path[64];
};

/* for a case's .fixture */
extern const struct test_fixture use_dir_fixture;

/** use_dir_fd() - a descriptor of it, the same at each call */
int use_dir_fd(void);

/** use_dir_path() - the path of a name in it, in the caller's buffer */
const char *use_dir_path(char buf[128], const char *name);

/** use_dir_mount() - a tmpfs on a name in it ("": on itself), for this process and its
 * children, with which it goes; skips the case where that is not allowed */
void use_dir_mount(const char *name, const char *options);

#endif
