#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2034,SC2154,SC2329,SC2317,SC2086 # variables of lib.sh, functions that it calls, lists of words
#
# Making, changing and removing beyond the forms of verbs_change: many at once, open
# ones, nodes, quoting, what is refused. Without udev.
# group: 240 7.3

. "${0%/*}/lib.sh"

# Else Debian's leaves /dev/mapper alone
export DM_DISABLE_UDEV=1
party=ref12


major() { sed -n 's/^ *\([0-9]*\) device-mapper$/\1/p' /proc/devices; }





# The kernel knows names only here
renaming_by_id() {
	ref13 create a -u UU --table '0 8 zero'
	not ref13 rename -u UU b
	ours rename -u UU b
	eq "its name" "$(ref13 info -c --noheadings -o name)" b
	ours rename -j "$(major)" -m 0 c
	eq "its name" "$(ref13 info -c --noheadings -o name)" c
	bare rename "$(major):0" d
	eq "its name" "$(ref13 info -c --noheadings -o name)" d
	bare remove d
}

# bareblk dm goes on behind one that fails, dmsetup and ours of that name do not
removing() {
	too=
	local made='$maker create a --table "0 8 zero"; $maker create b -u UU --table "0 16 zero"; $maker create c -n; $maker create d --table "0 8 linear /dev/mapper/a 0"'
	effect "all, in order" "$made" remove d c b a
	effect "one that is used by one further behind" "$made" remove a b c d
	effect "one that is not there, between others" "$made" remove b nothere c
	effect "one twice" "$made" remove b b c
	effect "with force, one that is used" "$made" remove -f a
	effect "all" "$made" remove_all
	same "one that is not there" remove nothere
	same "by uuid" remove -u nothere
	same "by number" remove -j "$(major)" -m 4000
	ref13 create a --table '0 8 zero'
	ref13 create b --table '0 8 linear /dev/dm-0 0'
	same "one that is used" remove a
	ref13 remove b a
}

# A disk that somebody has open: as dmsetup it ends with 0
remove_all_of_open_ones() {
	ref13 create a --table '0 8 zero'
	mknod node b "$(major)" 0
	sleep 60 3< node &
	within 5 sh -c '[ "$(ref13 info -c --noheadings -o open a)" = 1 ]'
	too=
	same "remove_all" remove_all
	not bare remove_all
	same "remove_all with force" remove_all -f
	eq "what there is" "$(ref13 table a)" "0 8 error "
	bare create b --table '0 8 zero'
	bare remove_all --deferred
	eq "what there is" "$(ref13 ls)" "a	($(major):0)"
	kill $!
	wait
	within 5 sh -c '! ref13 info a > /dev/null 2>&1'
}

# What dmsetup's --force, --retry and --deferred do with an open device
open_ones() {
	bare create a --table '0 8 linear /dev/ram0 0'
	sleep 60 3< /dev/mapper/a &
	within 5 sh -c '[ "$(ref13 info -c --noheadings -o open a)" = 1 ]'
	same "remove" remove a
	same "remove with force" remove -f a
	eq "what there is" "$(ref13 table a)" "0 8 error "
	rc=0; bare remove a 2> err || rc=$?
	eq status $rc 6
	bare remove --deferred a
	[ ! -L /dev/mapper/a ]
	bare message a 0 @cancel_deferred_remove
	[ -L /dev/mapper/a ]
	(sleep 1; kill $!) &
	bare remove --retry a
	[ ! -L /dev/mapper/a ]
	wait
}

messages() {
	ref13 create a -u UU --table '0 8 zero'
	ref13 create b --table '0 8 delay /dev/ram0 0 0' || modprobe dm-delay
	same "a message of the core" message a 0 @stats_list
	ref13 message a 0 @stats_create - 1
	same "one that answers" message a 0 @stats_list
	same "by uuid" message -u UU 0 @stats_list
	same "by path" message /dev/dm-0 0 @stats_list
	same "one that nobody takes" message a 0 nosuchmessage
	same "to what is not there" message nothere 0 x
	same "a sector that is none" message a x y
	same "no message" message a 0
	same "no sector" message a
	eq "what there is" "$(bare message a 0 @stats_list)" "$(ref13 message a 0 @stats_list)"
	printf '0 128 thin-pool /dev/ram1 /dev/ram2 128 0\n' | ref13 create pool
	same "of a pool, once" message pool 0 create_thin 7
	rc=0; ours message pool 0 'create_thin 8' || rc=$?
	eq status $rc 0
	rc=0; ours message pool 0 delete 8 || rc=$?
	eq status $rc 0
	ref13 remove_all -f
	dd if=/dev/zero of=/dev/ram2 bs=4096 count=8 2> /dev/null
}

