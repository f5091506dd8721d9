# TLS: against Python's aiomas and OpenSSL's own programs, both ways; who is
# refused, and what both ends say of it.  The numbers are those of the list of
# faults that the project keeps.

load helper
load tools/raw

# The files of all tests: a CA, a server, a client, made by amas-pki.
setup_file() {
	cd "$BATS_FILE_TMPDIR"
	amas-pki -n ca 'Test CA'
	amas-pki new server localhost 127.0.0.1
	amas-pki new client client.example
	amas-pki sign server.csr client.csr
}

setup() {
	make_tmp
	[ -e "$AMAS_BUILD/amas/tls.so" ] || skip 'made without TLS'
	cd "$tmp"
	cp "$BATS_FILE_TMPDIR"/* .
	ours=(--cacert ca.pem --cert server.pem --key server.key)
	client=(--cacert ca.pem --cert client.pem --key client.key)
	ADD='add=exec:expr "$1" + "$2"'
}

# serve [OPTION...]: starts amas-serve with TLS.
serve() {
	start amas-serve "${ours[@]}" "$@" 127.0.0.1:0 "$ADD" \
		'who=exec:echo "$AMAS_PEER_NAME"'
}

# call [OPTION...] -- [FUNCTION [ARG...]]: calls $addr as the client.
call() {
	local options=()

	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	t amas-call "${client[@]}" "${options[@]}" "$addr" "$@"
}

# says STATUS TEXT COMMAND...: it ends with that status and one line.
says() {
	run "-$1" --separate-stderr t "${@:3}"
	equal '' "$output"
	equal "amas-call: $addr: $2" "$stderr"
}

# heard TEXT: waits until the server has logged it.
heard() {
	raw text="$1" <<-'END'
	until(lambda: log_has(err, text), text)
	END
}

# still_serves: after what was wrong, a good client is served.
still_serves() {
	equal 7 "$(call -- add 3 4)"
}

# signed NAME [FROM UNTIL]: makes NAME.pem and NAME.key, valid from one time until
# the other; $extensions, $md and $ca say how.
signed() {
	local name=$1

	[ -e "$name.key" ] || openssl genpkey -algorithm EC \
		-pkeyopt ec_paramgen_curve:P-256 -out "$name.key"
	openssl req -new -key "$name.key" -subj "/CN=$name" -out "$name.csr"
	: >index
	cat >ca.conf <<-END
	[ca]
	default_ca = own
	[own]
	database = index
	policy = any
	default_md = ${md:-sha256}
	rand_serial = yes
	email_in_dn = no
	unique_subject = no
	[any]
	commonName = supplied
	[ext]
	$(printf '%b' "${extensions:-subjectAltName = DNS:localhost, IP:127.0.0.1}")
	END
	openssl ca -batch -config ca.conf -extensions ext -cert "${ca:-ca}.pem" \
		-keyfile "${ca:-ca}.key" -in "$name.csr" -out "$name.pem" \
		-notext -outdir . -startdate "${2:-$PAST}" -enddate "${3:-$FUTURE}" 2>err.ca ||
		{ cat err.ca >&2; return 1; }
}

# as NAME: the options of a client with these files.
as() {
	who=(--cacert ca.pem --cert "$1.pem" --key "$1.key")
}

PAST=20200101000000Z
PAST_END=20210101000000Z
FUTURE=20910101000000Z
FUTURE_END=20920101000000Z

# refused CLIENT_TEXT SERVER_TEXT: amas-call as ${who[@]} is, with status 3 and
# these words at both ends, and then others are served.
refused() {
	says 3 "$1" amas-call "${who[@]}" "$addr" add 3 4
	heard "$2"
	logged "amas-serve: PEER: $2"
	still_serves
}

# ---- It works ----

@test "tls: files by the environment alone, four commands after nothing" {
	mkdir new
	amas-pki -d new -n ca
	amas-pki -d new new one localhost 127.0.0.1
	amas-pki -d new new two
	amas-pki -d new sign new/one.csr new/two.csr
	export AMAS_CACERT=new/ca.pem
	AMAS_CERT=new/one.pem AMAS_KEY=new/one.key \
		start amas-serve 127.0.0.1:0 "$ADD" 'who=exec:echo "$AMAS_PEER_NAME"'
	export AMAS_CERT=new/two.pem AMAS_KEY=new/two.key
	equal 7 "$(t amas-call "$addr" add 3 4)"
	equal '"two"' "$(t amas-call "$addr" who)"
	run -0 t amas-call -v "$addr" who
	[[ $output == *'connected: TLSv1.3, TLS_AES_256_GCM_SHA384, peer "one"'* ]]
}

@test "tls: Python's aiomas calls amas-serve" {
	need_peer
	serve
	run -0 t "$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/client.py" \
		--ssl ca.pem client.pem client.key "$addr" add 3 4
	equal 7 "$output"
	run -0 t "$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/client.py" \
		--ssl ca.pem client.pem client.key "$addr" who
	equal '"client"' "$output"
}

@test "tls: amas-call calls Python's aiomas" {
	need_peer
	start_peer --ssl ca.pem server.pem server.key tcp://127.0.0.1:0
	equal 7 "$(call -- add 3 4)"
	run -0 call -v -- add 3 4
	[[ $output == *'TLSv1.2, ECDHE-ECDSA-AES256-GCM-SHA384, peer "server"'* ]]
	equal 10485760 "$(call -r -- const/blob | tr -d '\n' | wc -c)"
}

@test "tls: channels of Python's aiomas, both ways" {
	need_peer
	start amas-serve "${ours[@]}" --channel 127.0.0.1:0 'exec:echo "got $1"'
	run -0 t "$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/channel.py" \
		--ssl ca.pem client.pem client.key "$addr" '"x"'
	equal '{"reply": "got x"}' "$output"
	start "$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/channel_server.py" \
		--ssl ca.pem server.pem server.key
	equal '"cya"' "$(call --channel -- ohai)"
}

@test "tls: much, both ways at once" {
	start amas-serve "${ours[@]}" 127.0.0.1:0 'echo=json:jq -c ".[0][0]"'
	head -c 3000000 /dev/urandom | base64 -w 0 >big
	printf '["echo", ["%s"], {}]\n' "$(cat big)" >line
	cat line line line line >lines
	call -B -- <lines >out
	equal 4 "$(wc -l <out)"
	equal "$(printf '[1, 4, "%s"]\n' "$(cat big)" | md5sum)" \
		"$(tail -n 1 out | md5sum)"
}

@test "tls: a callback goes over the same connection" {
	start amas-serve "${ours[@]}" 127.0.0.1:0 \
		'hi=exec:echo "Hello, $(amas-call -r "$AMAS_PEER" name)"'
	equal 'Hello, Ann' "$(call -r -x 'name=exec:echo Ann' -- hi)"
}

# ---- Containers ----

@test "tls: agents of Python and of amas call each other" {
	need_peer
	mkdir agent
	printf '#!/bin/sh\nexpr "$1" + 1\n' >agent/inc
	printf '#!/bin/sh\namas-call -- "$1" spam "$2"\n' >agent/ask
	printf '#!/bin/sh\necho "$AMAS_PEER_NAME"\n' >agent/who
	chmod +x agent/*
	start amas-container "${ours[@]}" 127.0.0.1:0 ./agent
	mkfifo py.in py.out
	"$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/agents.py" \
		--ssl ca.pem server.pem server.key 127.0.0.1:0 \
		<py.in >py.out 3>&- &
	caller $!
	exec 5>py.in
	read -r -t "$PATIENCE" python <py.out
	equal '"x"' "$(t amas-call "${client[@]}" "${addr}0" ask "${python}0" x)"
	equal 8 "$(t amas-call "${client[@]}" "${python}0" \
		ask "${addr}0" inc 7 | jq '.[1]')"
	equal '"server"' "$(t amas-call "${client[@]}" "${python}0" \
		ask "${addr}0" who | jq '.[1]')"
	run -5 t amas-call "${addr}0" inc 1
	[[ $output == *'looks like TLS; we spoke plain (--cacert)' ]]
	exec 5>&-
}

@test "tls: agents on a unix socket dial with TLS" {
	mkdir agent
	printf '#!/bin/sh\namas-call -- "$1" tell\n' >agent/ask
	printf '#!/bin/sh\necho "told $AMAS_PEER_NAME"\n' >agent/tell
	chmod +x agent/*
	start amas-container "${ours[@]}" 127.0.0.1:0 ./agent
	there=$addr
	start amas-container "${client[@]}" ./s ./agent
	equal '"told client"' "$(t amas-call "${addr}0" ask "${there}0")"
	start amas-container ./t ./agent
	run -1 t amas-call "${addr}0" ask "${there}0"
	[[ $output == *'looks like TLS'* ]]
}

@test "tls: a manager beyond loopback wants TLS" {
	run -2 t amas-container --manager '*:0'
	[[ $output == *'TLS, or --insecure if that is meant' ]]
	start amas-container "${ours[@]}" --manager '*:0'
	equal '' "$(cat "$err")"
	addr=127.0.0.1:${addr##*:}
	equal '"Manager"' "$(call -- validate_aid ==0)"
}

# ---- 37: clients that are refused ----

@test "tls: 37: a client without certificate" {
	serve
	who=(--cacert ca.pem)
	refused 'the server wants a certificate (certificate required): --cert and --key' \
		'the client shows no certificate'
}

@test "tls: 37: a client of another CA" {
	mkdir other
	amas-pki -d other -n ca 'Other CA'
	amas-pki -d other new stranger
	amas-pki -d other sign other/stranger.csr
	serve
	who=(--cacert ca.pem --cert other/stranger.pem --key other/stranger.key)
	refused 'the server refuses our certificate: unknown CA' \
		'client'\''s certificate "stranger" refused: unable to get local issuer certificate'
}

@test "tls: 37: a client whose certificate has expired" {
	signed old "$PAST" "$PAST_END"
	serve
	as old
	refused 'the server refuses our certificate: certificate expired (ours has expired)' \
		'client'\''s certificate "old" refused: certificate has expired'
}

@test "tls: 37: a client whose certificate is not yet valid" {
	signed young "$FUTURE" "$FUTURE_END"
	serve
	as young
	refused 'the server refuses our certificate: bad certificate (ours is not yet valid)' \
		'client'\''s certificate "young" refused: certificate is not yet valid'
}

@test "tls: 37: a client with a certificate for servers" {
	extensions='extendedKeyUsage = serverAuth' signed wrong
	serve
	as wrong
	refused 'the server refuses our certificate: unsupported certificate (ours is not for clients)' \
		'client'\''s certificate "wrong" refused: unsuitable certificate purpose'
}

@test "tls: 37: a client whose certificate was revoked" {
	signed gone
	openssl ca -config ca.conf -cert ca.pem -keyfile ca.key -revoke gone.pem
	openssl ca -config ca.conf -cert ca.pem -keyfile ca.key -gencrl \
		-crldays 30 -out crl.pem
	cat ca.pem crl.pem >with-crl.pem
	serve --cacert with-crl.pem
	as gone
	refused 'the server refuses our certificate: certificate revoked' \
		'client'\''s certificate "gone" refused: certificate revoked'
}

# weak NAME SERVER_TEXT: s_client, which lets itself use NAME.pem, is refused.
weak() {
	serve
	t openssl s_client -connect "${addr#tcp://}" -CAfile ca.pem \
		-cert "$1.pem" -key "$1.key" -cipher DEFAULT:@SECLEVEL=0 \
		</dev/null >out 2>&1 || true
	heard "$2"
	logged "amas-serve: PEER: $2"
	still_serves
	as "$1"
	run -3 t amas-call "${who[@]}" "$addr" add 3 4
	equal "amas-call: $addr: $1.pem: $3" "$output"
}

@test "tls: 37: a client with a key of 1024 bits" {
	openssl genrsa -out small.key 1024
	signed small
	weak small 'client'\''s certificate "small" refused: EE certificate key too weak' \
		'ee key too small'
}

@test "tls: 37: a client with a certificate signed by SHA-1" {
	md=sha1 signed sha1
	weak sha1 'client'\''s certificate "sha1" refused: CA signature digest algorithm too weak' \
		'ca md too weak'
}

@test "tls: 37: a refusal in TLS 1.2, of Python's client and by its server" {
	need_peer
	signed old "$PAST" "$PAST_END"
	serve
	run -3 t "$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/peer/client.py" \
		--ssl ca.pem old.pem old.key "$addr" add 3 4
	[[ $output == *'certificate expired'* ]]
	heard 'client'\''s certificate "old" refused: certificate has expired'
	still_serves
	start_peer --ssl ca.pem server.pem server.key tcp://127.0.0.1:0
	as old
	run -3 t amas-call "${who[@]}" "$addr" add 3 4
	# its alert may get lost
	[[ $output == *': the server refuses our certificate: certificate expired (ours has expired)' ||
		$output == *': connection closed in the TLS handshake; it may refuse our certificate (ours has expired)' ]]
	still_serves
	run -3 t amas-call --cacert ca.pem "$addr" add 3 4
	[[ $output == *': the server wants a certificate '* ||
		$output == *'it may refuse our certificate (we have none)' ]]
}

# ---- 38: servers that are refused ----

# server_of NAME: starts amas-serve with NAME.pem.
server_of() {
	start amas-serve --cacert ca.pem --cert "$1.pem" --key "$1.key" \
		127.0.0.1:0 "$ADD"
}

# refuses CALL_TEXT SERVER_TEXT [OPTION...]: amas-call refuses the server.
refuses() {
	says 3 "$1" amas-call "${client[@]}" "${@:3}" "$addr" add 3 4
	heard "$2"
	logged "amas-serve: PEER: $2"
}

@test "tls: 38: a server whose certificate has expired, is not yet valid" {
	signed old "$PAST" "$PAST_END"
	signed young "$FUTURE" "$FUTURE_END"
	server_of old
	refuses 'server'\''s certificate "old" refused: certificate has expired' \
		'the client refuses our certificate: certificate expired (ours has expired)'
	server_of young
	refuses 'server'\''s certificate "young" refused: certificate is not yet valid' \
		'the client refuses our certificate: bad certificate (ours is not yet valid)'
}

@test "tls: 38: a server of another CA, or with a certificate for clients" {
	mkdir other
	amas-pki -d other -n ca
	amas-pki -d other new srv 127.0.0.1
	amas-pki -d other sign other/srv.csr
	server_of other/srv
	refuses 'server'\''s certificate "srv" refused: unable to get local issuer certificate' \
		'the client refuses our certificate: unknown CA'
	extensions='extendedKeyUsage = clientAuth\nsubjectAltName=IP:127.0.0.1' \
		signed wrong
	server_of wrong
	refuses 'server'\''s certificate "wrong" refused: unsuitable certificate purpose' \
		'the client refuses our certificate: unsupported certificate (ours is not for servers)'
}

@test "tls: 38: another name, another address" {
	serve
	refuses "server's certificate is not for elsewhere.example; it has DNS:server, DNS:localhost, IP:127.0.0.1" \
		'the client refuses our certificate: bad certificate' \
		--servername elsewhere.example
	serve
	refuses "server's certificate has no IP address SAN 10.0.0.1; it has DNS:server, DNS:localhost, IP:127.0.0.1" \
		'the client refuses our certificate: bad certificate' \
		--servername 10.0.0.1
	addr=localhost:${addr##*:}
	still_serves
}

@test "tls: 38: common names alone are good for host names, not for addresses" {
	extensions='basicConstraints = CA:FALSE' signed 127.0.0.1
	extensions='basicConstraints = CA:FALSE' signed device.example
	server_of 127.0.0.1
	refuses "server's certificate has no IP address SAN 127.0.0.1; it has the common name \"127.0.0.1\" alone" \
		'the client refuses our certificate: bad certificate'
	server_of device.example
	equal 7 "$(call --servername device.example -- add 3 4)"
	# a DNS name that looks like an address is none
	extensions='subjectAltName = DNS:127.0.0.1' signed odd
	server_of odd
	refuses "server's certificate has no IP address SAN 127.0.0.1; it has DNS:127.0.0.1" \
		'the client refuses our certificate: bad certificate'
}

@test "tls: 38: a wildcard stands for one whole label" {
	local name

	extensions='subjectAltName = DNS:*.a.example, DNS:b*.example' signed wild
	server_of wild
	equal 7 "$(call --servername x.a.example -- add 3 4)"
	for name in a.example x.y.a.example bc.example; do
		run -3 t amas-call "${client[@]}" --servername "$name" "$addr" \
			add 3 4
		[[ $output == *"is not for $name; it has DNS:"* ]]
	done
}

@test "tls: a chain with a CA between; without that, it is refused" {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-subj /CN=Root -keyout root.key -out root.pem -days 30 2>err.req
	ca=root extensions='basicConstraints = critical, CA:TRUE' signed between
	ca=between extensions='subjectAltName = IP:127.0.0.1' signed leaf
	cat leaf.pem between.pem >chain.pem
	start amas-serve --cacert root.pem --cert chain.pem --key leaf.key \
		127.0.0.1:0 "$ADD"
	equal 7 "$(t amas-call --cacert root.pem --cert chain.pem \
		--key leaf.key "$addr" add 3 4)"
	run -3 t amas-call --cacert root.pem --cert leaf.pem --key leaf.key \
		"$addr" add 3 4
	[[ $output == *'the server refuses our certificate: unknown CA' ]]
}

# chain_shown NAME: what a client with this certificate shows: subjects.
chain_shown() {
	openssl s_client -connect "${addr#tcp://}" -CAfile root.pem -showcerts \
		-cert "$1.pem" -key "$1.key" </dev/null 2>/dev/null |
		sed -n 's/^ *[0-9]* s:CN = //p'
}

@test "tls: one between us and the root is shown from --cacert; the root is not" {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-subj /CN=root -keyout root.key -out root.pem -days 30 2>err.req
	ca=root extensions='basicConstraints = critical, CA:TRUE' signed between
	ca=between extensions='subjectAltName = IP:127.0.0.1' signed leaf
	ca=root extensions='subjectAltName = IP:127.0.0.1' signed near
	cat root.pem between.pem >both.pem
	start amas-serve --cacert both.pem --cert leaf.pem --key leaf.key \
		127.0.0.1:0 "$ADD"
	equal $'leaf\nbetween' "$(chain_shown near)"
	equal 7 "$(t amas-call --cacert root.pem --cert near.pem \
		--key near.key "$addr" add 3 4)"
	start amas-serve --cacert root.pem --cert near.pem --key near.key \
		127.0.0.1:0 "$ADD"
	equal near "$(chain_shown near)"
	equal 7 "$(t amas-call --cacert both.pem --cert leaf.pem \
		--key leaf.key "$addr" add 3 4)"
	run -3 t amas-call --cacert root.pem --cert leaf.pem --key leaf.key \
		"$addr" add 3 4
}

@test "tls: openssl's own server is a foreign peer" {
	mkfifo in out
	t openssl s_server -accept 127.0.0.1:0 -CAfile ca.pem -cert server.pem \
		-key server.key -Verify 1 -verify_return_error -naccept 1 \
		<in >out 2>err.s_server 3>&- &
	caller $!
	exec 5>in 6<out
	while read -r -t "$PATIENCE" line <&6; do
		[[ $line != 'ACCEPT '* ]] || break
	done
	addr=127.0.0.1:${line##*:}
	call --timeout 20 --codec json -- add 3 4 >result 2>err.call 3>&- &
	caller $!
	# its request is on the standard output of the server
	while read -r -t "$PATIENCE" -d '}' line <&6; do
		[[ $line != *'[0, 0, ["add", [3, 4], {'* ]] || break
	done
	printf '\0\0\0\012[1, 0, 77]' >&5
	wait $!
	equal 77 "$(cat result)"
	exec 5>&- 6<&-
}

# ---- 39: what is too old ----

# s_client OPTION...: openssl's client, with the client's files.
s_client() {
	t openssl s_client -connect "${addr#tcp://}" -CAfile ca.pem \
		-cert client.pem -key client.key "$@"
}

@test "tls: 39: TLS 1.0, 1.1 and ciphers without ECDHE or AES-GCM are refused" {
	local option

	serve
	for option in -tls1 -tls1_1 '-tls1_2 -cipher AES128-GCM-SHA256' \
		'-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA'; do
		# shellcheck disable=SC2086 # two words
		run ! s_client $option </dev/null
		[[ $output == *'no peer certificate available'* ]]
	done
	equal 4 "$(grep -c 'no agreement: ' "$err")"
	s_client -tls1_2 </dev/null >out
	grep -q 'Verify return code: 0 (ok)' out
	grep -q 'Compression: NONE' out
	still_serves
}

@test "tls: 39: renegotiation is refused" {
	serve
	run ! s_client -tls1_2 <<<R
	[[ $output == *'no renegotiation'* ]]
	still_serves
}

# ---- 40, 41, 42: bytes ----

@test "tls: 40: a stalled handshake ends after 5 s, and delays nobody" {
	local stalled='no TLS handshake within 5 s'

	serve
	raw ca="$tmp/ca.pem" cert="$tmp/client.pem" key="$tmp/client.key" <<-'END'
	import ssl
	ctx = ssl.create_default_context(cafile=ca)
	ctx.load_cert_chain(cert, key)
	hello = b'\x16\x03\x01\x00\xf0\x01\x00\x00\xec\x03\x03'
	begin = time.monotonic()
	stalled = [connect() for _ in range(500)]
	for i, c in enumerate(stalled):
	    c.send(hello[:i % len(hello)])
	took = []
	for _ in range(10):
	    c = connect()
	    start_ = time.monotonic()
	    c.sock = ctx.wrap_socket(c.sock, server_hostname='127.0.0.1')
	    assert c.ask(0, 'add', 3, 4) == [1, 0, 7]
	    took.append(time.monotonic() - start_)
	assert min(took) < 0.1, took
	for c in stalled:
	    c.closed()
	assert 4.5 < time.monotonic() - begin < 15
	until(lambda: log_has(err, 'no TLS handshake'))
	END
	equal 500 "$(grep -c "$stalled" "$err")"
	still_serves
}

@test "tls: 40: of too many handshakes the oldest end" {
	ulimit -n 4000 2>/dev/null || skip 'too few descriptors'
	serve -v
	raw <<-'END'
	all = [connect() for _ in range(1024)]
	until(lambda: len(os.listdir(f'/proc/{pid}/fd')) > 1024)
	all += [connect() for _ in range(10)]
	for c in all[:10]:
	    c.closed()
	until(lambda: log_has(err, 'more than 1024 TLS handshakes: the oldest ends'))
	END
	still_serves
}

@test "tls: 41: a server that is cut off is not asked about its codec" {
	raw dir="$tmp" <<-'END'
	import ssl
	ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
	ctx.load_cert_chain(dir + '/server.pem', dir + '/server.key')
	l = socket.create_server(('127.0.0.1', 0))
	where = 'tcp://127.0.0.1:%d' % l.getsockname()[1]
	call = start('amas-call', '--cacert', dir + '/ca.pem', '--cert',
	             dir + '/client.pem', '--key', dir + '/client.key',
	             where, 'add', '3', '4')
	c = ctx.wrap_socket(l.accept()[0], server_side=True)
	assert c.recv(1)
	c.close()
	got = call.wait()
	assert got == (5, '', f'amas-call: {where}: connection cut: without the '
	               'end that TLS has\n'), got
	END
}

@test "tls: 41: an end without close_notify, and bytes after one" {
	serve -v
	raw ca="$tmp/ca.pem" cert="$tmp/client.pem" key="$tmp/client.key" <<-'END'
	import ssl
	ctx = ssl.create_default_context(cafile=ca)
	ctx.load_cert_chain(cert, key)
	def tls():
	    c = connect()
	    c.sock = ctx.wrap_socket(c.sock, server_hostname='127.0.0.1',
	                             suppress_ragged_eofs=False)
	    return c
	c = tls()
	assert c.ask(0, 'add', 3, 4) == [1, 0, 7]
	c.close()
	until(lambda: log_has(err, 'connection cut: without the end that TLS has'))
	c = tls()
	assert c.ask(0, 'add', 3, 4) == [1, 0, 7]
	plain = c.sock.unwrap()
	try:
	    plain.send(b'\x17\x03\x03\x00\x05hello')
	except OSError:
	    pass
	plain.close()
	until(lambda: log_has(err, 'closed: connection closed by peer'))
	c = tls()
	fd = socket.socket(fileno=os.dup(c.sock.fileno()))
	fd.send(b'\x17\x03\x03\x00\x20' + bytes(32))
	try:
	    assert c.sock.recv(1) == b''
	except ssl.SSLError as e:
	    assert 'bad record mac' in str(e).lower().replace('_', ' '), e
	until(lambda: log_has(err, 'no agreement: decryption failed or bad record mac'))
	END
	still_serves
}

@test "tls: 41: a flood of new keys is answered, or ends" {
	serve
	{ yes K | head -n 20000; echo Q; } >keys
	s_client -tls1_3 <keys >out 2>&1 || true
	still_serves
	raw <<-'END'
	assert memory(pid) < 200 << 20
	END
}

@test "tls: 42: what goes wrong on one connection is not another's" {
	serve
	raw ca="$tmp/ca.pem" cert="$tmp/client.pem" key="$tmp/client.key" <<-'END'
	import ssl
	ctx = ssl.create_default_context(cafile=ca)
	ctx.load_cert_chain(cert, key)
	good = connect()
	good.sock = ctx.wrap_socket(good.sock, server_hostname='127.0.0.1')
	for i in range(20):
	    good.send(request(i, 'add', i, 1)[:7])
	    bad = connect()
	    bad.send(b'\x16\x03\x01\x00\x05hello')
	    bad.end()
	    good.send(request(i, 'add', i, 1)[7:])
	    assert good.recv() == [1, i, i + 1]
	    while bad.sock.recv(100):
	        pass
	END
}

@test "tls: plain callers at a TLS port, and the reverse, are named" {
	serve
	says 5 'looks like TLS; we spoke plain (--cacert)' \
		amas-call "$addr" add 3 4
	heard 'looks like plain aiomas'
	logged 'amas-serve: PEER: the peer does not speak TLS; it looks like plain aiomas (a frame)'
	start amas-serve 127.0.0.1:0 "$ADD"
	says 3 'connection closed in the TLS handshake; is TLS spoken there? (--plain)' \
		amas-call "${client[@]}" "$addr" add 3 4
	logged 'amas-serve: PEER: looks like TLS, which is not spoken here (--cacert)'
	equal 7 "$(t env AMAS_CACERT=ca.pem amas-call --plain "$addr" add 3 4)"
}

# ---- 43, 44: files ----

# bad_files TEXT: amas-serve and amas-call with ${who[@]} end with 3 and that.
bad_files() {
	run -3 t amas-serve "${who[@]}" 127.0.0.1:0 "$ADD"
	equal "amas-serve: 127.0.0.1:0: $1" "$output"
	run -3 t amas-call "${who[@]}" 127.0.0.1:1 add 3 4
	equal "amas-call: 127.0.0.1:1: $1" "$output"
}

@test "tls: 43: files that cannot be used are named" {
	who=(--cacert none.pem --cert server.pem --key server.key)
	bad_files 'none.pem: No such file or directory'
	who=(--cacert server.key --cert server.pem --key server.key)
	bad_files 'server.key: has no certificate in it'
	who=(--cacert ca.pem --cert none.pem --key server.key)
	bad_files 'none.pem: No such file or directory'
	who=(--cacert ca.pem --cert server.key --key server.key)
	bad_files 'server.key: has no certificate in it'
	who=(--cacert ca.pem --cert server.pem --key client.key)
	bad_files 'client.key: is not the key of server.pem'
	who=(--cacert ca.pem --cert server.pem --key ca.pem)
	bad_files 'ca.pem: has no private key in it that can be read'
	openssl ec -in server.key -aes128 -passout pass:secret -out locked.key \
		2>err.ec
	who=(--cacert ca.pem --cert server.pem --key locked.key)
	bad_files 'locked.key: is encrypted, and nobody is asked for its passphrase'
	sed '3s/^...../#####/' ca.pem >bad.pem
	who=(--cacert bad.pem --cert server.pem --key server.key)
	bad_files 'bad.pem: bad base64 decode'
	if [ "$(id -u)" != 0 ]; then
		chmod 0 server.key
		who=(--cacert ca.pem --cert server.pem --key server.key)
		bad_files 'server.key: Permission denied'
	fi
}

@test "tls: 43: a key that others can read is told" {
	chmod 644 server.key
	serve
	logged 'amas-serve: server.key: others can read this key'
}

@test "tls: 44: SIGHUP with a bad certificate leaves the old one" {
	serve
	# the connection stays
	mkfifo lines answers
	t amas-call "${client[@]}" -B "$addr" <lines >answers 3>&- &
	caller $!
	exec 5>lines 6<answers
	echo '["add", [1, 2], {}]' >&5
	read -r -t "$PATIENCE" line <&6
	equal '[1, 1, 3]' "$line"
	cp server.pem good.pem
	echo garbage >server.pem
	kill -HUP "$pid"
	heard 'server.pem: has no certificate in it'
	logged 'amas-serve: server.pem: has no certificate in it'
	still_serves
	amas-pki new second 127.0.0.1
	amas-pki sign second.csr
	cp second.pem server.pem
	cp second.key server.key
	: >"$err"
	kill -HUP "$pid"
	raw ca="$tmp/ca.pem" cert="$tmp/client.pem" key="$tmp/client.key" <<-'END'
	import ssl
	ctx = ssl.create_default_context(cafile=ca)
	ctx.load_cert_chain(cert, key)
	def name():
	    with ctx.wrap_socket(connect().sock, server_hostname='127.0.0.1') as s:
	        return s.getpeercert()['subject'][0][0][1]
	until(lambda: name() == 'second')
	END
	echo '["add", [1, 3], {}]' >&5
	read -r -t "$PATIENCE" line <&6
	equal '[1, 2, 4]' "$line"
	exec 5>&- 6<&-
}

# ---- Options ----

@test "tls: half of the options is wrong use" {
	run -2 t amas-call --cert a --key b 127.0.0.1:1
	equal 'amas-call: --cert: needs --cacert or AMAS_CACERT' "$output"
	run -2 t amas-call --cacert a --cert b 127.0.0.1:1
	equal 'amas-call: --cert: needs --key or AMAS_KEY' "$output"
	run -2 t amas-call --cacert a --key b 127.0.0.1:1
	equal 'amas-call: --key: needs --cert or AMAS_CERT' "$output"
	run -2 t amas-serve --cacert ca.pem :0 "$ADD"
	equal 'amas-serve: --cacert: needs --cert and --key, to serve' "$output"
	run -2 t env AMAS_CACERT=ca.pem amas-serve :0 "$ADD"
	equal 'amas-serve: AMAS_CACERT: needs --cert and --key, to serve' "$output"
	run -2 t env AMAS_CERT=a amas-call 127.0.0.1:1
	equal 'amas-call: AMAS_CERT: needs --key or AMAS_KEY' "$output"
	run -2 t amas-call --plain --cacert ca.pem 127.0.0.1:1
	equal 'amas-call: --cacert: does not go with --plain' "$output"
	run -2 t amas-call --cacert ca.pem ./s
	equal 'amas-call: --cacert: TLS is for tcp alone' "$output"
	run -2 t amas-serve --keylog x ./s "$ADD"
	equal 'amas-serve: --keylog: TLS is for tcp alone' "$output"
	run -2 t amas-call --cacert ca.pem --exec cat
	equal 'amas-call: --cacert: TLS is for tcp alone' "$output"
	run -2 t amas-serve --allow x --channel :0
	equal 'amas-serve: --allow: does not go with --channel: there are no paths' \
		"$output"
}

@test "tls: each option has its own default" {
	serve
	ours=(--cacert ca.pem)
	export AMAS_KEY=client.key AMAS_CERT=none.pem
	run -0 --separate-stderr t amas-call "${ours[@]}" --cert client.pem \
		"$addr" add 3 4
	equal 7 "$output$stderr"
	export AMAS_KEY=none.key AMAS_CERT=client.pem
	run -0 --separate-stderr t amas-call "${ours[@]}" --key client.key \
		"$addr" add 3 4
	equal 7 "$output$stderr"
}

@test "tls: unix sockets take no notice of the environment" {
	export AMAS_CACERT=ca.pem AMAS_CERT=server.pem AMAS_KEY=server.key
	start amas-serve ./s "$ADD"
	equal 7 "$(AMAS_CACERT=none t amas-call "$addr" add 3 4)"
	equal 7 "$(t amas-serve --listen 127.0.0.1:0 \
		--run 'amas-call "$AMAS_ADDR" add 3 4' ./t "$ADD")"
}

@test "tls: handlers have the caller's name, and no key" {
	export AMAS_CACERT=ca.pem AMAS_CERT=server.pem AMAS_KEY=server.key
	start amas-serve --on-connect 'echo "$AMAS_PEER_NAME" >>names' \
		127.0.0.1:0 'env=text:env' \
		'peers=exec:amas-call "$AMAS_PARENT" amas/peers | jq -r ".[0].name"'
	run -0 call -r -- env
	[[ $output == *'AMAS_PEER_NAME=client'* ]]
	[[ $output != *'AMAS_KEY'* && $output != *'AMAS_C'* ]]
	equal '"client"' "$(call -- peers)"
	equal client "$(head -n 1 names)"
}

@test "tls: a connection that is there already does not begin TLS" {
	t "$(python)" - "${ours[@]}" <<-'END'
	import socket, subprocess, sys
	one = socket.create_server(('127.0.0.1', 0))
	two = socket.create_connection(one.getsockname())
	three, _ = one.accept()
	def serve(*options):
	    return subprocess.Popen(
	        ['amas-serve', *options, 'fd:%d' % three.fileno(), 'f=exec:echo 1'],
	        pass_fds=[three.fileno()], stdout=subprocess.DEVNULL,
	        stderr=subprocess.PIPE, text=True)
	p = serve(*sys.argv[1:])
	assert p.communicate()[1].endswith('is there already (--plain)\n')
	assert p.returncode == 2
	p = serve()
	three.close()
	two.close()
	p.communicate()
	assert p.returncode == 0
	END
}

@test "tls: --allow says who may call what" {
	printf '%s\n' '# who  what' '' 'client add' '*	pub/*' 'nobody *' >allow
	start amas-serve "${ours[@]}" --allow allow 127.0.0.1:0 "$ADD" \
		'who=exec:echo "$AMAS_PEER_NAME"' 'pub/x=exec:echo "$0"'
	equal 7 "$(call -- add 3 4)"
	run -1 --separate-stderr call -- who
	equal 'PermissionError: "client" may not call "who"' \
		"$(last_line "$stderr")"
	run -1 --separate-stderr call -- amas/list
	equal 'PermissionError: "client" may not call "amas/list"' \
		"$(last_line "$stderr")"
	run -1 --separate-stderr t amas-call "${ours[@]}" "$addr" add 3 4
	equal 'PermissionError: "server" may not call "add"' \
		"$(last_line "$stderr")"
	equal '"pub/x"' "$(t amas-call "${ours[@]}" "$addr" pub/x)"
	echo 'client who' >allow
	kill -HUP "$pid"
	raw ca="$tmp/ca.pem" cert="$tmp/client.pem" key="$tmp/client.key" <<-'END'
	import ssl
	ctx = ssl.create_default_context(cafile=ca)
	ctx.load_cert_chain(cert, key)
	c = connect()
	c.sock = ctx.wrap_socket(c.sock, server_hostname='127.0.0.1')
	until(lambda: c.ask(0, 'who')[0] == 1)
	END
	run -1 call -- add 3 4
	echo 'client' >allow
	kill -HUP "$pid"
	heard 'allow:1: is no NAME GLOB'
	equal '"client"' "$(call -- who)"
}

@test "tls: --allow: a caller without TLS has no name" {
	echo '* pub' >allow
	start amas-serve --allow allow ./s "$ADD" 'pub=exec:echo all'
	equal '"all"' "$(t amas-call "$addr" pub)"
	run -1 --separate-stderr t amas-call "$addr" add 3 4
	equal 'PermissionError: who shows no certificate may not call "add"' \
		"$(last_line "$stderr")"
}

@test "tls: --allow: a file that is wrong, or not there, is said at the start" {
	echo 'client' >allow
	run -4 t amas-serve --allow allow ./s "$ADD"
	equal 'amas-serve: allow:1: is no NAME GLOB' "$output"
	run -6 t amas-serve --allow none ./s "$ADD"
	equal 'amas-serve: none: No such file or directory' "$output"
}

@test "tls: --allow holds for agents, and on connections that they made" {
	need_peer
	mkdir agent
	printf '#!/bin/sh\necho told\n' >agent/tell
	printf '#!/bin/sh\namas-call -- "$1" spam 1\n' >agent/ask
	chmod +x agent/*
	printf '%s\n' 'client validate_aid' 'client agents/0/*' >allow
	start amas-container "${ours[@]}" --allow allow 127.0.0.1:0 a:2=./agent
	equal '"told"' "$(t amas-call "${client[@]}" "${addr}0" tell)"
	run -1 --separate-stderr t amas-call "${client[@]}" "${addr}1" tell
	equal 'PermissionError: "client" may not call "agents/1/tell"' \
		"$(last_line "$stderr")"
	run -1 t amas-call "${ours[@]}" "${addr}0" tell
}

@test "tls: --keylog lets a capture be read" {
	serve --keylog keys
	call --keylog own -- add 3 4
	grep -q '^CLIENT_TRAFFIC_SECRET_0 ' keys
	equal "$(sort keys)" "$(sort own)"
	equal 600 "$(stat -c %a keys)"
}

@test "tls: -B: calls that a refused caller made were not made" {
	serve
	printf '["add", [1, 2], {}]\n["add", [3, 4], {}]\n' >lines
	run -3 --separate-stderr t amas-call --cacert ca.pem -B "$addr" <lines
	[[ $output != *'outcome unknown'* ]]
	[[ $stderr == *'the server wants a certificate'* ]]
	run -3 t amas-call -w 20 --cacert ca.pem -B "$addr" <lines
}

@test "tls: -t ends a handshake that does not go on" {
	t "$(python)" - "${client[@]}" <<-'END'
	import socket, subprocess, sys
	one = socket.create_server(('127.0.0.1', 0))
	p = subprocess.run(['amas-call', '-t', '0.3', *sys.argv[1:],
	                    '127.0.0.1:%d' % one.getsockname()[1], 'f'],
	                   stderr=subprocess.PIPE, text=True)
	assert p.returncode == 124, p
	assert p.stderr.endswith('passed while agreeing on TLS\n'), p
	END
}

@test "tls: the programs do not load OpenSSL before it is wanted" {
	local p

	for p in amas-serve amas-call amas-container; do
		run ! grep -q 'libssl\|libcrypto' < <(readelf -d "$AMAS_BUILD/$p")
	done
	serve
	run ! grep -q libssl < <(t amas-serve --run 'cat /proc/$PPID/maps' :0 "$ADD")
}

@test "tls: amas-clock drives containers over TLS" {
	start amas-container --manager --clock external "${ours[@]}" 127.0.0.1:0
	equal '1 2' "$(t amas-clock "${client[@]}" run --until 2 "$addr" |
		jq .time | paste -sd ' ')"
	run -5 t amas-clock run --until 2 "$addr" # plain
}
