# amas-call: what it serves while it calls (-x, --stay, proxies as arguments),
# and what it can call beside an address: --exec, -B -, -l.

load helper
load tools/raw

setup() {
	make_tmp
	cd "$tmp"
}

call() {
	t amas-call "$@"
}

# program NAME: an executable with the script on standard input.
program() {
	mkdir -p "$(dirname "$1")"
	{
		echo '#!/bin/sh'
		cat
	} >"$1"
	chmod 755 "$1"
}

# --- Serving to the peer ---

@test "amas-call: -x: a server method asks the client for its name" {
	local codec

	need_peer
	for codec in json msgpack; do
		start_peer --codec "$codec" "$tmp/p"
		run -0 --separate-stderr call --codec "$codec" -r \
			-x 'get_client_name=exec:echo Emma' \
			"$addr" ask @ get_client_name
		equal Emma "$output"
		equal '' "$stderr"
		stop
	done
}

@test "amas-call: -x: @NAME and @NAME/SUB are proxies of what is below" {
	need_peer
	start_peer "$tmp/p"
	echo 'echo top' | program me/name
	echo 'echo deep' | program me/sub/name
	run -0 --separate-stderr call -r -x me=me "$addr" ask @me name
	equal top "$output"
	run -0 --separate-stderr call -r -x me=./me "$addr" ask @me/sub name
	equal deep "$output"
	run -0 --separate-stderr call -r -x me/here=me -x name=exec:'echo root' \
		"$addr" ask peer=@me/here/sub name=name
	equal deep "$output"
	run -0 --separate-stderr call -r -x me "$addr" ask @ name
	equal top "$output"
	run -1 --separate-stderr call -x me "$addr" ask @ nope
	[[ $stderr == *'LookupError: Name "nope" not found in ""'* ]]
}

@test "amas-call: -x: a proxy that may not be sent fails in aiomas's words" {
	need_peer
	start_peer "$tmp/p"
	run -4 --separate-stderr call -x me=exec:true "$addr" ask @other name
	equal "amas-call: $addr: RPC service \"other\" is not exposed for this connection" \
		"$stderr"
	run -4 --separate-stderr call "$addr" ask :proxy=me name
	equal "amas-call: $addr: No RPC service running for this side of the connection.  Cannot send service proxy." \
		"$stderr"
	run -4 --separate-stderr call "$addr" ask @me name
	equal 'amas-call: @me: a proxy needs -x (as text: ==@me)' "$stderr"
	run -0 --separate-stderr call -x me=exec:true -s "$addr" echo @me
	equal '"@me"' "$output"
}

@test "amas-call: -x: sources that are none" {
	run -2 --separate-stderr call -x a=exec:true -x a=exec:false ./x
	equal 'amas-call: a=exec:false: name "a" is taken' "$stderr"
	run -2 --separate-stderr call -x exec:true ./x
	equal 'amas-call: exec:true: a command needs a name: NAME=exec:COMMAND' \
		"$stderr"
	run -2 --separate-stderr call -x 'amas=exec:true' ./x
	equal 'amas-call: amas=exec:true: name "amas" is reserved' "$stderr"
	run ! call -x ./missing ./x
	[[ $output == 'amas-call: ./missing: No such file or directory' ]]
	run -2 --separate-stderr call --stay ./x
	equal 'amas-call: --stay: needs -x' "$stderr"
}

@test "amas-call: -x: -B and -L serve, too" {
	need_peer
	start_peer "$tmp/p"
	printf '["ask", [{"__type__": ["proxy", "%s"]}, "name"]]\n' '' me none me >in
	echo 'echo me' | program me/name
	run -4 --separate-stderr call -B -x 'name=exec:echo top' -x me=me \
		"$addr" <in
	equal $'[1, 1, "top"]\n[1, 2, "me"]\n[1, 4, "me"]' "$output"
	equal 'amas-call: standard input: line 3: RPC service "none" is not exposed for this connection' \
		"$stderr"
	printf '%s\n' a b >in
	run -0 --separate-stderr call -L -r -x 'a=exec:echo 1' -x 'b=exec:echo 2' \
		"$addr" ask @ <in
	equal $'1\n2' "$output"
}

