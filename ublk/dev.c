/* SPDX-License-Identifier: MIT */
/* The life of a device: create, start, stop, start again, close. */
#include "ublk/dev.h"

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"
#include "ublk/dev_parts.h"
#include "ublk/features.h"
#include "ublk/node.h"
#include "ublk/params.h"
#include "ublk/path.h"
#include "ublk/serve.h"
#include "ublk/stats_count.h"

#define PATH_BYTES 24

/* udev has this long to give the nodes of an unprivileged device to their owner */
#define GIVEN_MS 10000

static void log_line(const struct ublk_dev *dev, enum ublk_log_level level, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

static void log_line(const struct ublk_dev *dev, enum ublk_log_level level, const char *fmt, ...)
{
	const struct ublk_log *log = dev->opts.log;
	char line[160];
	size_t len;
	va_list args;

	if (!log)
		return;
	len = fmt_print(line, sizeof(line), "%s: ", dev->name);
	va_start(args, fmt);
	fmt_vprint(line + len, sizeof(line) - len, fmt, args);
	va_end(args);
	log->write(log->ctx, level, line);
}

static enum ublk_dev_state state_of(const struct ublk_dev *dev)
{
	return (enum ublk_dev_state)__atomic_load_n(&dev->state, __ATOMIC_ACQUIRE);
}

/* One thread wins; the others see the state that it found. */
static bool change_state(struct ublk_dev *dev, enum ublk_dev_state *from, enum ublk_dev_state to)
{
	u32 expected = (u32)*from;
	bool ok = __atomic_compare_exchange_n(&dev->state, &expected, (u32)to, false,
					      __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);

	*from = (enum ublk_dev_state)expected;
	return ok;
}

const char *ublk_dev_state_text(enum ublk_dev_state state)
{
	static const char *const texts[] = {
		[UBLK_DEV_CLOSED] = "closed",	  [UBLK_DEV_CREATED] = "created",
		[UBLK_DEV_STARTING] = "starting", [UBLK_DEV_RUNNING] = "running",
		[UBLK_DEV_STOPPING] = "stopping", [UBLK_DEV_STOPPED] = "stopped",
	};

	return (unsigned int)state < ARRAY_SIZE(texts) ? texts[state] : "unknown";
}

static void node_path(const struct ublk_dev *dev, char kind, char path[PATH_BYTES])
{
	fmt_print(path, PATH_BYTES, "/dev/ublk%c%u", kind, dev->info.dev_id);
}

void dev_set_name(struct ublk_dev *dev)
{
	if (dev->opts.name)
		(void)!str_copy(dev->name, sizeof(dev->name), dev->opts.name);
	else
		fmt_print(dev->name, sizeof(dev->name), "ublk%d", dev_id_of(dev));
}

/* Nothing asked for means the default. */
static void fill_defaults(struct ublk_dev_opts *o)
{
	o->nr_queues = o->nr_queues ? o->nr_queues : 1;
	o->depth = o->depth ? o->depth : UBLK_DEFAULT_DEPTH;
	o->max_io_bytes = o->max_io_bytes ? o->max_io_bytes : UBLK_DEFAULT_MAX_IO_BYTES;
	o->timeout_ms = o->timeout_ms ? o->timeout_ms : UBLK_DEFAULT_TIMEOUT_MS;
}

static int check_opts(const struct ublk_dev_opts *o, struct diag *why)
{
	u64 page = pages_size();

	if (!o->tree && (!o->spec || !o->types))
		return diag_set(why, -EINVAL, "no target is given");
	if (o->depth > UBLK_MAX_QUEUE_DEPTH)
		return diag_set(why, -EINVAL, "a depth of %u: the most is %d", o->depth,
				UBLK_MAX_QUEUE_DEPTH);
	if (o->nr_queues > 0xffff)
		return diag_set(why, -EINVAL, "%u queues: the most is 65535", o->nr_queues);
	if (o->max_io_bytes < page || o->max_io_bytes % page || o->max_io_bytes > 32U << 20)
		return diag_set(why, -EINVAL,
				"a largest request of %u bytes: not a multiple of the page size "
				"up to 32M", o->max_io_bytes);
	if (o->io_desc_bytes && (o->io_desc_bytes < sizeof(struct ublksrv_io_desc) ||
				 o->io_desc_bytes > UBLK_MAX_IO_DESC_BYTES || o->io_desc_bytes % 8))
		return diag_set(why, -EINVAL, "a descriptor of %u bytes: not a multiple of 8 from 24 to "
				"256", o->io_desc_bytes);
	if (o->loops && o->threads)
		return diag_set(why, -EINVAL, "threads of its own, or shared loops: not both");
	if (o->recovery && (o->shmem || o->unprivileged))
		return diag_set(why, -EINVAL, "recovery goes neither with shared memory nor with an "
				"unprivileged device");
	if (o->affinity == UBLK_AFFINITY_MASK && !o->nr_cpu_words)
		return diag_set(why, -EINVAL, "no CPU is in the mask");
	return 0;
}

/* What there is no device without; more may come with it. */
static u64 needed_flags(const struct ublk_dev *dev)
{
	return dev->kind_flags | dev->path_flags;
}

static int add_to_kernel(struct ublk_dev *dev, s32 dev_id, struct ublk_error *error)
{
	struct ublksrv_ctrl_dev_info *info = &dev->info;
	const struct ublk_dev_opts *o = &dev->opts;
	int err;

	*info = (struct ublksrv_ctrl_dev_info){
		.dev_id = (u32)dev_id,
		.nr_hw_queues = (u16)o->nr_queues,
		.queue_depth = (u16)o->depth,
		.max_io_buf_bytes = o->max_io_bytes,
		.io_desc_size = (u16)o->io_desc_bytes,
		.flags = UBLK_F_CMD_IOCTL_ENCODE | UBLK_F_URING_CMD_COMP_IN_TASK |
			 needed_flags(dev) | (o->recovery ? dev->features & UBLK_F_QUIESCE : 0),
		.ublksrv_flags = UBLK_MARK << UBLK_MARK_SHIFT |
				 (o->spec ? tgt_spec_hash(o->spec) & ~UBLK_MARK_HOW : 0) |
				 ublk_mode_of(dev->path) | (o->mode ? UBLK_MARK_ASKED : 0),
	};
	err = ublk_ctrl_add_dev(dev->ctrl, info, o->timeout_ms);
	if (err == -EEXIST)
		return ublk_error_set(error, "ADD_DEV", dev_id, err, "id %d is taken", dev_id);
	if (err == -EPERM)
		return ublk_error_set(error, "ADD_DEV", dev_id, err, "needs CAP_SYS_ADMIN, unless "
				      "the device is unprivileged");
	if (err == -EACCES && o->unprivileged)
		return ublk_error_set(error, "ADD_DEV", dev_id, err, "there are as many unprivileged "
				      "devices as ublks_max, a parameter of ublk_drv, allows");
	if (err == -ETIMEDOUT)
		return ublk_error_set(error, "ADD_DEV", dev_id, err,
				      "no answer within %u ms: another device may be stuck in "
				      "deletion, see the kernel's log", o->timeout_ms);
	if (err)
		return ublk_error_set(error, "ADD_DEV", dev_id, err, "the kernel refuses %u queues "
				      "of depth %u, %u bytes a request", o->nr_queues, o->depth,
				      o->max_io_bytes);
	return 0;
}

/* Types that no flag tells of: a kernel that does not know them drops them. */
static int check_taken(const struct ublk_dev *dev, u32 types, struct ublk_error *error)
{
	u32 lost = types & ~dev->params.types;
	const char *what = NULL;

	if (lost & UBLK_PARAM_TYPE_SEGMENT)
		what = "limits of segments";
	else if (lost & UBLK_PARAM_TYPE_DMA_ALIGN && dev->opts.dma_alignment_bytes)
		what = "an alignment of memory";
	return what ? ublk_features_refuse(what, "6.15", "SET_PARAMS", dev_id_of(dev), error) : 0;
}

static int send_params(struct ublk_dev *dev, struct ublk_error *error)
{
	struct ublk_dev_opts o = dev->opts;
	struct ublk_params p;
	struct diag why;
	int err;

	o.max_io_bytes = dev->info.max_io_buf_bytes;
	err = ublk_params_make(&p, &o, &dev->tree->root->limits, &why);
	if (err)
		return ublk_error_set(error, "SET_PARAMS", dev_id_of(dev), err, "%s", why.text);
	err = ublk_ctrl_set_params(dev->ctrl, dev_ctrl_id(dev), &p, o.timeout_ms);
	if (err)
		return ublk_error_set(error, "SET_PARAMS", dev_id_of(dev), err,
				      "the kernel refuses the parameters");
	/* What it took is what counts, and the node's number is only told here. */
	dev->params = (struct ublk_params){ .len = sizeof(dev->params) };
	err = ublk_ctrl_get_params(dev->ctrl, dev_ctrl_id(dev), &dev->params, o.timeout_ms);
	if (err)
		return ublk_error_set(error, "GET_PARAMS", dev_id_of(dev), err,
				      "the kernel does not say which parameters it took");
	return check_taken(dev, p.types, error);
}

static u32 given_ms(const struct ublk_dev *dev)
{
	return dev->opts.timeout_ms < GIVEN_MS ? dev->opts.timeout_ms : GIVEN_MS;
}

/* Without its node nothing more can be done with it, not even deleted. */
static int await_char_node(struct ublk_dev *dev, struct ublk_error *error)
{
	int err;

	if (!dev->opts.unprivileged)
		return 0;
	if (!(dev->info.flags & UBLK_F_UNPRIVILEGED_DEV))
		return ublk_error_set(error, "ADD_DEV", dev_id_of(dev), -EINVAL, "who has CAP_SYS_ADMIN "
				      "cannot make an unprivileged device");
	err = ublk_ctrl_await_node(dev->ctrl, dev_ctrl_id(dev), given_ms(dev));
	if (err)
		ublk_error_set(error, "wait for node", dev_id_of(dev), err, "no udev rule gives /dev/ublkc%d "
			       "to its owner (waited %u ms): install one; the device stays until "
			       "root deletes it", dev_id_of(dev), given_ms(dev));
	return err;
}

/* ADD_DEV and parameters, or nothing */
static int create_in_kernel(struct ublk_dev *dev, s32 dev_id, struct ublk_error *error)
{
	int err = add_to_kernel(dev, dev_id, error);

	if (err)
		return err;
	err = await_char_node(dev, error);
	/* The driver drops in silence what it does not know, or does not like. */
	if (!err)
		err = ublk_features_check(needed_flags(dev), dev->info.flags, "ADD_DEV", dev_id_of(dev),
					  error);
	if (!(dev->info.flags & UBLK_F_IO_DESC_SIZE))
		dev->info.io_desc_size = sizeof(struct ublksrv_io_desc);
	if (!err)
		err = send_params(dev, error);
	if (!err && dev->shmem.addr)
		err = ublk_shmem_register(&dev->shmem, dev->ctrl, dev_ctrl_id(dev),
					  dev->opts.timeout_ms, error);
	if (err)
		(void)!ublk_ctrl_del_dev(dev->ctrl, dev_ctrl_id(dev), dev->opts.timeout_ms);
	dev->is_used = false;
	return err;
}

int dev_open_ctrl(struct ublk_dev *dev, struct ublk_error *error)
{
	struct ublk_ctrl *c = dev->opts.ctrl ? dev->opts.ctrl : &dev->own_ctrl;
	int err = c->state == UBLK_CTRL_CLOSED ? ublk_ctrl_open(c) : 0;

	dev->ctrl = c;
	return err ? ublk_ctrl_explain(c, err, error) : 0;
}

int dev_open_target(struct ublk_dev *dev, struct ublk_error *error)
{
	struct diag why;
	int err;

	dev->tree = dev->opts.tree ? dev->opts.tree : &dev->own_tree;
	if (dev->opts.tree)
		return 0;
	if (dev->is_recovered)
		err = tgt_open_handed(&dev->own_tree, dev->opts.types, dev->opts.spec,
				      dev->opts.handed, dev->opts.nr_handed, &why);
	else
		err = tgt_open(&dev->own_tree, dev->opts.types, dev->opts.spec, &why);
	if (err)
		ublk_error_set(error, "open target", UBLK_NO_DEVICE, err, "%s", why.text);
	return err;
}

static const u64 recovery_flags[] = {
	[UBLK_RECOVERY_NONE] = 0,
	[UBLK_RECOVERY_QUEUE] = UBLK_F_USER_RECOVERY,
	[UBLK_RECOVERY_REISSUE] = UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_REISSUE,
	[UBLK_RECOVERY_FAIL] = UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_FAIL_IO,
};

/* What does not fit is told before the kernel is asked for anything. */
static int check_params(struct ublk_dev *dev, struct ublk_error *error)
{
	const struct ublk_dev_opts *o = &dev->opts;
	struct ublk_params p;
	struct diag why;
	int err = ublk_params_make(&p, o, &dev->tree->root->limits, &why);

	if (err)
		return ublk_error_set(error, "check", UBLK_NO_DEVICE, err, "%s", why.text);
	dev->kind_flags = ublk_params_flags(&p) | recovery_flags[o->recovery] |
			  (o->no_part_scan ? UBLK_F_NO_AUTO_PART_SCAN : 0) |
			  (o->io_desc_bytes ? UBLK_F_IO_DESC_SIZE : 0) |
			  (o->unprivileged ? UBLK_F_UNPRIVILEGED_DEV : 0);
	return 0;
}

/* What the path has to go with. Threads may share a queue that is fetched in batches
 * without being told to. */
static u64 path_goes_with(const struct ublk_dev_opts *o)
{
	return (o->batch == UBLK_YES ? UBLK_F_BATCH_IO : 0) | (o->shmem ? UBLK_F_SHMEM_ZC : 0) |
	       (o->nr_threads > o->nr_queues ? UBLK_F_PER_IO_DAEMON : 0);
}

static int choose_path(struct ublk_dev *dev, struct ublk_error *error)
{
	const struct ublk_dev_opts *o = &dev->opts;
	struct diag why;
	u64 features = o->unprivileged ? dev->features & ~UBLK_PRIVILEGED_PATHS : dev->features;
	u64 with = path_goes_with(o);

	dev->path = ublk_path_choose(o->mode, dev->tree->root, features, with, &why);
	if (!dev->path)
		return ublk_error_set(error, "check", UBLK_NO_DEVICE, -EINVAL, "%s", why.text);
	dev->path_flags = dev->path->flags | with;
	if (o->batch == UBLK_YES)
		dev->path_flags &= ~UBLK_F_PER_IO_DAEMON;
	if (o->unprivileged && dev->path_flags & UBLK_PRIVILEGED_PATHS)
		return ublk_error_set(error, "check", UBLK_NO_DEVICE, -EINVAL,
				      "an unprivileged device can only be served by copy or get-data");
	if (o->batch == UBLK_YES && o->depth == 1)
		return ublk_error_set(error, "check", UBLK_NO_DEVICE, -EINVAL,
				      "batched commands want a depth of 2 at least");
	return 0;
}

/* What cannot be had is refused before there is a device. */
static int negotiate(struct ublk_dev *dev, struct ublk_error *error)
{
	int err = ublk_features_get(dev->ctrl, &dev->features, dev->opts.timeout_ms, error);

	if (!err)
		err = choose_path(dev, error);
	if (!err)
		err = ublk_features_check(needed_flags(dev), dev->features, "check", UBLK_NO_DEVICE,
					  error);
	return err;
}

static void close_files(struct ublk_dev *dev)
{
	if (dev->bell_fd >= 0)
		(void)sys_close(dev->bell_fd);
	if (dev->ended_fd >= 0)
		(void)sys_close(dev->ended_fd);
	dev->bell_fd = -1;
	dev->ended_fd = -1;
}

int dev_open_eventfds(struct ublk_dev *dev, struct ublk_error *error)
{
	dev->bell_fd = sys_eventfd2(0, O_CLOEXEC | O_NONBLOCK);
	dev->ended_fd = sys_eventfd2(0, O_CLOEXEC | O_NONBLOCK);
	if (dev->bell_fd >= 0 && dev->ended_fd >= 0)
		return 0;
	return ublk_error_set(error, "eventfd", UBLK_NO_DEVICE,
			      dev->bell_fd < 0 ? dev->bell_fd : dev->ended_fd, "no more files");
}

int dev_init(struct ublk_dev *dev, const struct ublk_dev_opts *opts, struct ublk_error *error)
{
	struct diag why;
	int err;

	memset(dev, 0, sizeof(*dev));
	dev->opts = *opts;
	dev->char_fd = -1;
	dev->bell_fd = -1;
	dev->ended_fd = -1;
	dev->stats.fd = -1;
	fill_defaults(&dev->opts);
	err = check_opts(&dev->opts, &why);
	return err ? ublk_error_set(error, "check", UBLK_NO_DEVICE, err, "%s", why.text) : 0;
}

void dev_drop(struct ublk_dev *dev)
{
	close_files(dev);
	(void)ublk_ctrl_close(&dev->own_ctrl);
	ublk_shmem_close(&dev->shmem);
	ublk_stats_free(&dev->stats);
	tgt_close(&dev->own_tree);
}

int ublk_dev_create(struct ublk_dev *dev, const struct ublk_dev_opts *opts,
		    struct ublk_error *error)
{
	int err = dev_init(dev, opts, error);

	if (!err)
		err = dev_open_target(dev, error);
	if (!err)
		err = check_params(dev, error);
	if (!err && opts->shmem)
		err = ublk_shmem_open(&dev->shmem, opts->shmem, error);
	if (!err)
		err = dev_open_ctrl(dev, error);
	if (!err)
		err = negotiate(dev, error);
	if (!err)
		err = dev_open_eventfds(dev, error);
	if (!err)
		err = create_in_kernel(dev, opts->dev_id, error);
	if (err) {
		dev_drop(dev);
		return err;
	}
	dev_set_name(dev);
	dev_set_state(dev, UBLK_DEV_CREATED);
	log_line(dev, UBLK_LOG_DEBUG, "created, %u queues of depth %u", dev->info.nr_hw_queues,
		 dev->info.queue_depth);
	return 0;
}

void dev_remove_nodes(struct ublk_dev *dev)
{
	char path[PATH_BYTES];

	if (dev->made_char_node) {
		node_path(dev, 'c', path);
		(void)sys_unlinkat(AT_FDCWD, path, 0);
	}
	if (dev->made_block_node) {
		node_path(dev, 'b', path);
		(void)sys_unlinkat(AT_FDCWD, path, 0);
	}
	dev->made_char_node = false;
	dev->made_block_node = false;
}

int dev_open_char(struct ublk_dev *dev, u64 deadline, struct ublk_error *error)
{
	const struct ublk_param_devt *d = &dev->params.devt;
	char path[PATH_BYTES];

	node_path(dev, 'c', path);
	dev->char_fd = node_open(path, S_IFCHR | 0600, node_dev(d->char_major, d->char_minor),
				 deadline, dev->opts.unprivileged ? NULL : &dev->made_char_node);
	if (dev->char_fd >= 0)
		return 0;
	return ublk_error_set(error, "open", dev_id_of(dev), dev->char_fd, "cannot open %s", path);
}

void dev_close_char(struct ublk_dev *dev)
{
	if (dev->char_fd >= 0)
		(void)sys_close(dev->char_fd);
	dev->char_fd = -1;
}

/* The disk is there; its node may not be, where nobody looks after /dev. */
static int appear(struct ublk_dev *dev, u64 deadline, struct ublk_error *error)
{
	struct ublk_params p = { .len = sizeof(p) };
	char path[PATH_BYTES];
	u32 disk;
	int err;

	node_path(dev, 'b', path);
	err = ublk_ctrl_get_params(dev->ctrl, dev_ctrl_id(dev), &p, dev->opts.timeout_ms);
	disk = node_dev(p.devt.disk_major, p.devt.disk_minor);
	if (!err && tgt_is_on(dev->tree, disk))
		return ublk_error_set(error, "start", dev_id_of(dev), -ELOOP,
				      "the file that it is served from is on this very disk");
	if (!err)
		err = node_appear(path, S_IFBLK | 0600, disk, deadline,
				  dev->opts.unprivileged ? NULL : &dev->made_block_node);
	if (err)
		return ublk_error_set(error, "mknod", dev_id_of(dev), err, "cannot make %s", path);
	/* Somebody has to serve what udev may read before it gives the node away. */
	if (dev->opts.unprivileged && !serve_is_here(dev))
		err = node_await(path, deadline_in_ms(given_ms(dev)));
	if (err)
		ublk_error_set(error, "wait for node", dev_id_of(dev), err,
			       "no udev rule gives %s to its owner", path);
	return err;
}

/* The kernel may have cut the queues to its CPUs: the threads as well. */
static u16 nr_workers(const struct ublk_dev *dev)
{
	u32 nr = dev->opts.nr_threads;
	u32 nr_queues = dev->info.nr_hw_queues;

	if (serve_is_here(dev))
		return 1;
	if (nr > nr_queues && nr_queues < dev->opts.nr_queues)
		nr = (nr * nr_queues + dev->opts.nr_queues - 1) / dev->opts.nr_queues;
	if (nr > nr_queues * dev->info.queue_depth)
		nr = nr_queues * dev->info.queue_depth;
	return (u16)(nr ? nr : nr_queues);
}

/* The command that ends the wait for a server */
static int call_start(struct ublk_dev *dev, u64 deadline, struct ublk_error *error)
{
	int err;

	if (dev->is_recovered)
		ublk_ctrl_prep_end_recovery(dev->ctrl, dev_ctrl_id(dev), sys_getpid());
	else
		ublk_ctrl_prep_start(dev->ctrl, dev_ctrl_id(dev), sys_getpid());
	err = serve_call(dev, deadline);
	if (err)
		ublk_error_set(error, dev->is_recovered ? "END_USER_RECOVERY" : "START_DEV",
			       dev_id_of(dev), err,
			       err == -ETIMEDOUT ? "no answer within %u ms: is its target stuck?" :
						   "the kernel does not start it (limit %u ms)",
			       dev->opts.timeout_ms);
	return err;
}

/* The device exists and nothing of it is open: serve it. */
static int begin(struct ublk_dev *dev, struct ublk_error *error)
{
	u64 deadline = deadline_in_ms(dev->opts.timeout_ms);
	struct ublk_stats earlier = dev->stats; /* of the start before: could be read until now */
	int err = dev_open_char(dev, deadline, error);

	if (err)
		return err;
	dev->is_used = true;
	dev->setup = (struct ublk_worker_setup){
		.char_fd = dev->char_fd,
		.bell_fd = dev->bell_fd,
		.nr_queues = dev->info.nr_hw_queues,
		.nr_workers = nr_workers(dev),
		.depth = dev->info.queue_depth,
		.max_io_bytes = dev->info.max_io_buf_bytes,
		.desc_bytes = dev->info.io_desc_size,
		.read_only = dev->params.basic.attrs & UBLK_ATTR_READ_ONLY,
		.batch = dev->info.flags & UBLK_F_BATCH_IO,
		.lock_buffers = dev->opts.lock_buffers,
		.leave = &dev->leave,
		.shmem = &dev->shmem,
		.tree = dev->tree,
		.path = dev->path,
		.stats = &dev->stats,
		.observer = dev->opts.observer,
	};
	err = ublk_stats_make(&dev->stats, &dev->setup);
	if (err)
		ublk_error_set(error, "start", dev_id_of(dev), err, "no memory to count in");
	if (!err)
		err = serve_begin(dev, deadline, error);
	if (err)
		goto out_close;
	err = call_start(dev, deadline, error);
	if (err)
		goto out_serve;
	err = appear(dev, deadline, error);
	if (!err) {
		ublk_stats_free(&earlier);
		return 0;
	}
	/* One that was recovered waits for another server when this one lets go. */
	if (!dev->is_recovered) {
		ublk_ctrl_prep_stop(dev->ctrl, dev_ctrl_id(dev));
		(void)!serve_call(dev, deadline_in_ms(dev->opts.timeout_ms));
	}
out_serve:
	(void)!serve_end(dev, deadline_in_ms(dev->opts.timeout_ms), false);
out_close:
	if (!serve_has_ended(dev)) {
		ublk_stats_free(&earlier); /* a queue that is late has those of this start */
	} else {
		ublk_stats_free(&dev->stats);
		dev->stats = earlier;
	}
	dev_close_char(dev);
	dev_remove_nodes(dev);
	return err;
}

/* Queues of a start that failed, if they were late: what they use must stay until then. */
static int end_late(struct ublk_dev *dev, struct ublk_error *error)
{
	int err = serve_end(dev, deadline_in_ms(dev->opts.timeout_ms), false);

	if (err)
		ublk_error_set(error, "stop queues", dev_id_of(dev), err,
			       "a queue of a start that failed has not ended");
	return err;
}

static int add_anew(struct ublk_dev *dev, struct ublk_error *error)
{
	int err;

	if (dev->is_recovered)
		return ublk_error_set(error, "start", dev_id_of(dev), -EOPNOTSUPP, "it was recovered: "
				      "what it is to be like is not known here");
	err = ublk_ctrl_del_dev(dev->ctrl, dev_ctrl_id(dev), dev->opts.timeout_ms);
	if (err && err != -ENODEV)
		return ublk_error_set(error, "DEL_DEV", dev_id_of(dev), err,
				      "it cannot be deleted to be added anew");
	return create_in_kernel(dev, dev_id_of(dev), error);
}

int ublk_dev_start(struct ublk_dev *dev, struct ublk_error *error)
{
	enum ublk_dev_state before = UBLK_DEV_CREATED;
	int err = 0;

	if (!change_state(dev, &before, UBLK_DEV_STARTING) &&
	    (before != UBLK_DEV_STOPPED || !change_state(dev, &before, UBLK_DEV_STARTING)))
		return ublk_error_set(error, "start", dev_id_of(dev),
				      before == UBLK_DEV_CLOSED ? -ESHUTDOWN : -EINVAL,
				      "it is %s", ublk_dev_state_text(before));
	err = end_late(dev, error);
	if (!err && dev->is_recovered)
		err = recover_check_kept(dev, error);
	if (!err && dev->is_anothers)
		err = recover_take_over(dev, error);
	if (!err && (before == UBLK_DEV_STOPPED || dev->is_used))
		err = add_anew(dev, error);
	if (!err)
		err = begin(dev, error);
	if (err) {
		dev_set_state(dev, before);
		return err;
	}
	dev_set_state(dev, UBLK_DEV_RUNNING);
	log_line(dev, UBLK_LOG_INFO, "/dev/ublkb%d is live", dev_id_of(dev));
	return 0;
}

/* The kernel lets go first, while the queues still complete what it has. */
static int end(struct ublk_dev *dev, struct ublk_error *error)
{
	u64 deadline = deadline_in_ms(dev->opts.timeout_ms);
	int err = 0;

	if (!serve_has_ended(dev))
		err = serve_settle(dev, deadline);
	if (!err && !serve_has_ended(dev)) {
		ublk_ctrl_prep_stop(dev->ctrl, dev_ctrl_id(dev));
		err = serve_call(dev, deadline);
	}
	if (err && err != -ENODEV)
		return ublk_error_set(error, "STOP_DEV", dev_id_of(dev), err,
				      err == -ETIMEDOUT ?
					      "no answer within %u ms: requests in flight are not "
					      "being completed; kill the server to fail them" :
					      "the kernel refuses (limit %u ms)",
				      dev->opts.timeout_ms);
	err = serve_end(dev, deadline_in_ms(dev->opts.timeout_ms), true);
	if (err)
		return ublk_error_set(error, "stop queues", dev_id_of(dev), err,
				      "a queue still has requests that its target has not answered");
	ublk_stats_end(&dev->stats);
	dev_close_char(dev);
	dev_remove_nodes(dev);
	return 0;
}

int ublk_dev_stop(struct ublk_dev *dev, struct ublk_error *error)
{
	enum ublk_dev_state before = UBLK_DEV_RUNNING;
	int err;

	if (!change_state(dev, &before, UBLK_DEV_STOPPING)) {
		err = before == UBLK_DEV_STOPPING ? -EALREADY :
		      before == UBLK_DEV_CLOSED	  ? -ESHUTDOWN :
						    -EINVAL;
		return ublk_error_set(error, "stop", dev_id_of(dev), err, "it is %s",
				      ublk_dev_state_text(before));
	}
	err = end(dev, error);
	dev_set_state(dev, err ? UBLK_DEV_RUNNING : UBLK_DEV_STOPPED);
	if (!err)
		log_line(dev, UBLK_LOG_INFO, "stopped");
	return err;
}

static int close_ctrl(struct ublk_dev *dev, struct ublk_error *error)
{
	int err = ublk_ctrl_close(&dev->own_ctrl);

	if (err)
		ublk_error_set(error, "close", dev_id_of(dev), err,
			       "the kernel has not answered the last command");
	return err;
}

/* What is left of a device without queues */
int dev_let_go(struct ublk_dev *dev, struct ublk_error *error)
{
	int err = close_ctrl(dev, error);

	if (err)
		return err;
	dev_drop(dev);
	dev_set_state(dev, UBLK_DEV_CLOSED);
	return 0;
}

int ublk_dev_close(struct ublk_dev *dev, struct ublk_error *error)
{
	enum ublk_dev_state state = state_of(dev);
	int err;

	if (state == UBLK_DEV_CLOSED)
		return close_ctrl(dev, error);
	if (state == UBLK_DEV_CREATED && dev->is_recovered)
		return ublk_dev_release(dev, error);
	if (state == UBLK_DEV_RUNNING) {
		err = ublk_dev_stop(dev, error);
		if (err)
			return err;
	}
	err = serve_settle(dev, deadline_in_ms(dev->opts.timeout_ms));
	if (err)
		return ublk_error_set(error, "close", dev_id_of(dev), err,
				      "the kernel has not answered the last command");
	err = end_late(dev, error);
	if (err)
		return err;
	err = ublk_ctrl_del_dev(dev->ctrl, dev_ctrl_id(dev), dev->opts.timeout_ms);
	if (err && err != -ENODEV)
		return ublk_error_set(error, "DEL_DEV", dev_id_of(dev), err,
				      "somebody has /dev/ublkb%d or /dev/ublkc%d open", dev_id_of(dev),
				      dev_id_of(dev));
	log_line(dev, UBLK_LOG_DEBUG, "deleted");
	return dev_let_go(dev, error);
}

int ublk_dev_release(struct ublk_dev *dev, struct ublk_error *error)
{
	int err;

	if (state_of(dev) == UBLK_DEV_CLOSED)
		return 0;
	if (dev->workers && !serve_has_ended(dev))
		return ublk_error_set(error, "release", dev_id_of(dev), -EBUSY, "it is being served");
	err = end(dev, error);
	return err ? err : dev_let_go(dev, error);
}

int ublk_dev_wait(struct ublk_dev *dev, u32 timeout_ms)
{
	int err;

	if (!dev->workers)
		return 0;
	err = serve_wait_ended(dev, deadline_in_ms(timeout_ms), true);
	return err ? err : __atomic_load_n(&dev->queue_err, __ATOMIC_RELAXED);
}

int ublk_dev_create_and_start(struct ublk_dev *dev, const struct ublk_dev_opts *opts,
			      struct ublk_error *error)
{
	int err = ublk_dev_create(dev, opts, error);

	if (err)
		return err;
	err = ublk_dev_start(dev, error);
	if (err)
		(void)ublk_dev_close(dev, NULL);
	return err;
}

void ublk_dev_info(const struct ublk_dev *dev, struct ublk_dev_info *info)
{
	enum ublk_dev_state state = state_of(dev);

	*info = (struct ublk_dev_info){ .dev_id = UBLK_NO_DEVICE, .state = state };
	if (state == UBLK_DEV_CLOSED)
		return;
	/* Its disk is gone as soon as the queues are, whoever stopped it. */
	if (state == UBLK_DEV_RUNNING && serve_has_ended(dev))
		info->state = UBLK_DEV_STOPPED;
	info->dev_id = dev_id_of(dev);
	__builtin_memcpy(info->name, dev->name, sizeof(info->name));
	node_path(dev, 'b', info->block_path);
	node_path(dev, 'c', info->char_path);
	info->nr_queues = dev->info.nr_hw_queues;
	info->depth = dev->info.queue_depth;
	info->logical_bytes = 1U << dev->params.basic.logical_bs_shift;
	info->mode = ublk_mode_of(dev->path);
	info->max_io_bytes = dev->info.max_io_buf_bytes;
	info->size_bytes = __atomic_load_n(&dev->tree->root->limits.size_bytes, __ATOMIC_RELAXED);
	info->io_desc_bytes = dev->info.io_desc_size;
	info->flags = dev->info.flags;
	info->params = dev->params;
	info->is_running = info->state == UBLK_DEV_RUNNING;
}
