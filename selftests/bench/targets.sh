#!/bin/bash
# SPDX-License-Identifier: MIT
#
# How many requests targets answer in a second, beside disks of the kernel that do
# the same on the same store, in the same boot: `make bench-targets`. Time is counted
# in instructions of a virtual machine with one processor (ICOUNT of the lab), so that
# it comes out the same again, to a percent; it sees neither caches nor processors
# that work side by side.
#
#   tmpfs, ext4   file:, in the page cache, beside loop on the same file
#   block         file:, direct, beside loop, direct, on the same RAM disk
#   stripe        over two RAM disks, beside dm's striped
#   mirror        of two RAM disks, copied, beside dm's mirror, which copies nothing
#
# usage: targets.sh BUILD_DIR [--readme] [STORE]...
#
#   KERNEL=7.3
#   SIZES=...    KiB of a request/how many of them, for each measurement
#   BOOT=cmd     in place of the lab's run.sh
#
# --readme puts the table into README.md, too.

set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd) || exit 2
root=${here%/selftests/bench}
. "$root/selftests/readme.sh"
usage="usage: targets.sh BUILD_DIR [--readme] [STORE]..."
build=${1:?$usage}
shift
is_readme=''
[ "${1-}" != --readme ] || { is_readme=1; shift; }
case "$*" in
*[!a-z0-9\ ]* | -*) echo "$usage" >&2; exit 2 ;;
esac
[ $# -gt 0 ] || set -- tmpfs ext4 block stripe mirror
sizes=${SIZES:-4/20000 64/4000}
work=$(mktemp -d "${TMPDIR:-/tmp}/bareblk-bench.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT

# Into $work/rows; the measurements show on stderr as they come.
measure() {
	# shellcheck disable=SC2086 # a list of words
	KERNEL=${KERNEL:-7.3} ICOUNT=1 MEM=2G WITH=fio TIMEOUT=${TIMEOUT:-$((400 * $# + 60))} \
		FILES="$build/bareblk:/usr/bin/bareblk $here/targets_guest.sh:/ $here/fio_guest.sh:/" \
		"${BOOT:-$root/selftests/vm/run.sh}" sh /targets_guest.sh "$@" -- $sizes |
		tee "$work/rows" >&2
}

table() {
	echo "Linux ${KERNEL:-7.3}, reads / writes: thousand requests per second, and in brackets how many times the kernel's disk:"
	echo
	awk -v stores="$*" -v sizes="$sizes" '
		NF == 6 && $6 ~ /^[1-9][0-9]*$/ { got[$1, $2, $3, $4, $5] = $6; next }
		{ print "targets.sh: not understood: " $0 > "/dev/stderr"; bad = 1 }
		function half(store, rw, size, depth,    a, b) {
			a = got[store, "ours", rw, size, depth]
			b = got[store, "kernel", rw, size, depth]
			if (!a || !b) {
				bad = 1
				return "-"
			}
			return sprintf("%.1f (%.2f)", a / 1000, a / b)
		}
		function cell(store, size, depth) {
			return " " half(store, "read", size, depth) " / " half(store, "write", size, depth) " |"
		}
		BEGIN {
			what["tmpfs"] = "`file:` on tmpfs, and loop"
			what["ext4"] = "`file:` on ext4, cached, and loop"
			what["block"] = "`file:` on a RAM disk, direct, and loop"
			what["stripe"] = "`stripe:` of two RAM disks, and dm striped"
			what["mirror"] = "`mirror:` of two RAM disks, and dm mirror"
		}
		END {
			nr_sizes = split(sizes, size, " ")
			nr_stores = split(stores, store, " ")
			for (i = 1; i <= nr_sizes; i++) {
				sub("/.*", "", size[i])
				head = head " " size[i] "K, 32 in flight |"
				below = below "--|"
			}
			print "| disk | " size[1] "K, one at a time |" head
			print "|--|--|" below
			for (s = 1; s <= nr_stores; s++) {
				line = "| " what[store[s]] " |" cell(store[s], size[1], 1)
				for (i = 1; i <= nr_sizes; i++)
					line = line cell(store[s], size[i], 32)
				print line
			}
			exit bad
		}' "$work/rows"
}

measure "$@" || { rc=$?; echo "targets.sh: the measurement ended with status $rc" >&2; exit 1; }
table "$@" > "$work/table" || { echo "targets.sh: measurements are missing" >&2; exit 1; }
cat "$work/table"
[ -z "$is_readme" ] || readme_put targets "$work/table"
