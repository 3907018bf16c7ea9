#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2034,SC2154,SC2329,SC2317 # variables of lib.sh, functions that it calls
#
# How often the kernel is called for a list of devices.
# group: 60 always

. "${0%/*}/lib.sh"

# traced COMMAND...: how many system calls it makes, its execve with them
traced() {
	strace -f -o trace "$@" > listed
	grep -c '^[0-9]* *[a-z_0-9]*(' trace
}

calls() {
	quiet
	for n in 1 2 3 4 5; do
		$ref create "dev$n" --table "0 8 zero"
	done
	ours=$(traced /opt/ours/dmsetup ls)
	bare=$(traced /usr/bin/bareblk dm ls)
	theirs=$(traced /usr/bin/dmsetup ls)
	scrub
	echo "system calls of ls: $ours as dmsetup, $bare as bareblk dm, $theirs of dmsetup" > ./say
	at_most "system calls as dmsetup" "$ours" 8
	at_most "system calls as bareblk dm" "$bare" 8
	at_least "system calls of dmsetup" "$theirs" 30
}

run_tests <<-'END'
calls  30  ls makes at most 8 system calls
END
