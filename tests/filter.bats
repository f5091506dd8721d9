# Line filters, and what stays in served folders.  Numbers are those of the list
# of faults.

load helper
load tools/calls
load tools/raw

setup() {
	make_tmp
	umask 022
	mkdir "$tmp/s"
	options=(-s)
}

# put NAME: makes an executable of standard input in the served folder, as one
# replaces a file: by renaming.
put() {
	cat >"$tmp/s/.new"
	chmod 755 "$tmp/s/.new"
	mv "$tmp/s/.new" "$tmp/s/$1"
}

# serve SOURCE...
serve() {
	start amas-serve "$tmp/socket" "$@"
}

# gone PID: waits until that process is gone.
gone() {
	local i
	for ((i = 0; i < 500; i++)); do
		if ! kill -0 "$1" 2>/dev/null ||
		    grep -qs '^State:.*zombie' "/proc/$1/status"; then
			return 0
		fi
		read -r -t 0.02 _ <><(:) || :
	done
	echo "process $1 lives" >&2
	return 1
}

# A filter that tells its process, and obeys: a line is read, and then...
ODD='while read -r x; do case $x in
	pid) echo $$ ;;
	two) echo 1; echo 2 ;;
	late) echo 1; read -r x <"$PWD/go"; echo 2 ;;
	stray) (read -r x <"$PWD/go"; echo 2) <&0 & echo 1 ;;
	hang) exec sleep 1000 ;;
	wait) read -r x <"$PWD/go"; echo "waited $x" ;;
	part) printf abc; exit 0 ;;
	last) echo last; exit 3 ;;
	end) exit 3 ;;
	kill) kill -9 $$ ;;
	close) exec >&-; exec sleep 1000 ;;
	long) head -c "$n" /dev/zero | tr "\0" x; echo ;;
	*) echo "<$x>" ;;
esac; done'

# odd [OPTION...]: serves it.
odd() {
	cd "$tmp"
	mkfifo go
	start amas-serve "$@" "$tmp/socket" "odd=filter:$ODD"
}

# --- Calls ---

@test "filter: bc, sed and jq are functions" {
	serve 'calc=filter:BC_LINE_LENGTH=0 bc -lq' \
		'up=filter:sed -u s/./X/g' \
		'type=filter:jq --unbuffered -c "map(type)"'
	gives 1267650600228229401496703205376 calc '2^100'
	gives 0.5 calc '1/2'
	gives '"XXXXX"' up hello
	options=()
	gives '["object"]' type '{"b":1,"a":2}'
	gives '["number", "string"]' type 5 b
}

@test "filter: what answers with two lines fails, and the next gets its own" {
	serve 'calc=filter:BC_LINE_LENGTH=0 bc -lq'
	local n
	for n in {1..20}; do
		fails 'calc: more than one line for one call' calc '1;2;3'
		gives "$n" calc "$n"
	done
	raw <<-'END'
	c = connect()
	for i in range(0, 200, 2):
	    c.call(i, 'calc', '1;2;3')
	    c.call(i + 1, 'calc', str(i + 1))
	for i in range(200):
	    kind, id, result = c.recv()
	    if id % 2:
	        assert (kind, result) == (1, id), (kind, id, result)
	    else:
	        assert kind == 2, (kind, id, result)
	END
}

