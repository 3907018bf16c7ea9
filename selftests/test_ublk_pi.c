/* SPDX-License-Identifier: MIT */
/* ublk/pi.c: guards as the standards have them, and tuples byte by byte. */
#include "selftests/harness/harness.h"
#include "selftests/oracle.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/pi.h"

static u8 mem[8192];
static struct pi pi;

static void use(u8 csum, u8 bytes, u8 offset, u32 caps)
{
	const struct tgt_meta_format format = {
		.csum = csum, .bytes = bytes, .pi_offset = offset, .caps = caps,
		.interval_shift = 9,
	};

	pi_init(&pi, &format);
}

/* The guard as a number: of a tuple that is all of the metadata */
static u64 guard_of(const void *data, u64 len)
{
	u8 meta[16];
	u64 guard = 0;

	pi_make(&pi, pi_update(&pi, pi_begin(&pi), data, len), 0, 0, meta);
	for (u32 i = 0; i < (pi.format.bytes == 16 ? 8 : 2); i++)
		guard = guard << 8 | meta[i];
	return guard;
}

static void fill(u64 len, u8 first, u8 step)
{
	for (u64 i = 0; i < len; i++, first = (u8)(first + step))
		mem[i] = first;
}

/* T10 SBC-3, table "CRC test cases", and the catalogue's check value */
static void t10_vectors(void)
{
	use(LBMD_PI_CSUM_CRC16_T10DIF, 8, 0, 0);
	EXPECT_EQ(guard_of("123456789", 9), 0xd0db);
	fill(32, 0, 0);
	EXPECT_EQ(guard_of(mem, 32), 0);
	fill(32, 0xff, 0);
	EXPECT_EQ(guard_of(mem, 32), 0xa293);
	fill(32, 0, 1);
	EXPECT_EQ(guard_of(mem, 32), 0x0224);
	fill(32, 0, 0);
	mem[0] = mem[1] = 0xff;
	EXPECT_EQ(guard_of(mem, 32), 0x21b8);
	fill(32, 0xff, 0xff);
	EXPECT_EQ(guard_of(mem, 32), 0xa0b7);
}

/* NVMe's NVM command set, "64b CRC test cases", and the catalogue's check value */
static void nvme_vectors(void)
{
	use(LBMD_PI_CSUM_CRC64_NVME, 16, 0, 0);
	EXPECT_EQ(guard_of("123456789", 9), 0xae8b14860a799888);
	fill(4096, 0, 0);
	EXPECT_EQ(guard_of(mem, 4096), 0x6482d367eb22b64e);
	fill(4096, 0xff, 0);
	EXPECT_EQ(guard_of(mem, 4096), 0xc0ddba7302eca3ac);
	fill(4096, 0, 1);
	EXPECT_EQ(guard_of(mem, 4096), 0x3e729f5f6750449c);
	fill(4096, 0xff, 0xff);
	EXPECT_EQ(guard_of(mem, 4096), 0x9a2df64b8e9e517e);
}

/* RFC 1071, section 3: the sum is ddf2 */
static void ip_vectors(void)
{
	use(LBMD_PI_CSUM_IP, 8, 0, 0);
	EXPECT_EQ(guard_of("\x00\x01\xf2\x03\xf4\xf5\xf6\xf7", 8), 0xffff & ~0xddf2);
	fill(512, 0, 0);
	EXPECT_EQ(guard_of(mem, 512), 0xffff);
	/* Words that add up to a multiple of ffff are not nothing. */
	fill(512, 0xff, 0);
	EXPECT_EQ(guard_of(mem, 512), 0);
	EXPECT_EQ(guard_of("\x01", 1), 0xfeff);
}

