# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034 # variables of the scripts that read this in
#
# What goes into the guest for one run, and what comes back.

guest_quote() {
	local word
	for word; do
		printf " '%s'" "${word//\'/\'\\\'\'}"
	done
}

# One argument is a line for the guest's shell, several are a command's words
guest_write_command() {
	local file=$1
	shift
	if [ $# -eq 1 ]; then
		printf '%s\n' "$1" > "$file"
	elif [ $# -gt 1 ]; then
		printf 'exec%s\n' "$(guest_quote "$@")" > "$file"
	fi
}

# FILES="host:guest ...": a guest name that ends in / is a directory to put it in
guest_copy_files() {
	local root=$1 pair from to
	for pair in ${FILES-}; do
		from=${pair%%:*}
		to=${pair#*:}
		case $pair in
		*:/*) ;;
		*) die "FILES: '$pair' is not HOST:GUEST with an absolute name in the guest" ;;
		esac
		[ -e "$from" ] || die "FILES: there is no $from"
		[ "${to%/}" = "$to" ] || to=$to${from##*/}
		guest_copy "$from" "$root" "$to" || die "FILES: could not copy $from"
	done
}

# The root's /bin, /sbin and /lib are links: a directory of that name in a later
# archive would take the place of the link, and of all that is behind it.
guest_copy() {
	local from=$1 root=$2 to=$3
	case $to in
	/bin/* | /lib/* | /lib64/*) to=/usr$to ;;
	/sbin/*)                    to=/usr/bin/${to#/sbin/} ;;
	/usr/sbin/*)                to=/usr/bin/${to#/usr/sbin/} ;;
	/proc/* | /sys/* | /dev/* | /tmp/* | /run/*)
		die "FILES: $to would be hidden by a mount; use another directory, such as /root" ;;
	esac
	mkdir -p "$root${to%/*}" && rm -rf "${root:?}$to" && cp -aL "$from" "$root$to"
}

# guest_make_initrd CMD...: the cached archives and a small one for this run
guest_make_initrd() {
	local root=$work/root archives
	mkdir -p "$root/.vm" "$root/out"
	cp "$vm_dir/init" "$root/init"
	guest_write_command "$root/.vm/cmd" "$@"
	guest_copy_files "$root"
	# shellcheck disable=SC2086 # a list of words
	archives=$("$vm_dir/initramfs.sh" "$kernel" ${WITH-}) || exit
	pack "$("$vm_dir/fetch.sh" userland base)" "$root" "$work/run.cpio" ||
		die "could not make the archive for this run in $work (disk full?)"
	# shellcheck disable=SC2086
	cat $archives "$work/run.cpio" > "$work/initrd" || die "could not write $work/initrd (disk full?)"
	rm -rf "$root" "$work/run.cpio"
}

# guest_bring_back DIR: the files of the guest's /out
guest_bring_back() {
	[ -s "$work/out.tar" ] || return 0
	mkdir -p "$1" && tar -x -C "$1" --no-same-owner -f "$work/out.tar"
}
