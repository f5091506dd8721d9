#!/usr/bin/env python3
"""A worker for the tests: message lines on standard input and output.

    add A B, echo X, path, kwargs, pid, index     answer at once
    hold          answered by the next release, the last one first
    release       answers after what it releases
    fail TEXT     a failure, of any content
    say TEXT      writes TEXT as it is, then answers
    twice         answers twice
    proxy PATH    gives a proxy of it, inside other values
    ask PATH      gives what a request of its own for PATH was answered
    flood N       writes N bytes without a newline
    die SIGNAL, leave STATUS

Any other path is answered with itself.
"""
import itertools
import json
import os
import sys

held = []
asking = {}
numbers = itertools.count()


def write(text):
    data = text.encode()
    while data:
        data = data[os.write(1, data):]


def send(*messages):
    write(''.join(json.dumps(m) + '\n' for m in messages))


def call(id, path, args, kwargs):
    if path == 'add':
        send([1, id, args[0] + args[1]])
    elif path == 'echo':
        send([1, id, args[0]])
    elif path == 'kwargs':
        send([1, id, kwargs])
    elif path == 'pid':
        send([1, id, os.getpid()])
    elif path == 'index':
        send([1, id, os.environ['AMAS_INDEX']])
    elif path == 'hold':
        held.append(id)
    elif path == 'release':
        send(*[[1, n, i] for i, n in enumerate(reversed(held))],
             [1, id, len(held)])
        held.clear()
    elif path == 'fail':
        send([2, id, args[0]])
    elif path == 'say':
        write(args[0])
        send([1, id, None])
    elif path == 'twice':
        send([1, id, 1], [1, id, 2])
    elif path == 'proxy':
        send([1, id, [{'x': {'__type__': ['proxy', args[0]]}}]])
    elif path == 'ask':
        number = next(numbers)
        asking[number] = id
        send([0, number, [args[0], [], {}]])
    elif path == 'flood':
        write('x' * args[0])
    elif path == 'die':
        os.kill(os.getpid(), args[0])
    elif path == 'leave':
        os._exit(args[0])
    else:
        send([1, id, path])


for line in sys.stdin:
    kind, id, content = json.loads(line)
    if kind == 0:
        call(id, *content)
    else:
        send([1, asking.pop(id), [kind, content]])
