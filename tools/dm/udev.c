/* SPDX-License-Identifier: MIT */
/* bareblk dm udevcomplete, udevflags: called by udev's rules with a DM_COOKIE;
 * udevcreatecookie, udevreleasecookie: for scripts that wait once for many commands;
 * udevcookies, udevcomplete_all: all cookies of this machine, the semaphores whose
 * keys say so. */
#include "dm/udev.h"

#include <linux/sem.h>
#include <linux/time_types.h>

#include "tools/dm/cookie.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

#define REALTIME 0

/* "3405 (0xd4d)", as dmsetup calls them */
#define KEYS "keys prefixed by 3405 (0xd4d)"

/* Where there is nobody who answers, it is no failure that nobody does. */
static enum exit_code end(const struct cmd_run *r, u32 key, int (*how)(struct dm_cookie *c))
{
	struct dm_cookie c;
	int err = dm_cookie_open(&c, key);

	err = err ? err : how(&c);
	if (!err || (dm_options(r)->is_dmsetup && !dm_has_udev(r)))
		return EXIT_OK;
	return dm_cookie_fail(r, key, err);
}

static enum exit_code complete_run(const struct cmd_run *r)
{
	u32 value;
	enum exit_code code = dm_cookie_value(r, r->argv[0], &value);

	if (code)
		return code;
	fmt_add(r->out, "DM_COOKIE_COMPLETED=0x%-10x\n", value);
	value &= 0xffff;
	/* One that only carries flags: nobody waits */
	return value ? end(r, (u32)DM_COOKIE_MAGIC << 16 | value, dm_cookie_complete) : EXIT_OK;
}

static int wait_for(struct dm_cookie *c)
{
	return dm_cookie_wait(c, DM_UDEV_WAIT_S * 1000000000ULL);
}

static enum exit_code release_run(const struct cmd_run *r)
{
	const char *text = r->argc ? r->argv[0] : rt_env(r->start, "DM_UDEV_COOKIE");
	u32 key;
	enum exit_code code = dm_cookie_value(r, text ? text : "DM_UDEV_COOKIE", &key);

	return code || !dm_has_udev(r) ? code : end(r, key, wait_for);
}

static enum exit_code flags_run(const struct cmd_run *r)
{
	const char *name = "DISABLE_DM_RULES\0DISABLE_SUBSYSTEM_RULES\0DISABLE_DISK_RULES\0"
			   "DISABLE_OTHER_RULES\0LOW_PRIORITY\0DISABLE_LIBRARY_FALLBACK\0"
			   "PRIMARY_SOURCE\0";
	u32 value;
	enum exit_code code = dm_cookie_value(r, r->argv[0], &value);

	for (u32 i = 0; !code && i < 16; i++) {
		bool is_set = value >> (16 + i) & 1;

		if (is_set && *name)
			fmt_add(r->out, "DM_UDEV_%s_FLAG='1'\n", name);
		else if (is_set)
			fmt_add(r->out, "DM_%sUDEV_FLAG%u='1'\n", i < 8 ? "" : "SUBSYSTEM_", i % 8);
		if (*name)
			name += str_len(name) + 1;
	}
	return code;
}

/* Where there is nobody to wait for, there is no cookie, and no failure. */
static enum exit_code create_run(const struct cmd_run *r)
{
	struct dm_cookie c;
	int err;

	if (!dm_has_udev(r))
		return EXIT_OK;
	err = dm_cookie_make(&c);
	if (err < 0)
		return cmd_fail(r, EXIT_FAILURE, err, "no cookie");
	fmt_add(r->out, "0x%08X\n", c.key);
	return EXIT_OK;
}

/* "Sun Nov 22 05:16:22 2026", in UTC, until 2099 */
static void add_time(struct fmt_buf *out, u64 seconds)
{
	static const char days[] = "ThuFriSatSunMonTueWed";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	static const u8 lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	u32 now = (u32)(seconds % 86400);
	u32 day = (u32)(seconds / 86400);
	u32 weekday = day % 7;
	u32 month = 0; /* since January 1970: February 1972 was the first long one */

	for (u32 len; day >= (len = lengths[month % 12] + (month % 48 == 25)); month++)
		day -= len;
	fmt_add(out, "%.3s %.3s %2u %02u:%02u:%02u %u", days + 3 * weekday,
		months + 3 * (month % 12), day + 1, now / 3600, now / 60 % 60, now % 60,
		1970 + month / 12);
}

static void show(struct fmt_buf *out, int id, const struct semid64_ds *ds)
{
	int value = sys_semctl(id, 0, GETVAL, 0);

	if (value < 0)
		return; /* gone by now */
	fmt_add(out, "0x%-10x %-10d %-10d ", (u32)ds->sem_perm.key, id, value);
	add_time(out, (u64)ds->sem_otime);
	fmt_add(out, "  ");
	add_time(out, (u64)ds->sem_ctime);
	fmt_add(out, "\n");
}

