# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# For mirror.sh and mirror_long.sh: two files that are mirrored while fio writes.

# legs SIZE: two files that differ
legs() {
	head -c "$1" /dev/urandom > a
	head -c "$1" /dev/zero | tr '\0' '\377' > b
	not cmp -s a b
}

spec() { echo "mirror?bitmap=$PWD/map&region=256K$1:[file:$PWD/a],[file:$PWD/b]"; }

# the file says that nothing differs: all is copied, and quiet
is_complete() { [ -s map ] && [ "$(tail -c +4097 map | tr -d '\0' | wc -c)" = 0 ]; }

fio_on() { # NAME SEED OPTIONS...
	local name=$1 seed=$2
	shift 2
	fio --name="$name" --filename="$dev" --ioengine=io_uring --direct=1 --bs=4k --rw=randwrite \
		--numjobs=2 --size=32M --offset_increment=32M --io_size=8M --iodepth=16 \
		--randseed="$seed" --verify=crc32c --verify_fatal=1 --group_reporting \
		--output="fio.$name" "$@"
}

# Of 4096 writes one in eight meets a region that is being copied: four of 32 are at
# any time. On a slow machine some of them come when all has been copied.
seed() {
	legs 67108864
	rm -f map
	# the copy takes eight seconds, and fio begins with it
	add -q 2 "mirror?bitmap=$PWD/map&region=2M&rate=8M:[file:$PWD/a],[file:$PWD/b]"
	not is_complete
	fio_on both "$1"
	within 60 is_complete
	at_least 'writes into a region that was being copied' \
		"$(bareblk ublk stat --json "$dev" | value_in - mirror.met_copying)" 100
	del
	cmp a b
}
