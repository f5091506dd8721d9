"""
Random values, the same for a seed, on their way through amas and back.

    values.py [OPTION...] call ADDR   send them to ADDR/echo, compare
    values.py [OPTION...] lines       print calls of echo for amas-call -B
    values.py [OPTION...] check       compare its outcomes, standard input
    values.py worker                  a worker: echo, by way of Python objects
    values.py [OPTION...] dates       print calls of date for amas-call -B
    values.py [OPTION...] whole       compare its outcomes with arrow's

    --codec NAME    what they may hold (default: json)
    --count N       how many (default: 100,000), --batch N of them in one call
    --seed N        which ones

Equal means: of the same type all the way down, numbers bit by bit; lists and
tuples are the same, as the wire has one of them.
"""
import argparse
import asyncio
import json
import math
import random
import struct
import sys
from datetime import timedelta, timezone

import arrow

from aiomas_compat import aiomas
from peer import CODECS, Money, Point, from_json, parse_addr, serializers, \
    to_json

TYPES = 'date,point,money'
IN_FLIGHT = 4
DEEP = 300

# What JSON has not, and MsgPack has not.
MSGPACK = {'bytes', 'keys'}
JSON = {'huge', 'surrogates'}

REALS = [0.0, -0.0, 0.1, 1e16, 1e22, 1e-320, 5e-324, 1.7976931348623157e308,
         2.2250738585072014e-308, 2.0 ** 53, 0.30000000000000004, 1e15 + 0.5,
         123456789012345678.0, math.nan, math.inf, -math.inf]
INTS = [0, -1, 23, 127, 128, 255, 256, -32, -33, -128, -129, 65535, 65536,
        2 ** 31, -2 ** 31 - 1, 2 ** 32, 2 ** 53, 2 ** 53 + 1, -2 ** 53 - 1,
        2 ** 63 - 1, -2 ** 63, 2 ** 63, 2 ** 64 - 1]
TEXTS = ['', '\0', '"\\/', '\b\f\n\r\t\x1b\x7f\x80\x9f', '\u2028\u2029',
         '\u202eabc\u2066', '\ufeff', '\uffff', '\U0001f600', '\U0010ffff',
         'true', 'NaN', '1e5', '{}', 'proxy', '2016-01-01']
ALPHABETS = ['abcdefghij', 'äöüß€', '日本語', '\U0001f600\U00020000',
             '\x00\x01\x1f"\\ ']
KEYS = ['a', 'key', 'äö', '', '0', 'type', '__type', '\0']


