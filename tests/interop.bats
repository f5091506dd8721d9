# amas and Python's aiomas at either end of the wire: the same cases for
#
#	{amas-serve, aiomas} x {amas-call, aiomas} x
#	{json, msgpack, msgpack-blosc} x {tcp, unix}
#
# and with JSON over TLS, with the same certificate at both ends.
#
# $INTEROP lists the combinations to run as SERVER/CLIENT/CODEC/TRANSPORT, by
# default all of them; scripts/check runs this file once for each, so that each
# combination of a case is a test of its own.  The functions that are called
# are in peer/services as executables and in peer/server.py for Python.

load helper

combinations() {
	echo {amas-serve,aiomas}/{amas-call,aiomas}/{json,msgpack,msgpack-blosc}/{tcp,unix}
	[ ! -e "$AMAS_BUILD/amas/tls.so" ] ||
		echo {amas-serve,aiomas}/{amas-call,aiomas}/json/tls
}

# tls_options PROGRAM: its options for $transport.
tls_options() {
	local pki=$BATS_FILE_TMPDIR

	case $transport.$1 in
	tls.aiomas)
		echo "--ssl $pki/ca.pem $pki/peer.pem $pki/peer.key" ;;
	tls.*)
		echo "--cacert $pki/ca.pem --cert $pki/peer.pem --key $pki/peer.key" ;;
	esac
}

