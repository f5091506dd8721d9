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
	run -2 --separate-stderr call -L "$addr" kwargs :text@- <in
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
