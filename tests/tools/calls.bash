# Calls of the server at $addr for bats, after "load helper".
# shellcheck shell=bash

# call ARG...: calls the server, with ${options[@]}; sets $output, $stderr, $status.
call() {
	run --separate-stderr t amas-call "${options[@]}" "$addr" "$@"
}

# gives RESULT FUNCTION ARG...: the call succeeds with that JSON.
gives() {
	call "${@:2}"
	equal "0 $1" "$status $output$stderr"
}

# fails TEXT FUNCTION ARG...: the call fails with exactly that text; the server
# is at $tmp/socket.
fails() {
	call "${@:2}"
	equal 1 "$status"
	equal "Origin: ipc://$tmp/socket
$1" "$stderr"
}
