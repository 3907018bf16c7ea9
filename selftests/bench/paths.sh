#!/bin/bash
# SPDX-License-Identifier: MIT
#
# How many requests a RAM disk answers in a second, by data path and by size of
# request, as a table in Markdown: `make bench-paths`. Time is counted in
# instructions of a virtual machine with one processor (ICOUNT of the lab), so
# that it comes out the same again, to a percent; it sees neither caches nor
# processors that work side by side.
#
# usage: paths.sh BUILD_DIR [--readme] [PATH]...     a path is MODE, or MODE+batch
#
#   KERNEL=7.3   a path that it does not have is a row of dashes
#   SIZES=...    KiB of a request/how many of them, for each measurement
#   BOOT=cmd     in place of the lab's run.sh
#
# --readme puts the table into README.md, too.

set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd) || exit 2
root=${here%/selftests/bench}
. "$root/selftests/readme.sh"
usage="usage: paths.sh BUILD_DIR [--readme] [MODE[+batch]]..."
build=${1:?$usage}
shift
is_readme=''
[ "${1-}" != --readme ] || { is_readme=1; shift; }
case "$*" in
*[!a-z+\ -]* | -*) echo "$usage" >&2; exit 2 ;;
esac
[ $# -gt 0 ] || set -- copy get-data user-copy user-copy-ring zero-copy auto-buf-reg copy+batch user-copy+batch
sizes=${SIZES:-4/20000 16/12000 64/4000 256/1200}
work=$(mktemp -d "${TMPDIR:-/tmp}/bareblk-bench.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT

# Into $work/rows; the measurements show on stderr as they come.
measure() {
	local path paths=()
	for path; do
		case $path in
		*+batch) paths+=("${path%+batch}/yes") ;;
		*)       paths+=("$path/no") ;;
		esac
	done
	# shellcheck disable=SC2086 # a list of words
	KERNEL=${KERNEL:-7.3} ICOUNT=1 MEM=2G WITH=fio TIMEOUT=${TIMEOUT:-$((300 * $# + 60))} \
		FILES="$build/bareblk:/usr/bin/bareblk $here/paths_guest.sh:/ $here/fio_guest.sh:/" \
		"${BOOT:-$root/selftests/vm/run.sh}" sh /paths_guest.sh "${paths[@]}" -- $sizes |
		tee "$work/rows" >&2
}

table() {
	echo "Linux ${KERNEL:-7.3}, thousand requests per second, reads / writes; 32 in flight except in the first column:"
	echo
	awk -v paths="$*" -v sizes="$sizes" '
		NF == 6 && $6 ~ /^[1-9][0-9]*$/ {
			got[$1 ($2 == "yes" ? "+batch" : ""), $3, $4, $5] = sprintf("%.1f", $6 / 1000)
			next
		}
		{ print "paths.sh: not understood: " $0 > "/dev/stderr"; bad = 1 }
		function cell(path, size, depth,    r, w) {
			r = got[path, "read", size, depth]
			w = got[path, "write", size, depth]
			bad = bad || (r == "") != (w == "")
			nr += r != ""
			return " " (r == "" ? "-" : r " / " w) " |"
		}
		END {
			nr_sizes = split(sizes, size, " ")
			nr_paths = split(paths, path, " ")
			for (i = 1; i <= nr_sizes; i++) {
				sub("/.*", "", size[i])
				head = head " " size[i] "K |"
				below = below "--|"
			}
			print "| data path | " size[1] "K, one at a time |" head
			print "|--|--|" below
			for (p = 1; p <= nr_paths; p++) {
				nr = 0
				line = "| `" path[p] "` |" cell(path[p], size[1], 1)
				for (i = 1; i <= nr_sizes; i++)
					line = line cell(path[p], size[i], 32)
				print line
				bad = bad || (nr && nr != 1 + nr_sizes)
				any = any || nr
			}
			exit bad || !any
		}' "$work/rows"
}

measure "$@" || { rc=$?; echo "paths.sh: the measurement ended with status $rc" >&2; exit 1; }
table "$@" > "$work/table" || { echo "paths.sh: measurements are missing" >&2; exit 1; }
cat "$work/table"
[ -z "$is_readme" ] || readme_put paths "$work/table"
