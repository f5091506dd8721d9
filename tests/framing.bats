# Frames that are cut, split, crowded, empty, too large or none at all:
# amas-serve against a raw peer.  The numbers are those of the list of faults
# that the project keeps.

load helper
load tools/raw

# serve [OPTION...]: a server with functions that answer at once.
serve() {
	start amas-serve "$@" 127.0.0.1:0 'add=exec:expr "$1" + "$2"'
}

# serve_unix [OPTION...]: the same on a unix socket, which tells when the other
# end has read.
serve_unix() {
	start amas-serve "$@" "$tmp/socket" 'add=exec:expr "$1" + "$2"'
}

@test "amas-serve: 1: a header that is cut ends the connection, and only it" {
	serve
	raw <<-'END'
	good = connect()
	for n in 1, 2, 3:
	    c = connect()
	    c.send(request(0, 'add', 3, 4)[:n])
	    c.end()
	    c.closed()
	assert good.ask(0, 'add', 3, 4) == [1, 0, 7]
	END
	logged 'amas-serve: PEER: closed inside a header' \
		'amas-serve: PEER: closed inside a header' \
		'amas-serve: PEER: closed inside a header'
}

@test "amas-serve: 2: a payload that is cut ends the connection, what came before is answered" {
	serve
	raw <<-'END'
	cut = request(1, 'add', 3, 4)[:-1]
	c = connect()
	c.send(request(0, 'add', 1, 2) + cut)
	c.end()
	assert c.recv() == [1, 0, 3]
	c.closed()
	END
	logged 'amas-serve: PEER: closed inside a message (26 of 27 bytes)'
}

@test "amas-serve: 2: a reset inside a payload hurts nobody" {
	serve
	raw <<-'END'
	good = connect()
	for n in 5, 20:
	    c = connect()
	    c.send(request(0, 'add', 3, 4)[:n])
	    c.reset()
	assert good.ask(0, 'add', 3, 4) == [1, 0, 7]
	END
}

@test "amas-serve: 3: requests split at every byte give the same" {
	serve_unix
	raw <<-'END'
	data = request(0, 'add/1', 'é') + request(2**70, 'no')
	c = connect()
	c.send(data)
	want = c.recv_raw(), c.recv_raw()
	assert b'not found' in want[0], want
	for i in range(1, len(data)):
	    c.send(data[:i])
	    c.taken()
	    c.send(data[i:])
	    assert (c.recv_raw(), c.recv_raw()) == want, i
	for i in range(len(data)):
	    c.send(data[i:i + 1])
	    c.taken()
	assert (c.recv_raw(), c.recv_raw()) == want
	c.quiet()
	END
	logged
}

@test "amas-call: 3: a reply split at every byte gives the same" {
	serve_unix	# raw wants one
	raw <<-'END'
	server = listen(tmp + '/mine')
	data = frame([1, 0, {'a': [1, 'é']}])
	for i in range(1, len(data)):
	    call = start('amas-call', tmp + '/mine', 'f')
	    c = server.accept()
	    assert c.recv() == [0, 0, ['f', [], {}]]
	    c.send(data[:i])
	    c.taken()
	    c.send(data[i:])
	    assert call.wait() == (0, '{"a": [1, "é"]}\n', ''), i
	END
}

@test "amas-serve: 4: a thousand requests in one segment are answered once each" {
	serve
	raw <<-'END'
	c = connect()
	c.send(b''.join(request(i, 'no') for i in range(1000)))
	assert sorted(c.recv()[1] for _ in range(1000)) == list(range(1000))
	assert c.ask(1000, 'add', 1, 2) == [1, 1000, 3]
	c.quiet()
	END
	logged
}

@test "amas-serve: 4: a crowd of requests gives others their turn" {
	start amas-serve -j 1 "$tmp/socket" 'order=exec:echo "$1" >>"$2/order"'
	raw <<-'END'
	import signal
	crowd, other = connect(), connect()
	crowd.ask(0, 'no'), other.ask(0, 'no')
	os.kill(pid, signal.SIGSTOP)
	n = 4000
	data = b''.join(request(i, 'no') for i in range(n)) + \
	    request(n, 'order', 'crowd', tmp)
	assert len(data) > 100 << 10  # more than one turn
	crowd.sock.settimeout(0)
	assert crowd.sock.send(data) == len(data)
	crowd.sock.settimeout(PATIENCE)
	other.call(n, 'order', 'other', tmp)
	os.kill(pid, signal.SIGCONT)
	assert other.recv() == [1, n, None]
	replies = [crowd.recv() for _ in range(n + 1)]
	assert [1, n, None] in replies
	assert open(tmp + '/order').read() == 'other\ncrowd\n'
	END
}

