#!/usr/bin/env python3
"""Compares our JSON with CPython's: json_diff.py JSONCAT CASE [SEED [FACTOR]].

JSONCAT is the program of tests/tools/jsoncat.c.  Each case makes documents from
a seed, gives them to both, and wants the same verdict and, byte for byte, the
same document written again.  FACTOR multiplies how many (default 1).

Where the two differ, and are meant to:

* We refuse more than 1,000 levels; CPython's bound is its stack.
* CPython refuses integers of more than 4,300 digits unless told otherwise, as
  here; we take them.
"""
import json
import math
import os
import random
import re
import struct
import subprocess
import sys

DEPTH_MAX = 1000
TOO_DEEP = b'no nested over 1000 levels'

sys.setrecursionlimit(DEPTH_MAX * 5)
if hasattr(sys, 'set_int_max_str_digits'):
    sys.set_int_max_str_digits(0)

UNSAFE = re.compile('[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069'
                    '\ufeff\ud800-\udfff]')


class Differ:
    def __init__(self, program, seed, factor):
        self.program = program
        self.random = random.Random(seed)
        self.factor = factor
        self.compared = self.taken = self.differences = 0

    def ask(self, mode, documents):
        """Gives jsoncat's answer to each document."""
        lines = ''.join(d.hex() + '\n' for d in documents)
        done = subprocess.run([self.program, mode], input=lines.encode(),
                              stdout=subprocess.PIPE, check=True)
        answers = done.stdout.split(b'\n')[:-1]
        assert len(answers) == len(documents)
        return answers

    def compare(self, mode, documents, wanted):
        """Each wanted is the text to come, None for a refusal."""
        for document, want, got in zip(documents, wanted,
                                       self.ask(mode, documents)):
            self.compared += 1
            self.taken += want is not None
            if want is None:
                same = got.startswith(b'no ')
            else:
                same = got == b'ok ' + want.encode() or (
                    got.startswith(TOO_DEEP) and deep(document))
            if not same:
                self.differences += 1
                if self.differences <= 20:
                    print('document', document[:400], '\n  CPython',
                          want and want[:400], '\n  amas   ', got[:400])

    def documents(self, documents):
        """Compares what both make of documents."""
        self.compare('wire', documents, [python(d) for d in documents])

    def count(self, n):
        return range(max(1, int(n * self.factor)))


def python(document):
    """What CPython makes of a document; None: it refuses it."""
    try:
        return json.dumps(json.loads(document.decode('utf-8')))
    except (ValueError, RecursionError):
        return None


def deep(document):
    return document.count(b'[') + document.count(b'{') > DEPTH_MAX


# ---- Numbers ----

def any_real(r):
    kind = r.randrange(6)
    if kind <= 1:
        return struct.unpack('d', struct.pack('Q', r.getrandbits(64)))[0]
    if kind == 2:
        return r.random()
    if kind == 3:
        return round(r.uniform(-1e6, 1e6), r.randrange(8))
    if kind == 4:
        return r.choice((1, -1)) * math.ldexp(r.randrange(1, 32),
                                              r.randrange(-1080, 1019))
    return float(r.randrange(10 ** r.randrange(1, 25)))


def digits(r, least, most):
    return ''.join(r.choice('0123456789')
                   for _ in range(r.randrange(least, most)))


def between(r):
    """A decimal at, or next to, the middle of two neighbouring reals."""
    mantissa = r.randrange(1 << 52, 1 << 53) * 2 + 1
    exponent = r.randrange(-1075, 970) if r.random() < .5 else \
        r.randrange(-80, 20)
    if exponent >= 0:
        return str(mantissa << exponent) + '.0'
    return str(mantissa * 5 ** -exponent) + 'e%d' % exponent


