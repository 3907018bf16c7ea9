#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2034,SC2154,SC2329,SC2317,SC2086,SC3043 # variables of lib.sh, functions that it calls
#
# bareblk dm monitor: a line for each change, conditions, deadlines.
# group: 180 always

. "${0%/*}/lib.sh"

too=

# watch ARG...: in the background, its output in seen, its process in $pid
watch() {
	bareblk dm monitor --timeout=60s "$@" > seen 2> seen.err &
	pid=$!
	within 10 is_armed
}

# It has looked once when it sleeps in poll
is_armed() { grep -q poll /proc/$pid/wchan /proc/$pid/stack; }

saw() { grep -qxF -- "$1" seen; }

# ended STATUS: the one in the background has
ended() {
	rc=0
	wait $pid || rc=$?
	eq "its exit status" $rc "$1"
}

stop() {
	kill -TERM $pid
	ended 0
}

# numbers NAME: as it prints them
numbers() { echo "($(ref13 info -c --noheadings --separator : -o major,minor "$1"))"; }

changes() {
	local a
	ref13 create other --table '0 8 zero'
	watch 'a*' b
	ref13 create a1 --notable
	ref13 create not --table '0 8 zero'
	within 10 grep -q '^created a1 ' seen
	a=$(numbers a1)
	ref13 load a1 --table '0 16 zero'
	ref13 resume a1
	within 10 saw "table a1 $a"
	ref13 suspend a1
	within 10 saw "suspended a1 $a"
	ref13 resume a1
	within 10 saw "resumed a1 $a"
	ref13 rename a1 b
	within 10 saw "renamed b $a from a1"
	ref13 rename b a2
	within 10 saw "renamed a2 $a from b"
	# a device that cannot be seen any more is gone
	ref13 rename a2 c
	within 10 saw "removed a2 $a"
	ref13 remove c
	ref13 remove not
	ref13 remove other
	sleep 1
	stop
	eq "lines" "$(wc -l < seen)" 7
}

json() {
	watch --json
	ref13 create j --uuid 'U"1' --notable
	within 10 grep -q created seen
	ref13 rename j k
	within 10 grep -q renamed seen
	ref13 remove k
	within 10 grep -q removed seen
	stop
	eq "lines" "$(sed 's/"major": [0-9]*/"major": M/' seen)" '{"change": "created", "name": "j", "uuid": "U\"1", "major": M, "minor": 0, "event_nr": 0}
{"change": "renamed", "name": "k", "uuid": "U\"1", "major": M, "minor": 0, "event_nr": 0, "old_name": "j"}
{"change": "removed", "name": "k", "uuid": "U\"1", "major": M, "minor": 0, "event_nr": 0}'
}

# Many at once, and a number that is used again before anybody has looked
storm() {
	local i
	watch 's*'
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		ref13 create s$i --notable
	done
	within 20 saw "created s16 $(numbers s16)"
	ref13 remove s1
	ref13 create s01 --notable
	within 20 grep -q '^created s01 ' seen
	stop
	eq "created" "$(grep -c '^created' seen)" 17
	eq "removed" "$(grep -c '^removed s1 ' seen)" 1
	not grep -q '^renamed' seen
	scrub
}

conditions() {
	watch x --for exists
	ref13 create x --table '0 8 zero'
	ended 0
	bareblk dm monitor x --for exists --timeout=5s
	bareblk dm monitor x --for resumed --timeout=5s
	watch x --for suspended
	ref13 suspend x
	ended 0
	ref13 resume x
	watch x --for event
	ref13 rename x --setuuid U-1
	ended 0
	watch --for renamed
	ref13 rename x y
	ended 0
	watch y --for table
	ref13 load y --table '0 16 zero'
	ref13 resume y
	ended 0
	watch y --for removed
	ref13 remove y
	ended 0
	bareblk dm monitor y --for removed --timeout=5s
	# all of them, not one
	ref13 create z1 --table '0 8 zero'
	ref13 create z2 --table '0 8 zero'
	watch 'z*' --for removed
	ref13 remove z1
	within 10 grep -q '^removed z1 ' seen
	sleep 1
	kill -0 $pid
	ref13 remove z2
	ended 0
}

# A pool tells by itself when little is left, and is looked at while it does not
pool() {
	local part
	dd if=/dev/zero of=/dev/ram2 bs=4k count=1 2> /dev/null
	ref13 create pool --table '0 16384 thin-pool /dev/ram2 /dev/ram3 128 64'
	ref13 message pool 0 'create_thin 0'
	ref13 create thin --table '0 16384 thin /dev/mapper/pool 0'
	bareblk dm monitor pool --for 'thin-pool used=0' --timeout=5s
	status bareblk dm monitor pool --for 'used>50%' --timeout=300ms
	eq "not yet" $rc 7
	watch pool --for 'thin-pool used>50%'
	for part in 0 1 2 3; do
		dd if=/dev/zero of=/dev/mapper/thin bs=1M count=1 seek=$part oflag=direct conv=notrunc 2> /dev/null
	done
	sleep 2
	kill -0 $pid
	dd if=/dev/zero of=/dev/mapper/thin bs=1M count=1 seek=4 oflag=direct conv=notrunc 2> /dev/null
	ended 0
	grep -q "^status pool $(numbers pool) 0 16384 thin-pool 0 " seen
	grep -q "^event pool " seen
	bareblk dm monitor 't*' --for 'used>=60%' --timeout=10s
	watch pool --for 'status~thin-pool .*out_of_data'
	ref13 message pool 0 'set_transaction_id 0 1' || :
	sleep 1
	kill -0 $pid
	kill -TERM $pid
	ended 1
	bareblk dm monitor --for 'status~^0 16384 thin [0-9]+ ' --timeout=10s
	ref13 remove thin
	ref13 remove pool
}

deadlines() {
	status bareblk dm monitor --timeout=200ms
	eq "the time is up" $rc 7
	status bareblk dm monitor nothere --for exists --timeout=200ms
	eq "the time is up" $rc 7
	for wrong in 'used>' 'nonsense' 'status~(' ''; do
		status bareblk dm monitor --for "$wrong" --timeout=5s
		eq "refused: $wrong" $rc 2
	done
	status bareblk dm monitor 77:77 --timeout=5s
	eq "no such number" $rc 5
	# whoever reads has gone: nobody is told any more
	{ bareblk dm monitor --timeout=20s || echo $? > end; } | true
	within 10 test -s end
	eq "its exit status" "$(cat end)" 1
}

run_tests <<-'END'
changes       60  each change of the devices that are watched is a line
json          60  or an object
storm         90  of many at once none is lost, and a number that is used again is no rename
conditions    60  it ends when what is waited for is so
pool          90  a pool is waited for until it has been filled that far
deadlines     60  it ends when its time is up, its reader has gone or its condition is none
END
