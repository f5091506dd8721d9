# Plain requests: amas-serve --channel, with a source and as message lines;
# failures as lists; traces.

load helper
load tools/raw

# ask CONTENT...: a Python aiomas channel client sends these to $addr.
ask() {
	need_peer
	run -0 --separate-stderr t "$AMAS_VENV/bin/python" \
		"$AMAS_ROOT/tests/peer/channel.py" "${OPTS[@]}" "$addr" "$@"
}

OPTS=()

# pipe COMMAND [OPTION...]: starts amas-serve --channel in a ring with COMMAND.
pipe() {
	local fifo=$tmp/ring

	mkfifo "$fifo" "$fifo.back"
	bash -c "$1" <"$fifo" >"$fifo.back" 2>/dev/null 3>&- 4>&- &
	caller $!
	ring "${@:2}"
}

# ring [OPTION...]: as start, with standard input and output.
ring() {
	mkfifo "$tmp/ready"
	err=$tmp/err.ring
	# As the other end does: in this order both opens meet.
	amas-serve --channel --ready-fd 4 "$@" 127.0.0.1:0 >"$tmp/ring" \
		<"$tmp/ring.back" 2>"$err" 3>&- 4>"$tmp/ready" \
		5>&- 6>&- &
	pid=$!
	pids+=("$pid")
	read -r -t "$PATIENCE" addr <"$tmp/ready"
}

# --- Message lines ---

@test "amas-serve: --channel: requests are lines out, replies lines in" {
	pipe 'jq -c --unbuffered "[1, .[1], {got: .[2]}]"'
	ask '"ohai"' '{"a":[1,null,2.5]}' 'null'
	equal '{"reply": {"got": "ohai"}}
{"reply": {"got": {"a": [1, null, 2.5]}}}
{"reply": {"got": null}}' "$output"
}

@test "amas-serve: --channel: MsgPack, bytes, and other keys than texts" {
	OPTS=(--codec msgpack)
	pipe 'jq -c --unbuffered "[1, .[1], .[2]]"' --codec msgpack
	ask '{"__type__":["bytes","AAH/"]}' '{"__type__":["map",[[1,2]]]}'
	equal '{"reply": {"__type__": ["bytes", "AAH/"]}}
{"reply": {"__type__": ["map", [[1, 2]]]}}' "$output"
}

@test "amas-serve: --channel: a failure is one for the caller" {
	pipe 'jq -c --unbuffered "[2, .[1], \"ValueError: \\(.[2])\"]"'
	ask '"no"' '"again"'
	equal '{"failure": "ValueError: no"}
{"failure": "ValueError: again"}' "$output"
}

@test "amas-serve: --channel: ids are its own, answers come in any order" {
	# It answers when it has two, the last first.
	pipe 'while read -r a && read -r b; do printf "%s\n" "$b" "$a" |
		tee -a '"$tmp"'/seen | jq -c "[1, .[1], .[2]]"; done'
	raw <<-'END'
	c, d = connect(), connect()
	for i in range(100):
	    c.send(frame([0, 7, 'c']))
	    d.send(frame([0, 7, 'd']))
	    assert c.recv() == [1, 7, 'c']
	    assert d.recv() == [1, 7, 'd']
	ids = [json.loads(x)[1] for x in open(tmp + '/seen')]
	assert sorted(ids) == list(range(200)), ids
	END
}

@test "amas-serve: --channel: its address goes to standard error if nowhere else" {
	mkfifo "$tmp/in"
	amas-serve --channel "$tmp/x" <"$tmp/in" >"$tmp/out" 2>"$tmp/err" 3>&- &
	pid=$!
	pids+=("$pid")
	exec 5>"$tmp/in"
	until [ -s "$tmp/err" ]; do :; done
	equal "amas-serve: ipc://$tmp/x: ready" "$(<"$tmp/err")"
	exec 5>&-
	ended "$pid" 0	# the end of standard input
	[ ! -s "$tmp/out" ]
}

