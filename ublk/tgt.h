/* SPDX-License-Identifier: MIT */
/*
 * Targets: what serves the blocks. A target takes operations (struct tgt_op)
 * and answers each once; it knows nothing of ublk. A leaf keeps the data, a
 * composite hands operations on to its children. Whoever submits operations is
 * the front end: ublk/queue.c, or a test, or a program that wants the disk and
 * no device.
 *
 * Threads: open and close are called by one thread while no queue runs. Any
 * number of queues may then submit at the same time, each from its own thread;
 * an operation stays on its queue. Nothing on the I/O path allocates or waits.
 */
#ifndef UBLK_TGT_H
#define UBLK_TGT_H

#include "ring/ring.h"
#include "uapi/rt/diag.h"
#include "uapi/rt/opt.h"
#include "uapi/types.h"
#include "uapi/ublk_cmd.h"

#define TGT_MAX_DEPTH 8     /* of a nest of targets */
#define TGT_MAX_CHILDREN 16 /* of one composite */
#define TGT_MAX_NODES 64    /* of one spec */
#define TGT_NOTICE_BYTES 120

/* What is asked. The numbers are the kernel's, so that nothing need translate. */
enum tgt_kind {
	TGT_READ = UBLK_IO_OP_READ,
	TGT_WRITE = UBLK_IO_OP_WRITE,
	TGT_FLUSH = UBLK_IO_OP_FLUSH,
	TGT_DISCARD = UBLK_IO_OP_DISCARD,
	TGT_WRITE_ZEROES = UBLK_IO_OP_WRITE_ZEROES,
	TGT_ZONE_OPEN = UBLK_IO_OP_ZONE_OPEN,
	TGT_ZONE_CLOSE = UBLK_IO_OP_ZONE_CLOSE,
	TGT_ZONE_FINISH = UBLK_IO_OP_ZONE_FINISH,
	TGT_ZONE_APPEND = UBLK_IO_OP_ZONE_APPEND,
	TGT_ZONE_RESET_ALL = UBLK_IO_OP_ZONE_RESET_ALL,
	TGT_ZONE_RESET = UBLK_IO_OP_ZONE_RESET,
	TGT_REPORT_ZONES = UBLK_IO_OP_REPORT_ZONES,
};

/* tgt_op.flags: the kernel's bits as they are; others may be set, for reading */
#define TGT_F_FUA UBLK_IO_F_FUA		/* durable before it is done */
#define TGT_F_NOUNMAP UBLK_IO_F_NOUNMAP /* WRITE_ZEROES: keep the space allocated */
#define TGT_F_META UBLK_IO_F_META
#define TGT_F_SWAP UBLK_IO_F_SWAP

/* Where the bytes of an operation are */
enum tgt_data_kind {
	TGT_DATA_NONE,	/* the operation has none, or they move without us */
	TGT_DATA_MEM,	/* in memory: pieces are addresses */
	TGT_DATA_FILE,	/* behind data.fd: pieces are offsets for pread and pwrite */
	TGT_DATA_FIXED, /* in the ring's registered buffer data.buf_index: pieces are offsets,
			 * or addresses where a program registered memory of its own */
};

struct tgt_piece {
	u64 at; /* address or offset, as the kind says */
	u64 len_bytes;
};

/**
 * struct tgt_data - the bytes of an operation, in order
 *
 * The pages of a write may change while it is in flight (ublk has no stable
 * writes): whoever looks at them twice copies them once, see needs_snapshot.
 * Nobody alters the bytes of a write.
 */
struct tgt_data {
	u8 kind; /* enum tgt_data_kind */
	u16 buf_index;
	u32 nr_pieces;
	s32 fd;
	struct tgt_piece *pieces;
};

struct tgt;
struct tgt_op;
struct tgt_queue;

/* Called for an operation that was PENDING, when its result stands in it. */
typedef void tgt_done_fn(struct tgt_queue *q, struct tgt_op *op);

/**
 * struct tgt_op - one operation, owned by its submitter from submit to done
 * @result: what DONE or done() found. READ, WRITE: bytes, all of them or it is
 *          a failure. ZONE_APPEND: where it went, in sectors. REPORT_ZONES:
 *          zones written to @report. Others: 0. Or -errno.
 */
