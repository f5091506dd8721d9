#!/usr/bin/env bash
# Calls, of all kinds: beside what the machine can do at best (rawlimit), and
# beside redis, libzmq and Python's aiomas, where they are installed.
#
#	tests/bench/calls.sh [PASSES [DIVISOR]]	(default 5 1)
#
# All is measured in turns within each pass, so that a machine that is busy for a
# while slows all: trust the ratios.  taskset -c 0 before it is steadiest.  Each
# reply is checked; one that is wrong ends the bench.  A line for each figure,
# see bench.bash; DIVISOR makes all times and counts smaller, to try it.
#
#	WHO.KIND.CODEC.wN	calls/s, 64 bytes, N in flight, by rawlimit load
#	redis.KIND.wN		calls/s of ECHO, as many bytes with its command
#	zmq.KIND.wN		calls/s, a libzmq at both ends
#	both.KIND.wN		calls/s with amas-call -B, with aiomas, as client
#	HANDLER.wN		calls/s of a worker, a filter, a program
#	WHO.CODEC.SIZE		MB/s of large texts, bytes, documents, one way
#	WHO.once.KIND		ms of a command that makes one call
#	WHO.accept.KIND		calls/s, each on a connection of its own
#	base.*, idle.*		memory of a server and of its idle connections
#
#	$AMAS_BUILD	what is measured (default: build)
#	$AMAS_VENV	Python environment with aiomas (default: build/venv)
#	$PARTS		only these of windows both handlers large once idle
#	$SPAN		seconds for each figure (default: 0.3)

set -euo pipefail
PASSES=${PASSES:-5}
# shellcheck source=tests/bench/bench.bash
. "${BASH_SOURCE[0]%/*}/bench.bash"

WINDOWS=(1 16 128 1024)
SPAN=$(divide "${SPAN:-0.3}" "$divisor")	# seconds for a figure
CALLS=$((100000 / divisor))		# of a client that makes so many
ITEMS=$((5000 / divisor + 1))		# of a large document
CONNECTIONS=$((10000 / divisor))
SIZES=(1 64)				# MiB
[ "$divisor" -lt 100 ] || SIZES=(1)
MIB=1048576

# ---- What answers ----

# at KIND: an address to listen at.
at() {
	case $1 in
	tcp)	echo tcp://:0 ;;
	unix)	mktemp -u "$dir/XXXXXX" ;;
	esac
}

# The address of the newest.
there() {
	addr=${urls[-1]}
}

start_raw() {
	start "$bench/rawlimit" serve "$(at "$1")"
	there
}

# start_amas KIND CODEC SOURCE...
start_amas() {
	start "$build/amas-serve" --codec "$2" "$(at "$1")" "${@:3}"
	there
}

# start_aiomas KIND CODEC
start_aiomas() {
	start "$python" "$root/tests/peer/server.py" --codec "$2" "$(at "$1")"
	there
}

has_aiomas() {
	"$python" -c 'import aiomas' 2>/dev/null
}

has_redis() {
	command -v redis-server >/dev/null
}

has_zmq() {
	[ -x "$bench/zmq" ]
}

# start_zmq KIND: it has addresses of its own.
start_zmq() {
	local any='tcp://127.0.0.1:*'

	[ "$1" = tcp ] || any=ipc://$(at "$1")
	start "$bench/zmq" serve "$any"
	there
}

# start_redis KIND: it takes no port 0, so tries some.
start_redis() {
	local port line i=${#outs[@]}

	for _ in 1 2 3 4 5; do
		port=$((10000 + RANDOM % 20000))
		begin redis-server --port "$port" --bind 127.0.0.1 --save '' \
		    --unixsocket "$dir/redis" --dir "$dir"
		while read -r -t "$PATIENCE" line <&"${outs[i]}"; do
			[[ $line != *"eady to accept connections"* ]] ||
				break 2
		done
		wait "${pids[i]}" || true
		unset "pids[i]" "outs[i]"
	done
	[ "${#pids[@]}" -gt "$i" ] || die "redis-server does not start"
	addr=tcp://127.0.0.1:$port
	[ "$1" = tcp ] || addr=ipc://$dir/redis
	urls+=("$addr")
}

# ---- What asks ----

raw() {
	timeout "$PATIENCE" "$bench/rawlimit" "$@"
}

# load CODEC ADDR FUNCTION ARG WINDOW
load() {
	raw load "$@" "$SPAN"
}

# megabytes CODEC ADDR ARG BYTES: MB/s of echo.
megabytes() {
	local rate

	rate=$(load "$1" "$2" echo "$3" 1) || return
	speed "$rate" "$4"
}

# speed RATE BYTES: MB/s; nothing if there is no rate.
speed() {
	awk -v r="$1" -v n="$2" 'BEGIN { if (r != "")
	    printf "%.3f", r * n / 1000000 }'
}

