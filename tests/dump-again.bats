# amas-dump: what is done with a recording, --replay and --stub.

load helper

# serve [OPTION...]: adds, fails, and counts what was asked in $tmp/asked.
serve() {
	start amas-serve "$@" :0 "add=exec:echo add >>$tmp/asked
		expr \"\$1\" + \"\$2\"" \
	    "fail=exec:echo fail >>$tmp/asked; echo \"no: \$1\" >&2; false" \
	    'json=json:jq -c .'
	server=$addr
}

# other: the same functions, which answer something else.
other() {
	start amas-serve :0 'add=exec:expr "$1" + "$2" + "$1" / 5' \
	    'fail=exec:echo "never: $1" >&2; false' 'json=json:jq -c .'
	server=$addr
}

# record COMMAND: through a tap; the recording is $tmp/rec.
record() {
	t amas-dump -w "$tmp/rec" --run "exec >&2; $1" :0 "$server"
}

# some: three calls on three connections, three on one.
some() {
	record 'amas-call $AMAS_ADDR add 3 4
		amas-call $AMAS_ADDR add 5 6
		amas-call -q $AMAS_ADDR fail x
		for i in 1 2 3; do echo "[\"add\", [$i, 1], {}]"; done |
			amas-call -B $AMAS_ADDR' 2>"$tmp/err"
}

# ---- Replay ----

@test "amas-dump: --replay sends the requests again" {
	serve
	some
	rm "$tmp/asked"
	run -0 --separate-stderr t amas-dump -t -r "$tmp/rec" --replay "$server"
	equal '[0] add(3, 4) = 7
[0] add(5, 6) = 11
[0] fail("x") ! no: x' "$(head -n 3 <<<"$output" | sed 's/.*\(\[.*\) <.*/\1/')"
	equal '[0] add(1, 1) = 2 [1] add(2, 1) = 3 [2] add(3, 1) = 4' \
	    "$(tail -n 3 <<<"$output" | sed 's/.*\(\[.*\) <.*/\1/' | sort |
		xargs -d '\n')"
	equal 6 "$(wc -l <"$tmp/asked")"
	[[ ${lines[0]} == *" > ${server#tcp://}: "* ]]
}

@test "amas-dump: --replay takes what the filter chooses" {
	serve
	some
	rm "$tmp/asked"
	run -0 --separate-stderr t amas-dump -t -r "$tmp/rec" \
	    --replay "$server" failed or path add and id 2
	equal 2 "${#lines[@]}"
	[[ $output == *'fail("x") ! no: x'*'add(3, 1) = 4'* ]]
	equal "fail add" "$(echo $(cat "$tmp/asked"))"
}

@test "amas-dump: --replay --diff shows replies that differ" {
	serve
	some
	run -0 --separate-stderr t amas-dump -r "$tmp/rec" --replay "$server" \
	    --diff
	equal "" "$output$stderr"
	other
	run -1 --separate-stderr t amas-dump -r "$tmp/rec" --replay "$server" \
	    --diff
	equal 'add(5, 6)
- 11
+ 12
fail("x")
- ! no: x
+ ! never: x' "$output"
	run -0 t amas-dump -r "$tmp/rec" --replay "$server" --diff id 2
	run -6 --separate-stderr bash -c "timeout '$PATIENCE' amas-dump \
	    -r '$tmp/rec' --replay '$server' --diff >/dev/full"
	equal "amas-dump: standard output: No space left on device" "$stderr"
}

@test "amas-dump: --replay: maps in another order are no difference" {
	echo '{"n": 1, "t": 1, "from": "a", "to": "b", "m": [0, 0, ["json", [{"a": 1, "b": [2]}], {}]]}
{"n": 2, "t": 1, "from": "b", "to": "a", "m": [1, 0, [[{"b": [2], "a": 1}], {}]]}' \
	    >"$tmp/rec"
	serve
	run -0 --separate-stderr t amas-dump -r "$tmp/rec" --replay "$server" \
	    --diff
	equal "" "$output"
}

@test "amas-dump: --replay waits for what came before, on any connection" {
	local i

	start amas-serve :0 "put=exec:echo \"\$1\" >>$tmp/log"
	server=$addr
	record 'for i in 1 2 3 4 5 6 7 8; do
		amas-call $AMAS_ADDR put $i; done' 2>/dev/null
	equal "1 2 3 4 5 6 7 8" "$(echo $(cat "$tmp/log"))"
	for i in 1 2 3; do
		rm "$tmp/log"
		t amas-dump -r "$tmp/rec" --replay "$server" >"$tmp/out"
		equal "1 2 3 4 5 6 7 8" "$(echo $(cat "$tmp/log"))"
	done
}