/* Shown, or with a time removed if nothing has happened to them since */
static enum exit_code all_cookies(const struct cmd_run *r, const s64 *since)
{
	struct seminfo info;
	u32 nr_skipped = 0;
	u32 nr_removed = 0;
	int last = sys_semctl(0, 0, SEM_INFO, (u64)(uintptr_t)&info);

	if (last < 0)
		return cmd_fail(r, EXIT_UNSUPPORTED, last, "no semaphores (CONFIG_SYSVIPC)");
	for (int idx = 0; idx <= last; idx++) {
		struct semid64_ds ds;
		int id = sys_semctl(idx, 0, SEM_STAT, (u64)(uintptr_t)&ds);

		if (id < 0 || (u32)ds.sem_perm.key >> 16 != DM_COOKIE_MAGIC)
			continue;
		if (!since)
			show(r->out, id, &ds);
		else if (ds.sem_otime > *since || ds.sem_ctime > *since)
			nr_skipped++;
		else if (!sys_semctl(id, 0, IPC_RMID, 0))
			nr_removed++;
	}
	if (since)
		fmt_add(r->out, "%u semaphores with " KEYS " destroyed. %u skipped.\n", nr_removed,
			nr_skipped);
	return EXIT_OK;
}

static enum exit_code cookies_run(const struct cmd_run *r)
{
	fmt_add(r->out, "Cookie       Semid      Value      Last semop time           Last change time\n");
	return all_cookies(r, NULL);
}

/* A line with a y or an n in it, the last of which counts; asked again until there is one. No
 * more input is n. */
static bool is_yes(const struct cmd_run *r)
{
	char c = '\n';
	char answer = 0;

	while (!answer || c != '\n') {
		if (c == '\n')
			fmt_add(r->out, "Do you really want to continue? [y/n]: ");
		cmd_flush(r);
		if (sys_read(0, &c, 1) != 1) {
			fmt_add(r->out, "\n");
			return false;
		}
		c = str_lower(c);
		if (c == 'y' || c == 'n')
			answer = c;
	}
	return answer == 'y';
}

static enum exit_code all_run(const struct cmd_run *r)
{
	struct __kernel_timespec now = { .tv_sec = 0 };
	u32 minutes = 0;

	if (r->argc && parse_u32(r->argv[0], &minutes))
		return cmd_usage(r, "%s is no age in minutes", r->argv[0]);
	if (!dm_options(r)->yes) {
		cmd_say(r, "WARNING: this will destroy all semaphores of at least %u minutes with "
			   KEYS ".", minutes);
		if (!is_yes(r)) {
			fmt_add(r->out, "Semaphores with " KEYS " NOT destroyed.\n");
			return EXIT_OK;
		}
	}
	(void)sys_clock_gettime(REALTIME, &now);
	now.tv_sec -= 60LL * minutes;
	return all_cookies(r, &now.tv_sec);
}

const struct cmd cmd_dm_udevcookies = {
	.text = CMD_TEXT("dm", "udevcookies", "", "list the cookies that there are", ""),
	DM_OPTIONS(0),
	.run = cookies_run,
};

const struct cmd cmd_dm_udevcomplete_all = {
	.text = CMD_TEXT("dm", "udevcomplete_all", "[MINUTES]",
			 "remove all cookies, or those as old as that", ""),
	DM_OPTIONS(DM_SETS(YES)),
	.max_args = 1,
	.run = all_run,
};

const struct cmd cmd_dm_udevcomplete = {
	.text = CMD_TEXT("dm", "udevcomplete", "COOKIE",
			 "tell who waits that udev has done an event", ""),
	DM_OPTIONS(0),
	.min_args = 1,
	.max_args = 1,
	.run = complete_run,
};

const struct cmd cmd_dm_udevflags = {
	.text = CMD_TEXT("dm", "udevflags", "COOKIE", "flags in a cookie, for udev's rules", ""),
	DM_OPTIONS(0),
	.min_args = 1,
	.max_args = 1,
	.run = flags_run,
};

const struct cmd cmd_dm_udevcreatecookie = {
	.text = CMD_TEXT("dm", "udevcreatecookie", "",
			 "make a cookie that several commands share", ""),
	DM_OPTIONS(0),
	.run = create_run,
};

const struct cmd cmd_dm_udevreleasecookie = {
	.text = CMD_TEXT("dm", "udevreleasecookie", "[COOKIE]",
			 "wait for udev, and remove a cookie", ""),
	DM_OPTIONS(0),
	.max_args = 1,
	.run = release_run,
};
