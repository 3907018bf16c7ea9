/* SPDX-License-Identifier: MIT */
/*
 * bareblk ublk doctor: what stands in the way of a device on this machine, and
 * what to do about it. Looks and changes nothing: no module is loaded, no node
 * made, nothing deleted.
 */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/resource.h>
#include <linux/stat.h>

#include "tools/cmd.h"
#include "tools/host/file.h"
#include "tools/host/misc.h"
#include "tools/host/module.h"
#include "tools/text/kernels.h"
#include "tools/ublk_doctor.h"
#include "tools/ublk_show.h"
#include "uapi/rt/bits.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"
#include "ublk/features.h"
#include "ublk/node.h"

#define RULE "59-bareblk-ublk.rules"

/* In the order of enum level */
#define LEVEL_NAMES "ok\0note\0warning\0problem\0"

struct doctor_values {
	bool json;
};

#define DOCTOR_OPTS(X)                                                                             \
	X(struct doctor_values, json, OPT_TEXT("json", "", "an array of objects"), .kind = OPT_FLAG)

enum level doctor_problem(struct doctor *d, enum exit_code code)
{
	d->code = d->code ? d->code : code;
	return LEVEL_PROBLEM;
}

void doctor_found(struct doctor *d, enum level level, const char *name, const char *remedy,
		  const char *fmt, ...)
{
	const char *word = str_nth(LEVEL_NAMES, level);
	char what[320];
	va_list args;

	va_start(args, fmt);
	(void)!fmt_vprint(what, sizeof(what), fmt, args);
	va_end(args);
	if (d->json)
		json_add(&d->j, "{name%s level%s what%s remedy%s}", name, word, what, remedy);
	else
		fmt_add(d->j.out, "%-8s %s: %s\n", word, name, what);
	if (!d->json && *remedy)
		fmt_add(d->j.out, "%9s-> %s\n", "", remedy);
}

s64 doctor_number(const char *path)
{
	char text[32];
	s64 value;

	return parse_s64(host_file_line(text, sizeof(text), "%s", path), &value) ? -1 : value;
}

/* --- kernel and process ------------------------------------------------------- */

/* A line of /proc/PID/status, whose number is read as a hexadecimal one */
static u64 status_value(const char *text, const char *key)
{
	const char *at = str_find(text, key);
	char number[24] = "0x";
	u64 value = 0;

	if (!at)
		return 0;
	for (at += str_len(key); str_is_space(*at); at++)
		;
	fmt_print(number + 2, sizeof(number) - 2, "%.*s", (int)(str_chr(at, '\n') - at), at);
	(void)!parse_u64(number, &value);
	return value;
}

static void check_kernel(struct doctor *d)
{
	bool is_good = true;

	for (u32 i = 0; i < KERNEL_NR_FAULTS; i++) {
		enum kernel_fault fault = (enum kernel_fault)i;
		enum level level = LEVEL_NOTE;

		if (!kernel_has(d->release, fault))
			continue;
		if (fault == KERNEL_UBSAN_PANICS &&
		    doctor_number("/proc/sys/kernel/panic_on_warn") <= 0)
			continue;
		if (fault == KERNEL_ADD_OOPSES)
			level = doctor_problem(d, EXIT_UNSUPPORTED);
		else if (fault == KERNEL_UBSAN_PANICS)
			level = LEVEL_WARNING;
		is_good = false;
		doctor_found(d, level, kernel_fault_name(fault), kernel_fault_remedy(fault), "%s",
			     kernel_fault_text(fault));
	}
	if (is_good)
		doctor_found(d, LEVEL_OK, "kernel", "", "no fault of Linux %s is known",
			     d->release);
}

static void check_rights(struct doctor *d)
{
	if (!doctor_can(d, CAP_SYS_ADMIN))
		doctor_found(d, doctor_problem(d, EXIT_PERMISSION), "rights",
			     "be root, or add with --unprivileged",
			     "no CAP_SYS_ADMIN, which all devices want but unprivileged ones");
	else if (!doctor_can(d, CAP_SYS_RESOURCE))
		doctor_found(d, LEVEL_NOTE, "rights", "be root",
			     "no CAP_SYS_RESOURCE: short memory may cost the server its life");
	else
		doctor_found(d, LEVEL_OK, "rights", "", "CAP_SYS_ADMIN and CAP_SYS_RESOURCE");
}

