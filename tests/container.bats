# amas-container: classes of all kinds, agents beside Python's, managers, and
# what goes wrong with them.  The numbers are those of the list of faults that the
# project keeps.

load helper
load tools/raw

setup() {
	make_tmp
	cd "$tmp"
	mkdir folder
	program folder/tell 'echo "$AMAS_SELF $* $(cat "$AMAS_STATE/args")"'
	program shared.shared "exec $(python) -u '$tmp/shared.py'"
	program worker.worker "exec $(python) -u '$tmp/worker.py' \"\$@\""
	cat >shared.py <<-'END'
	import json, os, sys
	args = {}
	for line in sys.stdin:
	    _, n, (path, a, k) = json.loads(line)
	    kind, result = 1, None
	    if path == 'amas/new':
	        if a[1] == ['bad']:
	            kind, result = 2, 'ValueError: bad'
	        else:
	            args[a[0]] = a[1]
	    elif path == 'amas/end':
	        del args[a[0]]
	    elif path.endswith('/die'):
	        sys.exit(3)
	    elif path.endswith('/hang'):
	        continue
	    elif path.endswith('/count'):
	        result = len(args)
	    else:
	        result = [path, args[path.split('/')[0]], a, os.getpid()]
	    print(json.dumps([kind, n, result]))
	END
	cat >worker.py <<-'END'
	import json, os, sys
	for line in sys.stdin:
	    kind, n, rest = json.loads(line)
	    if kind:
	        print(json.dumps([kind, asked, rest]))
	    elif rest[0] == 'die':
	        sys.exit(3)
	    elif rest[0] == 'host':
	        asked = n
	        print(json.dumps([0, 7, [rest[1][0], rest[1][1:], {}]]))
	    else:
	        print(json.dumps([1, n, [rest[0], rest[1], sys.argv[1:]]]))
	END
}

# program FILE TEXT: an executable in sh.
program() {
	printf '#!/bin/sh\n%s\n' "$2" >"$1"
	chmod +x "$1"
}

# calls ID FUNCTION [ARG...]: of an agent here.
calls() {
	local id=$1

	shift
	t amas-call "$addr$id" "$@"
}

@test "container: classes of all kinds, ids in order, addressed by URL" {
	start amas-container ./s a:2=./folder b:2=./worker.worker c:3=./shared.shared \
		d:2="$AMAS_BUILD/tests/examples/counter_plugin.so"
	equal "ipc://[$tmp/s]/" "$addr"
	equal "\"${addr}1 x [[], {}]\"" "$(calls 1 tell x)"
	equal '["f", [1], []]' "$(calls 3 f 1)"
	run -0 calls 6 f 1
	[[ $output == '["6/f", [], [1], '*']' ]]
	equal 1 "$(calls 7 count)"
	equal 2 "$(calls 7 count)"
	equal 1 "$(calls 8 count)"
	equal '"c"' "$(t amas-call "$addr" validate_aid ==5)"
	t amas-call "$addr" amas/agents >list
	equal '9 ["0","1","2","3","4","5","6","7","8"]' \
		"$(jq -c 'length, [.[].id]' list | paste -sd ' ')"
}

@test "container: 63: what is no id is null, and does not exist" {
	local id

	start amas-container ./s ./folder
	for id in 00 -1 1e3 0/.. 18446744073709551616 1 '' ' 0' 0x0; do
		equal null "$(t amas-call "$addr" validate_aid "==$id")"
	done
	equal null "$(t amas-call "$addr" validate_aid 0)"
	run -1 calls 99 tell
	equal "ConnectionError: Agent \"99\" does not exist in Container('$tmp/s')" \
		"${lines[-1]}"
	run -1 calls 99
	[[ ${lines[-1]} == ConnectionError:* ]]
	run -0 calls 0
	equal '' "$output"
	run -1 t amas-call "$addr" agents/00/tell
	[[ $output == *'LookupError: Name "00" not found in "agents"' ]]
	run -1 t amas-call "$addr" agents/0/run
	[[ $output == *'LookupError: Name "run" not found in "agents/0"' ]]
}

