#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The lab tests itself: does every way in which a guest can go wrong come out as
# the status that run.sh promises, and is nothing left behind? KTAP on stdout.
#
#   KERNEL=7.3 selftest.sh [NUMBER]...

# shellcheck disable=SC2317 # functions that a trap or a table calls
# shellcheck disable=SC2154,SC2034 # variables of the files that are read in
# shellcheck disable=SC2016 # what is quoted so is for the guest's shell
set -u -o pipefail
. "$(dirname "$0")/lib.sh"
run=$vm_dir/run.sh
export KERNEL=${KERNEL-7.3}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/bareblk-vmtest.XXXXXX") || exit
trap 'rm -rf "$tmp"' EXIT
export TMPDIR=$tmp/run OUT=''
mkdir "$TMPDIR"

# expect STATUS ENV... -- CMD...: runs, compares; what was printed is in $tmp/got and $tmp/err
expect() {
	local want=$1 env=() rc
	shift
	while [ "$1" != -- ]; do
		env+=("$1")
		shift
	done
	shift
	env "${env[@]}" "$run" "$@" >"$tmp/got" 2>"$tmp/err" </dev/null
	rc=$?
	[ "$rc" = "$want" ] && return
	echo "# status $rc, wanted $want: ${*//$'\n'/ }"
	tail -n 20 "$tmp/got" "$tmp/err" | tr -dc '[:print:]\n' | sed 's/^/#   /'
	return 1
}

printed() {
	[ "$(cat "$tmp/got")" = "$1" ] && return
	diff <(echo "$1") "$tmp/got" | sed 's/^/#   /'
	return 1
}

# qemu's of this test alone: they have its directory in their arguments
own_qemus() {
	pgrep -f "qemu-system-x86_64 .*$TMPDIR/"
}

nothing_left() {
	local i
	for i in 1 2 3 4 5 6 7 8 9 10; do
		[ -z "$(own_qemus)" ] && [ -z "$(ls "$TMPDIR")" ] && return
		sleep 0.2
	done
	echo "# left behind: qemu $(own_qemus | tr '\n' ' ') files $(ls "$TMPDIR")"
	return 1
}

t_status() { expect 7 -- 'exit 7'; }
t_signal() { expect 137 -- 'kill -9 $$'; }
t_words() {
	expect 0 -- printf '[%s]\n' 'a b' "it's" '$HOME' '' && printed $'[a b]\n[it\'s]\n[$HOME]\n[]'
}
t_missing() { expect 127 -- /no/such/program x; }

# every byte value, more than a serial port's buffers
t_raw_output() {
	expect 0 -- 'i=0; while [ $i -lt 256 ]; do printf "\\$(printf %03o $i)"; i=$((i + 1)); done; seq 20000' &&
		{ for i in {0..255}; do printf '%b' "\\0$(printf %03o "$i")"; done; seq 20000; } | cmp - "$tmp/got"
}

t_files() {
	mkdir -p "$tmp/d/sub" && head -c 300000 /dev/urandom > "$tmp/d/sub/f"
	expect 0 FILES="$tmp/d:/root/d $tmp/d/sub/f:/data/" OUT="$tmp/out" -- \
		'cmp /root/d/sub/f /data/f && cp /data/f /out/back && mkdir /out/dir && echo x > /out/dir/x' &&
		cmp "$tmp/d/sub/f" "$tmp/out/back" && [ -e "$tmp/out/dir/x" ] && [ -s "$tmp/out/dmesg.txt" ]
}

t_ublk() {
	case $KERNEL in
	6.1) expect 1 -- test -c /dev/ublk-control ;;
	*)   expect 0 -- test -c /dev/ublk-control && expect 1 KARGS=bareblk.noublk -- test -c /dev/ublk-control ;;
	esac
}

t_nodevtmpfs() {
	expect 0 KARGS=bareblk.nodevtmpfs -- \
		'! [ -e /dev/loop-control ] && ! [ -e /dev/ublk-control ] && grep -q "^tmpfs /dev tmpfs" /proc/mounts && echo x > /dev/null'
}

