# amas-container: clocks, simulations and local://.  The numbers are those of the
# list of faults that the project keeps.

load helper
load tools/raw

setup() {
	make_tmp
	cd "$tmp"
	mkdir folder
	program folder/tell 'echo "$@"'
	# host FUNCTION ARG...: asks the host; a failure is its last line.
	program host 'amas-call -r "$AMAS_PARENT" "$@" 2>"$AMAS_STATE/err" ||
		tail -n 1 "$AMAS_STATE/err"'
	PATH=$PATH:$tmp
	export AMAS_EXAMPLES=$AMAS_BUILD/tests/examples
	sleepers=$AMAS_EXAMPLES/sleepers_plugin.so
}

# program FILE TEXT: an executable in sh.
program() {
	printf '#!/bin/sh\n%s\n' "$2" >"$1"
	chmod +x "$1"
}

# agent NAME RUN: a folder whose agents do that.
agent() {
	mkdir -p "$1"
	program "$1/run" "$2"
}

# python_worker FILE < CODE: a worker; CODE has send(), call() and line by line
# kind, n, rest.
python_worker() {
	{
		cat <<-'END'
		#!/usr/bin/python3
		import json, os, sys
		def send(*m):
		    print(json.dumps(m), flush=True)
		def call(n, url, function, *args):
		    send(0, n, ['amas/call', [url, function, args, {}], {}])
		END
		cat
	} >"$1"
	chmod +x "$1"
}

# simulate ARG...: a container, whose lines but for its URLs are the output.
simulate() {
	t amas-container "$@" >out 2>err
	local status=$?

	grep -v '^\(local\|ipc\|tcp\)://[^ ]*/$' out
	return "$status"
}

# ---- Options ----

# refused TEXT OPTION...: they end with status 2 and this.
refused() {
	local text=$1

	shift
	run -2 --separate-stderr t amas-container "$@" ./s ./folder
	equal '' "$output"
	equal "amas-container: $text" "$stderr"
}

@test "time: options that do not fit are usage errors" {
	refused '--clock: "sun" is none of real, external and sim' --clock sun
	refused '--clock external: needs --manager: nothing else could set it' \
		--clock external
	refused '--until: the clock is not sim: it does not go on by itself' \
		--until 5
	refused '--until: the clock is not sim: it does not go on by itself' \
		--clock external --manager --until 5
	refused '--start: the clock is real, not external or sim' \
		--start 2016-01-01
	refused '--init-time: the clock is real, not external or sim' \
		--clock real --init-time 5
	refused '--start: date "soon": not as in 2016-01-31T10:30:00+01:00' \
		--clock sim --start soon
	refused '--init-time: "x" is no number of seconds' \
		--clock sim --init-time x
	refused '--init-time: "nan" is no number of seconds' \
		--clock sim --init-time nan
	refused '--init-time: no clock shows 1e+300' \
		--clock sim --start 2016-01-01 --init-time 1e300
	refused '--until: "x" is no time: seconds, or a date in ISO 8601' \
		--clock sim --until x
	refused '--until: "2015-01-01" is before the clock begins (--start, --init-time)' \
		--clock sim --start 2016-01-01 --until 2015-01-01
	refused '--until: "4" is before the clock begins (--start, --init-time)' \
		--clock sim --init-time 5 --until 4
	run -2 t amas-container local://a ./folder +
	equal 'amas-container: +: no address behind it' "$output"
	run -2 t amas-container local://a ./folder + + local://b
	equal 'amas-container: +: no address behind it' "$output"
	run -2 t amas-container local://a/b ./folder
	equal "amas-container: local://a/b: \"/\" not allowed in queue ID ('a/b')" \
		"$output"
	run -2 t amas-container local://a/7 ./folder
	equal "amas-container: local://a/7: \"/\" not allowed in queue ID ('a/7')" \
		"$output"
	run -2 t amas-container local://a ./folder + local://a ./folder
	equal 'amas-container: local://a: the name is given twice' "$output"
}

# ---- What the host tells ----

