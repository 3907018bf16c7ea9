#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2034,SC2154,SC2329,SC2317,SC2217,SC2119,SC2120 # variables of lib.sh, functions that it calls
#
# What an errno does not say: the kernel's own reason, who has a device in use, and
# what the kernel would say of a table (--check).
# group: 240 always

. "${0%/*}/lib.sh"

reasons() {
	bare create a --table '0 8 zero'
	refuses 1 'a: linear: Invalid argument count.*: Invalid argument' bare load a --table '0 8 linear x y z'
	refuses 1 'b: linear: .*Invalid argument' bare create b --table '0 8 linear /dev/ram0 x'
	refuses 1 'b: linear: Device lookup failed' bare create b --table '0 8 linear /dev/nothere 0'
	refuses 1 'b: .*too small for target' bare create b --table '0 999999999 linear /dev/ram0 0'
	refuses 1 'b: nosuch: unknown target type' bare create b --table '0 8 nosuch'
	not grep -q 'error adding target' err
	eq devices "$(ref13 ls)" "$(printf 'a\t(254:0)')"
	# what others had the kernel say is not told
	not ref13 load a --table '0 8 linear /dev/alien 0'
	refuses 1 'a: linear: Invalid' bare load a --table '0 8 linear x'
	not grep -q lookup err
	bare remove a
}

# One line of ours, and dmsetup's last one
under_its_name() {
	status ours create b --table '0 8 linear /dev/nothere 0'
	eq status $rc 1
	sed -n 1p err | grep -q '^b: linear: Device lookup failed' || fail "$(cat err)"
	eq last "$(sed -n 2p err)" 'Command failed.'
}

# Without the log, or when it is not ours to read, errors are as before
without_log() {
	mv /dev/kmsg /dev/kmsg.off
	status bare create b --table '0 8 linear /dev/nothere 0'
	mkdir /dev/kmsg
	refuses 1 '' bare create b --table '0 8 linear /dev/nothere 0'
	rmdir /dev/kmsg
	mv /dev/kmsg.off /dev/kmsg
	eq status $rc 1
	grep -Eqx 'bareblk: dm create: b: No such (device|file or directory) \((ENODEV|ENOENT)\)' err ||
		fail "$(cat err)"
}

busy() { # REGEX
	refuses 6 "in-use: $1: Device or resource busy" bare remove in-use
	eq lines "$(wc -l < err)" 1
}

# sleeping: $sleeper has the device open, and is a shell no more
sleeping() {
	sleep 60 < /dev/mapper/in-use &
	sleeper=$!
	within 10 grep -qx sleep /proc/$sleeper/comm
}

holders_seen() {
	bare create in-use --table '0 65536 linear /dev/ram0 0'
	sleeping
	busy "open in sleep \(pid $sleeper\)"
	kill $sleeper
	wait || :
	bare create 'on top' --table '0 8 linear /dev/mapper/in-use 0'
	busy 'used by dm-1 \(on\\x20top\)'
	bare remove 'on top'
	modprobe loop
	[ -b /dev/loop3 ] || mknod /dev/loop3 b 7 3
	losetup /dev/loop3 /dev/mapper/in-use
	busy 'used by loop3'
	losetup -d /dev/loop3
	mkswap /dev/mapper/in-use
	swapon /dev/mapper/in-use
	busy 'swap on /dev/[^ ]*'
	swapoff /dev/mapper/in-use
	bare remove in-use
}

mounts_seen() {
	bare create in-use --table '0 131072 linear /dev/ram0 0'
	modprobe ext4
	mke2fs -q /dev/mapper/in-use || mkfs.ext2 /dev/mapper/in-use
	mkdir -p '/tmp/a place'
	mount -t ext4 /dev/mapper/in-use '/tmp/a place'
	busy 'mounted on /tmp/a place'
	umount '/tmp/a place'
	# where only one process sees it
	unshare -m sh -c "mount --make-rprivate / 2> /dev/null; mount -t ext4 /dev/mapper/in-use '/tmp/a place'; touch mounted; sleep 60" &
	hidden=$!
	within 10 test -e mounted
	not grep -q in-use /proc/mounts
	busy "mounted on /tmp/a place for pid [0-9]+"
	for pid in $(processes_of "$(ps_session)"); do
		[ "$(cat /proc/$pid/comm)" != sleep ] || kill $pid
	done
	wait $hidden || :
	within 10 bare remove in-use
}

