#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2086,SC2034,SC2154,SC2329,SC2317 # variables of lib.sh, functions that it calls
#
# Reports: info -c with every field, in every shape, sorted and selected.
# group: 400 7.3

. "${0%/*}/lib.sh"

major=$(awk '$2 == "device-mapper" { print $1 }' /proc/devices)

# stack MAKER: devices of every state, some on others
stack() {
	$1 create lin --table "0 2048 linear /dev/ram0 0" &&
		$1 create lin2 -u UUID-X --table "0 1024 linear $major:0 0" &&
		printf '0 512 linear %s:1 0\n512 512 linear /dev/ram1 0\n1024 8 linear %s:0 1024\n' "$major" "$major" |
		$1 create top -r &&
		$1 create vg--a-lv_1-tpool -u LVM-abcdef --table "0 8 zero" &&
		$1 create "sp ace" --table "0 8 zero" &&
		$1 create susp --table "0 8 zero" && $1 suspend susp &&
		$1 create both --table "0 8 zero" && $1 load both --table "0 16 zero" &&
		$1 create a-name-that-is-longer-than-its-column -u "a-uuid-of-more-than-thirty-two-bytes-$1" \
			--table "0 1024 linear $major:0 0"
}

with_stack() { # FUNCTION: twice, whoever made them
	quiet
	for maker in $ref $us; do
		stack $maker > made 2>&1 || wrong "what is to be shown, made by $maker" "$(cat made)"
		"$1"
		scrub
	done
}

# Not of dmsetup 12
full_headings() {
	ref=ref13 ref2=ref13
	for how in none abbrev full 0 1 2; do
		same "headings" info -c --headings $how
		same "headings" info -c --headings $how -o lv_layer,vg_name,events,read_ahead,devs_used
		same "headings" info -c --headings $how --rows
		same "headings" info -c --headings $how --nameprefixes
		same "headings" info -c --headings $how --separator :
	done
	same "headings" info -c --headings nosuch
	same "headings" info -c --headings full --noheadings
}

shapes_of_it() {
	same "report" info -c
	same "-c first" -c info
	same "-C" -C info lin top
	same "long" --columns info lin
	for shape in --noheadings --nameprefixes "--nameprefixes --unquoted" --rows "--rows --noheadings" \
		"--nameprefixes --noheadings --rows" "--separator |" "--separator | --noheadings" "--separator ::" \
		"--rows --separator |" --unbuffered "--unbuffered --rows" "--unbuffered --noheadings" \
		"--nameprefixes --separator ;" "--inactive" "--noheadings --nameprefixes --unquoted"; do
		# shellcheck disable=SC2086 # words
		same "shape" info -c $shape
		# shellcheck disable=SC2086
		same "shape" info -c $shape -o name,uuid,suspended
	done
	same "no separator" info -c --separator ""
	same "as udev asks" info -j "$major" -m 1 -c --nameprefixes --noheadings --rows -o name,uuid,suspended
	same "as fsadm asks" info -c -j "$major" -m 1 -o name --noheadings
	same "by uuid" info -c -u UUID-X
	same "by path" info -c /dev/mapper/lin
	same "no such name" info -c nothere
	same "no such uuid" info -c -u nothere
	same "one that is not there" info -c lin nothere top
	same "names as they are" info -c -o name --manglename none
	same "names in hex" info -c -o name --manglename hex
}

every_field() {
	for field in name mangled_name unmangled_name uuid mangled_uuid unmangled_uuid read_ahead blkdevname attr \
		tables_loaded suspended readonly devno major minor open segments events device_count devs_used \
		devnos_used blkdevs_used device_ref_count names_using_dev devnos_using_dev subsystem vg_name lv_name \
		lv_layer selected; do
		same "a field" info -c -o $field
		same "a field, bare" info -c --noheadings -o name,$field
		same "a field with its name" info -c --nameprefixes --noheadings -o $field
		same "sorted by it" info -c --noheadings -o name -O $field,name
		same "sorted by it, falling" info -c -o $field,name -O -$field,-name
	done
	same "all names" info -c -o name_all
	same "all states" info -c -o info_all
	same "all parts" info -c -o splitname_all
	same "upper case" info -c -o Name,MAJOR,read__ahead,ReadAhead
	same "twice" info -c -o name,name
	same "added" info -c -o +read_ahead,devno
	same "commas" info -c -o ,,name
	same "a comma too many" info -c -o name,
	same "nothing added" info -c -o +
	same "no fields" info -c -o ""
	same "no such field" info -c -o nosuch
	same "no such key" info -c -O nosuch
	same "a key too many" info -c -O name,
	same "a + before a key" info -c -O +minor
	same "no keys" info -c -O ""
	same "by two" info -c -o name,segments,minor -O segments,-minor
}

