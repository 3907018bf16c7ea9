# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034 # variables of check.sh
#
# Runs the stages of a table, as many at a time as there are processors. A stage
# takes one, or all of them (9), or one for a virtual machine (vm) of several
# processors, which sleeps much of its time: of these there is one for two
# processors, for they bear being slow, but not being starved. A stage whose builds
# failed is not run.

declare -A stage_after stage_seconds stage_cpus stage_vms stage_where stage_command
declare -A stage_state=() stage_pid=() stage_start=()
stages=()

# read_table < lines of: NAME AFTER,... SECONDS TAKES WHERE COMMAND...
read_table() {
	local name after seconds takes where command
	while read -r name after seconds takes where command; do
		[[ -n $name && $name != '#'* ]] || continue
		stages+=("$name")
		stage_after[$name]=$after
		stage_seconds[$name]=$((${stage_patience:-1} * seconds))
		stage_cpus[$name]=${takes/vm/1}
		stage_vms[$name]=0
		[ "$takes" != vm ] || stage_vms[$name]=1
		stage_where[$name]=$where
		stage_command[$name]=$command
		stage_state[$name]=waiting
	done
}

# can_start NAME: 0 yes, 1 not yet, 2 never, 3 not in the time that is left
can_start() {
	local need
	for need in ${stage_after[$1]//,/ }; do
		[[ $need != - && -n ${stage_state[$need]-} ]] || continue
		case ${stage_state[$need]} in
		ok) ;;
		failed) [[ $need == build-* || $need == fetch-* ]] && return 2 ;;
		late) return 3 ;;
		*) return 1 ;;
		esac
	done
	has_time "$1" || return 3
	[ "$cpus_busy" != 0 ] || return 0
	[ $((cpus_busy + stage_cpus[$1])) -le "$cpus" ] &&
		[ $((2 * (vms_busy + stage_vms[$1]))) -le $((cpus + 1)) ]
}

stage_begin() {
	local name=$1
	stage_start[$name]=$SECONDS
	stage_state[$name]=running
	(
		timeout -k 20 "${stage_seconds[$name]}" "$here/check.sh" --stage "${stage_command[$name]}" \
			> "$out/$name.log" 2>&1 < /dev/null &
		# shellcheck disable=SC2064 # this very process
		trap "kill $!" TERM
		rc=0
		wait $! || rc=$?
		echo "$name $rc" >&"$ends"
	) &
	stage_pid[$name]=$!
	cpus_busy=$((cpus_busy + stage_cpus[$name]))
	vms_busy=$((vms_busy + stage_vms[$name]))
}

stage_end() { # stage_end NAME STATUS
	local name=$1
	cpus_busy=$((cpus_busy - stage_cpus[$name]))
	vms_busy=$((vms_busy - stage_vms[$name]))
	pace_saw "$name" $((SECONDS - stage_start[$name]))
	if judge "$name" "$2" $((SECONDS - stage_start[$name])); then
		stage_state[$name]=ok
	else
		stage_state[$name]=failed
	fi
}

stage_known() {
	stage_state[$1]=ok
	judge_again "$1" || stage_state[$1]=failed
	return 0
}

start_what_can() {
	local name rc
	for name in "${stages[@]}"; do
		[ "${stage_state[$name]}" = waiting ] || continue
		rc=0
		can_start "$name" || rc=$?
		case $rc in
		0) has_result "$name" && stage_known "$name" || stage_begin "$name" ;;
		2) stage_state[$name]=failed; judge_not_run "$name" ;;
		3) stage_state[$name]=late; judge_late "$name" ;;
		# what takes all processors gets its turn, too: nothing overtakes it
		1) [ "${stage_cpus[$name]}" -lt "$cpus" ] || is_blocked "$name" || break ;;
		esac
	done
}

# is_blocked NAME: it waits for a stage, not for processors
is_blocked() {
	local need
	for need in ${stage_after[$1]//,/ }; do
		case ${stage_state[$need]-} in waiting | running) return 0 ;; esac
	done
	return 1
}

run_table() {
	local name rc fifo=$out/ends.$$
	cpus_busy=0 vms_busy=0
	rm -f "$fifo" && mkfifo "$fifo" && exec {ends}<> "$fifo" && rm "$fifo" || exit
	start_what_can
	while [ ${#stage_pid[@]} -gt 0 ]; do
		read -r name rc <&"$ends" || exit
		unset "stage_pid[$name]"
		stage_end "$name" "$rc"
		start_what_can
	done
	exec {ends}<&-
}

# timeout ends the whole of its group
stop_table() {
	[ ${#stage_pid[@]} = 0 ] || kill "${stage_pid[@]}" 2> /dev/null
	wait
}
