#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A compiler may turn the loop inside memcpy into a call of memcpy. Disassembles
# object files or programs and fails when one of the four calls one of the four.
#
#	check-mem-selfcall.sh [--objdump=PROGRAM] FILE...
set -eu

objdump=${OBJDUMP:-objdump}
case ${1-} in
--objdump=*)
	objdump=${1#--objdump=}
	shift
	;;
esac
[ $# -gt 0 ] || { echo "usage: $0 [--objdump=PROGRAM] FILE..." >&2; exit 2; }

for file; do
	listing=$("$objdump" -d -r -- "$file") || { echo "$0: cannot disassemble $file" >&2; exit 2; }
	printf '%s\n' "$listing" | awk -v file="$file" '
		/^[0-9a-f]+ <.*>:$/ {
			name = $2
			gsub(/[<>:]/, "", name)
			inside = name ~ /^mem(cpy|move|set|cmp)$/
			nr_found += inside
			next
		}
		# Places inside a function read <memcpy+0x12>; a call or a relocation has no offset.
		# A jump to the start of the same function may be a loop that begins there.
		inside && (/<mem(cpy|move|set|cmp)>/ || /R_[A-Z0-9_]+[ \t]+mem(cpy|move|set|cmp)([-+@]|$)/) {
			if ($0 ~ "<" name ">" && !/[ \t](call|callq|bl|jal|jalr)[ \t]/)
				next
			printf "%s: %s calls: %s\n", file, name, $0
			bad = 1
		}
		END {
			if (nr_found < 2) {
				printf "%s: has no memcpy and memset to look at\n", file
				exit 2
			}
			exit bad
		}'
done
