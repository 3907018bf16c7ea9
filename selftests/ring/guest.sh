#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# Runs bareblk-selftests with these arguments in the guest, on a machine that
# has what the ring's tests look for: files that take O_DIRECT, extended
# attributes and fallocate (ext4, where tmpfs would refuse some of it), huge
# pages, and a network to itself. The kernel's log is read afterwards: that a
# test's process was meant to crash does not belong there.

prepare() {
	set -e
	modprobe brd rd_nr=1 rd_size=262144
	mkfs.ext4 -q -E nodiscard /dev/ram0
	modprobe -a ext4
	mount -t ext4 -o user_xattr /dev/ram0 /tmp
	chmod 1777 /tmp
	echo 0 > /proc/sys/debug/exception-trace
	echo 16 > /proc/sys/vm/nr_hugepages
	echo 3 > /proc/sys/net/ipv4/tcp_fastopen
	set +e
}

if ! (prepare) > /out/prepare.txt 2>&1; then
	sed 's/^/# /' /out/prepare.txt
	echo "Bail out! the guest could not be prepared"
	exit 1
fi
exec /bareblk-selftests "$@"