@test "amas-call: --stay serves on after the answer" {
	raw <<-'END'
	l = listen(tmp + '/l')
	def client(*args, stdin=None):
	    p = start('amas-call', '-x', 'twice=exec:expr 2 "*" "$1"',
	              *args[:1], l.addr, *args[1:], stdin=stdin)
	    return p, l.accept()
	p, c = client('--stay', 'hello')
	assert c.recv()[2] == ['hello', [], {}]
	assert c.ask(0, 'twice', 4) == [1, 0, 8]
	c.send(frame([1, 0, 'hi']))
	for i in range(1, 4):
	    assert c.ask(i, 'twice', i) == [1, i, 2 * i]
	c.close()
	assert p.wait() == (0, '"hi"\n', '')
	p, c = client('--stay') # without a call
	assert c.ask(5, 'twice', 5) == [1, 5, 10]
	c.close()
	assert p.wait() == (0, '', '')
	with open(tmp + '/in', 'w') as f:
	    f.write('["hello"]\n')
	p = start('amas-call', '-x', 'twice=exec:expr 2 "*" "$1"', '--stay', '-B',
	          l.addr, stdin=open(tmp + '/in'))
	c = l.accept()
	assert c.recv()[2][0] == 'hello'
	c.send(frame([1, 0, 'hi']))
	assert c.ask(0, 'twice', 4) == [1, 0, 8]
	c.close()
	assert p.wait() == (0, '[1, 1, "hi"]\n', '')
	for status, kind in (0, 1), (1, 2): # ends by itself, with its status
	    begin = time.monotonic()
	    p, c = client('--stay=200ms', 'hello')
	    c.recv()
	    c.send(frame([kind, 0, 'no']))
	    c.closed()
	    assert p.wait()[0] == status
	    assert time.monotonic() - begin >= 0.2
	p, c = client('--stay', 'hello')
	c.close() # before the answer
	assert p.wait()[0] == 5
	END
}

@test "amas-call: --stay: the deadline of -t holds" {
	start amas-serve "$tmp/s" 'add=exec:expr "$1" + "$2"'
	run -124 --separate-stderr call --stay -t 300ms -x a=exec:true "$addr" add 1 2
	equal 3 "$output"
	equal "amas-call: $addr: deadline of 0.3 s passed while serving" "$stderr"
}

@test "amas-call: --stay: a signal ends what -x has started" {
	mkfifo started gone never
	raw <<-'END'
	l = listen(tmp + '/l')
	for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
	    p = start('amas-call', '--stay', '-x', 'hang=exec:'
	              'trap "echo x >gone; exit" TERM; echo >started; '
	              'while :; do read -r x <>never; done', l.addr)
	    c = l.accept()
	    c.call(0, 'hang')
	    open(tmp + '/started').read()
	    p.process.send_signal(number)
	    assert open(tmp + '/gone').read() == 'x\n'
	    assert p.wait() == (128 + number, '', '')
	END
}

@test "amas-call: -x: 79: when the reader of results is gone, all ends quietly" {
	start amas-serve "$tmp/s" 'add=exec:expr "$1" + "$2"'
	# shellcheck disable=SC2016
	run -0 --separate-stderr t bash -c 'amas-call -i 1ms -x a=exec:true \
		"$1" add 1 2 | head -n 1; echo "${PIPESTATUS[0]}"' - "$addr"
	equal $'3\n141' "$output"
	equal '' "$stderr"
	# shellcheck disable=SC2016
	run -0 --separate-stderr t bash -c 'yes "[\"add\", [1, 2]]" |
		amas-call -B -x a=exec:true "$1" | head -n 1; echo "${PIPESTATUS[1]}"' \
		- "$addr"
	equal $'[1, 1, 3]\n141' "$output"
	equal '' "$stderr"
}

@test "amas-call: -x: what was served ends with the call" {
	mkfifo started gone never
	raw <<-'END'
	l = listen(tmp + '/l')
	p = start('amas-call', '-x', 'hang=exec:'
	          'trap "echo x >gone; exit" TERM; echo >started; '
	          'while :; do read -r x <>never; done', l.addr, 'f')
	c = l.accept()
	c.recv()
	c.call(0, 'hang')
	open(tmp + '/started').read()
	c.send(frame([1, 0, 7]))
	assert open(tmp + '/gone').read() == 'x\n'
	assert p.wait() == (0, '7\n', '')
	END
}

