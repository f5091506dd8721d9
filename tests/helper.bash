# What the tests of all programs share.  A test file begins with
#
#	load helper
#
# and gets setup, teardown and the functions below.  Nothing here sleeps, and
# no port or path is fixed.
#
#	$AMAS_BUILD	folder of the programs under test, first on PATH
#	$AMAS_VENV	Python environment with aiomas (see scripts/check)
#	$AMAS_VENV_MOSAIK, $AMAS_VENV_MOSAIK3	with mosaik, with mosaik 3.3
#	$AMAS_ROOT	top of the source tree
#	$tmp		a folder of this test, with a path short enough for sockets

bats_require_minimum_version 1.5.0

AMAS_ROOT=$(cd "${BATS_TEST_DIRNAME:?}/.." && pwd)
AMAS_BUILD=$(cd "${AMAS_BUILD:-$AMAS_ROOT/build}" 2>/dev/null && pwd) ||
	AMAS_BUILD=$AMAS_ROOT/build
AMAS_VENV=${AMAS_VENV:-$AMAS_ROOT/build/venv}
PATH=$AMAS_BUILD:$PATH
AMAS_VENV_MOSAIK=${AMAS_VENV_MOSAIK:-$AMAS_ROOT/build/venv-mosaik}
AMAS_VENV_MOSAIK3=${AMAS_VENV_MOSAIK3:-$AMAS_ROOT/build/venv-mosaik3}
export AMAS_ROOT AMAS_BUILD AMAS_VENV AMAS_VENV_MOSAIK AMAS_VENV_MOSAIK3 PATH
export PYTHONDONTWRITEBYTECODE=1
unset AMAS_CODEC AMAS_TYPES AMAS_CACERT AMAS_CERT AMAS_KEY AMAS_MAX_MESSAGE
unset AMAS_TIMEOUT AMAS_PARENT

PATIENCE=${PATIENCE:-30}	# seconds until something counts as stuck

setup() {
	make_tmp
}

teardown() {
	local status=0

	stop_all || status=1
	rm -rf "$tmp"
	return "$status"	# bats runs this without set -e
}

