# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034 # variables of the scripts that read this in
#
# qemu: a qemu-system-x86_64 of version 10 or newer. QEMU 7.2 of Debian 12
# corrupts a guest's memory under TCG, so an older one is not used: trixie's is
# unpacked with its libraries and started through its own dynamic loader.

qemu_suite=trixie
qemu_min_major=10

qemu_of_the_machine() {
	local path major
	path=$(command -v qemu-system-x86_64) || return
	major=$("$path" --version | sed -n 's/.* version \([0-9]*\).*/\1/p' | head -n 1)
	[ "${major:-0}" -ge "$qemu_min_major" ] && echo "$path"
}

# The wrapper finds its files beside itself, so the directory may be renamed.
# libexec: modules such as accel-tcg-x86_64.so are loaded at run time.
qemu_wrapper() {
	cat <<-'END'
	#!/bin/sh
	here=$(cd "$(dirname "$0")" && pwd)
	export QEMU_MODULE_DIR="$here/usr/lib/x86_64-linux-gnu/qemu"
	exec "$here/usr/lib64/ld-linux-x86-64.so.2" \
		--library-path "$here/usr/lib/x86_64-linux-gnu:$here/lib/x86_64-linux-gnu" \
		"$here/usr/bin/qemu-system-x86_64" \
		-L "$here/usr/share/qemu" -L "$here/usr/share/seabios" -L "$here/usr/lib/ipxe/qemu" "$@"
	END
}

qemu_make() {
	local dest=$1
	note "getting QEMU of $qemu_suite"
	unpack "$dest" apt_fetch_all "qemu-system-x86/$qemu_suite" || return
	rm -rf "${dest:?}"/{etc,var} "$dest"/usr/share/{doc,man,locale,perl,info}
	qemu_wrapper > "$dest/qemu-system-x86_64" && chmod +x "$dest/qemu-system-x86_64"
	"$dest/qemu-system-x86_64" --version >/dev/null
}

qemu_fetch() {
	apt_prepare
	publish qemu_make "$vm_cache/qemu" || die "QEMU of $qemu_suite could not be fetched; install a qemu-system-x86 of version $qemu_min_major or newer"
}

fetch_qemu() {
	qemu_of_the_machine && return
	[ -x "$vm_cache/qemu/qemu-system-x86_64" ] || with_lock apt qemu_fetch || exit
	echo "$vm_cache/qemu/qemu-system-x86_64"
}
