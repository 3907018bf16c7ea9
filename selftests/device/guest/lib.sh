# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC3043,SC2086,SC2046 # busybox ash has local; lists of words
#
# What a group of device tests is written with: a file of functions that ends in
#
#	run_tests <<-'END'
#	function  seconds  a sentence that is true when it passes
#	END
#
# Each function runs in a process, a session and a directory of its own, with
# set -eux: the first command that fails fails the test, and what was run is
# shown. After each, no device, server, mount or process of it may be left; what
# is left fails the test and is removed. "file.sh FUNCTION" runs one alone.

export LC_ALL=C
settle_tenths=100	# how long what is about to end may take

# --- for the tests -----------------------------------------------------------

# the test ends here
fail() {
	{ set +x; } 2>/dev/null
	echo "FAILED: $*"
	exit 1
}

skip() {
	echo "$*" > "$work/.skip"
	exit 4
}

# eq WHAT GOT WANT, and the same for numbers
eq() { [ "$2" = "$3" ] || fail "$1: got '$2', want '$3'"; }
at_least() { [ "$2" -ge "$3" ] || fail "$1: got $2, want at least $3"; }
at_most() { [ "$2" -le "$3" ] || fail "$1: got $2, want at most $3"; }

# not CMD...: CMD must fail
not() {
	if "$@"; then fail "succeeded: $*"; fi
}

# is_since RELEASE: this kernel has what came with that
is_since() {
	uname -r | awk -F. -v since="$1" '
		{ split(since, s, "."); exit !($1 > s[1] || ($1 == s[1] && $2 + 0 >= s[2])) }'
}

# has_feature NAME: of the kernel's ublk driver
has_feature() { bareblk ublk features | grep -q " $1  *yes"; }

# within SECONDS CMD...: CMD comes true in that time
within() {
	local tenths=$(($1 * 10))
	shift
	{ set +x; } 2>/dev/null
	until "$@" 2>/dev/null; do
		tenths=$((tenths - 1))
		[ $tenths -gt 0 ] || fail "did not come true: $*"
		sleep 0.1
	done
	set -x
}

# status CMD...: its exit status in $rc, its output in out and err
status() {
	{ set +x; } 2>/dev/null # a function's trace would go to err
	rc=0
	"$@" > out 2> err || rc=$?
	set -x
}

# refuses CODE REGEX CMD...: that exit code, nothing on stdout, and on stderr
# one line that matches
refuses() {
	local code=$1 regex=$2
	shift 2
	status "$@"
	[ "$rc" = "$code" ] || fail "exit code $rc, want $code: $(cat out err)"
	[ ! -s out ] || fail "on standard output: $(cat out)"
	eq 'lines on standard error' "$(wc -l < err)" 1
	grep -Eq -- "$regex" err || fail "the message is: $(cat err)"
}

# add ARGS...: a server in the background; sets dev, id and sys
add() {
	dev=$(bareblk ublk add -d "$@")
	name_device
}

name_device() {
	id=${dev#/dev/ublkb}
	sys=/sys/block/ublkb$id
	[ -b "$dev" ] || fail "no block device: '$dev'"
}

# serve ARGS...: a server as our own child, whose pid is in $server
serve() {
	rm -f serve.out
	bareblk ublk add "$@" > serve.out 2> serve.err &
	server=$!
	within 30 served
	dev=$(cat serve.out)
	name_device
}

served() { [ -s serve.out ] || ! kill -0 "$server"; }

# ended CODE: our own server ends, with that exit status
ended() {
	local want=$1 rc=0
	within 40 no_process "$server"
	wait "$server" || rc=$?
	[ "$rc" = "$want" ] || fail "the server's status is $rc, want $want: $(cat serve.err)"
}

# a zombie has ended: it only waits for us
no_process() {
	local state
	state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null)
	[ -z "$state" ] || [ "$state" = Z ]
}

del() { bareblk ublk del "${1-$dev}"; }