# zmq ADDR BYTES WINDOW
zmq() {
	timeout "$PATIENCE" "$bench/zmq" load "$@" "$SPAN"
}

# combined A B: of rates, one after the other.
combined() {
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.6f", 1 / (1 / a + 1 / b) }'
}

# ---- Calls of a plugin ----

# windows KIND
windows() {
	local raw_addr redis='' zmq='' w codec addr
	local -A amas=() aiomas=()

	start_raw "$1"
	raw_addr=$addr
	for codec in json msgpack; do
		start_amas "$1" "$codec" "$bench/echo_plugin.so"
		amas[$codec]=$addr
		if has_aiomas; then
			start_aiomas "$1" "$codec"
			aiomas[$codec]=$addr
		fi
	done
	if has_redis; then
		start_redis "$1"
		redis=$addr
	fi
	if has_zmq; then
		start_zmq "$1"
		zmq=$addr
	fi
	for w in "${WINDOWS[@]}"; do
		if [ "$w" -eq 1 ]; then
			figure "raw.$1.w1" 1/s "$(raw pingpong "$1" 64 "$SPAN")"
		else
			figure "raw.$1.w$w" 1/s \
			    "$(load json "$raw_addr" echo 64 "$w")"
		fi
		[ -z "$redis" ] || figure "redis.$1.w$w" 1/s \
		    "$(raw resp "$redis" 36 "$w" "$SPAN")"
		[ -z "$zmq" ] || figure "zmq.$1.w$w" 1/s \
		    "$(zmq "$zmq" 64 "$w")"
		for codec in json msgpack; do
			windows_of "$1" "$codec" "$w"
		done
	done
	stop
}

# windows_of KIND CODEC WINDOW
windows_of() {
	local at=$1.$2.w$3

	[ -z "${aiomas[$2]-}" ] || figure "aiomas.$at" 1/s \
	    "$(load "$2" "${aiomas[$2]}" echo 64 "$3")"
	figure "amas.$at" 1/s "$(load "$2" "${amas[$2]}" echo 64 "$3")"
	against "amas.$at" "raw.$1.w$3" "redis.$1.w$3" "zmq.$1.w$3" \
	    "aiomas.$at"
}

# ---- amas at both ends ----

# batch CALLS WINDOW [OPTION...] ADDR: sets $rate.
batch() {
	local begin

	awk -v n="$1" 'BEGIN { while (n-- > 0) print \
	    "[\"echo\", [\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"], {}]" }' \
	    >"$dir/calls"
	now
	begin=$us
	timeout "$PATIENCE" "$build/amas-call" -B -P "${@:2}" <"$dir/calls" \
	    >"$dir/answers" || die "amas-call -B: status $?"
	now
	rate=$(divide "$1" "$(divide $((us - begin)) 1000000)")
	[ "$(grep -c '^\[1, ' "$dir/answers")" -eq "$1" ] ||
		die "calls were lost"
}

certificates() {
	[ ! -e "$dir/pki/ca.pem" ] || return 0
	mkdir -p "$dir/pki"
	(cd "$dir/pki" && "$build/amas-pki" -n ca &&
	    "$build/amas-pki" new server 127.0.0.1 &&
	    "$build/amas-pki" new client &&
	    "$build/amas-pki" sign server.csr client.csr) \
	    >"$dir/pki.out" 2>&1 || die "amas-pki: $(cat "$dir/pki.out")"
}

# tls_of NAME: options of an end.
tls_of() {
	tls=(--cacert "$dir/pki/ca.pem" --cert "$dir/pki/$1.pem"
	    --key "$dir/pki/$1.key")
}

start_tls() {
	certificates
	tls_of server
	start "$build/amas-serve" "${tls[@]}" tcp://:0 "$bench/echo_plugin.so"
	there
	tls_of client
}

# both WINDOW
both() {
	local n=$CALLS w=$1 plain secure='' rate tls=() addr

	[ "$w" -gt 1 ] || n=$((CALLS / 10))
	start_amas tcp json "$bench/echo_plugin.so"
	plain=$addr
	[ ! -e "$bench/tls" ] || { start_tls; secure=$addr; }
	figure "both.raw.tcp.w$w" 1/s "$(raw pingpong tcp 64 "$SPAN")"
	batch "$n" "$w" "$plain"
	figure "both.tcp.w$w" 1/s "$rate"
	[ "$w" -gt 1 ] || against both.tcp.w1 both.raw.tcp.w1
	if [ -n "$secure" ]; then
		batch "$n" "$w" "${tls[@]}" "$secure"
		figure "both.tls.w$w" 1/s "$rate"
		against "both.tls.w$w" "both.tcp.w$w"
	fi
	if has_aiomas; then
		start_aiomas tcp json
		figure "both.aiomas.tcp.w$w" 1/s \
		    "$(client "$addr" $((n / 20 + w)) "$w")"
		against "both.tcp.w$w" "both.aiomas.tcp.w$w"
	fi
	stop
}

