#!/usr/bin/env bash
# Time: containers that an amas-clock steps, and simulated time, beside Python's
# aiomas, bare round trips, and calls that nobody steps.
#
#	tests/bench/clock.sh [PASSES [DIVISOR]]	(default 3 1)
#
# Each figure is taken in turns with its reference within each pass, so that a
# machine that is busy for a while slows both: trust the ratio, which is how
# many times better ours is.  How often agents woke and what their calls gave is
# counted; a number that is not as it should be ends the bench.  DIVISOR makes
# all counts smaller, to try it.
#
#	$AMAS_BUILD	what is measured (default: build)
#	$AMAS_VENV	Python environment with aiomas (default: build/venv)
#	$PYTHONS	containers of Python at most (default: 10)

set -euo pipefail
# shellcheck source=tests/bench/bench.bash
. "${BASH_SOURCE[0]%/*}/bench.bash"

FLEETS=(1 10 100)	# containers
PYTHON_FLEETS=${PYTHONS:-10}	# 100 of them start for a minute, and want 3 GB
RING=10			# of them that call each other
AGENTS=100		# of each
STEPS=$((100000 / divisor))	# of all containers of a fleet together
PYTHON_STEPS=$((2000 / divisor))
CROWD=$((1000 / divisor))
YEAR=35040 QUARTER=900	# steps of a quarter of an hour, in seconds
YEAR_STEPS=$((YEAR / divisor))
PYTHON_YEAR_STEPS=$((YEAR / 350 / divisor + 1))
SLEEPERS=$((100000 / divisor))
COUNTED=100		# steps whose messages are counted
traced=			# whether containers record messages
[ "$divisor" -lt 100 ] ||
	FLEETS=(1 3) PYTHON_FLEETS=3 RING=3 AGENTS=5 COUNTED=10

# ---- Containers ----

