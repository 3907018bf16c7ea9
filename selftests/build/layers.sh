#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Who may include whom, and where assembly and system calls may stand.
#
# usage: layers.sh [--self-test]

. "$(dirname "$0")/lib.sh"
folders="uapi ring ublk dm tools"

# may_include FOLDER: beginnings of the paths that it may include
may_include() {
	case $1 in
	uapi/rt/free | uapi | uapi/arch) echo uapi/ ;;
	uapi/rt) echo uapi/ -uapi/rt/free/ ;;
	ring) echo ring/ uapi/ -uapi/rt/free/ ;;
	ublk) echo ublk/ ring/ uapi/ -ublk/targets/ -uapi/rt/free/ ;;
	ublk/targets) echo ublk/ ring/ uapi/ -uapi/rt/free/ ;;
	dm) echo dm/ uapi/ -uapi/rt/free/ ;;
	tools/host) echo tools/host/ tools/text/ ublk/ dm/ uapi/ -ublk/targets/ ;;
	tools/text) echo tools/text/ dm/ uapi/ -uapi/rt/free/ ;;
	tools/dm) echo tools/ dm/ uapi/ ;;
	tools) echo tools/ ublk/ dm/ ring/ uapi/ ;;
	*) echo "-" ;;
	esac
}

is_allowed() { # is_allowed PATH RULE...
	local path=$1 rule ok=1
	shift
	for rule; do
		case $rule in
		-*) [[ $path != "${rule#-}"* ]] || return 1 ;;
		*) [[ $path != "$rule"* ]] || ok=0 ;;
		esac
	done
	return $ok
}

# includes: lines of FILE <or"NAME
includes() {
	# shellcheck disable=SC2086
	grep -rE --include='*.[chS]' '^[[:space:]]*#[[:space:]]*include' $folders |
		sed -E 's/^([^:]*):[[:space:]]*#[[:space:]]*include[[:space:]]*([<"][^>"]*).*/\1 \2/'
}

arrows_point_down() {
	local file what bad=0
	# shellcheck disable=SC2046
	while read -r file what; do
		[[ $what == '"'* ]] || continue
		what=${what#?}
		if [ ! -f "$what" ]; then
			echo "$file includes $what, which is no path from the root"
			bad=1
		elif ! is_allowed "$what" $(may_include "${file%/*}"); then
			echo "$file may not include $what"
			bad=1
		fi
	done < <(includes)
	return $bad
}

# The compiler's own, and the kernel's; and libc's where a file is for hosted programs only
no_libc_header() {
	if includes | sed -n "s/ </ /p" |
		grep -vE ' (std(int|def|bool|arg|atomic|align|noreturn)\.h|(linux|asm|asm-generic)/[a-z0-9_/-]*\.h)$' |
		grep -vE '^ublk/pthreads\.h (pthread|signal|errno)\.h$'; then
		echo "the above are not headers of the compiler or the kernel"
		return 1
	fi
}

# without_comments: of grep's lines, those that are not inside of a comment
without_comments() { grep -vE '^[^:]*:([0-9]*:)?[[:space:]]*(/?\*|//)'; }

# An empty one is a word with the compiler, not with the machine.
assembly_has_its_place() {
	# shellcheck disable=SC2086
	if grep -rnE --include='*.[ch]' '\b(__asm__|__asm|asm)\b[^;]*\(' $folders |
		without_comments | grep -vE '^uapi/arch/|"" *:' || find $folders -name '*.[sS]' | grep -v '^uapi/arch/'; then
		echo "assembly stands in uapi/arch/ only"
		return 1
	fi
}

calls_have_their_place() {
	# shellcheck disable=SC2086
	if grep -rnE --include='*.[ch]' '\b(arch_syscall[0-9]*|__NR_[a-z0-9_]+|syscall)\b *[(,;)]' $folders |
		without_comments | grep -vE '^uapi/(arch/|sys\.h)'; then
		echo "system calls stand in uapi/sys.h only"
		return 1
	fi
}

# Comments may
core_names_no_target() {
	local names
	names=$(sed -n 's/^TARGET(\([a-z0-9_]*\)).*/\1/p' ublk/targets/list.h | paste -sd'|')
	[ -n "$names" ] || { echo "ublk/targets/list.h has no TARGET()"; return 1; }
	if grep -nE "\b($names)_(target|open|submit)\b|\"($names)[\":]" ublk/*.[ch] | without_comments; then
		echo "the core of ublk names a target"
		return 1
	fi
}

# What the code names it asks for, or relies on; features.c has the names of all
flags_are_told() {
	grep -n 'UBLK_F_[A-Z]' ublk/*.c tools/*.c /dev/null | grep -v '^ublk/features.c:' | without_comments |
		grep -o 'UBLK_F_[A-Z_]*' | sort -u > "$tmp/named"
	sed -n '/define UBLK_FEATURES_USED/,/)$/p' ublk/features.h | grep -o 'UBLK_F_[A-Z_]*' | sort -u > "$tmp/told"
	[ -s "$tmp/told" ] || { echo "ublk/features.h has no UBLK_FEATURES_USED"; return 1; }
	if ! diff "$tmp/named" "$tmp/told"; then
		echo "UBLK_FEATURES_USED of ublk/features.h (>) is not what the code uses (<)"
		return 1
	fi
}

no_allocation() {
	# shellcheck disable=SC2086
	if grep -rnE --include='*.[ch]' '\b(malloc|calloc|realloc|free|alloca|errno|_Thread_local|__thread)\b *[(=;]' $folders | without_comments; then
		echo "there is no heap, no errno and no thread's variable here"
		return 1
	fi
}

# A file of tests that no list names is built and never run.
suites_are_listed() {
	local file name bad=0
	for file in selftests/test_*.c; do
		name=${file##*/test_}
		name=${name%.c}
		grep -q "^SUITE[A-Z_]*($name)" selftests/suites.h || { echo "$name is not in selftests/suites.h"; bad=1; }
	done
	return $bad
}

