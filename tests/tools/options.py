#!/usr/bin/env python3
"""Compares the options in a page with those in --help on standard input.

    amas-serve --help | options.py man/amas-serve.1

Every option of --help stands in the SYNOPSIS and, with both names and its
argument, among the items of the section OPTIONS, and no other.  A default in
--help, "(64M)", is the one in the page, "(default: 64M)".
"""
import re
import sys

MACROS = {'Fl', 'Ar', 'Ns', 'Op', 'No', 'It', 'Oo', 'Oc', 'Li', 'Nm', 'Sm'}


def flags(line):
    """Gives (flag, argument) of a line of macros, as '-c' or '--codec'."""
    found = []
    macro = None
    for word in line.lstrip('.').split():
        if word in MACROS:
            macro = word
        elif macro == 'Fl' and word[0] == '-':
            found.append(['-' + word, None])
        elif macro == 'Fl' and word.isalpha():
            found.extend(['-' + letter, None] for letter in word)
        elif macro == 'Ar' and found and word not in ',|':
            found[-1][1] = word
    return [tuple(f) for f in found]


def section(page, name):
    text = page[page.index(f'\n.Sh {name}\n'):]
    end = text.find('\n.Sh ', 1)
    return (text if end < 0 else text[:end]).splitlines()


def items(page):
    """The items of OPTIONS: their flags and what is said about them."""
    found = []
    for line in section(page, 'OPTIONS'):
        if line.startswith('.It Fl'):
            found.append((flags(line), []))
        elif found:
            found[-1][1].append(line)
    return [(f, ' '.join(said)) for f, said in found]


def help_items(text):
    for m in re.finditer(
            r'^  (?:-(\w),|   ) --([a-z-]+)(?:\[?=([^] ]+)\]?)? +(.*)$', text,
            re.M):
        letter, name, arg, said = m.groups()
        found = [('-' + letter, arg)] if letter else []
        yield found + [('--' + name, arg)], said


def default(said, what):
    m = re.search(what, said)
    return m and m[1]


def main():
    with open(sys.argv[1]) as f:
        page = f.read()
    options = list(help_items(sys.stdin.read()))
    described = items(page)
    synopsis = {f for line in section(page, 'SYNOPSIS') for f in flags(line)}
    wrong = []
    if not options:
        wrong.append('--help names no option')
    for names, said in options:
        if not synopsis & set(names):
            wrong.append(f'{names} is not in SYNOPSIS')
        texts = [text for f, text in described if f == names]
        if not texts:
            wrong.append(f'{names} is not in OPTIONS')
            continue
        here = default(said, r'\(([0-9]\w*)\)')
        there = default(texts[0], r'default: ([0-9]\w*)')
        if here != there:
            wrong.append(f'{names}: default {here} in --help, {there} in page')
    known = [names for names, _ in options]
    wrong.extend(f'{f} is not in --help' for f, _ in described
                 if f not in known)
    flat = {f for names in known for f in names}
    wrong.extend(f'{f} of SYNOPSIS is not in --help' for f in synopsis - flat)
    for line in wrong:
        print(f'{sys.argv[1]}: {line}', file=sys.stderr)
    return bool(wrong)


sys.exit(main())
