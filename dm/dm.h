/* SPDX-License-Identifier: MIT */
/*
 * The device mapper through its control node, by ioctl. Knows neither rings
 * nor ublk, keeps no state but what the caller holds, and never prints. Any
 * thread may call any function; threads may share a descriptor.
 *
 *	dm/dm.h       devices: made, suspended, resumed, renamed, removed, asked
 *	dm/reply.h    answers of any length: lists, tables, dependencies, messages
 *	dm/table.h    tables: built from words or from text, checked, loaded
 *	dm/concise.h  several devices with their tables in one line
 *	dm/node.h     /dev/mapper/NAME without udev, and names in file names
 *	dm/udev.h     with udev: waiting until it has made them
 *
 * A device is born without a table. A table is loaded into its inactive slot,
 * and dm_resume() makes it the live one:
 *
 *	static const char *const args[] = { "/dev/sda", "0" };
 *	struct dm_table t = { 0 };
 *	struct dm_info info;
 *
 *	err = dm_table_add(&t, 0, 2048, "linear", args, 2, &why);
 *	err = err ? err : dm_create(fd, "disk", NULL, DM_ANY_MINOR, &info);
 *	err = err ? err : dm_load(fd, dm_by_dev(info.dev), &t, 0, NULL);
 *	err = err ? err : dm_resume(fd, dm_by_dev(info.dev), 0, 0, NULL);
 *
 * dm_create_active() does all of this or nothing; selftests/examples/ has a
 * whole program. A node /dev/dm-N is made by devtmpfs with the first table that
 * is loaded, not before; /dev/mapper/NAME is for udev, or for dm_node_make().
 *
 * Another table for a device that is in use, with I/O held back meanwhile and
 * none of it lost:
 *
 *	err = dm_load(fd, id, &t, 0, NULL);
 *	err = err ? err : dm_resume(fd, id, 0, cookie, NULL);
 *
 * Who suspends several devices of a stack by himself must not touch a file on
 * them, and so no page that is not locked, until he has resumed them.
 *
 * Keys: a table that is_secret and a reply asked for with DM_SECURE_DATA_FLAG are locked in
 * memory, left out of cores and wiped, and the kernel wipes what it was given; of a
 * message it always does. What the caller read them from is his to wipe.
 *
 * Every command is sent as the lowest version of the interface that knows the
 * command and its flags: a kernel refuses a minor above its own, and one that is
 * older than a flag would take no notice of it. Errors that all commands share:
 *   -EACCES  the caller has no CAP_SYS_ADMIN in the initial user namespace
 *   -ENXIO   there is no such device
 *   -ENOTTY  the kernel does not know the command, or it is no control node
 *   -EPROTONOSUPPORT  the kernel's interface is older than the command or a flag of it
 *   -EINVAL  the kernel's log tells the reason
 *   -ENAMETOOLONG  a name of more than 127 bytes, a uuid of more than 128; the kernel
 *            would cut it and say nothing
 * An error leaves *info as it was.
 * Sources: drivers/md/dm-ioctl.c, Linux 7.3
 */
#ifndef DM_DM_H
#define DM_DM_H

#include "uapi/dm-ioctl.h"
#include "uapi/rt/diag.h"
#include "uapi/types.h"

struct dm_reply;
struct dm_table;

/* The kernel's interface version, as dmsetup shows it: 4.50.0 in Linux 7.3 */
struct dm_version {
	u32 major;
	u32 minor;
	u32 patchlevel;
};

/**
 * dm_control_open() - open /dev/mapper/control
 *
 * Needs only read permission; capabilities are asked for by every command.
 * Neither loads the module nor makes the node; the kernel asks modprobe for the
 * module where the node is there first. What it opens is not looked at: a file that is
 * something else answers the first command with -ENOTTY.
 *
 * Return: a descriptor (close-on-exec) that dm_control_close() takes, or
 *   -ENOENT  there is no node
 *   -ENODEV, -ENXIO  there is a node but no dm-mod behind it
 *   -EACCES  the node's mode forbids it
 *   or what else openat(2) answers
 */
