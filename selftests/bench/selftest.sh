#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The benchmark, checked: does it run, and what does it make of programs that
# are slower, faster, equal, wrong, or do not end? How fast anything is on this
# machine decides nothing here.
#
# usage: selftest.sh BUILD_DIR      LIBURING, LIBURING_UAPI as for `make bench`

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

program fast 10000
program slow 12000
program wrong 10000 'echo "not so" >&2; exit 1'
program erratic 10000 'echo "$((8000 + RANDOM % 7 * 3000)) 1000 0"; exit'
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
check "a program that hangs ends it" says 'has hung' 3 hung fast
finish
