#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043,SC2086
#
# bareblk bench: does it do what it says, does it find what is wrong, and are its numbers
# those of fio and of the kernel? How fast a disk is decides nothing here.

. "${0%/*}/lib.sh"
json=${0%/*}/json.awk

# run OPTION...: with its numbers in the file "leaves"; number PATH: one of them
run() { bareblk bench --json "$@" "$dev" > out && awk -f "$json" out > leaves; }
number() { awk -v path=".$1" '$1 == path { print $2 }' leaves; }

# what the kernel has counted of the disk since it was kept in "before": FIELD of its "stat"
counted() { awk -v field="$1" '{ n = $field - n } END { print n }' before "$sys/stat"; }

# --- what it does ------------------------------------------------------------------------

as_many() {
	# before 7.0 the scan is over when the disk is there
	if is_since 7.0; then
		add -q 2 --part-scan=no ram:64M
	else
		add -q 2 ram:64M
	fi
	cp "$sys/stat" before
	run --rw=randrw --reads=25 --requests=4000 --jobs=2 --depth=16 --bs=8K
	eq 'requests' $(($(number read.ops) + $(number write.ops))) 8000
	# what the kernel has merged it counts beside
	eq 'reads, as the kernel counts' $(($(counted 1) + $(counted 2))) "$(number read.ops)"
	eq 'writes' $(($(counted 5) + $(counted 6))) "$(number write.ops)"
	eq 'bytes written' "$(number write.bytes)" $(($(counted 7) * 512))
	at_least reads "$(number read.ops)" 1800
	at_most reads "$(number read.ops)" 2200
	at_most 'at a time' "$(bareblk ublk stat --json "$dev" | awk -f "$json" | awk '$1 == ".io.depth_max" { print $2 }')" 32
	at_least 'system calls' "$(number enters)" 250
	at_most 'system calls' "$(number enters)" 8000
	del
}

# blocks_of FILE: the numbers of those that are not zeroes, of a mebibyte
blocks_of() {
	local block
	{ set +x; } 2> /dev/null
	for block in $(seq 0 255); do
		cmp -s -n 4096 "$1" /dev/zero $((block * 4096)) 0 || echo "$block"
	done
	set -x
}

# Every block of the range, and none beside it
in_order() {
	truncate -s 1M img
	add file:"$PWD"/img
	run --rw=write --bs=4K --offset=256K --size=512K --requests=128
	del
	blocks_of img > written
	seq 64 191 | cmp - written
}

everywhere() {
	truncate -s 1M img
	add file:"$PWD"/img
	run --rw=randwrite --bs=4K --requests=4000 --depth=8
	del
	# dice that are thrown anew would miss one in 20000 runs; these are the same each time
	eq 'blocks written' "$(blocks_of img | wc -l)" 256
}

other_ways() {
	local how
	add -q 2 ram:16M
	for how in read write rw randread randwrite randrw; do
		run --rw=$how --requests=200 --buffered --jobs=2 --batch=8
		eq requests $(($(number read.ops) + $(number write.ops))) 400
	done
	bareblk bench --time=300ms "$dev" > text
	grep -Eq '^read +[0-9]+ ' text
	not grep -q '^write' text
	awk 'length($0) > 100' text | not grep -q .
	timeout -s INT 2 bareblk bench --time=1h --json "$dev" > out
	awk -f "$json" out > leaves
	at_least 'requests until a signal' "$(number read.ops)" 1
	at_most 'how long' "$(number span_ns)" 4000000000
	del
}

# --- what it finds -----------------------------------------------------------------------

sound() {
	add -q 2 ram:32M
	run --verify --rw=randrw --time=2s --jobs=2
	at_least 'blocks compared' "$(number verified)" "$(number write.ops | awk '{ print int($1 / 2) }')"
	run --verify --rw=write --requests=256 --bs=64K
	at_least 'blocks compared' "$(number verified)" 256
	del
}

# found RULE REGEX: by who writes through it
found() {
	add "fault?rules=$1:[ram:16M]"
	refuses 1 "^bareblk: bench run: $dev: $2" bareblk bench --verify --rw=randrw --requests=3000 --seed=$((nr += 1)) "$dev"
	del
}

wrong() {
	nr=0
	found flip/on=read/every=100 'what was read at byte [0-9]+ is not what was written there as number [0-9]+$'
	found torn/every=100 'what was read at byte [0-9]+ is not'
	found lost/every=20 'what was read at byte [0-9]+ is not'
	found misdirect/every=100 'what was read at byte [0-9]+ is not'
	found error/on=read/skip=50/times=1 'a read of 4096 bytes at byte [0-9]+: Input/output error \(EIO\)'
	found error/on=write/skip=50/times=1/err=ENOSPC 'a write of 4096 bytes at byte [0-9]+: No space left on device \(ENOSPC\)'
	# and without --verify nobody looks
	add 'fault?rules=flip/every=10:[ram:16M]'
	run --rw=randrw --requests=3000
	del
}

silent() {
	add 'fault?rules=stall/on=read/skip=10/times=3:[ram:16M]'
	begin=$(date +%s)
	refuses 7 'requests have had no answer in 2 s' bareblk bench --timeout=2s --depth=8 "$dev"
	at_most seconds $(($(date +%s) - begin)) 20
	bareblk ublk message "$dev" release
	run --requests=100
	del
}

# --- what it refuses -----------------------------------------------------------------------

refused() {
	add ram:16M
	refuses 2 'the range ends behind the disk, which has 16777216 bytes' bareblk bench --size=17M "$dev"
	refuses 2 'the range ends behind' bareblk bench --offset=16M "$dev"
	refuses 2 'no block of 33554432 bytes' bareblk bench --bs=32M "$dev"
	refuses 2 'multiples of 512' bareblk bench --bs=1000 "$dev"
	refuses 2 '.batch=64 is more than --depth=32' bareblk bench --batch=64 "$dev"
	refuses 2 'says only to read' bareblk bench --verify "$dev"
	refuses 2 'more blocks than requests' bareblk bench --verify --rw=write --size=64K "$dev"
	refuses 2 'rw' bareblk bench --rw=sideways "$dev"
	refuses 2 'DEVICE is missing' bareblk bench run
	refuses 5 'none' bareblk bench /dev/none
	refuses 1 'has no size' bareblk bench --buffered /dev/null
	mkfs.ext4 -q "$dev"
	mkdir -p mnt
	mount "$dev" mnt
	refuses 6 'in use, and would be written to' bareblk bench --rw=randrw "$dev"
	run --requests=100 # reading is nobody's loss
	umount mnt
	del
}

# --- beside fio -----------------------------------------------------------------------------

# A disk that takes 20 ms for each request: both find out, and that 8 at a time are 400 a second
as_fio() {
	add -q 1 'fault?read_delay=20ms:[ram:64M]'
	fio --name=f --filename="$dev" --rw=randread --bs=4k --iodepth=8 --ioengine=io_uring --direct=1 \
		--time_based --runtime=4 --output-format=terse --terse-version=3 > fio.out
	run --time=4s --depth=8
	fio_iops=$(awk -F ';' 'NF > 100 { print $8 }' fio.out)
	fio_us=$(awk -F ';' 'NF > 100 { print int($40) }' fio.out)
	at_least 'requests per second' "$(number read.ops_per_s)" $((fio_iops * 9 / 10))
	at_most 'requests per second' "$(number read.ops_per_s)" $((fio_iops * 11 / 10 + 1))
	at_least 'average in us' $(($(number read.average_ns) / 1000)) $((fio_us * 9 / 10))
	at_most 'average in us' $(($(number read.average_ns) / 1000)) $((fio_us * 11 / 10))
	at_least median "$(number read.p50_ns)" 18600000
	at_least p99 "$(number read.p99_ns)" "$(number read.p50_ns)"
	at_least longest "$(number read.longest_ns)" "$(number read.p999_ns)"
	del
}

run_tests <<-'END'
	as_many    120  as many requests as were asked for, as the kernel counts them
	in_order   120  one block after the other is written, and none beside the range
	everywhere 120  dice reach every block
	other_ways 120  in each way, also through the page cache, until a signal comes
	sound      120  a sound disk is found so
	wrong      180  one that flips, tears, loses or misplaces is found out, and where
	silent     120  one that gives no answers is left in time
	refused    120  what makes no sense is refused, and a mounted disk is not written to
	as_fio     120  rates and latencies are those that fio measures
END
