#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# In the guest of paths.sh: how many requests a RAM disk answers in a second, path
# by path. A line is MODE BATCH RW SIZE DEPTH IOPS; of a mode that this kernel does
# not have, none.
#
# usage: paths_guest.sh MODE/BATCH... -- KIB/NR...     sizes, and how many requests; the
#        first size also one at a time

set -u
. "${0%/*}/fio_guest.sh"

measure_path() { # MODE BATCH SIZE/NR...
	local mode=$1 batch=$2 rw size status=0
	dev=$(bareblk ublk add -d --mode="$mode" --batch="$batch" ram:${disk_mib}M 2> /tmp/why) || status=$?
	[ $status != 4 ] || return 0
	[ $status = 0 ] || fail "$mode: $(cat /tmp/why)"
	fill
	shift 2
	for rw in read write; do
		measure "$mode $batch" $rw "${1%/*}" 1 "${1#*/}"
		for size; do
			measure "$mode $batch" $rw "${size%/*}" 32 "${size#*/}"
		done
	done
	bareblk ublk del "$dev" || fail "$dev cannot be deleted"
}

paths=
while [ "$1" != -- ]; do
	paths="$paths $1"
	shift
done
shift
for path in $paths; do
	measure_path "${path%/*}" "${path#*/}" "$@"
done
