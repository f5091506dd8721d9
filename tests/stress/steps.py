"""
The stress of steps: containers with agents of all kinds, which sleep and call
each other at random, through relays that delay what they hand on.

    steps.py [--steps N] [--seconds S] [--seed N] [--mix NAME]... [--verbose]

Each message says at which simulated time it was sent.  It counts as early if it
is handled at a smaller time, as late at a larger one (but by a worker that
waits itself, when it is free again); a handler that does not wait is overtaken
if time moves meanwhile.  There must be none.  Between, steps at which nothing
is due must take two frames for each container.

Wants the programs on PATH, and $STEPS_PLUGIN.  For each mix of delays prints a
line, and what was wrong; status 1 if anything was, or was stuck.
"""
import argparse
import collections
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PEER = HERE.parent / 'peer'
sys.path.insert(0, str(PEER))

from clock import Clock, Connection, Stuck  # noqa: E402

CONTAINERS = 4
KINDS = 'wwwwwwaassh'   # agents of each: C, async, simple, in sh
DEADLINE = 60

# What the relays are told, and whether the clock's way is through them, too.
MIXES = {
    'none': (['--delay', '0,0'], False),
    'even': (['--delay', '0,0.004'], False),
    'tail': (['--delay', '0.04,0.04', '--part', '0.2'], False),
    'clock': (['--delay', '0,0.01'], True),
}

SHELL = r'''#!/bin/sh
now() { amas-call -r "$AMAS_PARENT" amas/time; }
bad() { echo "$*" >>"$STEPS_BAD"; }
random() { od -An -N2 -tu2 /dev/urandom | { read n; echo $((n % $1)); }; }
any() { url=$(sed -n "$(($(random "$(wc -l <"$STEPS_URLS")") + 1))p" "$STEPS_URLS"); }
nap() { amas-call -r "$AMAS_PARENT" amas/sleep "0.$((25 * $(random 4)))"; }
call() {
	any
	t=$(amas-call -r -- "$url" hit "$(now)" "$1")
	[ "$t" = "$(now)" ] || bad "late or early: $AMAS_SELF reply: $t, $(now)"
}
'''
HIT = SHELL + r'''
t=$(now)
[ "$t" = "$1" ] || bad "late or early: $AMAS_SELF hit: sent at $1, handled at $t"
case $(random 4) in
0) nap ;;
1) [ "$2" = 0 ] || call $(($2 - 1)) ;;
2) sleep 0.01; [ "$t" = "$(now)" ] || bad "overtaken: $AMAS_SELF hit at $t" ;;
esac
now
'''
RUN = SHELL + r'''
amas-call -r "$AMAS_PARENT" amas/sleep 1
for i in $(seq 100000); do
	call 2
	amas-call -r "$AMAS_PARENT" amas/sleep "$(random 5).5" || exit
done
'''


