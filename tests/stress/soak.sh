#!/usr/bin/env bash
# A server and a container under mixed load for long: their memory and their
# descriptors are the same at the end as when they were warm.
#
#	tests/stress/soak.sh ROUNDS	so many rounds of load
#	tests/stress/soak.sh -m MINUTES	as many as there is time for
#
#	$AMAS_BUILD	what is run (default: build)
#
# Prints a line for each round; status 1 if something grew or was lost.

set -euo pipefail

name=${0##*/}
root=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
build=$(cd "${AMAS_BUILD:-$root/build}" && pwd)
stress=$build/tests/stress
WARM=4			# rounds until nothing more should grow
CALLS=2000		# of a round through the plugin; fewer of the others
GROWTH_KIB=8192		# what is open at once may be more another time
# What is freed goes back to the system, so that what is held shows.
export MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=65536
unset AMAS_CODEC AMAS_TYPES AMAS_MAX_MESSAGE AMAS_TIMEOUT AMAS_PARENT

rounds=0 minutes=0
if [ "${1-}" = -m ]; then
	minutes=${2-}
else
	rounds=${1-}
fi
if ! [[ $rounds/$minutes =~ ^[0-9]+/[0-9]+$ ]]; then
	echo "usage: $name ROUNDS | -m MINUTES" >&2
	exit 2
fi

die() {
	printf '%s: %s\n' "$name" "$*" >&2
	exit 1
}

dir=$(mktemp -d "${TMPDIR:-/tmp}/amas.XXXXXX")
server='' container=''
cleanup() {
	[ -z "$server$container" ] ||
		kill -TERM $server $container 2>/dev/null || true
	wait
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# ---- What is run ----

# begin COMMAND...: starts a server; sets $pid and $addr.
begin() {
	local out

	exec {out}< <(exec "$@" 2>>"$dir/log")
	pid=$!
	read -r -t 60 addr <&"$out" || die "$1: not ready: $(cat "$dir/log")"
	exec {out}<&-
}

serve() {
	mkdir "$dir/files"
	# shellcheck disable=SC2016 # for the file
	printf '#!/bin/sh\nexpr "$1" + "$2"\n' >"$dir/files/add"
	printf '#!/bin/sh\necho no >&2\nexit 1\n' >"$dir/files/fail"
	chmod +x "$dir/files/"*
	begin amas-serve --jobs 8 --queue 100000 "$dir/s" \
		s="$stress/shuffle_plugin.so" \
		w:2="worker:$stress/shuffle_worker" \
		f="filter:sed -u s/^/x/" "$dir/files"
	server=$pid server_addr=$addr
	begin amas-container "$dir/c" \
		"$build/tests/examples/counter_plugin.so"
	container=$pid container_addr=$addr
}

# ---- Load ----

next_death=0	# of a worker: one that dies too often starts late

# lines N LINE: so often.
lines() {
	yes "$2" 2>/dev/null | head -n "$1"
}

# batch ADDR STATUS N LINE: calls that each end as expected.
batch() {
	local n

	n=$( (lines "$3" "$4" || true) | timeout 100 amas-call -B "$1" 2>>"$dir/log" |
		grep -c "^\[$2," || true)
	[ "$n" = "$3" ] || die "$n of $3 calls of $4 ended with $2"
}

load() {
	timeout 100 "$stress/lost" -c 20 -r 20 -s 2 -d 4 "$server_addr" \
		"$CALLS" >"$dir/lost" || grep -q ' 0 wrong, 0 lost' "$dir/lost" ||
		die "$(cat "$dir/lost")"
	batch "$server_addr" 1 200 '["w/echo", ["x"], {}]'
	if ((SECONDS >= next_death)); then
		batch "$server_addr" 2 1 '["w/die", [], {}]'
		next_death=$((SECONDS + 60))
	fi
	batch "$server_addr" 1 100 '["f", ["x"], {}]'
	batch "$server_addr" 1 20 '["add", [1, 2], {}]'
	batch "$server_addr" 2 10 '["fail", [], {}]'
	batch "$server_addr" 2 20 '["nothing", [], {}]'
	batch "$container_addr" 1 500 '["agents/0/count", [], {}]'
}

# ---- What it has ----

# figures PID: KiB of memory and descriptors.
figures() {
	echo "$(awk '/^VmRSS:/ { print $2 }' "/proc/$1/status")" \
		"$(find "/proc/$1/fd" -type l | wc -l)"
}

# settled WHAT PID KIB FDS: waits until it has no more than that: it may still be
# closing connections.
settled() {
	local i kib fds

	for ((i = 0; i < 1000; i++)); do
		read -r kib fds < <(figures "$2")
		if [ "$kib" -le $(($3 + GROWTH_KIB)) ] && [ "$fds" -le "$4" ]
		then
			return 0
		fi
	done
	die "the $1 has $kib KiB and $fds descriptors; when warm $3 and $4"
}

PATH=$build:$PATH
serve
end=$((SECONDS + 60 * minutes))
for ((i = 1; i <= WARM || i <= rounds || SECONDS < end; i++)); do
	load
	read -r kib fds < <(figures "$server")
	read -r container_kib container_fds < <(figures "$container")
	echo "$i: server $kib KiB, $fds descriptors;" \
		"container $container_kib KiB, $container_fds descriptors"
	if [ "$i" = "$WARM" ]; then
		warm=$kib warm_fds=$fds
		container_warm=$container_kib container_warm_fds=$container_fds
	fi
done
settled server "$server" "$warm" "$warm_fds"
settled container "$container" "$container_warm" "$container_warm_fds"
