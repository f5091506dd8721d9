# amas-container: containers on networks, and what goes wrong between two of
# them.  The numbers are those of the list of faults that the project keeps.

load helper
load tools/raw
load tools/net

setup() {
	make_tmp
	cd "$tmp"
	mkdir folder
	program folder/tell 'echo "$AMAS_SELF $*"'
	program agent.worker "$(net_agent)"
}

# batch N URL FUNCTION [ARG...]: lines for amas-call -B on a container: N times
# via of agent 0, which calls FUNCTION(ARG..., I) at URL.
batch() {
	local i args

	args=$(printf ', "%s"' "${@:2}")
	for ((i = 0; i < $1; i++)); do
		printf '["agents/0/via", [%s, %d], {}]\n' "${args#, }" "$i"
	done
}

# closed_by_peer FILE: each of its lines is a failure of its own, and says that
# the connection was lost.
closed_by_peer() {
	equal '' "$(jq -c 'select(.[0] != 2 or (.[2] | test("connection closed by peer|Connection reset by peer") | not))' "$1")"
	equal "$(jq '.[1]' "$1" | sort -n)" "$(jq '.[1]' "$1" | sort -nu)"
}

# python_at ADDR [OPTION...]: starts a Python container; sets $peer and $url.
# What is started after it holds its input open, so start it last.
python_at() {
	rm -f py.in py.url
	mkfifo py.in
	"$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/agents.py" "${@:2}" "$1" \
		<py.in >py.url 2>py.err 3>&- &
	peer=$!
	caller "$peer"
	exec 5>py.in
	until_holds '[ -s py.url ] || ! kill -0 "$peer"'
	url=$(cat py.url)
}

# python_ends: the Python container ends in order.
python_ends() {
	exec 5>&-
	ended "$peer" 0
}

need_ipv6() {
	grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null || skip 'no ::1 here'
}

# ---- Addresses ----

