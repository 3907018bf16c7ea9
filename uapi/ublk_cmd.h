/* SPDX-License-Identifier: MIT */
/*
 * ublk as the kernel sees it, complete up to Linux 7.3: features and states of
 * a device, its control commands, its parameters, then the I/O commands. A
 * number such as 6.16 in a comment is the release that brought it.
 *
 * May be combined with <linux/ublk_cmd.h> of any release, in either order.
 * Constants are macros, so that they are here even when an older header came
 * first; the layouts are those of whichever header came first.
 */
#ifndef UAPI_UBLK_CMD_H
#define UAPI_UBLK_CMD_H

#include "uapi/types.h"
#include <asm/errno.h>
#include <linux/ioctl.h>

/* Constants that are spelled differently there would draw a warning each. */
#ifdef USER_BLK_DRV_CMD_INC_H
#pragma GCC system_header
#endif

/* ---- a device: features, states, limits ----------------------------------- */

/*
 * ublksrv_ctrl_dev_info.flags. ADD_DEV drops bits that it does not know or
 * does not grant without an error: compare what it returns.
 */
#define UBLK_F_SUPPORT_ZERO_COPY	(1ULL << 0)  /* 6.15, named since 6.0 */
#define UBLK_F_URING_CMD_COMP_IN_TASK	(1ULL << 1)  /* 6.0, no effect now */
#define UBLK_F_NEED_GET_DATA		(1UL << 2)   /* 6.0, write data on demand */
#define UBLK_F_USER_RECOVERY		(1UL << 3)   /* 6.1, outlive the server */
#define UBLK_F_USER_RECOVERY_REISSUE	(1UL << 4)   /* 6.1, owned requests again */
#define UBLK_F_UNPRIVILEGED_DEV		(1UL << 5)   /* 6.3, owner is not root */
#define UBLK_F_CMD_IOCTL_ENCODE		(1UL << 6)   /* 6.4, UBLK_U_* commands */
#define UBLK_F_USER_COPY		(1UL << 7)   /* 6.5, pread, pwrite on ublkcN */
#define UBLK_F_ZONED			(1ULL << 8)  /* 6.6 */
#define UBLK_F_USER_RECOVERY_FAIL_IO	(1ULL << 9)  /* 6.13, errors meanwhile */
#define UBLK_F_UPDATE_SIZE		(1ULL << 10) /* 6.16 */
#define UBLK_F_AUTO_BUF_REG		(1ULL << 11) /* 6.16, buffers come registered */
#define UBLK_F_QUIESCE			(1ULL << 12) /* 6.16 */
#define UBLK_F_PER_IO_DAEMON		(1ULL << 13) /* 6.16, a task per tag */
#define UBLK_F_BUF_REG_OFF_DAEMON	(1ULL << 14) /* 6.17, register anywhere */
#define UBLK_F_BATCH_IO			(1ULL << 15) /* 7.0, many tags a command */
#define UBLK_F_INTEGRITY		(1ULL << 16) /* 7.0, with USER_COPY */
#define UBLK_F_SAFE_STOP_DEV		(1ULL << 17) /* 7.0, TRY_STOP_DEV */
#define UBLK_F_NO_AUTO_PART_SCAN	(1ULL << 18) /* 7.0 */
#define UBLK_F_SHMEM_ZC			(1ULL << 19) /* 7.1, memory shared with users */
#define UBLK_F_IO_DESC_SIZE		(1ULL << 20) /* 7.3, larger descriptors */

/* bytes that GET_FEATURES wants and fills */
#define UBLK_FEATURES_LEN		8

/* ublksrv_ctrl_dev_info.state */
#define UBLK_S_DEV_DEAD			0
#define UBLK_S_DEV_LIVE			1
#define UBLK_S_DEV_QUIESCED		2 /* no server: requests wait */
#define UBLK_S_DEV_FAIL_IO		3 /* no server: requests fail */

#define UBLK_MAX_QUEUE_DEPTH		4096

/* ---- control commands, on /dev/ublk-control -------------------------------- */

