# amas-pki: what it makes, what it refuses to sign and to replace.

load helper

setup() {
	make_tmp
	command -v openssl >/dev/null || skip 'no openssl'
	cd "$tmp"
}

# text FILE: what a certificate says.
text() {
	openssl x509 -in "$1" -noout -text
}

@test "amas-pki: keys are for their owner alone, certificates for what is said" {
	umask 022
	run -0 --separate-stderr amas-pki -n ca 'Our CA'
	equal '' "$output$stderr"
	run -0 --separate-stderr amas-pki new a.example '*.b.example' 192.0.2.1 ::1
	equal '' "$output$stderr"
	run -0 --separate-stderr amas-pki sign a.example.csr
	equal 'a.example.pem: a.example, DNS:a.example, DNS:*.b.example, IP:192.0.2.1, IP:0:0:0:0:0:0:0:1' \
		"$output"
	equal '' "$stderr"
	equal '600 600 644 644' "$(stat -c %a ca.key a.example.key ca.pem \
		a.example.pem | paste -sd ' ')"
	text ca.pem >ca
	grep -q 'CA:TRUE, pathlen:0' ca
	grep -q 'Certificate Sign, CRL Sign' ca
	text a.example.pem >one
	grep -q 'CA:FALSE' one
	grep -q 'TLS Web Server Authentication, TLS Web Client Authentication' one
	openssl verify -x509_strict -CAfile ca.pem a.example.pem
	# a year, and ten
	openssl x509 -in a.example.pem -noout -checkend $((364 * 86400))
	run ! openssl x509 -in a.example.pem -noout -checkend $((366 * 86400))
	openssl x509 -in ca.pem -noout -checkend $((3649 * 86400))
	equal '' "$(find . -name '.amas-pki*')"
}

@test "amas-pki: the key of the CA has a passphrase" {
	echo secret >pass
	amas-pki -p pass ca
	grep -q ENCRYPTED ca.key
	amas-pki new x
	amas-pki --passphrase=pass --days 7 sign x.csr
	openssl verify -CAfile ca.pem x.pem
	run ! openssl x509 -in x.pem -noout -checkend $((8 * 86400))
	echo wrong >pass
	amas-pki new y
	run -6 amas-pki -p pass sign y.csr
	[ ! -e y.pem ]
	equal 'ca.key: key, encrypted' "$(amas-pki show ca.key)"
}

# /proc: where root cannot write, either.
@test "amas-pki: a folder that cannot be written to" {
	local command

	amas-pki -n ca
	amas-pki new x
	for command in 'ca' 'new y'; do
		# shellcheck disable=SC2086 # words
		run -6 --separate-stderr amas-pki -n -d /proc $command
		equal '' "$output"
		[[ $stderr == 'amas-pki: /proc: cannot be written to: '[A-Z]* ]]
		equal 1 "$(wc -l <<<"$stderr")"
	done
	run -0 amas-pki -d /proc show x.csr
}

@test "amas-pki: nothing is replaced" {
	amas-pki -n ca
	amas-pki new x
	amas-pki sign x.csr
	md5sum ca.* x.* >before
	run -6 amas-pki -n ca
	equal 'amas-pki: ./ca.key: exists already' "$output"
	run -6 amas-pki new x
	equal 'amas-pki: ./x.key: exists already' "$output"
	run -6 amas-pki sign x.csr
	equal 'amas-pki: x.pem: exists already' "$output"
	md5sum --quiet -c before
}

# request EXTENSIONS: makes bad.csr that asks for them.
request() {
	rm -f bad.pem
	printf '[req]\ndistinguished_name = dn\nreq_extensions = ext\n' >conf
	printf 'prompt = no\n[dn]\nCN = bad\n[ext]\n%s\n' "$1" >>conf
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-config conf -keyout bad.key -out bad.csr 2>err
}

@test "amas-pki: a request gets names, and nothing else that it asks for" {
	amas-pki -n ca
	request $'basicConstraints = critical, CA:TRUE\nkeyUsage = keyCertSign\nsubjectAltName = DNS:bad'
	amas-pki sign bad.csr
	text bad.pem >bad
	grep -q 'CA:FALSE' bad
	run ! grep -q 'Certificate Sign' bad
	request 'subjectAltName = email:root@example.org'
	run -4 amas-pki sign bad.csr
	[[ $output == 'amas-pki: bad.csr: '*'email:root@example.org' ]]
	request 'subjectAltName = URI:http://x, DNS:y'
	run -4 amas-pki sign bad.csr
	request 'keyUsage = digitalSignature'
	run -4 amas-pki sign bad.csr
	equal 'amas-pki: bad.csr: has no subject alternative name' "$output"
	sed -i '3s/^...../AAAAA/' bad.csr
	run -6 amas-pki sign bad.csr
	[ ! -e bad.pem ]
	run -4 amas-pki sign /etc/passwd
	equal 'amas-pki: /etc/passwd: is no request' "$output"
}

@test "amas-pki: names that are none are wrong use" {
	local name

	for name in ../x /x .x '' 'a b' 'a;b' 'a$b' -; do
		run -2 amas-pki -- new "$name"
	done
	for name in 'a b' 'a,DNS:b' 'a/b' ''; do
		run -2 amas-pki new ok "$name"
	done
	run -2 amas-pki -n ca 'CA $x'
	run -2 amas-pki --days 0 ca
	run -2 amas-pki --days x ca
	run -2 amas-pki
	run -2 amas-pki sing
	run -2 amas-pki --sing
	equal 'amas-pki: --sing: no such option' "$output"
	run -6 amas-pki -d none ca
	equal '' "$(ls)"
}

@test "amas-pki: show says what is wrong" {
	amas-pki -n ca 'Our CA'
	amas-pki new x 127.0.0.1
	amas-pki sign x.csr
	chmod 644 x.key
	amas-pki show x.pem x.csr x.key >out
	grep -qx '	for	DNS:x, IP Address:127.0.0.1' out
	grep -qx '	by	Our CA' out
	grep -qx 'x.csr: request' out
	grep -qx '	!	others can read it' out
	echo x >none
	run -4 amas-pki show none
	equal 'amas-pki: none: is no certificate, request or key' "$output"
}
