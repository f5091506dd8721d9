#!/usr/bin/env python3
"""The examples of a page or of README.md, as tests.

    examples.py list FILE       how many there are
    examples.py show FILE N     the N-th, from 1, as a reader sees it
    examples.py run FILE N      runs it in a shell, in the working directory
    examples.py listing FILE NAME  the program that a page shows as NAME

An example is a literal block of the section EXAMPLES in a page, a block
marked ```console in README.md.  Lines that begin with "$ " are commands, those
with "> " go on with one; the rest is what they print, both streams.  "..."
stands for anything, lines too.  The status is 1 and the difference is shown if
they print something else.

A listing is a literal block, in any section, behind the comment '.\\" NAME'.
"""
import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time

LIMIT = float(os.environ.get('PATIENCE', '30'))
ESCAPES = {'e': '\\', '-': '-', '&': '', '(dq': '"', '(aq': "'"}


def unescape(line):
    """What mdoc prints for a line of a literal block."""
    return re.sub(r'\\(\(\w\w|.)', lambda m: ESCAPES[m[1]], line)


def page_blocks(text):
    section = text[text.index('\n.Sh EXAMPLES'):]
    end = section.find('\n.Sh ', 1)
    section = section[:end] if end >= 0 else section
    for block in re.findall(r'^\.Bd -literal.*?\n(.*?)^\.Ed$', section,
                            re.M | re.S):
        yield ''.join(unescape(line) + '\n' for line in block.splitlines())


def readme_blocks(text):
    return re.findall(r'^```console\n(.*?)^```$', text, re.M | re.S)


def listing(path, name):
    with open(path) as f:
        text = f.read()
    block = re.search(r'^\.\\" %s\n\.Bd -literal.*?\n(.*?)^\.Ed$' %
                      re.escape(name), text, re.M | re.S)[1]
    return ''.join(unescape(line) + '\n' for line in block.splitlines())


def blocks(path):
    with open(path) as f:
        text = f.read()
    return list(readme_blocks(text) if path.endswith('.md')
                else page_blocks(text))


def commands(block):
    """Gives the commands of a block, each as its lines."""
    found = []
    for line in block.splitlines():
        if line.startswith('$ '):
            found.append([line])
        elif line.startswith('>') and line[1:2] in (' ', '\t', ''):
            found[-1].append(line)
    return found


def script(block):
    """A shell script that prints the block, if all is as it says."""
    out = []
    for lines in commands(block):
        for line in lines:
            out.append("printf '%%s\\n' '%s'" % line.replace("'", "'\\''"))
        # "> " before a continued line, ">" and a tab in a here-document
        out.append('(exit $status)')
        out.extend(line[2:] if line[1:2] in ' ' else line[1:]
                   for line in lines)
        out.append('status=$?')
    return '\n'.join(out) + '\n'


def matches(expected, got):
    pattern = '.*'.join(re.escape(part) for part in expected.split('...'))
    return re.fullmatch(pattern, got, re.S) is not None


def session(sid):
    """The processes of a session and their parents: what an example has left
    behind.  Zombies do not count: init takes its time."""
    found = {}
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/stat') as f:
                state, parent, _, session = f.read().rpartition(')')[2].split()[:4]
        except OSError:
            continue
        if int(session) == sid and state != 'Z':
            found[int(pid)] = int(parent)
    return found


def signal_to(pid, sig):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, sig)


def end(sid):
    """Ends what is left of an example, as its reader would: the programs,
    which end their children themselves."""
    deadline = time.monotonic() + LIMIT
    told = set()
    while (left := session(sid)) and time.monotonic() < deadline:
        for pid, parent in left.items():
            if parent not in left and pid not in told:
                told.add(pid)
                signal_to(pid, signal.SIGTERM)
        select.select([], [], [], 0.01)
    for pid in session(sid):
        signal_to(pid, signal.SIGKILL)


def run(block):
    with open('transcript', 'w+') as out:
        shell = subprocess.Popen(
            ['bash', '-c', 'status=0\n' + script(block)],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True)
        try:
            status = shell.wait(LIMIT)
        except subprocess.TimeoutExpired:
            status = f'none after {LIMIT:g} s'
        end(shell.pid)
        out.seek(0)
        got = out.read()
    if matches(block, got):
        return 0
    print(f'expected:\n{block}\ngot (status {status}):\n{got}',
          file=sys.stderr)
    return 1


def main():
    what, path = sys.argv[1:3]
    if what == 'listing':
        print(listing(path, sys.argv[3]), end='')
        return 0
    found = blocks(path)
    if what == 'list':
        print(len(found))
        return 0
    block = found[int(sys.argv[3]) - 1]
    if what == 'show':
        print(block, end='')
        return 0
    return run(block)


sys.exit(main())
