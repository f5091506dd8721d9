"""
An aiomas channel server, without RPC: it answers "ohai" with "cya", "ask" with
what the client says to "who?", and anything else with itself.

    channel_server.py [--ready-fd N] [--ssl CA CERT KEY]
"""
import argparse
import asyncio
import os
import signal
import sys

from aiomas_compat import aiomas
from peer import add_ssl, announce, server_ssl


async def answer(channel, request):
    try:
        if request.content == 'ask':
            await request.reply(await channel.send('who?'))
        elif request.content == 'ohai':
            await request.reply('cya')
        else:
            await request.reply(request.content)
    except aiomas.RemoteException as e:
        await request.fail(e)


async def serve(channel):
    try:
        while True:
            request = await channel.recv()
            asyncio.ensure_future(answer(channel, request))
    except ConnectionError:
        await channel.close()


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--ready-fd', type=int, default=1)
    add_ssl(p)
    o = p.parse_args()

    loop = asyncio.get_event_loop_policy().get_event_loop()
    loop.add_signal_handler(signal.SIGTERM, loop.stop)
    server = loop.run_until_complete(aiomas.channel.start_server(
        ('127.0.0.1', 0), lambda c: asyncio.ensure_future(serve(c)),
        **server_ssl(o)))
    announce(server.sockets[0].getsockname(), o.ready_fd)
    loop.run_forever()
    server.close()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == '__main__':
    main()
