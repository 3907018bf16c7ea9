#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043,SC2086,SC2046 # busybox ash has local; lists of words
#
# Every way to move data, on every target: a disk is used by bareblk-shadow, which
# judges all of its bytes, then by a file system, or deleted while it works; and
# the same way of a disk that goes wrong is found to be wrong.
#
# A test is a row of matrix.rows, a run of it one of matrix.pairs. The rows that make
# check has on this kernel have one run here. Where there is a file /matrix.todo, with
# names of rows, it is all runs of those, for ../matrix.sh.

. "${0%/*}/lib.sh"
. "${0%/*}/ways.sh"

todo=/matrix.todo
control=/tmp/matrix.control

runs() { grep -v '^#' "${0%/*}/matrix.pairs" | grep .; }

nr_rows() { rows | wc -l; }
nr_runs() { runs | wc -l; }

name_of() { # PATH TRANSPORT TARGET SINCE
	echo "$1,$2,$3"
}

# --- one run ----------------------------------------------------------------------

# how the device is made, in words for "bareblk ublk add"
options() {
	echo -q $queues --depth=$depth -b $logical --volatile-cache=$cache --fua=$cache
	way_options $path $transport $queues $run
}

# What of the kernel makes this path and this transport, in the order of has_granted()
wanted() {
	[ $path != auto-buf-reg ] || echo AUTO_BUF_REG
	[ $transport != batch ] || echo BATCH_IO
	case $path in
	get-data)                 echo NEED_GET_DATA ;;
	shmem)                    echo SHMEM_ZC USER_COPY ;;
	zero-copy | auto-buf-reg) echo SUPPORT_ZERO_COPY ;;
	user-copy*)               echo USER_COPY ;;
	esac
}

# has_granted FILE: "info --json" in one line, by one process: a guest's are dear
has_granted() {
	awk '
		{ json = json $0 }
		function value_of(name) {
			return match(json, "\"" name "\": \"?[^,\"}]*") ? substr(json, RSTART, RLENGTH) : "no " name
		}
		END {
			line = value_of("queues") ", " value_of("depth") ", " value_of("mode")
			gsub(/"/, "", line)
			nr = split("AUTO_BUF_REG BATCH_IO NEED_GET_DATA SHMEM_ZC SUPPORT_ZERO_COPY USER_COPY", names, " ")
			for (i = 1; i <= nr; i++)
				if (index(json, "\"" names[i] "\""))
					line = line " " names[i]
			print line
		}' "$1"
}

# What a file lies on: sparse itself, and zeroes of gigabytes are no memory there
below=
begin_below() {
	[ $target = file ] || return 0
	add ram:8G
	below=$dev
	mkfs.ext4 -q -O ^has_journal -E nodiscard -N 64 "$below"
	mkdir -p /mnt/below
	mount -t ext4 "$below" /mnt/below
}

end_below() {
	[ -n "$below" ] || return 0
	umount /mnt/below
	del "$below"
}

# make SIZE [BROKEN]: a new disk of that target
make() {
	rm -f /mnt/below/disk
	if [ -z "${2-}" ]; then
		add $(options) "$(spec "$1")"
	else
		dev=$(bareblk-broken ublk add -d $(options) "$(spec "$@")")
		name_device
	fi
}

# spec SIZE [BROKEN]: the target, of something that goes wrong when BROKEN is given
spec() {
	local store=$target:$1
	[ $target = null ] || store=ram:$1
	[ $target != zoned ] || store=ram:64M
	[ $target != file ] || store="file:/mnt/below/disk?size=$1&direct=1"
	[ -z "${2-}" ] || store="$2:[$store]"
	case $target in
	null | ram | file) echo "$store" ;;
	zoned)      echo "zoned?zone_size=$zone:[$store]" ;;
	integrity)  echo "integrity?meta=8&csum=t10dif&interval=$logical:[$store]" ;;
	esac
}

# shadow ARGS...: a process per queue, as many operations of each as it has tags
shadow() {
	local kind=$target
	[ $target != integrity ] && [ $target != file ] || kind=ram
	[ $path != shmem ] || set -- --memory=$shmem "$@"
	bareblk-shadow --kind=$kind --block-size=$logical --workers=$queues --lanes=$lanes --seed=$((row * 100 + run)) "$@" "$dev"
}

# Windows over more than 5 GiB, large ones for few lanes; or as many zones as there are
# lanes, and more
layout() {
	if [ $target = zoned ]; then
		echo --windows=16 --window=$zone --stride=$zone
	elif [ $depth = 1 ]; then
		echo --windows=4 --window=512K --stride=1792M
	elif [ $depth = 32 ]; then
		echo --window=64K --stride=352M
	else
		echo --window=128K --stride=352M
	fi
}

