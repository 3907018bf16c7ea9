#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Do the machine's instructions hold the barriers that ring/barrier.h names, at
# the places that it names? No emulator here reorders memory, so that no test
# that runs would miss one. What is looked at: every inline function, compiled
# out of line, and the objects of the library.
#
# usage: barriers.sh [--self-test] BUILD_DIR      CC=, ARCH=, CROSS_COMPILE= as for that build
#
# x86-64 orders loads and stores by itself: there an acquire and a release are
# plain instructions, and only full barriers can be seen.

. "$(dirname "$0")/lib.sh"

# A row per inline function that has one of the barriers, or must have none: how
# many acquire loads, release stores, and stores kept before a later load by a
# full barrier; and C that uses it. A sequentially consistent store and load are
# a release, a full and an acquire.
inline_table() {
	cat <<-'E'
	ring_load_acquire        1 0 0  return ring_load_acquire(word);
	ring_store_release       0 1 0  ring_store_release(word, n);
	ring_store_release_u16   0 1 0  ring_store_release_u16(half, (u16)n);
	ring_store_then_load     1 1 1  return ring_store_then_load(word, n, other);
	ring_load_relaxed        0 0 0  return ring_load_relaxed(word);
	ring_store_relaxed       0 0 0  ring_store_relaxed(word, n);
	ring_get_sqe             1 0 0  return !!ring_get_sqe(r);
	ring_sq_ready            1 0 0  return ring_sq_ready(r);
	ring_cq_ready            1 0 0  return ring_cq_ready(r);
	ring_cq_has_overflow     0 0 0  return ring_cq_has_overflow(r);
	ring_cq_needs_enter      0 0 0  return ring_cq_needs_enter(r);
	ring_peek_cqe            1 0 0  return (u32)ring_peek_cqe(r)->res;
	ring_for_each_cqe        1 0 0  ring_for_each_cqe(r, n, cqe) *word += (u32)cqe->res;
	ring_cq_advance          0 1 0  ring_cq_advance(r, n);
	ring_cq_advance_to       0 1 0  ring_cq_advance_to(r, n);
	ring_peek_cqe_mixed      1 1 0  return (u32)ring_peek_cqe_mixed(r)->res;
	ring_for_each_cqe_mixed  1 0 0  ring_for_each_cqe_mixed(r, n, cqe) *word += (u32)cqe->res;
	ring_buf_ring_advance    0 1 0  ring_buf_ring_advance(br, (u16)n);
	E
}

# The library's objects, each as a whole, since a compiler joins functions: at
# least so many; and the functions that they are for.
library_table() {
	cat <<-'E'
	queue.o    1 0 0  submit_rest
	special.o  1 1 1  enter_sqpoll
	wait.o     1 0 0  ring_enter
	mixed.o    1 0 0  has_room
	eventfd.o  1 1 1  ring_eventfd_toggle
	trace.o    1 0 0  ring_trace_completions
	guard.o    1 1 0  ring_guard_lock ring_guard_unlock
	E
}

inline_source() {
	local name acquires releases fulls code
	local prototype='u32 at_%s(struct ring *r, u32 *word, u32 *other, u16 *half, u32 n, struct io_uring_buf_ring *br)'
	printf '#include "ring/%s"\n' buf_ring.h mixed.h ring.h
	while read -r name acquires releases fulls code; do
		printf "$prototype;\n$prototype\n{\n" "$name" "$name"
		printf '\tstruct io_uring_cqe *cqe = NULL;\n\n'
		printf '\t(void)r, (void)word, (void)other, (void)half, (void)n, (void)br, (void)cqe;\n\t%s\n' "$code"
		[[ $code == return* ]] || printf '\treturn 0;\n'
		printf '}\n'
	done < <(inline_table)
}

compile_inlines() {
	inline_source > "$tmp/inlines.c" && eval "$cc $flags -O2 -c -o $tmp/inlines.o $tmp/inlines.c"
}

