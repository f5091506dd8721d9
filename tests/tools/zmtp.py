"""A router of libzmq's wire format (ZMTP 3.0) that answers what it is told to.

    zmtp.py --ready-fd FD PATH REPLIES...

The first connection to PATH gets the first REPLIES, and so on, one for each of
its messages: NUMBER:BYTES,..., so many bytes that begin with this number, as
those of tests/bench/zmq.c do.
"""
import os
import socket
import struct
import sys

GREETING = b'\xff' + bytes(8) + b'\x7f\x03\x00' + b'NULL'.ljust(52, b'\0')
READY = b'\x05READY\x0bSocket-Type\x00\x00\x00\x06ROUTER'
MESSAGE, COMMAND = 0, 4


def frame(kind, data):
    return bytes([kind, len(data)]) + data


def answer(conn, replies):
    conn.sendall(GREETING)
    stream = conn.makefile('rb')
    stream.read(len(GREETING))
    while len(head := stream.read(2)) == 2:
        stream.read(head[1])
        if head[0] == COMMAND:
            conn.sendall(frame(COMMAND, READY))
        elif replies:
            number, size = map(int, replies.pop(0).split(':'))
            conn.sendall(frame(MESSAGE,
                               struct.pack('Q', number).ljust(size, b'x')))


fd, path = int(sys.argv[2]), sys.argv[3]
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(path)
    listener.listen()
    os.write(fd, b'ipc://%s\n' % path.encode())
    os.close(fd)
    for texts in sys.argv[4:]:
        with listener.accept()[0] as peer:
            answer(peer, texts.split(','))
