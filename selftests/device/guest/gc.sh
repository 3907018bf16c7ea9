#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# What dead servers leave: gc finds it all, and touches nothing that lives.

. "${0%/*}/lib.sh"

gc() { bareblk ublk gc "$@" > gc.out 2> gc.err; }

# what gc did with the device, or would do
action() { awk -v dev="${1-$dev}" '$1 == dev { $1 = $2 = ""; sub(/^ */, ""); print }' gc.out; }

# killed ARGS...: a device whose server is dead; it seems to have been made long ago
killed() {
	add "$@"
	kill -9 "$(info server_pid)"
	within 10 has_no_server
	touch -d '2020-01-01 00:00' "/dev/ublkc$id"
}

has_no_server() { [ "$(info state)" != live ]; }

# --- what it removes -------------------------------------------------------------------

finds_the_dead() {
	add ram:1M
	live=$dev
	killed ram:1M
	dead=$dev
	killed --recover=queue file:"$PWD"/img?size=4M
	quiesced=$dev
	add ram:1M
	bareblk ublk stop "$dev"
	touch -d '2020-01-01 00:00' "/dev/ublkc$id"
	stopped=$dev
	gc --dry-run
	eq 'of the living' "$(action "$live")" ''
	for dev in "$dead" "$quiesced" "$stopped"; do
		eq "of $dev" "$(action)" 'to remove'
	done
	eq devices "$(nr_devices)" 4
	gc
	for dev in "$dead" "$quiesced" "$stopped"; do
		eq "of $dev" "$(action)" removed
	done
	eq devices "$(nr_devices)" 1
	not test -e /run/bareblk/ublk"${quiesced#/dev/ublkb}".memo
	gc
	[ ! -s gc.out ]
	dev=$live
	dd if="$dev" of=/dev/null bs=64k count=1 iflag=direct status=none
	del
	gc
	[ ! -s gc.out ] && [ ! -s gc.err ]
}

in_json() {
	killed ram:1M
	bareblk ublk gc --json --dry-run > gc.json
	awk -f /device/json.awk gc.json > fields
	grep -q 'action.*to remove' fields
	grep -q 'state.*dead' fields
	gc --json
	eq action "$(value_in gc.out action)" removed
	bareblk ublk gc --json > gc.json
	eq nothing "$(cat gc.json)" '[]'
}

# --- what it keeps -----------------------------------------------------------------------

keeps() { # PATTERN
	gc "$@"
	action | grep -Eq "^kept: .*$why" || fail "gc says: $(cat gc.out gc.err)"
	eq devices "$(nr_devices)" 1
}

# between ADD_DEV and the first open nobody has it
young() {
	add ram:1M
	kill -9 "$(info server_pid)"
	within 10 has_no_server
	why='only just' keeps
	touch -d '2020-01-01 00:00' "/dev/ublkc$id"
	gc
	eq devices "$(nr_devices)" 0
}

used() {
	truncate -s 32M img
	killed --recover=queue file:"$PWD"/img
	tail -f /dev/null < "/dev/ublkc$id" &
	holder=$!
	within 5 test -e "/proc/$holder/fd/0"
	why="ublkc$id open in tail" keeps
	why="ublkc$id open in tail" keeps --adopt
	kill $holder
	wait $holder || true
	bareblk ublk recover -d "$dev"
	mkfs.ext4 -q "$dev"
	mkdir -p /mnt/t
	mount -t ext4 "$dev" /mnt/t
	kill -9 "$(info server_pid)"
	within 10 has_no_server
	why='mounted on /mnt/t' keeps
	# that is what adoption is for
	gc --adopt
	action | grep -q "^adopted: file:$PWD/img"
	echo x > /mnt/t/file
	sync -f /mnt/t
	umount /mnt/t
	del
}

# its supervisor is about to start another server
supervised() {
	truncate -s 4M img
	add --supervise file:"$PWD"/img
	pid=$(info server_pid)
	supervisor=$(awk '{ print $4 }' "/proc/$pid/stat")
	kill -STOP "$supervisor"
	kill -9 "$pid"
	within 10 has_no_server
	why='supervisor' keeps
	why='supervisor' keeps --adopt
	kill -CONT "$supervisor"
	within 10 is_live
	kill -9 "$supervisor"
	kill -9 "$(info server_pid)"
	within 10 has_no_server
	gc
	eq devices "$(nr_devices)" 0
}

