/* SPDX-License-Identifier: MIT */
/*
 * io_uring as the kernel sees it, complete up to Linux 7.3: constants first,
 * in the order in which a ring is used, then the layouts. A number such as
 * 6.12 in a comment is the Linux release that brought what it stands beside.
 *
 * May be combined with <linux/io_uring.h> or <liburing.h> of any release, in
 * either order. Constants are macros, so that they are here even when an older
 * header came first; the layouts are those of whichever header came first.
 */
#ifndef UAPI_IO_URING_H
#define UAPI_IO_URING_H

#include "uapi/types.h"
#include <linux/time_types.h>

/* Constants that are spelled differently there would draw a warning each. */
#if defined(LINUX_IO_URING_H) || defined(LINUX_IO_ZCRX_H) || \
	defined(LINUX_IO_URING_QUERY_H) || defined(LINUX_IO_URING_BPF_FILTER_H)
#pragma GCC system_header
#endif

/*
 * From 6.15 to 6.19 the zcrx layouts were part of <linux/io_uring.h>, later
 * they have a header of their own: this macro tells whether either was seen.
 */
#ifdef IORING_ZCRX_AREA_SHIFT
#define UAPI_IO_URING_HAVE_ZCRX
#endif

/* ---- io_uring_setup(2) -------------------------------------------------- */

/* io_uring_params.flags */
#define IORING_SETUP_IOPOLL		(1U << 0)  /* 5.1, busy-poll the device */
#define IORING_SETUP_SQPOLL		(1U << 1)  /* 5.1, a kernel thread submits */
#define IORING_SETUP_SQ_AFF		(1U << 2)  /* 5.1, pin it to sq_thread_cpu */
#define IORING_SETUP_CQSIZE		(1U << 3)  /* 5.5, cq_entries is an input */
#define IORING_SETUP_CLAMP		(1U << 4)  /* 5.6, too large becomes maximum */
#define IORING_SETUP_ATTACH_WQ		(1U << 5)  /* 5.6, share workers of wq_fd */
#define IORING_SETUP_R_DISABLED		(1U << 6)  /* 5.10, until ENABLE_RINGS */
#define IORING_SETUP_SUBMIT_ALL		(1U << 7)  /* 5.18, past a bad SQE too */
#define IORING_SETUP_COOP_TASKRUN	(1U << 8)  /* 5.19, no IPI on completion */
#define IORING_SETUP_TASKRUN_FLAG	(1U << 9)  /* 5.19, show IORING_SQ_TASKRUN */
#define IORING_SETUP_SQE128		(1U << 10) /* 5.19, every SQE 128 bytes */
#define IORING_SETUP_CQE32		(1U << 11) /* 5.19, every CQE 32 bytes */
#define IORING_SETUP_SINGLE_ISSUER	(1U << 12) /* 6.0, one task submits */
#define IORING_SETUP_DEFER_TASKRUN	(1U << 13) /* 6.1, complete in enter() only */
#define IORING_SETUP_NO_MMAP		(1U << 14) /* 6.5, rings in our memory */
#define IORING_SETUP_REGISTERED_FD_ONLY	(1U << 15) /* 6.5, no fd; needs NO_MMAP */
#define IORING_SETUP_NO_SQARRAY		(1U << 16) /* 6.6, SQEs in ring order */
#define IORING_SETUP_HYBRID_IOPOLL	(1U << 17) /* 6.13, sleep, then poll */
#define IORING_SETUP_CQE_MIXED		(1U << 18) /* 6.18, 16 and 32 byte CQEs */
#define IORING_SETUP_SQE_MIXED		(1U << 19) /* 6.19, 64 and 128 byte SQEs */
#define IORING_SETUP_SQ_REWIND		(1U << 20) /* 7.0, each batch from slot 0 */

/* io_uring_params.features, filled by the kernel */
#define IORING_FEAT_SINGLE_MMAP		(1U << 0)  /* 5.4, SQ and CQ in one mmap */
#define IORING_FEAT_NODROP		(1U << 1)  /* 5.5, overflow is kept */
#define IORING_FEAT_SUBMIT_STABLE	(1U << 2)  /* 5.5, arguments are copied */
#define IORING_FEAT_RW_CUR_POS		(1U << 3)  /* 5.6, offset -1 */
#define IORING_FEAT_CUR_PERSONALITY	(1U << 4)  /* 5.6 */
#define IORING_FEAT_FAST_POLL		(1U << 5)  /* 5.7 */
#define IORING_FEAT_POLL_32BITS		(1U << 6)  /* 5.9, poll32_events */
#define IORING_FEAT_SQPOLL_NONFIXED	(1U << 7)  /* 5.11 */
#define IORING_FEAT_EXT_ARG		(1U << 8)  /* 5.11, timeout in enter() */
#define IORING_FEAT_NATIVE_WORKERS	(1U << 9)  /* 5.12 */
#define IORING_FEAT_RSRC_TAGS		(1U << 10) /* 5.13 */
#define IORING_FEAT_CQE_SKIP		(1U << 11) /* 5.17 */
#define IORING_FEAT_LINKED_FILE		(1U << 12) /* 5.17 */
#define IORING_FEAT_REG_REG_RING	(1U << 13) /* 6.3 */
#define IORING_FEAT_RECVSEND_BUNDLE	(1U << 14) /* 6.10 */
#define IORING_FEAT_MIN_TIMEOUT		(1U << 15) /* 6.12 */
#define IORING_FEAT_RW_ATTR		(1U << 16)
#define IORING_FEAT_NO_IOWAIT		(1U << 17) /* 6.15 */

/* mmap(2) offsets on the ring's descriptor */
#define IORING_OFF_SQ_RING		0ULL
#define IORING_OFF_CQ_RING		0x8000000ULL /* same as SQ: SINGLE_MMAP */
#define IORING_OFF_SQES			0x10000000ULL
#define IORING_OFF_PBUF_RING		0x80000000ULL /* | bgid << PBUF_SHIFT */
#define IORING_OFF_PBUF_SHIFT		16
#define IORING_OFF_MMAP_MASK		0xf8000000ULL