is_as_asked() {
	local bytes name want="queues: $queues, depth: $depth, mode: $path"
	[ $path != shmem ] || want=${want%shmem}user-copy
	for name in $(wanted); do
		want="$want $name"
	done
	read -r bytes < "$sys/queue/logical_block_size"
	eq 'logical block' $bytes $logical
	bareblk ublk info --json "$dev" > asked
	eq device "$(has_granted asked)" "$want"
}

use_it() {
	local flushes buffered=
	[ $io = direct ] || buffered=--buffered
	flushes=$(disk_stat 16)
	shadow --time=200ms $buffered $(layout) >> say
	[ $cache = no ] || at_least flushes $(($(disk_stat 16) - flushes)) 1
}

# the way of a disk that goes wrong in one of five ways
catch_it() {
	local how
	[ $target != null ] || return 0
	how=$(echo flip stale lost torn misdirect | cut -d ' ' -f $((run % 5 + 1)))
	make 64M "broken?every=20&control=$control"
	[ $lanes -le 8 ] || lanes=8
	if [ $target = zoned ]; then
		shadow --control=$control --how=$how $(layout) >> say
	else
		shadow --control=$control --how=$how --window=64K >> say
	fi
	del
}

files_on() { # TYPE CHECK...
	local type=$1
	shift
	mkdir -p /mnt/t
	mount -t $type "$dev" /mnt/t
	cp -a /device /mnt/t/device
	dd if=/dev/urandom of=/mnt/t/random bs=256k count=2 status=none
	sync -f /mnt/t
	(cd /mnt/t && find . -type f -exec sha256sum {} +) > sums
	umount /mnt/t
	"$@" "$dev" > check.out
	blockdev --flushbufs "$dev"
	mount -t $type "$dev" /mnt/t
	(cd /mnt/t && sha256sum -c -s "$work/sums")
	umount /mnt/t
}

has_moved() { [ $(($(disk_stat 1) - reads)) -gt 4 ] && [ $(($(disk_stat 5) - writes)) -gt 4 ]; }

# deleted in the midst of it
load_it() {
	reads=$(disk_stat 1) writes=$(disk_stat 5)
	shadow --until-gone --time=60s $(layout) >> say &
	user=$!
	within 20 has_moved
	del
	wait $user
}

# as the disk can: no file system lives on nothing, and one on zones is not for this place
files_it() {
	[ $target != null ] && [ $target != zoned ] || return 0
	if [ $((run % 2)) = 0 ]; then
		mkfs.xfs -q -f "$dev" > mkfs.out
		files_on xfs xfs_repair -n
	else
		mkfs.ext4 -q -F "$dev" > mkfs.out
		files_on ext4 e2fsck -f -n
	fi
}

run_it() { # NUMBER
	run=$1
	set -- $(runs | sed -n "$1p")
	queues=$1 depth=$2 logical=$3 io=$4 cache=$5 then=$6
	lanes=$depth zone=1M
	[ $target != zoned ] || [ $depth = 1 ] || lanes=$((16 / queues))
	# a thread for each half of the tags; and no kernel makes batches of one
	[ $transport = tag ] || [ $depth != 1 ] || depth=2
	make 6G
	is_as_asked
	use_it
	[ $then != files ] || files_it
	[ $then != load ] || load_it
	[ $then = load ] || del
}

# --- a row ---------------------------------------------------------------------------

# What came later is refused, and it is said when it came
is_refused() {
	run=1 queues=1 depth=2 logical=512 cache=no zone=1M
	refuses 4 "Linux $since" bareblk ublk add -d $(options) "$(spec 1G)"
	skip "$path, $transport, $target (Linux $since)"
}

row_begin() { # NUMBER
	row=$1
	set -- $(rows | sed -n "$1p")
	path=$1 transport=$2 target=$3 since=$4
	is_since $since || is_refused
}

# all of its runs; two of them, other ones in each row, look for a fault
cell() { # NUMBER
	local i=1 nr
	nr=$(nr_runs)
	row_begin $1
	begin_below
	while [ $i -le $nr ]; do
		run_it $i
		[ $i != $(($1 % nr + 1)) ] && [ $i != $((($1 + 3) % nr + 1)) ] || catch_it
		i=$((i + 1))
	done
	end_below
}