/* The bare numbers need CONFIG_BLKDEV_UBLK_LEGACY_OPCODES: not to be sent. */
#define UBLK_CMD_GET_QUEUE_AFFINITY	0x01
#define UBLK_CMD_GET_DEV_INFO		0x02
#define UBLK_CMD_ADD_DEV		0x04
#define UBLK_CMD_DEL_DEV		0x05
#define UBLK_CMD_START_DEV		0x06
#define UBLK_CMD_STOP_DEV		0x07
#define UBLK_CMD_SET_PARAMS		0x08
#define UBLK_CMD_GET_PARAMS		0x09
#define UBLK_CMD_START_USER_RECOVERY	0x10
#define UBLK_CMD_END_USER_RECOVERY	0x11
#define UBLK_CMD_GET_DEV_INFO2		0x12

/* Creation to deletion. Numbers from 0x13 on exist in this form only. */
#define UBLK_U_CMD_GET_FEATURES		_IOR('u', 0x13, struct ublksrv_ctrl_cmd)
#define UBLK_U_CMD_ADD_DEV		_IOWR('u', UBLK_CMD_ADD_DEV, struct ublksrv_ctrl_cmd)
#define UBLK_U_CMD_SET_PARAMS		_IOWR('u', UBLK_CMD_SET_PARAMS, struct ublksrv_ctrl_cmd)
#define UBLK_U_CMD_START_DEV		_IOWR('u', UBLK_CMD_START_DEV, struct ublksrv_ctrl_cmd)
#define UBLK_U_CMD_UPDATE_SIZE		_IOWR('u', 0x15, struct ublksrv_ctrl_cmd)
#define UBLK_U_CMD_STOP_DEV		_IOWR('u', UBLK_CMD_STOP_DEV, struct ublksrv_ctrl_cmd)
#define UBLK_U_CMD_TRY_STOP_DEV		_IOWR('u', 0x17, struct ublksrv_ctrl_cmd)
#define UBLK_U_CMD_DEL_DEV		_IOWR('u', UBLK_CMD_DEL_DEV, struct ublksrv_ctrl_cmd)
#define UBLK_U_CMD_DEL_DEV_ASYNC	_IOR('u', 0x14, struct ublksrv_ctrl_cmd)

/* Questions. INFO2 always takes the device's path in front of its buffer. */
#define UBLK_U_CMD_GET_DEV_INFO		_IOR('u', UBLK_CMD_GET_DEV_INFO, struct ublksrv_ctrl_cmd)
#define UBLK_U_CMD_GET_DEV_INFO2	_IOR('u', UBLK_CMD_GET_DEV_INFO2, struct ublksrv_ctrl_cmd)
#define UBLK_U_CMD_GET_PARAMS		_IOR('u', UBLK_CMD_GET_PARAMS, struct ublksrv_ctrl_cmd)
#define UBLK_U_CMD_GET_QUEUE_AFFINITY	\
	_IOR('u', UBLK_CMD_GET_QUEUE_AFFINITY, struct ublksrv_ctrl_cmd)

/* From one server to the next */
#define UBLK_U_CMD_QUIESCE_DEV		_IOWR('u', 0x16, struct ublksrv_ctrl_cmd)
#define UBLK_U_CMD_START_USER_RECOVERY	\
	_IOWR('u', UBLK_CMD_START_USER_RECOVERY, struct ublksrv_ctrl_cmd)
#define UBLK_U_CMD_END_USER_RECOVERY	\
	_IOWR('u', UBLK_CMD_END_USER_RECOVERY, struct ublksrv_ctrl_cmd)

/* Shared memory; REG_BUF takes a ublk_shmem_buf_reg and returns an index */
#define UBLK_U_CMD_REG_BUF		_IOWR('u', 0x18, struct ublksrv_ctrl_cmd)
#define UBLK_U_CMD_UNREG_BUF		_IOWR('u', 0x19, struct ublksrv_ctrl_cmd)

/* ublk_shmem_buf_reg.flags: matches writes only */
#define UBLK_SHMEM_BUF_READ_ONLY	(1U << 0)

/* ---- parameters -------------------------------------------------------------- */

