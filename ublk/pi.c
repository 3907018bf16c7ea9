/* SPDX-License-Identifier: MIT */
/*
 * Guards and tags. Both CRCs run by the same loop, eight bytes at a time with a
 * table for each: NVMe's CRC is reflected, so that the byte which comes first is
 * the lowest of the sum. T10's is not; it is kept with its bytes swapped, and
 * then that holds for it, too. Its 16 bits are the two lowest bytes of the sum,
 * in memory the big endian guard.
 */
#include "ublk/pi.h"

#include "uapi/rt/mem.h"

#define T10_POLY 0x8bb7ULL		/* highest bit first */
#define NVME_POLY 0x9a6c9329ac4bc9b5ULL /* 0xad93d23594c93659 reflected */

/* The sum of an IP checksum has in its highest bit whether an odd number of
 * bytes went by: the next is then the high half of a word. */
#define IP_ODD (1ULL << 63)

/* The builtin is a call into libgcc on riscv64. */
static u64 swapped(u64 v)
{
	v = (v & 0x00ff00ff00ff00ff) << 8 | (v >> 8 & 0x00ff00ff00ff00ff);
	v = (v & 0x0000ffff0000ffff) << 16 | (v >> 16 & 0x0000ffff0000ffff);
	return v << 32 | v >> 32;
}

static u64 byte_by_bits(u8 csum, u32 byte)
{
	u64 crc = csum == LBMD_PI_CSUM_CRC16_T10DIF ? (u64)byte << 56 : byte;

	for (u32 bit = 0; bit < 8; bit++) {
		if (csum == LBMD_PI_CSUM_CRC16_T10DIF)
			crc = crc << 1 ^ (crc >> 63 ? T10_POLY << 48 : 0);
		else
			crc = crc >> 1 ^ (crc & 1 ? NVME_POLY : 0);
	}
	return csum == LBMD_PI_CSUM_CRC16_T10DIF ? swapped(crc) : crc;
}

static bool is_crc(u8 csum)
{
	return csum == LBMD_PI_CSUM_CRC16_T10DIF || csum == LBMD_PI_CSUM_CRC64_NVME;
}

COLD u32 pi_tuple_bytes(u8 csum)
{
	if (csum == LBMD_PI_CSUM_CRC64_NVME)
		return 16;
	return csum == LBMD_PI_CSUM_NONE ? 0 : 8;
}

/* table[n][b]: a byte b and n bytes of zeroes behind it */
COLD void pi_init(struct pi *pi, const struct tgt_meta_format *format)
{
	pi->format = *format;
	for (u32 byte = 0; is_crc(format->csum) && byte < 256; byte++) {
		pi->table[0][byte] = byte_by_bits(format->csum, byte);
	}
	for (u32 n = 1; is_crc(format->csum) && n < 8; n++) {
		for (u32 byte = 0; byte < 256; byte++) {
			u64 crc = pi->table[n - 1][byte];

			pi->table[n][byte] = crc >> 8 ^ pi->table[0][crc & 0xff];
		}
	}
}

u64 pi_begin(const struct pi *pi)
{
	return pi->format.csum == LBMD_PI_CSUM_CRC64_NVME ? ~0ULL : 0;
}

/* Up to eight bytes, the first of them lowest */
static u64 load(const u8 *p, u64 len_bytes)
{
	u64 word = 0;

	if (len_bytes >= 8)
		__builtin_memcpy(&word, p, 8);
	else
		while (len_bytes-- > 0)
			word = word << 8 | p[len_bytes];
	return word;
}

static u64 crc_update(const struct pi *pi, u64 crc, const u8 *p, u64 len_bytes)
{
	for (; len_bytes >= 8; len_bytes -= 8, p += 8) {
		u64 x = crc ^ load(p, 8);

		crc = pi->table[7][x & 0xff] ^ pi->table[6][x >> 8 & 0xff] ^
		      pi->table[5][x >> 16 & 0xff] ^ pi->table[4][x >> 24 & 0xff] ^
		      pi->table[3][x >> 32 & 0xff] ^ pi->table[2][x >> 40 & 0xff] ^
		      pi->table[1][x >> 48 & 0xff] ^ pi->table[0][x >> 56];
	}
	for (; len_bytes; len_bytes--)
		crc = crc >> 8 ^ pi->table[0][(crc ^ *p++) & 0xff];
	return crc;
}

