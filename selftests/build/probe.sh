#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What `bareblk ring probe` says of this machine, in both forms, and what it does
# where io_uring is forbidden. selftests/ring/run.sh asks it on other kernels.
#
# usage: probe.sh [--self-test] [BUILD_DIR]

# shellcheck disable=SC2154 # tmp is of lib.sh
. "$(dirname "$0")/lib.sh"

judge=$root/selftests/ring/probe.py
setup=425 register=427 # the same on every architecture

json() { "$bareblk" ring probe --json; }

json_is_right() { json | "$judge"; }

output_is_stable() {
	json > "$tmp/a" && json > "$tmp/b" && cmp "$tmp/a" "$tmp/b" || return
	"$bareblk" ring probe > "$tmp/a" && "$bareblk" ring probe > "$tmp/b" && cmp "$tmp/a" "$tmp/b"
}

# The same things by the same names; the text has marks behind them
forms_agree() {
	json | python3 -c '
import json, sys
probe = json.load(sys.stdin)
for key, value in probe.items():
    if not isinstance(value, list):
        print(key, value)
for kind in (k for k, v in probe.items() if isinstance(v, list)):
    for here in (True, False):
        for row in probe[kind]:
            if row["kernel_has"] == here:
                mark = "*" if row["needed"] else "+" if row["used"] else ""
                print(kind if here else "no " + kind, row["name"] + mark)
' | sort > "$tmp/json"
	"$bareblk" ring probe | awk '
		/^[a-z_]+ +[^ ]+$/ { print $1, $2 }
		/^[a-z_]+( that are not here)?:$/ { kind = ($2 == "" ? "" : "no ") $1; sub(":", "", kind) }
		/^  / { for (i = 1; i <= NF; i++) print kind, $i }' | sort > "$tmp/text"
	[ -s "$tmp/text" ] && diff "$tmp/json" "$tmp/text"
}

lines_are_short() {
	if "$bareblk" ring probe | grep -E '.{80}'; then
		echo "the above does not fit a terminal"
		return 1
	fi
}

