/* SPDX-License-Identifier: MIT */
/* Devices as arguments and as a list. */
#include "tools/ublk_ids.h"

#include "tools/host/dir.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"

int ublk_id_parse(const char *text, u32 *id)
{
	const char *rest = str_starts(text, "/dev/");

	text = rest ? rest : text;
	rest = str_starts(text, "ublkb");
	return parse_u32(rest ? rest : text, id);
}

static void insert_sorted(u32 *ids, int nr, u32 id)
{
	for (; nr > 0 && ids[nr - 1] > id; nr--)
		ids[nr] = ids[nr - 1];
	ids[nr] = id;
}

int ublk_ids_all(u32 *ids)
{
	struct host_dir dir;
	const char *name;
	int nr = 0;
	u32 id;

	if (host_dir_open(&dir, "/sys/class/ublk-char") < 0)
		return dir.fd;
	while ((name = host_dir_next(&dir)) != NULL) {
		const char *number = str_starts(name, "ublkc");

		if (number && nr < UBLK_IDS_MAX && !parse_u32(number, &id))
			insert_sorted(ids, nr++, id);
	}
	return dir.len < 0 ? (int)dir.len : nr;
}
