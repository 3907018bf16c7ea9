#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the device mapper adds to the program: it is built once more without, and
# that one is what it is elsewhere, too: a small program that serves disks.
#
# usage: dm_size.sh [--self-test] [BUILD_DIR]

. "$(dirname "$0")/lib.sh"
# KiB: 90 and 148
dm_limit_bytes=${DM_LIMIT:-92160}
without_limit_bytes=${WITHOUT_DM_LIMIT:-212992}

bytes() { stat -c %s "$1"; }

dm_is_small() { # dm_is_small PROGRAM PROGRAM_WITHOUT
	local all without
	all=$(bytes "$1") && without=$(bytes "$2") || return
	echo "$((all - without)) of $all bytes, $dm_limit_bytes are allowed"
	[ $((all - without)) -gt 10000 ] || { echo "the device mapper is not in $1"; return 1; }
	[ $((all - without)) -le "$dm_limit_bytes" ]
}

rest_is_small() { # rest_is_small PROGRAM_WITHOUT
	echo "$(bytes "$1") bytes, $without_limit_bytes are allowed"
	[ "$(bytes "$1")" -le "$without_limit_bytes" ]
}

# It knows the verbs of the rest, and none of the device mapper's
is_without() { # is_without PROGRAM
	"$1" ublk add --help > /dev/null || return
	! "$1" dm ls 2> "$tmp/err" || return
	grep -q 'there is no dm' "$tmp/err" || { cat "$tmp/err"; return 1; }
	(exec -a dmsetup "$1" ls > "$tmp/out" 2>&1) && return 1
	! "$1" --help | grep -w dm
}

build_without() {
	make --no-print-directory -s -C "$root" O="$without" DM= "$without/bareblk" 2>&1
}

run() {
	check "it builds without the device mapper" build_without
	check "without it, the rest is there" is_without "$without/bareblk"
	check "without it, at most $without_limit_bytes bytes" rest_is_small "$without/bareblk"
	check "the device mapper adds at most $dm_limit_bytes bytes" dm_is_small "$dir/bareblk" "$without/bareblk"
	sed -n 's/^/# /p' "$tmp/.out"
}

self_test() {
	build_without
	dm_limit_bytes=20000
	caught "a device mapper that is too large" '[0-9] of [0-9]+ bytes, 20000 are' dm_is_small "$dir/bareblk" "$without/bareblk"
	caught "a program that it is not in" 'is not in' dm_is_small "$without/bareblk" "$without/bareblk"
	without_limit_bytes=20000
	caught "a rest that is too large" '20000 are allowed' rest_is_small "$without/bareblk"
	caught "one that has it all the same" 'dm' is_without "$dir/bareblk"
}

self=
[ "${1-}" != --self-test ] || { self=y; shift; }
dir=${1:-$root/build}
without=$dir/without-dm
if [ -n "$self" ]; then self_test; else run; fi
finish