/* ublk_params.types */
#define UBLK_PARAM_TYPE_BASIC		(1 << 0) /* must be there */
#define UBLK_PARAM_TYPE_DISCARD		(1 << 1)
#define UBLK_PARAM_TYPE_DEVT		(1 << 2) /* 6.3, only answered */
#define UBLK_PARAM_TYPE_ZONED		(1 << 3) /* 6.6 */
#define UBLK_PARAM_TYPE_DMA_ALIGN	(1 << 4) /* 6.15 */
#define UBLK_PARAM_TYPE_SEGMENT		(1 << 5) /* 6.15 */
#define UBLK_PARAM_TYPE_INTEGRITY	(1 << 6) /* 7.0 */

/* ublk_param_basic.attrs */
#define UBLK_ATTR_READ_ONLY		(1 << 0)
#define UBLK_ATTR_ROTATIONAL		(1 << 1)
#define UBLK_ATTR_VOLATILE_CACHE	(1 << 2) /* without it no FLUSH is sent */
#define UBLK_ATTR_FUA			(1 << 3) /* with VOLATILE_CACHE only */

/* least value of both limits of ublk_param_segment, in bytes */
#define UBLK_MIN_SEGMENT_SIZE		4096

/* ---- I/O commands, on /dev/ublkcN ---------------------------------------------- */

/* Bare numbers, as above: not to be sent. */
#define UBLK_IO_FETCH_REQ		0x20
#define UBLK_IO_COMMIT_AND_FETCH_REQ	0x21
#define UBLK_IO_NEED_GET_DATA		0x22

/* One tag each */
#define UBLK_U_IO_FETCH_REQ		_IOWR('u', UBLK_IO_FETCH_REQ, struct ublksrv_io_cmd)
#define UBLK_U_IO_COMMIT_AND_FETCH_REQ	\
	_IOWR('u', UBLK_IO_COMMIT_AND_FETCH_REQ, struct ublksrv_io_cmd)
#define UBLK_U_IO_NEED_GET_DATA		_IOWR('u', UBLK_IO_NEED_GET_DATA, struct ublksrv_io_cmd)
#define UBLK_U_IO_REGISTER_IO_BUF	_IOWR('u', 0x23, struct ublksrv_io_cmd)
#define UBLK_U_IO_UNREGISTER_IO_BUF	_IOWR('u', 0x24, struct ublksrv_io_cmd)

/*
 * UBLK_F_BATCH_IO. COMMIT returns bytes: of fewer than given the rest is still
 * to be committed. 16 is the size of struct ublk_batch_io, which may not be
 * there when an older header came first.
 */
#define UBLK_U_IO_PREP_IO_CMDS		_IOC(_IOC_READ | _IOC_WRITE, 'u', 0x25, 16)
#define UBLK_U_IO_COMMIT_IO_CMDS	_IOC(_IOC_READ | _IOC_WRITE, 'u', 0x26, 16)
#define UBLK_U_IO_FETCH_IO_CMDS		_IOC(_IOC_READ | _IOC_WRITE, 'u', 0x27, 16)

/* ublk_batch_io.flags: which u64 follow the header of each element, and more */
#define UBLK_BATCH_F_HAS_ZONE_LBA		(1 << 0)
#define UBLK_BATCH_F_HAS_BUF_ADDR		(1 << 1)
#define UBLK_BATCH_F_AUTO_BUF_REG_FALLBACK	(1 << 2)

/* cqe.res of a fetch: there is a request; it wants a buffer; never fetch again */
#define UBLK_IO_RES_OK			0
#define UBLK_IO_RES_NEED_GET_DATA	1
#define UBLK_IO_RES_ABORT		(-ENODEV)

/* ublksrv_io_desc.op_flags: the operation, in bits 0 to 7 */
#define UBLK_IO_OP_READ			0
#define UBLK_IO_OP_WRITE		1
#define UBLK_IO_OP_FLUSH		2
#define UBLK_IO_OP_DISCARD		3
#define UBLK_IO_OP_WRITE_SAME		4 /* never sent */
#define UBLK_IO_OP_WRITE_ZEROES		5
#define UBLK_IO_OP_ZONE_OPEN		10
#define UBLK_IO_OP_ZONE_CLOSE		11
#define UBLK_IO_OP_ZONE_FINISH		12
#define UBLK_IO_OP_ZONE_APPEND		13
#define UBLK_IO_OP_ZONE_RESET_ALL	14
#define UBLK_IO_OP_ZONE_RESET		15
#define UBLK_IO_OP_REPORT_ZONES		18 /* wants struct blk_zone[], 0 ends it */

