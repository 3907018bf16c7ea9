#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2034,SC2154,SC2329,SC2317,SC2086,SC3043 # variables of lib.sh, functions that it calls
#
# Statistics beside Debian's dmstats: regions, groups, counters, reports.
# group: 900 6.1

. "${0%/*}/lib.sh"

export DM_DISABLE_UDEV=1

# a is one line of 65536 sectors, b three, z has no table
devices() {
	ref13 create a -u UUID-a --table "0 65536 linear /dev/ram0 0"
	printf '0 8192 linear /dev/ram1 0\n8192 8192 linear /dev/ram1 8192\n16384 1000 zero\n' | ref13 create b
	ref13 create z --notable
}

# What the kernel has
kernel_lists() {
	local d
	for d in ${lists-a b}; do
		echo "# $d"
		ref13 message $d 0 @stats_list
	done
}

# told PROGRAM WORD...: how it ended; all failures are one
told() {
	run_as "$@"
	case $got in
	*'[0]') echo "$got" ;;
	*) echo "${got%'['*}[not 0]" ;;
	esac
}

# tell PROGRAM: the story as it goes with it, and what the kernel has after each line
tell() {
	local line
	devices
	while IFS= read -r line; do
		echo "\$ $line"
		eval "told $1 stats $line"
		kernel_lists
	done < story
	scrub
}

# story NAME: lines on standard input, each of them words of stats
story() {
	local name="$1" one
	quiet
	cat > story
	for one in $ref ours bare; do
		tell $one > told.$one
	done
	nr_compared=$((nr_compared + $(wc -l < story)))
	cmp -s told.ours told.$ref || { tell $ref2 > told.$ref2 && cmp -s told.ours told.$ref2; } ||
		wrong "$name" "$(diff told.$ref told.ours | head -n 30)"
	cmp -s told.bare told.ours || wrong "$name, as bareblk dm" "$(diff told.ours told.bare | head -n 30)"
}

# Without regions of their own to begin with: no area of a region, and nothing behind the end
create() {
	lists="a b z"
	story "create" <<-'END'
		create a
		create --start 1024 --length 2048 a
		create --start 1m --length 1M a
		create --areas 4 a
		create --areasize 10000 a
		create --areasi 1m a
		create --areas 2 --start 8 --len 80 a
		create --length 3 --areasize 2s a
		create --length 1 --areas 4 a
		create --length 0 a
		create --start 100000 --length 5 a
		create --areas 3 --precise --bounds 10us,20,1ms --userdata foo a
		create --bounds 10ms,20ms,1s --userdata bar --programid other a
		create --userdata -x b
		create --programid '' --force a b
		create -u UUID-a
		create -j 254 -m 0 --precise
		create z
		create --alldevices
		create a b z
	END
	story "create, refused" <<-'END'
		create
		create --allregions a
		create --allprograms a
		create --areas 2 --areasize 8 a
		create --bounds 20ms,10ms a
		create --bounds 0,10ms a
		create --bounds 10xs a
		create --programid '' a
		create --start x a
		create --userdata 'a b' a
		create --segments --alias x --nogroup b
		create nothere
		create a nothere b
		create -u nothere
		create -j 254
	END
}

segments() {
	story "segments" <<-'END'
		create --segments b
		create --segments --alias seg b
		create --segments --nogroup b
		create --segments --alias one a
		create --segments --areas 2 --bounds 1ms --userdata xx b
		create --segments a b
	END
}

groups() {
	story "groups" <<-'END'
		create a
		create --length 8 --bounds 1ms a
		create --start 8 --length 8 --bounds 1ms a
		create --start 16 --length 8 --bounds 2ms a
		create --start 24 --length 8 --precise --userdata ud a
		create b
		create b
		group --regions 1,2 --alias g1 a
		group --regions 0 a
		group --regions 0,1 a
		group --regions 3,1 a
		group --regions 3,9 a
		group --regions 3,x a
		group --regions '' a
		group a
		group --regions 3-4
		group --regions 4-3 a
		group --regions 0-1 b
		ungroup a
		ungroup --groupid 1 a
		group --regions 1,3 a
		group --regions 4,3,2-3 --alias g2 a
		group --regions 1-1 --alias '' a
		list a
		delete --regionid 3 a
		delete --regionid 2 a
		delete --regionid 2 a
		delete --groupid 1 a
		delete --groupid 1 a
		delete --groupid 0 b
		list
	END
	story "groups of others" <<-'END'
		create --programid other a
		create a
		group --regions 0 a
		group --regions 0,1 --alldevices
		group --regions 1 --alldevices
		list --allprograms
	END
}

