#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What `bareblk target` says: list and help have every target and every parameter of
# the tables, map shows where a target has data, and a spec that is none is refused
# with the place where it goes wrong.
#
# usage: target.sh [--self-test] [BUILD_DIR]

# shellcheck disable=SC2154 # tmp is of lib.sh
. "$(dirname "$0")/lib.sh"

targets() { sed -n 's/^TARGET(\(.*\))$/\1/p' ublk/targets/list.h; }

# Names of parameters, as the sources give them to OPT_TEXT()
params() { # params TARGET
	grep -ohE 'OPT_TEXT\("[a-z_]+"' "ublk/targets/$1.c" | sed 's/.*"\(.*\)"/\1/' | sort -u
}

lists_all() {
	local target rc=0
	[ -n "$(targets)" ] || return
	"$bareblk" target list > "$tmp/list" || return
	for target in $(targets); do
		grep -qE "^  ${target}[:?]" "$tmp/list" || { echo "target list lacks $target"; rc=1; }
	done
	return $rc
}

helps_with_all() {
	local target param rc=0
	for target in $(targets); do
		"$bareblk" target help "$target" > "$tmp/help" || return
		head -n 1 "$tmp/help" | grep "^Target: ${target}[:?]" > "$tmp/.found" || { echo "target help $target: no form"; rc=1; }
		for param in $(params "$target"); do
			grep -qE "^  $param=" "$tmp/help" || { echo "target help $target lacks $param"; rc=1; }
		done
	done
	return $rc
}

# Words of `ublk message`, as the sources compare them
words() { # words TARGET
	grep -ohE '(str_eq|parse_choice)\(word, "[^"]+"' "ublk/targets/$1_ask.c" | sed -e 's/.*(word, "//' -e 's/"//' -e 's/\\0/ /g'
}

helps_with_messages() {
	local target word rc=0
	for target in fault mirror; do
		[ "$(words $target | wc -w)" -ge 6 ] || return
		"$bareblk" target help $target > "$tmp/help" || return
		for word in $(words $target); do
			grep -qE "^Messages:.* ${word}[,=.]" "$tmp/help" || { echo "target help $target lacks $word"; rc=1; }
		done
	done
	return $rc
}

# refuses CODE TEXT ARGS...: one line on standard error that has the text
refuses() {
	local code=$1 text=$2 rc=0
	shift 2
	"$bareblk" "$@" > "$tmp/said" 2> "$tmp/why" || rc=$?
	[ $rc = "$code" ] || { echo "$*: exit code $rc, not $code"; cat "$tmp/why"; return 1; }
	[ "$(wc -l < "$tmp/why")" = 1 ] && [ ! -s "$tmp/said" ] && grep -qF -- "$text" "$tmp/why" && return
	echo "$*: not said: $text"
	cat "$tmp/why"
	return 1
}

# maps SPEC LINE...: the ranges, and nothing but those
maps() {
	local spec=$1
	shift
	"$bareblk" target map "$spec" | sed -e 1d -e 's/  */ /g' > "$tmp/said" || return
	printf '%s\n' "$@" | diff - "$tmp/said"
}

# Both forms say the same, and the spec opens the same again
forms_agree() {
	local spec=$1
	"$bareblk" target map --json "$spec" > "$tmp/json" || return
	python3 - "$tmp/json" "$2" > "$tmp/want" << 'PY' || return
import json, sys
said = json.load(open(sys.argv[1]))
assert said["spec"] == sys.argv[2], said["spec"]
at = 0
for r in said["ranges"]:
    assert r["offset_bytes"] == at, at
    at += r["len_bytes"]
    print(r["offset_bytes"], r["len_bytes"], "mapped" if r["mapped"] else "unmapped")
assert at == said["size_bytes"], at
PY
	"$bareblk" target map "$2" | sed -e 1d -e 's/  */ /g' | diff "$tmp/want" -
}

