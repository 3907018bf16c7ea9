#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2086,SC2030,SC2031,SC2015,SC2034,SC2154,SC2329,SC2317 # variables of lib.sh, functions that it calls
#
# The verbs that udev's rules and scripts call around udev's cookies, and
# splitname.
# group: 240 6.1

. "${0%/*}/lib.sh"

# udev only looks as if it ran: what is compared here is what the verbs do
with_udev() {
	unset DM_DISABLE_UDEV
	mkdir -p /run/udev
	: > /run/udev/control
	trap without_udev EXIT
}

without_udev() { rm -f /run/udev/control; }

splitting() {
	quiet
	for name in vg-lv a--b-c--d-layer nolv "" 'v"' vg-lv- vg---lv--_-tpool 'x yvg-lv' a-b-c-d-e -- --- a-- a-b--; do
		for shape in --rows --noheadings "--nameprefixes --noheadings --rows" "--nameprefixes --unquoted" \
			"--separator |" "-o +subsystem" "-o splitname_all" "-o lv_layer,VGName" "-S lv_name=lv"; do
			# shellcheck disable=SC2086 # words
			same "splitname" splitname $shape -- "$name"
		done
	done
	for subsystem in LVM lvm XX ""; do
		same "of a subsystem" splitname vg-lv "$subsystem" -o +subsystem
	done
	same "no name" splitname
	same "too many" splitname a LVM b
	same "no such field" splitname a-b -o nosuch
}

flags() {
	quiet
	for value in 0x400000 4194304 4194305 0x7f0001 0xff7f1234 0xffffffff 0X10000 ' 65536' 6553600 1; do
		same "flags" udevflags "$value"
	done
	for value in x 0x '' 5x 4294967296 99999999999999999999999 0; do
		same "no flags" udevflags "$value"
	done
	same "no cookie" udevflags
	same "two" udevflags 1 2
}

# of the cookie in $1: what there is of it
value_of() { ref13 udevcookies | awk -v c="$(printf '0x%x' "$1")" '$1 == c { print $3 }'; }

all_about_cookies() { # VERSION
	same "none" udevcookies
	for maker in ref12 ref13 ours bare; do
		cookie=$($maker udevcreatecookie)
		case $cookie in
		0x0D4D[0-9A-F][0-9A-F][0-9A-F][0-9A-F]) ;;
		*) wrong "a cookie of $maker" "$cookie" ;;
		esac
		eq "events that are open" "$(value_of "$cookie")" 1
		same "one" udevcookies
		sleep 1
		(export DM_UDEV_COOKIE=$cookie; $other create a --table "0 8 zero")
		eq "events that are open" "$(value_of "$cookie")" 2
		same "and an event" udevcookies
		$other udevcomplete $((cookie & 0xffff | 0x400000)) > completed
		eq "what completing prints" "$(cat completed)" "DM_COOKIE_COMPLETED=$(printf '0x%-10x' $((cookie & 0xffff | 0x400000)))"
		eq "events that are open" "$(value_of "$cookie")" 1
		$other udevreleasecookie "$cookie"
		eq "events that are open" "$(value_of "$cookie")" ""
		cookie=$($maker udevcreatecookie)
		(export DM_UDEV_COOKIE=$cookie; $other udevreleasecookie)
		eq "events that are open" "$(value_of "$cookie")" ""
		(export DM_DISABLE_UDEV=1; ref13 remove a)
	done
}

cookies() {
	quiet
	with_udev
	too=
	for other in ref13 ours; do
		all_about_cookies
	done
	same "no cookie" udevreleasecookie
	same "none such" udevreleasecookie 0xd4d0001
	same "no cookie's number" udevreleasecookie 0x1
	same "no number" udevreleasecookie x
	same "none such" udevcomplete 0x1
	same "only flags" udevcomplete 0x400000
	same "no number" udevcomplete x
	without_udev
}

# One who has no udev is not kept waiting, and fails at nothing
nobody() {
	quiet
	too=
	same "create" udevcreatecookie
	same "list" udevcookies
	same "release" udevreleasecookie 0xd4d1234
	same "complete" udevcomplete 0x123
	same "flags" udevcomplete 0x400000
	with_udev
	export DM_DISABLE_UDEV=1
	same "disabled: create" udevcreatecookie
	same "disabled: release" udevreleasecookie 0xd4d1234
	same "disabled: complete" udevcomplete 0x123
	without_udev
}

# by_all BEFORE ARG...: the same with each, on cookies of its own
by_all() {
	local before="$1" want12 want13
	shift
	for program in ref12 ref13 ours bare; do
		[ -z "$before" ] || { ours udevcreatecookie; ref13 udevcreatecookie; } > made
		run_as $program "$@"
		eval "got_$program=\$got left_$program=\$(semaphores | wc -w)"
		ref13 udevcomplete_all -y > removed
	done
	nr_compared=$((nr_compared + 1))
	[ "$got_ours/$left_ours" = "$got_ref13/$left_ref13" ] && [ "$got_bare/$left_bare" = "$got_ref12/$left_ref12" ] ||
		wrong "$*" "12: $got_ref12, $left_ref12 left" "13: $got_ref13, $left_ref13 left" \
			"ours: $got_ours, $left_ours left" "bare: $got_bare, $left_bare left"
}

removing() {
	quiet
	with_udev
	by_all '' udevcomplete_all -y
	by_all two udevcomplete_all -y
	by_all two udevcomplete_all --yes
	by_all two udevcomplete_all 5 -y
	by_all two udevcomplete_all 0 -y
	for input in y Y "yes
" n N "no" "x
y" "
n"; do
		by_all two udevcomplete_all
		by_all two udevcomplete_all 5
	done
	input=
	by_all two udevcomplete_all
	too=
	same "no age" udevcomplete_all x -y
	# others' semaphores are left alone
	ipcmk -S 1 > /dev/null 2>&1 && {
		by_all two udevcomplete_all -y
		ipcrm -a
	}
	without_udev
}

# dmsetup would wait for ever
bounded() {
	quiet
	with_udev
	cookie=$(ours udevcreatecookie)
	(export DM_UDEV_COOKIE=$cookie; ours create a --table "0 8 zero")
	begin=$(cut -d. -f1 /proc/uptime)
	rc=0
	timeout 30 /opt/ours/dmsetup udevreleasecookie "$cookie" > said 2>&1 || rc=$?
	took=$(($(cut -d. -f1 /proc/uptime) - begin))
	eq "exit status" $rc 1
	[ $took -ge 9 ] && [ $took -le 20 ] || fail "it took $took s"
	grep -q "has not answered" said
	eq "events that are open" "$(value_of "$cookie")" ""
	(export DM_DISABLE_UDEV=1; ours remove a)
	# more events were told than there were
	cookie=$(ours udevcreatecookie)
	ours udevcomplete "$cookie"
	rc=0
	bare udevcomplete "$cookie" || rc=$?
	eq "exit status" $rc 1
	ours udevreleasecookie "$cookie"
	eq "events that are open" "$(value_of "$cookie")" ""
	rc=0
	bare udevcomplete "$cookie" || rc=$?
	eq "exit status" $rc 5
	without_udev
}

run_tests <<-'END'
splitting 120  splitname takes names apart as dmsetup does
flags      60  udevflags says what dmsetup says
cookies   120  cookies of either party are listed, completed and released by the other
nobody     60  without udev there is no cookie, and no failure
removing  120  udevcomplete_all removes what dmsetup would
bounded    60  an udev that does not answer is waited for ten seconds
END