delete() {
	story "delete and clear" <<-'END'
		create a b
		create --programid other a
		create --segments --alias seg b
		delete
		delete a
		delete --allregions
		delete --regionid 0 --groupid 0 a
		delete --regionid 1 a
		delete --regionid 1 --programid other a
		delete --regionid 77 a
		delete --regionid 0 nothere
		create --programid other a
		clear
		clear a
		clear --regionid 0 a
		clear --regionid 1 a
		clear --regionid 77 a
		clear --allregions
		clear --allregions --regionid 1
		delete --regionid 0 -u UUID-a
		delete --allregions b
		delete --allregions --alldevices
		delete --allregions --allprograms --alldevices
		delete --allregions --alldevices
	END
}

# Regions and groups that one made, as all of them see them
seen_by_all() {
	same "list" stats list
	same "verbose" stats list a b -o +user_data,precise,hist_bounds,hist_ranges,name,uuid
	same "everybody's" stats list --allprograms -o stats_name,group_id,region_id,obj_type,program_id,user_data
	same "groups" stats list --group
	same "areas" stats list --area -o stats_name,region_id,area_id,area_start,area_len,area_offset,area_count
	same "unaligned" stats list --noheadings --allprograms
}

by_either() {
	quiet
	local maker
	for maker in ref13 ours bare; do
		devices
		$maker stats create --areas 3 --precise --bounds 10us,20us,1ms --userdata foo a
		$maker stats create --bounds 10ms,20ms,1s --userdata bar --programid other a
		$maker stats create --segments --alias seg --userdata ud b
		$maker stats create --segments b
		$maker stats create --length 8 --bounds 1ms a
		$maker stats create --start 8 --length 8 --bounds 1ms a
		$maker stats group --regions 2-3 --alias 'g"#-' a
		$maker stats delete --regionid 4 b
		seen_by_all
		scrub
	done
}

# Debian 12's and 13's keep a group's alias in two ways, and misread one another's: what 12
# has made 13 calls "e" for "seg". We read both, and write as 13 does.
by_12() {
	local one
	devices
	ref12 stats create --segments --alias seg --userdata ud b
	ref12 stats create --length 8 a
	ref12 stats create --start 8 --length 8 a
	ref12 stats group --regions 0-1 --alias 'g"#-' a
	ref13 message b 0 @stats_list | grep -qF 'DMS_GROUP=seg:0-2#ud'
	for one in ours bare; do
		eq "as Debian 12's sees it" \
			"$($one stats list a b --noheadings -o stats_name,group_id,region_id,obj_type,user_data)" \
			"$(ref12 stats list a b --noheadings -o stats_name,group_id,region_id,obj_type,user_data)"
	done
	eq "as Debian 13's misreads it" "$(ref13 stats list --group b --noheadings -o stats_name)" e
	ours stats delete --regionid 1 b
	eq "written as 13 does" "$(ref13 stats list --group b --noheadings -o stats_name,region_id)" "seg:0,2"
	ref12 stats ungroup --groupid 0 b
	eq "undone by 12" "$(ours stats list --group b)" ""
	scrub
}

