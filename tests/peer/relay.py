"""
Relays that hand on what comes with a delay, for containers behind them.

    relay.py [--delay MIN,MAX] [--part P] [COUNT]

Each listens on a free port of 127.0.0.1 and connects to the same port of
127.0.0.2, so that a container can be told where others reach it before it is
there:

    amas-container --advertise 127.0.0.1:PORT 127.0.0.2:PORT ...

Prints the ports, one a line; ends with its standard input.  What is read at a
time is delayed at random, or with --part that part of it; each way for itself,
and in its order.
"""
import argparse
import asyncio
import random
import socket
import sys

HERE, THERE = '127.0.0.1', '127.0.0.2'


class Relay:
    """One port.  *delay* gives the seconds of the next piece."""

    def __init__(self, delay):
        self.delay = delay
        self.port = None
        self.server = None

    async def start(self):
        self.server = await asyncio.start_server(self._serve, HERE, 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def _serve(self, reader, writer):
        try:
            there = await asyncio.open_connection(THERE, self.port)
        except OSError:
            writer.transport.abort()
            return
        for w in writer, there[1]:
            sock = w.get_extra_info('socket')
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await asyncio.gather(self._hand_on(reader, there[1]),
                                 self._hand_on(there[0], writer))
        except asyncio.CancelledError:
            pass    # all ends

    async def _hand_on(self, reader, writer):
        queue = asyncio.Queue()
        out = asyncio.ensure_future(self._write(queue, writer))
        loop = asyncio.get_running_loop()
        data = True
        while data:
            try:
                data = await reader.read(1 << 16)
            except ConnectionError:
                data = b''
            queue.put_nowait((loop.time() + self.delay(), data))
        await out

    async def _write(self, queue, writer):
        """Write in order, none before its time; none: the end."""
        loop = asyncio.get_running_loop()
        data = True
        while data:
            due, data = await queue.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            try:
                if data:
                    writer.write(data)
                    await writer.drain()
            except ConnectionError:
                break
        writer.close()


async def main():
    p = argparse.ArgumentParser()
    p.add_argument('--delay', default='0,0')
    p.add_argument('--part', type=float, default=1)
    p.add_argument('count', type=int, nargs='?', default=1)
    o = p.parse_args()
    low, high = map(float, o.delay.split(','))

    def delay():
        return random.random() < o.part and random.uniform(low, high)
    for _ in range(o.count):
        r = Relay(delay)
        await r.start()
        print(r.port, flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == '__main__':
    asyncio.run(main())
