/* SPDX-License-Identifier: MIT */
/* What a device is called, and how it is. */
#include "tools/dm/fields.h"

#include "tools/dm/stats_fields.h"
#include "tools/dm/sysname.h"
#include "uapi/rt/mem.h"

/* Name and uuid as the user sees them, as the kernel has them, and as they were meant */
static void get_name(void *arg, u32 field, struct report_value *v)
{
	const struct dm_row *row = arg;
	const struct dm_tool *t = row->fields->t;
	const char *text = field < 3 ? row->info.name : row->info.uuid;
	char name[DM_UUID_LEN];
	u64 sectors = 0;

	if (field == 6) {
		/* dmsetup has 0 where it is not known */
		if (dm_sys_readahead(row->info.dev, &sectors) || !t->o->json)
			report_number(v, sectors);
		return;
	}
	if (field % 3 == 0)
		text = dm_tool_name_out(t, name, text);
	if (field % 3 == 2) {
		(void)dm_unmangle(name, sizeof(name), text);
		text = name;
	}
	fmt_add(v->text, "%s", text);
}

enum info_field {
	INFO_BLKDEVNAME,
	INFO_ATTR,
	INFO_TABLES,
	INFO_SUSPENDED,
	INFO_READONLY,
	INFO_DEVNO,
	INFO_MAJOR,
	INFO_MINOR,
	INFO_OPEN,
	INFO_SEGMENTS,
	INFO_EVENTS,
};

static void get_info(void *arg, u32 field, struct report_value *v)
{
	static const char tables[4][9] = { "None", "Live", "Inactive", "Both" };
	const struct dm_row *row = arg;
	const struct dm_info *info = &row->info;
	u32 flags = info->flags;
	u32 is_live = flags & DM_ACTIVE_PRESENT_FLAG ? 1 : 0;
	u32 is_inactive = flags & DM_INACTIVE_PRESENT_FLAG ? 1 : 0;
	char name[DM_SYSNAME_BYTES];
	const char *text = NULL;
	u32 number = 0;

	switch ((enum info_field)field) {
	case INFO_BLKDEVNAME:
		(void)dm_sysname(info->dev, DM_NAMING_BLKDEVNAME, name);
		text = name;
		break;
	case INFO_ATTR:
		fmt_print(name, sizeof(name), "%c%c%c%c", "-L"[is_live], "-I"[is_inactive],
			  flags & DM_SUSPEND_FLAG ? 's' : '-',
			  flags & DM_READONLY_FLAG ? 'r' : 'w');
		text = name;
		break;
	case INFO_TABLES:
		text = tables[is_live + 2 * is_inactive];
		break;
	case INFO_SUSPENDED:
		text = flags & DM_SUSPEND_FLAG ? "Suspended" : "Active";
		break;
	case INFO_READONLY:
		text = flags & DM_READONLY_FLAG ? "Read-only" : "Writeable";
		break;
	case INFO_DEVNO:
		text = dm_dev_text(name, info->dev);
		break;
	case INFO_MAJOR:
		number = dm_dev_major(info->dev);
		break;
	case INFO_MINOR:
		number = dm_dev_minor(info->dev);
		break;
	case INFO_OPEN:
		number = (u32)info->open_count;
		break;
	case INFO_SEGMENTS:
		number = info->nr_targets;
		break;
	case INFO_EVENTS:
		number = info->event_nr;
		break;
	}
	if (text)
		fmt_add(v->text, "%s", text);
	else
		report_number(v, number);
}

static const char name_fields[] =
	REPORT_SECTION("name_all", "Names")
	REPORT_FIELD(REPORT_TEXT, "\20", "name", "Name", "what the device is called")
	REPORT_FIELD(REPORT_TEXT, "\20", "mangled_name", "MangledName", "as the kernel has it")
	REPORT_FIELD(REPORT_TEXT, "\20", "unmangled_name", "UnmangledName", "without \\xNN")
	REPORT_FIELD(REPORT_TEXT, "\40", "uuid", "UUID", "its uuid, if it has one")
	REPORT_FIELD(REPORT_TEXT, "\40", "mangled_uuid", "MangledUUID", "as the kernel has it")
	REPORT_FIELD(REPORT_TEXT, "\40", "unmangled_uuid", "UnmangledUUID", "without \\xNN")
	REPORT_FIELD(REPORT_NUMBER, "\6", "read_ahead", "RAhead", "sectors read in advance");

static const char info_fields[] =
	REPORT_SECTION("info_all", "State")
	REPORT_FIELD(REPORT_TEXT, "\20", "blkdevname", "BlkDevName", "as below /sys/block")
	REPORT_FIELD(REPORT_TEXT, "\4", "attr", "Stat", "(L)ive, (I)nactive, (s)uspended, (r) or (w)")
	REPORT_FIELD(REPORT_TEXT, "\6", "tables_loaded", "Tables", "None, Live, Inactive or Both")
	REPORT_FIELD(REPORT_TEXT, "\11", "suspended", "Suspended", "Suspended or Active")
	REPORT_FIELD(REPORT_TEXT, "\11", "readonly", "Read-only", "Read-only or Writeable")
	REPORT_FIELD(REPORT_TEXT, "\5", "devno", "DevNo", "MAJOR:MINOR")
	REPORT_FIELD(REPORT_NUMBER, "\3", "major", "Maj", "major number")
	REPORT_FIELD(REPORT_NUMBER, "\3", "minor", "Min", "minor number")
	REPORT_FIELD(REPORT_NUMBER, "\4", "open", "Open", "how many have it open")
	REPORT_FIELD(REPORT_NUMBER, "\4", "segments", "Targ", "targets of its table")
	REPORT_FIELD(REPORT_NUMBER, "\6", "events", "Event", "number of its last event");

const struct report_section dm_sections[DM_NR_SECTIONS] = {
	[DM_SECTION_NAME] = { name_fields, get_name },
	[DM_SECTION_INFO] = { info_fields, get_info },
	[DM_SECTION_DEPS] = { dm_deps_fields, dm_deps_get },
	[DM_SECTION_SPLITNAME] = { dm_splitname_fields, dm_splitname_get },
	[DM_SECTION_STATS] = { dm_stats_count_fields, dm_stats_count_get },
	[DM_SECTION_REGION] = { dm_stats_region_fields, dm_stats_region_get },
	[DM_SECTION_GROUP] = { dm_stats_group_fields, dm_stats_group_get },
};
