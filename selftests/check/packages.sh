# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # variables of check.sh
#
# What the checks need of a Debian machine, in one list. What is missing is
# installed where that is possible.

# a program or file that shows that it is there : its package
check_needs='
gcc : gcc
make : make
ld : binutils
/usr/include/stdio.h : libc6-dev
/usr/include/linux/types.h : linux-libc-dev
clang : clang
llvm-strip : llvm
ld.lld : lld
clang-tidy : clang-tidy
/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a : libclang-rt-dev
aarch64-linux-gnu-gcc : gcc-aarch64-linux-gnu
/usr/aarch64-linux-gnu/include/linux/types.h : linux-libc-dev-arm64-cross
riscv64-linux-gnu-gcc : gcc-riscv64-linux-gnu
/usr/riscv64-linux-gnu/include/linux/types.h : linux-libc-dev-riscv64-cross
qemu-aarch64-static : qemu-user-static
cppcheck : cppcheck
shellcheck : shellcheck
pkg-config : pkg-config
python3 : python3
xz : xz-utils
setpriv : util-linux
/usr/share/keyrings/debian-archive-keyring.gpg : debian-archive-keyring
'

is_there() {
	case $1 in
	/*) compgen -G "$1" > /dev/null ;;
	*) command -v "$1" > /dev/null ;;
	esac
}

missing_packages() {
	local what colon package
	while read -r what colon package; do
		[ -n "$colon" ] || continue
		is_there "$what" || echo "$package"
	done <<< "$check_needs"
}

# Installs what is missing, and says so. What cannot be installed is left to the
# tests that need it: they fail, and say what they miss.
get_packages() {
	local wanted
	mapfile -t wanted < <(missing_packages)
	[ ${#wanted[@]} -gt 0 ] || return 0
	if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
		echo "These Debian packages are needed; install them first, or run this as root:"
		echo "  ${wanted[*]}"
		return 1
	fi
	echo "Installing Debian packages: ${wanted[*]}"
	if ! { DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -qy install --no-install-recommends "${wanted[@]}" ||
		{ apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -qy install --no-install-recommends "${wanted[@]}"; }; } \
		< /dev/null > "$out/packages.log" 2>&1; then
		tail -n 20 "$out/packages.log"
		echo "They could not be installed; the whole story is in $out/packages.log"
		return 1
	fi
}
