#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC1091 # lib.sh is beside it
#
# The library in a program of its own: selftests/examples/join_free.
# group: 60 always
. "${0%/*}/lib.sh"

sectors() { blockdev --getsz "$1"; }

joins() {
	join_free joined /dev/ram0 /dev/ram1
	eq "size" "$(sectors /dev/mapper/joined)" $(($(sectors /dev/ram0) + $(sectors /dev/ram1)))
	eq "table" "$(ref12 table joined | wc -l)" 2
	head -c 65536 /dev/urandom > data
	dd if=data of=/dev/mapper/joined bs=65536 seek=$(($(sectors /dev/ram0) / 128)) 2> /dev/null
	sync
	dd if=/dev/ram1 bs=65536 count=1 2> /dev/null | cmp - data
	join_free -d joined
	not ref12 info joined
	not test -e /dev/mapper/joined
}

makes_nothing_of_half() {
	not join_free joined /dev/ram0 /dev/no-such-device
	not join_free joined /dev/ram0 /dev/null
	not ref12 info joined
	join_free joined /dev/ram0
	not join_free joined /dev/ram1
	eq "table" "$(ref12 table joined | wc -l)" 1
	join_free -d joined
	not join_free -d joined
}

run_tests <<-'END'
joins                  20  an example joins two disks, and parts them
makes_nothing_of_half  20  it makes nothing of a disk that is not there, or a name that is taken
END
