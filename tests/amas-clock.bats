# amas-clock: alone, in an agent, with Python's containers, and frame by frame
# with scripted ones.  The numbers are those of the list of faults that the
# project keeps.

load helper
load tools/raw

setup() {
	make_tmp
	cd "$tmp"
	addr=none pid=0 err=none
}

clock() {
	run --separate-stderr t amas-clock "$@"
}

# says STATUS OUTPUT ERRORS ARG...: all that amas-clock does with these arguments.
says() {
	clock "${@:4}"
	equal "$1 $2|$3" "$status $output|$stderr"
}

# python_clock NAME [START [INIT]]: a container of Python's with a clock to be
# set, at ./NAME; sets $py.  Agent 0 is its manager, agent 1 sleeps.
python_clock() {
	"$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/agents.py" "$tmp/$1" \
		--clock external "${@:2}" >"$1.url" 2>"$1.err" 3>&- &
	py=$!
	caller "$py"
	until [ -s "$1.url" ]; do
		kill -0 "$py"
	done
}

# times: of each line of the last run, on one.
times() {
	jq -c .time <<<"$output" | paste -sd ' '
}

# host FUNCTION=SOURCE...: a host that answers these functions; sets AMAS_PARENT.
host() {
	start amas-serve --codec msgpack ./h "${@/#/agents/token/amas/}"
	export AMAS_PARENT="ipc://$tmp/h//token"
}

# fakes <<'END': as raw, with scripted containers.
fakes() {
	raw "$@" < <(
		cat <<-'END'
		class Fake:
		    """A container; number n is at ./n."""
		    def __init__(self, n, time=0, next=None, python=False):
		        self.name = f'./{n}'
		        self.listener = listen(f'{tmp}/{n}')
		        self.time, self.next, self.python = time, next, python

		    def open(self):
		        self.peer = self.listener.accept()
		        id = self.gets('agents/0/next')
		        if self.python:
		            self.fail(id, 'LookupError: Name "next" not found in '
		                      '"agents/0"')
		            return
		        self.reply(id, self.next)
		        self.reply(self.gets('amas/time'), self.time)
		        self.reply(self.gets('amas/utcnow'),
		                   '2016-01-01T00:00:%02d+00:00' % self.time)

		    def rest(self):
		        """At the time that it has, before the first step."""
		        if not self.python:
		            self.reply(self.gets('agents/0/idle'), [0, self.next])

		    def gets(self, path, *args):
		        kind, id, content = self.peer.recv()
		        assert [kind, content] == [0, [path, list(args), {}]], content
		        return id

		    def reply(self, id, value):
		        self.peer.send(frame([1, id, value]))

		    def fail(self, id, text):
		        self.peer.send(frame([2, id, text]))

		    def step(self, t, next=None):
		        self.reply(self.gets('agents/0/step', t), [0, next])

		    def wake(self, id):
		        self.peer.send(request(id, 'amas/wake'))


		def clock(containers, *argv, **options):
		    c = start('amas-clock', *argv, *(f.name for f in containers),
		              **options)
		    for f in containers:
		        f.open()
		    for f in containers:
		        f.rest()
		    return c


		def ended(c, status, times, errors=''):
		    got, out, err = c.wait()
		    got_times = [json.loads(line) for line in out.splitlines()]
		    got_times = [x['time'] if isinstance(x, dict) else x
		                 for x in got_times]
		    assert (got, got_times, err) == (status, times, errors), \
		        (got, out, err)
		END
		cat
	)
}

# ---- Alone ----

@test "amas-clock: alone it is the machine's clock" {
	local before after

	before=$(date +%s)
	clock time
	after=$(date +%s)
	[ "$status$stderr" = 0 ]
	((before <= output && output <= after))
	clock date
	[[ $output =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}\+00:00$ ]]
	says 0 '100%' '' date +100%%
	says 0 '' '' date +
	clock date +%s
	((output >= before))
}