one_run() { # NUMBER: the one of its runs that is of this kernel's number
	row_begin $1
	begin_below
	run_it $((($1 * 5 + $(uname -r | tr -dc 0-9 | cut -c 1-3)) % $(nr_runs) + 1))
	catch_it
	end_below
}

# --- the test of the test ----------------------------------------------------------

# Two columns, two values: is there a run with both?
pairs_are_covered() {
	runs | awk '
	{
		for (i = 1; i <= NF; i++) {
			values[i, $i] = 1
			for (j = i + 1; j <= NF; j++)
				seen[i, $i, j, $j] = 1
		}
	}
	END {
		for (a in values) for (b in values) {
			split(a, x, SUBSEP); split(b, y, SUBSEP)
			if (x[1] < y[1] && !((x[1], x[2], y[1], y[2]) in seen)) {
				print "no run has " x[2] " with " y[2]; bad = 1
			}
		}
		exit bad
	}'
	at_most runs "$(nr_runs)" 12
}

not_good() { # REGEX CMD...: it fails, and says that
	local regex=$1
	shift
	if "$@" > shadow.out 2> shadow.err; then fail "this was not noticed"; fi
	grep -Eq "$regex" shadow.err || fail "$(cat shadow.err)"
}

# what does not come from the disk has not been read back
finds_missing_reads() {
	add ram:64M
	not_good 'the disk has seen only' bareblk-shadow --buffered --cached --window=256K "$dev"
	bareblk-shadow --buffered --window=256K "$dev"
	del
}

# nothing but zeroes where something was written, and something where nobody writes
finds_wrong_disk() {
	add null:64M
	not_good 'zeroes instead of' bareblk-shadow --window=256K "$dev"
	del
	add ram:64M
	not_good 'not zeroes' bareblk-shadow --kind=null --window=256K "$dev"
	bytes_of 132 7864320 | poke 262144 7864320
	not_good 'where nobody writes' bareblk-shadow --window=256K --windows=1 --stride=8M --lanes=1 "$dev"
	del
}

# a disk that should go and does not; one that fails and does not go
finds_no_end() {
	add ram:64M
	not_good 'is still there' bareblk-shadow --until-gone --time=100ms "$dev"
	del
}

finds_all_faults() {
	dev=$(bareblk-broken ublk add -d -q 2 "broken?every=20&control=$control:[ram:8M]")
	name_device
	bareblk-shadow --control=$control --workers=2 --lanes=2 --window=64K "$dev" > say
	eq 'kinds of fault' "$(grep -c ^caught: say)" 5
	del
	# one that never goes wrong is not found to be wrong
	dev=$(bareblk-broken ublk add -d "broken?every=1000000&control=$control:[ram:8M]")
	name_device
	not_good 'was not noticed' bareblk-shadow --control=$control --how=lost --catch-time=300ms --window=64K "$dev"
	del
}

# the driver has no queue for that
batches_of_one() {
	refuses 2 'depth of 2 at least' bareblk ublk add --batch=yes --depth=1 ram:1M
}

# --- all of them ------------------------------------------------------------------------

# A function for each row
define_rows() {
	local i=1 nr
	nr=$(nr_rows)
	while [ $i -le $nr ]; do
		eval "cell_$i() { cell $i; }; one_run_$i() { one_run $i; }"
		i=$((i + 1))
	done
}

# those of the file; without one those of make check
is_wanted() { # PATH TRANSPORT TARGET SINCE [yes]
	if [ -e $todo ]; then
		grep -qx "$(name_of "$@")" $todo
	else
		[ -n "${5-}" ]
	fi
}

rows_as_tests() { # FUNCTION SECONDS
	local i=0 row
	rows | while read -r row; do
		i=$((i + 1))
		is_wanted $row && echo "$1_$i $2 $(name_of $row)"
	done
}

define_rows
if [ "${1-}" = --names ]; then
	rows_as_tests cell 300 | sed 's/.* //'
elif [ -e $todo ]; then
	echo "# release $(uname -r)"
	rows_as_tests cell 300 | run_tests
else
	{
		cat <<-'END'
		pairs_are_covered    10  the table of runs has every pair of values
		finds_missing_reads  30  a reading back that the device has not seen does not count
		finds_wrong_disk     30  bytes that are not what was written are found, also where nobody wrote
		finds_no_end         30  a device that should go and does not is found
		finds_all_faults     60  a flipped byte, a stale read, a lost, a torn and a misdirected write are found
		END
		echo "batches_of_one 10 commands for many requests are refused where there is but one at a time"
		rows_as_tests one_run 90
	} | run_tests
fi
