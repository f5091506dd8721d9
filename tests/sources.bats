# Sources of amas-serve: served folders and programs per call.  Numbers are
# those of the list of faults.

load helper
load tools/calls
load tools/raw

setup() {
	make_tmp
	umask 022
	options=()
	mkdir "$tmp/s"
}

# put NAME [MODE]: makes an executable of standard input in the served folder.
put() {
	cat >"$tmp/s/$1"
	chmod "${2:-755}" "$tmp/s/$1"
}

# serve [OPTION...]: serves that folder.
serve() {
	start amas-serve "$@" "$tmp/socket" "$tmp/s"
}

# lost NAME...: these are not found, by a caller who says anything he likes.
lost() {
	raw "$@" <<-'END'
	c = connect()
	for name in [n for k, n in sorted(globals().items()) if k[0] == 'n'
	             and k[1:].isdigit()]:
	    kind, id, text = c.ask(1, str(name))
	    assert kind == 2 and text.startswith('LookupError: Name "') and \
	        ' not found in "' in text, (name, text)
	END
}

# gone FILE: waits until the process whose id is in FILE is gone.
gone() {
	local p i
	p=$(<"$1")
	for ((i = 0; i < 500; i++)); do
		if ! grep -qs '^State:.*[^Z]' "/proc/$p/status" ||
		    grep -qs '^State:.*zombie' "/proc/$p/status"; then
			return 0
		fi
		read -r -t 0.02 _ <><(:) || :
	done
	echo "process $p lives" >&2
	return 1
}

# --- Arguments and results ---

@test "amas-serve: arguments come as text, JSON, base64" {
	put args <<-'END'
	#!/bin/sh
	printf '%s|' "$@"
	END
	serve --codec msgpack
	options=(--codec msgpack)
	gives '"a b|5|1.5|true|null|[1, \"x\"]|{\"k\": \"ä\"}|AAH/|"' \
		args 'a b' 5 1.5 true null '[1,"x"]' '{"k":"ä"}' :bytes=AAH/
	gives '"|"' args ==
}

@test "amas-serve: standard input is [args, kwargs] as one line, for all forms" {
	printf '#!/bin/sh\nexec cat\n' | put in
	printf '#!/bin/sh\nexec cat\n' | put text.text
	printf '#!/bin/sh\nexec cat\n' | put json.json
	serve --codec msgpack
	options=(--codec msgpack)
	gives '[["a", {"k": [1, null]}], {"x": 2.0}]' in a '{"k":[1,null]}' \
		x=2.0
	gives '"[[1], {}]"' text 1
	gives '[[{"__type__": ["bytes", "AAE="]}], {}]' json :bytes=AAE=
	gives '"[[{\"__type__\": [\"bytes\", \"AAE=\"]}], {}]"' text \
		:bytes=AAE=
}

@test "amas-serve: output is what it looks like, .text is text, .json strict" {
	for form in '' .text .json; do
		printf '#!/bin/sh\nprintf "$1"; exec cat >/dev/null\n' |
			put "p$form"
	done
	printf '#!/bin/sh\nsed "s/^..\\(.*\\)\\], {}\\]$/\\1/" | jq -rj .\n' |
		put j.json
	printf '#!/bin/sh\nprintf "$1"\n' | put t.text
	serve
	gives 5 p 5
	gives 5 p '5\n'
	gives '"5\n"' p '5\n\n'
	gives null p ''
	gives '""' p '\n'
	gives '" 5"' p ' 5'
	gives '"007"' p :='"007"'
	gives '[1, 2]' p '[1,2]'
	gives '"5"' t '5\n'
	gives '""' t ''
	gives '"null"' t null
	gives '{"a": [null]}' j =='{"a":[null]}'
	gives null j ==
	call j ==nonsense
	equal 1 "$status"
	[[ $stderr == *$'\n'"j: result: "* ]]
	call p =='[1,'
	[[ $stderr == *$'\n'"p: result: "* ]]
	call p '\377'
	[[ $stderr == *$'\n'"p: result: invalid UTF-8 at offset 0" ]]
}

