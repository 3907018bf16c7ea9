#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the documents say is so: the man pages name the program's verbs, options
# and targets, all of them and no others; the README's example is the one that
# is built and run; every make target and file that the README names exists.
#
# usage: docs.sh [--self-test]

# shellcheck disable=SC2154,SC2013,SC2016 # tmp is of lib.sh; words are wanted; quotes too
. "$(dirname "$0")/lib.sh"

bareblk=${BAREBLK:-$root/build/bareblk}

# "ublk add", ... from the rows themselves
verbs() { "$bareblk" --help | sed -n 's/^  \([a-z]* [a-z]*\)  *[a-z].*/\1/p'; }

options_in_help() {
	local noun verb
	verbs | while read -r noun verb; do
		"$bareblk" "$noun" "$verb" --help
	done | grep -oE '^ +(-[a-z], )? *--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u
}

options_in_man() {
	sed 's/\\-/-/g' man/*.8 | grep -oE -- '--[a-z]+[a-z-]*' | grep -vE '^--(help|version)$' | sort -u
}

options_agree() {
	options_in_help > "$tmp/help"
	options_in_man > "$tmp/man"
	[ -s "$tmp/help" ] && diff "$tmp/help" "$tmp/man"
}

verbs_are_in_the_man_pages() {
	local verb missing=0
	[ -n "$(verbs)" ] || return 1
	while read -r verb; do
		grep -qE "^\.BI? \"?bareblk $verb\\b" man/*.8 || { echo "$verb"; missing=1; }
	done < <(verbs)
	return $missing
}

targets_are_documented() {
	local target missing=0
	for target in $(sed -n 's/^TARGET(\(.*\))$/\1/p' ublk/targets/list.h); do
		grep -q "^\.B $target:" man/bareblk-ublk.8 || { echo "man: $target"; missing=1; }
		grep -q "^| \`$target:" README.md || { echo "README: $target"; missing=1; }
	done
	return $missing
}

exit_codes_agree() {
	sed -n 's/^\tEXIT_[A-Z_]* = \([0-9]*\),.*/\1/p' tools/exit.h | sort > "$tmp/codes"
	sed -n '/^\.SH EXIT STATUS/,/^\.PP/p' man/bareblk.8 | sed -n 's/^\.B \([0-9]*\)$/\1/p' |
		sort > "$tmp/man"
	[ -s "$tmp/codes" ] && diff "$tmp/codes" "$tmp/man"
}

readme_example_is_built() {
	sed -n '/^```c$/,/^```$/p' README.md | sed '/^```/d' > "$tmp/readme.c"
	sed '/^\/\*.*\*\/$/d' selftests/examples/disk.c > "$tmp/disk.c"
	diff "$tmp/disk.c" "$tmp/readme.c"
}

readme_targets_exist() {
	local target
	for target in $(grep -oE '(`|^ +)make [a-z][a-z-]*' README.md | sed 's/.*make //' | sort -u); do
		grep -qE "^$target:" Makefile || { echo "make $target"; return 1; }
	done
}

readme_files_exist() {
	local file missing=0
	for file in $(grep -oE '(selftests|ring|ublk|dm|uapi|tools)/[a-z_/-]*(\.[a-z]+)?' README.md | sort -u); do
		[ -e "$file" ] || { echo "$file"; missing=1; }
	done
	return $missing
}

run() {
	check "help and man pages have the same options" options_agree
	check "every verb is in a man page" verbs_are_in_the_man_pages
	check "every target is in the man page and the README" targets_are_documented
	check "exit codes are those of the man page" exit_codes_agree
	check "the README's example is the one that is built" readme_example_is_built
	check "make targets that the README names exist" readme_targets_exist
	check "files that the README names exist" readme_files_exist
}

self_test() {
	copy_tree "$tmp/tree" && cd "$tmp/tree" || exit 2
	sed -i 's/\\-\\-depth/\\-\\-width/' man/bareblk-ublk.8
	caught "an option that is not there" width options_agree
	sed -i 's/features/features2/' man/*.8
	caught "a verb without a man page" 'ublk features' verbs_are_in_the_man_pages
	echo 'TARGET(zram)' >> ublk/targets/list.h
	caught "a target that nobody explains" 'man: zram' targets_are_documented
	sed -i '/^\.B 7$/d' man/bareblk.8
	caught "an exit code without a word" '7' exit_codes_agree
	sed -i 's/64 << 20/65 << 20/' README.md
	caught "an example that differs" '65 << 20' readme_example_is_built
	echo 'or `make money`' >> README.md
	caught "a make target that is not there" 'make money' readme_targets_exist
	echo 'see selftests/nothing.c' >> README.md
	caught "a file that is not there" 'selftests/nothing.c' readme_files_exist
}

cd "$root" || exit 2
[ -x "$bareblk" ] || { echo "Bail out! $bareblk is not built"; exit 2; }
if [ "${1-}" = --self-test ]; then self_test; else run; fi
finish
