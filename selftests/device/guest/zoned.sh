#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043,SC2016 # $d is for eval
#
# A zoned disk: what it says, does and refuses is compared with the kernel's own,
# null_blk; fio and btrfs write to it and find what they wrote.

. "${0%/*}/lib.sh"

nullb=/sys/kernel/config/nullb/twin

zones() { blkzone report "$dev"; }

# nr_zones CONDITION: as blkzone writes it: em empty, oi oe open, cl closed, fu full
nr_zones() { zones | grep -c "($1)" || true; }

says_what_it_is() {
	local q
	add --mode=user-copy 'zoned:128M?zone_size=4M&conventional=2&max_open=3&max_active=5&zone_append=64K'
	q=$sys/queue
	eq model "$(cat "$q/zoned")" host-managed
	eq 'sectors of a zone' "$(cat "$q/chunk_sectors")" 8192
	eq zones "$(cat "$q/nr_zones")" 32
	eq 'open zones' "$(cat "$q/max_open_zones")" 3
	eq 'active zones' "$(cat "$q/max_active_zones")" 5
	eq append "$(cat "$q/zone_append_max_bytes")" 65536
	eq discard "$(cat "$q/discard_max_bytes")" 0
	eq 'zones reported' "$(zones | wc -l)" 32
	eq conventional "$(nr_zones nw)" 2
	eq empty "$(nr_zones em)" 30
	del
	add 'zoned?zone_size=8M&zone_capacity=6M:[ram:100M]'
	eq 'size' "$(cat "$sys/size")" $((96 * 2048))
	eq 'with a capacity' "$(zones | grep -c 'len 0x004000, cap 0x003000')" 12
	del
}

# As many as one request can report, and some that end in the middle of a page
many_zones() {
	add 'zoned?zone_size=64K:[null:1G]'
	eq zones "$(zones | sort -u | wc -l)" 16384
	del
	add --max-io=4K -q 2 'zoned?zone_size=64K:[null:3776K]'
	eq zones "$(zones | sort -u | wc -l)" 59
	zones | tail -n 1 | grep 'start: 0x000001d00, len 0x000080'
	eq 'from 50 on' "$(blkzone report -o $((50 * 128)) "$dev" | wc -l)" 9
	del
}

# --- the twin ------------------------------------------------------------------------

twin_gone() {
	[ ! -d $nullb ] || { echo 0 > $nullb/power && rmdir $nullb; }
}

# A disk of 16 zones of 1 MiB, two of them conventional, and the kernel's like it
add_twins() {
	modprobe null_blk nr_devices=0
	twin_gone
	mkdir $nullb
	echo 16 > $nullb/size
	echo 512 > $nullb/blocksize
	echo 1 > $nullb/memory_backed
	echo 1 > $nullb/zoned
	echo 1 > $nullb/zone_size
	echo 2 > $nullb/zone_nr_conv
	echo 3 > $nullb/zone_max_open
	echo 5 > $nullb/zone_max_active
	echo 1 > $nullb/power
	twin=/dev/twin
	add -q 2 'zoned:16M?zone_size=1M&conventional=2&max_open=3&max_active=5'
}

# what COMMAND says and how its disk looks afterwards; its disk is $d
view() { # DISK COMMAND
	local d=$1 rc=0
	{ set +x; } 2>/dev/null
	(eval "$2") > view.out 2>&1 || rc=$?
	sed "s#$d#DISK#g" view.out
	echo "exit status $rc"
	blkzone report "$d" | tee report
	written | while read -r start nr; do
		echo "$start $nr"
		dd "if=$d" bs=256k "skip=$start" "count=$nr" iflag=direct,fullblock,skip_bytes,count_bytes status=none
	done | sha256sum
}

# Of the zones in the file report: first byte and number of those that hold data;
# behind the write pointer a disk may show anything
written() {
	sed -n 's/.*start: \([0-9a-fx]*\), len \([0-9a-fx]*\), .*wptr \([0-9a-fx]*\) .*zcond: *\([0-9]*\).*/\1 \2 \3 \4/p' report |
		while read -r start len wp cond; do
			[ "$cond" != 0 ] || wp=$len
			[ $((wp)) = 0 ] || echo $((start * 512)) $((wp * 512))
		done
}

# both COMMAND: does it to both, which must say and then be the same
both() {
	view "$twin" "$1" > twin.view
	view "$dev" "$1" > our.view
	set -x
	diff twin.view our.view || fail "null_blk (-) and we (+) differ after: $1"
}

