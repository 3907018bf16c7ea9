#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Prints the cells of the device tests: a kernel and a set of groups on a line,
# for "run.sh KERNEL GROUP...". A cell is some minutes.
#
#   list.sh [KERNEL]...    the oldest, a middle and the newest kernel by default

set -u
dir=$(cd "$(dirname "$0")" && pwd)

kernels=("$@")
[ $# -gt 0 ] || kernels=(6.12 6.18 7.3)

groups=$(awk -v long="${LONG-}" '!/^#/ && NF && ($4 == "always" || long != "") { printf " %s", $1 }' "$dir/groups")
for kernel in "${kernels[@]}"; do
	echo "$kernel$groups"
done
