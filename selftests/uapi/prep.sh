#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Compares what our ring_prep_*() functions write with what liburing's write.
# With --self-test it breaks copies of ours, one fault at a time, and wants
# every fault found.
#
# usage: prep.sh [--self-test] LIBURING_HEADERS KERNEL_HEADERS [CC]
#        LIBURING_HEADERS: usr/include of liburing-dev, 2.15 or newer
#        KERNEL_HEADERS:   usr/include of a linux-libc-dev that it compiles with

set -u
export PYTHONDONTWRITEBYTECODE=1

self_test=
if [ "${1-}" = --self-test ]; then
	self_test=y
	shift
fi
if [ ! -f "${1-}/liburing.h" ] || [ ! -f "${2-}/linux/version.h" ]; then
	echo "usage: $0 [--self-test] LIBURING_HEADERS KERNEL_HEADERS [CC]" >&2
	exit 2
fi
liburing=$1
kernel=$2
cc=${3:-gcc}
here=$(cd "$(dirname "$0")" && pwd) || exit 2
root=${here%/selftests/uapi}

compare() {
	python3 "$here/prep.py" "$1" "$liburing" "$kernel" "$cc"
}

if [ -z "$self_test" ]; then
	compare "$root"
	exit
fi

tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
nr=0
failed=0

# fault NAME FILE SED_SCRIPT COMPLAINT: the complaint is what must be printed
fault() {
	nr=$((nr + 1))
	rm -rf "$tmp/tree"
	mkdir -p "$tmp/tree/selftests"
	cp -r "$root/ring" "$root/uapi" "$tmp/tree/" || exit 2
	cp "$root"/selftests/test_ring_*.c "$tmp/tree/selftests/" || exit 2
	cp "$tmp/tree/$2" "$tmp/before"
	sed -i -e "$3" "$tmp/tree/$2"
	verdict=
	if cmp -s "$tmp/before" "$tmp/tree/$2"; then
		verdict='not '
		echo "# the fault could not be made"
	fi
	compare "$tmp/tree" >"$tmp/out" 2>&1
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
fault "a wrong opcode" ring/prep_file.h \
	's/IORING_OP_WRITEV_FIXED/IORING_OP_READV_FIXED/' 'ring_prep_writev_fixed(0x'
fault "two arguments swapped" ring/prep_file.h \
	's/sqe, fd, NULL, len, offset, flags);/sqe, fd, NULL, (u32)offset, len, flags);/' \
	'ring_prep_sync_file_range('
fault "a field left out" ring/prep_fs.h \
	'/IORING_OP_RENAMEAT/,/;/s/flags);/0);/' 'ring_prep_renameat('
fault "a field cut short" ring/prep_file.h \
	's/NULL, 0, (u64)len);/NULL, 0, (u32)len);/' 'ring_prep_ftruncate('
fault "a sign that is lost" ring/prep_fs.h \
	's/(u64)(s64)offset/(u32)offset/' 'ring_prep_files_update('
fault "a slot that is off by one" ring/prep_base.h \
	's/file_index : file_index + 1/file_index : file_index/' 'ring_prep_openat_direct('
fault "a flag that is missing" ring/prep_file.h \
	'/sqe->flags = IOSQE_BUFFER_SELECT/d' 'ring_prep_read_multishot('
fault "a field in another's place" ring/prep_base.h \
	's/return buf_index |/return (u64)buf_index << 16 |/' 'ring_prep_write_fixed('
fault "a word that is not written" ring/prep_base.h \
	'/word\[7\] = 0/d' 'keep what was there before'
fault "user_data that is not written" ring/prep_base.h \
	'/word\[4\] = 0/d' 'bytes 32,33,34,35,36,37,38,39 keep'
fault "a write beyond the entry" ring/prep_base.h \
	's/word\[7\] = 0;/&\n\tword[8] = 0;/' 'it writes beyond byte 64'
fault "half of a large entry as it was" ring/prep_event.h \
	'/IORING_OP_URING_CMD128/,/^}/s/ring_sqe_clear_half(sqe);//' 'ring_prep_uring_cmd128 writes 128'
fault "arguments of a command in another place" ring/prep_net.h \
	's/(u32)level | (u64)(u32)optname << 32/(u32)optname | (u64)(u32)level << 32/' \
	'ring_prep_cmd_sock('
fault "a function that is missing" ring/prep_fs.h \
	's/ring_prep_fixed_fd_install/ring_prep_fd_install/' \
	'liburing has io_uring_prep_fixed_fd_install'
fault "a function that is neither compared nor run" ring/prep_fs.h \
	's/ring_prep_pipe_direct/ring_prep_pipe_elsewhere/' 'no test calls ring_prep_pipe_elsewhere'
fault "an argument too few" ring/prep_file.h \
	's/s32 nr, u16 bgid)/s32 nr)/; /IORING_OP_REMOVE_BUFFERS/s/bgid);/0);/' \
	"1 arguments, liburing's has 2"
fault "a new opcode without a function" uapi/io_uring.h \
	's/^\(#define IORING_OP_LAST\t*\)65/#define IORING_OP_NEW 65\n\166/' \
	'no function writes IORING_OP_NEW'
fault "an exception that is none any more" ring/prep_base.h \
	's/file_index == IORING_FILE_INDEX_ALLOC ? .*;/file_index + 1;/' 'does not differ'
echo "1..$nr"
exit $failed