class Run:
    """One mix of delays."""

    def __init__(self, name, o):
        self.name = name
        self.o = o
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='amas-steps.'))
        self.bad = self.dir / 'bad'
        self.urls = self.dir / 'urls'
        delay, self.through = MIXES[name]
        self.relays = subprocess.Popen(
            [sys.executable, PEER / 'relay.py'] + delay + [str(CONTAINERS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ports = [int(self.relays.stdout.readline())
                      for _ in range(CONTAINERS)]
        self.processes = []
        self.steps = self.frames = self.quiet = 0
        self.errors = []

    def program(self, path, text):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def start(self):
        self.bad.touch()
        self.program(self.dir / 'sh' / 'hit', HIT)
        self.program(self.dir / 'sh' / 'run', RUN)
        env = dict(os.environ, STEPS_BAD=str(self.bad),
                   STEPS_URLS=str(self.urls))
        worker = 'exec %s %s/steps_worker.py' % (sys.executable, HERE)
        sources = {'w': os.environ['STEPS_PLUGIN'],
                   'a': 'worker:%s async' % worker,
                   's': 'worker:%s simple' % worker,
                   'h': self.dir / 'sh'}
        sources = ['%s:%d=%s' % (k, KINDS.count(k), source)
                   for k, source in sources.items()]
        for port in self.ports:
            p = subprocess.Popen(
                ['amas-container', '--manager', '--clock', 'external',
                 '-w', '10', '--advertise', '127.0.0.1:%d' % port,
                 '127.0.0.2:%d' % port] + sources, env=env,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=None if self.o.verbose else subprocess.DEVNULL)
            self.processes.append(p)
        self.bases = [p.stdout.readline().decode().strip()
                      for p in self.processes]

    def set_off(self):
        """Tell the agents of each other; they begin with the first step."""
        all = [(k, base + str(i + 1)) for base in self.bases
               for i, k in enumerate(KINDS)]
        # Two simple ones that call each other wait for ever.
        deep = [url for k, url in all if k in 'wa']
        self.urls.write_text('\n'.join(deep) + '\n')
        # The walkers last: they call the others at once.
        for kind, urls in ('s', deep), ('a', None), ('w', None):
            for port in self.ports:
                c = Connection('127.0.0.2:%d' % port)
                for i, k in enumerate(KINDS):
                    if k == kind:
                        c.call('agents/%d/go' % (i + 1),
                               urls or [u for _, u in all], 1e9)
                c.close()

    def clock_addrs(self):
        """How the clock reaches them: directly, or as they do each other."""
        host = '127.0.0.1' if self.through else '127.0.0.2'
        return ['%s:%d' % (host, port) for port in self.ports]

    def step(self):
        clock = self.clock
        t, next = clock.time, clock.next()
        if next is not None and next > t and random.random() < 0.2:
            t += (next - t) / 2     # nothing is due
            frames = clock.step(t)
            self.quiet += 1
            if frames != 2 * len(clock.all):
                self.errors.append('quiet step at %g: %s frames'
                                   % (t, clock.frames))
        else:
            t = t + 1 if next is None else max(next, t)
            frames = clock.step(t)
        self.steps += 1
        self.frames += frames

    def run(self):
        self.start()
        self.set_off()
        self.clock = Clock(self.clock_addrs(), deadline=DEADLINE)
        end = time.monotonic() + self.o.seconds
        try:
            self.clock.step(0)  # from now on none runs ahead of the others
            while self.steps < self.o.steps and time.monotonic() < end:
                self.step()
        except Stuck as e:
            self.errors.append(str(e))
        if self.clock.lost:
            self.errors.append('lost: %s' % self.clock.lost)
        self.clock.close()
        self.report()

    def report(self):
        messages = 0
        if not self.errors:
            for port in self.ports:
                c = Connection('127.0.0.2:%d' % port)
                messages += sum(c.call('agents/%d/report' % (i + 1))
                                for i, k in enumerate(KINDS) if k in 'wa')
                c.close()
        lines = self.bad.read_text().splitlines()
        kinds = collections.Counter(line.split(':')[0] for line in lines)
        print('%s: %d steps (%d quiet), %d messages, %.1f frames a step: %s'
              % (self.name, self.steps, self.quiet, messages,
                 self.frames / max(self.steps, 1),
                 ', '.join('%d %s' % (n, k) for k, n in kinds.items())
                 or 'none wrong'), flush=True)
        for line in (self.errors + lines)[:20]:
            print('\t' + line)
        self.failed = bool(self.errors or lines)
        if not self.failed and messages == 0:
            print('\tno messages')
            self.failed = True

    def stop(self):
        for _ in range(2):    # what is open still would be waited for
            for p in self.processes:
                p.terminate()
            time.sleep(0.1)
        for p in self.processes:
            try:
                status = p.wait(20)
            except subprocess.TimeoutExpired:
                p.kill()
                status = p.wait()
            if status not in (0, 128 + signal.SIGTERM):
                print('\ta container ended with status', status)
                self.failed = True
            p.stdout.close()
        self.relays.communicate()
        shutil.rmtree(self.dir)


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--steps', type=int, default=1000)
    p.add_argument('--seconds', type=float, default=1e9)
    p.add_argument('--seed', type=int)
    p.add_argument('--mix', action='append', choices=MIXES)
    p.add_argument('--verbose', action='store_true')
    o = p.parse_args()
    random.seed(o.seed)
    failed = False
    for name in o.mix or MIXES:
        run = Run(name, o)
        run.failed = True
        try:
            run.run()
        finally:
            run.stop()
        failed = failed or run.failed
    sys.exit(failed)


if __name__ == '__main__':
    main()
