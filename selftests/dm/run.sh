#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Tests of the device mapper on a real kernel, side by side with Debian's
# dmsetup: boots it, runs the groups of guest/, prints KTAP.
#
#   run.sh KERNEL [--long] [GROUP]...    6.1, 6.12 ... 7.3; all groups by default
#
#   --long, LONG=1     the long groups, too
#   BAREBLK=file       the program (default: O/bareblk, and O is build)
#   BAREBLK_SELFTESTS=file
#   OUT=dir            gets console, kernel's log and output (default: O/dm/KERNEL)
#   SMP=1 MEM=1G       the guest's processors and memory; 6G with the long groups,
#                      since the kernel wants 100 KiB for each of ten thousand devices
#   REHEARSE=1         compares the two references with each other, to try a group out
#   PARTY=ref12        who else sets up and looks, in place of ours
#
# A group is a file guest/NAME.sh that says "# group: SECONDS WHEN": always, long,
# the one kernel on which it is run when the long ones are not, or alone: only when
# it is named.
# All share one boot. A group that hangs, or takes the machine down with it, has
# failed; those behind it get another boot. The last result is about the
# kernel's log. Exit status: 0 passed, 1 failed, 4 all skipped.

set -u -o pipefail
dir=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$dir/../.." && pwd)
vm=$root/selftests/vm
. "$vm/complaints.sh"

die() {
	echo "Bail out! $*"
	exit 1
}

# plan [GROUP]...: lines of NAME SECONDS
plan() {
	local file name seconds when
	for file in "$dir"/guest/*.sh; do
		name=${file##*/}
		name=${name%.sh}
		read -r seconds when < <(sed -n 's/^# group: //p' "$file")
		[ -n "$seconds" ] || continue
		if [ $# -gt 0 ]; then
			[[ " $* " == *" $name "* ]] || continue
		elif [ "$when" = alone ]; then
			continue
		elif [ "$when" != always ] && [ "$when" != "$kernel" ] && [ -z "${LONG-}" ]; then
			continue
		fi
		echo "$name $seconds"
	done
}

# oracle first: what it says decides what the rest is worth
in_order() { sort -s -k1,1 | awk '$1 == "oracle" { print; next } { rest = rest $0 "\n" } END { printf "%s", rest }'; }

check_names() {
	local name
	for name; do
		grep -q '^# group: ' "$dir/guest/$name.sh" 2> /dev/null || die "there is no group '$name' in $dir/guest"
	done
}

