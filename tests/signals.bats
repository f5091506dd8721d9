# Signals, and the end of a server.  The numbers are those of the list of
# faults.

load helper
load tools/raw

# serve [OPTION...]: with a function that writes a line to fifo 1 when it has
# begun and answers what it reads from fifo 2.
serve() {
	mkfifo "$tmp/begun" "$tmp/answer"
	start amas-serve "$@" "$tmp/socket" 'add=exec:expr "$1" + "$2"' \
		'wait=exec:echo >"$1/begun"; read -r x <"$1/answer"; echo "$x"'
}

@test "amas-serve: 89: SIGTERM lets running calls end and refuses new ones" {
	serve
	raw <<-'END'
	import signal
	c, idle = connect(), connect()
	idle.ask(0, 'no')
	c.call(0, 'wait', tmp)
	open(tmp + '/begun').read()
	os.kill(pid, signal.SIGTERM)
	until(lambda: not os.path.exists(tmp + '/socket'), 'unlink')
	kind, id, text = c.ask(1, 'add', 3, 4)
	assert (kind, id) == (2, 1) and 'shutting down' in text, text
	with open(tmp + '/answer', 'w') as f:
	    f.write('answer\n')
	assert c.recv() == [1, 0, 'answer']
	c.closed()
	idle.closed()
	END
	forget "$pid"
	ended "$pid" 0
	logged
}

@test "amas-serve: 89: SIGTERM with nothing to do ends at once" {
	local how

	for how in TERM INT; do
		serve
		raw how=$how <<-'END'
		import signal
		c = connect()
		assert c.ask(0, 'add', 3, 4) == [1, 0, 7]
		begin = time.monotonic()
		os.kill(pid, getattr(signal, 'SIG' + how))
		c.closed()
		assert time.monotonic() - begin < 5
		END
		forget "$pid"
		ended "$pid" 0
		rm "$tmp/begun" "$tmp/answer"
		logged
	done
}

@test "amas-serve: 89: a call that does not end within 10 s is failed, its processes killed" {
	mkfifo "$tmp/never"
	start amas-serve "$tmp/socket" 'hang=exec:trap "" TERM
		echo $$ >$1/pid; echo >$1/ready; while :; do read -r x <>$1/never; done'
	mkfifo "$tmp/ready"
	raw <<-'END'
	import signal
	c = connect()
	c.call(0, 'hang', tmp)
	open(tmp + '/ready').read()
	begin = time.monotonic()
	os.kill(pid, signal.SIGTERM)
	try:
	    assert c.recv()[:2] == [2, 0]
	    c.closed()
	except EOFError:
	    pass
	took = time.monotonic() - begin
	assert 9 < took < 14, took
	child = int(open(tmp + '/pid').read())
	until(lambda: not os.path.exists(f'/proc/{child}'), 'its end')
	END
	forget "$pid"
	ended "$pid" 0
}

@test "amas-serve: 90: a second signal ends at once, children too" {
	local how first=TERM

	for how in TERM INT; do
		serve
		raw how=$how first=$first <<-'END'
		import signal
		c = connect()
		c.call(0, 'wait', tmp)
		open(tmp + '/begun').read()
		os.kill(pid, getattr(signal, 'SIG' + first))
		until(lambda: not os.path.exists(tmp + '/socket'), 'unlink')
		begin = time.monotonic()
		os.kill(pid, getattr(signal, 'SIG' + how))
		try:
		    assert c.recv()[:2] == [2, 0]
		    c.closed()
		except (EOFError, ConnectionResetError):
		    pass
		assert time.monotonic() - begin < (5 if asan else 1)
		END
		forget "$pid"
		ended "$pid" $((128 + $(kill -l $how)))
		# A fifo without a reader: its child is gone.
		run ! timeout 0.1 bash -c 'echo >"$1"' - "$tmp/answer"
		rm "$tmp/begun" "$tmp/answer"
		first=INT
	done
}

@test "amas-serve: 90: after SIGKILL the next start takes the socket over" {
	serve
	forget "$pid"
	kill -KILL "$pid"
	ended "$pid" 137
	[ -S "$tmp/socket" ]
	rm "$tmp/begun" "$tmp/answer"
	serve
	raw <<-'END'
	assert connect().ask(0, 'add', 3, 4) == [1, 0, 7]
	END
	logged
}

@test "amas-serve: 91: other signals have no effect on results" {
	serve
	raw <<-'END'
	import signal
	c = connect()
	c.call(0, 'wait', tmp)
	open(tmp + '/begun').read()
	done = threading.Event()
	def storm():
	    while not done.is_set():
	        for s in 'HUP', 'USR1', 'CHLD', 'PIPE', 'STOP', 'CONT':
	            os.kill(pid, getattr(signal, 'SIG' + s))
	t = threading.Thread(target=storm)
	t.start()
	try:
	    for i in range(1, 31):
	        c.call(i, 'add', i, 1)
	    assert sorted(c.recv() for _ in range(30)) == \
	        [[1, i, i + 1] for i in range(1, 31)]
	finally:
	    done.set()
	    t.join()
	    os.kill(pid, signal.SIGCONT)
	with open(tmp + '/answer', 'w') as f:
	    f.write('answer\n')
	assert c.recv() == [1, 0, 'answer']
	END
	grep -v '^{"connections": 1, ' "$err" >"$err.log" || true
	err=$err.log
	logged
}

@test "amas-serve: 91: a signal before the loop runs is not lost" {
	addr=$tmp/socket pid=0 err=$tmp/err
	raw <<-'END'
	import fcntl, signal
	# A full pipe holds the server up where it reports its address.
	r, w = os.pipe()
	os.set_blocking(w, False)
	try:
	    while True:
	        os.write(w, b'\n' * 4096)
	except BlockingIOError:
	    pass
	os.set_blocking(w, True)
	server = subprocess.Popen(['amas-serve', addr, 'add=exec:expr 3 + 4'],
	                          stdout=w)
	os.close(w)
	until(lambda: os.path.exists(addr), 'listening')
	server.send_signal(signal.SIGTERM)
	while os.read(r, 1 << 16):
	    pass
	assert server.wait(PATIENCE) == 0
	assert not os.path.exists(addr)
	END
}

@test "amas-call: what it waits for ends with it, over TCP too" {
	local signal

	mkfifo "$tmp/begun" "$tmp/gone" "$tmp/never"
	start amas-serve -j 1 tcp://127.0.0.1:0 "hang=exec:trap 'echo x >$tmp/gone; exit' TERM
		echo >$tmp/begun; while :; do read -r x <>$tmp/never; done" \
	    'add=exec:expr "$1" + "$2"'
	for signal in TERM INT KILL; do
		raw how=$signal <<-'END'
		p = start('amas-call', addr, 'hang')
		open(tmp + '/begun').read()
		p.process.send_signal(getattr(signal, 'SIG' + how))
		assert open(tmp + '/gone').read() == 'x\n'
		p.wait()
		END
		t amas-call "$addr" add 3 4
	done
	logged
}
