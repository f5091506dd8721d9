# A folder for temporary files that cannot be used: nothing is started without
# AMAS_PARENT, which keeps strangers' addresses from being called, and nothing
# with an empty AMAS_STATE.

load helper

# fails CAUSE COMMAND...: a call fails, in its last line with this cause.
fails() {
	run -1 t "${@:2}"
	equal "$1" "$(last_line "$output")"
}

@test "tmpdir: 88: a call that finds none fails, and the next finds it again" {
	local none="TMPDIR $tmp/t: No such file or directory" secret

	start amas-serve :0 'secret=exec:echo internal'
	secret=$addr
	mkdir "$tmp/s"
	printf '#!/bin/sh\nread -r line && echo "[1, 0, 7]"\n' >"$tmp/s/w.worker"
	chmod +x "$tmp/s/w.worker"
	TMPDIR=$tmp/t start amas-serve :0 'ask=exec:amas-call -- "$1" secret' \
		'up=filter:sed -u s/a/A/' "$tmp/s" \
		'state=exec:test -d "${AMAS_STATE:?}" && echo yes'
	fails "ask: $none" amas-call "$addr" ask "$secret"
	fails "up: $none" amas-call "$addr" up a
	fails "worker w: $none" amas-call "$addr" w
	fails "state: $none" amas-call "$addr" state
	grep -qxF "amas-serve: ask: $none" "$err"
	grep -qxF "amas-serve: up: $none" "$err"
	grep -qxF "amas-serve: w: $none" "$err"

	mkdir "$tmp/t"
	run -1 t amas-call "$addr" ask "$secret"
	[[ $output == *'an address is not called from here without --dial'* ]]
	run -0 t amas-call "$addr" up a
	equal '"A"' "$output"
	run -0 t amas-call "$addr" w
	equal 7 "$output"
	run -0 t amas-call -r "$addr" state
	equal yes "$output"
}

@test "tmpdir: 88: a folder for AMAS_STATE that goes is missed" {
	mkdir "$tmp/d"
	start amas-serve --state "$tmp/d/state" :0 \
		'state=exec:test -d "$AMAS_STATE" && echo yes'
	rm -r "$tmp/d"
	fails "state: AMAS_STATE $tmp/d/state: No such file or directory" \
		amas-call "$addr" state
	mkdir "$tmp/d"
	run -0 t amas-call -r "$addr" state
	equal yes "$output"
}

@test "tmpdir: 88: a start that needs one fails without" {
	run -6 --separate-stderr t env TMPDIR="$tmp/t" amas-serve :0 'm=worker:cat'
	[[ $stderr == *"TMPDIR $tmp/t: No such file or directory" ]]
	printf '#!/bin/sh\nexec cat\n' >"$tmp/all.shared"
	chmod +x "$tmp/all.shared"
	run -6 --separate-stderr t env TMPDIR="$tmp/t" amas-container :0 \
		"$tmp/all.shared"
	[[ $stderr == *"TMPDIR $tmp/t: No such file or directory" ]]
}

@test "tmpdir: 88: an agent whose program could not start is not made" {
	local none="TMPDIR $tmp/t: No such file or directory"

	mkdir "$tmp/a" "$tmp/b"
	printf '#!/bin/sh\namas-clock sleep 3600\n' >"$tmp/a/run"
	printf '#!/bin/sh\ntrue\n' >"$tmp/b/init"
	printf '#!/bin/sh\nexec cat\n' >"$tmp/c.worker"
	chmod +x "$tmp/a/run" "$tmp/b/init" "$tmp/c.worker"
	run -1 --separate-stderr t env TMPDIR="$tmp/t" amas-container \
		--until 7200 local://a "$tmp/a"
	[[ $stderr == *"$none"* ]]
	run -1 --separate-stderr t env TMPDIR="$tmp/t" amas-container \
		--until 7200 local://a "$tmp/b"
	[[ $stderr == *"$none"* ]]
	run -1 --separate-stderr t env TMPDIR="$tmp/t" amas-container \
		--until 7200 local://a "$tmp/c.worker"
	[[ $stderr == *"$none"* ]]
	mkdir "$tmp/t"
	run -0 t env TMPDIR="$tmp/t" amas-container --until 7200 local://a \
		"$tmp/a"
}

# limited KIB COMMAND...: files are no longer than that; what it says is none.
limited() {
	set -o pipefail
	bash -c 'trap "" XFSZ && ulimit -f "$1" && shift && exec "$@"' - "$@" \
		2>&1 | cat
}

@test "tmpdir: 88: an agent is not made without its constructor's arguments" {
	mkdir "$tmp/a"
	printf '#!/bin/sh\nwc -c <"$AMAS_STATE/args"\n' >"$tmp/a/run"
	chmod +x "$tmp/a/run"
	printf '{"class": "a", "args": ["%2000s"]}\n' '' >"$tmp/agents"
	for kib in 0 1; do
		run -1 limited "$kib" timeout "$PATIENCE" \
			amas-container --until 1 --class a="$tmp/a" \
			--manager -f "$tmp/agents" local://a
		[[ $output == *'/args: File too large'* ]]
	done
	run -0 limited 4 timeout "$PATIENCE" amas-container \
		--until 1 --class a="$tmp/a" --manager -f "$tmp/agents" \
		local://a
	equal 2011 "$(last_line "$output")"
}
