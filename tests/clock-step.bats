# Steps of amas-container, driven by amas-clock: agents that sleep, call each
# other, and are called from outside.

load helper

setup() {
	make_tmp
	cd "$tmp"
	mkdir sleeper teller
	# each a minute of the clock, its time in a file
	program sleeper/run 'while amas-clock sleep "${1:-60}"; do
		amas-clock time >>"$2"; done'
	program teller/tell 'amas-clock time'
	program teller/nap 'amas-clock sleep "$1" && amas-clock time'
	program teller/ask 'amas-call -r -- "$1" tell'
	program teller/wait 'read -r x <"$1"'
}

# program FILE TEXT: an executable in sh.
program() {
	printf '#!/bin/sh\n%s\n' "$2" >"$1"
	chmod +x "$1"
}

# container NAME SOURCE: with a clock to be set, at ./NAME; agent 0 is its manager;
# sets $addr and $pid.
container() {
	start amas-container --manager --clock external --start 2016-01-01 \
		"./$1" "$2"
}

# sleepers NAME DUR: one agent with its run, that writes to NAME.log.
sleepers() {
	echo "{\"class\": \"sleeper\", \"args\": [\"$2\", \"$tmp/$1.log\"]}" >"$1.agents"
	start amas-container --manager --clock external --start 2016-01-01 \
		--class sleeper=./sleeper -f "$1.agents" "./$1"
}

clock() {
	run --separate-stderr t amas-clock "$@"
}

times() {
	jq -c .time <<<"$output" | paste -sd ' '
}

@test "steps: agents of two containers sleep by one clock" {
	sleepers a 60
	sleepers b 90
	clock run --step 30 --until 270 ./a ./b
	equal '0 ' "$status $stderr"
	equal '30 60 90 120 150 180 210 240 270' "$(times)"
	equal '60 120 180 240' "$(paste -sd ' ' a.log)"
	equal '90 180 270' "$(paste -sd ' ' b.log)"
}

@test "steps: --next takes those steps alone that somebody waits for" {
	sleepers a 60
	sleepers b 90
	clock run --next --until 200 ./a ./b
	equal '60 90 120 180' "$(times)"
	equal '60 120 180' "$(paste -sd ' ' a.log)"
	equal '90 180' "$(paste -sd ' ' b.log)"
}

@test "steps: --next ends when nobody sleeps" {
	container a teller=./teller
	clock run --next ./a
	equal '0 ' "$status $output"
	t amas-call "${addr}1" nap 7.5 >woken &
	caller $!
	# a step to where it is: what the call does is done by then
	until [ -s woken ]; do
		clock run --next ./a
		equal 0 "$status"
	done
	wait $!
	forget $!
	equal 7.5 "$(cat woken)"
}

@test "steps: what is called between containers is handled in the step" {
	mkdir caller
	program caller/run 'while amas-clock sleep 10; do
		echo "$(amas-clock time) $(amas-call -r -- "$1" tell)" >>"$2"; done'
	container a teller=./teller
	echo "{\"class\": \"caller\", \"args\": [\"${addr}1\", \"$tmp/log\"]}" >agents
	start amas-container --manager --clock external --class caller=./caller \
		-f agents ./b
	clock run --step 5 --until 100 ./a ./b
	equal '0 20' "$status $(wc -l <<<"$output")"
	equal "$(seq 10 10 100 | sed 's/.*/& &/')" "$(cat log)"
}

@test "steps: Python's agents wake amas agents at the new time" {
	need_peer
	container a teller=./teller
	"$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/agents.py" "$tmp/py" \
		--clock external >py.url 2>py.err 3>&- &
	caller $!
	until [ -s py.url ]; do kill -0 $!; done
	t amas-clock set 0 ./py
	t amas-call "$(cat py.url)1" nap_and_call 20 "${addr}1" tell >told &
	caller $!
	until [ "$(t amas-call "$(cat py.url)1" sleepers)" = 1 ]; do :; done
	clock run --step 20 --until 40 ./py ./a
	equal '20 40' "$(times)"
	wait $!
	forget $!
	[ "$(cat told)" -ge 20 ]
}

