# The command line of amas-call and its standard streams.  The numbers are those
# of the list of faults that the project keeps.

load helper
load tools/raw

serve() {
	start amas-serve "$tmp/s" "$AMAS_ROOT/tests/peer/services"
	cd "$tmp"
}

call() {
	t amas-call "$@"
}

# usage MESSAGE OPTION...: one line that names it, status 2.
usage() {
	run -2 --separate-stderr call "${@:2}" ./nobody f
	equal '' "$output"
	equal "amas-call: $1" "$stderr"
}

@test "amas-call: 79: a reader that goes away ends it quietly" {
	serve
	set +o pipefail
	run -0 bash -c 'amas-call -i 0 "$1" add 3 4 | head -n 1
		echo "${PIPESTATUS[0]}"' - "$addr"
	equal $'7\n141' "$output"
	run -0 bash -c 'yes '\''["add", [3, 4]]'\'' | amas-call -B "$1" | head -n 1
		echo "${PIPESTATUS[1]}"' - "$addr"
	equal $'[1, 1, 7]\n141' "$output"
}

@test "amas-call: 79: a full device is status 6" {
	serve
	for options in '' -r '--json' '-n 3' -p; do
		# shellcheck disable=SC2086 # options
		run -6 --separate-stderr bash -c '"${@:1}" >/dev/full' - \
			timeout 20 amas-call $options "$addr" add 3 4
		equal 'amas-call: standard output: No space left on device' "$stderr"
	done
	for options in -B -L '-B -L'; do
		# shellcheck disable=SC2016,SC2086
		run -6 --separate-stderr bash -c 'echo "[\"echo\", [1]]" |
			"${@:1}" >/dev/full' - timeout 20 amas-call $options "$addr" \
			$([ "$options" = -B ] || echo echo)
		equal 'amas-call: standard output: No space left on device' "$stderr"
	done
	run -6 --separate-stderr bash -c 'amas-call --help >/dev/full'
	equal 'amas-call: standard output: No space left on device' "$stderr"
	run -6 --separate-stderr bash -c 'amas-call "$1" add 3 4 >&-' - "$addr"
	equal 'amas-call: standard output: Bad file descriptor' "$stderr"
}

@test "amas-call: 80: standard input of a batch" {
	serve
	run -0 --separate-stderr call -B "$addr" </dev/null
	equal '' "$output$stderr"
	run -6 --separate-stderr call -B "$addr" <.
	equal 'amas-call: standard input: Is a directory' "$stderr"
	run -6 --separate-stderr bash -c 'amas-call -B "$1" <&-' - "$addr"
	equal 'amas-call: standard input: Bad file descriptor' "$stderr"
	printf '["add", [1, 2]]\n["add", [3, 4]]' >in
	run -0 --separate-stderr call -B "$addr" <in
	equal $'[1, 1, 3]\n[1, 2, 7]' "$output"
	run -0 --separate-stderr bash -c 'cat in | amas-call -B "$1"' - "$addr"
	equal $'[1, 1, 3]\n[1, 2, 7]' "$output"
	head -c 3000 "$(type -P amas-call)" >binary
	run -4 --separate-stderr call -B "$addr" <binary
	equal '' "$output"
	[[ $stderr == "amas-call: standard input: line 1: "* ]]
}

@test "amas-call: 80: standard input that is closed or odd hurts no single call" {
	serve
	run -0 bash -c 'amas-call "$1" add 3 4 <&-' - "$addr"
	equal 7 "$output"
	run -0 bash -c 'amas-call "$1" add 3 4 <. 2>&-' - "$addr"
	equal 7 "$output"
	run -6 --separate-stderr bash -c 'amas-call "$1" echo :text@- <&-' - "$addr"
	equal 'amas-call: standard input: Bad file descriptor' "$stderr"
}

