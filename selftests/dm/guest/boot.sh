#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2034,SC2154,SC2329,SC2317,SC2086,SC3043,SC2012 # variables of lib.sh, functions that it calls
#
# bareblk dm boot: devices of the command line, found, waited for, made; modules
# and the control node where there is nobody else to load and make them.
# group: 240 6.1

. "${0%/*}/lib.sh"

too=

# What is left of a test that failed: loop devices are no device of the mapper's
tidy() {
	modprobe loop
	losetup -D
	rm -rf /tmp/disks
	mkdir -p /tmp/disks
}

# disk NAME TYPE: an image of 8 MiB with two partitions of a table of that type
disk() {
	truncate -s 8M /tmp/disks/$1
	case $2 in
	gpt)
		sfdisk -q /tmp/disks/$1 <<-END
		label: gpt
		first-lba: 34
		start=2048, size=2048, uuid=11111111-2222-3333-4444-5555555555$3, name="first of $1"
		start=4096, size=2048, uuid=11111111-2222-3333-4444-6666666666$3, name="zwöi-$1"
		END
		;;
	dos)
		sfdisk -q /tmp/disks/$1 <<-END
		label: dos
		label-id: 0xcafe00$3
		start=2048, size=2048, type=83
		start=4096, size=8192, type=5
		start=6144, size=1024, type=83
		END
		;;
	esac
}

# attach NAME: its loop device
attach() { losetup -fP --show /tmp/disks/$1; }

boot() { bareblk dm boot --timeout=20s "$@"; }

# line TEXT...: as it stands on a command line
line() { printf 'quiet dm-mod.create="%s" ro\n' "$*"; }

is() { eq "it" "$1" "$2"; }

table_is() { is "$(ref13 table "$1")" "$2"; }

nothing() { is "$(ref13 ls)" "No devices found"; }

