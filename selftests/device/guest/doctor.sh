#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# What stands in the way is found, the remedy is one, and looking changes nothing.

. "${0%/*}/lib.sh"

json=${0%/*}/json.awk
node=/dev/ublk-control

# doctor [CMD...]: what it says, in out, by way of CMD
doctor() { status "$@" bareblk ublk doctor; }

# finds CODE LEVEL NAME REGEX: the last examination did
finds() {
	eq 'exit code' "$rc" "$1"
	[ ! -s err ] || fail "on standard error: $(cat err)"
	grep -Eq "^$2  *$3: .*$4" out || fail "not found: $2 $3 $4: $(cat out)"
}

remedy() { sed -n "/^[a-z]*  *$1: /{n;s/^ *-> \(as root: \)\{0,1\}//p;}" out | head -n 1; }

# well: an examination finds nothing that is bad
well() {
	doctor
	eq 'exit code' "$rc" 0
	not grep -E '^(problem|warning)' out
}

# cures NAME: what it says is to be done is done, and all is well
cures() {
	cure=$(remedy "$1")
	[ -n "$cure" ] || fail "no remedy for $1: $(cat out)"
	eval "$cure" > cure.out
	well
}

healthy() {
	well
	for name in rights limits io_uring module control-node udev devices; do
		grep -q "^ok  *$name: " out || fail "$name: $(cat out)"
	done
	grep -Eq '^(ok|note)  *features: ' out
	add ram:1M
	well
	grep -q '^ok  *devices: 1, all with a server' out
	del
}

in_json() {
	bareblk ublk doctor > out
	bareblk ublk doctor --json > text
	awk -f "$json" text > leaves
	eq findings "$(grep -c '^\.[0-9]*\.name ' leaves)" "$(grep -Ec '^(ok|note|warning|problem) ' out)"
	for key in name level what remedy; do
		eq "$key" "$(grep -c "^\.[0-9]*\.$key" leaves)" "$(grep -c '\.name ' leaves)"
	done
	rc=0
	prlimit --nofile=10:10 bareblk ublk doctor --json > text || rc=$?
	eq 'exit code' "$rc" 8
	awk -f "$json" text > leaves
	grep -q '\.level problem' leaves
}

# kernels have what came with them, and others are told the release
names_what_is_missing() {
	doctor
	if is_since 7.3; then
		finds 0 ok features 'all'
	else
		finds 0 note features 'no BATCH_IO: no --batch'
		eq remedy "$(sed -n '/BATCH_IO/{n;s/^ *-> //p;}' out)" 'Linux 7.0 or newer'
		grep -q '^note  *kernel-recovery-oops: ' out
	fi
}

module_is_not_loaded() {
	rmmod ublk_drv
	doctor
	finds 0 note module 'not loaded: .*/ublk_drv.ko'
	not test -e /sys/module/ublk_drv
	eq remedy "$(remedy module)" 'modprobe ublk_drv'
	cures module
}

# a driver that has gone without its node, as where nobody looks after /dev
node_is_left() {
	rmmod ublk_drv
	mknod $node c 10 200
	doctor
	finds 0 note module 'not loaded'
	add ram:1M
	del
	doctor
	finds 0 ok module loaded
	finds 0 ok control-node ''
}

module_is_missing() {
	local file
	file=/lib/modules/$(uname -r)/kernel/drivers/block/ublk_drv.ko
	rmmod ublk_drv
	mv "$file" /tmp/ublk_drv.ko
	doctor
	mv /tmp/ublk_drv.ko "$file"
	modprobe ublk_drv
	finds 4 problem module 'no driver'
	well
}

node_is_missing() {
	rm $node
	doctor
	finds 0 note control-node missing
	not test -e $node
	cures control-node
	test -c $node
}

node_is_another() {
	rm $node
	mknod $node c 1 3
	doctor
	finds 4 problem control-node "not the driver's"
	cures control-node
	bareblk ublk list
	test -c $node
}

by_a_user() {
	chmod 755 .
	doctor unprivileged
	finds 3 problem rights CAP_SYS_ADMIN
	finds 3 problem control-node "Permission denied"
	add ram:1M
	chmod 666 $node
	doctor unprivileged
	chmod 600 $node
	finds 3 ok control-node ''
	finds 3 note devices '1 belong to others'
	del
}

sysctl_is_2() {
	echo 2 > /proc/sys/kernel/io_uring_disabled
	doctor
	echo 0 > /proc/sys/kernel/io_uring_disabled
	finds 3 problem io_uring 'io_uring_disabled is 2'
	eq remedy "$(remedy io_uring)" 'sysctl kernel.io_uring_disabled=0'
	well
}

sysctl_is_1() {
	echo 1 > /proc/sys/kernel/io_uring_disabled
	doctor
	mv out root
	doctor unprivileged
	echo 0 > /proc/sys/kernel/io_uring_disabled
	finds 3 problem io_uring 'io_uring_disabled is 1, and kernel.io_uring_group -1'
	grep -q '^ok  *io_uring' root
}

filtered() {
	doctor /without_io_uring 1
	finds 3 problem io_uring 'a seccomp filter forbids it'
	doctor /without_io_uring 38
	finds 4 problem io_uring 'a seccomp filter forbids it'
	/without_io_uring 1 bareblk ublk add ram:1M 2> err && fail "it is not filtered"
	well
}

