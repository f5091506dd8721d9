# amas-dump: captures, by tcpdump and by itself, beside what the tap and the
# server saw and what tshark shows.  Networks are of our own: nothing else is on
# their loopback.

load helper

# needs COMMAND...: skips the test where one is missing, or a network.
needs() {
	local c

	unshare -n true 2>/dev/null || skip 'no network of our own for us'
	for c in ip tcpdump "$@"; do
		command -v "$c" >/dev/null || skip "no $c"
	done
}

# inside: runs the script on standard input in a network of its own, with
#	capture FILE		begins to capture
#	caught N		ends it when that many messages are there
#	serve [ADDR]		sets $addr and $server
#	calls N [P [ADDR]]	makes calls on one connection, P at a time
inside() {
	cat >"$tmp/script"
	cat >"$tmp/inside" <<-'END'
	set -eu
	cd "$1"
	trap 'exit 1' TERM
	trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
	ip link set lo up
	capture() {
		file=$1
		mkfifo "$1.listening"
		tcpdump --immediate-mode -U -i lo -s 2048 -B 32768 -w "$1" \
			2>"$1.listening" &
		tcpdump=$!
		exec 5<"$1.listening"
		read -r _ <&5
	}
	caught() {
		until [ "$(amas-dump -r "$file" -o json 2>/dev/null |
			grep -c '"m"')" -ge "$1" ]; do
			kill -0 "$tcpdump"
		done
		kill -INT "$tcpdump"
		wait "$tcpdump"
	}
	serve() {
		mkfifo ready
		amas-serve --ready-fd 4 "${1-:0}" \
			"$AMAS_BUILD/tests/examples/stats_plugin.so" \
			>/dev/null 2>serve.err 4>ready &
		server=$!
		read -r addr <ready
	}
	calls() {
		awk -v n="$1" 'BEGIN { while (i < n)
			print "[\"mean\", [[" i++ ", 2]], {}]" }' |
			amas-call -P "${2-1}" -B "${3-$addr}"
	}
	. ./script
	END
	t unshare -n bash "$tmp/inside" "$tmp"
}

# simple N: a capture of N calls, one after the other, and what the server said.
simple() {
	inside >"$tmp/results" <<-END
	serve
	capture cap
	calls $1
	caught $((2 * $1))
	END
}

# edit CODE: changes the packets of a capture: p, a list of bytes.
edit() {
	"$(python)" -c '
import struct, sys
b = sys.stdin.buffer.read()
p, i = [], 24
while i < len(b):
    n = 16 + struct.unpack_from("<I", b, i + 8)[0]
    p.append(b[i:i + n])
    i += n
def data(x):  # what it carries, of IPv4 in Ethernet
    total, = struct.unpack_from(">H", x, 32)
    return x[30:30 + total][20 + (x[62] >> 4) * 4:]
exec(sys.argv[1])
sys.stdout.buffer.write(b[:24] + b"".join(p))' "$1"
}

# messages FILE...: as triples.
messages() {
	local args=() f

	for f; do
		args+=(-r "$f")
	done
	t amas-dump -o json "${args[@]}" | jq -c 'select(.m) | .m'
}

# counts: of a summary, what does not depend on time.
counts() {
	awk 'NR > 1 { print $1, $2, $3, $8, $9 }'
}

# ---- Whole captures ----

@test "capture: 100,000 calls as the tap and the server counted them" {
	needs jq
	inside >"$tmp/out" <<-'END'
	serve
	mkfifo pipe
	tee cap <pipe | amas-dump --summary -r - >piped & piped=$!
	exec 6>pipe
	mkfifo cap.listening
	tcpdump --immediate-mode -U -i lo -s 2048 -B 32768 -w - \
		2>cap.listening >&6 &
	tcpdump=$!
	exec 5<cap.listening 6>&-
	read -r _ <&5
	mkfifo tapping
	amas-dump --summary --ready-fd 4 "$PWD/tap" "$addr" >tapped 4>tapping &
	tap=$!
	read -r _ <tapping
	calls 100000 16 "$PWD/tap" | tail -n 1
	kill -TERM $tap
	wait $tap
	until [ "$(amas-dump --summary -r cap 2>/dev/null |
		awk 'NR > 1 { print $1 - $3 }')" = 100000 ]; do
		kill -0 $tcpdump
	done
	kill -USR1 $server
	kill -INT $tcpdump
	wait $tcpdump $piped
	kill -TERM $server
	wait $server
	END
	equal '[1, 100000, {"n": 2, "mean": 50000.5}]' "$(cat "$tmp/out")"
	bytes=$(grep '^{' "$tmp/serve.err" | tail -n 1 |
		jq '.bytes_in + .bytes_out')
	equal "100000 0 0 $bytes mean" "$(counts <"$tmp/tapped")"
	equal "100000 0 0 $bytes mean" "$(counts <"$tmp/piped")"
	run -0 --separate-stderr t amas-dump -r "$tmp/cap" --summary
	equal '' "$stderr"
	equal "100000 0 0 $bytes mean" "$(counts <<<"$output")"
}

