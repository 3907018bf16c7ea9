#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2034,SC2154,SC2329,SC2317,SC2016,SC2046,SC2086 # variables of lib.sh, functions that it calls
#
# How long dm ls and removing many take, against Debian's dmsetup in this guest of two
# processors, on a machine that does nothing else.
# group: 300 alone

. "${0%/*}/lib.sh"

# ratio FIRST SECOND: in thousandths, of their sums of nanoseconds
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%d", a * 1000 / b }'; }
field() { awk -v row="$1" -v n="$2" '$1 == row { print $n }' ns; }

five() {
	for n in 1 2 3 4 5; do
		$ref create "dev$n" --table "0 8 zero"
	done
}

# One that is no faster must not pass: the reference against itself is no third
listing() {
	quiet
	five
	runs=40
	[ -z "${LONG-}" ] || runs=200
	/alternate $runs /opt/ours/dmsetup ls -- /usr/bin/dmsetup ls > ns
	share=$(ratio $(field first 2) $(field second 2))
	echo "dmsetup ls: ours $(field first 3) ns, Debian's $(field second 3) ns (medians of $runs); $share thousandths of its time" > ./say
	/alternate 5 /usr/bin/dmsetup ls -- /usr/bin/dmsetup ls > ns
	itself=$(ratio $(field first 2) $(field second 2))
	scrub
	at_most "thousandths of dmsetup's time" "$share" 333
	at_least "thousandths of dmsetup against itself" "$itself" 500
}

many_made() {
	# shellcheck disable=SC2034
	local i=0 spec=
	while [ $i -lt 256 ]; do
		spec="$spec;many$i,,,,0 8 zero"
		names="$names many$i"
		i=$((i + 1))
	done
	ref13 create --concise "${spec#;}"
}

centiseconds() { sed 's/ .*//; s/\.//' /proc/uptime; }

# removed PROGRAM: centiseconds
removed() {
	local begin
	many_made > made 2>&1 || fail "256 devices were not made: $(cat made)"
	begin=$(centiseconds)
	"$@" remove $names
	echo $(($(centiseconds) - begin))
}

# Five times each, one after the other: a grace period more or less is a tenth of one
removing() {
	quiet
	ours=0 theirs=0 say=
	for round in 1 2 3 4 5; do
		names=
		once=$(removed /usr/bin/dmsetup) || return
		theirs=$((theirs + once))
		names=
		once=$(removed /opt/ours/dmsetup) || return
		ours=$((ours + once))
		say="$say $once"
	done
	echo "removing 256, five times: ours ${ours}0 ms ($say), dmsetup ${theirs}0 ms" > ./say
	at_most "three times ours, of dmsetup's centiseconds" $((ours * 3)) "$theirs"
}

run_tests <<-'END'
listing  150  ls takes at most a third of the time of dmsetup ls
removing 150  removing 256 devices takes at most a third of dmsetup's time
END