@test "time: what a simulated clock tells, and refuses, in aiomas's words" {
	agent sleeper 'for a in "time" "utcnow" "sleep 3" "time" "utcnow" \
		"sleep 0" "sleep -1" "sleep" "sleep ==1" "sleep_until 13" \
		"sleep_until 12" "sleep_until 13.5" "time" \
		"sleep_until 2016-01-01T00:00:20" "utcnow" \
		"sleep_until 2016-01-01T00:00:20Z" "sleep_until :=null" \
		"sleep :=NaN"; do host amas/$a; done'
	run -0 simulate --start 2016-01-01 --init-time 10 local://a ./sleeper
	equal '10.0
2016-01-01T00:00:10+00:00
13.0
2016-01-01T00:00:13+00:00
ValueError: dt must be > 0 but is 0
ValueError: dt must be > 0 but is -1
TypeError: amas/sleep: too few elements
TypeError: amas/sleep: seconds are a number
ValueError: Date "13" is in the past
ValueError: Date "12" is in the past
13.5
2016-01-01T00:00:20+00:00
ValueError: Date "2016-01-01T00:00:20+00:00" is in the past
TypeError: amas/sleep_until: a time is a number or a date
ValueError: dt must be > 0 but is nan' "$output"
}

@test "time: a real clock runs, and knows the date" {
	agent sleeper 'a=$(host amas/time); host amas/sleep 0.05; host amas/sleep 0
		host amas/sleep -1; b=$(host amas/time)
		host amas/sleep_until "$a"
		host amas/sleep_until "$(host amas/utcnow)"
		echo "$a $b" | awk "{ print (\$2 - \$1 >= 0.05) }"
		host amas/utcnow | cut -c 1-4'
	run -0 t amas-container --until-done ./s ./sleeper
	[[ ${lines[1]} == 'ValueError: Date "'*'" is in the past' ]]
	[[ ${lines[2]} == 'ValueError: Date "'*'+00:00" is in the past' ]]
	equal 1 "${lines[3]}"
	equal "$(date -u +%Y)" "${lines[4]}"
}

@test "time: a worker asks by lines, and sleeps" {
	python_worker w.worker <<-'END'
	send(0, 1, ['amas/time', [], {}])
	send(0, 2, ['amas/sleep', [2.5], {}])
	for line in sys.stdin:
	    kind, n, rest = json.loads(line)
	    if kind == 0:
	        send(1, n, None)
	        continue
	    print(n, rest, file=open('said', 'a'), flush=True)
	    if n == 2:
	        send(0, 3, ['amas/time', [], {}])
	        send(0, 4, ['amas/sleep_until', ['1970-01-01T00:00:09Z'], {}])
	    elif n == 4:
	        send(0, 5, ['amas/utcnow', [], {}])
	        send(0, 6, ['amas/sleep', [-1], {}])
	END
	run -0 simulate local://a ./w.worker
	equal '1 0.0
2 None
3 2.5
4 None
5 1970-01-01T00:00:09+00:00
6 ValueError: dt must be > 0 but is -1' "$(cat said)"
	equal '' "$(cat err)"
}

@test "time: peers may ask a container for its time" {
	start amas-container --clock external --manager --start 2016-01-01 \
		--init-time 5 ./s ./folder
	equal 5.0 "$(t amas-call "$addr" amas/time)"
	equal '"2016-01-01T00:00:05+00:00"' "$(t amas-call "$addr" amas/utcnow)"
	equal '[]' "$(t amas-call "$addr" amas/awake)"
	t amas-call "${addr}0" set_time 7.5
	equal 7.5 "$(t amas-call "$addr" amas/time)"
	run -1 t amas-call "$addr" amas/time 3
	run -1 t amas-call "$addr" amas/sleep 3
	equal 'LookupError: Name "sleep" not found in "amas"' "${lines[-1]}"
}

# ---- An external clock ----

# set_times: what a manager at $addr says to times, one line each.
set_times() {
	local v

	for v in 5 5 4 5.5 5.5 -1 6 7e3 7000.0; do
		t amas-call "${addr}0" set_time ":=$v" 2>&1 | tail -n 1
	done
}