@test "capture: the same messages as tshark shows" {
	needs jq tshark
	inside >"$tmp/results" <<-'END'
	serve
	capture cap
	calls 2000 16
	caught 4000
	END
	t tshark -X "lua_script:$AMAS_ROOT/scripts/amas.lua" -r "$tmp/cap" \
		-Y amas -T fields -e amas.text 2>/dev/null |
		sed 's/\([]}]\),\([[{]\)/\1\n\2/g' >"$tmp/tshark"
	t amas-dump -r "$tmp/cap" -o json |
		sed 's/.*"m": \[[01], [0-9]*, \(.*\)\]}$/\1/' >"$tmp/dump"
	equal 4000 "$(wc -l <"$tmp/dump")"
	cmp <(sort "$tmp/tshark") <(sort "$tmp/dump")
}

@test "capture: text, filters, -c, -w, --port and --bpf as with the tap" {
	needs jq
	simple 5
	run -0 --separate-stderr t amas-dump -n -r "$tmp/cap"
	equal '' "$stderr"
	equal 5 "${#lines[@]}"
	[[ ${lines[3]} =~ ^[0-9:.]{15}\ 127.0.0.1:[0-9]+\ \>\ 127.0.0.1:[0-9]+:\ \[3\]\ mean\(\[3,\ 2\]\)\ =\ \{\"n\":\ 2,\ \"mean\":\ 2.5\}\ \<0\.0[0-9]+\>$ ]]
	run -0 t amas-dump -c 2 -r "$tmp/cap" id 3 or id 4
	equal 2 "${#lines[@]}"
	t amas-dump -r "$tmp/cap" -o json >"$tmp/json"
	t amas-dump -r "$tmp/cap" -w "$tmp/rec"
	cmp "$tmp/json" "$tmp/rec"
	port=$(jq -r 'select(.n == 1) | .to' "$tmp/json")
	run -0 t amas-dump -r "$tmp/cap" --port "${port##*:}" -o json
	equal "$(cat "$tmp/json")" "$output"
	run -0 t amas-dump -r "$tmp/cap" --port 1
	equal '' "$output"
	run --separate-stderr t amas-dump -r "$tmp/cap" --bpf tcp
	[[ $stderr != *libpcap* ]] || skip 'built without libpcap'
	run -0 t amas-dump -r "$tmp/cap" --bpf "dst port ${port##*:}"
	equal 5 "$(grep -c ' = ?$' <<<"$output")"
	run -2 --separate-stderr t amas-dump -r "$tmp/cap" --bpf 'port x y'
	[[ $stderr == 'amas-dump: --bpf: "port x y": '* ]]
}

@test "capture: IPv6, and two connections at once" {
	needs jq
	inside >/dev/null <<-'END'
	serve '[::1]:0'
	capture cap
	calls 20 & other=$!
	calls 20 4
	wait $other
	caught 80
	END
	t amas-dump -r "$tmp/cap" -o json >"$tmp/json"
	equal 80 "$(wc -l <"$tmp/json")"
	equal '1 40 2 40' "$(jq .conn "$tmp/json" | sort | uniq -c |
		awk '{ print $2, $1 }' | xargs)"
	equal 40 "$(grep -c '"to": "tcp://\[::1\]:[0-9]*", .*"m": \[0,' \
		"$tmp/json")"
}

@test "capture: -i sees what passes, and ends with what it saw" {
	needs jq
	run --separate-stderr t amas-dump -i nowhere
	[[ $stderr != *libpcap* ]] || skip 'built without libpcap'
	inside >"$tmp/results" <<-'END'
	serve
	mkfifo watching
	amas-dump -i lo --port "${addr##*:}" --ready-fd 4 -o json \
		>seen 2>errors 4>watching &
	dump=$!
	read -r ready <watching
	echo "$ready" >ready.is
	calls 300 8
	kill -INT $dump
	wait $dump
	END
	equal lo "$(cat "$tmp/ready.is")"
	equal '' "$(cat "$tmp/errors")"
	jq -c 'select(.m[0] == 1) | .m' "$tmp/seen" | sort >"$tmp/replies"
	equal 300 "$(grep -c '"m": \[0,' "$tmp/seen")"
	equal 300 "$(jq -c . "$tmp/results" | wc -l)"
	cmp <(jq -c '.[2]' "$tmp/results" | sort) \
	    <(jq -c '.[2]' "$tmp/replies" | sort)
}

@test "capture: -i shows as it goes, -c ends it, a summary comes last" {
	needs
	run --separate-stderr t amas-dump -i nowhere
	[[ $stderr != *libpcap* ]] || skip 'built without libpcap'
	inside >"$tmp/results" <<-'END'
	serve
	mkfifo watching
	amas-dump -v -i any -c 7 --ready-fd 4 >seen 2>errors 4>watching &
	dump=$!
	read -r _ <watching
	calls 9 >/dev/null
	wait $dump
	END
	equal 7 "$(grep -c ': \[[0-9]\] mean(' "$tmp/seen")"
	equal 7 "$(grep -v ^amas-dump "$tmp/errors" |
		awk 'NR > 1 { print $1 }')"
	equal 1 "$(grep -c '^amas-dump: any: .* of TCP in 1 connections' \
	    "$tmp/errors")"
}