def any_number(r):
    kind = r.randrange(5)
    if kind == 0:
        text = between(r)
        if r.random() < .5:  # a little more
            head, _, tail = text.partition('e')
            head += '0' * r.randrange(30) + '1' if '.' in head else \
                '.' + '0' * r.randrange(30) + '1'
            text = head + 'e' + (tail or '0')
    elif kind == 1:
        text = '0.' + '0' * r.randrange(40) + digits(r, 1, 40)
    elif kind == 2:
        text = str(r.randrange(10 ** r.randrange(1, 30)))
    else:
        text = str(r.randrange(10 ** r.randrange(1, 22)))
        if r.random() < .8:
            text += '.' + digits(r, 1, 25)
        if r.random() < .8:
            text += r.choice('eE') + r.choice(('', '+', '-')) + \
                str(r.randrange(400))
    return r.choice(('', '-')) + text


def case_reals(d):
    """Reals are written as repr() writes them: 120,000."""
    r = d.random
    for _ in d.count(30):
        lists = [[any_real(r) for _ in range(400)] for _ in range(10)]
        d.compare('wire', [json.dumps(v).encode() for v in lists],
                  [json.dumps(v) for v in lists])


def case_numbers(d):
    """Numbers are read as float() and int() read them."""
    r = d.random
    for _ in d.count(10):
        d.documents([any_number(r).encode() for _ in range(4000)])


def case_digits(d):
    """Integers over CPython's own bound pass unchanged."""
    texts = ['7' * n for n in (4299, 4300, 4301, 50000)]
    d.compare('wire', [t.encode() for t in texts], texts)
    if hasattr(sys, 'set_int_max_str_digits'):
        sys.set_int_max_str_digits(4300)
        assert [python(t.encode()) is None for t in texts] == \
            [False, False, True, True]


# ---- Values ----

def any_char(r):
    kind = r.randrange(12)
    if kind < 6:
        return chr(r.randrange(0x20, 0x7f))
    if kind == 6:
        return chr(r.randrange(0x20))
    if kind == 7:
        return chr(r.randrange(0x7f, 0x800))
    if kind == 8:
        return chr(r.randrange(0x800, 0xd800))
    if kind == 9:
        return chr(r.randrange(0xd800, 0xe000))
    if kind == 10:
        return r.choice('"\\/\x7f\u2028\u202e\ufeff\uffff')
    return chr(r.randrange(0x10000, 0x110000))


def any_text(r):
    return ''.join(any_char(r) for _ in range(r.randrange(20)))


def any_value(r, depth=0):
    kind = r.randrange(8 if depth > 5 else 11)
    if kind == 0:
        return r.choice((None, True, False))
    if kind == 1:
        return r.randrange(-1 << 64, 1 << 65)
    if kind == 2:
        return r.randrange(-100, 100)
    if kind == 3:
        return any_real(r)
    if kind <= 7:
        return any_text(r)
    n = r.randrange(6)
    if kind <= 9:
        return {any_text(r): any_value(r, depth + 1) for _ in range(n)}
    return [any_value(r, depth + 1) for _ in range(n)]


def utf8(text):
    """Text as UTF-8; what it cannot be in, as escapes."""
    return re.sub('[\ud800-\udfff]', lambda m: '\\u%04x' % ord(m[0]),
                  text).encode()


def case_values(d):
    """Any value, in any dress, is read and written as json.dumps() does."""
    r = d.random
    for _ in d.count(5):
        values = [any_value(r) for _ in range(1500)]
        # a high and a low surrogate side by side become one character
        values = [json.loads(json.dumps(v)) for v in values]
        wanted = [json.dumps(v) for v in values]
        dressed = [json.dumps(v, indent=r.choice((None, 0, 3, '\t')),
                              ensure_ascii=r.random() < .5,
                              separators=r.choice(((',', ':'), (' , ', ' : '),
                                                   ('\r\n,\t', ':\n'))))
                   for v in values]
        d.compare('wire', [utf8(t) for t in dressed], wanted)


def case_indent(d):
    """Layout is that of json.dumps(indent=N)."""
    r = d.random
    for n in (1, 4, 8):
        for value in [any_value(r) for _ in range(30)] + [[], {}, [[], {}]]:
            value = json.loads(json.dumps(value))
            # an answer of many lines, asked for alone
            done = subprocess.run(
                [d.program, str(n)], stdout=subprocess.PIPE, check=True,
                input=json.dumps(value).encode().hex().encode() + b'\n')
            d.compared += 1
            if done.stdout != b'ok %s\n' % json.dumps(value,
                                                      indent=n).encode():
                d.differences += 1
                print(value, done.stdout)


