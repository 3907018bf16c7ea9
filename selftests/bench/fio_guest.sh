# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154 # dev is set by who reads this in
#
# For the guest scripts that measure: requests to the disk $dev, whose first
# $disk_mib MiB are used. A line is NAME RW KIB DEPTH IOPS.

disk_mib=64

fail() {
	echo "bench: $*"
	exit 1
}

# Every page is there, in the memory and in the server's address space: what is
# measured is the same for each request.
fill() {
	fio --name=fill --filename="$dev" --direct=1 --rw=write --bs=1M --size=${disk_mib}M \
		--io_size=$((3 * disk_mib))M > /tmp/fio 2>&1 || fail "the disk cannot be filled: $(cat /tmp/fio)"
}

# Those of depth 32 are made and awaited by the half: where requester and server
# share one processor, their taking turns for each request would hide the rest.
measure() { # NAME RW KIB DEPTH NR
	fio --name=measure --filename="$dev" --direct=1 --ioengine=io_uring --rw="rand$2" --bs="$3k" \
		--iodepth="$4" --iodepth_batch_submit=$(($4 > 1 ? $4 / 2 : 1)) \
		--iodepth_batch_complete_min=$(($4 > 1 ? $4 / 2 : 1)) --size=${disk_mib}M \
		--io_size=$(($3 * $5))k --norandommap --randrepeat=1 \
		--output-format=terse --terse-version=3 > /tmp/fio 2>&1 ||
		fail "$*: $(cat /tmp/fio)"
	# fields of fio's: 5 an error, 8 reads per second, 49 writes per second
	awk -F ';' -v row="$1 $2 $3 $4" 'NF > 100 && $5 == 0 { print row, $8 + $49; found = 1 } END { exit !found }' /tmp/fio ||
		fail "$*: $(cat /tmp/fio)"
}

