#!/usr/bin/env bats
# scripts/amas.lua: what Wireshark shows of our own traffic, captured by tcpdump.

load helper

# needs COMMAND...
needs() {
	local c

	for c; do
		command -v "$c" >/dev/null || skip "no $c"
	done
}

# fields FIELD...: of each packet with messages, separated by "|".
fields() {
	local args=() f

	for f; do
		args+=(-e "$f")
	done
	t tshark -X "lua_script:$AMAS_ROOT/scripts/amas.lua" -r "$tmp/cap" \
		-Y amas -T fields -E separator='|' "${args[@]}" 2>"$tmp/tshark.err"
}

# capture MESSAGES COMMAND: captures what it makes, in a network of its own, until
# so many messages are there.
capture() {
	unshare -n true 2>/dev/null || skip 'no network of our own for us'
	cat >"$tmp/in-namespace" <<-'END'
	ip link set lo up
	mkfifo "$1/listening"
	tcpdump --immediate-mode -U -i lo -w "$1/cap" 2>"$1/listening" &
	read -r line <"$1/listening"
	echo "$line"
	bash -c "$2"
	kill -INT $!
	wait $! || true
	END
	t unshare -n bash "$tmp/in-namespace" "$tmp" "$2"
	equal "$1" "$(fields amas.type | tr , '\n' | wc -l)"
}

serve() {
	mkdir "$tmp/s"
	printf '#!/bin/sh\nexpr "$1" + "$2"\n' >"$tmp/s/add"
	printf '#!/bin/sh\necho boo >&2; exit 3\n' >"$tmp/s/bad"
	printf '#!/bin/sh\nwc -c\n' >"$tmp/s/size.json"
	chmod +x "$tmp"/s/*
}

@test "dissector: calls, failures and keywords in all codecs" {
	local codec

	needs ip tcpdump tshark
	serve
	for codec in json msgpack msgpack-blosc; do
		capture 4 "amas-serve --codec $codec --run \
			'amas-call --codec $codec \$AMAS_ADDR add 3 4
			! amas-call --codec $codec \$AMAS_ADDR bad x=1.5' :0 '$tmp/s'"
		run -0 fields amas.codec amas.type amas.id amas.path amas.text
		[[ $output == *"$codec|0|0|add|[\"add\", [3, 4], {}]"* ]]
		[[ $output == *"$codec|1|0|add|7"* ]]
		[[ $output == *"$codec|0|0|bad|[\"bad\", [], {\"x\": 1.5}]"* ]]
		[[ $output == *"$codec|2|0|bad|\"bad: exit status 3\\nboo\""* ]]
		equal '' "$(grep -v 'Running as' "$tmp/tshark.err" || true)"
	done
}

@test "dissector: many messages in a segment, one over many segments" {
	needs ip tcpdump tshark
	serve
	head -c 300000 /dev/zero | tr '\0' x >"$tmp/large"
	seq 12 | sed 's/.*/["add", [&, 1], {}]/' >"$tmp/calls"
	capture 26 "amas-serve --run \
		'amas-call -B \$AMAS_ADDR <$tmp/calls
		amas-call \$AMAS_ADDR size x:text@$tmp/large' :0 '$tmp/s'"
	run -0 fields amas.type
	equal '13 0 13 1' "$(tr , '\n' <<<"$output" | sort | uniq -c | xargs)"
	run -0 fields amas.length
	[[ $output == *30003[0-9]* ]]
	run -0 fields amas.reply_to
	equal 13 "$(tr , '\n' <<<"$output" | grep -c .)"
}

@test "dissector: what is no message is marked, and harms nothing" {
	needs tshark
	"$(python)" - >"$tmp/cap" <<-'END'
	import struct, sys
	out = sys.stdout.buffer
	out.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 262144, 101))
	seq = 1
	def segment(data):
	    global seq
	    tcp = struct.pack('>HHIIBBHHH', 40000, 5555, seq, 1, 80, 24, 65535, 0, 0) + data
	    ip = struct.pack('>BBHHHBBH4s4s', 69, 0, 20 + len(tcp), 0, 0, 64, 6, 0,
	                     b'\x7f\0\0\1', b'\x7f\0\0\1') + tcp
	    out.write(struct.pack('<IIII', seq, 0, len(ip), len(ip)) + ip)
	    seq += len(data)
	def frame(data):
	    segment(struct.pack('>I', len(data)) + data)
	frame(b'[0, 0, ["f", [], {}]]')
	for bad in (b'[9, 0, 1]', b'\x93\0\0', b'\x93\0\0\xdf\xff\xff\xff\xff',
	            b'\x93' * 500, b'{}', b'\x02\x01\x02\x01', b'[0, 0, "' + b'\x1b[31m' + b'"]'):
	    frame(bad)
	frame(b'[1, 0, null]')
	END
	run -0 fields amas.type amas.malformed
	equal 9 "${#lines[@]}"
	equal '0|' "${lines[0]}"
	equal '0|' "${lines[7]}"
	equal '1|' "${lines[8]}"
	run -0 t tshark -X "lua_script:$AMAS_ROOT/scripts/amas.lua" -r "$tmp/cap"
	[[ $output != *$'\x1b'* ]]
	[[ $output != *'Lua Error'* ]]
}