@test "amas-dump: --replay --speed keeps the distances" {
	serve
	echo '{"t": 10, "from": "a", "to": "b", "m": [0, 0, ["add", [1, 1], {}]]}
{"t": 10.1, "from": "b", "to": "a", "m": [1, 0, 2]}
{"t": 11, "from": "a", "to": "b", "m": [0, 1, ["add", [1, 2], {}]]}
{"t": 11.1, "from": "b", "to": "a", "m": [1, 1, 3]}' >"$tmp/rec"
	local begin=$EPOCHREALTIME

	run -0 --separate-stderr t amas-dump -r "$tmp/rec" --replay "$server" \
	    --speed 10 -o json
	run -0 jq -s '[.[] | select(.m[0] == 0)] |
		.[1].t - $begin | . >= 0.0999' --argjson begin "$begin" \
		<<<"$output"
	equal true "$output"
}

@test "amas-dump: --replay answers callbacks as they were" {
	start amas-serve :0 'hi=exec:echo "Hello, $(amas-call -r "$AMAS_PEER" name)"'
	server=$addr
	record 'amas-call -x "name=exec:echo Ann" $AMAS_ADDR hi' 2>"$tmp/err"
	equal '"Hello, Ann"' "$(cat "$tmp/err")"
	run -0 --separate-stderr t amas-dump -r "$tmp/rec" --replay "$server" \
	    --diff
	equal "" "$output"
	# Without the callback in the recording there is no reply to it.
	sed -i '2,3d' "$tmp/rec"
	run -1 --separate-stderr t amas-dump -r "$tmp/rec" --replay "$server" \
	    --diff
	[[ $output == 'hi()'* ]]
	run -0 --separate-stderr t amas-dump -r "$tmp/rec" --replay "$server"
	[[ $output == *'name() ! no recorded reply to name'* ]]
}

@test "amas-dump: --replay in the codec of the recording, or another" {
	serve --codec msgpack
	AMAS_CODEC=msgpack some
	run -0 t amas-dump -r "$tmp/rec" --replay "$server" --diff
	serve
	run -0 t amas-dump -r "$tmp/rec" --replay "$server" --diff --codec json
	run -5 --separate-stderr t amas-dump -r "$tmp/rec" --replay "$server"
	[[ $stderr == "amas-dump: $server: "* ]]
}

@test "amas-dump: --replay: dates and proxies of agents" {
	echo '{"from": "a", "to": "b", "m": [0, 0, ["agents/0/f", [{"__type__": ["date", "2016-01-01T00:00:00+00:00"]}, {"__type__": ["proxy", "agents/7"]}], {}]]}
{"from": "b", "to": "a", "m": [1, 0, {"__type__": ["proxy", "agents/0"]}]}' >"$tmp/rec"
	start amas-dump --stub :0 -r "$tmp/rec"
	run -0 --separate-stderr t amas-dump -r "$tmp/rec" --replay "$addr" \
	    --diff
	equal "" "$output"
	run -0 --separate-stderr t amas-dump -t -r "$tmp/rec" --replay "$addr"
	[[ $output == *'["proxy", "agents/7"]'*' = {"__type__": ["proxy", "agents/0"]} <'* ]]
}

@test "amas-dump: --replay to a container" {
	mkdir "$tmp/a"
	printf '#!/bin/sh\necho "$1, hello"\n' >"$tmp/a/hello"
	chmod +x "$tmp/a/hello"
	start amas-container :0 "$tmp/a"
	server=${addr%/}
	record 'amas-call -r $AMAS_ADDR/0 hello :date=2016-01-01' 2>"$tmp/err"
	equal "2016-01-01T00:00:00+00:00, hello" "$(cat "$tmp/err")"
	run -0 --separate-stderr t amas-dump -t -r "$tmp/rec" --replay "$server"
	[[ $output == *'agents/0/hello({"__type__": ["date", "2016-01-01T00:00:00+00:00"]}) = "2016-01-01T00:00:00+00:00, hello" <'* ]]
	run -0 --separate-stderr t amas-dump -t -r "$tmp/rec" \
	    --replay "$server" --diff
	equal "" "$output"
}

