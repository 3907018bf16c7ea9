#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The matrix: each row of guest/matrix.rows on each kernel, with all of its runs.
# Prints KTAP, a result per cell; goes on where it stopped.
#
#   matrix.sh [KERNEL]...            all of them by default
#   matrix.sh --table [KERNEL]...    what is known of this build, as a table in Markdown
#   matrix.sh --readme [KERNEL]...   the same, put into README.md
#
#   O=dir      where bareblk, bareblk-shadow and bareblk-broken are (default: build)
#   OUT=dir    results and logs (default: build/matrix)
#   RETRY=1    run again what has failed before
#   BOOT=cmd   in place of the lab's run.sh
#   ROWS=regex only rows whose PATH,TRANSPORT,TARGET matches
#
# Exit status: 0 passed, 1 failed.

set -u -o pipefail
dir=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$dir/../.." && pwd)
. "$root/selftests/readme.sh"
all_kernels="6.12 6.16 6.17 6.18 6.19 7.0 7.1 7.2 7.3"

rows() { grep -v '^#' "$dir/guest/matrix.rows" | awk 'NF { print $1 "," $2 "," $3 }'; }
wanted_rows() { rows | grep -E "${ROWS:-.}"; }

# What a result is of: the programs, and how they are tested
build_key() {
	cat "$O"/bareblk{,-shadow,-broken} "$dir"/guest/{lib.sh,ways.sh,matrix.sh,matrix.pairs} | sha256sum | cut -c 1-16
}

commit() { git -C "$root" describe --always --dirty=+ 2>/dev/null || echo unknown; }

# result_of KERNEL ROW: pass, none or fail, and what was said; nothing when it was not run
result_of() {
	local of status text
	[ -s "$OUT/$1/$2" ] && read -r of status text < "$OUT/$1/$2" || return
	[ "$of" = "$key" ] && echo "$status $text"
}

# --- one kernel ---------------------------------------------------------------------

nr=0 nr_failed=0

say_result() { # ROW pass|none|fail TEXT
	nr=$((nr + 1))
	case $2 in
	pass) echo "ok $nr - $1${3:+ # $3}" ;;
	none) echo "ok $nr - $1 # SKIP $3" ;;
	*)    echo "not ok $nr - $1${3:+ # $3}"; nr_failed=$((nr_failed + 1)) ;;
	esac
}

keep_result() { # ROW pass|none|fail TEXT
	echo "$key $2 $3" > "$OUT/$kernel/$1"
	of_this_boot+=("$1")
	say_result "$@"
	undone=$(grep -vx -- "$1" <<<"$undone")
}

# What is known is said, the rest is in $undone
begin_kernel() {
	local row status text
	undone=
	mkdir -p "$OUT/$kernel" || exit
	for row in $(wanted_rows); do
		read -r status text < <(result_of "$kernel" "$row")
		if [ -z "$status" ] || { [ "$status" = fail ] && [ -n "${RETRY-}" ]; }; then
			undone+=$row$'\n'
		else
			say_result "$row" "$status" "$text"
		fi
	done
	undone=${undone%$'\n'}
}

read_guest() {
	local line
	while IFS= read -r line; do
		if [[ $line =~ ^ok\ [0-9]+\ -\ ([^ ]+)\ #\ SKIP\ (.*)$ ]]; then
			keep_result "${BASH_REMATCH[1]}" none "${BASH_REMATCH[2]}"
		elif [[ $line =~ ^ok\ [0-9]+\ -\ ([^ ]+)$ ]]; then
			keep_result "${BASH_REMATCH[1]}" pass ""
		elif [[ $line =~ ^not\ ok\ [0-9]+\ -\ ([^ ]+)$ ]]; then
			keep_result "${BASH_REMATCH[1]}" fail ""
		elif [[ $line == '# release '* ]]; then
			echo "${line#* * }" > "$OUT/$kernel/release"
		elif [[ $line == '# '* ]]; then
			echo "$line"
		fi
	done
}

# is_in_order STATUS: the guest came to its end, or said that it is not clean any more
# (99); what came after the one that it was at has to have another
is_in_order() {
	case $1 in
	0 | 1 | 4 | 244) [ -z "$undone" ] ;;
	99)              [ "$undone" != "$before" ] ;;
	*)               false ;;
	esac
}

