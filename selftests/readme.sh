# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# For scripts that measure: README.md, which stands in $root, gets their tables.

# readme_put NAME FILE: between the marks NAME: begin and NAME: end
readme_put() {
	local new
	new=$(mktemp) || return
	awk -v name="$1" -v table="$2" '
		$0 ~ "<!-- " name ": end -->" { inside = 0 }
		!inside { print }
		$0 ~ "<!-- " name ": begin -->" {
			inside = 1
			found++
			while ((getline line < table) > 0)
				print line
		}
		END { exit found != 1 }' "${root:?}/README.md" > "$new" && cat "$new" > "$root/README.md" || {
		echo "$root/README.md: no place for a table '$1'" >&2
		rm -f "$new"
		return 1
	}
	rm -f "$new"
}