@test "capture: what -i cannot do is one line" {
	run --separate-stderr t amas-dump -i nowhere
	equal 6 "$status"
	equal '' "$output"
	[[ $stderr != *libpcap* ]] || skip 'built without libpcap'
	[[ $stderr == 'amas-dump: nowhere: No such device exists'* ]]
	equal 1 "${#stderr_lines[@]}"
	chmod 755 "$tmp"
	cp "$AMAS_BUILD/amas-dump" "$tmp"	# who has rights there may not here
	if [ "$(id -u)" = 0 ]; then
		command -v setpriv >/dev/null || skip 'no setpriv'
		unprivileged=(setpriv --reuid 65534 --clear-groups)
	fi
	run -6 --separate-stderr t "${unprivileged[@]}" "$tmp/amas-dump" -i lo
	equal 'amas-dump: lo: not permitted: it takes root, or "setcap cap_net_raw=ep" for the program' \
	    "$stderr"
}

@test "capture: options that do not go together" {
	says() {
		run -2 --separate-stderr t amas-dump "${@:2}" </dev/null
		equal "amas-dump: $1" "$stderr"
	}

	says '-i: not together with -r' -i lo -r x
	says '--port: needs -i or -r' --port 1 :0 :1
	says '--bpf: needs -i or -r' --bpf tcp :0 :1
	says '--run: needs LISTEN and TARGET' -i lo --run true
	echo '[0, 0, ["f", [], {}]]' >"$tmp/lines"
	says "$tmp/lines: no capture, which --bpf and --port are for" \
	    -r "$tmp/lines" --port 1
}

# ---- Captures that lack something ----

@test "capture: 77: every 50th packet is missing: marked, all others shown" {
	needs jq
	simple 500
	edit 'lost = [x for x in p[::50] if data(x)]
p = [x for i, x in enumerate(p) if i % 50]
print(len(lost), sum(map(len, map(data, lost))), file=sys.stderr)' \
	    <"$tmp/cap" >"$tmp/part" 2>"$tmp/lost"
	read -r lost bytes <"$tmp/lost"
	((lost > 10))
	run -0 --separate-stderr t amas-dump -r "$tmp/part" -o json
	equal '' "$stderr"
	equal "$bytes" "$(jq 'select(.missing) | .missing' <<<"$output" |
		paste -sd+ | bc)"
	equal '' "$(jq 'select(.odd or .skipped)' <<<"$output")"
	messages "$tmp/cap" | sort >"$tmp/all"
	jq -c 'select(.m) | .m' <<<"$output" | sort >"$tmp/some"
	equal $((1000 - lost)) "$(wc -l <"$tmp/some")"
	equal '' "$(comm -13 "$tmp/all" "$tmp/some")"
	run -0 t amas-dump -r "$tmp/part"
	[[ $output == *': ** '*' bytes missing'* ]]
}

