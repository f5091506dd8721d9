# amas-dump: what it reads, what it shows and which of it, from files and
# standard input; between two ends it is in dump-tap.bats.

load helper
load tools/raw

setup() {
	make_tmp
	cd "$tmp"
	export TZ=UTC
	conversation >rec
}

# A recording: two connections, calls both ways, one that failed and one that
# nobody has answered.  It begins at 2015-11-22.
conversation() {
	local one='"conn": 1, "from": "tcp://127.0.0.1:5", "to": "tcp://127.0.0.1:7"'
	local eno='"conn": 1, "from": "tcp://127.0.0.1:7", "to": "tcp://127.0.0.1:5"'
	local two='"conn": 2, "from": "tcp://10.0.0.1:9", "to": "tcp://10.0.0.2:7"'
	local owt='"conn": 2, "from": "tcp://10.0.0.2:7", "to": "tcp://10.0.0.1:9"'

	cat <<-END
	{"t": 1448150400.25, $one, "size": 31, "codec": "json", "m": [0, 0, ["add", [3, 4], {}]]}
	{"t": 1448150400.75, $eno, "size": 13, "codec": "json", "m": [1, 0, 7]}
	{"t": 1448150401, $two, "size": 5000, "m": [0, 0, ["agents/3/hi", [], {"name": "x"}]]}
	{"t": 1448150401.01, $owt, "size": 60, "m": [2, 0, "Traceback:\n  1\nValueError: no\n"]}
	{"t": 1448150402, $eno, "m": [0, 0, ["ask", [], {}]]}
	{"t": 1448150402.002, $one, "m": [1, 0, "yes"]}
	{"t": 1448150403, $two, "m": [0, 1, ["admin/stop", [], {}]]}
	END
}

ADD='127.0.0.1:5 > 127.0.0.1:7: [0] add(3, 4) = 7 <0.500000>'
HI='10.0.0.1:9 > 10.0.0.2:7: [0] agents/3/hi(name="x") ! ValueError: no <0.010000>'
ASK='127.0.0.1:7 > 127.0.0.1:5: [0] ask() = "yes" <0.002000>'
STOP='10.0.0.1:9 > 10.0.0.2:7: [1] admin/stop() = ?'

# dump ARG...: all it prints, and that it ends with status 0.
dump() {
	run -0 --separate-stderr t amas-dump "$@"
	equal '' "$stderr"
}

# shows LINE...: that was it.
shows() {
	equal "$(printf '%s\n' "$@")" "$output"
}

# says STATUS TEXT ARG...: it ends with that status and this one line.
says() {
	run "-$1" --separate-stderr t amas-dump "${@:3}"
	equal "amas-dump: $2" "$stderr"
	equal '' "$output"
}

@test "amas-dump: a line that comes in pieces" {
	local n

	# Much longer than what is read at once; and its end alone.
	for n in 10 300000; do
		run -0 --separate-stderr t amas-dump -t -s 0 -r - < <(
			printf '[0, 0, ["f", ["'
			head -c $n /dev/zero | tr '\0' x
			printf '"], {}]]'
			printf '\n\n'
			printf '[1, 0, 7]\n[0, 1, ["g", [], {}]]')
		equal "[0] f(\"$(head -c $n /dev/zero | tr '\0' x)\") = 7
[1] g() = ?" "$(sed 's/ <[0-9.]*>$//' <<<"$output")"
	done
}

# ---- Times ----

@test "amas-dump: the time: of the day, none, seconds, distances, with a date" {
	dump -r rec
	shows "00:00:00.250000 $ADD" "00:00:01.000000 $HI" \
		"00:00:02.000000 $ASK" "00:00:03.000000 $STOP"
	TZ=CET-1 dump -r rec -c 1
	shows "01:00:00.250000 $ADD"
	dump -t -r rec
	shows "$ADD" "$HI" "$ASK" "$STOP"
	dump -tt -r rec
	shows "1448150400.250000 $ADD" "1448150401.000000 $HI" \
		"1448150402.000000 $ASK" "1448150403.000000 $STOP"
	dump -ttt -r rec
	shows "0.000000 $ADD" "0.750000 $HI" "1.000000 $ASK" "1.000000 $STOP"
	dump -tttt -r rec
	shows "2015-11-22 00:00:00.250000 $ADD" \
		"2015-11-22 00:00:01.000000 $HI" \
		"2015-11-22 00:00:02.000000 $ASK" \
		"2015-11-22 00:00:03.000000 $STOP"
	dump -ttttt -r rec
	shows "0.000000 $ADD" "0.750000 $HI" "1.750000 $ASK" "2.750000 $STOP"
}