@test "container: agents call agents, and are told of those that are not there" {
	mkdir caller
	program caller/run 'for i in 0 9; do amas-call -- "${AMAS_SELF%/*}/$i" tell
		echo "$?"; done 2>&1'
	run -0 t amas-container --until-done ./s ./folder ./caller
	equal "ipc://[$tmp/s]/
\"ipc://[$tmp/s]/0  [[], {}]\"
0
Origin: $(printf '%s' "${lines[3]#Origin: }")
ConnectionError: Agent \"9\" does not exist in Container('$tmp/s')
1" "$output"
}

@test "container: agents wait for a container that comes later" {
	mkdir caller
	program caller/run 'amas-call -r -- "$1" tell 7'
	echo "{\"class\": \"caller\", \"args\": [\"ipc://[$tmp/late]/0\"]}" >agents
	out=early start amas-container -w 20 --until-done --manager \
		--class caller=./caller -f agents ./early.s
	early=$pid
	start amas-container ./late ./folder
	ended "$early" 0
	equal "ipc://[$tmp/late]/0 7 [[], {}]" "$(sed 1d early)"
	echo "{\"class\": \"caller\", \"args\": [\"ipc://[$tmp/never]/0\"]}" >agents
	run -1 t amas-container --until-done --manager --class caller=./caller \
		-f agents ./early.s
	[[ $output == *"$tmp/never"*'No such file or directory'* ]]
}

@test "container: init fails the making, run fails the end" {
	mkdir bad fails
	program bad/init 'echo "no: $*" >&2; exit 3'
	program bad/tell 'echo there'
	program fails/run 'exit 4'
	run -1 t amas-container ./s ./folder ./bad
	equal 'amas-container: bad: init: exit status 3
no: ' "${output//\\n/
}"
	run -1 t amas-container --until-done ./s ./folder ./fails
	[[ $output == *'fails/1/run: exit status 4'* ]]
	run -0 t amas-container --run true ./s ./fails
}

@test "container: a class whose folder is replaced is the new one" {
	local n

	for n in 1 2; do
		mkdir "v$n"
		program "v$n/init" "echo $n >\"\$AMAS_STATE/init\""
		program "v$n/say" "echo v$n \$(cat \"\$AMAS_STATE/init\")"
	done
	start amas-container --manager --class c=./v1 127.0.0.1:0 a=./v1
	equal '"v1 1"' "$(t amas-call "${addr}1" say)"
	mv v1 v3
	mv v2 v1
	equal '"v2 1"' "$(t amas-call "${addr}1" say)"
	t amas-call "${addr}0" spawn c
	equal '"v2 2"' "$(t amas-call "${addr}2" say)"
}

@test "container: a line of -f with a class that is not there" {
	echo '{"class": "zz"}' >agents
	run -4 t amas-container -f agents ./s ./folder
	equal 'amas-container: agents:1: there is no class "zz"' "$output"
	echo '{"class": "mod:zz"}' >agents
	run -4 t amas-container -f agents ./s ./folder
	equal "amas-container: agents:1: ModuleNotFoundError: No module named 'mod'" \
		"$output"
}

@test "container: -t ends an init that takes longer" {
	mkdir slow mod
	program slow/init 'trap "exit 0" TERM; sleep 300 & wait'
	cp -r slow mod/Slow
	run -1 t amas-container -t 50ms ./s ./slow
	equal 'amas-container: slow: init: timed out after 0.05s' "$output"
	run -1 t amas-container --clock sim -t 50ms local://a ./slow
	equal 'amas-container: slow: init: timed out after 0.05s' "$output"
	start amas-container --manager -t 50ms --class-path . ./s
	spawn_fails 'init: timed out after 0.05s' mod:Slow
	stop
}

@test "container: SIGTERM ends an init that does not, and a run that will not" {
	mkdir slow stubborn
	program slow/init 'echo here >here; exec sleep 300'
	program stubborn/run 'trap "" TERM; while sleep 1; do :; done'
	"$AMAS_BUILD/amas-container" ./s ./slow >out 2>err 3>&- &
	pids+=($!)
	for ((n = 0; n < 100000; n++)); do
		[ ! -s slow/here ] || break
	done
	stop $!
	equal '' "$(cat out err)"
	start amas-container ./s ./stubborn
	stop
}

