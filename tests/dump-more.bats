# amas-dump: recordings, diagrams, and what is done with a recording.

load helper

# A function that adds, and one that fails.
serve() {
	start amas-serve :0 'add=exec:expr "$1" + "$2"' \
	    'fail=exec:echo "no: $1" >&2; false'
	server=$addr
}

# record FILE [OPTION...]: some calls through a tap, which records them.
record() {
	local file=$1

	serve
	t amas-dump -w "$file" "${@:2}" --run '
		amas-call -q "$AMAS_ADDR" add 3 4
		amas-call -q "$AMAS_ADDR" add 20 22
		amas-call -q "$AMAS_ADDR" fail x; true' :0 "$server" >"$tmp/out"
}

# lines N: so many recorded requests on standard output, 88 to 90 bytes each.
requests() {
	seq 0 $(($1 - 1)) | sed 's/.*/[0, &, ["add", [&, 4], {}]]/'
}

# ---- Recordings ----

@test "amas-dump: -w records what -o json shows, and shows nothing" {
	record "$tmp/rec"
	equal "$(printf '7\n42')" "$(cat "$tmp/out")"
	equal 6 "$(wc -l <"$tmp/rec")"
	run -0 --separate-stderr t amas-dump -r "$tmp/rec" -o json
	equal "$(cat "$tmp/rec")" "$output"
	run -0 --separate-stderr t amas-dump -r "$tmp/rec" -t
	[[ ${lines[0]} == *': [0] add(3, 4) = 7 <'*'>' ]]
	[[ ${lines[2]} == *': [0] fail("x") ! no: x <'*'>' ]]
	equal 600 "$(stat -c %a "$tmp/rec")"
}

@test "amas-dump: -w does not empty what is read" {
	requests 20 >"$tmp/in"
	cp "$tmp/in" "$tmp/same"
	ln "$tmp/in" "$tmp/out3"
	run -2 --separate-stderr t amas-dump -r "$tmp/in" -w "$tmp/in"
	equal "amas-dump: $tmp/in: is read: it would be emptied" "$stderr"
	run -2 --separate-stderr t amas-dump -w "$tmp/in" <"$tmp/in"
	equal "amas-dump: $tmp/in: is read: it would be emptied" "$stderr"
	run -2 t amas-dump -r "$tmp/in" --replay :1 -w "$tmp/in"
	run -6 --separate-stderr t amas-dump -r "$tmp/in" -w "$tmp/out" -C 200
	equal "amas-dump: $tmp/out3: is read: it would be emptied" "$stderr"
	cmp "$tmp/same" "$tmp/in"
	t amas-dump -r "$tmp/in" -w /dev/null
}

@test "amas-dump: -w beside a view" {
	record "$tmp/rec" -o text
	equal 3 "$(grep -c '[0]' <(grep '> .*: \[0\]' "$tmp/out"))"
	equal 6 "$(wc -l <"$tmp/rec")"
	run -0 --separate-stderr t amas-dump -r "$tmp/rec" -w "$tmp/again" \
	    --summary
	[[ ${lines[1]} == *' add' ]]
	cmp "$tmp/rec" "$tmp/again"
}

@test "amas-dump: -w takes what the filter wants, -c ends it" {
	record "$tmp/rec"
	t amas-dump -r "$tmp/rec" -w "$tmp/some" failed
	run -0 jq -c '[.path, .m[0]]' "$tmp/some"
	equal '["fail",0] ["fail",2]' "$(echo $output)"
	t amas-dump -r "$tmp/rec" -w "$tmp/some" -c 3
	equal "$(head -n 3 "$tmp/rec")" "$(cat "$tmp/some")"
	run -0 --separate-stderr t amas-dump -r "$tmp/rec" -w - path fail
	equal "$(tail -n 2 "$tmp/rec")" "$output"
}

@test "amas-dump: -C begins the next file, named as by tcpdump" {
	local f

	requests 20 | t amas-dump -o json >"$tmp/all"
	requests 20 | t amas-dump -w "$tmp/rec" -C 1k
	for f in "$tmp"/rec*; do
		(($(stat -c %s "$f") <= 1024))
		(($(stat -c %s "$f") > 500)) || [ "$f" = "$tmp/rec2" ]
	done
	cut -d , -f 3- "$tmp/all" >"$tmp/want"
	cat "$tmp/rec" "$tmp/rec1" "$tmp/rec2" | cut -d , -f 3- |
		cmp - "$tmp/want"
	[ ! -e "$tmp/rec3" ] && [ ! -e "$tmp/rec0" ]
}