# each CASE: runs the function CASE for each combination, with $server, $client,
# $codec, $transport and $addr set.  Return 77 from CASE: not for this one.
each() {
	local combination skipped=
	for combination in ${INTEROP:-$(combinations)}; do
		case $combination in
		*aiomas*)
			if ! have_peer; then
				skipped=yes
				continue
			fi
			;;
		esac
		echo "with $combination:" >&2
		IFS=/ read -r server client codec transport <<<"$combination"
		addr=$(cat "$BATS_FILE_TMPDIR/addr.$server.$codec.$transport")
		"$1"
		stop_all
		rm -rf "${tmp:?}"/*
	done
	if [ -n "$skipped" ]; then
		skip "$(why_no_peer)"
	fi
}

# One server of each kind serves all the cases that leave it alive.
setup_file() {
	local combination

	make_tmp
	echo "$tmp" >"$BATS_FILE_TMPDIR/tmp"
	amas-pki -d "$BATS_FILE_TMPDIR" -n ca
	amas-pki -d "$BATS_FILE_TMPDIR" new peer 127.0.0.1
	amas-pki -d "$BATS_FILE_TMPDIR" sign "$BATS_FILE_TMPDIR/peer.csr"
	for combination in ${INTEROP:-$(combinations)}; do
		IFS=/ read -r server client codec transport <<<"$combination"
		if [ -e "$BATS_FILE_TMPDIR/addr.$server.$codec.$transport" ]; then
			continue
		fi
		if [ "$server" = aiomas ] && ! have_peer; then
			continue
		fi
		start_server "$(fresh_addr)"
		echo "$addr" >"$BATS_FILE_TMPDIR/addr.$server.$codec.$transport"
	done
}

teardown_file() {
	stop_all
	rm -rf "$(cat "$BATS_FILE_TMPDIR/tmp")"
}

# fresh_addr: an address to listen on.
fresh_addr() {
	if [ "$transport" != unix ]; then
		echo tcp://127.0.0.1:0
	else
		echo "$tmp/s.$server.$codec.$BATS_TEST_NUMBER"
	fi
}

# start_server ADDR: starts a $server there; sets $addr and $pid.
start_server() {
	if [ "$server" = aiomas ]; then
		start_peer $(tls_options aiomas) --codec "$codec" "$1"
	else
		start amas-serve $(tls_options amas) -j 128 --codec "$codec" "$1" \
			"$AMAS_ROOT/tests/peer/services"
	fi
}

# call [OPTION...] -- [FUNCTION [ARG...]]: calls $addr with the $client, whose
# command line is the same for both.
call() {
	local options=()

	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	if [ "$client" = aiomas ]; then
		set -- "$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/client.py" \
			$(tls_options aiomas) "${options[@]}" --codec "$codec" "$addr" "$@"
	else
		set -- amas-call $(tls_options amas) "${options[@]}" --codec "$codec" "$addr" "$@"
	fi
	exec timeout "$PATIENCE" "$@"
}

# gives JSON FUNCTION [ARG...]: the call succeeds with that result and says
# nothing else.
gives() {
	run -0 --separate-stderr call -- "${@:2}"
	same "$1" "$output"
	equal '' "$stderr"
}

# fails FUNCTION [ARG...]: the remote side fails the call; the origin stands in
# the first line of $stderr, $last is the last one.
fails() {
	run -1 --separate-stderr call -- "$@"
	equal '' "$output"
	origin "$(first_line "$stderr")"
	last=$(last_line "$stderr")
}

origin() {
	local where=${addr##*:}	# the port

	[ "$transport" != unix ] || where=${addr#ipc://} where=${where//[][]/}
	if [[ $1 != "Origin: "*"$where"* ]]; then
		equal "Origin: ...$where..." "$1"
	fi
}

# --- Results and arguments ---

@test "interop: results of every type" {
	each results
}
results() {
	gives null const/null
	gives true const/true
	gives false const/false
	gives 7 const/int
	gives -3 const/negative
	gives 2.5 const/float
	gives 1e+100 const/exponent
	gives '"hello world"' const/text
	gives '""' const/empty
	gives '[1, "two", null, [3.5]]' const/list
	gives '{"a": 1, "b": {"c": [true, false]}}' const/map
}

@test "interop: arguments on the command line" {
	each arguments
}
arguments() {
	gives 7 add 3 4
	gives 1 add -3 4
	gives '"3"' echo ==3
	gives '[1, {"a": null}]' echo ':=[1, {"a": null}]'
	gives '[[1, 2.5, true, null, "a b", "-x", [], {}], {}]' \
		kwargs 1 2.5 true null 'a b' -x '[]' '{}'
}

@test "interop: keyword arguments" {
	each keywords
}
keywords() {
	gives '"Hello, Ann"' greet Ann
	gives '"Hi, Ann"' greet Ann greeting=Hi
	gives '"Hi, 5"' greet name==5 greeting=Hi
	gives '[[1], {"a": 2, "b": "3", "c": [null]}]' \
		kwargs 1 a=2 b==3 'c:=[null]'
}

@test "interop: every value passes both ways unchanged" {
	each values
}
values() {
	passes null true false 0 1 -1 127 128 -128 -129 65535 65536 \
		4294967295 4294967296 -2147483649 9223372036854775807 \
		-9223372036854775808 0.1 -0.0 1e300 5e-324 2.2250738585072014e-308 \
		1.7976931348623157e308 123456789.12345679 3.0 1e16 '""' '"a"' '[]' \
		'{}' '[[[[[[[[[[[[]]]]]]]]]]]]' '{"a": {"b": {"": {}}}}' \
		'[1, "two", null, [3.5], {"k": [true]}]' \
		'{"__proto__": 1, "type": [0, ""]}' \
		"$(nested 100)"
}

# nested N: N lists in each other.
nested() {
	printf '%*s' "$1" '' | tr ' ' '['
	printf '%*s' "$1" '' | tr ' ' ']'
}

# passes VALUE...: function echo gives each back as it came, all on one
# connection.
passes() {
	local value n=0 expected=

	for value; do
		printf '["echo", [%s], {}]\n' "$value"
		n=$((n + 1))
		expected+="${expected:+, }[1, $n, $value]"
	done >"$tmp/in"
	run -0 --separate-stderr call -B -- <"$tmp/in"
	equal '' "$stderr"
	equal $# "${#lines[@]}"
	same "[$expected]" "[$(printf '%s\n' "$output" | paste -sd,)]"
}

@test "interop: text with any character" {
	each unicode
}
unicode() {
	gives '"grüße \u20ac 🙂"' echo 'grüße € 🙂'
	passes '"\u00e9\u0000\u0001\b\t\n\f\r\u001b\u007f\u0085\u00a0"' \
		'"\"\\\/ <>&'"'"'"' '"\u202e\u2028\ufeff\uffff"' \
		'"\ud83d\ude42 \ud834\udd1e"' '"日本語"' '{"k\u00e9y\n": "\u0000"}' \
		'"line\nline\n\n"' '"  blanks  "'
	if [ "$codec" = json ]; then
		passes '"\ud800"' '"\udfff\ud800x"'
	fi
}

@test "interop: NaN and infinities" {
	each not_finite
}
not_finite() {
	passes NaN Infinity -Infinity '[NaN, {"a": -Infinity}]'
	gives NaN echo :=NaN
}

@test "interop: integers beyond 64 bits" {
	each long_integers
}
long_integers() {
	local ten400

	passes 9223372036854775808 18446744073709551615
	if [ "$codec" = json ]; then
		ten400=1$(printf '%0400d' 0)
		passes 18446744073709551616 -9223372036854775809 "$ten400" "-$ten400"
		gives 1000000000000000000000000000000 const/huge
	else
		# MsgPack cannot say it: the one who would send it fails.
		fails const/huge
		run --separate-stderr call -- echo :=18446744073709551616
		[ "$status" -ne 0 ]
		equal '' "$output"
		[ -n "$stderr" ]
	fi
}

@test "interop: bytes and maps with any key" {
	each msgpack_only
}
msgpack_only() {
	if [ "$codec" = json ]; then
		return
	fi
	passes '{"__type__": ["bytes", "AAH/gA=="]}' '{"__type__": ["bytes", ""]}' \
		'{"__type__": ["map", [[1, "one"], ["1", "text"], [-5, "neg"]]]}'
	gives '{"__type__": ["map", [[1, "one"], ["1", "text"], [-5, "neg"]]]}' \
		intkeys
}

@test "interop: an argument and a result of 10 MiB" {
	each big
}
big() {
	head -c $((10 << 20)) /dev/zero | tr '\0' y >"$tmp/y"
	gives $((10 << 20)) size ":text@$tmp/y"

	run -0 --separate-stderr to_file call -r -- const/blob
	tr x y <"$tmp/out" | head -c $((10 << 20)) | cmp - "$tmp/y"
	equal $(((10 << 20) + 1)) "$(wc -c <"$tmp/out")"

	run -0 --separate-stderr to_file call -r -- echo ":text@$tmp/y"
	echo >>"$tmp/y"
	cmp "$tmp/out" "$tmp/y"
}
to_file() {
	"$@" >"$tmp/out"
}

# --- Paths and failures ---

@test "interop: nested services" {
	each nested_services
}
nested_services() {
	gives '"sub"' sub/where
	gives '"sub/inner"' sub/inner/where
}

@test "interop: unknown functions" {
	each unknown
}
unknown() {
	fails nope
	equal 'LookupError: Name "nope" not found in ""' "$last"
	fails sub/nope 1
	equal 'LookupError: Name "nope" not found in "sub"' "$last"
	fails sub/inner/nope
	equal 'LookupError: Name "nope" not found in "sub/inner"' "$last"
	fails nope/sub/inner a=1
	equal 'LookupError: Name "nope" not found in ""' "$last"
	fails add/more
	equal 'LookupError: Name "more" not found in "add"' "$last"
}

@test "interop: a function that is not exposed" {
	each not_exposed
}
not_exposed() {
	fails secret
	if [ "$server" = aiomas ]; then
		equal 'LookupError: "__main__.Root.secret" is not exposed' "$last"
	else
		# The folder stands for the class.
		equal 'LookupError: "services.secret" is not exposed' "$last"
	fi
}

@test "interop: a service is no function" {
	each no_function
}
no_function() {
	fails sub
	if [ "$server" = aiomas ]; then
		equal "TypeError: 'Sub' object is not callable" "$last"
	else
		equal "TypeError: 'sub' is a service, not a function" "$last"
	fi
}

@test "interop: a failing handler's text and origin" {
	each failure
}
failure() {
	fails fail 'no such thing: "x" € 5'
	equal 'ValueError: no such thing: "x" € 5' "$last"
}

@test "interop: a failure leaves the connection" {
	each failure_inside
}
failure_inside() {
	printf '%s\n' '["add", [1, 2], {}]' '["fail", ["no"], {}]' \
		'["nope", [], {}]' '["add", [3, 4], {}]' >"$tmp/in"
	run -1 --separate-stderr call -B -- <"$tmp/in"
	equal 4 "${#lines[@]}"
	same '[1, 1, 3]' "${lines[0]}"
	[[ ${lines[1]} =~ ^\[2,\ ?2,\ ?\".*ValueError:\ no(\\n)?\"\]$ ]]
	[[ ${lines[2]} =~ ^\[2,\ ?3,\ ?\".*LookupError:\ Name\ .*(\\n)?\"\]$ ]]
	same '[1, 4, 7]' "${lines[3]}"
}

# --- Many calls, and ends that vanish ---

@test "interop: 100 slow calls on one connection, answered out of order" {
	each slow
}
slow() {
	local i fd line answers client_pid gates=()

	mkdir "$tmp/gates"
	mkfifo "$tmp/gates"/{0..99} "$tmp/answers"
	for i in {0..99}; do
		exec {fd}<>"$tmp/gates/$i"
		gates+=("$fd")
		echo "[\"gate\", [\"$tmp/gates\", $i], {}]"
	done >"$tmp/in"

	# Each is let go when the one after it has been answered.
	call -B -P 100 --unordered -- <"$tmp/in" >"$tmp/answers" 3>&- &
	client_pid=$!
	caller $client_pid
	exec {answers}<"$tmp/answers"
	for i in {99..0}; do
		echo >&"${gates[i]}"
		read -r -t "$PATIENCE" line <&"$answers"
		equal "[1,$((i + 1)),$i]" "${line// }"
	done
	exec {answers}<&-
	ended $client_pid 0

	# Without --unordered the answers wait for each other.
	call -B -P 100 -- <"$tmp/in" >"$tmp/out" 3>&- &
	client_pid=$!
	caller $client_pid
	for i in {99..0}; do
		echo >&"${gates[i]}"
	done
	ended $client_pid 0
	for fd in "${gates[@]}"; do
		exec {fd}>&-
	done
	equal "$(for i in {0..99}; do echo "[1,$((i + 1)),$i]"; done)" \
		"$(tr -d ' ' <"$tmp/out")"
}

@test "interop: the server is lost in mid-call" {
	each lost_server
}
lost_server() {
	start_server "$(fresh_addr)"
	run -5 --separate-stderr call -- die
	equal '' "$output"
	[ -n "$stderr" ]
	ended "$pid" 137
}

@test "interop: the client is lost in mid-call" {
	each lost_client
}
lost_client() {
	local client_pid

	mkfifo "$tmp/started" "$tmp/never"
	call -- hang "$tmp" >"$tmp/out" 2>&1 3>&- &
	client_pid=$!
	caller $client_pid
	read -r -t "$PATIENCE" _ <>"$tmp/started"
	# timeout(1) passes what is not KILL on to the client, and dies of it.
	kill -TERM $client_pid
	wait $client_pid || true
	forget $client_pid
	gives 7 add 3 4
}

@test "interop: the client is there before the server" {
	each early_client
}
early_client() {
	local where client_pid

	# Take a free port from a server that goes away again.
	where=$(fresh_addr)
	if [ "$transport" != unix ]; then
		start_server "$where"
		where=$addr
		stop
	fi
	addr=$where
	mkfifo "$tmp/log"
	call -v -w 60 -- add 3 4 >"$tmp/out" 2>"$tmp/log" 3>&- &
	client_pid=$!
	caller $client_pid
	exec 5<"$tmp/log"
	if ! read -r -t "$PATIENCE" _ <&5; then
		echo "nothing with -v of an attempt to connect" >&2
		return 1
	fi
	start_server "$where"
	cat <&5 >"$tmp/rest"
	exec 5<&-
	ended $client_pid 0
	same 7 "$(cat "$tmp/out")"
}