@test "amas-clock: alone it waits as long as it is told" {
	local before after

	before=$(date +%s%N)
	says 0 '' '' sleep 30ms
	says 0 '' '' until "$(date -u -d '+3 seconds' +%FT%TZ)"
	after=$(date +%s%N)
	((after - before >= 30000000))
	says 1 '' 'amas-clock: until: Date "2016-01-01" is in the past' until 2016-01-01
	says 1 '' 'amas-clock: until: 5 seconds since 1970 are in the past' until 5
	says 124 '' 'amas-clock: sleep: deadline of 0.01 s passed while waiting' \
		-t 10ms sleep 1h
	says 2 '' 'amas-clock: sleep: "x" is no duration' sleep x
	says 2 '' 'amas-clock: sleep: "-1" is no duration' sleep -- -1
	says 0 '' '' sleep -- 0
	says 2 '' 'amas-clock: until: "noon" is no time' until noon
	for word in in at; do
		says 2 '' "amas-clock: $word: is for agents: AMAS_PARENT is not set" \
			"$word" 5 f
	done
	says 2 '' 'amas-clock: cancel: is for agents: AMAS_PARENT is not set' cancel 5
}

@test "amas-clock: wrong use is one line, status 2" {
	local usage='usage: amas-clock [options] COMMAND [ADDR...]'

	says 2 '' $'amas-clock: no COMMAND, such as time, set or run\n'"$usage"
	says 2 '' 'amas-clock: nap: is no command' nap
	says 2 '' $'amas-clock: sleep needs DUR\n'"$usage" sleep
	says 2 '' $'amas-clock: run needs ADDR\n'"$usage" run
	says 2 '' $'amas-clock: run needs ADDR\n'"$usage" run --step 5
	says 2 '' $'amas-clock: set needs TIME and ADDR\n'"$usage" set 5
	says 2 '' 'amas-clock: 5: is one operand too many for sleep' sleep 5 5
	says 2 '' 'amas-clock: x: is no +FMT' date x
	says 2 '' 'amas-clock: --step: "x" is no duration' run --step x ./x
	says 2 '' 'amas-clock: --step: 0 is less than a microsecond' \
		run --step 0 ./x
	says 2 '' 'amas-clock: --next: does not go with --step' \
		run --next --step 5 ./x
	says 2 '' 'amas-clock: --strict: needs --rate' run --strict ./x
	says 2 '' 'amas-clock: --rate: "0" is no number above 0' run --rate 0 ./x
	says 2 '' 'amas-clock: --do: does not go with feed' feed --do : ./x
	says 2 '' 'amas-clock: -w: does not go with time' -w 5 time
	says 2 '' 'amas-clock: --stop: does not go with set' set --stop 5 ./x
	says 2 '' 'amas-clock: --until: "x" is no time' run --until x ./x
	says 2 '' 'amas-clock: --foo: no such option' run --foo ./x
	says 2 '' 'amas-clock: @-: standard input has the times' feed @-
	says 2 '' 'amas-clock: ./x: is given twice' run ./x ./x
	says 2 '' 'amas-clock: tcp://:5/0: is no container, but something in one' \
		run tcp://:5/0
	says 3 '' 'amas-clock: ./x: No such file or directory' run ./x
}

# ---- In an agent ----

@test "amas-clock: in an agent the host tells the time" {
	start amas-serve ./s 'now=exec:amas-clock time'
	run -0 t amas-call "$addr" now
	[[ $output =~ ^[0-9]+(\.[0-9]+)?$ ]]
	host time='exec:echo 60.5' 'utcnow=exec:echo 2016-01-01T00:01:00.5+00:00'
	says 0 60.5 '' time
	says 0 2016-01-01T00:01:00.5+00:00 '' date
	says 0 'Fri 00:01' '' date '+%a %H:%M'
}