@test "steps: with Python's agents, sums and times agree on both sides" {
	need_peer
	mkdir trader
	program trader/told "echo \"\$1 \$(amas-clock time)\" >>'$tmp/told'
		amas-clock time"
	program trader/run "while amas-clock sleep 10; do
		t=\$(amas-clock time)
		echo \"\$t \$(amas-call -r -- \"\$1\" told :=\$t)\" >>'$tmp/said'
	done"
	"$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/agents.py" "$tmp/py" \
		--clock external >py.url 2>py.err 3>&- &
	caller $!
	until [ -s py.url ]; do kill -0 $!; done
	python=$(cat py.url)
	echo "{\"class\": \"trader\", \"count\": 2, \"args\": [\"${python}1\"]}" >agents
	start amas-container --manager --clock external \
		--class trader=./trader -f agents ./a
	t amas-clock set 0 ./py
	t amas-call "${python}1" tell_each 10 "${addr}1" >/dev/null
	# Who calls Python's need not wait for it: here each step does.
	clock run --step 5 --until 100 --do "amas-call '${python}1' notes \
		\$((AMAS_TIME / 10 * 3)) >/dev/null" ./py ./a
	equal '0 20' "$status $(wc -l <<<"$output")"
	equal "$(seq 10 10 100 | sed 's/.*/& &/')" "$(cat told)"
	until [ "$(wc -l <said)" -eq 20 ]; do kill -0 "$pid"; done
	equal "$(seq 10 10 100 | sed 's/.*/& &/; p')" \
		"$(sed 's/\.0$//' said)"
	equal '[1650,1650]' "$(t amas-call "${python}1" notes 0 |
		jq -c '[(map(.[0]) | add), (map(.[1]) | add)]')"
}

@test "steps: calls in time to come, and forgotten ones" {
	mkdir later
	program later/note 'echo "$1 $(amas-clock time)" >>'"$tmp/log"
	program later/run 'amas-clock in 5 note five
		amas-clock at 2016-01-01T00:00:20 note twenty
		id=$(amas-clock in 10 note ten)
		amas-clock cancel "$id" >'"$tmp/cancelled"'
		amas-clock cancel "$id" >>'"$tmp/cancelled"
	container a later=./later
	clock run --until 30 ./a
	equal 0 "$status"
	equal $'five 5\ntwenty 20' "$(cat log)"
	equal $'true\nfalse' "$(cat cancelled)"
}

@test "steps: dates are those of the containers" {
	mkdir dated
	program dated/run "amas-clock until 2016-01-01T00:01 && amas-clock date >'$tmp/log'"
	container a dated=./dated
	clock run --next --until 2016-01-01T01:00 ./a
	equal '60' "$(times)"
	equal 2016-01-01T00:01:00+00:00 "$(cat log)"
}

@test "steps: a call from outside, between steps, is served" {
	container a teller=./teller
	clock run --until 3 --do "amas-call '${addr}1' tell" ./a
	equal 0 "$status"
	equal $'1\n2\n3' "$(grep -v time <<<"$output")"
}

@test "steps: when the clock ends, containers run on at their time" {
	container a teller=./teller
	clock run --until 7 ./a
	equal 7 "$(t amas-call "${addr}1" tell)"
	for ((n = 0; n < 3; n++)); do
		equal 7 "$(t amas-call "${addr}1" ask "${addr}1")"
	done
	clock run --step 5 --until 10 ./a
	equal '10' "$(times)"
}

@test "steps: 71: times that do not grow" {
	container a teller=./teller
	clock set 10 ./a
	equal 0 "$status"
	for n in 10 9.5 0; do
		clock set "$n" ./a
		equal "1 amas-clock: ./a: ValueError: Time must be > 10 but is $n" \
			"$status $stderr"
	done
	equal 10 "$(t amas-call "${addr}1" tell)"
}

@test "steps: 74: an agent that holds a step up is named, with its call" {
	mkfifo go
	container a teller=./teller
	t amas-call "${addr}1" wait "$tmp/go" &
	caller $!
	exec 5>go		# it has opened it
	clock run --lag 100ms -t 1 ./a
	equal 124 "$status"
	[[ $stderr == 'amas-clock: ./a: step 0: agent agents/1/wait: runs for '* ]]
	echo >&5
	exec 5>&-
	wait $!
	forget $!
	equal 0 "$(t amas-call "${addr}1" tell)"
}

@test "steps: --stop ends containers, with status 0" {
	container a teller=./teller
	a=$pid
	container b teller=./teller
	clock run --until 3 --stop ./a ./b
	equal 0 "$status"
	ended "$a" 0
	ended "$pid" 0
}

@test "steps: two clocks are one too many" {
	container a teller=./teller
	mkfifo in out
	t amas-clock feed ./a <in >out &
	caller $!
	exec 5>in 6<out
	echo 5 >&5
	read -r -t "$PATIENCE" granted <&6
	equal 5 "$granted"
	clock set 7 ./a
	equal 1 "$status"
	echo 8 >&5
	read -r -t "$PATIENCE" granted <&6
	equal 8 "$granted"
	exec 5>&- 6<&-
	wait $!
	forget $!
}
