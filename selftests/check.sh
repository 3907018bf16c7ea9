#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs all checks: `make check` and, with --long, `make check-long`. Results are
# KTAP; a skip has to be in skips.allow, otherwise it counts as a failure. The
# last line gives the counts.
#
# usage: check.sh [--long] [--list] [STAGE]...     stages by name or pattern, and what they need
#
#   JOBS=2    how many processors to use
#   RETRY=1   with --long: run again what has failed before
#   MINUTES=41 without --long and STAGE: when the last stage should have ended
#
# Logs are in build/check/, those of --long in build/check-long/, where a cell
# that has ended for this very build is not run again.

# shellcheck disable=SC2034,SC2154 # variables of the parts
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd) || exit 2
root=${here%/*}
cd "$root" || exit 2
export LC_ALL=C
for part in packages pace schedule judge stages; do
	# shellcheck disable=SC1090
	. "$here/check/$part.sh"
done

# The process of a stage: a function of check/stages.sh and its arguments
if [ "${1-}" = --stage ]; then
	out=$root/build/check
	eval "$2"
	exit
fi

is_long='' is_list=''
while [[ ${1-} == --* ]]; do
	case $1 in
	--long) is_long=1 ;;
	--list) is_list=1 ;;
	*) echo "usage: $0 [--long] [--list] [STAGE]..." >&2; exit 2 ;;
	esac
	shift
done
out=$root/build/check${is_long:+-long}
cpus=${JOBS:-$(nproc)}
mkdir -p "$out" || exit 2

# chosen PATTERN... < table: the rows that match, and those that they need
chosen() {
	local table
	table=$(grep -v '^#' | sed '/^ *$/d')
	[ $# -gt 0 ] || { echo "$table"; return; }
	awk -v patterns="$*" '
		function want(name,    n, i, needs) {
			if (wanted[name]++)
				return
			n = split(after[name], needs, ",")
			for (i = 1; i <= n; i++)
				if (needs[i] in after)
					want(needs[i])
		}
		{ row[NR] = $0; name[NR] = $1; after[$1] = $2 }
		END {
			n = split(patterns, pattern, " ")
			for (i = 1; i <= n; i++) {
				gsub(/\*/, ".*", pattern[i])
				for (j = 1; j <= NR; j++)
					if (name[j] ~ "^(" pattern[i] ")$")
						want(name[j])
			}
			for (j = 1; j <= NR; j++)
				if (name[j] in wanted)
					print row[j]
		}' <<< "$table"
}

table() { if [ -n "$is_long" ]; then table_long; else table_check; fi; }

if [ -n "$is_list" ]; then
	table | chosen "$@" | awk '{ print $1 }'
	exit
fi

get_packages || exit
trap 'stop_table; exit 130' INT TERM HUP
[ -n "$is_long$*" ] || time_limit_s=$((${MINUTES:-41} * 60))
read_typical < <(typical)
read_table < <(table | chosen "$@")
[ ${#stages[@]} -gt 0 ] || { echo "no stage is called so; see $0 --list" >&2; exit 2; }
run_table
summary
