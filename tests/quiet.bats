# Time and batches: a program that pipes lines into amas-call is asleep only when
# no line is on its way.

load helper

setup() {
	make_tmp
	cd "$tmp"
	mkdir target feed
	program target/at 'amas-call "$AMAS_PARENT" amas/time'
	program target/slow 'sleep_s 1; amas-call "$AMAS_PARENT" amas/time'
}

# program FILE TEXT: an executable in sh, which can sleep by its host's clock.
program() {
	printf '#!/bin/sh\nsleep_s() {\n\tamas-call -r "$AMAS_PARENT" %s\n}\n%s\n' \
		'amas/sleep "$1"' "$2" >"$1"
	chmod +x "$1"
}

# feed TEXT: what the agent does that writes the lines.  It can call "heard",
# which waits for one line of what comes back, so that the batch has begun.
feed() {
	program feed/run "target=\${AMAS_SELF%/*}/0
line() { echo '[\"at\", [], {}]'; }
heard() { read -r heard_line <&3; }
cd \"\$AMAS_STATE\" && mkfifo back && exec 3<>back
$1"
}

# simulate [ARG...]: runs it all; the lines of the agents are in $lines.
simulate() {
	run -0 --separate-stderr t amas-container --clock sim ./s ./target \
		./feed "$@"
	lines=("${lines[@]:1}")
}

@test "quiet: a line comes before the sleep of who wrote it, on every run" {
	local n

	feed '{
		line; heard; line; sleep_s 5
		line; line; sleep_s 5; heard; heard; heard; line; heard
	} | amas-call -B "$target" | tee back'
	for ((n = 0; n < 20; n++)); do
		simulate
		equal '[1, 1, 0.0] [1, 2, 0.0] [1, 3, 5.0] [1, 4, 5.0] [1, 5, 10.0]' \
			"${lines[*]}"
	done
}

@test "quiet: time stands while somebody writes whom nobody sees" {
	mkdir other
	program other/run 'for i in 1 2 3 4 5 6 7 8 9; do sleep_s 1; done'
	feed 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		env true; line
	done | amas-call -B "$target"'
	simulate ./other
	equal 12 "${#lines[@]}"
	equal 12 "$(printf '%s\n' "${lines[@]}" | grep -c ' 0\.0\]$')"
}

@test "quiet: so it is where a handler writes" {
	feed 'amas-call "$AMAS_PARENT" amas/call_in 1 pipe'
	program feed/pipe "target=\${AMAS_SELF%/*}/0
		exec 3<>'$tmp/back'
		{ echo a; read -r _ <&3; echo b; sleep_s 5; echo c; } |
			amas-call -L \"\$target\" at | tee '$tmp/back' >>'$tmp/out'"
	mkfifo back
	simulate
	equal '1.0 1.0 6.0' "$(xargs <out)"
}

@test "quiet: a batch takes no line before an answer: time goes on" {
	feed '{ line; heard; seq 5 | sed "s/.*/[\"slow\", [], {}]/"; sleep_s 9; } |
		amas-call -B -P 2 "$target" | tee back'
	simulate
	equal '0.0] 1.0] 1.0] 2.0] 2.0] 3.0]' \
		"$(printf '%s\n' "${lines[@]}" | cut -d ' ' -f 3 | xargs)"
}

@test "quiet: -P 1 is for who reads each answer before the next line" {
	feed '{ line; heard; } | amas-call -B "$target" >back
		mkfifo in && exec 4<>in
		amas-call -B -P 1 "$target" <in >back &
		for i in 1 2 3; do
			echo "[\"slow\", [], {}]" >&4; heard; echo "$heard_line"
		done
		kill $!'
	simulate
	equal '[1, 1, 1.0] [1, 2, 2.0] [1, 3, 3.0]' "${lines[*]}"
}

@test "quiet: at the end of its input a batch waits as any other does" {
	feed '{ line; heard; seq 3 | sed "s/.*/[\"slow\", [], {}]/"; } |
		amas-call -B "$target" | tee back'
	simulate
	equal '[1, 1, 0.0] [1, 2, 1.0] [1, 3, 1.0] [1, 4, 1.0]' "${lines[*]}"
}

@test "quiet: a batch that is killed is no more minded" {
	feed 'mkfifo in && exec 4<>in
		amas-call -B "$target" <in >back & line >&4; heard
		sleep_s 1; kill $!; wait $!
		amas-call "$AMAS_PARENT" amas/time; sleep_s 1
		amas-call "$AMAS_PARENT" amas/time'
	simulate
	equal '1.0 2.0' "${lines[*]}"
}

@test "quiet: a batch with --halt reads no more, and waits" {
	feed '{ line; heard; echo "[\"slow\", [], {}]"; echo "[\"no\", [], {}]"
		sleep_s 4; line; } | amas-call -B --halt --unordered "$target" |
		tee back'
	simulate
	equal '[1, 1, 0.0]' "${lines[0]}"
	[[ ${lines[1]} == '[2, 3, '* ]]
	equal '[1, 2, 1.0]' "${lines[2]}"
	equal 3 "${#lines[@]}"
}

@test "quiet: a pipe to the host itself" {
	feed 'call() {
		echo "[0, $1, [\"agents/${AMAS_PARENT##*/}/amas/time\", [], {}]]"
	}
	{ call 1; heard; call 2; sleep_s 5; call 3; } |
		amas-call --pipe --codec msgpack "${AMAS_PARENT%//*}" | tee back'
	simulate
	equal '[1, 1, 0.0] [1, 2, 0.0] [1, 3, 5.0]' "${lines[*]}"
}

@test "quiet: one that began before the first step is asked, too" {
	mkfifo on
	feed "{ line; heard; echo >'$tmp/on'; sleep_s 5; line; } |
		amas-call -B \"\${AMAS_SELF%/*}/1\" | tee back"
	out=$tmp/out start amas-container --clock external --manager ./s \
		./target ./feed
	read -r -t "$PATIENCE" _ <on
	run -0 t amas-call "${addr}0" step 2
	next=$(jq '.[1]' <<<"$output") # 5, or 7 if its sleep began in the step
	run -0 t amas-call "${addr}0" step "$next"
	[[ $output == *', null]' ]]
	equal "[1, 1, 0.0]
[1, 2, $(printf '%.1f' "$next")]" "$(tail -n +2 out)"
}

@test "quiet: amas/batch takes a truth, and says what is wrong" {
	feed 'amas-call "$AMAS_PARENT" amas/batch true
		amas-call "$AMAS_PARENT" amas/batch false
		amas-call "$AMAS_PARENT" amas/batch maybe || echo "status $?"'
	simulate
	equal 'null null status 1' "${lines[*]}"
	[[ $stderr == *TypeError* ]]
}

@test "quiet: without an order of things nobody is asked" {
	feed '{ line; heard; line; } | amas-call -B "$target" | tee back'
	run -0 --separate-stderr t amas-container -vv --until-done ./s \
		./target ./feed
	[[ $stderr == *'amas/batch'* ]]
	[[ $stderr != *'amas/sync'* ]]
}
