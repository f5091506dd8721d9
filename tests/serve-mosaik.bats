# amas-serve --mosaik, without mosaik: a raw peer is in its place, says what it
# would, and looks at what it gets.  tests/mosaik.bats has the real one.

load helper
load tools/raw

META='{"api_version": "3.0", "type": "time-based", "models": {"M": {}}}'

# sim [OPTION...]: serves a simulator; step and get_data run the text in their
# argument, stop tells of itself.
sim() {
	start amas-serve --mosaik "$@" :0 \
		"init=exec:echo '$META'" \
		'create=exec:printf '\''[{"eid": "e", "type": "%s"}]'\'' "$2"' \
		'step=exec:eval "$(printf %s "$2" | jq -r .run)"' \
		'get_data=exec:eval "$(printf %s "$1" | jq -r .run)"' \
		"stop=exec:echo stopped >>'$tmp/stopped'"
}

@test "serve-mosaik: what mosaik cannot take is a failure that names the script" {
	sim
	raw table="$(cat <<-'END'
	step | echo 8.0 | ValueError | step: 8.0: the time of the next step is a whole number
	step | echo 8; echo 9 | ValueError | step: "8\n9": the time of the next step is a whole number
	step | : | ValueError | step: gave nothing, not the time of the next step
	step | echo 7 | ValueError | step: 7: the next step is no later than this one
	step | echo soon | ValueError | step: "soon": the time of the next step is a whole number
	step | echo '[' | step | result: expected a value at offset 1, where it ends
	step | exit 3 | step | exit status 3
	step | kill -9 $$ | step | killed by SIGKILL
	step | echo "KeyError: no x" >&2; exit 1 | KeyError | no x
	step | printf '\377' >&2; exit 1 | Failure | �
	step | printf '\377' | step | result: invalid UTF-8 at offset 0
	get_data | : | ValueError | get_data: null: not the map of entities and what they give; {} is an empty one
	get_data | echo '{"e": 1}' | ValueError | get_data: 1: what an entity gives is a map
	create | : | ValueError | create: 1 entities, not 2
	nosuch | : | LookupError | Name "nosuch" not found in ""
	END
	)" <<-'END'
	c = connect()
	meta = c.ask(0, 'init', 'S-0', time_resolution=1.0)
	assert meta[0] == 1, meta
	args = {'step': lambda run: [7, {'run': run}, 9],
	        'create': lambda run: [2, 'M']}
	bad = []
	for id, line in enumerate(table.splitlines(), 1):
	    function, run, *want = line.split(' | ')
	    got = c.ask(id, function, *args.get(function, lambda run: [
	        {'run': run}])(run))
	    if got[:2] != [2, id] or got[2][:2] != want or not all(
	            isinstance(text, str) for text in got[2]):
	        bad.append((run, got))
	assert not bad, bad
	# the connection is as good as before
	assert c.ask(99, 'step', 7, {'run': 'echo 8'}, 9) == [1, 99, 8]
	END
}

@test "serve-mosaik: setup_done and stop may be missing, and nothing else" {
	start amas-serve --mosaik :0 "init=exec:echo '$META'"
	raw <<-'END'
	c = connect()
	c.ask(0, 'init', 'S-0', time_resolution=1.0)
	assert c.ask(1, 'setup_done') == [1, 1, None]
	failure = ['LookupError', 'Name "step" not found in ""']
	assert c.ask(2, 'step', 0, {}, 9)[2][:2] == failure
	assert c.ask(3, 'stop') == [1, 3, None]
	END
	stop
	equal 'amas-serve: --mosaik: nothing is there for create, step, get_data' \
		"$(cat "$err")"
	mkdir "$tmp/empty"
	start amas-serve --mosaik :0 "$tmp/empty"
	stop
	equal 'amas-serve: --mosaik: nothing is there for init, create, step, get_data' \
		"$(cat "$err")"
}

