/* SPDX-License-Identifier: MIT */
/* See tools/text/disk.h. Source: block/partitions/efi.h and msdos.c, Linux 7.3 */
#include "tools/text/disk.h"

#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"

#define GPT_MAGIC 0x5452415020494645ULL /* "EFI PART" */
#define MBR_ID 440
#define MBR_MAGIC 510

struct gpt {
	u64 magic;
	u8 ignored[64];
	u64 table_sector;
	u32 nr;
	u32 entry_bytes;
};

struct gpt_entry {
	u8 type[16];
	u32 uuid_low;
	u16 uuid_mid;
	u16 uuid_high;
	u8 uuid_rest[8]; /* the highest byte first */
};

static bool gpt_partuuid(const u8 *disk, u64 at, char uuid[37])
{
	struct gpt_entry e;
	u64 rest = 0;

	if (at > DISK_BYTES - sizeof(e))
		return false;
	memcpy(&e, disk + at, sizeof(e));
	for (u32 i = 0; i < sizeof(e.uuid_rest); i++) /* no bswap: that is a call on riscv64 */
		rest = rest << 8 | e.uuid_rest[i];
	fmt_print(uuid, 37, "%08x-%04x-%04x-%04x-%012llx", e.uuid_low, e.uuid_mid, e.uuid_high,
		  (u32)(rest >> 48), rest & 0xffffffffffff);
	return true;
}

bool disk_partuuid(const u8 *disk, u32 nr, char uuid[37])
{
	u32 id;

	/* A sector's size is told by where the table begins. */
	for (u32 sector = 512; sector <= 4096; sector *= 2) {
		const struct gpt *h = (const void *)(disk + sector);

		if (h->magic == GPT_MAGIC)
			return gpt_partuuid(disk, h->table_sector * sector +
						  (nr - 1) * (u64)h->entry_bytes, uuid);
	}
	if (disk[MBR_MAGIC] != 0x55 || disk[MBR_MAGIC + 1] != 0xaa)
		return false;
	memcpy(&id, disk + MBR_ID, sizeof(id));
	fmt_print(uuid, 37, "%08x-%02x", id, nr);
	return true;
}
