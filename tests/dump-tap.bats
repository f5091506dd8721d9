# amas-dump between two ends: amas and Python's aiomas at either, which do not
# notice; and what happens when one of them stops, ends or breaks off.

load helper
load tools/raw

setup() {
	make_tmp
	cd "$tmp"
}

# tap TARGET [OPTION...]: callers go to $addr now, lines to $tmp/lines.
tap() {
	out=$tmp/lines start amas-dump -t "${@:2}" "${listen:-127.0.0.1:0}" "$1"
}

# shows LINE...: the tap has shown these, without addresses and durations, and
# no other; it ends.
shows() {
	stop
	equal "$(printf '%s\n' "$@")" "$(bare <lines)"
}

bare() {
	sed -E 's,^[^[? ]+ > [^ ]+: ,,; s, <[0-9.]+>$,,'
}

# together: a call whose reply was late is shown on two lines; makes them one.
together() {
	awk '/^\[[0-9]+\] .*\) \.\.\.$/ {
		asked[$1] = substr($0, 1, length($0) - 4)
		next
	}
	$1 in asked {
		match($0, / [=!] /)
		$0 = asked[$1] substr($0, RSTART)
	}
	{ print }'
}

# peer NAME ARG...: a script of tests/peer.
peer() {
	t "$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/$1.py" "${@:2}"
}

# ---- Between all of them ----

# batch CLIENT CODEC ADDR: the same calls by either; all that comes back.
batch() {
	local client=(t amas-call -P 1)

	[ "$1" = amas-call ] || client=(peer client)
	"${client[@]}" -B --codec "$2" "$3" 2>&1 <<-'END' || echo "status $?"
	["add", [3, 4], {}]
	["echo", [{"a": [1, null, 2.5, "é", "\u001b[2J"]}], {}]
	["greet", ["Ann"], {"greeting": "Hi"}]
	["fail", ["x"], {}]
	["sub/inner/where", [], {}]
	["const/blob", [], {}]
	END
}

LINES='[0] add(3, 4) = 7
[1] echo({"a": [1, null, 2.5, "é", "\u001b[2J"]}) = {"a": [1, null, 2.5, "é", "\u001b[2J"]}
[2] greet("Ann", greeting="Hi") = "Hi, Ann"
[3] fail("x") ! ValueError: x
[4] sub/inner/where() = "sub/inner"
[5] const/blob() = "xxxxxxxxxxxxxxxxxxx...'

# between SERVER CODEC LISTEN ADDR: one server, direct and by a tap, called by
# both clients.
between() {
	local direct client

	if [ "$1" = aiomas ]; then
		start_peer --codec "$2" "$4"
	else
		start amas-serve --codec "$2" "$4" "$AMAS_ROOT/tests/peer/services"
	fi
	direct=$addr
	for client in amas-call $(! have_peer || echo aiomas); do
		echo "$1, $2, $client:" >&2
		batch "$client" "$2" "$direct" >"$tmp/direct"
		addr=
		listen=$3 tap "$direct" -s 90
		batch "$client" "$2" "$addr" >"$tmp/through"
		cmp "$tmp/direct" "$tmp/through"
		stop
		bare <lines | together | sort | sed -E 's/(x{19})x*\.\.\./\1.../' >got
		diff - got <<<"$LINES"
	done
	stop "${pids[0]}"
	rm -f "$tmp"/ready.*
}

# codec NAME: both servers, on TCP and on unix sockets.
codec() {
	between amas-serve "$1" 127.0.0.1:0 127.0.0.1:0
	between amas-serve "$1" "$tmp/t" "$tmp/s"
	need_peer
	between aiomas "$1" "$tmp/t" 127.0.0.1:0
	between aiomas "$1" 127.0.0.1:0 "$tmp/s"
}

@test "amas-dump: a tap between amas and aiomas, JSON" {
	codec json
}

@test "amas-dump: a tap between amas and aiomas, MsgPack" {
	codec msgpack
}

@test "amas-dump: a tap between amas and aiomas, MsgPack in Blosc" {
	[ -e "$AMAS_BUILD/amas/codec_blosc.so" ] || skip 'made without Blosc'
	codec msgpack-blosc
}

