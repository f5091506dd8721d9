# amas-call -B and -L: many calls over one connection.

load helper
load tools/raw

setup_file() {
	make_tmp
	echo "$tmp" >"$BATS_FILE_TMPDIR/tmp"
	start amas-serve -j 128 "$tmp/s" "$AMAS_ROOT/tests/peer/services" \
		'nap=exec:sleep "$1"; echo "$1"' 'text=text:printf %s "$*"'
	echo "$addr" >"$BATS_FILE_TMPDIR/addr"
}

teardown_file() {
	stop_all
	rm -rf "$(cat "$BATS_FILE_TMPDIR/tmp")"
}

setup() {
	make_tmp
	addr=$(cat "$BATS_FILE_TMPDIR/addr")
	cd "$tmp"
}

call() {
	t amas-call "$@"
}

# --- Lines in, lines out ---

@test "batch: a thousand calls in order, over one connection" {
	local i

	start amas-serve -v "$tmp/s" 'add=exec:expr "$1" + "$2"'
	for i in {1..1000}; do
		echo "[1, $i, 7]"
	done >expected
	# shellcheck disable=SC2016
	run -0 --separate-stderr bash -c 'yes '\''["add",[3,4],{}]'\'' |
		head -1000 | timeout "$2" amas-call -B "$1" >out' - "$addr" "$PATIENCE"
	equal '' "$stderr"
	cmp out expected
	equal 1 "$(grep -c 'connected$' "$err")"
}

@test "batch: args and kwargs may be missing" {
	printf '%s\n' '["kwargs"]' '["kwargs", [1]]' '["kwargs", [1], {"a": 2}]' \
		' [ "sub/where" , [ ] ] ' >in
	run -0 --separate-stderr call -B "$addr" <in
	equal '[1, 1, [[], {}]]
[1, 2, [[1], {}]]
[1, 3, [[1], {"a": 2}]]
[1, 4, "sub"]' "$output"
}

@test "batch: a failure is a message line and status 1, the rest goes on" {
	printf '%s\n' '["add", [1, 2]]' '["fail", ["no"]]' '["nope"]' \
		'["add", [3, 4]]' >in
	run -1 --separate-stderr call -B "$addr" <in
	equal '' "$stderr"
	equal '[1, 1, 3]
[2, 2, "fail: exit status 1\nValueError: no"]
[2, 3, "LookupError: Name \"nope\" not found in \"\""]
[1, 4, 7]' "$(printf '%s\n' "$output" | sed 's/\\n"]$/"]/')"
}

@test "batch: a bad line is reported by its number, the rest goes on" {
	printf '%s\n' '["add", [1, 2]]' '["add", [1, 2]' 'x' '' '5' '[]' '[5]' \
		'["add", 5]' '["add", [], 5]' '["add", [], {}, 0]' '["a\u0000b"]' \
		$'["\xff"]' '["add", [{"__type__": ["bytes", "AA=="]}]]' \
		'["add", [{"__type__": ["proxy", "x"]}]]' '["add", [3, 4]]' >in
	run -4 --separate-stderr call -B "$addr" <in
	equal $'[1, 1, 3]\n[1, 15, 7]' "$output"
	equal '2 3 5 6 7 8 9 10 11 12 13 14' "$(printf '%s\n' "$stderr" |
		sed -n 's/^amas-call: standard input: line \([0-9]*\): .*/\1/p' |
		sort -n | paste -sd' ')"
	equal 12 "$(printf '%s\n' "$stderr" | wc -l)"
	[[ $stderr == *'line 6: no list [path, args, kwargs]'* ]]
	[[ $stderr == *'line 7: path is no text'* ]]
	[[ $stderr == *'line 8: args are no list'* ]]
	[[ $stderr == *'line 9: kwargs are no map'* ]]
	echo '["nope"]' >>in
	run -1 call -B "$addr" <in
}

