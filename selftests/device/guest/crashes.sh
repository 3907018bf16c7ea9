#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# Servers that are killed under load, and others that go on.

. "${0%/*}/lib.sh"
. "${0%/*}/crash.sh"

# Pairs of what becomes of requests and the way that data takes
queued() { cycles queue 5 --mode=copy -q 2; }
queued_by_ring() { cycles queue 5 --mode=user-copy-ring -q 2; }
reissued() { cycles reissue 5 --mode=get-data -q 2; }
reissued_by_user_copy() { cycles reissue 5 --mode=user-copy; }

reissued_buffers() {
	has_feature AUTO_BUF_REG || skip "no registered buffers (Linux 6.16)"
	cycles reissue 5 --mode=auto-buf-reg -q 2
}

queued_buffers() {
	has_feature AUTO_BUF_REG || skip "no registered buffers (Linux 6.16)"
	cycles queue 5 --mode=zero-copy
}

batches() {
	has_feature BATCH_IO || skip "no batches (Linux 7.0)"
	cycles reissue 5 --batch=yes -q 2
}

failed() {
	has_feature USER_RECOVERY_FAIL_IO || skip "no failing meanwhile (Linux 6.13)"
	cycles fail 5 -q 2
}

# spoil HOW: what a server or a kernel could do wrong
spoil() {
	local at
	for at in $(seq 0 63); do
		case $1 in
		flip) printf '\125' | dd of=img bs=1 seek=$((at * 262144 + 5001)) conv=notrunc ;;
		lost) dd if=old of=img bs=128K seek=$((2 * at)) skip=$((2 * at)) count=1 conv=notrunc ;;
		torn) dd if=old of=img bs=2K seek=$((128 * at)) skip=$((128 * at)) count=1 conv=notrunc ;;
		misplaced) dd if=img of=img bs=4K seek=$((64 * at)) skip=$((64 * at + 1)) count=1 conv=notrunc ;;
		esac
	done 2> /dev/null
}

# The judge finds each, and then ends: in blocks that are written all the time, some are not
# written anew before they are read
caught() {
	local how
	for how in flip lost torn misplaced; do
		under_load queue --mode=copy
		crash
		cp img old
		recovered
		sleep 3 # many of what is spoilt are not what they were
		crash
		spoil $how
		recovered
		within 30 no_process $judge
		judged 1
		grep -qE 'instead of|EILSEQ' said
		del
	done
}

run_tests <<-'END'
	queued                120  what a dead server had fails, the rest waits
	queued_by_ring        120  also by copies in the ring
	reissued              120  or it is done again, and nothing fails
	reissued_by_user_copy 120  also by copies of the server's own
	queued_buffers        120  and by buffers that it has asked for
	reissued_buffers      120  or was given
	batches               120  and in batches
	failed                120  or everything fails until there is another
	caught                180  what would be wrong is found
END
