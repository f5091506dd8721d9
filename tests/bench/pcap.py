"""Writes a capture of calls on one connection.

    pcap.py CALLS [CODEC] >FILE

CODEC is json (default) or msgpack.  Each message is a segment of its own, as
it is on the wire when calls are made one after the other.
"""
import json
import struct
import sys

SERVER = bytes([127, 0, 0, 1]), 5555
CLIENT = bytes([127, 0, 0, 1]), 40000
ACK, PSH_ACK, SYN, SYN_ACK = 0x10, 0x18, 0x02, 0x12


def packer(codec):
    if codec == 'json':
        return lambda v: json.dumps(v).encode()
    import msgpack
    return lambda v: msgpack.packb(v, use_bin_type=True)


def main():
    calls = int(sys.argv[1])
    pack = packer(sys.argv[2] if len(sys.argv) > 2 else 'json')
    out = sys.stdout.buffer
    seq = {CLIENT: 1000, SERVER: 9000}
    time = [0]

    def segment(src, dst, flags, data=b''):
        tcp = struct.pack('>HHIIBBHHH', src[1], dst[1], seq[src],
                          seq[dst] if flags & ACK else 0, 5 << 4, flags,
                          65535, 0, 0) + data
        ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(tcp), 0, 0x4000,
                         64, 6, 0, src[0], dst[0]) + tcp
        time[0] += 20
        out.write(struct.pack('<IIII', 1700000000 + time[0] // 10**6,
                              time[0] % 10**6, len(ip), len(ip)) + ip)
        seq[src] += len(data) + (1 if flags & SYN else 0)

    # Version 2.4, 256 KiB of each packet, raw IP.
    out.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 262144, 101))
    segment(CLIENT, SERVER, SYN)
    segment(SERVER, CLIENT, SYN_ACK)
    segment(CLIENT, SERVER, ACK)
    for i in range(calls):
        for src, dst, m in (
                (CLIENT, SERVER, [0, i, ['agents/%d/step' % (i % 100),
                                         [i, 'some text'], {'x': 1.5}]]),
                (SERVER, CLIENT, [1, i, {'sum': i}])):
            data = pack(m)
            segment(src, dst, PSH_ACK, struct.pack('>I', len(data)) + data)


main()
