#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043,SC2086
#
# What goes wrong ends with its documented exit code, one line that says what
# to do, and nothing left behind.

. "${0%/*}/lib.sh"

# --- no right to it ------------------------------------------------------------

not_root() {
	unprivileged id -u > uid
	eq uid "$(cat uid)" 65534
	chmod 755 .
	: > out; : > err; chmod 666 out err
	refuses 3 'root|CAP_SYS_ADMIN|[Pp]ermission' unprivileged bareblk ublk add ram:1M
	refuses 3 'root|CAP_SYS_ADMIN|[Pp]ermission' unprivileged bareblk ublk add -d ram:1M
	add ram:1M
	refuses 3 'root|CAP_SYS_ADMIN|[Pp]ermission' unprivileged bareblk ublk del "$dev"
	refuses 3 'root|CAP_SYS_ADMIN|[Pp]ermission' unprivileged bareblk ublk info "$dev"
	del
}

# whoever may open the node may still not make devices, nor delete those of others
not_capable() {
	chmod 666 /dev/ublk-control
	refuses 3 'CAP_SYS_ADMIN' unprivileged bareblk ublk add -d ram:1M
	add ram:1M
	refuses 3 'CAP_SYS_ADMIN|permi' unprivileged bareblk ublk del "$dev"
	eq state "$(info state)" live
	chmod 600 /dev/ublk-control
	del
}

stale_memory_is_root_only() {
	chmod 666 /dev/ublk-control
	refuses 3 'root only' unprivileged bareblk ublk add -d 'null:1M?nodata=1'
	chmod 600 /dev/ublk-control
}

# 2 is for everybody, 1 for those without CAP_SYS_ADMIN
io_uring_disabled() {
	echo 2 > /proc/sys/kernel/io_uring_disabled
	status bareblk ublk add ram:1M
	status_d=0
	bareblk ublk add -d ram:1M > out_d 2> err_d || status_d=$?
	status_list=0
	bareblk ublk list > out_list 2> err_list || status_list=$?
	echo 0 > /proc/sys/kernel/io_uring_disabled
	eq 'exit code' "$rc $status_d $status_list" '3 3 3'
	for f in err err_d err_list; do
		eq "lines of $f" "$(wc -l < $f)" 1
		grep -q 'io_uring_disabled' $f
	done
	add ram:1M
	del
}

# --- no driver --------------------------------------------------------------------

module_file() { echo /lib/modules/"$(uname -r)"/kernel/drivers/block/ublk_drv.ko; }

loads_the_module() {
	rmmod ublk_drv
	not test -e /dev/ublk-control
	add ram:1M
	del
	not test -e "$dev"
}

no_module() {
	rmmod ublk_drv
	mv "$(module_file)" /tmp/ublk_drv.ko
	status bareblk ublk add ram:1M
	refused=$(cat err)
	code=$rc
	status bareblk ublk add -d ram:1M
	code="$code $rc"
	status bareblk ublk list
	code="$code $rc"
	mv /tmp/ublk_drv.ko "$(module_file)"
	eq 'exit codes' "$code" '4 4 4'
	eq lines "$(echo "$refused" | wc -l)" 1
	echo "$refused" | grep -q 'ublk_drv'
	modprobe ublk_drv
}

no_control_node() {
	rm /dev/ublk-control
	add ram:1M
	test -c /dev/ublk-control
	del
	# a node that was made so is nobody's who would take it away with the driver
	rmmod ublk_drv
	test -c /dev/ublk-control
	add ram:1M
	del
	# ... and is another one when the driver has another number
	rmmod ublk_drv
	rm -f /dev/ublk-control
	mknod /dev/ublk-control c 10 4
	add ram:1M
	del
}

# --- no such thing -----------------------------------------------------------------

no_device() {
	for verb in del stop info; do
		refuses 5 'no such device|ENODEV' bareblk ublk $verb 0
		refuses 5 'no such device|ENODEV' bareblk ublk $verb /dev/ublkb1048575
		for name in '' x -1 ublkb sda /dev/ublkc0 0x 4294967296 ' 1'; do
			refuses 2 'not a device|option' bareblk ublk $verb "$name"
		done
		refuses 2 'missing' bareblk ublk $verb
	done
}

