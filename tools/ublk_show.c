/* SPDX-License-Identifier: MIT */
/* One device as the kernel has it. */
#include "tools/ublk_show.h"

#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"
#include "ublk/dev.h"
#include "ublk/features.h"

int ublk_view_get(struct ctrl_child *child, u32 id, struct ublk_view *view)
{
	int err = ublk_ctrl_get_info(&child->ctrl, id, &view->info, VIEW_TIMEOUT_MS);

	view->is_stuck = false;
	view->params = (struct ublk_params){ .len = sizeof(view->params) };
	if (err)
		return err;
	err = ublk_ctrl_get_params(&child->ctrl, ublk_ctrl_id(&view->info), &view->params,
				   VIEW_TIMEOUT_MS);
	if (err == -ETIMEDOUT) {
		/* Another command has the device, and does not end: the next goes another way. */
		view->is_stuck = true;
		view->params = (struct ublk_params){ 0 };
		view->features = view->info.flags;
		ctrl_child_init(child);
		return ublk_ctrl_open(&child->ctrl);
	}
	if (!err && ublk_features_get(&child->ctrl, &view->features, VIEW_TIMEOUT_MS, NULL))
		view->features = view->info.flags;
	return err;
}

const char *ublk_view_state(const struct ublk_view *view)
{
	if (view->is_stuck)
		return "stuck";
	switch (view->info.state) {
	case UBLK_S_DEV_DEAD:
		return "dead";
	case UBLK_S_DEV_LIVE:
		return "live";
	case UBLK_S_DEV_QUIESCED:
		return "quiesced";
	case UBLK_S_DEV_FAIL_IO:
		return "failing";
	default:
		return "unknown";
	}
}

bool ublk_view_is_ours(const struct ublk_view *view)
{
	return view->info.ublksrv_flags >> UBLK_MARK_SHIFT == UBLK_MARK;
}

u32 ublk_view_desc_bytes(const struct ublk_view *view)
{
	u16 bytes = view->info.io_desc_size;

	/* Before 7.3 the field is nobody's. */
	return bytes ? bytes : sizeof(struct ublksrv_io_desc);
}

u64 ublk_view_size_bytes(const struct ublk_view *view)
{
	return view->params.basic.dev_sectors << 9;
}

/* How a number of the kernel's is told */
enum { BYTES, SECTORS, SHIFT, MASK, COUNT, CSUM };

/**
 * struct param_row - where a parameter stands and how it is told
 * @type_bit: of UBLK_PARAM_TYPE_*: without it the kernel does not say
 * @is_usual: in text it is told also when it is 0
 */
struct param_row {
	u8 at;
	u8 bytes;
	u8 how;
	u8 type_bit : 7;
	u8 is_usual : 1;
};

