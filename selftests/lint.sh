#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Programs that read code: gcc's analyzer, clang-tidy, cppcheck, shellcheck. A
# message fails, unless selftests/lint.allow has it. KTAP.
#
# usage: lint.sh [short] [--self-test]      short: without clang-tidy on the tests

. "$(dirname "$0")/build/lib.sh"
cd "$root" || exit 2

complaints() { # complaints < messages: the lines that say something, without those allowed
	local patterns=$tmp/allowed
	sed -n 's/^\([^#|]*[^ |]\) *|.*/\1/p' "${allow:-selftests/lint.allow}" > "$patterns"
	sed -e "s|$root/||g" -e "s/[‘’]/'/g" | grep -E '^[^ ]*:[0-9]+:.*(warning|error|note|style|portability)' |
		grep -v ' note: ' | sed -E 's/:[0-9]+:[0-9]+:/:/' | sort -u | without "$patterns"
}

# without FILE: lines with none of the file's texts: each word of a pattern, in this order
without() {
	awk -v file="$1" '
		BEGIN { while ((getline line < file) > 0) pattern[++n] = line }
		{
			for (i = 1; i <= n; i++) {
				at = index(pattern[i], ": ")
				if (index($0, substr(pattern[i], 1, at - 1)) && index($0, substr(pattern[i], at + 2)))
					next
			}
			print
		}'
}

# clean CMD...: says nothing that is not allowed, and works at all
clean() {
	"$@" > "$tmp/said" 2>&1 < /dev/null
	if grep -aE 'command not found|Cannot find|unknown (argument|warning)|fatal error' "$tmp/said"; then
		return 1
	fi
	if complaints < "$tmp/said" | grep .; then
		sed 's/^/    /' "$tmp/said" | head -n 60
		return 1
	fi
}

sources() { make -s print-SRC | tr ' ' '\n' | grep '\.c$'; }
tests() { sources | grep '^selftests/'; }
freestanding() { sources | grep -v '^selftests/'; }
flags() { make -s "CC=$1" print-FREE_FLAGS | sed 's/-I\. /-Iselftests\/lint -I. /'; }

each_file() { # each_file COMMAND...: on each source, as many at a time as there are processors
	xargs -P"${JOBS:-$(nproc)}" -n1 "$@" 2>&1
}

gcc_analyzer() {
	freestanding | each_file sh -c "gcc $(flags gcc) -O1 -fanalyzer -c -o /dev/null \"\$1\"" sh
}

clang_tidy() { # clang_tidy FUNCTION: what that one lists
	"$1" | each_file sh -c "clang-tidy --quiet \"\$1\" -- $(flags clang)" sh
}

cpp_check() {
	# shellcheck disable=SC2046
	cppcheck --quiet --enable=warning --inline-suppr --std=c11 --platform=unix64 -I. \
		--suppress=missingInclude --template='{file}:{line}:{column}: {severity}: {message} [{id}]' \
		-D__x86_64__ -D__SIZEOF_POINTER__=8 -D__BYTE_ORDER__=1234 -D__ORDER_LITTLE_ENDIAN__=1234 \
		-U__riscv -U__aarch64__ $(sources)
}

scripts() { find . -path ./build -prune -o -path ./.git -prune -o -type f -print | grep -E '\.sh$|^\./\.ci/|/vm/init$'; }

shell_check() {
	# shellcheck disable=SC2046
	shellcheck -x -P SCRIPTDIR -f gcc -S warning $(scripts)
}

run() {
	check "shellcheck" clean shell_check
	check "gcc -fanalyzer" clean gcc_analyzer
	check "cppcheck" clean cpp_check
	check "clang-tidy, the program and the libraries" clean clang_tidy freestanding
	[ -n "$short" ] || check "clang-tidy, the tests" clean clang_tidy tests
}

self_test() {
	local dir=$tmp/tree
	copy_tree "$dir" && cd "$dir" && root=$dir || exit 2
	cat > dm/fault.c <<-'END'
		#include "uapi/sys.h"
		int dm_fault(int *p, int n);
		int dm_fault(int *p, int n)
		{
			int *q = n ? p : NULL;
			int a[4] = { 0 };

			return *q + a[n ? 4 : 0] + (n ? 1 : 1 / n);
		}
	END
	sources() { echo dm/fault.c; }
	caught "a null pointer, by gcc" 'fault.c.*NULL' clean gcc_analyzer
	caught "a null pointer, by clang-tidy" 'fault.c.*null' clean clang_tidy sources
	caught "an index out of bounds, by cppcheck" 'fault.c.*(index 4|out of bounds)' clean cpp_check
	printf '#!/bin/sh\ncd $1\nrm -rf "$x/"*\n' > fault.sh
	caught "a fault of a script" 'fault.sh.*SC' clean shell_check
}

short='' self=''
for word; do
	case $word in
	short) short=y ;;
	all) ;;
	--self-test) self=y ;;
	*) echo "usage: $0 [short] [--self-test]" >&2; exit 2 ;;
	esac
done
if [ -n "$self" ]; then self_test; else run; fi
finish
