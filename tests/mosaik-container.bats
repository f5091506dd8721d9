# amas-container --mosaik: agents in a co-simulation.  Real mosaik runs the
# example; elsewhere amas-call is in its place, and says what it would.

load helper
load tools/raw

setup() {
	make_tmp
	cd "$tmp"
	unset AMAS_MOSAIK
	mkdir m
	echo '{"models": {"M": {"params": ["p"], "attrs": ["in", "out"]}}}' >meta
}

# program FILE TEXT: an executable in sh.
program() {
	printf '#!/bin/sh\n%s\n' "$2" >"$1"
	chmod +x "$1"
}

# host [OPTION...] SOURCE...: a container with these sources, at ./s; sets $addr
# to where mosaik comes in.
host() {
	local options=()

	while [[ $1 == -* ]]; do
		options+=("$1" "$2")
		shift 2
	done
	start amas-container --mosaik :0 --meta meta "${options[@]}" ./s "$@"
}

# asks: makes the requests on its standard input, lines [FUNCTION, ARGS, KWARGS],
# as mosaik does, behind those that begin each run and make 2 of M; puts the
# answers, less their head, into $output.
asks() {
	run t amas-call -BP1 "$addr" < <(
		echo '["init", ["S-0"], {"time_resolution": 1.0}]'
		echo '["create", [2, "M"], {"p": 7}]'
		cat)
	output=$(sed -n 's/^\[\([12]\), [0-9]*, \(.*\)\]$/\1 \2/p' <<<"$output" |
		sed 1,2d)
}

# steps N: requests for the steps before N, and then for the end.
steps() {
	seq 0 "$(($1 - 1))" | sed 's/.*/["step", [&, {}, 99], {}]/'
	echo '["stop", [], {}]'
}

# ---- Real mosaik ----

# started COMMAND...: a command for mosaik; its end is told on descriptor 5.
started() {
	mkfifo ends
	exec 5<>ends
	echo "$(python) $AMAS_ROOT/tests/tools/told.py $tmp/ends $tmp/log $*"
}

# values UNTIL: what the two plants of the example do.
values() {
	awk -v n="$1" 'BEGIN {
		v[1] = 0; v[2] = -3; d[1] = d[2] = 1
		for (t = 0; t < n; t++) {
			limit = t <= 3 ? 4 : t <= 6 ? 3 : 2
			for (i = 1; i <= 2; i++)
				v[i] += d[i]
			print t, v[1], v[2]
			for (i = 1; i <= 2; i++)
				d[i] = v[i] >= limit ? -1 : \
				    v[i] <= -limit ? 1 : d[i]
		}
	}'
}

scenario() {
	t "$1/bin/python" \
		"$AMAS_ROOT/scripts/examples/mosaik/controller/scenario.py" \
		9 "$2" 2>mosaik.log | tee all | grep -v limit
}

