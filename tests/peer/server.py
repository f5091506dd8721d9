"""
An aiomas RPC server with the functions that peer/services has as executables.

    server.py [--ready-fd N] [--codec json|msgpack] [--types NAMES]
              [--container] [--ssl CA CERT KEY] ADDR

With --container it is a container (on a unix socket) whose agent 0 has echo
and tomorrow.

It prints its address on descriptor N (default: standard output) when it is
ready and ends with status 0 on SIGTERM.
"""
import argparse
import asyncio
import os
import signal
import sys

from aiomas_compat import aiomas
from peer import (CODECS, Money, add_ssl, announce, parse_addr, serializers,
                  server_ssl)

MIB = 1 << 20


class Const:
    """Functions without arguments, one for each type of result."""
    router = aiomas.rpc.Service()

    values = {
        'null': None,
        'true': True,
        'false': False,
        'int': 7,
        'negative': -3,
        'float': 2.5,
        'exponent': 1e100,
        'text': 'hello world',
        'empty': '',
        'list': [1, 'two', None, [3.5]],
        'map': {'a': 1, 'b': {'c': [True, False]}},
        'huge': 10 ** 30,
        'blob': 'x' * (10 * MIB),
    }

    def __init__(self):
        for name, value in self.values.items():
            setattr(self, name, self._function(value))

    @staticmethod
    def _function(value):
        return aiomas.expose(lambda: value)


class Inner:
    router = aiomas.rpc.Service()

    @router.expose
    def where(self):
        return 'sub/inner'


class Sub:
    router = aiomas.rpc.Service(['inner'])

    def __init__(self):
        self.inner = Inner()

    @router.expose
    def where(self):
        return 'sub'


class Root:
    router = aiomas.rpc.Service(['const', 'sub'])

    def __init__(self):
        self.const = Const()
        self.sub = Sub()

    @router.expose
    def add(self, a, b):
        return a + b

    @router.expose
    def echo(self, value):
        return value

    @router.expose
    def size(self, text):
        return len(text)

    @router.expose
    def greet(self, name, greeting='Hello'):
        return '%s, %s' % (greeting, name)

    @router.expose
    def kwargs(self, *args, **kwargs):
        return [args, kwargs]

    @router.expose
    def fail(self, text):
        raise ValueError(text)

    def secret(self):
        """Not exposed."""

    @router.expose
    async def gate(self, directory, i):
        """Return i when there is a line in the FIFO i."""
        loop = asyncio.get_running_loop()
        fd = os.open(os.path.join(directory, str(i)),
                     os.O_RDONLY | os.O_NONBLOCK)
        opened = asyncio.Event()
        loop.add_reader(fd, opened.set)
        await opened.wait()
        loop.remove_reader(fd)
        os.read(fd, 1)
        os.close(fd)
        return i

    @router.expose
    async def hang(self, directory):
        """Say on the FIFO started that the call is there, never answer."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._write,
                                   os.path.join(directory, 'started'))
        await asyncio.Event().wait()

    @staticmethod
    def _write(path):
        with open(path, 'w') as f:
            f.write('\n')

    @router.expose
    def die(self):
        os.kill(os.getpid(), signal.SIGKILL)

    # What an executable cannot give yet.

    @router.expose
    def intkeys(self):
        return {1: 'one', '1': 'text', -5: 'neg'}

    @router.expose
    def service(self):
        """A proxy of a sub-service."""
        return self.sub

    @router.expose
    def priced(self):
        """A proxy inside a typed value, in a list."""
        return [Money(self.sub, 'EUR')]

    @router.expose
    def repr(self, value):
        return repr(value)

    @router.expose
    async def ask_inside(self, money, name):
        """Call function *name* of the service that *money* holds."""
        return await getattr(money.amount, name)()

    @router.expose
    async def hand(self, peer, name, value):
        """Call function *name* of *peer* with a value."""
        return await getattr(peer, name)(value)

    @router.expose
    async def ask(self, peer, name):
        """Call function *name* of the service *peer* that the caller sent."""
        return await getattr(peer, name)()


class Agent(aiomas.Agent):
    @aiomas.expose
    def echo(self, value):
        return value

    @aiomas.expose
    def tomorrow(self, date):
        return date.shift(days=1)


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--ready-fd', type=int, default=1)
    p.add_argument('--codec', choices=CODECS, default='json')
    p.add_argument('--types', default='')
    p.add_argument('--container', action='store_true')
    add_ssl(p)
    p.add_argument('addr')
    o = p.parse_args()

    loop = asyncio.get_event_loop_policy().get_event_loop()
    loop.add_signal_handler(signal.SIGTERM, loop.stop)
    addr = parse_addr(o.addr)
    if o.container:
        server = aiomas.Container.create(
            addr, codec=CODECS[o.codec],
            extra_serializers=serializers(o.types))
        Agent(server)
    else:
        server = loop.run_until_complete(aiomas.rpc.start_server(
            addr, Root(), codec=CODECS[o.codec],
            extra_serializers=serializers(o.types), **server_ssl(o)))
    if not isinstance(addr, str):
        addr = server.sockets[0].getsockname()
    announce(addr, o.ready_fd)
    loop.run_forever()

    # Open connections and unfinished calls end with the process.
    if not o.container:
        server.close()
    if isinstance(addr, str) and os.path.exists(addr):
        os.unlink(addr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == '__main__':
    main()
