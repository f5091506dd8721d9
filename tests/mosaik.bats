# Simulators that amas-serve is for real mosaik: the current release and 3.3,
# which connects to them, or starts them.

load helper

setup() {
	make_tmp
	examples=$AMAS_ROOT/scripts/examples/mosaik
	cosim=$AMAS_ROOT/tests/peer/cosim.py
	unset PYTHON
}

# started COMMAND...: a command for mosaik, which then tells by ends.
started() {
	if [ ! -e "$tmp/ends" ]; then
		mkfifo "$tmp/ends"
		exec 5<>"$tmp/ends"
	fi
	echo "$(python) $AMAS_ROOT/tests/tools/told.py $tmp/ends $tmp/log $*"
}

# ends N [LOG]: so many commands of mosaik's end by themselves, with status 0, and
# have logged that, or nothing.
ends() {
	local n status

	for ((n = 0; n < $1; n++)); do
		read -r -t "$PATIENCE" status <&5
		equal 0 "$status"
	done
	equal "${2-}" "$(cat "$tmp/log")"
}

# values UNTIL: what the observer of the examples has to see at each step.
values() {
	awk -v n="$1" 'BEGIN {
		for (t = 0; t < n; t++) {
			c = 3 + int(t / 2)
			a += 2 * c
			b += 10 * c
			printf "%d {\"Adder-0.a0.out\": %d, \"Adder-0.a1.out\":" \
			    " %d, \"Counter-0.c0.value\": %d, \"Total-0.t0.sum\":" \
			    " %d}\n", t, a, b, c, a + b
		}
	}'
}

# scenario VENV COUNTER ADDER TOTAL: runs the scenario of the examples.
scenario() {
	need_mosaik "$1"
	run -0 --separate-stderr t "$1/bin/python" "$examples/scenario.py" 8 \
		"${@:2}"
	equal "$(values 8)" "$(grep '^[0-9]' <<<"$output")"
}

# examples_by_cmd VENV: mosaik starts them.
examples_by_cmd() {
	local sim

	started >/dev/null
	sim="$(started amas-serve --mosaik --connect '%(addr)s' "$examples")"
	scenario "$1" "$sim/counter" "$sim/adder" "$sim/total.worker"
	ends 3
}

# examples_by_connect VENV [AGAIN]: mosaik connects to them; again, too, for the
# servers stay.
examples_by_connect() {
	local addrs=() source

	need_mosaik "$1"
	for source in counter adder total.worker; do
		start amas-serve --mosaik 127.0.0.1:0 "$examples/$source"
		addrs+=("${addr#tcp://}")
	done
	scenario "$1" "${addrs[@]}"
	[ -z "${2-}" ] || scenario "$1" "${addrs[@]}"
	equal '' "$(cat "$tmp"/err.*)"
}

@test "mosaik: it starts the examples" {
	examples_by_cmd "$AMAS_VENV_MOSAIK"
}

@test "mosaik: it connects to the examples" {
	examples_by_connect "$AMAS_VENV_MOSAIK" again
}

@test "mosaik: 3.3 starts the examples" {
	examples_by_cmd "$AMAS_VENV_MOSAIK3"
}

@test "mosaik: 3.3 connects to the examples" {
	examples_by_connect "$AMAS_VENV_MOSAIK3"
}

@test "mosaik: amas-dump passes and shows what is said" {
	local addrs=() source dump=()

	need_mosaik "$AMAS_VENV_MOSAIK"
	for source in counter adder total.worker; do
		start amas-serve --mosaik 127.0.0.1:0 "$examples/$source"
		out=$tmp/lines.$source start amas-dump -t 127.0.0.1:0 "$addr"
		addrs+=("${addr#tcp://}")
		dump+=("$pid")
	done
	scenario "$AMAS_VENV_MOSAIK" "${addrs[@]}"
	for pid in "${dump[@]}"; do
		stop "$pid"
	done
	# By mosaik's time, each step's answer is the time of the next.
	equal "$(printf '%s\n' 0:2 2:4 4:6 6:8)" "$(sed -nE \
	    's/.*: \[[0-9]+\] step\(([0-9]+), .*\) = ([0-9]+) <.*/\1:\2/p' \
	    "$tmp/lines.counter")"
	grep -q '\] init("Counter-0", .*) = {"api_version": "3.0"' \
		"$tmp/lines.counter"
	grep -q '\] stop() = null' "$tmp/lines.total.worker"
}