/* What a limit must not be below */
struct limit {
	u8 resource;
	char letter; /* of ulimit */
	u8 cap;	     /* those who have it are not limited */
	u8 level;
	u32 least;
};

#define NO_CAP 63

/* Of one resource the worse comes first */
static const struct limit limits[] = {
	{ RLIMIT_NOFILE, 'n', NO_CAP, LEVEL_PROBLEM, 16 }, /* add -d wants more than 12 */
	{ RLIMIT_NOFILE, 'n', NO_CAP, LEVEL_WARNING, 64 },
	{ RLIMIT_NPROC, 'u', CAP_SYS_RESOURCE, LEVEL_WARNING, 16 },
	{ RLIMIT_AS, 'v', NO_CAP, LEVEL_WARNING, 128U << 20 },
	{ RLIMIT_MEMLOCK, 'l', CAP_IPC_LOCK, LEVEL_NOTE, 64U << 10 },
};
#define LIMIT_WORDS                                                                                \
	"open files\0open files\0processes of this user\0bytes of address space\0"                 \
	"bytes of locked memory\0"

static void check_limits(struct doctor *d)
{
	u32 told = 0; /* a bit per resource */

	for (u32 i = 0; i < ARRAY_SIZE(limits); i++) {
		const struct limit *l = &limits[i];
		struct rlimit64 now = { 0 };
		char remedy[32];

		if (doctor_can(d, l->cap) || told >> l->resource & 1 ||
		    sys_prlimit64(0, l->resource, NULL, &now) || now.rlim_cur >= l->least)
			continue;
		told |= 1U << l->resource;
		fmt_print(remedy, sizeof(remedy), "ulimit -%c %s", l->letter,
			  l->resource == RLIMIT_NOFILE ? "1024" : "unlimited");
		if (l->level == LEVEL_PROBLEM)
			(void)doctor_problem(d, EXIT_MEMORY);
		doctor_found(d, (enum level)l->level, "limits", remedy, "at most %llu %s",
			     (u64)now.rlim_cur, str_nth(LIMIT_WORDS, i));
	}
	if (!told)
		doctor_found(d, LEVEL_OK, "limits", "", "files, processes and memory");
}

/* --- io_uring -------------------------------------------------------------------- */

#define SYSCTL "/proc/sys/kernel/io_uring_disabled"

static void explain_ring(struct doctor *d, int err)
{
	s64 disabled = doctor_number(SYSCTL);
	enum level level = doctor_problem(d, err == -EINVAL ? EXIT_UNSUPPORTED :
							      exit_code_of(ublk_code_of(err)));

	if (err == -EPERM && disabled == 2)
		doctor_found(d, level, "io_uring", "sysctl kernel.io_uring_disabled=0",
			     "switched off for everybody: kernel.io_uring_disabled is 2");
	else if (err == -EPERM && disabled == 1 && !doctor_can(d, CAP_SYS_ADMIN))
		doctor_found(d, level, "io_uring",
			     "be root or of the group kernel.io_uring_group, or "
			     "sysctl kernel.io_uring_disabled=0",
			     "not for everybody: kernel.io_uring_disabled is 1, and "
			     "kernel.io_uring_group %lld",
			     (long long)doctor_number("/proc/sys/kernel/io_uring_group"));
	else if ((err == -EPERM || err == -ENOSYS) && d->is_filtered)
		doctor_found(d, level, "io_uring",
			     "let the container's or the service's filter pass io_uring_setup, "
			     "io_uring_enter and io_uring_register, or run outside of it",
			     "%s: a seccomp filter forbids it", err_text(err));
	else if (err == -ENOSYS)
		doctor_found(d, level, "io_uring", "a kernel with CONFIG_IO_URING",
			     "this kernel has none");
	else if (err == -EINVAL)
		doctor_found(d, level, "io_uring", "Linux 6.0 or newer",
			     "no rings of 128-byte entries (5.19), which control commands want");
	else
		doctor_found(d, level, "io_uring",
			     err == -ENOMEM ? "ulimit -l unlimited" : "",
			     "a ring cannot be made: %s", err_text(err));
}

static void check_ring(struct doctor *d)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQE128 };
	int fd = sys_io_uring_setup(2, &p);

	d->has_ring = fd >= 0;
	if (fd < 0) {
		explain_ring(d, fd);
		return;
	}
	(void)sys_close(fd);
	doctor_found(d, LEVEL_OK, "io_uring", "", "a control ring can be made");
}

/* --- the driver --------------------------------------------------------------------- */

