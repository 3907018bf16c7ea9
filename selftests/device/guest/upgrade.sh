#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# Another server in the place of one that lives, while the disk is used.

. "${0%/*}/lib.sh"
. "${0%/*}/handover.sh"

held_back() {
	has_feature QUIESCE || skip 'QUIESCE (Linux 6.16)'
	under_fio 5 -q 2 --recover=queue file:"$PWD"/img
}

# where the kernel cannot do better
done_twice() {
	if has_feature QUIESCE; then
		under_fio 1 -q 2 --recover=reissue file:"$PWD"/img
	else
		under_fio 5 -q 2 --recover=reissue file:"$PWD"/img
	fi
}

by_threads_and_batches() {
	has_feature BATCH_IO || skip 'BATCH_IO (Linux 7.0)'
	under_fio 2 -q 2 --batch=yes --recover=reissue file:"$PWD"/img
	under_fio 2 -q 2 --threads=4 --mode=user-copy --recover=queue file:"$PWD"/img
}

# Not one that stays with the old server until it has gone
by_paths() {
	local mode
	for mode in copy get-data user-copy user-copy-ring zero-copy auto-buf-reg; do
		rm -f took
		bareblk ublk add -d --mode=$mode null:1M > /dev/null 2>&1 || continue
		del 0
		under_fio 1 -q 2 --mode=$mode --recover="$(how)" file:"$PWD"/img
	done
}

# --- what goes with it -----------------------------------------------------------------

