# shellcheck shell=bash disable=SC2034
# What benches that start containers and servers share.  One is run as NAME
# [PASSES [DIVISOR]] (default $PASSES, else 3, and 1) and gets, sourcing this
# before all else,
#
#	$root $build $bench	the source tree, what is measured, its own programs
#	$python		of the environment with aiomas
#	$passes $divisor
#	$dir		a folder, which goes at the end, as do all containers
#
# and the functions below.

name=${0##*/}
root=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
passes=${1:-${PASSES:-3}} divisor=${2:-1}
if [ $# -gt 2 ] || ! [[ $passes/$divisor =~ ^[1-9][0-9]?/[1-9][0-9]{0,2}$ ]]
then
	echo "usage: $name [PASSES [DIVISOR]]" >&2
	exit 2
fi
build=$(cd "${AMAS_BUILD:-$root/build}" && pwd)
python=${AMAS_VENV:-$root/build/venv}/bin/python
bench=$build/tests/bench
export PYTHONDONTWRITEBYTECODE=1
unset AMAS_CODEC AMAS_TYPES AMAS_MAX_MESSAGE AMAS_TIMEOUT AMAS_PARENT
unset AMAS_CACERT AMAS_CERT AMAS_KEY

PATIENCE=300		# seconds until something counts as stuck

dir=$(mktemp -d "${TMPDIR:-/tmp}/amas.XXXXXX")
pids=() outs=() urls=()

die() {
	printf '%s: %s\n' "$name" "$*" >&2
	exit 1
}

# Containers end their agents' processes: they end in order here, too.
cleanup() {
	if [ "${#pids[@]}" -gt 0 ]; then
		kill -TERM "${pids[@]}" 2>/dev/null || true
		wait "${pids[@]}" || true
	fi
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

have_aiomas() {
	"$python" -c 'import aiomas' 2>/dev/null ||
		die "no aiomas at $python: see scripts/check, \$AMAS_VENV"
}

# ---- Containers ----

# now: sets $us.
now() {
	us=${EPOCHREALTIME/[.,]/}
}

# begin COMMAND...: runs a container: adds to $pids and $outs (its standard
# output).  ready, for each in their order: waits until it has told its URL, and
# adds that to $urls.  start: both.
begin() {
	local out

	exec {out}< <(exec "$@")
	pids+=($!)
	outs+=("$out")
}

ready() {
	local url

	read -r -t "$PATIENCE" url <&"${outs[${#urls[@]}]}" ||
		die "container ${#urls[@]} is not ready"
	urls+=("$url")
}

start() {
	begin "$@"
	ready
}

# stop: ends all containers, which have to end in order.
stop() {
	local i out

	kill -TERM "${pids[@]}"
	for i in "${!pids[@]}"; do
		wait "${pids[i]}" || die "container $i: status $?"
		out=${outs[i]}
		exec {out}<&-
	done
	pids=() outs=() urls=()
}

# ---- Figures ----

# divide A B: with 6 decimals; nothing if one of them is nothing.
divide() {
	awk -v a="$1" -v b="$2" 'BEGIN { if (a != "" && b != "")
	    printf "%.6f\n", (b > 0 ? a / b : 0) }'
}

# less NAME OURS OTHER, more NAME OURS OTHER: a figure of this pass, of which
# less or more is better.
less() {
	echo "$2 $3 $(divide "$3" "$2")" >>"$dir/figure.$1"
}

more() {
	echo "$2 $3 $(divide "$2" "$3")" >>"$dir/figure.$1"
}

heading() {
	printf '%-15s %24s %24s %24s\n' "figure: median" "ours (range)" \
	    "reference (range)" "times better (range)"
}

# report NAME DECIMALS TEXT: the medians of all passes, and their ranges.
report() {
	local i

	printf '%-15s' "$1"
	for i in 1 2 3; do
		cut -d ' ' -f "$i" "$dir/figure.$1" | sort -n |
		awk -v d="$((i < 3 ? $2 : 2))" '
		{ x[NR] = $1 }
		END {
			f = "%." d "f"
			printf " %24s", sprintf(f " (" f "-" f ")",
			    x[int((NR + 1) / 2)], x[1], x[NR])
		}'
	done
	printf '  %s\n' "$3"
}

# ---- Lines, one for each figure ----

# NAME MEDIAN UNIT min MIN max MAX runs N [ratio R to OTHER]... [busy N]
#
# R is the median of what it was within each pass, and busy in how many passes
# the machine had other work before: then only ratios mean anything.

IDLE_MIN=90		# percent, of a machine without other work
names=() busy=0
declare -A units=() last=() others=()

# figure NAME UNIT VALUE: of this pass.  Who should have given the value may
# have failed, and said why.
figure() {
	[[ $3 =~ ^-?[0-9]+([.][0-9]+)?$ ]] || die "$1: no figure"
	[ -n "${units[$1]-}" ] || names+=("$1")
	units[$1]=$2 last[$1]=$3
	echo "$3" >>"$dir/figure.$1"
}

# against NAME OTHER...: what NAME is of each other figure of this pass.
against() {
	local other

	for other in "${@:2}"; do
		[ -n "${last[$other]-}" ] || continue
		[ -e "$dir/ratio.$1.$other" ] || others[$1]+=" $other"
		divide "${last[$1]}" "${last[$other]}" >>"$dir/ratio.$1.$other"
	done
}

cpu_times() {
	awk '/^cpu / { print $5, $2 + $3 + $4 + $5 + $6 + $7 + $8 + $9 }' \
	    /proc/stat
}

# new_pass: looks whether the machine is idle before it.
new_pass() {
	local before after idle

	last=()
	before=$(cpu_times)
	sleep "$(divide 1 "$((divisor * 2))")"
	after=$(cpu_times)
	idle=$(awk 'BEGIN { all = ARGV[4] - ARGV[2]
	    print (all > 0 ? int(100 * (ARGV[3] - ARGV[1]) / all) : 100) }' \
	    $before $after)
	figure machine.idle % "$idle"
	[ "$idle" -ge "$IDLE_MIN" ] || busy=$((busy + 1))
}

# median FILE: with the least and the most.
median() {
	sort -n "$1" | awk '{ x[NR] = $1 } END {
		m = (x[int((NR + 1) / 2)] + x[int(NR / 2) + 1]) / 2
		f = m >= 1000 ? "%.0f" : "%.4g"
		printf f " " f " " f " %d\n", m, x[1], x[NR], NR }'
}

lines() {
	local this other m min max n

	for this in "${names[@]}"; do
		read -r m min max n <<<"$(median "$dir/figure.$this")"
		printf '%-24s %10s %s min %s max %s runs %s' "$this" "$m" \
		    "${units[$this]}" "$min" "$max" "$n"
		for other in ${others[$this]-}; do
			read -r m _ <<<"$(median "$dir/ratio.$this.$other")"
			printf ' ratio %s to %s' "$m" "$other"
		done
		[ "$busy" -eq 0 ] || printf ' busy %d' "$busy"
		echo
	done
}
