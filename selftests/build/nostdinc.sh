#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The build needs no header but its own, the compiler's and those of a
# linux-libc-dev, unpacked by itself: -nostdinc says so, and the records of
# what was read prove it.
#
# usage: nostdinc.sh [--self-test] HEADERS_DIR      CC=clang

. "$(dirname "$0")/lib.sh"
self=
[ "${1-}" != --self-test ] || { self=y; shift; }
headers=${1:?usage: nostdinc.sh [--self-test] HEADERS_DIR}
cd "$root" || exit 2
own=$(${CC:-gcc} -print-file-name=include)

read_nothing_else() { # read_nothing_else BUILD_DIR
	local files
	files=$(find "$1" -name '*.d' -exec cat {} + | tr -s ' \\\n' '\n' | grep '\.h:*$' | sed 's/:$//' | sort -u)
	grep -qF "$headers/linux/" <<< "$files" || { echo "no header of $headers was read"; return 1; }
	if awk -v a="$headers/" -v b="$own/" 'index($0, a) != 1 && index($0, b) != 1' <<< "$files" |
		grep -vE "^(uapi|ring|ublk|dm|tools|selftests)/"; then
		echo "the above were read"
		return 1
	fi
}

if [ -z "$self" ]; then
	check "builds with -nostdinc" quietly make -s O="$tmp/o" WERROR=1 UAPI_HEADERS="$headers" all selftests
	check "has read its own headers, the compiler's and the kernel's" read_nothing_else "$tmp/o"
else
	mkdir -p "$tmp/o"
	printf 'x.o: x.c ring/ring.h \\\n %s/linux/types.h \\\n /usr/include/time.h\n' "$headers" > "$tmp/o/x.d"
	caught "a header of libc" '^/usr/include/time.h$' read_nothing_else "$tmp/o"
	caught "a source that wants one" 'time.h' make -s O="$tmp/o" UAPI_HEADERS="$headers" "CFLAGS_EXTRA=-include time.h" all
fi
finish
