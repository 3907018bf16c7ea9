#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2034,SC2154,SC2329,SC2317 # variables of lib.sh, functions that it calls
#
# The comparisons can fail: programs that are wrong in one thing have to be caught.
# group: 120 always

. "${0%/*}/lib.sh"

# caught N: that many comparisons went wrong, as they should have
caught() {
	quiet
	eq "comparisons that caught it" "$nr_wrong" "$1"
	nr_wrong=0
}

zero='$other create a --table "0 8 zero"'

# Wrong in a byte; in the status; a line more; the last newline missing
byte() { ref13 "$@" | tr 8 9; }
status_0() { ref13 "$@" || :; }
more() { ref13 "$@" && echo; }
less() { printf %s "$(ref13 "$@")"; }

outputs() {
	too=
	DM_DISABLE_UDEV=1 ref13 create a --table "0 8 zero"
	us=ref12
	same "itself" table a
	caught 0
	us='byte';    same "a byte" table a
	us='more';    same "a line" table a
	us='less';    same "the last newline" table a
	us=status_0; same "the status" table nothere
	caught 4
	scrub
}

# What it makes is longer; has no node; is one too many
longer() { case $1 in create) ref13 create b --table "0 16 zero" ;; *) ref13 "$@" ;; esac; }
nodeless() { ref13 "$@" && rm -f /dev/mapper/b; }
twice() { ref13 "$@" && ref13 create c --table "0 8 zero"; }

effects() {
	too='' party=ref12
	us=ref12
	effect "itself" "$zero" create b --table "0 8 zero"
	caught 0
	us=longer;   effect "longer" : create b --table "0 8 zero"
	us=nodeless; effect "no node" : create b --table "0 8 zero"
	us=twice;    effect "one too many" : create b --table "0 8 zero"
	caught 3
}

alike_says() { echo "something else" >&2; return 1; }

differences() {
	ref12_is_right() { ref12 "$@"; }
	wrong_code() { return 5; }
	differs the-oracle "1:" "5:" wrong_code table nothere
	caught 0
	differs the-oracle "1:" "1:" ref12_is_right table nothere
	differs the-oracle "1:" "3:" wrong_code table nothere
	differs the-oracle "0:" "5:" wrong_code table nothere
	caught 4
	too='' us=alike_says
	alike "what is said" table nothere
	caught 1
}

# Each of what a test can leave is seen, and named
leavings() {
	quiet
	eq "nothing" "$(leftovers 1)" ""
	DM_DISABLE_UDEV=1 ref13 create a --notable
	leftovers 1 | grep -q "devices:.*a" || fail "a device without a table is not seen"
	scrub
	ln -s nowhere /dev/mapper/stale
	leftovers 1 | grep -q /dev/mapper/stale || fail "a stale node is not seen"
	touch /dev/mapper/.tmp
	leftovers 1 | grep -q /dev/mapper/.tmp || fail "a hidden file is not seen"
	rm /dev/mapper/stale /dev/mapper/.tmp
	# it makes one only where it thinks that there is a udevd
	unset DM_DISABLE_UDEV
	mkdir -p /run/udev && touch /run/udev/control
	cookie=$(ref13 udevcreatecookie)
	leftovers 1 | grep -qi semaphores || fail "the semaphore $cookie is not seen"
	ref13 udevreleasecookie "$cookie" || ref13 udevcomplete_all -y
	rm /run/udev/control
	eq "nothing" "$(leftovers 1)" ""
}

run_tests <<-'END'
outputs      40  a byte, a line, a newline or a status that is wrong is caught
effects      60  a device that is wrong, a node that is missing and a device too many are caught
differences  40  a difference that is none any more, or another one, is caught
leavings     40  a device, a node, a file and a semaphore that are left are seen
END
