#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2034,SC2154,SC2329,SC2317,SC2016 # variables of lib.sh, functions that it calls
#
# Each kind of target, made by ours: what is written comes back, read with
# O_DIRECT by another process; a byte that is changed below is noticed; its table
# and status are the same in both parties' eyes.
# group: 400 always

. "${0%/*}/lib.sh"

# start: data to write, and disks without anything of an earlier test
start() {
	quiet
	local i
	for i in 0 1 2 3; do
		dd if=/dev/zero of=/dev/ram$i bs=1M count=4 oflag=direct status=none
	done
	random data
	random other
}

random() { head -c 262144 /dev/urandom > "$1"; }

put() { # FILE DEVICE
	dd if="$1" of="$2" bs=64k oflag=direct conv=notrunc status=none
}

holds() { # DEVICE FILE
	dd if="$1" bs=64k count=4 iflag=direct status=none 2> /dev/null | cmp -s - "$2"
}

must_hold() { holds "$1" "$2" || fail "$1 does not hold what was written"; }
must_not_hold() { ! holds "$1" "$2" || fail "$1 holds $2, which it cannot"; }

# flip DEVICE BYTE_OFFSET [BACK]: another 4096 bytes there
flip() {
	local from='\000-\377' to='\001-\377\000'
	[ -z "${3-}" ] || { from='\001-\377\000' to='\000-\377'; }
	dd if="$1" bs=4096 skip=$(($2 / 4096)) count=1 iflag=direct status=none | tr "$from" "$to" > block
	dd if=block of="$1" bs=4096 seek=$(($2 / 4096)) count=1 oflag=direct conv=notrunc status=none
}

# io DEVICE BACKING BYTE_OFFSET: there is where the device's first bytes are, or a copy
io() {
	put data "$1"
	must_hold "$1" data
	must_not_hold "$1" other
	flip "$2" "$3"
	must_not_hold "$1" data
	flip "$2" "$3" back
	must_hold "$1" data
}

make() { # NAME TABLE [OPTION...]
	local name=$1 table="$2"
	shift 2
	$us create "$name" --table "$table" "$@" || fail "$name was not made"
	[ -b "/dev/mapper/$name" ] || fail "$name has no node"
}

# shown NAME...: as both see it
shown() {
	local name
	for name; do
		same "table" table "$name"
		same "status" status "$name"
		same "info" info "$name"
	done
}

# gone NAME...: in this order
gone() { $us remove "$@" || fail "not removed: $*"; }

# until_status NAME PATTERN: its status, as the reference sees it, comes to that
until_status() {
	local tries=100
	while [ $tries -gt 0 ]; do
		state=$($ref status "$1")
		# shellcheck disable=SC2254 # a pattern
		case $state in
		$2) return ;;
		esac
		tries=$((tries - 1))
		sleep 0.1
	done
	fail "$1 has not come to $2: $state"
}

linear() {
	start
	make x "0 8192 linear /dev/ram0 2048"
	io /dev/mapper/x /dev/ram0 1048576
	shown x
	gone x
}

striped() {
	start
	make x "0 8192 striped 2 128 /dev/ram0 0 /dev/ram1 0"
	io /dev/mapper/x /dev/ram0 0
	flip /dev/ram1 0
	must_not_hold /dev/mapper/x data
	shown x
	gone x
}

no_data() {
	start
	make z "0 8192 zero"
	put data /dev/mapper/z
	head -c 262144 /dev/zero > zeroes
	must_hold /dev/mapper/z zeroes
	must_not_hold /dev/mapper/z data
	make e "0 8192 error"
	not dd if=/dev/mapper/e of=/dev/null bs=4096 count=1 iflag=direct status=none
	not dd if=data of=/dev/mapper/e bs=4096 count=1 oflag=direct status=none
	shown z e
	gone z e
}

flakey() {
	start
	make x "0 8192 flakey /dev/ram0 0 60 0"
	io /dev/mapper/x /dev/ram0 0
	shown x
	$us load x --table "0 8192 flakey /dev/ram0 0 0 60"
	$us suspend x
	$us resume x
	must_not_hold /dev/mapper/x data
	shown x
	gone x
}

centiseconds() { sed 's/ .*//; s/\.//' /proc/uptime; }

delay() {
	start
	make x "0 8192 delay /dev/ram0 0 100"
	begin=$(centiseconds)
	io /dev/mapper/x /dev/ram0 0
	end=$(centiseconds)
	# 5 reads of 4 requests, one after the other
	at_least "centiseconds" $((end - begin)) 100
	shown x
	gone x
}

