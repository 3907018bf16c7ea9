# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043,SC2034,SC2120
#
# Handing a device over while fio writes and verifies: for upgrade.sh and upgrade_long.sh.

. "${0%/*}/supervised.sh"

no_servers_but() { [ "$(servers | tr ' ' '\n' | sort)" = "$(printf '%s\n' "$@" | sort)" ]; }

# what the kernel has to have, or else requests are done twice
how() { if has_feature QUIESCE; then echo queue; else echo reissue; fi; }

# upgrade ARGS...: by the daemon, and the old server has ended
upgrade() {
	local old
	old=$(server_of)
	begin=$(now_ms)
	eq 'what is said' "$(bareblk ublk upgrade -d "$@" "$dev")" "$dev"
	echo "upgrade took $(($(now_ms) - begin)) ms" >> took
	within 10 no_process "$old"
	[ "$(server_of)" != "$old" ] || fail "it has the same server"
	eq 'its state' "$(info state)" live
}

# writes and verifies, all of it and again and again, until fio_is_well
fio_begins() {
	fio --name=v --filename="$dev" --rw=randrw --bs=4k --iodepth=16 --direct=1 --verify=crc32c \
		--verify_fatal=1 --time_based --runtime=1000 --ioengine=libaio --output-format=json \
		--output=fio.json 2> fio.err &
	fio=$!
	within 20 has_in_flight 1
}

# It has been well up to now, and ends by a signal; and how long one request waited
fio_is_well() {
	local rc=0
	no_process $fio || kill -INT $fio
	wait $fio || rc=$?
	# what it ends with when a signal is all that ends it
	[ "$rc" = 128 ] || fail "fio: $rc: $(cat fio.err; grep error fio.json)"
	[ ! -s fio.err ] || fail "fio: $(cat fio.err)"
	awk -F'[:,]' '/"(clat|lat)_ns"/ { in_it = /"lat_ns"/ } in_it && /"max"/ && $2 + 0 > max { max = $2 + 0 }
		END { printf "the longest wait of one request: %d ms\n", max / 1000000 }' fio.json >> say
}

# so many bytes have been read by whoever verifies: twice what there is
has_verified() { [ $(($(disk_stat 3) - seen)) -gt 65536 ]; }

# under_fio TIMES ARGS...: a device of these, upgraded so often
under_fio() {
	local times=$1 i
	shift
	dd if=/dev/zero of=img bs=1M count=16 2> /dev/null
	add "$@"
	fio_begins
	for i in $(seq "$times"); do
		upgrade
		sleep 0.5
	done
	seen=$(disk_stat 3)
	within 60 has_verified
	fio_is_well
	sort -n -k 3 took | tail -n 1 >> say
	del
}
