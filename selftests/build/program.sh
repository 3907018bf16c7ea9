#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The file that ships, its segments and its size; and the size of ring/.
#
# usage: program.sh [--self-test] [BUILD_DIR]      READELF: of the machine's kind

. "$(dirname "$0")/lib.sh"
readelf=${READELF:-readelf}
size_limit_bytes=${SIZE_LIMIT:-299008}

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

# What an embedder links who wants rings and nothing else; what stands on that, a
# file each; and what only words are for.
ring_core="setup queue special wait mixed mem resize register register_misc register_rsrc buf_ring"
ring_optional="op file files batch guard fanout trace listen conn eventfd"
ring_words="names text probe"
ring_core_limit_bytes=${RING_CORE_LIMIT:-6144}
ring_optional_limit_bytes=${RING_OPTIONAL_LIMIT:-8192}

# text_of ARCHIVE OBJECT...: the sum of their text, constants included
text_of() {
	${SIZE:-size} "$1" | awk -v wanted="${*:2}" '
		BEGIN { nr = split(wanted, names, " "); for (i in names) want[names[i] ".o"] = 1 }
		$6 in want { sum += $1; seen++ }
		END { if (seen != nr) { print "not all are there" > "/dev/stderr"; exit 1 } print sum }'
}

ring_is_small() { # ring_is_small ARCHIVE LIMIT OBJECT...
	local bytes
	bytes=$(text_of "$1" "${@:3}") || return
	echo "$bytes bytes, $2 are allowed"
	[ "$bytes" -le "$2" ]
}

ring_is_counted() {
	local object
	for object in $(${AR:-ar} t "$1"); do
		case " $ring_core $ring_optional $ring_words " in
		*" ${object%.o} "*) ;;
		*) echo "$object is in no list of what is measured"; return 1 ;;
		esac
	done
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
	check "libring.a: every object is measured" ring_is_counted "$1/libring.a"
	# shellcheck disable=SC2086
	check "libring.a: the core has at most $ring_core_limit_bytes bytes" \
		ring_is_small "$1/libring.a" "$ring_core_limit_bytes" $ring_core
	# shellcheck disable=SC2086
	check "libring.a: what is optional has at most $ring_optional_limit_bytes bytes" \
		ring_is_small "$1/libring.a" "$ring_optional_limit_bytes" $ring_optional
	check "says nothing of the machine it was built on" knows_no_place "$1/bareblk.debug"
}

build() { echo 'void _start(void) {} char x[4] = "x";' | ${CC:-gcc} -w -x c -nostdlib -fno-stack-protector -o "$tmp/x" - "$@"; }

ring_faults() {
	echo 'int f(void) { return 1; }' | ${CC:-gcc} -x c -c -o "$tmp/more.o" - &&
		cp "$1/libring.a" "$tmp/x.a" && ${AR:-ar} r "$tmp/x.a" "$tmp/more.o" || return
	caught "an object that nobody has listed" 'more.o is in no list' ring_is_counted "$tmp/x.a"
	# shellcheck disable=SC2086
	caught "a core that is too large" 'are allowed' ring_is_small "$1/libring.a" 4000 $ring_core
	caught "an object that is not there" 'not all are there' ring_is_small "$1/libring.a" 4000 setup none
}

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
	ring_faults "$1"
	head -c "$size_limit_bytes" /dev/zero > "$tmp/x"
	caught "a program that is too big" 'are allowed' is_small "$tmp/x"
}

self=
[ "${1-}" != --self-test ] || { self=y; shift; }
dir=${1:-$root/build}
if [ -n "$self" ]; then self_test "$dir"; else run "$dir"; fi
finish