# two_instances VENV: of one simulator at one address, each with its own state.
two_instances() {
	need_mosaik "$1"
	start amas-serve --mosaik 127.0.0.1:0 "$examples/counter"
	run -0 --separate-stderr t "$1/bin/python" "$cosim" two "${addr#tcp://}"
	equal '0 {"in": {"S-0.c0": 3, "S-1.c0": 100}}
1 {"in": {"S-0.c0": 3, "S-1.c0": 110}}
2 {"in": {"S-0.c0": 4, "S-1.c0": 120}}
3 {"in": {"S-0.c0": 4, "S-1.c0": 130}}' "$output"
	stop
	equal '' "$(cat "$err")"
}

@test "mosaik: it connects twice to one simulator" {
	two_instances "$AMAS_VENV_MOSAIK"
}

@test "mosaik: 3.3 connects twice to one simulator" {
	two_instances "$AMAS_VENV_MOSAIK3"
}

# meta [MORE]: what a simulator here says of itself.
meta() {
	echo '{"api_version": "3.0", "type": "time-based", "models": {"M": ' \
		'{"public": true, "params": [], "attrs": ["x", "in", "out"]}}' \
		"${1-}}"
}

# put NAME: makes an executable of standard input in the folder of a simulator.
put() {
	mkdir -p "$tmp/sim"
	cat >"$tmp/sim/$1"
	chmod 755 "$tmp/sim/$1"
}

# both CASE SOURCE...: has either mosaik run it; what each prints is in
# $tmp/CASE.VENV, VENV being mosaik and mosaik3.
both() {
	local venv sim

	need_mosaik "$AMAS_VENV_MOSAIK"
	need_mosaik "$AMAS_VENV_MOSAIK3"
	started >/dev/null
	sim=$(started amas-serve --mosaik --connect '%(addr)s' "${@:2}")
	for venv in MOSAIK MOSAIK3; do
		eval "t \"\$AMAS_VENV_$venv/bin/python\"" '"$cosim" "$1" "$sim"' \
			>"$tmp/$1.$venv" 2>"$tmp/$1.$venv.err"
	done
}

# wrong_ends: how mosaik's runs end that go wrong.
wrong_ends() {
	cat <<-'END'
	init: echo 3: raises RemoteException: ('ValueError', 'init: 3: not the map that describes a simulator')
	init: echo {}: raises RemoteException: ('ValueError', 'init: {}: has no "models", a map of names and models')
	init: echo '{"models": {"M": {"attrs": true}}}': raises RemoteException: ('ValueError', 'init: "attrs" of a model is a list of texts')
	init: exit 3: raises RemoteException: ('init', 'exit status 3')
	create: :: raises RemoteException: ('ValueError', 'create: null: not a list of entities')
	create: echo "[{}]": raises RemoteException: ('ValueError', 'create: null: the "eid" of an entity is text')
	create: echo KeyError: no >&2; exit 1: raises RemoteException: ('KeyError', 'no', 'create: exit status 1', 'KeyError: no')
	setup_done: exit 4: ends: ABORT setup_done(exit status 4).
	step: :: ends: ABORT ValueError(step: gave nothing, not the time of the next step).
	step: echo 1; echo 2: ends: ABORT ValueError(step: "1\n2": the time of the next step is a whole number).
	step: echo 3.0: ends: ABORT ValueError(step: 3.0: the time of the next step is a whole number).
	step: echo 0: ends: ABORT ValueError(step: 0: the next step is no later than this one).
	step: kill -9 $$: ends: ABORT step(killed by SIGKILL).
	step: printf %04301d 1 | tr 0 1: ends: ABORT ValueError(step: a number of 4301 digits: mosaik reads 4300).
	get_data: :: ends: ABORT ValueError(get_data: null: not the map of entities and what they give; {} is an empty one).
	get_data: exit 1: ends: ABORT get_data(exit status 1).
	get_data: printf '\377': ends: ABORT get_data(result: invalid UTF-8 at offset 0).
	get_data: yes [ | head -n 201; yes ] | head -n 201: ends: ABORT ValueError(get_data: more than 200 levels of nesting: mosaik reads no more).
	get_data: yes | head -n 3 >&2; exit 1: ends: ABORT Failure(y). Further information provided: / get_data: exit status 1 / y / y / y
	extra: exit 5: raises RemoteException: ('extra', 'exit status 5')
	stop: exit 6: ends
	none: : ends
	END
}

