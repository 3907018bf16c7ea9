#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# Servers with a parent that sees to it that another one goes on.

. "${0%/*}/lib.sh"
. "${0%/*}/supervised.sh"

is_stopped() { ! [ -e "$dev" ]; }

# --recover=HOW ...: what is written is there after each death; what waits is served
goes_on() {
	local i
	dd if=/dev/urandom of=img bs=1M count=8 2>/dev/null
	supervised "$@" file:"$PWD"/img
	for i in 1 2 3; do
		dd if=/dev/urandom of=new bs=64K count=4 2>/dev/null
		dd if=new of="$dev" bs=64K seek=$((i * 8)) oflag=direct conv=notrunc 2>/dev/null
		kill_server
		dd if="$dev" of=got bs=64K skip=$((i * 8)) count=4 iflag=direct 2>/dev/null
		cmp new got
	done
	kill "$supervisor"
	within 20 no_process "$supervisor"
	is_stopped
}

queued() { goes_on -q 2; }
reissued() { goes_on --recover=reissue --depth=4 -q 2 --threads=1; }

# Nothing else has what a RAM disk has in it
ram() {
	dd if=/dev/urandom of=new bs=1M count=8 2>/dev/null
	supervised ram:64M
	dd if=new of="$dev" bs=1M seek=40 oflag=direct 2>/dev/null
	blkdiscard -o 41M -l 1M "$dev"
	kill_server
	dd if="$dev" of=got bs=1M skip=40 count=1 iflag=direct 2>/dev/null
	cmp -n 1048576 new got
	dd if="$dev" of=got bs=1M skip=41 count=1 iflag=direct 2>/dev/null
	dd if=/dev/zero of=zero bs=1M count=1 2>/dev/null
	cmp zero got
	dd if="$dev" of=got bs=1M skip=42 count=6 iflag=direct 2>/dev/null
	tail -c +2097153 new | cmp - got
	dd if="$dev" of=got bs=1M count=40 2>/dev/null
	head -c 41943040 /dev/zero | cmp - got
	del
	within 20 no_process "$supervisor"

	supervised -q 2 'stripe:[ram:16M],[ram:16M]'
	mkfs.ext4 -q "$dev"
	mkdir -p /mnt/t
	mount -t ext4 "$dev" /mnt/t
	cp new /mnt/t/
	sync -f /mnt/t
	kill_server
	cp new /mnt/t/other
	umount /mnt/t
	blockdev --flushbufs "$dev"
	e2fsck -fn "$dev" > check.out 2>&1
	mount -t ext4 "$dev" /mnt/t
	cmp new /mnt/t/new
	cmp new /mnt/t/other
	umount /mnt/t
	del
}

forgetful() {
	refuses 4 'ram holds goes with its server.*--supervise' bareblk ublk add -d --recover=queue ram:16M
	refuses 4 'zoned holds' bareblk ublk add -d --supervise 'zoned?zone_size=1M:[ram:16M]'
	refuses 4 'mirror holds' bareblk ublk add -d --supervise 'mirror:[ram:1M],[ram:1M]'
	eq devices "$(nr_devices)" 0
}

# It ends when the device does, by whomever; and what cannot begin is told
ends() {
	supervised ram:1M
	del
	within 10 no_process "$supervisor"
	supervised ram:1M
	kill "$(server_of)"
	within 10 no_process "$supervisor"
	is_stopped
	refuses 2 'size' bareblk ublk add --supervise ram:7
	refuses 2 'size' bareblk ublk add -d --supervise ram:7
}

# In the foreground, by a key: both get the signal
foreground() {
	serve --supervise ram:1M
	old=$(server_of)
	kill -9 "$old"
	within 10 another_than "$old"
	kill -INT "$server"
	ended 0
	is_stopped
	grep -q 'was ended by signal 9' serve.err
}

# A server that cannot go on is tried again, later and later, and at last no more
gives_up() {
	truncate -s 4M img
	supervised --deaths=4 file:"$PWD"/img
	mv img away
	kill -9 "$(server_of)"
	within 30 no_process "$supervisor"
	eq 'its state' "$(info state)" quiesced
	mv away img
	bareblk ublk recover -d --supervise "$dev" file:"$PWD"/img
	supervisor=$(parent_of "$(server_of)")
	kill_server
	# ... or it comes back in time
	mv img away
	old=$(server_of)
	kill -9 "$old"
	sleep 0.3
	mv away img
	within 20 another_than "$old"
	# and meanwhile a signal deletes the device
	mv img away
	kill -9 "$(server_of)"
	sleep 0.2
	kill "$supervisor"
	within 20 no_process "$supervisor"
	is_stopped
	not test -e "/dev/ublkc$id"
}

pause() { pauses 10; }

