#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The examples of ring/ do what they say: echo servers, with a libc and threads
# and without, answer many clients; copy copies. So does that of a disk inside of
# a program. Each disk among them is shorter than a page, of 60 lines.
#
# usage: examples.sh [--self-test] [BUILD_DIR]

# shellcheck disable=SC2154,SC2016 # tmp is of lib.sh; other languages have $, too
. "$(dirname "$0")/lib.sh"
cd "$root" || exit 2

example=$tmp/example
server=
trap : PIPE # a server that hangs up is told of, where it is spoken to

hosted() { # hosted NAME: an example that is linked with the machine's libc
	${CC:-gcc} -std=gnu11 -O2 -Wall -Wextra -Werror -I. -o "$example-$1" "selftests/examples/$1.c" \
		"$dir/libublk-targets.a" "$dir/libublk.a" "$dir/libring.a" "$dir/libuapi.a" -pthread
}

freestanding() { # freestanding NAME
	make -s O="$dir" "$dir/examples/$1" && cp "$dir/examples/$1" "$example-$1"
}

# start PROGRAM ARGS...: address is then where it listens
start() {
	local n
	: > "$tmp/said" # here: the server may come to that later than we read
	"$@" > "$tmp/said" 2>&1 &
	server=$!
	for n in {1..300}; do
		address=$(head -n 1 "$tmp/said")
		[ -z "$address" ] || return 0
		sleep 0.1
	done
	echo "no address after $n tries"
	return 1
}

stop() {
	[ -z "$server" ] || { kill "$server" && wait "$server"; } 2> /dev/null
	server=
}

# Twenty at once, each with lines of its own, and one of a megabyte that reads last
echoes() {
	local fds=() fd n line='' rc=0
	for n in {1..20}; do
		exec {fd}<> "/dev/tcp/127.0.0.1/${address##*:}" || return
		fds+=("$fd")
	done
	for n in {1..3}; do
		for fd in "${fds[@]}"; do echo "line $n of $fd" >&"$fd"; done
		for fd in "${fds[@]}"; do
			read -r -t 60 line <&"$fd"
			[ "$line" = "line $n of $fd" ] || { echo "said line $n of $fd, heard '$line'"; rc=1; break 2; }
		done
	done
	for fd in "${fds[@]}"; do exec {fd}>&-; done
	return $rc
}

serves() { # serves PROGRAM ARGS...
	local rc=0
	start "$@" && echoes || rc=1
	kill -0 "$server" || rc=1
	stop
	return $rc
}

refuses() { # refuses STATUS PROGRAM ARGS...
	local want=$1 rc=0
	shift
	"$@" || rc=$?
	[ $rc = "$want" ] || { echo "exit status $rc, not $want"; return 1; }
}

copies() { # copies PROGRAM BYTES
	head -c "$2" /dev/urandom > "$tmp/from"
	echo "longer than what comes, perhaps" > "$tmp/to"
	"$1" "$tmp/from" "$tmp/to" && cmp "$tmp/from" "$tmp/to"
}

says() { # says TEXT PROGRAM ARGS...
	local want=$1
	shift
	"$@" > "$tmp/said" && grep -xF "$want" "$tmp/said" && return
	echo "it did not say: $want"
	cat "$tmp/said"
	return 1
}

is_short() { # is_short FILE...
	wc -l "$@" | awk '$2 != "total" { nr++ } $2 != "total" && $1 >= 60 { print $2 " has " $1 " lines"; bad = 1 }
		END { exit bad || !nr }'
}

run() {
	local bytes disks
	mapfile -t disks < <(grep -l '"ublk/' selftests/examples/*.c)
	check "the examples of disks have less than 60 lines" is_short "${disks[@]}"
	check "echo is built" hosted echo
	check "echo of one thread" serves "$example-echo" 127.0.0.1:0 1
	check "echo of four threads" serves "$example-echo" 127.0.0.1:0 4
	check "echo wants an address" refuses 2 "$example-echo" localhost 1
	check "echo_free is built" freestanding echo_free
	check "echo_free" serves "$example-echo_free" 127.0.0.1:0
	check "echo_free wants an address" refuses 2 "$example-echo_free" localhost
	check "echo_free cannot have a foreign address" refuses 1 "$example-echo_free" 192.0.2.1:7
	check "copy is built" hosted copy
	for bytes in 0 1 65536 65537 10000000; do
		check "copy of $bytes bytes" copies "$example-copy" $bytes
	done
	check "copy of what is not there" refuses 1 "$example-copy" "$tmp/nothing" "$tmp/to"
	check "inside is built" hosted inside
	check "inside tells what a disk is like" says "131072 sectors of 512 bytes" "$example-inside" ram:64M
	check "inside writes and reads" says "hello, mapped from 65536 on" "$example-inside"
	check "inside is told of a disk that is too small" refuses 1 "$example-inside" ram:64K
	check "inside is told of a target that is none" refuses 1 "$example-inside" nothing:64K
	check "later is built" hosted later
	check "later is answered by its thread" says later "$example-later"
	check "later_free is built" freestanding later_free
	check "later_free is answered by its thread" says later "$example-later_free"
}

self_test() {
	seq 59 > "$tmp/59" && seq 60 > "$tmp/60"
	caught "an example of 60 lines" '/60 has 60 lines' is_short "$tmp/59" "$tmp/60"
	check "59 lines are not too many" is_short "$tmp/59"
	start perl -e 'use IO::Socket; $| = 1; my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 30);
		print "127.0.0.1:", $s->sockport, "\n"; while (my $c = $s->accept) { push @c, $c; print $c "something else\n"; }'
	caught "an echo of something else" "heard 'something else'" echoes
	stop
	printf '#!/bin/sh\nhead -c 5 "$1" > "$2"\n' > "$tmp/short"
	chmod +x "$tmp/short"
	caught "a copy that is cut" 'differ|EOF' copies "$tmp/short" 100
	caught "a disk that says something else" 'did not say: hello' says hello echo "hello world"
}

self=
[ "${1-}" != --self-test ] || { self=y; shift; }
dir=$(cd "${1:-build}" && pwd) || exit 2
trap 'stop; rm -rf "$tmp"' EXIT
if [ -n "$self" ]; then self_test; else run; fi
finish
