#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154
#
# File systems on a RAM disk: what was written is there after unmounting.

. "${0%/*}/lib.sh"

mount_it() { # TYPE [OPTIONS]
	mkdir -p /mnt/t
	mount -t "$1" -o "${2-defaults}" "$dev" /mnt/t
}

# programs and libraries, and one file of random bytes
fill() {
	cp -a /usr/bin /mnt/t/bin
	dd if=/dev/urandom of=/mnt/t/random bs=1M count=24 status=none
	sync -f /mnt/t 2>/dev/null || sync
	(cd /mnt/t && find . -type f -exec sha256sum {} +) > sums
	at_least 'files written' "$(wc -l < sums)" 20
}

holds() { (cd /mnt/t && sha256sum -c -s "$work/sums"); }

# TYPE CHECK...: the whole life of a file system
round() {
	local type=$1 reads
	shift
	mount_it "$type"
	fill
	umount /mnt/t
	"$@" "$dev"
	blockdev --flushbufs "$dev"
	reads=$(disk_stat 3)
	mount_it "$type"
	holds
	umount /mnt/t
	# 24 MiB at least did not come from the page cache
	at_least 'sectors read' $(($(disk_stat 3) - reads)) 49152
	del
}

ext4() { # BLOCK_SIZE
	add -q 2 -b "$1" ram:256M
	mkfs.ext4 -q "$dev"
	round ext4 e2fsck -f -n
}

xfs() { # BLOCK_SIZE
	add -q 2 -b "$1" ram:400M
	mkfs.xfs -q "$dev"
	round xfs xfs_repair -n
}

ext4_512() { ext4 512; }
ext4_4096() { ext4 4096; eq 'logical block' "$(blockdev_size)" 4096; }
xfs_512() { xfs 512; }
xfs_4096() { xfs 4096; }

blockdev_size() { add -b 4096 ram:1M >/dev/null; blockdev --getss "$dev"; del; }

two_partitions() {
	add ram:256M
	printf 'label: gpt\nsize=96MiB\nsize=+\n' | sfdisk -q "$dev"
	blockdev --rereadpt "$dev"
	within 10 test -b "${dev}p2"
	eq 'size of the first' "$(cat "$sys/ublkb${id}p1/size")" $((96 * 2048))
	mkfs.ext4 -q "${dev}p1"
	mkfs.ext4 -q "${dev}p2"
	mkdir -p /mnt/1 /mnt/2
	mount -t ext4 "${dev}p1" /mnt/1
	mount -t ext4 "${dev}p2" /mnt/2
	dd if=/dev/urandom of=/mnt/1/file bs=1M count=8 status=none
	cp /mnt/1/file /mnt/2/file
	umount /mnt/1
	umount /mnt/2
	e2fsck -f -n "${dev}p1"
	e2fsck -f -n "${dev}p2"
	blockdev --flushbufs "$dev"
	mount -t ext4 "${dev}p1" /mnt/1
	mount -t ext4 "${dev}p2" /mnt/2
	cmp /mnt/1/file /mnt/2/file
	umount /mnt/1
	umount /mnt/2
	del
	not test -e "${dev}p1"
}

# what a file system trims goes back to the machine
trims() {
	local before
	add ram:256M
	mkfs.ext4 -q -E nodiscard "$dev"
	mount_it ext4
	before=$(meminfo Shmem)
	dd if=/dev/urandom of=/mnt/t/file bs=1M count=100 status=none
	sync
	at_least 'kB more while it is there' $(($(meminfo Shmem) - before)) 100000
	rm /mnt/t/file
	sync
	fstrim /mnt/t
	at_most 'kB more after trimming' $(($(meminfo Shmem) - before)) 10000
	umount /mnt/t
	del
}

run_tests <<-'END'
	ext4_512        90  ext4 keeps its files over unmounting, with 512-byte blocks
	ext4_4096       90  ext4 keeps its files over unmounting, with 4096-byte blocks
	xfs_512         90  xfs keeps its files over unmounting, with 512-byte blocks
	xfs_4096        90  xfs keeps its files over unmounting, with 4096-byte blocks
	two_partitions  60  two partitions appear, hold a file system each and go with the device
	trims           60  fstrim gives the memory of deleted files back to the machine
END
