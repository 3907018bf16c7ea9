/* SPDX-License-Identifier: MIT */
/* bareblk ring probe: what this kernel's io_uring offers. */
#include <linux/fcntl.h>
#include <linux/resource.h>

#include "ring/names.h"
#include "ring/probe.h"
#include "tools/cmd.h"
#include "tools/host/file.h"
#include "tools/text/json.h"
#include "uapi/io_uring.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"
#include "ublk/ctrl.h"

#define COLUMNS 79

struct probe_values {
	bool json;
};

#define PROBE_OPTS(X)										\
	X(struct probe_values, json, OPT_TEXT("json", "", "an object"), .kind = OPT_FLAG)

/* The same in both forms, under the same names */
struct view {
	struct json j;
	bool json;
};

static void show_text(struct view *v, const char *key, const char *text)
{
	if (v->json)
		json_string(&v->j, key, text);
	else
		fmt_add(v->j.out, "%-18s %s\n", key, text);
}

static void show_number(struct view *v, const char *key, s64 value)
{
	if (v->json)
		json_s64(&v->j, key, value);
	else
		fmt_add(v->j.out, "%-18s %lld\n", key, (long long)value);
}

/* What a kernel before 6.6 does not have is left out. */
static void show_sysctl(struct view *v, const char *path)
{
	char text[32];
	s64 value;

	if (!parse_s64(host_file_line(text, sizeof(text), "%s", path), &value))
		show_number(v, str_rchr(path, '/') + 1, value);
}

#define BIT(nr) (1ULL << (nr))

/* Kinds of things that have numbers; of the first 64 it is said what our server
 * needs, and what more it uses where it is there: see ublk/ctrl.c,
 * ublk/worker.c and the paths. */
struct kind {
	char title[13];
	u8 nr_words;
	u8 offset_bytes; /* of the bits in struct ring_probe */
	const char *names;
	u64 needed;
	u64 used;
};

static const struct kind kinds[] = {
	{
		.title = "opcodes",
		.nr_words = 4,
		.offset_bytes = offsetof(struct ring_probe, ops),
		.names = ring_names_op,
		.needed = BIT(IORING_OP_NOP) | BIT(IORING_OP_POLL_ADD) | BIT(IORING_OP_URING_CMD),
		.used = BIT(IORING_OP_READ) | BIT(IORING_OP_WRITE) | BIT(IORING_OP_READ_FIXED) |
			BIT(IORING_OP_WRITE_FIXED) | BIT(IORING_OP_FUTEX_WAIT),
	},
	{
		.title = "setup_flags",
		.nr_words = 1,
		.offset_bytes = offsetof(struct ring_probe, setup_flags),
		.names = ring_names_setup,
		.needed = IORING_SETUP_SQE128 | IORING_SETUP_CQSIZE,
		.used = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN |
			IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			IORING_SETUP_NO_SQARRAY | IORING_SETUP_CLAMP,
	},
	{
		.title = "features",
		.nr_words = 1,
		.offset_bytes = offsetof(struct ring_probe, features),
		.names = ring_names_feat,
		.needed = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG,
		.used = IORING_FEAT_NO_IOWAIT,
	},
	{
		.title = "register_ops",
		.nr_words = 1,
		.offset_bytes = offsetof(struct ring_probe, register_ops),
		.names = ring_names_register,
		.needed = BIT(IORING_REGISTER_FILES2) | BIT(IORING_REGISTER_FILES_UPDATE),
		.used = BIT(IORING_REGISTER_RING_FDS) | BIT(IORING_UNREGISTER_RING_FDS) |
			BIT(IORING_REGISTER_BUFFERS2) | BIT(IORING_REGISTER_PBUF_RING) |
			BIT(IORING_UNREGISTER_PBUF_RING),
	},
};

/* A number with its marks */
struct thing {
	const char *name; /* NULL for what is neither known nor here */
	bool is_here;
	bool is_needed;
	bool is_used;
	char number[8]; /* the name of what a newer kernel has */
};

