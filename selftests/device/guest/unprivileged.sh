#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC2086,SC3043
#
# Block devices made by a user without any privilege: uid 65534, no capabilities,
# no_new_privs. What a udev rule does for such a device is done by a loop here,
# and in the last tests by udevd itself with the rule that is installed.

. "${0%/*}/lib.sh"

user=65534
rules=/usr/lib/udev/rules.d

as() { # UID CMD...
	local uid=$1
	shift
	setpriv --reuid $uid --regid $uid --clear-groups --no-new-privs --inh-caps=-all \
		--bounding-set=-all "$@"
}

root() { /usr/bin/bareblk "$@"; }

# For all that lib.sh does with the program: run as that user. A program and no
# function, so that a server in the background has the pid that the shell knows.
program_as() { # UID
	mkdir -p /tmp/as
	cat > /tmp/as/bareblk <<-END
		#!/bin/sh
		exec setpriv --reuid $1 --regid $1 --clear-groups --no-new-privs --inh-caps=-all \
			--bounding-set=-all /usr/bin/bareblk "\$@"
	END
	chmod 755 /tmp/as /tmp/as/bareblk
}

# What a rule does: NODES is "c", "b" or both
give() { # NODES
	local n kind node owner
	for n in $(device_ids); do
		for kind in $1; do
			node=/dev/ublk$kind$n
			[ "$(stat -c %u $node)" = 0 ] || continue
			owner=$(root ublk info --udev "$n") || continue
			case $owner in
			UBLK_UNPRIVILEGED=1*) chown "$(echo "$owner" | sed -n 's/UBLK_UID=//p')" "$node" ;;
			esac
		done
	done 2>/dev/null
}

with_rule() { # NODES [SECONDS it is late]
	chmod 666 /dev/ublk-control
	chmod 777 .
	{ set +x; } 2>/dev/null
	(
		sleep "${2-0}"
		while :; do
			give "$1"
			sleep 0.1
		done
	) 2>/dev/null &
	rule=$!
	trap 'kill $rule $udevd 2>/dev/null; chmod 600 /dev/ublk-control' EXIT
	set -x
}
udevd=

without_rule() {
	kill "$rule"
	wait "$rule" || :
}

owner_of() { stat -c '%u %a' "$1"; }

# --- the whole life of one -----------------------------------------------------------

serves() {
	with_rule 'c b'
	add --unprivileged -q 2 ram:64M
	eq owner "$(owner_of "$dev")" '65534 600'
	eq owner "$(owner_of "/dev/ublkc$id")" '65534 600'
	eq 'its info' "$(info state) $(info owner_uid) $(info size_bytes)" 'live 65534 67108864'
	bareblk ublk info "$dev" | grep -q 'UNPRIVILEGED_DEV'
	bareblk ublk list > listed
	grep -q "^$dev  *live " listed
	pid=$(info server_pid)
	eq 'its server' "$(proc_status $pid Uid) $(proc_status $pid CapEff) $(proc_status $pid CapBnd)" \
		'65534 0000000000000000 0000000000000000'
	eq 'no_new_privs' "$(proc_status $pid NoNewPrivs)" 1
	bytes_of 132 65536 > wanted
	as $user dd if=wanted of="$dev" bs=64k seek=65536 oflag=direct,seek_bytes conv=notrunc status=none
	as $user dd if="$dev" bs=64k skip=65536 count=1 iflag=direct,skip_bytes status=none | cmp - wanted
	del
	not test -e "$dev"
	not test -e "/dev/ublkc$id"
}

filesystem() {
	with_rule 'c b'
	add --unprivileged -q 2 ram:64M
	as $user mkfs.ext4 -q "$dev"
	as $user e2fsck -fn "$dev"
	# only root can mount it, and may
	mkdir -p there
	mount "$dev" there
	bytes_of 101 1000000 > there/file
	umount there
	mount -o ro "$dev" there
	bytes_of 101 1000000 | cmp - there/file
	umount there
	del
}

