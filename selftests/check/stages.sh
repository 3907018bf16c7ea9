# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # variables of check.sh
# shellcheck disable=SC2317 # functions that a table names
#
# What is run, and when. A row: name, the stages it comes after, seconds that it
# may take, what it takes of the machine (see schedule.sh), the name under which
# skips.allow knows it, and a function of this file with its arguments. What can
# begin does so in the order of the table: long stages are better before short ones,
# so that no processor is idle in the end.

kernels_check="7.3 6.12 6.18"
kernels_ring="6.1 6.12 7.3"
kernels_dm="7.3 6.1"
kernels_long="6.12 6.16 6.17 6.18 6.19 7.0 7.1 7.2 7.3"
kernels_dm_long="7.3 6.12 6.1"

table_builds() {
	cat <<-'E'
	fetch-headers     -                      300 1 host      fetch headers
	build-clang       -                      300 1 host      build clang
	build-aarch64     -                      300 1 host      build aarch64
	build-riscv64     -                      300 1 host      build riscv64
	build-ubsan       -                      300 1 host      build ubsan gcc
	build-hosted      -                      300 1 host      build hosted gcc
	build-nostdinc    fetch-headers          300 1 host      nostdinc
	E
}

table_host() {
	cat <<-'E'
	host-gcc          build-gcc              300 1 host      run_tests gcc
	host-asan         build-hosted           600 1 host-asan run_tests gcc/hosted
	house             build-gcc,build-clang,build-aarch64,build-riscv64 600 1 host house
	E
}

table_host_rest() {
	cat <<-'E'
	uapi              fetch-headers          600 1 host      uapi
	host-ubsan        build-ubsan            600 1 host      run_tests ubsan-gcc
	host-clang        build-clang            300 1 host      run_tests clang
	prep              fetch-headers          300 1 host      prep
	instructions      build-gcc,fetch-headers 300 1 host     instructions
	moved             -                      600 1 host      moved gcc
	qemu-aarch64      build-aarch64          300 1 qemu-user run_user aarch64
	qemu-riscv64      build-riscv64          300 1 qemu-user run_user riscv64
	barriers          build-gcc,build-clang,build-aarch64,build-riscv64 600 1 host barriers
	parser            -                       60 1 host      parser
	E
}

# What one compiler has shown in the shorter table is shown by the other here
table_host_long() {
	cat <<-'E'
	build-ubsan-clang  -                     600 1 host      build ubsan clang
	build-hosted-clang -                     600 1 host      build hosted clang
	moved-clang        -                     900 1 host      moved clang
	moved-faults       -                     900 1 host      moved_faults
	host-ubsan-clang   build-ubsan-clang     600 1 host      run_tests ubsan-clang
	host-asan-clang    build-hosted-clang    600 1 host-asan run_tests clang/hosted
	E
}

# Machines first, one after another, and all else beside them
table_check() {
	local kernel
	echo "build-gcc - 300 1 host build gcc"
	for kernel in $kernels_check; do
		echo "core-$kernel build-gcc 2400 vm $kernel device_part core $kernel"
	done
	for kernel in $kernels_ring; do
		echo "ring-$kernel build-gcc 1800 vm $kernel ring $kernel"
	done
	for kernel in $kernels_check; do
		echo "life-$kernel build-gcc 2400 vm $kernel device_part life $kernel"
	done
	echo "guard-7.3 build-gcc 900 vm 7.3 guard"
	for kernel in 7.3 6.12; do
		echo "use-$kernel build-gcc 2400 vm $kernel device_part use $kernel"
	done
	echo "data-7.3 build-gcc 2400 vm 7.3 device_part data 7.3"
	table_builds
	table_host
	for kernel in $kernels_dm; do
		echo "dm-$kernel build-gcc 1800 1 $kernel dm $kernel"
	done
	echo "lint - 900 1 host lint short"
	echo "fuzz - 600 1 host fuzz 10"
	table_host_rest
	echo "threads - 600 1 host threads 2"
}