# one value of an object in JSON: value_in FILE NAME; and of the info of the device
value_in() { sed -n "s/.*\"$2\": \"\\{0,1\\}\\([^,\"}]*\\).*/\\1/p" "$1"; }
info() { bareblk ublk info --json "$dev" | value_in - "$1"; }

# ids of all devices
device_ids() {
	local path
	for path in /sys/class/ublk-char/ublkc*; do
		[ ! -e "$path" ] || echo "${path##*/ublkc}"
	done
}

nr_devices() { device_ids | wc -l; }


nr_hardware_queues() { find "$sys/mq" -mindepth 1 -maxdepth 1 | wc -l; }

# field N of the device's statistics: 1 reads, 3 sectors read, 5 writes, 16 flushes
disk_stat() { awk -v n="$1" '{ print $n }' "$sys/stat"; }

# requests under way, reads and writes
in_flight() { awk '{ print $1 + $2 }' "$sys/inflight"; }
has_in_flight() { [ "$(in_flight)" -ge "$1" ]; }

# kB of a line of /proc/meminfo, or of a process's status
meminfo() { awk -v k="$1:" '$1 == k { print $2 }' /proc/meminfo; }
proc_status() { awk -v k="$2:" '$1 == k { print $2 }' "/proc/$1/status"; }

# direct I/O of one place: poke OFFSET_BYTES BYTES < data, peek OFFSET_BYTES BYTES
poke() {
	dd of="$dev" bs="$2" seek="$1" count=1 iflag=fullblock oflag=direct,seek_bytes conv=notrunc status=none
}

peek() {
	dd if="$dev" bs="$2" skip="$1" count=1 iflag=direct,fullblock,skip_bytes status=none
}

bytes_of() { tr '\0' "\\$1" < /dev/zero | head -c "$2"; } # OCTAL COUNT

# unprivileged CMD...: as uid 65534, with no capabilities and no way to any
unprivileged() {
	setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs --inh-caps=-all \
		--bounding-set=-all "$@"
}

# --- what a test may leave behind ---------------------------------------------

servers() { pidof bareblk; }

processes_of() { # SESSION
	cat /proc/[0-9]*/stat 2>/dev/null | awk -v sid="$1" '
		{ line = $0; sub(/.*\) /, "", line); split(line, f, " ") }
		f[4] == sid && f[1] != "Z" { print $1 }'
}

mounts() { awk '$1 ~ "^/dev/(ublk|loop|mapper)" { print $2 }' /proc/mounts; }

# what is there, in words; nothing is good
leftovers() { # SESSION
	local what
	what=$(device_ids)
	[ -z "$what" ] || echo "devices:" $what
	what=$(ls -d /dev/ublk[bc][0-9]* /sys/block/ublkb* 2>/dev/null)
	[ -z "$what" ] || echo "nodes and disks:" $what
	what=$(servers)
	[ -z "$what" ] || echo "bareblk processes: $what"
	what=$(processes_of "$1")
	[ -z "$what" ] || echo "processes of the test:" $what
	what=$(mounts)
	[ -z "$what" ] || echo "mounts:" $what
}

nr_complaints() { dmesg | grep -cE 'WARNING: |BUG: |Oops|Call Trace:|blocked for more than'; }

# What just ended may need a moment to be gone
wait_for_nothing_left() {
	local tenths=$settle_tenths
	left=$(leftovers "$1")
	while [ -n "$left" ] && [ $tenths -gt 0 ]; do
		sleep 0.1
		tenths=$((tenths - 1))
		left=$(leftovers "$1")
	done
	[ -z "$left" ]
}

