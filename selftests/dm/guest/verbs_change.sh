#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2034,SC2154,SC2329,SC2317,SC2016 # variables of lib.sh, functions that it calls
#
# The verbs that change, in all their forms: what is there afterwards.
# group: 400 6.1

. "${0%/*}/lib.sh"

zero='0 8 zero'
a='$other create a --table "0 8 zero"'
auuid='$other create a -u UUID-a --table "0 8 zero"'
ab='$other create a --table "0 8 zero"; $other create b -u UUID-b --table "0 16 zero"'
with_new='$other create a --table "0 8 zero"; $other load a --table "0 16 error"'

creating() {
	quiet
	modprobe -q dm-mod
	major=$(awk '$2 == "device-mapper" { print $1 }' /proc/devices)
	effect "--table" : create a --table "$zero"
	effect "uuid" : create a -u UUID-a --table "$zero"
	effect "uuid, long" : create --uuid UUID-a a --table "$zero"
	input="0 8 zero
8 8 error" effect "from standard input" : create a
	printf '\n# a comment\n 0 8 zero  # and one more\n' > table
	effect "from a file" : create a table
	effect "from no file" : create a nofile
	effect "several lines" : create a --table "0 8 zero
8 8 linear /dev/ram0 0"
	effect "--notable" : create a --notable
	effect "-n" : create -n a
	effect "-n, uuid" : create -n a -u U
	effect "read-only" : create -r a --table "$zero"
	effect "minor" : create a -j "$major" -m 99 --table "$zero"
	effect "readahead" : create a --readahead 128 --table "0 2048 linear /dev/ram0 0"
	effect "no readahead" : create a --readahead none --table "0 2048 linear /dev/ram0 0"
	effect "more readahead" : create a --readahead +1024 --table "0 2048 linear /dev/ram0 0"
	effect "on create" : create a --addnodeoncreate --table "$zero"
	effect "on resume" : create a --addnodeonresume --table "$zero"
	effect "cut short" : create a --tab "$zero" --uu X
	effect "options first" : --table "$zero" -u X create a
	effect "inside of the words" : create --table="$zero" -uX a
	effect "a name to mangle" : create "a b" --table "$zero"
	effect "a path to a device" : create a --table "0 8 linear /dev/ram0 0"
	effect "there is one" "$a" create a --table "$zero"
	effect "that uuid is there" "$auuid" create b -u UUID-a --table "$zero"
	effect "that minor is there" "$other_minor" create b -j "$major" -m 5 --table "$zero"
}
other_minor='$other create a -j $major -m 5 --table "0 8 zero"'

owned() {
	quiet
	whole_nodes=1
	effect "all" : create a --mode 0640 --uid 65534 --gid 3 --table "$zero"
	effect "all, short" : create a -M 0604 -U 1 -G 65534 --table "$zero"
	effect "on create" : create a --addnodeoncreate --mode 0640 --uid 65534 --gid 3 --table "$zero"
	effect "on create, no table" : create a --addnodeoncreate --mode 0640 --uid 65534 --gid 3 --notable
}

concise() {
	quiet
	effect "one" : create --concise 'a,,,,0 8 zero'
	effect "two" : create --concise 'a,UA,,rw,0 8 zero;b,,,ro,0 8 zero,8 8 error'
	effect "minor" : create --concise 'a,,7,rw,0 8 zero'
	effect "blanks" : create --concise 'a, UA, , rw, 0 8 zero, 8 8 error; b,,,, 0 8 zero'
	effect "escapes" : create --concise 'a\,b,U\;A,,,0 8 zero'
	input='a,,,,0 8 zero;b,,,,0 8 linear 1:0 0' effect "standard input" : create --concise
	effect "too few fields" : create --concise 'a,,0 8 zero'
	effect "wrong flags" : create --concise 'a,,,xx,0 8 zero'
	# bareblk dm makes all or none
	too='' effect "the second is wrong" : create --concise 'a,,,,0 8 zero;b,,,,0 8 nosuch'
	effect "there is one" "$a" create --concise 'a,,,,0 8 zero'
}

loading() {
	quiet
	for verb in load reload; do
		effect "$verb" "$a" $verb a --table "0 16 error"
		effect "$verb, none such" : $verb a --table "0 16 error"
		effect "$verb, by uuid" "$auuid" $verb -u UUID-a --table "0 16 error"
	done
	effect "read-only" "$a" load -r a --table "0 16 error"
	input="0 16 error" effect "from standard input" "$a" load a
	echo "0 24 error" > table
	effect "from a file" "$a" load a table
	effect "again" "$with_new" load a --table "0 32 zero"
	effect "what cannot be" "$a" load a --table "0 8 nosuch"
	effect "clear" "$with_new" clear a
	effect "clear, by uuid" "$auuid" clear -u UUID-a
	effect "clear, nothing" "$a" clear a
	effect "clear, none such" : clear a
	effect "resume with it" "$with_new" resume a
	effect "resume" "$a" resume a
	effect "resume, none such" : resume a
	effect "resume, several" "$ab; "'$other suspend a b' resume a b
	effect "resume, uuid" "$ab; "'$other suspend b' resume -u UUID-b
	effect "resume, no table" '$other create a --notable' resume a
	effect "resume, readahead" "$with_new" resume --readahead 64 a
	effect "resume, node" '$other create a --notable; $other load a --table "0 8 zero"' resume --addnodeonresume a
}

