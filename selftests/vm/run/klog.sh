# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034 # variables of the scripts that read this in
#
# Reads a guest's console: did the kernel panic, did it complain?

klog_panic='Kernel panic - not syncing|end Kernel panic'

# What a kernel says when it, or a driver, has gone wrong
klog_complaints='WARNING: |BUG: |BUG at |Oops|general protection fault|invalid opcode|unable to handle
|INFO: task .* blocked for more than|INFO: .* hung|rcu: INFO: |detected stalls? on|self-detected stall|rcu_.*kthread starved
|soft lockup|hard LOCKUP|possible circular locking|possible recursive locking|inconsistent lock state|suspicious RCU usage
|bad unlock balance|held lock freed|lock held when returning|sleeping function called from invalid context|scheduling while atomic
|UBSAN:|KASAN:|KCSAN:|KFENCE:|kmemleak:|refcount_t: |list_(add|del) corruption|Bad page|bad page|page allocation failure
|Out of memory: |Call Trace:|nobody cared|trap .* ip:|segfault at'

# What it says when its processors had no time, or none that was long enough
klog_stall='rcu: INFO: |detected stalls? on|self-detected stall|rcu_.*kthread starved|soft lockup|Call Trace:'

klog_text() {
	tr -d '\r\000' < "$1"
}

klog_has_panic() {
	grep -qE "$klog_panic" < <(klog_text "$1")
}

# klog.allow holds lines of SERIES, a tab, a regular expression, a tab, a reason
klog_allowed() {
	awk -F'\t' -v series="$1" '!/^#/ && NF >= 3 && ($1 == series || $1 == "*") { print $2 }' "$vm_dir/klog.allow"
}

# klog_complaints_in FILE SERIES: the lines that fail a run
klog_complaints_in() {
	local allowed
	allowed=$(klog_allowed "$2")
	klog_text "$1" | grep -E "${klog_complaints//$'\n'/}" |
		if [ -n "$allowed" ]; then grep -vEf <(echo "$allowed"); else cat; fi
}

# klog_is_stall COMPLAINTS: nothing is wrong but that processors stood still for a
# minute. A host that is too busy makes that of any kernel; a kernel that stands still
# by itself has tests that do not end.
klog_is_stall() {
	! grep -qvE "$klog_stall" <<<"$1"
}
