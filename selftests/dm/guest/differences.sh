#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2034,SC2154,SC2329,SC2317,SC2016 # variables of lib.sh, functions that it calls
#
# The differences from dmsetup that the README lists: each is there, and as it says.
# group: 200 always

. "${0%/*}/lib.sh"

a='$maker create a --table "0 8 zero"'
ab="$a"'; $maker create b -u UB --table "0 8 zero"'
zero='0 8 zero'
node='[ -e /dev/mapper/a ] && echo there || echo gone'

nodes() {
	quiet
	(unset DM_DISABLE_UDEV
	after=$node
	differs nodes-without-udev '0:gone' '0:there' ours create a --table "$zero"
	differs nodes-without-udev '0:gone' '0:there' bare create a --table "$zero"
	[ $nr_wrong = 0 ]) || nr_wrong=1
	after='stat -c %F /dev/mapper/a'
	differs node-form '0:block special file' '0:symbolic link' ours create a --table "$zero"
	after='stat -L -c %g /dev/mapper/a'
	differs node-group '0:6' '0:0' ours create a --mode 640 --table "$zero"
	before=$ab
	after='[ -e /dev/mapper/b ] && echo there || echo gone'
	differs by-id-node '0:there' '0:gone' ours remove -u UB
	before='$maker create a --table "0 8 zero"; $maker create b --table "0 8 linear /dev/mapper/a 0"; $maker remove --deferred a'
	after=$node
	differs deferred-node '0:gone' '0:there' ours message a 0 @cancel_deferred_remove
}

making() {
	quiet
	after='$ref ls'
	differs empty-table '0:a*' '2:No devices found' bare create a
	differs wrong-major '1:a*' '1:No devices found' ours create a -j 7 -m 9 --table "$zero"
	differs minor-alone '1:No devices found' '0:a*:9)' bare create a -m 9 --table "$zero"
	differs numbers '0:a*:9)' '1:No devices found' ours create a -j "$(awk '$2 == "device-mapper" { print $1 }' /proc/devices)" -m 9x --table "$zero"
	after='grep -c "line 2" err.$maker'
	differs table-lines '1:0' '1:1' ours create a --table "0 8 zero
16 8 zero"
}

changing() {
	quiet
	before=$ab after='$ref ls'
	differs rename-by-id '1:a*b*' '0:a*c*' ours rename -u UB c
	differs several '1:b*' '5:No devices found' bare remove a nothere b
	before='$maker create a --notable; $maker load a --table "0 8 zero"'
	after='$ref table --inactive'
	differs wipe-empty '1:a: 0 8 zero *' '0:a: ' bare wipe_table a
}

# does it ask the kernel to wipe the key?
load_traced() {
	case $1 in
	ours) program=/opt/ours/dmsetup ;;
	*) program=/usr/bin/$1 ;;
	esac
	strace -f -o trace "$program" create a --table "0 8 crypt aes-xts-plain64 $key 0 /dev/ram0 0"
}
key=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
traced_ours() { load_traced ours; }
traced_ref12() { load_traced ref12; }
traced_ref13() { load_traced ref13; }

secret() {
	quiet
	ref=traced_ref13 ref2=traced_ref12 before=: after='grep -c SECURE_DATA trace; ref13 remove a'
	differs secrets '0:0' '0:[1-9]*' traced_ours
}

selecting() {
	quiet
	ref13 create a --table "$zero"
	ref13 create b -u UB --table "$zero"
	differs select-negation '0:b' '0:a' ours info -c --noheadings -o name -S '!(!(name=a))'
	differs select-regex '0:*' '1:*' ours info -c --noheadings -o name -S 'name=~"v)"'
	differs select-edges '0:a
b' '0:b' bare info -c --noheadings -o name -S 'uuid=~.'
	differs select-fraction '0:b' '0:*' ours info -c --noheadings -o name -S 'minor=1.5'
	differs fields-minus '1:*' '0:*' ours info -c --noheadings -o +name,-uuid
	same "a field with minus alone" info -c --noheadings -o name
	scrub
}