/* ---- io_uring_enter(2), and the flags in the shared rings ---------------- */

#define IORING_ENTER_GETEVENTS		(1U << 0) /* 5.1, wait, run deferred work */
#define IORING_ENTER_SQ_WAKEUP		(1U << 1) /* 5.1, SQPOLL: wake the thread */
#define IORING_ENTER_SQ_WAIT		(1U << 2) /* 5.10, SQPOLL: until SQ has room */
#define IORING_ENTER_EXT_ARG		(1U << 3) /* 5.11, io_uring_getevents_arg */
#define IORING_ENTER_REGISTERED_RING	(1U << 4) /* 5.18, fd is this task's index */
#define IORING_ENTER_ABS_TIMER		(1U << 5) /* 6.12, the timeout is a date */
#define IORING_ENTER_EXT_ARG_REG	(1U << 6) /* 6.13, io_uring_reg_wait */
#define IORING_ENTER_NO_IOWAIT		(1U << 7) /* 6.15, sleep is not "iowait" */

/* io_uring_reg_wait.flags */
#define IORING_REG_WAIT_TS		(1U << 0) /* .ts holds a timeout */

/* the word at io_sqring_offsets.flags: written by the kernel */
#define IORING_SQ_NEED_WAKEUP		(1U << 0) /* SQPOLL thread is asleep */
#define IORING_SQ_CQ_OVERFLOW		(1U << 1) /* CQEs wait for room: enter() */
#define IORING_SQ_TASKRUN		(1U << 2) /* work waits for enter() */

/* the word at io_cqring_offsets.flags: written by us */
#define IORING_CQ_EVENTFD_DISABLED	(1U << 0) /* 5.8 */

/* ---- submission queue entries -------------------------------------------- */

/* io_uring_sqe.flags: the numbers of the bits, and the bits */
#define IOSQE_FIXED_FILE_BIT		0
#define IOSQE_IO_DRAIN_BIT		1
#define IOSQE_IO_LINK_BIT		2
#define IOSQE_IO_HARDLINK_BIT		3
#define IOSQE_ASYNC_BIT			4
#define IOSQE_BUFFER_SELECT_BIT		5
#define IOSQE_CQE_SKIP_SUCCESS_BIT	6

#define IOSQE_FIXED_FILE	(1U << IOSQE_FIXED_FILE_BIT)	/* 5.1, fd is a slot */
#define IOSQE_IO_DRAIN		(1U << IOSQE_IO_DRAIN_BIT)	/* 5.2, after all before */
#define IOSQE_IO_LINK		(1U << IOSQE_IO_LINK_BIT)	/* 5.3, next one waits */
#define IOSQE_IO_HARDLINK	(1U << IOSQE_IO_HARDLINK_BIT)	/* 5.5, ... even if failed */
#define IOSQE_ASYNC		(1U << IOSQE_ASYNC_BIT)		/* 5.6, straight to io-wq */
#define IOSQE_BUFFER_SELECT	(1U << IOSQE_BUFFER_SELECT_BIT)	/* 5.7, from buf_group */
#define IOSQE_CQE_SKIP_SUCCESS	(1U << IOSQE_CQE_SKIP_SUCCESS_BIT) /* 5.17 */

/* io_uring_sqe.file_index: let the kernel choose the slot; cqe.res tells it */
#define IORING_FILE_INDEX_ALLOC		(~0U)

/* io_uring_sqe.attr_type_mask: attr_ptr is a struct io_uring_attr_pi */
#define IORING_RW_ATTR_FLAG_PI		(1U << 0)

/* io_uring_sqe.opcode */
#define IORING_OP_NOP			0  /* 5.1 */
#define IORING_OP_READV			1
#define IORING_OP_WRITEV		2
#define IORING_OP_FSYNC			3
#define IORING_OP_READ_FIXED		4
#define IORING_OP_WRITE_FIXED		5
#define IORING_OP_POLL_ADD		6
#define IORING_OP_POLL_REMOVE		7
#define IORING_OP_SYNC_FILE_RANGE	8  /* 5.2 */
#define IORING_OP_SENDMSG		9  /* 5.3 */
#define IORING_OP_RECVMSG		10
#define IORING_OP_TIMEOUT		11 /* 5.4 */
#define IORING_OP_TIMEOUT_REMOVE	12 /* 5.5 */
#define IORING_OP_ACCEPT		13
#define IORING_OP_ASYNC_CANCEL		14
#define IORING_OP_LINK_TIMEOUT		15
#define IORING_OP_CONNECT		16
#define IORING_OP_FALLOCATE		17 /* 5.6 */
#define IORING_OP_OPENAT		18
#define IORING_OP_CLOSE			19
#define IORING_OP_FILES_UPDATE		20
#define IORING_OP_STATX			21
#define IORING_OP_READ			22
#define IORING_OP_WRITE			23
#define IORING_OP_FADVISE		24
#define IORING_OP_MADVISE		25
#define IORING_OP_SEND			26
#define IORING_OP_RECV			27
#define IORING_OP_OPENAT2		28
#define IORING_OP_EPOLL_CTL		29
#define IORING_OP_SPLICE		30 /* 5.7 */
#define IORING_OP_PROVIDE_BUFFERS	31
#define IORING_OP_REMOVE_BUFFERS	32
#define IORING_OP_TEE			33 /* 5.8 */
#define IORING_OP_SHUTDOWN		34 /* 5.11 */
#define IORING_OP_RENAMEAT		35
#define IORING_OP_UNLINKAT		36
#define IORING_OP_MKDIRAT		37 /* 5.15 */
#define IORING_OP_SYMLINKAT		38
#define IORING_OP_LINKAT		39
#define IORING_OP_MSG_RING		40 /* 5.18 */
#define IORING_OP_FSETXATTR		41 /* 5.19 */
#define IORING_OP_SETXATTR		42
#define IORING_OP_FGETXATTR		43
#define IORING_OP_GETXATTR		44
#define IORING_OP_SOCKET		45
#define IORING_OP_URING_CMD		46
#define IORING_OP_SEND_ZC		47 /* 6.0 */
#define IORING_OP_SENDMSG_ZC		48 /* 6.1 */
#define IORING_OP_READ_MULTISHOT	49 /* 6.7 */
#define IORING_OP_WAITID		50
#define IORING_OP_FUTEX_WAIT		51
#define IORING_OP_FUTEX_WAKE		52
#define IORING_OP_FUTEX_WAITV		53
#define IORING_OP_FIXED_FD_INSTALL	54 /* 6.8 */
#define IORING_OP_FTRUNCATE		55 /* 6.9 */
#define IORING_OP_BIND			56 /* 6.11 */
#define IORING_OP_LISTEN		57
#define IORING_OP_RECV_ZC		58 /* 6.15 */
#define IORING_OP_EPOLL_WAIT		59
#define IORING_OP_READV_FIXED		60
#define IORING_OP_WRITEV_FIXED		61
#define IORING_OP_PIPE			62 /* 6.16 */
#define IORING_OP_NOP128		63 /* 6.19, takes two slots */
#define IORING_OP_URING_CMD128		64