@test "amas-clock: in an agent the host waits, calls and forgets" {
	host sleep='json:cat >log' sleep_until='json:cat >log' \
		call_in='json:cat >log; echo 7' call_at='json:cat >log; echo 8' \
		'cancel=json:cat >log; echo true'
	says 0 '' '' sleep 2m
	same '[[120], {}]' "$(cat log)"
	says 0 '' '' sleep 250ms
	same '[[0.25], {}]' "$(cat log)"
	says 0 '' '' until 70
	same '[[70], {}]' "$(cat log)"
	says 0 '' '' until 2016-01-01T01:00+01:00
	same '[["2016-01-01T01:00+01:00"], {}]' "$(cat log)"
	says 0 7 '' in 1h tell 5 ==5 -x k=null ':=[1]'
	same '[[3600, "tell", 5, "5", "-x", [1]], {"k": null}]' "$(cat log)"
	says 0 8 '' at 2016-01-02 tell
	same '[["2016-01-02", "tell"], {}]' "$(cat log)"
	says 0 true '' cancel 7
	same '[[7], {}]' "$(cat log)"
}

@test "amas-clock: in an agent, failures, deadlines and a host that is gone" {
	mkfifo never
	host 'sleep=exec:read -r x <never' \
		'time=exec:echo "ValueError: no" >&2; exit 1' 'utcnow=exec:echo soon'
	clock time
	equal 1 "$status"
	[[ $stderr == 'amas-clock: time: '*'ValueError: no' ]]
	says 5 '' "amas-clock: date: the host's answer is odd" date
	says 124 '' 'amas-clock: sleep: deadline of 0.05 s passed while waiting' \
		-t 50ms sleep 1
	says 2 '' 'amas-clock: sleep: "x" is no duration' sleep x
	says 2 '' 'amas-clock: at: "x" is no time' at x f
	export AMAS_PARENT="ipc://$tmp/gone//token"
	says 3 '' "amas-clock: AMAS_PARENT=$AMAS_PARENT: No such file or directory" time
}

# ---- Python's containers ----

@test "amas-clock: run steps two Python containers, in lines" {
	need_peer
	python_clock a
	python_clock b 2016-01-01 -1
	clock run --step 10 --until 25 ./a ./b
	equal 0 "$status"
	equal '10 20' "$(times)"
	jq -e '.wall >= 0 and (.slowest == "./a" or .slowest == "./b")' \
		<<<"$output" >/dev/null
	equal 20 "$(t amas-call "$(cat b.url)1" time)"
	# the next begins where nobody tells: behind 0
	says 1 '' 'amas-clock: ./a: ValueError: Time must be > 20 but is 1' run ./a
	clock run --from 20 --step 10 --until 40 ./a
	equal '30 40' "$(times)"
	says 1 '' 'amas-clock: --until: 5 is over: it is 20' \
		run --from 20 --until 5 ./a
}

@test "amas-clock: run drives what aiomas begins at 0, or --from says" {
	need_peer
	python_clock a 2016-01-01 0
	python_clock b 2016-01-01 -1
	clock run --until 2 ./a
	equal '0 1 2' "$status $(times)"
	clock run --from -1 --until 1 ./b
	equal '0 0 1' "$status $(times)"
	says 2 '' 'amas-clock: --next: does not go with --from' \
		run --from 1 --next ./b
	says 2 '' 'amas-clock: --from: a date means nothing here: no container tells its own' \
		run --from 2016-01-02 ./b
}

@test "amas-clock: run from where containers are, and not before" {
	fakes <<-'END'
	a = Fake('a', time=3)
	c = clock([a], 'run', '--from', '1', '--until', '4')
	a.step(4)
	ended(c, 0, [4])
	a = Fake('b', time=3)
	c = clock([a], 'run', '--step', '5', '--from', '2016-01-01T00:00:12',
	          '--until', '2016-01-01T00:00:20')
	a.step(15)
	a.step(20)
	ended(c, 0, [15, 20])
	a = Fake('c', time=3)
	c = start('amas-clock', 'run', '--until', '2016-01-01T00:00:02', a.name)
	a.open()
	ended(c, 1, [], 'amas-clock: --until: 2 is over: it is 3\n')
	END
}

