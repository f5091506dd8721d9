"""
Workers for the stress of steps; the functions are those of steps_plugin.c.

    steps_worker.py async|simple

An async worker goes on with other calls while one waits, and says so when it is
asked whether it is asleep.  A simple one reads on until it has its answer, and
keeps what comes before that; it has no will of its own.
"""
import collections
import json
import os
import random
import sys
import time

TICK = 0.25


class Worker:
    def __init__(self):
        self.urls = []
        self.until = 0
        self.messages = self.ids = 0

    def write(self, *message):
        sys.stdout.write(json.dumps(message) + '\n')
        sys.stdout.flush()

    def bad(self, kind, what, sent, now):
        with open(os.environ['STEPS_BAD'], 'a') as f:
            f.write('%s: %s %s: sent at %g, handled at %g\n'
                    % (kind, os.environ['AMAS_SELF'], what, sent, now))

    def check(self, what, sent, now, latest=None):
        """*latest*: when it could handle it at all; None: at any time."""
        self.messages += 1
        if sent > now:
            self.bad('early', what, sent, now)
        elif now > max(sent, sent if latest is None else latest):
            self.bad('late', what, sent, now)

    # A generator gives requests, and gets their answers.

    def time(self):
        return (yield 'amas/time', [])

    def call(self, depth):
        now = yield from self.time()
        answer = yield 'amas/call', [random.choice(self.urls), 'hit',
                                     [now, depth], {}]
        now = yield from self.time()
        if answer is not None:
            self.check('reply', answer, now)

    def hit(self, sent, depth, latest=None):
        now = yield from self.time()
        self.check('hit', sent, now, latest)
        what = random.randrange(4)
        if what == 0:
            yield 'amas/sleep', [TICK * random.randrange(6)]
        elif what == 1 and depth > 0 and self.urls:
            yield from self.call(depth - 1)
        elif what == 2:
            time.sleep(random.random() * 0.02)
            after = yield from self.time()
            if after != now:
                self.bad('overtaken', 'hit', now, after)
        return (yield from self.time())

    def will(self):
        while True:
            yield 'amas/sleep', [TICK * random.randrange(1, 9)]
            if (yield from self.time()) > self.until:
                return
            yield from self.call(3)

    def go(self, urls, until):
        self.urls, self.until = urls, until

    def simple_call(self, id, path, args):
        """Answer what takes no request; False: it is another."""
        if path == 'report':
            self.write(1, id, self.messages)
        elif path == 'go':
            self.go(*args)
            self.write(1, id, None)
        elif path != 'hit':
            self.write(2, id, 'no %s' % path)
        else:
            return False
        return True


class Async(Worker):
    def __init__(self):
        super().__init__()
        self.open = {}

    def go(self, urls, until):
        super().go(urls, until)
        self.start(self.will(), None)

    def start(self, generator, id):
        self.send(generator, id, None)

    def send(self, generator, id, answer):
        try:
            path, args = generator.send(answer)
        except StopIteration as e:
            if id is not None:
                self.write(1, id, e.value)
            return
        self.ids += 1
        self.open[self.ids] = generator, id
        self.write(0, self.ids, [path, args, {}])

    def run(self):
        for line in sys.stdin:
            kind, id, content = json.loads(line)
            if kind != 0:
                generator, call = self.open.pop(id)
                self.send(generator, call, content if kind == 1 else None)
            elif content[0] == 'amas/sync':
                self.write(1, id, 'async')
            elif not self.simple_call(id, *content[:2]):
                self.start(self.hit(*content[1]), id)


class Simple(Worker):
    def __init__(self):
        super().__init__()
        self.kept = collections.deque()
        self.free = 0

    def read(self):
        line = sys.stdin.readline()
        if not line:
            sys.exit()
        return json.loads(line)

    def ask(self, path, args):
        self.ids += 1
        self.write(0, self.ids, [path, args, {}])
        while True:
            kind, id, content = message = self.read()
            if kind != 0 and id == self.ids:
                return content if kind == 1 else None
            self.kept.append(message)

    def work(self, id, args):
        generator, answer = self.hit(*args, latest=self.free), None
        while True:
            try:
                answer = self.ask(*generator.send(answer))
            except StopIteration as e:
                self.free = e.value
                self.write(1, id, e.value)
                return

    def run(self):
        while True:
            message = self.kept.popleft() if self.kept else self.read()
            _, id, (path, args, _) = message
            if path == 'amas/sync':
                self.write(1, id, None)
            elif not self.simple_call(id, path, args):
                self.work(id, args)


random.seed()
{'async': Async, 'simple': Simple}[sys.argv[1]]().run()
