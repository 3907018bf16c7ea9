/* SPDX-License-Identifier: MIT */
/* The options of add, a part of which are those of recover. */
#include "tools/ublk_serve.h"
#include "ublk/dev.h"

static void set_defaults(const struct cmd_run *r, void *values)
{
	struct serve_values *v = values;

	(void)r;
	v->id = UBLK_AUTO_ID;
	v->queues = 1;
	v->max_deaths = 10;
	v->notify_fd = -1;
	v->depth = UBLK_DEFAULT_DEPTH;
	v->max_io_bytes = UBLK_DEFAULT_MAX_IO_BYTES;
	v->timeout_ns = UBLK_DEFAULT_TIMEOUT_MS * 1000000ULL;
}

#define SERVE_OPT(X, field, ...) X(struct serve_values, field, __VA_ARGS__)

/* With words in the order of enum ublk_tristate */
#define SERVE_TRISTATE(X, field, name, help)						\
	SERVE_OPT(X, field, OPT_TEXT(name, "WHEN", help) OPT_CHOICES("auto\0yes\0no"),	\
		.kind = OPT_CHOICE)

#define SERVE_OPTS(X)										\
	SERVE_OPT(X, background,							\
	  OPT_TEXT("daemon", "", "serve in the background; return when the device is live"),	\
	  .letter = 'd', .set = SERVE_SET_SERVER, .kind = OPT_FLAG)			\
	SERVE_OPT(X, id,								\
	  OPT_TEXT("id", "N", "N of /dev/ublkbN; -1, the default: the lowest that is free"),	\
	  .letter = 'n', .kind = OPT_S32)							\
	SERVE_OPT(X, queues,									\
	  OPT_TEXT("queues", "N",								\
		   "queues; the kernel gives at most one per CPU (default 1)")			\
	  OPT_RANGE("1", "4096"),								\
	  .letter = 'q', .kind = OPT_U32)							\
	SERVE_OPT(X, threads,									\
	  OPT_TEXT("threads", "N",								\
		   "threads (default: one per queue); of fewer each serves several queues, of "	\
		   "more several serve one (6.16)")						\
	  OPT_RANGE("1", "4096"),								\
	  .set = SERVE_SET_SERVER, .kind = OPT_U32)					\
	SERVE_OPT(X, mode,									\
	  OPT_TEXT("mode", "HOW",								\
		   "how data moves; auto, the default: the fastest that kernel and target can do") \
	  OPT_CHOICES("auto\0copy\0get-data\0user-copy\0user-copy-ring\0zero-copy\0auto-buf-reg"), \
	  .kind = OPT_CHOICE)									\
	SERVE_TRISTATE(X, batch, "batch", "one command for many requests (7.0); auto: no") \
	SERVE_OPT(X, shmem,									\
	  OPT_TEXT("shmem", "FILE",								\
		   "requests in memory of this file, which users of the disk have mapped, are "	\
		   "not copied (7.1); on hugetlbfs or tmpfs"),					\
	  .kind = OPT_STRING)									\
	SERVE_OPT(X, depth,									\
	  OPT_TEXT("depth", "N", "requests per queue at a time (default 128)")			\
	  OPT_RANGE("1", "4096"),								\
	  .kind = OPT_U32)									\
	SERVE_OPT(X, max_io_bytes,								\
	  OPT_TEXT("max-io", "SIZE", "the largest request (default 1M)") OPT_RANGE("4K", "32M"), \
	  .kind = OPT_SIZE)									\
	SERVE_OPT(X, block_bytes,							\
	  OPT_TEXT("block-size", "SIZE", "logical block size (default: the target's)")		\
	  OPT_RANGE("512", "64K"),								\
	  .letter = 'b', .kind = OPT_SIZE)							\
	SERVE_OPT(X, physical_bytes,								\
	  OPT_TEXT("physical-block-size", "SIZE", "what is written in one piece")		\
	  OPT_RANGE("512", "256M"),								\
	  .kind = OPT_SIZE)									\
	SERVE_OPT(X, io_min_bytes,								\
	  OPT_TEXT("io-min", "SIZE", "least I/O size without a penalty")			\
	  OPT_RANGE("512", "256M"),								\
	  .kind = OPT_SIZE)									\
	SERVE_OPT(X, io_opt_bytes,								\
	  OPT_TEXT("io-opt", "SIZE", "best I/O size") OPT_RANGE("512", "256M"),			\
	  .kind = OPT_SIZE)									\
	SERVE_OPT(X, chunk_bytes,							\
	  OPT_TEXT("chunk", "SIZE", "no request crosses a multiple of it (default: the target's)") \
	  OPT_RANGE("512", "2G"),								\
	  .kind = OPT_SIZE)									\
	SERVE_OPT(X, virt_boundary_bytes,						\
	  OPT_TEXT("virt-boundary", "SIZE", "pieces of a request's memory meet at multiples of it") \
	  OPT_RANGE("512", "2G"),								\
	  .kind = OPT_SIZE)									\
	SERVE_OPT(X, dma_align_bytes,								\
	  OPT_TEXT("dma-align", "SIZE",								\
		   "alignment of direct requests' memory (default: the target's, or 4)")	\
	  OPT_RANGE("4", "64K"),								\
	  .kind = OPT_SIZE)									\
	SERVE_OPT(X, segment_boundary_bytes,							\
	  OPT_TEXT("segment-boundary", "SIZE", "no piece of a request's memory crosses a multiple of it") \
	  OPT_RANGE("4K", "4G"),								\
	  .kind = OPT_SIZE)									\
	SERVE_OPT(X, segment_bytes,								\
	  OPT_TEXT("segment-size", "SIZE", "the largest piece of a request's memory")		\
	  OPT_RANGE("4K", "2G"),								\
	  .kind = OPT_SIZE)									\
	SERVE_OPT(X, segments,									\
	  OPT_TEXT("segments", "N", "pieces of a request's memory at most")			\
	  OPT_RANGE("1", "65535"),								\
	  .kind = OPT_U32)									\
	SERVE_TRISTATE(X, read_only, "read-only", "refuse writes: yes, no, or as the target says") \
	SERVE_TRISTATE(X, rotational, "rotational", "say that it is a spinning disk")		\
	SERVE_TRISTATE(X, volatile_cache, "volatile-cache", "say that writes want a flush to be durable") \
	SERVE_TRISTATE(X, fua, "fua", "say that single writes can be made durable; wants a volatile cache") \
	SERVE_TRISTATE(X, discard, "discard", "offer discard")					\
	SERVE_OPT(X, no_part_scan,								\
	  OPT_TEXT("part-scan", "WHEN", "the kernel looks for partitions at the start")		\
	  OPT_CHOICES("yes\0no"),								\
	  .kind = OPT_CHOICE)									\
	SERVE_OPT(X, desc_bytes,							\
	  OPT_TEXT("desc-size", "N", "bytes of a request's descriptor, a multiple of 8 (default 24)") \
	  OPT_RANGE("24", "256"),								\
	  .kind = OPT_U32)									\
	SERVE_OPT(X, affinity,									\
	  OPT_TEXT("affinity", "HOW",								\
		   "CPUs of the queues' threads: those that the kernel maps to the queue, "	\
		   "or none in particular")							\
	  OPT_CHOICES("kernel\0none"),								\
	  .set = SERVE_SET_SERVER, .kind = OPT_CHOICE)					\
	SERVE_OPT(X, cpus,									\
	  OPT_TEXT("cpus", "LIST",								\
		   "CPUs of the queues' threads, in place of the kernel's map: 0,2-3"),		\
	  .set = SERVE_SET_SERVER, .kind = OPT_STRING)					\
	SERVE_OPT(X, name,									\
	  OPT_TEXT("name", "NAME", "for messages and thread names (default ublkN)"),		\
	  .set = SERVE_SET_SERVER, .kind = OPT_STRING)					\
	SERVE_OPT(X, recovery,									\
	  OPT_TEXT("recover", "HOW",								\
		   "the device outlives its server, see recover: I/O waits for the next one, "	\
		   "and what the dead one had fails (queue) or is done again (reissue); or all " \
		   "fails (fail, 6.13)")							\
	  OPT_CHOICES("no\0queue\0reissue\0fail"),						\
	  .kind = OPT_CHOICE)									\
	SERVE_OPT(X, lock_buffers,								\
	  OPT_TEXT("lock-buffers", "",								\
		   "have all buffers in memory from the start: queues * depth * max-io of them"),	\
	  .set = SERVE_SET_SERVER, .kind = OPT_FLAG)						\
	SERVE_OPT(X, supervised,								\
	  OPT_TEXT("supervise", "",								\
		   "a process beside it sees to it that another server goes on when one dies;"	\
		   " --recover=queue unless another is given"),					\
	  .set = SERVE_SET_SERVER, .kind = OPT_FLAG)						\
	SERVE_OPT(X, max_deaths,								\
	  OPT_TEXT("deaths", "N", "servers that may die in a row, each within 10 s (default 10)") \
	  OPT_RANGE("1", "1000000"),								\
	  .set = SERVE_SET_SERVER, .kind = OPT_U32)						\
	SERVE_OPT(X, unprivileged,								\
	  OPT_TEXT("unprivileged", "", "without CAP_SYS_ADMIN: a disk for this user alone"),	\
	  .kind = OPT_FLAG)									\
	SERVE_OPT(X, on_bad_kernel,								\
	  OPT_TEXT("on-bad-kernel", "", "also on a kernel that is known to fall over, see doctor"), \
	  .kind = OPT_FLAG)									\
	SERVE_OPT(X, timeout_ns,							\
	  OPT_TEXT("timeout", "TIME",								\
		   "how long each step of starting and stopping may take (default 30s)")	\
	  OPT_RANGE("1ms", "24h"),								\
	  .set = SERVE_SET_SERVER, .kind = OPT_DURATION)				\
	SERVE_OPT(X, notify_fd,								\
	  OPT_TEXT("notify-fd", "N", "write an empty line there when the device is live")	\
	  OPT_LEAST("0"),									\
	  .set = SERVE_SET_SERVER, .kind = OPT_S32)						\
	SERVE_OPT(X, logs_to_kernel,								\
	  OPT_TEXT("log", "WHERE",								\
		   "where messages go; a daemon's go to kmsg once the device is live")		\
	  OPT_CHOICES("stderr\0kmsg"),								\
	  .set = SERVE_SET_SERVER, .kind = OPT_CHOICE)						\
	SERVE_OPT(X, verbose,									\
	  OPT_TEXT("verbose", "", "say what happens"),						\
	  .letter = 'v', .set = SERVE_SET_SERVER, .kind = OPT_FLAG)

const struct cmd_opts serve_opts = {
	.table = OPT_TABLE(SERVE_OPTS),
	.init = set_defaults,
};
