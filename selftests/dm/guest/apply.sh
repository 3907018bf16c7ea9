#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2034,SC2154,SC2329,SC2317,SC2217,SC2119,SC2120 # variables of lib.sh, functions that it calls
#
# bareblk dm apply: live devices as a file declares them, all of it or nothing.
# group: 900 6.1

. "${0%/*}/lib.sh"

# All that there is, but for event numbers
state() {
	ref13 info -c --noheadings --separator '|' -o name,uuid,minor,attr,open,segments 2>&1
	ref13 table 2>&1
	ref13 table --inactive 2>&1
	view_nodes
}

# applies WHAT-IT-PRINTS...: and then nothing more
applies() {
	status bare apply f
	eq status "$rc $(cat err)" '0 '
	eq plan "$(sed 's/  */ /' out | tr '\n' ',')" "$1"
	settled
}

settled() {
	status bare apply f
	eq 'a second time' "$rc $(cat out err)" "0 nothing to do: all is as declared"
}

# leaves_all CODE REGEX ARG...: apply fails with it and changes nothing
leaves_all() {
	local code=$1 regex="$2"
	shift 2
	state > before
	status bare apply "$@"
	[ "$rc" = "$code" ] || fail "status $rc, want $code: $(cat out err)"
	grep -Eq -- "$regex" err || fail "the message is $(cat err)"
	state > after
	cmp before after || fail "not as before: $(diff before after)"
}

clean() { bare apply --prune gone; }
declare_none() { echo 'set test' > gone; }

stack() { # SECTORS: of each of two halves
	cat > f <<-END
	set test
	# on top first: the order does not matter
	device top
	  0 $((2 * $1)) linear /dev/mapper/low 0
	device low
	  0 $1 linear /dev/ram0 0
	  $1 $1 linear '/dev/ram1' 0
	END
}

makes() {
	stack 2048
	sed -i 's/^device low/& uuid=LOW-1/' f
	state > before
	status bare apply --dry-run f
	eq 'dry run' "$rc $(tr '\n' ',' < out)$(cat err)" '0 create  top,create  low,'
	state > after
	cmp before after
	applies 'create top,create low,'
	eq uuids "$(ref13 info -c --noheadings -o name,uuid)" "$(printf 'low:LOW-1\ntop:BAREBLK-test:top')"
	eq table "$(ref13 table top)" '0 4096 linear 254:0 0'
	[ -b /dev/mapper/top ] && [ -b /dev/mapper/low ]
	bare apply --dry-run --json f | grep -q '"dry_run": true, "changes": 0, .*"name": "low", "uuid": "LOW-1", "action": "keep"'
	printf 'set test\nabsent low\nabsent top\n' > f
	applies 'remove low,remove top,'
}

# As scripts would have it: from a pipe; words that are quoted
words() {
	ln -s /dev/ram0 '/tmp/a #disk'
	printf 'device "a b" minor=77 ro\n 0 8 linear "/tmp/a #disk" 0\n' | bare apply -
	rm '/tmp/a #disk'
	eq made "$(ref13 info -c --noheadings --manglename none -o name,minor,attr)" 'a\x20b:77:L--r'
	printf 'absent "a b"\n' | bare apply -
}

# Tables that the kernel writes in another way than they were written
normalised() {
	declare_none
	for i in 0 1 2 3; do dd if=/dev/zero of=/dev/ram$i bs=1M count=4 status=none; done
	key=$(printf '%064d' 0 | tr 0 A)
	cat > f <<-END
	set test
	device flakey
	  0 2048 flakey /dev/ram0 00 10 0 2 drop_writes error_writes
	device crypt
	  0 2048 crypt aes-cbc-essiv:sha256 $key 00 /dev/ram1 0
	device delay
	  0 2048 delay /dev/ram2 0 0
	device striped
	  0 4096 striped 2 0128 /dev/ram2 0 /dev/ram3 0
	device origin
	  0 4096 snapshot-origin /dev/mapper/striped
	device mirror
	  0 2048 mirror core 1 1024 2 /dev/ram3 8192 /dev/ram4 0
	END
	grep -q 'drop_writes error_writes' f && sed -i 's/ 2 drop_writes error_writes/ 1 drop_writes/' f
	status bare apply f
	eq 'made' "$rc $(cat err)" '0 '
	settled
	eq inactive "$(ref13 info -c --noheadings -o tables_loaded | sort -u)" Live
	sed -i 's/10 0 1/10 1 1/' f
	applies 'reload flakey,'
	clean
}

