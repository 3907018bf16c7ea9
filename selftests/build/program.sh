#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The file that ships: its segments and its size.
#
# usage: program.sh [--self-test] [BUILD_DIR]      READELF: of the machine's kind

. "$(dirname "$0")/lib.sh"
readelf=${READELF:-readelf}
size_limit_bytes=${SIZE_LIMIT:-65536}

segments() {
	$readelf -lW "$1" | sed -n 's/^  \([A-Z_]*\)  *0x[0-9a-f]* 0x.*0x[0-9a-f]* \([RWE ]*\) 0x[0-9a-f]*$/\1 \2/p'
}

is_wx_free() {
	segments "$1" > "$tmp/segments"
	grep -q '^LOAD R' "$tmp/segments" || { echo "no segment was found"; return 1; }
	if grep -E '^LOAD .*W.*E' "$tmp/segments"; then
		echo "a segment is writable and executable"
		return 1
	fi
}

has_plain_stack() {
	segments "$1" > "$tmp/segments"
	grep -q '^GNU_STACK' "$tmp/segments" || { echo "no GNU_STACK: the kernel makes the stack executable"; return 1; }
	if grep '^GNU_STACK .*E' "$tmp/segments"; then
		echo "the stack is executable"
		return 1
	fi
}

stands_alone() {
	if $readelf -lW "$1" | grep -E 'INTERP|interpreter'; then
		echo "an interpreter is asked for"
		return 1
	fi
	if $readelf -dW "$1" | grep -E 'NEEDED|TEXTREL'; then
		echo "it needs a library, or a relocation of its text"
		return 1
	fi
}

is_small() {
	local size
	size=$(stat -c %s "$1") || return
	echo "$size bytes, less than $size_limit_bytes are allowed"
	[ "$size" -lt "$size_limit_bytes" ]
}

is_stripped() {
	if $readelf -SW "$1" | grep -E '\.(symtab|debug|comment|note\.gnu\.build)'; then
		echo "the above is in the file that ships"
		return 1
	fi
}

knows_no_place() {
	if grep -aoF -m1 "$root/" "$1"; then
		echo "the above tells where it was built"
		return 1
	fi
}

run() {
	check "no segment is writable and executable" is_wx_free "$1/bareblk"
	check "the stack is not executable" has_plain_stack "$1/bareblk"
	check "no interpreter, no library, no text relocation" stands_alone "$1/bareblk"
	check "stripped" is_stripped "$1/bareblk"
	echo "# bareblk has $(stat -c %s "$1/bareblk") bytes"
	check "below $size_limit_bytes bytes" is_small "$1/bareblk"
	check "says nothing of the machine it was built on" knows_no_place "$1/bareblk.debug"
}

build() { echo 'void _start(void) {} char x[4] = "x";' | ${CC:-gcc} -w -x c -nostdlib -fno-stack-protector -o "$tmp/x" - "$@"; }

self_test() {
	build -static -Wl,--omagic -Wl,--no-warn-rwx-segments
	caught "a segment of all rights" 'writable and executable' is_wx_free "$tmp/x"
	build -static -Wl,-z,execstack
	caught "an executable stack" 'is executable' has_plain_stack "$tmp/x"
	build
	caught "an interpreter" 'interpreter' stands_alone "$tmp/x"
	build -shared -fPIC -Wl,--no-as-needed -lc
	caught "a library" 'NEEDED' stands_alone "$tmp/x"
	build -static -g
	caught "symbols" 'symtab' is_stripped "$tmp/x"
	build -static "-Wl,-rpath,$root" "-DX=\"$root\""
	echo "$root/x.c" >> "$tmp/x"
	caught "a path of this machine" "$root" knows_no_place "$tmp/x"
	head -c "$size_limit_bytes" /dev/zero > "$tmp/x"
	caught "a program that is too big" 'are allowed' is_small "$tmp/x"
}

self=
[ "${1-}" != --self-test ] || { self=y; shift; }
dir=${1:-$root/build}
if [ -n "$self" ]; then self_test; else run "$dir"; fi
finish
