#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The checker, checked: what it makes of reports that are good, bad, or cut
# short, of skips, and of a stage that is late.
# shellcheck disable=SC2034 # variables of judge.sh

. "$(dirname "$0")/../build/lib.sh"
here=$root/selftests
is_long=
. "$here/check/pace.sh"
. "$here/check/schedule.sh"
. "$here/check/judge.sh"
stage_where=([s]=6.12) stage_seconds=([s]=3)
out=$tmp
skips_allow=$tmp/skips.allow
cat > "$skips_allow" <<-'END'
	# kernel | test | reason
	6.1[0-9] | ring: zero copy* | needs 6.15
	host     | *                | not here
END

# reads NAME STATUS EXPECTED: the report on stdin gives these results
reads() {
	local name=$1 rc=$2 want=$3 got
	got=$(read_log s "$rc" | cut -f 1-2 | tr '\t' ' ' | paste -sd';')
	if [ "$got" = "$want" ]; then
		result 0 "$name"
	else
		echo "wanted: $want, got: $got" > "$tmp/.out"
		result 1 "$name"
	fi
}

reads "plain results count" 0 'pass a;pass b' <<'END'
1..2
ok 1 - a
noise
ok 2 b
END
reads "a failure counts" 1 'pass a;fail b' <<'END'
ok 1 - a
not ok 2 - b
1..2
END
reads "of tests in tests, the inner ones count" 1 'pass one: a;fail one: b;pass two: c' <<'END'
KTAP version 1
1..2
  KTAP version 1
  # Subtest: one
  1..2
  ok 1 - a
  not ok 2 - b
not ok 1 - one
  # Subtest: two
  1..1
  ok 1 - c
ok 2 - two
END
reads "three levels" 0 'pass x: y: a;pass x: y: b' <<'END'
1..1
  # Subtest: x
  1..1
    # Subtest: y
    1..2
    ok 1 - a
    ok 2 - b
  ok 1 - y
ok 1 - x
END
reads "an outer test that fails by itself counts" 1 'pass one: a;fail one' <<'END'
1..1
  # Subtest: one
  1..1
  ok 1 - a
not ok 1 - one
END
reads "a report that is cut short fails" 0 'pass a;fail all of its tests' <<'END'
1..2
ok 1 - a
END
reads "an inner report that is cut short fails" 0 'pass one: a;fail one: all of its tests' <<'END'
1..1
  # Subtest: one
  1..3
  ok 1 - a
ok 1 - one
END
reads "an inner report without an outer result fails" 0 'pass one: a;fail all of its tests' <<'END'
1..1
  # Subtest: one
  1..1
  ok 1 - a
END
reads "no plan fails" 0 'pass a;fail all of its tests' <<'END'
ok 1 - a
END
reads "no result at all fails" 0 'fail any result' <<'END'
Segmentation fault
END
reads "an exit status without a failure fails" 3 'pass a;fail exit status' <<'END'
1..1
ok 1 - a
END
reads "a stage that is late fails" 124 'fail all of its tests;fail ends in time' <<'END'
1..1
END
reads "bailing out fails" 0 'fail bailed out;fail all of its tests' <<'END'
1..1
Bail out! no memory
END
reads "a skip that is allowed is a skip" 0 'skip ring: zero copy reads' <<'END'
1..1
ok 1 - ring: zero copy reads # SKIP no such opcode
END
reads "a skip of another test fails" 0 'fail ring: polls' <<'END'
1..1
ok 1 - ring: polls # SKIP no such opcode
END
stage_where[s]=7.3
reads "a skip on another kernel fails" 0 'fail ring: zero copy reads' <<'END'
1..1
ok 1 - ring: zero copy reads # SKIP no such opcode
END
stage_where[s]=host
reads "a pattern may stand for all" 0 'skip anything' <<'END'
1..1
ok 1 - anything # SKIP who knows
END
# skips_here WHERE REASON EXPECTED: of a test that is not in skips.allow
skips_here() {
	local name="on $1, a skip because of \"$2\" is a $3"
	stage_where[s]=$1
	reads "$name" 0 "$3 a test" <<-END
		1..1
		ok 1 - a test # SKIP $2
	END
}
skips_here 6.1 "a thing (Linux 6.12)" skip
skips_here 6.11 "a thing (Linux 6.12)" skip
skips_here 6.12 "a thing (Linux 6.12)" fail
skips_here 6.18 "a thing (Linux 6.12)" fail
skips_here 6.18 "a thing (Linux 7.0)" skip
skips_here 7.3 "a thing (Linux 6.18)" fail
skips_here 6.1 "a thing (Linux 6.12), perhaps" fail
skips_here 6.1 "a thing of Linux 6.12" fail
skips_here 6.1 "a thing (Linux soon)" fail
skips_here virtme "a thing (Linux 99.0)" fail
skips_here host-asan "a thing (Linux 99.0)" skip
skips_here host-asan "a thing (Linux 5.11)" fail
skips_here qemu-user "a thing (Linux $(uname -r | sed 's/^\([0-9]*\.[0-9]*\).*/\1/'))" fail
stage_where[s]=host
reads "a pattern for all does not allow what the kernel should have" 0 'fail a test' <<'END'
1..1
ok 1 - a test # SKIP a thing (Linux 5.11)
END
reads "a plan of nothing is a skip" 0 'skip all' <<'END'
1..0 # SKIP no device
END

