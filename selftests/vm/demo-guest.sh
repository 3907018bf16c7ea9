#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The demonstration itself, as root on a kernel with ublk: it says each command
# before it runs it, and stops at the first that fails.
set -eu

bareblk=$1
dir=$(mktemp -d)
disk=''

clean_up() {
	umount "$dir" 2>/dev/null || :
	[ -z "$disk" ] || "$bareblk" ublk del "$disk" 2>/dev/null || :
	rmdir "$dir" 2>/dev/null || :
}
trap clean_up EXIT

run() {
	echo "+ $*"
	"$@"
}

echo "Linux $(uname -r), $("$bareblk" --version)"
echo "+ $bareblk ublk add -d ram:256M"
disk=$("$bareblk" ublk add -d ram:256M)
echo "$disk"
run "$bareblk" ublk list
server=$("$bareblk" ublk info "$disk" | sed -n 's/.*process \([0-9]*\).*/\1/p')
run mkfs.ext4 -q "$disk"
run mount "$disk" "$dir"
run dd if=/dev/urandom of="$dir/file" bs=1M count=32 2>/dev/null
before=$(sha256sum <"$dir/file")
run sync
run umount "$dir"
run e2fsck -f -n "$disk"
run mount "$disk" "$dir"
after=$(sha256sum <"$dir/file")
[ "$before" = "$after" ] || { echo "The file changed: $before became $after" >&2; exit 1; }
echo "The file is the same after a remount: ${after%% *}"
run umount "$dir"
run "$bareblk" ublk del "$disk"
[ ! -e "$disk" ] || { echo "$disk is still there" >&2; exit 1; }
! "$bareblk" ublk list | grep -qw "$disk" || { echo "$disk is still listed" >&2; exit 1; }
disk=''
# The server has let go of the device already; it may need a moment to exit.
for _ in 1 2 3 4 5; do
	[ -e "/proc/$server" ] || break
	sleep 1
done
[ ! -e "/proc/$server" ] || { echo "the server, process $server, still runs" >&2; exit 1; }
echo "Nothing is left: no device, no node, no process."