snapshots() {
	start
	make base "0 8192 linear /dev/ram0 0"
	make orig "0 8192 snapshot-origin /dev/mapper/base"
	put data /dev/mapper/orig
	# the origin learns of the chunks of a snapshot when it is resumed
	$us suspend orig
	make snap "0 8192 snapshot /dev/mapper/base /dev/ram1 P 16"
	$us resume orig
	must_hold /dev/mapper/snap data
	put other /dev/mapper/orig
	must_hold /dev/mapper/orig other
	must_hold /dev/mapper/snap data
	shown orig snap base
	gone snap
	# and back: what the snapshot holds becomes the origin's
	$us suspend orig
	$us load orig --table "0 8192 snapshot-merge /dev/mapper/base /dev/ram1 P 16"
	$us resume orig
	until_status orig '*snapshot-merge 32/* 32'
	must_hold /dev/mapper/orig data
	flip /dev/ram0 0
	must_not_hold /dev/mapper/orig data
	shown orig
	gone orig base
}

thin() {
	start
	make pool "0 65536 thin-pool /dev/ram1 /dev/ram2 128 0"
	$us message pool 0 create_thin 0
	make x "0 32768 thin /dev/mapper/pool 0"
	put data /dev/mapper/x
	must_hold /dev/mapper/x data
	$us suspend x
	$us message pool 0 "create_snap 1 0"
	$us resume x
	make s "0 32768 thin /dev/mapper/pool 1"
	put other /dev/mapper/x
	must_hold /dev/mapper/x other
	must_hold /dev/mapper/s data
	must_not_hold /dev/mapper/s other
	shown pool x s
	gone s
	$us message pool 0 delete 1
	not $us message pool 0 delete 1
	same "a message that is refused" message pool 0 delete 1
	same "a message that is none" message pool 0 nonsense
	shown pool
	gone x pool
}

crypt() {
	start
	key=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
	make x "0 8192 crypt aes-xts-plain64 $key 0 /dev/ram0 0"
	io /dev/mapper/x /dev/ram0 0
	must_not_hold /dev/ram0 data
	shown x
	same "key" table --showkeys x
	gone x
	make x "0 8192 crypt aes-xts-plain64 ff$(echo $key | cut -c 3-) 0 /dev/ram0 0"
	must_not_hold /dev/mapper/x data
	gone x
}

verity() {
	start
	put data /dev/ram0
	root=$(veritysetup format --data-blocks=64 --salt=00ff /dev/ram0 /dev/ram1 | awk '/^Root hash/ { print $3 }')
	make x "0 512 verity 1 /dev/ram0 /dev/ram1 4096 4096 64 1 sha256 $root 00ff" -r
	must_hold /dev/mapper/x data
	flip /dev/ram0 8192
	must_not_hold /dev/mapper/x data
	shown x
	gone x
}

integrity() {
	start
	make x "0 1 integrity /dev/ram0 0 - D 1 internal_hash:crc32c"
	gone x
	sectors=$(dd if=/dev/ram0 bs=512 count=1 status=none | od -A n -t u8 -j 16 -N 8 | tr -d ' ')
	at_least "sectors that it provides" "$sectors" 65536
	make x "0 $sectors integrity /dev/ram0 0 - D 1 internal_hash:crc32c"
	put data /dev/mapper/x
	must_hold /dev/mapper/x data
	corrupt_first_block
	must_not_hold /dev/mapper/x data
	same "table" table x
	same "info" info x
	gone x
}

# the block of /dev/ram0 that is the first of the data, found and changed
corrupt_first_block() {
	head -c 4096 data > first
	local n=0
	while [ $n -lt 4096 ]; do
		if dd if=/dev/ram0 bs=4096 skip=$n count=1 iflag=direct status=none | cmp -s - first; then
			flip /dev/ram0 $((n * 4096))
			return
		fi
		n=$((n + 1))
	done
	fail "the data is nowhere on the disk"
}

mirror() {
	start
	make x "0 8192 mirror core 2 64 nosync 2 /dev/ram0 0 /dev/ram1 0"
	put data /dev/mapper/x
	must_hold /dev/mapper/x data
	must_hold /dev/ram0 data
	must_hold /dev/ram1 data
	shown x
	gone x
	make x "0 8192 mirror core 1 64 2 /dev/ram0 0 /dev/ram2 0"
	until_status x '* AA *'
	must_hold /dev/ram2 data
	gone x
}

