# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC3043,SC2086,SC2046,SC2034,SC2154,SC2016 # busybox ash has local; lists of words
#
# What a group of tests of the device mapper is written with, on top of cases.sh
# (the device tests' lib.sh: fail, eq, not, within, unprivileged, run_tests ...).
# A group is a file of functions:
#
#	# group: 60 always          (seconds that it may take; or: 60 long; or: 60 6.12)
#	. "${0%/*}/lib.sh"
#	...
#	run_tests <<-'END'
#	function  seconds  a sentence that is true when it passes
#	END
#
# ref12 and ref13 are Debian 12's and 13's dmsetup, ours is bareblk called as
# dmsetup, bare is bareblk dm. After each function no device, node, semaphore,
# process or mount may be left. /dev/ram0 to ram7 are disks of 64 MiB.
#
#	same NAME VERB ARG...        of whatever there is now: stdout and exit status
#	                             of ours are one of the references'; bareblk dm
#	                             prints the same and fails when they fail
#	alike NAME VERB ARG...       the same, and each line that the reference prints
#	                             on standard error is in ours
#	effect NAME BEFORE VERB ...  each makes its own: BEFORE (shell, with $maker for
#	                             the program that is tried and $other for the other
#	                             party), then the verb; stdout, status, and what is
#	                             there afterwards, seen by the other party's eyes;
#	                             then everything is removed
#	differs ID REF OURS PROGRAM VERB ARG...
#	                             a difference that README.md lists under ID: the
#	                             references end with REF, PROGRAM with OURS, each a
#	                             pattern of the shell for "STATUS:STDOUT". Fails when
#	                             it is no difference any more. $before is run first;
#	                             what $after prints is looked at in place of stdout;
#	                             with either, everything is removed then.
#	input='text' same ...        what is on standard input of each
#
# One that fails is shown and the function goes on; at its end it has failed.

. "${0%/*}/cases.sh"

ref12() { LD_LIBRARY_PATH=/opt/dm12 /opt/dm12/dmsetup "$@"; }
ref13() { LD_LIBRARY_PATH=/opt/dm13 /opt/dm13/dmsetup "$@"; }
ours() { /opt/ours/dmsetup "$@"; }
bare() { bareblk dm "$@"; }

# That of the distribution with this kernel comes first. The other is asked where
# ours differs from it: what either does is right.
ref=ref13 ref2=ref12
case $(uname -r) in
6.1.*) ref=ref12 ref2=ref13 ;;
esac
cleaner=$ref		# who removes what a test has made
us=${US-ours}		# who is compared with them
party=${PARTY-$us}	# who looks at what they made, and sets things up for them
too=${TOO-bare}		# and with us
input=
before=
after=
nr_wrong=0
nr_compared=0

# Who makes what is only shown: ours, on the middle kernel the reference, in the
# long tests each in turn
makers=$us
case $(uname -r) in
6.12.*) makers=$ref ;;
esac
[ -z "${LONG-}" ] || makers="$ref $us"

# --- comparing -------------------------------------------------------------------

# run_as PROGRAM ARG...: $got is its stdout and "[status]"; what it said is in err.PROGRAM
run_as() {
	if [ -n "$input" ]; then
		got=$(printf %s "$input" | "$@" 2> "err.$1" && echo '[0]' || echo "[$?]")
	else
		got=$("$@" 2> "err.$1" < /dev/null && echo '[0]' || echo "[$?]")
	fi
}

quiet() { { set +x; } 2> /dev/null; }

# wrong NAME, then what there is to say about it as further words
wrong() {
	nr_wrong=$((nr_wrong + 1))
	echo "DIFFERENT: $1"
	shift
	printf '%s\n' "$@"
}

# is_one_of GOT GOT...
is_one_of() {
	local want=$1 one
	shift
	for one; do
		[ "$one" != "$want" ] || return 0
	done
	return 1
}

# run_all_of ARG...: $got_ref and $got_us, and where these two differ, or in the
# long tests, $got_ref2 of the other reference
run_all_of() {
	got_ref2=none
	run_as $ref "$@"; got_ref=$got
	run_as $us "$@"; got_us=$got
	nr_compared=$((nr_compared + 1))
	[ -z "${LONG-}" ] && [ "$got_us" = "$got_ref" ] && return
	run_as $ref2 "$@"; got_ref2=$got
}

