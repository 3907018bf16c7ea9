/* SPDX-License-Identifier: MIT */
/*
 * Disks with metadata: the kernel makes guards and tags and checks them, and the
 * target does the same with its own means. Where one of the two lies the other
 * refuses. Linux 7.0 or later.
 */
#if !__STDC_HOSTED__

#include <asm/errno.h>
#include <linux/fs.h>

#include "ring/prep.h"
#include "selftests/broken.h"
#include "selftests/device.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/features.h"
#include "ublk/pi.h"

#define KIB 1024ULL
#define MIB (KIB * KIB)

/* A disk that the user has open; skips the case where the kernel has no such disks */
static void up(struct rig *r, const char *spec, int flags)
{
	test_row("%s", spec);
	rig_init(r, broken_types, spec, true);
	if (rig_create(r)) {
		if (r->error.code != UBLK_KERNEL_NOT_SUPPORTED)
			device_fail(&r->error);
		EXPECT_NE(str_find(r->error.why.text, "INTEGRITY"), NULL);
		EXPECT_NE(str_find(r->error.why.text, "Linux 7.0"), NULL);
		blockdev_end(&r->user);
		test_skip("the driver knows no metadata (Linux 7.0)");
	}
	if (ublk_dev_start(&r->dev, &r->error))
		device_fail(&r->error);
	ASSERT_OK(rig_open(r, flags));
}

static void agree(const char *spec, u64 seed)
{
	struct rig r;

	up(&r, spec, O_RDWR | O_DIRECT);
	rig_fill(&r, seed, 64 * KIB, 4096);
	rig_fill(&r, seed, 1 * MIB + 12288, 2 * MIB);
	rig_check(&r, seed, 64 * KIB, 4096);
	rig_check(&r, seed, 1 * MIB + 12288, 2 * MIB);
	/* What was never written, and what is no longer */
	EXPECT_EQ(rig_do(&r, ORACLE_READ, 4 * MIB, 1 * MIB), 1 * MIB);
	EXPECT_EQ(rig_do(&r, ORACLE_DISCARD, 1 * MIB, 1 * MIB), 0);
	EXPECT_EQ(rig_do(&r, ORACLE_ZERO, 2 * MIB, 4096), 0);
	EXPECT_EQ(rig_do(&r, ORACLE_READ, 1 * MIB, 2 * MIB), 2 * MIB);
	rig_check(&r, seed, 3 * MIB, 4096);
	rig_down(&r);
}

