# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# For scripts that report the boots of run.sh as KTAP: the result on the kernel's log.

# result_on_log NAME RUN.TXT...: of what run.sh had to say of each boot. Processors that
# stood still are the busy host's: no result, unless a test has not borne it.
result_on_log() {
	local name=$1 log first status=0 why=
	shift
	for log; do
		grep -q "from the kernel's log" "$log" || continue
		sed 's/^/# /' "$log"
		first=$(sed -n "/from the kernel's log/{n;p;q}" "$log")
		if grep -q "processors stood still" "$log"; then
			why=" # SKIP the guest's processors stood still"
		else
			status=1
			echo "# the first: $first"
		fi
	done
	[ $status = 0 ] || why=
	result $status "$name" "$why"
}
