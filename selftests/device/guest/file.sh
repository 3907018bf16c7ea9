#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# Disks in files and on other disks: what is written stays, what FLUSH means,
# and what becomes of requests when the file below does not do its part.

. "${0%/*}/lib.sh"

# Below is a RAM disk with a volatile cache, so that it is flushed; what is tested
# comes after it, and goes before it.
below() {
	add --volatile-cache=yes ram:600M
	lower=$dev lower_sys=$sys
}

below_ext4() {
	below
	mkfs.ext4 -q "$lower"
	mkdir -p /mnt/lower
	mount -t ext4 "$lower" /mnt/lower
}

end_below() {
	del
	[ ! -d /mnt/lower ] || ! grep -q ' /mnt/lower ' /proc/mounts || umount /mnt/lower
	del "$lower"
}

# an ext4 with a file in it, over the whole life of the server
keeps_a_file_system() {
	mkfs.ext4 -q "$dev"
	mkdir -p /mnt/t
	mount -t ext4 "$dev" /mnt/t
	cp -a /usr/bin /mnt/t/bin
	dd if=/dev/urandom of=/mnt/t/random bs=1M count=24 status=none
	sync -f /mnt/t 2>/dev/null || sync
	(cd /mnt/t && find . -type f -exec sha256sum {} +) > sums
	at_least 'files written' "$(wc -l < sums)" 20
	umount /mnt/t
	del
	add "$1"
	e2fsck -f -n "$dev"
	mount -t ext4 "$dev" /mnt/t
	(cd /mnt/t && sha256sum -c -s "$work/sums")
	rm -r /mnt/t/random /mnt/t/bin
	sync
	fstrim /mnt/t
	umount /mnt/t
}