@test "serve-mosaik: that something else has no setup_done or stop is a failure" {
	printf '#!/bin/sh\nexec jq -c --unbuffered '\''.[2][0] as $f |
		if $f == "init" then [1, .[1], %s] else [2, .[1],
		"LookupError: Name \\"\($f)\\" not found in \\"x\\""] end'\' \
		"$META" >"$tmp/sim.worker"
	chmod +x "$tmp/sim.worker"
	start amas-serve --mosaik :0 "$tmp/sim.worker"
	raw <<-'END'
	c = connect()
	c.ask(0, 'init', 'S-0', time_resolution=1.0)
	assert c.ask(1, 'setup_done')[2][:2] == ['LookupError',
	    'Name "setup_done" not found in "x"']
	assert c.ask(2, 'stop') == [1, 2, None]
	END
	stop
	equal 'amas-serve: LookupError: Name "stop" not found in "x"' \
		"$(cat "$err")"
}

@test "serve-mosaik: stop is called once, however mosaik goes" {
	sim
	raw <<-'END'
	c = connect()
	c.ask(0, 'init', 'S-0', time_resolution=1.0)
	assert c.ask(1, 'stop') == [1, 1, None]
	assert open(tmp + '/stopped').read() == 'stopped\n'
	assert c.ask(2, 'stop') == [1, 2, None]
	c.close()
	for n, end in enumerate(('close', 'reset', 'end')):
	    c = connect()
	    c.ask(0, 'init', 'S-0', time_resolution=1.0)
	    getattr(c, end)()
	    until(lambda: open(tmp + '/stopped').read() == (n + 2) * 'stopped\n')
	connect().close() # it was none yet
	END
	stop
	equal 4 "$(wc -l <"$tmp/stopped")"
}

@test "serve-mosaik: stop waits until what is open has ended" {
	sim
	mkfifo "$tmp/go"
	raw <<-'END'
	c = connect()
	c.ask(0, 'init', 'S-0', time_resolution=1.0)
	c.call(1, 'step', 0, {'run': 'cat %s/go; echo 1' % tmp}, 9)
	c.call(2, 'stop')
	go = open(tmp + '/go', 'w')
	assert not os.path.exists(tmp + '/stopped')
	go.close()
	assert c.recv() == [1, 1, 1]
	assert c.recv() == [1, 2, None]
	assert os.path.exists(tmp + '/stopped')
	END
}

@test "serve-mosaik: SIGTERM has those stop that mosaik did not" {
	sim
	raw <<-'END'
	peers = [connect() for i in range(3)]
	for c in peers:
	    c.ask(0, 'init', 'S-0', time_resolution=1.0)
	peers[0].ask(1, 'stop')
	os.kill(pid, signal.SIGTERM)
	for c in peers:
	    c.closed()
	END
	ended "$pid" 0
	equal 3 "$(wc -l <"$tmp/stopped")"
	equal '' "$(cat "$err")"
}

@test "serve-mosaik: a simulator that mosaik started ends with status 0" {
	raw meta="$META" <<-'END'
	def begin(*more):
	    global c, server
	    server = listen()
	    program = start('amas-serve', '--mosaik', '--connect', server.addr,
	        "init=exec:echo '%s'" % meta, 'create=exec:true',
	        'step=exec:true', 'get_data=exec:true', *more)
	    c = server.accept()
	    assert c.ask(0, 'init', 'S-0', time_resolution=1.0)[0] == 1
	    return program
	# its output is mosaik's, and no place for an address
	nothing = 0, '', ''
	# mosaik sends stop and closes at once
	program = begin('stop=exec:echo ok >>%s/stopped' % tmp)
	c.call(1, 'stop')
	c.reset()
	assert program.wait() == nothing
	# it just goes
	program = begin('stop=exec:echo ok >>%s/stopped' % tmp)
	c.close()
	assert program.wait() == nothing
	# or ends the command as well
	program = begin('stop=exec:echo ok >>%s/stopped' % tmp)
	c.call(1, 'stop')
	program.process.terminate()
	assert program.wait() == nothing
	assert open(tmp + '/stopped').read() == 'ok\n' * 3
	# what stop has to do it does, whoever does not wait for that
	os.mkfifo(tmp + '/go')
	program = begin('stop=exec:cat %s/go >>%s/late' % (tmp, tmp))
	c.call(1, 'stop')
	c.close()
	program.process.terminate()
	with open(tmp + '/go', 'w') as go:
	    go.write('done')
	assert program.wait() == nothing
	assert open(tmp + '/late').read() == 'done'
	# a stop that fails is for people, not for mosaik
	program = begin('stop=exec:echo no >&2; exit 1')
	assert c.ask(1, 'stop') == [1, 1, None]
	c.close()
	assert program.wait() == (0, '',
	    'amas-serve: stop: exit status 1\\nno\n')
	END
}