@test "batch: a line that is too long is one bad line" {
	{
		echo '["echo", ["a"]]'
		printf '["echo", ["%03000d"]]\n' 0
		echo '["echo", ["b"]]'
		printf '["echo", ["%0200000d"]]\n' 0
		printf '["echo", ["%0200000d"]]' 0
	} >in
	run -4 --separate-stderr call -B --max-message 2K "$addr" <in
	equal $'[1, 1, "a"]\n[1, 3, "b"]' "$output"
	equal 'amas-call: standard input: line 2: line is too long (--max-message)
amas-call: standard input: line 4: line is too long (--max-message)
amas-call: standard input: line 5: line is too long (--max-message)' "$stderr"
}

@test "batch: results that cannot be said in JSON have names" {
	start amas-serve --codec msgpack "$tmp/m" "$AMAS_ROOT/tests/peer/services"
	echo '["echo", [{"__type__": ["map", [[1, {"__type__": ["bytes", "AP8="]}]]]}]]' >in
	run -0 --separate-stderr call -B --codec msgpack "$addr" <in
	same '[1, 1, {"__type__": ["map", [[1, {"__type__": ["bytes", "AP8="]}]]]}]' \
		"$output"
}

# --- Order and flow ---

@test "batch: in order of input, or as they come" {
	printf '["f"]\n["g"]\n["h"]' >in
	raw <<-'END'
	for option, out in (
	        ('-B', '[1, 1, 1]\n[2, 2, "no"]\n[1, 3, 3]\n'),
	        ('-B', '[1, 1, 1]\n[2, 2, "no"]\n[1, 3, 3]\n'),
	        ('--unordered', '[1, 3, 3]\n[2, 2, "no"]\n[1, 1, 1]\n')):
	    l = listen(tmp + '/l')
	    call = start('amas-call', '-B', option, l.addr,
	                 stdin=open(tmp + '/in'))
	    c = l.accept()
	    assert [c.recv()[1] for i in range(3)] == [0, 1, 2]
	    c.send(frame([1, 2, 3]) + frame([2, 1, 'no']) + frame([1, 0, 1]))
	    c.closed()
	    got = call.wait()
	    assert got == (1, out, ''), got
	    os.unlink(tmp + '/l')
	END
}

@test "batch: an outcome is written before the next line is there" {
	local line

	mkfifo in out
	call -B "$addr" <in >out 3>&- &
	exec 7>in 8<out
	for i in 1 2 3; do
		echo "[\"add\", [$i, 1]]" >&7
		read -r -t "$PATIENCE" line <&8
		equal "[1, $i, $((i + 1))]" "$line"
	done
	exec 7>&-
	run -0 cat <&8
	equal '' "$output"
	exec 8<&-
	wait $!
}

@test "batch: -P calls are under way, and input is read no further" {
	raw <<-'END'
	import subprocess
	l = listen(tmp + '/l')
	call = start('amas-call', '-B', '-P', '3', l.addr,
	             stdin=subprocess.PIPE)
	pipe = call.process.stdin
	c = l.accept()
	line = b'["f", ["' + b'x' * 10000 + b'"]]\n'
	for i in range(4):
	    pipe.write(line)
	pipe.flush()
	assert [c.recv()[1] for i in range(3)] == [0, 1, 2]
	# What it does not need stays in the pipe: 64 KiB there, 64 KiB in hand.
	os.set_blocking(pipe.fileno(), False)
	n = 4
	try:
	    while n < 100:
	        n += 1
	        os.write(pipe.fileno(), line)
	except BlockingIOError:
	    pass
	assert n < 20, n
	c.quiet()
	c.send(frame([1, 1, None]))     # the second: waits for the first
	select.select([], [], [], 0.1)
	c.quiet()
	c.send(frame([1, 0, None]))
	assert [c.recv()[1] for i in range(2)] == [3, 4]
	call.process.kill()
	END
}