# counts < disassembly: lines of FUNCTION ACQUIRES RELEASES FULLS
#
# An acquire is ldar; or a load and, before anything else touches memory or
# branches, a fence that keeps what follows behind loads. A release is stlr; or
# such a fence for a store, then the store. What reads and writes at once says
# in its name which of them it is. Full is a store that a later load cannot
# pass: both of the kind that keeps its order (stlr and ldar, but not ldapr), or
# a fence between that says so, or on x86-64 a locked instruction.
counts() {
	awk -v arch="$arch" '
	function flush() { if (fn != "") print fn, acq + 0, rel + 0, full + 0 }
	function fence(pred, succ) {
		if (pred == "") pred = succ = "iorw"
		keeps_loads = pred ~ /r/ && succ ~ /r/ && succ ~ /w/
		keeps_store = pred ~ /r/ && pred ~ /w/ && succ ~ /w/
		if (loaded && keeps_loads) acq++
		if (stored && pred ~ /w/ && succ ~ /r/) ordered = 1
		before_store = keeps_store
		loaded = 0
	}
	function load() {
		if (ordered) full++
		stored = ordered = before_store = 0
		loaded = 1
	}
	function store() {
		if (before_store) rel++
		stored = 1
		ordered = before_store = loaded = 0
	}
	/^[0-9a-f]+ <\.L.*>:$/ { next } # of debugging information
	/^[0-9a-f]+ <.*>:$/ {
		flush()
		fn = $2
		gsub(/[<>:]/, "", fn)
		acq = rel = full = loaded = stored = ordered = before_store = 0
		next
	}
	!sub(/^ *[0-9a-f]+:[ \t]*/, "") { next }
	{ op = $1; args = $2 }
	arch == "x86_64" {
		if (op ~ /^(lock|mfence)$/ || (op ~ /^xchg/ && /\(/)) full++
	}
	arch == "aarch64" {
		if (op ~ /^stlxr/) rel++
		else if (op ~ /^ldaxr/) acq++
		else if (op ~ /^stlr/) { rel++; stored = 1 }
		else if (op ~ /^ldar/) { acq++; if (stored) full++; stored = 0 }
		else if (op ~ /^ldapr/) acq++
		else if (op == "dmb" && args == "ish") full++
	}
	arch == "riscv64" {
		if (op == "fence") { split(args, part, ","); fence(part[1], part[2]) }
		else if (op ~ /^(amo|lr|sc)/) {
			if (op ~ /^amo/) store()
			if (op ~ /\.aq/) { acq++; ordered = stored }
			if (op ~ /\.(aq)?rl/) rel++
		}
		else if (op ~ /^(c\.)?(lb|lbu|lh|lhu|lw|lwu|ld|lwsp|ldsp)$/) load()
		else if (op ~ /^(c\.)?(sb|sh|sw|sd|swsp|sdsp)$/) store()
		else if (op ~ /^(c\.)?(b|j)/) loaded = before_store = 0
	}
	END { flush() }'
}

disassemble() { "${CROSS_COMPILE-}objdump" -d --no-show-raw-insn "$1"; }

# holds LISTING FUNCTION ACQUIRES RELEASES FULLS: those numbers, over all parts
# that the compiler has made of the function. At least those, for all functions
# (any) and on riscv64, where the fence of one may serve another.
holds() {
	local file=$1 name=$2
	shift 2
	counts < "$file" | awk -v name="$name" -v want="$*" -v arch="$arch" '
		name == "any" || $1 == name || index($1, name ".") == 1 {
			found = 1
			for (i = 1; i <= 3; i++)
				got[i] += $(i + 1)
		}
		END {
			if (!found) { print "there is no " name "()"; exit 1 }
			split("acquire release full", word, " ")
			split(want, n, " ")
			at_least = name == "any" || arch == "riscv64"
			for (i = arch == "x86_64" ? 3 : 1; i <= 3; i++) {
				if (got[i] == n[i] || (at_least && got[i] > n[i]))
					continue
				printf "%s has %d of the kind %s, not %d\n", name, got[i], word[i], n[i]
				bad = 1
			}
			exit bad
		}'
}

inlines_hold() {
	local name acquires releases fulls code bad=0
	compile_inlines && disassemble "$tmp/inlines.o" > "$tmp/listing" || return
	while read -r name acquires releases fulls code; do
		holds "$tmp/listing" "at_$name" "$acquires" "$releases" "$fulls" || bad=1
	done < <(inline_table)
	return $bad
}

library_holds() { # library_holds LIBRARY
	local object acquires releases fulls functions bad=0
	while read -r object acquires releases fulls functions; do
		(cd "$tmp" && "${CROSS_COMPILE-}ar" x "$1" "$object") && disassemble "$tmp/$object" > "$tmp/listing" &&
			holds "$tmp/listing" any "$acquires" "$releases" "$fulls" ||
			{ echo "in $object, $functions"; bad=1; }
	done < <(library_table)
	return $bad
}

# places: functions and macros of ring/ that name an ordered access
places() {
	awk '
		FNR == 1 { fn = "" }
		/^#define [a-z_]+\(/ { fn = $2; sub(/\(.*/, "", fn) }
		/^[a-z].*[a-z0-9_]+\(/ {
			fn = $0
			gsub(/__attribute__\(\([^)]*\)\)/, "", fn)
			sub(/\(.*/, "", fn)
			sub(/.*[ *]/, "", fn)
		}
		/ring_(load_acquire|store_release|store_release_u16|store_then_load)\(|__atomic_/ && fn !~ /^ring_(load|store)_/ { print fn }
	' ring/*.h ring/*.c | sort -u
}

all_places_have_a_row() {
	inline_table | awk '{ print $1 }' > "$tmp/rows"
	library_table | awk '{ for (i = 5; i <= NF; i++) print $i }' >> "$tmp/rows"
	[ -n "$(places)" ] || { echo "no place was found at all"; return 1; }
	if places | grep -vxFf "$tmp/rows"; then
		echo "the above have a barrier, but no row in $0"
		return 1
	fi
}

build_with() { # what the libraries were built with
	arch=$(make -s print-ARCH)
	cc=$(make -s print-CC)
	flags=$(make -s print-FREE_FLAGS)
}

run() {
	check "inline functions hold their barriers, and no other" inlines_hold
	check "the library's functions do" library_holds "$dir/libring.a"
	check "each function with a barrier has a row" all_places_have_a_row
}

# fault NAME COMPLAINT CHECK...: in a copy of ring/ that has just been broken
fault() {
	! diff -rq "$root/ring" ring > /dev/null || { echo "the fault could not be made: $1"; exit 2; }
	caught "$@"
	cp "$root"/ring/*.[ch] ring/
}

# weaken FUNCTION FROM TO: another order in one function of barrier.h
weaken() { sed -i "/\b$1(/,/^}/ s/__ATOMIC_$2/__ATOMIC_$3/" ring/barrier.h; }

built_library_holds() { make -s O="$tmp/o" "$tmp/o/libring.a" && library_holds "$tmp/o/libring.a"; }

orders_faults() { # for machines on which loads and stores have an order to lose
	weaken ring_load_acquire ACQUIRE RELAXED
	fault "acquire loads that are relaxed" 'ring_load_acquire has 0 of the kind acquire' inlines_hold
	weaken ring_store_release RELEASE RELAXED
	fault "release stores that are relaxed" 'ring_store_release has 0 of the kind release' inlines_hold
	weaken ring_store_release_u16 RELEASE RELAXED
	fault "release stores of 16 bits that are relaxed" 'ring_store_release_u16 has 0 of the kind release' inlines_hold
	sed -i '/ring_peek_cqe(const/,/^}/ s/ring_load_acquire/ring_load_relaxed/' ring/ring.h
	fault "an inline function that forgets its barrier" 'at_ring_peek_cqe has 0 of the kind acquire' inlines_hold
	sed -i 's/ring_load_acquire/ring_load_relaxed/' ring/queue.c
	fault "a function of the library that forgets its barrier" 'in queue.o' built_library_holds
	sed -i 's/__ATOMIC_RELEASE/__ATOMIC_RELAXED/' ring/guard.c
	fault "a lock that is given back without a release" 'in guard.o' built_library_holds
	[ "$arch" = aarch64 ] || return
	weaken ring_load_relaxed RELAXED SEQ_CST
	fault "a relaxed load that costs a barrier" 'ring_load_relaxed has 1 of the kind acquire' inlines_hold
}

self_test() {
	copy_tree "$tmp/tree" && cd "$tmp/tree" || exit 2
	[ "$arch" = x86_64 ] || orders_faults
	weaken ring_store_then_load SEQ_CST RELAXED
	fault "a store that a later load may pass" 'ring_store_then_load has 0 of the kind full' inlines_hold
	if [ "$arch" = x86_64 ]; then # elsewhere the load alone is enough
		sed -i '/__atomic_store_n/ s/__ATOMIC_SEQ_CST/__ATOMIC_RELEASE/' ring/barrier.h
		fault "the same, the store being a release" 'ring_store_then_load has 0 of the kind full' inlines_hold
	fi
	sed -i 's/ring_store_then_load(r->sq.ktail, r->sq.sqe_tail, r->kflags)/(ring_store_relaxed(r->sq.ktail, r->sq.sqe_tail), ring_load_relaxed(r->kflags))/' ring/special.c
	fault "a thread that submits and is not looked at behind a barrier" 'any has 0 of the kind full' built_library_holds
	printf 'static inline u32 ring_new_place(struct ring *r)\n{\n\treturn ring_load_acquire(r->cq.ktail);\n}\n' >> ring/prep.h
	fault "a place that nobody has listed" '^ring_new_place$' all_places_have_a_row
}

self=
[ "${1-}" != --self-test ] || { self=y; shift; }
dir=${1:?usage: barriers.sh [--self-test] BUILD_DIR}
cd "$root" || exit 2
dir=$(cd "$dir" && pwd) || exit 2
build_with
if [ -n "$self" ]; then self_test; else run; fi
finish