# Data stays, and I/O goes on while a stack grows and shrinks
grows() {
	declare_none
	stack 2048
	applies 'create top,create low,'
	tr '\0' x < /dev/zero | dd of=/dev/mapper/top bs=64k count=16 iflag=fullblock oflag=direct status=none
	while :; do dd if=/dev/mapper/top of=/dev/null bs=64k count=16 iflag=direct status=none || touch io.failed; done &
	reader=$!
	for size in 4096 8192 2048 6144; do
		stack $size
		sed -i 's/^  '$size' '$size'/  2048 '$((2 * size - 2048))'/; s/^  0 '$size' linear .dev.ram0/  0 2048 linear \/dev\/ram0/' f
		applies 'reload top,reload low,'
		eq size "$(blockdev --getsz /dev/mapper/top)" $((2 * size))
	done
	kill $reader
	wait || :
	[ ! -e io.failed ] || fail "I/O failed meanwhile"
	eq data "$(dd if=/dev/mapper/top bs=64k count=16 iflag=direct status=none | tr -d x | wc -c)" 0
	eq suspended "$(ref13 info -c --noheadings -o suspended | sort -u)" Active
	clean
}

# Whatever state a device was left in
mends() {
	declare_none
	stack 2048
	applies 'create top,create low,'
	sed -i 's/^device top/& ro/' f
	applies 'reload top,'
	eq mode "$(ref13 info -c --noheadings -o attr top)" L--r
	sed -i 's/^device top ro/device top/' f
	applies 'reload top,'
	ref13 suspend top
	applies 'resume top,'
	ref13 load top --table '0 8 zero'
	applies 'clear top,'
	ref13 load top --table '0 8 error'
	ref13 suspend top
	applies 'resume top,'
	eq live "$(ref13 table top)" '0 4096 linear 254:0 0'
	bare remove top
	ref13 create top -u BAREBLK-test:top --notable
	applies 'create top,'
	clean
	not ref13 status low 2> /dev/null
}

prunes() {
	declare_none
	stack 2048
	sed -i 's/^device low/& uuid=LOW-1/' f
	bare apply f
	printf 'set test-2\ndevice other\n 0 8 zero\n' > f2
	bare apply f2
	ref13 create alien --table '0 8 zero'
	ref13 create alien2 -u BAREBLK-testing --table '0 8 zero'
	printf 'set test\ndevice top\n 0 8 zero\n' > f3
	echo 'device top uuid=BAREBLK-test:top
	 0 8 zero' > f4
	leaves_all 2 'nothing tells what --prune may remove' --prune f4
	# low is not of the set: it has a uuid of its own
	eq plan "$(bare apply --prune f3)" 'reload  top'
	bare apply --prune gone
	eq left "$(ref13 ls | cut -f 1 | tr '\n' ' ')" 'alien alien2 low other '
	bare apply --prune f2
	printf 'set test-2\nabsent alien\nabsent alien2\nabsent low' > f2
	eq plan "$(bare apply --prune f2 | sort | tr '\n' ,)" 'remove  alien,remove  alien2,remove  low,remove  other,'
	eq left "$(ref13 ls)" 'No devices found'
}

refused() {
	declare_none
	stack 2048
	sed -i 's/linear .*ram1.*/linear \/dev\/mapper\/top 0/' f
	leaves_all 2 'stands on itself' f
	printf 'device a\n 0 8 linear /dev/mapper/a 0\n' > f
	leaves_all 2 'a stands on itself' f
	printf 'device a\n 0 8 zero\ndevice a\n 0 8 zero\n' > f
	leaves_all 2 "line 3: a has the name or the uuid of line 1's" f
	printf 'device a uuid=x\n 0 8 zero\ndevice b uuid=x\n 0 8 zero\n' > f
	leaves_all 2 "line 3: b has the name or the uuid of line 1's" f
	printf 'device a\n 0 8 linear /dev/mapper/b 0\nabsent b\n' > f
	leaves_all 2 'a uses b, which is to go' f
	printf 'device a\n 0 8 zero\n 9 8 zero\n' > f
	leaves_all 2 'f: line 3: a gap' f
	printf 'device a\n 0 8 zero\0' > f
	leaves_all 2 'a NUL' f
	leaves_all 5 'No such file' nofile
	printf 'device a\n 0 8 zero\n' > f
	status unprivileged /usr/bin/bareblk dm apply "$PWD/f"
	eq 'without privileges' $rc 3
	# what is there and not the declared one
	ref13 create a -u FOREIGN --table '0 16 zero'
	leaves_all 6 'a: there is a with uuid "FOREIGN"' f
	sed -i 's/device a/& uuid=MINE/' f
	leaves_all 6 'a: there is a with uuid "FOREIGN"' f
	sed -i 's/device a uuid=MINE/device b uuid=FOREIGN/' f
	leaves_all 6 'b: there is a with uuid "FOREIGN"' f
	sed -i 's/device b/device a minor=99/' f
	leaves_all 6 'a: there is a .* and minor 0' f
	ref13 remove a
}

