# The pages and README.md keep what they promise: their examples run, their
# options are those of --help, their figures those of the source.

load helper
load tools/raw

pages() {
	ls "$AMAS_ROOT"/man/*.[1-9]
}

# page_tools: the programs that have a page, with its path.
page_tools() {
	local page

	for page in "$AMAS_ROOT"/man/*.1; do
		printf '%s %s\n' "$(basename "$page" .1)" "$page"
	done
}

examples() {
	"$(python)" "$AMAS_ROOT/tests/tools/examples.py" "$@"
}

# examples_of PAGE: all that it shows, as a reader sees it.
examples_of() {
	local page=$AMAS_ROOT/man/$1 n i

	n=$(examples list "$page")
	for ((i = 1; i <= n; i++)); do
		examples show "$page" "$i"
	done
}

# run_examples FILE [SOURCE...]: each in a folder of its own, with the sources.
run_examples() {
	local n i status=0

	n=$(examples list "$1")
	[ "$n" -gt 0 ]
	for ((i = 1; i <= n; i++)); do
		mkdir "$tmp/$i"
		cd "$tmp/$i"
		[ $# = 1 ] || cp "${@:2}" .
		examples run "$1" "$i" || status=1
	done
	return "$status"
}

@test "man: the examples of amas-serve(1) do what they show" {
	run_examples "$AMAS_ROOT/man/amas-serve.1"
}

@test "man: the examples of amas-call(1) do what they show" {
	run_examples "$AMAS_ROOT/man/amas-call.1"
}

@test "man: the examples of amas-wire(5) do what they show" {
	run_examples "$AMAS_ROOT/man/amas-wire.5"
}

@test "man: the examples of amas(7) do what they show" {
	run_examples "$AMAS_ROOT/man/amas.7"
}

@test "man: the examples of amas-container(1) do what they show" {
	run_examples "$AMAS_ROOT/man/amas-container.1"
}

@test "man: the examples of amas-clock(1) do what they show" {
	run_examples "$AMAS_ROOT/man/amas-clock.1"
}

@test "man: the examples of amas-dump(1) do what they show" {
	run_examples "$AMAS_ROOT/man/amas-dump.1"
}

@test "man: the examples of amas-agent(7) do what they show" {
	run_examples "$AMAS_ROOT/man/amas-agent.7"
}

@test "man: the examples of amas-mosaik(7) do what they show" {
	run_examples "$AMAS_ROOT/man/amas-mosaik.7"
}

# install_here: pkg-config and the linker find what make install puts in place.
install_here() {
	make -s -C "$AMAS_ROOT" B="$AMAS_BUILD" DESTDIR="$tmp/dest" \
		PREFIX=/usr install
	export PKG_CONFIG_PATH=$tmp/dest/usr/lib/pkgconfig
	sed -i "s,=/usr,=$tmp/dest/usr," "$PKG_CONFIG_PATH"/*.pc
	export LD_LIBRARY_PATH=$tmp/dest/usr/lib
}

@test "man: the examples of libamas(3) do what they show" {
	# Programs would have to be built with the sanitizer, too.
	[ "$(has_asan)" = 0 ] || skip 'a library with sanitizers'
	install_here
	run_examples "$AMAS_ROOT/man/libamas.3" "$AMAS_ROOT"/tests/examples/*.c
	# Without what the page says of another prefix it is not found.
	cd "$tmp"
	"${CC:-cc}" -o once "$AMAS_ROOT/tests/examples/call_once.c" \
		$(pkg-config --cflags --libs amas)
	unset LD_LIBRARY_PATH
	run -127 ./once "$tmp/s"
	[[ $output == *'cannot open shared object file'* ]]
}

@test "man: the programs in pages are those of the tests" {
	local page name n=0

	for page in "$AMAS_ROOT"/man/libamas.3 "$AMAS_ROOT"/man/amas-agent.7; do
		while read -r name; do
			examples listing "$page" "$name" >"$tmp/listing"
			diff "$AMAS_ROOT/$name" "$tmp/listing"
			n=$((n + 1))
		done < <(sed -n 's,^\.\\" \(tests/.*\),\1,p' "$page")
	done
	[ "$n" -ge 5 ]
}

@test "man: what libamas(3) compiles stands in it" {
	local name n=0

	while read -r name; do
		grep -q "^\.\\\\\" tests/examples/$name\$" \
			"$AMAS_ROOT/man/libamas.3" || {
			echo "$name is not in the page" >&2
			return 1
		}
		n=$((n + 1))
	done < <(examples_of libamas.3 | grep -o '[a-z_]*\.c\>' | sort -u)
	[ "$n" -ge 4 ]
}

@test "man: every function of the headers is in libamas(3)" {
	local name

	[ -s "$AMAS_BUILD/libamas.so.0" ]
	while read -r name; do
		grep -q "^\.It .*Fn $name\>" "$AMAS_ROOT/man/libamas.3" || {
			echo "$name is not in libamas.3" >&2
			return 1
		}
	done < <(nm -D --defined-only "$AMAS_BUILD/libamas.so.0" |
		sed -n 's/.* T \(amas_[a-z].*\)/\1/p')
}

@test "man: the examples of README.md do what they show" {
	run_examples "$AMAS_ROOT/README.md"
}

@test "man: SYNOPSIS, OPTIONS and --help agree, and so do the defaults" {
	local tool page

	while read -r tool page; do
		"$tool" --help |
			"$(python)" "$AMAS_ROOT/tests/tools/options.py" "$page"
	done < <(page_tools)
}

@test "man: every option of --help is taken" {
	local tool page option

	while read -r tool page; do
		"$tool" --help | grep -oE -- '(^  -[A-Za-z0-9],)|(--[a-z-]+)' |
			tr -d ' ,' >"$tmp/options"
		[ -s "$tmp/options" ]
		while read -r option; do
			run t "$tool" "$option" </dev/null
			[[ $output != *'no such option'* ]]
		done <"$tmp/options"
	done < <(page_tools)
}

@test "man: no page speaks of no encryption where there is TLS" {
	local page

	for page in $(pages) "$AMAS_ROOT/README.md"; do
		run ! grep -n 'encryption and no' <(tr '\n' ' ' <"$page" |
			sed 's/Without \(TLS\|it\) there is no encryption and no//g')
	done
}

@test "man: what amas-container(1) says of classes without agents" {
	command -v mandoc >/dev/null || skip 'no mandoc'
	states amas-container.1 'Needs --manager, which has the id 0'
	states amas-container.1 'for the manager; needs --manager'
	mkdir "$tmp/a"
	printf '#!/bin/sh\n' >"$tmp/a/f"
	chmod +x "$tmp/a/f"
	echo '{"class": "a"}' >"$tmp/file"
	run -2 t amas-container --class "a=$tmp/a" "$tmp/s"
	run -2 t amas-container --class-path "$tmp" "$tmp/s"
	run -0 t amas-container --manager --class "a=$tmp/a" -f "$tmp/file" \
		--run 'amas-call "${AMAS_ADDR}1" f' "$tmp/s"
	equal null "$output"
}

# descriptors PID: how many it has.
descriptors() {
	ls "/proc/$1/fd" | wc -l
}

@test "man: 84: what amas-serve(1) says of descriptors" {
	local before n=20 calls

	command -v mandoc >/dev/null || skip 'no mandoc'
	states amas-serve.1 'about 20 descriptors for itself'
	states amas-serve.1 'up to 5 for each program that runs'
	mkfifo "$tmp/hold"
	exec 9<>"$tmp/hold"
	start amas-serve -j "$n" "$tmp/s" \
		"f=exec:echo >>'$tmp/began'; read -r line <'$tmp/hold'"
	before=$(descriptors "$pid")
	[ "$before" -le 20 ]
	yes '["f"]' | head -n "$n" | t amas-call -qB "$tmp/s" >"$tmp/out" &
	calls=$!
	until [ "$(cat "$tmp/began" 2>/dev/null | wc -l)" = "$n" ]; do :; done
	[ "$(descriptors "$pid")" -le $((before + 1 + 5 * n)) ]
	[ "$(descriptors "$pid")" -ge $((before + 1 + 2 * n)) ]
	yes | head -n "$n" >&9
	wait "$calls"
	exec 9>&-
	equal "$n" "$(grep -c null "$tmp/out")"
}

@test "man: a server that is killed leaves its folder, as amas-serve(1) says" {
	local state

	command -v mandoc >/dev/null || skip 'no mandoc'
	states amas-serve.1 'leaves its folder, \$TMPDIR/amas-XXXXXX'
	states amas-container.1 'leaves its folder, \$TMPDIR/amas-XXXXXX'
	export TMPDIR=$tmp
	start amas-serve "$tmp/s" 'f=exec:echo "$AMAS_STATE"'
	state=$(t amas-call -r "$tmp/s" f)
	[[ $state == "$tmp"/amas-??????/state ]]
	kill -KILL "$pid"
	ended "$pid" 137
	[ -d "$state" ]
	start amas-serve "$tmp/s" 'f=exec:true'
	stop
	[ -d "$state" ]
}

# constant NAME: the number that is #defined as NAME in the library or cmd/.
constant() {
	local text

	text=$(sed -n "s/^#define $1[[:space:]]\{1,\}\([^/]*[^/[:space:]]\).*/\1/p" \
		"$AMAS_ROOT"/lib/*.[ch] "$AMAS_ROOT"/cmd/*.[ch])
	[ -n "$text" ] || echo "no constant $1" >&2
	# 1.5 and (size_t)64 << 20
	awk 'BEGIN { print '"$(sed -E 's/\(size_t\)//g; s/([0-9]+) *<< *([0-9]+)/\1 * 2 ^ \2/g' <<<"$text")"' }'
}

