# Tests, benches and lint; included by the Makefile.

# Packages of Debian, by what needs them. `make deps` installs what is missing.
DEPS := tests/deps

deps:		## install what building and testing need (Debian packages)
	@tests/deps.sh

UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT := $(UNIT_SRC:tests/unit/%.c=$(O)/unit/%)

# Each test program is a quoted command line that prints TAP. SOAK adds the long ones.
TESTS = "tests/floors.sh $(O) $(NM) $(FLOORS)"
TESTS += "tests/man.sh $(O) $(MAN) $(COMPLETION)"
TESTS += "tests/configs/run.sh $(O)/configs $(O)/hutch $(O)/rootfs/tree"
TESTS += "tests/services/run.sh $(O)/services $(O)/hutch"
# The reference appliance, in namespaces and in a virtual machine.
TESTS += "tests/appliance/run.sh $(O) $(O)/hutch here"
TESTS += "tests/appliance/run.sh $(O) $(O)/hutch 6.1"
SOAK = "SOAK=1 tests/services/run.sh $(O)/services $(O)/hutch"
CLAIM_TOOLS := $(O)/claims/probe $(O)/claims/inrootfs $(O)/claims/layout $(O)/supervised/probe $(O)/supervised/hutch-next $(O)/supervised/hutch-before $(O)/init/machine $(O)/init/probe $(O)/init/storm
# What has to be built before the tests run.
TEST_NEEDS = $(O)/hutch bench-tools $(UNIT) $(CLAIM_TOOLS) vm-tools rootfs man fault

test: deps		## everything that can be tested on this machine
	@$(MAKE) --no-print-directory test-only

soak: deps		## the long sweeps too
	@$(MAKE) --no-print-directory soak-only

# Floors, payloads and what measures; the floors as fast as a compiler makes them.
BENCH_TOOLS := $(patsubst %,$(O)/bench/%,bench floor noop stamp world profile hub tables many ask)
FAST := $(CC) -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -static -s

$(O)/bench/%: tests/bench/%.c $(O)/flags
	@mkdir -p $(@D)
	$(FAST) -o $@ $<

$(O)/bench/noop: FAST += $(if $(findstring x86_64,$(shell $(CC) -dumpmachine)),-nostdlib -nostartfiles)
$(O)/bench/stamp: tests/bench/stamp.h
$(O)/bench/stamp $(O)/bench/hub $(O)/bench/profile $(O)/gate/guest: tests/bench/clock.h

$(O)/bench/bench: $(patsubst %,tests/bench/%,bench.c kinds.c worlds.c die.c bench.h die.h clock.h stamp.h)
	@mkdir -p $(@D)
	$(FAST) -o $@ $(filter %.c,$^)

$(O)/bench/ask: $(patsubst %,tests/bench/%,supervise.c cage.c look.c die.c supervise.h die.h clock.h stamp.h)
	@mkdir -p $(@D)
	$(FAST) -o $@ $(filter %.c,$^)

$(O)/bench/profile: tests/bench/profile.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $(filter-out %.h,$^)

bench-tools: $(BENCH_TOOLS)

bench:			## hutch against hand-written floors and against its peers; BENCH="launch mounts" for parts of it
	@tests/deps.sh bench
	@$(MAKE) --no-print-directory bench-only

bench-only: $(O)/hutch $(BENCH_TOOLS)
	@tests/bench/run.sh $(O)/bench $(O)/hutch $(BENCH)

# A few rounds of everything: does it measure?
TESTS += "tests/bench/smoke.sh $(O)/bench $(O)/hutch"

# What launches cost, in instructions: the programs of the gate, and a hutch that does too much.
GATE_TOOLS := $(addprefix $(O)/gate/,guest steps slower) $(addprefix $(O)/bench/,noop floor stamp profile) $(O)/fault/enosys
TESTS += "CC='$(CC)' tests/gate/think.sh $(O)/gate $(O)/hutch"
TESTS += "CC='$(CC)' tests/gate/run.sh $(O)/gate $(O)/hutch"
SOAK += "CC='$(CC)' BOOTS=5 tests/gate/run.sh $(O)/gate $(O)/hutch 6.1 6.12 7"
TEST_NEEDS += gate-tools

gate-tools: $(O)/hutch $(GATE_TOOLS)