/* ... and its flags, which stand in op_flags as they are, not shifted */
#define UBLK_IO_F_FAILFAST_DEV		(1U << 8)
#define UBLK_IO_F_FAILFAST_TRANSPORT	(1U << 9)
#define UBLK_IO_F_FAILFAST_DRIVER	(1U << 10)
#define UBLK_IO_F_META			(1U << 11)
#define UBLK_IO_F_FUA			(1U << 13)
#define UBLK_IO_F_NOUNMAP		(1U << 15)
#define UBLK_IO_F_SWAP			(1U << 16)
#define UBLK_IO_F_NEED_REG_BUF		(1U << 17) /* AUTO_BUF_REG fell back */
#define UBLK_IO_F_INTEGRITY		(1UL << 18) /* has metadata */
#define UBLK_IO_F_SHMEM_ZC		(1U << 19) /* addr is index and offset */

/* ublksrv_io_desc.addr with UBLK_IO_F_SHMEM_ZC */
#define UBLK_SHMEM_ZC_OFF_MASK		0xffffffffULL
#define UBLK_SHMEM_ZC_IDX_OFF		32
#define UBLK_SHMEM_ZC_IDX_MASK		0xffffULL

/* ublk_auto_buf_reg.flags: if it fails, deliver with NEED_REG_BUF, not EIO */
#define UBLK_AUTO_BUF_REG_FALLBACK	(1 << 0)
#define UBLK_AUTO_BUF_REG_F_MASK	UBLK_AUTO_BUF_REG_FALLBACK

/* ---- offsets on /dev/ublkcN ------------------------------------------------------ */

/*
 * mmap(2) finds descriptors from CMD_BUF_OFFSET on, a queue every
 * round_up(UBLK_MAX_QUEUE_DEPTH * io_desc_size, page size) bytes. pread(2) and
 * pwrite(2) with UBLK_F_USER_COPY find data at IO_BUF_OFFSET plus the position
 * in the request (bits 0 to 24), its tag (25 to 40) and its queue (41 to 52);
 * the INTEGRITY flag asks for its metadata.
 */
#define UBLKSRV_CMD_BUF_OFFSET		0
#define UBLKSRV_IO_BUF_OFFSET		0x80000000

#define UBLK_IO_BUF_OFF			0
#define UBLK_IO_BUF_BITS		25
#define UBLK_IO_BUF_BITS_MASK		((1ULL << UBLK_IO_BUF_BITS) - 1)

#define UBLK_TAG_OFF			UBLK_IO_BUF_BITS
#define UBLK_TAG_BITS			16
#define UBLK_TAG_BITS_MASK		((1ULL << UBLK_TAG_BITS) - 1)

#define UBLK_QID_OFF			(UBLK_TAG_OFF + UBLK_TAG_BITS)
#define UBLK_QID_BITS			12
#define UBLK_QID_BITS_MASK		((1ULL << UBLK_QID_BITS) - 1)
#define UBLK_MAX_NR_QUEUES		(1U << UBLK_QID_BITS)

#define UBLKSRV_IO_BUF_TOTAL_BITS	(UBLK_QID_OFF + UBLK_QID_BITS)
#define UBLKSRV_IO_BUF_TOTAL_SIZE	(1ULL << UBLKSRV_IO_BUF_TOTAL_BITS)

#define UBLK_INTEGRITY_FLAG_OFF		62
#define UBLKSRV_IO_INTEGRITY_FLAG	(1ULL << UBLK_INTEGRITY_FLAG_OFF)

/* ---- layouts ------------------------------------------------------------------------ */

#ifndef USER_BLK_DRV_CMD_INC_H
#define USER_BLK_DRV_CMD_INC_H

/* a control command, at byte 48 of a 128-byte SQE */
struct ublksrv_ctrl_cmd {
	u32 dev_id;
	u16 queue_id;		/* 0xffff unless it is about a queue */
	u16 len;		/* of the buffer at addr, with the path */
	u64 addr;
	u64 data[1];
	u16 dev_path_len;	/* with its NUL; the path stands first in addr */
	u16 pad;
	u32 reserved;
};

