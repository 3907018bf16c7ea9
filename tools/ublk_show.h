/* SPDX-License-Identifier: MIT */
/* One device as the kernel has it: what list and info share. */
#ifndef TOOLS_UBLK_SHOW_H
#define TOOLS_UBLK_SHOW_H

#include "tools/ctrl_child.h"
#include "tools/text/json.h"

/**
 * struct ublk_view - the kernel's answers about one device
 * @is_stuck: some command for it does not end, as a stop that a server keeps waiting; then the
 *            kernel tells no parameters
 */
struct ublk_view {
	struct ublksrv_ctrl_dev_info info;
	struct ublk_params params;
	u64 features; /* UBLK_F_* that the kernel has */
	bool is_stuck;
};

#define VIEW_TIMEOUT_MS 5000

/* ublk_view_get() - ask; 0, -ENODEV or -errno. @child is another one when the first was stuck */
NODISCARD int ublk_view_get(struct ctrl_child *child, u32 id, struct ublk_view *view);

/* "live"; the numbers are the kernel's */
const char *ublk_view_state(const struct ublk_view *view);

/* made by this program: its mark is in the device's own flags */
bool ublk_view_is_ours(const struct ublk_view *view);

u64 ublk_view_size_bytes(const struct ublk_view *view);

/* what a descriptor takes, whether the kernel says so or not */
u32 ublk_view_desc_bytes(const struct ublk_view *view);

/* ublk_view_mode() - the way its data takes, and why not a faster one; ours only */
void ublk_view_mode(struct fmt_buf *out, const struct ublk_view *view);

/* ublk_view_params() - the parameters, a line each; without those that nobody set */
void ublk_view_params(struct fmt_buf *out, const struct ublk_params *p);

/* ublk_view_json() - the whole of it, as one object */
void ublk_view_json(struct json *j, const struct ublk_view *view);

#endif