static void check_module(struct doctor *d)
{
	char path[256] = "";
	int err;

	if (host_misc_find("ublk-control", &d->control) == 0) {
		doctor_found(d, LEVEL_OK, "module", "", "ublk_drv is %s",
			     node_is_there("/sys/module/ublk_drv/initstate") ? "loaded"
									     : "built in");
		return;
	}
	err = host_module_find("drivers/block", "ublk_drv", path, sizeof(path));
	if (err)
		doctor_found(d, doctor_problem(d, EXIT_UNSUPPORTED), "module",
			     "install the package that has all modules of this kernel, or a kernel "
			     "with CONFIG_BLK_DEV_UBLK",
			     "no driver: ublk_drv is neither in this kernel nor in /lib/modules/%s",
			     d->release);
	else
		doctor_found(d, doctor_can(d, CAP_SYS_MODULE) ? LEVEL_NOTE :
							doctor_problem(d, EXIT_UNSUPPORTED),
			     "module", "as root: modprobe ublk_drv",
			     "ublk_drv is not loaded: root's first add will do it, from %s", path);
}

static void explain_open(struct doctor *d, int err)
{
	bool is_denied = err == -EACCES || err == -EPERM;

	doctor_found(d, doctor_problem(d, is_denied ? EXIT_PERMISSION : EXIT_UNSUPPORTED),
		     "control-node",
		     is_denied ? "be root, or install the udev rule " RULE
			       : "as root: modprobe ublk_drv",
		     "cannot open " UBLK_CTRL_PATH ": %s", err_text(err));
}

static void check_control_node(struct doctor *d)
{
	struct statx s = { 0 };
	int err = sys_statx(AT_FDCWD, UBLK_CTRL_PATH, 0, STATX_BASIC_STATS, &s);
	int fd;

	if (err == -ENOENT) {
		doctor_found(d, doctor_can(d, CAP_MKNOD) ? LEVEL_NOTE :
							   doctor_problem(d, EXIT_UNSUPPORTED),
			     "control-node", "as root: bareblk ublk list",
			     UBLK_CTRL_PATH " is missing; what root does next makes it");
		return;
	}
	if (!err && ((s.stx_mode & S_IFMT) != S_IFCHR ||
		     node_dev(s.stx_rdev_major, s.stx_rdev_minor) != d->control)) {
		doctor_found(d, doctor_problem(d, EXIT_UNSUPPORTED), "control-node",
			     "as root: rm " UBLK_CTRL_PATH,
			     UBLK_CTRL_PATH " is not the driver's node");
		return;
	}
	fd = sys_openat(AT_FDCWD, UBLK_CTRL_PATH, O_RDWR | O_CLOEXEC, 0);
	if (fd < 0) {
		explain_open(d, fd);
		return;
	}
	(void)sys_close(fd);
	d->may_open = true;
	doctor_found(d, LEVEL_OK, "control-node", "", UBLK_CTRL_PATH);
}

/* Who makes the nodes of devices */
static void check_nodes(struct doctor *d)
{
	static const char dirs[] = "/etc\0/run\0/usr/local/lib\0/usr/lib\0/lib\0";
	const char *dir = dirs;
	char path[80];

	if (!node_is_there("/run/udev/control")) {
		doctor_found(d, LEVEL_OK, "udev", "",
			     "none: nodes are made by the kernel or by the server");
		return;
	}
	for (; *dir; dir = str_nth(dir, 1)) {
		fmt_print(path, sizeof(path), "%s/udev/rules.d/" RULE, dir);
		if (node_is_there(path)) {
			doctor_found(d, LEVEL_OK, "udev", "", "%s", path);
			return;
		}
	}
	doctor_found(d, LEVEL_NOTE, "udev", "make install, or copy the rule to /etc/udev/rules.d",
		     "it runs without " RULE ": users get no nodes for their devices");
}