@test "time: 71: set_time says what Python's manager says" {
	need_peer
	start amas-container --clock external --manager ./s
	set_times >ours
	mkfifo py.in
	"$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/agents.py" \
		"$tmp/py" --clock external 1970-01-01 0 <py.in >/dev/null 2>&1 3>&- &
	caller $!
	exec 5>py.in
	addr="ipc://[$tmp/py]/"
	t amas-call -w "$PATIENCE" "$addr" validate_aid ==0
	set_times >theirs
	# A float that is whole is shown as the integer it may have been.
	sed -i 's/\.0$//; s/is 7000.0/is 7000/; s/> 7000.0/> 7000/' theirs ours
	diff theirs ours
	equal 4 "$(grep -c null ours)"
	t amas-call "${addr}0" stop >/dev/null
}

@test "time: 71: a time that is none is refused, and the time stays" {
	local v

	start amas-container --clock external --manager --init-time 5 ./s
	for v in NaN Infinity -Infinity 1e308 -1e308 1e16; do
		run -1 t amas-call "${addr}0" set_time ":=$v"
		[[ ${lines[-1]} == 'ValueError: Time must be > 5 but is '* ]]
		run -1 t amas-call "${addr}0" step ":=$v"
		[[ ${lines[-1]} == 'ValueError: Time must be > 5 but is '* ]]
	done
	for v in '"x"' null true '[]' '{}'; do
		run -1 t amas-call "${addr}0" set_time ":=$v"
		[[ ${lines[-1]} == TypeError:* ]]
	done
	run -1 t amas-call "${addr}0" set_time
	run -1 t amas-call "${addr}0" set_time 6 7
	equal 5.0 "$(t amas-call "$addr" amas/time)"
}

@test "time: a clock that is not external cannot be set" {
	start amas-container --manager ./s
	run -1 t amas-call "${addr}0" set_time 5
	equal "AttributeError: 'AsyncioClock' object has no attribute 'set_time'" \
		"${lines[-1]}"
	run -1 t amas-call "${addr}0" step 5
	stop
	run -1 t amas-container --clock sim --manager \
		--run 'amas-call "${AMAS_ADDR}0" set_time 5' ./s ./folder
	equal "AttributeError: 'SimClock' object has no attribute 'set_time'" \
		"${lines[-1]}"
}

@test "time: set_time wakes those that are due" {
	agent sleeper 'host amas/sleep "$((AMAS_INDEX + 1))"
		echo "$AMAS_INDEX woke at $(host amas/time)"
		amas-call -- "$AMAS_PARENT" amas/notify go >/dev/null'
	mkdir ask
	program ask/next 'host amas/time'
	out=out start amas-container --clock external --manager ./s s:3=./sleeper
	until [ "$(t amas-call "${addr}0" next)" = 1.0 ]; do :; done
	until t amas-call "$addr" amas/awake | grep -qx '\[\]'; do :; done
	equal '[3, null]' "$(t amas-call "${addr}0" step 10)"
	equal '0 woke at 10.0
1 woke at 10.0
2 woke at 10.0' "$(sort out | grep woke)"
}

@test "time: 72: 100,000 sleepers wake by due time, then by arrival" {
	printf '%s\n' \
		"{\"class\": \"Sleeper\", \"count\": 100000, \"args\": [1, 10]}" >all
	cat >steps <<-'END'
	amas-call "${AMAS_ADDR}0" step 9
	amas-call "${AMAS_ADDR}1" told
	amas-call "${AMAS_ADDR}0" step 30
	amas-call "${AMAS_ADDR}1" told
	END
	run -0 t amas-container --clock external --manager \
		--class Sleeper="$sleepers" -f all --run 'sh ./steps' ./s \
		Order="$sleepers"
	equal '{"woke": 0, "wrong": 0}' "${lines[1]}"
	equal '{"woke": 100000, "wrong": 0}' "${lines[3]}"
	# One by one, on local://, each with what it sends.
	agent asks 'host amas/sleep 60; amas-call -- "$1" told'
	printf '%s\n' \
		'{"class": "Sleeper", "count": 100000, "args": [1]}' \
		'{"class": "asks", "args": ["local://a/1"]}' >all
	run -0 simulate --manager --class Sleeper="$sleepers" \
		--class asks=./asks -f all local://a Order="$sleepers"
	equal '{"woke": 100000, "wrong": 0}' "$output"
}

