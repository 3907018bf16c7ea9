/* SPDX-License-Identifier: MIT */
/* Lists of CPUs. */
#include "tools/cpus.h"

#include <asm/errno.h>

#include "uapi/rt/mem.h"
#include "uapi/rt/parse.h"

int cpus_parse(const char *list, u64 *mask, u32 nr_words)
{
	memset(mask, 0, nr_words * sizeof(u64));
	for (;;) {
		u64 first;
		u64 last;
		int err = parse_number(list, &first, &list);

		last = first;
		if (!err && *list == '-')
			err = parse_number(list + 1, &last, &list);
		if (err || last < first || (*list && *list != ','))
			return -EINVAL;
		if (last >= nr_words * 64ULL)
			return -ERANGE;
		for (; first <= last; first++)
			mask[first / 64] |= 1ULL << (first % 64);
		if (!*list++)
			return 0;
	}
}
