# hutch: services in small, well-understood boxes. `make help` lists the targets.
#
# CC, CFLAGS, LDFLAGS, CROSS_COMPILE and O (build folder) behave as usual. The
# default is a static program with musl; `make CC=gcc` builds with glibc.

VERSION := 0.1
O ?= build
ifeq ($(origin CC),default)
CC := $(if $(CROSS_COMPILE),$(CROSS_COMPILE)gcc,musl-gcc)
endif
STRIP ?= $(CROSS_COMPILE)strip
NM ?= $(CROSS_COMPILE)nm
SIZE ?= $(CROSS_COMPILE)size
OBJCOPY ?= $(shell $(CC) -print-prog-name=objcopy)
# As small as the compiler knows how: these were found by trying them all; the last two are for MIPS (calls that do not go by
# a table) and RISC-V.
ifeq ($(origin CFLAGS),undefined)
knows = $(shell $(CC) $(1) -Werror -c -x c -o /dev/null /dev/null 2>/dev/null && echo $(1))
CFLAGS := $(or $(call knows,-Oz),-Os) $(foreach f,-mgeneral-regs-only -malign-data=abi \
	-fno-caller-saves -fno-jump-tables -fno-move-loop-invariants -fno-tree-dominator-opts \
	-fno-tree-tail-merge -fno-expensive-optimizations -fno-tree-loop-im -fno-inline-small-functions \
	-fno-shrink-wrap --param=uninlined-function-insns=0 -mplt -msave-restore,$(call knows,$f))
endif
PREFIX ?= /usr/local
MAKEFLAGS += --no-builtin-rules

WARN := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wformat=2
# Own code never unwinds; sections let the linker drop what a build does not use.
BASE := -std=c11 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' $(WARN) -Isrc -I$(O) \
	-fno-pie -fno-asynchronous-unwind-tables -fno-unwind-tables -ffunction-sections -fdata-sections
# Nothing is relocated at the start, so there is nothing to protect after it.
# Small "common pages": the data follow the code in the file at once.
LINK := -static -no-pie -Wl,--gc-sections -Wl,-z,noseparate-code -Wl,-z,norelro -Wl,-z,common-page-size=64 \
	-Wl,--build-id=none