run() {
	cd "$1" || exit 2
	check "includes go down only, and are paths from the root" arrows_point_down
	check "no header of a libc" no_libc_header
	check "assembly stands in uapi/arch/ only" assembly_has_its_place
	check "system calls stand in uapi/sys.h only" calls_have_their_place
	check "the core of ublk names no target" core_names_no_target
	check "the features that are told as used are those that the code uses" flags_are_told
	check "every file of tests is a suite that runs" suites_are_listed
	check "no heap, no errno, no thread-local variables" no_allocation
}

# fault NAME COMPLAINT CHECK FILE LINE: a line more in a file
fault() {
	local name=$1 complaint=$2 what=$3 file=$4
	cp "$file" "$tmp/before"
	printf '%s\n' "$5" >> "$file"
	caught "$name" "$complaint" "$what"
	cp "$tmp/before" "$file"
}

self_test() {
	copy_tree "$tmp/tree" && cd "$tmp/tree" || exit 2
	fault "dm includes ring" 'dm/control.c may not include ring/ring.h' arrows_point_down dm/control.c '#include "ring/ring.h"'
	fault "ublk includes tools" 'may not include tools/' arrows_point_down ublk/dev.c "#include \"$(echo tools/*.h | cut -d' ' -f1)\""
	fault "a library includes the freestanding half" 'may not include uapi/rt/free/start.h' arrows_point_down ring/setup.c '#include "uapi/rt/free/start.h"'
	fault "an include that is not from the root" 'no path from the root' arrows_point_down ring/setup.c '#include "ring.h"'
	fault "a header of libc" 'stdio.h' no_libc_header dm/control.c '  #  include <stdio.h>'
	fault "assembly" 'uapi/arch/ only' assembly_has_its_place ring/queue.c '	__asm__ volatile("mfence" : : : "memory");'
	fault "a system call" 'sys.h only' calls_have_their_place ublk/dev.c '	arch_syscall3(__NR_write, 1, 2, 3);'
	fault "a target in the core" 'names a target' core_names_no_target ublk/dev.c 'extern const struct tgt_type ram_target;'
	fault "a feature that is used and not told" '^< UBLK_F_BUF_REG_OFF_DAEMON' flags_are_told ublk/dev.c '	flags |= UBLK_F_BUF_REG_OFF_DAEMON;'
	sed -i '/^SUITE(rt_str)/d' selftests/suites.h
	caught "tests that do not run" 'rt_str is not in' suites_are_listed
	fault "malloc" 'no heap' no_allocation ublk/dev.c '	void *p = malloc(3);'
}

if [ "${1-}" = --self-test ]; then self_test; else run "$root"; fi
finish
