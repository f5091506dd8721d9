# Nothing is lost, doubled or mixed up: 100 connections with 64 calls open on
# each, replies out of order, texts from none to 1 MiB.  The numbers are small;
# make lost takes a million calls ($CALLS) of each.

load helper

CALLS=${CALLS:-20000}
PATIENCE=${LOST_PATIENCE:-60}

setup() {
	make_tmp
	stress=$AMAS_BUILD/tests/stress
}

# lost CALLS [OPTION...]: the calls to $addr; what was counted is in $output.
lost() {
	run t "$stress/lost" "${@:2}" "$addr" "$1"
	echo "# $BATS_TEST_DESCRIPTION: ${lines[-1]}" >&3
	[ "$status" = 0 ] || {
		echo "$output" >&2
		return 1
	}
}

# count TEXT: the number before it in $output.
count() {
	sed -n "s/.*[^0-9]\([0-9]*\) $1.*/\1/p" <<<"$output"
}

# all_right: each of the calls was answered, and came once.
all_right() {
	equal "$CALLS" "$(count right)"
	[[ $output == *" the server had $CALLS, 0 twice" ]]
}

@test "lost: nothing, of calls of a plugin" {
	start amas-serve "$tmp/s" s="$stress/shuffle_plugin.so"
	lost "$CALLS"
	all_right
}

@test "lost: nothing, on TCP, while connections come and go" {
	start amas-serve :0 s="$stress/shuffle_plugin.so"
	lost "$CALLS" -r 50
	all_right
	[ "$(count 'connections anew')" -ge $((CALLS / 50 / 64)) ]
}

@test "lost: nothing, beside readers that are slow or dead" {
	start amas-serve "$tmp/s" s="$stress/shuffle_plugin.so"
	lost "$CALLS" -s 10 -d 10
	all_right
}

@test "lost: nothing, of calls of workers" {
	start amas-serve --queue 100000 "$tmp/s" \
		s:2="worker:$stress/shuffle_worker"
	lost "$CALLS"
	equal "$CALLS" "$(count right)"
}

@test "lost: nothing but what a worker had that was killed" {
	export SHUFFLE_LOG=$tmp/log
	start amas-serve --queue 100000 "$tmp/s" \
		s:2="worker:$stress/shuffle_worker"
	lost "$CALLS" -k $((CALLS / 10))
	[ "$(count deaths)" -ge 5 ]
	[ "$(count failed)" -ge 1 ]
	equal "$CALLS" $(($(count right) + $(count failed)))
	# Those that failed were called once at most: nothing is tried again.
	"$(python)" - "$tmp/log" "$(count right)" <<-'END'
	import array, sys
	with open(sys.argv[1], 'rb') as f:
	    calls = array.array('q', f.read())
	assert len(set(calls)) == len(calls), 'some came twice'
	assert len(calls) >= int(sys.argv[2]), len(calls)
	END
}

@test "lost: nothing, with TLS, while certificates are read anew" {
	[ -e "$AMAS_BUILD/amas/tls.so" ] || skip 'made without TLS'
	cd "$tmp"
	amas-pki -n ca 'Test CA'
	amas-pki new server localhost 127.0.0.1
	amas-pki new client client.example
	amas-pki sign server.csr client.csr >signed
	cat client.key >>client.pem
	start amas-serve --cacert ca.pem --cert server.pem --key server.key \
		:0 s="$stress/shuffle_plugin.so"
	export AMAS_CACERT=ca.pem AMAS_CERT=client.pem
	lost "$CALLS" -r 100 -h 500 -p "$pid"
	all_right
	[ "$(count 'connections anew')" -ge $((CALLS / 100 / 64)) ]
	equal '' "$(<"$err")"
}

@test "lost: no memory and no descriptor under a mixed load" {
	! grep -q __asan_init "$AMAS_BUILD/amas-serve" ||
		skip 'the sanitizers keep what is freed'
	# bats waits for whoever has its descriptor 3
	run -0 "$AMAS_ROOT/tests/stress/soak.sh" 12 3>&-
	equal 12 "${#lines[@]}"
}
