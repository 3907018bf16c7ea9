#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs one command under virtme-ng's virtme-run: Debian's full kernel, a root
# that the host serves over 9p, and udev, which the lab's own guest has not.
#
#   KERNEL=7.3 virtme.sh ['SHELL LINE']     default: a look at /dev/ublk-control
#
#   TIMEOUT=600     seconds
#   SMP=2 MEM=2G    processors and memory
#   FILES="a:/opt/b ..."  files to put into the guest's root
#
# Takes about two minutes under TCG. Exit status: the command's, or that of
# lib.sh for what went wrong outside of it.

# shellcheck disable=SC2317 # functions that are called by name
# shellcheck disable=SC2154,SC2034 # variables of the files that are read in
set -u -o pipefail
. "$(dirname "$0")/lib.sh"
. "$vm_dir/guestprog.sh"
. "$vm_dir/run/guest.sh"
. "$vm_dir/run/klog.sh"

work=''
trap '[ -z "$work" ] || rm -rf "$work"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# The root with the modules that modules.list names, as plain files: virtme's
# initramfs cannot read compressed ones.
make_root() {
	local dest=$1 modules
	modules=$("$vm_dir/initramfs.sh" "$kernel" | tail -n 1) || return
	cp -al "$virtme/root/." "$dest" || return
	(cd "$dest" && guest_program "$base" busybox cpio -idm < "$modules" 2>/dev/null) || return
	cp "$kernel/vmlinuz" "$dest/usr/lib/modules/$release/vmlinuz"
}

# A run's own root: links to the cached one, with the run's files in it
make_run_root() {
	local root
	root=$vm_cache/virtme-root/$release-${virtme##*-}-$(checksum "$vm_dir/modules.list" "$vm_dir/initramfs.sh" "$0")
	with_lock virtme publish make_root "$root" || die "could not make $root"
	cp -al "$root" "$work/root" || cp -a "$root" "$work/root" || die "could not copy $root"
	guest_copy_files "$work/root"
}

# When whoever started one of these goes, it goes too: script's pseudo-terminal
# puts them into another session, which timeout(1) does not reach.
write_wrappers() {
	mkdir "$work/bin"
	cat > "$work/bin/qemu" <<-END
	#!/bin/sh
	exec setpriv --pdeathsig KILL "$qemu" "\$@"
	END
	cat > "$work/bin/modprobe" <<-END
	#!/bin/sh
	exec "$base/usr/lib64/ld-linux-x86-64.so.2" --library-path "$base/usr/lib/x86_64-linux-gnu" \\
		--argv0 modprobe "$base/usr/bin/kmod" "\$@"
	END
	cat > "$work/bin/virtme-run" <<-END
	#!/bin/sh
	export PATH="$work/bin:\$PATH" PYTHONPATH="$virtme/usr/lib/python3/dist-packages" PYTHONDONTWRITEBYTECODE=1
	exec setpriv --pdeathsig KILL python3 -c 'from virtme.commands.run import main; exit(main())' "\$@"
	END
	chmod +x "$work"/bin/*
}

virtme_command() {
	guest_quote "$work/bin/virtme-run" --kimg "$work/root/usr/lib/modules/$release/vmlinuz" \
		--root "$work/root" --mods auto --disable-kvm --force-9p --busybox "$virtme/usr/bin/busybox" \
		--qemu-bin "$work/bin/qemu" --memory "${MEM:-2G}" --cpus "${SMP:-2}" \
		--kopt no_timer_check --show-boot-console --script-sh "$1"
}

# Only the kernel's lines count: the output's own stand in the same log
check_kernel_log() {
	local complaints
	grep -aE '^.{0,2}\[ *[0-9]+\.[0-9]+\]' "$work/log" > "$work/klog"
	complaints=$(klog_complaints_in "$work/klog" "${release%.*}")
	[ -n "$complaints" ] || return
	note "from the kernel's log:"
	head -n 20 <<<"$complaints" >&2
	[ "$status" != 0 ] || status=$VM_RC_KLOG
}

find_everything() {
	kernel=$(FLAVOUR=full "$vm_dir/fetch.sh" kernel "${KERNEL-7.3}") || exit
	release=$(cat "$kernel/release")
	virtme=$("$vm_dir/fetch.sh" virtme) || exit
	base=$("$vm_dir/fetch.sh" userland base) || exit
	qemu=$("$vm_dir/fetch.sh" qemu) || exit
}

# The marker tells the command's status from that of the tools around it
run_in_guest() {
	local line
	# its own shell, so that an exit in it does not take the marker with it
	line=$'mount -t tmpfs tmpfs /tmp\n(\n'"$1"$'\n)\necho "bareblk-virtme-status $?"'
	timeout -k 10 "${TIMEOUT:-600}" script -qec "$(virtme_command "$line")" /dev/null </dev/null 2>&1 | tee "$work/log"
	outer=${PIPESTATUS[0]}
	status=$(klog_text "$work/log" | sed -n 's/^bareblk-virtme-status \([0-9]*\)$/\1/p' | tail -n 1)
}

main() {
	need_program script timeout setpriv python3 flock
	work=$(mktemp -d "${TMPDIR:-/tmp}/bareblk-virtme.XXXXXX") || die "no temporary directory could be made"
	find_everything
	make_run_root
	write_wrappers
	run_in_guest "${1-uname -r; modprobe ublk_drv && udevadm settle && ls -l /dev/ublk-control}"
	check_kernel_log
	[ -n "$status" ] && exit "$status"
	if [ "$outer" = 124 ]; then
		note "TIMEOUT of ${TIMEOUT:-600} s passed"
		exit "$VM_RC_DEADLINE"
	fi
	note "the command never ended; virtme-run's status is $outer"
	exit "$VM_RC_NO_BOOT"
}

main "$@"
