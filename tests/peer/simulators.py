#!/usr/bin/env python3
"""The simulators of tests/vectors/mosaik, as a worker; which one it is, its sid
tells: C-0 is a counter, A-0 an adder, R-0 a relay, Q-0 an asker, W-0 a waker.
"""
import json
import sys


def say(*message):
    print(json.dumps(message), flush=True)


class Simulator:
    """What all have: entities by id, with what create was given."""
    kind = 'time-based'
    params = []
    more = {}
    asked = 0

    def init(self, sid, time_resolution=None, step_size=1, delay=0, api='3.0'):
        self.sid, self.resolution = sid, time_resolution
        self.step_size, self.delay = step_size, delay
        self.entities = {}
        meta = {'api_version': api, 'type': self.kind, 'models': {self.model: {
            'public': True, 'params': self.params, 'attrs': self.attrs}}}
        if api[0] < '3':
            del meta['type']
        return {**meta, **self.more}

    def create(self, num, model, **params):
        made = []
        for _ in range(num):
            eid = f'{self.sid[0].lower()}{len(self.entities)}'
            made.append({'eid': eid, 'type': model})
            self.entities[eid] = self.new(**params)
        return made

    def setup_done(self):
        pass

    def get_data(self, outputs):
        return {eid: {attr: self.entities[eid][attr] for attr in attrs}
                for eid, attrs in outputs.items()}

    def stop(self):
        pass

    def ask(self, function, *args):
        """Gives (result, failed)."""
        id, self.asked = self.asked, self.asked + 1
        say(0, id, [function, args, {}])
        kind, _, content = json.loads(sys.stdin.readline())
        return content, kind == 2


class Counter(Simulator):
    model, params, attrs = 'Counter', ['start', 'inc'], ['value']
    more = {'extra_methods': ['echo', 'fail', 'nosuch']}

    def new(self, start, inc):
        return {'start': start, 'inc': inc, 'value': start}

    def step(self, time, inputs, max_advance=None):
        for e in self.entities.values():
            e['value'] = e['start'] + e['inc'] * (time // self.step_size)
        return time + self.step_size

    def echo(self, *args, **kwargs):
        return [args, kwargs]

    def fail(self, text):
        raise RuntimeError(f'ScriptError: {text}')


class Adder(Simulator):
    model, params = 'Adder', ['gain']
    attrs = ['in', 'out', 'horizon', 'resolution']

    def new(self, gain):
        return {'gain': gain, 'out': 0}

    def step(self, time, inputs, max_advance=None):
        for eid, e in self.entities.items():
            e['out'] += e['gain'] * sum(
                inputs.get(eid, {}).get('in', {}).values())
            e['horizon'], e['resolution'] = max_advance, self.resolution
        return time + self.step_size


class Relay(Simulator):
    model, attrs, kind = 'Relay', ['in', 'out'], 'event-based'

    def new(self):
        return {}

    def step(self, time, inputs, max_advance):
        self.due = time + self.delay
        self.out = {eid: {'out': sum(got['in'].values())}
                    for eid, got in inputs.items()}

    def get_data(self, outputs):
        return {**self.out, 'time': self.due}


class Asker(Simulator):
    model, params, attrs = 'Asker', ['peer', 'push'], ['in', 'seen']

    def new(self, peer, push):
        return {'peer': peer, 'push': push}

    def step(self, time, inputs, max_advance):
        [(eid, e)] = self.entities.items()
        me, peer = f'{self.sid}.{eid}', e['peer']
        progress, _ = self.ask('get_progress')
        related, _ = self.ask('get_related_entities', me)
        data, _ = self.ask('get_data', {peer: ['out']})
        if time == 0:
            self.ask('get_related_entities')
            self.ask('get_related_entities', [me, peer])
        self.ask('set_data', {me: {peer: {'in': e['push']}}})
        _, refused = self.ask('set_event', time + 1)
        e['seen'] = {'progress': progress, 'related': sorted(related),
                     'out': data[peer]['out'],
                     'event': 'refused' if refused else 'taken'}
        return time + self.step_size


class Waker(Simulator):
    model, attrs, kind = 'Waker', ['tick'], 'event-based'

    def new(self):
        return {}

    def setup_done(self):
        self.ask('set_event', 2)

    def step(self, time, inputs, max_advance):
        self.entities['w0']['tick'] = time
        if time == 2:
            self.ask('set_event', 5)

    def get_data(self, outputs):
        data = super().get_data(outputs)
        if data['w0']['tick'] == 2:
            self.later = lambda: self.ask('set_event', 8)
        return data


def serve(id, name, args, kwargs):
    global sim
    if name == 'init':
        sim = {'C': Counter, 'A': Adder, 'R': Relay, 'Q': Asker,
               'W': Waker}[args[0][0]]()
    try:
        if not hasattr(sim, name):
            raise RuntimeError(f'NameError: no such function: {name}')
        say(1, id, getattr(sim, name)(*args, **kwargs))
    except RuntimeError as e:
        say(2, id, str(e))
    if hasattr(sim, 'later'):
        later = sim.later
        del sim.later
        later()


for line in sys.stdin:
    kind, id, content = json.loads(line)
    if kind == 0:
        serve(id, *content)
