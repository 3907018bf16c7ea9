#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2034,SC2154,SC2329,SC2317,SC2016 # variables of lib.sh, functions that it calls
#
# The verbs that show, in all their forms, of devices that either party has made.
# group: 300 always

. "${0%/*}/lib.sh"

key=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff

# many MAKER: devices of each kind
many() {
	$1 create lin --table "0 2048 linear /dev/ram0 0" &&
		printf '0 8 linear 1:1 0\n8 8 zero\n16 8 error\n24 8 linear 1:0 64\n' | $1 create multi -u UUID-multi &&
		$1 create str --table "0 1024 striped 2 128 /dev/ram1 0 /dev/ram2 0" &&
		$1 create notab --notable &&
		$1 create susp --table "0 8 zero" && $1 suspend susp &&
		$1 create ro --readonly -j "$major" -m 77 --table "0 64 linear /dev/ram3 8" &&
		$1 create both --table "0 8 zero" && $1 load both --table "0 16 error" &&
		$1 create "sp ace" -u "u u" --table "0 8 zero" &&
		$1 create top --table "0 1024 linear /dev/mapper/lin 0" &&
		$1 create top2 -u TWO --table "0 512 striped 2 64 /dev/mapper/str 0 /dev/mapper/lin 1024"
}

with_many() { # FUNCTION: whoever made them
	quiet
	major=$(awk '$2 == "device-mapper" { print $1 }' /proc/devices)
	for maker in $makers; do
		many $maker > made 2>&1 || wrong "what is to be shown, made by $maker" "$(cat made)"
		"$1"
		scrub
	done
}

list() {
	same "all" ls
	for o in devno devname blkdevname; do
		same "-o" ls -o $o
		same "with options" ls --options $o
	done
	same "a target's" ls --target linear
	same "a target's names" ls --target striped -o devname
	same "no such target" ls --target nosuch
	same "exec" ls --target linear --exec echo
	same "exec with words" ls --target striped --exec "echo of"
	# bareblk dm tells that a command has failed
	too='' same "exec fails" ls --exec false
	same "more than it takes" ls lin
	same "wrong -o" ls -o nosuch
}

tree() {
	same "tree" ls --tree
	for o in ascii utf vt100 compact inverted notrunc nodevice device blkdevname active open rw uuid \
		ascii,compact ascii,inverted inverted,uuid nodevice,active,open,rw,uuid,ascii blkdevname,ascii; do
		same "tree" ls --tree -o $o
	done
	same "wrong -o" ls --tree -o nosuch
	COLUMNS=20 same "cut" ls --tree -o ascii,uuid
}

information() {
	same "all" info
	for d in lin multi notab susp ro both "sp ace" top; do
		same "one" info "$d"
		same "its inactive table" info --inactive "$d"
	done
	same "two" info lin multi
	same "none such" info nothere
	same "one of them" info lin nothere multi
	same "by uuid" info -u UUID-multi
	same "by number" info -j "$major" -m 77
	same "by no such uuid" info -u nosuch
	same "by number alone" info -m 77
	same "by path" info /dev/mapper/lin
	same "by no such path" info /dev/mapper/nothere
	# which is a number to bareblk dm
	too='' same "no name" info "$major:77"
}

tables() {
	for verb in table status; do
		same "all" $verb
		for d in lin multi str notab susp ro both "sp ace" top2; do
			same "one" $verb "$d"
			same "inactive" $verb --inactive "$d"
		done
		same "two" $verb lin multi
		same "none such" $verb nothere
		same "one of them" $verb lin nothere
		same "by uuid" $verb -u UUID-multi
		same "by number" $verb -j "$major" -m 77
		same "a target's" $verb --target linear
		same "a target's, of one" $verb --target zero multi
		same "a target's, of one without" $verb --target zero lin
		same "no such target" $verb --target nosuch
		same "all inactive" $verb --inactive
		same "noflush" $verb --noflush
	done
}

concise() {
	same "one" table --concise lin
	same "several targets" table --concise multi
	same "two" table --concise lin multi
	same "all" table --concise
	same "read-only" table --concise ro
	same "a blank" table --concise "sp ace"
	same "no table" table --concise notab
	same "by uuid" table --concise -u UUID-multi
	same "none such" table --concise nothere
	same "a target's" table --concise --target linear
	same "inactive" table --concise --inactive both
}

dependencies() {
	same "all" deps
	for d in lin multi str notab top top2 both; do
		same "one" deps $d
	done
	for o in devno devname blkdevname; do
		same "-o" deps -o $o
		same "-o, one" deps -o $o top2
	done
	same "two" deps lin str
	same "none such" deps nothere
	same "inactive" deps --inactive both
	same "by uuid" deps -u UUID-multi
	same "wrong -o" deps -o nosuch
}

selected() {
	for verb in status table; do
		same "by name" $verb -S name=lin
		same "by regex" $verb -S 'name=~^top'
		same "by uuid" $verb -S 'uuid=UUID-multi'
		same "suspended" $verb -S 'suspended=Suspended'
		same "none" $verb -S name=nosuch
		same "two" $verb -S 'name=lin || name=str'
	done
}

list_all() { with_many list; }
tree_all() { with_many tree; }
information_all() { with_many information; }
tables_all() { with_many tables; }
concise_all() { with_many concise; }
dependencies_all() { with_many dependencies; }
selected_all() { with_many selected; }

