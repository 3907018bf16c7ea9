#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043,SC2086
#
# Asking a server that runs: resize, message, stat. The target is bareblk-broken's
# elastic, which has all of it.

. "${0%/*}/lib.sh"

user=65534

broken() { # as add, by the other program
	dev=$(bareblk-broken ublk add -d "$@")
	name_device
}

servers() { pidof bareblk bareblk-broken; }

has_update_size() {
	bareblk ublk features | grep -Eq ' UPDATE_SIZE +yes '
}

size_of_disk() { blockdev --getsize64 "$dev"; }

stat_of() { # NAME
	bareblk ublk stat --json "$dev" | sed -n "s/.*\"$1\": \"\\{0,1\\}\\([^,\"}]*\\).*/\\1/p"
}

# --- resize --------------------------------------------------------------------------

resizes() {
	has_update_size || skip 'UPDATE_SIZE (Linux 6.16)'
	broken 'elastic?size=32M:[ram:256M]'
	eq before "$(size_of_disk)" 33554432
	fio --name=v --filename="$dev" --rw=randrw --bs=4k --size=32M --iodepth=16 --ioengine=libaio --direct=1 \
		--verify=crc32c --verify_fatal=1 --time_based --runtime=8 --output=fio.out &
	fio=$!
	within 20 has_in_flight 1
	eq printed "$(bareblk ublk resize "$dev" 64M)" "$dev 64M"
	eq after "$(size_of_disk)" 67108864
	bareblk ublk resize "$id" +1M
	eq 'a bit more' "$(size_of_disk)" 68157440
	eq 'as info has it' "$(info size_bytes)" 68157440
	bareblk ublk resize "$dev" 200M
	eq 'more' "$(size_of_disk)" 209715200
	bareblk ublk resize --shrink "$dev" 32M
	eq less "$(size_of_disk)" 33554432
	wait $fio
	eq 'requests beyond the end' "$(stat_of elastic.beyond)" 0
	# what is new can be used
	bareblk ublk resize "$dev" 128M
	bytes_of 132 65536 > wanted
	poke 134152192 65536 < wanted
	peek 134152192 65536 | cmp - wanted
	del
}

refuses_sizes() {
	has_update_size || skip 'UPDATE_SIZE (Linux 6.16)'
	broken -b 4096 'elastic?size=32M:[ram:64M]'
	refuses 1 'the child has 67108864.*ENOSPC' bareblk ublk resize "$dev" 65M
	refuses 2 'multiple of the logical block' bareblk ublk resize "$dev" 33555456
	refuses 2 'only with --shrink' bareblk ublk resize "$dev" 16M
	refuses 2 'is not a size' bareblk ublk resize "$dev" much
	refuses 2 'is not a size' bareblk ublk resize "$dev" 0
	refuses 2 'is not a device' bareblk ublk resize nothing 1M
	refuses 5 'no such device' bareblk ublk resize 77 1M
	eq size "$(size_of_disk)" 33554432
	del
	add ram:1M
	refuses 4 'ram: its size is fixed' bareblk ublk resize "$dev" 2M
	refuses 4 'does not change by itself' bareblk ublk resize "$dev"
	eq size "$(size_of_disk)" 1048576
	del
}

follows() {
	has_update_size || skip 'UPDATE_SIZE (Linux 6.16)'
	broken 'elastic?size=32M:[ram:64M]'
	bareblk ublk message "$dev" found=40M
	eq 'not yet' "$(size_of_disk)" 33554432
	eq printed "$(bareblk ublk resize "$dev")" "$dev 40M"
	eq followed "$(size_of_disk)" 41943040
	del
}

of_a_file() {
	has_update_size || skip 'UPDATE_SIZE (Linux 6.16)'
	truncate -s 32M disk
	add "file:$PWD/disk"
	bareblk ublk resize "$dev" +32M
	eq 'the file' "$(stat -c %s disk)" 67108864
	eq 'the disk' "$(size_of_disk)" 67108864
	truncate -s 100M disk
	bareblk ublk resize "$dev"
	eq 'the disk, after another hand' "$(size_of_disk)" 104857600
	bytes_of 132 65536 > wanted
	poke 104792064 65536 < wanted
	dd if=disk bs=64k skip=1599 count=1 status=none | cmp - wanted
	bareblk ublk stat "$dev" | grep -q '^  file.direct '
	del
}

