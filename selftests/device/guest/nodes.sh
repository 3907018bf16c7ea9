#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# A machine whose /dev nobody looks after, and whose driver is not loaded.

. "${0%/*}/lib.sh"

# major:minor as the kernel has it, and as the node has it
node_agrees() { # NODE SYSFS
	eq "number of $1" "$(printf '%d:%d' "0x$(stat -c %t "$1")" "0x$(stat -c %T "$1")")" "$(cat "$2/dev")"
	eq "mode of $1" "$(stat -c '%a %u:%g' "$1")" '600 0:0'
}

really_bare() {
	eq '/dev' "$(awk '$2 == "/dev" { print $3 }' /proc/mounts)" tmpfs
	not test -e /dev/ublk-control
	not grep -q ublk_drv /proc/modules
}

from_nothing() {
	serve -q 2 ram:64M
	grep -q '^ublk_drv ' /proc/modules
	node_agrees /dev/ublk-control /sys/class/misc/ublk-control
	node_agrees "/dev/ublkc$id" "/sys/class/ublk-char/ublkc$id"
	node_agrees "$dev" "$sys"
	bytes_of 132 4096 > wanted
	poke 4096 4096 < wanted
	peek 4096 4096 | cmp - wanted
	kill "$server"
	ended 0
	not test -e "$dev"
	not test -e "/dev/ublkc$id"
}

removed_by_del() {
	serve ram:64M
	del
	ended 0
	not test -e "$dev"
	not test -e "/dev/ublkc$id"
	add ram:64M
	del
	within 5 test ! -e "$dev"
	within 5 test ! -e "/dev/ublkc$id"
}

# The nodes of a server that was killed stay, and the numbers of its disk are
# given to the next one.
after_a_kill() {
	serve -n 0 ram:64M
	kill -KILL "$server"
	ended 137
	numbers=$(stat -c %t:%T /dev/ublkb0)
	del
	add -n 1 ram:1M
	eq 'numbers of another disk' "$(stat -c %t:%T /dev/ublkb1)" "$numbers"
	add -n 0 ram:2M
	node_agrees /dev/ublkb0 /sys/block/ublkb0
	node_agrees /dev/ublkc0 /sys/class/ublk-char/ublkc0
	eq size "$(blockdev --getsize64 /dev/ublkb0)" 2097152
	eq size "$(blockdev --getsize64 /dev/ublkb1)" 1048576
	bareblk ublk del 0 1
	# that of the killed server: it has the right numbers, and nobody's name on it
	rm /dev/ublkc0
}

strange_nodes() {
	mknod /dev/ublkb0 b 1 15
	mknod /dev/ublkc0 c 1 3
	add -n 0 ram:2M
	node_agrees /dev/ublkb0 /sys/block/ublkb0
	del
	within 5 test ! -e /dev/ublkb0
	# a file under that name is not a disk either
	bytes_of 132 4096 > /dev/ublkb0
	add -n 0 ram:2M
	node_agrees /dev/ublkb0 /sys/block/ublkb0
	del
}

without_sysfs() {
	add ram:1M
	umount -l /sys
	bareblk ublk list > text || true
	mount -t sysfs sysfs /sys
	grep -q "^$dev  *live" text
	del
}

run_tests <<-'END'
	really_bare     10  there is no devtmpfs, no control node and no driver
	from_nothing    40  the driver is loaded and all three nodes are made, and removed in the end
	removed_by_del  30  nodes that a server has made go when another process deletes the device
	after_a_kill    30  nodes that a killed server left are not taken for those of the next disk
	strange_nodes   30  nodes of other devices under the same name are not taken for it
	without_sysfs   30  list finds devices where there is no sysfs
END
