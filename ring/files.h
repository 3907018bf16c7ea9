/* SPDX-License-Identifier: MIT */
/*
 * Which file is in which slot of a ring's file table, and the table itself:
 * made empty, filled, found in by descriptor, replaced, emptied, made larger.
 *
 * Optional. The thread that owns the ring calls it. Memory is the caller's,
 * 12 bytes per slot, and nothing is allocated. Finding a slot takes about one
 * look for descriptors as the kernel hands them out, the lowest free one.
 *
 * The first slots of the table can be left to the kernel, which then chooses
 * among them for requests that make a file with IORING_FILE_INDEX_ALLOC (accept,
 * open, socket, pipe): it and ring_files_add() never want the same slot. Such
 * files have no descriptor. The completion's result is the slot, to be told by
 * ring_files_took(); after a request that closes a slot (ring_prep_close_direct())
 * comes ring_files_gone().
 *
 * A request names a slot in the fd of its entry, and has IOSQE_FIXED_FILE. A slot
 * is read when the request starts: one in flight goes on with the file that was
 * there, whatever the slot holds by now.
 */
#ifndef RING_FILES_H
#define RING_FILES_H

#include "ring/ring.h"

/* What struct ring_file_slot.fd holds when it is not a descriptor */
#define RING_FILES_EMPTY (-1)
#define RING_FILES_UNNAMED (-2) /* a file without a descriptor */

/* one slot: for reading fd, the rest is how slots are found */
struct ring_file_slot {
	s32 fd;
	u32 next;   /* of those with the same place, or of the empty ones */
	u32 bucket; /* the first of those whose descriptor has this place */
};

/**
 * struct ring_files - one ring's table; fields are for reading
 * @slots:     nr_slots of them, the caller's
 * @nr_kernel: how many of them, from 0 on, are the kernel's to choose from
 * @nr_used:   how many hold a file
 */
struct ring_files {
	struct ring *ring;
	struct ring_file_slot *slots;
	u32 nr_slots;
	u32 nr_kernel;
	u32 nr_used;
	u32 empty; /* the first of ours */
};

/**
 * ring_files_init() - register an empty table
 * @slots:     nr_slots of them, which stay until ring_files_exit() or _grow()
 * @nr_kernel: slots of these that the kernel may choose (6.0), 0 for none
 *
 * Return: 0, or
 *   -EINVAL  nr_slots is 0, or below nr_kernel; nr_kernel, and Linux is before 6.0
 *   -EBUSY   the ring has a table
 *   -EMFILE  more than RLIMIT_NOFILE, or 1048576
 *   -ENOMEM
 */
NODISCARD int ring_files_init(struct ring_files *f, struct ring *r, struct ring_file_slot *slots,
			      u32 nr_slots, u32 nr_kernel);

/* ring_files_exit() - unregister the table; files stay until no request uses them.
 * Before Linux 6.13 it waits for that. Safe on a zeroed struct. */
void ring_files_exit(struct ring_files *f);

/**
 * ring_files_add() - put a file into an empty slot
 *
 * The kernel takes a reference of its own. But the descriptor should stay open
 * as long as it is here: its number is the name by which the file is found, and
 * by which ring_files_grow() registers it again.
 *
 * Return: the slot, or
 *   -EEXIST  it is here already
 *   -ENFILE  no empty slot: see ring_files_grow()
 *   -EBADF   not open, or a ring
 */
NODISCARD int ring_files_add(struct ring_files *f, s32 fd);

/**
 * ring_files_replace() - put a file into a slot, whatever is there
 * @fd: RING_FILES_EMPTY empties the slot
 *
 * Return: 0, or
 *   -EINVAL  no such slot
 *   -EEXIST  it is in another slot
 *   -EBADF   not open: the slot is as it was; or a ring: the slot is empty
 */
NODISCARD int ring_files_replace(struct ring_files *f, u32 slot, s32 fd);

/* ring_files_del() - empty the slot of a descriptor, before it is closed; 0 or -ENOENT */
NODISCARD int ring_files_del(struct ring_files *f, s32 fd);

/* ring_files_slot() - the slot of a descriptor, or -ENOENT */
NODISCARD int ring_files_slot(const struct ring_files *f, s32 fd);

/* ring_files_fd() - the descriptor in a slot, RING_FILES_EMPTY or _UNNAMED;
 * EMPTY beyond the end */
static inline s32 ring_files_fd(const struct ring_files *f, u32 slot)
{
	return slot < f->nr_slots ? f->slots[slot].fd : RING_FILES_EMPTY;
}

/**
 * ring_files_took() - the kernel has put a file into a slot
 * @fd: a descriptor of the same file, as FIXED_FD_INSTALL makes it, or RING_FILES_UNNAMED
 *
 * Also for a slot that was told before, when its file has got a name. Nothing is
 * registered.
 *
 * Return: 0, -EINVAL: no such slot, or not a name; -EEXIST: @fd has another slot
 */
NODISCARD int ring_files_took(struct ring_files *f, u32 slot, s32 fd);

/* ring_files_gone() - a request has emptied a slot; 0 or -EINVAL. Nothing is
 * unregistered. */
NODISCARD int ring_files_gone(struct ring_files *f, u32 slot);

/**
 * ring_files_grow() - a larger table with the same files in the same slots
 * @slots:    nr_slots of them, other memory than now; after that the old is free
 * @nr_slots: at least as many as now. The kernel's part stays as it is.
 *
 * io_uring cannot extend a table: it is unregistered and registered anew, from
 * descriptors. What that means:
 *
 * - Requests in flight go on with their files, and nothing is lost. Before
 *   Linux 6.13 this waits for all that use a slot: such as wait for an event
 *   have to be cancelled first.
 * - Entries that are prepared and not submitted, and requests that wait behind a
 *   link, find their slots afterwards. Between the two calls there is no table:
 *   what starts then, on an SQPOLL ring or by the end of the request before it in
 *   a chain, gets -EBADF. Let them end first.
 * - Files without a descriptor cannot come along. Give them one
 *   (ring_prep_fixed_fd_install(), 6.8, then ring_files_took()), or close them. A
 *   request that may yet make one must have ended.
 *
 * Return: 0, or, with the table as it was,
 *   -EINVAL  fewer slots than now
 *   -EBUSY   there is a file without a descriptor
 *   -EBADF   a descriptor here was closed
 *   -EMFILE, -ENOMEM, -EINTR
 * When even the old table cannot be registered again, for want of memory, it is gone:
 * nr_slots is 0, and *f as after ring_files_exit().
 */
NODISCARD int ring_files_grow(struct ring_files *f, struct ring_file_slot *slots, u32 nr_slots);

#endif
