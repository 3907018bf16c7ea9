# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043,SC2046,SC2086 # variables of the files that read this in
#
# Cycles of add and delete over all ways to move data, and what they may leave behind.

. "${0%/*}/ways.sh"

# What is the kernel's to free may take a moment, and its caches are not ours
settle() {
	sync
	echo 3 > /proc/sys/vm/drop_caches
	sleep 1
}

# names of all threads but the kernel's, our own session's and those of the
# scripts that watch over us
threads() {
	cat /proc/[0-9]*/task/[0-9]*/stat 2>/dev/null | awk -v own=$$ '
		{ name = rest = $0; sub(/^[0-9]* \(/, "", name); sub(/\).*/, "", name); sub(/.*\) /, "", rest) }
		{ split(rest, f, " ") }
		f[2] != 0 && f[2] != 2 && f[4] != own && name !~ /^(init|sh|sleep|sed)$/ { print name, f[1] }'
}

# count NAME PATH...: those that there are. Not in a subshell, of which our own
# files would include the pipe to it for a moment.
count() {
	local name=$1 nr=0
	shift
	for i; do [ ! -e "$i" ] || nr=$((nr + 1)); done
	echo "$name $nr 0"
}

# kB that the kernel keeps free on lists per CPU, and does not count as such
free_per_cpu() { awk '$1 == "count:" { nr += $2 } END { print nr * 4 }' /proc/zoneinfo; }

# a line per thing: name, value, how much more there may be
measure() {
	{ set +x; } 2>/dev/null
	settle
	echo "devices $(nr_devices) 0"
	count nodes /dev/ublk*
	count disks /sys/block/*
	threads > names
	echo "threads $(wc -l < names) 0"
	echo "io_workers $(cat /proc/[0-9]*/task/[0-9]*/comm 2>/dev/null | grep -c '^iou-') 0"
	# shellcheck disable=SC2010 # links, and not their names
	echo "rings $(ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c 'anon_inode:\[io_uring\]') 0"
	# as the allocator counts them, which keeps some for each CPU
	echo "ring_requests $(awk '$1 == "io_kiocb" { print $2 }' /proc/slabinfo) 256"
	count shell_files /proc/$$/fd/*
	# The kernel's count is off by 32 per CPU; a device has four files at least.
	echo "open_files $(cut -f 1 /proc/sys/fs/file-nr) 160"
	# but for the trace of this very test, which grows with each cycle
	echo "Shmem $(($(meminfo Shmem) - $(stat -L -c %b /proc/$$/fd/2) / 2)) 512"
	echo "Slab $(meminfo Slab) 3072"
	echo "Percpu $(meminfo Percpu) 512"
	echo "VmallocUsed $(meminfo VmallocUsed) 2048"
	echo "used $(($(meminfo MemTotal) - $(meminfo MemAvailable) - $(free_per_cpu))) 12288"
	set -x
}

# compare BEFORE AFTER: prints what is more than it may be
compare() {
	paste -d ' ' "$1" "$2" | awk '
		$5 - $2 > $3 { print $1 ": " $2 " before, " $5 " after"; bad = 1 }
		END { exit bad }'
}

# reads and writes as fast as they go, until there is no device any more
begin_load() {
	dd if="$dev" of=/dev/null bs=64k iflag=direct status=none 2>/dev/null &
	reader=$!
	dd if=/dev/zero of="$dev" bs=64k oflag=direct conv=notrunc status=none 2>/dev/null &
	writer=$!
	within 20 moves
}

moves() { [ "$(disk_stat 1)" -gt 20 ] && [ "$(disk_stat 5)" -gt 20 ]; }

# A reader sees the end of a disk that is gone, a writer has an error
end_load() {
	wait "$reader" || true
	not wait "$writer"
}

cycle() { # NUMBER
	local target=ram:16G queues=$(($1 % 4 + 1)) way
	# a writer fills memory, and nothing stops it: so it writes to null
	[ $(($1 % 4)) != 1 ] || target=null:1T
	# with each round every way has another number of queues
	way=$(sed -n "$((($1 + $1 / nr_ways) % nr_ways + 1))p" ways)
	add -q $queues $(way_options $way $queues $1) $target
	[ $(($1 % 2)) = 0 ] || begin_load
	del
	[ $(($1 % 2)) = 0 ] || end_load
}

cycles() { # COUNT
	local i=0
	{ set +x; } 2>/dev/null
	ways > ways
	nr_ways=$(wc -l < ways)
	at_least 'ways to move data' "$nr_ways" 4
	while [ $i -lt $((nr_ways * 2)) ]; do
		cycle $i
		i=$((i + 1))
	done
	measure > before
	i=0
	while [ $i -lt "$1" ]; do
		cycle $i
		i=$((i + 1))
	done
	measure > after
	echo "$nr_ways ways, $1 cycles" > say
	paste -d ' ' before after | awk '$5 != $2 { printf "%s %d -> %d  ", $1, $2, $5 } END { print "" }' >> say
	compare before after || fail "left behind; processes: $(cat names)"
}

# shows NAME...: the measuring finds that there is more of these
shows() {
	local name
	measure > after
	compare before after > found || true
	for name; do
		grep -q "^$name:" found || fail "nothing is said of $name: $(paste -d ' ' before after)"
	done
}

# the measuring itself: what is kept on purpose must show
finds_leak() {
	measure > before
	compare before before
	exec 7< /dev/null
	shows shell_files
	exec 7<&-
	setsid tail -f /dev/null &
	shows threads
	kill $!
	wait $! || true
	head -c 50000000 /dev/zero > /dev/shm/kept
	shows Shmem used
	rm /dev/shm/kept
	add ram:1M
	shows devices nodes disks rings
	del
	measure > after
	compare before after || fail "left behind; processes: $(cat names)"
}
