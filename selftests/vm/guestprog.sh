# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034 # variables of the scripts that read this in
#
# The guest's own programs, run here with the loader and libraries they came
# with: a machine may have no cpio and no depmod, or old ones.

# guest_program TREE PROGRAM NAME ARGS...: NAME is what the program is called as
guest_program() {
	local tree=$1 program=$2 name=$3
	shift 3
	"$tree/usr/lib64/ld-linux-x86-64.so.2" --library-path "$tree/usr/lib/x86_64-linux-gnu" \
		--argv0 "$name" "$tree/usr/bin/$program" "$@"
}

# pack TREE DIR FILE: DIR as an uncompressed cpio for the kernel, all of it root's
pack() {
	local tree=$1 dir=$2 file=$3
	(cd "$dir" && find . -mindepth 1 | LC_ALL=C sort |
		guest_program "$tree" busybox cpio -o -H newc -R 0:0 2>/dev/null) > "$file.tmp.$$" &&
		mv "$file.tmp.$$" "$file"
}
