/* SPDX-License-Identifier: MIT */
/* What the parts of a name are, where a subsystem has put it together. */
#include "tools/dm/fields.h"
#include "uapi/rt/str.h"

/* Part n of a logical volume's name: a "-" ends one, and "--" stands for a "-" in it. The
 * last character is one of the part whatever it is. */
static void add_part(struct fmt_buf *out, const char *name, u32 n)
{
	for (; *name; name++) {
		if (*name == '-' && name[1] && name[1] != '-') {
			if (!n--)
				return;
			continue;
		}
		name += *name == '-' && name[1];
		if (!n)
			fmt_add_bytes(out, name, 1);
	}
}

/* Who made it stands in front of its uuid. */
static size_t subsystem(const struct dm_row *row, const char **text)
{
	const char *dash;

	*text = row->subsystem;
	if (*text)
		return str_len(*text);
	*text = row->info.uuid;
	dash = str_chr(*text, '-');
	return dash ? (size_t)(dash - *text) : 0;
}

void dm_splitname_get(void *arg, u32 field, struct report_value *v)
{
	const struct dm_row *row = arg;
	const char *text;
	size_t len = subsystem(row, &text);
	char name[DM_UUID_LEN];

	if (field == 0) {
		fmt_add(v->text, "%.*s", (int)len, text);
		return;
	}
	if (len != 3 || !str_starts(text, "LVM"))
		return;
	if (row->name)
		add_part(v->text, row->name, field - 1);
	else
		add_part(v->text, dm_tool_name_out(row->fields->t, name, row->info.name),
			 field - 1);
}

const char dm_splitname_fields[] =
	REPORT_SECTION("splitname_all", "Parts of a name")
	REPORT_FIELD(REPORT_TEXT, "\6", "subsystem", "Subsys", "who made the device, by its uuid")
	REPORT_FIELD(REPORT_TEXT, "\4", "vg_name", "VG", "volume group")
	REPORT_FIELD(REPORT_TEXT, "\4", "lv_name", "LV", "logical volume")
	REPORT_FIELD(REPORT_TEXT, "\7", "lv_layer", "LVLayer", "layer of the logical volume");

