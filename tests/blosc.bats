# MsgPackBlosc: against Python's own package, and in the programs.  The numbers
# are those of the list of faults that the project keeps.

load helper
load tools/raw

setup() {
	make_tmp
	[ -e "$AMAS_BUILD/amas/codec_blosc.so" ] ||
		skip "made without the codec msgpack-blosc"
}

@test "blosc: same values, bytes and verdicts as Python's package" {
	"$AMAS_VENV/bin/python" -c 'import blosc' 2>/dev/null ||
		skip "no Python blosc in $AMAS_VENV"
	run -0 timeout 300 "$AMAS_VENV/bin/python" \
		"$AMAS_ROOT/tests/blosc_diff.py" \
		"$AMAS_BUILD/tests/tools/msgpackcat" "${AMAS_DIFF_COUNT:-4000}"
	[[ ${lines[-1]} == "1..2" ]]
}

@test "blosc: 19: what is wrong in a buffer ends its connection, and only that" {
	start amas-serve --codec msgpack-blosc "$tmp/s" 'f=exec:echo "$1"'
	raw <<-'END'
	good = bytes.fromhex('020113080c000000080000001c000000'
	                     '93000093a16691a3616263' '80')
	one = connect()
	bad = ['0201', '03' + good.hex()[2:], good.hex() + '00',
	       '0201130808000000080000001c000000' + '00' * 12,
	       '02011030ffffff7fffffff7f20000000' + '00' * 16,
	       '0201100108000000080000001c00000014000000ffffffff00000000']
	for text in bad:
	    c = connect()
	    data = bytes.fromhex(text)
	    c.send(len(data).to_bytes(4, 'big') + data)
	    c.closed()
	one.send(len(good).to_bytes(4, 'big') + good)
	assert one.recv_raw()[16:] == bytes.fromhex('930100a3616263')
	END
	logged "amas-serve: PEER: no msgpack-blosc: Blosc: 2 bytes, shorter than a header" \
		"amas-serve: PEER: no msgpack-blosc: Blosc: version 3, not 2" \
		"amas-serve: PEER: no msgpack-blosc: Blosc: header says 28 bytes, message has 29" \
		"amas-serve: PEER: no msgpack-blosc: Blosc: sizes disagree" \
		"amas-serve: PEER: no msgpack-blosc: Blosc: unpacks to 2147483647 bytes, limit 67108864" \
		"amas-serve: PEER: no msgpack-blosc: Blosc: stream outside"
}

@test "blosc: 20: BLOSC_... in the environment changes nothing" {
	local got

	export BLOSC_NTHREADS=64 BLOSC_CLEVEL=1 BLOSC_COMPRESSOR=zstd \
		BLOSC_TYPESIZE=3 BLOSC_SHUFFLE=NOSHUFFLE BLOSC_BLOCKSIZE=128
	start amas-serve --codec msgpack-blosc "$tmp/s" \
		'f=text:head -c 300000 /dev/zero | tr "\0" x'
	raw <<-'END'
	call = bytes.fromhex('02011308080000000800000018000000' '93000093a1669080')
	c = connect()
	c.send(len(call).to_bytes(4, 'big') + call)
	got = c.recv_raw()
	assert len(got) < 10000 and got[2] >> 5 == 0 and got[3] == 8, got[:16]
	END
	got=$(t amas-call -r --codec msgpack-blosc "$tmp/s" f | wc -c)
	equal 300001 "$got"
}

@test "blosc: 35: two requests of 60 MiB cross their replies on one connection" {
	start amas-serve --codec msgpack-blosc "$tmp/s" \
		'echo=json:tail -c +3 | head -c -7'
	head -c $((60 << 20)) /dev/urandom | base64 -w 0 |
		head -c $((60 << 20)) >"$tmp/big"
	{
		for _ in 1 2; do
			printf '["echo", ["'
			cat "$tmp/big"
			printf '"], {}]\n'
		done
	} >"$tmp/in"
	PATIENCE=90 t amas-call -B --codec msgpack-blosc --max-message 80M \
		"$tmp/s" <"$tmp/in" >"$tmp/out"
	equal 2 "$(wc -l <"$tmp/out")"
	equal $((2 * ((60 << 20) + 11))) "$(wc -c <"$tmp/out")"
}

@test "blosc: the other codec is named at both ends" {
	start amas-serve "$tmp/s" 'f=exec:echo 1'
	run -5 t amas-call --codec msgpack-blosc "$tmp/s" f
	grep -q 'the peer seems to speak msgpack-blosc' "$err"
	stop
	start amas-serve --codec msgpack-blosc "$tmp/s" 'f=exec:echo 1'
	run -5 t amas-call "$tmp/s" f
	grep -q 'the peer seems to speak json' "$err"
}

@test "blosc: a codec that is not there is told, with those that are" {
	run -2 t "$AMAS_BUILD/amas-call" --codec msgpack-blosk /s f
	[[ $output == *"msgpack, msgpack-blosc and ./NAME.so"* ]]
}
