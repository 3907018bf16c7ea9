/* SPDX-License-Identifier: MIT */
/*
 * A ublk device that the running test serves itself, through the library's
 * public headers, with another process that uses it.
 *
 * With threads, or with none: then the test's thread serves while it waits for
 * the other process, so waits for it go by rig_wait().
 */
#ifndef SELFTESTS_DEVICE_H
#define SELFTESTS_DEVICE_H

#include "selftests/blockdev.h"
#include "selftests/harness/harness.h"
#include "uapi/rt/free/thread.h"
#include "ublk/dev.h"

#define DEVICE_MAX_THREADS 64
#define DEVICE_STACK_BYTES 65536
#define DEVICE_MAX_IDS 8

/* So long may the kernel take for a command, under emulation too */
#define DEVICE_TIMEOUT_MS 10000

/* Skips a case where there is no ublk or no right to it, and removes the
 * devices that the case told device_record() of and left behind. */
extern const struct test_fixture device_fixture;

/* device_record() - this id is this case's */
void device_record(s32 dev_id);

/* device_thread_hook() - threads for opts->threads; one device's at a time */
struct device_threads {
	struct thread threads[DEVICE_MAX_THREADS];
	struct ublk_threads hook;
};
const struct ublk_threads *device_thread_hook(struct device_threads *t);

/* device_ctrl_open() - a way to the driver that is not the device's own, or fail */
void device_ctrl_open(struct ublk_ctrl *c);

/* device_kernel_state() - UBLK_S_DEV_* of the kernel's device, or -ENODEV */
int device_kernel_state(s32 dev_id);

/* struct device_counts - what must not grow; tasks without the kernel's own, the
 * workers of io_uring */
struct device_counts {
	u32 nr_files;
	u32 nr_mappings;
	u32 nr_tasks;
};

/* device_check_counts() - fails unless the process has come back to @before in
 * a few seconds: a ring that is closed takes a while to go */
void device_count(struct device_counts *c);
void device_check_counts(const struct device_counts *before);

/* struct rig - the server and the user */
struct rig {
	struct ublk_dev dev;
	struct ublk_error error;
	struct ublk_dev_opts opts;
	struct device_threads threads;
	struct blockdev user;
	char path[24]; /* of the block device, once created */
};

/* rig_init() - fork the user; opts: threads and defaults, for the test to change */
void rig_init(struct rig *r, const struct tgt_type *const *types, const char *spec,
	      bool has_threads);

/* rig_create() - ublk_dev_create(), recorded */
NODISCARD int rig_create(struct rig *r);

/* rig_up() - create, start, open the disk with @flags in the user; or fail */
void rig_up(struct rig *r, int flags);

/* rig_down() - close the disk and the device, end the user, see that all is gone */
void rig_down(struct rig *r);

/* The user's doings, served meanwhile; as in blockdev.h */
s64 rig_wait(struct rig *r);
NODISCARD int rig_open(struct rig *r, int flags);
void rig_close(struct rig *r);
NODISCARD s64 rig_do(struct rig *r, enum oracle_kind kind, u64 offset_bytes, u64 len_bytes);

/* rig_fill(), rig_check() - write, and read and compare, bytes that follow from
 * the seed and the place; at most BLOCKDEV_BUF_BYTES */
void rig_fill(struct rig *r, u64 seed, u64 offset_bytes, u64 len_bytes);
void rig_check(struct rig *r, u64 seed, u64 offset_bytes, u64 len_bytes);

/* device_fail() - end the case with what the library says */
_Noreturn void device_fail(const struct ublk_error *error);

#endif
