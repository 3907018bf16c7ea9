/* SPDX-License-Identifier: MIT */
/*
 * How many requests targets answer in a second without a device: by ublk/disk.h, beside
 * pread() and pwrite() of a file in the same place. Slices of time take turns, so what
 * else the machine does meets both; the median of the rounds counts. Each block begins
 * with its own offset, which every read is checked for.
 *
 * usage: ops [ROUNDS [DIR]]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ublk/disk.h"
#include "ublk/targets/targets.h"

#define FILE_BYTES (64ULL << 20)
#define BLOCK_BYTES 4096
#define MAX_IO_BYTES 65536
#define MAX_DEPTH 32
#define MAX_ROUNDS 99
#define SLICE_NS 20000000

/* What is measured: @kind of two of what @leaf says, in the place of @floor */
static const struct store {
	const char *name;
	const char *kind; /* NULL: of one */
	const char *leaf;
	const char *args[2];
	int floor; /* which file is read and written plainly */
} stores[] = {
	{ "`file:` on tmpfs", NULL, "file", { "/dev/shm/bareblk-ops.0" }, 0 },
	{ "`file:` in the directory, direct", NULL, "file", { "bareblk-ops.2" }, 1 },
	{ "`stripe:` of two `file:` on tmpfs", "stripe", "file",
	  { "/dev/shm/bareblk-ops.0", "/dev/shm/bareblk-ops.1" }, 0 },
	{ "`mirror:` of two `file:` on tmpfs", "mirror", "file",
	  { "/dev/shm/bareblk-ops.0", "/dev/shm/bareblk-ops.1" }, 0 },
	{ "`stripe:` of two `ram:`", "stripe", "ram", { "64M", "64M" }, 0 },
	{ "`mirror:` of two `ram:`", "mirror", "ram", { "64M", "64M" }, 0 },
};

/* The floors, and what the targets have */
static const char *const paths[] = {
	"/dev/shm/bareblk-ops.floor", "bareblk-ops.floor",
	"/dev/shm/bareblk-ops.0", "/dev/shm/bareblk-ops.1", "bareblk-ops.2",
};

#define NR_PATHS (sizeof(paths) / sizeof(paths[0]))

static int fds[NR_PATHS];
static char *memory;

struct slice {
	struct tgt_disk_queue *q; /* NULL: plainly */
	int fd;
	int kind;
	uint32_t len_bytes;
	uint32_t depth;
	uint64_t random;
};

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "ops: %s: %s\n", what, why);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t next_offset(struct slice *s)
{
	s->random = s->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (s->random >> 33) % (FILE_BYTES / s->len_bytes) * s->len_bytes;
}

static void mark(char *mem, uint64_t offset, uint32_t len_bytes)
{
	for (uint32_t at = 0; at < len_bytes; at += BLOCK_BYTES, offset += BLOCK_BYTES)
		memcpy(mem + at, &offset, sizeof(offset));
}

static void check(const char *mem, uint64_t offset, uint32_t len_bytes)
{
	uint64_t got;

	for (uint32_t at = 0; at < len_bytes; at += BLOCK_BYTES, offset += BLOCK_BYTES) {
		memcpy(&got, mem + at, sizeof(got));
		if (got != offset)
			die("a read", "not what was written there");
	}
}

static void plain(struct slice *s)
{
	uint64_t at = next_offset(s);
	ssize_t n;

	if (s->kind == TGT_WRITE) {
		mark(memory, at, s->len_bytes);
		n = pwrite(s->fd, memory, s->len_bytes, (off_t)at);
	} else {
		n = pread(s->fd, memory, s->len_bytes, (off_t)at);
		check(memory, at, n == (ssize_t)s->len_bytes ? s->len_bytes : 0);
	}
	if (n != (ssize_t)s->len_bytes)
		die("pread, pwrite", n < 0 ? strerror(errno) : "short");
}

static void begin(struct slice *s, struct tgt_disk_io *io, struct tgt_disk_buf *buf)
{
	int err;

	*io = (struct tgt_disk_io){
		.kind = (uint8_t)s->kind, .offset_bytes = next_offset(s), .bufs = buf, .nr_bufs = 1,
	};
	buf->len_bytes = s->len_bytes;
	if (s->kind == TGT_WRITE)
		mark(buf->mem, io->offset_bytes, s->len_bytes);
	err = tgt_disk_submit(s->q, io);
	if (err)
		die("submit", strerror(-err));
}

/* Those that have ended are checked and begun anew, until the time is over. */
static uint64_t turn(struct slice *s, uint64_t end_ns)
{
	struct tgt_disk_buf bufs[MAX_DEPTH];
	struct tgt_disk_io ios[MAX_DEPTH];
	uint32_t nr_out = s->depth;
	uint64_t nr = 0;

	for (uint32_t i = 0; i < s->depth; i++) {
		bufs[i].mem = memory + (size_t)i * MAX_IO_BYTES;
		begin(s, &ios[i], &bufs[i]);
	}
	while (nr_out) {
		bool is_over;

		if (tgt_disk_step(s->q, TGT_DISK_FOREVER) < 0)
			die("step", "the ring is unusable");
		is_over = now_ns() >= end_ns;
		for (uint32_t i = 0; i < s->depth; i++) {
			if (!ios[i].is_done)
				continue;
			if (ios[i].result)
				die("a request", strerror(-ios[i].result));
			if (s->kind == TGT_READ)
				check(bufs[i].mem, ios[i].offset_bytes, s->len_bytes);
			nr++;
			ios[i].is_done = false;
			if (is_over)
				nr_out--;
			else
				begin(s, &ios[i], &bufs[i]);
		}
	}
	return nr;
}

