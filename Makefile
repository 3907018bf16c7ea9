# SPDX-License-Identifier: MIT
# The only build system. A new .c file in a folder below is built without a word here.

VERSION := 0.1.0

# Said on the command line or in the environment: CC, CROSS_COMPILE, ARCH, O,
# CFLAGS_EXTRA, PREFIX, DESTDIR, and 1 for V, WERROR and UBSAN; DM= leaves the device
# mapper out of the program: no bareblk dm, no dmsetup.
DM := 1
ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc
endif
ifeq ($(origin AR),default)
AR := $(CROSS_COMPILE)ar
endif
SIZE ?= $(CROSS_COMPILE)size

# clang is a cross compiler by itself; it has to be told.
IS_CLANG := $(findstring clang,$(notdir $(firstword $(CC))))
TARGET_FLAGS := $(if $(IS_CLANG),$(if $(CROSS_COMPILE),--target=$(patsubst %-,%,$(notdir $(CROSS_COMPILE)))))

# GNU strip damages what lld has laid out for riscv64.
STRIP ?= $(or $(if $(IS_CLANG),$(shell command -v llvm-strip)),$(CROSS_COMPILE)strip)

HOSTARCH := $(shell uname -m)
ifndef ARCH
ARCH := $(or $(firstword $(subst -, ,$(shell $(CC) $(TARGET_FLAGS) -dumpmachine 2>/dev/null))),$(HOSTARCH))
endif

# Build directory; another architecture gets its own
O ?= build$(if $(filter-out $(HOSTARCH),$(ARCH)),/$(ARCH))

##@ Building

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

# UAPI_HEADERS=DIR builds with no header but the compiler's own and DIR's,
# an unpacked linux-libc-dev's usr/include.
ifdef UAPI_HEADERS
MULTIARCH := $(or $(shell $(CC) $(TARGET_FLAGS) -print-multiarch 2>/dev/null),$(ARCH)-linux-gnu)
HEADER_FLAGS := -nostdinc -isystem $(shell $(CC) $(TARGET_FLAGS) -print-file-name=include) \
	-isystem $(UAPI_HEADERS) -isystem $(UAPI_HEADERS)/$(MULTIARCH)
endif

WARN := -Wall -Wextra -Wshadow -Wundef -Wcast-qual -Wformat=2 -Wmissing-prototypes \
	-Wstrict-prototypes -Wimplicit-fallthrough -Wvla \
	$(if $(IS_CLANG),-Wshorten-64-to-32 -Wmissing-variable-declarations -Wno-unused-command-line-argument,-Wno-psabi) \
	$(if $(WERROR),-Werror)

# Undefined behaviour traps, in the same freestanding program
UBSAN_FLAGS := $(if $(UBSAN),-fsanitize=undefined -fsanitize-undefined-trap-on-error)

COMMON_FLAGS := -std=gnu11 -g -fno-common -ffile-prefix-map=$(CURDIR)=. $(WARN) \
	-DBAREBLK_VERSION='"$(VERSION)"' $(if $(DM),,-DWITHOUT_DM) -I.

# What wants a libc is off: stack protector, unwind tables, outlined atomics. A
# section per function, so that a program gets only those it calls. The libraries
# are -fPIE, so that they link into position-independent programs as well. Tables
# need no more than their natural alignment.
ARCH_FLAGS_x86_64 := -fcf-protection=none $(if $(IS_CLANG),,-malign-data=abi)
ARCH_FLAGS_aarch64 := -mno-outline-atomics
ARCH_FLAGS_riscv64 := -msmall-data-limit=0 $(if $(IS_CLANG),-mno-relax)
FREE_FLAGS := $(COMMON_FLAGS) $(TARGET_FLAGS) -ffreestanding -fvisibility=hidden \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-ident \
	-ffunction-sections -fdata-sections $(ARCH_FLAGS_$(ARCH)) $(HEADER_FLAGS) \
	$(UBSAN_FLAGS) $(CFLAGS_EXTRA)

