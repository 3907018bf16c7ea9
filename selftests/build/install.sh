#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What `make install` gives to a program that embeds a disk: every header alone
# and twice, as C11 and as gnu11, by gcc and clang; every library with only what
# its pkg-config file names; and the examples, with the machine's own libc.
#
# usage: install.sh [--self-test]      O=build, CCS="gcc clang"

. "$(dirname "$0")/lib.sh"
ccs=${CCS:-gcc clang}
O=${O:-$root/build}
warnings="-Wall -Wextra -Werror"
cd "$root" || exit 2

install_to() { # install_to DIR: and where its parts then are
	dest=$1
	include=$dest/usr/include/bareblk
	export PKG_CONFIG_LIBDIR=$dest/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$dest
	make O="$O" install DESTDIR="$dest" PREFIX=/usr
}

is_complete() {
	local file
	for file in sbin/bareblk sbin/ublk lib/pkgconfig/bareblk-{uapi,ring,ublk,targets,dm}.pc \
		lib/bareblk/lib{uapi,ring,ublk,ublk-targets,dm}.a include/bareblk/ublk/tgt.h; do
		[ -s "$dest/usr/$file" ] || { echo "$file is not there"; return 1; }
	done
	[ "$(readlink "$dest/usr/sbin/ublk")" = bareblk ] || { echo "ublk is no link to bareblk"; return 1; }
	[ ! -e "$dest/usr/sbin/dmsetup" ] && [ ! -e "$dest/usr/sbin/dmstats" ] || { echo "dmsetup, though nobody asked for it"; return 1; }
	for file in man/*.[1-8]; do
		[ ! -e "$file" ] || [ -s "$dest/usr/share/man/man${file##*.}/${file##*/}" ] || { echo "$file is not there"; return 1; }
	done
	grep -q '"/usr/sbin/bareblk ublk info --udev %n"' "$dest/usr/lib/udev/rules.d/59-bareblk-ublk.rules" ||
		{ echo "the udev rule does not name the program"; return 1; }
	grep -q '^ExecStart=/usr/sbin/bareblk ' "$dest/usr/lib/systemd/system/bareblk@.service" ||
		{ echo "the systemd unit does not name the program"; return 1; }
	"$dest/usr/sbin/bareblk" --version
}

# Where there is a systemd to ask; of the man page that it names it would ask man
unit_is_one() {
	mkdir -p "$tmp/units"
	sed '/^Documentation=/d; s|^ExecStart=[^ ]*|ExecStart=/bin/true|' \
		"$dest/usr/lib/systemd/system/bareblk@.service" > "$tmp/units/bareblk@x.service"
	systemd-analyze verify "$tmp/units/bareblk@x.service"
}

# A list is included inside of something; the rest must stand alone.
is_list() { ! grep -q '^#ifndef' "$1"; }

header_compiles() { # header_compiles HEADER CC STD
	local flags
	flags=$(pkg-config --cflags bareblk-targets bareblk-dm) || return
	[ "$1" != ublk/pthreads.h ] || flags="$flags -D_POSIX_C_SOURCE=200809L" # C11 alone has no threads of POSIX
	# shellcheck disable=SC2086
	printf '#include "%s"\n#include "%s"\nint main(void) { return 0; }\n' "$1" "$1" |
		(cd "$tmp" && $2 -std=$3 $warnings $flags -fsyntax-only -x c -) # not in the tree, where they all are
}

headers_compile() { # headers_compile CC STD
	local header bad=0 n=0
	while read -r header; do
		is_list "$include/$header" && continue
		n=$((n + 1))
		header_compiles "$header" "$1" "$2" || bad=1
	done < <(cd "$include" && find . -name '*.h' -printf '%P\n')
	[ $n -gt 10 ] || { echo "only $n headers"; return 1; }
	return $bad
}