# Who looks after the device has its memo open: gc then spares it between two servers
is_claimed_by() {
	local file
	for file in "/proc/$1/fd"/*; do
		case $(readlink "$file") in *.memo) return ;; esac
	done
	return 1
}

memory() {
	dd if=/dev/urandom of=new bs=1M count=8 2> /dev/null
	add --supervise --recover="$(how)" 'stripe:[ram:16M],[ram:16M]'
	supervisor=$(parent_of "$(server_of)")
	dd if=new of="$dev" bs=1M oflag=direct 2> /dev/null
	fio --name=v --filename="$dev" --offset=16M --size=16M --rw=randwrite --bs=4k --iodepth=8 --direct=1 \
		--verify=crc32c --ioengine=libaio --time_based --runtime=8 --output=fio.out &
	fio=$!
	within 20 has_in_flight 1
	upgrade
	within 10 no_process "$supervisor"
	# it has a supervisor again
	supervisor=$(parent_of "$(server_of)")
	no_servers_but "$supervisor" "$(server_of)" || fail "servers: $(servers)"
	within 15 is_claimed_by "$supervisor"
	wait $fio
	dd if="$dev" bs=1M count=8 iflag=direct 2> /dev/null | cmp - new
	old=$(server_of)
	kill -9 "$old"
	within 20 another_than "$old"
	dd if="$dev" bs=1M count=8 iflag=direct 2> /dev/null | cmp - new
	eq 'its parent' "$(parent_of "$(server_of)")" "$supervisor"
	upgrade
	dd if="$dev" bs=1M count=8 iflag=direct 2> /dev/null | cmp - new
	del
}

# Nobody else has the file for a moment, nor a disk that is taken whole
locks() {
	truncate -s 8M img
	add --recover="$(how)" file:img
	(while :; do bareblk ublk add -d file:"$PWD"/img > stolen 2> /dev/null && break; done) &
	thief=$!
	upgrade
	upgrade
	kill $thief
	wait $thief || true
	[ ! -s stolen ] || fail "another has had it: $(cat stolen)"
	refuses 6 'locked' bareblk ublk add file:"$PWD"/img
	del
	[ -b /dev/loop0 ] || modprobe loop
	under=$(losetup -f)
	losetup "$under" "$PWD"/img
	add --recover="$(how)" "file:$under"
	upgrade
	refuses 6 'mounted, or' bareblk ublk add "file:$under"
	dd if=/dev/zero of="$dev" bs=64k count=1 oflag=direct 2> /dev/null
	del
	losetup -d "$under"
}

# What has been written since the new server looked
mirrors() {
	truncate -s 16M a b
	add --recover="$(how)" "mirror?bitmap=$PWD/map&region=64K:[file:$PWD/a],[file:$PWD/b]"
	fio_begins
	upgrade
	sleep 0.5
	upgrade
	fio_is_well
	bareblk ublk stat "$dev" > stat
	grep -q 'mirror' stat
	del
	cmp a b
	# ... and one that has not yet copied all
	truncate -s 0 a b map
	truncate -s 16M a b
	rm map
	dd if=/dev/urandom of=a bs=1M count=16 conv=notrunc 2> /dev/null
	add --recover="$(how)" "mirror?bitmap=$PWD/map&region=64K&rate=1M:[file:$PWD/a],[file:$PWD/b]"
	sleep 1
	upgrade
	bareblk ublk message "$dev" rate=100M
	within 20 is_in_sync
	del
	cmp a b
}

is_in_sync() { bareblk ublk stat --json "$dev" | grep -Eq 'dirty_regions": "?0[,"}]'; }

mounted() {
	truncate -s 64M img
	add -q 2 --recover="$(how)" file:img
	mkfs.ext4 -q "$dev"
	mkdir -p /mnt/t
	mount -t ext4 "$dev" /mnt/t
	dd if=/dev/urandom of=/mnt/t/a bs=1M count=16 2> /dev/null &
	writer=$!
	upgrade
	upgrade --verbose
	wait $writer
	cp /mnt/t/a a
	umount /mnt/t
	blockdev --flushbufs "$dev"
	e2fsck -fn "$dev" > check.out 2>&1
	mount -t ext4 "$dev" /mnt/t
	cmp a /mnt/t/a
	umount /mnt/t
	del
}

# Nobody takes its place, until somebody does
quiesced() {
	dd if=/dev/zero of=img bs=1M count=16 2> /dev/null
	serve -q 2 --recover="$(how)" file:"$PWD"/img
	fio_begins
	bareblk ublk quiesce "$dev"
	ended 0
	within 10 is_quiesced
	sleep 2
	refuses 1 'no server' bareblk ublk quiesce "$dev"
	bareblk ublk recover -d "$dev"
	fio_is_well
	del
	add --supervise --recover="$(how)" ram:1M
	refuses 4 'would be gone' bareblk ublk quiesce "$dev"
	serves_on "$(server_of)"
	del
	add --supervise --recover="$(how)" file:"$PWD"/img
	bareblk ublk quiesce "$dev"
	within 10 is_left
	del
	add ram:1M
	refuses 4 'without --recover' bareblk ublk quiesce "$dev"
	del
}

# --- what goes wrong -----------------------------------------------------------------------

# The old server is none the worse
serves_on() {
	eq 'its server' "$(server_of)" "$1"
	eq 'its state' "$(info state)" live
	dd if=/dev/zero of="$dev" bs=64k count=4 oflag=direct 2> /dev/null
}

refused() {
	truncate -s 8M img
	add ram:1M
	refuses 4 'without --recover' bareblk ublk upgrade "$dev"
	serves_on "$(server_of)"
	del
	refuses 5 'no such device' bareblk ublk upgrade 0
	refuses 2 'not a device' bareblk ublk upgrade nothing
	if is_since 6.13; then
		add --recover=fail file:img
		refuses 4 'would fail meanwhile' bareblk ublk upgrade "$dev"
		del
	fi
	if ! has_feature QUIESCE; then
		add --recover=queue file:img
		refuses 4 'Linux 6.16' bareblk ublk upgrade "$dev"
		serves_on "$(server_of)"
		del
	fi
	add --recover="$(how)" file:img
	pid=$(server_of)
	refuses 2 'another target' bareblk ublk upgrade "$dev" "file:$PWD/img"
	mv img away
	refuses 5 'not there' bareblk ublk upgrade "$dev"
	serves_on "$pid"
	truncate -s 8M img
	refuses 1 'another file' bareblk ublk upgrade "$dev"
	serves_on "$pid"
	mv away img
	prlimit --nofile=9:9 bareblk ublk upgrade "$dev" > out 2> err && fail 'with 9 files'
	eq lines "$(wc -l < err)" 1
	serves_on "$pid"
	kill -9 "$pid"
	within 10 is_quiesced
	refuses 1 'no server' bareblk ublk upgrade "$dev"
	del
}

is_quiesced() { [ "$(info state)" = quiesced ]; }
is_left() { is_quiesced && [ -z "$(servers)" ]; }

# One that dies at any moment: the old server goes on, or takes the device again
killed() {
	local delay
	dd if=/dev/zero of=img bs=1M count=16 2> /dev/null
	add -q 2 --recover=reissue file:img
	fio_begins
	for delay in 0 0.03 0.06 0.08 0.1 0.15 0.2 0.3; do
		setsid bareblk ublk upgrade "$dev" > upgrade.out 2> upgrade.err &
		new=$!
		sleep $delay
		# its child as well, which sends its commands
		kill -9 -$new 2> /dev/null || kill -9 $new 2> /dev/null || true
		wait $new || true
		cat upgrade.err
		# whoever was killed when it had the device has died as servers do
		within 30 is_settled
		[ "$(info state)" != quiesced ] || bareblk ublk recover -d "$dev"
	done
	within 10 has_one_server
	fio_is_well
	del
	within 10 test -z "$(servers)"
}

# live, or without anybody who could make it so
is_settled() {
	if [ "$(info state)" = live ]; then
		[ "$(server_of)" -gt 0 ] && no_process "$new"
	else
		is_quiesced && [ -z "$(servers)" ]
	fi
}

has_one_server() { [ "$(servers | wc -w)" = 1 ]; }

# The new server cannot begin once it has the device: no memory for its queues
taken_back() {
	dd if=/dev/zero of=img bs=1M count=16 2> /dev/null
	add -q 4 --recover=reissue file:img
	pid=$(server_of)
	fio_begins
	for mb in 2 4 6 8 12 16 24 32; do
		prlimit --as=$((mb * 1048576)) bareblk ublk upgrade -d "$dev" > out 2> err || echo "$mb: $(cat err)" >> refusals
		within 20 is_served
	done
	fio_is_well
	at_least 'refusals' "$(wc -l < refusals)" 2
	del
}

is_served() { [ "$(info state)" = live ] && [ "$(server_of)" -gt 0 ]; }

# A request that does not end: nothing is taken from it
stuck() {
	truncate -s 16M img
	add --recover=reissue --timeout=2s "fault?rules=delay/on=read/at=8M-9M/by=6s:[file:$PWD/img]"
	pid=$(server_of)
	dd if="$dev" of=got bs=4k skip=2k count=1 iflag=direct 2> /dev/null &
	reader=$!
	within 10 has_in_flight 1
	status bareblk ublk upgrade -d --timeout=2s "$dev"
	[ "$rc" != 0 ] || fail 'it has worked'
	grep -Eq 'not answered within|no answer' err
	# its server has ended, as if killed; the next one does the rest
	within 20 no_process "$pid"
	within 10 is_quiesced
	bareblk ublk recover -d "$dev" "fault?rules=delay/on=read/at=8M-9M/by=6s:[file:$PWD/img]"
	within 30 no_process $reader
	wait $reader
	del
}

run_tests <<-'END'
	held_back   120  I/O waits in the kernel, and none fails
	done_twice  120  with reissue as well
	by_threads_and_batches  90  by several threads, and in batches
	by_paths    120  by every way that data takes
	memory       60  a RAM disk and its supervisor go on in new ones
	locks        60  a file that is locked stays locked
	mirrors      90  the bitmap of a mirror is as the old server has left it
	mounted      60  a mounted file system does not notice
	quiesced     60  a server that is to end leaves a disk that waits
	refused      60  what cannot be is refused, and the old server serves on
	killed      120  when the new server is killed, somebody serves
	taken_back   60  when the new server cannot, the old one takes the device again
	stuck        60  a target that does not answer is no new server's
END
