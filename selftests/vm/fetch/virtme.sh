# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034 # variables of the scripts that read this in
#
# virtme: virtme-ng, the static busybox that its initramfs wants, and a root for
# its guest. The root has udev: without one virtme's init boots and stays silent.

virtme_root_packages='base-files base-passwd bash coreutils dash grep sed mawk findutils hostname
	util-linux mount kmod udev procps iproute2 e2fsprogs dmsetup'

# What the packages' maintainer scripts would do, as far as a guest notices
virtme_finish_root() {
	local root=$1 name
	cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd" &&
		cp "$root/usr/share/base-passwd/group.master" "$root/etc/group" || return
	echo '127.0.0.1 localhost' > "$root/etc/hosts"
	# virtme's init mounts over these, so they must be there
	touch "$root/etc/fstab" "$root/etc/shadow"
	mkdir -p "$root/etc/lvm" "$root"/{proc,sys,dev,run,tmp,root,mnt}
	[ -e "$root/usr/bin/sh" ] || ln -s dash "$root/usr/bin/sh"
	[ -e "$root/usr/bin/awk" ] || ln -s mawk "$root/usr/bin/awk"
	for name in bin sbin lib lib64; do
		[ -e "$root/$name" ] || ln -s "usr/$name" "$root/$name"
	done
	# its many complaints about users that the root has not would bury the output
	rm -f "$root/usr/bin/systemd-tmpfiles"
	rm -rf "$root"/usr/share/{doc,man,locale,info}
}

virtme_make() {
	local dest=$1
	note "getting virtme-ng and a root for its guest"
	mkdir "$dest/root"
	unpack "$dest" apt_fetch_only virtme-ng busybox-static || return
	# shellcheck disable=SC2086 # a list of words
	unpack "$dest/root" apt_fetch_all $virtme_root_packages || return
	virtme_finish_root "$dest/root" || return
	# virtme's init ends with poweroff, and panics without one
	cp "$dest/usr/bin/busybox" "$dest/root/usr/bin/busybox" &&
		ln -sf ../bin/busybox "$dest/root/usr/sbin/poweroff"
}

virtme_fetch() {
	apt_prepare
	publish virtme_make "$1" || die "virtme-ng could not be fetched"
}

fetch_virtme() {
	local dir
	dir=$vm_cache/virtme-$(checksum "$vm_dir/fetch/virtme.sh")
	[ -d "$dir" ] || with_lock apt virtme_fetch "$dir" || exit
	echo "$dir"
}
