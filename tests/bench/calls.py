"""
Calls of Python's aiomas, for the bench.

    calls.py call URL CALLS WINDOW	calls a second, WINDOW at a time
    calls.py json FILE SECONDS		MB/s of json.loads() and json.dumps()
"""
import asyncio
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'peer'))

from aiomas_compat import aiomas  # noqa: E402
from peer import parse_addr  # noqa: E402


async def call(url, calls, window):
    rpc = await aiomas.rpc.open_connection(parse_addr(url))
    value = 'x' * 36
    begin = time.perf_counter()
    for _ in range(calls // window):
        replies = await asyncio.gather(
            *[rpc.remote.echo(value) for _ in range(window)])
        assert replies == [value] * window
    rate = calls // window * window / (time.perf_counter() - begin)
    await rpc.close()
    return rate


def both(name, seconds):
    with open(name) as f:
        text = f.read()
    n, begin, took = 0, time.perf_counter(), 0
    while took < seconds or n == 0:
        json.dumps(json.loads(text))
        n += 1
        took = time.perf_counter() - begin
    return n * len(text) / took / 1e6


def main():
    what, where, a, *b = sys.argv[1:]
    if what == 'json':
        print('%.1f' % both(where, float(a)))
    else:
        loop = asyncio.get_event_loop_policy().get_event_loop()
        print('%.1f' % loop.run_until_complete(call(where, int(a), int(*b))))


if __name__ == '__main__':
    main()