/* To 16 bits, a carry at the top going round: nothing but zeroes becomes zero. */
static u64 fold(u64 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static u64 ip_update(u64 state, const u8 *p, u64 len_bytes)
{
	u64 sum = 0;

	for (u64 at = 0; at < len_bytes; at += 8) {
		u64 word = load(p + at, len_bytes - at);

		sum += (word & 0xffffffff) + (word >> 32);
	}
	sum = fold(sum);
	if (state & IP_ODD)
		sum = __builtin_bswap16((u16)sum);
	state = fold((state & ~IP_ODD) + sum) | (state & IP_ODD);
	return len_bytes & 1 ? state ^ IP_ODD : state;
}

u64 pi_update(const struct pi *pi, u64 sum, const void *mem, u64 len_bytes)
{
	if (is_crc(pi->format.csum))
		return crc_update(pi, sum, mem, len_bytes);
	return pi->format.csum == LBMD_PI_CSUM_IP ? ip_update(sum, mem, len_bytes) : 0;
}

/* The tuple's parts: in *word each is as it stands in memory, from its lowest byte on */
struct part {
	u32 at;
	u32 len_bytes;
};

static struct part app_part(const struct pi *pi)
{
	u32 guard_bytes = pi->format.csum == LBMD_PI_CSUM_CRC64_NVME ? 8 : 2;

	return (struct part){ pi->format.pi_offset + guard_bytes, 2 };
}

static struct part ref_part(const struct pi *pi)
{
	struct part app = app_part(pi);

	return (struct part){ app.at + 2, pi->format.csum == LBMD_PI_CSUM_CRC64_NVME ? 6 : 4 };
}

/* The last len bytes of a number, big endian */
static u64 big_endian(u64 number, u32 len_bytes)
{
	return swapped(number << (64 - 8 * len_bytes));
}

static u64 get(const u8 *meta, struct part part)
{
	return load(meta + part.at, part.len_bytes);
}

static u64 guard(const struct pi *pi, u64 sum, const u8 *meta)
{
	sum = pi_update(pi, sum, meta, pi->format.pi_offset);
	switch (pi->format.csum) {
	case LBMD_PI_CSUM_CRC64_NVME:
		return swapped(~sum);
	case LBMD_PI_CSUM_IP:
		return ~sum & 0xffff;
	default:
		return sum;
	}
}

void pi_make(const struct pi *pi, u64 sum, u64 ref, u16 app, u8 *meta)
{
	struct part app_at = app_part(pi);
	struct part ref_at = ref_part(pi);
	u64 word;

	if (pi->format.csum == LBMD_PI_CSUM_NONE)
		return;
	word = guard(pi, sum, meta);
	memcpy(meta + pi->format.pi_offset, &word, app_at.at - pi->format.pi_offset);
	word = big_endian(app, 2);
	memcpy(meta + app_at.at, &word, 2);
	word = big_endian(ref, ref_at.len_bytes);
	memcpy(meta + ref_at.at, &word, ref_at.len_bytes);
}

enum pi_verdict pi_check(const struct pi *pi, u64 sum, u64 ref, const u8 *meta)
{
	bool has_ref = pi->format.caps & LBMD_PI_CAP_REFTAG;
	struct part app_at = app_part(pi);
	struct part ref_at = ref_part(pi);
	struct part guard_at = { pi->format.pi_offset, app_at.at - pi->format.pi_offset };

	if (pi->format.csum == LBMD_PI_CSUM_NONE)
		return PI_UNCHECKED;
	if (get(meta, app_at) == PI_APP_ESCAPE &&
	    (has_ref || get(meta, ref_at) == big_endian(~0ULL, ref_at.len_bytes)))
		return PI_UNCHECKED;
	if (has_ref && get(meta, ref_at) != big_endian(ref, ref_at.len_bytes))
		return PI_BAD_REF;
	return get(meta, guard_at) == guard(pi, sum, meta) ? PI_GOOD : PI_BAD_GUARD;
}

u16 pi_app(const struct pi *pi, const u8 *meta)
{
	return __builtin_bswap16((u16)get(meta, app_part(pi)));
}