cookies() {
	quiet
	unset DM_DISABLE_UDEV
	mkdir -p /run/udev && touch /run/udev/control
	ref13 udevcreatecookie > cookie
	export TZ=EST5
	differs cookie-times "0:*$(date '+%b %e %H'):*" "0:*$(date -u '+%b %e %H'):*" ours udevcookies
	ref13 udevcomplete_all -y > /dev/null
	rm /run/udev/control
	differs complete-missing '0:*' '[1-9]:*' bare udevcomplete 0xd4d1234
	touch /run/udev/control
	# all done, and the creator's own count as well
	cookie_of() { local program=$1; "$program" udevreleasecookie "$(cat cookie)"; }
	release_ours() { cookie_of ours; }
	release_ref12() { cookie_of ref12; }
	release_ref13() { cookie_of ref13; }
	(ref=release_ref13 ref2=release_ref12 before='ref13 udevcreatecookie > cookie; ref13 udevcomplete $(cat cookie) > /dev/null' after='semaphores; ref13 udevcomplete_all -y > /dev/null'
	differs release-done '1:*' '0:' release_ours
	[ $nr_wrong = 0 ]) || nr_wrong=$((nr_wrong + 1))
	rm -f /run/udev/control
}

helping() {
	quiet
	differs help-text '0:*[Uu]sage*' '0:*' ours help
}

executing() {
	quiet
	before='$maker create "a b" --table "0 8 zero"' after=
	differs exec-path '0:/dev/mapper/a b*' '0:/dev/mapper/a?x20b*' ours ls --exec echo
	differs exec-status '0:*' '1:*' bare ls --exec false
}

# several at once, names that others made raw, reports
several() {
	quiet
	before='' after='$ref ls'
	differs concise-part '1:a*' '1:No devices found' bare create --concise "a,,,,0 8 zero;b,,,,0 8 nosuch"
	differs concise-syntax '1:a*' '1:No devices found' ours create --concise "a,,,,0 8 zero;b"
	differs concise-minor '0:a*' '1:No devices found' ours create --concise "a,,x,,0 8 zero"
	before='ref13 create --manglename none "a b" --table "0 8 zero"' after=
	differs raw-names '1:*' '0:a b*' ours ls
	before=$ab
	differs info-again '0:a*a*' '0:a' ours info -c --noheadings -o name --count 2 --interval 1 a
}

a800='$maker create a -u UA --table "0 800 zero"'
a2=$a800'; $maker stats create a; $maker stats create --start 0 --length 8 a'
statistics() {
	quiet
	before=$a800 after=
	differs stats-numbers '0:*' '1:*' ours stats create --areas 0 a
	after='ref13 stats list --noheadings --units k --nosuffix -o region_len a'
	differs stats-start '0:*400.00*' '0:*350.00*' ours stats create --start 100 a
	before=$a2 after=
	differs stats-each '0:*0+8 *0+8 *' '0:*0+8 *' ours stats print --allregions a
	differs stats-no-group '1:Removed*' '1:' ours stats ungroup --groupid 5 a
	differs stats-by-uuid '0:*(null)*' '0:*a*' ours stats group --regions 0,1 -u UA
	differs stats-only-region '0:*0*1*' '0:*1*' ours stats list --noheadings --regionid 1 -o region_id a
	before=$a800'; $maker stats create --userdata -x a'
	differs stats-dash '0:' '0:-x*' ours stats list --noheadings -o user_data a
}

run_tests <<-'END'
nodes     60  nodes: made without udev, as links, and removed
making    60  create refuses what dmsetup lets pass, and leaves nothing
changing  60  rename, remove and wipe_table do more
secret    30  keys are wiped
selecting 60  selections are what they say
cookies   60  cookies
several   60  several at once, raw names and reports
statistics 90 statistics
executing 60  commands get the path of the node, and can fail
END