# By force: nothing of the program under test is asked to help, but for del. While its servers
# live what is mounted may still be written.
remove_leftovers() {
	local pids dir
	pids=$(processes_of "$1" | grep -vxF "$(servers | tr ' ' '\n')")
	[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
	for dir in $(mounts); do
		timeout 10 umount "$dir" 2>/dev/null &
	done
	sleep 1
	pids=$(servers; processes_of "$1")
	[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
	for dir in $(mounts); do
		umount "$dir" 2>/dev/null || umount -l "$dir"
	done
	sleep 0.5
	for id in $(device_ids); do
		timeout 20 bareblk ublk del --timeout=5s "$id" >/dev/null 2>&1
	done
	rm -f /dev/ublk[bc][0-9]*
}

# --- running them ---------------------------------------------------------------

run_child() { # FUNCTION: in a process of its own
	mkdir -p "$work"
	cd "$work" || exit 1
	set -eux
	"$1"
	exit 0
}

# run_case FUNCTION SECONDS: sets rc and left; a busy machine has three times as long
run_case() {
	local pid tenths=$(($2 * 30))
	complaints=$(nr_complaints)
	echo 1 2>/dev/null > /sys/kernel/debug/clear_warn_once
	rm -rf "$work"
	mkdir -p "$work"
	setsid sh "$0" "$1" > "$log" 2>&1 < /dev/null &
	pid=$!
	while [ $tenths -gt 0 ] && ! no_process $pid; do
		sleep 0.1
		tenths=$((tenths - 1))
	done
	if no_process $pid; then
		rc=0
		wait $pid || rc=$?
		# some command's status, with which the case ended
		[ $rc != 4 ] || [ -e "$work/.skip" ] || rc=1
	else
		rc=timeout
		echo "FAILED: not done after $(($2 * 3)) s" >> "$log"
		for pid in $(processes_of $pid); do
			echo "process $pid:" $(tr '\0' ' ' < "/proc/$pid/cmdline" 2>/dev/null)
			cat "/proc/$pid/stack" 2>/dev/null
		done >> "$log"
		kill -KILL -$pid 2>/dev/null
	fi
	session=$pid
}

check_kernel_log() {
	[ "$(nr_complaints)" -gt "$complaints" ] || return 0
	dmesg | grep -E 'WARNING: |BUG: |Oops|blocked for more than' | tail -n 3 >> "$log"
	echo "FAILED: the kernel complained" >> "$log"
	rc=klog
}

# after a test that failed there is something left as a rule, and no secret
check_leftovers() {
	[ "$rc" = 0 ] || [ "$rc" = 4 ] || settle_tenths=5
	left=
	wait_for_nothing_left $session && return
	echo "FAILED: left behind: $left" >> "$log"
	[ "$rc" != 0 ] || rc=left
	remove_leftovers $session
	wait_for_nothing_left $session || is_dirty=1
}

report_case() { # SENTENCE
	nr=$((nr + 1))
	case $rc in
	0) echo "ok $nr - $1" ;;
	4) echo "ok $nr - $1 # SKIP $(cat "$work/.skip")" ;;
	*)
		tail -n 40 "$log" | tr -dc ' -~\t\n' | sed 's/^/# /'
		echo "not ok $nr - $1"
		nr_failed=$((nr_failed + 1))
		;;
	esac
	[ "$rc" != 4 ] || nr_skipped=$((nr_skipped + 1))
}

# The comments that a test has left in the file "say" belong to its result
show_words() {
	[ ! -s "$work/say" ] || sed 's/^/# /' "$work/say"
}

run_all() {
	local function seconds sentence
	nr=0 nr_failed=0 nr_skipped=0 is_dirty=
	echo "KTAP version 1"
	echo "# Subtest: $group"
	echo "1..$(grep -c . "$table")"
	while read -r function seconds sentence; do
		[ -n "$function" ] || continue
		run_case "$function" "$seconds"
		check_leftovers
		check_kernel_log
		show_words
		report_case "$sentence"
		# nothing that comes now would be the fault of what comes now
		[ -z "$is_dirty" ] || { echo "Bail out! the machine is not clean any more"; exit 99; }
	done < "$table"
	[ $nr_failed = 0 ] || exit 1
	[ $nr_skipped -lt $nr ] || exit 4
	exit 0
}

group=${0##*/}
group=${group%.sh}
work=/tmp/$group.work
log=/tmp/$group.log
table=/tmp/$group.table

# the rows come on standard input
run_tests() {
	[ -z "${only-}" ] || run_child "$only"
	cat > "$table"
	run_all
}
only=${1-}