show_all_of() {
	echo "--- $ref: $got_ref" "--- $ref2: $got_ref2" "--- $us: $got_us"
	sed "s/^/$us said: /" err.$us
}

# bareblk dm fails with codes of its own, and prints what it prints
check_too() {
	[ -n "$too" ] && [ $us = ours ] || return 0
	run_as $too "$@"
	case $got_us in
	*'[0]') [ "$got" = "$got_us" ] ;;
	*) case $got in *'[0]') false ;; esac ;;
	esac || wrong "$name, as bareblk dm" "$* gave $got" "ours gave $got_us" "$(cat err.$too)"
}

same() {
	local name="$1"
	quiet
	shift
	run_all_of "$@"
	is_one_of "$got_us" "$got_ref" "$got_ref2" || wrong "$name" "$*" "$(show_all_of)"
	check_too "$@"
}

# All that one of the references said, but for the last line, is in what we said
has_said_of() {
	local line
	grep -v -e '^Command failed' -e '^$' "err.$1" > want.err
	while IFS= read -r line; do
		grep -qxF -- "$line" err.$us || return 1
	done < want.err
}

alike() {
	same "$@"
	quiet
	has_said_of $ref && return
	local name="$1"
	shift
	run_as $ref2 "$@"
	has_said_of $ref2 ||
		wrong "$name, what is said" "$ref: $(cat err.$ref)" "$ref2: $(cat err.$ref2)" "$us: $(cat err.$us)"
}

# view_with PROGRAM: all that there is to see, in words
view_with() {
	$1 info -c --noheadings --separator '|' -o name,uuid,minor,attr,open,segments,events
	$1 table
	$1 table --inactive
	view_nodes || :
}