is_live() { [ "$(info state)" = live ]; }

adopts() {
	dd if=/dev/urandom of=img bs=1M count=4 2> /dev/null
	killed --recover=reissue file:img
	killed ram:1M
	dead=$dev
	dev=/dev/ublkb0 id=0
	gc --adopt --dry-run
	eq 'of it' "$(action)" 'to adopt: file:img'
	# the path is of the directory where its server was
	(cd / && bareblk ublk gc --adopt) > gc.out
	eq 'of it' "$(action)" 'adopted: file:img'
	is_live
	dd if="$dev" bs=1M iflag=direct 2> /dev/null | cmp - img
	eq devices "$(nr_devices)" 1
	not test -e "$dead"
	pid=$(info server_pid)
	kill -9 "$pid"
	within 10 has_no_server
	# the same, and with somebody who sees to it
	gc --adopt --supervise
	pid=$(info server_pid)
	kill -9 "$pid"
	within 20 another_than "$pid"
	# what is no longer what it was is not adopted
	kill -9 "$(awk '{ print $4 }' "/proc/$(info server_pid)/stat")"
	kill -9 "$(info server_pid)"
	within 10 has_no_server
	truncate -s 1M img
	status bareblk ublk gc --adopt
	[ "$rc" != 0 ]
	grep -q "failed" out
	eq 'its state' "$(info state)" quiesced
	truncate -s 4M img
	rm /run/bareblk/ublk0.memo
	why='not written down' keeps --adopt
	del
}

another_than() { is_live && [ "$(info server_pid)" != "$1" ]; }

# --- of other programs, and of no device at all ----------------------------------------------

others() {
	/add_foreign > foreign
	id=$(cat foreign)
	dev=/dev/ublkb$id
	touch -d '2020-01-01 00:00' "/dev/ublkc$id"
	gc
	[ ! -s gc.out ]
	grep -q 'not touched: 1 of other programs' gc.err
	gc --all --dry-run
	eq 'of it' "$(action)" 'to remove'
	gc --all
	eq 'of it' "$(action)" removed
	eq devices "$(nr_devices)" 0
}

tidies() {
	mkdir -p /run/bareblk
	: > /run/bareblk/ublk77.memo
	: > /run/bareblk/ublk77.sock
	: > /run/bareblk/other
	mknod /dev/ublkb77 b 259 999
	# of something that is there, whatever it is
	mknod /dev/ublkc78 c 1 3
	add --recover=queue file:"$PWD"/img?size=1M
	gc --dry-run
	grep -q 'to remove: 3 files' gc.err
	gc
	grep -q 'removed: 3 files' gc.err
	not test -e /run/bareblk/ublk77.memo
	not test -e /run/bareblk/ublk77.sock
	not test -e /dev/ublkb77
	test -e /run/bareblk/other
	test -e "/run/bareblk/ublk$id.memo"
	test -b "$dev"
	test -c /dev/ublkc78
	rm -f /run/bareblk/other /dev/ublkc78
	del
}

# at boot
no_driver() {
	gc
	[ ! -s gc.out ] && [ ! -s gc.err ]
	modprobe -r ublk_drv 2> /dev/null || rmmod ublk_drv || skip 'the driver cannot be unloaded'
	gc
	[ ! -s gc.out ] && [ ! -s gc.err ]
	not grep -q ublk_drv /proc/modules
	eq json "$(bareblk ublk gc --json)" '[]'
	add ram:1M
	del
}

run_tests <<-'END'
	finds_the_dead  60  gc removes what has no server, and nothing else
	in_json         30  in JSON, too
	young           30  a device that was only just made is kept
	used            60  what is open or mounted is kept, and adopted
	supervised      60  what a supervisor looks after is kept
	adopts          90  what waits for a server gets one, if it is still the same
	others          30  with --all those of others as well
	tidies          30  files and nodes of devices that are gone go, and no others
	no_driver       30  without a driver there is nothing to do, and it is not loaded
END