/* ---- flags of single operations, by the field that holds them ------------ */

/* NOP, nop_flags */
#define IORING_NOP_INJECT_RESULT	(1U << 0) /* 6.10, cqe.res = len */
#define IORING_NOP_FILE			(1U << 1) /* look fd up */
#define IORING_NOP_FIXED_FILE		(1U << 2)
#define IORING_NOP_FIXED_BUFFER		(1U << 3) /* look buf_index up */
#define IORING_NOP_TW			(1U << 4) /* complete by task work */
#define IORING_NOP_CQE32		(1U << 5) /* 6.18 */

/* FSYNC, fsync_flags */
#define IORING_FSYNC_DATASYNC		(1U << 0)

/* URING_CMD, uring_cmd_flags; the upper 8 bits are the kernel's own */
#define IORING_URING_CMD_FIXED		(1U << 0) /* buf_index names the buffer */
#define IORING_URING_CMD_MULTISHOT	(1U << 1) /* with BUFFER_SELECT only */
#define IORING_URING_CMD_MASK \
	(IORING_URING_CMD_FIXED | IORING_URING_CMD_MULTISHOT)

/* URING_CMD on a socket, cmd_op */
#define SOCKET_URING_OP_SIOCINQ		0
#define SOCKET_URING_OP_SIOCOUTQ	1
#define SOCKET_URING_OP_GETSOCKOPT	2
#define SOCKET_URING_OP_SETSOCKOPT	3
#define SOCKET_URING_OP_TX_TIMESTAMP	4
#define SOCKET_URING_OP_GETSOCKNAME	5

/* TIMEOUT, TIMEOUT_REMOVE and LINK_TIMEOUT, timeout_flags */
#define IORING_TIMEOUT_ABS		(1U << 0) /* 5.5 */
#define IORING_TIMEOUT_UPDATE		(1U << 1) /* 5.11 */
#define IORING_TIMEOUT_BOOTTIME		(1U << 2) /* 5.15 */
#define IORING_TIMEOUT_REALTIME		(1U << 3) /* 5.15 */
#define IORING_LINK_TIMEOUT_UPDATE	(1U << 4) /* 5.15 */
#define IORING_TIMEOUT_ETIME_SUCCESS	(1U << 5) /* 5.16, links go on */
#define IORING_TIMEOUT_MULTISHOT	(1U << 6) /* 6.4 */
#define IORING_TIMEOUT_IMMEDIATE_ARG	(1U << 7) /* 7.1, addr is nanoseconds */
#define IORING_TIMEOUT_CLOCK_MASK \
	(IORING_TIMEOUT_BOOTTIME | IORING_TIMEOUT_REALTIME)
#define IORING_TIMEOUT_UPDATE_MASK \
	(IORING_TIMEOUT_UPDATE | IORING_LINK_TIMEOUT_UPDATE)

/* SPLICE and TEE, splice_flags beside those of splice(2) */
#define SPLICE_F_FD_IN_FIXED		(1U << 31)

/* POLL_ADD, and POLL_REMOVE as an update: len, for poll_events are events */
#define IORING_POLL_ADD_MULTI		(1U << 0) /* 5.13 */
#define IORING_POLL_UPDATE_EVENTS	(1U << 1) /* 5.13 */
#define IORING_POLL_UPDATE_USER_DATA	(1U << 2) /* 5.13 */
#define IORING_POLL_ADD_LEVEL		(1U << 3) /* 6.0 */

/* ASYNC_CANCEL, cancel_flags; also io_uring_sync_cancel_reg.flags */
#define IORING_ASYNC_CANCEL_ALL		(1U << 0) /* 5.19, not the first only */
#define IORING_ASYNC_CANCEL_FD		(1U << 1) /* 5.19, by file */
#define IORING_ASYNC_CANCEL_ANY		(1U << 2) /* 5.19, whatever there is */
#define IORING_ASYNC_CANCEL_FD_FIXED	(1U << 3) /* 6.0, fd is a slot */
#define IORING_ASYNC_CANCEL_USERDATA	(1U << 4) /* 6.6, beside another key */
#define IORING_ASYNC_CANCEL_OP		(1U << 5) /* 6.6, by opcode, in len */

/* ACCEPT, ioprio */
#define IORING_ACCEPT_MULTISHOT		(1U << 0)
#define IORING_ACCEPT_DONTWAIT		(1U << 1)
#define IORING_ACCEPT_POLL_FIRST	(1U << 2)

/* SEND*, RECV*, ioprio */
#define IORING_RECVSEND_POLL_FIRST	(1U << 0) /* 5.19, no first attempt */
#define IORING_RECV_MULTISHOT		(1U << 1) /* 6.0 */
#define IORING_RECVSEND_FIXED_BUF	(1U << 2) /* 6.0, buf_index */
#define IORING_SEND_ZC_REPORT_USAGE	(1U << 3) /* 6.2, ask for the next flag */
#define IORING_RECVSEND_BUNDLE		(1U << 4) /* 6.10, many selected buffers */
#define IORING_SEND_VECTORIZED		(1U << 5) /* addr is an iovec array */

