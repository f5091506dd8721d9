# amas-dump: diagrams, -o mermaid and -o dot.

load helper

# rec MESSAGE...: a recording of them in $tmp/rec, of requests and replies between
# client a and server b.
rec() {
	local l t=0

	for l; do
		t=$((t + 1))
		if [[ $l == '[0,'* ]]; then
			echo "{\"t\": $t, \"from\": \"tcp://a:1\", \"to\": \"tcp://b:5\", \"m\": $l}"
		else
			echo "{\"t\": $t, \"from\": \"tcp://b:5\", \"to\": \"tcp://a:1\", \"m\": $l}"
		fi
	done >"$tmp/rec"
}

# mermaid, graph [OPTION...] [FILTER...]: show it; dot can read the graph.
mermaid() {
	run -0 --separate-stderr t amas-dump -r "$tmp/rec" -o mermaid "$@"
}

graph() {
	run -0 --separate-stderr t amas-dump -r "$tmp/rec" -o dot "$@"
	if type -P dot >/dev/null; then
		dot -Tplain <<<"$output" >"$tmp/plain"
	fi
}

@test "amas-dump: -o mermaid: calls, results, failures" {
	rec '[0, 0, ["add", [3, 4], {}]]' '[1, 0, 7]' '[0, 1, ["no", [], {}]]' \
	    '[2, 1, "Traceback\nValueError: no"]' '[0, 2, ["gone", [1], {}]]'
	mermaid
	equal 'sequenceDiagram
    participant p1 as a:1
    participant p2 as b:5
    p1->>p2: add(3, 4)
    p2-->>p1: 7
    p1->>p2: no()
    p2--xp1: ! ValueError: no
    p1->>p2: gone(1)
    Note over p1,p2: no reply to gone' "$output"
}

@test "amas-dump: -o mermaid: agents are participants" {
	rec '[0, 0, ["agents/0/f", [1], {}]]' '[0, 1, ["agents/1/f", [], {}]]' \
	    '[1, 1, 2]' '[1, 0, 3]'
	mermaid
	equal 'sequenceDiagram
    participant p1 as a:1
    participant p2 as b:5/0
    p1->>p2: f(1)
    participant p3 as b:5/1
    p1->>p3: f()
    p3-->>p1: 2
    p2-->>p1: 3' "$output"
}

@test "amas-dump: -o mermaid: what the filter wants, -c of them" {
	rec '[0, 0, ["add", [3, 4], {}]]' '[1, 0, 7]' '[0, 1, ["no", [], {}]]' \
	    '[2, 1, "no"]' '[0, 2, ["gone", [1], {}]]'
	mermaid failed
	equal '    p1->>p2: no()
    p2--xp1: ! no' "$(tail -n 2 <<<"$output")"
	equal 5 "${#lines[@]}"
	mermaid unanswered
	equal 5 "${#lines[@]}"
	mermaid -c 2
	equal 5 "${#lines[@]}"
	mermaid path nothing
	equal sequenceDiagram "$output"
}

@test "amas-dump: -o mermaid: nothing from others is syntax" {
	rec '[0, 0, ["a;b#c\nend", ["<br/>%%{init: {}}%%", "\u001b[31m", "wrap: style: x#35;"], {}]]' \
	    '[2, 0, ""]'
	mermaid -s 0
	equal 5 "${#lines[@]}"
	equal '    p1->>p2: a#59;b#35;c#92;nend(#34;#60;br/#62;#37;#37;{init#58; {}}#37;#37;#34;, #34;#92;u001b[31m#34;, #34;wrap#58; style#58; x#35;35#59;#34;)' \
	    "${lines[3]}"
	equal '    p2--xp1: ! ' "${lines[4]}"
}