@test "serve-mosaik: two on one address know nothing of each other" {
	cat >"$tmp/keep.worker" <<-'END'
	#!/usr/bin/awk -f
	BEGIN { meta = "{\"api_version\": \"3.0\", \"type\": \"time-based\", " \
	    "\"models\": {\"M\": {}}}" }
	{ split($0, part, ", "); result = /"init"/ ? meta : n++ }
	{ print "[1, " part[2] ", " result "]"; fflush() }
	END
	chmod 755 "$tmp/keep.worker"
	start amas-serve --mosaik :0 "$tmp/keep.worker" \
		"dir=exec:ls \"\$AMAS_STATE\" && >\"\$AMAS_STATE/\$1\""
	raw <<-'END'
	a, b = connect(), connect()
	for c in a, b:
	    assert c.ask(0, 'init', 'S-0', time_resolution=1.0)[0] == 1
	assert a.ask(1, 'count') == [1, 1, 0]
	assert a.ask(2, 'count') == [1, 2, 1]
	assert b.ask(1, 'count') == [1, 1, 0]
	assert a.ask(3, 'dir', 'x') == [1, 3, None]
	assert b.ask(2, 'dir', 'y') == [1, 2, None]
	assert a.ask(4, 'dir', 'z') == [1, 4, 'x']
	a.close() # and takes nothing of the other's with it
	assert b.ask(3, 'dir', 'z') == [1, 3, 'y']
	assert b.ask(4, 'count') == [1, 4, 1]
	END
}

@test "serve-mosaik: a worker that dies is a failure that names it" {
	cat >"$tmp/dies.worker" <<-END
	#!/bin/sh
	read -r line
	echo '[1, 0, $META]'
	while read -r line; do
		case \$line in
		*quietly*) exit 0 ;;
		*odd*) id=\${line#*, }; echo "[2, \${id%%,*}, [1, null]]" ;;
		*twice*) id=\${line#*, }; id=\${id%%,*}
			echo "[1, \$id, 9]"; echo "[1, \$id, 10]"
			echo "no message"; echo '[1, "0", 1]' ;;
		*) kill -9 \$\$ ;;
		esac
	done
	END
	chmod 755 "$tmp/dies.worker"
	start amas-serve -q --mosaik :0 "$tmp/dies.worker"
	raw <<-'END'
	def step(how):
	    c = connect()
	    c.ask(0, 'init', 'S-0', time_resolution=1.0)
	    got = c.ask(1, 'step', 0, {how: 1}, 9)
	    c.close()
	    return got
	kind, id, text = step('killed')
	assert kind == 2 and 'killed by SIGKILL' in text[1], text
	assert 'dies.worker' in text[0] + text[1], text
	kind, id, text = step('quietly')
	assert kind == 2 and 'dies.worker' in text[0] + text[1], text
	# what mosaik cannot take as a failure; what answers nothing
	assert step('odd') == [2, 1, ['Failure', '[1, null]']]
	assert step('twice') == [1, 1, 9]
	END
}

@test "serve-mosaik: options that mean nothing beside it" {
	local two

	for two in '--channel' '--allow /dev/null' '--types date' \
	    '--failure text'; do
		# shellcheck disable=SC2086
		run -2 amas-serve --mosaik $two :0 'f=exec:true'
		equal "amas-serve: ${two% *}: does not go with --mosaik" \
			"$output"
	done
	run -0 --separate-stderr amas-serve --failure text --failure list \
		--run : --mosaik :0 'init=exec:true'
	run -2 amas-serve --mosaik --codec msgpack :0 'f=exec:true'
	equal 'amas-serve: --codec: mosaik speaks json' "$output"
	run -2 amas-serve --ask-timeout 1 :0 'f=exec:true'
	equal 'amas-serve: --ask-timeout: needs --mosaik' "$output"
}

