# How calls of amas-serve share what is served: one at a time, a set of processes
# for each connection, a folder for what stays.

load helper

setup() {
	make_tmp
	umask 022
	mkdir "$tmp/s"
}

put() {
	cat >"$tmp/s/$1"
	chmod 755 "$tmp/s/$1"
}

@test "amas-serve: --serial, one call at a time, of everything" {
	put count <<-'END'
	#!/bin/sh
	n=$(cat "$AMAS_STATE/n" 2>/dev/null || echo 0)
	echo $((n + 1)) >"$AMAS_STATE/n"
	END
	start amas-serve --serial "$tmp/socket" "$tmp/s" 'up=filter:sed -u s/a/b/' \
		'n=exec:cat "$AMAS_STATE/n"'
	yes '["count", [], {}]' | head -100 >"$tmp/in"
	yes '["up", ["a"], {}]' | head -20 >>"$tmp/in"
	run -0 t amas-call -B --unordered "$addr" <"$tmp/in"
	equal 120 "${#lines[@]}"
	run -0 t amas-call "$addr" n
	equal 100 "$output"
}

@test "amas-serve: --serial, calls that wait are bounded by --queue" {
	mkfifo "$tmp/go"
	start amas-serve --serial --queue 2 "$tmp/socket" \
		"f=exec:read -r x <'$tmp/go'"
	yes '["f", [], {}]' | head -5 >"$tmp/in"
	exec 5<>"$tmp/go"
	amas-call -B --unordered "$addr" <"$tmp/in" >"$tmp/out" 2>&1 &
	caller $!
	printf '\n\n\n\n\n' >&5
	wait "$!" || true
	exec 5>&-
	equal 5 "$(wc -l <"$tmp/out")"
	equal 2 "$(grep -c 'busy: 1 running, 2 waiting (-j, --queue)' "$tmp/out")"
}

@test "amas-serve: --serial, a caller that goes lets the next one in" {
	put hang <<-'END'
	#!/bin/sh
	exec sleep 60
	END
	printf '#!/bin/sh\necho here\n' | put next
	start amas-serve --serial "$tmp/socket" "$tmp/s"
	run -124 t amas-call -t 0.2 "$addr" hang
	run -0 t amas-call -r "$addr" next
	equal here "$output"
}

@test "amas-serve: --per-connection, each has its own processes and folder" {
	start amas-serve --per-connection "$tmp/socket" \
		'n=filter:awk "{ n += \$1; print n; fflush() }"' \
		'put=exec:echo "$1" >"$AMAS_STATE/x"; echo "$AMAS_STATE"' \
		'get=exec:cat "$AMAS_STATE/x"'
	add='["n", [1], {}]'
	run -0 t amas-call -B -P 1 "$addr" <<<"$add"$'\n'"$add"$'\n["put", [7], {}]\n["get", [], {}]'
	equal '[1, 1, 1]' "${lines[0]}"
	equal '[1, 2, 2]' "${lines[1]}"
	equal '[1, 4, 7]' "${lines[3]}"
	state=$(jq -r '.[2]' <<<"${lines[2]}")
	run -0 t amas-call -B "$addr" <<<"$add"
	equal '[1, 1, 1]' "$output"
	run -1 t amas-call "$addr" get
	[ ! -e "$state" ]
}

@test "amas-serve: --state keeps what programs keep" {
	for times in 1 2; do
		start amas-serve --state "$tmp/keep" "$tmp/socket" \
			'add=exec:echo x >>"$AMAS_STATE/x"; wc -l <"$AMAS_STATE/x"'
		run -0 t amas-call "$addr" add
		equal "$times" "$output"
		stop
	done
	equal 700 "$(stat -c %a "$tmp/keep")"
	run -6 --separate-stderr t amas-serve --state "$tmp/no/such" :0 f=exec:true
	equal "amas-serve: $tmp/no/such: No such file or directory" "$stderr"
}

@test "amas-serve: --serial and --per-connection where they mean nothing" {
	run -2 --separate-stderr t amas-serve --serial -j 2 :0 f=exec:true
	equal 'amas-serve: -j: does not go with --serial' "$stderr"
	run -2 --separate-stderr t amas-serve --per-connection --channel :0
	equal 'amas-serve: --per-connection: does not go with --channel' "$stderr"
}
