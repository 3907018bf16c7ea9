#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Fetches what the lab runs, as Debian packages verified by apt, into a cache
# outside the tree, and prints where it is. A second call answers at once.
#
#   fetch.sh kernel SERIES       6.1, 6.12, 6.16 ... 7.3: a directory with vmlinuz, release and
#                                lib/modules; FLAVOUR=full for the kernel with all drivers
#   fetch.sh qemu                the path of a qemu-system-x86_64
#   fetch.sh headers             usr/include of the newest linux-libc-dev
#   fetch.sh liburing            usr of the newest liburing-dev: include/ and lib/x86_64-linux-gnu/
#   fetch.sh userland [PART]     base or fio: a tree of programs for the guest
#   fetch.sh dm                  opt/ with Debian 12's and 13's dmsetup, and a udevd, for the guest
#   fetch.sh virtme              virtme-ng, and root/ for its guest
#
# BAREBLK_CACHE   where the cache is (default ~/.cache/bareblk); it may be removed at any time
# BAREBLK_MIRROR  base address of a Debian mirror, where the machine's apt has none configured

set -u -o pipefail
. "$(dirname "$0")/lib.sh"
for part in "$vm_dir"/fetch/*.sh; do
	# shellcheck disable=SC1090
	. "$part"
done

case ${1-} in
kernel)   fetch_kernel "${2-}" ;;
qemu)     fetch_qemu ;;
headers)  fetch_headers ;;
liburing) fetch_liburing ;;
userland) fetch_userland "${2-base}" ;;
dm)       fetch_dm ;;
virtme)   fetch_virtme ;;
*)        die "usage: fetch.sh kernel SERIES | qemu | headers | liburing | userland [base|fio] | dm | virtme" ;;
esac
