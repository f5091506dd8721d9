#!/usr/bin/env python3
"""Checks that libamas(3) tells where each name of Python's aiomas is found.

    aiomas_names.py         (by a Python that has aiomas)

Prints what is missing: names of aiomas without a line, functions in a line
that amas.h does not have.  A line for a class stands for all of it; what a
class has from its base is where that has it.
"""
import importlib
import inspect
import pathlib
import re
import sys

MODULES = ('channel rpc agent clocks codecs local_queue subproc util '
           'exceptions').split()
root = pathlib.Path(__file__).resolve().parent.parent.parent


def public(module):
    """The names of a module, as its reference has them."""
    listed = getattr(module, '__all__', None)
    if listed is None:
        listed = [n for n, o in vars(module).items()
                  if getattr(o, '__module__', None) == module.__name__]
    return [n for n in listed if not n.startswith('_')]


def names():
    """(name, names of which one line is enough)."""
    for m in MODULES:
        module = importlib.import_module('aiomas.' + m)
        for name in public(module):
            obj = getattr(module, name)
            own = f'{m}.{name}'
            if not inspect.isclass(obj):
                yield own, [own]
                continue
            attrs = [a for a in vars(obj) if not a.startswith('_')]
            if not attrs:
                yield own, [own]
            for a in attrs:
                yield f'{own}.{a}', [own, *(
                    f'{m}.{base.__name__}.{a}' for base in obj.__mro__)]


def main():
    page = (root / 'man/libamas.3').read_text()
    part = page.split('.Sh NAMES OF AIOMAS\n')[1].split('\n.Sh ')[0]
    rows = dict(re.findall(r'^\.It Li (\S+) Ta (.*)$', part, re.M))
    header = ''.join((root / 'lib' / h).read_text()
                     for h in ('amas.h', 'amas_value.h'))
    wrong = [f'{name}: no line in libamas(3)' for name, any_of in names()
             if not any(n in rows for n in any_of)]
    for name, text in rows.items():
        used = re.findall(r'Fn (\w+)', text) + \
            re.findall(r'Vt "(struct \w+)"', text)
        if not text.strip():
            wrong.append(f'{name}: nothing is told')
        wrong += [f'{name}: {u} is not in amas.h' for u in used
                  if not re.search(rf'\b{u}\b', header)]
    print(*wrong, sep='\n', end='\n' if wrong else '')
    return 1 if wrong else 0


sys.exit(main())
