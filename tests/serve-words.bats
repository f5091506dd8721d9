# What amas-serve serves on, beside a socket of its own: words for descriptors,
# more addresses, dialling; and how it says so.

load helper
load tools/raw

ADD='add=exec:expr "$1" + "$2"'

@test "amas-serve: a socket with a short name is announced with its whole path" {
	local from

	cd "$tmp"
	for from in ./x.sock ././/x.sock; do
		start amas-serve "$from" 'add=exec:expr "$1" + "$2"'
		equal "ipc://$tmp/x.sock" "$addr"
		run -0 t bash -c 'cd / && amas-call "$1" add 3 4' - "$addr"
		equal 7 "$output"
		stop
	done
	run -0 t amas-serve --run 'echo "$AMAS_ADDR"' ./x.sock f=exec:true
	equal "ipc://$tmp/x.sock" "$output"
}

@test "amas-serve: children that were there before it live on" {
	local was

	cat >"$tmp/begin" <<-'END'
	sleep 60 3>&- & echo $! >was
	exec amas-serve --run : ./x.sock f=exec:true
	END
	cd "$tmp"
	run -0 t sh ./begin
	was=$(cat was)
	kill "$was"
}

# script [NAME=VALUE...] <<'END': Python with the frames of rawpeer.py, which
# starts amas-serve itself.
script() {
	addr=/nowhere pid=0 err=/dev/null raw "$@"
}

# --- One connection ---

@test "amas-serve: stdio is one connection, whose end is a clean end" {
	script add="$ADD" <<-'END'
	p = subprocess.run(['amas-serve', 'stdio', add], capture_output=True,
	    timeout=PATIENCE, input=request(0, 'add', 3, 4))
	assert (p.returncode, p.stdout, p.stderr) == \
	    (0, frame([1, 0, 7]), b''), p
	# Nothing is announced there, but to --ready-fd.
	r, w = os.pipe()
	p = subprocess.run(['amas-serve', '--ready-fd', str(w), 'stdio', add],
	    pass_fds=[w], capture_output=True, timeout=PATIENCE, input=b'')
	os.close(w)
	assert (p.returncode, p.stdout, p.stderr) == (0, b'', b''), p
	assert os.read(r, 99) == b'stdio\n'
	END
}

@test "amas-serve: stdio: a peer that breaks the protocol is status 5" {
	script add="$ADD" <<-'END'
	p = subprocess.run(['amas-serve', 'stdio', add], capture_output=True,
	    timeout=PATIENCE, input=b'GET / HTTP/1.0\r\n\r\n')
	assert (p.returncode, p.stdout) == (5, b''), p
	assert p.stderr == b'amas-serve: stdio: looks like HTTP\n', p
	END
}

