#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# What was asked for is what the kernel's disk has, and what the program tells.

. "${0%/*}/lib.sh"
json=${0%/*}/json.awk

queue() { cat "$sys/queue/$1"; }

# --- refusing writes -----------------------------------------------------------

read_only() {
	add --read-only=yes ram:64M
	eq ro "$(cat "$sys/ro")" 1
	eq getro "$(blockdev --getro "$dev")" 1
	peek 0 4096 > got
	bytes_of 000 4096 | cmp - got
	! bytes_of 132 4096 | poke 0 4096 || fail 'dd wrote'
	not mkfs.ext4 -q "$dev"
	not blkdiscard "$dev"
	not blkdiscard -z "$dev"
	# a requester may switch the block layer's own bit off, not the disk's
	blockdev --setrw "$dev" || true
	! bytes_of 132 4096 | poke 0 4096 || fail 'dd wrote after --setrw'
	peek 0 4096 > got
	bytes_of 000 4096 | cmp - got
	eq 'writes that were served' "$(disk_stat 5)" 0
	del
}

writable() {
	add --read-only=no ram:1M
	eq ro "$(cat "$sys/ro")" 0
	bytes_of 132 4096 | poke 0 4096
	peek 0 4096 > got
	bytes_of 132 4096 | cmp - got
	del
}

# --- what becomes durable when ---------------------------------------------------

# traced: kinds of requests that the driver was given, a line each: WS, WFS, FF
trace=/sys/kernel/debug/tracing

trace_begin() {
	[ -d $trace/events/block ] || skip 'this kernel cannot trace block requests'
	echo > $trace/trace
	echo 1 > $trace/events/block/block_rq_issue/enable
	echo 1 > $trace/tracing_on
}

trace_end() {
	echo 0 > $trace/events/block/block_rq_issue/enable
	awk -v want="$(sed 's/:/,/' "$sys/dev")" '
		{ for (i = 1; i <= NF; i++) if ($i == "block_rq_issue:" && $(i + 1) == want) print $(i + 2) }
	' $trace/trace > traced
}

durable_write() {
	bytes_of 132 4096 | dd of="$dev" bs=4096 count=1 iflag=fullblock oflag=direct,dsync conv=notrunc status=none
}

no_cache() {
	add ram:1M
	eq write_cache "$(queue write_cache)" 'write through'
	eq fua "$(queue fua)" 0
	trace_begin
	durable_write
	trace_end
	eq 'flushes' "$(disk_stat 16)" 0
	not grep -q F traced
	del
}

cache_without_fua() {
	add --volatile-cache=yes --fua=no ram:1M
	eq write_cache "$(queue write_cache)" 'write back'
	eq fua "$(queue fua)" 0
	trace_begin
	durable_write
	trace_end
	grep -q '^F' traced
	grep -q '^W' traced
	not grep -q '^W.*F' traced
	at_least flushes "$(disk_stat 16)" 1
	del
}

cache_with_fua() {
	add --volatile-cache=yes --fua=yes ram:1M
	eq write_cache "$(queue write_cache)" 'write back'
	eq fua "$(queue fua)" 1
	trace_begin
	durable_write
	trace_end
	grep -q '^WF' traced
	before=$(disk_stat 16)
	dd if=/dev/zero of="$dev" bs=4096 count=4 conv=notrunc,fsync status=none
	at_least flushes $(($(disk_stat 16) - before)) 1
	del
}

fua_without_cache() {
	refuses 2 'volatile' bareblk ublk add -d --fua=yes --volatile-cache=no ram:1M
}

ext4_flushes() {
	add --volatile-cache=yes ram:64M
	mkfs.ext4 -q "$dev"
	mkdir -p /mnt/t
	mount -t ext4 "$dev" /mnt/t
	before=$(disk_stat 16)
	dd if=/dev/zero of=/mnt/t/file bs=4096 count=1 conv=fsync status=none
	at_least flushes "$(($(disk_stat 16) - before))" 1
	umount /mnt/t
	del
}

# --- numbers -----------------------------------------------------------------------

rotational() {
	add --rotational=yes ram:1M
	eq rotational "$(queue rotational)" 1
	del
	add --rotational=no ram:1M
	eq rotational "$(queue rotational)" 0
	del
}

block_sizes() {
	add -b 1024 --physical-block-size=8K --io-min=16K --io-opt=256K ram:1M
	eq logical "$(queue logical_block_size)" 1024
	eq physical "$(queue physical_block_size)" 8192
	eq io_min "$(queue minimum_io_size)" 16384
	eq io_opt "$(queue optimal_io_size)" 262144
	not peek 512 512
	peek 1024 1024 > got
	del
}

max_io() {
	add --max-io=64K ram:4M
	eq max_hw_sectors_kb "$(queue max_hw_sectors_kb)" 64
	before=$(disk_stat 5)
	bytes_of 132 1048576 | poke 0 1048576
	at_least writes $(($(disk_stat 5) - before)) 16
	bytes_of 132 1048576 > wanted
	peek 0 1048576 | cmp - wanted
	del
	add --max-io=32M ram:64M
	at_least max_hw_sectors_kb "$(queue max_hw_sectors_kb)" 32768
	echo 32768 > "$sys/queue/max_sectors_kb"
	dd if=/dev/urandom of=random bs=1M count=32 iflag=fullblock status=none
	poke 0 33554432 < random
	peek 0 33554432 | cmp - random
	del
}

no_discard() {
	add --discard=no ram:1M
	eq discard_max_bytes "$(queue discard_max_bytes)" 0
	not blkdiscard "$dev"
	del
	add --discard=yes ram:1M
	at_least discard_max_bytes "$(queue discard_max_bytes)" 1048576
	eq discard_granularity "$(queue discard_granularity)" 4096
	blkdiscard "$dev"
	del
}

# --- sizes --------------------------------------------------------------------------

one_sector() {
	add ram:512
	eq size "$(cat "$sys/size")" 1
	bytes_of 132 512 > wanted
	poke 0 512 < wanted
	peek 0 512 | cmp - wanted
	eq 'read behind the end' "$(peek 512 512 | wc -c)" 0
	eq 'read in all' "$(wc -c < "$dev")" 512
	blkdiscard "$dev"
	bytes_of 000 512 > wanted
	peek 0 512 | cmp - wanted
	del
}

# the last sector is alone in its page
odd_size() {
	add ram:2049s
	eq size "$(cat "$sys/size")" 2049
	eq bytes "$(blockdev --getsize64 "$dev")" 1049088
	bytes_of 132 512 > wanted
	poke 1048576 512 < wanted
	peek 1048576 512 | cmp - wanted
	not dd if=wanted of="$dev" bs=512 seek=2049 oflag=direct conv=notrunc status=none
	blkdiscard "$dev"
	bytes_of 000 512 > wanted
	peek 1048576 512 | cmp - wanted
	del
}

odd_for_blocks() {
	refuses 2 'multiple|block' bareblk ublk add -d -b 4096 ram:2049s
}

# --- what the program tells --------------------------------------------------------

json_of() { # VERB...
	bareblk ublk "$@" --json > text
	awk -f "$json" text > leaves
}

leaf() { sed -n "s/^$1 //p" leaves; }

json_reader_is_strict() {
	local text
	echo '{"a": [1, {"b": "x\"\u00e4"}, true, null, -1.5e3], "c": {}, "d": []}' | awk -f "$json" > leaves
	eq leaves "$(wc -l < leaves)" 5
	eq b "$(leaf .a.1.b)" 'x\"\u00e4'
	for text in '' '{' '{"a": 1,}' '[1 2]' '{"a" 1}' '[01]' '"a' '[1] 2' "{'a': 1}" '{"a": 1, "a": 2}' '[tru]' '"\x"'; do
		! echo "$text" | awk -f "$json" > /dev/null 2>&1 || fail "taken for JSON: $text"
	done
}

info_agrees() {
	add -q 2 --depth=64 -b 4096 --physical-block-size=8K --io-opt=64K --max-io=256K --volatile-cache=yes \
		--fua=yes --rotational=yes ram:96M
	json_of info "$dev"
	eq id "$(leaf .id)" "$id"
	eq path "$(leaf .path)" "$dev"
	eq state "$(leaf .state)" live
	eq queues "$(leaf .queues)" "$(nr_hardware_queues)"
	eq depth "$(leaf .depth)" "$(cat "$sys/mq/0/nr_tags")"
	eq size "$(leaf .size_bytes)" $(($(cat "$sys/size") * 512))
	eq logical "$(leaf .logical_block_bytes)" "$(queue logical_block_size)"
	eq physical "$(leaf .physical_block_bytes)" "$(queue physical_block_size)"
	eq io_min "$(leaf .io_min_bytes)" "$(queue minimum_io_size)"
	eq io_opt "$(leaf .io_opt_bytes)" "$(queue optimal_io_size)"
	eq max "$(leaf .max_request_bytes)" $(($(queue max_hw_sectors_kb) * 1024))
	eq discard "$(leaf .max_discard_bytes)" "$(queue discard_max_bytes)"
	eq zeroes "$(leaf .max_write_zeroes_bytes)" "$(queue write_zeroes_max_bytes)"
	eq granularity "$(leaf .discard_granularity_bytes)" "$(queue discard_granularity)"
	eq ro "$(leaf .read_only)" false
	eq rotational "$(leaf .rotational)" true
	eq cache "$(leaf .volatile_cache)" true
	eq fua "$(leaf .fua)" true
	eq ours "$(leaf .ours)" true
	eq owner "$(leaf .owner_uid)" 0
	tr '\0' ' ' < "/proc/$(leaf .server_pid)/cmdline" | grep -q 'bareblk ublk add'
	bareblk ublk info "$id" > text
	grep -q '^ *state  *live$' text
	grep -q '^ *queues  *2 of depth 64$' text
	grep -q '^ *size  *96M$' text
	grep -q '^ *logical block  *4K$' text
	grep -q '^ *largest request  *256K$' text
	grep -q '^ *attributes  *rotational volatile-cache fua$' text
	del
}

list_agrees() {
	json_of list
	[ ! -s leaves ] || fail "devices: $(cat leaves)"
	[ -z "$(bareblk ublk list)" ]
	add -n 7 ram:1M
	add -n 3 null:2G
	add ram:512
	json_of list
	eq '1st' "$(leaf .0.id) $(leaf .0.size_bytes)" '0 512'
	eq '2nd' "$(leaf .1.id) $(leaf .1.size_bytes)" '3 2147483648'
	eq '3rd' "$(leaf .2.id) $(leaf .2.size_bytes)" '7 1048576'
	eq 'more' "$(grep -c '^\.[0-9]*\.id ' leaves)" 3
	bareblk ublk list > text
	eq lines "$(wc -l < text)" 4
	sed -n 3p text | grep -q "^/dev/ublkb3  *live  *2G  *1  *128  *[0-9]*  *bareblk$"
	bareblk ublk del 0 ublkb3 /dev/ublkb7
}

features_agree() {
	json_of features
	grep '\.name ' leaves | sed 's/.* //' > json_names
	bareblk ublk features > text
	eq lines "$(wc -l < text)" $(($(wc -l < json_names) + 1))
	sed 1d text | awk '{ print $2 }' | cmp - json_names
	# a bit that the device has is one that the kernel has
	add ram:1M
	for flag in $(bareblk ublk info 0 | sed -n 's/^ *flags *//p'); do
		grep -q " $flag  *yes " text || fail "a device has $flag, the kernel has not"
	done
	del
	case $(uname -r) in
	# the driver of 6.12 lists zero copy, and takes it from every device
	6.12*) grep -q ' USER_RECOVERY_FAIL_IO  *no ' text && grep -q ' ZONED  *yes' text &&
		grep -q ' SUPPORT_ZERO_COPY  *no ' text ;;
	7.3*)  grep -q ' IO_DESC_SIZE  *yes ' text ;;
	esac
}

