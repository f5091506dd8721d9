"""
A worker, the agent of the tests of networks.  It notes calls in files of a
folder, argv[1], and calls others through its host.
"""
import json
import os
import sys

waiting = {}   # number of a request of our own -> who takes its answer
last = 0
noted = 0
cut_at = None  # the call of note at which its connection is dropped


def say(*message):
    print(json.dumps(message))


def ask(then, path, *args):
    global last
    last += 1
    waiting[last] = then
    say(0, last, [path, args, {}])


def log(name, what):
    with open(os.path.join(sys.argv[1], name), 'a') as f:
        f.write('%s\n' % what)


def f(n, *args):
    say(1, n, args)


def die(n):
    sys.exit(3)


def pid(n):
    say(1, n, os.getpid())


def note(n, name, i):
    global noted
    log(name, i)
    noted += 1
    if noted == cut_at:
        ask(lambda kind, url: ask(lambda kind, rest: say(kind, n, rest),
                                  'amas/close', url), 'amas/peer', n)
    else:
        say(1, n, i)


def cut(n, at):
    global cut_at
    cut_at = at
    say(1, n, None)


def hang(n, name, i):
    log(name, i)


def host(n, path, *args):
    ask(lambda kind, rest: say(kind, n, rest), path, *args)


def via(n, url, function, *args):
    host(n, 'amas/call', url, function, args)


def spawn(n, manager, name):
    """Gives the URL of the new agent's proxy, and its own."""
    ask(lambda kind, rest: say(kind, n, [rest[0]['__type__'][1], rest[1]]),
        'amas/call', manager, 'spawn', [name])


def storm(n, url, name, count):
    """Calls note so often, 20 at a time; gives [I, KIND] for each."""
    ended = []
    numbers = iter(range(count))

    def more():
        for i in numbers:
            ask(lambda kind, rest: end(i, kind), 'amas/call', url,
                'note', [name, i])
            break

    def end(i, kind):
        ended.append([i, kind])
        if len(ended) == count:
            say(1, n, ended)
        more()

    log('ready', name)
    open(os.path.join(sys.argv[1], 'barrier')).close()
    for _ in range(20):
        more()


for line in sys.stdin:
    kind, n, rest = json.loads(line)
    if kind:
        waiting.pop(n)(kind, rest)  # a second answer ends the agent
    else:
        globals()[rest[0]](n, *rest[1])
