"""
Time in Python's aiomas, for the bench.

    clock.py host PATH COUNT PERIOD
    clock.py drive PATH STEPS PERIOD URL...
    clock.py wake PATH T URL

host: a container at a unix socket with a manager, an ExternalClock and COUNT
agents, each of which sleeps for PERIOD seconds again and again, from -PERIOD on;
prints its base URL when they sleep, ends with SIGTERM.

drive: takes STEPS steps of PERIOD seconds, the first to 0, with containers as a program does that has started them by aiomas.subproc; wake: sets the time
of one and waits until all of its agents are awake.  Both print the seconds;
PATH is their own socket.
"""
import asyncio
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'peer'))

from aiomas_compat import aiomas  # noqa: E402

import aiomas.subproc  # noqa: E402


class Sleeper(aiomas.Agent):
    """What the plugin does, in Python."""

    woken = 0
    count = 0
    all_awake = None

    async def live(self, period):
        while True:
            await self.container.clock.sleep(period)
            Sleeper.woken += 1
            if Sleeper.woken == Sleeper.count:
                Sleeper.all_awake.set()

    @aiomas.expose
    def counts(self):
        return [Sleeper.woken, 0, 0]

    @aiomas.expose
    async def await_all(self):
        """Wait until all have woken once."""
        await Sleeper.all_awake.wait()


async def host(path, count, period):
    clock = aiomas.ExternalClock('1970-01-01', init_time=-period)
    c = await aiomas.Container.create(path, clock=clock, as_coro=True)
    manager = aiomas.subproc.Manager(c)
    Sleeper.count = count
    Sleeper.all_awake = asyncio.Event()
    tasks = [asyncio.ensure_future(Sleeper(c).live(period))
             for _ in range(count)]
    end = asyncio.Event()
    asyncio.get_event_loop().add_signal_handler(signal.SIGTERM, end.set)
    await asyncio.sleep(0)  # all sleep
    print(manager.addr[:-1], flush=True)
    await end.wait()
    for task in tasks:
        task.cancel()
    await c.shutdown(as_coro=True)


async def drive(c, steps, period, urls):
    managers = [await c.connect(url + '0') for url in urls]
    begin = time.perf_counter()
    for t in range(steps):
        await asyncio.gather(*[m.set_time(t * period) for m in managers])
    return time.perf_counter() - begin


async def wake(c, t, url):
    manager, sleeper = await c.connect(url + '0'), await c.connect(url + '1')
    begin = time.perf_counter()
    await manager.set_time(t)
    await sleeper.await_all()
    return time.perf_counter() - begin


async def master(what, path, a, b, *urls):
    c = await aiomas.Container.create(path, as_coro=True)
    try:
        if what == 'drive':
            print('%.6f' % await drive(c, int(a), int(b), urls))
        else:
            print('%.6f' % await wake(c, int(a), b))
    finally:
        await c.shutdown(as_coro=True)


if __name__ == '__main__':
    if sys.argv[1] == 'host':
        aiomas.run(host(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
    else:
        aiomas.run(master(*sys.argv[1:]))