# What the library for ublk asks for is what is marked: names, sorted
used_by_sources() {
	case $1 in
	setup_flags) grep -ohE 'IORING_SETUP_[A-Z0-9_]+' ublk/*.c | sed 's/IORING_SETUP_//' ;;
	features)
		grep -ohE 'IORING_FEAT_[A-Z0-9_]+' ublk/*.c | sed 's/IORING_FEAT_//'
		# and what every ring asks for
		sed -n '/^#define FEATURES_NEEDED/,/[^\\]$/p' ring/setup.c | grep -oE 'IORING_FEAT_[A-Z_]+' |
			sed 's/IORING_FEAT_//'
		;;
	opcodes)
		grep -ohE 'ring_prep_[a-z0-9_]+|IORING_OP_[A-Z0-9_]+' ublk/*.c |
			sed -e 's/ring_prep_//' -e 's/IORING_OP_//' -e 's/uring_cmd_.*/uring_cmd/' |
			grep -v '^rw$' # IORING_OP_TIMEOUT of a target, which stands beside it
		;;
	register_ops)
		grep -ohE 'ring_(un)?register_[a-z0-9_]+\(' ublk/*.c |
			sed -e 's/^ring_//' -e 's/^register_//' -e 's/ring_fd(/ring_fds/' -e 's/($//' \
				-e 's/^buf_ring/pbuf_ring/' -e 's/_buf_ring/_pbuf_ring/' -e 's/_sparse$/2/'
		echo unregister_ring_fds # of ring_exit()
		;;
	esac | tr '[:upper:]' '[:lower:]' | tr -d '(' | sort -u
}

marks_are_right() {
	local kind rc=0
	for kind in opcodes setup_flags features register_ops; do
		used_by_sources $kind > "$tmp/used"
		json | python3 -c '
import json, sys
for row in json.load(sys.stdin)[sys.argv[1]]:
    if row["used"]:
        print(row["name"])' $kind | sort > "$tmp/marked"
		if [ ! -s "$tmp/used" ] || ! diff "$tmp/used" "$tmp/marked"; then
			echo "$kind"
			rc=1
		fi
	done
	return $rc
}

# forbidden SYSCALL ERRNO NAME CODE WORDS: that call fails so
forbidden() {
	local rc=0
	"$judge" --filter "$1" "$2" "$bareblk" ring probe --json > "$tmp/said" 2> "$tmp/why" || rc=$?
	[ $rc = "$4" ] || { echo "exit code $rc, wanted $4"; cat "$tmp/why"; return 1; }
	"$judge" --error "$3" < "$tmp/said" || return
	cat "$tmp/why"
	[ "$(wc -l < "$tmp/why")" = 1 ] && grep -q "^bareblk: ring probe: .*$5.*($3)$" "$tmp/why" || return
	rc=0
	"$judge" --filter "$1" "$2" "$bareblk" ring probe > "$tmp/said" 2> "$tmp/why" || rc=$?
	[ $rc = "$4" ] && grep -qE "^error +$3$" "$tmp/said" && [ "$(wc -l < "$tmp/why")" = 1 ]
}

run() {
	check "the object is JSON, and right for this kernel" json_is_right
	check "the same is said twice" output_is_stable
	check "text and JSON agree" forms_agree
	check "no line is longer than a terminal" lines_are_short
	check "what is marked is what the server uses" marks_are_right
	check "EPERM of a filter is told, with exit code 3" forbidden $setup 1 EPERM 3 'a filter forbids it'
	check "ENOSYS of a filter is told, with exit code 4" forbidden $setup 38 ENOSYS 4 'seccomp filter'
	check "so is a filter that lets rings be made only" forbidden $register 1 EPERM 3 'a filter forbids it'
	check "no memory is exit code 8" forbidden $setup 12 ENOMEM 8 'cannot make'
}

# fake SED...: a program whose answer has been changed
fake() {
	echo "$1" > "$tmp/edit"
	printf '#!/bin/sh\n"%s" "$@" | sed -f "%s"\n' "$real" "$tmp/edit" > "$tmp/fake"
	chmod +x "$tmp/fake"
}

self_test() {
	real=$bareblk bareblk=$tmp/fake
	fake 's/"name": "readv"/"name": "reedv"/'
	caught "a wrong name" 'opcodes: names.*reedv' json_is_right
	fake 's/\("name": "nop", "nr": 0, "kernel_has": \)true/\1false/'
	caught "an opcode that is denied" 'opcodes: here' json_is_right
	fake 's/"max_sq_entries": 32768/"max_sq_entries": 4096/'
	caught "a wrong limit" 'max_sq_entries' json_is_right
	fake 's/"io_uring_disabled": [0-9]/"io_uring_disabled": 7/'
	caught "a wrong sysctl" 'sysctl|io_uring_disabled' json_is_right
	fake 's/uring_cmd\*/uring_cmd/'
	caught "a mark that one form has not" 'uring_cmd' forms_agree
	fake 's/\("name": "coop_taskrun"[^}]*\)"used": true/\1"used": false/'
	caught "a mark that the sources do not give" 'coop_taskrun' marks_are_right
	fake 's/$/ and so on, and so on, and so on, and so on, and so on, and so on, and so on/'
	caught "a line that is too long" 'does not fit' lines_are_short
	printf '#!/bin/sh\necho {}\n' > "$tmp/fake"
	caught "a program that does not notice a filter" 'exit code 0' forbidden $setup 1 EPERM 3 x
	printf '#!/bin/sh\ndate +%%N\n' > "$tmp/fake"
	caught "output that changes" 'differ' output_is_stable
}

self=
[ "${1-}" != --self-test ] || { self=y; shift; }
bareblk=${BAREBLK:-${1:-$root/build}/bareblk}
cd "$root" || exit 2
[ -x "$bareblk" ] || { echo "Bail out! $bareblk is not built"; exit 2; }
if [ -n "$self" ]; then self_test; else run; fi
finish