# All ways to list, of what dmstats and we see the same
listing() {
	same "no devices" stats list
	same "no devices, a report" stats report
	same "no devices, create" stats create --alldevices
	same "no devices, print" stats print --allregions
	devices
	same "no regions" stats list
	same "no regions, a report" stats report
	ref13 stats create a
	ref13 stats create --areas 4 a
	ref13 stats create --areasize 10000 --bounds 10us,1ms --precise a
	ref13 stats create --programid other --bounds 1s a
	ref13 stats create --segments --alias seg b
	ref13 stats create --start 8 --length 3 b
	ref13 stats create z
	same "all" stats list
	same "as dmstats does" stats list a b
	same "areas and groups" stats list --area --group -o region_id,area_id,obj_type
	same "areas, regions and groups" stats list --area --region --group -o region_id,area_id,obj_type
	same "verbose" stats list -v -o region_id,obj_type,region_start,region_len,area_count,area_id,area_len
	same "groups" stats list --group
	same "regions" stats list --region
	same "everybody's" stats list --allprograms
	same "of another" stats list --programid other
	same "of nobody" stats list --programid nobody
	same "both" stats list --programid other --allprograms
	same "histograms" stats list --histogram --allprograms a
	same "histograms, unaligned" stats list --histogram --noheadings a
	same "histograms in ns" stats list --histogram --notimesuffix -o hist_bounds,hist_ranges a
	same "histograms in ns, unaligned" stats list --noheadings --notimesuffix -o hist_bounds,hist_ranges a
	for unit in b s k m g t p e K M G T H h 1k 2s 3M 1.5m; do
		same "units" stats list --units $unit
		same "units" stats list --units $unit --nosuffix b
	done
	same "no unit" stats list --units q
	same "no unit" stats list --units ''
	same "sorted" stats list -O -region_len,region_id
	same "sorted" stats list --sort obj_type,-region_start
	same "selected" stats list -S 'region_len>1m && obj_type=region'
	same "selected" stats list --select 'group_id=0' --noheadings
	same "selected" stats list -S 'program_id=dmstats && area_count>=4' -o region_id
	same "no such selection" stats list -S 'bogus=1'
	same "no such field" stats list -o bogus
	same "no such key" stats list -O bogus
	same "more fields" stats list -o +user_data
	same "names" stats list --nameprefixes
	same "names without quotes" stats list --nameprefixes --unquoted --noheadings
	same "rows" stats list --rows
	same "rows of names" stats list --nameprefixes --rows --unquoted --noheadings
	same "a separator" stats list --separator ,
	same "headings" stats list --headings full
	same "no headings" stats list --headings none
	same "two kinds of headings" stats list --headings none --noheadings
	same "all of groups" stats list --group -o all --noheadings
	same "of devices" stats list -o name,uuid,major,minor,attr,open,segments,region_id
	same "by uuid" stats list -u UUID-a
	same "by number" stats list -j 254 -m 0
	same "not there" stats list nothere
	same "one is not there" stats list a nothere
	same "no such uuid" stats list -u nothere
	same "no such command" stats frob
	same "no command" stats
	same "no such option" stats list --bogus
	same "a word too few" stats list --units
	scrub
}

# Counters do not change as long as nobody reads or writes
printing() {
	devices
	ref13 stats create --areas 4 a
	ref13 stats create --bounds 1s a
	ref13 stats create --programid other a
	ref13 stats create --areas 65536 a
	ref13 stats create b
	dd if=/dev/mapper/a of=/dev/null bs=4k count=300 iflag=direct
	dd if=/dev/zero of=/dev/mapper/a bs=64k count=30 oflag=direct
	same "a region" stats print --regionid 0 a
	same "with a histogram" stats print --regionid 1 a
	same "another's" stats print --regionid 2 a
	same "one of many areas, in pieces" stats print --regionid 3 a
	same "not there" stats print --regionid 77 a
	same "no region" stats print a
	same "both" stats print --regionid 0 --allregions a
	same "of the only one" stats print --regionid 0 b
	eq "all regions, once each" "$(ours stats print --allregions a)" \
		"$(for i in 0 1 3; do ref13 stats print --regionid $i a; done)"
	eq "everybody's" "$(bare stats print --allregions --allprograms a | wc -l)" 65542
	ours stats print --regionid 1 --clear a > cleared
	eq "what was cleared" "$(awk '{ print $2, $6, $NF }' cleared)" "300 30 330:0"
	same "cleared" stats print --regionid 1 a
	eq "the others are not" "$(ours stats print --regionid 2 a | awk '{ print $2 }')" 300
	scrub
}