# --- --exec ---

@test "amas-call: --exec speaks with a command" {
	run -0 --separate-stderr call --exec \
		'head -c 31 >got; printf "\0\0\0\011[1, 0, 7]"' add 3 4
	equal 7 "$output"
	equal '' "$stderr"
	equal '[0, 0, ["add", [3, 4], {}]]' "$(tail -c +5 got)"
	printf '["add", [%s, 1]]\n' 1 2 3 >in
	run -0 --separate-stderr call -B --exec 'head -c 93 >got
		printf "\0\0\0\011[1, 1, 3]\0\0\0\011[1, 0, 2]\0\0\0\011[1, 2, 4]"' <in
	equal $'[1, 1, 2]\n[1, 2, 3]\n[1, 3, 4]' "$output"
}

@test "amas-call: --exec: how a command ended that gave no answer" {
	run -5 --separate-stderr call --exec 'exit 3' f
	equal 'amas-call: exit 3: ended with exit status 3' "$stderr"
	run -5 --separate-stderr call --exec 'head -c 4 >head; kill -KILL $$' f
	equal 'amas-call: head -c 4 >head; kill -KILL $$: killed by SIGKILL' "$stderr"
	run -127 --separate-stderr call --exec ./nothing f
	[[ $stderr == *'amas-call: ./nothing: ended with exit status 127' ]]
	run -5 --separate-stderr call --exec 'printf "GET / HTTP"; cat >/dev/null' f
	[[ $stderr == 'amas-call: printf'*HTTP* ]]
	run -0 --separate-stderr call -x a=exec:true --exec \
		'head -c 4 >/dev/null; (yes; echo "$?" >died) | head -n 1 >/dev/null
		printf "\0\0\0\011[1, 0, 7]"' f
	[ "$(cat died)" = 141 ]
	run -2 --separate-stderr call --exec 'true' -L
	[[ $stderr == $'amas-call: -L: no FUNCTION\nusage: '* ]]
}

@test "amas-call: --exec: a command that stays is ended" {
	mkfifo started gone never
	# shellcheck disable=SC2016
	run -124 --separate-stderr call -t 200ms --exec '
		trap "echo x >gone; exit" TERM; echo >started
		cat never & while :; do wait; done' f 3< <(cat started gone >seen)
	equal x "$(grep x <(until grep x seen; do :; done))"
}

# --- -B - ---

@test "batch: -B - takes a URL a line, one connection for each address" {
	local first second

	start amas-serve -v "$tmp/a" 'add=exec:expr "$1" + "$2"' \
		'm/neg=exec:expr 0 - "$1"'
	first=$addr
	start amas-serve -v 127.0.0.1:0 'who=exec:echo b'
	second=$addr
	cat >in <<-END
		["$first/add", [1, 2]]
		["$second/who"]
		["ipc://[$tmp/a]/m/neg", [5]]
		["$tmp/a/add", [3, 4]]
		["${second#tcp://}/who", []]
		["$second/nope"]
	END
	run -1 --separate-stderr call -B - <in
	equal '' "$stderr"
	equal '[1, 1, 3]
[1, 2, "b"]
[1, 3, -5]
[1, 4, 7]
[1, 5, "b"]
[2, 6, "LookupError: Name \"nope\" not found in \"\""]' "$output"
	equal 1 "$(grep -c 'connected$' "$tmp/err.1")"
	equal 1 "$(grep -c 'connected$' "$tmp/err.2")"
}

