"""
A clock that steps containers, for tests: frames of JSON on plain sockets.

    clock.py [--step DT] [--until T] [--set ADDR]... ADDR...

Without --step it goes to the next time that a container names.  Prints a line
of JSON for each step: the time, the frames that went to and fro with each
container, what it did.  --set names containers that know set_time only, as
Python's do.  A step that takes longer than --deadline is stuck: then it prints
who is awake, and ends with status 1.
"""
import argparse
import json
import math
import re
import selectors
import socket
import struct
import sys
import time

STEP, IDLE = 'agents/0/step', 'agents/0/idle'


class Stuck(Exception):
    """A step does not come to its end."""


class Failure(Exception):
    """A request has failed."""


class Connection:
    """One connection to a container."""

    def __init__(self, addr, sock=None):
        self.addr = addr
        self.id = self.frames = 0
        self.buffer = b''
        self.answers = {}
        self.active = False
        self.activity, self.next = 0, None
        self.sock = sock
        if sock is not None:
            return
        path = re.fullmatch(r'ipc://\[(.*)\]/?|(\.?/.*)', addr)
        if path:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(path.group(1) or path.group(2))
            return
        host, port = re.fullmatch(r'(?:tcp://)?(.*):(\d+)/*', addr).groups()
        self.sock = socket.create_connection((host or '127.0.0.1', int(port)))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fileno(self):
        return self.sock.fileno()

    def close(self):
        self.sock.close()

    def send(self, message):
        data = json.dumps(message).encode()
        self.sock.sendall(struct.pack('!L', len(data)) + data)
        self.frames += 1

    def request(self, path, *args):
        self.id += 1
        self.send([0, self.id, [path, list(args), {}]])
        return self.id

    def take(self):
        """Return a message that has come, or None."""
        if len(self.buffer) < 4:
            return None
        end = 4 + struct.unpack('!L', self.buffer[:4])[0]
        if len(self.buffer) < end:
            return None
        data, self.buffer = self.buffer[4:end], self.buffer[end:]
        self.frames += 1
        return json.loads(data)

    def read(self):
        """Read what is there; raise EOFError at the end."""
        try:
            data = self.sock.recv(1 << 16)
        except ConnectionError:
            data = b''
        if not data:
            raise EOFError(self.addr)
        self.buffer += data

    def receive(self, timeout=30):
        """Wait for a message; for a connection that does not step."""
        self.sock.settimeout(timeout)
        while (message := self.take()) is None:
            self.read()
        return message

    def answer(self, id, timeout=30):
        """Wait for the answer to a request."""
        while id not in self.answers:
            message = self.receive(timeout)
            if message[0] == 0:
                self.send([1, message[1], None])    # amas/sync
            else:
                self.answers[message[1]] = message
        kind, _, content = self.answers.pop(id)
        if kind != 1:
            raise Failure(content)
        return content

    def call(self, path, *args, timeout=30):
        return self.answer(self.request(path, *args), timeout)


class Clock:
    """
    Steps containers.  In *lost* are those that have ended, in *frames* those
    of the last step.  During a step *while_active*, if set, is called again
    and again, with the clock.
    """

    def __init__(self, addrs, sets=(), deadline=30.0):
        self.selector = selectors.DefaultSelector()
        self.all = [Connection(a) for a in addrs]
        self.sets = [Connection(a) for a in sets]
        for c in self.all:
            self.selector.register(c, selectors.EVENT_READ)
        self.lost = []
        self.frames = []
        self.wakes = 0
        self.deadline = deadline
        self.time = 0
        self.while_active = None

    def close(self):
        for c in self.all + self.sets:
            c.close()

    def next(self):
        """The next time that anybody waits for, or None."""
        return min((c.next for c in self.all if c.next is not None),
                   default=None)

    def activity(self):
        return sum(c.activity for c in self.all)

    def step(self, t):
        """Make a step; return how many frames went to and fro."""
        for c in self.all:
            c.frames = c.activity = 0
        ids = [(c, c.request('agents/0/set_time', t)) for c in self.sets]
        for c, id in ids:
            self._await(c, id)
        self.time = t
        for c in self.all:
            c.active = True
            c.asked = c.request(STEP, t)
        self.finish()
        self.frames = [c.frames for c in self.all]
        return sum(self.frames)

    def woken(self):
        """Between steps: wait for somebody to wake, and till all rest again."""
        wakes = self.wakes
        while self.wakes == wakes:
            ready = self.selector.select(self.deadline)
            assert ready, 'nobody woke'
            for key, _ in ready:
                self._read(key.fileobj)
        self.finish()

    def _await(self, c, id):
        c.sock.settimeout(self.deadline)
        while True:
            message = c.take()
            if message is None:
                c.read()
            elif message[0] == 0:
                raise AssertionError(message)
            elif message[1] == id:
                assert message[0] == 1, message
                return

    def finish(self):
        """Go on with a step that was begun, to its end."""
        end = time.monotonic() + self.deadline
        while any(c.active for c in self.all):
            if self.while_active:
                self.while_active(self)
            wait = 0.01 if self.while_active else end - time.monotonic()
            ready = self.selector.select(max(wait, 0))
            if not ready and time.monotonic() >= end:
                raise Stuck(self._awake())
            for key, _ in ready:
                self._read(key.fileobj)

    def _read(self, c):
        try:
            c.read()
        except EOFError:
            self.selector.unregister(c)
            self.all.remove(c)
            self.lost.append(c)
            c.active = False
            return
        while (message := c.take()) is not None:
            self._handle(c, message)

    def _handle(self, c, message):
        kind, id, content = message
        if kind == 0:
            assert content[0] == 'amas/wake', message
            self.wakes += 1
            c.send([1, id, None])
            if not c.active:
                c.active = True
                c.asked = c.request(IDLE)
            return
        if kind != 1:
            raise Failure(content)
        assert id == c.asked and c.active, message
        c.active = False
        c.activity += content[0]
        c.next = content[1]

    def _awake(self):
        """Who is awake, where something is: a line for each container."""
        lines = ['stuck at %g' % self.time]
        for c in self.all:
            if not c.active:
                continue
            id = c.request('amas/awake')
            c.sock.settimeout(5)
            while True:
                message = c.take()
                if message is None:
                    c.read()
                elif message[0] != 0 and message[1] == id:
                    break
            lines.append('%s: %s' % (c.addr, json.dumps(message[2])))
        return '\n'.join(lines)


def run(clock, o):
    last = math.inf if o.until is None else o.until
    t = o.step or 0
    while t is not None and t <= last:
        clock.step(t)
        print(json.dumps({'t': t, 'frames': clock.frames,
                          'activity': clock.activity(),
                          'next': clock.next()}), flush=True)
        t = clock.next() if o.step is None else t + o.step


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--step', type=float)
    p.add_argument('--until', type=float)
    p.add_argument('--deadline', type=float, default=30)
    p.add_argument('--set', action='append', default=[])
    p.add_argument('addr', nargs='+')
    o = p.parse_args()
    clock = Clock(o.addr, o.set, o.deadline)
    try:
        run(clock, o)
    except (Stuck, Failure) as e:
        sys.exit(str(e))
    if clock.lost:
        sys.exit('lost: %s' % ' '.join(c.addr for c in clock.lost))


if __name__ == '__main__':
    main()
