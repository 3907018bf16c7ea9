# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043,SC2034 # of lib.sh and of who reads this in; busybox ash has local
#
# A daemon's supervisor, and killing what it has started: for supervise.sh and what takes longer.

server_of() { info server_pid; }
parent_of() { awk '{ print $4 }' "/proc/$1/stat"; }

# a server that is not $1 is live
another_than() { [ "$(info state)" = live ] && [ "$(server_of)" != "$1" ] && has_server; }
has_server() { [ "$(server_of)" -gt 0 ]; }

# supervised ARGS...: a device with a daemon's supervisor, in $supervisor
supervised() {
	add --supervise "$@"
	find_supervisor
}

find_supervisor() {
	within 10 has_server
	supervisor=$(parent_of "$(server_of)")
	eq 'processes' "$(servers | wc -w)" 2
}

kill_server() {
	local old
	old=$(server_of)
	kill -9 "$old"
	within 10 another_than "$old"
	eq 'its parent' "$(parent_of "$(server_of)")" "$supervisor"
}

# How long a reader waits whose server is killed, so often
pauses() { # NR
	local i
	truncate -s 4M img
	for i in $(seq "$1"); do
		supervised --recover=reissue -q 2 file:"$PWD"/img
		old=$(server_of)
		begin=$(now_ms)
		kill -9 "$old"
		dd if="$dev" of=/dev/null bs=4K count=1 iflag=direct 2>/dev/null
		echo $(($(now_ms) - begin)) >> waits
		del
	done
	sort -n waits | awk '{ t[NR] = $1 } END { print "from a kill to the bytes of who reads: median " t[int((NR + 1) / 2)] " ms, worst " t[NR] " ms" }' >> say
	at_most 'the worst' "$(sort -n waits | tail -n 1)" 5000
}

now_ms() { awk '{ print int($1 * 1000) }' /proc/uptime; }