#define PARAMS(X)                                                                                  \
	X(basic.dev_sectors, SECTORS, 0, 1, "size", "size_bytes")                                  \
	X(basic.logical_bs_shift, SHIFT, 0, 1, "logical block", "logical_block_bytes")             \
	X(basic.physical_bs_shift, SHIFT, 0, 1, "physical block", "physical_block_bytes")          \
	X(basic.io_min_shift, SHIFT, 0, 1, "least I/O", "io_min_bytes")                            \
	X(basic.io_opt_shift, SHIFT, 0, 0, "best I/O", "io_opt_bytes")                             \
	X(basic.max_sectors, SECTORS, 0, 1, "largest request", "max_request_bytes")                \
	X(basic.chunk_sectors, SECTORS, 0, 0, "chunk", "chunk_bytes")                              \
	X(basic.virt_boundary_mask, MASK, 0, 0, "memory boundary", "virt_boundary_bytes")          \
	X(dma.alignment, MASK, 4, 0, "memory alignment", "dma_alignment_bytes")                    \
	X(seg.seg_boundary_mask, MASK, 5, 0, "segment boundary", "segment_boundary_bytes")         \
	X(seg.max_segment_size, BYTES, 5, 0, "largest segment", "max_segment_bytes")               \
	X(seg.max_segments, COUNT, 5, 0, "most segments", "max_segments")                          \
	X(discard.discard_granularity, BYTES, 1, 1, "discard granularity",                         \
	  "discard_granularity_bytes")                                                             \
	X(discard.discard_alignment, BYTES, 1, 0, "discard alignment", "discard_alignment_bytes")  \
	X(discard.max_discard_sectors, SECTORS, 1, 1, "largest discard", "max_discard_bytes")      \
	X(discard.max_write_zeroes_sectors, SECTORS, 1, 1, "largest write-zeroes",                 \
	  "max_write_zeroes_bytes")                                                                \
	X(zoned.max_zone_append_sectors, SECTORS, 3, 0, "largest zone append",                     \
	  "max_zone_append_bytes")                                                                 \
	X(zoned.max_open_zones, COUNT, 3, 0, "most open zones", "max_open_zones")                  \
	X(zoned.max_active_zones, COUNT, 3, 0, "most active zones", "max_active_zones")            \
	X(integrity.metadata_size, BYTES, 6, 0, "metadata", "metadata_bytes")                      \
	X(integrity.interval_exp, SHIFT, 6, 0, "metadata is for", "metadata_interval_bytes")       \
	X(integrity.csum_type, CSUM, 6, 0, "metadata guard", "metadata_csum")                      \
	X(integrity.pi_offset, COUNT, 6, 0, "guard's offset", "metadata_pi_offset_bytes")          \
	X(integrity.tag_size, COUNT, 6, 0, "metadata tag", "metadata_tag_bytes")                   \
	X(integrity.flags, COUNT, 6, 0, "metadata flags", "metadata_flags")                        \
	X(integrity.max_integrity_segments, COUNT, 6, 0, "metadata segments",                      \
	  "max_metadata_segments")

#define PARAM_ROW(field, how_, type_bit_, is_usual_, text, json)                                   \
	{ .at = offsetof(struct ublk_params, field),                                               \
	  .bytes = sizeof(((struct ublk_params *)0)->field),                                       \
	  .how = (how_),                                                                           \
	  .type_bit = (type_bit_),                                                                 \
	  .is_usual = (is_usual_) },
static const struct param_row param_rows[] = { PARAMS(PARAM_ROW) };

#define PARAM_NAMES(field, how, type_bit, is_usual, text, json) text "\0" json "\0"
static const char param_names[] = PARAMS(PARAM_NAMES);

/* LBMD_PI_CSUM_*, as the integrity target has them */
static const char *csum_name(u64 csum)
{
	return csum < 5 ? str_nth("none\0ip\0t10dif\0?\0nvme", (u32)csum) : "?";
}

static u64 param_value(const struct ublk_params *p, const struct param_row *row)
{
	u64 value = 0; /* little-endian, as everything here */

	if (!(p->types >> row->type_bit & 1))
		return 0;
	memcpy(&value, (const u8 *)p + row->at, row->bytes);
	switch (row->how) {
	case SECTORS:
		return value << 9;
	case SHIFT:
		return value ? 1ULL << (value & 63) : 0;
	case MASK:
		return value ? value + 1 : 0;
	default:
		return value;
	}
}

void ublk_view_params(struct fmt_buf *out, const struct ublk_params *p)
{
	const char *name = param_names;

	for (u32 i = 0; i < ARRAY_SIZE(param_rows); i++) {
		const struct param_row *row = &param_rows[i];
		u64 value = param_value(p, row);
		const char *json = str_nth(name, 1);
		char size[FMT_SIZE_MAX];

		if (row->how == COUNT)
			fmt_print(size, sizeof(size), "%llu", value);
		else
			fmt_size(size, value);
		if (row->is_usual || value)
			fmt_add(out, "  %-21s %s\n", name,
				row->how == CSUM ? csum_name(value) : size);
		name = str_nth(json, 1);
	}
}