@test "filter: pipelines and programs with threads are kept in step too" {
	serve 'pipe=filter:cat | sed -u "s/^2$/2\n2/" | sed -u "s/^/x/"' \
		'threads=filter:exec python3 -u -c "
import sys, threading
def answer():
    for line in sys.stdin:
        print(\"x\" + line, end=\"\")
        if line == \"2\n\":
            print(line, end=\"\")
threading.Thread(target=answer).start()"'
	local f
	for f in pipe threads; do
		gives '"x1"' $f 1
		fails "$f: more than one line for one call" $f 2
		gives '"x3"' $f 3
		gives '"x4"' $f 4
	done
}

@test "filter: a hundred callers at once get their own answers" {
	serve 'up=filter:sed -u s/^/x/'
	raw <<-'END'
	cs = [connect() for i in range(100)]
	for n in range(5):
	    for i, c in enumerate(cs):
	        c.call(n, 'up', '%d-%d' % (i, n))
	for i, c in enumerate(cs):
	    for n in range(5):
	        assert c.recv() == [1, n, 'x%d-%d' % (i, n)]
	END
}

@test "filter: a scalar is its text, anything else the arguments as JSON" {
	start amas-serve --codec msgpack "$tmp/socket" 'same=filter:sed -u s/^/:/'
	options=(--codec msgpack)
	gives '":hello \"x\" $(id)"' same 'hello "x" $(id)'
	gives '":5"' same 5
	gives '":null"' same null
	gives '":true"' same true
	gives '":1.5"' same 1.5
	gives '":"' same ==
	gives '":AAE="' same :bytes=AAE=
	gives '":[]"' same
	gives '":[1, \"b\"]"' same 1 b
	gives '":[[1]]"' same '[1]'
	gives '":[{\"k\": \"a\\nb\"}]"' same :='{"k":"a\nb"}'
}

@test "filter: its line is the result by the rule of text" {
	serve 'cat=filter:sed -u ""'
	gives 5 cat 5
	gives '"007"' cat 007
	gives null cat null
	gives '""' cat ''
	gives '[1, {"a": 2}]' cat '[1,{"a":2}]'
	call cat '[1,'
	equal 1 "$status"
	[[ $stderr == *$'\ncat: result: '* ]]
	gives '"on"' cat on
	# One that is no UTF-8.
	stop
	serve 'bad=filter:sed -u "s/.*/\xff/"'
	fails 'bad: result: invalid UTF-8 at offset 0' bad x
}

@test "filter: 24: what cannot be one line is refused, and the process unharmed" {
	odd
	call odd pid
	local p=$output
	options=()
	fails 'odd: argument has a newline at offset 1, and a call is one line' \
		odd :='"a\nb"'
	fails 'odd: argument has a NUL at offset 2, which no line can have' \
		odd :='"ab\u0000"'
	fails 'odd: a filter takes no keyword arguments' odd x k=1
	fails 'LookupError: Name "x" not found in "odd"' odd/x
	gives "$p" odd pid
}

# --- Ends ---

@test "filter: it starts at the first call, and one process answers all" {
	serve "f=filter:echo x >>$tmp/starts; exec sed -u s/^/x/"
	[ ! -e "$tmp/starts" ]
	gives '"xa"' f a
	gives '"xb"' f b
	equal x "$(<"$tmp/starts")"
}

@test "filter: output between two calls ends it" {
	odd
	gives 1 odd stray
	call odd pid
	local p=$output
	gives 1 odd stray
	gives "$p" odd pid
	echo >go
	gone "$p"
	gives '"<x>"' odd x
	equal 'amas-serve: odd: output that no call asked for; it is ended' \
		"$(<"$err")"
}

@test "filter: 46: its end and its signal fail the call, the next starts a new one" {
	odd
	fails 'odd: exit status 3' odd end
	fails 'odd: killed by SIGKILL' odd kill
	fails 'odd: exit status 0' odd part
	gives '"last"' odd last
	fails 'odd: closed its output' odd close
	gives '"<x>"' odd x
	call odd pid
	kill -9 "$output"
	gone "$output"
	gives '"<y>"' odd y
}

@test "filter: 45: one that cannot be started says why" {
	printf '#!/no/such/interpreter\n' | put lost.filter
	echo 'echo' | put noline.filter
	serve "$tmp/s/lost.filter" "$tmp/s/noline.filter" \
		'none=filter:/no/such/program'
	fails 'lost: No such file or directory (its "#!" interpreter?)' lost x
	fails 'noline: Exec format error (no "#!" line?)' noline x
	fails 'none: exit status 127' none x
}

@test "filter: 34: the deadline ends it, 10 s unless -t says so" {
	odd -t 300ms
	call odd pid
	local p=$output
	fails 'timed out after 0.3s in odd' odd hang
	gone "$p"
	gives '"<x>"' odd x
	stop
	rm go
	odd
	local begin=$SECONDS
	fails 'timed out after 10s in odd' odd hang
	((SECONDS - begin >= 9))
	equal 'amas-serve: odd: no line yet; is its output buffered? (sed -u, fflush, --unbuffered)' \
		"$(<"$err")"
}

@test "filter: the log tells once of output that may be buffered" {
	start amas-serve -t 1200ms "$tmp/socket" 'slow=filter:sed s/./X/'
	fails 'timed out after 1.2s in slow' slow a
	fails 'timed out after 1.2s in slow' slow a
	equal 1 "$(grep -c 'is its output buffered' "$err")"
}

@test "filter: 47: a result at the limit passes, one above ends it" {
	n=1000 odd --max-message 1000
	call odd pid
	local p=$output
	# The reply around it is over the limit, the result is not.
	call odd long
	[[ $stderr == *$'\nresult too large: '* ]]
	gives "$p" odd pid
	stop
	rm go
	n=1001 odd --max-message 1000
	fails 'odd: result is over 1000 bytes' odd long
	gives '"<x>"' odd x
	stop
	start amas-serve --max-message 100K "$tmp/socket" \
		'yes=filter:read x; yes | tr -d "\n"'
	fails 'yes: result is over 102400 bytes' yes x
}

@test "filter: 48: 10 MiB there and back do not lock up" {
	# sed -u would read each byte by itself.
	serve 'cat=filter:gawk "{ sub(/^x/, \"y\"); print; fflush() }"'
	head -c 10485760 /dev/zero | tr '\0' x >"$tmp/big"
	t amas-call -r "$addr" cat ":text@$tmp/big" >"$tmp/out"
	equal 10485760 "$(tr -cd x <"$tmp/out" | wc -c | xargs expr 1 +)"
}

# --- Callers, places ---

@test "filter: 32: a caller that goes leaves it in step" {
	odd
	raw <<-'END'
	other = connect()
	assert other.ask(0, 'odd', 'a') == [1, 0, '<a>']
	c = connect()
	c.call(0, 'odd', 'wait')	# has the process
	c.call(1, 'odd', 'never')	# waits for it
	c.taken()
	go = open(tmp + '/go', 'w')	# it reads
	other.call(1, 'odd', 'b')
	c.close()
	other.call(2, 'odd', 'pid')
	go.write('late\n')
	go.close()
	assert other.recv() == [1, 1, '<b>']
	pid2 = other.recv()
	assert other.ask(3, 'odd', 'pid')[2] == pid2[2]
	END
}

@test "filter: 36: calls beyond --queue are busy, and a waiting one holds no place" {
	odd -j 1 --queue 2
	raw <<-'END'
	c = connect()
	c.call(0, 'odd', 'wait')
	c.taken()
	go = open(tmp + '/go', 'w')
	c.call(1, 'odd', 'a')
	c.call(2, 'odd', 'b')
	assert c.ask(3, 'odd', 'c') == [
	    2, 3, 'busy: 1 running, 2 waiting (-j, --queue)']
	other = connect()
	other.call(4, 'odd', 'd')
	go.write('on\n')
	go.close()
	assert [c.recv() for i in range(3)] == [
	    [1, 0, 'waited on'], [1, 1, '<a>'], [1, 2, '<b>']]
	assert other.recv() == [1, 4, '<d>']
	END
}

@test "filter: 36: those that wait for a filter leave the places to others" {
	cd "$tmp"
	mkfifo go
	start amas-serve -j 2 "$tmp/socket" "odd=filter:$ODD" 'one=exec:echo 1' \
		'two=filter:sed -u s/^/2/'
	raw <<-'END'
	c, other = connect(), connect()
	c.call(0, 'odd', 'wait')
	c.taken()
	go = open(tmp + '/go', 'w')
	for i in range(1, 10):
	    c.call(i, 'odd', str(i))
	c.taken()
	assert other.ask(0, 'one') == [1, 0, 1]
	assert other.ask(1, 'two', 'x') == [1, 1, '2x']
	go.write('on\n')
	go.close()
	assert c.recv() == [1, 0, 'waited on']
	assert [c.recv()[2] for i in range(1, 10)] == [
	    '<%d>' % i for i in range(1, 10)]
	END
}

@test "filter: on SIGTERM the open call is answered, and all ends" {
	odd
	call odd pid
	local p=$output
	t amas-call "$addr" odd wait >"$tmp/out" 3>&- &
	local caller=$!
	exec 5>go
	kill -TERM "$pid"
	echo now >&5
	exec 5>&-
	wait "$caller"
	equal '"waited now"' "$(<"$tmp/out")"
	ended "$pid" 0
	gone "$p"
}

# --- In folders, and as files ---

@test "filter: a file is served by its suffix, and runs in its folder" {
	mkdir "$tmp/s/sub"
	put up.filter <<-'END'
	#!/bin/sh
	exec sed -u s/./X/g
	END
	put sub/here.filter <<-'END'
	#!/bin/sh
	while read -r x; do pwd; done
	END
	serve "$tmp/s" "f=$tmp/s/up.filter"
	gives '"XXX"' up abc
	gives '"XXX"' f abc
	gives "\"$tmp/s/sub\"" sub/here x
	fails 'LookupError: Name "up.filter" not found in ""' up.filter x
	fails 'LookupError: Name "more" not found in "up"' up/more x
	equal '' "$(<"$err")"
}

@test "filter: 61: replaced, removed, added: the next call sees it" {
	cd "$tmp/s"
	mkfifo "$tmp/s/go"
	{ echo '#!/bin/sh'; echo "$ODD"; } | put f.filter
	serve "$tmp/s" "file=$tmp/s/f.filter"
	local f p q
	for f in f file; do
		{ echo '#!/bin/sh'; echo "$ODD"; } | put f.filter
		call $f pid
		p=$output
		gives "$p" $f pid
		# One call has the old process while a new one comes.
		t amas-call -s "$addr" $f wait >"$tmp/out" 3>&- &
		local caller=$!
		exec 5>"$tmp/s/go"
		printf '#!/bin/sh\nexec sed -u "s/.*/new $$/"\n' | put f.filter
		if [ $f = f ]; then
			call f x
			[[ $output == '"new '* ]]
		fi
		echo old >&5
		exec 5>&-
		wait "$caller"
		equal '"waited old"' "$(<"$tmp/out")"
		call $f x
		[[ $output == '"new '* ]]
		gone "$p"
		q=${output//[!0-9]/}
		mv f.filter "$tmp/away"
		fails "LookupError: Name \"$f\" not found in \"\"" $f x
		gone "$q"
		mv "$tmp/away" f.filter
		call $f x
		[[ $output == '"new '* ]]
	done
}

@test "filter: 61: a folder that goes takes its filters with it" {
	mkdir -p "$tmp/s/a/b"
	printf '#!/bin/sh\nexec sed -u "s/.*/$$/"\n' | put a/b/f.filter
	printf '#!/bin/sh\necho 1\n' | put one
	serve "$tmp/s"
	call a/b/f x
	local p=$output
	gives "$p" a/b/f x
	mv "$tmp/s/a" "$tmp/a"
	gives 1 one
	kill -0 "$p"
	fails 'LookupError: Name "a" not found in ""' a/b/f x
	gone "$p"
	mv "$tmp/a" "$tmp/s/a"
	call a/b/f x
	p=$output
	chmod -x "$tmp/s/a/b/f.filter"
	fails 'LookupError: "s.a.b.f" is not exposed' a/b/f x
	gone "$p"
}

@test "filter: a program NAME goes before NAME.filter, which then ends" {
	printf '#!/bin/sh\nexec sed -u "s/.*/$$/"\n' | put f.filter
	serve "$tmp/s"
	call f x
	local p=$output
	printf '#!/bin/sh\necho program\n' | put f
	gives '"program"' f x
	gone "$p"
	equal "amas-serve: $tmp/s/f.filter is not served: another file has the same name" \
		"$(<"$err")"
}

@test "plugin: in a folder it answers for all below its name" {
	mkdir -p "$tmp/s/sub/stats"
	cp "$AMAS_BUILD/tests/examples/stats_plugin.so" "$tmp/s/sub/stats.so"
	printf '#!/bin/sh\necho 1\n' | put sub/stats/hidden
	serve "$tmp/s"
	options=()
	gives 7 sub/stats/add 3 4
	gives '[["k", 1]]' sub/stats/util/pairs '{"k":1}'
	fails "TypeError: 'sub/stats' is a service, not a function" sub/stats
	fails "TypeError: 'sub/stats/util' is a service, not a function" \
		sub/stats/util
	fails 'LookupError: Name "hidden" not found in "sub/stats"' \
		sub/stats/hidden
	# Replaced, it stays; removed, it is gone.
	cp "$tmp/s/sub/stats.so" "$tmp/s/sub/.new"
	mv "$tmp/s/sub/.new" "$tmp/s/sub/stats.so"
	gives 7 sub/stats/add 3 4
	rm "$tmp/s/sub/stats.so"
	gives 1 sub/stats/hidden
	fails 'LookupError: Name "add" not found in "sub/stats"' \
		sub/stats/add 3 4
}

@test "plugin: one in a folder that cannot be loaded fails its calls, and is tried again" {
	printf 'no plugin' | put p.so
	serve "$tmp/s"
	options=()
	fails 'p/add: file too short' p/add 3 4
	fails 'p/add: file too short' p/add 3 4
	equal "amas-serve: $tmp/s/p.so is not served: file too short" "$(<"$err")"
	cp "$AMAS_BUILD/tests/examples/stats_plugin.so" "$tmp/s/.p"
	mv "$tmp/s/.p" "$tmp/s/p.so"
	gives 7 p/add 3 4
}

@test "plugin: a folder that was moved does not load another's" {
	cp "$AMAS_BUILD/tests/examples/stats_plugin.so" "$tmp/s/p.so"
	serve "$tmp/s"
	mv "$tmp/s" "$tmp/moved"
	mkdir "$tmp/s"
	cp "$tmp/moved/p.so" "$tmp/s/p.so"
	chmod 777 "$tmp/s"
	options=()
	fails 'p/add: its folder was moved, so it cannot be loaded' p/add 3 4
	chmod 755 "$tmp/s"
	gives 7 p/add 3 4
}