def case_lines(d):
    """Message lines are readable, and escape what a terminal would act on."""
    r = d.random
    for _ in d.count(3):
        values = [json.loads(json.dumps(any_value(r))) for _ in range(1500)]
        d.compare('lines', [json.dumps(v).encode() for v in values],
                  [UNSAFE.sub(lambda m: '\\u%04x' % ord(m[0]),
                              json.dumps(v, ensure_ascii=False))
                   for v in values])


# ---- Mutants ----

PIECES = [b'"', b'\\', b'[', b']', b'{', b'}', b',', b':', b' ', b'\n', b'\t',
          b'\0', b'\x0b', b'\x0c', b'\xa0', b'-', b'+', b'.', b'e', b'E', b'0',
          b'1', b'9', b'\\u', b'\\ud83d', b'\\ude00', b'\\u0000', b'\\"',
          b'null', b'true', b'false', b'NaN', b'Infinity', b'-Infinity',
          b'nan', b'\xef\xbb\xbf', b'\xc3\xa9', b'\xe2\x82\xac', b'\xc3',
          b'\xed\xa0\x80', b'\xed\x9f\xbf', b'\xf0\x9f\x98\x80', b'\xf4\x90',
          b'\xc0\x80', b'\xff', b'\x7f', b'\x1f', b'"a":', b'"a",', b'[]',
          b'{}', b'1e5', b'-0', b'1.5', b'\xd9\xa1', b'//', b'\'']


def mutate(r, document, other):
    b = bytearray(document)
    for _ in range(r.randrange(1, 4)):
        at = r.randrange(len(b) + 1)
        kind = r.randrange(7)
        if kind <= 1:
            b[at:at] = r.choice(PIECES)
        elif kind == 2:
            b[at:at + r.randrange(1, 4)] = b''
        elif kind == 3:
            b[at:at + 1] = r.choice(PIECES)
        elif kind == 4 and at < len(b):
            b[at] ^= 1 << r.randrange(8)
        elif kind == 5:
            b[at:] = other[r.randrange(len(other) + 1):]
        else:
            end = at + r.randrange(1, 8)
            b[at:at] = b[at:end]
    return bytes(b)


def corpus():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                          'fuzz/corpus/json')
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), 'rb') as f:
            yield f.read()


def case_mutants(d):
    """Mutilated documents get the same verdict, and the same value."""
    r = d.random
    seeds = [s for s in corpus() if len(s) < 1000]
    seeds += [utf8(json.dumps(any_value(r), ensure_ascii=r.random() < .5))
              for _ in range(300)]
    d.documents(list(corpus()))
    for _ in d.count(12):
        d.documents([mutate(r, r.choice(seeds), r.choice(seeds))
                     for _ in range(5000)])
    # else nothing was proved
    assert d.compared * .1 < d.taken < d.compared * .9, d.taken


def case_depth(d):
    """1,000 levels are read and written, 1,001 refused."""
    def nest(n, opening, end):
        return opening * n + '0' + end * n
    texts = [nest(n, *how) for n in (999, 1000)
             for how in (('[', ']'), ('{"a": ', '}'))]
    d.compare('wire', [t.encode() for t in texts], texts)
    d.compare('wire', [nest(n, '[', ']').encode()
                       for n in (1001, 1000000)], [None, None])


def main():
    if len(sys.argv) < 3 or 'case_' + sys.argv[2] not in globals():
        sys.exit('usage: json_diff.py JSONCAT CASE [SEED [FACTOR]]\ncases: ' +
                 ' '.join(sorted(n[5:] for n in globals()
                                 if n.startswith('case_'))))
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    factor = float(sys.argv[4]) if len(sys.argv) > 4 else 1
    d = Differ(sys.argv[1], seed, factor)
    globals()['case_' + sys.argv[2]](d)
    print('%s, seed %d: %d compared, %d differ' % (sys.argv[2], seed,
                                                   d.compared, d.differences))
    sys.exit(d.differences != 0)


main()