@test "amas-dump: what passes now has the time of now" {
	local before after

	before=$(date +%s)
	run -0 t amas-dump -tt < <(echo '[0, 0, ["f", [], {}]]')
	after=$(date +%s)
	[[ $output =~ ^([0-9]+)\.[0-9]{6}\ \[0\]\ f\(\)\ =\ \?$ ]]
	((before <= BASH_REMATCH[1] && BASH_REMATCH[1] <= after))
}

@test "amas-dump: the time is rounded, to the next second too" {
	printf '{"t": %s, "m": [0, 0, ["f", [], {}]]}\n' 1448150400.000007 \
		1448150400.123457 1448150400.9999996 >stamps
	for options in '' -tttt; do
		# shellcheck disable=SC2086 # words
		dump $options -r stamps
		equal '00:00:00.000007 00:00:00.123457 00:00:01.000000' \
			"$(echo $(sed 's/ \[.*//; s/.* //' <<<"$output"))"
	done
}

# ---- Lines ----

@test "amas-dump: --split: requests and replies each on their line" {
	dump -t --split -r rec
	shows '127.0.0.1:5 > 127.0.0.1:7: [0] add(3, 4)' \
		'127.0.0.1:7 > 127.0.0.1:5: [0] add = 7 <0.500000>' \
		'10.0.0.1:9 > 10.0.0.2:7: [0] agents/3/hi(name="x")' \
		'10.0.0.2:7 > 10.0.0.1:9: [0] agents/3/hi ! ValueError: no <0.010000>' \
		'127.0.0.1:7 > 127.0.0.1:5: [0] ask()' \
		'127.0.0.1:5 > 127.0.0.1:7: [0] ask = "yes" <0.002000>' \
		'10.0.0.1:9 > 10.0.0.2:7: [1] admin/stop()'
}

@test "amas-dump: -c ends after so many lines" {
	dump -t -c 1 -r rec
	shows "$ADD"
	dump -t -c 2 -r rec path 'a*i*'
	shows "$HI" "$STOP"
	dump --split -c 3 -r rec
	equal 3 "${#lines[@]}"
	dump -o json -c 3 -r rec
	equal 3 "${#lines[@]}"
	# Nobody has to close what it reads from.
	mkfifo in
	t amas-dump -t -c 1 <in >out 3>&- &
	caller $!
	exec 5>in
	printf '%s\n' '[0, 0, ["f", [], {}]]' '[1, 0, null]' >&5
	wait $!
	forget $!
	equal '[0] f() = null' "$(sed 's/ <.*//' out)"
}

@test "amas-dump: -s cuts arguments and results, between characters" {
	echo '[0, 0, ["f", ["ééééé", 1], {"k": 2}]]' >long
	echo '[1, 0, [1, 2, 3, 4, 5]]' >>long
	dump -t -s 8 -r long
	shows '[0] f("ééé...) = [1, 2, 3... <0.000000>'
	dump -t -s 20 -r long
	shows '[0] f("ééééé", 1, k=2) = [1, 2, 3, 4, 5] <0.000000>'
	printf '[0, 0, ["f", ["%0500d"], {}]]\n' 0 >long
	dump -t -r long
	equal "[0] f(\"$(printf %0399d 0)...) = ?" "$output"
	dump -t -s 0 -r long
	equal "[0] f(\"$(printf %0500d 0)\") = ?" "$output"
}

@test "amas-dump: requests that are no call, ids, replies to nothing" {
	printf '%s\n' '[0, 5, "content"]' '[1, 7, 1]' '[2, -1, ["k", "m"]]' \
		'[0, 99999999999999999999, ["f", [], {}]]' \
		'[1, 99999999999999999999, 2]' '[1, 5, 3]' >odd
	dump -t -r odd
	shows '[7] ? = 1' '[-1] ? ! ["k", "m"]' \
		'[99999999999999999999] f() = 2 <0.000000>' \
		'[5] "content" = 3 <0.000000>'
	# An id may be there twice: first come, first served.
	printf '%s\n' '[0, 0, ["a", [], {}]]' '[0, 0, ["b", [], {}]]' \
		'[1, 0, 1]' '[1, 0, 2]' >twice
	dump -t -r twice
	shows '[0] a() = 1 <0.000000>' '[0] b() = 2 <0.000000>'
}

