/* SPDX-License-Identifier: MIT */
/*
 * The parts of a run, one after the other, each in processes of its own; then
 * whether the disk has seen as much as was read.
 */
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>

#include "selftests/broken.h"
#include "selftests/shadow/shadow.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/free/start.h"
#include "uapi/rt/opt.h"
#include "uapi/sys.h"

#define GONE_NS 20000000000ULL	/* so long may a device take to go */
#define CATCH_NS 30000000000ULL /* within which what is wrong is found, by default */
#define CALM_NS 30000000ULL	/* and so long is it intact between two of those */

#define OPTIONS(X)										\
	X(struct shadow_plan, kind,								\
	  OPT_TEXT("kind", "KIND", "what the disk does with what is written")			\
	  OPT_CHOICES("ram\0null\0zoned"), .kind = OPT_CHOICE)					\
	X(struct shadow_plan, nr_workers,							\
	  OPT_TEXT("workers", "N", "processes") OPT_RANGE("1", "4"), .kind = OPT_U32)		\
	X(struct shadow_plan, nr_lanes,								\
	  OPT_TEXT("lanes", "N", "operations of each at a time") OPT_RANGE("1", "128"),		\
	  .kind = OPT_U32)									\
	X(struct shadow_plan, nr_windows,							\
	  OPT_TEXT("windows", "N", "how many") OPT_RANGE("1", "512"), .kind = OPT_U32)		\
	X(struct shadow_plan, block_bytes,							\
	  OPT_TEXT("block-size", "SIZE", "of the disk") OPT_RANGE("512", "4K"), .kind = OPT_SIZE) \
	X(struct shadow_plan, window_bytes,							\
	  OPT_TEXT("window", "SIZE", "of one") OPT_LEAST("4K"), .kind = OPT_SIZE)		\
	X(struct shadow_plan, stride_bytes,							\
	  OPT_TEXT("stride", "SIZE", "from one to the next; with it come large ranges")		\
	  OPT_LEAST("4K"), .kind = OPT_SIZE)							\
	X(struct shadow_plan, time_ns,								\
	  OPT_TEXT("time", "TIME", "how long they work") OPT_RANGE("1ms", "1h"),		\
	  .kind = OPT_DURATION)									\
	X(struct shadow_plan, catch_ns,								\
	  OPT_TEXT("catch-time", "TIME", "within which what goes wrong is found"),		\
	  .kind = OPT_DURATION)									\
	X(struct shadow_plan, seed,								\
	  OPT_TEXT("seed", "N", "of what is random"), .kind = OPT_U64)				\
	X(struct shadow_plan, buffered,								\
	  OPT_TEXT("buffered", "", "by the page cache; never what is read back"),		\
	  .kind = OPT_FLAG)									\
	X(struct shadow_plan, until,								\
	  OPT_TEXT("until", "FILE", "until there is such a file, if that is earlier"),		\
	  .kind = OPT_STRING)									\
	X(struct shadow_plan, until_gone,							\
	  OPT_TEXT("until-gone", "", "until the device is taken away, which it must be"),	\
	  .kind = OPT_FLAG)									\
	X(struct shadow_plan, may_fail,								\
	  OPT_TEXT("may-fail", "", "EIO or EREMOTEIO is no fault: then the old bytes may be there, or the new"), \
	  .kind = OPT_FLAG)									\
	X(struct shadow_plan, memory,								\
	  OPT_TEXT("memory", "FILE", "16M of it for each process: what is written and read is there"), \
	  .kind = OPT_STRING)									\
	X(struct shadow_plan, control,								\
	  OPT_TEXT("control", "FILE",								\
		   "of broken?control=FILE: let it go wrong, and find that"),			\
	  .kind = OPT_STRING)									\
	X(struct shadow_plan, how,								\
	  OPT_TEXT("how", "HOW", "it is to go wrong")						\
	  OPT_CHOICES("all\0flip\0stale\0lost\0torn\0misdirect"), .kind = OPT_CHOICE)		\
	X(struct shadow_plan, cached,								\
	  OPT_TEXT("cached", "", "a fault: read back by the page cache, too"), .kind = OPT_FLAG) \
	X(struct shadow_plan, help,								\
	  OPT_TEXT("help", "", "this text"), .letter = 'h', .kind = OPT_FLAG)

static const struct opt_table option_table = OPT_TABLE(OPTIONS);

