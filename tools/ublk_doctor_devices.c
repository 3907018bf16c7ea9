/* SPDX-License-Identifier: MIT */
/* What is wrong with the devices that there are. */
#include <asm/errno.h>
#include <linux/capability.h>

#include "tools/host/file.h"
#include "tools/ublk_doctor.h"
#include "tools/ublk_ids.h"
#include "tools/ublk_memo.h"
#include "tools/ublk_show.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"
#include "ublk/deadline.h"

#define UBLKS_MAX "/sys/module/ublk_drv/parameters/ublks_max"

/* A device that looks ill is looked at again after so long, and all of them within so much; and
 * so long all may take, of which a stuck one has VIEW_TIMEOUT_MS */
#define SECOND_LOOK_US 500000
#define SECOND_LOOKS_MS 5000
#define ALL_MS 20000

/**
 * struct round - all devices
 * @second_looks_until, @until: deadlines
 * @nr_denied: of others, of which we learn nothing
 */
struct round {
	struct ctrl_child *child;
	u64 second_looks_until;
	u64 until;
	u32 nr_ill;
	u32 nr_denied;
	u32 nr_unprivileged;
};

/* Requests under way, and in *done how many the disk has done since it was made */
static u64 requests_of(u32 id, u64 *done)
{
	char text[256];
	const char *at = host_file_line(text, sizeof(text), "/sys/block/ublkb%u/stat", id);
	u64 in_flight = 0;

	*done = 0;
	/* reads are the first, writes the fifth, discards the 12th and flushes the 16th */
	for (u32 i = 1; *at; i++) {
		u64 value;

		while (*at == ' ')
			at++;
		if (parse_number(at, &value, &at))
			break;
		if (i == 1 || i == 5 || i == 12 || i == 16)
			*done += value;
		if (i == 9)
			in_flight = value;
	}
	return in_flight;
}

/* Of what is not written down, whoever recovers it has to say what it was made of. */
static void report_orphan(struct doctor *d, const struct ublk_view *view)
{
	static struct memo memo;
	u32 id = view->info.dev_id;
	bool is_ours = ublk_view_is_ours(view);
	char remedy[128];

	if (view->info.state == UBLK_S_DEV_DEAD)
		fmt_print(remedy, sizeof(remedy), "bareblk ublk del %u%s", id,
			  is_ours ? ", or for all of them: bareblk ublk gc" : "");
	else if (is_ours)
		fmt_print(remedy, sizeof(remedy), "bareblk ublk recover -d %u%s, or bareblk ublk del %u",
			  id, memo_read(id, &memo) ? " TARGET" : "", id);
	else
		fmt_print(remedy, sizeof(remedy), "that program's way to go on, or bareblk ublk del %u",
			  id);
	doctor_found(d, LEVEL_WARNING, "orphan", remedy, "device %u, %s, is %s: it has no server",
		     id, is_ours ? "bareblk's" : "another program's", ublk_view_state(view));
}

static void report_stuck(struct doctor *d, const struct ublk_view *view, const char *what)
{
	char remedy[120];
	s32 pid = view->info.ublksrv_pid;
	u32 id = view->info.dev_id;

	fmt_print(remedy, sizeof(remedy), "bareblk ublk del --force %u, or see what process %d waits for",
		  id, pid);
	doctor_found(d, LEVEL_WARNING, "stuck", remedy, "device %u: %s", id, what);
}

static int look(struct round *round, u32 id, struct ublk_view *view, u64 *in_flight, u64 *done)
{
	*in_flight = requests_of(id, done);
	return ublk_view_get(round->child, id, view);
}

static bool may_be_ill(const struct ublk_view *view, u64 in_flight)
{
	return view->info.state == UBLK_S_DEV_LIVE ? in_flight != 0 :
						     !memo_is_claimed(view->info.dev_id);
}

/* One that is just being made is dead as well, and one with requests is at work: what does not
 * last is no finding. Returns whether it is one, or -errno. */
static int examine(struct doctor *d, struct round *round, u32 id, struct ublk_view *view)
{
	char what[80];
	u64 in_flight;
	u64 done;
	u64 done_before;
	u16 state;
	int err = look(round, id, view, &in_flight, &done_before);

	if (!err && view->is_stuck) {
		report_stuck(d, view, "another command for it does not end");
		return 1;
	}
	state = view->info.state;
	if (err || !may_be_ill(view, in_flight) ||
	    !deadline_sleep_us(round->second_looks_until, SECOND_LOOK_US))
		return err;
	err = look(round, id, view, &in_flight, &done);
	if (err || view->info.state != state || !may_be_ill(view, in_flight))
		return err;
	if (state != UBLK_S_DEV_LIVE) {
		report_orphan(d, view);
		return 1;
	}
	if (done != done_before)
		return 0;
	fmt_print(what, sizeof(what), "%llu requests under way, none done in half a second",
		  in_flight);
	report_stuck(d, view, what);
	return 1;
}

static int check_device(struct doctor *d, struct round *round, u32 id)
{
	struct ublk_view view;
	int ret = examine(d, round, id, &view);

	round->nr_ill += ret > 0;
	round->nr_unprivileged += ret >= 0 && view.info.flags & UBLK_F_UNPRIVILEGED_DEV;
	round->nr_denied += ret == -EPERM || ret == -EACCES;
	return ret;
}

static void check_number(struct doctor *d, const struct round *round)
{
	s64 most = doctor_number(UBLKS_MAX);

	if (most < 0 || round->nr_unprivileged < most)
		return;
	doctor_found(d, doctor_can(d, CAP_SYS_ADMIN) ? LEVEL_WARNING :
						       doctor_problem(d, EXIT_PERMISSION), "ublks_max",
		     "as root: echo 256 > " UBLKS_MAX,
		     "%u unprivileged devices, and no more are allowed", round->nr_unprivileged);
}

static void check_all(struct doctor *d, struct round *round, const u32 *ids, int nr)
{
	for (int i = 0; i < nr; i++) {
		if (check_device(d, round, ids[i]) == -ETIMEDOUT) {
			doctor_found(d, doctor_problem(d, EXIT_TIMEOUT), "driver",
				     "see dmesg; boot again",
				     "it does not answer when it is asked for device %u", ids[i]);
			break;
		}
		if (i + 1 < nr && !deadline_left_ns(round->until)) {
			doctor_found(d, LEVEL_NOTE, "devices", "mend those above, and ask again",
				     "%d were not looked at: these took too long", nr - i - 1);
			break;
		}
	}
}

void doctor_devices(struct doctor *d, struct ctrl_child *child)
{
	struct round round = {
		.child = child,
		.second_looks_until = deadline_in_ms(SECOND_LOOKS_MS),
		.until = deadline_in_ms(ALL_MS),
	};
	struct pages mem;
	int err = pages_map(&mem, UBLK_IDS_MAX * sizeof(u32));
	int nr = err ? err : ublk_ids_all(mem.addr);

	check_all(d, &round, mem.addr, nr);
	pages_unmap(&mem);
	if (nr < 0)
		doctor_found(d, LEVEL_NOTE, "devices", "mount -t sysfs sysfs /sys",
			     "/sys does not tell what there is");
	else if (round.nr_denied)
		doctor_found(d, LEVEL_NOTE, "devices", "be root",
			     "%u belong to others, and were not looked at", round.nr_denied);
	else if (!round.nr_ill)
		doctor_found(d, LEVEL_OK, "devices", "", "%d, all with a server", nr);
	check_number(d, &round);
}
