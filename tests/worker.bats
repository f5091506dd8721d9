# Workers: processes that answer calls on message lines.  Numbers are those of
# the list of faults.

load helper
load tools/calls
load tools/raw

setup() {
	make_tmp
	umask 022
	worker=$AMAS_ROOT/tests/tools/worker.py
	options=()
}

# serve [OPTION...] SOURCE...: serves on a unix socket.
serve() {
	local o=()

	while [[ $1 == -* ]]; do
		o+=("$1" "$2")
		shift 2
	done
	start amas-serve "${o[@]}" "$tmp/socket" "$@"
}

# until_log N PATTERN: waits until so many lines of the log match.
until_log() {
	local i

	for ((i = 0; i < PATIENCE * 50; i++)); do
		if (($(grep -c -- "$2" "$err") >= $1)); then
			return 0
		fi
		read -r -t 0.02 _ <><(:) || :
	done
	cat "$err" >&2
	return 1
}

# --- Answers ---

@test "worker: answers for all below its name, and for the name itself" {
	serve "math=worker:exec $worker"
	gives 7 math/add 3 4
	gives '""' math
	gives '"a/b"' math/a/b
	gives '{"x": 1, "y": "z"}' math/kwargs x=1 y=z
}

@test "worker: an unnamed one is the root" {
	serve "worker:exec $worker"
	gives 7 add 3 4
	gives '"a/b"' a/b
}

@test "worker: a file runs in its folder" {
	printf '#!/bin/sh\nexec ./helper\n' >"$tmp/m.worker"
	printf '#!/bin/sh\nexec jq -c --unbuffered "[1, .[1], .[2][1]]"\n' \
		>"$tmp/helper"
	chmod +x "$tmp/m.worker" "$tmp/helper"
	serve "x/m=$tmp/m.worker"
	gives '[1]' x/m/f 1
}