@test "amas-dump: --replay against a recording by Python" {
	need_peer
	start_peer 127.0.0.1:0
	server=$addr
	record 'amas-call $AMAS_ADDR add 3 4' 2>"$tmp/err"
	equal 7 "$(cat "$tmp/err")"
	run -0 --separate-stderr t amas-dump -r "$tmp/rec" --replay "$server" \
	    --diff
	equal "" "$output"
}

@test "amas-dump: --replay: nobody there, nothing there" {
	echo '[0, 0, ["f", [], {}]]
[1, 0, 1]' >"$tmp/rec"
	run -3 --separate-stderr t amas-dump -r "$tmp/rec" \
	    --replay "$tmp/nobody"
	equal "amas-dump: $tmp/nobody: No such file or directory" "$stderr"
	run -4 --separate-stderr t amas-dump -r /dev/null --replay :1
	equal "amas-dump: nothing to replay" "$output$stderr"
	run -4 --separate-stderr t amas-dump -r "$tmp/rec" --replay :1 path g
	equal "amas-dump: nothing to replay" "$output$stderr"
	run -6 --separate-stderr t amas-dump -r "$tmp/none" --replay :1
	run -2 --separate-stderr t amas-dump -r "$tmp/rec" --replay tcp://x:y
}

@test "amas-dump: --replay to who is silent ends with --timeout" {
	printf '%s\n' '[0, 0, ["add", [1, 2], {}]]' '[1, 0, 3]' \
	    '[0, 1, ["sleep", [], {}]]' '[0, 2, ["sleep", [], {}]]' \
	    '[1, 1, null]' '[1, 2, null]' >"$tmp/rec"
	start amas-serve :0 'add=exec:expr "$1" + "$2"'
	start amas-dump -w "$tmp/out" --inject 'path sleep: drop' :0 "$addr"
	run -124 --separate-stderr t amas-dump -t -r "$tmp/rec" \
	    --replay "$addr" --timeout 0.3
	equal "amas-dump: $addr: no reply for 0.3 s, 2 are due" "$stderr"
	[[ ${lines[0]} == *'add(1, 2) = 3 <'* ]]
	run -2 --separate-stderr t amas-dump -r "$tmp/rec" --timeout 3
	equal "amas-dump: --timeout: needs --replay" "$stderr"
	run -2 t amas-dump -r "$tmp/rec" --replay :1 --timeout 0
}

# ---- Stub ----

@test "amas-dump: --stub answers as recorded" {
	serve
	some
	stop
	out=$tmp/out start amas-dump -t -r "$tmp/rec" --stub :0
	equal 7 "$(t amas-call "$addr" add 3 4)"
	equal 11 "$(t amas-call "$addr" add 5 6)"
	run -1 --separate-stderr t amas-call -q "$addr" fail x
	equal "no: x" "$(last_line "$stderr")"
	run -1 --separate-stderr t amas-call "$addr" add 6 5
	equal "no recorded reply to add" "$(last_line "$stderr")"
	stop
	[[ $(cat "$tmp/out") == *'add(3, 4) = 7'*'add(6, 5) ! no recorded'* ]]
}

@test "amas-dump: --stub: several replies in their order, the last repeats" {
	local i

	for i in 0 1 2; do
		echo "[0, $i, [\"next\", [], {\"b\": 1, \"a\": [2]}]]"
		echo "[1, $i, \"reply $i\"]"
	done >"$tmp/rec"
	run -0 --separate-stderr t amas-dump -r "$tmp/rec" --stub :0 --run '
		exec >&2
		for i in 1 2 3 4; do
			amas-call -r $AMAS_ADDR next "a:=[2]" b=1
		done' -o json
	equal "$(printf 'reply %d\n' 0 1 2 2)" "$stderr"
	equal 8 "${#lines[@]}"
	equal '[1,3,"reply 2"]' \
	    "$(tail -n 1 <<<"$output" | jq -c '[.m[0], .conn - 1, .m[2]]')"
}