/* cqe.res of a F_NOTIF that was asked for: the data was copied after all */
#define IORING_NOTIF_USAGE_ZC_COPIED	(1U << 31)

/* MSG_RING: what is sent, in addr; and msg_ring_flags */
#define IORING_MSG_DATA			0 /* 5.18, res = len, user_data = off */
#define IORING_MSG_SEND_FD		1 /* 6.0, a registered file */
#define IORING_MSG_RING_CQE_SKIP	(1U << 0) /* no CQE there; not for DATA */
#define IORING_MSG_RING_FLAGS_PASS	(1U << 1) /* 6.3, flags = file_index */

/* FIXED_FD_INSTALL, install_fd_flags */
#define IORING_FIXED_FD_NO_CLOEXEC	(1U << 0)

/* ---- completion queue entries --------------------------------------------- */

/* io_uring_cqe.flags */
#define IORING_CQE_F_BUFFER		(1U << 0)  /* 5.7, buffer id << 16 */
#define IORING_CQE_F_MORE		(1U << 1)  /* 5.13, not the last of its SQE */
#define IORING_CQE_F_SOCK_NONEMPTY	(1U << 2)  /* 5.19 */
#define IORING_CQE_F_NOTIF		(1U << 3)  /* 6.0, a sent buffer is free */
#define IORING_CQE_F_BUF_MORE		(1U << 4)  /* 6.12, the buffer stays in use */
#define IORING_CQE_F_SKIP		(1U << 5)  /* 6.18, filler at the wrap */
#define IORING_CQE_F_32			(1U << 15) /* 6.18, takes two slots */
#define IORING_CQE_BUFFER_SHIFT		16

/* ... of SOCKET_URING_OP_TX_TIMESTAMP */
#define IORING_TIMESTAMP_HW_SHIFT	16
#define IORING_TIMESTAMP_TYPE_SHIFT	(IORING_TIMESTAMP_HW_SHIFT + 1)
#define IORING_CQE_F_TSTAMP_HW		((u32)1 << IORING_TIMESTAMP_HW_SHIFT)

/* ---- io_uring_register(2) -------------------------------------------------- */

#define IORING_REGISTER_BUFFERS			0  /* 5.1 */
#define IORING_UNREGISTER_BUFFERS		1
#define IORING_REGISTER_FILES			2
#define IORING_UNREGISTER_FILES			3
#define IORING_REGISTER_EVENTFD			4  /* 5.2 */
#define IORING_UNREGISTER_EVENTFD		5
#define IORING_REGISTER_FILES_UPDATE		6  /* 5.5 */
#define IORING_REGISTER_EVENTFD_ASYNC		7  /* 5.6 */
#define IORING_REGISTER_PROBE			8
#define IORING_REGISTER_PERSONALITY		9
#define IORING_UNREGISTER_PERSONALITY		10
#define IORING_REGISTER_RESTRICTIONS		11 /* 5.10, of a task: 7.0, fd -1 */
#define IORING_REGISTER_ENABLE_RINGS		12 /* 5.10 */
#define IORING_REGISTER_FILES2			13 /* 5.13 */
#define IORING_REGISTER_FILES_UPDATE2		14
#define IORING_REGISTER_BUFFERS2		15
#define IORING_REGISTER_BUFFERS_UPDATE		16
#define IORING_REGISTER_IOWQ_AFF		17 /* 5.14 */
#define IORING_UNREGISTER_IOWQ_AFF		18
#define IORING_REGISTER_IOWQ_MAX_WORKERS	19 /* 5.15 */
#define IORING_REGISTER_RING_FDS		20 /* 5.18 */
#define IORING_UNREGISTER_RING_FDS		21
#define IORING_REGISTER_PBUF_RING		22 /* 5.19 */
#define IORING_UNREGISTER_PBUF_RING		23
#define IORING_REGISTER_SYNC_CANCEL		24 /* 6.0 */
#define IORING_REGISTER_FILE_ALLOC_RANGE	25
#define IORING_REGISTER_PBUF_STATUS		26 /* 6.8 */
#define IORING_REGISTER_NAPI			27 /* 6.9 */
#define IORING_UNREGISTER_NAPI			28
#define IORING_REGISTER_CLOCK			29 /* 6.12 */
#define IORING_REGISTER_CLONE_BUFFERS		30
#define IORING_REGISTER_SEND_MSG_RING		31 /* 6.13, fd -1 */
#define IORING_REGISTER_ZCRX_IFQ		32 /* 6.15 */
#define IORING_REGISTER_RESIZE_RINGS		33 /* 6.13 */
#define IORING_REGISTER_MEM_REGION		34 /* 6.13 */
#define IORING_REGISTER_QUERY			35 /* 6.18, fd -1 is allowed */
#define IORING_REGISTER_ZCRX_CTRL		36 /* 6.19 */
#define IORING_REGISTER_BPF_FILTER		37 /* 7.0 */

/* added to any of these: fd is an index that REGISTER_RING_FDS gave; 6.3 */
#define IORING_REGISTER_USE_REGISTERED_RING	(1U << 31)

/* PROBE: io_uring_probe_op.flags */
#define IO_URING_OP_SUPPORTED		(1U << 0)

/* FILES2, BUFFERS2: all slots empty, no data; 5.19 */
#define IORING_RSRC_REGISTER_SPARSE	(1U << 0)

/* FILES_UPDATE: in place of a descriptor, leave this slot alone */
#define IORING_REGISTER_FILES_SKIP	(-2)

/* CLONE_BUFFERS: io_uring_clone_buffers.flags */
#define IORING_REGISTER_SRC_REGISTERED	(1U << 0) /* src_fd is an index */
#define IORING_REGISTER_DST_REPLACE	(1U << 1) /* 6.13 */

/* IOWQ_MAX_WORKERS: which of the two u32 limits is which */
#define IO_WQ_BOUND			0
#define IO_WQ_UNBOUND			1