@test "container: one program of an agent at a time, unless it waits" {
	mkdir turns
	program turns/slow 'echo in >>log; amas-call "$AMAS_PARENT" amas/wait go; echo out >>log'
	program turns/fast 'echo fast >>log; amas-call "$AMAS_PARENT" amas/notify go'
	program turns/lock 'mkdir held || exit 1; rmdir held'
	start amas-container ./s ./turns
	calls 0 slow >/dev/null &
	caller $!
	for ((n = 0; n < 1000; n++)); do
		[ ! -s turns/log ] || [ "$(calls 0 fast)" != 1 ] || break
	done
	wait $!
	equal 'in fast out' "$(uniq turns/log | paste -sd ' ')"
	for ((n = 0; n < 50; n++)); do
		echo '["agents/0/lock", [], {}]'
	done >in
	t amas-call -P 50 -B "$addr" <in >out
	equal 50 "$(grep -c '^\[1, ' out)"
}

@test "container: 64: an agent that dies fails its calls, and comes back" {
	start amas-container ./s ./worker.worker
	run -1 calls 0 die
	[[ $output == *'worker worker/0: exit status 3' ]]
	equal '["f", [], []]' "$(calls 0 f)"
	stop
	run -1 t amas-container --on-exit fail \
		--run 'amas-call "${AMAS_ADDR}0" die; sleep 60' ./s ./worker.worker
	[[ $output == *'exit status 3 (--on-exit fail)'* ]]
}

@test "container: 66: impossible spawns are failures, half-made groups undone" {
	mkdir -p path/mod/sub
	ln -s "$tmp/folder" path/mod/Tell
	cp -r folder path/mod/sub/
	mkdir path/mod/Bad
	program path/mod/Bad/init 'exit 1'
	start amas-container --manager --class-path path --max-agents 5 \
		--class sh=./shared.shared ./s
	run -0 calls 0 spawn mod:Tell 1
	equal "[{\"__type__\": [\"proxy\", \"agents/1\"]}, \"${addr}1\"]" "$output"
	run -0 calls 0 spawn mod.sub:folder.create 1
	equal "\"${addr}2  [[1], {}]\"" "$(calls 2 tell)"
	spawn_fails 'ValueError: Malformed object name "x": Expected "module:object"' x
	spawn_fails 'ValueError: Malformed object name "a:b:c": Expected "module:object"' a:b:c
	spawn_fails "ModuleNotFoundError: No module named 'nope'" nope:X
	spawn_fails "ModuleNotFoundError: No module named '../mod'" ../mod:X
	spawn_fails "AttributeError: module 'mod' has no attribute 'X'" mod:X
	spawn_fails "AttributeError: module 'mod' has no attribute 'a/b'" mod:a/b
	spawn_fails 'init: exit status 1' mod:Bad
	spawn_fails 'ValueError: bad' sh ==bad
	run -0 calls 0 spawn sh 1
	url=$(jq -r '.[1]' <<<"$output")
	equal 1 "$(t amas-call "$url" count)"
	run -0 calls 0 spawn sh 2
	spawn_fails 'there are 5 agents already (--max-agents)' sh 3
}
spawn_fails() {
	local text=$1

	shift
	run -1 calls 0 spawn "$@"
	equal "$text" "${lines[-1]}"
}