@test "batch: -B - : who is not there fails its calls alone" {
	start amas-serve "$tmp/a" 'add=exec:expr "$1" + "$2"'
	cat >in <<-END
		["$tmp/none/add", [1, 2]]
		["$addr/add", [1, 2]]
		["add", [1, 2]]
		["tcp://host:5", []]
		["http://host:5/f", []]
		["$addr/add", [{"__type__": ["bytes", ""]}]]
		["$addr/", []]
	END
	run -1 --separate-stderr call -B - <in
	equal '[2, 1, "No such file or directory"]
[1, 2, 3]' "$output"
	equal '3 4 5 6 7' "$(printf '%s\n' "$stderr" |
		sed -n 's/^amas-call: standard input: line \([0-9]*\): .*/\1/p' |
		sort -n | paste -sd' ')"
	equal 5 "$(printf '%s\n' "$stderr" | wc -l)"
	[[ $stderr == *'line 3: is no URL with a function behind it'* ]]
}

@test "batch: -B - : a connection that ends fails its calls, the next is new" {
	raw <<-'END'
	l = listen(tmp + '/l')
	p = subprocess.Popen(['amas-call', '-B', '-'], stdin=subprocess.PIPE,
	                     stdout=subprocess.PIPE)
	def say(path):
	    p.stdin.write(f'["{l.addr}/{path}"]\n'.encode())
	    p.stdin.flush()
	say('f')
	c = l.accept()
	assert c.recv()[2][0] == 'f'
	c.close()
	assert p.stdout.readline() == b'[2, 1, "connection closed by peer"]\n'
	p.stdin.write(f'["ipc://[{l.addr}]/a/g"]\n'.encode())
	p.stdin.flush()
	c = l.accept()
	m = c.recv()
	assert m[2][0] == 'a/g'
	c.send(frame([1, m[1], 5]))
	assert p.stdout.readline() == b'[1, 2, 5]\n'
	p.stdin.close()
	c.closed()
	assert p.wait(PATIENCE) == 1
	END
}

@test "batch: -B - : idle connections are not many" {
	raw <<-'END'
	n = 70
	listeners = [listen(f'{tmp}/{i}') for i in range(n)]
	p = subprocess.Popen(['amas-call', '-B', '-'], stdin=subprocess.PIPE,
	                     stdout=subprocess.PIPE)
	peers = []
	for i, l in enumerate(listeners):
	    p.stdin.write(f'["{l.addr}/f"]\n'.encode())
	    p.stdin.flush()
	    peers.append(l.accept())
	    m = peers[-1].recv()
	    peers[-1].send(frame([1, m[1], i]))
	    assert p.stdout.readline() == f'[1, {i + 1}, {i}]\n'.encode()
	closed = [c for c in peers if select.select([c.sock], [], [], 0)[0]]
	assert len(closed) == n - 64, len(closed)
	p.stdin.close()
	assert p.wait(PATIENCE) == 0
	END
}

@test "batch: -B - : the deadline, and wrong use" {
	start amas-serve "$tmp/a" 'nap=exec:sleep "$1"'
	echo "[\"$addr/nap\", [60]]" >in
	run -124 --separate-stderr call -B -t 300ms - <in
	equal '[2, 1, "deadline passed, outcome unknown"]' "$output"
	equal 'amas-call: -: deadline of 0.3 s passed while waiting for answers' \
		"$stderr"
	run -2 --separate-stderr call - add
	equal 'amas-call: -: as ADDR needs -B' "$stderr"
	run -2 --separate-stderr call -B --stay -x a=exec:true -
	equal 'amas-call: --stay: does not go with -B -' "$stderr"
}

# --- -l ---

