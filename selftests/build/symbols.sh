#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the libraries want from others, and what of theirs can be written to.
#
# usage: symbols.sh [--self-test] [BUILD_DIR]      NM, READELF: of the machine's kind

. "$(dirname "$0")/lib.sh"
nm=${NM:-nm}
readelf=${READELF:-readelf}

# A library, and those below it
below() {
	case $1 in
	uapi) ;;
	ring | dm) echo uapi ;;
	ublk) echo ring uapi ;;
	ublk-targets) echo ublk ring uapi ;;
	esac
}

# Beginnings of names that are not the library's own or one of its files'
prefixes() {
	case $1 in
	uapi) echo err ;;
	ublk) echo tgt ;;
	ublk-targets) echo tgt ;;
	esac
}

# wants_only_allowed DIR LIB
wants_only_allowed() {
	local dir=$1 lib=$2 file given=()
	for file in $(below "$lib") "$lib"; do
		given+=("$dir/lib$file.a")
	done
	$nm -g --defined-only "${given[@]}" | awk 'NF == 3 { print $3 }' > "$tmp/given" || return
	$nm -g --undefined-only "$dir/lib$lib.a" | awk '$1 == "U" || $1 == "w" { print $2 }' |
		sort -u > "$tmp/wanted" || return
	printf '%s\n' memcpy memmove memset memcmp _GLOBAL_OFFSET_TABLE_ >> "$tmp/given"
	if grep -vxFf "$tmp/given" "$tmp/wanted"; then
		echo "lib$lib.a wants the above, which no library below it has"
		return 1
	fi
}

# Constants with addresses in them (.data.rel.ro) are written to by a loader only.
has_no_state() {
	$readelf -SW "$1" > "$tmp/sections" || return
	if sed -n 's/^ *\[ *[0-9]*\] //p' "$tmp/sections" |
		awk '$7 ~ /W/ && $5 !~ /^0+$/ && $1 !~ /^\.data\.rel\.ro/ { print; bad = 1 } END { exit !bad }'; then
		echo "${1##*/} has the above, which a program may write to"
		return 1
	fi
	if $nm "$1" | grep ' [Cc] '; then
		echo "${1##*/} has common symbols"
		return 1
	fi
}

# names_are_ours DIR LIB: all begin with the library's name or that of one of its files
names_are_ours() {
	local dir=$1 lib=$2 members allowed
	members=$($nm -g --defined-only "$dir/lib$lib.a" | sed -n 's/\.o:$//p')
	allowed=$(printf '%s\n' "$members" "${lib%-targets}" "$(prefixes "$lib" | tr ' ' '\n')" | sed '/^$/d' | paste -sd'|')
	if $nm -g --defined-only "$dir/lib$lib.a" | awk 'NF == 3 { print $3 }' | grep -vE "^($allowed)_"; then
		echo "lib$lib.a defines the above, which begin with neither $allowed"
		return 1
	fi
}

run() {
	local lib
	for lib in uapi ring ublk ublk-targets dm; do
		check "lib$lib.a wants nothing but mem* and the libraries below it" wants_only_allowed "$1" "$lib"
		check "lib$lib.a has no writable data" has_no_state "$1/lib$lib.a"
		check "lib$lib.a keeps to its names" names_are_ours "$1" "$lib"
	done
}

# fault CODE: a libdm.a with more in it
fault() {
	echo "$1" | ${CC:-gcc} -ffreestanding -fno-stack-protector -fcommon -O1 -w -x c -c -o "$tmp/dm_more.o" - &&
		cp "$dir/libdm.a" "$tmp/libdm.a" && ar rcs "$tmp/libdm.a" "$tmp/dm_more.o"
}

self_test() {
	cp "$dir"/*.a "$tmp/"
	fault 'int printf(const char *, ...); int dm_x(void) { return printf("x"); }'
	caught "a call of libc" '^printf$' wants_only_allowed "$tmp" dm
	fault 'int ring_init(void); int dm_x(void) { return ring_init(); }'
	caught "dm calls ring" '^ring_init$' wants_only_allowed "$tmp" dm
	fault 'static int n; int dm_x(void) { return n++; }'
	caught "a counter in .bss" '\.bss' has_no_state "$tmp/libdm.a"
	fault 'int dm_n = 1;'
	caught "a global in .data" '\.data' has_no_state "$tmp/libdm.a"
	fault 'static __thread int n; int dm_x(void) { return n++; }'
	caught "a thread's variable" '\.tbss' has_no_state "$tmp/libdm.a"
	fault 'int dm_n;'
	caught "a common symbol" 'dm_n' has_no_state "$tmp/libdm.a"
	fault 'int parse(void) { return 0; }'
	caught "a name that is not dm's" '^parse$' names_are_ours "$tmp" dm
}

self=
[ "${1-}" != --self-test ] || { self=y; shift; }
dir=${1:-$root/build}
if [ -n "$self" ]; then self_test; else run "$dir"; fi
finish
