#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# A thousand devices of a thousand servers

. "${0%/*}/lib.sh"

nr=1000
# a limit of the driver, which in some releases counts root's devices, too
ublks_max=/sys/module/ublk_drv/parameters/ublks_max

make_all() {
	local i=0
	{ set +x; } 2>/dev/null
	while [ $i -lt $nr ]; do
		add --depth=16 ram:1M
		i=$((i + 1))
	done
	set -x
}

# each of them has what was written to it
use_all() {
	local i=0
	{ set +x; } 2>/dev/null
	while [ $i -lt $nr ]; do
		dev=/dev/ublkb$i
		printf '%4096s' "$i" | poke 8192 4096
		i=$((i + 1))
	done
	i=0
	while [ $i -lt $nr ]; do
		dev=/dev/ublkb$i
		eq "content of $dev" "$(peek 8192 4096 | tr -d ' ')" $i
		i=$((i + 1))
	done
	set -x
}

all() {
	local before
	[ ! -w $ublks_max ] || echo $((2 * nr)) > $ublks_max
	before=$(meminfo MemAvailable)
	make_all
	echo "each takes $(((before - $(meminfo MemAvailable)) / nr)) kB of the machine" > say
	use_all
	eq 'lines of the list' "$(bareblk ublk list | grep -c ' live ')" $nr
	eq 'of stat' "$(bareblk ublk stat --prometheus | grep -c '^bareblk_uptime_seconds')" $nr
	bareblk ublk gc > out
	[ ! -s out ] || fail "gc: $(cat out)"
	# a hundred of them die, and are found among the others
	{ set +x; } 2>/dev/null
	for id in $(seq 0 10 $((nr - 1))); do
		dev=/dev/ublkb$id
		kill -9 "$(info server_pid)"
		touch -d '2020-01-01 00:00' "/dev/ublkc$id" # gc leaves young ones alone
	done
	set -x
	within 60 gone $((nr / 10))
	bareblk ublk gc > out
	eq devices "$(nr_devices)" $((nr - nr / 10))
	device_ids | xargs bareblk ublk del
	eq devices "$(nr_devices)" 0
}

gone() { [ "$(bareblk ublk list | grep -c ' dead ')" = "$1" ]; }

run_tests <<-'END'
	all  1200  a thousand devices are made, used, listed, asked, cleaned up and deleted
END
