#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The benchmark, checked: does it run, and what does it make of programs that
# are slower, faster, equal, wrong, or do not end? How fast anything is on this
# machine decides nothing here.
#
# usage: selftest.sh BUILD_DIR      LIBURING, LIBURING_UAPI as for `make bench-programs`

. "$(dirname "$0")/../build/lib.sh"
cd "$root" || exit 2
dir=${1:?usage: selftest.sh BUILD_DIR}

# Every row once, as short as can be: 1 says that one looked slower in so little time.
runs() {
	local rc=0
	selftests/bench/ring.sh "$dir" --rounds=9 --ms=1 "$@" || rc=$?
	[ $rc -le 1 ]
}

has_all_rows() {
	local rows
	rows=$("$dir/bench/ours/ring" --list | wc -l)
	selftests/bench/ring.sh "$dir" --rounds=9 --ms=1 --json 'nop-32-d*' > "$tmp/json" 2> /dev/null || [ $? = 1 ] || return
	python3 - "$tmp/json" <<-'END' && [ "$rows" -ge 22 ]
		import json, sys
		report = json.load(open(sys.argv[1]))
		assert [r["row"] for r in report["rows"]] == ["nop-32-default", "nop-32-defer"], report["rows"]
		for row in report["rows"]:
		    assert row["verdict"] in ("faster", "equal", "SLOWER", "noisy")
		    assert len(row["slices"]["ours"]) >= 9 and row["median"]["ours"] > 0
	END
}

# program NAME NS [COMMAND]: one that says that it took NS and a little, or does COMMAND
program() {
	cat > "$tmp/$1" <<-END
		#!/bin/bash
		[ "\$1" != --list ] || { echo one-row; exit; }
		${3-}
		echo "\$(($2 + RANDOM % 100)) 1000 0"
	END
	chmod +x "$tmp/$1"
}

compare() { # compare OURS LIBURING
	selftests/bench/ring.py --ours="$tmp/$1" --liburing="$tmp/$2" --rounds=9 --ms=1 --dir="$dir"
}

says() { # says WORD STATUS OURS LIBURING
	local rc=0
	compare "$3" "$4" > "$tmp/said" 2>&1 || rc=$?
	cat "$tmp/said"
	[ $rc = "$2" ] && grep -q "$1" "$tmp/said"
}

# table_of SCRIPT STATUS TABLE ARGUMENT...: of a guest that says what stands in $tmp/guest
table_of() {
	local rc=0 script=$1 status=$2 table=$3
	shift 3
	printf '#!/bin/sh\ncat "%s"\n' "$tmp/guest" > "$tmp/boot"
	chmod +x "$tmp/boot"
	SIZES='4/10 64/5' BOOT=$tmp/boot "$tmp/tree/selftests/bench/$script" "$dir" "$@" > "$tmp/said" 2> "$tmp/complaint" || rc=$?
	cat "$tmp/said" "$tmp/complaint"
	[ "$rc" = "$status" ] && [ "$(grep '^|' "$tmp/said")" = "$table" ]
}

paths_say() { table_of paths.sh "$@"; }
targets_say() { table_of targets.sh "$@"; }

paths_table='| data path | 4K, one at a time | 4K | 64K |
|--|--|--|--|
| `copy` | 1.0 / 1.1 | 2.0 / 2.1 | 3.0 / 3.1 |
| `zero-copy` | - | - | - |
| `user-copy+batch` | 4.0 / 4.1 | 5.0 / 5.1 | 6.0 / 6.1 |'

targets_table='| disk | 4K, one at a time | 4K, 32 in flight | 64K, 32 in flight |
|--|--|--|--|
| `stripe:` of two RAM disks, and dm striped | 2.0 (1.25) / 4.0 (0.80) | 3.0 (0.75) / 3.0 (0.75) | 1.0 (1.00) / 1.0 (1.00) |'

in_readme() {
	paths_say 0 "$paths_table" --readme copy zero-copy user-copy+batch &&
		grep -A 10 '^<!-- paths: begin -->$' "$tmp/tree/README.md" | grep -B 10 '^<!-- paths: end -->$' > "$tmp/readme" &&
		[ "$(grep '^|' "$tmp/readme")" = "$paths_table" ]
}

# measured DISK WORK SPAN_NS...: a slice for each, of 1000 requests; the first is not timed
measured() {
	local disk=$1 work=$2 round=0 span kind
	shift 2
	for span; do
		kind="{\"ops\": 500, \"p50_ns\": $span, \"p99_ns\": $span}"
		echo "{\"queues\": 1, \"round\": $round, \"work\": \"$work\", \"disk\": \"$disk\", \"server_ns\": 5000000, \"all_ns\": $span, \"switches\": 10," \
			"\"syscalls\": 2000, \"server_kib\": 600, \"bench\": {\"span_ns\": $span, \"read\": $kind, \"write\": $kind}}"
		round=$((round + 1))
	done
}

# disks_say STATUS LINE [OPTION]...: of a guest that says what stands in $tmp/guest
disks_say() {
	local rc=0 status=$1 line=$2
	shift 2
	printf '#!/bin/sh\ncat "%s"\n' "$tmp/guest" > "$tmp/boot"
	chmod +x "$tmp/boot"
	BOOT=$tmp/boot selftests/bench/disks.py --icount --rounds=3 --disks=null_blk,nodata/copy,nodata/zero-copy \
		--works=read-4K-1 --json="$tmp/report" "$@" "$dir" > "$tmp/said" 2> "$tmp/complaint" || rc=$?
	cat "$tmp/said" "$tmp/complaint"
	[ "$rc" = "$status" ] && grep -qFx -- "$line" "$tmp/said" "$tmp/complaint" -h
}