@test "amas-clock: Until is inclusive, and steps are whole multiples" {
	need_peer
	python_clock a
	clock run --step 100ms --until 1 ./a
	equal '0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1' "$(times)"
	python_clock b
	clock run --until 2.9 ./b
	equal '1 2' "$(times)"
}

@test "amas-clock: sleepers of Python wake at their time" {
	need_peer
	python_clock a
	says 0 '' '' set 0 ./a
	t amas-call "$(cat a.url)1" nap 12 >woken &
	caller $!
	until [ "$(t amas-call "$(cat a.url)1" sleepers)" = 1 ]; do :; done
	printf '%s\n' 5 10 | t amas-clock feed ./a
	equal 1 "$(t amas-call "$(cat a.url)1" sleepers)"
	says 0 '' '' set 15 ./a
	wait $!
	forget $!
	equal 15 "$(cat woken)"
}

@test "amas-clock: feed grants what it is told" {
	need_peer
	python_clock a
	run -0 --separate-stderr bash -c 'printf "%s\n" 0 " 2.5 " 7e1 100 |
		amas-clock feed --stop ./a'
	equal $'0\n2.5\n70\n100' "$output"
	wait "$py"
	forget "$py"
}

@test "amas-clock: feed ends at a line that is no time; what was granted stays" {
	need_peer
	python_clock a
	run -4 --separate-stderr bash -c 'printf "%s\n" 0 5 soon 7 |
		amas-clock feed ./a'
	equal $'0\n5' "$output"
	equal 'amas-clock: standard input: line 3: is no time' "$stderr"
	equal 5 "$(t amas-call "$(cat a.url)1" time)"
	run -4 --separate-stderr bash -c 'printf "%s\n" 6 6 |
		amas-clock feed ./a'
	equal 'amas-clock: standard input: line 2: Time must be > 6 but is 6' "$stderr"
	run -4 --separate-stderr bash -c 'printf "\n" | amas-clock feed ./a'
	run -4 --separate-stderr bash -c 'echo 2016-01-01 | amas-clock feed ./a'
	[[ $stderr == *'line 1: a date means nothing here'* ]]
	run -6 --separate-stderr t amas-clock feed ./a <.
	equal 'amas-clock: standard input: Is a directory' "$stderr"
	says 0 '' '' feed ./a </dev/null
}

@test "amas-clock: 71: times that are none, or do not grow" {
	local t

	need_peer
	python_clock a 2016-01-01 10
	for t in nan NaN inf Infinity x '' 0x5 1e 5s; do
		says 2 '' "amas-clock: set: \"$t\" is no time" set "$t" ./a
	done
	for t in 1e308 9007199254740993e3 -1e17; do
		says 2 '' "amas-clock: set: \"$t\" is too far away" set "$t" ./a
	done
	for t in 10 9.5 -1 -- 0; do
		[ "$t" != -- ] || continue
		says 1 '' "amas-clock: ./a: ValueError: Time must be > 10 but is $t" \
			set "$t" ./a
	done
	equal 10 "$(t amas-call "$(cat a.url)1" time)"
	says 0 '' '' set 10.5 ./a
	equal 10.5 "$(t amas-call "$(cat a.url)1" time)"
}

@test "amas-clock: 74: Python's that do not answer are named, then it is over" {
	need_peer
	mkfifo go
	python_clock a
	python_clock b
	t amas-call "$(cat a.url)1" block "$tmp/go" >/dev/null &
	caller $!
	exec 5>go		# it has opened it, too
	clock run --lag 50ms -t 100ms ./b ./a
	equal '124 ' "$status $output"
	equal 'amas-clock: ./a: first question: has not answered for T s
amas-clock: ./a: first question: no answer within T s' \
		"$(sed 's/0\.[0-9] s$/T s/' <<<"$stderr")"
	exec 5>&-
	wait $!
	forget $!
	says 0 '' '' set 100 ./a ./b
}

