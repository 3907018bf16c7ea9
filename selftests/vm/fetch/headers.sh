# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034 # variables of the scripts that read this in
#
# headers: the newest linux-libc-dev (the kernel's UAPI headers), unpacked.

# The package keeps asm/ in a directory per architecture; here it is a link, so
# that one -isystem is enough.
headers_make() {
	unpack "$1" apt_fetch_only "linux-libc-dev=$headers_version" || return
	[ -e "$1/usr/include/asm" ] || ln -s x86_64-linux-gnu/asm "$1/usr/include/asm"
	[ -r "$1/usr/include/linux/io_uring.h" ] && [ -r "$1/usr/include/asm/unistd.h" ]
}

headers_fetch() {
	apt_prepare
	headers_version=$(apt_newest_version linux-libc-dev)
	[ -n "$headers_version" ] || die "the index has no linux-libc-dev"
	publish headers_make "$vm_cache/headers/$headers_version" ||
		die "linux-libc-dev $headers_version could not be unpacked"
	mkdir -p "$vm_cache/newest" && echo "$vm_cache/headers/$headers_version" > "$vm_cache/newest/headers"
}

fetch_headers() {
	local f=$vm_cache/newest/headers
	if [ -z "$(find "$f" -mmin "-$apt_lists_max_age_min" 2>/dev/null)" ]; then
		with_lock apt headers_fetch || exit
	fi
	echo "$(cat "$f")/usr/include"
}