budget: gate-tools	## record what launches cost today as what they may cost
	@CC='$(CC)' UPDATE=1 tests/gate/think.sh $(O)/gate $(O)/hutch
	@CC='$(CC)' UPDATE=1 tests/gate/run.sh $(O)/gate $(O)/hutch 6.1 6.12 7

$(O)/gate/%: tests/gate/%.c tests/bench/stamp.h $(O)/flags
	@mkdir -p $(@D)
	$(FAST) -o $@ $<

$(O)/gate/slower: tests/gate/slower.c $(O)/hutch
	@mkdir -p $(@D)
	$(call link_paged,$(subst $(CFLAGS),$(CFLAGS) $<,$(LINK_PACKED)),$@)
	$(STRIP) -R .comment $@

.PHONY: gate-tools budget

demo:		## the main job, on the screen
	@tests/deps.sh demo
	@$(MAKE) --no-print-directory $(O)/hutch rootfs
	@tests/demo.sh $(O)/hutch $(O)/rootfs

$(O)/unit/%: tests/unit/%.c tests/unit/test.h $(LIB)
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CFLAGS) -Itests/unit $(LINK) $(LDFLAGS) -o $@ $< $(LIB)

unit: $(UNIT)

TESTS += $(foreach u,$(UNIT),"$(u)")
TESTS += "tests/golden/run.sh $(O) $(O)/hutch"
TESTS += "$(MAKE) -s --no-print-directory sanitize"

# Claims on the running kernel, seen from inside by the probe.
TESTS += "tests/claims/run.sh $(O)/claims $(O)/hutch"
# The same without the calls of newer kernels.
TESTS += "CLAIM_KERNEL=old tests/claims/run.sh $(O)/claims $(O)/hutch"

$(O)/claims/layout: tests/claims/layout/layout.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $^

$(O)/claims/%: tests/claims/%.c
	@mkdir -p $(@D)
	$(CC) $(filter-out -Isrc,$(BASE)) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $<

# The supervisor, its payloads and its clients.
TESTS += "tests/supervise/run.sh $(O)/supervised $(O)/hutch"