by_kernel() {
	broken 'elastic?size=32M:[ram:64M]'
	if has_update_size; then
		bareblk ublk resize "$dev" 64M
		wanted=67108864
	else
		refuses 4 'UPDATE_SIZE.*Linux 6.16' bareblk ublk resize "$dev" 64M
		refuses 4 'UPDATE_SIZE.*Linux 6.16' bareblk ublk resize "$dev"
		wanted=33554432
	fi
	eq size "$(size_of_disk)" $wanted
	eq 'the target' "$(stat_of size_bytes)" $wanted
	del
}

# --- message, stat ---------------------------------------------------------------------

messages() {
	broken 'elastic?size=32M:[ram:64M]'
	bareblk ublk message "$dev" note=5
	eq note "$(stat_of elastic.note)" 5
	bareblk ublk message "$dev" elastic note=6
	eq note "$(stat_of elastic.note)" 6
	refuses 2 'elastic: nonsense=1 is not known' bareblk ublk message "$dev" nonsense=1
	refuses 5 'no target ram' bareblk ublk message "$dev" ram note=1
	refuses 1 'fails as' bareblk ublk message "$dev" fail
	refuses 2 'not a message' bareblk ublk message "$dev" 'two words'
	refuses 2 'too long' bareblk ublk message "$dev" "note=$(bytes_of 170 600)"
	refuses 2 'one line' bareblk ublk message "$dev" 'note=1
2'
	eq note "$(stat_of elastic.note)" 6
	del
	broken 'elastic?size=16M:[elastic?size=32M:[ram:64M]]'
	bareblk ublk message "$dev" elastic2 note=7
	eq 'of the first' "$(stat_of elastic.note)" 0
	eq 'of the second' "$(stat_of elastic2.note)" 7
	refuses 5 'no target elastic3' bareblk ublk message "$dev" elastic3 note=1
	del
	add ram:1M
	refuses 5 'no target that takes messages' bareblk ublk message "$dev" note=5
	del
}

numbers() {
	broken 'elastic?size=32M&copies=8M:[ram:64M]'
	bareblk ublk stat "$dev" > out
	grep -q '^  size_bytes  *32M$' out
	grep -q '^  elastic.copied_bytes  *1M$' out
	grep -q '^  elastic \[###\.*\] 12 %  1024K of 8192K$' out
	bareblk ublk stat --json "$id" | sed 's/, "io": .*/}/' > out
	eq object "$(cat out)" "$(printf '{"id": %s, "size_bytes": 33554432, "target": {"elastic.messages": 0, "elastic.note": 0, "elastic.resized": 0, "elastic.beyond": 0, "elastic.copied_bytes": 2097152, "elastic.total_bytes": 8388608}}' "$id")"
	del
	add ram:1M
	eq 'of a RAM disk' "$(bareblk ublk stat --json "$dev" | sed 's/, "io": .*/}/')" "{\"id\": $id, \"size_bytes\": 1048576, \"target\": {}}"
	del
}

watches() {
	broken 'elastic?size=32M&copies=8M:[ram:64M]'
	bareblk ublk stat --watch "$dev" > out
	grep -q '^  elastic \[########################\] 100 %  8192K of 8192K$' out
	grep -Eq '^  elastic \[.*\] [0-9]+ %  .*K of 8192K, [0-9]+K/s, [0-9]+:[0-9][0-9] left$' out
	eq bars "$(grep -c ' of 8192K' out)" 8
	bareblk ublk stat --watch --json "$dev" > out
	eq 'when all is copied' "$(wc -l < out)" 1
	# of one that copies nothing the numbers come until the server goes
	add ram:1M
	bareblk ublk stat --watch "$dev" > out 2> err &
	watch=$!
	within 20 grep -q size_bytes out
	sleep 2
	del
	rc=0
	wait $watch || rc=$?
	eq 'its exit code' $rc 5
	grep -q 'no longer served' err
	at_least 'times' "$(grep -c size_bytes out)" 2
	dev=/dev/ublkb0
	del
}