class Values:
    """Makes values."""

    def __init__(self, codec, seed):
        self.r = random.Random('%s/%d' % (codec.split('-')[0], seed))
        self.has = JSON if codec == 'json' else MSGPACK

    def real(self):
        if self.r.random() < 0.3:
            return self.r.choice(REALS)
        if self.r.random() < 0.5:
            return round(self.r.uniform(-1e6, 1e6), self.r.randrange(8))
        x, = struct.unpack('<d', self.r.randbytes(8))
        return math.nan if math.isnan(x) else x

    def int(self):
        if self.r.random() < 0.3:
            return self.r.choice(INTS)
        if 'huge' in self.has and self.r.random() < 0.1:
            n = self.r.getrandbits(self.r.randrange(64, 1300))
            return n if self.r.random() < 0.5 else -n
        return self.r.getrandbits(self.r.randrange(64)) - \
            self.r.getrandbits(self.r.randrange(63))

    def text(self):
        if self.r.random() < 0.2:
            return self.r.choice(TEXTS)
        n = self.r.choice((1, 5, 31, 32, 40)) if self.r.random() < 0.9 else \
            self.r.choice((255, 256, 3000))
        text = ''.join(self.r.choices(self.r.choice(ALPHABETS), k=n))
        if 'surrogates' in self.has and self.r.random() < 0.1:
            text += 'x' + chr(self.r.randrange(0xd800, 0xe000)) + 'x'
        return text

    def bytes(self):
        return self.r.randbytes(self.r.choice((0, 1, 2, 3, 10, 255, 256)))

    def date(self):
        offset = 0
        if self.r.random() < 0.6:
            offset = self.r.choice((60, -90, 1439, -1439, 330,
                                    self.r.randrange(-1439, 1440)))
        year = self.r.choice((1, 9999, 1900, 2000, 2016, 1969,
                              self.r.randrange(1, 10000)))
        return arrow.Arrow(
            year, self.r.randrange(1, 13), self.r.randrange(1, 29),
            self.r.randrange(24), self.r.randrange(60), self.r.randrange(60),
            self.r.choice((0, 1, 500000, self.r.randrange(1000000))),
            tzinfo=timezone(timedelta(minutes=offset)))

    def key(self):
        if 'keys' not in self.has or self.r.random() < 0.5:
            return self.r.choice(KEYS) + str(self.r.randrange(20))
        return self.r.choice((
            self.int, self.text, self.bytes,
            lambda: self.r.choice((None, True, False, 0.5, -2.0))))()

    def scalar(self):
        kind = self.r.randrange(10)
        if kind < 2:
            return self.int()
        if kind < 4:
            return self.real()
        if kind < 7:
            return self.text()
        if kind == 7 and 'bytes' in self.has:
            return self.bytes()
        if kind == 8 and self.r.random() < 0.4:
            return self.date()
        return self.r.choice((None, True, False))

    def value(self, room=3):
        kind = self.r.random()
        if room == 0 or kind < 0.6:
            return self.scalar()
        n = self.r.choice((0, 1, 2, 3, 5))
        if kind < 0.75:
            return [self.value(room - 1) for _ in range(n)]
        if kind < 0.9:
            return {self.key(): self.value(room - 1) for _ in range(n)}
        if kind < 0.95:
            return Point(self.value(room - 1), self.value(room - 1))
        return Money(self.value(room - 1), self.text())

    def odd(self):
        """A deep or a wide one."""
        kind = self.r.randrange(4)
        if kind == 0:
            return [self.scalar() for _ in range(2000)]
        if kind == 1:
            return {'k%d' % i: self.scalar() for i in range(1000)}
        value = self.scalar()
        for _ in range(DEEP):
            if kind == 2 and self.r.random() < 0.2:
                value = {self.r.choice(KEYS): value}
            else:
                value = [value]
        return value

    def next(self):
        return self.odd() if self.r.random() < 0.0005 else self.value()


def batches(o):
    values = Values(o.codec, o.seed)
    for left in range(o.count, 0, -o.batch):
        yield [values.next() for _ in range(min(o.batch, left))]


def differ(a, b, at=''):
    """Say where *a* and *b* are not equal; None if they are."""
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        if len(a) != len(b):
            return '%s: %d items, not %d' % (at, len(b), len(a))
        for i, (x, y) in enumerate(zip(a, b)):
            d = differ(x, y, '%s[%d]' % (at, i))
            if d is not None:
                return d
        return None
    if type(a) is not type(b):
        return '%s: %.200r, not %.200r' % (at, b, a)
    if isinstance(a, dict):
        return differ(list(a.items()), list(b.items()), at + '.items')
    if isinstance(a, (Point, Money)):
        return differ(vars(a), vars(b), at)
    if isinstance(a, float):
        equal = struct.pack('<d', a) == struct.pack('<d', b) or (
            math.isnan(a) and math.isnan(b))
    elif isinstance(a, arrow.Arrow):
        equal = str(a) == str(b)
    else:
        equal = a == b
    return None if equal else '%s: %.200r, not %.200r' % (at, b, a)


def require_equal(n, sent, got):
    d = differ(sent, got)
    if d is not None:
        sys.exit('batch %d: %s' % (n, d))


async def call(o):
    client = await aiomas.rpc.open_connection(
        parse_addr(o.addr), codec=CODECS[o.codec],
        extra_serializers=serializers(TYPES))
    places = asyncio.Semaphore(IN_FLIGHT)
    done = 0

    async def one(n, values):
        nonlocal done
        require_equal(n, values, await client.remote.echo(values))
        done += len(values)
        places.release()

    tasks = []
    for n, values in enumerate(batches(o), 1):
        await places.acquire()
        tasks.append(asyncio.ensure_future(one(n, values)))
        if tasks[0].done():
            tasks.pop(0).result()
    for task in tasks:
        await task
    await client.close()
    print(done, 'equal')