selecting() {
	for s in name=lin "name = lin" 'name="sp ace"' "name='sp ace'" 'name!=lin' 'name=~lin' 'name=~^lin' 'name!~lin' \
		'name=~"^(top|susp)$"' 'name=~(top|susp)' 'minor=1' 'minor!=1' 'minor>1' 'minor>=1' 'minor<2' \
		'minor<=2' 'minor=1.0' 'open>0 && minor<2' 'open>0,minor<2' 'open=0||minor=1' 'open=0#minor=1' \
		'suspended=Suspended' 'suspended=Active&&readonly=Read-only' 'tables_loaded=Both' 'attr=~s' 'devno~=x' \
		"devno=$major:2" 'uuid=' 'uuid=""' 'uuid!=""' 'uuid=~^LVM-' '!(name=lin)' '!(name=lin)&&!(name=top)' \
		'(name=lin||name=top)&&minor=0' 'name=lin||name=top&&minor=0' 'read_ahead>=256' 'segments=3' \
		'devs_used=lin' 'devnos_used=~1:0' 'blkdevs_used=~ram' 'device_count>1' 'device_ref_count>0' \
		'names_using_dev=~top' 'lv_name=lv_1' 'subsystem=LVM' 'events=0' 'name=nosuch' 'unmangled_name="sp ace"' \
		'mangled_name=~x20' 'name=~.' '((minor=1))' ' minor=1 '; do
		same "selected" info -c -o name -S "$s"
		same "and not" info -c -o name,selected -S "$s"
	done
	same "an empty one" info -c -S ""
	same "of one device" info -c -o name -S name=lin lin
	same "and another" info -c -o name -S name=nosuch lin
	same "sorted" info -c --noheadings -o name -S 'minor>1' -O -minor
	for s in 'minor="1"' minor=1k minor=1% minor=x minor=-1 minor=99999999999999999999999 minor=0x1 minor=1x minor= \
		'name>lin' 'name' '=lin' 'nosuch=1' 'name=lin &&' '&& name=lin' '()' '(name=lin' 'name=lin)' \
		'name=lin name=top' 'name="lin' 'name=~' 'name=~""' 'name=~"*"' 'name=~"(v"' 'name=~"[v"' 'name=~"v|"' ' ' \
		'name since lin' 'name=~(v|x)g'; do
		same "malformed" info -c -o name -S "$s"
	done
}

differences() {
	stack ref13 > made 2>&1
	for program in ours bare; do
		differs fields-all 0: '0:*lin*' $program info -c --noheadings -o all
		differs select-negation '0:lin' '0:*' $program info -c --noheadings -o name -S '!(!(name!=lin))'
		differs select-fraction '0:lin2' '0:' $program info -c --noheadings -o name -S 'minor=1.5'
		differs select-lists '1:' '0:top' $program info -c --noheadings -o name -S 'devs_used={lin,lin2}'
		differs fields-minus '1:' '0:lin' $program info -c --noheadings -o name,minor,-minor lin
	done
	differs select-edges '0:lin*lin2' '0:lin2' bare info -c --noheadings -o name -S 'uuid=~.&&minor<2'
	differs help-text '0:' '0:*read_ahead*' bare info -c -o help
	ref12 create bare --notable
	differs fields-no-disk '1:' '0:' ours info -c --noheadings -o blkdevname bare
	scrub
}

shapes() { with_stack shapes_of_it; }
headings() { with_stack full_headings; }
fields() { with_stack every_field; }
selection() { with_stack selecting; }

nothing() {
	too=
	same "no devices" info -c
	same "no devices" info -c --noheadings -o name
	same "no devices" info -c --nameprefixes --rows
	same "no devices, malformed" info -c -S '('
}

json() {
	quiet
	stack ours > made 2>&1
	bare info -c --json -o name,minor,devs_used,uuid,read_ahead -S 'name=lin2||name=top' -O name > got
	cat > want <<-'END'
	[{"name": "lin2", "minor": 1, "devs_used": ["lin"], "uuid": "UUID-X", "read_ahead": 256}, {"name": "top", "minor": 2, "devs_used": ["lin", "lin2"], "uuid": "", "read_ahead": 256}]
	END
	cmp want got || fail "json: $(cat got)"
	eq "json of none" "$(bare info -c --json -S name=nosuch)" '[]'
	scrub
}

many() {
	quiet
	{
		for i in $(seq 0 399); do
			echo "d$i,,,,0 8 zero"
		done
	} | tr '\n' ';' | ours create --concise
	same "400 devices" info -c -o name,minor,attr -O -minor
	same "400 devices" info -c --noheadings -o name -S 'minor>100&&minor<=300&&name=~"d[0-9]*7$"'
	scrub
}

run_tests <<-'END'
nothing      60  where there are no devices, that is said
shapes      300  a report has the shape that was asked for
headings    120  headings are short, full, or none
fields      300  every field is what dmsetup says it is
selection   300  selections are true for what they are true for with dmsetup
differences  60  what differs from dmsetup is what is said to
json         60  a report is written as JSON
many        120  a report of 400 devices
END