/* PBUF_RING: io_uring_buf_reg.flags */
#define IOU_PBUF_RING_MMAP		1 /* 6.4, the kernel allocates it */
#define IOU_PBUF_RING_INC		2 /* 6.12, buffers are used up bit by bit */

/* MEM_REGION: io_uring_region_desc.flags, io_uring_mem_region_reg.flags */
#define IORING_MEM_REGION_TYPE_USER	1 /* at user_addr, else mmap_offset */
#define IORING_MEM_REGION_REG_WAIT_ARG	1 /* holds struct io_uring_reg_wait[] */

/* RESTRICTIONS: io_uring_restriction.opcode */
#define IORING_RESTRICTION_REGISTER_OP		0
#define IORING_RESTRICTION_SQE_OP		1
#define IORING_RESTRICTION_SQE_FLAGS_ALLOWED	2
#define IORING_RESTRICTION_SQE_FLAGS_REQUIRED	3

/* NAPI: io_uring_napi.opcode, and op_param of REGISTER_OP */
#define IO_URING_NAPI_REGISTER_OP	0
#define IO_URING_NAPI_STATIC_ADD_ID	1
#define IO_URING_NAPI_STATIC_DEL_ID	2
#define IO_URING_NAPI_TRACKING_DYNAMIC	0
#define IO_URING_NAPI_TRACKING_STATIC	1
#define IO_URING_NAPI_TRACKING_INACTIVE	255

/* QUERY: io_uring_query_hdr.query_op */
#define IO_URING_QUERY_OPCODES		0
#define IO_URING_QUERY_ZCRX		1
#define IO_URING_QUERY_SCQ		2
#define IO_URING_QUERY_ZCRX_EVENT	3

/* BPF_FILTER: io_uring_bpf.cmd_type, io_uring_bpf_filter.flags */
#define IO_URING_BPF_CMD_FILTER		1
#define IO_URING_BPF_FILTER_DENY_REST	1 /* opcodes without a filter fail */
#define IO_URING_BPF_FILTER_SZ_STRICT	2 /* pdu_size must be the kernel's */

/* ---- zero copy receive ------------------------------------------------------ */

/* an offset in a rqe or cqe: the area's token above, bytes below */
#define IORING_ZCRX_AREA_SHIFT	48
#define IORING_ZCRX_AREA_MASK	(~(((u64)1 << IORING_ZCRX_AREA_SHIFT) - 1))

/* io_uring_zcrx_area_reg.flags */
#define IORING_ZCRX_AREA_DMABUF		1

/* io_uring_zcrx_ifq_reg.flags */
#define ZCRX_REG_IMPORT			1
#define ZCRX_REG_NODEV			2 /* no device: everything is copied */

/* io_uring_query_zcrx.features */
#define ZCRX_FEATURE_RX_PAGE_SIZE	(1 << 0)
#define ZCRX_FEATURE_EVENT		(1 << 1)

/* zcrx_event_desc.type_mask has a bit per event */
#define ZCRX_EVENT_ALLOC_FAIL		0
#define ZCRX_EVENT_COPY			1
#define ZCRX_EVENT_DESC_FLAG_STATS	(1 << 0) /* stats_offset is given */

/* zcrx_ctrl.op */
#define ZCRX_CTRL_FLUSH_RQ		0
#define ZCRX_CTRL_EXPORT		1
#define ZCRX_CTRL_ARM_EVENT		2
#define ZCRX_CTRL_ADD_AREA		3

/* ---- layouts ------------------------------------------------------------------ */

#ifndef LINUX_IO_URING_H
#define LINUX_IO_URING_H

/*
 * One above the last number that this header knows. They differ by release,
 * so they are those of the header that came first.
 */
#define IORING_OP_LAST			65
#define IORING_REGISTER_LAST		38
#define IORING_RESTRICTION_LAST		4

/*
 * 64 bytes, or 128 with the second half belonging to cmd[]. What an operation
 * does not use must be zero.
 */
struct io_uring_sqe {
	u8 opcode;
	u8 flags;
	u16 ioprio;		/* or flags of accept, send, receive */
	s32 fd;
	union {
		u64 off;
		u64 addr2;
		struct {
			u32 cmd_op;
			u32 __pad1;	/* checked by URING_CMD: zero */
		};
	};
	union {
		u64 addr;
		u64 splice_off_in;
		struct {
			u32 level;
			u32 optname;
		};
	};
	u32 len;
	union {
		u32 rw_flags;		/* RWF_* */
		u32 fsync_flags;
		u32 sync_range_flags;
		u32 open_flags;
		u32 statx_flags;
		u32 fadvise_advice;
		u32 splice_flags;
		u32 pipe_flags;
		u32 rename_flags;
		u32 unlink_flags;
		u32 hardlink_flags;
		u32 xattr_flags;
		u16 poll_events;	/* before POLL_32BITS */
		u32 poll32_events;
		u32 msg_flags;		/* MSG_* */
		u32 accept_flags;
		u32 timeout_flags;
		u32 cancel_flags;
		u32 msg_ring_flags;
		u32 uring_cmd_flags;
		u32 waitid_flags;
		u32 futex_flags;
		u32 install_fd_flags;
		u32 nop_flags;
	};
	u64 user_data;		/* comes back in the CQE */
	union {
		u16 buf_index;	/* registered buffer */
		u16 buf_group;	/* with IOSQE_BUFFER_SELECT */
	} __attribute__((packed));
	u16 personality;
	union {
		s32 splice_fd_in;
		u32 file_index;	/* slot + 1, or IORING_FILE_INDEX_ALLOC */
		u32 zcrx_ifq_idx;
		u32 optlen;
		struct {
			u16 addr_len;
			u16 __pad3[1];
		};
		struct {
			u8 write_stream;
			u8 __pad4[3];
		};
	};
	union {
		struct {
			u64 addr3;
			u64 __pad2[1];
		};
		struct {
			u64 attr_ptr;
			u64 attr_type_mask;
		};
		u64 optval;
		u8 cmd[0];	/* 16 bytes, or 80 of a 128-byte SQE */
	};
};

/* what attr_ptr of a read or write points to: protection information */
struct io_uring_attr_pi {
	u16 flags;
	u16 app_tag;
	u32 len;
	u64 addr;
	u64 seed;
	u64 rsvd;
};