# For pace.sh
typical() {
	cat <<-'E'
	core-7.3       700
	core-6.12      700
	core-6.18      150
	life-7.3       700
	life-6.12      350
	life-6.18      130
	use-7.3        730
	use-6.12       190
	data-7.3       1250
	guard-7.3      60
	ring-6.1       86
	ring-6.12      70
	ring-7.3       76
	dm-7.3         330
	dm-6.1         370
	build-gcc      50
	build-clang    50
	build-aarch64  110
	build-riscv64  110
	build-ubsan    60
	build-hosted   60
	build-nostdinc 100
	host-gcc       95
	host-asan      80
	house          81
	uapi           153
	host-ubsan     90
	host-clang     86
	prep           17
	instructions   39
	moved          160
	qemu-aarch64   33
	qemu-riscv64   27
	barriers       22
	parser         8
	lint           249
	fuzz           135
	threads        51
	E
}

table_long() {
	local kernel
	echo "build-gcc - 300 1 host build gcc"
	table_builds
	table_host
	table_host_rest
	table_host_long
	echo "threads - 3600 9 host threads 120"
	echo "nests build-hosted 1800 1 host nests 600"
	echo "queues - 1800 1 host queues"
	echo "mirror build-gcc 3600 9 host mirror 50"
	echo "lint - 1800 1 host lint all"
	echo "fuzz - 3600 1 host fuzz 600"
	echo "lab - 3600 9 host lab"
	echo "virtme build-gcc 1800 9 virtme virtme"
	for kernel in 6.1 $kernels_long; do
		echo "ring-$kernel build-gcc 3600 9 $kernel ring $kernel"
	done
	for kernel in $kernels_long; do
		echo "device-$kernel build-gcc 14400 9 $kernel device $kernel --long"
		echo "matrix-$kernel build-gcc 14400 9 $kernel matrix $kernel"
	done
	for kernel in $kernels_dm_long; do
		echo "dm-$kernel build-gcc 7200 1 $kernel dm $kernel --long"
		echo "dm-bench-$kernel build-gcc 900 9 $kernel dm_bench $kernel"
	done
}

# A part of a stage: its results, one level deeper
nr_parts=0
nr_bad=0
part() { # part NAME CMD...
	local name=$1 rc=0
	shift
	echo "  # Subtest: $name"
	"$@" 2>&1 | sed 's/^/  /' || rc=$?
	one "$rc" "$name"
}

one() { # one STATUS NAME
	nr_parts=$((nr_parts + 1))
	if [ "$1" = 0 ] || [ "$1" = 4 ]; then
		echo "ok $nr_parts - $2"
	else
		nr_bad=1
		echo "not ok $nr_parts - $2"
	fi
}

parts_end() {
	echo "1..$nr_parts"
	return $nr_bad
}

# silently NAME CMD...: must succeed, and print nothing: a warning is a failure
silently() {
	local name=$1 said rc=0
	shift
	said=$("$@" 2>&1) || rc=1
	[ -z "$said" ] || { echo "${said//$'\n'/$'\n# '}" | sed '1s/^/# /'; rc=1; }
	one "$rc" "$name"
}

obj=$root/build/check
quiet_make() { make --no-print-directory -s -j2 WERROR=1 "$@"; }

build() {
	local arch
	case $1 in
	gcc) silently "gcc" quiet_make O="$obj/gcc" all selftests examples ;;
	clang) silently "clang" quiet_make O="$obj/clang" CC=clang all selftests examples ;;
	ubsan)
		silently "$2, undefined behaviour traps" quiet_make O="$obj/ubsan-$2" UBSAN=1 CC="$2" all selftests
		;;
	hosted) silently "$2, glibc, sanitizers" quiet_make O="$obj/$2" CC="$2" hosted ;;
	*)
		arch=$1
		silently "gcc for $arch" quiet_make O="$obj/$arch" ARCH="$arch" CROSS_COMPILE="$arch-linux-gnu-" all selftests
		silently "clang and lld for $arch" quiet_make O="$obj/clang-$arch" CC=clang ARCH="$arch" \
			CROSS_COMPILE="$arch-linux-gnu-" all selftests
		;;
	esac
	parts_end
}

fetch() {
	"$here/vm/fetch.sh" headers > "$out/headers"
	one $? "the newest kernel headers of Debian"
	"$here/vm/fetch.sh" liburing > "$out/liburing"
	one $? "the newest liburing of Debian"
	parts_end
}

