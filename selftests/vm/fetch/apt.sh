# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034 # variables of the scripts that read this in
#
# An apt of our own inside the cache: the machine's Debian mirror and proxy
# settings, our suites, no root, nothing changed outside. Signatures are
# verified by apt, always: nothing here switches that off.

apt_dir=$vm_cache/apt
apt_suites='bookworm bookworm-backports trixie trixie-backports'
apt_lists_max_age_min=1440

# What must hold whatever the machine's own configuration says. An empty dpkg
# status makes apt's solver answer with the whole set that a package needs.
apt_options() {
	local keyring=$1
	cat <<-END
	Dir "$apt_dir";
	Dir::State "$apt_dir/state";
	Dir::State::status "$apt_dir/status";
	Dir::State::lists "$apt_dir/lists";
	Dir::Cache "$apt_dir/cache";
	Dir::Etc::main "/dev/null";
	Dir::Etc::parts "/dev/null";
	Dir::Etc::sourcelist "/dev/null";
	Dir::Etc::sourceparts "$apt_dir/sources";
	Dir::Etc::preferences "/dev/null";
	Dir::Etc::preferencesparts "/dev/null";
	Dir::Etc::trusted "$keyring";
	Dir::Etc::trustedparts "/dev/null";
	Dir::Bin::Methods "/usr/lib/apt/methods/";
	APT::Architecture "amd64";
	APT::Architectures { "amd64"; };
	APT::Sandbox::User "$(id -un)";
	APT::Get::AllowUnauthenticated "false";
	APT::Install-Recommends "false";
	APT::Get::List-Cleanup "false";
	APT::Cache-Start "100000000";
	Acquire::AllowInsecureRepositories "false";
	Acquire::AllowWeakRepositories "false";
	Acquire::Languages "none";
	Acquire::Retries "3";
	Acquire::http::Timeout "30";
	Acquire::https::Timeout "30";
	Debug::NoLocking "true";
	quiet "1";
	END
}

# The machine's proxies and the like. Its package lists' options are left out:
# they may name files that only its own apt can read.
apt_machine_options() {
	apt-config dump | grep -E '^Acquire::(https?|ftp|tor|socks)::|^Acquire::Check-' |
		grep -v '""'
}

apt_keyring() {
	local f
	for f in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg} "$vm_cache/debian-archive-keyring.gpg"; do
		[ -r "$f" ] && echo "$f" && return
	done
	die "Debian's archive keyring was not found in /usr/share/keyrings; install debian-archive-keyring"
}

# Debian's main archive among the configured ones, by what its signed Release
# says. On a machine that never ran apt-get update nothing is known of any
# repository: then each one is tried, and only Debian's passes Debian's keys.
apt_mirrors() {
	# shellcheck disable=SC2016 # apt's syntax, not the shell's
	local format='$(ORIGIN)|$(LABEL)|$(REPO_URI)' all known
	if [ -n "${BAREBLK_MIRROR-}" ]; then
		echo "$BAREBLK_MIRROR"
		return
	fi
	all=$(apt-get indextargets --format "$format" 'Created-By: Packages' | sort -u)
	known=$(awk -F'|' '$1 == "Debian" && $2 == "Debian" { print $3 }' <<<"$all" | sort -u)
	if [ -n "$known" ]; then
		echo "$known"
	else
		awk -F'|' '$1 == "" && $3 !~ /security/ { print $3 }' <<<"$all" | sort -u
	fi
}

apt_write_sources() {
	local mirror=$1 keyring=$2
	cat > "$apt_dir/sources/lab.sources" <<-END
	Types: deb
	URIs: $mirror
	Suites: $apt_suites
	Components: main
	Architectures: amd64
	Signed-By: $keyring
	END
}

# a deadline on top of apt's own, which start anew with each byte
apt_run() {
	APT_CONFIG=$apt_dir/apt.conf timeout -k 10 900 "$@"
}

apt_lists_are_there() {
	compgen -G "$apt_dir/lists/*_${apt_suites##* }_main*Packages*" >/dev/null
}

apt_lists_are_fresh() {
	[ -n "$(find "$apt_dir/updated" -mmin "-$apt_lists_max_age_min" 2>/dev/null)" ] && apt_lists_are_there
}

