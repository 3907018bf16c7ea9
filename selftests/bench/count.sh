#!/bin/bash
# SPDX-License-Identifier: MIT
#
# How many instructions a program executes in user space for one request, from
# ring_get_sqe() until its completion is seen: of libring.a as it ships, exactly.
#
# usage: count.sh [--self-test] BUILD_DIR
#
#   LIBURING, LIBURING_UAPI   as for `make bench-programs`: liburing is then counted, too

. "$(dirname "$0")/../build/lib.sh"
cd "$root" || exit 2

# At most this many per request: one at a time, and 32 at a time
limit_one=85
limit_32=32

build() { quietly make -s O="$dir" "LIBURING=${LIBURING-}" "LIBURING_UAPI=${LIBURING_UAPI-}" bench-programs; }

count() { # count LIBRARY: into $tmp/LIBRARY
	"$dir/bench/$1/count" > "$tmp/$1" && [ -s "$tmp/$1" ]
}

of() { # of LIBRARY NAME: the count
	awk -v name="$2" '$1 == name { print $2; found = 1 } END { exit !found }' "$tmp/$1"
}

at_most() { # at_most NAME LIMIT
	local nr
	nr=$(of ours "$1") || { echo "there is no count of $1"; return 1; }
	awk -v nr="$nr" -v limit="$2" 'BEGIN { exit !(nr > 0 && nr <= limit) }' ||
		{ echo "$1: $nr instructions, and $2 are allowed"; return 1; }
}

fewer_than_liburing() {
	at_most "$1" "$(of liburing "$1")"
}

show() {
	local name nr
	echo "# instructions per request     ours${LIBURING:+  liburing $(basename "$(dirname "$LIBURING")")}"
	while read -r name nr; do
		printf '#   %-24s %8s  %8s\n' "$name" "$nr" "$([ -z "${LIBURING-}" ] || of liburing "$name")"
	done < "$tmp/ours"
}

run() {
	check "the programs build" build
	check "counts are exact: the same each time, and that of a known sequence" count ours
	[ -z "${LIBURING-}" ] || check "liburing's are, too" count liburing
	show
	check "one request at a time: at most $limit_one instructions" at_most cycle-1 $limit_one
	check "32 at a time: at most $limit_32 per request" at_most cycle-32 $limit_32
	if [ -n "${LIBURING-}" ]; then
		check "one at a time: not more than liburing" fewer_than_liburing cycle-1
		check "32 at a time: not more than liburing" fewer_than_liburing cycle-32
	fi
}

# slower FILE FUNCTION: an instruction more at its beginning
slower() {
	sed -i "/^[a-z].*\b$2(/,/^}/ s/^{/{\n\t__asm__ volatile(\"nop\");/" "$1" &&
		grep -q '"nop"' "$1" || { echo "$1 has no $2()"; return 1; }
}

# moved ONE BATCH: by so much the two counts are above what they were
moved() {
	local was_one was_32
	was_one=$(cat "$tmp/was_one") was_32=$(cat "$tmp/was_32")
	build && count ours && at_most cycle-1 "$(awk "BEGIN { print $was_one + $1 - 0.5 }")" &&
		at_most cycle-32 "$(awk "BEGIN { print $was_32 + $2 - 0.01 }")"
}

self_test() {
	copy_tree "$tmp/tree" && cd "$tmp/tree" && unset LIBURING LIBURING_UAPI && dir=$tmp/tree/o || exit 2
	build && count ours || exit 2
	of ours cycle-1 > "$tmp/was_one" && of ours cycle-32 > "$tmp/was_32" || exit 2
	check "the same again, when nothing has changed" moved 0.5 0.01
	caught "a limit that is lower by one" 'cycle-1: .* are allowed' at_most cycle-1 "$(($(printf '%.0f' "$(cat "$tmp/was_one")") - 1))"
	slower ring/ring.h ring_get_sqe || exit 2
	caught "an instruction more in an inline function" 'cycle-1: .* are allowed' moved 1 1
	cp "$root/ring/ring.h" ring/ring.h
	slower ring/queue.c ring_submit_and_wait || exit 2
	caught "an instruction more in the library" 'cycle-1: .* are allowed' moved 1 0.03
	cp "$root/ring/queue.c" ring/queue.c
	sed -i 's/\.rept %c0/.rept %c0 - 1/' selftests/bench/count.c && build
	caught "a wrong count" '100 instructions are counted as 99' count ours
	cp "$root/selftests/bench/count.c" selftests/bench/count.c
	sed -i 's/mark_begin();$/&\n\tif (getpid() \& 0)\n\t\treturn;\n\tfor (volatile int i = rand() % 50; i; i--)\n\t\t;/' selftests/bench/count.c && build
	caught "a count that is not the same each time" 'count: .*: [0-9]+, then [0-9]+' count ours
}

self=
[ "${1-}" != --self-test ] || { self=y; shift; }
dir=${1:?usage: count.sh [--self-test] BUILD_DIR}
[ "$(uname -m)" = x86_64 ] || { skip "instructions per request" "the limits are of x86-64"; finish; }
if [ -n "$self" ]; then self_test; else run; fi
finish
