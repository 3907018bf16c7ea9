#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Boots a real kernel in QEMU, runs one command as root in it, prints the
# command's output and exits with its status.
#
#   KERNEL=7.3 run.sh CMD ARG...     a command's words
#   KERNEL=7.3 run.sh 'SHELL LINE'   one argument is a line for the guest's sh
#   KERNEL=7.3 run.sh                at a terminal: a shell in the guest
#
#   KERNEL=7.3      series, its newest patch level; or the name of a directory of fetch.sh kernel
#   FLAVOUR=full    the kernel with all drivers, in place of the cloud one
#   SMP=2 MEM=2G    processors and memory
#   TIMEOUT=300     seconds for everything from the start of QEMU, 0 for no limit
#   SILENCE=60      seconds without a sign of life until a guest counts as hung
#   FILES="a:/root/b ..."  files and directories to put into the guest
#   WITH=fio        further parts of fetch.sh userland
#   OUT=dir         gets the files of the guest's /out, dmesg.txt, and on failure console.log
#   ICOUNT=1        one processor, time counted in instructions: repeatable measurements
#   ACCEL=tcg       tcg or kvm, in place of trying whether kvm works
#   KARGS=words     more for the kernel's command line; see the file init for those of the lab
#   QEMU_ARGS=words more for QEMU
#   VERBOSE=1       the kernel's console on stderr
#
# Exit status: the command's, or 240 the lab failed; 241 the guest did not come
# up; 242 TIMEOUT passed; 243 the guest panicked or stopped by itself; 244 the
# command succeeded but the kernel complained; 245 the guest hung. A line on
# stderr says which, so a command that exits with 240 to 245 is told apart.

