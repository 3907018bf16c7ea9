/* SPDX-License-Identifier: MIT */
/*
 * bareblk dm boot: the devices of dm-mod.create= on the kernel's command line,
 * all of them or none, on kernels that do not make them by themselves.
 */
#include <asm/errno.h>

#include "tools/dm/concise.h"
#include "tools/host/file.h"
#include "tools/host/find.h"
#include "tools/host/uevent.h"
#include "tools/host/wait.h"
#include "tools/text/decl.h"
#include "tools/text/json.h"
#include "tools/text/kcmdline.h"
#include "tools/text/modules.h"
#include "uapi/rt/str.h"

#define DEFAULT_TIMEOUT_NS 30000000000ULL

/**
 * struct boot - one call
 * @many:    the devices
 * @code:    of the first failure
 * @who:     for messages: what waits for a device
 * @is_late: devices of the line are there, as far as it has come
 * @create, @waitfor: values in @text, the command line; or NULL
 */
struct boot {
	struct dm_tool t;
	enum exit_code code;
	bool is_late;
	int uevent_fd;
	const char *who;
	char *create;
	char *waitfor;
	struct host_waiting wait;
	struct dm_many many;
	struct pages text;
};

/* --- what is asked for ------------------------------------------------------------ */

static int load_text(struct boot *b, const char *from)
{
	size_t size = str_len(from) + 1;
	int err;

	if (*from == '/' || *from == '.')
		return (int)host_file_load(from, &b->text);
	err = pages_map(&b->text, size);
	if (!err)
		(void)!str_copy(b->text.addr, size, from);
	return err;
}

/* As with any parameter of the kernel's, the last one counts. */
static void read_cmdline(struct boot *b)
{
	char *at = b->text.addr;
	char *name;
	char *value;

	while (kcmdline_next(&at, &name, &value)) {
		const char *word = value ? modules_behind(name, "dm_mod.") : NULL;

		if (word && str_eq(word, "create"))
			b->create = value;
		if (word && str_eq(word, "waitfor"))
			b->waitfor = value;
	}
}

static void parse(struct boot *b)
{
	const char *from = b->t.o->cmdline ? b->t.o->cmdline : "/proc/cmdline";
	int err = load_text(b, from);

	if (err < 0) {
		b->code = cmd_fail(b->t.r, EXIT_FAILURE, err, "reading %s", from);
		return;
	}
	read_cmdline(b);
	if (b->create)
		b->code = dm_many_parse(&b->many, b->create);
	else if (!b->waitfor)
		cmd_say(b->t.r, "no dm-mod.create=: nothing to do");
}

/* --- what they stand on ------------------------------------------------------------- */

/* A device of the line, by its node's name */
static const struct dm_slot *ours(const struct boot *b, const char *spec)
{
	const char *name = str_starts(spec, "/dev/mapper/");

	for (u32 i = 0; name && i < b->many.nr; i++)
		if (str_eq(b->many.slots[i].want.name, name))
			return &b->many.slots[i];
	return NULL;
}

static int wait_for(struct boot *b, const char *spec, u64 *dev, struct diag *why)
{
	int err = host_find(spec, dev, why);

	while (err == -ENOENT && !b->t.o->dry_run) {
		err = host_wait_turn(&b->wait, b->uevent_fd);
		if (err && err != -EPIPE)
			return err;
		host_uevent_drain(b->uevent_fd);
		err = host_find(spec, dev, why);
	}
	return err;
}

/* False: it is no device's name, or nothing has that name now */
static bool find(void *arg, const char *spec, u64 *dev)
{
	struct boot *b = arg;
	const struct dm_slot *slot = ours(b, spec);
	enum exit_code code = EXIT_USAGE;
	struct diag why;
	const char *what = why.text;
	int err;

	if (b->code || (!b->is_late && (slot || str_starts(spec, "/dev/dm-"))))
		return false;
	if (slot && slot->build.info.dev) {
		*dev = slot->build.info.dev;
		return true;
	}
	err = wait_for(b, spec, dev, &why);
	if (!err || err == -ENOENT || err == -EINVAL)
		return !err;
	if (err == -ETIME) {
		code = EXIT_TIMEOUT;
		what = "has not appeared in time";
	} else if (err == -EINTR) {
		code = EXIT_FAILURE;
		what = "has not appeared, and a signal ended the wait";
	}
	b->code = cmd_fail(b->t.r, code, 0, "%s: %s %s", b->who, spec, what);
	return false;
}

static void wait_for_list(struct boot *b)
{
	char *at = b->waitfor;
	u64 dev;

	b->who = "dm-mod.waitfor=";
	while (at && *at && !b->code) {
		const char *spec = at;

		while (*at && *at != ',')
			at++;
		if (*at)
			*at++ = '\0';
		if (*spec && !find(b, spec, &dev) && !b->code)
			b->code = cmd_usage(b->t.r, "%s: %s is neither in /dev nor "
					    "PARTUUID= or PARTLABEL=", b->who, spec);
	}
}

/* Puts numbers in place of names, early of those that are not of the line */
static void resolve(struct boot *b, struct dm_concise *want)
{
	struct dm_table to = { .used_bytes = 0 };
	int err;

	b->who = want->name;
	err = decl_resolve(&to, &want->table, find, b);
	dm_table_free(&want->table);
	want->table = to;
	if (err)
		b->code = cmd_fail(b->t.r, EXIT_MEMORY, err, "%s", want->name);
}

