#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# Discard and write-zeroes of more than 4 GiB, on a sparse disk of 16 GiB.
#
# A mark is a block every 64 MiB that holds its own offset. The range is that of
# the marks 16 to 111: 6 GiB from 1 GiB on, with 64 MiB of data around 4 GiB.

. "${0%/*}/lib.sh"

gib=1073741824
step=67108864
from=$gib
len=$((6 * gib))
bulk=$((4 * gib - 33554432))

# marks NAME RW FIRST COUNT PATTERN: all of them, or those that were read differ
marks() {
	fio --name="$1" --filename="$dev" --ioengine=io_uring --direct=1 --bs=4k --iodepth=16 \
		--rw="$2:$((step - 4096))" --offset=$(($3 * step)) --size=$(($4 * step)) --io_size=$(($4 * 4096)) \
		--verify=pattern --verify_pattern="$5" --do_verify=0 --verify_fatal=1 --output="fio.$1"
}

# the same for 64 MiB in one piece
bulk() { # NAME RW PATTERN
	fio --name="$1" --filename="$dev" --ioengine=io_uring --direct=1 --bs=1m --iodepth=4 --rw="$2" \
		--offset=$bulk --size=64m --verify=pattern --verify_pattern="$3" --do_verify=0 \
		--verify_fatal=1 --output="fio.$1"
}

fill() {
	add -q 2 ram:16G
	before=$(meminfo Shmem)
	marks all write 0 256 %o
	bulk bulk write %o
	# the last block before the range, and its own last one
	bytes_of 132 4096 | poke $((from - 4096)) 4096
	bytes_of 132 4096 | poke $((from + len - 4096)) 4096
	marks check read 0 256 %o
	at_least 'kB more while filled' $(($(meminfo Shmem) - before)) 66000
}

is_zero() {
	marks low read 0 16 %o
	marks inside read 16 96 0x00
	bulk bulk_check read 0x00
	marks high read 112 144 %o
	bytes_of 132 4096 > wanted
	peek $((from - 4096)) 4096 | cmp - wanted
	bytes_of 000 4096 > wanted
	peek $((from + len - 4096)) 4096 | cmp - wanted
}

is_given_back() {
	at_most 'kB more afterwards' $(($(meminfo Shmem) - before)) 2500
}

finds_what_is_not_zero() {
	fill
	if (is_zero) > log 2>&1; then fail "this was not noticed"; fi
	grep '^pattern: verify failed' log || fail "$(cat log)"
	del
}

discards() {
	fill
	blkdiscard -o $from -l $len "$dev"
	is_zero
	is_given_back
	del
}

punches() {
	fill
	fallocate -p -o $from -l $len "$dev"
	is_zero
	is_given_back
	del
}

zeroes() {
	fill
	blkdiscard -z -o $from -l $len "$dev"
	is_zero
	del
}

zero_range() {
	fill
	fallocate -z -o $from -l $len "$dev"
	is_zero
	del
}

# sectors, not pages: what sticks out of a page at either end is zeroed only
odd_ends() {
	add ram:16M
	bytes_of 132 1048576 | poke 0 1048576
	blkdiscard -z -o 1536 -l 524288 "$dev"
	{
		bytes_of 132 1536
		bytes_of 000 524288
		bytes_of 132 $((1048576 - 1536 - 524288))
	} > wanted
	peek 0 1048576 | cmp - wanted
	fallocate -p -o 524800 -l 10240 "$dev"
	{
		bytes_of 132 1536
		bytes_of 000 $((524800 + 10240 - 1536))
		bytes_of 132 $((1048576 - 524800 - 10240))
	} > wanted
	peek 0 1048576 | cmp - wanted
	del
}

all_of_it() {
	fill
	blkdiscard "$dev"
	marks none read 0 256 0x00
	at_most 'kB more afterwards' $(($(meminfo Shmem) - before)) 200
	del
}

run_tests <<-'END'
	finds_what_is_not_zero  60  data in the range that should be gone is found
	odd_ends    30  a range that ends inside of a page changes nothing outside
	discards    60  a discard of 6 GiB zeroes the range, spares the rest and gives the memory back
	punches     60  a hole of 6 GiB zeroes the range, spares the rest and gives the memory back
	zeroes      60  write-zeroes of 6 GiB zeroes the range and spares the rest
	zero_range  60  fallocate's zero range of 6 GiB zeroes the range and spares the rest
	all_of_it   60  a discard of all 16 GiB leaves no data and no memory
END
