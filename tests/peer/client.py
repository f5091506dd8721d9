"""
An aiomas RPC client with the face of amas-call, as far as the tests need it.

    client.py [-r] [-v] [--codec json|msgpack] [--types NAMES] [-w SECONDS]
              [-t SECONDS] [--ssl CA CERT KEY] ADDR [FUNCTION [ARG...]]
    client.py -B [--unordered] [--codec ...] [-w ...] [-t ...] ADDR

Forms of ARG: [NAME]:=JSON, [NAME]==TEXT, :text@FILE, NAME=ARG, else JSON if it
is that, else text.  A failure goes to standard error as aiomas prints it.
With -B all lines [path, args, kwargs] of standard input are in flight at once;
answers are printed in input order, with --unordered as they come.

Status: 0 done, 1 the call failed, 3 not connected, 4 not serializable, 5 the
connection was lost, 124 out of time.
"""
import argparse
import asyncio
import logging
import re
import sys

from aiomas_compat import aiomas
from peer import (CODECS, add_ssl, client_ssl, from_json, parse_addr,
                  serializers, to_json)

ARG = re.compile(r'([A-Za-z_]\w*)?(:=|==|:text@|=)(.*)', re.DOTALL)


def bare(text):
    try:
        return from_json(text)
    except ValueError:
        return text


def parse_arg(text):
    """Return (name or None, value)."""
    m = ARG.fullmatch(text)
    if not m or (m[2] == '=' and not m[1]):
        return None, bare(text)
    name, kind, rest = m.groups()
    if kind == ':=':
        return name, from_json(rest)
    if kind == '==':
        return name, rest
    if kind == '=':
        return name, bare(rest)
    with open(rest, encoding='utf-8', newline='') as f:
        return name, f.read()


def function(client, path):
    func = client.remote
    for name in path.split('/'):
        func = getattr(func, name)
    return func


async def call(client, o):
    args, kwargs = [], {}
    for text in o.args:
        name, value = parse_arg(text)
        if name is None:
            args.append(value)
        else:
            kwargs[name] = value
    result = await function(client, o.function)(*args, **kwargs)
    if o.raw and isinstance(result, bytes):
        sys.stdout.buffer.write(result)
    elif o.raw and isinstance(result, str):
        print(result)
    elif not (o.raw and result is None):
        print(to_json(result))
    return 0


async def batch(client, o):
    async def one(n, line):
        path, args, kwargs = from_json(line)
        try:
            return [1, n, await function(client, path)(*args, **kwargs)]
        except aiomas.RemoteException as e:
            return [2, n, e.remote_traceback]

    tasks = [asyncio.ensure_future(one(n, line))
             for n, line in enumerate(sys.stdin, 1)]
    status = 0
    for task in asyncio.as_completed(tasks) if o.unordered else tasks:
        answer = await task
        status = max(status, answer[0] - 1)
        print(to_json(answer), flush=True)
    return status


async def run(o):
    try:
        client = await aiomas.rpc.open_connection(
            parse_addr(o.addr), codec=CODECS[o.codec], timeout=o.wait,
            extra_serializers=serializers(o.types), **client_ssl(o))
    except OSError as e:
        print('client.py: %s: %s' % (o.addr, e), file=sys.stderr)
        return 3
    try:
        if o.batch:
            return await batch(client, o)
        if o.function is not None:
            return await call(client, o)
        return 0
    except aiomas.RemoteException as e:
        print(e, file=sys.stderr)
        return 1
    except ConnectionError as e:
        print('client.py: %s: %r' % (o.addr, e), file=sys.stderr)
        return 5
    except (aiomas.exceptions.SerializationError, OverflowError,
            TypeError) as e:
        print('client.py: %s: %r' % (o.addr, e), file=sys.stderr)
        return 4
    finally:
        await client.close()


def main():
    p = argparse.ArgumentParser()
    p.add_argument('-B', dest='batch', action='store_true')
    p.add_argument('-P', type=int, help='ignored: there is no limit')
    p.add_argument('--unordered', action='store_true')
    p.add_argument('-r', dest='raw', action='store_true')
    p.add_argument('-v', dest='verbose', action='store_true')
    p.add_argument('-t', dest='timeout', type=float)
    p.add_argument('-w', dest='wait', type=float, default=0)
    p.add_argument('--codec', choices=CODECS, default='json')
    p.add_argument('--types', default='')
    add_ssl(p)
    p.add_argument('addr')
    p.add_argument('function', nargs='?')
    p.add_argument('args', nargs=argparse.REMAINDER)
    o = p.parse_args()

    if o.verbose:
        logging.basicConfig(format='client.py: %(message)s')
        logging.getLogger('aiomas').setLevel(logging.DEBUG)
    loop = asyncio.get_event_loop_policy().get_event_loop()
    try:
        status = loop.run_until_complete(asyncio.wait_for(run(o), o.timeout))
    except asyncio.TimeoutError:
        print('client.py: %s: timed out' % o.addr, file=sys.stderr)
        status = 124
    sys.exit(status)


if __name__ == '__main__':
    main()
