# amas-dump: faults that the tap makes, --inject.

load helper

# serve [OPTION...]: echoes the arguments of f and of g; sets $server.
serve() {
	start amas-serve "$@" :0 'f=filter:sed -u s/^/f/' \
	    'g=filter:sed -u s/^/g/'
	server=$addr
}

# tap OPTION... -- COMMAND: runs it with a tap before the server; what the tap
# shows goes to $tmp/out, as JSON.
tap() {
	local opts=()

	while [ "$1" != -- ]; do
		opts+=("$1")
		shift
	done
	t amas-dump -o json --run "exec >&2; $2" "${opts[@]}" :0 "$server" \
	    >"$tmp/out"
}

# calls N: as many lines for amas-call -B.
calls() {
	seq "$1" | sed 's/.*/["f", [&], {}]/'
}

@test "amas-dump: --inject delay holds a message back" {
	serve
	tap --inject 'kind request and path f: delay 60ms' -- \
	    'amas-call $AMAS_ADDR f 1'
	run -0 jq -c '[.injected, (.took // 0) >= 0.06]' "$tmp/out"
	equal '["delay 60ms",false] [null,true]' "$(echo $output)"
	tap --inject 'delay 5ms' -- 'amas-call $AMAS_ADDR f 1'
	equal 'delay 5ms delay 5ms' "$(jq -r .injected "$tmp/out" | xargs)"
	tap --inject 'kind reply: delay 30ms' \
	    --inject 'kind reply and path g: delay 20ms' -- '
		a=$(date +%s%N)
		amas-call $AMAS_ADDR g 1
		echo $((($(date +%s%N) - a) / 1000000 >= 50))'
	run -0 jq -r '.injected // "-"' "$tmp/out"
	equal '- delay 50ms' "$(echo $output)"
}

@test "amas-dump: --inject delay: what is behind it keeps its place" {
	local second

	serve
	start amas-dump -o json :0 "$server" >"$tmp/second"
	second=$pid
	server=$addr
	printf '["%s", [1], {}]\n' g f g f f >"$tmp/in"
	run -0 --separate-stderr t amas-dump -o json --inject \
	    'path g and kind request: delay 30ms' --run \
	    "amas-call -B -P 5 \$AMAS_ADDR <$tmp/in" :0 "$server"
	equal 'g1 f1 g1 f1 f1' "$(grep '^.1, ' <<<"$output" | jq -r '.[2]' |
		xargs)"
	stop "$second"
}

@test "amas-dump: --inject drop leaves a message out" {
	serve
	run -124 --separate-stderr tap --inject 'path f: drop' -- \
	    'amas-call $AMAS_ADDR g 1; amas-call -t 0.5 $AMAS_ADDR f 1'
	run -0 jq -c '[.path, .m[0], .injected]' "$tmp/out"
	equal '["g",0,null] ["g",1,null] ["f",0,"drop"]' "$(echo $output)"
}

# delays SEED: the ids of requests that were held back.
delays() {
	tap --seed "$1" --inject 'kind request: delay 1ms 10%' -- \
	    "amas-call -B -P 300 \$AMAS_ADDR <$tmp/in" 2>"$tmp/err"
	jq -r 'select(.injected == "delay 1ms").m[1]' "$tmp/out" | xargs
}

@test "amas-dump: --inject: the same with the same seed" {
	local first

	serve
	calls 300 >"$tmp/in"
	first=$(delays 7)
	(($(wc -w <<<"$first") > 10 && $(wc -w <<<"$first") < 60))
	equal "$first" "$(delays 7)"
	[ "$first" != "$(delays 8)" ]
}

@test "amas-dump: --inject: another connection has other chances" {
	serve
	calls 100 >"$tmp/in"
	tap --inject 'kind reply: cut 3%' -- "for i in 1 2 3 4; do
		amas-call -BP1 \$AMAS_ADDR <$tmp/in; done; true" 2>"$tmp/err"
	run -0 jq -c 'select(.injected == "cut") | [.conn, .m[1]]' "$tmp/out"
	equal "[1] [2] [3] [4]" "$(jq -c '[.[0]]' <<<"$output" | xargs)"
	(($(jq '.[1]' <<<"$output" | sort -u | wc -l) > 1))
}

@test "amas-dump: --inject cut closes both ends" {
	serve
	run -5 --separate-stderr tap --inject 'kind reply and path f: cut' -- \
	    'amas-call $AMAS_ADDR g 1 && amas-call -q $AMAS_ADDR f 1'
	[[ $stderr == *'"g1"'*"connection closed by peer"* ]]
	equal cut "$(jq -r 'select(.injected).injected' "$tmp/out")"
}

