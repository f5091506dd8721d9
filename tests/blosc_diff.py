#!/usr/bin/env python3
"""Our MsgPackBlosc against python-blosc: blosc_diff.py MSGPACKCAT [COUNT [SEED]].

Buffers that Python packs in any of its ways have to be read as what is in
them.  What we write has to be, byte for byte, what Python's package makes of the
same MsgPack by default.  Bytes that were changed at random have to be refused,
or read as Python reads them.  Prints TAP.
"""
import random
import subprocess
import struct
import sys

import blosc
import msgpack

BATCH = 500
SHUFFLES = (blosc.NOSHUFFLE, blosc.SHUFFLE, blosc.BITSHUFFLE)


def ask(path, payloads):
    """What the program under test makes of each: bytes, or a refusal."""
    done = subprocess.run(
        [path, 'msgpack-blosc'], stdout=subprocess.PIPE, check=True,
        input=b''.join(struct.pack('>I', len(p)) + p for p in payloads))
    answers, at = [], 0
    while at < len(done.stdout):
        kind, size = struct.unpack_from('>cI', done.stdout, at)
        answer = done.stdout[at + 5:at + 5 + size]
        answers.append(answer if kind == b'=' else None)
        at += 5 + size
    assert len(answers) == len(payloads)
    return answers


def value(r):
    """Something that packs well, badly, or is small."""
    n = int(2 ** r.uniform(0, r.choice((4, 8, 12, 17))))
    kind = r.randrange(5)
    if kind == 0:
        return r.randbytes(n)
    if kind == 1:
        return 'x' * n
    if kind == 2:
        return [r.randrange(2**r.randint(1, 60)) for _ in range(n // 5)]
    if kind == 3:
        return {str(i): i / 7 for i in range(n // 12)}
    return [[i % 7, 'name', None, i] for i in range(n // 9)]


def packed(r, data):
    return blosc.compress(
        data, typesize=r.choice((1, 2, 3, 4, 7, 8, 8, 16, 17, 255)),
        clevel=r.randint(0, 9), shuffle=r.choice(SHUFFLES),
        cname=r.choice(blosc.compressor_list()))


def changed(r, data):
    data = bytearray(data)
    for _ in range(r.choice((1, 1, 2, 8))):
        at = r.randrange(min(len(data), r.choice((16, 40, 10**9))))
        data[at] = r.choice((0, 1, 0x7f, 0xff, r.randrange(256),
                             data[at] ^ 1 << r.randrange(8)))
    if r.random() < .1:
        del data[r.randrange(len(data)):]
    return bytes(data)


def python_reads(payload):
    """What Python makes of it; None: nothing."""
    nbytes, blocksize, cbytes = struct.unpack_from('<III', payload, 4)
    if nbytes > 64 << 20:
        return None
    try:
        v = msgpack.unpackb(blosc.decompress(payload), raw=False,
                            strict_map_key=False)
    except Exception:
        return None
    return v


def same(ours, theirs, payload):
    # The libraries of other formats differ in version, and in what they take.
    if theirs is None and payload[2] >> 5 != 0:
        return True
    return msgpack.unpackb(blosc.decompress(ours), raw=False,
                           strict_map_key=False) == theirs or \
        repr(theirs).find('nan') >= 0


def main():
    path = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    r = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    blosc.set_nthreads(1)
    wrong = broken = refused = 0
    for start in range(0, count, BATCH):
        values = [value(r) for _ in range(BATCH)]
        plain = [msgpack.packb(v) for v in values]
        answers = ask(path, [packed(r, p) for p in plain])
        for v, p, answer in zip(values, plain, answers):
            if answer != blosc.compress(p, typesize=8):
                wrong += 1
                if wrong > 5:
                    continue
                print(f'# {len(p)} bytes, {str(v)[:60]}: '
                      f'{answer and answer[:40].hex()}')
        hurt = [changed(r, packed(r, p)) for p in plain if len(p) < 70000]
        for payload, answer in zip(hurt, ask(path, hurt)):
            if answer is None:
                refused += 1
            elif len(payload) < 16 or not same(
                    answer, python_reads(payload), payload):
                broken += 1
                print(f'# read, unlike Python: {payload[:60].hex()}')
    print(('not ' if wrong else '') +
          f'ok 1 - {count} values in all of its ways, written as Python does')
    print(('not ' if broken or not refused else '') +
          f'ok 2 - changed buffers: the same, or refused ({refused})')
    print('1..2')
    return wrong + broken > 0


if __name__ == '__main__':
    sys.exit(main())
