# Types beyond the codec: names given by --types, dates, proxies; on lines, as
# arguments and results, between workers and Python objects.  Numbers are those
# of the list of faults.

load helper
load tools/raw

CODECS=${CODECS:-json msgpack}
types=point,money

# serve [OPTION...] SOURCE...: on a unix socket, with the types.
serve() {
	start amas-serve --types "$types" "$@"
}

# call ARG...: calls $addr; sets $output, $stderr, $status.
call() {
	run --separate-stderr t amas-call --types "$types" "$addr" "$@"
}

gives() {
	call "${@:2}"
	equal "0 $1" "$status $output$stderr"
}

fails() {
	call "${@:2}"
	equal "1 $1" "$status $(last_line "$stderr")"
}

# refuses STATUS TEXT ARG...: amas-call itself says why.
refuses() {
	call "${@:3}"
	equal "$1 amas-call: $2" "$status $output$stderr"
}

typed() {
	printf '{"__type__": ["%s", %s]}' "$1" "$2"
}

@test "types: their names in arguments, lines and results" {
	serve "$tmp/s" kwargs="json:cat" line='filter:sed -u s/^/got-/' \
		args='text:printf "%s|" "$@"' \
		w='worker:jq -c --unbuffered "[1, .[1], .[2][1][0]]"'
	gives "[[$(typed money 3.5), $(typed point '[1, 2]')], {\"x\": $(typed money '"t"')}]" \
		kwargs :money=3.5 ':point=[1, 2]' x:money=t
	gives "$(typed money "[$(typed point null)]")" \
		w ":=$(typed money "[$(typed point null)]")"
	gives '"[1, 2]|t|"' args ':point=[1, 2]' :money=t
	echo "[\"w\", [[$(typed point '[1, 2]')]]]" >"$tmp/in"
	run t amas-call -B --types point,money "$addr" <"$tmp/in"
	equal "[1, 1, [$(typed point '[1, 2]')]]" "$output"
	echo "[0, 7, [\"w\", [$(typed money 1)], {}]]" >"$tmp/in"
	run t amas-call --pipe --types point,money "$addr" <"$tmp/in"
	equal "[1, 7, $(typed money 1)]" "$output"
}

@test "types: ids exist on the wire alone, in the order of the names" {
	serve "$tmp/s" w='worker:jq -c --unbuffered "[1, .[1], .[2][1][0]]"'
	raw <<-'END'
	c = connect()
	for id, rep in (0, [1, 2]), (1, 'x'), (1, {'__type__': [0, None]}):
	    value = {'__type__': [id, rep]}
	    c.send(frame([0, 1, ['w', [value], {}]]))
	    assert c.recv() == [1, 1, value]
	END
}

@test "types: AMAS_TYPES is the default of --types" {
	AMAS_TYPES=money start amas-serve "$tmp/s" echo=json:'jq -c ".[0][0]"'
	AMAS_TYPES=money run -0 t amas-call "$addr" echo :money=3
	equal "$(typed money 3)" "$output"
	AMAS_TYPES=x run -0 t amas-call --types money "$addr" echo :money=3
	AMAS_TYPES=money run -4 t amas-call --types '' "$addr" echo :money=3
	equal "amas-call: $addr: argument 1: type \"money\" is not known on this connection" \
		"$output"
}

@test "types: names that are none are wrong use, in both programs" {
	local program names cause

	while IFS='|' read -r names cause; do
		for program in amas-call amas-serve; do
			run -2 t "$program" --types "$names" "$tmp/s" .
			equal "$program: --types: $cause" "$output"
			AMAS_TYPES=$names run -2 t "$program" "$tmp/s" .
			equal "$program: AMAS_TYPES: $cause" "$output"
		done
	done <<-'END'
	a b|"a b" is no name of a type
	1a|"1a" is no name of a type
	,a|"" is no name of a type
	a,|names of types end in a comma
	a,b,a|type "a" stands there twice
	a,proxy|type name "proxy" is reserved
	map|type name "map" is reserved
	bytes|type name "bytes" is reserved
	END
}

