#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC2086,SC2046,SC3043
#
# What is on the disk below a file target when the power goes: dm-log-writes
# records there what is written and in which order a flush made it safe, and this
# is done again up to random points. At each there has to be an ext4 in order,
# and in it, whole, all files that somebody had been told were safe.

. "${0%/*}/lib.sh"

disk_mib=16
log_mib=160

# Recorded is what goes to /dev/ram0, and the record is on /dev/ram1
record() {
	modprobe brd rd_nr=2 rd_size=$((log_mib * 1024)) max_part=0
	dd if=base of=/dev/ram0 bs=64k conv=sparse,fsync status=none
	bareblk dm create recorded --table \
		"0 $(($(stat -c %s base) / 512)) log-writes /dev/ram0 /dev/ram1"
}

# What a test leaves here, nobody else would find
tidy_up() {
	local dir
	touch stop
	[ -z "${disturber-}" ] || wait $disturber || :
	for dir in /mnt/t /mnt/c /mnt/lower /mnt/copy; do
		! grep -q " $dir " /proc/mounts || umount $dir || umount -l $dir
		mkdir -p $dir
	done
	[ ! -b "${dev-}" ] || del
	[ ! -e /dev/mapper/recorded ] || bareblk dm remove recorded
	[ ! -d /sys/module/brd ] || modprobe -r brd
	rm -f stop
}

begin() {
	tidy_up
	trap 'set +e; tidy_up' EXIT
	modprobe loop
}

make_ext4() { # IMAGE MIB
	truncate -s "${2}M" "$1"
	mkfs.ext4 -q -b 1024 -J size=1 -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 "$1"
}

base_on_a_disk() {
	begin
	make_ext4 base $disk_mib
}

# A file system with a file in it which is the disk
base_in_a_file() {
	begin
	make_ext4 base $((2 * disk_mib))
	mount -o loop base /mnt/copy
	make_ext4 /mnt/copy/disk $disk_mib
	umount /mnt/copy
	is_nested=1
}

# Files nobody is told anything about
disturb() {
	local i=0
	until [ -e stop ]; do
		i=$((i + 1))
		dd if=pool of=/mnt/t/some$((i % 8)) bs=1k skip=$((i % 500)) count=$((i * 31 % 250)) status=none
		mv /mnt/t/some$((i % 8)) /mnt/t/more$((i % 5))
		rm -f /mnt/t/more$((i * 3 % 5))
	done
}

# write N CONV: a file of its own bytes
write() {
	dd if=pool of="safe/f$1" bs=1k skip=$(($1 * 7)) count=$((1 + $1 * $1 * 13 % 40)) status=none
	dd if="safe/f$1" of="/mnt/t/f$1" bs=32k conv="$2" status=none
}

# The first N files have been synced
mark() { bareblk dm message recorded 0 mark "$1"; }

# Files are synced one by one, and now and then three at once
use() { # SPEC FILES [OPTION]...
	local i=0 spec=$1 nr=$2
	shift 2
	add -q 2 "$@" "$spec"
	eq 'its cache' "$(cat "$sys/queue/write_cache")" 'write back'
	dd if=/dev/urandom of=pool bs=1M count=2 status=none
	mkdir safe
	mount -t ext4 -o discard "$dev" /mnt/t
	disturb &
	disturber=$!
	while [ $i -lt "$nr" ]; do
		i=$((i + 1))
		case $((i % 8)) in
		5 | 6)
			write $i notrunc
			continue
			;;
		7)
			write $i notrunc
			sync -f /mnt/t
			;;
		*) write $i fsync ;;
		esac
		mark $i
	done
	touch stop
	wait $disturber
	umount /mnt/t
	del
	(cd safe && sha256sum $(seq "$i" | sed s/^/f/)) > sums
	eq sums "$(grep -c ' f[1-9]' sums)" "$i"
}

end_recording() {
	[ -z "${is_nested-}" ] || umount /mnt/lower
	bareblk dm remove recorded
	bareblk-replay /dev/ram1 > entries
	total=$(wc -l < entries)
}

# Random ones; and of a liar that after the last mark, so that no dice let it go
points() { # COUNT SEED
	[ -z "${is_liar-}" ] || awk '$2 == "mark" && $3 ~ /^[0-9]+$/ { last = $1 } END { print last + 1 }' entries
	awk -v total="$total" -v count="$1" -v seed="$2" 'BEGIN {
		srand(seed)
		while (n < count) {
			p = int(rand() * total) + 1
			if (!(p in was)) {
				was[p]
				n++
				print p
			}
		}
	}'
}

# of the first N entries, the last mark
marked() {
	awk -v n="$1" '$1 < n && $2 == "mark" && $3 ~ /^[0-9]+$/ { nr = $3 } END { print nr + 0 }' entries
}

