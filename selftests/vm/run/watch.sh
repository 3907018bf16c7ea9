# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034 # variables of the scripts that read this in
#
# Watches one boot from start to power-off. Each wait has an end.

watch_poll_s=0.2		# the longest time until QEMU's own end is noticed
watch_silence_s=${SILENCE:-60}	# without a sign of life a guest counts as hung
watch_poweroff_s=30		# from the command's end to the end of QEMU

# The guest's lines come through a FIFO opened for both ways, so neither side
# waits for the other and nobody sees an end of file.
watch_open() {
	rm -f "$work/ctl"
	mkfifo "$work/ctl" && exec {ctl}<>"$work/ctl"
}

# watch_read SECONDS: sets line. A read that is out of time may have taken the
# beginning of one, which is kept for the next.
watch_read() {
	local part=
	if IFS= read -r -t "$1" -u "$ctl" part; then
		line=$watch_part$part watch_part=
		return 0
	fi
	watch_part+=$part
	return 1
}

watch_handle() {
	watch_alive=$SECONDS
	case $1 in
	ready)         guest_ready=1 ;;
	exit\ [0-9]*)  guest_status=${1#exit } ;;
	esac
}

# The console's growth is a sign of life too, as is output of the command
watch_growth() {
	local size
	size=$(stat -c %s "$work/console" "$work/output" 2>/dev/null)
	[ "$size" = "$watch_size" ] || watch_alive=$SECONDS
	watch_size=$size
}

# sets watch_end to why the watching ended: ended, gone, deadline or silent
watch_step() {
	local line
	if watch_read "$watch_poll_s"; then
		watch_handle "$line"
		[ -z "$guest_status" ] || watch_end=ended
		return
	fi
	watch_growth
	if ! machine_runs; then
		watch_last_words
	elif [ "$watch_deadline" -gt 0 ] && [ "$SECONDS" -ge "$watch_deadline" ]; then
		watch_end=deadline
	elif [ -n "$watch_for_silence" ] && [ $((SECONDS - watch_alive)) -ge "$watch_silence_s" ]; then
		watch_end=silent
	fi
}

# QEMU has ended; a line that it wrote just before may still be in the FIFO. A busy
# host may need a moment to read what is there.
watch_last_words() {
	local line
	while [ -z "$guest_status" ] && watch_read 1; do
		watch_handle "$line"
	done
	watch_end=gone
	[ -z "$guest_status" ] || watch_end=ended
}

watch_poweroff() {
	local until=$((SECONDS + watch_poweroff_s))
	while machine_runs; do
		[ "$SECONDS" -lt "$until" ] || { watch_end=no_poweroff; return; }
		read -r -t 0.05 -u "$ctl" _
	done
}

# watch_run DEADLINE: DEADLINE in terms of SECONDS, 0 for none. A guest that
# counts instructions sends no heartbeat, so its silence means nothing once it
# has come up.
watch_run() {
	watch_deadline=$1
	watch_alive=$SECONDS watch_size='' watch_part='' watch_end='' watch_for_silence=1
	guest_ready='' guest_status=''
	while [ -z "$watch_end" ]; do
		watch_step
		if [ -n "$guest_ready" ] && [ "$accel" = icount ]; then
			watch_for_silence=
		fi
	done
	[ "$watch_end" != ended ] || watch_poweroff
	machine_kill
}