@test "amas-call: 81: wrong options are one line that names them" {
	usage '--foo: no such option' --foo
	usage '-Z: no such option' -Z
	usage '-Z: no such option' -rZ
	usage '--timeout: "x" is no duration' --ti x
	usage '--raw: takes no value' --raw=x
	run -2 --separate-stderr call -t
	equal 'amas-call: -t: needs a value' "$stderr"
	run -2 --separate-stderr call --timeout
	equal 'amas-call: --timeout: needs a value' "$stderr"
	usage $'--a\\x1bb: no such option' $'--a\033b'
}

@test "amas-call: 81: durations" {
	local d

	for d in -1 '' x 1x 1e 0x10 nan inf1 infinity '1 s' 1ss 1,5 ' 1' +1 -0; do
		usage "--timeout: \"$d\" is no duration" "--timeout=$d"
		usage "-w: \"$d\" is no duration" -w "$d"
	done
	usage '--timeout: 1e400s is too long' --timeout=1e400s
	usage '-t: 1e300d is too long' -t 1e300d
	usage '-i: "inf" is no duration' -i inf
	run -2 --separate-stderr env AMAS_TIMEOUT=soon amas-call ./nobody
	equal 'amas-call: AMAS_TIMEOUT: "soon" is no duration' "$stderr"
	for d in 0 .5 1.5 250ms 10s 2m 3h 1d inf; do
		run -3 --separate-stderr call -t "$d" ./nobody
		equal 'amas-call: ./nobody: No such file or directory' "$stderr"
	done
}

@test "amas-call: 81: sizes and numbers" {
	local s

	for s in -1 '' x 1x 1KB 1.5M K 0x10 +1 ' 1' '1 K'; do
		usage "--max-message: \"$s\" is no size" "--max-message=$s"
	done
	for s in 99999999999999999999 18446744073709551615K 17179869184G 16777216T; do
		usage "--max-message: $s is too large" --max-message "$s"
	done
	usage '--memory: 0 is less than 1' --memory 0
	usage '-n: "x" is no number' -n x
	usage '-n: 0 is not between 1 and 9223372036854775807' -n 0
	usage '-n: 9223372036854775808 is not between 1 and 9223372036854775807' \
		-n 9223372036854775808
	usage '-P: 65537 is not between 1 and 65536' -P 65537
	run -2 --separate-stderr call --codec xml ./nobody
	[[ $stderr == "amas-call: --codec: xml: "* ]]
	run -2 --separate-stderr env AMAS_MAX_MESSAGE=many amas-call ./nobody
	equal 'amas-call: AMAS_MAX_MESSAGE: "many" is no size' "$stderr"
	run -2 --separate-stderr env AMAS_CODEC=xml amas-call ./nobody
	[[ $stderr == "amas-call: AMAS_CODEC: xml: "* ]]
	run -3 env AMAS_MAX_MESSAGE=many AMAS_CODEC=xml \
		amas-call --codec json --max-message 1M ./nobody
}

@test "amas-call: 81: options that do nothing together" {
	usage '-P: needs -B or -L' -P 5
	usage '--unordered: needs -B or -L' --unordered
	usage '--halt: needs -B or -L' --halt
	usage '-n: does not go with -L' -L -n 2
	usage '-i: does not go with -B' -B -i 2
	usage '-r: does not go with -B' -B -r
	usage '--json: does not go with -B' -B -L --json
	run -2 --separate-stderr call -B ./nobody f
	equal 'amas-call: f: -B reads functions from standard input' "$stderr"
	for options in '' -B -L '-L ./nobody'; do
		# shellcheck disable=SC2086 # options
		run -2 --separate-stderr call $options
		equal 'usage: amas-call [options] ADDR [FUNCTION [ARG...]]' \
			"$(last_line "$stderr")"
		[[ $stderr == 'amas-call: '@('no ADDR'|'-L: no FUNCTION')$'\n'* ]]
	done
}

