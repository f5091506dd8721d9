# amas: make, make check, make install.  CC, CFLAGS, LDFLAGS, PREFIX and DESTDIR
# are yours; what the build needs stands in ALL_*.

PREFIX   = /usr/local
BINDIR   = $(PREFIX)/bin
LIBDIR   = $(PREFIX)/lib
INCDIR   = $(PREFIX)/include
MANDIR   = $(PREFIX)/share/man
DATADIR  = $(PREFIX)/share/amas
CC       = cc
CFLAGS   = -O2 -g
AR       = ar
B        = build
O        = $(B)
SAN      =
WERROR   =

MSGPACK := $(shell pkg-config --exists msgpack-c && echo msgpack-c || echo msgpack)
PKGS     = jansson $(MSGPACK)
# libev installs no .pc file; libdl is part of libc where that has no need of it
LIBS    := $(shell pkg-config --libs jansson) -lev -lm -ldl
WARN     = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wwrite-strings -Wcast-qual -Wpointer-arith -Wformat=2 -Wundef -Wvla \
	-Wconversion -Wsign-conversion -Wimplicit-fallthrough \
	$(if $(WERROR),-Werror)
ISYSTEM := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags-only-I $(PKGS)))

ALL_CPPFLAGS = -Ilib -D_GNU_SOURCE $(ISYSTEM) $(CPPFLAGS)
ALL_CFLAGS   = -std=c11 -fPIC -fvisibility=hidden $(WARN) $(SAN) $(CFLAGS)
ALL_LDFLAGS  = $(SAN) $(LDFLAGS)