static void json_params(struct json *j, const struct ublk_params *p)
{
	static const char attrs[] = "read_only\0rotational\0volatile_cache\0fua";
	const char *name = param_names;

	for (u32 i = 0; i < ARRAY_SIZE(param_rows); i++) {
		const struct param_row *row = &param_rows[i];
		u64 value = param_value(p, row);

		name = str_nth(name, 1);
		if (row->how == CSUM)
			json_string(j, name, csum_name(value));
		else
			json_u64(j, name, value);
		name = str_nth(name, 1);
	}
	for (u32 i = 0; i < 4; i++)
		json_bool(j, str_nth(attrs, i), p->basic.attrs >> i & 1);
}

static const char *mode_name(const struct ublk_view *view)
{
	u32 mode = (u32)(view->info.ublksrv_flags & UBLK_MARK_MODE);
	const char *name = ublk_mode_name((enum ublk_mode)mode);

	return ublk_view_is_ours(view) && name ? name : "unknown";
}

static enum ublk_mode faster(const struct ublk_view *view, u32 nr, const char **why)
{
	const struct ublk_kept k = {
		.info = &view->info,
		.params = &view->params,
		.features = view->features,
	};

	return ublk_view_is_ours(view) ? ublk_mode_faster(nr, &k, why) : UBLK_MODE_AUTO;
}

void ublk_view_mode(struct fmt_buf *out, const struct ublk_view *view)
{
	const char *why = NULL;
	enum ublk_mode mode;

	fmt_add(out, "  data path             %s%s\n", mode_name(view),
		ublk_view_is_ours(view) && view->info.ublksrv_flags & UBLK_MARK_ASKED ?
			", as asked for" : "");
	for (u32 i = 0; (mode = faster(view, i, &why)); i++)
		fmt_add(out, "    not %-17s %s\n", ublk_mode_name(mode), why);
	fmt_add(out, "  commands              for %s%s\n",
		view->info.flags & UBLK_F_BATCH_IO ? "many requests" : "each request",
		view->info.flags & UBLK_F_PER_IO_DAEMON ? ", several threads a queue" : "");
}

static void json_mode(struct json *j, const struct ublk_view *view)
{
	const char *why = NULL;
	enum ublk_mode mode;

	json_string(j, "mode", mode_name(view));
	json_open(j, "faster_modes", '[');
	for (u32 i = 0; (mode = faster(view, i, &why)); i++)
		json_add(j, "{mode%s why_not%s}", ublk_mode_name(mode), why);
	json_close(j, ']');
}

void ublk_view_json(struct json *j, const struct ublk_view *view)
{
	const struct ublksrv_ctrl_dev_info *info = &view->info;
	const struct ublk_param_devt *devt = &view->params.devt;
	char path[24];

	json_open(j, NULL, '{');
	json_u64(j, "id", info->dev_id);
	fmt_print(path, sizeof(path), "/dev/ublkb%u", info->dev_id);
	json_string(j, "path", path);
	json_string(j, "state", ublk_view_state(view));
	json_u64(j, "queues", info->nr_hw_queues);
	json_u64(j, "depth", info->queue_depth);
	json_s64(j, "server_pid", info->ublksrv_pid);
	json_u64(j, "owner_uid", info->owner_uid);
	json_u64(j, "owner_gid", info->owner_gid);
	json_u64(j, "buffer_bytes", info->max_io_buf_bytes);
	json_u64(j, "io_desc_bytes", ublk_view_desc_bytes(view));
	json_u64(j, "flags", info->flags);
	json_open(j, "flag_names", '[');
	for (u32 i = 0; ublk_feature_name(i); i++)
		if (info->flags >> i & 1)
			json_string(j, NULL, ublk_feature_name(i));
	json_close(j, ']');
	json_bool(j, "ours", ublk_view_is_ours(view));
	json_mode(j, view);
	json_add(j, "char_dev[%u %u]block_dev[%u %u]", devt->char_major, devt->char_minor,
		 devt->disk_major, devt->disk_minor);
	json_params(j, &view->params);
	json_close(j, '}');
}