apt_configure() {
	local keyring
	keyring=$(apt_keyring) || exit
	mkdir -p "$apt_dir"/{state,lists/partial,cache,sources,deb} ||
		die "cannot write $apt_dir; set BAREBLK_CACHE to a place that can be written"
	: > "$apt_dir/status"
	{ apt_machine_options; apt_options "$keyring"; } > "$apt_dir/apt.conf.new" &&
		mv "$apt_dir/apt.conf.new" "$apt_dir/apt.conf"
	apt_keyring_path=$keyring
}

# Lists belong to the address they came from, so when no mirror answers the
# sources stay as they were.
apt_try_mirrors() {
	local mirror sources=$apt_dir/sources/lab.sources
	cp "$sources" "$apt_dir/sources.before" 2>/dev/null
	for mirror in $(apt_mirrors); do
		apt_write_sources "$mirror" "$apt_keyring_path"
		# Error-Mode: else a failed download is a warning and status 0
		apt_run apt-get -o APT::Update::Error-Mode=any update >"$apt_dir/update.log" 2>&1 && return 0
	done
	mv "$apt_dir/sources.before" "$sources" 2>/dev/null
	return 1
}

# apt_prepare: fresh lists, or old ones with a warning when the mirror is out of reach
# The caller holds the lock "apt", so whatever lies in deb/ is of a run that was killed.
apt_prepare() {
	need_program apt-get dpkg-deb flock timeout
	apt_configure
	rm -rf "$apt_dir"/deb/*
	apt_lists_are_fresh && return 0
	note "reading the package lists of Debian ($apt_suites)"
	if apt_try_mirrors; then
		touch "$apt_dir/updated"
	elif apt_lists_are_there; then
		note "the mirror did not answer (log: $apt_dir/update.log); going on with the lists of an earlier day"
	else
		[ ! -r "$apt_dir/update.log" ] || tail -n 5 "$apt_dir/update.log" >&2
		die "no configured apt repository could be read as Debian's main archive; run apt-get update, or set BAREBLK_MIRROR to the base address of a Debian mirror"
	fi
}

# apt_names REGEX: package names of the index that match
apt_names() {
	apt_run apt-cache pkgnames | grep -E "$1"
}

# apt_newest_version PACKAGE [SUITE-REGEX]
apt_newest_version() {
	apt_run apt-cache madison "$1" |
		awk -F' *[|] *' -v suite="${2-.}" '$3 ~ suite { gsub(/ /, "", $2); print $2 }' |
		sort -rV | head -n 1
}

# apt_field PACKAGE FIELD: one field of the newest version's record
apt_field() {
	apt_run apt-cache show "$1" 2>/dev/null | sed -n "s/^$2: //p" | head -n 1
}

# apt_fetch_only and apt_fetch_all leave verified .deb files in DIR: just the
# packages named (PACKAGE or PACKAGE=VERSION), or with everything they need, by
# apt's own solver against an empty machine (PACKAGE/SUITE works too).
apt_fetch_only() {
	local dir=$1
	shift
	(cd "$dir" && apt_run apt-get download "$@") >"$dir/apt.log" 2>&1 || apt_complain "$dir" "$@"
}

apt_fetch_all() {
	local dir=$1
	shift
	mkdir -p "$dir/partial"
	apt_run apt-get -y -d --no-install-recommends -o Dir::Cache::archives="$dir" \
		install "$@" >"$dir/apt.log" 2>&1 || apt_complain "$dir" "$@"
}

apt_complain() {
	local dir=$1
	shift
	note "apt-get could not fetch $*; it said:"
	grep -E '^[EW]:' "$dir/apt.log" | tail -n 5 >&2
	return 1
}

# unpack DEST FETCHER PACKAGE...: fetches with one of the two above, unpacks
unpack() {
	local dest=$1 fetcher=$2 dir deb
	shift 2
	dir=$(mktemp -d "$apt_dir/deb/XXXXXX") || return
	"$fetcher" "$dir" "$@" || { rm -rf "$dir"; return 1; }
	for deb in "$dir"/*.deb; do
		dpkg-deb -x "$deb" "$dest" || { rm -rf "$dir"; return 1; }
	done
	rm -rf "$dir"
}