struct tgt_op {
	u8 kind; /* enum tgt_kind */
	u16 nr_waiting; /* composites: sub-operations that are out */
	u32 flags;
	u64 offset_bytes;
	u64 len_bytes;
	s64 result;
	struct tgt_data data;
	struct tgt_piece piece; /* room for the usual list of one */
	struct tgt *tgt;	/* set by tgt_submit() */
	tgt_done_fn *done;
	struct tgt_op *next;   /* run list, or whatever list its owner keeps */
	struct tgt_op *parent; /* of a sub-operation */
	struct tgt_slab *slab; /* where sub-operations and pieces come from */
	struct tgt_data meta;  /* integrity metadata that goes with the data */
	void *report;	       /* REPORT_ZONES: struct blk_zone[report_zones] */
	u32 report_zones;
	u64 scratch[2]; /* the target's own, while it has the operation */
} __attribute__((aligned(64)));

/**
 * struct tgt_slab - the sub-operations and pieces that one request can need
 * @queue: on which it is
 *
 * Each tag of a queue has one of the size that the targets declared; it is
 * emptied when the tag's next request begins.
 */
struct tgt_slab {
	struct tgt_queue *queue;
	struct tgt_op *ops;
	struct tgt_piece *pieces;
	u32 nr_ops;
	u32 nr_pieces;
};

/* struct tgt_run - operations that were completed and whose done() is still to
 * be called, in order; one for all queues of a ring */
struct tgt_run {
	struct tgt_op *first;
	struct tgt_op **last;
};

/**
 * struct tgt_queue - what a target sees of the queue that it is called on
 * @ring: for the target's own requests; only by way of tgt_get_sqe()
 * @idx:  which queue of this tree, from 0
 * @nr_busy: what targets do by themselves on this queue, beside the operations
 *        that they were given; each counts what it begins and ends. The queue is
 *        not closed before it is 0
 * @is_stopping: the queue is about to be closed: nothing of that kind begins anew
 */
struct tgt_queue {
	struct ring *ring;
	struct tgt_run *run;
	u32 idx;
	u32 nr_busy;
	bool is_stopping;
};

enum tgt_status {
	TGT_DONE,    /* result is there; done() will not be called */
	TGT_PENDING, /* done() will be called, later, never from inside submit() */
};

/**
 * struct tgt_zones - a zoned disk; zone_bytes 0: it is none
 * @zone_bytes: of each zone, a power of two; the disk is a multiple of it
 * @max_open, @max_active: zones at a time; 0: no limit
 * @max_append_bytes: of one ZONE_APPEND; not 0
 */
struct tgt_zones {
	u64 zone_bytes;
	u32 max_open;
	u32 max_active;
	u32 max_append_bytes;
};

/* Of metadata: <linux/fs.h> has them from 6.17 on */
#ifndef LBMD_PI_CAP_INTEGRITY
#define	LBMD_PI_CAP_INTEGRITY		(1 << 0) /* the disk checks, too */
#define	LBMD_PI_CAP_REFTAG		(1 << 1) /* the reference tag is the place */
#define LBMD_PI_CSUM_NONE		0
#define LBMD_PI_CSUM_IP			1
#define LBMD_PI_CSUM_CRC16_T10DIF	2
#define LBMD_PI_CSUM_CRC64_NVME		4
#endif

/**
 * struct tgt_meta_format - metadata that each interval of data has; bytes 0: none
 * @interval_shift: data bytes that one piece of metadata is about
 * @csum:      LBMD_PI_CSUM_*, with the protection information at pi_offset
 * @caps:      LBMD_PI_CAP_*
 */
struct tgt_meta_format {
	u8 bytes;
	u8 pi_offset;
	u8 csum;
	u8 tag_bytes;
	u8 interval_shift;
	u32 caps;
};

/* What the disk is like. Zero in a maximum: not offered. */
struct tgt_limits {
	u64 size_bytes;
	u8 logical_shift;  /* block size that requests are a multiple of */
	u8 physical_shift; /* block size that is written in one piece */
	u8 io_min_shift;   /* 0: the physical block */
	u8 io_opt_shift;   /* 0: nothing is best */
	u32 attrs;	   /* UBLK_ATTR_* */
	u32 max_io_bytes;  /* of one READ or WRITE; 0: any */
	u32 discard_granularity_bytes;
	u32 discard_alignment_bytes;
	u64 max_discard_bytes;
	u64 max_write_zeroes_bytes;
	u32 dma_alignment_bytes; /* of the memory of requests that it hands on; 0: any */
	u32 chunk_bytes;	 /* no request crosses a multiple of it; 0: any may */
	struct tgt_zones zones;
	struct tgt_meta_format meta;
};