@test "types: 26: what no id stands for is a failure, the connection stays" {
	serve "$tmp/s" w=json:cat
	raw <<-'END'
	c = connect()
	def answer(value):
	    c.send(frame([0, 1, ['w', [value], {}]]))
	    kind, n, content = c.recv()
	    assert n == 1
	    return kind, content
	for rep, text in (([99, 1], 'unknown type id 99'),
	        ([-1, 1], 'unknown type id -1'),
	        ([2 ** 64, 1], 'unknown type id 18446744073709551616'),
	        (['money', 1], '__type__ is no pair'),
	        ([1.0, 1], '__type__ is no pair'),
	        ([True, 1], '__type__ is no pair'),
	        ([1], '__type__ is no pair'), (5, '__type__ is no pair'),
	        ([2, 5], 'path of a proxy is no text')):
	    assert answer({'__type__': rep}) == (2, text), answer({'__type__': rep})
	# 1,000 levels, of which each of them takes two
	def nest(n, id):
	    value = 5
	    for _ in range(n):
	        value = {'__type__': [id, value]}
	    return value
	assert answer(nest(490, 0)) == (1, [[nest(490, 0)], {}])
	assert answer(nest(490, 9))[1] == 'unknown type id 9'
	assert answer([1]) == (1, [[[1]], {}])
	END
}

@test "types: 26: an unknown type in a reply is the peer's fault" {
	raw <<-'END'
	l = listen(tmp + '/l')
	call = start('amas-call', '--types', 'point', l.addr, 'f')
	c = l.accept()
	assert c.recv() == [0, 0, ['f', [], {}]]
	c.send(frame([1, 0, {'__type__': [7, 1]}]))
	assert call.wait() == (5, '', 'amas-call: %s: unknown type id 7\n' % l.addr)
	END
}

@test "types: a map with the real key __type__ has a form on lines" {
	local map='{"__type__": ["map", [["__type__", [99, 1]], ["b", 2]]]}'

	serve "$tmp/s" w='worker:jq -c --unbuffered "[1, .[1], .[2][1][0]]"'
	gives "$map" w ":=$map"
	refuses 4 "$addr: argument 1: JSON cannot carry a map with \"__type__\" as its only key" \
		w ':={"__type__": ["map", [["__type__", 1]]]}'
	types='' refuses 4 "argument 1: __type__ is no pair" w ':={"__type__": 5}'
}

@test "types: a typed value is no key" {
	serve "$tmp/s" .
	refuses 4 'argument 1: key of a map is a typed value' \
		f ":={\"__type__\": [\"map\", [[$(typed money 1), 2]]]}"
}

@test "types: what a codec cannot carry names the value and the codec" {
	AMAS_CODEC=msgpack serve "$tmp/s" huge='json:echo "[1, 123456789012345678901234567890]"'
	export AMAS_CODEC=msgpack
	call huge
	equal 1 "$status"
	[[ $stderr == *'MsgPack cannot carry an integer'*'(at [2][1])'* ]]
	call f :=123456789012345678901234567890
	equal 4 "$status"
	[[ $stderr == *'argument 1: MsgPack cannot carry an integer'* ]]
	AMAS_CODEC=json call f a=1 :bytes=AAEC
	equal 4 "$status"
	equal "amas-call: $addr: argument 2: JSON cannot carry bytes; --codec msgpack can" \
		"$stderr"
	AMAS_CODEC=json run -4 --separate-stderr t amas-call -L "$addr" \
		f :bytes=AAEC <<<x
	[[ $stderr == *'line 1: argument 1: JSON cannot carry bytes; --codec msgpack can'* ]]
	call f 1 a=1 b:='{"x": [1, 123456789012345678901234567890]}'
	equal 4 "$status"
	[[ $stderr == *'argument 3: MsgPack cannot carry an integer'*'(at .x[1])' ]]
}