# By default where a node leads; with $whole_nodes also its mode and owner
view_nodes() {
	local node
	for node in /dev/mapper/*; do
		case $node in
		/dev/mapper/control | '/dev/mapper/*') ;;
		*) stat -L -c "%N %t:%T${whole_nodes:+ %a %u:%g}" "$node" 2>&1 ;;
		esac
	done
}

whole_nodes=

# Removes every device, whoever made it, and the nodes
scrub() {
	DM_DISABLE_UDEV=1 $cleaner remove_all --force > /dev/null 2>&1 || :
	rm -f /dev/mapper/[!c]* /dev/mapper/c[!o]* /dev/mapper/.[!.]*
}

# one_effect MAKER OTHER BEFORE ARG...: $got and $seen
one_effect() {
	maker=$1 other=$2
	local before="$3"
	shift 3
	eval "$before" > before.out 2>&1 || wrong "$name: what comes before" "$before" "$(cat before.out)"
	run_as $maker "$@"
	seen=$(view_with "$other" 2>&1)
	scrub
}

effect() {
	local name="$1" before="$2" seen_ref seen_ref2=none seen_us
	quiet
	shift 2
	got_ref2=none
	nr_compared=$((nr_compared + 1))
	one_effect $ref $party "$before" "$@"; got_ref=$got seen_ref=$seen
	one_effect $us $ref "$before" "$@"; got_us=$got seen_us=$seen
	if [ -n "${LONG-}" ] || [ "$got_us $seen_us" != "$got_ref $seen_ref" ]; then
		one_effect $ref2 $party "$before" "$@"; got_ref2=$got seen_ref2=$seen
	fi
	is_one_of "$got_us" "$got_ref" "$got_ref2" || wrong "$name" "$*" "$(show_all_of)"
	is_one_of "$seen_us" "$seen_ref" "$seen_ref2" ||
		wrong "$name: the effect" "$*" "--- $ref: $seen_ref" "--- $ref2: $seen_ref2" "--- $us: $seen_us" "$(cat err.$us)"
	[ -n "$too" ] && [ $us = ours ] || return 0
	one_effect $too $ref "$before" "$@"
	[ "$seen" = "$seen_us" ] ||
		wrong "$name: the effect as bareblk dm" "$*" "--- $too: $seen" "--- ours: $seen_us" "$(cat err.$too)"
}

# ends_as PROGRAM PATTERN ARG...
ends_as() {
	local program=$1 pattern="$2" rc out
	shift 2
	maker=$program
	[ -z "$before" ] || eval "$before" > before.out 2>&1 || :
	run_as $program "$@"
	rc=${got##*[} out=${got%'['*}
	[ -z "$after" ] || out=$(eval "$after" 2>&1) || :
	[ -z "$before$after" ] || scrub
	outcome=${rc%]}:${out%
}
	# shellcheck disable=SC2254 # a pattern
	case $outcome in
	$pattern) ;;
	*) return 1 ;;
	esac
}

differs() {
	local id=$1 theirs="$2" our="$3" program=$4 one
	quiet
	shift 4
	nr_compared=$((nr_compared + 1))
	ends_as $program "$our" "$@" || wrong "$id" "$program $*: $outcome" "want $our" "$(cat err.$program)"
	# shellcheck disable=SC2254
	case $outcome in
	$theirs) wrong "$id: no difference any more" "$program $*: $outcome" ;;
	esac
	for one in $ref $ref2; do
		ends_as $one "$theirs" "$@" || wrong "$id" "$one $*: $outcome" "want $theirs" "$(cat err.$one)"
	done
}

# --- what a test may leave behind ---------------------------------------------------

# what there is of a pattern's files
there() {
	local path
	for path; do
		if [ -e "$path" ] || [ -L "$path" ]; then echo "$path"; fi
	done
}

semaphores() { awk 'NR > 1 { printf "%#x ", $1 }' /proc/sysvipc/sem; }

leftovers() { # SESSION
	local what
	what=$($cleaner ls 2>&1)
	[ "$what" = "No devices found" ] || echo "devices: $what"
	what=$(there /dev/mapper/[!c]* /dev/mapper/c[!o]* /dev/mapper/.[!.]* /dev/dm-* /sys/block/dm-*)
	[ -z "$what" ] || echo "nodes and disks:" $what
	what=$(semaphores)
	[ -z "$what" ] || echo "semaphores: $what"
	what=$(processes_of "$1")
	[ -z "$what" ] || echo "processes of the test:" $what
	what=$(mounts)
	[ -z "$what" ] || echo "mounts:" $what
}

remove_leftovers() {
	local pids dir
	pids=$(processes_of "$1")
	[ -z "$pids" ] || kill -KILL $pids 2> /dev/null
	for dir in $(mounts); do
		umount "$dir" 2> /dev/null || umount -l "$dir"
	done
	[ -z "$(semaphores)" ] || ref13 udevcomplete_all -y
	scrub
}

# --- running them ---------------------------------------------------------------------

# Nothing else runs while a test does: processors are few
run_case() { # FUNCTION SECONDS: sets rc; three times as long on a busy machine
	complaints=$(nr_complaints)
	echo 1 2> /dev/null > /sys/kernel/debug/clear_warn_once
	rm -rf "$work"
	mkdir -p "$work"
	timeout -s KILL $(($2 * 3)) setsid sh "$0" "$1" > "$log" 2>&1 < /dev/null &
	session=$!
	rc=0
	wait $session || rc=$?
	[ "$rc" != 137 ] || echo "FAILED: not done after $(($2 * 3)) s" >> "$log"
	kill -KILL -$session 2> /dev/null
	cp "$log" "/out/$group.$1.txt"
}

run_child() { # FUNCTION: in a process of its own
	mkdir -p "$work"
	cd "$work" || exit 1
	set -eux
	"$1"
	quiet
	[ $nr_compared = 0 ] || echo "$nr_compared comparisons" >> say
	[ $nr_wrong = 0 ] || fail "$nr_wrong of $nr_compared comparisons"
	exit 0
}

prepare() {
	modprobe -a dm-mod
	[ -b /dev/ram0 ] || modprobe brd rd_nr=8 rd_size=65536
	mkdir -p /opt/ours
	ln -sf /usr/bin/bareblk /opt/ours/dmsetup
	ln -sf /usr/bin/bareblk /opt/ours/dmstats
	[ -x /usr/bin/ref13 ] || for version in 12 13; do
		printf '#!/bin/sh\nLD_LIBRARY_PATH=/opt/dm%s exec /opt/dm%s/dmsetup "$@"\n' $version $version > /usr/bin/ref$version
		chmod 755 /usr/bin/ref$version
	done
}

[ -n "$only" ] || prepare