NODISCARD int dm_control_open(void);

/**
 * dm_control_make() - make /dev/mapper/control where neither devtmpfs nor udev has
 *
 * A character device 10:236, mode 0600, in a directory of mode 0755. What stands in its
 * place and is no such device is replaced; the right node keeps its owner and mode.
 *
 * Return: 0, or -EPERM (no CAP_MKNOD), -EROFS, -EISDIR, ...
 */
NODISCARD int dm_control_make(void);

/** dm_control_close() - close it; a negative descriptor is left alone */
void dm_control_close(int control_fd);

/**
 * dm_version_get() - ask the kernel which interface it speaks
 * @control_fd: from dm_control_open()
 * @version:    filled on success and with -EPROTONOSUPPORT, else all zero
 *
 * Return: 0, or
 *   -EACCES           no CAP_SYS_ADMIN (not -EPERM, and no version is told)
 *   -EPROTONOSUPPORT  the kernel's major is not 4
 *   -ENOTTY           the descriptor is not a device mapper control node
 * Source: ctl_ioctl() and check_version()
 */
NODISCARD int dm_version_get(int control_fd, struct dm_version *version);

/* Which device */

enum dm_id_kind {
	DM_ID_NAME,
	DM_ID_UUID,
	DM_ID_DEV,
};

/**
 * struct dm_id - a device by one of its three identities
 * @text: name or uuid, the caller's for as long as the id is used
 * @dev:  number, as dm_dev() makes it
 */
struct dm_id {
	union {
		const char *text;
		u64 dev;
	};
	enum dm_id_kind kind;
};

static inline struct dm_id dm_by_name(const char *name)
{
	return (struct dm_id){ .kind = DM_ID_NAME, .text = name };
}

static inline struct dm_id dm_by_uuid(const char *uuid)
{
	return (struct dm_id){ .kind = DM_ID_UUID, .text = uuid };
}

static inline struct dm_id dm_by_dev(u64 dev)
{
	return (struct dm_id){ .kind = DM_ID_DEV, .dev = dev };
}

#define DM_MAX_MAJOR 0xfff
#define DM_MAX_MINOR 0xfffff

/** dm_dev() - the kernel's encoding of a device number, which mknod(2) takes as well. Where a part
 * is too large it would name another device: the result is nobody's then. */
u64 dm_dev(u32 major, u32 minor);

static inline u32 dm_dev_major(u64 dev)
{
	return (u32)(dev >> 8 & 0xfff);
}

u32 dm_dev_minor(u64 dev);

/* Bytes that dm_dev_text() needs */
#define DM_DEV_BYTES 16

/** dm_dev_text() - "254:0", as tables and /sys have it; returns text */
const char *dm_dev_text(char text[DM_DEV_BYTES], u64 dev);

/**
 * struct dm_info - what the kernel says of a device
 * @flags:      DM_SUSPEND_FLAG, DM_READONLY_FLAG, DM_ACTIVE_PRESENT_FLAG,
 *              DM_INACTIVE_PRESENT_FLAG, DM_DEFERRED_REMOVE, DM_UEVENT_GENERATED_FLAG,
 *              DM_INTERNAL_SUSPEND_FLAG
 * @nr_targets: of the live table, or of the inactive one when that was asked for
 * @event_nr:   what dm_wait() compares with
 */
struct dm_info {
	u64 dev;
	s32 open_count;
	u32 event_nr;
	u32 nr_targets;
	u32 flags;
	char name[DM_NAME_LEN];
	char uuid[DM_UUID_LEN];
};

/*
 * Commands for one device. @info may be NULL. @cookie is what udev is told by
 * the event that the command makes, from dm_cookie_take(): flags in the upper
 * half, a semaphore's key in the lower; 0 sends no DM_COOKIE. Where
 * DM_UEVENT_GENERATED_FLAG is not in the answer there is no event, and nobody
 * will take the semaphore down.
 */