@test "container: 66: a shared process that refuses one of many, or dies at that" {
	cat >shared.py <<-'END'
	import json, os, sys
	for line in sys.stdin:
	    _, n, (path, a, k) = json.loads(line)
	    open('told', 'a').write('%s %s\n' % (path, a[0]))
	    if path == 'amas/new' and a[0] == '5':
	        if os.path.exists('die'):
	            sys.exit(3)
	        print(json.dumps([2, n, 'ValueError: no']))
	    elif a[0] < '3':
	        print(json.dumps([1, n, None]))
	END
	run -1 t amas-container ./s a:10=./shared.shared
	equal 'amas-container: a: ValueError: no' "$output"
	run -1 grep 'amas/end 5' told
	touch die
	run -1 t amas-container ./s a:10=./shared.shared
	[[ $output == *'amas-container: a: worker a: exit status 3' ]]
	run -2 t amas-container --max-agents 3 ./s a:5=./folder
	equal "amas-container: a:5=./folder: 5 agents are too many: there are \
0, and at most 3 (--max-agents)" "$output"
	printf '{"class": "a", "count": %s}\n' 2 2 >many
	run -2 t amas-container --max-agents 3 -f many --manager \
		--class a=./folder ./s
	equal "amas-container: many:2: 2 agents are too many: there are 3, and \
at most 3 (--max-agents)" "$output"
	run -2 t amas-container --max-agents 3 local://a a:5=./folder
	[[ $output == *': there are 0, and at most 3 (--max-agents)' ]]
	echo '{"class": "nope"}' >agents
	run -4 t amas-container --manager -f agents ./s
}

@test "container: 67: without a manager nobody spawns, stops or sets the time" {
	start amas-container ./s ./folder
	for f in spawn stop set_time; do
		run -1 calls 0 "$f" 1
		[[ ${lines[-1]} == "LookupError: Name \"$f\" not found in \"agents/0\"" ]]
	done
	for f in amas/spawn amas/stop; do
		run -1 t amas-call "$addr" "$f" x
	done
	equal '"folder"' "$(t amas-call "$addr" validate_aid ==0)"
	run -2 t amas-container --manager '*:0'
	[[ $output == *'--insecure if that is meant' ]]
}

@test "container: 68: a shared process dies with 10,000 agents in it" {
	local pid_before

	start amas-container ./s a:10000=./shared.shared
	equal 10000 "$(calls 9999 count)"
	{
		for i in {0..99}; do
			printf '["agents/%s/hang", [], {}]\n' "$i"
		done
		printf '["agents/%s/die", [], {}]\n' 100
	} >in
	run -1 t amas-call -P 200 -B "$addr" <in
	equal 101 "$(grep -c 'worker a: exit status 3' <<<"$output")"
	equal 10000 "$(calls 77 count)"
}

@test "container: 69: plugins that are broken end the start with status 6" {
	run -6 t amas-container ./s a="$AMAS_BUILD/tests/plugins/symbol.so"
	run -6 t amas-container ./s a="$AMAS_BUILD/tests/plugins/other.so"
	run -6 t amas-container ./s a="$AMAS_BUILD/tests/examples/stats_plugin.so"
	equal 'amas-container: a='"$AMAS_BUILD"'/tests/examples/stats_plugin.so: has no classes' "$output"
	run -1 t amas-container ./s "$AMAS_BUILD/tests/examples/adder_plugin.so" </dev/null
	[[ $output == *TypeError* ]]
}

@test "container: 70, 65: Python's agents and ours call each other, over each codec" {
	local codec url where here

	need_peer
	for codec in json msgpack msgpack-blosc; do
		# Of one, the port is not known before: TCP.
		where=./s.$codec here="'$tmp/s.$codec'"
		[ "$codec" != msgpack ] || where=127.0.0.1:0
		start amas-container --codec "$codec" --manager --class-path . \
			"$where" ./folder ./worker.worker
		[ "$codec" != msgpack ] ||
			here="('127.0.0.1', $(sed 's,.*:\(.*\)/,\1,' <<<"$addr"))"
		mkfifo "in.$codec"
		"$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/agents.py" \
			--codec "$codec" "$tmp/py.$codec" <"in.$codec" >"url" 2>py.err &
		caller $!
		exec 5>"in.$codec"
		until [ -s url ]; do :; done
		url=$(cat url)
		both
		exec 5>&-
		wait $!
		forget $!
		stop
		rm url
	done
}
both() {
	local python="t amas-call --codec $codec ${url}0"

	equal 42 "$($python spam 42)"
	equal "[\"folderProxy('${addr}1')\", \"${addr}1 9 [[], {}]\"]" \
		"$($python ask "${addr}1" tell 9)"
	run -1 $python ask "${addr}8" tell
	[[ ${lines[-1]} == "ConnectionError: Agent \"8\" does not exist in Container($here)" ]]
	equal 5 "$(t amas-call --codec "$codec" "${addr}2" host amas/call "${url}0" spam '[5]')"
	run -1 t amas-call --codec "$codec" "${addr}2" host amas/call "${url}7" spam '[5]'
	[[ ${lines[-1]} == *"Agent \"7\" does not exist in Container('$tmp/py.$codec')" ]]
	mkdir -p mod
	ln -sfn ../folder mod/Tell
	equal "[\"${addr}3\", \"${addr}3  [[4], {}]\"]" \
		"$($python spawn_at "${addr}0" mod:Tell 4)"
}