struct ublksrv_ctrl_dev_info {
	u16 nr_hw_queues;
	u16 queue_depth;
	u16 state;		/* UBLK_S_DEV_*, the kernel's */
	u16 io_desc_size;	/* 7.3 */
	u32 max_io_buf_bytes;	/* rounded down to pages by ADD_DEV */
	u32 dev_id;
	s32 ublksrv_pid;	/* the kernel's, in the caller's pid namespace */
	u32 pad1;
	u64 flags;		/* UBLK_F_* */
	u64 ublksrv_flags;	/* ours: kept and given back untouched */
	u32 owner_uid;		/* the kernel's, as the next */
	u32 owner_gid;
	u64 reserved1;
	u64 reserved2;
};

/* UBLK_U_CMD_REG_BUF: whole pages, at most 4 GiB */
struct ublk_shmem_buf_reg {
	u64 addr;
	u64 len;		/* bytes */
	u32 flags;
	u32 reserved;
};

_Static_assert(sizeof(struct ublksrv_ctrl_cmd) == 32, "ABI");
_Static_assert(sizeof(struct ublksrv_ctrl_dev_info) == 64, "ABI");
_Static_assert(sizeof(struct ublk_shmem_buf_reg) == 24, "ABI");

/* Parameters. A shift is a power of two of bytes; sectors have 512 of them. */
struct ublk_param_basic {
	u32 attrs;		/* UBLK_ATTR_* */
	u8 logical_bs_shift;
	u8 physical_bs_shift;
	u8 io_opt_shift;
	u8 io_min_shift;
	u32 max_sectors;
	u32 chunk_sectors;
	u64 dev_sectors;
	u64 virt_boundary_mask;
};

struct ublk_param_discard {
	u32 discard_alignment;
	u32 discard_granularity;
	u32 max_discard_sectors;
	u32 max_write_zeroes_sectors;
	u16 max_discard_segments; /* must be 1 if there is discard */
	u16 reserved0;
};

struct ublk_param_devt {
	u32 char_major;
	u32 char_minor;
	u32 disk_major;		/* as the next: once started */
	u32 disk_minor;
};

struct ublk_param_zoned {
	u32 max_open_zones;
	u32 max_active_zones;
	u32 max_zone_append_sectors;
	u8 reserved[20];
};

struct ublk_param_dma_align {
	u32 alignment;		/* a mask: 511, 4095 */
	u8 pad[4];
};

struct ublk_param_segment {
	u64 seg_boundary_mask;
	u32 max_segment_size;	/* bytes */
	u16 max_segments;
	u8 pad[2];
};

struct ublk_param_integrity {
	u32 flags;		/* LBMD_PI_CAP_*, <linux/fs.h> */
	u16 max_integrity_segments; /* 0: no limit */
	u8 interval_exp;
	u8 metadata_size;	/* bytes, not 0 */
	u8 pi_offset;
	u8 csum_type;		/* LBMD_PI_CSUM_*, <linux/fs.h> */
	u8 tag_size;
	u8 pad[5];
};

/* Every member has its place here, whether its bit in types is set or not. */
struct ublk_params {
	u32 len;		/* of this struct, also when asking */
	u32 types;		/* UBLK_PARAM_TYPE_*; unknown ones are dropped */
	struct ublk_param_basic basic;
	struct ublk_param_discard discard;
	struct ublk_param_devt devt;
	struct ublk_param_zoned zoned;
	struct ublk_param_dma_align dma;
	struct ublk_param_segment seg;
	struct ublk_param_integrity integrity;
};

_Static_assert(sizeof(struct ublk_param_basic) == 32, "ABI");
_Static_assert(sizeof(struct ublk_param_discard) == 20, "ABI");
_Static_assert(sizeof(struct ublk_param_devt) == 16, "ABI");
_Static_assert(sizeof(struct ublk_param_zoned) == 32, "ABI");
_Static_assert(sizeof(struct ublk_param_dma_align) == 8, "ABI");
_Static_assert(sizeof(struct ublk_param_segment) == 16, "ABI");
_Static_assert(sizeof(struct ublk_param_integrity) == 16, "ABI");
_Static_assert(sizeof(struct ublk_params) == 152, "ABI");

