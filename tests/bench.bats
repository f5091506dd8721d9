# The benchmarks can be run, and see what goes wrong.

load helper
load tools/raw

setup() {
	[ "$(has_asan)" = 0 ] ||
		skip 'with sanitizers there is nothing to compare'
	make_tmp
	bench=$AMAS_BUILD/tests/bench
}

# have_zmq, have_aiomas: skip a test without it.
have_zmq() {
	[ -e "$bench/zmq" ] || skip 'made without zmq.h'
}

have_aiomas() {
	[ -x "$AMAS_VENV/bin/python" ] ||
		skip "no $AMAS_VENV: see scripts/check"
}

@test "bench: agents.sh takes all of its figures" {
	have_aiomas
	run -0 --separate-stderr "$AMAS_ROOT/tests/bench/agents.sh" 1 500 3>&-
	equal "" "$stderr"
	for figure in runs-tmp workers-tmp plugin-start plugin-bytes \
		shared-start shared-bytes plugin-calls worker-calls \
		plugin-ring3 worker-ring3 plugin-ring6 \
		plugin-star3 worker-star3 plugin-star6; do
		# of few agents the bytes may be less than none
		grep -qE "^$figure +[0-9.-]+ \([0-9.-]+\) +[0-9-]" \
			<<<"$output" || { echo "$figure: $output"; return 1; }
	done
}

@test "bench: agents.sh ends where a reply is wrong" {
	have_aiomas
	mkdir -p "$tmp/build/tests"
	ln -s "$AMAS_BUILD/amas-container" "$tmp/build"
	ln -s "$AMAS_BUILD/tests/bench" "$tmp/build/tests"
	cat >"$tmp/build/amas-call" <<-END
	#!/bin/sh
	"$AMAS_BUILD/amas-call" "\$@" | sed 's/, 0]]\$/, 1]]/'
	END
	chmod +x "$tmp/build/amas-call"
	run -1 env AMAS_BUILD="$tmp/build" \
		"$AMAS_ROOT/tests/bench/agents.sh" 1 500 3>&-
	equal "agents.sh: aiomas 2 pair: calls were lost" "$output"
}

@test "bench: tls takes all of its figures" {
	[ -e "$bench/tls" ] || skip 'made without TLS'
	run -0 --separate-stderr t "$bench/tls" 1 50
	equal "" "$stderr"
	for figure in shake-p256 shake-rsa2048 calls bulk idle; do
		grep -qE "^$figure +[0-9.-]+ \([0-9.-]+\) +[0-9]" \
			<<<"$output" || { echo "$figure: $output"; return 1; }
	done
}

@test "bench: clock.sh takes all of its figures" {
	have_aiomas
	run -0 --separate-stderr "$AMAS_ROOT/tests/bench/clock.sh" 1 200 3>&-
	equal "" "$stderr"
	for figure in idle{1,3}-{raw,limit} steps1-raw steps1-aiomas mixed1 \
		steps3-raw steps3-aiomas mixed3 ring3x1-raw calls3x1 check3x1 \
		messages3x1 ring3x5-raw calls3x5 check3x5 messages3x5 year-sim \
		year-clock woken-sim woken-clock due; do
		grep -qE "^$figure +[0-9.]+ \([0-9.-]+\) +[0-9]" \
			<<<"$output" || { echo "$figure: $output"; return 1; }
	done
	# calls and their answers, steps and theirs, and what else it takes
	awk '/^messages3x1 / { exit !($2 >= 12 && $2 <= 36) }' <<<"$output"
}

@test "bench: clock.sh ends where an agent did not wake" {
	have_aiomas
	mkdir -p "$tmp/build/tests"
	ln -s "$AMAS_BUILD/amas-container" "$AMAS_BUILD/amas-clock" "$tmp/build"
	ln -s "$AMAS_BUILD/tests/bench" "$tmp/build/tests"
	cat >"$tmp/build/amas-call" <<-END
	#!/bin/sh
	"$AMAS_BUILD/amas-call" "\$@" | sed 's/^\[2500,/[2499,/'
	END
	chmod +x "$tmp/build/amas-call"
	run -1 env AMAS_BUILD="$tmp/build" \
		"$AMAS_ROOT/tests/bench/clock.sh" 1 200 3>&-
	[[ $output == "clock.sh: ipc://"*"/0]/: counts are [2499, 0, 0], \
not [2500, 0, 0]" ]]
}

@test "bench: mosaik.sh takes all of its figures" {
	need_mosaik "$AMAS_VENV_MOSAIK"
	run -0 --separate-stderr "$AMAS_ROOT/tests/bench/mosaik.sh" 1 200 3>&-
	equal "" "$stderr"
	for figure in sh2 awk2 plugin2 inside2 sh3 awk3 plugin3 inside3; do
		grep -qE "^$figure +[0-9.]+ \([0-9.-]+\) +[0-9]" \
			<<<"$output" || { echo "$figure: $output"; return 1; }
	done
}