@test "dates: short forms become whole, on every way in" {
	types=date,money
	serve "$tmp/s" echo='json:jq -c ".[0][0]"' args='text:printf "%s" "$1"' \
		short='json:echo "{\"__type__\": [\"date\", \"2016-W01\"]}"' \
		w='worker:jq -c --unbuffered "[1, .[1], {\"__type__\": [\"date\", \"2016-03-04T24:00\"]}]"'
	gives "$(typed date '"2016-01-01T00:00:00+00:00"')" echo :date=2016-01-01
	gives "$(typed date '"2016-01-01T10:00:00+00:00"')" echo :date=2016-01-01T10:00Z
	gives "[{\"a\": $(typed date '"2016-01-01T10:00:00.500000-09:30"')}]" \
		echo ":=[{\"a\": $(typed date '"2016-01-01T10:00:00.5-0930"')}]"
	gives "$(typed money "$(typed date '"2016-01-01T00:00:00+00:00"')")" \
		echo ":money=$(typed date '"2016"')"
	gives '"2016-02-29T00:00:00+01:00"' args :date=2016-02-29T00+01
	gives "$(typed date '"2016-01-04T00:00:00+00:00"')" short
	gives "$(typed date '"2016-03-05T00:00:00+00:00"')" w
	run -0 t amas-call -r --types date,money "$addr" echo :date=2016
	equal 2016-01-01T00:00:00+00:00 "$output"
	echo "[\"echo\", [$(typed date '"2016"')]]" >"$tmp/in"
	run -0 t amas-call -B --types date,money "$addr" <"$tmp/in"
	equal "[1, 1, $(typed date '"2016-01-01T00:00:00+00:00"')]" "$output"
	raw <<-'END'
	c = connect()
	c.send(frame([0, 1, ['echo', [{'__type__': [0, '2016']}], {}]]))
	assert c.recv() == [1, 1, {'__type__': [0, '2016-01-01T00:00:00+00:00']}]
	END
}

@test "dates: what is none is said in one line, with its place" {
	types="date"
	serve "$tmp/s" bad='json:echo "[1, {\"__type__\": [\"date\", \"2016-13-01\"]}]"' \
		w='worker:jq -c --unbuffered "[1, .[1], {\"__type__\": [\"date\", \"now\"]}]"'
	refuses 4 'argument 2: date "2016-13-01": month is not 1 to 12' \
		f 1 :date=2016-13-01
	refuses 4 'argument 1: a date is no integer, but a text (at .a)' \
		f ":={\"a\": $(typed date 5)}"
	fails 'bad: result: date "2016-13-01": month is not 1 to 12 (at [1])' bad
	fails 'worker w: date "now": not as in 2016-01-31T10:30:00+01:00' w
	raw <<-'END'
	c = connect()
	c.send(frame([0, 1, ['bad', [[{'__type__': [0, 'x']}]], {}]]))
	assert c.recv() == [2, 1, 'date "x": not as in '
	                    '2016-01-31T10:30:00+01:00 (at [1][0][0])']
	END
}

@test "dates: containers have them by themselves, named first or not" {
	start amas-serve --types point "$tmp/s/" echo='json:jq -c ".[0][0]"'
	addr=$addr/
	for types in point date,point; do
		gives "$(typed date '"2016-01-01T00:00:00+00:00"')" echo :date=2016
		gives "$(typed point 1)" echo :point=1
	done
	types=point,date refuses 2 "$addr: type \"date\" stands there twice" echo
}

@test "types: a wrong codec is told at both ends" {
	serve "$tmp/s" .
	run -5 --separate-stderr t amas-call --codec msgpack "$addr" f
	equal "amas-call: $addr: connection closed by peer; is --codec right?" \
		"$output$stderr"
	grep -q 'no json: .*; the peer seems to speak msgpack' "$err"
	# the end of a conversation is no question of codecs
	raw <<-'END'
	l = listen(tmp + '/l')
	call = start('amas-call', '-n', '2', l.addr, 'f')
	c = l.accept()
	c.recv()
	c.send(frame([1, 0, 5]))
	c.recv()
	c.close()
	assert call.wait() == (5, '5\n', 'amas-call: %s: connection closed by peer\n' % l.addr)
	END
}

