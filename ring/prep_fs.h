/* SPDX-License-Identifier: MIT */
/*
 * Requests on names and descriptors: open, close, stat, rename, attributes,
 * pipes, and the table of fixed files.
 *
 * Paths, names of attributes, values to set and struct open_how are copied at
 * submission, so they may go once ring_submit() has taken the entry; on a ring
 * with SQPOLL they stay until the completion. What the kernel fills (a struct
 * statx, a value to get, an array of descriptors) stays until the completion.
 *
 * The directory @dfd, against which a relative path is looked up, is a
 * descriptor or AT_FDCWD, never a slot: IOSQE_FIXED_FILE is -EBADF.
 */
#ifndef RING_PREP_FS_H
#define RING_PREP_FS_H

#include <linux/openat2.h>

#include "ring/prep_base.h"

struct statx;

/* AT_FDCWD: <linux/fcntl.h> does not go with a C library's <fcntl.h> */
#define RING_AT_FDCWD (-100)

/* openat(2) (5.6). Without O_CLOEXEC the descriptor survives an exec, as it does there. */
static inline void ring_prep_openat(struct io_uring_sqe *sqe, s32 dfd, const char *path, u32 flags,
				    u32 mode)
{
	ring_prep_op(IORING_OP_OPENAT, sqe, dfd, path, mode, 0, flags);
}

/* ... into the slot @file_index of the file table, or IORING_FILE_INDEX_ALLOC (5.15, 5.19);
 * a file that was there is closed. The result is 0, or the slot that the kernel chose.
 * O_CLOEXEC is -EINVAL: there is no descriptor to close. */
static inline void ring_prep_openat_direct(struct io_uring_sqe *sqe, s32 dfd, const char *path,
					   u32 flags, u32 mode, u32 file_index)
{
	ring_prep_openat(sqe, dfd, path, flags, mode);
	ring_set_target_fixed_file(sqe, file_index);
}

static inline void ring_prep_open(struct io_uring_sqe *sqe, const char *path, u32 flags, u32 mode)
{
	ring_prep_openat(sqe, RING_AT_FDCWD, path, flags, mode);
}

static inline void ring_prep_open_direct(struct io_uring_sqe *sqe, const char *path, u32 flags,
					 u32 mode, u32 file_index)
{
	ring_prep_openat_direct(sqe, RING_AT_FDCWD, path, flags, mode, file_index);
}

/* openat2(2) (5.6) */
static inline void ring_prep_openat2(struct io_uring_sqe *sqe, s32 dfd, const char *path,
				     const struct open_how *how)
{
	ring_prep_rw(IORING_OP_OPENAT2, sqe, dfd, path, sizeof(*how), RING_PTR(how));
}

static inline void ring_prep_openat2_direct(struct io_uring_sqe *sqe, s32 dfd, const char *path,
					    const struct open_how *how, u32 file_index)
{
	ring_prep_openat2(sqe, dfd, path, how);
	ring_set_target_fixed_file(sqe, file_index);
}

/* close(2) (5.6). A ring cannot close a ring: -EBADF. */
static inline void ring_prep_close(struct io_uring_sqe *sqe, s32 fd)
{
	ring_prep_rw(IORING_OP_CLOSE, sqe, fd, NULL, 0, 0);
}

/* Empties a slot of the file table (5.15); -EBADF when it is empty */
static inline void ring_prep_close_direct(struct io_uring_sqe *sqe, u32 file_index)
{
	ring_prep_close(sqe, 0);
	ring_set_target_fixed_file(sqe, file_index);
}

/* A descriptor for the file of slot @fd, which stays there too; the result is the
 * descriptor (6.8). flags: IORING_FIXED_FD_NO_CLOEXEC or 0. It carries IOSQE_FIXED_FILE. */
static inline void ring_prep_fixed_fd_install(struct io_uring_sqe *sqe, s32 fd, u32 flags)
{
	ring_prep_op(IORING_OP_FIXED_FD_INSTALL, sqe, fd, NULL, 0, 0, flags);
	sqe->flags = IOSQE_FIXED_FILE;
}

/* Changes slots of the file table from @offset on (5.5): -1 in @fds empties one,
 * IORING_REGISTER_FILES_SKIP leaves it alone. With an @offset of IORING_FILE_INDEX_ALLOC
 * the kernel chooses the slots and writes them over @fds (5.19). @fds stays until the
 * completion; the result is how many were done. */
static inline void ring_prep_files_update(struct io_uring_sqe *sqe, s32 *fds, u32 nr_fds,
					  s32 offset)
{
	ring_prep_rw(IORING_OP_FILES_UPDATE, sqe, -1, fds, nr_fds, (u64)(s64)offset);
}

/* pipe2(2) (6.16): fds[0] is to read from, fds[1] to write to; they stay until the completion */
static inline void ring_prep_pipe(struct io_uring_sqe *sqe, s32 *fds, u32 pipe_flags)
{
	ring_prep_op(IORING_OP_PIPE, sqe, 0, fds, 0, 0, pipe_flags);
}

/* ... into the slots @file_index and the one after it, or two that the kernel chooses;
 * @fds tells which (some kernels before 7.0 do so only when they choose). O_CLOEXEC is
 * -EINVAL. */