queues_are_cut() {
	add -q 64 ram:1M
	cpus=$(grep -c ^processor /proc/cpuinfo)
	eq queues "$(info queues)" "$cpus"
	eq 'hardware queues' "$(nr_hardware_queues)" "$cpus"
	del
	bareblk ublk add -v -q 64 ram:1M > out 2> err &
	server=$!
	within 20 test -s out
	kill $server
	wait $server
	grep -q "$cpus queues" err
}

# While it is served: by the one who uses it, not by its target
switched() {
	add ram:32M
	bytes_of 132 65536 > wanted
	poke 0 65536 < wanted
	bareblk ublk readonly "$dev"
	eq ro "$(blockdev --getro "$dev")" 1
	not poke 0 65536 < /dev/zero
	peek 0 65536 | cmp - wanted
	bareblk ublk readonly "$dev" off
	eq ro "$(blockdev --getro "$dev")" 0
	head -c 65536 /dev/zero | poke 0 65536
	mkfs.ext4 -q "$dev"
	mkdir -p /mnt/t
	mount -t ext4 "$dev" /mnt/t
	refuses 6 'in use: mounted on /mnt/t' bareblk ublk readonly "$dev"
	echo x > /mnt/t/file
	umount /mnt/t
	refuses 2 'on or off' bareblk ublk readonly "$dev" maybe
	del
	refuses 5 'no such device' bareblk ublk readonly "$dev"
	add --read-only=yes ram:1M
	refuses 1 'made so' bareblk ublk readonly "$dev" off
	bareblk ublk readonly "$dev" on
	del
}

