# The host: what a program that was started may ask of its server, and how it
# reaches whoever called it.  Numbers are those of the list of faults.

load helper

setup() {
	make_tmp
	umask 022
	mkdir "$tmp/s"
}

# put NAME: makes an executable of standard input in the served folder.
put() {
	cat >"$tmp/s/$1"
	chmod 755 "$tmp/s/$1"
}

serve() {
	start amas-serve "$@" "$tmp/socket" "$tmp/s"
}

# ask: what handlers here call the host with.
ask='amas-call -r "$AMAS_PARENT"'

# guide: serves the guide's example: hello PROXY, who, and deep with the proxy
# inside an argument.
guide() {
	put hello <<-'END'
	#!/bin/sh
	name=$(amas-call -r -- "$1" get_client_name) &&
		echo "Client name is \"$name\""
	END
	put who <<-'END'
	#!/bin/sh
	exec amas-call -r "$AMAS_PEER" get_client_name
	END
	put deep.json <<-'END'
	#!/bin/sh
	url=$(jq -r '.. | .__type__? // empty | .[1]')
	exec amas-call "$url" get_client_name
	END
}

callback() {
	run --separate-stderr t "$AMAS_VENV/bin/python" \
		"$AMAS_ROOT/tests/peer/callback.py" "$addr" "$@"
}

gives() {
	run --separate-stderr t amas-call "$addr" "${@:2}"
	equal "0 $1" "$status $output$stderr"
}

# fails TEXT FUNCTION ARG...
fails() {
	run --separate-stderr t amas-call "$addr" "${@:2}"
	equal "1 $1" "$status $(last_line "$stderr")"
}