# What it was made of is written down; a memo of a device that is gone is none
remembered() {
	truncate -s 4M img
	add --recover=queue file:img
	kill -9 "$(server_of)"
	within 10 has_no_server
	(cd / && bareblk ublk recover -d "$dev")
	eq 'its state' "$(info state)" live
	kill -9 "$(server_of)"
	within 10 has_no_server
	mv /run/bareblk/ublk$id.memo memo
	refuses 2 'give the TARGET' bareblk ublk recover "$id"
	ln -s "$PWD"/memo /run/bareblk/ublk$id.memo
	refuses 2 'give the TARGET' bareblk ublk recover "$id"
	rm /run/bareblk/ublk$id.memo
	head -c 20 memo > /run/bareblk/ublk$id.memo
	refuses 2 'give the TARGET' bareblk ublk recover "$id"
	sed 's/file:img/null:4M/' memo > /run/bareblk/ublk$id.memo
	refuses 2 'another target' bareblk ublk recover "$id"
	cp memo /run/bareblk/ublk$id.memo
	bareblk ublk recover -d "$id"
	old=$(server_of)
	kill "$old"
	within 10 no_process "$old"
	is_stopped
	not test -e /run/bareblk/ublk$id.memo
	add --recover=queue file:img
	del
	not test -e /run/bareblk/ublk$id.memo
}

has_no_server() { [ "$(info state)" = quiesced ]; }

# The memory of a RAM disk that nobody has any more is not made up of zeroes
lost() {
	supervised ram:4M
	old=$(server_of)
	kill -9 "$supervisor"
	kill -9 "$old"
	within 10 has_no_server
	refuses 4 'ram held was in its server' bareblk ublk recover "$dev"
	refuses 4 'ram held was in its server' bareblk ublk recover --supervise "$dev"
	eq 'its state' "$(info state)" quiesced
	del
}

# A signal while the first server, or another one, is just beginning
told_early() {
	local delay
	for delay in 0 0.01 0.02 0.04 0.06 0.08 0.1 0.15 0.2; do
		bareblk ublk add -q 4 --supervise file:"$PWD"/img?size=4M > serve.out 2> serve.err &
		server=$!
		sleep $delay
		kill $server
		within 20 no_process $server
		wait $server || true
		within 10 test -z "$(servers)"
		eq "devices after $delay s" "$(nr_devices)" 0
	done
	for delay in 0 0.02 0.05 0.08 0.12 0.2; do
		supervised -q 4 file:"$PWD"/img
		kill -9 "$(server_of)"
		sleep $delay
		kill "$supervisor"
		within 20 no_process "$supervisor"
		eq "devices after $delay s more" "$(nr_devices)" 0
	done
}

# Who reads its messages may go
unread() {
	mkfifo messages
	cat messages > /dev/null &
	reader=$!
	bareblk ublk add --supervise file:"$PWD"/img?size=4M > serve.out 2> messages &
	server=$!
	within 30 served
	dev=$(cat serve.out)
	name_device
	kill $reader
	wait $reader || true
	for _ in 1 2; do
		old=$(server_of)
		kill -9 "$old"
		within 10 another_than "$old"
	done
	kill "$server"
	within 20 no_process "$server"
	is_stopped
}

# The number may have another device by now, which is none of its business
not_its_own() {
	truncate -s 4M img
	supervised file:"$PWD"/img
	kill -STOP "$supervisor"
	kill -9 "$(server_of)"
	within 10 has_no_server
	del
	truncate -s 1M other
	add -n "$id" --recover=queue file:"$PWD"/other
	pid=$(server_of)
	kill -CONT "$supervisor"
	within 20 no_process "$supervisor"
	eq 'its state' "$(info state)" live
	eq 'its server' "$(server_of)" "$pid"
	eq size "$(blockdev --getsize64 "$dev")" 1048576
	del
	# ... also when it is told to end
	supervised file:"$PWD"/img
	kill -STOP "$supervisor"
	kill -9 "$(server_of)"
	within 10 has_no_server
	del
	add -n "$id" ram:1M
	kill "$supervisor"
	kill -CONT "$supervisor"
	within 20 no_process "$supervisor"
	eq 'its state' "$(info state)" live
	del
}

run_tests <<-'END'
	queued      60  another server goes on when one dies
	reissued    60  and does again what that one had
	ram        120  a RAM disk has what it had
	forgetful   60  what nobody would have afterwards is refused
	ends        60  it ends with its device
	foreground  60  also when a key is pressed
	gives_up   120  a server that cannot go on is tried later, and at last no more
	pause      120  a reader waits a moment
	remembered  60  what a device was made of is written down
	told_early 120  a signal that comes while a server begins leaves nothing behind
	unread      60  nobody has to read what it says
	not_its_own 60  a device that has its number since is left alone
	lost        60  what was in memory that is gone is not made up
END
