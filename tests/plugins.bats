# Plugins: shared objects that are served, and codecs of one's own.  The one
# that works is tests/examples/stats_plugin.c, the faulty ones are made from
# tests/plugins/odd.c.

load helper
load tools/raw

setup() {
	make_tmp
	umask 022
	mkdir "$tmp/p"	# nobody else can write there
	cp "$AMAS_BUILD"/tests/examples/*.so "$AMAS_BUILD"/tests/plugins/*.so \
		"$tmp/p"
	stats=$tmp/p/stats_plugin.so
	fnv=$tmp/p/codec_plugin.so
}

# gives RESULT FUNCTION ARG...: the call succeeds with that JSON.
gives() {
	run --separate-stderr t amas-call "$addr" "${@:2}"
	equal "0 $1" "$status $output$stderr"
}

# fails TEXT FUNCTION ARG...: the call fails with exactly that text.
fails() {
	run --separate-stderr t amas-call "$addr" "${@:2}"
	equal "1 Origin: $addr
$1" "$status $output$stderr"
}

# refused STATUS CAUSE WORD...: amas-serve does not even listen.
refused() {
	run --separate-stderr t amas-serve "$tmp/refused" "${@:3}"
	equal "$1 amas-serve: $2" "$status $output$stderr"
	[ ! -e "$tmp/refused" ]
}

# python_client <<'END': a script with aiomas, asyncio and an open connection.
python_client() {
	{
		cat <<-'END'
		import asyncio, os, sys
		sys.path.insert(0, os.environ['AMAS_ROOT'] + '/tests/peer')
		from aiomas_compat import aiomas
		from peer import parse_addr

		class Client:
		    router = aiomas.rpc.Service()

		    @aiomas.expose
		    def get_client_name(self):
		        return self.name

		async def client(name='Monty'):
		    c = Client()
		    c.name = name
		    c.rpc = await aiomas.rpc.open_connection(
		        parse_addr(sys.argv[1]), rpc_service=c)
		    return c

		END
		cat
		cat <<-'END'

		loop = asyncio.get_event_loop_policy().get_event_loop()
		loop.run_until_complete(main())
		END
	} >"$tmp/client.py"
	run -0 t "$AMAS_VENV/bin/python" "$tmp/client.py" "$addr"
}

# --- Served ---

@test "plugin: served under a name" {
	start amas-serve "$tmp/s" stats="$stats"
	gives 7 stats/add 3 4
	gives '[["a", 1], ["b", 2]]' stats/util/pairs '{"a": 1, "b": 2}'
	fails 'LookupError: Name "add" not found in ""' add 3 4
	fails 'LookupError: Name "nope" not found in "stats"' stats/nope
	fails 'LookupError: Name "nope" not found in "stats/util"' \
		stats/util/nope
	fails 'LookupError: Name "more" not found in "stats/add"' \
		stats/add/more
	fails "TypeError: 'stats' is a service, not a function" stats
	fails "TypeError: 'stats/util' is a service, not a function" stats/util
}

@test "plugin: served as the root, where no name is given" {
	start amas-serve "$tmp/s" "$stats" 'up=exec:echo up'
	gives 7 add 3 4
	gives '[]' util/pairs '{}'
	gives '"up"' up
	fails 'LookupError: Name "nope" not found in ""' nope
}

@test "plugin: served by a path without a slash, and by a link" {
	ln -s "$stats" "$tmp/p/link.so"
	cd "$tmp/p"
	start amas-serve "$tmp/s" a=stats_plugin.so b=link.so
	gives 7 a/add 3 4
	gives 7 b/add 3 4
}

@test "plugin: two names, one state" {
	start amas-serve "$tmp/s" a="$stats" b/c="$stats"
	raw <<-'END'
	waits, tells = connect(), connect()
	waits.call(0, 'a/news')
	waits.taken()
	assert tells.ask(0, 'b/c/tell', 'hello') == [1, 0, 1]
	assert waits.recv() == [1, 0, 'hello']
	END
}

@test "plugin: arguments are judged by its formats" {
	start amas-serve "$tmp/s" "$stats"
	fails 'TypeError: add: too few elements' add 3
	fails 'TypeError: add: too many elements' add 3 4 5
	fails 'TypeError: add: [1]: text, not an integer' add 3 ==4
	fails 'OverflowError: over 64 bits' add 9223372036854775807 1
	run -1 --separate-stderr t amas-call "$addr" add 3 4 k=1
}

@test "plugin: values as jansson's and back" {
	start amas-serve "$tmp/s" "$stats"
	gives '{"n": 3, "mean": 3.0}' mean '[1, 2, 6]'
	gives '{"n": 0, "mean": 0.0}' mean '[]'
	fails 'TypeError: jansson cannot hold NaN (at [0][0])' mean ':=[NaN]'
	run -1 --separate-stderr t amas-call "$addr" mean
	equal 'TypeError: Array index 0 out of range' "$(last_line "$stderr")"
}

@test "plugin: called by Python aiomas" {
	need_peer
	start amas-serve "$tmp/s" stats="$stats"
	python_client <<-'END'
	async def main():
	    stats = (await client()).rpc.remote.stats
	    print(await stats.add(3, 4), await stats.mean([1, 2, 6]))
	    print(await stats.util.pairs({'a': [None, 2.5, 'ä']}))
	    try:
	        await stats.add(3)
	    except aiomas.RemoteException as e:
	        print(e.remote_traceback)
	END
	equal "7 {'n': 3, 'mean': 3.0}
[['a', [None, 2.5, 'ä']]]
TypeError: stats/add: too few elements" "$output"
}

# --- Later answers ---

@test "plugin: answers that come later, on any connection" {
	start amas-serve "$tmp/s" "$stats"
	raw <<-'END'
	peers = [connect() for i in range(4)]
	for i, c in enumerate(peers):
	    for k in 1, 2:
	        c.call(10 * i + k, 'news')
	    c.taken()
	full = connect()
	assert full.ask(0, 'news') == [2, 0, 'RuntimeError: too many wait']
	assert full.ask(1, 'tell', 'ok') == [1, 1, 8]
	for i, c in enumerate(peers):
	    assert [c.recv() for k in (1, 2)] == \
	        [[1, 10 * i + k, 'ok'] for k in (1, 2)]
	    c.quiet()
	assert full.ask(2, 'tell', 'ok') == [1, 2, 0]
	END
	logged
}

@test "plugin: a caller that is gone leaves its place" {
	start amas-serve "$tmp/s" "$stats"
	raw <<-'END'
	for round in range(3):
	    c = connect()
	    for i in range(8):
	        c.call(i, 'news')
	    c.taken()
	    c.close()
	    last = connect()
	    until(lambda: last.ask(0, 'tell', 'x') == [1, 0, 0], 'free places')
	END
	logged
}

@test "plugin: what it keeps is answered when the server ends" {
	start amas-serve "$tmp/s" "$stats"
	raw <<-'END'
	c = connect()
	c.call(0, 'news')
	c.taken()
	os.kill(pid, 15)
	kind, id, text = c.recv()
	assert (kind, id) == (2, 0) and text, text
	c.closed()
	END
	ended "$pid" 0
}

# --- Calls of the caller ---

@test "plugin: asks a Python client for its name" {
	need_peer
	start amas-serve "$tmp/s" plug="$stats"
	python_client <<-'END'
	async def main():
	    clients = [await client(name) for name in ('Monty', 'Ann', 'Bob')]
	    print(await asyncio.gather(*[c.rpc.remote.plug.server_method(c)
	                                 for c in clients]))
	    c = await client(5)  # no text
	    for arg in c, 'x':
	        try:
	            await c.rpc.remote.plug.server_method(arg)
	        except aiomas.RemoteException as e:
	            print(e.remote_traceback)
	END
	equal "['Client name is \"Monty\"', 'Client name is \"Ann\"', 'Client name is \"Bob\"']
TypeError: a name is text
TypeError: plug/server_method: [0]: text, not a proxy" "$output"
}

@test "plugin: asks a C client for its name" {
	start amas-serve "$tmp/s" "$stats"
	run -0 t "$AMAS_BUILD/tests/examples/callback" "$addr"
	equal 'Server reply: Client name is "Monty"' "$output"
}

@test "plugin: a caller that fails its callback, or goes before it" {
	start amas-serve "$tmp/s" "$stats"
	raw <<-'END'
	proxy = {'__type__': [0, '']}

	def called_back():
	    c = connect()
	    c.call(7, 'server_method', proxy)
	    kind, id, (path, args, kwargs) = c.recv()
	    assert (kind, path, args, kwargs) == \
	        (0, 'get_client_name', [], {}), path
	    return c, id

	c, id = called_back()
	c.send(frame([2, id, 'ValueError: I have none']))
	kind, id, text = c.recv()
	assert (kind, id, text) == \
	    (2, 7, 'RuntimeError: no client name: ValueError: I have none')
	c, id = called_back()
	c.close()
	c, id = called_back()
	c.send(frame([1, id, 'Ann']))
	assert c.recv() == [1, 7, 'Client name is "Ann"']
	END
	logged
}

# --- Faults ---

@test "plugin: one that is not to be trusted, or none, is refused" {
	chmod 644 "$tmp/p/stats_plugin.so"
	refused 6 "$stats: is not executable" "$stats"
	chmod 757 "$tmp/p/stats_plugin.so"
	refused 6 "$stats: others can write it" "$stats"
	refused 6 "x=$stats: others can write it" x="$stats"
	chmod 755 "$tmp/p/stats_plugin.so"
	chmod 777 "$tmp/p"
	refused 6 "$stats: $tmp/p: others can write it" "$stats"
	refused 6 "$tmp/none.so: No such file or directory" "$tmp/none.so"
	chmod 755 "$tmp/p"
	ln -s nowhere "$tmp/p/dangling.so"
	refused 6 "$tmp/p/dangling.so: No such file or directory" \
		"$tmp/p/dangling.so"
}

@test "plugin: --allow-writable serves one that others can write" {
	chmod 757 "$tmp/p/stats_plugin.so"
	start amas-serve --allow-writable "$tmp/s" "$stats"
	gives 7 add 3 4
}

@test "plugin: one that cannot be loaded is refused, and why" {
	refused 6 "$tmp/p/symbol.so: undefined symbol: amas_no_such_function" \
		"$tmp/p/symbol.so"
	refused 6 "$tmp/p/other.so: undefined symbol: amas_plugin" \
		"$tmp/p/other.so"
	printf '#!/bin/sh\n' >"$tmp/p/text.so"
	chmod +x "$tmp/p/text.so"
	run -6 --separate-stderr t amas-serve "$tmp/refused" "$tmp/p/text.so"
	[[ $stderr == "amas-serve: $tmp/p/text.so: "?* ]]
	equal 1 "${#stderr_lines[@]}"
}

@test "plugin: one that crashes while it is loaded ends the server unannounced" {
	run -134 --separate-stderr t amas-serve "$tmp/refused" good="$stats" \
		"$tmp/p/crash.so"
	equal '' "$output"
	[ ! -e "$tmp/refused" ]
}

@test "plugin: one for another version is refused, and which" {
	abi=$(sed -n 's/^#define AMAS_ABI \([0-9]*\).*/\1/p' \
		"$AMAS_ROOT/lib/amas.h")
	version=$(amas-serve --version)
	refused 6 "$tmp/p/abi.so: made for ABI $((abi + 1)); this is amas ${version##* } with ABI $abi" \
		"$tmp/p/abi.so"
}