@test "host: a handler finds its parent, its peer and a folder of its own" {
	printf '#!/bin/sh\nprintf %%s "$1" >"$AMAS_STATE/x"\n' | put keep
	printf '#!/bin/sh\ncat "$AMAS_STATE/x"; stat -c %%a "$AMAS_STATE"\n' |
		put kept
	printf '#!/bin/sh\necho "$AMAS_PARENT"; echo "$AMAS_PEER"\n' | put urls
	serve
	gives null keep hello
	run -0 t amas-call -r "$addr" kept
	equal $'hello700' "$output"
	run -0 t amas-call -r "$addr" urls
	[[ ${lines[0]} =~ ^ipc://(/.*)/h//[0-9a-f]{32}$ ]]
	equal 700 "$(stat -c %a "${BASH_REMATCH[1]}")"
	equal 600 "$(stat -c %a "${BASH_REMATCH[1]}/h")"
	[[ ${lines[1]} =~ ^ipc://(/.*)/h//[0-9]+$ ]]
	stop
	[ ! -e "${BASH_REMATCH[1]}" ]
}

@test "host: the guide's example, the server asks its client for its name" {
	need_peer
	guide
	serve
	callback hello @
	equal 'Client name is "Monty"' "$output$stderr"
	callback who
	equal Monty "$output$stderr"
}

@test "host: the guide's example, from shell to shell" {
	guide
	serve
	name='get_client_name=exec:echo Ann'
	run -0 --separate-stderr t amas-call -r -x "$name" "$addr" hello @
	equal 'Client name is "Ann"' "$output$stderr"
	run -0 --separate-stderr t amas-call -r -x "$name" "$addr" who
	equal Ann "$output$stderr"
	run -0 --separate-stderr t amas-call -r -x "me/$name" "$addr" hello @me
	equal 'Client name is "Ann"' "$output$stderr"
	run -0 --separate-stderr t amas-call -r -x "me/$name" "$addr" deep \
		'{"there": 1}' @me
	equal Ann "$output$stderr"
	run -0 t amas-call -B -x "$name" "$addr" <<<'["who", [], {}]'
	equal '[1, 1, "Ann"]' "$output"
}

@test "host: the guide's example, a worker and a plugin are asked" {
	asks
	start amas-serve "$tmp/socket" "w=$tmp/asks.worker" \
		"p=$AMAS_BUILD/tests/examples/stats_plugin.so"
	run -0 --separate-stderr t amas-call -r \
		-x 'get_client_name=exec:echo Ann' "$addr" w/hello @
	equal Ann "$output$stderr"
	run -0 --separate-stderr t amas-call -r \
		-x 'get_client_name=exec:echo Ann' "$addr" p/server_method @
	[[ $output$stderr == *Ann* ]]
}

@test "host: a proxy below a service, its functions, what is not there" {
	need_peer
	put ask <<-END
	#!/bin/sh
	exec $ask amas/call "\$@"
	END
	serve
	callback ask @/sub hello
	equal hello "$output$stderr"
	callback ask @ sub/hello
	equal hello "$output$stderr"
	callback ask @ nothing
	equal 1 "$status"
	[[ $stderr == *'LookupError: Name "nothing" not found in ""'* ]]
}

@test "host: 31: who is gone cannot be called" {
	need_peer
	printf '#!/bin/sh\necho "$AMAS_PEER"\n' | put url
	put ask <<-END
	#!/bin/sh
	exec $ask amas/call "\$@"
	END
	serve
	callback url
	equal 0 "$status"
	url=$output
	fails 'peer is gone' ask "$url" get_client_name
	fails 'peer is gone' ask "$url.1" get_client_name
	fails 'peer is gone' ask "${url%/*}/99999999999999999999" f
}

@test "host: 36: one that waits gives its place back" {
	put wait <<-END
	#!/bin/sh
	: >"$tmp/begun"
	exec $ask amas/wait news
	END
	put tell <<-END
	#!/bin/sh
	while [ "\$($ask amas/notify news "\$1")" = 0 ]; do :; done
	END
	mkfifo "$tmp/begun"
	serve -j 1
	amas-call "$addr" wait >"$tmp/out" &
	caller $!
	read -r -t "$PATIENCE" _ <"$tmp/begun" || [ $? = 1 ] # its end
	gives null tell fresh
	wait "$!"
	equal '"fresh"' "$(<"$tmp/out")"
}

@test "host: 36: a chain of nested calls is longer than there are places" {
	need_peer
	put down <<-END
	#!/bin/sh
	[ "\$1" = 0 ] && exec echo bottom
	exec $ask amas/call "\$AMAS_PEER" again "[\$1]"
	END
	serve -j 2
	callback down 10
	equal bottom "$output$stderr"
}

@test "host: 36: a batch that waits for several answers holds no place" {
	need_peer
	put pair <<-'END'
	#!/bin/sh
	[ "$1" = 0 ] && exec echo 1
	seq 2 | sed "s/.*/[\"again\", [$1], {}]/" |
		amas-call -B "$AMAS_PEER" | jq -s 'map(.[2]) | add'
	END
	serve -j 1
	callback pair 3
	equal 8 "$output$stderr"
}

@test "host: -B - calls what the server knows, each line another" {
	put all <<-'END'
	#!/bin/sh
	amas-call -B - 2>&1 <<EOF
	["$1/name"]
	["$AMAS_PEER/sub/add", [3, 4]]
	["$AMAS_PEER/none", [], {}]
	["$AMAS_PARENT/amas/list"]
	["tcp://127.0.0.1:9/name"]
	["name"]
	["$AMAS_PEER/"]
	EOF
	[ $? = 1 ]
	END
	serve
	run -0 t amas-call -r -x 'name=exec:echo Ann' \
		-x 'sub/add=exec:expr "$1" + "$2"' "$addr" all @
	for line in '[1, 1, "Ann"]' '[1, 2, 7]' '[1, 4, ["all"]]' \
	    '[2, 3, "LookupError: Name \"none\" not found in \"\""]' \
	    'line 5: an address is not called from here without --dial: AMAS_PARENT is set' \
	    'line 6: is no URL with a function behind it' \
	    'line 7: is no URL with a function behind it'; do
		[[ $output == *"$line"* ]]
	done
}

@test "host: -B - calls agents, and its input is waited for" {
	cd "$tmp"
	mkdir a b
	printf '#!/bin/sh\necho "$1 at $(amas-clock time)"\n' >b/bid
	cat >a/run <<-'END'
	#!/bin/sh
	base=${AMAS_SELF%/*}
	(amas-clock sleep 5; echo "[\"$base/1/bid\", [1]]"
	 amas-clock sleep 5; echo "[\"$base/1/bid\", [2]]") | amas-call -B - >&2
	END
	chmod +x a/run b/bid
	run -0 --separate-stderr t amas-container --until 20 local://a \
		./a ./b
	[[ $output$stderr == *'[1, 1, "1 at 5"]'*'[1, 2, "2 at 10"]'* ]]
}

@test "host: -l lists what the caller offers, and what the server serves" {
	printf '#!/bin/sh\nexec amas-call -l "$AMAS_PEER" 2>&1\n' | put peer
	printf '#!/bin/sh\nexec amas-call -l "$AMAS_PARENT" 2>&1\n' | put parent
	serve
	run -0 --separate-stderr t amas-call -r -x 'b=exec:true' \
		-x 'sub/a=exec:true' "$addr" peer
	equal 'b
sub/a' "$output"
	run -0 t amas-call -r "$addr" parent
	equal 'parent
peer' "$output"
	printf '#!/bin/sh\nexec amas-call -l "$AMAS_PEER"\n' | put peer
	run -1 t amas-call -r "$addr" peer
	[[ $output == *'/h//'*': has no list of its functions'* ]]
	stop
	equal '' "$(cat "$err")"
}

@test "host: nothing is served without a token" {
	printf '#!/bin/sh\necho "${AMAS_PARENT%%/*}"\n' | put base
	serve
	run -0 t amas-call -r "$addr" base
	base=$output
	for path in amas/peers agents/x/amas/peers \
	    agents/0123456789abcdef0123456789abcdef/amas/peers; do
		run -1 --separate-stderr t amas-call --codec msgpack \
			"ipc://[${base#ipc://}]/" "$path"
		equal 'LookupError: no such token; the process that it was given to has ended' \
			"$(last_line "$stderr")"
	done
}

@test "host: a job that a handler left behind has no token any more" {
	mkfifo "$tmp/go" "$tmp/said"
	put leave <<-END
	#!/bin/sh
	(read -r _ <"$tmp/go"; $ask amas/peers 2>"$tmp/said") >/dev/null 2>&1 &
	END
	serve
	gives null leave
	echo >"$tmp/go"
	run -0 t tail -n 1 "$tmp/said"
	equal 'LookupError: no such token; the process that it was given to has ended' "$output"
	stop
	grep -q 'refused: a request without a token of a process that runs' "$err"
}

@test "host: 55: text of a stranger becomes no connection" {
	put ask <<-END
	#!/bin/sh
	exec $ask amas/call "\$1" get_client_name
	END
	put direct <<-'END'
	#!/bin/sh
	exec amas-call -r -- "$1" get_client_name
	END
	serve
	for text in "exec:touch $tmp/owned" "-xme=exec:touch $tmp/owned" \
	    "--trace=$tmp/owned" "$tmp/owned" ./owned 127.0.0.1:1 \
	    "tcp://127.0.0.1:1" "tcp://127.0.0.1:1/" "$addr" stdio fd:0; do
		run -1 --separate-stderr t amas-call -s "$addr" ask "$text"
		[[ $(last_line "$stderr") == 'ValueError: "'*'" is '* ]]
		run -1 --separate-stderr t amas-call -s "$addr" direct "$text"
		[[ $stderr == *'direct: exit status 2'* ]]
	done
	run -1 --separate-stderr t amas-call -s "$addr" direct "$addr"
	equal "amas-call: $addr: an address is not called from here without --dial: AMAS_PARENT is set" \
		"$(last_line "$stderr")"
	[ ! -e "$tmp/owned" ]
}

@test "host: who is connected, and a connection is closed by the server" {
	put peers <<-END
	#!/bin/sh
	$ask amas/peers | jq -c 'map(.addr)'
	END
	put kick <<-END
	#!/bin/sh
	url=\$($ask amas/peers | jq -r --arg a "\$AMAS_PEER_ADDR" \
		'map(select(.addr != \$a))[0].url')
	exec $ask amas/close "\$url"
	END
	start amas-serve :0 "$tmp/s"
	mkfifo "$tmp/lines" "$tmp/out"
	amas-call -B "$addr" <"$tmp/lines" >"$tmp/out" 2>"$tmp/log" &
	caller $!
	client=$!
	exec 5>"$tmp/lines" 6<"$tmp/out"
	echo '["peers", [], {}]' >&5
	read -r -t "$PATIENCE" line <&6
	[[ $line =~ ^'[1, 1, ["tcp://127.0.0.1:'[0-9]+'"]]'$ ]]
	gives null kick
	exec 5>&-
	run wait "$client"
}

@test "host: a program that is waited for ends, and takes its waits along" {
	put wait <<-END
	#!/bin/sh
	exec $ask amas/wait never
	END
	printf '#!/bin/sh\nexec %s amas/notify never\n' "$ask" | put notify
	serve -t 0.3
	run -1 --separate-stderr t amas-call "$addr" wait
	equal 'timed out after 0.3s in wait' "$(last_line "$stderr")"
	gives 0 notify
}

@test "host: a server that ends lets its handlers ask on" {
	need_peer
	mkfifo "$tmp/go"
	put slow <<-END
	#!/bin/sh
	: >"\$AMAS_STATE/runs"
	read -r _ <"$tmp/go"
	exec $ask amas/call "\$AMAS_PEER" get_client_name
	END
	serve
	"$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/callback.py" "$addr" \
		slow >"$tmp/out" 2>&1 &
	caller $!
	exec 5>"$tmp/go"	# it runs: it has the other end open
	kill -TERM "$pid"
	echo >&5
	exec 5>&-
	wait "$!"
	equal Monty "$(<"$tmp/out")"
	ended "$pid" 0
}

# asks: a worker whose function ask [PATH, ARGS] is a request of its own, and
# whose function hello [PROXY] the guide's example; peer: who called.
asks() {
	cat >"$tmp/asks.worker" <<-'END'
	#!/usr/bin/env python3
	import json, os, sys
	def say(*m):
	    print(json.dumps(m), flush=True)
	n, open_ = 0, {}
	for line in sys.stdin:
	    kind, id, content = json.loads(line)
	    if kind != 0:
	        say(kind, open_.pop(id), content)
	        continue
	    path, args, kwargs = content
	    if path == 'ask':
	        request = args
	    elif path == 'hello':
	        url = args[0]['__type__'][1]
	        request = [url + '/get_client_name', []]
	    elif path == 'peer':
	        request = ['amas/peer', [id]]
	    else:
	        say(1, id, os.getpid())
	        continue
	    n += 1
	    open_[n] = id
	    say(0, n, request + [{}])
	END
	chmod 755 "$tmp/asks.worker"
}

@test "host: a worker asks on its lines" {
	asks
	start amas-serve -j 1 "$tmp/socket" "$tmp/asks.worker"
	run -0 t amas-call "$addr" ask amas/notify '["x", 1]'
	equal 0 "$output"
	run -0 t amas-call -r "$addr" peer
	[[ $output =~ ^ipc:///.*/h//[0-9]+$ ]]
	run -1 --separate-stderr t amas-call "$addr" ask amas/nothing '[]'
	equal 'LookupError: Name "amas" not found in ""' \
		"$(last_line "$stderr")"
	run -1 --separate-stderr t amas-call "$addr" ask amas/call \
		'["tcp://127.0.0.1:1", "f"]'
	[[ $(last_line "$stderr") == 'ValueError: "tcp://127.0.0.1:1" is '* ]]
}

@test "host: a worker calls a proxy that it was given, by its URL as a path" {
	need_peer
	asks
	start amas-serve "$tmp/socket" "$tmp/asks.worker"
	callback hello @
	equal Monty "$output$stderr"
}

@test "host: 36: a worker that waits gives its place back, too" {
	local told=0 end

	asks
	printf '#!/bin/sh\nexec %s amas/notify news\n' "$ask" | put tell
	start amas-serve -j 1 "$tmp/socket" w="$tmp/asks.worker" "$tmp/s"
	amas-call "$addr" w/ask amas/wait '["news"]' >"$tmp/out" &
	caller $!
	# Until the worker waits there is nobody to be told.  Each call asks for
	# the only place anew: one that kept it to ask again would keep it from
	# the worker, too.
	end=$((SECONDS + PATIENCE))
	while [ "$told" = 0 ]; do
		((SECONDS < end))
		told=$(t amas-call "$addr" tell)
	done
	equal 1 "$told"
	wait "$!"
	equal null "$(<"$tmp/out")"
}

@test "host: the wait of a worker that dies is over" {
	asks
	start amas-serve "$tmp/socket" "w=$tmp/asks.worker"
	amas-call "$addr" w/ask amas/wait '["never"]' >"$tmp/out" 2>&1 &
	caller $!
	run -0 t amas-call "$addr" w/pid
	kill -KILL "$output"
	wait "$!" || true
	equal 'worker w: killed by SIGKILL' "$(last_line "$(<"$tmp/out")")"
	run -0 t amas-call -w 5 "$addr" w/ask amas/notify '["never"]'
	equal 0 "$output"
}

@test "host: an agent that cannot be reached is named" {
	start amas-serve "$tmp/socket" 'ask=exec:amas-call -- "$1" f'
	run -1 --separate-stderr t amas-call "$addr" ask "ipc://$tmp/none//0"
	equal "ipc://$tmp/none: No such file or directory" \
		"$(last_line "$stderr")"
}

@test "host: --dial calls an address from a handler, --exec is refused" {
	start amas-serve "$tmp/other" 'add=exec:expr "$1" + "$2"'
	start amas-serve "$tmp/socket" \
		"dial=exec:amas-call --dial '$tmp/other' add 3 4" \
		"exec=exec:amas-call --dial --exec 'touch $tmp/owned' f"
	run -0 t amas-call "$addr" dial
	equal 7 "$output"
	run -1 --separate-stderr t amas-call "$addr" exec
	equal 'amas-call: --exec: is not for programs that are served: AMAS_PARENT is set' \
		"$(last_line "$stderr")"
	[ ! -e "$tmp/owned" ]
}

@test "amas-serve: amas/time for whoever asks" {
	start amas-serve "$tmp/socket" f=exec:true
	run -0 t amas-call "$addr" amas/time
	[[ $output =~ ^[0-9]+[.][0-9]+$ ]]
	run -1 t amas-call "$addr" amas/peers
}

@test "host: what the server serves" {
	put list <<-END
	#!/bin/sh
	exec $ask amas/list
	END
	serve
	run -0 t amas-call "$addr" list
	equal '["list"]' "$output"
}

@test "host: a gateway in one line joins both directions" {
	guide
	start amas-serve "$tmp/t" "$tmp/s" 'add=exec:expr "$1" + "$2"'
	start amas-serve --codec msgpack "$tmp/l" \
		"worker:amas-call --pipe --codec json '$addr'"
	run -0 t amas-call --codec msgpack "$addr" add 3 4
	equal 7 "$output"
	run -1 --separate-stderr t amas-call --codec msgpack "$addr" nope
	equal 'LookupError: Name "nope" not found in ""' "$(last_line "$stderr")"
	run -0 --separate-stderr t amas-call --codec msgpack -r \
		-x 'get_client_name=exec:echo Ann' "$addr" hello @
	equal 'Client name is "Ann"' "$output$stderr"
	if have_peer; then
		start amas-serve "$tmp/j" "worker:amas-call --pipe '$tmp/t'"
		callback hello @
		equal 'Client name is "Monty"' "$output$stderr"
	fi
}

@test "amas-serve: every kind of source at once" {
	asks
	mkdir "$tmp/services"
	printf '#!/bin/sh\nexpr "$1" + "$2"\n' >"$tmp/services/add"
	chmod 755 "$tmp/services/add"
	start amas-serve "$tmp/socket" 'calc=filter:BC_LINE_LENGTH=0 bc -lq' \
		'up=filter:sed -u s/./X/g' "math=$tmp/asks.worker" \
		"$tmp/services" "plug=$AMAS_BUILD/tests/examples/stats_plugin.so"
	run -0 t amas-call -s "$addr" calc '2^100'
	equal 1267650600228229401496703205376 "$output"
	run -1 --separate-stderr t amas-call -s "$addr" calc '1;2;3'
	run -0 t amas-call -s "$addr" calc 6*7
	equal 42 "$output"
	gives '"XXX"' up abc
	gives 0 math/ask amas/notify '["x"]'
	gives 7 add 3 4
	gives 7 plug/add 3 4
}