# The I/O path is built for speed (but for what is COLD in it), what runs once is
# built for size: gcc 12 and clang have a way that goes further than -Os, and what
# gcc is told not to do there costs bytes all the same. For speed, it puts nothing into
# a caller that is not small, and no gaps: these cost bytes and save no instructions.
HOT = ring/queue.c ublk/queue.c ublk/path_%.c ublk/tgt.c $(filter-out $(addprefix ublk/targets/,integrity.c zone% file.c file_lock.c fault% mirror% blocks.c),$(SRC_targets))
HOT += uapi/rt/free/mem%
OPT_HOT := -O2 $(if $(IS_CLANG),,-fno-inline-functions -fno-tree-slp-vectorize -fno-align-functions -fno-align-jumps \
	-fno-align-labels -fno-align-loops)
OPT_DEFAULT := $(shell $(CC) -Oz -E -x c /dev/null -o /dev/null 2>/dev/null && echo -Oz || echo -Os) \
	$(if $(IS_CLANG),,-fno-inline-functions-called-once -fno-move-loop-invariants -fno-jump-tables \
	-fno-caller-saves -fno-tree-reassoc -fno-forward-propagate -fno-expensive-optimizations \
	-fno-tree-loop-optimize -fno-tree-dominator-opts -fno-tree-tail-merge -fno-optimize-sibling-calls \
	$(if $(filter x86_64,$(ARCH)),-mno-sse))

# Of a loop no call to memset() or memcpy() is made where these are made
OPT_FREE := -fno-builtin $(if $(IS_CLANG),,-fno-tree-loop-distribute-patterns)
opt = $(if $(filter uapi/rt/free/%,$(1)),$(OPT_FREE)) $(if $(filter $(HOT),$(1)),$(OPT_HOT),$(OPT_DEFAULT))

# gcc compiles the program as a whole, in which a function that is called once, or always
# with the same, needs less. The libraries are other objects; mem*() is what it calls itself.
LTO := $(if $(IS_CLANG),,$(shell echo | $(CC) -flto -x c -c - -o /dev/null 2>/dev/null && echo -flto=1 -flto-partition=one))
lto = $(if $(filter uapi/rt/free/%,$(1)),,$(LTO))
WHOLE = $(if $(LTO),$(FREE_FLAGS) -fno-pie $(OPT_DEFAULT) $(LTO))

# What is read and executed is one segment, and what is written, if there is any, one
# more, with no gap in the file between them: that is what a page size of 64K comes to.
LDFLAGS := $(TARGET_FLAGS) -nostdlib -Wl,--gc-sections -Wl,--build-id=none \
	-Wl,-z,noexecstack -Wl,-z,noseparate-code -Wl,-z,norelro \
	-Wl,-z,max-page-size=65536 -Wl,-z,common-page-size=65536
LDFLAGS_fixed := -static

# The start code relocates such a program; nothing loads it but the kernel.
LDFLAGS_pie := -static-pie -Wl,--no-dynamic-linker -Wl,-z,text -Wl,--hash-style=gnu
ifneq ($(IS_CLANG),)
LDFLAGS += -fuse-ld=lld -Wl,--no-rosegment
LDFLAGS_pie += -Wl,--pack-dyn-relocs=relr
else
LDFLAGS_fixed += -no-pie
ifeq ($(ARCH),x86_64)
LDFLAGS_pie += -Wl,-z,pack-relative-relocs
endif
endif