@test "amas-clock: containers that are none, or have no manager" {
	need_peer
	start amas-serve ./s 'f=exec:echo'
	says 1 '' 'amas-clock: ./s: first question: that is no container' run ./s
	fakes <<-'END'
	a = Fake('a')
	c = start('amas-clock', 'run', './a')
	a.peer = a.listener.accept()
	a.fail(a.gets('agents/0/next'), 'LookupError: Name "0" not found in "agents"')
	ended(c, 1, [], 'amas-clock: ./a: first question: there is no agent 0, no '
	      'manager\n')
	END
	mkdir folder
	printf '#!/bin/sh\necho\n' >folder/tell
	chmod +x folder/tell
	start amas-container ./d ./folder
	clock run ./d
	equal 1 "$status"
	[[ $stderr == *'"set_time" not found in "agents/0"' ]]
	start amas-container --manager ./f
	ln -s f g
	says 2 '' 'amas-clock: ./g: is the same container as ./f' run ./f ./g
	says 3 '' 'amas-clock: ./x: No such file or directory' run ./f ./x
}

# ---- Addresses ----

@test "amas-clock: addresses of files, waited for and counted" {
	need_peer
	python_clock a
	python_clock b
	printf '\n %s \n./b' ./a >list
	clock set --expect 2 5 @list
	equal 0 "$status"
	says 2 '' 'amas-clock: --expect: there are 2 addresses, not 1' \
		set --expect 1 6 @list
	says 3 '' 'amas-clock: --expect: there are 2 of 3 addresses' \
		set --expect 3 6 @list
	says 3 '' 'amas-clock: --expect: there are 1 of 3 addresses' \
		set --expect 3 -w 100ms 6 @list
	says 0 '' '' set --expect 2 -w 30 6 @- < <(printf '%s\n' ./a ./b)
	says 6 '' 'amas-clock: nothing: No such file or directory' set 7 @nothing
	: >empty
	says 4 '' 'amas-clock: @empty: names no container' set 7 @empty
	echo localhost:x >bad
	clock set 7 @bad
	equal 4 "$status"
	[[ $stderr == 'amas-clock: bad:1: localhost:x: '* ]]
	t amas-clock set --expect 2 -w 30 8 @late &
	caller $!
	echo ./a >late
	echo ./b >>late
	wait $!
	forget $!
	equal 8 "$(t amas-call "$(cat b.url)1" time)"
}

# ---- Frame by frame ----

@test "amas-clock: a step of all: Python's first, then all others at once" {
	fakes <<-'END'
	p, a, b = Fake('p', python=True), Fake('a', 5), Fake('b', 7.5)
	c = clock([p, a, b], 'run', '--step', '10', '--until', '20')
	id = p.gets('agents/0/set_time', 10)
	a.peer.quiet()
	# Woken by Python at that time: answered when the step has been sent.
	a.wake(50)
	a.peer.taken()
	p.reply(id, None)
	ida = a.gets('agents/0/step', 10)
	idb = b.gets('agents/0/step', 10)
	assert a.peer.recv() == [1, 50, None]
	a.reply(ida, [3, 15.5])
	# Parked, it gets something from b, which has not confirmed yet.
	a.wake(51)
	assert a.peer.recv() == [1, 51, None]
	ida = a.gets('agents/0/idle')
	# A reply before the wake that follows it.
	a.peer.send(frame([1, ida, [1, None]]) + request(52, 'amas/wake'))
	assert a.peer.recv() == [1, 52, None]
	ida = a.gets('agents/0/idle')
	b.reply(idb, [1, None])
	p.peer.quiet()                  # what is next waits for a
	a.reply(ida, [0, None])
	p.reply(p.gets('agents/0/set_time', 20), None)
	a.step(20), b.step(20)
	ended(c, 0, [10, 20])
	END
}

@test "amas-clock: a container that is active is not told to go on" {
	fakes <<-'END'
	a = Fake('a')
	c = clock([a], 'run', '--until', '1')
	id = a.gets('agents/0/step', 1)
	a.wake(9)
	assert a.peer.recv() == [1, 9, None]
	a.peer.quiet()
	assert c.process.poll() is None
	a.reply(id, [0, None])
	ended(c, 0, [1])
	END
}

