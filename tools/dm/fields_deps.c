/* SPDX-License-Identifier: MIT */
/* Which devices a device uses, and which use it. */
#include <asm/errno.h>

#include "tools/dm/fields.h"
#include "tools/dm/sysname.h"
#include "uapi/rt/mem.h"

/* What is reserved for links; what is used of it is what costs */
#define MAX_LINKS (1U << 22)

/* struct link - @user uses @used */
struct link {
	u64 used;
	u64 user;
};

enum deps_field {
	DEPS_COUNT,
	DEPS_NAMES,
	DEPS_DEVNOS,
	DEPS_BLKDEVS,
	DEPS_USERS,
	DEPS_USER_NAMES,
	DEPS_USER_DEVNOS,
};

/* All devices' dependencies, once. A device that is gone by now has none. */
static void ask_links(struct dm_fields *f)
{
	struct dm_reply deps = { .io = NULL };
	struct dm_name dev;
	struct link *link;
	u32 pos = 0;

	if (f->links.addr || dm_list(f->t->control_fd, NULL, NULL, 0, &f->list) ||
	    pages_map(&f->links, MAX_LINKS * sizeof(*link)))
		return;
	link = f->links.addr;
	while (dm_next_name(&f->list, &pos, &dev) > 0) {
		u32 dep_pos = 0;

		if (dm_deps(f->t->control_fd, dm_by_dev(dev.dev), 0, &deps))
			continue;
		for (; f->nr_links < MAX_LINKS && dm_next_dep(&deps, &dep_pos, &link->used) > 0;
		     f->nr_links++)
			link++->user = dev.dev;
	}
	dm_reply_free(&deps);
}

/* One item of a list: as a name, which only our own devices have, or below /sys, or a number */
static void add_item(struct dm_fields *f, struct report_value *v, enum deps_field how, u64 number)
{
	char text[DM_UUID_LEN];
	char sysname[DM_SYSNAME_BYTES];
	const char *shown = NULL;
	struct dm_name dev;
	u32 pos = 0;

	if (how == DEPS_NAMES || how == DEPS_USER_NAMES) {
		while (dm_next_name(&f->list, &pos, &dev) > 0)
			if (dev.dev == number)
				shown = dm_tool_name_out(f->t, text, dev.name);
	} else if (how == DEPS_BLKDEVS && dm_sysname(number, DM_NAMING_BLKDEVNAME, sysname)) {
		shown = sysname;
	} else {
		shown = dm_dev_text(sysname, number);
	}
	if (shown)
		fmt_add(v->text, "%s%s", v->text->len ? "," : "", shown);
}

void dm_deps_get(void *arg, u32 field, struct report_value *v)
{
	const struct dm_row *row = arg;
	struct dm_fields *f = row->fields;
	bool is_user = field >= DEPS_USERS;
	u32 nr = 0;

	ask_links(f);
	for (u32 i = 0; i < f->nr_links; i++) {
		const struct link *link = (const struct link *)f->links.addr + i;

		if ((is_user ? link->used : link->user) != row->info.dev)
			continue;
		nr++;
		if (field != DEPS_COUNT && field != DEPS_USERS)
			add_item(f, v, (enum deps_field)field, is_user ? link->user : link->used);
	}
	if (field == DEPS_COUNT || field == DEPS_USERS)
		report_number(v, nr);
}

const char dm_deps_fields[] =
	REPORT_SECTION("deps_all", "Devices below and above")
	REPORT_FIELD(REPORT_NUMBER, "\5", "device_count", "#Devs", "how many devices it uses")
	REPORT_FIELD(REPORT_LIST, "\20", "devs_used", "DevNamesUsed", "names of mapped devices it uses")
	REPORT_FIELD(REPORT_LIST, "\20", "devnos_used", "DevNosUsed", "numbers of the devices it uses")
	REPORT_FIELD(REPORT_LIST, "\20", "blkdevs_used", "BlkDevNamesUsed", "names below /sys/block")
	REPORT_FIELD(REPORT_NUMBER, "\5", "device_ref_count", "#Refs", "how many mapped devices use it")
	REPORT_FIELD(REPORT_LIST, "\10", "names_using_dev", "RefNames", "names of those")
	REPORT_FIELD(REPORT_LIST, "\11", "devnos_using_dev", "RefDevNos", "numbers of those");

