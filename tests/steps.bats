# Containers that a clock steps: nobody is overtaken, nothing comes early or
# late, and a step ends.  The clock is tests/peer/clock.py; make stress runs the
# same at random, for minutes.

load helper

setup() {
	make_tmp
	cd "$tmp"
	mkfifo never
	declare -gA url=() pid_of=()
	addrs=() relays='' seen=0
	program echo/echo 'echo "$1"'
	program echo/time 'now'
	# The simplest worker: it reads on until it has its answer.
	cat >simple.worker <<-'END'
	#!/usr/bin/gawk -f
	function ask(what,  line) {
	    print "[0, 9, " what "]"
	    fflush()
	    while ((getline line) > 0 && line !~ /^\[[12], 9,/)
	        kept[last++] = line
	}
	function take(line,  field) {
	    split(line, field, "[][, \"]+")
	    if (field[4] == "nap")
	        ask("[\"amas/sleep\", [1], {}]")
	    if (field[4] == "call")
	        ask("[\"amas/call\", [\"" field[5] "\", \"" field[6] "\"], {}]")
	    print "[1, " field[3] ", null]"
	    fflush()
	}
	{
	    take($0)
	    while (first < last)
	        take(kept[first++])
	}
	END
	cat >async.worker <<-END
	#!$(python)
	import json, sys
	for line in sys.stdin:
	    kind, id, content = json.loads(line)
	    m = [1, id, content]
	    if kind == 0:
	        path, args, _ = content
	        m = [1, id, args]
	        if path == 'amas/sync':
	            m = [1, id, 'async']
	        elif path in ('sleep', 'call'):
	            m = [0, id, ['amas/' + path, args, {}]]
	    print(json.dumps(m), flush=True)
	END
	chmod +x simple.worker async.worker
}

# program FILE TEXT: in bash, with what all need.  pause takes real time.
program() {
	mkdir -p "${1%/*}"
	cat >"$1" <<-END
	#!/bin/bash
	now() { amas-call -r "\$AMAS_PARENT" amas/time; }
	nap() { amas-call "\$AMAS_PARENT" amas/sleep "\$1" >/dev/null; }
	pause() { read -rt "\$1" _ <>'$tmp/never'; }
	$2
	END
	chmod +x "$1"
}

# relay COUNT OPTION...: relays; their ports go to the array $ports.
relay() {
	mkfifo relay.in relay.out
	exec {relays}<>relay.in
	"$(python)" "$AMAS_ROOT/tests/peer/relay.py" "${@:2}" "$1" \
		<relay.in >relay.out 3>&- {relays}>&- &
	caller "$!"
	mapfile -t -n "$1" ports <relay.out
}

# host NAME [OPTION...] SOURCE...: a container at ./NAME.s, or behind the next relay; its own
# address is added to $addrs, its base URL is ${url[NAME]}.
host() {
	local at=./$1.s name=$1 more=()

	shift
	while [[ $1 == -* ]]; do
		more+=("$1")
		shift
	done
	if [ "$relays" ]; then
		at=127.0.0.2:${ports[seen]}
		more+=(--advertise "127.0.0.1:${ports[seen]}")
		seen=$((seen + 1))
	fi
	out=$tmp/$name.out start amas-container --manager --clock external -w 10 \
		"${more[@]}" "$at" "$@"
	url[$name]=$addr
	pid_of[$name]=$pid
	addrs+=("$at")
}

# clock ARG... <<'END': a script steps them, see clock.py; it has its arguments in
# args.  Those of $sets know set_time only.
clock() {
	t env PYTHONPATH="$AMAS_ROOT/tests/peer" "$(python)" - "$@" -- \
		"${addrs[@]}" < <(cat <<-'END'
		import os, signal, socket, sys
		from clock import *
		end = sys.argv.index('--')
		args, addrs = sys.argv[1:end], sys.argv[end + 1:]
		sets = os.environ.get('sets', '').split()
		clock = Clock(addrs, sets, deadline=20)
		clock.step(0)
		END
		cat)
}

# printed NAME LINE...: what the programs of a container have printed, in any
# order.
printed() {
	equal "$(printf '%s\n' "${@:2}" | sort)" "$(sed 1d "$1.out" | sort)"
}

@test "steps: a quiet step takes two messages for each container" {
	program napper/run 'while nap 5; do now; done'
	for i in 1 2 3; do
		host "$i" napper:2=./napper ./simple.worker ./async.worker
	done
	clock <<-'END'
	for t in 1, 2.5, 4:
	    assert clock.step(t) == 2 * 3, clock.frames
	    assert clock.next() == 5
	clock.step(5)
	assert clock.next() == 10
	assert clock.step(9) == 2 * 3, clock.frames
	END
	printed 1 5.0 5.0
}

@test "steps: handlers that take time, near and far, and back: none overtaken" {
	relay 2 --delay 0.2,0.2
	program slow/slow 't=$(now); pause 1; echo "$1 $t $(now)"'
	program slow/there 't=$(amas-call -r -- "$1" back "$(now)")
		echo "$t $(now)"'
	host b ./slow
	program a/run "while nap 1; do
		echo \"\$(amas-call -r -- '${url[b]}1' slow \"\$(now)\") \$(now)\"
		echo \"back \$(amas-call -r -- '${url[b]}1' there \"\$AMAS_SELF\") \$(now)\"
	done"
	program a/back 'pause 0.1; echo "$1 $(now)"'
	host a ./a
	clock <<-'END'
	for t in range(1, 3):
	    clock.step(t)
	assert clock.next() == 3
	END
	printed a '1.0 1.0 1.0 1.0' 'back 1.0 1.0 1.0 1.0' \
		'2.0 2.0 2.0 2.0' 'back 2.0 2.0 2.0 2.0'
}

@test "steps: workers that wait, and what waits for them" {
	host a ./simple.worker ./async.worker
	clock <<-'END'
	a = Connection(addrs[0])
	naps = [a.request('agents/1/nap') for _ in range(2)]
	long, short = (a.request('agents/2/' + f, 3) for f in ('sleep', 'echo'))
	clock.woken()
	# The async one has answered; the second nap waits, which counts for nothing.
	assert a.answer(short) == [3] and clock.next() == 1
	clock.step(1)
	a.answer(naps[0])
	assert clock.next() == 2
	clock.step(2)
	a.answer(naps[1])
	assert clock.next() == 3
	assert clock.step(2.5) == 2
	clock.step(3)
	a.answer(long)
	assert clock.next() is None
	END
	! grep speaks "$err"
}

@test "steps: workers that call each other at the same time" {
	host a ./simple.worker ./async.worker
	host b ./simple.worker ./async.worker ./echo
	clock "${url[@]}" <<-'END'
	# Two that wait for each other do so for ever, but time goes on.
	c = [Connection(addr) for addr in addrs]
	urls = {u.split('/')[-2].strip('[]'): u for u in args}
	both = [urls[n] for n in sorted(urls)]
	ids = []
	for n in 0, 1:
	    other = both[1 - n]
	    c[n].request('agents/1/call', other + '1', 'echo')
	    ids.append(c[n].request('agents/2/call', other + '2', 'echo', [n], {}))
	    # An answer that comes while a call goes out.
	    ids.append(c[n].request('agents/2/call', other + '2', 'call',
	                            [both[n] + '2', 'echo', [n], {}], {}))
	clock.woken()
	for t in 1, 2:
	    clock.step(t)
	for n in 0, 1:
	    assert c[n].answer(ids[2 * n]) == [n]
	    assert c[n].answer(ids[2 * n + 1]) == [n]
	assert clock.step(3) == 4
	END
}

@test "steps: programs run, and end in all ways" {
	program loop/run 'for i in 1 2; do nap 1; echo "loop $(now)"; done'
	program exit/run 'nap 1; echo "exit $(now)"; exit 3'
	program kill/run 'nap 1; echo "kill $(now)"; kill -9 $$'
	program sub/run '(nap 1; echo "sub $(now)")
		echo "sub $(nap 1; now)"'
	program limit/run 'timeout 20 amas-call "$AMAS_PARENT" amas/sleep 1 >/dev/null
		echo "limit $(now)"'
	program pipe/run '{ nap 1; now; } | { read t; nap 1; echo "pipe $t $(now)"; }'
	program left/run 'nap 1; echo "left $(now)"
		{ nap 2; echo "left $(now)"; } >/dev/null 2>&1 &'
	host a ./loop ./exit ./kill ./sub ./limit ./pipe ./left
	clock <<-'END'
	for t in 1, 2:
	    clock.step(t)
	assert clock.next() is None
	assert clock.step(3) == 2
	END
	printed a 'loop 1.0' 'loop 2.0' 'exit 1.0' 'kill 1.0' 'sub 1.0' \
		'sub 2.0' 'limit 1.0' 'pipe 1.0 2.0' 'left 1.0'
}

@test "steps: a handler whose call is killed is awake again" {
	program cut/cut 'timeout 0.1 amas-call "$AMAS_PARENT" amas/sleep 1e9
		t=$(now); pause 0.3; echo "$t $(now)"'
	host a ./cut
	clock <<-'END'
	c = Connection(addrs[0])
	id = c.request('agents/1/cut')
	clock.woken()
	clock.step(1)
	while not clock.activity():     # until it has been killed
	    clock.step(clock.time + 1)
	before, after = c.answer(id).split()
	assert before == after, (before, after)
	END
}

@test "steps: a handler of which only a call is left that waits is asleep" {
	program two/two 'nap 1 & one=$!
		nap 2 & wait $one; wait; now'
	host a ./two
	clock <<-'END'
	c = Connection(addrs[0])
	id = c.request('agents/1/two')
	clock.woken()
	for t in range(1, 6):
	    clock.step(t)
	assert c.answer(id) >= 2
	END
}

@test "steps: Python's containers, which know the time only: calls both ways" {
	need_peer
	"$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/agents.py" "$tmp/py" \
		--clock external 2016-01-01 -1 </dev/null >py.url 3>&- &
	caller "$!"
	until [ -s py.url ]; do
		kill -0 "$!"
	done
	read -r python <py.url
	# It sleeps by its clock, which is no reason for time to wait.
	program calls/run "nap 1; while t=\$(amas-call -r -- '${python}1' nap 1); do
		echo \"\$t \$(now)\"
	done"
	host a ./calls ./echo
	sets=$tmp/py clock "${url[a]}2" "${python}" <<-'END'
	py = Connection(args[1])
	id = py.request('agents/1/nap_and_call', 2.5, args[0], 'time')
	while not py.call('agents/1/sleepers'):
	    pass
	for t in 1.0, 1.5, 2.0, 2.5, 3.0:
	    clock.step(t)
	    # What Python sends when it wakes may come when all is at rest again.
	    if t >= 2 and not clock.activity():
	        clock.woken()
	    if t == 2.5:
	        assert py.answer(id) == 2.5
	END
	printed a '2.0 2.0' '3.0 3.0'
}

@test "steps: hosts of many agents in sh" {
	program sh/hit 't=$(now); [ "$1" = "$t" ] || echo "$1 $t" >&2; now'
	program sh/run 'while nap 1; do
		t=$(now)
		for url in $(cat '"'$tmp/urls'"'); do
			r=$(amas-call -r -- "$url$((AMAS_INDEX + 1))" hit "$t")
			[ "$r $t" = "$t $(now)" ] || echo "$t $r $(now)"
		done
		echo done
	done'
	for i in 1 2 3; do
		host "$i" sh:4=./sh
	done
	printf '%s\n' "${url[@]}" >urls
	clock <<-'END'
	for t in 1, 2, 3:
	    clock.step(t)
	END
	for i in 1 2 3; do
		printed "$i" done{,,,,,,,,,,,}
		[ ! -s "$tmp/err.$i" ]
	done
}

@test "steps: chains of handlers longer than -j: done, and few awake" {
	program chain/down 'log() { echo "$1" >>"'"$tmp/log"'"; }
		log 1; [ "$1" = 0 ] || {
			log -1
			amas-call -- "$AMAS_SELF" down $(($1 - 1))
			log 1
		}; log -1'
	host a --jobs=4 --parallel chain:6=./chain
	clock <<-'END'
	c = Connection(addrs[0])
	ids = [c.request('agents/%d/down' % (n + 1), 19) for n in range(6)]
	clock.woken()
	for id in ids:
	    c.answer(id)
	assert clock.step(1) == 2
	awake = [0]
	for line in open('log'):
	    awake.append(awake[-1] + int(line))
	assert len(awake) == 1 + 6 * (19 * 4 + 2)
	assert awake[-1] == 0 and max(awake) <= 4, max(awake)
	END
}

@test "steps: at random, through relays that delay" {
	STEPS_PLUGIN=$AMAS_BUILD/tests/stress/steps_plugin.so t "$(python)" \
		"$AMAS_ROOT/tests/stress/steps.py" --steps 30 --seconds 6 \
		--mix even --mix clock
}

@test "steps: clients from outside call handlers that take time, as time runs" {
	program slow/slow 't=$(now); pause 0.05; echo "$t $(now)"'
	host a slow:4=./slow
	clock <<-'END'
	c = Connection(addrs[0])
	answers = []
	while len(answers) < 24:
	    ids = [c.request('agents/%d/slow' % (n + 1)) for n in range(4)]
	    n = len(answers) + 4
	    while len(answers) < n:
	        clock.step(clock.time + 1)
	        c.sock.setblocking(False)
	        try:
	            c.read()
	        except BlockingIOError:
	            pass
	        while message := c.take():
	            answers.append(message[2])
	for text in answers:
	    before, after = text.split()
	    assert before == after, answers
	assert clock.time >= 6
	END
}

@test "steps: who is awake is named, and what does not say that it is asleep" {
	mkfifo go
	program block/block "read _ <'$tmp/go'"
	host a ./block 'mute=worker:read m; echo "$m" |
		jq -c "[1, .[1], null]"; read _; read _ <'"$tmp/go"
	clock <<-'END'
	c = Connection(addrs[0])
	for path, what in (('agents/1/block', '"agent": "agents/1/block"'),
	                   ('agents/2/f', '"agent": "mute/2", '
	                    '"what": "has not answered amas/sync"')):
	    id = c.request(path)
	    clock.deadline = 0.5
	    try:
	        clock.woken()
	        assert False
	    except Stuck as e:
	        assert what in str(e), e
	    with open('go', 'w') as f:
	        f.write('\n')
	    clock.deadline = 20
	    clock.finish()
	END
}

@test "steps: a second clock is refused; without the first all goes on" {
	host a ./echo
	clock <<-'END'
	c = Connection(addrs[0])
	for function in ('agents/0/step', 1), ('agents/0/idle',):
	    try:
	        c.call(*function)
	        assert False
	    except Failure as e:
	        assert 'steps this container already' in str(e), e
	id = c.request('agents/1/echo', 1)
	assert clock.all[0].receive()[2][0] == 'amas/wake'
	clock.close()
	assert c.answer(id) == 1
	assert c.call('agents/1/echo', 2) == 2
	second = Clock(addrs)
	second.step(1)
	assert second.step(2) == 2
	END
}

@test "steps: a container is killed in the middle of a step: the others finish it" {
	program block/block "echo >'$tmp/in'; read _ <'$tmp/never'"
	host b ./block
	program a/run "nap 1; amas-call -- '${url[b]}1' block >/dev/null 2>&1
		echo \"\$? \$(now)\"; nap 1; now"
	host a ./a
	host c ./echo
	forget "${pid_of[b]}"
	clock "${pid_of[b]}" <<-'END'
	left = [int(args[0])]
	def kill(clock):
	    if left and os.path.exists('in'):
	        os.kill(left.pop(), signal.SIGKILL)
	clock.while_active = kill
	clock.step(1)
	assert len(clock.lost) == 1
	if clock.next() is None:    # it hears of that when it is at rest
	    clock.woken()
	assert clock.next() == 2
	clock.step(2)
	assert clock.step(3) == 2 * 2
	END
	printed a '1 1.0' 2.0
}

@test "steps: the clock's own calls do not keep it waiting" {
	host a ./echo
	clock <<-'END'
	a = clock.all[0]
	a.send([0, 99, ['agents/1/echo', [5], {}]])
	handle, answers = clock._handle, []
	def take(c, message):
	    if message[1] == 99 and message[0]:
	        answers.append(message)
	    else:
	        handle(c, message)
	clock._handle = take
	clock.step(1)
	assert answers == [[1, 99, 5]], answers
	END
}

@test "steps: a reply is acknowledged before the step is over" {
	host a ./echo
	clock <<-'END'
	# A peer that syncs, too; the first sync is answered while all is parked.
	peer = Connection(addrs[0])
	assert peer.call('amas/sync') is None
	id = peer.request('agents/1/echo', 1)
	clock.deadline = 0.5
	try:
	    clock.woken()
	    assert False
	except Stuck as e:
	    assert 'has not answered amas/sync' in str(e), e
	assert peer.receive() == [1, id, 1]
	sync = peer.receive()
	assert sync[0] == 0 and sync[2] == ['amas/sync', [], {}], sync
	peer.send([1, sync[1], None])
	clock.finish()
	END
}

@test "steps: the answer to a sync acknowledges what stands before it" {
	host a "counter=$AMAS_BUILD/tests/examples/counter_plugin.so"
	clock <<-'END'
	peer = Connection(addrs[0])
	assert peer.call('amas/sync') is None
	id = peer.request('agents/1/count') # both are kept: all is parked
	sync = peer.request('amas/sync')
	clock.woken()
	assert peer.receive() == [1, id, 1]
	assert peer.receive() == [1, sync, None]
	time = peer.request('amas/time') # no sync is before its answer
	assert peer.receive() == [1, time, 0]
	END
}

@test "steps: what is sent behind the first sync of a link counts" {
	program calls/run "nap 1; amas-call -- 'ipc://[$tmp/peer]/0' f"
	host a ./calls
	clock <<-'END'
	listener = socket.socket(socket.AF_UNIX)
	listener.bind('peer')
	listener.listen()
	listener.settimeout(20)
	clock.deadline = 0.5
	try:
	    clock.step(1)
	    assert False
	except Stuck as e:
	    assert 'has not answered amas/sync' in str(e), e
	peer = Connection('peer', listener.accept()[0])
	for path in 'amas/sync', 'validate_aid':
	    message = peer.receive()
	    assert message[2][0] == path, message
	    peer.send([1, message[1], 'A'])
	    if path == 'amas/sync':
	        try:
	            clock.finish()
	            assert False
	        except Stuck:
	            pass
	while message := peer.take():
	    peer.send([1, message[1], None])

	def serve(clock):
	    peer.sock.settimeout(0)
	    try:
	        peer.read()
	    except BlockingIOError:
	        pass
	    while message := peer.take():
	        peer.send([1, message[1], None])
	clock.while_active = serve
	clock.deadline = 20
	clock.finish()
	END
}

@test "steps: connections that end while all is parked: behind the last reply" {
	program calls/run "while nap 1; do
		r=\$(amas-call -- 'ipc://[$tmp/peer]/0' f 2>/dev/null)
		echo \"\$? \$r \$(now)\"
	done"
	host a ./calls
	clock <<-'END'
	listener = socket.socket(socket.AF_UNIX)
	listener.bind('peer')
	listener.listen()
	listener.settimeout(20)
	for t in 1, 2:
	    peer = None

	    def serve(clock):
	        """Answer all but the call."""
	        global peer, id
	        if peer is None:
	            peer = Connection('peer', listener.accept()[0])
	            peer.sock.settimeout(0)
	        try:
	            peer.read()
	        except BlockingIOError:
	            pass
	        while message := peer.take():
	            if message[2][0].startswith('agents/'):
	                id = message[1]
	            else:
	                peer.send([1, message[1], 'A'])
	    clock.while_active = serve
	    clock.step(t)
	    clock.while_active = None
	    if t == 1:
	        peer.send([1, id, 'result'])
	    peer.close()
	    clock.woken()
	    assert clock.next() == t + 1
	END
	printed a '0 "result" 1.0' '1  2.0'
}