@test "amas-dump: -W keeps so many files" {
	requests 100 | t amas-dump -w "$tmp/rec" -C 200 -W 11
	equal "$(printf 'rec%02d\n' {0..10})" "$(cd "$tmp" && echo rec* |
		tr ' ' '\n')"
	run -0 jq -sc 'map(.m[1]) | [min, max]' "$tmp"/rec*
	equal '99' "$(jq '.[1]' <<<"$output")"
	(($(jq '.[0]' <<<"$output") > 70))
	requests 100 | t amas-dump -w "$tmp/one" -C 200 -W 1
	equal one "$(cd "$tmp" && echo one*)"
}

@test "amas-dump: a line longer than -C has a file of its own" {
	requests 3 | t amas-dump -w "$tmp/rec" -C 1
	equal "1 1 1" "$(echo $(cat "$tmp/rec" | wc -l) \
	    $(wc -l <"$tmp/rec1") $(wc -l <"$tmp/rec2"))"
}

@test "amas-dump: a disk that is full: one message, no half line" {
	requests 100000 >"$tmp/in"
	run -6 --separate-stderr t amas-dump -r "$tmp/in" -w /dev/full
	equal "amas-dump: /dev/full: No space left on device" "$stderr"
	run -6 --separate-stderr t bash -c 'ulimit -f 100
		exec amas-dump -r "$1" -w "$2"' - "$tmp/in" "$tmp/rec"
	equal "amas-dump: $tmp/rec: File too large" "$stderr"
	(($(stat -c %s "$tmp/rec") > 100000))
	equal "" "$(tail -c 1 "$tmp/rec" | tr -d '\n')"
	jq -e . "$tmp/rec" >/dev/null
	requests 2 >"$tmp/in"
	run -6 --separate-stderr t amas-dump -r "$tmp/in" -w /dev/full
	equal "amas-dump: /dev/full: No space left on device" "$stderr"
	run -6 --separate-stderr t amas-dump -r "$tmp/in" -w "$tmp/no/rec"
	equal "amas-dump: $tmp/no/rec: No such file or directory" "$stderr"
}

@test "amas-dump: a live recording grows while it is made" {
	local i n=0

	serve
	start amas-dump -w "$tmp/rec" :0 "$server"
	t amas-call "$addr" add 3 4
	for ((i = 0; i < 500 && n < 2; i++)); do
		n=$(wc -l <"$tmp/rec")
	done
	equal 2 "$n"
	stop
}

@test "amas-dump: what got no reply until the end of a file is shown" {
	requests 2 >"$tmp/in"
	echo '[1, 0, 4]' >>"$tmp/in"
	run -0 --separate-stderr t amas-dump -t -r "$tmp/in"
	equal '[0] add(0, 4) = 4 <0.000000>
[1] add(1, 4) = ?' "$output"
	run -0 --separate-stderr t amas-dump -t -r "$tmp/in" unanswered
	equal '[1] add(1, 4) = ?' "$output"
	run -0 --separate-stderr t amas-dump -r "$tmp/in" --summary
	equal '2 0 1 add' "$(awk 'NR == 2 { print $1, $2, $3, $NF }' \
	    <<<"$output")"
}

@test "amas-dump: -w, -C and -W that do not fit together" {
	run -2 --separate-stderr t amas-dump -r /dev/null -C 1k
	equal "amas-dump: -C: needs -w FILE" "$(first_line "$stderr")"
	run -2 --separate-stderr t amas-dump -r /dev/null -w "$tmp/x" -W 2
	equal "amas-dump: -W: needs -C" "$(first_line "$stderr")"
	run -2 --separate-stderr t amas-dump -r /dev/null -w - -o json
	equal "amas-dump: -w: standard output is for one thing" \
	    "$(first_line "$stderr")"
	run -2 t amas-dump -r /dev/null -w - -C 1k
	run -2 t amas-dump -r /dev/null -w "$tmp/x" -C 0
	[ ! -e "$tmp/x" ]
}
