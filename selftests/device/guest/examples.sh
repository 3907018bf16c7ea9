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

# with libc: Enter ends it, and its queues have threads by ublk/pthreads.h, whose
# signals HUP, INT and TERM, as all others, stay those of the program
with_pthreads() {
	local pid task blocked nr=0
	mkfifo enter
	disk < enter > out &
	pid=$!
	exec 7> enter
	within 10 grep -qx '/dev/ublkb0: 67108864 bytes' out
	dev=/dev/ublkb0
	within 5 [ -b $dev ]
	eq sectors "$(cat /sys/block/ublkb0/size)" 131072
	for task in "/proc/$pid/task/"*; do
		[ "${task##*/}" != "$pid" ] || continue
		blocked=$(sed -n 's/^SigBlk:[[:space:]]*........//p' "$task/status")
		eq "blocked in $task" $((0x$blocked & 0x4003)) $((0x4003))
		nr=$((nr + 1))
	done
	at_least threads $nr 1
	blocked=$(sed -n 's/^SigBlk:[[:space:]]*........//p' /proc/$pid/status)
	eq 'blocked in main' $((0x$blocked & 0x4003)) 0
	echo 'a line of its own' | dd of=$dev bs=512 seek=100 conv=sync oflag=direct status=none
	eq line "$(dd if=$dev bs=512 skip=100 count=1 iflag=direct status=none | head -n 1)" 'a line of its own'
	dd if=/dev/urandom of=many bs=64k count=16 status=none
	dd if=many of=$dev bs=64k seek=1008 oflag=direct status=none
	dd if=$dev bs=64k skip=1008 count=16 iflag=direct status=none | cmp - many
	echo >&7
	exec 7>&-
	wait $pid
	within 5 [ ! -e $dev ]
}

run_tests <<-'END'
	without_libc   30  the example of a disk without libc is one until it is deleted
	with_pthreads  30  the example of a disk with libc and pthreads is one until Enter
END
