/* SPDX-License-Identifier: MIT */
/* See tools/dm/run.h. */
#include "tools/dm/run.h"

#include <asm/errno.h>

#include "dm/reply.h"
#include "tools/dm/control.h"
#include "tools/dm/show.h"
#include "tools/host/find.h"
#include "tools/host/holders.h"
#include "tools/host/kmsg.h"
#include "tools/text/dm_reason.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

static const struct {
	u8 err;
	u8 code;
} codes[] = {
	{ ENXIO, EXIT_NOT_FOUND },	{ EBUSY, EXIT_BUSY },
	{ EACCES, EXIT_PERMISSION },	{ EPERM, EXIT_PERMISSION },
	{ ENOTTY, EXIT_UNSUPPORTED },	{ EPROTONOSUPPORT, EXIT_UNSUPPORTED },
	{ ETIME, EXIT_TIMEOUT },	{ ENOMEM, EXIT_MEMORY },
	{ EMFILE, EXIT_MEMORY },	{ ENFILE, EXIT_MEMORY },
};

enum exit_code dm_exit_code(int err)
{
	if (!err)
		return EXIT_OK;
	for (u32 i = 0; i < ARRAY_SIZE(codes); i++)
		if (err == -codes[i].err)
			return (enum exit_code)codes[i].code;
	return EXIT_FAILURE;
}

static enum dm_mangling mangling(const struct cmd_run *r)
{
	const char *env = rt_env(r->start, "DM_DEFAULT_NAME_MANGLING_MODE");
	u32 how = dm_options(r)->manglename;

	if (how != DM_MANGLE_AUTO || !env)
		return (enum dm_mangling)how;
	return str_eq(env, "none") ? DM_MANGLE_NONE : str_eq(env, "hex") ? DM_MANGLE_HEX :
									   DM_MANGLE_AUTO;
}

enum exit_code dm_tool_open(struct dm_tool *t, const struct cmd_run *r)
{
	const char *dev_dir = rt_env(r->start, "DM_DEV_DIR");
	struct diag why;
	int fd;

	t->r = r;
	t->o = dm_options(r);
	t->dev_dir = dev_dir && *dev_dir ? dev_dir : "/dev";
	t->control_fd = -1;
	t->kmsg_fd = 0;
	t->mangling = mangling(r);
	if (t->o->is_dmsetup && (t->o->major < 0) != (t->o->minor < 0))
		return cmd_usage(r, "a major and a minor number are wanted, or neither");
	fd = dm_control_ready(&why);
	t->control_fd = fd;
	if (fd >= 0)
		return EXIT_OK;
	return cmd_fail(r, fd == -EACCES || fd == -EPERM ? EXIT_PERMISSION : EXIT_UNSUPPORTED, fd,
			"no device mapper: %s",
			*why.text ? why.text : "be root, and modprobe dm-mod (CONFIG_BLK_DEV_DM)");
}

bool dm_tool_is_mixed(const struct dm_tool *t, const char *text, bool once)
{
	char plain[DM_UUID_LEN];
	bool is_mixed = dm_unmangle(plain, sizeof(plain), text) != str_len(text) &&
			(!dm_is_mangled(text) || (once && str_find(text, "\\x5cx")));

	if (is_mixed)
		cmd_say(t->r, "%s is in part of the form \\xNN, or twice: "
			      "--manglename=none takes it as it is", text);
	return is_mixed;
}

enum exit_code dm_tool_name_in(const struct dm_tool *t, char *out, size_t size, const char *text)
{
	enum dm_mangling how = t->mangling;
	size_t len;

	if (how == DM_MANGLE_AUTO && dm_tool_is_mixed(t, text, true))
		return EXIT_USAGE;
	if (how == DM_MANGLE_NONE || (how == DM_MANGLE_AUTO && dm_is_mangled(text))) {
		(void)!str_copy(out, size, text);
		len = str_len(text);
	} else {
		len = dm_mangle(out, size, text);
	}
	if (len >= size)
		return cmd_fail(t->r, EXIT_USAGE, -ENAMETOOLONG,
				"%s is longer than the kernel takes", text);
	return EXIT_OK;
}

const char *dm_tool_name_out(const struct dm_tool *t, char out[DM_UUID_LEN], const char *text)
{
	if (t->mangling == DM_MANGLE_NONE)
		(void)!str_copy(out, DM_UUID_LEN, text);
	else
		(void)!dm_unmangle(out, DM_UUID_LEN, text);
	return out;
}

bool dm_tool_is_by_id(const struct dm_tool *t)
{
	return t->o->uuid || t->o->major >= 0 || t->o->minor >= 0;
}

/* /dev/mapper/NAME is the name */
static const char *name_of_path(const struct dm_tool *t, const char *path)
{
	const char *name = str_starts(path, t->dev_dir);

	name = name ? str_starts(name, "/" DM_DIR "/") : NULL;
	return name && *name && !str_chr(name, '/') ? name : NULL;
}

