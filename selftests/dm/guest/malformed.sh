#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2034,SC2154,SC2329,SC2317,SC2016,SC2046 # variables of lib.sh, functions that it calls
#
# What is wrong is refused: as dmsetup does under its name, with a message of one
# line and the documented exit code as bareblk dm; and nothing is left.
# group: 200 always

. "${0%/*}/lib.sh"

repeat() { head -c "$2" /dev/zero | tr '\0' "$1"; } # CHARACTER COUNT

# before and after a call: what is there that can be counted without a program
count_all() {
	local node n=0
	for node in /dev/mapper/* /dev/mapper/.[!.]* /dev/dm-* /sys/block/dm-*; do
		[ ! -e "$node" ] && [ ! -L "$node" ] || n=$((n + 1))
	done
	# the control node is one
	echo "$n nodes, $(wc -l < /proc/sysvipc/sem) lines of semaphores, $($ref ls | tr '\n' ';')"
}

# bad CODE REGEX VERB ARG...: the status is dmsetup's, and CODE as bareblk dm, whose
# one line on standard error matches
bad() {
	local code=$1 regex="$2" there_before there_after
	shift 2
	there_before=$(count_all)
	too=''
	same "$*" "$@"
	run_as bare "$@"
	[ "$got" = "[$code]" ] || wrong "$*: exit code" "got $got, want [$code]" "$(cat err.bare)"
	[ "$(wc -l < err.bare)" = 1 ] && grep -qE -- "$regex" err.bare ||
		wrong "$*: message" "want $regex" "$(cat err.bare)"
	there_after=$(count_all)
	[ "$there_after" = "$there_before" ] || wrong "$*: left behind" "$there_before" "$there_after"
}

# refused_name WORD...: by ours without a question to the kernel, of which 6.1 has no objection
refused_name() {
	local there_before
	there_before=$(count_all)
	nr_compared=$((nr_compared + 1))
	run_as ours "$@"
	[ "$got" = "[1]" ] && grep -q 'Invalid argument' err.ours ||
		wrong "$*, as dmsetup" "got $got" "$(cat err.ours)"
	run_as bare "$@"
	[ "$got" = "[2]" ] && [ "$(wc -l < err.bare)" = 1 ] && grep -q "cannot be a device's name" err.bare ||
		wrong "$*" "got $got, want [2]" "$(cat err.bare)"
	[ "$(count_all)" = "$there_before" ] || wrong "$*: left behind" "$there_before" "$(count_all)"
}

# as the name of a new device, of one that is there, and of one of many
bad_name() {
	refused_name create "$1" --table "0 8 zero"
	refused_name create --concise "$1,,,,0 8 zero"
	$us create it --table "0 8 zero"
	refused_name rename it "$1"
	$us remove it
	run_as bare create --check "$1" --table "0 8 zero"
	[ "$got" = "[2]" ] || wrong "create --check $1" "got $got, want [2]" "$(cat err.bare)"
	# where the kernel refuses it dmsetup ends as ours does
	case $(uname -r) in
	6.1.*) # difference: names-kept
		$ref create "$1" --table "0 8 zero" || :
		$ref info -c --noheadings -o name | grep -qxF -- "$1" || wrong "names-kept: no difference any more"
		scrub
		;;
	*) bad 2 'name' create "$1" --table "0 8 zero" ;;
	esac
}

names() {
	quiet
	n127=$(repeat n 127)
	effect "127 bytes" : create "$n127" --table "0 8 zero"
	bad 2 'nnn' create "n$n127" --table "0 8 zero"
	bad 2 'nnn' create "nn$n127" --table "0 8 zero"
	bad 2 'name' create "" --table "0 8 zero"
	bad 2 'a/b' create a/b --table "0 8 zero"
	for name in . .. control; do
		bad_name "$name"
	done
	u128=$(repeat u 128)
	effect "uuid of 128 bytes" : create a -u "$u128" --table "0 8 zero"
	bad 2 'uuu' create a -u "u$u128" --table "0 8 zero"
	# each byte that is mangled takes four
	bad 2 '' create "$(repeat ' ' 32)" --table "0 8 zero"
	effect "31 blanks" : create "$(repeat ' ' 31)" --table "0 8 zero"
	effect "UTF-8" : create "ü€" --table "0 8 zero"
	effect "a backslash" : create 'a\b' --table "0 8 zero"
	effect "a newline" : create 'a
b' --table "0 8 zero"
}

# a table that is wrong, to create and to load
bad_table() {
	bad "$1" "$2" create x --table "$3"
}

# 2^64 is 0 for older kernels, whoever asks; what targets take is left to them
too_large_for_linear() {
	local table='0 8 linear 1:0 18446744073709551616'
	if $ref create x --table "$table" 2> /dev/null; then
		$ref remove x
		effect "an offset of 2^64" : create x --table "$table"
	else
		bad_table 1 '' "$table"
	fi
}

tables() {
	quiet
	bad_table 2 'line 2' "0 8 zero
16 8 zero"
	bad_table 2 'line 2' "0 8 zero
4 8 zero"
	bad_table 2 'line 1' "8 8 zero"
	bad_table 2 'line 1' "0 0 zero"
	bad_table 2 'line 1' "0 18446744073709551616 zero"
	bad_table 2 'line 1' "0 -8 zero"
	bad_table 2 'line 1' "0 8k zero"
	bad_table 2 'line 1' "x 8 zero"
	bad_table 2 'line 1' "0 8"
	bad_table 2 'line 1' "0"
	bad_table 2 'line 1' "0 8 $(repeat t 16)"
	bad_table 1 'nosuch' "0 8 nosuch"
	bad_table 1 '' "0 8 linear"
	bad_table 1 '' "0 8 linear /dev/nosuch 0"
	bad_table 1 '' "0 8 linear /dev/ram0 x"
	bad_table 1 '' "0 1048576 linear /dev/ram0 0"
	bad_table 1 '' "0 8 linear /dev/ram0 0 too many"
	bad_table 1 '' "0 8 striped 2 3 /dev/ram0 0 /dev/ram1 0"
	too_large_for_linear
	bad_table 2 'line 1: a backslash' '0 8 linear \'
}

# the kernel's own words stand beside an EINVAL
reasons() {
	quiet
	bare create x --table "0 8 linear /dev/nosuch 0" 2> said && fail "made"
	grep -q 'Device lookup failed' said || fail "no reason: $(cat said)"
	bare create x --table "0 1048576 linear /dev/ram0 0" 2> said && fail "made"
	grep -q 'too small' said || fail "no reason: $(cat said)"
}

absent() {
	quiet
	for verb in "table" "status" "deps" "info" "suspend" "resume" "clear" "remove" "wipe_table"; do
		bad 5 'nothere' "$verb" nothere
	done
	bad 5 'nothere' load nothere --table "0 8 zero"
	bad 5 'nothere' rename nothere other
	bad 5 'nothere' message nothere 0 hello
	bad 5 'nothere' wait nothere
	bad 5 'nothere' setgeometry nothere 1 1 1 0
	bad 5 'nosuch' info -u nosuch
	bad 5 '/dev/mapper/nothere' info /dev/mapper/nothere
}

taken() {
	quiet
	$us create a -u UA --table "0 8 zero"
	bad 6 'a' create a --table "0 8 zero"
	bad 6 'UA|uuid' create b -u UA --table "0 8 zero"
	$us create b --table "0 8 linear /dev/mapper/a 0"
	bad 6 'b' remove a
	bad 6 'b' rename a b
	exec 4< /dev/mapper/b
	bad 6 "$$|fd|process" remove b
	exec 4<&-
	modprobe ext4
	$us create m --table "0 65536 linear /dev/ram5 0"
	mke2fs -q /dev/mapper/m || mkfs.ext2 /dev/mapper/m
	mkdir -p mnt
	mount -t ext4 /dev/mapper/m mnt
	bad 6 'mnt' remove m
	umount mnt
	$us remove m b a
}

# as nobody
unprivileged_all() {
	quiet
	chmod 777 .
	# shellcheck disable=SC2043 # more may follow
	for verb in "ls" "info a" "table a" "status a" "deps a" "create b --notable" "remove a" "remove_all" "suspend a" \
		"resume a" "rename a b" "targets" "version" "message a 0 hello" "mknodes"; do
		# shellcheck disable=SC2086 # words
		set -- $verb
		for one in ours ref13; do
			case $one in
			ours) program=/opt/ours/dmsetup ;;
			ref13) program=/usr/bin/ref13 ;;
			esac
			unprivileged $program "$@" > "out.$one" 2> "said.$one" < /dev/null && rc=0 || rc=$?
			eval "rc_$one=$rc"
		done
		[ "$rc_ours" = "$rc_ref13" ] || wrong "$verb as nobody" "status $rc_ours, dmsetup's $rc_ref13" "$(cat said.ours)"
		unprivileged bareblk dm "$@" > out.bare 2> said.bare < /dev/null && rc=0 || rc=$?
		nr_compared=$((nr_compared + 1))
		case $rc in
		0 | 3) ;;
		*) wrong "$verb as nobody, bareblk dm" "exit code $rc, want 3" "$(cat said.bare)" ;;
		esac
	done
	[ -z "$(count_all | grep -v '^1 nodes, 1 lines of semaphores, No devices')" ] || fail "left: $(count_all)"
}

# two create the same; one of them at most has it, and its table is whole
racing() {
	quiet
	i=0
	while [ $i -lt 10 ]; do
		bare create race --table "0 8 zero" > /dev/null 2> race.1 &
		first=$!
		bare create race --table "0 16 zero" > /dev/null 2> race.2 &
		wait $first && one=0 || one=$?
		wait $! && two=0 || two=$?
		case $one$two in
		06 | 60) ;;
		*) fail "they ended with $one and $two: $(cat race.1 race.2)" ;;
		esac
		[ $one = 0 ] && want='0 8 zero ' || want='0 16 zero '
		eq "the table" "$(ref13 table race)" "$want"
		ref13 remove race
		i=$((i + 1))
	done
}

run_tests <<-'END'
names            90  names and uuids up to their limits, and not a byte more
tables           90  tables that are wrong are refused with their line, or by the kernel
reasons          30  the kernel's own reason stands beside an error
absent           60  a device that is not there
taken            60  a name, a uuid or a device that somebody else has, and who that is
unprivileged_all 60  nobody may do anything, and is told so
racing           60  of two that create the same one has it, whole
END