LIB_C   := $(filter-out lib/libdir.c lib/codec_blosc.c lib/tls.c lib/tls_files.c lib/capture%,$(wildcard lib/*.c))
LIB_O   := $(LIB_C:%.c=$(O)/%.o) $(B)/lib/libdir.o
TOOLS   := $(patsubst cmd/%.c,$(B)/%,$(wildcard cmd/amas-*.c))
CMD_O   := $(patsubst %.c,$(O)/%.o,$(filter-out $(wildcard cmd/amas-*.c),$(wildcard cmd/*.c)))
MAN     := $(wildcard man/*.[1357])

SO       = libamas.so.0
VERSION := $(shell sed -n 's/.*AMAS_VERSION "\(.*\)"/\1/p' lib/amas.h)

# Modules, loaded on first use from MODDIR, whose name is in what is built.
MODDIR   = $(abspath $(B))/amas
HAS_BLOSC := $(shell echo '\#include <blosc.h>' | $(CC) $(CPPFLAGS) -E -x c - >/dev/null 2>&1 && echo yes)
HAS_TLS  := $(shell printf '\#include <openssl/ssl.h>\n\#if OPENSSL_VERSION_NUMBER < 0x30000000L\n\#error\n\#endif\n' | $(CC) $(CPPFLAGS) -E -x c - >/dev/null 2>&1 && echo yes)
MODULES  = $(if $(HAS_BLOSC),$(B)/amas/codec_blosc.so) $(if $(HAS_TLS),$(B)/amas/tls.so)

# Captures are amas-dump's alone, and so is libpcap.
HAS_PCAP := $(shell echo '\#include <pcap/pcap.h>' | $(CC) $(CPPFLAGS) -E -x c - >/dev/null 2>&1 && echo yes)
PCAP_LIBS = $(if $(HAS_PCAP),-lpcap)
PCAP_O  := $(patsubst %.c,$(O)/%.o,$(filter-out lib/capture_$(if $(HAS_PCAP),no)live.c,$(wildcard lib/capture*.c)))

# Where the compiler can optimize the library as a whole, programs get it so, in one
# object: that is a tenth more calls per second.  LTO= for without.
LTO     := $(if $(SAN),,$(shell $(CC) -flto -flinker-output=nolto-rel -E -x c - </dev/null >/dev/null 2>&1 && echo yes))
WHOLE    = $(if $(LTO),$(O)/amas.o $(B)/lib/libdir.o,$(B)/libamas.a)
ALL_OF   = $(if $(LTO),$(WHOLE),-Wl,--whole-archive $(WHOLE) -Wl,--no-whole-archive)

all: $(B)/libamas.a $(B)/libcapture.a $(B)/$(SO) $(TOOLS) $(MODULES) $(B)/amas-pki
	@$(if $(HAS_BLOSC),:,echo "no blosc.h: made without the codec msgpack-blosc")
	@$(if $(HAS_TLS),:,echo "no openssl/ssl.h of OpenSSL 3: made without TLS")
	@$(if $(HAS_PCAP),:,echo "no pcap/pcap.h: made without interfaces and filters in amas-dump")

$(B)/libamas.a: $(LIB_O)
	rm -f $@
	$(AR) rcs $@ $(LIB_O)

$(B)/libcapture.a: $(PCAP_O)
	rm -f $@
	$(AR) rcs $@ $(PCAP_O)

$(B)/$(SO): $(WHOLE)
	$(CC) $(ALL_LDFLAGS) -shared -Wl,-soname,$(SO) -o $@ $(ALL_OF) $(LIBS)

$(O)/amas.o: $(LIB_C:%.c=$(O)/lto/%.o)
	$(CC) $(ALL_CFLAGS) -flto=auto -r -flinker-output=nolto-rel -o $@ $^

# An archive, so that each tool takes only the parts that it uses.
$(B)/libcmd.a: $(CMD_O)
	rm -f $@
	$(AR) rcs $@ $(CMD_O)

# Programs export the whole library to plugins, the bridge to jansson too.  To
# load that costs a start 45 us, as much as libm, which they do without.
$(TOOLS): $(B)/%: $(O)/cmd/%.o $(B)/libcmd.a $(WHOLE)
	$(CC) $(ALL_LDFLAGS) -o $@ $(filter-out $(WHOLE),$^) -Wl,--export-dynamic $(ALL_OF) $(LIBS)

$(B)/amas-dump: $(B)/libcapture.a
$(B)/amas-dump: private LIBS := $(PCAP_LIBS) $(LIBS)

$(B)/amas/%.so: $(O)/lib/%.o $(B)/libamas.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -shared -Wl,--exclude-libs,ALL -o $@ $^ $(NEEDS)

$(B)/amas/codec_blosc.so: NEEDS = -lblosc
$(B)/amas/tls.so: $(O)/lib/tls_files.o
$(B)/amas/tls.so: NEEDS = -lssl -lcrypto

$(B)/amas-pki: scripts/amas-pki lib/amas.h
	@mkdir -p $(@D)
	sed "s|@VERSION@|$(VERSION)|" scripts/amas-pki >$@ && chmod +x $@

$(B)/moddir: FORCE
	@mkdir -p $(@D); echo '$(MODDIR)' | cmp -s - $@ || echo '$(MODDIR)' >$@

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/lto/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -flto -MMD -MP -c -o $@ $<

$(B)/lib/libdir.o: lib/libdir.c $(B)/moddir
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) -DAMAS_LIBDIR='"$(MODDIR)"' $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

include tests/tests.mk

check: all tests
	scripts/run-tests $(B)

check-asan:
	$(MAKE) check B=build/asan SAN="-fsanitize=address,undefined -fno-sanitize-recover=all"

# The second forms of what not all systems have.
check-portable:
	$(MAKE) check B=build/portable CPPFLAGS="$(CPPFLAGS) -DAMAS_PORTABLE"

check-valgrind: all tests
	AMAS_WRAP="valgrind -q --leak-check=full --error-exitcode=99" scripts/run-tests $(B)

# Which lines of lib/ the tests run: the share, and the files below 90 %.
coverage:
	$(MAKE) B=build/coverage CFLAGS="-O0 -g" SAN="--coverage -fprofile-update=atomic" all tests
	find build/coverage -name '*.gcda' -exec rm -f {} +
	-scripts/run-tests build/coverage
	scripts/coverage build/coverage

check-all: check check-asan
	$(MAKE) check B=build/clang CC=clang WERROR=1

# libFuzzer: build/fuzz/NAME tests/fuzz/corpus/NAME; T=90s runs each so long
T =
FUZZ_TLS = $(if $(HAS_TLS),build/fuzz-obj/tests/tls/certs.o)
fuzz:
	$(MAKE) B=build/fuzz-obj CC=clang SAN="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all" build/fuzz-obj/libamas.a build/fuzz-obj/libcapture.a build/fuzz-obj/libcmd.a $(MODULES:$(B)/%=build/fuzz-obj/%) $(FUZZ:%=build/fuzz-obj/tests/fuzz/%.o) $(FUZZ_TLS)
	@mkdir -p build/fuzz
	for t in $(FUZZ); do clang -fsanitize=fuzzer,address,undefined -o build/fuzz/$$t build/fuzz-obj/tests/fuzz/$$t.o $(FUZZ_TLS) build/fuzz-obj/libcmd.a build/fuzz-obj/libcapture.a build/fuzz-obj/libamas.a $(PCAP_LIBS) $(LIBS) $(MSGPACK_LIBS) $(if $(FUZZ_TLS),-lssl -lcrypto) || exit 1; done
	$(if $(T),scripts/fuzz $(T))

lint:
	scripts/check-lint

analyze:
	scripts/analyze

format:
	clang-format -i lib/*.[ch] cmd/*.[ch] tests/unit/*.[ch] tests/fuzz/*.c

# What is installed looks for modules elsewhere, so it is linked once more.
install:
	$(MAKE) B=$(B)/installed O=$(B) MODDIR=$(LIBDIR)/amas all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(LIBDIR)/amas $(DESTDIR)$(INCDIR) $(DESTDIR)$(DATADIR)
	install $(TOOLS:$(B)/%=$(B)/installed/%) $(B)/installed/amas-pki $(DESTDIR)$(BINDIR)
	install -m 644 $(B)/installed/libamas.a $(DESTDIR)$(LIBDIR)
	install $(B)/installed/$(SO) $(DESTDIR)$(LIBDIR)
	for m in $(MODULES:$(B)/%=%); do install $(B)/installed/$$m $(DESTDIR)$(LIBDIR)/$$m || exit 1; done
	ln -sf $(SO) $(DESTDIR)$(LIBDIR)/libamas.so
	install -m 644 lib/amas.h lib/amas_value.h lib/amas_jansson.h $(DESTDIR)$(INCDIR)
	install -m 644 scripts/amas.lua $(DESTDIR)$(DATADIR)
	for p in amas amas-plugin; do \
	    sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCDIR@|$(INCDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' \
		lib/$$p.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/$$p.pc || exit 1; done
	for p in $(MAN); do s=$${p##*.}; install -d $(DESTDIR)$(MANDIR)/man$$s && install -m 644 $$p $(DESTDIR)$(MANDIR)/man$$s || exit 1; done

uninstall:
	rm -f $(TOOLS:$(B)/%=$(DESTDIR)$(BINDIR)/%) $(DESTDIR)$(BINDIR)/amas-pki $(DESTDIR)$(LIBDIR)/libamas.a \
	    $(DESTDIR)$(LIBDIR)/$(SO) $(DESTDIR)$(LIBDIR)/libamas.so \
	    $(DESTDIR)$(LIBDIR)/pkgconfig/amas.pc $(DESTDIR)$(LIBDIR)/pkgconfig/amas-plugin.pc \
	    $(DESTDIR)$(INCDIR)/amas.h $(DESTDIR)$(INCDIR)/amas_value.h $(DESTDIR)$(INCDIR)/amas_jansson.h
	rm -rf $(DESTDIR)$(LIBDIR)/amas $(DESTDIR)$(DATADIR)
	for p in $(MAN); do rm -f $(DESTDIR)$(MANDIR)/man$${p##*.}/$${p##*/}; done

clean:
	rm -rf build

FORCE:

.PHONY: all check check-asan check-portable check-m32 check-valgrind check-all fuzz lint analyze coverage format install uninstall clean
-include $(wildcard $(O)/*/*.d $(O)/*/*/*.d $(B)/lib/libdir.d)