@test "amas-dump: callbacks go the other way" {
	need_peer
	start amas-serve :0 \
		'hi=exec:amas-call -r "$AMAS_PEER" get_client_name'
	tap "$addr"
	equal Monty "$(peer callback "$addr" hi)"
	shows '[0] get_client_name() = "Monty"' '[0] hi() = "Monty"'
	# Who asks is on the left.
	run -0 cut -d ' ' -f 1-3 lines
	read -r from _ to <<<"${lines[0]}"
	equal "${to%:} > $from:" "${lines[1]}"
}

@test "amas-dump: a proxy that is handed over, and called back" {
	need_peer
	start_peer :0
	tap "$addr"
	equal 'Ann' "$(t amas-call -r -x 'svc/name=exec:echo Ann' "$addr" ask \
	    @svc name)"
	stop
	run -0 bare <lines
	equal '[0] svc/name() = "Ann"' "${lines[0]}"
	[[ ${lines[1]} == '[0] ask({"__type__": ["proxy", '*'}, "name") = "Ann"' ]]
}

@test "amas-dump: agents of Python, and dates of containers" {
	need_peer
	start_peer --container "$tmp/c"
	tap "$addr"
	equal '"2016-01-02T00:00:00+00:00"' "$(t amas-call "$addr/0" tomorrow \
	    :date=2016-01-01 | jq '.__type__[1] // .')"
	stop
	run -0 bare <lines
	equal "[0] validate_aid" "${lines[0]%%(*}"
	[[ ${lines[1]} == *'agents/0/tomorrow({"__type__": ["date", "2016-01-01'* ]]
}