@test "batch: a reader that is slow holds it up, not its connection" {
	yes '["f"]' | head -n 3000 >in
	raw <<-'END'
	l = listen(tmp + '/l')
	p = subprocess.Popen(['amas-call', '-B', l.addr], stdin=open(tmp + '/in'),
	                     stdout=subprocess.PIPE)
	c = l.accept()
	taken = 0
	# An answer of its own says that it has seen all of ours before that.
	def round():
	    c.call(7, 'nothing')
	    ids = []
	    while (m := c.recv())[0] == 0:
	        ids.append(m[1])
	    assert m[:2] == [2, 7], m
	    for id in ids:
	        c.send(frame([1, id, 'x' * 10000]))
	    return len(ids)
	while n := round():
	    taken += n
	# 3,000 results of 10 kB are far more than queues and pipes may hold.
	assert 100 < taken < 1500, taken
	assert asan or memory(p.pid) < 40 << 20, memory(p.pid)
	lines = []
	reader = threading.Thread(target=lambda: lines.extend(p.stdout))
	reader.start()
	while taken < 3000:
	    taken += round()
	reader.join(PATIENCE)
	assert p.wait(PATIENCE) == 0
	assert [json.loads(x)[1] for x in lines] == list(range(1, 3001))
	END
}

@test "batch: --halt takes no line after a failure" {
	raw <<-'END'
	import subprocess
	l = listen(tmp + '/l')
	call = start('amas-call', '-B', '-P', '2', '--halt', l.addr,
	             stdin=subprocess.PIPE)
	call.process.stdin.write(b'["f"]\n' * 5)
	call.process.stdin.flush()
	c = l.accept()
	c.recv()
	c.recv()
	c.send(frame([2, 1, 'no']))
	select.select([], [], [], 0.1)
	c.quiet()
	c.send(frame([1, 0, 5]))
	c.closed()
	assert call.wait() == (1, '[1, 1, 5]\n[2, 2, "no"]\n', '')
	END
	printf '%s\n' 'x' '["add", [1, 2]]' >in
	run -4 --separate-stderr call -B --halt "$addr" <in
	equal '' "$output"
}

@test "batch: -t is a deadline of everything" {
	printf '["%s", [%s]]\n' echo 1 nap 30 echo 3 >in
	run -124 --separate-stderr call -B -t 1 "$addr" <in
	equal '[1, 1, 1]
[2, 2, "deadline passed, outcome unknown"]
[1, 3, 3]' "$output"
	equal "amas-call: $addr: deadline of 1 s passed while waiting for answers" \
		"$stderr"
	mkfifo never
	run -124 --separate-stderr call -B -t 50ms "$addr" <>never
	equal "amas-call: $addr: deadline of 0.05 s passed while waiting for input" \
		"$stderr"
}

# --- -L ---

@test "batch: -L calls a function for each line" {
	printf 'a b\n5\n\n{\n  x ' >in
	run -0 --separate-stderr call -L "$addr" kwargs 1 k=2 <in
	equal '[[1, "a b"], {"k": 2}]
[[1, "5"], {"k": 2}]
[[1, ""], {"k": 2}]
[[1, "{"], {"k": 2}]
[[1, "  x "], {"k": 2}]' "$output"
	run -0 --separate-stderr call -rL "$addr" text - <in
	equal $'- a b\n- 5\n- \n- {\n-   x ' "$output"
	run -0 --separate-stderr call -B -L "$addr" echo <in
	equal '[1, 1, "a b"]' "${lines[0]}"
	equal '[1, 5, "  x "]' "${lines[4]}"
	run -4 --separate-stderr call -L "$addr" kwargs :text@- <in
}

@test "batch: -L with a failure and a bad line" {
	printf 'a\n\377\nb\n' >in
	run -4 --separate-stderr call -L "$addr" echo <in
	equal $'"a"\n"b"' "$output"
	equal 'amas-call: standard input: line 2: text is not UTF-8' "$stderr"
	printf 'a\nb\n' >in
	run -1 --separate-stderr call -L "$addr" fail <in
	equal '' "$output"
	equal "amas-call: line 1: Origin: $addr
fail: exit status 1
ValueError: a
amas-call: line 2: Origin: $addr
fail: exit status 1
ValueError: b" "$stderr"
	run -1 --separate-stderr call -L --json "$addr" fail <in
	equal 2 "$(printf '%s\n' "$output" | grep -c '^{"failure": "fail: ')"
	equal '' "$stderr"
}