@test "mosaik: whatever a script prints, it gets a failure and goes on" {
	put all <<-'END'
	#!/bin/sh
	# Does what the variable of its name says, or what it should.
	name=${0##*/}
	eval "do=\${$name-good}"
	[ "$do" = good ] || { eval "$do"; exit; }
	case $name in
	init) cat meta ;;
	create) echo '[{"eid": "e", "type": "M"}]' ;;
	step) expr "$1" + 1 ;;
	get_data) echo '{}' ;;
	esac
	END
	meta ', "extra_methods": ["extra"]' >"$tmp/sim/meta"
	for name in init create setup_done step get_data extra stop; do
		ln "$tmp/sim/all" "$tmp/sim/$name"
	done
	both wrong "$tmp/sim"
	for venv in MOSAIK MOSAIK3; do
		sed -E "s/Simulator S(-0)? aborted the simulation with error/ABORT/
			s/, 'S(-0)?'\)\$/)/; s/: \$//" "$tmp/wrong.$venv" >"$tmp/got"
		wrong_ends | diff - "$tmp/got"
	done
	ends 44 'amas-serve: stop: exit status 6
amas-serve: stop: exit status 6'
}

# mirror_values: what a mirror gives is what it got, however it is made.
mirror_values() {
	local venv t

	for venv in MOSAIK MOSAIK3; do
		for t in {0..7}; do
			echo "$t Source-0.o same"
		done | diff - "$tmp/mirror.$venv"
	done
	ends 2
}

@test "mosaik: large and odd values come through programs" {
	put init <<<"#!/bin/sh
	echo '$(meta)'"
	put create <<<'#!/bin/sh
	echo '\''[{"eid": "e", "type": "M"}]'\'
	# [[TIME, {"e": {"in": VALUE}}, MAX], {}]
	put step.json <<<'#!/bin/sh
	cat >"$AMAS_STATE/in"
	t=$(cut -d , -f 1 "$AMAS_STATE/in" | tr -d "[")
	echo $((t + 1))'
	put get_data.json <<<'#!/bin/sh
	sed '\''s/^[^,]*, {"e": {"in": \(.*\)}}, 8], {}]$/{"e": {"out": \1}}/'\'' \
		"$AMAS_STATE/in"'
	both mirror "$tmp/sim"
	mirror_values
}

@test "mosaik: large and odd values come through a worker" {
	put mirror.worker <<-END
	#!/usr/bin/awk -f
	function say(result) { print "[1, " id ", " result "]"; fflush() }
	{ split(substr(\$0, 1, 100), part, ", "); id = part[2] }
	part[3] ~ /"init"/ { say(meta); next }
	part[3] ~ /"create"/ { say("[{\"eid\": \"e\", \"type\": \"M\"}]"); next }
	part[3] ~ /"step"/ {
		from = index(\$0, "\"in\": ") + 6
		value = substr(\$0, from, length(\$0) - from - 11)
		say(substr(part[4], 2) + 1)
		next
	}
	part[3] ~ /"get_data"/ { say("{\"e\": {\"out\": " value "}}"); next }
	{ say("null") }
	BEGIN { meta = "$(meta | sed 's/"/\\"/g')" }
	END
	both mirror "$tmp/sim/mirror.worker"
	mirror_values
}

