#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# Servers and those who start and end them: service managers, init systems, people.

. "${0%/*}/lib.sh"

# managed ARGS...: a server as a service, whose messages are in notes
managed() {
	: > serve.out
	/notified bareblk ublk add --notify-fd=7 "$@" > notes 2> serve.err &
	manager=$!
	within 30 is_ready
	dev=$(sed -n 's/^STATUS=serves //p' notes)
	name_device
	main_pid=$(sed -n 's/^MAINPID=//p' notes)
}

is_ready() { grep -q '^READY=1' notes && grep -q '^STATUS=' notes; }

# how often a service manager was told
nr_told() { grep -c "^$1" notes || true; }

told_once() {
	within 10 no_process $manager
	wait $manager
	eq 'times that it was ready' "$(nr_told READY=1)" 1
	eq 'times that it ended' "$(nr_told STOPPING=1)" 1
	grep -q '^fd 7: 1 bytes' notes
	grep -q '^fd 7: 0 bytes' notes
	eq devices "$(nr_devices)" 0
}

foreground() {
	managed ram:1M
	eq 'who serves' "$(info server_pid)" "$main_pid"
	dd if="$dev" of=/dev/null bs=64k count=1 iflag=direct status=none
	kill "$main_pid"
	told_once
}

# The one that stays is its supervisor, and its servers are nobody's news
supervised() {
	managed --supervise ram:1M
	old=$(info server_pid)
	eq 'whose child the server is' "$(awk '{ print $4 }' "/proc/$old/stat")" "$main_pid"
	kill -9 "$old"
	within 20 another_than "$old"
	kill "$main_pid"
	told_once
}

another_than() { [ "$(info state)" = live ] && [ "$(info server_pid)" -gt 0 ] && [ "$(info server_pid)" != "$1" ]; }

daemon() {
	managed -d ram:1M
	eq 'who serves' "$(info server_pid)" "$main_pid"
	within 10 no_process $manager
	wait $manager
	[ "$(info state)" = live ]
	kill "$main_pid"
	within 10 no_process "$main_pid"
}

# What was never there was never ready
fails() {
	rc=0
	/notified bareblk ublk add --notify-fd=7 ram:7 > notes 2> err || rc=$?
	eq 'exit code' "$rc" 2
	eq 'what was said' "$(nr_told '[A-Z]')" 0
	not grep -q '^fd 7: 1 bytes' notes
	rc=0
	/notified bareblk ublk add --supervise --notify-fd=7 file:/nowhere > notes 2> err || rc=$?
	eq 'exit code' "$rc" 5
	eq 'what was said' "$(nr_told READY)" 0
	# nobody is there any more
	NOTIFY_SOCKET=@nobody bareblk ublk add -d ram:1M > out
	dev=$(cat out)
	name_device
	del
	refuses 2 'notify-fd' bareblk ublk add --notify-fd=x ram:1M
}

name_of() { tr '\0' ' ' < "/proc/$1/cmdline"; }

# Whoever has been started in an initramfs is not killed with all the others
survives() {
	add ram:1M
	case $(name_of "$(info server_pid)") in @*) fail 'it has the name of a survivor' ;; esac
	del
	mkdir -p /etc
	: > /etc/initrd-release
	add ram:1M
	case $(name_of "$(info server_pid)") in @*) ;; *) rm /etc/initrd-release; fail "it is called $(name_of "$(info server_pid)")" ;; esac
	del
	truncate -s 1M img
	add --supervise file:"$PWD"/img
	case $(name_of "$(awk '{ print $4 }' "/proc/$(info server_pid)/stat")") in @*) ;; *) fail 'the supervisor has not' ;; esac
	rm /etc/initrd-release
	del
	# also called by such a name it is what it is
	# shellcheck disable=SC3038 # busybox ash has them
	(exec -a @ublk /usr/bin/bareblk list) > out
	[ ! -s out ]
}

in_log() { dmesg | grep -c "$1" || true; }

# A daemon has nobody else to tell
logs() {
	truncate -s 4M img
	add --supervise --deaths=2 file:"$PWD"/img
	mv img away
	before=$(in_log 'servers have died in a row')
	kill -9 "$(info server_pid)"
	within 20 logged 'servers have died in a row'
	del
	mv away img
	before=$(in_log 'bareblk: ublk add: target ram')
	serve --log=kmsg --verbose ram:1M
	[ ! -s serve.err ]
	within 5 logged_now 'bareblk: ublk add: ublk.*is live'
	kill "$server"
	ended 0
}

logged() { [ "$(in_log "$1")" -gt "$before" ]; }
logged_now() { dmesg | grep -q "$1"; }

# The example for an initramfs does what it says
initramfs() {
	mkdir -p /etc/bareblk/initramfs
	truncate -s 4M img
	echo "TARGET=file:$PWD/img" > /etc/bareblk/initramfs/one.conf
	echo "OPTIONS='--id=3 --recover=reissue'" >> /etc/bareblk/initramfs/one.conf
	echo 'TARGET=ram:1M' > /etc/bareblk/initramfs/two.conf
	eq 'what it wants first' "$(sh /local-top prereqs)" ''
	sh /local-top > out
	grep -qx /dev/ublkb3 out
	eq devices "$(nr_devices)" 2
	dev=/dev/ublkb3
	case $(name_of "$(info server_pid)") in @*) ;; *) fail 'it would be killed' ;; esac
	for id in $(device_ids); do del "$id"; done
	rm -r /etc/bareblk /etc/initrd-release
	sh /local-top > out
	[ ! -s out ]
	rm /etc/initrd-release
}

run_tests <<-'END'
	foreground  30  a service manager is told when the disk is there, and when it goes
	supervised  60  of a supervisor, once
	daemon      30  and of a daemon
	fails       60  what did not begin was never ready
	survives    30  in an initramfs it asks not to be killed with all others
	initramfs   60  the example for an initramfs serves what it is told to
	logs        60  a daemon's messages are in the kernel's log
END
