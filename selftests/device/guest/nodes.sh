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

# Nodes of a server that was killed are nobody's; the next device of that id
# may have other numbers, and must not be looked for behind the old ones.
after_a_kill() {
	serve -n 0 ram:64M
	kill -KILL "$server"
	ended 137
	del
	add -n 1 ram:1M
	rm -f /dev/ublkb0 /dev/ublkc0
	add -n 0 ram:2M
	node_agrees /dev/ublkb0 /sys/block/ublkb0
	eq size "$(blockdev --getsize64 /dev/ublkb0)" 2097152
	bareblk ublk del 0 1
}

stale_nodes() {
	mknod /dev/ublkb0 b 1 15
	mknod /dev/ublkc0 c 1 3
	status bareblk ublk add -d -n 0 ram:2M
	echo "with stale nodes: exit code $rc, $(cat out err)" > say
	if [ "$rc" = 0 ]; then
		node_agrees /dev/ublkb0 /sys/block/ublkb0
		bareblk ublk del 0
	fi
	rm -f /dev/ublkb0 /dev/ublkc0
	eq devices "$(nr_devices)" 0
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
	after_a_kill    30  after a killed server the next one makes its own nodes
	stale_nodes     30  nodes of other devices under the same name are not taken for it
	without_sysfs   30  list finds devices where there is no sysfs
END