waiting() {
	ref13 create a --table '0 8 zero'
	same "an event that has been" wait a 7
	same "of what is not there" wait nothere
	same "no device" wait
	for program in ours bare; do
		rc=0; $program wait a nope 2> err || rc=$?
		[ $rc != 0 ] || fail "an event number that is none was taken"
	done
	for program in ref13 ours bare; do
		$program wait a 0 &
		sleep 1
		kill -0 $!
		ref13 rename a b
		wait $!
		ref13 remove b
		ref13 create a --table '0 8 zero'
	done
	ref13 remove a
}

verbose() {
	local made='$maker create a --table "0 8 zero"'
	effect "create" : -v create a --table '0 8 zero'
	effect "load" "$made" -v load a --table '0 8 error'
	effect "suspend" "$made" suspend -v a
	effect "resume" "$made; \$maker suspend a" resume -v a
	effect "remove" "$made" remove -v a
	effect "wipe_table" "$made" wipe_table -v a
	effect "wait" "$made" -v wait a 3
	effect "clear" "$made" -v clear a
}

mangling() {
	local made='$maker create --manglename none "a b" --table "0 8 zero"; $maker create --manglename none "c\\x20d" --table "0 16 zero"; $maker create e -u UU -n; $maker create --manglename none f -u "U U" -n'
	export DM_DEFAULT_NAME_MANGLING_MODE=none
	too=
	view_nodes() { :; }	# ours have mangled names
	effect "all" "$made" mangle
	effect "none of them" : mangle
	effect "one" "$made" mangle 'a b'
	effect "to plain ones" "$made" mangle --manglename none
	effect "hexadecimal" "$made" mangle --manglename hex
	effect "one that is right" "$made" mangle 'c\x20d'
	effect "one with a uuid" "$made" mangle e
	effect "one with a uuid that is wrong" "$made" mangle f
	effect "one that is not there" "$made" mangle nothere
	effect "one in two forms" '$maker create "g\\x20 h" -n' mangle 'g\x20 h'
	effect "one that was mangled twice" '$maker create "g\\x5cx20h" -n' mangle 'g\x5cx20h'
}

nodes() {
	local made='$maker create a --table "0 8 zero"; $maker create b --table "0 16 zero"; rm -f /dev/mapper/a; mknod /dev/mapper/stale b $(major) 77; mknod /dev/mapper/other b 1 1; ln -s nowhere /dev/mapper/dead; ln -s ../ram0 /dev/mapper/wrong'
	effect "all" "$made" mknodes
	effect "one" "$made" mknodes a
	effect "one that is no device's" "$made" mknodes stale
	effect "one that is not there" "$made" mknodes nothere
	effect "a wrong one" "$made; mknod /dev/mapper/a b 1 1" mknodes a
	effect "of one without a table" '$maker create a -n' mknodes
	[ -c /dev/mapper/control ]
}

# Where Debian's leaves none, and one behind
nodes_without_a_word() {
	unset DM_DISABLE_UDEV
	[ ! -e /run/udev/control ] || return 0
	bare create a --table '0 8 zero'
	eq "what there is" "$(readlink /dev/mapper/a)" ../dm-0
	ours rename a b
	eq "what there is" "$(there /dev/mapper/[a-b]*)" /dev/mapper/b
	ours create c --table '0 8 zero'
	mv /dev/mapper/c /dev/mapper/d
	ln -s ../dm-0 /dev/mapper/c
	bare remove c
	eq "what there is" "$(readlink /dev/mapper/c)" ../dm-0	# it is of another device
	rm /dev/mapper/c /dev/mapper/d
	bare remove b
	eq "what there is" "$(there /dev/mapper/[a-z]*)" /dev/mapper/control
	mkdir dev
	DM_DEV_DIR=$PWD/dev bare create a --table '0 8 zero'
	[ -b dev/mapper/a ]
	DM_DEV_DIR=$PWD/dev bare remove a
	[ ! -e dev/mapper/a ]
}

reading_ahead() {
	local of program
	for of in 512 +64 none auto 99 +1000; do
		for program in ref13 ours bare; do
			$program create $program --table '0 8192 linear /dev/ram0 0' --readahead $of
			$program suspend $program
			$program resume $program --readahead $of
			cat /sys/block/dm-0/bdi/read_ahead_kb > $program.kb
			$program remove $program
		done
		cmp ref13.kb ours.kb
		cmp ref13.kb bare.kb
	done
	same "a negative one" create a --readahead -5 --table '0 8 zero'
	rc=0; bare create b -n --readahead garbage 2> err || rc=$?
	eq status $rc 2
}

