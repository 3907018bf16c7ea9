#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# Kinds of devices, and what is refused where the kernel has no such kind.

. "${0%/*}/lib.sh"

json=${0%/*}/json.awk

queue() { cat "$sys/queue/$1"; }

# has FEATURE: this kernel does
has() { bareblk ublk features | grep -q " $1  *yes "; }

# lacks FEATURE RELEASE WORDS ARGS...: adding a device with ARGS is refused, with
# WORDS and the release that has it, and leaves no device
lacks() {
	local since=$2 words=$3
	! has "$1" || return 1
	shift 3
	refuses 4 "$words: this kernel lacks it, Linux $since has it" bareblk ublk add -d "$@"
	eq devices "$(nr_devices)" 0
}

# reads that the driver is given for 1 MiB
reads_for_mib() {
	local before
	before=$(disk_stat 1)
	peek 0 1048576 > got
	echo $(($(disk_stat 1) - before))
}

chunk() {
	add --chunk=64K ram:16M
	eq chunk "$(queue chunk_sectors)" 128
	eq info "$(info chunk_bytes)" 65536
	eq reads "$(reads_for_mib)" 16
	del
	add ram:16M
	eq chunk "$(queue chunk_sectors)" 0
	eq info "$(info chunk_bytes)" 0
	eq reads "$(reads_for_mib)" 1
	bareblk ublk info "$id" > text
	not grep -q chunk text
	del
}

virt_boundary() {
	add --virt-boundary=4K ram:16M
	eq boundary "$(queue virt_boundary_mask)" 4095
	eq info "$(info virt_boundary_bytes)" 4096
	bytes_of 132 65536 | poke 65536 65536
	peek 65536 65536 > got
	bytes_of 132 65536 | cmp - got
	del
}

# Parameters without a flag of their own: they came with 6.15, tested by what came next
alignment() {
	if ! has AUTO_BUF_REG; then
		lacks AUTO_BUF_REG 6.15 'an alignment of memory' --dma-align=512 ram:1M
		return
	fi
	add ram:1M
	eq default "$(queue dma_alignment)" 3
	eq info "$(info dma_alignment_bytes)" 0
	del
	add --dma-align=4K ram:1M
	eq alignment "$(queue dma_alignment)" 4095
	eq info "$(info dma_alignment_bytes)" 4096
	bareblk ublk info "$id" | grep -q '^ *memory alignment  *4K$'
	bytes_of 132 4096 | poke 4096 4096
	peek 4096 4096 > got
	bytes_of 132 4096 | cmp - got
	del
}

segments() {
	if ! has AUTO_BUF_REG; then
		lacks AUTO_BUF_REG 6.15 'limits of segments' --segments=4 ram:1M
		lacks AUTO_BUF_REG 6.15 'limits of segments' --segment-size=64K ram:1M
		lacks AUTO_BUF_REG 6.15 'limits of segments' --segment-boundary=64K ram:1M
		return
	fi
	add --segments=4 --segment-size=4K --segment-boundary=64K ram:16M
	eq number "$(queue max_segments)" 4
	eq size "$(queue max_segment_size)" 4096
	eq 'number told' "$(info max_segments)" 4
	eq 'size told' "$(info max_segment_bytes)" 4096
	eq 'boundary told' "$(info segment_boundary_bytes)" 65536
	bareblk ublk info "$id" | grep -q '^ *most segments  *4$'
	eq reads "$(reads_for_mib)" 64
	bytes_of 132 1048576 | poke 0 1048576
	peek 0 1048576 > got
	bytes_of 132 1048576 | cmp - got
	del
	add --segments=4 --virt-boundary=4K ram:16M
	eq number "$(queue max_segments)" 4
	del
}

# a disk of 16 MiB whose only partition begins at 1 MiB
write_table() {
	{
		head -c 446 /dev/zero
		printf '\000\000\000\000\203\000\000\000\000\010\000\000\000\020\000\000'
		head -c 48 /dev/zero
		printf '\125\252'
	} | poke 0 512
}

partitions() {
	if ! has NO_AUTO_PART_SCAN; then
		lacks NO_AUTO_PART_SCAN 7.0 NO_AUTO_PART_SCAN --part-scan=no ram:1M
	else
		add --part-scan=no ram:16M
		eq flag $(($(info flags) >> 18 & 1)) 1
		sleep 1
		eq 'reads at the start' "$(disk_stat 1)" 0
		write_table
		# who wants them may look
		blockdev --rereadpt "$dev"
		within 5 test -d "$sys/ublkb${id}p1"
		del
	fi
	add --part-scan=yes ram:16M
	eq flag $(($(info flags) >> 18 & 1)) 0
	within 5 has_reads
	write_table
	blockdev --rereadpt "$dev"
	within 5 test -d "$sys/ublkb${id}p1"
	del
}

has_reads() { [ "$(disk_stat 1)" -gt 0 ]; }

descriptors() {
	local size
	if ! has IO_DESC_SIZE; then
		lacks IO_DESC_SIZE 7.3 IO_DESC_SIZE --desc-size=64 ram:1M
		add ram:1M
		eq 'without the flag' "$(info io_desc_bytes)" 24
		del
		return
	fi
	for size in 24 32 64 256; do
		add -q 2 --desc-size=$size ram:16M
		eq told "$(info io_desc_bytes)" $size
		bytes_of 132 1048576 | poke 1048576 1048576
		peek 1048576 1048576 > got
		bytes_of 132 1048576 | cmp - got
		del
	done
	refuses 2 'multiple of 8' bareblk ublk add -d --desc-size=28 ram:1M
}

# runs MODE FLAG RELEASE: it does, by that flag, and says so; or that release is named
runs() {
	if ! has "$2"; then
		lacks "$2" "$3" "$2" --mode="$1" ram:16M
		return
	fi
	add --mode="$1" ram:16M
	eq mode "$(info mode)" "$1"
	bareblk ublk info "$id" > text
	grep -q "^ *data path  *$1, as asked for$" text
	grep '^ *flags ' text | grep -qw "$2"
	not grep -q '^ *not ' text
	bytes_of 132 1048576 | poke 0 1048576
	peek 0 1048576 > got
	bytes_of 132 1048576 | cmp - got
	del
}

modes() {
	runs get-data NEED_GET_DATA 6.0
	runs user-copy USER_COPY 6.5
	runs user-copy-ring USER_COPY 6.5
	runs zero-copy SUPPORT_ZERO_COPY 6.15
	runs auto-buf-reg AUTO_BUF_REG 6.16
	head -c 4096 /dev/zero > shared
	has SHMEM_ZC || lacks SHMEM_ZC 7.1 SHMEM_ZC --shmem=shared ram:1M
	has BATCH_IO || lacks BATCH_IO 7.0 BATCH_IO --batch=yes ram:1M
	has PER_IO_DAEMON || lacks PER_IO_DAEMON 6.16 PER_IO_DAEMON --threads=2 ram:1M
}

# memory takes what the kernel copies to where it belongs, and no registered buffers
slower_modes() {
	local why='not for such a target'
	has AUTO_BUF_REG || why='this kernel lacks it'
	add ram:1M
	bareblk ublk info "$id" > text
	grep -q '^ *data path  *get-data$' text
	grep -q "^ *not auto-buf-reg  *$why$" text
	grep -q "^ *not zero-copy  *$why$" text
	eq reasons "$(grep -c '^ *not ' text)" 2
	bareblk ublk info --json "$id" | awk -f "$json" > leaves
	eq first "$(sed -n 's/^.faster_modes.0.mode //p' leaves)" auto-buf-reg
	eq why "$(sed -n 's/^.faster_modes.1.why_not //p' leaves)" "$why"
	del
}

zones() {
	add 'zoned?zone_size=4M&max_open=3&max_active=5:[ram:64M]'
	eq zone "$(info chunk_bytes)" 4194304
	eq sectors "$(queue chunk_sectors)" 8192
	eq open "$(info max_open_zones)" "$(queue max_open_zones)"
	eq active "$(info max_active_zones)" "$(queue max_active_zones)"
	eq append "$(info max_zone_append_bytes)" "$(queue zone_append_max_bytes)"
	eq 'most open' "$(info max_open_zones)" 3
	bareblk ublk info "$id" > text
	grep -q '^ *not get-data  *not for a disk with zones$' text
	del
	refuses 2 'a disk with zones wants' bareblk ublk add -d --mode=copy 'zoned?zone_size=4M:[ram:64M]'
	refuses 2 'chunks are its zones' bareblk ublk add -d --chunk=1M 'zoned?zone_size=4M:[ram:64M]'
}

metadata() {
	local spec='integrity?meta=8&csum=t10dif&interval=512:[ram:64M]'
	if ! has INTEGRITY; then
		lacks INTEGRITY 7.0 INTEGRITY "$spec"
		return
	fi
	add "$spec"
	eq bytes "$(info metadata_bytes)" 8
	eq interval "$(info metadata_interval_bytes)" "$(cat "$sys/integrity/protection_interval_bytes")"
	eq csum "$(info metadata_csum)" t10dif
	eq format "$(cat "$sys/integrity/format")" T10-DIF-TYPE1-CRC
	bareblk ublk info "$id" | grep -q '^ *metadata guard  *t10dif$'
	del
	refuses 2 'a disk with metadata wants' bareblk ublk add -d --mode=copy "$spec"
}

# all at once, to see that no parameter takes another's place
together() {
	has NO_AUTO_PART_SCAN || skip 'needs flags that came later (Linux 7.0)'
	add -q 2 --depth=32 -b 4096 --chunk=128K --dma-align=512 --segments=16 --segment-size=8K \
		--segment-boundary=1M --part-scan=no --max-io=512K --volatile-cache=yes --fua=yes ram:64M
	bareblk ublk info --json "$id" | awk -f "$json" > leaves
	while read -r key value; do
		eq "$key" "$(sed -n "s/^\.$key //p" leaves)" "$value"
	done <<-END
		depth 32
		buffer_bytes 524288
		size_bytes 67108864
		logical_block_bytes 4096
		max_request_bytes 524288
		chunk_bytes 131072
		virt_boundary_bytes 0
		dma_alignment_bytes 512
		segment_boundary_bytes 1048576
		max_segment_bytes 8192
		max_segments 16
		max_zone_append_bytes 0
		metadata_bytes 0
		metadata_csum none
		fua true
		char_dev.1 $id
		block_dev.0 259
	END
	grep -q '^\.flag_names\.[0-9]* NO_AUTO_PART_SCAN$' leaves
	mkfs.ext4 -q "$dev"
	del
}

run_tests <<-'END'
	chunk          20  requests are cut at the ends of chunks
	virt_boundary  20  a boundary of memory is the one asked for
	alignment      20  memory is aligned as asked, or the release that can is named
	segments       30  segments are those asked for, or the release that can is named
	partitions     40  partitions are looked for or not, or the release that can is named
	descriptors    40  descriptors are as large as asked, or the release that can is named
	modes          60  data moves as asked, or the release that can is named
	slower_modes   20  info says which way data takes, and why not a faster one
	zones          20  zones are told back as the kernel has them
	metadata       20  metadata is told back as the kernel has it, or the release that can is named
	together       30  parameters of all kinds are told back as they were asked for
END
