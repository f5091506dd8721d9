#!/usr/bin/env bash
# Draws the figures of a run of calls.sh, as SVG.
#
#	tests/bench/plot.sh FOLDER <LINES	(make bench-plot)
#
# Makes bench-rates.svg, bench-speeds.svg and bench-times.svg in FOLDER, of what
# is in LINES: the median of each figure, from its least to its most, one row
# each, and one color for each of those that are compared.

set -euo pipefail
if [ $# -ne 1 ] || [ ! -d "$1" ]; then
	echo "usage: plot.sh FOLDER <LINES" >&2
	exit 2
fi
command -v gnuplot >/dev/null || {
	echo "plot.sh: no gnuplot" >&2
	exit 1
}

ROW=16			# pixels of a row
dir=$(mktemp -d "${TMPDIR:-/tmp}/amas.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

# rows UNIT: NAME ROW MEDIAN MIN MAX, a file for each who is compared; the first
# line of the run is the topmost row.
rows() {
	rm -f "$dir"/rows.*
	awk -v unit="$1" -v dir="$dir" '
	$3 == unit && $4 == "min" && $6 == "max" { line[n++] = $0 }
	END {
		for (i = 0; i < n; i++) {
			split(line[i], f, " +")
			who = "amas"
			if (match(f[1], /(^|\.)(redis|zmq)\./))
				who = f[1] ~ /redis/ ? "redis" : "zmq"
			else if (f[1] ~ /(^|\.)(aiomas|python)\./)
				who = "Python"
			else if (f[1] ~ /(^|\.)(raw|bound|lines)\./)
				who = "limit"
			print f[1], n - i, f[2], f[5], f[7] > dir "/rows." who
		}
		print n + 0
	}' "$dir/lines"
}

# draw UNIT FILE TITLE
draw() {
	local n who plots=''

	n=$(rows "$1")
	[ "$n" -gt 0 ] || return 0
	for who in limit amas redis zmq Python; do
		[ ! -e "$dir/rows.$who" ] || plots+="${plots:+, }\
'$dir/rows.$who' using 3:2:4:5:ytic(1) with xerrorbars pt 7 ps 0.5 title '$who'"
	done
	gnuplot <<-END
	set terminal svg size 900,$((n * ROW + 120)) font ',11'
	set output '$2'
	set title '$3'
	set key outside top center horizontal
	set logscale x
	set grid x
	set yrange [0.5:$n.5]
	plot $plots
	END
	echo "$2"
}

cat >"$dir/lines"
draw 1/s "$1/bench-rates.svg" 'a second'
draw MB/s "$1/bench-speeds.svg" 'MB a second'
draw ms "$1/bench-times.svg" 'milliseconds'