def lines(o):
    for values in batches(o):
        print(to_json(['echo', [values]]))


def check(o):
    done = 0
    for n, values in enumerate(batches(o), 1):
        kind, i, got = from_json(sys.stdin.readline())
        if (kind, i) != (1, n):
            sys.exit('line %d: %.300r' % (n, [kind, i, got]))
        require_equal(n, values, got)
        done += len(values)
    if sys.stdin.read():
        sys.exit('more lines than values')
    print(done, 'equal')


def worker(o):
    for line in sys.stdin:
        kind, i, content = from_json(line)
        if kind == 0:
            print(to_json([1, i, content[1][0]]), flush=True)


def dates(o):
    """Texts that are dates, most of them, in all forms."""
    r = random.Random(o.seed)
    pick = r.choice
    for _ in range(o.count):
        year, month = pick((1, 9999, r.randrange(1, 10000))), r.randrange(14)
        late = max(year, 1000)  # arrow reads no day or week of earlier ones
        day = pick((r.randrange(1, 29), r.randrange(33)))
        date = pick((
            '%04d-%02d-%02d' % (year, month, day),
            '%04d%02d%02d' % (year, month, day),
            '%04d-%02d' % (year, month), '%04d' % year,
            '%04d-%03d' % (late, r.randrange(1, 366)),
            '%04d%03d' % (late, r.randrange(1, 366)),
            '%04d-W%02d-%d' % (late, r.randrange(1, 53), r.randrange(1, 8)),
            '%04dW%02d' % (late, r.randrange(1, 53))))
        h, m, s = r.randrange(25), r.randrange(61), r.randrange(61)
        if h == 24 and r.random() < .7:
            m = s = 0
        time = pick(('', 'T%02d' % h, ' %02d:%02d' % (h, m),
                     'T%02d%02d' % (h, m), 'T%02d:%02d:%02d' % (h, m, s),
                     'T%02d%02d%02d' % (h, m, s),
                     'T%02d:%02d:%02d%s%0*d' % (
                         h, m, s, pick('.,'), r.randrange(1, 10),
                         r.choice((0, 5, r.randrange(10 ** 9))))))
        if time:
            h, m = r.randrange(25), r.randrange(60)
            time += pick(('', 'Z', '+%02d' % h, '-%02d%02d' % (h, m),
                          '%s%02d:%02d' % (pick('+-'), h, m)))
        yield date + time


def print_dates(o):
    for text in dates(o):
        print(json.dumps(['date', [text]]))


def whole(o):
    """Outcomes of date are what arrow makes of the text, or failures."""
    taken = 0
    for text in dates(o):
        kind, _, got = json.loads(sys.stdin.readline())
        try:
            want = str(arrow.get(text))
        except Exception:
            want = None
        if kind == 1:
            got = got['__type__'][1]
            taken += 1
        elif want is not None:
            sys.exit('%r: %s, not %s' % (text, got, want))
        else:
            got = None
        if got != want:
            sys.exit('%r: %s, not %s' % (text, got, want))
    print('same,', 'most' if taken > o.count / 2 else 'few', 'taken')


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--codec', default='json')
    p.add_argument('--count', type=int, default=100000)
    p.add_argument('--batch', type=int, default=500)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('mode')
    p.add_argument('addr', nargs='?')
    o = p.parse_args()

    sys.setrecursionlimit(10000)
    sys.stdout.reconfigure(encoding='utf-8')
    sys.stdin.reconfigure(encoding='utf-8')
    if o.mode == 'call':
        asyncio.get_event_loop_policy().get_event_loop() \
            .run_until_complete(call(o))
    else:
        {'lines': lines, 'check': check, 'worker': worker,
         'dates': print_dates, 'whole': whole}[o.mode](o)


if __name__ == '__main__':
    main()
