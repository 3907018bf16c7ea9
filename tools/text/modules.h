/* SPDX-License-Identifier: MIT */
/*
 * The lists of modules that depmod writes, as text: which module needs which,
 * and which one is meant by another name.
 */
#ifndef TOOLS_TEXT_MODULES_H
#define TOOLS_TEXT_MODULES_H

#include "uapi/types.h"

/* struct modules_text - a part of a text that is not terminated */
struct modules_text {
	const char *at;
	size_t len;
};

/* modules_behind() - what follows a name, of which - and _ are the same in modules and
 * their parameters; NULL: it is another */
const char *modules_behind(const char *text, const char *name);

/* modules_dep_find() - the line of a module in modules.dep; false: it has none */
bool modules_dep_find(const char *dep, const char *name, struct modules_text *line);

/* modules_dep_take() - the next file to load: first what others need, the module
 * itself at last. Shortens the line; false when it is empty. */
bool modules_dep_take(struct modules_text *line, struct modules_text *file);

/* modules_alias_take() - the next module in modules.alias that has this other name. Moves
 * on in the text; false when there is no more. */
bool modules_alias_take(const char **aliases, const char *name, struct modules_text *module);

#endif