struct io_uring_cqe {
	u64 user_data;
	s32 res;
	u32 flags;
	u64 big_cqe[];		/* two of them in a 32-byte CQE */
};

/* where in the mapping the words of the rings are, in bytes */
struct io_sqring_offsets {
	u32 head;
	u32 tail;
	u32 ring_mask;
	u32 ring_entries;
	u32 flags;
	u32 dropped;
	u32 array;		/* unused with NO_SQARRAY */
	u32 resv1;
	u64 user_addr;		/* input of NO_MMAP: memory for the SQEs */
};

struct io_cqring_offsets {
	u32 head;
	u32 tail;
	u32 ring_mask;
	u32 ring_entries;
	u32 overflow;
	u32 cqes;
	u32 flags;
	u32 resv1;
	u64 user_addr;		/* input of NO_MMAP: memory for the rings */
};

struct io_uring_params {
	u32 sq_entries;
	u32 cq_entries;
	u32 flags;
	u32 sq_thread_cpu;
	u32 sq_thread_idle;	/* milliseconds */
	u32 features;
	u32 wq_fd;
	u32 resv[3];
	struct io_sqring_offsets sq_off;
	struct io_cqring_offsets cq_off;
};

_Static_assert(sizeof(struct io_uring_sqe) == 64, "ABI");
_Static_assert(sizeof(struct io_uring_attr_pi) == 32, "ABI");
_Static_assert(sizeof(struct io_uring_cqe) == 16, "ABI");
_Static_assert(sizeof(struct io_sqring_offsets) == 40, "ABI");
_Static_assert(sizeof(struct io_cqring_offsets) == 40, "ABI");
_Static_assert(sizeof(struct io_uring_params) == 120, "ABI");

/* what io_uring_enter() waits with: EXT_ARG, EXT_ARG_REG */
struct io_uring_getevents_arg {
	u64 sigmask;
	u32 sigmask_sz;		/* 8 whenever sigmask is given */
	u32 min_wait_usec;	/* 6.12 */
	u64 ts;			/* struct __kernel_timespec * */
};

struct io_uring_reg_wait {
	struct __kernel_timespec ts;
	u32 min_wait_usec;
	u32 flags;		/* IORING_REG_WAIT_* */
	u64 sigmask;
	u32 sigmask_sz;
	u32 pad[3];
	u64 pad2[2];
};

_Static_assert(sizeof(struct io_uring_getevents_arg) == 24, "ABI");
_Static_assert(sizeof(struct io_uring_reg_wait) == 64, "ABI");

/* what RECVMSG with RECV_MULTISHOT writes at the start of a selected buffer */
struct io_uring_recvmsg_out {
	u32 namelen;
	u32 controllen;
	u32 payloadlen;
	u32 flags;
};

/* what the large CQE of a transmit timestamp holds */
struct io_timespec {
	u64 tv_sec;
	u64 tv_nsec;
};

_Static_assert(sizeof(struct io_uring_recvmsg_out) == 16, "ABI");
_Static_assert(sizeof(struct io_timespec) == 16, "ABI");

/* REGISTER_PROBE; nr_args is the length of ops[] */
struct io_uring_probe_op {
	u8 op;
	u8 resv;
	u16 flags;		/* IO_URING_OP_SUPPORTED */
	u32 resv2;
};

struct io_uring_probe {
	u8 last_op;		/* the highest opcode of this kernel */
	u8 ops_len;		/* filled entries of ops[] */
	u16 resv;
	u32 resv2[3];
	struct io_uring_probe_op ops[];
};

_Static_assert(sizeof(struct io_uring_probe_op) == 8, "ABI");
_Static_assert(sizeof(struct io_uring_probe) == 16, "ABI");

/* REGISTER_FILES2 and BUFFERS2: s32[] or struct iovec[], a u64 tag for each */
struct io_uring_rsrc_register {
	u32 nr;
	u32 flags;		/* IORING_RSRC_REGISTER_SPARSE */
	u64 resv2;
	u64 data __attribute__((aligned(8)));
	u64 tags __attribute__((aligned(8)));
};

/* REGISTER_FILES_UPDATE, under its first name and its present one */
struct io_uring_files_update {
	u32 offset;
	u32 resv;
	u64 fds __attribute__((aligned(8)));
};

struct io_uring_rsrc_update {
	u32 offset;
	u32 resv;
	u64 data __attribute__((aligned(8)));
};

/* REGISTER_FILES_UPDATE2, BUFFERS_UPDATE */
struct io_uring_rsrc_update2 {
	u32 offset;
	u32 resv;
	u64 data __attribute__((aligned(8)));
	u64 tags __attribute__((aligned(8)));
	u32 nr;
	u32 resv2;
};

/* REGISTER_FILE_ALLOC_RANGE: where the kernel may choose slots */
struct io_uring_file_index_range {
	u32 off;
	u32 len;
	u64 resv;
};

/* REGISTER_CLONE_BUFFERS */
struct io_uring_clone_buffers {
	u32 src_fd;
	u32 flags;
	u32 src_off;		/* the offsets and nr: 6.13 */
	u32 dst_off;
	u32 nr;
	u32 pad[3];
};

_Static_assert(sizeof(struct io_uring_rsrc_register) == 32, "ABI");
_Static_assert(sizeof(struct io_uring_files_update) == 16, "ABI");
_Static_assert(sizeof(struct io_uring_rsrc_update) == 16, "ABI");
_Static_assert(sizeof(struct io_uring_rsrc_update2) == 32, "ABI");
_Static_assert(sizeof(struct io_uring_file_index_range) == 16, "ABI");
_Static_assert(sizeof(struct io_uring_clone_buffers) == 32, "ABI");

/* a ring of provided buffers; its tail shares the first entry's resv */
struct io_uring_buf {
	u64 addr;
	u32 len;
	u16 bid;
	u16 resv;
};