/* Bit by bit, as the standards describe them */
static u64 model(u8 csum, const u8 *p, u64 len)
{
	u64 crc = csum == LBMD_PI_CSUM_CRC64_NVME ? ~0ULL : 0;

	for (u64 i = 0; i < len; i++) {
		if (csum == LBMD_PI_CSUM_IP) {
			crc += i % 2 ? p[i] : (u64)p[i] << 8;
			continue;
		}
		for (u32 bit = 0; bit < 8; bit++) {
			u64 in = csum == LBMD_PI_CSUM_CRC64_NVME ? p[i] >> bit & 1 :
								   p[i] >> (7 - bit) & 1;

			if (csum == LBMD_PI_CSUM_CRC64_NVME)
				crc = crc >> 1 ^ ((crc ^ in) & 1 ? 0x9a6c9329ac4bc9b5ULL : 0);
			else
				crc = (crc << 1 & 0xffff) ^ ((crc >> 15 ^ in) & 1 ? 0x8bb7 : 0);
		}
	}
	while (csum == LBMD_PI_CSUM_IP && crc >> 16)
		crc = (crc & 0xffff) + (crc >> 16);
	if (csum == LBMD_PI_CSUM_IP)
		return ~crc & 0xffff;
	return csum == LBMD_PI_CSUM_CRC64_NVME ? ~crc : crc;
}

static const u8 all_csums[] = {
	LBMD_PI_CSUM_CRC16_T10DIF, LBMD_PI_CSUM_IP, LBMD_PI_CSUM_CRC64_NVME,
};

static void is_the_model(u8 csum, u64 *random)
{
	u64 at = oracle_below(random, 8);
	u64 len = oracle_below(random, 700);
	u64 sum;
	u64 guard = 0;
	u8 meta[16];

	use(csum, csum == LBMD_PI_CSUM_CRC64_NVME ? 16 : 8, 0, 0);
	sum = pi_begin(&pi);
	for (u64 pos = 0; pos < len;) {
		u64 piece = 1 + oracle_below(random, oracle_below(random, 4) ? len - pos : 3);

		if (piece > len - pos)
			piece = len - pos;
		sum = pi_update(&pi, sum, mem + at + pos, piece);
		pos += piece;
	}
	pi_make(&pi, sum, 0, 0, meta);
	for (u32 i = 0; i < (pi.format.bytes == 16 ? 8 : 2); i++)
		guard = guard << 8 | meta[i];
	test_row("csum %u, %llu bytes at %llu", csum, len, at);
	ASSERT_EQ(guard, model(csum, mem + at, len));
}

static void models(void)
{
	u64 random;

	ASSERT_EQ(sys_getrandom(&random, sizeof(random), 0), sizeof(random));
	random |= 1;
	test_log("seed %llu", random);
	for (u32 i = 0; i < sizeof(mem); i++)
		mem[i] = (u8)oracle_random(&random);
	for (u32 i = 0; i < 400; i++)
		for (u32 k = 0; k < ARRAY_SIZE(all_csums); k++)
			is_the_model(all_csums[k], &random);
}

static void tuples(void)
{
	static const u8 t10[8] = { 0xa2, 0x93, 0x12, 0x34, 0x89, 0xab, 0xcd, 0xef };
	static const u8 nvme[16] = {
		0xae, 0x8b, 0x14, 0x86, 0x0a, 0x79, 0x98, 0x88, 0x12, 0x34,
		0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
	};
	u8 meta[64];

	fill(32, 0xff, 0);
	use(LBMD_PI_CSUM_CRC16_T10DIF, 8, 0, LBMD_PI_CAP_REFTAG);
	pi_make(&pi, pi_update(&pi, pi_begin(&pi), mem, 32), 0x123456789abcdef, 0x1234, meta);
	EXPECT_MEMEQ(meta, t10, 8);
	EXPECT_EQ(pi_app(&pi, meta), 0x1234);
	use(LBMD_PI_CSUM_CRC64_NVME, 16, 0, LBMD_PI_CAP_REFTAG);
	pi_make(&pi, pi_update(&pi, pi_begin(&pi), "123456789", 9), 0x123456789abcdef, 0x1234, meta);
	EXPECT_MEMEQ(meta, nvme, 16);
	/* What is before the tuple counts for the guard, what is behind it does not. */
	use(LBMD_PI_CSUM_CRC64_NVME, 40, 4, LBMD_PI_CAP_REFTAG);
	memset(meta, 0xee, sizeof(meta));
	memcpy(meta, "6789", 4);
	pi_make(&pi, pi_update(&pi, pi_begin(&pi), "12345", 5), 0x123456789abcdef, 0x1234, meta);
	EXPECT_MEMEQ(meta, "6789", 4);
	EXPECT_MEMEQ(meta + 4, nvme, 16);
	EXPECT_EQ(meta[20], 0xee);
	use(LBMD_PI_CSUM_NONE, 8, 0, 0);
	memset(meta, 0xee, 8);
	pi_make(&pi, pi_begin(&pi), 1, 1, meta);
	EXPECT_EQ(meta[0], 0xee);
	EXPECT_EQ(pi_check(&pi, 0, 0, meta), PI_UNCHECKED);
}