run() {
	local file="$tmp/an image,odd"
	check "target list has every target" lists_all
	check "target help has every parameter" helps_with_all
	check "and every word that a running target knows" helps_with_messages
	check "help of what is no target is refused" refuses 2 'no target is called nothing' target help nothing
	check "an empty disk has no data" maps ram:1M '0 1048576 unmapped'
	check "a disk that forgets has none" maps null:1T '0 1099511627776 unmapped'
	check "a target that cannot tell has data everywhere" maps 'integrity:[ram:1M]' '0 1048576 mapped'
	truncate -s 10M "$file"
	printf x | dd of="$file" bs=1M seek=3 conv=notrunc status=none
	check "a sparse file has what was written" maps "file:${tmp}/an%20image%2Codd?lock=0&ro=1" \
		'0 3145728 unmapped' '3145728 4096 mapped' '3149824 7335936 unmapped'
	head -c 64K /dev/zero | tr '\0' x > "$tmp/holes"
	fallocate -p -o 0 -l 4K "$tmp/holes" && fallocate -p -o 12K -l 16K "$tmp/holes"
	check "blocks that are not all hole are data" maps "file:$tmp/holes?lock=0&ro=1&lbs=8K" \
		'0 16384 mapped' '16384 8192 unmapped' '24576 40960 mapped'
	check "text and JSON agree" forms_agree "file:${tmp}/an%20image%2codd?lock=0&r%6f=1" "file:${tmp}/an%20image%2Codd?lock=0&ro=1"
	check "what stands for a child is spelled out" forms_agree 'zoned:256M?zone_size=64M' 'zoned?zone_size=64M:[ram:256M]'
	check "a target is missing" refuses 2 'TARGET is missing' target map
	check "the place of a bracket that is missing" refuses 2 '] is missing at character 18, in "integrity:[ram:1M"' target map 'integrity:[ram:1M'
	check "the place of a kind that is none" refuses 2 'no target is called rom at character 12' target map 'integrity:[rom:1M]'
	check "the place of what is too much" refuses 2 'something that does not belong there at character 7' target map 'ram:1M]'
	check "the place of a bad escape" refuses 2 'hexadecimal digits, not 00, at character 5' target map 'ram:%zz'
	check "a parameter that is none" refuses 2 'target ram: no such parameter: x, at character 8, in "ram:1M?x=1"' target map 'ram:1M?x=1'
	check "which of two cannot have a value" refuses 2 'target window: offset: "x" is not a size in whole bytes, as 4096, 64K or 1.5G, at character 44, in' \
		target map 'concat:[window?offset=4K:[ram:1M]],[window?offset=x:[ram:1M]]'
	check "a size that is none" refuses 2 'size 1x: not a size' target map 'ram:1x'
	check "a file that is not there" refuses 5 "$tmp/none" target map "file:$tmp/none"
}

# fake SED...: a program whose answer has been changed
fake() {
	echo "$1" > "$tmp/edit"
	printf '#!/bin/sh\n"%s" "$@" | sed -f "%s"\n' "$real" "$tmp/edit" > "$tmp/fake"
	chmod +x "$tmp/fake"
}

self_test() {
	real=$bareblk bareblk=$tmp/fake
	fake '/^  ram:/d'
	caught "a target that is not listed" 'lacks ram' lists_all
	fake 's/^  nodata=/  data=/'
	caught "a parameter without help" 'null lacks nodata' helps_with_all
	fake '/^Messages:/s/ release,//'
	caught "a message without help" 'fault lacks release' helps_with_messages
	fake 's/1048576/1048064/'
	caught "a map that ends too early" '1048064' maps ram:1M '0 1048576 unmapped'
	fake 's/"len_bytes": 1048576/"len_bytes": 512/'
	caught "JSON with a gap" 'AssertionError: 512' forms_agree ram:1M ram:1M
	fake 's/"spec": "ram:1M"/"spec": "rom:1M"/'
	caught "another spec" 'rom:1M' forms_agree ram:1M ram:1M
	fake ''
	caught "an error without a place" 'exit code 0' refuses 2 'missing' target map 'integrity:[ram:1M'
}

self=
[ "${1-}" != --self-test ] || { self=y; shift; }
bareblk=${BAREBLK:-${1:-$root/build}/bareblk}
cd "$root" || exit 2
[ -x "$bareblk" ] || { echo "Bail out! $bareblk is not built"; exit 2; }
if [ -n "$self" ]; then self_test; else run; fi
finish
