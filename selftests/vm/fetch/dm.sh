# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034 # variables of the scripts that read this in
#
# dm: what the device mapper is compared with, as a tree for the guest: opt/dm12
# and opt/dm13 hold Debian 12's and 13's dmsetup and its library, each with the
# rules that came with it, opt/udev a udevd with the rules for disks. All else
# that they load is in the guest already, or is beside them.

dm_suites='12:bookworm 13:trixie'
dm_udev_rules='50-udev-default 60-block 60-persistent-storage'

# dm_find ROOT PATH: files moved below usr/ between the two
dm_find() {
	find "$1" -type f -path "*/$2" | head -n 1
}

dm_copy_reference() { # VERSION SUITE
	local to=$dest/opt/dm$1 root=$roots/$1
	mkdir -p "$to/rules" "$root"
	unpack "$root" apt_fetch_only "dmsetup/$2" "libdevmapper1.02.1/$2" || return
	cp "$(dm_find "$root" sbin/dmsetup)" "$(dm_find "$root" libdevmapper.so.1.02.1)" "$to/" &&
		find "$root" -name '*.rules' -exec cp {} "$to/rules/" \;
}

# With the libraries that the guest does not have of itself
dm_copy_udev() {
	local to=$dest/opt/udev root=$roots/udev lib name
	mkdir -p "$to/lib" "$to/rules" "$root"
	unpack "$root" apt_fetch_all udev/trixie || return
	cp -L "$(dm_find "$root" bin/udevadm)" "$to/systemd-udevd" && ln -s systemd-udevd "$to/udevadm" || return
	for name in $dm_udev_rules; do
		cp "$(dm_find "$root" "$name.rules")" "$to/rules/" || return
	done
	dm_copy_libraries "$to" "$root"
}

dm_copy_libraries() { # TO ROOT
	local todo=$1/systemd-udevd next name file
	while [ -n "$todo" ]; do
		next=
		# shellcheck disable=SC2086 # our own names, without blanks
		for name in $(readelf -d $todo | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort -u); do
			[ ! -e "$1/lib/$name" ] && [ ! -e "$base/$userland_lib/$name" ] || continue
			file=$(find "$2/usr/lib" "$2/lib" -name "$name" 2>/dev/null | head -n 1)
			[ -n "$file" ] || { note "no package brought the library $name"; return 1; }
			cp -L "$file" "$1/lib/$name" || return
			next="$next $1/lib/$name"
		done
		todo=$next
	done
}

dm_make() {
	local dest=$1 roots suite rc=0
	note "getting Debian's dmsetup and udev to compare with"
	roots=$(mktemp -d "$apt_dir/deb/root.XXXXXX") || return
	for suite in $dm_suites; do
		dm_copy_reference "${suite%:*}" "${suite#*:}" || rc=1
	done
	dm_copy_udev || rc=1
	rm -rf "$roots"
	return $rc
}

dm_fetch() {
	apt_prepare
	publish dm_make "$1" || die "Debian's dmsetup and udev could not be fetched"
}

fetch_dm() {
	local base dir
	base=$(fetch_userland base) || exit
	dir=$vm_cache/dm-$(checksum "$vm_dir/fetch/dm.sh" "$vm_dir/fetch/userland.sh")
	[ -d "$dir" ] || with_lock apt dm_fetch "$dir" || exit
	echo "$dir"
}