@test "amas-dump: agents of two containers, Python's too, by a tap" {
	local port tapped

	need_peer
	mkdir teller
	printf '#!/bin/sh\necho "$1"\n' >teller/spam
	printf '#!/bin/sh\nexec amas-call -r -- "$1" spam "$2"\n' >teller/ask
	chmod +x teller/*
	# A port that is free: the tap has to know it before the container.
	port=$(amas-serve --run 'echo "${AMAS_ADDR##*:}"' :0 f=exec:true)
	tap "127.0.0.1:$port"
	tapped=$addr
	start amas-container --advertise "${tapped#tcp://}" "127.0.0.1:$port" \
		./teller
	equal "$tapped/" "$addr"
	start amas-container "$tmp/a" ./teller
	equal x "$(t amas-call -r "${addr}0" ask "${tapped}/0" x)"
	mkfifo in
	peer agents "$tmp/py" <in >url &
	caller $!
	exec 5>in
	until [ -s url ]; do :; done
	equal "y" "$(t amas-call "$(cat url)0" ask "$tapped/0" spam y |
		jq -r '.[1]')"
	exec 5>&-
	kill -TERM "${pids[0]}"
	ended "${pids[0]}" 0
	run -0 bare <lines
	equal '[0] validate_aid("0") = "teller"' "${lines[0]}"
	equal '[1] agents/0/spam("x") = "x"' "${lines[1]}"
	[[ ${lines[2]} == '[0] validate_aid("'*'") = '* ]]
	equal '[1] agents/0/spam("y") = "y"' "${lines[3]}"
}

# ---- Ends that end ----

# ends [OPTION...] <<END: a script that is both ends: l is the target, addr that
# of the tap, dump its process, lines() what it has shown.
ends() {
	cat >script.py <<-'END'
	import ctypes, shlex
	l = listen()
	err, shown = tmp + '/err.dump', tmp + '/lines'
	def die_with_us():
	    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
	def spawn(stdout=None):
	    global dump, addr
	    r, w = os.pipe()
	    dump = subprocess.Popen(['amas-dump', '-t', *shlex.split(options),
	        '--ready-fd', str(w), '127.0.0.1:0', l.addr], pass_fds=[w],
	        stdin=subprocess.DEVNULL, stdout=stdout or open(shown, 'wb'),
	        stderr=open(err, 'wb'), preexec_fn=die_with_us)
	    os.close(w)
	    addr = os.read(r, 999).decode().strip()
	def pair():
	    c = connect()
	    return c, l.accept()
	def lines():
	    dump.terminate()
	    assert dump.wait(PATIENCE) == 0, open(err).read()
	    return [x.split(': ', 1)[1] for x in open(shown).read().splitlines()]
	END
	cat >>script.py
	addr=none pid=0 err=none raw options="$*" <script.py
}

@test "amas-dump: what one end has closed is closed for the other" {
	ends <<-'END'
	spawn()
	c, s = pair()
	c.call(0, 'add', 3, 4)
	c.end()
	assert s.recv() == [0, 0, ['add', [3, 4], {}]]
	s.closed()
	s.send(frame([1, 0, 7]))	# the other way is open
	assert c.recv() == [1, 0, 7]
	s.close()
	c.closed()
	c, s = pair()
	c.call(0, 'add', 3, 4)
	s.recv()
	s.close()
	c.closed()
	assert [re.sub(' <.*', '', x) for x in lines()] == [
	    '[0] add(3, 4) = 7', '[0] add(3, 4) = ?']
	END
}

@test "amas-dump: what one end has reset is reset for the other" {
	ends <<-'END'
	def reset_seen(p):
	    try:
	        assert False, p.sock.recv(1)
	    except ConnectionResetError:
	        pass
	spawn()
	for n in 0, 1:
	    c, s = both = pair()
	    c.call(0, 'f')
	    assert s.recv()[0] == 0
	    both[n].reset()
	    reset_seen(both[1 - n])
	assert lines() == ['[0] f() = ?'] * 2
	END
}

@test "amas-dump: killed, both ends see it" {
	ends <<-'END'
	spawn()
	c, s = pair()
	c.call(0, 'f')
	s.recv()
	dump.kill()
	c.closed()
	s.closed()
	END
}

@test "amas-dump: SIGTERM: both ends see a close, what waits is shown" {
	ends <<-'END'
	spawn()
	c, s = pair()
	c.call(0, 'f')
	s.recv()
	assert lines() == ['[0] f() = ?']
	c.closed()
	s.closed()
	assert 'f' == open(err).read().split()[-1] # the summary
	END
}

@test "amas-dump: a target that cannot be reached" {
	tap "$tmp/s"
	for _ in 1 2; do
		run --separate-stderr t amas-call "$addr" add 3 4
		[[ $status$stderr == [35]*'Connection reset by peer'* ]]
	done
	equal "$(printf '%s\n' "amas-dump: ipc://$tmp/s: No such file or directory"{,})" \
		"$(cat "$err")"
	tapped=$addr dump=$pid
	start amas-serve "$tmp/s" 'add=exec:expr "$1" + "$2"'
	equal 7 "$(t amas-call "$tapped" add 3 4)"
	kill -TERM "$dump"
	ended "$dump" 0
	equal '[0] add(3, 4) = 7' "$(bare <lines)"
}

@test "amas-dump: a tap onto itself" {
	local ends

	for ends in ':1 :1' '*:1 localhost:1' \
	    'tcp://127.0.0.1:1 :1' "$tmp/s ipc://$tmp/s"; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr t amas-dump $ends
		equal "amas-dump: ${ends#* }: is LISTEN: it would call itself" \
			"$stderr"
	done
	[ ! -e "$tmp/s" ]
}

@test "amas-dump: --wait goes on trying to reach the target" {
	local dump

	tap "$tmp/s" --wait 30
	dump=$pid
	t amas-call "$addr" add 3 4 >sum &
	call=$!
	caller "$call"
	start amas-serve "$tmp/s" 'add=exec:expr "$1" + "$2"'
	wait "$call"
	forget "$call"
	equal 7 "$(cat sum)"
	kill -TERM "$dump"
	ended "$dump" 0
}

@test "amas-dump: -c: what was shown is delivered" {
	start amas-serve :0 'add=exec:expr "$1" + "$2"' 'big=exec:cat big'
	server=$addr
	head -c 3000000 /dev/zero | tr '\0' x >big
	for options in -c1 '-c2 -ojson' '-c2 --split' '-c2 -omermaid'; do
		# shellcheck disable=SC2086 # words
		tap "$server" -s 9 $options
		t amas-call -r "$addr" big >got
		[ "$(wc -c <got)" -ge 3000000 ]
		ended "$pid" 0
		[ -s lines ]
	done
}

@test "amas-dump: -c: what is held back is delivered" {
	start amas-serve :0 'add=exec:expr "$1" + "$2"'
	tap "$addr" -c 1 --inject 'kind reply: delay 50ms'
	equal 7 "$(t amas-call "$addr" add 3 4)"
	ended "$pid" 0
	equal '[0] add(3, 4) = 7 <0' "$(bare <lines | cut -d . -f 1 |
		sed 's/ {delay 50ms}$/ <0/')"
}

@test "amas-dump: -c and --run: all passes until the command has ended" {
	start amas-serve :0 'add=exec:expr "$1" + "$2"'
	run -7 --separate-stderr t amas-dump -t -c 1 --inject \
		'path add and id 1: fail no' --run '
		exec >&2
		amas-call "$AMAS_ADDR" add 3 4
		printf "%s\n" "[\"add\", [1, 2], {}]" "[\"add\", [1, 2], {}]" |
			amas-call -q -P 1 -B "$AMAS_ADDR"
		exit 7' :0 "$addr"
	equal '[0] add(3, 4) = 7' "$(bare <<<"$output")"
	equal '7 [1, 1, 3] [2, 2, "no"]' "$(head -n 3 <<<"$stderr" | xargs -d '\n')"
}

@test "amas-dump: -o json: an address that is no UTF-8" {
	start amas-serve "$tmp/s"$'\xff' 'one=exec:echo 1'
	run -0 --separate-stderr t amas-dump -o json --run \
	    'exec >&2; amas-call "$AMAS_ADDR" one' :0 "$tmp/s"$'\xff'
	equal "ipc://$tmp/s\\xff" "$(jq -r 'select(.took).from' <<<"$output")"
}

# ---- Back-pressure ----

@test "amas-dump: 78: an end that does not read slows the other one down" {
	ends --split <<-'END'
	spawn()
	c, s = pair()
	c.call(0, 'warm', 'x' * (1 << 20))
	s.recv()
	data = request(1, 'f', 'x' * ((1 << 20) - 100))
	before, sent = memory(dump.pid), 0
	c.sock.setblocking(False)
	while select.select([], [c.sock], [], 0.3)[1]:
	    n = c.sock.send(data[sent % len(data):])
	    sent += n
	    assert sent < 64 << 20, 'nothing holds it up'
	c.sock.settimeout(PATIENCE)
	def rest():
	    left = data[sent % len(data):] + data * (63 - sent // len(data))
	    c.sock.sendall(left)
	    c.end()
	thread = threading.Thread(target=rest)
	thread.start()
	for i in range(64):
	    assert s.recv_raw() == data[4:]
	s.closed()
	thread.join()
	grown = memory(dump.pid, 'VmHWM') - before
	assert asan or grown < 24 << 20, grown
	assert len(lines()) == 65
	END
}

@test "amas-dump: 78: who does not read what --inject answers is read no more" {
	ends --split --inject "'path f: fail $(printf '%01000d' 0)'" <<-'END'
	spawn()
	c, s = pair()
	c.call(0, 'warm')
	s.recv()
	data = b''.join(request(i, 'f') for i in range(1000, 2000))
	before, sent = memory(dump.pid), 0
	c.sock.setblocking(False)
	while select.select([], [c.sock], [], 0.3)[1]:
	    n = c.sock.send(data[sent % len(data):])
	    sent += n
	    assert sent < 16 << 20, 'nothing holds it up'
	grown = memory(dump.pid, 'VmHWM') - before
	assert asan or grown < 24 << 20, grown
	c.sock.setblocking(True)
	c.sock.settimeout(PATIENCE)
	each = len(request(1000, 'f'))
	for i in range(sent // each):
	    assert c.recv()[:2] == [2, 1000 + i % 1000]
	c.sock.sendall(data[sent % len(data):])	# it is read again
	assert c.recv()[0] == 2
	END
}

# large OPTION...: a message of 24 MiB passes, which is not kept, and one behind
# it is shown.
large() {
	ends --memory 1M "$@" <<-'END'
	spawn()
	c, s = pair()
	c.call(0, 'warm')
	s.recv()
	before, n = memory(dump.pid), 24 << 20
	data = struct.pack('>I', n) + b'x' * n
	thread = threading.Thread(target=lambda: c.sock.sendall(data))
	thread.start()
	assert s.recv_raw() == data[4:]
	thread.join()
	c.call(1, 'add', 3, 4)
	assert s.recv() == [0, 1, ['add', [3, 4], {}]]
	s.send(frame([1, 1, 7]))
	assert c.recv() == [1, 1, 7]
	grown = memory(dump.pid, 'VmHWM') - before
	assert asan or grown < 12 << 20, grown
	got = lines()
	gaps = [x.split() for x in got if x.startswith('**')]
	assert sum(int(x[1]) for x in gaps) == n + 4, got
	assert [x for x in got if x.startswith('[1] add(3, 4) ') and ' = 7 ' in x], got
	END
}

@test "amas-dump: 7: what goes above --memory passes, and is a gap" {
	large
	large --inject "'path warm or path add: delay 1ms'"
}

@test "amas-dump: 7: above --memory nothing is held back" {
	ends --memory 100k --inject "'path slow: delay 600s'" <<-'END'
	spawn()
	c, s = pair()
	for i in range(9):
	    c.call(i, 'slow', 'x' * 20000)
	    c.taken()
	assert s.recv()[1] == 0
	END
}

@test "amas-dump: who does not read its lines holds the traffic up" {
	ends --split <<-'END'
	r, w = os.pipe()
	spawn(w)
	os.close(w)
	c, s = pair()
	n = 50000
	data = b''.join(request(i, 'f', 'x' * 100) for i in range(n))
	threading.Thread(target=lambda: c.sock.sendall(data), daemon=True).start()
	got = 0
	while select.select([s.sock], [], [], 0.3)[0]:
	    got += len(s.sock.recv(1 << 16))
	assert got < len(data), 'all has passed'
	def read():
	    with open(r) as f:
	        for i, line in enumerate(f):
	            assert ': [%d] f("xxx' % i in line, line
	            if i == n - 1:
	                return
	reader = threading.Thread(target=read, daemon=True)
	reader.start()
	while got < len(data):
	    got += len(s.sock.recv(1 << 20))
	reader.join(PATIENCE)
	assert not reader.is_alive()
	dump.terminate()
	assert dump.wait(PATIENCE) == 0
	END
}

# ---- What is no message ----

@test "amas-dump: 78: what cannot be read passes unchanged, and is shown" {
	ends <<-'END'
	spawn()
	c, s = pair()
	for odd in b'nonsense\x1b[2J', b'[3, 0, 0]', b'\x93\x00\x00':
	    c.send(frame(odd))
	    assert s.recv_raw() == odd
	c.call(0, 'add', 3, 4)
	s.recv()
	s.send(frame([1, 0, 7]))
	c.recv()
	got = lines()
	assert re.fullmatch(r'\?\? 16 bytes: .*: 6e6f 6e73 656e 7365 1b5b 324a',
	    got[0]), got
	assert [x[:2] for x in got[:4]] == ['??'] * 3 + ['[0'], got
	assert got[3].startswith('[0] add(3, 4) = 7 <'), got
	END
}

@test "amas-dump: HTTP passes, and is shown once" {
	ends <<-'END'
	spawn()
	c, s = pair()
	ask = b'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
	c.send(ask)
	assert s.recv_bytes(len(ask)) == ask
	say = b'HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n'
	s.send(say)
	assert c.recv_bytes(len(say)) == say
	s.send(b'x' * 70000)
	assert c.recv_bytes(70000) == b'x' * 70000
	got = lines()
	assert got[0].startswith('?? 27 bytes: HTTP: 4745 5420'), got
	assert got[1].startswith('?? 42 bytes: HTTP: 4854'), got
	assert got[2:] == ['** 70000 bytes unread'], got
	END
}

@test "amas-dump: a message that is too large passes, and so do cut ones" {
	ends --max-message 1k <<-'END'
	spawn()
	c, s = pair()
	data = request(0, 'f', 'x' * 4000)
	c.send(data)
	assert s.recv_raw() == data[4:]
	s.send(frame([1, 0, 7])[:9])
	s.close()
	assert c.recv_bytes(9) == frame([1, 0, 7])[:9]
	c.closed()
	got = lines()
	assert got[0].startswith('?? 4027 bytes: '), got
	assert '?? 9 bytes: ' in got[1], got
	END
}

# ---- Its own words ----

@test "amas-dump: --run: its end and its status are those of the command" {
	start amas-serve :0 'add=exec:expr "$1" + "$2"'
	run -7 --separate-stderr t amas-dump -t --run \
		'amas-call "$AMAS_ADDR" add 3 4 >sum; exit 7' :0 "$addr"
	equal '[0] add(3, 4) = 7' "$(bare <<<"$output")"
	equal 7 "$(cat sum)"
	run -127 --separate-stderr t amas-dump --run ./none :0 "$addr"
	run -0 --separate-stderr t amas-dump -q --run true :0 "$addr"
}

@test "amas-dump: it says where it listens, or --ready-fd does" {
	local line

	amas-dump ./t ./none 2>err.own 3>&- &
	caller $!
	until grep -q ready err.own; do :; done
	equal "amas-dump: ipc://$tmp/t: ready" "$(cat err.own)"
	kill -TERM $!
	wait $!
	start amas-dump -w rec :0 ./none
	[[ $addr =~ ^tcp://127.0.0.1:[0-9]+$ ]]
	run -2 --separate-stderr amas-dump --ready-fd 1 :0 ./none
	equal 'amas-dump: --ready-fd: standard output is for one thing' \
		"$(first_line "$stderr")"
	run -3 --separate-stderr amas-dump "$addr" ./none
	equal "amas-dump: $addr: Address already in use" "$stderr"
	run -2 --separate-stderr amas-dump :65536 ./none
	run -2 --separate-stderr amas-dump :0 :65536
}

@test "amas-dump: a long call is shown before its reply" {
	ends <<-'END'
	spawn()
	c, s = pair()
	c.call(0, 'long')
	until(lambda: log_has(shown, '[0] long() ...\n'), 'the first line')
	s.send(frame([1, 0, 'done']))
	assert c.recv() == [1, 0, 'done']
	first, second = lines()
	assert re.fullmatch(r'\[0\] long = "done" <[1-9][0-9.]*>', second), second
	END
}

# ---- The summary ----

@test "amas-dump: the summary at the end, not with -q" {
	local quiet

	start amas-serve :0 'add=exec:expr "$1" + "$2"'
	for quiet in '' -q -qq; do
		# shellcheck disable=SC2086 # words
		run -0 --separate-stderr t amas-dump -t $quiet --run \
			'amas-call "$AMAS_ADDR" add 3 4' :0 "$addr"
		[[ $output == *'add(3, 4) = 7 <'* ]]
		[ -n "$quiet" ] || [[ $stderr == *'function'*' add' ]]
		[ -z "$quiet" ] || equal '' "$stderr"
	done
}

@test "amas-dump: the summary counts what the server counts, 100,000 calls" {
	local server dump

	start amas-serve :0 \
		"echo=worker:sed -u 's/^.0, ([0-9]*),.*/[1, \\1, \"x\"]/' -E"
	server=$pid serr=$err
	tap "$addr" -o json --summary
	dump=$pid
	awk 'BEGIN { for (i = 1; i <= 100000; i++)
		print i % 100 ? "[\"echo\", [\"x\"], {}]" : "[\"none\", [], {}]" }' |
		t amas-call -B "$addr" >replies || [ $? = 1 ]
	equal 100000 "$(wc -l <replies)"
	kill -USR1 "$server" "$dump"
	until grep -q '^{' "$serr" && grep -q none lines; do :; done
	equal '100000 1000' "$(sed -n '/^{/p' "$serr" |
		jq -r '"\(.calls) \(.failures)"')"
	table=$(awk 'NR > 1 { print $1, $2, $3, $9 }' lines)
	equal "$(printf '%s\n' '99000 0 0 echo' '1000 1000 0 none')" "$table"
	bytes=$(awk '/echo|none/ { n += $8 } END { print n }' lines)
	equal "$(sed -n '/^{/p' "$serr" | jq '.bytes_in + .bytes_out')" "$bytes"
	kill -TERM "$dump"
	ended "$dump" 0
	equal 2 "$(grep -c ' echo$' lines)" # that of the end, too
}

