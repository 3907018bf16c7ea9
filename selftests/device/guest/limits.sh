#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043,SC2086
#
# Many, deep, large.

. "${0%/*}/lib.sh"

sixty_four() {
	local i=0 ids=
	{ set +x; } 2>/dev/null
	while [ $i -lt 64 ]; do
		add ram:64M
		ids="$ids $id"
		i=$((i + 1))
	done
	set -x
	eq devices "$(nr_devices)" 64
	eq 'lines of the list' "$(bareblk ublk list | grep -c ' live ')" 64
	# each has bytes of its own
	{ set +x; } 2>/dev/null
	for id in $ids; do
		dev=/dev/ublkb$id
		printf '%4096s' "$id" | poke 8192 4096
	done
	for id in $ids; do
		dev=/dev/ublkb$id
		eq "content of $dev" "$(peek 8192 4096 | tr -d ' ')" "$id"
	done
	set -x
	{ set +x; } 2>/dev/null
	echo "64 servers take $(resident) kB" > say
	set -x
	bareblk ublk del $ids
	eq devices "$(nr_devices)" 0
}

# memory that the servers have for themselves
resident() {
	local pid
	for pid in $(servers); do
		proc_status "$pid" RssAnon
	done | awk '{ sum += $1 } END { print sum }'
}

# as many requests as there are tags, at once
depth_4096() {
	serve -q 1 --depth=4096 --max-io=4K ram:64M
	eq nr_tags "$(cat "$sys/mq/0/nr_tags")" 4096
	echo 4096 > "$sys/queue/nr_requests"
	fio --name=deep --filename="$dev" --ioengine=io_uring --direct=1 --rw=randread --bs=4k --iodepth=1024 \
		--numjobs=4 --time_based --runtime=100 --output=fio.deep &
	load=$!
	within 30 has_in_flight 64
	kill -STOP "$server"
	within 30 has_in_flight 4000
	kill -CONT "$server"
	kill -INT $load
	wait $load || true
	within 20 idle
	fio --name=deep --filename="$dev" --ioengine=io_uring --direct=1 --rw=randwrite --bs=4k --iodepth=1024 --size=16m \
		--verify=crc32c --verify_fatal=1 --output=fio.deep
	del
	ended 0
}

idle() { [ "$(in_flight)" = 0 ]; }

# The kernel takes back tag by tag, and dislikes a ring that is closed meanwhile.
taken_back() {
	for i in 1 2 3 4 5 6; do
		add -q 4 --depth=4096 --max-io=4K ram:64M
		del
	done
}

depth_1() {
	add --depth=1 ram:16M
	eq nr_tags "$(cat "$sys/mq/0/nr_tags")" 1
	fio --name=shallow --filename="$dev" --ioengine=io_uring --direct=1 --rw=randwrite --bs=4k --iodepth=32 --size=4m \
		--verify=crc32c --verify_fatal=1 --output=fio.shallow
	del
}

one_tebibyte() {
	local end=$((1024 * 1024 * 1024 * 1024))
	before=$(meminfo MemAvailable)
	add ram:1T
	eq size "$(blockdev --getsize64 "$dev")" $end
	bytes_of 132 4096 > wanted
	poke $((end - 4096)) 4096 < wanted
	poke $((end / 2 + 4096)) 4096 < wanted
	peek $((end - 4096)) 4096 | cmp - wanted
	peek $((end / 2 + 4096)) 4096 | cmp - wanted
	bytes_of 000 4096 > wanted
	peek $((end / 2)) 4096 | cmp - wanted
	peek 0 4096 | cmp - wanted
	peek $((end / 4)) 4096 | cmp - wanted
	at_most 'kB that it takes' $((before - $(meminfo MemAvailable))) 65536
	blkdiscard "$dev"
	bytes_of 000 4096 > wanted
	peek $((end - 4096)) 4096 | cmp - wanted
	del
}

# nothing to do costs nothing
idle_server() {
	local begin
	serve -q 4 ram:64M
	dd if="$dev" of=/dev/null bs=1M count=16 iflag=direct status=none
	sleep 0.5
	begin=$(ticks)
	sleep 3
	at_most 'ticks of CPU while idle' $(($(ticks) - begin)) 1
	eq 'io_uring workers' "$(cat "/proc/$server/task/"*/comm | grep -c '^iou-')" 0
	del
	ended 0
}

ticks() { sed 's/.*) //' "/proc/$server/stat" | awk '{ print $12 + $13 }'; }

run_tests <<-'END'
	sixty_four    120  64 devices at once work and go
	depth_4096     90  a queue of depth 4096 owns thousands of requests and loses none
	taken_back     60  queues of depth 4096 give back all of their tags in order
	depth_1        60  a queue of depth 1 works
	one_tebibyte   60  a RAM disk of 1 TiB takes only what is written
	idle_server    30  an idle server uses no CPU and has no io_uring workers
END
