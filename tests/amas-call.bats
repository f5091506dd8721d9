# amas-call: arguments, results, failures, statuses of single calls.

load helper
load tools/raw

# One server for all tests that leave it alive.
setup_file() {
	make_tmp
	echo "$tmp" >"$BATS_FILE_TMPDIR/tmp"
	start amas-serve "$tmp/s" "$AMAS_ROOT/tests/peer/services" \
		'nap=exec:sleep "$1"' 'esc=exec:printf "\033[1m$1\n"' \
		'failesc=exec:printf "\033[1mBad: x\n" >&2; exit 3'
	echo "$addr" >"$BATS_FILE_TMPDIR/addr"
}

teardown_file() {
	stop_all
	rm -rf "$(cat "$BATS_FILE_TMPDIR/tmp")"
}

setup() {
	make_tmp
	addr=$(cat "$BATS_FILE_TMPDIR/addr")
	cd "$tmp"
}

call() {
	t amas-call "$@"
}

# args JSON ARG...: what a function gets for these arguments.
args() {
	run -0 --separate-stderr call "$addr" kwargs "${@:2}"
	equal '' "$stderr"
	same "$1" "$output"
}

# bad STATUS MESSAGE ARG...: they are refused before anything is sent.
bad() {
	run "-$1" --separate-stderr call ./nobody kwargs "${@:3}"
	equal '' "$output"
	equal "amas-call: $2" "$stderr"
}

# --- Arguments ---

@test "amas-call: the rule for bare arguments" {
	args '[[], {}]'
	args '[[1, -1, 1.5, -1500.0, 0.5, 1e300], {}]' \
		1 -1 1.5 -1.5e3 .5 1e300
	args '[["007", "+5", "0x10", "NaN", "1e400", "Infinity", "5 "], {}]' \
		007 +5 0x10 NaN 1e400 Infinity '5 '
	args '[[true, false, null, "True", "", "a b"], {}]' \
		true false null True '' 'a b'
	args '[["5", "", [1, {"k": null}], {}], {}]' \
		'"5"' '""' '[1, {"k": null}]' '{}'
	args '[["a\"b", "\\", "grüße", "-x", "--", "--help"], {}]' \
		'a"b' '\' 'grüße' -x -- --help
	args '[[12345678901234567890123], {}]' 12345678901234567890123
}

@test "amas-call: keyword arguments" {
	args '[[1], {"a": 2, "_b9": "x", "C": [3]}]' a=2 1 _b9=x 'C=[3]'
	args '[[], {"a": "b=c", "d": "", "e": "=f"}]' a=b=c d= e===f
	args '[["=a", "1a=2", "a-b=1", "a b=1"], {}]' =a 1a=2 a-b=1 'a b=1'
	bad 4 'a: keyword argument is given twice' a=1 b=2 a==3
}

@test "amas-call: := is JSON, == is text" {
	args '[[5, NaN, "a"], {"k": -Infinity, "l": {"a": 1}}]' \
		:=5 :=NaN ':="a"' k:=-Infinity 'l:={"a": 1}'
	args '[["5", "", "@me", "=x"], {"k": "null", "l": ""}]' \
		==5 == ==@me ===x k==null l==
	bad 4 'argument 2: expected a value at offset 0' 1 k:=x
	bad 4 'argument 1: text without an end at offset 0' ':="a'
}

@test "amas-call: -s takes arguments as text" {
	run -0 --separate-stderr call -s "$addr" kwargs 5 a=1 k:=2 @me '{' ''
	same '[["5", "a=1", "k:=2", "@me", "{", ""], {}]' "$output"
}

@test "amas-call: content of files and of standard input" {
	printf '[1, 2]\n' >j
	printf 'a\nb\n' >t
	args '[[[1, 2], "a\nb\n"], {"k": "[1, 2]\n", "l": [1, 2]}]' \
		:json@j :text@t k:text@j l:json@j
	run -0 call "$addr" kwargs :text@- <t
	same '[["a\nb\n"], {}]' "$output"
	run -0 call "$addr" kwargs :text@- </dev/null
	same '[[""], {}]' "$output"
	bad 6 'nofile: No such file or directory' :text@nofile
	bad 6 '.: Is a directory' :json@.
	bad 4 'argument 1: expected a value at offset 0, where it ends' \
		:json@/dev/null
	bad 4 'argument 2: standard input is taken already' :text@- :json@-
	printf '\377' >t
	bad 4 'argument 1: text is not UTF-8' :text@t
	bad 4 'argument 2: text is not UTF-8' a "$(printf '\377')"
}

