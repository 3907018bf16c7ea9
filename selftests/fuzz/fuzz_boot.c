/* SPDX-License-Identifier: MIT */
/* libFuzzer on what `bareblk dm boot` reads: a command line, the beginning of a disk
 * and depmod's lists, none of which may lead out of the memory at hand. */
#include "tools/text/disk.h"
#include "tools/text/kcmdline.h"
#include "tools/text/modules.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

static void require(bool truth)
{
	if (!truth)
		__builtin_trap();
}

static void cmdline(char *text, size_t len)
{
	char *at = text;
	char *name;
	char *value;

	while (kcmdline_next(&at, &name, &value)) {
		require(name >= text && name + str_len(name) <= text + len);
		require(!value || (value > name && value + str_len(value) <= text + len));
		require(at >= name && at <= text + len);
	}
}

static void disk(const u8 *data, size_t len)
{
	static _Alignas(u64) u8 bytes[DISK_BYTES];
	char uuid[37];

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, data, len);
	for (u32 nr = 0; nr < 200; nr++)
		if (disk_partuuid(bytes, nr, uuid))
			require(str_len(uuid) == 11 || str_len(uuid) == 36);
}

static void modules(const char *text, size_t len)
{
	const char *all = text;
	struct modules_text part;
	struct modules_text line;

	if (modules_dep_find(all, "a", &line))
		while (modules_dep_take(&line, &part))
			require(part.len && part.at >= text && part.at + part.len <= text + len);
	while (modules_alias_take(&all, "a-b", &part))
		require(part.len && part.at + part.len <= text + len);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	static char text[65536];

	if (!len || len > sizeof(text))
		return 0;
	memcpy(text, data + 1, len - 1);
	text[len - 1] = '\0';
	switch (data[0] % 3) {
	case 0:
		cmdline(text, len - 1);
		break;
	case 1:
		disk(data + 1, len - 1);
		break;
	case 2:
		modules(text, len - 1);
		break;
	}
	return 0;
}
