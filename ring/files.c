/* SPDX-License-Identifier: MIT */
/*
 * The file table and its index: a hash by descriptor modulo the number of
 * slots, which for dense numbers hardly ever collides. Slots whose descriptors
 * have the same place are a list, and so are the empty ones.
 */
#include "ring/files.h"

#include <asm/errno.h>
#include <linux/fcntl.h>

#include "ring/register.h"
#include "uapi/sys.h"

#define NONE (~0U) /* end of a list */

/* The list that a slot is in when it holds @fd; one of the kernel's that is
 * empty, and a file without a name, is in none */
static u32 *list_of(struct ring_files *f, u32 slot, s32 fd)
{
	if (fd >= 0)
		return &f->slots[(u32)fd % f->nr_slots].bucket;
	return fd == RING_FILES_EMPTY && slot >= f->nr_kernel ? &f->empty : NULL;
}

static void link_in(struct ring_files *f, u32 slot, s32 fd)
{
	struct ring_file_slot *s = &f->slots[slot];
	u32 *link = list_of(f, slot, fd);

	s->fd = fd;
	f->nr_used += fd != RING_FILES_EMPTY;
	if (link) {
		s->next = *link;
		*link = slot;
	}
}

static void set(struct ring_files *f, u32 slot, s32 fd)
{
	struct ring_file_slot *s = &f->slots[slot];
	u32 *link = list_of(f, slot, s->fd);

	f->nr_used -= s->fd != RING_FILES_EMPTY;
	if (link) {
		while (*link != slot)
			link = &f->slots[*link].next;
		*link = s->next;
	}
	link_in(f, slot, fd);
}

/* The memory of the slots is an array of descriptors first, which the kernel reads. */
static int make(struct ring_files *f, const struct ring_files *old)
{
	s32 *fds = (s32 *)(void *)f->slots;
	int err;

	for (u32 i = 0; i < f->nr_slots; i++)
		fds[i] = ring_files_fd(old, i);
	err = ring_register_files(f->ring, fds, f->nr_slots);
	if (err || !f->nr_kernel)
		return err;
	err = ring_register_file_alloc_range(f->ring, 0, f->nr_kernel);
	if (err)
		(void)!ring_unregister_files(f->ring);
	return err;
}

static void index_all(struct ring_files *f, const struct ring_files *old)
{
	for (u32 i = 0; i < f->nr_slots; i++)
		f->slots[i].bucket = NONE;
	/* So that the lowest is the first */
	for (u32 i = f->nr_slots; i--;)
		link_in(f, i, ring_files_fd(old, i));
}

int ring_files_init(struct ring_files *f, struct ring *r, struct ring_file_slot *slots,
		    u32 nr_slots, u32 nr_kernel)
{
	static const struct ring_files none = { .nr_slots = 0 };
	int err;

	*f = (struct ring_files){ r, slots, nr_slots, nr_kernel, 0, NONE };
	err = nr_slots && nr_kernel <= nr_slots ? make(f, &none) : -EINVAL;
	if (err)
		*f = none;
	else
		index_all(f, &none);
	return err;
}

void ring_files_exit(struct ring_files *f)
{
	if (f->nr_slots)
		(void)!ring_unregister_files(f->ring);
	*f = (struct ring_files){ .nr_slots = 0 };
}

int ring_files_slot(const struct ring_files *f, s32 fd)
{
	u32 slot = fd < 0 || !f->nr_slots ? NONE : f->slots[(u32)fd % f->nr_slots].bucket;

	while (slot != NONE && f->slots[slot].fd != fd)
		slot = f->slots[slot].next;
	return slot == NONE ? -ENOENT : (int)slot;
}

/* May @slot be known by @fd? */
static int check(const struct ring_files *f, u32 slot, s32 fd)
{
	int other = ring_files_slot(f, fd);

	if (slot >= f->nr_slots)
		return -EINVAL;
	return other >= 0 && (u32)other != slot ? -EEXIST : 0;
}

int ring_files_replace(struct ring_files *f, u32 slot, s32 fd)
{
	int err = check(f, slot, fd);

	/* The kernel empties the slot before it looks at the descriptor. */
	if (!err && fd != RING_FILES_EMPTY)
		err = sys_fcntl(fd, F_GETFD, 0);
	if (err < 0)
		return err;
	err = ring_register_files_update(f->ring, slot, &fd, 1);
	if (err >= 0)
		set(f, slot, fd);
	else if (err == -EBADF || err == -ENOMEM)
		set(f, slot, RING_FILES_EMPTY);
	return err < 0 ? err : 0;
}

int ring_files_add(struct ring_files *f, s32 fd)
{
	u32 slot = f->empty;
	int err;

	if (ring_files_slot(f, fd) >= 0)
		return -EEXIST;
	if (slot >= f->nr_slots)
		return -ENFILE;
	err = fd < 0 ? -EBADF : ring_files_replace(f, slot, fd);
	return err ? err : (int)slot;
}

int ring_files_del(struct ring_files *f, s32 fd)
{
	int slot = ring_files_slot(f, fd);

	return slot < 0 ? slot : ring_files_replace(f, (u32)slot, RING_FILES_EMPTY);
}

int ring_files_took(struct ring_files *f, u32 slot, s32 fd)
{
	int err = fd >= 0 || fd == RING_FILES_UNNAMED ? check(f, slot, fd) : -EINVAL;

	if (!err)
		set(f, slot, fd);
	return err;
}

int ring_files_gone(struct ring_files *f, u32 slot)
{
	if (slot >= f->nr_slots)
		return -EINVAL;
	set(f, slot, RING_FILES_EMPTY);
	return 0;
}

/* Everything that can be known beforehand is, since after it there is no table. */
static int can_move(const struct ring_files *f)
{
	for (u32 i = 0; i < f->nr_slots; i++) {
		s32 fd = f->slots[i].fd;

		if (fd == RING_FILES_UNNAMED)
			return -EBUSY;
		if (fd >= 0 && sys_fcntl(fd, F_GETFD, 0) < 0)
			return -EBADF;
	}
	return 0;
}

int ring_files_grow(struct ring_files *f, struct ring_file_slot *slots, u32 nr_slots)
{
	struct ring_files grown = { f->ring, slots, nr_slots, f->nr_kernel, 0, NONE };
	int err = nr_slots >= f->nr_slots && f->nr_slots ? can_move(f) : -EINVAL;

	if (!err)
		err = ring_unregister_files(f->ring);
	if (err)
		return err;
	err = make(&grown, f);
	if (!err) {
		index_all(&grown, f);
		*f = grown;
		return 0;
	}
	/* The same again, as long as it was */
	grown.nr_slots = f->nr_slots;
	if (make(&grown, f))
		*f = (struct ring_files){ .nr_slots = 0 };
	return err;
}