@test "amas-dump: the summary of a tap in text is on standard error" {
	start amas-serve :0 'add=exec:expr "$1" + "$2"'
	tap "$addr"
	equal 7 "$(t amas-call "$addr" add 3 4)"
	kill -USR1 "$pid"
	until grep -q ' add$' "$err"; do :; done
	stop
	equal 2 "$(grep -c '^ *1  *0  *0 .* add$' "$err")"
	equal 2 "$(grep -c '^ *calls ' "$err")"
}

@test "amas-dump: SIGUSR1: a graph comes at the end alone" {
	start amas-serve :0 'add=exec:expr "$1" + "$2"'
	tap "$addr" -o dot
	kill -USR1 "$pid"
	equal 7 "$(t amas-call "$addr" add 3 4)" # that has been seen by now
	stop
	equal 1 "$(grep -c '^digraph' lines)"
	grep -q 'label="1\\n' lines
}

# ---- TLS ----

# The three files of --ssl in tests/peer, and of amas.
certificates() {
	[ -e "$AMAS_BUILD/amas/tls.so" ] || skip 'made without TLS'
	amas-pki -n ca
	amas-pki new peer 127.0.0.1
	amas-pki sign peer.csr >/dev/null
	files=(ca.pem peer.pem peer.key)
	tls=(--cacert ca.pem --cert peer.pem --key peer.key)
	listen_tls=(--listen-cacert ca.pem --listen-cert peer.pem
		--listen-key peer.key)
}

