# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What every script of the lab needs: where the cache is, how to fail, how to
# publish a directory so that a parallel run sees it whole or not at all.

vm_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
vm_cache=${BAREBLK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/bareblk}

# Statuses of run.sh for what is not the command's own answer. They lie above
# what timeout(1) and the shell use, and below 255, which ssh takes for itself.
# shellcheck disable=SC2034
{
VM_RC_LAB=240		# the lab itself failed: a download, a missing program, wrong usage
VM_RC_NO_BOOT=241	# the guest did not reach its init, in any attempt
VM_RC_DEADLINE=242	# TIMEOUT passed
VM_RC_PANIC=243		# the guest's kernel panicked or the machine reset
VM_RC_KLOG=244		# the command succeeded, but the kernel's log holds a complaint
VM_RC_HUNG=245		# the guest stopped answering, or would not power off
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit "$VM_RC_LAB"
}

note() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# need_program PROGRAM...: the messages name the Debian package, from packages.sh
need_program() {
	local p
	for p; do
		command -v "$p" >/dev/null ||
			die "the program '$p' is missing; $vm_dir/packages.sh lists and installs what the lab needs"
	done
}

# with_lock NAME FUNCTION ARGS...: runs the function while no other process has
# the same name locked. The lock goes with the subshell, however that ends.
with_lock() {
	local name=$1
	shift
	mkdir -p "$vm_cache/lock" || die "cannot make $vm_cache/lock; set BAREBLK_CACHE to a place that can be written"
	(
		flock -w 1800 9 || die "another run has held $vm_cache/lock/$name for half an hour"
		"$@"
	) 9>"$vm_cache/lock/$name"
}

# checksum FILE...: a short name for their contents, so that what was made with an
# older version of a script or a list is not mistaken for what the new one makes
checksum() {
	cat "$@" | sha256sum | cut -c 1-12
}

# forget_old DIR: entries that no run has asked for in a month. use_now says that one has.
forget_old() {
	find "$1" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {} +
}

use_now() {
	touch -c "$1"
}

# publish FUNCTION DEST: calls FUNCTION with a fresh directory beside DEST,
# which becomes DEST only when the function succeeded. A reader never sees a
# half-filled directory, and a run that was killed leaves only a .tmp name.
publish() {
	local make=$1 dest=$2 tmp
	[ -e "$dest" ] && return 0
	mkdir -p "$(dirname "$dest")" || return
	rm -rf "$dest".tmp.*
	tmp=$(mktemp -d "$dest.tmp.XXXXXX") || return
	chmod 755 "$tmp"
	if "$make" "$tmp" && mv -T "$tmp" "$dest"; then
		return 0
	fi
	rm -rf "$tmp"
	return 1
}
