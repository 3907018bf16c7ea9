#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# The same as crashes.sh, more often: whatever becomes of requests, by every way.

. "${0%/*}/lib.sh"
. "${0%/*}/crash.sh"

# by_every_way HOW: eight kills in each
by_every_way() {
	local mode nr=2
	for mode in copy get-data user-copy user-copy-ring; do
		cycles "$1" 8 --mode=$mode -q $nr
		nr=$((3 - nr))
	done
	if has_feature AUTO_BUF_REG; then
		cycles "$1" 8 --mode=zero-copy -q 2
		cycles "$1" 8 --mode=auto-buf-reg -q 4 --threads=2
	fi
	if has_feature BATCH_IO; then
		cycles "$1" 8 --mode=copy --batch=yes -q 2
		cycles "$1" 8 --mode=user-copy --batch=yes -q 2 --threads=4
	fi
}

queued() { by_every_way queue; }
reissued() { by_every_way reissue; }

failed() {
	has_feature USER_RECOVERY_FAIL_IO || skip "no failing meanwhile (Linux 6.13)"
	by_every_way fail
}

run_tests <<-'END'
	queued   1200  what a dead server had fails, the rest waits
	reissued 1200  or it is done again, and nothing fails
	failed   1200  or everything fails until there is another
END