static void agrees_with_kernel(void)
{
	static const char *const specs[] = {
		"integrity?verify=1&apptag=0:[ram:8M]",
		"integrity?csum=ip&verify=1&apptag=0:[ram:8M]",
		"integrity?csum=nvme&verify=1&apptag=0:[ram:8M]",
		"integrity?csum=t10dif&type=3&verify=1&apptag=0:[ram:8M]",
		"integrity?csum=nvme&interval=4096&meta=64&pi_offset=48&verify=1:[ram:8M]",
		"integrity?csum=none&meta=24:[ram:8M]",
		"integrity:[ram:8M]",
		"delay:[integrity?csum=nvme:[delay:[ram:8M]]]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		agree(specs[i], i + 1);
}

/* Linux 7.0 forgets the data when there are bytes before the tuple: the checksum
 * is of those alone. */
static void agrees_on_offset_ip(void)
{
	struct ublk_ctrl ctrl;
	struct ublk_error error;
	u64 features;

	device_ctrl_open(&ctrl);
	ASSERT_OK(ublk_features_get(&ctrl, &features, DEVICE_TIMEOUT_MS, &error));
	(void)ublk_ctrl_close(&ctrl);
	if (!(features & UBLK_F_SHMEM_ZC))
		test_skip("the kernel's IP checksum leaves out the data (Linux 7.1)");
	agree("integrity?csum=ip&interval=1024&meta=13&pi_offset=5&verify=1:[ram:8M]", 3);
}

/* What is wrong at 64K, and who sees it */
struct lie {
	const char *spec;
	s64 read;
	s64 write;
};

static void is_found(const struct lie *lie)
{
	struct rig r;

	up(&r, lie->spec, O_RDWR | O_DIRECT);
	rig_fill(&r, 1, 0, 64 * KIB);
	rig_fill(&r, 1, 68 * KIB, 60 * KIB);
	EXPECT_EQ(rig_do(&r, ORACLE_WRITE, 64 * KIB, 4096), lie->write);
	EXPECT_EQ(rig_do(&r, ORACLE_READ, 64 * KIB, 4096), lie->read);
	EXPECT_EQ(rig_do(&r, ORACLE_READ, 60 * KIB, 32 * KIB),
		  lie->read < 0 ? lie->read : (s64)(32 * KIB));
	/* Its neighbours are all right. */
	rig_check(&r, 1, 0, 64 * KIB);
	rig_check(&r, 1, 68 * KIB, 60 * KIB);
	rig_down(&r);
}

static void lies_are_found(const struct lie *lies, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		is_found(&lies[i]);
}

/* Linux does not look at the application tag, but for the one that says: no checks. */
static void kernel_refuses(void)
{
	static const struct lie lies[] = {
		{ "mangle?what=guard&at=64K:[integrity:[ram:1M]]", -EILSEQ, 4096 },
		{ "mangle?what=guard&at=64K:[integrity?csum=ip:[ram:1M]]", -EILSEQ, 4096 },
		{ "mangle?what=guard&at=64K:[integrity?csum=nvme&meta=20&pi_offset=4:[ram:1M]]",
		  -EILSEQ, 4096 },
		{ "mangle?what=ref&at=67072:[integrity:[ram:1M]]", -EILSEQ, 4096 },
		{ "mangle?what=ref&at=64K:[integrity?csum=ip:[ram:1M]]", -EILSEQ, 4096 },
		{ "mangle?what=ref&at=64K:[integrity?csum=nvme&interval=4K:[ram:1M]]", -EILSEQ,
		  4096 },
		{ "mangle?what=ref&at=64K:[integrity?type=3:[ram:1M]]", 4096, 4096 },
		{ "mangle?what=app&at=64K:[integrity:[ram:1M]]", 4096, 4096 },
		{ "mangle?what=guard&at=64K:[mangle?what=escape&at=64K:[integrity:[ram:1M]]]", 4096,
		  4096 },
		{ "mangle?what=guard&writes=1&at=64K:[integrity:[ram:1M]]", -EILSEQ, 4096 },
		{ "mangle?what=ref&writes=1&at=64K:[integrity:[ram:1M]]", -EILSEQ, 4096 },
	};

	lies_are_found(lies, ARRAY_SIZE(lies));
}

static void target_refuses(void)
{
	static const struct lie lies[] = {
		{ "mangle?what=guard&writes=1&at=64K:[integrity?verify=1:[ram:1M]]", 4096, -EILSEQ },
		{ "mangle?what=ref&writes=1&at=64K:[integrity?verify=1:[ram:1M]]", 4096, -EILSEQ },
		{ "mangle?what=app&writes=1&at=64K:[integrity?verify=1&apptag=0:[ram:1M]]", 4096,
		  -EILSEQ },
		{ "mangle?what=app&writes=1&at=64K:[integrity?verify=1:[ram:1M]]", 4096, 4096 },
		{ "mangle?what=ref&writes=1&at=64K:[integrity?csum=nvme&verify=1:[ram:1M]]", 4096,
		  -EILSEQ },
	};

	lies_are_found(lies, ARRAY_SIZE(lies));
}

/* Wrong data of a child: what the kernel has written is the witness. */
static void wrong_data_is_found(void)
{
	static const char *const specs[] = {
		"integrity:[broken?how=flip&every=1:[ram:1M]]",
		"integrity?csum=ip:[broken?how=lost&every=1:[ram:1M]]",
		"integrity?csum=nvme:[broken?how=torn&every=1:[ram:1M]]",
		"integrity:[broken?how=misdirect&every=1:[ram:1M]]",
		"integrity?verify=1:[broken?how=flip&every=1:[ram:1M]]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct rig r;

		up(&r, specs[i], O_RDWR | O_DIRECT);
		rig_fill(&r, 7, 128 * KIB, 64 * KIB);
		EXPECT_EQ(rig_do(&r, ORACLE_READ, 128 * KIB, 64 * KIB), -EILSEQ);
		rig_down(&r);
	}
}

/* A program's own metadata: data at the start of the buffer, metadata here */
#define META_AT MIB

struct pi_arg {
	u64 offset;
	u32 len;
	u32 meta_len;
	bool writes;
};

static s64 pi_io(struct blockdev *b, void *arg)
{
	const struct pi_arg *a = arg;
	struct io_uring_attr_pi attr = {
		.len = a->meta_len,
		.addr = (u64)(uintptr_t)(b->buf + META_AT),
		.seed = a->offset >> 9,
	};
	struct io_uring_params p = { .flags = 0 };
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	struct ring r;
	s64 res = ring_init(&r, 4, &p);

	if (res)
		return res;
	sqe = ring_get_sqe(&r);
	if (a->writes)
		ring_prep_write(sqe, b->fd, b->buf, a->len, a->offset);
	else
		ring_prep_read(sqe, b->fd, b->buf, a->len, a->offset);
	sqe->attr_ptr = (u64)(uintptr_t)&attr;
	sqe->attr_type_mask = IORING_RW_ATTR_FLAG_PI;
	res = ring_submit_and_wait(&r, 1);
	cqe = ring_peek_cqe(&r);
	if (res >= 0)
		res = cqe ? cqe->res : -ENODATA;
	ring_exit(&r);
	return res;
}

static s64 with_meta(struct rig *r, bool writes, u64 offset, u32 len, u32 meta_len)
{
	struct pi_arg a = { .offset = offset, .len = len, .meta_len = meta_len, .writes = writes };

	blockdev_start(&r->user, pi_io, &a, sizeof(a));
	return rig_wait(r);
}

static void own_metadata(void)
{
	static u8 want[16 * 24];
	static struct pi pi;
	struct rig r;
	u8 *meta;
	u64 random = 9;

	up(&r, "integrity?meta=24&pi_offset=8&verify=1:[ram:8M]", O_RDWR | O_DIRECT);
	meta = r.user.buf + META_AT;
	pi_init(&pi, &r.dev.tree->root->limits.meta);
	memset(r.user.buf, 0x42, 8192);
	for (u32 i = 0; i < sizeof(want); i++)
		want[i] = (u8)oracle_random(&random);
	for (u32 i = 0; i < 16; i++)
		pi_make(&pi, pi_update(&pi, pi_begin(&pi), r.user.buf, 512), 512 + i, 0x1234,
			want + i * 24);
	memcpy(meta, want, sizeof(want));
	ASSERT_EQ(with_meta(&r, true, 256 * KIB, 8192, sizeof(want)), 8192);
	memset(r.user.buf, 0, 8192);
	memset(meta, 0, sizeof(want));
	ASSERT_EQ(with_meta(&r, false, 256 * KIB, 8192, sizeof(want)), 8192);
	EXPECT_MEMEQ(meta, want, sizeof(want));
	for (u32 i = 0; i < 8192; i++)
		ASSERT_EQ(r.user.buf[i], 0x42);
	/* The kernel reads it with its own checks, */
	EXPECT_EQ(rig_do(&r, ORACLE_READ, 256 * KIB, 8192), 8192);
	/* and what the program has wrong the target refuses. */
	memset(r.user.buf, 0x43, 8192);
	EXPECT_EQ(with_meta(&r, true, 256 * KIB, 8192, sizeof(want)), -EILSEQ);
	EXPECT_EQ(with_meta(&r, false, 256 * KIB, 8192, sizeof(want)), 8192);
	EXPECT_EQ(r.user.buf[0], 0x42);
	rig_down(&r);
}

#define CASE(text, fn) TEST(text, fn, .timeout_ms = 60000, .fixture = &device_fixture)

static const struct test_case cases[] = {
	CASE("the kernel's guards and tags are the target's, in every format", agrees_with_kernel),
	CASE("so is an IP checksum of data and what is before the tuple", agrees_on_offset_ip),
	CASE("the kernel refuses to read what has a wrong guard or reference tag", kernel_refuses),
	CASE("the target refuses to write what has a wrong guard or tag", target_refuses),
	CASE("a child that flips, loses, tears or misplaces data is found out", wrong_data_is_found),
	CASE("a program's own metadata is written, kept and read", own_metadata),
};
TEST_SUITE(device_integrity, cases);

#endif
