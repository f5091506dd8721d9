"""
The agents of the bench in Python's aiomas.

    agents.py PATH COUNT

A container at a unix socket with COUNT agents; prints its base URL when they
are made, ends with SIGTERM.
"""
import asyncio
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'peer'))

from aiomas_compat import aiomas  # noqa: E402


class Bench(aiomas.Agent):
    """What the plugin and the worker do, in Python."""

    @aiomas.expose
    def service(self, value):
        return value

    @aiomas.expose
    async def flood(self, url, n, depth):
        """Call service(0) to service(n - 1) of *url*, *depth* at a time; give
        how many replies were right and wrong."""
        agent = await self.container.connect(url)
        values = iter(range(n))
        count = [0, 0]

        async def call():
            for value in values:
                count[await agent.service(value) != value] += 1

        await asyncio.gather(*[call() for _ in range(depth)])
        return count


async def main(path, count):
    c = await aiomas.Container.create(path, as_coro=True)
    agents = [Bench(c) for _ in range(count)]
    end = asyncio.Event()
    asyncio.get_event_loop().add_signal_handler(signal.SIGTERM, end.set)
    print(agents[0].addr[:-1], flush=True)
    await end.wait()
    await c.shutdown(as_coro=True)


if __name__ == '__main__':
    aiomas.run(main(sys.argv[1], int(sys.argv[2])))
