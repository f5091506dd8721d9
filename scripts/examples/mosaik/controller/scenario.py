"""Two plants, written with mosaik's own library, and a guard for each, which is
an agent.  What the plants do is printed at each step.

    scenario.py UNTIL GUARDS

GUARDS is HOST:PORT, where the container listens, or a command that connects to
%(addr)s.
"""
import sys

import mosaik
import mosaik_api_v3


class Plants(mosaik_api_v3.Simulator):
    def __init__(self):
        super().__init__({
            'api_version': '3.0', 'type': 'time-based',
            'models': {'Plant': {'public': True, 'params': ['val'],
                                 'attrs': ['val', 'delta']}}})
        self.val = {}

    def create(self, num, model, val):
        eid = f'p{len(self.val)}'
        self.val[eid] = val
        return [{'eid': eid, 'type': model}]

    def step(self, time, inputs, max_advance):
        for eid, attrs in inputs.items():
            self.val[eid] += sum(attrs['delta'].values())
        print(time, *self.val.values(), flush=True)
        return time + 1

    def get_data(self, outputs):
        return {eid: {'val': self.val[eid]} for eid in outputs}


def main(until, guards):
    how = 'cmd' if '%(addr)s' in guards else 'connect'
    world = mosaik.World({'Guards': {how: guards},
                          'Plants': {'python': '__main__:Plants'}})
    plants = world.start('Plants')
    model = world.start('Guards').Guard
    for val in 0, -3:
        plant = plants.Plant(val=val)
        guard = model(name=f'of {val}')
        world.connect(plant, guard, 'val')
        world.connect(guard, plant, 'delta', time_shifted=True,
                      initial_data={'delta': 1})
    world.run(until=until, print_progress=False)


if __name__ == '__main__':
    main(int(sys.argv[1]), sys.argv[2])
