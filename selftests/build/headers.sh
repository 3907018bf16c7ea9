#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Every header compiles alone and twice, as this repository compiles it.
#
# usage: headers.sh [--self-test]      CC=clang, ARCH=, CROSS_COMPILE= as for make

. "$(dirname "$0")/lib.sh"
# Tables to include inside of something: as they are for nobody
tables="ublk/targets/list.h tools/cmds.h selftests/suites.h"

compile_twice() {
	printf '#include "%s"\n#include "%s"\n' "$1" "$1" |
		eval "$cc $flags -fsyntax-only -Werror -x c -"
}

# The entry of each table is a macro of its own: it must compile as nothing.
table_compiles() {
	local rows
	rows=$(sed -n 's/^\([A-Z_]*\)(.*/#define \1(...)/p' "$1" | sort -u)
	[ -n "$rows" ] || { echo "$1 has no rows"; return 1; }
	printf '%s\n#include "%s"\n#include "%s"\n' "$rows" "$1" "$1" |
		eval "$cc $flags -fsyntax-only -x c -"
}

run() {
	local header arch
	arch=$(make -s print-ARCH)
	cc=$(make -s print-CC)
	flags=$(make -s print-FREE_FLAGS)
	for header in $(find uapi ring ublk dm tools selftests/harness -name '*.h' | sort) $tables; do
		case " $tables " in *" $header "*) continue ;; esac
		case $header in
		uapi/arch/"$arch".h) ;;
		uapi/arch/*) continue ;;
		ublk/pthreads.h) continue ;; # of hosted programs; install.sh compiles it
		esac
		check "$header alone and twice" compile_twice "$header"
	done
	for header in $tables; do
		[ ! -f "$header" ] || check "$header has rows that compile" table_compiles "$header"
	done
}

self_test() {
	cc=$(make -s print-CC)
	flags=$(make -s print-FREE_FLAGS)
	copy_tree "$tmp/tree" && cd "$tmp/tree" || exit 2
	echo 'struct no_guard { int x; };' > ring/a.h
	caught "no include guard" 'redefinition' compile_twice ring/a.h
	echo 'void use(u64 x);' > ring/b.h
	caught "a type from nowhere" 'u64' compile_twice ring/b.h
}

cd "$root" || exit 2
if [ "${1-}" = --self-test ]; then self_test; else run; fi
finish