ps_session() { awk '{ sub(/.*\) /, ""); print $4 }' /proc/self/stat; }

# A program that runs from the device, and has no file open on it: its loader has mapped it
mapped_seen() {
	bare create in-use --table '0 8192 linear /dev/ram1 0'
	bare create other --table '0 8 zero'
	dd if=/opt/dm13/dmsetup of=/dev/mapper/in-use bs=4096 conv=notrunc status=none
	LD_LIBRARY_PATH=/opt/dm13 /lib64/ld-linux-x86-64.so.2 /dev/mapper/in-use wait other &
	runner=$!
	within 10 grep -q /dev/dm-0 /proc/$runner/maps
	busy "(mapped by|open in) .* \(pid $runner\)"
	grep -q 'mapped by' err || fail "$(cat err)"
	kill $runner
	wait || :
	bare remove in-use other
}

under_its_name_too() {
	bare create in-use --table '0 8 zero'
	sleeping
	status ours remove in-use
	kill $sleeper
	eq status $rc 1
	grep -q '^in-use: open in sleep' err || fail "$(cat err)"
	wait || :
	bare remove in-use
}

nothing_left() { eq devices "$(ref13 ls)" "${1-No devices found}"; }

checks() {
	status bare create a --check --table '0 8 zero'
	eq 'status, out, err' "$rc$(cat out err)" 0
	nothing_left
	refuses 1 'a: linear: Device lookup failed' bare create a --check --table '0 8 linear /dev/nothere 0'
	refuses 1 'a: nosuch: unknown target type' bare create a --check --table '0 8 nosuch'
	refuses 2 'gap' bare create a --check --table '8 8 zero'
	refuses 2 'check' bare create a --check --notable
	nothing_left
	bare create a --table '0 8 zero'
	bare load a --check --table '0 16 zero'
	refuses 1 'a: zero: ' bare load a --check --table '0 16 zero what'
	eq 'inactive' "$(ref13 info -c --noheadings -o attr a)" 'L--w'
	bare remove a
	bare create --check --concise 'a,,,ro,0 8 zero;b,,,,0 8 linear /dev/ram0 0'
	refuses 4 'b stands on others' bare create --check --concise 'a,,,,0 8 zero;b,,,,0 8 linear /dev/mapper/a 0'
	refuses 1 'b: zero: ' bare create --check --concise 'a,,,,0 8 zero;b,,,,0 8 zero x;c,,,,0 8 zero'
	nothing_left
	for writer in cache clone era integrity log-writes snapshot thin-pool writecache; do
		refuses 4 "a: $writer writes to its disks" bare create a --check --table "0 8 $writer /dev/ram0 /dev/ram1"
	done
	modprobe ext4
	mke2fs -q /dev/ram2 || mkfs.ext2 /dev/ram2
	mkdir -p mnt
	mount -t ext4 /dev/ram2 mnt
	status bare create a --check --table '0 8 linear /dev/ram2 0'
	umount mnt
	eq 'a disk that is mounted' $rc 6
	nothing_left
}

# Wherever a signal comes, the hidden device goes
check_stopped() {
	{ set +x; } 2> /dev/null
	for nr in 1 2 3 4 5 6 7 8 9 10 11 12; do
		for sig in TERM INT; do
			bareblk dm create a --check --table '0 8 linear /dev/ram3 0' &
			usleep ${nr}000
			kill -$sig $! 2> /dev/null || :
			wait $! || :
			nothing_left
		done
	done
}

run_tests <<-'END'
reasons             40  an error of a table is told with the kernel's own reason, and no one else's
under_its_name      20  called as dmsetup the reason is told as well
without_log         20  without the kernel's log an error is what it was
holders_seen        40  a busy remove tells processes, devices on top, loop devices and swap
mounts_seen         40  a busy remove tells mounts, also those of another mount namespace
mapped_seen         30  a busy remove tells who has mapped the device
under_its_name_too  20  called as dmsetup it tells that, too
checks              60  --check says what the kernel says, and leaves nothing
check_stopped       60  --check that is stopped by a signal leaves nothing
END