nostdinc() {
	local headers cc
	headers=$(cat "$out/headers") || exit
	for cc in gcc clang; do
		CC=$cc part "$cc" "$here/build/nostdinc.sh" "$headers"
	done
	part "faults" "$here/build/nostdinc.sh" --self-test "$headers"
	parts_end
}

house() {
	local check dir
	export BAREBLK=$obj/gcc/bareblk
	for check in layers text help docs program dm_size probe examples target; do
		part "$check" "$here/build/$check.sh" "$obj/gcc"
		part "$check, faults" "$here/build/$check.sh" --self-test "$obj/gcc"
	done
	for dir in gcc clang aarch64 riscv64; do
		tools=''
		case $dir in aarch64 | riscv64) tools=$dir-linux-gnu- ;; esac
		NM=${tools}nm READELF=${tools}readelf part "symbols, $dir" "$here/build/symbols.sh" "$obj/$dir"
		"$here/check-mem-selfcall.sh" --objdump="${tools}objdump" "$obj/$dir/bareblk.debug" "$obj/$dir/bareblk-selftests"
		one $? "no memcpy calls itself, $dir"
	done
	part "symbols, faults" "$here/build/symbols.sh" --self-test "$obj/gcc"
	mem_faults
	for check in gcc clang; do
		CC=$check part "headers, $check" "$here/build/headers.sh"
	done
	part "headers, faults" "$here/build/headers.sh" --self-test
	O=$obj/gcc part "install" "$here/build/install.sh"
	O=$obj/gcc part "install, faults" "$here/build/install.sh" --self-test
	parts_end
}

# Both compilers' code for each machine; faults with one of them
barriers() {
	local arch
	part "barriers, x86_64" "$here/build/barriers.sh" "$obj/gcc"
	CC=clang part "barriers, x86_64, clang" "$here/build/barriers.sh" "$obj/clang"
	part "barriers, x86_64, faults" "$here/build/barriers.sh" --self-test "$obj/gcc"
	for arch in aarch64 riscv64; do
		export ARCH=$arch CROSS_COMPILE=$arch-linux-gnu-
		part "barriers, $arch" "$here/build/barriers.sh" "$obj/$arch"
		CC=clang part "barriers, $arch, clang" "$here/build/barriers.sh" "$obj/clang-$arch"
		part "barriers, $arch, faults" "$here/build/barriers.sh" --self-test "$obj/$arch"
		unset ARCH CROSS_COMPILE
	done
	parts_end
}

# A memcpy that gcc turns into a call of itself has to be noticed.
mem_faults() {
	local dir=$obj/selfcall
	mkdir -p "$dir"
	echo 'void *memcpy(char *d, const char *s, unsigned long n) { for (; n; n--) *d++ = *s++; return d; }' |
		gcc -w -O2 -fno-builtin -ftree-loop-distribute-patterns -x c -c -o "$dir/mem.o" - || { one 1 "a fault is made"; return; }
	! "$here/check-mem-selfcall.sh" "$dir/mem.o" > "$dir/said" 2>&1
	one $? "caught: a memcpy that calls itself"
}

# Builds somewhere else, and builds again
moved() { # moved COMPILER
	CC=$1 part "reproduce, $1" "$here/build/reproduce.sh"
	[ "$1" != gcc ] || part "track" "$here/build/track.sh"
	parts_end
}

moved_faults() {
	local check
	for check in reproduce track; do
		part "$check, faults" "$here/build/$check.sh" --self-test
	done
	parts_end
}

parser() {
	part "stages" "$here/check/selftest.sh"
	part "matrix" "$here/device/matrix_test.sh"
	part "groups" "$here/device/run_test.sh"
	parts_end
}

# A time limit is there for what hangs, not for what is slow: all of the machine may
# have other things to do. The tests' limits are multiplied, and those of the stages.
patience=--timeout-scale=10
# shellcheck disable=SC2034 # of schedule.sh
stage_patience=3

# suites PROGRAM OPTIONS_OF_GREP...: as options. Those of devices run on real
# kernels, in the stages for these.
suites() {
	local program=$1
	shift
	"$program" --list | sed 's/:.*//' | uniq | grep "$@" | sed 's/^/--suite=/'
}

