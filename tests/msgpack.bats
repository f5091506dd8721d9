# MsgPack against Python's own package, on random and on broken bytes.

load helper

@test "msgpack: same bytes, verdicts and values as Python's package" {
	local cat=$AMAS_BUILD/tests/tools/msgpackcat

	[[ -x $cat ]] || skip "no $cat"
	"$AMAS_VENV/bin/python" -c 'import msgpack' 2>/dev/null ||
		skip "no Python msgpack in $AMAS_VENV"
	run -0 timeout 300 "$AMAS_VENV/bin/python" \
		"$AMAS_ROOT/tests/msgpack_diff.py" "$cat" "${AMAS_DIFF_COUNT:-4000}"
	[[ ${lines[-1]} == "1..2" ]]
}