@test "types: a handler calls back with types, by their names" {
	serve "$tmp/s" back='exec:amas-call "$1" echo :money=3'
	t amas-call --types "$types" -x echo='json:jq -c ".[0][0]"' "$addr" \
		back @ >"$tmp/out" 2>&1 || true
	equal "$(typed money 3)" "$(<"$tmp/out")"
}

# --- With Python ---

# each_codec COMMAND: with $codec set, for all.
each_codec() {
	need_peer
	for codec in $CODECS; do
		export AMAS_CODEC=$codec
		"$@"
		stop
	done
	unset AMAS_CODEC
}

client() {
	run --separate-stderr t "$AMAS_VENV/bin/python" \
		"$AMAS_ROOT/tests/peer/client.py" --codec "$codec" \
		--types "$types" "$addr" "$@"
}

to_python() {
	start_peer --codec "$codec" --types date,point,money "$tmp/$codec"
	types=date,point,money
	for v in "$(typed point '[1, 2.5]')" \
		"$(typed money '{"amount": 12, "currency": "EUR"}')" \
		"$(typed date '"2016-01-01T10:00:00+01:30"')" \
		"[{\"a\": $(typed money "{\"amount\": [$(typed point '[null, true]')], \"currency\": \"\"}")}]"; do
		gives "$v" echo ":=$v"
	done
	call repr :date=2016
	equal '"<Arrow [2016-01-01T00:00:00+00:00]>"' "$output"
	# proxies: of Python in a typed value, of ours in one, and back
	call priced
	equal "[$(typed money "{\"amount\": $(typed proxy '"sub"'), \"currency\": \"EUR\"}")]" \
		"$output$stderr"
	run -0 t amas-call --types "$types" -x name='exec:echo Ann' "$addr" \
		ask_inside ":=$(typed money "{\"amount\": $(typed proxy '""'), \"currency\": \"\"}")" \
		name
	equal '"Ann"' "$output"
	run -0 t amas-call --types "$types" -x echo='json:jq -c ".[0][0]"' \
		"$addr" hand @ echo ':point=[1, 2]'
	equal "$(typed point '[1, 2]')" "$output"
}

@test "types: amas-call and Python's aiomas with serializers of its own" {
	each_codec to_python
}

from_python() {
	types=date,point,money
	serve --codec "$codec" "$tmp/$codec" echo='json:jq -c ".[0][0]"' \
		args='text:printf "%s" "$1"' \
		w='worker:jq -c --unbuffered "[1, .[1], .[2][1][0]]"'
	for v in "$(typed point '[1, 2.5]')" \
		"$(typed money '{"amount": 12, "currency": "EUR"}')" \
		"$(typed date '"2016-01-01T10:00:00+01:30"')" \
		"[{\"a\": $(typed money "{\"amount\": [$(typed point '[null, true]')], \"currency\": \"\"}")}]"; do
		client echo ":=$v"
		equal "$v" "$output$stderr"
		client w ":=$v"
		equal "$v" "$output$stderr"
	done
	client args ":=$(typed date '"2016"')"
	equal '"2016-01-01T00:00:00+00:00"' "$output$stderr"
}

@test "types: Python's aiomas with serializers of its own and amas-serve" {
	each_codec from_python
}

container() {
	start_peer --codec "$codec" --container --types point "$tmp/$codec"
	types=point
	addr="ipc://[$tmp/$codec]"
	run -0 t amas-call --types point "$addr/0" tomorrow :date=2016-02-28T10+01
	equal "$(typed date '"2016-02-29T10:00:00+01:00"')" "$output"
	run -0 t amas-call -r --types date,point "$addr/0" tomorrow :date=2016-12-31
	equal 2017-01-01T00:00:00+00:00 "$output"
	run -0 t amas-call --types point "$addr/" agents/0/echo ':point=[1, 2]'
	equal "$(typed point '[1, 2]')" "$output"
}

@test "dates: an agent of Python's aiomas takes and gives them" {
	each_codec container
}
