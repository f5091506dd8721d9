# scripts/tap-sum decides what scripts/check says: it must not miss a failure.

load helper

sum() {
	run "$AMAS_ROOT/scripts/tap-sum" "$@"
}

@test "tap-sum: counts what passed, failed and was skipped" {
	printf '%s\n' 1..4 'ok 1 a' 'not ok 2 b' '# why' 'ok 3 c # skip no x' \
		'not ok 4 d # TODO later' '# exit 1' >"$tmp/s.tap"
	sum "$tmp/s.tap"
	equal 1 "$status"
	equal 'not ok s 2 b' "${lines[0]}"
	equal '# why' "${lines[1]}"
	equal '1 passed, 1 failed, 2 skipped' "${lines[2]}"
}

@test "tap-sum: says nothing of skips when there are none" {
	printf '%s\n' 'ok 1' 'ok 2 - b' 1..2 '# exit 0' >"$tmp/s.tap"
	sum "$tmp/s.tap"
	equal 0 "$status"
	equal '2 passed, 0 failed' "$output"
}

@test "tap-sum: a suite that died before its plan has failed" {
	printf '%s\n' 1..3 'ok 1 a' '# exit 139' >"$tmp/s.tap"
	echo 'AddressSanitizer: heap-use-after-free' >"$tmp/s.tap.err"
	sum "$tmp/s.tap"
	equal 1 "$status"
	equal 'not ok - s: ended after 1 of 3 tests, without 2 3' "${lines[0]}"
	equal '# AddressSanitizer: heap-use-after-free' "${lines[1]}"
	equal '1 passed, 1 failed' "${lines[2]}"
}

@test "tap-sum: a status other than 0 after passed tests is a failure" {
	printf '%s\n' 1..1 'ok 1 a' '# exit 23' >"$tmp/s.tap"
	sum "$tmp/s.tap"
	equal 1 "$status"
	equal '1 passed, 1 failed' "${lines[-1]}"
}

@test "tap-sum: no plan, no file and no test at all are failures" {
	printf '%s\n' 'ok 1 a' >"$tmp/s.tap"
	sum "$tmp/s.tap" "$tmp/none.tap"
	equal 1 "$status"
	equal '1 passed, 2 failed' "${lines[-1]}"
	sum
	equal 1 "$status"
	equal '0 passed, 1 failed' "${lines[-1]}"
}