# As bareblk dm, where dmsetup guesses
guesses_are_refused() {
	rc=0; bare create a < /dev/null 2> err || rc=$?
	eq status $rc 2
	rc=0; bare create a -j 1 -m 5 --table '0 8 zero' 2> err || rc=$?
	eq status $rc 2
	before=
	rc=0; ours create a -j 1 -m 5 --table '0 8 zero' 2> err || rc=$?
	eq status $rc 1
	eq "what there is" "$(ref13 ls)" "No devices found"
	bare create a -m 5 --table "0 8 linear '/dev/ram0' \"0\" # of the first disk"
	eq "the table" "$(ref13 table)" "a: 0 8 linear 1:0 0"
	rc=0; bare create b -m 5 -n 2> err || rc=$?
	eq status $rc 6
	rc=0; bare create b -n --table '0 8 zero' 2> err || rc=$?
	eq status $rc 2
	rc=0; bare create b -n -M 999 2> err || rc=$?
	eq status $rc 2
	rc=0; bare remove nothere 2> err || rc=$?
	eq status $rc 5
	rc=0; unprivileged bareblk dm remove a 2> err || rc=$?
	eq status $rc 3
	rc=0; bare suspend --retry a 2> err || rc=$?
	eq status $rc 2
	bare remove a
}

# A path with blanks, a # and UTF-8 in it, which dmsetup cannot say
quoted() {
	local path
	for path in "/dev/a b" "/dev/a#b" "/dev/\\b" "/dev/à" "/dev/a	b" "/dev/'"; do
		ln -s ram0 "$path"
		printf '0 8 linear "%s" 0\n' "$(printf %s "$path" | sed 's/[\\"]/\\&/g')" | bare create q
		bare remove q
		rm "$path"
	done
}

# A device that nobody uses does not wait for another; one that is used does
many() {
	local names='' spec='' i
	for i in $(seq 100); do
		names="$names v$i"
		spec="$spec${spec:+;}v$i,,,,0 8 zero"
	done
	for program in ref13 ours bare; do
		$program create --concise "$spec"
		eq "what there is" "$(ref13 ls | wc -l)" 100
		$program remove $names
		eq "what there is" "$(ref13 ls)" "No devices found"
	done
	bare create --concise "$spec"
	ref13 create on50 --table '0 8 linear /dev/dm-49 0'
	rc=0; bare remove $names on50 2> err || rc=$?
	eq status $rc 6
	eq "what there is" "$(ref13 ls)" "v50	($(major):49)"
	eq "what there is" "$(grep -c ^bareblk: err)" 1
	bare remove v50
	bare create --concise "$spec"
	rc=0; bare remove nope1 v1 nope2 v2 nope3 2> err || rc=$?
	eq status $rc 5
	eq "what there is" "$(grep ^bareblk: err | grep -o 'nope[0-9]' | tr '\n' ' ')" "nope1 nope2 nope3 "
	ours remove_all
	eq "what there is" "$(ref13 ls)" "No devices found"
	eq "what there is" "$(there /dev/mapper/v*)" ""
}

# Two at once: one of them makes it, the other says so
racing() {
	local i
	for i in 1 2 3 4 5 6; do
		bare create r --table '0 8 zero' 2> err1 & first=$!
		bare create r --table '0 16 zero' 2> err2 & second=$!
		rc1=0; wait $first || rc1=$?
		rc2=0; wait $second || rc2=$?
		case $rc1$rc2 in 06 | 60) ;; *) fail "they ended with $rc1 and $rc2" ;; esac
		eq "what there is" "$(ref13 ls | wc -l)" 1
		eq "its node" "$(readlink /dev/mapper/r)" "../dm-$(ref13 info -c --noheadings -o minor r)"
		bare remove r
	done
}

# Keys are not left in what others can see
keys() {
	local key=00112233445566778899aabbccddeeff
	modprobe dm-crypt
	ours create c --table "0 8 crypt aes-cbc-plain $key 0 /dev/ram0 0"
	eq "what there is" "$(ref13 table --showkeys c)" "0 8 crypt aes-cbc-plain $key 0 $(stat -c %t /dev/ram0):0 0"
	printf '0 8 crypt aes-cbc-plain %s 0 /dev/ram0 8\n' $key | bare load c
	bare resume c
	eq "what there is" "$(ref13 table --showkeys c)" "0 8 crypt aes-cbc-plain $key 0 1:0 8"
	bare wipe_table c
	bare remove c
	not bare create c --table "0 8 crypt aes-cbc-plain 00 0 /dev/ram0 0" 2> err
	eq "what there is" "$(ref13 ls)" "No devices found"
}

run_tests <<-'END'
renaming_by_id 30 rename takes a uuid and a number
removing   120 remove and remove_all do as dmsetup's
remove_all_of_open_ones 60 remove_all leaves open devices and says so
open_ones  60  an open device is removed by force, with patience, later
messages   60  message does as dmsetup's
waiting    60  wait does as dmsetup's
verbose    60  -v shows the device
mangling   90  mangle does as dmsetup's
nodes      60  mknodes does as dmsetup's
nodes_without_a_word 30 nodes are made, renamed and removed without udev
reading_ahead 60 --readahead does as dmsetup's
guesses_are_refused 30 what dmsetup guesses is refused
quoted     30  a parameter may have any character
many       90  many devices end as one after the other
racing     30  of two that make one name one succeeds
keys       30  tables with keys
END