#define DM_ANY_MINOR (-1)

/**
 * dm_check_name() - whether a device can have this name
 *
 * dm_create() and dm_rename() ask for themselves. 6.1 would take ".", ".." and "control",
 * which newer kernels refuse.
 *
 * Return: 0, -ENAMETOOLONG, or -EINVAL: it is empty, has a '/', or is one of these three
 */
NODISCARD int dm_check_name(const char *name);

/**
 * dm_create() - make a device without a table
 * @uuid:  or NULL; it cannot be changed later, but set once when there is none
 * @minor: or DM_ANY_MINOR; the major is always the kernel's own
 *
 * Return: 0, or
 *   -EBUSY   the name or the uuid is taken
 *   -ENXIO   the minor is taken, or the kernel has no memory or thread (threads-max, pid_max:
 *            each device has one) for another device
 *   -EINVAL  see dm_check_name(); or a minor above DM_MAX_MINOR
 *   -ENAMETOOLONG  the name, or the uuid
 */
NODISCARD int dm_create(int control_fd, const char *name, const char *uuid, s32 minor,
			struct dm_info *info);

/**
 * dm_load() - put a table into the inactive slot, in place of what is there
 * @flags: DM_READONLY_FLAG; DM_SECURE_DATA_FLAG: the kernel wipes its copy and
 *         the whole of the table, which is empty afterwards, also on failure. A table
 *         that is_secret has it without being asked.
 *
 * Loads the modules of its targets if the kernel can.
 *
 * Return: 0, or
 *   -EINVAL  no lines, an unknown type, parameters that its target does not take, or a
 *            target that the live one cannot be replaced by
 *   -ENOENT  a device in it is not there; -ENODEV from older kernels
 *   -EBUSY   a device in it is in use by others
 *   ...
 */
NODISCARD int dm_load(int control_fd, struct dm_id id, struct dm_table *t, u32 flags,
		      struct dm_info *info);

/** dm_clear() - empty the inactive slot; no error when it is empty */
NODISCARD int dm_clear(int control_fd, struct dm_id id, struct dm_info *info);

/**
 * dm_suspend() - wait for I/O in flight, hold back what comes
 * @flags: DM_NOFLUSH_FLAG (requests of multipath are queued, not waited for),
 *         DM_SKIP_LOCKFS_FLAG (do not freeze the filesystem on it)
 *
 * A suspended device counts as success.
 */
NODISCARD int dm_suspend(int control_fd, struct dm_id id, u32 flags, struct dm_info *info);

/**
 * dm_resume() - make the inactive table, if any, the live one and let I/O go
 * @flags: as dm_suspend(): a device that runs is suspended for the swap
 *
 * A device that is not suspended and has no new table counts as success.
 *
 * Return: 0, or -EINVAL (it is suspended and has no table, or the new one does not fit
 * the device: it is gone then), ...
 */
NODISCARD int dm_resume(int control_fd, struct dm_id id, u32 flags, u32 cookie,
			struct dm_info *info);

/**
 * dm_remove() - remove it
 * @flags: DM_DEFERRED_REMOVE: once nobody has it open any more, if need be
 *
 * With the flag the answer's DM_DEFERRED_REMOVE tells that it is still there;
 * dm_cancel_deferred_remove() takes it back. No event with a cookie comes of it then.
 *
 * Return: 0, or -EBUSY: it is open
 */
NODISCARD int dm_remove(int control_fd, struct dm_id id, u32 flags, u32 cookie,
			struct dm_info *info);

/** dm_cancel_deferred_remove() - it stays; no error when there was nothing to cancel, -EBUSY
 * when it is being removed already */
NODISCARD int dm_cancel_deferred_remove(int control_fd, struct dm_id id);

/** dm_remove_all() - all that is not open (all, in time, with DM_DEFERRED_REMOVE);
 * the kernel does not tell what is left */