# client URL CALLS WINDOW
client() {
	"$python" "$root/tests/bench/calls.py" call "$@"
}

# ---- Handlers ----

handlers() {
	local w name addr served limit

	cp "$(command -v cat)" "$dir/cat"
	start_amas tcp json "$dir/cat" "worker=worker:$bench/agents_worker" \
	    "filter=filter:exec $bench/rawlimit lines"
	served=$addr
	limit=$(raw pingpong tcp 64 "$SPAN")
	for w in 1 16 128; do
		figure "lines.w$w" 1/s "$(raw coprocess "$w" "$SPAN")"
		[ "$w" -gt 1 ] || figure bound.lines.w1 1/s \
		    "$(combined "$limit" "${last[lines.w1]}")"
		for name in filter worker/service; do
			figure "${name%/*}.w$w" 1/s \
			    "$(load json "$served" "$name" 64 "$w")"
			against "${name%/*}.w$w" "lines.w$w" "bound.lines.w$w"
		done
	done
	programs "$served" ''
	stop
}

# programs ADDR SUFFIX: rates of cat as a handler, and without one.
programs() {
	local ms

	ms=$(raw exec "$SPAN" cat)
	figure "raw.cat$2" 1/s "$(divide 1000 "$ms")"
	figure "exec.cat$2" 1/s "$(load json "$1" cat 0 1)"
	against "exec.cat$2" "raw.cat$2"
}

# ---- Large messages ----

document() {
	awk -v n="$1" 'BEGIN {
		srand(1)
		printf "["
		for (i = 0; i < n; i++)
			printf "%s{\"id\": %d, \"name\": \"an agent of some kind\", " \
			    "\"power\": %.3f1, \"online\": %s, \"error\": null, " \
			    "\"schedule\": [%d, %d, %d], \"meta\": " \
			    "{\"addr\": \"tcp://localhost:5555/17\", \"retries\": %d}}",
			    i ? ", " : "", i, rand() * 100,
			    i % 3 ? "true" : "false", i, i + 1, i + 2, i % 7
		printf "]"
	}'
}

# documents AMAS-ADDR AIOMAS-ADDR
documents() {
	local bytes

	document "$ITEMS" >"$dir/document"
	bytes=$(wc -c <"$dir/document")
	figure amas.json.dicts MB/s \
	    "$(megabytes json "$1" "@$dir/document" "$bytes")"
	[ -n "$2" ] || return 0
	figure python.json.dicts MB/s "$("$python" \
	    "$root/tests/bench/calls.py" json "$dir/document" "$SPAN")"
	figure aiomas.json.dicts MB/s \
	    "$(megabytes json "$2" "@$dir/document" "$bytes")"
	against amas.json.dicts python.json.dicts aiomas.json.dicts
}

large() {
	local addr size codec json msgpack theirs='' redis='' zmq=''

	start_amas tcp json "$bench/echo_plugin.so"
	json=$addr
	start_amas tcp msgpack "$bench/echo_plugin.so"
	msgpack=$addr
	! has_aiomas || { start_aiomas tcp json; theirs=$addr; }
	! has_redis || { start_redis tcp; redis=$addr; }
	! has_zmq || { start_zmq tcp; zmq=$addr; }
	for size in "${SIZES[@]}"; do
		figure "raw.${size}MiB" MB/s \
		    "$(raw bulk tcp $((size * MIB)) "$SPAN")"
		for codec in json msgpack bytes; do
			addr=$msgpack
			[ "$codec" != json ] || addr=$json
			figure "amas.$codec.${size}MiB" MB/s "$(megabytes \
			    "$codec" "$addr" $((size * MIB)) $((size * MIB)))"
			against "amas.$codec.${size}MiB" "raw.${size}MiB"
		done
	done
	large_peers "$theirs" "$redis"
	[ -z "$zmq" ] || large_zmq "$zmq"
	documents "$json" "$theirs"
	stop
}