static void say(int fd, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(int fd, const char *fmt, ...)
{
	char text[512];
	size_t len;
	va_list args;

	va_start(args, fmt);
	len = fmt_vprint(text, sizeof(text) - 1, fmt, args);
	va_end(args);
	if (len > sizeof(text) - 2)
		len = sizeof(text) - 2;
	text[len++] = '\n';
	(void)sys_write(fd, text, len);
}

/* fn in as many processes, all at the same time; the first of their errors */
static int run(struct shadow *s, shadow_fn *fn, u32 nr)
{
	int pids[SHADOW_MAX_WORKERS];
	int err = 0;

	s->stop = 0;
	for (u32 i = 0; i < nr; i++) {
		pids[i] = sys_fork();
		if (pids[i])
			continue;
		(void)sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		s->reports[i].err = fn(s, i);
		sys_exit_group(0);
	}
	for (u32 i = 0; i < nr; i++) {
		int status = -1;

		if (pids[i] > 0)
			(void)sys_wait4(pids[i], &status, 0);
		if (status)
			s->reports[i].err = diag_set(&s->reports[i].why, -ESRCH,
						     "its process has ended, status 0x%x",
						     (u32)status);
		if (!err)
			err = s->reports[i].err;
	}
	return err;
}

static int work_for(struct shadow *s, u64 ns)
{
	s->end_ns = shadow_now_ns() + ns;
	s->nr_works++;
	return run(s, shadow_work, s->plan.nr_workers);
}

/* What was found, one line for each process that found something */
static void say_errors(const struct shadow *s)
{
	for (u32 i = 0; i < s->plan.nr_workers; i++)
		if (s->reports[i].err)
			say(2, "process %u: %s (%s)", i, s->reports[i].why.text,
			    err_name(s->reports[i].err));
}

/* Of /sys/block/NAME/stat the third number, or 0 when there is no such disk */
static u64 sectors_read(const struct shadow *s)
{
	const char *name = str_rchr(s->plan.disk, '/');
	char path[128];
	char text[256] = "";
	const char *at = text;
	u64 nr = 0;
	int fd;

	fmt_print(path, sizeof(path), "/sys/class/block/%s/stat", name ? name + 1 : s->plan.disk);
	fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	(void)sys_read(fd, text, sizeof(text) - 1);
	(void)sys_close(fd);
	for (u32 i = 0; i < 3; i++) {
		while (str_is_space(*at))
			at++;
		if (parse_number(at, &nr, &at))
			return 0;
	}
	return nr;
}

static u64 sum_read(const struct shadow *s)
{
	u64 sum = 0;

	for (u32 i = 0; i < SHADOW_MAX_WORKERS; i++)
		sum += s->reports[i].read_bytes;
	return sum;
}

/* A reader that got its bytes from elsewhere has not read the disk. */
static int check_reads(const struct shadow *s, u64 before)
{
	u64 want = sum_read(s) / 512;
	u64 seen = sectors_read(s) - before;

	if (want && seen >= want)
		return 0;
	say(2, "%llu sectors were read, but the disk has seen only %llu", want, seen);
	return -EPROTO;
}

static void say_counts(const struct shadow *s)
{
	struct shadow_report sum = { .nr_reads = 0 };

	for (u32 i = 0; i < SHADOW_MAX_WORKERS; i++) {
		sum.nr_reads += s->reports[i].nr_reads;
		sum.nr_writes += s->reports[i].nr_writes;
		sum.nr_ranges += s->reports[i].nr_ranges;
		sum.nr_flushes += s->reports[i].nr_flushes;
		sum.nr_failures += s->reports[i].nr_failures;
	}
	say(1, "%llu reads, %llu writes, %llu ranges, %llu flushes; %llu MiB from the disk",
	    sum.nr_reads, sum.nr_writes, sum.nr_ranges, sum.nr_flushes, sum_read(s) >> 20);
	if (s->plan.may_fail)
		say(1, "%llu have failed", sum.nr_failures);
}

static bool has_large_ranges(const struct shadow_plan *p)
{
	return p->stride_bytes > p->window_bytes && p->nr_windows > 1 && p->kind != SHADOW_ZONED;
}

/* All of it is in the page cache, which is dropped when nobody has the disk open. */
static void warm_up(struct shadow *s)
{
	(void)!shadow_open(s, 0, true);
	(void)run(s, shadow_verify, 1);
	s->reports[0] = (struct shadow_report){ .err = 0 };
}

static int use_and_judge(struct shadow *s)
{
	u64 before;
	int err;

	if (s->plan.cached)
		warm_up(s);
	before = sectors_read(s);
	err = work_for(s, s->plan.time_ns);

	if (!err && has_large_ranges(&s->plan))
		err = run(s, shadow_ranges, 1);
	if (!err)
		err = run(s, shadow_verify, 1);
	if (!err)
		err = check_reads(s, before);
	say_counts(s);
	return err;
}

static bool is_gone(const struct shadow *s)
{
	const char *name = str_rchr(s->plan.disk, '/');
	char path[128];

	fmt_print(path, sizeof(path), "/sys/class/block/%s", name ? name + 1 : s->plan.disk);
	return sys_faccessat(AT_FDCWD, path, 0) == -ENOENT;
}

/* Operations fail when the device goes, and not before; wrong bytes never. */
static int until_gone(struct shadow *s)
{
	struct __kernel_timespec tick = { .tv_nsec = 10000000 };
	int err = work_for(s, s->plan.time_ns);
	u64 end_ns = shadow_now_ns() + GONE_NS;

	say_counts(s);
	for (u32 i = 0; i < s->plan.nr_workers; i++)
		if (s->reports[i].err && s->reports[i].err != -EIO)
			return s->reports[i].err;
	if (!err) {
		say(2, "the device is still there after %llu ms", s->plan.time_ns / 1000000);
		return -ETIMEDOUT;
	}
	while (!is_gone(s) && shadow_now_ns() < end_ns)
		(void)sys_nanosleep(&tick, NULL);
	return is_gone(s) ? 0 : err;
}

/* A disk of zeroes, and an oracle that knows nothing else */
static int start_over(struct shadow *s, u64 seed)
{
	struct shadow_plan *p = &s->plan;
	struct oracle_op all = {
		.kind = ORACLE_ZERO, .len_bytes = p->nr_windows * p->window_bytes,
	};
	int err;
	int fd;

	oracle_exit(&s->o);
	p->seed = seed;
	err = oracle_init(&s->o, all.len_bytes, (u32)p->block_bytes, seed);
	for (u32 i = 0; i < SHADOW_MAX_WORKERS; i++)
		s->reports[i] = (struct shadow_report){ .err = 0 };
	if (err)
		return diag_set(&s->reports[0].why, err, "no memory for what the disk should hold");
	fd = shadow_open(s, 0, false);
	if (fd < 0)
		return fd;
	all.len_bytes = p->kind == SHADOW_ZONED ? p->window_bytes : all.len_bytes;
	for (; !err && all.offset_bytes < s->o.size_bytes; all.offset_bytes += all.len_bytes)
		err = shadow_do(s, 0, fd, &all);
	(void)sys_close(fd);
	return err;
}

static u64 nr_broken(const struct broken_control *c)
{
	return __atomic_load_n(&c->stats.nr_broken, __ATOMIC_RELAXED);
}

/* Some work, and all is read back: a block of old bytes is kept for whoever reads it */
static int work_until_wrong(struct shadow *s)
{
	u64 end_ns = shadow_now_ns() + s->plan.catch_ns;
	int err;

	do {
		err = work_for(s, CALM_NS);
		if (!err)
			err = run(s, shadow_verify, 1);
	} while (!err && shadow_now_ns() < end_ns);
	return err;
}

/* One way to go wrong, and that it is intact again afterwards */
static int catch_one(struct shadow *s, struct broken_control *c, u32 how)
{
	u64 before = nr_broken(c);
	int err;

	__atomic_store_n(&c->how, how, __ATOMIC_RELAXED);
	err = work_until_wrong(s);
	__atomic_store_n(&c->how, BROKEN_NOT, __ATOMIC_RELAXED);
	if (!err || nr_broken(c) == before) {
		say(2, "way %u to go wrong was not noticed; it did %llu times", how, nr_broken(c) - before);
		return -EPROTO;
	}
	if (err != -EILSEQ && err != -EIO)
		return err;
	say(1, "caught: %s", s->reports[0].err ? s->reports[0].why.text : "by another process");
	err = start_over(s, s->plan.seed + 1);
	if (!err)
		err = work_for(s, CALM_NS);
	return err ? err : run(s, shadow_verify, 1);
}

/* A zoned disk need not ask for what nobody has written. */
static int saw_enough(const struct shadow *s, const struct broken_stats *before,
		      const struct broken_stats *now)
{
	u64 bytes = s->plan.kind == SHADOW_ZONED ? s->plan.block_bytes : sum_read(s);

	if (bytes && now->read_bytes - before->read_bytes >= bytes && now->nr_writes)
		return 0;
	say(2, "%llu bytes were read, but the server has seen only %llu, and %llu writes", bytes,
	    now->read_bytes - before->read_bytes, now->nr_writes);
	return -EPROTO;
}

static int catch_all(struct shadow *s, struct broken_control *c)
{
	struct broken_stats before = c->stats;
	int err = work_for(s, CALM_NS);

	if (!err)
		err = run(s, shadow_verify, 1);
	if (!err)
		err = saw_enough(s, &before, &c->stats);
	for (u32 how = BROKEN_FLIP; !err && how <= BROKEN_MISDIRECT; how++)
		if (!s->plan.how || s->plan.how == how)
			err = catch_one(s, c, how);
	return err;
}

static int map_control_and_catch(struct shadow *s)
{
	int fd = sys_openat(AT_FDCWD, s->plan.control, O_RDWR | O_CLOEXEC, 0);
	long addr = fd < 0 ? fd : sys_mmap(NULL, sizeof(struct broken_control),
					   PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (addr <= 0) {
		say(2, "%s cannot be opened", s->plan.control);
		return (int)addr;
	}
	return catch_all(s, (struct broken_control *)addr);
}

static int check_plan(const struct shadow_plan *p, struct diag *why)
{
	u64 bytes = p->nr_windows * p->window_bytes;
	u64 nr_lanes = p->nr_workers * p->nr_lanes;

	if (bytes % (nr_lanes * p->block_bytes) || p->window_bytes % p->block_bytes)
		return diag_set(why, -EINVAL, "the windows cannot be divided by the lanes");
	if (p->stride_bytes < p->window_bytes || p->stride_bytes % p->block_bytes)
		return diag_set(why, -EINVAL, "the stride is too short, or no multiple of a block");
	if (p->kind == SHADOW_ZONED && nr_lanes > p->nr_windows)
		return diag_set(why, -EINVAL, "more lanes than zones");
	return 0;
}

static int parse(struct shadow_plan *p, const struct rt_start *start, struct diag *why)
{
	int argc = start->argc - 1;
	int err;

	*p = (struct shadow_plan){
		.nr_workers = 1, .nr_lanes = 4, .nr_windows = 16, .block_bytes = 512,
		.window_bytes = 1 << 20, .time_ns = 300000000, .seed = 1, .catch_ns = CATCH_NS,
	};
	err = opt_parse(&option_table, 0, p, &argc, start->argv + 1, why);
	if (err || p->help)
		return err;
	if (argc != 1)
		return diag_set(why, -EINVAL, "usage: bareblk-shadow [OPTION]... /dev/ublkbN");
	p->disk = start->argv[1];
	if (!p->stride_bytes)
		p->stride_bytes = p->window_bytes;
	return check_plan(p, why);
}

static void help(void)
{
	char text[4096];
	struct fmt_buf b = { .text = text, .size = sizeof(text) };

	opt_help(&option_table, 0, &b);
	say(1, "usage: bareblk-shadow [OPTION]... /dev/ublkbN");
	(void)sys_write(1, text, b.len);
}

static int use(struct shadow *s)
{
	int err = start_over(s, s->plan.seed);

	if (err)
		say(2, "%s", s->reports[0].why.text);
	else if (s->plan.control)
		err = map_control_and_catch(s);
	else if (s->plan.until_gone)
		err = until_gone(s);
	else
		err = use_and_judge(s);
	if (err) {
		say_errors(s);
		say(2, "%s: %s", s->plan.disk, err_name(err));
	}
	return err;
}

int rt_main(const struct rt_start *start)
{
	struct diag why = { .text = "" };
	struct shadow_plan plan;
	struct shadow *s;
	int err = parse(&plan, start, &why);
	long addr;

	if (err) {
		say(2, "%s (%s)", why.text, err_name(err));
		return 2;
	}
	if (plan.help) {
		help();
		return 0;
	}
	addr = sys_mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			0);
	if (addr <= 0) {
		say(2, "no memory");
		return 2;
	}
	s = (struct shadow *)addr;
	s->plan = plan;
	return use(s) ? 1 : 0;
}
