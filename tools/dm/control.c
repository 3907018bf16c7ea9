/* SPDX-License-Identifier: MIT */
/* The control node and the modules behind it. */
#include "tools/dm/control.h"

#include <asm/errno.h>

#include "dm/table.h"
#include "tools/host/module.h"
#include "uapi/rt/str.h"

/* Where udev is not running, the node comes with us, or never. Opening it has the kernel ask
 * modprobe for the module. */
static int open_made(void)
{
	int err = dm_control_make();

	return err ? err : dm_control_open();
}

int dm_control_ready(struct diag *why)
{
	int fd = open_made();

	*why->text = '\0';
	/* A driver that is built in has no module. */
	if ((fd == -ENODEV || fd == -ENXIO) && !host_module_load("drivers/md", "dm-mod", why))
		fd = open_made();
	return fd;
}

/*
 * What targets ask modprobe for beside their own module, made from words of their
 * parameters: the type, and what stands in front of the words.
 */
static const char helpers[] =
	"crypt\0crypto-\0" "verity\0crypto-\0" "integrity\0crypto-\0" "raid\0md-\0"
	"cache\0dm-cache-\0" "multipath\0dm-\0" "mirror\0dm-log-\0";

/* Keys and sums are words, too, but longer than any name. */
#define WORD_BYTES 24

/* An algorithm's dashes part names of modules. */
static bool is_word_char(char c, bool is_crypto)
{
	c = str_lower(c);
	return (c >= 'a' && c <= 'z') || str_is_digit(c) || c == '_' || (c == '-' && !is_crypto);
}

static void load_helpers(const char *prefix, const char *params)
{
	while (*params) {
		char name[2 * WORD_BYTES];
		size_t len = 0;

		while (is_word_char(params[len], *prefix == 'c'))
			len++;
		if (len && len < WORD_BYTES && !str_is_digit(*params)) {
			fmt_print(name, sizeof(name), "%s%.*s", prefix, (int)len, params);
			host_module_try(name);
		}
		params += len ? len : 1;
	}
}

static void load_type(const struct dm_tool *t, const char *type)
{
	char name[DM_MAX_TYPE_NAME + 4];
	struct dm_version have;
	struct diag why;

	if (dm_target_version(t->control_fd, type, &have) == 0)
		return;
	fmt_print(name, sizeof(name), "dm-%s", type);
	if (host_module_load("drivers/md", name, &why))
		cmd_say(t->r, "target type %s: %s", type, why.text);
}

void dm_control_load_type(const struct dm_tool *t, const char *type)
{
	if (!host_has_modprobe())
		load_type(t, type);
}

void dm_control_load_types(const struct dm_tool *t, const struct dm_table *table)
{
	struct dm_target line;
	u32 pos = 0;

	if (host_has_modprobe())
		return;
	while (dm_table_next(table, &pos, &line) > 0) {
		load_type(t, line.type);
		for (const char *type = helpers; *type;) {
			const char *prefix = type + str_len(type) + 1;

			if (str_eq(type, line.type))
				load_helpers(prefix, line.params);
			type = prefix + str_len(prefix) + 1;
		}
	}
}