@test "worker: one filter of jq, a script of gawk, a program in C" {
	serve "j=worker:exec jq -c --unbuffered '[1, .[1], (.[2][1] | add)]'" \
		'g=worker:exec gawk '\''{ match($0, /^\[0, ([0-9]+)/, m)
			print "[1, " m[1] ", " NR "]"; fflush() }'\''' \
		"c=worker:exec $AMAS_BUILD/tests/examples/worker"
	gives 6 j 1 2 3
	gives 1 g
	gives 2 g
	gives 7.0 c/add 3 4
	fails 'TypeError: add: too few elements' c/add 3
}

@test "worker: values pass unchanged, both ways" {
	serve --codec msgpack "m=worker:exec $worker"
	options=(--codec msgpack)
	for v in 18446744073709551615 -9223372036854775808 1e+300 -0.0 \
		'"ä\u0000😀"' '[[], {}, null, true]' \
		'{"__type__": ["bytes", "AAH/"]}' \
		'{"__type__": ["map", [[1, "a"], ["1", "b"]]]}'; do
		gives "$v" m/echo ":=$v"
	done
}

@test "worker: 21: JSON keeps numbers of any size, NaN and infinities" {
	serve "m=worker:exec $worker"
	for v in "$(printf '9%.0s' {1..400})" 18446744073709551615 -0.0 \
		1e-320 5e-324 0.30000000000000004 1.7976931348623157e+308 \
		'[NaN, Infinity, -Infinity]'; do
		gives "$v" m/echo ":=$v"
	done
}

@test "worker: failures keep their text" {
	serve "m=worker:exec $worker"
	fails $'Traceback\nValueError: no' m/fail $'Traceback\nValueError: no'
	fails '["ValueError", "no"]' m/fail '["ValueError","no"]'
}

@test "worker: answers come in any order, any number in flight" {
	serve "m=worker:exec $worker"
	raw <<-'END'
	c = connect()
	for i in range(2000):
	    c.call(i, 'm/hold')
	c.call(2000, 'm/add', 1, 2)
	assert c.recv() == [1, 2000, 3]
	c.call(2001, 'm/release')
	for i in range(2000):
	    assert c.recv() == [1, 1999 - i, i]
	assert c.recv() == [1, 2001, 2000]
	END
}

@test "worker: a proxy of its own becomes one of the path here" {
	serve "a/m=worker:exec $worker"
	gives '[{"x": {"__type__": ["proxy", "a/m/sub"]}}]' a/m/proxy sub
	gives '[{"x": {"__type__": ["proxy", "a/m"]}}]' a/m/proxy ==
}

@test "worker: a proxy at the root keeps its path" {
	serve "worker:exec $worker"
	gives '[{"x": {"__type__": ["proxy", "sub"]}}]' proxy sub
}

@test "worker: a request of its own for what is not there is a failure" {
	serve "m=worker:exec $worker"
	gives '[2, "LookupError: Name \"nope\" not found in \"\""]' m/ask nope
	gives '[2, "LookupError: Name \"a\" not found in \"\""]' m/ask a/b
	gives 3 m/add 1 2
}

@test "worker: Python's aiomas calls it" {
	need_peer
	serve "m=worker:exec $worker"
	run -0 t "$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/client.py" \
		"$addr" m/add 3 4
	equal 7 "$output"
	run -1 --separate-stderr t "$AMAS_VENV/bin/python" \
		"$AMAS_ROOT/tests/peer/client.py" "$addr" m/fail 'ValueError: no'
	equal 'ValueError: no' "$(last_line "$stderr")"
}

# --- Several processes ---

@test "worker: the next call goes to the least busy, AMAS_INDEX is its number" {
	serve "m:3=worker:exec $worker"
	raw <<-'END'
	c = connect()
	assert c.ask(0, 'm/index') == [1, 0, '0']
	c.call(1, 'm/hold')
	assert c.ask(2, 'm/index') == [1, 2, '1']
	c.call(3, 'm/hold')
	assert c.ask(4, 'm/index') == [1, 4, '2']
	c.call(5, 'm/hold')
	assert c.ask(6, 'm/index') == [1, 6, '0']
	END
}

@test "worker: calls go to the others while one is down" {
	serve "m:2=worker:exec $worker"
	raw <<-'END'
	c = connect()
	for i in range(4):      # it comes back later each time
	    kind, _, text = c.ask(0, 'm/die', 9)
	    assert (kind, text) == (2, 'worker m: killed by SIGKILL'), text
	    assert c.ask(1, 'm/add', 1, 2) == [1, 1, 3]
	END
}

# --- Death ---

@test "worker: 50: kill -9 with 1,000 calls in flight: each fails once, the next is served" {
	serve "m=worker:exec $worker"
	raw <<-'END'
	c = connect()
	victim = c.ask(5000, 'm/pid')[2]
	for i in range(1000):
	    c.call(i, 'm/hold')
	assert c.ask(5001, 'm/add', 1, 2) == [1, 5001, 3]
	os.kill(victim, 9)
	begin = time.monotonic()
	seen = set()
	for i in range(1000):
	    kind, id, text = c.recv()
	    assert (kind, text) == (2, 'worker m: killed by SIGKILL'), text
	    seen.add(id)
	assert seen == set(range(1000))
	assert time.monotonic() - begin < 1, time.monotonic() - begin
	assert c.ask(5002, 'm/add', 1, 2) == [1, 5002, 3]
	c.quiet()
	assert c.ask(5003, 'm/pid')[2] != victim
	END
	grep -qx 'amas-serve: m: killed by SIGKILL; starts again in 0.1s' "$err"
}

@test "worker: 50: the same for Python's aiomas" {
	need_peer
	serve "m=worker:exec $worker"
	p=$(amas-call "$addr" m/pid)
	{
		for ((i = 0; i < 1000; i++)); do
			echo '["m/hold", [], {}]'
		done
		printf '["m/die", [9], {}]\n'
	} >"$tmp/calls"
	t "$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/client.py" -B "$addr" \
		<"$tmp/calls" >"$tmp/out" || equal 1 $?
	equal 1001 "$(grep -c 'worker m: killed by SIGKILL' "$tmp/out")"
	gives 3 m/add 1 2
	[ "$(amas-call "$addr" m/pid)" != "$p" ]
}

@test "worker: what it answered before it died counts" {
	serve "m=worker:head -n 2 | exec $worker"
	raw <<-'END'
	c = connect()
	for i in range(2):
	    c.call(i, 'm/add', i, 1)
	assert sorted([c.recv(), c.recv()]) == [[1, 0, 1], [1, 1, 2]]
	END
	until_log 1 'm: exit status 0; starts again in 0.1s'
}

@test "worker: 49: what it leaves behind holds nobody up" {
	mkfifo "$tmp/go"
	serve "m=worker:exec 3<&0; $worker <&3 & read -r x <$tmp/go; exit 4"
	raw <<-'END'
	c = connect()
	c.call(0, 'm/hold')
	assert c.ask(1, 'm/add', 1, 2) == [1, 1, 3]
	with open(tmp + '/go', 'w') as f:
	    f.write('x\n')
	assert c.recv() == [2, 0, 'worker m: exit status 4']
	assert c.ask(2, 'm/add', 1, 2) == [1, 2, 3]
	END
}

@test "worker: 50: kill -9 of the shell around it" {
	serve "m=worker:echo \$\$ >$tmp/pid; $worker; exit 0"
	raw <<-'END'
	c = connect()
	c.call(0, 'm/hold')
	assert c.ask(1, 'm/add', 1, 2) == [1, 1, 3]
	with open(tmp + '/pid') as f:
	    os.kill(int(f.read()), 9)
	assert c.recv() == [2, 0, 'worker m: killed by SIGKILL']
	assert c.ask(2, 'm/add', 1, 2) == [1, 2, 3]
	END
}

@test "worker: a status, a signal, a shell that tells of one" {
	serve "m=worker:exec $worker" "s=worker:$worker; exit \$?"
	fails 'worker m: exit status 3' m/leave 3
	fails 'worker m: killed by SIGTERM' m/die 15
	fails 'worker s: killed by SIGSEGV' s/die 11
	gives 3 s/add 1 2
}

@test "worker: 50: the delay before it starts again doubles" {
	serve "m=worker:exit 5"
	until_log 3 .
	equal 'amas-serve: m: exit status 5; starts again in 0.1s
amas-serve: m: exit status 5; starts again in 0.2s
amas-serve: m: exit status 5; starts again in 0.4s' "$(head -n 3 "$err")"
}

@test "worker: calls wait while it is down" {
	serve "m=worker:exec $worker"
	fails 'worker m: killed by SIGKILL' m/die 9
	fails 'worker m: killed by SIGKILL' m/die 9
	fails 'worker m: killed by SIGKILL' m/die 9
	gives 3 m/add 1 2
}

@test "worker: that cannot be started is a failure with the cause, at once" {
	printf '#!/no/such/thing\n' >"$tmp/w.worker"
	chmod +x "$tmp/w.worker"
	serve "m=$tmp/w.worker" 'n=worker:/no/such/command'
	fails 'worker m: No such file or directory (its "#!" interpreter?)' m/x
	until_log 2 'n: exit status 127'
	fails 'worker n: exit status 127' n/x
}

@test "worker: that closes its output is ended, and says so" {
	serve "m=worker:exec >&-; exec sleep 1000"
	fails 'worker m: closed its standard input or output' m
}

# --- Lines that are none ---

@test "worker: 51: lines that are no message are logged, and harmless" {
	serve "m=worker:exec $worker"
	gives null m/say $'==hello\n\n{}\n[1, 2]\n[3, 1, 2]\n[1, "x", 2]\n\e[31mred\n'
	gives null m/say $'==[1, 99999, 1]\n[2, 99999, 1]\n'
	gives 1 m/twice
	gives null m/say :='"a\u0000b\n[1,\u0000 2, 3]\n"'
	gives 3 m/add 1 2
	until_log 11 skipped
	grep -q '^amas-serve: m: skipped, .*: hello$' "$err"
	grep -qxF 'amas-serve: m: skipped, message is no list of three: [1, 2]' "$err"
	grep -qxF 'amas-serve: m: skipped, message type 3: [3, 1, 2]' "$err"
	grep -qxF 'amas-serve: m: skipped, message id is text: [1, "x", 2]' "$err"
	grep -q '^amas-serve: m: skipped, .*: \\x1b\[31mred$' "$err" ||
		grep -q '^amas-serve: m: skipped, .*: \\u001b\[31mred$' "$err"
	grep -qxF 'amas-serve: m: skipped, reply to no request: [1, 99999, 1]' "$err"
	grep -q '^amas-serve: m: skipped, reply to no request: \[1, [0-9]*, 2\]$' "$err"
	equal 11 "$(grep -c . "$err")"
}

@test "worker: 51: CR LF ends a line, and so does the end of output" {
	serve $'m=worker:read -r l; printf "[1, 0, 5]\\r\\n"; read -r l; printf "[1, 1, 6]"'
	gives 5 m
	gives 6 m
}

@test "worker: 51: many bad lines do not fill the log" {
	serve 'm=worker:yes | head -n 5000; exec jq -c --unbuffered "[1, .[1], 1]"'
	gives 1 m
	equal 1001 "$(grep -c . "$err")"
	equal 'amas-serve: m: further such lines are not logged' \
		"$(tail -n 1 "$err")"
}

@test "worker: 51: a line over the limit: it is started again" {
	serve --max-message 100000 "m=worker:exec $worker"
	fails 'worker m: line of more than 100000 bytes' m/flood 100001
	gives 3 m/add 1 2
	call m/echo "$(head -c 99000 /dev/zero | tr '\0' x)"
	equal 0 "$status"
}

@test "worker: 51: 100 MiB without a newline" {
	serve "m=worker:exec $worker"
	fails 'worker m: line of more than 67108864 bytes' m/flood 104857600
	gives 3 m/add 1 2
}

@test "worker: a call that is over the limit fails alone" {
	serve --max-message 1000 --codec msgpack "m=worker:exec $worker"
	options=(--codec msgpack)
	text=$(printf '\1%.0s' {1..250}) # 6 bytes each in a line
	call m/echo "$text"
	equal 1 "$status"
	[[ $stderr == *$'\n''worker m: '*' bytes, limit 1000' ]]
	gives 3 m/add 1 2
}

# --- Those that do not read, or do not wait ---

@test "worker: 52: one that stops reading hurts only its own calls" {
	serve -t 1s --queue 10 "m=worker:exec $worker" "n=worker:exec $worker"
	raw <<-'END'
	import signal
	c, d = connect(), connect()
	victim = c.ask(0, 'm/pid')[2]
	os.kill(victim, signal.SIGSTOP)
	big = 'x' * 100000
	kinds = {}
	def get():
	    kind, id, text = c.recv()
	    assert kind == 2 and text == TIMED or BUSY.fullmatch(text), text
	    kinds[text == TIMED] = kinds.get(text == TIMED, 0) + 1
	TIMED = 'timed out after 1s in m/echo'
	BUSY = re.compile(r'worker m: busy: \d+ running, 10 waiting \(--queue\)')
	before = None
	for turn in range(4):
	    for i in range(100):
	        c.call(i, 'm/echo', big)
	    for i in range(100):
	        get()
	    assert d.ask(turn, 'n/add', 1, 2) == [1, turn, 3]
	    if turn == 0:
	        before = memory(pid)
	assert asan or memory(pid) - before < 4 << 20, memory(pid) - before
	assert kinds[True] >= 20 and kinds[False] >= 200, kinds
	os.kill(victim, signal.SIGCONT)
	assert c.ask(1000, 'm/pid') == [1, 1000, victim]
	END
	equal '' "$(cat "$err")"
}

@test "worker: 34: a deadline fails the call; the late answer is dropped" {
	serve -t 1500ms "m=worker:exec $worker"
	p=$(amas-call "$addr" m/pid)
	fails 'timed out after 1.5s in m/hold' m/hold
	fails 'timed out after 1.5s in m/hold' m/hold
	gives 2 m/release
	gives "$p" m/pid
	equal '' "$(cat "$err")"
}

@test "worker: -t bounds the wait for one that is down, too" {
	mkfifo "$tmp/never"
	serve -t 200ms "m=worker:read x <>$tmp/never; exec $worker"
	fails 'timed out after 0.2s in m/add' m/add 1 2
}

@test "worker: 32: a caller that goes away leaves no trace" {
	serve "m=worker:exec $worker"
	raw <<-'END'
	c, d = connect(), connect()
	for i in range(10):
	    c.call(i, 'm/hold')
	c.taken()
	assert d.ask(0, 'm/add', 1, 2) == [1, 0, 3]
	c.close()
	while True:     # until the server has seen it
	    e = connect()
	    e.call(0, 'm/add', 1, 2)
	    if e.recv() == [1, 0, 3]:
	        break
	assert d.ask(1, 'm/release') == [1, 1, 10]
	assert d.ask(2, 'm/add', 1, 2) == [1, 2, 3]
	END
	equal '' "$(cat "$err")"
}

@test "worker: 36: its open calls are one place, however many" {
	serve -j 1 "m=worker:exec $worker" 'x=exec:echo ran'
	raw <<-'END'
	c, d = connect(), connect()
	for i in range(100):
	    c.call(i, 'm/hold')
	assert c.ask(100, 'm/add', 1, 2) == [1, 100, 3]
	d.call(0, 'x')
	assert c.ask(101, 'm/add', 1, 2) == [1, 101, 3]
	d.quiet()
	c.call(102, 'm/release')
	for i in range(101):
	    c.recv()
	assert d.recv() == [1, 0, 'ran']
	END
}

@test "worker: 36: with -j 1 calls of several wait for each other, and end" {
	serve -j 1 "m:3=worker:exec $worker" "n=worker:exec $worker"
	raw <<-'END'
	c = connect()
	for i in range(300):
	    c.call(i, 'mn'[i % 2] + '/add', i, 1)
	got = sorted(c.recv() for i in range(300))
	assert got == [[1, i, i + 1] for i in range(300)]
	END
}

# --- The end ---

@test "worker: SIGTERM lets open calls end, then closes its input" {
	serve "m=worker:$worker; echo gone >$tmp/gone"
	raw <<-'END'
	import signal
	c = connect()
	c.call(0, 'm/hold')
	assert c.ask(1, 'm/add', 1, 2) == [1, 1, 3]
	os.kill(pid, signal.SIGTERM)
	while True:
	    kind, _, text = c.ask(2, 'm/add', 1, 2)
	    if kind == 2:
	        assert text == 'shutting down', text
	        break
	END
	ended "$pid" 0
	[ -e "$tmp/gone" ]
}

@test "worker: SIGTERM ends one that does not mind its input" {
	mkfifo "$tmp/never"
	serve "m=worker:trap '' TERM; read x <>$tmp/never"
	stop
}