@test "amas-serve: 5: an empty message ends the connection" {
	serve
	raw <<-'END'
	c = connect()
	c.send(frame(b''))
	c.closed()
	assert connect().ask(0, 'add', 3, 4) == [1, 0, 7]
	END
	logged 'amas-serve: PEER: empty message'
}

@test "amas-serve: 6: a message at the limit is served, one above is not" {
	serve --max-message 64K
	raw <<-'END'
	def padded(n):
	    data = json.dumps([0, 0, ['add', [3, 4], {}]]).encode()
	    return frame(data + b' ' * (n - len(data)))
	c = connect()
	for n in 65535, 65536:
	    c.send(padded(n))
	    assert c.recv() == [1, 0, 7]
	c.send(padded(65537))
	c.closed()
	END
	logged 'amas-serve: PEER: message of 65537 bytes, limit 65536'
}

@test "amas-serve: 6: a length above the limit costs nothing" {
	serve
	raw <<-'END'
	before = memory(pid, 'VmPeak')
	for n in (64 << 20) + 1, 0x7fffffff, 0x80000000, 0xffffffff:
	    c = connect()
	    c.send(struct.pack('>I', n))
	    c.closed()
	assert asan or memory(pid, 'VmPeak') - before < 1 << 20
	END
	logged 'amas-serve: PEER: message of 67108865 bytes, limit 67108864' \
		'amas-serve: PEER: message of 2147483647 bytes, limit 67108864' \
		'amas-serve: PEER: message of 2147483648 bytes, limit 67108864' \
		'amas-serve: PEER: message of 4294967295 bytes, limit 67108864'
}

@test "amas-serve: 7: a message under way takes what came, not what it promises" {
	serve_unix
	raw <<-'END'
	c = connect()
	c.ask(0, 'no')
	before = memory(pid)
	peers = [connect() for _ in range(20)]
	for p in peers:
	    p.send(struct.pack('>I', 64 << 20))
	    for _ in range(10):
	        p.send(b'[')
	        p.taken()
	assert asan or memory(pid) - before < 4 << 20, memory(pid) - before
	assert c.ask(1, 'add', 3, 4) == [1, 1, 7]
	END
}