/**
 * struct tgt - one target, open
 * @direct:         see struct tgt_type
 * @data_kinds:     1 << enum tgt_data_kind for each that submit() can take
 * @forwards_data:  hands the data on and never looks at it
 * @needs_snapshot: looks at the bytes of a write more than once
 * @forgets:        something that its disk is made of is in this process alone: another
 *                  that opens the same spec does not find it
 * @makes_nothing:  before open(): what it is to find is an error when it is not there
 * @handed_fd:      before open(): what hand_over() of another server gave, which still serves;
 *                  -1: nothing. open() puts -1 here when it takes it
 * @nr_ops:         sub-operations that one operation can need, all below counted.
 *                  Before open() it is set for one to each child; a target that
 *                  asks a child more often for one operation, at the same time or
 *                  in turn, adds 1 + child->nr_ops for each further time
 * @nr_pieces:      pieces, the same, of an operation whose data is one piece: each
 *                  piece more can be one more of every sub-operation, so who makes k
 *                  of one adds (k - 1) * child->nr_ops, and whoever submits lists has
 *                  room for as much
 * @nr_sqes:        entries of the ring that can be under way, the same
 * @backing_dev:    of a leaf on a block device, or on a file system that is on one: that
 *                  one's number, as node_dev() of ublk/node.h makes it; 0: on none
 * @store:          where a leaf has mapped its disk's bytes, store_bytes of address space: not to
 *                  be locked in memory with the rest of a server; 0: nowhere
 * @arg, @params:   as the spec has them, decoded; params: name, NUL, value, NUL, ..., ended
 *                  by an empty name, and NULL of a target that no spec has opened
 * @notice:         what the user should know although all is well, by tgt_notice(),
 *                  which is for open(); empty: nothing
 */
struct tgt {
	const struct tgt_type *type;
	enum tgt_status (*submit)(struct tgt *t, struct tgt_queue *q, struct tgt_op *op);
	void *(*direct)(struct tgt *t, const struct tgt_op *op);
	void *state; /* type->state_bytes, zeroed before open() */
	struct tgt_limits limits;
	u32 data_kinds;
	bool forwards_data;
	bool needs_snapshot;
	bool forgets;
	bool makes_nothing;
	s32 handed_fd;
	u32 nr_ops;
	u32 nr_pieces;
	u32 nr_sqes;
	u32 backing_dev;
	const void *store;
	u64 store_bytes;
	u32 nr_children;
	struct tgt *child[TGT_MAX_CHILDREN];
	const char *arg;
	const char *params;
	char notice[TGT_NOTICE_BYTES];
};

/* Called with each number that a target tells about itself */
typedef void tgt_say_fn(void *ctx, const char *name, u64 value);

/**
 * struct tgt_type - one kind of target: a row of a table, a file of code
 * @arg_name:    what stands after the colon, for help; NULL: nothing may
 * @params:      what may stand after the question mark; filled into a struct of
 *               values_bytes, zeroed before, at most TGT_VALUES_BYTES
 * @leaf:        composites: the kind of child that KIND:ARG stands for, which is
 *               KIND:[LEAF:ARG]; NULL: an argument is refused
 * @min_children, @max_children: 0 for a leaf
 * @open:        checks and acquires; the children are open; fills t->limits and
 *               what differs from the defaults (memory only, nothing needed).
 *               arg is NULL when none was given; strings live as long as t
 * @close:       releases what open() acquired; NULL: nothing
 * @queue_init:  once on each queue's thread before it serves; may be NULL
 * @queue_stop:  ends soon what the target does by itself on this queue, for
 *               which nr_busy of the queue is waited; operations may still come.
 *               A target that begins nothing by itself has none. It also comes on a
 *               queue that could not be opened, with or without this one's queue_init()
 * @queue_exit:  undoes queue_init()
 * @submit:      see enum tgt_status
 * @direct:      of a target that keeps the bytes in memory: where those of a READ
 *               or WRITE are, in one stretch, or NULL where they cannot be told
 *               now. The kernel then copies there or from there by itself, and
 *               submit() is called with this as the data: before that of a read,
 *               after that of a write. NULL: never
 * @resize:      the disk gets @size_bytes; children first, limits.size_bytes last
 *               (others read it meanwhile: store it in one piece). -EOPNOTSUPP where
 *               it is absent. A disk that shrinks loses what is beyond
 * @refresh:     find limits.size_bytes out anew: of a file that another hand has made
 *               larger; children first. -EOPNOTSUPP where it is absent
 * @seek:        the first byte from @offset_bytes on that may hold data (or, with
 *               @hole, that surely reads as zeroes and takes no space), the size at
 *               the end. Absent: everything is data
 * @message:     a word to a running target, as "pause" or "rate=10M", whose value
 *               is NULL where none was given. -EINVAL: not known here, see
 *               tgt_knows_not(), which lists @messages
 * @stat:        tell @say each number that the target has about itself
 *               resize, refresh, seek, message and stat come from one thread at a
 *               time, any one, while queues run
 * @hand_over:   a file without which another server of the disk could not open it while this
 *               one has it, as one that is locked; it stays this one's. Absent or -1: none
 * @resume:      after open() with handed_fd, once the other has closed: what that has changed
 *               meanwhile is found. Absent: nothing of it is kept here
 * @cqe:         a completion of an entry from tgt_get_sqe(); the step is the
 *               caller's number from there. Calls tgt_complete() at the end
 */
