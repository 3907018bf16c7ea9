#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043,SC2086
#
# What others do to devices while they come and go.

. "${0%/*}/lib.sh"

# --- whoever opens what appears, as udev's helpers do --------------------------

# Into the file "probed" a character for each node that could be opened
probe_forever() {
	local node
	{ set +x; } 2>/dev/null
	while :; do
		for node in /dev/ublkb[0-9]* /dev/ublkc[0-9]*; do
			true < "$node" && printf '%.1s' "${node#/dev/ublk}" >> probed
		done
	done 2>/dev/null
}

probed() { tr -dc "$1" < probed | wc -c; } # b or c

probed_cycles() {
	local probers='' i=0
	: > probed
	probe_forever &
	probers="$probers $!"
	probe_forever &
	probers="$probers $!"
	while [ $i -lt 20 ]; do
		add -q 2 ram:16M
		bytes_of 141 4096 | poke 4096 4096
		peek 4096 4096 > got
		bytes_of 141 4096 | cmp - got
		del
		eq devices "$(nr_devices)" 0
		i=$((i + 1))
	done
	kill $probers
	at_least 'times that a disk was opened' "$(probed b)" 20
	echo "opened: disks $(probed b) times, nodes of servers $(probed c) times" > say
}

# --- a second one ------------------------------------------------------------------

# one has it, the other is told so, whoever comes first
two_at_once() {
	local i=0 first second
	while [ $i -lt 5 ]; do
		first=0 second=0
		bareblk ublk add -d -n 7 ram:1M > out1 2> err1 &
		bareblk ublk add -d -n 7 ram:2M > out2 2> err2 || second=$?
		wait $! || first=$?
		case "$first $second" in
		'0 6') grep -q 'id 7 is taken' err2 ;;
		'6 0') grep -q 'id 7 is taken' err1 ;;
		*) fail "exit codes $first and $second: $(cat err1 err2)" ;;
		esac
		eq paths "$(cat out1 out2)" /dev/ublkb7
		del 7
		i=$((i + 1))
	done
}

# what has stopped is not started again: it goes, and another comes
again_after_stop() {
	local i=0
	while [ $i -lt 3 ]; do
		add -n 3 ram:1M
		bareblk ublk stop "$dev"
		refuses 6 'id 3 is taken' bareblk ublk add -d -n 3 ram:1M
		del
		i=$((i + 1))
	done
	add -n 3 ram:1M
	peek 0 4096 > /dev/null
	del
}

# --- too much ------------------------------------------------------------------------

queues_above_cpus() {
	add -q 4096 --depth=4 ram:16M
	eq queues "$(nr_hardware_queues)" "$(nproc)"
	bytes_of 101 65536 | poke 65536 65536
	peek 65536 65536 > got
	bytes_of 101 65536 | cmp - got
	del
}

# --- a scan for partitions that takes its time -----------------------------------------

# where it is part of starting (before 6.19) and where it is not
deleted_while_scanned() {
	bareblk ublk add --timeout=60s 'fault?read_delay=1s:[ram:16M]' > serve.out 2> serve.err &
	server=$!
	within 30 test -e /sys/block/ublkb0
	timeout 90 bareblk ublk del --timeout=60s 0
	within 30 no_process $server
	eq devices "$(nr_devices)" 0
}

# by hand, and whoever deletes meanwhile waits no longer than it may
deleted_while_probed() {
	local reader
	add 'fault?read_delay=1s:[ram:16M]'
	dd if="$dev" of=/dev/null bs=4k count=4 iflag=direct status=none 2> dd.err &
	reader=$!
	within 10 has_in_flight 1
	timeout 90 bareblk ublk del --timeout=60s "$dev"
	within 30 no_process $reader
	eq devices "$(nr_devices)" 0
}

# --- a server that holds what is mounted from its disk -----------------------------------

# in_a_namespace OPTION...: a disk whose filesystem is mounted where its servers live, only
in_a_namespace() {
	rm -f img
	truncate -s 32M img
	mkfs.ext4 -q img
	mkdir -p /mnt/t
	export options="$*"
	dev=$(unshare -m sh -c '
		mount --make-rprivate /
		dev=$(bareblk ublk add -d $options file:"$PWD"/img 2> said)
		mount -t ext4 $dev /mnt/t
		echo data > /mnt/t/file
		echo $dev')
	name_device
	not grep -q "^$dev " /proc/mounts
}

# The supervisor still has the namespace when a server dies
goes_on_in_it() {
	in_a_namespace --supervise
	[ ! -s said ] || fail "said: $(cat said)"
	old=$(info server_pid)
	kill -9 "$old"
	within 20 another_than "$old"
	nsenter -m -t "$(info server_pid)" sh -c 'grep data /mnt/t/file && cp /mnt/t/file /mnt/t/more && umount /mnt/t'
	e2fsck -fn "$dev" > check.out 2>&1
	del
}

another_than() { [ "$(info state)" = live ] && [ "$(info server_pid)" -gt 0 ] && [ "$(info server_pid)" != "$1" ]; }

# That it would not outlive its only server is said; what ends in order ends
ends_in_it() {
	in_a_namespace --recover=queue
	grep -q 'in this mount namespace alone.*--supervise' said
	timeout 90 bareblk ublk del --timeout=30s "$dev"
	eq devices "$(nr_devices)" 0
	serve ram:1M
	[ ! -s serve.err ] || fail "said: $(cat serve.err)"
	del
}

run_tests <<-'END'
	probed_cycles          90  devices come and go while others open every node that appears
	two_at_once            60  of two servers that want one id, one has it
	again_after_stop       40  a device that was stopped is deleted before its id is used again
	queues_above_cpus      20  more queues than CPUs are cut, and the disk works
	deleted_while_scanned  60  a disk is deleted while the kernel looks for partitions on it, slowly
	goes_on_in_it          60  a filesystem that only its servers have mounted outlives one of them
	ends_in_it             90  and does not keep the disk from being deleted
	deleted_while_probed   60  a disk is deleted while a slow read is under way
END
