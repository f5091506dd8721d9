# How the tests are built; the Makefile includes it.

WRAP     = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free
TESTTOOLS := $(patsubst %.c,$(B)/%,$(filter-out tests/tools/faulty.c,$(wildcard tests/tools/*.c)))
FAULTY  := $(B)/tests/tools/faulty.so
EXAMPLES := $(patsubst %.c,$(B)/%,$(filter-out %_plugin.c,$(wildcard tests/examples/*.c)))
PLUGINS := $(patsubst %.c,$(B)/%.so,$(wildcard tests/examples/*_plugin.c)) \
	$(patsubst %,$(B)/tests/plugins/%.so,symbol open silent names twice codec other abi empty crash)
NO_TLS   = $(if $(HAS_TLS),,tests/unit/tls.c tests/fuzz/tls.c)
UNIT    := $(patsubst %.c,$(B)/%,$(filter-out tests/unit/tap.c $(NO_TLS),$(wildcard tests/unit/*.c)))
FUZZ    := $(patsubst tests/fuzz/%.c,%,$(filter-out tests/fuzz/driver.c $(NO_TLS),$(wildcard tests/fuzz/*.c)))
STRESS  := $(patsubst %,$(B)/tests/stress/%,steps_plugin.so shuffle_plugin.so shuffle_worker lost overload idle)
MSGPACK_LIBS := $(shell pkg-config --libs $(MSGPACK))
HAS_ZMQ := $(shell echo '\#include <zmq.h>' | $(CC) $(CPPFLAGS) -E -x c - >/dev/null 2>&1 && echo yes)
BENCH   := $(patsubst %,$(B)/tests/bench/%,codec rawlimit tiny echo_plugin.so spawn agents_worker agents_plugin.so clock_plugin.so clock_raw mosaik_plugin.so $(if $(HAS_TLS),tls tiny_tls) $(if $(HAS_ZMQ),zmq))

.PHONY: tests
tests: $(UNIT) $(TESTTOOLS) $(EXAMPLES) $(PLUGINS) $(FUZZ:%=$(B)/tests/fuzz/%) $(BENCH) $(STRESS) $(FAULTY)

$(UNIT): $(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/tests/unit/tap.o $(B)/libamas.a
	$(CC) $(ALL_LDFLAGS) $(WRAP) -o $@ $^ $(LIBS) $(TLSLIBS)

# Those that make certificates.
$(B)/tests/unit/tls $(B)/tests/fuzz/tls $(B)/tests/bench/tls: $(B)/tests/tls/certs.o
$(B)/tests/unit/tls $(B)/tests/fuzz/tls $(B)/tests/bench/tls: TLSLIBS = -lssl -lcrypto

# Those that read captures.
CAPTURES = $(B)/tests/unit/capture $(B)/tests/unit/capture_file \
	$(B)/tests/unit/capture_tcp $(B)/tests/fuzz/capture \
	$(B)/tests/fuzz/dump
$(CAPTURES): $(B)/libcapture.a
$(CAPTURES): private LIBS := $(B)/libcapture.a $(B)/libamas.a $(PCAP_LIBS) $(LIBS)

# That looks into a program.
$(B)/tests/fuzz/dump: $(B)/libcmd.a
$(B)/tests/fuzz/msgpackc: private LIBS += $(MSGPACK_LIBS)
$(B)/tests/fuzz/dump.o: override CPPFLAGS += -Icmd

$(EXAMPLES): $(B)/tests/examples/%: $(B)/tests/examples/%.o $(B)/libamas.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/tests/examples/%.so: $(B)/tests/examples/%.o
	$(CC) $(ALL_LDFLAGS) -shared -o $@ $<

# One source, a plugin for each fault.
$(B)/tests/plugins/%.so: tests/plugins/odd.c lib/amas.h
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -DODD_$* -shared -o $@ $<

$(TESTTOOLS): $(B)/tests/tools/%: $(B)/tests/tools/%.o $(B)/libamas.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# Comes before the program that it is loaded into, sanitizers or not; those
# have allocations of their own.
$(FAULTY): tests/tools/faulty.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(filter-out $(SAN),$(ALL_CFLAGS)) -fvisibility=default $(if $(SAN),-DNO_MALLOC) -shared -o $@ $<

$(FUZZ:%=$(B)/tests/fuzz/%): $(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/driver.o $(B)/libamas.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(TLSLIBS)

$(B)/tests/bench/codec: $(B)/tests/bench/codec.o $(B)/libamas.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(MSGPACK_LIBS) $(if $(HAS_BLOSC),-lblosc)

$(B)/tests/bench/codec.o: override CPPFLAGS += $(if $(HAS_BLOSC),-DHAS_BLOSC)

.PHONY: bench-codec
bench-codec: $(B)/tests/bench/codec $(MODULES)
	$<

$(B)/tests/bench/spawn $(B)/tests/bench/tiny: $(B)/tests/bench/%: $(B)/tests/bench/%.o
	$(CC) $(ALL_LDFLAGS) -o $@ $^

$(B)/tests/bench/rawlimit: $(patsubst %,$(B)/tests/bench/%.o,rawlimit $(patsubst %,rawlimit_%,load pair serve sock spawn))
	$(CC) $(ALL_LDFLAGS) -o $@ $^

$(B)/tests/bench/zmq: $(B)/tests/bench/zmq.o $(B)/tests/bench/rawlimit_sock.o
	$(CC) $(ALL_LDFLAGS) -pthread -o $@ $^ -lzmq

$(B)/tests/bench/tiny_tls: tests/bench/tiny.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -DTLS -o $@ $< -lssl -lcrypto

$(B)/tests/bench/agents_worker: $(B)/tests/bench/agents_worker.o $(B)/tests/bench/flood.o $(B)/libamas.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/tests/bench/agents_plugin.so: $(B)/tests/bench/agents_plugin.o $(B)/tests/bench/flood.o
	$(CC) $(ALL_LDFLAGS) -shared -o $@ $^

$(B)/tests/bench/clock_plugin.so $(B)/tests/bench/echo_plugin.so $(B)/tests/bench/mosaik_plugin.so: %.so: %.o
	$(CC) $(ALL_LDFLAGS) -shared -o $@ $<

$(B)/tests/bench/clock_raw: $(B)/tests/bench/clock_raw.o $(B)/libamas.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/tests/bench/tls: $(B)/tests/bench/tls.o $(B)/libamas.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(TLSLIBS)

# All of them, one after the other.
.PHONY: bench
bench:
	$(MAKE) bench-calls
	$(MAKE) bench-codec
	$(if $(HAS_TLS),$(MAKE) bench-tls)
	$(MAKE) bench-dump
	$(MAKE) bench-clock
	$(MAKE) bench-agents
	$(MAKE) bench-mosaik

.PHONY: bench-tls
bench-tls: $(B)/tests/bench/tls $(MODULES)
	$<

.PHONY: bench-calls
bench-calls: all $(BENCH)
	AMAS_BUILD=$(B) tests/bench/calls.sh $(PASSES) >$(B)/bench-calls.txt
	cat $(B)/bench-calls.txt

# Of the last run of bench-calls.
.PHONY: bench-plot
bench-plot:
	tests/bench/plot.sh $(B) <$(B)/bench-calls.txt

.PHONY: bench-dump
bench-dump: all tests
	AMAS_BUILD=$(B) tests/bench/dump.sh

.PHONY: bench-clock
bench-clock: all $(BENCH)
	AMAS_BUILD=$(B) tests/bench/clock.sh

.PHONY: bench-mosaik
bench-mosaik: all $(BENCH)
	AMAS_BUILD=$(B) tests/bench/mosaik.sh

.PHONY: bench-agents
bench-agents: all $(BENCH)
	AMAS_BUILD=$(B) tests/bench/agents.sh

$(B)/tests/stress/%.so: $(B)/tests/stress/%.o
	$(CC) $(ALL_LDFLAGS) -shared -o $@ $^

$(B)/tests/stress/shuffle_plugin.so: $(B)/tests/stress/shuffle.o

$(B)/tests/stress/shuffle_worker: $(B)/tests/stress/shuffle_worker.o $(B)/tests/stress/shuffle.o $(B)/libamas.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/tests/stress/lost: $(B)/tests/stress/lost.o $(B)/tests/stress/beside.o $(B)/libamas.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/tests/stress/overload: $(patsubst %,$(B)/tests/stress/%.o,overload load slow beside) $(B)/libamas.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/tests/stress/idle: $(patsubst %,$(B)/tests/stress/%.o,idle load) $(B)/libamas.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# Thousands of steps at random, some minutes.
.PHONY: stress
stress: all $(STRESS)
	PATH="$(abspath $(B)):$$PATH" STEPS_PLUGIN=$(abspath $(B)/tests/stress/steps_plugin.so) \
	    python3 tests/stress/steps.py $(STEPS)

# A million calls of each kind, some minutes.
CALLS = 1000000
.PHONY: lost
lost: all $(STRESS)
	AMAS_BUILD=$(abspath $(B)) CALLS=$(CALLS) LOST_PATIENCE=900 BATS_TEST_TIMEOUT=1000 bats tests/lost.bats

# Twice the calls that it can answer, and connections that are idle; two minutes.
SPAN = 5
IDLE = 10000
.PHONY: overload
overload: all $(STRESS)
	AMAS_BUILD=$(abspath $(B)) SPAN=$(SPAN) IDLE=$(IDLE) OVERLOAD_PATIENCE=300 BATS_TEST_TIMEOUT=400 bats tests/overload.bats

# Layers 0 and 1, which do no input and output, on a machine of 32 bits, and
# what tests them alone.  Needs gcc -m32 (gcc-multilib).
M32 := $(B)/m32
M32_LIB := err mem pool buf utf8 text map log value area pack unpack where number \
	pow5 base64 guess date codec types types_lift codec_json json_read \
	json_write json_put codec_msgpack msgpack_decode blosc_check frame msg \
	addr
M32_UNIT := addr base64 buf codec_json codec_msgpack cost date err frame guess \
	log map mem msg number pack pool text utf8
M32_FUZZ := address frame json message msgpack
M32_CC = gcc -m32 $(ALL_CPPFLAGS) -std=c11 $(WARN) -Wno-type-limits $(CFLAGS)

$(M32)/%.o: %.c
	@mkdir -p $(@D)
	$(M32_CC) -MMD -MP -c -o $@ $<

$(M32_UNIT:%=$(M32)/tests/unit/%): %: %.o $(M32)/tests/unit/tap.o $(M32_LIB:%=$(M32)/lib/%.o)
	gcc -m32 $(WRAP) -o $@ $^ -lm

$(M32_FUZZ:%=$(M32)/tests/fuzz/%): %: %.o $(M32)/tests/fuzz/driver.o $(M32_LIB:%=$(M32)/lib/%.o)
	gcc -m32 -o $@ $^ -lm

check-m32: $(M32_UNIT:%=$(M32)/tests/unit/%) $(M32_FUZZ:%=$(M32)/tests/fuzz/%)
	for t in $(M32_UNIT); do $(M32)/tests/unit/$$t >$(M32)/$$t.tap || { cat $(M32)/$$t.tap; exit 1; }; done
	for t in $(M32_FUZZ); do $(M32)/tests/fuzz/$$t tests/fuzz/corpus/$$t/* >$(M32)/$$t.tap || { cat $(M32)/$$t.tap; exit 1; }; done
	@echo "-m32: $$(cat $(M32)/*.tap | grep -c '^ok') tests passed"

# Mixed load; nothing may grow.
MINUTES = 10
.PHONY: soak
soak: all $(STRESS) $(PLUGINS)
	AMAS_BUILD=$(B) tests/stress/soak.sh -m $(MINUTES)

# What the system refuses, each time that it can.
.PHONY: faults
faults: all $(FAULTY)
	AMAS_BUILD=$(abspath $(B)) FAULT_STEP=1 BATS_TEST_TIMEOUT=900 bats --print-output-on-failure tests/faults.bats

# The fuzz targets keep their undocumented prototype: libFuzzer has no header.
$(B)/tests/%.o $(M32)/tests/%.o: WARN += -Wno-missing-prototypes
