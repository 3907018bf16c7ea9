/* SPDX-License-Identifier: MIT */
/* Why a command of the device mapper failed. */
#include "tools/text/dm_reason.h"

#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"

#define LEVEL_WARNING 4 /* KERN_WARNING; the facility stands above the three bits */

/* "254:0: zero: ...": what is behind the number, or NULL when there is none in front */
static const char *skip_number(const char *text)
{
	u64 nr;

	if (parse_number(text, &nr, &text) || *text++ != ':' || parse_number(text, &nr, &text))
		return NULL;
	return str_starts(text, ": ");
}

void dm_reason_add(struct fmt_buf *out, const char *record, const char *device)
{
	const char *text = str_chr(record, ';');
	const char *number;
	const char *rest;
	u64 level;
	size_t len = 0;

	text = text ? str_starts(text + 1, "device-mapper: ") : NULL;
	if (!text || parse_number(record, &level, &rest) || (level & 7) > LEVEL_WARNING ||
	    str_starts(text, "ioctl: error adding target")) /* which follows, and says no more */
		return;
	number = str_find(text, ": ");
	rest = number ? skip_number(number + 2) : NULL;
	if (rest) {
		const char *mine = device ? str_starts(number + 2, device) : NULL;

		if (device && (!mine || *mine != ':'))
			return;
		text = rest;
	}
	while (text[len] && text[len] != '\n')
		len++;
	while (len && (text[len - 1] == ' ' || text[len - 1] == '.'))
		len--;
	if (len && out->len)
		fmt_add(out, "; ");
	fmt_add_bytes(out, text, len);
}
