/* SPDX-License-Identifier: MIT */
/* Kernels whose ublk has a fault that is known. */
#include "tools/text/kernels.h"

#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"

#define VERSION(major, minor, patch) ((u32)(major) << 24 | (minor) << 16 | (patch))
#define ANY_PATCH 0xffff
#define ANY_BUILD 0xffff

/**
 * struct range - releases that have a fault
 * @first: VERSION(), and @last: that is one of them, too
 * @build: the number behind the version, as of Ubuntu's 6.17.0-35-generic
 * @is_aws: of that flavour alone: each counts its builds for itself
 */
struct range {
	u32 first;
	u32 last;
	u16 build_first;
	u16 build_last;
	u8 fault;
	bool is_aws;
};

#define ALL(fault_, first_, last_)                                                                 \
	{ .first = (first_), .last = (last_), .build_last = ANY_BUILD, .fault = (fault_) }
#define BUILDS(fault_, version, first_build, last_build)                                           \
	{ .first = (version), .last = (version), .build_first = (first_build),                     \
	  .build_last = (last_build), .fault = (fault_) }

static const struct range ranges[] = {
	BUILDS(KERNEL_ADD_OOPSES, VERSION(6, 17, 0), 35, 40),
	{ .first = VERSION(6, 17, 0), .last = VERSION(6, 17, 0), .build_first = 1019,
	  .build_last = 1019, .fault = KERNEL_ADD_OOPSES, .is_aws = true },
	ALL(KERNEL_ADD_OOPSES, VERSION(6, 18, 4), VERSION(6, 18, 5)),
	ALL(KERNEL_RECOVERY_OOPSES, VERSION(6, 1, 0), VERSION(6, 14, ANY_PATCH)),
	ALL(KERNEL_RECOVERY_STICKS, VERSION(6, 15, 0), VERSION(7, 2, ANY_PATCH)),
	ALL(KERNEL_TEARDOWN_RACES, VERSION(6, 0, 0), VERSION(7, 0, ANY_PATCH)),
	ALL(KERNEL_UBSAN_PANICS, VERSION(6, 19, 0), VERSION(7, 2, ANY_PATCH)),
	ALL(KERNEL_BATCH_QUIESCES_BADLY, VERSION(7, 0, 0), VERSION(7, 3, ANY_PATCH)),
};

/* In the order of the faults: a name, what happens, and what to do */
static const char texts[] =
	"kernel-add\0"
	"adding a device is known to make this kernel fall over, and no ublk command is answered "
	"from then on\0"
	"boot another kernel; add refuses on this one, but with --on-bad-kernel\0"
	"kernel-recovery-oops\0"
	"a server that dies while it takes a device over can make this kernel fall over (before "
	"6.15)\0"
	"\0"
	"kernel-recovery-stuck\0"
	"a server that dies while it takes a device over may never be let go (6.15 to 7.2)\0"
	"\0"
	"kernel-teardown\0"
	"a server that is killed under load is taken down less carefully than since 7.1\0"
	"\0"
	"kernel-ubsan\0"
	"zero copy may give a false warning here (UBSAN_BOUNDS, 6.19 to 7.2), and a warning is a "
	"panic\0"
	"sysctl kernel.panic_on_warn=0, or add with --mode=user-copy\0"
	"kernel-batch-quiesce\0"
	"a device with --batch=yes fails what comes after QUIESCE_DEV (7.0 to 7.3): upgrade goes "
	"another way\0"
	"\0";

/* The number at *text, which is moved behind it; 0 where there is none */
static u32 take_number(const char **text, u32 most)
{
	u64 value;

	if (!str_is_digit(**text) || parse_number(*text, &value, text))
		return 0;
	return value < most ? (u32)value : most;
}

static u32 take_part(const char **text, char before, u32 most)
{
	if (**text != before)
		return 0;
	++*text;
	return take_number(text, most);
}

bool kernel_has(const char *release, enum kernel_fault fault)
{
	u32 version = take_number(&release, 0xff) << 24;
	u32 build;

	version |= take_part(&release, '.', 0xff) << 16;
	version |= take_part(&release, '.', ANY_PATCH);
	build = take_part(&release, '-', ANY_BUILD);
	for (u32 i = 0; i < ARRAY_SIZE(ranges); i++) {
		const struct range *r = &ranges[i];

		if (r->fault == fault && version >= r->first && version <= r->last &&
		    build >= r->build_first && build <= r->build_last &&
		    (!r->is_aws || str_starts(release, "-aws")))
			return true;
	}
	return false;
}

const char *kernel_fault_name(enum kernel_fault fault)
{
	return str_nth(texts, 3 * fault);
}

const char *kernel_fault_text(enum kernel_fault fault)
{
	return str_nth(kernel_fault_name(fault), 1);
}

const char *kernel_fault_remedy(enum kernel_fault fault)
{
	return str_nth(kernel_fault_name(fault), 2);
}
