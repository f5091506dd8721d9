# The C API as its users write it: each program of tests/examples, built against
# the header alone, talks to its other end, to our programs and to Python.

load helper
load tools/raw

setup() {
	make_tmp
	ex=$AMAS_BUILD/tests/examples
}

# serve_example PROGRAM ARG...: starts it; its first line is $addr.
serve_example() {
	local out=$tmp/out

	mkfifo "$out"
	"$@" >"$out" 2>"$tmp/err" 3>&- &
	pids+=($!)
	exec {from}<"$out"
	read -r -t "$PATIENCE" addr <&"$from"
}

# end_example: ends one that has no signal handler.
end_example() {
	kill -TERM "${pids[-1]}"
	wait "${pids[-1]}" || true
	unset 'pids[-1]'
	exec {from}<&-
}

@test "libamas: channel_client and channel_server" {
	serve_example "$ex/channel_server" tcp://127.0.0.1:0
	run -0 t "$ex/channel_client" "$addr"
	[ "$output" = cya ]
	read -r -t "$PATIENCE" line <&"$from"
	[ "$line" = ohai ]
	end_example
}

@test "libamas: rpc_client and rpc_server, and the server drains" {
	serve_example "$ex/rpc_server" tcp://127.0.0.1:0
	run -124 --separate-stderr t "$ex/rpc_client" "$addr"
	[ "$output" = $'7\n3.5' ]
	[ "$stderr" = "Origin: $addr
ValueError: this one always fails
rpc_client: timed out after 0.2s, waiting for the answer" ]
	stop "${pids[-1]}"
	exec {from}<&-
}

@test "libamas: amas-call and rpc_server" {
	serve_example "$ex/rpc_server" "$tmp/s"
	run -0 t amas-call "$addr" add 3 4
	[ "$output" = 7.0 ]
	run -0 t amas-call "$addr" math/scale 3 factor=3
	[ "$output" = 9.0 ]
	run -1 t amas-call "$addr" math/scale 3 factr=3
	run -0 t amas-call "$addr" clients
	[ "$output" = 1 ]
	stop "${pids[-1]}"
	exec {from}<&-
}

@test "libamas: call_once calls amas-serve" {
	printf '#!/bin/sh\nexpr "$1" + "$2"\n' >"$tmp/add"
	chmod +x "$tmp/add"
	start amas-serve "$tmp/sock" "$tmp/add"
	run -0 t "$ex/call_once" "$addr"
	[ "$output" = 7 ]
}

@test "libamas: call_once tells why it failed" {
	run -3 --separate-stderr t "$ex/call_once" "$tmp/nobody"
	[ "$stderr" = "call_once: No such file or directory" ]
}

@test "libamas: add_server, on a loop of the library's own" {
	serve_example "$ex/add_server" "$tmp/s"
	run -0 t "$ex/call_once" "$addr"
	[ "$output" = 7 ]
	run -1 --separate-stderr t amas-call "$addr" add 3 x
	equal 'TypeError: add: [1]: text, not a number' \
		"$(last_line "$stderr")"
	end_example
}

@test "libamas: types_codec, a typed value through a codec of its own" {
	run -0 t "$ex/types_codec"
	equal '34 bytes, (1.5, -2)' "$output"
}

# ffi ARG...: the shared library in Python.
ffi() {
	t "$(python)" "$AMAS_ROOT/tests/examples/ffi.py" \
		"$AMAS_BUILD/libamas.so.0" "$@"
}

@test "libamas: the shared library by FFI" {
	[ "$(has_asan)" = 0 ] || skip 'a library with sanitizers'
	serve_example "$ex/rpc_server" "$tmp/s"
	run -0 ffi "$addr"
	equal 7 "$output"
	run -0 ffi "$addr" "$ex/codec_plugin.so"
	equal 7 "$output"
	run -6 --separate-stderr ffi "$addr" ./none
	equal 'ffi.py: No such file or directory' "$output$stderr"
	run -3 --separate-stderr ffi "$tmp/nobody"
	equal 'ffi.py: No such file or directory' "$output$stderr"
	stop "${pids[-1]}"
	exec {from}<&-
}

@test "libamas: callback, both directions" {
	serve_example "$ex/callback" "$tmp/s" serve
	run -0 t "$ex/callback" "$addr"
	[ "$output" = 'Server reply: Client name is "Monty"' ]
	end_example
}

@test "libamas: worker, on standard input and output" {
	run -0 --separate-stderr t "$ex/worker" <<-'END'
		[0, 7, ["add", [3, 4], {}]]
		[0, 8, ["add", [3], {}]]
	END
	[ "${lines[0]}" = '[1, 7, 7.0]' ]
	[ "${lines[1]}" = '[2, 8, "TypeError: add: too few elements"]' ]
}

@test "libamas: tls, both ends, and our programs at the other" {
	[ -e "$AMAS_BUILD/amas/tls.so" ] || skip 'made without TLS'
	cd "$tmp"
	amas-pki -n ca
	amas-pki new device device.example 127.0.0.1
	amas-pki new client
	amas-pki sign device.csr client.csr
	serve_example "$ex/tls" serve 127.0.0.1:0
	run -0 t "$ex/tls" call "$addr"
	equal 'I am client, the server is device' "$output"
	run -0 t amas-call --cacert ca.pem --cert client.pem --key client.key \
		"$addr" whoami
	equal '"client"' "$output"
	end_example
	rm device.pem
	run -3 --separate-stderr t "$ex/tls" serve 127.0.0.1:0
	equal 'tls: device.pem: No such file or directory' "$stderr"
}

@test "libamas: local, two containers in one process" {
	run -0 t "$ex/local"
	equal 'local://b/0: ball 3
local://a/0: ball 3' "$output"
}

@test "libamas: clock, moved by the program" {
	run -0 t "$ex/clock" <<<$'0\n20\n30'
	equal 'now 0, next 14
tick at 20, 2016-01-01T11:59:50+00:00
now 20, next 30
once at 30, 2016-01-01T12:00:00+00:00
now 30, next 35' "$output"
	run -2 --separate-stderr t "$ex/clock" <<<$'5\n5'
	equal 'clock: Time must be > 5 but is 5' "$stderr"
}

@test "libamas: container, a market and houses in simulated time" {
	run -0 t "$ex/container" 1000
	equal 'local://town/0: 45067 offers in 5280 s, the best 0.0101361' \
		"$output"
}
