/* SPDX-License-Identifier: MIT */
/*
 * What the numbers of io_uring are called: the kernel's constants in lower case
 * and without their prefixes, up to Linux 7.3. Optional; any thread.
 */
#ifndef RING_NAMES_H
#define RING_NAMES_H

#include "uapi/types.h"

/* Each table is one string of names, an empty one at the end. */
extern const char ring_names_op[];
extern const char ring_names_register[];
extern const char ring_names_setup[];
extern const char ring_names_feat[];
extern const char ring_names_sqe_flag[];
extern const char ring_names_cqe_flag[];

/* ring_name_at() - the name with this number in a table, or NULL beyond its end */
const char *ring_name_at(const char *names, u32 nr);

/* ring_name_op() - "read_fixed" for IORING_OP_READ_FIXED; NULL for one not known */
static inline const char *ring_name_op(u32 op)
{
	return ring_name_at(ring_names_op, op);
}

/* ring_name_register() - "files" for IORING_REGISTER_FILES, "unregister_files" */
static inline const char *ring_name_register(u32 op)
{
	return ring_name_at(ring_names_register, op);
}

/* ring_name_setup() - of a bit's number: "sqpoll" for 1, IORING_SETUP_SQPOLL being 1 << 1 */
static inline const char *ring_name_setup(u32 bit)
{
	return ring_name_at(ring_names_setup, bit);
}

/* ring_name_feat() - of a bit's number: "single_mmap" for 0 */
static inline const char *ring_name_feat(u32 bit)
{
	return ring_name_at(ring_names_feat, bit);
}

/* ring_name_sqe_flag() - of a bit's number, IOSQE_*_BIT: "fixed_file" for 0 */
static inline const char *ring_name_sqe_flag(u32 bit)
{
	return ring_name_at(ring_names_sqe_flag, bit);
}

/* ring_name_cqe_flag() - of a bit's number: "buffer" for 0, IORING_CQE_F_BUFFER */
static inline const char *ring_name_cqe_flag(u32 bit)
{
	return ring_name_at(ring_names_cqe_flag, bit);
}

#endif