# One line, over which the next is written; the bar is what the last one says
watches_on_a_terminal() {
	[ -e /dev/pts/ptmx ] || { mkdir -p /dev/pts && mount -t devpts devpts /dev/pts; }
	broken 'elastic?size=32M&copies=8M:[ram:64M]'
	/on_terminal bareblk ublk stat --watch "$dev" > out
	tr '\r\033' '\n@' < out > lines
	grep -Eq '^  elastic \[#*\.+\] [0-9]+ %  .*K of 8192K, [0-9]+K/s, [0-9]+:[0-9][0-9] left@\[K$' lines
	grep -q '^  elastic \[########################\] 100 %  8192K of 8192K@\[K$' lines
	at_least bars "$(tr -cd '\r' < out | wc -c)" 4
	eq 'lines with a bar' "$(grep -ac ' of 8192K' out)" 1
	del
}

# The real thing: what it copies while it is asked is the same in the end
copies_of_a_mirror() {
	truncate -s 64M a b
	bytes_of 132 8388608 > a
	truncate -s 64M a
	add "mirror?rate=8M:[file:$PWD/a],[file:$PWD/b]"
	bareblk ublk message "$dev" pause
	sleep 1
	eq paused "$(stat_of mirror.paused)" 1
	copied=$(stat_of mirror.copied_bytes)
	at_most 'copied so far' "$copied" 67108863
	sleep 1
	eq 'while it is paused' "$(stat_of mirror.copied_bytes)" "$copied"
	refuses 2 'it knows pause, resume, rate=SIZE' bareblk ublk message "$dev" mirror faster
	bareblk ublk message "$dev" mirror rate=16M
	eq 'its rate' "$(stat_of mirror.rate_bytes)" 16777216
	bareblk ublk stat --watch "$dev" > out &
	watch=$!
	within 20 grep -Eq '^  mirror \[#*\.+\] [0-9]+ %  .* of 64M' out
	bareblk ublk message "$dev" resume
	wait $watch
	grep -q '^  mirror \[########################\] 100 % ' out
	del
	cmp a b
	# a leg that fails: it will never have all
	add "mirror?rate=8M:[file:$PWD/a],[fault?rules=error/on=write/skip=10:[file:$PWD/b]]"
	status bareblk ublk stat --watch "$dev"
	eq 'exit status' $rc 1
	grep -q 'mirror has lost its leg 2 and copies nothing' err
	del
}

# --- who may, and who is there -----------------------------------------------------------

not_root() {
	broken 'elastic?size=32M:[ram:64M]'
	chmod 755 .
	: > out; : > err; chmod 666 out err
	refuses 3 'root|CAP_SYS_ADMIN|[Pp]ermission' unprivileged bareblk ublk message "$dev" note=5
	chmod 666 /dev/ublk-control
	refuses 3 'not yours' unprivileged bareblk ublk message "$dev" note=5
	refuses 3 'not yours' unprivileged bareblk ublk resize "$dev" 1M
	refuses 3 'not yours' unprivileged bareblk ublk stat "$dev"
	chmod 600 /dev/ublk-control
	eq note "$(stat_of elastic.note)" 0
	del
}

is_dead() { [ "$(info state)" = dead ]; }

no_server() {
	serve ram:1M
	eq size "$(stat_of size_bytes)" 1048576
	kill -KILL "$server"
	ended 137
	within 10 is_dead
	refuses 1 'no server' bareblk ublk stat "$dev"
	refuses 1 'no server' bareblk ublk resize "$dev" 2M
	refuses 1 'no server' bareblk ublk message "$dev" x
	del
	add ram:1M
	bareblk ublk stop "$dev"
	refuses 1 'no server' bareblk ublk stat "$dev"
	del
}