NODISCARD int dm_remove_all(int control_fd, u32 flags);

/**
 * dm_rename() - give it another name
 *
 * The kernel knows only names here; an id of another kind is looked up first. The answer
 * has the new name.
 *
 * Return: 0, or -EBUSY (the name is taken, or is its own), or what dm_check_name() says of it
 */
NODISCARD int dm_rename(int control_fd, struct dm_id id, const char *name, u32 cookie,
			struct dm_info *info);

/** dm_set_uuid() - give a device without a uuid one; -EINVAL when it has one */
NODISCARD int dm_set_uuid(int control_fd, struct dm_id id, const char *uuid, u32 cookie,
			  struct dm_info *info);

/** dm_info_get() - ask; DM_QUERY_INACTIVE_TABLE_FLAG for the inactive table's figures */
NODISCARD int dm_info_get(int control_fd, struct dm_id id, u32 flags, struct dm_info *info);

/** dm_set_geometry() - what HDIO_GETGEO answers; cylinders at most 65535, heads
 * and sectors 255, @start in sectors */
NODISCARD int dm_set_geometry(int control_fd, struct dm_id id, u32 cylinders, u32 heads,
			      u32 sectors, u64 start);

/**
 * dm_create_active() - a device with a live table, or nothing
 * @uuid:   or NULL
 * @minor:  or DM_ANY_MINOR
 * @flags:  as dm_load()
 * @cookie: for its resume
 * @why:    filled on failure: which step, and what is left behind if anything is
 *
 * A device of that name that was there before is not touched, and of several who
 * make the same at once one succeeds. What was made is removed again on failure, with some
 * patience: a prober may hold it open. Signals wait until it is over; only SIGKILL may
 * leave a device without a live table behind, which the next caller is told of.
 *
 * Return: 0, or as dm_create(), dm_load(), dm_resume()
 */
NODISCARD int dm_create_active(int control_fd, const char *name, const char *uuid, s32 minor,
			       struct dm_table *t, u32 flags, u32 cookie, struct dm_info *info,
			       struct diag *why);

/**
 * dm_remove_retry() - dm_remove(), again while it is open
 * @timeout_ms: how long to go on; 0 tries once
 */
NODISCARD int dm_remove_retry(int control_fd, struct dm_id id, u32 cookie, u32 timeout_ms,
			      struct dm_info *info);

/**
 * dm_replace_with_errors() - the target "error" in the place of the live table
 * @flags: DM_NOFLUSH_FLAG, DM_SKIP_LOCKFS_FLAG as dm_suspend(): with both no I/O is waited for;
 *         DM_READONLY_FLAG, which the device keeps if it is
 *
 * What is held back fails, and who has it open gets errors from now on. Without a live table
 * only the inactive slot is emptied. dm_remove_retry() after it is a removal by force: it does
 * not wait for the table's devices.
 *
 * Return: 0, or as dm_load() and dm_resume(); the inactive slot is empty then
 */
NODISCARD int dm_replace_with_errors(int control_fd, struct dm_id id, u32 flags, u32 cookie,
				     struct dm_info *info);

/* Commands that answer at length: see dm/reply.h for how it is read */

/**
 * dm_list() - the devices that there are, sorted by name
 * @name_prefix, @uuid_prefix: only those that start so; NULL for all
 * @flags: DM_UUID_FLAG: with their uuids
 *
 * The kernel does the choosing. dm_next_name() walks through them, with event numbers.
 */
NODISCARD int dm_list(int control_fd, const char *name_prefix, const char *uuid_prefix, u32 flags,
		      struct dm_reply *r);

/**
 * dm_table_status() - one line per target
 * @flags: DM_STATUS_TABLE_FLAG for the table, DM_IMA_MEASUREMENT_FLAG for what IMA
 *         measures, otherwise its state; with it DM_NOFLUSH_FLAG (thin pools),
 *         DM_QUERY_INACTIVE_TABLE_FLAG, DM_SECURE_DATA_FLAG (a table with keys: call
 *         dm_reply_wipe() when done)
 */