struct tgt_type {
	const char *name;
	const char *arg_name;
	const char *leaf;
	const char *summary; /* one line */
	const char *notes;   /* more lines for help, or NULL */
	const char *messages; /* the words that message() knows, or NULL */
	struct opt_table params;
	u32 values_bytes;
	u32 state_bytes;
	u8 min_children;
	u8 max_children;
	int (*open)(struct tgt *t, const char *arg, const void *values, struct diag *why);
	void (*close)(struct tgt *t);
	int (*queue_init)(struct tgt *t, struct tgt_queue *q);
	void (*queue_stop)(struct tgt *t, struct tgt_queue *q);
	void (*queue_exit)(struct tgt *t, struct tgt_queue *q);
	enum tgt_status (*submit)(struct tgt *t, struct tgt_queue *q, struct tgt_op *op);
	void *(*direct)(struct tgt *t, const struct tgt_op *op);
	int (*resize)(struct tgt *t, u64 size_bytes, struct diag *why);
	int (*refresh)(struct tgt *t, struct diag *why);
	s64 (*seek)(struct tgt *t, u64 offset_bytes, bool hole);
	int (*message)(struct tgt *t, const char *word, const char *value, struct diag *why);
	void (*stat)(const struct tgt *t, tgt_say_fn *say, void *ctx);
	s32 (*hand_over)(const struct tgt *t);
	int (*resume)(struct tgt *t, struct diag *why);
	void (*cqe)(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 step, s32 res);
};

#define TGT_VALUES_BYTES 512
#define TGT_ZONE_BYTES 64 /* of struct blk_zone, <linux/blkzoned.h> */

/* tgt_submit() - give an operation to a target; op->tgt is set, nothing else */
static inline enum tgt_status tgt_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	op->tgt = t;
	return t->submit(t, q, op);
}

/* tgt_finish() - a target's answer inside submit() */
static inline enum tgt_status tgt_finish(struct tgt_op *op, s64 result)
{
	op->result = result;
	return TGT_DONE;
}

/* tgt_complete() - a target's answer to an operation that it left PENDING */
static inline void tgt_complete(struct tgt_queue *q, struct tgt_op *op, s64 result)
{
	op->result = result;
	op->next = NULL;
	*q->run->last = op;
	q->run->last = &op->next;
}

/* tgt_run_init() - an empty list; whoever drives a ring has one */
static inline void tgt_run_init(struct tgt_run *run)
{
	*run = (struct tgt_run){ .last = &run->first };
}

/* tgt_run_done() - call done() for everything that was completed, in order */
void tgt_run_done(struct tgt_run *run);

/* tgt_sub() - a sub-operation of @op with the same kind and flags, no data yet;
 * the type has counted it in nr_ops, so there is one */
struct tgt_op *tgt_sub(struct tgt_op *op, tgt_done_fn *done);

/* tgt_slice() - the data of @sub are sub->len_bytes of those of @op, a WRITE or a READ, from @at
 * on. A list of more than one piece comes from the slab */
void tgt_slice(const struct tgt_op *op, u64 at, struct tgt_op *sub);

/* tgt_set_mem() - the data of @op is one stretch of memory of op->len_bytes */
static inline void tgt_set_mem(struct tgt_op *op, void *mem)
{
	op->piece = (struct tgt_piece){ .at = (u64)(uintptr_t)mem, .len_bytes = op->len_bytes };
	op->data = (struct tgt_data){
		.kind = TGT_DATA_MEM,
		.nr_pieces = 1,
		.fd = -1,
		.pieces = &op->piece,
	};
}

