#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# fio writes, another process of it reads back and compares checksums.

. "${0%/*}/lib.sh"
pairs=${0%/*}/fio.pairs

rows() { grep -v '^#' "$pairs"; }

# Two columns, two values: is there a row with both?
pairs_are_covered() {
	rows | awk '
	{
		for (i = 1; i <= NF; i++) {
			values[i, $i] = 1
			for (j = i + 1; j <= NF; j++)
				seen[i, $i, j, $j] = 1
		}
	}
	END {
		for (a in values) for (b in values) {
			split(a, x, SUBSEP); split(b, y, SUBSEP)
			if (x[1] < y[1] && !((x[1], x[2], y[1], y[2]) in seen)) {
				print "no row has " x[2] " with " y[2]; bad = 1
			}
		}
		exit bad
	}'
	at_most rows "$(rows | wc -l)" 10
}

# small blocks are slow in an emulated machine
size_of() { # BLOCK
	case $1 in
	512) echo 4194304 ;;
	4k)  echo 16777216 ;;
	*)   echo 67108864 ;;
	esac
}

# fio_on NAME OPTIONS...: a job per queue, each on its own CPU and part
fio_on() {
	local name=$1
	shift
	fio --name="$name" --filename="$dev" --ioengine=io_uring --numjobs="$queues" --size="$part" \
		--offset_increment="$part" --cpus_allowed=0-3 --cpus_allowed_policy=split \
		--verify=crc32c --verify_fatal=1 --group_reporting --output="fio.$name" "$@"
}

write_it() { # DIRECT BLOCK DEPTH PATTERN
	fio_on writer "--direct=$1" "--bs=$2" "--iodepth=$3" "--rw=$4" --do_verify=0 --end_fsync=1 \
		--verify_interval="$interval"
}

# always direct, and the device must have seen it
read_back() { # BLOCK DEPTH
	local before
	before=$(disk_stat 3)
	fio_on reader --direct=1 "--bs=$1" "--iodepth=$2" --rw=read --verify_interval="$interval"
	at_least 'sectors read' $(($(disk_stat 3) - before)) $((part * queues / 512))
}

row() { # NUMBER
	local depth block mode logical pattern direct=0 read_block
	# shellcheck disable=SC2046 # the columns
	set -- $(rows | sed -n "$1p")
	queues=$1 depth=$2 block=$3 mode=$4 logical=$5 pattern=$6
	part=$(($(size_of "$block") / queues))
	interval=$block read_block=$block
	[ "$mode" = buffered ] || direct=1
	# what the page cache took in pieces is read back in blocks
	[ "$block" != 512 ] || [ "$logical" = 512 ] || read_block=$logical
	add -q "$queues" -b "$logical" ram:128M
	eq queues "$(info queues)" "$queues"
	write_it "$direct" "$block" "$depth" "$pattern"
	read_back "$read_block" "$depth"
	del
}

row_1() { row 1; }
row_2() { row 2; }
row_3() { row 3; }
row_4() { row 4; }
row_5() { row 5; }
row_6() { row 6; }
row_7() { row 7; }
row_8() { row 8; }

intact_disk() {
	queues=2 part=4194304 interval=4k
	add -q 2 ram:32M
	write_it 1 4k 32 randwrite
	read_back 4k 32
}

# not_read_back REGEX: the check fails, and says that
not_read_back() {
	if (read_back 4k 32) > reader.log 2>&1; then fail "this was not noticed"; fi
	grep -E "$1" reader.log
}

finds_flipped_byte() {
	intact_disk
	peek 5242880 4096 > block
	printf '\001' | dd of=block bs=1 seek=1000 conv=notrunc status=none
	poke 5242880 4096 < block
	not_read_back '^verify: bad (magic )?header|^crc32c: verify failed'
	del
}

finds_lost_write() {
	intact_disk
	bytes_of 000 4096 | poke 1048576 4096
	not_read_back '^verify: bad magic header 0'
	del
}

finds_misdirected_write() {
	intact_disk
	peek 0 4096 > block
	poke 4096 4096 < block
	not_read_back '^verify: bad header offset 0, wanted 4096'
	del
}

# a requester that asks nothing from the device has not read it back
finds_missing_reads() {
	intact_disk
	# shellcheck disable=SC2317 # called in place of the program
	fio() { :; }
	not_read_back '^FAILED: sectors read: got 0'
	unset -f fio
	del
}

# ticks of each queue's thread; 100 a second
queue_ticks() {
	local tid server
	server=$(info server_pid)
	for tid in "/proc/$server/task/"*; do
		grep -q -- -q "$tid/comm" && sed 's/.*) //' "$tid/stat" | awk '{ print $12 + $13 }'
	done
	true
}

all_queues_work() {
	queues=4 part=4194304 interval=4k
	add -q 4 ram:32M
	eq 'hardware queues' "$(nr_hardware_queues)" 4
	write_it 1 4k 16 randwrite
	read_back 4k 16
	queue_ticks > ticks
	eq 'queue threads' "$(wc -l < ticks)" 4
	not grep -q '^0$' ticks
	del
}

run_tests <<-'END'
	finds_flipped_byte       60  a byte that is flipped on the disk is found by the reading back
	finds_lost_write         60  a block that was not written is found by the reading back
	finds_misdirected_write  60  a block that went elsewhere is found by the reading back
	finds_missing_reads      60  a reading back that the device has not seen does not count
	pairs_are_covered        10  the table of rows has every pair of values
	row_1   90  1 queue, depth 1, 512 bytes, direct, 512-byte blocks, in order
	row_2   90  4 queues, depth 128, 512 bytes, buffered, 4096-byte blocks, at random
	row_3   90  1 queue, depth 1, 4 KiB, direct, 4096-byte blocks, at random
	row_4   90  4 queues, depth 128, 4 KiB, buffered, 512-byte blocks, in order
	row_5   90  1 queue, depth 1, 64 KiB, buffered, 512-byte blocks, at random
	row_6   90  4 queues, depth 128, 64 KiB, direct, 4096-byte blocks, in order
	row_7   90  1 queue, depth 128, 1 MiB, buffered, 4096-byte blocks, in order
	row_8   90  4 queues, depth 1, 1 MiB, direct, 512-byte blocks, at random
	all_queues_work          60  four queues are served by four threads that all work
END