/* Any other path leads to a block device. */
static enum exit_code by_path(const struct dm_tool *t, const char *path, struct dm_which *w)
{
	enum exit_code code = EXIT_FAILURE;
	u64 dev = 0;
	int err = dm_node_find(path, &dev);

	w->id = dm_by_dev(dev);
	if (!err)
		return EXIT_OK;
	if (err == -ENOENT)
		code = EXIT_NOT_FOUND;
	if (err == -ENOTBLK)
		code = EXIT_USAGE;
	return cmd_fail(t->r, code, err, "%s: no block device", path);
}

static enum exit_code by_option(const struct dm_tool *t, struct dm_which *w)
{
	const struct dm_options *o = t->o;

	if (o->major < 0 || o->minor < 0)
		return cmd_usage(t->r, "a device is missing: NAME, -u UUID, or -j and -m");
	w->id = dm_by_dev(dm_dev((u32)o->major, (u32)o->minor));
	w->said = dm_dev_text(w->text, w->id.dev);
	return EXIT_OK;
}

enum exit_code dm_tool_which(const struct dm_tool *t, const char *word, struct dm_which *w)
{
	const char *name = word ? word : t->o->uuid;
	size_t size = word ? DM_NAME_LEN : DM_UUID_LEN;
	u64 dev;

	w->said = name;
	w->id = word ? dm_by_name(w->text) : dm_by_uuid(w->text);
	if (!name)
		return by_option(t, w);
	if (word && str_chr(word, '/')) {
		name = name_of_path(t, word);
		if (!name)
			return by_path(t, word, w);
	} else if (word && !t->o->is_dmsetup && host_find_number(word, &dev)) {
		/* No name that udev takes is a number. */
		w->id = dm_by_dev(dev);
		return EXIT_OK;
	}
	return dm_tool_name_in(t, w->text, size, name);
}

enum exit_code dm_tool_each_of(struct dm_tool *t, enum exit_code (*one)(struct dm_tool *t,
									const struct dm_which *w))
{
	const struct cmd_run *r = t->r;
	enum exit_code first = EXIT_OK;

	for (int i = r->argc ? 0 : -1; i < r->argc; i++) {
		struct dm_which w;
		enum exit_code code = dm_tool_which(t, i < 0 ? NULL : r->argv[i], &w);

		code = code ? code : one(t, &w);
		first = first ? first : code;
		if (code && t->o->is_dmsetup)
			break;
	}
	return first;
}

/* By name, as the list has it: a number may be another device's by now. */
enum exit_code dm_tool_all(struct dm_tool *t, enum exit_code (*one)(struct dm_tool *t,
								    const struct dm_which *w))
{
	struct dm_reply list = { .io = NULL };
	enum exit_code first = EXIT_OK;
	struct dm_which w;
	struct dm_name dev;
	u32 pos = 0;
	int more = dm_list(t->control_fd, NULL, NULL, 0, &list);

	while (more >= 0 && (more = dm_next_name(&list, &pos, &dev)) > 0) {
		enum exit_code code;

		w.id = dm_by_name(dev.name);
		w.said = dev.name;
		code = one(t, &w);
		first = first ? first : code;
	}
	dm_reply_free(&list);
	if (more < 0)
		return cmd_fail(t->r, dm_exit_code(more), more, "asking for all devices");
	return first;
}

enum exit_code dm_tool_tell(const struct dm_tool *t, const struct dm_info *info)
{
	struct dm_info shown = *info;

	if (t->o->verbose) {
		dm_show_plain(t, &shown);
		dm_show_info(t->r, &shown);
	}
	return EXIT_OK;
}

void dm_tool_listen(struct dm_tool *t)
{
	if (!t->kmsg_fd)
		t->kmsg_fd = host_kmsg_open();
}

/* What the kernel's log says since dm_tool_listen() of a device, 0 when it is not known */
static void add_reason(const struct dm_tool *t, struct fmt_buf *out, u64 dev)
{
	char device[DM_DEV_BYTES];
	char record[1024];

	dm_dev_text(device, dev);
	while (t->kmsg_fd > 0 && host_kmsg_next(t->kmsg_fd, record, sizeof(record)))
		dm_reason_add(out, record, dev ? device : NULL);
}

enum exit_code dm_tool_failed(const struct dm_tool *t, const struct dm_which *w, int err)
{
	struct dm_info info;
	char why[300] = "";
	struct fmt_buf out = { .text = why, .size = sizeof(why) };

	if (err == -ENXIO)
		return cmd_fail(t->r, EXIT_NOT_FOUND, 0, "%s: there is no such device", w->said);
	if (dm_info_get(t->control_fd, w->id, 0, &info))
		info.dev = w->id.kind == DM_ID_DEV ? w->id.dev : 0;
	add_reason(t, &out, info.dev);
	if (err == -EBUSY && !out.len)
		host_holders(&out, info.dev);
	return cmd_fail(t->r, dm_exit_code(err), err, "%s%s%s", w->said, out.len ? ": " : "", why);
}