# What there is to say when there is nothing
nothing() {
	quiet
	for verb in ls info status table deps measure "info -c" "ls --tree" "ls --target linear" "ls -o devname" \
		"info -c --noheadings" "table --concise" "info -c -o name" "status --target linear" "deps -o devname"; do
		# shellcheck disable=SC2086 # words
		same "$verb of nothing" $verb
	done
}

keys() {
	quiet
	modprobe -a dm-crypt xts aes_generic 2> /dev/null || :
	for maker in $makers; do
		$maker create cr --table "0 2048 crypt aes-xts-plain64 $key 0 /dev/ram4 0" || fail "no crypt"
		same "key" table cr
		same "shown" table --showkeys cr
		same "of all" table
		same "shown, of all" table --showkeys
		same "concise" table --concise cr
		same "concise, shown" table --concise --showkeys cr
		same "status" status cr
		scrub
	done
}

loaded() {
	quiet
	same "targets" targets
	same "a target's version" target-version linear
	same "several" target-version linear striped error
	same "one that is loaded for it" target-version delay
	same "none such" target-version nosuch
	same "no name" target-version
}

measured() {
	quiet
	ref13 create lin --table "0 2048 linear /dev/ram0 0"
	printf '0 8 zero\n8 8 striped 2 4 1:1 0 1:2 0\n' | ref13 create two
	same "one" measure lin
	same "all" measure
	same "two targets" measure two
	same "none such" measure nothere
	scrub
}

# v: more words of the same verbs
verbose() {
	quiet
	ref13 create lin -u UUID-lin --table "0 2048 linear /dev/ram0 0"
	too=
	for verb in info status table "table --inactive" deps suspend resume clear; do
		# shellcheck disable=SC2086 # words
		same "-v $verb" -v $verb lin
	done
	same "-v ls" -v ls
	same "-v of none" -v info nothere
	same "-v version" -v targets
	scrub
}

# What programs read, which is of bareblk dm alone
objects() {
	quiet
	major=$(awk '$2 == "device-mapper" { print $1 }' /proc/devices)
	ref13 create low -u LOW --table "0 1024 striped 2 64 1:1 0 1:2 0"
	ref13 create top --table "0 8 linear /dev/mapper/low 0"
	low="\"name\": \"low\", \"uuid\": \"LOW\", \"major\": $major, \"minor\": 0"
	top="\"name\": \"top\", \"uuid\": \"\", \"major\": $major, \"minor\": 1"
	state='"suspended": false, "read_only": false'
	ahead=$(($(cat /sys/block/dm-0/bdi/read_ahead_kb) * 2))
	eq "ls" "$(bare ls --json)" "[{$low, \"event_nr\": 0}, {$top, \"event_nr\": 0}]"
	eq "status" "$(bare status --json low top)" "[{$low, \"targets\": [{\"start\": 0, \"length\": 1024, \"type\": \"striped\", \"status\": \"2 1:1 1:2 1 AA\", \"decoded\": {\"devices\": [\"1:1\", \"1:2\"], \"health\": \"AA\"}}]}, {$top, \"targets\": [{\"start\": 0, \"length\": 8, \"type\": \"linear\", \"status\": \"\"}]}]"
	eq "table" "$(bare table --json --target linear)" "[{$top, \"targets\": [{\"start\": 0, \"length\": 8, \"type\": \"linear\", \"params\": \"$major:0 0\"}]}]"
	eq "deps" "$(bare deps --json top low)" "[{$top, \"deps\": [{\"major\": $major, \"minor\": 0, \"devname\": \"low\", \"blkdevname\": \"dm-0\"}]}, {$low, \"deps\": [{\"major\": 1, \"minor\": 2, \"devname\": \"ram2\", \"blkdevname\": \"ram2\"}, {\"major\": 1, \"minor\": 1, \"devname\": \"ram1\", \"blkdevname\": \"ram1\"}]}]"
	eq "info" "$(bare info --json low)" "[{$low, $state, \"deferred_remove\": false, \"live_table\": true, \"inactive_table\": false, \"read_ahead_sectors\": $ahead, \"open_count\": 1, \"event_nr\": 0, \"nr_targets\": 1}]"
	eq "tree" "$(bare ls --tree --json)" "[{$top, \"blkdevname\": \"dm-1\", $state, \"open_count\": 0, \"uses\": [{$low, \"blkdevname\": \"dm-0\", $state, \"open_count\": 1, \"uses\": [{\"major\": 1, \"minor\": 2, \"blkdevname\": \"ram2\", \"uses\": []}, {\"major\": 1, \"minor\": 1, \"blkdevname\": \"ram1\", \"uses\": []}]}]}]"
	version=$(ref13 target-version zero | sed 's/.* v//')
	eq "target-version" "$(bare target-version --json zero)" "[{\"name\": \"zero\", \"version\": \"$version\"}]"
	eq "gone" "$(bare info --json nothere 2> err.gone || echo failed)" "[]
failed"
	scrub
	eq "nothing" "$(bare ls --json; bare ls --tree --json; bare deps --json)" "[]
[]
[]"
}

run_tests <<-'END'
nothing           60  of no devices each verb says what dmsetup says
list_all         100  ls, in all its forms
tree_all         100  ls --tree, with each of its options
information_all  100  info, by name, uuid, number and path
tables_all       150  status and table, live and inactive, of targets
concise_all      100  table --concise
dependencies_all 100  deps, in all its forms
selected_all     100  status and table of devices that are selected
keys              60  keys are hidden unless they are asked for
loaded            60  targets and target-version
measured          60  measure
verbose           60  with -v
objects           60  with --json
END
