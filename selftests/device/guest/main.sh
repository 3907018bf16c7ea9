#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC3043 # busybox ash has local
#
# Runs groups in the guest: main.sh GROUP:SECONDS... Each is announced and
# concluded by a line of its own, for ../run.sh. A group that leaves the machine
# unusable ends this with 99: the rest wants another boot.

dir=${0%/*}

# run_group NAME SECONDS: sets rc
run_group() {
	local pid until
	setsid sh "$dir/$1.sh" &
	pid=$!
	until=$(($(uptime_s) + $2))
	while kill -0 $pid 2>/dev/null && [ "$(uptime_s)" -lt "$until" ]; do
		sleep 0.2
	done
	if kill -0 $pid 2>/dev/null; then
		kill -KILL -$pid
		echo "# the group was not done after $2 s"
		rc=99
	else
		wait $pid
		rc=$?
	fi
}

uptime_s() { sed 's/\..*//' /proc/uptime; }

for row; do
	name=${row%:*}
	echo "@begin $name"
	begin=$(uptime_s)
	run_group "$name" "${row#*:}"
	echo "@end $name $rc $(($(uptime_s) - begin))"
	[ $rc != 99 ] || exit 99
done
exit 0