@test "amas-serve: 7: above --memory the largest connection is closed" {
	serve_unix --memory 4M
	raw <<-'END'
	def under_way(n, first=b''):
	    p = connect()
	    p.send(first + struct.pack('>I', 3 << 20) + b' ' * n)
	    p.taken()
	    return p
	small = under_way(1 << 20)
	large = under_way((5 << 20) // 2)
	small.quiet(), large.quiet()
	last = under_way(1 << 20)
	large.closed()
	data = json.dumps([0, 0, ['add', [3, 4], {}]]).encode()
	for p in small, last:
	    p.send(b' ' * ((2 << 20) - len(data)) + data)
	    assert p.recv() == [1, 0, 7]
	END
	equal 1 "$(wc -l <"$err")"
}

@test "amas-serve: 7: requests that wait take half of --memory" {
	[ "$(has_asan)" = 0 ] || skip 'sanitizers have allocations of their own'
	start amas-serve --memory 4M "$tmp/s" 'w=worker:cat >/dev/null; :' \
	    'add=exec:expr "$1" + "$2"'
	raw <<-'END'
	before = memory(pid)
	c = connect()
	n, most = 1000, (2 << 20) // 4096
	text = 'busy: requests without an answer hold half of --memory'
	for i in range(n):
	    c.call(i, 'w')
	c.call(n, 'add', 3, 4)
	answers = []
	while not answers or answers[-1][1] != n:
	    answers.append(c.recv())
	assert all(a[::2] == [2, text] for a in answers), answers
	assert abs(n - len(answers) - most) < 10, len(answers)
	for i in range(n + 1, n + 5000):
	    assert c.ask(i, 'w') == [2, i, text]
	assert memory(pid) - before < 12 << 20, memory(pid) - before
	c.close()
	other = connect()
	until(lambda: other.ask(1, 'add', 3, 4) == [1, 1, 7], 'an answer')
	END
}

@test "amas-serve: 7: a message that does not get on is given up" {
	serve
	PATIENCE=100 raw <<-'END'
	idle = connect()
	c = connect()
	begin = time.monotonic()
	c.send(struct.pack('>I', 100))
	try:
	    while not select.select([c.sock], [], [], 1)[0]:
	        c.send(b' ')
	    c.closed()
	except (BrokenPipeError, ConnectionResetError):
	    pass
	assert 58 < time.monotonic() - begin < 80, time.monotonic() - begin
	assert idle.ask(0, 'add', 3, 4) == [1, 0, 7]
	END
	equal 1 "$(wc -l <"$err")"
}

@test "amas-serve: 8: thousands of connections with half a header leave room for calls" {
	local n

	n=$(ulimit -Hn)
	[ "$n" != unlimited ] || n=20000
	ulimit -n "$n"
	n=$(((n - 200) / 2))
	((n < 10000)) || n=10000
	serve_unix
	raw n="$n" <<-'END'
	peers = []
	for i in range(n):
	    peers.append(connect())
	    peers[-1].send(b'\0\0')
	assert connect().ask(0, 'add', 3, 4) == [1, 0, 7]
	assert asan or memory(pid) < 200 << 20, memory(pid)
	END
}

@test "amas-serve: 9: what speaks another protocol is named" {
	serve
	raw <<-'END'
	for text in (b'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
	        b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(32),
	        b'SSH-2.0-OpenSSH_9.2\r\n', b'PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n'):
	    c = connect()
	    c.send(text)
	    c.closed()
	assert connect().ask(0, 'add', 3, 4) == [1, 0, 7]
	END
	equal 4 "$(wc -l <"$err")"
	sed -n 1p "$err" | grep 'looks like HTTP'
	sed -n 2p "$err" | grep 'looks like TLS'
	sed -n 3p "$err" | grep 'looks like SSH'
	sed -n 4p "$err" | grep -i 'looks like.*proxy'
}

@test "amas-serve: 11: a half-closed peer gets its answer, then the end" {
	serve
	raw <<-'END'
	for n in 1, 20:
	    c = connect()
	    for i in range(n):
	        c.call(i, 'add', i, 1)
	    c.end()
	    assert sorted(c.recv() for _ in range(n)) == \
	        [[1, i, i + 1] for i in range(n)]
	    c.closed()
	END
	logged
}

@test "amas-serve: 11: what waits behind unread replies is answered after a half-close too" {
	serve
	raw <<-'END'
	n = 30000
	c = connect()
	data = b''.join(request(i, 'no') for i in range(n))
	def send():
	    c.send(data)
	    c.end()
	t = threading.Thread(target=send)
	t.start()
	t.join()  # all is sent before anything is read
	assert sorted(c.recv()[1] for _ in range(n)) == list(range(n))
	c.closed()
	END
	logged
}

@test "amas-serve: 12: a reset with replies queued frees them" {
	start amas-serve 127.0.0.1:0 'big=text:head -c 4000000 /dev/zero | tr "\0" x'
	raw <<-'END'
	good = connect()
	good.ask(0, 'no')
	def once():
	    c = connect()
	    for i in range(4):
	        c.call(i, 'big')
	    assert c.recv_bytes(1)  # one is on its way, the rest waits
	    c.reset()
	    assert good.ask(0, 'no')[0] == 2
	for _ in range(30):  # 480 MB
	    once()
	assert asan or memory(pid, 'VmHWM') < 128 << 20, memory(pid, 'VmHWM')
	END
}

@test "amas-serve: 13: a result above the limit is a failure" {
	start amas-serve --max-message 10K 127.0.0.1:0 \
		'text=text:head -c "$1" /dev/zero | tr "\0" x'
	raw <<-'END'
	c = connect()
	envelope = len('[1, 0, ""]')
	assert c.ask(0, 'text', 10240 - envelope)[:2] == [1, 0]
	kind, id, text = c.ask(1, 'text', 10241 - envelope)
	assert kind == 2 and text == \
	    'result too large: 10241 bytes, limit 10240', text
	kind, id, text = c.ask(2, 'text', 50000)
	assert kind == 2 and text == 'text: result is over 10240 bytes', text
	assert c.ask(3, 'text', 1) == [1, 3, 'x']
	END
}
