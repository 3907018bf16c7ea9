#!/bin/bash
# SPDX-License-Identifier: MIT
#
# How the files read: licence, width, ends of lines.
#
# usage: text.sh [--self-test]

. "$(dirname "$0")/lib.sh"

files() { find . \( -path ./build -o -path ./.git \) -prune -o -type f -print | sed 's|^\./||' | sort; }
sources() { files | grep -E '\.([chS]|sh|py|awk)$|(^|/)Makefile$|^\.ci/'; }

licensed() {
	local file bad=0
	for file in $(sources); do
		grep -q 'SPDX-License-Identifier: MIT' < <(head -n 3 "$file") || { echo "$file"; bad=1; }
	done
	[ $bad = 0 ] || echo "the above do not say SPDX-License-Identifier: MIT at the top"
	return $bad
}

# A tab is 8 columns; strings that a user sees are never split, so they may be longer.
narrow() {
	local file bad=0
	for file in $(sources | grep '\.[ch]$'); do
		expand "$file" | awk -v f="$file" 'length > 100 && !/"[^"]*"[^"]*$/ { print f ":" NR ": " length " columns"; bad = 1 } END { exit bad }' || bad=1
	done
	return $bad
}

tidy_ends() {
	# shellcheck disable=SC2046
	if grep -nE '[[:blank:]]+$' $(sources) /dev/null; then
		echo "blanks at the end of lines"
		return 1
	fi
	local file bad=0
	for file in $(sources); do
		[ -z "$(tail -c 1 "$file")" ] || { echo "$file does not end with a newline"; bad=1; }
	done
	return $bad
}

scripts_run() {
	local file bad=0
	for file in $(files | grep -E '\.sh$'); do
		if grep -q '^#!' < <(head -n 1 "$file") && [ ! -x "$file" ]; then
			echo "$file cannot be executed"
			bad=1
		fi
	done
	return $bad
}

# Under pipefail, what writes to a grep that has found it already dies of SIGPIPE, now
# and then, and takes the pipeline with it.
no_early_end() {
	local file bad=0
	for file in $(sources | grep '\.sh$'); do
		grep -q 'bash' < <(head -n 3 "$file") || continue
		! grep -nE '\| *grep +-[A-Za-z]*q' "$file" /dev/null || bad=1
	done
	[ $bad = 0 ] || echo "a pipe into grep -q; let it read < <(...)"
	return $bad
}

run() {
	check "every source names its licence" licensed
	check "no line of C is wider than 100 columns" narrow
	check "no blanks at ends, newlines at the end" tidy_ends
	check "scripts can be executed" scripts_run
	check "no pipe ends at grep -q" no_early_end
}

self_test() {
	mkdir "$tmp/tree" && cd "$tmp/tree" || exit 2
	echo 'int x;' > a.c
	caught "no licence" '^a.c$' licensed
	printf '/* %0120d */\n' 1 > b.c
	caught "a wide line" '^b.c:1: 126 columns' narrow
	printf 'x \n' > c.h
	caught "a blank at the end" '^c.h:1:' tidy_ends
	printf 'x' > c.h
	caught "no newline at the end" '^c.h does not' tidy_ends
	echo '#!/bin/sh' > d.sh
	caught "a script that cannot be executed" '^d.sh' scripts_run
	printf '#!/bin/bash\nls | %s -qx d\n' grep > d.sh
	caught "a pipe into grep -q" '^d.sh:2:' no_early_end
}

cd "$root" || exit 2
if [ "${1-}" = --self-test ]; then self_test; else run; fi
finish
