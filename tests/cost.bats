# What a call costs, in units that do not depend on how busy the machine is:
# calls of the system, pages touched, bytes held.

load helper
load tools/raw

setup() {
	make_tmp
	plugin=$AMAS_BUILD/tests/stress/shuffle_plugin.so
	serve=(amas-serve "$tmp/s" "$plugin")
}

plain_memory() {
	[ "$(has_asan)" = 0 ] || skip 'the sanitizers take memory of their own'
}

need_strace() {
	[ "$(has_asan)" = 0 ] || skip 'the sanitizers make calls of their own'
	command -v strace >/dev/null || skip 'no strace'
	strace -o "$tmp/true" true 2>/dev/null || skip 'strace traces nothing'
}

# What the scripts below share: PID's page faults, and a batch of calls.
batches='
def faults():
    with open(f"/proc/{pid}/stat") as f:
        return int(f.read().rsplit(")", 1)[1].split()[7])

def batch(c, n, data="x"):
    c.send(b"".join(request(i, "echo", data) for i in range(n)))
    for i in range(n):
        assert c.recv() == [1, i, data]
'

# traced SCRIPT: prints how many calls of the system the server at $addr makes
# while what() of the script runs; which ones is in $tmp/trace.
traced() {
	raw <<-END
	$batches
	$1
	tracer = subprocess.Popen(["strace", "-f", "-o", f"{tmp}/trace",
	                           "-p", str(pid)], stderr=subprocess.PIPE)
	assert b"attached" in tracer.stderr.readline()
	what()
	tracer.send_signal(signal.SIGINT)
	tracer.stderr.read()
	tracer.wait()
	END
	grep -c '(' "$tmp/trace"
}

# at_most MAX N
at_most() {
	echo "# $BATS_TEST_DESCRIPTION: $2, at most $1" >&3
	(($2 <= $1)) || {
		echo "$2 is more than $1" >&2
		! [ -e "$tmp/trace" ] ||
			sed -E 's/^[0-9]+ +//; s/\(.*//' "$tmp/trace" |
			sort | uniq -c >&2
		return 1
	}
}

@test "cost: 3 calls of the system for a call, one at a time" {
	need_strace
	start "${serve[@]}"
	run -0 traced '
c = connect()
batch(c, 1)
def what():
    for i in range(1000):
        batch(c, 1)
'
	# what is under way as the trace begins and ends is not a call's
	at_most 3005 "$output"
	[ "$output" -ge 2000 ]
}

@test "cost: one call of the system for ten calls and more, 128 at a time" {
	need_strace
	start "${serve[@]}"
	run -0 traced '
c = connect()
batch(c, 1)
def what():
    for i in range(100):
        batch(c, 128)
'
	at_most 1280 "$output"
	[ "$output" -ge 200 ]
}

@test "cost: 3 calls of the system for a call that is made" {
	local n

	need_strace
	# What a start costs is the same in both.
	for n in 1 1001; do
		start amas-serve "$tmp/s$n" s="$plugin"
		run -0 t strace -f -o "$tmp/trace.$n" \
			"$AMAS_BUILD/tests/stress/lost" -c 1 -w 1 "$addr" "$n"
	done
	cp "$tmp/trace.1001" "$tmp/trace"
	at_most 3100 "$(($(grep -c '(' "$tmp/trace.1001") -
		$(grep -c '(' "$tmp/trace.1")))"
}

@test "cost: no page fault for a message, once warm" {
	plain_memory
	start "${serve[@]}"
	raw >"$tmp/faults" <<-END
	$batches
	c = connect()
	def rounds():
	    for i in range(300):
	        batch(c, 1)
	    for i in range(30):
	        batch(c, 128)
	    for i in range(10):
	        batch(c, 1, "x" * 100000)
	rounds()
	before = faults()
	rounds()
	print(faults() - before)
	END
	at_most 0 "$(<"$tmp/faults")"
}

@test "cost: no page fault for a message of 1 MiB, once warm" {
	plain_memory
	start "${serve[@]}"
	raw >"$tmp/faults" <<-END
	$batches
	c = connect()
	def rounds():
	    for i in range(20):
	        batch(c, 1, "x" * (1 << 20))
	rounds()
	before = faults()
	rounds()
	print(faults() - before)
	END
	at_most 20 "$(<"$tmp/faults")"
}

# faults_of COMMAND...: page faults of a command until it has ended.
faults_of() {
	"$(python)" - "$@" <<-'END'
	import os, resource, subprocess, sys
	def faults():
	    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
	with open(os.devnull, 'r+') as null:
	    seen = []
	    for i in range(5):
	        before = faults()
	        pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ,
	            file_actions=[(os.POSIX_SPAWN_DUP2, null.fileno(), 1)])
	        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
	        seen.append(faults() - before)
	print(min(seen))
	END
}

@test "cost: a start of amas-call touches less than twice a bare program's pages" {
	local bare ours

	plain_memory
	command -v cc >/dev/null || skip 'no compiler'
	echo 'int main(void) { return 0; }' >"$tmp/bare.c"
	cc -O2 -o "$tmp/bare" "$tmp/bare.c"
	start "${serve[@]}"
	bare=$(faults_of "$tmp/bare")
	ours=$(faults_of "$AMAS_BUILD/amas-call" "$addr" echo 1)
	echo "# $ours pages of amas-call, $bare of a bare program" >&3
	at_most $((bare * 19 / 10)) "$ours"
}

@test "cost: little memory for an idle connection" {
	plain_memory
	ulimit -n 4096 2>/dev/null || skip 'no 4,096 descriptors'
	start "${serve[@]}"
	raw >"$tmp/bytes" <<-END
	$batches
	first = connect()
	batch(first, 128)
	for c in [connect() for i in range(100)]:
	    batch(c, 1)
	    c.close()
	before = memory(pid)
	idle = [connect() for i in range(2000)]
	for c in idle:
	    batch(c, 1)
	print((memory(pid) - before) // len(idle))
	END
	at_most 1024 "$(<"$tmp/bytes")"
}

@test "cost: programs have one thread" {
	start "${serve[@]}"
	t amas-call "$addr" echo 1
	run -0 sed -n 's/^Threads:[[:blank:]]*//p' "/proc/$pid/status"
	equal 1 "$output"
	start amas-container "$tmp/c" "$AMAS_BUILD/tests/examples/counter_plugin.so"
	t amas-call "${addr}0" count
	run -0 sed -n 's/^Threads:[[:blank:]]*//p' "/proc/$pid/status"
	equal 1 "$output"
}
