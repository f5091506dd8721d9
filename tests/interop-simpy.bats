# amas and simpy.io, whose wire is aiomas's with JSON: the same frames on the
# channel layer, where content can be anything and frames are 16 KiB at most.

load helper

simpy() {
	timeout "$PATIENCE" "$AMAS_VENV/bin/python" \
		"$AMAS_ROOT/tests/peer/simpy_peer.py" "$@"
}

serve_simpy() {
	start "$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/simpy_peer.py" \
		serve tcp://127.0.0.1:0
}

# The calls that simpy.io makes, and what must come back for them.
calls() {
	printf '%s\n' '["add", [3, 4], {}]' '["fail", ["no € here"], {}]' \
		'["echo", [{"a": [1.5, null, "\u20ac"]}], {}]'
}
answered() {
	equal 3 "${#lines[@]}"
	same '[1, 1, 7]' "${lines[0]}"
	[[ ${lines[1]} == '[2, 2, "'*'ValueError: no \u20ac here'*'"]' ]]
	same '[1, 3, {"a": [1.5, null, "\u20ac"]}]' "${lines[2]}"
}

@test "interop: simpy.io calls aiomas (the cases themselves)" {
	need_peer
	start_peer tcp://127.0.0.1:0
	run -0 simpy send "$addr" < <(calls)
	answered
}

@test "interop: simpy.io calls amas-serve" {
	need_peer
	start amas-serve tcp://127.0.0.1:0 "$AMAS_ROOT/tests/peer/services"
	run -0 simpy send "$addr" < <(calls)
	answered
}

@test "interop: simpy.io sends amas-serve what is no call" {
	need_peer
	start amas-serve tcp://127.0.0.1:0 "$AMAS_ROOT/tests/peer/services"
	run -0 simpy send "$addr" < <(printf '%s\n' 5 '["add"]' 'null')
	equal 3 "${#lines[@]}"
	for n in 1 2 3; do
		[[ ${lines[n - 1]} == "[2, $n, \""*'"]' ]]
	done
	run -0 simpy send "$addr" < <(calls)
	answered
}

@test "interop: amas-call calls simpy.io" {
	need_peer
	serve_simpy
	run -0 --separate-stderr t amas-call "$addr" some/path 3 four k=5.5
	same '["some/path", [3, "four"], {"k": 5.5}]' "$output"
	equal '' "$stderr"

	run -1 --separate-stderr t amas-call "$addr" fail 'no € here'
	equal '' "$output"
	[[ $stderr == "Origin: "*"${addr##*:}"* ]]
	equal 'ValueError: no € here' "$(last_line "$stderr")"
}

@test "interop: amas-call sends simpy.io 500 requests on one connection" {
	need_peer
	serve_simpy
	for n in {1..500}; do
		echo "[\"f\", [$n], {}]"
	done >"$tmp/in"
	run -0 --separate-stderr t amas-call -B "$addr" <"$tmp/in"
	equal 500 "${#lines[@]}"
	same '[1, 1, ["f", [1], {}]]' "${lines[0]}"
	same '[1, 500, ["f", [500], {}]]' "${lines[499]}"
}