@test "amas-call: -l lists functions, a path a line" {
	echo : | program d/one
	echo : | program d/two.json
	echo : | program d/two.text
	echo : | program d/sub/deep/three.text
	echo : | program d/no.such
	echo : | program 'd/a b'
	echo : | program d/.hidden
	: >d/readme
	mkdir d/empty
	ln -s .. d/sub/loop
	start amas-serve "$tmp/s" d 'm/now=exec:date' 'n/lib=d'
	run -0 --separate-stderr call -l "$addr"
	equal 'm/now
n/lib/one
n/lib/sub/deep/three
n/lib/sub/loop/*
n/lib/two
one
sub/deep/three
sub/loop/*
two' "$output"
	equal '' "$stderr$(grep -v 'is not served: a name is' "$err")"
	run -0 --separate-stderr call -l "ipc://[$tmp/s]/n/lib/sub"
	equal $'deep/three\nloop/*' "$output"
	run -0 --separate-stderr call -l "ipc://[$tmp/s]/sub/loop/sub"
	equal '*' "$output"
	run -0 --separate-stderr call -l "ipc://[$tmp/s]/m/now/x"
	equal '' "$output"
	# It is new for each.
	rm d/one
	echo : | program d/four
	run -0 --separate-stderr call "$addr" amas/list
	same '["four", "m/now", "n/lib/four", "n/lib/sub/deep/three", "n/lib/sub/loop/*", "n/lib/two", "sub/deep/three", "sub/loop/*", "two"]' \
		"$output"
	run -1 --separate-stderr call "$addr" amas/list 5
	[[ $stderr == *'TypeError: amas/list: '* ]]
}

@test "amas-call: -l: a folder that cannot be read, and one with too many names" {
	echo : | program d/shut/f
	start amas-serve "$tmp/s" d
	if [ "$(id -u)" != 0 ]; then # root reads anything
		chmod 311 d/shut
		run -0 --separate-stderr call -l "$addr"
		equal 'shut/*' "$output"
		chmod 755 d/shut
	fi
	(cd d/shut && seq 99998 | xargs touch)
	run -0 --separate-stderr call -l "$addr"
	equal 'shut/f' "$output"
	touch d/shut/one-more
	run -1 --separate-stderr call -l "$addr"
	[[ $stderr == *'more than 100000 names, too many for a list' ]]
}

@test "amas-call: -l: folders in folders, as deep as a list goes" {
	local path

	path=d/$(printf 'f/%.0s' {1..64})
	echo : | program "$path/last"
	start amas-serve "$tmp/s" d
	run -0 --separate-stderr call -l "$addr"
	equal "${path#d/}last" "$output"
	echo : | program "$path/f/beyond"
	run -0 --separate-stderr call -l "$addr"
	equal "${path#d/}f/*
${path#d/}last" "$output"
	run -0 --separate-stderr call "$addr" "${path#d/}f/beyond"
}

@test "amas-call: -l: plugins" {
	start amas-serve "$tmp/s" \
		"plug=$AMAS_BUILD/tests/examples/stats_plugin.so"
	run -0 --separate-stderr call -l "$addr"
	equal 'plug/add plug/mean plug/news plug/server_method plug/tell plug/util/pairs' \
		"$(echo $output)"
}

@test "amas-call: -l: a peer without a list" {
	need_peer
	start_peer "$tmp/p"
	run -1 --separate-stderr call -l "$addr"
	equal '' "$output"
	equal "amas-call: $addr: has no list of its functions" "$stderr"
}

@test "amas-call: -l: names are shown, not obeyed; what is no list is refused" {
	raw <<-'END'
	for answer, out in (
	        ([1, ['a', '\x1b[31m/b\n']], (0, 'a\n\\x1b[31m/b\\n\n', '')),
	        ([1, []], (0, '', '')),
	        ([1, 5], None), ([1, ['a', 5]], None)):
	    l = listen(tmp + '/l')
	    p = start('amas-call', '-l', l.addr)
	    c = l.accept()
	    assert c.recv() == [0, 0, ['amas/list', [], {}]]
	    c.send(frame([answer[0], 0, answer[1]]))
	    got = p.wait()
	    assert got == (out or (5, '', f'amas-call: {tmp}/l: its list is no '
	                   'list of paths\n')), got
	    os.unlink(tmp + '/l')
	END
}

@test "amas-call: -l: wrong use" {
	run -2 --separate-stderr call -l ./x f
	equal 'amas-call: f: -l takes no function' "$stderr"
	run -2 --separate-stderr call -l --json ./x
	equal 'amas-call: --json: does not go with -l' "$stderr"
}

@test "amas-call: what it serves can be listed by the peer" {
	raw <<-'END'
	l = listen(tmp + '/l')
	p = start('amas-call', '--stay', '-x', 'a/b=exec:true', l.addr)
	c = l.accept()
	assert c.ask(0, 'amas/list') == [1, 0, ['a/b']]
	c.close()
	assert p.wait() == (0, '', '')
	END
}
