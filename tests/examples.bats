# The programs of scripts/examples do what they are for.

load helper

setup() {
	make_tmp
	examples=$AMAS_ROOT/scripts/examples
}

@test "examples: hello world, and one agent that calls another" {
	equal "ipc://[$tmp/s]/
My address is ipc://[$tmp/s]/0
Hello, World!" "$(t "$examples/hello/run-hello" "$tmp/s")"
	equal "ipc://[$tmp/s]/
ipc://[$tmp/s]/0 returned 0
ipc://[$tmp/s]/0 returned 1
ipc://[$tmp/s]/0 returned 2" "$(t "$examples/hello/run-callee" "$tmp/s")"
}

# python_agent: sets $url to that of an agent of aiomas.
python_agent() {
	mkfifo "$tmp/in"
	"$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/agents.py" "$tmp/py" \
		<"$tmp/in" >"$tmp/url" 2>/dev/null &
	caller $!
	exec 5>"$tmp/in"
	until [ -s "$tmp/url" ]; do :; done
	url=$(cat "$tmp/url")0
}

@test "examples: caller and callee, the callee in Python" {
	need_peer
	python_agent
	cd "$examples/hello"
	equal "ipc://[$tmp/s]/
$url returned 0
$url returned 1
$url returned 2" "$(echo "{\"class\": \"caller\", \"args\": [\"$url\"]}" |
		t amas-container --until-done --manager --class caller=./caller \
			-f - "$tmp/s")"
}

@test "examples: a contract net in five languages at the same time" {
	need_peer
	"${CC:-cc}" -std=c11 -Wall -Werror -shared -fPIC -I"$AMAS_ROOT/lib" \
		-o "$tmp/c.so" "$examples/contract-net/contractor.c"
	export CONTRACTOR_PLUGIN=$tmp/c.so
	# What a task of 0, 1 and 10 costs: sh 3t, awk 2t+5, lines 2t+7, C 2t+3.
	equal "ipc://[$tmp/s]/
best bid: 3
task 1 goes to a shell" "$(t "$examples/contract-net/run" "$tmp/s" 1)"
	equal "ipc://[$tmp/s]/
best bid: 23
task 10 goes to C" "$(t "$examples/contract-net/run" "$tmp/s" 10)"
	python_agent
	equal "ipc://[$tmp/s]/
best bid: 21
task 10 goes to aiomas" "$(t "$examples/contract-net/run" "$tmp/s" 10 "$url")"
	unset CONTRACTOR_PLUGIN
	equal "ipc://[$tmp/s]/
best bid: 25
task 10 goes to awk" "$(t "$examples/contract-net/run" "$tmp/s" 10)"
}

@test "examples: a thousand agents hear a rumour" {
	equal 'null
1000' "$(t "$examples/gossip/run" "$tmp/s" 1000)"
}

@test "examples: a market of shell agents over a simulated day" {
	cd "$tmp"
	timeout 90 "$examples/market/run" "$tmp/s" 2026-11-25 >day 2>steps
	equal 95 "$(wc -l <day)"
	equal '00:30 2 bids win at 24
17:15 2 bids win at 34
00:00 2 bids win at 34' "$(sed -n '1p; 68p; $p' day)"
	equal '96 900 86400' "$(sed -n '/^{"time"/p' steps |
		jq -s 'length, .[0].time, .[-1].time' | paste -sd ' ')"
}

@test "examples: times from a pipe drive the same sleeper" {
	t amas-container --manager --clock external --init-time -1 \
		--run 'seq 0 900 86400 | amas-clock feed "$AMAS_ADDR"' \
		"$tmp/s" "$examples/sleeper/sleeper" >"$tmp/out"
	equal "$(seq 0 900 86400)" "$(grep -v '[a-zA-Z]' "$tmp/out")"
}

@test "examples: a sleeper, on each clock" {
	equal 'local://a/
Gonna sleep ...
It is 2016-01-01T00:00:00.500000+00:00
It is 2016-01-01T00:00:01+00:00
It is 2016-01-01T00:00:01.500000+00:00' \
		"$(t "$examples/sleeper/run" --start 2016-01-01 local://a)"
	run -0 t "$examples/sleeper/run-external" "$tmp/s"
	equal 'Gonna sleep ...
It is 2016-01-01T00:00:00.500000+00:00
It is 2016-01-01T00:00:01+00:00
It is 2016-01-01T00:00:01.500000+00:00' "$(grep -v '^\[' <<<"$output")"
	equal '[0, null]' "${lines[-1]}"
	run -0 t "$examples/sleeper/run" --until-done "$tmp/s"
	equal 5 "${#lines[@]}"
	[[ ${lines[4]} == 'It is 2'*+00:00 ]]
}

@test "examples: a leader is elected, in one order if time is simulated" {
	t "$examples/ring/run" --trace "$tmp/trace" local://ring >"$tmp/out"
	equal '0: the leader is 6
2: the leader is 6
4: the leader is 6' "$(sed 1d "$tmp/out" | sort)"
	diff "$examples/ring/trace" "$tmp/trace"
}

# elected: in which order the messages of an election went.
elected() {
	t "$examples/ring/run" --until-done --trace "$tmp/trace" \
		tcp://127.0.0.1:0 >"$tmp/out"
	equal 3 "$(grep -c ': the leader is 6' "$tmp/out")"
	jq -c 'select(.m[0] == 0 and (.m[2][0] |
		test("^agents/[0-9]/(elect|leader)$"))) | .m[2][:2]' "$tmp/trace"
}

@test "examples: and in more than one if it is not" {
	local n first

	first=$(elected)
	[[ $first == *leader* ]]
	# Two orders were seen, or the test before proves nothing.
	for n in {2..100}; do
		[ "$(elected)" = "$first" ] || break
	done
	[ "$n" -lt 100 ]
}

@test "examples: a co-simulation, four simulators in three languages" {
	need_mosaik "$AMAS_VENV_MOSAIK"
	export PYTHON=$AMAS_VENV_MOSAIK/bin/python
	run -0 --separate-stderr t "$examples/mosaik/run" 3
	equal '0 36
1 72
2 120' "$(sed -n 's/\(^[0-9]*\) .*"Total-0.t0.sum": \([0-9]*\)}/\1 \2/p' \
		<<<"$output")"
}
