#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# Devices that do not want to go, and such that shall not.

. "${0%/*}/lib.sh"

# who reads behind 8M waits in the server until that is gone; who looks for partitions does not
stuck_there='fault?rules=delay/on=read/at=8M-16M/by=1h'

# read_forever: a reader of the device, in $reader
read_forever() {
	dd if="$dev" of=/dev/null bs=4k skip=2k count=1 iflag=direct 2> reader.err &
	reader=$!
	within 10 has_in_flight 1
}

reader_fails() {
	within 20 no_process "$reader"
	not wait "$reader"
	grep -q 'error' reader.err
}

state_in_list() { bareblk ublk list | awk -v dev="$dev" '$1 == dev { print $2 }'; }

# del says what to do about it; --force does that
stuck_backend() {
	serve "$stuck_there:[ram:16M]"
	read_forever
	status bareblk ublk del --timeout=1s "$dev"
	eq 'exit code' "$rc" 7
	grep -q "STOP_DEV: no answer within 1000 ms: its server, process $server, .*--force" err
	# others are none the worse, and are shown
	stuck_dev=$dev stuck_id=$id
	add ram:1M
	eq 'its state' "$(state_in_list)" live
	del
	dev=$stuck_dev id=$stuck_id
	eq 'its state' "$(state_in_list)" stuck
	eq 'as info has it' "$(info state)" stuck
	bareblk ublk del --force "$dev"
	ended 137
	reader_fails
	eq devices "$(nr_devices)" 0
}

# nothing in it goes on: it does not even take the kernel's word that it is to end
stopped_server() {
	serve -q 2 ram:64M
	kill -STOP "$server"
	read_forever
	bareblk ublk del --force "$dev"
	ended 137
	reader_fails
	eq devices "$(nr_devices)" 0
}

# a server that does as it is told lives, and ends well
healthy() {
	serve -q 2 ram:64M
	fio --name=load --filename="$dev" --ioengine=libaio --direct=1 --rw=randrw --bs=16k --iodepth=16 \
		--time_based --runtime=60 --output=fio.out 2> fio.err &
	load=$!
	within 30 has_in_flight 1
	bareblk ublk del --force "$dev"
	ended 0
	within 30 no_process "$load"
	eq devices "$(nr_devices)" 0
}

# there is nobody to kill
dead_server() {
	serve ram:64M
	kill -KILL "$server"
	ended 137
	bareblk ublk del --force "$dev"
	serve --recover=reissue file:"$PWD"/img?size=4M
	kill -KILL "$server"
	ended 137
	within 10 is_quiesced
	# what waits in the kernel is nobody's yet, and not counted
	dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct 2> reader.err &
	reader=$!
	sleep 1
	not no_process "$reader"
	bareblk ublk del --force "$dev"
	reader_fails
	eq devices "$(nr_devices)" 0
}

is_quiesced() { [ "$(info state)" = quiesced ]; }

# another server would be the wrong answer
supervised() {
	serve --supervise "$stuck_there:[file:$PWD/img?size=16M]"
	read_forever
	bareblk ublk del --force --timeout=5s "$dev"
	reader_fails
	within 30 no_process "$server"
	within 20 test "$(nr_devices)" = 0
}

# it frees the disk, not those who have it
mounted() {
	serve --timeout=2s ram:64M
	mkfs.ext4 -q "$dev"
	mkdir -p /mnt/t
	mount -t ext4 "$dev" /mnt/t
	kill -STOP "$server"
	(cat /dev/zero > /mnt/t/file; sync -f /mnt/t) 2> /dev/null &
	within 20 has_in_flight 1
	status bareblk ublk del --force --timeout=5s "$dev"
	eq 'exit code' "$rc" 7
	grep -q 'mounted on /mnt/t' err
	wait "$server" || true
	wait $! || true
	umount /mnt/t
	within 20 test ! -e "/sys/class/ublk-char/ublkc$id"
	within 10 no_servers
}

no_servers() { [ -z "$(servers)" ]; }

# --- what is in use ----------------------------------------------------------------

# keeps_used PATTERN: del and stop leave it alone
keeps_used() {
	refuses 6 "in use: .*$1" bareblk ublk stop --safe "$dev"
	refuses 6 "in use: .*$1" bareblk ublk del --safe "$dev"
	eq 'its state' "$(info state)" live
	dd if="$dev" of=/dev/null bs=64k count=1 iflag=direct status=none
}

safe_open() {
	add ram:16M
	tail -f /dev/null < "$dev" &
	holder=$!
	within 5 test -e "/proc/$holder/fd/0"
	keeps_used "open in tail .pid $holder"
	kill $holder
	wait $holder || true
	bareblk ublk del --safe "$dev"
	eq devices "$(nr_devices)" 0
}

safe_mounted() {
	add ram:64M
	mkfs.ext4 -q "$dev"
	mkdir -p /mnt/t
	mount -t ext4 "$dev" /mnt/t
	keeps_used 'mounted on /mnt/t'
	umount /mnt/t
	bareblk ublk stop --safe "$dev"
	eq 'its state' "$(info state)" dead
	bareblk ublk del --safe "$dev"
	eq devices "$(nr_devices)" 0
	refuses 2 'give one' bareblk ublk del --safe --force 0
}

safe_swap() {
	add ram:16M
	mkswap "$dev" > /dev/null
	swapon "$dev" || skip 'swap'
	keeps_used "swap on $dev"
	swapoff "$dev"
	bareblk ublk del --safe "$dev"
}

# who has only the character device open, and no more than that, is told as well
char_held() {
	add ram:16M
	kill -KILL "$(info server_pid)"
	within 10 is_dead
	within 10 holds_char
	status bareblk ublk del --timeout=1s "$dev"
	eq 'exit code' "$rc" 7
	grep -q "/dev/ublkc$id open in tail .pid $holder" err
	kill $holder
	wait $holder || true
	within 10 test ! -e "/sys/class/ublk-char/ublkc$id"
	within 10 no_servers
}

# The kernel may still be busy with taking it from the server that is dead
holds_char() {
	tail -f /dev/null < "/dev/ublkc$id" &
	holder=$!
	sleep 0.2
	[ "$(readlink "/proc/$holder/fd/0")" = "/dev/ublkc$id" ]
}

is_dead() { [ "$(info state)" = dead ]; }

run_tests <<-'END'
	stuck_backend   60  a target that does not answer makes del say so, and list, and --force ends it
	stopped_server  60  --force ends a server that is stopped
	healthy         60  --force leaves a server alive that lets go by itself
	dead_server     60  --force deletes what has no server
	supervised      90  --force deletes a device whose server is replaced when it dies
	mounted         60  --force says who has the device mounted, and it goes with the mount
	safe_open       60  --safe keeps a device that is open
	safe_mounted    60  --safe keeps a device that is mounted
	safe_swap       60  --safe keeps a device that is swapped to
	char_held       60  del says who has the character device open
END
