#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# Disks with metadata, as the program serves them: what the kernel's disk says of
# its guards, and that ordinary work on it passes all checks. What is wrong, and
# found, is in the library's own suite, which can lie.

. "${0%/*}/lib.sh"

has_integrity() { bareblk ublk features | grep -q ' INTEGRITY  *yes '; }

# before anything else: an old kernel refuses, and that is all there is to be seen
needs_integrity() {
	has_integrity && return
	refuses 4 'INTEGRITY: this kernel lacks it, Linux 7.0 has it' \
		bareblk ublk add -d 'integrity:[ram:64M]'
	eq devices "$(nr_devices)" 0
	exit 0
}

is() { eq "$1" "$(cat "$sys/integrity/$1")" "$2"; }

# format SPEC FORMAT INTERVAL TAG_BYTES CAPABLE META_BYTES CSUM
format() {
	add "$1"
	is format "$2"
	is protection_interval_bytes "$3"
	is tag_size "$4"
	is device_is_integrity_capable "$5"
	is read_verify 1
	is write_generate 1
	eq metadata_bytes "$(info metadata_bytes)" "$6"
	eq metadata_interval_bytes "$(info metadata_interval_bytes)" "$3"
	eq metadata_csum "$(info metadata_csum)" "$7"
	bareblk ublk info "$dev" | grep -q 'data path  *user-copy$'
	del
}

formats() {
	needs_integrity
	format 'integrity:[ram:64M]' T10-DIF-TYPE1-CRC 512 2 0 8 t10dif
	format 'integrity?type=3&verify=1:[ram:64M]' T10-DIF-TYPE3-CRC 512 6 1 8 t10dif
	format 'integrity?csum=ip&interval=4096:[ram:64M]' T10-DIF-TYPE1-IP 4096 2 0 8 ip
	format 'integrity?csum=nvme&meta=64&pi_offset=48:[ram:64M]' EXT-DIF-TYPE1-CRC64 512 2 0 64 nvme
	format 'integrity?csum=none&meta=16:[ram:64M]' nop 512 0 0 16 none
}

# there is one way to the metadata
modes() {
	needs_integrity
	for mode in copy get-data zero-copy auto-buf-reg; do
		refuses 2 'metadata' bareblk ublk add -d --mode=$mode 'integrity:[ram:64M]'
	done
	for mode in user-copy user-copy-ring; do
		add --mode=$mode 'integrity?verify=1:[ram:64M]'
		verified 2
		del
	done
}

# fio_on JOBS OPTIONS...: each on its own part, 32 requests at a time
fio_on() {
	local jobs=$1
	shift
	fio --filename="$dev" --ioengine=io_uring --direct=1 --bs=4k --iodepth=32 \
		--iodepth_batch_submit=32 --iodepth_batch_complete_min=32 --size=8m \
		--offset_increment=8m --numjobs="$jobs" --verify=crc32c --group_reporting "$@"
}

# verified QUEUES [OPTIONS]...: written, and read back by another process
verified() {
	local queues=$1 before
	shift
	fio_on "$queues" --name=w --rw=write --do_verify=0 --output=fio.w "$@"
	before=$(disk_stat 3)
	fio_on "$queues" --name=r --rw=read --verify_fatal=1 --output=fio.r "$@"
	at_least 'sectors read' $(($(disk_stat 3) - before)) $((queues * 16384))
}

# Neighbours that are submitted together become one request, with the metadata of all
merged() {
	needs_integrity
	for csum in t10dif ip nvme; do
		add "integrity?csum=$csum&verify=1:[ram:64M]"
		verified 1
		at_least 'merged writes' "$(disk_stat 6)" 100
		at_least 'merged reads' "$(disk_stat 2)" 100
		del
	done
}

several_queues() {
	needs_integrity
	for batch in yes no; do
		verify=0
		[ $batch = yes ] || verify=1
		add -q 4 -b 4096 --batch=$batch "integrity?csum=nvme&interval=4096&verify=$verify:[ram:64M]"
		verified 4
		verified 2 --direct=0 --end_fsync=1
		del
	done
}

# Reads beside writes of the same blocks: data and metadata are of the same write,
# or a read fails
overlapping() {
	needs_integrity
	add -q 4 'integrity:[ram:64M]'
	fio --name=o --filename="$dev" --ioengine=io_uring --direct=1 --bsrange=512-16k --iodepth=16 \
		--rw=randrw --size=256k --numjobs=4 --norandommap --time_based --runtime=6 \
		--group_reporting --output=fio.o
	at_least reads "$(disk_stat 1)" 100
	at_least writes "$(disk_stat 5)" 100
	dd if="$dev" of=/dev/null bs=64k iflag=direct status=none
	del
}

filesystem() {
	needs_integrity
	add -q 2 "integrity?csum=$1&verify=1:[ram:256M]"
	# Of smaller blocks than a page the journal comes from slab memory, which 7.0 does not
	# let go by user copy (kernel BUG at mm/usercopy.c:102, seen with 7.0.13)
	mkfs.ext4 -q -b 4096 "$dev"
	mkdir -p /mnt/t
	mount -t ext4 "$dev" /mnt/t
	cp -a /usr/bin /mnt/t/bin
	(cd /mnt/t && find . -type f -exec sha256sum {} +) > sums
	umount /mnt/t
	blockdev --flushbufs "$dev"
	mount -t ext4 "$dev" /mnt/t
	(cd /mnt/t && sha256sum -c -s "$work/sums")
	rm -r /mnt/t/bin
	fstrim /mnt/t
	umount /mnt/t
	e2fsck -fn "$dev"
	del
}

ext4_t10dif() { filesystem t10dif; }
ext4_nvme() { filesystem nvme; }

# Without checks in the kernel nothing comes with a request: the target makes what
# is missing, or remembers that there is nothing.
switched_off() {
	needs_integrity
	for verify in 0 1; do
		add "integrity?verify=$verify:[ram:64M]"
		echo 0 > "$sys/integrity/write_generate"
		bytes_of 132 65536 | poke 65536 65536
		echo 1 > "$sys/integrity/write_generate"
		peek 65536 65536 > got
		bytes_of 132 65536 | cmp - got
		echo 0 > "$sys/integrity/read_verify"
		bytes_of 101 65536 | poke 65536 65536
		peek 65536 65536 > got
		bytes_of 101 65536 | cmp - got
		del
	done
}

run_tests <<-'END'
	formats         60  the kernel's disk has the format, and info tells it
	modes           60  metadata goes by user copy, and other modes are refused with 2
	merged          90  neighbours that are made one request pass with every guard
	several_queues  90  four queues, direct and buffered, pass all checks
	overlapping     60  reads beside writes of the same blocks never fail
	ext4_t10dif     90  ext4 lives on a disk that checks everything
	ext4_nvme       90  the same with NVMe's guard
	switched_off    30  requests without metadata are served, checked or not
END