# with $what: what is wrong, in words
wrong() { what="$what${what:+, }$*"; }

look_at() { # IMAGE WHAT
	e2fsck -f -n "$1" > fsck.out 2>&1 || wrong "e2fsck of $2 complains: $(tail -n 2 fsck.out | tr '\n' ' ')"
}

# The kernel replays the journal; what it leaves has to be in order as it is.
look_at_files() { # IMAGE
	mount -t ext4 -o loop "$1" /mnt/c || {
		wrong 'no mounting it'
		return
	}
	if [ "$nr" != 0 ] && ! (cd /mnt/c && head -n "$nr" "$work/sums" | sha256sum -c -s); then
		wrong "of $nr files one is not whole"
		nr_lost=$((nr_lost + 1))
	fi
	umount /mnt/c
	look_at "$1" 'the disk'
}

look_at_nested() { # IMAGE
	mount -t ext4 -o loop "$1" /mnt/copy || {
		wrong 'no mounting what is below'
		return
	}
	look_at_files /mnt/copy/disk
	umount /mnt/copy
	look_at "$1" 'what is below'
}

# As it was with the first N entries; on a copy, for looking at it changes it
check_point() { # N
	local nr
	nr=$(marked "$1")
	dd if=disk of=copy bs=64k conv=sparse status=none
	what=
	if [ -n "${is_nested-}" ]; then look_at_nested copy; else look_at_files copy; fi
	[ -n "$what" ] || return 0
	nr_wrong=$((nr_wrong + 1))
	echo "after $1 entries: $what"
	[ -n "${is_liar-}" ] || echo "after $1 entries: $what" >> say
}

check_points() { # COUNT
	local seed at=0 point
	seed=$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')
	cp base disk
	nr_wrong=0 nr_lost=0
	for point in $(points "$1" "$seed" | sort -n -u); do
		bareblk-replay /dev/ram1 disk "$at" "$point"
		at=$point
		check_point "$point"
	done
	echo "$total entries: $(count write) writes, $(count fua) with FUA, $(count flush) flushes," \
		"$(count discard) discards, $(marked "$total") files; of $1 points by seed $seed" \
		"$nr_wrong are wrong, $nr_lost without a synced file" >> say
	bareblk-replay /dev/ram1 disk "$at" "$total"
}

# entries of that kind; one may be of several
count() { awk -v kind="$1" '$2 ~ kind { nr++ } END { print nr + 0 }' entries; }

# keeps POINTS FILES SPEC
keeps() {
	use "$3" "$2"
	end_recording
	check_points "$1"
	# or it has not been what was recorded
	cmp -n "$(stat -c %s disk)" disk /dev/ram0
	at_least 'files that were said to be safe' "$(marked "$total")" $(($2 - 3))
	at_least flushes "$(count flush)" $(($2 / 2))
	eq 'points that are wrong' "$nr_wrong" 0
}

# e2fsck does complain when writes have not come at all
half_of_it() {
	cp base disk
	bareblk-replay /dev/ram1 disk $((total / 2)) "$total"
	what=
	look_at disk 'half of it'
	[ -n "$what" ] || fail 'e2fsck has nothing against a disk without half of its writes'
}

# And that this is more than a play: the same with a liar
is_caught() { # POINTS FILES SPEC
	is_liar=1
	use "$3" "$2" --volatile-cache=yes --fua=yes
	end_recording
	check_points "$1"
	at_least 'files that were said to be safe' "$(marked "$total")" $(($2 - 3))
	at_least 'points without a synced file' "$nr_lost" 1
	tidy_up
}

on_a_disk() {
	base_on_a_disk
	record
	keeps 50 40 'file:/dev/mapper/recorded?direct=1&io=ring'
	at_least 'writes with FUA' "$(count fua)" 10
	half_of_it
	tidy_up
}

by_the_page_cache() {
	base_on_a_disk
	record
	keeps 8 16 'file:/dev/mapper/recorded?direct=0'
	tidy_up
}

in_a_file() {
	base_in_a_file
	record
	mount -t ext4 /dev/mapper/recorded /mnt/lower
	keeps 8 16 file:/mnt/lower/disk
	tidy_up
}

no_flush() {
	base_on_a_disk
	record
	is_caught 8 16 'fault?rules=noflush:[file:/dev/mapper/recorded?direct=1&io=ring]'
}

no_sync() {
	base_on_a_disk
	record
	is_caught 8 16 'file:/dev/mapper/recorded?sync=none'
}

run_tests <<-'END'
	on_a_disk          120  50 random points of what reaches the disk: ext4 is in order, synced files are whole
	by_the_page_cache  60   and through the page cache
	in_a_file          90   and of a file in a file system, which is in order, too
	no_flush           60   a target that ignores FLUSH is found out
	no_sync            60   and so is a file that need not be synced
END
