#!/usr/bin/env bash
# amas-container at scale, beside Python's aiomas and bare starts of processes.
#
#	tests/bench/agents.sh [PASSES [DIVISOR]]	(default 3 1)
#
# Each figure is taken in turns with its reference within each pass, so that a
# machine that is busy for a while slows both: trust the ratio, which is how
# many times better ours is.  Each reply is checked and counted; one that is
# wrong or missing ends the bench.  DIVISOR makes all counts smaller, to try it.
#
#	$AMAS_BUILD	what is measured (default: build)
#	$AMAS_VENV	Python environment with aiomas (default: build/venv)
#	$DEPTH		calls that a caller has open (default: 64); two
#			containers hand these to each other, more are faster

set -euo pipefail
# shellcheck source=tests/bench/bench.bash
. "${BASH_SOURCE[0]%/*}/bench.bash"

PROCESSES=$((1000 / divisor))
DESCRIPTORS=$((PROCESSES * 4 + 100))	# that a thousand workers take
AGENTS=$((100000 / divisor))
CALLS=$((1000000 / divisor))		# of one container by another
PYTHON_CALLS=$((50000 / divisor))
RING_CALLS=$((100000 / divisor))	# by all containers of a ring together
DEPTH=${DEPTH:-64}
FEW=10 MANY=100		# containers; 100 Pythons would take too long
[ "$divisor" -lt 100 ] || FEW=3 MANY=6

declare -A tmps=([tmp]=${TMPDIR:-/tmp})	# where agents have their folders
[ ! -w /dev/shm ] || tmps[shm]=/dev/shm

# ---- Containers ----

# launch KIND COUNT: starts a container with COUNT agents of the bench.
launch() {
	local sock="$dir/${#pids[@]}"

	case $1 in
	plugin)	start "$build/amas-container" "$sock" \
		    "bench:$2=$bench/agents_plugin.so" ;;
	aiomas)	start "$python" "$root/tests/bench/agents.py" "$sock" "$2" ;;
	*)	start "$build/amas-container" "$sock" \
		    "bench:$2=$dir/agents.$1" ;;
	esac
}

# ---- Processes ----

# Each agent with a process has a folder, which takes longer to make on a disk
# than the process, where others were removed a moment ago.

# runs TMPDIR: sets $took, microseconds until a container has a line of the run
# of each agent.
runs() {
	local begin

	now
	begin=$us
	start env "TMPDIR=$1" "$build/amas-container" "$dir/runs" \
	    "run:$PROCESSES=$dir/run"
	head -n "$PROCESSES" <&"${outs[0]}" >"$dir/lines"
	now
	took=$((us - begin))
	stop
	[ "$(grep -c '^ready$' "$dir/lines")" -eq "$PROCESSES" ] ||
		die "not all runs are ready"
}

# workers TMPDIR: the same until all agents have answered.
workers() {
	local begin i answers

	now
	begin=$us
	start env "TMPDIR=$1" "$build/amas-container" -f "$dir/agents" \
	    --manager --class "spawn=$dir/spawn.worker" "$dir/workers"
	for ((i = 1; i <= PROCESSES; i++)); do # 0 is the manager
		echo "[\"agents/$i/service\", [1]]"
	done >"$dir/lines"
	answers=$("$build/amas-call" -B "${urls[0]}" <"$dir/lines" |
		grep -c '^\[1, [0-9]*, null\]$')
	now
	took=$((us - begin))
	stop
	[ "$answers" -eq "$PROCESSES" ] || die "$answers workers answered"
}

# processes NAME TMPDIR
processes() {
	local kind took other

	for kind in run worker; do
		other=$("$bench/spawn" "$kind" "$PROCESSES")
		"${kind}s" "$2"
		less "${kind}s-$1" "$(divide "$took" 1000000)" "$other"
	done
}

# ---- Many agents ----

# resident: sets $kib, of the container and of its one worker, if any.
resident() {
	local pid children

	kib=0
	# The file's line has no end.
	read -r children <"/proc/${pids[0]}/task/${pids[0]}/children" || true
	for pid in "${pids[0]}" $children; do
		kib=$((kib + $(awk '/^VmRSS:/ { print $2 }' \
		    "/proc/$pid/status")))
	done
}

# crowd KIND: sets $took, microseconds until all agents are there, and $bytes
# that each takes.
crowd() {
	local begin one

	launch "$1" 1
	resident
	one=$kib
	stop
	now
	begin=$us
	launch "$1" "$AGENTS"
	now
	took=$((us - begin))
	resident
	stop
	bytes=$(divide $(((kib - one) * 1024)) $((AGENTS - 1)))
}