# Medians, so that one round in three may be anything, and the round that counts calls
disks_table() {
	{ measured null_blk read-4K-1 1 10000000 1 10000000
	measured nodata/copy read-4K-1 1 20000000 90000000 20000000
	echo "- nodata/zero-copy: this kernel has it not"; } > "$tmp/guest"
	disks_say 0 '| nodata/copy | 50.0 (0.50) |' &&
		disks_say 0 '| nodata/copy | 20000.0 | 20000.0 | 5.00 | 20.00 | 0.01 | 2.00 | 600 |' &&
		disks_say 0 'not offered, queues 1: nodata/zero-copy: this kernel has it not'
}

disks_gate() {
	printf '# a comment\nnodata/copy read-4K-1 0.51\n' > "$tmp/least"
	disks_say 0 '| nodata/copy | 50.0 (0.50) |' --at-least="$tmp/least" || return
	printf 'nodata/copy read-4K-1 0.52\n' > "$tmp/least"
	disks_say 1 'nodata/copy, read-4K-1: 0.500 times null_blk, and it was 0.52' --at-least="$tmp/least"
}

disks_missing() {
	sed -i '$d' "$tmp/guest"
	disks_say 2 'disks.py: nodata/zero-copy, read-4K-1: 0 measurements'
}

disks_compare() {
	local rc=0
	[ -e "$tmp/a" ] || cp "$tmp/report" "$tmp/a"
	{ measured null_blk read-4K-1 1 10000000 10000000 10000000
	measured nodata/copy read-4K-1 1 21000000 21000000 21000000
	echo "- nodata/zero-copy: this kernel has it not"; } > "$tmp/guest"
	disks_say 0 '| nodata/copy | 47.6 (0.48) |' || return
	make -s bench-compare A="$tmp/report" B="$tmp/report" > "$tmp/same" || return
	! grep -Eq 'SLOWER|faster' "$tmp/same" || return
	selftests/bench/disks.py --compare "$tmp/$1" "$tmp/$2" > "$tmp/said" || rc=$?
	cat "$tmp/said"
	[ $rc = "$3" ] && grep -q "nodata/copy .* $4 |" "$tmp/said"
}

copy_tree "$tmp/tree" || exit 2
for row in 'copy no 1000 2000 3000' 'user-copy yes 4000 5000 6000'; do
	read -r mode batch one many large <<< "$row"
	printf "$mode $batch read %s\n" "4 1 $one" "4 32 $many" "64 32 $large"
	printf "$mode $batch write %s\n" "4 1 $((one + 100))" "4 32 $((many + 100))" "64 32 $((large + 100))"
done > "$tmp/guest"

for row in 'read 4 1 2000 1600' 'read 4 32 3000 4000' 'read 64 32 1000 1000' \
	'write 4 1 4000 5000' 'write 4 32 3000 4000' 'write 64 32 1000 1000'; do
	read -r rw size depth ours kernel <<< "$row"
	printf 'stripe %s %s %s %s %s\n' ours "$rw" "$size" "$depth" "$ours" kernel "$rw" "$size" "$depth" "$kernel"
done > "$tmp/guest_targets"

program fast 10000
program slow 12000
program wrong 10000 'echo "not so" >&2; exit 1'
# not by chance, which now and then would be kind to the one side
program erratic 10000 'n=$(($(cat "$0.n" 2> /dev/null) + 1)); echo $n > "$0.n"; echo "$((8000 + n % 7 * 3000)) 1000 0"; exit'
program unable 10000 'echo "no such thing: here"; exit 4'
program hung 10000 'sleep 100'

check "every row runs, with ours and with liburing" runs
check "--json has what the table has" has_all_rows
check "slower is called so, with status 1" says SLOWER 1 slow fast
check "faster is" says faster 0 fast slow
check "equal is" says equal 0 fast fast
check "what differs from itself is noisy" says noisy 0 erratic erratic
check "a program that finds a wrong result ends it" says 'ours, one-row: status 1' 3 wrong fast
check "what this machine cannot do is left out, and nothing measured is no success" says 'left out: no such thing: here' 1 unable fast
check "paths are a table, in the order asked for, and dashes where the kernel has none" \
	paths_say 0 "$paths_table" copy zero-copy user-copy+batch
check "which goes into the README" in_readme
sed -i '$d' "$tmp/guest"
check "a measurement that is missing fails it" paths_say 1 "" copy user-copy+batch
echo "paths: the disk cannot be filled" >> "$tmp/guest"
check "a line that is none does" paths_say 1 "" copy
: > "$tmp/guest"
check "so does a kernel with none of them" paths_say 1 "" copy
mv "$tmp/guest_targets" "$tmp/guest"
check "targets are a table of quotients" targets_say 0 "$targets_table" stripe
sed -i 3d "$tmp/guest"
check "one that is missing fails it" targets_say 1 "" stripe
check "disks are a table of medians, beside the kernel's" disks_table
check "what has become slower than the kernel's disk allows is told, with status 1" disks_gate
check "two runs are compared: what is slower, with status 1" disks_compare a report 1 SLOWER
check "what is faster, with status 0" disks_compare report a 0 faster
check "a disk without its measurements ends it" disks_missing
check "a program that hangs ends it" says 'has hung' 3 hung fast
finish
