/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing one file over a ring, as read(2) and write(2) do:
 * synchronously, from a position that moves. Short transfers, -EINTR and
 * -EAGAIN are taken care of; other requests of the ring are dispatched
 * meanwhile (ring_call()).
 *
 * Optional. The thread that owns the ring calls it; nothing is allocated. The
 * position is this struct's, not the descriptor's: what others do with the
 * same descriptor (or a copy of it) does not move it.
 */
#ifndef RING_FILE_H
#define RING_FILE_H

#include "ring/ring.h"

/**
 * struct ring_file - one open file
 * @fd:           its descriptor, -1 when it has a slot only
 * @slot:         its place in the ring's file table, which requests then use; or -1
 * @offset_bytes: the position: where ring_file_read() and ring_file_write() go on
 * @is_stream:    a pipe, socket or terminal: it has no positions, and a read
 *                returns with what is there
 * @is_append:    O_APPEND: every write goes to the end of the file
 */
struct ring_file {
	struct ring *ring;
	u64 offset_bytes;
	s32 fd;
	s32 slot;
	bool is_stream;
	bool is_append;
};

/**
 * ring_file_init() - look at a file
 * @fd:   open; the struct has it from now on. -1: there is a slot only
 * @slot: where it is registered with the ring, or -1. The slot stays the
 *        caller's, or that of a struct ring_files.
 *
 * The position is the descriptor's. A file with a slot only starts at 0, and of
 * such a file nothing can be asked: for a stream, or one with O_APPEND, set
 * the two fields yourself.
 *
 * Return: 0, or -EBADF
 */
NODISCARD int ring_file_init(struct ring_file *f, struct ring *r, s32 fd, s32 slot);

/**
 * ring_file_read() - read from the position on, and move it
 *
 * Fewer bytes than asked for only at the end of the file, before an error (which
 * the next call returns), or of a stream.
 *
 * Return: bytes, 0 at the end (or for @len_bytes 0), or -errno
 */
NODISCARD s64 ring_file_read(struct ring_file *f, void *buf, u64 len_bytes);

/* ring_file_read_at() - the same from a place of the file; the position stays.
 * -ESPIPE: a stream has no places. */
NODISCARD s64 ring_file_read_at(struct ring_file *f, void *buf, u64 len_bytes, u64 offset_bytes);

/**
 * ring_file_write() - write at the position, and move it
 *
 * Writes everything, streams included. With O_APPEND the position is behind
 * what was written, wherever the end of the file was; but of a file with a slot
 * only it is not known and stays.
 *
 * Return: bytes, fewer than @len_bytes only before an error (which the next call
 * returns), or -errno: -EPIPE (with a SIGPIPE), -EFBIG (with a SIGXFSZ), -ENOSPC ...
 */
NODISCARD s64 ring_file_write(struct ring_file *f, const void *buf, u64 len_bytes);

/* ring_file_write_at() - the same at a place of the file; the position stays.
 * A file with O_APPEND is written to at its end, as pwrite(2) does. */
NODISCARD s64 ring_file_write_at(struct ring_file *f, const void *buf, u64 len_bytes,
				 u64 offset_bytes);

/**
 * ring_file_seek() - move the position
 * @whence: SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE
 *
 * io_uring has no such request: it is lseek(2), which moves the descriptor's
 * position too.
 *
 * Return: the new position, or
 *   -EINVAL     before the start of the file, or no such whence
 *   -EOVERFLOW  too large
 *   -ENXIO      no data there
 *   -ESPIPE     a stream has no positions
 *   -EBADF      SEEK_END, _DATA and _HOLE of a file with a slot only
 */
NODISCARD s64 ring_file_seek(struct ring_file *f, s64 offset_bytes, int whence);

/**
 * ring_file_close() - close the descriptor; of a file with a slot only, empty the slot
 *
 * Return: 0, or
 *   -EBADF          closed before
 *   -EBUSY, -EAGAIN could not be submitted: the file is still open
 *   ...             what a close can say; it is closed
 */
NODISCARD int ring_file_close(struct ring_file *f);

#endif