# the good ones of several go all the same
del_of_several() {
	add -n 1 ram:1M
	add -n 3 ram:1M
	status bareblk ublk del 1 2 3
	eq 'exit code' "$rc" 5
	eq lines "$(wc -l < err)" 1
	grep -q 'device 2' err
	eq devices "$(nr_devices)" 0
}

# --- wrong words ---------------------------------------------------------------------

wrong() { # REGEX ARGS...
	local regex=$1
	shift
	refuses 2 "$regex" timeout 10 bareblk ublk add "$@"
	refuses 2 "$regex" timeout 10 bareblk ublk add -d "$@"
	eq devices "$(nr_devices)" 0
}

bad_targets() {
	wrong 'no target is called nosuch' nosuch:1M
	wrong 'name of a target is missing' ''
	wrong 'name of a target is missing' :1M
	wrong 'ram' ram
	wrong 'ram' ram:
	wrong 'parameter|nosuch' 'ram:1M?nosuch=1'
	wrong 'name=value' 'null:1M?nodata'
	wrong 'nodata' 'null:1M?nodata=maybe'
	wrong 'belong|character' 'ram:1M]'
	wrong 'character' 'ram:[1M]'
	wrong 'hexadecimal' 'ram:%4'
	wrong 'hexadecimal' 'ram:%00'
	wrong 'missing' # no target at all
	wrong 'unexpected' ram:1M ram:2M
	long=$(head -c 5000 /dev/zero | tr '\0' a)
	wrong '' "$long"
}

bad_sizes() {
	for size in 0 1 511 513 -1 1.5 1X 1MM 0x 99999999999999999999 16E 8E 1e9 ' 1M' 1M. 0.5s; do
		wrong 'size|sector|512|large|number|belong' "ram:$size"
	done
	for size in 0 511 18446744073709551615 16E; do
		wrong 'size|sector|512|large|number' "null:$size"
	done
}

bad_options() {
	wrong 'nosuch' --nosuch ram:1M
	wrong 'Z' -Z ram:1M
	wrong 'queues' --queues=0 ram:1M
	wrong 'queues' --queues=4097 ram:1M
	wrong 'queues' --queues=x ram:1M
	wrong 'queues' --queues= ram:1M
	wrong 'depth' --depth=0 ram:1M
	wrong 'depth' --depth=4097 ram:1M
	wrong 'depth' --depth=-1 ram:1M
	wrong 'max-io|largest' --max-io=512 ram:1M
	wrong 'max-io|largest' --max-io=64M ram:1M
	wrong 'max-io|largest' --max-io=5000 ram:1M
	wrong 'too small' -b 256 ram:1M
	wrong 'block' -b 1000 ram:1M
	wrong 'block' -b 8192 ram:1M
	wrong 'block' --physical-block-size=512 -b 4096 ram:1M
	wrong 'block' --physical-block-size=3000 ram:1M
	wrong 'least I/O' --io-min=1000 ram:1M
	wrong 'read-only' --read-only=perhaps ram:1M
	wrong 'affinity' --affinity=x ram:1M
	wrong 'timeout' --timeout=0 ram:1M
	wrong 'timeout' --timeout=x ram:1M
	wrong 'id' --id=x ram:1M
	wrong 'id' --id=99999999999 ram:1M
	wrong 'daemon' --daemon=1 ram:1M
	wrong 'missing|wants|value|argument' ram:1M --queues
	refuses 2 'timeout' bareblk ublk del --timeout=x 0
	refuses 2 'no verb adds' bareblk ublk adds
	refuses 2 'there is no ublq' bareblk ublq add
}

# ids that the driver does not take, which only it knows
bad_ids() {
	for id in -2 1048576 2147483647; do
		status bareblk ublk add -d --id=$id ram:1M
		[ "$rc" != 0 ] || fail "taken: $id"
		eq lines "$(wc -l < err)" 1
	done
	add --id=1048575 ram:1M
	eq dev "$dev" /dev/ublkb1048575
	del
}

id_taken() {
	add -n 5 ram:1M
	pid=$(info server_pid)
	refuses 6 'id 5 is taken' bareblk ublk add -n 5 ram:1M
	refuses 6 'id 5 is taken' bareblk ublk add -d -n 5 null:1M
	eq 'server' "$(info server_pid)" "$pid"
	eq size "$(cat "$sys/size")" 2048
	dd if="$dev" of=/dev/null bs=64k count=4 iflag=direct status=none
	del
}

# --- limits of the machine ----------------------------------------------------------

