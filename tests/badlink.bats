# Hosts with a bad link between them: frames take long, get lost, come twice or
# out of order, and the cable is cut.  The numbers are those of the list of
# faults.  What carries the frames is tools/badlink.py: not every kernel has
# netem.  A cable that is cut for good is in container-net.bats.

load helper
load tools/raw
load tools/net

setup() {
	make_tmp
	cd "$tmp"
	program agent.worker "$(net_agent)"
	stress=$AMAS_BUILD/tests/stress
}

# bad [NAME=VALUE...]: sets $here with 10.0.0.1, and $there with 10.0.0.2, and
# what is between them, which is changed by "link NAME=VALUE...".
bad() {
	local end

	unshare -n true 2>/dev/null || skip 'no networks of our own for us'
	command -v ip >/dev/null || skip 'no ip'
	[ -w /dev/net/tun ] || skip 'no /dev/net/tun for us'
	space
	here=$space
	space
	there=$space
	mkfifo link.in link.out
	exec 7<>link.in 8<>link.out
	"$(python)" "$AMAS_ROOT/tests/tools/badlink.py" "$here" "$there" "$@" \
		<&7 >&8 2>link.err 3>&- 7>&- 8>&- &
	caller $!
	said ready || skip "no such devices for us: $(cat link.err)"
	plug "$here" 1 2
	plug "$there" 2 1
}

# plug SPACE OURS THEIRS: its address; who the other is need not be asked, so
# that nothing can tell that it is gone.
plug() {
	inside "$1" ip link set bad address "02:00:00:00:00:0$2"
	inside "$1" ip addr add "10.0.0.$2/24" dev bad
	inside "$1" ip link set lo up	# for calls of its own
	inside "$1" ip link set bad up
	inside "$1" ip neigh replace "10.0.0.$3" dev bad \
		lladdr "02:00:00:00:00:0$3" nud permanent
}

# said WORD: the link says so.
said() {
	local word

	read -r -t "$PATIENCE" word <&8 && [ "$word" = "$1" ]
}

link() {
	echo "$*" >&7
	said set
}

# at SPACE PROGRAM [ARG...]: as start, there.
at() {
	start nsenter -t "$1" -n "${@:2}"
}

@test "badlink: all calls are answered, once, whatever becomes of frames" {
	bad delay=5 loss=5 twice=5 late=10
	at "$there" amas-serve 10.0.0.2:0 s="$stress/shuffle_plugin.so"
	run -0 t nsenter -t "$here" -n "$stress/lost" -c 20 -w 8 "$addr" 600
	[[ ${lines[-1]} == *" 600 right, "*" 0 twice" ]]
}

@test "badlink: results come in order and whole" {
	local i

	bad delay=2 loss=5 twice=5 late=10
	at "$there" amas-serve 10.0.0.2:0 s="$stress/shuffle_plugin.so" \
		'add=exec:expr "$1" + 1'
	for ((i = 0; i < 200; i++)); do
		if ((i % 10 == 0)); then
			echo "[\"add\", [$i], {}]"
		else
			printf '["s/echo", ["%0*d"], {}]\n' $((i * 20 + 1)) "$i"
		fi
	done >in
	jq -c 'if .[0] == "add" then .[1][0] + 1 else .[1][0] end' in >expected
	t nsenter -t "$here" -n amas-call -B "$addr" <in >out
	jq -c '.[2]' out >got
	cmp expected got
}

@test "badlink: 70: two containers that connect to each other at once" {
	local here_url there_url one two

	bad delay=5 loss=5 twice=5 late=10
	mkfifo barrier
	at "$here" amas-container 10.0.0.1:0 ./agent.worker
	here_url=$addr
	at "$there" amas-container 10.0.0.2:0 ./agent.worker
	there_url=$addr
	inside "$here" amas-call "${here_url}0" storm "${there_url}0" \
		noted.there 200 >one &
	one=$!
	inside "$there" amas-call "${there_url}0" storm "${here_url}0" \
		noted.here 200 >two &
	two=$!
	caller "$one"
	caller "$two"
	reaches 2 ready
	exec 6>barrier
	ended "$one" 0
	ended "$two" 0
	exec 6>&-
	for i in one two; do
		equal "$(jq -nc '[range(200) | [., 1]]')" "$(jq -c sort $i)"
	done
	all_numbers 200 noted.there
	all_numbers 200 noted.here
}

@test "badlink: 65: the cable is cut for a moment: nothing is lost or doubled" {
	bad delay=2
	mkfifo barrier
	at "$here" amas-container 10.0.0.1:0 ./agent.worker
	here_url=$addr
	at "$there" amas-container 10.0.0.2:0 ./agent.worker
	inside "$here" amas-call "${here_url}0" storm "${addr}0" noted 400 \
		>one &
	one=$!
	caller "$one"
	reaches 1 ready
	exec 6>barrier
	reaches 40 noted
	link loss=100
	exec 6>&-
	# What is due meanwhile finds no way; a deadline passes.
	run -124 t nsenter -t "$here" -n amas-call -t 0.3 "${addr}0" note noted x
	link loss=0
	ended "$one" 0
	equal "$(jq -nc '[range(400) | [., 1]]')" "$(jq -c sort one)"
	all_numbers 400 <(grep -v x noted)
}
