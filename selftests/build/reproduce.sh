#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Two builds in different directories give the same bytes.
#
# usage: reproduce.sh [--self-test]      CC=clang

. "$(dirname "$0")/lib.sh"

same_bytes() { # same_bytes DIR DIR
	local file bad=0
	[ -s "$1/bareblk" ] || { echo "nothing was built in $1"; return 1; }
	for file in "$1"/*.a "$1"/bareblk "$1"/bareblk.debug; do
		if ! cmp "$file" "$2/${file##*/}"; then
			cmp -l "$file" "$2/${file##*/}" 2>/dev/null | wc -l
			bad=1
		fi
	done
	return $bad
}

here=$tmp/here
there=$tmp/some/other/place/with-a-longer-name
copy_tree "$here" && copy_tree "$there" || exit 2

run() {
	check "builds in one place" quietly make -s -C "$here" all
	check "builds in another, into a directory outside, in another order" \
		quietly make -s -j2 -C "$there" O="$tmp/out" all
	check "both gave the same bytes" same_bytes "$here/build" "$tmp/out"
}

# With paths in the debugger's part, and with a clock in the program's
self_test() {
	sed -i 's/-ffile-prefix-map=[^ ]*//' "$here/Makefile" "$there/Makefile"
	quietly make -s -C "$here" all && quietly make -s -C "$there" all
	caught "a path in the libraries" 'differ' same_bytes "$here/build" "$there/build"
	cp -r "$here/build" "$tmp/once"
	sed -i 's/rcsD/rcsU/' "$here/Makefile"
	touch -d '2001-01-01' "$here"/build/dm/*.o
	rm "$here/build/libdm.a" && make -s -C "$here" -o build/dm/control.o all
	caught "a date in an archive" 'libdm.a' same_bytes "$here/build" "$tmp/once"
}

if [ "${1-}" = --self-test ]; then self_test; else run; fi
finish
