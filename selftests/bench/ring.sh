#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Builds the benchmark with ours and with liburing, and runs it: `make bench-ring`.
#
# usage: ring.sh BUILD_DIR [OPTION]... [ROW]...      options and rows of ring.py
#
#   LIBURING, LIBURING_UAPI   where liburing's usr/ and the headers that it wants are;
#                             without them, Debian's newest are fetched

set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 2
root=${here%/selftests/bench}
build=${1:?usage: ring.sh BUILD_DIR [OPTION]... [ROW]...}
shift

LIBURING=${LIBURING:-$("$root/selftests/vm/fetch.sh" liburing)} &&
	LIBURING_UAPI=${LIBURING_UAPI:-$("$root/selftests/vm/fetch.sh" headers)} || exit 3
make --no-print-directory -s -C "$root" "O=$build" "LIBURING=$LIBURING" \
	"LIBURING_UAPI=$LIBURING_UAPI" bench-programs || exit 3

# The directory of a package is called by its version.
about=$(basename "$(dirname "$LIBURING")")
exec "$here/ring.py" "--ours=$build/bench/ours/ring" "--liburing=$build/bench/liburing/ring" \
	"--about=liburing $about" "--dir=$build" "$@"
