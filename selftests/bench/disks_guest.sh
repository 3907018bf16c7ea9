#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC3043
#
# In the guest of disks.sh: disks beside each other, all of them there at once, each work
# done with one after the other, round by round. A line of JSON for each measurement; one
# that begins with "-" says what this kernel does not have.
#
# usage: disks_guest.sh QUEUES ROUNDS TIME|REQUESTS DISK... -- WORK...
#
#   DISK    null_blk, brd, loop; or TARGET/MODE[+batch] of null, nodata, ram, file
#   WORK    HOW-SIZE-[JOBSx]DEPTH; HOW of read, write, mixed, seqread, seqwrite

set -u
disk_mib=64
tracing=/sys/kernel/tracing
syscalls=$tracing/events/raw_syscalls/sys_enter

fail() {
	echo "bench: $*"
	exit 1
}

# --- disks: NAME DEVICE SERVER in the file "disks", SERVER 0 for the kernel's ----------

kernel_disk() {
	case $1 in
	null_blk)
		modprobe null_blk nr_devices=1 gb=1 submit_queues="$queues" hw_queue_depth=128
		dev=/dev/nullb0
		;;
	brd)
		modprobe brd rd_nr=1 rd_size=$((disk_mib * 1024))
		dev=/dev/ram0
		;;
	loop)
		truncate -s ${disk_mib}M /mnt/loop && modprobe loop && losetup /dev/loop0 /mnt/loop
		dev=/dev/loop0
		;;
	esac || fail "the kernel's $1 cannot be had"
	server=0
}

target_spec() { # TARGET NAME
	case $1 in
	null)   echo "null:${disk_mib}M" ;;
	nodata) echo "null:${disk_mib}M?nodata=1" ;;
	ram)    echo "ram:${disk_mib}M" ;;
	file)   echo "file:/mnt/$2?size=${disk_mib}M" ;;
	*)      fail "$1: not a target" ;;
	esac
}

# Fails for what the kernel, or the target, does not have
our_disk() { # NAME
	local mode=${1#*/} batch=no status=0
	case $mode in
	*+batch) batch=yes mode=${mode%+batch} ;;
	esac
	dev=$(bareblk ublk add -d -q "$queues" --depth=128 --mode="$mode" --batch=$batch \
		"$(target_spec "${1%%/*}" "$(echo "$1" | tr / -)")" 2> /tmp/why) || status=$?
	case $status in
	0)     server=$(bareblk ublk info --json "$dev" | sed -n 's/.*"server_pid": *\([0-9]*\).*/\1/p') ;;
	2 | 4) echo "- $1: $(cat /tmp/why)" && return 1 ;;
	*)     fail "$1: $(cat /tmp/why)" ;;
	esac
}

make_disk() { # NAME
	case $1 in
	*/*) our_disk "$1" || return 0 ;;
	*)   kernel_disk "$1" ;;
	esac
	bareblk bench run --rw=write --bs=1M --size=${disk_mib}M --requests=$((2 * disk_mib)) "$dev" > /tmp/fill 2>&1 ||
		fail "$1 cannot be filled: $(cat /tmp/fill)"
	echo "$1 $dev $server" >> /tmp/disks
}

# --- what is counted beside ---------------------------------------------------------------

# nanoseconds that the threads of a process had a processor
cpu_of() { cat /proc/"$1"/task/*/schedstat 2> /dev/null | awk '{ ns += $1 } END { printf "%.0f\n", ns }'; }

