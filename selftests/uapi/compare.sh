#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Compares our three uapi headers with those of a kernel. With --self-test it
# breaks copies of ours, one fault at a time, and wants every fault found.
#
# usage: compare.sh [--self-test] HEADERS_DIR [CC]
#        HEADERS_DIR: usr/include of an unpacked linux-libc-dev, or of
#        `make headers_install`; older than 7.3, only what it has is compared

set -u
export PYTHONDONTWRITEBYTECODE=1

self_test=
if [ "${1-}" = --self-test ]; then
	self_test=y
	shift
fi
if [ ! -f "${1-}/linux/version.h" ]; then
	echo "usage: $0 [--self-test] HEADERS_DIR [CC]" >&2
	exit 2
fi
headers=$1
cc=${2:-gcc}
here=$(cd "$(dirname "$0")" && pwd) || exit 2
root=${here%/selftests/uapi}

compare() {
	python3 "$here/compare.py" "$1" "$headers" "$cc"
}

if [ -z "$self_test" ]; then
	compare "$root"
	exit
fi

tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
nr=0
failed=0

# fault NAME FILE SED_SCRIPT COMPLAINT: the complaint is what must be printed.
# Size assertions are taken out of the copy: the comparison has to see it alone.
fault() {
	nr=$((nr + 1))
	rm -rf "$tmp/uapi"
	mkdir "$tmp/uapi"
	cp "$root"/uapi/*.h "$tmp/uapi" || exit 2
	sed -i -e '/^_Static_assert/d' "$tmp"/uapi/*.h
	cp "$tmp/uapi/$2" "$tmp/before"
	sed -i -e "$3" "$tmp/uapi/$2"
	verdict=
	if cmp -s "$tmp/before" "$tmp/uapi/$2"; then
		verdict='not '
		echo "# the fault could not be made"
	fi
	compare "$tmp" >"$tmp/out" 2>&1
	rc=$?
	if [ $rc -ne 1 ] || ! grep -qF -- "$4" "$tmp/out"; then
		verdict='not '
		echo "# exit code $rc, wanted: $4"
		grep -v '^ok' "$tmp/out" | sed 's/^/# /'
	fi
	[ -z "$verdict" ] || failed=1
	echo "${verdict}ok $nr - found: $1"
}

echo "KTAP version 1"
fault "an opcode off by one" io_uring.h \
	's/^\(#define IORING_OP_URING_CMD128\t*\)64/\165/' 'IORING_OP_URING_CMD128 is 0x41'
fault "a flag on the wrong bit" ublk_cmd.h \
	's/^\(#define UBLK_F_QUIESCE.*\) 12)/\1 13)/' 'UBLK_F_QUIESCE is 0x2000'
fault "a negative number made positive" io_uring.h \
	'/FILES_SKIP/s/(-2)/2/' 'IORING_REGISTER_FILES_SKIP is 0x2'
fault "a command in the wrong direction" ublk_cmd.h \
	'/define UBLK_U_CMD_GET_FEATURES/s/_IOR/_IOWR/' 'UBLK_U_CMD_GET_FEATURES is 0xc0207513'
fault "a string" dm-ioctl.h 's/"mapper"/"maper"/' 'DM_DIR is "maper"'
fault "a missing enumerator" io_uring.h \
	'/define ZCRX_CTRL_ADD_AREA/d' 'ZCRX_CTRL_ADD_AREA is missing'
fault "a missing macro" dm-ioctl.h \
	'/define DM_SECURE_DATA_FLAG/d' 'DM_SECURE_DATA_FLAG is missing'
fault "a constant that no kernel has" ublk_cmd.h \
	's/^#define UBLK_S_DEV_FAIL_IO.*/&\n#define UBLK_S_DEV_GONE 4/' \
	"UBLK_S_DEV_GONE is not the kernel's"
fault "two members swapped" io_uring.h \
	's/u32 src_off;/u32 tmp;/; s/u32 dst_off;/u32 src_off;/; s/u32 tmp;/u32 dst_off;/' \
	'src_off is (12, 4,'
fault "a struct too large" ublk_cmd.h \
	's/u8 reserved\[20\];/u8 reserved[24];/' 'size is 36, the kernel has 32'
fault "a member too small" io_uring.h \
	's/^\tu64 fds .*/\tu32 fds;/' 'fds is (8, 4,'
fault "a sign" dm-ioctl.h 's/s32 open_count/u32 open_count/' 'open_count is (24, 4,'
fault "a missing member of a union" io_uring.h \
	'/u32 pipe_flags;/d' 'pipe_flags is missing'
fault "a missing struct" io_uring.h \
	'/^struct zcrx_stats {/,/^}/d' 'struct zcrx_stats is missing'
fault "a struct under another name" ublk_cmd.h \
	's/struct ublk_elem_header/struct ublk_element/' "struct ublk_element is not the kernel's"
fault "a function that computes something else" ublk_cmd.h \
	's/flags << 16/flags << 24/' 'is not the same'
fault "a missing function" ublk_cmd.h \
	's/ublk_shmem_zc_index(/ublk_shmem_index(/' 'ublk_shmem_zc_index() is missing'
echo "1..$nr"
exit $failed
