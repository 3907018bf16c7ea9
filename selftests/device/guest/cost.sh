#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# What a request of 4 KiB costs a server in user space, in instructions: each, and each turn
# of its ring, however many requests that has. Both are exact, and recorded in cost.rows for
# one compiler; 3 % more is a failure. Where the kernel decides how many requests a turn has,
# with GET_DATA and in batches, they are not, and nothing is recorded. To record: delete the
# row, and take what is printed.

. "${0%/*}/lib.sh"

rows=${0%/*}/cost.rows

# count DEPTH REQUESTS: of the disk, by the operation $op
count() { /count_server "$(info server_pid)" "$dev" "$op" "$1" "$2"; }

# With one request a turn everything is paid by each; with many, turns are few
# request_and_turn: both, of the disk
request_and_turn() {
	local one many
	one=$(count 1 4)
	many=$(count 32 32)
	echo "$one $many" | awk '{
		one = $4 / $1
		request = ($8 - one * $6) / ($5 - $6)
		printf "%.1f %.1f\n", request, one - request
	}'
}

# is_within NAME REQUEST TURN ROWS: no more than 3 % above what is recorded
is_within() {
	awk -v name="$1" -v request="$2" -v turn="$3" '
		$1 == name { found = 1; bad = request > $2 * 1.03 || turn > $3 * 1.03 }
		END { exit !found || bad }' "$4"
}

# cost NAME OPERATION SPEC OPTION...
cost() {
	local name=$1 op=$2 spec=$3 request turn
	shift 3
	add --depth=32 "$@" "$spec"
	request_and_turn > counted
	read -r request turn < counted
	del
	echo "$name: $request instructions a request and $turn a turn, so $(awk -v r="$request" -v t="$turn" 'BEGIN { printf "%.1f", r + t / 32 }') with 32" >> say
	awk -v name="$name" -v request="$request" '$1 == name { print name, request * 0.96, $3 }' "$rows" > lower
	is_within "$name" "$request" "$turn" "$rows" || echo "$name $request $turn" >> beyond
	not is_within "$name" "$request" "$turn" lower
}

none_is_beyond() { [ ! -e beyond ] || fail "more than is recorded: $(cat beyond)"; }

need_compiler() {
	[ "$(uname -m)" = x86_64 ] || skip "what is recorded is of x86-64"
	grep -q "^# gcc $(sed 's/\..*//' /compiler)\$" "$rows" || skip "what is recorded is of another compiler"
}

nothing() {
	need_compiler
	cost null-read read 'null:16M?nodata=1' --mode=copy
	cost null-write write 'null:16M?nodata=1' --mode=copy
	none_is_beyond
}

memory() {
	need_compiler
	cost ram-read read ram:16M
	none_is_beyond
}

mapped_file() {
	need_compiler
	truncate -s 16M img
	cost file-read read file:"$PWD"/img
	cost file-write write file:"$PWD"/img
	none_is_beyond
}

run_tests <<-'END'
	nothing     300  a request for nothing
	memory      300  a request to memory
	mapped_file 300  a request to a file in memory
END