@test "bench: mosaik.sh ends where a value is wrong" {
	need_mosaik "$AMAS_VENV_MOSAIK"
	mkdir -p "$tmp/build/tests"
	ln -s "$AMAS_BUILD/tests/bench" "$tmp/build/tests"
	cat >"$tmp/build/amas-serve" <<-END
	#!/bin/sh
	exec "$AMAS_BUILD/amas-serve" "\$@" \
		'get_data=exec:echo "{\"e\": {\"out\": 1}}"'
	END
	chmod +x "$tmp/build/amas-serve"
	run -1 env AMAS_BUILD="$tmp/build" \
		"$AMAS_ROOT/tests/bench/mosaik.sh" 1 200 3>&-
	[[ $output == *'AssertionError: (0, 1)'* ]]
	[[ $output == *"mosaik.sh: "*"/sh: status 1" ]]
}

@test "bench: sleepers count calls that went well, and others" {
	echo '{"class": "sleeper", "args": [0, "ipc://['"$tmp"'/odd]/"]}' \
		>"$tmp/file"
	start amas-container --manager "$tmp/odd" 'odd=worker:jq -c --unbuffered \
		"[1, .[1], (.[2][1][0] | . - . % 2)]"'
	start amas-container -f "$tmp/file" --manager \
		--class "sleeper=$bench/clock_plugin.so" "$tmp/s"
	equal null "$(t amas-call "${addr}1" run 10)"
	equal "[0, 5, 5]" "$(t amas-call "${addr}1" counts)"
}

@test "bench: agents count replies that are right, and wrong" {
	start amas-container ./s "bench=$bench/agents_plugin.so" \
		"worker=worker:$bench/agents_worker" \
		'odd=worker:jq -c --unbuffered \
			"[1, .[1], (.[2][1][0] | . - . % 2)]"'
	for id in 0 1; do
		equal "[10, 0]" \
			"$(t amas-call "$addr$id" flood "${addr}0" 10 3)"
		equal "[5, 5]" \
			"$(t amas-call "$addr$id" flood "${addr}2" 10 3)"
		run -0 t amas-call "$addr$id" flood "${addr}7" 10 3
		equal "[0, 10]" "$output"
	done
}

@test "bench: rawlimit takes all of its figures" {
	local raw=$bench/rawlimit kind number='^[0-9.]*[1-9][0-9.]*$'

	for kind in tcp unix; do
		for what in "pingpong $kind 64" "fanout $kind 3" \
			"bulk $kind 1048576"; do
			[[ $(t "$raw" $what 0.01) =~ $number ]]
		done
	done
	[[ $(t "$raw" coprocess 16 0.01) =~ $number ]]
	[[ $(t "$raw" exec 0 cat) =~ $number ]]
	mkfifo "$tmp/addr"
	"$raw" serve "$tmp/s" >"$tmp/addr" 3>&- &
	pids+=($!)
	read -r -t "$PATIENCE" addr <"$tmp/addr"
	for what in "load json ADDR echo 64 16" "load msgpack ADDR echo 64 1" \
		"accept ADDR"; do
		[[ $(t "$raw" ${what/ADDR/$addr} 0.01) =~ $number ]]
	done
	[[ $(t "$raw" hold "$addr" 10 </dev/null) =~ $number ]]
	equal '[1,1000000,["echo",["hello"],{}]]' "$(t "$bench/tiny" "$addr")"
}

@test "bench: rawlimit's load takes no other reply than that" {
	start amas-serve "$tmp/s" "$bench/echo_plugin.so" 'short=exec:echo x' \
		"lines=filter:$bench/rawlimit lines"
	for what in "echo 0" "nope 64" "short 64"; do
		run -1 t "$bench/rawlimit" load json "$addr" $what 1 0.01
		[[ $output == *"another reply than that"* ]]
	done
	for bytes in 64 300 70000; do
		t "$bench/rawlimit" load json "$addr" echo "$bytes" 16 0.01
		t "$bench/rawlimit" load json "$addr" lines "$bytes" 16 0.01
	done
	printf '[{"a": [1.5, null]}]' >"$tmp/doc"
	t "$bench/rawlimit" load json "$addr" echo "@$tmp/doc" 16 0.01
	start amas-serve --codec msgpack "$tmp/m" "$bench/echo_plugin.so"
	for codec in msgpack bytes; do
		for bytes in 64 300 70000; do
			t "$bench/rawlimit" load "$codec" "$addr" echo \
				"$bytes" 16 0.01
		done
	done
}

@test "bench: zmq takes its figure" {
	local number='^[0-9.]*[1-9][0-9.]*$' to

	have_zmq
	for to in 'tcp://127.0.0.1:*' "ipc://$tmp/z"; do
		mkfifo "$tmp/addr"
		"$bench/zmq" serve "$to" >"$tmp/addr" 3>&- &
		pids+=($!)
		read -r -t "$PATIENCE" addr <"$tmp/addr"
		rm "$tmp/addr"
		for what in "64 1" "64 1024" "1048576 1"; do
			[[ $(t "$bench/zmq" load "$addr" $what 0.01) =~ $number ]]
		done
	done
}

