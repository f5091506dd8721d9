#!/usr/bin/env python3
"""Our MsgPack against Python's package: msgpack_diff.py MSGPACKCAT [COUNT
[SEED]].

Random values, as Python packs them, have to come back as the same bytes.
Bytes that were changed at random have to get the same verdict, and if both
read them, the same value.  Prints TAP.
"""
import math
import random
import struct
import subprocess
import sys

import msgpack

BATCH = 4000    # payloads for one run of the program

UNPACK = {'raw': False, 'strict_map_key': False, 'use_list': False}


def ask(path, payloads):
    """What the program under test makes of each: bytes, or a refusal."""
    done = subprocess.run([path], stdout=subprocess.PIPE, check=True, input=b''
                          .join(struct.pack('>I', len(p)) + p
                                for p in payloads))
    answers, at = [], 0
    while at < len(done.stdout):
        kind, size = struct.unpack_from('>cI', done.stdout, at)
        answer = done.stdout[at + 5:at + 5 + size]
        answers.append((answer, None) if kind == b'=' else
                       (None, answer.decode()))
        at += 5 + size
    assert len(answers) == len(payloads)
    return answers


EDGES = [0] + [s * (2**b + d) for s in (1, -1) for b in
               (5, 7, 8, 15, 16, 31, 32, 53, 62) for d in (-1, 0, 1)] + \
    [2**63 - 1, 2**63, 2**64 - 1, -2**63]
REALS = [0.0, -0.0, 1.5, 0.1, 1e-320, 5e-324, 1.7976931348623157e308,
         math.nan, math.inf, -math.inf, 2.0**53, 1 / 3]
CHARS = 'aZ09 \0\n"\\\x7f\x80\u00fc\u07ff\u0800\u20ac\ud7ff\ue000\uffff' \
    '\U00010000\U0001f600\U0010ffff'


def text(r):
    n = r.choice((0, 1, 2, 5, 5, 7, 8, 8, 15, 31, 32, 33, r.choice((255, 256))))
    if r.random() < .5:
        return ''.join(r.choice('abcdefgh') for _ in range(n))
    return ''.join(r.choice(CHARS) for _ in range(n))


def scalar(r):
    kind = r.randrange(8)
    if kind == 0:
        return r.choice((None, True, False))
    if kind <= 2:
        return r.choice(EDGES)
    if kind == 3:
        return r.randint(-2**r.randint(1, 63), 2**r.randint(1, 64) - 1)
    if kind == 4:
        return r.choice(REALS)
    if kind == 5:
        return struct.unpack('>d', struct.pack('>Q', r.getrandbits(64)))[0]
    if kind == 6:
        return r.randbytes(r.choice((0, 1, 8, 255, 256)))
    return text(r)


def key(r):
    """Keys that Python and we tell apart alike: 1, 1.0 and True are equal."""
    return r.choice((text, text, lambda r: r.randint(-70000, 70000) * 2 + 5,
                     lambda r: r.randbytes(3), lambda r: None))(r)


def value(r, depth=0):
    kind = r.randrange(10)
    if depth > 6 or kind < (2 if depth == 0 else 6):
        return scalar(r)
    n = r.choice((0, 1, 2, 3, 5, 15, 16, 17)) if depth < 2 else 2
    if kind < 8:
        return [value(r, depth + 1) for _ in range(n)]
    return {key(r): value(r, depth + 1) for _ in range(n)}


def same(a, b):
    """Equal in type and value, to the sign of zero; every NaN is one."""
    work = [(a, b)]
    while work:
        a, b = work.pop()
        if type(a) is not type(b):
            return False
        if isinstance(a, float):
            if a != b and not (math.isnan(a) and math.isnan(b)) or \
                    math.copysign(1, a) != math.copysign(1, b):
                return False
        elif isinstance(a, (tuple, list)):
            if len(a) != len(b):
                return False
            work += zip(a, b)
        elif isinstance(a, dict):
            if len(a) != len(b):
                return False
            work += zip(a.keys(), b.keys())
            work += zip(a.values(), b.values())
        elif a != b:
            return False
    return True


def odd(v):
    """Whether Python keeps v as something that we refuse or tell apart."""
    work = [v]
    while work:
        v = work.pop()
        if isinstance(v, (msgpack.ExtType, msgpack.Timestamp)):
            return 'ext'
        if isinstance(v, (tuple, list)):
            work += v
        elif isinstance(v, dict):
            for k, item in v.items():
                if isinstance(k, (tuple, msgpack.ExtType, msgpack.Timestamp)):
                    return 'key'
                if isinstance(k, (bool, float)):
                    return 'number'
                work.append(item)
    return None


def mutate(r, data):
    data = bytearray(data)
    for _ in range(r.choice((1, 1, 2, 4))):
        at = r.randrange(len(data)) if data else 0
        kind = r.randrange(5)
        if kind == 0 and data:
            data[at] = r.getrandbits(8)
        elif kind == 1 and data:
            data[at] = r.choice((0xc0, 0xc1, 0xc4, 0xca, 0xd4, 0xd9, 0xdc,
                                 0xde, 0x80, 0x90, 0xa1, 0x91, 0x81))
        elif kind == 2:
            data[at:at] = r.randbytes(r.randint(1, 3))
        elif kind == 3:
            del data[at:at + r.randint(1, 3)]
        elif data:
            data[at] ^= 1 << r.randrange(8)
    return bytes(data)


def python_reads(data):
    try:
        return msgpack.unpackb(data, **UNPACK), True
    except Exception:
        return None, False


def differs(data, ours, why):
    """Why the two part on some bytes, or None."""
    theirs, good = python_reads(data)
    if not good:
        # more text keys may be equal for Python than are for us, never fewer
        return None if ours is None else 'we read what Python refuses'
    oddity = odd(theirs)
    if oddity in ('ext', 'key'):
        return None if ours is None else f'we read {oddity}'
    if ours is None:
        # a key that Python dropped may have had an extension as its value
        if 'extension' in why or 'key of a map' in why:
            return None
        return f'Python reads what we refuse: {why}'
    if oddity is None and not same(theirs, python_reads(ours)[0]):
        return 'the values differ'
    return None


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
    r = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 20161)
    failed = []
    for name, make in (('values come back as the same bytes', None),
                       ('changed bytes get the same verdict', mutate)):
        bad = 0
        taken = 0
        for first in range(0, count, BATCH):
            payloads = [msgpack.packb(value(r), use_bin_type=True)
                        for _ in range(min(BATCH, count - first))]
            if make is not None:
                payloads = [make(r, data) for data in payloads]
            for data, (ours, why) in zip(payloads, ask(sys.argv[1], payloads)):
                taken += ours is not None
                if make is not None:
                    why = differs(data, ours, why)
                elif ours != data:
                    why = why or 'other bytes'
                if why is not None:
                    bad += 1
                    if bad <= 5:
                        print(f'# {why}: {data[:200].hex()}')
        print(f'{"not " if bad else ""}ok {1 + len(failed)} - {name} '
              f'({count}, {taken} of them read)')
        failed.append(bad)
    print('1..2')
    return 1 if any(failed) else 0


sys.exit(main())