raids() {
	start
	modprobe -a raid1 raid456 2> /dev/null || :
	make x "0 8192 raid raid1 1 0 2 - /dev/ram0 - /dev/ram1"
	until_status x '* AA 8192/8192 *'
	io_on_two /dev/mapper/x /dev/ram0 /dev/ram1
	shown x
	gone x
	make x "0 8192 raid raid5_ls 1 64 3 - /dev/ram0 - /dev/ram1 - /dev/ram2"
	until_status x '* AAA 4096/4096 *'
	put data /dev/mapper/x
	must_hold /dev/mapper/x data
	flip /dev/ram0 0
	must_not_hold /dev/mapper/x data
	shown x
	gone x
}

io_on_two() {
	put data "$1"
	must_hold "$1" data
	must_hold "$2" data
	must_hold "$3" data
}

caching() {
	start
	put other /dev/ram2
	make x "0 8192 cache /dev/ram0 /dev/ram1 /dev/ram2 128 1 writethrough smq 0"
	must_hold /dev/mapper/x other
	put data /dev/mapper/x
	must_hold /dev/mapper/x data
	must_hold /dev/ram2 data
	shown x
	gone x
	dd if=/dev/zero of=/dev/ram1 bs=64k count=1 oflag=direct status=none
	make w "0 8192 writecache s /dev/ram3 /dev/ram1 4096 0"
	put data /dev/mapper/w
	must_hold /dev/mapper/w data
	$us message w 0 flush
	until_status w '* writecache 0 *'
	must_hold /dev/ram3 data
	flip /dev/ram3 0
	gone w
	must_not_hold /dev/ram3 data
}

switching() {
	start
	make x "0 8192 switch 2 128 0 /dev/ram0 0 /dev/ram1 0"
	$us message x 0 set_region_mappings 0:0 1:0 2:0 3:0
	io /dev/mapper/x /dev/ram0 0
	$us message x 0 set_region_mappings 0:1 1:1 2:1 3:1
	must_not_hold /dev/mapper/x data
	put other /dev/mapper/x
	must_hold /dev/ram1 other
	must_hold /dev/ram0 data
	shown x
	gone x
}

cloning() {
	modprobe -q dm-clone || skip "the kernel has no dm-clone"
	start
	put data /dev/ram2
	make x "0 8192 clone /dev/ram0 /dev/ram1 /dev/ram2 8 1 no_hydration"
	must_hold /dev/mapper/x data
	must_not_hold /dev/ram1 data
	$us message x 0 enable_hydration
	until_status x '* 1024/1024 *'
	must_hold /dev/ram1 data
	flip /dev/ram1 0
	must_not_hold /dev/mapper/x data
	shown x
	gone x
}

recording() {
	start
	make x "0 8192 era /dev/ram0 /dev/ram1 128"
	io /dev/mapper/x /dev/ram1 0
	$us message x 0 checkpoint
	same "table" table x
	same "info" info x
	until_status x '0 8192 era 8 */16384 2 -'
	gone x
	make l "0 8192 log-writes /dev/ram1 /dev/ram3"
	put other /dev/mapper/l
	$us message l 0 mark here
	must_hold /dev/ram1 other
	shown l
	gone l
	dd if=/dev/ram3 bs=64k count=16 iflag=direct status=none | grep -qa here || fail "the mark is not in the log"
}

more_kinds() {
	start
	make s "0 8192 striped 2 128 /dev/ram0 0 /dev/ram1 0"
	make u "0 4096 unstriped 2 128 1 /dev/mapper/s 0"
	io /dev/mapper/u /dev/ram1 0
	shown u
	gone u s
	make m "0 8192 multipath 2 queue_mode bio 0 1 1 round-robin 0 1 1 /dev/ram0 1"
	io /dev/mapper/m /dev/ram0 0
	$us message m 0 fail_path /dev/ram0
	same "status" status m
	$us message m 0 reinstate_path /dev/ram0
	shown m
	gone m
}

run_tests <<-'END'
linear     40  linear
striped    40  striped
no_data    40  zero and error
flakey     40  flakey, up and down
delay      60  delay
snapshots  60  snapshot-origin, snapshot, and snapshot-merge back into it
thin       60  thin-pool and thin, with messages and a snapshot
crypt      40  crypt: the disk below does not hold it, another key does not read it
verity     40  verity: a changed byte is not read
integrity  60  integrity: a changed byte is not read
mirror     60  mirror, in sync and brought to it
raids      90  raid1 and raid5
caching    60  cache and writecache
switching  40  switch, with its regions changed
cloning    60  clone, hydrated
recording  60  era and log-writes
more_kinds 60  unstriped and multipath
END
