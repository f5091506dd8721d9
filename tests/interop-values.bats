# The proof that nothing is lost: random values of every kind, the same in each
# run, between Python objects in aiomas and programs here, in both directions;
# and dates in every form beside what arrow makes of them.
#
# $CODECS lists the codecs, by default all that aiomas has here.

load helper

CODECS=${CODECS:-json msgpack msgpack-blosc}
COUNT=${COUNT:-100000}
types=date,point,money

setup() {
	make_tmp
	need_peer
	PATIENCE=120
}

values() {
	"$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/values.py" \
		--count "$COUNT" "$@"
}

# each_codec FUNCTION: for all of them at the same time.
each_codec() {
	local codec p all=()

	for codec in $CODECS; do
		"$1" "$codec" 3>&- &
		all+=($!)
		caller $!
	done
	for p in "${all[@]}"; do
		forget "$p"
		wait "$p"
	done
}

# Python -> amas-serve -> a worker in Python -> Python
served() {
	equal "$COUNT equal" "$(t amas-serve --codec "$1" --types "$types" \
		--run "values --codec $1 call \$AMAS_ADDR" "$tmp/$1" \
		"worker:values worker" 2>&1)"
}

# amas-call -> Python -> amas-call
called() {
	values --codec "$1" lines >"$tmp/in.$1"
	t amas-call -B --codec "$1" --types "$types" "$tmp/$1" \
		<"$tmp/in.$1" >"$tmp/out.$1"
	equal "$COUNT equal" "$(values --codec "$1" check <"$tmp/out.$1")"
}

@test "values: from Python to a worker and back, equal in type and value" {
	cat >"$tmp/values" <<-END
	#!/bin/sh
	exec "$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/values.py" \\
		--count $COUNT "\$@"
	END
	chmod +x "$tmp/values"
	PATH=$tmp:$PATH each_codec served
}

@test "values: from amas-call to Python and back, equal in type and value" {
	local codec

	for codec in $CODECS; do
		start_peer --codec "$codec" --types "$types" "$tmp/$codec"
	done
	each_codec called
}

@test "values: a change on the way is found" {
	local change found=0

	COUNT=2000
	start_peer --types "$types" "$tmp/json"
	values lines >"$tmp/in"
	t amas-call -B --types "$types" "$addr" <"$tmp/in" >"$tmp/out"
	equal '2000 equal' "$(values check <"$tmp/out")"
	for change in s/-0.0/0.0/ s/NaN/null/ 's/+20:53"/+20:52"/' s/1e+22/1e+21/ \
		's/"point"/"date"/' s/true/1/ s/9007199254740993/9007199254740992/; do
		sed "$change" "$tmp/out" >"$tmp/changed"
		! cmp -s "$tmp/out" "$tmp/changed" || continue
		run -1 values check <"$tmp/changed"
		found=$((found + 1))
	done
	[ "$found" -ge 5 ]
	run -1 values check < <(sed '$d' "$tmp/out")
}

@test "values: dates in all forms are what arrow makes of them" {
	COUNT=10000
	values dates >"$tmp/in"
	cat >"$tmp/date" <<-'END'
	#!/usr/bin/python3
	import json, sys
	for line in sys.stdin:
	    _, n, (_, args, _) = json.loads(line)
	    print(json.dumps([1, n, {'__type__': ['date', args[0]]}]), flush=True)
	END
	chmod +x "$tmp/date"
	export AMAS_TYPES=date
	run -1 t amas-serve --run "amas-call -B \$AMAS_ADDR <$tmp/in >$tmp/out" \
		"$tmp/s" date="worker:$tmp/date"
	equal 'same, most taken' "$(values whole <"$tmp/out")"
}
