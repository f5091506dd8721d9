"""
An aiomas RPC client that offers a service of its own to the server it calls.

    callback.py ADDR FUNCTION [ARG...]

ARG @ is a proxy of that service, any other is text.  The service is that of the
aiomas guide, get_client_name(), with three more: again(n) calls FUNCTION of the
server with n - 1, so that calls nest; sub.hello(); slow(), which answers never.
Status as that of client.py.
"""
import asyncio
import sys

from aiomas_compat import aiomas
from peer import parse_addr


class Sub:
    router = aiomas.rpc.Service()

    @router.expose
    def hello(self):
        return 'hello'


class Client:
    router = aiomas.rpc.Service(['sub'])

    def __init__(self, function):
        self.sub = Sub()
        self.function = function
        self.remote = None

    @router.expose
    def get_client_name(self):
        return 'Monty'

    @router.expose
    async def again(self, n):
        return await getattr(self.remote, self.function)(int(n) - 1)

    @router.expose
    async def slow(self):
        await asyncio.get_running_loop().create_future()


async def main(addr, function, *args):
    client = Client(function)
    rpc = await aiomas.rpc.open_connection(parse_addr(addr),
                                           rpc_service=client)
    client.remote = rpc.remote
    func = rpc.remote
    for name in function.split('/'):
        func = getattr(func, name)
    args = [client if a == '@' else client.sub if a == '@/sub' else a
            for a in args]
    try:
        print(await func(*args))
    except aiomas.RemoteException as e:
        print(e.remote_traceback, file=sys.stderr)
        return 1
    finally:
        await rpc.close()
    return 0


if __name__ == '__main__':
    sys.exit(aiomas.run(main(*sys.argv[1:])))