# large_peers AIOMAS-ADDR REDIS-ADDR
large_peers() {
	if [ -n "$2" ]; then
		figure redis.1MiB MB/s "$(speed \
		    "$(raw resp "$2" "$MIB" 1 "$SPAN")" "$MIB")"
		against amas.bytes.1MiB redis.1MiB
	fi
	if [ -n "$1" ]; then
		figure aiomas.json.1MiB MB/s \
		    "$(megabytes json "$1" "$MIB" "$MIB")"
		against amas.json.1MiB aiomas.json.1MiB
	fi
}

# large_zmq ADDR
large_zmq() {
	local size

	for size in "${SIZES[@]}"; do
		figure "zmq.bytes.${size}MiB" MB/s "$(speed \
		    "$(zmq "$1" $((size * MIB)) 1)" $((size * MIB)))"
		against "amas.bytes.${size}MiB" "zmq.bytes.${size}MiB"
	done
}

# ---- One call, from a shell ----

once() {
	local addr tls=() shakes

	for kind in tcp unix; do
		start_amas "$kind" json "$bench/echo_plugin.so"
		figure "raw.once.$kind" ms \
		    "$(raw exec "$SPAN" "$bench/tiny" "$addr")"
		figure "amas.once.$kind" ms \
		    "$(raw exec "$SPAN" "$build/amas-call" "$addr" echo hello)"
		against "amas.once.$kind" "raw.once.$kind"
	done
	if [ -e "$bench/tls" ]; then
		start_tls
		shakes=$("$bench/tls" 1 "$((divisor < 20 ? 4 : 50))" |
			awk '$1 == "shake-p256" { print $4 }')
		figure bound.once.tls ms "$(awk -v s="$shakes" -v t="$(raw \
		    exec "$SPAN" "$bench/tiny_tls")" \
		    'BEGIN { printf "%.6f", t + 1000 / s }')"
		figure amas.once.tls ms "$(raw exec "$SPAN" \
		    "$build/amas-call" "${tls[@]}" "$addr" echo hello)"
		against amas.once.tls bound.once.tls
	fi
	stop
	accepts
}

accepts() {
	local kind addr

	for kind in tcp unix; do
		start_raw "$kind"
		figure "raw.accept.$kind" 1/s "$(raw accept "$addr" "$SPAN")"
		start_amas "$kind" json "$bench/echo_plugin.so"
		figure "amas.accept.$kind" 1/s "$(raw accept "$addr" "$SPAN")"
		against "amas.accept.$kind" "raw.accept.$kind"
		stop
	done
}

# ---- Idle connections ----

# memory PID FIELD: of smaps_rollup, KiB.
memory() {
	awk -v f="$2:" '$1 == f { print $2 }' "/proc/$1/smaps_rollup"
}

# hold ADDR: opens connections; sets $held, whose input ends them, and $rate.
hold() {
	mkfifo "$dir/hold.in" "$dir/hold.out"
	"$bench/rawlimit" hold "$1" "$CONNECTIONS" <"$dir/hold.in" \
	    >"$dir/hold.out" &
	holder=$!
	exec {held}>"$dir/hold.in"
	read -r -t "$PATIENCE" rate <"$dir/hold.out" || die "not held"
}

release() {
	exec {held}>&-
	wait "$holder" || die "a connection does not answer: status $?"
	rm "$dir/hold.in" "$dir/hold.out"
}

idle() {
	local addr kib rate held holder

	cp "$(command -v cat)" "$dir/cat"
	start_amas tcp json "$dir/cat" "$bench/echo_plugin.so"
	figure base.rss KiB "$(memory "${pids[0]}" Rss)"
	figure base.dirty KiB "$(memory "${pids[0]}" Private_Dirty)"
	figure base.threads 1 "$(awk '/^Threads:/ { print $2 }' \
	    "/proc/${pids[0]}/status")"
	figure idle.none.w1 1/s "$(load json "$addr" echo 64 1)"
	kib=$(memory "${pids[0]}" Rss)
	hold "$addr"
	figure idle.connects 1/s "$rate"
	figure idle.bytes B "$(divide $((($(memory "${pids[0]}" Rss) - kib) * \
	    1024)) "$CONNECTIONS")"
	figure idle.many.w1 1/s "$(load json "$addr" echo 64 1)"
	against idle.many.w1 idle.none.w1
	programs "$addr" .idle
	release
	stop
}

# ---- All ----

ulimit -n "$(ulimit -Hn)"
has_aiomas || echo "# no aiomas at $python: not compared"
has_redis || echo "# no redis-server: not compared"
has_zmq || echo "# made without zmq.h: libzmq is not compared"
for ((pass = 0; pass < passes; pass++)); do
	new_pass
	for group in ${PARTS:-windows both handlers large once idle}; do
		case $group in
		windows) windows tcp; windows unix ;;
		both)	both 1; both 128 ;;
		*)	"$group" ;;
		esac
	done
done
lines