count_with() { # PROGRAM WORD...
	ref13 stats clear --allregions a
	dd if=/dev/mapper/a of=/dev/null bs=4k count=200 iflag=direct 2> /dev/null
	dd if=/dev/zero of=/dev/mapper/a bs=64k count=50 oflag=direct 2> /dev/null
	run_as "$@"
	echo "$got" > counted.$1
}

# counted NAME WORD...: 200 reads of 4K and 50 writes of 64K before each of them
counted() {
	local name="$1" one
	quiet
	shift
	for one in $ref ours bare; do
		count_with $one "$@"
	done
	nr_compared=$((nr_compared + 1))
	cmp -s counted.ours counted.$ref ||
		{ count_with $ref2 "$@" && cmp -s counted.ours counted.$ref2; } ||
		wrong "$name" "$*" "$(diff counted.$ref counted.ours)" "$(cat err.ours)"
	cmp -s counted.bare counted.ours || wrong "$name, as bareblk dm" "$(diff counted.bare counted.ours)"
	grep -q '[1-9]' counted.ours || wrong "$name: nothing was counted"
}

counting='region_id,obj_type,area_id,read_count,read_sector_count,write_count,write_sector_count,in_progress_count'
rates='reads_per_sec,writes_per_sec,throughput,read_size_per_sec,write_size_per_sec,avg_request_size,interval_ns,interval'

reports() {
	devices
	ref13 stats create --bounds 100s,200s a
	ref13 stats create --areas 4 --bounds 100s,200s a
	ref13 stats create --precise a
	ref13 stats group --regions 0,1 --alias both a
	counted "counts" stats report a -o $counting
	counted "counts of areas" stats report --area a -o $counting
	counted "counts of groups" stats report --group -o $counting a
	counted "counts of regions" stats report --region --noheadings -o $counting a
	counted "rates" stats report a -o $rates
	counted "rates, in other units" stats report a --units k -o $rates
	counted "rates of longer" stats report a --interval 7 --count 1 -o $rates
	counted "raw" stats report --raw a -o read_count,write_count,reads_merged_count
	counted "histograms" stats report a -o region_id,hist_count,hist_count_bounds,hist_count_ranges
	counted "histograms" stats report a --notimesuffix -o hist_count_bounds,hist_count_ranges
	counted "histograms" stats report a --noheadings -o hist_count,hist_count_bounds,hist_count_ranges
	counted "percents" stats report a -o hist_percent,hist_percent_bounds,hist_percent_ranges
	counted "percents" stats report a --noheadings -o hist_percent,hist_percent_bounds,hist_percent_ranges
	counted "selected" stats report a -S 'read_count>100 && write_count<1000' -o read_count
	counted "sorted" stats report a -O -read_count,region_id -o region_id,read_count
	counted "a list that reads" stats list a -o region_id,read_count
	same "default fields, nothing counted" stats report a --area
	ours stats report a | head -n 1 > heads
	ref13 stats report a | head -n 1 | cmp - heads
	ours stats report --histogram a | head -n 1 | tr -s ' ' > heads
	ref13 stats report --histogram a | head -n 1 | tr -s ' ' | cmp - heads
	ours stats report --histogram --relative a | head -n 1 | tr -s ' ' > heads
	ref13 stats report --histogram --relative a | head -n 1 | tr -s ' ' | cmp - heads
	ours stats report --raw a | head -n 1 > heads
	ref13 stats report --raw a | head -n 1 | cmp - heads
	# dmstats compares the bits of a number with a point
	eq "rates can be selected by" "$(count_with bare stats report -S 'reads_per_sec>199.5 && reads_per_sec<200.5' --region \
		-o region_id --noheadings a; tr '\n' ' ' < counted.bare)" "0 1 2 [0] "
	scrub
}

