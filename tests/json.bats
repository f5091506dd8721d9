# JSON beside CPython's json, with fixed seeds: same verdict, same value, same
# bytes.  json_diff.py names the two places where they are meant to differ.
# Longer: tests/json_diff.py build/tests/tools/jsoncat CASE SEED FACTOR.

load helper

diff_json() {
	run -0 t python3 "$AMAS_ROOT/tests/json_diff.py" \
		"$AMAS_BUILD/tests/tools/jsoncat" "$@"
	echo "$output"
}

@test "json: 120,000 reals are written as Python's repr writes them" {
	diff_json reals
}

@test "json: 21: numbers are read as Python reads them" {
	diff_json numbers
}

@test "json: 21: integers over 4,300 digits pass, though CPython refuses them" {
	diff_json digits
}

@test "json: 23: values with any text are read and written as CPython does" {
	diff_json values
}

@test "json: layout is that of json.dumps with indent" {
	diff_json indent
}

@test "json: message lines escape what a terminal would act on" {
	diff_json lines
}

@test "json: 14: mutilated documents get CPython's verdict" {
	diff_json mutants
}

@test "json: 16: 1,000 levels are read and written, also on a small stack" {
	diff_json depth
	ulimit -s 256
	diff_json depth
}
