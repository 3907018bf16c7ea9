# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # variables of check.sh
#
# `make check` ends in 45 minutes also on a machine that is half as fast as others, or
# has half of its time for us. What has ended tells how fast it is; a stage that would
# not end in time by that is not begun, is counted as skipped and named. Asked for by
# its name it runs at any time.

# Seconds of run_table() after which nothing should run any more; nothing: no end
time_limit_s=

# What each takes where two run at a time on two processors, as a table: NAME SECONDS
declare -A stage_typical=()
read_typical() {
	local name seconds
	while read -r name seconds; do
		stage_typical[$name]=$seconds
	done
}

# Of the stages that have ended: as they took, and as they take elsewhere
nr_spent_s=0 nr_typical_s=0
pace_saw() { # pace_saw NAME SECONDS
	[ -n "${stage_typical[$1]-}" ] || return 0
	nr_spent_s=$((nr_spent_s + $2))
	nr_typical_s=$((nr_typical_s + stage_typical[$1]))
}

# in_percent: what a stage takes here, of what it takes elsewhere; no less than that
in_percent() {
	if [ $nr_spent_s -gt $nr_typical_s ] && [ $nr_typical_s -gt 0 ]; then
		echo $((100 * nr_spent_s / nr_typical_s))
	else
		echo 100
	fi
}

has_time() { # has_time NAME
	[ -n "$time_limit_s" ] || return 0
	[ $((SECONDS + ${stage_typical[$1]-0} * $(in_percent) / 100)) -le "$time_limit_s" ]
}