src = $(sort $(wildcard $(addsuffix /*.c,$(1))))
obj = $(patsubst %.c,$(O)/$(2)%.o,$(patsubst %.S,$(O)/$(2)%.o,$(1)))

SRC_uapi := $(call src,uapi/rt)
SRC_free := $(call src,uapi/rt/free) uapi/arch/$(ARCH).S
SRC_ring := $(call src,ring)
SRC_ublk := $(call src,ublk)
SRC_targets := $(call src,ublk/targets)
SRC_dm := $(call src,dm)
SRC_text := $(call src,tools/text)
SRC_tools := $(call src,tools tools/host $(if $(DM),tools/dm)) $(SRC_text)
SRC_selftests := $(call src,selftests selftests/harness)
SRC_examples := $(call src,selftests/examples)
SRC_hosted := $(SRC_text) $(SRC_targets) $(SRC_ublk) $(SRC_ring) $(SRC_dm) $(SRC_uapi)
SRC_fuzz := $(call src,selftests/fuzz)
SRC_bench := $(call src,selftests/bench)
SRC_stress := $(call src,selftests/stress)
SRC_shadow := $(call src,selftests/shadow)
SRC_replay := $(call src,selftests/replay)
SRC := $(SRC_hosted) $(SRC_free) $(SRC_tools) $(SRC_selftests) $(SRC_examples) $(SRC_bench) $(SRC_stress) $(SRC_shadow) $(SRC_replay)

# In the order in which a linker wants them
LIBS := $(addprefix $(O)/lib,$(addsuffix .a,ublk-targets ublk ring dm uapi))

Q := $(if $(V),,@)
say = @$(if $(V)$(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS)))),:,printf '  %-5s %s\n' $(1) $(2))

all: $(O)/bareblk $(LIBS) ## the program bareblk and the libraries, into build/

$(O)/libuapi.a: $(call obj,$(SRC_uapi))
$(O)/libring.a: $(call obj,$(SRC_ring))
$(O)/libublk.a: $(call obj,$(SRC_ublk))
$(O)/libublk-targets.a: $(call obj,$(SRC_targets))
$(O)/libdm.a: $(call obj,$(SRC_dm))
$(LIBS): $(O)/.sources
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcsD $@ $(filter %.o,$^)

# The program is at a fixed address: smaller, and it has no page that is written before
# main, nor one that could be. What every run of it goes through, and dm ls, stands
# at the end, beside the texts: a page fault brings in 64 KiB.
FRONT := tools/main.c $(if $(DM),$(addprefix tools/dm/,options.c control.c run.c show.c ls.c)) \
	$(SRC_dm) $(SRC_uapi) $(SRC_free)
SRC_bareblk := $(SRC_targets) $(SRC_ublk) $(SRC_ring) $(filter-out $(FRONT),$(SRC_tools)) $(FRONT)
$(O)/bareblk.debug: $(call obj,$(SRC_bareblk),fixed/) $(O)/.sources
	$(call say,LD,$@)
	$(Q)$(CC) $(WHOLE) $(LDFLAGS) $(LDFLAGS_fixed) -Wl,-Map=$@.map -o $@ $(filter %.o,$^)

# Programs that stand on uapi/rt/free and on the libraries as they ship
EXAMPLES := $(patsubst selftests/%.c,$(O)/%,$(filter %_free.c,$(SRC_examples)))
$(O)/bareblk-selftests: $(call obj,$(SRC_selftests) $(SRC_text))
$(EXAMPLES): $(O)/examples/%: $(O)/selftests/examples/%.o
$(O)/bareblk-selftests $(EXAMPLES): $(call obj,$(SRC_free)) $(LIBS) $(O)/.sources
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) $(LDFLAGS_pie) -o $@ $(filter %.o,$^) $(LIBS)

# What judges a disk from outside, what does again what was recorded below one, and the
# program that ships with targets that go wrong
$(O)/bareblk-shadow: $(call obj,$(SRC_shadow) selftests/oracle.c selftests/blockdev_io.c)
$(O)/bareblk-replay: $(call obj,$(SRC_replay))
$(O)/bareblk-shadow $(O)/bareblk-replay: $(call obj,$(SRC_free)) $(LIBS) $(O)/.sources
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) $(LDFLAGS_pie) -o $@ $(filter %.o,$^) $(LIBS)

SRC_broken := $(filter-out ublk/targets/targets.c,$(SRC_bareblk)) $(wildcard selftests/broken*.c)
$(O)/bareblk-broken: $(call obj,$(SRC_broken),fixed/) $(O)/.sources
	$(call say,LD,$@)
	$(Q)$(CC) $(WHOLE) $(LDFLAGS) $(LDFLAGS_fixed) -Wl,--defsym=tgt_types=broken_types -o $@ $(filter %.o,$^)

# The file that ships; bareblk.debug is the same with symbols
$(O)/bareblk: $(O)/bareblk.debug
	$(call say,STRIP,$@)
	$(Q)$(STRIP) --strip-all -R .comment -R .eh_frame -R .rela.dyn -o $@ $<

$(O)/fixed/%.o: %.c $(O)/.flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(FREE_FLAGS) -fno-pie $(call opt,$<) $(call lto,$<) -MD -MP -c -o $@ $<

$(O)/%.o: %.c $(O)/.flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(FREE_FLAGS) -fPIE $(call opt,$<) -MD -MP -c -o $@ $<

assemble = $(Q)mkdir -p $(@D) && $(CC) $(TARGET_FLAGS) -ffreestanding $(HEADER_FLAGS) -I. -MD -MP -c -o $@ $<

$(O)/fixed/%.o: %.S $(O)/.flags
	$(call say,AS,$<)
	$(assemble)

$(O)/%.o: %.S $(O)/.flags
	$(call say,AS,$<)
	$(assemble)

# A stamp changes only when its text does: when compiler or flags are others,
# everything is built again; when a file came or went, it is linked again.
stamp = @mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(1))' > $@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
$(O)/.flags: FORCE
	$(call stamp,$(shell $(CC) --version | head -n 1) $(CC) $(FREE_FLAGS) $(LDFLAGS) $(OPT_HOT) $(OPT_DEFAULT) $(LTO))
$(O)/.sources: FORCE
	$(call stamp,$(SRC))
FORCE:

examples: $(EXAMPLES) ## the programs of selftests/examples/ that need no libc

size: all ## sizes in bytes of the program that ships and of each library
	@$(SIZE) -t $(O)/bareblk | awk '$$NF == "(TOTALS)" {t = $$1; d = $$2; b = $$3} \
		END {printf "%-20s %8s %8s %8s %8s\n%-20s %8d %8d %8d ", "", "text", "data", "bss", "file", "bareblk", t, d, b}'
	@wc -c < $(O)/bareblk | awk '{printf "%8d\n", $$1}'
	@for lib in $(LIBS); do $(SIZE) -t $$lib | \
		awk -v n=$${lib##*/} '$$NF == "(TOTALS)" {printf "%-20s %8d %8d %8d\n", n, $$1, $$2, $$3}'; done

clean: ## removes what was built, results of tests included
	rm -rf $(O)

##@ Installing (PREFIX=/usr/local, DESTDIR=, SBINDIR, LIBDIR, INCLUDEDIR, MANDIR, UDEVDIR, UNITDIR, DMSETUP=1 for dmsetup and dmstats)

PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
UDEVDIR ?= $(PREFIX)/lib/udev/rules.d
UNITDIR ?= $(PREFIX)/lib/systemd/system
INSTALL ?= install

# The public headers include each other by their paths from here, so they stay so.
PUBLIC_HEADERS := $(addprefix uapi/,types.h io_uring.h ublk_cmd.h dm-ioctl.h) \
	$(sort $(filter-out %/internal.h,$(wildcard uapi/rt/*.h ring/*.h))) \
	$(wildcard $(addprefix ublk/,ctrl.h deadline.h dev.h disk.h error.h loops.h pi.h pthreads.h queue.h shmem.h stats.h talk.h tgt.h turns.h)) \
	$(sort $(wildcard ublk/targets/*.h)) $(sort $(filter-out %/ioctl.h,$(wildcard dm/*.h)))
MAN_PAGES := $(sort $(wildcard man/*.[1-8]))
UDEV_RULE := udev/59-bareblk-ublk.rules
UNIT := systemd/bareblk@.service
PACKAGES := uapi ring ublk targets dm

PC_LIB_targets := ublk-targets
PC_NEEDS_ring := bareblk-uapi
PC_NEEDS_ublk := bareblk-ring
PC_NEEDS_targets := bareblk-ublk
PC_NEEDS_dm := bareblk-uapi
PC_TEXT_uapi := types, kernel interfaces and small helpers
PC_TEXT_ring := io_uring without liburing
PC_TEXT_ublk := userspace block devices (ublk)
PC_TEXT_targets := targets: what serves the blocks of a device
PC_TEXT_dm := the device mapper without libdevmapper

# In the place of the distribution's own, so only on request
DM_LINKS := dmsetup dmstats

install_into = @$(INSTALL) -d '$(DESTDIR)$(2)' && $(INSTALL) -m $(1) $(3) '$(DESTDIR)$(2)/'
pc_edit = -e 's|@PACKAGE@|$(1)|' -e 's|@LIB@|$(or $(PC_LIB_$(1)),$(1))|' -e 's|@VERSION@|$(VERSION)|' \
	-e 's|@TEXT@|$(PC_TEXT_$(1))|' -e 's|@NEEDS@|$(PC_NEEDS_$(1))|' -e '/^Requires: *$$/d' \
	-e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|'

install: all ## program, headers, libraries, pkg-config files, man pages, udev rule and systemd unit
	$(call install_into,755,$(SBINDIR),$(O)/bareblk)
	@for name in ublk $(if $(DMSETUP),$(DM_LINKS)); do ln -sf bareblk '$(DESTDIR)$(SBINDIR)/'$$name || exit; done
	$(call install_into,644,$(LIBDIR)/bareblk,$(LIBS))
	@for h in $(PUBLIC_HEADERS); do \
		$(INSTALL) -D -m 644 $$h '$(DESTDIR)$(INCLUDEDIR)/bareblk/'$$h || exit; done
	@$(INSTALL) -d '$(DESTDIR)$(LIBDIR)/pkgconfig'
	@$(foreach p,$(PACKAGES),sed $(call pc_edit,$(p)) bareblk.pc.in \
		> '$(DESTDIR)$(LIBDIR)/pkgconfig/bareblk-$(p).pc' &&) :
	@for m in $(MAN_PAGES); do \
		$(INSTALL) -D -m 644 $$m '$(DESTDIR)$(MANDIR)/man'$${m##*.}/$${m##*/} || exit; done
	@$(INSTALL) -d '$(DESTDIR)$(UDEVDIR)'
	@sed 's|@SBINDIR@|$(SBINDIR)|' $(UDEV_RULE).in > '$(DESTDIR)$(UDEVDIR)/$(notdir $(UDEV_RULE))'
	@$(INSTALL) -d '$(DESTDIR)$(UNITDIR)'
	@sed 's|@SBINDIR@|$(SBINDIR)|' $(UNIT).in > '$(DESTDIR)$(UNITDIR)/$(notdir $(UNIT))'

uninstall: ## what install put there
	rm -f '$(DESTDIR)$(SBINDIR)/bareblk' '$(DESTDIR)$(SBINDIR)/ublk'
	@for name in $(DM_LINKS); do link='$(DESTDIR)$(SBINDIR)/'$$name; \
		[ "$$(readlink "$$link")" != bareblk ] || rm -f "$$link"; done
	rm -rf '$(DESTDIR)$(LIBDIR)/bareblk' '$(DESTDIR)$(INCLUDEDIR)/bareblk'
	rm -f $(patsubst %,'$(DESTDIR)$(LIBDIR)/pkgconfig/bareblk-%.pc',$(PACKAGES))
	rm -f '$(DESTDIR)$(UDEVDIR)/$(notdir $(UDEV_RULE))' '$(DESTDIR)$(UNITDIR)/$(notdir $(UNIT))'
	rm -f $(foreach m,$(MAN_PAGES),'$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(m)))/$(notdir $(m))')

##@ Testing

KERNEL ?= 7.3
FUZZ_CC ?= clang

check: ## every test, in at most 45 minutes; ends with the counts
	@selftests/check.sh

check-long: ## the rest: all kernels, soaks; goes on where it stopped
	@selftests/check.sh --long

vm-matrix: all selftests ## each data path on each kernel, as a table; goes on where it stopped
	@O='$(abspath $(O))' selftests/device/matrix.sh; rc=$$?; \
		O='$(abspath $(O))' selftests/device/matrix.sh --table && exit $$rc

selftests: $(O)/bareblk-selftests $(O)/bareblk-shadow $(O)/bareblk-replay $(O)/bareblk-broken ## the test programs, for this machine and without a libc

# All but uapi/rt/free, in a program with glibc, whose threads it has (selftests/pthread.c).
# The kernel's headers leave out what glibc's have, so that what is ours is still
# compiled freestanding.
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
HOSTED_FLAGS = $(COMMON_FLAGS) $(if $(filter selftests/%,$<),,-ffreestanding) -O1 $(SANITIZE) $(CFLAGS_EXTRA)

hosted: $(O)/hosted/bareblk-selftests ## the test program with glibc, ASan and UBSan

$(O)/hosted/bareblk-selftests: $(call obj,$(SRC_selftests) $(SRC_hosted),hosted/) $(O)/.sources
	$(call say,LD,$@)
	$(Q)$(CC) $(SANITIZE) -pthread -o $@ $(filter %.o,$^)

$(O)/hosted/%.o: %.c $(O)/hosted/.flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(HOSTED_FLAGS) -MD -MP -c -o $@ $<

$(O)/hosted/.flags: FORCE
	$(call stamp,$(shell $(CC) --version | head -n 1) $(CC) $(HOSTED_FLAGS))

# A fuzzer is one file of selftests/fuzz/
FUZZERS := $(patsubst selftests/fuzz/%.c,$(O)/fuzz/%,$(SRC_fuzz))
FUZZ_WARN := $(filter-out -Wmissing-prototypes -Wno-%,$(WARN))
FUZZ_FLAGS = $(filter-out $(WARN),$(COMMON_FLAGS)) $(FUZZ_WARN) $(if $(filter selftests/%,$<),,-ffreestanding) -O1 $(SANITIZE)

fuzzers: $(FUZZERS) ## programs of libFuzzer, of selftests/fuzz/; they need clang

$(FUZZERS): $(O)/fuzz/%: $(O)/fuzz/obj/selftests/fuzz/%.o $(call obj,$(SRC_hosted),fuzz/obj/) $(O)/.sources
	$(call say,LD,$@)
	$(Q)$(FUZZ_CC) $(SANITIZE) -fsanitize=fuzzer -o $@ $(filter %.o,$^)

$(O)/fuzz/obj/%.o: %.c $(O)/fuzz/.flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MD -MP -c -o $@ $<

$(O)/fuzz/.flags: FORCE
	$(call stamp,$(shell $(FUZZ_CC) --version 2>&1 | head -n 1) $(FUZZ_CC) $(FUZZ_FLAGS))

# Programs that compare: one source with a libc, once with the library that ships, and
# once with liburing where LIBURING=DIR is its usr/ and LIBURING_UAPI=DIR the kernel
# headers that it wants. In both the compiler is told the same.
BENCH_SRC_ring := ring nop read net
BENCH_SRC_count := count
BENCH_PROGRAMS := $(foreach lib,ours $(if $(LIBURING),liburing),$(O)/bench/$(lib)/ring $(O)/bench/$(lib)/count)
BENCH_FLAGS := $(COMMON_FLAGS) $(TARGET_FLAGS) -O2 -fPIE -fno-stack-protector $(ARCH_FLAGS_$(ARCH)) $(CFLAGS_EXTRA)
BENCH_FLAGS_liburing := -DBENCH_LIBURING -isystem $(LIBURING)/include -isystem $(LIBURING_UAPI)
BENCH_LIBS_ours := $(O)/libring.a $(O)/libuapi.a
BENCH_LIBS_liburing := $(wildcard $(LIBURING)/lib/*/liburing.a)

bench: $(O)/bareblk ## measures disks beside the kernel's own in a virtual machine with KERNEL=7.3; ARGS='--icount --disks=A,B ...'
	@KERNEL='$(KERNEL)' selftests/bench/disks.py $(ARGS) '$(abspath $(O))'

bench-compare: ## how two measurements differ, each a file that `make bench` has written; A=FILE B=FILE
	@selftests/bench/disks.py --compare '$(A)' '$(B)'

bench-programs: $(BENCH_PROGRAMS) ## the programs of bench-ring; LIBURING=DIR for those with liburing

bench-ring: ## measures rings against liburing, which it fetches; ARGS='--rounds=15 --dir=DIR --json ROW...'
	@selftests/bench/ring.sh '$(abspath $(O))' $(ARGS)

bench-paths: $(O)/bareblk ## measures each data path of a RAM disk in a virtual machine with KERNEL=7.3; ARGS='--readme MODE...'
	@KERNEL='$(KERNEL)' selftests/bench/paths.sh '$(abspath $(O))' $(ARGS)

bench-targets: $(O)/bareblk ## measures targets beside disks of the kernel, in the same way; ARGS='--readme STORE...'
	@KERNEL='$(KERNEL)' selftests/bench/targets.sh '$(abspath $(O))' $(ARGS)

bench-ops: $(O)/bench/ours/ops ## measures targets without a device beside pread and pwrite of a file; ARGS='ROUNDS DIR'
	@$(O)/bench/ours/ops $(ARGS)

$(O)/bench/ours/ops: $(O)/bench/ours/ops.o $(filter-out %/libdm.a,$(LIBS))
	$(call say,LD,$@)
	$(Q)$(CC) $(TARGET_FLAGS) -pie -o $@ $(filter %.o,$^) $(filter %.a,$^)

define bench_rules
$(O)/bench/$(1)/ring: $(BENCH_SRC_ring:%=$(O)/bench/$(1)/%.o)
$(O)/bench/$(1)/count: $(BENCH_SRC_count:%=$(O)/bench/$(1)/%.o)
$(O)/bench/$(1)/ring $(O)/bench/$(1)/count: $(BENCH_LIBS_$(1))
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(TARGET_FLAGS) -pie -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^)

$(O)/bench/$(1)/%.o: selftests/bench/%.c $(O)/bench/.flags
	$$(call say,CC,$$<)
	$$(Q)mkdir -p $$(@D) && $$(CC) $$(BENCH_FLAGS) $$(BENCH_FLAGS_$(1)) -MD -MP -c -o $$@ $$<
endef
$(eval $(call bench_rules,ours))
$(eval $(call bench_rules,liburing))

$(O)/bench/.flags: FORCE
	$(call stamp,$(shell $(CC) --version | head -n 1) $(CC) $(BENCH_FLAGS) $(LIBURING) $(LIBURING_UAPI))

# Threads on a ring, with and without ThreadSanitizer. -I: the kernel's side of a ring
# may be simulated, since no sanitizer sees the real one.
STRESS_FLAGS = -Iselftests/stress/sim $(COMMON_FLAGS) $(if $(filter selftests/%,$<),,-ffreestanding)
STRESS_FLAGS_plain := -O2
STRESS_FLAGS_tsan := -O1 -fsanitize=thread

stress: $(O)/stress/plain/threads $(O)/stress/tsan/threads ## programs that stress a ring with threads

define stress_rules
$(O)/stress/$(1)/threads: $(patsubst %.c,$(O)/stress/$(1)/%.o,$(SRC_stress) $(SRC_ring) $(SRC_uapi)) $(O)/.sources
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(STRESS_FLAGS_$(1)) -pthread -o $$@ $$(filter %.o,$$^)

$(O)/stress/$(1)/%.o: %.c $(O)/stress/.flags
	$$(call say,CC,$$<)
	$$(Q)mkdir -p $$(@D) && $$(CC) $$(STRESS_FLAGS) $$(STRESS_FLAGS_$(1)) $$(CFLAGS_EXTRA) -MD -MP -c -o $$@ $$<
endef
$(eval $(call stress_rules,plain))
$(eval $(call stress_rules,tsan))

$(O)/stress/.flags: FORCE
	$(call stamp,$(shell $(CC) --version | head -n 1) $(CC) $(STRESS_FLAGS) $(STRESS_FLAGS_tsan) $(CFLAGS_EXTRA))

lint: ## all that gcc, clang-tidy, cppcheck and shellcheck find
	@selftests/lint.sh

vm: $(O)/bareblk ## a shell or CMD='...' in a virtual machine with KERNEL=7.3
	@KERNEL='$(KERNEL)' FILES="$$FILES $(abspath $<):/usr/bin/bareblk" selftests/vm/run.sh $${CMD:+"$$CMD"}

demo: all ## a RAM disk from one command, in a virtual machine where need be
	@selftests/vm/demo.sh '$(abspath $(O))/bareblk'

##@ Help

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "%s%s\n", sep, substr($$0, 5); sep = "\n"} \
		/^[a-zA-Z0-9_-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# A variable's value, for scripts
print-%:
	@printf '%s\n' '$(subst ','\'',$($*))'

export CMD FILES

# What each object was made of
-include $(patsubst %.o,%.d,$(call obj,$(SRC)) $(call obj,$(SRC_bareblk) $(SRC_broken),fixed/) $(call obj,$(SRC_selftests) $(SRC_hosted),hosted/) \
	$(call obj,$(SRC_fuzz) $(SRC_hosted),fuzz/obj/) $(wildcard $(O)/bench/*/*.d) \
	$(foreach kind,plain tsan,$(call obj,$(SRC_stress) $(SRC_ring) $(SRC_uapi),stress/$(kind)/)))

.PHONY: all bench bench-compare bench-ops bench-paths bench-programs bench-targets bench-ring check check-long clean demo examples FORCE fuzzers help hosted install lint selftests size stress uninstall vm vm-matrix
