#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# Devices that outlive their servers: what waits, what fails, who may go on.

. "${0%/*}/lib.sh"

# server_of: the pid of the device's server
server_of() { info server_pid; }

state_is() { [ "$(info state)" = "$1" ]; }

# crash: the server dies as if it had been hit
crash() {
	kill -9 "$(server_of)"
	within 10 state_is "$1"
}

new_disk() { # HOW OPTION...: a file and a device on it
	local how=$1
	shift
	dd if=/dev/urandom of=img bs=1M count=16 2>/dev/null
	add --recover="$how" "$@" file:"$PWD"/img
}

recover() { bareblk ublk recover -d "$dev" file:"$PWD"/img; }

finishes() { no_process "$1"; }

# What is written and read meanwhile waits; nothing is lost
waits() { # HOW OPTION...
	local reader
	new_disk "$@"
	dd if=/dev/urandom of=new bs=64K count=16 2>/dev/null
	dd if=new of="$dev" bs=64K seek=4 oflag=direct conv=notrunc 2>/dev/null
	crash quiesced
	dd if="$dev" of=got bs=64K skip=4 count=16 iflag=direct 2>/dev/null &
	reader=$!
	sleep 0.5
	not no_process $reader
	eq 'the path that is printed' "$(recover)" "$dev"
	within 20 no_process $reader
	cmp new got
	cmp -n 262144 img "$dev"
	eq 'its state' "$(info state)" live
	# ... and once more
	crash quiesced
	recover
	cmp -n 1048576 img "$dev"
	del
	[ ! -e "$dev" ]
}

queued() { waits queue; }
reissued() { waits reissue -q 2 --threads=1 --depth=16; }

by_every_way() {
	local mode
	for mode in copy get-data user-copy user-copy-ring; do
		waits reissue --mode=$mode -q 2
	done
}

by_registered_buffers() {
	local mode
	has_feature AUTO_BUF_REG || skip "no registered buffers (Linux 6.16)"
	for mode in zero-copy auto-buf-reg; do
		waits queue --mode=$mode -q 2
	done
}

in_batches() {
	has_feature BATCH_IO || skip "no batches (Linux 7.0)"
	waits reissue --batch=yes -q 2 --threads=4
}

fails_meanwhile() {
	if ! has_feature USER_RECOVERY_FAIL_IO; then
		refuses 4 'USER_RECOVERY_FAIL_IO.*6.13' bareblk ublk add --recover=fail null:1M
		return
	fi
	new_disk fail
	crash failing
	not dd if="$dev" of=/dev/null bs=4K count=1 iflag=direct
	recover
	cmp img "$dev"
	del
}

# A device that nobody recovers can be deleted, what waits in it fails
deleted() {
	local reader
	new_disk queue
	crash quiesced
	dd if="$dev" of=/dev/null bs=64K count=1 iflag=direct 2>dd.err &
	reader=$!
	sleep 0.3
	not no_process $reader
	del
	within 10 no_process $reader
	not wait $reader
}

# Of servers that go on some die as well, at any step of it
died_again() {
	local delay
	# seen on 6.18: its rings are never taken apart, and not even del ends then
	is_since 7.3 || ! is_since 6.15 || skip "the kernel may keep a server that died half way (Linux 7.3)"
	new_disk reissue -q 4
	crash quiesced
	for delay in 0.002 0.005 0.01 0.015 0.02 0.03 0.05; do
		bareblk ublk recover "$dev" file:"$PWD"/img > out 2>&1 &
		server=$!
		sleep $delay
		kill -9 $server
		wait $server || true
		within 10 no_servers
	done
	within 10 state_is quiesced
	recover
	cmp img "$dev"
	del
}

# What is not there any more is not made anew
not_made_anew() {
	add --recover=queue "file:$PWD/img?size=16M"
	crash quiesced
	mv img away
	refuses 5 'img: No such|cannot be opened' bareblk ublk recover "$dev" "file:$PWD/img?size=16M"
	not test -e img
	cp away img
	truncate -s 8M img
	refuses 2 'it was longer' bareblk ublk recover "$dev" "file:$PWD/img?size=16M"
	mv away img
	bareblk ublk recover -d "$dev" "file:$PWD/img?size=16M"
	del
	truncate -s 1M a b
	add --recover=queue "mirror?bitmap=$PWD/map:[file:$PWD/a],[file:$PWD/b]"
	crash quiesced
	mv map away
	refuses 5 'map' bareblk ublk recover "$dev" "mirror?bitmap=$PWD/map:[file:$PWD/a],[file:$PWD/b]"
	not test -e map
	: > map
	refuses 2 'it is empty, and was not' bareblk ublk recover "$dev" "mirror?bitmap=$PWD/map:[file:$PWD/a],[file:$PWD/b]"
	mv away map
	bareblk ublk recover -d "$dev" "mirror?bitmap=$PWD/map:[file:$PWD/a],[file:$PWD/b]"
	del
}

no_servers() { [ -z "$(servers)" ]; }

refused() {
	refuses 5 'no such device' bareblk ublk recover 77 null:1M
	refuses 2 'not a device' bareblk ublk recover x null:1M
	new_disk queue
	refuses 6 'it has a server, process' recover
	cp img img2
	crash quiesced
	refuses 2 'another target' bareblk ublk recover "$dev" file:"$PWD"/img2
	truncate -s 8M img
	refuses 2 'its target only 8388608' recover
	truncate -s 16M img
	eq 'its state' "$(info state)" quiesced
	recover
	del

	add file:"$PWD"/img
	kill -9 "$(server_of)"
	within 10 state_is dead
	refuses 2 'without recovery' bareblk ublk recover "$dev" file:"$PWD"/img
	del

	new_disk queue
	bareblk ublk stop "$dev"
	refuses 2 'was stopped' bareblk ublk recover "$id" file:"$PWD"/img
	del "$id"

	refuses 4 'ram holds goes with its server' bareblk ublk add -d --recover=queue ram:16M
}

# A file in whose place another one lies meanwhile, on the disk itself
on_itself() {
	mkdir -p /mnt/t
	truncate -s 16M /mnt/t/img
	add --recover=queue file:/mnt/t/img
	mkfs.ext4 -q "$dev"
	mount -t ext4 "$dev" /mnt/t
	truncate -s 16M /mnt/t/img
	sync -f /mnt/t
	crash quiesced
	# opening it may wait for the disk, or not
	status timeout 30 bareblk ublk recover "$dev" file:/mnt/t/img
	cat err
	case $rc in
	1) grep -q 'on this very disk' err ;;
	7) grep -q 'waits for the disk: is it on that' err ;;
	*) fail "status $rc" ;;
	esac
	eq 'its state' "$(info state)" quiesced
	mkdir -p /mnt/away
	mount --move /mnt/t /mnt/away
	bareblk ublk recover -d "$dev" file:/mnt/t/img
	eq 'its state' "$(info state)" live
	umount /mnt/away
	e2fsck -fn "$dev" > check.out 2>&1
	del
	rm /mnt/t/img
}

run_tests <<-'END'
	queued                60  I/O waits for another server
	reissued              60  and what the dead one had is done again
	by_every_way         120  by every way
	by_registered_buffers 120 by registered buffers
	in_batches            60  and in batches
	fails_meanwhile       60  or it fails until there is one
	deleted               60  who is not wanted any more is deleted
	died_again            60  who goes on may die as well
	not_made_anew         60  what is not there any more is not made anew
	on_itself             60  never from a file that is on the disk itself
	refused               60  what cannot go on is refused
END
