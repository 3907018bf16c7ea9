#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC3043
#
# The library's own suites that want ublk, as /bareblk-selftests has them: its
# report is passed through. Those that want the device mapper run in dm/.

program=/bareblk-selftests
suites=$($program --list 2>/dev/null | sed -n 's/^\(device[a-z0-9_]*\): .*/\1/p' | grep -v '^device_\(long_\|dm\)' | sort -u)

if [ -z "$suites" ]; then
	echo "KTAP version 1"
	echo "1..0 # SKIP no suite of the library wants ublk"
	exit 4
fi
set --
for suite in $suites; do
	set -- "$@" "--suite=$suite"
done
echo "# Subtest: library"
exec $program --timeout-scale=10 "$@"
