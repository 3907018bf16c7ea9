#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What `make help` lists is there, and what is there is listed.
#
# usage: help.sh [--self-test]

. "$(dirname "$0")/lib.sh"

listed() { make help | sed -n 's/^  \([a-z][a-z0-9_-]*\) .*/\1/p'; }
phony() { sed -n 's/^\.PHONY: *//p' Makefile | tr ' ' '\n' | grep -v '^FORCE$'; }

listed_ones_exist() {
	local target
	[ -n "$(listed)" ] || return
	for target in $(listed); do
		make -n "$target" > "$tmp/dry" 2>&1 || { cat "$tmp/dry"; return 1; }
	done
}

all_are_listed() {
	listed | sort > "$tmp/listed"
	if phony | grep -vxFf "$tmp/listed"; then
		echo "the above have no note in \`make help\`"
		return 1
	fi
}

run() {
	check "every target that is listed exists" listed_ones_exist
	check "every target is listed" all_are_listed
}

self_test() {
	copy_tree "$tmp/tree" && cd "$tmp/tree" || exit 2
	sed -i -E 's/^(size:.*) ##.*/\1/' Makefile
	caught "a target without a note" '^size$' all_are_listed
	printf 'ghost: nothing/there ## nothing\n' >> Makefile
	caught "a target that cannot be made" 'nothing/there' listed_ones_exist
}

cd "$root" || exit 2
if [ "${1-}" = --self-test ]; then self_test; else run; fi
finish
