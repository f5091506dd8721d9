#!/usr/bin/env python3
"""A bad cable between two network namespaces, where the kernel has no netem.

    badlink.py PID PID [NAME=VALUE...]

Makes a device "bad" in the namespaces of both processes and carries what one
says to the other.  Of a hundred frames it loses `loss`, sends `twice` two
times and `late` after the next ones; all take `delay` milliseconds.  A line
on standard input changes this ("loss=5 delay=20"; "loss=100" cuts the cable);
each is answered by a line, as is the start.  Ends with standard input.  What is
lost is the same each time that the same frames come.
"""
import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time

TUNSETIFF = 0x400454ca
TAP, NO_INFO = 2, 0x1000
CLONE_NEWNET = 0x40000000

chance = random.Random(1)
settings = {'loss': 0.0, 'twice': 0.0, 'late': 0.0, 'delay': 0.0}


def set_words(words):
    for word in words:
        name, value = word.split('=')
        settings[name] = float(value)


def device_of(pid):
    """Gives the descriptor of a new device in the namespace of a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f'/proc/{pid}/ns/net') as space:
        if libc.setns(space.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), 'setns')
    fd = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack('16sH22x', b'bad', TAP | NO_INFO))
    return fd


class Link:
    def __init__(self, ends):
        self.ends = ends
        self.queue = []     # (when, number, end, frame)
        self.n = 0

    def happens(self, what):
        return chance.random() * 100 < settings[what]

    def take(self, end, frame):
        if self.happens('loss'):
            return
        for _ in range(2 if self.happens('twice') else 1):
            delay = settings['delay'] / 1000
            if self.happens('late'):
                delay += max(delay, 0.002)
            self.n += 1
            heapq.heappush(self.queue,
                           (time.monotonic() + delay, self.n, end, frame))

    def read(self, fd):
        other = self.ends[1 - self.ends.index(fd)]
        try:
            while True:
                self.take(other, os.read(fd, 65536))
        except BlockingIOError:
            pass

    def deliver(self):
        """Gives what is due; returns the time until the next is, or None."""
        while self.queue:
            wait = self.queue[0][0] - time.monotonic()
            if wait > 0:
                return wait
            _, _, end, frame = heapq.heappop(self.queue)
            try:
                os.write(end, frame)
            except OSError:
                pass        # a device that is down, or full: lost
        return None


def main():
    set_words(sys.argv[3:])
    link = Link([device_of(pid) for pid in sys.argv[1:3]])
    print('ready', flush=True)
    while True:
        ready = select.select([0] + link.ends, [], [], link.deliver())[0]
        for fd in ready:
            if fd != 0:
                link.read(fd)
        if 0 in ready:
            line = os.read(0, 4096).decode()
            if not line:
                break
            set_words(line.split())
            print('set', flush=True)


main()
