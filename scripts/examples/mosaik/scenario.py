"""Two counters, two adders and their total, beside an observer that is written
with mosaik's own library and prints what comes at each step.

    scenario.py UNTIL COUNTER ADDER TOTAL

Each of the three is HOST:PORT, where a simulator listens, or a command that
connects to %(addr)s.
"""
import json
import sys

import mosaik
import mosaik_api_v3


class Observer(mosaik_api_v3.Simulator):
    def __init__(self):
        super().__init__({
            'api_version': '3.0', 'type': 'time-based',
            'models': {'Observer': {
                'public': True, 'any_inputs': True, 'params': [],
                'attrs': []}}})

    def create(self, num, model):
        return [{'eid': 'o', 'type': model}]

    def step(self, time, inputs, max_advance):
        seen = {f'{source}.{attr}': value
                for attr, values in inputs.get('o', {}).items()
                for source, value in values.items()}
        print(time, json.dumps(seen, sort_keys=True), flush=True)
        return time + 1

    def get_data(self, outputs):
        return {}


def how(text):
    return {'cmd': text} if '%(addr)s' in text else {'connect': text}


def main(until, counter, adder, total):
    world = mosaik.World({
        'Counter': how(counter), 'Adder': how(adder), 'Total': how(total),
        'Observer': {'python': '__main__:Observer'}})
    counters = world.start('Counter', step_size=2)
    adders = world.start('Adder')
    total = world.start('Total').Total()
    observer = world.start('Observer').Observer()
    ones = counters.Counter.create(2, start=3, inc=1)
    two = adders.Adder(gain=1)
    ten = adders.Adder(gain=10)
    for one in ones:
        world.connect(one, two, ('value', 'in'))
    world.connect(ones[0], ten, ('value', 'in'))
    world.connect(two, total, ('out', 'in'))
    world.connect(ten, total, ('out', 'in'))
    world.connect(ones[0], observer, 'value')
    world.connect(two, observer, 'out')
    world.connect(ten, observer, 'out')
    world.connect(total, observer, 'sum')
    world.run(until=until, print_progress=False)


if __name__ == '__main__':
    main(int(sys.argv[1]), *sys.argv[2:])
