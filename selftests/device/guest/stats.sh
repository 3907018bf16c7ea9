#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043,SC2086,SC2046
#
# What a server counts, read from another process: the numbers are known here before.

. "${0%/*}/lib.sh"
. "${0%/*}/ways.sh"
json=${0%/*}/json.awk
prometheus=${0%/*}/prometheus.awk

# leaves: of the disk's stat --json, as "path value" lines; io PATH: one of the last of those
leaves() { bareblk ublk stat --json "$@" "$dev" | awk -f "$json"; }
look() { leaves "$@" > leaves; }
io() { awk -v path=".io.$1" '$1 == path { print $2 }' leaves; }

# how much more than in the file "before"
more() { awk -v path=".io.$1" '$1 == path { v[FILENAME] = $2 } END { print v["leaves"] - v["before"] }' before leaves; }

# of the file "leaves" it is the first of a list
first_request() { io "under_way.0.$1"; }

# --- numbers that are known ---------------------------------------------------------------

each_kind() {
	add -q 1 'fault:[ram:64M]'
	look
	cp leaves before
	dd if="$dev" of=/dev/null bs=4k count=25 iflag=direct status=none
	dd if=/dev/zero of="$dev" bs=16k count=10 oflag=direct status=none
	blkdiscard -f -o 1M -l 1M "$dev"
	blkdiscard -f -z -o 2M -l 64K "$dev"
	look
	eq reads "$(more requests.read.ops)" 25
	eq 'bytes read' "$(more requests.read.bytes)" 102400
	eq writes "$(more requests.write.ops)" 10
	eq 'bytes written' "$(more requests.write.bytes)" 163840
	eq discards "$(more requests.discard.ops)" 1
	eq 'bytes discarded' "$(more requests.discard.bytes)" 1048576
	eq 'write-zeroes' "$(more requests.write_zeroes.bytes)" 65536
	for kind in read write flush discard write_zeroes; do
		eq "errors of $kind" "$(io requests.$kind.errors)" 0
	done
	eq 'all of one moment' "$(io exact)" true
	eq 'under way' "$(io in_flight)" 0
	# what fails is counted, and only that
	cp leaves before
	bareblk ublk message "$dev" 'add=error/on=write/times=3'
	failed=0
	for i in 1 2 3 4 5; do
		dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct status=none || failed=$((failed + 1))
	done
	bareblk ublk message "$dev" 'rules=error/on=discard'
	not blkdiscard -f -o 1M -l 1M "$dev"
	bareblk ublk message "$dev" clear
	look
	eq 'writers that failed' $failed 3
	eq writes "$(more requests.write.ops)" 5
	eq 'failed writes' "$(more requests.write.errors)" 3
	eq 'bytes written' "$(more requests.write.bytes)" 8192
	eq 'failed discards' "$(more requests.discard.errors)" 1
	eq 'failed reads' "$(io requests.read.errors)" 0
	bareblk ublk stat "$dev" > out
	grep -Eq '^  write +15 +3 +168K ' out
	del
}

delays() {
	add -q 1 'fault?write_delay=40ms:[ram:64M]'
	look
	cp leaves before
	dd if=/dev/zero of="$dev" bs=4k count=20 oflag=direct status=none
	look
	eq writes "$(more requests.write.ops)" 20
	at_least median "$(io latency.write.p50_ns)" 37200000
	at_least average "$(io latency.write.average_ns)" 40000000
	at_least longest "$(io latency.write.max_ns)" "$(io latency.write.p99_ns)"
	at_least p99 "$(io latency.write.p99_ns)" "$(io latency.write.p50_ns)"
	eq 'at a time' "$(io depth_max)" 1
	fio --name=d --filename="$dev" --rw=randwrite --bs=4k --iodepth=8 --ioengine=libaio --direct=1 \
		--number_ios=160 --output=fio.out
	look
	eq 'at a time' "$(io depth_max)" 8
	at_least 'reads are not delayed, so it is less: median' 37000000 "$(io latency.read.p50_ns)"
	del
}

# The kernel counts, too: whichever way data and requests come, both have the same.
# 1 reads, 3 sectors, 5 writes, 7 sectors, 12 discards, 16 flushes
same_as_the_kernel() {
	look --queues
	eq "$1: reads" "$(io requests.read.ops)" "$(disk_stat 1)"
	eq "$1: bytes read" "$(io requests.read.bytes)" $(($(disk_stat 3) * 512))
	eq "$1: writes" "$(io requests.write.ops)" "$(disk_stat 5)"
	eq "$1: bytes written" "$(io requests.write.bytes)" $(($(disk_stat 7) * 512))
	eq "$1: discards" "$(io requests.discard.ops)" "$(disk_stat 12)"
	eq "$1: under way" "$(io in_flight)" 0
	eq "$1: by queue" "$(awk '/^.io.queues.*.requests.(read|write).ops / { n += $2 } END { print n }' leaves)" \
		$(($(io requests.read.ops) + $(io requests.write.ops)))
	at_least "$1: reads" "$(io requests.read.ops)" 100
	at_least "$1: discards" "$(io requests.discard.ops)" 5
}

complete() {
	number=0
	ways > list
	while read -r path transport; do
		number=$((number + 1))
		add -q 2 --depth=16 -b 4096 $(way_options $path $transport 2 $number) ram:64M
		fio --name=c --filename="$dev" --rw=randrw --bs=4k-32k --iodepth=16 --ioengine=libaio --direct=1 \
			--number_ios=300 --numjobs=2 --size=32M --output=fio.out < /dev/null
		for i in 1 2 3 4 5; do blkdiscard -f -o ${i}M -l 1M "$dev"; done
		same_as_the_kernel "$path $transport"
		del
	done < list
	at_least ways $number 2
}

# --- while it works ------------------------------------------------------------------------

reads_on() {
	until [ -e stop ]; do
		leaves --queues --requests > leaves.$1 || return 1
		awk '
			/^.io.requests.*.errors / && $2 > 0 { bad = 1 }
			/^.io.requests.*.ops / { ops += $2 }
			END { exit bad || ops < 1 }' leaves.$1 || return 1
		bareblk ublk stat --prometheus > prom.$1 && awk -f "$prometheus" prom.$1 > /dev/null || return 1
		echo >> times.$1
	done
}

two_readers() {
	add -q 2 ram:64M
	pid=$(info server_pid)
	reads_on a & a=$!
	reads_on b & b=$!
	fio --name=v --filename="$dev" --rw=randrw --bs=4k --size=48M --iodepth=32 --ioengine=libaio --direct=1 \
		--verify=crc32c --verify_fatal=1 --time_based --runtime=6 --output=fio.out
	touch stop
	wait $a
	wait $b
	at_least 'times that one looked' "$(wc -l < times.a)" 3
	at_least 'times that the other did' "$(wc -l < times.b)" 3
	eq 'the server' "$(info server_pid)" "$pid"
	look
	eq reads "$(io requests.read.ops)" "$(disk_stat 1)"
	del
}

# Nobody need answer who has been asked once: its server is stopped meanwhile.
while_stopped() {
	serve ram:64M
	bareblk ublk stat --watch "$dev" > out 2> err &
	watch=$!
	within 20 grep -q 'queue depth' out
	kill -STOP "$server"
	before=$(grep -c 'queue depth' out)
	sleep 3
	at_least 'times, meanwhile' "$(grep -c 'queue depth' out)" $((before + 1))
	kill -CONT "$server"
	del
	rc=0
	wait $watch || rc=$?
	eq 'exit code of who watched' $rc 5
	grep -q "no longer served by process $server" err
	ended 0
}

is_stuck() {
	look
	[ "$(first_request age_ns)" -ge 1000000000 ]
}

stuck() {
	add -q 1 'fault:[ram:64M]'
	bareblk ublk message "$dev" 'add=stall/on=write/times=1'
	dd if=/dev/zero of="$dev" bs=8k count=1 seek=3 oflag=direct status=none &
	writer=$!
	within 30 is_stuck
	eq kind "$(first_request kind)" write
	eq offset "$(first_request offset_bytes)" 24576
	eq length "$(first_request len_bytes)" 8192
	eq 'under way' "$(io in_flight)" 1
	age=$(first_request age_ns)
	# others are served
	dd if="$dev" of=/dev/null bs=4k count=3 iflag=direct status=none
	look
	at_least 'its age, later' "$(first_request age_ns)" $((age + 1))
	bareblk ublk stat "$dev" > out
	grep -q '^  under way for more than 1s, the oldest first:$' out
	grep -Eq '^ +[0-9.]+m?s  queue 0 tag [0-9]+ +write of 8192 bytes at 24576$' out
	bareblk ublk stat --prometheus "$dev" | grep -qx "bareblk_requests_in_flight{device=\"ublkb$id\"} 1"
	bareblk ublk message "$dev" release
	wait $writer
	look
	eq 'under way' "$(io in_flight)" 0
	eq 'the list' "$(first_request kind)" ''
	at_least 'the longest' "$(io latency.write.max_ns)" $((age / 100 * 93))
	del
}

# --- ways to look ---------------------------------------------------------------------------

watches() {
	add ram:64M
	bareblk ublk stat --watch --json "$dev" > lines &
	watch=$!
	within 20 test -s lines
	dd if=/dev/zero of="$dev" bs=4k count=50 oflag=direct status=none
	sleep 3
	kill $watch
	wait $watch || true
	# the first is of all the time, the others of what was since then: each write is in one
	n=0
	sed 1d lines > since
	while read -r line; do
		n=$((n + $(echo "$line" | awk -f "$json" | awk '$1 == ".io.requests.write.ops" { print $2 }')))
	done < since
	first=$(head -n 1 lines | awk -f "$json" | awk '$1 == ".io.requests.write.ops" { print $2 }')
	eq 'writes' $((first + n)) 50
	refuses 2 'for one disk' bareblk ublk stat --watch
	refuses 2 'not with --prometheus' bareblk ublk stat --watch --prometheus "$dev"
	del
}

all_disks() {
	status bareblk ublk stat
	eq 'exit code without any' "$rc" 0
	grep -q 'no disk' err
	eq 'a list of none' "$(bareblk ublk stat --json)" '[]'
	bareblk ublk stat --prometheus > prom
	add -n 3 ram:64M
	add -n 7 -q 2 null:1G
	dd if=/dev/ublkb7 of=/dev/null bs=4k count=10 iflag=direct status=none
	bareblk ublk stat | grep ^/dev > names
	eq names "$(cat names | tr '\n' ' ')" '/dev/ublkb3 /dev/ublkb7 '
	bareblk ublk stat --json | awk -f "$json" > all
	eq ids "$(awk '/^.[0-9]*.id / { print $2 }' all | tr '\n' ' ')" '3 7 '
	bareblk ublk stat --prometheus > prom
	awk -f "$prometheus" prom > samples
	at_least reads "$(sed -n 's/^bareblk_requests_total{device="ublkb7",kind="read"} //p' samples)" 10
	grep -q '^bareblk_request_duration_seconds_bucket{device="ublkb3",kind="write",le="+Inf"} 0$' samples
	bareblk ublk stat --prometheus --queues 7 > prom
	awk -f "$prometheus" prom > samples
	eq queues "$(grep -c '^bareblk_requests_total{.*,queue="[01]",kind="read"} ' samples)" 2
	# one of several is not there: the others are shown all the same
	status bareblk ublk stat 3 5 7
	eq 'exit code' "$rc" 5
	eq 'shown' "$(grep -c ^/dev out)" 2
	grep -q 'no such device' err
	del /dev/ublkb3
	del /dev/ublkb7
	refuses 5 'no such device' bareblk ublk stat 7
}

run_tests <<-'END'
	each_kind      60  requests, bytes and errors of each kind are as many as there were
	delays         60  latencies are those of a target that delays, and the depth that of who asks
	complete      200  each way to move data counts what the kernel counts, queue by queue
	two_readers    60  two processes look while fio verifies, and nobody notices
	while_stopped  40  a server that was stopped is looked at, and one that has gone is told
	stuck          60  a request that does not come back is told with its place and age
	watches        40  who watches sees what was since the last time
	all_disks      60  without a name all disks are shown, as text, JSON and for Prometheus
END