t_modules() {
	expect 0 -- 'modprobe -a null_blk brd loop ext4 xfs btrfs dm-verity dm-integrity dm-crypt dm-thin-pool &&
		mke2fs -q /dev/ram0 && mount -t ext4 /dev/ram0 /mnt && echo 0 8 linear /dev/nullb0 0 | dmsetup create l && test -b /dev/mapper/l'
}

t_cpus() { expect 0 SMP=4 MEM=4G -- 'test $(nproc) = 4 && test $(grep MemTotal /proc/meminfo | tr -dc 0-9) -gt 3900000'; }
t_fio() { expect 0 WITH=fio -- 'modprobe null_blk && fio --name=x --filename=/dev/nullb0 --rw=randread --size=4m --direct=1 --ioengine=io_uring'; }

t_icount() {
	local a b
	local loop='s=$(cut -d. -f1 /proc/uptime); i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done; awk "{ print int((\$1 - $s) * 10) }" /proc/uptime'
	expect 0 ICOUNT=1 -- "$loop" || return
	a=$(cat "$tmp/got")
	expect 0 ICOUNT=1 -- "$loop" || return
	b=$(cat "$tmp/got")
	[ "$a" = "$b" ] && return
	echo "# two equal runs took $a and $b tenths of a second of guest time"
	return 1
}

t_panic() { expect "$VM_RC_PANIC" -- 'echo before; echo c > /proc/sysrq-trigger; sleep 60' && grep -q before "$tmp/got" && grep -q panicked "$tmp/err"; }
t_reset() { expect "$VM_RC_PANIC" -- 'reboot -f; sleep 60'; }
t_warning() { expect "$VM_RC_KLOG" -- 'echo "WARNING: CPU: 0 PID: 1 at fs/x.c:1 x+0x1/0x2" > /dev/kmsg' && grep -q 'fs/x.c' "$tmp/err"; }
t_status_first() { expect 3 -- 'echo "BUG: x" > /dev/kmsg; exit 3' && grep -q 'BUG: x' "$tmp/err"; }
t_stall() { expect "$VM_RC_KLOG" -- 'echo "watchdog: BUG: soft lockup - CPU#0 stuck for 67s! [x:1]" > /dev/kmsg' && grep -q 'stood still' "$tmp/err"; }

# what the two callers of run.sh make of such a log
t_log_result() {
	. "$vm_dir/complaints.sh"
	result() { echo "$1 $2${3-}"; }
	printf "run.sh: processors stood still; from the kernel's log:\na soft lockup\n" > "$tmp/stall"
	printf "run.sh: from the kernel's log:\na WARNING\nanother\n" > "$tmp/warning"
	printf 'run.sh: attempt 1 of 3\n' > "$tmp/nothing"
	[ "$(result_on_log log "$tmp/nothing")" = "0 log" ] &&
		[ "$(result_on_log log "$tmp/nothing" "$tmp/stall" | tail -n 1)" = "0 log # SKIP the guest's processors stood still" ] &&
		[ "$(result_on_log log "$tmp/warning" "$tmp/stall" | tail -n 1)" = "1 log" ] &&
		grep -qx '# the first: a WARNING' < <(result_on_log log "$tmp/warning")
}

t_deadline() { expect "$VM_RC_DEADLINE" TIMEOUT=15 -- 'echo before; sleep 1000' && printed before; }
t_no_boot() { expect "$VM_RC_NO_BOOT" SILENCE=3 QEMU_ARGS=-S -- true && [ "$(grep -c '^run.sh: attempt' "$tmp/err")" = 3 ]; }
t_bad_qemu() { expect "$VM_RC_NO_BOOT" QEMU_ARGS=-nonsense -- true && grep -q nonsense "$tmp/err"; }
t_bad_init() { expect "$VM_RC_PANIC" KARGS='rdinit=/no init=/no' -- true; }
t_no_kernel() { expect "$VM_RC_LAB" KERNEL=2.4 -- true && grep -q '2\.4' "$tmp/err"; }
t_no_command() { expect "$VM_RC_LAB" --; }

# stopping QEMU is what a guest looks like that does not answer any more
t_hung() {
	local rc
	SILENCE=15 "$run" 'echo started; sleep 1000' >"$tmp/got" 2>"$tmp/err" </dev/null &
	wait_for_start && kill -STOP "$(own_qemus)"
	wait $!
	rc=$?
	[ "$rc" = "$VM_RC_HUNG" ] && return
	echo "# status $rc"
	return 1
}