@test "amas-dump: --inject fail answers, and the server hears nothing" {
	local codec

	for codec in json msgpack msgpack-blosc; do
		[ $codec != msgpack-blosc ] ||
			[ -e "$AMAS_BUILD/amas/codec_blosc.so" ] || continue
		start amas-serve --codec $codec :0 "f=exec:echo >>$tmp/heard" \
		    'g=exec:echo 2'
		server=$addr
		run -1 --separate-stderr tap --inject \
		    'path f: fail ValueError: no: 5%' -- \
		    "AMAS_CODEC=$codec amas-call \$AMAS_ADDR g
		     AMAS_CODEC=$codec amas-call \$AMAS_ADDR f"
		equal "ValueError: no: 5%" "$(last_line "$stderr")"
		[[ $stderr == 2$'\n'* ]]
		[ ! -e "$tmp/heard" ]
		run -0 jq -c '[.path, .m[0], .injected, .codec]' "$tmp/out"
		equal "[\"f\",2,null,\"$codec\"]" "${lines[3]}"
		equal "[\"f\",0,\"fail\",\"$codec\"]" "${lines[2]}"
		stop
	done
}

@test "amas-dump: --inject fail is an exception in Python" {
	need_peer
	serve
	cat >"$tmp/call.py" <<'END'
import aiomas, asyncio, sys
async def main(host, port):
    con = await aiomas.rpc.open_connection((host, int(port)))
    print(await con.remote.g(1))
    try:
        await con.remote.f(1)
    except aiomas.RemoteException as e:
        print("failed:", e.args[1])
    print(await con.remote.g(2))
    await con.close()
aiomas.run(main(*sys.argv[1].split("//")[1].split(":")))
END
	run -0 --separate-stderr tap --inject 'path f: fail sorry' -- \
	    "'$AMAS_VENV/bin/python' '$tmp/call.py' \$AMAS_ADDR"
	equal "g1 failed: sorry g2" "$(echo $stderr)"
}

@test "amas-dump: --inject: what no rule means passes unchanged" {
	serve
	head -c 600000 /dev/urandom | base64 -w 0 >"$tmp/large"
	run -0 --separate-stderr t amas-dump -s 10 --split \
	    --inject 'path other: drop' --inject 'path f: delay 5ms' --run \
	    "amas-call -r \$AMAS_ADDR f :text@$tmp/large >$tmp/got" :0 \
	    "$server"
	[[ $output == *'f("'*' {delay 5ms}'*'f = "f'*' {delay 5ms}'* ]]
	printf f | cat - "$tmp/large" >"$tmp/want"
	echo >>"$tmp/want"
	cmp "$tmp/want" "$tmp/got"
}

@test "amas-dump: --inject: what is no message passes" {
	cat >"$tmp/echo.py" <<'END'
import os, socket
s = socket.create_server(("127.0.0.1", 0))
os.write(4, b"127.0.0.1:%d\n" % s.getsockname()[1])
os.close(4)
c = s.accept()[0]
while data := c.recv(4096):
    c.sendall(data)
END
	start "$(python)" "$tmp/echo.py"
	cat >"$tmp/get.bash" <<'END'
a=${AMAS_ADDR#tcp://}
exec 3<>"/dev/tcp/${a%:*}/${a#*:}"
echo "GET / HTTP/1.0" >&3
read -r -t 10 line <&3 && echo "$line" >&2
END
	run -0 --separate-stderr t amas-dump --inject ': drop' \
	    --run "bash $tmp/get.bash" :0 "$addr"
	equal "GET / HTTP/1.0" "$(first_line "$stderr")"
	[[ $output == *'?? '*'HTTP'* ]]
	ended "$pid" 0
}

@test "amas-dump: --inject: a recording tells what was done" {
	serve
	tap -w "$tmp/rec" --inject 'path f: delay 1ms' \
	    --inject 'kind request: fail no' -- 'amas-call -q $AMAS_ADDR f 1; true'
	cmp "$tmp/out" "$tmp/rec"
	run -0 --separate-stderr t amas-dump -r "$tmp/rec" -o json
	equal "$(cat "$tmp/rec")" "$output"
	run -0 --separate-stderr t amas-dump -r "$tmp/rec"
	[[ $output == *': [0] f(1) {delay 1ms, fail} ! no <'* ]]
}

@test "amas-dump: --inject: wrong rules" {
	local rule

	for rule in 'path f' 'path f: explode' 'path f: delay' ': drop 5' \
	    ': drop 101%' ': delay 5x' ': fail' ': cut 5% 6%' 'pat f: cut'; do
		run -2 t amas-dump --inject "$rule" :0 :1
	done
	run -2 --separate-stderr t amas-dump --inject ': drop 5' :0 :1
	equal 'amas-dump: --inject: ": drop 5": a chance is N%' "$stderr"
	run -2 --separate-stderr t amas-dump -r /dev/null --inject ': cut'
	equal 'amas-dump: --inject: needs LISTEN and TARGET' \
	    "$(first_line "$stderr")"
	run -2 t amas-dump --seed x :0 :1
}