# The server of another device under this one's name
name_is_taken() {
	mount -t tmpfs run /run
	trap 'umount /run' EXIT
	add ram:1M
	first=$id
	add ram:2M
	mv "/run/bareblk/ublk$first.sock" "/run/bareblk/ublk$id.sock"
	refuses 3 "not its server, process $(info server_pid), listens but process $(dev=/dev/ublkb$first; info server_pid)" \
		bareblk ublk stat "$dev"
	del
	dev=/dev/ublkb$first
	refuses 1 'does not listen here' bareblk ublk stat "$dev"
	del
}

stopped_server() {
	serve ram:1M
	kill -STOP "$server"
	refuses 7 'no answer' bareblk ublk stat --timeout=500ms "$dev"
	kill -CONT "$server"
	eq size "$(stat_of size_bytes)" 1048576
	kill "$server"
	ended 0
}

in_run() {
	mount -t tmpfs run /run
	trap 'umount /run' EXIT
	add ram:1M
	socket=/run/bareblk/ublk$id.sock
	test -S "$socket"
	eq 'the directory' "$(stat -c '%u %a' /run/bareblk)" '0 700'
	eq size "$(stat_of size_bytes)" 1048576
	kill -KILL "$(info server_pid)"
	within 10 is_dead
	test -S "$socket"
	del
	add -n "$id" ram:2M
	eq size "$(stat_of size_bytes)" 2097152
	del
	within 10 not_there "$socket"
	within 10 not_there /run/bareblk
}

not_there() { [ ! -e "$1" ]; }

# A signal ends it while many ask
asked_by_many() {
	serve ram:1M
	i=0
	while [ $i -lt 4 ]; do
		(while bareblk ublk stat "$dev" > /dev/null 2>&1; do :; done) &
		i=$((i + 1))
	done
	sleep 2
	kill "$server"
	ended 0
	not test -e "$dev"
	wait
}

users_own() {
	chmod 666 /dev/ublk-control
	chmod 777 .
	(
		while sleep 0.1; do
			chown $user /dev/ublkc[0-9]* /dev/ublkb[0-9]* || :
		done
	) 2> /dev/null &
	rule=$!
	trap 'kill $rule; chmod 600 /dev/ublk-control' EXIT
	dev=$(unprivileged bareblk-broken ublk add -d --unprivileged 'elastic?size=32M:[ram:64M]')
	name_device
	unprivileged bareblk ublk message "$dev" note=8
	eq note "$(unprivileged bareblk ublk stat "$dev" | sed -n 's/^  elastic.note  *//p')" 8
	if has_update_size; then
		unprivileged bareblk ublk resize "$dev" 64M
		eq size "$(size_of_disk)" 67108864
	fi
	# and root may ask it
	bareblk ublk message "$dev" note=9
	eq note "$(stat_of elastic.note)" 9
	unprivileged bareblk ublk del "$dev"
}

run_tests <<-'END'
	resizes         90  a disk gets larger and smaller while fio writes, reads and verifies
	refuses_sizes   40  sizes that cannot be are refused, each with its code, and change nothing
	follows         30  without a size the disk follows its target
	of_a_file       30  a file grows with its disk, and a disk with its file
	by_kernel       30  a kernel with UPDATE_SIZE resizes, one without is refused with 4 and the release
	messages        40  messages reach the target, and its refusals come back
	numbers         30  stat prints the target's numbers, as text, bar and JSON
	watches         90  stat --watch ends when what is copied is copied, and when the server goes
	watches_on_a_terminal 60  on a terminal the bar is one line
	copies_of_a_mirror  60  a mirror is paused, resumed and told its rate, and watched until it has copied, or cannot
	not_root        30  a user without privilege may not ask root's server
	no_server       40  a device without a server says so, with 1
	name_is_taken   30  somebody else in the server's place is named, with 3
	stopped_server  30  a server that does not answer costs the time that was allowed, with 7
	in_run          40  in /run the socket is root's alone, outlives a killed server, and is removed at the end
	asked_by_many   40  a server that is asked without end ends by a signal
	users_own       40  a user asks the server of a disk of its own, and so does root
END
