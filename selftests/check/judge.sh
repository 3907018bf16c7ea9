# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # variables of check.sh
#
# What became of a stage: its log, read; skips compared with those allowed.
# For each stage NAME.results has a line per test: pass, fail or skip, name, reason.

nr_passed=0
nr_failed=0
nr_skipped=0

# is_skip_allowed WHERE TEST
is_skip_allowed() {
	local where test reason
	while IFS='|' read -r where test reason; do
		where=${where//[[:blank:]]/}
		[[ -n $where && $where != '#'* && -n $reason ]] || continue
		test=${test#"${test%%[![:blank:]]*}"}
		test=${test%"${test##*[![:blank:]]}"}
		# shellcheck disable=SC2053 # patterns
		[[ $1 == $where && $2 == $test ]] && return 0
	done < "${skips_allow:-$here/skips.allow}"
	return 1
}

# kernel_of WHERE: the kernel of a stage that skips.allow knows as WHERE
kernel_of() {
	case $1 in
	host* | qemu-user) uname -r ;;
	*) echo "$1" ;;
	esac
}

# is_older KERNEL RELEASE: both as 6.12, and more may follow; false when either is not
is_older() {
	[[ $1 =~ ^([0-9]+)\.([0-9]+) ]] || return
	local major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]}
	[[ $2 =~ ^([0-9]+)\.([0-9]+) ]] || return
	[ "$major" -lt "${BASH_REMATCH[1]}" ] ||
		{ [ "$major" = "${BASH_REMATCH[1]}" ] && [ "$minor" -lt "${BASH_REMATCH[2]}" ]; }
}

# is_skip_right WHERE TEST REASON: a reason that ends in "(Linux 6.12)" is right
# on a kernel that is older, and nowhere else; any other has to be in skips.allow
is_skip_right() {
	if [[ $3 =~ \(Linux\ ([0-9]+\.[0-9]+)\)$ ]]; then
		is_older "$(kernel_of "$1")" "${BASH_REMATCH[1]}"
	else
		is_skip_allowed "$1" "$2"
	fi
}

# read_log NAME STATUS < log: results of a stage; what it says of failures is in NAME.details
read_log() {
	local name=$1 rc=$2 status test reason nr_bad=0
	: > "$out/$name.details"
	while IFS=$'\t' read -r status test reason; do
		if [ "$status" = skip ] && ! is_skip_right "${stage_where[$name]}" "$test" "$reason"; then
			status=fail reason="skipped, though nothing allows that: $reason"
			echo "$test: $reason" >> "$out/$name.details"
		fi
		[ "$status" != fail ] || nr_bad=1
		printf '%s\t%s\t%s\n' "$status" "$test" "$reason"
	done < <(awk -v details="$out/$name.parsed" -f "$here/check/ktap.awk")
	[ ! -s "$out/$name.parsed" ] || cat "$out/$name.parsed" >> "$out/$name.details"
	rm -f "$out/$name.parsed"
	case $rc in
	124 | 137)
		printf 'fail\tends in time\tdid not end within %s s\n' "${stage_seconds[$name]}"
		;;
	0 | 4) ;;
	*)
		[ $nr_bad = 1 ] || printf 'fail\texit status\t%s, though no test failed\n' "$rc"
		;;
	esac
}

count() { grep -c "^$1" "$out/$2.results"; }

# Of each failure the end of what it said, before all of it: who quotes us may cut
# the output short, and the reason stands last.
last_said() {
	awk '
		function flush_lines(  i) {
			for (i = nr > 6 ? nr - 5 : 1; i <= nr; i++)
				print "  > " lines[i]
			nr = 0
		}
		/^    / { lines[++nr] = substr($0, 5); next }
		{ flush_lines(); print "  > " $0 }
		END { flush_lines() }'
}

say_results() { # say_results NAME SECONDS
	local name=$1 passed failed skipped
	passed=$(count pass "$name") failed=$(count fail "$name") skipped=$(count skip "$name")
	nr_passed=$((nr_passed + passed)) nr_failed=$((nr_failed + failed)) nr_skipped=$((nr_skipped + skipped))
	printf '%-18s %4d passed%s%s  %s\n' "$name" "$passed" \
		"$([ "$failed" = 0 ] || echo ", $failed FAILED")" "$([ "$skipped" = 0 ] || echo ", $skipped skipped")" "$2"
	[ "$failed" = 0 ] && return
	sed -n 's/^fail\t\(.*\)\t\(.*\)/  FAILED: \1 (\2)/p' "$out/$name.results" | sed 's/ ()$//'
	last_said < "$out/$name.details"
	[ ! -s "$out/$name.details" ] || head -c 20000 "$out/$name.details" | sed 's/^/  | /'
	echo "  all of it: ${out#"$root/"}/$name.log"
	return 1
}

judge() { # judge NAME STATUS SECONDS
	read_log "$1" "$2" < "$out/$1.log" > "$out/$1.results"
	[ -z "$is_long" ] || build_key > "$out/$1.key"
	say_results "$1" "($3 s)"
}

judge_not_run() {
	: > "$out/$1.details"
	printf 'fail\tnot run\twhat it needs has failed: %s\n' "${stage_after[$1]}" > "$out/$1.results"
	rm -f "$out/$1.key"
	say_results "$1" ""
}

judge_late() {
	: > "$out/$1.details"
	printf 'skip\tnot begun\tno time was left on this slow machine; selftests/check.sh %s runs it\n' "$1" \
		> "$out/$1.results"
	say_results "$1" "(not begun)"
}

# With --long, what has ended for this build is not run again. Builds are: they
# make the key.
build_key() {
	{
		cat "$root"/build/check/gcc/bareblk{,-selftests} 2>/dev/null
		find "$here" -type f | sort | xargs cat
	} | sha256sum | cut -c1-32
}

has_result() {
	[[ -n $is_long && $1 != build-* && $1 != fetch-* ]] || return 1
	[ -s "$out/$1.results" ] && [ "$(cat "$out/$1.key" 2>/dev/null)" = "$(build_key)" ] || return 1
	[ -z "${RETRY-}" ] || ! grep -q '^fail' "$out/$1.results"
}

judge_again() { say_results "$1" "(before)"; }

# The failures again, and the skips by their reason
summary() {
	local name
	echo
	for name in "${stages[@]}"; do
		sed -n "s/^fail\t\([^\t]*\)\t.*/FAILED: $name: \1/p" "$out/$name.results"
	done
	for name in "${stages[@]}"; do
		sed -n "s/^skip\t.*\t\(.*\)/${stage_where[$name]}: \1/p" "$out/$name.results"
	done | sort | uniq -c | awk '{ n = $1; sub(/^ *[0-9]+ /, ""); printf "skipped %4d times: %s\n", n, $0 }'
	echo "$SECONDS s"
	echo "$nr_passed passed, $nr_failed failed, $nr_skipped skipped"
	[ "$nr_failed" = 0 ]
}