@test "amas-call: typed values" {
	run -0 --separate-stderr call "$addr" kwargs ':map=[["k", 1]]'
	same '[[{"k": 1}], {}]' "$output"
	args '[["a:b c=d", "http://x/y=z", ":foo@x", "::="], {}]' \
		'a:b c=d' http://x/y=z :foo@x ::=
	bad 4 'argument 1: base64 of bytes is wrong at offset 1' :bytes=A
	run -4 --separate-stderr call "$addr" kwargs :bytes=AAEC
	equal '' "$output"
	[ -n "$stderr" ]
	start amas-serve --codec msgpack "$tmp/m" \
		"$AMAS_ROOT/tests/peer/services"
	run -0 --separate-stderr call --codec msgpack "$addr" echo :bytes=0000
	same '{"__type__": ["bytes", "0000"]}' "$output"
	printf '\0\377' >b
	run -0 --separate-stderr call --codec msgpack "$addr" echo :bytes@b
	same '{"__type__": ["bytes", "AP8="]}' "$output"
	call -r --codec msgpack "$addr" echo :bytes@b | cmp - b
	run -0 env AMAS_CODEC=msgpack amas-call "$addr" echo 5
	equal 5 "$output"
}

@test "amas-call: a bare @ is kept for proxies" {
	bad 4 '@me: a proxy needs -x (as text: ==@me)' @me
	bad 4 '@: a proxy needs -x (as text: ==@)' k=@
}

@test "amas-call: JSON that is wrong says where" {
	run -4 --separate-stderr call ./nobody f '[1, 2' 3
	[[ $stderr == "amas-call: argument 1: "*"offset"* ]]
	run -4 --separate-stderr call ./nobody f 3 '{"a": }'
	[[ $stderr == "amas-call: argument 2: "*"offset 6"* ]]
}

@test "amas-call: paths of functions" {
	local p

	for p in sub/inner/where /sub//inner/where/ ///sub/inner///where; do
		run -0 call "$addr" "$p"
		equal '"sub/inner"' "$output"
	done
	for p in '' / ///; do
		run -2 --separate-stderr call "$addr" "$p"
		equal "amas-call: ${p:-\"\"}: is no function" "$stderr"
	done
	run -0 call "ipc://[${addr#ipc://}]/sub" inner/where
	equal '"sub/inner"' "$output"
	start amas-serve 127.0.0.1:0 "$AMAS_ROOT/tests/peer/services"
	run -0 call "$addr/sub/inner" where
	equal '"sub/inner"' "$output"
	run -0 call "${addr#tcp://}/sub//inner" where
	equal '"sub/inner"' "$output"
}

# --- Results ---

@test "amas-call: a result is one line of JSON" {
	run -0 call "$addr" kwargs 1 k=a
	equal '[[1], {"k": "a"}]' "$output"
	run -0 call "$addr" echo $'a\tb\nc\033\u202eü'
	equal '"a\tb\nc\u001b\u202eü"' "$output"
}

@test "amas-call: -r prints text bare, null not at all" {
	run -0 --keep-empty-lines call -r "$addr" echo $'a\tb\nc'
	equal $'a\tb\nc\n' "$output"
	run -0 call -r "$addr" const/null
	equal '' "$output"
	run -0 --keep-empty-lines call -r "$addr" const/empty
	equal $'\n' "$output"
	run -0 call -r "$addr" const/list
	equal '[1, "two", null, [3.5]]' "$output"
	call -r "$addr" esc x | cmp - <(printf '\033[1mx\n')
}

@test "amas-call: -p indents" {
	run -0 call -p "$addr" kwargs 1 k=2
	equal '[
  [
    1
  ],
  {
    "k": 2
  }
]' "$output"
}

@test "amas-call: --json prints results and failures" {
	run -0 --separate-stderr call --json "$addr" add 3 4
	equal '{"result": 7}' "$output"
	run -1 --separate-stderr call --json "$addr" fail ouch
	equal '' "$stderr"
	equal $'fail: exit status 1\nValueError: ouch' \
		"$(printf %s "$output" | jq -r .failure)"
	equal "$addr" "$(printf %s "$output" | jq -r .origin)"
	run -0 call --json -p "$addr" add 3 4
	equal $'{\n  "result": 7\n}' "$output"
	run -3 --separate-stderr call --json ./nobody add 3 4
	equal '' "$output"
	equal 'amas-call: ./nobody: No such file or directory' "$stderr"
}

@test "amas-call: a terminal gets layout, and control characters escaped" {
	command -v script >/dev/null || skip 'no script(1)'
	run -0 t script -qec "amas-call '$addr' const/list" /dev/null
	equal $'[\r\n  1,\r' "$(printf '%s\n' "$output" | head -n 2)"
	run -0 t script -qec "amas-call -r '$addr' esc x" /dev/null
	equal $'\\x1b[1mx\r' "$output"
}

# --- Failures ---