/* What is given up without a feature; those of 6.0 are always there */
#define COSTS(X)                                                                                   \
	X(SUPPORT_ZERO_COPY, "requests to files are copied (no --mode=zero-copy)")                 \
	X(USER_RECOVERY, "devices die with their servers (no --recover, no --supervise)")          \
	X(USER_RECOVERY_REISSUE, "no --recover=reissue")                                           \
	X(UNPRIVILEGED_DEV, "no --unprivileged")                                                   \
	X(USER_COPY, "no --mode=user-copy, and no metadata")                                       \
	X(ZONED, "no zoned disks")                                                                 \
	X(USER_RECOVERY_FAIL_IO, "no --recover=fail")                                              \
	X(UPDATE_SIZE, "no resize")                                                                \
	X(QUIESCE, "no upgrade but with --recover=reissue")                                        \
	X(AUTO_BUF_REG, "zero copy takes two more commands a request (no --mode=auto-buf-reg)")    \
	X(QUIESCE, "upgrade and quiesce want --recover=reissue")                                   \
	X(SAFE_STOP_DEV, "--safe looks before it stops, and not at the same moment")               \
	X(PER_IO_DAEMON, "not more threads than queues")                                           \
	X(BATCH_IO, "no --batch")                                                                  \
	X(INTEGRITY, "no metadata")                                                                \
	X(SAFE_STOP_DEV, "--safe does not see what is opened in the last moment")                  \
	X(NO_AUTO_PART_SCAN, "no --part-scan=no")                                                  \
	X(SHMEM_ZC, "no --shmem")                                                                  \
	X(IO_DESC_SIZE, "no --desc-size")

#define COST_FLAG(name, text) UBLK_F_##name,
static const u64 cost_flags[] = { COSTS(COST_FLAG) };
#define COST_TEXT(name, text) text "\0"
static const char cost_texts[] = COSTS(COST_TEXT);

static void check_features(struct doctor *d, struct ctrl_child *child)
{
	struct ublk_error error;
	bool has_all = true;
	u64 have;

	if (ublk_features_get(&child->ctrl, &have, VIEW_TIMEOUT_MS, &error)) {
		doctor_found(d, doctor_problem(d, exit_code_of(error.code)), "features",
			     "see dmesg; boot again",
			     "the driver does not tell what it can do: %s", error.why.text);
		return;
	}
	for (u32 i = 0; i < ARRAY_SIZE(cost_flags); i++) {
		u32 bit = bits_last(cost_flags[i]);
		char remedy[32];

		if (have & cost_flags[i])
			continue;
		has_all = false;
		fmt_print(remedy, sizeof(remedy), "Linux %s or newer", ublk_feature_since(bit));
		doctor_found(d, LEVEL_NOTE, "features", remedy, "no %s: %s", ublk_feature_name(bit),
			     str_nth(cost_texts, i));
	}
	if (has_all)
		doctor_found(d, LEVEL_OK, "features", "", "all that are made use of");
}

static void ask_driver(struct doctor *d)
{
	struct ctrl_child child;
	struct ublk_error error;

	if (ctrl_child_open(&child, &error)) {
		doctor_found(d, doctor_problem(d, exit_code_of(error.code)), "driver", "", "%s",
			     error.why.text);
		return;
	}
	check_features(d, &child);
	doctor_devices(d, &child);
	ctrl_child_rest(&child);
}

static void examine(struct doctor *d)
{
	char status[4096];

	if (host_file_read(AT_FDCWD, "/proc/self/status", status, sizeof(status)) < 0) {
		doctor_found(d, doctor_problem(d, EXIT_FAILURE), "proc", "mount -t proc proc /proc",
			     "/proc is not mounted");
		return;
	}
	d->caps = status_value(status, "\nCapEff:");
	d->is_filtered = status_value(status, "\nSeccomp:") != 0;
	check_kernel(d);
	check_rights(d);
	check_limits(d);
	check_ring(d);
	check_module(d);
	if (d->control)
		check_control_node(d);
	check_nodes(d);
	/* Opening it would load and make what is missing. */
	if (d->may_open && d->has_ring)
		ask_driver(d);
}

static enum exit_code doctor_run(const struct cmd_run *r)
{
	const struct doctor_values *v = r->values;
	struct doctor d = { .j = { .out = r->out }, .json = v->json };
	struct sys_utsname uts = { 0 };

	(void)sys_uname(&uts);
	memcpy(d.release, uts.release, sizeof(d.release));
	if (v->json)
		json_open(&d.j, NULL, '[');
	examine(&d);
	if (v->json) {
		json_close(&d.j, ']');
		fmt_add(r->out, "\n");
	}
	return d.code;
}

const struct cmd cmd_ublk_doctor = {
	.text = CMD_TEXT("ublk", "doctor", "", "look for what stands in the way of devices here",
			 "Says what to do about each finding, and changes nothing. A problem stops add:\n"
			 "the exit status is the one that add would have.\n"),
	.opts = CMD_OPTS(DOCTOR_OPTS, NULL),
	.run = doctor_run,
};