$(O)/supervised/%: tests/supervise/%.c $(wildcard tests/supervise/probe/*)
	@mkdir -p $(@D)
	$(CC) $(filter-out -Isrc,$(BASE)) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $(filter %.c,$^)

# A hutch whose state has one field more: to it, today's is an older one. And one from when there were fewer places.
$(O)/supervised/hutch-next: WHICH := -DHUTCH_NEXT
$(O)/supervised/hutch-before: WHICH := -DHUTCH_BEFORE
$(O)/supervised/hutch-next $(O)/supervised/hutch-before: $(SRC) $(wildcard src/*/*.h src/*/*.def)
	@mkdir -p $(@D)
	$(CC) $(BASE) $(WHICH) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $(SRC)

# PID 1 of a throw-away PID namespace.
TESTS += "tests/init/run.sh $(O)/init $(O)/hutch"

$(O)/init/probe: $(O)/supervised/probe
	@mkdir -p $(@D)
	cp $< $@

$(O)/init/%: tests/init/%.c
	@mkdir -p $(@D)
	$(CC) $(filter-out -Isrc,$(BASE)) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $<

# The model of shared subtrees against the running kernel.
TESTS += "tests/model/run.sh $(O)/hutch"
TESTS += "tests/model/manual.sh $(O)/hutch $(filter %.5 %.8,$(MAN))"
TESTS += "$(O)/model/model random 20000"
TESTS += "$(O)/model/model printed 2000"
TESTS += "$(O)/model/model loaded 10000"
TESTS += "$(O)/model/model speed"
SOAK += "$(O)/model/model random 1000000"
SOAK += "$(O)/model/model loaded 1000000"
# Each rule taken out has to be noticed.
SOAK += "tests/model/mutate.sh $(O)/model/mutated 200000 $(CC) -std=c11 -D_GNU_SOURCE -I$(O) -O1 -static"
TEST_NEEDS += $(O)/model/model

$(O)/model/model: $(wildcard tests/model/*.[ch]) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $(filter %.c %.o,$^)

picture: $(O)/hutch man	## the picture of the README, out of a script of the manual
	@tests/model/manual.sh --draw $(O)/hutch $(filter %.5 %.8,$(MAN))

# Launches from a template against launches by the whole plan.
TESTS += "$(O)/template/parts"
TESTS += "$(O)/template/parts 5.12"
TESTS += "$(O)/template/parts 4.19"
TEST_NEEDS += $(O)/template/parts

$(O)/template/parts: $(wildcard tests/template/*.[ch]) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $(filter %.c %.o,$^)

# Every word of propagation on every kind of mount, with the calls of old kernels too.
TESTS += "$(O)/propagation/cross $(O)/hutch"
TESTS += "$(O)/propagation/cross $(O)/fault/hutch-old old"
SOAK += "CROSS_MECHANISMS='0 1 2 3 4 5' VM_TIME=3600 tests/vm/run.sh $(O)/vm $(O)/hutch 7 tests/vm/075-propagation.sh"
# Lines of hutch about propagation taken out: the product notices each.
SOAK += "tests/propagation/mutate.sh $(O) $(O)/propagation/cross $(CC) -std=c11 -D_GNU_SOURCE -I$(O) -O1 '-DVERSION=\"$(VERSION)\"'"
TEST_NEEDS += $(O)/propagation/cross

$(O)/propagation/cross: $(wildcard tests/propagation/*.[ch]) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $(filter %.c %.o,$^)

claims: $(O)/hutch $(CLAIM_TOOLS)	## only the claims on the running kernel
	@tests/claims/run.sh $(O)/claims $(O)/hutch

# Unit and golden tests again with the sanitizers, which know glibc only.
ASAN := gcc -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g -O1 \
	$(filter-out -fno-pie -fno-asynchronous-unwind-tables -fno-unwind-tables,$(BASE))
ASAN_OBJ := $(SRC:src/%.c=$(O)/asan/%.o)
ASAN_UNIT := $(UNIT_SRC:tests/unit/%.c=$(O)/asan/unit/%)

$(O)/asan/%.o: src/%.c $(O)/flags
	@mkdir -p $(@D)
	$(ASAN) -MMD -MP -c -o $@ $<

$(O)/asan/hutch: $(ASAN_OBJ)
	$(ASAN) -o $@ $^

$(O)/asan/unit/%: tests/unit/%.c tests/unit/test.h $(filter-out $(O)/asan/cli/%,$(ASAN_OBJ))
	@mkdir -p $(@D)
	$(ASAN) -Itests/unit -o $@ $< $(filter-out $(O)/asan/cli/%,$(ASAN_OBJ))

-include $(ASAN_OBJ:.o=.d)

sanitize-build: $(O)/asan/hutch $(ASAN_UNIT)

# One TAP stream of all; a program that dies counts as one failure.
sanitize: SHELL := bash
sanitize:		## unit and golden tests with the address and undefined-behaviour sanitizers
	@$(MAKE) -s --no-print-directory -j$$(nproc) sanitize-build >$(O)/asan.log 2>&1 || { cat $(O)/asan.log; exit 1; }
	@export ASAN_OPTIONS=detect_leaks=0; failed=0; \
	for t in $(foreach u,$(ASAN_UNIT),"$(u)") "tests/golden/run.sh $(O)/asan $(O)/asan/hutch" \
		"tests/model/run.sh $(O)/asan/hutch"; do \
		echo "# $$t"; $$t 2>&1 | grep -v '^1\.\.'; \
		[ $${PIPESTATUS[0]} -eq 0 ] || { failed=1; echo "not ok - $$t with the sanitizers"; }; \
	done; exit $$failed

.PHONY: claims picture sanitize sanitize-build

unit-test: $(O)/hutch $(UNIT)	## only what needs neither root nor namespaces
	@tests/run.sh $(O) $(UNIT)

# A hutch whose kernel calls can be made to fail, and what the fault tests use.
FAULT_TOOLS := $(patsubst tests/fault/%.c,$(O)/fault/%,$(wildcard tests/fault/*.c))

$(O)/fault/hutch: $(SRC) $(wildcard src/*/*.h src/*/*.def)
	@mkdir -p $(@D)
	$(CC) $(BASE) -DHUTCH_FAULT $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $(SRC)

$(O)/fault/%: tests/fault/%.c tests/fault/errnos.h src/base/uapi.h src/kernel/fault.h $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $(filter %.c,$^)

# Those that have more than one file.
$(O)/fault/nth $(O)/fault/supervise $(O)/fault/init: $(wildcard tests/fault/shared/*)
$(O)/fault/supervise: $(wildcard tests/fault/supervise/*)
$(O)/fault/init: $(wildcard tests/fault/init/*)

# hutch on a kernel that lacks everything since 5.2, for the claims on the fallbacks.
$(O)/fault/hutch-old: $(SRC) tests/fault/enosys.c $(wildcard src/*/*.h src/*/*.def)
	@mkdir -p $(@D)
	$(CC) $(BASE) -DHUTCH_OLD $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $(SRC) tests/fault/enosys.c

fault: $(O)/fault/hutch $(FAULT_TOOLS) $(O)/fault/hutch-old

# Each kernel call of a launch fails once, or hutch is killed there; older kernels.
TESTS += "$(O)/fault/nth quick $(O)/fault"
TESTS += "$(O)/fault/nth kill $(O)/fault"
TESTS += "tests/fault/old.sh $(O)/fault $(O)/hutch"
SOAK += "$(O)/fault/nth full $(O)/fault"
# The same for a supervisor that lives on, or is killed and followed by another one.
TESTS += "$(O)/fault/supervise quick $(O)/fault"
TESTS += "$(O)/fault/supervise kill $(O)/fault"
SOAK += "$(O)/fault/supervise full $(O)/fault"
SOAK += "$(O)/fault/supervise killall $(O)/fault"
# And for PID 1, which boots and ends its machine.
TESTS += "$(O)/fault/init quick $(O)/fault"
TESTS += "$(O)/fault/init hang $(O)/fault"
SOAK += "$(O)/fault/init full $(O)/fault"

.PHONY: deps test test-only soak soak-only bench bench-only bench-tools demo unit unit-test fault

ARCHS := aarch64 armhf mips mipsel mips16el riscv64 ppc64le i386

cross:		## static builds for other machines, their unit and golden tests under qemu-user
	@tests/cross/toolchain.sh $(ARCHS)
	@tests/run.sh $(O)/cross $(foreach a,$(ARCHS),"tests/cross/test.sh $(a) $(O)/cross/$(a)")

lint:		## cppcheck, clang-tidy and shellcheck with the checked-in configuration
	@tests/run.sh $(O) "tests/lint.sh $(O)/lint -std=c11 -D_GNU_SOURCE -Isrc -I$(O)"

TESTS += "tests/lint.sh $(O)/lint -std=c11 -D_GNU_SOURCE -Isrc -I$(O)"
# One machine of the other byte order and word size; `make cross` has them all.
TESTS += "tests/cross/toolchain.sh mips >&2 && tests/cross/test.sh mips $(O)/cross/mips"
SOAK += $(foreach a,$(ARCHS),"tests/cross/test.sh $(a) $(O)/cross/$(a)")

.PHONY: cross lint

# Boots, in virtual machines.
VM_TOOLS := $(O)/claims/probe $(O)/model/model $(O)/propagation/cross $(O)/template/parts
vm-tools: $(O)/hutch $(VM_TOOLS)

# On the kernels of this machine's own kind; `make test-vm` has them all.
TESTS += "tests/vm/run.sh $(O)/vm $(O)/hutch"

test-vm: deps		## hutch as PID 1 on all kernels and machines, in QEMU
	@$(MAKE) --no-print-directory vm-tools rootfs
	@tests/run.sh $(O) "tests/vm/run.sh $(O)/vm $(O)/hutch all" \
		$(foreach k,6.1-full 6.12 7,"tests/appliance/run.sh $(O) $(O)/hutch $k")

# The model against each of these kernels at length.
SOAK += "MODEL_OPERATIONS=50000 VM_TIME=7200 tests/vm/run.sh $(O)/vm $(O)/hutch 5.10 6.1 6.12 7 tests/vm/070-model.sh"

boot:			## boots hutch in QEMU, to a shell; KERNEL=5.10, APPEND=WORDS, APPLIANCE=1
	@tests/deps.sh boot
	@$(MAKE) --no-print-directory $(O)/hutch rootfs
	@APPLIANCE=$(APPLIANCE) QEMU="$(QEMU)" tests/vm/boot.sh $(O) $(O)/hutch $(or $(KERNEL),6.1) $(APPEND)

.PHONY: vm-tools test-vm boot

# Last, when all of what they need has been named.
test-only: $(TEST_NEEDS)
	@tests/run.sh $(O) $(TESTS)

soak-only: $(TEST_NEEDS)
	@tests/run.sh $(O) $(TESTS) $(SOAK)