@test "amas-dump: --stub: integers and reals differ, the order of names does not" {
	printf '%s\n' '[0, 0, ["bid", [900], {"a": 1, "b": {"x": 1, "y": 2}}]]' \
	    '[1, 0, 1]' >"$tmp/rec"
	start amas-dump -r "$tmp/rec" --stub :0
	equal 1 "$(t amas-call "$addr" bid 900 b='{"y": 2, "x": 1}' a=1)"
	run -1 --separate-stderr t amas-call "$addr" bid 900.0 a=1 \
	    b='{"x": 1, "y": 2}'
	equal "no recorded reply to bid" "$(last_line "$stderr")"
}

@test "amas-dump: --stub: agents that were called are there" {
	printf '%s\n' '[0, 4, ["agents/7/f", [1], {}]]' '[1, 4, 9]' \
	    '[0, 5, ["agents/8/f", [], {}]]' \
	    '[0, 6, ["validate_aid", ["6"], {}]]' '[1, 6, null]' >"$tmp/rec"
	start amas-dump -r "$tmp/rec" --stub :0
	equal 9 "$(t amas-call "$addr/7" f 1)"
	equal '"Agent"' "$(t amas-call "$addr" validate_aid ==8)"
	equal null "$(t amas-call "$addr" validate_aid ==6)"
	run -1 --separate-stderr t amas-call "$addr/9" f 1
	equal "no recorded reply to validate_aid, nor a call of that agent" \
	    "$(last_line "$stderr")"
	stop
	# what the end that dialled was asked is no agent here, and the filter holds
	printf '%s\n' \
	    '{"t": 1, "from": "a", "to": "b", "m": [0, 0, ["f", [], {}]]}' \
	    '{"t": 1, "from": "b", "to": "a", "m": [0, 0, ["agents/7/f", [], {}]]}' \
	    '{"t": 1, "from": "a", "to": "b", "m": [1, 0, 1]}' \
	    '{"t": 1, "from": "a", "to": "b", "m": [0, 1, ["agents/8/f", [], {}]]}' \
	    '{"t": 1, "from": "b", "to": "a", "m": [1, 1, 1]}' >"$tmp/rec"
	run -1 t amas-dump -r "$tmp/rec" --stub :0 -q \
	    --run 'amas-call "$AMAS_ADDR/7" f >&2' >"$tmp/out"
	run -1 t amas-dump -r "$tmp/rec" --stub :0 -q \
	    --run 'amas-call "$AMAS_ADDR/8" f >&2' not agent 8
	run -0 t amas-dump -r "$tmp/rec" --stub :0 -q \
	    --run 'amas-call "$AMAS_ADDR/8" f >&2'
}

@test "amas-dump: --stub: Python finds agents of a recording that began late" {
	need_peer
	printf '%s\n' '[0, 4, ["agents/0/hello", ["Ann"], {}]]' \
	    '[1, 4, "hello, Ann"]' >"$tmp/rec"
	cat >"$tmp/call.py" <<'END'
import aiomas, sys
async def main(url):
    print(await (await c.connect(url + '/0')).hello('Ann'))
c = aiomas.Container.create(sys.argv[1], as_coro=False)
aiomas.run(main(sys.argv[2]))
END
	start amas-dump -r "$tmp/rec" --stub 127.0.0.1:0
	run -0 --separate-stderr t "$AMAS_VENV/bin/python" "$tmp/call.py" \
	    "$tmp/c" "$addr"
	equal 'hello, Ann' "$output"
}

@test "amas-dump: --stub: -c ends it, the last reply is delivered" {
	printf '%s\n' '[0, 0, ["f", [], {}]]' '[1, 0, 1]' >"$tmp/rec"
	out=$tmp/out start amas-dump -t -r "$tmp/rec" --stub :0 -c 1
	equal 1 "$(t amas-call "$addr" f)"
	ended "$pid" 0
	equal 1 "$(wc -l <"$tmp/out")"
	run -9 --separate-stderr t amas-dump -t -r "$tmp/rec" --stub :0 -c 1 \
	    --run 'exec >&2; amas-call $AMAS_ADDR f; amas-call $AMAS_ADDR f
		exit 9'
	equal "1 1" "$(echo $stderr)"
	equal 1 "${#lines[@]}"
}