@test "container: a Python container that vanished is connected to anew" {
	need_peer
	start amas-container ./s ./worker.worker
	python_agents
	equal 1 "$(calls 0 host amas/call "ipc://[$tmp/py]/0" spam '[1]')"
	kill -KILL "$peer"
	wait "$peer" || true
	forget "$peer"
	run -1 calls 0 host amas/call "ipc://[$tmp/py]/0" spam '[2]'
	rm -f py
	python_agents
	equal 3 "$(calls 0 host amas/call "ipc://[$tmp/py]/0" spam '[3]')"
}
python_agents() {
	rm -f py.in py.url
	mkfifo py.in
	"$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/agents.py" "$tmp/py" \
		<py.in >py.url 2>/dev/null &
	peer=$!
	caller "$peer"
	exec 5>py.in
	until [ -s py.url ]; do :; done
}

@test "container: agents of a file, tags, SIGTERM, host functions" {
	printf '%s\n' '{"class": "a", "count": 2, "args": [1, "x"]}' '' \
		'{"class": "a", "kwargs": {"k": 1}}' >agents
	program folder/run 'echo "hi $*"; exec cat /dev/zero >/dev/null'
	start amas-container --manager --class a=./folder -f agents --tag ./s \
		w=./worker.worker
	run -0 calls 1 host amas/agents
	equal 5 "$(jq length <<<"$output")"
	run -0 calls 1 host amas/spawn a 7
	equal "\"${addr}5\"" "$output"
	equal "\"${addr}5  [[7], {}]\"" "$(calls 5 tell)"
	equal null "$(calls 1 host amas/stop "${addr}5")"
	equal null "$(t amas-call "$addr" validate_aid ==5)"
	run -1 calls 1 host amas/stop "${addr}5"
	stop
	echo '{"class": 3}' >agents
	run -4 t amas-container --manager --class a=./folder -f agents ./s
	[[ $output == 'amas-container: agents:1: is not '* ]]
}

@test "container: one scripted peer gets equal frames from Python and from us" {
	need_peer
	program Peer.worker "exec $(python) -u '$tmp/peer.py'"
	cat >peer.py <<-'END'
	import json, sys
	for line in sys.stdin:
	    kind, n, rest = json.loads(line)
	    if kind == 1:
	        print(json.dumps([1, asked, ["XProxy('%s')" % url, rest]]))
	    elif rest[0] == 'spam':
	        print(json.dumps([1, n, rest[1][0]]))
	    elif rest[0] == 'fail':
	        print(json.dumps([2, n, 'ZeroDivisionError: division by zero']))
	    elif rest[0] == 'nope':
	        print(json.dumps([2, n, 'LookupError: Name "nope" not found in '
	                          '"agents/0"']))
	    else:
	        asked, url = n, rest[1][0]
	        print(json.dumps([0, 0, ['amas/call', [url, rest[1][1], rest[1][2:], {}], {}]]))
	END
	python_agents
	start amas-container ./s Peer=./Peer.worker
	raw python="$tmp/py" <<-'END'
	def talk(where, listener):
	    """All that this one says, failures but for their last line."""
	    said = []
	    c = connect(where)
	    for n, (path, args) in enumerate([
	        ('validate_aid', ['0']), ('validate_aid', ['1']),
	        ('validate_aid', ['00']), ('validate_aid', [None]),
	        ('agents/0/spam', [[1, 2.5, None, {'a': '\u00e4', 'b': [True]}]]),
	        ('agents/0/spam', [{'__type__': [0, '2016-01-01T00:00:00+00:00']}]),
	        ('agents/1/spam', [1]), ('agents/0/nope', []), ('nope', []),
	        ('agents/0/fail', []),
	    ]):
	        c.call(n, path, *args)
	        payload = c.recv_raw()
	        kind, id, content = json.loads(payload)
	        said.append([kind, id, content.rstrip().split('\n')[-1]]
	                    if kind == 2 else payload)
	    # It connects to us, asks for the agent, and calls it.
	    c.call(100, 'agents/0/ask', f'ipc://[{listener.addr}]/3', 'tell', 5)
	    back = listener.accept()
	    said.append(back.recv_raw())
	    back.send(frame([1, 0, 'X']))
	    said.append(back.recv_raw())
	    # What it offers there: its agents.
	    back.call(7, 'validate_aid', '0')
	    said.append(back.recv_raw())
	    back.send(frame([1, 1, 'told']))
	    said.append(c.recv_raw().replace(listener.addr.encode(), b'PATH'))
	    back.close()
	    return said

	theirs = talk('ipc://' + python, listen(tmp + '/fake.1'))
	ours = talk(addr, listen(tmp + '/fake.2'))
	for a, b in zip(theirs, ours):
	    assert a == b, (a, b)
	assert len(theirs) == len(ours) == 14
	END
}