# make_tmp: sets $tmp.  BATS_TEST_TMPDIR may be too long for a unix socket,
# whose path has room for 107 bytes.
make_tmp() {
	tmp=$(mktemp -d "${TMPDIR:-/tmp}/amas.XXXXXX")
	if ((${#tmp} > 60)); then
		rmdir "$tmp"
		tmp=$(mktemp -d /tmp/amas.XXXXXX)
	fi
	pids=()
	callers=()
	nstarted=0
}

# t COMMAND...: runs it with a limit of time.
t() {
	timeout "$PATIENCE" "$@"
}

# start COMMAND [ARG...]: runs a server in the background and waits until it
# has reported its address; sets $addr and $pid, its errors go to $err.
# --ready-fd comes first among the options of the first word that is one of
# our programs (or a Python script), so that a wrapper such as env may precede.
start() {
	local fifo cmd=() word done=

	nstarted=$((nstarted + 1))
	fifo=$tmp/ready.$nstarted
	err=$tmp/err.$nstarted
	for word; do
		cmd+=("$word")
		if [ -z "$done" ] && [[ $word == @(amas-*|*/amas-*|*.py) ]]; then
			cmd+=(--ready-fd 4)
			done=yes
		fi
	done
	if [ -z "$done" ]; then
		cmd=("$1" --ready-fd 4 "${@:2}")
	fi
	mkfifo "$fifo"
	# 3>&-: bats waits for descriptor 3 otherwise.
	"${cmd[@]}" </dev/null >"${out:-/dev/null}" 2>"$err" 3>&- 4>"$fifo" &
	pid=$!
	pids+=("$pid")
	# shellcheck disable=SC2034 # $addr is for the test
	if ! read -r -t "$PATIENCE" addr <"$fifo"; then
		echo "not ready: $*" >&2
		cat "$err" >&2
		return 1
	fi
}

# start_peer [OPTION...] ADDR: starts the Python aiomas server.
start_peer() {
	start "$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/server.py" "$@"
}

# stop [PID]: ends a started process (the last one) as a user would and requires
# status 0, so that a report of a sanitizer in a server fails the test.
stop() {
	local p=${1:-$pid}

	kill -TERM "$p" 2>/dev/null || true
	ended "$p" 0
}

# ended PID STATUS: waits for PID, no longer than $PATIENCE, and requires that
# it ends with STATUS.
ended() {
	local status=0 watchdog

	forget "$1"
	[ -p "$tmp/.never" ] || mkfifo "$tmp/.never"
	watch "$1" 3>&- &
	watchdog=$!
	disown "$watchdog"	# no word about its end
	wait "$1" || status=$?
	kill -KILL "$watchdog" 2>/dev/null || true
	if [ "$status" != "$2" ]; then
		echo "process $1 ended with status $status, not $2" >&2
		cat "$tmp"/err.* >&2 2>/dev/null || true
		return 1
	fi
}

# watch PID: kills it when $PATIENCE is over.
watch() {
	exec >/dev/null 2>&1
	read -r -t "$PATIENCE" _ <>"$tmp/.never" || true
	kill -KILL "$1"
}

# forget PID: this process has ended, or will end, in its own way.
forget() {
	local i

	for i in "${!pids[@]}"; do
		if [ "${pids[i]}" = "$1" ]; then
			unset "pids[i]"
		fi
	done
	for i in "${!callers[@]}"; do
		if [ "${callers[i]}" = "$1" ]; then
			unset "callers[i]"
		fi
	done
}

# caller PID: a process in the background that need not end by itself if the
# test fails; teardown kills it.
caller() {
	callers+=("$1")
}

stop_all() {
	local p status=0

	for p in "${callers[@]}"; do
		kill -TERM "$p" 2>/dev/null || true
		wait "$p" 2>/dev/null || true
	done
	callers=()
	for p in "${pids[@]}"; do
		stop "$p" || status=1
	done
	return "$status"
}

# need_peer: skips the test where Python aiomas could not be installed.
need_peer() {
	if ! have_peer; then
		skip "$(why_no_peer)"
	fi
}

have_peer() {
	[ -e "$AMAS_VENV/.ready" ]
}

why_no_peer() {
	echo "no Python aiomas in $AMAS_VENV (scripts/check installs it)"
}

# need_mosaik VENV: skips the test where that mosaik could not be installed.
need_mosaik() {
	[ -e "$1/.ready" ] ||
		skip "no mosaik in $1 (scripts/check installs it)"
}

# same JSON JSON: both mean the same.  Texts that differ only in blanks or in
# the order of keys are the same; 1, 1.0 and true are not; NaN is itself.
same() {
	[ "$1" = "$2" ] && return
	"$(python)" - "$1" "$2" <<'EOF' || {
import json, sys
def norm(v):
    if isinstance(v, list):
        return [norm(x) for x in v]
    if isinstance(v, dict):
        return sorted((k, norm(x)) for k, x in v.items())
    return type(v).__name__, repr(v)
sys.exit(norm(json.loads(sys.argv[1])) != norm(json.loads(sys.argv[2])))
EOF
		printf 'expected: %.300s\n' "$1" >&2
		printf 'got:      %.300s\n' "$2" >&2
		return 1
	}
}

python() {
	if [ -x /usr/bin/python3 ]; then
		echo /usr/bin/python3
	else
		command -v python3
	fi
}

# last_line TEXT: its last line that is not empty.
last_line() {
	# shellcheck disable=SC2016
	printf '%s\n' "$1" | sed -n '/./h; ${x;p;}'
}

# first_line TEXT
first_line() {
	printf '%s\n' "${1%%$'\n'*}"
}

# equal EXPECTED GOT: both texts are the same, and are shown if not.
equal() {
	if [ "$1" != "$2" ]; then
		printf 'expected: %s\n' "$1" >&2
		printf 'got:      %s\n' "$2" >&2
		return 1
	fi
}
