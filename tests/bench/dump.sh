#!/usr/bin/env bash
# amas-dump, beside tshark with our dissector and beside socat.
#
#	tests/bench/dump.sh [PASSES [DIVISOR]]		(default 3 1)
#
# Ours and the reference are taken in turns within each pass: trust the ratio,
# which is how many times better ours is.  DIVISOR makes all counts smaller.
# What is not installed is left out, and said.
#
#	file-CODEC	messages a second, read from a capture and printed;
#			beside tshark
#	summary		the same without printing, beside tshark too
#	tap-1		calls a second through the tap, one at a time; beside socat
#	tap-128		128 at a time; beside socat
#	none-1, -128	the same, beside no tap: what it takes
#	memory		bytes per idle connection of the tap; beside socat
#
#	$AMAS_BUILD	what is measured (default: build)
#	$AMAS_VENV	Python environment with msgpack (default: build/venv)
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
passes=${1:-3} divisor=${2:-1}
if [ $# -gt 2 ] || ! [[ $passes/$divisor =~ ^[1-9][0-9]?/[1-9][0-9]{0,2}$ ]]
then
	echo "usage: dump.sh [PASSES [DIVISOR]]" >&2
	exit 2
fi
build=$(cd "${AMAS_BUILD:-$root/build}" && pwd)
python=${AMAS_VENV:-$root/build/venv}/bin/python
PATH=$build:$PATH
unset AMAS_CODEC AMAS_TYPES AMAS_MAX_MESSAGE AMAS_TIMEOUT AMAS_PARENT

MESSAGES=$((200000 / divisor))
FEW=$((5000 / divisor))
MANY=$((500000 / divisor))
CONNECTIONS=$((400 / divisor + 1))

dir=$(mktemp -d "${TMPDIR:-/tmp}/amas.XXXXXX")
pids=() rate=0 best=0

finish() {
	[ "${#pids[@]}" -eq 0 ] || {
		kill -TERM "${pids[@]}" 2>/dev/null || true
		wait "${pids[@]}" 2>/dev/null || true
	}
	pids=()
}
trap 'finish; rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

has() {
	command -v "$1" >/dev/null
}

# seconds COMMAND...: sets $took to how long it takes.
seconds() {
	local start=$EPOCHREALTIME

	"$@" >/dev/null 2>&1
	took=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
}

# rate N: sets $rate to so many in $took.
rate() {
	rate=$(awk -v n="$1" -v s="$took" 'BEGIN { printf "%.0f", n / s }')
}

# figure NAME UNIT: one pass; $rate is the reference's, and $best ours.
figure() {
	echo "$1 $2 $best $rate ${3:-more}" >>"$dir/figures"
}

# begin COMMAND...: runs it until finish; ready when its socket is there.
begin() {
	local socket=$1

	shift
	"$@" >/dev/null 2>&1 &
	pids+=($!)
	until [ -S "$socket" ]; do
		kill -0 "${pids[-1]}"
	done
}

# calls N P SOCKET: sets $rate of calls, P at a time.
calls() {
	local n=$1

	awk -v n="$n" 'BEGIN { while (n-- > 0) print "[\"mean\", [[1, 2]], {}]" }' \
		>"$dir/calls"
	seconds amas-call -P "$2" -B "$3" <"$dir/calls"
	rate "$n"
}

files() {
	local codec

	for codec in json msgpack; do
		[ -e "$dir/$codec.pcap" ] || "$python" "$root/tests/bench/pcap.py" \
			"$((MESSAGES / 2))" "$codec" >"$dir/$codec.pcap"
		seconds amas-dump -r "$dir/$codec.pcap"; rate "$MESSAGES"; best=$rate
		seconds tshark -X "lua_script:$root/scripts/amas.lua" \
			-d tcp.port==5555,amas -r "$dir/$codec.pcap"
		rate "$MESSAGES"
		figure "file-$codec" /s
	done
	reference=$rate
	seconds amas-dump --summary -r "$dir/msgpack.pcap"; rate "$MESSAGES"
	best=$rate rate=$reference
	figure summary /s
}

# open_all SOCKET PID: sets $rate to the memory of a connection, in bytes.
open_all() {
	"$python" - "$1" "$2" "$CONNECTIONS" >"$dir/memory" <<-'END'
	import os, re, socket, sys
	path, pid, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
	def processes():
	    out = os.popen('ps -o pid= --ppid ' + pid).read().split()
	    return [pid] + out
	def memory():
	    total = 0
	    for p in processes():
	        try:
	            text = open('/proc/%s/smaps_rollup' % p).read()
	        except OSError:
	            continue
	        total += int(re.search(r'Pss: +(\d+)', text).group(1)) * 1024
	    return total
	frame = b'[0, 0, ["mean", [[1, 2]], {}]]'
	frame = len(frame).to_bytes(4, 'big') + frame
	def connect():
	    s = socket.socket(socket.AF_UNIX)
	    s.connect(path)
	    s.sendall(frame)
	    s.recv(100)
	    return s
	kept = [connect()]
	before = memory()
	kept += [connect() for _ in range(n)]
	print((memory() - before) // n)
	END
	rate=$(cat "$dir/memory")
}


for ((pass = 0; pass < passes; pass++)); do
	if has tshark && [ -e "$root/scripts/amas.lua" ]; then
		files
	fi
	begin "$dir/s" amas-serve "$dir/s" "$build/tests/examples/stats_plugin.so"
	begin "$dir/t" amas-dump -qq "$dir/t" "$dir/s"
	tap=${pids[-1]}
	if has socat; then
		begin "$dir/c" socat "UNIX-LISTEN:$dir/c,fork" "UNIX-CONNECT:$dir/s"
		socat=${pids[-1]}
	fi
	for p in 1 128; do
		n=$((p == 1 ? FEW : MANY))
		calls "$n" "$p" "$dir/t"; best=$rate
		if has socat; then
			calls "$n" "$p" "$dir/c"
			figure "tap-$p" /s
		fi
		calls "$n" "$p" "$dir/s"
		figure "none-$p" /s
	done
	if has socat; then
		open_all "$dir/t" "$tap"; best=$rate
		open_all "$dir/c" "$socat"
		figure memory B less
	fi
	finish
	rm -f "$dir"/[stc]
done
has tshark || echo "no tshark: not compared"
has socat || echo "no socat: not compared"
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
			printf "%-12s ours %.0f%s  reference %.0f%s  ratio %.2f (%.2f-%.2f)\n",
				name, median(a, n), unit, median(b, n), unit,
				median(r, n), r[1], r[n]
		n = 0
	}
	$1 != name { put(); name = $1; unit = $2 }
	{ n++; a[n] = $3; b[n] = $4; r[n] = $5 == "less" ? $4 / $3 : $3 / $4 }
	END { put() }'
