"""
A container of Python's aiomas with agents, for tests of amas-container.

    agents.py [--codec NAME] [--subproc] [--ssl CA CERT KEY]
              [--clock external [START [INIT]]] ADDR

Prints its base URL when it is ready; ends with its standard input.  Agent 0 is
a Peer, or with --subproc a Manager, as aiomas.subproc starts it.  With --clock,
which stands behind ADDR, agent 0 is a Manager, agent 1 a Sleeper, the date at
time 0 is START (2016-01-01) and the time INIT (-1).  Port 0 is any that is free,
but not with --subproc.
"""
import argparse
import asyncio
import json
import socket
import sys

from aiomas_compat import aiomas
from peer import CODECS, add_ssl, parse_addr

import aiomas.subproc


class Peer(aiomas.Agent):
    """What amas agents call, and what calls them."""

    @aiomas.expose
    def spam(self, x):
        return x

    @aiomas.expose
    def fail(self):
        return 1 / 0

    @aiomas.expose
    async def ask(self, url, function, *args):
        agent = await self.container.connect(url, timeout=2)
        return [str(agent), await getattr(agent, function)(*args)]

    @aiomas.expose
    def bid(self, task):
        return task * 2 + 1

    @aiomas.expose
    def award(self, task):
        return 'task %d goes to aiomas' % task

    @aiomas.expose
    async def spawn_at(self, url, *args):
        """Drive a manager as a program for aiomas.subproc does."""
        manager = await self.container.connect(url)
        agent, addr = await manager.spawn(*args)
        return [addr, await agent.tell()]


class Sleeper(aiomas.Agent):
    """Sleeps by the clock of its container."""

    task = None

    def __init__(self, container):
        super().__init__(container)
        self.noted = []
        self.news = asyncio.Event()

    @aiomas.expose
    def time(self):
        return self.container.clock.time()

    @aiomas.expose
    def sleepers(self):
        return len(self.container.clock._queue)

    @aiomas.expose
    async def nap(self, dt):
        await self.container.clock.sleep(dt)
        return self.container.clock.time()

    @aiomas.expose
    async def nap_and_call(self, dt, url, function, *args):
        await self.container.clock.sleep(dt)
        agent = await self.container.connect(url, timeout=2)
        return await getattr(agent, function)(*args)

    @aiomas.expose
    def told(self, t):
        """Note what others say that the time is; say it, too."""
        return self.note(t, self.container.clock.time())[1]

    @aiomas.expose
    async def tell_each(self, dt, url):
        """Tell an agent the time, every *dt* seconds from now on."""
        agent = await self.container.connect(url, timeout=2)

        async def tell():
            while True:
                await self.container.clock.sleep(dt)
                t = self.container.clock.time()
                self.note(t, await agent.told(t))

        self.task = asyncio.ensure_future(tell())
        await asyncio.sleep(0)  # it sleeps

    @aiomas.expose
    async def notes(self, n):
        """Wait for *n* notes, of both; return them."""
        while len(self.noted) < n:
            self.news.clear()
            await self.news.wait()
        return self.noted

    def note(self, *pair):
        self.noted.append(pair)
        self.news.set()
        return pair

    @aiomas.expose
    def block(self, path):
        """Hold the container up until somebody opens a pipe."""
        with open(path) as f:
            return f.read()


async def steered(addr, codec, start='2016-01-01', init=-1):
    clock = aiomas.ExternalClock(start, init_time=json.loads(str(init)))
    c = await aiomas.Container.create(addr, clock=clock, codec=codec,
                                      as_coro=True)
    manager = aiomas.subproc.Manager(c)
    sleeper = Sleeper(c)
    print(manager.addr[:-1], flush=True)
    await manager.stop_received
    if sleeper.task is not None:
        sleeper.task.cancel()
    await c.shutdown(as_coro=True)


def free_port(addr):
    """Aiomas puts the port that it is given into URLs, so not 0."""
    with socket.create_server(addr) as s:
        return s.getsockname()


async def main(o):
    addr = parse_addr(o.addr)
    if o.clock:
        await steered(addr, CODECS[o.codec], *o.clock[1:])
        return
    if o.ssl is not None:
        addr = free_port(addr)
    more = {} if o.ssl is None else {'ssl': aiomas.SSLCerts(*o.ssl)}
    if o.subproc:
        await aiomas.subproc.start(addr, codec=CODECS[o.codec], **more)
        return
    c = await aiomas.Container.create(addr, codec=CODECS[o.codec],
                                      as_coro=True, **more)
    if isinstance(addr, tuple):
        # aiomas puts the port into URLs that it was told, which may be 0.
        addr = c._tcp_server.sockets[0].getsockname()[:2]
        c._base_url = aiomas.agent._get_base_url(addr)
    agent = Peer(c)
    print(agent.addr[:-1], flush=True)
    loop = asyncio.get_event_loop()
    await loop.run_in_executor(None, sys.stdin.read)
    await c.shutdown(as_coro=True)


if __name__ == '__main__':
    p = argparse.ArgumentParser()
    p.add_argument('--codec', choices=CODECS, default='json')
    p.add_argument('--subproc', action='store_true')
    p.add_argument('--clock', nargs='+')
    add_ssl(p)
    p.add_argument('addr')
    aiomas.run(main(p.parse_args()))
