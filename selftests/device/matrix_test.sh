#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The matrix goes on where it stopped, and tells what is not so: matrix.sh with a
# boot that only says what a guest would say.

# shellcheck disable=SC2154 # tmp, root and nr are of lib.sh
. "$(dirname "$0")/../build/lib.sh"

export O=$tmp/build OUT=$tmp/results BOOT=$tmp/boot ROWS='^(copy|get-data),tag,(null|ram)$'
mkdir -p "$O" || exit 2
for program in bareblk bareblk-shadow bareblk-broken; do
	echo $program > "$O/$program"
done

# A guest: of its rows, one each time that a boot says so in the file "fate"
cat > "$BOOT" <<-'END'
	#!/bin/bash
	todo=$(tr ' ' '\n' <<<"$FILES" | sed -n 's/:.matrix.todo//p')
	cat "$todo" >> "${0%/*}/booted"
	nr=0
	while read -r row && read -r status text <&3; do
		nr=$((nr + 1))
		case $status in
		pass) echo "ok $nr - $row" ;;
		none) echo "ok $nr - $row # SKIP $text" ;;
		fail) echo "# why"; echo "not ok $nr - $row" ;;
		die)  exit 243 ;;
		warn) echo "ok $nr - $row"; echo "from the kernel's log: a warning" >&2 ;;
		esac
	done < "$todo" 3< "${0%/*}/fate"
END
chmod +x "$BOOT"

# runs FATES RESULTS BOOTED [KERNEL]: with what guests say, what is said of it, and how
# many rows they were asked for
runs() {
	local said
	tr ',' '\n' <<<"$1" > "$tmp/fate"
	: > "$tmp/booted"
	said=$("$root/selftests/device/matrix.sh" "${4-7.3}")
	echo "$said"
	[ "$(grep -E '^(ok|not ok)' <<<"$said" | sed 's/ [0-9]* - [^ ]*//; s/ #.*//' | tr '\n' ',')" = "$2" ] &&
		[ "$(wc -l < "$tmp/booted")" = "$3" ]
}

known() { runs "" "ok,ok,not ok,ok," 0; }
again() { RETRY=1 runs "pass" "ok,ok,ok,ok," 1; }
dies() { runs "pass,die,pass,pass" "ok,not ok,ok,not ok," 6 7.2; } # the fates begin anew with each boot
complains() { runs "pass,warn,pass,pass" "ok,ok,ok,ok,not ok kernel's log has no complaint," 4 7.1 && runs "" "not ok,not ok,not ok,not ok," 0 7.1; }
other_build() { echo other > "$O/bareblk" && runs "pass,pass,pass,pass" "ok,ok,ok,ok," 4; }

shows() {
	"$root/selftests/device/matrix.sh" --table 7.2 7.3 > "$tmp/table" && cat "$tmp/table"
	grep -q '^| copy | tag | null | ? | pass |$' "$tmp/table" &&
		grep -q '^| copy | threads | null | ? | ? |$' "$tmp/table"
}

shows_failures() {
	"$root/selftests/device/matrix.sh" --table 7.2 7.3 > "$tmp/table" && cat "$tmp/table"
	grep -q '^| copy | tag | ram | FAIL | - |$' "$tmp/table" &&
		grep -q '^| get-data | tag | null | pass | FAIL |$' "$tmp/table"
}

# --- the rows of make check ----------------------------------------------------------

guest=$root/selftests/device/guest
all_kernels=$(sed -n 's/^kernels_check="\(.*\)"$/\1/p' "$root/selftests/check/stages.sh")

# ran [FILE]: KERNEL PATH TRANSPORT TARGET of all that runs
ran() {
	local kernel
	for kernel in $all_kernels; do
		(
			# shellcheck disable=SC1091
			. "$guest/ways.sh" 2> /dev/null
			rows_for "$kernel.9" "${1-$guest/matrix.rows}"
		) | awk -v kernel="$kernel" '
			function is_later(a, b,    x, y) {
				split(a, x, "."); split(b, y, ".")
				return x[1] + 0 > y[1] + 0 || (x[1] == y[1] && x[2] + 0 > y[2] + 0)
			}
			$5 == "yes" && !is_later($4, kernel) { print kernel, $1, $2, $3 }'
	done
}

# Two of path, transport and target, as far as a row has both, are together in what runs;
# and a kernel runs every path that it offers
is_enough() { # [FILE]
	ran "$@" > "$tmp/ran"
	grep -v '^#' "${1-$guest/matrix.rows}" | awk -v kernels="$all_kernels" -v ran="$tmp/ran" '
		BEGIN {
			nr_kernels = split(kernels, kernel, " ")
			while ((getline < ran) > 0) {
				nr++
				on[$1, $2] = seen["12", $2, $3] = seen["13", $2, $4] = seen["23", $3, $4] = 1
			}
		}
		function want(known, what) {
			if (!known) { print what; bad = 1 }
		}
		NF {
			want(("12", $1, $2) in seen, $1 " with " $2)
			want(("13", $1, $3) in seen, $1 " with " $3)
			want(("23", $2, $3) in seen, $2 " with " $3)
			for (i = 1; i <= nr_kernels; i++) {
				split($4, since, "."); split(kernel[i], k, ".")
				if (k[1] + 0 > since[1] + 0 || (k[1] == since[1] && k[2] + 0 >= since[2] + 0))
					want((kernel[i], $1) in on, $1 " on " kernel[i])
			}
		}
		END {
			print nr " runs"
			exit bad || nr < 24
		}'
}

# without any one of its rows, or on a kernel less, it is not enough
lacks() { # SED
	sed "$1" "$guest/matrix.rows" > "$tmp/rows"
	! cmp -s "$tmp/rows" "$guest/matrix.rows" && ! is_enough "$tmp/rows"
}

# those of an older kernel's, which are refused, are asked for there
refusals() {
	local nr
	nr=$(. "$guest/ways.sh" 2> /dev/null; rows_for 6.12.1 "$guest/matrix.rows" | awk '$5 == "yes" && $4 != "6.12"' | wc -l)
	[ "$nr" = "$(awk '!/^#/ && $5 != "" && $4 != "6.12"' "$guest/matrix.rows" | wc -l)" ]
}

others() {
	[ "$(. "$guest/ways.sh" 2> /dev/null; rows_for 7.2.12 "$guest/matrix.rows" | grep -c yes)" = \
		"$(awk '!/^#/ && $5 != ""' "$guest/matrix.rows" | wc -l)" ]
}

check "what make check runs has every pair, and every path on every kernel" is_enough
check "it is noticed when a pair is missing" lacks '/^user-copy  *batch  *integrity/s/7.3$//'
check "it is noticed when a kernel lacks a path" lacks '/^get-data/s/,7.3$//'
check "what came later is asked for on the kernels before it" refusals
check "a kernel that is not of make check has all of its rows" others
check "a guest's results are told" runs "pass,none later (Linux 9.9),fail,pass" "ok,ok,not ok,ok," 4
check "what is known is not run again" known
check "a boot that ends early fails the row that it was at, and the rest gets another" dies
check "the table has what is not offered, and what failed" shows_failures
check "with RETRY what failed is run again" again
check "what ran in a boot whose kernel complained has failed" complains
check "another build knows nothing" other_build
check "the table has only what this build has done" shows
finish
