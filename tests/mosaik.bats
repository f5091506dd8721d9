# Simulators that amas-serve is for real mosaik: the current release and 3.3,
# which connects to them, or starts them.

load helper

setup() {
	make_tmp
	examples=$AMAS_ROOT/scripts/examples/mosaik
	unset PYTHON
}

# started COMMAND...: a command for mosaik, which then tells by ends: it passes
# SIGTERM on, as if it were not there.
started() {
	if [ ! -e "$tmp/started" ]; then
		mkfifo "$tmp/ends"
		exec 5<>"$tmp/ends"
		cat >"$tmp/started" <<-'END'
		#!/bin/bash
		"${@:2}" 2>>"$1/log" 3>&- 5>&- & pid=$!
		trap 'kill -TERM "$pid"' TERM
		until wait "$pid"; status=$?; ! kill -0 "$pid" 2>/dev/null; do :; done
		echo "$status" >"$1/ends"
		END
		chmod +x "$tmp/started"
	fi
	echo "$tmp/started $tmp $*"
}

# ends N: so many commands of mosaik's end by themselves, with status 0 and
# without a word.
ends() {
	local n status

	for ((n = 0; n < $1; n++)); do
		read -r -t "$PATIENCE" status <&5
		equal 0 "$status"
	done
	equal '' "$(cat "$tmp/log")"
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
	run -0 --separate-stderr t "$1/bin/python" "$examples/scenario.py" 20 \
		"${@:2}"
	equal "$(values 20)" "$(grep '^[0-9]' <<<"$output")"
}

# examples_by_cmd VENV: mosaik starts them.
examples_by_cmd() {
	local sim

	started >/dev/null
	sim="$(started amas-serve --mosaik --connect '%(addr)s' "$examples")"
	scenario "$1" "$sim/counter" "$sim/adder" "$sim/total.worker"
	ends 3
}

# examples_by_connect VENV: mosaik connects to them; twice, for the servers stay.
examples_by_connect() {
	local addrs=() source

	need_mosaik "$1"
	for source in counter adder total.worker; do
		start amas-serve --mosaik 127.0.0.1:0 "$examples/$source"
		addrs+=("${addr#tcp://}")
	done
	scenario "$1" "${addrs[@]}"
	scenario "$1" "${addrs[@]}"
	equal '' "$(cat "$tmp"/err.*)"
}

@test "mosaik: it starts the examples" {
	examples_by_cmd "$AMAS_VENV_MOSAIK"
}

@test "mosaik: it connects to the examples" {
	examples_by_connect "$AMAS_VENV_MOSAIK"
}

@test "mosaik: 3.3 starts the examples" {
	examples_by_cmd "$AMAS_VENV_MOSAIK3"
}

@test "mosaik: 3.3 connects to the examples" {
	examples_by_connect "$AMAS_VENV_MOSAIK3"
}