/* --- devices ------------------------------------------------------------------------- */

/* A kernel with CONFIG_DM_INIT has made it: left alone if it is what is asked for. */
static bool is_as_wanted(const struct boot *b, const struct dm_concise *want,
			 const struct dm_info *info)
{
	struct dm_reply r = { .io = NULL };
	int same = dm_table_status(b->t.control_fd, dm_by_dev(info->dev), DM_STATUS_TABLE_FLAG, &r);

	same = same ? same : dm_table_equal(&want->table, &r);
	dm_reply_free(&r);
	return same > 0 && str_eq(info->uuid, want->uuid) &&
	       (info->flags & DM_READONLY_FLAG) == want->flags;
}

static enum exit_code make_one(struct boot *b, struct dm_slot *slot)
{
	const struct dm_concise *want = &slot->want;
	struct dm_info *info = &slot->build.info;

	resolve(b, &slot->want);
	if (b->code)
		return b->code;
	if (dm_info_get(b->t.control_fd, dm_by_name(want->name), 0, info))
		return dm_build_one(&b->t, &slot->build, &b->many.nodes);
	if (!is_as_wanted(b, want, info))
		return cmd_fail(b->t.r, EXIT_BUSY, 0,
				"%s is there already, with another table, uuid or mode", want->name);
	dm_nodes_add(&b->many.nodes, info);
	return EXIT_OK;
}

static void make(struct boot *b)
{
	struct dm_many *m = &b->many;

	b->is_late = true;
	b->code = dm_nodes_begin(&m->nodes, &b->t);
	if (b->code)
		return;
	for (u32 i = 0; i < m->nr && !b->code; i++)
		b->code = make_one(b, &m->slots[i]);
	if (b->code)
		dm_many_undo(m);
	dm_nodes_end(&m->nodes);
}

/* Nothing is made, to be taken away again, before all disks are there. */
static void run(struct boot *b)
{
	const bool is_dry = b->t.o->dry_run;
	const u64 timeout_ns = b->t.o->timeout_ns;

	if (b->many.nr && !is_dry)
		b->code = dm_tool_open(&b->t, b->t.r);
	/* Before the first look, so that nothing comes between the two. */
	b->uevent_fd = host_uevent_open();
	host_wait_begin(&b->wait, timeout_ns == HOST_WAIT_NEVER ? DEFAULT_TIMEOUT_NS : timeout_ns);
	if (!is_dry)
		wait_for_list(b);
	for (u32 i = 0; i < b->many.nr && !b->code; i++)
		resolve(b, &b->many.slots[i].want);
	if (b->many.nr && !b->code && !is_dry)
		make(b);
}

/* --- what came of it -------------------------------------------------------------- */

static void print_text(struct fmt_buf *out, const struct dm_slot *slot, bool is_dry)
{
	const char *mode = slot->want.flags ? ", read-only" : "";
	const u64 dev = slot->build.info.dev;
	struct dm_target line;
	u32 pos = 0;

	if (!is_dry) {
		fmt_add(out, "%s (%u:%u): %s%s\n", slot->want.name, dm_dev_major(dev),
			dm_dev_minor(dev),
			slot->build.is_made ? "created" : "is there already", mode);
		return;
	}
	fmt_add(out, "%s: would be created%s\n", slot->want.name, mode);
	while (dm_table_next(&slot->want.table, &pos, &line) > 0) {
		fmt_add(out, "  ");
		dm_table_format(out, &line);
		fmt_add(out, "\n");
	}
}

static void print_json(struct json *j, const struct dm_slot *slot, bool is_dry)
{
	const u64 dev = slot->build.info.dev;

	json_add(j, "{name%s uuid%s state%s readonly%i", slot->want.name, slot->want.uuid,
		 is_dry				     ? "planned" :
		 slot->build.is_made ? "created" :
						     "existing", slot->want.flags != 0);
	if (!is_dry)
		json_add(j, "major%u minor%u", dm_dev_major(dev), dm_dev_minor(dev));
	json_add(j, "}");
}

static void print(const struct boot *b)
{
	const struct dm_options *o = b->t.o;
	struct json j = { .out = b->t.r->out };

	if (o->json)
		json_add(&j, "{devices[");
	for (u32 i = 0; i < b->many.nr; i++) {
		if (o->json)
			print_json(&j, &b->many.slots[i], o->dry_run);
		else
			print_text(j.out, &b->many.slots[i], o->dry_run);
	}
	if (o->json) {
		json_add(&j, "]}");
		fmt_add(j.out, "\n");
	}
}

static enum exit_code boot_run(const struct cmd_run *r)
{
	struct boot b = { .t = { .r = r, .o = r->values } };

	b.t.mangling = (enum dm_mangling)b.t.o->manglename;
	b.many.t = &b.t;
	parse(&b);
	if (!b.code)
		run(&b);
	if (!b.code)
		print(&b);
	dm_many_free(&b.many);
	pages_unmap(&b.text);
	return b.code;
}

const struct cmd cmd_dm_boot = {
	.text = CMD_TEXT("dm", "boot", "",
			 "make the devices of dm-mod.create= on the kernel's command line",
			 "All or none. Tables may have PARTUUID= and PARTLABEL= in them.\n"),
	DM_OPTIONS(DM_SETS(BOOT) | DM_SETS(TIMEOUT) | DM_SETS(DRY_RUN) | DM_SETS(JSON)),
	.run = boot_run,
};