# --- Asking mosaik ---

@test "serve-mosaik: a handler asks mosaik back, and gets either answer" {
	sim
	raw <<-'END'
	c = connect()
	c.ask(0, 'init', 'S-0', time_resolution=1.0)
	def step(id, ask):
	    """What mosaik is asked; the step goes on when that is answered."""
	    c.call(id, 'step', id, {'run': 'p=$(amas-call -t 30 "$AMAS_PEER" %s'
	        ' 2>&1) && echo %d || { echo "$p" | tail -n 1 >&2; exit 1; }' %
	        (ask, id + 1)}, 9)
	    kind, number, content = c.recv()
	    assert kind == 0, content
	    return number, content
	for id, ask in enumerate((
	        ['get_progress', [], {}],
	        ['get_related_entities', [], {}],
	        ['get_related_entities', ['S-0.e'], {}],
	        ['get_related_entities', [['S-0.e', 'T-0.f']], {}],
	        ['get_data', [{'S-0.e': ['a']}], {}],
	        ['set_data', [{'S-0.e': {'T-0.f': {'a': 1}}}], {}],
	        ['set_event', [7], {}]), 1):
	    number, content = step(id, ask[0] + ''.join(
	        " '%s'" % json.dumps(x) for x in ask[1]))
	    assert content == ask, content
	    c.send(frame([1, number, {'x': float('nan')}]))
	    assert c.recv() == [1, id, id + 1]
	# of 3.3 on, and before; and one that is nothing of that kind
	for answer, want in ((['ScenarioError', 'no way', 'a\n'],
	        ['ScenarioError', 'no way']), ('no way', ['Failure', 'no way']),
	        ('', None), (['E'], None), (None, None)):
	    number, content = step(8, 'get_progress')
	    c.send(frame([2, number, answer]))
	    got = c.recv()
	    assert got[:2] == [2, 8], got
	    assert want is None or got[2][:2] == want, got
	# a request that comes meanwhile is answered meanwhile
	number, content = step(9, 'get_progress')
	assert c.ask(10, 'get_data', {'run': 'echo {}'}) == [1, 10, {}]
	c.send(frame([1, number, 1.0]))
	assert c.recv() == [1, 9, 10]
	END
}

@test "serve-mosaik: what mosaik has no answer to does not reach it" {
	sim
	raw <<-'END'
	c = connect()
	c.ask(0, 'init', 'S-0', time_resolution=1.0)
	def step(id, ask):
	    got = c.ask(id, 'step', 0, {'run': 'amas-call "$AMAS_PEER" %s 2>&1 |'
	        'tail -n 1 >&2; exit 1' % ask}, 9)
	    assert got[0] == 2, got
	    return got[2][:2]
	assert step(1, 'timestep') == ['LookupError',
	    'the peer has no function "timestep"']
	assert step(2, 'stop')[0] == 'LookupError'
	assert step(3, 'get_progress/x')[0] == 'LookupError'
	assert step(4, 'set_data ' + 201 * '[' + 201 * ']')[1].startswith(
	    'set_data: more than 200 levels')
	c.quiet()
	END
}

@test "serve-mosaik: mosaik that never answers meets a deadline" {
	sim --ask-timeout 50ms
	raw <<-'END'
	c = connect()
	c.ask(0, 'init', 'S-0', time_resolution=1.0)
	ask = {'run': 'amas-call "$AMAS_PEER" get_progress 2>&1 | tail -n 1 >&2;'
	    'exit 1'}
	c.call(1, 'step', 0, ask, 9)
	number = c.recv()[1]
	got = c.recv()
	assert got[:2] == [2, 1] and got[2][1].endswith(
	    ': timed out after 0.05s, waiting for the answer'), got
	# its late answer hurts nobody
	c.send(frame([1, number, 1.0]))
	assert c.ask(2, 'step', 0, {'run': 'echo 1'}, 9) == [1, 2, 1]
	END
}

