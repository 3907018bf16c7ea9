#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2034,SC2154,SC2329,SC2317,SC2016 # variables of lib.sh, functions that it calls
#
# With udevd running and Debian's rules: who makes the nodes, the cookies, ours
# as the dmsetup which the rules call, and a udevd that has stopped or died.
# group: 600 7.3

. "${0%/*}/lib.sh"

unset DM_DISABLE_UDEV
rules=/usr/lib/udev/rules.d

udevadm() { LD_LIBRARY_PATH=/opt/udev/lib /opt/udev/udevadm "$@"; }
settled() { udevadm settle --timeout=20; }

# with_udevd [12|13]: with that one's rules
with_udevd() {
	quiet
	mkdir -p $rules /run/udev
	rm -f $rules/*
	cp /opt/udev/rules/* "/opt/dm${1-13}/rules/"* $rules/
	LD_LIBRARY_PATH=/opt/udev/lib /opt/udev/systemd-udevd --resolve-names=never > udevd.out 2>&1 &
	udevd=$!
	within 20 test -S /run/udev/control
	settled
}

without_udevd() {
	quiet
	kill -CONT "$udevd" 2> /dev/null || :
	kill -KILL "$udevd" 2> /dev/null || :
	wait "$udevd" 2> /dev/null || :
	pids=$(pidof systemd-udevd udevd "(udev-worker)") && kill -KILL $pids 2> /dev/null
	rm -rf /run/udev
	DM_DISABLE_UDEV=1 $ref remove_all -f > /dev/null 2>&1
	rm -rf /dev/disk/by-id/dm-*
}

# udev's links, when it is done
links() {
	settled
	local path
	for path in /dev/mapper/* /dev/disk/by-id/dm-*; do
		[ ! -L "$path" ] || echo "$path -> $(readlink "$path")"
	done
}

# What dmsetup's own nodes are is shown by where they lead
view_nodes() { links; }

# They may not be removed behind udev's back
scrub() {
	$cleaner remove_all --force > scrub.out 2>&1 || :
	settled
}

# with rules RULES DMSETUP: a round of what there is to do
round() {
	effect "create" : create a -u UUID-a --table "0 8 zero"
	effect "create two" : create --concise 'a,,,,0 8 zero;b,,,,0 8 zero'
	effect "rename" '$other create a --table "0 8 zero"' rename a c
	effect "uuid" '$other create a --table "0 8 zero"' rename a --setuuid UUID-a
	effect "remove" '$other create a --table "0 8 zero"; $other create b --table "0 8 zero"' remove a
	effect "remove two" '$other create a --table "0 8 zero"; $other create b --table "0 8 zero"' remove a b
	effect "resume" '$other create a --table "0 8 zero"; $other load a --table "0 16 zero"; $other suspend a' resume a
	effect "on create" : create --addnodeoncreate a --table "0 8 zero"
	effect "remove_all" '$other create a --table "0 8 zero"; $other create b --table "0 8 zero"' remove_all
	effect "no sync" '$other create a --table "0 8 zero"' --noudevsync remove a
	effect "what fails" '$other create a --table "0 8 zero"' create a --table "0 8 zero"
	effect "what fails, loaded" : create b --table "0 8 nosuch"
	eq "semaphores" "$(semaphores)" ""
}

synchronous() {
	with_udevd 13
	$us create x --table "0 8 zero"
	[ -L /dev/mapper/x ] || fail "it came back before its link was there"
	[ "$(readlink /dev/mapper/x)" = ../dm-0 ] || fail "the link is $(readlink /dev/mapper/x)"
	udevadm info -q property /dev/dm-0 > props
	grep -q DM_NAME=x props || fail "udev does not know its name: $(cat props)"
	grep -q DM_UDEV_PRIMARY_SOURCE_FLAG=1 props || fail "the flag that keeps the link is missing"
	# what comes later does not take the link away
	udevadm trigger --action=add /dev/dm-0
	settled
	[ -L /dev/mapper/x ] || fail "a coldplug took the link"
	$us rename x y
	[ -L /dev/mapper/y ] && [ ! -L /dev/mapper/x ] || fail "the links are not renamed"
	$us remove y
	[ ! -L /dev/mapper/y ] || fail "it came back before its link was gone"
	eq "semaphores" "$(semaphores)" ""
	without_udevd
}

rounds_13() {
	with_udevd 13
	round
	without_udevd
}

rounds_12() {
	with_udevd 12
	round
	without_udevd
}

# properties of one, whoever answers the rules
properties() {
	DM_UDEV_COOKIE='' $ref create p -u UUID-p --table "0 8 zero" || fail "$1 does not let the reference come back"
	settled
	udevadm info -q all /dev/dm-0 | grep -vE 'USEC_INITIALIZED|SEQNUM|DEVLINKS|^[IQ]:|DISKSEQ|diskseq' | sort > "props.$1"
	readlink /dev/mapper/p >> "props.$1"
	$ref remove p
	settled
	eq "semaphores" "$(semaphores)" ""
}

# /sbin/dmsetup of the rules is ours: they get the same from it
called_by_rules() {
	with_udevd "$1"
	properties theirs
	mv /usr/bin/dmsetup /usr/bin/dmsetup.debian
	ln -s bareblk /usr/bin/dmsetup
	properties ours
	$us create q --table "0 8 zero"
	[ -L /dev/mapper/q ] || fail "no link of ours with ours"
	$us remove q
	# what cannot answer is noticed
	ln -sf /bin/false /usr/bin/dmsetup
	$us create q --noudevsync --table "0 8 zero"
	settled
	udevadm info -q property /dev/dm-0 > props.none
	$us remove --noudevsync q
	settled
	mv /usr/bin/dmsetup.debian /usr/bin/dmsetup
	cmp props.theirs props.ours || fail "udev knows something else: $(diff props.theirs props.ours)"
	! grep -q DM_UDEV_PRIMARY_SOURCE_FLAG props.none || fail "the rules do not ask dmsetup at all"
	without_udevd
}

rules_13() { called_by_rules 13; }
rules_12() { called_by_rules 12; }

seconds() { sed 's/\..*//' /proc/uptime; }

# A udevd that does not answer: waited for, but not for ever, and its work is done
# difference: udev-wait
stopped() {
	with_udevd 13
	kill -STOP "$udevd"
	begin=$(seconds)
	$us create x --table "0 8 zero" || fail "not made"
	at_most "seconds" $(($(seconds) - begin)) 20
	at_least "seconds" $(($(seconds) - begin)) 3
	[ -b /dev/mapper/x ] || fail "no node"
	eq "semaphores" "$(semaphores)" ""
	kill -KILL "$udevd"
	# its socket is still there
	begin=$(seconds)
	$us remove x || fail "not removed"
	at_most "seconds" $(($(seconds) - begin)) 20
	[ ! -e /dev/mapper/x ] && [ ! -L /dev/mapper/x ] || fail "the node is still there"
	eq "semaphores" "$(semaphores)" ""
	without_udevd
}

# It dies while we wait
killed() {
	with_udevd 13
	kill -STOP "$udevd"
	begin=$(seconds)
	$us create x --table "0 8 zero" > made 2>&1 &
	child=$!
	sleep 1
	kill -KILL "$udevd"
	wait $child || fail "not made: $(cat made)"
	at_most "seconds" $(($(seconds) - begin)) 20
	[ -b /dev/mapper/x ] || fail "no node"
	eq "semaphores" "$(semaphores)" ""
	rm -rf /run/udev
	$us remove x
	[ ! -e /dev/mapper/x ] && [ ! -L /dev/mapper/x ] || fail "the node is still there"
	without_udevd
}

# Someone who uses a cookie for several
cookies() {
	with_udevd 13
	cookie=$($us udevcreatecookie)
	$us create x --udevcookie "$cookie" --table "0 8 zero"
	$us create y --udevcookie "$cookie" --table "0 8 zero"
	$us udevreleasecookie "$cookie" || fail "not released"
	[ -L /dev/mapper/x ] && [ -L /dev/mapper/y ] || fail "the links are not there"
	eq "semaphores" "$(semaphores)" ""
	# one makes it, the other uses it
	cookie=$($ref udevcreatecookie)
	$us remove x --udevcookie "$cookie"
	$ref remove y --udevcookie "$cookie"
	$us udevreleasecookie "$cookie" || fail "not released"
	[ ! -L /dev/mapper/x ] && [ ! -L /dev/mapper/y ] || fail "the links are still there"
	eq "semaphores" "$(semaphores)" ""
	without_udevd
}

# Links when it ends; none of what was made and taken back; the hidden device of --check unseen
applied() {
	with_udevd 13
	printf 'set u\ndevice a\n 0 16 zero\ndevice b\n 0 8 linear /dev/mapper/a 0\n' > f
	bare apply f
	[ "$(readlink /dev/mapper/a)" = ../dm-0 ] && [ "$(readlink /dev/mapper/b)" = ../dm-1 ] || fail "no links"
	sed -i 's/0 16/0 32/; s/0 8/0 16/' f
	bare apply f
	udevadm info -q property /dev/dm-1 | grep -q DM_NAME=b || fail "udev does not know it"
	printf 'device c\n 0 8 zero\ndevice d\n 0 8 linear /dev/mapper/a 99\n' >> f
	not bare apply f
	settled
	bare create e --check --table "0 8 zero"
	settled
	eq "links" "$(links | grep -v by-id)" "$(printf '/dev/mapper/a -> ../dm-0\n/dev/mapper/b -> ../dm-1')"
	echo 'set u' > f
	bare apply --prune f
	[ ! -L /dev/mapper/a ] && [ ! -L /dev/mapper/b ] || fail "it came back before its links were gone"
	eq "semaphores" "$(semaphores)" ""
	without_udevd
}

run_tests <<-'END'
synchronous 60  udev's links are there when a verb ends, with the flags that keep them
rounds_13  240  with udevd and Debian 13's rules the effect is dmsetup's
rounds_12  240  with udevd and Debian 12's rules the effect is dmsetup's
rules_13    90  the rules of Debian 13 get from ours what they get from dmsetup
rules_12    90  the rules of Debian 12 get from ours what they get from dmsetup
stopped     90  a udevd that does not answer is waited for with a bound, and its work done
killed      60  a udevd that dies meanwhile does no harm
cookies     60  a cookie is shared, also with dmsetup
applied     60  apply ends when udev's links are there, and leaves none of what it took back
END
