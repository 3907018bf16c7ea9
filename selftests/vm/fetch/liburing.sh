# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034 # variables of the scripts that read this in
#
# liburing: the newest liburing-dev and its shared library, unpacked. What the
# library is compared with should be the newest there is, so it comes from
# unstable, by lists of its own: nothing else of the lab is to come from there.
# Its headers want those of `fetch.sh headers`, as -isystem; its liburing.a
# links with the C library of Debian 12.

liburing_use_unstable() {
	apt_dir=$vm_cache/apt-sid
	apt_suites=sid
}

liburing_make() {
	unpack "$1" apt_fetch_only "liburing-dev=$liburing_version" "liburing2=$liburing_version" || return
	[ -r "$1/usr/include/liburing.h" ] && [ -r "$1/usr/lib/x86_64-linux-gnu/liburing.a" ]
}

liburing_fetch() {
	liburing_use_unstable
	apt_prepare
	liburing_version=$(apt_newest_version liburing-dev)
	[ -n "$liburing_version" ] || die "the index has no liburing-dev"
	publish liburing_make "$vm_cache/liburing/$liburing_version" ||
		die "liburing-dev $liburing_version could not be unpacked"
	mkdir -p "$vm_cache/newest" && echo "$vm_cache/liburing/$liburing_version" > "$vm_cache/newest/liburing"
}

fetch_liburing() {
	local f=$vm_cache/newest/liburing
	if [ -z "$(find "$f" -mmin "-$apt_lists_max_age_min" 2>/dev/null)" ]; then
		with_lock apt-sid liburing_fetch || exit
	fi
	echo "$(cat "$f")/usr"
}
