#!/usr/bin/env python3
"""A raw peer: a script on standard input talks bytes and frames to a socket.

    rawpeer.py ADDR [NAME=VALUE...] <<'END'
    c = connect()
    c.call(0, "add", 3, 4)
    assert c.recv() == [1, 0, 7]
    END

Everything has a limit of time; a failed assertion prints its line.  ADDR is as
amas-serve prints it; NAME=VALUE are variables of the script (text, or a number
if it is one).  `listen()` makes the script the server.
"""
import array
import fcntl
import json
import os
import re
import select
import signal  # for scripts
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading  # for scripts
import time
import traceback

PATIENCE = float(os.environ.get('PATIENCE', '30'))


def parse(addr):
    """Gives family and address of what amas-serve prints."""
    if addr.startswith('ipc://'):
        path = addr[6:]
        if path.startswith('['):
            path = path[1:path.index(']')]
        return socket.AF_UNIX, path
    host, port = re.fullmatch(r'(?:tcp://)?(.*):(\d+)/?', addr).groups()
    host = host.strip('[]') or '127.0.0.1'
    family, _, _, _, where = socket.getaddrinfo(
        host, int(port), type=socket.SOCK_STREAM)[0]
    return family, where


def frame(message):
    """Frames bytes, or the JSON of anything else."""
    data = message if isinstance(message, bytes) \
        else json.dumps(message).encode()
    return struct.pack('>I', len(data)) + data


def request(id, path, *args, **kwargs):
    return frame([0, id, [path, list(args), kwargs]])


class Peer:
    """One connection."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(PATIENCE)
        self.buffer = b''
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data):
        self.sock.sendall(data)

    def call(self, id, path, *args, **kwargs):
        self.send(request(id, path, *args, **kwargs))

    def ask(self, id, path, *args, **kwargs):
        """Calls and gives the next message."""
        self.call(id, path, *args, **kwargs)
        return self.recv()

    def taken(self):
        """Waits until the other end has read what was sent.  A unix socket
        tells; on TCP, that its system has it must do."""
        end = time.monotonic() + PATIENCE
        left = array.array('i', [1])
        while time.monotonic() < end:
            fcntl.ioctl(self.sock, termios.TIOCOUTQ, left)
            if left[0] == 0:
                return
            select.select([], [], [], 0.0005)
        raise AssertionError('the other end does not read')

    def recv_bytes(self, n):
        while len(self.buffer) < n:
            more = self.sock.recv(1 << 20)
            if not more:
                raise EOFError(f'closed after {len(self.buffer)} of {n} bytes')
            self.buffer += more
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def recv_raw(self):
        """Gives the payload of the next frame."""
        return self.recv_bytes(struct.unpack('>I', self.recv_bytes(4))[0])

    def recv(self):
        return json.loads(self.recv_raw())

    def closed(self):
        """Asserts that the other end closes and has nothing more to say."""
        assert self.buffer == b'', self.buffer
        try:
            data = self.sock.recv(1 << 16)
        except ConnectionResetError:
            return
        assert data == b'', data

    def quiet(self):
        """Asserts that nothing is there to be read now."""
        assert self.buffer == b'', self.buffer
        assert not select.select([self.sock], [], [], 0)[0]

    def end(self):
        """Half-close: no more is sent."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Closes without a word (TCP: by RST)."""
        if self.sock.family != socket.AF_UNIX:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack('ii', 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()


def connect(where=None):
    """Blocks, since a unix socket whose backlog is full refuses otherwise."""
    family, address = parse(where or addr)
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.connect(address)
    return Peer(sock)


class Listener:
    """A server of one's own; addr is what callers are given."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.sock.settimeout(PATIENCE)
        self.sock.bind(path or ('127.0.0.1', 0))
        self.sock.listen()
        self.addr = path or '127.0.0.1:%d' % self.sock.getsockname()[1]

    def accept(self):
        return Peer(self.sock.accept()[0])


def listen(path=None):
    return Listener(path)


class Running:
    """A program in the background."""

    def __init__(self, argv, stdin=None):
        self.out = tempfile.TemporaryFile()
        self.err = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=self.out, stderr=self.err)

    def wait(self):
        """Gives its exit status, output and errors."""
        status = self.process.wait(PATIENCE)
        texts = []
        for f in self.out, self.err:
            f.seek(0)
            texts.append(f.read().decode())
        return (status, *texts)


def start(*argv, **options):
    return Running(argv, **options)


def memory(pid, what='VmRSS'):
    """Gives a figure of /proc/PID/status in bytes."""
    with open(f'/proc/{pid}/status') as f:
        return int(re.search(what + r':\s+(\d+) kB', f.read())[1]) << 10


def until(condition, what='that'):
    """Waits until the condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f'{what} did not happen')
        select.select([], [], [], 0.005)


def log_has(path, text):
    with open(path, errors='replace') as f:
        return text in f.read()


def main():
    global addr
    addr = sys.argv[1]
    names = globals()
    for word in sys.argv[2:]:
        name, value = word.split('=', 1)
        names[name] = int(value) if re.fullmatch(r'-?\d+', value) else value
    source = sys.stdin.read()
    try:
        exec(compile(source, 'script', 'exec'), names)
    except BaseException as error:
        for entry in traceback.extract_tb(error.__traceback__):
            if entry.filename == 'script':
                line = source.split('\n')[entry.lineno - 1].strip()
                print(f'line {entry.lineno}: {line}', file=sys.stderr)
        print(f'{type(error).__name__}: {str(error)[:2000]}', file=sys.stderr)
        sys.exit(1)


main()