crowds() {
	local kind took bytes python_took python_bytes

	crowd aiomas
	python_took=$took python_bytes=$bytes
	for kind in plugin shared; do
		crowd "$kind"
		less "$kind-start" "$(divide "$took" 1000)" \
		    "$(divide "$python_took" 1000)"
		less "$kind-bytes" "$bytes" "$python_bytes"
	done
}

# ---- Calls ----

# flood KIND COUNT SHAPE CALLS: sets $rate, calls a second, when COUNT
# containers make so many together: agent 1 of the first (pair), or of each,
# calls agent 0 of the next (pair, ring) or of the first (star).
flood() {
	local i to begin callers=$2 n

	[ "$3" != pair ] || callers=1
	n=$(($4 / callers))
	for ((i = 0; i < $2; i++)); do
		launch "$1" 2
	done
	for ((i = 0; i < callers; i++)); do
		to=$(((i + 1) % $2))
		[ "$3" != star ] || to=0
		echo "[\"${urls[i]}1/flood\", [\"${urls[to]}0\", $n, $DEPTH]]"
	done >"$dir/floods"
	now
	begin=$us
	timeout "$PATIENCE" "$build/amas-call" -B --unordered -P "$callers" - \
	    <"$dir/floods" >"$dir/answers" || die "$1 $2 $3: status $?"
	now
	rate=$(divide $((n * callers * 1000000)) $((us - begin)))
	stop
	[ "$(grep -c "^\[1, [0-9]*, \[$n, 0\]\]\$" "$dir/answers")" -eq \
	    "$callers" ] || die "$1 $2 $3: calls were lost"
}

floods() {
	local rate python_rate shape

	flood aiomas 2 pair "$PYTHON_CALLS"
	python_rate=$rate
	flood plugin 2 pair "$CALLS"
	more plugin-calls "$rate" "$python_rate"
	flood worker 2 pair "$CALLS"
	more worker-calls "$rate" "$python_rate"
	for shape in ring star; do
		flood aiomas "$FEW" "$shape" "$RING_CALLS"
		python_rate=$rate
		flood plugin "$FEW" "$shape" "$RING_CALLS"
		more "plugin-$shape$FEW" "$rate" "$python_rate"
		flood worker "$FEW" "$shape" "$RING_CALLS"
		more "worker-$shape$FEW" "$rate" "$python_rate"
		flood plugin "$MANY" "$shape" "$RING_CALLS"
		more "plugin-$shape$MANY" "$rate" "$python_rate"
	done
}

# ---- All ----

# prepare: what must be there, and classes of the bench's own programs.
prepare() {
	have_aiomas
	ulimit -n "$(ulimit -Hn)"
	limit=$(ulimit -n)
	[ "$limit" = unlimited ] || [ "$limit" -ge "$DESCRIPTORS" ] ||
		die "ulimit -n $limit: $DESCRIPTORS are needed"
	mkdir "$dir/run"
	cp "$bench/spawn" "$dir/run/run"
	cp "$bench/spawn" "$dir/spawn.worker"
	cp "$bench/agents_worker" "$dir/agents.worker"
	cp "$bench/agents_worker" "$dir/agents.shared"
	printf '{"class": "spawn", "count": %d, "args": ["worker"]}\n' \
	    "$PROCESSES" >"$dir/agents"
}

reports() {
	heading
	for tmp in "${!tmps[@]}"; do
		report "runs-$tmp" 3 "s until $PROCESSES agents run; spawn"
		report "workers-$tmp" 3 \
		    "s until $PROCESSES workers answered; spawn"
	done
	report plugin-start 1 "ms until $AGENTS agents are there; aiomas"
	report plugin-bytes 0 "bytes for each of them; aiomas"
	report shared-start 1 "ms until $AGENTS agents are there; aiomas"
	report shared-bytes 0 "bytes for each of them; aiomas"
	report plugin-calls 0 "calls/s, $CALLS; aiomas, $PYTHON_CALLS"
	report worker-calls 0 "calls/s, $CALLS; aiomas, $PYTHON_CALLS"
	for shape in ring star; do
		report "plugin-$shape$FEW" 0 "calls/s, $RING_CALLS; aiomas"
		report "worker-$shape$FEW" 0 "calls/s, $RING_CALLS; aiomas"
		report "plugin-$shape$MANY" 0 \
		    "calls/s, $RING_CALLS; aiomas of $FEW"
	done
}

prepare
for ((pass = 0; pass < passes; pass++)); do
	for tmp in "${!tmps[@]}"; do
		processes "$tmp" "${tmps[$tmp]}"
	done
	crowds
	floods
done
reports
