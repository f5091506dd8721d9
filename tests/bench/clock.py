"""
Agents of Python's aiomas that sleep again and again, for the bench of clocks.

    clock.py PATH COUNT

A container at a unix socket whose clock is set by agent 0, a manager, with COUNT
agents that sleep for 900 s, from -1 on; prints its base URL, ends with SIGTERM.
"""
import asyncio
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'peer'))

from aiomas_compat import aiomas  # noqa: E402
import aiomas.subproc  # noqa: E402


async def nap(clock):
    while True:
        await clock.sleep(900)


async def main(path, count):
    clock = aiomas.ExternalClock('2016-01-01', init_time=-1)
    c = await aiomas.Container.create(path, clock=clock, as_coro=True)
    manager = aiomas.subproc.Manager(c)
    loop = asyncio.get_event_loop()
    tasks = [loop.create_task(nap(clock)) for _ in range(count)]
    end = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, end.set)
    print(manager.addr[:-1], flush=True)
    await end.wait()
    for task in tasks:
        task.cancel()
    await c.shutdown(as_coro=True)


if __name__ == '__main__':
    aiomas.run(main(sys.argv[1], int(sys.argv[2])))