# at ZONE OFFSET COUNT: blocks of 4096 bytes
at() { dd if=/device/zoned.sh "of=$d" bs=4096 "seek=$(($1 * 256 + $2))" "count=$3" conv=notrunc oflag=direct status=none; }

# verb ZONE [COUNT]
verb() { blkzone "$1" -o $(($2 * 2048)) -c "${3-1}" "$d"; }

as_the_kernels_own() {
	add_twins
	both 'true'
	both 'at 2 0 1'
	both 'at 2 1 2'
	both 'at 2 0 1'			# behind the write pointer
	both 'at 3 7 1'			# before it
	both 'at 0 100 2; at 1 3 1'	# conventional: anywhere
	both 'verb close 2'
	both 'at 2 3 1'
	both 'verb finish 2'
	both 'at 2 4 1'			# full
	both 'verb open 2'
	both 'verb close 2'
	both 'verb reset 2'
	both 'verb reset 2'
	both 'verb close 2'		# empty
	both 'verb finish 2'
	both 'verb open 0'
	both 'verb reset 0'
	both 'verb reset 0 16'
	both 'verb reset 2 14'
	# the fourth closes the first, and so on
	for zone in 4 5 6 7; do
		both "at $zone 0 2"
	done
	both 'at 4 2 1'
	both 'verb open 5'
	both 'verb open 6; verb open 4'
	both 'verb open 7'		# too many open, and all of them asked for
	both 'at 7 2 1'
	both 'verb close 6'
	both 'at 7 2 1'
	both 'verb finish 7'
	# (with all active that may be, null_blk closes none for one that is closed)
	both 'at 8 0 1'
	both 'at 9 0 1'
	both 'at 10 0 1'		# too many active
	both 'verb open 10'
	both 'verb close 4; verb close 5'
	both 'verb reset 2 14'
	both 'verb open 3; verb close 3'
	both 'dd if=/dev/zero of=$d bs=1M seek=3 count=1 oflag=direct status=none; at 4 0 1'
	both 'blkdiscard -o 2097152 -l 1048576 $d'
	both 'blkzone reset $d'
	del
	twin_gone
}

# --- users ------------------------------------------------------------------------------

# zbd NAME OPTIONS...: a job per queue, each in a quarter of the disk
zbd() {
	local name=$1
	shift
	fio --name="$name" --filename="$dev" --direct=1 --ioengine=io_uring --zonemode=zbd \
		--numjobs=4 --size=16M --offset_increment=16M --bs=16k --iodepth=16 \
		--verify=crc32c --verify_fatal=1 --group_reporting --output="fio.$name" "$@"
}

fio_verifies() { # ADD_ARGS...
	local reads
	add -q 4 "$@"
	zbd seq --rw=write --do_verify=0
	reads=$(disk_stat 3)
	zbd back --rw=read
	at_least 'sectors read back' $(($(disk_stat 3) - reads)) $((64 * 2048))
	eq 'full zones' "$(nr_zones fu)" 32
	# resets on its way what it wants to write again
	zbd random --rw=randwrite --job_max_open_zones=3 --io_size=24M --do_verify=1
	at_least 'zones' "$(zones | grep -c -v '(em)')" 8
	del
}

fio_user_copy() { fio_verifies --mode=user-copy 'zoned:64M?zone_size=2M&max_open=12&max_active=12'; }
fio_ring() { fio_verifies --mode=user-copy-ring 'zoned?zone_size=2M&max_open=16:[ram:64M]'; }

finds_a_lost_write() {
	add -q 4 'zoned:64M?zone_size=2M'
	zbd seq --rw=write --do_verify=0
	blkzone reset -o 4096 -c 1 "$dev"
	dd if=/dev/zero "of=$dev" bs=1M seek=2 count=2 oflag=direct status=none
	if (zbd back --rw=read) > back.log 2>&1; then fail "this was not noticed"; fi
	grep -E 'verify: bad (magic )?header' back.log
	del
}

files_are_there() { (cd /mnt/t && sha256sum -c -s "$work/sums"); }

