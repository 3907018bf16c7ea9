#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# In the guest of targets.sh: how many requests a target answers in a second, and a
# disk of the kernel that does the same on the same store. A line is
# STORE ours|kernel RW KIB DEPTH IOPS.
#
# usage: targets_guest.sh STORE... -- KIB/NR...     sizes, and how many requests; the first
#        size also one at a time

set -u
. "${0%/*}/fio_guest.sh"
sectors=$((disk_mib * 2048))

# --- stores, and who serves them ----------------------------------------------------

add() {
	dev=$(bareblk ublk add -d "$1" 2> /tmp/why) || fail "$1: $(cat /tmp/why)"
}

loop() { # FILE [OPTION]
	dev=/dev/loop0
	losetup ${2-} $dev "$1" || fail "no loop device on $1"
}

# a file of its own file system: tmpfs, or ext4 on a RAM disk
mount_tmpfs() { mount -t tmpfs -o size=$((2 * disk_mib))M none /mnt; }

mount_ext4() {
	mkfs.ext4 -q -F /dev/ram0 > /tmp/mkfs 2>&1 && mount /dev/ram0 /mnt
}

table() { # NAME TABLE
	echo "0 $sectors $2" | bareblk dm create "$1" || fail "$1: dm has it not"
	dev=/dev/mapper/$1
}

# the mirror's copy has ended
await_copy() {
	local tries=0
	until bareblk ublk stat "$dev" | grep -q 'dirty_regions *0$'; do
		tries=$((tries + 1))
		[ $tries -lt 300 ] || fail "the mirror's copy does not end: $(bareblk ublk stat "$dev" 2>&1)"
		sleep 0.1
	done
}

serve() { # STORE ours|kernel
	case $1/$2 in
	tmpfs/*)       [ -e /mnt/img ] || mount_tmpfs ;;
	ext4/*)        [ -e /mnt/img ] || mount_ext4 ;;
	esac || fail "$1 cannot be mounted"
	case $1/$2 in
	tmpfs/ours)    add "file:/mnt/img?size=${disk_mib}M" ;;
	ext4/ours)     add "file:/mnt/img?size=${disk_mib}M&direct=0" ;;
	block/ours)    add 'file:/dev/ram1?direct=1' ;;
	stripe/ours)   add 'stripe:[file:/dev/ram1],[file:/dev/ram2]' ;;
	mirror/ours)   add 'mirror:[file:/dev/ram1],[file:/dev/ram2]'
	               await_copy ;;
	tmpfs/kernel)  loop /mnt/img ;;
	ext4/kernel)   loop /mnt/img ;;
	block/kernel)  loop /dev/ram1 --direct-io=on ;;
	stripe/kernel) table striped "striped 2 128 /dev/ram1 0 /dev/ram2 0" ;;
	mirror/kernel) table mirrored "mirror core 2 1024 nosync 2 /dev/ram1 0 /dev/ram2 0" ;;
	*)             fail "$1: not a store" ;;
	esac
}

remove() {
	case $dev in
	/dev/ublkb*) bareblk ublk del "$dev" ;;
	/dev/loop*)  losetup -d "$dev" ;;
	*)           bareblk dm remove "${dev#/dev/mapper/}" ;;
	esac || fail "$dev cannot be removed"
}

# --- what is measured ----------------------------------------------------------------

measure_disk() { # STORE ours|kernel KIB/NR...
	local name="$1 $2" rw size
	serve "$1" "$2"
	fill
	shift 2
	for rw in read write; do
		measure "$name" $rw "${1%/*}" 1 "${1#*/}"
		for size; do
			measure "$name" $rw "${size%/*}" 32 "${size#*/}"
		done
	done
	remove
}

stores=
while [ "$1" != -- ]; do
	stores="$stores $1"
	shift
done
shift
modprobe brd rd_nr=3 rd_size=$((disk_mib * 1024 * 2)) || fail 'no RAM disk'
modprobe loop || fail 'no loop device'
for store in $stores; do
	measure_disk "$store" ours "$@"
	measure_disk "$store" kernel "$@"
	umount /mnt 2>/dev/null
done
exit 0
