#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043,SC2086
#
# Servers that end in every way: nothing hangs, and del cleans up.

. "${0%/*}/lib.sh"

# load RW: requests without end, from a process whose pid is in $load
load() {
	fio --name=load --filename="$dev" --ioengine=io_uring --direct=1 --rw="$1" --bs=16k --iodepth=64 \
		--time_based --runtime=120 --output=fio.load 2> fio.err &
	load=$!
	within 30 has_in_flight 8
}

# the load ends, with I/O errors
load_fails() {
	local rc=0
	within 30 no_process "$load"
	wait "$load" || rc=$?
	[ "$rc" != 0 ] || fail "the load had no error"
	grep -q 'error=' fio.err fio.load
}

is_dead() {
	eq 'state' "$(info state)" dead
	not test -b "$dev"
}

# A crash counts only when the server had requests. Nothing is started between
# looking and killing; under load the number is between nothing and all.
kill_with_requests() {
	local reads=0 writes=0 tries=100000
	{ set +x; } 2>/dev/null
	while [ $((reads + writes)) -lt 8 ] && [ $tries -gt 0 ]; do
		read -r reads writes < "$sys/inflight"
		tries=$((tries - 1))
	done
	kill -KILL "$server"
	set -x
	at_least 'requests at the kill' $((reads + writes)) 8
}

kill_under() { # RW TARGET
	serve -q 4 "$2"
	load "$1"
	kill_with_requests
	ended 137
	load_fails
	within 10 is_dead
	del
}

killed_under_reads() { kill_under randread ram:64M; }
killed_under_writes() { kill_under randwrite ram:64M; }

# all that is under way is the server's, and stays so
killed_while_stopped() {
	serve -q 2 ram:64M
	load randrw
	kill -STOP "$server"
	within 10 has_in_flight 60
	kill -KILL "$server"
	ended 137
	load_fails
	within 10 is_dead
	del
}

# small requests, so that many are under way at times
killed_under_page_cache() {
	serve -q 2 --max-io=16K null:16G
	dd if=/dev/zero of="$dev" bs=1M conv=fsync status=none 2> dd.err &
	load=$!
	within 30 has_written
	kill_with_requests
	ended 137
	within 30 no_process $load
	not wait $load
	del
}

has_written() { [ "$(disk_stat 5)" -gt 8 ]; }

killed_when_mounted() {
	serve ram:128M
	mkfs.ext4 -q "$dev"
	mkdir -p /mnt/t
	mount -t ext4 "$dev" /mnt/t
	dd if=/dev/urandom of=/mnt/t/a bs=1M count=8 status=none
	kill -KILL "$server"
	ended 137
	not dd if=/dev/zero of=/mnt/t/b bs=1M count=8 conv=fsync status=none
	umount /mnt/t
	del
}

killed_while_starting() {
	local delay
	for delay in 0 0.005 0.01 0.015 0.02 0.025 0.03 0.04 0.05 0.07 0.1 0.15; do
		setsid bareblk ublk add -q 4 ram:64M > out 2>&1 &
		server=$!
		sleep $delay
		kill -KILL -$server 2>/dev/null || kill -KILL $server
		wait $server || true
		# the child that sends the commands is out of the group, and goes by itself
		within 10 no_servers
		for id in $(device_ids); do del "$id"; done
		not test -e /dev/ublkc0
	done
}

no_servers() { [ -z "$(servers)" ]; }

killed_daemon_starting() {
	local delay
	for delay in 0.01 0.03 0.06 0.1; do
		setsid bareblk ublk add -d -q 4 ram:64M > out 2>&1 &
		sleep $delay
		pids=$(servers)
		[ -z "$pids" ] || kill -KILL $pids || true
		wait || true
		within 10 no_servers
		for id in $(device_ids); do del "$id"; done
	done
}

by_signal() { # SIGNAL
	serve -q 2 ram:64M
	load randrw
	kill -"$1" "$server"
	ended 0
	load_fails
	[ ! -s serve.err ] || fail "$(cat serve.err)"
	eq devices "$(nr_devices)" 0
}

sigint() { by_signal INT; }
sigterm() { by_signal TERM; }
sighup() { by_signal HUP; }