# Data go in by zone append; every mount looks for the last superblock in two zones
btrfs_lives() { # ADD_ARGS...
	local reads
	modprobe btrfs
	add "$@"
	mkfs.btrfs -q -O zoned -d single -m single "$dev"
	mkdir -p /mnt/t
	mount -t btrfs "$dev" /mnt/t
	cp -a /usr/bin /mnt/t/bin
	dd if=/dev/urandom of=/mnt/t/random bs=1M count=48 status=none
	sync
	(cd /mnt/t && find . -type f -exec sha256sum {} +) > sums
	at_least 'files written' "$(wc -l < sums)" 20
	umount /mnt/t
	reads=$(disk_stat 3)
	mount -t btrfs "$dev" /mnt/t
	files_are_there
	btrfs scrub start -B /mnt/t > scrub.out
	grep 'Error summary: *no errors found' scrub.out
	at_least 'sectors read' $(($(disk_stat 3) - reads)) $((64 * 2048))
	# everything moves, and what was there is reset
	dd if=/dev/urandom of=/mnt/t/gone bs=1M count=32 status=none
	sync
	rm /mnt/t/gone
	btrfs balance start --full-balance -d /mnt/t > /dev/null
	sync
	umount /mnt/t
	mount -t btrfs "$dev" /mnt/t
	files_are_there
	umount /mnt/t
	at_least 'zones written' "$(zones | grep -c -v '(em)')" 8
	del
}

btrfs_alone() { btrfs_lives 'zoned:512M?zone_size=8M'; }
btrfs_limits() { btrfs_lives -q 2 'zoned:512M?zone_size=8M&conventional=4&max_open=24&max_active=32'; }

# one_way ADD_ARGS...: a short life, by a way that this kernel may not have (status 4)
one_way() {
	local rc=0
	dev=$(bareblk ublk add -d "$@" 'zoned:256M?zone_size=4M') || rc=$?
	[ $rc != 4 ] || return 0
	name_device
	nr_ways=$((nr_ways + 1))
	mkfs.btrfs -q -O zoned -d single -m single "$dev"
	mkdir -p /mnt/t
	mount -t btrfs "$dev" /mnt/t
	cp -a /usr/bin /mnt/t/bin
	sync
	(cd /mnt/t && find . -type f -exec sha256sum {} +) > sums
	umount /mnt/t
	mount -t btrfs "$dev" /mnt/t
	files_are_there
	umount /mnt/t
	del
}

other_ways() {
	nr_ways=0
	modprobe btrfs
	one_way --batch=yes -q 2
	one_way --mode=zero-copy
	one_way --mode=auto-buf-reg -q 2
	[ $nr_ways -gt 0 ] || skip 'neither zero copy nor batches here (Linux 6.15)'
}

# --- the rest ---------------------------------------------------------------------------

# Shmem of the machine, in KiB
shmem() { awk '$1 == "Shmem:" { print $2 }' /proc/meminfo; }

gives_memory_back() {
	local before
	add 'zoned:128M?zone_size=4M'
	before=$(shmem)
	dd if=/dev/urandom "of=$dev" bs=1M count=64 oflag=direct status=none
	at_least 'KiB more' $(($(shmem) - before)) 60000
	blkzone reset -o 0 -c 8 "$dev"
	at_most 'KiB more, half of it reset' $(($(shmem) - before)) 36000
	blkzone reset "$dev"
	at_most 'KiB more, all of it reset' $(($(shmem) - before)) 4000
	del
}

refuses_some() {
	refuses 2 'mode copy: a disk with zones wants user-copy' bareblk ublk add --mode=copy zoned:128M
	refuses 2 'mode get-data: a disk with zones' bareblk ublk add --mode=get-data zoned:128M
	# a report is one request, and the driver mixes those of several up
	refuses 2 '16385 zones.*16384' bareblk ublk add 'zoned?zone_size=64K:[null:1048640K]'
	refuses 2 '10000 zones.*1024' bareblk ublk add --max-io=64K 'zoned?zone_size=64K:[null:640000K]'
}

run_tests <<-'END'
	says_what_it_is     30  the kernel takes it for what it says it is
	many_zones          60  as many zones as there may be are reported, each once
	as_the_kernels_own 120  it answers and looks as null_blk does, whatever is done to both
	fio_user_copy      120  fio finds what it wrote by user copy, from four queues
	fio_ring           120  and by user copy through the ring
	finds_a_lost_write  60  a zone that holds something else is found by the reading back
	btrfs_alone        120  btrfs keeps its files over unmounting, scrubbing and moving them
	btrfs_limits       120  and so it does with few zones open and two queues
	other_ways         180  btrfs keeps its files in the other ways to move data that there are
	gives_memory_back   30  a reset gives the memory of the zones back
	refuses_some        30  ways of moving data that it may not have are refused, and too many zones
END