@test "amas-serve: stdio: SIGTERM drains, a running call is answered" {
	script tmp="$tmp" <<-'END'
	os.mkfifo(tmp + '/begun')
	os.mkfifo(tmp + '/go')
	p = subprocess.Popen(['amas-serve', 'stdio',
	    'wait=exec:echo >begun; cat go'], cwd=tmp,
	    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
	p.stdin.write(request(0, 'wait'))
	p.stdin.flush()
	open(tmp + '/begun').read()
	p.terminate()
	open(tmp + '/go', 'w').write('done')
	assert p.stdout.read() == frame([1, 0, 'done'])
	assert p.wait(PATIENCE) == 0
	END
}

@test "amas-serve: fd:N is a connection, or a socket that listens" {
	script add="$ADD" tmp="$tmp" <<-'END'
	def serve(sock, **how):
	    return subprocess.Popen(['amas-serve', f'fd:{sock.fileno()}', add],
	        pass_fds=[sock.fileno()], stdout=subprocess.PIPE, **how)
	ours, theirs = socket.socketpair()
	p = serve(theirs)
	word = f'fd:{theirs.fileno()}\n'.encode()
	theirs.close()
	c = Peer(ours)
	assert c.ask(0, 'add', 3, 4) == [1, 0, 7]
	c.end()
	c.closed()
	assert p.wait(PATIENCE) == 0
	assert p.stdout.read() == word

	s = socket.socket(socket.AF_UNIX)
	s.bind(tmp + '/x')
	s.listen()
	p = serve(s)
	assert p.stdout.read() == f'ipc://{tmp}/x\n'.encode()
	for _ in range(2):
	    c = connect('ipc://' + tmp + '/x')
	    assert c.ask(0, 'add', 3, 4) == [1, 0, 7]
	    c.close()
	p.terminate()
	assert p.wait(PATIENCE) == 0
	END
}

@test "amas-serve: fd:0 as under inetd: the peer gets messages alone" {
	script add="$ADD" <<-'END'
	ours, theirs = socket.socketpair()
	p = subprocess.Popen(['amas-serve', '-vv', 'fd:0', add], stdin=theirs,
	    stdout=theirs, stderr=theirs)
	theirs.close()
	c = Peer(ours)
	assert c.ask(0, 'add', 3, 4) == [1, 0, 7]
	c.end()
	c.closed()
	assert p.wait(PATIENCE) == 0
	END
}

@test "amas-serve: a descriptor that is none is status 3" {
	run -3 --separate-stderr t amas-serve fd:99 "$ADD"
	equal 'amas-serve: fd:99: Bad file descriptor' "$stderr"
	run -2 --separate-stderr t amas-serve fd:x "$ADD"
	equal 'amas-serve: fd:x: fd: needs the number of a descriptor' "$stderr"
}

@test "amas-serve: 54: children have none of the descriptors it was given" {
	script <<-'END'
	ours, theirs = socket.socketpair()
	p = subprocess.Popen(['amas-serve', f'fd:{theirs.fileno()}',
	    'n=exec:ls -l /proc/$$/fd | grep -c socket'],
	    pass_fds=[theirs.fileno()], stdout=subprocess.DEVNULL)
	theirs.close()
	c = Peer(ours)
	m = c.ask(0, 'n')
	assert m[0] == 2 and m[2] == 'n: exit status 1', m
	c.close()
	assert p.wait(PATIENCE) == 0
	END
}

# --- Several addresses ---

@test "amas-serve: --listen serves there too, and each has its line" {
	cd "$tmp"
	run -0 t amas-serve --listen ./b --listen :0 --run '
		echo "$AMAS_ADDR"
		amas-call ./a add 3 4; amas-call ./b add 3 5' ./a "$ADD"
	equal "ipc://$tmp/a"$'\n7\n8' "$output"
	mkfifo out
	amas-serve --listen ./b --listen :0 ./a "$ADD" >out 3>&- &
	pids+=($!)
	mapfile -t lines <out
	equal 3 "${#lines[@]}"
	equal "ipc://$tmp/a ipc://$tmp/b" "${lines[0]} ${lines[1]}"
	[[ ${lines[2]} =~ ^tcp://127\.0\.0\.1:[1-9][0-9]*$ ]]
	run -0 t amas-call "${lines[2]}" add 3 4
	equal 7 "$output"
}

@test "amas-serve: --listen: one that cannot be had is status 3" {
	run -3 --separate-stderr t amas-serve --listen /nowhere/x "$tmp/a" "$ADD"
	equal 'amas-serve: /nowhere/x: No such file or directory' "$stderr"
	[ ! -e "$tmp/a" ]
}

@test "amas-serve: --listen takes 64 addresses, not 65" {
	local more=() i

	cd "$tmp"
	for ((i = 0; i < 64; i++)); do
		more+=(--listen "./$i")
	done
	run -0 t amas-serve "${more[@]}" --run 'amas-call ./63 add 3 4' ./x \
		"$ADD"
	equal 7 "$output"
	run -2 --separate-stderr t amas-serve "${more[@]}" --listen ./64 ./x \
		"$ADD"
	equal 'amas-serve: --listen: more than 64 addresses' "$stderr"
}

@test "amas-serve: stdio beside an address: its end leaves that" {
	script add="$ADD" tmp="$tmp" <<-'END'
	p = subprocess.Popen(['amas-serve', '--listen', tmp + '/x', 'stdio',
	    add], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
	    stderr=subprocess.PIPE)
	# Standard output carries messages: the address is a message.
	assert p.stderr.readline() == \
	    f'amas-serve: ipc://{tmp}/x: ready\n'.encode()
	p.stdin.write(request(0, 'add', 3, 4))
	p.stdin.close()
	assert p.stdout.read() == frame([1, 0, 7])
	assert connect('ipc://' + tmp + '/x').ask(0, 'add', 1, 2) == [1, 0, 3]
	p.terminate()
	assert p.wait(PATIENCE) == 0
	END
}

@test "amas-serve: who else has standard output is wrong use" {
	local say='amas-serve: stdio: standard input and output are taken already'

	run -2 --separate-stderr t amas-serve --listen stdio stdio "$ADD"
	equal "$say" "$stderr"
	run -2 --separate-stderr t amas-serve --channel stdio
	equal "$say" "$stderr"
	run -2 --separate-stderr t amas-serve --run true stdio "$ADD"
	equal 'amas-serve: --run: does not go with stdio: both have standard output' \
		"$stderr"
}

# --- Service managers ---

@test "amas-serve: systemd: sockets that were passed, a line for each" {
	script add="$ADD" tmp="$tmp" <<-'END'
	s = [socket.socket(socket.AF_UNIX) for _ in range(2)]
	for i in range(2):
	    s[i].bind(f'{tmp}/{i}')
	    s[i].listen()
	def passed():
	    for i in range(2):
	        os.dup2(s[i].fileno(), 3 + i)
	p = subprocess.Popen(['sh', '-c',
	    'LISTEN_FDS=2 LISTEN_PID=$$ exec "$@"', '-', 'amas-serve',
	    'systemd', add, 'env=exec:env | grep -c LISTEN_ || :'],
	    preexec_fn=passed, close_fds=False, stdout=subprocess.PIPE)
	assert p.stdout.read() == f'ipc://{tmp}/0\nipc://{tmp}/1\n'.encode()
	for i in range(2):
	    c = connect(f'ipc://{tmp}/{i}')
	    assert c.ask(0, 'add', i, 1) == [1, 0, i + 1]
	assert c.ask(1, 'env') == [1, 1, 0]
	p.terminate()
	assert p.wait(PATIENCE) == 0
	END
}

@test "amas-serve: systemd: variables for another process are not for it" {
	local vars

	for vars in LISTEN_X=1 'LISTEN_FDS=1 LISTEN_PID=1' \
		'LISTEN_FDS=0 LISTEN_PID=$$' 'LISTEN_FDS=2000 LISTEN_PID=$$'; do
		run -3 --separate-stderr t sh -c \
			"$vars exec amas-serve systemd f=exec:true"
		equal 'amas-serve: systemd: no sockets were passed (LISTEN_PID, LISTEN_FDS)' \
			"$stderr"
	done
}

@test "amas-serve: a service manager is told READY and STOPPING" {
	script add="$ADD" tmp="$tmp" <<-'END'
	for name in tmp + '/n', '\0amas' + tmp:
	    n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	    n.settimeout(PATIENCE)
	    n.bind(name)
	    p = subprocess.Popen(['amas-serve', tmp + '/x', add],
	        env={**os.environ, 'NOTIFY_SOCKET': name.replace('\0', '@')},
	        stdout=subprocess.DEVNULL)
	    assert n.recv(99) == b'READY=1'
	    assert connect('ipc://' + tmp + '/x').ask(0, 'add', 1, 2) == \
	        [1, 0, 3]
	    p.terminate()
	    assert n.recv(99) == b'STOPPING=1'
	    assert p.wait(PATIENCE) == 0
	END
}

@test "amas-serve: a service manager that is not there is said, no more" {
	NOTIFY_SOCKET=$tmp/none run -0 --separate-stderr t amas-serve \
		--run 'echo "${NOTIFY_SOCKET-unset}"' :0 "$ADD"
	equal unset "$output"
	equal "amas-serve: NOTIFY_SOCKET: No such file or directory" \
		"${stderr_lines[0]}"
}

# --- Dialling ---

@test "amas-serve: --connect serves on a connection that it makes" {
	script add="$ADD" <<-'END'
	s = socket.create_server(('127.0.0.1', 0))
	where = '127.0.0.1:%d' % s.getsockname()[1]
	p = subprocess.Popen(['amas-serve', '--connect', where, add],
	    stdout=subprocess.PIPE)
	c = Peer(s.accept()[0])
	assert p.stdout.read() == f'tcp://{where}\n'.encode()
	assert c.ask(0, 'add', 3, 4) == [1, 0, 7]
	c.close()  # a clean end
	assert p.wait(PATIENCE) == 0
	END
}

@test "amas-serve: --connect: nobody there is status 3, -w keeps trying" {
	run -3 --separate-stderr t amas-serve --connect "$tmp/x" "$ADD"
	equal "amas-serve: $tmp/x: No such file or directory" "$stderr"
	equal '' "$output"
	run -3 --separate-stderr t amas-serve -w 50ms --connect "$tmp/x" "$ADD"
	[[ $stderr == "amas-serve: $tmp/x: No such file or directory"* ]]
	script tmp="$tmp" add="$ADD" <<-'END'
	p = subprocess.Popen(['amas-serve', '-v', '-w', 'inf', '--connect',
	    tmp + '/x', add], stdout=subprocess.DEVNULL)
	s = socket.socket(socket.AF_UNIX)
	s.bind(tmp + '/x')
	s.listen()
	s.settimeout(PATIENCE)
	c = Peer(s.accept()[0])
	assert c.ask(0, 'add', 3, 4) == [1, 0, 7]
	c.close()
	assert p.wait(PATIENCE) == 0
	END
}

@test "amas-serve: --connect: SIGTERM ends it, connected or not" {
	script tmp="$tmp" add="$ADD" <<-'END'
	p = subprocess.Popen(['amas-serve', '-w', 'inf', '--connect',
	    tmp + '/x', add], stdout=subprocess.DEVNULL,
	    env={**os.environ, 'NOTIFY_SOCKET': tmp + '/n'})
	p.terminate()
	assert p.wait(PATIENCE) in (0, -15)  # it may not have begun
	s = socket.create_server(('127.0.0.1', 0))
	where = '127.0.0.1:%d' % s.getsockname()[1]
	p = subprocess.Popen(['amas-serve', '--connect', where, add],
	    stdout=subprocess.PIPE)
	c = Peer(s.accept()[0])
	p.stdout.read()
	p.terminate()
	c.closed()
	assert p.wait(PATIENCE) == 0
	END
}

@test "amas-serve: --connect: words for descriptors are wrong use" {
	local word

	for word in stdio systemd fd:3; do
		run -2 --separate-stderr t amas-serve --connect "$word" "$ADD"
		equal "amas-serve: --connect: \"$word\" is no address to dial" \
			"$stderr"
	done
	run -2 --separate-stderr t amas-serve -w 1 :0 "$ADD"
	equal 'amas-serve: -w: needs --connect' "$stderr"
}

# --- Counters ---

@test "amas-serve: SIGUSR1 prints counters as one line of JSON" {
	start amas-serve -c 1 :0 "$ADD" 'no=exec:exit 1'
	raw <<-'END'
	import signal
	c = connect()
	assert c.ask(0, 'add', 3, 4) == [1, 0, 7]
	assert c.ask(1, 'no')[0] == 2
	assert c.ask(2, 'none')[0] == 2
	connect().closed()
	os.kill(pid, signal.SIGUSR1)
	end = time.monotonic() + PATIENCE
	while '{' not in open(err).read() and time.monotonic() < end:
	    pass
	line = [x for x in open(err) if x[0] == '{'][0]
	got = json.loads(line)
	into, out = got.pop('bytes_in'), got.pop('bytes_out')
	assert got == {'connections': 1, 'accepted': 1, 'refused': 1,
	    'requests': 0, 'calls': 3, 'failures': 2, 'running': 0,
	    'asleep': 0, 'waiting': 0, 'processes': 0}, got
	assert into == len(request(0, 'add', 3, 4) + request(1, 'no') +
	    request(2, 'none'))
	assert out > into / 2
	END
}

# --- Peers that misbehave ---

@test "amas-serve: 29: replies to nothing are dropped, a thousand in a row end it" {
	start amas-serve :0 "$ADD"
	raw <<-'END'
	c = connect()
	c.send(b''.join(frame([1 + i % 2, i, None]) for i in range(999)))
	assert c.ask(0, 'add', 3, 4) == [1, 0, 7]
	c.send(frame([2, 12345, 'no']))  # a request between is no reply
	c.closed()
	END
	logged 'amas-serve: PEER: 1000 replies in a row to no request'
	run -0 t amas-call "$addr" add 3 4
	equal 7 "$output"
}