partitions_of_gpt() {
	local loop
	tidy
	disk a gpt aa
	loop=$(attach a)
	loop=${loop#/dev/}
	boot --cmdline="$(line 'a,u-1,,ro,0 8 linear PARTUUID=11111111-2222-3333-4444-5555555555AA 0,8 8 linear PARTLABEL=zwöi-a 8;b,,,,0 8 linear PARTLABEL=first\ of\ a 0')" > out
	table_is a "0 8 linear $(cat /sys/class/block/${loop}p1/dev) 0
8 8 linear $(cat /sys/class/block/${loop}p2/dev) 8"
	table_is b "0 8 linear $(cat /sys/class/block/${loop}p1/dev) 0"
	is "$(ref13 info -c --noheadings -o uuid,attr a)" "u-1:L--r"
	[ -b /dev/mapper/a ] && [ -b /dev/mapper/b ]
	scrub
	boot --cmdline="$(line 'n,,,,0 8 linear PARTUUID=11111111-2222-3333-4444-5555555555aa/PARTNROFF=1 0')" > out
	table_is n "0 8 linear $(cat /sys/class/block/${loop}p2/dev) 0"
	scrub
	tidy
}

partitions_of_mbr() {
	local loop
	tidy
	disk m dos 42
	loop=$(attach m)
	loop=${loop#/dev/}
	boot --cmdline="$(line 'a,,,,0 8 linear PARTUUID=CAFE0042-01 0,8 8 linear PARTUUID=cafe0042-05 0')" > out
	table_is a "0 8 linear $(cat /sys/class/block/${loop}p1/dev) 0
8 8 linear $(cat /sys/class/block/${loop}p5/dev) 0"
	scrub
	rc=0
	bareblk dm boot --timeout=0 --cmdline="$(line 'a,,,,0 8 linear PARTUUID=cafe0042-03 0')" 2> err || rc=$?
	is $rc 7
	nothing
	tidy
}

# Two of a kind: neither is the one that is meant
twice() {
	local one two
	tidy
	disk a gpt aa
	cp /tmp/disks/a /tmp/disks/b
	one=$(attach a)
	two=$(attach b)
	for word in PARTUUID=11111111-2222-3333-4444-5555555555aa 'PARTLABEL=first\ of\ a'; do
		rc=0
		boot --cmdline="$(line "a,,,,0 8 linear $word 0")" 2> err || rc=$?
		is $rc 2
		grep -q "${one#/dev/}p1" err
		grep -q "${two#/dev/}p1" err
	done
	nothing
	tidy
}

# The disk comes while it is waited for, the second after the first
late_disks() {
	local before after
	tidy
	disk a gpt ab
	disk m dos 43
	(sleep 1; losetup -P /dev/loop6 /tmp/disks/a; sleep 1; losetup -P /dev/loop7 /tmp/disks/m) &
	before=$(cut -d. -f1 /proc/uptime)
	boot --cmdline="dm-mod.waitfor=PARTUUID=cafe0043-05,/dev/ram0 $(line 'a,,,,0 8 linear PARTUUID=11111111-2222-3333-4444-6666666666ab 0;b,,,,0 8 linear /dev/loop7p1 0')" > out
	after=$(cut -d. -f1 /proc/uptime)
	wait
	table_is a "0 8 linear $(cat /sys/class/block/loop6p2/dev) 0"
	table_is b "0 8 linear $(cat /sys/class/block/loop7p1/dev) 0"
	[ $((after - before)) -le 15 ]
	scrub
	tidy
}

too_late() {
	rc=0
	bareblk dm boot --timeout=1s --cmdline="$(line 'a,,,,0 8 zero;b,,,,0 8 linear PARTLABEL=nowhere 0')" 2> err || rc=$?
	is $rc 7
	grep -q 'b: PARTLABEL=nowhere has not appeared' err
	nothing
	rc=0
	bareblk dm boot --timeout=200ms --cmdline="dm-mod.waitfor=/dev/nowhere" 2> err || rc=$?
	is $rc 7
	rc=0
	bareblk dm boot --timeout=200ms --cmdline="dm-mod.waitfor=nonsense" 2> err || rc=$?
	is $rc 2
}

interrupted() {
	local pid
	bareblk dm boot --cmdline="$(line 'a,,,,0 8 zero;b,,,,0 8 linear /dev/nowhere 0')" > out 2> err &
	pid=$!
	sleep 1
	kill -TERM $pid
	rc=0
	wait $pid || rc=$?
	is $rc 1
	grep -q 'b: /dev/nowhere has not appeared, and a signal' err
	nothing
}

# All that was made before the one that fails is gone, nodes as well
all_or_none() {
	rc=0
	boot --cmdline="$(line 'a,,,,0 8 zero;b,,,,0 16 linear /dev/mapper/a 0;c,,,,0 8 zero')" > out 2> err || rc=$?
	[ $rc != 0 ]
	grep -q 'boot: b' err
	nothing
	is "$(there /dev/mapper/a /dev/mapper/b /dev/mapper/c)" ""
	rc=0
	boot --cmdline="$(line 'a,,,,0 8 zero;a,,,,0 16 zero')" 2> err || rc=$?
	is $rc 6
	nothing
	rc=0
	boot --cmdline="$(line 'a,,,,0 8 zero;b,,,0 8 zero')" 2> err || rc=$?
	is $rc 2
	nothing
}

stacked() {
	boot --json --cmdline="$(line 'low,,5,,0x0 0x40 zero;mid,,,ro,0 64 linear /dev/mapper/low 0;top,,,ro,0 8 linear /dev/dm-5 0')" > out
	table_is mid "0 64 linear $(cat /sys/class/block/dm-5/dev) 0"
	table_is top "0 8 linear $(cat /sys/class/block/dm-5/dev) 0"
	is "$(sed 's/254/M/g' out)" '{"devices": [{"name": "low", "uuid": "", "state": "created", "readonly": false, "major": M, "minor": 5}, {"name": "mid", "uuid": "", "state": "created", "readonly": true, "major": M, "minor": 0}, {"name": "top", "uuid": "", "state": "created", "readonly": true, "major": M, "minor": 1}]}'
	# a second time, as after a kernel that has made them
	rm /dev/mapper/mid
	boot --cmdline="$(line 'low,,5,,0 64 zero;mid,,,ro,0 64 linear /dev/mapper/low 0;new,,,,0 8 zero')" > out
	is "$(cut -d: -f3 out)" " is there already
 is there already, read-only
 created"
	[ -b /dev/mapper/mid ]
	# what is another is left as it is, and what was made before it is gone
	rc=0
	boot --cmdline="$(line 'newer,,,,0 8 zero;mid,,,ro,0 32 linear /dev/mapper/low 0')" 2> err || rc=$?
	is $rc 6
	table_is mid "0 64 linear $(cat /sys/class/block/dm-5/dev) 0"
	is "$(ref13 ls | cut -f1 | sort | tr '\n' ' ')" "low mid new top "
	is "$(there /dev/mapper/newer)" ""
	scrub
}

# What the kernel was booted with is where it is looked for by itself
cmdline() {
	line 'a,,,rw, 0 8 linear /dev/ram0 0, 8 8 error' > text
	mount --bind text /proc/cmdline
	bareblk dm boot > out
	umount /proc/cmdline
	table_is a '0 8 linear 1:0 0
8 8 error '
	scrub
	bareblk dm boot --cmdline=./text > out
	[ -b /dev/mapper/a ]
	scrub
	bareblk dm boot --cmdline='quiet ro' > out 2> err
	grep -q 'nothing to do' err
	is "$(bareblk dm boot --cmdline='quiet' --json 2> err)" '{"devices": []}'
	is "$(bareblk dm boot --dry-run --cmdline="$(line 'a,,,ro,0 8 linear /dev/ram1 0,8 8 linear /dev/nowhere 0')")" 'a: would be created, read-only
  0 8 linear 1:1 0
  8 8 linear /dev/nowhere 0'
	nothing
}

# --- modules, control node -----------------------------------------------------------

# alone COMMAND...: with nobody who would load a module for us
alone() {
	local was done=0
	was=$(cat /proc/sys/kernel/modprobe)
	echo /nowhere > /proc/sys/kernel/modprobe
	mv /usr/bin/modprobe /usr/bin/modprobe.away
	"$@" || done=$?
	mv /usr/bin/modprobe.away /usr/bin/modprobe
	echo "$was" > /proc/sys/kernel/modprobe
	return $done
}

unload_dm() {
	local round name
	for round in 1 2 3 4; do
		for name in $(lsmod | awk '$1 ~ /^dm_/ && $3 == 0 { print $1 }'); do
			rmmod "$name" || :
		done
	done
	not grep -q '^dm_mod ' /proc/modules
}

without_modprobe() {
	unload_dm
	alone bareblk dm version > out
	grep -q 'Driver version' out
	grep -q '^dm_mod ' /proc/modules
	not grep -q '^dm_delay ' /proc/modules
	alone boot --cmdline="$(line 'd,,,,0 8 delay /dev/ram0 0 1;s,,,,0 8 snapshot-origin /dev/ram1')" > out
	table_is d '0 8 delay 1:0 0 1'
	table_is s '0 8 snapshot-origin 1:1'
	scrub
	unload_dm
	# the module has another name than its target, and needs others
	dd if=/dev/zero of=/dev/ram2 bs=4k count=4 2> /dev/null
	alone bareblk dm create pool --table '0 2048 thin-pool /dev/ram2 /dev/ram3 128 0'
	grep -q '^dm_thin_pool ' /proc/modules
	scrub
	alone bareblk dm create key --table '0 2048 crypt aes-xts-plain64 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 0 /dev/ram4 0'
	grep -q '^dm_crypt ' /proc/modules
	scrub
	rc=0
	alone bareblk dm create x --table '0 8 no-such-one' 2> err || rc=$?
	[ $rc != 0 ]
	grep -q 'there is no module dm-no-such-one' err
}

# Of a kernel that can take it as it is
compressed() {
	local file want
	[ -s /opt/modules/dm-delay.ko.xz ] || skip "modules of this kernel are not compressed"
	unload_dm
	want=/lib/modules/$(uname -r)
	file=$(sed -n 's/:.*//; /\/dm-delay\.ko$/p' $want/modules.dep)
	cp $want/modules.dep modules.dep
	mv $want/$file away.ko
	cp /opt/modules/dm-delay.ko.xz $want/$file.xz
	sed -i 's|\(/dm-delay\.ko\):|\1.xz:|' $want/modules.dep
	rc=0
	alone bareblk dm create d --table '0 8 delay /dev/ram0 0 1' || rc=$?
	cp modules.dep $want/modules.dep
	mv away.ko $want/$file
	rm $want/$file.xz
	is $rc 0
	table_is d '0 8 delay 1:0 0 1'
	scrub
}

control_node() {
	for wrong in 'mknod /dev/mapper/control c 1 3' 'mknod /dev/mapper/control b 10 236' \
		'touch /dev/mapper/control' 'ln -s /nowhere /dev/mapper/control' 'true'; do
		rm -f /dev/mapper/control
		$wrong
		bareblk dm version > out
		is "$(stat -c '%F %t:%T' /dev/mapper/control)" 'character special file a:ec'
		is "$(ls -a /dev/mapper | tr '\n' ' ')" '. .. control '
	done
	rm -rf /dev/mapper
	bareblk dm version > out
	is "$(stat -c '%F %t:%T %a' /dev/mapper/control)" 'character special file a:ec 600'
}

run_tests <<-'END'
partitions_of_gpt  60  PARTUUID and PARTLABEL of a GPT are found, and those that follow them
partitions_of_mbr  60  PARTUUID of an MBR is found, for logical partitions as well
twice              60  PARTUUID and PARTLABEL that two partitions have are refused
late_disks         60  disks that come later are waited for
too_late           30  when they do not come, nothing was made, and the exit status is 7
interrupted        30  a signal ends the waiting, and nothing was made
all_or_none        30  when one fails, those before it are gone, with their nodes
stacked            30  devices stand on each other; those that are there are left alone
cmdline            30  the kernel's command line is read as the kernel reads it
without_modprobe   120 where there is no modprobe, modules are loaded with what they need
compressed         60  a compressed module is loaded by a kernel that can
control_node       60  a control node that is missing or wrong is made
END