@test "amas-serve: --channel: the end of standard input fails what is open" {
	pipe 'read -r line; echo >'"$tmp/begun"'; read -r x <'"$tmp/go"
	mkfifo "$tmp/begun" "$tmp/go"
	raw <<-'END'
	c = connect()
	c.send(frame([0, 3, 'hi']))
	open(tmp + '/begun').read()
	open(tmp + '/go', 'w').write('go\n')
	assert c.recv() == [2, 3, 'standard input has ended']
	c.closed()
	END
	ended "$pid" 0
	logged
}

@test "amas-serve: --channel: SIGTERM waits for open answers" {
	mkfifo "$tmp/begun" "$tmp/go"
	pipe 'read -r line; echo >'"$tmp/begun"'; read -r x <'"$tmp/go"'
		echo "[1, 0, \"done\"]"; cat'
	raw <<-'END'
	c = connect()
	c.send(frame([0, 3, 'hi']))
	open(tmp + '/begun').read()
	os.kill(pid, 15)
	def refuses():
	    try:
	        connect().close()
	    except OSError:
	        return True
	until(refuses, 'the end of listening')
	c.send(frame([0, 4, 'late']))
	assert c.recv() == [2, 4, 'shutting down']
	open(tmp + '/go', 'w').write('go\n')
	assert c.recv() == [1, 3, 'done']
	c.closed()
	END
	ended "$pid" 0
}

@test "amas-serve: --channel: a line that is no reply is status 4" {
	local line

	for line in nonsense '[1]' '[5, 0, 0]'; do
		run -4 --separate-stderr t bash -c \
			'printf "%s\n" "$1" | amas-serve --channel :0' - "$line"
		equal '' "$output"
		[[ ${stderr_lines[-1]} == 'amas-serve: stdio: '* ]]
	done
	mkfifo "$tmp/ring" "$tmp/ring.back"
	exec 5<>"$tmp/ring" 6<>"$tmp/ring.back"
	ring
	# A request there has nowhere to go; strangers' ids are dropped.
	printf '%s\n' '[1, 99, 0]' '[0, 1, "hi"]' >&6
	read -r -t "$PATIENCE" line <&5
	equal '[2, 1, "only replies are taken here"]' "$line"
	exec 5>&- 6>&-
	ended "$pid" 0
}

@test "amas-serve: --channel: nobody reads: --queue bounds what waits" {
	mkfifo "$tmp/ring" "$tmp/ring.back"
	exec 5<>"$tmp/ring" 6<>"$tmp/ring.back"
	ring --queue 3
	raw <<-'END'
	c = connect()
	for i in range(5):
	    c.send(frame([0, i, 'x']))
	for i in 3, 4:
	    assert c.recv() == [2, i, 'busy: 3 waiting (--queue)']
	# Another connection has a queue of its own.
	d = connect()
	d.send(frame([0, 0, 'y']))
	c.close()
	END
	# The answers to those that are gone hurt nobody.
	printf '[1, %s, "late"]\n' 0 1 2 >&6
	raw <<-'END'
	c = connect()
	c.send(frame([0, 9, 'z']))
	with open(tmp + '/ring') as f:
	    while f.readline() != '[0, 4, "z"]\n':
	        pass
	with open(tmp + '/ring.back', 'w') as f:
	    f.write('[1, 4, "good"]\n')
	assert c.recv() == [1, 9, 'good']
	END
	logged
	exec 5>&- 6>&-
	ended "$pid" 0
}

@test "amas-serve: --channel: a reader that goes away ends it" {
	mkfifo "$tmp/ring" "$tmp/ring.back"
	exec 6<>"$tmp/ring.back"
	head -n 1 <"$tmp/ring" >"$tmp/line" 3>&- 6>&- &
	caller $!
	ring
	raw <<-'END'
	c = connect()
	try:
	    for i in range(1000):
	        c.send(frame([0, i, 'x']))
	        m = select.select([c.sock], [], [], 0.001)
	        if m[0]:
	            break
	    while True:  # what was open fails
	        assert c.recv()[0] == 2
	except (EOFError, OSError):
	    pass
	END
	exec 6>&-
	ended "$pid" 0
	equal '[0, 0, "x"]' "$(<"$tmp/line")"
	logged
}

# --- One source ---

