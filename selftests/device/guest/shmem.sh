#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# Memory that the server shares with who uses its disk: --shmem, Linux 7.1.

. "${0%/*}/lib.sh"

huge=/tmp/shmem.huge
file=$huge/file
mib=1048576

# a file of 8 MiB on hugetlbfs
with_file() {
	umount "$huge" 2>/dev/null || mkdir -p "$huge"
	echo 16 > /proc/sys/vm/nr_hugepages
	mount -t hugetlbfs none "$huge"
	fallocate -l $((8 * mib)) "$file"
}

without_file() {
	umount "$huge"
	echo 0 > /proc/sys/vm/nr_hugepages
}

fio_on() { # NAME OPTIONS...
	local name=$1
	shift
	fio --name="$name" --filename="$dev" --ioengine=io_uring --direct=1 --bs=64k --iodepth=8 \
		--size=$((8 * mib)) --output="fio.$name" "$@"
}

# written, and read back; every byte compared
verified() { fio_on "$@" --rw=randwrite --verify=crc32c --verify_fatal=1; }

shared() { verified shared "--mem=mmaphuge:$file"; }
plain() { verified plain "$@"; }

# what the server has read and written by system calls: copies of requests' bytes
server_bytes() { awk '/^[rw]char/ { sum += $2 } END { print sum }' "/proc/$server/io"; }

copies_nothing() {
	local before
	with_file
	serve --mode=user-copy "--shmem=$file" ram:64M
	eq flag $(($(info flags) >> 19 & 1)) 1
	before=$(server_bytes)
	plain
	at_least 'bytes copied of ordinary memory' $(($(server_bytes) - before)) $((16 * mib))
	before=$(server_bytes)
	shared
	at_most 'bytes copied of shared memory' $(($(server_bytes) - before)) 65536
	del
	ended 0
	without_file
}

# both at once, on either half of the disk
side_by_side() {
	local batch mode jobs
	with_file
	while read -r mode batch; do
		add -q 2 "--mode=$mode" "--batch=$batch" "--shmem=$file" ram:16M
		shared &
		jobs=$!
		plain --offset=$((8 * mib))
		wait $jobs
		rm fio.*
		del
	done <<-END
		auto no
		copy yes
		user-copy-ring no
	END
	without_file
}

# Its pages stay pinned for who has registered them as buffers, and so do
# requests in them, but the server's mapping of the file has come to an end.
cut() {
	local job rc=0
	with_file
	serve "--shmem=$file" ram:64M
	fio_on cut --rw=randread --mem=mmaphuge:"$file" --fixedbufs --time_based --runtime=60 &
	job=$!
	within 20 has_read
	truncate -s 0 "$file"
	within 20 no_process "$job"
	wait "$job" || rc=$?
	[ $rc != 0 ] || fail 'no read failed'
	grep -q 'Input/output error' fio.cut
	not no_process "$server"
	plain
	del
	ended 0
	without_file
}

has_read() { [ "$(disk_stat 1)" -gt 100 ]; }

refusals() {
	local other
	refuses 2 "shared memory: $PWD/none: cannot be opened.*ENOENT" \
		bareblk ublk add -d "--shmem=$PWD/none" ram:1M
	: > empty
	refuses 2 'empty: a file of whole pages, 4G at most, is wanted' \
		bareblk ublk add -d --shmem=empty ram:1M
	head -c 5000 /dev/zero > odd
	refuses 2 'odd: a file of whole pages' bareblk ublk add -d --shmem=odd ram:1M
	refuses 2 'null: a file of whole pages' bareblk ublk add -d --shmem=/dev/null ram:1M
	refuses 1 '/tmp: cannot be opened' bareblk ublk add -d --shmem=/tmp ram:1M
	truncate -s 8192 shared
	refuses 2 'mode get-data: not with shared memory' \
		bareblk ublk add -d --mode=get-data --shmem=shared ram:1M
	refuses 2 'mode auto-buf-reg: not with shared memory' \
		bareblk ublk add -d --mode=auto-buf-reg --shmem=shared ram:1M
	eq devices "$(nr_devices)" 0

	# memory that the kernel will not pin for long: a file system's on a disk
	add ram:64M
	other=$dev
	mkfs.ext4 -q "$dev"
	mkdir -p mnt
	mount "$dev" mnt
	head -c 8192 /dev/zero > mnt/file
	refuses 1 'the kernel cannot pin that memory: hugetlbfs or tmpfs is wanted' \
		bareblk ublk add -d --shmem=mnt/file ram:1M
	umount mnt
	del "$other"

	# more of them than there are huge pages
	with_file
	truncate -s 64M "$huge/large"
	refuses 8 'large: cannot be opened and mapped' bareblk ublk add -d "--shmem=$huge/large" ram:1M
	without_file
}

run_tests <<-'END'
	copies_nothing  30  requests in shared memory are not copied, others are, and both are right
	side_by_side    60  a job in shared memory runs beside one in ordinary memory, in three modes
	cut             60  a shared file that is cut short fails its requests and nothing else
	refusals        30  a file that cannot be shared gets one line that says why
END
