"""
A peer that speaks by simpy.io 0.2.3, from which the wire of aiomas comes.

    simpy_peer.py serve [--ready-fd N] ADDR
        Takes requests on the channel layer: content ["fail", [TEXT], {}] fails,
        every other content is the reply.  Ends with status 0 on SIGTERM.

    simpy_peer.py send ADDR
        Sends each line of standard input, a JSON value, as the content of a
        request, all at once, and prints the replies, [1, n, content] or
        [2, n, text], in the order of the lines.

ADDR is tcp://HOST:PORT.  JSON is the only codec, and 16 KiB the largest frame.
"""
import json
import os
import signal
import socket
import sys

import simpy.io.select as backend
from simpy.io.message import Message
from simpy.io.network import RemoteException
from simpy.io.packet import PacketUTF8


def parse(addr):
    host, port = addr.split('://')[1].rsplit(':', 1)
    return host, int(port)


def serve_one(message):
    try:
        while True:
            request = yield message.recv()
            content = request.content
            if isinstance(content, list) and content[:1] == ['fail']:
                request.fail(ValueError(content[1][0]))
            else:
                request.succeed(content)
    except socket.error:
        pass    # the peer is gone


def serve(env, addr, fd):
    server = PacketUTF8(backend.TCPSocket.server(env, parse(addr)))

    def accept():
        while True:
            packets = yield server.accept()
            env.process(serve_one(Message(env, packets)))

    env.process(accept())
    signal.signal(signal.SIGTERM, lambda *args: os._exit(0))
    os.write(fd, b'tcp://%s:%d\n' % (server.address[0].encode(),
                                     server.address[1]))
    os.close(fd)
    env.run()


def send(env, addr):
    sock = backend.TCPSocket.connection(env, parse(addr))
    message = Message(env, PacketUTF8(sock))
    answers = []

    def one(n, content):
        try:
            answers.append([1, n, (yield message.send(content))])
        except RemoteException as e:
            answers.append([2, n, e.remote_traceback])

    calls = [env.process(one(n, json.loads(line)))
             for n, line in enumerate(sys.stdin, 1)]
    env.run(env.all_of(calls))
    for answer in sorted(answers, key=lambda a: a[1]):
        print(json.dumps(answer))


def main():
    env = backend.Environment()
    args = sys.argv[1:]
    fd = 1
    if '--ready-fd' in args:
        i = args.index('--ready-fd')
        fd = int(args[i + 1])
        del args[i:i + 2]
    verb, addr = args
    if verb == 'serve':
        serve(env, addr, fd)
    else:
        send(env, addr)


if __name__ == '__main__':
    main()