# answers: what handlers get, in three steps.
answers() {
	local t=0 progress
	local o='{"Asked-0.o": {"sid": "Asked-0", "type": "O"}'
	local e='"S-0.e": {"sid": "S-0", "type": "M"}}'

	for progress in 16.666666666666668 50.0 83.33333333333333; do
		printf '%s\n' "$progress" \
			"{\"nodes\": $o, $e, \"edges\": [[\"Asked-0.o\", \"S-0.e\", {}]]}" \
			"$o}" \
			"{\"S-0.e\": $o}, \"Asked-0.o\": {$e}" \
			"{\"Asked-0.o\": {\"out\": $t}}" \
			null \
			"SimulationError: Simulator 'S-0' tried to set an event in non-real-time mode." \
			'LookupError: the peer has no function "timestep"'
		t=$((t + 10))
	done
}

@test "mosaik: handlers ask it within a step" {
	put init <<<"#!/bin/sh
	echo '$(meta)'"
	put create <<<'#!/bin/sh
	echo '\''[{"eid": "e", "type": "M"}]'\'
	put step <<-END
	#!/bin/sh
	exec 3>>'$tmp/asked'
	ask() { amas-call "\$AMAS_PEER" "\$@" 2>&1 | tail -n 1 >&3; }
	ask get_progress
	ask get_related_entities
	ask get_related_entities S-0.e
	ask get_related_entities '["S-0.e", "Asked-0.o"]'
	ask get_data '{"Asked-0.o": ["out"]}'
	ask set_data "{\"S-0.e\": {\"Asked-0.o\": {\"in\": [\$1, \"text\"]}}}"
	ask set_event 2
	ask timestep
	expr "\$1" + 1
	END
	put get_data <<<'#!/bin/sh
	echo {}'
	both ask "$tmp/sim"
	answers >"$tmp/want"
	cat "$tmp/want" "$tmp/want" | diff - "$tmp/asked"
	for venv in MOSAIK MOSAIK3; do
		diff - "$tmp/ask.$venv" <<-'END'
		0 {}
		1 {"in": {"S-0.e": [0, "text"]}}
		2 {"in": {"S-0.e": [1, "text"]}}
		END
	done
	ends 2
}

@test "mosaik: a worker wakes itself, within a request and unasked" {
	put wake.worker <<-END
	#!/bin/bash
	exec 3>>'$tmp/steps'
	while read -r line; do
		id=\${line#*, } id=\${id%%,*}
		case \$line in
		*'["init"'*) echo "[1, \$id, {\"api_version\": \"3.0\"," \
			'"type": "event-based", "models": {"M": {"public":' \
			'true, "params": [], "attrs": []}}, "set_events": true}]' ;;
		*'["create"'*) echo "[1, \$id, [{\"eid\": \"e\", \"type\": \"M\"}]]" ;;
		*'["setup_done"'*)
			echo '[0, 0, ["set_event", [5], {}]]'
			read -r answer
			echo "setup_done \$answer" >&3
			echo "[1, \$id, null]" ;;
		*'["step", [5,'*)
			echo step 5 >&3
			echo "[1, \$id, null]"
			echo '[0, 4711, ["set_event", [45], {}]]' ;;
		*'["step", ['*)
			line=\${line#*step\", [}
			echo step "\${line%%,*}" >&3
			echo "[1, \$id, null]" ;;
		'[1, 4711, null]') echo unasked >&3 ;;
		*) echo "[1, \$id, null]" ;;
		esac
	done
	END
	both wake "$tmp/sim/wake.worker"
	for venv in MOSAIK MOSAIK3; do
		printf '%s\n' 'setup_done [1, 0, null]' 'step 5' unasked 'step 45'
	done | diff - "$tmp/steps"
	ends 2
}