mirror() { # mirror SEEDS: each copies 256 MiB under writes from two queues
	SEEDS=$1 part mirror "$obj/gcc/bareblk-selftests" --timeout-scale=40 --suite=targets_mirror_threads
	parts_end
}

run_tests() {
	local dir wanted
	for dir; do
		mapfile -t wanted < <(suites "$obj/$dir/bareblk-selftests" -v '^device_')
		ASAN_OPTIONS=detect_leaks=0 part "$dir" "$obj/$dir/bareblk-selftests" $patience "${wanted[@]}"
	done
	parts_end
}

# nests SECONDS: every target over every target with seeds that no run had before
nests() {
	local end=$((SECONDS + $1)) nr=0 rc=0 said=''
	while [ "$rc" = 0 ] && [ $SECONDS -lt "$end" ]; do
		said=$(ASAN_OPTIONS=detect_leaks=0 "$obj/gcc/hosted/bareblk-selftests" \
			$patience --suite=targets_nests 2>&1) || rc=1
		nr=$((nr + 1))
	done
	[ "$rc" = 0 ] || echo "${said//$'\n'/$'\n# '}" | sed '1s/^/# /'
	one "$rc" "every nest of two, $nr times"
	parts_end
}

# The runtime, and all else that asks nothing of the kernel that qemu-user has not
run_user() {
	local dir wanted
	for dir in "$1" "clang-$1"; do
		mapfile -t wanted < <(suites "$obj/gcc/bareblk-selftests" -E '^(rt|harness)_')
		part "$dir" "qemu-$1-static" "$obj/$dir/bareblk-selftests" $patience "${wanted[@]}"
		"qemu-$1-static" "$obj/$dir/bareblk" --version > "$obj/$dir/version"
		one $? "$dir: bareblk --version"
	done
	parts_end
}

uapi() {
	local headers cc
	headers=$(cat "$out/headers") || exit
	for cc in gcc clang; do
		part "the newest headers, $cc" "$here/uapi/compare.sh" "$headers" "$cc"
	done
	part "the newest headers, faults" "$here/uapi/compare.sh" --self-test "$headers"
	PUBLIC=$(make -s print-PUBLIC_HEADERS | tr ' ' '\n' | grep -vE 'list\.h|pthreads\.h')
	export PUBLIC
	part "with other headers" "$here/uapi/embed.sh" "$(cat "$out/liburing")/include:$headers"
	part "with other headers, faults" "$here/uapi/embed.sh" --self-test "$headers"
	parts_end
}

# What the prep helpers write, against liburing's
prep() {
	local headers liburing cc
	headers=$(cat "$out/headers") && liburing=$(cat "$out/liburing")/include || exit
	for cc in gcc clang; do
		part "the bytes of liburing, $cc" "$here/uapi/prep.sh" "$liburing" "$headers" "$cc"
	done
	part "the bytes of liburing, faults" "$here/uapi/prep.sh" --self-test "$liburing" "$headers"
	parts_end
}

# How many a request takes in user space, ours and liburing's; and what measures both
instructions() {
	LIBURING=$(cat "$out/liburing") && LIBURING_UAPI=$(cat "$out/headers") || exit
	export LIBURING LIBURING_UAPI
	part "libring.a" "$here/bench/count.sh" "$obj/bench"
	cmp "$obj/bench/libring.a" "$obj/gcc/libring.a"
	one $? "which is the one that ships"
	part "faults" "$here/bench/count.sh" --self-test "$obj/bench"
	part "the benchmark" "$here/bench/selftest.sh" "$obj/bench"
	parts_end
}

# Several on a ring, for so many seconds in each of their ways
# queues: those of a disk that write to the same places, under ThreadSanitizer
queues() {
	local dir=$obj/tsan
	silently "gcc, glibc, ThreadSanitizer" quiet_make O="$dir" SANITIZE="-fsanitize=thread -g" hosted
	part queues "$dir/hosted/bareblk-selftests" --timeout-scale=40 --suite=targets_threads \
		--suite=targets_zoned_threads --suite=targets_mirror_threads
	parts_end
}