# Whose doing it is nobody knows
complains() {
	local row
	say_result "the kernel's log has no complaint" fail ""
	for row in "${of_this_boot[@]}"; do
		echo "$key fail the kernel's log complains" > "$OUT/$kernel/$row"
	done
}

# boot: one for the rows in $undone; each concludes one row at least
boot() {
	local before=$undone fd log=$OUT/$kernel.log files of_this_boot=() status
	files="$O/bareblk:/usr/bin/bareblk $O/bareblk-shadow:/usr/bin/bareblk-shadow
		$O/bareblk-broken:/usr/bin/bareblk-broken $dir/guest:/device $work/todo:/matrix.todo"
	echo "$undone" > "$work/todo"
	rm -rf "$log"
	mkdir -p "$log"
	exec {fd}< <(
		KERNEL=$kernel SMP=4 MEM=2G WITH=fio FILES=$(tr -s '\n\t' ' ' <<<"$files") OUT=$log \
			TIMEOUT=$(($(wc -l <<<"$undone") * 300 + 120)) \
			"${BOOT:-$root/selftests/vm/run.sh}" sh /device/matrix.sh 2> "$log/run.txt" < /dev/null | tee "$log/output.txt"
		echo "${PIPESTATUS[0]}" > "$log/status"
	)
	read_guest <&"$fd"
	exec {fd}<&-
	wait
	sed 's/^/# /' "$log/run.txt"
	if grep -q "from the kernel's log" "$log/run.txt"; then
		complains
	fi
	status=$(cat "$log/status")
	if [ -n "$undone" ] && ! is_in_order "$status"; then
		keep_result "$(head -n 1 <<<"$undone")" fail "the boot ended with status $status"
	fi
}

run_kernel() {
	kernel=$1
	echo "# kernel $kernel, build $key"
	begin_kernel
	while [ -n "$undone" ]; do
		boot
	done
}

# --- the table --------------------------------------------------------------------------

table() {
	local kernel row status text line below
	line="| data path | requests | target |" below="|--|--|--|"
	for kernel in $kernels; do
		line+=" $kernel |" below+=":-:|"
	done
	echo "$line"
	echo "$below"
	for row in $(rows); do
		line="| ${row//,/ | } |"
		for kernel in $kernels; do
			read -r status text < <(result_of "$kernel" "$row")
			case $status in
			pass) line+=" pass |" ;;
			none) line+=" - |" ;;
			fail) line+=" FAIL |" ;;
			*)    line+=" ? |" ;;
			esac
		done
		echo "$line"
	done
	echo
	echo "Kernels: $(for kernel in $kernels; do cat "$OUT/$kernel/release" 2> /dev/null; done | sed 's/$/,/' | xargs | sed 's/,$//')"
	echo "Build: $(cat "$OUT/build-$key" 2>/dev/null || commit)"
}

into_readme() {
	table > "$work/table" && readme_put matrix "$work/table"
}

what=run
case ${1-} in
--table | --readme) what=${1#--}; shift ;;
-*) sed -n '/^#   matrix/s/^# *//p' "$0" >&2; exit 2 ;;
esac
kernels=${*:-$all_kernels}
O=$(realpath -m "${O:-$root/build}")
OUT=$(realpath -m "${OUT:-$root/build/matrix}")
work=$(mktemp -d "${TMPDIR:-/tmp}/bareblk-matrix.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
key=$(build_key)
case $what in
table)  table; exit ;;
readme) into_readme; exit ;;
esac
mkdir -p "$OUT" && commit > "$OUT/build-$key"
echo "KTAP version 1"
for kernel in $kernels; do
	run_kernel "$kernel"
done
echo "1..$nr"
[ $nr_failed = 0 ]
