#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# A mirror of two files that is copied while fio and ext4 write to it: both files are
# the same afterwards; see mirror_long.sh for servers that are killed.

. "${0%/*}/lib.sh"
. "${0%/*}/mirrored.sh"

one_seed() { seed 1; }

ext4() {
	legs 67108864
	add -q 2 "$(spec '&rate=16M')"
	mke2fs -q -t ext4 "$dev"
	mkdir m
	mount "$dev" m
	head -c 20000000 /dev/urandom > m/one
	cp m/one m/two
	rm m/one
	sync
	md5sum < m/two > sum
	umount m
	within 60 is_complete
	del
	cmp a b
	# the second by itself
	add "file:$PWD/b"
	e2fsck -fn "$dev"
	mount "$dev" m
	md5sum < m/two | cmp - sum
	umount m
	del
}

refuses_some() {
	truncate -s 1M a
	truncate -s 2M b
	refuses 2 'legs have 1048576 and 2097152 bytes: the second is too large' \
		bareblk ublk add "mirror:[file:$PWD/a],[file:$PWD/b]"
	echo junk > junk
	truncate -s 1M b
	refuses 2 'no bitmap of a mirror' \
		bareblk ublk add "mirror?bitmap=$PWD/junk:[file:$PWD/a],[file:$PWD/b]"
}

has_said() { [ "$(wc -l < serve.err)" = "$1" ]; }

# By its server, once each time: the copy after the reconnect fails there, too.
says_failures() {
	truncate -s 1M a b
	serve "mirror?clean=1:[file:$PWD/a],[fault?rules=error/on=write/at=64K-128K:[file:$PWD/b]]"
	head -c 4096 /dev/urandom > block
	poke 0 4096 < block
	[ ! -s serve.err ]
	poke 65536 4096 < block
	within 10 has_said 1
	poke 69632 4096 < block
	peek 69632 4096 | cmp - block
	echo 'bareblk: ublk add: mirror: the second leg has failed: EIO; the first serves alone' > want
	cmp serve.err want
	bareblk ublk message "$dev" reconnect
	within 10 has_said 2
	kill -TERM "$server"
	ended 0
	eq 'lines on standard error' "$(sort -u serve.err)" "$(cat want)"
}

run_tests <<-'END'
	one_seed       90  64 MiB are the same on both legs after fio wrote while they were copied
	ext4          120  ext4 on it is whole, and whole on the second leg alone
	says_failures  30  a server says once on standard error that a leg has failed, and which
	refuses_some   30  legs that do not fit and a file that is no bitmap are refused
END
