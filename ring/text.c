/* SPDX-License-Identifier: MIT */
/* Lines of text for what goes through a ring. */
#include "ring/text.h"

#include "ring/names.h"
#include "uapi/io_uring.h"
#include "uapi/rt/diag.h"
#include "uapi/rt/fmt.h"

/* The names of bits; the last one is what no name is for. */
static void add_flags(struct fmt_buf *b, u32 flags, const char *names)
{
	const char *name;

	for (u32 bit = 0; (name = ring_name_at(names, bit)); bit++) {
		if (flags & 1U << bit)
			fmt_add(b, " %s", name);
		flags &= ~(1U << bit);
	}
	if (flags)
		fmt_add(b, " flags=0x%x", flags);
}

static void add_field(struct fmt_buf *b, const char *name, u64 value)
{
	if (value)
		fmt_add(b, " %s=0x%llx", name, value);
}

size_t ring_sqe_text(char *buf, size_t size, const struct io_uring_sqe *sqe)
{
	struct fmt_buf b = { .text = buf, .size = size };
	const char *name = ring_name_op(sqe->opcode);

	if (name)
		fmt_add(&b, "%s fd=%d", name, sqe->fd);
	else
		fmt_add(&b, "opcode=%u fd=%d", sqe->opcode, sqe->fd);
	add_field(&b, "off", sqe->off);
	add_field(&b, "addr", sqe->addr);
	if (sqe->len)
		fmt_add(&b, " len=%u", sqe->len);
	add_field(&b, "op_flags", sqe->rw_flags);
	add_field(&b, "ioprio", sqe->ioprio);
	add_field(&b, "buf", sqe->buf_index);
	add_field(&b, "personality", sqe->personality);
	add_field(&b, "index", sqe->file_index);
	add_field(&b, "addr3", sqe->addr3);
	add_flags(&b, sqe->flags, ring_names_sqe_flag);
	fmt_add(&b, " user_data=0x%llx", sqe->user_data);
	return b.len;
}

size_t ring_cqe_text(char *buf, size_t size, const struct io_uring_cqe *cqe)
{
	struct fmt_buf b = { .text = buf, .size = size };
	u32 flags = cqe->flags;

	fmt_add(&b, "user_data=0x%llx res=%d", cqe->user_data, cqe->res);
	if (cqe->res < 0)
		fmt_add(&b, " %s", err_name(cqe->res));
	if (flags & IORING_CQE_F_BUFFER) {
		fmt_add(&b, " bid=%u", flags >> IORING_CQE_BUFFER_SHIFT);
		flags &= (1U << IORING_CQE_BUFFER_SHIFT) - 1;
	}
	add_flags(&b, flags, ring_names_cqe_flag);
	return b.len;
}
