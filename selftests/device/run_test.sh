#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What becomes of groups whose boot hangs, dies or stands still: run.sh with a boot
# that only says what a guest would say.

# shellcheck disable=SC2154 # tmp, root and nr are of lib.sh
. "$(dirname "$0")/../build/lib.sh"

export O=$tmp/build OUT=$tmp/results BOOT=$tmp/boot
mkdir -p "$O" || exit 2
printf '#!/bin/sh\n' > "$O/bareblk"
chmod +x "$O/bareblk"

# A guest: of its groups, one word of the file "fate" each until one is its end. The words
# of a boot are a line, so each boot takes one.
cat > "$BOOT" <<-'END'
	#!/bin/bash
	shift 2
	fate=${0%/*}/fate
	read -r words < "$fate"
	sed -i 1d "$fate"
	for word in $words; do
		name=${1%:*}
		shift
		echo "@begin $name"
		case $word in
		pass)  echo "@end $name 0 1" ;;
		fail)  echo "@end $name 1 1" ;;
		hang)  echo "run.sh: the guest gave no sign of life" >&2; exit 245 ;;
		panic) exit 243 ;;
		still)
			printf 'run.sh: processors stood still; from %s\nrcu: INFO\n' "the kernel's log:" >&2
			exit 245
			;;
		esac
	done
END
chmod +x "$BOOT"

# runs FATES RESULTS: what guests say, a comma for each boot, and what is said of the groups
runs() {
	local said
	tr ',' '\n' <<<"$1" > "$tmp/fate"
	said=$("$root/selftests/device/run.sh" 7.3 ranges stats)
	echo "$said"
	[ "$(grep -E '^(ok|not ok)' <<<"$said" | sed -E 's/ [0-9]+ - .*# SKIP.*/ skip/; s/ [0-9]+ - .*//' | tr '\n' ',')" = "$2" ] &&
		[ ! -s "$tmp/fate" ]
}

check "groups that share a boot"                          runs "pass pass" "ok,ok,ok,"
check "a group that fails"                                runs "fail pass" "not ok,ok,ok,"
check "a group that hangs: the next has another boot"     runs "hang,pass" "not ok,ok,ok,"
check "a group that panics"                               runs "pass panic" "ok,not ok,ok,"
check "a machine that stood still: the group's next boot" runs "still,pass pass" "ok,ok,ok skip,"
check "one next boot for each group"                      runs "pass still,still" "ok,not ok,ok skip,"
check "a group that hangs in its next boot"               runs "still,hang,pass" "not ok,ok,ok skip,"
caught "the oracle: a group that is taken for good"       "not ok 1" runs "hang,pass" "ok,ok,ok,"
finish
