# Tests, benches and lint; included by the Makefile.

# Packages of Debian, by what needs them. `make deps` installs what is missing.
DEPS := tests/deps

deps:		## install what building and testing need (Debian packages)
	@tests/deps.sh

# Each test program is a quoted command line that prints TAP. SOAK adds the long ones.
TESTS = "tests/floors.sh $(O) $(NM) $(FLOORS)"
SOAK =
# What has to be built before the tests run.
TEST_NEEDS = $(O)/hutch $(UNIT) rootfs

test: deps		## everything that can be tested on this machine
	@$(MAKE) --no-print-directory test-only

test-only: $(TEST_NEEDS)
	@tests/run.sh $(O) $(TESTS)

soak: deps		## the long sweeps too
	@$(MAKE) --no-print-directory soak-only

soak-only: $(TEST_NEEDS)
	@tests/run.sh $(O) $(TESTS) $(SOAK)

bench: $(O)/hutch	## hutch against hand-written floors and against its peers
	@tests/deps.sh bench
	@tests/bench/run.sh $(O)/bench $(O)/hutch

demo:		## the main job, on the screen
	@tests/deps.sh demo
	@$(MAKE) --no-print-directory $(O)/hutch rootfs
	@tests/demo.sh $(O)/hutch $(O)/rootfs

UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT := $(UNIT_SRC:tests/unit/%.c=$(O)/unit/%)

$(O)/unit/%: tests/unit/%.c tests/unit/test.h $(LIB)
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CFLAGS) -Itests/unit $(LINK) $(LDFLAGS) -o $@ $< $(LIB)

unit: $(UNIT)

.PHONY: deps test test-only soak soak-only bench demo unit