@test "container: agents of one container call each other without a socket" {
	mkdir caller
	program caller/run 'amas-call -r -- "${AMAS_SELF%/*}/0" tell 7'
	run -0 t amas-container --trace trace --until-done ./s ./folder ./caller
	equal "ipc://[$tmp/s]/0 7 [[], {}]" "${lines[1]}"
	jq -c 'select(.m[0] == 0) | [.from, .to, .m[2][0]]' trace >calls
	equal "[\"ipc://$tmp/s\",\"ipc://$tmp/s\",\"validate_aid\"]
[\"ipc://$tmp/s\",\"ipc://$tmp/s\",\"agents/0/tell\"]" \
		"$(grep -v amas/call calls)"
}

@test "container: agents schedule calls of their own, and cancel them" {
	mkdir clock
	program clock/tick 'echo "tick $* ${AMAS_KW_x:-}" >&2; date +%s >/dev/null'
	program clock/tock 'exit 3'
	program clock/run 'call() { amas-call "$AMAS_PARENT" "$@"; }
		call amas/call_in 5 tick ==a x=b
		call amas/call_at 7 tick ==c
		id=$(call amas/call_in 6 tick ==no)
		call amas/cancel "$id"
		call amas/cancel "$id"
		call amas/call_in 1 tock
		call amas/call_in 0 tick
		call amas/call_in 1 nope/
		call amas/call_in 1'
	run -0 --separate-stderr t amas-container -vv --clock sim ./s ./clock
	equal '1
2
true
false
4
5' "$(printf '%s\n' "${lines[@]:1}")"
	[[ $stderr == *'ValueError: dt must be > 0 but is 0'* ]]
	[[ $stderr == *'agents/0/tock: as it was scheduled: agents/0/tock: exit status 3'* ]]
	[[ $stderr == *"agents/0/nope/: as it was scheduled: LookupError"* ]]
	[[ $stderr == *'TypeError: amas/call_in: takes a time, a function and its arguments'* ]]
	[[ $stderr == *'tick a b'*'tick c'* ]]
	[[ $stderr != *'tick no'* ]]
}

@test "container: a shared process schedules calls of its agents" {
	cat >shared.py <<-'END'
	import json, sys
	for line in sys.stdin:
	    kind, n, (path, a, k) = json.loads(line) if line[1] == '0' else (1, 0, (0, 0, 0))
	    if kind:
	        continue
	    print(json.dumps([1, n, None]), flush=True)
	    if path == 'amas/new':
	        print(json.dumps([0, int(a[0]), ['amas/call_in',
	            [1 + int(a[0]), a[0] + '/tick', 7], {}]]), flush=True)
	    elif path.endswith('tick'):
	        print(path, a, file=sys.stderr, flush=True)
	END
	run -0 --separate-stderr t amas-container -vv --clock sim ./s \
		c:2=./shared.shared
	[[ $stderr == *'0/tick [7]'*'1/tick [7]'* ]]
}
