#!/bin/bash
# SPDX-License-Identifier: MIT
#
# No disk has become slower, beside the kernel's own, than guard.rows records: by more than
# 3 %, with time counted in instructions. To record: delete the row, run this, and take what
# it prints.
#
# usage: guard.sh BUILD_DIR      OUT=dir keeps the figures

. "$(dirname "$0")/../build/lib.sh"
cd "$root" || exit 2
dir=${1:?usage: guard.sh BUILD_DIR}
rows=selftests/bench/guard.rows
report=${OUT:-$tmp}/guard.json

measures() {
	selftests/bench/disks.py --icount --rounds=3 --length=2000 --json="$report" \
		--disks=null_blk,brd,loop,nodata/copy,nodata/auto-buf-reg,nodata/copy+batch,ram/get-data,file/user-copy \
		--works=read-4K-2x32,write-4K-2x32,read-64K-2x32 "$dir"
}

is_enough() { selftests/bench/disks.py --at-least="$1" --show "$report"; }

# Each row a tenth higher, alone: what is not noticed then guards nothing
each_is_guarded() {
	local disk work times
	grep -v '^#' $rows > "$tmp/rows"
	[ -s "$tmp/rows" ] || return
	while read -r disk work times; do
		awk -v disk="$disk" -v work="$work" -v times="$times" 'BEGIN { print disk, work, times * 1.1 }' > "$tmp/higher"
		! is_enough "$tmp/higher" > /dev/null || { echo "$disk, $work: nothing was noticed"; return 1; }
	done < "$tmp/rows"
}

check "disks beside those of the kernel, in one boot" measures
check "none has become slower" is_enough $rows
check "each would be noticed, a tenth slower" each_is_guarded
finish
