#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A build after a build makes again what has to be made again, and no more.
#
# usage: track.sh [--self-test]

. "$(dirname "$0")/lib.sh"

build() { make "$@" all > "$tmp/log" 2>&1 || { cat "$tmp/log"; return 1; }; }
made() { sed -n 's/^  [A-Z]*  *\([^ ]*\)$/\1/p' "$tmp/log"; }

makes_nothing() {
	build "$@" || return
	[ -z "$(made)" ] || { echo "made without a reason:"; made; return 1; }
}

# makes EXPRESSION: what is made again, and something is; leaves EXPRESSION: what is not
makes() {
	grep -Eq -- "$1" <<<"$(made)" || { echo "nothing of $1 was made, only:"; made; return 1; }
}
leaves() {
	if made | grep -E "$1"; then
		echo "was made without a reason"
		return 1
	fi
}

# A time stamp of the same tick does not count as newer.
change() { sleep 0.1 && echo "$2" >> "$1"; }

header_of_all() {
	change uapi/types.h '/* changed */' && build && makes 'ring/setup\.c' && makes 'dm/control\.c' && makes 'bareblk$'
}
header_of_some() {
	change ring/ring.h '/* changed */' && build && makes 'ring/setup\.c' && leaves '^(dm|uapi)/'
}
header_gone() {
	touch ring/gone.h && change ring/setup.c '#include "ring/gone.h"' && build || return
	sleep 0.1 && sed -i '$d' ring/setup.c && rm ring/gone.h && build && makes 'ring/setup\.c'
}
flags_changed() {
	build CFLAGS_EXTRA=-DOTHER=1 && makes 'ring/setup\.c' && makes 'tools/main\.c' && build
}
file_came() {
	printf 'int dm_more(void);\nint dm_more(void) { return 0; }\n' > dm/more.c
	build && makes 'libdm\.a' && leaves '^(ring|ublk)/' && grep -q more.o <<<"$(ar t build/libdm.a)"
}
file_went() {
	rm dm/more.c && build && makes 'libdm\.a' && ! ar t build/libdm.a | grep more.o
}

copy_tree "$tmp/tree" && cd "$tmp/tree" || exit 2

run() {
	check "builds from nothing" build
	check "builds nothing when nothing has changed" makes_nothing
	check "a header that all include is tracked" header_of_all
	check "a header that some include makes only these again" header_of_some
	check "a header that is gone does no harm" header_gone
	check "other flags build everything again" flags_changed
	check "a new file comes into its library" file_came
	check "a file that is gone leaves its library" file_went
	check "builds nothing when nothing has changed, after all that" makes_nothing
}

self_test() {
	sed -i 's/-MD -MP//; s|^\(\$(O)/.*%.o: %.c\) \$(O)/.flags|\1|; s|^\(\$(LIBS):\).*|\1|' Makefile
	build
	caught "headers that are not tracked" 'nothing of' header_of_all
	caught "flags that are not tracked" 'nothing of' flags_changed
	file_came > /dev/null 2>&1
	caught "a file that is gone and still there" 'nothing of|more.o' file_went
	sed -i 's|^all:|all: FORCE2|' Makefile && printf 'FORCE2:\n\t@printf "  CC    dm/control.c\\n"\n' >> Makefile
	caught "a build without a reason" 'without a reason' makes_nothing
}

if [ "${1-}" = --self-test ]; then self_test; else run; fi
finish