switches_of() { cat /proc/"$1"/task/*/status 2> /dev/null | awk '/ctxt_switches/ { n += $2 } END { print n + 0 }'; }

# nanoseconds that processors had tasks to run
cpu_of_all() { awk '/^cpu/ { ns += $8 } END { printf "%.0f\n", ns }' /proc/schedstat; }

# KiB that a process has in memory, without what the disk stores
memory_of() {
	[ "$1" = 0 ] && echo 0 && return
	awk -v data=$((disk_mib * 1024)) '$1 == "Size:" { size = $2 } $1 == "Rss:" && size < data { kib += $2 } END { print kib + 0 }' /proc/"$1"/smaps
}

# The system calls of a process are counted by the kernel's tracing, which costs time: in a
# round of its own, whose time is nobody's
count_syscalls() { echo "${1-}hist:keys=common_pid:size=2048" > "$syscalls/trigger"; }
syscalls_of() {
	ls /proc/"$1"/task > /tmp/tasks 2> /dev/null
	awk 'NR == FNR { mine[$1] = 1; next }
		/hitcount:/ { sub(/.*common_pid: */, ""); sub(/ *}.*hitcount: */, " "); split($0, a, " "); if (a[1] in mine) n += a[2] }
		END { print n + 0 }' /tmp/tasks "$syscalls/hist"
}

# --- measurements ------------------------------------------------------------------------

# how_long DEPTH SIZE: for so long, or so many; large and lonely ones are fewer
how_long() {
	local nr=${length%%[!0-9]*}
	case $length in
	*[!0-9]*) echo "--time=$length" && return ;;
	esac
	case $2 in
	4K) ;;
	*M) nr=$((nr / 64)) ;;
	*)  nr=$((nr / 4)) ;;
	esac
	[ "$1" != 1 ] || nr=$((nr / 2))
	echo "--requests=$((nr / jobs))"
}

# parse_work WORK: sets how, size, jobs and depth
parse_work() {
	how=${1%%-*}
	depth=${1##*-}
	size=${1#*-}
	size=${size%-*}
	jobs=1
	case $depth in
	*x*) jobs=${depth%x*} depth=${depth#*x} ;;
	esac
	case $how in
	read | write)       how=rand$how ;;
	mixed)              how=randrw ;;
	seqread | seqwrite) how=${how#seq} ;;
	esac
}

measure() { # ROUND WORK NAME DEVICE SERVER
	local cpu all switches calls
	parse_work "$2"
	[ "$1" != 0 ] || count_syscalls
	switches=$(switches_of "$5")
	cpu=$(cpu_of "$5")
	all=$(cpu_of_all)
	bareblk bench run --json --rw="$how" --bs="$size" --jobs=$jobs --depth="$depth" \
		"$(how_long "$depth" "$size")" --size=${disk_mib}M "$4" > /tmp/result 2>&1 ||
		fail "$2 of $3: $(cat /tmp/result)"
	all=$(($(cpu_of_all) - all))
	cpu=$(($(cpu_of "$5") - cpu))
	switches=$(($(switches_of "$5") - switches))
	calls=null
	[ "$1" != 0 ] || { calls=$(syscalls_of "$5"); count_syscalls '!'; }
	echo "{\"queues\": $queues, \"round\": $1, \"work\": \"$2\", \"disk\": \"$3\", \"server_ns\": $cpu," \
		"\"all_ns\": $all, \"switches\": $switches, \"syscalls\": $calls, \"server_kib\": $(memory_of "$5")," \
		"\"bench\": $(tr -d '\n' < /tmp/result)}"
}

round() { # ROUND WORK...
	local round=$1 work
	shift
	for work; do
		while read -r name dev server; do
			measure "$round" "$work" "$name" "$dev" "$server" < /dev/null
		done < /tmp/disks
	done
}

queues=$1 rounds=$2 length=$3
shift 3
mount -t tmpfs -o size=3G none /mnt || fail 'no tmpfs'
mount -t tracefs none $tracing 2> /dev/null
[ -w $syscalls/trigger ] || fail 'this kernel does not count system calls'
: > /tmp/disks
while [ "$1" != -- ]; do
	make_disk "$1"
	shift
done
shift
[ -s /tmp/disks ] || fail 'there are no disks to measure'
for nr in $(seq 0 "$rounds"); do
	round "$nr" "$@"
done
while read -r name dev server; do
	[ "$server" = 0 ] || bareblk ublk del "$dev" || fail "$dev cannot be deleted"
done < /tmp/disks