@test "capture: 77: begun in mid-stream, wherever" {
	local k

	needs jq
	simple 20
	messages "$tmp/cap" >"$tmp/all"
	for k in 3 4 5 8 13 20; do
		edit "p = p[$k:]
print(sum(1 for x in p if data(x)), file=sys.stderr)" \
		    <"$tmp/cap" >"$tmp/part" 2>"$tmp/left"
		run -0 messages "$tmp/part"
		equal "$(tail -n "$(cat "$tmp/left")" "$tmp/all")" "$output"
	done
	# Inside a message: half of a segment is not there.
	edit 'at = next(i for i, x in enumerate(p) if data(x))
x, n = p[at], len(data(p[at])) - 9
tcp = struct.pack(">I", struct.unpack_from(">I", x, 54)[0] + n)
x = x[:54] + tcp + x[58:]
x = x[:32] + struct.pack(">H", struct.unpack_from(">H", x, 32)[0] - n) + x[34:]
x = x[:len(x) - n - 9] + x[-9:]
size = struct.pack("<II", len(x) - 16, len(x) - 16)
p = [x[:8] + size + x[16:]] + p[at + 1:]' <"$tmp/cap" >"$tmp/part"
	run -0 messages "$tmp/part"
	equal "$(tail -n +2 "$tmp/all")" "$output"
	run -0 t amas-dump -r "$tmp/part" -t
	[[ ${lines[0]} == *': [0] ? = {"n": 2, "mean": 1.0}' ||
	    ${lines[0]} == *': ** 9 bytes skipped' ]]
	[[ $output == *': ** 9 bytes skipped'* ]]
	# What is left of it begins as a message does, of 60 bytes, of more than
	# come, of 16.9 MB; nothing behind it is lost.
	for k in 0000003c9300010203 00000f000093000102 0102030493000102c0; do
		edit "i = next(i for i, x in enumerate(p) if data(x))
p[i] = p[i][:-9] + bytes.fromhex('$k')" <"$tmp/part" >"$tmp/false"
		run -0 messages "$tmp/false"
		equal "$(tail -n +2 "$tmp/all" | sort)" "$(sort <<<"$output")"
		run -0 t amas-dump -r "$tmp/false"
		[[ $output == *': ** 9 bytes skipped'* ]]
	done
}

@test "capture: 77: segments that came twice, late, and in another order" {
	needs jq
	simple 60
	messages "$tmp/cap" | sort >"$tmp/all"
	edit 'import random
random.seed(5)
q = []
for i, x in enumerate(p[3:-4]):
    q.append((i + random.random() * 4, x))
    if i % 3 == 0:
        q.append((i + random.random() * 5, x))
p = p[:3] + [x for i, x in sorted(q)] + p[-4:]' <"$tmp/cap" >"$tmp/mixed"
	run -0 --separate-stderr t amas-dump -r "$tmp/mixed" -o json
	equal '' "$(jq 'select(.m | not)' <<<"$output")"
	cmp "$tmp/all" <(jq -c .m <<<"$output" | sort)
}

@test "capture: 76: cut in the middle of a packet" {
	local n

	needs jq
	simple 4
	messages "$tmp/cap" >"$tmp/all"
	n=$(stat -c %s "$tmp/cap")
	head -c $((n - 90)) "$tmp/cap" >"$tmp/part"
	run -4 --separate-stderr t amas-dump -r "$tmp/part" -o json
	[[ $stderr =~ ^amas-dump:\ $tmp/part:\ packet\ [0-9]+:\ cut$ ]]
	equal "$(cat "$tmp/all")" "$(jq -c .m <<<"$output")"
	run -4 --separate-stderr t amas-dump -r - < <(head -c 1234 "$tmp/cap")
	[[ $stderr =~ ^amas-dump:\ standard\ input:\ packet\ [0-9]+:\ cut$ ]]
}

@test "capture: shortened packets are told of once" {
	local size

	for size in 500 60; do
		"$(python)" - $size >"$tmp/part" <<-'END'
		import struct, sys
		def packet(flags, seq, data=b''):
		    return struct.pack('>BBHIBBH4s4sHHIIBBHI', 69, 0,
		        40 + len(data), 0, 9, 6, 0, bytes(4), bytes(4), 1, 2,
		        seq, 0, 80, flags, 9, 0) + data
		def frame(i):
		    m = b'[0, %d, ["f", ["%0100d"], {}]]' % (i, i)
		    return struct.pack('>I', len(m)) + m
		out, snap, seq = sys.stdout.buffer, int(sys.argv[1]), 1
		out.write(struct.pack('<IHHIIII', 0xa1b2c3d4, 2, 4, 0, 0, snap, 101))
		for i in range(4):
		    data = frame(i) if i else b''
		    p = packet(16 if i else 2, seq if i else 0, data)
		    seq += len(data)
		    out.write(struct.pack('<IIII', i, 0, min(snap, len(p)), len(p)))
		    out.write(p[:snap])
		END
		run -0 --separate-stderr t amas-dump -r "$tmp/part"
		if [ $size = 500 ]; then
			equal '' "$stderr"
			equal 3 "$(grep -c '] f("0' <<<"$output")"
		else
			equal "amas-dump: $tmp/part: packets are shortened: tcpdump -s 0" \
				"$stderr"
			[[ $output == *'bytes missing'* ]]
		fi
	done
	run -0 --separate-stderr t amas-dump -q -r "$tmp/part"
	equal '' "$stderr"
}

