# amas-serve: its options, addresses, announcement and end.  Numbers are those
# of the list of faults.

load helper
load tools/raw

ADD='add=exec:expr "$1" + "$2"'

# says STATUS MESSAGE ARG...: amas-serve with these arguments ends with that
# status and says just that.
says() {
	run "-$1" --separate-stderr t amas-serve "${@:3}"
	equal '' "$output"
	equal "$2" "$stderr"
}

# calls ANSWER [ADDR]: there is a server at $addr, and it adds.
calls() {
	addr=${2:-$addr} pid=0 err=/dev/null raw <<-END
	assert connect().ask(0, 'add', 3, 4) == [1, 0, $1]
	END
}

# --- Ready ---

@test "amas-serve: prints its address, one line, and closes standard output" {
	local line

	amas-serve 127.0.0.1:0 "$ADD" >"$tmp/out" 2>"$tmp/err" 3>&- &
	pids+=($!)
	mkfifo "$tmp/fifo"
	amas-serve "$tmp/socket" "$ADD" >"$tmp/fifo" 2>>"$tmp/err" 3>&- &
	pids+=($!)
	# Both ends of file come although the servers live.
	mapfile -t lines <"$tmp/fifo"
	equal "1 ipc://$tmp/socket" "${#lines[@]} ${lines[0]}"
	calls 7 "${lines[0]}"
	until [ -s "$tmp/out" ]; do :; done
	line=$(<"$tmp/out")
	[[ $line =~ ^tcp://127\.0\.0\.1:[1-9][0-9]*$ ]]
	calls 7 "$line"
	equal '' "$(<"$tmp/err")"
}

@test "amas-serve: addr=\$(amas-serve ... &) returns with the address" {
	addr=$(amas-serve :0 "$ADD" 2>/dev/null 3>&- & echo $! >"$tmp/pid")
	calls 7
	kill -TERM "$(<"$tmp/pid")"
}

@test "amas-serve: --ready-fd gets the address too, and is closed" {
	mkfifo "$tmp/out"
	amas-serve --ready-fd 5 :0 "$ADD" 5>"$tmp/ready" >"$tmp/out" 3>&- &
	pids+=($!)
	addr=$(<"$tmp/out")
	equal "$addr" "$(<"$tmp/ready")"
	run -0 find "/proc/$!/fd" -lname "$tmp/ready"
	equal '' "$output"
	calls 7
	run -0 --separate-stderr t amas-serve --ready-fd 1 --run true :0 "$ADD"
	[[ $output == tcp://127.0.0.1:* ]]
	says 2 'amas-serve: --ready-fd: 77: Bad file descriptor' \
		--ready-fd 77 :0 "$ADD"
}

@test "amas-serve: 54: runs with standard descriptors closed, and no socket takes their place" {
	local fd

	for fd in 0 1 2; do
		start bash -c "exec \"\$@\" $fd>&-" - \
			amas-serve "$tmp/s$fd" "$ADD"
		calls 7
		run -0 readlink "/proc/$pid/fd/$fd"
		equal /dev/null "$output"
	done
}

@test "amas-serve: what is not there or cannot be run is 6, what is none is 2" {
	: >"$tmp/plain"
	says 6 "amas-serve: $tmp/plain: is not executable" :0 "$tmp/plain"
	says 6 "amas-serve: $tmp/none: No such file or directory" :0 "$tmp/none"
	says 2 'amas-serve: exec:true: a command needs a name: NAME=exec:COMMAND' \
		:0 exec:true
}

@test "amas-serve: 79: an address that cannot be printed is status 6" {
	run -6 --separate-stderr to_full amas-serve "$tmp/socket" "$ADD"
	equal 'amas-serve: standard output: No space left on device' "$stderr"
	[ ! -e "$tmp/socket" ]
	run -6 --separate-stderr t bash -c 'exec "$@" >&-' - \
		amas-serve "$tmp/socket" "$ADD"
	equal 'amas-serve: standard output: Bad file descriptor' "$stderr"
	[ ! -e "$tmp/socket" ]
	run -6 --separate-stderr to_full amas-serve --help
	run -6 --separate-stderr to_full amas-serve --version
}
to_full() {
	t "$@" >/dev/full
}

@test "amas-serve: --run runs a command with AMAS_ADDR and ends with its status" {
	run -0 --separate-stderr t amas-serve --run 'echo "$AMAS_ADDR"; cat' \
		"$tmp/socket" "$ADD" <<<input
	equal "ipc://$tmp/socket"$'\n'input "$output"
	equal '' "$stderr"
	[ ! -e "$tmp/socket" ]
	run -3 t amas-serve --run 'exit 3' :0 "$ADD"
	run -127 t amas-serve --run 'exec /nowhere/at/all' :0 "$ADD"
	run -137 t amas-serve --run 'kill -KILL $$' :0 "$ADD"
	addr_in_handler='has=text:echo "${AMAS_ADDR-none}"'
	run -0 --separate-stderr t amas-serve --run "$(call_has)" "$tmp/socket" \
		"$addr_in_handler"
	equal '[1, 0, "none"]' "$output"
}
call_has() {
	cat <<-'END'
	python3 -c '
	import os, socket, sys
	s = socket.socket(socket.AF_UNIX)
	s.connect(os.environ["AMAS_ADDR"][6:])
	s.sendall(b"\0\0\0\25[0, 0, [\"has\", [], {}]]"[:3] + bytes([23]) +
	          b"[0, 0, [\"has\", [], {}]]")
	print(s.recv(100)[4:].decode())'
	END
}

@test "amas-serve: --run: SIGTERM ends the command too, with status 0" {
	mkfifo "$tmp/begun"
	start amas-serve --run "trap 'echo ended >$tmp/ended; exit 5' TERM
		echo >$tmp/begun; while :; do read -r x <>$tmp/never; done" \
		"$tmp/socket" "$ADD"
	mkfifo "$tmp/never"
	read -r _ <"$tmp/begun"
	stop
	equal ended "$(<"$tmp/ended")"
}

# --- Usage ---

@test "amas-serve: 81: wrong use is one line, status 2" {
	local usage='usage: amas-serve [options] ADDR [NAME=]SOURCE...'

	says 2 $'amas-serve: no ADDR\n'"$usage"
	says 2 $'amas-serve: no SOURCE behind ":0", which is ADDR\n'"$usage" :0
	says 2 'amas-serve: 1=exec:ls: "1" is no NAME: it begins with a letter or _, and goes on with these, digits, - and .' \
		:0 1=exec:ls
	says 2 'amas-serve: x=bogus:y: no file, and "bogus:" is none of exec:, text:, json:, filter:, worker: and shared:' \
		:0 x=bogus:y
	says 2 'amas-serve: x=exec:true: --channel takes one SOURCE' \
		--channel :0 "$ADD" x=exec:true
	says 2 'amas-serve: --nonsense: no such option' --nonsense :0 "$ADD"
	says 2 'amas-serve: -x: no such option' -x :0 "$ADD"
	says 2 'amas-serve: -j: needs a value' -j
	says 2 'amas-serve: -j: 0 is not between 1 and 1000000' -j 0 :0 "$ADD"
	says 2 'amas-serve: -j: "many" is no number' -j many :0 "$ADD"
	says 2 'amas-serve: --queue: "-1" is no number' --queue=-1 :0 "$ADD"
	says 2 'amas-serve: -t: "-1" is no duration' -t -1 :0 "$ADD"
	says 2 'amas-serve: --timeout: 1e400s is too long' \
		--timeout 1e400s :0 "$ADD"
	says 2 'amas-serve: --memory: 99999999999G is too large' \
		--memory 99999999999G :0 "$ADD"
	says 2 'amas-serve: --socket-mode: "888" is no mode from 1 to 0777' \
		--socket-mode 888 :0 "$ADD"
	run -2 --separate-stderr t amas-serve --codec xml :0 "$ADD"
	[[ $stderr == 'amas-serve: --codec: xml: '* ]]
	run -2 --separate-stderr t env AMAS_CODEC=xml amas-serve :0 "$ADD"
	[[ $stderr == 'amas-serve: AMAS_CODEC: xml: '* ]]
}

@test "amas-serve: --help and --version are results" {
	run -0 --separate-stderr t amas-serve --help
	[[ ${lines[0]} == 'usage: amas-serve '* ]]
	equal '' "$stderr"
	run -0 --separate-stderr t amas-serve -V
	[[ $output =~ ^amas-serve\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "amas-serve: options end at the first operand" {
	run -6 --separate-stderr t amas-serve :0 -v "$ADD"
	[[ $stderr != usage:* && $stderr == 'amas-serve: -v: '* ]]
}

@test "amas-serve: 81, 82: a wrong address is status 2, one that cannot be had 3" {
	local long

	run -2 --separate-stderr t amas-serve 127.0.0.1:65536 "$ADD"
	[[ $stderr == 'amas-serve: 127.0.0.1:65536: '* ]]
	run -2 --separate-stderr t amas-serve '' "$ADD"
	run -3 --separate-stderr t amas-serve no.such.host.invalid:0 "$ADD"
	[[ $stderr == 'amas-serve: no.such.host.invalid:0: cannot resolve: '* ]]
	long=$tmp/$(printf '%0108d' 0)
	run -3 --separate-stderr t amas-serve "$long" "$ADD"
	[[ $stderr == "amas-serve: $long: "*"at most 107"* ]]
	run -3 --separate-stderr t amas-serve "$tmp/no/socket" "$ADD"
	equal "amas-serve: $tmp/no/socket: No such file or directory" "$stderr"
	start amas-serve 127.0.0.1:0 "$ADD"
	says 3 "amas-serve: $addr: Address already in use" "$addr" "$ADD"
	calls 7
}

@test "amas-serve: 82: every form of address" {
	local form

	for form in :0 tcp://:0 localhost:0 tcp://127.0.0.1:0; do
		start amas-serve "$form" "$ADD"
		[[ $addr == tcp://127.0.0.1:* || $addr == tcp://localhost:* ]]
		calls 7
	done
	for form in "$tmp/a" "ipc://$tmp/b" "ipc://[$tmp/c]"; do
		start amas-serve "$form" "$ADD"
		equal "ipc://$tmp/${addr##*/}" "$addr"
		calls 7
	done
	cd "$tmp"
	start amas-serve ./d "$ADD"
	calls 7 "ipc://$tmp/d"
}

@test "amas-serve: 82: IPv6 with brackets" {
	[ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6 ||
		skip 'no IPv6 here'
	start amas-serve '[::1]:0' "$ADD"
	[[ $addr == 'tcp://[::1]:'* ]]
	calls 7
	equal '' "$(<"$err")"
}

# --- Sources ---

@test "amas-serve: two sources for one name are status 2" {
	mkdir "$tmp/d"
	run -2 --separate-stderr t amas-serve :0 "$ADD" 'add=text:echo'
	[[ $stderr == 'amas-serve: add=text:echo: '* ]]
	equal 1 "${#stderr_lines[@]}"
	run -2 --separate-stderr t amas-serve :0 "$tmp/d" "$tmp/d"
	[[ $stderr == "amas-serve: $tmp/d: "* ]]
}

@test "amas-serve: the name amas is reserved at the root" {
	run -2 --separate-stderr t amas-serve :0 'amas=exec:true'
	[[ $stderr == 'amas-serve: amas=exec:true: '* ]]
	run -2 --separate-stderr t amas-serve :0 'amas/x=exec:true'
	start amas-serve "$tmp/socket" 'x/amas=exec:true' "$ADD"
	calls 7
}

@test "amas-serve: a command wants a name" {
	run -2 --separate-stderr t amas-serve :0 'exec:true'
	[[ $stderr == 'amas-serve: exec:true: '* ]]
}

@test "amas-serve: a source that is not there is status 6" {
	says 6 "amas-serve: $tmp/nowhere: No such file or directory" \
		:0 "$tmp/nowhere"
	says 6 "amas-serve: x=./nowhere: No such file or directory" \
		:0 x=./nowhere
}

@test "amas-serve: 60: what others can write is refused, unless allowed" {
	mkdir "$tmp/d"
	printf '#!/bin/sh\nexpr "$1" + "$2"\n' >"$tmp/d/add"
	chmod 755 "$tmp/d/add"
	chmod 777 "$tmp/d"
	run -6 --separate-stderr t amas-serve :0 "$tmp/d"
	[[ $stderr == "amas-serve: $tmp/d: "* ]]
	equal 1 "${#stderr_lines[@]}"
	start amas-serve --allow-writable "$tmp/socket" "$tmp/d"
	calls 7
}

@test "amas-serve: several sources, mounted where their names say" {
	mkdir "$tmp/d" "$tmp/d/sub"
	printf '#!/bin/sh\necho "$AMAS_PATH"\n' | tee "$tmp/d/sub/f" >"$tmp/d/g.text"
	chmod 755 "$tmp/d/sub/f" "$tmp/d/g.text"
	start amas-serve "$tmp/socket" "$tmp/d" "m/d=$tmp/d" \
		"other=$tmp/d/sub/f"
	raw <<-'END'
	c = connect()
	for path in 'sub/f', 'g', 'm/d/sub/f', 'm/d/g', 'other':
	    assert c.ask(0, path) == [1, 0, path], path
	END
}

# --- Unix sockets ---

@test "amas-serve: 83: a socket is made for its owner, or as --socket-mode says" {
	start amas-serve "$tmp/a" "$ADD"
	equal 600 "$(stat -c %a "$tmp/a")"
	umask 0
	start amas-serve "$tmp/b" "$ADD"
	equal 600 "$(stat -c %a "$tmp/b")"
	umask 077
	start amas-serve --socket-mode 0660 "$tmp/c" "$ADD"
	equal 660 "$(stat -c %a "$tmp/c")"
	stop
	[ ! -e "$tmp/c" ]
}

@test "amas-serve: 83: a dead socket is replaced, a live one and a file are not" {
	start amas-serve "$tmp/socket" "$ADD"
	says 3 "amas-serve: $tmp/socket: already served" "$tmp/socket" "$ADD"
	calls 7
	forget "$pid"
	kill -KILL "$pid"
	ended "$pid" 137
	start amas-serve "$tmp/socket" "$ADD"
	calls 7
	echo precious >"$tmp/file"
	run -3 --separate-stderr t amas-serve "$tmp/file" "$ADD"
	[[ $stderr == "amas-serve: $tmp/file: "* ]]
	equal precious "$(<"$tmp/file")"
}

@test "amas-serve: 83: a socket that someone else has taken over stays" {
	start amas-serve "$tmp/socket" "$ADD"
	mv "$tmp/socket" "$tmp/old"
	start amas-serve "$tmp/socket" 'add=exec:echo 8'
	stop "${pids[0]}"
	calls 8 "ipc://$tmp/socket"
}

# --- Limits, codec, log ---

@test "amas-serve: -c and -C bound connections, room is taken again" {
	local option

	for option in -c -C; do
		start amas-serve "$option" 2 127.0.0.1:0 "$ADD"
		raw <<-'END'
		a, b = connect(), connect()
		assert a.ask(0, 'add', 3, 4) == [1, 0, 7]
		assert b.ask(0, 'add', 3, 4) == [1, 0, 7]
		connect().closed()
		a.close()
		def again():
		    c = connect()
		    try:
		        return c.ask(0, 'add', 3, 4) == [1, 0, 7]
		    except (EOFError, ConnectionError):
		        return False
		until(again, 'room')
		assert b.ask(1, 'add', 3, 4) == [1, 1, 7]
		END
	done
}

@test "amas-serve: --codec, or AMAS_CODEC, says how it is encoded" {
	local how

	for how in '--codec msgpack' ''; do
		# shellcheck disable=SC2086 # words
		AMAS_CODEC=msgpack start amas-serve $how 127.0.0.1:0 "$ADD"
		raw <<-'END'
		c = connect()
		c.send(frame(b'\x93\x00\x05\x93\xa3add\x92\x03\x04\x80'))
		assert c.recv_raw() == b'\x93\x01\x05\x07'
		END
	done
	AMAS_CODEC=msgpack start amas-serve --codec json 127.0.0.1:0 "$ADD"
	calls 7
}

@test "amas-serve: --max-message, or AMAS_MAX_MESSAGE, bounds messages" {
	AMAS_MAX_MESSAGE=1K start amas-serve 127.0.0.1:0 "$ADD"
	raw <<-'END'
	c = connect()
	c.send(struct.pack('>I', 1025))
	c.closed()
	END
	logged 'amas-serve: PEER: message of 1025 bytes, limit 1024'
}

@test "amas-serve: listening beyond loopback is said once" {
	start amas-serve '*:0' "$ADD"
	calls 7 "tcp://127.0.0.1:${addr##*:}"
	calls 7 "tcp://127.0.0.1:${addr##*:}"
	equal 1 "$(wc -l <"$err")"
	grep -q 'TLS' "$err"
}

@test "amas-serve: -q logs errors only, -v connections" {
	start amas-serve -qq 127.0.0.1:0 "$ADD"
	raw <<-'END'
	c = connect()
	c.send(frame(b'nonsense'))
	c.closed()
	END
	logged
	start amas-serve -v 127.0.0.1:0 "$ADD"
	calls 7
	stop
	[ -s "$err" ]
}

@test "amas-serve: an address with something behind it is none to serve at" {
	run -2 --separate-stderr t amas-serve :0/svc f=exec:true
	equal "amas-serve: :0/svc: a server's address has no path behind it" "$stderr"
}