static void look_at(struct thing *t, const struct kind *k, const struct ring_probe *p, u32 nr)
{
	const u64 *have = (const u64 *)(const void *)((const char *)p + k->offset_bytes);

	t->name = ring_name_at(k->names, nr);
	t->is_here = have[nr / 64] >> nr % 64 & 1;
	t->is_needed = nr < 64 && k->needed >> nr & 1;
	t->is_used = t->is_needed || (nr < 64 && k->used >> nr & 1);
	if (!t->name && t->is_here) {
		fmt_print(t->number, sizeof(t->number), "#%u", nr);
		t->name = t->number;
	}
}

static void list_json(struct json *j, const struct kind *k, const struct ring_probe *p)
{
	json_open(j, k->title, '[');
	for (u32 nr = 0; nr < k->nr_words * 64U; nr++) {
		struct thing t;

		look_at(&t, k, p, nr);
		if (!t.name)
			continue;
		json_open(j, NULL, '{');
		json_string(j, "name", t.name);
		json_u64(j, "nr", nr);
		json_bool(j, "kernel_has", t.is_here);
		json_bool(j, "needed", t.is_needed);
		json_bool(j, "used", t.is_used);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void list_text(struct fmt_buf *out, const struct kind *k, const struct ring_probe *p,
		      bool is_here)
{
	u32 column = 0;

	for (u32 nr = 0; nr < k->nr_words * 64U; nr++) {
		struct thing t;

		look_at(&t, k, p, nr);
		if (!t.name || t.is_here != is_here)
			continue;
		if (!column)
			fmt_add(out, "\n%s%s:", k->title, is_here ? "" : " that are not here");
		if (!column || column + str_len(t.name) > COLUMNS) {
			fmt_add(out, "\n ");
			column = 4;
		}
		fmt_add(out, " %s%s", t.name, t.is_needed ? "*" : t.is_used ? "+" : "");
		column += (u32)str_len(t.name) + 2;
	}
}

static void show_host(struct view *v)
{
	struct rlimit64 memlock = { 0 };
	struct sys_utsname uts;

	(void)sys_uname(&uts);
	(void)sys_prlimit64(0, RLIMIT_MEMLOCK, NULL, &memlock);
	show_text(v, "kernel", uts.release);
	show_text(v, "machine", uts.machine);
	show_sysctl(v, "/proc/sys/kernel/io_uring_disabled");
	show_sysctl(v, "/proc/sys/kernel/io_uring_group");
	show_number(v, "memlock_bytes", (s64)memlock.rlim_cur); /* no limit is -1 */
}

static void show_probe(struct view *v, const struct ring_probe *p)
{
	show_number(v, "max_sq_entries", p->max_sq_entries);
	show_number(v, "max_cq_entries", p->max_cq_entries);
	show_number(v, "max_ring_fds", p->max_ring_fds);
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (v->json) {
			list_json(&v->j, &kinds[i], p);
		} else {
			list_text(v->j.out, &kinds[i], p, true);
			list_text(v->j.out, &kinds[i], p, false);
		}
	}
	if (!v->json)
		fmt_add(v->j.out, "\n\n* bareblk's ublk server needs it, + uses it if it is there\n");
}

static enum exit_code probe_run(const struct cmd_run *r)
{
	const struct probe_values *values = r->values;
	struct view v = { .j = { .out = r->out }, .json = values->json };
	struct ublk_ctrl no_ring = { .fd = UBLK_CTRL_RING_FAILED };
	struct ublk_error error;
	struct ring_probe p;
	int err = ring_get_probe(&p);

	if (v.json)
		json_open(&v.j, NULL, '{');
	show_host(&v);
	if (err)
		show_text(&v, "error", err_name(err));
	else
		show_probe(&v, &p);
	if (v.json) {
		json_close(&v.j, '}');
		fmt_add(r->out, "\n");
	}
	if (!err)
		return EXIT_OK;
	ublk_ctrl_explain(&no_ring, err, &error);
	return cmd_fail_ublk(r, &error);
}

const struct cmd cmd_ring_probe = {
	.text = CMD_TEXT("ring", "probe", "", "tell what this kernel's io_uring offers", ""),
	.opts = CMD_OPTS(PROBE_OPTS, NULL),
	.run = probe_run,
};