# shellcheck disable=SC2317 # functions that a trap or a table calls
# shellcheck disable=SC2154,SC2034 # variables of the files that are read in
# shellcheck disable=SC2016 # what is quoted so is for the guest's shell
set -u -o pipefail
. "$(dirname "$0")/lib.sh"
. "$vm_dir/guestprog.sh"
for part in "$vm_dir"/run/*.sh; do
	# shellcheck disable=SC1090
	. "$part"
done

boot_attempts=3
qemu_pid='' work='' tail_pids=''

cleanup() {
	machine_kill
	# shellcheck disable=SC2086 # a list of numbers
	[ -z "$tail_pids" ] || kill $tail_pids 2>/dev/null
	[ -z "$work" ] || rm -rf "$work"
}

set_traps() {
	trap cleanup EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

find_kernel() {
	local name=${KERNEL-7.3}
	if [ -d "$name" ]; then
		kernel=$(cd "$name" && pwd)
	else
		kernel=$("$vm_dir/fetch.sh" kernel "$name") || exit
	fi
	[ -s "$kernel/release" ] || die "KERNEL=$name is not a directory made by fetch.sh kernel"
	series=$(grep -oE '^[0-9]+\.[0-9]+' "$kernel/release")
}

# follow FILE FD: what a file gets, as it comes, until QEMU has ended
follow() {
	tail -q -s 0.05 -c +1 --pid="$qemu_pid" -f "$1" >&"$2" &
	tail_pids="$tail_pids $!"
}

wait_for_output() {
	# shellcheck disable=SC2086
	[ -z "$tail_pids" ] || wait $tail_pids 2>/dev/null
	tail_pids=
}

boot_once() {
	watch_open
	machine_args "$accel"
	machine_start
	[ -n "$interactive" ] || follow "$work/output" 1
	[ -z "${VERBOSE-}" ] || follow "$work/console" 2
	watch_run "$deadline"
	wait_for_output
	exec {ctl}>&-
}

# Some boots in dozens hang early under TCG, or die at a random place. Only what
# happened before the command's start is tried again.
boot() {
	local try
	for ((try = 1; try <= boot_attempts; try++)); do
		boot_once
		[ -z "$guest_ready" ] || return 0
		[ "$watch_end" != deadline ] || return 0
		note "attempt $try of $boot_attempts: kernel $series did not come up ($watch_end)"
		[ ! -s "$work/qemu.log" ] || tail -n 3 "$work/qemu.log" >&2
	done
}

# verdict: sets rc and why
verdict() {
	why=''
	rc=${guest_status:-$VM_RC_HUNG}
	if klog_has_panic "$work/console"; then
		rc=$VM_RC_PANIC why="the guest's kernel panicked"
	elif [ "$watch_end" = deadline ]; then
		rc=$VM_RC_DEADLINE why="TIMEOUT of ${TIMEOUT:-300} s passed"
	elif [ -z "$guest_ready" ]; then
		rc=$VM_RC_NO_BOOT why="the guest did not come up in $boot_attempts attempts"
	elif [ "$watch_end" = gone ]; then
		rc=$VM_RC_PANIC why="the guest reset or stopped before the command had ended"
	elif [ "$watch_end" = silent ]; then
		rc=$VM_RC_HUNG why="the guest gave no sign of life for $watch_silence_s s"
	elif [ "$watch_end" = no_poweroff ]; then
		rc=$VM_RC_HUNG why="the command ended with $guest_status, but the guest did not power off in $watch_poweroff_s s"
	fi
	verdict_klog
}

verdict_klog() {
	complaints=$(klog_complaints_in "$work/console" "$series")
	if [ -n "$complaints" ] && [ "$rc" = 0 ]; then
		rc=$VM_RC_KLOG why="the command succeeded, but the kernel complained"
	fi
}

# The logs of runs without OUT go to the cache, the last 20 of them
log_dir() {
	if [ -n "${OUT-}" ]; then
		echo "$OUT"
	else
		find "$vm_cache/log" -mindepth 1 -maxdepth 1 2>/dev/null | sort -r | tail -n +20 | tr '\n' '\0' | xargs -0r rm -rf
		echo "$vm_cache/log/$(date +%Y%m%d-%H%M%S)-$series-$$"
	fi
}

say_complaints() {
	if klog_is_stall "$complaints"; then
		note "processors stood still; from the kernel's log:"
	else
		note "from the kernel's log:"
	fi
	head -n 20 <<<"$complaints"
}

report() {
	local dir
	if [ -n "${OUT-}" ] && ! guest_bring_back "$OUT" && [ "$rc" = 0 ]; then
		rc=$VM_RC_LAB why="the files of the guest's /out came back damaged; what was readable is in $OUT"
	fi
	[ "$rc" != 0 ] || return 0
	dir=$(log_dir)
	mkdir -p "$dir" && klog_text "$work/console" > "$dir/console.log"
	[ -z "$why" ] || note "$why"
	[ -z "$complaints" ] || say_complaints >&2
	note "status $rc, kernel $(cat "$kernel/release"); console: $dir/console.log"
}

choose_mode() {
	interactive=
	[ $# -eq 0 ] || return 0
	if [ ! -t 0 ] || [ ! -t 1 ]; then
		die "no command was given, and there is no terminal for a shell; see the top of $0"
	fi
	interactive=1
}

# A run that was killed outright could not clean up: the next one does
sweep() {
	local dir pid
	for dir in "${TMPDIR:-/tmp}"/bareblk-vm.*; do
		if [ -O "$dir/pid" ] && read -r pid < "$dir/pid" && ! kill -0 "$pid" 2>/dev/null; then
			rm -rf "$dir"
		fi
	done
}

make_work() {
	sweep
	work=$(mktemp -d "${TMPDIR:-/tmp}/bareblk-vm.XXXXXX") || die "no temporary directory could be made in ${TMPDIR:-/tmp}"
	echo $$ > "$work/pid"
}

main() {
	need_program flock setsid setpriv mkfifo tail timeout
	choose_mode "$@"
	set_traps
	make_work
	find_kernel
	qemu=$("$vm_dir/fetch.sh" qemu) || exit
	guest_make_initrd "$@"
	choose_accel
	deadline=0
	[ -z "${OUT-}" ] || rm -f "$OUT/console.log"
	[ -n "$interactive" ] || [ "${TIMEOUT:-300}" = 0 ] || deadline=$((SECONDS + ${TIMEOUT:-300}))
	boot
	verdict
	report
	exit "$rc"
}

main "$@"