@test "plugin: one that refuses is refused in its own words" {
	refused 6 "$tmp/p/open.so: no licence found" "$tmp/p/open.so"
	refused 6 "$tmp/p/silent.so: protocol error" "$tmp/p/silent.so"
}

@test "plugin: one whose content is wrong is refused" {
	refused 6 "$tmp/p/names.so: its functions: bad name" "$tmp/p/names.so"
	refused 6 "$tmp/p/twice.so: its functions: name \"nothing\" is taken" \
		"$tmp/p/twice.so"
	refused 6 "$tmp/p/empty.so: has no functions" "$tmp/p/empty.so"
	refused 6 "$fnv: has no functions" "$fnv"
	refused 6 "$tmp/p/codec.so: its codec lacks encode or decode" \
		"$tmp/p/codec.so"
}

@test "plugin: two for one place are refused" {
	refused 2 "$stats: two sources for one place" "$stats" "$stats"
	refused 2 "x=$stats: name \"x\" is taken" x="$stats" x="$stats"
}

@test "plugin: what stands beside a faulty one is not served, either" {
	refused 6 "$tmp/p/open.so: no licence found" good="$stats" \
		"$tmp/p/open.so"
}

@test "plugin: a count is none of its things" {
	refused 2 "x:2=$stats: takes no count" x:2="$stats"
}