@test "amas-dump: -v shows tracebacks whole" {
	run -0 --separate-stderr t amas-dump -t -v -r rec failed
	[[ $output == *'! Traceback:\n  1\nValueError: no\n <'* ||
		$output == *'! Traceback:\n  1\nValueError: no <'* ]]
}

@test "amas-dump: 75: what a peer has sent controls no terminal" {
	"$(python)" - >evil <<-'END'
	import json
	evil = '\x1b[2J\x9b5m\x07\x7f\u202e\u2066\n\r\0\x1b]0;t\x07'
	for i, m in enumerate([[0, 0, [evil, [evil], {evil: evil}]],
	                       [2, 0, evil], [0, 1, evil], [1, 1, {evil: evil}],
	                       [0, 2, ['f', [], {}]], [2, 2, [evil, evil]],
	                       [0, 3, [evil, [], {}]]]):
	    print(json.dumps({'t': 0, 'from': evil, 'to': 'b' + evil, 'm': m}
	                     if i < 2 else m))
	END
	for options in '-t' '--split' '-v' '-o json' '--summary' '-s 3' \
	    '-o mermaid' '-o dot'; do
		# shellcheck disable=SC2086 # words
		t amas-dump $options -r evil >out 2>err.own
		[ -s out ]
		"$(python)" - out err.own <<-'END'
		import sys, unicodedata
		for name in sys.argv[1:]:
		    text = open(name, 'rb').read().decode()
		    bad = [c for c in text if c not in '\n\t' and
		           (unicodedata.category(c) in ('Cc', 'Cf'))]
		    assert not bad, (name, bad, text)
		END
	done
	run -4 --separate-stderr t amas-dump -t \
		< <(printf '\0\0\0\010\033[2J\007\177\233\n')
	equal '?? 12 bytes: unknown codec: 1b5b 324a 077f 9b0a' "$output"
}