# runs NAME EXPECTED < table: a schedule gives these counts, and says so
runs() { # and so many are skipped, if any
	local name=$1 want=$2 skipped=${3-0} got
	table=$(cat)
	got=$(
		nr_passed=0 nr_failed=0 nr_skipped=0 stages=() cpus=2
		read_table <<< "$table"
		run_table > "$tmp/said"
		summary > "$tmp/summary"
		echo "$nr_passed $nr_failed"
	)
	if [ "$got" = "$want" ] && grep -qx "${want/ / passed, } failed, $skipped skipped" < <(tail -n 1 "$tmp/summary"); then
		result 0 "$name"
	else
		{ echo "wanted: $want, got: $got"; cat "$tmp/said" "$tmp/summary"; } > "$tmp/.out"
		result 1 "$name"
	fi
}

good='echo ok 1 - x; echo 1..1'
bad='echo not ok 1 - x; echo 1..1'
{ echo one; seq -f '    %g' 9; echo two; echo '    the reason'; } > "$tmp/said"
[ "$(last_said < "$tmp/said" | paste -sd' ')" = "  > one   > 4   > 5   > 6   > 7   > 8   > 9   > two   > the reason" ]
result $? "the end of what a failure said comes first"
runs "stages run and are counted" "2 1" <<END
a - 9 1 host $good
b a 9 9 host $bad
c - 9 1 host $good
END
# alone NAME: the command of a stage, which fails when another such is at work
alone() { echo "mkdir $tmp/alone || echo not ok 1 - alone; sleep 0.3; rmdir $tmp/alone; $good"; }
runs "of two machines one runs at a time, and something else beside it" "3 0" <<END
v - 9 vm host $(alone); [ -e $tmp/beside ] || echo not ok 2 - beside
w - 9 vm host $(alone)
beside - 9 1 host touch $tmp/beside; $good
END
runs "a stage that hangs is ended and fails" "1 1" <<END
late - 1 1 host $good; sleep 30
END
runs "what needs a build that failed does not run, and fails" "0 2" <<END
build-x - 9 1 host $bad
y build-x 9 1 host $good
END
# 2 s or more took what takes 1 s elsewhere: what takes 30 s there would take 60
time_limit_s=$((SECONDS + 40))
stage_typical=([slow]=1 [long]=30 [build-late]=90)
runs "on a slow machine what would end too late is skipped, and the rest runs" "2 0" 3 <<END
slow - 9 9 host sleep 2; $good
build-late slow 9 1 host $good
long slow 9 1 host $bad
short slow 9 1 host $good
after build-late 9 1 host $bad
END
time_limit_s=''
is_long=1
for again in "with --long, a cell runs" "and counts, but runs no more, when it has ended"; do
	runs "$again" "1 0" <<-END
		cell - 9 1 host $good; echo x >> $tmp/times
	END
done
[ "$(wc -l < "$tmp/times")" = 1 ]
result $? "it ran once"

# in_no_stage GROUPS_FILE: of the groups that make check has on a kernel, those of no stage there
# shellcheck disable=SC2154 # of stages.sh
in_no_stage() (
	# shellcheck disable=SC1091,SC2154 # what it has
	. "$here/check/stages.sh"
	table_check | awk -v kernels="$kernels_check" '
		NR == FNR { if ($6 == "device_part") stages[$1]; next }
		/^#/ || !NF || $5 == "long" { next }
		{
			n = split($5 == "always" ? kernels : $5, on, /[ ,]/)
			for (i = 1; i <= n; i++)
				if (!($4 "-" on[i] in stages))
					print $1 " on " on[i]
		}' - "$1"
)
said=$(in_no_stage "$here/device/groups")
[ -z "$said" ]
result $? "each group of devices has a stage on each of its kernels"
sed 's/^fio .*/fio main 400 nothing 7.3/; s/^shmem .*/shmem main 120 use 6.18/' "$here/device/groups" > "$tmp/groups"
[ "$(in_no_stage "$tmp/groups" | paste -sd,)" = "shmem on 6.18,fio on 7.3" ]
result $? "and one that has none is found"
finish