wait_for_start() {
	local i
	for ((i = 0; i < 600; i++)); do
		grep -q started "$tmp/got" 2>/dev/null && return
		sleep 0.1
	done
	echo "# the command never started"
	return 1
}

# ended_by SIGNAL STATUS
ended_by() {
	local rc pid
	: > "$tmp/got"
	# env: a background job of a script has SIGINT ignored, and so would run.sh
	env --default-signal=INT "$run" 'echo started; sleep 1000' >"$tmp/got" 2>"$tmp/err" </dev/null &
	pid=$!
	wait_for_start
	kill "-$1" "$pid"
	wait "$pid"
	rc=$?
	[ "$rc" = "$2" ] && nothing_left && return
	echo "# $1: status $rc, wanted $2"
	return 1
}

t_int() { ended_by INT 130; }
t_term() { ended_by TERM 143; }
t_hup() { ended_by HUP 129; }

# killed outright, run.sh can clean up no files, but QEMU must go, and the next run cleans up
t_kill() {
	local i
	: > "$tmp/got"
	"$run" 'echo started; sleep 1000' >"$tmp/got" 2>"$tmp/err" </dev/null &
	wait_for_start
	kill -KILL $!
	wait $! 2>/dev/null
	for ((i = 0; i < 50; i++)); do
		[ -n "$(own_qemus)" ] || break
		sleep 0.1
	done
	[ -z "$(own_qemus)" ] && [ -n "$(ls "$TMPDIR")" ] && expect 0 -- true && return
	echo "# QEMU outlived run.sh, or the next run did not clean up"
	return 1
}

t_shell() {
	need_program script
	{ sleep 25; printf 'echo $((6 * 7)) from the guest; exit 5\n'; sleep 30; } |
		TIMEOUT=60 timeout 120 script -qec "$run" /dev/null > "$tmp/got" 2>&1
	grep -q '42 from the guest' "$tmp/got" && return
	tail -n 5 "$tmp/got" | sed 's/^/#   /'
	return 1
}

tests=(
't_panic:a panic of the guest is reported as one'
't_reset:a guest that resets itself is not taken for a success'
't_warning:a WARNING in the log fails a command that succeeded'
't_status_first:a command that failed keeps its status when the kernel complains too'
't_stall:processors that stood still are told from a kernel that is wrong'
't_log_result:a complaint of the kernel is a failure, processors that stood still are a skip'
't_deadline:TIMEOUT ends a command that goes on for ever'
't_hung:a guest that stops answering is noticed'
't_no_boot:a guest that never shows life is tried three times and reported'
't_bad_init:a panic before init is reported as one'
't_bad_qemu:what QEMU says when it does not start is shown'
't_no_kernel:an unknown kernel series is named in the error'
't_no_command:no command and no terminal is an error'
't_int:SIGINT leaves nothing behind'
't_term:SIGTERM leaves nothing behind'
't_hup:SIGHUP leaves nothing behind'
't_kill:QEMU does not outlive a run.sh that was killed outright'
't_status:the status of the command is the status of run.sh'
't_signal:a command that a signal ended gives 128 and its number'
't_missing:a command that is not there gives 127'
't_words:the words of a command arrive as they were given'
't_raw_output:output comes back byte for byte'
't_files:files go in and come back'
't_ublk:ublk_drv is loaded unless it was told not to be'
't_nodevtmpfs:without devtmpfs /dev holds only a few nodes'
't_modules:the modules of the lab load and work'
't_cpus:SMP and MEM reach the guest'
't_fio:fio runs'
't_icount:two runs that count instructions take equally long'
't_shell:at a terminal there is a shell'
)

failed=0
chosen=("$@")
[ $# -gt 0 ] || mapfile -t chosen < <(seq ${#tests[@]})
echo "KTAP version 1"
echo "1..${#chosen[@]}"
for n in "${chosen[@]}"; do
	row=${tests[n - 1]}
	if "${row%%:*}" && nothing_left; then
		echo "ok $n - ${row#*:}"
	else
		echo "not ok $n - ${row#*:}"
		failed=1
	fi
done
exit $failed