NODISCARD int dm_table_status(int control_fd, struct dm_id id, u32 flags, struct dm_reply *r);

/** dm_deps() - the devices that its table uses; DM_QUERY_INACTIVE_TABLE_FLAG */
NODISCARD int dm_deps(int control_fd, struct dm_id id, u32 flags, struct dm_reply *r);

/**
 * dm_wait() - until its event number is not @event_nr
 *
 * Blocks without a limit, which dm_wait_event() has; a signal ends it with -EINTR.
 * Renames, removal and events of targets count, tables do not. The answer is
 * dm_table_status()'s.
 */
NODISCARD int dm_wait(int control_fd, struct dm_id id, u32 event_nr, u32 flags,
		      struct dm_reply *r);

/**
 * dm_message() - tell a target, or the device ("@..."), something
 * @sector:     any of the target's
 * @room_bytes: for its answer, 0 for 64 KiB. Never sent twice: an answer that is
 *              larger is lost
 *
 * It may be a key: the kernel is always asked to leave no copy of it.
 *
 * Return: 0 (dm_reply_text() has the answer, if there is one), or
 *   -EOVERFLOW  it was done, but the answer is larger than room_bytes
 *   or what the target answers
 */
NODISCARD int dm_message(int control_fd, struct dm_id id, u64 sector, const char *text,
			 u32 room_bytes, struct dm_reply *r);

/** dm_list_targets() - target types that are loaded, with their versions */
NODISCARD int dm_list_targets(int control_fd, struct dm_reply *r);

/**
 * dm_target_version() - load a target type if need be, and ask for its version
 *
 * Return: 0, or -EINVAL: there is no such type, or its module cannot be loaded
 */
NODISCARD int dm_target_version(int control_fd, const char *type, struct dm_version *version);

/* Events of all devices, through the descriptor */

/**
 * dm_arm_poll() - forget the events so far
 *
 * dm_poll(), or poll(2) for POLLIN on the descriptor, then waits for the next one of any
 * device: created, removed, renamed, a new table, an event of a target. Opening
 * arms it, too. Arm first, then dm_list() and compare, then poll.
 */
NODISCARD int dm_arm_poll(int control_fd);

/**
 * dm_poll() - wait until there was an event since the descriptor was armed
 * @timeout_ms: 0 looks once, below 0 waits without a limit
 *
 * Return: 1 there was one (and still is: it has to be armed again), 0 time is up, or
 *   -EINTR  a signal
 *   -EBADF  no control node
 */
NODISCARD int dm_poll(int control_fd, s64 timeout_ms);

/**
 * dm_wait_event() - dm_wait() with a limit, and without the table
 * @timeout_ms: as dm_poll()
 * @info:       of the device as it is then; must not be NULL
 *
 * Arms the descriptor, which therefore should not be polled by somebody else. An id by number
 * stays the device's when it is renamed.
 *
 * Return: 0, or
 *   -ETIME  no event
 *   -ENXIO  it is gone
 *   -EINTR  a signal
 */
NODISCARD int dm_wait_event(int control_fd, struct dm_id id, u32 event_nr, s64 timeout_ms,
			    struct dm_info *info);

/**
 * dm_mpath_probe() - have a multipath device try its paths, and fail those that do not work
 * @block_fd: of the device itself, open for reading
 *
 * The paths are those of the group in use, which the first I/O chooses. For who sends SCSI
 * commands through the device, whose errors the kernel cannot see.
 *
 * Return: 0, also when some paths have failed, which its status tells, or
 *   -ENOTTY    it is no multipath device, or the kernel is older than 6.16
 *   -ENOTCONN  no path is left, and it does not queue
 * Source: probe_active_paths(), drivers/md/dm-mpath.c
 */
NODISCARD int dm_mpath_probe(int block_fd);

#endif