struct io_uring_buf_ring {
	union {
		struct {
			u64 resv1;
			u32 resv2;
			u16 resv3;
			u16 tail;
		};
		struct {	/* lets an array of unknown size into a union */
			struct { } __empty_bufs;
			struct io_uring_buf bufs[];
		};
	};
};

/* REGISTER_PBUF_RING and its opposite; REGISTER_PBUF_STATUS */
struct io_uring_buf_reg {
	u64 ring_addr;		/* zero with IOU_PBUF_RING_MMAP */
	u32 ring_entries;
	u16 bgid;
	u16 flags;
	u32 min_left;
	u32 resv[5];
};

struct io_uring_buf_status {
	u32 buf_group;		/* asked */
	u32 head;		/* answered */
	u32 resv[8];
};

_Static_assert(sizeof(struct io_uring_buf) == 16, "ABI");
_Static_assert(sizeof(struct io_uring_buf_ring) == 16, "ABI");
_Static_assert(sizeof(struct io_uring_buf_reg) == 40, "ABI");
_Static_assert(sizeof(struct io_uring_buf_status) == 40, "ABI");

/* REGISTER_MEM_REGION: memory shared with the kernel */
struct io_uring_region_desc {
	u64 user_addr;
	u64 size;
	u32 flags;		/* IORING_MEM_REGION_TYPE_USER */
	u32 id;
	u64 mmap_offset;	/* answered */
	u64 __resv[4];
};

struct io_uring_mem_region_reg {
	u64 region_uptr;	/* struct io_uring_region_desc * */
	u64 flags;		/* IORING_MEM_REGION_REG_WAIT_ARG */
	u64 __resv[2];
};

/* REGISTER_RESTRICTIONS: of a ring an array, of a task the struct after it */
struct io_uring_restriction {
	u16 opcode;		/* IORING_RESTRICTION_* */
	union {
		u8 register_op;
		u8 sqe_op;
		u8 sqe_flags;
	};
	u8 resv;
	u32 resv2[3];
};

struct io_uring_task_restriction {
	u16 flags;
	u16 nr_res;
	u32 resv[3];
	struct {
		struct { } __empty_restrictions;
		struct io_uring_restriction restrictions[];
	};
};

/* REGISTER_SYNC_CANCEL */
struct io_uring_sync_cancel_reg {
	u64 addr;		/* the user_data sought */
	s32 fd;
	u32 flags;		/* IORING_ASYNC_CANCEL_* */
	struct __kernel_timespec timeout; /* -1, -1 for none */
	u8 opcode;
	u8 pad[7];
	u64 pad2[3];
};

/* REGISTER_CLOCK: what the ring's timeouts are measured with */
struct io_uring_clock_register {
	u32 clockid;
	u32 __resv[3];
};

/* REGISTER_NAPI */
struct io_uring_napi {
	u32 busy_poll_to;	/* microseconds */
	u8 prefer_busy_poll;
	u8 opcode;		/* IO_URING_NAPI_*_OP, _ID */
	u8 pad[2];
	u32 op_param;		/* a tracking strategy, or a NAPI id */
	u32 resv;
};

_Static_assert(sizeof(struct io_uring_region_desc) == 64, "ABI");
_Static_assert(sizeof(struct io_uring_mem_region_reg) == 32, "ABI");
_Static_assert(sizeof(struct io_uring_restriction) == 16, "ABI");
_Static_assert(sizeof(struct io_uring_task_restriction) == 16, "ABI");
_Static_assert(sizeof(struct io_uring_sync_cancel_reg) == 64, "ABI");
_Static_assert(sizeof(struct io_uring_clock_register) == 16, "ABI");
_Static_assert(sizeof(struct io_uring_napi) == 16, "ABI");

#else /* theirs came first: what an old one lacks can still be pointed to */

struct io_uring_attr_pi;
struct io_uring_reg_wait;
struct io_timespec;
struct io_uring_clone_buffers;
struct io_uring_buf_status;
struct io_uring_region_desc;
struct io_uring_mem_region_reg;
struct io_uring_task_restriction;
struct io_uring_clock_register;
struct io_uring_napi;

#endif /* LINUX_IO_URING_H */

#ifndef LINUX_IO_URING_QUERY_H
#define LINUX_IO_URING_QUERY_H

#define __IO_URING_QUERY_MAX		4

/* REGISTER_QUERY takes a chain of these; sizes are negotiated downwards */
struct io_uring_query_hdr {
	u64 next_entry;		/* struct io_uring_query_hdr *, or 0 */
	u64 query_data;		/* one of the structs below */
	u32 query_op;
	u32 size;		/* of query_data; answered: what was filled */
	s32 result;		/* 0 or -errno of this entry */
	u32 __resv[3];
};

/* IO_URING_QUERY_OPCODES: numbers of opcodes, masks of known flags */
struct io_uring_query_opcode {
	u32 nr_request_opcodes;
	u32 nr_register_opcodes;
	u64 feature_flags;
	u64 ring_setup_flags;
	u64 enter_flags;
	u64 sqe_flags;
	u32 nr_query_opcodes;
	u32 __pad;
};

/* IO_URING_QUERY_SCQ: what NO_MMAP has to provide before the entries */
struct io_uring_query_scq {
	u64 hdr_size;
	u64 hdr_alignment;
};

struct io_uring_query_zcrx {
	u64 register_flags;	/* ZCRX_REG_* */
	u64 area_flags;		/* IORING_ZCRX_AREA_* */
	u32 nr_ctrl_opcodes;
	u32 features;		/* ZCRX_FEATURE_* */
	u32 rq_hdr_size;
	u32 rq_hdr_alignment;
	u64 __resv2;
};

struct io_uring_query_zcrx_event {
	u32 event_flags;	/* a bit per ZCRX_EVENT_* */
	u32 stats_size;
	u32 stats_off_alignment;
	u32 __resv1;
	u64 __resv2[4];
};

_Static_assert(sizeof(struct io_uring_query_hdr) == 40, "ABI");
_Static_assert(sizeof(struct io_uring_query_opcode) == 48, "ABI");
_Static_assert(sizeof(struct io_uring_query_scq) == 16, "ABI");
_Static_assert(sizeof(struct io_uring_query_zcrx) == 40, "ABI");
_Static_assert(sizeof(struct io_uring_query_zcrx_event) == 48, "ABI");

