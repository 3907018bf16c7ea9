# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034 # variables of the scripts that read this in
#
# KVM or TCG. /dev/kvm proves nothing: it may belong to a host that cannot run
# an ordinary kernel. So one boot is tried, and the answer kept until the host
# itself boots again.

accel_probe_s=20

accel_probe_file() {
	echo "$vm_cache/kvm-works-$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"
}

# The probe is this lab's own run with KVM, a kernel and a deadline
accel_probe() {
	local file answer=no
	file=$(accel_probe_file)
	[ -s "$file" ] && return
	if ACCEL=kvm KERNEL=$kernel TIMEOUT=$accel_probe_s ICOUNT='' OUT='' FILES='' WITH='' SMP=2 MEM=1G KARGS='' QEMU_ARGS='' \
		VERBOSE='' "$vm_dir/run.sh" true >/dev/null 2>&1; then
		answer=yes
	fi
	rm -f "$vm_cache"/kvm-works-*
	echo $answer > "$file"
}

accel_kvm_works() {
	[ -r /dev/kvm ] && [ -w /dev/kvm ] || return
	[ -s "$(accel_probe_file)" ] || with_lock kvm accel_probe
	[ "$(cat "$(accel_probe_file)")" = yes ]
}

choose_accel() {
	if [ -n "${ICOUNT-}" ]; then
		accel=icount
	elif [ -n "${ACCEL-}" ]; then
		accel=$ACCEL
	elif accel_kvm_works; then
		accel=kvm
	else
		accel=tcg
	fi
	[ -n "$(machine_accel "$accel")" ] || die "ACCEL=$accel is not known: tcg or kvm"
}