/* what is asked of a tag: read-only memory, written by the kernel */
struct ublksrv_io_desc {
	u32 op_flags;		/* UBLK_IO_OP_* | UBLK_IO_F_* */
	union {
		u32 nr_sectors;
		u32 nr_zones;	/* REPORT_ZONES */
	};
	u64 start_sector;
	u64 addr;
};

/* a command for one tag, at byte 48 of an SQE */
struct ublksrv_io_cmd {
	u16 q_id;
	u16 tag;
	s32 result;		/* bytes or -errno */
	union {
		u64 addr;	/* the next request's buffer, or a buffer index */
		u64 zone_append_lba;
	};
};

/* what AUTO_BUF_REG takes in place of sqe.addr */
struct ublk_auto_buf_reg {
	u16 index;		/* in the ring's buffer table */
	u8 flags;
	u8 reserved0;
	u32 reserved1;
};

/* a command for nr_elem tags, at byte 48 of an SQE */
struct ublk_batch_io {
	u16 q_id;
	u16 flags;		/* UBLK_BATCH_F_* */
	u16 nr_elem;
	u8 elem_bytes;		/* 8, and 8 for each HAS_*; 2 to fetch */
	u8 reserved;
	u64 reserved2;
};

/* the start of an element; buf_addr and zone_lba follow, in this order */
struct ublk_elem_header {
	u16 tag;
	u16 buf_index;		/* AUTO_BUF_REG */
	s32 result;
};

_Static_assert(sizeof(struct ublksrv_io_desc) == 24, "ABI");
_Static_assert(sizeof(struct ublksrv_io_cmd) == 16, "ABI");
_Static_assert(sizeof(struct ublk_auto_buf_reg) == 8, "ABI");
_Static_assert(sizeof(struct ublk_batch_io) == 16, "ABI");
_Static_assert(sizeof(struct ublk_elem_header) == 8, "ABI");

/*
 * The functions of <linux/ublk_cmd.h>. Where theirs came first they are theirs,
 * and only the first two are in every release.
 */
static inline u8 ublksrv_get_op(const struct ublksrv_io_desc *iod)
{
	return (u8)iod->op_flags;
}

/* Shifted: never to be tested against UBLK_IO_F_*, which are not. */
static inline u32 ublksrv_get_flags(const struct ublksrv_io_desc *iod)
{
	return iod->op_flags >> 8;
}

static inline u64 ublk_auto_buf_reg_to_sqe_addr(const struct ublk_auto_buf_reg *buf)
{
	return buf->index | (u64)buf->flags << 16 | (u64)buf->reserved0 << 24 |
		(u64)buf->reserved1 << 32;
}

static inline struct ublk_auto_buf_reg ublk_sqe_addr_to_auto_buf_reg(u64 sqe_addr)
{
	struct ublk_auto_buf_reg reg = {
		.index = (u16)sqe_addr,
		.flags = (u8)(sqe_addr >> 16),
		.reserved0 = (u8)(sqe_addr >> 24),
		.reserved1 = (u32)(sqe_addr >> 32),
	};

	return reg;
}

static inline u64 ublk_shmem_zc_addr(u16 index, u32 offset)
{
	return (u64)index << UBLK_SHMEM_ZC_IDX_OFF | offset;
}

static inline u16 ublk_shmem_zc_index(u64 addr)
{
	return (u16)(addr >> UBLK_SHMEM_ZC_IDX_OFF & UBLK_SHMEM_ZC_IDX_MASK);
}

static inline u32 ublk_shmem_zc_offset(u64 addr)
{
	return (u32)(addr & UBLK_SHMEM_ZC_OFF_MASK);
}

#else /* theirs came first: what an old one lacks can still be pointed to */

struct ublk_shmem_buf_reg;
struct ublk_param_devt;
struct ublk_param_zoned;
struct ublk_param_dma_align;
struct ublk_param_segment;
struct ublk_param_integrity;
struct ublk_auto_buf_reg;
struct ublk_batch_io;
struct ublk_elem_header;

#endif /* USER_BLK_DRV_CMD_INC_H */

#endif