@test "amas-call: 81: --help and --version" {
	run -0 --separate-stderr call --help
	equal '' "$stderr"
	equal 'usage: amas-call [options] ADDR [FUNCTION [ARG...]]' "${lines[0]}"
	run -0 --separate-stderr call -h --foo
	run -0 --separate-stderr call -V
	[[ $output =~ ^amas-call\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "amas-call: 81: wrong addresses are wrong use" {
	local a

	for a in localhost:65536 tcp://localhost:65536 localhost: :x nothing \
		http://localhost:80 ''; do
		run -2 --separate-stderr call "$a" f
		equal '' "$output"
		[[ $stderr == "amas-call: ${a:-\"\"}: "* ]]
		equal 1 "$(printf '%s\n' "$stderr" | wc -l)"
	done
}

@test "amas-call: 82: addresses that lead nowhere" {
	local a long

	printf -v long '/tmp/%0110d' 0
	for a in "$long" no-such-host.invalid:5 '[fe80::1%nosuchif]:5' \
		127.0.0.1:1; do
		run -3 --separate-stderr call "$a" f
		equal '' "$output"
		[[ $stderr == "amas-call: $a: "* ]]
		equal 1 "$(printf '%s\n' "$stderr" | wc -l)"
	done
}

@test "amas-call: options end at the address" {
	serve
	run -0 call "$addr" add -3 4
	equal 1 "$output"
	run -0 call -- "$addr" add -3 4
	equal 1 "$output"
	run -0 call "$addr" kwargs --help -r -- -t
	same '[["--help", "-r", "--", "-t"], {}]' "$output"
}

@test "amas-call: the locale changes nothing" {
	serve
	run -0 env LC_ALL=de_DE.UTF-8 LANG=tr_TR.UTF-8 amas-call -t 1.5 "$addr" \
		echo 1.5
	equal 1.5 "$output"
}

@test "amas-call: 91: stopped and continued, it goes on" {
	serve
	raw <<-'END'
	import signal
	l = listen(tmp + '/l')
	call = start('amas-call', l.addr, 'f')
	c = l.accept()
	c.recv()
	for s in signal.SIGSTOP, signal.SIGCONT, signal.SIGCHLD, signal.SIGURG:
	    call.process.send_signal(s)
	c.send(frame([1, 0, 5]))
	assert call.wait() == (0, '5\n', '')
	END
}

# --- scripts/quickstart ---

# A tree in which nothing has to be installed or built.
quickstart_tree() {
	mkdir -p "$tmp/q/scripts" "$tmp/q/tests/examples" "$tmp/bin" "$tmp/t"
	cp "$AMAS_ROOT/scripts/quickstart" "$tmp/q/scripts"
	echo 'packages_install() { :; }' >"$tmp/q/scripts/packages.sh"
	ln -s "$AMAS_ROOT/tests/examples/services" "$tmp/q/tests/examples"
	ln -s "$AMAS_BUILD" "$tmp/q/build"
	printf '#!/bin/sh\necho >>"$0.ran"\n' >"$tmp/bin/make"
	chmod 755 "$tmp/bin/make"
}

@test "quickstart: its options start nothing" {
	quickstart_tree
	run -0 env PATH="$tmp/bin:$PATH" "$tmp/q/scripts/quickstart" --help
	equal 'usage: scripts/quickstart' "${lines[0]}"
	run -2 env PATH="$tmp/bin:$PATH" "$tmp/q/scripts/quickstart" --what
	[ ! -e "$tmp/bin/make.ran" ]
}

# The reader is gone before the script says its next line.
@test "quickstart: nothing stays when nobody reads it" {
	quickstart_tree
	mkfifo "$tmp/gone"
	printf '#!/bin/sh\nread -r _ <%s\n' "$tmp/gone" >"$tmp/bin/make"
	run -0 --separate-stderr t bash -c 'TMPDIR="$1" PATH="$2:$PATH" "$3" |
		{ read -r first; exec <&-; echo "$first"; echo >"$4"; }' - \
		"$tmp/t" "$tmp/bin" "$tmp/q/scripts/quickstart" "$tmp/gone"
	equal '$ make' "$output"
	equal '' "$(ls -A "$tmp/t")"
}
