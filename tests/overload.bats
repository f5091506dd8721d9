# Twice the calls that a server can answer, TERM in the middle of that, and
# thousands of connections that are idle.  Times and numbers are small here;
# make overload takes $SPAN seconds for each part, and $IDLE connections.

load helper
load tools/raw

SPAN=${SPAN:-1}
IDLE=${IDLE:-2000}
PATIENCE=${OVERLOAD_PATIENCE:-60}
CALL_KIB=6	# of a call that waits: an area, a request, a call
OWN_KIB=4096	# of what is no call: buffers that have doubled, a pool

setup() {
	make_tmp
	stress=$AMAS_BUILD/tests/stress
	# What is freed goes back to the system, where that can be.
	export MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=65536
}

# serve KIND: starts a server; sets $load, options and function for it.
serve() {
	case $1 in
	worker)
		set -- --queue 32 "s=worker:exec $stress/shuffle_worker"
		load=(-l 2000 -q s/report "$tmp/s" s/spin) ;;
	programs)
		# shellcheck disable=SC2016 # for the handler
		set -- -j 2 --queue 64 'f=exec:echo "$1" >>"$NUMBERS" &&
			printf "[%s, \"%s\"]" "$1" "$2"'
		load=("$tmp/s" f) ;;
	readers)
		set -- --codec msgpack --max-message 64K \
			s="$stress/shuffle_plugin.so"
		load=(-m msgpack -c 4 -w 16 -l 4000 -r 6000000 -q s/report
			"ipc://$tmp/s" s/shuffle) ;;
	esac
	export SHUFFLE_LOG=$tmp/calls NUMBERS=$tmp/numbers
	start env MARK="$tmp" amas-serve "${@:1:$# - 1}" "$tmp/s" "${!#}"
}

# overload [OPTION...]: what was counted is in $output.
overload() {
	run t "$stress/overload" -p "$pid" -s "$SPAN" "$@" "${load[@]}"
	echo "# $BATS_TEST_DESCRIPTION: ${lines[-1]}" >&3
	[ "$status" = 0 ] || {
		echo "$output" >&2
		return 1
	}
}

# count TEXT: the number before it in $output.
count() {
	sed -n "s/.*[^0-9.]\([0-9.]*\) $1.*/\1/p" <<<"$output"
}

# at_least A B, at_most A B: of numbers with a point, too.
at_least() {
	awk -v a="$1" -v b="$2" 'BEGIN { exit !(a >= b) }' || {
		echo "$1 is less than $2" >&2
		return 1
	}
}

at_most() {
	at_least "$2" "$1"
}

# holds KIB: the server answers as many as before, and at once when it is over;
# and it has never held more than that beside what it had at the start.
holds() {
	local base peak

	at_least "$(count 'of capacity')" 0.3
	at_most "$(count 'ms; ')" 2000
	[ "$(has_asan)" = 0 ] || return 0
	base=$(sed -n 's/.* ms; \([0-9]*\) KiB.*/\1/p' <<<"$output")
	peak=$(count 'at most')
	at_most $((peak - base)) "$1"
}

# busy KIB: overload, which holds so much, until some calls were refused: on a
# busy machine it may be the sender that is short of time.
busy() {
	local n

	for n in 1 2 3 4; do
		: >"$NUMBERS"
		overload -n "${n}000000"
		holds "$1"
		[ "$(count busy)" -eq 0 ] || return 0
	done
	echo "none was refused" >&2
	return 1
}

# once FILE: the numbers there are there once.
once() {
	equal '' "$(sort "$1" | uniq -d)"
}

# all_gone: the server ends in order, and nothing that it had begun is left.
all_gone() {
	local environ

	forget "$pid"
	ended "$pid" 0
	for environ in /proc/[0-9]*/environ; do
		! grep -qzFx "MARK=$tmp" "$environ" 2>/dev/null || {
			tr '\0' ' ' <"${environ%/*}/cmdline" >&2
			return 1
		}
	done
}

@test "overload: 36: of a worker, twice in a row" {
	local calls peak

	serve worker
	# 1 MiB for its pipe and what the pipe and it have, 2,038 bytes a call;
	# and those that wait.
	calls=$(((1024 + 128) * 1024 / 2038 + 8 * 32))
	busy $((calls * CALL_KIB + OWN_KIB))
	peak=$(count 'at most')
	overload -n 8000000
	[ "$(has_asan)" = 1 ] ||
		at_most "$(count 'at most')" $((peak * 3 / 2 + OWN_KIB))
}

@test "overload: 36: of programs" {
	serve programs
	busy $(((8 * 64 + 2) * CALL_KIB + OWN_KIB))
	once "$NUMBERS"
	[ "$(count right)" = "$(wc -l <"$NUMBERS")" ]
}

@test "overload: 35: of readers" {
	serve readers
	overload
	# Of each 1 MiB of replies, in a buffer that has doubled, and as many
	# of requests; and the pool of the plugin.
	holds $((4 * 4 * 1024 + 256 * CALL_KIB + OWN_KIB))
	equal 0 "$(count busy)"
}

@test "overload: 89: TERM in the middle, of a worker" {
	serve worker
	overload -t
	all_gone
	# No number twice, of 8 bytes each.
	od -An -v -t d8 -w8 "$SHUFFLE_LOG" >"$tmp/numbers"
	once "$tmp/numbers"
	[ "$(count right)" -le "$(wc -l <"$tmp/numbers")" ]
}

@test "overload: 89: TERM in the middle, of programs" {
	serve programs
	overload -t
	all_gone
	once "$NUMBERS"
	[ "$(count right)" -le "$(wc -l <"$NUMBERS")" ]
}

@test "overload: 89: TERM in the middle, of readers" {
	serve readers
	overload -t
	all_gone
}

# idle ADDR: a server there, and connections to it.
idle() {
	start amas-serve "$1" s="$stress/shuffle_plugin.so"
	run t "$stress/idle" -p "$pid" -n 100 "$addr" s/shuffle "$IDLE"
	echo "# $BATS_TEST_DESCRIPTION: ${lines[-1]}" >&3
	equal 0 "$status"
	[ "$(count right)" = $((IDLE + 2 * 100)) ]
	[ "$(has_asan)" = 1 ] || at_most "$(count 'bytes each')" 1280
}

@test "overload: 8: idle connections stay, beside calls" {
	# of a process, with those that come and its own
	ulimit -n $((IDLE + 500)) ||
		skip "no $IDLE descriptors: $(ulimit -Hn) are allowed"
	idle "$tmp/s"
	stop
	idle :0
}