@test "bench: zmq's load takes no other reply than that" {
	have_zmq
	start "$(python)" "$AMAS_ROOT/tests/tools/zmtp.py" "$tmp/z" \
		0:64,1:64 1:64 0:63 0:65 0:64,0:64
	t "$bench/zmq" load "$addr" 64 1 0
	for _ in number shorter longer again; do
		run -1 t "$bench/zmq" load "$addr" 64 1 0
		equal "zmq: another reply than that: failed" "$output"
	done
	forget "$pid"
	ended "$pid" 0
}

@test "bench: calls.sh takes all of its figures" {
	have_aiomas
	run -0 --separate-stderr "$AMAS_ROOT/tests/bench/calls.sh" 1 100 3>&-
	equal "" "$stderr"
	for figure in machine.idle \
		raw.{tcp,unix}.w{1,16,128,1024} \
		{amas,aiomas}.{tcp,unix}.{json,msgpack}.w{1,16,128,1024} \
		{both,both.aiomas}.tcp.w{1,128} {lines,filter,worker}.w{1,16,128} \
		{raw,exec}.cat{,.idle} amas.{json,msgpack,bytes}.1MiB \
		{amas,python,aiomas}.json.dicts {raw,amas}.{once,accept}.{tcp,unix} \
		base.{rss,dirty,threads} idle.{none.w1,connects,bytes,many.w1}; do
		grep -qE "^$figure +[0-9.-]+ [^ ]+ min [0-9.-]+ max [0-9.-]+ runs 1\>" \
			<<<"$output" || { echo "$figure: $output"; return 1; }
	done
	grep -qE "^amas.json.dicts .* ratio [0-9.]+ to python.json.dicts" \
		<<<"$output"
	if [ -e "$bench/tls" ]; then
		grep -q "^both.tls.w1 " <<<"$output"
		grep -q "^amas.once.tls " <<<"$output"
	fi
	if [ -e "$bench/zmq" ]; then
		for figure in {tcp,unix}.w{1,16,128,1024} bytes.1MiB; do
			grep -q "^zmq.$figure " <<<"$output"
			grep -q " to zmq.$figure\>" <<<"$output"
		done
	fi
}

@test "bench: calls.sh ends where a reply is wrong" {
	mkdir -p "$tmp/build/tests"
	ln -s "$AMAS_BUILD/amas-call" "$tmp/build"
	ln -s "$bench" "$tmp/build/tests/bench"
	cat >"$tmp/build/amas-serve" <<-END
	#!/bin/bash
	exec "$AMAS_BUILD/amas-serve" "\${@:1:\$#-1}" 'echo=text:echo x'
	END
	chmod +x "$tmp/build/amas-serve"
	run -1 env PARTS=large AMAS_BUILD="$tmp/build" AMAS_VENV="$tmp" \
		"$AMAS_ROOT/tests/bench/calls.sh" 1 100 3>&-
	[[ $output == *"rawlimit: another reply than that"*": no figure" ]]
}

@test "bench: plot.sh draws each figure of a run" {
	mkdir "$tmp/bin"
	cat >"$tmp/bin/gnuplot" <<-'END'
	#!/bin/sh
	tee "$PLOT" | sed -n "s/^set output '\(.*\)'/\1/p"
	for f in $(grep -o "'[^']*/rows[^']*'" "$PLOT" | tr -d "'"); do
		sed "s|^|${f##*.} |" "$f"
	done
	END
	chmod +x "$tmp/bin/gnuplot"
	PLOT=$tmp/plot PATH=$tmp/bin:$PATH run -0 \
		"$AMAS_ROOT/tests/bench/plot.sh" "$tmp" <<-'END'
	# no redis-server: not compared
	machine.idle          97 % min 95 max 99 runs 3
	raw.tcp.w1         30000 1/s min 29000 max 31000 runs 3
	amas.tcp.json.w1   27000 1/s min 26000 max 28000 runs 3 ratio 0.9 to raw.tcp.w1
	both.aiomas.tcp.w1  3000 1/s min 2000 max 4000 runs 3 busy 1
	redis.1MiB          1000 MB/s min 900 max 1100 runs 3
	zmq.bytes.1MiB       800 MB/s min 700 max 900 runs 3
	END
	equal "$tmp/bench-rates.svg
limit raw.tcp.w1 3 30000 29000 31000
amas amas.tcp.json.w1 2 27000 26000 28000
Python both.aiomas.tcp.w1 1 3000 2000 4000
$tmp/bench-rates.svg
$tmp/bench-speeds.svg
redis redis.1MiB 2 1000 900 1100
zmq zmq.bytes.1MiB 1 800 700 900
$tmp/bench-speeds.svg" "$output"
}