@test "container-net: at *:0 the full name of the machine stands in URLs" {
	local name port theirs where

	start amas-container '*:0' ./folder ./agent.worker
	[[ $addr =~ ^tcp://([^:/]+):([0-9]+)/$ ]]
	name=${BASH_REMATCH[1]} port=${BASH_REMATCH[2]}
	theirs=$("$(python)" -c 'import socket; print(socket.getfqdn())')
	if [[ $theirs == *.* ]]; then
		equal "$theirs" "$name"
	else	# Python's may be that of 127.0.0.1, "localhost"
		equal "$(uname -n)" "${name%%.*}"
	fi
	for where in "127.0.0.1:$port" "localhost:$port"; do
		equal "${addr}0 1" "$(calls -r "tcp://$where/0" tell 1)"
	done
	getent hosts "$name" >/dev/null || skip "$name is not known here"
	equal "${addr}0 2" "$(calls -r "${addr}0" tell 2)"
	equal "\"${addr}0 3\"" "$(calls "${addr}1" via "${addr}0" tell 3)"
}

@test "container-net: the full name is what /etc/hosts says it is" {
	local line

	[ -x "$AMAS_VENV/bin/python" ] || need_peer
	unshare -u -m true 2>/dev/null || skip 'no namespaces for us'
	cat >in-namespace <<-'END'
	hostname box
	printf '127.0.0.1 localhost\n%s\n' "$2" >hosts
	mount --bind hosts /etc/hosts
	"$1" -c 'import socket; print(socket.getfqdn())'
	amas-container -q --ready-fd 4 --run : '*:0' ./folder 4>&1 |
		sed 's,^tcp://\(.*\):.*,\1,'
	END
	for line in '127.0.1.1 box.example.org box' '127.0.1.1 box'; do
		run -0 t unshare -u -m sh in-namespace "$(python)" "$line"
		equal "${lines[0]}" "${lines[1]}"
		equal "$(cut -d ' ' -f 2 <<<"$line")" "${lines[1]}"
	done
}

@test "container-net: --advertise stands in URLs, and agents answer there" {
	local port

	start amas-container 127.0.0.1:0 ./folder
	port=$(sed 's,.*:\(.*\)/,\1,' <<<"$addr")
	start amas-container --advertise "localhost:$port" '*:0' ./folder \
		./agent.worker
	equal "tcp://localhost:$port/" "$addr"
	stop
	start amas-container --advertise 'example.org:7' ./s ./folder
	equal "ipc://[$tmp/s]/" "$addr"
	stop
	# The port is not known before: the other way round, by a second name.
	stop "${pids[0]}"
	start amas-container --advertise "localhost:$port" "*:$port" ./folder \
		./agent.worker
	equal "${addr}0 1" "$(calls -r "${addr}0" tell 1)"
	equal "\"${addr}0 2\"" "$(calls "${addr}1" via "${addr}0" tell 2)"
	equal "\"${addr}1\"" "$(t amas-call "$addr" amas/agents | jq '.[1].url')"
}

@test "container-net: IPv6: brackets in URLs, and one connection by any form" {
	local far port

	need_ipv6
	start amas-container '[::1]:0' ./folder
	[[ $addr =~ ^tcp://\[::1\]:([0-9]+)/$ ]]
	far=$addr port=${BASH_REMATCH[1]}
	equal "${far}0 1" "$(calls -r "${far}0" tell 1)"
	equal "${far}0 2" "$(calls -r "tcp://::1:$port/0" tell 2)"
	equal null "$(t amas-call "[::1]:$port" validate_aid ==1)"
	equal null "$(t amas-call "::1:$port" validate_aid ==1)"
	start amas-container '::1:0' ./agent.worker
	[[ $addr == 'tcp://[::1]:'* ]]
	equal "\"${far}0 3\"" "$(calls "${addr}0" via "${far}0" tell 3)"
	equal "\"${far}0 4\"" "$(calls "${addr}0" via "tcp://::1:$port/0" tell 4)"
	equal 5 "$(connections "$far")"
	run -1 calls "${addr}0" via "${far}9" tell 5
	equal "ConnectionError: Agent \"9\" does not exist in Container(('::1', $port))" \
		"${lines[-1]}"
}

@test "container-net: IPv6: agents of Python and ours call each other" {
	need_peer
	need_ipv6
	start amas-container '[::1]:0' ./folder ./agent.worker
	python_at '[::1]:0'
	[[ $url == tcp://::1:* ]]	# as aiomas writes it
	both json '::1'
	url="tcp://[::1]:$(port "$url")/"
	equal 5 "$(calls "${url}0" spam 5)"
	equal 5 "$(calls "${addr}1" via "${url}0" spam 5)"
	python_ends
}

# both CODEC HOST: the containers at $url, of Python, and $addr call each other.
# Python answers once that there is no agent, and never again.
both() {
	local python="t amas-call --codec $1 ${url}0"

	equal '[1, {"a": 2.5}]' "$($python spam '[1, {"a": 2.5}]')"
	equal "[\"folderProxy('${addr}0')\", \"${addr}0 9\"]" \
		"$($python ask "${addr}0" tell 9)"
	run -1 $python ask "${addr}8" tell
	[[ ${lines[-1]} == "ConnectionError: Agent \"8\" does not exist in Container("* ]]
	equal 5 "$(calls --codec "$1" "${addr}1" via "${url}0" spam 5)"
	run -1 calls --codec "$1" "${addr}1" via "${url}0" fail
	equal 'ZeroDivisionError: division by zero' "${lines[-1]}"
	run -1 calls --codec "$1" "${addr}1" via "${url}7" spam 5
	equal "ConnectionError: Agent \"7\" does not exist in Container(('$2', $(port "$url")))" \
		"${lines[-1]}"
}

port() {
	sed 's,.*:\(.*\)/,\1,' <<<"$1"
}

@test "container-net: agents of Python and ours on TCP, over each codec" {
	local codec

	need_peer
	for codec in json msgpack msgpack-blosc; do
		start amas-container --codec "$codec" 127.0.0.1:0 ./folder \
			./agent.worker
		python_at 127.0.0.1:0 --codec "$codec"
		both "$codec" 127.0.0.1
		python_ends
		stop
	done
}

# ---- What ends ----

@test "container-net: 64: --on-exit restart: a run starts again, until it can" {
	program folder/run 'echo try >>"$AMAS_STATE/tries"
		[ "$(wc -l <"$AMAS_STATE/tries")" = 3 ] || exit 4
		echo "$AMAS_SELF: done"'
	run -0 --separate-stderr t amas-container --on-exit restart --until-done \
		./s a:2=./folder
	equal "ipc://[$tmp/s]/
ipc://[$tmp/s]/0: done
ipc://[$tmp/s]/1: done" "$(sort <<<"$output")"
	equal 'amas-container: a/0/run: exit status 4; starts again in 0.1s
amas-container: a/0/run: exit status 4; starts again in 0.2s
amas-container: a/1/run: exit status 4; starts again in 0.1s
amas-container: a/1/run: exit status 4; starts again in 0.2s' \
		"$(sort <<<"$stderr")"
}

@test "container-net: 64: --on-exit restart: ids and agents stay the same" {
	local before

	program folder/run 'exit 4'
	start amas-container --on-exit restart ./s a=./folder b=./agent.worker
	before=$(calls "${addr}1" pid)
	kill -KILL "$before"
	until_holds 'now=$(calls "${addr}1" pid 2>/dev/null)'
	[ "$now" != "$before" ]
	reaches 2 "$err"
	equal "${addr}0 1" "$(calls -r "${addr}0" tell 1)"
	equal '["0","1"]' "$(t amas-call "$addr" amas/agents | jq -c 'map(.id)')"
}

@test "container-net: 64: --on-exit fail ends with status 1 and says who" {
	local kind

	program folder/run 'exit 4'
	run -1 --separate-stderr t amas-container --on-exit fail ./s \
		b=./agent.worker a=./folder
	equal 'amas-container: a/1/run: exit status 4
amas-container: a/1: exit status 4 (--on-exit fail)' "$stderr"
	rm folder/run
	for kind in worker shared; do
		[ -e "agent.$kind" ] || program "agent.$kind" 'while read -r line; do
			case $line in
			*amas/new*) echo "[1, $(expr "$line" : "\[0, \([0-9]*\)"), null]" ;;
			*) kill -KILL $$ ;;
			esac
		done'
		run -1 --separate-stderr t amas-container --on-exit fail --run \
			'amas-call "$AMAS_ADDR" agents/1/die 2>/dev/null; exec cat never' \
			./s a=./folder "b=./agent.$kind"
		[[ $stderr == *"amas-container: b"*'(--on-exit fail)' ]]
	done
}

# ---- Connections that are lost ----

# kill_off PID: a started process, with no time to say goodbye.
kill_off() {
	kill -KILL "$1"
	wait "$1" || true
	forget "$1"
}

@test "container-net: 65: killed -9: open calls fail, later ones connect once" {
	local near far far_pid calling

	start amas-container ./far ./agent.worker
	far=$addr far_pid=$pid
	start amas-container -v -w 20 ./near ./agent.worker
	near=$addr
	t amas-call -P 50 -B "$near" >open \
		< <(batch 20 "${far}0" hang hung) &
	calling=$!
	caller "$calling"
	reaches 20 hung
	kill_off "$far_pid"
	SECONDS=0
	ended "$calling" 1
	((SECONDS < 10))
	equal 20 "$(wc -l <open)"
	closed_by_peer open
	# These find nobody, and wait.
	t amas-call -P 50 -B "$near" >waited \
		< <(batch 50 "${far}0" note noted) &
	calling=$!
	caller "$calling"
	until_holds 'grep -q "far: .*; trying again" "$1"' "$err"
	start amas-container ./far ./agent.worker
	ended "$calling" 0
	equal "$(seq 0 49)" "$(jq 'select(.[0] == 1) | .[2]' waited | sort -n)"
	all_numbers 50 noted
	all_numbers 20 hung
	equal 1 "$(connections "$far")"
}

@test "container-net: 65: killed -9 before it read: calls fail once, none is kept" {
	local near near_err far calling

	start amas-container -vv -w 20 ./near ./agent.worker
	near=$addr near_err=$err
	start amas-container "$tmp/far" ./agent.worker
	far=$addr
	kill -STOP "$pid"
	t amas-call -P 50 -B "$near" >open \
		< <(batch 20 "${far}0" note noted) &
	calling=$!
	caller "$calling"
	# All wait for one question, on a connection that it has not accepted yet.
	until_holds '[ "$(grep -c "got.*amas/call" "$1")" = 20 ]' "$near_err"
	equal 1 "$(grep -c "$tmp/far: sent" "$near_err")"
	until_holds '[ "$(grep -c " $1$" /proc/net/unix)" = 2 ]' "$tmp/far"
	kill_off "$pid"
	ended "$calling" 1
	equal 20 "$(wc -l <open)"
	closed_by_peer open
	start amas-container ./far ./agent.worker
	equal '"x"' "$(calls "${near}0" via "${far}0" note noted x)"
	equal x "$(cat noted)"
	equal 1 "$(connections "$far")"
}

@test "container-net: 65: a peer that ends while we serve it is connected to anew" {
	start amas-container 127.0.0.1:0 ./agent.worker
	raw <<-'END'
	def ask(n):
	    c.call(n, 'agents/0/via', f'tcp://{far.addr}/0', 'f', n)

	def served(peer, n):
	    assert peer.recv() == [0, 0, ['validate_aid', ['0'], {}]]
	    peer.send(frame([1, 0, 'Far']))
	    assert peer.recv() == [0, 1, ['agents/0/f', [n], {}]]

	far = listen()
	c = connect()
	ask(1)
	first = far.accept()
	served(first, 1)
	# It asks for what takes long, and ends: a call of ours will never be
	# answered there, but the other end of the line is open still.
	first.call(7, 'agents/0/hang', 'hung', 1)
	until(lambda: log_has(tmp + '/hung', '1') if os.path.exists(tmp + '/hung')
	      else False)
	first.end()
	kind, n, text = c.recv()
	assert (kind, n) == (2, 1) and 'closed by peer' in text, text
	ask(2)
	second = far.accept()
	served(second, 2)
	second.send(frame([1, 1, 'two']))
	assert c.recv() == [1, 2, 'two']
	first.quiet()
	END
}

@test "container-net: 70: both call each other, a connection drops: none lost or doubled" {
	local how here there one two

	for how in unix tcp; do
		rm -f ready barrier one two noted.*
		mkfifo barrier
		here=./here there=./there
		[ "$how" = unix ] || here=127.0.0.1:0 there=127.0.0.1:0
		start amas-container "$here" ./agent.worker
		here=$addr
		start amas-container "$there" ./agent.worker
		there=$addr
		equal null "$(calls "${here}0" cut 100)"
		calls "${here}0" storm "${there}0" noted.there 200 >one &
		one=$!
		calls "${there}0" storm "${here}0" noted.here 200 >two &
		two=$!
		caller "$one"
		caller "$two"
		reaches 2 ready
		exec 6>barrier
		ended "$one" 0
		ended "$two" 0
		exec 6>&-
		# Nobody dropped this one.
		equal "$(jq -nc '[range(200) | [., 1]]')" "$(jq -c 'sort' one)"
		all_numbers 200 noted.there
		# The other: what was under way failed, and is not tried again.
		storm_is_whole two noted.here
		# One and two between them, and those of amas-call.
		equal 4 "$(connections "$there")"
		equal 5 "$(connections "$here")"
		stop "${pids[-1]}"
		stop "${pids[-1]}"
	done
}

# ---- A cable ----

# cabled: two spaces, $here with 10.0.0.1 and $there with 10.0.0.2, which no ARP
# has to find, nor can tell that it is gone.
cabled() {
	unshare -n true 2>/dev/null || skip 'no networks of our own for us'
	command -v ip >/dev/null || skip 'no ip'
	space
	here=$space
	space
	there=$space
	inside "$here" ip link add cable address 02:00:00:00:00:01 type veth \
		peer name cable address 02:00:00:00:00:02 netns "$there" \
		2>/dev/null || skip 'no cables for us'
	inside "$here" ip addr add 10.0.0.1/24 dev cable
	inside "$there" ip addr add 10.0.0.2/24 dev cable
	inside "$here" ip link set cable up
	inside "$there" ip link set cable up
	inside "$here" ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:02 \
		dev cable nud permanent
	inside "$there" ip neigh replace 10.0.0.1 lladdr 02:00:00:00:00:01 \
		dev cable nud permanent
}

@test "container-net: 65: a cable is cut: open calls fail within 30 s" {
	local here there far near silent talking late far_err f p

	cabled
	start nsenter -t "$there" -n amas-container -v 10.0.0.2:0 ./agent.worker
	far=$addr far_err=$err
	# One waits, one has something to say meanwhile, one connects too late.
	start nsenter -t "$here" -n amas-container ./silent ./agent.worker
	silent=$addr
	start nsenter -t "$here" -n amas-container ./talking ./agent.worker
	talking=$addr
	start nsenter -t "$here" -n amas-container ./late ./agent.worker
	late=$addr
	for near in "$silent" "$talking"; do
		timeout 40 amas-call "${near}0" via "${far}0" hang hung 1 \
			2>"lost.${#callers[@]}" &
		caller $!
	done
	reaches 2 hung
	inside "$there" ip link set cable down
	SECONDS=0
	run -124 t amas-call -t 0.2 "${talking}0" via "${far}0" note noted 1
	timeout 40 amas-call "${late}0" via "${far}0" note noted 1 2>lost.late &
	caller $!
	for p in "${callers[@]:2}"; do
		PATIENCE=40 ended "$p" 1
	done
	((SECONDS >= 10 && SECONDS <= 35))
	for f in lost.*; do
		equal "${far%/}: Connection timed out" "$(tail -n 1 "$f")"
	done
	# Who was called has noticed, too.
	until_holds '[ "$(grep -c "10.0.0.1:.* timed out" "$1")" = 2 ]' "$far_err"
	[ ! -e noted ]
	inside "$there" ip link set cable up
	for near in "$silent" "$talking" "$late"; do
		equal '"x"' "$(calls "${near}0" via "${far}0" note noted x)"
	done
	equal $'x\nx\nx' "$(cat noted)"
}

# ---- Proxies, and thousands of agents ----

@test "container-net: 64: an agent dies while others hold proxies of it" {
	local far proxy url

	start amas-container --manager --class agent=./agent.worker ./far
	far=$addr
	start amas-container ./near ./agent.worker
	run -0 calls "${addr}0" spawn "${far}0" agent
	proxy=$(jq -r '.[0]' <<<"$output")
	url=$(jq -r '.[1]' <<<"$output")
	equal "${far}1" "$url"
	[[ $proxy == ipc://*/h//*.* ]]
	equal '[1]' "$(calls "${addr}0" via "$proxy" f 1)"
	# Its process goes, it does not.
	run -1 calls "${addr}0" via "$proxy" die
	equal 'worker agent/1: exit status 3' "${lines[-1]}"
	equal '[2]' "$(calls "${addr}0" via "$proxy" f 2)"
	equal '[3]' "$(calls "${addr}0" via "$url" f 3)"
	# Now it goes, and is not replaced by the next.
	run -0 calls "${far}1" host amas/stop "$url"
	run -0 calls "${far}0" spawn agent
	equal "\"${far}2\"" "$(jq '.[1]' <<<"$output")"
	for url in "$proxy" "$url"; do
		run -1 calls "${addr}0" via "$url" f 4
		equal 'LookupError: Name "1" not found in "agents"' "${lines[-1]}"
	done
	# And its container.
	kill_off "${pids[0]}"
	run -1 calls "${addr}0" via "$proxy" f 5
	equal 'peer is gone' "${lines[-1]}"
}

@test "container-net: 68: 10,000 agents are announced again, calls fail once" {
	cat >shared.py <<-'END'
	import json, os, sys
	made = {}
	told = open('told.%d' % os.getpid(), 'w')
	for line in sys.stdin:
	    _, n, (path, a, k) = json.loads(line)
	    result = None
	    if path == 'amas/new':
	        print(*a, file=told)
	        made[a[0]] = a[1]
	    elif path.endswith('/die'):
	        sys.exit(3)
	    elif path.endswith('/hang'):
	        print(path, file=told, flush=True)
	        continue
	    else:
	        print(path, file=told, flush=True)
	        result = made[path.split('/')[0]]
	    print(json.dumps([1, n, result]), flush=True)
	END
	program house.shared "cd '$tmp' && exec $(python) shared.py"
	echo '{"class": "house", "count": 10000, "args": ["x"]}' >agents
	start amas-container --manager -f agents --class house=./house.shared \
		./s other=./agent.worker
	other=$(calls "${addr}1" pid)
	first=$(echo told.*)
	for i in {2..201}; do
		printf '["agents/%d/hang", [], {}]\n' "$i"
	done >in
	# From two callers, and 200 more by an agent.
	t amas-call -P 200 -B "$addr" <in >out.1 &
	one=$!
	caller "$one"
	batch 200 "${addr}300" hang | sed 's,agents/0,agents/1,' |
		t amas-call -P 200 -B "$addr" >out.2 &
	two=$!
	caller "$two"
	until_holds '[ "$(grep -c hang "$1")" = 400 ]' "$first"
	run -1 calls "${addr}10001" die
	ended "$one" 1
	ended "$two" 1
	for i in 1 2; do
		equal 200 "$(jq -c 'select(.[0] == 2 and (.[2] | test("worker house: exit status 3"))) | .[1]' "out.$i" | sort -u | wc -l)"
		equal 200 "$(wc -l <"out.$i")"
	done
	# All of them are there again, with what they were made with.
	equal '["x"]' "$(calls "${addr}10001" args)"
	mv "$first" before
	equal "$(head -n 10000 before)" "$(head -n 10000 told.*)"
	equal 10001/args "$(tail -n +10001 told.*)"
	equal "$other" "$(calls "${addr}1" pid)"
	equal '"other"' "$(t amas-call "$addr" validate_aid ==1)"
}

@test "container-net: an --advertise that could not stand in a URL" {
	local bad

	for bad in foo foo:70000 tcp://foo:5 ./foo foo:5/ ''; do
		run -2 t amas-container --advertise "$bad" :0 ./folder
		equal "amas-container: --advertise: \"$bad\" is no HOST:PORT" \
			"$output"
	done
}

@test "container-net: an address that --ready-fd does not take is said" {
	run -6 --separate-stderr t amas-container --ready-fd 9 :0 ./folder \
		9>/dev/full
	equal 'amas-container: --ready-fd: No space left on device' "$stderr"
	run -0 --separate-stderr t amas-container -q --ready-fd 1 --run : :0 \
		./folder
	[[ $output == tcp://127.0.0.1:*/ ]]
}