# hanging up is a terminal's, and a daemon has none
daemon_sighup() {
	add ram:64M
	pid=$(info server_pid)
	kill -HUP "$pid"
	sleep 0.3
	eq state "$(info state)" live
	dd if="$dev" of=/dev/null bs=1M count=4 iflag=direct status=none
	kill -TERM "$pid"
	within 20 no_process "$pid"
	eq devices "$(nr_devices)" 0
}

# the disk goes at once, the id when the last user lets go
sigterm_when_mounted() {
	serve --timeout=2s ram:128M
	mkfs.ext4 -q "$dev"
	mkdir -p /mnt/t
	mount -t ext4 "$dev" /mnt/t
	echo x > /mnt/t/file
	kill -TERM "$server"
	ended 7
	grep -q "open" serve.err
	umount /mnt/t
	within 20 test ! -e "/sys/class/ublk-char/ublkc$id"
	within 10 no_servers
}

deleted_when_mounted() {
	add ram:128M
	mkfs.ext4 -q "$dev"
	mkdir -p /mnt/t
	mount -t ext4 "$dev" /mnt/t
	echo x > /mnt/t/file
	status bareblk ublk del --timeout=2s "$dev"
	eq 'exit code' "$rc" 7
	grep -q 'mounted' err
	umount /mnt/t
	within 20 test ! -e "/sys/class/ublk-char/ublkc$id"
	within 10 no_servers
}

deleted_by_another() {
	serve -q 2 ram:64M
	load randrw
	del
	ended 0
	load_fails
	eq devices "$(nr_devices)" 0
}

stopped_then_deleted() {
	serve -q 2 ram:64M
	bareblk ublk stop "$dev"
	ended 0
	eq state "$(info state)" dead
	# the id is taken until del
	refuses 6 'taken' bareblk ublk add -n "$id" ram:64M
	bareblk ublk stop "$dev"
	del
	refuses 5 'no such device' bareblk ublk del "$dev"
}

held_open() {
	add ram:64M
	tail -f /dev/null < "$dev" &
	holder=$!
	within 5 test -e "/proc/$holder/fd/0"
	status bareblk ublk del --timeout=1s "$dev"
	eq 'exit code' "$rc" 7
	[ ! -s out ]
	eq 'lines on standard error' "$(wc -l < err)" 2
	grep -q "DEL_DEV: no answer within 1000 ms: .*open in tail .pid $holder)" err
	child=$(sed -n 's/.*process \([0-9]*\) was left behind.*/\1/p' err)
	[ -d "/proc/$child" ] || fail "there is no process '$child'"
	# other devices are none the worse
	before=$dev
	add ram:1M
	timeout 20 bareblk ublk del "$dev" || fail "another device could not be deleted meanwhile"
	kill $holder
	wait $holder || true
	within 10 test ! -d "/proc/$child"
	within 10 test ! -e "/sys/class/ublk-char/ublkc${before#/dev/ublkb}"
}

run_tests <<-'END'
	killed_under_reads       60  readers get errors when the server is killed, and del cleans up
	killed_under_writes      60  writers get errors when the server is killed, and del cleans up
	killed_while_stopped     60  requests that a stopped server owns fail when it is killed
	killed_under_page_cache  60  writing back ends with an error when the server is killed
	killed_when_mounted      60  a mounted file system fails and can be unmounted when the server is killed
	killed_while_starting   120  a server killed with its process group while it starts leaves nothing that del cannot delete
	killed_daemon_starting   60  a daemon killed while it starts leaves nothing that del cannot delete
	held_open                60  del of a device that is held open says so in time, and it goes with the last user
	sigterm_when_mounted     60  SIGTERM with a mounted file system says so in time, and the device goes with the mount
	deleted_when_mounted     60  del of a mounted device says so in time, and the device goes with the mount
	sigint                   60  SIGINT under load stops and deletes the device
	sigterm                  60  SIGTERM under load stops and deletes the device
	sighup                   60  SIGHUP in the foreground stops and deletes the device
	daemon_sighup            60  SIGHUP means nothing to a daemon, SIGTERM ends it
	deleted_by_another       60  a server whose device another process deletes under load ends with 0
	stopped_then_deleted     60  a stopped device keeps its id until it is deleted
END