suspending() {
	quiet
	effect "suspend" "$a" suspend a
	effect "suspend twice" "$a; "'$maker suspend a' suspend a
	effect "suspend, noflush" "$a" suspend --noflush a
	effect "suspend, nolockfs" "$a" suspend --nolockfs a
	effect "suspend, several" "$ab" suspend a b
	too='' effect "suspend, one of them" "$ab" suspend a nothere b
	effect "suspend, uuid" "$ab" suspend -u UUID-b
	effect "suspend, none such" : suspend a
	effect "suspend, no word" "$a" suspend
	effect "wipe_table" "$ab" wipe_table a
	effect "wipe_table, several" "$ab" wipe_table a b
	effect "wipe_table, all ways" "$ab" wipe_table -f --noflush --nolockfs a
	effect "wipe_table, none such" : wipe_table a
	effect "wipe_table, no table" '$other create a --notable' wipe_table a
}

removing() {
	quiet
	effect "remove" "$ab" remove a
	effect "several" "$ab" remove a b
	too='' effect "one of them" "$ab" remove a nothere b
	effect "by path" "$ab" remove /dev/mapper/b
	effect "none such" "$a" remove b
	effect "no word" "$a" remove
	effect "suspended" "$a; "'$other suspend a' remove a
	effect "without a table" '$other create a --notable' remove a
	effect "forced" "$a" remove -f a
	effect "deferred, though it need not be" "$a" remove --deferred a
	effect "all" "$ab" remove_all
	effect "all, by force" "$ab" remove_all -f
	effect "all of none" : remove_all
	effect "all, deferred" "$ab" remove_all --deferred
}

on_a='$other create a --table "0 8 zero"; $other create b --table "0 8 linear /dev/mapper/a 0"'

busy() {
	quiet
	effect "busy" "$on_a" remove a
	effect "busy, forced" "$on_a" remove -f a
	effect "busy, deferred" "$on_a" remove --deferred a
	# bareblk dm goes on behind one that it cannot remove
	too='' effect "both, in the wrong order" "$on_a" remove a b
	effect "both" "$on_a" remove b a
	effect "all" "$on_a" remove_all
	effect "all, deferred" "$on_a" remove_all --deferred
	effect "the deferred one goes with its last user" "$on_a; "'$other remove --deferred a' remove b
	# 25 times 200 ms
	[ -z "${LONG-}" ] || effect "tried again" "$on_a" remove --retry a
}

renaming() {
	quiet
	effect "rename" "$a" rename a c
	effect "to one that is there" "$ab" rename a b
	effect "to itself" "$a" rename a a
	effect "to a path" "$a" rename a b/c
	effect "none such" "$a" rename b c
	effect "uuid" "$a" rename a --setuuid UUID-new
	effect "a second uuid" "$auuid" rename a --setuuid UUID-new
	effect "that uuid is there" "$ab" rename a --setuuid UUID-b
	effect "mangled" "$a" rename a "c d"
	effect "no new name" "$a" rename a
	effect "suspended" "$a; "'$other suspend a' rename a c
}

words() {
	quiet
	effect "setgeometry" "$a" setgeometry a 1 2 4 0
	effect "setgeometry, wrong" "$a" setgeometry a 1 2 x 0
	effect "setgeometry, too big" "$a" setgeometry a 99999 2 4 0
	effect "setgeometry, few words" "$a" setgeometry a 1 2 4
	effect "message" "$a" message a 0 @stats_list
	effect "message, answered" "$a" message a 0 @stats_create - 8
	effect "message, not understood" "$a" message a 0 hello
	effect "message, none such" : message a 0 hello
	effect "message, few words" "$a" message a
	effect "message, by uuid" "$auuid" message -u UUID-a 0 @stats_create - 8
	effect "wait for what was" "$a" wait a 1
	effect "wait, none such" : wait a
	effect "mknodes" "$ab; rm /dev/mapper/a; ln -s ../dm-7 /dev/mapper/stale" mknodes
	effect "mknodes of one" "$ab; rm /dev/mapper/a /dev/mapper/b" mknodes a
	effect "mknodes, none such" "$a; mknod /dev/mapper/gone b 254 9" mknodes gone
	effect "mangle" "$a" mangle a
	effect "mangle all" "$ab" mangle
	effect "manglename none" : --manglename none create 'a:b' --table "$zero"
	# Debian's cannot list it: none of them looks at what it made
	party=$ref effect "manglename hex" : --manglename hex create 'a\x20b' --table "$zero"
	effect "manglename auto" : create 'a\x20b' --table "$zero"
	effect "mixed" : create 'a\x20b c' --table "$zero"
	effect "mangled twice" : create 'a\x5cx20b' --table "$zero"
}

# A verb with no device at all
no_words() {
	quiet
	for verb in create load resume suspend clear remove rename message wait setgeometry wipe_table; do
		same "$verb" $verb
	done
}

run_tests <<-'END'
creating    150  create, by option, file and standard input
owned        60  a node's mode and owner are those asked for
concise      90  create --concise
loading     120  load, clear and resume
suspending   90  suspend and wipe_table
removing     90  remove and remove_all
busy         90  a device that is busy stays, by every way to remove it but a deferred one
renaming     60  rename, and its uuid
words       120  setgeometry, message, wait, mknodes and mangle
no_words     40  without a word they end as dmsetup does
END
