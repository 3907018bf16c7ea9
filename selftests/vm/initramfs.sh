#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Prints the cached archives that make the guest's root, one path per line:
#
#   initramfs.sh KERNEL-DIR [PART]...     a directory of fetch.sh kernel; base is always in
#
# They are uncompressed, which boots faster, and are concatenated with each
# other and with the small archive that run.sh makes for a run. The kernel makes
# all of the device nodes, so no archive needs root.

set -u -o pipefail
. "$(dirname "$0")/lib.sh"
. "$vm_dir/guestprog.sh"

module_file() {
	awk -v name="${1//-/_}" '{ n = $0; sub(/.*\//, "", n); sub(/\.ko.*/, "", n); gsub(/-/, "_", n) } n == name { print; exit }' "$tmp/all"
}

# add_module FILE: a module in plain form, then all that its own record names
add_module() {
	local file=$1 plain dep
	plain=$dest/kernel/${file%.ko*}.ko
	[ -e "$plain" ] && return
	mkdir -p "${plain%/*}"
	case $file in
	*.xz)  xz -dc "$src/kernel/$file" ;;
	*.zst) zstd -qdc "$src/kernel/$file" ;;
	*)     cat "$src/kernel/$file" ;;
	esac > "$plain" || return
	for dep in $(module_wants "$plain"); do
		file=$(module_file "$dep")
		[ -z "$file" ] || add_module "$file" || return
	done
}

# hard dependencies, and the soft ones ("pre: crc32c post: ...")
module_wants() {
	tr '\0' '\n' < "$1" | grep -aE '^(depends|softdep)=' |
		sed -e 's/^[a-z]*=//' -e 's/\(pre\|post\)://g' -e 's/,/ /g'
}

# the patterns of modules.list against the kernel's files
wanted_files() {
	local pattern
	grep -v '^#' "$vm_dir/modules.list" | while read -r pattern; do
		[ -z "$pattern" ] || (cd "$src/kernel" && compgen -G "$pattern.ko*")
	done
}

make_modules_tree() {
	local rel file
	rel=$(cat "$kernel/release")
	src=$kernel/lib/modules/$rel
	dest=$tmp/root/usr/lib/modules/$rel
	mkdir -p "$dest"
	(cd "$src/kernel" && find . -name '*.ko*' -printf '%P\n') > "$tmp/all"
	for file in $(wanted_files); do
		add_module "$file" || return
	done
	cp "$src"/modules.{builtin,builtin.modinfo,order} "$dest/" 2>/dev/null
	guest_program "$base" kmod depmod -b "$tmp/root/usr" "$rel"
}

make_modules_archive() {
	local archive=$1 rc=0
	[ -s "$archive" ] && return
	tmp=$(mktemp -d "$vm_cache/initramfs/tmp.XXXXXX") || return
	make_modules_tree && pack "$base" "$tmp/root" "$archive" || rc=1
	rm -rf "$tmp"
	return $rc
}

# the real programs come first; busybox answers for the rest
link_busybox() {
	local root=$1 name
	for name in $(guest_program "$base" busybox busybox --list); do
		[ -e "$root/usr/bin/$name" ] || [ -L "$root/usr/bin/$name" ] || ln -s busybox "$root/usr/bin/$name"
	done
	for name in modprobe insmod rmmod lsmod depmod modinfo; do
		ln -sf kmod "$root/usr/bin/$name"
	done
}

make_userland_archive() {
	local tree=$1 archive=$2 root rc=0
	[ -s "$archive" ] && return
	root=$(mktemp -d "$vm_cache/initramfs/tmp.XXXXXX") || return
	cp -a "$tree/." "$root" || rc=1
	[ "$tree" != "$base" ] || link_busybox "$root"
	[ $rc != 0 ] || pack "$base" "$root" "$archive" || rc=1
	rm -rf "$root"
	return $rc
}

archive_of_part() {
	local part=$1 tree archive
	tree=$("$vm_dir/fetch.sh" userland "$part") || exit
	archive=$vm_cache/initramfs/${tree##*/}-$(checksum "$vm_dir/initramfs.sh").cpio
	[ -s "$archive" ] || with_lock initramfs make_userland_archive "$tree" "$archive" || die "could not make $archive"
	use_now "$archive"
	echo "$archive"
}

archive_of_modules() {
	local archive
	archive=$vm_cache/initramfs/modules-$(cat "$kernel/release")-$(checksum "$vm_dir/initramfs.sh" "$vm_dir/modules.list").cpio
	[ -s "$archive" ] || with_lock initramfs make_modules_archive "$archive" || die "could not make $archive"
	use_now "$archive"
	echo "$archive"
}

[ $# -ge 1 ] || die "usage: initramfs.sh KERNEL-DIR [PART]..."
kernel=$1
shift
mkdir -p "$vm_cache/initramfs" || die "cannot write $vm_cache/initramfs"
base=$("$vm_dir/fetch.sh" userland base) || exit
forget_old "$vm_cache/initramfs"
for part in base "$@"; do
	archive_of_part "$part" || exit
done
archive_of_modules
