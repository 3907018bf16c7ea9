#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The Debian packages that the lab needs on the machine itself, in one place.
# Everything else (kernels, QEMU, the guest's programs) is fetched into a cache.
#
#   packages.sh list             names, one per line
#   packages.sh missing          those that are not installed
#   packages.sh install          installs the missing ones as root, else says what to type
#   packages.sh ... virtme       the same with what virtme.sh needs on top

set -u
. "$(dirname "$0")/lib.sh"

# binutils has readelf, which finds the libraries of the guest's programs
base='apt dpkg binutils debian-archive-keyring diffutils procps util-linux xz-utils zstd'
virtme='python3 file'

wanted() {
	# shellcheck disable=SC2086 # lists of words
	printf '%s\n' $base
	# shellcheck disable=SC2086
	[ "${1-}" != virtme ] || printf '%s\n' $virtme
}

missing() {
	local p
	for p in $(wanted "$@"); do
		case $(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null) in
		installed) ;;
		*) echo "$p" ;;
		esac
	done
}

install_missing() {
	local want
	want=$(missing "$@" | tr '\n' ' ')
	[ -n "$want" ] || return 0
	if [ "$(id -u)" != 0 ]; then
		die "not root, so nothing was installed; type: sudo apt-get install --no-install-recommends $want"
	fi
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get -y -o Acquire::Retries=3 \
		install --no-install-recommends $want ||
		die "apt-get could not install: $want (run apt-get update and try again)"
}

case ${1-list} in
list)    shift $(( $# > 0 )); wanted "$@" ;;
missing) shift; missing "$@" ;;
install) shift; install_missing "$@" ;;
*)       die "usage: packages.sh [list|missing|install] [virtme]" ;;
esac