few_files() {
	# the exit status is that of add
	for n in 10 11; do
		refuses 8 'EMFILE' prlimit --nofile=$n:1024 bareblk ublk add ram:1M
	done
	doctor prlimit --nofile=15:1024
	finds 8 problem limits 'at most 15 open files'
	eq remedy "$(remedy limits)" 'ulimit -n 1024'
	doctor prlimit --nofile=16:1024
	finds 0 warning limits 'at most 16 open files'
	doctor prlimit --nofile=40:1024
	finds 0 warning limits 'at most 40 open files'
	doctor prlimit --nofile=64:1024
	finds 0 ok limits ''
}

server_of() { info server_pid; }
state_is() { [ "$(info state)" = "$1" ]; }

orphan() { # STATE ARGS...: a device whose server was killed, and which is found
	local state=$1
	shift
	add "$@"
	kill -9 "$(server_of)"
	within 10 state_is "$state"
	doctor
	finds 0 warning orphan "device $id, bareblk's, is $state"
}

dead() {
	orphan dead ram:1M
	# gc would leave it alone for ten seconds: it could be just being made
	eval "$(remedy orphan | sed 's/, or .*//')"
	well
	eq devices "$(nr_devices)" 0
	orphan dead ram:1M
	touch -d '2020-01-01 00:00' "/dev/ublkc$id"
	eval "$(remedy orphan | sed 's/.*: //')"
	well
	eq devices "$(nr_devices)" 0
}

quiesced() {
	orphan quiesced --recover=queue file:"$PWD"/img?size=4M
	eval "$(remedy orphan | sed 's/, or .*//')"
	well
	state_is live
	kill -9 "$(server_of)"
	within 10 state_is quiesced
	rm /run/bareblk/ublk"$id".memo
	doctor
	finds 0 warning orphan "device $id"
	eq remedy "$(remedy orphan)" "bareblk ublk recover -d $id TARGET, or bareblk ublk del $id"
	eval "$(remedy orphan | sed 's/.*, or //')"
	well
	eq devices "$(nr_devices)" 0
}

# who is about to go on needs nobody's help
supervised() {
	add --supervise ram:1M
	pid=$(server_of)
	supervisor=$(awk '{ print $4 }' "/proc/$pid/stat")
	kill -STOP "$supervisor"
	kill -9 "$pid"
	within 10 state_is quiesced
	doctor
	kill -CONT "$supervisor"
	eq 'exit code' "$rc" 0
	not grep -q orphan out
	within 20 state_is live
	well
	del
}

stopped_server() {
	serve ram:16M
	well
	kill -STOP "$server"
	dd if="$dev" of=/dev/null bs=64k count=1 iflag=direct status=none 2> dd.err &
	reader=$!
	within 10 has_in_flight 1
	doctor
	finds 0 warning stuck "device $id: 1 requests under way, none done"
	remedy stuck | grep -q "process $server "
	kill -CONT "$server"
	wait $reader
	well
	kill "$server"
	ended 0
}

# what an earlier del has come to
stuck_command() {
	serve 'fault?rules=delay/on=read/at=8M-16M/by=1h:[ram:16M]'
	dd if="$dev" of=/dev/null bs=64k skip=128 count=1 iflag=direct status=none 2> dd.err &
	reader=$!
	within 10 has_in_flight 1
	status bareblk ublk del --timeout=1s "$dev"
	eq 'exit code' "$rc" 7
	doctor
	finds 0 warning stuck "device $id: another command for it does not end"
	eval "$(remedy stuck | sed 's/, or .*//')"
	ended 137
	within 20 no_process $reader
	not wait $reader
	well
	eq devices "$(nr_devices)" 0
}

too_many_users() {
	local max=/sys/module/ublk_drv/parameters/ublks_max before
	before=$(cat $max)
	echo 0 > $max
	doctor
	finds 0 warning ublks_max '0 unprivileged devices'
	cures ublks_max
	echo "$before" > $max
}

run_tests <<-'END'
	healthy                20  on a machine that is well it finds nothing, with and without a device
	in_json                20  as JSON it says the same
	names_what_is_missing  20  features that are missing are told with what they cost and their release
	module_is_not_loaded   20  a module that is not loaded is found, and not loaded by looking
	node_is_left           20  a node without its driver stands in the way
	module_is_missing      20  without the module there is a problem
	node_is_missing        20  a control node that is missing is found, and not made by looking
	node_is_another        20  so is another device in its place
	by_a_user              20  a user learns what is not theirs
	sysctl_is_2            20  io_uring that is switched off is found
	sysctl_is_1            20  io_uring that is for the privileged is found by others
	filtered               20  a seccomp filter is found, whatever it answers
	few_files              20  a limit on files is found
	dead                   30  a device of a dead server is found, and removed by what it says
	quiesced               30  one that waits for a server is found, and gets one by what it says
	supervised             30  but not one that its supervisor looks after
	stopped_server         30  requests that nobody completes are found, and who should have
	stuck_command          60  so is a command that does not end, and del --force ends it
	too_many_users         20  a limit on users' devices that is reached is found
END