# In the middle of it, in every phase
rolls_back() {
	declare_none
	stack 2048
	applies 'create top,create low,'
	# a third device: unknown to the kernel; not to its target's liking; too long
	for table in '0 8 nosuch' '0 8 linear /dev/ram2 0 more' '0 99999999 linear /dev/ram2 0'; do
		stack 4096
		printf 'device third\n %s\ndevice fourth\n 0 8 linear /dev/mapper/third 0\n' "$table" >> f
		leaves_all 1 'third: .*(nosuch|Invalid argument|too small)' f
		grep -q 'everything is as it was' err || fail "$(cat err)"
	done
	# late: low has its new table already when top cannot have its own
	stack 4096
	sed -i 's/0 8192 linear .*low/0 9999 linear \/dev\/mapper\/low/' f
	leaves_all 1 'top: .*too small' f
	# a new device on top of one that has changed, and below one that is resumed
	stack 4096
	printf 'device third\n 0 8192 linear /dev/mapper/top 8\n' >> f
	leaves_all 1 'third: .*too small' f
	# shrunk: the old table of top fits only when that of low is back
	stack 1024
	printf 'device third\n 0 8192 linear /dev/mapper/top 8\n' >> f
	leaves_all 1 'third: .*too small' f
	# suspended before, suspended afterwards
	ref13 suspend top
	leaves_all 1 'third: .*too small' f
	ref13 resume top
	ref13 create taken -j 254 -m 42 --table '0 8 zero'
	stack 1024
	printf 'device third minor=42\n 0 8 linear /dev/mapper/top 8\n' >> f
	leaves_all 6 'third: .* minor is taken' f
	bare remove taken
	clean
}

# Busy before anything was done, and by somebody who came meanwhile
busy() {
	declare_none
	stack 2048
	bare apply f
	sleep 60 < /dev/mapper/top &
	leaves_all 6 'top: open in sleep' --prune gone
	kill $!
	wait || :
	{ echo 'set test'; for i in $(seq 40); do printf 'device n%s\n 0 8 zero\n' $i; done; echo 'absent low'; } > f2
	state > before
	bare apply --prune f2 2> err | { read -r line; exec 3< /dev/mapper/top; cat > /dev/null; sleep 8; } &
	reader=$!
	within 30 grep -q 'as it was' err
	kill $reader || :
	wait || :
	grep -q 'top: open in' err || fail "$(cat err)"
	sed 's/|0|1$/|x|1/; s/|1|1$/|x|1/' before > want # how many have it open
	state | sed 's/|0|1$/|x|1/; s/|1|1$/|x|1/' > after
	cmp want after || fail "$(diff want after)"
	clean
}

# What was removed is there again, with its number
removed_again() {
	declare_none
	{ echo 'set test'; for i in 1 2 3; do printf 'device z%s ro minor=6%s\n 0 8 linear /dev/ram0 %s\n' $i $i $i; done
	printf 'device y\n 0 8 linear /dev/mapper/z1 0\ndevice w\n 0 8 zero\n'; } > f
	bare apply f
	# levels go down: y, then the others in order; w comes last, and is busy by then
	state > before
	# y fits on z1 again only when that has its old table
	{ echo 'set test'; for i in $(seq 40); do printf 'device n%s\n 0 8 zero\n' $i; done
	printf 'device z1 ro minor=61\n 0 4 linear /dev/ram0 1\n'; } > f2
	bare apply --prune f2 2> err | { read -r line; exec 3< /dev/mapper/w; cat > /dev/null; sleep 12; } &
	reader=$!
	within 40 grep -q 'as it was' err
	kill $reader || :
	wait || :
	sed 's/^w|.*//' before > want
	state | sed 's/^w|.*//' > after
	cmp want after || fail "$(diff want after)"
	clean
}

many() { # a file of 60 devices, one on another in threes
	echo 'set test'
	for i in $(seq 0 3 57); do
		printf 'device m%s\n 0 24 linear /dev/ram0 %s\n' $i $((i * 8))
		printf 'device m%s\n 0 16 linear /dev/mapper/m%s 0\n' $((i + 1)) $i
		printf 'device m%s\n 0 8 linear /dev/mapper/m%s 0\n' $((i + 2)) $((i + 1))
	done
}

