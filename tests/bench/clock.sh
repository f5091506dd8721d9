#!/usr/bin/env bash
# Steps of simulated time, beside Python's aiomas and bare calls.
#
#	tests/bench/clock.sh [PASSES [DIVISOR]]		(default 3 1)
#
# Ours and the reference are taken in turns within each pass: trust the ratio,
# which is how many times better ours is.  DIVISOR makes all counts smaller.
#
#	steps-N		steps a second of N containers of 100 agents that sleep
#			and wake at each; beside N of Python's (100: beside 10)
#	step-call	the same of one container without agents, beside calls of
#			amas/time, one at a time: what a step costs beside its frames
#	year		wakings a second of a simulated year in steps of 15
#			minutes, 1,000 agents, one command; beside Python's
#	due		wakings a second of one step that wakes 100,000 agents;
#			beside Python's
#
#	$AMAS_BUILD	what is measured (default: build)
#	$AMAS_VENV	Python environment with aiomas (default: build/venv)
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
passes=${1:-3} divisor=${2:-1}
if [ $# -gt 2 ] || ! [[ $passes/$divisor =~ ^[1-9][0-9]?/[1-9][0-9]{0,2}$ ]]
then
	echo "usage: clock.sh [PASSES [DIVISOR]]" >&2
	exit 2
fi
build=$(cd "${AMAS_BUILD:-$root/build}" && pwd)
python=${AMAS_VENV:-$root/build/venv}/bin/python
naps=$build/tests/bench/naps_plugin.so
PATH=$build:$PATH
export PYTHONDONTWRITEBYTECODE=1
unset AMAS_CODEC AMAS_TYPES AMAS_MAX_MESSAGE AMAS_TIMEOUT AMAS_PARENT

STEPS=$((2000 / divisor))
DAYS=$((365 / divisor + 1))
DUE=$((100000 / divisor))
MANY=100
[ "$divisor" -lt 100 ] || MANY=4

dir=$(mktemp -d "${TMPDIR:-/tmp}/amas.XXXXXX")
pids=() urls=() took=0 rate=0 best=0 most=0

finish() {
	[ "${#pids[@]}" -eq 0 ] || {
		kill -TERM "${pids[@]}" 2>/dev/null || true
		wait "${pids[@]}" 2>/dev/null || true
	}
	pids=() urls=()
}
trap 'finish; rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

# begin COMMAND...: a container, at the next socket; its URL comes from a pipe.
begin() {
	local url fifo=$dir/ready.$RANDOM$RANDOM

	mkfifo "$fifo"
	"$@" >"$fifo" 2>>"$dir/log" &
	pids+=($!)
	read -r -t 60 url <"$fifo"
	urls+=("$url")
	rm "$fifo"
}

# ours N COUNT: N containers with COUNT agents each.  theirs: Python's.
ours() {
	local n

	for ((n = 0; n < $1; n++)); do
		if [ "$2" -gt 0 ]; then
			begin amas-container --manager --clock external \
				"$dir/a$n" "napper:$2=$naps"
		else
			begin amas-container --manager --clock external "$dir/a$n"
		fi
	done
}

theirs() {
	local n

	for ((n = 0; n < $1; n++)); do
		begin "$python" "$root/tests/bench/clock.py" "$dir/p$n" "$2"
	done
}

# seconds COMMAND...: sets $took to how long it takes.
seconds() {
	local start=$EPOCHREALTIME

	"$@" >/dev/null
	took=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
}

# rate N: sets $rate to so many in $took.
rate() {
	rate=$(awk -v n="$1" -v s="$took" 'BEGIN { printf "%.0f", n / s }')
}

# steps KIND N COUNT STEPS: $rate of steps.
steps() {
	"$1" "$2" "$3"
	seconds amas-clock run --step 900 --until $((900 * $4)) "${urls[@]}"
	finish
	rate "$4"
}

# calls N: $rate of calls, one at a time.
calls() {
	ours 1 0
	for ((n = 0; n < $1; n++)); do
		echo '["amas/time", [], {}]'
	done >"$dir/calls"
	seconds amas-call -P 1 -B "${urls[0]}" <"$dir/calls"
	finish
	rate "$1"
}

year() {
	seconds amas-container --clock sim --until $((86400 * DAYS)) "$dir/y" \
		"napper:1000=$naps"
	rate $((DAYS * 96000))
}

# due KIND: $rate of agents that one step wakes.
due() {
	steps "$1" 1 "$DUE" 1
	rate "$DUE"
}

# figure NAME: one pass; $rate is the reference's, and $best ours.
figure() {
	echo "$1 /s $best $rate" >>"$dir/figures"
}

few=$((STEPS / 10))
for ((pass = 0; pass < passes; pass++)); do
	steps ours 1 100 "$STEPS"; best=$rate
	steps theirs 1 100 "$few"
	figure steps-1
	steps ours "$MANY" 100 "$few"; most=$rate
	steps ours 10 100 "$few"; best=$rate
	steps theirs 10 100 "$few"
	figure steps-10
	best=$most
	figure "steps-$MANY"
	steps ours 1 0 "$STEPS"; best=$rate
	calls "$STEPS"
	figure step-call
	year; best=$rate
	steps theirs 1 1000 "$few"
	rate=$((rate * 1000))
	figure year
	due ours; best=$rate
	due theirs
	figure due
done
sort -s -k1,1 "$dir/figures" | awk '
	function median(a, n,   i, j, t) {
		for (i = 2; i <= n; i++)
			for (j = i; j > 1 && a[j - 1] > a[j]; j--) {
				t = a[j]; a[j] = a[j - 1]; a[j - 1] = t
			}
		return a[int((n + 1) / 2)]
	}
	function put() {
		if (n)
			printf "%-10s ours %.0f%s  reference %.0f%s  ratio %.2f (%.2f-%.2f)\n",
				name, median(a, n), unit, median(b, n), unit,
				median(r, n), r[1], r[n]
		n = 0
	}
	$1 != name { put(); name = $1; unit = $2 }
	{ n++; a[n] = $3; b[n] = $4; r[n] = $3 / $4 }
	END { put() }'