threads() {
	local kind
	for kind in tsan plain; do
		part "$kind" "$here/stress/run.sh" "$obj/threads" "$kind" "$1"
		part "$kind, faults" "$here/stress/run.sh" --self-test "$obj/threads" "$kind"
	done
	parts_end
}

lint() { "$here/lint.sh" "$1"; }

fuzz() {
	local fuzzer said
	said=$(make --no-print-directory -s O="$obj/gcc" fuzzers 2>&1) || { echo "$said"; one 1 "the fuzzers build"; parts_end; return; }
	for fuzzer in "$here"/fuzz/*.c; do
		fuzzer=${fuzzer##*/}
		fuzzer=${fuzzer%.c}
		fuzz_one "$fuzzer" "$1"
	done
	parts_end
}

fuzz_one() { # fuzz_one NAME SECONDS: what it finds stays in build/check/fuzz/NAME/
	local dir=$obj/fuzz/$1
	mkdir -p "$dir/found" "$dir/corpus"
	[ ! -d "$here/fuzz/corpus/$1" ] || set -- "$1" "$2" "$here/fuzz/corpus/$1"
	"$obj/gcc/fuzz/$1" -max_total_time="$2" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
		-artifact_prefix="$dir/found/" "$dir/corpus" ${3+"$3"} > "$dir/log" 2>&1
	one $? "$1, $2 s" > "$dir/result"
	grep -q '^ok' "$dir/result" || tail -n 40 "$dir/log" | sed 's/^/# /'
	cat "$dir/result"
}

# Real kernels: selftests/device/ has the tests
device() { device_into "device-$1" "$@"; }

device_into() { # NAME ARGS...
	local name=$1
	shift
	export BAREBLK=$obj/gcc/bareblk BAREBLK_SELFTESTS=$obj/gcc/bareblk-selftests
	OUT=$out/$name "$here/device/run.sh" "$@"
}

# device_part PART KERNEL: the groups of that part which make check has there. There are several
# so that a machine which has no time for all of them has it for some on each kernel.
device_part() {
	local groups
	mapfile -t groups < <(awk -v part="$1" -v kernel="$2" '
		$4 == part && ($5 == "always" || index("," $5 ",", "," kernel ",")) { print $1 }' "$here/device/groups")
	device_into "$1-$2" "$2" "${groups[@]}"
}

# Each data path with all of its runs; cells that are known of this build are not run again
matrix() { O=$obj/gcc "$here/device/matrix.sh" "$1"; }

# Speed beside the kernel's disks, counted in instructions
guard() {
	mkdir -p "$out/guard-7.3" && OUT=$out/guard-7.3 "$here/bench/guard.sh" "$obj/gcc"
}

# The device mapper beside Debian's dmsetup: selftests/dm/
dm() {
	export BAREBLK=$obj/gcc/bareblk BAREBLK_SELFTESTS=$obj/gcc/bareblk-selftests
	OUT=$out/dm-$1 "$here/dm/run.sh" "$@"
}

dm_bench() {
	export BAREBLK=$obj/gcc/bareblk BAREBLK_SELFTESTS=$obj/gcc/bareblk-selftests
	SMP=2 OUT=$out/dm-bench-$1 "$here/dm/run.sh" "$1" --long bench
}

# The ring on kernels that have less, or more, than this machine's
ring() {
	export BAREBLK=$obj/gcc/bareblk BAREBLK_SELFTESTS=$obj/gcc/bareblk-selftests
	OUT=$out/ring-$1 "$here/ring/run.sh" "$1"
}

lab() { "$here/vm/selftest.sh"; }

# The full kernel, with udev
virtme() {
	export KERNEL=7.3
	FILES="$obj/gcc/bareblk:/opt/bareblk $here/vm/demo-guest.sh:/opt/demo.sh" \
		"$here/vm/virtme.sh" 'modprobe ublk_drv; sh /opt/demo.sh /opt/bareblk' 2>&1 | sed 's/^/# /'
	one $? "a disk is formatted, mounted and deleted under virtme-ng"
	FILES="$obj/gcc/bareblk-selftests:/opt/selftests" part "the library's tests under virtme-ng" \
		"$here/vm/virtme.sh" 'modprobe ublk_drv; /opt/selftests --timeout-scale=4 --suite device_library'
	parts_end
}