@test "amas-clock: between steps it serves whoever is woken" {
	mkfifo go
	fakes <<-'END'
	a = Fake('a')
	c = clock([a], 'run', '--until', '2', '--do', 'read -r x <go')
	a.step(1)
	a.wake(9)
	assert a.peer.recv() == [1, 9, None]
	id = a.gets('agents/0/idle')
	with open(tmp + '/go', 'w') as f:
	    f.write('go\n')
	a.peer.quiet()
	a.reply(id, [1, None])
	a.step(2)
	with open(tmp + '/go', 'w') as f:
	    f.write('go\n')
	ended(c, 0, [1, 2])
	END
}

@test "amas-clock: --next goes to the earliest sleeper of all" {
	fakes <<-'END'
	a, b = Fake('a', 0, 3), Fake('b', 2)
	c = clock([a, b], 'run', '--next', '--until', '50.5')
	a.step(2, 3.5), b.step(2)       # to one time, before anything is said
	a.step(3.5, 60), b.step(3.5, 50.5)
	a.step(50.5, 60), b.step(50.5, 55)
	ended(c, 0, [3.5, 50.5])
	c = clock([a, b], 'run', '--next')
	a.step(2), b.step(2, 9)
	a.step(9), b.step(9)
	ended(c, 0, [9])
	p = Fake('p', python=True)
	c = clock([a, p], 'run', '--next')
	ended(c, 1, [], 'amas-clock: ./p: cannot tell who sleeps there: --next is '
	      'for containers of amas\n')
	END
}

@test "amas-clock: dates are those of a container that tells its own" {
	fakes <<-'END'
	a = Fake('a', 5)
	c = clock([a], 'set', '2016-01-01T00:01Z')
	a.step(60)
	ended(c, 0, [])
	c = clock([a], 'run', '--step', '30', '--until', '2016-01-01T01:01:00.5+01:00')
	a.step(30), a.step(60)
	ended(c, 0, [30, 60])
	c = clock([a], 'set', '5')
	ended(c, 1, [], 'amas-clock: ./a: ValueError: Time must be > 5 but is 5\n')
	r, w = os.pipe()
	c = start('amas-clock', 'feed', './a', stdin=r)
	a.open(), a.rest()
	os.write(w, b'6.25\n2016-01-01T00:00:07\n7')
	a.step(6.25), a.step(7)
	os.close(w)
	ended(c, 4, [6.25, 7], 'amas-clock: standard input: line 3: Time must be > '
	      '7 but is 7\n')
	END
}

@test "amas-clock: 74: who holds a step up is named, down to agent and call" {
	fakes <<-'END'
	a, b, p = Fake('a'), Fake('b'), Fake('p', python=True)
	c = clock([a, b, p], 'run', '--until', '2', '--lag', '0.1')
	until(lambda: b'set_time' in os.pread(c.err.fileno(), 999, 0))
	p.reply(p.gets('agents/0/set_time', 1), None)
	a.step(1)
	id = b.gets('agents/0/step', 1)
	b.reply(id, [0, None])
	p.reply(p.gets('agents/0/set_time', 2), None)
	a.step(2)
	id = b.gets('agents/0/step', 2)
	b.reply(b.gets('amas/awake'), [
	    {'agent': '3', 'what': 'spam waits for\x1b amas/wait', 'since': 5.25}])
	until(lambda: b'agent 3' in os.pread(c.err.fileno(), 999, 0))
	a.peer.quiet()
	b.reply(id, [0, None])
	status, out, errors = c.wait()
	lines = errors.splitlines()
	assert (status, len(lines)) == (0, 2), errors
	assert re.fullmatch(r'amas-clock: ./p: step 1: has not answered set_time '
	                    r'for 0\.\d s', lines[0]), lines
	assert lines[1] == (r'amas-clock: ./b: step 2: agent 3: spam waits for'
	                    r'\x1b amas/wait for 5.2 s'), lines
	END
}

