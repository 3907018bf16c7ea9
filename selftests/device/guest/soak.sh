#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# Half an hour with a filesystem on a disk whose server is killed in one minute, and
# replaced in the next: what is written is verified all the time, and nothing grows.

. "${0%/*}/lib.sh"
. "${0%/*}/handover.sh"

minutes=30

# kb_fds PID: what it has in memory of its own, kB, and how many files are open
kb_fds() { echo "$(proc_status "$1" RssAnon) $(find "/proc/$1/fd" -mindepth 1 | wc -l)"; }

# What the kernel holds that nobody can make it give back, kB: what requests, rings, threads and
# devices that have gone would leave there
kernel_kb() { awk '/^(SUnreclaim|KernelStack|PageTables|Percpu):/ { kb += $2 } END { print kb }' /proc/meminfo; }

# measure MINUTE: of the server and of its supervisor, which may be another one by now
measure() {
	local pid
	pid=$(server_of)
	supervisor=$(parent_of "$pid")
	no_servers_but "$pid" "$supervisor" || fail "servers: $(servers)"
	echo "$1 $(kb_fds "$pid") $(kb_fds "$supervisor") $(kernel_kb)" >> measured
}

# No more than 64 kB and no file above what it was in the third or fourth minute, after a death
# and after a replacement; and of the kernel three megabytes
is_flat() {
	awk '
		$1 == 3 || $1 == 4 {
			i = $1 % 2
			server[i] = $2; files[i] = $3; parent[i] = $4; parent_files[i] = $5; kernel = $6
		}
		{ i = $1 % 2 }
		$1 > 4 && ($2 > server[i] + 64 || $3 > files[i] || $4 > parent[i] + 64 || $5 > parent_files[i] || $6 > kernel + 3072) {
			print "minute " $1 " has grown: " $0
			bad = 1
		}
		END { exit bad || !kernel }' measured
}

filesystem_is_used() {
	fio --name=v --directory=/mnt/t --size=24m --rw=randrw --bs=4k --iodepth=8 --direct=1 --rate_iops=400 \
		--fsync=64 --verify=crc32c --verify_fatal=1 --time_based --runtime=100000 --ioengine=libaio \
		--output-format=json --output=fio.json 2> fio.err &
	fio=$!
	within 60 has_in_flight 1
}

one_minute() { # MINUTE
	local until=$(($(now_ms) + 60000))
	no_process $fio && fail "fio has ended: $(cat fio.err)"
	if [ $(($1 % 2)) = 0 ]; then
		upgrade
	else
		kill_server
	fi
	{ set +x; } 2> /dev/null
	while [ "$(now_ms)" -lt $until ]; do
		sleep 1
	done
	set -x
	measure "$1"
}

half_an_hour() {
	local i
	truncate -s 128M img
	supervised -q 2 --recover=reissue file:"$PWD"/img
	mkfs.ext4 -q "$dev"
	mkdir -p /mnt/t
	mount -t ext4 "$dev" /mnt/t
	filesystem_is_used
	for i in $(seq $minutes); do
		one_minute "$i"
	done
	fio_is_well
	sed -n '4p;$p' measured |
		awk '{ print "minute " $1 ": server " $2 " kB and " $3 " files, supervisor " $4 " kB and " $5 " files, kernel " $6 " kB" }' >> say
	is_flat >> said || fail "$(cat said)"
	# and it would notice
	cp measured sound
	for grown in '$2 + 65, $3, $4, $5, $6' '$2, $3 + 1, $4, $5, $6' '$2, $3, $4, $5, $6 + 4096'; do
		{ cat sound; echo "$((minutes + 2)) $(awk "END { print $grown }" sound)"; } > measured
		not is_flat
	done
	umount /mnt/t
	blockdev --flushbufs "$dev"
	e2fsck -fn "$dev" > check.out 2>&1
	del
}

run_tests <<-'END'
	half_an_hour  2400  half an hour of deaths and replacements: nothing is lost, nothing grows
END