# Two regions that count the same I/O, each read by one of them. In ms, for in ns they
# would not be the same to the last digit; a tick between the two gives it another try.
metrics() {
	quiet
	local i=0 fields
	fields=read_time,write_time,io_ticks,queue_ticks,read_ticks,write_ticks,queue_size,await,read_await,write_await,util,hist_count_bounds,hist_percent_bounds,avg_request_size
	ref13 create a --table "0 65536 delay /dev/ram0 0 30"
	while :; do
		ref13 stats create --programid ref --bounds 20ms,50ms,100ms a
		ref13 stats create --programid our --bounds 20ms,50ms,100ms a
		dd if=/dev/mapper/a of=/dev/null bs=4k count=$((5 + i)) iflag=direct &
		dd if=/dev/zero of=/dev/mapper/a bs=128k count=$((7 + i)) seek=4 oflag=direct
		wait
		ref13 stats report --programid ref -o $fields a > ref
		ours stats report --programid our -o $fields a > our
		cat ref our
		! cmp ref our || break
		i=$((i + 1))
		[ $i -lt 8 ] || fail "never the same"
		bare stats delete --allregions --allprograms a
	done
	awk 'NR == 2 && ($1 < 100000000 || $8 < 20) { exit 1 }' our || fail "nothing took any time"
	scrub
}

# What dmstats gets wrong: time of work for one, and merges in a second
right() {
	ref13 create a --table "0 65536 linear /dev/ram0 0"
	bare stats create --precise a
	dd if=/dev/mapper/a of=/dev/null bs=1M count=30 iflag=direct
	bare stats report a --noheadings --separator ' ' -o read_count,reads_merged_count,reads_merged_per_sec,io_ticks,service_time > got
	cat got
	least=5
	case $(uname -r) in 6.1.*) least=0 ;; esac # it counts no merges
	awk -v least=$least '$2 < least || $3 != $2 ".00" || $4 < 1000 || $5 == 0 { exit 1 }
		{ want = $4 / $1 / 1000000 } $5 < want - 0.006 || $5 > want + 0.006 { exit 1 }' got
	scrub
}

again() {
	devices
	bare stats create a
	ours stats report --count 3 --interval 1 a --noheadings -o region_id,interval > got &
	pid=$!
	sleep 1.5
	dd if=/dev/mapper/a of=/dev/null bs=4k count=30 iflag=direct
	wait $pid
	cat got
	eq "lines" "$(grep -c '^0:' got)" 3
	eq "parted by empty ones" "$(grep -c '^$' got)" 2
	awk -F: '/:/ && ($2 < 0.9 || $2 > 5) { exit 1 }' got
	eq "the first interval" "$(head -n 1 got)" "0:1.000000"
	eq "headings each time" "$(ours stats list --count 2 a -o region_id)" "$(ref13 stats list --count 2 a -o region_id)"
	bare stats report --count 2 --interval 1 a -o read_count,reads_per_sec --json > got
	cat got
	eq "a line of JSON each time" "$(grep -c '^\[{"read_count": .*}\]$' got)" 2
	timeout 8 bareblk dm stats report --interval 1 a -o region_id > got || :
	at_least "without a count it goes on" "$(grep -c 0 got)" 2
	not bare stats report --interval 0 a
	not bare stats report --count -1 a
	not bare stats report --count x a
	scrub
}

as_json() {
	devices
	eq "nothing" "$(bare stats list --json)" '[]'
	bare stats create --areas 2 --bounds 1ms,1s --userdata 'q"u\o' a
	bare stats create --segments --alias seg b
	eq "a region" "$(bare stats list --json a)" \
		'[{"stats_name": "a", "group_id": null, "region_id": 0, "obj_type": "region", "region_start": 0, "region_len": 33554432, "area_count": 2, "area_len": 16777216, "program_id": "dmstats"}]'
	eq "more of it" "$(bare stats list --json a -o user_data,hist_bounds,hist_ranges,precise,hist_bins)" \
		'[{"user_data": "q\"u\\o", "hist_bounds": ["0s", "1ms", "1s"], "hist_ranges": ["0s-1ms", "1ms-1s", ">1s"], "precise": 0, "hist_bins": 3}]'
	eq "a group" "$(bare stats list --json --group -o stats_name,group_id,members)" \
		'[{"stats_name": "seg", "group_id": 0, "members": ["0-2"]}]'
	bare stats delete --allregions a
	bare stats create --bounds 100s,200s a
	dd if=/dev/mapper/a of=/dev/null bs=4k count=25 iflag=direct
	eq "counters" "$(bare stats report --json --region a -o read_count,reads_per_sec,hist_count)" \
		'[{"read_count": 25, "reads_per_sec": 25.00, "hist_count": "25:0:0"}]'
	eq "no devices" "$(scrub; bare stats report --json)" '[]'
}