struct format {
	u8 csum;
	u8 bytes;
	u8 offset;
	u32 caps;
};

static enum pi_verdict check(u64 ref, const u8 *meta)
{
	return pi_check(&pi, pi_update(&pi, pi_begin(&pi), mem, 512), ref, meta);
}

/* Every single bit of the data and the metadata, and each escape */
static void judge(const struct format *f)
{
	u32 tuple = pi_tuple_bytes(f->csum);
	u32 guard = tuple == 16 ? 8 : 2;
	bool has_ref = f->caps & LBMD_PI_CAP_REFTAG;
	u8 meta[64] = { 1, 2, 3, 4, 5 };

	test_row("csum %u, tuple at %u of %u, caps %u", f->csum, f->offset, f->bytes, f->caps);
	use(f->csum, f->bytes, f->offset, f->caps);
	pi_make(&pi, pi_update(&pi, pi_begin(&pi), mem, 512), 77, 5, meta);
	EXPECT_EQ(check(77, meta), PI_GOOD);
	EXPECT_EQ(check(78, meta), has_ref ? PI_BAD_REF : PI_GOOD);
	for (u32 bit = 0; bit < 512 * 8; bit++) {
		mem[bit / 8] ^= (u8)(1 << bit % 8);
		ASSERT_EQ(check(77, meta), PI_BAD_GUARD);
		mem[bit / 8] ^= (u8)(1 << bit % 8);
	}
	for (u32 bit = 0; bit < f->bytes * 8U; bit++) {
		u32 at = bit / 8 - f->offset; /* huge, before the tuple */
		enum pi_verdict want = PI_GOOD;

		if (bit / 8 < f->offset || at < guard)
			want = PI_BAD_GUARD;
		else if (at >= guard + 2 && at < tuple && has_ref)
			want = PI_BAD_REF;
		meta[bit / 8] ^= (u8)(1 << bit % 8);
		ASSERT_EQ(check(77, meta), want);
		meta[bit / 8] ^= (u8)(1 << bit % 8);
	}
	memset(meta + f->offset + guard, 0xff, 2);
	mem[5] ^= 1;
	EXPECT_EQ(check(77, meta), has_ref ? PI_UNCHECKED : PI_BAD_GUARD);
	memset(meta + f->offset + guard, 0xff, tuple - guard);
	EXPECT_EQ(check(77, meta), PI_UNCHECKED);
	mem[5] ^= 1;
}

static void verdicts(void)
{
	static const struct format formats[] = {
		{ LBMD_PI_CSUM_CRC16_T10DIF, 8, 0, LBMD_PI_CAP_REFTAG },
		{ LBMD_PI_CSUM_CRC16_T10DIF, 8, 0, 0 },
		{ LBMD_PI_CSUM_CRC16_T10DIF, 64, 56, LBMD_PI_CAP_REFTAG },
		{ LBMD_PI_CSUM_IP, 8, 0, LBMD_PI_CAP_REFTAG },
		{ LBMD_PI_CSUM_IP, 15, 7, LBMD_PI_CAP_REFTAG },
		{ LBMD_PI_CSUM_IP, 16, 8, 0 },
		{ LBMD_PI_CSUM_CRC64_NVME, 16, 0, LBMD_PI_CAP_REFTAG },
		{ LBMD_PI_CSUM_CRC64_NVME, 64, 48, 0 },
		{ LBMD_PI_CSUM_CRC64_NVME, 33, 5, LBMD_PI_CAP_REFTAG },
	};

	fill(512, 3, 7);
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		judge(&formats[i]);
}

static const struct test_case cases[] = {
	TEST("T10's guard is that of the standard", t10_vectors),
	TEST("NVMe's guard is that of the standard", nvme_vectors),
	TEST("the IP checksum is that of the standard", ip_vectors),
	TEST("all three are those of models that go bit by bit, in pieces of any length", models),
	TEST("guard and tags stand where they belong, big endian", tuples),
	TEST("each bit that is wrong is found, and the escapes are not checked", verdicts),
};
TEST_SUITE(ublk_pi, cases);