in_the_foreground() {
	with_rule 'c b'
	serve --unprivileged ram:1M
	kill "$server"
	ended 0
	not test -e "$dev"
	serve --unprivileged ram:1M
	del
	ended 0
	not test -e "/dev/ublkc$id"
}

stopped() {
	with_rule 'c b'
	add --unprivileged ram:1M
	bareblk ublk stop "$dev"
	eq state "$(info state)" dead
	del
}

is_dead() { [ "$(info state)" = dead ]; }

server_is_killed() {
	with_rule 'c b'
	serve --unprivileged ram:1M
	kill -KILL "$server"
	ended 137
	within 10 is_dead
	eq owner "$(owner_of "/dev/ublkc$id")" '65534 600'
	del
	not test -e "/dev/ublkc$id"
}

# The kernel ends a server that takes too long over a request; it does not hang, nor its owner
takes_too_long() {
	with_rule 'c b'
	serve --unprivileged 'fault?read_delay=1h:[ram:1M]'
	echo 1000 > "$sys/queue/io_timeout"
	not as $user timeout 60 dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct status=none
	ended 137
	within 10 is_dead
	del
	not test -e "/dev/ublkc$id"
}

# The kernel looks for no partitions on what such a server has, whoever asks
partitions() {
	with_rule 'c b'
	truncate -s 16M img
	{
		head -c 446 /dev/zero
		printf '\000\000\000\000\203\000\000\000\000\010\000\000\000\020\000\000'
		head -c 48 /dev/zero
		printf '\125\252'
	} | dd of=img conv=notrunc status=none
	chown $user img
	add --unprivileged "file:$PWD/img"
	sleep 1
	not test -e "$sys/ublkb${id}p1"
	not blockdev --rereadpt "$dev"
	not test -e "$sys/ublkb${id}p1"
	del
}

again_and_again() {
	with_rule 'c b'
	for _ in 1 2 3 4 5 6; do
		add --unprivileged ram:1M
		del
		not test -e "/dev/ublkc$id"
	done
}

late_rule() {
	with_rule 'c b' 3
	begin=$(awk '{ print int($1) }' /proc/uptime)
	add --unprivileged ram:1M
	at_least 'seconds until it was given' $(($(awk '{ print int($1) }' /proc/uptime) - begin)) 2
	del
}

# --- who may do what ------------------------------------------------------------------

others() {
	with_rule 'c b'
	add --unprivileged ram:1M
	chmod 755 .
	program_as 65533
	refuses 3 'not yours' bareblk ublk del "$dev"
	refuses 3 'not yours' bareblk ublk stop "$dev"
	refuses 3 'ermi' bareblk ublk info "$dev"
	bareblk ublk list > out 2> err
	[ ! -s out ] || fail "it is listed: $(cat out)"
	grep -q 'not shown: 1 ' err
	refuses 6 'taken' bareblk ublk add --unprivileged -n "$id" ram:1M
	not as 65533 dd if="$dev" of=/dev/null count=1
	# a node that is open to all is a trap for them, which the kernel does not let them fall into
	chmod 666 "$dev"
	not as 65533 dd if="$dev" of=/dev/null count=1
	program_as $user
	eq state "$(info state)" live
	del
}

root_may() {
	with_rule 'c b'
	add --unprivileged ram:1M
	bytes_of 132 4096 > wanted
	poke 0 4096 < wanted
	peek 0 4096 | cmp - wanted
	root ublk list | grep -q "^$dev  *live "
	root ublk info "$dev" | grep -q 'uid 65534'
	root ublk stop "$dev"
	root ublk del "$dev"
	not test -e "/dev/ublkc$id"
}

