#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# Memory that runs out, where the disk is what would give some.

. "${0%/*}/lib.sh"

cgroups=/sys/fs/cgroup

# a disk whose bytes are nobody's memory in particular
backing() {
	modprobe brd rd_nr=1 rd_size=262144 2> /dev/null || skip 'brd'
	[ -b /dev/ram0 ] || skip 'brd'
	blkdiscard -z -o 0 -l 1M /dev/ram0 2> /dev/null || dd if=/dev/zero of=/dev/ram0 bs=1M count=1 2> /dev/null
}

# limit MB: a group with so much memory, and any amount of swap, in $group_dir
limit() {
	[ -e $cgroups/cgroup.controllers ] || mount -t cgroup2 none $cgroups
	grep -qw memory $cgroups/cgroup.controllers || skip 'no controller of memory'
	echo +memory > $cgroups/cgroup.subtree_control
	group_dir=$cgroups/small
	mkdir -p $group_dir
	echo $(($1 * 1048576)) > $group_dir/memory.max
	[ ! -e $group_dir/memory.swap.max ] || echo max > $group_dir/memory.swap.max
}

unlimited() {
	local pid
	# shellcheck disable=SC2013 # numbers
	for pid in $(cat $group_dir/cgroup.procs); do echo "$pid" > $cgroups/cgroup.procs; done
	rmdir $group_dir
}

# Random bytes, twice what the group may have, written to memory and read again; $1: pids that
# share the group
needs_swap() {
	local pid
	mkdir -p mem
	mount -t tmpfs -o size=200M none mem
	for pid in "$@"; do echo "$pid" > $group_dir/cgroup.procs; done
	(
		sh -c 'echo $PPID' > $group_dir/cgroup.procs
		dd if=/dev/urandom bs=64K count=1600 2> /dev/null | tee mem/file | sha256sum > wanted
		for _ in 1 2; do sha256sum < mem/file > got; cmp wanted got || exit 1; done
	) &
	work_pid=$!
}

swapped_kb() { awk -v dev="$dev" '$1 == dev { print $4 }' /proc/swaps; }

# what the kernel may not take away from a server, and has not
is_held() { # PID
	at_least 'kB that are locked' "$(proc_status "$1" VmLck)" 200
	eq 'kB that are swapped out' "$(proc_status "$1" VmSwap)" 0
	eq 'when memory runs out' "$(cat "/proc/$1/oom_score_adj")" -1000
}

swap_on_it() { # ARGS...
	backing
	limit 48
	add -q 2 "$@" file:/dev/ram0
	pid=$(info server_pid)
	mkswap "$dev" > /dev/null
	swapon "$dev" || skip 'swap'
}

swap_is_done() {
	within 100 no_process $work_pid
	wait $work_pid
	at_least 'kB in swap' "$(swapped_kb)" 40000
	at_least 'sectors written to the disk' "$(disk_stat 7)" 80000
	umount mem
	swapoff "$dev"
}

swaps() {
	swap_on_it
	needs_swap
	swap_is_done
	is_held "$pid"
	unlimited
	del
}

# ... and is itself one of those for whom there is not enough
swaps_inside() {
	swap_on_it --mode=copy --lock-buffers --depth=32 --max-io=64K
	at_least 'kB in memory' "$(proc_status "$pid" VmRSS)" 4096
	needs_swap "$pid"
	swap_is_done
	is_held "$pid"
	unlimited
	del
}

# What waits for memory waits for a server that has died, and the next one
swaps_and_dies() {
	swap_on_it --supervise --recover=reissue
	needs_swap
	for _ in 1 2 3; do
		sleep 1
		old=$(info server_pid)
		kill -9 "$old"
		within 20 another_than "$old"
	done
	swap_is_done
	is_held "$(info server_pid)"
	is_held "$(awk '{ print $4 }' "/proc/$(info server_pid)/stat")"
	unlimited
	del
}

another_than() { [ "$(info state)" = live ] && [ "$(info server_pid)" -gt 0 ] && [ "$(info server_pid)" != "$1" ]; }

# Pages that are written back are more than the group may have, the server's included
writes_back() {
	backing
	limit 48
	add -q 2 --lock-buffers --depth=32 --max-io=64K file:/dev/ram0
	pid=$(info server_pid)
	mkfs.ext4 -q "$dev"
	mkdir -p /mnt/t
	mount -t ext4 "$dev" /mnt/t
	echo "$pid" > $group_dir/cgroup.procs
	(
		sh -c 'echo $PPID' > $group_dir/cgroup.procs
		dd if=/dev/urandom bs=64K count=2000 2> /dev/null | tee /mnt/t/file | sha256sum > wanted
		sync -f /mnt/t
		sha256sum < /mnt/t/file | cmp - wanted
	) &
	work_pid=$!
	within 100 no_process $work_pid
	wait $work_pid
	umount /mnt/t
	is_held "$pid"
	unlimited
	del
}

# What is not allowed is left out: the test of what is held can fail
not_allowed() {
	dev=$(setpriv --bounding-set=-ipc_lock,-sys_resource --inh-caps=-all prlimit --memlock=0 bareblk ublk add -d ram:16M)
	name_device
	pid=$(info server_pid)
	(is_held "$pid") > held 2>&1 && fail 'it is held all the same'
	grep -q 'FAILED: kB that are locked' held
	dd if=/dev/zero of="$dev" bs=64k count=4 oflag=direct 2> /dev/null
	del
	setpriv --bounding-set=-ipc_lock,-sys_resource --inh-caps=-all prlimit --memlock=0 bareblk ublk add --verbose ram:16M > out 2> err &
	server=$!
	within 20 test -s out
	grep -q 'it may be swapped out' err
	kill $server
	wait $server
}

# What nobody has used takes next to nothing, however large it may become
idle() {
	local mode
	for mode in copy user-copy auto-buf-reg; do
		bareblk ublk add -d -q 4 --mode=$mode ram:1G > out 2> /dev/null || continue
		dev=$(cat out)
		name_device
		pid=$(info server_pid)
		echo "$mode, 4 queues of 128, 1M each: $(proc_status "$pid" VmRSS) kB in memory" >> say
		at_most 'kB in memory' "$(proc_status "$pid" VmRSS)" 6000
		del
	done
	[ -s say ]
}

run_tests <<-'END'
	swaps           150  swap on a disk of ours, and a group without memory
	swaps_inside    150  and the server has none either
	swaps_and_dies  150  and it is killed meanwhile
	writes_back     150  pages that are written back, and no memory to do it with
	not_allowed      30  what a server may not hold it does without
	idle             60  a disk that nobody uses takes no memory
END