# asker: a worker in sh; it asks for itself, too, before it is asked anything.
asker() {
	cat >"$tmp/asker.worker" <<-'END'
	#!/bin/bash
	# ask N FUNCTION ARGS: sets $answer; keeps what comes before that.
	ask() {
		echo "[0, $1, [\"$2\", $3, {}]]"
		while read -r line; do
			case $line in
			"[0, "*) later+=("$line") ;;
			*) answer=$line; return ;;
			esac
		done
	}
	serve() {
		id=${1#*, } id=${id%%,*}
		case $1 in
		*'["init"'*) echo "[1, $id, {\"api_version\": \"3.0\"," \
			'"type": "event-based", "models": {"M": {}}}]' ;;
		*'["get_data"'*) echo "[1, $id, {\"e\": {\"n\": $id}}]" ;;
		*'["step"'*)
			ask 7 get_data '[{"T-0.f": ["a"]}]'
			case $answer in
			"[1, 7, "*) echo "[1, $id, ${answer#*, *, }" ;;
			"[2, 7, "*) echo "[2, $id, ${answer#*, *, }" ;;
			esac ;;
		*) echo "[1, $id, null]" ;;
		esac
	}
	ask 0 set_event '[3]'
	later=()
	while [ ${#later[@]} -gt 0 ] || { read -r line && later=("$line"); }; do
		line=${later[0]} later=("${later[@]:1}")
		serve "$line"
	done
	END
	chmod 755 "$tmp/asker.worker"
	start amas-serve --mosaik "$@" :0 "$tmp/asker.worker"
}

@test "serve-mosaik: a worker asks mosaik by a line, and unasked" {
	asker
	raw <<-'END'
	c = connect()
	kind, number, content = c.recv()
	assert (kind, content) == (0, ['set_event', [3], {}])
	c.send(frame([2, number, ['E', 'no real time']]))
	assert c.ask(0, 'init', 'S-0', time_resolution=1.0)[0] == 1
	c.call(1, 'step', 0, {}, 9)
	kind, number, content = c.recv()
	assert (kind, content) == (0, ['get_data', [{'T-0.f': ['a']}], {}])
	c.call(2, 'get_data', {'e': ['n']})
	c.send(frame([1, number, 5]))
	assert c.recv() == [1, 1, 5]
	assert c.recv()[:2] == [1, 2]
	c.call(3, 'step', 1, {}, 9)
	c.send(frame([2, c.recv()[1], ['ScenarioError', 'no', 'line']]))
	got = c.recv()
	assert got == [2, 3, ['ScenarioError', 'no', 'line',
	    'ScenarioError: no']], got
	END
}

# --- What mosaik has said once ---

@test "serve-mosaik: it says what recorded simulators said to mosaik" {
	start amas-serve --mosaik :0 \
		"worker:exec $(python) $AMAS_ROOT/tests/peer/simulators.py"
	raw vectors="$AMAS_ROOT/tests/vectors/mosaik" <<-'END'
	def same(a, b):
	    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)
	def replay(c, line):
	    kind, id, content = line['json']
	    if line['dir'] == 'mosaik->sim':
	        if kind != 0: # with the id of who asks now
	            c.send(frame([kind, ids[id], content]))
	        else:
	            c.send(bytes.fromhex(line['hex']))
	        return
	    got = c.recv()
	    if kind == 0:
	        ids[id] = got[1]
	    else:
	        assert got[1] == id, (line, got)
	    assert got[0] == kind and same(got[2], content), (line, got)
	n = 0
	for name in sorted(os.listdir(vectors)):
	    if not name.endswith('.jsonl'):
	        continue
	    c, ids = connect(), {}
	    for line in open(vectors + '/' + name):
	        try:
	            replay(c, json.loads(line))
	        except BaseException as e:
	            raise AssertionError(name, e)
	    c.close()
	    n += 1
	assert n >= 16
	END
	stop
	equal '' "$(cat "$err")"
}