# ---- Simulations ----

@test "time: a simulation ends with its last sleeper, at --until if told so" {
	agent sleeper 'for i in 1 2 3; do host amas/sleep 100000
		echo "$AMAS_INDEX $(host amas/time)"; done'
	run -0 simulate local://a s:2=./sleeper
	equal '0 100000.0
1 100000.0
0 200000.0
1 200000.0
0 300000.0
1 300000.0' "$output"
	run -0 simulate --clock sim --until 200000 ./s ./sleeper
	equal '0 100000.0
0 200000.0' "$output"
	run -0 simulate --until 199999.9 local://a ./sleeper
	equal '0 100000.0' "$output"
	run -0 simulate --until 1970-01-02T04:00 local://a ./sleeper
	equal '0 100000.0' "$output"
	run -0 simulate --until 1970-01-02T03:46 local://a ./sleeper
	equal '' "$output"
}

@test "time: a simulation that has nobody left names who still waits" {
	agent waits 'host amas/sleep 5; host amas/wait godot'
	run -1 simulate local://a ./folder ./waits
	equal 'amas-container: waits/1/run: still waits for an answer, and nobody sleeps any more' "$(cat err)"
	python_worker deaf.worker <<-'END'
	for line in sys.stdin:
	    kind, n, rest = json.loads(line)
	    if kind == 0 and rest[0] == 'amas/sync':
	        send(1, n, None)
	END
	agent calls 'amas-call -- local://b/0 f'
	run -1 simulate local://a ./calls + local://b ./deaf.worker
	equal 'amas-container: calls/0/run: still waits for an answer, and nobody sleeps any more' "$(cat err)"
	# At --until nobody is asked.
	run -0 simulate --until 4 local://a ./waits
	equal '' "$(cat err)"
}

@test "time: with --run, the command ends the simulation" {
	agent sleeper 'host amas/sleep 3; host amas/time >../woken'
	run -0 t amas-container --clock sim \
		--run 'until [ -s woken ]; do :; done
			amas-call -r "${AMAS_ADDR}0" tell yes' ./s ./folder ./sleeper
	equal yes "$output"
	equal 3.0 "$(cat woken)"
	run -3 t amas-container --clock sim --until 2 \
		--run 'until [ "$(amas-call "$AMAS_ADDR" amas/time)" = 2.0 ]; do :; done
			exit 3' ./s ./sleeper
	equal '' "$output"
}

@test "time: containers of one process reach each other by local://" {
	agent caller 'amas-call -r -- local://b/0 tell hello
		amas-call -r -- local://a/1 tell again
		amas-call -- local://b/7 tell 2>&1
		amas-call -- local://c/0 tell 2>&1'
	run -0 simulate local://a ./caller ./folder + local://b ./folder
	equal "hello
again
ConnectionError: Agent \"7\" does not exist in Container('b')
local://c: No server started for this local queue instance." \
		"$(grep -v Origin <<<"$output")"
}

# ---- The same order on every run ----

