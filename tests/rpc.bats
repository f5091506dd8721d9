# Calls that are odd, unknown, doubled, abandoned, late, too many or too large:
# amas-serve against a raw peer.  The numbers are those of the list of faults.

load helper
load tools/raw

serve() {
	start amas-serve "$@" "$tmp/socket" 'add=exec:expr "$1" + "$2"' \
		'wait=exec:read -r x <"$1"; echo "$x"'
}

@test "amas-serve: 27: content that is no call is a failure, the connection stays" {
	serve
	raw <<-'END'
	c = connect()
	contents = ('x', 5, None, True, {}, {'path': 'add'}, [], ['add'],
	            ['add', [3, 4]], ['add', [3, 4], {}, 0], [5, [], {}],
	            [None, [], {}], [['add'], [], {}], ['add', {}, {}],
	            ['add', 'xy', {}], ['add', [], []], ['add', [], None])
	for i, content in enumerate(contents):
	    c.send(frame([0, i, content]))
	    kind, id, text = c.recv()
	    assert (kind, id) == (2, i) and text, (content, kind, text)
	assert c.ask(99, 'add', 3, 4) == [1, 99, 7]
	END
	logged
}

@test "amas-serve: 28: an unknown path is a failure in aiomas's words" {
	serve
	raw <<-'END'
	c = connect()
	def fails(path, name, walked=''):
	    kind, id, text = c.ask(1, path, 3, 4)
	    assert (kind, id) == (2, 1)
	    assert text.rstrip('\n').split('\n')[-1] == \
	        f'LookupError: Name "{name}" not found in "{walked}"', text
	fails('nope', 'nope')
	fails('nope/add', 'nope')
	fails('add/more/names', 'more', 'add')
	fails('..', '..')
	fails('ADD', 'ADD')
	assert c.ask(2, 'add', 3, 4) == [1, 2, 7]
	END
}

@test "amas-serve: 28: a path of any length or depth is a failure, and short in the log" {
	serve -vv
	raw <<-'END'
	c = connect()
	for i, path in enumerate(('x' * (1 << 20), '/'.join(['a'] * 5000),
	                          '\x1b[31mred\n' + 'y' * 5000, '', '/', 'a//b',
	                          'add/', '/add', 'a\0b')):
	    kind, id, text = c.ask(i, path)
	    assert (kind, id) == (2, i), (path[:20], kind)
	    assert len(text) < 1000, len(text)
	assert c.ask(99, 'add', 3, 4) == [1, 99, 7]
	END
	[ "$(wc -c <"$err")" -lt 30000 ]
	run ! grep -q $'\e' "$err"
}

@test "amas-serve: 30: one id twice at a time is answered twice, as they end" {
	mkfifo "$tmp/a" "$tmp/b"
	serve
	raw <<-'END'
	c = connect()
	c.call(7, 'wait', tmp + '/a')
	c.call(7, 'wait', tmp + '/b')
	for name in 'b', 'a':
	    with open(tmp + '/' + name, 'w') as f:
	        f.write(name + '\n')
	    assert c.recv() == [1, 7, name]
	c.quiet()
	END
}

@test "amas-serve: 32: the call of a caller that is gone is ended" {
	mkfifo "$tmp/started" "$tmp/ended"
	start amas-serve "$tmp/socket" 'hang=exec:
		trap "echo ended >$1/ended; exit" TERM
		echo started >$1/started
		while :; do read -r x <>$1/never; done' \
		'add=exec:expr "$1" + "$2"'
	mkfifo "$tmp/never"
	raw <<-'END'
	good = connect()
	c = connect()
	c.call(0, 'hang', tmp)
	with open(tmp + '/started') as f:
	    assert f.read() == 'started\n'
	c.close()
	with open(tmp + '/ended') as f:
	    assert f.read() == 'ended\n'
	assert good.ask(0, 'add', 3, 4) == [1, 0, 7]
	END
	logged
}

@test "amas-serve: 32: calls that wait for a place go with their caller" {
	mkfifo "$tmp/a" "$tmp/b"
	start amas-serve -j 1 "$tmp/socket" \
		'wait=exec:read -r x <"$1"; echo "$x"' \
		'touch=exec:touch "$1"; echo done'
	raw <<-'END'
	first, gone, last = connect(), connect(), connect()
	first.call(0, 'wait', tmp + '/a')
	first.taken()
	gone.call(0, 'touch', tmp + '/touched')
	gone.taken()
	gone.close()
	last.call(0, 'touch', tmp + '/last')
	last.taken()
	with open(tmp + '/a', 'w') as f:
	    f.write('go\n')
	assert first.recv() == [1, 0, 'go']
	assert last.recv() == [1, 0, 'done']
	assert not os.path.exists(tmp + '/touched')
	END
}

@test "amas-serve: 34: a call that takes too long fails, and its process ends" {
	mkfifo "$tmp/never"
	start amas-serve -t 200ms "$tmp/socket" 'add=exec:expr "$1" + "$2"' \
		'hang=exec:echo $$ >"$1/pid"; read -r x <"$1/never"'
	raw <<-'END'
	c = connect()
	begin = time.monotonic()
	kind, id, text = c.ask(0, 'hang', tmp)
	took = time.monotonic() - begin
	assert (kind, id) == (2, 0)
	assert 'timed out after 0.2s in hang' in text, text
	assert 0.19 < took < 5, took
	child = int(open(tmp + '/pid').read())
	until(lambda: not os.path.exists(f'/proc/{child}'), 'its end')
	assert c.ask(1, 'add', 3, 4) == [1, 1, 7]
	c.quiet()
	END
}

