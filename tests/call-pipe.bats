# amas-call --pipe and --channel: message lines both ways, and plain channels.

load helper
load tools/raw

setup_file() {
	make_tmp
	echo "$tmp" >"$BATS_FILE_TMPDIR/tmp"
	start amas-serve -j 128 "$tmp/s" "$AMAS_ROOT/tests/peer/services"
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

pipe() {
	t amas-call --pipe "$@"
}

# converse ARG...: starts a pipe to write to (>&7) and to read from (hear).
converse() {
	mkfifo in out
	amas-call --pipe "$@" <in >out 2>errors 3>&- &
	talker=$!
	caller "$talker"
	exec 7>in 8<out
}

# say LINE...; hear: reads a line into $heard.
say() {
	printf '%s\n' "$@" >&7
}

hear() {
	if ! read -r -t "$PATIENCE" heard <&8; then
		cat errors >&2
		return 1
	fi
}

# hang_up STATUS: ends its input and waits.
hang_up() {
	exec 7>&-
	ended "$talker" "$1"
	exec 8<&-
}

# --- Requests ---

@test "pipe: answers come back under the ids of the user" {
	printf '%s\n' '[0, 5, ["add", [3, 4], {}]]' '[0,-1,["kwargs",[1],{"a":2}]]' \
		'[0, 5, ["add", [1, 1], {}]]' '' \
		'[0, 123456789012345678901234567890, ["echo", ["x"], {}]]' >in
	run -0 --separate-stderr pipe "$addr" <in
	equal '' "$stderr"
	equal '[1, -1, [[1], {"a": 2}]]
[1, 123456789012345678901234567890, "x"]
[1, 5, 2]
[1, 5, 7]' "$(printf '%s\n' "$output" | LC_ALL=C sort)"
}

@test "pipe: a failure is a message line and status 1" {
	printf '%s\n' '[0, 1, ["nope", [], {}]]' '[0, 2, "no call"]' \
		'[0, 3, ["add", [3, 4], {}]]' >in
	run -1 --separate-stderr pipe "$addr" <in
	equal '' "$stderr"
	equal '[1, 3, 7]
[2, 1, "LookupError: Name \"nope\" not found in \"\""]' \
		"$(printf '%s\n' "$output" | grep -v '^\[2, 2, ' | sort)"
	equal 3 "$(printf '%s\n' "$output" | wc -l)"
}

@test "pipe: 80: a bad line is reported by its number and hurts nobody" {
	{
		printf '%s\n' '[0, 1, ["add", [3, 4], {}]]' 'x' '5' '[0, 1]' \
			'[3, 1, 5]' '[0, "a", 5]' '[1, 7, "no such"]' '[2, 0, "x"]' \
			$'[0, 1, "\xff"]' '[0, 1, {"__type__": ["bytes", "?"]}]'
		printf '[0, 1, ["%03000d"]]\n' 0
		printf '[0, 2, ["add", [5, 6], {}]]'
	} >in
	run -4 --separate-stderr pipe --max-message 2K "$addr" <in
	equal $'[1, 1, 7]\n[1, 2, 11]' "$(printf '%s\n' "$output" | sort)"
	equal '2 3 4 5 6 7 8 9 10 11' "$(printf '%s\n' "$stderr" |
		sed -n 's/^amas-call: standard input: line \([0-9]*\): .*/\1/p' |
		paste -sd' ')"
	equal 10 "$(printf '%s\n' "$stderr" | wc -l)"
	[[ $stderr == *'line 4: message is no list of three'* ]]
	[[ $stderr == *'line 5: message type 3'* ]]
	[[ $stderr == *'line 7: answers no request that is open'* ]]
	[[ $stderr == *'line 11: line is too long (--max-message)'* ]]
}

@test "pipe: 80: input that is empty, closed or a directory" {
	run -0 --separate-stderr pipe "$addr" </dev/null
	equal '' "$output$stderr"
	run -6 --separate-stderr t bash -c 'amas-call --pipe "$1" <&-' - "$addr"
	equal 'amas-call: standard input: Bad file descriptor' "$stderr"
	run -6 --separate-stderr pipe "$addr" <"$tmp"
	equal 'amas-call: standard input: Is a directory' "$stderr"
}

@test "pipe: what cannot be sent is a failure of its request" {
	printf '%s\n' '[0, 1, ["echo", [{"__type__": ["bytes", "AA=="]}], {}]]' \
		'[0, 2, ["add", [3, 4], {}]]' >in
	run -1 --separate-stderr pipe "$addr" <in
	equal '' "$stderr"
	[[ $output == *'[1, 2, 7]'* ]]
	[[ $output == *'[2, 1, "'*bytes* ]]
}

@test "pipe: values that JSON cannot say have names, in every codec" {
	start amas-serve --codec msgpack "$tmp/m" "$AMAS_ROOT/tests/peer/services"
	echo '[0, 1, ["echo", [{"__type__": ["map", [[1, {"__type__": ["bytes", "AP8="]}]]]}], {}]]' >in
	run -0 --separate-stderr pipe --codec msgpack "$addr" <in
	same '[1, 1, {"__type__": ["map", [[1, {"__type__": ["bytes", "AP8="]}]]]}]' \
		"$output"
}

# --- Requests of the peer ---

@test "pipe: the user answers the peer, and so gets the answer" {
	need_peer
	start_peer 127.0.0.1:0
	converse "$addr"
	say '[0, 7, ["ask", [{"__type__": ["proxy", ""]}, "name"], {}]]'
	hear
	same '[0, 0, ["name", [], {}]]' "$heard"
	say '[0, 8, ["ask", [{"__type__": ["proxy", "a/b"]}, "name"], {}]]'
	hear
	same '[0, 1, ["a/b/name", [], {}]]' "$heard"
	say '[1, 1, {"n": "Ben"}]' '[2, 0, "ValueError: no name"]'
	hear
	same '[1, 8, {"n": "Ben"}]' "$heard"
	hear
	[[ $heard == '[2, 7, "'*'ValueError: no name'* ]]
	say '[1, 0, "again"]' # it is answered
	hang_up 1
	equal 'amas-call: standard input: line 5: answers no request that is open' \
		"$(cat errors)"
}

@test "pipe: -x serves what it names, the rest comes as lines" {
	need_peer
	start_peer 127.0.0.1:0
	converse -x 'name=exec:echo Emma' "$addr"
	say '[0, 1, ["ask", [{"__type__": ["proxy", ""]}, "name"], {}]]'
	hear
	equal '[1, 1, "Emma"]' "$heard"
	say '[0, 2, ["ask", [{"__type__": ["proxy", ""]}, "age"], {}]]'
	hear
	same '[0, 0, ["age", [], {}]]' "$heard"
	say '[1, 0, 30]'
	hear
	equal '[1, 2, 30]' "$heard"
	hang_up 0
}

@test "pipe: at the end of input nobody waits for the user any more" {
	need_peer
	start_peer 127.0.0.1:0
	echo '[0, 1, ["ask", [{"__type__": ["proxy", ""]}, "name"], {}]]' >in
	run -1 --separate-stderr pipe "$addr" <in
	[[ $(last_line "$output") == '[2, 1, "'*'nobody answers here any more'* ]]
}

@test "pipe: ids of the peer are its own business, lines are numbered" {
	raw <<-'END'
	l = listen(tmp + '/l')
	to, go = os.pipe()
	back, out = os.pipe()
	p = subprocess.Popen(['amas-call', '--pipe', l.addr], stdin=to,
	                     stdout=out)
	os.close(to); os.close(out)
	lines = os.fdopen(back)
	c = l.accept()
	for i, id in enumerate((7, 7, 10 ** 30, -1)):
	    c.send(frame([0, id, ['f/g', [i], {'k': None}]]))
	    line = json.loads(lines.readline())
	    assert line == [0, i, ['f/g', [i], {'k': None}]], line
	os.write(go, b'[1, 1, "b"]\n[1, 0, "a"]\n[2, 3, "d"]\n[1, 2, [3]]\n')
	assert [c.recv() for i in range(4)] == [
	    [1, 7, 'b'], [1, 7, 'a'], [2, -1, 'd'], [1, 10 ** 30, [3]]]
	os.close(go)
	c.closed()
	assert p.wait(PATIENCE) == 0
	END
}

@test "pipe: 35: who does not read lines holds the peer back" {
	raw <<-'END'
	l = listen(tmp + '/l')
	p = subprocess.Popen(['amas-call', '--pipe', l.addr],
	                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
	c = l.accept()
	one = frame([0, 1, ['f', ['x' * 100000], {}]])
	sent, data, blocked = 0, one, False
	c.sock.setblocking(False)
	while sent < 200 << 20 and not blocked:
	    if select.select([], [c.sock], [], 1)[1]:
	        n = c.sock.send(data)
	        sent += n
	        data = data[n:] or one
	    else:
	        blocked = True
	assert blocked and sent < 64 << 20, (blocked, sent)
	c.sock.settimeout(PATIENCE)
	got = 0
	while got < sent - (1 << 20): # read on, and it goes on
	    got += len(os.read(p.stdout.fileno(), 1 << 20))
	c.send(data[:1])
	c.close()
	p.stdin.close()
	p.stdout.close()
	p.wait(PATIENCE)
	END
}

@test "pipe: requests without answer are not without bound" {
	raw <<-'END'
	n = 65536
	with open(tmp + '/in', 'w') as f:
	    for i in range(n + 1):
	        f.write(f'[0, {i}, {i}]\n')
	l = listen(tmp + '/l')
	p = start('amas-call', '--pipe', l.addr, stdin=open(tmp + '/in'))
	c = l.accept()
	for i in range(n):
	    m = c.recv()
	    assert m[2] == i, m
	assert not select.select([c.sock], [], [], 0.2)[0] and c.buffer == b''
	c.send(frame([1, m[1], 'x']))
	m = c.recv()
	assert m[2] == n, m
	c.close()
	status, out, errors = p.wait()
	assert status == 5, status
	assert out.count('\n') == n + 1, out.count('\n')
	assert out.count('outcome unknown') == n
	END
}

# --- The connection ---

@test "pipe: when the connection is lost, what was sent has no known outcome" {
	raw <<-'END'
	l = listen(tmp + '/l')
	with open(tmp + '/in', 'w') as f:
	    f.write('[0, 1, ["f", [], {}]]\n[0, "x", 1]\n[0, 2, ["f", [], {}]]\n')
	p = start('amas-call', '--pipe', l.addr, stdin=open(tmp + '/in'))
	c = l.accept()
	c.recv(), c.recv()
	c.send(frame([1, 1, 'done']))
	c.close()
	status, out, errors = p.wait()
	assert status == 5, status
	assert out == '[2, 1, "connection lost, outcome unknown"]\n' \
	    '[1, 2, "done"]\n' or out == '[1, 2, "done"]\n' \
	    '[2, 1, "connection lost, outcome unknown"]\n', out
	assert errors.splitlines()[0] == \
	    'amas-call: standard input: line 2: message id is text', errors
	assert errors.splitlines()[1] == f'amas-call: {tmp}/l: ' \
	    'connection closed by peer', errors
	END
}

@test "pipe: the end of an idle connection is the end, with -w a new one" {
	raw <<-'END'
	l = listen(tmp + '/l')
	p = subprocess.Popen(['amas-call', '--pipe', l.addr],
	                     stdin=subprocess.PIPE, stderr=subprocess.PIPE)
	l.accept().close()
	assert p.wait(PATIENCE) == 5
	assert p.stderr.read() == \
	    f'amas-call: {tmp}/l: connection closed by peer\n'.encode()
	p = subprocess.Popen(['amas-call', '--pipe', '-w', '30', l.addr],
	                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
	l.accept().close()
	c = l.accept()
	p.stdin.write(b'[0, 3, 4]\n')
	p.stdin.flush()
	assert c.recv()[::2] == [0, 4]
	c.send(frame([1, 0, 5]))
	assert p.stdout.readline() == b'[1, 3, 5]\n'
	p.stdin.close()
	c.closed()
	assert p.wait(PATIENCE) == 0
	END
}

@test "pipe: -w waits for the server, -t ends everything" {
	echo '[0, 1, ["add", [3, 4], {}]]' >in
	run -3 --separate-stderr pipe ./nobody <in
	equal 'amas-call: ./nobody: No such file or directory' "$stderr"
	pipe -w 30 ./late <in >out 3>&- &
	talker=$!
	caller "$talker"
	start amas-serve ./late "$AMAS_ROOT/tests/peer/services"
	ended "$talker" 0
	equal '[1, 1, 7]' "$(cat out)"
	mkfifo never
	run -124 --separate-stderr pipe -t 200ms "$addr" 7<>never <never
	equal "amas-call: $addr: deadline of 0.2 s passed while waiting for input" \
		"$stderr"
}

@test "pipe: 79: output that cannot be written is status 6" {
	echo '[0, 1, ["add", [3, 4], {}]]' >in
	run -6 --separate-stderr t sh -c 'amas-call --pipe "$1" <in >/dev/full' - "$addr"
	equal 'amas-call: standard output: No space left on device' "$stderr"
}

@test "pipe: it speaks to a connection, and that is all" {
	local option

	run -2 --separate-stderr pipe "ipc://[$tmp/s]/sub"
	equal "amas-call: ipc://[$tmp/s]/sub: --pipe speaks to a connection, not to what is behind it" \
		"$stderr"
	run -2 --separate-stderr pipe "$addr" add
	equal 'amas-call: add: --pipe takes no function' "$stderr"
	for option in -B -L -l -s -r -p --json '-n 2' '-i 1' '-P 2' --halt \
		--unordered; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr pipe $option "$addr"
		equal "amas-call: ${option% *}: does not go with --pipe" "$stderr"
	done
}

# --- Plain channels ---

@test "channel: one content, as an argument" {
	raw <<-'END'
	def ask(*args, answer=[1, 'cya'], kind=0):
	    l = listen(tmp + '/l')
	    p = start('amas-call', '--channel', *args[:-1], l.addr, args[-1])
	    c = l.accept()
	    m = c.recv()
	    assert m[0] == 0, m
	    c.send(frame([answer[0], m[1], answer[1]]))
	    os.unlink(tmp + '/l')
	    return m[2], p.wait()
	assert ask('ohai') == ('ohai', (0, '"cya"\n', ''))
	assert ask('-r', '[1, {"a": null}]') == ([1, {'a': None}], (0, 'cya\n', ''))
	assert ask('5') == (5, (0, '"cya"\n', ''))
	assert ask('-s', '5') == ('5', (0, '"cya"\n', ''))
	assert ask('==@x') == ('@x', (0, '"cya"\n', ''))
	content, (status, out, errors) = ask('x', answer=[2, 'ValueError: no'])
	assert (status, out) == (1, ''), (status, out)
	assert errors.endswith('\nValueError: no\n'), errors
	END
}

@test "channel: a value a line, answers in their order" {
	raw <<-'END'
	def run(*options, lines, answers):
	    with open(tmp + '/in', 'w') as f:
	        f.write(lines)
	    l = listen(tmp + '/l')
	    p = start('amas-call', '--channel', *options, l.addr,
	              stdin=open(tmp + '/in'))
	    c = l.accept()
	    got = [c.recv() for i in answers]
	    for m, a in reversed(list(zip(got, answers))):
	        c.send(frame([a[0], m[1], a[1]]))
	    os.unlink(tmp + '/l')
	    return [m[2] for m in got], p.wait()
	lines = '"ohai"\n\n[1]\nx\n{"__type__": ["bytes", "?"]}\nnull'
	said, (status, out, errors) = run(lines=lines,
	                                  answers=[[1, 'a'], [1, 'b'], [1, None]])
	assert said == ['ohai', [1], None], said
	assert (status, out) == (4, '"a"\n"b"\nnull\n'), (status, out)
	assert re.findall('line ([0-9]+)', errors) == ['4', '5'], errors
	said, got = run('-B', lines='1\n2\n', answers=[[2, 'no'], [1, 5]])
	assert (said, got) == ([1, 2], (1, '[2, 1, "no"]\n[1, 2, 5]\n', '')), got
	END
}

@test "channel: Python's server, and its messages to us are refused" {
	need_peer
	start "$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/channel_server.py"
	run -0 --separate-stderr t amas-call --channel "$addr" ohai
	equal '"cya"' "$output"
	printf '%s\n' '"a"' '["b", 1]' >in
	run -0 --separate-stderr t amas-call --channel "$addr" <in
	equal $'"a"\n["b", 1]' "$output"
	run -1 --separate-stderr t amas-call --channel "$addr" ask
	[[ $(last_line "$stderr") == *'no request is answered here'* ]]
}

@test "channel: with --pipe content of any form goes both ways" {
	need_peer
	start "$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/channel_server.py"
	converse --channel "$addr"
	say '[0, 1, "ask"]'
	hear
	equal '[0, 0, "who?"]' "$heard"
	say '[1, 0, {"me": [1, 2]}]'
	hear
	same '[1, 1, {"me": [1, 2]}]' "$heard"
	hang_up 0
}

@test "channel: wrong use" {
	run -2 --separate-stderr t amas-call --channel ./x a b
	equal 'amas-call: b: --channel takes one argument' "$stderr"
	run -2 --separate-stderr t amas-call --channel ./x a=b
	equal 'amas-call: argument 1: --channel has no keyword arguments' "$stderr"
	run -2 --separate-stderr t amas-call --channel -L ./x a
	equal 'amas-call: -L: does not go with --channel' "$stderr"
	run -2 --separate-stderr t amas-call --channel -x a=exec:true ./x a
	equal 'amas-call: -x: does not go with --channel' "$stderr"
	run -2 --separate-stderr t amas-call --channel :5/math a
	equal 'amas-call: :5/math: --channel speaks to a connection, not to what is behind it' \
		"$stderr"
}
