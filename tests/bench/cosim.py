#!/usr/bin/env python3
"""A chain of simulators for the bench of mosaik, and the same in Python.

    cosim.py run N STEPS COMMAND    starts N simulators by COMMAND, has them make
                                    STEPS steps, and prints the seconds of those
    cosim.py sim ADDR               one of them, with mosaik's own library

At each step a simulator gives what it got, and the time, and 1; so the last of
the chain gives N * (time + 1), and a step that is wrong or missing is seen.
COMMAND "python" is the same class inside of mosaik's process.
"""
import sys
import time

import mosaik_api_v3

META = {'api_version': '3.0', 'type': 'time-based', 'models': {
    'Link': {'public': True, 'params': [], 'attrs': ['in', 'out']}}}


class Link(mosaik_api_v3.Simulator):
    def __init__(self):
        super().__init__(META)

    def create(self, num, model):
        return [{'eid': 'e', 'type': model}]

    def step(self, time, inputs, max_advance):
        got = inputs.get('e', {}).get('in', {})
        self.out = sum(got.values()) + time + 1
        return time + 1

    def get_data(self, outputs):
        return {'e': {'out': self.out}}


class End(Link):
    """The end of the chain, which looks at what comes."""
    steps = 0

    def step(self, time, inputs, max_advance):
        [got] = inputs['e']['in'].values()
        assert got == End.n * (time + 1), (time, got)
        End.steps += 1
        return time + 1


def run(n, steps, command):
    from loguru import logger
    import mosaik
    logger.remove()
    logger.add(sys.stderr, level='ERROR')
    End.n = n
    how = {'python': '__main__:Link'} if command == 'python' else \
        {'cmd': command}
    world = mosaik.World({'Link': how, 'End': {'python': '__main__:End'}},
                         skip_greetings=True)
    last = None
    for _ in range(n):
        link = world.start('Link').Link()
        if last is not None:
            world.connect(last, link, ('out', 'in'))
        last = link
    world.connect(last, world.start('End').Link(), ('out', 'in'))
    begin = time.perf_counter()
    world.run(until=steps, print_progress=False)
    took = time.perf_counter() - begin
    if End.steps != steps:
        sys.exit(f'{End.steps} steps, not {steps}')
    print(f'{took:.6f}')


def sim(addr):
    sys.argv[1:] = [addr, '--log-level=critical']
    mosaik_api_v3.start_simulation(Link())


if sys.argv[1] == 'run':
    run(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
else:
    sim(sys.argv[2])
