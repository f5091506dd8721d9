#!/usr/bin/env python3
"""Scenarios of mosaik's, with simulators of its own library beside ours.

    cosim.py mirror HOW     values that are hard to carry, there and back
    cosim.py ask HOW        a simulator that asks mosaik within its step
    cosim.py two HOW        counters of two simulators at one address
    cosim.py wake HOW       one that tells mosaik when it wants a step
    cosim.py wrong HOW      answers that mosaik cannot take: how each run ends

HOW is HOST:PORT, where the simulator listens, or a command that connects to
%(addr)s.  What is printed is what the tests compare.
"""
import json
import os
import sys

import mosaik
import mosaik.exceptions
import mosaik_api_v3
from loguru import logger

END = 8
VALUES = [
    'x' * 300000, 1 << 64, -(1 << 200), float('nan'), float('inf'),
    [None, True, {'\u00e4"\\\n\u0000': ['\U0001f600', 1e-07, -0.0]}],
    {}, list(range(50000))]


class Own(mosaik_api_v3.Simulator):
    """One model, O, with one entity, o; a step at each time."""
    attrs = []

    def __init__(self):
        super().__init__({
            'api_version': '3.0', 'type': 'time-based',
            'models': {'O': {'public': True, 'any_inputs': True, 'params': [],
                             'attrs': self.attrs}}})

    def create(self, num, model):
        return [{'eid': 'o', 'type': model}]

    def step(self, time, inputs, max_advance):
        self.time = time
        self.take(inputs.get('o', {}))
        return time + 1

    def take(self, inputs):
        pass

    def get_data(self, outputs):
        return {'o': {'out': self.give()}}


class Source(Own):
    attrs = ['out']

    def give(self):
        return VALUES[self.time]


class Sink(Own):
    def take(self, inputs):
        [value] = inputs['out'].values()
        [(source, value)] = value.items() # mirrored, with who sent it
        same = repr(value) == repr(VALUES[self.time])
        print(self.time, source, 'same' if same else repr(value)[:100],
              flush=True)


class Asked(Own):
    attrs = ['out', 'in']

    def take(self, inputs):
        print(self.time, json.dumps(inputs, sort_keys=True), flush=True)

    def give(self):
        return self.time * 10


def how(text, **more):
    kind = 'cmd' if '%(addr)s' in text else 'connect'
    return {'S': {kind: text, **more},
            'Source': {'python': '__main__:Source'},
            'Sink': {'python': '__main__:Sink'},
            'Asked': {'python': '__main__:Asked'}}


def mirror(text):
    world = mosaik.World(how(text), skip_greetings=True)
    source = world.start('Source').O()
    sink = world.start('Sink').O()
    mirrored = world.start('S').M()
    world.connect(source, mirrored, ('out', 'in'))
    world.connect(mirrored, sink, 'out')
    world.run(until=END, print_progress=False)


def ask(text):
    world = mosaik.World(how(text), skip_greetings=True)
    asked = world.start('Asked').O()
    sim = world.start('S')
    asker = sim.M()
    world.connect(asked, asker, async_requests=True)
    world.run(until=3, print_progress=False)


def two(text):
    world = mosaik.World(how(text), skip_greetings=True)
    seen = world.start('Asked').O()
    for size, start, inc in (2, 3, 1), (1, 100, 10):
        counter = world.start('S', step_size=size).Counter(
            start=start, inc=inc)
        world.connect(counter, seen, ('value', 'in'))
    world.run(until=4, print_progress=False)


def wake(text):
    world = mosaik.World(how(text), skip_greetings=True)
    world.start('S').M()
    world.run(until=50, rt_factor=0.02, print_progress=False)


WRONG = [
    ('init', 'echo 3'),
    ('init', 'echo {}'),
    ('init', 'echo \'{"models": {"M": {"attrs": true}}}\''),
    ('init', 'exit 3'),
    ('create', ':'),
    ('create', 'echo "[{}]"'),
    ('create', 'echo KeyError: no >&2; exit 1'),
    ('setup_done', 'exit 4'),
    ('step', ':'),
    ('step', 'echo 1; echo 2'),
    ('step', 'echo 3.0'),
    ('step', 'echo 0'),
    ('step', 'kill -9 $$'),
    ('step', 'printf %04301d 1 | tr 0 1'),
    ('get_data', ':'),
    ('get_data', 'exit 1'),
    ('get_data', "printf '\\377'"),
    ('get_data', 'yes [ | head -n 201; yes ] | head -n 201'),
    ('get_data', 'yes | head -n 3 >&2; exit 1'),
    ('extra', 'exit 5'),
    ('stop', 'exit 6'),
    ('none', ''),
]


def one_wrong(text, function, run):
    world = mosaik.World(how(text, env={function: run}),
                         skip_greetings=True)
    try:
        sim = world.start('S')
        model = sim.M()
        world.connect(model, world.start('Source').O(), ('x', 'in'))
        if function == 'extra':
            sim.extra()
        world.run(until=2, print_progress=False)
    finally:
        world.shutdown()


def wrong(text):
    """Each function goes wrong in turn; the others do what they should.  Tells
    whether the run ended or raised, and what was said last about it."""
    for function, run in WRONG:
        said = ['']
        handler = logger.add(lambda m: said.append(m.record['message']),
                             level='ERROR', format='{message}')
        end = 'ends'
        try:
            one_wrong(text, function, run)
        except Exception as e:
            end = 'raises ' + type(e).__name__
            said.append(str(e))
        logger.remove(handler)
        print(f'{function}: {run}: {end}',
              said[-1].replace('\n', ' / ')[:250], sep=': ', flush=True)


logger.remove()
globals()[sys.argv[1]](sys.argv[2])
