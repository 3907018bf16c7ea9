#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# Targets made of targets, as devices: file systems keep their files, fio finds what
# it wrote, and what is made to go wrong does.

. "${0%/*}/lib.sh"

stripes='stripe?chunk=64K:[ram:160M],[ram:160M],[ram:160M]'
joined='concat:[stripe?chunk=16K:[ram:128M],[ram:128M]],[window?offset=1M:[ram:200M]]'
parted='window?offset=3M&length=400M:[concat:[ram:150M],[ram:100M],[ram:200M]]'
slow='fault?seed=5&rules=delay/by=50us-2ms/odds=20:[stripe?chunk=4K:[ram:256M],[ram:256M]]'

# TYPE CHECK SPEC: files are there after unmounting, and read from the disk
keeps_files() {
	local type=$1 check=$2 reads
	add -q 2 "$3"
	"mkfs.$type" -q "$dev"
	mkdir -p /mnt/t
	mount -t "$type" "$dev" /mnt/t
	cp -a /usr/bin /mnt/t/bin
	dd if=/dev/urandom of=/mnt/t/random bs=1M count=24 status=none
	(cd /mnt/t && find . -type f -exec sha256sum {} +) > sums
	at_least 'files written' "$(wc -l < sums)" 20
	umount /mnt/t
	$check "$dev"
	blockdev --flushbufs "$dev"
	reads=$(disk_stat 3)
	mount -t "$type" "$dev" /mnt/t
	(cd /mnt/t && sha256sum -c -s "$work/sums")
	umount /mnt/t
	at_least 'sectors read' $(($(disk_stat 3) - reads)) 49152
	del
}

ext4_on() { keeps_files ext4 'e2fsck -f -n' "$1"; }
xfs_on() { keeps_files xfs 'xfs_repair -n' "$1"; }

ext4_stripe() { ext4_on "$stripes"; }
ext4_window() { ext4_on "$parted"; }
ext4_slow() { ext4_on "$slow"; }
xfs_stripe() { xfs_on "$stripes"; }
xfs_concat() { xfs_on "$joined"; }

# SPEC OPTIONS...: written by one process, read back by another
verified() {
	local spec=$1 job
	shift
	add -q 2 "$@" "$spec"
	for job in 4k:randwrite 64k:write 1m:randwrite; do
		fio --name=w --filename="$dev" --ioengine=io_uring --direct=1 --iodepth=32 \
			--size=32M --bs="${job%:*}" --rw="${job#*:}" --verify=crc32c --do_verify=0 \
			--end_fsync=1 --output=fio.w
		fio --name=r --filename="$dev" --ioengine=io_uring --direct=1 --iodepth=32 \
			--size=32M --bs="${job%:*}" --rw=read --verify=crc32c --verify_fatal=1 \
			--output=fio.r
	done
	blkdiscard "$dev"
	peek 0 1048576 > got
	bytes_of 000 1048576 | cmp - got
	del
}

fio_stripe() { verified "$stripes"; }
fio_stripe_copied() { verified "$stripes" --mode=copy; }
fio_concat() { verified "$joined"; }
fio_window() { verified "$parted"; }
fio_slow() { verified "$slow"; }

# the kernel's requests are not larger than the lists of pieces
limits_told() {
	add 'stripe?chunk=4K:[ram:64M],[ram:64M]'
	eq 'largest request' "$(info max_request_bytes)" 1048576
	eq 'least I/O' "$(info io_min_bytes)" 4096
	eq 'best I/O' "$(info io_opt_bytes)" 8192
	del
}

cut_is_told() {
	status bareblk ublk add -d 'stripe?chunk=64K:[ram:1M],[ram:1025K]'
	eq 'exit code' "$rc" 0
	eq 'on standard error' "$(cat err)" \
		'bareblk: ublk add: stripe: 1024 bytes at the end of its children are not used: whole chunks of the smallest'
	del "$(cat out)"
}

# a bit that is flipped, and a write that is lost, are found through it all
faults_show() {
	add 'concat:[fault?rules=flip/every=50/on=read:[ram:32M]],[ram:32M]'
	dd if=/dev/urandom of=data bs=1M count=16 status=none
	dd if=data of="$dev" bs=64k oflag=direct status=none
	not sh -c "dd if=$dev bs=64k count=256 iflag=direct status=none | cmp -s - data"
	del
	add 'fault?rules=error/on=read/at=1M-2M/err=ENODATA:[ram:32M]'
	dd if="$dev" of=/dev/null bs=64k count=16 iflag=direct status=none
	not dd if="$dev" of=/dev/null bs=64k skip=16 count=1 iflag=direct status=none
	dd if="$dev" of=/dev/null bs=64k skip=32 count=1 iflag=direct status=none
	del
}

# without power everything fails, and the device can be removed
cut_off() {
	add 'fault?cut_after=500:[ram:64M]'
	eq 'volatile cache' "$(cat "$sys/queue/write_cache")" 'write back'
	not dd if=/dev/zero of="$dev" bs=4k count=1000 oflag=direct status=none
	not dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct status=none
	del
}

run_tests <<-'END'
	limits_told        30  a stripe's requests are as large as it can cut
	cut_is_told        30  what is left unused is said on standard error
	ext4_stripe       120  ext4 keeps its files on a stripe
	ext4_window       120  ext4 keeps its files on a part of a row of disks
	ext4_slow         120  ext4 keeps its files where answers come late and in any order
	xfs_stripe        120  xfs keeps its files on a stripe
	xfs_concat        120  xfs keeps its files on a stripe and a part, one behind the other
	fio_stripe        120  what fio writes to a stripe is read back
	fio_stripe_copied 120  what fio writes to a stripe is read back, copied by the driver
	fio_concat        120  what fio writes to nested targets is read back
	fio_window        120  what fio writes to a part of a row of disks is read back
	fio_slow          120  what fio writes is read back where answers come late
	faults_show        60  a fault shows where it was asked for
	cut_off            60  a disk without power fails everything, and goes when it is told to
END
