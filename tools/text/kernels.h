/* SPDX-License-Identifier: MIT */
/* Kernels whose ublk has a fault that is known, by their releases. */
#ifndef TOOLS_TEXT_KERNELS_H
#define TOOLS_TEXT_KERNELS_H

#include "uapi/types.h"

enum kernel_fault {
	KERNEL_ADD_OOPSES,
	KERNEL_RECOVERY_OOPSES,
	KERNEL_RECOVERY_STICKS,
	KERNEL_TEARDOWN_RACES,
	KERNEL_UBSAN_PANICS, /* only where a warning is a panic */
	KERNEL_BATCH_QUIESCES_BADLY,
	KERNEL_NR_FAULTS,
};

/**
 * kernel_has() - is it one of those?
 * @release: of the kernel, "6.17.0-35-generic"
 *
 * A release tells what its distribution began with, not what was put right
 * since: false is no promise, and true may be a false alarm.
 */
bool kernel_has(const char *release, enum kernel_fault fault);

/* kernel_fault_name() - for programs; stays as it is */
const char *kernel_fault_name(enum kernel_fault fault);

/* kernel_fault_text() - what happens; kernel_fault_remedy() - and what to do, "" for nothing */
const char *kernel_fault_text(enum kernel_fault fault);
const char *kernel_fault_remedy(enum kernel_fault fault);

#endif
