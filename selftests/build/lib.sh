# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# For the checks of the house: results in KTAP. A check is a command; what it
# prints is shown when it fails.

set -u -o pipefail
export LC_ALL=C

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd) || exit 2
tmp=$(mktemp -d "${TMPDIR:-/tmp}/bareblk-check.XXXXXX") || exit 2
trap 'rm -rf "$tmp"' EXIT
nr=0
nr_failed=0

result() { # result STATUS NAME
	nr=$((nr + 1))
	if [ "$1" = 0 ]; then
		echo "ok $nr - $2"
	else
		nr_failed=$((nr_failed + 1))
		head -n 100 "$tmp/.out" | sed 's/^/# | /'
		echo "not ok $nr - $2"
	fi
}

# check NAME CMD...: CMD must succeed
check() {
	local name=$1 rc=0
	shift
	"$@" > "$tmp/.out" 2>&1 || rc=$?
	result "$rc" "$name"
}

# caught NAME COMPLAINT CMD...: CMD must fail and say COMPLAINT, a regular expression
caught() {
	local name=$1 complaint=$2 rc=0
	shift 2
	if "$@" > "$tmp/.out" 2>&1; then
		echo "nothing was noticed" >> "$tmp/.out"
		rc=1
	elif ! grep -Eq -- "$complaint" "$tmp/.out"; then
		echo "this was not said: $complaint" >> "$tmp/.out"
		rc=1
	fi
	result "$rc" "caught: $name"
}

skip() { # skip NAME REASON
	nr=$((nr + 1))
	echo "ok $nr - $1 # SKIP $2"
}

finish() {
	echo "1..$nr"
	[ "$nr_failed" = 0 ]
	exit
}

# copy_tree DIR: the sources, to break or to move
copy_tree() {
	mkdir -p "$1" && tar -C "$root" --exclude=./build --exclude=./.git -cf - . | tar -C "$1" -xf -
}

# quietly CMD...: CMD must succeed and print nothing at all
quietly() {
	local said
	said=$("$@" 2>&1) || { echo "$said"; return 1; }
	[ -z "$said" ] || { echo "$said"; return 1; }
}

make() { command make --no-print-directory "$@"; }
