# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034 # variables of the scripts that read this in
#
# userland [base|fio]: the guest's programs, as a tree for the initramfs. The
# packages are fetched with all they need; then only the programs below and the
# libraries which they load go into the tree. fio is a part of its own, since it
# links with the clients of two cluster file systems.

userland_lib=usr/lib/x86_64-linux-gnu

# Not busybox-static: Debian builds that to prefer its own applets to the programs
# of the same name in the PATH, so a test that runs mke2fs would get busybox's.
userland_packages() {
	case $1 in
	base) echo busybox e2fsprogs xfsprogs btrfs-progs util-linux util-linux-extra mount fdisk coreutils dmsetup cryptsetup-bin thin-provisioning-tools kmod strace ;;
	fio)  echo fio ;;
	esac
}

userland_programs() {
	case $1 in
	base) echo busybox dd stat truncate mount umount losetup mke2fs e2fsck debugfs mkfs.xfs xfs_repair xfs_io xfs_quota btrfs mkfs.btrfs \
		blkdiscard blkzone blockdev lsblk blkid findmnt fallocate flock setpriv prlimit \
		unshare nsenter taskset wipefs sfdisk dmsetup veritysetup integritysetup \
		cryptsetup pdata_tools kmod strace ;;
	fio)  echo fio ;;
	esac
}

# names that packages give a program beside its own
userland_links() {
	case $1 in
	base) echo mkfs.ext4:mke2fs mkfs.ext3:mke2fs mkfs.ext2:mke2fs fsck.ext4:e2fsck thin_check:pdata_tools thin_dump:pdata_tools cache_check:pdata_tools ;;
	esac
}

userland_find_program() {
	local root=$1 name=$2 dir
	for dir in usr/sbin sbin usr/bin bin; do
		[ -f "$root/$dir/$name" ] && echo "$root/$dir/$name" && return
	done
	return 1
}

userland_copy_program() {
	local root=$1 dest=$2 name=$3 from
	from=$(userland_find_program "$root" "$name") || return
	cp -L "$from" "$dest/usr/bin/$name"
}

# The libraries a file asks for, and theirs, until nothing new turns up. ldd
# would run the file with the machine's own libraries; readelf only reads.
userland_copy_libraries() {
	local root=$1 dest=$2 todo name next file
	todo=$(find "$dest/usr/bin" -type f)
	while [ -n "$todo" ]; do
		next=
		# shellcheck disable=SC2086 # our own names, without blanks
		for name in $(readelf -d $todo 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort -u); do
			[ -e "$dest/$userland_lib/$name" ] && continue
			file=$(find "$root/usr/lib" "$root/lib" -name "$name" 2>/dev/null | head -n 1)
			[ -n "$file" ] || { note "no package brought the library $name"; return 1; }
			cp -L "$file" "$dest/$userland_lib/$name" || return
			next="$next $dest/$userland_lib/$name"
		done
		todo=$next
	done
}

userland_skeleton() {
	local dest=$1 d
	mkdir -p "$dest/usr/bin" "$dest/$userland_lib" "$dest/usr/lib64"
	for d in bin sbin lib lib64; do
		ln -s "usr/${d/sbin/bin}" "$dest/$d"
	done
	ln -s bin "$dest/usr/sbin"
}

userland_make() {
	local dest=$1 root name rc=0
	note "getting the guest's programs ($userland_part)"
	root=$(mktemp -d "$apt_dir/deb/root.XXXXXX") || return
	# shellcheck disable=SC2046 # a list of words
	unpack "$root" apt_fetch_all $(userland_packages "$userland_part") || { rm -rf "$root"; return 1; }
	userland_skeleton "$dest"
	for name in $(userland_programs "$userland_part"); do
		userland_copy_program "$root" "$dest" "$name" || note "no package brought the program $name"
	done
	for name in $(userland_links "$userland_part"); do
		ln -s "${name#*:}" "$dest/usr/bin/${name%:*}"
	done
	cp -L "$root/usr/lib64/ld-linux-x86-64.so.2" "$dest/usr/lib64/" &&
		userland_copy_libraries "$root" "$dest" || rc=1
	rm -rf "$root"
	return $rc
}

userland_fetch() {
	userland_part=$1
	apt_prepare
	publish userland_make "$2" || die "the guest's programs ($1) could not be fetched"
}

fetch_userland() {
	local part=${1-base} dir
	[ -n "$(userland_packages "$part")" ] || die "usage: fetch.sh userland [base|fio]"
	dir=$vm_cache/userland/$part-$(checksum "$vm_dir/fetch/userland.sh")
	[ -d "$dir" ] || with_lock apt userland_fetch "$part" "$dir" || exit
	echo "$dir"
}
