#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Our public headers and the system's, in one program: every order has to
# compile without a warning, with the kernel's headers of several releases and
# with liburing's, and all our constants have to be usable even when an old
# header came first.
#
# With --self-test it breaks copies of ours and wants that to be noticed.
#
# usage: embed.sh [--self-test] [HEADERS_DIR[:HEADERS_DIR]...]...
#        HEADERS_DIR: usr/include of an unpacked linux-libc-dev or liburing-dev,
#        or several that belong together; the system's own are tested always.
#        PUBLIC lists further headers of ours (patterns; what is not there is
#        left out).

set -u

PUBLIC=${PUBLIC:-"ring/*.h ublk/*.h dm/*.h"}
UAPI="uapi/io_uring.h uapi/ublk_cmd.h uapi/dm-ioctl.h"
LIBC="errno.h fcntl.h sys/ioctl.h sys/stat.h sys/socket.h time.h linux/fs.h"

self=$(cd "$(dirname "$0")" && pwd)/embed.sh || exit 2
root=${ROOT:-${self%/selftests/uapi/embed.sh}}
cd "$root" || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
nr=0
failed=0

# fault NAME FILE SED_SCRIPT COMPLAINT: the complaint is what must be printed
fault() {
	nr=$((nr + 1))
	rm -rf "$tmp/uapi"
	mkdir "$tmp/uapi"
	cp uapi/*.h "$tmp/uapi" || exit 2
	sed -i -e "$3" "$tmp/uapi/$2"
	if ! cmp -s "uapi/$2" "$tmp/uapi/$2" && ! ROOT=$tmp "$self" >"$tmp/out" 2>&1 &&
		grep -q "$4" "$tmp/out"; then
		echo "ok $nr - found: $1"
	else
		echo "not ok $nr - found: $1"
		failed=1
	fi
}

if [ "${1-}" = --self-test ]; then
	echo "KTAP version 1"
	fault "constants that warn when theirs came first" io_uring.h \
		'/^#pragma/d; s/(1U << 0)/(1U << 00)/' '"IORING_[A-Z_]*" redefined'
	fault "layouts that ignore theirs" ublk_cmd.h \
		's/USER_BLK_DRV_CMD_INC_H/UBLK_GUARD/' 'redefinition of .*struct ublksrv_ctrl_cmd'
	fault "layouts that theirs ignore" dm-ioctl.h \
		'/^#define _LINUX_DM_IOCTL_V4_H/d' 'redefinition of .*struct dm_'
	fault "a constant that is missing when theirs came first" io_uring.h \
		's/^#define IORING_OP_URING_CMD128.*/#ifndef LINUX_IO_URING_H\n&\n#endif/' \
		'IORING_OP_URING_CMD128.* undeclared'
	fault "a command that needs a struct which theirs lack" ublk_cmd.h \
		"/define UBLK_U_IO_PREP/s/_IOC(.*/_IOWR('u', 0x25, struct ublk_batch_io)/" \
		'struct ublk_batch_io'
	fault "a header that needs another before it" dm-ioctl.h \
		'/^#include/d' 'u32'
	echo "1..$nr"
	exit $failed
fi

public=
for pattern in $PUBLIC; do
	for f in $pattern; do
		[ ! -f "$f" ] || public="$public $f"
	done
done
ours="$UAPI$public"

# theirs_of OUR_HEADER: the headers with the same content, those of liburing too
theirs_of() {
	case $1 in
	uapi/io_uring.h)
		echo linux/io_uring.h linux/io_uring/zcrx.h linux/io_uring/query.h \
			linux/io_uring/bpf_filter.h liburing/io_uring.h liburing.h ;;
	uapi/ublk_cmd.h) echo linux/ublk_cmd.h ;;
	uapi/dm-ioctl.h) echo linux/dm-ioctl.h ;;
	esac
}

# constants OUR_HEADER...: uses each macro that is a value; the guard, and the
# marks that belong to the layouts and may be those of an old header, are not.
constants() {
	for f in "$@"; do
		awk '/^\/\* ---- layouts/ { exit }
			/^#define [A-Za-z0-9_]+[ \t]+[^ \t]/ { print $2 }' "$f"
	done | while read -r name; do
		case $name in
		DM_DIR | DM_CONTROL_NODE)
			echo "extern const char *s_$name; const char *s_$name = $name;" ;;
		*) echo "extern long v_$name; long v_$name = (long)($name);" ;;
		esac
	done
}

