#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# As mirror.sh: more seeds, and servers that are killed.

. "${0%/*}/lib.sh"
. "${0%/*}/mirrored.sh"

five_seeds() {
	local i
	for i in 1 2 3 4 5; do
		seed "$i"
	done
}

# killed while it writes, and copied on by the next server
killed() {
	local i
	legs 33554432
	for i in 1 2 3; do
		serve -q 2 "$(spec '&rate=32M')"
		fio --name=load --filename="$dev" --ioengine=io_uring --direct=1 --rw=randwrite --bs=16k \
			--iodepth=64 --time_based --runtime=120 --output=fio.load 2> fio.err &
		load=$!
		within 30 has_in_flight 8
		sleep "0.$i"
		kill -KILL "$server"
		ended 137
		within 30 no_process "$load"
		del
		within 10 resumes
		within 60 is_complete
		del
		cmp a b
	done
}

# a ring of the killed server has the files for a moment yet
resumes() { add -q 2 "$(spec '')"; }

run_tests <<-'END'
	five_seeds    300  64 MiB are the same on both legs after fio wrote while they were copied, five times
	killed        180  killed under writes three times, it makes both legs the same again
END