#endif /* LINUX_IO_URING_QUERY_H */

#ifndef LINUX_IO_URING_BPF_FILTER_H
#define LINUX_IO_URING_BPF_FILTER_H

/* what a filter program is given to read */
struct io_uring_bpf_ctx {
	u64 user_data;
	u8 opcode;
	u8 sqe_flags;
	u8 pdu_size;		/* bytes of the union that are filled */
	u8 pad[5];
	union {
		struct {
			u32 family;
			u32 type;
			u32 protocol;
		} socket;
		struct {
			u64 flags;
			u64 mode;
			u64 resolve;
		} open;
		struct {	/* port and address in network order */
			u32 family;
			__be16 port;
			u8 pad[2];
			union {
				__be32 v4_addr;
				u8 v6_addr[16];
			};
		} connect;
	};
};

struct io_uring_bpf_filter {
	u32 opcode;
	u32 flags;		/* IO_URING_BPF_FILTER_* */
	u32 filter_len;		/* in instructions */
	u8 pdu_size;
	u8 resv[3];
	u64 filter_ptr;
	u64 resv2[5];
};

/* REGISTER_BPF_FILTER */
struct io_uring_bpf {
	u16 cmd_type;		/* IO_URING_BPF_CMD_* */
	u16 cmd_flags;
	u32 resv;
	union {
		struct io_uring_bpf_filter filter;
	};
};

_Static_assert(sizeof(struct io_uring_bpf_ctx) == 40, "ABI");
_Static_assert(sizeof(struct io_uring_bpf_filter) == 64, "ABI");
_Static_assert(sizeof(struct io_uring_bpf) == 72, "ABI");

#endif /* LINUX_IO_URING_BPF_FILTER_H */

#ifndef LINUX_IO_ZCRX_H
#define LINUX_IO_ZCRX_H
#ifndef UAPI_IO_URING_HAVE_ZCRX

#define __ZCRX_EVENT_TYPE_LAST		2
#define __ZCRX_CTRL_LAST		4

/* refill queue entry; and what the large CQE of RECV_ZC holds */
struct io_uring_zcrx_rqe {
	u64 off;
	u32 len;
	u32 __pad;
};

struct io_uring_zcrx_cqe {
	u64 off;
	u64 __pad;
};

/* where in its region the refill queue's words are, in bytes */
struct io_uring_zcrx_offsets {
	u32 head;
	u32 tail;
	u32 rqes;
	u32 __resv2;
	u64 __resv[2];
};

/* memory that packets are received into */
struct io_uring_zcrx_area_reg {
	u64 addr;
	u64 len;
	u64 rq_area_token;	/* answered: added to offsets in rqes */
	u32 flags;
	u32 dmabuf_fd;
	u64 __resv2[2];
};

/* events of an instance, and its counters, which only grow */
struct zcrx_event_desc {
	u64 user_data;
	u32 type_mask;
	u32 flags;
	u64 stats_offset;	/* of struct zcrx_stats in the region */
	u64 __resv2[9];
};

struct zcrx_stats {
	u64 copy_count;		/* CQEs whose data had to be copied */
	u64 copy_bytes;
};

/* REGISTER_ZCRX_IFQ */
struct io_uring_zcrx_ifq_reg {
	u32 if_idx;
	u32 if_rxq;
	u32 rq_entries;
	u32 flags;		/* ZCRX_REG_* */
	u64 area_ptr;		/* struct io_uring_zcrx_area_reg * */
	u64 region_ptr;		/* struct io_uring_region_desc * */
	struct io_uring_zcrx_offsets offsets;
	u32 zcrx_id;
	u32 rx_buf_len;
	u64 event_desc;		/* struct zcrx_event_desc * */
	u64 __resv[2];
};

_Static_assert(sizeof(struct io_uring_zcrx_rqe) == 16, "ABI");
_Static_assert(sizeof(struct io_uring_zcrx_cqe) == 16, "ABI");
_Static_assert(sizeof(struct io_uring_zcrx_offsets) == 32, "ABI");
_Static_assert(sizeof(struct io_uring_zcrx_area_reg) == 48, "ABI");
_Static_assert(sizeof(struct zcrx_event_desc) == 96, "ABI");
_Static_assert(sizeof(struct zcrx_stats) == 16, "ABI");
_Static_assert(sizeof(struct io_uring_zcrx_ifq_reg) == 96, "ABI");

/* REGISTER_ZCRX_CTRL, with an argument for each op */
struct zcrx_ctrl_flush_rq {
	u64 __resv[6];
};

struct zcrx_ctrl_export {
	u32 zcrx_fd;		/* answered */
	u32 __resv1[11];
};

struct zcrx_ctrl_arm_event {
	u32 event_type;
	u32 __resv[11];
};

struct zcrx_ctrl_add_area {
	u64 area_ptr;		/* struct io_uring_zcrx_area_reg * */
	u64 __resv[5];
};

struct zcrx_ctrl {
	u32 zcrx_id;
	u32 op;
	u64 __resv[2];
	union {
		struct zcrx_ctrl_export zc_export;
		struct zcrx_ctrl_flush_rq zc_flush;
		struct zcrx_ctrl_arm_event zc_arm_event;
		struct zcrx_ctrl_add_area zc_area;
	};
};

_Static_assert(sizeof(struct zcrx_ctrl_flush_rq) == 48, "ABI");
_Static_assert(sizeof(struct zcrx_ctrl_export) == 48, "ABI");
_Static_assert(sizeof(struct zcrx_ctrl_arm_event) == 48, "ABI");
_Static_assert(sizeof(struct zcrx_ctrl_add_area) == 48, "ABI");
_Static_assert(sizeof(struct zcrx_ctrl) == 72, "ABI");

#else /* theirs came first, perhaps one that knew fewer */

struct zcrx_event_desc;
struct zcrx_stats;
struct zcrx_ctrl;

#endif
#endif /* LINUX_IO_ZCRX_H */

#endif