# --- The connection ends ---

@test "batch: nothing there: status 3, and no line is read" {
	echo '["add", [1, 2]]' >in
	run -0 --separate-stderr bash -c 'amas-call -B ./nobody; cat' <in
	equal '["add", [1, 2]]' "$output"
	run -3 --separate-stderr call -B ./nobody <in
	equal '' "$output"
	equal 'amas-call: ./nobody: No such file or directory' "$stderr"
	run -3 --separate-stderr call -B -w 50ms ./nobody <in
	equal 'amas-call: ./nobody: No such file or directory' "$stderr"
}

@test "batch: the connection is lost: sent lines fail, the status is 5" {
	raw <<-'END'
	import subprocess
	l = listen(tmp + '/l')
	call = start('amas-call', '-B', '-P', '2', l.addr,
	             stdin=subprocess.PIPE)
	call.process.stdin.write(b'["f"]\n' * 5)
	call.process.stdin.flush()
	c = l.accept()
	c.recv()
	c.recv()
	c.send(frame([1, 1, 5]))
	c.close()
	lost = '[2, 1, "connection lost, outcome unknown"]\n[1, 2, 5]\n'
	assert call.wait() == (5, lost, 'amas-call: %s: connection closed by peer\n' % l.addr)
	END
}

@test "batch: lost while nothing is under way: no failure without another line" {
	raw <<-'END'
	import subprocess
	for more, status in (b'', 0), (b'["f"]\n', 5):
	    l = listen(tmp + '/l%d' % status)
	    call = start('amas-call', '-B', l.addr, stdin=subprocess.PIPE)
	    pipe = call.process.stdin
	    pipe.write(b'["f"]\n')
	    pipe.flush()
	    c = l.accept()
	    c.recv()
	    c.send(frame([1, 0, 5]))
	    c.close()
	    select.select([], [], [], 0.1)
	    pipe.write(more)
	    pipe.close()
	    got = call.wait()
	    assert got[:2] == (status, '[1, 1, 5]\n'), got
	END
}

@test "amas-call: 92: with -w it connects again, and sends nothing twice" {
	raw <<-'END'
	import subprocess
	l = listen(tmp + '/l')
	call = start('amas-call', '-B', '-w', '20', '-P', '2', l.addr,
	             stdin=subprocess.PIPE)
	call.process.stdin.write(b'["a"]\n["b"]\n["c"]\n["d"]\n')
	call.process.stdin.close()
	c = l.accept()
	assert c.recv()[2][0] == 'a'
	assert c.recv()[2][0] == 'b'
	c.send(frame([1, 0, 1]))
	c.close()
	# The third line may have gone with the first connection, or not.
	c = l.accept()
	first = c.recv()
	while True:
	    c.send(frame([1, first[1], first[2][0]]))
	    if first[2][0] == 'd':
	        break
	    first = c.recv()
	status, out, err = call.wait()
	out = out.splitlines()
	lost = '[2, %d, "connection lost, outcome unknown"]'
	assert status == 1, status
	assert out[0] == '[1, 1, 1]' and out[1] == lost % 2, out
	assert out[2] in ('[1, 3, "c"]', lost % 3), out
	assert out[3] == '[1, 4, "d"]', out
	END
}

@test "amas-call: 92: a server that is started again serves the lines that wait" {
	local caller line

	start amas-serve "$tmp/again" "$AMAS_ROOT/tests/peer/services"
	mkfifo in out
	call -B -w 20 "$tmp/again" <in >out 2>errors 3>&- &
	caller=$!
	exec 7>in 8<out
	echo '["add", [1, 1]]' >&7
	read -r -t "$PATIENCE" line <&8
	equal '[1, 1, 2]' "$line"
	stop
	echo '["add", [1, 2]]' >&7
	start amas-serve "$tmp/again" "$AMAS_ROOT/tests/peer/services" \
		7>&- 8<&-
	read -r -t "$PATIENCE" line <&8
	equal '[1, 2, 3]' "$line"
	exec 7>&- 8<&-
	ended "$caller" 0
}