# try NAME: compiles $tmp/t.c in each standard
try() {
	for std in c11 gnu11; do
		# shellcheck disable=SC2086 # flags are words
		if ! $cc -std=$std -Wall -Wextra -Werror -fsyntax-only $flags -I "$root" \
			"$tmp/t.c" 2>"$tmp/err"; then
			wrong="$wrong
$1, $std:
$(sed 's/^/    /' "$tmp/err")"
		fi
		nr_compiled=$((nr_compiled + 1))
	done
}

# include HEADER...: in this order
include() {
	echo '#define _GNU_SOURCE 1'
	for header in "$@"; do
		echo "#include <$header>"
	done
}

result() {
	nr=$((nr + 1))
	if [ -z "$wrong" ]; then
		echo "ok $nr - $1 ($nr_compiled compiled)"
	else
		echo "$wrong" | sed '/^$/d; s/^/# /'
		echo "not ok $nr - $1"
		failed=1
	fi
	wrong=
	nr_compiled=0
}

# has HEADER: it is there, and compiles when ours are not
has() {
	include "$1" >"$tmp/t.c"
	# shellcheck disable=SC2086 # flags are words
	$cc -E $flags "$tmp/t.c" >/dev/null 2>"$tmp/err" &&
		$cc -w -fsyntax-only $flags "$tmp/t.c" 2>"$tmp/err" && return
	grep -q "$1: No such file\|'$1' file not found" "$tmp/err" ||
		echo "# left out: $1 does not compile: $(sed -n '/error:/{p;q}' "$tmp/err")"
	return 1
}

# every order with the headers of one directory
orders() {
	all=
	for our in $UAPI; do
		for their in $(theirs_of "$our"); do
			has "$their" || continue
			all="$all $their"
			{ include "$our" "$their"; constants "$our"; } >"$tmp/t.c"
			try "$our, then $their"
			{ include "$their" "$our" "$their"; constants "$our"; } >"$tmp/t.c"
			try "$their, then $our"
			for f in $public; do
				include "$their" "$f" "$their" >"$tmp/t.c"
				try "$their, then $f"
			done
		done
	done
	# One of theirs, then all of ours, then the rest of theirs
	for their in $all; do
		# shellcheck disable=SC2086 # lists of words
		{ include "$their" $ours $all; constants $UAPI; } >"$tmp/t.c"
		try "$their, then all of ours and theirs"
	done
	# shellcheck disable=SC2086 # lists of words
	{ include $LIBC $all $ours; constants $UAPI; } >"$tmp/t.c"
	try "libc, theirs, ours"
	# shellcheck disable=SC2086 # lists of words
	{ include $ours $all $LIBC; constants $UAPI; } >"$tmp/t.c"
	try "ours, theirs, libc"
	# shellcheck disable=SC2086 # lists of words
	{ include $LIBC $ours $all; constants $UAPI; } >"$tmp/t.c"
	try "libc, ours, theirs"
	result "$cc, $1:$all"
}

wrong=
nr_compiled=0
echo "KTAP version 1"
for cc in gcc clang; do
	if ! command -v $cc >/dev/null; then
		nr=$((nr + 1))
		echo "ok $nr - $cc # SKIP not installed"
		continue
	fi
	for f in $ours; do
		include "$f" "$f" | grep -v _GNU_SOURCE >"$tmp/t.c"
		for flags in "" "-ffreestanding"; do
			try "$f alone"
		done
	done
	flags=
	result "$cc, each of ours alone and twice"
	orders "the system's headers"
	multiarch=$(gcc -print-multiarch 2>/dev/null)
	for dirs in "$@"; do
		flags=
		for dir in $(echo "$dirs" | tr : ' '); do
			flags="$flags -isystem $dir"
			[ -z "$multiarch" ] || [ ! -d "$dir/$multiarch" ] ||
				flags="$flags -isystem $dir/$multiarch"
		done
		orders "$dirs"
	done
	flags=
done
echo "1..$nr"
exit $failed