# --- Codecs ---

@test "plugin: a codec on both ends" {
	start amas-serve --codec "$fnv" "$tmp/s" stats="$stats" 'up=exec:echo UP'
	run -0 t amas-call --codec "$fnv" "$addr" stats/util/pairs \
		'{"a": [null, 2.5, "ä", 10000000000000000000000]}'
	equal '[["a", [null, 2.5, "ä", 10000000000000000000000]]]' "$output"
	run -0 t amas-call --codec "$fnv" "$addr" up
	equal '"UP"' "$output"
	run -0 t amas-call --codec "$fnv" -B "$addr" <<-'END'
		["stats/add", [1, 2], {}]
		["stats/add", [3, 4], {}]
	END
	equal $'[1, 1, 3]\n[1, 2, 7]' "$output"
}

@test "plugin: a codec by the environment, by a path that is relative" {
	cd "$tmp/p"
	export AMAS_CODEC=./codec_plugin.so
	start amas-serve "$tmp/s" "$stats"
	gives 7 add 3 4
}

@test "plugin: a codec's frames are its own" {
	start amas-serve --codec "$fnv" "$tmp/s" "$stats"
	raw <<-'END'
	def fnv(data):
	    h = 2166136261
	    for byte in data:
	        h = (h ^ byte) * 16777619 & 0xffffffff
	    return struct.pack('>I', h) + data

	c = connect()
	c.send(frame(fnv(b'[0, 5, ["add", [3, 4], {}]]')))
	assert c.recv_raw() == fnv(b'[1, 5, 7]')
	c.send(frame(b'\0\0\0\0[0, 6, ["add", [3, 4], {}]]'))
	c.closed()
	END
	logged 'amas-serve: PEER: no json-fnv: wrong checksum'
}

