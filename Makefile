# Needs a C compiler, make and Python 3; nothing else. `make` alone tells what there is.

CFLAGS   ?= -O2 -g
WARNINGS  = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes
SANITIZE  = -fsanitize=address,undefined -fno-sanitize-recover=all
BUILD    ?= build
PYTHON   ?= python3

# A static program starts in half the time; where there is no static libc it is linked as usual.
STATIC := $(shell mkdir -p $(BUILD); echo 'int main(void){return 0;}' | \
	$(CC) -static -x c -o $(BUILD)/.static - 2>/dev/null && echo -static)

# Where libseccomp is, a test is made with it.
SECCOMP := $(shell echo 'int main(void){return 0;}' | \
	$(CC) -include seccomp.h -x c -o $(BUILD)/.seccomp - -lseccomp 2>/dev/null && echo -lseccomp)

parts     := $(shell find src -name '*.[ch]')
# These two are command lines that start one program each: static, and in several parts.
commands  := $(BUILD)/ctr-oci $(BUILD)/sandbox
examples  := $(patsubst examples/%.c,$(BUILD)/%,$(filter-out %/oci.c %/sandbox.c,$(wildcard examples/*.c)))
unit      := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))
container := $(patsubst tests/container/%.c,$(BUILD)/container/%,$(wildcard tests/container/test_*.c))
helpers   := $(addprefix $(BUILD)/container/,probe stepper eater faulter)
# Each test holds all of ctr.h, and optimizing that takes four times as long. ctr-oci is tested as it
# is used; CFLAGS on the command line of make is for all.
$(unit) $(container) $(helpers): CFLAGS = -O0 -g
bench     := $(BUILD)/bench/api $(BUILD)/bench/floor
compile    = @mkdir -p $(@D); echo "cc $@"; $(CC) -std=gnu11 $(CFLAGS) $(WARNINGS) -I. $< -o $@

.PHONY: help all run test test-sanitize check bench clean
.DEFAULT_GOAL := help

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z][a-z.-]*:.*## /{printf "  make %-15s %s\n", $$1, $$2}' Makefile

run: $(BUILD)/ctr-oci  ## build and show a container: its processes, hostname and mounts
	@$(BUILD)/ctr-oci run --default demo -- sh -c 'echo "pid $$$$, uid $$(id -u), host $$(hostname)"; \
	  echo "processes:" /proc/[0-9]*; echo "interfaces:" /sys/class/net/*; \
	  touch /oops 2>/dev/null || echo "the root is read-only"; \
	  echo "mounts:"; awk "{ print \"  \", \$$2, \$$3 }" /proc/mounts'

all: ctr.h $(commands) $(examples)  ## build the command line and all examples

test: all $(unit) $(container) $(helpers)  ## build and run all tests
	@$(PYTHON) tests/run.py --build $(BUILD) $(TESTFLAGS)

# What is freed is kept back for a while by default: a thousand starts would be taken for a leak. The
# programs inside stay static and as they are: they find no library there.
test-sanitize:  ## unit and container tests under address and undefined behaviour sanitizers
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/sanitize $(helpers:$(BUILD)/%=$(BUILD)/sanitize/%)
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/sanitize CFLAGS='-O0 -g $(SANITIZE)' STATIC= \
	  unit container $(BUILD)/sanitize/ctr-oci
	@ASAN_OPTIONS=quarantine_size_mb=1:thread_local_quarantine_size_kb=64 $(PYTHON) tests/run.py \
	  --build $(BUILD)/sanitize --layer unit --layer container
	@ASAN_OPTIONS=quarantine_size_mb=1 $(PYTHON) tests/run.py --build $(BUILD)/sanitize --layer cli \
	  lifecycle exec update

# As root, on x86-64: see tests/analysis/valgrind.c.
test-valgrind: $(unit) $(BUILD)/container/probe  ## ctr-oci and unit tests under valgrind
	@mkdir -p $(BUILD)/valgrind/container; ln -sfn ../unit $(BUILD)/valgrind/unit
	@cp $(BUILD)/container/probe $(BUILD)/valgrind/container/
	@$(CC) -std=gnu11 -O1 -g -shared -fPIC tests/analysis/valgrind.c -o $(BUILD)/valgrind/valgrind.so
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/valgrind CFLAGS='-O1 -g' STATIC= \
	  $(BUILD)/valgrind/ctr-oci
	@$(PYTHON) tests/analysis/memcheck.py $(BUILD)/valgrind

# Each thread does all at once; ThreadSanitizer sees what comes before clone(2) alone.
test-threads: $(BUILD)/container/probe  ## threads that do the same at once, also under ThreadSanitizer
	@mkdir -p $(BUILD)/threads/rootfs; cp $(BUILD)/container/probe $(BUILD)/threads/rootfs/
	@for how in "" -fsanitize=thread; do \
	  $(CC) -std=gnu11 -O1 -g $(WARNINGS) $$how -pthread -I. tests/analysis/threads.c \
	    -o $(BUILD)/threads/threads && \
	  $(BUILD)/threads/threads $(BUILD)/threads/rootfs $(BUILD)/threads/states || exit; done

analyze:  ## clang-tidy, cppcheck and gcc -fanalyzer: no finding is left
	@$(PYTHON) tests/analysis/run.py

.PHONY: analyze test-threads test-valgrind unit container
unit: $(unit)
container: $(container)

# Another compiler and another machine: its programs are all static, in a folder of their own.
VM_ARCH   ?= amd64
VM_CGROUP ?= v2
vm         = --arch $(VM_ARCH) --cgroup $(VM_CGROUP) --build $(BUILD)/vm/$(VM_ARCH)

test-vm:  ## run them in a virtual machine of VM_ARCH amd64|arm64, VM_CGROUP v2|v1|hybrid
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/vm/$(VM_ARCH) STATIC=-static LINK=-static \
	  CC=$(shell $(PYTHON) tests/vm/run.py $(vm) --show-compiler) vm-programs
	@$(PYTHON) tests/vm/run.py $(vm) $(VMFLAGS)

.PHONY: test-vm vm-programs
vm-programs: $(unit) $(container) $(helpers) $(BUILD)/ctr-oci

# What is fuzzed is src/, so that coverage and crashes name its files: ctr.h is nothing else.
FUZZ_SECONDS ?= 60
FUZZ_JOBS    ?= 1
FUZZ_NAMES   ?=
fuzzers      := $(or $(FUZZ_NAMES),$(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c)))
fuzz_compile  = @mkdir -p $(@D); echo "fuzz $@"; \
  $(1) -std=gnu11 -O1 -g -D_GNU_SOURCE $(WARNINGS) -Wno-unused-function \
  -Wno-gnu-zero-variadic-macro-arguments $(2) -Isrc -I. $< -o $@
fuzz_run      = $(PYTHON) tests/fuzz/run.py --build $(BUILD) --seconds $(FUZZ_SECONDS) \
  --jobs $(FUZZ_JOBS) $(1) $(FUZZ_NAMES)
fuzz_sources  = $(wildcard tests/fuzz/*.h) $(wildcard tests/unit/*.h) tests/filters.h $(parts)

fuzz: $(addprefix $(BUILD)/fuzz/,$(fuzzers))  ## fuzz what reads bytes, with clang: FUZZ_SECONDS each (60), FUZZ_JOBS at a time
	@$(call fuzz_run)

fuzz-afl: $(addprefix $(BUILD)/fuzz/afl-,$(fuzzers))  ## the same by AFL++
	@$(call fuzz_run,--afl)

fuzz-coverage: $(addprefix $(BUILD)/fuzz/cov-,$(fuzzers))  ## what the inputs that fuzz has kept reach, by file
	@$(call fuzz_run,--coverage)

.PHONY: fuzz fuzz-afl fuzz-coverage

bench: $(BUILD)/ctr-oci $(bench)  ## measure the start of a container against the bare system calls
	@$(PYTHON) tests/bench/run.py --build $(BUILD)

check:  ## fail when ctr.h is not what src/ says
	@$(PYTHON) tools/amalgamate.py --check

clean:  ## remove what was built
	rm -rf $(BUILD)

ctr.h: $(parts) LICENSE tools/amalgamate.py  ## make ctr.h out of src/
	$(PYTHON) tools/amalgamate.py

$(BUILD)/ctr-oci: examples/oci.c $(wildcard examples/oci/*.h) ctr.h
	$(compile) $(STATIC)

$(BUILD)/sandbox: examples/sandbox.c $(wildcard examples/sandbox/*.h) ctr.h
	$(compile) $(STATIC)

$(examples): $(BUILD)/%: examples/%.c ctr.h
	$(compile)

$(BUILD)/bench/%: tests/bench/%.c ctr.h
	$(compile) $(STATIC)

$(BUILD)/fuzz/afl-%: tests/fuzz/%.c $(fuzz_sources)
	$(call fuzz_compile,AFL_QUIET=1 afl-clang-fast,-fsanitize=fuzzer)

$(BUILD)/fuzz/cov-%: tests/fuzz/%.c $(fuzz_sources)
	$(call fuzz_compile,clang,-fsanitize=fuzzer -fprofile-instr-generate -fcoverage-mapping)

$(BUILD)/fuzz/%: tests/fuzz/%.c $(fuzz_sources)
	$(call fuzz_compile,clang,-fsanitize=fuzzer $(SANITIZE))

$(helpers): $(BUILD)/container/%: tests/container/%.c ctr.h
	$(compile) $(STATIC)

$(unit): $(BUILD)/unit/%: tests/unit/%.c tests/test.h tests/filters.h $(wildcard tests/unit/*.h) ctr.h
	$(compile) $(LINK)

$(container): $(BUILD)/container/%: tests/container/%.c $(wildcard tests/container/*.h) tests/differences.h tests/unit/devices.h tests/test.h ctr.h
	$(compile) $(LIBRARIES) $(LINK)

$(BUILD)/container/test_seccomp_lib: tests/container/test_seccomp.c
$(BUILD)/container/test_seccomp_lib: LIBRARIES = $(SECCOMP)
