# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034 # variables of the scripts that read this in
#
# kernel SERIES: Debian's newest kernel of a series (6.12, 7.3), unpacked.
#
# A kernel is one package up to 6.18. From 6.19 on it is three: linux-binary-*
# (the image), linux-modules-* and linux-base-* (its configuration). For series
# that Debian no longer updates linux-modules-* has left the index, while the
# other two stay; the file may still be in the pool.

kernel_flavour() {
	case ${FLAVOUR-cloud} in
	cloud) echo cloud-amd64 ;;
	full)  echo amd64 ;;
	*)     die "FLAVOUR=$FLAVOUR is not known: cloud or full" ;;
	esac
}

# kernel_releases SERIES FLAVOUR: what uname -r would say, newest first
kernel_releases() {
	apt_names "^linux-image-${1//./\\.}\.[0-9.]+([+]deb[0-9.]+|-[0-9]+)-$2\$" |
		sed 's/^linux-image-//' | sort -rV
}

kernel_is_split() {
	grep -q "linux-binary-" < <(apt_field "linux-image-$1" Depends)
}

# kernel_from_pool DEST RELEASE PACKAGE WILDCARD...: files of a package that the
# index has dropped. No signed index holds its hash, so it gets less trust than
# a package: nothing but the files named is taken out.
kernel_from_pool() {
	local dest=$1 rel=$2 package=$3 version mirror
	shift 3
	version=$(apt_field "linux-binary-$rel" Version)
	mirror=$(sed -n 's/^URIs: //p' "$apt_dir/sources/lab.sources")
	apt_run /usr/lib/apt/apt-helper download-file \
		"${mirror%/}/pool/main/l/linux/${package}_${version}_amd64.deb" \
		"$dest/pool.deb" >"$dest/apt.log" 2>&1 || {
			note "$package is neither in the index nor in the pool"
			return 1
		}
	dpkg-deb --fsys-tarfile "$dest/pool.deb" |
		tar -x -C "$dest" --no-same-owner --wildcards "$@" || return
	rm -f "$dest/pool.deb" "$dest/apt.log"
}

# kernel_part DEST RELEASE PACKAGE WILDCARD...: from the index, else from the pool
kernel_part() {
	local dest=$1 rel=$2 package=$3
	if [ -n "$(apt_field "$package" Version)" ]; then
		unpack "$dest" apt_fetch_only "$package=$(apt_field "linux-binary-$rel" Version)"
	else
		kernel_from_pool "$@" || return
		: > "$dest/unverified"
	fi
}

# Modules from the pool are checked by the guest: the file 'unverified' makes
# run.sh boot with module.sig_enforce=1, and the kernel, which came with a
# verified package, holds the key that its modules are signed with. The rest,
# its configuration and lists, is not needed to boot.
kernel_unpack_split() {
	local dest=$1 rel=$2
	unpack "$dest" apt_fetch_only "linux-binary-$rel" &&
		kernel_part "$dest" "$rel" "linux-modules-$rel" "./*/kernel/*.ko*" || return
	kernel_part "$dest" "$rel" "linux-base-$rel" "./*/config*" "./*/modules.*" ||
		note "going on without the lists of linux-base-$rel"
}

# One shape for all: vmlinuz, lib/modules/RELEASE, release, and config if known
kernel_arrange() {
	local dest=$1 rel=$2 m
	[ -d "$dest/lib/modules/$rel" ] || {
		mkdir -p "$dest/lib/modules"
		mv "$dest/usr/lib/modules/$rel" "$dest/lib/modules/$rel" || return
	}
	m=$dest/lib/modules/$rel
	[ -e "$m/vmlinuz" ] && mv "$m/vmlinuz" "$dest/vmlinuz"
	[ -e "$dest/boot/vmlinuz-$rel" ] && mv "$dest/boot/vmlinuz-$rel" "$dest/vmlinuz"
	[ -e "$m/config" ] && mv "$m/config" "$dest/config"
	[ -e "$dest/boot/config-$rel" ] && mv "$dest/boot/config-$rel" "$dest/config"
	rm -rf "${dest:?}"/{usr,boot} "$dest/apt.log" "$dest/pool.deb"
	echo "$rel" > "$dest/release"
	[ -s "$dest/vmlinuz" ] && [ -d "$m/kernel" ]
}

kernel_make() {
	local dest=$1
	note "getting kernel $kernel_rel"
	if kernel_is_split "$kernel_rel"; then
		kernel_unpack_split "$dest" "$kernel_rel"
	else
		unpack "$dest" apt_fetch_only "linux-image-$kernel_rel"
	fi && kernel_arrange "$dest" "$kernel_rel"
}

# The newest patch level that can be had; when the network is gone, the newest
# that is already here.
kernel_fetch() {
	local series=$1 flavour=$2 rel all
	apt_prepare
	all=$(kernel_releases "$series" "$flavour")
	for rel in $all; do
		kernel_rel=$rel
		publish kernel_make "$vm_cache/kernel/$rel" && kernel_remember "$series" "$flavour" "$rel" && return
		note "kernel $rel cannot be had; trying an older or an already fetched one"
	done
	rel=$(kernel_fetched "$series" "$flavour")
	[ -n "$rel" ] || die "no kernel $series of flavour $flavour can be had from $apt_suites; tried: ${all:-nothing, the index has none}"
	note "using $rel, fetched earlier"
	kernel_remember "$series" "$flavour" "$rel"
}

kernel_fetched() {
	find "$vm_cache/kernel" -mindepth 1 -maxdepth 1 -name "$1.*-$2" ! -name '*.tmp.*' -printf '%f\n' 2>/dev/null |
		if [ "$2" = amd64 ]; then grep -v cloud; else cat; fi | sort -rV | head -n 1
}

# The answer for a day, so that a boot need not ask apt
kernel_remember() {
	mkdir -p "$vm_cache/newest" && echo "$vm_cache/kernel/$3" > "$vm_cache/newest/$1-$2"
}

kernel_remembered() {
	local f=$vm_cache/newest/$1-$2 dir
	[ -n "$(find "$f" -mmin "-$apt_lists_max_age_min" 2>/dev/null)" ] || return
	dir=$(cat "$f")
	[ -s "$dir/vmlinuz" ] && echo "$dir"
}

fetch_kernel() {
	local series=${1-} flavour
	[[ $series =~ ^[0-9]+\.[0-9]+$ ]] || die "usage: [FLAVOUR=cloud|full] fetch.sh kernel SERIES, such as 7.3"
	flavour=$(kernel_flavour) || exit
	kernel_remembered "$series" "$flavour" && return
	with_lock apt kernel_fetch "$series" "$flavour" || exit
	kernel_remembered "$series" "$flavour"
}