FLOORS := base archive profile service mounts plan kernel apply supervise boot cli
SRC := $(foreach f,$(FLOORS),$(sort $(wildcard src/$(f)/*.c)))
OBJ := $(SRC:src/%.c=$(O)/%.o)
LIB := $(filter-out $(O)/cli/main.o,$(OBJ))

# What a supervisor needs all the time lies together, at the end: the rest of the program is not in its memory.
SELDOM := $(patsubst %,supervise/%,ahead answer console keep launcher loader logfile resume)
HOT := base/hot $(filter-out $(SELDOM),$(patsubst src/%.c,%,$(filter src/supervise/%,$(SRC)))) \
	$(patsubst %,service/%,judge notice state) apply/channel apply/process \
	$(patsubst %,base/%,arena err out parse signals stacks string text) $(patsubst %,kernel/%,call k process sockets)
# And what a command that makes one sandbox needs, at the start: the kernel brings in 64 KiB with each fault.
RUN := $(patsubst %,cli/%,main cli load run drive tell keep attend relay) base/sum base/words kernel/probe \
	$(patsubst %,profile/%,keys profile mount read rules types types_kernel types_ns types_service) \
	$(patsubst %,plan/%,build draft wish check child finish mounts payload shares sources steps compare template ways exact) mounts/table archive/texts \
	$(patsubst %,apply/%,walk step host seal proc identity inside template table trees root path mounts verify rights payload file note pins registry)
LINKED := $(RUN:%=$(O)/%.o) $(filter-out $(RUN:%=$(O)/%.o) $(HOT:%=$(O)/%.o),$(OBJ)) $(HOT:%=$(O)/%.o)

all: $(O)/hutch

LINK_PACKED = $(CC) $(BASE) $(CFLAGS) $(LINK) -Wl,-T,src/archive/texts.ld $(LDFLAGS) $(LINKED:$(O)/archive/packed.o=$(O)/packed.o)
# Machines on which a program can begin at any page of 4 KiB.
PAGED = $(filter x86_64-% i386-% i686-%,$(shell $(CC) -dumpmachine))
comma := ,

# With this command, this file, which begins so that the last of those 64 KiB, which all commands need, ends where the constants do.
define link_paged
$(1) -o $(2)
	set -- $$($(NM) $(2) | sed -n 's/^\(.*\) [A-Z] \(__executable_start\|_edata\)$$/0x\1/p') && \
		$(if $(PAGED),$(1) -Wl$(comma)-Ttext-segment=$$(printf %x $$(($$1 + 0x10000 - ($$2 & 0xf000)))) -o $(2),:)
endef

# Twice: the texts of the first program are packed into the second one, see archive/texts.h.
$(O)/hutch: $(OBJ) src/archive/texts.ld
	$(CC) $(BASE) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@.plain $(LINKED)
	$(OBJCOPY) -O binary -j packed_texts $@.plain $(O)/texts
	gzip -9nc $(O)/texts | od -A n -v -t u1 | sed 's/[0-9][0-9]*/&,/g' >$(O)/texts.inc
	$(CC) $(BASE) $(CFLAGS) -DTEXTS -c -o $(O)/packed.o src/archive/packed.c
	$(call link_paged,$(LINK_PACKED),$@.debug)
	$(STRIP) -R .comment -o $@ $@.debug

$(O)/%.o: src/%.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CFLAGS) -MMD -MP -c -o $@ $<

# The linker for RISC-V (2.40) shortens instructions while it still takes a section's end for its start. This file asks
# for such an end: where the start was near enough for a short one and the end is not, nothing would be linked.
$(O)/archive/texts.o: private CFLAGS += $(if $(filter riscv%,$(shell $(CC) -dumpmachine)),-mno-relax)

# A change of compiler or flags rebuilds everything.
$(O)/flags: FORCE
	@mkdir -p $(O)
	@echo '$(CC) $(BASE) $(CFLAGS)' | cmp -s - $@ || echo '$(CC) $(BASE) $(CFLAGS)' >$@

-include $(OBJ:.o=.d)

include tests/tests.mk

rootfs:		## the toybox userland: tree and rootfs.cpio.gz
	@rootfs/build.sh $(O)/rootfs

size: $(O)/hutch	## bytes of the program, by floor
	@for f in $(FLOORS); do printf '%-8s ' $$f; \
		$(SIZE) $(O)/$$f/*.o | awk 'NR > 1 { t += $$1; d += $$2; b += $$3 } END { print t, "text", d, "data", b, "bss" }'; done
	@wc -c $(O)/hutch

# Manuals and completion, with tables out of the program's own.
MAN := $(patsubst src/man/%.in,$(O)/man/%,$(wildcard src/man/*.in))
COMPLETION := $(O)/completions/hutch
DEF := $(wildcard src/*/*.def)

man: $(MAN) $(COMPLETION)	## the manuals and the completion for bash

$(O)/man/%: src/man/%.in src/man/generate.sh $(DEF)
	@mkdir -p $(@D)
	src/man/generate.sh $< $(VERSION) >$@.new && mv $@.new $@

$(COMPLETION): configs/completion.bash.in src/man/generate.sh $(DEF)
	@mkdir -p $(@D)
	src/man/generate.sh $< $(VERSION) >$@.new && mv $@.new $@

install: $(O)/hutch $(MAN) $(COMPLETION)	## to DESTDIR and PREFIX
	install -D -m 755 $(O)/hutch $(DESTDIR)$(PREFIX)/sbin/hutch
	for m in $(MAN); do install -D -m 644 $$m $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; done
	install -D -m 644 $(COMPLETION) $(DESTDIR)$(PREFIX)/share/bash-completion/completions/hutch
	for c in configs/*.conf configs/services/*.conf; do install -D -m 644 $$c $(DESTDIR)$(PREFIX)/share/hutch/$${c#*/}; done

clean:		## remove the build folder
	rm -rf $(O)

help:		## this list
	@awk -F ':.*## *' '/^[a-z-]+:.*##/ { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

FORCE:
.PHONY: all rootfs size man install clean help FORCE