# What others have left there
strange() {
	devices
	ref13 message a 0 '@stats_create 0+8 /1 0 p\ q a\ b\ c'
	ref13 message a 0 '@stats_create 0+8 /1 1 precise_timestamps'
	ref13 message a 0 '@stats_create 0+8 /1 1 histogram:5 dmstats DMS_GROUP=foo'
	ref13 message a 0 '@stats_create 0+8 /1 0 dmstats DMS_GROUP=:77'
	ref13 message a 0 '@stats_create 0+8 /1 0 dmstats DMS_GROUP="x:y":4-900#1'
	ref13 message a 0 '@stats_create 0+8 /1 0 dmstats DMS_GROUP=:4-5#-'
	bare stats list --allprograms --noheadings -o region_id,program_id,user_data,stats_name,precise,hist_bins a > got
	cat got
	eq "what is listed" "$(cat got)" "0:p:q a b c:a:0:0
1:::a:1:0
2:dmstats:DMS_GROUP=foo:a:0:2
3:dmstats:DMS_GROUP=:77:a:0:0
4:dmstats:1:x:y:0:0
5:dmstats:DMS_GROUP=:4-5#-:x:y:0:0
4-5:dmstats::x:y:0:0"
	bare stats delete --allregions --allprograms a
	eq "none is left" "$(ref13 message a 0 @stats_list)" ""
	# more than the first answer has room for
	quiet
	i=0
	long=$(printf '%0300d' 0)
	while [ $i -lt 240 ]; do
		ref13 message b 0 "@stats_create $((i * 8))+8 /1 0 dmstats $long-$i"
		i=$((i + 1))
	done > ids
	set -x
	eq "many regions" "$(bare stats list b --noheadings -o region_id | wc -l)" 240
	bare stats group --regions 0-239 b
	eq "their group" "$(ours stats list --group b --noheadings)" "$(ref13 stats list --group b --noheadings)"
	bare stats delete --groupid 0 b
	eq "none is left" "$(ref13 message b 0 @stats_list)" ""
	scrub
}

files() {
	quiet
	modprobe ext4
	mkdir -p m
	before='ref13 create a --table "0 65536 linear /dev/ram2 0"
		mke2fs -q -t ext4 -b 1024 -O ^has_journal /dev/mapper/a
		mount -t ext4 /dev/mapper/a m
		echo file > m/file
		sync'
	after='ref13 message a 0 @stats_list; umount m'
	differs stats-files '0:0: *' '[12]:' ours stats create --filemap --nomonitor m/file
}

run_tests <<-'END'
create       90  regions are created as dmstats creates them
segments     60  regions of segments are created as dmstats creates them
groups       90  groups are made, listed and unmade as dmstats does
delete       90  regions are deleted and cleared as dmstats does
by_either    90  what dmstats or we have made, all see the same
by_12        60  groups of Debian 12's dmstats are read, which Debian 13's are not
listing     200  regions are listed as dmstats lists them
printing     90  counters are printed as dmstats prints them
reports     120  counters and rates are reported as dmstats reports them
metrics      60  times, means and percentages are those of dmstats
right        30  rates of merges and the service time are right
again        60  reports are repeated, with the time that passed
as_json      40  lists and reports are JSON where asked for
strange     120  what others have stored is shown, and in the way of nobody
files        60  a file's extents are no regions
END
