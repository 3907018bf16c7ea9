#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Device tests: boots a kernel with the program in it, runs groups of guest/,
# prints KTAP.
#
#   run.sh KERNEL [--long] [GROUP]...    7.3; all groups of the file "groups" by default
#
#   --long, LONG=1     the long groups, too
#   BAREBLK=file       the program (default: O/bareblk, and O is build)
#   BAREBLK_SELFTESTS=file
#   OUT=dir            gets console, kernel's log and output of each boot (default: O/device/KERNEL)
#   BOOT=cmd           in place of the lab's run.sh
#
# Exit status: 0 passed, 1 failed, 4 all skipped. Groups share a boot when they
# can. A group that hangs, or takes the machine down with it, has failed; those
# behind it get another boot. The last line of each kind of boot is about the
# kernel's log.

set -u -o pipefail
dir=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$dir/../.." && pwd)
vm=$root/selftests/vm
. "$vm/complaints.sh"

die() {
	echo "Bail out! $*"
	exit 1
}

# --- what is to run ---------------------------------------------------------------

rows() { grep -v '^#' "$dir/groups"; }

# the groups that were asked for, in the order of the table
wanted() {
	local name boot seconds when
	while read -r name boot seconds _ when; do
		[ -n "$name" ] || continue
		if [ $# -gt 0 ]; then
			case " $* " in
			*" $name "*) ;;
			*) continue ;;
			esac
		elif [ -z "${LONG-}" ] && [[ $when != always && ,$when, != *,$kernel,* ]]; then
			continue
		fi
		echo "$name $boot $seconds"
	done < <(rows)
}

check_names() {
	local name
	for name; do
		grep -q "^${name}[[:space:]]" < <(rows) || die "there is no group '$name'; they are in $dir/groups"
	done
}

# A group's seconds are those of a machine with nothing else to do: what takes twice
# as long, and as long again, does not hang
patience=3

# seconds that the lab waits at most for a boot with these groups
budget() {
	awk -v patience=$patience '{ sum += patience * $3 } END { print sum + 120 }'
}

# --- one boot ------------------------------------------------------------------------

# what a kind of boot is made of
boot_settings() {
	case $1 in
	main)   boot_env=(SMP=4 MEM=2G WITH=fio) ;;
	bare)   boot_env=(SMP=2 MEM=1G "KARGS=bareblk.nodevtmpfs bareblk.noublk") ;;
	icount) boot_env=(ICOUNT=1 MEM=2G) ;;
	esac
}

guest_files() {
	echo "$BAREBLK:/usr/bin/bareblk $dir/guest:/device $root/initramfs/local-top:/ $work/exec_to_live:/ $work/on_terminal:/ $work/notified:/ $work/without_io_uring:/"
	[ ! -x "$BAREBLK_SELFTESTS" ] || echo "$BAREBLK_SELFTESTS:/bareblk-selftests"
	echo "${BAREBLK_SELFTESTS%-selftests}-shadow:/usr/bin/bareblk-shadow"
	[ ! -x "$(dirname "$BAREBLK")/examples/disk_free" ] || echo "$(dirname "$BAREBLK")/examples/disk_free:/usr/bin/disk_free"
	[ ! -x "$work/disk" ] || echo "$work/disk:/usr/bin/disk $work/add_foreign:/"
	[ ! -x "$work/count_server" ] || echo "$work/count_server:/ $work/compiler:/"
	echo "${BAREBLK_SELFTESTS%-selftests}-replay:/usr/bin/bareblk-replay"
	echo "${BAREBLK_SELFTESTS%-selftests}-broken:/usr/bin/bareblk-broken"
	! grep -q '^unprivileged ' <<<"$undone" || echo "$udev:/opt/udev $work/59-bareblk-ublk.rules:/"
}

# Programs with a libc, of the libraries beside the program: the example with threads, one
# that makes devices that are not ours, and one that counts instructions of x86-64
build_with_libraries() {
	local lib source libs=()
	for lib in ublk-targets ublk ring uapi; do
		libs+=("$(dirname "$BAREBLK")/lib$lib.a")
	done
	for source in "$root/selftests/examples/disk.c" "$dir/add_foreign.c" "$dir/count_server.c"; do
		"${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -static -I"$root" -o "$work/$(basename "$source" .c)" \
			"$source" "${libs[@]}" -pthread || die "could not build $source"
	done
	"${CC:-cc}" -dumpversion > "$work/compiler"
}

# A udevd, and our rule for it as it is installed
get_udev() {
	udev=$("$vm/fetch.sh" dm)/opt/udev || die "no udev for the guest"
	sed 's|@SBINDIR@|/usr/bin|' "$root/udev/59-bareblk-ublk.rules.in" > "$work/59-bareblk-ublk.rules"
}

# The guest's output of one boot goes through here. A group that has begun and
# not ended stays in $open_group.
read_guest() {
	local line name status seconds
	while IFS= read -r line; do
		case $line in
		"@begin "*)
			open_group=${line#@begin }
			;;
		"@end "*)
			read -r _ name status seconds <<<"$line"
			group_done "$name" "$status" "$seconds"
			open_group=
			;;
		*)
			echo "  $line"
			;;
		esac
	done
}

