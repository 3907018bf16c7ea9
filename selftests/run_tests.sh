#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A suite after the other, reported as kselftest's runner does it; see Makefile.
#
# usage: run_tests.sh BUILD_DIR      from the root of the tree, or absolute

set -u -o pipefail
cd "$(dirname "$0")/.." || exit 2
program=${1:?usage: run_tests.sh BUILD_DIR}/bareblk-selftests
[[ $program == /* ]] || program=./$program

suites() {
	local suite
	for suite in ${TARGETS:-$("$program" --list | sed 's/:.*//' | uniq)}; do
		[[ " ${SKIP_TARGETS-} " == *" $suite "* ]] || echo "$suite"
	done
}

run_suite() { # run_suite SUITE: its report, as comments
	if [ -n "${summary-}" ]; then
		"$program" --suite="$1" > "$OUTPUT/$1"
	else
		"$program" --suite="$1" | sed -u 's/^/# /'
	fi
}

mapfile -t wanted < <(suites)
[ -z "${summary-}" ] || mkdir -p "$OUTPUT" || exit 2
nr=0 nr_passed=0 nr_failed=0 nr_skipped=0
echo "TAP version 13"
echo "1..${#wanted[@]}"
for suite in "${wanted[@]}"; do
	nr=$((nr + 1))
	name="selftests: bareblk: $suite"
	echo "# $name"
	run_suite "$suite"
	rc=$?
	case $rc in
	0) nr_passed=$((nr_passed + 1)); echo "ok $nr $name" ;;
	4) nr_skipped=$((nr_skipped + 1)); echo "ok $nr $name # SKIP" ;;
	*) nr_failed=$((nr_failed + 1)); echo "not ok $nr $name # exit=$rc" ;;
	esac
done
echo "# Totals: pass:$nr_passed fail:$nr_failed xfail:0 xpass:0 skip:$nr_skipped error:0"
[ "$nr_failed" = 0 ]
