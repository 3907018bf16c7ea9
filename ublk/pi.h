/* SPDX-License-Identifier: MIT */
/*
 * Protection information: what tells of each interval of a disk's data whether
 * it is what was written there. It is a part of the interval's metadata:
 *
 *	meta: | ... pi_offset bytes ... | guard | application tag | reference tag | ... |
 *
 *	csum		guard				bytes of the three
 *	CRC16_T10DIF	CRC-16/T10-DIF, big endian	2 2 4	T10 SBC, NVMe 16b
 *	IP		RFC 1071's checksum, as it is	2 2 4	DIX
 *	CRC64_NVME	CRC-64/NVME, big endian		8 2 6	NVMe 64b
 *	NONE		there is none of the three
 *
 * The guard is about the data and the metadata before it, the reference tag is
 * the interval's number (LBMD_PI_CAP_REFTAG) or whatever the writer likes. The
 * same bytes as Linux, 7.3, block/t10-pi.c.
 *
 * No memory but the caller's, no state: any thread may share a struct pi.
 */
#ifndef UBLK_PI_H
#define UBLK_PI_H

#include "uapi/types.h"
#include "ublk/tgt.h"

#define PI_MAX_TUPLE_BYTES 16
#define PI_APP_ESCAPE 0xffff /* with it, nothing is checked; see pi_check() */

/* struct pi - a format of metadata, and for a CRC its tables */
struct pi {
	struct tgt_meta_format format;
	u64 table[8][256];
};

/* pi_tuple_bytes() - of the three for LBMD_PI_CSUM_*; 0 for NONE */
u32 pi_tuple_bytes(u8 csum);

/* pi_init() - the format has room for the tuple at its offset */
void pi_init(struct pi *pi, const struct tgt_meta_format *format);

/* The sum over an interval's data: begin, then update with all of its bytes, in
 * pieces of any length */
u64 pi_begin(const struct pi *pi);
u64 pi_update(const struct pi *pi, u64 sum, const void *mem, u64 len_bytes);

/* pi_make() - fill in the three, from the sum, the metadata before them, and the tags */
void pi_make(const struct pi *pi, u64 sum, u64 ref, u16 app, u8 *meta);

/* Of an interval whose metadata says that there is nothing to be checked:
 * "unchecked"; what is wrong is looked for in this order */
enum pi_verdict { PI_GOOD, PI_UNCHECKED, PI_BAD_REF, PI_BAD_GUARD };

/**
 * pi_check() - does the metadata belong to the data?
 * @ref: the number of the interval
 *
 * PI_APP_ESCAPE as application tag switches the checks off; without reference
 * tags (T10 type 3) only if all bits of the reference tag are set as well.
 */
enum pi_verdict pi_check(const struct pi *pi, u64 sum, u64 ref, const u8 *meta);

/* pi_app() - the application tag */
u16 pi_app(const struct pi *pi, const u8 *meta);

#endif