# calls_by ARG...: a call of add by amas-call with these options is shown.
calls_by() {
	equal 7 "$(t amas-call "$@" "$addr" add 3 4)"
	shows '[0] add(3, 4) = 7'
}

@test "amas-dump: TLS on either side, and on both" {
	local plain secret dump

	certificates
	start amas-serve :0 'add=exec:expr "$1" + "$2"'
	plain=$addr
	start amas-serve "${tls[@]}" 127.0.0.1:0 'add=exec:expr "$1" + "$2"'
	secret=$addr
	tap "$secret" "${tls[@]}"
	calls_by
	tap "$plain" "${listen_tls[@]}"
	calls_by "${tls[@]}"
	tap "$secret" "${tls[@]}" --listen-cert peer.pem --listen-key peer.key
	calls_by "${tls[@]}"
	# Without, they see each other's certificates, and the tap sees nothing.
	tap "$secret"
	equal 7 "$(t amas-call "${tls[@]}" "$addr" add 3 4)"
	stop
	run -0 bare <lines
	[[ ${lines[0]} == '?? '* ]]
	AMAS_CACERT=ca.pem AMAS_CERT=peer.pem AMAS_KEY=peer.key tap "$secret"
	calls_by
	AMAS_CACERT=ca.pem AMAS_CERT=peer.pem AMAS_KEY=peer.key tap "$plain" --plain
	calls_by
}

@test "amas-dump: TLS with Python's aiomas at both ends" {
	need_peer
	certificates
	start_peer --ssl "${files[@]}" 127.0.0.1:0
	tap "$addr" "${tls[@]}" "${listen_tls[@]}"
	equal 7 "$(peer client --ssl "${files[@]}" "$addr" add 3 4)"
	shows '[0] add(3, 4) = 7'
}

@test "amas-dump: TLS that does not come about" {
	local serr

	certificates
	start amas-serve "${tls[@]}" 127.0.0.1:0 'add=exec:expr "$1" + "$2"'
	tap "$addr" --cacert ca.pem
	run --separate-stderr t amas-call "$addr" add 3 4
	[[ $status == [35] ]]	# it is reset, before it has called or after
	[[ $(first_line "$(cat "$err")") == 'amas-dump: tcp://'*': the server wants a certificate '* ]]
	stop
	run -3 --separate-stderr t amas-dump "${tls[@]::5}" none.key :0 "$addr"
	run -2 --separate-stderr t amas-dump --listen-cert peer.pem :0 "$addr"
	run -2 --separate-stderr t amas-dump "${listen_tls[@]}" ./t "$addr"
	run -2 --separate-stderr t amas-dump "${tls[@]}" :0 ./s
}