/*
 * Moving bytes between an operation and memory, wherever its data is:
 * @at bytes into the operation, @len_bytes of them, within op->len_bytes.
 * Return: 0, or -EIO (the other side of a file did not take or give all),
 * -EOPNOTSUPP (registered buffers cannot be touched from here)
 */
NODISCARD int tgt_copy_from_op(const struct tgt_op *op, u64 at, void *mem, u64 len_bytes);
NODISCARD int tgt_copy_to_op(const struct tgt_op *op, u64 at, const void *mem, u64 len_bytes);
NODISCARD int tgt_zero_op(const struct tgt_op *op, u64 at, u64 len_bytes);

/**
 * tgt_write_from_op() - write bytes of an operation to a file, all or -errno
 *
 * Goes on after a short write. A disk that is full is -ENOSPC.
 */
NODISCARD int tgt_write_from_op(const struct tgt_op *op, u64 at, int fd, u64 offset_bytes,
				u64 len_bytes);

/* tgt_shift_of() - n of 1 << n; the builtin is a call into libgcc on riscv64 */
static inline u8 tgt_shift_of(u64 power)
{
	u8 shift = 0;

	while (shift < 63 && power >> shift > 1)
		shift++;
	return shift;
}

/* tgt_notice() - say something in open() that is no failure */
void tgt_notice(struct tgt *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* tgt_size_arg() - a target's argument that is a size: given, not zero, a
 * multiple of 512 */
NODISCARD int tgt_size_arg(const char *arg, u64 *bytes, struct diag *why);

/* What tells our entries' user_data from the front end's: operations are
 * aligned to 64 bytes, so bit 0 is clear and bits 1 to 5 hold a step. */
#define TGT_USER_DATA_FRONT 1ULL
#define TGT_MAX_STEP 31

/**
 * tgt_reserve_sqes() - make room for @nr entries that belong together
 *
 * Links end where a submission ends, so a chain reserves all of itself first.
 *
 * Return: 0, or -errno of ring_submit() when room could not be made
 */
NODISCARD int tgt_reserve_sqes(struct tgt_queue *q, u32 nr);

/* tgt_get_sqe() - an entry of the queue's ring, after tgt_reserve_sqes(); give
 * it to a ring_prep_*() function and then to tgt_sqe_owner() */
static inline struct io_uring_sqe *tgt_get_sqe(struct tgt_queue *q)
{
	return ring_get_sqe(q->ring);
}

/* tgt_sqe_owner() - the entry's completion goes to @op's target, with @step */
static inline void tgt_sqe_owner(struct io_uring_sqe *sqe, struct tgt_op *op, u32 step)
{
	sqe->user_data = (u64)(uintptr_t)op | (u64)step << 1;
}

/* tgt_handle_cqe() - for whoever drives the ring: a completion whose user_data
 * has TGT_USER_DATA_FRONT clear */
static inline void tgt_handle_cqe(u64 user_data, s32 res)
{
	struct tgt_op *op = (struct tgt_op *)(uintptr_t)(user_data & ~63ULL);
	u32 step = (u32)(user_data >> 1) & TGT_MAX_STEP;

	op->tgt->type->cqe(op->tgt, op->slab->queue, op, step, res);
}

/**
 * struct tgt_tree - a spec, opened: its root is the disk
 * @nr: targets in it; children have higher indexes than their parents
 */
struct tgt_tree {
	struct tgt *root;
	u32 nr;
	struct tgt *nodes;
	void *mem; /* one mapping for all of it */
	u64 mem_len_bytes;
};

/**
 * tgt_open() - open a target by its spec
 * @types: NULL-terminated table of the kinds that may be named; see tgt_types
 * @spec:  KIND:ARG?k=v&k=v for a leaf, KIND?k=v&k=v:[CHILD],[CHILD] for a
 *         composite, or KIND:ARG?k=v, see leaf in struct tgt_type; in ARG and values
 *         ? & [ ] , % and space are written %XX
 * @tree:  overwritten; zeroed on failure
 *
 * Return: 0, or -errno with *why naming the place in the spec or the target:
 *   -EINVAL  not a spec, an unknown kind or parameter, a value out of range
 *   -E2BIG   deeper than TGT_MAX_DEPTH or more than TGT_MAX_NODES
 *   -ENOMEM, and whatever a target's open() gives
 */
NODISCARD int tgt_open(struct tgt_tree *tree, const struct tgt_type *const *types, const char *spec,
		       struct diag *why);

/* tgt_open_again() - the same of a disk that was there: no file is made, or made longer */
NODISCARD int tgt_open_again(struct tgt_tree *tree, const struct tgt_type *const *types,
			     const char *spec, struct diag *why);

/* tgt_hand_over() - for another server of the same spec: each node's file, or -1, which all stay
 * this tree's; returns how many nodes */
u32 tgt_hand_over(const struct tgt_tree *tree, s32 fds[TGT_MAX_NODES]);

/**
 * tgt_open_handed() - tgt_open_again() while another server has the disk
 * @fds: of its tgt_hand_over(), @nr of them; those that are taken are the tree's now, and -1 here
 *
 * Nothing is to be asked of it before tgt_resume(), which is for when the other has closed.
 */
NODISCARD int tgt_open_handed(struct tgt_tree *tree, const struct tgt_type *const *types,
			      const char *spec, s32 *fds, u32 nr, struct diag *why);
NODISCARD int tgt_resume(struct tgt_tree *tree, struct diag *why);

/* tgt_close() - close every target, parents first; safe on a zeroed struct */
void tgt_close(struct tgt_tree *tree);

/* tgt_queue_open() - run every target's queue_init() on this thread; undone by
 * tgt_queue_close(), and by itself on failure */
NODISCARD int tgt_queue_open(struct tgt_tree *tree, struct tgt_queue *q);

/* tgt_queue_stop() - no background work begins on this queue any more, and what is
 * under way ends soon: its owner turns the ring until q->nr_busy is 0, and closes
 * the queue then. A second time it does nothing. On the queue's thread */
void tgt_queue_stop(struct tgt_tree *tree, struct tgt_queue *q);
void tgt_queue_close(struct tgt_tree *tree, struct tgt_queue *q);

/**
 * tgt_resize_last() - for resize and refresh of a target that ends where a child does
 * @size_bytes: what its last child gets; 0: that finds its size out anew
 *
 * Return: what the child says, -EOPNOTSUPP when it cannot
 */
NODISCARD int tgt_resize_last(struct tgt *t, u64 size_bytes, struct diag *why);

/* tgt_knows_not() - for message of a target: -EINVAL, and why: what it does know */
int tgt_knows_not(const struct tgt *t, const char *word, struct diag *why);

/*
 * What is asked of a running disk, from one thread at a time, any one.
 *
 * tgt_resize(): -EOPNOTSUPP a target whose size is fixed, -EINVAL not a multiple
 * of the block size, or zero, and what the target gives; tgt_can_resize(): the first
 * two of these, and nothing is changed. tgt_refresh(): the size
 * becomes what the target finds it to be; -EOPNOTSUPP where it never changes.
 * tgt_seek(): as lseek(2) with SEEK_DATA and SEEK_HOLE, but that the size stands for
 * "no more". tgt_stat(): names come as "mirror.copied_bytes", with a number before the
 * dot from the second target of a kind on ("mirror2."). tgt_message(): to the outermost
 * target that takes messages, or to the one that has @kind before the dot; -ENOENT: there
 * is none.
 */
NODISCARD int tgt_can_resize(const struct tgt_tree *tree, u64 size_bytes, struct diag *why);
NODISCARD int tgt_resize(struct tgt_tree *tree, u64 size_bytes, struct diag *why);
NODISCARD int tgt_refresh(struct tgt_tree *tree, struct diag *why);
NODISCARD s64 tgt_seek(const struct tgt_tree *tree, u64 offset_bytes, bool hole);
NODISCARD int tgt_message(struct tgt_tree *tree, const char *kind, const char *word,
			  const char *value, struct diag *why);
void tgt_stat(const struct tgt_tree *tree, tgt_say_fn *say, void *ctx);

/* tgt_is_on() - one of its targets is on this block device: it cannot be its disk */
bool tgt_is_on(const struct tgt_tree *tree, u32 dev);

/**
 * tgt_spec_print() - the spec that opens the same targets again
 *
 * Each with the parameters that were given, in their order; KIND:ARG that stands for
 * KIND:[LEAF:ARG] is written so. What needs it is written %XX.
 *
 * Return: 0, or -EOPNOTSUPP: a target that no spec has opened (tgt_backend_open())
 */
NODISCARD int tgt_spec_print(const struct tgt_tree *tree, struct fmt_buf *out);

/* tgt_spec_add() - an argument or a value, a path for one, as it is written in a spec */
void tgt_spec_add(struct fmt_buf *out, const char *text);

/* tgt_spec_hash() - 48 bits that tell one spec from another (FNV-1a, folded) */
u64 tgt_spec_hash(const char *spec);

#endif