@test "amas-serve: 24: a NUL cannot be an argument, and its place is told" {
	put args <<-'END'
	#!/bin/sh
	echo ran
	END
	printf '#!/bin/sh\nexec jq -c ".[0]"\n' | put data.json
	serve
	fails 'args: argument 2 has a NUL at offset 3; serve it as args.json' \
		args x :='"abc\u0000d"'
	gives '["abc\u0000d"]' data :='"abc\u0000d"'
}

@test "amas-serve: arguments at the system's limits, and above" {
	put len <<-'END'
	#!/bin/sh
	echo ${#1}
	END
	printf '#!/bin/sh\nexec jq ".[0][0] | length"\n' | put len2.json
	serve
	head -c 131071 /dev/zero | tr '\0' x >"$tmp/max"
	{ cat "$tmp/max"; printf x; } >"$tmp/more"
	gives 131071 len ":text@$tmp/max"
	fails "len: argument 1 has 131072 bytes, the system's limit is 131071;\
 serve it as len.json" len ":text@$tmp/more"
	gives 131072 len2 ":text@$tmp/more"
	# All together.
	local i args=()
	for ((i = 0; i < 100; i++)); do
		args+=(":text@$tmp/max")
	done
	call len "${args[@]}"
	[[ $stderr == *"len: arguments have "*", the system's limit is "*"; serve it as len.json" ]]
}

@test "amas-serve: a program finds its call in the environment" {
	put env <<-'END'
	#!/bin/sh
	env | grep -E '^AMAS_(KW|PATH)' | sort
	[ -n "$AMAS_PEER_ADDR" ] && [ -d "$AMAS_STATE" ]
	END
	mkdir "$tmp/s/sub"
	cp "$tmp/s/env" "$tmp/s/sub/env"
	serve
	gives '"AMAS_KW_k=v\nAMAS_KW_list=[1]\nAMAS_PATH=sub/env"' \
		sub/env k=v list=[1]
}

@test "amas-serve: files run in their folder, commands in the server's" {
	mkdir "$tmp/s/sub" "$tmp/here"
	printf '#!/bin/sh\npwd; echo "$0"\n' | put sub/where
	cd "$tmp/here"
	start amas-serve "$tmp/socket" "$tmp/s" 'where=exec:pwd; echo "$0 $#"' \
		"file=$tmp/s/sub/where"
	gives "\"$tmp/s/sub\\n./where\"" sub/where
	gives "\"$tmp/s/sub\\n./where\"" file
	gives "\"$tmp/here\\nwhere 2\"" where a b
}

# --- Folders that are replaced ---

# release NAME WORD: makes a folder whose programs say WORD.
release() {
	mkdir -p "$tmp/$1/sub"
	printf '#!/bin/sh\necho %s\n' "$2" | tee "$tmp/$1/v" >"$tmp/$1/sub/v"
	printf '#!/bin/sh\nexec sed -u "s/^/%s /"\n' "$2" >"$tmp/$1/f.filter"
	chmod 755 "$tmp/$1"/* "$tmp/$1/sub/v"
}

# says WORD: what all functions in use say.
says() {
	run -0 --separate-stderr t amas-call -B "$addr" <<-'END'
	["v"]
	["sub/v"]
	["f", ["x"]]
	["one"]
	["filter", ["x"]]
	END
	equal "[1, 1, \"$1\"]
[1, 2, \"$1\"]
[1, 3, \"$1 x\"]
[1, 4, \"$1\"]
[1, 5, \"$1 x\"]" "$output"
}

@test "amas-serve: a folder in the place of the one served is served" {
	release a one
	release b two
	ln -s a "$tmp/now"
	start amas-serve -v "$tmp/socket" "$tmp/now" "one=$tmp/now/v" \
		"filter=$tmp/now/f.filter"
	says one
	ln -sfn b "$tmp/now"
	says two
	rm "$tmp/now"
	release now three
	says three
	mv "$tmp/now" "$tmp/old"
	release now four
	says four
	rm -r "$tmp/now"
	release now five
	says five
	equal 4 "$(grep -c "now: is another folder now" "$err")"
	stop
}

@test "amas-serve: the folder before is served while the new one cannot be" {
	release a one
	start amas-serve "$tmp/socket" "$tmp/a" "one=$tmp/a/v" \
		"filter=$tmp/a/f.filter"
	mv "$tmp/a" "$tmp/b"
	says one
	release a two
	chmod 777 "$tmp/a"
	says one
	equal 3 "$(grep -c 'a/*: .*; the folder that it was is still served' \
		"$err")"
	chmod 755 "$tmp/a"
	says two
	mv "$tmp/a" "$tmp/c"
	says two
	equal 6 "$(grep -c 'still served' "$err")"
	mv "$tmp/c" "$tmp/a"
	says two
	stop
}

@test "amas-serve: a worker of a folder that was replaced is replaced" {
	worker() {
		mkdir "$tmp/$1"
		cat >"$tmp/$1/w.worker" <<-END
		#!/bin/sh
		exec jq -c --unbuffered 'if .[0] == 0 then [1, .[1], "$2"]
			else empty end'
		END
		chmod 755 "$tmp/$1/w.worker"
	}
	worker a one
	worker b two
	start amas-serve "$tmp/socket" "$tmp/a"
	run -0 t amas-call -r "$addr" w
	equal one "$output"
	mv "$tmp/a" "$tmp/c"
	mv "$tmp/b" "$tmp/a"
	run -0 t amas-call -r "$addr" w
	equal two "$output"
	stop
}

# --- Failures ---

@test "amas-serve: 45: a handler that cannot be started says why" {
	echo 'echo no interpreter' | put noline
	printf '#!/no/such/interpreter\n' | put lost
	printf '#!/etc/passwd\n' | put shut
	serve
	local begin=$SECONDS
	fails 'noline: Exec format error (no "#!" line?)' noline
	fails 'lost: No such file or directory (its "#!" interpreter?)' lost
	fails 'shut: Permission denied' shut
	((SECONDS - begin < 3))
}

@test "amas-serve: 45: no descriptors are a failure that says busy" {
	printf '#!/bin/sh\necho $#\n' | put count
	start bash -c 'ulimit -n 32; exec "$@"' - \
		amas-serve "$tmp/socket" "$tmp/s"
	raw <<-'END'
	cs = [connect() for i in range(14)]
	kinds = set()
	for i, c in enumerate(cs):
	    c.call(i, 'count')
	for i, c in enumerate(cs):
	    kind, id, text = c.recv()
	    assert id == i and (kind == 1 or 'busy' in text), text
	    kinds.add(kind)
	assert 2 in kinds, kinds
	for c in cs[1:]:
	    c.close()
	c = cs[0]
	until(lambda: c.ask(99, 'count', 1) == [1, 99, 1])
	END
}

@test "amas-serve: 46: exit status and signal, then standard error, its last line last" {
	put exits <<-'END'
	#!/bin/sh
	echo output
	echo "first $1" >&2
	echo "ValueError: last" >&2
	exit "$1"
	END
	put dies <<-'END'
	#!/bin/sh
	echo why >&2
	kill -"$1" $$
	END
	printf '#!/bin/sh\nexit 7\n' | put quiet
	printf '#!/bin/sh\nprintf "\\377a\\n" >&2; exit 1\n' | put bytes
	serve
	fails $'exits: exit status 3\nfirst 3\nValueError: last' exits 3
	fails $'dies: killed by SIGSEGV\nwhy' dies SEGV
	fails $'dies: killed by SIGKILL\nwhy' dies KILL
	fails 'quiet: exit status 7' quiet
	fails $'bytes: exit status 1\n\xef\xbf\xbda' bytes
}

@test "amas-serve: 46: of standard error the last 8 KiB are told, the log has it escaped" {
	put loud <<-'END'
	#!/bin/sh
	seq 1 5000 >&2
	printf 'red \033[31m\n' >&2
	exit 1
	END
	printf '#!/bin/sh\necho note >&2; echo 1\n' | put note
	serve -v
	call loud
	((${#stderr} < 8500))
	[[ $stderr == *$'\nloud: exit status 1\n...\n'[1-9]* ]]
	[[ $stderr == *$'\n4999\n5000\nred '* ]]
	gives 1 note
	grep -q '^amas-serve: note: note$' "$err"
	grep -q '^amas-serve: loud: 1$' "$err"
	run ! grep -q $'\033' "$err"
}

@test "amas-serve: 47: endless output is stopped at the limit" {
	put endless <<-'END'
	#!/bin/sh
	echo $$ >"$1"
	exec yes
	END
	serve --max-message 100K
	fails 'endless: result is over 102400 bytes' endless "$tmp/pid"
	gone "$tmp/pid"
	put stubborn <<-'END'
	#!/bin/sh
	trap '' TERM
	echo $$ >"$1"
	while :; do echo xxxxxxxxxxxxxxxx; done
	END
	fails 'stubborn: result is over 102400 bytes' stubborn "$tmp/pid"
	gone "$tmp/pid"
}

@test "amas-serve: 47: a handler that says nothing ends at the deadline" {
	put never <<-'END'
	#!/bin/sh
	sleep 1000 &
	echo $! >"$1"
	wait
	END
	serve -t 300ms
	fails 'timed out after 0.3s in never' never "$tmp/pid"
	gone "$tmp/pid"
}

@test "amas-serve: 48: a handler that never reads 10 MiB of stdin does not lock up" {
	head -c 10485760 /dev/zero | tr '\0' x >"$tmp/big"
	printf '#!/bin/sh\necho 1\n' | put never.json
	put late.json <<-'END'
	#!/bin/sh
	printf '"'
	head -c 10485760 /dev/zero | tr '\0' y
	wc -c >"$PWD/../read"
	printf '"'
	END
	serve
	gives 1 never ":text@$tmp/big"
	t amas-call -r "$addr" late ":text@$tmp/big" >"$tmp/out"
	equal 10485760 "$(tr -cd y <"$tmp/out" | wc -c)"
	equal $((10485760 + 11)) "$(<"$tmp/read")"
}

@test "amas-serve: 49: a grandchild that keeps stdout open is not waited for" {
	adopts
	put leaves <<-'END'
	#!/bin/sh
	sleep 1000 &
	echo $! >"$1"
	echo done
	END
	serve
	local begin=$SECONDS
	gives '"done"' leaves "$tmp/pid"
	((SECONDS - begin < 5))
	stop
	gone "$tmp/pid"
}

# adopts: skips a test of grandchildren where the system gives no orphans to us.
adopts() {
	grep -q prctl "$AMAS_BUILD/amas-serve" || skip 'no orphans come to us'
}

# --- What a handler is given ---

@test "amas-serve: 53: a handler sees nothing but 0-2, default signals, its own group" {
	printf '#!/bin/sh\nexec ls /proc/self/fd\n' | put fds
	put signals <<-'END'
	#!/bin/sh
	exec sed -n 's/Sig\(Blk\|Ign\):.*\(.......\)$/\1 \2/p' /proc/self/status
	END
	printf '#!/bin/sh\ncut -d" " -f1,5 /proc/self/stat\n' | put group
	put secrets <<-'END'
	#!/bin/sh
	env | grep -E '^(AMAS_|NOTIFY_SOCKET|LISTEN_)' |
		grep -vE '^AMAS_(PATH|PARENT|STATE|PEER|PEER_ADDR)='
	echo "$HARMLESS"
	END
	start bash -c 'trap "" HUP USR2; exec 7</dev/null; exec "$@"' - \
		env AMAS_KEY=k AMAS_CODEC=json AMAS_STRANGE=x NOTIFY_SOCKET=n \
		LISTEN_FDS=1 LISTEN_PID=2 HARMLESS=yes \
		amas-serve "$tmp/socket" "$tmp/s"
	gives '"0\n1\n2\n3"' fds	# ls opens 3
	gives '"Blk 0000000\nIgn 0000000"' signals
	gives '"yes"' secrets
	call -r group
	read -r child group <<<"$output"
	[ "$group" != "$(cut -d' ' -f5 "/proc/$pid/stat")" ]
}

@test "amas-serve: 53: children that left the group are ended with the server" {
	adopts
	put away <<-'END'
	#!/bin/sh
	setsid sh -c 'echo $$ >"$1"; echo >"$1.there"; exec sleep 1000' - "$1" \
		>/dev/null 2>&1 &
	read _ <"$1.there"
	END
	mkfifo "$tmp/pid.there"
	serve
	gives null away "$tmp/pid"
	kill -0 "$(<"$tmp/pid")"
	stop
	gone "$tmp/pid"
}

@test "amas-serve: 55: arguments that look like options or shell text arrive as they are" {
	put args <<-'END'
	#!/bin/sh
	printf '<%s>' "$@"
	END
	start amas-serve "$tmp/socket" "$tmp/s" "command=exec:printf '<%s>' \"\$@\""
	options=(-s)
	for f in args command; do
		gives '"<-rf><--help><$(touch /tmp/owned)><;id><a\nb><`id`><\"'\''><*>"' \
			$f -rf --help '$(touch /tmp/owned)' ';id' \
			$'a\nb' '`id`' "\"'" '*'
	done
}

@test "amas-serve: 56: of keywords only safe names reach the environment, at most 100" {
	put env <<-'END'
	#!/bin/sh
	env | grep -c ^AMAS_KW_
	env | grep -E '^(LD_|PATH_|BASH_FUNC|evil|AMAS_KW_.*[^A-Za-z0-9_=].*=)' && exit 9
	wc -c
	END
	serve
	raw <<-'END'
	c = connect()
	def env(**kw):
	    kind, id, text = c.ask(0, 'env', **kw)
	    assert kind == 1, text
	    return [int(n) for n in text.split()]
	assert env(a=1, b_2='x', **{'A9': 2})[0] == 3
	for name in ('', 'a=b', 'a b', 'ä', 'a\n', 'x-y', '()', 'LD_PRELOAD='):
	    n, size = env(**{name: 'v', 'ok': 1})
	    assert n == 1, name
	assert env(LD_PRELOAD='/evil.so')[0] == 1	# AMAS_KW_LD_PRELOAD
	assert env(**{'k%d' % i: i for i in range(100)})[0] == 100
	n, size = env(**{'k%d' % i: i for i in range(1000)})
	assert n == 0 and size > 8000
	assert env(big='x' * 131072, nul='\0', ok=1)[0] == 1
	END
}

# --- The folder ---

@test "amas-serve: 57: names that are none are not found" {
	printf '#!/bin/sh\necho 1\n' | put add
	printf '#!/bin/sh\necho 1\n' | put .hidden
	printf '#!/bin/sh\necho 1\n' | put a.b
	printf '#!/bin/sh\necho 1\n' | put 'a b'
	printf '#!/bin/sh\necho 1\n' | put "$(printf '%0200d' 1)"
	mkdir "$tmp/s/sub" "$tmp/s/.git"
	cp "$tmp/s/add" "$tmp/s/sub/add"
	cp "$tmp/s/add" "$tmp/s/.git/add"
	cp "$tmp/s/add" "$tmp/outside"
	serve
	lost n1=../outside n2=sub/../add n3=./add n4=/add n5=sub//add \
		n6=sub/./add n7=%2e%2e/outside n8=sub%2fadd 'n9=sub\add' \
		n10=.hidden n11=.git/add n12=a.b n13='a b' n14=.. n15=. \
		n16=add/ n17=sub/add/ n18=add/x n19=add.text \
		n20="$(printf '%0256d' 1)x" n21="$(printf '%0255d' 1)x" \
		n22="x$(printf '%01000d/' 1 2 3)" n23=/ n24=sub/
	raw <<-'END'
	c = connect()
	for name in ('add\0', '\0', 'add\n', 'sub/add\0x', 'ädd'):
	    kind, id, text = c.ask(1, name)
	    assert kind == 2 and text.startswith('LookupError'), text
	END
	gives 1 add
	gives 1 sub/add
	gives 1 "$(printf '%0200d' 1)"
	# Of those that nobody can ask for it is said at the start.
	equal "amas-serve: $tmp/s/a b is not served: a name is letters, digits, _ and -; suffixes are .text .json .filter .worker .so
amas-serve: $tmp/s/a.b is not served: a name is letters, digits, _ and -; suffixes are .text .json .filter .worker .so" "$(sort "$err")"
}

@test "amas-serve: 58: links are followed by who made them, and lead anywhere" {
	printf '#!/bin/sh\nexec pwd\n' | put here
	mkdir -p "$tmp/else/in" "$tmp/s/sub"
	printf '#!/bin/sh\necho away\n' >"$tmp/else/in/away"
	chmod 755 "$tmp/else/in/away"
	ln -s /usr/bin/expr "$tmp/s/expr"
	ln -s here "$tmp/s/same"
	ln -s "$tmp/else/in" "$tmp/s/other"
	ln -s ../../else/in/away "$tmp/s/sub/rel"
	ln -s loop "$tmp/s/loop"
	ln -s nowhere "$tmp/s/dangling"
	serve
	options=(-s)
	gives 7 expr 3 + 4
	gives "\"$tmp/s\"" same
	gives '"away"' other/away
	gives '"away"' sub/rel
	fails 'LookupError: Name "loop" not found in ""' loop
	fails 'LookupError: Name "dangling" not found in ""' dangling
	fails 'LookupError: Name "dangling" not found in ""' dangling
	equal "amas-serve: $tmp/s/loop is not served: its links go in a circle
amas-serve: $tmp/s/dangling is not served: its link leads nowhere" "$(<"$err")"
	if [ "$(id -u)" = 0 ]; then
		ln -s here "$tmp/s/strange"
		chown -h 12345 "$tmp/s/strange"
		fails 'LookupError: Name "strange" not found in ""' strange
		rm "$tmp/s/other"
		ln -s "$tmp/else/in" "$tmp/s/other"
		chown -h 12345 "$tmp/s/other"
		fails 'LookupError: Name "other" not found in ""' other/away
	fi
}

@test "amas-serve: 59: what is no plain executable file is not served" {
	mkfifo "$tmp/s/fifo"
	printf '#!/bin/sh\necho 1\n' | put suid 4755
	printf '#!/bin/sh\necho 1\n' | put shut 644
	printf '#!/bin/sh\necho 1\n' | put both
	printf '#!/bin/sh\necho 2\n' | put both.json
	printf '#!/bin/sh\necho 1\n' | put later.shared
	mkdir "$tmp/s/folder" "$tmp/s/folder/in"
	"$(python)" -c 'import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$tmp/s/sock"
	serve
	fails 'LookupError: Name "fifo" not found in ""' fifo
	fails 'LookupError: Name "sock" not found in ""' sock
	fails 'LookupError: Name "suid" not found in ""' suid
	fails 'LookupError: Name "later" not found in ""' later
	fails 'LookupError: "s.shut" is not exposed' shut
	fails 'LookupError: "s.shut" is not exposed' shut
	fails "TypeError: 'folder' is a service, not a function" folder
	fails "TypeError: 'folder/in' is a service, not a function" folder/in
	fails 'LookupError: Name "x" not found in "folder"' folder/x
	fails 'LookupError: Name "shut" not found in ""' shut/x
	gives 1 both
	equal "\
amas-serve: $tmp/s/fifo is not served: is no file or folder
amas-serve: $tmp/s/sock is not served: is no file or folder
amas-serve: $tmp/s/suid is not served: is setuid or setgid
amas-serve: $tmp/s/later.shared is not served: this version cannot serve its kind
amas-serve: $tmp/s/shut is not served: is not executable
amas-serve: $tmp/s/both.json is not served: another file has the same name" \
		"$(<"$err")"
}

@test "amas-serve: 60: what others can write is refused, at start and below" {
	printf '#!/bin/sh\necho 1\n' | put add
	mkdir -p "$tmp/open/s" "$tmp/s/sub"
	cp "$tmp/s/add" "$tmp/s/sub/add"
	chmod 777 "$tmp/open"
	run -6 --separate-stderr t amas-serve "$tmp/socket" "$tmp/open/s"
	[[ $stderr == *"$tmp/open: others can write it" ]]
	serve
	gives 1 sub/add
	chmod 777 "$tmp/s/sub"
	fails 'LookupError: Name "sub" not found in ""' sub/add
	chmod 755 "$tmp/s/sub"
	chmod 757 "$tmp/s/sub/add"
	fails 'LookupError: Name "add" not found in "sub"' sub/add
	stop
	serve --allow-writable
	gives 1 sub/add
	if [ "$(id -u)" = 0 ]; then
		chown 12345 "$tmp/s"
		stop
		run -6 --separate-stderr t amas-serve "$tmp/socket" "$tmp/s"
		[[ $stderr == *"$tmp/s: belongs to another user" ]]
	fi
}

@test "amas-serve: 61: replaced, removed, added: the next call sees it" {
	mkfifo "$tmp/go" "$tmp/begun"
	put f <<-'END'
	#!/bin/sh
	echo >"$1/begun"
	read -r x <"$1/go"
	echo old
	END
	serve
	t amas-call "$addr" f "$tmp" >"$tmp/out" 3>&- &
	local old=$!
	read -r _ <"$tmp/begun"
	printf '#!/bin/sh\necho new\n' >"$tmp/s/.f.new"
	chmod 755 "$tmp/s/.f.new"
	mv "$tmp/s/.f.new" "$tmp/s/f"
	gives '"new"' f
	echo go >"$tmp/go"
	wait "$old"
	equal '"old"' "$(<"$tmp/out")"
	rm "$tmp/s/f"
	fails 'LookupError: Name "f" not found in ""' f
	printf '#!/bin/sh\necho added\n' | put f.text
	gives '"added"' f
}

@test "amas-serve: 61: a program that is being written is tried again" {
	cp /bin/true "$tmp/s/busy"
	serve
	exec 5>>"$tmp/s/busy"
	t amas-call "$addr" busy >"$tmp/out" 2>&1 3>&- 5>&- &
	local caller=$!
	read -r -t 0.1 _ <><(:) || :
	exec 5>&-
	wait "$caller"
	equal null "$(<"$tmp/out")"
}

@test "amas-serve: 62: a large folder, and odd names in it" {
	printf '#!/bin/sh\necho 1\n' | put add
	(cd "$tmp/s" && seq -f 'file%.0f' 20000 | xargs touch)
	printf '#!/bin/sh\n' | put $'new\nline'
	printf '#!/bin/sh\n' | put $'bad\xff'
	serve
	gives 1 add
	raw <<-'END'
	c = connect()
	for name in ('new\nline', 'bad\udcff', 'file1'):
	    kind, id, text = c.ask(1, name)
	    assert kind == 2 and text.startswith('LookupError'), text
	assert c.ask(2, 'add') == [1, 2, 1]
	END
}

# --- Commands and single files ---

@test "amas-serve: a single file is looked at for each call" {
	printf '#!/bin/sh\necho 1\n' | put one
	printf '#!/bin/sh\necho 2\n' | put two.text
	start amas-serve "$tmp/socket" "$tmp/s/one" "x/two=$tmp/s/two.text"
	gives 1 one
	gives '"2"' x/two
	fails 'LookupError: Name "more" not found in "one"' one/more
	chmod -x "$tmp/s/one"
	fails 'LookupError: "one" is not exposed' one
	rm "$tmp/s/two.text"
	fails 'LookupError: Name "two" not found in "x"' x/two
}