result() { # STATUS NAME [DIRECTIVE OR COMMENT]
	nr=$((nr + 1))
	case $1 in
	0) echo "ok $nr - $2${3-}" ;;
	4) echo "ok $nr - $2 # SKIP all of it was skipped" && nr_skipped=$((nr_skipped + 1)) ;;
	*) echo "not ok $nr - $2${3-}" && nr_failed=$((nr_failed + 1)) ;;
	esac
}

group_done() { # NAME STATUS SECONDS
	echo "# $1 took $3 s"
	result "$2" "$1"
	undone=$(grep -v "^$1 " <<<"$undone")
}

# boot KIND: one boot for the groups in $undone; sets vm_status
boot() {
	local name _ seconds args=() log fd
	while read -r name _ seconds; do
		args+=("$name:$((patience * seconds))")
	done <<<"$undone"
	nr_boots=$((nr_boots + 1))
	log=$OUT/$1-$nr_boots
	rm -rf "$log"
	mkdir -p "$log"
	open_group=
	exec {fd}< <(
		env "${boot_env[@]}" KERNEL="$kernel" FILES="$(guest_files | tr '\n' ' ')" OUT="$log" \
			TIMEOUT="$(budget <<<"$undone")" "${BOOT:-$vm/run.sh}" sh /device/main.sh "${args[@]}" \
			2>"$log/run.txt" </dev/null | tee "$log/output.txt"
		exit "${PIPESTATUS[0]}"
	)
	vm_pid=$!
	read_guest <&"$fd"
	exec {fd}<&-
	wait "$vm_pid"
	vm_status=$?
	boot_logs+=("$log")
}

# The group that began and did not end, or the one that could not begin at all
first_group() { echo "${open_group:-$(awk 'NR == 1 { print $1 }' <<<"$undone")}"; }

drop_first() { # WHY
	local first
	first=$(first_group)
	tail -n 5 "${boot_logs[-1]}/run.txt" | sed 's/^/# /'
	echo "# $first: $1"
	result 1 "$first"
	undone=$(grep -v "^$first " <<<"$undone")
}

# stood_still: the boot hung, and its log says nothing but that processors stood still, as
# an emulated machine's may on a busy host. Its group gets one more boot, and only one: a
# server that hangs does so without a word of the kernel's, or hangs again.
stood_still() {
	local group
	group=$(first_group)
	[ "$vm_status" = 245 ] && grep -q "processors stood still" "${boot_logs[-1]}/run.txt" || return 1
	[[ " $had_again " != *" $group "* ]] || return 1
	had_again+=" $group"
	echo "# $group: the machine stood still; it gets one more boot"
}

# 99: a group left the machine unusable; 244: only the kernel's log is bad
is_boot_in_order() {
	case $vm_status in
	0 | 99 | 244) [ -z "$open_group" ] ;;
	*)            false ;;
	esac
}

# boots KIND: as many boots as its groups need, then the verdict on their logs.
# Each boot concludes one group at least, or is the only other one that a group gets, so
# this comes to an end.
boots() {
	local kind=$1 before
	had_again=
	undone=$(grep " $kind " <<<"$plan")
	boot_logs=()
	boot_settings "$kind"
	while [ -n "$undone" ]; do
		before=$undone
		boot "$kind"
		if stood_still; then
			continue
		elif ! is_boot_in_order || [ "$undone" = "$before" ]; then
			drop_first "the boot ended with status $vm_status"
		fi
	done
	result_on_log "the kernel of the $kind boot has no complaint in its log" "${boot_logs[@]/%//run.txt}"
}

# --- all of them ------------------------------------------------------------------------

prepare() {
	local program
	work=$(mktemp -d "${TMPDIR:-/tmp}/bareblk-device.XXXXXX") || die "no temporary directory"
	trap 'rm -rf "$work"' EXIT
	[ -x "$BAREBLK" ] || die "there is no $BAREBLK: make all"
	for program in exec_to_live on_terminal notified without_io_uring; do
		"${CC:-cc}" -O2 -Wall -static -o "$work/$program" "$dir/$program.c" ||
			die "could not build $program"
	done
	mkdir -p "$OUT" || die "cannot write $OUT"
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
OUT=$(realpath -m "${OUT:-$O/device/$kernel}")
check_names "$@"
plan=$(wanted "$@")
kinds=$(awk '!seen[$2]++ { print $2 }' <<<"$plan")
nr=0 nr_failed=0 nr_skipped=0 nr_boots=0
prepare
! grep -q '^unprivileged ' <<<"$plan" || get_udev
! grep -Eq '^(examples|gc|cost) ' <<<"$plan" || build_with_libraries
echo "KTAP version 1"
echo "# kernel $kernel, logs in $OUT"
echo "1..$(($(wc -l <<<"$plan") + $(wc -l <<<"$kinds")))"
begin=$SECONDS
for kind in $kinds; do
	boots "$kind"
done
echo "# all of it took $((SECONDS - begin)) s"
[ $nr_failed = 0 ] || exit 1
[ $nr_skipped -lt $nr ] || exit 4