# --- Agents ---

# agents COUNT: hosts counters, at $addr with their ids behind it.
agents() {
	start amas-container --trace "$tmp/trace" "$tmp/c" \
		"c:$1=$AMAS_BUILD/tests/examples/counter_plugin.so"
}

# asked ID...: the container, which ends, was asked for these, in this order.
asked() {
	stop
	equal "$*" "$(sed -n 's/.*"m": \[0, .*\["validate_aid", \["\([^"]*\)"\].*/\1/p' \
		"$tmp/trace" | paste -sd ' ')"
}

# missing ID: what aiomas says of an agent that is not there.
missing() {
	echo "ConnectionError: Agent \"$1\" does not exist in Container('$tmp/c')"
}

# outcome N ID: the message line of that.
outcome() {
	echo "[2, $1, \"$(missing "$2" | sed 's/"/\\"/g')\"]"
}

@test "batch: an agent is asked for once, before its first call" {
	agents 2
	yes '["count"]' | head -n 1000 >in
	run -0 --separate-stderr call -B "${addr}1" <in
	equal 1000 "${#lines[@]}"
	equal '[1, 1000, 1000]' "${lines[-1]}"
	run -0 --separate-stderr call -L "${addr}0" count <in
	equal 1000 "${lines[-1]}"
	# Who has nothing to call does not ask.
	run -0 --separate-stderr call -B "${addr}0" <<<''
	run -0 --separate-stderr call -B "${addr}0" </dev/null
	run -1 --separate-stderr call -B "$addr" <<<'["agents/7/count"]'
	run -1 --separate-stderr call --pipe "$addr" \
		<<<'[0, 5, ["agents/7/count", [], {}]]'
	equal '[2, 5, "LookupError: Name \"7\" not found in \"agents\""]' \
		"$output"
	asked 1 0
}

@test "batch: an agent that is not there fails each of its lines" {
	agents 1
	printf '%s\n' '["count"]' 'x' '["tell", [1]]' >in
	run -1 --separate-stderr call -B "${addr}99" <in
	equal "$(outcome 1 99; outcome 3 99)" "$output"
	[[ $stderr == 'amas-call: standard input: line 2: '* ]]
	run -1 --separate-stderr call -B --halt -P 1 "${addr}99" <in
	equal "$(outcome 1 99)" "$output"
	run -1 --separate-stderr call -L "${addr}99" count <in
	equal '' "$output"
	equal "$(for i in 1 2 3; do
		echo "amas-call: line $i: Origin: ipc://$tmp/c"
		missing 99
	done)" "$stderr"
	run -1 --separate-stderr call -L --json "${addr}99" count <<<x
	same "{\"failure\": \"$(missing 99 | sed 's/"/\\"/g')\",
		\"origin\": \"ipc://$tmp/c\"}" "$output"
	asked 99 99 99 99
}

@test "batch: -B - : each agent is asked for once, those there go on" {
	local i

	agents 3
	for i in 0 9 1 9 2 0 8 0; do
		echo "[\"$addr$i/count\"]"
	done >in
	run -1 --separate-stderr call -B -P 3 - <in
	equal "[1, 1, 1]
$(outcome 2 9)
[1, 3, 1]
$(outcome 4 9)
[1, 5, 1]
[1, 6, 2]
$(outcome 7 8)
[1, 8, 3]" "$output"
	equal '' "$stderr"
	run -0 --separate-stderr call -B - <<<"[\"ipc://$tmp/c//1/count\"]"
	equal '[1, 1, 2]' "$output"
	asked 0 9 1 2 8 1
}

@test "batch: -B - : agents beyond the 65,536th are asked for at each call" {
	agents 65537
	seq 0 65536 | sed "s,.*,[\"$addr&/count\"]," >in
	run -0 bash -c 'cat in in | timeout "$1" amas-call -B - | tail -n 1' - \
		"$PATIENCE"
	equal '[1, 131074, 2]' "$output"
	asked $(seq 0 65536) 65536
}