@test "capture: 76: short packets, fragments, other link types" {
	needs jq
	simple 4
	edit 'p = [x[:8] + struct.pack("<I", 40) + x[12:56] if i == 6 else x
    for i, x in enumerate(p)]' <"$tmp/cap" >"$tmp/part"
	run -4 --separate-stderr t amas-dump -r "$tmp/part" -o json
	equal "amas-dump: $tmp/part: packets are shortened: tcpdump -s 0
amas-dump: $tmp/part: packet 7: headers that are cut or wrong, skipped" \
	    "$stderr"
	edit 'b = b[:20] + struct.pack("<I", 147)' <"$tmp/cap" >"$tmp/part"
	run -4 --separate-stderr t amas-dump -r "$tmp/part"
	equal "amas-dump: $tmp/part: packet 1: link type 147 is not known, skipped" \
	    "$stderr"
	edit 'p = [x[:36] + b"\x20\0" + x[38:] if i == 6 else x
    for i, x in enumerate(p)]' <"$tmp/cap" >"$tmp/part"
	run -4 --separate-stderr t amas-dump -r "$tmp/part"
	equal "amas-dump: $tmp/part: packet 7: a fragment of IP, skipped" \
	    "$stderr"
	gzip <"$tmp/cap" >"$tmp/part"
	run -4 --separate-stderr t amas-dump -r "$tmp/part"
	equal "amas-dump: $tmp/part: compressed; zcat FILE | ... -r - reads it" \
	    "$stderr"
}

# ---- Others ----

# in_time: $output has the messages of $tmp/json, by their times; packets of the
# same moment may stand either way, and a system may note them so.
in_time() {
	local what='[.t, .from, .m]'

	equal "$(jq -c "$what" "$tmp/json" | sort)" \
		"$(jq -c "$what" <<<"$output" | sort)"
	equal true "$(jq -s '[.[].t] | . as $t |
		all(range(1; length); $t[.] >= $t[. - 1] - 0.001)' <<<"$output")"
}

@test "capture: files are merged by time" {
	needs jq
	inside >/dev/null <<-'END'
	serve
	capture cap
	calls 30 & other=$!
	calls 30
	wait $other
	caught 120
	END
	t amas-dump -r "$tmp/cap" -o json >"$tmp/json"
	one=$(jq -r 'select(.n == 1) | .from' "$tmp/json")
	for part in '' 'not '; do
		edit "p = [x for x in p if ${part}${one##*:} in
    struct.unpack_from('>HH', x, 50)]" <"$tmp/cap" >"$tmp/part$part"
	done
	run -0 --separate-stderr t amas-dump -r "$tmp/part" -r "$tmp/partnot " \
	    -o json
	in_time
	t amas-dump -r "$tmp/part" -w "$tmp/rec"
	run -0 --separate-stderr t amas-dump -r "$tmp/rec" \
	    -r "$tmp/partnot " -o json
	in_time
}

@test "capture: TLS is called that" {
	needs openssl
	[ -e "$AMAS_BUILD/amas/tls.so" ] || skip 'made without TLS'
	(
		cd "$tmp"
		amas-pki -n ca && amas-pki new x 127.0.0.1
		amas-pki sign x.csr
	) >"$tmp/pki"
	inside >/dev/null <<-'END'
	export AMAS_CACERT=ca.pem AMAS_CERT=x.pem AMAS_KEY=x.key
	serve
	mkfifo cap.listening
	tcpdump --immediate-mode -U -i lo -w cap 2>cap.listening &
	exec 5<cap.listening
	read -r _ <&5
	amas-call "$addr" mean '[1]'
	until amas-dump -r cap 2>/dev/null |
		[ "$(grep -c 'bytes unread')" = 2 ]; do
		kill -0 $!
	done
	END
	run -0 --separate-stderr t amas-dump -r "$tmp/cap" -t
	equal '' "$stderr"
	equal 2 "$(grep -c ': ?? [0-9]* bytes: TLS: 1603' <<<"$output")"
	equal 2 "$(grep -c ': \*\* [0-9]* bytes unread' <<<"$output")"
	equal 4 "${#lines[@]}"
}