@test "amas-clock: 74: a step that takes too long is status 124" {
	fakes <<-'END'
	a, b = Fake('a'), Fake('b')
	c = clock([a, b], 'run', '-t', '0.1')
	a.step(1)
	b.gets('agents/0/step', 1)
	b.reply(b.gets('amas/awake'), [])
	status, out, errors = c.wait()
	assert (status, out) == (124, ''), (status, out)
	assert re.fullmatch(r'amas-clock: ./b: step 1: is not at rest for '
	                    r'0\.\d s\n', errors), errors
	a.peer.closed()
	# One that answers nothing at all; one that does not tell what it is.
	c = clock([a, b], 'run', '-t', '0.2', '--lag', '0.1', '--stop')
	a.step(1)
	b.gets('agents/0/step', 1)
	status, out, errors = c.wait()
	assert status == 124 and len(errors.splitlines()) == 1, errors
	a.peer.closed()
	c = start('amas-clock', 'run', '-t', '0.1', './a')
	peer = a.listener.accept()
	status, out, errors = c.wait()
	assert status == 124, errors
	assert errors.startswith('amas-clock: ./a: first question: has not '
	                         'answered for'), errors
	END
}

@test "amas-clock: containers that fail, close, or answer oddly" {
	fakes <<-'END'
	a, b = Fake('a'), Fake('b')
	c = clock([a, b], 'run')
	a.fail(a.gets('agents/0/step', 1), 'Traceback:\n  File\nValueError: no\n')
	ended(c, 1, [], 'amas-clock: ./a: ValueError: no\n')
	c = clock([a, b], 'run')
	a.gets('agents/0/step', 1)
	a.peer.close()
	status, out, errors = c.wait()
	assert status == 5 and errors.startswith('amas-clock: ./a: step 1: '), errors
	for odd in [None, 5, [], [1], [1, 'x'], ['x', 1], [1, 2, 3]]:
	    c = clock([a, b], 'run')
	    a.reply(a.gets('agents/0/step', 1), odd)
	    ended(c, 5, [], 'amas-clock: ./a: step 1: the answer is not '
	          '[activity, next]\n')
	c = start('amas-clock', 'run', './a')
	a.peer = a.listener.accept()
	a.reply(a.gets('agents/0/next'), 'soon')
	ended(c, 1, [], 'amas-clock: ./a: first question: agent 0 is no manager\n')
	END
}

@test "amas-clock: --stop stops all, at an end in order" {
	fakes <<-'END'
	a, p = Fake('a'), Fake('p', python=True)
	c = clock([a, p], 'run', '--stop', '--until', '1')
	p.reply(p.gets('agents/0/set_time', 1), None)
	a.step(1)
	a.reply(a.gets('agents/0/stop'), None)
	id = p.gets('agents/0/stop')
	assert c.process.poll() is None
	p.peer.close()                  # that is its answer
	ended(c, 0, [1])
	END
}

# ---- Rate, command, signals ----

@test "amas-clock: --rate keeps to the time, and says once when it cannot" {
	local before after

	need_peer
	python_clock a
	before=$(date +%s%N)
	clock run --rate 50 --until 10 ./a
	after=$(date +%s%N)
	equal '1 2 3 4 5 6 7 8 9 10' "$(times)"
	((after - before >= 200000000))
	python_clock b
	clock run --rate 1e9 --until 9 ./b
	equal '0 9' "$status $(wc -l <<<"$output")"
	[[ $stderr =~ ^amas-clock:\ --rate:\ step\ 2\ is\ [0-9.]+\ s\ late$ ]]
	python_clock c
	clock run --rate 1e9 --strict --until 9 ./c
	equal '1 1' "$status $(wc -l <<<"$output")"
	[[ $stderr =~ ^amas-clock:\ --rate:\ step\ 2\ is\ .*\(--strict\)$ ]]
}