# Everything of a library, and nothing is missing
package_links() { # package_links PACKAGE CC
	local lib libs
	libs=$(pkg-config --libs "$1") || return
	lib=$(sed -n 's/^Libs:.* -l//p' "$dest/usr/lib/pkgconfig/$1.pc")
	# shellcheck disable=SC2086
	echo 'int main(void) { return 0; }' | $2 -x c - -x none -o "$tmp/linked" \
		-Wl,--whole-archive "$dest/usr/lib/bareblk/lib$lib.a" -Wl,--no-whole-archive $libs
}

example_links() { # example_links FILE CC STD
	local flags
	flags=$(pkg-config --cflags --libs bareblk-targets bareblk-dm) || return
	# shellcheck disable=SC2086
	$2 -std=$3 -O2 $warnings -o "$tmp/example" "$1" $flags -pthread
}

# The example of README and man page does what it says
example_runs() { # example_runs CC
	example_links selftests/examples/head.c "$1" c11 || return
	"$tmp/example" LICENSE "$tmp/none" Makefile > "$tmp/said" 2> "$tmp/why" || return
	{ head -c 4096 LICENSE && head -c 4096 Makefile; } | cmp - "$tmp/said" || return
	diff <(echo "$tmp/none: No such file or directory") "$tmp/why"
}

# dmsetup and dmstats are links only where they were asked for
dmsetup_on_request() {
	local name
	make O="$O" install DESTDIR="$dest" PREFIX=/usr DMSETUP=1 || return
	for name in dmsetup dmstats; do
		[ "$(readlink "$dest/usr/sbin/$name")" = bareblk ] || { echo "$name is no link to bareblk"; return 1; }
	done
	"$dest/usr/sbin/dmsetup" help > "$tmp/said" && grep -q create "$tmp/said"
}

removes_all() {
	make O="$O" uninstall DESTDIR="$dest" PREFIX=/usr > /dev/null || return
	if find "$dest" ! -type d | grep .; then
		echo "the above were left"
		return 1
	fi
}

run() {
	local cc std package example
	check "make install" install_to "$tmp/dest"
	[ "$nr_failed" = 0 ] || return
	check "everything is there, and the program runs" is_complete
	if command -v systemd-analyze > /dev/null; then
		check "the systemd unit is one" unit_is_one
	else
		skip "the systemd unit is one" "no systemd to ask"
	fi
	for cc in $ccs; do
		for std in c11 gnu11; do
			check "each header alone and twice, $cc $std" headers_compile "$cc" $std
		done
		for package in uapi ring ublk targets dm; do
			check "bareblk-$package links whole, $cc" package_links bareblk-$package "$cc"
		done
		for example in selftests/examples/*.c; do
			[[ -e $example && $example != *_free.c ]] || continue
			for std in c11 gnu11; do
				check "$example, $cc $std" example_links "$example" "$cc" $std
			done
		done
	done
	for cc in $ccs; do
		check "the start of files is read through a ring, $cc" example_runs "$cc"
	done
	check "dmsetup and dmstats are there on request" dmsetup_on_request
	check "make uninstall leaves nothing" removes_all
}

self_test() {
	install_to "$tmp/dest" > /dev/null || exit 2
	echo 'static const int dm_twice = 1;' >> "$include/dm/dm.h"
	caught "a definition in a header" 'redefinition' headers_compile gcc c11
	rm "$include/uapi/types.h"
	caught "a header that was not installed" 'uapi/types.h' headers_compile gcc c11
	sed -i '/^Requires/d' "$dest/usr/lib/pkgconfig/bareblk-ublk.pc"
	caught "a pkg-config file without what it needs" 'undefined reference' package_links bareblk-ublk gcc
	rm "$dest/usr/lib/bareblk/libdm.a"
	caught "a library that was not installed" 'libdm.a' is_complete
	mkdir -p "$dest/usr/share" && echo x > "$dest/usr/share/more"
	caught "a file that is left" 'usr/share/more' removes_all
}

if [ "${1-}" = --self-test ]; then self_test; else run; fi
finish
