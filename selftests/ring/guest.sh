#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC3043 # busybox ash has local
#
# Runs bareblk-selftests with these arguments in the guest, on a machine that
# has what the ring's tests look for: files that take O_DIRECT, extended
# attributes and fallocate (ext4, where tmpfs would refuse some of it), a disk
# that discards and can be polled, huge pages, and a network to itself. The kernel's log is read afterwards: that a
# test's process was meant to crash does not belong there.

prepare() {
	set -e
	modprobe brd rd_nr=1 rd_size=262144
	mkfs.ext4 -q -E nodiscard /dev/ram0
	modprobe -a ext4 configfs
	modprobe null_blk nr_devices=1 gb=1 memory_backed=1 discard=1 submit_queues=1 poll_queues=1
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
# What the program says of this kernel goes back, for the host to look at
probe() { # NAME CMD...: its output, its words, its status
	local name=$1
	shift
	"$@" > "/out/probe-$name.json" 2> "/out/probe-$name.err"
	echo $? > "/out/probe-$name.status"
}

probe plain bareblk ring probe --json
probe user setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs --inh-caps=-all \
	--bounding-set=-all bareblk ring probe --json
if [ -e /proc/sys/kernel/io_uring_disabled ]; then
	echo 1 > /proc/sys/kernel/io_uring_disabled
	probe grouped setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all \
		--bounding-set=-all bareblk ring probe --json
	echo 2 > /proc/sys/kernel/io_uring_disabled
	probe off bareblk ring probe --json
	echo 0 > /proc/sys/kernel/io_uring_disabled
fi
exec /bareblk-selftests "$@"