# with a device of root's between two of the user's
side_by_side() {
	with_rule 'c b'
	add --unprivileged ram:1M
	root ublk add -d ram:2M > out
	add --unprivileged ram:3M
	eq 'of root' "$(cat out)" /dev/ublkb1
	eq 'owner of that' "$(stat -c %u /dev/ublkb1)" 0
	eq listed "$(bareblk ublk list 2>/dev/null | grep -c '^/dev')" 2
	eq 'listed for root' "$(root ublk list | grep -c '^/dev')" 3
	refuses 3 'not yours' bareblk ublk del 1
	root ublk del 0 1 2
	eq devices "$(nr_devices)" 0
}

# Of the ways to move data it may have two; left to itself it takes one of those
modes() {
	with_rule 'c b'
	for mode in user-copy user-copy-ring zero-copy auto-buf-reg; do
		refuses 2 'copy or get-data' bareblk ublk add --unprivileged --mode=$mode ram:1M
	done
	bytes_of 132 65536 > wanted
	for mode in copy get-data auto; do
		add --unprivileged --mode=$mode ram:1M
		as $user dd if=wanted of="$dev" bs=64k seek=1 oflag=direct conv=notrunc status=none
		as $user dd if="$dev" bs=64k skip=1 count=1 iflag=direct status=none | cmp - wanted
		del
	done
}

# --- a set-up that is not right ----------------------------------------------------------

control_is_closed() {
	refuses 3 '/dev/ublk-control.*udev rule' bareblk ublk add --unprivileged ram:1M
	eq devices "$(nr_devices)" 0
}

capable() {
	refuses 2 'CAP_SYS_ADMIN cannot make an unprivileged device' root ublk add --unprivileged ram:1M
	refuses 2 'CAP_SYS_ADMIN cannot make an unprivileged device' root ublk add -d --unprivileged ram:1M
	eq devices "$(nr_devices)" 0
	chmod 666 /dev/ublk-control
	refuses 3 'CAP_SYS_ADMIN, unless the device is unprivileged' bareblk ublk add ram:1M
	chmod 600 /dev/ublk-control
	eq devices "$(nr_devices)" 0
}

# Nobody but root can remove such a device, so that is said
no_rule() {
	chmod 666 /dev/ublk-control
	refuses 3 'no udev rule gives /dev/ublkc0 to its owner.*until root deletes' \
		bareblk ublk add --unprivileged --timeout=2s ram:1M
	refuses 3 'no udev rule' bareblk ublk add -d --unprivileged --timeout=1s ram:1M
	refuses 3 'not yours' bareblk ublk del 0
	chmod 600 /dev/ublk-control
	root ublk del 0 1
}

no_rule_for_the_disk() {
	with_rule c
	refuses 3 'no udev rule gives /dev/ublkb0 to its owner' \
		bareblk ublk add --unprivileged --timeout=2s ram:1M
	eq devices "$(nr_devices)" 0
	refuses 3 'no udev rule gives /dev/ublkb0 to its owner' \
		bareblk ublk add -d --unprivileged --timeout=2s ram:1M
	eq devices "$(nr_devices)" 0
}

# root's do not count; before 6.15, and 6.12.x of its stable series, they did
limit() {
	with_rule 'c b'
	ublks_max=/sys/module/ublk_drv/parameters/ublks_max
	before=$(cat $ublks_max)
	echo 1 > $ublks_max
	root ublk add -d ram:1M > out
	add --unprivileged ram:1M
	refuses 3 'ublks_max' bareblk ublk add --unprivileged ram:1M
	refuses 3 'ublks_max' bareblk ublk add -d --unprivileged ram:1M
	del
	echo "$before" > $ublks_max
	root ublk del 0
	add --unprivileged ram:1M
	del
}

io_uring_for_root_only() {
	with_rule 'c b'
	echo 1 > /proc/sys/kernel/io_uring_disabled
	status bareblk ublk add --unprivileged ram:1M
	echo 0 > /proc/sys/kernel/io_uring_disabled
	eq 'exit code' "$rc" 3
	grep -q io_uring_disabled err
	eq devices "$(nr_devices)" 0
}