# sleepers COUNT PERIOD [BASE]: sets $file, which tells of agents that sleep, and
# call those of the container at BASE when they wake.
sleepers() {
	file=$dir/agents.${#pids[@]}
	printf '{"class": "sleeper", "count": %d, "args": [%d%s]}\n' "$1" "$2" \
	    "${3+, \"$3\"}" >"$file"
}

# amas OPTION...: begins a container with the agents of $file.
amas() {
	begin "$build/amas-container" -f "$file" --manager \
	    --class "sleeper=$bench/clock_plugin.so" "$@" "$dir/${#pids[@]}"
}

# Clocks show -PERIOD first, so that all wake at the first step, which is to 0.

# fleet KIND N COUNT PERIOD: starts N containers with COUNT sleepers each: amas;
# ring, whose sleepers call those of the next one when they wake; free, which
# would but do not sleep; idle, who sleep on; aiomas.
fleet() {
	local i

	for ((i = 0; i < $2; i++)); do
		if [ "$1" = aiomas ]; then
			begin "$python" "$root/tests/bench/clock.py" host \
			    "$dir/$i" "$3" "$4"
			continue
		fi
		if [ "$1" = amas ]; then
			sleepers "$3" "$4"
		elif [ "$1" = idle ]; then
			sleepers "$3" 1000000000
		else
			sleepers "$3" "$4" "ipc://[$dir/$(((i + 1) % $2))]/"
		fi
		if [ "$1" = free ]; then
			amas
		else
			amas --clock external "--init-time=-$4" \
			    ${traced:+--trace "$dir/trace.$i"}
		fi
	done
	for ((i = 0; i < $2; i++)); do
		ready
	done
}

# expect COUNTS: what the agents of each container must have counted.
expect() {
	local url counts

	for url in "${urls[@]}"; do
		counts=$("$build/amas-call" -t "$PATIENCE" "${url}1" counts)
		[ "$counts" = "$1" ] || die "$url: counts are $counts, not $1"
	done
}

# ---- Steps ----

# timed COMMAND...: sets $took, in seconds.
timed() {
	local begin

	now
	begin=$us
	timeout "$PATIENCE" "$@" >"$dir/out" || die "$*: status $?"
	now
	took=$(divide $((us - begin)) 1000000)
}

# run STEPS PERIOD: has amas-clock take so many steps with all containers; sets
# $took, $rate.
run() {
	timed "$build/amas-clock" run --step "$2" "--from=-$2" \
	    --until $((($1 - 1) * $2)) "${urls[@]}"
	[ "$(wc -l <"$dir/out")" -eq "$1" ] || die "not $1 steps"
	rate=$(divide "$1" "$took")
}

# python KIND ARG...: sets $took, as a master in Python has measured it.
python() {
	took=$(timeout "$PATIENCE" "$python" "$root/tests/bench/clock.py" \
	    "$1" "$dir/master" "${@:2}") || die "clock.py $1: status $?"
}

# python_run STEPS PERIOD: as run, by a master in Python.
python_run() {
	python drive "$1" "$2" "${urls[@]}"
	rate=$(divide "$1" "$took")
}

# idle N: a fleet of N in which nobody wakes: what a step costs beside a call,
# and beside bytes that go to so many processes and come back.
idle() {
	local n=$((STEPS / $1)) raw limit

	fleet idle "$1" "$AGENTS" 1
	timed "$bench/clock_raw" "$n" "${urls[@]}"
	raw=$(divide "$n" "$took")
	run "$n" 1
	limit=$("$bench/rawlimit" fanout unix "$1" \
	    "$(divide 0.5 "$divisor")")
	expect "[0, 0, 0]"
	stop
	more "idle$1-raw" "$rate" "$raw"
	more "idle$1-limit" "$rate" "$limit"
}

# steps N: a fleet of N.
steps() {
	local n=$((STEPS / $1)) rate raw ours

	fleet amas "$1" "$AGENTS" 1
	timed "$bench/clock_raw" "$n" "${urls[@]}"
	raw=$(divide "$n" "$took")
	run "$n" 1
	ours=$rate
	expect "[$((n * AGENTS)), 0, 0]"
	stop
	more "steps$1-raw" "$ours" "$raw"
	[ "$1" -le "$PYTHON_FLEETS" ] || return 0
	n=$((PYTHON_STEPS / $1 + 1))
	fleet aiomas "$1" "$AGENTS" 1
	python_run "$n" 1
	expect "[$((n * AGENTS)), 0, 0]"
	stop
	more "steps$1-aiomas" "$ours" "$rate"
	raw=$rate # and Python's containers by amas-clock
	fleet aiomas "$1" "$AGENTS" 1
	run "$n" 1
	expect "[$((n * AGENTS)), 0, 0]"
	stop
	more "mixed$1" "$rate" "$raw"
}

# ---- Messages within steps ----

# free N COUNT CALLS: the calls of a ring without steps: each agent makes its
# own one after the other.  Sets $rate, calls a second.
free() {
	local url

	fleet free "$1" "$2" 0
	for url in "${urls[@]}"; do
		echo "[\"${url}1/run\", [$3]]"
	done >"$dir/runs"
	timed "$build/amas-call" -B --unordered -P "$1" - <"$dir/runs"
	expect "[0, $(($2 * $3)), 0]"
	stop
	rate=$(divide $(($1 * $2 * $3)) "$took")
}

# ring N COUNT: beside that, COUNT agents of each of N containers; and beside
# bare round trips.
ring() {
	local n=$((STEPS / $1 / 2)) rate raw ours steps

	[ "$2" -eq 1 ] || n=$((n / 10 + 1))
	fleet ring "$1" "$2" 1
	timed "$bench/clock_raw" "$n" "${urls[@]}"
	raw=$(divide "$n" "$took")
	run "$n" 1
	expect "[$((n * $2)), $((n * $2)), 0]"
	stop
	more "ring$1x$2-raw" "$rate" "$raw"
	ours=$(divide $(($1 * $2 * n)) "$took")
	steps=$rate
	free "$1" "$2" "$n"
	more "calls$1x$2" "$ours" "$rate"
	# a bare call of each, and then those calls, freely
	more "check$1x$2" "$steps" "$(awk -v a="$raw" -v b="$rate" \
	    -v n=$(($1 * $2)) 'BEGIN { print 1 / (1 / a + n / b) }')"
}

# received UNTIL: goes on until then; sets $count, how many messages have been
# received since the last time, by all containers and the clock.
received() {
	local i before=$count

	"$build/amas-clock" --trace "$dir/trace.clock" run --until "$1" \
	    "${urls[@]}" >"$dir/out"
	sum=$((sum + $(grep -c '"to": "amas-clock"' "$dir/trace.clock")))
	count=$sum
	for i in "${!urls[@]}"; do
		count=$((count + $(grep -c "\"to\": \"ipc://$dir/$i\"" \
		    "$dir/trace.$i")))
	done
	got=$((count - before))
}

# messages N COUNT: those of a step of such a ring, beside calls and answers.  What
# comes before the first step is the same each time.
messages() {
	local sum=0 count=0 got few

	traced=yes
	fleet ring "$1" "$2" 1
	traced=
	received 0
	received "$COUNTED"
	few=$got
	received $((COUNTED * 3))
	stop
	less "messages$1x$2" "$(divide $((got - few)) "$COUNTED")" $(($1 * $2 * 2))
}

# ---- Simulated time ----

# year: one container, by itself and by amas-clock; agents woken a second.
year() {
	local n=$((YEAR_STEPS * CROWD)) sim stepped woken

	sleepers "$CROWD" "$QUARTER"
	CLOCK_COUNTS=$dir/counts timed "$build/amas-container" -f "$file" \
	    --manager --class "sleeper=$bench/clock_plugin.so" --clock sim \
	    "--init-time=-$QUARTER" --until $(((YEAR_STEPS - 1) * QUARTER)) \
	    "$dir/sim"
	read -r woken _ <"$dir/counts"
	[ "$woken" -eq "$n" ] || die "sim: $woken woke, not $n"
	sim=$took
	fleet amas 1 "$CROWD" "$QUARTER"
	run "$YEAR_STEPS" "$QUARTER"
	expect "[$n, 0, 0]"
	stop
	stepped=$took
	fleet aiomas 1 "$CROWD" "$QUARTER"
	python_run "$PYTHON_YEAR_STEPS" "$QUARTER"
	expect "[$((PYTHON_YEAR_STEPS * CROWD)), 0, 0]"
	stop
	took=$(awk -v t="$took" -v a="$YEAR_STEPS" -v b="$PYTHON_YEAR_STEPS" \
	    'BEGIN { printf "%.6f", t * a / b }')
	less year-sim "$sim" "$took"
	less year-clock "$stepped" "$took"
	more woken-sim "$(divide "$n" "$sim")" "$(divide "$n" "$took")"
	more woken-clock "$(divide "$n" "$stepped")" "$(divide "$n" "$took")"
}

# due: many sleepers that are due at once.
due() {
	local ours

	fleet amas 1 "$SLEEPERS" 10
	timed "$build/amas-clock" run --step 10 --until 0 "${urls[0]}"
	ours=$(sed -n 's/.*"wall": \([^,]*\),.*/\1/p' "$dir/out")
	expect "[$SLEEPERS, 0, 0]"
	stop
	fleet aiomas 1 "$SLEEPERS" 10
	python wake 0 "${urls[0]}"
	expect "[$SLEEPERS, 0, 0]"
	stop
	less due "$ours" "$took"
}

# ---- All ----

reports() {
	local n

	heading
	for n in "${FLEETS[@]}"; do
		report "idle$n-raw" 0 "steps/s, nobody wakes; bare calls"
		report "idle$n-limit" 0 "the same; bare sockets"
		report "steps$n-raw" 0 "steps/s, $AGENTS wake in each; bare calls"
		[ "$n" -le "$PYTHON_FLEETS" ] || continue
		report "steps$n-aiomas" 0 "the same; aiomas"
		report "mixed$n" 0 "steps/s of aiomas by amas-clock; aiomas"
	done
	for n in 1 "$AGENTS"; do
		n=${RING}x$n
		report "ring$n-raw" 0 "steps/s, all call the next; bare calls"
		report "calls$n" 0 "calls/s in steps; without steps"
		report "check$n" 0 "steps/s; the same without a check of what is on its way"
		report "messages$n" 1 "messages a step; of the calls alone"
	done
	report year-sim 3 "s for $YEAR_STEPS steps of $CROWD; aiomas, scaled"
	report year-clock 3 "the same by amas-clock; aiomas, scaled"
	report woken-sim 0 "agents woken a second; aiomas"
	report woken-clock 0 "the same by amas-clock; aiomas"
	report due 4 "s until $SLEEPERS sleepers due at once woke; aiomas"
}

have_aiomas
for ((pass = 0; pass < passes; pass++)); do
	for n in "${FLEETS[@]}"; do
		idle "$n"
		steps "$n"
	done
	for n in 1 "$AGENTS"; do
		ring "$RING" "$n"
		messages "$RING" "$n"
	done
	year
	due
done
reports
