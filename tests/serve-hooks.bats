# Commands for connections: --on-connect, --on-disconnect.

load helper
load tools/raw

ADD='add=exec:expr "$1" + "$2"'

@test "amas-serve: --on-connect runs before the first request, its failure refuses" {
	start amas-serve --on-connect 'echo "$AMAS_PEER_ADDR" >>'"$tmp/seen"'
		[ ! -e '"$tmp/closed"' ] || { echo closed today >&2; exit 3; }' \
		:0 "$ADD" seen="text:cat $tmp/seen"
	raw <<-'END'
	c = connect()
	me = 'tcp://127.0.0.1:%d' % c.sock.getsockname()[1]
	assert c.ask(0, 'seen') == [1, 0, me]
	open(tmp + '/closed', 'w').close()
	d = connect()
	d.call(0, 'add', 3, 4)
	d.closed()
	# Who is in stays in.
	assert c.ask(1, 'add', 3, 4) == [1, 1, 7]
	os.remove(tmp + '/closed')
	assert connect().ask(0, 'add', 1, 1) == [1, 0, 2]
	END
	logged 'amas-serve: PEER: refused: --on-connect: exit status 3: closed today'
}

@test "amas-serve: --on-connect: its connection waits, others do not" {
	mkfifo "$tmp/began" "$tmp/go"
	start amas-serve --on-connect "mkdir $tmp/first 2>/dev/null || exit 0
		echo >$tmp/began; read x <$tmp/go" :0 "$ADD"
	raw <<-'END'
	c = connect()
	c.call(0, 'add', 3, 4)
	open(tmp + '/began').read()
	d = connect()
	assert d.ask(0, 'add', 1, 2) == [1, 0, 3]
	c.quiet()
	open(tmp + '/go', 'w').write('go\n')
	assert c.recv() == [1, 0, 7]
	END
	logged
}

@test "amas-serve: --on-connect has a limit of time" {
	start amas-serve --on-connect 'exec sleep 60' :0 "$ADD"
	raw <<-'END'
	c = connect()
	c.call(0, 'add', 3, 4)
	begun = time.monotonic()
	c.closed()
	assert 9 < time.monotonic() - begun < 20
	END
	logged 'amas-serve: PEER: refused: --on-connect: timed out after 10s'
}

@test "amas-serve: --on-disconnect has the peer and the reason" {
	start amas-serve --max-message 1K --on-disconnect \
		'echo "$AMAS_PEER_ADDR: $AMAS_REASON" >>'"$tmp/ends" :0 "$ADD"
	raw <<-'END'
	def lines(n):
	    until(lambda: os.path.exists(tmp + '/ends') and
	        open(tmp + '/ends').read().count('\n') == n)
	    return open(tmp + '/ends').read().splitlines()
	def me(c):
	    return 'tcp://127.0.0.1:%d: ' % c.sock.getsockname()[1]
	c = connect()
	assert c.ask(0, 'add', 3, 4) == [1, 0, 7]
	want = [me(c) + 'connection closed by peer']
	c.close()
	assert lines(1) == want
	c = connect()
	c.send(b'\0\0\x10\0')
	want.append(me(c) + 'message of 4096 bytes, limit 1024')
	c.closed()
	assert lines(2) == want
	c = connect()
	assert c.ask(0, 'add', 3, 4) == [1, 0, 7]
	want.append(me(c) + 'shutting down')
	os.kill(pid, 15)
	c.closed()
	assert lines(3) == want
	END
	ended "$pid" 0
}

@test "amas-serve: --on-disconnect comes after --on-connect, and not for the refused" {
	start amas-serve --on-connect "echo in >>$tmp/log; cat $tmp/status |
		(read s; exit \$s)" --on-disconnect "echo out >>$tmp/log" \
		:0 "$ADD"
	mkfifo "$tmp/status"
	raw <<-'END'
	def log(text):
	    until(lambda: os.path.exists(tmp + '/log') and
	        open(tmp + '/log').read() == text)
	c = connect()
	log('in\n')
	c.close()  # while its command runs
	open(tmp + '/status', 'w').write('0\n')
	log('in\nout\n')
	c = connect()
	open(tmp + '/status', 'w').write('1\n')
	c.closed()
	c = connect()
	open(tmp + '/status', 'w').write('0\n')
	assert c.ask(0, 'add', 3, 4) == [1, 0, 7]
	log('in\nout\nin\nin\n')
	END
	stop
	equal 'in out in in out' "$(tr '\n' ' ' <"$tmp/log" | sed 's/ $//')"
	logged 'amas-serve: PEER: refused: --on-connect: exit status 1'
}

@test "amas-serve: a hundred connections at once have a hundred commands" {
	start amas-serve --on-connect "echo in >>$tmp/log" \
		--on-disconnect "echo out >>$tmp/log" :0 "$ADD"
	raw <<-'END'
	c = [connect() for _ in range(100)]
	for x in c:
	    x.call(0, 'add', 3, 4)
	for x in c:
	    assert x.recv() == [1, 0, 7]
	    x.close()
	END
	stop
	equal '100 100' "$(grep -c in "$tmp/log") $(grep -c out "$tmp/log")"
}

@test "amas-serve: commands for connections find no words to the server" {
	AMAS_CODEC=json AMAS_X=1 NOTIFY_SOCKET=/nowhere \
		start amas-serve --on-connect "env >$tmp/env
		ls -l /proc/self/fd >$tmp/fds; cat >$tmp/stdin" :0 "$ADD"
	run -0 t amas-call "$addr" add 3 4
	run -0 grep -E '^(AMAS|NOTIFY|LISTEN)' "$tmp/env"
	[[ $output == AMAS_PEER_ADDR=tcp://127.0.0.1:* ]]
	equal 1 "${#lines[@]}"
	run -1 grep socket: "$tmp/fds"
	[ ! -s "$tmp/stdin" ]
	stop
}

@test "amas-serve: on one connection, too: stdio that is refused" {
	addr=/nowhere pid=0 err=/dev/null raw add="$ADD" <<-'END'
	p = subprocess.run(['amas-serve', '--on-connect', 'exit 1', 'stdio',
	    add], input=request(0, 'add', 3, 4), capture_output=True,
	    timeout=PATIENCE)
	assert (p.returncode, p.stdout, p.stderr) == (0, b'', b'amas-serve: '
	    b'stdio: refused: --on-connect: exit status 1\n'), p
	END
}

@test "amas-serve: a second signal ends what runs for connections" {
	start amas-serve --on-connect "echo \$\$ >$tmp/pid; exec sleep 60" \
		:0 "$ADD"
	raw <<-'END'
	c = connect()
	until(lambda: os.path.exists(tmp + '/pid') and
	    open(tmp + '/pid').read())
	os.kill(pid, 15)
	c.closed()
	os.kill(pid, 15)
	END
	ended "$pid" 143
	run -1 kill -0 "$(<"$tmp/pid")"
}