controller() {
	local dir=$AMAS_ROOT/scripts/examples/mosaik/controller
	local how

	need_mosaik "$1"
	how=$(started amas-container --mosaik '%(addr)s' --connect \
		--meta "$dir/meta.json" ./s chief:1="$dir/chief" Guard="$dir/guard")
	exec 5<>ends
	equal "$(values 9)" "$(scenario "$1" "$how")"
	equal 'at 3 the limit is 3
at 6 the limit is 2' "$(grep limit all)"
	read -r -t "$PATIENCE" status <&5
	equal '0 ' "$status $(cat log)"

	out=lines start amas-container --mosaik :0 --meta "$dir/meta.json" ./s \
		chief:1="$dir/chief" Guard="$dir/guard"
	equal "$(values 9)" "$(scenario "$1" "${addr#tcp://}")"
	ended "$pid" 0
	equal "$addr
ipc://[$tmp/s]/
at 3 the limit is 3
at 6 the limit is 2" "$(cat lines)"
	equal '' "$(cat "$err")"
}

@test "mosaik-container: a controller of agents, with mosaik of today" {
	controller "$AMAS_VENV_MOSAIK"
}

@test "mosaik-container: a controller of agents, with mosaik 3.3" {
	controller "$AMAS_VENV_MOSAIK3"
}

@test "mosaik-container: the command of --run is the scenario" {
	need_mosaik "$AMAS_VENV_MOSAIK"
	PYTHON=$AMAS_VENV_MOSAIK/bin/python run -0 --separate-stderr t \
		"$AMAS_ROOT/scripts/examples/mosaik/controller/run" 3
	equal "$(values 3)" "$output"
}

# An agent that fails at step 2: mosaik says which, and ends.
failing() {
	local dir=$AMAS_ROOT/scripts/examples/mosaik/controller

	need_mosaik "$1"
	cp -r "$dir/chief" "$dir/guard" .
	program guard/get_data '[ "$(amas-clock time)" = 2 ] &&
		[ "${AMAS_SELF##*/}" = 2 ] && echo "ValueError: boom" >&2 &&
		exit 1; echo "{\"delta\": 1}"'
	start amas-container --mosaik :0 --meta "$dir/meta.json" ./s \
		chief:1=./chief Guard=./guard
	run scenario "$1" "${addr#tcp://}"
	equal "0 1 -2
1 2 -1
2 3 0" "$output"
	grep -q 'Guard-2: get_data: boom' mosaik.log
	ended "$pid" 0
}

@test "mosaik-container: mosaik of today names the agent that fails" {
	failing "$AMAS_VENV_MOSAIK"
}

@test "mosaik-container: mosaik 3.3 names the agent that fails" {
	failing "$AMAS_VENV_MOSAIK3"
}

# ---- Making agents ----

@test "mosaik-container: create tells what was made, with its parameters" {
	program m/get_data 'jq -c "{out: .}" "$AMAS_STATE/args"'
	host M=./m other:2=./m
	run t amas-call -BP1 "$addr" <<-'END'
	["init", ["S-0"], {"time_resolution": 1.0}]
	["create", [1, "M"], {"p": [1, "x"]}]
	["create", [0, "M"], {}]
	["create", [1, "M"], {"p": null}]
	["setup_done", [], {}]
	["get_data", [{"M-2": ["out", "out"], "M-3": ["out"]}], {}]
	["get_data", [{}], {}]
	["stop", [], {}]
	END
	equal "[1, 1, {\"api_version\": \"3.0\", \"type\": \"time-based\", \
\"models\": {\"M\": {\"public\": true, \"params\": [\"p\"], \"attrs\": \
[\"in\", \"out\"]}}}]
[1, 2, [{\"eid\": \"M-2\", \"type\": \"M\", \"extra_info\": {\"agent\": \
\"ipc://[$tmp/s]/2\"}}]]
[1, 3, []]
[1, 4, [{\"eid\": \"M-3\", \"type\": \"M\", \"extra_info\": {\"agent\": \
\"ipc://[$tmp/s]/3\"}}]]
[1, 5, null]
[1, 6, {\"M-2\": {\"out\": [[], {\"p\": [1, \"x\"]}]}, \"M-3\": {\"out\": \
[[], {\"p\": null}]}}]
[1, 7, {}]
[1, 8, null]" "$output"
	ended "$pid" 0
}

@test "mosaik-container: -t ends a making that takes longer" {
	program m/init 'sleep 300'
	start amas-container --mosaik :0 -t 50ms ./s M=./m
	run -1 t amas-call -BP1 "$addr" < <(
		echo '["init", ["S-0"], {"time_resolution": 1.0}]'
		echo '["create", [2, "M"], {}]'
		echo '["stop", [], {}]')
	[[ ${lines[1]} == *'"M: create: init: timed out after 0.05s"]]' ]]
	equal '[1, 3, null]' "${lines[2]}"
	ended "$pid" 0
}

@test "mosaik-container: one that cannot be made says why, and none is" {
	program m/init 'test "$AMAS_INDEX" != 3 || { echo "no more" >&2; exit 4; }'
	host M=./m
	asks <<-'END'
	["create", [5, "M"], {}]
	["create", [1, "N"], {}]
	["create", [-1, "M"], {}]
	["create", [1, "M"], {}]
	END
	equal '2 ["RuntimeError", "M: create: no more", "init: exit status 4", "no more", "RuntimeError: M: create: no more"]
2 ["ValueError", "create: there is no model \"N\""]
2 ["TypeError", "create takes a number and a model"]' \
		"$(head -n 3 <<<"$output")"
	[[ ${output##*$'\n'} == '1 [{"eid": "M-7"'* ]]
	ended "$pid" 0
}

# ---- Steps ----

@test "mosaik-container: agents sleep and call each other within a step" {
	mkdir teller
	program teller/tell 'echo "$1 $(amas-clock time)" >>'"$tmp/told"
	# m: one that sleeps by itself; a step of it calls, sleeps, calls again
	program m/run 'while amas-clock sleep 3; do
		amas-call -- "${AMAS_SELF%/*}/0" tell "run/$AMAS_INDEX" >&2; done'
	program m/step 'test "$AMAS_INDEX" = 0 || exit 0
		amas-call -- "${AMAS_SELF%/*}/0" tell "step/$1" >&2
		test "$1" != 2 || { amas-clock sleep 2
			amas-call -- "${AMAS_SELF%/*}/0" tell slept >&2; }'
	host teller:1=./teller M=./m
	asks < <(steps 7)
	equal "$(seq 1 7 | sed 's/^/1 /')
1 null" "$output"
	# in a step: step before who wakes up; of those any first
	equal 'run/0 3
run/0 6
run/1 3
run/1 6
slept 4
step/0 0
step/1 1
step/2 2
step/3 3
step/4 4
step/5 5
step/6 6' "$(sort told)"
	equal 'step/0 0 step/1 1 step/2 2 step/3 3 run run step/4 4 slept 4 step/5 5 step/6 6 run run' \
		"$(sed 's,^run/.*,run,' told | paste -sd ' ')"
	ended "$pid" 0
}

@test "mosaik-container: the next step is what somebody waits for" {
	program m/run 'amas-clock sleep 7; amas-clock sleep 5'
	program m/step 'case $1/$AMAS_INDEX in
		0/0) echo 3 ;; 0/1) echo 5 ;; 3/0) echo null ;; 3/1) echo 3 ;;
		esac'
	echo '{"type": "hybrid", "models": {"M": {}}}' >meta
	host M=./m
	asks <<-'END'
	["step", [0, {}, 99], {}]
	["step", [3, {}, 99], {}]
	["step", [3, {}, 99], {}]
	["step", [8, {}], {}]
	["step", [14, {}, 99], {}]
	END
	equal '1 3
1 7
1 7
1 13
1 null' "$output"
	ended "$pid" 0
}

@test "mosaik-container: step_size, and the seconds of a step" {
	program m/step 'amas-clock time >>times'
	program m/run 'amas-clock sleep 1.1; amas-clock sleep 100'
	host M=./m
	run t amas-call -BP1 "$addr" <<-'END'
	["init", ["S-0"], {"time_resolution": 0.5, "step_size": 4, "x": 1}]
	["create", [1, "M"], {}]
	["step", [0, {}, 99], {}]
	["step", [3, {}, 99], {}]
	["step", [7, {}, 99], {}]
	END
	equal '[1, 3, 3]
[1, 4, 7]
[1, 5, 11]' "$(tail -n 3 <<<"$output")"
	equal '0 1.5 3.5' "$(paste -sd ' ' m/times)"
	ended "$pid" 0
	equal 'amas-container: init: "x" is nothing that agents know' "$(cat "$err")"
}

@test "mosaik-container: a sleeper at the last time there is" {
	program m/run 'amas-clock sleep 1'
	host M=./m
	asks <<-'END'
	["step", [9223372036854775807, {}, 99], {}]
	["step", [0, {}, 99], {}]
	["step", [9007199254740991, {}, 99], {}]
	END
	equal '2 ["ValueError", "step: the time is above 2^53 - 1"]
1 1
1 9007199254740992' "$output"
	ended "$pid" 0
}

@test "mosaik-container: nobody wants a step, and mosaik decides" {
	program m/get_data ':'
	echo '{"type": "event-based", "models": {"M": {"attrs": ["out"]}}}' >meta
	host M=./m
	asks <<-'END'
	["step", [5, {}, 99], {}]
	["get_data", [{"M-1": ["out"]}], {}]
	END
	equal '1 null
1 {"M-1": {}}' "$output"
	ended "$pid" 0
}

@test "mosaik-container: who wakes up knows what came in" {
	program m/step 'echo "$2" >"$AMAS_STATE/in"'
	program m/run 'while amas-clock sleep 1; do
		cp "$AMAS_STATE/in" "$AMAS_STATE/seen"; done'
	program m/get_data 'jq -c "{out: .in}" "$AMAS_STATE/seen"'
	host M=./m
	asks < <(for ((i = 1; i < 20; i++)); do
		echo "[\"step\", [$i, {\"M-0\": {\"in\": {\"A.a\": $i}}}, 99], {}]"
		echo '["get_data", [{"M-0": ["out"]}], {}]'
	done)
	equal "$(for ((i = 1; i < 20; i++)); do
		echo "1 $((i + 1))"
		echo "1 {\"M-0\": {\"out\": {\"A.a\": $i}}}"
	done)" "$output"
	ended "$pid" 0
}

@test "mosaik-container: on local:// one thing goes on at a time" {
	program m/step 'echo "$1/$AMAS_INDEX" >>'"$tmp/log"
	program m/run 'while amas-clock sleep 1; do
		echo "run/$AMAS_INDEX" >>'"$tmp/log"'; done'
	start amas-container --mosaik :0 --meta meta local://x M=./m
	asks < <(echo '["create", [3, "M"], {}]'; steps 3)
	equal '0/0 0/1 0/0 0/1 0/2 1/0 1/1 1/0 1/1 1/2 run/0 run/1 run/0 run/1 run/2 2/0 2/1 2/0 2/1 2/2 run/0 run/1 run/0 run/1 run/2' \
		"$(paste -sd ' ' log)"
	ended "$pid" 0
}

@test "mosaik-container: many agents, few places" {
	echo '{"models": {"M": {"attrs": ["out"]}, "N": {"attrs": ["out"]}}}' >meta
	program m/step 'echo "$1" >"$AMAS_STATE/t"'
	program m/get_data 'echo "{\"out\": $(cat "$AMAS_STATE/t")}"'
	host -j 2 M=./m 'N=shared:jq -c --unbuffered "[1, .[1],
		if (.[2][0] | endswith(\"/get_data\")) then {out: 7} else null end]"'
	asks <<-END
	["create", [2000, "N"], {}]
	["create", [18, "M"], {}]
	["step", [4, {}, 99], {}]
	["get_data", [{$(seq 2 2001 | sed 's/.*/"N-&": ["out"]/' | paste -sd ,)}], {}]
	["get_data", [{"M-0": ["out"], $(seq 2002 2019 |
		sed 's/.*/"M-&": ["out"]/' | paste -sd ,)}], {}]
	END
	equal '2000 18 5 2000 7 19 4' "$(sed 's/^1 //' <<<"$output" | jq -s '
		(.[0] | length), (.[1] | length), .[2],
		(.[3] | length, (map(.out) | unique[])),
		(.[4] | length, (map(.out) | unique[]))' | paste -sd ' ')"
	ended "$pid" 0
}

# host_plugin: a container with agents in C, whose next step is p later.
host_plugin() {
	cat >m.c <<-'END'
	#include <amas.h>
	struct m { int64_t p, sum; };

	static void
	init(struct amas_request *req, void *self)
	{
		struct m *m = self;
		m->p = amas_value_int(amas_value_get(
		    amas_request_kwargs(req), "p"));
	}

	static void
	step(struct amas_request *req, void *self)
	{
		struct m *m = self;
		const struct amas_value *inputs;
		int64_t time;
		if (amas_request_unpack(req, "[Iv]", &time, &inputs) != 0)
			return;
		m->sum += time + amas_value_int(amas_value_at(
		    amas_value_get(inputs, "in"), 0));
		if (m->sum > 500)
			amas_request_fail(req, "ValueError: %d", (int)m->sum);
		else
			amas_request_reply(req, "I", time + m->p);
	}

	static void
	get_data(struct amas_request *req, void *self)
	{
		struct m *m = self;
		amas_request_reply(req, "{s:I}", "out", m->sum);
	}

	static const struct amas_function functions[] = { { "step", step },
		{ "get_data", get_data }, { NULL, NULL } };
	static const struct amas_class cls = { .name = "M",
		.size = sizeof(struct m), .functions = functions, .init = init };
	static const struct amas_class *const classes[] = { &cls, NULL };
	const struct amas_plugin amas_plugin = { .abi = AMAS_ABI,
		.classes = classes };
	END
	"${CC:-cc}" -std=c11 -Wall -Werror -shared -fPIC -I"$AMAS_ROOT/lib" \
		-o m.so m.c
	echo '{"type": "hybrid", "models": {"M": {"attrs": ["in", "out"]}}}' >meta
	host M=./m.so
}

@test "mosaik-container: a hundred thousand agents of a plugin in C" {
	host_plugin
	asks <<-'END'
	["create", [99998, "M"], {"p": 30}]
	["step", [3, {"M-99999": {"in": {"A.a": 5}}}, 99], {}]
	["get_data", [{"M-99999": ["out"], "M-1": ["out"]}], {}]
	["step", [4, {"M-1": {"in": {"A.a": 600}}}, 99], {}]
	END
	equal '1 10
1 {"M-99999": {"out": 8}, "M-1": {"out": 3}}
2 ["ValueError", "M-1: step: 607"]' "$(sed 1d <<<"$output")"
	ended "$pid" 0
}

# What the tests of cost share: the time that the container has computed.
cpu='
def cpu():
    stat = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
'

@test "mosaik-container: one more agent costs the same however many there are" {
	host_plugin
	raw <<-END
	$cpu
	def one_by_one():
	    begin = cpu()
	    for i in range(2000):
	        c.call(i, 'create', 1, 'M', p=1)
	    for i in range(2000):
	        assert c.recv()[:2] == [1, i]
	    return cpu() - begin

	c = connect()
	assert c.ask(0, 'init', 'S-0', time_resolution=1.0)[:2] == [1, 0]
	few = one_by_one()
	assert len(c.ask(1, 'create', 90000, 'M', p=1)[2]) == 90000
	many = one_by_one()
	assert many < 3 * few + 0.1, (few, many)
	END
	ended "$pid" 0
}

@test "mosaik-container: one more attribute costs the same however many there are" {
	host_plugin
	raw <<-END
	$cpu
	def names(n, times):
	    asked = {'M-0': [f'a{i}' for i in range(n)]}
	    begin = cpu()
	    for i in range(times):
	        assert c.ask(i, 'get_data', asked) == [1, i, {'M-0': {'out': 0}}]
	    return cpu() - begin

	c = connect()
	assert c.ask(0, 'init', 'S-0', time_resolution=1.0)[:2] == [1, 0]
	assert c.ask(1, 'create', 1, 'M', p=1)[:2] == [1, 1]
	few, many = names(1000, 20), names(20000, 1)
	assert many < 3 * few + 0.1, (few, many)
	END
	ended "$pid" 0
}

# ---- Agents elsewhere ----

@test "mosaik-container: a step waits for an agent in another container" {
	mkdir other
	program other/wait "echo called >$tmp/called; cat $tmp/go"
	mkfifo go called
	start amas-container ./other.s other:1=./other
	program m/step 'test "$AMAS_INDEX" = 1 ||
		amas-call -- "'"$addr"0'" wait >"$AMAS_STATE/got"'
	program m/get_data 'echo "{\"out\": $(cat "$AMAS_STATE/got")}"'
	host M=./m
	t amas-call -BP1 "$addr" >answers < <(
		echo '["init", ["S-0"], {"time_resolution": 1.0}]'
		echo '["create", [2, "M"], {}]'
		echo '["step", [0, {}, 99], {}]'
		echo '["get_data", [{"M-0": ["out"]}], {}]') &
	caller $!
	read -r -t "$PATIENCE" _ <>called
	equal 'null 2' "$(t amas-call "./s" validate_aid ==9) $(wc -l <answers)"
	echo 42 >go
	wait $!
	forget $!
	equal '[1, 3, 1]
[1, 4, {"M-0": {"out": 42}}]' "$(tail -n 2 answers)"
	ended "$pid" 0
}

@test "mosaik-container: an agent of Python's aiomas is called in a step" {
	need_peer
	mkfifo in
	"$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/agents.py" "$tmp/py" \
		<in >url 2>/dev/null 3>&- &
	caller $!
	exec 6>in
	until [ -s url ]; do kill -0 $!; done
	# it calls back, while our step is open
	program m/tell 'echo $((AMAS_INDEX + 10 * $(amas-clock time)))'
	program m/step 'amas-call -- "'"$(cat url)0"'" ask "$AMAS_SELF" tell |
		jq -c "{out: .[1]}" >"$AMAS_STATE/got"'
	program m/get_data 'cat "$AMAS_STATE/got"'
	host M=./m
	asks <<-'END'
	["step", [3, {}, 99], {}]
	["get_data", [{"M-0": ["out"], "M-1": ["out"]}], {}]
	["step", [4, {}, 99], {}]
	["get_data", [{"M-1": ["out"]}], {}]
	END
	equal '1 4
1 {"M-0": {"out": 30}, "M-1": {"out": 31}}
1 5
1 {"M-1": {"out": 41}}' "$output"
	ended "$pid" 0
}

@test "mosaik-container: an agent elsewhere that never answers meets a deadline" {
	mkdir other
	program other/wait 'read -r _ <"$1"'
	mkfifo never
	exec 7<>never
	start amas-container ./other.s other:1=./other
	program m/step 'test "$AMAS_INDEX" = 1 || amas-call -- "'"$addr"0'" \
		wait '"$tmp/never"
	host --ask-timeout 0.2 M=./m
	asks < <(steps 1)
	equal '2 ["TimeoutError", "agents/0/step: no answer from an agent elsewhere within 0.2s"]
1 null' "$output"
	ended "$pid" 0
	echo >&7
}

# ---- What goes wrong ----

@test "mosaik-container: what mosaik cannot take is a failure that names the agent" {
	program m/step 'eval "$(jq -r ".in[]?" <<END
$2
END
)"'
	program m/get_data 'jq -r ".[]" <<END >"$AMAS_STATE/run"
$1
END
. "$AMAS_STATE/run"'
	host M=./m
	asks <<-'END'
	["step", [0, {"M-1": {"in": {"": "echo 8.0"}}}, 9], {}]
	["step", [0, {"M-1": {"in": {"": "echo soon"}}}, 9], {}]
	["step", [0, {"M-1": {"in": {"": "echo 8; echo 9"}}}, 9], {}]
	["step", [0, {"M-1": {"in": {"": "exit 3"}}}, 9], {}]
	["step", [0, {"M-1": {"in": {"": "echo no >&2; echo KeyError: x >&2; exit 3"}}}, 9], {}]
	["step", [0, {"M-1": {"in": {"": "kill -9 $$"}}}, 9], {}]
	["step", [0, {"M-7": {}}, 9], {}]
	["step", ["x", {}, 9], {}]
	["step", [9007199254740992, {}, 9], {}]
	["get_data", [{"M-0": ["echo 3"]}], {}]
	["get_data", [{"M-0": ["exit 5"]}], {}]
	["get_data", [{"M-0": ["amas-clock sleep 1"]}], {}]
	["get_data", [{"M-7": []}], {}]
	["get_data", [3], {}]
	["get_data", [{"M-0": "out"}], {}]
	["get_data", [{"M-0": null}], {}]
	["get_data", [{"M-0": {"out": 1}}], {}]
	["get_data", [{"M-0": ["echo {}", [2]]}], {}]
	["nosuch", [], {}]
	["step", [0, {"M-1": {"in": {"": "echo 8"}}}, 9], {}]
	["step", [2, {}, 9], {}]
	["step", [1, {}, 9], {}]
	END
	equal '2 ["ValueError", "M-1: step: the time of the next step is a whole number, or null, not real"]
2 ["ValueError", "M-1: step: the time of the next step is a whole number, or null, not text"]
2 ["ValueError", "M-1: step: the time of the next step is a whole number, or null, not text"]
2 ["Failure", "M-1: step: exit status 3"]
2 ["KeyError", "M-1: step: x", "exit status 3", "no", "KeyError: x", "KeyError: M-1: step: x"]
2 ["Failure", "M-1: step: killed by SIGKILL"]
2 ["KeyError", "step: inputs of \"M-7\", which was not created"]
2 ["TypeError", "step takes a time and the inputs"]
2 ["ValueError", "step: the time is above 2^53 - 1"]
2 ["ValueError", "M-0: get_data: what it gives is a map of attributes, not integer"]
2 ["Failure", "M-0: get_data: exit status 5"]
2 ["RuntimeError", "M-0: get_data: sleeps, and time stands until it has answered"]
2 ["KeyError", "get_data: \"M-7\" was not created"]
2 ["TypeError", "get_data takes a map of entities"]
2 ["TypeError", "get_data: what is asked of \"M-0\" is a list of names"]
2 ["TypeError", "get_data: what is asked of \"M-0\" is a list of names"]
2 ["TypeError", "get_data: what is asked of \"M-0\" is a list of names"]
2 ["TypeError", "get_data: what is asked of \"M-0\" is a list of names"]
2 ["LookupError", "Name \"nosuch\" not found"]
1 1
1 3
2 ["ValueError", "step: Time must be > 2 but is 1"]' "$output"
	ended "$pid" 0
}

@test "mosaik-container: a worker that dies, and one that has no functions" {
	host 'M=worker:while IFS=", " read -r _ n path rest; do case $path in
		*get_data*) exit 9 ;; *) echo "[1, $n, null]" ;; esac; done'
	asks <<-'END'
	["step", [0, {}, 9], {}]
	["get_data", [{"M-1": ["out"]}], {}]
	END
	equal '1 1' "$(head -n 1 <<<"$output")"
	[[ $output == *'2 ["'*'", "M-1: get_data: '*'exit status 9"'* ]]
	stop
	host M=./m
	asks <<-'END'
	["step", [0, {}, 9], {}]
	["step", [1, {"M-0": {}}, 9], {}]
	["step", [2, {"M-0": {"in": {"A.a": 1}}}, 9], {}]
	["get_data", [{"M-0": ["out"]}], {}]
	END
	equal '1 1
1 2
2 ["LookupError", "M-0: step: Name \"step\" not found in \"agents/0\""]
2 ["LookupError", "M-0: get_data: Name \"get_data\" not found in \"agents/0\""]' \
		"$output"
	ended "$pid" 0
}

@test "mosaik-container: that another agent has no step is a failure" {
	host 'M=shared:jq -c --unbuffered "if (.[2][0] | endswith(\"/step\"))
		then [2, .[1], \"LookupError: Name \\\"step\\\" not found in \\\"agents/1\\\"\"]
		else [1, .[1], null] end"'
	asks < <(steps 1)
	equal '2 ["LookupError", "M-0: step: Name \"step\" not found in \"agents/1\""]
1 null' "$output"
	ended "$pid" 0
}

@test "mosaik-container: a step that slept fails the step in which it does" {
	program m/step 'test "$1$AMAS_INDEX" = 00 || exit 0
		amas-clock sleep 2; exit 3'
	host M=./m
	asks < <(steps 4)
	equal '1 1
1 2
2 ["Failure", "M-0: step: exit status 3"]
1 4
1 null' "$output"
	ended "$pid" 0
}

@test "mosaik-container: an agent that has ended is no more asked" {
	program m/step 'test "$1" != 1 || test "$AMAS_INDEX" = 1 ||
		amas-call -- "$AMAS_PARENT" amas/stop "$AMAS_SELF"'
	program m/get_data 'echo "{\"out\": 1}"'
	host M=./m
	asks <<-'END'
	["step", [0, {}, 9], {}]
	["step", [1, {}, 9], {}]
	["step", [2, {}, 9], {}]
	["get_data", [{"M-1": ["out"]}], {}]
	["get_data", [{"M-0": ["out"]}], {}]
	END
	equal '1 3
1 {"M-1": {"out": 1}}
2 ["LookupError", "M-0: get_data: there is no such agent any more"]' \
		"$(tail -n 3 <<<"$output")"
	ended "$pid" 0
}

# in_a_step: begins a step that does not end; sets $caller.
in_a_step() {
	mkfifo begun never
	exec 7<>never
	program m/step "echo >$tmp/begun; read -r _ <$tmp/never"
	host M=./m
	amas-call -BP1 "$addr" >answers 3>&- < <(
		echo '["init", ["S-0"], {"time_resolution": 1.0}]'
		echo '["create", [1, "M"], {}]'
		echo '["step", [0, {}, 99], {}]') &
	caller=$!
	caller "$caller"
	read -r -t "$PATIENCE" _ <>begun
}

@test "mosaik-container: SIGTERM in a step ends all in order" {
	in_a_step
	kill -TERM "$pid"
	wait "$caller" || true
	forget "$caller"
	equal '[2, 3, ["Failure", "shutting down"]]' "$(tail -n 1 answers)"
	ended "$pid" 0
}

@test "mosaik-container: mosaik goes in the middle of a step" {
	in_a_step
	kill -KILL "$caller"
	wait "$caller" || true
	forget "$caller"
	ended "$pid" 0
}

@test "mosaik-container: one run, that of the first" {
	host M=./m
	mkfifo pipe
	exec 6<>pipe
	amas-call -BP1 "$addr" <pipe >answers 3>&- 6>&- &
	caller $!
	echo '["init", ["S-0"], {"time_resolution": 1.0}]' >&6
	until [ -s answers ]; do kill -0 $!; done
	run t amas-call -BP1 "$addr" <<-'END'
	["init", ["T-0"], {"time_resolution": 1.0}]
	["step", [0, {}, 99], {}]
	["stop", [], {}]
	END
	equal '[2, 1, ["RuntimeError", "these agents take part in a run already"]]
[2, 2, ["RuntimeError", "these agents take part in a run already"]]
[1, 3, null]' "$output"
	echo '["step", [0, {}, 99], {}]' >&6
	until [ "$(wc -l <answers)" = 2 ]; do kill -0 $!; done
	equal '[1, 2, 1]' "$(tail -n 1 answers)"
	echo '["stop", [], {}]' >&6
	ended "$pid" 0
}

@test "mosaik-container: nobody else moves its time" {
	program m/step 'amas-clock time >>'"$tmp/times"
	start amas-container --manager --mosaik :0 --meta meta ./s M=./m
	for call in 'set_time 5' 'step 5' idle; do
		# shellcheck disable=SC2086
		run t amas-call "ipc://[$tmp/s]/0" $call
		equal 1 "$status"
		[[ $output == *'RuntimeError: the simulation that this container is part of sets its time'* ]]
	done
	asks < <(steps 2)
	equal '0 0 1 1' "$(paste -sd ' ' times)"
	ended "$pid" 0
}

@test "mosaik-container: large and odd values come through" {
	program m.worker 'exec '"$(python)"' -c "
import json, sys
for line in sys.stdin:
    _, n, (path, args, _) = json.loads(line)
    if path == \"step\":
        seen = args[1].get(\"in\")
    print(json.dumps([1, n, {\"out\": seen} if path == \"get_data\" else None]),
        flush=True)
"'
	host M=./m.worker
	{
		printf '["step", [0, {"M-0": {"in": {"A.a": [NaN, -Infinity, 1e-07'
		printf ', 36893488147419103232123, null, "\\ud83d\\ude00\\u0000", "'
		head -c 300000 /dev/zero | tr '\0' x
		printf '"]}}}, 9], {}]\n'
		echo '["get_data", [{"M-0": ["out"]}], {}]'
	} >requests
	asks <requests
	sed -n '2s/^1 //p' <<<"$output" >got
	"$(python)" - <<-'END'
	import json
	sent = json.loads(next(open('requests')))[1][1]['M-0']['in']
	got = json.loads(open('got').read())['M-0']['out']
	assert repr(got) == repr(sent) and len(got['A.a'][-1]) == 300000, got
	END
	ended "$pid" 0
}

@test "mosaik-container: what cannot be said together" {
	refused() {	# STATUS TEXT ARGUMENT...
		run t amas-container "${@:3}" ./s M=./m
		equal "$1 amas-container: $2" "$status $output"
	}
	refused 2 '--meta: needs --mosaik' --meta meta
	refused 2 '--connect: needs --mosaik' --connect
	refused 2 '--ask-timeout: needs --mosaik' --ask-timeout 3
	refused 2 '--clock: mosaik sets the clock: it is external' \
		--mosaik :0 --clock sim
	refused 2 '--init-time: a run of mosaik begins at 0' \
		--mosaik :0 --init-time 5
	refused 6 'nosuch: No such file or directory' --mosaik :0 --meta nosuch
	echo '[' >bad
	refused 4 'bad: expected a value at offset 2, where it ends' \
		--mosaik :0 --meta bad
	echo '{"models": {"N": {}}}' >bad
	refused 4 'bad: model "N" has no class: N=SOURCE' --mosaik :0 --meta bad
	echo '{"api_version": 3}' >bad
	refused 4 'bad: 3: "api_version" is a text, as "3.0"' \
		--mosaik :0 --meta bad
	echo '{"models": {"M": 5}}' >bad
	refused 4 'bad: model "M" is no map, as {"attrs": [...]}' \
		--mosaik :0 --meta bad
	echo '{"extra_methods": ["f"]}' >bad
	refused 4 'bad: agents have no "extra_methods"' --mosaik :0 --meta bad
	start amas-serve ./taken x=exec:true
	refused 3 './taken: already served' --mosaik ./taken
	refused 3 "./none: No such file or directory" --mosaik ./none --connect
}
