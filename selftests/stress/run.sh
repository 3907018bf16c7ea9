#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Threads on one ring: not one completion lost or doubled. With tsan also: no
# data race, neither between the threads nor, by a simulated one, with the kernel.
#
# usage: run.sh [--self-test] BUILD_DIR plain|tsan [SECONDS]     seconds per mode

. "$(dirname "$0")/../build/lib.sh"
cd "$root" || exit 2

build() { quietly make -s -j2 O="$dir" WERROR=1 "$dir/stress/$kind/threads"; }

# The runtime of gcc 12 does not know memory maps as random as newer kernels make them.
stress() { # stress MODE SECONDS
	TSAN_OPTIONS='halt_on_error=1 second_deadlock_stack=1' setarch "$(uname -m)" -R \
		timeout -k 5 $(($2 + 60)) "$dir/stress/$kind/threads" "$@"
}

mode() { # mode NAME: a result, which may be a skip
	local rc=0
	stress "$1" "$seconds" > "$tmp/.out" 2>&1 || rc=$?
	if [ $rc = 4 ]; then
		skip "$1" "$(tail -n 1 "$tmp/.out")"
	else
		sed 's/^/# /' "$tmp/.out" | tail -n 1
		result $rc "$1, $seconds s"
	fi
}

run() {
	local name
	check "the program builds" build
	for name in $("$dir/stress/$kind/threads" --list); do
		mode "$name"
	done
}

broken() { # broken MODE: built again, it must notice what has just been broken
	! diff -rq "$root/ring" ring > /dev/null || { echo "the fault could not be made"; return 0; }
	build && stress "$1" 10
}

# fault NAME COMPLAINT MODE: ring/ is whole again afterwards
fault() {
	caught "$1" "$2" broken "$3"
	cp "$root"/ring/*.[ch] ring/
}

weaken() { sed -i "/\b$1(/,/^}/ s/__ATOMIC_$2/__ATOMIC_RELAXED/" ring/barrier.h; }

faults_tsan() {
	weaken ring_load_acquire ACQUIRE
	fault "loads that are no acquires" 'data race' simulated
	weaken ring_store_release RELEASE
	fault "stores that are no releases" 'data race' simulated
	weaken ring_store_then_load SEQ_CST
	fault "a tail that does not publish the entries" 'data race' simulated
	sed -i '/^static int wait(/,/^}/ s/^\tfor (;;) {/\tr->sq.sqe_tail += nr > 1000000;\n&/' ring/wait.c
	fault "the side that reaps writes what the other one reads" 'data race' two-threads
	sed -i '/^void ring_guard_lock/,/^}/ s/__ATOMIC_ACQUIRE/__ATOMIC_RELAXED/' ring/guard.c
	fault "a lock that does not order what it guards" 'data race' guard
}

faults_plain() {
	sed -i '/ring_cq_advance(struct/,/^}/ s/khead + nr/khead + nr + (nr == 5)/' ring/ring.h
	fault "a completion that is lost" 'not so|stuck' two-threads
	sed -i '/ring_cq_advance(struct/,/^}/ s/khead + nr/khead + nr - (nr == 5)/' ring/ring.h
	fault "a completion that comes twice" 'not so' two-threads
	sed -i 's/if (kflags & IORING_SQ_NEED_WAKEUP)/if (want == 7 \&\& kflags)/' ring/special.c
	fault "a thread that is not woken" 'stuck' sqpoll
}

self_test() {
	copy_tree "$tmp/tree" && cd "$tmp/tree" && dir=$tmp/tree/o || exit 2
	export CFLAGS_EXTRA=-DSTUCK_MS=2000
	"faults_$kind"
}

self=
[ "${1-}" != --self-test ] || { self=y; shift; }
dir=${1:?usage: run.sh [--self-test] BUILD_DIR plain|tsan [SECONDS]}
kind=${2:?usage: run.sh [--self-test] BUILD_DIR plain|tsan [SECONDS]}
seconds=${3:-3}
if [ -n "$self" ]; then self_test; else run; fi
finish