# town: agents of all kinds whose messages cross: walkers in sh call porters
# (workers that call back while they answer), a shared worker that is async, and
# counters in C; all at the same times.
town() {
	mkdir -p walker
	program walker/run 'n=${1:-3}
		for i in $(seq "$n"); do
			host amas/sleep "$((1 + AMAS_INDEX % 2))"
			echo "$AMAS_INDEX $(host amas/time) $(
				amas-call -r -- "local://b/$((AMAS_INDEX % 2))" carry \
					"$AMAS_SELF" "$i") $(
				amas-call -- "local://b/$((2 + i % 2))" tell "$AMAS_SELF") $(
				amas-call -- local://c/0 count)"
		done'
	program walker/took 'echo "$1" >>"$AMAS_STATE/took"
		wc -l <"$AMAS_STATE/took"'
	python_worker porter.worker <<-'END'
	todo = []
	call = None
	send(0, 0, ['amas/sleep', [1], {}])
	for line in sys.stdin:
	    kind, n, rest = json.loads(line)
	    if kind == 0 and rest[0] == 'carry':
	        todo.append((n, rest[1]))
	    elif kind == 0:
	        send(1, n, None)
	    elif call is not None:
	        send(1, call, 'brought %s' % rest)
	        call = None
	    if call is None and todo:
	        call, (url, what) = todo.pop(0)
	        send(0, call, ['amas/call', [url, 'took', [what], {}], {}])
	END
	python_worker crier.shared <<-'END'
	asked, n_asked = {}, 0
	def sync():
	    return 'async' if asked else None
	for line in sys.stdin:
	    kind, n, rest = json.loads(line)
	    if kind:
	        send(1, asked.pop(n), rest)
	    elif rest[0].endswith('/tell'):
	        n_asked += 1
	        asked[n_asked] = n
	        send(0, n_asked, ['amas/call', ['local://c/1', 'count', [], {}], {}])
	    elif rest[0] == 'amas/sync':
	        send(1, n, 'async')
	    else:
	        send(1, n, None)
	END
	counters=$AMAS_EXAMPLES/counter_plugin.so
	town=(local://a w:4=./walker + local://b ./porter.worker
		porter=./porter.worker + local://c)
	town=(local://a w:4=./walker + local://b p:2=./porter.worker
		c:2=./crier.shared + local://c n:2="$counters")
}

# same_runs N COMMAND...: N runs print the same and leave the same trace; the
# first one's are kept.
same_runs() {
	local count=$1

	shift
	for _ in $(seq "$count"); do
		run -0 --separate-stderr t "$@"
		printf '%s\n' "$output" >out.now
		[ -e trace.first ] || cp trace trace.first
		[ -e out.first ] || cp out.now out.first
		diff out.first out.now
		cmp trace.first trace
	done
}

@test "time: local://: agents of all kinds, one order in every run" {
	town
	same_runs 8 amas-container --tag --trace trace "${town[@]}"
	equal '' "$stderr"
	equal 12 "$(grep -c brought out.first)"
	equal '0 1 2 3' "$(sed -n 's/^local:\/\/a\/[0-9]: \([0-9]\).*/\1/p' \
		out.first | sort -u | paste -sd ' ')"
	# Time never falls, and no token, process or folder is told.
	jq -s -e 'map(.t) == (map(.t) | sort)' trace.first
	run ! grep -E 'pid:|/tmp/|[0-9a-f]{32}' trace.first
}

# busy: keeps a processor busy until it is killed, a minute at most; $!.
busy() {
	timeout 60 sh -c 'while :; do :; done' 3>&- &
	caller $!
}

# ring [COMMAND...]: five elections of the example, by it, with the stored trace.
ring() {
	local ring=$AMAS_ROOT/scripts/examples/ring n

	for n in 1 2 3 4 5; do
		t "$@" "$ring/run" --trace "$tmp/ring" local://ring \
			>/dev/null
		diff "$ring/trace" "$tmp/ring"
	done
}

@test "time: local://: the order is the same on a machine that is busy" {
	town
	same_runs 1 amas-container --tag --trace trace "${town[@]}"
	same_runs 2 nice amas-container --tag --trace trace "${town[@]}"
	same_runs 1 amas-container -j 1 --tag --trace trace "${town[@]}"
	if command -v taskset >/dev/null && taskset -c 0 true; then
		same_runs 2 taskset -c 0 amas-container --tag --trace trace \
			"${town[@]}"
		ring taskset -c 0
	fi
	ring nice
	busy
	busy
	ring
	same_runs 2 amas-container --tag --trace trace "${town[@]}"
}

@test "time: local://: agents that die, at the same time in every run" {
	town
	python_worker mortal.worker <<-'END'
	n_lives = int(open(os.environ['AMAS_STATE'] + '/lives', 'a+').tell())
	open(os.environ['AMAS_STATE'] + '/lives', 'a').write('x')
	for line in sys.stdin:
	    kind, n, rest = json.loads(line)
	    if rest[0] == 'die':
	        sys.exit(3)
	    if rest[0] != 'hang':
	        send(1, n, n_lives if rest[0] == 'lives' else None)
	END
	agent killer 'for i in 1 2; do host amas/sleep 1
		amas-call -- local://d/0 die 2>&1 | tail -n 1
		amas-call -- local://d/0 lives
		host amas/time; done'
	agent victim 'host amas/sleep 0.5; amas-call -- local://d/0 hang 2>&1 |
		tail -n 1'
	same_runs 4 amas-container --tag --trace trace "${town[@]}" + \
		local://d ./mortal.worker + local://e v:3=./victim ./killer
	equal 'local://e/0: worker mortal/0: exit status 3
local://e/1: worker mortal/0: exit status 3
local://e/2: worker mortal/0: exit status 3' \
		"$(grep '^local://e/[012]: [^0-9]' out.first)"
	equal 'local://e/3: worker mortal/0: exit status 3
local://e/3: 1
local://e/3: 1.0
local://e/3: worker mortal/0: exit status 3
local://e/3: 2
local://e/3: 2.0' "$(grep '^local://e/3: .' out.first)"
	simulate "${town[@]}" + local://d ./mortal.worker + local://e ./killer
	equal 'amas-container: mortal/0: exit status 3; starts again at once
amas-container: mortal/0: exit status 3; starts again in 0.2s' \
		"$(grep 'starts again' err)"
}

@test "time: local://: agents that are spawned and stopped in a simulation" {
	town
	agent maker 'for i in 1 2; do url=$(host amas/spawn x "$i"); echo "$url"; done
		host amas/sleep 1.5
		amas-call -- local://m/0 spawn x 1 | jq -r ".[1]"
		host amas/stop "$url"
		host amas/sleep 50; host amas/agents | jq length'
	same_runs 4 amas-container --tag --trace trace --manager \
		--class x=./walker local://m ./maker + "${town[@]}"
	[[ $(grep '^local://m/1: [^0-9]' out.first) == 'local://m/1: local://m/2
local://m/1: local://m/3
local://m/1: local://m/4' ]]
	equal 'local://m/1: 4' "$(tail -n 1 out.first)"
}

@test "time: local://: what a handler leaves in the background is named" {
	program folder/leaves '
		(read _ <"$AMAS_STATE/go"; amas-call "$AMAS_PARENT" amas/time
			echo told >"$AMAS_STATE/told") >/dev/null 2>&1 &
		echo left'
	program folder/init 'mkfifo "$AMAS_STATE/go" "$AMAS_STATE/told"'
	program folder/lets 'echo >"$AMAS_STATE/go"; cat "$AMAS_STATE/told"'
	agent calls 'amas-call -r -- local://a/0 leaves; host amas/sleep 1
		amas-call -r -- local://a/0 lets'
	run -0 simulate local://a ./folder ./calls
	equal $'left\ntold' "$output"
	equal 'amas-container: refused: a request without a token of a process that runs: a job that one left behind?' "$(cat err)"
}

# need_tree: skips where the system does not tell what a program started.
need_tree() {
	[ -r "/proc/$$/task/$$/children" ] || skip 'no children in /proc'
	[[ $AMAS_BUILD != */portable ]] || skip 'this build does not look'
}

# sleepers WANTED [ARG...]: runs of an agent that sleeps twice at a time.
sleepers() {
	for _ in 1 2 3 4; do
		run -0 simulate "${@:2}" ./sleepers
		equal "$1" "$output"
		run -0 taskset -c 0 "$(type -P amas-container)" "${@:2}" \
			./sleepers 2>err
		equal "$1" "$(grep -v '^\(local\|ipc\)://[^ ]*/$' <<<"$output" |
			grep -v '^amas-container: ')"
	done
}

@test "time: an agent that sleeps twice at a time, whichever comes first" {
	need_tree
	busy
	agent sleepers '(amas-clock sleep 5; echo "bg $(amas-clock time)") &
		amas-clock sleep 10; echo "fg $(amas-clock time)"'
	sleepers $'bg 5\nfg 10' local://a
	sleepers $'bg 5\nfg 10' --clock sim ./s
	agent sleepers '(i=0; while [ $i -lt 5000 ]; do i=$((i + 1)); done
			amas-clock sleep 10; echo "bg $(amas-clock time)") &
		amas-clock sleep 5; amas-clock sleep 7
		echo "fg $(amas-clock time)"'
	sleepers $'bg 10\nfg 12' local://a
	sleepers $'bg 10\nfg 12' --clock sim ./s
	run -1 simulate --strict local://a ./sleepers
	equal 'amas-container: sleepers/0/run: speaks on two connections at a time: another run may go another way' \
		"$(head -n 1 err)"
}

@test "time: a handler that sleeps twice at a time; a child that nobody awaits" {
	need_tree
	mkdir naps
	program naps/nap 'host amas/sleep 5 & host amas/sleep 3; wait
		host amas/time'
	agent calls 'amas-call -- local://a/0 nap'
	for _ in 1 2 3 4; do
		run -0 simulate local://a ./naps + local://b ./calls
		equal 5.0 "$output"
	done
	mkdir dead
	cat >dead/run <<-'END'
	#!/usr/bin/python3
	import os, subprocess
	child = subprocess.Popen(['true'])
	os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
	subprocess.run(['amas-clock', 'sleep', '5'])
	print('slept', flush=True)
	END
	chmod +x dead/run
	run -0 simulate local://a ./dead
	equal slept "$output"
}

@test "time: local://: batches of an agent" {
	program folder/naps 'host amas/sleep "$1"; echo "$1"'
	agent batch 'seq 4 | sed "s/.*/[\"naps\", [&]]/" >"$AMAS_STATE/in"
		for n in 64 1; do
			amas-call -P "$n" -B local://b/0 <"$AMAS_STATE/in"
			host amas/time; done'
	same_runs 4 amas-container --parallel --trace trace local://a ./batch + \
		local://b ./folder
	equal '[1, 1, 1]
[1, 2, 2]
[1, 3, 3]
[1, 4, 4]
4.0
[1, 1, 1]
[1, 2, 2]
[1, 3, 3]
[1, 4, 4]
14.0' "$(grep -v '^local:' out.first)"
}

@test "time: local://: who is awake is not overtaken by what he sent" {
	agent batch '{
			echo "[\"tell\", [1]]"
			for _ in 1 2 3 4 5 6 7 8 9; do env true; done
			echo "[\"tell\", [2]]"
		} | amas-call -B local://b/0'
	run -0 t amas-container --trace trace local://a ./batch + \
		local://b ./folder
	equal 'amas/batch amas/call amas/call amas/batch validate_aid
agents/0/tell agents/0/tell' \
		"$(jq -r 'select(.m[0] == 0) | .m[2][0]' trace | xargs -n 5)"
}

# ---- The system's clock ----

@test "time: 73: the system's clock is set by days: sleepers keep their spacing" {
	cat >days.c <<-'END'
	#define _GNU_SOURCE
	#include <dlfcn.h>
	#include <time.h>
	/* Each look at the date is a day later or earlier than the last. */
	int
	clock_gettime(clockid_t id, struct timespec *t)
	{
		static int (*real)(clockid_t, struct timespec *);
		static unsigned n;
		int rc;

		if (real == NULL)
			*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
		rc = real(id, t);
		if (rc == 0 && id == CLOCK_REALTIME)
			t->tv_sec += n++ % 2 != 0 ? 86400 : -86400;
		return rc;
	}
	END
	"${CC:-cc}" -shared -fPIC -o days.so days.c
	agent sleeper 'for i in 1 2 3; do host amas/sleep 0.1; done
		host amas/utcnow >"'"$tmp/date"'"; echo done'
	ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$tmp/days.so \
		t amas-container --until-done ./s ./sleeper >out
	equal 'done' "$(sed -n 2p out)"
	run ! grep -q "^$(date -u +%F)" date # it was set, indeed
}
