"""Lets each call of a kind fail once, in one program, until none is left.

    faults.py SHIM DIR FAULT... -- KIND

SHIM is faulty.so; DIR a folder for what is made.  FAULT is CALL[:HOW], as
faulty.c has it: "malloc", "read:EINTR", "write:short"; KIND one of KINDS below.

Of a client: it gives the right result and status 0, or none and a status
that says so.  Of a server: each of three callers gets the right result or a
failure; if the last one fails, the next does not, unless the server has ended
with a status that says so; told to end, it does, with status 0.  Nothing ends
by a signal (but libev's own end for lack of memory), and nothing hangs.

Of a run of agents: each request is answered, and but for one as it should be,
unless the run ends.
"""
import os
import signal
import subprocess
import sys

PATIENCE = 20
LIBEV = '(libev) cannot allocate'
MAX = 5000          # times that one kind of call fails


class Wrong(Exception):
    pass


def environ(shim, program, fault, n, hit):
    call, _, how = fault.partition(':')
    return dict(os.environ, LD_PRELOAD=shim, FAULT_IN=program, FAULT_HIT=hit,
                FAULT=f'{call}:{n}' + (f':{how}' if how else ''),
                ASAN_OPTIONS=os.environ.get('ASAN_OPTIONS', '') +
                ':verify_asan_link_order=0')


def judge_end(status, err, allowed):
    """What a program may end with when something has failed."""
    if status == -signal.SIGABRT and LIBEV in err:
        return
    if status not in allowed:
        raise Wrong(f'status {status}: {err[-2000:]}')
    if status != 0 and not err.strip():
        raise Wrong(f'status {status} without a word')


def call(argv, env=None, text=''):
    try:
        done = subprocess.run(argv, env=env, capture_output=True, text=True,
                              timeout=PATIENCE, input=text)
    except subprocess.TimeoutExpired:
        raise Wrong(f'it hangs: {argv}') from None
    return done.returncode, done.stdout, done.stderr


class Server:
    def __init__(self, argv, env=None):
        self.r, w = os.pipe()
        self.process = subprocess.Popen(
            argv[:1] + ['--ready-fd', str(w)] + argv[1:], env=env,
            pass_fds=[w], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        os.close(w)

    def addr(self):
        with os.fdopen(self.r) as f:
            return f.readline().strip()

    def alive(self):
        return self.process.poll() is None

    def ends(self):
        """Whether it ends by itself now."""
        try:
            self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self):
        if self.alive():
            self.process.terminate()
        try:
            _, err = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise Wrong('it does not end') from None
        return self.process.returncode, err


class Scenario:
    def __init__(self, dir):
        self.dir = dir
        self.source = os.path.join(dir, 's')
        os.makedirs(self.source, exist_ok=True)
        self.write('add', 'expr "$1" + "$2"')

    def write(self, name, text):
        path = os.path.join(self.source, name)
        with open(path, 'w') as f:
            f.write('#!/bin/sh\n' + text + '\n')
        os.chmod(path, 0o755)

    tls = []

    def caller(self, addr):
        return ['amas-call', *self.tls, '-t', '10', addr, *self.function]

    function, result = ['add', '3', '4'], '7\n'


class Client(Scenario):
    """amas-call, with a server that does not fail."""
    program = 'amas-call'

    def __init__(self, dir):
        super().__init__(dir)
        self.server = Server(['amas-serve', *self.tls, ':0', self.source])
        self.addr = self.server.addr()

    def once(self, env):
        status, out, err = call(self.caller(self.addr), env)
        judge_end(status, err, {0, 3, 5, 6})
        if (status == 0) != (out == self.result):
            raise Wrong(f'status {status} with {out!r}: {err}')

    def end(self):
        judge_end(*self.server.end(), {0})


class Serve(Scenario):
    """amas-serve, with callers that do not fail."""
    program = 'amas-serve'

    def argv(self):
        return ['amas-serve', *self.tls, ':0', self.source]

    def once(self, env):
        server = Server(self.argv(), env)
        addr = server.addr()
        try:
            for i in range(4):
                if not addr or not server.alive() or (i == 3 and not status):
                    break
                status, out, err = call(self.caller(addr))
                if status == 0 and out != self.result:
                    raise Wrong(f'wrong result {out!r}')
                if status == 3 and server.ends():
                    break       # it was on its way
                if status not in (0, 1, 3, 5) or (i == 3 and status != 0):
                    raise Wrong(f'a caller has status {status}: {err}')
        finally:
            ended = not server.alive()
            status, err = server.end()
        judge_end(status, err, {3, 6} if ended or not addr else {0, 3, 6})

    def end(self):
        pass


