# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034 # variables of the scripts that read this in
#
# The QEMU command line: which accelerator, which processor, which channels.

# TCG's cmpxchg16b is the suspect in memory corruption of an older QEMU, hence
# -cx16. On a CPU with fast string instructions (erms, fsrm) the kernel copies by
# them, which TCG does byte by byte: a test that moves data takes twice as long. With
# icount a guest nanosecond is an instruction, and they count once per byte, too.
machine_accel() {
	case $1 in
	kvm)    echo -accel kvm -cpu host ;;
	tcg)    echo -accel tcg,thread=multi -cpu max,-cx16,-erms,-fsrm ;;
	icount) echo -accel tcg,thread=single -cpu max,-erms,-fsrm -icount shift=0,sleep=off \
			-rtc base=2026-01-01T00:00:00,clock=vm -seed 1 ;;
	esac
}

# no_timer_check: a slow host makes the kernel's timer test fail, and it panics.
# The watchdogs' times are long because the host may be busy: 20 s of no
# progress are then no bug of the guest.
machine_kernel_args() {
	local args='console=ttyS0 panic=-1 mitigations=off no_timer_check'
	args+=' rcupdate.rcu_cpu_stall_timeout=60 watchdog_thresh=30 printk.time=1'
	[ "$1" != icount ] || args+=' nokaslr norandmaps bareblk.noheartbeat'
	[ ! -e "$kernel/unverified" ] || args+=' module.sig_enforce=1'
	[ -z "$interactive" ] || args+=' bareblk.shell'
	echo "$args ${KARGS-}"
}

# machine_args ACCEL: sets the array 'machine'
machine_args() {
	local accel=$1 cpus=${SMP:-2}
	[ "$accel" != icount ] || cpus=1
	# shellcheck disable=SC2207 # words without blanks
	machine=($(machine_accel "$accel"))
	machine+=(-M q35 -m "${MEM:-2G}" -smp "$cpus" -nodefaults -no-user-config -nic none -no-reboot)
	machine+=(-display none -kernel "$kernel/vmlinuz" -initrd "$work/initrd")
	machine+=(-append "$(machine_kernel_args "$accel")")
	machine+=(-serial "file:$work/console")
	if [ -n "$interactive" ]; then
		machine+=(-chardev "stdio,id=tty,signal=off" -serial chardev:tty)
	else
		machine+=(-serial "file:$work/output")
	fi
	machine+=(-device virtio-serial-pci)
	machine+=(-chardev "file,id=ctl,path=$work/ctl" -device "virtserialport,chardev=ctl,name=bareblk.ctl")
	machine+=(-chardev "file,id=out,path=$work/out.tar" -device "virtserialport,chardev=out,name=bareblk.out")
	# shellcheck disable=SC2206 # for those who know what they do
	machine+=(${QEMU_ARGS-})
}

# machine_start: QEMU in a session of its own, so that one kill reaches all of
# it. Should this shell be killed outright, the kernel kills QEMU.
machine_start() {
	: > "$work/console"
	: > "$work/output"
	rm -f "$work/out.tar"
	if [ -n "$interactive" ]; then
		"$qemu" "${machine[@]}" 2>"$work/qemu.log" <&0 &
	else
		setsid setpriv --pdeathsig KILL "$qemu" "${machine[@]}" >"$work/qemu.log" 2>&1 </dev/null &
	fi
	qemu_pid=$!
}

machine_runs() {
	[ -n "$qemu_pid" ] && kill -0 "$qemu_pid" 2>/dev/null
}

machine_kill() {
	[ -n "$qemu_pid" ] || return 0
	if [ -n "$interactive" ]; then
		kill -KILL "$qemu_pid" 2>/dev/null
	else
		kill -KILL -- "-$qemu_pid" 2>/dev/null
	fi
	wait "$qemu_pid" 2>/dev/null
	qemu_pid=
}
