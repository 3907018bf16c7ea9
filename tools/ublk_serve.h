/* SPDX-License-Identifier: MIT */
/* Serving a device, here or in the background: what add and recover share. */
#ifndef TOOLS_UBLK_SERVE_H
#define TOOLS_UBLK_SERVE_H

#include "tools/cmd.h"
#include "tools/ublk_handover.h"

/* Which rows are whose: those of the device, which the kernel keeps, and those of its server */
enum { SERVE_SET_DEVICE, SERVE_SET_SERVER };

struct serve_values {
	s32 id;
	s32 notify_fd;
	u32 logs_to_kernel;
	u32 queues;
	u32 threads;
	u32 mode;
	u32 batch;
	u32 depth;
	u32 read_only;
	u32 rotational;
	u32 volatile_cache;
	u32 fua;
	u32 discard;
	u32 affinity;
	u32 no_part_scan;
	u32 desc_bytes;
	u32 segments;
	u32 recovery;
	u32 max_deaths;
	bool background;
	bool supervised;
	bool lock_buffers;
	bool verbose;
	bool unprivileged;
	bool on_bad_kernel;
	const char *name;
	const char *cpus;
	const char *shmem;
	u64 max_io_bytes;
	u64 block_bytes;
	u64 physical_bytes;
	u64 io_min_bytes;
	u64 io_opt_bytes;
	u64 chunk_bytes;
	u64 virt_boundary_bytes;
	u64 dma_align_bytes;
	u64 segment_boundary_bytes;
	u64 segment_bytes;
	u64 timeout_ns;
};

/* serve_opts - of both sets, in a struct serve_values */
extern const struct cmd_opts serve_opts;

/**
 * ublk_serve() - make the device @spec and serve it until it ends
 * @recovered_id: of one whose server has died, which is not made; UBLK_AUTO_ID: it is made
 * @h: of recovered_id, whose server lives and will be asked to let go of it; NULL: it does not
 */
enum exit_code ublk_serve(const struct cmd_run *r, const char *spec, s32 recovered_id,
			  struct handover *h);

#endif