static inline void ring_prep_pipe_direct(struct io_uring_sqe *sqe, s32 *fds, u32 pipe_flags,
					 u32 file_index)
{
	ring_prep_pipe(sqe, fds, pipe_flags);
	ring_set_target_fixed_file(sqe, file_index);
}

/* statx(2) (5.6). Note the order: flags (AT_*), mask (STATX_*). */
static inline void ring_prep_statx(struct io_uring_sqe *sqe, s32 dfd, const char *path, u32 flags,
				   u32 mask, struct statx *statxbuf)
{
	ring_prep_op(IORING_OP_STATX, sqe, dfd, path, mask, RING_PTR(statxbuf), flags);
}

/* renameat2(2) (5.11). flags: RENAME_* of <linux/fs.h> */
static inline void ring_prep_renameat(struct io_uring_sqe *sqe, s32 olddfd, const char *oldpath,
				      s32 newdfd, const char *newpath, u32 flags)
{
	ring_prep_op(IORING_OP_RENAMEAT, sqe, olddfd, oldpath, (u32)newdfd, RING_PTR(newpath),
		     flags);
}

static inline void ring_prep_rename(struct io_uring_sqe *sqe, const char *oldpath,
				    const char *newpath)
{
	ring_prep_renameat(sqe, RING_AT_FDCWD, oldpath, RING_AT_FDCWD, newpath, 0);
}

/* unlinkat(2) (5.11). flags: AT_REMOVEDIR or 0 */
static inline void ring_prep_unlinkat(struct io_uring_sqe *sqe, s32 dfd, const char *path,
				      u32 flags)
{
	ring_prep_op(IORING_OP_UNLINKAT, sqe, dfd, path, 0, 0, flags);
}

static inline void ring_prep_unlink(struct io_uring_sqe *sqe, const char *path, u32 flags)
{
	ring_prep_unlinkat(sqe, RING_AT_FDCWD, path, flags);
}

/* mkdirat(2) (5.15) */
static inline void ring_prep_mkdirat(struct io_uring_sqe *sqe, s32 dfd, const char *path, u32 mode)
{
	ring_prep_rw(IORING_OP_MKDIRAT, sqe, dfd, path, mode, 0);
}

static inline void ring_prep_mkdir(struct io_uring_sqe *sqe, const char *path, u32 mode)
{
	ring_prep_mkdirat(sqe, RING_AT_FDCWD, path, mode);
}

/* symlinkat(2) (5.15): @linkpath becomes a link that says @target */
static inline void ring_prep_symlinkat(struct io_uring_sqe *sqe, const char *target, s32 newdfd,
				       const char *linkpath)
{
	ring_prep_rw(IORING_OP_SYMLINKAT, sqe, newdfd, target, 0, RING_PTR(linkpath));
}

static inline void ring_prep_symlink(struct io_uring_sqe *sqe, const char *target,
				     const char *linkpath)
{
	ring_prep_symlinkat(sqe, target, RING_AT_FDCWD, linkpath);
}

/* linkat(2) (5.15). flags: AT_SYMLINK_FOLLOW, AT_EMPTY_PATH */
static inline void ring_prep_linkat(struct io_uring_sqe *sqe, s32 olddfd, const char *oldpath,
				    s32 newdfd, const char *newpath, u32 flags)
{
	ring_prep_op(IORING_OP_LINKAT, sqe, olddfd, oldpath, (u32)newdfd, RING_PTR(newpath), flags);
}

static inline void ring_prep_link(struct io_uring_sqe *sqe, const char *oldpath,
				  const char *newpath, u32 flags)
{
	ring_prep_linkat(sqe, RING_AT_FDCWD, oldpath, RING_AT_FDCWD, newpath, flags);
}

/* getxattr(2) (5.19). Note the order: name, value, path. The result is the value's size,
 * -ERANGE when @len is too small for it; a @len of 0 asks for the size alone. */
static inline void ring_prep_getxattr(struct io_uring_sqe *sqe, const char *name, void *value,
				      const char *path, u32 len)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_GETXATTR, 0, 0), RING_PTR(value),
		       RING_PTR(name), len, 0, RING_PTR(path));
}

static inline void ring_prep_fgetxattr(struct io_uring_sqe *sqe, s32 fd, const char *name,
				       void *value, u32 len)
{
	ring_prep_rw(IORING_OP_FGETXATTR, sqe, fd, name, len, RING_PTR(value));
}

/* setxattr(2) (5.19). flags: XATTR_CREATE, XATTR_REPLACE or 0 */
static inline void ring_prep_setxattr(struct io_uring_sqe *sqe, const char *name, const void *value,
				      const char *path, u32 flags, u32 len)
{
	ring_sqe_write(sqe, ring_sqe_head(IORING_OP_SETXATTR, 0, 0), RING_PTR(value),
		       RING_PTR(name), ring_sqe_len(len, flags), 0, RING_PTR(path));
}

static inline void ring_prep_fsetxattr(struct io_uring_sqe *sqe, s32 fd, const char *name,
				       const void *value, u32 flags, u32 len)
{
	ring_prep_op(IORING_OP_FSETXATTR, sqe, fd, name, len, RING_PTR(value), flags);
}

#endif
