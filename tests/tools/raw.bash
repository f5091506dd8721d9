# A raw peer for bats, after "load helper": see rawpeer.py.
# shellcheck shell=bash

# raw [NAME=VALUE...] <<'END': runs a script against the server at $addr.  It
# knows $pid, $err and $tmp of the test, and whether the programs have ASan,
# with which figures of memory mean nothing.
raw() {
	t "$(python)" "$AMAS_ROOT/tests/tools/rawpeer.py" "$addr" \
		pid="$pid" err="$err" tmp="$tmp" asan="$(has_asan)" "$@"
}

has_asan() {
	if grep -qc __asan_init "$AMAS_BUILD/amas-serve"; then
		echo 1
	else
		echo 0
	fi
}

# logged LINE...: the server has logged these lines, in this order, and no
# other.  PEER stands for an address.
logged() {
	equal "$(printf '%s\n' "$@")" "$(sed -E \
		's,^(amas-serve: )(tcp|ipc)://[^ ]*: ,\1PEER: ,' "$err")"
}