too_few_files() {
	for n in 4 5 6 7 8 9 10 12; do
		status prlimit --nofile=$n:$n bareblk ublk add -q 4 ram:1M --timeout=5s
		case $rc in
		1 | 8) eq "lines with $n files" "$(wc -l < err)" 1 ;;
		*) fail "exit code $rc with $n files: $(cat out err)" ;;
		esac
		eq devices "$(nr_devices)" 0
	done
}

too_little_memory() {
	for mb in 1 2 4 8 16; do
		status prlimit --as=$((mb * 1048576)) bareblk ublk add -q 4 ram:64M --timeout=5s
		[ "$rc" = 8 ] || fail "exit code $rc with $mb MB: $(cat out err)"
		eq "lines with $mb MB" "$(wc -l < err)" 1
		eq devices "$(nr_devices)" 0
	done
}

# --- nobody to talk to ---------------------------------------------------------------

full_output() {
	add ram:1M
	for verb in list features "info $dev" 'add --help'; do
		rc=0
		bareblk ublk $verb > /dev/full 2> err || rc=$?
		eq "exit code of $verb" "$rc" 1
		eq lines "$(wc -l < err)" 1
		grep -q 'ENOSPC' err
	done
	del
}

# a server whose path nobody can read is of no use, or at least ends as one
full_output_of_add() {
	bareblk ublk add ram:1M > /dev/full 2> err &
	server=$!
	n=0
	while [ ! -s err ] && [ $n -lt 50 ]; do
		sleep 0.2
		n=$((n + 1))
	done
	kill $server 2>/dev/null || true
	rc=0
	wait $server || rc=$?
	eq 'exit code' "$rc" 1
	eq lines "$(wc -l < err)" 1
	grep -q 'ENOSPC' err
	eq devices "$(nr_devices)" 0
}

full_output_of_daemon() {
	rc=0
	bareblk ublk add -d ram:1M > /dev/full 2> err || rc=$?
	eq 'exit code' "$rc" 1
	eq lines "$(wc -l < err)" 1
	for id in $(device_ids); do del "$id"; done
}

# the three standard files closed: a device must not take their place
closed_files() {
	bareblk ublk add -d ram:1M >&- 2>&- <&- || true
	for id in $(device_ids); do
		dev=/dev/ublkb$id
		pid=$(info server_pid)
		for n in 0 1 2; do
			case $(readlink "/proc/$pid/fd/$n") in
			/dev/null | /memfd:null*) ;;
			/dev/kmsg) eq 'what goes to the log' "$n" 2 ;;
			*) fail "file $n of the server is $(readlink "/proc/$pid/fd/$n")" ;;
			esac
		done
		del
	done
	bareblk ublk add ram:1M >&- 2>&- <&- &
	server=$!
	within 20 test -b /dev/ublkb0
	kill $server
	wait $server || true
}

reader_is_gone() {
	add ram:1M
	rc=$(bareblk ublk features 2> err | true; echo 0)
	eq 'status' "$rc" 0
	[ ! -s err ]
	del
}

run_tests <<-'END'
	not_root                 30  without root everything is refused with 3
	not_capable              30  with the control node but no capabilities, add and del are refused with 3
	stale_memory_is_root_only  10  nodata=1 is refused to everybody but root
	io_uring_disabled        30  io_uring switched off is refused with 3, and the sysctl is named
	no_module                30  without the driver's module everything is refused with 4
	loads_the_module         30  a driver that is not loaded is loaded
	no_control_node          20  a control node that is missing is made
	id_taken                 20  an id that is taken is refused with 6, and its device is none the worse
	bad_ids                  20  ids beyond the driver's range are refused, its last one works
	no_device                60  devices that are not there are refused with 5, words that are none with 2
	del_of_several           20  del of several devices deletes all that there are
	bad_targets              60  targets that make no sense are refused with 2
	bad_sizes                60  sizes that make no sense are refused with 2
	bad_options              90  options that make no sense are refused with 2
	too_few_files            60  a limit on files ends in one line and no device
	too_little_memory        60  a limit on memory ends with 8, one line and no device
	full_output              20  output that cannot be written is an error
	full_output_of_add       40  a server whose path cannot be written ends with an error and no device
	full_output_of_daemon    20  a daemon whose path cannot be written is an error
	closed_files             20  a server without standard files puts nothing of its own in their place
	reader_is_gone           20  a reader that goes away is no reason for a message
END