@test "amas-dump: -o mermaid: long values are cut, bytes that are missing noted" {
	printf '[0, 0, ["f", ["%0500d"], {}]]\n' 0 >"$tmp/in"
	rec "$(cat "$tmp/in")"
	mermaid
	((${#lines[3]} < 120))
	[[ ${lines[3]} == *...\) ]]
	mermaid -s 300
	((${#lines[3]} > 300))
	mermaid -s 400
	((${#lines[3]} > 400))
	printf '\0\0\0\04[0,0hello' >"$tmp/rec"
	run -4 --separate-stderr t amas-dump -o mermaid -r "$tmp/rec"
	[[ $output == *'    participant p1 as caller'*'    Note over p1,p2: 8 bytes '* ]]
}

@test "amas-dump: -o mermaid: an agent without a function" {
	echo '[0, 1, ["agents/1", ["a/b"], {}]]' >"$tmp/rec"
	mermaid
	[[ $output == *'p1->>p2: agents/1(#34;a/b#34;)'* ]]
	echo '[0, 1, ["agents/1/f", ["a/b"], {}]]' >"$tmp/rec"
	mermaid
	[[ $output == *'p1->>p2: f(#34;a/b#34;)'* ]]
}

@test "amas-dump: -o mermaid of a tap shows messages at once" {
	local line n=0

	start amas-serve :0 'add=exec:expr "$1" + "$2"'
	out=$tmp/out start amas-dump -o mermaid :0 "$addr"
	t amas-call "$addr" add 3 4
	while ((n++ < 500)) && ! grep -q -e '->>p1: 7$' "$tmp/out"; do
		:
	done
	grep -q -e '-->>p1: 7$' "$tmp/out"
	stop
}

@test "amas-dump: -o dot: who calls whom" {
	rec '[0, 0, ["add", [3, 4], {}]]' '[1, 0, 7]' \
	    '[0, 0, ["add", [3, 4], {}]]' '[1, 0, 7]' \
	    '[0, 1, ["agents/3/no", [], {}]]' '[2, 1, "no"]' \
	    '[0, 2, ["agents/3/gone", [1], {}]]'
	graph
	equal 'digraph amas {
	rankdir=LR;
	node [shape=box];
	"a" -> "b:5" [label="2\n1 s"];
	"a" -> "b:5/3" [label="2, 1 failed, 1 open\n1 s", color=red, fontcolor=red];
}' "$output"
	graph failed
	equal '	"a" -> "b:5/3" [label="1, 1 failed\n1 s", color=red, fontcolor=red];' \
	    "${lines[3]}"
	graph path nothing
	equal 4 "${#lines[@]}"
}

@test "amas-dump: -o dot: an end that was called keeps its port" {
	printf '%s\n' \
	    '{"from": "tcp://a:1", "to": "tcp://b:2", "m": [0, 0, ["f", [], {}]]}' \
	    '{"from": "tcp://b:2", "to": "tcp://a:1", "m": [0, 0, ["g", [], {}]]}' \
	    '{"from": "tcp://c:3", "to": "tcp://a:1", "m": [0, 0, ["g", [], {}]]}' \
	    '{"from": "tcp://c:4", "to": "tcp://a:1", "m": [0, 0, ["g", [], {}]]}' \
	    >"$tmp/rec"
	graph
	equal '"a:1" -> "b:2" "1, 1 open"
"b:2" -> "a:1" "1, 1 open"
"c" -> "a:1" "2, 2 open"' "$(sed -n 's/^\t\(".*"\) \[label=\(.*\)\];/\1 \2/p' \
	    <<<"$output")"
}

@test "amas-dump: -o dot: names cannot leave their quotes" {
	printf '%s\n' '{"from": "x\"]\n;&lt;", "to": "y\\", "m": [0, 0, ["f", [], {}]]}' \
	    >"$tmp/rec"
	graph
	equal '	"x\"]\\n;&amp;lt;" -> "y\\" [label="1, 1 open"];' "${lines[3]}"
}

@test "amas-dump: an end whose address is empty" {
	printf '%s\n' '{"from": "tcp://", "to": "tcp://", "m": [0, 0, ["agents/7/add", [], {}]]}' \
	    >"$tmp/rec"
	mermaid
	equal '    participant p1 as caller
    participant p2 as called/7' "$(sed -n 2,3p <<<"$output")"
	graph
	equal '	"caller" -> "called/7" [label="1, 1 open"];' "${lines[3]}"
}

@test "amas-dump: -o dot of a tap comes at its end" {
	start amas-serve :0 'add=exec:expr "$1" + "$2"'
	run -0 --separate-stderr t amas-dump -o dot --run \
	    'amas-call $AMAS_ADDR add 1 2 >&2; amas-call $AMAS_ADDR add 1 2 >&2' \
	    :0 "$addr"
	[[ ${lines[3]} == *" -> \"${addr#tcp://}\" [label=\"2\\n"*' ms"];' ]]
	run -6 --separate-stderr t bash -c 'amas-dump -o dot -r /dev/null >/dev/full'
	equal "amas-dump: standard output: No space left on device" "$stderr"
}
