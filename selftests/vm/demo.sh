#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The main job, shown: a RAM disk that a filesystem is made on and mounted.
# On a machine whose own kernel has ublk, and as root, it runs right here;
# anywhere else in a VM with a kernel of Debian's.
#
#   demo.sh PROGRAM
set -eu

program=$1
here=$(dirname "$0")

has_ublk() {
	[ "$(id -u)" = 0 ] || return 1
	[ -e /dev/ublk-control ] || modprobe -q ublk_drv 2>/dev/null || return 1
	[ -e /dev/ublk-control ]
}

by_hand_here() {
	cat <<-EOT

	The same by hand, as root:
	  $program ublk add -d ram:256M
	  mkfs.ext4 /dev/ublkb0
	  mount /dev/ublkb0 /mnt
	  ...
	  umount /mnt
	  $program ublk del 0
	EOT
}

by_hand_vm() {
	cat <<-'EOT'

	The same by hand: "make vm" gives a shell in such a VM, in which
	  bareblk ublk add -d ram:256M
	  mkfs.ext4 /dev/ublkb0
	  mount /dev/ublkb0 /mnt
	  ...
	  umount /mnt
	  bareblk ublk del 0
	On a machine whose own kernel has ublk (CONFIG_BLK_DEV_UBLK), run those as root.
	EOT
}

if has_ublk; then
	echo "This machine has ublk: running on its own kernel, $(uname -r)."
	sh "$here/demo-guest.sh" "$program"
	by_hand_here
else
	echo "This machine has no ublk: booting Linux ${KERNEL:=7.3} in a VM."
	echo "What it needs is fetched from this machine's Debian mirror, once."
	export KERNEL
	FILES="$program:/usr/bin/bareblk $here/demo-guest.sh:/demo.sh" \
		"$here/run.sh" sh /demo.sh bareblk
	by_hand_vm
fi