/* Requests per second */
static double measure(struct slice *s)
{
	uint64_t begin_ns = now_ns();
	uint64_t nr = 0;

	if (s->q)
		nr = turn(s, begin_ns + SLICE_NS);
	else
		for (; nr % 64 || now_ns() < begin_ns + SLICE_NS; nr++)
			plain(s);
	return (double)nr * 1e9 / (double)(now_ns() - begin_ns);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *of, int nr)
{
	qsort(of, (size_t)nr, sizeof(*of), compare);
	return of[nr / 2];
}

static void row(struct slice *s, int fd, int nr_rounds)
{
	struct slice floor = *s;
	double ours[MAX_ROUNDS] = { 0 };
	double ratio[MAX_ROUNDS] = { 0 };

	floor.q = NULL;
	floor.fd = fd;
	for (int i = 0; i < nr_rounds; i++) {
		double first = i % 2 ? 0 : measure(&floor);

		ours[i] = measure(s);
		ratio[i] = ours[i] / (first > 0 ? first : measure(&floor));
	}
	printf(" %.1f (%.2f)", median(ours, nr_rounds) / 1000, median(ratio, nr_rounds));
	fflush(stdout);
}

static void fill(struct tgt_disk_queue *q, int fd)
{
	for (uint64_t at = 0; at < FILE_BYTES; at += MAX_IO_BYTES) {
		mark(memory, at, MAX_IO_BYTES);
		if (tgt_disk_write(q, at, memory, MAX_IO_BYTES))
			die("fill", "a write failed");
		if (pwrite(fd, memory, MAX_IO_BYTES, (off_t)at) != MAX_IO_BYTES)
			die("fill", strerror(errno));
	}
}

static void hear(void *ctx, const char *name, u64 value)
{
	if (!strcmp(name, "mirror.dirty_regions"))
		*(u64 *)ctx = value;
}

/* What copies in the background would be measured, too. */
static void copy_mirror(const struct tgt_disk *disk, struct tgt_disk_queue *q)
{
	u64 nr_dirty;

	for (int i = 0; i < 600; i++) {
		nr_dirty = 0;
		if (tgt_disk_stat(disk, hear, &nr_dirty))
			break;
		if (!nr_dirty)
			return;
		if (tgt_disk_run(q, 100, true) != -ETIMEDOUT)
			break;
	}
	die("mirror", "it is not copied");
}

static void rows(const struct store *store, struct tgt_disk_queue *q, int nr_rounds)
{
	printf("| %s |", store->name);
	for (uint32_t len = BLOCK_BYTES; len <= MAX_IO_BYTES; len *= 16) {
		for (uint32_t depth = 1; depth <= MAX_DEPTH; depth *= 32) {
			struct slice s = { .q = q, .len_bytes = len, .depth = depth, .random = 1 };

			s.kind = TGT_READ;
			row(&s, fds[store->floor], nr_rounds);
			printf(" /");
			s.kind = TGT_WRITE;
			row(&s, fds[store->floor], nr_rounds);
			printf(" |");
		}
	}
	printf("\n");
}

static void measure_store(const struct store *s, int nr_rounds)
{
	static struct tgt_disk_queue q;
	static struct tgt_disk disk;
	struct diag why;
	char spec[256];

	if (s->kind)
		snprintf(spec, sizeof(spec), "%s:[%s:%s],[%s:%s]", s->kind, s->leaf, s->args[0],
			 s->leaf, s->args[1]);
	else
		snprintf(spec, sizeof(spec), "%s:%s", s->leaf, s->args[0]);
	if (tgt_disk_open(&disk, tgt_types, spec, 0, &why) ||
	    tgt_disk_queue_open(&q, &disk, 0, MAX_DEPTH, &why))
		die(spec, why.text);
	fill(&q, fds[s->floor]);
	copy_mirror(&disk, &q);
	rows(s, &q, nr_rounds);
	tgt_disk_queue_close(&q);
	tgt_disk_close(&disk);
}

static void remove_files(void)
{
	for (size_t i = 0; i < NR_PATHS; i++)
		(void)unlink(paths[i]);
}

int main(int argc, char **argv)
{
	int nr_rounds = argc > 1 ? atoi(argv[1]) : 9;

	if (nr_rounds < 1 || nr_rounds > MAX_ROUNDS || argc > 3)
		die("usage", "ops [ROUNDS [DIR]]");
	if (chdir(argc > 2 ? argv[2] : "/tmp"))
		die(argv[2], strerror(errno));
	memory = aligned_alloc(BLOCK_BYTES, (size_t)MAX_DEPTH * MAX_IO_BYTES);
	if (!memory)
		die("memory", "none");
	memset(memory, 1, (size_t)MAX_DEPTH * MAX_IO_BYTES);
	atexit(remove_files);
	for (size_t i = 0; i < NR_PATHS; i++) {
		(void)unlink(paths[i]); /* of one that was killed */
		/* As the file target does where a disk is below */
		fds[i] = open(paths[i], O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC |
			      (i == 1 ? O_DIRECT : 0), 0600);
		if (fds[i] < 0 || ftruncate(fds[i], FILE_BYTES))
			die(paths[i], strerror(errno));
	}
	printf("reads / writes: thousand requests per second, and in brackets how many times "
	       "pread and pwrite of one file, median of %d rounds:\n\n", nr_rounds);
	printf("| target | 4K, one at a time | 4K, 32 in flight | 64K, one at a time | "
	       "64K, 32 in flight |\n|--|--|--|--|--|\n");
	for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++)
		measure_store(&stores[i], nr_rounds);
	return 0;
}