class Worker(Serve):
    def argv(self):
        return ['amas-serve', ':0', 'add=filter:sed -u "s/.*/7/"']


class Mosaik(Serve):
    """A simulator that begins, and stops when its caller goes."""
    function, result = ['init', 'S-0'], '{"models": {}}\n'

    def __init__(self, dir):
        super().__init__(dir)
        self.write('init', """echo '{"models": {}}'""")
        self.write('stop', 'true')

    def argv(self):
        return ['amas-serve', '--mosaik', ':0', self.source]


class Container(Serve):
    program = 'amas-container'

    def argv(self):
        return ['amas-container', ':0', self.source]

    def caller(self, addr):
        return ['amas-call', '-t', '10', addr.rstrip('/') + '/0',
                *self.function]


class Agents(Scenario):
    """A run of agents, of requests that go well and of some that do not."""
    program = 'amas-container'
    requests = [
        ('["init", ["S-0"], {"time_resolution": 1.0}]', '[1, 1, {'),
        ('["create", [1, "M"], {}]', '[1, 2, [{"eid": "M-0"'),
        ('["step", [0, {"M-7": {}}, 9], {}]', '[2, 3, ["KeyError"'),
        ('["step", [0, {}, 9], {}]', '[1, 4, 1]'),
        ('["nosuch", [], {}]', '[2, 5, ["LookupError"'),
        ('["get_data", [{}], {}]', '[1, 6, {}]')]

    def argv(self):
        return ['amas-container', '--mosaik', ':0',
                os.path.join(self.dir, 'socket'), 'M=' + self.source]

    def judge(self, status, out, err):
        lines = out.splitlines()
        if status not in (0, 1):
            if status not in (3, 5):
                raise Wrong(f'the caller has status {status}: {out}{err}')
            return              # the connection has ended
        if len(lines) != len(self.requests):
            raise Wrong(f'{len(lines)} answers: {out}{err}')
        off = [line for line, (_, want) in zip(lines, self.requests)
               if not line.startswith(want)]
        if any(not line.startswith('[2, ') for line in off):
            raise Wrong(f'wrong answers: {off}')
        if len(off) > 1 and off[0] not in lines[:2]:
            raise Wrong(f'more than one fails: {off}')

    def once(self, env):
        server = Server(self.argv(), env)
        addr = server.addr()
        try:
            if addr:
                status, out, err = call(
                    ['amas-call', '-BP1', '-t', '10', addr],
                    text=''.join(r + '\n' for r, _ in self.requests))
                self.judge(status, out, err)
                if out.startswith('[1, 1, ') and not server.ends():
                    raise Wrong('its run is over, and it stays')
        finally:
            status, err = server.end()
        judge_end(status, err, {0, 3, 5, 6} if addr else {3, 6})

    def end(self):
        pass


def certificates(dir):
    """The options of both ends, of files that amas-pki makes."""
    if not os.path.exists(os.path.join(dir, 'ca.pem')):
        for words in (['-n', 'ca'], ['new', 'both', '127.0.0.1'],
                      ['sign', 'both.csr']):
            subprocess.run(['amas-pki', *words], cwd=dir, check=True,
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
    return [f'--{o}={dir}/{f}' for o, f in (
        ('cacert', 'ca.pem'), ('cert', 'both.pem'), ('key', 'both.key'))]


def with_tls(kind):
    def make(dir):
        made = type('Tls' + kind.__name__, (kind,),
                    {'tls': certificates(dir)})
        return made(dir)
    return make


KINDS = {'call': Client, 'serve': Serve, 'worker': Worker, 'mosaik': Mosaik,
         'container': Container, 'agents': Agents,
         'tls-call': with_tls(Client), 'tls-serve': with_tls(Serve)}


def main():
    shim, dir = sys.argv[1:3]
    cut = sys.argv.index('--')
    step = int(os.environ.get('FAULT_STEP', '1'))
    scenario = KINDS[sys.argv[cut + 1]](dir)
    hit = os.path.join(dir, 'hit')
    wrong = 0
    for fault in sys.argv[3:cut]:
        n = 1
        while n < MAX:
            if os.path.exists(hit):
                os.unlink(hit)
            try:
                scenario.once(environ(shim, scenario.program, fault, n, hit))
            except Wrong as e:
                print(f'{fault} {n}: {e}', flush=True)
                wrong += 1
            if not os.path.exists(hit):
                break
            n += step
        print(f'# {fault}: {n - 1} times', file=sys.stderr)
        if n == 1:
            print(f'{fault}: never', flush=True)
    scenario.end()
    return 1 if wrong else 0


sys.exit(main())
