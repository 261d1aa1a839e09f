# clipspool: every target in one file.  `make help` lists them.

VERSION = 0.1.0
prefix ?= /usr/local
sysconfdir ?= /etc
bindir = $(prefix)/bin
sbindir = $(prefix)/sbin
libexecdir = $(prefix)/libexec/clipspool
sharedir = $(prefix)/share
unitdir = $(prefix)/lib/systemd/system
DESTDIR ?=

# Where everything is built; laid out like an installation, so that programs find each other the
# same way (relative to themselves) built, installed and moved.
O ?= build

CC ?= cc
CFLAGS ?= -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2
WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wwrite-strings \
	-Wpointer-arith -Wcast-qual -Wformat=2 -Wundef -Wno-missing-field-initializers $(if $(CI),-Werror)
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -Isrc -I. -fPIE -MMD -MP $(WARNINGS) \
	-DCLIPSPOOL_VERSION='"$(VERSION)"' $(CPPFLAGS) $(CFLAGS) $(SANITIZE)
ALL_LDFLAGS = -pie -Wl,--as-needed -Wl,-z,relro,-z,now $(LDFLAGS) $(SANITIZE)

# Libraries are asked for by name when a program is linked, so that `make deps` can run first.
LIBS_base = $(shell pkg-config --libs libconfig jansson) -lm
LIBS_daemon = $(shell pkg-config --libs libsystemd)
LIBS_media = $(shell pkg-config --libs libavformat libavcodec libavfilter libswscale libswresample \
	libavutil libebur128)
LIBS_net = $(shell pkg-config --libs libcurl libcrypto libisal)
LIBS_store = $(shell pkg-config --libs expat) $(LIBS_net)
LIBS_transcribe = -lpocketsphinx -lsphinxbase
# Its headers include each other by bare names.
CFLAGS_speech = $(patsubst -I%,-isystem %,$(shell pkg-config --cflags-only-I pocketsphinx))
LIBS_stage = $(shell pkg-config --libs libseccomp)
LIBS_test = $(shell pkg-config --libs check)

BUILD_PACKAGES = gcc libc6-dev pkg-config libavformat-dev libavcodec-dev libavfilter-dev libavutil-dev \
	libswscale-dev libswresample-dev libebur128-dev libconfig-dev libjansson-dev libsystemd-dev \
	libcurl4-openssl-dev libssl-dev libexpat1-dev libisal-dev libseccomp-dev libpocketsphinx-dev libsphinxbase-dev
DEMO_PACKAGES = $(BUILD_PACKAGES) ffmpeg
TEST_PACKAGES = $(DEMO_PACKAGES) curl openssl check strace python3-numpy python3-jsonschema rsync systemd mandoc locales chromium \
	samba smbclient pocketsphinx-en-us
DEB_PACKAGES = $(BUILD_PACKAGES) debhelper dpkg-dev lintian
# Whoever has them from elsewhere keeps them.
TEST_PACKAGES += $(if $(shell command -v node),,nodejs) $(if $(shell command -v npm),,npm)
SYSTEM_PACKAGES = $(TEST_PACKAGES) $(DEB_PACKAGES) debootstrap systemd-container qemu-system-x86 qemu-utils e2fsprogs
LINT_PACKAGES = $(TEST_PACKAGES) clang clang-format clang-tidy cppcheck shellcheck universal-ctags

# ---- what is built from what ------------------------------------------------------------------
# A folder of src/ is an archive; a program takes from each what it uses.  The dependency rule of
# docs/ARCHITECTURE.md shows in the link lines: no program lists a library it must not have.

