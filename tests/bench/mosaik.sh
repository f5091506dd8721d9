#!/usr/bin/env bash
# Simulators of mosaik: chains of them, of shell scripts, of an awk worker and of
# a C plugin, each served by an amas-serve that mosaik starts, beside the same
# with mosaik's own library for Python.
#
#	tests/bench/mosaik.sh [PASSES [DIVISOR]]	(default 3 1)
#
# A figure is steps of simulators a second, from the beginning of the run to its
# end, the same mosaik being in it each time.  All kinds take turns within each
# pass, so that a machine that is busy for a while slows all: trust the ratio,
# which is how many times better ours is.  A value that is not as it should be at
# the end of the chain ends the bench.  DIVISOR makes all counts smaller, to try
# it.
#
#	$AMAS_BUILD	what is measured (default: build)
#	$AMAS_VENV_MOSAIK	Python environment with mosaik
#		(default: build/venv-mosaik)

set -euo pipefail
AMAS_VENV=${AMAS_VENV_MOSAIK:-${BASH_SOURCE[0]%/*}/../../build/venv-mosaik}
# shellcheck source=tests/bench/bench.bash
. "${BASH_SOURCE[0]%/*}/bench.bash"

CHAINS=(2 50)		# simulators
STEPS=$((5000 / divisor))	# of all of a chain
SHELL_STEPS=$((500 / divisor))
[ "$divisor" -lt 100 ] || CHAINS=(2 3)

# ---- Simulators ----

# put NAME: makes an executable of standard input.
put() {
	cat >"$dir/$1"
	chmod 755 "$dir/$1"
}

META='{"api_version": "3.0", "type": "time-based", "models": {"Link":
	{"public": true, "params": [], "attrs": ["in", "out"]}}}'
META=${META//$'\n\t'/ }

make_scripts() {
	mkdir "$dir/sh"
	put sh/init <<-END
	#!/bin/sh
	echo '$META'
	END
	put sh/create <<-'END'
	#!/bin/sh
	echo '[{"eid": "e", "type": "Link"}]'
	END
	# step TIME {"e": {"in": {"SOURCE": NUMBER}}}
	put sh/step <<-'END'
	#!/bin/sh
	got=${2##*: }
	got=${got%%\}*}
	next=$(($1 + 1))
	echo "$((${got#\{} + next))" >"$AMAS_STATE/out"
	echo "$next"
	END
	put sh/get_data <<-'END'
	#!/bin/sh
	read -r out <"$AMAS_STATE/out"
	echo "{\"e\": {\"out\": $out}}"
	END
}

make_worker() {
	put link.worker <<-END
	#!/usr/bin/awk -f
	function say(result) { print "[1, " id ", " result "]"; fflush() }
	{ split(\$0, part, ", "); id = part[2] }
	part[3] ~ /"step"/ {
		next_step = substr(part[4], 2) + 1
		out = next_step
		if (match(\$0, /: -?[0-9]+[}]/))
			out += substr(\$0, RSTART + 2, RLENGTH - 3)
		say(next_step)
		next
	}
	part[3] ~ /"get_data"/ { say("{\"e\": {\"out\": " out "}}"); next }
	part[3] ~ /"create"/ { say("[{\"eid\": \"e\", \"type\": \"Link\"}]"); next }
	part[3] ~ /"init"/ { say("${META//\"/\\\"}"); next }
	{ say("null") }
	END
}

# ---- Runs ----

# chain N STEPS COMMAND: sets $rate, steps of simulators a second.
chain() {
	local took

	took=$(timeout "$PATIENCE" "$python" "$root/tests/bench/cosim.py" run \
	    "$1" $(($2 / $1 + 2)) "$3") || die "$3: status $?"
	rate=$(divide $(($1 * ($2 / $1 + 2))) "$took")
}

# ours NAME N STEPS SOURCE: beside Python's, $theirs.
ours() {
	chain "$2" "$3" "$build/amas-serve --mosaik --connect %(addr)s $4"
	more "$1$2" "$rate" "$theirs"
}

chains() {
	local n theirs

	for n in "${CHAINS[@]}"; do
		chain "$n" "$STEPS" "$python $root/tests/bench/cosim.py sim %(addr)s"
		theirs=$rate
		ours sh "$n" "$SHELL_STEPS" "$dir/sh"
		ours awk "$n" "$STEPS" "$dir/link.worker"
		ours plugin "$n" "$STEPS" "$bench/mosaik_plugin.so"
		chain "$n" "$STEPS" python
		more "inside$n" "$rate" "$theirs"
	done
}

reports() {
	local n

	heading
	for n in "${CHAINS[@]}"; do
		report "sh$n" 0 "steps/s, $n simulators of sh; Python"
		report "awk$n" 0 "of an awk worker; Python"
		report "plugin$n" 0 "of a C plugin; Python"
		report "inside$n" 0 "of Python inside of mosaik, no wire; Python"
	done
}

"$python" -c 'import mosaik' 2>/dev/null ||
	die "no mosaik at $python: see scripts/check, \$AMAS_VENV_MOSAIK"
make_scripts
make_worker
for ((pass = 0; pass < passes; pass++)); do
	chains
done
reports