@test "batch: calls wait for the answer about their agent, in order" {
	printf '["%s"]\n' a b a >in
	raw <<-'END'
	l = listen(tmp + '/l')
	call = start('amas-call', '-B', f'ipc://[{l.addr}]/7',
	             stdin=open(tmp + '/in'))
	c = l.accept()
	assert c.recv() == [0, 0, ['validate_aid', ['7'], {}]]
	c.taken()
	c.quiet()
	c.send(frame([1, 0, 'x']))
	for n, name in enumerate('aba', 1):
	    m = c.recv()
	    assert m[:2] == [0, n] and m[2][0] == 'agents/7/' + name, m
	    c.send(frame([1, n, name]))
	c.closed()
	out = '[1, 1, "a"]\n[1, 2, "b"]\n[1, 3, "a"]\n'
	assert call.wait() == (0, out, ''), call.wait()
	END
	raw <<-'END'
	l = listen(tmp + '/m')
	with open(tmp + '/in', 'w') as f:
	    for path in '0/a', '1/b', '0/c', '2/d', '1/e':
	        f.write(f'["ipc://[{l.addr}]/{path}"]\n')
	call = start('amas-call', '-B', '-', stdin=open(tmp + '/in'))
	c = l.accept()
	for id in range(3):
	    assert c.recv() == [0, id, ['validate_aid', [str(id)], {}]]
	c.send(frame([1, 2, None]) + frame([1, 1, 'x']))
	assert [c.recv()[2][0] for i in range(2)] == ['agents/1/b', 'agents/1/e']
	c.send(frame([1, 4, 'e']))
	c.taken()
	c.quiet()
	c.send(frame([1, 3, 'b']) + frame([1, 0, 'x']))
	assert [c.recv()[2][0] for i in range(2)] == ['agents/0/a', 'agents/0/c']
	c.send(frame([1, 5, 'a']) + frame([1, 6, 'c']))
	c.closed()
	status, out, err = call.wait()
	none = f"ConnectionError: Agent \"2\" does not exist in Container('{l.addr}')"
	assert [json.loads(x) for x in out.splitlines()] == [
	    [1, 1, 'a'], [1, 2, 'b'], [1, 3, 'c'], [2, 4, none], [1, 5, 'e']], out
	assert (status, err) == (1, '')
	END
}

@test "batch: who cannot be asked for an agent fails its calls" {
	printf '["a"]\n["b"]\n' >in
	raw <<-'END'
	l = listen(tmp + '/l')
	with open(tmp + '/many', 'w') as f:
	    f.write(f'["ipc://[{l.addr}]/7/a"]\n["ipc://[{l.addr}]/7/b"]\n')
	for where, file in (f'ipc://[{l.addr}]/7', '/in'), ('-', '/many'):
	    call = start('amas-call', '-B', where, stdin=open(tmp + file))
	    c = l.accept()
	    assert c.recv()[2][0] == 'validate_aid'
	    c.send(frame([2, 0, 'no']))
	    c.closed()
	    got = call.wait()
	    assert got == (1, '[2, 1, "no"]\n[2, 2, "no"]\n', ''), got
	END
}

@test "batch: lost before an agent was answered for: no line was sent" {
	printf '["a"]\n["b"]\n' >in
	raw <<-'END'
	l = listen(tmp + '/l')
	url = f'ipc://[{l.addr}]/7'
	call = start('amas-call', '-B', url, stdin=open(tmp + '/in'))
	c = l.accept()
	c.recv()
	c.close()
	got = call.wait()
	assert got == (5, '', f'amas-call: {url}: connection closed by peer\n'), got
	# Where lines say where to, that is their outcome; the next asks anew.
	p = subprocess.Popen(['amas-call', '-B', '-'], stdin=subprocess.PIPE,
	                     stdout=subprocess.PIPE)
	def say(path):
	    p.stdin.write(f'["{url}/{path}"]\n'.encode())
	    p.stdin.flush()
	say('a')
	c = l.accept()
	assert c.recv()[2][0] == 'validate_aid'
	c.close()
	assert p.stdout.readline() == b'[2, 1, "connection closed by peer"]\n'
	say('b')
	c = l.accept()
	assert c.recv()[2][0] == 'validate_aid'
	c.send(frame([1, 0, 'x']))
	assert c.recv()[2][0] == 'agents/7/b'
	c.send(frame([1, 1, 5]))
	assert p.stdout.readline() == b'[1, 2, 5]\n'
	p.stdin.close()
	assert p.wait(PATIENCE) == 1
	END
}