# One as the kernel's package has it: the guest's others are not compressed any more
compressed_module() {
	local dir file
	dir=$("$vm/fetch.sh" kernel "$kernel") || exit
	for file in "$dir"/lib/modules/*/kernel/drivers/md/dm-delay.ko.xz; do
		[ ! -e "$file" ] || echo "$file:/opt/modules/dm-delay.ko.xz"
	done
}

guest_files() {
	local ref
	ref=$("$vm/fetch.sh" dm) || exit
	echo "$BAREBLK:/usr/bin/bareblk $BAREBLK_SELFTESTS:/bareblk-selftests $ref/opt:/opt $dir/guest:/dm $work/alternate:/"
	compressed_module
	echo "$(dirname "$BAREBLK")/examples/join_free:/usr/bin/join_free"
	echo "$root/selftests/device/guest/lib.sh:/dm/cases.sh $root/selftests/device/guest/main.sh:/dm/"
}

result() { # STATUS NAME [DIRECTIVE]
	nr=$((nr + 1))
	case $1 in
	0) echo "ok $nr - $2${3-}" ;;
	4) echo "ok $nr - $2 # SKIP all of it was skipped" && nr_skipped=$((nr_skipped + 1)) ;;
	*) echo "not ok $nr - $2" && nr_failed=$((nr_failed + 1)) ;;
	esac
}

# The guest's output; a group that has begun and not ended stays in $open_group
read_guest() {
	local line name status seconds
	while IFS= read -r line; do
		case $line in
		"@begin "*)
			open_group=${line#@begin }
			;;
		"@end "*)
			read -r _ name status seconds <<< "$line"
			echo "# $name took $seconds s"
			result "$status" "$name"
			undone=$(grep -v "^$name " <<< "$undone")
			open_group=
			;;
		*)
			echo "  $line"
			;;
		esac
	done
}

# boot: one for the groups in $undone; sets vm_status
boot() {
	local name seconds sum=120 args=() fd
	while read -r name seconds; do
		# its seconds are those of a machine with nothing else to do
		args+=("$name:$((3 * seconds))")
		sum=$((sum + 3 * seconds))
	done <<< "$undone"
	nr_boots=$((nr_boots + 1))
	log=$OUT/boot-$nr_boots
	mkdir -p "$log"
	open_group=
	# shellcheck disable=SC2086 # words
	exec {fd}< <(
		SMP=${SMP-1} MEM=${MEM-$memory} KERNEL=$kernel FILES=$files OUT=$log TIMEOUT=$sum "$vm/run.sh" \
			env LONG="${LONG-}" $rehearsal sh /dm/main.sh "${args[@]}" 2> "$log/run.txt" < /dev/null | tee "$log/output.txt"
		exit "${PIPESTATUS[0]}"
	)
	vm_pid=$!
	read_guest <&"$fd"
	exec {fd}<&-
	wait "$vm_pid"
	vm_status=$?
}

# The first group of those left began and did not end, or could not begin at all
drop_first() {
	local first
	first=${open_group:-$(awk 'NR == 1 { print $1 }' <<< "$undone")}
	tail -n 5 "$log/run.txt" | sed 's/^/# /'
	echo "# $first: the boot ended with status $vm_status"
	result 1 "$first"
	undone=$(grep -v "^$first " <<< "$undone")
}

# 99: a group left the machine unusable; 244: only the kernel's log is bad
is_boot_in_order() {
	case $vm_status in
	0 | 99 | 244) [ -z "$open_group" ] ;;
	*)            false ;;
	esac
}

# Each boot concludes one group at least, so this comes to an end
boots() {
	local before logs=()
	while [ -n "$undone" ]; do
		before=$undone
		boot
		logs+=("$log/run.txt")
		is_boot_in_order && [ "$undone" != "$before" ] || drop_first
	done
	result_on_log "the kernel has no complaint in its log" "${logs[@]}"
}

[ $# -ge 1 ] || die "usage: run.sh KERNEL [--long] [GROUP]..."
kernel=$1
shift
if [ "${1-}" = --long ]; then
	LONG=1
	shift
fi
O=$(realpath -m "${O:-$root/build}")
BAREBLK=${BAREBLK-$O/bareblk}
BAREBLK_SELFTESTS=${BAREBLK_SELFTESTS-$O/bareblk-selftests}
OUT=$(realpath -m "${OUT:-$O/dm/$kernel}")
[ -x "$BAREBLK" ] && [ -x "$BAREBLK_SELFTESTS" ] || die "there is no $BAREBLK, or no $BAREBLK_SELFTESTS: make all selftests"
check_names "$@"
rm -rf "$OUT"
mkdir -p "$OUT" || die "cannot write $OUT"
work=$(mktemp -d "${TMPDIR:-/tmp}/bareblk-dm.XXXXXX") || die "no temporary directory"
trap 'rm -rf "$work"' EXIT
"${CC:-cc}" -O2 -Wall -static -o "$work/alternate" "$dir/alternate.c" || die "could not build alternate"
undone=$(plan "$@" | in_order)
files=$(guest_files | tr '\n' ' ') || die "what it is compared with could not be fetched"
rehearsal=${REHEARSE+US=ref12 TOO=}${PARTY+PARTY=$PARTY}
memory=${LONG:+6G}
memory=${memory:-1G}
nr=0 nr_failed=0 nr_skipped=0 nr_boots=0
echo "KTAP version 1"
echo "# kernel $kernel, logs in $OUT"
echo "1..$(($(wc -l <<< "$undone") + 1))"
begin=$SECONDS
boots
echo "# all of it took $((SECONDS - begin)) s"
[ $nr_failed = 0 ] || exit 1
[ $nr_skipped -lt $nr ] || exit 4
