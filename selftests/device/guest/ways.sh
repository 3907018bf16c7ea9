# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043,SC2086 # variables of the files that read this in
#
# The ways to move data and to take requests, as matrix.rows has them.

# rows_for RELEASE FILE: those of make check on that kernel end in "yes": it runs them,
# or is too old and refuses them. A kernel that no row names has all of make check's.
rows_for() {
	awk -v release="$1" '
		function is_later(a, b,    x, y) {
			split(a, x, "."); split(b, y, ".")
			return x[1] + 0 > y[1] + 0 || (x[1] == y[1] && x[2] + 0 > y[2] + 0)
		}
		function is_among(name, names) { return index("," names ",", "," name ",") }
		BEGIN { split(release, r, "."); kernel = r[1] "." r[2] }
		/^#/ || !NF { next }
		{ row[++nr] = $1 " " $2 " " $3 " " $4; since[nr] = $4; names[nr] = $5 }
		is_among(kernel, $5) { is_named = 1 }
		END {
			for (i = 1; i <= nr; i++) {
				is_wanted = !is_named || is_among(kernel, names[i]) || is_later(since[i], kernel)
				print row[i] (names[i] != "" && is_wanted ? " yes" : "")
			}
		}' "$2"
}

# once: a shell's every question costs a guest much
all_rows=$(rows_for "$(uname -r)" "${0%/*}/matrix.rows")
rows() { echo "$all_rows"; }

# memory of users that the server maps, too; the other requests are copied by the server
shmem=/tmp/ways.shmem/file
make_shmem() {
	[ ! -e $shmem ] || return 0
	mkdir -p ${shmem%/*}
	mount -t tmpfs -o size=80M none ${shmem%/*}
	truncate -s 64M $shmem
}

# way_options PATH TRANSPORT QUEUES NUMBER: in words for "bareblk ublk add". A thread
# serves its queue or, when the number is odd, all queues; or a part of the tags of one.
way_options() {
	local few=$3
	[ $(($4 % 2)) = 0 ] || few=1
	case $1 in
	shmem) make_shmem; echo --mode=user-copy --shmem=$shmem ;;
	*)     echo --mode=$1 ;;
	esac
	case $2 in
	tag)     echo --threads=$few ;;
	threads) echo --threads=$(($3 * 2)) ;;
	batch)   echo --batch=yes --threads=$few ;;
	esac
}

# ways: lines of PATH TRANSPORT that this kernel offers
ways() {
	local path transport target since
	rows | while read -r path transport target since; do
		[ $target != ram ] || ! is_since $since || echo $path $transport
	done
}