@test "amas-dump: --stub --speed takes as long" {
	printf '%s\n' \
	    '{"t": 1, "from": "a", "to": "b", "m": [0, 0, ["f", [], {}]]}' \
	    '{"t": 3, "from": "b", "to": "a", "m": [1, 0, 1]}' \
	    '{"t": 3, "from": "a", "to": "b", "m": [0, 1, ["f", [], {}]]}' \
	    '{"t": 90, "from": "b", "to": "a", "m": [1, 1, 2]}' >"$tmp/rec"
	run -0 --separate-stderr t amas-dump -r "$tmp/rec" --stub :0 \
	    --speed 20 -o json --run '
		exec >&2; amas-call $AMAS_ADDR f
		amas-call -t 0.05 $AMAS_ADDR f || true'
	run -0 jq -s '.[1].took | . >= 0.1 and . < 2' <<<"$output"
	equal true "$output"
	[[ $stderr == 1$'\n'*deadline* ]]
}

@test "amas-dump: --stub in every codec, on a unix socket, with TLS" {
	local codec

	printf '%s\n' '[0, 0, ["f", [], {}]]' '[1, 0, [1.5, "x"]]' >"$tmp/rec"
	for codec in json msgpack; do
		start amas-dump -r "$tmp/rec" --stub "$tmp/sock" --codec $codec
		equal '[1.5, "x"]' "$(t amas-call --codec $codec "$tmp/sock" f)"
		stop
	done
	command -v amas-pki >/dev/null && [ -e "$AMAS_BUILD/amas/tls.so" ] ||
		return 0
	(cd "$tmp" && amas-pki -n ca && amas-pki new me 127.0.0.1 &&
		amas-pki sign me.csr >/dev/null)
	start amas-dump -r "$tmp/rec" --stub 127.0.0.1:0 \
	    --listen-cacert "$tmp/ca.pem" --listen-cert "$tmp/me.pem" \
	    --listen-key "$tmp/me.key"
	equal '[1.5, "x"]' "$(t amas-call --cacert "$tmp/ca.pem" \
	    --cert "$tmp/me.pem" --key "$tmp/me.key" "$addr" f)"
	run -0 --separate-stderr t amas-dump -t -r "$tmp/rec" --replay "$addr" \
	    --cacert "$tmp/ca.pem" --cert "$tmp/me.pem" --key "$tmp/me.key"
	[[ $output == *': [0] f() = [1.5, "x"] <'* ]]
	run -5 t amas-dump -r "$tmp/rec" --replay "$addr"
}

@test "amas-dump: --stub on an address in use cannot listen" {
	echo '[0, 0, ["f", [], {}]]' >"$tmp/rec"
	serve
	run -3 --separate-stderr t amas-dump -r "$tmp/rec" --stub "$server"
	equal "amas-dump: $server: Address already in use" "$stderr"
}

@test "amas-dump: --stub for Python" {
	need_peer
	printf '%s\n' '[0, 0, ["f", [1], {"a": 2}]]' '[1, 0, {"x": [1]}]' \
	    '[0, 1, ["g", [], {}]]' '[2, 1, "Traceback\nValueError: no\n"]' \
	    >"$tmp/rec"
	cat >"$tmp/call.py" <<'END'
import aiomas, sys
async def main(host, port):
    con = await aiomas.rpc.open_connection((host, int(port)))
    print(await con.remote.f(1, a=2))
    for f in con.remote.g, con.remote.h:
        try:
            await f()
        except aiomas.RemoteException as e:
            print(e.args[1].splitlines()[-1])
    await con.close()
aiomas.run(main(*sys.argv[1].split("//")[1].split(":")))
END
	start amas-dump -r "$tmp/rec" --stub 127.0.0.1:0
	run -0 --separate-stderr t "$AMAS_VENV/bin/python" "$tmp/call.py" "$addr"
	equal "{'x': [1]}
ValueError: no
no recorded reply to h" "$output"
}

@test "amas-dump: options of --replay and --stub that do not fit" {
	run -2 --separate-stderr t amas-dump --replay :1 :0 :1
	equal "amas-dump: --replay: needs -r FILE" "$(first_line "$stderr")"
	run -2 t amas-dump -r /dev/null --replay :1 --stub :0
	run -2 t amas-dump -r /dev/null --diff
	run -2 t amas-dump -r /dev/null --speed 2
	run -2 t amas-dump -r /dev/null --replay :1 --speed 0
	run -2 --separate-stderr t amas-dump -r /dev/null --replay :1 --diff \
	    -o json
	equal "amas-dump: --diff: does not go with -o" "$stderr"
	run -2 t amas-dump -r /dev/null --stub :1 --wait 3
	run -2 t amas-dump -r /dev/null --replay :1 --run true
}