@test "amas-serve: 35: requests of a peer that reads nothing wait, and memory is flat" {
	start amas-serve --max-message 1M "$tmp/socket" \
		'x=text:head -c 900000 /dev/zero | tr "\0" x'
	raw <<-'END'
	c = connect()
	other = connect()
	assert c.ask(0, 'no')[0] == 2
	c.sock.setblocking(False)
	data = request(1, 'no', 'y' * 10000)
	before = memory(pid)
	sent = 0
	end = time.monotonic() + 2
	while time.monotonic() < end:
	    try:
	        n = c.sock.send(data[sent % len(data):])
	        sent += n
	        end = time.monotonic() + 1
	    except BlockingIOError:
	        select.select([], [c.sock], [], 0.1)
	assert asan or memory(pid) - before < 16 << 20, memory(pid) - before
	assert other.ask(0, 'no')[0] == 2
	# Nothing was lost: all are answered when it reads.
	def finish():
	    c.sock.settimeout(PATIENCE)
	    if sent % len(data):
	        c.sock.sendall(data[sent % len(data):])
	c.sock.settimeout(PATIENCE)
	t = threading.Thread(target=finish)
	t.start()
	for i in range(-(-sent // len(data))):
	    assert c.recv()[:2] == [2, 1], i
	t.join()
	c.quiet()
	END
	logged
}

@test "amas-serve: 35: nothing is started for a peer that does not read" {
	start amas-serve -j 1 "$tmp/socket" \
		"big=text:echo x >>'$tmp/n'; head -c 900000 /dev/zero | tr '\\0' x" \
		'small=exec:true'
	raw <<-'END'
	c, other = connect(), connect()
	for i in range(50):
	    c.call(i, 'big')
	# With one place, these wait for all of c's that are not put off.
	for i in range(20):
	    assert other.ask(i, 'small') == [1, i, None]
	begun = open(tmp + '/n').read().count('x')
	assert begun < 10, begun
	assert sorted(c.recv()[1] for i in range(50)) == list(range(50))
	c.quiet()
	END
	logged
}

@test "amas-serve: 35: two requests of 64 MiB cross their replies on one connection" {
	start amas-serve "$tmp/socket" 'echo=json:tail -c +3 | head -c -7'
	PATIENCE=120 raw <<-'END'
	size = (64 << 20) - len('[0, 0, ["echo", [""], {}]]')
	c = connect()
	text = 'x' * size
	data = [request(i, 'echo', text) for i in range(2)]
	assert len(data[0]) == 4 + (64 << 20)
	for d in data:  # both are sent before anything is read
	    c.send(d)
	got = [c.recv_raw() for _ in data]
	assert sorted(len(g) for g in got) == [size + len('[1, 0, ""]')] * 2
	assert sorted(g[4:5] for g in got) == [b'0', b'1']
	END
	logged
}

@test "amas-serve: 35: a peer that takes no reply is given up after a while" {
	start amas-serve "$tmp/socket" 'x=text:head -c 8000000 /dev/zero | tr "\0" x'
	PATIENCE=60 raw <<-'END'
	c, other = connect(), connect()
	begin = time.monotonic()
	c.call(0, 'x')
	until(lambda: log_has(err, 'no byte'), 'giving up')
	assert 28 < time.monotonic() - begin < 45, time.monotonic() - begin
	assert other.ask(0, 'no')[0] == 2
	END
	equal 1 "$(wc -l <"$err")"
	grep -q 'no byte moved either way for 30 s' "$err"
}

@test "amas-serve: 36: calls beyond -j wait in order, beyond --queue they are busy" {
	mkfifo "$tmp/a" "$tmp/b"
	start amas-serve -j 2 --queue 3 "$tmp/socket" \
		'wait=exec:read -r x <"$1"; echo "$x"' \
		'order=exec:echo "$1" >>"$2/order"; wc -l <"$2/order"'
	raw <<-'END'
	c, other = connect(), connect()
	c.call(0, 'wait', tmp + '/a')
	c.call(1, 'wait', tmp + '/b')
	for i in 2, 3, 4:
	    c.call(i, 'order', i, tmp)
	kind, id, text = c.ask(5, 'order', 5, tmp)
	assert (kind, id) == (2, 5)
	assert 'busy: 2 running, 3 waiting (-j, --queue)' in text, text
	# The queue is the connection's own.
	other.call(6, 'order', 6, tmp)
	other.taken()
	other.quiet()
	with open(tmp + '/a', 'w') as f:
	    f.write('a\n')
	assert c.recv() == [1, 0, 'a']
	assert [c.recv() for i in range(3)] == [[1, 2, 1], [1, 3, 2], [1, 4, 3]]
	assert other.recv() == [1, 6, 4]
	assert open(tmp + '/order').read() == '2\n3\n4\n6\n'
	with open(tmp + '/b', 'w') as f:
	    f.write('b\n')
	assert c.recv() == [1, 1, 'b']
	END
}

@test "amas-serve: 36: a thousand calls at once are all answered" {
	serve
	raw <<-'END'
	c = connect()
	for i in range(1000):
	    c.call(i, 'add', i, 1)
	got = sorted(c.recv() for i in range(1000))
	assert got == [[1, i, i + 1] for i in range(1000)]
	END
	logged
}