# fio writes, another process reads back past the page cache
keeps_random_writes() {
	local what
	for what in 'writer --rw=randwrite --do_verify=0 --end_fsync=1' 'reader --rw=randread'; do
		# shellcheck disable=SC2086 # words
		fio --name=${what%% *} ${what#* } --filename="$dev" --ioengine=io_uring --direct=1 --bs=4k \
			--iodepth=32 --size=16M --verify=crc32c --verify_fatal=1 --output=fio.out
	done
}

allocated() { du -k "$1" | cut -f1; }

in_memory() {
	add -q 2 'file:/tmp/disk?size=256M'
	eq 'data path' "$(bareblk ublk info "$dev" | awk '/data path/ { print $3 }')" user-copy
	keeps_random_writes
	keeps_a_file_system file:/tmp/disk
	at_most 'kB that are left' "$(allocated /tmp/disk)" 20000
	del
	rm /tmp/disk
}

on_ext4() { # PARAMETERS
	below_ext4
	add -q 2 "file:/mnt/lower/disk?size=256M$1"
	keeps_random_writes
	keeps_a_file_system "file:/mnt/lower/disk?lock=1$1"
	at_most 'kB that are left' "$(allocated /mnt/lower/disk)" 30000
	end_below
}

on_ext4_direct() { on_ext4 '&direct=1'; }
on_ext4_buffered() { on_ext4 '&direct=0'; }
on_ext4_by_calls() { on_ext4 '&direct=1&io=calls'; }

on_a_disk() {
	local params
	for params in '' '?direct=0'; do
		below
		add "file:$lower$params"
		keeps_random_writes
		keeps_a_file_system "file:$lower$params"
		end_below
	done
}

flushes() { awk '{ print $16 }' "$lower_sys/stat"; }
written() { awk '{ print $7 }' "$lower_sys/stat"; }

# what a write that is synced comes to below: $flushed, $sectors
synced() { # PARAMETERS
	below
	add "file:$lower?lock=0$1"
	flushed=$(flushes) sectors=$(written)
	dd if=/dev/urandom of="$dev" bs=64k count=4 oflag=direct conv=fsync status=none
	flushed=$(($(flushes) - flushed)) sectors=$(($(written) - sectors))
	end_below
}

syncs() {
	synced '&direct=1'
	at_least flushes "$flushed" 1
	at_least 'sectors written' "$sectors" 512
	synced '&direct=0'
	at_least flushes "$flushed" 1
	at_least 'sectors written' "$sectors" 512
	synced '&direct=0&sync=os'
	eq flushes "$flushed" 0
	at_least 'sectors written' "$sectors" 512
	synced '&direct=0&sync=none'
	eq flushes "$flushed" 0
	eq 'sectors written' "$sectors" 0
	synced '&direct=1&sync=none'
	eq flushes "$flushed" 0
	at_least 'sectors written' "$sectors" 512
}

locked() {
	serve 'file:/tmp/disk?size=16M'
	refuses 6 "^bareblk: ublk add: .*/tmp/disk: locked by process $server \\(bareblk\\)" \
		bareblk ublk add file:/tmp/disk
	refuses 6 "locked by process $server" bareblk ublk add 'file:/tmp/disk?ro=1'
	kill -KILL "$server"
	within 10 no_process "$server"
	del
	add 'file:/tmp/disk?ro=1'
	eq 'read only' "$(cat "$sys/ro")" 1
	local first=$dev
	add 'file:/tmp/disk?ro=1'
	del "$first"
	del
	rm /tmp/disk
}

in_use() {
	below_ext4
	refuses 6 'mounted, or somebody has it for himself' bareblk ublk add "file:$lower"
	umount /mnt/lower
	add "file:$lower"
	not mount -t ext4 "$lower" /mnt/lower
	end_below
}

fails() { not dd "$@" bs=4k count=1 status=none; }

# a file in the folder $1, cut short while it is served
cut_short() { # FOLDER PARAMETERS
	serve "file:$1/disk?size=16M${2-}"
	dd if=/dev/urandom of="$dev" bs=1M count=16 oflag=direct status=none
	truncate -s 1M "$1/disk"
	peek 0 4096 > /dev/null
	fails if="$dev" of=/dev/null skip=512 iflag=direct
	fails if="$dev" of=/dev/null skip=4095 iflag=direct
	truncate -s 16M "$1/disk"
	peek 8388608 4096 | cmp -n 4096 - /dev/zero
	bytes_of 125 4096 | poke 8388608 4096
	peek 8388608 4096 > block
	bytes_of 125 4096 | cmp - block
	kill -0 "$server"
	del
	ended 0
	rm "$1/disk"
}

is_cut_short() {
	local params
	cut_short /tmp
	below_ext4
	for params in '&direct=0' '&direct=1' '&direct=1&io=calls'; do
		cut_short /mnt/lower "$params"
	done
	umount /mnt/lower
	del "$lower"
}

# the file system below is full, and after that it is not
is_full() {
	mkdir -p /mnt/small
	mount -t tmpfs -o size=4M small /mnt/small
	add 'file:/mnt/small/disk?size=64M'
	not dd if=/dev/urandom of="$dev" bs=64k count=1000 oflag=direct 2> dd.err
	grep -i 'no space' dd.err
	peek 0 65536 > /dev/null
	blkdiscard -o 0 -l 2097152 "$dev"
	dd if=/dev/urandom of="$dev" bs=64k count=8 oflag=direct status=none
	del
	umount /mnt/small
}

# a quota is no room as well, and the server outlives it
is_over_quota() {
	local params
	below
	mkfs.xfs -q "$lower"
	mkdir -p /mnt/lower
	mount -t xfs -o usrquota "$lower" /mnt/lower
	for params in '&direct=0&io=calls' '&direct=1' '&direct=1&io=calls'; do
		xfs_quota -x -c 'limit -u bhard=4m 1000' /mnt/lower
		truncate -s 64M /mnt/lower/disk
		chown 1000 /mnt/lower/disk
		serve "file:/mnt/lower/disk?sync=none$params"
		dd if=/dev/urandom of="$dev" bs=64k count=32 oflag=direct status=none
		not dd if=/dev/urandom of="$dev" bs=64k count=1000 oflag=direct 2> dd.err
		grep -i 'no space' dd.err
		peek 0 65536 > /dev/null
		# not by a discard: XFS wants room to make a hole
		xfs_quota -x -c 'limit -u bhard=16m 1000' /mnt/lower
		dd if=/dev/urandom of="$dev" bs=64k count=100 oflag=direct status=none
		del
		ended 0
		rm /mnt/lower/disk
	done
	umount /mnt/lower
	del "$lower"
}

# and so may be the file itself
is_limited() {
	truncate -s 16M /tmp/disk
	dev=$(ulimit -f 2048; exec bareblk ublk add -d 'file:/tmp/disk?io=calls')
	name_device
	poke 0 4096 < /dev/zero
	not dd if=/dev/zero of="$dev" bs=4k count=1 seek=2048 oflag=direct 2> dd.err
	grep -i 'no space' dd.err
	peek 8388608 4096 | cmp -n 4096 - /dev/zero
	del
	rm /tmp/disk
}

# a disk below that cannot be read in one place
is_broken() {
	local params
	for params in '?lock=0' '?direct=0&lock=0'; do
		below
		bareblk dm create broken --table "0 8192 linear $lower 0
8192 8 error
8200 8184 linear $lower 8200"
		serve "file:/dev/mapper/broken$params"
		dd if=/dev/urandom of=block bs=4k count=1 status=none
		poke 0 4096 < block
		peek 0 4096 | cmp - block
		fails if="$dev" of=/dev/null skip=1024 iflag=direct
		peek 4198400 4096 > /dev/null
		kill -0 "$server"
		del
		ended 0
		bareblk dm remove broken
		del "$lower"
	done
}

run_tests <<-'END'
	in_memory         120  a file on tmpfs keeps a file system and random writes, and gives back what is trimmed
	on_ext4_direct    120  a file on ext4 does, past the page cache
	on_ext4_buffered  120  a file on ext4 does, through the page cache
	on_ext4_by_calls  120  a file on ext4 does, by system calls
	on_a_disk         180  a whole disk does, past the page cache and through it
	syncs             90   what is synced has been flushed, written out or neither, as sync= says
	locked            60   a file that is served is refused and its server named; killed, it leaves no lock
	in_use            60   a disk that is mounted is refused, and one that is served is not mounted
	is_cut_short      90   a file that is cut short is an error for what is gone, and the server lives
	is_full           60   a full file system is told as that, and works on when there is room
	is_over_quota     90   a quota is told as no space, and the disk works on when there is room
	is_limited        60   a limit of file sizes does not end the server
	is_broken         90   a place that cannot be read is an error there and nowhere else
END