@test "amas-call: 92: with -w each connection asks for the agent" {
	printf '["%s"]\n' a b c >in
	raw <<-'END'
	def accept():
	    c = l.accept()
	    assert c.recv() == [0, 0, ['validate_aid', ['7'], {}]]
	    return c
	l = listen(tmp + '/l')
	url = f'ipc://[{l.addr}]/7'
	call = start('amas-call', '-B', '-w', '20', '-P', '1', url,
	             stdin=open(tmp + '/in'))
	accept().close()        # no line has gone with it
	c = accept()
	c.send(frame([1, 0, 'x']))
	assert c.recv()[2][0] == 'agents/7/a'
	c.close()
	c = accept()            # there no longer
	c.send(frame([1, 0, None]))
	c.closed()
	status, out, err = call.wait()
	none = f"ConnectionError: Agent \"7\" does not exist in Container('{l.addr}')"
	assert [json.loads(x) for x in out.splitlines()] == [
	    [2, 1, 'connection lost, outcome unknown'], [2, 2, none],
	    [2, 3, none]], out
	assert status == 1, (status, err)
	# Who takes the question and closes is given up like who is not there.
	call = start('amas-call', '-B', '-w', '300ms', url, stdin=open(tmp + '/in'))
	n = 0
	while call.process.poll() is None:
	    if select.select([l.sock], [], [], 0.05)[0]:
	        l.accept().close()
	        n += 1
	got = call.wait()
	assert n > 1 and got[:2] == (5, ''), (n, got)
	END
}

@test "batch: the deadline while an agent is asked for" {
	raw <<-'END'
	l = listen(tmp + '/l')
	url = f'ipc://[{l.addr}]/7'
	with open(tmp + '/in', 'w') as f:
	    f.write(f'["{url}/a"]\n' * 2)
	late = '[2, %d, "deadline passed, outcome unknown"]\n'
	for where, out in (url, ''), ('-', late % 1 + late % 2):
	    call = start('amas-call', '-B', '-t', '300ms', where,
	                 stdin=open(tmp + '/in'))
	    c = l.accept()
	    c.recv()
	    c.closed()
	    got = call.wait()
	    assert got == (124, out, f'amas-call: {where}: deadline of 0.3 s '
	                   'passed while waiting for answers\n'), got
	END
}

@test "batch: agents of Python's aiomas, there and not" {
	local url

	need_peer
	mkfifo py.in
	"$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/agents.py" "$tmp/c" \
		<py.in >url 2>/dev/null 3>&- &
	caller $!
	exec 5>py.in
	until [ -s url ]; do :; done
	url=$(cat url)
	printf '["%s", [%s]]\n' "${url}0/spam" 1 "${url}7/spam" 2 \
		"${url}0/spam" 3 "${url}7/spam" 4 >in
	run -1 --separate-stderr call -B - <in
	equal "[1, 1, 1]
$(outcome 2 7)
[1, 3, 3]
$(outcome 4 7)" "$output"
	printf '["spam", [%s]]\n' 1 2 >in
	run -0 --separate-stderr call -B "${url}0" <in
	equal $'[1, 1, 1]\n[1, 2, 2]' "$output"
	run -1 --separate-stderr call -B "${url}7" <in
	equal "$(outcome 1 7; outcome 2 7)" "$output"
	exec 5>&-
	wait $!
}
