#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The ring suites on another kernel: boots it, runs them, prints KTAP.
#
#   run.sh KERNEL [ARG]...    6.1, 6.12 ... 7.3; ARGs go to bareblk-selftests (default: the suites ring_*)
#
#   BAREBLK_SELFTESTS=file    (default: O/bareblk-selftests, and O is build)
#   BAREBLK=file              the program (default: O/bareblk)
#   OUT=dir                   gets console and kernel's log (default: O/ring/KERNEL)
#   SCALE=8                   what timeouts are multiplied by: the processor is emulated
#
# Exit status: 0 passed, 1 failed. Behind the suites: the kernel's log, and what
# `bareblk ring probe` says of that kernel.

set -u -o pipefail
dir=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$dir/../.." && pwd)

die() {
	echo "Bail out! $*"
	exit 1
}

# probed NAME STATUS [ERROR]: `bareblk ring probe` in the guest ended so, with a right answer
probed() {
	if [ "$(cat "$OUT/probe-$1.status")" != "$2" ]; then
		cat "$OUT/probe-$1".*
		return 1
	fi
	"$dir/probe.py" ${3+--error "$3"} < "$OUT/probe-$1.json"
}

probes() {
	probed plain 0 && probed user 0 || return
	# the sysctl came with 6.6
	[ "$kernel" = 6.1 ] || { probed grouped 3 EPERM && probed off 3 EPERM; }
}

# report STATUS: the guest's report is the first test here, then what it brought
# back; 244 says that only the log is bad
report() {
	local suites='not ok' log=ok probe=ok
	case $1 in 0 | 4 | 244) suites=ok ;; esac
	! grep -q "from the kernel's log" "$OUT/run.txt" || log='not ok'
	probes > "$OUT/probe.txt" 2>&1 || probe='not ok'
	[ "$suites, $log" = "ok, ok" ] || sed 's/^/# /' "$OUT/run.txt"
	echo "$suites 1 - suites"
	echo "$log 2 - the kernel has no complaint in its log"
	[ "$probe" = ok ] || sed 's/^/# /' "$OUT/probe.txt"
	echo "$probe 3 - ring probe tells what this kernel has, and when io_uring is switched off"
	[ "$suites, $log, $probe" = "ok, ok, ok" ]
}

[ $# -ge 1 ] || die "usage: run.sh KERNEL [ARG]..."
kernel=$1
shift
O=$(realpath -m "${O:-$root/build}")
BAREBLK=${BAREBLK-$O/bareblk}
BAREBLK_SELFTESTS=${BAREBLK_SELFTESTS-$O/bareblk-selftests}
OUT=$(realpath -m "${OUT:-$O/ring/$kernel}")
[ -x "$BAREBLK_SELFTESTS" ] || die "there is no $BAREBLK_SELFTESTS: make all selftests"
rm -rf "$OUT"
mkdir -p "$OUT" || die "cannot write $OUT"
if [ $# = 0 ]; then
	mapfile -t suites < <("$BAREBLK_SELFTESTS" --list | sed -n 's/^\(ring_[^:]*\):.*/--suite=\1/p' | uniq)
	set -- "${suites[@]}"
fi

echo "KTAP version 1"
echo "1..3"
echo "# kernel $kernel, logs in $OUT"
echo "  # Subtest: suites"
SMP=${SMP-2} MEM=${MEM-2G} KERNEL=$kernel OUT=$OUT TIMEOUT=${TIMEOUT-3000} SILENCE=${SILENCE-120} \
	FILES="$BAREBLK:/usr/bin/bareblk $BAREBLK_SELFTESTS:/ $dir/guest.sh:/" \
	"$root/selftests/vm/run.sh" sh /guest.sh "--timeout-scale=${SCALE-8}" "$@" \
	2> "$OUT/run.txt" < /dev/null | sed 's/^/  /'
report "${PIPESTATUS[0]}"