run_tests <<-'END'
	json_reader_is_strict  10  the tests' own reader of JSON refuses what is not JSON
	read_only              30  a read-only device refuses writes, formatting and discards, also after blockdev --setrw
	writable               20  a device that is not read-only takes writes
	cache_with_fua         30  with a volatile cache and FUA, durable writes arrive as FUA and fsync as a flush
	cache_without_fua      30  with a volatile cache and no FUA, durable writes are followed by a flush
	no_cache               30  without a volatile cache no flush is sent
	fua_without_cache      10  FUA without a volatile cache is refused
	ext4_flushes           30  fsync of a file on ext4 flushes the device
	rotational             20  a device is rotational when it is told to be
	block_sizes            20  logical, physical, least and best block sizes are those asked for
	max_io                 40  no request is larger than --max-io, and 32 MiB go in one
	no_discard             20  discard is offered or not
	one_sector             20  a disk of one sector works
	odd_size               20  a disk of 2049 sectors ends where it says
	odd_for_blocks         10  a size that is no multiple of the block size is refused
	info_agrees            30  info in both forms agrees with sysfs
	list_agrees            30  list in both forms shows all devices in order
	features_agree         20  features in both forms agree with each other and with a device
	queues_are_cut         20  more queues than CPUs are cut, and the device says so
	switched      30  a disk that is served can be made read only, and not under a file system
END