# --- udev itself -----------------------------------------------------------------------

udevadm() { LD_LIBRARY_PATH=/opt/udev/lib /opt/udev/udevadm "$@"; }

with_udevd() {
	mkdir -p $rules /run/udev
	rm -f $rules/*
	cp /opt/udev/rules/* /59-bareblk-ublk.rules $rules/
	trap 'kill $udevd; wait; rm -rf $rules /run/udev; chmod 600 /dev/ublk-control' EXIT
	LD_LIBRARY_PATH=/opt/udev/lib /opt/udev/systemd-udevd > udevd.out 2>&1 &
	udevd=$!
	within 20 test -S /run/udev/control
	udevadm trigger --action=add /sys/class/misc/ublk-control
	udevadm settle --timeout=20
	chmod 777 .
}

udev_gives() {
	with_udevd
	eq 'control node' "$(owner_of /dev/ublk-control)" '0 666'
	for _ in 1 2 3 4 5; do
		add --unprivileged ram:16M
		eq owner "$(stat -c '%u %g %a' "$dev") $(stat -c '%u %g %a' "/dev/ublkc$id")" \
			'65534 65534 600 65534 65534 600'
		as $user mkfs.ext4 -q -L trap "$dev"
		del
	done
	udevadm settle --timeout=20
}

# what a user writes is not looked at by root; what root writes is, as ever
udev_does_not_look() {
	with_udevd
	add --unprivileged ram:16M
	as $user mkfs.ext4 -q -L trap "$dev"
	udevadm trigger --action=change "$sys"
	udevadm settle --timeout=20
	udevadm info -q property "$dev" > properties
	grep -q '^UBLK_UNPRIVILEGED=1' properties
	grep -q '^SYSTEMD_READY=0' properties
	not grep -q '^ID_FS' properties
	eq owner "$(owner_of "$dev")" '65534 600'
	del
	dev=$(root ublk add -d ram:16M)
	name_device
	udevadm settle --timeout=20
	udevadm info -q property "$dev" > properties
	not grep -q 'SYSTEMD_READY' properties
	eq 'owner of root'\''s' "$(stat -c %u "$dev") $(stat -c %u "/dev/ublkc$id")" '0 0'
	root ublk del "$dev"
	udevadm settle --timeout=20
}

if [ -n "$only" ]; then
	program_as $user
	PATH=/tmp/as:$PATH
fi
run_tests <<-'END'
	serves               30  a user without capabilities adds, lists, shows, writes, reads and deletes a device
	filesystem           40  its owner makes a filesystem on it, and root mounts that
	in_the_foreground    30  in the foreground it ends by a signal and by del
	stopped              30  its owner stops it and deletes it later
	server_is_killed     30  its owner deletes it after the server was killed
	takes_too_long       60  a server that takes too long is killed by the kernel, and its device deleted
	partitions           30  nobody looks for partitions on what is a user's
	again_and_again      60  six after each other leave nothing
	late_rule            30  a rule that is late is waited for
	others               40  another user may not open, show, stop or delete it, whatever its node says
	root_may             30  root may do all of that
	side_by_side         40  devices of root and of users do not get in each other's way
	modes                60  copy and get-data serve it, other ways to move data are refused with 2
	control_is_closed    20  a control node that is root's is refused with 3, and says what is missing
	capable              20  CAP_SYS_ADMIN and an unprivileged device exclude each other
	no_rule              60  without a rule it is refused with 3, and says who can delete what is left
	no_rule_for_the_disk 60  a rule for one of the two nodes is refused with 3 and leaves nothing
	limit                40  the driver's limit is refused with 3, and its parameter named
	io_uring_for_root_only  20  io_uring for root only is refused with 3
	udev_gives           60  the rule that is installed makes udevd give the nodes to the owner
	udev_does_not_look   40  udevd does not read what a user has written, and leaves root's devices alone
END