@test "amas-dump: colours on a terminal, and only there" {
	local esc=$'\033'

	export TERM=xterm
	unset NO_COLOR
	dump -r rec
	[[ $output != *"$esc"* ]]
	run -0 t script -qec 'amas-dump -t -r rec' /dev/null
	[[ $output == *"${esc}[1madd${esc}[0m("* ]]
	[[ $output == *"${esc}[31m ! ValueError: no"*"${esc}[0m"* ]]
	equal "$ADD" "$(first_line "$output" | sed "s/$esc\[[0-9]*m//g" | tr -d '\r')"
	run -0 t script -qec 'NO_COLOR=1 amas-dump -t -r rec' /dev/null
	[[ $output == "$ADD"* && $output != *"$esc"* ]]
	run -0 t script -qec 'TERM=dumb amas-dump -r rec' /dev/null
	[[ $output != *"$esc"* ]]
	run -0 t script -qec 'amas-dump -o json -r rec' /dev/null
	[[ $output != *"$esc"* ]]
	# NO_COLOR counts if it is not empty.
	run -0 t script -qec 'NO_COLOR= amas-dump -r rec' /dev/null
	[[ $output == *"$esc"* ]]
}

# ---- Filters ----

# passes NAMES WORD...: the functions of the lines that the filter lets pass.
passes() {
	dump -t -r rec "${@:2}"
	equal "$1" "$(echo $(sed -E 's/.*\] ([^(]*)\(.*/\1/' <<<"$output"))"
}

@test "amas-dump: filters: each condition" {
	passes 'add' path add
	passes 'add agents/3/hi ask admin/stop' path 'a*'
	passes 'agents/3/hi admin/stop' path '*/*'
	passes '' path nothing
	passes 'agents/3/hi admin/stop' peer 10.0.0.2
	passes 'add ask' peer :5
	passes 'agents/3/hi admin/stop' peer tcp://10.0.0.1:9
	passes 'add ask' peer '127.*'
	passes 'add agents/3/hi ask admin/stop' peer :7
	passes 'agents/3/hi' agent 3
	passes 'agents/3/hi' agent '*'
	passes 'agents/3/hi' agent 10.0.0.2:7/3
	passes 'agents/3/hi' agent tcp://10.0.0.2:7/3
	passes '' agent 4
	passes 'agents/3/hi' kind failure
	passes 'add ask' kind reply
	passes 'add agents/3/hi ask admin/stop' kind request
	passes 'admin/stop' id 1
	passes 'add' slower 100ms
	passes 'add agents/3/hi' slower 0.01
	passes 'agents/3/hi' larger 4k
	passes 'add agents/3/hi' larger 13
	passes 'agents/3/hi' failed
	passes 'admin/stop' unanswered
}

@test "amas-dump: filters: addresses with brackets" {
	printf '{"from": "%s", "to": "%s", "m": [0, 0, ["agents/%s/f", [], {}]]}\n' \
	    'tcp://[::1]:5' 'tcp://[fe80::2]:7' 1 \
	    'ipc://pid:9' 'ipc:///run/a [b]/s' 2 >rec
	passes agents/1/f peer 'tcp://[::1]:5'
	passes agents/1/f peer '[fe80::2]:7'
	passes agents/1/f peer '[::1]'
	passes agents/1/f peer '*::2]:7'
	passes '' peer '[::1]:6'
	passes agents/1/f agent 'tcp://[fe80::2]:7/1'
	passes agents/2/f peer '"ipc:///run/a [b]/s"'
	passes agents/2/f peer '"/run/a [b]/s"'
	passes agents/2/f agent '"ipc:///run/a [b]/s/2"'
	passes agents/2/f agent '"ipc://[/run/a [b]/s]/2"'
	passes '' agent '"ipc://[/run/a [b]/s]/3"'
}

@test "amas-dump: filters: and, or, not, parentheses, quotes" {
	passes 'add agents/3/hi' failed or slower 100ms
	passes 'add agents/3/hi' 'failed or slower 100ms'
	passes 'add ask admin/stop' not failed
	passes 'agents/3/hi' not not failed
	passes 'add ask' 'not (failed or unanswered)'
	passes 'add ask' not '(' failed or unanswered ')'
	passes 'ask' not '(failed' or 'unanswered)' and not path add
	# "and" binds closer than "or", "not" closest.
	passes 'add admin/stop' path add or id 1 and unanswered
	passes 'admin/stop' '(path add or id 1) and unanswered'
	passes 'add' not failed and path 'ad*' and not unanswered
	passes 'add' 'path "add"'
	passes '' "path 'a dd'"
	passes 'add' path add and id 0 and peer :5 and kind reply and larger 1
}

@test "amas-dump: filters: requests and replies of their own" {
	dump -t --split -r rec kind reply
	equal 2 "${#lines[@]}"
	dump -t --split -r rec kind request
	equal 4 "${#lines[@]}"
	dump -t --split -r rec failed
	equal 2 "${#lines[@]}"
	[[ ${lines[0]} == *'hi(name="x")' && ${lines[1]} == *'hi ! '* ]]
	dump -t --split -r rec unanswered
	equal '10.0.0.1:9 > 10.0.0.2:7: [1] admin/stop()' "$output"
	dump -o json -r rec slower 100ms
	equal '0 1' "$(echo $(jq '.m[0]' <<<"$output"))"
	dump --summary -r rec not path 'a*i*'
	equal 'add ask' "$(echo $(awk 'NR > 1 { print $NF }' <<<"$output"))"
}

@test "amas-dump: filters that are none are one line, status 2" {
	says 2 'filter: no condition: "foo"' -r rec foo
	says 2 'filter: a value is missing behind "path"' -r rec path
	says 2 'filter: a value is missing behind "path"' -r rec failed or path
	says 2 'id: "x" is no number' -r rec 'id x'
	says 2 'id: "-" is no number' -r rec id -
	passes '' id -99999999999999999999
	says 2 'filter: a condition is missing at the end' -r rec failed and
	says 2 'filter: a condition is missing at the end' -r rec not
	says 2 'filter: no condition: "or"' -r rec or failed
	says 2 'filter: "and" or "or" is missing before "path"' \
		-r rec failed path add
	says 2 'filter: ")" is missing at the end' -r rec '(failed'
	says 2 'filter: "and" or "or" is missing before ")"' -r rec 'failed)'
	says 2 'filter: no end of the quote at the end' -r rec 'path "a'
	says 2 'filter: kind is request, reply or failure, not "x"' \
		-r rec kind x
	says 2 'slower: "x" is no duration' -r rec slower x
	says 2 'larger: "x" is no size' -r rec larger x
	says 2 'filter: more than 256 words' -r rec \
		"$(printf 'not %.0s' {1..256}) failed"
	says 2 'filter: a condition is missing at the end' -r rec ''
	# 256 words are no trouble.
	passes 'add ask admin/stop' "$(printf 'not %.0s' {1..255}) failed"
}

# ---- Objects ----

@test "amas-dump: -o json: objects with stable names, read again the same" {
	dump -o json -r rec
	equal 'n t from to conn size codec path m
n t from to conn size codec path took m
n t from to conn size path m
n t from to conn size path took m
n t from to conn path m
n t from to conn path took m
n t from to conn path m' "$(jq -r 'keys_unsorted | join(" ")' <<<"$output")"
	equal "$(jq -c '[.t, .from, .to, .conn, .size, .codec, .m]' rec)" \
		"$(jq -c '[.t, .from, .to, .conn, .size, .codec, .m]' <<<"$output")"
	equal '1 2 3 4 5 6 7' "$(echo $(jq .n <<<"$output"))"
	equal 'add add agents/3/hi agents/3/hi ask ask admin/stop' \
		"$(echo $(jq -r .path <<<"$output"))"
	equal '0.5 0.01 0.002' "$(echo $(jq '.took // empty' <<<"$output"))"
	printf '%s\n' "$output" >again
	dump -o json -r again
	equal "$(cat again)" "$output"
	dump -r again
	equal "$(t amas-dump -r rec)" "$output"
}

@test "amas-dump: -o json has the whole message, as lines have it" {
	cat >all <<-'END'
	[0, 0, ["f", [1.5, 1e+300, NaN, {"__type__": ["bytes", "AAE="]}], {"k": "\u00e9\u001b"}]]
	[1, 0, {"__type__": ["map", [[1, 2]]]}]
	[0, 1, "no call"]
	END
	printf '[0, 2, ["f", ["%0100000d"], {}]]\n' 0 >>all
	dump -o json -r all
	equal '' "$(diff all <(sed -E 's/.*"m": (.*)}$/\1/' <<<"$output"))"
	equal 'null' "$(jq .path <<<"${lines[2]}")"
}

@test "amas-dump: -o json: what is no message, and from what" {
	printf '\0\0\0\003abc\0\0\0\015[1, 0, "\\u1"]GET / HTTP/1.1\r\n' |
		t amas-dump -o json >odd || equal 4 "$?"
	run -0 jq -c 'del(.t)' odd
	shows '{"from":"","to":"","conn":1,"size":7,"odd":"unknown codec","hex":"616263"}' \
		'{"from":"","to":"","conn":1,"size":17,"odd":"'"$(jq -rs '.[1].odd' odd)"'","hex":"5b312c20302c20225c7531225d"}' \
		'{"from":"","to":"","conn":1,"size":16,"odd":"HTTP","hex":"474554202f20485454502f312e310d0a"}'
	# Of a recording it is passed over.
	cat rec >>odd
	dump -t -r odd
	shows "$ADD" "$HI" "$ASK" "$STOP"
}

# ---- What is read ----

@test "amas-dump: frames on standard input, in all codecs" {
	printf '\0\0\0\033[0, 0, ["add", [3, 4], {}]]\0\0\0\011[1, 0, 7]' |
		t amas-dump -t >out
	equal '[0] add(3, 4) = 7' "$(sed 's/ <.*//' out)"
	printf '\0\0\0\014\223\0\0\223\243add\222\3\4\200' | t amas-dump -t >out
	equal '[0] add(3, 4) = ?' "$(cat out)"
	printf '\0\0\0\014\223\0\0\223\243add\222\3\4\200' >frame
	dump -t -r frame
	shows '[0] add(3, 4) = ?'
	dump -r frame
	shows '0.000000 [0] add(3, 4) = ?'
	run -4 --separate-stderr t amas-dump -t --codec json -r frame
	[[ $output == '?? 16 bytes: '* ]]
	[[ $stderr == 'amas-dump: frame: byte 0: '* ]]
}

@test "amas-dump: a frame in pieces, and one that is cut" {
	local byte

	for byte in $(printf '\0\0\0\033[0, 0, ["add", [3, 4], {}]]' |
	    xxd -p -c 1); do
		printf "\\x$byte"
	done | t amas-dump -t >out
	equal '[0] add(3, 4) = ?' "$(cat out)"
	printf '\0\0\0\011[1, 0, 7]\0\0\0\033[0, 0, ["add"' >piece
	run -4 --separate-stderr t amas-dump -t -r piece
	shows '[0] ? = 7' \
		'?? 17 bytes: closed inside a message (13 of 27 bytes)'
	equal 'amas-dump: piece: byte 13: closed inside a message (13 of 27 bytes)' \
		"$stderr"
}

@test "amas-dump: what is neither is one line, status 4" {
	local name

	printf 'root:x:0:0\nbin:x:1:1\n' >users
	{ printf 'ab\1cd\n[[{'; seq 90000; } >noise
	printf '\0\0\0\011[1, 0, 7]\0\0\0\003abc\0\0\0\004abcd' >second
	for name in users:0 noise:0 second:13; do
		run -4 --separate-stderr t amas-dump -t -r "${name%:*}"
		equal 1 "$(wc -l <<<"$stderr")"
		[[ $stderr == "amas-dump: ${name%:*}: byte ${name#*:}: "* ]]
	done
	run -4 --separate-stderr t amas-dump -t <users
	[[ $stderr == "amas-dump: standard input: byte 0: message of "* ]]
}

@test "amas-dump: lines behind what a program has said" {
	local byte

	{ printf 'ready: \303\244\n\nwarning\n'; cat rec; } >log
	run -4 --separate-stderr t amas-dump -t -r log
	shows "$ADD" "$HI" "$ASK" "$STOP"
	equal '1 3' "$(echo $(sed -n \
		's/^amas-dump: log: line \([0-9]*\): .*/\1/p' <<<"$stderr"))"
	# It may come in pieces.
	{ head -c 3 log; tail -c +4 log | while IFS= read -r byte; do
		echo "$byte"; done; } | t amas-dump -t >out 2>&1 || equal 4 "$?"
	equal "$(printf '%s\n' "$ADD" "$HI" "$ASK" "$STOP")" \
		"$(grep -v ^amas-dump: out)"
}

@test "amas-dump: message lines and traces of amas-call" {
	start amas-serve :0 'add=exec:expr "$1" + "$2"'
	t amas-call --pipe "$addr" <<<'[0, 9, ["add", [3, 4], {}]]' |
		t amas-dump -t >out
	equal '[9] ? = 7' "$(cat out)"
	t amas-call --trace trace "$addr" add 3 4
	t amas-call --trace /dev/stderr "$addr" add 20 22 2>second
	dump -r trace
	[[ $output =~ ^0\.[0-9]{6}\ .*\ \>\ .*:\ \[0\]\ add\(3,\ 4\)\ =\ 7\ \<0\.[0-9]{6}\>$ ]]
	t amas-dump -t <second >out
	[[ $(cat out) == *'[0] add(20, 22) = 42 <'*'>' ]]
}

@test "amas-dump: traces of containers have the time of the simulation" {
	mkdir a b
	printf '#!/bin/sh\namas-clock sleep 900; amas-call local://b/0 hi\n' >a/run
	printf '#!/bin/sh\necho hello\n' >b/hi
	chmod +x a/run b/hi
	t amas-container --trace trace local://a ./a + local://b ./b >hosts
	dump -r trace path '*hi'
	shows '900.000000 local://a > local://b: [1] agents/0/hi() = "hello" <0.000000>'
	dump -r trace slower 15m
	shows '0.000000 local://a/0 > host: [0] amas/sleep(900) = null <900.000000>'
	dump -o json -r trace agent 0
	equal '900 900' "$(echo $(jq .t <<<"$output"))"
}

@test "amas-dump: several files are merged by time" {
	sed -n '1~2p' rec >odd
	sed -n '2~2p' rec >even
	dump -t -r odd -r even
	shows "$ADD" "$HI" "$ASK" "$STOP"
	dump -t -r even -r odd
	shows "$ADD" "$HI" "$ASK" "$STOP"
	run -0 --separate-stderr t amas-dump -t -r odd -r - <even
	shows "$ADD" "$HI" "$ASK" "$STOP"
	says 2 '-r: standard input is read already' -r - -r -
	says 2 '-r: more than 64 files' $(printf -- '-r rec %.0s' {1..65})
	# What comes first in time waits for who has not told his.
	mkfifo in
	t amas-dump -t -r in -r even >out 3>&- &
	caller $!
	exec 5>in
	cat odd >&5
	exec 5>&-
	wait $!
	forget $!
	equal "$(printf '%s\n' "$ADD" "$HI" "$ASK" "$STOP")" "$(cat out)"
}

@test "amas-dump: a bad line is named, the rest is read, status 4" {
	{
		head -n 2 rec
		echo '{"t": 1, "x": 2}'
		echo
		printf 'x\n[7, 0, 0]\n\xff\n[1, 2]\n{"m": [1, 0]}\n'
		printf '{"t": %s, "m": [1, 0, 0]}\n' NaN -Infinity 1e300
		sed -n '3,$p' rec | head -c -1
	} >bad
	run -4 --separate-stderr t amas-dump -t -r bad
	shows "$ADD" "$HI" "$ASK" "$STOP"
	equal '3 5 6 7 8 9 10 11 12' "$(echo $(sed -n \
		's/^amas-dump: bad: line \([0-9]*\): .*/\1/p' <<<"$stderr"))"
	equal 9 "$(wc -l <<<"$stderr")"
	run -4 --separate-stderr t amas-dump <<<'[0, 0'
	[[ $stderr == 'amas-dump: standard input: line 1: '* ]]
}

@test "amas-dump: --max-message is the limit of lines, too" {
	printf '%s\n' '[0, 0, ["add", [3], {}]]' '[0, 1, ["add", [3, 4], {}]]' \
		'[1, 0, 7]' >lines
	run -4 --separate-stderr t amas-dump -t --max-message 25 -r lines
	shows '[0] add(3) = 7 <0.000000>'
	equal "amas-dump: lines: line 2: message of 27 bytes, limit 25" "$stderr"
	dump -t --max-message 27 -r lines
	run -4 --separate-stderr t amas-dump -t --max-message 4999 -r rec
	equal 'amas-dump: rec: line 3: message of 5000 bytes, limit 4999' \
		"$stderr"
	dump --max-message 5000 -r rec
}

@test "amas-dump: 80: input that is empty, closed, a directory, not there" {
	dump </dev/null
	equal '' "$output"
	dump -r /dev/null
	: >empty
	dump -r empty
	dump <<<''
	says 6 'standard input: Is a directory' <.
	run -6 --separate-stderr t sh -c 'exec amas-dump <&-'
	equal 'amas-dump: standard input: Bad file descriptor' "$stderr"
	says 6 '.: Is a directory' -r .
	says 6 'none: No such file or directory' -r none
	dump -t <rec
	shows "$ADD" "$HI" "$ASK" "$STOP"
	run -2 --separate-stderr t script -qec amas-dump /dev/null
	[[ $output == *'usage: amas-dump '* ]]
}

# ---- What is written ----

@test "amas-dump: 79: output that nobody can take" {
	local options

	yes "$(cat rec)" | head -n 14000 >many
	for options in '' '-o json' '--split' '--summary'; do
		for file in rec many; do
			# shellcheck disable=SC2086 # words
			run -6 --separate-stderr bash -c "timeout '$PATIENCE' \
				amas-dump $options -r $file >/dev/full"
			equal 'amas-dump: standard output: No space left on device' \
				"$stderr"
		done
	done
	run -6 --separate-stderr bash -c "timeout '$PATIENCE' \
		amas-dump -r rec >&-"
	equal 'amas-dump: standard output: Bad file descriptor' "$stderr"
}

@test "amas-dump: 79: a reader that has enough" {
	yes "$(cat rec)" | head -n 14000 >many
	for options in '' '-o json'; do
		# shellcheck disable=SC2086 # words
		run -0 --separate-stderr bash -c "timeout '$PATIENCE' \
			amas-dump -t $options -r many | head -n 1
			echo \${PIPESTATUS[0]} >status"
		equal 1 "${#lines[@]}"
		equal '' "$stderr"
		equal 141 "$(cat status)"
	done
}

@test "amas-dump: --summary of a file" {
	for i in {1..100}; do
		printf '{"t": %d, "size": 30, "m": [0, 0, ["f", [], {}]]}\n' "$i"
		printf '{"t": %d.%03d, "size": 20, "m": [%d, 0, "x"]}\n' "$i" \
			"$i" "$((i % 10 ? 1 : 2))"
	done >hundred
	dump --summary -r hundred
	equal "$(echo calls failed open p50 p90 p99 max bytes function)" \
		"$(echo ${lines[0]})"
	read -r calls failed open p50 p90 p99 max bytes name <<<"${lines[1]}"
	equal '100 10 0 100.0ms 5000 f' "$calls $failed $open $max $bytes $name"
	"$(python)" - "$p50" "$p90" "$p99" <<-'END'
	import sys
	for text, want in zip(sys.argv[1:], (50, 90, 99)):
	    ms = float(text.removesuffix('ms'))
	    assert want <= ms <= want * 1.03, (text, want)
	END
	dump --summary -r rec
	equal 'calls add admin/stop agents/*/hi ask' \
		"$(echo $(awk '{ print NR == 1 ? $1 : $NF }' <<<"$output"))"
	equal '1 0 1 - - - -' "$(awk '/stop/ { print $1, $2, $3, $4, $5, $6, $7 }' \
		<<<"$output")"
}

# ---- Usage ----

@test "amas-dump: 81: wrong use is one line, status 2" {
	local usage='usage: amas-dump [options] '

	run -2 --separate-stderr t amas-dump :0
	[[ $stderr == $'amas-dump: no TARGET behind ":0", which is LISTEN\n'"$usage"* ]]
	run -2 --separate-stderr t script -qec amas-dump /dev/null </dev/null
	[[ $output == 'amas-dump: no LISTEN and TARGET, and standard input is a terminal'*"$usage"* ]]
	says 2 '--foo: no such option' --foo
	says 2 '-o: "xml" is not text, json, mermaid or dot' -o xml -r rec
	says 2 '-c: "x" is no number' -c x -r rec
	says 2 '-t: more than 5 times' -tttttt -r rec
	dump -t -c 9223372036854775807 -r rec
	for bad in '-c 0' '-c -1' '-s x' '-s -1' '--wait x' '--wait -1' \
	    '--wait 1e400s' '-C 99999999999999999999' '--max-message 0' \
	    '--socket-mode 9' '--ready-fd x' '--codec none' '-r'; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr t amas-dump $bad
		[[ $stderr == "amas-dump: ${bad%% *}: "* ]]
		equal 1 "$(wc -l <<<"$stderr")"
	done
	for option in '--run true' '--ready-fd 1' '--listen-cert x' \
	    '--listen-key x' '--listen-cacert x'; do
		# shellcheck disable=SC2086 # words
		says 2 "${option%% *}: needs LISTEN and TARGET" $option -r rec
	done
	says 2 '-o: options go before operands' -r rec failed -o json
	says 2 '-o: options go before operands' -r rec -- -o json
	says 2 '--run: options go before operands' :0 :1 --run x
	says 2 '-r: options go before operands' :0 -r rec
	says 2 '--wait: needs LISTEN and TARGET' -r rec --wait 3
	says 2 '--seed: needs --inject' -r rec --seed 3
	says 2 '--seed: needs --inject' --seed 3 :0 :1
	says 2 '--trace: -w records here' --trace t -r rec
	dump -n -t -r rec
}

@test "amas-dump: signals while it reads: SIGUSR1, SIGTERM, SIGINT" {
	local p name

	for name in TERM INT; do
		mkfifo "in.$name"
		amas-dump --summary <"in.$name" >out 2>err.own 3>&- &
		p=$!
		caller "$p"
		exec 5>"in.$name"
		cat rec >&5
		# It takes SIGUSR1 from here on.
		until grep -q 'SigCgt:.*[2367abef]..$' "/proc/$p/status"; do
			kill -0 "$p"
		done
		until grep -q ask out; do
			kill -USR1 "$p"
		done
		: >out
		kill -"$name" "$p"
		wait "$p"
		forget "$p"
		exec 5>&-
		grep -q ' ask$' out	# the end has it once more
		equal '' "$(cat err.own)"
	done
}