@test "plugin: a codec that one end alone has" {
	start amas-serve --codec "$fnv" "$tmp/s" "$stats"
	run -5 --separate-stderr t amas-call "$addr" add 3 4
	equal "amas-call: $addr: connection closed by peer; is --codec right?" \
		"$output$stderr"
	logged 'amas-serve: PEER: no json-fnv: wrong checksum; the peer seems to speak json'
	stop
	start amas-serve "$tmp/s" "$stats"
	run -5 --separate-stderr t amas-call --codec "$fnv" "$addr" add 3 4
	equal "amas-call: $addr: connection closed by peer; is --codec right?" \
		"$output$stderr"
	logged 'amas-serve: PEER: no json: expected a value at offset 0'
}

# no_codec CAUSE CODEC: both programs refuse it as wrong use.
no_codec() {
	run -2 --separate-stderr t amas-serve --codec "$2" "$tmp/refused" x=exec:y
	equal "amas-serve: --codec: $2: $1" "$output$stderr"
	run -2 --separate-stderr t amas-call --codec "$2" "$tmp/nobody" x
	equal "amas-call: --codec: $2: $1" "$output$stderr"
}

@test "plugin: a codec that is none" {
	no_codec 'has no codec' "$stats"
	no_codec 'its codec lacks encode or decode' "$tmp/p/codec.so"
	no_codec 'No such file or directory' "$tmp/p/none.so"
	no_codec 'is a folder' "$tmp/p"
	no_codec 'no codec of that name; there are json, msgpack, msgpack-blosc and ./NAME.so' \
		codec_plugin.so
	chmod 757 "$fnv"
	no_codec 'others can write it' "$fnv"
}

@test "plugin: a codec need not be executable" {
	chmod 644 "$fnv"
	start amas-serve --codec "$fnv" "$tmp/s" "$stats"
	run -0 t amas-call --codec "$fnv" "$addr" add 3 4
	equal 7 "$output"
}

# --- What programs offer to plugins ---

# symbols FILE: amas's, that it offers.
symbols() {
	nm -D --defined-only "$1" | sed -n 's/.* [TR] \(amas_[a-z]\)/\1/p' | sort
}

@test "plugin: every program exports the whole library" {
	symbols "$AMAS_BUILD/libamas.so.0" >"$tmp/library"
	grep -q '^amas_value_to_json$' "$tmp/library"
	grep -q '^amas_proxy_call$' "$tmp/library"
	for program in amas-serve amas-call; do
		symbols "$AMAS_BUILD/$program" >"$tmp/$program"
		diff "$tmp/library" "$tmp/$program"
	done
}
