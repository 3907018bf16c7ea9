/* SPDX-License-Identifier: MIT */
/*
 * What targets of the device mapper say of themselves, taken apart by a
 * pattern for each target type. The man page lists the fields.
 */
#ifndef TOOLS_TEXT_DM_STATUS_H
#define TOOLS_TEXT_DM_STATUS_H

#include "tools/text/json.h"

/**
 * dm_status_json() - an object of what a line says
 * @key:      of the object; nothing is written for a type without a pattern
 * @type:     of the target
 * @text:     as the kernel has it; ends where it ends, whatever the pattern goes on to
 */
void dm_status_json(struct json *j, const char *key, const char *type, const char *text);

/**
 * dm_status_mask_keys() - write zeros over keys in the parameters of a target
 *
 * The key of crypt, unless it is a reference to a keyring, and keys of the hashes
 * of integrity.
 */
void dm_status_mask_keys(const char *type, char *params);

#endif