@test "amas-serve: --channel: a program gets the content as its one argument" {
	start amas-serve --channel 127.0.0.1:0 'exec:printf "%s:" "$#" "$1"; cat'
	ask '"ohai"' '[1,2]' '{"a":null}'
	equal '{"reply": "1:ohai:[[\"ohai\"], {}]"}
{"reply": "1:[1, 2]:[[[1, 2]], {}]"}
{"reply": "1:{\"a\": null}:[[{\"a\": null}], {}]"}' "$output"
	stop
	printf '#!/bin/sh\necho "got $1"; exit "${2-0}"\n' >"$tmp/say.text"
	chmod +x "$tmp/say.text"
	start amas-serve --channel 127.0.0.1:0 "$tmp/say.text"
	ask 5
	equal '{"reply": "got 5"}' "$output"
}

@test "amas-serve: --channel: failures of a program are the caller's" {
	start amas-serve --channel 127.0.0.1:0 'exec:echo "ValueError: $1" >&2; exit 3'
	ask '"no"'
	equal '{"failure": "channel: exit status 3\nValueError: no"}' "$output"
	stop
	start amas-serve --channel 127.0.0.1:0 'check=exec:exit 1'
	ask '"no"'
	equal '{"failure": "check: exit status 1"}' "$output"
}

@test "amas-serve: --channel: a folder takes no content, nor do two sources" {
	mkdir "$tmp/dir"
	run -2 --separate-stderr t amas-serve --channel :0 "$tmp/dir"
	equal "amas-serve: $tmp/dir: --channel takes a program, a filter or a worker" \
		"$stderr"
	run -2 --separate-stderr t amas-serve --channel :0 a=exec:true \
		b=exec:true
	equal 'amas-serve: b=exec:true: --channel takes one SOURCE' "$stderr"
}

# --- Failures as lists ---

@test "amas-serve: --failure list: kind and message, then all lines" {
	start amas-serve --failure list :0 'no=exec:cat >&2 <<-.; exit 1
		Traceback (most recent call last):
		ValueError: no number
		.' 'odd=exec:echo what is that >&2; exit 1' 'quiet=exec:exit 9'
	raw <<-'END'
	c = connect()
	assert c.ask(0, 'no') == [2, 0, ['ValueError', 'no number',
	    'no: exit status 1', 'Traceback (most recent call last):',
	    'ValueError: no number']]
	assert c.ask(1, 'odd') == [2, 1, ['Failure', 'what is that',
	    'odd: exit status 1', 'what is that']]
	assert c.ask(2, 'quiet') == [2, 2, ['quiet', 'exit status 9']]
	assert c.ask(3, 'none') == [2, 3, ['LookupError',
	    'Name "none" not found in ""']]
	c.send(frame([0, 4, 5]))
	m = c.recv()
	assert m[:2] == [2, 4] and m[2][0] == 'TypeError', m
	assert m[2][1].endswith(', not [path, args, kwargs]'), m
	END
	stop
	run -2 --separate-stderr t amas-serve --failure xml :0 f=exec:true
	equal 'amas-serve: --failure: "xml" is neither text nor list' "$stderr"
}

@test "amas-serve: --failure list: what a line says is passed on" {
	pipe 'jq -c --unbuffered "[2, .[1], .[2]]"' --failure list
	raw <<-'END'
	c = connect()
	def ask(content):
	    c.send(frame([0, 0, content]))
	    m = c.recv()
	    assert m[0] == 2
	    return m[2]
	assert ask(['A', 'b']) == ['A', 'b']
	assert ask(['A']) == ['Failure', '["A"]']
	assert ask(['A', 1]) == ['Failure', '["A", 1]']
	assert ask('KeyError:') == ['KeyError', '']
	assert ask(None) == ['Failure', 'null']
	END
}

# --- Traces ---