# states PAGE PATTERN: the page, printed on one line, says so.
states() {
	local text

	text=$(mandoc -Tascii -O width=200 "$AMAS_ROOT/man/$1" | col -b |
		tr -s ' \n\t' ' ')
	if ! grep -qE -- "$2" <<<"$text"; then
		echo "$1 does not say: $2" >&2
		return 1
	fi
}

@test "man: stated limits are the constants" {
	command -v mandoc >/dev/null || skip 'no mandoc'
	equal 64 "$(constant AMAS__JOBS_MAX)"
	states amas-serve.1 'programs at a time \(default: 64\)'
	equal 1024 "$(constant AMAS__JOBS_QUEUE)"
	states amas-serve.1 'wait \(default: 1024\)'
	equal $((64 << 20)) "$(constant AMAS__FRAME_MAX)"
	states amas-serve.1 'each result \(default: 64M\)'
	states amas-wire.5 'length of a payload 64 MiB'
	equal $((64 << 20)) "$(constant AMAS__BYTES_MAX)"
	states amas-wire.5 'the same, unpacked 64 MiB'
	equal $((4 << 20)) "$(constant AMAS__BLOSCLZ_BLOCK)"
	states amas-wire.5 'block of blosclz 4 MiB'
	equal $((8 << 20)) "$(constant AMAS__BLOSC_STREAM)"
	states amas-wire.5 'stream in a Blosc block below 8 MiB'
	equal 5 "$(constant CLOCK_LAG_S)"
	states amas-clock.1 'when it takes longer \(default: 5\)'
	equal 1 "$(constant CLOCK_STEP_S)"
	states amas-clock.1 'whole multiples of DUR \(default: 1\)'
	equal 400 "$(constant SHOW_DEFAULT)"
	states amas-dump.1 'of a result \(default: 400\)'
	equal 64 "$(constant DUMP_READ_MAX)"
	states amas-dump.1 'May be given 64 times'
	equal 100000 "$(constant DUMP_CALLS_MAX)"
	equal 32 "$(constant DUMP_INJECT_MAX)"
	states amas-dump.1 'May be given 32 times'
	states amas-dump.1 '100,000 requests of a connection wait'
	equal $((1 << 20)) "$(constant DUMP_QUEUE_MAX)"
	states amas-dump.1 'at most about 1 MiB waits'
	equal 1000000 "$(constant AMAS__AGENTS_MAX)"
	states amas-container.1 'so many \(default: 1000000\)'
	equal 1000 "$(constant CONTAINER_CLASSES_MAX)"
	states amas-container.1 'May be given 1,000 times'
	equal $((64 << 20)) "$(constant CONTAINER_OUTPUT_MAX)"
	states amas-container.1 'kept up to 64 MiB while nobody reads'
	equal $((512 << 20)) "$(constant MEMORY_MAX)"
	states amas-serve.1 '\(default: 512M\)'
	states amas-wire.5 'queues 512 MiB'
	equal 64 "$(constant CALL_URLS_IDLE)"
	states amas-call.1 'At most 64 connections stand without a call'
	equal 65536 "$(constant PIPE_CALLS)"
	states amas-call.1 'while 65,536 requests have no answer'
	equal 100000 "$(constant AMAS__LIST_MAX)"
	states amas-wire.5 'Beyond 100,000 names'
	equal 64 "$(constant LIST_DEPTH_MAX)"
	states amas-wire.5 'more than 64 folders deep'
	equal 8192 "$(constant AMAS__ERROUT_TAIL)"
	states amas-serve.1 'at most the last 8 KiB'
	equal 1000 "$(constant AMAS__ERROUT_LINES)"
	states amas-serve.1 'at most 1,000 lines of a call'
	equal 10 "$(constant SERVE_HOOK_S)"
	equal 16 "$(constant SERVE_HOOKS_MAX)"
	states amas-serve.1 'Each has 10 seconds; at most 16 run at a time'
	equal 5 "$(constant AMAS__TLS_HANDSHAKE_S)"
	equal 1024 "$(constant SHAKING_MAX)"
	states amas-serve.1 'a handshake has 5 seconds, and when there are more than 1,024'
	equal 64 "$(constant SERVE_LISTEN_MAX)"
	states amas-serve.1 'may be given 64 times'
	equal 1000 "$(constant AMAS__FAILURE_LINES)"
	states amas-serve.1 'at most the last 1,000, follow'
	equal 200 "$(constant REASON_MAX)"
	states amas-serve.1 'why the connection ended, at most 200 bytes'
	equal 100 "$(constant KW_MAX)"
	states amas-serve.1 'more than 100 of them'
	equal 10 "$(constant SERVE_GRACE_S)"
	states amas-serve.1 'at most 10 seconds'
	equal 10 "$(constant AMAS__FILTER_TIMEOUT_S)"
	states amas-serve.1 '10 seconds for line filters'
	equal 1000 "$(constant AMAS__DEPTH_MAX)"
	states amas-wire.5 'nesting of values 1,000 levels'
	equal 4000000 "$(constant AMAS__VALUES_MAX)"
	states amas-wire.5 'values in a message 4,000,000'
	equal 65536 "$(constant AMAS__REQUESTS_MAX)"
	states amas-wire.5 'requests open on a connection 65,536'
	equal $((1 << 20)) "$(constant AMAS__REPLIES_MAX)"
	states amas-wire.5 'queued replies 1 MiB'
	equal 10000 "$(constant AMAS__NESTING_MAX)"
	states amas-wire.5 'when 10,000 are open both ways'
	equal 1000 "$(constant AMAS__STRAY_MAX)"
	states amas-wire.5 'sends 1,000 of them in a row'
	equal 30 "$(constant AMAS__STALL_S)"
	states amas-wire.5 'no byte moves 30 s'
	equal 60 "$(constant AMAS__UNFINISHED_S)"
	states amas-wire.5 '60 s and 1 s per 64 KiB'
}

