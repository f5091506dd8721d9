# What the system refuses: memory, descriptors, any call of it, surroundings.
# tests/tools/faults.py has what programs may do then.  Each fifth one (of those
# with sanitizers each thirtieth) is tried here; make faults tries all.

load helper
load tools/raw

# each KIND FAULT...: every call of these kinds fails once.
each() {
	local kind=$1

	shift
	: "${FAULT_STEP:=$([ "$(has_asan)" = 1 ] && echo 30 || echo 5)}"
	export FAULT_STEP
	run -0 timeout -k 1 "${BATS_TEST_TIMEOUT:-100}" "$(python)" "$AMAS_ROOT/tests/tools/faults.py" \
		"$AMAS_BUILD/tests/tools/faulty.so" "$tmp" "$@" -- "$kind"
}

needs_malloc() {
	[ "$(has_asan)" = 0 ] ||
		skip 'sanitizers have allocations of their own'
}

IO='read:EINTR read:EAGAIN read:EIO read:short send:EINTR send:EAGAIN
	send:ECONNRESET send:EPIPE send:short'
SERVER='socket:EMFILE bind:EIO listen:EIO accept4:EINTR accept4:ECONNABORTED
	accept4:ENOMEM pipe2:EMFILE pipe2:ENFILE posix_spawn:ENOMEM
	posix_spawn:EAGAIN epoll_wait:EINTR write:EINTR write:short'

@test "faults: 85: each allocation of amas-call fails once" {
	needs_malloc
	each call malloc calloc realloc
}

@test "faults: 85: each allocation of amas-serve fails once" {
	needs_malloc
	each serve malloc calloc realloc
}

@test "faults: 85: each allocation of amas-serve with a worker fails once" {
	needs_malloc
	each worker malloc calloc realloc
}

@test "faults: 85: each allocation of a simulator fails once" {
	needs_malloc
	each mosaik malloc calloc
}

@test "faults: 85: each allocation of amas-container fails once" {
	needs_malloc
	each container malloc calloc realloc
}

@test "faults: 85: each allocation of a run of agents fails once" {
	needs_malloc
	FAULT_STEP=1 each agents malloc calloc realloc
}

@test "faults: 86: each call of the system fails once: amas-call" {
	each call $IO socket:EMFILE socket:ENFILE connect:EINTR epoll_wait:EINTR \
		write:EINTR write:EIO write:ENOSPC write:short
}

@test "faults: 86: each call of the system fails once: amas-serve" {
	each serve $IO $SERVER
}

@test "faults: 86: each call of the system fails once: a worker" {
	each worker $IO $SERVER
}

@test "faults: 86: each call of the system fails once: amas-container" {
	each container $IO $SERVER
}

@test "faults: 86: each call of the system fails once: TLS" {
	[ -e "$AMAS_BUILD/amas/tls.so" ] || skip 'built without TLS'
	each tls-call $IO
	each tls-serve send:EINTR send:EAGAIN send:ECONNRESET send:short
}

@test "faults: 84: without descriptors callers wait or are turned away, then all is well" {
	start bash -c 'ulimit -n 24; exec "$@"' - \
		amas-serve "$tmp/socket" \
		"$AMAS_BUILD/tests/examples/stats_plugin.so"
	raw <<-'END'
	def cpu():
	    stat = open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()
	    return (int(stat[11]) + int(stat[12])) / os.sysconf('SC_CLK_TCK')

	def readable(cs):
	    ready, _, _ = select.select([c.sock for c in cs], [], [], PATIENCE)
	    assert ready
	    return [c for c in cs if c.sock in ready]

	waiting, served, away = [], [], 0
	for i in range(30):
	    c = connect()
	    try:
	        c.call(7, 'mean', [2, 4])
	        waiting.append(c)
	    except OSError:
	        pass                    # turned away already
	while away < 3:                 # one in each pause
	    for c in readable(waiting):
	        waiting.remove(c)
	        try:
	            assert c.recv()[:2] == [1, 7]
	            served.append(c)
	        except (EOFError, OSError):
	            away += 1
	        if away == 1:
	            begin, used = time.monotonic(), cpu()
	used, took = cpu() - used, time.monotonic() - begin
	assert used < 0.05 * took + 0.02, (used, took)
	assert 5 < len(served) < 24, len(served)
	assert served[0].ask(8, 'mean', [2, 4])[:2] == [1, 8]
	for c in served:
	    c.close()
	for c in waiting:
	    try:
	        assert c.recv()[:2] == [1, 7]
	    except (EOFError, OSError):
	        away += 1
	assert away < 5, away
	assert connect().ask(9, 'mean', [2, 4])[:2] == [1, 9]
	END
	equal 1 "$(grep -c 'cannot accept: Too many open files' "$err")"
}

# surroundings COMMAND...: a server and a caller that are started by it.
surroundings() {
	start "$@" amas-serve :0 'add=exec:expr "$1" + "$2"' \
		'up=filter:sed -u s/a/A/'
	run -0 t "$@" amas-call "$addr" add 3 4
	equal 7 "$output"
	run -0 t "$@" amas-call "$addr" up a 2.5
	same '["A", 2.5]' "$output"
	stop
}

@test "faults: 88: little memory, a small stack, no home, other languages" {
	surroundings env -i PATH="$PATH"
	surroundings env -u HOME LANG=tr_TR.UTF-8 LC_ALL=de_DE.UTF-8 TZ=Nowhere
	surroundings bash -c 'ulimit -s 256; exec "$@"' -
	[ "$(has_asan)" = 1 ] ||
		surroundings bash -c 'ulimit -v 200000; exec "$@"' -
}

@test "faults: 88: no /proc, a root that takes no files, TMPDIR does" {
	[ "$(has_asan)" = 0 ] || skip 'sanitizers need /proc'
	unshare -m true 2>/dev/null || skip 'no mount namespaces here'
	surroundings unshare -m sh -c 'mount -t tmpfs -o ro none /proc &&
		mount -t tmpfs none /mnt && mount -o remount,bind,ro / &&
		TMPDIR=/mnt exec "$@"' -
}