folder = $(patsubst src/%.c,$(O)/obj/%.o,$(wildcard src/$(1)/*.c))
LIBBASE = $(O)/lib/base.a
LIBSPOOL = $(O)/lib/spool.a $(LIBBASE)
LIBMEDIA = $(O)/lib/media.a $(LIBSPOOL)
LIBSTORE = $(O)/lib/store.a $(O)/lib/net.a $(LIBSPOOL)
LIBMODEL = $(O)/lib/model.a $(LIBSTORE)

MEDIA_STAGES = probe compress preview render
NET_STAGES = fetch upload publish notify sweep verify
MODEL_STAGES = analyze transcribe plan inquire
STAGES = $(patsubst %,$(O)/libexec/clipspool/%,$(MEDIA_STAGES) $(NET_STAGES) $(MODEL_STAGES))
PROGRAMS = $(O)/bin/clipspool $(O)/sbin/clipspoold $(STAGES)
# What models are told, where the programs look for it.
PROMPTS = $(patsubst etc/%,$(O)/share/clipspool/%,$(wildcard etc/prompts/*))

# A line for each thing that is made; V=1 shows the commands.
show = $(if $(V),,@printf '  %-5s %s\n' $(1) $@; )
# Whole targets are made on all processors, unless -j says otherwise.
PARALLEL = $(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: all help
all: $(PROGRAMS) ## build everything (the default)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

$(O)/lib/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(call show,AR)ar rcs $@ $^

$(O)/lib/base.a: $(call folder,base)
STAGE_MODULES = $(patsubst %,$(O)/obj/stages/%.o,program stage outbox stop storage errand_main gates fallback gathered \
	models planning sandbox confine exhibit viewing sums)
$(O)/lib/stage.a: $(STAGE_MODULES)
$(O)/lib/spool.a: $(call folder,spool)
$(O)/lib/media.a: $(call folder,media)
$(O)/lib/highlight.a: $(call folder,highlight)
$(O)/lib/net.a: $(call folder,net)
$(O)/lib/store.a: $(call folder,store)
$(O)/lib/model.a: $(call folder,model)
$(O)/lib/speech.a: $(call folder,speech)
$(O)/lib/support.a: $(patsubst %.c,$(O)/obj/%.o,$(wildcard tests/support/*.c))

$(O)/sbin/clipspoold: $(call folder,daemon) $(LIBSPOOL)
	@mkdir -p $(@D)
	$(call show,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_daemon) $(LIBS_base)

$(O)/bin/clipspool: $(call folder,cli) $(LIBSPOOL)
	@mkdir -p $(@D)
	$(call show,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_base)

$(MEDIA_STAGES:%=$(O)/libexec/clipspool/%): $(O)/libexec/clipspool/%: $(O)/obj/stages/%.o $(O)/lib/stage.a \
	    $(O)/lib/highlight.a $(LIBMEDIA)
	@mkdir -p $(@D)
	$(call show,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_media) $(LIBS_stage) $(LIBS_base)

$(NET_STAGES:%=$(O)/libexec/clipspool/%): $(O)/libexec/clipspool/%: $(O)/obj/stages/%.o $(O)/lib/stage.a $(LIBSTORE)
	@mkdir -p $(@D)
	$(call show,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_store) $(LIBS_stage) $(LIBS_base)

$(MODEL_STAGES:%=$(O)/libexec/clipspool/%): $(O)/libexec/clipspool/%: $(O)/obj/stages/%.o $(O)/lib/stage.a \
	    $(O)/lib/highlight.a $(O)/lib/speech.a $(LIBMODEL) | $(PROMPTS)
	@mkdir -p $(@D)
	$(call show,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_$(@F)) $(LIBS_store) $(LIBS_stage) $(LIBS_base)

$(O)/share/clipspool/prompts/%: etc/prompts/%
	@mkdir -p $(@D)
	$(call show,COPY)cp $< $@

$(O)/obj/speech/%.o: ALL_CFLAGS += $(CFLAGS_speech)
$(O)/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(call show,CC)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(O)/obj/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(call show,CC)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# ---- tests ------------------------------------------------------------------------------------
# One program a module; a test program may link everything, the archives give it what it uses.

test_programs = $(patsubst tests/%.c,$(O)/tests/%,$(wildcard tests/$(1)/check_*.c))
UNIT_TESTS = $(call test_programs,unit)
# The longest first: what begins last is what everything waits for.
LONG_TESTS = $(addprefix $(O)/tests/integration/check_,models smartcut browser reel render kills documents)
INTEGRATION_TESTS = $(LONG_TESTS) $(filter-out $(LONG_TESTS),$(call test_programs,integration))
FAULT_TESTS = $(call test_programs,fault)
BENCHES = $(patsubst tests/%.c,$(O)/tests/%,$(wildcard tests/bench/bench_*.c))

$(O)/tests/%: $(O)/obj/tests/%.o $(O)/lib/support.a $(O)/lib/media.a $(O)/lib/highlight.a $(O)/lib/speech.a $(LIBMODEL)
	@mkdir -p $(@D)
	$(call show,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS_test) $(LIBS_media) $(LIBS_store) \
	    $(LIBS_transcribe) $(LIBS_daemon) $(LIBS_stage) $(LIBS_base)

# Where file systems are what the test says.
$(O)/tests/unit/check_mount: LDFLAGS += -Wl,--wrap=fstatfs
# Where a file that is there cannot be read.
$(O)/tests/unit/check_program: LDFLAGS += -Wl,--wrap=pread

# In a fault test the N-th of these calls fails on demand (tests/support/faults.h).
FAULT_CALLS = close copy_file_range fstat fstatat fsync ftruncate futimens linkat mkdirat openat pread \
	renameat renameat2 unlinkat write
$(FAULT_TESTS): LDFLAGS += $(FAULT_CALLS:%=-Wl,--wrap=%)

# The same in programs as they are installed: preloaded, so without a sanitizer of its own.
SHIM = $(O)/tests/shim.so
$(SHIM): tests/fault/shim/shim.c tests/support/shim.h
	@mkdir -p $(@D)
	$(call show,LINK)$(CC) -std=c17 -D_GNU_SOURCE -I. -O1 -g -fPIC -shared -fvisibility=hidden $(WARNINGS) -o $@ $<
$(patsubst %,$(O)/tests/integration/check_%,points memory powercut): | $(SHIM)

# A test of a module that is in no archive above takes its neighbours too, without main.
DAEMON_MODULES = $(filter-out $(O)/obj/daemon/main.o,$(call folder,daemon))
DAEMON_TESTS = $(patsubst src/daemon/%.c,$(O)/tests/unit/check_%,$(wildcard src/daemon/*.c))
$(DAEMON_TESTS): $(DAEMON_MODULES)
CLI_MODULES = $(filter-out $(O)/obj/cli/main.o,$(call folder,cli))
CLI_TESTS = $(patsubst src/cli/%.c,$(O)/tests/unit/check_%,$(filter-out %/main.c,$(wildcard src/cli/*.c)))
$(CLI_TESTS): $(CLI_MODULES)
STAGE_TESTS = $(STAGE_MODULES:$(O)/obj/stages/%.o=$(O)/tests/unit/check_%)
$(STAGE_TESTS): $(STAGE_MODULES)

.SECONDARY:
-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)

.PHONY: check check-media check-unit check-integration check-system check-threads test test-programs asan tsan valgrind bench bench-built lint clean
test-programs: $(PROGRAMS) $(UNIT_TESTS) $(INTEGRATION_TESTS) $(FAULT_TESTS) $(SHIM)

check-unit: $(PROGRAMS) $(UNIT_TESTS) $(FAULT_TESTS) ## run the unit tests
	@tests/support/run-tests $(UNIT_TESTS) $(FAULT_TESTS)

# The S3 service that tests talk to, in the versions of its lock file.  None of its scripts is run.
S3_SERVER = build/s3/node_modules/.package-lock.json
$(S3_SERVER): tests/support/s3/package-lock.json
	@mkdir -p build/s3
	@cp tests/support/s3/package.json tests/support/s3/package-lock.json build/s3
	$(call show,NPM)cd build/s3 && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

check-integration: $(PROGRAMS) $(INTEGRATION_TESTS) $(S3_SERVER) ## run the integration tests
	@tests/support/run-tests $(INTEGRATION_TESTS)

check: test-programs $(S3_SERVER) ## run all tests (assumes that what they need is installed)
	@tests/support/run-tests $(INTEGRATION_TESTS) $(UNIT_TESTS) $(FAULT_TESTS)

MEDIA = ../shared/media/camera ../shared/media/formats
check-media: deps-test ## cut every video of the folders MEDIA="..." and hold the reels against them
	+@$(PARALLEL) $(PROGRAMS) $(O)/tests/integration/check_smartcut_real
	@$(O)/tests/integration/check_smartcut_real $(MEDIA)

test: deps-test ## install what is missing, build, and run all tests
	+@$(PARALLEL) check

# Everything but libav itself is slower by about half; waiting is given more time than it should need.
ASAN_TESTS ?= check
asan: deps-test ## run all tests under AddressSanitizer and UndefinedBehaviorSanitizer
	+@CK_TIMEOUT_MULTIPLIER=3 CLIPSPOOL_TEST_SECONDS=1500 \
	    LSAN_OPTIONS=suppressions=$(CURDIR)/tests/support/leaks.suppressions:print_suppressions=0 \
	    $(PARALLEL) O=$(O)/asan \
	    SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer" \
	    CFLAGS="-O1 -g" $(ASAN_TESTS)

# Modules with threads of their own, and what uses them.  Of libraries that were built without it
# ThreadSanitizer knows too little.
THREAD_TESTS = $(addprefix $(O)/tests/unit/check_,chorus complaints crew dub fingerprint footage join lanes part_sums reel shelf \
	reel_verify)
tsan: deps-test ## run the tests of what has threads under ThreadSanitizer
	+@CK_TIMEOUT_MULTIPLIER=3 TSAN_OPTIONS=suppressions=$(CURDIR)/tests/support/races.suppressions \
	    $(PARALLEL) O=$(O)/tsan SANITIZE="-fsanitize=thread -fno-omit-frame-pointer" CFLAGS="-O1 -g" check-threads
check-threads: $(THREAD_TESTS)
	@tests/support/run-tests $(THREAD_TESTS)

# What computes with libav is left to the sanitizers: it would take hours here.
# Nor are tests that count descriptors, of which it needs some, and one that measures an answer's time.
MEMORY_TESTS = $(filter-out %/check_fs_tree %/check_ask,$(foreach d,base spool highlight net store model, \
	$(patsubst src/$(d)/%.c,$(O)/tests/unit/check_%,$(wildcard src/$(d)/*.c))))
valgrind: deps-memory ## run the unit tests of all but media and programs under valgrind
	+@$(PARALLEL) $(PROGRAMS) $(filter $(UNIT_TESTS),$(MEMORY_TESTS))
	@CK_TIMEOUT_MULTIPLIER=20 CLIPSPOOL_TEST_SECONDS=1500 \
	    CLIPSPOOL_TEST_UNDER="valgrind -q --error-exitcode=66 --child-silent-after-fork=no" \
	    tests/support/run-tests $(filter $(UNIT_TESTS),$(MEMORY_TESTS))

check-system: deps-system ## install into an empty root; boot a Debian with the package, as a container and a machine (root)
	+@$(PARALLEL) all $(O)/tests/unit/check_cgroup
	@tests/system/check-install $(O)
	+@$(MAKE) --no-print-directory deb >$(O)/deb.log 2>&1 || { tail -n 40 $(O)/deb.log; exit 1; }
	@tests/system/check-boot $(O)/deb
	@tests/system/check-machine $(O)/deb $(O)/tests/unit/check_cgroup

# Fuzzers take what their target needs out of base, spool, net, store and model, and of media what only
# looks at bytes (but for the one that decodes), all built by clang with its sanitizers.
FUZZERS = $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
SECONDS = 30
FUZZ_MEDIA = $(addprefix src/media/,bits.c nal.c obu.c packets.c vp9.c webtrack.c) $(wildcard src/media/paramsets*.c)
$(O)/fuzz/%: tests/fuzz/%.c $(wildcard $(patsubst %,src/%/*.c,base spool net store model)) $(FUZZ_MEDIA)
	@mkdir -p $(@D)
	clang -std=c17 -D_GNU_SOURCE -Isrc -I. -g -O1 -DCLIPSPOOL_VERSION='"$(VERSION)"' \
	    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -o $@ $^ \
	    -Wl,--as-needed $(LIBS_media) $(LIBS_store) $(LIBS_daemon) $(LIBS_base)
$(O)/fuzz/fuzz_media: $(wildcard src/media/*.c)

.PHONY: fuzz
fuzz: $(FUZZERS) ## let each fuzzer look for crashes (SECONDS=30 each, from tests/fuzz/corpus)
	@set -e; for f in $(FUZZERS); do name=$${f##*/fuzz_}; mkdir -p $(O)/fuzz/corpus-$$name; \
	    echo "== $$name"; $$f -max_total_time=$(SECONDS) -max_len=65536 -verbosity=0 \
	        -print_final_stats=1 $(O)/fuzz/corpus-$$name $$(ls -d tests/fuzz/corpus/$$name 2>/dev/null); \
	done

bench: deps-test ## print the benchmarks, each against its reference
	+@$(PARALLEL) bench-built
bench-built: $(PROGRAMS) $(BENCHES)
	@set -e; for b in $(BENCHES); do echo "== $$(basename $$b)"; $$b; done

lint: deps-lint ## hold the tree against docs/STYLE.md and the static analysers
	+@$(PARALLEL) lint-tree lint-clang lint-deep
.PHONY: lint-tree lint-clang lint-deep
lint-tree:
	@tests/lint/doors
	@tests/lint/budget
	@echo '  clang-format'
	@git ls-files -z '*.c' '*.h' | xargs -0 clang-format --dry-run --Werror
	@echo '  shellcheck'
	@git grep -lzE '^#!.*[/ ](ba)?sh$$' | xargs -0 shellcheck
	@echo '  cppcheck'
	@cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
	    --suppressions-list=tests/lint/cppcheck.suppressions --error-exitcode=1 -j $(shell nproc) -Isrc src

# An empty file says that a source was found clean; any header makes all of them stale.
LINTED = $(shell git ls-files '*.c')
CFLAGS_of = $(if $(filter src/speech/%,$<),$(CFLAGS_speech))
LINT_FLAGS = -std=c17 -D_GNU_SOURCE -Isrc -I. -DCLIPSPOOL_VERSION='"$(VERSION)"'
lint-clang: $(LINTED:%.c=$(O)/lint/%.clang)
lint-deep: $(patsubst %.c,$(O)/lint/%.tidy,$(filter src/%,$(LINTED)))
$(O)/lint/%.clang: %.c $(wildcard src/*/*.h tests/*/*.h)
	@mkdir -p $(@D)
	$(call show,CLANG)clang -fsyntax-only $(LINT_FLAGS) $(CFLAGS_of) $(WARNINGS) -Werror $<
	@touch $@
# What goes to stderr is a count of what was found in foreign headers, unless the program itself fails.
$(O)/lint/%.tidy: %.c $(wildcard src/*/*.h) .clang-tidy
	@mkdir -p $(@D)
	$(call show,TIDY)clang-tidy --quiet --warnings-as-errors='*' $< -- $(LINT_FLAGS) $(CFLAGS_of) 2>$@.said || \
	    { cat $@.said; exit 1; }
	@touch $@

clean: ## remove everything built
	rm -rf $(O)

# ---- trying and installing -----------------------------------------------------------------------

.PHONY: demo demo-built install uninstall
demo: deps-demo ## make a reel from three sample videos; VIDEOS="a.mp4 'my clip.mov'" takes your own
	+@$(PARALLEL) demo-built
demo-built: export VIDEOS := $(VIDEOS)
demo-built: $(PROGRAMS)
	@tests/support/demo $(O)

# Where the programs are is written into the unit; every other file goes as it is.
INSTALLED = $(bindir)/clipspool $(sbindir)/clipspoold $(STAGES:$(O)/libexec/clipspool/%=$(libexecdir)/%) \
	$(unitdir)/clipspool.service $(prefix)/lib/sysusers.d/clipspool.conf \
	$(prefix)/lib/tmpfiles.d/clipspool.conf $(prefix)/lib/systemd/catalog/clipspool.catalog \
	$(sharedir)/bash-completion/completions/clipspool $(sharedir)/doc/clipspool/job.conf.example \
	$(sharedir)/clipspool/spool/README $(sharedir)/clipspool/samba.conf \
	$(PROMPTS:$(O)/share/%=$(sharedir)/%) \
	$(foreach page,$(wildcard docs/man/*),$(sharedir)/man/man$(subst .,,$(suffix $(page)))/$(notdir $(page)))

install: $(PROGRAMS) ## install into prefix (/usr/local); an existing clipspool.conf stays as it is
	install -D -m 755 $(O)/bin/clipspool $(DESTDIR)$(bindir)/clipspool
	install -D -m 755 $(O)/sbin/clipspoold $(DESTDIR)$(sbindir)/clipspoold
	install -D -m 755 -t $(DESTDIR)$(libexecdir) $(STAGES)
	install -d $(DESTDIR)$(unitdir) $(DESTDIR)$(prefix)/lib/tmpfiles.d
	sed -e 's|@sbindir@|$(sbindir)|g' -e 's|@sysconfdir@|$(sysconfdir)|g' systemd/clipspool.service \
	    >$(DESTDIR)$(unitdir)/clipspool.service
	install -D -m 644 systemd/sysusers.conf $(DESTDIR)$(prefix)/lib/sysusers.d/clipspool.conf
	sed -e 's|@sharedir@|$(sharedir)|g' systemd/tmpfiles.conf \
	    >$(DESTDIR)$(prefix)/lib/tmpfiles.d/clipspool.conf
	install -D -m 644 systemd/clipspool.catalog $(DESTDIR)$(prefix)/lib/systemd/catalog/clipspool.catalog
	install -D -m 644 -t $(DESTDIR)$(sharedir)/bash-completion/completions etc/bash-completion/clipspool
	install -D -m 644 -t $(DESTDIR)$(sharedir)/doc/clipspool etc/job.conf.example
	install -D -m 644 -t $(DESTDIR)$(sharedir)/clipspool/spool spool/README
	install -D -m 644 -t $(DESTDIR)$(sharedir)/clipspool/prompts $(PROMPTS)
	sed -e 's|@sharedir@|$(sharedir)|g' etc/samba/clipspool.conf \
	    >$(DESTDIR)$(sharedir)/clipspool/samba.conf
	for page in docs/man/*; do \
	    install -D -m 644 -t $(DESTDIR)$(sharedir)/man/man$${page##*.} $$page || exit 1; done
	[ -e $(DESTDIR)$(sysconfdir)/clipspool/clipspool.conf ] || \
	    install -D -m 644 -t $(DESTDIR)$(sysconfdir)/clipspool etc/clipspool.conf

uninstall: ## remove what install put there, but neither configuration nor spool
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	rmdir $(addprefix $(DESTDIR),$(libexecdir) $(sharedir)/doc/clipspool $(sharedir)/clipspool/spool \
	    $(sharedir)/clipspool/prompts $(sharedir)/clipspool) 2>/dev/null || true

# The package is made of what is committed, in a folder of its own.
DEB = $(O)/deb/clipspool-$(VERSION)
.PHONY: deb
deb: deps-deb ## make the Debian package (build/deb/clipspool_*.deb) and hold it against lintian
	rm -rf $(O)/deb
	mkdir -p $(DEB)
	git archive HEAD | tar --extract --directory $(DEB)
	mv $(DEB)/etc/debian $(DEB)/debian
	cd $(DEB) && dpkg-buildpackage --build=binary --no-sign --jobs=auto
	lintian --fail-on error,warning --tag-display-limit 0 $(O)/deb/clipspool_*.changes

# ---- what the machine needs ---------------------------------------------------------------------

.PHONY: deps deps-demo deps-test deps-lint deps-memory deps-deb deps-system
deps: PACKAGES = $(BUILD_PACKAGES)
deps: ## install what building needs (Debian; root or sudo)
deps-demo: PACKAGES = $(DEMO_PACKAGES)
deps-test: PACKAGES = $(TEST_PACKAGES)
deps-lint: PACKAGES = $(LINT_PACKAGES)
deps-memory: PACKAGES = $(TEST_PACKAGES) valgrind
deps-deb: PACKAGES = $(DEB_PACKAGES)
deps-system: PACKAGES = $(SYSTEM_PACKAGES)
deps deps-demo deps-test deps-lint deps-memory deps-deb deps-system:
	@missing=$$(for p in $(PACKAGES); do \
	    dpkg-query -W -f '$${Status}\n' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	[ -z "$$missing" ] || { sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	    echo "installing:" $$missing; \
	    $$sudo apt-get update -qq && \
	    $$sudo env DEBIAN_FRONTEND=noninteractive \
	        apt-get install -y -qq --no-install-recommends $$missing >/dev/null; }
