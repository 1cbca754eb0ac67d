# SPDX-License-Identifier: Apache-2.0
# What a person types. Meson does the building; this only names the usual combinations.
#
#   make run     install what is missing (asks), build, and show the gate at work
#   make test    the same, then everything that needs no virtual machine: gcc with sanitizers, clang, the tree's rules
#   make test-vm against running kernels, in virtual machines without KVM (TIERS="a b c" for the third)
#   make test-vm-fwctl   the same for fwctl, which is built for such a kernel first
#   make bench   the budgets of speed and size, as ratios
#   make soak    the long runs: fuzzers, ten minutes each; 1,000 removals under load

JOBS ?= $(shell nproc)
WERROR := -Dwerror=true

all: build/build.ninja
	ninja -j$(JOBS) -C build

# One unit at link time: the core's look-ups are inlined, a third of a decision's time.
build/build.ninja:
	meson setup build -Db_lto=true

# Optimised a little, which halves the time; between a sanitizer's checks gcc guesses wrong how long a string is.
build-asan/build.ninja: | test-setup
	meson setup build-asan --buildtype=debug -Doptimization=1 -Dc_args=-Wno-format-truncation -Db_sanitize=address,undefined \
		$(WERROR) >/dev/null

build-clang/build.ninja: | test-setup
	CC=clang meson setup build-clang $(WERROR) >/dev/null

test-setup:
	@tools/setup --tests

run:
	@tools/setup
	@$(MAKE) --no-print-directory -s build/build.ninja
	@ninja -j$(JOBS) -C build programs
	@tools/demo build

test: build-asan/build.ninja build-clang/build.ninja
	@JOBS=$(JOBS) tools/test build-asan build-clang

# Debian 12's kernel and the backported one; c is Debian 13's backports, where it can be had.
TIERS ?= a b
test-vm:
	@tests/vm/run-all $(TIERS)

test-vm-fwctl:
	@tests/vm/fwctl/run

bench: all
	@bench/run build

soak:
	@tools/soak

install: all
	meson install -C build

clean:
	rm -rf build build-*

.PHONY: all run test test-setup test-vm test-vm-fwctl bench soak install clean