@test "amas-serve: --trace records each message, with both addresses" {
	start amas-serve --trace "$tmp/trace" "$tmp/x" 'add=exec:expr "$1" + "$2"'
	equal 600 "$(stat -c %a "$tmp/trace")"
	raw <<-'END'
	c = connect()
	me = f'ipc://pid:{os.getpid()}'
	assert c.ask(7, 'add', 3, 4, k='\x1b') == [1, 7, 7]
	assert c.ask(1 << 70, 'none')[0] == 2
	c.close()
	until(lambda: open(tmp + '/trace').read().count('\n') == 4)
	lines = [json.loads(x) for x in open(tmp + '/trace')]
	assert all(list(x) == ['n', 't', 'from', 'to', 'm'] for x in lines)
	t = [x.pop('t') for x in lines]
	assert t == sorted(t) and 0 <= t[0] and t[3] < PATIENCE
	call = ['add', [3, 4], {'k': '\x1b'}]
	assert lines == [
	    {'n': 1, 'from': me, 'to': addr, 'm': [0, 7, call]},
	    {'n': 2, 'from': addr, 'to': me, 'm': [1, 7, 7]},
	    {'n': 3, 'from': me, 'to': addr, 'm': [0, 1 << 70,
	        ['none', [], {}]]},
	    {'n': 4, 'from': addr, 'to': me, 'm': [2, 1 << 70,
	        'LookupError: Name "none" not found in ""']}], lines
	assert '\x1b' not in open(tmp + '/trace').read()
	END
}

@test "amas-call: --trace records what it sent and got" {
	start amas-serve :0 'add=exec:expr "$1" + "$2"'
	run -0 t amas-call --trace "$tmp/trace" "$addr" add 3 4
	run -0 jq -c '[.n, .from, .to, .m]' "$tmp/trace"
	equal '[1,"amas-call","'"$addr"'",[0,0,["add",[3,4],{}]]]
[2,"'"$addr"'","amas-call",[1,0,7]]' "$output"
}

@test "amas-serve: 87: a full disk ends the trace, nothing else" {
	start amas-serve --trace /dev/full "$tmp/x" 'add=exec:expr "$1" + "$2"'
	run -0 t amas-call -n 3 "$addr" add 3 4
	equal $'7\n7\n7' "$output"
	logged 'amas-serve: /dev/full: No space left on device; no more is traced'
}

@test "amas-serve: 87: a full file keeps whole lines alone" {
	export -f limited
	start bash -c 'limited "$@"' amas-serve --trace "$tmp/trace" "$tmp/x" \
		'len=exec:printf "%s" "${#1}"'
	raw <<-'END'
	c = connect()
	for i in range(200):
	    assert c.ask(i, 'len', 'x' * 100) == [1, i, 100]
	END
	logged "amas-serve: $tmp/trace: File too large; no more is traced"
	jq -c .n "$tmp/trace" >"$tmp/n"	# every line is one
	(($(wc -l <"$tmp/n") > 10))
	(($(stat -c %s "$tmp/trace") <= 8192))
}

@test "amas-serve: 87: a program that writes too much is killed as ever" {
	export -f limited
	start bash -c 'limited "$@"' amas-serve "$tmp/x" \
		"much=exec:exec head -c 9000 /dev/zero >$tmp/much"
	run -1 --separate-stderr t amas-call "$addr" much
	[[ $stderr == *"much: killed by SIGXFSZ" ]]
}

# limited COMMAND...: it can write files of 8 KiB.
limited() {
	ulimit -f 8
	exec "$0" "$@"
}

@test "amas-serve: 87: a pipe that nobody reads does not hold it up" {
	mkfifo "$tmp/trace"
	run -6 --separate-stderr t amas-serve --trace "$tmp/trace" :0 f=exec:true
	equal "amas-serve: $tmp/trace: No such device or address" "$stderr"
	exec 5<>"$tmp/trace"
	start amas-serve --trace "$tmp/trace" "$tmp/x" 'len=exec:printf "%s" "${#1}"'
	raw <<-'END'
	c = connect()
	for i in range(100):  # the pipe has room for 64 KiB
	    assert c.ask(i, 'len', 'x' * 2000) == [1, i, 2000]
	END
	logged
	raw <<-'END'
	c = connect()
	for i in range(10):  # and the trace for 8 MiB
	    assert c.ask(i, 'none', 'x' * (1 << 20))[0] == 2
	END
	logged "amas-serve: $tmp/trace: its reader is too slow; no more is traced"
	exec 5<&-
}