@test "amas-call: a failure has its origin and its text" {
	run -1 --separate-stderr call "$addr" nope
	equal '' "$output"
	equal "Origin: $addr
LookupError: Name \"nope\" not found in \"\"" "$stderr"
	run -1 --separate-stderr call "$addr" fail 'no such thing'
	equal "Origin: $addr
fail: exit status 1
ValueError: no such thing" "$stderr"
	run -1 --separate-stderr call "$addr" failesc
	equal "Origin: $addr
failesc: exit status 3
\\x1b[1mBad: x" "$stderr"
}

@test "amas-call: nothing there: status 3" {
	run -3 --separate-stderr call ./nobody add 3 4
	equal 'amas-call: ./nobody: No such file or directory' "$stderr"
	start amas-serve 127.0.0.1:0 'x=exec:true'
	stop
	run -3 --separate-stderr call "$addr"
	equal "amas-call: $addr: Connection refused" "$stderr"
}

@test "amas-call: -w waits, and no longer" {
	run -3 --separate-stderr call -w 50ms ./nobody add 3 4
	equal 'amas-call: ./nobody: No such file or directory' "$stderr"
	run -124 --separate-stderr call -w inf -t 50ms ./nobody add 3 4
	[[ $stderr == "amas-call: ./nobody: deadline of 0.05 s passed while "* ]]
	[[ $stderr == *connect* ]]
	call -w 20 ./late add 3 4 >out 2>&1 3>&- &
	local caller=$!
	start amas-serve ./late "$AMAS_ROOT/tests/peer/services"
	ended "$caller" 0
	equal 7 "$(cat out)"
}

@test "amas-call: -t is a deadline of everything, and names the phase" {
	run -124 --separate-stderr call -t 50ms "$addr" nap 30
	equal '' "$output"
	equal "amas-call: $addr: deadline of 0.05 s passed while waiting for the answer" \
		"$stderr"
	mkfifo never
	run -124 --separate-stderr call -t .05 "$addr" echo :text@- <>never
	equal 'amas-call: standard input: deadline passed while reading it' "$stderr"
	run -124 --separate-stderr call -t 1 -i 1h "$addr" add 3 4
	equal 7 "$output"
	equal "amas-call: $addr: deadline of 1 s passed while waiting for the next call" \
		"$stderr"
	run -124 env AMAS_TIMEOUT=50ms timeout 20 amas-call "$addr" nap 30
	run -0 env AMAS_TIMEOUT=10ms timeout 20 amas-call -t 0 "$addr" nap .1
}

@test "amas-call: a peer that closes or talks nonsense: status 5" {
	raw <<-'END'
	l = listen(tmp + '/l')
	for said, cause in (
	        (b'', 'connection closed by peer; is --codec right?'),
	        (b'\0\0', 'closed inside a header'),
	        (b'\0\0\0\x09[1, 0', 'closed inside a message (5 of 9 bytes)')):
	    call = start('amas-call', l.addr, 'add', '3', '4')
	    c = l.accept()
	    assert c.recv() == [0, 0, ['add', [3, 4], {}]]
	    c.send(said)
	    c.close()
	    assert call.wait() == (5, '', 'amas-call: %s: %s\n' % (l.addr, cause)), call.wait()
	# Who waited for seconds was understood.
	call = start('amas-call', l.addr, 'add', '3', '4')
	c = l.accept()
	c.recv()
	select.select([c.sock], [], [], 2.1)
	c.close()
	assert call.wait() == (5, '', 'amas-call: %s: connection closed by peer\n'
	                       % l.addr)
	for said in b'HTTP/1.1 400 Bad Request\r\n\r\n', frame(b'{]'), frame([7, 0, 0]):
	    call = start('amas-call', l.addr, 'add', '3', '4')
	    c = l.accept()
	    c.recv()
	    c.send(said)
	    c.closed()
	    status, out, err = call.wait()
	    assert (status, out) == (5, ''), (status, out)
	    assert err.startswith('amas-call: %s: ' % l.addr), err
	END
}

@test "amas-call: without a function it connects, and that is all" {
	run -0 --separate-stderr call "$addr"
	equal '' "$output$stderr"
	run -0 --separate-stderr call -n 3 "$addr"
	equal '' "$output$stderr"
}

@test "amas-call: -n and -i call again, on one connection" {
	run -0 call -n 3 "$addr" add 3 4
	equal $'7\n7\n7' "$output"
	run -0 call -i 1ms -n 3 "$addr" add 3 4
	equal $'7\n7\n7' "$output"
	run -1 --separate-stderr call -n 2 "$addr" fail x
	equal 2 "$(printf '%s\n' "$stderr" | grep -cx 'ValueError: x')"
	raw <<-'END'
	l = listen(tmp + '/l')
	call = start('amas-call', '-n', '3', l.addr, 'f')
	c = l.accept()
	for i in range(3):
	    assert c.recv() == [0, i, ['f', [], {}]]
	    c.send(frame([1, i, i]))
	c.closed()
	assert call.wait() == (0, '0\n1\n2\n', '')
	END
}

@test "amas-call: -q and -qq" {
	run -1 --separate-stderr call -q "$addr" fail x
	[ -n "$stderr" ]
	run -1 --separate-stderr call -qq "$addr" fail x
	equal '' "$stderr"
	run -3 --separate-stderr call -q -q ./nobody
	equal '' "$stderr"
	run -2 --separate-stderr call -qq
	[ -n "$stderr" ]
}

@test "amas-call: -v says what it does, on standard error" {
	run -0 --separate-stderr call -v "$addr" add 3 4
	equal 7 "$output"
	[[ $stderr == "amas-call: $addr: connected"* ]]
}

@test "amas-call: --max-message" {
	head -c 2000 /dev/zero | tr '\0' y >y
	run -4 --separate-stderr call --max-message 1K "$addr" echo :text@y
	equal 'amas-call: y: more than 1024 bytes' "$stderr"
	run -4 --separate-stderr call --max-message 1K "$addr" echo "$(cat y)"
	[[ $stderr == *"limit 1024"* ]]
	run -0 call --max-message 3K -r "$addr" echo :text@y
	equal "$(cat y)" "$output"
}

@test "amas-call: a remote path that is given is nothing but a name" {
	run -1 --separate-stderr call "$addr" ../../etc/passwd
	equal 'LookupError: Name ".." not found in ""' "$(last_line "$stderr")"
	run -1 --separate-stderr call "$addr" $'a\nb'
	[[ $stderr == *LookupError* ]]
}

@test "amas-call: -vv shows each message" {
	start amas-serve "$tmp/socket" 'add=exec:expr "$1" + "$2"'
	run -0 --separate-stderr t amas-call -vv "$addr" add 3 4
	equal 7 "$output"
	[[ $stderr == *'sent [0, 0, ["add", [3, 4], {}]]'*'got [1, 0, 7]'* ]]
}

@test "amas-call: a descriptor that is no connection" {
	run -3 --separate-stderr t amas-call fd:9 f
	equal 'amas-call: fd:9: Bad file descriptor' "$stderr"
	for fd in 3 4; do # what the program itself has open by then
		run --separate-stderr t amas-call "fd:$fd" f 3>&- 4>&-
		[ "$status" = 3 ] || [ "$status" = 5 ]
	done
	run -3 --separate-stderr t amas-call fd:9 f 9<"$tmp"
	equal 'amas-call: fd:9: not a socket, pipe, terminal or file' "$stderr"
}

@test "amas-call: a host that is not there is named as such" {
	export AMAS_PARENT=./gone
	run -3 --separate-stderr call 'ipc:///x/h//1' f
	equal 'amas-call: AMAS_PARENT=./gone: No such file or directory' "$stderr"
	run -3 --separate-stderr call ./gone f
	equal 'amas-call: AMAS_PARENT=./gone: No such file or directory' "$stderr"
	run -3 --separate-stderr bash -c 'echo "[\"f\"]" |
		amas-call -B ipc:///x/h//1'
	equal 'amas-call: AMAS_PARENT=./gone: No such file or directory' "$stderr"
	run -3 --separate-stderr t amas-clock time
	equal 'amas-clock: AMAS_PARENT=./gone: No such file or directory' "$stderr"
	AMAS_PARENT=gone run -2 --separate-stderr call 'ipc:///x/h//1' f
	[[ $stderr == 'amas-call: AMAS_PARENT=gone: '* ]]
}

@test "amas-call: addresses that nobody can be reached at say why" {
	run -3 --separate-stderr call local://a f
	equal 'amas-call: local://a: local:// is reached only from inside its own process' \
		"$stderr"
	run -3 --separate-stderr t amas-clock set 1 local://a
	equal 'amas-clock: local://a: local:// is reached only from inside its own process' \
		"$stderr"
	run -2 --separate-stderr call ''
	equal 'amas-call: "": no host and port' "$stderr"
	run -3 --separate-stderr call "$tmp"
	equal "amas-call: $tmp: is no socket" "$stderr"
}

@test "amas-call: a request that the server does not take to its end" {
	start amas-serve --max-message 1M "$tmp/s" f=exec:true
	head -c 20000000 /dev/zero | tr '\0' x >"$tmp/big"
	run -5 --separate-stderr call "$addr" f :text@"$tmp/big"
	[[ $stderr == *'; the peer ended the connection while we were sending, its log may say why' ]]
}