@test "man: the table of exit statuses is that of cmd.h" {
	local n

	while read -r n; do
		grep -qE "^\.It (.* , )?$n( , .*)?$" "$AMAS_ROOT/man/amas.7" || {
			echo "status $n is not in amas.7" >&2
			return 1
		}
	done < <(sed -n 's/^	CMD_[A-Z]* = \([0-9]*\).*/\1/p' "$AMAS_ROOT/cmd/cmd.h")
}

@test "man: every variable of the environment is in a page" {
	local name

	while read -r name; do
		grep -q -- "$name" $(pages) || {
			echo "$name is in no page" >&2
			return 1
		}
	done < <(cat "$AMAS_ROOT"/{lib,cmd}/*.[ch] |
		grep -oE '"AMAS_[A-Z_]+[A-Z]' | tr -d '"' | sort -u)
}

@test "man: the map of lib/ in README.md is what is there" {
	local f

	for f in "$AMAS_ROOT"/lib/*.c; do
		f=$(basename "$f" .c)
		grep -q "^|.*\`$f\`" "$AMAS_ROOT/README.md" || {
			echo "lib/$f.c is not in the map" >&2
			return 1
		}
	done
}

@test "man: libamas(3) tells where each name of aiomas is found" {
	run -0 "$AMAS_VENV/bin/python" "$AMAS_ROOT/tests/tools/aiomas_names.py"
	equal '' "$output"
}

@test "man: pages are well formed" {
	command -v mandoc >/dev/null || skip 'no mandoc'
	# Pages that are not installed cannot be found: that is no fault.
	run ! grep -v 'referenced manual not found\|outdated mandoc.db' < <(
		mandoc -Tlint -W warning $(pages) 2>&1)
	# A quote at the start of an argument is eaten, and JSON is full of them;
	# macros that stand on a line of text are printed.
	run ! grep -nE '^\.(It )?(Li|Ql) [^"]*[]{}([][^"]*"' $(pages)
	run ! grep -nE '^[^.].* (No|Ns)( and)? (Li|Ar|Xr) ' $(pages)
}