stopped() {
	declare_none
	many > f
	for sig in TERM INT HUP; do
		rm -f rc
		{ rc=0; bareblk dm apply f 2> err || rc=$?; echo $rc > rc; } |
			{ read -r line; kill -$sig "$(pidof bareblk)"; cat > /dev/null; }
		within 30 test -s rc
		eq "status after $sig" "$(cat rc)" 1
		grep -q 'stopped by signal' err || fail "$(cat err)"
		eq left "$(ref13 ls)" 'No devices found'
	done
}

# killed_after MS ARG...: apply, and SIGKILL meanwhile
killed_after() {
	local ms=$1
	shift
	bareblk dm apply "$@" > out 2>&1 &
	usleep ${ms}000
	kill -KILL $! 2> /dev/null && nr_killed=$((nr_killed + 1))
	wait $! || :
}

then_done() { # MS ARG...
	local ms=$1
	shift
	bareblk dm apply "$@" > out 2>&1 || fail "after $ms ms: $* gave $(cat out)"
}

# Killed while it makes, changes and removes: the next call finishes it. How long
# these take is the machine's affair: there are more moments if these were not in the
# midst of it.
killed() {
	quiet
	declare_none
	nr_killed=0 nr_half=0 nr_tried=0
	many > f.old
	sed 's/ram0/ram1/; s/0 24/0 32/' f.old > f.new
	for ms in 30 60 100 180 300 10 20 45 80 140 240 400 600 900 1400; do
		[ $nr_tried -lt 5 ] || [ $nr_half -lt 3 ] || break
		nr_tried=$((nr_tried + 1))
		cp f.old f
		killed_after $ms f
		case $(ref13 ls | grep -c '(') in 0 | 60) ;; *) nr_half=$((nr_half + 1)) ;; esac
		then_done $ms f
		settled
		cp f.new f
		killed_after $ms f
		case $(ref13 table | grep -c ' 1:1 ') in 0 | 20) ;; *) nr_half=$((nr_half + 1)) ;; esac
		then_done $ms f
		settled
		quiet
		eq 'all of them' "$(ref13 table | grep -c ' 1:1 ')" 20
		eq 'suspended' "$(ref13 info -c --noheadings -o attr | sort -u)" L--w
		killed_after $ms --prune gone
		case $(ref13 ls | grep -c '(') in 0 | 60) ;; *) nr_half=$((nr_half + 1)) ;; esac
		then_done $ms --prune gone
		eq left "$(ref13 ls)" 'No devices found'
		rm -f /dev/mapper/m* # of one that was removed, and its node not yet
	done
	echo "$nr_killed killed, $nr_half of them half way" >> say
	at_least 'killed half way' $nr_half 3
}

# I/O that does not end: suspending gives up after 30 seconds, and all is put back; one that is
# killed there leaves devices suspended, and the next call mends it
hangs() {
	declare_none
	ref13 create base --table '0 8192 linear /dev/ram0 0'
	stack 2048
	sed -i 's/linear .dev.ram0/linear \/dev\/mapper\/base/' f
	bare apply f
	ref13 suspend base
	dd if=/dev/mapper/top of=/dev/null bs=4k count=1 iflag=direct status=none &
	sleep 0.5
	sed 's/0 4096 linear/0 4000 linear/; s/^  2048 2048 linear/  2048 2000 linear/' f > f2
	leaves_all 7 'top: .*(ETIME)' f2
	bare apply f2 &
	sleep 2
	kill -KILL "$(pidof bareblk)"
	ref13 resume base
	wait || :
	cp f2 f
	bare apply f
	settled
	eq table "$(ref13 table top)" '0 4000 linear 254:1 0'
	eq suspended "$(ref13 info -c --noheadings -o suspended | sort -u)" Active
	clean
	bare remove base
}

run_tests <<-'END'
makes          30  devices are made as declared, and a second time nothing is done
words          20  a file comes from a pipe, with words that are quoted
normalised     60  a table that the kernel writes differently is no other table
grows          60  a stack grows and shrinks under I/O
mends          40  a device that is suspended, half made or read-only is put right
prunes         40  --prune removes what is of the set and gone, and nothing else
refused        40  circles, doubles and devices of others are refused, and nothing is done
rolls_back     90  what fails in the middle leaves everything as it was
busy           60  a device that is busy leaves everything as it was
removed_again  60  devices that were removed are made again when another cannot be
stopped        40  signals stop it, and everything is taken back
killed         400 what was killed in the middle is finished by the next call
hangs          120 waiting for I/O ends, and everything is put back
END