@test "amas-clock: --do runs after each step; a failure ends the run" {
	need_peer
	python_clock a
	clock run --step 0.5 --until 1 --do 'echo "[$AMAS_TIME]"' ./a
	equal $'[0.5]\n[1]' "$(grep '\[' <<<"$output")"
	equal '{[{[' "$(cut -c 1 <<<"$output" | tr -d '\n')"
	python_clock b
	clock run --do 'exit 3' ./b
	equal '1 1|amas-clock: --do: exit status 3' "$status $(times)|$stderr"
	python_clock c
	clock run --do 'kill -KILL $$' ./c
	equal '1 1|amas-clock: --do: killed by signal 9' "$status $(times)|$stderr"
}

@test "amas-clock: SIGUSR1 pauses and resumes, SIGUSR2 takes one step" {
	fakes <<-'END'
	a = Fake('a')
	c = clock([a], '-v', 'run', '--until', '4')
	id = a.gets('agents/0/step', 1)
	said = lambda text: until(
	    lambda: text in os.pread(c.err.fileno(), 9999, 0), text)
	c.process.send_signal(signal.SIGUSR1)
	said(b'paused at 0')
	a.reply(id, [0, None])
	lines = lambda n: until(
	    lambda: os.pread(c.out.fileno(), 9999, 0).count(b'\n') == n, n)
	lines(1)
	a.wake(3)                       # it is served all the same
	assert a.peer.recv() == [1, 3, None]
	a.reply(a.gets('agents/0/idle'), [0, None])
	c.process.send_signal(signal.SIGUSR2)
	a.step(2)
	lines(2)
	a.wake(4)
	assert a.peer.recv() == [1, 4, None]
	a.reply(a.gets('agents/0/idle'), [0, None])
	a.wake(5)
	assert a.peer.recv() == [1, 5, None]
	id = a.gets('agents/0/idle')
	a.peer.quiet()
	c.process.send_signal(signal.SIGUSR1)
	said(b'resumed at 2')
	a.reply(id, [0, None])
	a.step(3), a.step(4)
	assert c.wait()[0] == 0
	END
}

@test "amas-clock: SIGTERM ends it after the step, a second one at once" {
	fakes <<-'END'
	a = Fake('a')
	for how in signal.SIGTERM, signal.SIGINT:
	    c = clock([a], '-v', 'run')
	    a.step(1)
	    id = a.gets('agents/0/step', 2)
	    c.process.send_signal(how)
	    assert a.peer.sock.fileno() >= 0 and c.process.poll() is None
	    # what is woken meanwhile is answered: the signal was seen before
	    a.wake(3)
	    assert a.peer.recv() == [1, 3, None]
	    a.reply(id, [0, None])
	    status, out, errors = c.wait()
	    assert status == 0, errors
	    assert out.count('\n') == 2, out
	    a.peer.closed()
	c = clock([a], 'run')
	id = a.gets('agents/0/step', 1)
	c.process.send_signal(signal.SIGTERM)
	c.process.send_signal(signal.SIGINT)
	status, out, errors = c.wait()
	assert status in (128 + signal.SIGINT, 128 + signal.SIGTERM), status
	# Before anything has begun, and while a line is waited for.
	c = start('amas-clock', 'run', './a')
	peer = a.listener.accept()
	peer.recv()
	c.process.send_signal(signal.SIGTERM)
	ended(c, 0, [])
	r, w = os.pipe()
	c = start('amas-clock', 'feed', './a', stdin=r)
	a.open(), a.rest()
	os.write(w, b'5\n')
	a.step(5)
	until(lambda: os.pread(c.out.fileno(), 9999, 0) == b'5\n')
	c.process.send_signal(signal.SIGTERM)
	ended(c, 0, [5])
	END
}

@test "amas-clock: 79: output that nobody can take" {
	need_peer
	python_clock a
	run -6 --separate-stderr bash -c 'amas-clock run ./a >/dev/full'
	equal 'amas-clock: standard output: No space left on device' "$stderr"
	python_clock b
	set +o pipefail
	run -0 bash -c 'amas-clock run ./b | head -n 1; echo "${PIPESTATUS[0]}"'
	equal 141 "${lines[1]}"
	run -6 --separate-stderr bash -c 'amas-clock time >/dev/full'
	equal 'amas-clock: standard output: No space left on device' "$stderr"
}
