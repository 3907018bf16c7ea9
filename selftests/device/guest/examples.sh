#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# Programs of selftests/examples/ that are disks.

. "${0%/*}/lib.sh"

# without libc and without a thread
without_libc() {
	local pid
	disk_free > out &
	pid=$!
	within 10 grep -qx live out
	dev=/dev/ublkb0
	within 5 [ -b $dev ]
	eq sectors "$(cat /sys/block/ublkb0/size)" 131072
	echo 'a line of its own' | dd of=$dev bs=512 seek=100 conv=sync oflag=direct status=none
	eq line "$(dd if=$dev bs=512 skip=100 count=1 iflag=direct status=none | head -n 1)" 'a line of its own'
	bareblk ublk del 0
	wait $pid
}

run_tests <<-'END'
	without_libc  30  the example of a disk without libc is one until it is deleted
END
