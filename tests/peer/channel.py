"""
An aiomas channel client: requests with any content, below RPC.

    channel.py [--codec json|msgpack] [--ssl CA CERT KEY] ADDR CONTENT...

Sends the contents, JSON each, all at once over one connection and prints the
outcomes in the same order: {"reply": VALUE} or {"failure": TEXT}.
"""
import argparse
import asyncio
import json

from aiomas_compat import aiomas
from peer import (CODECS, add_ssl, client_ssl, from_json, parse_addr,
                  to_json)


async def ask(channel, content):
    try:
        return to_json({'reply': await channel.send(content)})
    except aiomas.RemoteException as e:
        return json.dumps({'failure': e.remote_traceback})


async def run(o):
    channel = await aiomas.channel.open_connection(
        parse_addr(o.addr), codec=CODECS[o.codec], **client_ssl(o))
    try:
        # send() writes at once and gives a future.
        for outcome in [asyncio.ensure_future(ask(channel, from_json(c)))
                        for c in o.contents]:
            print(await outcome, flush=True)
    finally:
        await channel.close()


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--codec', choices=CODECS, default='json')
    add_ssl(p)
    p.add_argument('addr')
    p.add_argument('contents', nargs='+')
    o = p.parse_args()
    loop = asyncio.get_event_loop_policy().get_event_loop()
    loop.run_until_complete(run(o))


if __name__ == '__main__':
    main()
