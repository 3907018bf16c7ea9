#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the documents say is so: the man pages name the program's verbs, options
# and targets, all of them and no others; that of the ring library has the
# functions and the files of its headers; the examples of README and man page are
# those that are built and run; every make target and file that the README names
# exists.
#
# usage: docs.sh [--self-test]

# shellcheck disable=SC2154,SC2013,SC2016 # tmp is of lib.sh; words are wanted; quotes too
. "$(dirname "$0")/lib.sh"

bareblk=${BAREBLK:-$root/build/bareblk}

# "ublk add", ... from the rows themselves
verbs() { "$bareblk" --help | sed -n 's/^  \([a-z]* [a-z_-]*\)  *[a-z].*/\1/p'; }

options_in_help() {
	local noun verb
	verbs | while read -r noun verb; do
		"$bareblk" "$noun" "$verb" --help
	done | grep -oE '^ +(-[a-zA-Z], )? *--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u
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

# an example as it is shown: without the lines that say what it is
shown() { sed '/^\/\*.*\*\/$/d' "selftests/examples/$1.c"; }

readme_examples_are_built() {
	sed -n '/^```c$/,/^```$/p' README.md | sed '/^```/d' > "$tmp/readme.c"
	{ shown head && shown disk && shown inside; } > "$tmp/examples.c"
	diff "$tmp/examples.c" "$tmp/readme.c"
}

man_example_is_built() {
	sed -n '/^\.EX$/,/^\.EE$/p' man/bareblk-ring.3 | sed -e '/^\.E[XE]$/d' -e 's/\\-/-/g' -e 's/\\e/\\/g' > "$tmp/man.c"
	shown head | diff - "$tmp/man.c"
}

ring_headers() { find ring -name '*.h' ! -name internal.h | sort; }

# A line that is missing there is shown as it would be
man_has_the_functions() {
	# shellcheck disable=SC2046 # a list of words
	selftests/build/functions.py ring_ $(ring_headers) > "$tmp/functions" || return
	cut -f 2 "$tmp/functions" | sort > "$tmp/headers"
	sed -n "s/^\\.B \\(ring_.*(.*)\\)\$/\\1/p" man/bareblk-ring.3 | sed 's/\\-/-/g' | sort > "$tmp/man"
	[ -s "$tmp/headers" ] && diff "$tmp/headers" "$tmp/man" && return
	while IFS=$'\t' read -r header call words; do
		grep -qxF "$call" "$tmp/man" ||
			printf 'man/bareblk-ring.3 lacks, below .SS %s:\n.TP\n.B %s\n%s.\n' "$header" "$call" "${words//-/\\-}"
	done < "$tmp/functions"
	return 1
}

man_has_the_files() {
	ring_headers | grep -vx ring/prep.h > "$tmp/headers" # which has no function of its own
	sed -n 's/^\.SS \(ring\/[a-z_.]*\) .*/\1/p' man/bareblk-ring.3 | sort > "$tmp/man"
	[ -s "$tmp/headers" ] && diff "$tmp/headers" "$tmp/man"
}

# What the README says of dmsetup's verbs, against the program's
readme_has_the_dm_verbs() {
	local verb missing=0
	for verb in $(verbs | sed -n 's/^dm //p'); do
		grep -qE "^\| [^|]*\`${verb}[ \`]" README.md || { echo "README: dm $verb"; missing=1; }
	done
	return $missing
}

# A difference from dmsetup has a name, in the README's table and in the test that
# fails when it is none any more
differences_are_tested() {
	sed -n '/^### Where it differs/,/^##/s/^| `\([a-z-]*\)` .*/\1/p' README.md | sort > "$tmp/readme"
	grep -hoE '(^\s*differs|# difference:) [a-z-]+' selftests/dm/guest/*.sh | sed 's/.* //' | grep -v '^the-oracle$' | sort -u > "$tmp/tests"
	[ -s "$tmp/readme" ] && diff "$tmp/readme" "$tmp/tests"
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
	check "the README's examples are those that are built" readme_examples_are_built
	check "so is that of the man page" man_example_is_built
	check "the functions of the ring library are in its man page, as the headers have them" man_has_the_functions
	check "so are its files" man_has_the_files
	check "the README has every verb of dm" readme_has_the_dm_verbs
	check "each difference from dmsetup in the README is tested, and each tested one is there" differences_are_tested
	check "make targets that the README names exist" readme_targets_exist
	check "files that the README names exist" readme_files_exist
}

self_test() {
	copy_tree "$tmp/tree" && cd "$tmp/tree" || exit 2
	sed -i 's/\\-\\-depth/\\-\\-width/' man/bareblk-ublk.8
	caught "an option that is not there" width options_agree
	sed -i 's/features/features2/' man/*.8
	caught "a verb without a man page" 'ublk features' verbs_are_in_the_man_pages
	sed -i 's/^| `node-form` /| `node-shape` /' README.md
	caught "a difference without a test" 'node-shape' differences_are_tested
	sed -i 's/`setgeometry`/geometry/' README.md
	caught "a verb that the README forgets" 'dm setgeometry' readme_has_the_dm_verbs
	echo 'TARGET(zram)' >> ublk/targets/list.h
	caught "a target that nobody explains" 'man: zram' targets_are_documented
	sed -i '/^\.B 7$/d' man/bareblk.8
	caught "an exit code without a word" '7' exit_codes_agree
	sed -i 's/64 << 20/65 << 20/' README.md
	caught "an example that differs" '65 << 20' readme_examples_are_built
	sed -i 's/IOSQE_IO_HARDLINK/IOSQE_IO_LINK/' man/bareblk-ring.3
	caught "an example of the man page that differs" 'IOSQE_IO_HARDLINK' man_example_is_built
	sed -i 's/^NODISCARD int ring_submit(struct ring \*r)/NODISCARD int ring_submit(struct ring *ring)/' ring/ring.h
	caught "an argument of another name" 'ring_submit\(ring\)' man_has_the_functions
	echo 'int ring_new(const void *a, u32 (*fn)(int b), s32 *c[2]);' >> ring/wait.h
	caught "a function that the man page lacks" '^\.B ring_new\(a, fn, c\)' man_has_the_functions
	echo > ring/new.h
	caught "a file that it lacks" 'ring/new.h' man_has_the_files
	echo 'or `make money`' >> README.md
	caught "a make target that is not there" 'make money' readme_targets_exist
	echo 'see selftests/nothing.c' >> README.md
	caught "a file that is not there" 'selftests/nothing.c' readme_files_exist
}

cd "$root" || exit 2
[ -x "$bareblk" ] || { echo "Bail out! $bareblk is not built"; exit 2; }
if [ "${1-}" = --self-test ]; then self_test; else run; fi
finish
