# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043 # of lib.sh and of who reads this in; busybox ash has local
#
# Servers that are killed under load, and others that go on: no write that was
# acknowledged is lost, torn or in another place. The disk is a file, whose requests
# take a while, so that the server has many of them when it dies.

target() { echo "fault?read_delay=10ms&write_delay=10ms:[file:$PWD/img]"; }

is_busy() { has_in_flight 8 || no_process "$judge"; }

random_below() { echo $(($(od -An -N2 -tu2 /dev/urandom) % $1)); }

# crash: at some moment at which the server has eight requests at least
crash() {
	sleep "0.$(random_below 6)$(random_below 10)"
	within 10 is_busy
	! no_process "$judge" || judged nothing
	kill -9 "$(info server_pid)"
	within 10 has_no_server
}

has_no_server() { case $(info state) in quiesced | failing) true ;; *) false ;; esac; }

# another server goes on
recovered() {
	bareblk ublk recover -d "$dev" "$(target)" > /dev/null
	eq 'its state' "$(info state)" live
}

# under_load HOW OPTION...: a new disk, and who uses and judges it, in $judge
under_load() {
	local how=$1 may=
	shift
	[ "$how" = reissue ] || may=--may-fail
	rm -f img over
	truncate -s 16M img
	add --recover="$how" --depth=32 "$@" "$(target)"
	# shellcheck disable=SC2086
	bareblk-shadow $may --workers=2 --lanes=16 --block-size=4K --window=256K --windows=64 --seed="$(random_below 1000)" \
		--until=over --time=1000s "$dev" > said 2>&1 &
	judge=$!
}

# judged STATUS: who judges ends, with that one
judged() {
	local rc=0
	touch over
	within 60 no_process $judge
	wait $judge || rc=$?
	{ set +x; } 2>/dev/null
	sed 's/^/# /' said
	set -x
	eq 'what is said of the disk' "$rc" "$1"
}

cycles() { # HOW NR OPTION...
	local how=$1 nr=$2
	shift 2
	under_load "$how" "$@"
	for _ in $(seq "$nr"); do
		crash
		recovered
	done
	judged 0
	[ "$how" = reissue ] || not grep -q '^0 have failed' said
	del
}
